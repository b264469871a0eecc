"""Results of mechanisms and valuations: a number and all that an official would print beside it.

Amounts are given with their units (``"9400 万元"`` or ``(9400, "万元")``), money is rounded once,
at the end, and rounded parts add to the rounded whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from gep.errors import DataError, GepError, Problem, Problems
from gep.tables import Title
from gep.units import NUMBER, Unit, convert, unit

if TYPE_CHECKING:
    import pandas as pd

_AMOUNT = re.compile(r"\s*([+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*\Z")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?\Z")
#: Money is paid in hundredths of the currency's unit (分 of 元).
CENT = Decimal(1).scaleb(-2)
_PERCENT = 100


@dataclass(frozen=True)
class Given:
    """A number that went into a result: its title, value (or one per member) and unit."""

    title: Title
    value: Any
    unit: str
    source: str = ""
    verified: str = ""
    note: str = ""


@dataclass(frozen=True)
class Line:
    """An intermediate line of a calculation sheet."""

    symbol: str
    title: Title
    value: Any
    unit: str
    formula: str = ""
    cite: str = ""
    verified: str = ""
    note: Title | None = None


@dataclass(frozen=True)
class Paid:
    """An amount that one party pays another, rounded, with the clause it follows."""

    payer: Title
    payee: Title
    amount: Decimal
    currency: str
    title: Title
    cite: str
    member: str = ""
    condition: Title | None = None


@dataclass(frozen=True)
class Result:
    """The answer of a mechanism or a valuation.

    Attributes
    ----------
    value
        A number in ``unit``, or one for each member; None where it is undetermined.
    rule, document, cite, verified
        The rule's name, the number of its document as printed, the clause, and how well the
        weakest part of it was checked.
    inputs, lines, payments
        What went in, the intermediate lines, and who pays whom.
    warnings, notes
        What the reader must know.
    undetermined
        What evidence is missing; empty where the value is known.
    """

    title: Title
    value: Any
    unit: str
    rule: str
    price_year: int | None = None
    document: str = ""
    cite: str = ""
    source: Title | None = None
    verified: str = ""
    inputs: Mapping[str, Given] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    payments: tuple[Paid, ...] = ()
    warnings: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    undetermined: tuple[str, ...] = ()

    def __float__(self) -> float:
        """Return the value as a number.

        Raises
        ------
        DataError
            If the value is undetermined, or there is one for each member.
        """
        if isinstance(self.value, int | float):
            return float(self.value)
        if self.undetermined:
            what = f"{self.rule} is undetermined"
            raise DataError(what, found=f"not known: {', '.join(self.undetermined)}")
        raise DataError(f"{self.rule} has a value for each member", cure="take .value")

    def __getitem__(self, symbol: str) -> Any:
        """Return the value of a line by its symbol."""
        for line in self.lines:
            if line.symbol == symbol:
                return line.value
        known = ", ".join(line.symbol for line in self.lines)
        raise DataError(f"{self.rule} has no line {symbol!r}", cure=f"known: {known}")

    def to(self, text: str) -> float:
        """Return the value in another unit."""
        return float(convert(float(self), unit(self.unit), unit(text)))

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return the calculation sheet: a row for each input and each line."""
        import pandas as pd

        rows = [
            {
                "symbol": symbol,
                "title": given.title[lang],
                "value": given.value,
                "unit": given.unit,
                "formula": "",
                "source": " ".join(part for part in (given.source, given.note) if part),
                "verified": given.verified,
            }
            for symbol, given in self.inputs.items()
        ]
        rows += [
            {
                "symbol": line.symbol,
                "title": line.title[lang],
                "value": line.value,
                "unit": line.unit,
                "formula": line.formula,
                "source": line.cite,
                "verified": line.verified,
            }
            for line in self.lines
        ]
        return pd.DataFrame(rows, columns=_COLUMNS)

    def text(self, lang: str = "zh") -> str:
        """Return the calculation sheet as text."""
        said = _SAID[lang]
        head = f"{self.title[lang]}: {self._answer(lang)}"
        lines = [head, f"  {said['rule']}: {self.rule}" + self._document(lang)]
        for row in self.frame(lang).to_dict("records"):
            formula = f" = {row['formula']}" if row["formula"] else ""
            about = ", ".join(str(row[key]) for key in ("source", "verified") if row[key])
            shown = f"  {row['symbol']}{formula} = {told(row['value'])} {_bare(row['unit'])}"
            lines.append(f"{shown.rstrip()}  {row['title']}" + (f" ({about})" if about else ""))
        for paid in self.payments:
            parties = f"{paid.payer[lang]} → {paid.payee[lang]}"
            parties += f" ({paid.member})" if paid.member else ""
            amount = f"{paid.amount:,} {paid.currency}"
            condition = f" ({paid.condition[lang]})" if paid.condition else ""
            lines.append(f"  {parties}: {amount}  {paid.title[lang]}{condition}")
        lines += [f"  {said['note']}: {note}" for note in self.notes]
        lines += [f"  {said['warning']}: {line}" for p in self.warnings for line in [str(p)]]
        return "\n".join(lines)

    def _answer(self, lang: str) -> str:
        if self.undetermined:
            said = _SAID[lang]
            return f"{said['undetermined']} ({said['lacks']}: {', '.join(self.undetermined)})"
        year = f", {_SAID[lang]['prices']} {self.price_year}" if self.price_year else ""
        return f"{told(self.value)} {_bare(self.unit)}".rstrip() + year

    def _document(self, lang: str) -> str:
        parts = [self.document, self.cite, self.source[lang] if self.source else "", self.verified]
        told_parts = [part for part in parts if part]
        return f" ({'; '.join(told_parts)})" if told_parts else ""

    def __repr__(self) -> str:
        """Return the calculation sheet in English."""
        return self.text("en")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return plain(self)  # type: ignore[no-any-return]


_COLUMNS = ["symbol", "title", "value", "unit", "formula", "source", "verified"]
_SAID = {
    "en": {
        "rule": "rule",
        "note": "note",
        "warning": "warning",
        "undetermined": "undetermined",
        "lacks": "not known",
        "prices": "prices of",
    },
    "zh": {
        "rule": "规则",
        "note": "说明",
        "warning": "警告",
        "undetermined": "无法判定",
        "lacks": "缺少",
        "prices": "价格年",
    },
}


def _bare(text: str) -> str:
    return "" if text == "1" else text


def told(value: Any) -> str:
    """Return a value of a result as text, to ten digits."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {told(number)}" for name, number in value.items())
    if value is None:
        return "—"
    if isinstance(value, str):
        return value
    text = f"{float(value):,.10g}"
    return text if "e" not in text else f"{float(value):.10g}"


def plain(value: Any) -> Any:
    """Return dataclasses, titles and decimals as values that JSON can hold."""
    from dataclasses import fields, is_dataclass

    if isinstance(value, Title):
        return {"en": value.en, "zh": value.zh}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value


# ------------------------------------------------------------------------------- reading amounts


def read_amount(given: Any, wanted: Unit, where: str, problems: Problems) -> Any:
    """Return an amount in the unit wanted (one for each member of a mapping), noting problems.

    Parameters
    ----------
    given
        ``"9400 万元"``, ``(9400, "万元")``, a mapping of them, or ``({...}, "mg/L")``. A bare
        number is read only where a pure number is wanted.
    """
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):  # noqa: PLR2004
        inner, text = given
        if isinstance(inner, Mapping):
            return {k: read_amount((v, text), wanted, where, problems) for k, v in inner.items()}
        return _converted(inner, text, wanted, where, problems)
    if isinstance(given, Mapping):
        return {str(k): read_amount(v, wanted, f"{where}[{k}]", problems) for k, v in given.items()}
    if isinstance(given, Result):
        return _converted(float(given), given.unit, wanted, where, problems)
    if isinstance(given, str):
        match = _AMOUNT.match(given)
        if not match:
            cure = f"write a number and its unit: '100 {wanted}'"
            problems.add("this is not an amount", where, repr(given)[:80], cure)
            return math.nan
        number = match[1]
        if "," in number and not _THOUSANDS.match(number):
            problems.add("the commas do not part thousands", where, repr(given)[:80])
            return math.nan
        return _converted(number.replace(",", ""), match[2] or "1", wanted, where, problems)
    if wanted.is_number and _is_real(given):
        return _finite(given, where, problems)
    cure = f"write a number and its unit: ({told(given) if _is_real(given) else 1}, '{wanted}')"
    problems.add("the amount has no unit", where, repr(given)[:80], cure)
    return math.nan


def _is_real(value: Any) -> bool:
    return not isinstance(value, bool | str | Mapping) and hasattr(value, "__float__")


def _converted(value: Any, text: str, wanted: Unit, where: str, problems: Problems) -> float:
    try:
        own = unit(text)
        if not own.agrees(wanted):
            problems.add(f"[{own}] does not fit", where, cure=f"give it in [{wanted}]")
            return math.nan
        return float(convert(_finite(value, where, problems), own, wanted))
    except GepError as error:
        for p in error.problems:
            problems.add(p.what, where, p.found, p.cure)
    return math.nan


def _finite(value: Any, where: str, problems: Problems) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        problems.add("this is not a finite number", where, repr(value)[:80])
        return math.nan
    return number


def read_rate(value: Any, where: str, problems: Problems, *, negative: bool = False) -> float:
    """Return a rate as a decimal, noting one that looks like a percentage.

    >>> problems = Problems()
    >>> read_rate("4.75 %", "rate", problems), len(problems)
    (0.0475, 0)
    """
    rate = float(read_amount(value, NUMBER, where, problems))
    if rate > 1:
        cure = f"write {rate / _PERCENT:g} or '{rate:g} %'"
        problems.add("the rate looks like a percentage", where, f"{rate:g}", cure)
    elif rate < 0 and not negative:
        problems.add("the rate is negative", where, f"{rate:g}")
    elif rate <= -1:
        problems.add("the rate is not above -1", where, f"{rate:g}")
    return rate


# ------------------------------------------------------------------------------------- rounding


def rounded(amount: float | Decimal, step: Decimal = CENT) -> Decimal:
    """Return an amount rounded to a step, halves away from zero.

    >>> rounded(0.125)
    Decimal('0.13')
    """
    exact = amount if isinstance(amount, Decimal) else Decimal(repr(float(amount)))
    return ((exact / step).quantize(Decimal(1), rounding=ROUND_HALF_UP) * step).quantize(step)


def allocate(
    whole: float | Decimal, weights: Sequence[float | Decimal], step: Decimal = CENT
) -> list[Decimal]:
    """Share a whole in proportion to weights; the rounded parts add to the rounded whole.

    What rounding down leaves goes to the largest remainders (Hamilton's method), the earlier part
    first where remainders are equal.

    Parameters
    ----------
    whole
        The amount to share, of any sign.
    weights
        Numbers from 0 on, not all 0.

    Returns
    -------
    list of Decimal
        A part for each weight, in the steps of ``step``.

    Raises
    ------
    DataError
        If a weight is negative or not finite, or there is nothing to share by.

    Notes
    -----
    Source: the method of largest remainders. Verified: full_text.

    Examples
    --------
    >>> [str(part) for part in allocate(100, [1, 1, 1])]
    ['33.34', '33.33', '33.33']
    """
    exact = [w if isinstance(w, Decimal) else Decimal(repr(float(w))) for w in weights]
    if not all(w.is_finite() and w >= 0 for w in exact) or sum(exact) == 0:
        what = "shares are numbers from 0 on, and not all of them 0"
        raise DataError(what, found=", ".join(str(w) for w in weights)[:200])
    total = rounded(whole, step)
    sign = -1 if total < 0 else 1
    units = abs(total) / step
    quotas = [units * w / sum(exact) for w in exact]
    floors = [q.to_integral_value(rounding=ROUND_FLOOR) for q in quotas]
    left = int(units - sum(floors))
    order = sorted(range(len(exact)), key=lambda at: floors[at] - quotas[at])
    for at in order[:left]:
        floors[at] += 1
    return [(sign * f * step).quantize(step) for f in floors]
