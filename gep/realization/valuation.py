"""What rights and packages are worth: the present value of a contract, and its sensitivity.

A valuation gives two numbers, never one: what the holder of the right can collect
(``cash_value``), and what nobody pays for (``service_value``). They are not added unless the call
names the services that the cash already pays for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

import pandas as pd

from gep.errors import DataError, Problem, Problems, UsageError, nearest
from gep.realization.contracts import (
    BASES,
    FOREVER,
    MAX_YEARS,
    Basis,
    Discount,
    Flow,
    MixedRealNominal,
    Schedule,
    Span,
    Years,
    discount,
    mixed,
    schedules,
)
from gep.realization.results import Given, Line, Result
from gep.tables import VERIFIED, Title
from gep.units import Unit, unit

_CONTRACT = Title("Contract", "合同")
_DEFINITION = Title("the definition of a present value", "现值的定义")


class DoubleCounting(DataError):  # noqa: N818  the name says what happened
    """Money and the service that it pays for would be added."""


# ----------------------------------------------------------------------------------- contracts


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Flows over the years of a contract, with the term of the right that it rests on.

    Attributes
    ----------
    flows
        Made with :func:`~gep.realization.contracts.yearly` and
        :func:`~gep.realization.contracts.once`.
    years
        How many years it runs, a whole number, or ``"forever"``.
    right_years
        How many years of the right remain; None where that is not known.
    beyond
        What happens where the contract outlives the right: ``"refuse"``, or ``"clip"`` (what comes
        later is cut off, with a warning).
    title
        What is valued.

    Examples
    --------
    A rent that rises by 8 % every five years:

    >>> from gep.realization.contracts import yearly
    >>> rent = yearly("20 万元/yr", growth="8 %", every=5, timing="arrears", basis="nominal")
    >>> lease = Contract(flows=[rent], years=30)
    >>> worth = lease.worth(rate="5 %", rate_basis="nominal", price_year=2023, money="万元")
    >>> f"{worth.cash_value['undiscounted']:.1f} {worth.cash_value.value:.1f}"
    '733.6 356.3'
    """

    flows: Sequence[Flow]
    years: Years
    right_years: int | None = None
    beyond: Literal["refuse", "clip"] = "refuse"
    title: Title = _CONTRACT

    def worth(self, *, rate: Any, rate_basis: Basis, price_year: int, money: str = "元") -> Worth:
        """Return what the flows are worth today.

        Parameters
        ----------
        rate
            Discount rate of a year, or a declining schedule: see
            :func:`~gep.realization.contracts.discount`.
        rate_basis
            ``"nominal"`` or ``"real"``; every flow has the same.
        price_year
            Of which year the money of the result is: that of the valuation.
        money
            Unit of the result: ``"元"``, ``"万元"``, or ``"元/亩"`` where flows are by area.

        Raises
        ------
        MixedRealNominal
            If a flow has another basis than the rate.
        DataError
            With all problems: amounts and units, timing, terms, a contract that outlives the right.

        Notes
        -----
        ``Σ CF_t / Π (1 + r_k)``. Source: the definition of a present value. Verified: full_text.
        """
        problems = Problems()
        bases = Problems()
        by = discount(rate, problems=problems, negative=rate_basis == "real")
        if rate_basis not in BASES:
            cure = "say rate_basis='nominal' or rate_basis='real'"
            problems.add("the basis of the rate is not known", "rate_basis", repr(rate_basis), cure)
        else:
            mixed(self.flows, rate_basis, bases)
        wanted = read_money(money, problems)
        span = self._span(problems)
        if not self.flows:
            problems.add("the contract has no flows", "flows", cure="give at least one")
        found = schedules(self.flows, span, by, wanted, problems)
        for problem in bases:
            problems.add(problem.what, problem.where, cure=problem.cure)
        problems.raise_if_any(MixedRealNominal if len(bases) else DataError)
        self._flag(found, problems)
        terms = _Terms(self, by, rate_basis, price_year, wanted, problems.warnings)
        return Worth(
            terms.result("cash", found), terms.result("service", found), tuple(found), terms
        )

    def _span(self, problems: Problems) -> Span:
        years, right = self.years, self.right_years
        for name, value in (("years", years), ("right_years", right)):
            whole = isinstance(value, int) and not isinstance(value, bool)
            named = value == FOREVER if name == "years" else value is None
            if not named and not (whole and 1 <= int(value or 0) <= MAX_YEARS):
                what = f"{name} is a whole number from 1 to {MAX_YEARS}"
                problems.add(what, name, repr(value), "write 'forever' for what never ends")
                return Span(1)
        if self.beyond not in ("refuse", "clip"):
            problems.add("beyond is 'refuse' or 'clip'", "beyond", repr(self.beyond))
        if right is None or (years != FOREVER and int(years) <= right):
            return Span(years)
        what = "the contract outlives the right"
        told_years = f"the contract has {years} years, the right has {right} left"
        if self.beyond == "clip":
            problems.warn(what, "years", told_years, "what comes later was cut off")
            return Span(years, right)
        cure = "shorten the contract, or say beyond='clip'"
        problems.add(what, "years", told_years, cure)
        return Span(years)

    def _flag(self, found: Sequence[Schedule], problems: Problems) -> None:
        for schedule in found:
            where = f"flow {schedule.number} ({schedule.flow.title.en})"
            if schedule.amount < 0:
                problems.warn("the amounts are negative: a cost or a loss", where)
            if not len(schedule.times):
                problems.warn("it falls after the end of the right and does not count", where)


def read_money(text: str, problems: Problems) -> Unit:
    """Return the unit of a result, noting one that is no money."""
    wanted = unit(text)
    if not wanted.currency:
        problems.add("the unit of the result is no money", "money", text, "write 元 or 万元")
    return wanted


@dataclass(frozen=True)
class _Terms:
    """With what a contract was valued."""

    contract: Contract
    by: Discount
    rate_basis: str
    price_year: int
    money: Unit
    warnings: tuple[Problem, ...]

    def result(self, kind: str, found: Sequence[Schedule]) -> Result:
        own = [s for s in found if s.flow.kind == kind]
        name = _KINDS[kind]
        whole = self.contract.title
        title = Title(f"{whole.en}: {name.en}", f"{whole.zh}：{name.zh}")
        notes = []
        if self.contract.right_years is None:
            notes.append(
                "未给出权利剩余年限，未核对。"
                "The remaining years of the right were not given and not compared."
            )
        if not own:
            return self._answer(title, None, (), (), notes, undetermined=(f"{kind} flows",))
        worths = [s.present_value(self.by) for s in own]
        sums = [s.undiscounted() for s in own]
        lines = [
            self._line(f"PV{s.number}", s, "present", w) for s, w in zip(own, worths, strict=True)
        ]
        if all(map(math.isfinite, sums)):
            plain = [
                self._line(f"S{s.number}", s, "sum", w) for s, w in zip(own, sums, strict=True)
            ]
            lines = [line for pair in zip(plain, lines, strict=True) for line in pair]
            total = _UNDISCOUNTED[self.rate_basis]
            lines.append(Line("undiscounted", total, math.fsum(sums), str(self.money)))
        else:
            notes.append("永续流没有名义合计。What never ends has no undiscounted sum.")
        value = math.fsum(worths)
        lines.append(Line("PV", Title("Present value", "现值"), value, str(self.money)))
        return self._answer(title, value, own, lines, notes)

    def _line(self, symbol: str, schedule: Schedule, what: str, value: float) -> Line:
        title, said = schedule.flow.title, _PARTS[what]
        own = Title(f"{title.en}, {said.en}", f"{title.zh}{said.zh}")
        return Line(symbol, own, value, str(self.money))

    def _answer(
        self,
        title: Title,
        value: float | None,
        own: Sequence[Schedule],
        lines: Sequence[Line],
        notes: Sequence[str],
        undetermined: tuple[str, ...] = (),
    ) -> Result:
        inputs = {"rate": self.by.given(), "years": self._years()}
        if self.contract.right_years is not None:
            left = Title("Years of the right that remain", "权利剩余年限")
            inputs["right_years"] = Given(left, self.contract.right_years, "yr")
        for s in own:
            recurs = self.money / unit("yr") if s.flow.at is None else self.money
            note = f"{s.flow.terms('zh')}; {s.flow.terms('en')}"
            inputs[f"A{s.number}"] = Given(s.flow.title, s.amount, str(recurs), note=note)
        return Result(
            title=title,
            value=value,
            unit=str(self.money),
            rule="function:valuation.Contract.worth",
            price_year=self.price_year,
            source=_DEFINITION,
            verified=max(("full_text", self.by.verified or "full_text"), key=VERIFIED.index),
            inputs=inputs,
            lines=tuple(lines),
            warnings=self.warnings,
            notes=tuple(notes),
            undetermined=undetermined,
        )

    def _years(self) -> Given:
        title = Title("Years of the contract", "合同年限")
        return Given(title, self.contract.years, "" if self.contract.years == FOREVER else "yr")


_KINDS = {
    "cash": Title("cash value", "现金价值"),
    "service": Title("service value (non-market)", "服务价值（非市场）"),
}
_PARTS = {"present": Title("present value", "现值"), "sum": Title("sum", "合计")}
_UNDISCOUNTED = {
    "nominal": Title("Nominal sum, undiscounted", "名义合计（未折现）"),
    "real": Title("Sum at constant prices, undiscounted", "不变价合计（未折现）"),
}


@dataclass(frozen=True)
class Worth:
    """Two numbers, never one: the money to be collected, and the services that nobody pays for.

    Attributes
    ----------
    cash_value, service_value
        Results with the undiscounted sum as line ``undiscounted``. The one without flows is
        undetermined, not zero.
    """

    cash_value: Result
    service_value: Result
    schedules: tuple[Schedule, ...]
    terms: _Terms

    def __add__(self, other: object) -> NoReturn:
        """Refuse: what is added to what is said by :meth:`total`."""
        raise DoubleCounting(
            "cash value and service value are not added as they are",
            cure="use total(monetised=[...]), naming the services that the cash pays for",
        )

    __radd__ = __add__

    def __float__(self) -> float:
        """Refuse: there are two numbers."""
        raise DoubleCounting(
            "a valuation has two numbers", cure="take .cash_value or .service_value"
        )

    @property
    def services(self) -> tuple[str, ...]:
        """The services in the non-market part."""
        return tuple(dict.fromkeys(s.flow.service for s in self.schedules if s.flow.service))

    def without(self, services: Sequence[str]) -> Worth:
        """Return the valuation with services taken out of the non-market part.

        Raises
        ------
        UsageError
            If a service is not in it.
        """
        for name in services:
            if name not in self.services:
                what = f"there is no service {name!r} in the non-market part"
                raise UsageError(what, cure=nearest(name, self.services))
        kept = tuple(
            s for s in self.schedules if s.flow.service not in services or not s.flow.service
        )
        return replace(self, schedules=kept, service_value=self.terms.result("service", kept))

    def total(self, *, monetised: Sequence[str]) -> Result:
        """Return cash and services together, each service once.

        Parameters
        ----------
        monetised
            The services that the cash pays for (a fee, a carbon sale): they are taken out of the
            non-market part. ``[]`` where the cash pays for none.

        Raises
        ------
        DoubleCounting
            If a service that backs the cash remains in the non-market part, or it is not known
            what the cash pays for.
        UsageError
            If a service is named that is not in the non-market part.
        """
        problems = Problems()
        rest = self.without(monetised)
        for s in self.schedules:
            if s.flow.kind != "cash":
                continue
            where = f"flow {s.number} ({s.flow.title.en})"
            if s.flow.backed_by is None:
                cure = "say backed_by=[...] on the flow, () where it pays for no service"
                problems.add("it is not known what the cash pays for", where, cure=cure)
            for name in s.flow.backed_by or ():
                if name in rest.services:
                    cure = f"name it: total(monetised=[{name!r}])"
                    what = f"{name} is in the cash and in the non-market part"
                    problems.add(what, where, cure=cure)
        problems.raise_if_any(DoubleCounting)
        cash = float(self.cash_value)
        services = float(rest.service_value) if rest.services else 0.0
        whole, money = self.terms.contract.title, str(self.terms.money)
        removed = ", ".join(monetised) or "—"
        return replace(
            self.cash_value,
            title=Title(f"{whole.en}: cash and services", f"{whole.zh}：现金与服务合计"),
            value=cash + services,
            rule="function:valuation.Worth.total",
            inputs={**self.cash_value.inputs, **rest.service_value.inputs},
            lines=(
                Line("cash", _KINDS["cash"], cash, money),
                Line("services", _KINDS["service"], services, money),
            ),
            notes=(
                *self.cash_value.notes,
                f"已从非市场部分剔除: {removed} Taken out of the non-market part: {removed}",
            ),
        )

    def text(self, lang: str = "zh") -> str:
        """Return both sheets as text."""
        said = {
            "en": "Two numbers: they are not added, for cash may pay for the services.",
            "zh": "两个数值并列，不相加：现金收入可能就是为这些服务支付的。",
        }[lang]
        return f"{self.cash_value.text(lang)}\n{self.service_value.text(lang)}\n{said}"

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return the payments: a row for each flow and time, with the discounted amount."""
        rows = []
        for s in self.schedules:
            factors = self.terms.by.factors(int(s.times.max(initial=0)))[s.times]
            for at, amount, factor in zip(s.times, s.amounts, factors, strict=True):
                rows.append(
                    (s.flow.title[lang], s.flow.kind, int(at), amount, factor, amount * factor)
                )
        return pd.DataFrame(
            rows, columns=["flow", "kind", "time", "amount", "discount_factor", "present_value"]
        )

    def __repr__(self) -> str:
        """Return both sheets in English."""
        return self.text("en")


# --------------------------------------------------------------------------------- sensitivity


@dataclass(frozen=True, kw_only=True)
class Steps:
    """By how much a sensitivity moves the rate, the years and the flows; all are the caller's."""

    rate: float
    years: int
    flow: float


@dataclass(frozen=True)
class Sensitivity:
    """A valuation and what moves it.

    Attributes
    ----------
    base
        The valuation itself.
    table
        A row per kind of value and thing moved: ``low_at``, ``high_at`` (where it was moved to),
        ``low``, ``base``, ``high`` (the value there), ``swing`` (their distance), ``note`` (why a
        value is missing). Sorted by swing within each kind, the greatest first.
    """

    base: Worth
    table: pd.DataFrame

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return the table with titles."""
        own = self.table.copy()
        own["moved"] = [_MOVED[name][lang] if name in _MOVED else name for name in own["moved"]]
        own["kind"] = [_KINDS[kind][lang] for kind in own["kind"]]
        return own.rename(columns={name: title[lang] for name, title in _COLUMNS.items()})

    def text(self, lang: str = "zh") -> str:
        """Return the table as text."""
        frame = self.frame(lang)
        return str(frame.to_string(index=False, float_format=lambda x: f"{x:,.6g}", na_rep="—"))


_MOVED = {
    "rate": Title("discount rate", "折现率"),
    "years": Title("years", "年限"),
    "flows": Title("all flows", "全部流量"),
}
_COLUMNS = {
    "kind": Title("kind", "类别"),
    "moved": Title("moved", "变动因素"),
    "low_at": Title("low at", "低位"),
    "high_at": Title("high at", "高位"),
    "low": Title("value at low", "低位价值"),
    "base": Title("base value", "基准价值"),
    "high": Title("value at high", "高位价值"),
    "swing": Title("swing", "变动幅度"),
    "note": Title("note", "说明"),
}


def sensitivity(
    contract: Contract,
    *,
    rate: Any,
    rate_basis: Basis,
    price_year: int,
    money: str = "元",
    steps: Steps,
) -> Sensitivity:
    """Return how a valuation moves with the rate, the years and the flows, one at a time.

    Parameters
    ----------
    contract, rate, rate_basis, price_year, money
        As in :meth:`Contract.worth`.
    steps
        ``Steps(rate=0.01, years=5, flow=0.2)`` moves the rate by one point, the years by five and
        the flows by a fifth, which is a usual choice. A schedule moves as a whole.

    Returns
    -------
    Sensitivity
        Where a moved term cannot be valued (no years left, beyond the right, no finite value),
        the value is missing and ``note`` says why.

    Raises
    ------
    DataError
        If the contract itself cannot be valued, or a step is not above 0.

    Examples
    --------
    >>> from gep.realization.contracts import yearly
    >>> rent = yearly("100 元/yr", timing="arrears", basis="real")
    >>> found = sensitivity(
    ...     Contract(flows=[rent], years=30), rate=0.05, rate_basis="real", price_year=2020,
    ...     steps=Steps(rate=0.01, years=5, flow=0.2))
    >>> found.table[["moved", "swing"]].round(1).values.tolist()
    [['flows', 614.9], ['rate', 352.7], ['years', 228.0]]
    """
    problems = Problems()
    for name, step in (("rate", steps.rate), ("years", steps.years), ("flow", steps.flow)):
        if not step > 0 or (name != "years" and step >= 1):
            what = "a step is above 0" if name == "years" else "a step lies between 0 and 1"
            problems.add(what, f"steps, {name}", repr(step), "0.01 moves by one point")
    problems.raise_if_any(DataError)
    terms = {"rate_basis": rate_basis, "price_year": price_year, "money": money}
    base = contract.worth(rate=rate, **terms)  # type: ignore[arg-type]
    by, flows, years = base.terms.by, contract.flows, contract.years

    def scaled(number: int | None, factor: float) -> Contract:
        moved = [
            replace(flow, factor=factor) if number in (None, at) else flow
            for at, flow in enumerate(flows, start=1)
        ]
        return replace(contract, flows=moved)

    cases: list[tuple[str, str, list[tuple[Any, Contract, Discount]]]] = []
    sides = (-1, 1)
    one = by.bands[0][1] if len(by.bands) == 1 else 0.0  # a schedule is told by its shift
    moves = [(one + side * steps.rate, contract, by.shifted(side * steps.rate)) for side in sides]
    cases.append(("rate", "", moves))
    if years != FOREVER:
        ends = [int(years) + side * steps.years for side in sides]
        cases.append(("years", "", [(end, _lasting(contract, end), by) for end in ends]))
    factors = [1 + side * steps.flow for side in sides]
    cases.append(("flows", "", [(f, scaled(None, f), by) for f in factors]))
    for kind in ("cash", "service"):
        own = [(n, flow) for n, flow in enumerate(flows, start=1) if flow.kind == kind]
        if len(own) > 1:
            cases += [
                (
                    f"{n} {flow.title.zh} {flow.title.en}",
                    kind,
                    [(f, scaled(n, f), by) for f in factors],
                )
                for n, flow in own
            ]
    rows = [
        row for moved, kind, ends_of in cases for row in _moved(moved, kind, ends_of, base, terms)
    ]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table = table.sort_values(["kind", "swing"], ascending=[True, False], kind="stable")
    return Sensitivity(base, table.reset_index(drop=True))


def _lasting(contract: Contract, years: int) -> Contract:
    """Return the contract with another term: what falls after it is dropped."""
    flows = []
    for flow in contract.flows:
        if flow.at is not None:
            if flow.at == "end" or flow.at <= years:
                flows.append(flow)
        elif flow.first <= years:
            last = None if flow.last is None else min(flow.last, years)
            flows.append(replace(flow, last=last))
    return replace(contract, flows=flows, years=years)


def _moved(
    moved: str,
    kind: str,
    ends: Sequence[tuple[Any, Contract, Discount]],
    base: Worth,
    terms: Mapping[str, Any],
) -> list[dict[str, Any]]:
    found: list[Worth | None] = []
    notes: list[str] = []
    for at, contract, by in ends:
        try:
            found.append(contract.worth(rate=by, **terms))
        except DataError as error:
            found.append(None)
            notes.append(f"{at:g}: {error.problems[0].what}")
    rows = []
    for name in [kind] if kind else list(_KINDS):
        own = base.cash_value if name == "cash" else base.service_value
        if own.value is None:
            continue
        values = [math.nan if w is None else float(_of(w, name).value or 0.0) for w in found]
        rows.append(
            {
                "kind": name,
                "moved": moved,
                "low_at": ends[0][0],
                "high_at": ends[1][0],
                "low": values[0],
                "base": own.value,
                "high": values[1],
                "swing": abs(values[1] - values[0]),
                "note": "; ".join(notes),
            }
        )
    return rows


def _of(worth: Worth, kind: str) -> Result:
    return worth.cash_value if kind == "cash" else worth.service_value
