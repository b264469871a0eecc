"""Contracts: what comes in and goes out, year by year, and the discount factors of the years.

A flow says its basis (``nominal``: money of the day; ``real``: money of one price year) and, where
it recurs, its timing (``advance``: at the beginning of each year; ``arrears``: at its end). Neither
is ever guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from gep.errors import DataError, GepError, Problems, UsageError, nearest
from gep.functions.finance import annuity_due_factor, annuity_factor
from gep.library import data_root
from gep.realization.results import Given, read_amount, read_rate
from gep.tables import VERIFIED, Title, load_table
from gep.units import NUMBER, Unit, convert, unit

Basis: TypeAlias = Literal["nominal", "real"]
Timing: TypeAlias = Literal["advance", "arrears"]
Years: TypeAlias = int | Literal["forever"]
BASES, TIMINGS = ("nominal", "real"), ("advance", "arrears")
FOREVER: Literal["forever"] = "forever"
END: Literal["end"] = "end"
#: Longer contracts are an accident; what never ends is "forever".
MAX_YEARS = 1000


class MixedRealNominal(DataError):  # noqa: N818  the name says what happened
    """Nominal flows meet a real rate, or the reverse, or flows of both kinds meet."""


# --------------------------------------------------------------------------------------- rates


@dataclass(frozen=True)
class Discount:
    """Discount rates by year: bands of (last year of the band, rate), in order.

    The last band may be open (None). Build one with :func:`discount`.
    """

    bands: tuple[tuple[int | None, float], ...]
    source: str = ""
    verified: str = ""

    def rates(self, years: int) -> np.ndarray[Any, Any]:
        """Return the rate of each year from 1 to ``years``.

        Raises
        ------
        DataError
            If the schedule ends earlier.
        """
        found: list[float] = []
        for until, rate in self.bands:
            last = years if until is None else min(until, years)
            found += [rate] * (last - len(found))
        if len(found) < years:
            what = f"the discount schedule ends in year {len(found)}, the flows in year {years}"
            cure = "add a band; (None, rate) holds for all later years"
            raise DataError(what, "rate", cure=cure)
        return np.array(found)

    def factors(self, years: int) -> np.ndarray[Any, Any]:
        """Return what 1 is worth today that is paid after 0, 1 ... ``years`` years."""
        return np.concatenate([[1.0], np.cumprod(1.0 / (1.0 + self.rates(years)))])

    def annuity(self, years: int, timing: Timing) -> float:
        """Return the present value of 1 in each of ``years`` years.

        Examples
        --------
        >>> f"{discount('5 %').annuity(30, 'arrears'):.4f}"
        '15.3725'
        """
        if len(self.bands) == 1 and self.bands[0][0] is None:
            factor = annuity_due_factor if timing == "advance" else annuity_factor
            return float(factor(rate=self.bands[0][1], periods=years))
        factors = self.factors(years)
        return math.fsum(factors[:-1] if timing == "advance" else factors[1:])

    def shifted(self, by: float) -> Discount:
        """Return the schedule with every rate higher by ``by``."""
        return replace(self, bands=tuple((until, rate + by) for until, rate in self.bands))

    def given(self) -> Given:
        """Return the rates as an input of a result."""
        title = Title("Discount rate of a year", "年折现率")
        if len(self.bands) == 1:
            value: Any = self.bands[0][1]
        else:
            starts = [1, *(until + 1 for until, _ in self.bands[:-1] if until)]
            value = {
                f"{start}-{until or ''}": rate
                for start, (until, rate) in zip(starts, self.bands, strict=True)
            }
        return Given(title, value, "1", self.source, self.verified)


def discount(rate: Any, *, problems: Problems | None = None, negative: bool = False) -> Discount:
    """Read a discount rate or a declining schedule.

    Parameters
    ----------
    rate
        ``0.05``, ``"5 %"``, or ``[(30, 0.035), (75, 0.03), (None, 0.025)]``: the last year of each
        band, counted from the valuation, and its rate; None is all later years.
    problems
        Where to note problems; without it they are raised.
    negative
        Whether a rate below 0 (above -1) may be; a real rate can be.

    Raises
    ------
    DataError
        If a rate looks like a percentage, or the bands are not in order.

    Examples
    --------
    >>> f"{discount([(1, 0.1), (None, 0.05)]).annuity(2, 'arrears'):.6f}"     # 1/1.1 + 1/1.155
    '1.774892'
    """
    if isinstance(rate, Discount):
        return rate
    found = Problems()
    if isinstance(rate, Sequence) and not isinstance(rate, str) and not _is_pair(rate):
        bands = _bands(rate, found, negative=negative)
    else:
        bands = ((None, read_rate(rate, "rate", found, negative=negative)),)
    if problems is None:
        found.raise_if_any(DataError)
    else:
        problems.absorb(GepError(found.errors))
    return Discount(bands)


def _is_pair(rate: Sequence[Any]) -> bool:
    return isinstance(rate, tuple) and len(rate) == 2 and isinstance(rate[1], str)  # noqa: PLR2004


def _bands(
    given: Sequence[Any], problems: Problems, *, negative: bool
) -> tuple[tuple[int | None, float], ...]:
    bands: list[tuple[int | None, float]] = []
    last = 0
    for number, entry in enumerate(given, start=1):
        where = f"rate, band {number}"
        try:
            until, rate = entry
        except (TypeError, ValueError):
            cure = "write (last year, rate)"
            problems.add("this is no band of a schedule", where, repr(entry)[:80], cure)
            continue
        closes = number == len(given) and until is None
        if not closes and not (_whole(until) and last < until <= MAX_YEARS):
            cure = "give the last year of each band, rising; None only in the last band"
            problems.add("the bands are not in order", where, repr(until)[:80], cure)
            continue
        last = last if until is None else int(until)
        bands.append((until, read_rate(rate, where, problems, negative=negative)))
    if not bands and not problems.errors:
        problems.add("the schedule has no band", "rate")
    return tuple(bands)


def discount_schedule(name_or_path: str | Path) -> Discount:
    """Return a declining schedule that is kept as a table.

    Parameters
    ----------
    name_or_path
        ``folder/table`` of gep's ``coefficients/``, or the path of a CSV with its sidecar: a
        rectangle with key ``until`` (the last year for which a rate holds) and column ``rate``.

    Returns
    -------
    Discount
        With the source of the table and how well it was checked.

    Raises
    ------
    UsageError
        If there is no such table, or it is no schedule.
    """
    root = data_root("coefficients")
    path = Path(name_or_path)
    if path.suffix != ".csv":
        path = root / f"{name_or_path}.csv"
    if not path.is_file():
        known = [f"{p.parent.name}/{p.stem}" for p in root.glob("*/*.csv")]
        what = f"there is no table {str(name_or_path)!r}"
        raise UsageError(what, cure=nearest(str(name_or_path), known))
    table = load_table(path, path.stem)
    if table.key != ("until",) or "rate" not in table.columns:
        cure = "a schedule is a rectangle with key until and column rate"
        raise UsageError("the table is no discount schedule", str(path), cure=cure)
    entries = table.entries["rate"]
    bands = [
        (int(until) if until.isdigit() else until, float(convert(entry.value, entry.unit, NUMBER)))
        for (until,), entry in entries.items()
    ]
    source = "; ".join(dict.fromkeys(table.source_text(entry) for entry in entries.values()))
    verified = max((entry.verified for entry in entries.values()), key=VERIFIED.index)
    return replace(discount(bands), source=source, verified=verified)


def real_rate(*, nominal: Any, inflation: Any) -> float:
    """Return the real rate that belongs to a nominal one.

    Parameters
    ----------
    nominal, inflation
        Rates of a year as decimals or ``"5 %"``; inflation may be negative.

    Returns
    -------
    float
        ``(1 + nominal)/(1 + inflation) - 1``.

    Raises
    ------
    DataError
        If a rate looks like a percentage.

    Notes
    -----
    Source: Fisher's equation. Verified: full_text.

    Examples
    --------
    >>> f"{real_rate(nominal='5 %', inflation='2 %'):.6f}"
    '0.029412'
    """
    problems = Problems()
    i = read_rate(nominal, "nominal", problems)
    p = read_rate(inflation, "inflation", problems, negative=True)
    problems.raise_if_any(DataError)
    return (1 + i) / (1 + p) - 1


# --------------------------------------------------------------------------------------- flows


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Money or a service that comes in (negative: goes out). Make one with a function.

    :func:`yearly` makes what recurs and :func:`once` what is paid a single time.
    """

    amount: Any
    basis: Basis
    title: Title
    timing: Timing | None = None
    growth: Any = 0
    every: int = 1
    first: int = 1
    last: int | None = None
    at: int | Literal["end"] | None = None
    share: Any = 1
    service: str = ""
    backed_by: tuple[str, ...] | None = None
    factor: float = 1.0  # by which a sensitivity scales it

    @property
    def kind(self) -> Literal["cash", "service"]:
        """Whether it is money that can be collected, or a service that nobody pays for."""
        return "service" if self.service else "cash"

    def terms(self, lang: str) -> str:
        """Return the terms in words."""
        said = _SAID[lang]
        words = [said[self.basis]]
        if self.at is not None:
            when = said["end"] if self.at == END else said["at"].format(self.at)
            words.append(when if self.at else said["now"])
        else:
            words.append(said[str(self.timing)])
            if self.first != 1 or self.last is not None:
                words.append(said["span"].format(self.first, self.last or said["end"]))
            if self.growth:
                words.append(said["growth"].format(self.growth, self.every))
        if self.share != 1:
            words.append(said["share"].format(self.share))
        return said["comma"].join(words)


_SAID = {
    "en": {
        "comma": ", ",
        "nominal": "nominal",
        "real": "real",
        "advance": "at the beginning of each year",
        "arrears": "at the end of each year",
        "now": "today",
        "at": "after {} years",
        "end": "the end",
        "span": "years {} to {}",
        "growth": "rises by {} every {} years",
        "share": "share {}",
    },
    "zh": {
        "comma": "，",
        "nominal": "名义值",
        "real": "实际值",
        "advance": "每年年初",
        "arrears": "每年年末",
        "now": "当日",
        "at": "{} 年后",
        "end": "期末",
        "span": "第 {} 年至 {}",
        "growth": "每 {1} 年增长 {0}",
        "share": "按 {} 计",
    },
}


def yearly(  # noqa: PLR0913  each argument is a term of a contract
    amount: Any,
    *,
    timing: Timing,
    basis: Basis,
    title: Title | None = None,
    growth: Any = 0,
    every: int = 1,
    first: int = 1,
    last: int | None = None,
    share: Any = 1,
    service: str = "",
    backed_by: Sequence[str] | None = None,
) -> Flow:
    """Return what comes in each year: a rent, a fee, the value of a service.

    Parameters
    ----------
    amount
        Of the first year, with its unit: ``"20 万元/yr"`` or ``"35 元/(亩·yr)"``. Negative where
        money goes out.
    timing
        ``"advance"`` (at the beginning of each year) or ``"arrears"`` (at its end).
    basis
        ``"nominal"`` (money of the day) or ``"real"`` (money of the price year).
    title
        What it is, in English and Chinese.
    growth, every
        By which share the amount rises every so many years: ``growth="8 %", every=5``.
    first, last
        Its first and last year, counted from 1; without ``last`` it runs to the end.
    share
        Which share of it counts, such as ``"60 %"`` of the proceeds.
    service
        Name of the service where it is one that nobody pays for; without it, it is cash.
    backed_by
        Of cash: the services that it pays for, ``()`` for none. Left out: not known, and the cash
        can then not be added to any service.

    Examples
    --------
    >>> rent = yearly("20 万元/yr", growth="8 %", every=5, timing="arrears", basis="nominal")
    >>> rent.kind
    'cash'
    """
    return Flow(
        amount=amount,
        basis=basis,
        title=title or Title("Yearly amount", "年度金额"),
        timing=timing,
        growth=growth,
        every=every,
        first=first,
        last=last,
        share=share,
        service=service,
        backed_by=None if backed_by is None else tuple(backed_by),
    )


def once(
    amount: Any,
    *,
    at: int | Literal["end"],
    basis: Basis,
    title: Title | None = None,
    share: Any = 1,
    service: str = "",
    backed_by: Sequence[str] | None = None,
) -> Flow:
    """Return what comes in a single time.

    Parameters
    ----------
    amount
        With its unit: ``"220000 元"``.
    at
        How many years from today, 0 for today, or ``"end"`` of the contract.
    basis, title, share, service, backed_by
        As in :func:`yearly`.

    Examples
    --------
    >>> once("220000 元", at=0, basis="nominal").at
    0
    """
    return Flow(
        amount=amount,
        basis=basis,
        title=title or Title("Single amount", "一次性金额"),
        at=at,
        share=share,
        service=service,
        backed_by=None if backed_by is None else tuple(backed_by),
    )


# ------------------------------------------------------------------------------------ schedules


@dataclass(frozen=True)
class Schedule:
    """The payments of one flow: times in years from today, and amounts in one unit.

    ``amount`` is the first, its share counted, also where no payment falls within the right.
    ``tail`` is what is paid in the first year after the last time, where the flow never ends; it
    grows on by ``growth``.
    """

    number: int
    flow: Flow
    amount: float
    times: np.ndarray[Any, Any]
    amounts: np.ndarray[Any, Any]
    tail: float = 0.0
    growth: float = 0.0

    def undiscounted(self) -> float:
        """Return the plain sum; infinite where it never ends."""
        return math.inf * self.tail if self.tail else math.fsum(self.amounts)

    def present_value(self, by: Discount) -> float:
        """Return what the payments are worth today."""
        last = int(self.times.max(initial=0))
        factors = by.factors(last)
        worth = math.fsum(self.amounts * factors[self.times])
        if self.tail:
            worth += factors[last] * self.tail / (by.bands[-1][1] - self.growth)
        return worth


@dataclass(frozen=True)
class Span:
    """How long a contract runs, and after how many years payments are cut off."""

    years: Years
    cut: int | None = None


def schedules(
    flows: Sequence[Flow], span: Span, by: Discount, money: Unit, problems: Problems
) -> list[Schedule]:
    """Return the payments of every flow in ``money``, noting all problems."""
    found = []
    for number, flow in enumerate(flows, start=1):
        where = _where(number, flow)
        before = len(problems.errors)
        numbers = _Numbers.read(flow, money, where, problems)
        if _terms_fit(flow, span, where, problems) and len(problems.errors) == before:
            made = _made(number, flow, numbers, span, by, problems)
            if made is not None and not np.isfinite(made.amounts).all():
                problems.add("the amounts grow beyond all bounds", where, cure="check the growth")
            elif made is not None:
                found.append(made)
    return found


def _where(number: int, flow: Flow) -> str:
    return f"flow {number} ({flow.title.en})"


@dataclass(frozen=True)
class _Numbers:
    amount: float
    growth: float

    @classmethod
    def read(cls, flow: Flow, money: Unit, where: str, problems: Problems) -> _Numbers:
        wanted = money if flow.at is not None else money / unit("yr")
        share = read_rate(flow.share, f"{where}, share", problems)
        amount = read_amount(flow.amount, wanted, f"{where}, amount", problems)
        if isinstance(amount, Mapping):
            cure = "give one flow for each member"
            problems.add("a flow has one amount", f"{where}, amount", cure=cure)
            amount = math.nan
        growth = read_rate(flow.growth, f"{where}, growth", problems, negative=True)
        return cls(float(amount) * share * flow.factor, growth)


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _terms_fit(flow: Flow, span: Span, where: str, problems: Problems) -> bool:
    before = len(problems.errors)
    years = MAX_YEARS if span.years == FOREVER else int(span.years)
    if flow.basis not in BASES:
        cure = "say basis='nominal' (money of the day) or basis='real' (of one price year)"
        problems.add("the basis is not known", f"{where}, basis", repr(flow.basis), cure)
    if flow.at is not None:
        if flow.at != END and not (_whole(flow.at) and flow.at >= 0):
            cure = "give whole years from today, or 'end'"
            problems.add("the time of payment is not known", f"{where}, at", repr(flow.at), cure)
        elif flow.at == END and span.years == FOREVER:
            problems.add("what never ends has no payment at its end", f"{where}, at")
        elif flow.at != END and flow.at > years:
            _beyond(f"{where}, at", int(flow.at), span, problems)
        return len(problems.errors) == before
    if flow.timing not in TIMINGS:
        cure = "say timing='advance' (beginning of a year) or timing='arrears' (its end)"
        problems.add("the timing is not known", f"{where}, timing", repr(flow.timing), cure)
    last = years if flow.last is None else flow.last
    for name, value, least in (("every", flow.every, 1), ("first", flow.first, 1)):
        if not (_whole(value) and value >= least):
            what = f"{name} is a whole number of years from {least} on"
            problems.add(what, f"{where}, {name}", repr(value))
    if flow.last is not None and not _whole(flow.last):
        problems.add("last is a whole number of years", f"{where}, last", repr(flow.last))
    elif len(problems.errors) == before:
        if last > years:
            _beyond(f"{where}, last", int(last), span, problems)
        if flow.first > last:
            found = f"first {flow.first}, last {last}"
            problems.add("the flow ends before it begins", f"{where}, first", found)
    return len(problems.errors) == before


def _beyond(where: str, year: int, span: Span, problems: Problems) -> None:
    if span.years == FOREVER:
        problems.add(f"a year is at most {MAX_YEARS}", where, f"year {year}")
    else:
        found = f"year {year}, the contract has {span.years} years"
        problems.add("the flow reaches beyond the contract", where, found)


def _made(
    number: int, flow: Flow, numbers: _Numbers, span: Span, by: Discount, problems: Problems
) -> Schedule | None:
    if flow.at is not None:
        at = int(span.years) if flow.at == END else int(flow.at)
        kept = span.cut is None or at <= span.cut
        return Schedule(
            number,
            flow,
            numbers.amount,
            np.array([at] * kept, int),
            np.array([numbers.amount] * kept, float),
        )
    forever = span.years == FOREVER and flow.last is None
    if forever and span.cut is None:
        return _for_ever(number, flow, numbers, by, problems)
    last = flow.last or (span.cut if span.years == FOREVER else int(span.years))
    if span.cut is not None:
        last = min(int(last or 0), span.cut)
    years = np.arange(flow.first, int(last or 0) + 1)
    return Schedule(
        number,
        flow,
        numbers.amount,
        years - (flow.timing == "advance"),
        _amounts(flow, numbers, years),
    )


def _amounts(flow: Flow, numbers: _Numbers, years: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    steps = (years - flow.first) // flow.every
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
        return np.asarray(numbers.amount * (1.0 + numbers.growth) ** steps, dtype=np.float64)


def _for_ever(
    number: int, flow: Flow, numbers: _Numbers, by: Discount, problems: Problems
) -> Schedule | None:
    """Return the payments up to the last change of rate, and the tail that never ends."""
    if not by.bands:  # the rate could not be read, which is noted
        return None
    where = _where(number, flow)
    until, rate = by.bands[-1]
    before = len(problems.errors)
    if until is not None:
        cure = "let the last band be open: (None, rate)"
        problems.add("the schedule ends, and the flow does not", f"{where}, rate", cure=cure)
    if numbers.growth >= rate:
        found = f"growth {numbers.growth:g}, rate {rate:g}"
        cure = "value a limited term, or give a rate above the growth"
        what = "a flow for ever has a value only at a rate above its growth"
        problems.add(what, where, found, cure)
    if flow.every != 1 and numbers.growth:
        problems.add("steps for ever are not valued", f"{where}, every", cure="limit the term")
    if len(problems.errors) > before:
        return None
    change = by.bands[-2][0] if len(by.bands) > 1 else 0
    last = max(int(change or 0), flow.first)
    advance = flow.timing == "advance"
    years = np.arange(flow.first, last + 1 + advance)  # to the time ``last``, whichever the timing
    amounts = _amounts(flow, numbers, np.append(years, years[-1] + 1))
    return Schedule(
        number,
        flow,
        numbers.amount,
        years - advance,
        amounts[:-1],
        tail=float(amounts[-1]),
        growth=numbers.growth,
    )


def mixed(flows: Sequence[Flow], rate_basis: str, problems: Problems) -> None:
    """Note flows whose basis is not the rate's."""
    cure = "restate the flows, or the rate (real_rate turns a nominal rate into a real one)"
    for number, flow in enumerate(flows, start=1):
        if flow.basis in BASES and flow.basis != rate_basis:
            what = f"a {flow.basis} flow meets a {rate_basis} rate"
            problems.add(what, _where(number, flow), cure=cure)
