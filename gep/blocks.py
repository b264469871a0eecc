"""What is computed per cell, and the class sums of one tile.

A tile is always the same cells summed in the same order, whoever computes it and when.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gep.formula import Node
from gep.grid import Floats, Grid, Ints, Raster, RasterReader, Window, Zones
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
    not_finite: dict[int, int]


@dataclass
class Totals:
    """The class sums of the whole pass."""

    area: Floats  # (zones, classes), m²
    sums: list[Floats]  # per slot (members, zones, classes) or (zones, classes)
    no_cover: Floats  # (zones,), m² without land cover
    unknown: dict[int, tuple[float, int]]  # code -> m², cells
    ranges: dict[str, Range]
    not_finite: dict[int, int]


class Worker:
    """Computes the tiles of blocks; one per thread."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.reader = RasterReader(work.grid)
        self.kernel = Kernel(work.formulas, work.functions, work.labels)
        known = sorted(work.codes)
        self._codes = np.array(known, dtype=np.int64)
        self._numbers = np.array([work.codes[c] for c in known], dtype=np.int64)

    def block(self, window: Window) -> list[tuple[int, TileSums]]:
        """Return the sums of every tile of a block that a zone touches."""
        results = []
        for number, tile in self.work.grid.tiles(window):
            cells, zones, shares = self.work.zones.cover(self.work.grid, tile)
            if cells.size:
                results.append((number, self._tile(tile, cells, zones, shares)))
        return results

    def _tile(self, tile: Window, cells: Ints, zones: Ints, shares: Floats) -> TileSums:
        work = self.work
        weight = work.grid.areas(tile).ravel()[cells] * shares
        cover = self.reader.read(work.land_cover, tile).ravel()[cells]
        classes, no_cover, unknown = self.classify(cover, zones, weight)
        keep = classes >= 0
        if not keep.all():
            cells, zones, shares = cells[keep], zones[keep], shares[keep]
            weight, classes = weight[keep], classes[keep]
        key = zones * work.n_classes + classes
        present = np.unique(key)
        place = np.searchsorted(present, key)
        n = len(present)
        env = self.environment(tile, cells, zones, classes)
        ranges: dict[str, Range] = {}
        valid: dict[str, NDArray[np.bool_]] = {}
        for layer in work.cells:
            there = ~np.isnan(env[layer.name])
            valid[layer.name] = np.asarray(there.all(axis=0) if there.ndim > 1 else there)
            ranges[layer.name] = _range(env[layer.name], there)
        values_of = self.kernel.run(env)
        sums, not_finite = [], {}
        masks: dict[tuple[frozenset[str], tuple[int, ...]], NDArray[np.bool_] | None] = {}
        for slot in work.slots:
            mask_key = (slot.cells, slot.checked)
            if mask_key not in masks:
                mask, bad = self._mask(slot, valid, values_of, len(cells))
                masks[mask_key] = None if mask.all() else mask
                if bad:
                    not_finite[slot.formula] = bad
            w = weight if slot.by_area else shares
            sums.append(_bincount(values_of[slot.formula], w, place, masks[mask_key], n))
        area = np.bincount(place, weights=weight, minlength=n).astype(np.float64)
        return TileSums(present, area, sums, no_cover, unknown, ranges, not_finite)

    def environment(self, tile: Window, cells: Ints, zones: Ints, classes: Ints) -> dict[str, Any]:
        """Return the numbers of every leaf at entries of a tile: cell, zone and class of each."""
        env: dict[str, Any] = {}
        for layer in self.work.cells:
            values = self._layer(layer, tile)
            env[layer.name] = values.reshape(*values.shape[:-2], -1)[..., cells]
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

    def _mask(
        self,
        slot: Slot,
        valid: Mapping[str, NDArray[np.bool_]],
        values: Sequence[Any],
        size: int,
    ) -> tuple[NDArray[np.bool_], int]:
        mask = np.ones(size, dtype=bool)
        for name in slot.cells:
            mask &= valid[name]
        before = int(mask.sum())
        for number in slot.checked:
            finite = np.isfinite(np.broadcast_to(values[number], _shape(values[number], size)))
            mask &= finite.all(axis=0) if finite.ndim > 1 else finite
        return mask, before - int(mask.sum())

    def classify(
        self, cover: Floats, zones: Ints, weight: Floats
    ) -> tuple[Ints, dict[int, float], dict[tuple[int, int], tuple[float, int]]]:
        """Return the class number of every entry (-1: none) and the areas without one."""
        missing = np.isnan(cover)
        codes = np.where(missing, 0, cover).astype(np.int64)
        if self.work.nodata:
            missing |= np.isin(codes, list(self.work.nodata))
        at = np.clip(np.searchsorted(self._codes, codes), 0, len(self._codes) - 1)
        known = (self._codes[at] == codes) & (codes == np.where(missing, 0, cover))
        classes = np.where(known & ~missing, self._numbers[at], -1)
        no_cover = {
            int(z): float(weight[missing & (zones == z)].sum()) for z in np.unique(zones[missing])
        }
        strange = ~known & ~missing
        unknown = {}
        for zone, code in {
            (int(z), int(c)) for z, c in zip(zones[strange], codes[strange], strict=True)
        }:
            here = strange & (zones == zone) & (codes == code)
            unknown[zone, code] = (float(weight[here].sum()), int(here.sum()))
        return classes, no_cover, unknown


def _shape(value: Any, size: int) -> tuple[int, ...]:
    leading = np.shape(value)[:-1] if np.ndim(value) > 1 else ()
    return (*leading, size)


def _range(values: Floats, there: NDArray[np.bool_]) -> Range:
    found = values[there]
    if not found.size:
        return Range(cells=values.size, missing=values.size)
    return Range(float(found.min()), float(found.max()), values.size, int(values.size - found.size))


def _bincount(
    values: Any,
    weight: Floats,
    place: Ints,
    mask: NDArray[np.bool_] | None,
    n: int,
) -> Floats:
    if mask is not None:
        weight, place = weight[mask], place[mask]
        if (np.ndim(values) and np.shape(values)[-1] > 1) or (
            np.ndim(values) and np.shape(values)[-1] == mask.size
        ):
            values = values[..., mask]
    product = np.asarray(values * weight)
    if product.ndim == 1:
        return np.bincount(place, weights=product, minlength=n).astype(np.float64)
    return np.stack([np.bincount(place, weights=row, minlength=n) for row in product])
