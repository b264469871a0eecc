"""Facts with evidence, and what a sheet's indicators measure from them."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gep.errors import DataError, Problems, nearest
from gep.realization.results import Given, Line, Result, read_amount, told
from gep.realization.sheets import FactAbout, Indicator, Sheet, reaches
from gep.tables import read_csv
from gep.units import convert

_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@dataclass(frozen=True)
class Fact:
    """A fact with its evidence.

    Attributes
    ----------
    value, unit
        A number and its unit ("1" for a pure number or a count); None where it is not known.
    source, document
        Who gave it (a department), and where it can be looked up.
    date
        Of the evidence: a date, or ``2025``, ``2025-06``, ``2025-06-30``.
    price_year
        Of which year the money is.

    A fact without a source or a date is treated as missing.
    """

    value: float | None
    unit: str
    source: str = ""
    date: str | dt.date = ""
    document: str = ""
    price_year: int | None = None

    @property
    def evidence(self) -> str:
        """Return source, document and date as text."""
        return ", ".join(part for part in (self.source, self.document, self.day) if part)

    @property
    def day(self) -> str:
        """The date as text."""
        is_date = isinstance(self.date, dt.date)
        return f"{self.date:%Y-%m-%d}" if is_date else str(self.date).strip()


def read_facts(path: str | Path) -> dict[str, dict[str, Fact]]:
    """Read facts of subjects from a CSV file, whose rows are facts.

    Parameters
    ----------
    path
        Columns ``subject, fact, value, unit, source, date``, and ``document, price_year`` where
        wanted. An empty value is a fact that is not known.

    Returns
    -------
    dict
        {subject: {fact: Fact}}, as :func:`gep.realization.scoring.assess` takes it.

    Raises
    ------
    DataError
        With all problems of the file: columns that lack, values that are no numbers, repeated
        facts.
    """
    header, rows = read_csv(Path(path))
    problems = Problems()
    for name in ("subject", "fact", "value", "unit", "source", "date"):
        if name not in header:
            problems.add(f"column {name!r} is missing", str(path), cure=nearest(name, header))
    problems.raise_if_any(DataError)
    found: dict[str, dict[str, Fact]] = {}
    for number, row in enumerate(rows, start=2):
        where = f"{path}, row {number}"
        value, year = (_cell(row.get(key, ""), where, problems) for key in ("value", "price_year"))
        known = found.setdefault(row["subject"], {})
        if row["fact"] in known:
            problems.add(f"{row['subject']} has the fact {row['fact']!r} twice", where)
        known[row["fact"]] = Fact(
            value,
            row["unit"],
            row["source"],
            row["date"],
            row.get("document", ""),
            None if year is None else int(year),
        )
    problems.raise_if_any(DataError)
    return found


def _cell(text: str, where: str, problems: Problems) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        problems.add("this is not a number", where, repr(text)[:80])
    return None


# ------------------------------------------------------------------------------ measuring a datum


class Measured(NamedTuple):
    """A datum of an indicator: its value, or why there is none, and the facts behind it."""

    value: float | None
    lacks: str
    facts: Mapping[str, Fact]


class Facts:
    """The facts of one subject, read in the units of a sheet; problems are noted once."""

    def __init__(
        self, sheet: Sheet, given: Mapping[str, Fact], where: str, problems: Problems
    ) -> None:
        self.sheet, self.given, self.where, self.problems = sheet, given, where, problems
        self.read: dict[str, tuple[float | None, str]] = {}

    def value(self, name: str) -> tuple[float | None, str]:
        """Return a fact in the sheet's unit, or None and what it lacks."""
        if name not in self.read:
            self.read[name] = self._read(name, self.sheet.facts[name])
        return self.read[name]

    def _read(self, name: str, about: FactAbout) -> tuple[float | None, str]:
        place = f"{self.where}, {name}"
        if name not in self.given:
            return None, f"{name} 未给出 not given"
        fact = self.given[name]
        if not isinstance(fact, Fact):
            cure = f"write Fact(value, '{about.unit}', source, date)"
            self.problems.add("this is no fact with evidence", place, repr(fact)[:80], cure)
            return None, name
        if fact.value is None:
            return None, f"{name} 未知 not known"
        if not fact.source.strip() or not fact.day:
            return None, f"{name} 无依据 no evidence"
        if not _is_date(fact.day):
            cure = "write 2025, 2025-06 or 2025-06-30"
            self.problems.add("the date of the evidence is wrong", place, fact.day[:80], cure)
        value = read_amount((fact.value, fact.unit), about.unit, place, self.problems)
        return (value, "") if math.isfinite(value) else (None, name)

    def measure(self, indicator: Indicator) -> Measured:
        """Return the datum of an indicator in its unit."""
        names = indicator.datum.facts
        read = {name: self.value(name) for name in names}
        given = {name: self.given.get(name) for name in indicator.facts}
        facts = {name: fact for name, fact in given.items() if isinstance(fact, Fact)}
        lacking = [why for value, why in read.values() if value is None]
        if lacking:
            return Measured(None, "; ".join(lacking), facts)
        self._one_price_year(indicator, facts)
        numbers = {name: value for name, (value, _) in read.items() if value is not None}
        datum, sheet = indicator.datum, self.sheet
        value, own = numbers[datum.of], sheet.facts[datum.of].unit
        if datum.less:
            value -= convert(numbers[datum.less], sheet.facts[datum.less].unit, own)
        if datum.per:
            if not numbers[datum.per]:
                return Measured(None, f"{datum.per} = 0", facts)
            value, own = value / numbers[datum.per], own / sheet.facts[datum.per].unit
        return Measured(float(convert(value, own, indicator.unit)), "", facts)

    def _one_price_year(self, indicator: Indicator, given: Mapping[str, Fact]) -> None:
        """Note amounts of money of several years that are compared or set in proportion."""
        facts, place = self.sheet.facts, f"{self.where}, {indicator.id}"
        years = {n: f.price_year for n, f in given.items() if facts[n].unit.currency}
        if len(years) < 2:  # noqa: PLR2004
            return
        found = ", ".join(f"{name} {year or '?'}" for name, year in years.items())
        if len({year for year in years.values() if year}) > 1:
            cure = "restate them in the prices of one year"
            self.problems.add("the money is of several price years", place, found, cure)
        elif None in years.values():
            self.problems.warn("the price year of an amount is not said", place, found)

    def parameters(self, indicator: Indicator) -> tuple[dict[str, Any], str]:
        """Return the numbers of the scoring function, and what lacks."""
        numbers: dict[str, Any] = {}
        lacking = []
        for key, value in indicator.parameters.items():
            if not isinstance(value, str):
                numbers[key] = value
                continue
            found, lacks = self.value(value)
            if found is None:
                lacking.append(lacks)
            else:
                numbers[key] = convert(found, self.sheet.facts[value].unit, indicator.unit)
        return numbers, "; ".join(lacking)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        dt.date.fromisoformat((text + "-01-01")[: len("2000-01-01")])
    except ValueError:
        return False
    return True


def measured(sheet: Sheet, facts: Mapping[str, Fact]) -> dict[str, Result]:
    """Return the datum of every indicator of a sheet, each with its facts, without any points.

    Parameters
    ----------
    sheet
        A sheet; its points may lack.
    facts
        {fact id: Fact}. A fact without evidence is missing.

    Returns
    -------
    dict
        {indicator id: Result}. The value is None, and ``undetermined`` says why, where a fact is
        missing or a denominator is 0. Vetoes are not among them.

    Raises
    ------
    DataError
        If a fact is in a wrong unit or no finite number.
    """
    problems = Problems()
    read = Facts(sheet, facts, sheet.id, problems)
    found: dict[str, Result] = {}
    for indicator in sheet.indicators.values():
        if indicator.is_veto:
            continue
        warned = Problems()
        read.problems = warned
        value, lacks, used = read.measure(indicator)
        for problem in warned.errors:
            problems.add(problem.what, problem.where, problem.found, problem.cure)
        if value is not None:
            warn_unusual(indicator, value, f"{sheet.id}, {indicator.id}", warned)
        source = sheet.sources[indicator.cite]
        line = Line(
            indicator.id,
            indicator.title,
            value,
            str(indicator.unit),
            indicator.datum.formula(),
            indicator.cite,
            source.verified,
        )
        found[indicator.id] = Result(
            title=indicator.title,
            value=value,
            unit=str(indicator.unit),
            rule=f"{sheet.id}/{indicator.id}",
            document=sheet.document,
            cite=indicator.cite,
            source=source.text,
            verified=source.verified,
            inputs={n: _given(sheet.facts[n], f) for n, f in used.items()},
            lines=(line,),
            warnings=warned.warnings,
            undetermined=(lacks,) if lacks else (),
        )
    problems.raise_if_any(DataError)
    return found


def _given(about: FactAbout, fact: Fact) -> Given:
    return Given(about.title, fact.value, fact.unit, fact.evidence)


def warn_unusual(indicator: Indicator, value: float, where: str, problems: Problems) -> bool:
    """Warn of a value outside what is usual, such as a share above 100 %; say whether it is."""
    low, high = indicator.usual or (-math.inf, math.inf)
    if reaches(value, low) and reaches(value, high, higher=False):
        return False
    found = f"{told(value)} {indicator.unit}"
    if value > high:
        what = f"{indicator.title.en} lies above {high:g} {indicator.unit}"
        problems.warn(what, where, found, "check the target or the denominator: it may be wrong")
    else:
        what = f"{indicator.title.en} lies below {low:g} {indicator.unit}"
        problems.warn(what, where, found, "check the facts")
    return True
