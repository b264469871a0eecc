"""What if: an account with other coefficients, prices or land cover, and how it differs.

What changes is applied to the class sums that the account was made of. A raster is read only where
a changed coefficient stands inside a formula per cell, or where the land cover comes from a
scenario map.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from gep.blocks import Totals
from gep.errors import DataError, Problems, UsageError, nearest
from gep.grid import Grid
from gep.plan import make_plan
from gep.project import ProjectData, ProjectReader
from gep.sums import ClassSums, Run, make_sums
from gep.tables import Entry, read_unit
from gep.units import convert, unit

Array = np.ndarray[Any, np.dtype[np.float64]]

#: What a changed number's source is, where none is named.
SOURCE = "what-if"
#: What a transition table assumes; it stands in the notes of the account.
ASSUMPTION = (
    "land that changes takes the rates of its new class in the same zone (the class's mean over "
    "the whole area where the zone has none); what is given for a zone as a whole stays"
)


#: Shares that add up to all of a class may miss it by this share.
ROUNDING = 1e-12


class _Account(Protocol):
    @property
    def table(self) -> pd.DataFrame: ...


A = TypeVar("A", bound=_Account)


@dataclass
class WhatIf(Generic[A]):
    """An account as it would be, and how it differs from the one that is.

    Attributes
    ----------
    before
        The account that was changed.
    account
        The account as it would be. Its provenance says under ``what_if`` what was changed.
    """

    before: A
    account: A

    @functools.cached_property
    def difference(self) -> pd.DataFrame:
        """Money by service and zone: ``before``, ``after`` and ``change`` (after less before)."""
        found = self._compare("currency", "value", ["service", "zone"])
        return found[["service", "zone", "before", "after", "change", "currency"]]

    @functools.cached_property
    def quantities(self) -> pd.DataFrame:
        """Physical amounts by service, indicator and zone: ``before``, ``after``, ``change``."""
        keys = ["service", "indicator", "zone"]
        return self._compare("unit", "quantity", keys)[[*keys, "before", "after", "change", "unit"]]

    def _compare(self, measure: str, column: str, keys: list[str]) -> pd.DataFrame:
        keys = [*keys, measure]
        parts = []
        for name, account in (("before", self.before), ("after", self.account)):
            table = account.table
            table = table[table[measure] != ""]
            summed = table.groupby(keys, sort=False, observed=True)[column].sum(min_count=1)
            parts.append(summed.rename(name))
        order = list(dict.fromkeys([*parts[0].index, *parts[1].index]))
        found = pd.concat(parts, axis=1).reindex(pd.MultiIndex.from_tuples(order, names=keys))
        return found.assign(change=found["after"] - found["before"]).reset_index()

    def __repr__(self) -> str:
        """Return the totals before and after."""
        found = self.difference
        lines = []
        for currency, rows in found.groupby("currency", sort=False):
            before, after = float(rows["before"].sum()), float(rows["after"].sum())
            lines.append(f"{before:,.2f} → {after:,.2f} {currency} ({after - before:+,.2f})")
        return "\n".join(lines)


def change(
    sums: ClassSums,
    *,
    coefficients: Mapping[str, Any] | None = None,
    prices: Mapping[str, Any] | None = None,
    land_cover_change: Any = None,
) -> tuple[ClassSums, dict[str, Any]]:
    """Return the class sums after a change, and what was changed, for the provenance.

    Parameters
    ----------
    sums
        What an account was computed from.
    coefficients, prices, land_cover_change
        As in :meth:`gep.account.Account.with_`.

    Raises
    ------
    UsageError
        If nothing is changed, or what cannot stand together is.
    DataError
        With all that is wrong with the numbers, the table or the map.
    """
    if not coefficients and not prices and land_cover_change is None:
        cure = "give coefficients, prices or land_cover_change"
        raise UsageError("nothing is changed", SOURCE, cure=cure)
    assert sums.run is not None  # noqa: S101  the caller has seen to it
    project = sums.plan.project
    told: dict[str, Any] = {}
    overrides = _overrides(project, coefficients or {}, prices or {})
    if overrides:
        told["coefficients"] = {key: _told(entry) for key, entry in overrides.items()}
        project = replace(project, overrides={**project.overrides, **overrides})
    area = sums.area if sums.run.measured is not None else None  # of an earlier table
    if _is_raster(land_cover_change):
        if area is not None:
            cure = "change the account without the table, or write both changes into the map"
            what = "a scenario map cannot follow a transition table"
            raise UsageError(what, f"{SOURCE}, land_cover_change", cure=cure)
        project, told["land_cover_change"] = _scenario(project, land_cover_change)
    elif land_cover_change is not None:
        rows = _rows(land_cover_change)
        area = _moved(project, sums.area, rows)
        told["land_cover_change"], told["assumption"] = rows, ASSUMPTION
        if project.land_cover is None:
            project, area = replace(project, extent=_extent(project, area)), None
    mark = "" if SOURCE in project.title else f" ({SOURCE} / 假设情景)"
    project = replace(
        project,
        title=project.title + mark,
        notes=(*project.notes, *_notes(told)),
        maps=project.maps if area is None else (),  # a table moves no cell
    )
    plan = make_plan(project)
    after = make_sums(plan, kept=sums.run.keep())
    _refuse_unused(after, overrides)
    return (after if area is None else _on(after, area)), told


def _on(sums: ClassSums, area: Array) -> ClassSums:
    """Return the sums on other areas by zone and class."""
    assert sums.run is not None and sums.run.totals is not None  # noqa: S101, PT018
    run = Run(sums.plan)
    run.work()
    run.measured = sums.run.totals
    run.totals = scaled(run.measured, area, tuple(sums.plan.project.standard.classes))
    return run.finish()


def scaled(totals: Totals, area: Array, classes: Sequence[str]) -> Totals:
    """Return class sums on other areas, at the same mean per area of each zone and class.

    Parameters
    ----------
    totals
        The sums of the pass.
    area
        The areas after the change in m², shape (zones, classes).
    classes
        The names of the classes.

    Raises
    ------
    DataError
        If a class gets land and has none anywhere, so that no rate of it is known.

    Examples
    --------
    >>> one_sum = np.array([[8.0, 3.0]])
    >>> totals = Totals(np.array([[2.0, 1.0]]), [one_sum], np.zeros(1), {}, {})
    >>> scaled(totals, np.array([[1.0, 2.0]]), ("forest", "town")).sums[0].tolist()
    [[4.0, 6.0]]
    """
    before, whole = totals.area, totals.area.sum(axis=0)
    unknown = [name for n, name in enumerate(classes) if area[:, n].any() and not whole[n]]
    if unknown and totals.sums:
        cure = "give the land cover after the change as a map: land_cover_change = the raster"
        where = f"{SOURCE}, land_cover_change"
        what = "no land of the class is on the map, so its rates are not known"
        raise DataError(what, where, ", ".join(unknown), cure)
    factor = np.divide(area, before, out=np.zeros_like(area), where=before > 0)
    share = np.divide(area, whole, out=np.zeros_like(area), where=(before == 0) & (whole > 0))
    sums = [part * factor + part.sum(axis=-2, keepdims=True) * share for part in totals.sums]
    return replace(totals, area=area, sums=sums)


# ------------------------------------------------------------------------------- coefficients


def _overrides(
    project: ProjectData, coefficients: Mapping[str, Any], prices: Mapping[str, Any]
) -> dict[str, Entry]:
    """Read changed numbers as the project's own [coefficients]."""
    reader = ProjectReader(Path(), SOURCE)
    reader.price_year = project.price_year
    for key in sorted(set(coefficients) & set(prices)):
        reader.problems.add("the number is changed twice", f"{SOURCE}, {key}", cure="give it once")
    tables = {key: _table(reader, key, raw) for key, raw in {**coefficients, **prices}.items()}
    found = reader.coefficients(tables, project.standard)
    for key in prices:
        if key in found and not found[key].unit.currency:
            where = f"{SOURCE}, prices.{key}"
            cure = "give it under coefficients"
            reader.problems.add("this is no price", where, f"[{found[key].unit}]", cure)
    reader.problems.raise_if_any(DataError)
    return found


def _table(reader: ProjectReader, key: str, raw: Any) -> Any:
    """Return a changed number as the table of a project file."""
    if isinstance(raw, tuple | list) and len(raw) == 2:  # noqa: PLR2004
        value, text = raw
        own = {"value": value, "unit": text, "source": SOURCE}
        where = f"{SOURCE}, coefficients.{key}"
        money = isinstance(text, str) and read_unit(text, where, reader.problems).currency
        return own | ({"price_year": reader.price_year} if money else {})
    if isinstance(raw, dict) and "from" not in raw:
        return {"source": SOURCE, **raw}
    return raw


def _refuse_unused(sums: ClassSums, overrides: Mapping[str, Entry]) -> None:
    """Raise a DataError if a changed number is used by no service: it would change nothing."""
    assert sums.run is not None  # noqa: S101  it was just computed
    services = sums.plan.project.standard.services
    used = [services[name].coefficients[symbol] for name, symbol in sums.coefficients]
    known = {f"{coefficient.table}.{coefficient.column}" for coefficient in used}
    problems = Problems()
    for key in sorted(set(overrides) - sums.run.numbers.used_overrides):
        tail = key.rpartition("/")[2]
        same = [name for name in known if f"{tail}.".startswith(f"{name.rpartition('/')[2]}.")]
        cure = nearest(key, same) if same else nearest("", known)
        problems.add("no computed service uses the coefficient", f"{SOURCE}, {key}", cure=cure)
    problems.raise_if_any(DataError)


def _told(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"value": entry.value, "unit": str(entry.unit), "source": entry.source}
    return found | ({"price_year": entry.price_year} if entry.price_year else {})


def _notes(told: Mapping[str, Any]) -> list[str]:
    """Return what was changed, in words."""
    notes = [
        f"{SOURCE}: {key} = {entry['value']:g} {entry['unit']}"
        for key, entry in told.get("coefficients", {}).items()
    ]
    moves = told.get("land_cover_change", [])
    if isinstance(moves, dict):
        return [*notes, f"{SOURCE}: land cover of {moves['file']}"]
    for row in moves:
        amount = f"{row['share']:.6g} of it" if "share" in row else f"{row['area']:g} {row['unit']}"
        zone = f" in zone {row['zone']}" if "zone" in row else ""
        notes.append(f"{SOURCE}: {row['from']} → {row['to']}, {amount}{zone}")
    return [*notes, *([f"{SOURCE}: {told['assumption']}"] if moves else [])]


# --------------------------------------------------------------------------------- land cover


def _is_raster(given: Any) -> bool:
    return isinstance(given, str | Path) or hasattr(given, "dims")


def _scenario(project: ProjectData, given: Any) -> tuple[ProjectData, dict[str, Any]]:
    """Return the project on another land-cover map."""
    cover = project.land_cover
    where = f"{SOURCE}, land_cover_change"
    if cover is None or project.grid is None:
        cure = "give a transition table, or a project with [land_cover]"
        what = "the account has no land-cover map that another can replace"
        raise UsageError(what, where, cure=cure)
    reader = ProjectReader(Path(), SOURCE)
    raster = reader.scenario(given, cover.raster)
    if not project.grid.same_as(raster.grid):
        found = f"{_shape(raster.grid)}; the account's map {_shape(project.grid)}"
        cure = "warp it onto the grid of the account's map (gdalwarp -te ... -tr ... -r near)"
        raise DataError("the scenario map has another grid", raster.name, found, cure)
    changed = replace(
        project,
        land_cover=replace(cover, raster=replace(raster, grid=project.grid)),
        files=dict(sorted({**project.files, **reader.files}.items())),
        content={**project.content, **reader.content},
        keep=[*project.keep, *reader.keep],
    )
    return changed, {"file": raster.name, "sha256": reader.files.get(raster.name, "")}


def _shape(grid: Grid) -> str:
    west, south, east, north = grid.bounds
    return (
        f"{grid.width} × {grid.height} cells, {grid.crs.name}, x {west:.8g} to {east:.8g}, "
        f"y {south:.8g} to {north:.8g}"
    )


def _rows(given: Any) -> list[dict[str, Any]]:
    """Return a transition table as rows with from, to, area and unit or share, and maybe zone."""
    where = f"{SOURCE}, land_cover_change"
    cure = "(from, to, (area, unit)) or (from, to, share), then the zone if it is one zone's; "
    cure += "or a DataFrame with from, to, area and unit or share, and maybe zone"
    if isinstance(given, pd.DataFrame):
        raws: list[Any] = given.to_dict("records")
    elif isinstance(given, Iterable) and not isinstance(given, Mapping):
        raws = list(given)
    else:
        raise DataError("this is no transition table", where, repr(given)[:60], cure)
    rows: list[dict[str, Any]] = []
    for number, raw in enumerate(raws, start=1):
        row: dict[str, Any] = {}
        if isinstance(raw, Mapping):
            row = {str(k): v for k, v in raw.items() if not _is_blank(v)}
        elif isinstance(raw, tuple | list) and len(raw) in (3, 4):
            amount = raw[2]
            named = isinstance(amount, tuple | list) and len(amount) == 2  # noqa: PLR2004
            row = {"from": raw[0], "to": raw[1]}
            row |= {"area": amount[0], "unit": amount[1]} if named else {"share": amount}
            row |= {"zone": raw[3]} if raw[3:] and not _is_blank(raw[3]) else {}
        kinds = ({"from", "to", "area", "unit"}, {"from", "to", "share"})
        if set(row) - {"zone"} not in kinds:
            at = f"{where}, row {number}"
            raise DataError("the row is not understood", at, repr(raw)[:80], cure)
        row |= {key: str(row[key]) for key in ("from", "to", "unit", "zone") if key in row}
        row |= {key: _number(row[key]) for key in ("area", "share") if key in row}
        rows.append(row)
    if not rows:
        raise DataError("the transition table is empty", where, cure=cure)
    return rows


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _is_blank(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _moved(project: ProjectData, before: Array, rows: Sequence[dict[str, Any]]) -> Array:
    """Return the areas by zone and class after all transitions; they happen at the same time."""
    problems = Problems()
    classes, zones = list(project.standard.classes), list(project.zone_ids)
    leaving, coming = np.zeros_like(before), np.zeros_like(before)
    for number, row in enumerate(rows, start=1):
        at = f"{SOURCE}, land_cover_change, row {number}"
        known = True
        for key in ("from", "to"):
            if row[key] not in classes:
                cure = nearest(row[key], classes)
                problems.add(f"unknown class {row[key]!r}", at, cure=cure)
                known = False
        if row["from"] == row["to"]:
            problems.add("from and to are the same class", at, row["from"])
        if row.get("zone", zones[0]) not in zones:
            cure = nearest(row["zone"], zones)
            problems.add(f"zone {row['zone']!r} is not among the zones", at, cure=cure)
            known = False
        if not known:
            continue
        source, target = classes.index(row["from"]), classes.index(row["to"])
        here = np.array(["zone" not in row or row["zone"] == z for z in zones])
        there = np.where(here, before[:, source], 0.0)
        if not there.any():
            problems.add(f"there is no {row['from']} to change", at, row.get("zone", ""))
            continue
        amount = _amount(row, there, at, problems)
        leaving[:, source] += amount
        coming[:, target] += amount
    for zone, ecosystem in np.argwhere(leaving > before * (1 + ROUNDING)):
        found = f"{leaving[zone, ecosystem] / 1e4:.6g} ha of {before[zone, ecosystem] / 1e4:.6g} ha"
        what = f"more {classes[ecosystem]} is changed than there is in zone {zones[zone]}"
        problems.add(what, f"{SOURCE}, land_cover_change", found, "change less of it")
    problems.raise_if_any(DataError)
    after = before - leaving + coming
    return np.where(after > ROUNDING * before, after, 0.0)


def _amount(row: Mapping[str, Any], there: Array, at: str, problems: Problems) -> Array:
    """Return how much of a class changes in every zone, in m²."""
    key = "share" if "share" in row else "area"
    value, before = row[key], len(problems.errors)
    if not 0 <= value < math.inf:
        problems.add(f"the {key} is no number of 0 or more", at, f"{value:g}")
    elif key == "share" and value > 1:
        cure = "10 % is 0.1; an area has a unit: (10, 'ha')"
        problems.add("a share lies between 0 and 1", at, f"{value:g}", cure)
    elif key == "share":
        return np.asarray(there * value)
    else:
        given = read_unit(row["unit"], at, problems)
        if given.agrees(unit("m²")):
            return np.asarray(there / there.sum() * float(convert(value, given, unit("m²"))))
        if len(problems.errors) == before:
            problems.add(f"[{given}] is no unit of area", at, given.dimension, "say ha, km² or m²")
    return np.zeros_like(there)


def _extent(project: ProjectData, area: Array) -> dict[tuple[str, str], float]:
    return {
        (zone, ecosystem): float(area[z, c])
        for z, zone in enumerate(project.zone_ids)
        for c, ecosystem in enumerate(project.standard.classes)
        if area[z, c] > 0 or (zone, ecosystem) in project.extent
    }
