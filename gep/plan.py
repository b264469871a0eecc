"""The plan: every step of every service as a formula over leaves, and what each leaf is here.

A leaf is an input as this project gives it, a coefficient, or the zone total of a rate. The plan
finds which services can be computed, what the others lack, and what varies by cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from gep import formula, kernel
from gep.errors import DataError, Problems, nearest
from gep.formula import SUM_TOTALS, Bin, Call, Neg, Node, Num, Sym
from gep.library import Standard
from gep.model import Coefficient, Service, Step
from gep.project import ProjectData, Source
from gep.tables import VERIFIED, Entry
from gep.units import Unit, convert, linear, unit

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Resolved:
    """A formula over leaves, and whether it is a rate (0) or a total (1) in this project."""

    tree: Node
    degree: int
    axis: str | None


@dataclass(frozen=True)
class InputLeaf:
    """An input as a project gives it. Cell values stay in the source's unit."""

    source: Source
    unit: Unit  # of the leaf's numbers
    axis: str | None


@dataclass(frozen=True)
class CoefficientLeaf:
    """A coefficient of a service."""

    service: str
    coefficient: Coefficient


@dataclass(frozen=True)
class ZoneTotalLeaf:
    """The zone's total of a formula, made by ``by_zone``."""

    resolved: Resolved
    service: str


Leaf = InputLeaf | CoefficientLeaf | ZoneTotalLeaf


@dataclass(frozen=True)
class Target:
    """A step that is computed (or given) for every zone and class."""

    service: str
    symbol: str
    resolved: Resolved
    given: bool
    terms: tuple[kernel.Term, ...]
    cells: frozenset[str]
    #: The unit of the summed value: of the zone's total, whether summed from a rate or given.
    unit: Unit
    #: Factor from the summed number (rate unit × m², or the step's own unit) to ``unit``.
    factor: float

    @property
    def is_rate(self) -> bool:
        """Whether the value is a rate summed over an area (or given as its total)."""
        return self.resolved.degree == 0


@dataclass
class Plan:
    """All targets, leaves and axes of one run."""

    project: ProjectData
    targets: dict[tuple[str, str], Target] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    members: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    not_computed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)  # quantity -> services
    warnings: tuple[Any, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """The services of the catalogue that are computed, in printed order."""
        std = self.project.standard
        return tuple(
            name
            for name in std.catalogue
            if all((name, s) in self.targets for ln in std.services[name].lines for s in ln.symbols)
        )

    def labels(self, node: Node) -> tuple[str, ...]:
        """Return the members of the axis below a node, for functions that want dates."""
        for name in formula.symbols(node):
            leaf = self.leaves.get(name)
            if isinstance(leaf, InputLeaf) and leaf.source.members:
                return leaf.source.members
        return ()

    def uses(self, tree: Node, name: str) -> bool:
        """Say whether a formula uses a leaf, itself or below a zone's total."""
        for symbol in formula.symbols(tree):
            if symbol == name:
                return True
            leaf = self.leaves[symbol]
            if isinstance(leaf, ZoneTotalLeaf) and self.uses(leaf.resolved.tree, name):
                return True
        return False

    def members_of(self, name: str) -> Callable[[str], tuple[str, ...]]:
        """Return the function axis → members for a leaf, as the services that use it have them."""
        services = [s for (s, _), t in self.targets.items() if self.uses(t.resolved.tree, name)]

        def members(axis: str) -> tuple[str, ...]:
            found = (self.members.get((service, axis)) for service in services)
            return next((m for m in found if m), ())

        return members

    def axis_members(self, service: str, axis: str) -> tuple[str, ...]:
        """Return the members of an axis in a service, or in the service whose rule it uses."""
        found = self.members.get((service, axis))
        return found or next((m for (_, a), m in self.members.items() if a == axis), ())

    def in_scope(self, service: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Say, by class in the standard's order, where a service is accounted."""
        std = self.project.standard
        entry = std.services[service]
        return np.array([std.in_scope(entry, c) for c in std.classes])

    def varies_in_zone(self, name: str) -> bool:
        """Say whether a leaf varies within a zone: by cell or by class."""
        leaf = self.leaves.get(name)
        if isinstance(leaf, InputLeaf):
            return bool(leaf.source.support & {"cell", "class"})
        return isinstance(leaf, CoefficientLeaf) and "ecosystem" in leaf.coefficient.by

    def is_cell(self, name: str) -> bool:
        """Say whether a leaf varies by cell."""
        leaf = self.leaves.get(name)
        return isinstance(leaf, InputLeaf) and "cell" in leaf.source.support


def make_plan(project: ProjectData) -> Plan:
    """Resolve every step of the project's services.

    Raises
    ------
    DataError
        If a service that the project names lacks an input, or inputs do not fit together.
    """
    return _Planner(project).plan()


class _Missing(Exception):  # noqa: N818  not an error: the service is not computed
    def __init__(self, quantities: Iterable[str]) -> None:
        super().__init__()
        self.quantities = tuple(dict.fromkeys(quantities))


class _Planner:
    def __init__(self, project: ProjectData) -> None:
        self.project, self.std = project, project.standard
        self.result = Plan(project)
        self.problems = Problems()
        self._steps: dict[tuple[str, str], Resolved] = {}
        self._active: list[tuple[str, str]] = []

    def plan(self) -> Plan:
        wanted = self.project.services or self.std.catalogue
        for name in self.std.catalogue:
            if name not in wanted:
                self.result.not_computed[name] = ()
                continue
            self._service(self.std.services[name], named=self.project.services is not None)
        self._one_kind_of_money()
        used = set(self.result.used)
        for quantity, source in self.project.sources.items():
            if quantity not in used and quantity not in self.project.elsewhere:
                what = f"{quantity} is given and no computed service uses it"
                self.problems.warn(what, source.where)
        self.problems.raise_if_any(DataError)
        self.result.warnings = self.problems.warnings
        if not self.result.targets:
            found = "\n".join(
                f"{k}: lacks {', '.join(v)}" for k, v in self.result.not_computed.items()
            )
            what = "no service can be computed from what is given"
            cure = "give what is lacking in [inputs] or [statistics]"
            raise DataError(what, self.project.where, found, cure)
        return self.result

    def _one_kind_of_money(self) -> None:
        """Refuse an account that would add the money of a year and of a stock."""
        kinds: dict[bool, list[str]] = {}
        for name in self.result.services:
            for line in self.std.services[name].lines:
                if line.monetary:
                    dims = dict(self.result.targets[name, line.monetary].unit.dims)
                    kinds.setdefault("period" in dims, []).append(name)
        if len(kinds) > 1:
            found = f"for a year: {', '.join(dict.fromkeys(kinds[True]))}; "
            found += f"not for a year: {', '.join(dict.fromkeys(kinds[False]))}"
            cure = "compute them in two projects (services = [...])"
            what = "values of a year and values of a stock cannot be added"
            self.problems.add(what, self.project.where, found, cure)

    # ---------------------------------------------------------------- services

    def _service(self, service: Service, *, named: bool) -> None:
        wanted = [s for line in service.lines for s in line.symbols]
        lacking: list[str] = []
        for symbol in wanted:
            try:
                self._resolve_step(service, symbol)
            except _Missing as missing:
                lacking += missing.quantities
            except DataError as error:
                self.problems.absorb(error)
                return
        lacking = list(dict.fromkeys(lacking))
        if lacking:
            self.result.not_computed[service.id] = tuple(lacking)
            if named:
                where = f"{self.project.where}, services"
                cure = "give them in [inputs] or [statistics], or leave the service out"
                self.problems.add(
                    f"{service.id} cannot be computed", where, f"lacks {', '.join(lacking)}", cure
                )
            return
        for symbol in self._needed(service, wanted):
            self._add_target(service, symbol)

    def _needed(self, service: Service, wanted: Sequence[str]) -> list[str]:
        """Return the steps that the lines need, in the order of the file."""
        needed: set[str] = set()
        queue = list(wanted)
        while queue:
            symbol = queue.pop()
            step = service.steps.get(symbol)
            if step is None or symbol in needed:
                continue
            needed.add(symbol)
            if not self._is_given(step):
                queue += formula.symbols(step.checked.tree)
        return [symbol for symbol in service.steps if symbol in needed]

    def _add_target(self, service: Service, symbol: str) -> None:
        key = (service.id, symbol)
        if key in self.result.targets:
            return
        step = service.steps[symbol]
        resolved = self._steps[key]
        for name in self._all_leaves(resolved.tree):
            leaf = self.result.leaves[name]
            if isinstance(leaf, InputLeaf):
                self.result.used.setdefault(leaf.source.quantity.name, set()).add(service.id)
        declared_rate = step.meaning.degree == 0
        if declared_rate:
            total_unit = step.unit.times_area()
            factor = float((step.unit * unit("m²")).factor_to(total_unit))
        else:
            total_unit, factor = step.unit, 1.0
        is_cell = self.result.is_cell
        terms = kernel.separate(resolved.tree, is_cell)
        cells = frozenset(n for n in formula.symbols(resolved.tree) if is_cell(n))
        self._nonlinear_totals(terms, cells, service, symbol)
        self._repeated_totals(resolved, service, symbol)
        target = Target(
            service.id, symbol, resolved, self._is_given(step), terms, cells, total_unit, factor
        )
        self.result.targets[key] = target
        self._members(target)
        for provider in self._providers(service, step):
            other = self.std.services[provider[0]]
            for needed in self._needed(other, [provider[1]]):
                self._add_target(other, needed)

    def _providers(self, service: Service, step: Step) -> list[tuple[str, str]]:
        if self._is_given(step):
            return []
        found = []
        for name in formula.symbols(step.checked.tree):
            entry = service.inputs.get(name)
            if entry and entry.quantity.name not in self.project.sources:
                provider = self.std.provider(entry.quantity.name)
                if provider:
                    found.append((provider.service, provider.symbol))
        return found

    def _nonlinear_totals(
        self, terms: Iterable[kernel.Term], cells: frozenset[str], service: Service, symbol: str
    ) -> None:
        """Refuse a zone's total inside a formula per cell: it may only multiply a cell's value."""
        if not cells:
            return
        for term in terms:
            for name in formula.symbols(term.inside):
                if isinstance(self.result.leaves[name], ZoneTotalLeaf):
                    where = f"{service.path}, step {symbol!r}"
                    what = (
                        "a zone's total enters a formula per cell in another way than as a factor"
                    )
                    self.problems.add(what, where, cure="take by_zone() of the whole formula")

    def _repeated_totals(self, resolved: Resolved, service: Service, symbol: str) -> None:
        """Refuse a zone's total times a rate per cell or class: each would count it again."""
        names = formula.symbols(resolved.tree)
        varies = self.result.varies_in_zone
        if resolved.degree == 1 and any(varies(n) for n in names):
            for term in kernel.separate(resolved.tree, varies):
                inside = formula.symbols(term.inside)
                leaves = [self.result.leaves[n] for n in inside if varies(n)]
                if any(isinstance(x, InputLeaf) and x.source.is_total for x in leaves):
                    continue
                where = f"{service.path}, step {symbol!r}"
                per = "cell" if any(self.result.is_cell(n) for n in names) else "class"
                what = f"a zone's total is multiplied by a rate that varies by {per}"
                cure = "share it out: total * rate / by_zone(rate) is a rate per area"
                self.problems.add(what, where, service.steps[symbol].checked.text, cure)
                return
        for name in names:
            leaf = self.result.leaves[name]
            if isinstance(leaf, ZoneTotalLeaf):
                self._repeated_totals(leaf.resolved, service, symbol)

    # ---------------------------------------------------------------- resolving

    def _is_given(self, step: Step) -> bool:
        return step.provides is not None and step.provides.name in self.project.sources

    def _resolve_step(self, service: Service, symbol: str) -> Resolved:
        key = (service.id, symbol)
        if key in self._steps:
            return self._steps[key]
        if key in self._active:
            chain = " → ".join(f"{s}.{x}" for s, x in [*self._active, key])
            raise DataError("rules compute each other in a circle", str(service.path), chain)
        self._active.append(key)
        try:
            step = service.steps[symbol]
            if self._is_given(step):
                name = cast("Any", step.provides).name
                meaning = step.meaning
                resolved = self._input(
                    self.project.sources[name], step.unit, meaning.degree, meaning.axis
                )
            else:
                resolved = self._formula(service, step)
        finally:
            self._active.pop()
        self._steps[key] = resolved
        return resolved

    def _formula(self, service: Service, step: Step) -> Resolved:
        table: dict[str, Resolved] = {}
        lacking: list[str] = []
        for name in formula.symbols(step.checked.tree):
            try:
                table[name] = self._symbol(service, name)
            except _Missing as missing:
                lacking += missing.quantities
        if lacking:
            raise _Missing(lacking)
        where = f"{service.path}, step {step.symbol!r}"
        return _Builder(self.result, service.id, where, table).build(step)

    def _symbol(self, service: Service, name: str) -> Resolved:
        if name in service.steps:
            return self._resolve_step(service, name)
        if name in service.coefficients:
            leaf = f"{service.id}|{name}"
            coefficient = service.coefficients[name]
            self.result.leaves[leaf] = CoefficientLeaf(service.id, coefficient)
            return Resolved(Sym(leaf), 0, coefficient.axis)
        entry = service.inputs[name]
        quantity = entry.quantity.name
        if quantity in self.project.sources:
            return self._input(
                self.project.sources[quantity], entry.unit, entry.meaning.degree, entry.axis
            )
        provider = self.std.provider(quantity)
        if provider is None or (provider.service, provider.symbol) in self._active:
            raise _Missing([quantity])
        other = self.std.services[provider.service]
        try:
            resolved = self._resolve_step(other, provider.symbol)
        except _Missing as missing:
            raise _Missing([f"{quantity} (or {', '.join(missing.quantities)})"]) from None
        if resolved.axis != entry.axis:
            what = (
                f"{quantity} is computed with axis {resolved.axis!r}, the rule wants {entry.axis!r}"
            )
            raise DataError(what, str(service.path), f"by {provider.service}.{provider.symbol}")
        factor = float(other.steps[provider.symbol].unit.factor_to(entry.unit))
        tree = resolved.tree if factor == 1 else Bin("*", Num(factor), resolved.tree)
        return replace(resolved, tree=tree)

    def _input(self, source: Source, wanted: Unit, degree: int, axis: str | None) -> Resolved:
        """Return an input as a formula over its leaf, in the wanted unit."""
        as_total = source.is_total and degree == 0
        target = wanted * unit("m²") if as_total else wanted
        if (source.members is not None) != (axis is not None):
            has = f"members {', '.join(source.members)}" if source.members else "no members"
            wants = f"one value per {axis}" if axis else 'one value (bands = "sum", say)'
            raise DataError(
                f"{source.quantity.name} has {has}; the rule wants {wants}", source.where
            )
        name = f"{source.quantity.name}@{target if 'cell' not in source.support else source.unit}"
        if "cell" in source.support:
            self.result.leaves[name] = InputLeaf(source, source.unit, axis)
            scale, shift = linear(source.unit, target)
            tree: Node = Sym(name)
            tree = tree if scale == 1 else Bin("*", Num(scale), tree)
            tree = tree if shift == 0 else Bin("+", tree, Num(shift))
        else:
            self.result.leaves[name] = InputLeaf(source, target, axis)
            tree = Sym(name)
        return Resolved(tree, 1 if source.is_total else 0, axis)

    # ------------------------------------------------------------------ members

    def _members(self, target: Target) -> None:
        """Find the members of every axis in a target; all its leaves must have the same ones."""
        found: dict[str, list[tuple[tuple[str, ...], str, bool]]] = {}
        for name in self._all_leaves(target.resolved.tree):
            leaf = self.result.leaves[name]
            if isinstance(leaf, InputLeaf) and leaf.axis:
                members = leaf.source.members or ()
                found.setdefault(leaf.axis, []).append((members, leaf.source.where, True))
            elif isinstance(leaf, CoefficientLeaf) and leaf.coefficient.axis:
                axis = leaf.coefficient.axis
                table = self.std.tables[leaf.coefficient.table]
                at = table.key.index(axis)
                rows = table.entries[leaf.coefficient.column]
                members = tuple(dict.fromkeys(key[at] for key in rows))
                found.setdefault(axis, []).append((members, str(table.path), False))
        for axis, lists in found.items():
            leading = [entry for entry in lists if entry[2]] or lists
            members, where, _ = leading[0]
            for other, place, is_input in lists:
                if is_input and set(other) != set(members):
                    odd = sorted(set(other) ^ set(members))
                    what = f"the members of {axis} differ between inputs"
                    self.problems.add(what, place, f"{', '.join(odd)} (compared with {where})")
                elif not is_input and not set(members) <= set(other):
                    lacking = sorted(set(members) - set(other))
                    cure = nearest(lacking[0], other) + "; or add rows to the table"
                    what = f"the table has no row for {', '.join(lacking)}"
                    self.problems.add(what, place, f"members of {axis} given in {where}", cure)
            self.result.members[(target.service, axis)] = members

    def _all_leaves(self, tree: Node) -> list[str]:
        names: dict[str, None] = {}
        for name in formula.symbols(tree):
            names[name] = None
            leaf = self.result.leaves[name]
            if isinstance(leaf, ZoneTotalLeaf):
                names.update(dict.fromkeys(self._all_leaves(leaf.resolved.tree)))
        return list(names)


class _Builder:
    """Builds a step's tree over leaves and follows rate and total through it."""

    def __init__(self, plan: Plan, service: str, where: str, table: Mapping[str, Resolved]) -> None:
        self.result, self.service, self.where, self.table = plan, service, where, table
        self.zone_totals = 0
        self.symbol = ""

    def build(self, step: Step) -> Resolved:
        self.symbol = step.symbol
        return self.visit(step.checked.tree)

    def visit(self, node: Node) -> Resolved:
        if isinstance(node, Num):
            return Resolved(node, 0, None)
        if isinstance(node, Sym):
            return self.table[node.name]
        if isinstance(node, Neg):
            inner = self.visit(node.operand)
            return replace(inner, tree=Neg(inner.tree))
        if isinstance(node, Bin):
            return self._operation(node)
        return self._call(cast("Call", node))

    def _same(self, parts: Sequence[Resolved], what: str) -> int:
        degrees = {p.degree for p in parts if not (isinstance(p.tree, Num) and p.tree.value == 0)}
        if len(degrees) > 1:
            found = "one side is a rate per area, the other the total of an area"
            cure = "give both as rates or both as totals (see the inputs of this step)"
            raise DataError(f"cannot {what} in step {self.symbol!r}", self.where, found, cure)
        return degrees.pop() if degrees else 0

    def _operation(self, node: Bin) -> Resolved:
        left, right = self.visit(node.left), self.visit(node.right)
        axis = left.axis or right.axis
        tree = Bin(node.op, left.tree, right.tree)
        if node.op in "+-":
            return Resolved(tree, self._same((left, right), "add or subtract"), axis)
        if node.op == "*":
            return Resolved(tree, left.degree + right.degree, axis)
        if node.op == "/":
            return Resolved(tree, left.degree - right.degree, axis)
        if left.degree or right.degree:
            self._needs_rate(node.op)
        return Resolved(tree, 0, axis)

    def _needs_rate(self, what: str) -> None:
        found = "an input that is given as the total of an area"
        raise DataError(f"{what!r} in step {self.symbol!r} needs rates per area", self.where, found)

    def _call(self, node: Call) -> Resolved:
        args = [self.visit(arg) for arg in node.args]
        keywords = [(key, self.visit(value)) for key, value in node.keywords]
        parts = [*args, *(r for _, r in keywords)]
        axis = next((p.axis for p in parts if p.axis), None)
        tree = Call(node.name, tuple(a.tree for a in args), tuple((k, r.tree) for k, r in keywords))
        if node.name in ("by_zone", SUM_TOTALS):
            inner = args[0]
            self.zone_totals += 1
            name = f"by_zone|{self.service}.{self.symbol}|{self.zone_totals}"
            self.result.leaves[name] = ZoneTotalLeaf(inner, self.service)
            return Resolved(Sym(name), 1, inner.axis)
        if node.name in ("min", "max", "clip"):
            return Resolved(tree, self._same(parts, "compare"), axis)
        if node.name == "total":
            return Resolved(tree, args[0].degree, None)
        if any(p.degree for p in parts):
            self._needs_rate(node.name)
        reduces = node.name not in formula.BUILTINS and _reduces_axis(node.name)
        return Resolved(tree, 0, None if reduces else axis)


def _reduces_axis(name: str) -> bool:
    from gep.functions import FUNCTIONS

    return bool(FUNCTIONS[name].signature.shape == "axis")  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------- numbers of leaves


class LeafNumbers:
    """The numbers of leaves that do not vary by cell, as arrays (members, zones, classes).

    Dimensions along which a leaf does not vary have length 1; the first is there only with an axis.
    Missing numbers are NaN; :attr:`missing` tells which coefficients of which classes they are.
    """

    def __init__(self, plan: Plan, problems: Problems) -> None:
        self.plan, self.project, self.problems = plan, plan.project, problems
        self.std: Standard = plan.project.standard
        self.classes = tuple(self.std.classes)
        self.missing: dict[tuple[str, str], set[str]] = {}  # (table.column, services) -> classes
        self.picked: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self.used_overrides: set[str] = set()
        self._memo: dict[tuple[str, tuple[str, ...]], Array] = {}

    def array(self, name: str, members: Callable[[str], tuple[str, ...]]) -> Array:
        """Return the numbers of an input or coefficient leaf."""
        leaf = self.plan.leaves[name]
        if isinstance(leaf, InputLeaf):
            order = members(leaf.axis) if leaf.axis else ()
            key = (name, order)
            if key not in self._memo:
                self._memo[key] = self._input(leaf, order)
            return self._memo[key]
        leaf = cast("CoefficientLeaf", leaf)
        axis = leaf.coefficient.axis
        order = members(axis) if axis else ()
        key = (name, order)
        if key not in self._memo:
            self._memo[key] = self._coefficient(leaf, order)
        return self._memo[key]

    def _input(self, leaf: InputLeaf, members: tuple[str, ...]) -> Array:
        source = leaf.source
        zones = self.project.zone_ids
        if source.by_zone is not None:
            items: tuple[str | None, ...] = members or (None,)
            values = np.array(
                [[[source.by_zone.get((z, m), np.nan)] for z in zones] for m in items]
            )
            factors = [self._money_factor(source, zone) for zone in zones]
            values = values * np.array(factors)[None, :, None]
            values = values if members else values[0]
        elif source.by_class is not None:
            values = np.array(
                [[self._class_value(source, zone, c) for c in self.classes] for zone in zones]
            )
        else:
            factor = self._money_factor(source, "")
            values = np.array([[np.nan if source.value is None else source.value * factor]])
        return cast("Array", convert(values, source.unit, leaf.unit))

    def _class_value(self, source: Source, zone: str, ecosystem: str) -> float:
        table = source.by_class or {}
        for name in self.std.ancestors(ecosystem):
            for key in ((zone, name), (None, name)):
                if key in table:
                    return table[key]
        self.missing.setdefault((source.where, source.quantity.name), set()).add(ecosystem)
        return float("nan")

    def _money_factor(self, source: Source, zone: str) -> float:
        if not source.unit.currency:
            return 1.0
        year = source.price_years.get(zone, source.price_years.get("", self.project.year))
        return self.index_factor(year, source.where)

    def index_factor(self, year: int, where: str) -> float:
        """Return the factor from prices of ``year`` to the account's price year."""
        wanted = self.project.price_year
        if year == wanted:
            return 1.0
        index = self.project.index
        if index is None:
            what = f"the price is of {year}, the account of {wanted}, and no index is named"
            cure = 'say price_index = "..." (a name in coefficients/indices or a CSV)'
            self.problems.add(what, where, cure=cure)
            return float("nan")
        levels = index.entries["value"]
        for y in (year, wanted):
            if (str(y),) not in levels:
                years = sorted(key[0] for key in levels)
                found = f"it has {years[0]} to {years[-1]}"
                cure = "add the year to the index, or choose another price_year"
                self.problems.add(
                    f"the price index {index.name} has no year {y}", where, found, cure
                )
                return float("nan")
        return levels[(str(wanted),)].value / levels[(str(year),)].value

    def _index_told(self, year: int) -> dict[str, str]:
        """Return which index brings prices of a year to the account's, and how well it is known."""
        index, wanted = self.project.index, self.project.price_year
        if index is None or year == wanted:
            return {}
        levels = index.entries["value"]
        used = [levels[str(y),].verified for y in (year, wanted) if (str(y),) in levels]
        if not used:
            return {}
        return {"index": index.name, "index_verified": max(used, key=VERIFIED.index)}

    def _coefficient(self, leaf: CoefficientLeaf, members: tuple[str, ...]) -> Array:
        coefficient = leaf.coefficient
        table = self.std.tables[coefficient.table]
        by_class = "ecosystem" in table.key and table.shape != "list"
        axis = coefficient.axis
        classes: tuple[str | None, ...] = self.classes if by_class else (None,)
        items: tuple[str | None, ...] = members if axis else (None,)
        rows = self.picked.setdefault((leaf.service, coefficient.symbol), {})
        values = np.empty((len(items), 1, len(classes)))
        for i, item in enumerate(items):
            for j, ecosystem in enumerate(classes):
                entry, label, row = self.entry(coefficient, ecosystem, item)
                if entry is None:
                    values[i, 0, j] = np.nan
                    key = (f"{coefficient.table}.{coefficient.column}", str(table.path))
                    if ecosystem:
                        self.missing.setdefault(key, set()).add(ecosystem)
                    continue
                factor, index = 1.0, {}
                if entry.unit.currency and entry.price_year is not None:
                    factor = self.index_factor(entry.price_year, entry.where)
                    index = self._index_told(entry.price_year)
                number = float(convert(entry.value, entry.unit, coefficient.unit)) * factor
                values[i, 0, j] = number
                rows[label] = {
                    "value": number,
                    "unit": str(coefficient.unit),
                    "row": row,
                    "table_value": f"{entry.value:g} {entry.unit}",
                    "source": table.source_text(entry),
                    "verified": entry.verified,
                    "where": entry.where,
                    **(
                        {"price_year": entry.price_year, "index_factor": factor}
                        if entry.price_year
                        else {}
                    ),
                    **index,
                    **({"note": entry.note} if entry.note else {}),
                }
        return values if axis else values[0]

    def entry(
        self, coefficient: Coefficient, ecosystem: str | None, item: str | None
    ) -> tuple[Entry | None, str, str]:
        """Return the entry, a label (class and member) and the row from which it was taken."""
        table = self.std.tables[coefficient.table]
        label = ", ".join(x for x in (ecosystem, item) if x)
        stem = f"{coefficient.table}.{coefficient.column}"
        if table.shape == "list":
            if stem in self.project.overrides:
                self.used_overrides.add(stem)
                return self.project.overrides[stem], label, "project"
            dated = table.at_prices_of(coefficient.column, self.project.price_year)
            return dated, label, coefficient.column
        chain = self.std.ancestors(ecosystem) if ecosystem else (None,)
        for name in chain:
            key = tuple(name if k == "ecosystem" else str(item) for k in table.key)
            row = ", ".join(str(k) for k in key)
            name_of_row = f"{stem}.{'.'.join(str(k) for k in key)}"
            override = self.project.overrides.get(name_of_row)
            if override is not None:
                self.used_overrides.add(name_of_row)
                return override, label, f"project: {row}"
            entry = table.entries[coefficient.column].get(cast("tuple[str, ...]", key))
            if entry is not None:
                return entry, label, row
        return None, label, ""
