"""Transfers that are more than one formula: schedules, increments over years, indices, netting.

Published rules are files (:func:`gep.realization.rule`); here is what needs a table of months or
years, tiers of the caller, or several parties.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from gep.errors import DataError, GepError, Problem, Problems, UsageError, nearest
from gep.realization.results import CENT, Given, Line, Paid, Result, read_amount, read_rate, rounded
from gep.realization.rules import Rule, rule
from gep.tables import Title
from gep.units import Unit, unit

if TYPE_CHECKING:
    import pandas as pd

#: A party of a payment: its name, or its names in both languages.
Party = str | Title
#: What a value below the detection limit counts as, as a share of the limit.
BELOW_DETECTION = {"half": 0.5, "limit": 1.0, "zero": 0.0}
#: A month that differs from the others by this factor is in another unit (µg for mg is 1000).
UNIT_SLIP = 100
MONTHS = 12
_YEARLY = "元/yr"
_WAN = 10_000  # 元 in 万元
_DEFINITION = "the definition in words of the agreement"
#: Spellings of µg/L, which is mg/m³.
_MICRO = {"µg/L", "μg/L", "ug/L"}
_LIMIT = re.compile(r"\s*[<＜]\s*(\S+)\s*\Z")
_MONTH = re.compile(r"(?:(\d{4})[-./年])?(\d{1,2})(?:月|[-./]\d{1,2}.*)?\Z")


def title_of(party: Party) -> Title:
    """Return a party's names; one name serves both languages."""
    return party if isinstance(party, Title) else Title(str(party), str(party))


# ------------------------------------------------------------------------------- schedules


@dataclass(frozen=True)
class Tier:
    """An interval of a schedule and what is paid for each unit within it.

    Attributes
    ----------
    above, up_to
        Bounds of the interval with their unit (``"3 %"``), from 0 on; ``up_to=None`` is open.
    rate
        Money for each unit of the change (``"50 万元/%"``), a year or not.
    """

    above: Any
    up_to: Any
    rate: Any


def schedule(  # noqa: PLR0913  an agreement has that many terms
    change: Any,
    *,
    up: Sequence[Tier],
    down: Sequence[Tier],
    payer: Party,
    payee: Party,
    price_year: int,
    scale: float | None = None,
    cap: Any = None,
    charge_cap: Any = None,
) -> Result:
    """Return the reward or the charge of a piecewise-linear schedule.

    Parameters
    ----------
    change
        Change of the indicator, with its unit; better is positive: ``"4.2 %"``.
    up, down
        Tiers of the reward (on a positive change) and of the charge (on the size of a negative
        one). A tier's rate is the whole of what is paid for a unit in it; tiers do not overlap.
    payer, payee
        Who pays the reward, and who gets it; a charge goes the other way.
    price_year
        Year of the money.
    scale
        A factor by area or population [1], if the schedule has one.
    cap, charge_cap
        The most that is paid, and the most that is charged, with their unit.

    Returns
    -------
    Result
        The net reward, negative where it is a charge, with a line for each tier.

    Raises
    ------
    DataError
        If tiers overlap or are out of order, units do not fit, or an amount has no unit.

    Notes
    -----
    ``Σ rate·max(0, min(x, up_to) - above)``, times the scale, at most the cap.
    Source: the definition of a piecewise-linear schedule. Verified: full_text.

    Examples
    --------
    >>> tiers = [Tier("0 %", "3 %", "50 万元/%"), Tier("3 %", None, "150 万元/%")]
    >>> charge = [Tier("0 %", None, "100 万元/%")]
    >>> paid = schedule("4.2 %", up=tiers, down=charge, payer="province", payee="county",
    ...                 price_year=2017)
    >>> print(f"{paid.to('万元'):.1f}")
    330.0
    """
    problems = Problems()
    own = _own_unit(change, "change", problems)
    problems.raise_if_any(DataError)
    x = read_amount(change, own, "change", problems)
    money: list[Unit] = []
    tiers = [*_tiers(up, own, "up", money, problems), *_tiers(down, own, "down", money, problems)]
    if len({found.dims for found in money}) > 1:
        problems.add("the rates are not all in one unit", "tiers", ", ".join(map(str, money)))
    problems.raise_if_any(DataError)
    result_unit = money[0] if money else unit("元")
    caps = {
        name: math.inf if given is None else read_amount(given, result_unit, name, problems)
        for name, given in (("cap", cap), ("charge_cap", charge_cap))
    }
    factor = 1.0 if scale is None else read_amount(scale, unit("1"), "scale", problems)
    for name, number in (*caps.items(), ("scale", factor)):
        if number < 0:
            problems.add(f"the {name} is negative", name, found=f"{number:g}")
    problems.raise_if_any(DataError)
    lines, sums = [], {"up": 0.0, "down": 0.0}
    for tier in tiers:
        within = max(0.0, min(x if tier.side == "up" else -x, tier.up_to) - tier.above)
        amount = factor * within * float(tier.rate * tier.money.factor_to(result_unit))
        sums[tier.side] += amount
        lines.append(_tier_line(tier, own, amount, result_unit))
    reward, charge = min(sums["up"], caps["cap"]), min(sums["down"], caps["charge_cap"])
    lines += [
        Line("R", Title("Reward", "奖励"), reward, str(result_unit)),
        Line("F", Title("Charge", "扣罚"), charge, str(result_unit)),
    ]
    inputs = {"x": Given(Title("Change of the indicator", "指标变化"), x, str(own))}
    if scale is not None:
        inputs["scale"] = Given(Title("Scale", "规模系数"), factor, "1")
    for name, title in _CAPS.items():
        if caps[name] < math.inf:
            inputs[name] = Given(title, caps[name], str(result_unit))
    there, back = title_of(payer), title_of(payee)
    return Result(
        title=Title("Schedule of rewards and charges", "分档奖惩"),
        value=reward - charge,
        unit=str(result_unit),
        rule="function:settlement.schedule",
        price_year=price_year,
        cite=_DEFINITION,
        verified="full_text",
        inputs=inputs,
        lines=tuple(lines),
        payments=(
            *_paid(there, back, reward, result_unit, Title("Reward", "奖励")),
            *_paid(back, there, charge, result_unit, Title("Charge", "扣罚")),
        ),
    )


_CAPS = {
    "cap": Title("Most that is paid", "奖励上限"),
    "charge_cap": Title("Most that is charged", "扣罚上限"),
}


@dataclass(frozen=True)
class _Read:
    side: str
    above: float
    up_to: float
    rate: float
    money: Unit  # of the rate times the change
    of: Unit  # of the rate


def _tiers(
    given: Sequence[Tier], own: Unit, side: str, money: list[Unit], problems: Problems
) -> list[_Read]:
    """Return the tiers in the unit of the change, noting what is wrong with them."""
    read, last = [], 0.0
    for number, tier in enumerate(given, start=1):
        where = f"{side}, tier {number}"
        low = read_amount(tier.above, own, f"{where}, above", problems)
        high = math.inf
        if tier.up_to is not None:
            high = read_amount(tier.up_to, own, f"{where}, up_to", problems)
        found = _own_unit(tier.rate, f"{where}, rate", problems) * own
        if not _is_money(found):
            cure = f"money for each {own}: '50 万元/{own}'"
            problems.add("the rate is not money for a unit of the change", where, cure=cure)
            continue
        if low < last or not low < high:
            cure = "order the tiers, each beginning where the last ends or later; a rate is all "
            cure += "that is paid in its tier"
            span = f"{low:g} to {high:g} after {last:g} [{own}]"
            problems.add("the tiers overlap or are out of order", where, span, cure)
        rate = read_amount(tier.rate, found / own, f"{where}, rate", problems)
        if rate < 0:
            problems.add("the rate is negative", where, f"{rate:g}", "a charge stands in 'down'")
        last = high
        money.append(_money(found))
        read.append(_Read(side, low, high, rate, found, found / own))
    return read


def _is_money(found: Unit) -> bool:
    """Say whether a rate times the change is money; a % that does not cancel is a factor of 100."""
    left = {name for name, _ in found.powers}
    currency = found.currency or "CNY"
    fits = found.agrees(unit(currency)) or found.agrees(unit(f"{currency}/yr"))
    return fits and not left & {"percent", "permille", "ppm"}


def _money(found: Unit) -> Unit:
    """Return the unit of money to show: as given (万元), or the currency where areas cancel."""
    currency = str(found.currency)
    if {name for name, _ in found.powers} <= {"万", "亿", "元", "yr", "年", currency}:
        return found
    return unit(currency) if found.agrees(unit(currency)) else unit(f"{currency}/yr")


def _tier_line(tier: _Read, own: Unit, amount: float, result_unit: Unit) -> Line:
    """Return a tier as a line of the sheet: what is paid within it."""
    size = "x" if tier.side == "up" else "-x"
    if tier.up_to == math.inf:
        title = Title(f"Tier above {tier.above:g} {own}", f"{tier.above:g} {own} 以上部分")
        within = size
    else:
        span = f"{tier.above:g}-{tier.up_to:g} {own}"
        title = Title(f"Tier {span}", f"{span} 部分")
        within = f"min({size}, {tier.up_to:g})"
    formula = f"{tier.rate:g} {tier.of} * max(0, {within} - {tier.above:g})"
    symbol = f"{'R' if tier.side == 'up' else 'F'}_{tier.above:g}"
    return Line(symbol, title, amount, str(result_unit), formula)


def _own_unit(given: Any, where: str, problems: Problems) -> Unit:
    """Return the unit that an amount carries itself; the pure number where it has none."""
    text = "1"
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):  # noqa: PLR2004
        text = given[1]
    elif isinstance(given, Result):
        text = given.unit
    elif isinstance(given, str):
        text = re.sub(r"\A\s*[+-]?[\d,.]+(?:[eE][+-]?\d+)?\s*", "", given).strip() or "1"
    try:
        return unit(text)
    except GepError as error:
        for p in error.problems:
            problems.add(p.what, where, p.found, p.cure)
        return unit("1")


def _paid(payer: Title, payee: Title, amount: float, own: Unit, title: Title) -> list[Paid]:
    currency = str(own.currency)
    wanted = unit(currency) if own.agrees(unit(currency)) else unit(f"{currency}/yr")
    whole = rounded(amount * float(own.factor_to(wanted)))
    return [Paid(payer, payee, whole, str(wanted), title, _DEFINITION)] if whole else []


# ------------------------------------------------------------------------- increments by year


def purchase_of_increments(
    levels: Mapping[int, Any],
    *,
    rate: Any,
    standards: Mapping[int, str],
    price_year: int,
    bridge: Mapping[str, float] | None = None,
    floor: Any = None,
    cap: Any = None,
) -> Result:
    """Return what is paid year by year for GEP above the highest level paid for before.

    Parameters
    ----------
    levels
        GEP by year with its unit, at prices of ``price_year``; the first year is the base and is
        not paid for.
    rate
        Share of the increment that is paid [1].
    standards
        Standard and version of each year's account.
    price_year
        Year of the prices of all levels.
    bridge
        Where years were accounted by another standard than the first: factor by standard [1] that
        makes its level comparable with that of the base year's standard.
    floor, cap
        The least and the most that is paid in a year; both or neither.

    Returns
    -------
    Result
        The payment of each year, in 元/yr, by ``methods/increment_above_mark`` (or
        ``increment_within_bounds``).

    Raises
    ------
    DataError
        If a level is missing, standards differ without a bridge, or only one bound is given.

    Notes
    -----
    A fall and a recovery are not paid for twice: the mark never falls.
    Source: the definition. Verified: full_text.

    Examples
    --------
    >>> paid = purchase_of_increments(
    ...     {2017: "100 亿元/yr", 2018: "110 亿元/yr", 2019: "105 亿元/yr", 2020: "112 亿元/yr"},
    ...     rate=0.02, standards=dict.fromkeys(range(2017, 2021), "a"), price_year=2017)
    >>> {year: f"{amount:,.0f}" for year, amount in paid.value.items()}
    {'2018': '20,000,000', '2019': '0', '2020': '4,000,000'}
    """
    problems = Problems()
    years = sorted(levels)
    share = read_rate(rate, "rate", problems)
    if len(years) < 2:  # noqa: PLR2004
        cure = "the first year is the base"
        problems.add("an increment needs two years", "levels", ", ".join(map(str, years)), cure)
    if (floor is None) != (cap is None):
        problems.add("give floor and cap, or neither", "floor, cap")
    factors = _bridged(years, standards, bridge or {}, problems)
    known: dict[int, float] = {}
    for year in years:
        where = f"levels[{year}]"
        if levels[year] is None:
            cure = "account the year, or leave it out: a missing year is not zero"
            problems.add("the level is not known", where, cure=cure)
            continue
        known[year] = read_amount(levels[year], unit(_YEARLY), where, problems)
    problems.raise_if_any(DataError)
    level = {year: known[year] * factors[year] for year in years}
    bounds = {} if floor is None else {"payment_floor": floor, "payment_cap": cap}
    method = rule(f"methods/increment_{'within_bounds' if bounds else 'above_mark'}")
    mark, results = level[years[0]], {}
    for year in years[1:]:
        results[str(year)] = method(
            gep_of_year=(level[year], _YEARLY),
            gep_mark=(mark, _YEARLY),
            purchase_rate=share,
            price_year=price_year,
            **bounds,
        )
        mark = max(mark, level[year])
    first = next(iter(results.values()))
    names = {str(year): level[year] / _WAN for year in years}
    return replace(
        first,
        title=Title("Purchase of increments, year by year", "GEP 增量采购（逐年）"),
        value={year: r.to(_YEARLY) for year, r in results.items()},
        unit=_YEARLY,
        rule="function:settlement.purchase_of_increments",
        inputs={
            "G": Given(Title("GEP by year, comparable", "各年可比 GEP"), names, "万元/yr"),
            "rho": first.inputs["rho"],
            **{k: v for k, v in first.inputs.items() if k in ("lo", "hi")},
        },
        lines=tuple(
            replace(line, value={year: r[line.symbol] for year, r in results.items()})
            for line in first.lines
        ),
        payments=tuple(replace(p, member=year) for year, r in results.items() for p in r.payments),
        warnings=problems.warnings,
        notes=(*first.notes, *_bridge_notes(years, standards, factors)),
    )


def _bridged(
    years: Sequence[int],
    standards: Mapping[int, str],
    bridge: Mapping[str, float],
    problems: Problems,
) -> dict[int, float]:
    """Return the factor of each year's level; accounts by different standards need a bridge."""
    factors = dict.fromkeys(years, 1.0)
    base = standards.get(years[0]) if years else None
    for year in years:
        name = standards.get(year)
        if not name:
            cure = "name the standard and version of the account"
            problems.add("the standard is not known", f"standards[{year}]", cure=cure)
        elif name == base:
            continue
        elif name not in bridge:
            cure = "account both years by one standard, or give bridge={standard: factor}"
            what = "the accounts were made by different standards"
            problems.add(what, f"standards[{year}]", f"{base} and {name}", cure)
        else:
            factors[year] = read_amount(bridge[name], unit("1"), f"bridge[{name}]", problems)
            if factors[year] <= 0:
                problems.add("the factor is above 0", f"bridge[{name}]", f"{factors[year]:g}")
    return factors


def _bridge_notes(
    years: Sequence[int], standards: Mapping[int, str], factors: Mapping[int, float]
) -> list[str]:
    base = standards[years[0]]
    bridged = {standards[y]: factors[y] for y in years if standards[y] != base}
    return [f"bridge 换算: {name} × {number:g} → {base}" for name, number in bridged.items()]


# ----------------------------------------------------------------------------- water quality


def annual_means(
    samples: pd.DataFrame,
    *,
    pollutants: Iterable[str],
    below_detection: Literal["half", "limit", "zero"],
) -> tuple[dict[str, float], list[str]]:
    """Return the annual mean of each pollutant from a table of twelve months.

    Parameters
    ----------
    samples
        A row for each month and pollutant: columns ``month`` (1 to 12, ``2020-03`` or a date),
        ``pollutant``, ``value`` (a number, or ``"<0.02"`` below a detection limit) and ``unit``
        (mg/L, µg/L, mg/m³).
    pollutants
        Those that are wanted, all of them.
    below_detection
        What a value below its limit counts as: ``half`` of the limit, the ``limit``, or ``zero``.

    Returns
    -------
    (dict, list of str)
        Means [mg/L] by pollutant, and notes on values below detection.

    Raises
    ------
    DataError
        If a month or a pollutant is missing or given twice, a value is negative or no number, a
        unit does not fit, or a month looks like µg/L given as mg/L. All of them together.

    Notes
    -----
    The mean of the twelve months, each counted alike. Nothing is filled in and no weight moves
    from a missing pollutant to the others. Source: the definition. Verified: full_text.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"month": range(1, 13), "pollutant": "TP", "unit": "µg/L",
    ...                       "value": ["<20", *[40] * 11]})
    >>> means, notes = annual_means(table, pollutants=["TP"], below_detection="half")
    >>> print(f"{means['TP']:.4f}"), notes[0]
    0.0375
    (None, 'TP: 1 month below the detection limit, counted as half of it 低于检出限按一半计')
    """
    problems = Problems()
    if below_detection not in BELOW_DETECTION:
        cure = nearest(str(below_detection), BELOW_DETECTION)
        raise UsageError("below_detection is half, limit or zero", found=repr(below_detection),
                         cure=cure)  # fmt: skip
    lacking = [name for name in ("month", "pollutant", "value", "unit") if name not in samples]
    if lacking:
        cure = "columns: month, pollutant, value, unit"
        raise DataError(f"the table lacks {', '.join(lacking)}", "samples", cure=cure)
    wanted = list(pollutants)
    found: dict[str, dict[int, float]] = {name: {} for name in wanted}
    below = dict.fromkeys(wanted, 0)
    years: set[str] = set()
    for number, row in enumerate(samples.to_dict("records"), start=1):
        name = str(row["pollutant"])
        where = f"samples, row {number} ({name})"
        if name not in found:
            problems.add("the pollutant is not in the index", where, cure=nearest(name, wanted))
            continue
        month = _month(row["month"], where, years, problems)
        value, hidden = _sample(row["value"], str(row["unit"]), where, below_detection, problems)
        if month in found[name]:
            cure = "give one mean for each month"
            problems.add(f"month {month} is given twice", where, cure=cure)
        elif month is not None:
            found[name][month] = value
            below[name] += hidden
    if len(years) > 1:
        problems.add("the months are not of one year", "samples", ", ".join(sorted(years)))
    for name, months in found.items():
        _complete(name, months, problems)
    problems.raise_if_any(DataError)
    says = {
        "half": "half of it 低于检出限按一半计",
        "limit": "the limit 低于检出限按检出限计",
        "zero": "zero 低于检出限按零计",
    }[below_detection]
    notes = [
        f"{name}: {count} month{'s' * (count > 1)} below the detection limit, counted as {says}"
        for name, count in below.items()
        if count
    ]
    return {name: math.fsum(months.values()) / MONTHS for name, months in found.items()}, notes


def _complete(name: str, months: Mapping[int, float], problems: Problems) -> None:
    """Note missing months and months in another unit."""
    where = f"samples, {name}"
    missing = [m for m in range(1, MONTHS + 1) if m not in months]
    if len(missing) == MONTHS:
        cure = "an index without one of its pollutants is another index"
        problems.add("the pollutant is missing", where, cure=cure)
        return
    if missing:
        shown = ", ".join(map(str, missing))
        cure = "give all twelve months; a missing month is not zero"
        problems.add(f"{len(missing)} of 12 months missing", where, shown, cure)
    middle = median(months.values())
    for month, value in months.items():
        if value > UNIT_SLIP * middle > 0 or 0 < value < middle / UNIT_SLIP:
            what = f"month {month} differs from the median month by over {UNIT_SLIP} times"
            found = f"{value:g} and {middle:g} mg/L"
            problems.add(what, where, found, "is one of them µg/L given as mg/L?")


def _month(given: Any, where: str, years: set[str], problems: Problems) -> int | None:
    text = str(int(given)) if isinstance(given, float) and given.is_integer() else str(given)
    match = _MONTH.match(text.strip())
    if not match or not 1 <= int(match[2]) <= MONTHS:
        problems.add("this is no month", where, repr(given)[:80], "write 1 to 12, or 2020-03")
        return None
    if match[1]:
        years.add(match[1])
    return int(match[2])


def _sample(
    given: Any, text: str, where: str, policy: str, problems: Problems
) -> tuple[float, bool]:
    """Return a concentration in mg/L, and whether it lies below a detection limit."""
    match = _LIMIT.match(given) if isinstance(given, str) else None
    try:
        number = float(match[1] if match else given)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        cure = "write a number, or '<0.02' where it lies below the detection limit"
        problems.add("the concentration is missing or no number", where, repr(given)[:80], cure)
        return math.nan, False
    if number < 0 or (match and number == 0):
        problems.add("the concentration is negative, or the limit is 0", where, repr(given)[:80])
    amount = (number, "mg/m³" if text.strip() in _MICRO else text)
    value = read_amount(amount, unit("mg/L"), where, problems)
    return value * (BELOW_DETECTION[policy] if match else 1.0), match is not None


def compensation_index(
    samples: pd.DataFrame,
    *,
    base: Any,
    below_detection: Literal["half", "limit", "zero"],
    by: str | Rule,
) -> Result:
    """Return a compensation index from twelve months of concentrations.

    Parameters
    ----------
    samples
        A row for each month and pollutant; see :func:`annual_means`.
    base
        Mean concentration of the base period by pollutant, with its unit:
        ``({"TP": 0.04, ...}, "mg/L")``.
    below_detection
        What a value below its detection limit counts as: ``half``, ``limit`` or ``zero``.
    by
        The rule, or its name: a mechanism with the inputs ``concentration`` and
        ``base_concentration`` and weights by pollutant.

    Returns
    -------
    Result
        That of the rule, with notes on what was below detection.

    Raises
    ------
    DataError
        If a month, a pollutant or a base is missing, or units are mixed; all problems together.

    Examples
    --------
    >>> import pandas as pd
    >>> from gep.realization import rules
    >>> by = next(name for name in rules() if name.endswith("/compensation_index"))
    >>> bases = {"CODMn": 2.0, "NH3-N": 0.2, "TN": 1.0, "TP": 0.04}
    >>> table = pd.DataFrame([{"month": m, "pollutant": name, "value": c, "unit": "mg/L"}
    ...                       for name, c in bases.items() for m in range(1, 13)])
    >>> index = compensation_index(table, base=(bases, "mg/L"), below_detection="half", by=by)
    >>> round(float(index), 9)                     # every concentration as in the base period
    0.85
    """
    asked = rule(by) if isinstance(by, str) else by
    means, notes = annual_means(
        samples, pollutants=_weighted(asked), below_detection=below_detection
    )
    result = asked(concentration=(means, "mg/L"), base_concentration=base)
    return replace(result, notes=(*result.notes, *notes))


def _weighted(asked: Rule) -> list[str]:
    """Return the pollutants that a rule weighs."""
    for entry in asked.service.coefficients.values():
        if entry.axis is not None:
            rows = asked.folder.tables[entry.table].entries[entry.column]
            return [key[0] for key in rows]
    raise UsageError(f"{asked.name} has no weights by pollutant", cure="name an index")


# ----------------------------------------------------------------------------------- netting


def net(payments: Iterable[Paid | Result | tuple[Party, Party, Any]]) -> Result:
    """Return what each party gets on balance, and a few payments that settle it.

    Parameters
    ----------
    payments
        Payments of results, whole results, or ``(payer, payee, "500 万元")``. All in one currency.

    Returns
    -------
    Result
        By party, what it gets (positive) or owes (negative), in the currency's unit, rounded to
        hundredths once. The values are Decimals and add to 0 exactly. ``payments`` are at most
        one fewer than the parties.

    Raises
    ------
    DataError
        If an amount is negative, undetermined or without a unit, a party pays itself, currencies
        differ, or a payment by member does not say which party the member is.

    Notes
    -----
    ``net_i = Σ_j (x_ji - x_ij)``, in exact arithmetic; what rounding down leaves goes to the
    largest remainders. Source: the definition; Hamilton's method. Verified: full_text.

    Examples
    --------
    >>> settled = net([("A", "B", "500 万元"), ("B", "C", "300 万元"), ("C", "A", "100 万元")])
    >>> {party: str(amount) for party, amount in settled.value.items()}
    {'A': '-4000000.00', 'B': '2000000.00', 'C': '2000000.00'}
    >>> len(settled.payments), sum(settled.value.values())
    (2, Decimal('0.00'))
    """
    problems = Problems()
    flows = [flow for number, given in enumerate(payments, start=1)
             for flow in _flows(given, f"payment {number}", problems)]  # fmt: skip
    currencies = sorted({currency for *_, currency in flows})
    if len(currencies) > 1:
        problems.add("the payments are in several currencies", found=", ".join(currencies))
    if not flows:
        problems.add("there is no payment to settle", cure="give payments")
    problems.raise_if_any(DataError)
    parties: dict[str, Title] = {}
    paid: dict[str, Fraction] = {}
    got: dict[str, Fraction] = {}
    for payer, payee, amount, _ in flows:
        for party in (payer, payee):
            parties.setdefault(party.zh, party)
            paid.setdefault(party.zh, Fraction(0))
            got.setdefault(party.zh, Fraction(0))
        paid[payer.zh] += amount
        got[payee.zh] += amount
    value = _balanced({name: got[name] - paid[name] for name in parties})
    currency = currencies[0]
    return Result(
        title=Title("Net settlement", "净额清算"),
        value=value,
        unit=currency,
        rule="function:settlement.net",
        cite="the definition; largest remainders",
        verified="full_text",
        inputs={
            "x": Given(Title("Payments", "应付笔数"), len(flows), "1"),
        },
        lines=(
            Line("paid", Title("Owed to others", "应付"), _floats(paid), currency),
            Line("got", Title("Due from others", "应收"), _floats(got), currency),
            Line("net", Title("On balance", "净额"), value, currency, "got - paid"),
        ),
        payments=tuple(_transfers(value, parties, currency)),
    )


def _flows(given: Any, where: str, problems: Problems) -> list[tuple[Title, Title, Fraction, str]]:
    if isinstance(given, Result):
        if given.undetermined:
            found = f"{given.rule}: {', '.join(given.undetermined)}"
            problems.add("the payment is undetermined", where, found)
        return [f for paid in given.payments for f in _flows(paid, where, problems)]
    if isinstance(given, Paid):
        if given.member:
            cure = "give (payer, payee, amount) with the party's own name"
            what = "the payment is by member and does not say which party that is"
            problems.add(what, where, given.member, cure)
        payer, payee, amount, currency = given.payer, given.payee, given.amount, given.currency
    else:
        try:
            first, second, text = given
        except (TypeError, ValueError):
            problems.add("a payment is (payer, payee, amount)", where, repr(given)[:80])
            return []
        payer, payee = title_of(first), title_of(second)
        own = _own_unit(text, where, problems)
        wanted = own.currency or "CNY"
        currency = wanted if own.agrees(unit(wanted)) else f"{wanted}/yr"
        amount = Decimal(repr(read_amount(text, unit(currency), where, problems)))
    if not amount.is_finite():
        return []
    if amount < 0:
        cure = "turn payer and payee round"
        problems.add("the amount is negative", where, f"{amount}", cure)
    if payer.zh == payee.zh:
        problems.add("a party pays itself", where, payer.zh)
    return [(payer, payee, Fraction(amount), currency.removesuffix("/yr"))]


def _balanced(exact: Mapping[str, Fraction]) -> dict[str, Decimal]:
    """Return balances in hundredths; rounded down, then the largest remainders rounded up."""
    floors = {name: amount // Fraction(CENT) for name, amount in exact.items()}
    rest = {name: exact[name] / Fraction(CENT) - floors[name] for name in exact}
    for name in sorted(exact, key=lambda party: -rest[party])[: -sum(floors.values())]:
        floors[name] += 1
    return {name: floors[name] * CENT for name in exact}


def _transfers(
    value: Mapping[str, Decimal], parties: Mapping[str, Title], currency: str
) -> list[Paid]:
    """Return payments from who owes most to who gets most, until all is settled."""
    left = dict(value)
    transfers = []
    while any(left.values()):
        debtor, creditor = min(left, key=left.__getitem__), max(left, key=left.__getitem__)
        amount = min(-left[debtor], left[creditor])
        left[debtor] += amount
        left[creditor] -= amount
        title = Title("Net settlement", "净额清算")
        transfers.append(
            Paid(parties[debtor], parties[creditor], amount, currency, title, "net settlement")
        )
    return transfers


def _floats(exact: Mapping[str, Fraction]) -> dict[str, float]:
    return {name: float(amount) for name, amount in exact.items()}


# ------------------------------------------------------------------------------------- sheet


def settlement_sheet(results: Iterable[Result], lang: str = "zh") -> pd.DataFrame:
    """Return who pays whom, how much and under which clause: a row for each payment.

    Parameters
    ----------
    results
        Results of rules and functions. One that is undetermined gets a row that says so.
    lang
        ``zh`` or ``en``.

    Returns
    -------
    DataFrame
        Columns payer, payee, member, amount (a Decimal, or None), currency, title, condition,
        rule, clause, document, verified, warnings.

    Examples
    --------
    >>> paid = net([("A", "B", "500 万元")])
    >>> settlement_sheet([paid])[["payer", "payee", "amount"]].values.tolist()
    [['A', 'B', Decimal('5000000.00')]]
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for result in results:
        about = {
            "rule": result.rule,
            "document": result.document,
            "verified": result.verified,
            "warnings": "; ".join(_said(problem) for problem in result.warnings),
        }
        if result.undetermined:
            unknown = {"zh": "无法判定，缺少", "en": "undetermined, not known:"}[lang]
            title = f"{result.title[lang]} ({unknown} {', '.join(result.undetermined)})"
            rows.append({"title": title, "clause": result.cite, **about})
        rows += [
            {
                "payer": paid.payer[lang],
                "payee": paid.payee[lang],
                "member": paid.member,
                "amount": paid.amount,
                "currency": paid.currency,
                "title": paid.title[lang],
                "condition": paid.condition[lang] if paid.condition else "",
                "clause": paid.cite,
                **about,
            }
            for paid in result.payments
        ]
    frame = pd.DataFrame(rows, columns=_SHEET, dtype=object)
    return frame.where(frame.notna(), None)


_SHEET = ["payer", "payee", "member", "amount", "currency", "title", "condition", "rule"]
_SHEET += ["clause", "document", "verified", "warnings"]


def _said(problem: Problem) -> str:
    return f"{problem.what} ({problem.found})" if problem.found else problem.what
