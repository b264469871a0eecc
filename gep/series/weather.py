"""Weather normalisation: what of a change is management, and what is weather."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gep.account import Account, Project
from gep.errors import DataError, Problems, UsageError, nearest
from gep.series.comparable import compared, currencies_of
from gep.tables import is_file, read_csv, sha256


def weather_normalised(
    project: Project,
    means: Mapping[str, Any],
    *,
    climate: Iterable[str],
    keep: Iterable[str] = (),
) -> Account:
    """Compute a project's account with multi-year means in place of the weather of its year.

    Parameters
    ----------
    project
        The project of a year.
    means
        quantity -> its multi-year mean, as in the ``[inputs]`` of a project file, or
        ``(values, unit)`` with a number, DataFrame (by class), DataArray or path. Use the same
        means for every year that is compared.
    climate
        All quantities of the project that depend on the weather, derived ones that are given as
        data among them (runoff, evapotranspiration, erosivity). Only the caller can know them.
    keep
        Those of ``climate`` that keep the values of the year.

    Returns
    -------
    Account
        Its notes name what was replaced and kept, and what the services concerned use besides.

    Raises
    ------
    UsageError
        If a name is unknown, or a quantity of ``climate`` is neither replaced nor kept; all are
        named.
    DataError
        If the account cannot be computed from the means.

    Examples
    --------
    >>> normal = weather_normalised(                        # doctest: +SKIP
    ...     project,
    ...     {"precipitation": (1400, "mm/yr"), "evapotranspiration": (700, "mm/yr")},
    ...     climate=["precipitation", "evapotranspiration"],
    ... )
    """
    listed, kept = list(dict.fromkeys(climate)), list(dict.fromkeys(keep))
    problems = Problems()
    if not means:
        problems.add("nothing is replaced", "means", cure="give the mean of a quantity")
    given = project.data.sources
    for name in dict.fromkeys([*listed, *means, *kept]):
        if name not in given:
            what = f"the project gives no quantity {name!r}"
            problems.add(what, project.data.where, cure=nearest(name, given))
        elif name in means and name in kept:
            problems.add(f"{name} is both replaced and kept", "keep", cure="choose one")
        elif name not in listed:
            cure = "add it, or leave it out of means and keep"
            problems.add(f"{name} is not listed as depending on the weather", "climate", cure=cure)
        elif name not in means and name not in kept:
            cure = "give its mean in means, or name it in keep"
            problems.add(f"{name} depends on the weather: replace or keep it", "climate", cure=cure)
    problems.raise_if_any(UsageError)
    tables = dict(project.tables)
    inputs = {name: _as_input(value) for name, value in means.items()}
    tables["inputs"] = {**tables.get("inputs", {}), **inputs}
    if "statistics" in tables:
        tables["statistics"] = _without(tables["statistics"], set(means), project.base)
    account = Project.build(project.base or ".", **tables).run()
    quantities = account.provenance["quantities"]
    touched = {s for name in means for s in quantities.get(name, {}).get("services", ())}
    beside = [
        name
        for name, about in quantities.items()
        if name not in listed and touched & set(about["services"])
    ]
    note = (
        f"weather normalised / 气象标准化: multi-year means of / 多年平均 {', '.join(means)}; "
        f"kept as in the year / 保持当年值 {', '.join(kept) or 'none / 无'}; "
        f"not listed as weather / 未列为气象量 {', '.join(beside) or 'none / 无'}"
    )
    account.provenance["notes"] = [*account.provenance["notes"], note]
    account.provenance["weather"] = {
        "replaced": {name: _fingerprint(inputs[name], project.base) for name in sorted(means)},
        "kept": sorted(kept),
    }
    return account


def split_weather(
    actual0: Account, normal0: Account, actual1: Account, normal1: Account
) -> pd.DataFrame:
    """Divide the change of GEP between two years into management and weather, by service.

    With A the accounts of the years' own weather and N those of the same mean weather:
    ``management = N1 - N0``, ``weather = (A1 - N1) - (A0 - N0)``; their sum is ``A1 - A0``.

    Parameters
    ----------
    actual0, normal0, actual1, normal1
        The accounts of the earlier and the later year; the normal ones are made by
        :func:`weather_normalised` with the same means. All at prices of one year: else the
        change of prices would pass as management.

    Returns
    -------
    DataFrame
        A row per service: titles, the four values, ``change``, ``management``, ``weather``, and
        ``lacks``: the accounts without a value; the row is then undetermined (NaN).

    Raises
    ------
    DataError
        With everything that makes the four accounts incomparable.

    Notes
    -----
    A definition of this library, not a published rule: management is all that is not the weather
    of the quantities replaced.
    """
    four = {"actual0": actual0, "normal0": normal0, "actual1": actual1, "normal1": normal1}
    problems, _, _ = compared(four, bridged=False)
    about = {name: account.provenance for name, account in four.items()}
    for at in ("0", "1"):
        pair = [about[f"{kind}{at}"]["year"] for kind in ("actual", "normal")]
        if pair[0] != pair[1]:
            shown = f"{pair[0]} and {pair[1]}"
            problems.add(f"actual{at} and normal{at} are of different years", found=shown)
        if "weather" in about[f"actual{at}"]:
            problems.add("the account is weather normalised", f"actual{at}", cure="give the actual")
        if "weather" not in about[f"normal{at}"]:
            cure = "make it by weather_normalised"
            problems.add("the account is not weather normalised", f"normal{at}", cure=cure)
    weather = [about[f"normal{at}"].get("weather") for at in "01"]
    if all(weather) and weather[0] != weather[1]:
        told = [f"{', '.join(w['replaced'])}; kept {', '.join(w['kept'])}" for w in weather if w]
        found = " and ".join(told) if told[0] != told[1] else "other means of the same quantities"
        cure = "use the same means for both years"
        problems.add("normal0 and normal1 are not of the same weather", "", found, cure)
    prices = {
        name: (p["price_year"], *sorted(currencies_of(four[name]))) for name, p in about.items()
    }
    if len(set(prices.values())) > 1:
        found = ", ".join(f"{name}: {' '.join(map(str, p))}" for name, p in prices.items())
        cure = "compute all four at prices of one year"
        problems.add("the accounts are at different prices", "", found, cure)
    problems.raise_if_any(DataError)
    totals = {n: a.total("service").set_index("service")["value"] for n, a in four.items()}
    table = pd.DataFrame(totals)
    table = table.reindex(list(dict.fromkeys(s for t in totals.values() for s in t.index)))
    titles = {s: e["title"] for p in about.values() for s, e in p["services"].items()}
    for lang in ("zh", "en"):
        table.insert(0, f"title_{lang}", [titles[s][lang] for s in table.index])
    table["change"] = table["actual1"] - table["actual0"]
    table["management"] = table["normal1"] - table["normal0"]
    table["weather"] = table["change"] - table["management"]
    missing = table[list(four)].isna()
    lacks = [", ".join(n for n in four if missing.loc[s, n]) for s in table.index]
    table.loc[missing.any(axis=1), ["change", "management", "weather"]] = np.nan
    return table.assign(lacks=lacks).reset_index(names="service")


def _as_input(value: Any) -> dict[str, Any]:
    """Return an input as a project file has it."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, tuple) or len(value) != 2:  # noqa: PLR2004
        cure = '(values, unit), or a table such as {"value": 1400, "unit": "mm/yr"}'
        raise UsageError("a mean is given with its unit", "means", repr(value)[:60], cure)
    values, its_unit = value
    if isinstance(values, int | float | np.number):
        return {"value": float(values), "unit": its_unit}
    return {"table" if isinstance(values, pd.DataFrame) else "file": values, "unit": its_unit}


def _without(statistics: Mapping[str, Any], names: set[str], base: Path) -> dict[str, Any]:
    """Return the statistics of a project without the rows of some quantities."""
    files = statistics["file"] if isinstance(statistics["file"], list) else [statistics["file"]]
    found = []
    for file in files:
        frame = file
        if isinstance(file, str | Path):
            header, rows = read_csv(base / file)
            frame = pd.DataFrame(rows, columns=header)
        own = frame["quantity"].isin(names)
        found.append(frame[~own] if own.any() else file)
    return {**statistics, "file": found}


def _fingerprint(given: Mapping[str, Any], base: Path) -> str:
    """Return a hash of an input: the same for the same numbers."""
    digest = hashlib.sha256()
    for key, value in sorted(given.items()):
        if isinstance(value, str | Path) and is_file(base / value):
            text = sha256(base / value)
        elif isinstance(value, pd.DataFrame):
            text = value.to_csv(index=False)
        elif hasattr(value, "to_numpy"):
            text = hashlib.sha256(np.ascontiguousarray(value.to_numpy()).tobytes()).hexdigest()
        else:
            text = repr(value)
        digest.update(f"{key}={text}\n".encode())
    return digest.hexdigest()
