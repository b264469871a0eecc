"""From a plan to numbers: the sums that the pass makes, and every step by zone and class."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from gep import formula, kernel
from gep.blocks import CellLayer, Slot, TableLayer, Totals, Work
from gep.derived import Derived
from gep.errors import DataError, GepError, Problems
from gep.formula import Call, Node, Sym
from gep.functions import FUNCTIONS
from gep.grid import SENTINELS
from gep.journal import Journal
from gep.kept import Address, Kept
from gep.kernel import ONE
from gep.passes import BLOCK, Progress, digest, run_passes
from gep.plan import (
    Array,
    CoefficientLeaf,
    InputLeaf,
    LeafNumbers,
    Plan,
    Resolved,
    Target,
    ZoneTotalLeaf,
)
from gep.units import convert

#: Stands for a formula that is finite everywhere: what is summed then counts all cells with data.
_DATA = Resolved(ONE, 0, None)
#: A smaller share of an area than this is rounding.
_NOTHING = 1e-12


@dataclass
class Value:
    """A value: total by zone and class (or by zone only), and the mean of an input that is a rate.

    Arrays have shape (members, zones, classes), the first only with an axis; classes has length 1
    where the value knows no ecosystem.
    """

    total: Array
    mean: Array | None
    by_class: bool


@dataclass
class ClassSums:
    """What a run gives before it becomes an account."""

    plan: Plan
    area: Array  # (zones, classes), m²
    no_cover: Array  # (zones,), m² of the zone without land cover or outside the map
    zone_area: Array  # (zones,), m²
    values: dict[tuple[str, str], Value]
    inputs: dict[str, Value]  # quantity -> mean (rates) or total of the inputs as used
    covered: dict[tuple[str, str], Array]  # (zones, classes), m² with complete data
    coefficients: dict[tuple[str, str], dict[str, dict[str, Any]]]
    warnings: list[str] = field(default_factory=list)
    zone_totals_covered: dict[str, Array] = field(default_factory=dict)
    run: Run | None = field(default=None, repr=False)

    def zone_total_coverage(self, name: str) -> Array:
        """Return, by zone, the share of the area in scope behind a ``by_zone`` leaf."""
        return self.zone_totals_covered.get(name, np.ones(len(self.zone_area)))


def make_sums(
    plan: Plan,
    block: int = BLOCK,
    workers: int | None = None,
    progress: Progress | None = None,
    kept: Kept | None = None,
    client: Any = None,
    journal: Journal | None = None,
) -> ClassSums:
    """Run the pass and evaluate every step.

    ``kept`` holds class sums of earlier passes: those that it has are not made again. ``client``
    and ``journal`` are those of :func:`gep.passes.run_blocks`.

    Raises
    ------
    DataError
        With all problems that only the data can show: classes without a coefficient, codes
        outside the legend, values outside their plausible range, prices without an index.
    """
    return make_sums_together([plan], block, workers, progress, kept, client, journal)[0]


def make_sums_together(
    plans: Sequence[Plan],
    block: int = BLOCK,
    workers: int | None = None,
    progress: Progress | None = None,
    kept: Kept | None = None,
    client: Any = None,
    journal: Journal | None = None,
) -> list[ClassSums]:
    """Run one pass for several plans over the same data, and evaluate every step of each.

    Plans share what they have in common: a raster is read once, a formula computed once. What
    ``kept`` has is not made again; where it lacks nothing, no raster is opened.

    Raises
    ------
    DataError
        With all problems of all plans, each once.
    """
    found = try_sums(plans, block, workers, progress, kept, client, journal)
    problems, results = Problems(), []
    for result in found:
        if isinstance(result, GepError):
            problems.absorb(result)
        else:
            results.append(result)
    problems.raise_if_any(DataError)
    if kept is not None:
        for result in results:
            result.warnings += [str(w) for w in kept.warnings.warnings]
    return results


def try_sums(
    plans: Sequence[Plan],
    block: int = BLOCK,
    workers: int | None = None,
    progress: Progress | None = None,
    kept: Kept | None = None,
    client: Any = None,
    journal: Journal | None = None,
) -> list[ClassSums | GepError]:
    """Like :func:`make_sums_together`, and return for each plan its sums or what stopped it.

    Plans over the same map and zones are computed as one; all those on the same grid, block by
    block, with one reading of every raster.
    """
    runs = [Run(plan) for plan in plans]
    stopped: dict[int, GepError] = {}
    grids: list[list[tuple[int, Work]]] = []
    for number, run in enumerate(runs):
        if run.project.land_cover is None:
            continue
        try:
            work = run.work() if kept is None else run.lacking(kept)
            _make_derived(work)
        except GepError as error:
            stopped[number] = error
            continue
        if work is None:
            continue
        own = next((grid for grid in grids if grid[0][1].grid == work.grid), None)
        if own is None:
            grids.append([(number, work)])
        else:
            own.append((number, work))
    for passes, grid in enumerate(grids):

        def told(done: int, total: int, before: int = passes) -> None:
            if progress:
                progress(before * total + done, len(grids) * total)

        works = [work for _, work in grid]
        keys = []
        if journal is not None:
            keys = [digest(work, runs[number].project.content) for number, work in grid]
        found = run_passes(works, block, workers, told if progress else None, client, journal, keys)
        for (number, _), totals in zip(grid, found, strict=True):
            if isinstance(totals, GepError):
                stopped[number] = totals
                continue
            runs[number].totals = totals
            if kept is not None:
                runs[number].complete(kept)
    results: list[ClassSums | GepError] = []
    for number, run in enumerate(runs):
        try:
            results.append(stopped[number] if number in stopped else run.finish())
        except DataError as error:
            results.append(error)
    return results


def _make_derived(work: Work | None) -> None:
    """Make the numbers of derived layers before a pass: all that is wrong with them, at once."""
    problems = Problems()
    for layer in work.cells if work is not None else ():
        array: Any = layer.array
        if isinstance(array, Derived):
            try:
                array.numbers()
            except GepError as error:
                problems.absorb(error)
    problems.raise_if_any(DataError)


def make_work(
    plan: Plan, numbers: LeafNumbers, formulas: tuple[Node, ...], slots: tuple[Slot, ...]
) -> Work:
    """Return what workers need to compute formulas per cell, and to sum them.

    Parameters
    ----------
    plan
        A plan with a land-cover map.
    numbers
        The numbers of the leaves that do not vary by cell.
    formulas, slots
        What is computed per cell, and what of it is summed.
    """
    project = plan.project
    cover = project.land_cover
    assert cover is not None and project.grid is not None and project.zones is not None  # noqa: S101, PT018
    cells: list[CellLayer] = []
    tables: list[TableLayer] = []
    for name in dict.fromkeys(n for node in formulas for n in formula.symbols(node)):
        leaf = plan.leaves[name]
        if isinstance(leaf, InputLeaf) and plan.is_cell(name):
            array = cast("Array | None", leaf.source.array)  # a Derived serves as one
            cells.append(CellLayer(name, leaf.source.raster, array))
        else:
            tables.append(TableLayer(name, numbers.array(name, plan.members_of(name))))
    classes = tuple(project.standard.classes)
    codes = {code: classes.index(name) for code, name in cover.classes.items()}
    return Work(
        project.grid,
        project.zones,
        cover.raster,
        codes,
        frozenset(cover.legend.nodata) - set(codes),
        len(classes),
        tuple(cells),
        tuple(tables),
        formulas,
        slots,
        FUNCTIONS,
        plan.labels,
    )


class Run:
    """The evaluation of a plan: which sums the pass makes, and every step from them.

    ``numbers`` gives the coefficients and inputs that do not vary by cell; a caller may bring his
    own. The number of zones is that of the sums: whoever evaluates many draws at once repeats the
    zones, once for each draw.
    """

    def __init__(self, plan: Plan, numbers: LeafNumbers | None = None) -> None:
        self.plan, self.project, self.std = plan, plan.project, plan.project.standard
        self.problems = Problems() if numbers is None else numbers.problems
        self.numbers = numbers or LeafNumbers(plan, self.problems)
        self.classes = tuple(self.std.classes)
        self.formulas: dict[Node, int] = {}
        self.slots: dict[Slot, int] = {}
        self.terms: dict[Node, tuple[kernel.Term, ...]] = {}
        self.zone_totals: dict[str, Array] = {}
        self.totals: Totals | None = None
        #: What the pass gave, where ``totals`` are those of a scenario of land-cover change.
        self.measured: Totals | None = None
        self.area: Array = np.zeros((len(self.project.zone_ids), len(self.classes)))
        self.no_cover: Array = np.zeros(len(self.project.zone_ids))
        self._kept: tuple[Address, Work, tuple[int, ...]] | None = None

    def work(self) -> Work:
        """Return what the pass computes for this plan."""
        self._request()
        return make_work(self.plan, self.numbers, tuple(self.formulas), tuple(self.slots))

    def lacking(self, kept: Kept) -> Work | None:
        """Return the part of the work that is not kept; with None, the sums have been taken."""
        work = self.work()
        self._kept = (Address.of(self.plan, work), work, ())
        rest = kept.rest(*self._kept[:2])
        if rest is None:
            self.totals = kept.totals(*self._kept[:2])
            return None
        self._kept = (*self._kept[:2], rest[1])
        return rest[0]

    def complete(self, kept: Kept) -> None:
        """Keep the sums that were taken, and take all from there."""
        assert self._kept is not None and self.totals is not None  # noqa: S101, PT018
        address, work, numbers = self._kept
        kept.put(address, numbers, self.totals)
        self.totals = kept.totals(address, work)

    def keep(self) -> Kept:
        """Return the sums that the pass made, to be kept beside the account."""
        kept = Kept()
        totals = self.measured or self.totals
        if totals is not None:
            work = self.work() if self._kept is None else self._kept[1]
            address = Address.of(self.plan, work) if self._kept is None else self._kept[0]
            kept.put(address, range(len(work.slots)), totals)
        return kept

    def finish(self) -> ClassSums:
        """Evaluate every step from the sums."""
        if self.project.land_cover is not None:
            assert self.totals is not None  # noqa: S101  the pass was made
            assert self.project.zones is not None and self.project.grid is not None  # noqa: S101, PT018
            self.area = self.totals.area
            outside = self.project.zones.outside(self.project.grid)
            self.no_cover = self.totals.no_cover + outside
            self._judge_map(self.totals)
            self._judge_layers(self.totals)
            self._judge_formulas(self.totals)
        else:
            for (zone, ecosystem), m2 in self.project.extent.items():
                at = (self.project.zone_ids.index(zone), self.classes.index(ecosystem))
                self.area[at] = m2
        values = self.values()
        covered = {key: self._covered(target) for key, target in self.plan.targets.items()}
        inputs = {name: self._input_value(name) for name in self._input_names()}
        self._judge_coefficients()
        for name in sorted(set(self.project.overrides) - self.numbers.used_overrides):
            what = f"the coefficient {name!r} is given and no computed service uses it"
            self.problems.warn(what, self.project.overrides[name].where)
        self.problems.raise_if_any(DataError)
        return ClassSums(
            self.plan,
            self.area,
            self.no_cover,
            self.area.sum(axis=1) + self.no_cover,
            values,
            inputs,
            covered,
            self.numbers.picked,
            [str(w) for w in (*self.plan.warnings, *self.problems.warnings)],
            {
                name: self._zone_coverage(leaf)
                for name, leaf in self.plan.leaves.items()
                if isinstance(leaf, ZoneTotalLeaf)
            },
            self,
        )

    def values(self) -> dict[tuple[str, str], Value]:
        """Return every step of every service, from the sums that were taken."""
        return {key: self._value(target) for key, target in self.plan.targets.items()}

    def _zone_coverage(self, leaf: ZoneTotalLeaf) -> Array:
        names = formula.symbols(leaf.resolved.tree)
        cells = frozenset(n for n in names if self.plan.is_cell(n))
        scope = self._scope(leaf.service)
        covered = self._covered_area(leaf.resolved, cells, scope).sum(axis=1)
        whole = scope.sum(axis=1) + self.no_cover
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(whole > 0, covered / whole, 1.0)

    # ------------------------------------------------------------------ the pass

    def _resolved(self) -> list[tuple[Resolved, frozenset[str]]]:
        """Return every formula that needs class sums: targets and zone totals, with cell leaves."""
        found = [(t.resolved, t.cells) for t in self.plan.targets.values()]
        for leaf in self.plan.leaves.values():
            if isinstance(leaf, ZoneTotalLeaf):
                names = formula.symbols(leaf.resolved.tree)
                cells = frozenset(n for n in names if self.plan.is_cell(n))
                found.append((leaf.resolved, cells))
        return found

    def _request(self) -> None:
        """Register every sum that is needed."""
        cells: dict[str, None] = {}
        for resolved, leaves in self._resolved():
            cells.update(dict.fromkeys(sorted(leaves)))
            if leaves:
                for term in self._terms(resolved.tree):
                    self._slot(term.inside, leaves, resolved)
                self._slot(ONE, leaves, resolved)
                self._slot(ONE, leaves, Resolved(resolved.tree, 0, resolved.axis))  # covered area
                self._slot(ONE, leaves, _DATA)
        for name in cells:
            leaf = self.plan.leaves[name]
            assert isinstance(leaf, InputLeaf)  # noqa: S101  cell leaves are inputs
            resolved = Resolved(Sym(name), int(leaf.source.is_total), leaf.axis)
            self._slot(Sym(name), frozenset({name}), resolved)
            self._slot(ONE, frozenset({name}), resolved)

    def _terms(self, tree: Node) -> tuple[kernel.Term, ...]:
        """Return a formula's terms; a formula is separated once."""
        if tree not in self.terms:
            self.terms[tree] = kernel.separate(tree, self.plan.is_cell)
        return self.terms[tree]

    def _slot(self, inside: Node, cells: frozenset[str], resolved: Resolved) -> int:
        number = self.formulas.setdefault(inside, len(self.formulas))
        checked = tuple(
            self.formulas.setdefault(t.inside, len(self.formulas))
            for t in self._terms(resolved.tree)
            if not isinstance(t.inside, Sym) and t.inside != ONE
        )
        slot = Slot(number, cells, resolved.degree == 0, checked)
        return self.slots.setdefault(slot, len(self.slots))

    # ------------------------------------------------------------------ values

    def _value(self, target: Target) -> Value:
        raw = self._total(target.resolved, target.service)
        area = self._scope(target.service)
        by_class = raw.shape[-1] > 1
        if by_class:
            raw = np.where(area > 0, raw, np.nan)
        return Value(raw * target.factor, None, by_class)

    def _total(self, resolved: Resolved, service: str) -> Array:
        """Return the sum (of rates × m², or of totals) by zone and class, or by zone."""
        cells = frozenset(n for n in formula.symbols(resolved.tree) if self.plan.is_cell(n))
        members = functools.partial(self.plan.axis_members, service)
        if not cells:
            value = self._evaluate(resolved.tree, members)
            if resolved.degree == 0:
                return np.asarray(value * self.area)
            shape = np.broadcast_shapes(value.shape, (len(self.area), 1))
            return np.array(np.broadcast_to(value, shape))
        assert self.totals is not None  # noqa: S101  cell leaves come with a map
        result: Any = 0.0
        for term in self._terms(resolved.tree):
            sums = self.totals.sums[self._slot(term.inside, cells, resolved)]
            outside = self._evaluate(term.outside, members)
            product = outside * sums
            if term.closed:
                if product.ndim > 2:  # noqa: PLR2004
                    product = product.sum(axis=0)
                else:
                    product = product * self._member_count(term.over, members)
                product = product * self._evaluate(term.before, members)
            result = result + product
        covered = self.totals.sums[self._slot(ONE, cells, resolved)]
        return np.where(covered > 0, result, np.nan)

    def _member_count(self, over: Node, members: Any) -> int:
        """Return over how many members ``total(over)`` adds."""
        axis = self._open_axis(over)
        return len(members(axis)) if axis else 1

    def _open_axis(self, node: Node) -> str | None:
        """Return the axis of a formula's value."""
        if isinstance(node, Sym):
            leaf = self.plan.leaves[node.name]
            if isinstance(leaf, InputLeaf):
                return leaf.axis
            return (
                leaf.coefficient.axis if isinstance(leaf, CoefficientLeaf) else leaf.resolved.axis
            )
        if isinstance(node, Call) and (
            node.name == "total"
            or (node.name in FUNCTIONS and FUNCTIONS[node.name].signature.shape == "axis")  # type: ignore[attr-defined]
        ):
            return None
        return next((a for a in map(self._open_axis, node.children) if a), None)

    def _evaluate(self, tree: Node, members: Any) -> Array:
        env: dict[str, Any] = {}
        for name in formula.symbols(tree):
            leaf = self.plan.leaves[name]
            if isinstance(leaf, ZoneTotalLeaf):
                env[name] = self._zone_total(name, leaf)
            else:
                env[name] = self.numbers.array(name, members)
        value = formula.evaluate(tree, env, FUNCTIONS, labels=self.plan.labels)
        return np.atleast_2d(np.asarray(value, dtype=np.float64))

    def _zone_total(self, name: str, leaf: ZoneTotalLeaf) -> Array:
        if name not in self.zone_totals:
            total = self._total(leaf.resolved, leaf.service)
            if total.shape[-1] > 1:
                area = self._scope(leaf.service)
                there = (area > 0) & np.isfinite(total)
                summed = np.where(there, total, 0.0).sum(axis=-1, keepdims=True)
                total = np.where(there.any(axis=-1, keepdims=True), summed, np.nan)
            self.zone_totals[name] = total
        return self.zone_totals[name]

    def _scope(self, service: str) -> Array:
        """Return the area by zone and class, 0 where the service is not accounted."""
        return np.where(self.plan.in_scope(service), self.area, 0.0)

    def _covered(self, target: Target) -> Array:
        """Return the area by zone and class with complete data for a step."""
        return self._covered_area(target.resolved, target.cells, self._scope(target.service))

    def _covered_area(self, resolved: Resolved, cells: frozenset[str], area: Array) -> Array:
        if not cells:
            return area
        assert self.totals is not None  # noqa: S101
        by_area = Resolved(resolved.tree, 0, resolved.axis)
        return np.where(area > 0, self.totals.sums[self._slot(ONE, cells, by_area)], 0.0)

    def _input_names(self) -> list[str]:
        used = dict.fromkeys(
            n for t in self.plan.targets.values() for n in self._leaves_below(t.resolved)
        )
        return [n for n in used if isinstance(self.plan.leaves[n], InputLeaf)]

    def _input_value(self, name: str) -> Value:
        """Return an input as used: its mean by zone and class if a rate, its total otherwise."""
        leaf = self.plan.leaves[name]
        assert isinstance(leaf, InputLeaf)  # noqa: S101
        if not self.plan.is_cell(name):
            array = self.numbers.array(name, self.plan.members_of(name))
            mean = None if leaf.source.is_total else array
            return Value(array, mean, array.shape[-1] > 1)
        assert self.totals is not None  # noqa: S101
        resolved = Resolved(Sym(name), int(leaf.source.is_total), leaf.axis)
        cells = frozenset({name})
        total = self.totals.sums[self._slot(Sym(name), cells, resolved)]
        area = self.totals.sums[self._slot(ONE, cells, resolved)]
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = None if leaf.source.is_total else np.where(area > 0, total / area, np.nan)
        return Value(total, mean, by_class=True)

    # ------------------------------------------------------------------ judgement

    def _judge_map(self, totals: Totals) -> None:
        cover = self.project.land_cover
        assert cover is not None  # noqa: S101
        for code in sorted(totals.unknown):
            m2, count = totals.unknown[code]
            found = f"{count} cells, {m2 / 1e6:.4g} km²"
            where = f"{cover.raster.name}, code {code}"
            if code in cover.legend.unmapped:
                title = cover.legend.codes[code]
                what = f"{title.en} / {title.zh} has no class: {cover.legend.unmapped[code]}"
                cure = f'say what it is here: classes = {{ {code} = "..." }} in [land_cover]'
            else:
                what = f"the map holds a code that the legend {cover.legend.path.stem!r} does not"
                cure = "take the right legend; if the code means no data: "
                cure += f"nodata = {code} in [land_cover]"
            self.problems.add(what, where, found, cure)
        for zone, name in enumerate(self.project.zone_names):
            if totals.area[zone].sum() == 0:
                ident = self.project.zone_ids[zone]
                what = f"zone {ident} ({name}) has no cell with land cover"
                found = f"{totals.no_cover[zone] / 1e6:.4g} km² without data"
                cure = "is the map's nodata right, the zone in the right place? "
                cure += "else leave the zone out"
                self.problems.add(what, cover.raster.name, found, cure)

    def _judge_layers(self, totals: Totals) -> None:
        for name, found in totals.ranges.items():
            leaf = self.plan.leaves[name]
            assert isinstance(leaf, InputLeaf)  # noqa: S101
            source = leaf.source
            label = str(source.origin.get("file") or source.origin.get("function") or source.where)
            where = f"{label} ({source.where})"
            if found.cells == found.missing:
                self.problems.add(
                    "the raster has no data inside the zones",
                    where,
                    cure="check its extent, its CRS and its nodata value",
                )
                continue
            odd = [s for s in SENTINELS if s in (found.low, found.high)]
            if odd and source.raster is not None and source.raster.nodata is None:
                what = "the raster declares no nodata value, and holds one that looks like it"
                cure = f"say nodata = {odd[0]:g} in the project, or in the file "
                cure += "(gdal_edit.py -a_nodata)"
                self.problems.add(what, where, f"{odd[0]:g} occurs inside the zones", cure)
                continue
            if self._judge_range(source, found.low, found.high, where):
                self._judge_typical(name, where)

    def _judge_formulas(self, totals: Totals) -> None:
        """Name steps that have no value where their inputs do: a division by zero, a logarithm."""
        found: dict[tuple[str, bytes], tuple[list[str], Array]] = {}
        for (service, symbol), target in self.plan.targets.items():
            if not target.cells:
                continue
            scope = (self._scope(service) > 0) & self._has_coefficients(target)
            data = np.where(scope, totals.sums[self._slot(ONE, target.cells, _DATA)], 0.0)
            gone = np.where(scope, data - self._covered(target), 0.0)
            gone[gone < _NOTHING * data] = 0.0
            if gone.any():
                found.setdefault((service, gone.tobytes()), ([], gone))[0].append(symbol)
        for (service, _), (symbols, gone) in found.items():
            zones = zip(self.project.zone_ids, gone.sum(axis=1), strict=True)
            told = ", ".join(f"{ident}: {m2 / 1e6:.4g} km²" for ident, m2 in zones if m2)
            what = "a formula has no finite value in cells with data: they count as not covered"
            cure = "look for a division by zero, or a logarithm or a power of what is not positive"
            self.problems.warn(what, f"{service}: {', '.join(symbols)}", told, cure)

    def _has_coefficients(self, target: Target) -> Any:
        """Return, by zone and class, where all numbers of a formula's tables are there."""
        there: Any = True
        for name in formula.symbols(target.resolved.tree):
            if self.plan.is_cell(name) or isinstance(self.plan.leaves[name], ZoneTotalLeaf):
                continue
            found = np.isfinite(self.numbers.array(name, self.plan.members_of(name)))
            there = there & (found if found.ndim == 2 else found.all(axis=0))  # noqa: PLR2004
        return there

    def _judge_range(self, source: Any, low: float, high: float, where: str) -> bool:
        limits = source.limits
        if limits is None:
            return True
        # Interpolating 100 % everywhere can give 100.00000000000001 %: that is in range.
        least, most = (limits[0] - 1e-9 * abs(limits[0]), limits[1] + 1e-9 * abs(limits[1]))
        if low >= least and high <= most:
            return True
        found = f"{low:g} to {high:g} {source.unit}; plausible is {limits[0]:g} to {limits[1]:g}"
        cure = "check unit and nodata; if the values are right, say range = [low, high]"
        self.problems.add("values are outside the plausible range", where, found, cure)
        return False

    def _judge_typical(self, name: str, where: str) -> None:
        """Compare the mean with what is usual: rain in metres lies in range, its mean does not."""
        leaf = self.plan.leaves[name]
        assert isinstance(leaf, InputLeaf)  # noqa: S101
        source = leaf.source
        typical = source.quantity.typical
        if typical is None or source.is_total or not source.unit.agrees(source.quantity.unit):
            return
        assert self.totals is not None  # noqa: S101
        resolved = Resolved(Sym(name), 0, leaf.axis)
        total = self.totals.sums[self._slot(Sym(name), frozenset({name}), resolved)].sum()
        area = self.totals.sums[self._slot(ONE, frozenset({name}), resolved)].sum()
        members = len(source.members or ("",))
        if area <= 0:
            return
        mean = float(convert(total / area / members, source.unit, source.quantity.unit))
        in_range = source.limits and source.quantity.range is not None
        stated = in_range and source.limits != tuple(
            float(convert(v, source.quantity.unit, source.unit))
            for v in source.quantity.range or ()
        )
        if typical[0] <= mean <= typical[1] or stated:
            return
        found = f"mean {mean:.4g} {source.quantity.unit}; usual is {typical[0]:g} to {typical[1]:g}"
        cure = f"the project says [{source.unit}]: is that right? If so, say range = [low, high]"
        self.problems.add("the mean is far from any usual value: another unit?", where, found, cure)

    def _judge_coefficients(self) -> None:
        """Name every class that occurs and has no coefficient, of all tables at once."""
        for (what, where), classes in self.numbers.missing.items():
            services = self._services_of(what)
            lines = []
            for number, name in enumerate(self.classes):
                if name not in classes:
                    continue
                m2 = (
                    max(float(self._scope(s)[:, number].sum()) for s in services)
                    if services
                    else 0.0
                )
                if m2 > 0:
                    title = self.std.classes[name].title
                    lines.append(f"{name} ({title.en} / {title.zh}): {m2 / 1e6:.4g} km²")
            if lines:
                cure = f'give it in the project: [coefficients] "{what}.<class>", '
                cure += "or map the class otherwise"
                self.problems.add(
                    f"classes of the map have no coefficient {what}", where, "\n".join(lines), cure
                )

    def _services_of(self, what: str) -> list[str]:
        """Return the computed services that use a coefficient (or class table)."""
        found = set()
        for (service, _), target in self.plan.targets.items():
            if self.std.services[service].kind == "supporting":
                continue  # what it computes counts where a service uses it
            for name in self._leaves_below(target.resolved):
                leaf = self.plan.leaves[name]
                if isinstance(leaf, CoefficientLeaf):
                    label = f"{leaf.coefficient.table}.{leaf.coefficient.column}"
                elif isinstance(leaf, InputLeaf):
                    label = leaf.source.where if leaf.source.by_class is not None else ""
                else:
                    continue
                if label == what:
                    found.add(service)
        return sorted(found)

    def _leaves_below(self, resolved: Resolved) -> list[str]:
        names = list(formula.symbols(resolved.tree))
        for name in list(names):
            leaf = self.plan.leaves[name]
            if isinstance(leaf, ZoneTotalLeaf):
                names += self._leaves_below(leaf.resolved)
        return names
