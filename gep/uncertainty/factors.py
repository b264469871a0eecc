"""Which numbers of an account are uncertain, and the plan in which they may vary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gep import formula
from gep.errors import Problems, UsageError, nearest
from gep.formula import Bin, Node, Sym
from gep.model import Coefficient
from gep.plan import (
    Array,
    CoefficientLeaf,
    InputLeaf,
    Leaf,
    LeafNumbers,
    Plan,
    Resolved,
    ZoneTotalLeaf,
)
from gep.sums import ClassSums
from gep.tables import Entry, Spread, Title
from gep.uncertainty.spreads import RELATIVE, Given, quantiles, read_given
from gep.units import convert, linear, unit


@dataclass(frozen=True)
class Factor:
    """A number that is drawn: a coefficient, a price, or the error of an input.

    Attributes
    ----------
    name
        The key of a coefficient (``table.column.row``), or the quantity (and zone) of an input.
    kind
        ``coefficient``, ``price`` or ``input``.
    title, unit
        What it is, and the unit of what is drawn: ``1`` for a factor.
    centre, spread, times
        What is drawn is ``times`` a number around ``centre`` with this spread.
    told
        Who says how uncertain it is: ``table`` or ``caller``.
    limits
        What lies outside is not plausible.
    services
        The services whose lines it enters.
    price_year
        The year of the price level at which a price is drawn; the account's index follows.
    """

    name: str
    kind: str
    title: Title
    unit: str
    centre: float
    spread: Spread
    told: str
    times: float = 1.0
    limits: tuple[float, float] | None = None
    services: tuple[str, ...] = ()
    price_year: int | None = None

    @property
    def value(self) -> float:
        """The number that is used where nothing is drawn."""
        return self.centre * self.times

    def draw(self, q: Array) -> Array:
        """Return the numbers at probabilities between 0 and 1."""
        return np.asarray(quantiles(self.spread, self.centre, q) * self.times)


@dataclass(frozen=True)
class Place:
    """Where a drawn coefficient stands in the array of a leaf (member, class)."""

    member: int
    column: int
    factor: str
    entry: Entry
    coefficient: Coefficient
    index: float
    together: bool


@dataclass(frozen=True)
class InputError:
    """The error of an input: a factor, or (``scale``) something added; by zone or for all."""

    factors: Mapping[str | None, str]  # zone (None: every zone) -> name of the factor
    scale: float | None = None  # from the unit of the draw to that of the leaf


@dataclass
class _Row:
    """A row of a coefficient table (or the project's own number) that the account uses."""

    name: str
    key: tuple[str, str, str]  # path of the table, column, row
    entry: Entry
    coefficient: Coefficient
    services: dict[str, None] = field(default_factory=dict)
    factor: str = ""  # what is drawn for it
    together: bool = False  # whether that multiplies the row's number


@dataclass
class VaryingPlan(Plan):
    """A plan in which inputs have errors, and of which only some classes are evaluated."""

    kept: np.ndarray[Any, np.dtype[np.intp]] = field(default_factory=lambda: np.zeros(0, np.intp))

    def in_scope(self, service: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Say, by kept class, where a service is accounted."""
        return np.asarray(super().in_scope(service)[self.kept])


class Book:
    """What is uncertain in an account, as tables and the caller say.

    Parameters
    ----------
    sums
        The class sums of the account.
    spread
        Key of a coefficient (``table.column`` or ``table.column.row``) → spread, or None to hold it
        fixed whatever its table says.
    inputs
        Quantity → spread of its error, or zone → spread.

    Raises
    ------
    UsageError
        With all faults of ``spread`` and ``inputs``.
    """

    def __init__(
        self, sums: ClassSums, spread: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        self.sums, self.std = sums, sums.plan.project.standard
        self.project = sums.plan.project
        self.problems = Problems()
        self.base = LeafNumbers(sums.plan, Problems())
        self.factors: dict[str, Factor] = {}
        self.fixed: list[str] = []
        self.errors: dict[str, InputError] = {}  # leaf -> its error, or what it is
        present = np.flatnonzero(sums.area.sum(axis=0) > 0)
        if len(present) == 1 and len(self.std.classes) > 1:  # one class alone would not be a class
            present = np.union1d(present, [0 if present[0] else 1])
        self.kept = present
        self.lines = {
            (service, symbol): sums.plan.targets[service, symbol]
            for service in sums.plan.services
            for line in self.std.services[service].lines
            for symbol in (line.physical, line.monetary)
            if symbol is not None
        }
        self._services = {name: self._users(name) for name in sums.plan.leaves}
        self._rows: dict[tuple[str, str, str, str], _Row] = {}
        self._coefficients(spread)
        trees = self._inputs(inputs)
        self.problems.raise_if_any(UsageError)
        self.plan = self._varying(trees)
        self._memo: dict[tuple[str, tuple[str, ...]], tuple[Array, tuple[Place, ...]]] = {}

    # ---------------------------------------------------------------- coefficients

    def _users(self, leaf: str) -> tuple[str, ...]:
        """Return the services whose lines use a leaf."""
        plan = self.sums.plan
        found = (s for (s, _), t in self.lines.items() if plan.uses(t.resolved.tree, leaf))
        return tuple(dict.fromkeys(found))

    def _coefficients(self, spread: Mapping[str, Any]) -> None:
        plan = self.sums.plan
        for name, leaf in plan.leaves.items():
            if not isinstance(leaf, CoefficientLeaf) or not self._services[name]:
                continue
            coefficient = leaf.coefficient
            for service in self._services[name]:
                scope = plan.in_scope(service) & (self.sums.area.sum(axis=0) > 0)
                classes = [c for c, there in zip(self.std.classes, scope, strict=True) if there]
                for entry in self._entries(coefficient, classes, plan.members_of(name)):
                    self._row(coefficient, entry).services[service] = None
        asked = {key: self._split(key) for key in spread}
        used: set[str] = set()
        for row in self._rows.values():
            keys = [key for key, at in asked.items() if at[:2] == row.key[:2]]
            exact = [key for key in keys if asked[key][2] == row.key[2]]
            wide = [key for key in keys if asked[key][2] == ""]
            found = (exact or wide or [""])[0]
            used |= {found}
            self._factor(row, found, spread)
        for key in spread:
            if key not in used and not self._shadowed(key, asked):
                known = {row.name for row in self._rows.values()}
                stems = {
                    f"{r.coefficient.table}.{r.coefficient.column}" for r in self._rows.values()
                }
                what = f"no number of the account is the coefficient {key!r}"
                self.problems.add(what, "spread", cure=nearest(key, known | stems))

    def _shadowed(self, key: str, asked: Mapping[str, tuple[str, str, str]]) -> bool:
        """Say whether every row of a column that is named has a spread of its own."""
        path, column, row = asked[key]
        return row == "" and any(r.key[:2] == (path, column) for r in self._rows.values())

    def _entries(
        self, coefficient: Coefficient, classes: Sequence[str], members: Any
    ) -> list[Entry]:
        table = self.std.tables[coefficient.table]
        by_class = "ecosystem" in table.key and table.shape != "list"
        items = members(coefficient.axis) if coefficient.axis else (None,)
        found = [
            self.base.entry(coefficient, ecosystem, item)[0]
            for item in items
            for ecosystem in (classes if by_class else (None,))
        ]
        return [entry for entry in found if entry is not None]

    def _row(self, coefficient: Coefficient, entry: Entry) -> _Row:
        """Return the row that an entry is; tables of one path are one table, whatever the name."""
        table = self.std.tables[coefficient.table]
        stem = f"{coefficient.table}.{coefficient.column}"
        given = next((k for k, e in self.project.overrides.items() if e is entry), None)
        if given is not None:
            label = given[len(stem) + 1 :]
        elif table.shape == "list":
            label = ""
        else:
            entries = table.entries[coefficient.column]
            label = ".".join(next(key for key, e in entries.items() if e is entry))
        key = (str(table.path), coefficient.column, label)
        name = f"{stem}.{label}" if label else stem
        return self._rows.setdefault((*key, given or ""), _Row(name, key, entry, coefficient))

    def _split(self, key: str) -> tuple[str, str, str]:
        """Return path of the table, column and row of a key of a coefficient."""
        for name, table in self.std.tables.items():
            for column in table.columns:
                stem = f"{name}.{column}"
                if key == stem or key.startswith(stem + "."):
                    return str(table.path), column, key[len(stem) + 1 :]
        return "", key, ""

    def _factor(self, row: _Row, key: str, spread: Mapping[str, Any]) -> None:
        """Make the factor of a row, or list it as fixed."""
        where = f"spread, {key!r}"
        given: Given | None = None
        if key and spread[key] is not None:
            given = read_given(spread[key], where, self.problems)
            if given is None:
                return
            if given.by_zone:
                self.problems.add("a coefficient is the same in every zone", where, 'by = "zone"')
        elif not key and row.entry.spread is not None:
            given = Given(row.entry.spread)
        value, its_unit = row.entry.value, row.entry.unit
        if given is None or (given.relative and value == 0):
            self.fixed.append(row.name)
            return
        kind = "price" if its_unit.currency else "coefficient"
        told = "caller" if key else "table"
        spread_of, centre, times, shown = given.spread, 1.0, value, str(its_unit)
        if given.together:
            row.together, times, shown = True, 1.0, "1"
        elif not given.relative:
            scale = self._scale(given.unit, its_unit, where)
            if scale is None:
                return
            spread_of, centre, times = given.scaled(scale), value, 1.0
        if self._faulty(spread_of, centre, where if key else row.entry.where):
            return
        row.factor = key if given.together else row.name
        before = self.factors.get(row.factor)
        self.factors[row.factor] = Factor(
            name=row.factor,
            kind=kind,
            title=row.coefficient.about.title,
            unit=shown,
            centre=centre,
            spread=spread_of,
            told=told,
            times=times,
            limits=None if given.together else self._limits(row),
            price_year=None if given.together else row.entry.price_year,
            services=tuple(dict.fromkeys((*(before.services if before else ()), *row.services))),
        )

    def _limits(self, row: _Row) -> tuple[float, float]:
        """Return between what a number is plausible, in its own unit."""
        about, its_unit = row.coefficient.about, row.entry.unit
        if about.range is None:
            return 0.0, math.inf
        low, high = (float(convert(limit, about.unit, its_unit)) for limit in about.range)
        return low, high

    def _faulty(self, spread: Spread, value: float, where: str) -> bool:
        fault = spread.fault(value)
        if fault:
            self.problems.add(fault[0], where, *fault[1:])
        return fault is not None

    def _scale(self, told: str, its_unit: Any, where: str) -> float | None:
        """Return the factor from the unit of a spread to that of its number."""
        if not told:
            return 1.0
        given = unit(told)
        if not given.agrees(its_unit):
            self.problems.add(
                "the unit does not fit", where, f"[{told}], the number is [{its_unit}]"
            )
            return None
        return linear(given, its_unit)[0]

    # ---------------------------------------------------------------------- inputs

    def _inputs(self, inputs: Mapping[str, Any]) -> dict[str, Node]:
        """Read the errors of inputs; return what stands for each leaf that varies by cell."""
        trees: dict[str, Node] = {}
        leaves: dict[str, list[str]] = {}
        for name, leaf in self.sums.plan.leaves.items():
            if isinstance(leaf, InputLeaf) and self._services[name]:
                leaves.setdefault(leaf.source.quantity.name, []).append(name)
        for quantity, raw in inputs.items():
            where = f"inputs, {quantity!r}"
            if quantity not in leaves:
                cure = nearest(quantity, leaves)
                if self.std.provider(quantity) is not None:
                    cure = "it is computed: say how uncertain that is from which it is computed"
                self.problems.add("no computed service uses this as an input", where, cure=cure)
                continue
            zoned = self._zoned(raw, where)
            if zoned is None:
                continue
            services = tuple(dict.fromkeys(s for n in leaves[quantity] for s in self._services[n]))
            for name in leaves[quantity]:
                error = self._input_error(name, zoned, where, services)
                if error is None:
                    break
                op = "*" if error.scale is None else "+"
                if not self.sums.plan.is_cell(name):
                    self.errors[name] = error
                    continue
                self.errors[f"{name}|error"] = error
                trees[name] = Bin(op, Sym(name), Sym(f"{name}|error"))
        return trees

    def _zoned(self, raw: Any, where: str) -> dict[str | None, Given] | None:
        """Read an error for all zones (key None), or by zone."""
        ids = self.project.zone_ids
        if isinstance(raw, Mapping) and "shape" not in raw:
            found: dict[str | None, Given] = {}
            for zone, own in raw.items():
                if zone not in ids:
                    self.problems.add(
                        f"there is no zone {zone!r}", where, cure=nearest(str(zone), ids)
                    )
                    continue
                given = read_given(own, f"{where}, zone {zone!r}", self.problems)
                if given is not None:
                    found[zone] = given
            return found
        given = read_given(raw, where, self.problems)
        if given is None:
            return None
        return dict.fromkeys(ids, given) if given.by_zone else {None: given}

    def _input_error(
        self,
        name: str,
        zoned: Mapping[str | None, Given],
        where: str,
        services: tuple[str, ...],
    ) -> InputError | None:
        leaf = self.sums.plan.leaves[name]
        assert isinstance(leaf, InputLeaf)  # noqa: S101
        source = leaf.source
        added = {given.unit not in ("", RELATIVE) for given in zoned.values()}
        if len(added) > 1:
            self.problems.add("an error is a factor in every zone, or added in every zone", where)
            return None
        adds = True in added
        if adds and source.is_total and self.sums.plan.is_cell(name):
            cure = "give it as a factor: a total of a cell has no error that all cells share"
            self.problems.add("a raster of totals cannot have something added", where, cure=cure)
            return None
        names = {}
        for zone, given in zoned.items():
            key = source.quantity.name + (f"@{zone}" if zone is not None else "")
            scale = self._scale(given.unit, source.unit, where) if adds else 1.0
            if scale is None:
                return None
            spread, centre = (given.scaled(scale), 0.0) if adds else (given.spread, 1.0)
            if self._faulty(spread, centre, where):
                return None
            shown = str(source.unit) if adds else "1"
            limits = None if adds else (0.0, math.inf)
            names[zone] = key
            self.factors[key] = Factor(
                name=key,
                kind="input",
                title=source.quantity.title,
                unit=shown,
                centre=centre,
                spread=spread,
                told="caller",
                limits=limits,
                services=services,
            )
        return InputError(names, linear(source.unit, leaf.unit)[0] if adds else None)

    # ---------------------------------------------------------------------- the plan

    def _varying(self, trees: Mapping[str, Node]) -> VaryingPlan:
        plan = self.sums.plan

        def changed(resolved: Resolved) -> Resolved:
            return replace(resolved, tree=formula.substitute(resolved.tree, trees))

        leaves: dict[str, Leaf] = {}
        for name, leaf in plan.leaves.items():
            leaves[name] = leaf
            if isinstance(leaf, ZoneTotalLeaf):
                leaves[name] = replace(leaf, resolved=changed(leaf.resolved))
            elif name in trees and isinstance(leaf, InputLeaf):
                source = replace(leaf.source, raster=None, array=None, members=None, value=1.0)
                leaves[f"{name}|error"] = InputLeaf(source, leaf.unit, None)
        targets = {key: replace(t, resolved=changed(t.resolved)) for key, t in self.lines.items()}
        return VaryingPlan(self.project, targets, leaves, plan.members, kept=self.kept)

    # ---------------------------------------------------------------------- the numbers

    def layout(self, name: str, members: Any) -> tuple[Array, tuple[Place, ...]]:
        """Return a leaf's numbers, all zones and classes, and where in them something is drawn."""
        leaf = self.plan.leaves[name]
        axis = leaf.axis if isinstance(leaf, InputLeaf) else None
        if isinstance(leaf, CoefficientLeaf):
            axis = leaf.coefficient.axis
        order = tuple(members(axis)) if axis else ()
        if (name, order) not in self._memo:
            is_error = name.endswith("|error")
            base = np.ones((1, 1)) if is_error else self.base.array(name, lambda _axis: order)
            places = self._places(leaf, order) if isinstance(leaf, CoefficientLeaf) else ()
            self._memo[name, order] = (base, places)
        return self._memo[name, order]

    def _places(self, leaf: CoefficientLeaf, order: tuple[str, ...]) -> tuple[Place, ...]:
        coefficient = leaf.coefficient
        table = self.std.tables[coefficient.table]
        by_class = "ecosystem" in table.key and table.shape != "list"
        classes: Sequence[str | None] = tuple(self.std.classes) if by_class else (None,)
        items: Sequence[str | None] = order if coefficient.axis else (None,)
        places = []
        for member, item in enumerate(items):
            for column, ecosystem in enumerate(classes):
                entry = self.base.entry(coefficient, ecosystem, item)[0]
                if entry is None:
                    continue
                row = self._row(coefficient, entry)
                if not row.factor:
                    continue
                index = 1.0
                if entry.unit.currency and entry.price_year is not None:
                    index = self.base.index_factor(entry.price_year, entry.where)
                own = (member, column, row.factor, entry, coefficient, index, row.together)
                places.append(Place(*own))
        return tuple(places)
