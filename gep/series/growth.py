"""The series: growth, ratios and drivers of accounts over time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gep.account import Account
from gep.errors import DataError, Problems, UsageError
from gep.series.comparable import compared, currencies_of
from gep.series.drivers import EFFECTS, divided, known_method, refuse_gaps
from gep.series.given import (
    read_accounts,
    read_deflators,
    read_gdp,
    read_gdp_real,
    read_population,
)
from gep.series.indices import groups_of, measured, prices_of, sums
from gep.series.rows import KEYS, account_rows, aligned
from gep.series.text import WHY, SeriesText
from gep.tables import Title

#: Coverage that differs by no more than this is the same.
_SAME_SHARE = 1e-6
_KM2 = 1e6


@dataclass(frozen=True)
class Series:
    """Accounts of one place in several years. Made by :func:`over_time`.

    Attributes
    ----------
    accounts
        year -> :class:`~gep.account.Account`, in the order of the years.
    currency
        Currency of all values.
    bridge
        Why accounts that differ in their rules are compared, or None.
    differences
        In what the accounts differ, where a bridge allows it.
    notes
        What a reader must know, in both languages.
    """

    accounts: Mapping[int, Account]
    currency: str
    bridge: str | None
    differences: tuple[str, ...]
    notes: tuple[Title, ...]
    _rows: Mapping[int, pd.DataFrame] = field(repr=False)
    _gdp: Mapping[int, tuple[float, int]] = field(repr=False)
    _gdp_real: Mapping[int, float] = field(repr=False)
    _population: Mapping[int, float] = field(repr=False)
    _deflators: Mapping[str, Mapping[int, float]] = field(repr=False)

    @property
    def years(self) -> tuple[int, ...]:
        """The years, in order."""
        return tuple(self.accounts)

    # ------------------------------------------------------------------ growth

    def growth(self, base: int | None = None, *, by: str | Sequence[str] = ()) -> pd.DataFrame:
        """Return growth against a base year: nominal, real, and the implicit price index.

        Parameters
        ----------
        base
            The year whose prices are kept; the first year by default.
        by
            One or several of service, kind, indicator, zone, ecosystem. Empty: the whole area.

        Returns
        -------
        DataFrame
            A row per year (and group): ``nominal`` GEP at the year's own prices with its growth in
            all and per year, and its ``share`` of the year's GEP. ``compared_base`` and
            ``compared`` are the values of the lines that can be compared, ``constant`` is
            Σ q_t p_0 of these; ``real_growth = constant/compared_base - 1``,
            ``price_index = compared/constant``. ``left_out_base`` and ``left_out`` are the values
            outside the comparison, and ``partial`` says that there is something outside: see
            :meth:`gaps`.

        Notes
        -----
        A price is that of a row (line, zone, ecosystem). Where a row is empty in the base year, it
        is the line's mean price in the zone, or in the whole area.
        Source: Laspeyres and Paasche indices as in any text on index numbers. Verified: recalled.

        Raises
        ------
        UsageError
            If the base is no year of the series, or a group is unknown.
        """
        base = self._year(self.years[0] if base is None else base)
        keys = groups_of(by)
        frames = []
        for year in self.years:
            frame = measured(self._pair(base, year), keys)
            frame.insert(0, "price_year", self._price_year(year))
            frame.insert(0, "base", base)
            frame.insert(0, "year", year)
            for kind in ("nominal", "real"):
                grown = 1.0 + frame[f"{kind}_growth"]
                after = [str(c) for c in frame.columns].index(f"{kind}_growth") + 1
                span = year - base
                rate = grown.where(grown > 0) ** (1.0 / span) - 1.0 if span else math.nan
                frame.insert(after, f"{kind}_per_year", rate)
            frame["share"] = frame["nominal"] / frame["nominal"].sum(min_count=1)
            frame["currency"] = self.currency
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def chained(self, *, by: str | Sequence[str] = ()) -> pd.DataFrame:
        """Return growth from year to year, chained: for series in which lines enter or leave.

        Every link compares the lines that both of its years have, at the prices of the earlier
        one. ``quantity_index`` and ``price_index`` are the products of the links (1 in the first
        year).

        Parameters
        ----------
        by
            As in :meth:`growth`.

        Returns
        -------
        DataFrame
            A row per year (and group): ``nominal``, ``quantity_link``, ``price_link``,
            ``quantity_index``, ``price_index``, the values that enter and leave with this year,
            and ``partial``. :meth:`gaps` names the lines.
        """
        keys = groups_of(by)
        first = self._pair(self.years[0], self.years[0])
        frames = []
        for before, year in itertools.pairwise((self.years[0], *self.years)):
            pair = first if before == year else self._pair(before, year)
            found = measured(pair, keys)
            for name in ("enters", "leaves"):
                side = pair["value1" if name == "enters" else "value0"].where(pair["why"] == name)
                found[name] = sums(pair.assign(side=side.fillna(0.0)), ["side"], keys)["side"]
            start = before == year
            found["quantity_link"] = 1.0 if start else 1.0 + found["real_growth"]
            found["price_link"] = 1.0 if start else found["price_index"]
            found.insert(0, "year", year)
            frames.append(found)
        table = pd.concat(frames, ignore_index=True)
        for name in ("quantity", "price"):
            links = table[f"{name}_link"]
            table[f"{name}_index"] = (
                links.groupby([table[k] for k in keys]).cumprod() if keys else (links.cumprod())
            )
        table["currency"] = self.currency
        columns = ["quantity_link", "price_link", "quantity_index", "price_index"]
        return table[
            ["year", *keys, "nominal", *columns, "enters", "leaves", "partial", "currency"]
        ]

    def gaps(self, first: int, last: int) -> pd.DataFrame:
        """Return what cannot be compared between two years, or is known for another area.

        Returns
        -------
        DataFrame
            A row per line and reason: titles, ``why`` (a key of ``WHY``) in both languages, how
            many rows (zones and ecosystems) it concerns, their values in both years, the lowest
            coverage in both, and whether they are ``compared`` all the same.
        """
        pair = self._pair(self._year(first), self._year(last))
        uneven = (pair["covered0"] - pair["covered1"]).abs() > _SAME_SHARE
        pair = pd.concat([pair[pair["why"] != ""], pair[uneven & (pair["why"] == "")]])
        pair["why"] = pair["why"].where(pair["why"] != "", "covers")
        groups = pair.groupby(["service", "indicator", "why"], sort=False)
        found = groups[["value0", "value1"]].sum(min_count=1)
        found.insert(0, "rows", groups.size())
        found = found.join(groups[["covered0", "covered1"]].min()).reset_index()
        for lang in ("zh", "en"):
            titles = [self._title(s, i)[lang] for s, i in zip(found.service, found.indicator)]  # noqa: B905
            found.insert(2, f"title_{lang}", titles)
            found[f"why_{lang}"] = [WHY[key][lang] for key in found["why"]]
        found["compared"] = found["why"] == "covers"
        return found

    # ------------------------------------------------------------------ ratios

    def ratios(self) -> pd.DataFrame:
        """Return GEP beside GDP, people and area, and whether both GEP and GDP grew.

        Returns
        -------
        DataFrame
            A row per year: ``gep``, ``area`` [km²] and ``per_km2``; ``gdp`` and ``gep_per_gdp``;
            ``population`` and ``per_head``; real growth since the year before of GEP (its link in
            :meth:`chained`) and of GDP; ``double_growth`` is ``yes``, ``no`` or ``undetermined``.
            ``lacks_en`` and ``lacks_zh`` name what is missing for what is empty.
        """
        links = self.chained().set_index("year")
        rows = []
        for at, year in enumerate(self.years):
            before = self.years[at - 1] if at else None
            prices = self._price_year(year)
            data = self.accounts[year].dataset
            area = float(data["area"].sum() + data["no_land_cover"].sum()) / _KM2
            gep = float(links["nominal"][year])
            gdp, gdp_year = self._gdp.get(year, (math.nan, prices))
            people = self._population.get(year, math.nan)
            real = gdp_growth = math.nan
            lacks = []
            if math.isnan(gdp):
                lacks.append(Title("GDP", "GDP"))
            elif gdp_year != prices:
                en, zh = f"GDP at prices of {prices}, not {gdp_year}", f"{prices} 年价格的 GDP"
                lacks.append(Title(en, f"{zh}（所给为 {gdp_year} 年价格）"))
            if math.isnan(people):
                lacks.append(Title("population", "人口"))
            if before is None:
                lacks.append(Title("an earlier year, for growth", "用于计算增长的前一年"))
            else:
                real = float(links["quantity_link"][year]) - 1.0
                gdp_growth = self._gdp_growth(before, year)
                if math.isnan(gdp_growth):
                    en, zh = f"real GDP of {before} and {year}", f"{before} 年和 {year} 年实际 GDP"
                    lacks.append(Title(en, zh))
                if bool(links["partial"][year]):
                    en, zh = "lines outside the real growth of GEP", "未计入 GEP 实际增长的条目"
                    lacks.append(Title(en, zh))
            known = not (math.isnan(real) or math.isnan(gdp_growth))
            both_grew = "yes" if real > 0 and gdp_growth > 0 else "no"
            rows.append(
                {
                    "year": year,
                    "price_year": prices,
                    "gep": gep,
                    "currency": self.currency,
                    "area": area,
                    "per_km2": gep / area if area > 0 else math.nan,
                    "gdp": gdp,
                    "gep_per_gdp": gep / gdp if gdp_year == prices else math.nan,
                    "population": people,
                    "per_head": gep / people,
                    "gep_real_growth": real,
                    "gdp_real_growth": gdp_growth,
                    "double_growth": both_grew if known else "undetermined",
                    "lacks_en": "; ".join(title.en for title in lacks),
                    "lacks_zh": "；".join(title.zh for title in lacks),
                }
            )
        return pd.DataFrame(rows)

    # ----------------------------------------------------------------- drivers

    def decompose(
        self,
        first: int,
        last: int,
        *,
        method: str = "auto",
        by: str | Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Divide the change of GEP between two years among area, yield and price, exactly.

        A row that knows its ecosystem has the factors area A [ha], yield Y = Q/A and price
        P = V/Q. A row of the whole zone has no area: its factors are quantity and price, and
        ``factors`` says so.

        Parameters
        ----------
        first, last
            The two years.
        method
            ``lmdi``: the additive log-mean Divisia index (LMDI-I), for factors above zero.
            ``shapley``: the mean over all orders in which the factors can change.
            ``auto``: LMDI, and Shapley in rows where a factor is zero or negative.
        by
            None: a row per line, member, zone and ecosystem, with the factors. Else as in
            :meth:`growth`: sums of the effects.

        Returns
        -------
        DataFrame
            ``change`` = ``area`` + ``yield`` + ``quantity`` + ``price`` + ``left_out``. The last is
            what has no factors: lines that enter or leave, values without a quantity (``why`` says
            it). ``method`` is the one that a row took.

        Notes
        -----
        Where an ecosystem has no area in one of the years, its yield there is taken as in the
        other year, so that the change is one of area.
        Source: B. W. Ang, LMDI decomposition approach: a guide for implementation, Energy Policy
        86 (2015), 233-238; L. S. Shapley (1953). On ecosystem service values: PubMed 32882561.
        Verified: recalled.

        Raises
        ------
        DataError
            If a value is not the product of its factors, naming the row and the gap; or if
            ``lmdi`` is asked for and a factor is not above zero.
        UsageError
            If a year, the method or a group is unknown.
        """
        keys = None if by is None else groups_of(by)
        known_method(method)
        pair = self._pair(self._year(first), self._year(last))
        refuse_gaps(pair)
        table = divided(pair, method)
        if keys is None:
            return table
        return sums(table, ["value0", "value1", "change", *EFFECTS], keys).reset_index(
            drop=not keys
        )

    # -------------------------------------------------------------------- text

    def text(self, lang: str = "zh") -> str:
        """Return the series on one screen, in ``zh`` or ``en``, with its arithmetic."""
        if lang not in ("zh", "en"):
            raise UsageError(f"there is no language {lang!r}", cure="zh or en")
        return SeriesText(self, lang).write()

    def __repr__(self) -> str:
        """Return the series as text, so that a notebook or shell shows it."""
        return self.text()

    # ------------------------------------------------------------------- parts

    def _year(self, year: int) -> int:
        if year not in self.accounts:
            known = ", ".join(map(str, self.years))
            raise UsageError(f"the series has no year {year!r}", cure=f"known: {known}")
        return year

    def _price_year(self, year: int) -> int:
        return int(self.accounts[year].provenance["price_year"])

    def _gdp_growth(self, before: int, year: int) -> float:
        """Return the growth of real GDP between two years; NaN where it is not known."""
        if before in self._gdp_real and year in self._gdp_real:
            return self._gdp_real[year] / self._gdp_real[before] - 1.0
        return math.nan

    def _title(self, service: str, indicator: str) -> Title:
        """Return the title of a service's line, as the latest account that has it gives it."""
        for account in reversed(list(self.accounts.values())):
            entry = account.provenance["services"].get(service)
            if entry is None:
                continue
            symbol, _, member = indicator.partition("[")
            step = entry["steps"].get(symbol)
            titles = [
                entry["title"],
                *([step["title"]] if step and len(entry["lines"]) > 1 else []),
            ]
            member = f" [{member}" if member else ""
            return Title(*(": ".join(t[lang] for t in titles) + member for lang in ("en", "zh")))
        return Title(service, service)

    def _pair(self, first: int, last: int) -> pd.DataFrame:
        """Put the rows of two years beside each other, and say of each whether it compares.

        ``why`` is empty where it does; ``constant`` is the later quantity at the earlier price.
        """
        pair = self._rows[first].merge(
            self._rows[last], on=KEYS, how="outer", suffixes=("0", "1"), indicator=True
        )
        order = {s: n for n, s in enumerate(self._services())}
        pair = pair.sort_values("service", key=lambda s: s.map(order), kind="stable")
        pair = pair.reset_index(drop=True)
        pair.insert(1, "kind", pair["service"].map(self._services()))
        pair["why"] = ""
        for at, year, side, why in ((0, first, "right", "enters"), (1, last, "left", "leaves")):
            absent = pair["_merge"] == f"{side}_only"
            has = self._has(year, pair.loc[absent, ["service", "indicator"]])
            new = pd.Series(data=False, index=pair.index)
            new[absent] = ~has
            pair.loc[new, "why"] = why
            gone = absent & ~new  # the line is there: the ecosystem does not occur
            pair.loc[gone, [f"area{at}", f"value{at}"]] = 0.0
            there = pair[f"quantity{1 - at}"].notna()
            pair.loc[gone & there, f"quantity{at}"] = 0.0
        pair["unit"] = pair.pop("unit0").fillna(pair.pop("unit1"))
        for service, index in self._deflators.items():
            rows = pair["service"] == service
            pair.loc[rows, "quantity0"] = pair.loc[rows, "value0"]
            pair.loc[rows, "quantity1"] = pair.loc[rows, "value1"] * (index[first] / index[last])
            pair.loc[rows, "unit"] = f"{self.currency}/yr"
        quantity, value = pair[["quantity0", "quantity1"]], pair[["value0", "value1"]]
        empty = (quantity.to_numpy() == 0) & (value.to_numpy() != 0)
        for why, found in (
            ("no value", value.isna().any(axis=1)),
            ("not deflated", quantity.isna().any(axis=1)),
            ("value without quantity", empty.any(axis=1)),
        ):
            pair.loc[found & (pair["why"] == ""), "why"] = why
        for at in (0, 1):
            pair[f"price{at}"] = prices_of(pair, at)
        pair["constant"] = pair["quantity1"] * pair["price0"]
        nothing = pair["quantity1"] == 0
        pair.loc[nothing & pair["price0"].isna(), "constant"] = 0.0
        pair.loc[(pair["why"] == "") & pair["constant"].isna(), "why"] = "no price"
        return pair.drop(columns="_merge")

    def _services(self) -> dict[str, str]:
        """Return service -> kind, for every service of any year."""
        return {
            name: entry["kind"]
            for account in self.accounts.values()
            for name, entry in account.provenance["services"].items()
        }

    def _has(self, year: int, wanted: pd.DataFrame) -> NDArray[np.bool_]:
        """Say which lines an account has, be it without a row: then no ecosystem bears it."""
        rows = self._rows[year]
        lines = set(zip(rows["service"], rows["indicator"], strict=True))
        shown = {(service, str(name).partition("[")[0]) for service, name in lines}
        entries = self.accounts[year].provenance["services"]
        bare = {
            (service, symbol)
            for service, entry in entries.items()
            for line in entry["lines"]
            if line["monetary"]
            for symbol in (line["physical"], line["monetary"])
            if symbol and (service, symbol) not in shown
        }
        pairs = zip(wanted["service"], wanted["indicator"], strict=True)
        found = [(s, i) in lines or (s, i) in bare for s, i in pairs]
        return np.array(found, dtype=bool)


def over_time(
    accounts: Mapping[int, Account | str | Path],
    *,
    gdp: Mapping[int, tuple[Any, ...]] | None = None,
    gdp_real: Mapping[int, Any] | None = None,
    population: Mapping[int, Any] | None = None,
    deflators: Mapping[str, str | Mapping[int, float]] | None = None,
    bridge: str | None = None,
) -> Series:
    """Put the accounts of one place in a row of years.

    Parameters
    ----------
    accounts
        year -> an account, or the folder of a saved one. The year must be the account's own.
    gdp
        year -> ``(amount, unit)`` such as ``(512.3, "亿元")``, at prices of that year; or
        ``(amount, unit, price_year)``.
    gdp_real
        year -> ``(amount, unit)`` at the constant prices of some year, or an index number. Only
        the growth is used. Nominal GDP does not serve: its growth is not real.
    population
        year -> persons, or ``(number, unit)`` such as ``(27.5, "万人")``.
    deflators
        service -> a price index: year -> number on any base, or the name (or path) of an index
        table. For services that are known in money only; without one they are left out of real
        growth and named. A service that has quantities is deflated too if it is named here.
    bridge
        A sentence that says why accounts made by different rules, classes or zones may be
        compared. It is kept and shown. Without it such accounts are refused.

    Raises
    ------
    UsageError
        If there are fewer than two accounts, or a table of years does not fit them.
    DataError
        With everything in which the accounts differ.

    Examples
    --------
    >>> series = over_time({2017: "out/2017", 2020: "out/2020"})   # doctest: +SKIP
    >>> series.growth(base=2017)                                   # doctest: +SKIP
    """
    problems = Problems()
    if bridge is not None and (not isinstance(bridge, str) or not bridge.strip()):
        problems.add("a bridge is a sentence", "bridge", repr(bridge), "say why they compare")
    found = read_accounts(accounts, problems)
    problems.raise_if_any(UsageError)
    currencies = {y: currencies_of(a) for y, a in found.items()}
    for year, names in currencies.items():
        if len(names) != 1:
            shown = ", ".join(sorted(names)) or "no value in money"
            problems.add("an account has one currency", f"account of {year}", shown)
    if len(set(currencies.values())) > 1 and not problems.errors:
        shown = ", ".join(f"{y}: {'/'.join(names)}" for y, names in currencies.items())
        cure = "no exchange rate is known here: compute all accounts in one currency"
        problems.add("the accounts differ in currency", found=shown, cure=cure)
    problems.raise_if_any(DataError)
    currency = next(iter(next(iter(currencies.values()))))
    differ, notes, coarse = compared(
        {f"the account of {y}": a for y, a in found.items()}, bridged=bridge is not None
    )
    if bridge is None:
        differ.raise_if_any(DataError)
    rows = aligned({y: account_rows(a) for y, a in found.items()}, coarse, notes, problems)
    services = {s for a in found.values() for s in a.provenance["services"]}
    series = Series(
        found,
        currency,
        bridge.strip() if bridge else None,
        tuple(str(p) for p in differ.errors),
        tuple(notes),
        rows,
        read_gdp(gdp or {}, currency, found, problems),
        read_gdp_real(gdp_real or {}, currency, found, problems),
        read_population(population or {}, found, problems),
        read_deflators(deflators or {}, services, found, problems),
    )
    problems.raise_if_any(UsageError)
    return series


def compound_growth(first: float, last: float, *, years: float) -> float:
    """Return the growth per year that leads from one value to another: ``(last/first)^(1/n) - 1``.

    Parameters
    ----------
    first, last
        The two values, in one unit, both above zero.
    years
        Years between them [yr], above zero.

    Raises
    ------
    DataError
        If a value or the number of years is not a finite number above zero.

    Notes
    -----
    Source: the definition of compound growth. Verified: full_text.

    Examples
    --------
    The GEP of a city, in 100 million yuan, in two years eleven years apart:

    >>> print(f"{compound_growth(2096.3, 4673, years=11):.2%}")
    7.56%
    """
    problems = Problems()
    for name, value in (("first", first), ("last", last), ("years", years)):
        if not (math.isfinite(value) and value > 0):
            problems.add("must be a finite number above zero", name, repr(value))
    problems.raise_if_any(DataError)
    return float(math.expm1((math.log(last) - math.log(first)) / years))
