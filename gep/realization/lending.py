"""Loans that cash repays: what a cash flow can carry, its sheet for a lender, terms by eco-credit.

A bank lends on money that a contract brings. The value of an ecosystem's services is information
beside the loan, never its security: :class:`GepIsNotCashError` says why. Debt is served at the end
of each year.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gep.errors import DataError, GepError, Problems, nearest
from gep.functions.finance import annuity_factor
from gep.realization.results import (
    CENT,
    Given,
    Line,
    Result,
    allocate,
    read_amount,
    read_rate,
    rounded,
    told,
)
from gep.tables import Title
from gep.units import NUMBER, convert, unit

if TYPE_CHECKING:
    import pandas as pd

_VALUES = re.compile(
    r"(?<![a-z])(GEP|VEP)(?![a-z])|gross ecosystem product"
    r"|ecosystem services? value|value of ecosystem services?"
    r"|生态产品总值|生态系统生产总值|生态产品价值|生态系统服务价值",
    re.IGNORECASE,
)
_INCOME = re.compile(r"income|revenue|receipt|receivable|proceeds|收益权|收入|应收", re.IGNORECASE)
_CONTRACT = re.compile(r"contract|agreement|decision|permit|合同|协议|办法|批复", re.IGNORECASE)
_MONTHS = 12
_FINANCE = Title("Definitions of finance", "金融定义")


class GepIsNotCashError(GepError):
    """The value of ecosystem services was offered as security for a loan."""


@dataclass(frozen=True)
class CashFlow:
    """Money that a contract brings to the borrower each year.

    Attributes
    ----------
    title
        What is paid for.
    amount
        Amount of a year (``"60 万元/yr"``), or a list with one for each year from ``first`` to
        ``last``, net of what it costs to earn it. None where it is not known.
    contract
        The contract, permit or decision that it rests on, by name or number.
    first, last
        First and last year of the loan in which it is paid; the loan's first year is 1.
    haircut
        Share that the lender leaves out of account, from 0 to 1.
    policy
        Whether it depends on a policy that may change (a grant, a compensation, a purchase by
        government).
    """

    title: Title
    amount: Any
    contract: str
    first: int
    last: int
    haircut: Any
    policy: bool


def loan_capacity(  # noqa: PLR0913  each is a term that the lender must name
    flows: Sequence[CashFlow],
    *,
    collateral: str,
    rate: Any,
    dscr: Any,
    years: int,
    ltv: Any,
    cash_value: Any,
    policy_cap: Any,
    price_year: int,
    gep: Any = None,
    vep: Any = None,
    money: str = "万元",
) -> Result:
    """Return the largest loan that contracted cash flows can carry.

    Parameters
    ----------
    flows
        What is left for debt service, contract by contract.
    collateral
        What is pledged or mortgaged, in words. GEP and VEP are refused; a right to contracted
        income that comes of them is not.
    rate
        Interest rate of a year, as a decimal.
    dscr
        Debt service coverage ratio that the lender asks for [1], from 1 on.
    years
        Term of the loan, in whole years.
    ltv, cash_value
        Share of the cash value of the collateral [1, money] up to which is lent. Both None where
        nothing with a cash value is pledged.
    policy_cap
        Limit that a rule sets on the loan [money]; None if there is none.
    price_year
        Year of the money.
    gep, vep
        Value of a year's services [money/yr], or of a project [money]: the loan is compared with
        it, nothing else.
    money
        Unit of money of the result.

    Returns
    -------
    Result
        The loan; its lines hold the cash flow of each year, the loan by DSCR and by LTV, which
        limit binds, and which share of the cash flow depends on policy.

    Raises
    ------
    GepIsNotCashError
        If the collateral, or a contract, is nothing but a value of services.
    DataError
        With all problems of the numbers: a DSCR below 1, a flow without a contract, a rate that
        looks like a percentage.

    Notes
    -----
    ``Σ CFADS_t / (DSCR (1 + rate)^t)`` over t = 1 ... years, ``ltv · cash_value`` and the cap: the
    smallest is the loan. Source: the definition of a present value and of the debt service coverage
    ratio. Verified: full_text.

    Examples
    --------
    >>> sale = CashFlow(
    ...     title=Title("Purchase of services", "生态产品采购"), amount="60 万元/yr",
    ...     contract="contract 1", first=1, last=10, haircut=0, policy=True,
    ... )
    >>> loan = loan_capacity(
    ...     [sale], collateral="income of contract 1", rate=0.045, dscr=1.25, years=10,
    ...     ltv=0.5, cash_value="900 万元", policy_cap=None, price_year=2025,
    ... )
    >>> print(f"{float(loan):.1f} {loan.unit}, limited by {loan['binding']}")
    379.8 万元, limited by DSCR
    """
    _refuse_value(collateral, "collateral")
    problems = Problems()
    own = unit(money)
    term = _whole(years, "years", problems)
    r = read_rate(rate, "rate", problems)
    cover = float(read_amount(dscr, NUMBER, "dscr", problems))
    if cover < 1:
        what = "the debt service coverage ratio is below 1: the cash flow would not pay the debt"
        problems.add(what, "dscr", f"{cover:g}", "ask for 1 or more")
    share = None if ltv is None else read_rate(ltv, "ltv", problems)
    unknown = ["cash_value"] if share is not None and cash_value is None else []
    value = _optional(cash_value, money, "cash_value", problems)
    if value is not None and share is None:
        problems.add("there is a cash value and no share of it", "ltv", cure="give ltv=...")
    cap = _optional(policy_cap, money, "policy_cap", problems)
    found = _read_flows(flows, term, money, problems)
    unknown += found.unknown
    compared = {
        name: _compared(given, money, name, problems)
        for name, given in (("gep", gep), ("vep", vep))
        if given is not None
    }
    problems.raise_if_any(DataError)
    inputs = found.inputs | {
        "collateral": Given(Title("Collateral", "抵（质）押物"), collateral, ""),
        "rate": Given(Title("Interest rate", "贷款年利率"), r, "1"),
        "dscr": Given(Title("Debt service coverage ratio asked for", "偿债备付率要求"), cover, "1"),
        "years": Given(Title("Term", "期限"), term, "yr"),
        "ltv": Given(Title("Loan-to-value", "抵（质）押率"), share, "1"),
        "cash_value": Given(Title("Cash value of the collateral", "可变现价值"), value, money),
        "policy_cap": Given(Title("Limit by rule", "政策上限"), cap, money),
    }
    for name, compared_value in compared.items():
        title = Title(f"{name.upper()}, for comparison only", f"{name.upper()}（仅供比较）")
        inputs[name] = Given(title, compared_value, money)
    title = Title("Loan that the cash flow can carry", "现金流可支撑贷款额")
    rule = "function:gep.realization.lending.loan_capacity"
    if unknown:
        return Result(
            title, None, str(own), rule, price_year, inputs=inputs, undetermined=tuple(unknown)
        )
    cfads = found.amounts
    by_dscr = sum(c / (cover * (1 + r) ** t) for t, c in enumerate(cfads, start=1))
    limits = {"DSCR": by_dscr}
    if share is not None and value is not None:
        limits["LTV"] = share * value
    if cap is not None:
        limits["policy cap 政策上限"] = cap
    binding = min(limits, key=limits.__getitem__)
    loan = limits[binding]
    policy_share = found.by_policy / sum(cfads) if any(cfads) else None
    lines = [
        Line(
            "cfads",
            Title("Cash flow available for debt service", "可用于还款的现金流"),
            {str(t): c for t, c in enumerate(cfads, start=1)},
            f"{money}/yr",
            "Σ amount · (1 - haircut)",
        ),
        Line(
            "loan_dscr",
            Title("Loan by DSCR", "按偿债备付率"),
            by_dscr,
            money,
            "Σ cfads_t / (dscr · (1 + rate)^t)",
        ),
        Line(
            "loan_ltv",
            Title("Loan by LTV", "按抵（质）押率"),
            limits.get("LTV"),
            money,
            "ltv · cash_value",
        ),
        Line("binding", Title("The limit that binds", "起约束作用的条件"), binding, ""),
        Line(
            "policy_share",
            Title("Share of the cash flow that depends on policy", "依赖政策的现金流占比"),
            policy_share,
            "1",
        ),
    ]
    notes = ["还款按年末计。Debt is served at the end of each year."]
    for name, against in compared.items():
        title_ratio = Title(f"Loan over {name.upper()}", f"贷款与 {name.upper()} 之比")
        ratio = loan / against if against else None
        lines.append(Line(f"loan_to_{name}", title_ratio, ratio, "1", f"loan / {name}"))
        notes.append(
            f"{name.upper()} 不参与额度计算，仅作比较。{name.upper()} has no part in the loan."
        )
    if loan == 0:
        problems.warn("the loan is 0", "loan_capacity", cure=f"limited by {binding}")
    return Result(
        title,
        loan,
        str(own),
        rule,
        price_year,
        source=_FINANCE,
        verified="full_text",
        inputs=inputs,
        lines=tuple(lines),
        warnings=problems.warnings,
        notes=tuple(notes),
    )


def _refuse_value(text: Any, where: str, *, contract: bool = False) -> None:
    """Refuse a value of services where cash is asked for."""
    if not isinstance(text, str) or not text.strip():
        raise DataError("name what it rests on", where, repr(text)[:80], "a contract or a right")
    plain = unicodedata.normalize("NFKC", text)
    cash = _INCOME.search(plain) or (contract and _CONTRACT.search(plain))
    if _VALUES.search(plain) and not cash:
        what = (
            "GEP is not cash: most of the services that it values are paid for by nobody, and it "
            "cannot be collected, seized or sold. "
            "GEP 不是现金：其中多数服务无人付费，不能收取、处置或变现，不能作为抵押物"
        )
        cure = (
            "lend on what a contract pays (purchase, compensation, fees, carbon): a CashFlow; "
            "give gep=... for comparison. "
            "请以合同现金流（采购、补偿、收费、碳汇）放贷，GEP 仅作参考"
        )
        raise GepIsNotCashError(what, where, repr(text)[:80], cure)


def _whole(value: Any, where: str, problems: Problems) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        problems.add("this is not a whole number of years, from 1 on", where, repr(value)[:80])
        return 1
    return value


def _optional(given: Any, money: str, where: str, problems: Problems) -> float | None:
    if given is None:
        return None
    value = float(read_amount(given, unit(money), where, problems))
    if value < 0:
        problems.add("the amount is negative", where, f"{value:g} {money}")
    return value


def _compared(given: Any, money: str, where: str, problems: Problems) -> float:
    """Return a value of services as money: of a year, or of a project."""
    trial = Problems()
    value = read_amount(given, unit(f"{money}/yr"), where, trial)
    if trial.errors:
        value = read_amount(given, unit(money), where, problems)
    return float(value)


@dataclass
class _Flows:
    """The flows of a loan together: by year, what depends on policy, what is not known."""

    amounts: list[float]
    by_policy: float
    inputs: dict[str, Given]
    unknown: list[str]


def _read_flows(flows: Sequence[CashFlow], years: int, money: str, problems: Problems) -> _Flows:
    found = _Flows([0.0] * years, 0.0, {}, [])
    if not flows:
        cure = "give each contracted payment as a CashFlow; a value of services is none"
        problems.add("no cash flow serves the loan", "flows", cure=cure)
    for number, flow in enumerate(flows, start=1):
        where = f"flow {number}"
        amounts = _read_flow(flow, years, money, where, problems)
        note = f"haircut {told(flow.haircut)}, years {flow.first} to {flow.last}"
        note += ", depends on policy 依赖政策" if flow.policy else ""
        shown = None if amounts is None else {str(t): a for t, a in enumerate(amounts, 1) if a}
        found.inputs[f"flow_{number}"] = Given(
            flow.title, shown, f"{money}/yr", source=flow.contract, note=note
        )
        if amounts is None:
            found.unknown.append(f"{where} ({flow.title.en} {flow.title.zh})")
            continue
        found.amounts = [a + b for a, b in zip(found.amounts, amounts, strict=True)]
        found.by_policy += sum(amounts) if flow.policy else 0.0
    return found


def _read_flow(
    flow: CashFlow, years: int, money: str, where: str, problems: Problems
) -> list[float] | None:
    """Return the amount of each year of the loan after the haircut, None where it is unknown."""
    _refuse_value(flow.contract, f"{where}, contract", contract=True)
    if not 1 <= flow.first <= flow.last:
        found = f"{flow.first} to {flow.last}"
        problems.add("the years of the flow are not in order, from 1 on", where, found)
        return [0.0] * years
    cut = read_rate(flow.haircut, f"{where}, haircut", problems)
    if flow.amount is None:
        return None
    span = range(flow.first, flow.last + 1)
    given: list[Any] = [flow.amount] * len(span)
    amount, text = flow.amount, ""
    if isinstance(amount, tuple) and len(amount) == 2 and isinstance(amount[0], list):  # noqa: PLR2004
        amount, text = amount
    if isinstance(amount, list):
        given = [(a, text) if text and a is not None else a for a in amount]
        if len(given) != len(span):
            found = f"{len(given)} for {len(span)} years"
            problems.add("there is not one amount for each year", where, found)
            return [0.0] * years
        if any(a is None for a in given):
            return None
    found_amounts = [0.0] * years
    wanted = unit(f"{money}/yr")
    for year, one in zip(span, given, strict=True):
        value = float(read_amount(one, wanted, f"{where}, year {year}", problems))
        if value < 0:
            cure = "give the flow net of its cost; a year that loses money brings 0"
            problems.add("the cash flow is negative", f"{where}, year {year}", f"{value:g}", cure)
        if year <= years:
            found_amounts[year - 1] = value * (1 - cut)
    return found_amounts


# ------------------------------------------------------------------------------ a lender's sheet


@dataclass(frozen=True)
class LoanYear:
    """A year of a loan: what is paid and what is still owed, in the currency's unit."""

    year: int
    interest: Decimal
    principal: Decimal
    balance: Decimal
    cfads: float | None = None

    @property
    def service(self) -> Decimal:
        """Interest and principal."""
        return self.interest + self.principal

    @property
    def dscr(self) -> float | None:
        """Cash flow over debt service; None where either is not there."""
        if self.cfads is None or not self.service:
            return None
        return self.cfads / float(self.service)


@dataclass(frozen=True)
class LoanSchedule:
    """The years of a loan, and a result with its interest in all and its lowest DSCR."""

    years: tuple[LoanYear, ...]
    currency: str
    result: Result

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return the cash-flow and DSCR sheet, a row for each year."""
        import pandas as pd

        at = 1 if lang == "zh" else 0
        names = [pair[at] for pair in _SHEET]
        rows = [
            (
                y.year,
                y.cfads,
                float(y.interest),
                float(y.principal),
                float(y.service),
                y.dscr,
                float(y.balance),
            )
            for y in self.years
        ]
        return pd.DataFrame(rows, columns=names)


_SHEET = (
    ("year", "年份"),
    ("cash flow for debt service", "可用于还款的现金流"),
    ("interest", "利息"),
    ("principal", "本金"),
    ("debt service", "还本付息"),
    ("DSCR", "偿债备付率"),
    ("balance", "期末余额"),
)
REPAYMENTS = {
    "annuity": Title("equal instalments", "等额本息"),
    "equal_principal": Title("equal principal", "等额本金"),
}


def loan_schedule(
    loan: Any, *, rate: Any, years: int, repayment: str, cfads: Any = None, price_year: int
) -> LoanSchedule:
    """Return a loan year by year: interest, principal, balance, and cover by the cash flow.

    Parameters
    ----------
    loan
        The loan [money], a positive amount.
    rate
        Interest rate of a year, as a decimal. Interest falls at the end of each year.
    years
        Whole years in which it is repaid.
    repayment
        ``"annuity"`` (等额本息) or ``"equal_principal"`` (等额本金).
    cfads
        Cash flow of each year [money/yr]: one amount, a list of amounts, or the result of
        :func:`loan_capacity`. None leaves the cover out.
    price_year
        Year of the money.

    Returns
    -------
    LoanSchedule
        Amounts are rounded to hundredths of the currency; the principal adds to the loan exactly
        and the last balance is 0.

    Raises
    ------
    DataError
        With all problems of what was given.

    Notes
    -----
    Source: the definition of a loan repaid in equal instalments or with equal principal. Verified:
    full_text.

    Examples
    --------
    >>> sheet = loan_schedule(
    ...     "100 万元", rate=0.05, years=2, repayment="equal_principal", price_year=2025
    ... )
    >>> [str(y.service) for y in sheet.years]
    ['550000.00', '525000.00']
    """
    problems = Problems()
    term = _whole(years, "years", problems)
    r = read_rate(rate, "rate", problems)
    if repayment not in REPAYMENTS:
        cure = nearest(str(repayment), REPAYMENTS)
        problems.add("the way of repayment is unknown", "repayment", repr(repayment)[:80], cure)
    currency = _currency(loan, problems)
    amount = float(read_amount(loan, unit(currency), "loan", problems))
    if not amount > 0 and not math.isnan(amount):
        problems.add("a loan is a positive amount", "loan", f"{amount:g}")
    flows = _read_cfads(cfads, term, currency, problems)
    problems.raise_if_any(DataError)
    exact_rate = Decimal(repr(r))
    balance = rounded(amount)
    instalment = rounded(amount / float(annuity_factor(rate=r, periods=term)))
    parts = allocate(amount, [1] * term)
    found = []
    for year in range(1, term + 1):
        interest = rounded(balance * exact_rate)
        principal = parts[year - 1] if repayment == "equal_principal" else instalment - interest
        if year == term:
            principal = balance
        balance -= principal
        flow = flows[year - 1] if flows else None
        found.append(LoanYear(year, interest, principal, balance, flow))
    covers = {str(y.year): y.dscr for y in found if y.dscr is not None}
    # a hundredth is rounding
    short = [
        str(y.year) for y in found if y.cfads is not None and rounded(y.cfads) + CENT < y.service
    ]
    if short:
        what = "the cash flow does not pay the debt service"
        cure = "a smaller loan, a longer term or more contracted income"
        problems.warn(what, "loan_schedule", f"years {', '.join(short)}", cure)
    interest_in_all = float(sum(y.interest for y in found))
    result = Result(
        Title("Interest in all", "利息合计"),
        interest_in_all,
        currency,
        "function:gep.realization.lending.loan_schedule",
        price_year,
        source=_FINANCE,
        verified="full_text",
        inputs={
            "loan": Given(Title("Loan", "贷款额"), amount, currency),
            "rate": Given(Title("Interest rate", "贷款年利率"), r, "1"),
            "years": Given(Title("Term", "期限"), term, "yr"),
            "repayment": Given(Title("Repayment", "还款方式"), REPAYMENTS[repayment].zh, ""),
        },
        lines=(
            Line(
                "service",
                Title("Debt service", "还本付息"),
                {str(y.year): float(y.service) for y in found},
                f"{currency}/yr",
            ),
            Line("dscr", Title("DSCR", "偿债备付率"), covers, "1", "cfads / service"),
            Line(
                "lowest_dscr",
                Title("Lowest DSCR", "最低偿债备付率"),
                min(covers.values(), default=None),
                "1",
            ),
        ),
        warnings=problems.warnings,
    )
    return LoanSchedule(tuple(found), currency, result)


def _currency(loan: Any, problems: Problems) -> str:
    """Return the currency's unit in which a loan was given."""
    text = loan.unit if isinstance(loan, Result) else ""
    if isinstance(loan, tuple):
        text = str(loan[1])
    elif isinstance(loan, str):
        text = loan.strip().lstrip("+-0123456789.,eE ")
    try:
        found = unit(text).currency if text else None
    except GepError as error:
        problems.absorb(error)
        found = None
    if not found and not problems.errors:
        cure = "write the amount and its unit: '300 万元'"
        problems.add("the loan is not an amount of money", "loan", repr(loan)[:80], cure)
    return found if found and found != "CNY" else "元"


def _read_cfads(cfads: Any, years: int, currency: str, problems: Problems) -> list[float] | None:
    if cfads is None:
        return None
    wanted = unit(f"{currency}/yr")
    if isinstance(cfads, Result):
        line = next(line for line in cfads.lines if line.symbol == "cfads")
        own = unit(line.unit)
        given: list[Any] = [float(convert(v, own, wanted)) for v in line.value.values()]
        given = [(v, str(wanted)) for v in given]
    elif isinstance(cfads, tuple) and isinstance(cfads[0], list):
        given = [(v, cfads[1]) for v in cfads[0]]
    else:
        given = cfads if isinstance(cfads, list) else [cfads] * years
    if len(given) != years:
        found = f"{len(given)} for {years} years"
        problems.add("there is not one cash flow for each year", "cfads", found)
    return [
        float(read_amount(v, wanted, f"cfads, year {year}", problems))
        for year, v in enumerate(given, start=1)
    ]


# --------------------------------------------------------------------------- terms by eco-credit


@dataclass(frozen=True)
class GradeTerms:
    """What a lender's table gives a grade: line of credit, rebate on the rate, card discount."""

    line: Any
    rebate: Any
    discount: Any = 0


def credit_terms(  # noqa: PLR0913  each is a term that the lender must name
    grade: str | None,
    *,
    table: Mapping[str, GradeTerms],
    income_factor: Any,
    line_cap: Any,
    base_rate: Any,
    spread: Any,
    floor: Any,
    scored_on: dt.date,
    on: dt.date,
    valid_months: int,
    price_year: int,
    money: str = "万元",
) -> Result:
    """Return the line of credit and the rate that an eco-credit grade brings.

    Parameters
    ----------
    grade
        The grade; None where there is none yet: the result is then undetermined.
    table
        The lender's table: terms by grade.
    income_factor
        What the lender makes of the borrower's income [1]; the line is multiplied by it.
    line_cap
        Largest line of all [money].
    base_rate, spread, floor
        Reference rate (LPR), what is added to it (may be negative), and the lowest rate.
    scored_on, on
        Day of the score and day of the loan.
    valid_months
        For how many months a score holds. An older one brings no rebate.
    price_year
        Year of the money.
    money
        Unit of money of the result.

    Returns
    -------
    Result
        The line; its lines hold the rate, the rebate that was applied and the card discount.

    Raises
    ------
    DataError
        If the grade is not in the table, the score lies in the future, or a number is wrong.

    Notes
    -----
    ``min(line(grade) · income_factor, line_cap)`` and
    ``max(base_rate + spread - rebate(grade), floor)``. No published table was found: all numbers
    are the caller's. Source: design of such products. Verified: recalled.

    Examples
    --------
    >>> import datetime as dt
    >>> terms = credit_terms(
    ...     "AA", table={"AA": GradeTerms("30 万元", 0.005), "A": GradeTerms("20 万元", 0.002)},
    ...     income_factor=1, line_cap="50 万元", base_rate=0.035, spread=0.01, floor=0.036,
    ...     scored_on=dt.date(2025, 3, 1), on=dt.date(2025, 9, 1), valid_months=12, price_year=2025,
    ... )
    >>> print(f"{float(terms):g} {terms.unit} at {terms['rate']:.3f}")
    30 万元 at 0.040
    """
    problems = Problems()
    if isinstance(valid_months, bool) or not isinstance(valid_months, int) or valid_months < 1:
        problems.add("this is not a number of months", "valid_months", repr(valid_months)[:80])
        valid_months = 1
    if scored_on > on:
        found = f"scored {scored_on}, lent {on}"
        problems.add("the score lies in the future", "scored_on", found)
    if grade is not None and grade not in table:
        problems.add(f"the grade {grade!r} is unknown", "grade", cure=nearest(grade, table))
    own = unit(money)
    factor = float(read_amount(income_factor, NUMBER, "income_factor", problems))
    if factor < 0:
        problems.add("the factor is negative", "income_factor", f"{factor:g}")
    cap = _optional(line_cap, money, "line_cap", problems)
    base, least = (
        read_rate(v, n, problems) for v, n in ((base_rate, "base_rate"), (floor, "floor"))
    )
    added = read_rate(spread, "spread", problems, negative=True)
    read = {
        name: (
            _optional(terms.line, money, f"table, {name}, line", problems),
            read_rate(terms.rebate, f"table, {name}, rebate", problems),
            read_rate(terms.discount, f"table, {name}, discount", problems),
        )
        for name, terms in table.items()
    }
    problems.raise_if_any(DataError)
    until = _months_later(scored_on, valid_months)
    inputs = {
        "grade": Given(Title("Eco-credit grade", "生态信用等级"), grade, ""),
        "income_factor": Given(Title("Factor by income", "收入系数"), factor, "1"),
        "line_cap": Given(Title("Largest line", "额度上限"), cap, money),
        "base_rate": Given(Title("Reference rate", "基准利率（LPR）"), base, "1"),
        "spread": Given(Title("Spread", "加点"), added, "1"),
        "floor": Given(Title("Lowest rate", "利率下限"), least, "1"),
        "valid_until": Given(Title("The score holds until", "评分有效期至"), str(until), ""),
    }
    title = Title("Line of credit by eco-credit", "生态信用授信额度")
    rule = "function:gep.realization.lending.credit_terms"
    if grade is None:
        return Result(
            title, None, str(own), rule, price_year, inputs=inputs, undetermined=("grade",)
        )
    line, rebate, discount = read[grade]
    applied = rebate if on <= until else 0.0
    if on > until:
        what = "the score has expired: there is no rebate, and the line goes by the old grade"
        cure = "score again. 评分已过期，不享受利率优惠，请重新评价"
        problems.warn(what, "scored_on", f"{scored_on}, valid until {until}", cure)
    if line is None:
        return Result(
            title, None, str(own), rule, price_year, inputs=inputs, undetermined=("line",)
        )
    before = base + added - applied
    return Result(
        title,
        line * factor if cap is None else min(line * factor, cap),
        str(own),
        rule,
        price_year,
        verified="recalled",
        inputs=inputs,
        lines=(
            Line("base_line", Title("Line of the grade", "等级基础额度"), line, money),
            Line("rebate", Title("Rebate applied", "适用利率优惠"), applied, "1"),
            Line(
                "rate",
                Title("Interest rate", "贷款利率"),
                max(before, least),
                "1",
                "max(base_rate + spread - rebate, floor)",
            ),
            Line("discount", Title("Card discount", "主题卡折扣"), discount, "1"),
        ),
        warnings=problems.warnings,
    )


def _months_later(day: dt.date, months: int) -> dt.date:
    """Return the same day some months later, the last of the month where it has no such day."""
    year, month = divmod(day.month - 1 + months, _MONTHS)
    year, month = day.year + year, month + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
