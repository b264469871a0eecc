"""Ecological credit (生态信用): points for what was done, event by event, and a grade.

A table of items is data; what a place decides (base, bounds, caps, repair) are :class:`Terms`.
Subjects are ids, never names. For natural persons only good deeds count unless a legal basis for
deductions is named.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gep.errors import DataError, Problem, Problems, RuleError, UsageError, nearest
from gep.realization.results import plain, told
from gep.realization.sheets import (
    EPSILON,
    Grade,
    Source,
    check_grades,
    find_scores,
    grade_of,
    read_grades,
    read_sources,
)
from gep.tables import VERIFIED, Keys, Title, check_keys, read_csv, read_title, read_toml, sha256

if TYPE_CHECKING:
    import pandas as pd

SUBJECTS = ("person", "enterprise", "village")
OUTCOMES = ("open", "upheld", "rejected")
#: Months of the periods to which ``period_cap`` may apply.
PERIODS: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}
_MONTHS = PERIODS["year"]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
#: An identity-card number or a mobile telephone number is no id to be kept in a score.
_PRIVATE = re.compile(r"\d{17}[\dXx]|1\d{10}")

#: Why an event counts for less than its points, by key.
REASONS: Mapping[str, Title] = {
    "unverified": Title("not verified, counts 0", "未核实，计 0 分"),
    "positive_only": Title(
        "a deduction from a person, listed and not counted", "个人扣分项，仅列示、不计分"
    ),
    "repaired": Title("repaired", "已修复"),
    "appeal": Title("an appeal was upheld", "申诉成立"),
    "item_cap": Title("cap of the item", "达到单项上限"),
    "dimension_cap": Title("cap of the dimension", "达到维度上限"),
    "period_cap": Title("cap of the period", "达到周期上限"),
    "veto": Title("veto", "一票否决"),
}


@dataclass(frozen=True)
class Item:
    """What earns or costs points, for each time."""

    id: str
    title: Title
    points: float
    dimension: str = ""
    cap: float | None = None
    veto: bool = False
    cite: str = ""

    @property
    def is_negative(self) -> bool:
        """Whether this is a deduction or a veto."""
        return self.points < 0 or self.veto


@dataclass(frozen=True)
class Dimension:
    """A group of items; ``cap`` limits what its good deeds add."""

    id: str
    title: Title
    cap: float | None = None


@dataclass(frozen=True)
class Terms:
    """What a place decides about its score.

    Attributes
    ----------
    base, low, high
        Where the score starts, and its bounds.
    item_caps
        {item: points} that replace the caps of the table.
    period, period_cap
        What good deeds add at most in each ``month``, ``quarter`` or ``year``.
    half_life
        Months after which an event counts half; None: it keeps its points.
    repair_after
        Months after which a deduction whose repair is evidenced is taken off; None: never.
    weights
        {dimension: weight}, adding to 1: the score is then the weighted sum of the dimensions'
        scores, each of which starts at ``base``.
    grades
        {name: least score}, None for the lowest; in place of the table's.
    positive_only
        Whether deductions are only listed. None: for persons yes, else no.
    legal_basis
        The document that allows deductions from persons.
    """

    base: float
    low: float
    high: float
    item_caps: Mapping[str, float] = field(default_factory=dict)
    period: str = ""
    period_cap: float | None = None
    half_life: float | None = None
    repair_after: int | None = None
    weights: Mapping[str, float] | None = None
    grades: Mapping[str, float | None] | None = None
    positive_only: bool | None = None
    legal_basis: str = ""


@dataclass(frozen=True)
class CreditTable:
    """A table of items with its source. ``terms`` is None where the document does not say them."""

    id: str
    title: Title
    document: str
    issuer: Title
    date: str
    cite: str
    subject: str
    sources: Mapping[str, Source]
    items: Mapping[str, Item]
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    grades: tuple[Grade, ...] = ()
    note: Title | None = None
    sha256: str = ""

    @property
    def verified(self) -> str:
        """How well the weakest of the cited documents was read."""
        cited = {self.cite, *(item.cite for item in self.items.values())}
        return max((self.sources[c].verified for c in cited), key=VERIFIED.index)


@dataclass(frozen=True)
class Event:
    """Something that a subject did, with its evidence (an id of a record, once)."""

    subject: str
    item: str
    date: dt.date
    evidence: str
    count: float = 1
    verified: bool = True
    repaired: dt.date | None = None
    repair_evidence: str = ""


@dataclass(frozen=True)
class Appeal:
    """An appeal against an event, by the event's evidence: open, upheld or rejected."""

    evidence: str
    date: dt.date
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Span:
    """The period that is assessed, both days included, and the day of the assessment."""

    start: dt.date
    end: dt.date
    as_of: dt.date


_REQUIRED: Keys = {
    "kind": str,
    "id": str,
    "title": dict,
    "document": str,
    "issuer": dict,
    "date": str,
    "cite": str,
    "subject": str,
    "sources": dict,
    "items": list,
}
_ITEM_OPTIONAL: Keys = {"dimension": str, "cap": (float, int), "veto": bool, "cite": str}


def credit_table(name_or_path: str | Path, base: Path | None = None) -> CreditTable:
    """Load a table of items, checked.

    Parameters
    ----------
    name_or_path
        The id of a shipped table, or the path of a TOML file.
    base
        Folder to which a relative path is relative (default: the working folder).

    Raises
    ------
    UsageError
        If there is no such file.
    RuleError
        With all problems of the file.

    Examples
    --------
    >>> from gep.realization.sheets import sheets
    >>> table = credit_table(next(iter(sheets("credit"))))
    >>> all(item.cite in table.sources for item in table.items.values())
    True
    """
    path = find_scores(name_or_path, "credit", base)
    data, where, problems = read_toml(path), str(path), Problems()
    optional: Keys = {"note": dict, "dimensions": dict, "grades": list}
    check_keys(data, where, problems, _REQUIRED, optional)
    problems.raise_if_any(RuleError)
    if data["kind"] != "credit":
        problems.add(f"kind = {data['kind']!r}, not 'credit'", where)
    if data["subject"] not in SUBJECTS:
        cure = nearest(data["subject"], SUBJECTS)
        problems.add(f"subject = {data['subject']!r} is unknown", where, cure=cure)
    dimensions: dict[str, Dimension] = {}
    for key, entry in data.get("dimensions", {}).items():
        place = f"{where}, dimensions.{key}"
        if check_keys(entry, place, problems, {"title": dict}, {"cap": (float, int)}):
            title = read_title(entry["title"], place, problems)
            dimensions[key] = Dimension(key, title, entry.get("cap"))
            _check_cap(entry.get("cap"), place, problems)
    items = _items(data, dimensions, where, problems)
    cited = {data["cite"]: where, **{i.cite: f"{where}, {i.id}" for i in items.values()}}
    table = CreditTable(
        id=data["id"],
        title=read_title(data["title"], where, problems),
        document=data["document"],
        issuer=read_title(data["issuer"], where, problems),
        date=data["date"],
        cite=data["cite"],
        subject=data["subject"],
        sources=read_sources(data, cited, where, problems),
        items=items,
        dimensions=dimensions,
        grades=read_grades(data.get("grades", ()), where, problems),
        note=read_title(data["note"], where, problems) if "note" in data else None,
        sha256=sha256(path),
    )
    problems.raise_if_any(RuleError)
    return table


def _items(
    data: Mapping[str, Any], dimensions: Mapping[str, Dimension], where: str, problems: Problems
) -> dict[str, Item]:
    items: dict[str, Item] = {}
    for number, entry in enumerate(data["items"], start=1):
        name = entry.get("id", number) if isinstance(entry, Mapping) else number
        place = f"{where}, item {name}"
        required: Keys = {"id": str, "title": dict, "points": (float, int)}
        if not check_keys(entry, place, problems, required, _ITEM_OPTIONAL):
            continue
        given = {
            "cite": data["cite"],
            **entry,
            "title": read_title(entry["title"], place, problems),
        }
        item = Item(**given)
        if item.dimension and item.dimension not in dimensions:
            cure = nearest(item.dimension, dimensions)
            problems.add(f"the dimension {item.dimension!r} is unknown", place, cure=cure)
        if item.veto and item.points > 0:
            problems.add("a veto earns no points", place, f"{item.points:g}")
        if not item.points and not item.veto:
            problems.add("the item has 0 points", place)
        if item.id in items:
            problems.add("the item occurs twice", place)
        _check_cap(item.cap, place, problems)
        items[item.id] = item
    return items


def _check_cap(cap: float | None, where: str, problems: Problems) -> None:
    if cap is not None and not (math.isfinite(cap) and cap > 0):
        problems.add("a cap is a number above 0", where, f"{cap:g}")


def read_events(path: str | Path) -> list[Event]:
    """Read events from a CSV file.

    Parameters
    ----------
    path
        Columns ``subject, item, date, evidence, count, verified`` (yes or no), and ``repaired,
        repair_evidence`` where wanted. Dates are written 2025-06-30.

    Raises
    ------
    DataError
        With all problems of the file.
    """
    header, rows = read_csv(Path(path))
    problems = Problems()
    for name in ("subject", "item", "date", "evidence", "count", "verified"):
        if name not in header:
            problems.add(f"column {name!r} is missing", str(path), cure=nearest(name, header))
    problems.raise_if_any(DataError)
    events = []
    for number, row in enumerate(rows, start=2):
        where = f"{path}, row {number}"
        if row["verified"] not in _YES_NO:
            found = repr(row["verified"])[:80]
            problems.add("verified is yes or no", where, found, f"one of: {', '.join(_YES_NO)}")
        try:
            count = float(row["count"])
        except ValueError:
            problems.add("the count is not a number", where, repr(row["count"])[:80])
            count = 0.0
        repaired = row.get("repaired", "")
        events.append(
            Event(
                subject=row["subject"],
                item=row["item"],
                date=_day(row["date"], where, problems),
                evidence=row["evidence"],
                count=count,
                verified=_YES_NO.get(row["verified"], False),
                repaired=_day(repaired, where, problems) if repaired else None,
                repair_evidence=row.get("repair_evidence", ""),
            )
        )
    problems.raise_if_any(DataError)
    return events


_YES_NO = {"yes": True, "no": False, "是": True, "否": False}


def _day(text: str, where: str, problems: Problems) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        problems.add("this is not a date", where, repr(text)[:80], "write 2025-06-30")
    return dt.date.min


# ---------------------------------------------------------------------------------- what comes out


@dataclass(frozen=True)
class CreditLine:
    """An event and what it counts.

    Attributes
    ----------
    decay
        The share of its points that an event of this age keeps.
    earned, counted
        Points times count times decay, and what of it enters the score.
    why
        Keys of :data:`REASONS` where the two differ, and ``veto``.
    """

    event: Event
    item: Item
    decay: float
    earned: float
    counted: float
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreditScore:
    """The score of one subject, event by event.

    Attributes
    ----------
    score
        ``base`` plus the counted points, within the bounds of the terms.
    dimensions
        {dimension: counted points}; under ``""`` those of items without one.
    veto
        ``none`` or ``breached``; a veto that is not verified is listed and does not act.
    grade
        By the cut-offs; the lowest at a veto; None where no cut-offs are known.
    log
        Appeals and repairs, in order.
    """

    table: CreditTable
    subject: str
    span: Span
    terms: Terms
    lines: tuple[CreditLine, ...]
    score: float
    dimensions: Mapping[str, float]
    veto: str
    grade: Grade | None
    warnings: tuple[Problem, ...] = ()
    log: tuple[tuple[dt.date, str, str], ...] = ()

    @property
    def counted(self) -> float:
        """The sum of the counted points."""
        return math.fsum(line.counted for line in self.lines)

    def balance(self) -> Balance:
        """Return the points of good deeds as a balance that can be redeemed."""
        return Balance(self.subject, math.fsum(max(line.counted, 0.0) for line in self.lines))

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return a row for each event."""
        import pandas as pd

        rows = [
            {
                "subject": self.subject,
                "date": line.event.date,
                "evidence": line.event.evidence,
                "item": line.item.title[lang],
                "points": line.item.points,
                "count": line.event.count,
                "decay": line.decay,
                "earned": line.earned,
                "counted": line.counted,
                "why": "; ".join(REASONS[key][lang] for key in line.why),
                "cite": line.item.cite,
                "verified": self.table.sources[line.item.cite].verified,
            }
            for line in self.lines
        ]
        return pd.DataFrame(rows, columns=_COLUMNS)

    def text(self, lang: str = "zh") -> str:
        """Return the score and its lines as text, in ``zh`` or ``en``."""
        say, table = _SAID[lang], self.table
        grade = f", {say['grade']} {self.grade.title[lang]}" if self.grade else ""
        grade += f" ({say['veto']})" if self.veto == "breached" else ""
        shown = [f"{table.title[lang]}, {self.subject}: {told(self.score)}{grade}"]
        cited = table.sources[table.cite]
        about = [table.id, table.document, cited.text[lang], table.verified]
        shown.append(f"  {say['table']}: {'; '.join(a for a in about if a)}")
        shown.append(f"  {self._sum(lang)}")
        shown += [f"  {_line_text(line, lang)}" for line in self.lines]
        shown += [
            f"  {say['log']}: {day} {evidence} {_LOGGED[what][lang]}"
            for day, evidence, what in self.log
        ]
        if self.terms.legal_basis:
            shown.append(f"  {say['basis']}: {self.terms.legal_basis}")
        shown += [f"  {say['warning']}: {p}".replace("\n", "\n  ") for p in self.warnings]
        if table.note:
            shown.append(f"  {say['note']}: {table.note[lang]}")
        return "\n".join(shown)

    def _sum(self, lang: str) -> str:
        terms, say = self.terms, _SAID[lang]
        bounds = f"{say['from']} {told(terms.low)} {say['to']} {told(terms.high)}"
        if terms.weights is None:
            return f"{told(terms.base)} {_signed(self.counted)}, {bounds}"
        parts = [
            f"{weight:g} × ({told(terms.base)} {_signed(self.dimensions.get(name, 0.0))})"
            for name, weight in terms.weights.items()
        ]
        return f"{' + '.join(parts)}, {bounds}"

    def __repr__(self) -> str:
        """Return the score as text in English."""
        return self.text("en")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return {
            "table": self.table.id,
            "table_sha256": self.table.sha256,
            "document": self.table.document,
            "verified": self.table.verified,
            "subject": self.subject,
            "span": [f"{day}" for day in (self.span.start, self.span.end, self.span.as_of)],
            "terms": plain(self.terms),
            "score": self.score,
            "veto": self.veto,
            "grade": self.grade.id if self.grade else None,
            "dimensions": dict(self.dimensions),
            "lines": [
                {
                    "date": f"{line.event.date}",
                    "evidence": line.event.evidence,
                    "item": line.item.id,
                    "points": line.item.points,
                    "count": line.event.count,
                    "verified": line.event.verified,
                    "decay": line.decay,
                    "earned": line.earned,
                    "counted": line.counted,
                    "why": list(line.why),
                    "cite": line.item.cite,
                }
                for line in self.lines
            ],
            "log": [[f"{day}", evidence, what] for day, evidence, what in self.log],
            "warnings": [plain(p) for p in self.warnings],
        }


_COLUMNS = ["subject", "date", "evidence", "item", "points", "count", "decay", "earned"]
_COLUMNS += ["counted", "why", "cite", "verified"]
_SAID = {
    "en": {
        "grade": "grade",
        "veto": "veto",
        "table": "table",
        "log": "log",
        "basis": "legal basis of deductions",
        "warning": "warning",
        "note": "note",
        "from": "within",
        "to": "to",
    },
    "zh": {
        "grade": "等级",
        "veto": "一票否决",
        "table": "积分表",
        "log": "记录",
        "basis": "扣分依据",
        "warning": "警告",
        "note": "说明",
        "from": "限于",
        "to": "至",
    },
}
_LOGGED: Mapping[str, Title] = {
    "open": Title(
        "appeal open; the event counts until it is decided", "申诉处理中，裁定前照常计分"
    ),
    "upheld": Title("appeal upheld; the event does not count", "申诉成立，不计分"),
    "rejected": Title("appeal rejected", "申诉不成立"),
    "repaired": Title("repaired; the deduction is taken off", "已修复，扣分移除"),
    "not_yet": Title(
        "repaired; the deduction stays until its months are over", "已修复，未满期限，扣分暂留"
    ),
    "never": Title("repaired; the terms take no deduction off", "已修复，但规则未规定移除扣分"),
}


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {told(abs(value))}"


def _line_text(line: CreditLine, lang: str) -> str:
    event, points = line.event, line.item.points
    decay = f" × {told(line.decay)}" if line.decay != 1 else ""
    shown = f"{event.date} {event.evidence}  {line.item.title[lang]}: "
    shown += f"{points:+g} × {told(event.count)}{decay}"
    shown += f" = {line.counted:+.10g}" if not line.why else f" → {line.counted:+.10g}"
    why = "; ".join(REASONS[key][lang] for key in line.why)
    return f"{shown} ({why})" if why else shown


@dataclass(frozen=True)
class Balance:
    """Points that can be redeemed, apart from the score: redeeming never changes a score."""

    subject: str
    earned: float
    redeemed: tuple[tuple[dt.date, str, float], ...] = ()

    @property
    def left(self) -> float:
        """The points that are left."""
        return self.earned - math.fsum(points for _, _, points in self.redeemed)

    def redeem(self, points: float, *, date: dt.date, evidence: str) -> Balance:
        """Return the balance after points were exchanged for goods.

        Parameters
        ----------
        points
            How many, above 0 and not more than are left.
        date, evidence
            When, and the id of the receipt, once.

        Raises
        ------
        DataError
            If there are not so many points, or the receipt was used before.

        Examples
        --------
        >>> import datetime
        >>> day = datetime.date(2025, 7, 1)
        >>> Balance("H-017", 30).redeem(12, date=day, evidence="R-1").left
        18.0
        """
        problems, where = Problems(), f"balance of {self.subject}"
        if not (math.isfinite(points) and points > 0):
            problems.add("the points to redeem must be above 0", where, f"{points:g}")
        elif points > self.left + EPSILON:
            found = f"{told(points)} of {told(self.left)} left"
            problems.add("there are not so many points", where, found)
        if not evidence.strip():
            problems.add("the receipt has no id", where)
        if evidence in {used for _, used, _ in self.redeemed}:
            problems.add(f"the receipt {evidence!r} was used before", where)
        problems.raise_if_any(DataError)
        return replace(self, redeemed=(*self.redeemed, (date, evidence, float(points))))

    def add(self, score: CreditScore) -> Balance:
        """Return the balance with the good deeds of another period.

        Raises
        ------
        UsageError
            If the score is another subject's.
        """
        if score.subject != self.subject:
            raise UsageError(f"the score is of {score.subject}, the balance of {self.subject}")
        return replace(self, earned=self.earned + score.balance().earned)


# ------------------------------------------------------------------------------------- the scoring


def credit_scores(
    table: CreditTable,
    events: Iterable[Event],
    *,
    span: Span,
    terms: Terms,
    subjects: Sequence[str] = (),
    appeals: Sequence[Appeal] = (),
) -> dict[str, CreditScore]:
    """Score subjects by what they did.

    Parameters
    ----------
    table
        Items and their points (:func:`credit_table`).
    events
        What was done, of all subjects, within the period.
    span, terms
        The period, and what the place decides.
    subjects
        Subjects without any event who get a score too.
    appeals
        An event whose last appeal was upheld does not count; one that is open counts until it is
        decided.

    Returns
    -------
    dict
        {subject: CreditScore}, in the order in which they first appear.

    Raises
    ------
    DataError
        With all problems: an unknown item, a negative or broken count, a date in the future or
        outside the period, evidence that is used twice, a name instead of an id, terms that do
        not fit, deductions from persons without a legal basis.

    Notes
    -----
    ``score = clip(base + Σ points · count · decay · verified, low, high)``. Events count in the
    order of their dates; each counts as far as the caps of its item, of its dimension and of its
    period leave room. The cap of an item bounds its own points of either sign; the caps of
    dimensions and periods bound what good deeds add, and spare no deduction.
    Source: the structure is that of reports on village point schemes; caps, decay and repair are a
    proposal. Verified: recalled.
    """
    listed = list(events)
    problems = Problems()
    _check_terms(table, terms, problems)
    _check_span(span, problems)
    problems.raise_if_any(DataError)
    _check_events(table, listed, span, problems)
    by_evidence = _check_appeals(listed, appeals, span, problems)
    for name in dict.fromkeys([*subjects, *(e.subject for e in listed)]):
        _check_id(name, problems)
    problems.raise_if_any(DataError)
    order = dict.fromkeys([*subjects, *(e.subject for e in listed)])
    return {
        name: _score(
            table, name, [e for e in listed if e.subject == name], span, terms, by_evidence
        )
        for name in order
    }


def _check_id(name: str, problems: Problems) -> None:
    cure = "give an internal id of letters, digits, - and _, such as H-017"
    if not _ID.fullmatch(name):
        what = "the subject is no id: scores hold no names"
        problems.add(what, "subject", repr(name)[:80], cure)
    elif _PRIVATE.fullmatch(name):
        what = "the subject looks like an identity-card or telephone number"
        problems.add(what, "subject", f"{name[:4]}...", cure)


def _check_terms(table: CreditTable, terms: Terms, problems: Problems) -> None:
    where = f"{table.id}, terms"
    numbers = (terms.base, terms.low, terms.high)
    if not all(map(math.isfinite, numbers)) or not terms.low <= terms.base <= terms.high:
        found = f"low {terms.low:g}, base {terms.base:g}, high {terms.high:g}"
        problems.add("the base lies within the bounds: low <= base <= high", where, found)
    elif terms.low == terms.high:
        problems.add(f"low = high = {terms.low:g}: every score is the same", where)
    for name, cap in terms.item_caps.items():
        if name not in table.items:
            cure = nearest(name, table.items)
            problems.add(f"the cap is of an unknown item {name!r}", where, cure=cure)
        _check_cap(cap, f"{where}, {name}", problems)
    if (terms.period_cap is None) != (not terms.period):
        problems.add("period and period_cap belong together", where)
    elif terms.period and terms.period not in PERIODS:
        cure = nearest(terms.period, PERIODS)
        problems.add(f"period = {terms.period!r} is unknown", where, cure=cure)
    _check_cap(terms.period_cap, f"{where}, period_cap", problems)
    if terms.half_life is not None and not terms.half_life > 0:
        problems.add("the half-life is a number of months above 0", where, f"{terms.half_life:g}")
    if terms.repair_after is not None and terms.repair_after < 0:
        problems.add(
            "repair_after is a number of months from 0 on", where, f"{terms.repair_after:g}"
        )
    if terms.weights is not None:
        _check_weights(table, terms.weights, where, problems)
    if terms.grades is not None:
        check_grades(_grades(terms.grades), f"{where}, grades", problems)
    if table.subject == "person" and terms.positive_only is False and not terms.legal_basis.strip():
        what = "deductions from persons need a legal basis"
        cure = "name the document in legal_basis, or leave positive_only out"
        problems.add(what, where, cure=cure)


def _check_weights(
    table: CreditTable, weights: Mapping[str, float], where: str, problems: Problems
) -> None:
    for name in sorted(set(weights) ^ set(table.dimensions)):
        known = name in table.dimensions
        what = f"dimension {name!r} has no weight" if known else f"no dimension {name!r}"
        problems.add(what, where, cure="" if known else nearest(name, table.dimensions))
    loose = sorted(item.id for item in table.items.values() if not item.dimension)
    if loose:
        what = "with weights every item belongs to a dimension"
        problems.add(what, where, f"without one: {', '.join(loose)}")
    total = math.fsum(weights.values())
    if not all(w >= 0 for w in weights.values()) or abs(total - 1) > EPSILON:
        found = ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
        problems.add(f"the weights add to {total:.12g}, not to 1, or one is negative", where, found)


_DAY_CURE = "give a datetime.date"


def _is_day(value: Any) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _check_span(span: Span, problems: Problems) -> None:
    if not all(map(_is_day, (span.start, span.end, span.as_of))):
        problems.add("the days of the period are no dates", "span", cure=_DAY_CURE)
    elif span.start > span.end:
        problems.add("the period ends before it starts", "span", f"{span.start} to {span.end}")
    elif span.as_of < span.start:
        problems.add("the day of the assessment lies before the period", "span", f"{span.as_of}")


def _check_events(
    table: CreditTable, events: Sequence[Event], span: Span, problems: Problems
) -> None:
    seen: set[str] = set()
    for number, event in enumerate(events, start=1):
        where = f"event {number} ({event.evidence or 'no evidence'})"
        if event.item not in table.items:
            cure = nearest(event.item, table.items)
            problems.add(f"the item {event.item!r} is unknown", where, cure=cure)
        if not math.isfinite(event.count) or event.count < 0 or event.count != round(event.count):
            what = "a count is a whole number from 0 on"
            problems.add(what, where, f"{event.count:g}")
        if not _is_day(event.date):
            problems.add("the date is no date", where, repr(event.date)[:80], _DAY_CURE)
        elif event.date > span.as_of:
            found = f"{event.date}, assessed on {span.as_of}"
            problems.add("the date lies in the future", where, found)
        elif not span.start <= event.date <= span.end:
            found = f"{event.date}, {span.start} to {span.end}"
            problems.add("the event lies outside the period", where, found)
        if not event.evidence.strip():
            cure = "give the id of its record"
            problems.add("the event has no evidence", where, cure=cure)
        elif event.evidence in seen:
            cure = "an event counts once: remove one, or give its own record"
            problems.add(f"the evidence {event.evidence!r} is used twice", where, cure=cure)
        seen.add(event.evidence)
        if (event.repaired is None) != (not event.repair_evidence.strip()):
            problems.add("a repair has a date and evidence", where)
        elif event.repaired and not _is_day(event.repaired):
            problems.add("the date of the repair is no date", where, repr(event.repaired)[:80])
        elif event.repaired and not event.date <= event.repaired <= span.as_of:
            found = f"{event.repaired}, event of {event.date}, assessed on {span.as_of}"
            problems.add("the repair is dated before the event or in the future", where, found)


def _check_appeals(
    events: Sequence[Event], appeals: Sequence[Appeal], span: Span, problems: Problems
) -> dict[str, list[Appeal]]:
    """Return the appeals by evidence, in order of their dates."""
    dates = {event.evidence: event.date for event in events}
    found: dict[str, list[Appeal]] = {}
    for appeal in sorted(appeals, key=lambda a: str(a.date)):
        where = f"appeal ({appeal.evidence})"
        if appeal.evidence not in dates:
            cure = nearest(appeal.evidence, dates)
            problems.add(f"there is no event with evidence {appeal.evidence!r}", where, cure=cure)
        elif not _is_day(appeal.date):
            problems.add("the date of the appeal is no date", where, cure=_DAY_CURE)
        elif not _is_day(dates[appeal.evidence]):
            continue  # noted with the event
        elif not dates[appeal.evidence] <= appeal.date <= span.as_of:
            what = "the appeal is dated before the event or in the future"
            problems.add(what, where, f"{appeal.date}")
        if appeal.outcome not in OUTCOMES:
            cure = nearest(appeal.outcome, OUTCOMES)
            problems.add(f"the outcome {appeal.outcome!r} is unknown", where, cure=cure)
        found.setdefault(appeal.evidence, []).append(appeal)
    return found


def months_between(first: dt.date, last: dt.date) -> int:
    """Return the whole months from one day to another.

    >>> import datetime
    >>> months_between(datetime.date(2025, 1, 31), datetime.date(2025, 2, 28))
    0
    """
    months = (last.year - first.year) * _MONTHS + last.month - first.month
    return months - (last.day < first.day)


class _Room:
    """What is left of the caps while events are counted."""

    def __init__(self, table: CreditTable, terms: Terms) -> None:
        self.table, self.terms = table, terms
        self.used: dict[tuple[str, str], float] = {}

    def take(self, event: Event, item: Item, earned: float) -> tuple[float, tuple[str, ...]]:
        """Return what of the points counts, and which caps bound it."""
        dimension = self.table.dimensions.get(item.dimension)
        caps = [("item_cap", item.id, self.terms.item_caps.get(item.id, item.cap))]
        if earned > 0:
            caps.append(("dimension_cap", item.dimension, dimension.cap if dimension else None))
            caps.append(("period_cap", self._period(event.date), self.terms.period_cap))
        keys = [((kind, name), cap) for kind, name, cap in caps if cap is not None]
        rooms = {key: max(cap - self.used.get(key, 0.0), 0.0) for key, cap in keys}
        size = min([abs(earned), *rooms.values()])
        for key in rooms:
            self.used[key] = self.used.get(key, 0.0) + size
        why = tuple(key[0] for key, room in rooms.items() if room < abs(earned))
        return math.copysign(size, earned) if size else 0.0, why

    def _period(self, day: dt.date) -> str:
        months = PERIODS.get(self.terms.period, 1)
        return f"{day.year}-{(day.month - 1) // months}"


def _score(
    table: CreditTable,
    subject: str,
    events: Sequence[Event],
    span: Span,
    terms: Terms,
    appeals: Mapping[str, Sequence[Appeal]],
) -> CreditScore:
    room, lines, log = _Room(table, terms), [], []
    warnings = Problems()
    for event in sorted(events, key=lambda e: (e.date, e.evidence)):
        item, own = table.items[event.item], appeals.get(event.evidence, ())
        log += [(appeal.date, event.evidence, appeal.outcome) for appeal in own]
        if event.repaired and item.is_negative:
            log.append((event.repaired, event.evidence, _repair(event, span, terms)))
        decay = _decay(months_between(event.date, span.as_of), terms)
        earned = item.points * event.count * decay
        stop = _stop(table, event, item, own, span, terms)
        counted, why = (0.0, (stop,)) if stop else room.take(event, item, earned)
        if item.veto and event.count and not stop:
            why = (*why, "veto")
        if stop == "unverified":
            what = f"{item.title.en} is not verified and counts 0"
            warnings.warn(what, f"{subject}, {event.evidence}", cure="verify it")
        lines.append(CreditLine(event, item, decay, earned, counted, why))
    sums: dict[str, float] = {}
    for name in dict.fromkeys([*table.dimensions, *(line.item.dimension for line in lines)]):
        sums[name] = math.fsum(x.counted for x in lines if x.item.dimension == name)
    score = _total(sums, terms)
    vetoed = any("veto" in line.why for line in lines)
    grades = table.grades if terms.grades is None else _grades(terms.grades)
    return CreditScore(
        table=table,
        subject=subject,
        span=span,
        terms=terms,
        lines=tuple(lines),
        score=score,
        dimensions=sums,
        veto="breached" if vetoed else "none",
        grade=grades[-1] if vetoed and grades else grade_of(score, grades),
        warnings=warnings.warnings,
        log=tuple(sorted(log)),
    )


def _total(sums: Mapping[str, float], terms: Terms) -> float:
    def clip(points: float) -> float:
        return min(max(terms.base + points, terms.low), terms.high)

    if terms.weights is None:
        return clip(math.fsum(sums.values()))
    return math.fsum(weight * clip(sums[name]) for name, weight in terms.weights.items())


def _decay(months: int, terms: Terms) -> float:
    return 1.0 if terms.half_life is None else 2 ** -(months / terms.half_life)


def _repair(event: Event, span: Span, terms: Terms) -> str:
    """Return what the repair of a deduction does: a key of the log."""
    if terms.repair_after is None:
        return "never"
    months = months_between(event.date, span.as_of)
    return "repaired" if months >= terms.repair_after else "not_yet"


def _stop(
    table: CreditTable,
    event: Event,
    item: Item,
    appeals: Sequence[Appeal],
    span: Span,
    terms: Terms,
) -> str:
    """Return why an event does not count at all, or ``""``."""
    if appeals and appeals[-1].outcome == "upheld":
        return "appeal"
    if not event.verified:
        return "unverified"
    by_kind = table.subject == "person"
    if item.is_negative and (by_kind if terms.positive_only is None else terms.positive_only):
        return "positive_only"
    if item.is_negative and event.repaired and _repair(event, span, terms) == "repaired":
        return "repaired"
    return ""


def _grades(given: Mapping[str, float | None]) -> tuple[Grade, ...]:
    """Return the caller's grades, best first."""
    order = sorted(given.items(), key=lambda entry: (entry[1] is None, -(entry[1] or 0)))
    return tuple(Grade(name, Title(name, name), cut) for name, cut in order)
