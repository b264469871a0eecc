"""Monetary account of ecosystem assets: opening value, what changed it, closing value (SEEA EA).

The value of an asset is the present value of the services it is expected to give. Between two
accounts it changes because there is more or less of an ecosystem (conversions), because a hectare
gives more or less (enhancement, degradation), for other reasons that the user names, and because
prices change (revaluation)::

    closing = opening + enhancement - degradation + conversions + other volume + revaluation

Changes of volume are valued at average prices, changes of price at average volumes: nothing is
left over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any, TypeVar

import pandas as pd

from gep.account import WHOLE_ZONE, Account
from gep.errors import DataError, GepError, Problem, Problems, UsageError, nearest
from gep.realization.contracts import MAX_YEARS, TIMINGS, Discount, Timing, discount
from gep.realization.results import CENT, Given, Line, Result, read_amount, rounded
from gep.realization.valuation import read_money
from gep.tables import Title
from gep.units import unit

Number = TypeVar("Number", float, Fraction)
#: The entries of an account in the order of its identity; degradation is subtracted.
ENTRIES = {
    "opening": Title("Opening value", "期初价值"),
    "enhancement": Title("Ecosystem enhancement", "生态系统改善"),
    "degradation": Title("Ecosystem degradation (subtracted)", "生态系统退化（减项）"),
    "conversions": Title("Ecosystem conversions", "生态系统转换"),
    "other_volume": Title("Other changes in volume", "其他数量变化"),
    "revaluation": Title("Revaluation", "重估价"),
    "closing": Title("Closing value", "期末价值"),
}
EFFECTS = {
    "volume_effect": Title("Volume, at average prices", "数量效应（平均价格）"),
    "price_effect": Title("Price, at average volumes", "价格效应（平均数量）"),
}
_SIGNS = {
    "enhancement": 1,
    "degradation": -1,
    "conversions": 1,
    "other_volume": 1,
    "revaluation": 1,
}
_KEYS = ["service", "indicator", "ecosystem"]
_SOURCE = Title(
    "United Nations (2021), SEEA Ecosystem Accounting, chapter 10",
    "联合国（2021）《环境经济核算体系——生态系统核算》第10章",
)


def changes(
    before: tuple[Number, Number, Number],
    after: tuple[Number, Number, Number],
    other: Number,
) -> dict[str, Number]:
    """Return the entries of one service of one ecosystem.

    Parameters
    ----------
    before, after
        Quantity of the service in a year, extent of the ecosystem, and value of the asset. Where
        the extent is not known give the same number twice: nothing is then a conversion.
    other
        What of the change of quantity has other reasons (a disaster, a reappraisal).

    Returns
    -------
    dict
        The entries and ``volume_effect``, ``price_effect``. With fractions the identity is exact.

    Notes
    -----
    A quantity that was, or becomes, zero has no price of its own: it takes that of the other time.
    Source: SEEA EA, chapter 10. Verified: recalled.

    Examples
    --------
    Ten hectares become eight that give as much each; the price doubles:

    >>> found = changes((10.0, 10.0, 100.0), (8.0, 8.0, 160.0), 0.0)
    >>> found["conversions"], found["revaluation"], found["closing"]
    (-30.0, 90.0, 160.0)
    """
    (q0, a0, v0), (q1, a1, v1) = before, after
    u0 = v0 / q0 if q0 else v1 / q1 if q1 else v0
    u1 = v1 / q1 if q1 else u0
    y0 = q0 / a0 if a0 else q1 / a1 if a1 else q0
    y1 = q1 / a1 if a1 else y0
    u = (u0 + u1) / 2
    extent = (a1 - a0) * (y0 + y1) / 2
    condition = (y1 - y0) * (a0 + a1) / 2 - other
    zero = other - other
    return {
        "opening": v0,
        "enhancement": max(condition, zero) * u,
        "degradation": max(-condition, zero) * u,
        "conversions": extent * u,
        "other_volume": other * u,
        "revaluation": (u1 - u0) * (q0 + q1) / 2,
        "closing": v1,
        "volume_effect": (q1 - q0) * u,
        "price_effect": (u1 - u0) * (q0 + q1) / 2,
    }


@dataclass(frozen=True)
class AssetAccount:
    """The monetary asset account of a place between two years.

    Attributes
    ----------
    table
        A row per service, indicator and ecosystem: the entries (:data:`ENTRIES`) in ``money``, and
        ``volume_effect`` and ``price_effect``, which add up to closing less opening.
    money, years, price_years
        Unit of the values; opening and closing year, and the years of their prices.
    left_out
        What has a value and no quantity, or no row at one of the times: it is not in the account.
    """

    table: pd.DataFrame
    money: str
    years: tuple[int, int]
    price_years: tuple[int, int]
    inputs: Mapping[str, Given]
    warnings: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()
    titles: Mapping[str, Title] = field(default_factory=dict)

    @property
    def total(self) -> Result:
        """The closing value of everything, with the entries as lines."""
        sums = {name: math.fsum(self.table[name]) for name in (*ENTRIES, *EFFECTS)}
        lines = [Line(n, t, sums[n], self.money) for n, t in {**ENTRIES, **EFFECTS}.items()]
        notes = []
        if self.left_out:
            names = ", ".join(self.left_out)
            notes.append(f"部分总额，未计入: {names}。Partial: left out are {names}.")
        return Result(
            title=Title("Monetary asset account of ecosystems", "生态系统资产价值账户"),
            value=sums["closing"],
            unit=self.money,
            rule="function:asset_account.asset_account",
            price_year=self.price_years[1],
            source=_SOURCE,
            verified="recalled",
            inputs=self.inputs,
            lines=tuple(lines),
            warnings=self.warnings,
            notes=tuple(notes),
        )

    def frame(
        self, lang: str = "zh", *, by: str = "ecosystem", step: Decimal | None = None
    ) -> pd.DataFrame:
        """Return the account as it is printed: a row per entry, a column per group, and the total.

        Parameters
        ----------
        lang
            ``zh`` or ``en``.
        by
            ``ecosystem`` or ``service``.
        step
            Round to this step (``Decimal("0.01")``): in every column the rounded entries still add
            up from the opening to the closing value, and columns add up to the total.

        Raises
        ------
        UsageError
            If there is no such grouping.
        """
        if by not in ("ecosystem", "service"):
            known = ("ecosystem", "service")
            raise UsageError(f"cannot group by {by!r}", cure=nearest(by, known))
        columns: dict[str, dict[str, Any]] = {}
        for name, group in self.table.groupby(by, sort=False):
            sums = {entry: math.fsum(group[entry]) for entry in ENTRIES}
            columns[self._title(str(name), lang)] = sums if step is None else _balanced(sums, step)
        every = list(columns.values())
        zero = 0 if step is None else Decimal(0)
        whole = {"en": "Total", "zh": "合计"}[lang]
        columns[whole] = {e: sum((c[e] for c in every), zero) for e in ENTRIES}
        frame = pd.DataFrame(columns, index=list(ENTRIES))
        frame.index = pd.Index([title[lang] for title in ENTRIES.values()])
        return frame

    def _title(self, name: str, lang: str) -> str:
        return self.titles[name][lang] if name in self.titles else name

    def text(self, lang: str = "zh") -> str:
        """Return the account as text, by ecosystem."""
        said = {"en": ("prices of", "left out"), "zh": ("价格年", "未计入")}[lang]
        (y0, y1), (p0, p1) = self.years, self.price_years
        head = f"{self.total.title[lang]} {y0}-{y1} ({self.money}; {said[0]} {p0}, {p1})"
        lines = [head, self.frame(lang, step=CENT).to_string()]
        lines += [f"{said[1]}: {name}" for name in self.left_out]
        lines += [str(problem) for problem in self.warnings]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Return the account in English."""
        return self.text("en")


def asset_account(  # noqa: PLR0913  two balances and the terms of a present value
    opening: Account | pd.DataFrame,
    closing: Account | pd.DataFrame,
    *,
    life: int,
    rate: Any,
    timing: Timing,
    years: tuple[int, int],
    closing_rate: Any = None,
    extent: Mapping[str, tuple[Any, Any]] | None = None,
    other_volume: Mapping[tuple[str, str], float] | None = None,
    money: str = "元",
) -> AssetAccount:
    """Return the monetary asset account between two accounts of services.

    Each asset is worth its yearly services times an annuity factor: the flow of the year is
    expected to last over the asset's life.

    Parameters
    ----------
    opening, closing
        Accounts of one place, or tables with the columns service, ecosystem, quantity, unit,
        value, currency (of a year: ``CNY`` is CNY/yr), price_year, and optionally indicator.
    life
        How many years services are expected, a whole number.
    rate
        Real discount rate or declining schedule: flows are expected at constant prices.
    timing
        Whether the first year's services count in full (``"advance"``) or lie a year away
        (``"arrears"``).
    years
        Opening and closing year.
    closing_rate
        The rate at closing, where it differs; its effect is a revaluation.
    extent
        Ecosystem -> (opening, closing) extent with units. Accounts bring their own.
    other_volume
        (service, ecosystem) -> the part of the change of quantity that has other reasons, in the
        quantity's unit; of a service with several indicators it is that of the first.
    money
        Unit of the values.

    Returns
    -------
    AssetAccount
        What has no quantity, or stands in only one of the two, is left out and named.

    Raises
    ------
    DataError
        With all problems: units that differ, an extent that is missing, a flow on no area, values
        of a stock, a quantity of zero that has a value.

    Notes
    -----
    ``V = Σ ES/(1 + r)^t`` over the life. Source: SEEA EA, chapter 10. Verified: recalled.

    Examples
    --------
    >>> flows = {"service": ["w"], "ecosystem": ["forest"], "unit": ["m³/yr"], "currency": ["CNY"]}
    >>> before = pd.DataFrame({**flows, "quantity": [100], "value": [800], "price_year": [2015]})
    >>> after = pd.DataFrame({**flows, "quantity": [120], "value": [960], "price_year": [2020]})
    >>> found = asset_account(before, after, life=100, rate=0.03, timing="arrears",
    ...     years=(2015, 2020), extent={"forest": ("10 ha", "11 ha")})
    >>> round(float(found.total)), round(found.total["conversions"], 1)
    (30335, 2642.8)
    """
    problems = Problems()
    wanted = read_money(money, problems)
    by = discount(rate, problems=problems, negative=True)
    later = by if closing_rate is None else discount(closing_rate, problems=problems, negative=True)
    if timing not in TIMINGS:
        problems.add("the timing is not known", "timing", repr(timing), "advance or arrears")
    if isinstance(life, bool) or not isinstance(life, int) or not 1 <= life <= MAX_YEARS:
        problems.add(f"life is a whole number from 1 to {MAX_YEARS}", "life", repr(life))
    if years[1] <= years[0]:
        problems.add("the closing year does not follow the opening year", "years", str(years))
    problems.raise_if_any(DataError)
    balances = [
        _Balance(given, name, money, problems)
        for given, name in ((opening, "opening"), (closing, "closing"))
    ]
    one, other = balances
    extents = _extents(extent, opening, closing, problems)
    problems.raise_if_any(DataError)
    factors = (by.annuity(life, timing), later.annuity(life, timing))
    rows, left_out = [], []
    reasons = dict(other_volume or {})
    for key in dict.fromkeys([*one.rows, *other.rows]):
        label = f"{key[0]} {key[1]}".strip() + f", {key[2]}"
        first, last = (
            balance.rows.get(key) or _absent(key, extents, at, balances[1 - at].rows)
            for at, balance in enumerate(balances)
        )
        if first is None or last is None:
            left_out.append(f"{label} (not in {'opening' if first is None else 'closing'})")
            continue
        if math.isnan(first.quantity) or math.isnan(last.quantity):
            left_out.append(f"{label} (no quantity)")
            continue
        if math.isnan(first.value) or math.isnan(last.value):
            left_out.append(f"{label} (no value)")
            continue
        reason = reasons.pop((key[0], key[2]), 0.0)
        if not math.isfinite(reason):
            problems.add("this is not a finite number", "other_volume", str((key[0], key[2])))
        row = _row(label, key, first, last, extents, problems)
        if row is not None:
            (q0, a0, v0), (q1, a1, v1) = row
            found = changes((q0, a0, v0 * factors[0]), (q1, a1, v1 * factors[1]), reason)
            rows.append({**dict(zip(_KEYS, key, strict=True)), **found})
    for name in reasons:
        problems.add("there is no such service of an ecosystem", "other_volume", str(name))
    if not rows and not problems.errors:
        what = "nothing has a quantity and a value at both times"
        problems.add(what, "asset_account", "; ".join(left_out)[:200])
    problems.raise_if_any(DataError)
    if left_out:
        what = "the account is partial"
        problems.warn(what, "asset_account", "left out: " + "; ".join(left_out))
    inputs = _inputs(by, later, life)
    table = pd.DataFrame(rows, columns=[*_KEYS, *ENTRIES, *EFFECTS])
    return AssetAccount(
        table,
        str(wanted),
        years,
        (one.price_year, other.price_year),
        inputs,
        problems.warnings,
        tuple(left_out),
        {**one.titles, **other.titles},
    )


def _inputs(by: Discount, later: Discount, life: int) -> dict[str, Given]:
    inputs = {"rate": by.given(), "life": Given(Title("Life of the asset", "资产寿命"), life, "yr")}
    if later is not by:
        inputs["closing_rate"] = later.given()
    return inputs


@dataclass(frozen=True)
class _Flow:
    quantity: float
    unit: str
    value: float


class _Balance:
    """The flows of one of the two times, by service, indicator and ecosystem."""

    def __init__(
        self, given: Account | pd.DataFrame, name: str, money: str, problems: Problems
    ) -> None:
        self.titles: dict[str, Title] = {}
        self.rows: dict[tuple[str, str, str], _Flow] = {}
        self.price_year = 0
        table = given
        if isinstance(given, Account):
            table = self._account(given, name, problems)
        assert isinstance(table, pd.DataFrame)  # noqa: S101
        needed = {"service", "ecosystem", "quantity", "unit", "value", "currency", "price_year"}
        for column in sorted(needed - set(table.columns)):
            problems.add(f"the column {column!r} is missing", name)
        if needed - set(table.columns):
            return
        table = table.copy()
        if "indicator" not in table.columns:
            table["indicator"] = ""
        self._price_year(table, name, problems)
        for key, group in table.groupby(_KEYS, sort=False):
            service, indicator, ecosystem = map(str, key)
            where = f"{name}, {service}, {ecosystem}"
            units, currencies = set(group["unit"]), set(group["currency"]) - {""}
            if len(units) > 1 or len(currencies) > 1:
                found = ", ".join(sorted(map(str, units | currencies)))
                problems.add("the units differ between rows", where, found)
                continue
            try:
                wanted = unit(f"{money}/yr")
                factor = [float(unit(f"{c}/yr").factor_to(wanted)) for c in currencies]
            except GepError as error:
                problems.add(error.problems[0].what, where)
                continue
            value = group["value"].sum(skipna=False) * factor[0] if factor else math.nan
            quantity = group["quantity"].sum(skipna=False)
            own = _Flow(float(quantity), str(next(iter(units))), float(value))
            self.rows[service, indicator, ecosystem] = own

    def _account(self, account: Account, name: str, problems: Problems) -> pd.DataFrame:
        data = account.dataset
        for variable in data.data_vars.values():
            text = variable.attrs.get("units", "")
            if variable.attrs.get("currency") and "period" not in dict(unit(text).dims):
                cure = "compute the account without it"
                what = "the value is that of a stock, not of a year"
                problems.add(what, f"{name}, {variable.attrs.get('service')}", f"[{text}]", cure)
        for service, entry in account.provenance["services"].items():
            self.titles[service] = Title(entry["title"]["en"], entry["title"]["zh"])
        for at, ecosystem in enumerate(data["ecosystem"].to_numpy()):
            en, zh = (str(data[f"ecosystem_{lang}"].to_numpy()[at]) for lang in ("en", "zh"))
            self.titles[str(ecosystem)] = Title(en, zh)
        self.titles[WHOLE_ZONE] = Title("Whole area", "全区")
        return account.table

    def _price_year(self, table: pd.DataFrame, name: str, problems: Problems) -> None:
        found = sorted({int(year) for year in table["price_year"].dropna()})
        if len(found) == 1:
            self.price_year = found[0]
        else:
            shown = ", ".join(map(str, found)) or "none"
            problems.add("the values have one price year", name, shown, "bring them to one year")


def _row(
    label: str,
    key: tuple[str, str, str],
    first: _Flow,
    last: _Flow,
    extents: Mapping[str, tuple[float, float]],
    problems: Problems,
) -> tuple[tuple[float, float, float], tuple[float, float, float]] | None:
    """Return quantity, extent and yearly value at both times."""
    before = len(problems.errors)
    try:
        factor = float(unit(last.unit or "1").factor_to(unit(first.unit or "1")))
    except GepError as error:
        problems.add(error.problems[0].what, label)
        return None
    if key[2] == WHOLE_ZONE:
        area = (1.0, 1.0)  # no extent is known: nothing is a conversion
    elif key[2] not in extents:
        cure = "give extent={'...': ('10 ha', '11 ha')}"
        problems.add("the extent of the ecosystem is missing", label, key[2], cure)
        return None
    else:
        area = extents[key[2]]
    q0, q1 = first.quantity, last.quantity * factor
    for name, q, a, v in (
        ("opening", q0, area[0], first.value),
        ("closing", q1, area[1], last.value),
    ):
        if q == 0 and v != 0:
            what = "a quantity of zero has a value"
            problems.add(what, f"{label}, {name}", f"{v:g}", "correct the quantity or the value")
        if a == 0 and q != 0:
            what = "a service comes from an ecosystem without extent"
            problems.add(what, f"{label}, {name}", f"{q:g}")
    if len(problems.errors) > before:
        return None
    return (q0, area[0], first.value), (q1, area[1], last.value)


def _absent(
    key: tuple[str, str, str],
    extents: Mapping[str, tuple[float, float]],
    at: int,
    others: Mapping[tuple[str, str, str], _Flow],
) -> _Flow | None:
    """Return no flow for an ecosystem that is known not to exist then; None where not known."""
    if extents.get(key[2], (1.0, 1.0))[at] == 0:
        return _Flow(0.0, others[key].unit, 0.0)
    return None


def _extents(
    given: Mapping[str, tuple[Any, Any]] | None, opening: Any, closing: Any, problems: Problems
) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    if isinstance(opening, Account) and isinstance(closing, Account):
        areas = [_areas(account) for account in (opening, closing)]
        for name in dict.fromkeys([*areas[0], *areas[1]]):
            found[name] = (areas[0].get(name, 0.0), areas[1].get(name, 0.0))
    for name, pair in (given or {}).items():
        wanted = unit("ha")
        a0, a1 = (read_amount(own, wanted, f"extent, {name}", problems) for own in pair)
        for own in (a0, a1):
            if own < 0:
                problems.add("an extent is below zero", f"extent, {name}", f"{own:g}")
        found[name] = (float(a0), float(a1))
    return found


def _areas(account: Account) -> dict[str, float]:
    area = account.dataset["area"].sum("zone")
    return {
        str(name): float(value)
        for name, value in zip(area["ecosystem"].to_numpy(), area.to_numpy(), strict=True)
    }


def _balanced(sums: Mapping[str, float], step: Decimal) -> dict[str, Decimal]:
    """Return the entries rounded so that they still lead from opening to closing."""
    opening, closing = rounded(sums["opening"], step), rounded(sums["closing"], step)
    exact = {name: Decimal(repr(sums[name])) * sign / step for name, sign in _SIGNS.items()}
    floors = {name: x.to_integral_value(rounding=ROUND_FLOOR) for name, x in exact.items()}
    left = int((closing - opening) / step - sum(floors.values()))
    order: Sequence[str] = sorted(exact, key=lambda name: floors[name] - exact[name])
    moved = order if left >= 0 else order[::-1]
    for at in range(abs(left)):
        floors[moved[at % len(moved)]] += 1 if left > 0 else -1
    parts = {name: (floors[name] * sign * step).quantize(step) + 0 for name, sign in _SIGNS.items()}
    return {"opening": opening, **parts, "closing": closing}
