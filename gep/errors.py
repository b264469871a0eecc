"""What can go wrong, said so that it can be mended.

A :class:`Problem` says what is wrong, where, what was found and what to do. Loads and checks
collect problems in a :class:`Problems` list and raise once, with all of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

#: Longer lines of a message are cut: what was found may be a megabyte of text.
MAX_LINE = 1200
#: More problems than this are counted in the text of an error; ``problems`` holds all.
MAX_SHOWN = 200


#: Known names that a message lists at most.
NAMES_SHOWN = 12


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong (``error``) or worth knowing (``warning``)."""

    what: str
    where: str = ""
    found: str = ""
    cure: str = ""
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Return the message as it is printed: place, statement, finding, cure."""
        return "\n".join(
            line if len(line) <= MAX_LINE else line[: MAX_LINE - 4] + " ..."
            for line in self._text().splitlines()
        )

    def _text(self) -> str:
        if "\n" in self.found and "^" in self.found:  # a formula with the wrong part underlined
            quoted = [self.where, *(f"  {line}" for line in self.found.splitlines())]
            return "\n".join(
                [*quoted, f"  {self.what}", *([f"  do: {self.cure}"] * bool(self.cure))]
            )
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.found:
            found = self.found.replace("\n", "\n  ")
            lines += [f"  {line}" for line in f"found: {found}".splitlines()]
        if self.cure:
            lines += [f"  {line}" for line in f"do: {self.cure}".splitlines()]
        return "\n".join(lines)


class GepError(Exception):
    """Base of every error that gep raises on purpose. ``problems`` lists all of them."""

    def __init__(
        self,
        what: str | Iterable[Problem],
        where: str = "",
        found: str = "",
        cure: str = "",
    ) -> None:
        self.problems: tuple[Problem, ...] = (
            (Problem(what, where, found, cure),) if isinstance(what, str) else tuple(what)
        )
        shown = [str(p) for p in self.problems[:MAX_SHOWN]]
        if len(self.problems) > MAX_SHOWN:
            shown.append(f"... and {len(self.problems) - MAX_SHOWN} more problems")
        super().__init__("\n".join(shown))


class RuleError(GepError):
    """A rule file, coefficient table, legend or glossary is wrong."""


class UnitError(RuleError):
    """A unit is unknown, or units do not agree."""


class DataError(GepError):
    """The project file or the data that it names is wrong."""


class UsageError(GepError):
    """The library or the command line was called wrongly."""


class Problems:
    """A list of problems that is raised at once.

    >>> problems = Problems()
    >>> problems.add("the file is empty", where="rain.tif", cure="copy it again")
    >>> len(problems), bool(problems.errors)
    (1, True)
    """

    def __init__(self) -> None:
        self._items: dict[Problem, None] = {}  # each once, in order

    def add(self, what: str, where: str = "", found: str = "", cure: str = "") -> None:
        """Note an error."""
        self._keep(Problem(what, where, found, cure))

    def warn(self, what: str, where: str = "", found: str = "", cure: str = "") -> None:
        """Note a warning: the work goes on, the result names it."""
        self._keep(Problem(what, where, found, cure, level="warning"))

    def absorb(self, error: GepError) -> None:
        """Take over the problems of a caught error."""
        for problem in error.problems:
            self._keep(problem)

    def _keep(self, problem: Problem) -> None:
        self._items.setdefault(problem)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that forbid going on."""
        return tuple(p for p in self._items if p.level == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that the result must name."""
        return tuple(p for p in self._items if p.level == "warning")

    def raise_if_any(self, kind: type[GepError]) -> None:
        """Raise ``kind`` with all errors, if there are any."""
        if self.errors:
            raise kind(self.errors)

    def __iter__(self) -> Iterator[Problem]:
        """Iterate over errors and warnings in the order in which they were found."""
        return iter(self._items)

    def __len__(self) -> int:
        """Return the number of problems, warnings included."""
        return len(self._items)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the known name nearest to ``word``, or the known names.

    >>> nearest("precipitaton", ["precipitation", "slope"])
    "did you mean 'precipitation'?"
    """
    names = sorted(set(known))
    same = [name for name in names if name.casefold() == word.casefold()]
    close = same or difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not close and len(word) > 3:  # noqa: PLR2004
        close = [name for name in names if word.casefold() in name.casefold()]
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return "none is known here"
    shown = ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
    return f"known: {shown}"
