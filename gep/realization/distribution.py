"""Who gets what of an income: a waterfall of claims, guaranteed dividends, villagers' statements.

Payouts are in hundredths of the currency's unit (分) and add to the income exactly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from gep.errors import DataError, Problem, Problems, nearest
from gep.realization.results import (
    Given,
    Line,
    Paid,
    Result,
    allocate,
    read_amount,
    rounded,
)
from gep.realization.settlement import Party, title_of
from gep.tables import Title
from gep.units import NUMBER, Unit, unit

if TYPE_CHECKING:
    import pandas as pd

#: How a claim is reckoned.
KINDS = ("fixed", "per_unit", "share", "cap", "floor")
_NEEDS = {
    "fixed": {"amount"},
    "per_unit": {"amount", "units"},
    "share": {"share"},
    "cap": {"share", "amount"},
    "floor": {"share", "amount"},
}
_TAKES_SHARE = ("share", "cap", "floor")
_DEFINITION = "the definition in words of the contract; largest remainders"
_PERSONAL = re.compile(
    r"name|姓名|phone|mobile|电话|手机|身份证|identity|address|住址|银行|bank|account",
    re.IGNORECASE,
)
#: Numbers that identify a person: of the identity card (18 signs), of a mobile telephone (11).
_IDENTITY = re.compile(r"\d{17}[\dXx]\Z|1\d{10}\Z")


@dataclass(frozen=True)
class Claim:
    """One claim of a waterfall.

    Attributes
    ----------
    payee
        Who gets it: a name, or a Title in both languages.
    kind
        ``fixed`` (an amount), ``per_unit`` (an amount for each of ``units``: heads, 亩, points),
        ``share`` (of what is left before it), ``cap`` (a share, at most an amount), ``floor`` (a
        share, at least an amount). Shares that follow each other part the same sum.
    amount
        Money with its unit; for ``per_unit`` with "/unit" left out: ``"1300 元"`` for each.
    share
        A decimal up to 1.
    units
        How many; above 0.
    """

    payee: Party
    kind: Literal["fixed", "per_unit", "share", "cap", "floor"]
    amount: Any = None
    share: Any = None
    units: float | None = None


@dataclass(frozen=True)
class Distribution:
    """Payouts of an income.

    Attributes
    ----------
    result
        The calculation sheet; its value is what each payee gets.
    payouts, arrears
        By payee, in the currency's unit: what is paid, and what stays owed.
    liability
        What the platform pays out of its own means.
    loss
        A negative income, which nobody but the platform bears (from 0 on).
    """

    result: Result
    payouts: Mapping[str, Decimal]
    arrears: Mapping[str, Decimal] = field(default_factory=dict)
    liability: Decimal = Decimal(0)
    loss: Decimal = Decimal(0)

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return a row for each payee: what is paid and what stays owed."""
        import pandas as pd

        heads = _HEADS[lang]
        rows = [
            {heads[0]: name, heads[1]: amount, heads[2]: self.arrears.get(name, Decimal("0.00"))}
            for name, amount in self.payouts.items()
        ]
        return pd.DataFrame(rows, columns=list(heads), dtype=object)

    def text(self, lang: str = "zh") -> str:
        """Return the calculation sheet as text."""
        return self.result.text(lang)

    def __repr__(self) -> str:
        """Return the calculation sheet in English."""
        return self.text("en")


_HEADS = {"zh": ("收益方", "应发", "欠付"), "en": ("payee", "paid", "in arrears")}


@dataclass(frozen=True)
class _Read:
    claim: Claim
    name: str
    title: Title
    amount: Decimal
    share: Decimal


# -------------------------------------------------------------------------------- waterfall


def waterfall(
    net: Any, steps: Sequence[Claim], *, payer: Party, price_year: int, rest: Party | None = None
) -> Distribution:
    """Return who gets what of a net income, claim after claim.

    Parameters
    ----------
    net
        The income after costs, with its unit; may be negative.
    steps
        Claims in their order. Each takes from what those before it left.
    payer
        Who pays out: the platform.
    price_year
        Year of the money.
    rest
        Who gets what all claims leave. Needed where something is left.

    Returns
    -------
    Distribution
        Payouts that add to the income, rounded once to hundredths by largest remainders. What a
        fixed claim, a claim per unit or a floor could not get stays owed (``arrears``). Of a
        negative income nobody gets anything: those claims are owed whole, shares get nothing, and
        the loss is shown.

    Raises
    ------
    DataError
        With all problems: a share above 1, shares of one sum above 1 together, a negative claim,
        0 heads, a payee named twice, something left and nobody to get it.

    Notes
    -----
    Source: the definition; Hamilton's method of rounding. Verified: full_text.

    Examples
    --------
    >>> paid = waterfall("20 万元",
    ...     [Claim("reclamation", "fixed", "3 万元"), Claim("household", "share", share=0.85),
    ...      Claim("collective", "share", share=0.15)], payer="platform", price_year=2020)
    >>> {name: str(amount) for name, amount in paid.payouts.items()}
    {'reclamation': '30000.00', 'household': '144500.00', 'collective': '25500.00'}
    """
    problems = Problems()
    money = _currency(net)
    income = _money(net, money, "net", problems)
    claims = _claims(steps, money, problems)
    problems.raise_if_any(DataError)
    whole = rounded(income)
    exact, owed = _cascade(max(whole, Decimal(0)), claims)
    left = max(whole, Decimal(0)) - sum(exact, Decimal(0))
    titles = [claim.title for claim in claims]
    if rest is not None:
        titles.append(title_of(rest))
        exact.append(left)
    elif rounded(left):
        cure = "say who gets it: rest=..."
        problems.add("something is left and nobody gets it", "rest", f"{rounded(left)}", cure)
    names = [title.zh for title in titles]
    for name in sorted({n for n in names if names.count(n) > 1}):
        problems.add("the payee is named twice", "steps", name, "one claim for each payee")
    problems.raise_if_any(DataError)
    parts = (
        allocate(max(whole, Decimal(0)), exact) if any(exact) else [Decimal("0.00")] * len(exact)
    )
    payouts = {name: rounded(part) for name, part in zip(names, parts, strict=True)}
    arrears = {
        claim.name: amount
        for claim, sum_owed in zip(claims, owed, strict=True)
        if (amount := rounded(sum_owed))
    }
    loss = max(-whole, Decimal("0.00"))
    result = _sheet(
        Title("Distribution of income", "收益分配"),
        "function:distribution.waterfall",
        money,
        price_year,
        title_of(payer),
        titles,
        payouts,
        inputs={"N": Given(Title("Net income", "净收益"), float(whole), str(money))},
        lines=[
            *(_claim_line(c, payouts[c.name], money, at) for at, c in enumerate(claims, start=1)),
            *([Line("rest", title_of(rest), payouts[names[-1]], str(money))] if rest else []),
        ],
        owed=arrears,
        loss=loss,
    )
    return Distribution(result, payouts, arrears, loss=loss)


def _cascade(income: Decimal, claims: Sequence[_Read]) -> tuple[list[Decimal], list[Decimal]]:
    """Return what each claim takes and what it stays owed, in exact amounts."""
    left, pot = income, income
    taken: list[Decimal] = []
    owed: list[Decimal] = []
    before = ""
    for claim in claims:
        shares = claim.claim.kind in _TAKES_SHARE
        if not (shares and before in _TAKES_SHARE):
            pot = left
        before = claim.claim.kind
        wanted, due = claim.amount, claim.amount
        if before == "share":
            wanted, due = claim.share * pot, Decimal(0)
        elif before == "cap":
            wanted, due = min(claim.share * pot, claim.amount), Decimal(0)
        elif before == "floor":
            wanted, due = max(claim.share * pot, claim.amount), claim.amount
        part = min(wanted, left)
        left -= part
        taken.append(part)
        owed.append(max(due - part, Decimal(0)))
    return taken, owed


def _claims(steps: Sequence[Claim], money: Unit, problems: Problems) -> list[_Read]:
    read: list[_Read] = []
    together, before = Decimal(0), ""
    for number, claim in enumerate(steps, start=1):
        title = title_of(claim.payee)
        where = f"claim {number} ({title.zh})"
        if claim.kind not in KINDS:
            cure = nearest(str(claim.kind), KINDS)
            problems.add(f"kind is one of {', '.join(KINDS)}", where, repr(claim.kind), cure)
            continue
        given = {k for k in ("amount", "share", "units") if getattr(claim, k) is not None}
        if given != _NEEDS[claim.kind]:
            needs = " and ".join(sorted(_NEEDS[claim.kind]))
            has = ", ".join(sorted(given)) or "nothing"
            problems.add(f"a claim of kind {claim.kind} has {needs}", where, f"it has {has}")
            continue
        amount = Decimal(0)
        if claim.amount is not None:
            amount = _money(claim.amount, money, f"{where}, amount", problems)
        if amount < 0:
            problems.add("the claim is negative", where, f"{amount}", "a cost lowers the income")
        if claim.units is not None:
            amount *= _units(claim.units, where, problems)
        share = Decimal(0)
        if claim.share is not None:
            share = _share(claim.share, f"{where}, share", problems)
            together = together + share if before in _TAKES_SHARE else share
            if together > 1 and share <= 1:
                cure = "shares that follow each other part one sum"
                problems.add("the shares add to more than 1", where, f"{together}", cure)
        before = claim.kind
        read.append(_Read(claim, title.zh, title, amount, share))
    return read


def _share(given: Any, where: str, problems: Problems) -> Decimal:
    share = _exact(read_amount(given, NUMBER, where, problems))
    if share > 1:
        cure = "write 0.8 or '80 %'"
        problems.add("the share is above 1: it looks like a percentage", where, f"{share}", cure)
    elif share < 0:
        problems.add("the claim is negative", where, f"{share}")
    return share


def _units(given: Any, where: str, problems: Problems) -> Decimal:
    units = _exact(read_amount(given, NUMBER, f"{where}, units", problems))
    if units <= 0:
        cure = "count the heads (亩, points) that have a claim"
        problems.add("there is nobody to pay: the number of units is not above 0", where,
                     f"{units}", cure)  # fmt: skip
    return units


def _exact(number: float) -> Decimal:
    """Return a number as a Decimal; what is no number (noted as a problem) counts as 0."""
    exact = Decimal(repr(float(number)))
    return exact if exact.is_finite() else Decimal(0)


def _currency(given: Any) -> Unit:
    """Return the currency's unit in which an income is paid out."""
    text = given.unit if isinstance(given, Result) else given[1] if _paired(given) else str(given)
    for name in ("USD", "EUR"):
        if name in text:
            return unit(name)
    return unit("CNY")


def _paired(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str)  # noqa: PLR2004


def _money(given: Any, money: Unit, where: str, problems: Problems) -> Decimal:
    """Return an amount in the currency's unit; a flow of a year counts as that year's sum."""
    own = given.unit if isinstance(given, Result) else given[1] if _paired(given) else str(given)
    wanted = unit(f"{money}/yr") if re.search(r"/\s*(yr|a|年)\s*\Z", str(own)) else money
    return _exact(read_amount(given, wanted, where, problems))


def _claim_line(claim: _Read, paid: Decimal, money: Unit, number: int) -> Line:
    share, amount, pot = _shown(claim.share), _shown(claim.amount), "what is left 剩余"
    if claim.claim.units is not None:
        units = _exact(claim.claim.units)
        amount = f"{_shown(claim.amount / units)} * {_shown(units)}"
    formula = {
        "fixed": amount,
        "per_unit": amount,
        "share": f"{share} * {pot}",
        "cap": f"min({share} * {pot}, {amount})",
        "floor": f"max({share} * {pot}, {amount})",
    }[claim.claim.kind]
    return Line(f"claim_{number}", claim.title, paid, str(money), formula)


def _shown(number: Decimal) -> str:
    return f"{number.normalize():,f}"


def _sheet(  # noqa: PLR0913  the parts of a sheet
    title: Title,
    name: str,
    money: Unit,
    price_year: int,
    payer: Title,
    titles: Sequence[Title],
    payouts: Mapping[str, Decimal],
    *,
    inputs: Mapping[str, Given],
    lines: Sequence[Line],
    owed: Mapping[str, Decimal],
    loss: Decimal = Decimal(0),
    liability: Decimal = Decimal(0),
) -> Result:
    says = [(amount, f"{party}: in arrears 欠付") for party, amount in owed.items()]
    says += [(loss, "the income is negative: nothing is paid 净收益为负，不予分配")]
    says += [(liability, "the platform pays out of its own means 平台自有资金垫付")]
    warnings = tuple(
        Problem(what, name, f"{amount} {money}", level="warning") for amount, what in says if amount
    )
    return Result(
        title=title,
        value=dict(payouts),
        unit=str(money),
        rule=name,
        price_year=price_year,
        cite=_DEFINITION,
        verified="full_text",
        inputs=inputs,
        lines=tuple(lines),
        payments=tuple(
            Paid(payer, payee, payouts[payee.zh], str(money), title, _DEFINITION)
            for payee in titles
            if payouts[payee.zh]
        ),
        warnings=warnings,
    )


# ------------------------------------------------------------------------ guaranteed dividends


def guaranteed_dividends(
    net: Any,
    *,
    floors: Mapping[str, Any],
    shares: Mapping[str, Any],
    payer: Party,
    price_year: int,
) -> Distribution:
    """Return dividends with a guaranteed least 保底分红: the greater of a floor and a share.

    Parameters
    ----------
    net
        The income after costs, with its unit; may be negative.
    floors
        The guaranteed least by payee, with its unit.
    shares
        The share of the income by payee [1]; together at most 1.
    payer
        The platform, which bears what the income does not cover.
    price_year
        Year of the money.

    Returns
    -------
    Distribution
        Payouts by payee. ``liability`` is what they exceed the income by; where they do not, the
        rest stays with the platform and is shown as a line.

    Raises
    ------
    DataError
        If payees differ between floors and shares, shares exceed 1, or a floor is negative.

    Notes
    -----
    ``payout_i = max(floor_i, share_i·net)``; of a negative income the share is 0.
    Source: the definition. Verified: full_text.

    Examples
    --------
    >>> paid = guaranteed_dividends("100 万元", floors={"A": "50 万元", "B": "10 万元"},
    ...                             shares={"A": 0.4, "B": 0.6}, payer="platform", price_year=2020)
    >>> {name: str(amount) for name, amount in paid.payouts.items()}, str(paid.liability)
    ({'A': '500000.00', 'B': '600000.00'}, '100000.00')
    """
    problems = Problems()
    money = _currency(net)
    income = rounded(_money(net, money, "net", problems))
    for name in sorted(set(floors) ^ set(shares)):
        problems.add("the payee has no floor or no share", name, cure="give both for everyone")
    least = {n: _money(v, money, f"floors[{n}]", problems) for n, v in floors.items()}
    share = {n: _share(v, f"shares[{n}]", problems) for n, v in shares.items()}
    for name, amount in least.items():
        if amount < 0:
            problems.add("the claim is negative", f"floors[{name}]", f"{amount}")
    if sum(share.values()) > 1:
        found = f"{sum(share.values())}"
        problems.add("the shares add to more than 1", "shares", found, "what is left is the rest")
    if not floors:
        problems.add("there is nobody to pay", "floors")
    problems.raise_if_any(DataError)
    pot = max(income, Decimal(0))
    exact = {name: max(least[name], share[name] * pot) for name in least}
    whole = sum(exact.values(), Decimal(0))
    kept = pot - whole
    if kept >= 0:
        *parts, _ = allocate(pot, [*exact.values(), kept]) if pot else [*exact.values(), kept]
    else:
        parts = allocate(whole, list(exact.values()))
    payouts = {name: rounded(part) for name, part in zip(exact, parts, strict=True)}
    total = sum(payouts.values(), Decimal(0))
    liability = max(total - pot, Decimal("0.00"))
    left = max(pot - total, Decimal("0.00"))
    titles = [title_of(name) for name in exact]
    rest = Line("rest", Title("Left to the platform", "平台留存"), left, str(money), "N - 应发合计")
    result = _sheet(
        Title("Guaranteed dividends", "保底分红"),
        "function:distribution.guaranteed_dividends",
        money,
        price_year,
        title_of(payer),
        titles,
        payouts,
        inputs={"N": Given(Title("Net income", "净收益"), float(income), str(money))},
        lines=[
            *(
                Line(
                    f"payout_{at}",
                    title_of(name),
                    payouts[name],
                    str(money),
                    f"max({_shown(least[name])}, {_shown(share[name])} * max(N, 0))",
                )
                for at, name in enumerate(exact, start=1)
            ),
            rest,
        ],
        owed={},
        liability=liability,
    )
    loss = max(-income, Decimal("0.00"))
    return Distribution(result, payouts, liability=liability, loss=loss)


# ----------------------------------------------------------------------------- statements


def statements(
    pot: Any, holdings: pd.DataFrame | Mapping[str, float], *, basis: Title, lang: str = "zh"
) -> pd.DataFrame:
    """Return villagers' statements: what each gets of a sum, by what each holds.

    Parameters
    ----------
    pot
        The sum to share, with its unit (``"4.8 万元"``), or a Decimal of a distribution in 元.
    holdings
        What each holds (heads, 亩, points) by id; or a table with columns ``id`` and ``units``
        and others that are shown, such as the deposits of the household.
    basis
        What the units are.
    lang
        Language of the column heads.

    Returns
    -------
    DataFrame
        A row for each id: units, share [%], amount (a Decimal). The amounts add to the sum.

    Raises
    ------
    DataError
        If ids repeat, a holding is negative or missing, all are 0, or the table holds personal
        data (a column of names, telephones or the like; identity or telephone numbers as ids).

    Notes
    -----
    A statement needs no name: the village knows whose the id is.
    Source: the definition; largest remainders. Verified: full_text.

    Examples
    --------
    >>> sheet = statements("100 元", {"H-01": 1, "H-02": 1, "H-03": 1},
    ...                    basis=Title("heads", "人口"), lang="en")
    >>> sheet["amount"].map(str).tolist()
    ['33.34', '33.33', '33.33']
    """
    import pandas as pd

    problems = Problems()
    if isinstance(holdings, Mapping):
        table = pd.DataFrame({"id": list(holdings), "units": list(holdings.values())})
    else:
        table = holdings.reset_index(drop=True)
    lacking = [name for name in ("id", "units") if name not in table]
    if lacking:
        cure = "columns: id, units"
        raise DataError(f"the table lacks {', '.join(lacking)}", "holdings", cure=cure)
    for column in table.columns:
        if _PERSONAL.search(str(column)):
            cure = "leave it out: the statement goes by id"
            problems.add("the table holds personal data", f"holdings, column {column}", cure=cure)
    ids = [str(value) for value in table["id"]]
    for row, name in enumerate(ids, start=1):
        if _IDENTITY.match(name):
            cure = "use an id of the village's own, such as H-017"
            problems.add("the id is the number of a person", f"holdings, row {row}", cure=cure)
        elif ids.index(name) != row - 1:
            problems.add(f"the id {name!r} occurs twice", f"holdings, row {row}")
    units = [
        read_amount(value, NUMBER, f"holdings, row {row} ({name})", problems)
        for row, (name, value) in enumerate(zip(ids, table["units"], strict=True), start=1)
    ]
    for row, (name, number) in enumerate(zip(ids, units, strict=True), start=1):
        if number < 0:
            problems.add("the holding is negative", f"holdings, row {row} ({name})", f"{number:g}")
    if not problems.errors and not sum(units) > 0:
        problems.add("there is nobody to pay: the holdings add to 0", "holdings")
    money = _currency(pot) if not isinstance(pot, Decimal) else unit("CNY")
    whole = pot if isinstance(pot, Decimal) else _money(pot, money, "pot", problems)
    if whole < 0:
        problems.add("the sum is negative", "pot", f"{whole}")
    problems.raise_if_any(DataError)
    amounts = [rounded(part) for part in allocate(whole, units)]
    total = sum(units)
    heads = {
        "zh": ("编号", basis.zh, "比例（%）", f"金额（{'元' if str(money) == 'CNY' else money}）"),
        "en": ("id", basis.en, "share (%)", "amount"),
    }[lang]
    sheet = pd.DataFrame(
        {
            heads[0]: ids,
            heads[1]: units,
            heads[2]: [100 * number / total for number in units],
            heads[3]: pd.Series(amounts, dtype=object),
        }
    )
    others = [column for column in table.columns if column not in ("id", "units")]
    return pd.concat([sheet, table[others]], axis=1)
