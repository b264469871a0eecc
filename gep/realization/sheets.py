"""Score sheets as data: a tree of indicators with points, functions, groups and grades.

A sheet is one TOML file, shipped in ``models/scores`` or the user's own. It is checked when it is
loaded, and all that is wrong is said at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gep.errors import Problem, Problems, RuleError, UsageError, nearest
from gep.library import data_root
from gep.tables import (
    VERIFIED,
    Keys,
    Title,
    check_keys,
    is_file,
    is_number,
    read_range,
    read_title,
    read_toml,
    read_unit,
    sha256,
    shorten,
)
from gep.units import Unit, unit

#: What a subject gets for an indicator without a datum.
MISSING = ("error", "zero", "redistribute", "undetermined")
DIRECTIONS = ("higher", "lower")
STATUSES = ("outline", "template")
AMONG = ("all", "group")
#: The scoring functions and the parameters that each needs.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "threshold": ("steps",),
    "linear": ("lo", "hi"),
    "ratio_to_target": ("target",),
    "ratio_to_best": (),
    "improvement": ("baseline", "goal"),
    "rank": ("last",),
    "interval": ("lo", "low", "high", "hi"),
    "count_cap": ("each",),
    "veto": ("limit", "tolerance"),
}
#: Functions that look at the other subjects too.
RELATIVE = ("ratio_to_best", "rank")
#: Parameters that may name a fact of the subject instead of a number.
NAMED = ("target", "baseline", "goal", "limit")
#: Points that differ by less than this are equal.
EPSILON = 1e-9
_PERCENT = unit("%")


def reaches(value: float, limit: float, *, higher: bool = True) -> bool:
    """Say whether a value reaches a limit; what conversions of units blur does not count.

    >>> reaches(0.29 * 100, 29)
    True
    """
    slack = EPSILON * max(1.0, abs(limit))
    return value >= limit - slack if higher else value <= limit + slack


@dataclass(frozen=True)
class FactAbout:
    """A fact that a sheet asks for: its title, unit, and where it is kept."""

    id: str
    title: Title
    unit: Unit
    source: Title | None = None


@dataclass(frozen=True)
class Datum:
    """What is measured: a fact, or ``(of - less) / per`` of facts."""

    of: str
    less: str = ""
    per: str = ""

    @property
    def facts(self) -> tuple[str, ...]:
        """The ids of the facts, each once."""
        return tuple(dict.fromkeys(name for name in (self.of, self.less, self.per) if name))

    def formula(self) -> str:
        """Return the formula as text.

        >>> Datum("after", "before", "before").formula()
        '(after - before)/before'
        """
        upper = f"{self.of} - {self.less}" if self.less else self.of
        if not self.per:
            return upper
        return f"({upper})/{self.per}" if self.less else f"{upper}/{self.per}"


@dataclass(frozen=True)
class Branch:
    """A branch of the tree: of the first level, or of the second with its parent."""

    id: str
    title: Title
    parent: str = ""
    points: Any = None


@dataclass(frozen=True)
class Indicator:
    """A line of the sheet.

    Attributes
    ----------
    datum, unit
        What is measured, and the unit of the function's parameters.
    function, parameters, higher, among
        How the datum becomes a share of the points. ``higher`` says that more is better; rank and
        best are sought ``among`` all subjects or those of the same group.
    weights
        Points by group; under ``""`` where the sheet knows no groups. Empty for a veto.
    usual
        Values outside of it are warned of.
    """

    id: str
    title: Title
    branch: str
    unit: Unit
    datum: Datum
    function: str
    parameters: Mapping[str, Any]
    higher: bool = True
    among: str = "all"
    weights: Mapping[str, float] = field(default_factory=dict)
    cite: str = ""
    usual: tuple[float, float] | None = None
    note: Title | None = None

    @property
    def is_veto(self) -> bool:
        """Whether this is a condition without points."""
        return self.function == "veto"

    @property
    def facts(self) -> tuple[str, ...]:
        """The ids of all facts that the line needs."""
        named = [p for p in self.parameters.values() if isinstance(p, str)]
        return tuple(dict.fromkeys([*self.datum.facts, *named]))


@dataclass(frozen=True)
class Grade:
    """A grade and the least score that earns it; None for the lowest grade."""

    id: str
    title: Title
    at_least: float | None = None


@dataclass(frozen=True)
class Source:
    """A document that is cited, and how well it was read."""

    text: Title
    verified: str
    note: Title | None = None


@dataclass(frozen=True)
class Sheet:
    """A score sheet: who issued it, the tree, the points, what a missing datum means.

    ``lacks`` says what an outline or a template still needs before it can compute.
    """

    id: str
    title: Title
    document: str
    issuer: Title
    date: str
    cite: str
    sources: Mapping[str, Source]
    total: float
    missing: str
    branches: Mapping[str, Branch]
    facts: Mapping[str, FactAbout]
    indicators: Mapping[str, Indicator]
    groups: Mapping[str, Title] = field(default_factory=dict)
    grades: tuple[Grade, ...] = ()
    status: str = ""
    note: Title | None = None
    lacks: tuple[Problem, ...] = ()
    path: str = ""
    sha256: str = ""

    @property
    def verified(self) -> str:
        """How well the weakest of the cited documents was read."""
        cited = {self.cite, *(i.cite for i in self.indicators.values())}
        return max((self.sources[c].verified for c in cited), key=VERIFIED.index)

    def path_of(self, indicator: Indicator) -> tuple[Branch, ...]:
        """Return the branches above an indicator, the first level first."""
        branch = self.branches[indicator.branch]
        return (self.branches[branch.parent], branch) if branch.parent else (branch,)


def sheets(kind: str = "sheet") -> dict[str, Title]:
    """Return the ids and titles of the shipped score sheets, or of the ``credit`` tables.

    >>> all(title.en and title.zh for title in sheets().values())
    True
    """
    found = {}
    for path in sorted((data_root("models") / "scores").glob("*.toml")):
        data = read_toml(path)
        if data.get("kind") == kind:
            found[path.stem] = read_title(data.get("title"), str(path), Problems())
    return found


def find_scores(name_or_path: str | Path, kind: str, base: Path | None = None) -> Path:
    """Return the path of a shipped file of scores by its id, or of the user's own.

    Raises
    ------
    UsageError
        If there is no such file.
    """
    shipped = data_root("models") / "scores" / f"{name_or_path}.toml"
    for candidate in (Path(name_or_path), (base or Path()) / name_or_path, shipped):
        if is_file(candidate):
            return candidate
    cure = nearest(str(name_or_path), sheets(kind)) + " (or the path of a TOML file)"
    raise UsageError(f"there is no file of scores {shorten(str(name_or_path), 60)!r}", cure=cure)


def sheet(name_or_path: str | Path, base: Path | None = None) -> Sheet:
    """Load a score sheet, checked.

    Parameters
    ----------
    name_or_path
        The id of a shipped sheet, or the path of a TOML file.
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
    >>> any(sheet(name).lacks for name in sheets())
    True
    """
    path = find_scores(name_or_path, "sheet", base)
    return _Reader(path).read()


def read_sources(
    data: Mapping[str, Any], cited: Mapping[str, str], where: str, problems: Problems
) -> dict[str, Source]:
    """Return the sources of a file of scores; ``cited`` says where each key is used."""
    found: dict[str, Source] = {}
    for key, entry in data.get("sources", {}).items():
        place = f"{where}, sources.{key}"
        if not check_keys(entry, place, problems, {"text": dict, "verified": str}, {"note": dict}):
            continue
        level = entry["verified"]
        if level not in VERIFIED:
            problems.add(f"verified = {level!r} is unknown", place, cure=nearest(level, VERIFIED))
            level = VERIFIED[-1]
        note = read_title(entry["note"], place, problems) if "note" in entry else None
        found[key] = Source(read_title(entry["text"], place, problems), level, note)
    for key, place in cited.items():
        if key not in found:
            problems.add(f"the source {key!r} is not in [sources]", place, cure=nearest(key, found))
    return found


def read_grades(entries: Any, where: str, problems: Problems) -> tuple[Grade, ...]:
    """Read ``[[grades]]``, best first; the lowest has no ``at_least``."""
    grades: list[Grade] = []
    for number, entry in enumerate(entries, start=1):
        place = f"{where}, grade {number}"
        if check_keys(entry, place, problems, {"id": str, "title": dict}, {"at_least": float}):
            title = read_title(entry["title"], place, problems)
            grades.append(Grade(entry["id"], title, entry.get("at_least")))
    check_grades(grades, where, problems)
    return tuple(grades)


def check_grades(grades: Sequence[Grade], where: str, problems: Problems) -> None:
    """Note grades that repeat, whose cut-offs do not fall, or that leave low scores without one."""
    names = [grade.id for grade in grades]
    for name in sorted({n for n in names if names.count(n) > 1}):
        problems.add(f"grade {name!r} occurs twice", where)
    cuts = [grade.at_least for grade in grades]
    if not cuts:
        return
    if cuts[-1] is not None or None in cuts[:-1]:
        cure = "list the best grade first; the last one, and no other, has no at_least"
        problems.add("the lowest grade takes all that no other takes", where, str(cuts), cure)
        return
    falling = [cut for cut in cuts if cut is not None]
    if any(a <= b for a, b in itertools.pairwise(falling)):
        problems.add("the cut-offs of the grades do not fall", where, str(falling))


def grade_of(score: float, grades: Sequence[Grade]) -> Grade | None:
    """Return the grade of a score: the first whose cut-off it reaches.

    >>> title = Title("x", "x")
    >>> grade_of(90, [Grade("A", title, 90), Grade("B", title)]).id
    'A'
    """
    for grade in grades:
        if grade.at_least is None or reaches(score, grade.at_least):
            return grade
    return None


def given_grades(
    given: Mapping[str, float | None] | None, own: tuple[Grade, ...], where: str, problems: Problems
) -> tuple[Grade, ...]:
    """Return the caller's grades ({name: cut-off}, None for the lowest), else the file's own."""
    if given is None:
        return own
    lowest = [None] * (None in given.values())
    cuts = sorted((c for c in given.values() if c is not None), reverse=True)
    names = {cut: name for name, cut in given.items()}
    grades = [Grade(names[cut], Title(names[cut], names[cut]), cut) for cut in [*cuts, *lowest]]
    if len(names) != len(given):
        problems.add("two grades have one cut-off", where, str(dict(given)))
    check_grades(grades, where, problems)
    return tuple(grades)


def wrong_parameters(name: str, given: Mapping[str, Any], *, higher: bool) -> str:
    """Return what is wrong with the numbers of a scoring function, or ``""``.

    >>> wrong_parameters("linear", {"lo": 5, "hi": 5}, higher=True)
    'lo = hi = 5: there is nothing between them'
    """
    if any(isinstance(value, str) for value in given.values()):
        return ""  # a fact: known when it is scored
    match name:
        case "threshold":
            return _wrong_steps(given["steps"], higher=higher)
        case "linear" if given["lo"] == given["hi"]:
            return f"lo = hi = {given['lo']:g}: there is nothing between them"
        case "linear" if given["lo"] > given["hi"]:
            return "lo lies above hi: exchange them, and say direction = 'lower' if less is better"
        case "ratio_to_target" if given["target"] <= 0:
            return f"the target is {given['target']:g}: a ratio needs one above 0"
        case "improvement" if given["baseline"] == given["goal"]:
            return f"baseline = goal = {given['goal']:g}: there is nothing to improve"
        case "improvement" if (given["goal"] > given["baseline"]) != higher:
            return "the goal lies on the wrong side of the baseline for this direction"
        case "rank" if not 0 <= given["last"] < 1:
            return f"last = {given['last']:g}: the share of the last is from 0 to below 1"
        case "interval" if not given["lo"] < given["low"] <= given["high"] < given["hi"]:
            return "an optimal band needs lo < low <= high < hi"
        case "count_cap" if given["each"] <= 0:
            return f"each = {given['each']:g}: the points of each must be above 0"
        case "veto" if given["tolerance"] < 0:
            return f"tolerance = {given['tolerance']:g}: it is 0 or more"
    return ""


def _wrong_steps(steps: Sequence[Sequence[float]], *, higher: bool) -> str:
    at = [step[0] if higher else -step[0] for step in steps]
    shares = [step[1] for step in steps]
    if not all(0 <= share <= 1 for share in shares):
        return "the shares of the thresholds lie from 0 to 1"
    rises = all(a < b for a, b in itertools.pairwise(at))
    if not rises or any(a > b for a, b in itertools.pairwise(shares)):
        order = "rise" if higher else "fall"
        return f"the thresholds do not {order} one by one with shares that do not fall"
    return ""


_REQUIRED: Keys = {
    "kind": str,
    "id": str,
    "title": dict,
    "document": str,
    "issuer": dict,
    "date": str,
    "cite": str,
    "total": (float, int),
    "sources": dict,
    "branches": dict,
}
_OPTIONAL: Keys = {
    "missing": str,
    "status": str,
    "note": dict,
    "lacks": dict,
    "groups": dict,
    "facts": dict,
    "indicators": list,
    "grades": list,
}
_INDICATOR: Keys = {"id": str, "title": dict, "branch": str, "unit": str, "function": dict}
_INDICATOR_OPTIONAL: Keys = {
    "direction": str,
    "datum": dict,
    "weight": (float, int, dict),
    "cite": str,
    "usual": list,
    "note": dict,
}


class _Reader:
    def __init__(self, path: Path) -> None:
        self.path, self.where = path, str(path)
        self.problems, self.lacks = Problems(), Problems()
        self.data = read_toml(path)

    def read(self) -> Sheet:
        data, problems = self.data, self.problems
        check_keys(data, self.where, problems, _REQUIRED, _OPTIONAL)
        problems.raise_if_any(RuleError)
        if data["kind"] != "sheet":
            problems.add(f"kind = {data['kind']!r}, not 'sheet'", self.where)
        status = data.get("status", "")
        if status and status not in STATUSES:
            cure = nearest(status, STATUSES) + " (or leave it out)"
            problems.add(f"status = {status!r} is unknown", self.where, cure=cure)
        if data["total"] <= 0:
            problems.add("the total of points must be above 0", self.where, f"{data['total']:g}")
        groups = {k: self._title(v, f"groups.{k}") for k, v in data.get("groups", {}).items()}
        branches = self._branches()
        facts = self._facts()
        indicators = self._indicators(branches, facts, groups)
        self._points(branches, indicators, groups)
        cited = {data["cite"]: self.where}
        cited |= {i.cite: f"{self.where}, {i.id}" for i in indicators.values()}
        sources = read_sources(data, cited, self.where, problems)
        self._complete(status, indicators)
        if not status:  # a sheet that is meant to compute must be complete
            for problem in self.lacks:
                problems.add(problem.what, problem.where, problem.found, problem.cure)
        grades = read_grades(data.get("grades", ()), self.where, problems)
        problems.raise_if_any(RuleError)
        return Sheet(
            id=data["id"],
            title=self._title(data["title"], "title"),
            document=data["document"],
            issuer=self._title(data["issuer"], "issuer"),
            date=data["date"],
            cite=data["cite"],
            sources=sources,
            total=float(data["total"]),
            missing=data.get("missing", ""),
            branches=branches,
            facts=facts,
            indicators=indicators,
            groups=groups,
            grades=grades,
            status=status,
            note=self._title(data["note"], "note") if "note" in data else None,
            lacks=tuple(self.lacks),
            path=self.path.name,
            sha256=sha256(self.path),
        )

    def _title(self, value: Any, key: str) -> Title:
        return read_title(value, f"{self.where}, {key}", self.problems)

    def _branches(self) -> dict[str, Branch]:
        found: dict[str, Branch] = {}
        optional: Keys = {"parent": str, "points": (float, int, dict)}
        for key, entry in self.data["branches"].items():
            place = f"{self.where}, branches.{key}"
            if check_keys(entry, place, self.problems, {"title": dict}, optional):
                title = read_title(entry["title"], place, self.problems)
                found[key] = Branch(key, title, entry.get("parent", ""), entry.get("points"))
        for branch in found.values():
            place = f"{self.where}, branches.{branch.id}"
            if branch.parent and branch.parent not in found:
                what = f"the branch {branch.parent!r} is unknown"
                self.problems.add(what, place, cure=nearest(branch.parent, found))
            elif branch.parent and found[branch.parent].parent:
                self.problems.add("the tree has branches of two levels, not more", place)
        return found

    def _facts(self) -> dict[str, FactAbout]:
        found: dict[str, FactAbout] = {}
        for key, entry in self.data.get("facts", {}).items():
            place = f"{self.where}, facts.{key}"
            needed: Keys = {"title": dict, "unit": str}
            if check_keys(entry, place, self.problems, needed, {"source": dict}):
                title = read_title(entry["title"], place, self.problems)
                has = "source" in entry
                source = read_title(entry["source"], place, self.problems) if has else None
                about = read_unit(entry["unit"], place, self.problems)
                found[key] = FactAbout(key, title, about, source)
        return found

    def _indicators(
        self,
        branches: Mapping[str, Branch],
        facts: dict[str, FactAbout],
        groups: Mapping[str, Title],
    ) -> dict[str, Indicator]:
        found: dict[str, Indicator] = {}
        for number, entry in enumerate(self.data.get("indicators", ()), start=1):
            name = entry.get("id", number) if isinstance(entry, Mapping) else number
            place = f"{self.where}, indicator {name}"
            if not check_keys(entry, place, self.problems, _INDICATOR, _INDICATOR_OPTIONAL):
                continue
            line = self._indicator(entry, place, facts, groups)
            if line.branch not in branches:
                what = f"the branch {line.branch!r} is unknown"
                self.problems.add(what, place, cure=nearest(line.branch, branches))
            if line.id in found:
                both = [found[line.id].branch, line.branch]
                twice = "stands in two branches" if both[0] != both[1] else "occurs twice"
                what, cure = f"the indicator {twice}", "an indicator is counted once: keep one"
                self.problems.add(what, place, " and ".join(dict.fromkeys(both)), cure)
            found[line.id] = line
        for line in found.values():
            self._units(line, facts, f"{self.where}, indicator {line.id}")
        order = {name: at for at, name in enumerate(branches)}

        def place_of(line: Indicator) -> tuple[int, int]:
            at = order.get(line.branch, 0)
            parent = branches[line.branch].parent if line.branch in branches else ""
            return order.get(parent, at), at

        return {line.id: line for line in sorted(found.values(), key=place_of)}

    def _indicator(
        self,
        entry: Mapping[str, Any],
        place: str,
        facts: dict[str, FactAbout],
        groups: Mapping[str, Title],
    ) -> Indicator:
        problems = self.problems
        own = read_unit(entry["unit"], place, problems)
        title = read_title(entry["title"], place, problems)
        if "datum" not in entry:
            facts.setdefault(entry["id"], FactAbout(entry["id"], title, own))
        datum = self._datum(entry, place)
        function, parameters, among = self._function(entry, place)
        direction = entry.get("direction", "")
        if (function == "interval") == bool(direction):
            what = "an optimal band has no direction" if direction else "key 'direction' is missing"
            problems.add(what, place, cure=f"one of: {', '.join(DIRECTIONS)}" * (not direction))
        elif direction and direction not in DIRECTIONS:
            cure = nearest(direction, DIRECTIONS)
            problems.add(f"direction = {direction!r} is unknown", place, cure=cure)
        higher = direction != "lower"
        if function and set(PARAMETERS[function]) <= set(parameters):
            wrong = wrong_parameters(function, parameters, higher=higher)
            if wrong:
                problems.add(wrong, place)
        usual = read_range(entry["usual"], place, problems) if "usual" in entry else None
        if usual is None and own == _PERCENT:
            usual = (-math.inf, 100)
        line = Indicator(
            id=entry["id"],
            title=title,
            branch=entry["branch"],
            unit=own,
            datum=datum,
            function=function,
            parameters=parameters,
            higher=higher,
            among=among,
            cite=entry.get("cite", self.data["cite"]),
            usual=usual,
            note=read_title(entry["note"], place, problems) if "note" in entry else None,
        )
        return replace(line, weights=self._weights(entry, line, groups, place))

    def _datum(self, entry: Mapping[str, Any], place: str) -> Datum:
        given = entry.get("datum", {"of": entry["id"]})
        if not check_keys(given, place, self.problems, {"of": str}, {"less": str, "per": str}):
            return Datum(entry["id"])
        if not given["of"]:
            self.problems.add("the datum names no fact", place)
            return Datum(entry["id"])
        return Datum(**given)

    def _function(self, entry: Mapping[str, Any], place: str) -> tuple[str, dict[str, Any], str]:
        given = dict(entry["function"])
        name, among = str(given.pop("is", "")), "all"
        if name not in PARAMETERS:
            cure = nearest(name, PARAMETERS)
            self.problems.add(f"the function {shorten(name, 60)!r} is unknown", place, cure=cure)
            return "", {}, among
        if name in RELATIVE:
            among = str(given.pop("among", among))
            if among not in AMONG:
                self.problems.add(
                    f"among = {among!r} is unknown", place, cure=nearest(among, AMONG)
                )
        found: dict[str, Any] = {}
        for key, value in given.items():
            if key not in PARAMETERS[name]:
                cure = nearest(key, PARAMETERS[name])
                self.problems.add(f"{name} has no parameter {key!r}", place, cure=cure)
            elif not _fits(key, value):
                kind = "a list of [value, share]" if key == "steps" else "a number"
                kind += " or the id of a fact" * (key in NAMED)
                self.problems.add(f"{key} must be {kind}", place, repr(value)[:80])
            else:
                found[key] = value
        for key in PARAMETERS[name]:
            if key not in given:
                cure = f"in [{entry['unit']}]" if key not in ("steps", "each", "last") else ""
                self.lacks.add(f"{name} needs {key!r}", place, cure=cure)
        return name, found, among

    def _units(self, line: Indicator, facts: Mapping[str, FactAbout], place: str) -> None:
        """Check that the facts are known and give the indicator's unit."""
        for name in line.facts:
            if name not in facts:
                cure = f"add [facts.{name}] with title and unit; {nearest(name, facts)}"
                self.problems.add(f"the fact {name!r} is not in [facts]", place, cure=cure)
        if not {line.datum.of, *line.facts} <= set(facts):
            return
        own = facts[line.datum.of].unit
        if line.datum.less and not facts[line.datum.less].unit.agrees(own):
            found = f"[{own}] and [{facts[line.datum.less].unit}]"
            self.problems.add("the two facts cannot be subtracted", place, found)
        if line.datum.per:
            own /= facts[line.datum.per].unit
        if not own.agrees(line.unit):
            found = f"[{own}] from {line.datum.formula()}"
            self.problems.add(f"the datum is not in [{line.unit}]", place, found)
        for key, name in line.parameters.items():
            if isinstance(name, str) and not facts[name].unit.agrees(line.unit):
                self.problems.add(f"{key} = {name!r} is not in [{line.unit}]", place)

    def _weights(
        self, entry: Mapping[str, Any], line: Indicator, groups: Mapping[str, Title], place: str
    ) -> dict[str, float]:
        if line.is_veto:
            if "weight" in entry:
                self.problems.add("a veto has no points", place, cure="leave 'weight' out")
            return {}
        if "weight" not in entry:
            kind = "{group = points, ...}" if groups else "a number of points"
            self.lacks.add("key 'weight' is missing", place, cure=f"give {kind}")
            return {}
        return self._by_group(entry["weight"], groups, f"{place}, weight")

    def _by_group(self, given: Any, groups: Mapping[str, Title], place: str) -> dict[str, float]:
        """Return points by group: a number serves every group."""
        table = given if isinstance(given, Mapping) else dict.fromkeys(groups or ("",), given)
        for name in sorted(set(table) ^ set(groups or ("",))):
            known = name in groups
            what = f"the points of group {name!r} are missing" if known else f"no group {name!r}"
            self.problems.add(what, place, cure="" if known else nearest(name, groups))
        for name, value in table.items():
            if not is_number(value) or value < 0:
                self.problems.add(
                    "points are a number from 0 on", f"{place} {name}".strip(), repr(value)
                )
        return {k: float(v) if is_number(v) else 0.0 for k, v in table.items()}

    def _points(
        self,
        branches: Mapping[str, Branch],
        indicators: Mapping[str, Indicator],
        groups: Mapping[str, Title],
    ) -> None:
        """Check that the points add up: of the sheet, and of branches that say theirs."""
        lines = [i for i in indicators.values() if not i.is_veto]
        if not lines or not all(i.weights for i in lines):
            return
        for group in groups or ("",):
            of = f" of group {group!r}" * bool(group)
            total = math.fsum(i.weights.get(group, 0.0) for i in lines)
            if abs(total - self.data["total"]) > EPSILON:
                what = f"the points{of} add to {total:.12g}, not to {self.data['total']:.12g}"
                self.problems.add(what, self.where)
            for branch in branches.values():
                if branch.points is None:
                    continue
                place = f"{self.where}, branches.{branch.id}"
                stated = self._by_group(branch.points, groups, place).get(group, 0.0)
                inside = [i for i in lines if branch.id in self._above(i, branches)]
                total = math.fsum(i.weights.get(group, 0.0) for i in inside)
                if abs(total - stated) > EPSILON:
                    what = f"the points{of} add to {total:.12g}, not to {stated:.12g}"
                    self.problems.add(what, place)

    @staticmethod
    def _above(line: Indicator, branches: Mapping[str, Branch]) -> tuple[str, ...]:
        branch = branches.get(line.branch)
        return (branch.id, branch.parent) if branch else ()

    def _complete(self, status: str, indicators: Mapping[str, Indicator]) -> None:
        missing = self.data.get("missing", "")
        if status == "outline":
            if "lacks" not in self.data or indicators:
                cure = "an outline says what it lacks, and has no [[indicators]]"
                self.problems.add("this is no outline", self.where, cure=cure)
                return
            lacks = self._title(self.data["lacks"], "lacks")
            what = "the sheet is an outline and computes nothing"
            cure = "write a sheet of your own from the document, and name its file"
            self.lacks.add(what, self.where, f"{lacks.en} {lacks.zh}", cure)
        elif not indicators:
            self.problems.add("the sheet has no indicators", self.where)
        elif not missing:
            cure = f"say what a missing datum means: {', '.join(MISSING)}"
            self.lacks.add("key 'missing' is missing", self.where, cure=cure)
        if missing and missing not in MISSING:
            cure = nearest(missing, MISSING)
            self.problems.add(f"missing = {missing!r} is unknown", self.where, cure=cure)


def _fits(key: str, value: Any) -> bool:
    if key == "steps":
        pairs = isinstance(value, list) and value
        return bool(pairs) and all(
            isinstance(pair, list) and len(pair) == 2 and all(map(is_number, pair))  # noqa: PLR2004
            for pair in value
        )
    return is_number(value) or (key in NAMED and isinstance(value, str) and bool(value))
