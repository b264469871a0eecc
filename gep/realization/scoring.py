"""Scoring of subjects by a sheet of indicators: points, subtotals, veto, ranks and grades.

The sheet is data (:func:`gep.realization.sheets.sheet`). What is scored are facts with evidence: a
fact without a source and a date does not count. Every line keeps its fact, its arithmetic and its
source, so that a score can be explained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from gep.errors import DataError, Problem, Problems, UsageError, nearest
from gep.realization.facts import Fact, Facts, Measured, read_facts, warn_unusual
from gep.realization.results import CENT, allocate, plain, rounded, told
from gep.realization.sheets import (
    EPSILON,
    Grade,
    Indicator,
    Sheet,
    given_grades,
    grade_of,
    reaches,
    wrong_parameters,
)
from gep.tables import Title

__all__ = [
    "Assessment",
    "DualMatrix",
    "Fact",
    "ScoreLine",
    "ScoreSheet",
    "assess",
    "dual_matrix",
    "read_facts",
    "share",
]

if TYPE_CHECKING:
    import pandas as pd

#: Digits to which scores are compared: what is equal on paper is equal here.
_DIGITS = round(-math.log10(EPSILON))
_UNDETERMINED = "undetermined"


# ------------------------------------------------------------------------------ scoring functions


class Peer(NamedTuple):
    """What a scoring function may look at besides the datum."""

    higher: bool
    weight: float
    values: Sequence[float]


def short(value: float) -> str:
    """Return a number as the arithmetic of a line shows it; the line holds it in full.

    >>> short(100 / 3), short(0.000123456)
    ('33.3333', '0.0001235')
    """
    few = f"{value:.4g}" if abs(value) < 1 else f"{value:.4f}"
    return told(float(few))


def share(
    function: str, value: float, parameters: Mapping[str, Any], peer: Peer
) -> tuple[float, str]:
    """Return the share of the points that a value earns, from 0 to 1, and its arithmetic as text.

    Parameters
    ----------
    function
        ``threshold`` (the highest step that is reached), ``linear`` (from lo to hi),
        ``ratio_to_target``, ``ratio_to_best``, ``improvement`` (way from baseline to goal),
        ``rank`` (from 1 for the first to ``last``; ties share the better rank), ``interval`` (full
        from low to high, falling to 0 at lo and hi) or ``count_cap`` (``each`` points for each
        count, up to the line's points; taken off where lower is better).
    value, parameters
        In the indicator's unit.
    peer
        Whether higher is better, the line's points, and the values of all subjects.

    Examples
    --------
    >>> share("linear", 72, {"lo": 50, "hi": 90}, Peer(True, 10, [72]))
    (0.55, '(72 - 50)/(90 - 50)')
    """
    raw, text = _FUNCTIONS[function](value, parameters, peer)
    kept = min(max(raw, 0.0), 1.0)
    return kept, text if kept == raw else f"{text} = {short(raw)}"


def _threshold(x: float, p: Mapping[str, Any], peer: Peer) -> tuple[float, str]:
    sign = ">=" if peer.higher else "<="
    reached = [step for step in p["steps"] if reaches(x, step[0], higher=peer.higher)]
    if reached:
        return float(reached[-1][1]), f"{short(x)} {sign} {short(reached[-1][0])}"
    return 0.0, f"not {short(x)} {sign} {short(p['steps'][0][0])}"


def _linear(x: float, p: Mapping[str, Any], peer: Peer) -> tuple[float, str]:
    lo, hi = p["lo"], p["hi"]
    way = x - lo if peer.higher else hi - x
    upper = f"{short(x)} - {short(lo)}" if peer.higher else f"{short(hi)} - {short(x)}"
    return way / (hi - lo), f"({upper})/({short(hi)} - {short(lo)})"


def _ratio(x: float, to: float, peer: Peer) -> tuple[float, str]:
    if peer.higher:
        return x / to, f"{short(x)}/{short(to)}"
    if x <= 0:
        return 1.0, f"{short(x)} <= 0"
    return to / x, f"{short(to)}/{short(x)}"


def _ratio_to_target(x: float, p: Mapping[str, Any], peer: Peer) -> tuple[float, str]:
    return _ratio(x, p["target"], peer)


def _ratio_to_best(x: float, _p: Mapping[str, Any], peer: Peer) -> tuple[float, str]:
    return _ratio(x, max(peer.values) if peer.higher else min(peer.values), peer)


def _improvement(x: float, p: Mapping[str, Any], _peer: Peer) -> tuple[float, str]:
    start, goal = p["baseline"], p["goal"]
    text = f"({short(x)} - {short(start)})/({short(goal)} - {short(start)})"
    return (x - start) / (goal - start), text


def _rank(x: float, p: Mapping[str, Any], peer: Peer) -> tuple[float, str]:
    own = _ranks(peer.values, x, higher=peer.higher)
    count, last = len(peer.values), p["last"]
    if count == 1:
        return 1.0, "1/1"
    text = f"{own}/{count}: 1 - (1 - {short(last)})*({own} - 1)/({count} - 1)"
    return 1 - (1 - last) * (own - 1) / (count - 1), text


def _ranks(values: Sequence[float], own: float, *, higher: bool) -> int:
    """Return the rank of a value: one more than how many are better."""
    mine = round(own, _DIGITS)
    return 1 + sum(
        (v > mine) if higher else (v < mine) for v in (round(v, _DIGITS) for v in values)
    )


def _interval(x: float, p: Mapping[str, Any], _peer: Peer) -> tuple[float, str]:
    lo, low, high, hi = (p[key] for key in ("lo", "low", "high", "hi"))
    if x < low:
        return (x - lo) / (low - lo), f"({short(x)} - {short(lo)})/({short(low)} - {short(lo)})"
    if x > high:
        return (hi - x) / (hi - high), f"({short(hi)} - {short(x)})/({short(hi)} - {short(high)})"
    return 1.0, f"{short(low)} <= {short(x)} <= {short(high)}"


def _count_cap(x: float, p: Mapping[str, Any], peer: Peer) -> tuple[float, str]:
    part = p["each"] * x / peer.weight
    text = f"{short(x)}*{short(p['each'])}/{short(peer.weight)}"
    return (part, text) if peer.higher else (1 - part, f"1 - {text}")


_FUNCTIONS = {
    "threshold": _threshold,
    "linear": _linear,
    "ratio_to_target": _ratio_to_target,
    "ratio_to_best": _ratio_to_best,
    "improvement": _improvement,
    "rank": _rank,
    "interval": _interval,
    "count_cap": _count_cap,
}


def _wrong_value(function: str, value: float, peer: Peer) -> str:
    """Return why a function cannot score a value, or ``""``."""
    if function == "count_cap" and (value < 0 or abs(value - round(value)) > EPSILON):
        return "a count is a whole number from 0 on"
    if function == "ratio_to_best":
        if peer.higher and max(peer.values) <= 0:
            return "the best is not above 0: there is no ratio to it"
        if not peer.higher and min(peer.values) < 0:
            return "the best is below 0: there is no ratio to it"
    return ""


# ---------------------------------------------------------------------------------- what comes out


@dataclass(frozen=True)
class ScoreLine:
    """A line of a score sheet.

    Attributes
    ----------
    value
        The datum in the indicator's unit; None where it is missing.
    facts
        The facts behind it, as given, with their evidence.
    formula
        The arithmetic of the share, with its numbers.
    weight, share, points
        Points that the line can earn, the share of them that it earned, and their product. None
        where they are undetermined. A veto has none.
    rounded
        ``points`` in hundredths; the lines add to the rounded score.
    state
        ``counted``, ``missing``; for a veto ``kept``, ``breached`` or ``undetermined``.
    lacks
        What is missing.
    """

    indicator: Indicator
    value: float | None
    facts: Mapping[str, Fact]
    formula: str
    weight: float
    share: float | None
    points: float | None
    state: str
    lacks: str = ""
    rounded: Decimal | None = None


@dataclass(frozen=True)
class ScoreSheet:
    """The score of one subject, line by line.

    Attributes
    ----------
    score
        Total of the points; None where it is undetermined. ``total`` is the most possible.
    subtotals
        {branch: (points, most possible)}; None for points that are undetermined.
    rank, of
        Rank by score among the ``of`` subjects that have one; equal scores share the better rank.
    veto
        ``none``, ``breached`` or ``undetermined``: the veto acts on the grade, not on the points.
    grade
        By the cut-offs; the lowest where a veto is breached, None where it is undetermined or the
        sheet has no grades.
    undetermined
        What is missing for score or veto.
    """

    sheet: Sheet
    subject: str
    group: str
    lines: tuple[ScoreLine, ...]
    score: float | None
    subtotals: Mapping[str, tuple[float | None, float]]
    veto: str
    grade: Grade | None
    rank: int | None = None
    of: int = 0
    warnings: tuple[Problem, ...] = ()
    undetermined: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """The most points that can be reached."""
        return self.sheet.total

    @property
    def rounded(self) -> Decimal | None:
        """The score in hundredths."""
        return None if self.score is None else rounded(self.score)

    def __getitem__(self, indicator: str) -> ScoreLine:
        """Return a line by its indicator."""
        for line in self.lines:
            if line.indicator.id == indicator:
                return line
        cure = nearest(indicator, [line.indicator.id for line in self.lines])
        raise UsageError(f"the sheet has no indicator {indicator!r}", cure=cure)

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return the sheet as a table: a row for each line, with its evidence."""
        import pandas as pd

        rows = []
        for line in self.lines:
            path = [branch.title[lang] for branch in self.sheet.path_of(line.indicator)]
            rows.append(
                {
                    "subject": self.subject,
                    "level_1": path[0],
                    "level_2": path[1] if len(path) > 1 else "",
                    "indicator": line.indicator.title[lang],
                    "value": line.value,
                    "unit": str(line.indicator.unit),
                    "function": line.indicator.function,
                    "formula": line.formula,
                    "share": line.share,
                    "weight": line.weight,
                    "points": None if line.rounded is None else float(line.rounded),
                    "state": _said(line.state, lang),
                    "lacks": line.lacks,
                    "evidence": _evidence(line),
                    "cite": line.indicator.cite,
                    "verified": self.sheet.sources[line.indicator.cite].verified,
                }
            )
        return pd.DataFrame(rows)

    def text(self, lang: str = "zh") -> str:
        """Return the sheet as text, in ``zh`` or ``en``."""
        say = _SAID[lang]
        cited = self.sheet.sources[self.sheet.cite]
        about = [self.sheet.id, self.sheet.document, cited.text[lang], self.sheet.verified]
        shown = [self._head(lang), f"  {say['sheet']}: {'; '.join(a for a in about if a)}"]
        opened: list[str] = []
        for line in self.lines:
            path = [branch.id for branch in self.sheet.path_of(line.indicator)]
            for depth, name in enumerate(path):
                if opened[depth : depth + 1] != [name]:
                    shown.append("  " * (depth + 1) + self._branch(name, lang))
            opened = path
            shown.append("  " * (len(path) + 1) + _line_text(line, lang))
        shown += [f"  {say['undetermined']}: {what}" for what in self.undetermined]
        shown += [f"  {say['warning']}: {p}".replace("\n", "\n  ") for p in self.warnings]
        if self.sheet.note:
            shown.append(f"  {say['note']}: {self.sheet.note[lang]}")
        return "\n".join(shown)

    def _head(self, lang: str) -> str:
        say = _SAID[lang]
        score = say["undetermined"] if self.rounded is None else f"{self.rounded:,}"
        grade = self.grade.title[lang] if self.grade else say["undetermined"]
        parts = [f"{self.sheet.title[lang]}, {self.subject}: {score} / {told(self.total)}"]
        if self.sheet.grades:
            parts.append(f"{say['grade']} {grade}")
        if any(line.indicator.is_veto for line in self.lines):
            parts.append(f"{say['veto']} {_said(self.veto, lang)}")
        if self.of > 1 and self.rank:
            parts.append(f"{say['rank']} {self.rank}/{self.of}")
        return ("，" if lang == "zh" else ", ").join(parts)

    def _branch(self, name: str, lang: str) -> str:
        points, most = self.subtotals[name]
        title = self.sheet.branches[name].title[lang]
        if not most:
            return title
        inside = [x for x in self.lines if name in {b.id for b in self.sheet.path_of(x.indicator)}]
        total = sum((x.rounded for x in inside if x.rounded is not None), rounded(0))
        return f"{title}: {_SAID[lang]['undetermined'] if points is None else total} / {told(most)}"

    def __repr__(self) -> str:
        """Return the sheet as text in English."""
        return self.text("en")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return {
            "sheet": self.sheet.id,
            "sheet_sha256": self.sheet.sha256,
            "document": self.sheet.document,
            "verified": self.sheet.verified,
            "missing": self.sheet.missing,
            "subject": self.subject,
            "group": self.group,
            "score": self.score,
            "total": self.total,
            "rank": self.rank,
            "of": self.of,
            "veto": self.veto,
            "grade": self.grade.id if self.grade else None,
            "grades": {g.id: g.at_least for g in self.sheet.grades},
            "subtotals": {k: {"points": p, "of": most} for k, (p, most) in self.subtotals.items()},
            "lines": [
                {
                    "indicator": line.indicator.id,
                    "title": plain(line.indicator.title),
                    "branch": line.indicator.branch,
                    "value": line.value,
                    "unit": str(line.indicator.unit),
                    "function": line.indicator.function,
                    "parameters": plain(line.indicator.parameters),
                    "formula": line.formula,
                    "weight": line.weight,
                    "share": line.share,
                    "points": line.points,
                    "rounded": plain(line.rounded),
                    "state": line.state,
                    "lacks": line.lacks,
                    "facts": {k: plain(replace(f, date=f.day)) for k, f in line.facts.items()},
                    "cite": line.indicator.cite,
                }
                for line in self.lines
            ],
            "warnings": [plain(p) for p in self.warnings],
            "undetermined": list(self.undetermined),
        }


_SAID = {
    "en": {
        "sheet": "sheet",
        "grade": "grade",
        "veto": "veto",
        "rank": "rank",
        "undetermined": "undetermined",
        "warning": "warning",
        "note": "note",
        "none": "none",
        "breached": "breached",
        "kept": "kept",
        "counted": "counted",
        "missing": "missing",
    },
    "zh": {
        "sheet": "评价表",
        "grade": "等次",
        "veto": "否决",
        "rank": "名次",
        "undetermined": "无法判定",
        "warning": "警告",
        "note": "说明",
        "none": "无",
        "breached": "触发",
        "kept": "守住",
        "counted": "计分",
        "missing": "缺失",
    },
}


def _said(state: str, lang: str) -> str:
    return _SAID[lang][state]


def _evidence(line: ScoreLine) -> str:
    return "; ".join(
        f"{name} {_amount(told(fact.value), fact.unit)} ({fact.evidence or '—'})"
        for name, fact in line.facts.items()
    )


def _amount(number: str, unit: str) -> str:
    return number if unit == "1" else f"{number} {unit}"


def _line_text(line: ScoreLine, lang: str) -> str:
    title = line.indicator.title[lang]
    if line.state != "counted":
        lacks = f" ({line.lacks})" if line.lacks else ""
        title = f"{title}: {_said(line.state, lang)}{lacks}"
    if line.indicator.is_veto:
        shown = f"{title}  {line.formula}".rstrip()
    elif line.share is None:
        shown = title if line.rounded is None else f"{title} = {line.rounded}"
    else:
        points = "" if line.rounded is None else f" = {line.rounded}"
        value = _amount(short(line.value or 0.0), str(line.indicator.unit))
        scored = f"{line.formula} → {short(line.share)} × {short(line.weight)}{points}"
        shown = f"{title}: {value}; {scored}"
    evidence = _evidence(line)
    return f"{shown}  [{evidence}]" if evidence else shown


@dataclass(frozen=True)
class Assessment(Mapping[str, ScoreSheet]):
    """The score sheets of several subjects under one sheet, by subject."""

    sheet: Sheet
    scored: Mapping[str, ScoreSheet]

    def __getitem__(self, subject: str) -> ScoreSheet:
        """Return the score sheet of a subject."""
        if subject not in self.scored:
            raise UsageError(f"no subject {subject!r}", cure=nearest(subject, self.scored))
        return self.scored[subject]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the subjects."""
        return iter(self.scored)

    def __len__(self) -> int:
        """Return the number of subjects."""
        return len(self.scored)

    def scores(self) -> dict[str, float | None]:
        """Return the score of each subject, as :func:`dual_matrix` takes it."""
        return {name: found.score for name, found in self.scored.items()}

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return a row for each subject: points by first-level branch, score, rank, grade."""
        import pandas as pd

        rows = []
        for name, found in self.scored.items():
            first = {b.title[lang]: found.subtotals[b.id][0] for b in self._first()}
            rows.append(
                {
                    "subject": name,
                    "group": found.group,
                    **first,
                    "score": None if found.rounded is None else float(found.rounded),
                    "rank": found.rank,
                    "veto": _said(found.veto, lang),
                    "grade": found.grade.title[lang] if found.grade else None,
                }
            )
        return pd.DataFrame(rows)

    def _first(self) -> list[Any]:
        return [b for b in self.sheet.branches.values() if not b.parent]

    def lines(self, lang: str = "zh") -> pd.DataFrame:
        """Return all lines of all subjects as one table."""
        import pandas as pd

        return pd.concat([s.frame(lang) for s in self.scored.values()], ignore_index=True)

    def text(self, lang: str = "zh") -> str:
        """Return the sheets one after another, best first."""
        order = sorted(self.scored.values(), key=lambda s: (s.rank is None, s.rank or 0))
        return "\n\n".join(found.text(lang) for found in order)

    def __repr__(self) -> str:
        """Return the sheets as text in English."""
        return self.text("en")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return {name: found.to_dict() for name, found in self.scored.items()}


# ------------------------------------------------------------------------------------- the scoring


def assess(
    sheet: Sheet,
    data: Mapping[str, Mapping[str, Fact]],
    *,
    groups: Mapping[str, str] | None = None,
    grades: Mapping[str, float | None] | None = None,
) -> Assessment:
    """Score subjects by a sheet.

    Parameters
    ----------
    sheet
        A complete sheet (:func:`gep.realization.sheets.sheet`).
    data
        {subject: {fact id: Fact}}. A fact without evidence is missing; what a missing fact means
        is the sheet's ``missing``: ``error``; ``zero`` points; ``redistribute`` (the points of
        the missing lines go to the other lines in proportion to theirs); or ``undetermined``, the
        score then is. A veto without evidence is always undetermined, never passed.
    groups
        {subject: group} where points differ by group.
    grades
        Cut-offs to be used instead of the sheet's, {name: least score}; None for the lowest, which
        is also the grade of a breached veto.

    Returns
    -------
    Assessment
        A :class:`ScoreSheet` for each subject.

    Raises
    ------
    DataError
        If the sheet is an outline or a template that is not filled, or with all problems of the
        facts.

    Notes
    -----
    Source: the functions are those that public reports name for assessments with many indicators;
    the arithmetic is defined in :func:`share`. Verified: secondary.
    """
    if sheet.lacks:
        raise DataError(sheet.lacks)
    return _Scoring(sheet, data, dict(groups or {}), grades).run()


@dataclass
class _Cell:
    """A line of a subject while it is scored."""

    measured: Measured
    parameters: Mapping[str, Any]
    lacks: str
    share: float | None = None
    formula: str = ""


@dataclass
class _Subject:
    name: str
    group: str
    facts: Facts
    problems: Problems
    cells: dict[str, _Cell] = field(default_factory=dict)


class _Scoring:
    def __init__(
        self,
        sheet: Sheet,
        data: Mapping[str, Mapping[str, Fact]],
        groups: dict[str, str],
        grades: Mapping[str, float | None] | None,
    ) -> None:
        self.problems = Problems()
        used = given_grades(grades, sheet.grades, f"{sheet.id}, grades", self.problems)
        self.sheet = replace(sheet, grades=used)
        if not data:
            self.problems.add("there is no subject to score", sheet.id)
        for name in sorted(set(groups) - set(data)):
            self.problems.add(f"the group of {name!r} is given, its facts are not", sheet.id)
        self.subjects = [self._subject(name, facts, groups) for name, facts in data.items()]

    def _subject(self, name: str, given: Mapping[str, Fact], groups: Mapping[str, str]) -> _Subject:
        group, known = groups.get(name, ""), self.sheet.groups or {"": Title("", "")}
        if group not in known:
            what = f"the group of {name!r} is unknown" if group else f"{name!r} has no group"
            self.problems.add(what, self.sheet.id, group, nearest(group, self.sheet.groups))
        problems = Problems()
        read = Facts(self.sheet, given, f"{self.sheet.id}, {name}", problems)
        return _Subject(name, group, read, problems)

    def run(self) -> Assessment:
        self.problems.raise_if_any(DataError)
        for subject in self.subjects:
            for line in self._lines(subject):
                numbers, lacks = subject.facts.parameters(line)
                found = subject.facts.measure(line)
                lacks = "; ".join(x for x in dict.fromkeys([found.lacks, lacks]) if x)
                subject.cells[line.id] = _Cell(found, numbers, lacks)
        for subject in self.subjects:
            for line in self._lines(subject):
                if not line.is_veto:
                    self._share(subject, line)
        if self.sheet.missing == "error":
            self._refuse_missing()
        for subject in self.subjects:
            for problem in subject.problems.errors:
                self.problems.add(problem.what, problem.where, problem.found, problem.cure)
        self.problems.raise_if_any(DataError)
        scored = [self._score(subject) for subject in self.subjects]
        values = [found.score for found in scored if found.score is not None]
        return Assessment(
            self.sheet,
            {
                found.subject: replace(
                    found,
                    of=len(values),
                    rank=None if found.score is None else _ranks(values, found.score, higher=True),
                )
                for found in scored
            },
        )

    def _lines(self, subject: _Subject) -> list[Indicator]:
        """Return the lines that count for a subject: a line of 0 points does not."""
        lines = self.sheet.indicators.values()
        return [i for i in lines if i.is_veto or i.weights[subject.group]]

    def _share(self, subject: _Subject, line: Indicator) -> None:
        cell, where = subject.cells[line.id], f"{self.sheet.id}, {subject.name}, {line.id}"
        value = cell.measured.value
        if cell.lacks or value is None:
            return
        peers = [
            (s, s.cells[line.id])
            for s in self.subjects
            if line.id in s.cells and (line.among == "all" or s.group == subject.group)
        ]
        values = [c.measured.value for _, c in peers if c.measured.value is not None]
        peer = Peer(line.higher, line.weights[subject.group], values)
        wrong = wrong_parameters(line.function, cell.parameters, higher=line.higher)
        wrong = wrong or _wrong_value(line.function, value, peer)
        if wrong:
            subject.problems.add(wrong, where, f"{told(value)} {line.unit}")
            return
        cell.share, cell.formula = share(line.function, value, cell.parameters, peer)
        target = cell.parameters.get("target", math.inf)
        if warn_unusual(line, value, where, subject.problems):
            return
        if line.higher and not reaches(value, target, higher=False):
            what = f"{line.title.en} is {value / target:.1%} of its target"
            cure = "check the target: it may be wrong; more than 100 % counts as 100 %"
            subject.problems.warn(what, where, f"{told(value)} of {told(target)} {line.unit}", cure)

    def _refuse_missing(self) -> None:
        for subject in self.subjects:
            for line in self._lines(subject):
                cell = subject.cells[line.id]
                if cell.lacks and not line.is_veto:
                    where = f"{self.sheet.id}, {subject.name}, {line.id}"
                    cure = "give the fact with its source and date"
                    absent = [n for n in line.facts if n not in subject.facts.given]
                    spare = set(subject.facts.given) - set(self.sheet.facts)
                    if absent and spare:
                        cure += f"; {nearest(absent[0], spare)}"
                    self.problems.add(f"{line.title.en} is missing", where, cell.lacks, cure)

    def _score(self, subject: _Subject) -> ScoreSheet:
        policy, group = self.sheet.missing, subject.group
        counted = [i for i in self._lines(subject) if not i.is_veto]
        missing = [i for i in counted if subject.cells[i.id].lacks]
        weights = {i.id: i.weights[group] for i in counted}
        if missing and policy == "redistribute":
            kept = math.fsum(w for k, w in weights.items() if not subject.cells[k].lacks)
            scale = self.sheet.total / kept if kept else 0.0
            weights = {k: 0.0 if subject.cells[k].lacks else w * scale for k, w in weights.items()}
        open_ = bool(missing) and (policy == _UNDETERMINED or not any(weights.values()))
        for line in missing:
            where = f"{self.sheet.id}, {subject.name}, {line.id}"
            what = f"{line.title.en} is missing: {_POLICY[policy]}"
            subject.problems.warn(what, where, subject.cells[line.id].lacks)
        lines = [
            self._veto(subject, line)
            if line.is_veto
            else self._line(subject, line, weights[line.id], open_=open_)
            for line in self._lines(subject)
        ]
        points = [line.points for line in lines if not line.indicator.is_veto]
        known = [p for p in points if p is not None]
        score = None if open_ else min(math.fsum(known), self.sheet.total)
        veto = _state(lines)
        lacks = [f"{x.indicator.id}: {x.lacks}" for x in lines if x.state == _UNDETERMINED]
        lacks += [f"{i.id}: {subject.cells[i.id].lacks}" for i in missing] * open_
        return ScoreSheet(
            sheet=self.sheet,
            subject=subject.name,
            group=group,
            lines=_with_rounded(lines, score),
            score=score,
            subtotals=self._subtotals(lines),
            veto=veto,
            grade=self._grade(score, veto),
            warnings=subject.problems.warnings,
            undetermined=tuple(lacks),
        )

    def _line(self, subject: _Subject, line: Indicator, weight: float, *, open_: bool) -> ScoreLine:
        cell = subject.cells[line.id]
        none = None if open_ else 0.0
        points = none if cell.share is None else cell.share * weight
        state = "missing" if cell.lacks else "counted"
        used = cell.measured
        return ScoreLine(
            line,
            used.value,
            used.facts,
            cell.formula,
            weight,
            cell.share,
            points,
            state,
            cell.lacks,
        )

    def _veto(self, subject: _Subject, line: Indicator) -> ScoreLine:
        cell = subject.cells[line.id]
        value, used = cell.measured.value, cell.measured.facts
        if cell.lacks or value is None:
            return ScoreLine(line, value, used, "", 0.0, None, None, _UNDETERMINED, cell.lacks)
        limit, tolerance = cell.parameters["limit"], cell.parameters["tolerance"]
        sign, tolerated = ("-", -tolerance) if line.higher else ("+", tolerance)
        kept = reaches(value, limit + tolerated, higher=line.higher)
        order = (">=" if kept else "<") if line.higher else ("<=" if kept else ">")
        bound = f"{short(limit)} {sign} {short(tolerance)}" if tolerance else short(limit)
        formula = f"{short(value)} {order} {bound}"
        state = "kept" if kept else "breached"
        return ScoreLine(line, value, used, formula, 0.0, None, None, state)

    def _subtotals(self, lines: Sequence[ScoreLine]) -> dict[str, tuple[float | None, float]]:
        found: dict[str, tuple[float | None, float]] = {}
        for name in self.sheet.branches:
            inside = [
                line
                for line in lines
                if not line.indicator.is_veto
                and name in {b.id for b in self.sheet.path_of(line.indicator)}
            ]
            known = [line.points for line in inside if line.points is not None]
            points = math.fsum(known) if len(known) == len(inside) else None
            found[name] = (points, math.fsum(line.weight for line in inside))
        return found

    def _grade(self, score: float | None, veto: str) -> Grade | None:
        grades = self.sheet.grades
        if veto == "breached" and grades:
            return grades[-1]
        if score is None or veto == _UNDETERMINED:
            return None
        return grade_of(score, grades)


_POLICY = {
    "zero": "it earns no points",
    "redistribute": "its points go to the other lines",
    _UNDETERMINED: "the score is undetermined",
}


def _state(lines: Sequence[ScoreLine]) -> str:
    states = {line.state for line in lines if line.indicator.is_veto}
    return next((s for s in ("breached", _UNDETERMINED) if s in states), "none")


def _with_rounded(lines: Sequence[ScoreLine], score: float | None) -> tuple[ScoreLine, ...]:
    """Round the points of the lines so that they add to the rounded score."""
    at = [n for n, line in enumerate(lines) if line.points is not None]
    points = [line.points for line in lines if line.points is not None]
    if score is not None and any(points):
        parts = allocate(score, points)
    else:
        parts = [rounded(p) for p in points]
    by_line = dict(zip(at, (part.quantize(CENT) for part in parts), strict=True))
    return tuple(replace(line, rounded=by_line.get(n)) for n, line in enumerate(lines))


# --------------------------------------------------------------------------------- the dual matrix


#: The quadrants by (GDP reaches its cut, GEP reaches its cut).
QUADRANTS: Mapping[tuple[bool, bool], tuple[str, Title]] = {
    (True, True): ("both_high", Title("both high", "双高")),
    (False, True): ("gep_high", Title("GEP high, GDP low", "GEP 高、GDP 低")),
    (True, False): ("gdp_high", Title("GDP high, GEP low", "GDP 高、GEP 低")),
    (False, False): ("both_low", Title("both low", "双低")),
}


@dataclass(frozen=True)
class DualMatrix:
    """Subjects in the four quadrants of a GDP score and a GEP score.

    ``quadrants`` is {subject: quadrant}; a subject that lacks a score is ``undetermined``.
    """

    gdp: Mapping[str, float | None]
    gep: Mapping[str, float | None]
    gdp_cut: float
    gep_cut: float
    quadrants: Mapping[str, str]

    def frame(self, lang: str = "zh") -> pd.DataFrame:
        """Return a row for each subject."""
        import pandas as pd

        rows = [
            {
                "subject": name,
                "gdp_score": self.gdp.get(name),
                "gep_score": self.gep.get(name),
                "quadrant": _quadrant_title(key, lang),
            }
            for name, key in self.quadrants.items()
        ]
        return pd.DataFrame(rows)

    def text(self, lang: str = "zh") -> str:
        """Return the quadrants and their subjects as text."""
        keys = [*(key for key, _ in QUADRANTS.values()), _UNDETERMINED]
        shown = [f"GDP >= {told(self.gdp_cut)}, GEP >= {told(self.gep_cut)}"]
        for key in keys:
            inside = [name for name, quadrant in self.quadrants.items() if quadrant == key]
            if inside:
                shown.append(f"  {_quadrant_title(key, lang)}: {', '.join(inside)}")
        return "\n".join(shown)

    def __repr__(self) -> str:
        """Return the quadrants as text in English."""
        return self.text("en")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return plain(self)  # type: ignore[no-any-return]


def _quadrant_title(key: str, lang: str) -> str:
    titles = dict(QUADRANTS.values())
    return titles[key][lang] if key in titles else _SAID[lang][_UNDETERMINED]


def dual_matrix(
    *,
    gdp: Mapping[str, float | None],
    gep: Mapping[str, float | None],
    gdp_cut: float,
    gep_cut: float,
) -> DualMatrix:
    """Place subjects in four quadrants by their GDP score and their GEP score.

    Parameters
    ----------
    gdp, gep
        {subject: score} of the two assessments; None, or absent in one of them, is undetermined.
    gdp_cut, gep_cut
        Scores from which a subject counts as high; a score that equals the cut does.

    Raises
    ------
    DataError
        If a score or a cut is no finite number, or there is no subject.

    Notes
    -----
    Source: reports on assessments by GDP and GEP side by side; cuts are the user's. Verified:
    secondary.

    Examples
    --------
    >>> found = dual_matrix(
    ...     gdp={"a": 90, "b": 60}, gep={"a": 700, "b": 800}, gdp_cut=75, gep_cut=750
    ... )
    >>> dict(found.quadrants)
    {'a': 'gdp_high', 'b': 'gep_high'}
    """
    problems = Problems()
    for name, cut in (("gdp_cut", gdp_cut), ("gep_cut", gep_cut)):
        if not _finite(cut):
            problems.add("the cut is not a finite number", name, repr(cut)[:80])
    for name, scores in (("gdp", gdp), ("gep", gep)):
        for subject, score in scores.items():
            if score is not None and not _finite(score):
                where = f"{name}, {subject}"
                problems.add("the score is not a finite number", where, repr(score)[:80])
    if not gdp and not gep:
        problems.add("there is no subject")
    problems.raise_if_any(DataError)
    quadrants = {}
    for subject in dict.fromkeys([*gdp, *gep]):
        pair = gdp.get(subject), gep.get(subject)
        if pair[0] is None or pair[1] is None:
            quadrants[subject] = _UNDETERMINED
        else:
            high = (reaches(pair[0], gdp_cut), reaches(pair[1], gep_cut))
            quadrants[subject] = QUADRANTS[high][0]
    return DualMatrix(dict(gdp), dict(gep), gdp_cut, gep_cut, quadrants)


def _finite(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and math.isfinite(value)
