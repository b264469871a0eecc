"""Measures of value realisation: rate, GEP beside GDP, coupling coordination, brand premium."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from gep.errors import DataError, Problems, nearest
from gep.realization.results import Given, Line, Result, read_amount, read_rate
from gep.tables import Title
from gep.units import NUMBER, unit

#: What counts as realised by the wide definition: products that are sold, and visits.
KINDS = ("material", "regulating", "cultural")
_WIDE = ("material", "cultural")
#: Fewer annual points tell nothing of an elasticity.
MIN_POINTS = 8
#: Fewer pairs of prices tell an interval, not a premium.
MIN_PAIRS = 5
#: Premiums outside are possible, and mostly a mistake.
_PREMIUMS = (-0.5, 3)
#: Weights add to 1 within this.
_CLOSE = 1e-9


@dataclass(frozen=True)
class Basis:
    """The year of an amount and the year of its prices."""

    year: int
    price_year: int


def realisation_rate(
    *,
    gep: Mapping[str, Any],
    realised: Mapping[str, Any],
    kinds: Mapping[str, str],
    gep_basis: Basis,
    realised_basis: Basis,
    money: str = "亿元/yr",
) -> Result:
    """Return which share of GEP is realised as money, by a strict and a wide definition.

    Parameters
    ----------
    gep
        GEP of each product [money/yr].
    realised
        What was received for each product in the same year [money/yr]: sales or value added of
        material products, compensation, purchases and trade of regulating services, and what
        visits bring. 0 where nothing was; a product that is left out or None is not known.
    kinds
        ``"material"``, ``"regulating"`` or ``"cultural"`` for each product of ``gep``.
    gep_basis, realised_basis
        Year and price year of both; they must be the same.
    money
        Unit of money of the result's lines.

    Returns
    -------
    Result
        The strict rate, ``Σ realised / Σ GEP`` over the products of GEP. Lines: the rate of each
        product, the wide rate (material and cultural GEP over all GEP, an upper bound: it takes all
        of it as sold), what was received for products that GEP does not count. Undetermined where
        a product's receipts are not known; the lines that are known are there.

    Raises
    ------
    DataError
        If years or price years differ, an amount is negative, a kind is missing or unknown, or GEP
        is 0.

    Notes
    -----
    Source: definition of the realisation rate of ecosystem products after Lin et al. (2023), Acta
    Ecologica Sinica 43(1), 189-197, whose formula was not read. Verified: recalled.

    Examples
    --------
    >>> rate = realisation_rate(
    ...     gep={"tea": "20 亿元/yr", "soil": "80 亿元/yr"},
    ...     realised={"tea": "12 亿元/yr", "soil": "0 亿元/yr"},
    ...     kinds={"tea": "material", "soil": "regulating"},
    ...     gep_basis=Basis(2020, 2020), realised_basis=Basis(2020, 2020),
    ... )
    >>> float(rate), rate["wide"]
    (0.12, 0.2)
    """
    problems = Problems()
    for what, ours, theirs in (
        ("years", gep_basis.year, realised_basis.year),
        ("price years", gep_basis.price_year, realised_basis.price_year),
    ):
        if ours != theirs:
            found = f"GEP {ours}, realised {theirs}"
            cure = "bring both to one basis first"
            problems.add(f"the {what} of GEP and of what was realised differ", "basis", found, cure)
    values = _amounts(gep, money, "gep", problems)
    received = _amounts(realised, money, "realised", problems)
    for product in values:
        if kinds.get(product) not in KINDS:
            found = repr(kinds.get(product))
            cure = f"one of {', '.join(KINDS)}"
            problems.add("the kind of the product is not known", f"kinds[{product}]", found, cure)
    for product in values:
        if values[product] is None:
            problems.add("GEP of the product is missing", f"gep[{product}]")
    problems.raise_if_any(DataError)
    whole = sum(v for v in values.values() if v is not None)
    if whole <= 0:
        raise DataError("GEP is 0: no share of it can be realised", "gep")
    rates: dict[str, float | None] = {}
    for product, value in values.items():
        got = received.get(product)
        rates[product] = got / value if value and got is not None else None
        if got and not value:
            what = "something was received for a product whose GEP is 0"
            problems.warn(what, f"realised[{product}]", f"{got:g} {money}")
        if (rates[product] or 0) > 1:
            what = "more is realised than GEP counts: the two do not measure the same"
            cure = "compare output with output, or value added with value added"
            problems.warn(what, f"realised[{product}]", f"{rates[product]:.3f} of GEP", cure)
    unmatched = {p: v for p, v in received.items() if p not in values and v}
    if unmatched:
        what = "something was received for products that GEP does not count: it is left out"
        problems.warn(what, "realised", ", ".join(unmatched))
    unknown = tuple(f"realised[{p}]" for p in values if received.get(p) is None)
    matched = sum(received.get(p) or 0.0 for p in values)
    wide = sum(v for p, v in values.items() if v and kinds[p] in _WIDE) / whole
    return Result(
        Title("Value realisation rate, strict", "生态产品价值实现率（严格口径）"),
        None if unknown else matched / whole,
        "1",
        "function:gep.realization.metrics.realisation_rate",
        gep_basis.price_year,
        source=Title("Lin et al. (2023), formula not read", "林亦晴等（2023），未读到公式"),
        verified="recalled",
        inputs={
            "gep": Given(Title("GEP by product", "各产品 GEP"), values, money),
            "realised": Given(Title("Realised by product", "各产品实现价值"), received, money),
        },
        lines=(
            Line("rates", Title("Rate of each product", "各产品实现率"), rates, "1"),
            Line(
                "wide",
                Title("Wide rate, an upper bound", "宽口径实现率（上限）"),
                wide,
                "1",
                "(material + cultural) / GEP",
            ),
            Line("matched", Title("Realised in all", "实现价值合计"), matched, money),
            Line(
                "unmatched",
                Title("Received for products outside GEP", "无对应产品的收入"),
                sum(v for v in unmatched.values() if v),
                money,
            ),
        ),
        warnings=problems.warnings,
        notes=(
            (
                "严格口径只计实际收入，宽口径视物质与文化产品全部实现。"
                "The strict rate counts receipts; the wide one takes all material and cultural "
                "GEP as sold."
            ),
        ),
        undetermined=unknown,
    )


def _amounts(
    given: Mapping[str, Any], money: str, where: str, problems: Problems
) -> dict[str, float | None]:
    wanted = unit(money)
    found: dict[str, float | None] = {}
    for name, one in given.items():
        if one is None:
            found[name] = None
            continue
        value = float(read_amount(one, wanted, f"{where}[{name}]", problems))
        if value < 0:
            problems.add("the amount is negative", f"{where}[{name}]", f"{value:g} {money}")
        found[name] = value
    return found


# ------------------------------------------------------------------------------ GEP beside GDP


def gep_to_gdp(
    *,
    gep: Mapping[int, Any],
    gdp: Mapping[int, Any],
    prices: Literal["constant", "current"],
    price_year: int,
    gdp_eco: Mapping[int, Any] | None = None,
    realised: Mapping[int, Any] | None = None,
    money: str = "亿元/yr",
) -> Result:
    """Return GEP over GDP by year, and how both grow together where there are years enough.

    Parameters
    ----------
    gep, gdp
        GEP and GDP by year [money/yr]; the years that both have are used.
    prices
        Whether all are in ``"constant"`` or ``"current"`` prices.
    price_year
        Year of the constant prices, or the last year of the current ones.
    gdp_eco
        Value added of the branches that rest on ecosystems, by year [money/yr].
    realised
        Realised value of ecosystem products by year [money/yr].
    money
        Unit in which they are read.

    Returns
    -------
    Result
        GEP/GDP of the last year. Lines: the ratio of each year; from eight annual points on without
        a gap, the elasticity ``Δln GDP_eco / Δln GEP`` and the marginal conversion
        ``ΔRealised / ΔGEP`` between the first and the last year. No trend is fitted.

    Raises
    ------
    DataError
        If no year is common to both, or an amount is not positive.

    Notes
    -----
    Source: the definitions of a ratio, an elasticity between two points and a marginal rate.
    Verified: full_text.

    Examples
    --------
    >>> ratio = gep_to_gdp(
    ...     gep={2018: "5024.5 亿元/yr"}, gdp={2018: "1394.7 亿元/yr"},
    ...     prices="current", price_year=2018,
    ... )
    >>> print(f"{float(ratio):.2f}")
    3.60
    """
    problems = Problems()
    if prices not in ("constant", "current"):
        problems.add("prices are constant or current", "prices", repr(prices)[:80])
    series = {
        name: _years(given, money, name, problems)
        for name, given in (
            ("gep", gep),
            ("gdp", gdp),
            ("gdp_eco", gdp_eco),
            ("realised", realised),
        )
        if given is not None
    }
    years = sorted(set(series["gep"]) & set(series["gdp"]))
    if not years:
        problems.add("GEP and GDP have no year in common", "gep, gdp")
    problems.raise_if_any(DataError)
    ratios = {str(y): series["gep"][y] / series["gdp"][y] for y in years}
    lines = [Line("ratio", Title("GEP over GDP", "GEP 与 GDP 之比"), ratios, "1", "gep / gdp")]
    notes = []
    for name, symbol, title in (
        ("gdp_eco", "elasticity", Title("Conversion elasticity", "转化弹性")),
        ("realised", "marginal", Title("Marginal conversion", "边际转化率")),
    ):
        if name not in series:
            continue
        common = sorted(set(series["gep"]) & set(series[name]))
        if len(common) < MIN_POINTS or common[-1] - common[0] != len(common) - 1:
            notes.append(
                f"{symbol}: 连续年度少于 {MIN_POINTS} 个，不计算{title.zh}。"
                f"Fewer than {MIN_POINTS} years without a gap: no {title.en.lower()}."
            )
            continue
        first, last = common[0], common[-1]
        value, formula = _between(series["gep"], series[name], first, last, symbol)
        lines.append(Line(symbol, title, value, "1", formula, note=_span(first, last)))
        if value is None:
            notes.append(f"{symbol}: GEP 首末年相同。GEP is the same in {first} and {last}.")
        elif prices == "current":
            what = "in current prices, part of this is inflation"
            problems.warn(what, symbol, cure="use constant prices")
    return Result(
        Title("GEP over GDP", "GEP 与 GDP 之比"),
        ratios[str(years[-1])],
        "1",
        "function:gep.realization.metrics.gep_to_gdp",
        price_year,
        source=Title("Definitions of a ratio and of an elasticity", "比值与弹性的定义"),
        verified="full_text",
        inputs={
            name: Given(_SERIES[name], {str(y): v for y, v in sorted(s.items())}, money)
            for name, s in series.items()
        },
        lines=tuple(lines),
        warnings=problems.warnings,
        notes=tuple(notes),
    )


_SERIES = {
    "gep": Title("GEP", "GEP"),
    "gdp": Title("GDP", "GDP"),
    "gdp_eco": Title("GDP of branches that rest on ecosystems", "生态相关产业增加值"),
    "realised": Title("Realised value", "实现价值"),
}


def _span(first: int, last: int) -> Title:
    return Title(f"between {first} and {last}", f"{first} 年与 {last} 年之间")


def _between(
    gep: Mapping[int, float], other: Mapping[int, float], first: int, last: int, symbol: str
) -> tuple[float | None, str]:
    if symbol == "elasticity":
        growth, formula = math.log(gep[last] / gep[first]), "Δln gdp_eco / Δln gep"
        change = math.log(other[last] / other[first])
    else:
        growth, formula = gep[last] - gep[first], "Δrealised / Δgep"
        change = other[last] - other[first]
    return (change / growth if growth else None), formula


def _years(
    given: Mapping[int, Any], money: str, where: str, problems: Problems
) -> dict[int, float]:
    wanted = unit(money)
    found = {}
    for year, one in given.items():
        if one is None:
            continue  # a year that is not known is a gap, and gaps are refused where they matter
        value = float(read_amount(one, wanted, f"{where}[{year}]", problems))
        if not value > 0 and not math.isnan(value):
            problems.add("the amount is not positive", f"{where}[{year}]", f"{value:g} {money}")
        found[int(year)] = value
    return found


# ---------------------------------------------------------------------- coupling coordination


def coupling_coordination(
    levels: Mapping[str, Any],
    *,
    weights: Mapping[str, Any],
    span: str,
    form: Literal["modified", "classic"] = "modified",
) -> Result:
    """Return how well systems develop together: coupling C, level T and coordination D.

    Parameters
    ----------
    levels
        Level of each system, from 0 to 1 [1]; two systems or more.
    weights
        Weight of each system in T [1]; they add to 1.
    span
        Over which places and years the levels were normalised, in words. D changes when one is
        added, so two spans cannot be compared.
    form
        Which D is the result. The classic C is close to 1 for almost any levels, so the modified
        one is taken unless asked otherwise; both are in the lines.

    Returns
    -------
    Result
        D of the form asked for; lines hold T and C and D of both forms. Undetermined where every
        level is 0: C is not defined.

    Raises
    ------
    DataError
        If a level lies outside 0 to 1, weights do not add to 1 or name other systems, there are
        fewer than two systems, or the span is not named.

    Notes
    -----
    Classic: ``C = n (Π U)^(1/n) / Σ U``, with its coefficient n. Modified:
    ``C = sqrt{(1 - mean |Ui - Uj| over all pairs) · [Π (U / max U)]^(1/(n - 1))}``; for two
    systems ``sqrt{(1 - |U1 - U2|) · min/max}``. ``D = sqrt(C T)``, ``T = Σ w U``.
    Source: Wang, Kong, Ren et al. (2021), Research on misuses and modification of coupling
    coordination degree model in China, Journal of Natural Resources 36(3), 793-810: four misuses
    (wrong formula, lost coefficient, wrong weights, a model that does not hold). The modified form
    is recalled and agrees with the pairs of C in its Table 8. Verified: recalled.

    Examples
    --------
    >>> found = coupling_coordination(
    ...     {"ecology": 0.6, "economy": 0.3}, weights={"ecology": 0.5, "economy": 0.5},
    ...     span="13 cities, 2010 to 2020",
    ... )
    >>> print(f"{found['C_classic']:.3f} {found['C_modified']:.3f} {float(found):.3f}")
    0.943 0.592 0.516
    """
    problems = Problems()
    if not isinstance(span, str) or not span.strip():
        cure = "say over which places and years the levels were normalised"
        problems.add("the span of the normalisation is missing", "span", cure=cure)
    if form not in ("modified", "classic"):
        problems.add("the form is modified or classic", "form", repr(form)[:80])
    values = {
        name: float(read_amount(v, NUMBER, f"levels[{name}]", problems))
        for name, v in levels.items()
    }
    for name, value in values.items():
        if not 0 <= value <= 1 and not math.isnan(value):
            what = "the level lies outside 0 to 1"
            problems.add(what, f"levels[{name}]", f"{value:g}", "normalise the index first")
    if len(values) < 2:  # noqa: PLR2004
        problems.add("coupling is of two systems or more", "levels", f"{len(values)}")
    shares = _read_weights(weights, values, "weights", problems)
    problems.raise_if_any(DataError)
    title = Title(
        f"Coupling coordination degree, {form}",
        f"耦合协调度（{'修正模型' if form == 'modified' else '传统模型'}）",
    )
    rule = "function:gep.realization.metrics.coupling_coordination"
    source = Title(
        "Wang et al. (2021), Journal of Natural Resources", "王淑佳等（2021），自然资源学报"
    )
    inputs = {
        "levels": Given(Title("Level of each system", "各系统综合水平"), values, "1", note=span),
        "weights": Given(Title("Weights", "权重"), shares, "1"),
    }
    notes = (
        (
            f"归一化范围：{span}。增减城市或年份会改变结果，不同范围不可比。"
            f"Normalised over: {span}. Not comparable with another span."
        ),
    )
    if not any(values.values()):
        return Result(
            title,
            None,
            "1",
            rule,
            source=source,
            verified="recalled",
            inputs=inputs,
            notes=notes,
            undetermined=("C is not defined where every level is 0",),
        )
    number, top = len(values), max(values.values())
    classic = number * math.prod(values.values()) ** (1 / number) / sum(values.values())
    pairs = [abs(a - b) for a, b in combinations(values.values(), 2)]
    apart = sum(pairs) / len(pairs)
    evenness = math.prod(v / top for v in values.values()) ** (1 / (number - 1))
    modified = math.sqrt((1 - apart) * evenness)
    level = sum(shares[name] * value for name, value in values.items())
    both = {"classic": math.sqrt(classic * level), "modified": math.sqrt(modified * level)}
    return Result(
        title,
        both[form],
        "1",
        rule,
        source=source,
        verified="recalled",
        inputs=inputs,
        lines=(
            Line("C_classic", Title("Coupling, classic", "耦合度（传统）"), classic, "1"),
            Line("C_modified", Title("Coupling, modified", "耦合度（修正）"), modified, "1"),
            Line("T", Title("Level of all systems", "综合发展水平"), level, "1", "Σ w · U"),
            Line(
                "D_classic",
                Title("Coordination, classic", "协调度（传统）"),
                both["classic"],
                "1",
                "sqrt(C_classic · T)",
            ),
            Line(
                "D_modified",
                Title("Coordination, modified", "协调度（修正）"),
                both["modified"],
                "1",
                "sqrt(C_modified · T)",
            ),
        ),
        notes=notes,
    )


def _read_weights(
    weights: Mapping[str, Any], names: Mapping[str, Any], where: str, problems: Problems
) -> dict[str, float]:
    """Return weights that name the same things and add to 1, noting problems."""
    found = {
        name: float(read_amount(w, NUMBER, f"{where}[{name}]", problems))
        for name, w in weights.items()
    }
    for name in sorted(set(found) ^ set(names)):
        cure = nearest(name, names) if name in found else ""
        problems.add(f"{name!r} is not in both, the weights and the levels", where, cure=cure)
    for name, weight in found.items():
        if weight < 0:
            problems.add("the weight is negative", f"{where}[{name}]", f"{weight:g}")
    total = math.fsum(found.values())
    if abs(total - 1) > _CLOSE:
        problems.add("the weights do not add to 1", where, f"{total:.10g}")
    return found


# ---------------------------------------------------------------------------------- brand premium


def premium_rate(pairs: Sequence[tuple[Any, Any]], *, confidence: Any) -> Result:
    """Return by how much branded goods are dearer, from matched pairs of prices.

    Parameters
    ----------
    pairs
        Price of the branded good and of its match without the brand: the same grade, channel and
        season. Both of a pair in one unit, as bare numbers or as amounts in 元/kg.
    confidence
        Confidence of the interval, as a decimal (0.95).

    Returns
    -------
    Result
        The premium rate; lines hold the interval. With fewer than five pairs the rate is
        undetermined and only the interval is given; with one pair there is none.

    Raises
    ------
    DataError
        If a price is not positive, or the confidence does not lie between 0 and 1.

    Notes
    -----
    ``exp(mean of ln(brand/reference)) - 1`` with the t interval of the mean of the logarithms.
    Source: paired comparison of prices, Student's t. Verified: full_text.

    Examples
    --------
    >>> rate = premium_rate([(13, 10)] * 4 + [(26, 20)], confidence=0.95)
    >>> print(f"{float(rate):.2f}")
    0.30
    """
    from scipy import stats

    problems = Problems()
    level = read_rate(confidence, "confidence", problems)
    if not 0 < level < 1 and not problems.errors:
        problems.add("the confidence lies between 0 and 1", "confidence", f"{level:g}")
    logs = [_log_ratio(pair, f"pair {number}", problems) for number, pair in enumerate(pairs, 1)]
    if not logs:
        problems.add("there is no pair of prices", "pairs")
    problems.raise_if_any(DataError)
    count = len(logs)
    mean = math.fsum(logs) / count
    low = high = None
    if count > 1:
        spread = math.sqrt(math.fsum((x - mean) ** 2 for x in logs) / (count - 1) / count)
        reach = float(stats.t.ppf((1 + level) / 2, count - 1)) * spread
        low, high = math.expm1(mean - reach), math.expm1(mean + reach)
    rate = math.expm1(mean)
    few = count < MIN_PAIRS
    _odd_premium(rate, "pairs", problems)
    return Result(
        Title("Brand premium rate", "品牌溢价率"),
        None if few else rate,
        "1",
        "function:gep.realization.metrics.premium_rate",
        source=Title("Paired comparison of prices", "配对价格比较"),
        verified="full_text",
        inputs={
            "pairs": Given(Title("Pairs of prices", "配对价格数"), count, "1"),
            "confidence": Given(Title("Confidence", "置信水平"), level, "1"),
        },
        lines=(
            Line("low", Title("Lower end of the t interval", "t 区间下限"), low, "1"),
            Line("high", Title("Upper end of the t interval", "t 区间上限"), high, "1"),
        ),
        warnings=problems.warnings,
        notes=("价格对数均值的 t 区间。The interval is the t interval of the mean log ratio.",),
        undetermined=(f"{count} pairs of prices, {MIN_PAIRS} are needed",) if few else (),
    )


def _log_ratio(pair: Sequence[Any], where: str, problems: Problems) -> float:
    """Return the logarithm of a price over that of its match, NaN where one is wrong."""
    bare = {not isinstance(price, str | tuple) for price in pair}
    if len(pair) != 2 or len(bare) != 1:  # noqa: PLR2004
        cure = "give (price of the brand, price of its match), both with a unit or both without"
        problems.add("this is not a pair of prices", where, repr(pair)[:80], cure)
        return math.nan
    wanted = NUMBER if bare == {True} else unit("元/kg")
    brand, reference = (
        float(read_amount(price, wanted, f"{where}, {name}", problems))
        for price, name in zip(pair, ("brand", "reference"), strict=True)
    )
    for name, value in (("brand", brand), ("reference", reference)):
        if value <= 0:
            problems.add("the price is not positive", f"{where}, {name}", f"{value:g}")
    return math.log(brand / reference) if brand > 0 and reference > 0 else math.nan


def _odd_premium(rate: float, where: str, problems: Problems) -> None:
    if not _PREMIUMS[0] <= rate <= _PREMIUMS[1]:
        what = "the premium rate is unusual"
        found = f"{rate:g}, mostly {_PREMIUMS[0]:g} to {_PREMIUMS[1]:g}"
        problems.warn(what, where, found, "compare the same grade, channel and season")


def brand_premium(
    rate: Any,
    *,
    sales: Any,
    eco_share: Any,
    gep_priced_at: Literal["brand", "reference"],
    price_year: int,
    money: str = "亿元",
) -> Result:
    """Return what a brand adds to sales, and what of it GEP does not hold already.

    Parameters
    ----------
    rate
        Premium rate over the same good without the brand [1], or the result of
        :func:`premium_rate`. 0.3 is 30 %; it may be above 1, or negative.
    sales
        Sales under the brand [money].
    eco_share
        Share of the premium that is owed to ecology [1].
    gep_priced_at
        At which price GEP counts these goods. At the brand's price the premium is in GEP already
        and is not added to it.
    price_year
        Year of the money.
    money
        Unit of money of the result.

    Returns
    -------
    Result
        The premium, ``sales · rate / (1 + rate)``; lines hold the part owed to ecology and what of
        it may be added to GEP. Undetermined where the rate is: the interval of the premium is then
        in the lines.

    Raises
    ------
    DataError
        With all problems of what was given.

    Notes
    -----
    Source: the definition of a premium. Verified: full_text.

    Examples
    --------
    >>> premium = brand_premium(
    ...     0.3, sales="130 亿元", eco_share=0.5, gep_priced_at="reference", price_year=2019
    ... )
    >>> print(f"{float(premium):.1f} {premium.unit}, beyond GEP {premium['beyond_gep']:.1f}")
    30.0 亿元, beyond GEP 15.0
    """
    problems = Problems()
    amount = float(read_amount(sales, unit(money), "sales", problems))
    if amount < 0:
        problems.add("the sales are negative", "sales", f"{amount:g} {money}")
    share = read_rate(eco_share, "eco_share", problems)
    if gep_priced_at not in ("brand", "reference"):
        cure = "say at which price GEP counts these goods: 'brand' or 'reference'"
        problems.add(
            "the price of GEP is not known", "gep_priced_at", repr(gep_priced_at)[:80], cure
        )
    known = not (isinstance(rate, Result) and rate.undetermined)
    rho = float(read_amount(rate, NUMBER, "rate", problems)) if known else math.nan
    if rho <= -1:
        problems.add("the premium rate is not above -1", "rate", f"{rho:g}")
    elif known and not math.isnan(rho):
        _odd_premium(rho, "rate", problems)
    problems.raise_if_any(DataError)

    def premium(r: float | None) -> float | None:
        return None if r is None else amount * r / (1 + r)

    value = premium(rho) if known else None
    eco = None if value is None else value * share
    lines = [
        Line(
            "eco",
            Title("Premium owed to ecology", "生态溢价"),
            eco,
            money,
            "sales · rate / (1 + rate) · eco_share",
        ),
        Line(
            "beyond_gep",
            Title("Premium that GEP does not hold", "未计入 GEP 的生态溢价"),
            0.0 if gep_priced_at == "brand" else eco,
            money,
        ),
    ]
    notes = ["GEP 按品牌价计价时溢价已含在 GEP 内，不得重复相加。"]
    notes[0] += "Where GEP is priced at the brand's price it holds the premium: never add it again."
    if isinstance(rate, Result):
        lines += [
            Line(end, title, premium(rate[end]), money)
            for end, title in (
                ("low", Title("Premium at the lower end", "溢价下限")),
                ("high", Title("Premium at the upper end", "溢价上限")),
            )
        ]
    return Result(
        Title("Brand premium", "品牌溢价额"),
        value,
        money,
        "function:gep.realization.metrics.brand_premium",
        price_year,
        source=Title("Definition of a premium", "溢价的定义"),
        verified="full_text",
        inputs={
            "rate": Given(Title("Premium rate", "溢价率"), rho if known else None, "1"),
            "sales": Given(Title("Sales under the brand", "品牌销售额"), amount, money),
            "eco_share": Given(Title("Share owed to ecology", "生态贡献占比"), share, "1"),
            "gep_priced_at": Given(Title("Price that GEP uses", "GEP 计价口径"), gep_priced_at, ""),
        },
        lines=tuple(lines),
        warnings=problems.warnings + (rate.warnings if isinstance(rate, Result) else ()),
        notes=tuple(notes),
        undetermined=rate.undetermined if isinstance(rate, Result) else (),
    )
