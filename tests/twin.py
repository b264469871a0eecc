"""The plain twin: whole arrays, straight from the formulas; it shares no code with the engine.

Written to be read, not to be fast. It knows rasters, polygons, the ellipsoid, NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Proj, Transformer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """A raster held whole: values (rows, columns), NaN where there is none."""

    values: Floats
    transform: Affine
    crs: CRS

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape[0], self.values.shape[1]

    def centres(self) -> tuple[Floats, Floats]:
        """Return x and y of every cell centre."""
        height, width = self.shape
        column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        t = self.transform
        return t.c + t.a * column, t.f + t.e * row


def read(path: Path | str, bands: str | int = 1, rows: slice | None = None) -> Layer:
    """Read a band, or the sum or mean of all bands; ``rows`` keeps a strip of the raster."""
    with rasterio.open(path) as dataset:
        masked = dataset.read(masked=True)
        values = np.where(np.ma.getmaskarray(masked), np.nan, masked.data.astype(np.float64))
        transform, crs = dataset.transform, CRS.from_wkt(dataset.crs.to_wkt())
    if bands == "sum":
        array = values.sum(axis=0)
    elif bands == "mean":
        array = values.mean(axis=0)
    else:
        array = values[int(bands) - 1]
    if rows is not None:
        array = array[rows]
        t = transform
        transform = Affine(t.a, 0, t.c, 0, t.e, t.f + t.e * rows.start)
    return Layer(array, transform, crs)


# ------------------------------------------------------------------------------------ true areas


def cell_areas(layer: Layer) -> Floats:
    """Return the true area of every cell in m²."""
    t = layer.transform
    ellipsoid = layer.crs.ellipsoid
    a, b = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    e2 = 1 - (b / a) ** 2

    def m_times_n(latitude: Floats) -> Floats:
        s2 = np.sin(latitude) ** 2
        return a * (1 - e2) / (1 - e2 * s2) ** 1.5 * a / np.sqrt(1 - e2 * s2)

    if layer.crs.is_geographic:
        # Simpson's rule on thin slices of each row's M·N·cos φ.
        edges = np.radians(t.f + t.e * np.arange(layer.shape[0] + 1))
        high, low = edges[:-1], edges[1:]
        points = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 9)
        weights = np.array([1, 4, 2, 4, 2, 4, 2, 4, 1]) / 24
        height = (m_times_n(points) * np.cos(points) * weights).sum(axis=1) * (high - low)
        return np.repeat((height * np.radians(t.a))[:, None], layer.shape[1], axis=1)
    metre = layer.crs.axis_info[0].unit_conversion_factor
    projection = Proj(layer.crs)
    longitude, latitude = projection(*layer.centres(), inverse=True)
    if layer.crs.to_epsg() == 3857:
        # x = aλ, y = a·ln tan(π/4 + φ/2): dx·dy = a²/cos φ dλ·dφ, true area M·N·cos φ dλ·dφ.
        phi = np.radians(latitude)
        scale = a * a / (m_times_n(phi) * np.cos(phi) ** 2)
    else:
        scale = np.asarray(projection.get_factors(longitude, latitude).areal_scale)
    return np.asarray(t.a * -t.e * metre**2 / scale)


# ----------------------------------------------------------------------------------------- zones


def polygons(path: Path | str, layer: Layer, key: str) -> dict[str, shapely.Geometry]:
    """Read polygons in the coordinates of a layer."""
    frame = geopandas.read_file(path).to_crs(layer.crs)
    return dict(zip(frame[key].astype(str), frame.geometry, strict=True))


def shares(layer: Layer, polygon: shapely.Geometry) -> Floats:
    """Return the share of every cell that lies in the polygon.

    Cells near the outline are cut one by one; all others lie wholly where their centre lies.
    """
    height, width = layer.shape
    t = layer.transform
    result = rasterio.features.geometry_mask([polygon], (height, width), t, invert=True).astype(
        np.float64
    )
    outline = shapely.segmentize(polygon.boundary, 0.4 * min(t.a, -t.e))
    x, y = shapely.get_coordinates(outline).T
    columns = np.floor((x - t.c) / t.a).astype(int)
    rows = np.floor((y - t.f) / t.e).astype(int)
    near = np.zeros((height + 4, width + 4), dtype=bool)
    there = (rows >= -1) & (rows <= height) & (columns >= -1) & (columns <= width)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            near[rows[there] + 2 + i, columns[there] + 2 + j] = True
    rows, columns = np.nonzero(near[2:-2, 2:-2])
    # Cut in squares of 32 cells, so that each cut meets a short piece of the outline.
    square = rows // 32 * (width // 32 + 1) + columns // 32
    order = np.argsort(square, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(square[order])) + 1):
        if not group.size:
            continue
        r, c = rows[group], columns[group]
        west, east = t.c + t.a * c, t.c + t.a * (c + 1)
        north, south = t.f + t.e * r, t.f + t.e * (r + 1)
        part = polygon.intersection(shapely.box(west.min(), south.min(), east.max(), north.max()))
        cut = shapely.intersection(shapely.box(west, south, east, north), part)
        result[r, c] = shapely.area(cut) / (t.a * -t.e)
    return result


# ------------------------------------------------------------------------------------- alignment


def _places(source: Layer, target: Layer) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return where the target's centres lie in the source, in cells from its corner; if inside."""
    x, y = target.centres()
    if source.crs != target.crs:
        x, y = Transformer.from_crs(target.crs, source.crs, always_xy=True).transform(x, y)
    t = source.transform
    column, row = (x - t.c) / t.a, (y - t.f) / t.e
    height, width = source.shape
    return row, column, (row >= 0) & (row <= height) & (column >= 0) & (column <= width)


def nearest(source: Layer, target: Layer) -> Floats:
    """Return the value of the source cell in which each target centre lies."""
    row, column, inside = _places(source, target)
    r = np.clip(np.floor(row), 0, source.shape[0] - 1).astype(int)
    c = np.clip(np.floor(column), 0, source.shape[1] - 1).astype(int)
    return np.where(inside, source.values[r, c], np.nan)


def bilinear(source: Layer, target: Layer) -> Floats:
    """Return the weighted mean of the four source cells around each target centre.

    Source cells without data, or beyond the source's edge, drop out and the other weights are
    scaled up; where the source cell that holds the centre has no data, the result has none.
    """
    row, column, inside = _places(source, target)
    height, width = source.shape
    padded = np.full((height + 4, width + 4), np.nan)
    padded[2:-2, 2:-2] = source.values
    r, c = np.where(inside, row, 0.5), np.where(inside, column, 0.5)
    above, left = np.floor(r - 0.5), np.floor(c - 0.5)
    down, right = r - 0.5 - above, c - 0.5 - left
    above, left = above.astype(int) + 2, left.astype(int) + 2
    corners = np.stack([padded[above + i, left + j] for i in (0, 1) for j in (0, 1)])
    weights = np.stack([wr * wc for wr in (1 - down, down) for wc in (1 - right, right)])
    weights = np.where(np.isnan(corners), 0.0, weights)
    total = weights.sum(axis=0)
    mean = (np.nan_to_num(corners) * weights).sum(axis=0) / np.where(total > 0, total, np.nan)
    return np.where(np.isnan(nearest(source, target)), np.nan, mean)


def overlaps(source_edges: Floats, target_edges: Floats) -> Floats:
    """Return the length that every target interval shares with every source interval."""
    low = np.maximum(target_edges[:-1, None], source_edges[None, :-1])
    high = np.minimum(target_edges[1:, None], source_edges[None, 1:])
    return np.maximum(high - low, 0.0)


def gather(source: Layer, target: Layer, how: str) -> Floats:
    """Return the area-weighted ``average``, or the ``sum``, of source cells (same CRS only)."""

    def edges(layer: Layer) -> tuple[Floats, Floats]:
        t = layer.transform
        rows, columns = np.arange(layer.shape[0] + 1), np.arange(layer.shape[1] + 1)
        return -(t.f + t.e * rows), t.c + t.a * columns

    (sy, sx), (ty, tx) = edges(source), edges(target)
    by_row, by_column = overlaps(sy, ty), overlaps(sx, tx)
    known = ~np.isnan(source.values)
    total = by_row @ np.where(known, source.values, 0.0) @ by_column.T
    area = by_row @ known.astype(np.float64) @ by_column.T
    with np.errstate(invalid="ignore", divide="ignore"):
        if how == "average":
            return np.where(area > 0, total / area, np.nan)
        size = source.transform.a * -source.transform.e
        return np.where(area > 0, total / size, np.nan)


def align(source: Layer, target: Layer) -> Floats:
    """Return a coarser source on the target's cells: as it is on the same grid, else bilinear."""
    a, b = source.transform, target.transform
    same = source.shape == target.shape and source.crs == target.crs
    if same and np.allclose(tuple(a), tuple(b), rtol=0, atol=1e-3 * b.a):
        return source.values
    return bilinear(source, target)


# ------------------------------------------------------------------------------------ the account


@dataclass
class Sums:
    """Sums by zone and class."""

    land: Floats  # class number of every cell, NaN where there is none
    weights: Mapping[str, Floats]  # zone -> true area of every cell inside the zone
    classes: Sequence[str]

    def by(self, values: Floats | float, weights: Mapping[str, Floats] | None = None) -> Floats:
        """Return Σ value × weight over the cells where the value is known: (zones, classes)."""
        values = np.broadcast_to(np.asarray(values, dtype=np.float64), self.land.shape)
        known = ~np.isnan(values) & ~np.isnan(self.land)
        classes = self.land[known].astype(int)
        result = []
        for weight in (weights or self.weights).values():
            product = (values[known] * weight[known]).astype(np.longdouble)
            row = [float(product[classes == n].sum()) for n in range(len(self.classes))]
            result.append(row)
        return np.array(result)


def land_classes(codes: Layer, mapping: Mapping[int, str], classes: Sequence[str]) -> Floats:
    """Return the class number of every cell, NaN where the code has no class."""
    land = np.full(codes.shape, np.nan)
    for code, name in mapping.items():
        land[codes.values == code] = classes.index(name)
    return land


def by_class(
    land: Floats, classes: Sequence[str], value: Callable[[str], float] | Mapping[str, float]
) -> Floats:
    """Return a field with the value of each cell's class."""
    look = value.get if isinstance(value, Mapping) else value
    found = [look(name) for name in classes]
    numbers = np.array([np.nan if v is None else v for v in found], dtype=np.float64)
    field = np.full(land.shape, np.nan)
    field[~np.isnan(land)] = numbers[land[~np.isnan(land)].astype(int)]
    return field


# ------------------------------------------------------------------------------------- terrain


def shifted(values: Floats, down: int, right: int) -> Floats:
    """Return the neighbour ``down`` rows and ``right`` columns away, NaN beyond the edge."""
    height, width = values.shape
    result = np.full_like(values, np.nan)
    rows = slice(max(0, -down), min(height, height - down))
    columns = slice(max(0, -right), min(width, width - right))
    result[rows, columns] = values[
        max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)
    ]
    return result


def slope(elevation: Floats, size: tuple[float, float]) -> Floats:
    """Return Horn's slope in degrees; a difference lacking one end is taken over one cell."""

    def gradient(along: tuple[int, int], across: tuple[int, int], cell: float) -> Floats:
        total, weights = np.zeros_like(elevation), np.zeros_like(elevation)
        for step, weight in ((-1, 1.0), (0, 2.0), (1, 1.0)):
            here = shifted(elevation, across[0] * step, across[1] * step)
            ahead = shifted(elevation, along[0] + across[0] * step, along[1] + across[1] * step)
            behind = shifted(elevation, across[0] * step - along[0], across[1] * step - along[1])
            both = (ahead - behind) / (2 * cell)
            one = np.where(np.isnan(ahead), here - behind, ahead - here) / cell
            difference = np.where(np.isnan(both), one, both)
            total += np.where(np.isnan(difference), 0.0, difference) * weight
            weights += np.where(np.isnan(difference), 0.0, weight)
        return total / np.where(weights > 0, weights, np.nan)

    east = gradient((0, 1), (1, 0), size[0])
    south = gradient((1, 0), (0, 1), size[1])
    steep = np.degrees(np.arctan(np.sqrt(east**2 + south**2)))
    return np.where(np.isnan(elevation), np.nan, steep)


def relief(elevation: Floats, size: tuple[float, float], side: float) -> Floats:
    """Return the highest minus the lowest elevation in a square around each cell."""
    high = low = elevation
    for axis, cell in ((1, size[0]), (0, size[1])):
        reach = int(side / 2 / cell + 1e-9)
        steps = [(0, n) if axis else (n, 0) for n in range(-reach, reach + 1)]
        high = np.fmax.reduce([shifted(high, *step) for step in steps])
        low = np.fmin.reduce([shifted(low, *step) for step in steps])
    return np.where(np.isnan(elevation), np.nan, high - low)
