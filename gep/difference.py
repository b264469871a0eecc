"""Rules beside rules: in which lines two standards differ, before any data are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from gep import formula, library
from gep.errors import UsageError, nearest
from gep.formula import Sym
from gep.library import Standard
from gep.model import Coefficient, Service, Step
from gep.report.compared import differences_text
from gep.tables import Entry


@dataclass(frozen=True)
class Difference:
    """One thing in which two rules of a service differ.

    ``part`` is catalogue, scope, line, step, coefficient or price; ``first`` and ``second`` say how
    each standard has it, empty where it does not have it.
    """

    service: str
    part: str
    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Differences(Sequence[Difference]):
    """What differs between two standards, service by service."""

    first: Standard
    second: Standard
    items: tuple[Difference, ...]
    same: tuple[str, ...]

    def __getitem__(self, at: Any) -> Any:
        """Return a difference, or several."""
        return self.items[at]

    def __len__(self) -> int:
        """Return the number of differences."""
        return len(self.items)

    @property
    def table(self) -> pd.DataFrame:
        """All differences as a table: service, part, name, and how each standard has it."""
        rows = [(d.service, d.part, d.name, d.first, d.second) for d in self.items]
        return pd.DataFrame(
            rows, columns=["service", "part", "name", self.first.id, self.second.id]
        )

    def text(self, lang: str = "zh", service: str | None = None) -> str:
        """Return the differences as a reviewer reads them, in ``zh`` or ``en``.

        Raises
        ------
        UsageError
            If neither standard has the one service that is asked for.
        """
        items, same = self.items, self.same
        if service is not None:
            known = {*self.first.services, *self.second.services}
            if service not in known:
                cure = nearest(service, known)
                raise UsageError(f"neither standard has a service {service!r}", cure=cure)
            items = tuple(item for item in items if item.service == service)
            same = tuple(name for name in same if name == service)
        return differences_text(self.first, self.second, items, same, lang)

    def __repr__(self) -> str:
        """Return the differences as text, so that a notebook or shell shows them."""
        return self.text()


def diff(first: str | Path | Standard, second: str | Path | Standard) -> Differences:
    """Compare the rules of two standards: formulas, where they apply, coefficients and prices.

    Steps are paired by the quantity that they compute, else by symbol; coefficients by table and
    column, whichever folder the table lies in.

    Parameters
    ----------
    first, second
        Ids or folders of standards, with ``+variant`` where wanted.

    Examples
    --------
    >>> found = diff(*list(library.standards())[:2])
    >>> {item.part for item in found} <= {
    ...     "catalogue", "scope", "line", "step", "coefficient", "price"}
    True
    """
    a, b = (s if isinstance(s, Standard) else library.standard(s) for s in (first, second))
    items: list[Difference] = []
    same: list[str] = []
    for name in dict.fromkeys([*a.services, *b.services]):
        if name not in a or name not in b:
            shown = [s[name].title.en if name in s else "" for s in (a, b)]
            items.append(Difference(name, "catalogue", name, *shown))
            continue
        found = service_differences(a, b, name)
        items += found
        if not found:
            same.append(name)
    return Differences(a, b, tuple(items), tuple(same))


def service_differences(a: Standard, b: Standard, name: str) -> list[Difference]:
    """Return in what the rules of one service differ between two standards that have it."""
    one, other = a[name], b[name]
    found: list[Difference] = []
    scopes = [", ".join(s.ecosystems or ("all",)) for s in (one, other)]
    if scopes[0] != scopes[1]:
        found.append(Difference(name, "scope", "ecosystems", *scopes))
    for step, its in _paired_steps(one, other):
        if step and its and _meaning(one, step) == _meaning(other, its):
            continue
        shown = [_step_text(s) for s in (step, its)]
        found.append(Difference(name, "step", (step or cast("Step", its)).symbol, *shown))
    roles = [[[_named(s, x) for x in ln.symbols] for ln in s.lines] for s in (one, other)]
    if roles[0] != roles[1]:
        lines = ["; ".join(_line_texts(s)) for s in (one, other)]
        found.append(Difference(name, "line", "account", *lines))
    mine, theirs = (_by_column(s) for s in (one, other))
    for key in dict.fromkeys([*mine, *theirs]):
        pair = (mine.get(key), theirs.get(key))
        part = "price" if any(c and c.about.unit.currency for c in pair) else "coefficient"
        tables = [_numbers(s, c) if c else {} for s, c in zip((a, b), pair, strict=True)]
        if None in pair:  # a column that only one of them has: all of it in one line
            shown = ["; ".join(f"{k} {v}".strip() for k, v in rows.items()) for rows in tables]
            found.append(Difference(name, part, ".".join(key), *shown))
            continue
        for row in dict.fromkeys([*tables[0], *tables[1]]):
            texts = [rows.get(row, "") for rows in tables]
            if texts[0] != texts[1]:
                label = ".".join(x for x in (*key, row) if x)
                found.append(Difference(name, part, label, *texts))
    return found


def _paired_steps(one: Service, other: Service) -> list[tuple[Step | None, Step | None]]:
    """Pair steps by the quantity they compute or their place in the account, else by symbol."""
    named = {_named(other, symbol): step for symbol, step in other.steps.items()}
    taken: set[str] = set()
    pairs: list[tuple[Step | None, Step | None]] = []
    for symbol, step in one.steps.items():
        its = named.get(_named(one, symbol))
        if its is None or its.symbol in taken:
            its = None
        pairs.append((step, its))
        taken |= {its.symbol} if its else set()
    return pairs + [(None, s) for s in other.steps.values() if s.symbol not in taken]


def _named(service: Service, symbol: str) -> str:
    """Return what a symbol stands for, in words that do not depend on the letters of a text."""
    if symbol in service.inputs:
        return service.inputs[symbol].quantity.name
    if symbol in service.coefficients:
        return ".".join(column_of(service.coefficients[symbol]))
    step = service.steps[symbol]
    if step.provides:
        return step.provides.name
    for number, line in enumerate(service.lines):
        for role in ("physical", "monetary", "capacity", "demand"):
            if symbol == getattr(line, role):
                return f"{role} {number}"
    return symbol


def _meaning(service: Service, step: Step) -> tuple[str, str]:
    """Return a step's formula and unit, its symbols named by what they stand for."""
    tree = formula.parse(step.checked.text)
    names = {name: Sym(_named(service, name)) for name in formula.symbols(tree)}
    return formula.to_text(formula.substitute(tree, names)), str(step.unit)


def _step_text(step: Step | None) -> str:
    return "" if step is None else f"{step.symbol} = {step.checked.text}   [{step.unit}]"


def _line_texts(service: Service) -> list[str]:
    return [" → ".join(x for x in (ln.physical, ln.monetary) if x) for ln in service.lines]


def column_of(coefficient: Coefficient) -> tuple[str, str]:
    """Return what a coefficient is, whichever standard's folder its table lies in."""
    return coefficient.table.rpartition("/")[2], coefficient.column


def _by_column(service: Service) -> dict[tuple[str, str], Coefficient]:
    return {column_of(c): c for c in service.coefficients.values()}


def _numbers(std: Standard, coefficient: Coefficient) -> dict[str, str]:
    """Return the numbers of a column as text, by row."""
    table = std.tables[coefficient.table]
    if table.shape == "list":
        dated = table.dated[coefficient.column]
        return {"": "; ".join(_entry_text(entry) for entry in dated)}
    rows = table.entries[coefficient.column]
    return {", ".join(key): _entry_text(entry) for key, entry in rows.items()}


def _entry_text(entry: Entry) -> str:
    year = f" ({entry.price_year})" if entry.price_year else ""
    return f"{entry.value:.10g} {entry.unit}{year}".removesuffix(" 1")
