"""Evaluates many draws at once from the class sums of an account.

A draw is a zone more: the sums are repeated once for each draw, the numbers that vary are not.
Where something uncertain stands inside a formula per cell, its sums are made again by block, with
the draws inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from gep import formula
from gep.blocks import Slot, TableLayer, Totals, Work
from gep.errors import Problems, UsageError
from gep.formula import Node, Sym
from gep.passes import run_blocks
from gep.plan import Array, CoefficientLeaf, LeafNumbers, Target, ZoneTotalLeaf
from gep.sums import ClassSums, Run
from gep.tables import Title
from gep.uncertainty.factors import Book
from gep.units import convert, unit

#: Numbers that are evaluated at once (draws × zones × classes): they fit a processor's cache.
CHUNK = 2**17
#: Numbers that are kept at once for the results by zone (draws × zones × outputs).
KEPT = 2**24
#: Draws that are computed in one pass over the rasters.
PER_PASS = 64
#: Formulas per cell (cells × draws × formulas) that are computed unless the caller allows more.
CELL_DRAWS = 10**9


#: Numbers of the distinct draws that draws have: (draws, zones or 1, kept classes or 1).
Which = np.ndarray[Any, np.dtype[np.int32]]


class Drawn(Protocol):
    """The numbers of a factor: an array, or something that makes them piece by piece."""

    def __len__(self) -> int:
        """Return the number of draws."""

    def __getitem__(self, at: slice, /) -> Array:
        """Return the numbers of some draws."""


@dataclass(frozen=True)
class Output:
    """A number that every draw gives by zone: a quantity, the value of a service, or the sum.

    ``service`` is empty for the sum of all values; ``indicator`` is ``value`` for money.
    """

    service: str
    indicator: str
    unit: str
    title: Title


class DrawnNumbers(LeafNumbers):
    """The numbers of leaves for several draws, the draws laid along the zones."""

    def __init__(self, book: Book, draws: Mapping[str, Array], zones: Sequence[int]) -> None:
        super().__init__(book.plan, Problems())
        self._book, self._draws, self._zones = book, draws, list(zones)
        self._size = len(next(iter(draws.values())))
        self._classes = book.kept

    def array(self, name: str, members: Callable[[str], tuple[str, ...]]) -> Array:
        """Return a leaf's numbers: (members, draws and zones, classes), the first with an axis."""
        values = self.varied(name, members)
        if values.shape[-3:-1] == (1, 1):
            return values[..., 0, :, :]
        shape = (*values.shape[:-3], self._size, len(self._zones), values.shape[-1])
        whole = np.broadcast_to(values, shape)
        return whole.reshape(*shape[:-3], shape[-3] * shape[-2], shape[-1])

    def varied(self, name: str, members: Callable[[str], tuple[str, ...]]) -> Array:
        """Return a leaf's numbers: (members, draws, zones, classes), of length 1 where the same."""
        base, places = self._book.layout(name, members)
        if base.shape[-2] > 1:
            base = base[..., self._zones, :]
        by_class = base.shape[-1] > 1
        if by_class:
            base = base[..., self._classes]
        values = base[..., None, :, :]
        if places:
            position = {int(number): at for at, number in enumerate(self._classes)}
            values = np.repeat(values, self._size, axis=-3)
            for place in places:
                at = position.get(place.column, -1) if by_class else 0
                if at < 0:
                    continue
                drawn = self._draws[place.factor]
                number = place.entry.value * drawn if place.together else drawn
                number = convert(number, place.entry.unit, place.coefficient.unit) * place.index
                if values.ndim > 3:  # noqa: PLR2004
                    values[place.member, :, :, at] = number[:, None]
                else:
                    values[:, :, at] = number[:, None]
        if name in self._book.errors:
            error = self._error(name)
            if name.endswith("|error"):
                return error
            values = values * error if self._book.errors[name].scale is None else values + error
        return values

    def _error(self, name: str) -> Array:
        """Return the error of an input: (draws, zones or 1, 1)."""
        error = self._book.errors[name]
        if None in error.factors:
            drawn = self._draws[error.factors[None]][:, None, None]
        else:
            ids = self.project.zone_ids
            nothing = np.full(self._size, 1.0 if error.scale is None else 0.0)
            found = [error.factors.get(ids[zone]) for zone in self._zones]
            columns = [nothing if key is None else self._draws[key] for key in found]
            drawn = np.stack(columns, axis=1)[:, :, None]
        return drawn if error.scale is None else drawn * error.scale


class WholeNumbers(DrawnNumbers):
    """The same for all zones and classes: what stands inside a formula per cell."""

    def __init__(self, book: Book, draws: Mapping[str, Array]) -> None:
        super().__init__(book, draws, range(len(book.project.zone_ids)))
        self._classes = np.arange(len(book.std.classes))


@dataclass(frozen=True)
class Inside:
    """Sums that were made with the draws inside: which of the ``sums`` a draw has."""

    sums: Array  # (members, distinct draws, zones, kept classes), the first only with an axis
    which: Which  # (draws, zones or 1, kept classes or 1)

    def of(self, start: int, stop: int, zones: Sequence[int]) -> Array:
        """Return the sums of some draws and zones: (members, draws and zones, classes)."""
        which = self.which[start:stop]
        which = which[:, zones] if which.shape[1] > 1 else which
        z, c = np.array(zones), np.arange(self.sums.shape[-1])
        found = np.asarray(self.sums[..., which, z[None, :, None], c[None, None, :]])
        shape = found.shape
        return found.reshape(*shape[:-3], shape[-3] * shape[-2], shape[-1])


class Engine:
    """Evaluates draws of what a :class:`Book` says is uncertain.

    Raises
    ------
    UsageError
        If a formula per cell holds something uncertain and its sums cannot be made again.
    """

    def __init__(self, sums: ClassSums, book: Book, workers: int | None = None) -> None:
        run = sums.run
        assert run is not None  # noqa: S101  the caller has seen to it
        self.sums, self.book, self.plan = sums, book, book.plan
        self.account, self.workers = run, workers
        self.zones = len(book.project.zone_ids)
        self.central = {name: np.array([f.value]) for name, f in book.factors.items()}
        self.outputs, self._parts = self._list_outputs()
        self._usual: dict[str, Array] = {}
        self.by_zone, self.whole = self._estimate()
        self._shape = Run(self.plan, WholeNumbers(book, self.central))
        self._uncertain = self._find_uncertain()
        self._work: Work | None = None
        self._held: dict[int, Array] = {}
        self._groups: dict[frozenset[str], list[int]] = {}
        if book.project.land_cover is not None:
            self._work = self._shape.work()
            self._sort_slots(self._work)

    # ------------------------------------------------------------------- what is made

    def _list_outputs(self) -> tuple[list[Output], list[tuple[Target, float, list[int]]]]:
        """Return the outputs, and of every line the outputs that its members go into."""
        std = self.book.std
        outputs: list[Output] = []
        parts: list[tuple[Target, float, list[int]]] = []
        values: list[int] = []
        whole = Title("All services", "全部服务")
        money = ""
        for service in self.sums.plan.services:
            entry = std.services[service]
            for line in entry.lines:
                if line.physical is None:
                    continue
                target = self.plan.targets[service, line.physical]
                shown, factor = _shown(target)
                axis = target.resolved.axis
                members = self.plan.axis_members(service, axis) if axis else ("",)
                title = entry.steps[line.physical].title
                own = []
                for member in members:
                    label = line.physical + (f"[{member}]" if member else "")
                    own.append(len(outputs))
                    outputs.append(Output(service, label, shown, title))
                parts.append((target, factor, own))
            priced = [line.monetary for line in entry.lines if line.monetary is not None]
            for symbol in dict.fromkeys(priced):
                target = self.plan.targets[service, symbol]
                money, factor = _shown(target)
                parts.append((target, factor, [len(outputs)]))
            if priced:
                values.append(len(outputs))
                outputs.append(Output(service, "value", money, entry.title))
        if values:
            outputs.append(Output("", "value", money, whole))
        self._values = values
        return outputs, parts

    def _find_uncertain(self) -> frozenset[str]:
        """Return the leaves that vary from draw to draw."""
        found = set(self.book.errors)
        for name, leaf in self.plan.leaves.items():
            if isinstance(leaf, CoefficientLeaf) and any(
                self.book.layout(name, self.plan.members_of(name))[1]
            ):
                found.add(name)
        return frozenset(found)

    def _sort_slots(self, work: Work) -> None:
        """Find which sums the account has, which must be made, and which vary with the draws."""
        held = {}
        if self.account.totals is not None:
            nodes = tuple(self.account.formulas)
            for slot, number in self.account.slots.items():
                if number < len(self.account.totals.sums):
                    held[_meaning(slot, nodes)] = self.account.totals.sums[number]
        lacking = []
        for number, slot in enumerate(work.slots):
            varying = self._varying(work, slot)
            if varying:
                self._groups.setdefault(varying, []).append(number)
            elif (found := held.get(_meaning(slot, work.formulas))) is not None:
                self._held[number] = found[..., self.book.kept]
            else:
                lacking.append(number)
        if (lacking or self._groups) and self.account.measured is not None:
            what = "an account of a changed land cover has no map from which sums could be made"
            told = "; ".join(self.told_inside()) or "an error is added to an input"
            cure = "take the uncertainty of the account before the change, or leave these fixed"
            raise UsageError(what, "uncertainty", told, cure)
        if lacking:
            totals = run_blocks(_part(work, lacking), workers=self.workers)
            for number, sums in zip(lacking, totals.sums, strict=True):
                self._held[number] = sums[..., self.book.kept]

    def _varying(self, work: Work, slot: Slot) -> frozenset[str]:
        names: set[str] = set()
        for number in (slot.formula, *slot.checked):
            names |= set(formula.symbols(work.formulas[number]))
        return frozenset(names & self._uncertain)

    def inside(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Return the lines that have something uncertain inside a formula per cell: which factors.

        A factor that stands there can only be drawn with the rasters at hand.
        """
        found = {}
        for key, target in self.plan.targets.items():
            names: dict[str, None] = {}
            for tree in self._trees(target.resolved.tree):
                if not any(self.plan.is_cell(n) for n in formula.symbols(tree)):
                    continue
                for term in self._shape._terms(tree):  # noqa: SLF001  separated once
                    names |= dict.fromkeys(
                        n for n in formula.symbols(term.inside) if n in self._uncertain
                    )
            if names:
                factors = dict.fromkeys(f for n in names for f in self._factors_of(n))
                found[key] = tuple(factors)
        return found

    def _trees(self, tree: Node) -> Iterator[Node]:
        """Iterate over a formula and those of the zone totals below it."""
        yield tree
        for name in formula.symbols(tree):
            leaf = self.plan.leaves[name]
            if isinstance(leaf, ZoneTotalLeaf):
                yield from self._trees(leaf.resolved.tree)

    def _factors_of(self, name: str) -> list[str]:
        if name in self.book.errors:
            return list(self.book.errors[name].factors.values())
        return [p.factor for p in self.book.layout(name, self.plan.members_of(name))[1]]

    def told_inside(self) -> list[str]:
        """Return in words which lines have which factors inside."""
        return [f"{s}.{x}: {', '.join(factors)}" for (s, x), factors in self.inside().items()]

    # ------------------------------------------------------------------- draws inside

    def make_inside(self, draws: Mapping[str, Drawn], cell_draws: float) -> dict[int, Inside]:
        """Make the sums of formulas per cell with the draws inside, each distinct draw once.

        Raises
        ------
        UsageError
            If that takes more than ``cell_draws`` evaluations of a formula at a cell.
        """
        if not self._groups:
            return {}
        assert self._work is not None  # noqa: S101  groups come with a map
        needed = dict.fromkeys(f for factors in self.inside().values() for f in factors)
        numbers = WholeNumbers(self.book, {name: draws[name][:] for name in needed})
        work = self._work
        distinct = {leaves: self._distinct(leaves, numbers) for leaves in self._groups}
        cells = work.grid.height * work.grid.width
        wanted = 0
        for leaves, (_, count, _) in distinct.items():
            used = {n for at in self._groups[leaves] for n in _formulas(work.slots[at])}
            varying = [n for n in used if set(formula.symbols(work.formulas[n])) & leaves]
            wanted += cells * count * len(varying)
        if wanted > cell_draws:
            what = "something uncertain stands inside formulas per cell: they are computed anew "
            what += "for every draw, and that is more than is allowed"
            found = (
                f"{wanted:.3g} evaluations (cells × draws × formulas), allowed {cell_draws:.3g}\n"
            )
            found += "\n".join(self.told_inside())
            step = 10 ** max(0, len(str(wanted)) - 2)
            cure = f"allow them: cell_draws={-(-wanted // step) * step:.2g}; or take fewer draws; "
            cure += 'or hold these numbers fixed: spread={"...": None}'
            raise UsageError(what, "uncertainty", found, cure)
        result: dict[int, Inside] = {}
        for leaves, (tables, count, which) in distinct.items():
            sums = self._pass(self._groups[leaves], tables, count)
            for number, found_sums in zip(self._groups[leaves], sums, strict=True):
                result[number] = Inside(found_sums, which)
        return result

    def _distinct(
        self, leaves: frozenset[str], numbers: WholeNumbers
    ) -> tuple[dict[str, Array], int, Which]:
        """Return the distinct draws of some leaves, by class and zone, and which one a draw has.

        A cell of a class only sees the numbers of its own class and zone: two draws that differ
        elsewhere are one draw for it.
        """
        names = sorted(leaves)
        arrays = [numbers.varied(name, self.plan.members_of(name)) for name in names]
        arrays = [array if array.ndim > 3 else array[None] for array in arrays]  # noqa: PLR2004
        zones, classes = (max(a.shape[axis] for a in arrays) for axis in (-2, -1))
        size = max(a.shape[-3] for a in arrays)
        kept = [int(c) for c in self.book.kept] if classes > 1 else [0]
        which = np.zeros((size, zones, len(kept)), dtype=np.int32)
        rows = {}
        for z in range(zones):
            for at, c in enumerate(kept):
                own = [a[..., min(z, a.shape[-2] - 1), min(c, a.shape[-1] - 1)] for a in arrays]
                table = np.concatenate([np.broadcast_to(a, (len(a), size)) for a in own]).T
                rows[z, c], inverse = np.unique(table, axis=0, return_inverse=True)
                which[:, z, at] = inverse.reshape(-1)
        count = max(map(len, rows.values()))
        tables = {}
        start = 0
        for name, array in zip(names, arrays, strict=True):
            stop = start + len(array)
            values = np.zeros((len(array), count, zones, classes))
            for (z, c), found in rows.items():
                values[:, :, z, c] = found[0, start:stop, None]
                values[:, : len(found), z, c] = found[:, start:stop].T
            has_axis = numbers.varied(name, self.plan.members_of(name)).ndim > 3  # noqa: PLR2004
            tables[name] = values if has_axis else values[0]
            start = stop
        return tables, count, which

    def _pass(self, numbers: Sequence[int], tables: Mapping[str, Array], count: int) -> list[Array]:
        """Make sums for versions of tables: per slot (members, versions, zones, classes)."""
        assert self._work is not None  # noqa: S101
        base = _part(self._work, numbers)
        found: list[list[Array]] = [[] for _ in numbers]
        for start in range(0, count, PER_PASS):
            versions = range(start, min(start + PER_PASS, count))
            totals = run_blocks(_versions(base, tables, versions), workers=self.workers)
            for at, sums in enumerate(totals.sums):
                found[at % len(numbers)].append(sums[..., self.book.kept])
        return [np.stack(sums, axis=-3) for sums in found]

    # ------------------------------------------------------------------- evaluation

    def evaluate(
        self,
        draws: Mapping[str, Drawn],
        inside: Mapping[int, Inside],
        window: range,
        each_zone: Callable[[int, Array], None] | None = None,
        lost: Callable[[str, int], None] | None = None,
    ) -> Array:
        """Return every output of the whole area for some draws: (draws, outputs).

        Parameters
        ----------
        draws
            Factor → its numbers.
        inside
            What :meth:`make_inside` made of them.
        window
            Which draws.
        each_zone
            Called with the number of a zone and its outputs (draws, outputs).
        lost
            Called with a service and the number of draws in which something that the account
            counts has no number.
        """
        n = len(window)
        whole = np.zeros((n, len(self.outputs)))
        known = np.zeros((n, len(self.outputs)), dtype=bool)
        fewer = {service: np.zeros(n, dtype=bool) for service in self.sums.plan.services}
        together = max(1, KEPT // max(1, n * len(self.outputs)))
        for first in range(0, self.zones, together):
            zones = range(first, min(first + together, self.zones))
            part = np.empty((n, len(zones), len(self.outputs)))
            step = max(1, CHUNK // (len(zones) * max(1, len(self.book.kept))))
            for start in range(0, n, step):
                piece = window[start : start + step]
                own, seen = self._chunk(draws, inside, piece, zones)
                part[start : start + step] = own
                for service, lacks in seen.items():
                    fewer[service][start : start + step] |= lacks
            for at, zone in enumerate(zones):
                if each_zone is not None:
                    each_zone(zone, part[:, at])
                there = ~np.isnan(part[:, at])
                whole += np.where(there, part[:, at], 0.0)
                known |= there
        if lost is not None:
            for service, found in fewer.items():
                if found.any():
                    lost(service, int(found.sum()))
        return np.where(known, whole, np.nan)

    def _chunk(
        self,
        draws: Mapping[str, Drawn],
        inside: Mapping[int, Inside],
        window: range,
        zones: range,
    ) -> tuple[Array, dict[str, np.ndarray[Any, np.dtype[np.bool_]]]]:
        """Return outputs (draws, zones, outputs), and by service the draws that lack something."""
        n = len(window)
        piece = {name: drawn[window.start : window.stop] for name, drawn in draws.items()}
        run = Run(self.plan, DrawnNumbers(self.book, piece, zones))
        run.terms, run.formulas = self._shape.terms, self._shape.formulas
        run.slots = self._shape.slots
        area = self.sums.area[zones.start : zones.stop][:, self.book.kept]
        run.area = np.tile(area, (n, 1))
        if self._work is not None:
            slots = [
                inside[k].of(window.start, window.stop, zones)
                if k in inside
                else _tiled(self._held[k][..., zones.start : zones.stop, :], n)
                for k in range(len(self._work.slots))
            ]
            run.totals = Totals(run.area, slots, np.zeros(0), {}, {})
        totals = {key: value.total for key, value in run.values().items()}
        result, counts = self._reduce(totals, (n, len(zones)))
        usual = {service: own[zones.start : zones.stop] for service, own in self._usual.items()}
        lacks = {s: np.asarray((seen < usual[s]).any(axis=1)) for s, seen in counts.items()}
        return result, lacks

    def _reduce(
        self, totals: Mapping[tuple[str, str], Array], shape: tuple[int, int]
    ) -> tuple[Array, dict[str, Array]]:
        """Return the outputs (draws, zones, outputs), and how many numbers each service has."""
        result = np.full((*shape, len(self.outputs)), np.nan)
        counts: dict[str, Array] = {}
        for target, factor, own in self._parts:
            total = totals[target.service, target.symbol] * factor
            total = total if total.ndim > 2 else total[None]  # noqa: PLR2004
            number = (~np.isnan(total)).sum(axis=(0, 2)).reshape(shape)
            counts[target.service] = counts.get(target.service, 0) + number
            found = _nansum(total, -1).reshape(len(total), *shape)
            if self.outputs[own[0]].indicator == "value":
                before = result[..., own[0]]
                result[..., own[0]] = _nansum(np.stack([before, *found]), 0)
            else:
                result[..., own] = np.moveaxis(found, 0, -1)
        if self._values:
            result[..., -1] = _nansum(result[..., self._values], -1)
        return result, counts

    def _estimate(self) -> tuple[Array, Array]:
        """Return the account's own numbers: by zone (zones, outputs), and of the whole area."""
        totals = {key: value.total for key, value in self.sums.values.items()}
        found, counts = self._reduce(totals, (1, self.zones))
        self._usual = {service: seen[0] for service, seen in counts.items()}
        return found[0], _nansum(found[0], 0)


def _nansum(values: Array, axis: int) -> Array:
    """Add what is known; nothing known is NaN."""
    there = ~np.isnan(values)
    total = np.where(there, values, 0.0).sum(axis=axis)
    return np.where(there.any(axis=axis), total, np.nan)


def _shown(target: Target) -> tuple[str, float]:
    """Return the unit in which an account shows a step, and the factor to it."""
    currency = target.unit.currency
    if not currency:
        return str(target.unit), 1.0
    wanted = (unit(f"{currency}/yr"), unit(currency))
    shown = next((u for u in wanted if u.agrees(target.unit)), target.unit)
    return str(shown), float(target.unit.factor_to(shown))


def _meaning(slot: Slot, nodes: Sequence[Node]) -> tuple[Any, ...]:
    """Return what a sum is, whatever the numbers of its formulas."""
    checked = frozenset(nodes[number] for number in slot.checked)
    return nodes[slot.formula], slot.cells, slot.by_area, checked


def _formulas(slot: Slot) -> tuple[int, ...]:
    return (slot.formula, *slot.checked)


def _part(work: Work, numbers: Sequence[int]) -> Work:
    """Return the work for some of its slots."""
    formulas: dict[Node, int] = {}
    slots = []
    for number in numbers:
        slot = work.slots[number]
        for name in sorted(slot.cells):
            formulas.setdefault(Sym(name), len(formulas))
        at = [formulas.setdefault(work.formulas[n], len(formulas)) for n in _formulas(slot)]
        slots.append(replace(slot, formula=at[0], checked=tuple(at[1:])))
    used = {name for node in formulas for name in formula.symbols(node)}
    return replace(
        work,
        cells=tuple(layer for layer in work.cells if layer.name in used),
        tables=tuple(layer for layer in work.tables if layer.name in used),
        formulas=tuple(formulas),
        slots=tuple(slots),
    )


def _versions(work: Work, tables: Mapping[str, Array], versions: range) -> Work:
    """Return a work that computes every slot once for each version of its tables."""
    formulas: dict[Node, int] = {}
    layers = [layer for layer in work.tables if layer.name not in tables]
    slots: list[Slot] = []
    for version in versions:
        names = {name: f"{name}|{version}" for name in tables}
        layers += [TableLayer(names[n], found[..., version, :, :]) for n, found in tables.items()]
        symbols = {name: Sym(new) for name, new in names.items()}
        moved = [
            formulas.setdefault(formula.substitute(node, symbols), len(formulas))
            for node in work.formulas
        ]
        slots += [
            replace(s, formula=moved[s.formula], checked=tuple(moved[n] for n in s.checked))
            for s in work.slots
        ]
    own = {f"{name}|{version}": name for version in versions for name in tables}

    def labels(node: Node) -> tuple[str, ...]:
        back = {name: Sym(own.get(name, name)) for name in formula.symbols(node)}
        return work.labels(formula.substitute(node, back))

    return replace(
        work, tables=tuple(layers), formulas=tuple(formulas), slots=tuple(slots), labels=labels
    )


def _tiled(sums: Array, n: int) -> Array:
    """Repeat zones once for each draw."""
    return np.tile(sums, (*(1,) * (sums.ndim - 2), n, 1))
