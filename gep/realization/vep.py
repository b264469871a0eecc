"""Value of the ecosystem products of a project's area (特定地域单元生态产品价值, VEP).

At least three definitions are in use, and their numbers do not compare. The caller names one:

``market``
    What the project earns by protecting and using its area, discounted; less the cost of
    protection and restoration it is a net present value.
``gep_based``
    The value of a year's services, ``Σ q·p``, as in an account of the project's area.
``delta``, ``incremental``
    By how much a project changes that value: of one year, or added up over its operation.

Values of different definitions are never added.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gep.errors import DataError, GepError, Problems, UsageError, nearest
from gep.library import price_index
from gep.realization.contracts import Basis, Flow, Timing, yearly
from gep.realization.results import Given, Line, Result, read_amount
from gep.realization.valuation import Contract, read_money
from gep.tables import Title
from gep.units import NUMBER, unit

_UNIT_OF = re.compile(r"\s*[+-]?[\d,.]+(?:[eE][+-]?\d+)?\s*(.*?)\s*\Z")
_SOURCES = {
    "market": Title(
        "a guide that values a project by its costs and the income it may expect on the market "
        "(iigf.cufe.edu.cn/info/1012/7452.htm)",
        "以保护与合理利用成本和预期市场收益评估项目的指南（iigf.cufe.edu.cn/info/1012/7452.htm）",
    ),
    "gep": Title(
        "DB3305/T 271-2023, chapters 6 and 7; only its table of contents was seen",
        "DB3305/T 271—2023 第6、7章（仅见目录）",
    ),
}


class MixedModes(DataError):  # noqa: N818  the name says what happened
    """Values by different definitions of VEP would be added."""


@dataclass(frozen=True)
class Vep:
    """A value by one definition.

    Attributes
    ----------
    mode
        The definition: ``market``, ``gep_based``, ``delta`` or ``incremental``.
    results
        The numbers of that definition by name: ``vep`` and ``npv``; ``vep``; ``constant_price``
        and ``current_price``; ``undiscounted`` and ``discounted``.
    """

    mode: str
    results: Mapping[str, Result]

    def __getitem__(self, name: str) -> Result:
        """Return one of the results."""
        if name not in self.results:
            what = f"a value by the definition {self.mode!r} has no {name!r}"
            raise UsageError(what, cure=nearest(name, self.results))
        return self.results[name]

    def __add__(self, other: object) -> Vep:
        """Return the sum of two values by one definition; see :func:`total`."""
        return total([self, other])

    def __float__(self) -> float:
        """Return the value where the definition has one number.

        Raises
        ------
        UsageError
            If it has several.
        """
        if len(self.results) > 1:
            what = f"a value by the definition {self.mode!r} has several numbers"
            raise UsageError(what, cure=f"take one of {', '.join(self.results)}")
        return float(next(iter(self.results.values())))

    def text(self, lang: str = "zh") -> str:
        """Return the sheets as text."""
        return "\n".join(result.text(lang) for result in self.results.values())

    def __repr__(self) -> str:
        """Return the sheets in English."""
        return self.text("en")


def vep(method: str | None = None, /, *args: Any, **given: Any) -> Vep:
    """Return a value by the definition named.

    Parameters
    ----------
    method
        ``"market"``, ``"gep_based"``, ``"delta"`` or ``"incremental"``. There is no default: the
        definitions differ in what they count.
    *args, **given
        As the function of that name takes them.

    Raises
    ------
    UsageError
        If the definition is not named.

    Examples
    --------
    >>> found = vep("gep_based", {"water": ("120 万m³/yr", "8 元/m³")}, price_year=2020)
    >>> float(found)
    9600000.0
    """
    if method is None or method not in METHODS:
        what = "the method is missing" if method is None else f"there is no method {method!r}"
        cure = f"name the definition: {', '.join(METHODS)}"
        raise UsageError(what, "vep", cure=cure)
    return METHODS[method](*args, **given)


# -------------------------------------------------------------------------------------- market


def market(
    operation: Contract,
    *,
    capex: Sequence[Flow],
    rate: Any,
    rate_basis: Basis,
    price_year: int,
    money: str = "元",
) -> Vep:
    """Return what a project earns by its area, and its net present value.

    Parameters
    ----------
    operation
        Income and cost of operation (negative), as cash; it says how many years of the right
        remain.
    capex
        What protection and restoration cost, as positive amounts.
    rate, rate_basis, price_year, money
        As in :meth:`~gep.realization.valuation.Contract.worth`.

    Returns
    -------
    Vep
        ``vep`` (the present value of operation) and ``npv`` (less that of ``capex``).

    Raises
    ------
    DataError
        If the years of the right are not given or are fewer than the operation's, a flow of
        operation is a service that nobody pays for, or a cost of ``capex`` is negative.

    Notes
    -----
    ``VEP = Σ (income - cost)/(1 + r)^t``, ``NPV = VEP - PV(capex)``. Source: a guide that values
    projects by costs and expected market income (iigf.cufe.edu.cn/info/1012/7452.htm); the formula
    is the present value that it describes. Verified: secondary.

    Examples
    --------
    >>> from gep.realization.contracts import once, yearly
    >>> income = yearly("100 万元/yr", timing="arrears", basis="nominal")
    >>> found = market(
    ...     Contract(flows=[income], years=10, right_years=10),
    ...     capex=[once("500 万元", at=0, basis="nominal")],
    ...     rate=0.05, rate_basis="nominal", price_year=2020, money="万元")
    >>> f"{found['vep'].value:.2f} {found['npv'].value:.2f}"
    '772.17 272.17'
    """
    problems = Problems()
    if operation.right_years is None:
        cure = "give right_years of the contract"
        problems.add("it is not known how long the right lasts", "operation", cure=cure)
    for flow in operation.flows:
        if flow.kind == "service":
            cure = "leave it out, or name another method"
            what = "a service that nobody pays for is no market value"
            problems.add(what, f"operation, {flow.title.en}", cure=cure)
    problems.raise_if_any(DataError)
    terms = {"rate": rate, "rate_basis": rate_basis, "price_year": price_year, "money": money}
    strict = replace(operation, beyond="refuse")
    worth = strict.worth(**terms)
    cost = None
    if capex:
        cost = replace(strict, flows=tuple(capex)).worth(**terms)
        if any((schedule.amounts < 0).any() for schedule in cost.schedules):
            what = "a cost of protection and restoration is a positive amount"
            raise DataError(what, "capex", cure="write what is spent as a positive amount")
    earned = float(worth.cash_value)
    spent = 0.0 if cost is None else float(cost.cash_value)
    text = worth.cash_value.unit
    value = replace(
        worth.cash_value,
        title=Title("VEP by the market", "VEP（市场法）"),
        rule="function:vep.market",
        source=_SOURCES["market"],
        verified="secondary",
    )
    lines = (
        Line("VEP", value.title, earned, text),
        Line(
            "PV_capex", Title("Cost of protection and restoration", "保护修复投入现值"), spent, text
        ),
        Line("NPV", Title("Net present value", "净现值"), earned - spent, text, "VEP - PV_capex"),
    )
    problems = Problems()
    if earned < spent:
        problems.warn("the project does not earn what it costs", "market", f"{earned - spent:.6g}")
    inputs = dict(value.inputs)
    if cost is not None:
        inputs |= {
            f"capex_{name}": own for name, own in cost.cash_value.inputs.items() if name[0] == "A"
        }
    net = replace(
        value,
        title=Title("Net present value of the project", "项目净现值"),
        value=earned - spent,
        inputs=inputs,
        lines=lines,
        warnings=(*value.warnings, *problems.warnings),
    )
    return Vep("market", {"vep": value, "npv": net})


# ------------------------------------------------------------------------------------ by account


def gep_based(
    products: Mapping[str, tuple[Any, Any]], *, price_year: int, money: str = "元/yr"
) -> Vep:
    """Return the value of a year's services of a project's area.

    Parameters
    ----------
    products
        Name -> (quantity of a year, price), each with its unit.
    price_year
        Of which year the prices are.
    money
        Unit of the result, by year.

    Raises
    ------
    DataError
        With all problems of units, and of prices below zero.

    Notes
    -----
    ``Σ q·p``. Source: DB3305/T 271-2023, chapter 6 (quantity and value), by its table of contents.
    Verified: secondary.

    Examples
    --------
    >>> found = gep_based({"water": ("120 万m³/yr", "8 元/m³")}, price_year=2020, money="万元/yr")
    >>> float(found)
    960.0
    """
    problems = Problems()
    read_money(money, problems)
    values: dict[str, float] = {}
    inputs: dict[str, Given] = {}
    for name, (quantity, price) in products.items():
        q, p = _product(name, quantity, price, money, inputs, problems)
        values[name] = q * p
    if not products:
        problems.add("there are no products", "products", cure="give at least one")
    problems.raise_if_any(DataError)
    title = Title("Value of each product", "各产品价值")
    result = Result(
        title=Title("VEP by the account of the area", "VEP（核算法）"),
        value=math.fsum(values.values()),
        unit=str(unit(money)),
        rule="function:vep.gep_based",
        price_year=price_year,
        source=_SOURCES["gep"],
        verified="secondary",
        inputs=inputs,
        lines=(Line("values", title, values, str(unit(money)), "q · p"),),
        warnings=problems.warnings,
    )
    return Vep("gep_based", {"vep": result})


@dataclass(frozen=True, kw_only=True)
class Change:
    """A product before and after: quantities of a year, its price, and the price afterwards."""

    before: Any
    after: Any
    price: Any
    price_after: Any = None


def delta(
    products: Mapping[str, Change],
    *,
    base_year: int,
    price_year: int,
    index: str | Mapping[int, float] | None = None,
    money: str = "元/yr",
) -> Vep:
    """Return by how much the value of a year's services changes.

    Parameters
    ----------
    products
        Name -> :class:`Change`.
    base_year
        The year before the change; the result is at its prices.
    price_year
        Of which year the prices are that are given (``price``). Another year than ``base_year``
        needs an ``index``.
    index
        A price index by name or as a CSV file, or ``{year: level}``.
    money
        Unit of the result, by year.

    Returns
    -------
    Vep
        ``constant_price``: ``Σ (q1 - q0)·p0``. ``current_price``: ``Σ q1·p1 - Σ q0·p0``, each at
        the prices given, where every product has ``price_after``; else it is undetermined and
        names those that lack it.

    Raises
    ------
    DataError
        If the years differ and no index is given, or with all problems of units and prices.

    Notes
    -----
    Source: DB3305/T 271-2023, chapter 7 (change of value), by its table of contents. Verified:
    secondary.

    Examples
    --------
    >>> water = Change(before="120 万m³/yr", after="138 万m³/yr", price="8 元/m³")
    >>> found = delta({"water": water}, base_year=2020, price_year=2020, money="万元/yr")
    >>> found["constant_price"].value
    144.0
    """
    problems = Problems()
    read_money(money, problems)
    factor = 1.0
    if base_year != price_year:
        factor = _deflator(index, price_year, base_year, problems)
    constant: dict[str, float] = {}
    current: dict[str, float] = {}
    lacking: list[str] = []
    inputs: dict[str, Given] = {}
    for name, own in products.items():
        before, price = _product(name, own.before, own.price, money, inputs, problems)
        after, _ = _product(f"{name}, after", own.after, own.price, money, inputs, problems)
        constant[name] = (after - before) * price * factor
        if own.price_after is None:
            lacking.append(f"price_after of {name}")
            inputs.pop(f"p[{name}, after]", None)
            continue
        _, later = _product(f"{name}, after", own.after, own.price_after, money, inputs, problems)
        current[name] = after * later - before * price
    if not products:
        problems.add("there are no products", "products", cure="give at least one")
    problems.raise_if_any(DataError)
    text = str(unit(money))
    if factor != 1:
        title = Title(
            f"From prices of {price_year} to {base_year}", f"{price_year}→{base_year} 价格换算"
        )
        inputs["deflator"] = Given(title, factor, "1", source=str(index))
    title = Title("Change by product", "各产品变化量")
    result = Result(
        title=Title("Change of VEP at constant prices", "VEP 变化量（不变价）"),
        value=math.fsum(constant.values()),
        unit=text,
        rule="function:vep.delta",
        price_year=base_year,
        source=_SOURCES["gep"],
        verified="secondary",
        inputs=inputs,
        lines=(Line("changes", title, constant, text, "(q_1 - q_0) · p_0"),),
        warnings=problems.warnings,
    )
    nominal = replace(
        result,
        title=Title("Change of VEP at current prices", "VEP 变化量（现价）"),
        value=None if lacking else math.fsum(current.values()),
        price_year=None,
        lines=() if lacking else (Line("changes", title, current, text, "q_1·p_1 - q_0·p_0"),),
        undetermined=tuple(lacking),
    )
    return Vep("delta", {"constant_price": result, "current_price": nominal})


def incremental(
    changes: Sequence[Any],
    *,
    right_years: int,
    rate: Any,
    rate_basis: Basis,
    timing: Timing,
    price_year: int,
    money: str = "元",
) -> Vep:
    """Return the change of a project's value added up over its operation.

    Parameters
    ----------
    changes
        The change of each year of operation at constant prices, with units, or results of
        :func:`delta`.
    right_years
        How many years of the right remain.
    rate, rate_basis, price_year, money
        As in :meth:`~gep.realization.valuation.Contract.worth`. Changes at constant prices want a
        real rate.
    timing
        When in a year its change falls.

    Returns
    -------
    Vep
        ``undiscounted`` and ``discounted``, always both: what is published as a total is mostly
        the undiscounted one.

    Raises
    ------
    DataError
        If the operation outlives the right, or with all problems of the changes.

    Notes
    -----
    Source: a press report of a loan by increments of VEP
    (163.com/dy/article/KKOD37I705568W0A.html), whose sum seems to be undiscounted. Verified:
    secondary.

    Examples
    --------
    >>> found = incremental(["100 万元/yr"] * 3, right_years=30, rate=0.05, rate_basis="real",
    ...     timing="arrears", price_year=2020, money="万元")
    >>> f"{found['undiscounted'].value:.2f} {found['discounted'].value:.2f}"
    '300.00 272.32'
    """
    flows = [
        yearly(
            _result(change),
            timing=timing,
            basis="real",
            first=year,
            last=year,
            service="vep",
            title=Title(f"Change of year {year}", f"第 {year} 年变化量"),
        )
        for year, change in enumerate(changes, start=1)
    ]
    if not flows:
        raise DataError("there are no changes", "changes", cure="give one for each year")
    contract = Contract(flows=flows, years=len(flows), right_years=right_years)
    worth = contract.worth(
        rate=rate, rate_basis=rate_basis, price_year=price_year, money=money
    ).service_value
    worth = replace(
        worth,
        title=Title("Increments over the operation, discounted", "运营期增值总和（折现）"),
        rule="function:vep.incremental",
        source=_SOURCES["gep"],
        verified="secondary",
    )
    plain = replace(
        worth,
        title=Title("Increments over the operation, undiscounted", "运营期增值总和（未折现）"),
        value=worth["undiscounted"],
    )
    return Vep("incremental", {"undiscounted": plain, "discounted": worth})


#: The definitions by name.
METHODS: Mapping[str, Callable[..., Vep]] = {
    "market": market,
    "gep_based": gep_based,
    "delta": delta,
    "incremental": incremental,
}


# ---------------------------------------------------------------------------------------- sums


def total(values: Sequence[Any]) -> Vep:
    """Return the sum of values of several projects by one definition.

    Raises
    ------
    MixedModes
        If the definitions differ.
    DataError
        If there is nothing to add, something else is among them, or price years differ.
    """
    if not values or not all(isinstance(value, Vep) for value in values):
        raise DataError("only values by a definition of VEP are added", "total")
    modes = sorted({value.mode for value in values})
    if len(modes) > 1:
        cure = "show them side by side (reconcile without weights)"
        what = "values by different definitions are never added"
        raise MixedModes(what, "total", ", ".join(modes), cure)
    return Vep(modes[0], {name: _sum([v[name] for v in values]) for name in values[0].results})


def _sum(results: Sequence[Result]) -> Result:
    first = results[0]
    years = {result.price_year for result in results}
    if len(years) > 1:
        found = ", ".join(sorted(map(str, years)))
        raise DataError("the price years differ", "total", found, "deflate them first")
    unknown = tuple(name for result in results for name in result.undetermined)
    value = None if unknown else math.fsum(result.to(first.unit) for result in results)
    parts = {
        f"{number}": result.to(first.unit)
        for number, result in enumerate(results, 1)
        if not unknown
    }
    return replace(
        first,
        value=value,
        inputs={},
        lines=(Line("parts", Title("Parts", "各项"), parts, first.unit),),
        warnings=tuple(dict.fromkeys(p for result in results for p in result.warnings)),
        undetermined=unknown,
    )


def financed_share(*, loan: Any, investment: Any) -> Result:
    """Return which share of a project's investment a loan covers.

    Raises
    ------
    DataError
        If an amount has no unit or is not above zero.

    Examples
    --------
    >>> f"{financed_share(loan='3.1 亿元', investment='3.88 亿元').value:.4f}"
    '0.7990'
    """
    problems = Problems()
    own = {
        name: float(read_amount(given, unit("元"), name, problems))
        for name, given in (("loan", loan), ("investment", investment))
    }
    for name, amount in own.items():
        if amount <= 0:
            problems.add("the amount is not above zero", name, f"{amount:g}")
    problems.raise_if_any(DataError)
    share = own["loan"] / own["investment"]
    if share > 1:
        problems.warn("the loan is greater than the investment", "loan", f"{share:.4g}")
    titles = {"loan": Title("Loan", "贷款"), "investment": Title("Investment", "总投资")}
    return Result(
        title=Title("Share of the investment that the loan covers", "贷款占总投资比例"),
        value=share,
        unit="1",
        rule="function:vep.financed_share",
        verified="full_text",
        inputs={name: Given(titles[name], amount, "元") for name, amount in own.items()},
        warnings=problems.warnings,
    )


# --------------------------------------------------------------------------------------- parts


def _result(change: Any) -> Any:
    return change["constant_price"] if isinstance(change, Vep) else change


def _product(
    name: str,
    quantity: Any,
    price: Any,
    money: str,
    inputs: dict[str, Given],
    problems: Problems,
) -> tuple[float, float]:
    """Return a quantity in its own unit, and its price such that their product is in ``money``."""
    text = _unit_text(quantity)
    where = f"products, {name}"
    try:
        own = unit(text)
    except GepError as error:
        problems.add("the quantity has no known unit", where, repr(quantity)[:80], str(error))
        return math.nan, math.nan
    if own == NUMBER:
        cure = "write a number and its unit: '120 万m³/yr'"
        problems.add("the quantity has no unit", where, repr(quantity)[:80], cure)
        return math.nan, math.nan
    wanted = unit(money) / own
    q = float(read_amount(quantity, own, f"{where}, quantity", problems))
    p = float(read_amount(price, wanted, f"{where}, price", problems))
    if p < 0:
        problems.add("the price is below zero", f"{where}, price", f"{p:g}")
    if q < 0:
        problems.warn("the quantity is below zero", f"{where}, quantity", f"{q:g}")
    inputs[f"q[{name}]"] = Given(Title(f"Quantity: {name}", f"实物量：{name}"), q, str(own))
    inputs[f"p[{name}]"] = Given(Title(f"Price: {name}", f"单价：{name}"), p, str(wanted))
    return q, p


def _unit_text(given: Any) -> str:
    if isinstance(given, Result):
        return given.unit
    if isinstance(given, tuple) and len(given) == 2:  # noqa: PLR2004
        return str(given[1])
    match = _UNIT_OF.match(given) if isinstance(given, str) else None
    return (match[1] or "1") if match else "1"


def _deflator(
    index: str | Mapping[int, float] | None, from_year: int, to_year: int, problems: Problems
) -> float:
    """Return the factor that takes money of one year to the prices of another."""
    if index is None:
        cure = "name a price index: index='...' or {year: level}"
        found = f"base year {to_year}, prices of {from_year}"
        problems.add("the base year is not the price year", "index", found, cure)
        return math.nan
    if isinstance(index, str):
        entries = price_index(index).entries["value"]
        levels = {int(key[0]): entry.value for key, entry in entries.items()}
    else:
        levels = {int(year): float(level) for year, level in index.items()}
    for year in (from_year, to_year):
        if not levels.get(year, 0) > 0:
            what = f"the price index has no level of {year}"
            problems.add(what, "index", cure="add the year, or choose another base year")
    if problems.errors:
        return math.nan
    return levels[to_year] / levels[from_year]
