"""Several approaches to one value, comparable sales, and what packaging adds (整合提升)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gep.errors import DataError, Problems
from gep.realization.contracts import MAX_YEARS, TIMINGS, Timing, discount
from gep.realization.results import Given, Line, Result, read_amount, told
from gep.realization.valuation import Worth, read_money
from gep.tables import Title
from gep.units import NUMBER, unit

#: A comparison with fewer is no comparison of a market.
LEAST_COMPARABLES = 3
_WEIGHTS = 1e-9  # how far weights may miss a sum of 1


# ---------------------------------------------------------------------------------- approaches


def reconcile(
    approaches: Mapping[str, Any],
    *,
    spread_limit: float,
    price_year: int,
    weights: Mapping[str, float] | None = None,
    money: str = "元",
) -> Result:
    """Return several approaches side by side, and their mean only by weights that are given.

    Parameters
    ----------
    approaches
        Name -> amount or result (income, market, cost ...), two or more.
    spread_limit
        A warning names a spread beyond it. The spread is the distance of the highest from the
        lowest, as a share of the plain mean.
    price_year
        Of which year the money is; results of another year are refused.
    weights
        Name -> weight, adding up to 1. Without them there is no single value: the result holds one
        for each approach.
    money
        Unit of the result.

    Returns
    -------
    Result
        With the lines ``values``, ``lowest``, ``highest`` and ``spread``.

    Raises
    ------
    DataError
        If units or price years do not agree, an approach is undetermined, results of different
        methods that exclude each other are weighted, or weights do not add up to 1.

    Notes
    -----
    The measure of the spread is ours. Verified: full_text.

    Examples
    --------
    >>> both = {"income": "120 万元", "market": "100 万元"}
    >>> found = reconcile(both, spread_limit=0.3, price_year=2020, money="万元")
    >>> found.value, round(found["spread"], 4)
    ({'income': 120.0, 'market': 100.0}, 0.1818)
    """
    problems = Problems()
    wanted = read_money(money, problems)
    if len(approaches) < 2:  # noqa: PLR2004
        problems.add("a reconciliation needs two approaches", "approaches", cure="name one more")
    values: dict[str, float] = {}
    for name, given in approaches.items():
        if isinstance(given, Worth):
            cure = "give its .cash_value or .service_value"
            problems.add("a valuation has two numbers", f"approaches, {name}", cure=cure)
            continue
        if isinstance(given, Result):
            if given.price_year != price_year:
                found = f"{given.price_year}, wanted {price_year}"
                problems.add("the price year differs", f"approaches, {name}", found, "deflate it")
            if given.value is None:
                problems.add("the approach is undetermined", f"approaches, {name}")
                continue
        values[name] = read_amount(given, wanted, f"approaches, {name}", problems)
    if weights is not None:
        _weights(weights, approaches, problems)
        modes = {
            given.rule
            for given in approaches.values()
            if isinstance(given, Result) and given.rule.startswith("function:vep.")
        }
        if len(modes) > 1:
            what = "values by definitions that exclude each other have no mean"
            problems.add(what, "weights", ", ".join(sorted(modes)), "show them side by side")
    if not spread_limit > 0:
        problems.add("the limit of the spread is above 0", "spread_limit", repr(spread_limit))
    problems.raise_if_any(DataError)
    low, high = min(values.values()), max(values.values())
    mean = math.fsum(values.values()) / len(values)
    spread = (high - low) / mean if low > 0 else None
    if spread is None:
        what = "an approach is not above zero: the spread has no share"
        problems.warn(what, "approaches", told(values))
    elif spread > spread_limit:
        what = "the approaches lie far apart"
        problems.warn(what, "approaches", f"spread {spread:.4g}", "explain it, or drop an approach")
    lines = [
        Line("values", Title("Value by each approach", "各方法评估值"), values, str(wanted)),
        Line("lowest", Title("Lowest", "最低值"), low, str(wanted)),
        Line("highest", Title("Highest", "最高值"), high, str(wanted)),
    ]
    if spread is not None:
        title = Title("Spread, share of the plain mean", "差异率（极差与平均值之比）")
        lines.append(Line("spread", title, spread, "1", "(highest - lowest) / mean(values)"))
    value: Any = values
    inputs = {}
    if weights is not None:
        value = math.fsum(weights[name] * values[name] for name in values)
        inputs["w"] = Given(Title("Weights", "权重"), dict(weights), "1")
        lines.append(Line("mean", Title("Weighted mean", "加权平均"), value, str(wanted), "Σ w·V"))
    return Result(
        title=Title("Approaches side by side", "多种方法比较"),
        value=value,
        unit=str(wanted),
        rule="function:approaches.reconcile",
        price_year=price_year,
        verified="full_text",
        inputs=inputs,
        lines=tuple(lines),
        warnings=problems.warnings,
    )


def _weights(weights: Mapping[str, float], names: Mapping[str, Any], problems: Problems) -> None:
    if set(weights) != set(names):
        odd = ", ".join(sorted(set(weights) ^ set(names)))
        problems.add("every approach has one weight, and nothing else has", "weights", odd)
    wrong = [name for name, w in weights.items() if not (math.isfinite(w) and w >= 0)]
    if wrong:
        problems.add("a weight is a number from 0 on", "weights", ", ".join(wrong))
    total = math.fsum(weights.values())
    if not abs(total - 1) <= _WEIGHTS:
        problems.add("the weights do not add up to 1", "weights", f"{total:.12g}")


def market_comparison(
    comparables: Mapping[str, tuple[Any, Mapping[str, float]]],
    *,
    weights: Mapping[str, float] | Literal["equal"],
    price_year: int,
    money: str = "元/亩",
) -> Result:
    """Return a value by comparable sales: each price times the factors of its differences.

    Parameters
    ----------
    comparables
        Name -> (price, factors), three or more. A factor above 1 says that the subject is better
        than the sale; all sales have the same factors (site, access, price index ...), 1 where
        nothing differs.
    weights
        Name -> weight, adding up to 1, or ``"equal"``.
    price_year
        Of which year the money of the result is; the factor of the price index brings each price
        there.
    money
        Unit of the result, mostly money by area.

    Returns
    -------
    Result
        With the adjusted prices as line ``adjusted`` and the lowest and highest of them.

    Raises
    ------
    DataError
        If there are fewer than three sales, a price is not above zero, a factor is missing or not
        above zero, or the weights do not add up to 1.

    Notes
    -----
    Source: pages on the appraisal of forest rights (at least three sales; factors of site, access
    and price index). Verified: secondary.

    Examples
    --------
    >>> sales = {
    ...     "a": ("1000 元/亩", {"site": 1.1, "index": 1.0}),
    ...     "b": ("1200 元/亩", {"site": 1.0, "index": 0.95}),
    ...     "c": ("900 元/亩", {"site": 1.2, "index": 1.05}),
    ... }
    >>> f"{market_comparison(sales, weights='equal', price_year=2020).value:.2f}"
    '1124.67'
    """
    problems = Problems()
    wanted = read_money(money, problems)
    if len(comparables) < LEAST_COMPARABLES:
        what = f"a comparison needs at least {LEAST_COMPARABLES} sales"
        problems.add(what, "comparables", f"{len(comparables)}", "add sales, or use another method")
    every = dict.fromkeys(name for _, factors in comparables.values() for name in factors)
    prices: dict[str, float] = {}
    adjusted: dict[str, float] = {}
    for name, (price, factors) in comparables.items():
        where = f"comparables, {name}"
        prices[name] = float(read_amount(price, wanted, where, problems))
        if prices[name] <= 0:
            problems.add("a price is above zero", where, f"{prices[name]:g}")
        for factor in every:
            own = factors.get(factor, math.nan)
            if factor not in factors:
                cure = "give every factor of every sale, 1 where nothing differs"
                problems.add(f"the factor {factor!r} is missing", where, cure=cure)
            elif not (math.isfinite(own) and own > 0):
                problems.add(f"the factor {factor!r} is not above zero", where, repr(own))
        adjusted[name] = prices[name] * math.prod(factors.values())
    if weights != "equal":
        _weights(weights, comparables, problems)
    problems.raise_if_any(DataError)
    shares = dict.fromkeys(adjusted, 1 / len(adjusted)) if weights == "equal" else dict(weights)
    value = math.fsum(shares[name] * adjusted[name] for name in adjusted)
    text = str(wanted)
    inputs = {
        "p": Given(Title("Prices of the sales", "可比实例价格"), prices, text),
        "w": Given(Title("Weights", "权重"), shares, "1"),
    }
    for factor in every:
        own_factors = {name: factors[factor] for name, (_, factors) in comparables.items()}
        inputs[factor] = Given(Title(f"Factor: {factor}", f"修正系数：{factor}"), own_factors, "1")
    title = Title("Adjusted prices", "修正后价格")
    return Result(
        title=Title("Value by market comparison", "市场比较法评估值"),
        value=value,
        unit=text,
        rule="function:approaches.market_comparison",
        price_year=price_year,
        source=Title(
            "pages on forest-right appraisal (jyslpg.com/xingyezixun/142.html)",
            "林权评估网页（jyslpg.com/xingyezixun/142.html）",
        ),
        verified="secondary",
        inputs=inputs,
        lines=(
            Line("adjusted", title, adjusted, text, f"p · {' · '.join(every) or '1'}"),
            Line("lowest", Title("Lowest", "最低值"), min(adjusted.values()), text),
            Line("highest", Title("Highest", "最高值"), max(adjusted.values()), text),
        ),
        warnings=problems.warnings,
    )


# -------------------------------------------------------------------------------------- uplift


def shapley(worth: Callable[[frozenset[str]], float], names: Sequence[str]) -> dict[str, float]:
    """Return what each of several changes contributes, the mean over all orders.

    Parameters
    ----------
    worth
        The value when these changes have been made, and no others.
    names
        The changes.

    Returns
    -------
    dict
        A part for each change; they add up to ``worth(all) - worth(none)``.

    Notes
    -----
    Source: Shapley (1953), A value for n-person games. Verified: full_text.

    Examples
    --------
    >>> shapley(lambda done: 2.0 * 3.0 if len(done) == 2 else 3.0 if "a" in done else
    ...         2.0 if "b" in done else 1.0, ["a", "b"])
    {'a': 3.0, 'b': 2.0}
    """
    known: dict[frozenset[str], float] = {}
    parts: dict[str, list[float]] = {name: [] for name in names}
    orders = list(itertools.permutations(names))
    for order in orders:
        done: frozenset[str] = frozenset()
        for name in order:
            after = done | {name}
            for state in (done, after):
                if state not in known:
                    known[state] = worth(state)
            parts[name].append(known[after] - known[done])
            done = after
    return {name: math.fsum(own) / len(orders) for name, own in parts.items()}


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A parcel, alone or in a package.

    Attributes
    ----------
    area
        With its unit.
    rent
        Net income of a year by area, with its unit, before the factors.
    years
        For how many years it can be used.
    scale, quality
        Factors on the income by the size of the holding and by its state; 1 for none.
    """

    area: Any
    rent: Any
    years: int
    scale: float = 1.0
    quality: float = 1.0


_EFFECTS = {
    "rent": Title("Effect of the rent", "租金效应"),
    "term": Title("Effect of the term", "期限效应"),
    "scale": Title("Effect of scale", "规模效应"),
    "quality": Title("Effect of quality", "质量效应"),
}


def uplift(
    alone: Mapping[str, Holding],
    packaged: Mapping[str, Holding],
    *,
    rate: Any,
    timing: Timing,
    price_year: int,
    money: str = "元",
) -> Result:
    """Return what a package is worth beyond its parcels, and why.

    Parameters
    ----------
    alone, packaged
        Parcel -> :class:`Holding`, by itself and within the package, with the same areas.
    rate, timing
        Discount rate or schedule, and when the income falls.
    price_year, money
        As in :meth:`Contract.worth`.

    Returns
    -------
    Result
        The uplift, which may be negative (with a warning), and as lines ``V_alone``,
        ``V_package`` and the effects ``rent``, ``term``, ``scale``, ``quality``, Shapley values
        that add up to it.

    Raises
    ------
    DataError
        With all problems of the holdings.

    Notes
    -----
    ``V = Σ area · rent · scale · quality · annuity factor``. Source: the definition of a present
    value; Shapley (1953). Verified: full_text.

    Examples
    --------
    >>> a = Holding(area="10 亩", rent="100 元/(亩·yr)", years=20)
    >>> b = Holding(area="10 亩", rent="100 元/(亩·yr)", years=20, scale=1.25)
    >>> found = uplift({"p": a}, {"p": b}, rate=0.05, timing="arrears", price_year=2020)
    >>> f"{found.value:.2f} {found['scale']:.2f} {found['term']:.2f}"
    '3115.55 3115.55 0.00'
    """
    problems = Problems()
    wanted = read_money(money, problems)
    by = discount(rate, problems=problems)
    if timing not in TIMINGS:
        problems.add("the timing is not known", "timing", repr(timing), "advance or arrears")
    if set(alone) != set(packaged) or not alone:
        odd = ", ".join(sorted(set(alone) ^ set(packaged)))
        problems.add("the package does not hold the same parcels", "packaged", odd)
    before = {name: _holding(h, f"alone, {name}", problems) for name, h in alone.items()}
    after = {name: _holding(h, f"packaged, {name}", problems) for name, h in packaged.items()}
    for name in set(before) & set(after):
        one, other = before[name]["area"], after[name]["area"]
        if not math.isclose(one, other, rel_tol=_WEIGHTS):
            what = "the area differs: the package has the parcels' areas"
            problems.add(what, f"packaged, {name}", f"{other:g}, alone {one:g} m²")
    problems.raise_if_any(DataError)
    factor = float(unit("元").factor_to(wanted))

    def worth(done: frozenset[str]) -> float:
        values = []
        for name, own in before.items():
            now = {effect: (after[name] if effect in done else own)[effect] for effect in _EFFECTS}
            income = own["area"] * now["rent"] * now["scale"] * now["quality"]
            values.append(income * by.annuity(int(now["term"]), timing) * factor)
        return math.fsum(values)

    first, last = worth(frozenset()), worth(frozenset(_EFFECTS))
    effects = shapley(worth, list(_EFFECTS))
    if last < first:
        what = "the package is worth less than its parcels"
        problems.warn(what, "uplift", f"{told(last)} against {told(first)} {wanted}")
    text = str(wanted)
    lines = [
        Line("V_alone", Title("Parcels by themselves", "单宗价值合计"), first, text),
        Line("V_package", Title("Package", "整合后价值"), last, text),
        *(Line(name, title, effects[name], text) for name, title in _EFFECTS.items()),
    ]
    return Result(
        title=Title("Uplift by packaging", "整合提升价值"),
        value=last - first,
        unit=text,
        rule="function:approaches.uplift",
        price_year=price_year,
        source=Title("a present value, by Shapley (1953)", "现值与 Shapley (1953) 分解"),
        verified="full_text",
        inputs={"rate": by.given()},
        lines=tuple(lines),
        warnings=problems.warnings,
    )


def _holding(own: Holding, where: str, problems: Problems) -> dict[str, float]:
    numbers = {
        "area": read_amount(own.area, unit("m²"), f"{where}, area", problems),
        "rent": read_amount(own.rent, unit("元/(m²·yr)"), f"{where}, rent", problems),
        "scale": read_amount(own.scale, NUMBER, f"{where}, scale", problems),
        "quality": read_amount(own.quality, NUMBER, f"{where}, quality", problems),
    }
    for name in ("area", "scale", "quality"):
        if numbers[name] <= 0:
            problems.add(f"the {name} is not above zero", f"{where}, {name}", f"{numbers[name]:g}")
    years = own.years
    if isinstance(years, bool) or not isinstance(years, int) or not 1 <= years <= MAX_YEARS:
        what = f"years is a whole number from 1 to {MAX_YEARS}"
        problems.add(what, f"{where}, years", repr(years))
        years = 1
    return {**numbers, "term": float(years)}
