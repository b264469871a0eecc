"""What is computed per cell, and the class sums of one tile.

A tile is always the same cells summed in the same order, whoever computes it and when.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gep.formula import Node
from gep.grid import (
    Floats,
    Grid,
    Ints,
    Raster,
    RasterReader,
    Window,
    Zones,
    entries,
    shares_of,
)
from gep.kernel import Kernel


@dataclass(frozen=True)
class CellLayer:
    """A leaf that varies by cell: a raster, or an array on the grid."""

    name: str
    raster: Raster | None
    array: Floats | None


@dataclass(frozen=True)
class TableLayer:
    """A leaf that varies by class or zone and stands inside a formula per cell.

    ``values`` has shape (members, zones or 1, classes or 1), the first only with an axis.
    """

    name: str
    values: Floats


@dataclass(frozen=True)
class Slot:
    """One sum: a formula per cell, over the cells where all ``cells`` have data.

    ``by_area``: the values are rates and are multiplied by the cell's area in m².
    """

    formula: int
    cells: frozenset[str]
    by_area: bool
    checked: tuple[int, ...] = ()  # formulas that must be finite for a cell to count


@dataclass(frozen=True)
class Work:
    """All that a pass computes. It holds plain data only, so that workers can receive it."""

    grid: Grid
    zones: Zones
    land_cover: Raster
    codes: Mapping[int, int]  # code -> class number; absent codes are unknown
    nodata: frozenset[int]
    n_classes: int
    cells: tuple[CellLayer, ...]
    tables: tuple[TableLayer, ...]
    formulas: tuple[Node, ...]
    slots: tuple[Slot, ...]
    functions: Mapping[str, Callable[..., Any]] = field(repr=False)
    labels: Callable[[Node], tuple[str, ...]] = field(repr=False)


@dataclass
class Range:
    """What the values of a layer were inside the zones."""

    low: float = math.inf
    high: float = -math.inf
    cells: int = 0
    missing: int = 0

    def add(self, other: Range) -> None:
        """Widen by another range."""
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.cells, self.missing = self.cells + other.cells, self.missing + other.missing


@dataclass
class TileSums:
    """The sums of one tile: for the (zone, class) keys present, every slot's values."""

    keys: Ints
    area: Floats
    sums: list[Floats]  # per slot: (members, keys) or (keys,)
    no_cover: dict[int, float]  # zone -> m² without land cover
    unknown: dict[tuple[int, int], tuple[float, int]]  # (zone, code) -> m², cells
    ranges: dict[str, Range]


@dataclass
class Totals:
    """The class sums of the whole pass."""

    area: Floats  # (zones, classes), m²
    sums: list[Floats]  # per slot (members, zones, classes) or (zones, classes)
    no_cover: Floats  # (zones,), m² without land cover
    unknown: dict[int, tuple[float, int]]  # code -> m², cells
    ranges: dict[str, Range]


class Worker:
    """Computes the tiles of blocks; one per thread."""

    def __init__(self, work: Work) -> None:
        _keep_memory()
        self.work = work
        self.reader = RasterReader(work.grid)
        self.kernel = Kernel(work.formulas, work.functions, work.labels)
        self._classes: dict[tuple[np.dtype[Any], float | None], Ints] = {}

    def block(self, window: Window) -> list[tuple[int, TileSums]]:
        """Return the sums of every tile of a block that a zone touches; no other is decoded."""
        with self.reader.sparing():
            return [
                (number, self._tile(tile, shares))
                for number, tile, shares in self.found_tiles(window)
            ]

    def found_tiles(
        self, window: Window
    ) -> list[tuple[int, Window, list[tuple[int, Floats | None]]]]:
        """Return every tile of a block that a zone touches: number, place, the zones' shares."""
        grid, zones = self.work.grid, self.work.zones
        outlines = zones.outlines(grid, window)
        found = [(n, tile, shares_of(outlines, tile)) for n, tile in grid.tiles(window)]
        return [(n, tile, shares) for n, tile, shares in found if shares]

    def _tile(self, tile: Window, found: Sequence[tuple[int, Floats | None]]) -> TileSums:
        """Return the sums of a tile. Its entries are put in the order of their keys first."""
        work = self.work
        area = work.grid.areas(tile).ravel()
        raw, nodata = self.reader.numbers(work.land_cover, tile)
        classes = self._classes_of(raw.ravel(), nodata)
        entry: _Entries
        if len(found) == 1 and found[0][1] is None:
            entry = _Entries(None, found[0][0], None)
        else:
            entry = _Entries(*entries(found, tile))
        classes, weight = entry.at(classes), entry.at(area)
        weight = weight if entry.shares is None else weight * entry.shares
        no_cover, unknown = self._without_class(entry.at(raw.ravel()), classes, entry.zones, weight)
        order, keys, counts = _sorted(classes, entry.zones, work.n_classes)
        cells = order if entry.cells is None else entry.cells[order]
        weight = weight[order]
        shares = np.ones(len(order)) if entry.shares is None else entry.shares[order]
        every = len(found) == 1 and len(order) == area.size
        ordered = _Ordered(keys, counts)
        env: dict[str, Any] = {}
        valid: dict[str, _Mask | None] = {}
        ranges: dict[str, Range] = {}
        for layer in work.cells:  # taken at once, while what was decoded is in the cache
            numbers = _Numbers(layer.name, *self._numbers(layer, tile), every_cell=every)
            env[layer.name], valid[layer.name] = numbers.take(cells)
            ranges[layer.name] = numbers.range
        for table in work.tables:
            env[table.name] = ordered.spread(table.values, work.n_classes)
        values = _Tile(ordered, self.kernel.run(env), valid, {True: weight, False: shares})
        sums = _add_up(work.slots, values)
        return TileSums(keys, ordered.add_up(weight), sums, no_cover, unknown, ranges)

    def environment(self, tile: Window, cells: Ints, zones: Ints, classes: Ints) -> dict[str, Any]:
        """Return the numbers of every leaf at entries of a tile: cell, zone and class of each."""
        env: dict[str, Any] = {}
        for layer in self.work.cells:
            numbers = _Numbers(layer.name, *self._numbers(layer, tile), every_cell=False)
            env[layer.name] = numbers.take(cells)[0]
        for table in self.work.tables:
            z = zones if table.values.shape[-2] > 1 else np.zeros_like(zones)
            c = classes if table.values.shape[-1] > 1 else np.zeros_like(classes)
            env[table.name] = table.values[..., z, c]
        return env

    def _layer(self, layer: CellLayer, tile: Window) -> Floats:
        if layer.raster is not None:
            return self.reader.read(layer.raster, tile)
        assert layer.array is not None  # noqa: S101  a layer is a raster or an array
        return layer.array[(..., *tile.slices)]

    def _numbers(self, layer: CellLayer, tile: Window) -> tuple[NDArray[Any], float | None]:
        """Return a layer's numbers in a tile as rows of cells, and the one that is no data."""
        if layer.raster is None:
            raw, nodata = self._layer(layer, tile), None
        else:
            raw, nodata = self.reader.numbers(layer.raster, tile)
        return raw.reshape(*raw.shape[:-2], -1), nodata

    def _classes_of(self, cover: NDArray[Any], nodata: float | None) -> Ints:
        """Return the class number of every code, ``_MISSING`` or ``_UNKNOWN``."""
        if cover.dtype != np.uint8:
            return self._look_up(cover, nodata)
        key = (cover.dtype, nodata)
        if key not in self._classes:
            self._classes[key] = self._look_up(np.arange(256, dtype=cover.dtype), nodata)
        found: Ints = self._classes[key][cover]
        return found

    def _look_up(self, cover: NDArray[Any], nodata: float | None) -> Ints:
        codes = np.array(sorted(self.work.codes), dtype=np.int64)
        numbers = np.array([self.work.codes[c] for c in codes.tolist()], dtype=np.int64)
        missing = np.isnan(cover) if cover.dtype.kind == "f" else np.zeros(cover.shape, dtype=bool)
        if nodata is not None:
            missing |= cover == cover.dtype.type(nodata)
        whole = np.where(missing, 0, cover).astype(np.int64)
        if self.work.nodata:
            missing |= np.isin(whole, list(self.work.nodata))
        at = np.clip(np.searchsorted(codes, whole), 0, len(codes) - 1)
        known = (codes[at] == whole) & (whole == np.where(missing, 0, cover))
        found = np.where(missing, _MISSING, np.where(known, numbers[at], _UNKNOWN))
        return found.astype(np.int16)

    def _without_class(
        self, cover: NDArray[Any], classes: Ints, zones: Ints | int, weight: Floats
    ) -> tuple[dict[int, float], dict[tuple[int, int], tuple[float, int]]]:
        """Return the areas without land cover by zone, and those of unknown codes."""
        if not classes.size or classes.min() >= 0:
            return {}, {}
        zones = np.broadcast_to(zones, classes.shape)
        missing, strange = classes == _MISSING, classes == _UNKNOWN
        no_cover = {
            int(z): float(weight[missing & (zones == z)].sum()) for z in np.unique(zones[missing])
        }
        unknown = {}
        for zone, code in {
            (int(z), int(c)) for z, c in zip(zones[strange], cover[strange], strict=True)
        }:
            here = strange & (zones == zone) & (cover.astype(np.int64) == code)
            unknown[zone, code] = (float(weight[here].sum()), int(here.sum()))
        return no_cover, unknown


_Mask = NDArray[np.bool_]
#: Numbers in place of a class: no land cover, and a code that the legend does not know.
_MISSING, _UNKNOWN = -1, -2


@functools.cache
def _keep_memory() -> None:
    """Ask the C library of Linux to keep up to 128 MiB that arrays no longer use.

    Left alone it gives the memory of every tile's arrays back to the system, which hands it out
    again page by page, filled with zeros: more than half of the time of a tile.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    trim_threshold, mmap_threshold = -1, -3  # numbers of malloc.h
    mallopt(mmap_threshold, 32 * 2**20)
    mallopt(trim_threshold, 128 * 2**20)


@dataclass(frozen=True)
class _Entries:
    """Cells of a tile and their zones. Where one zone is the whole tile, there is no list."""

    cells: Ints | None
    zones: Ints | int
    shares: Floats | None

    def at(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the cells' values, entry by entry."""
        return values if self.cells is None else values[self.cells]


def _sorted(classes: Ints, zones: Ints | int, n_classes: int) -> tuple[Ints, Ints, Ints]:
    """Return the entries with a class in the order of zone and class, the keys, and their numbers.

    Neighbours mostly have the same key: whole runs of them are put in order, not single entries.
    """
    if not classes.size:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    changes = classes[1:] != classes[:-1]
    if isinstance(zones, np.ndarray):
        changes |= zones[1:] != zones[:-1]
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(np.append(starts, len(classes)))
    own = classes[starts].astype(np.int64)
    keys = (zones[starts] if isinstance(zones, np.ndarray) else zones) * n_classes + own
    kept = np.flatnonzero(own >= 0)
    runs = kept[np.argsort(keys[kept], kind="stable")]
    starts, lengths, keys = starts[runs], lengths[runs], keys[runs]
    before = np.cumsum(lengths) - lengths
    order = np.repeat(starts - before, lengths)
    order += np.arange(len(order))
    present, at = np.unique(keys, return_index=True)
    return order, present, np.add.reduceat(lengths, at) if len(at) else np.empty(0, np.int64)


class _Ordered:
    """Entries in the order of their keys, and how many there are of each key."""

    def __init__(self, keys: Ints, counts: Ints) -> None:
        self.keys, self.counts = keys, counts
        self._starts = np.cumsum(counts) - counts

    def spread(self, values: Floats, n_classes: int) -> Floats:
        """Return a table's numbers entry by entry; one where it knows neither zone nor class."""
        zones, classes = values.shape[-2:]
        if zones == classes == 1:
            return values[..., 0]
        zone, ecosystem = np.divmod(self.keys, n_classes)
        found = values[..., zone if zones > 1 else 0, ecosystem if classes > 1 else 0]
        return np.repeat(found, self.counts, axis=-1)

    def add_up(self, values: Any) -> Floats:
        """Add the values of each key."""
        if not self.keys.size:
            return np.zeros((*np.shape(values)[:-1], 0))
        return np.asarray(np.add.reduceat(values, self._starts, axis=-1))


class _Numbers:
    """A layer's numbers in a tile, and what their range was."""

    def __init__(
        self, name: str, raw: NDArray[Any], nodata: float | None, *, every_cell: bool
    ) -> None:
        self.name, self.raw, self.range = name, raw, Range()
        self.nodata = None if nodata is None else raw.dtype.type(nodata)
        self.clean = False  # known to have data everywhere, and the range is that of the tile
        if every_cell and (found := self._ends(raw)):
            self.clean, self.range = True, Range(*found, raw.size, 0)

    def _ends(self, values: NDArray[Any]) -> tuple[float, float] | None:
        """Return the lowest and highest of values, None if one of them is no data."""
        low, high = values.min(), values.max()  # NaN if one is NaN
        if self.nodata is not None and low <= self.nodata <= high:
            return None
        return (float(low), float(high)) if np.isfinite(low) and np.isfinite(high) else None

    def take(self, cells: Ints) -> tuple[Floats, _Mask | None]:
        """Return the values of cells, and which have data in all members (None: all have)."""
        picked = self.raw.take(cells, axis=-1)
        values = picked.astype(np.float64)
        if self.clean or not values.size:
            return values, None
        if ends := self._ends(picked):
            self.range.add(Range(*ends, values.size, 0))
            return values, None
        there = np.isfinite(values)
        if self.nodata is not None:
            there &= picked != self.nodata
        values[~there] = np.nan
        found = values[there]
        lost = int(values.size - found.size)
        if found.size:
            self.range.add(Range(float(found.min()), float(found.max()), values.size, lost))
        else:
            self.range.add(Range(cells=values.size, missing=lost))
        return values, np.asarray(there.all(axis=0) if there.ndim > 1 else there) if lost else None


#: What slots have in common: the formula, and whether it is multiplied by the area.
_Product = tuple[int, bool]
_BOTH = (True, False)


def _add_up(slots: Sequence[Slot], tile: _Tile) -> list[Floats]:
    """Return every slot's sums by key.

    Slots with one product have one sum where the same layers lack data and all formulas are finite.
    """
    gaps = {name for name, mask in tile.valid.items() if mask is not None}
    asked = [((slot.formula, slot.by_area), slot.cells & gaps) for slot in slots]
    found = [tile.sum(product, lacking) for product, lacking in asked]
    for number, (product, lacking) in enumerate(asked):  # finite sums tell of finite formulas
        checked = slots[number].checked
        unsure = frozenset(n for n in checked if not tile.is_finite(n, lacking))
        if unsure:
            found[number] = tile.sum(product, lacking, unsure)
    return found


class _Tile:
    """The values of a tile's formulas, and what was added up of them. Everything is made once."""

    def __init__(
        self,
        ordered: _Ordered,
        values: Sequence[Any],
        valid: Mapping[str, _Mask | None],
        weights: Mapping[bool, Floats],
    ) -> None:
        self.ordered, self.values, self.valid, self.weights = ordered, values, valid, weights
        self.size = weights[True].size
        self._sums: dict[tuple[_Product, frozenset[str], frozenset[int]], Floats] = {}
        self._masks: dict[tuple[frozenset[str], frozenset[int]], _Mask | None] = {}
        self._good: dict[int, _Mask | None] = {}
        self._finite: dict[tuple[int, frozenset[str]], bool] = {}

    def sum(
        self, product: _Product, lacking: frozenset[str], unsure: frozenset[int] = frozenset()
    ) -> Floats:
        """Return a product's sums, over cells where layers have data and formulas are finite."""
        key = (product, lacking, unsure)
        if key not in self._sums:
            formula, by_area = product
            values, mask = self.values[formula], self._mask(lacking, unsure)
            if mask is not None:
                values = np.where(mask, values, 0.0)
            self._sums[key] = self.ordered.add_up(values * self.weights[by_area])
        return self._sums[key]

    def is_finite(self, formula: int, lacking: frozenset[str]) -> bool:
        """Say whether a formula is finite wherever these layers have data."""
        key = (formula, lacking)
        if key not in self._finite:
            sums = (self._sums.get(((formula, by_area), lacking, frozenset())) for by_area in _BOTH)
            self._finite[key] = (  # a finite sum has no NaN
                any(found is not None and np.isfinite(found).all() for found in sums)
                or self._is_finite(formula, lacking)
            )
        return self._finite[key]

    def _is_finite(self, formula: int, lacking: frozenset[str]) -> bool:
        there, good = self._mask(lacking, frozenset()), self._mask(lacking, frozenset({formula}))
        return good is None or bool(good.all() if there is None else (good == there).all())

    def _mask(self, lacking: frozenset[str], unsure: frozenset[int]) -> _Mask | None:
        """Return the cells that count; None: all."""
        key = (lacking, unsure)
        if key not in self._masks:
            for number in unsure - set(self._good):
                self._good[number] = _finite(self.values[number], self.size)
            self._masks[key] = _both(
                [*(self.valid[name] for name in lacking), *(self._good[n] for n in unsure)]
            )
        return self._masks[key]


def _finite(value: Any, size: int) -> _Mask | None:
    found = np.isfinite(np.broadcast_to(value, (*np.shape(value)[:-1], size)))
    mask = np.asarray(found.all(axis=0) if found.ndim > 1 else found)
    return None if mask.all() else mask


def _both(masks: Iterable[_Mask | None]) -> _Mask | None:
    some = [mask for mask in masks if mask is not None]
    return functools.reduce(np.logical_and, some) if some else None
