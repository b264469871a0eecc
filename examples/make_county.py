"""Make the synthetic example county: terrain, land cover, townships, climate, soil, statistics.

The first files (county.toml) serve one standard; `make_more_rasters` and `write_more_statistics`
add what the national and provincial standards ask for (standards.toml).

Everything is invented. The same data come out of every run: the random numbers are PCG64 with a
fixed seed, and the terrain uses additions, multiplications, divisions and square roots alone,
which every machine rounds alike. To make ``examples/county`` again::

    python examples/make_county.py
"""

from __future__ import annotations

import argparse
import csv
import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyogrio
import rasterio
import shapely
from rasterio import features
from rasterio.transform import Affine, from_origin
from rasterio.warp import transform

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SEED = 20200101
LABEL = "Synthetic data, no real place / 合成数据 非真实地点"
GRID_CRS = "EPSG:32650"
ZONE_CRS = "EPSG:4490"
ROWS, COLUMNS, CELL = 400, 480, 30.0
WEST, NORTH = 500_010.0, 3_400_020.0

#: The lake of the county and the township that accounts for it.
LAKE, LAKE_TOWNSHIP = "east_lake", "990004"

#: ESA WorldCover codes.
TREE, SHRUB, GRASS, CROP, BUILT, BARE, WATER, WETLAND = 10, 20, 30, 40, 50, 60, 80, 90

#: The classes of the analyst (the same as `classes` in county.toml), for the extent table.
CLASSES = {
    TREE: "evergreen_broadleaf_forest",
    SHRUB: "evergreen_broadleaf_shrub",
    GRASS: "temperate_tussock",
    CROP: "dry_cropland",
    BUILT: "town",
    BARE: "bare",
    WATER: "open_water",
    WETLAND: "mire",
}

# ------------------------------------------------------------------------------- noise and filters


def resample(values: Floats, shape: tuple[int, int]) -> Floats:
    """Interpolate bilinearly to another number of cells over the same extent."""
    for axis, size in enumerate(shape):
        old = values.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.minimum(at.astype(np.int64), old - 2)
        part = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        values = np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part
    return values


def noise(
    rng: np.random.Generator, shape: tuple[int, int], size: float, octaves: int, fade: float = 0.5
) -> Floats:
    """Return fractal value noise, about -1 to 1; ``size`` is its largest feature in cells."""
    result = np.zeros(shape)
    weight = 1.0
    for _ in range(octaves):
        counts = [int(n / size) + 2 for n in shape]
        lattice = rng.random((counts[0] + 1, counts[1] + 1)) * 2 - 1
        at = [(np.arange(n) + 0.5) / size for n in shape]
        low = [a.astype(np.int64) for a in at]
        part = [a - i for a, i in zip(at, low, strict=True)]
        ease = [p * p * (3 - 2 * p) for p in part]
        y, x = ease[0][:, None], ease[1][None, :]
        r, c = low[0][:, None], low[1][None, :]
        top = lattice[r, c] * (1 - x) + lattice[r, c + 1] * x
        bottom = lattice[r + 1, c] * (1 - x) + lattice[r + 1, c + 1] * x
        result += weight * (top * (1 - y) + bottom * y)
        weight, size = weight * fade, size / 2
    return result


def smooth(values: Floats, times: int) -> Floats:
    """Average with the eight neighbours (weights 1-2-1), several times."""
    for _ in range(times):
        for axis in (0, 1):
            before = np.concatenate([values.take([0], axis), values], axis)
            after = np.concatenate([values, values.take([-1], axis)], axis)
            n = values.shape[axis]
            left, right = before.take(range(n), axis), after.take(range(1, n + 1), axis)
            values = (left + 2 * values + right) * 0.25
    return values


def near(mask: npt.NDArray[np.bool_], cells: int) -> npt.NDArray[np.bool_]:
    """Return the mask grown by some cells."""
    for _ in range(cells):
        wide = np.pad(mask, 1)
        mask = wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:] | mask
    return mask


# ----------------------------------------------------------------------------------------- terrain


@dataclass(frozen=True)
class Drainage:
    """Where the water of every cell goes: flat indices, from the outlet upwards."""

    order: list[int]
    receiver: list[int]
    upstream: list[float]  # number of cells that drain through the cell


def drain(z: Floats, outlet: npt.NDArray[np.bool_]) -> Drainage:
    """Flood the terrain from its outlet (priority flood); cells drain down the steepest way."""
    wide = z.shape[1] + 2  # with a rim of cells that are never reached
    heights = np.pad(z, 1).ravel().tolist()
    level = np.pad(np.full(z.shape, -1.0), 1, constant_values=np.inf).ravel().tolist()
    done = [False] * len(heights)
    receiver = list(range(len(heights)))
    order: list[int] = []
    exits = np.flatnonzero(np.pad(outlet, 1).ravel()).tolist()
    heap = [(heights[start], start) for start in exits]
    for height, start in heap:
        level[start] = height
    heapq.heapify(heap)
    diagonal = 0.70710678
    steps = [(-wide - 1, diagonal), (-wide, 1.0), (-wide + 1, diagonal), (-1, 1.0)]
    steps += [(1, 1.0), (wide - 1, diagonal), (wide, 1.0), (wide + 1, diagonal)]
    while heap:
        here, cell = heapq.heappop(heap)
        steepest = -1.0
        for offset, per_cell in steps:
            other = cell + offset
            if done[other]:
                fall = (here - level[other]) * per_cell
                if fall > steepest:
                    steepest, receiver[cell] = fall, other
            elif level[other] < 0:  # not reached yet
                level[other] = max(here, heights[other])
                heapq.heappush(heap, (level[other], other))
        done[cell] = True
        order.append(cell)
    for start in exits:
        receiver[start] = start
    inner = (np.arange(len(heights)) // wide - 1) * z.shape[1] + np.arange(len(heights)) % wide - 1
    flat = np.array(order)
    order = inner[flat].tolist()
    down = np.arange(z.size)
    down[order] = inner[np.array(receiver)[flat]]
    receiver = down.tolist()
    upstream = [1.0] * z.size
    for cell in reversed(order):
        if receiver[cell] != cell:
            upstream[receiver[cell]] += upstream[cell]
    return Drainage(order, receiver, upstream)


def erode(
    rng: np.random.Generator,
    z: Floats,
    uplift: Floats,
    outlet: npt.NDArray[np.bool_],
    times: int,
) -> Floats:
    """Let rivers cut (implicit stream power law) and slopes creep while the land rises.

    ``uplift`` is metres per step. With a drainage area of n cells, slope times the square root of
    area is ``sqrt(n)`` times the fall to the next cell, whatever the cell size.
    """
    strength = 0.25
    columns = z.shape[1]
    for _ in range(times):
        rough = z + noise(rng, z.shape, 9, 4) * 4.0
        flow = drain(np.where(outlet, z, np.maximum(rough, 60.5)), outlet)
        heights = np.where(outlet, z, z + uplift).ravel().tolist()
        power = (strength * np.sqrt(np.array(flow.upstream))).tolist()
        for at in flow.order:
            down = flow.receiver[at]
            if heights[at] > heights[down]:
                diagonal = abs(at - down) not in (1, columns)
                factor = power[at] * (0.70710678 if diagonal else 1.0)
                heights[at] = (heights[at] + factor * heights[down]) / (1 + factor)
        z = np.array(heights).reshape(z.shape)
        z = np.where(outlet, z, z * 0.6 + smooth(z, 1) * 0.4)
    return z


def make_terrain(rng: np.random.Generator) -> tuple[Floats, Drainage]:
    """Return heights in metres (multiples of 1/8) and where the water goes."""
    shape = (ROWS, COLUMNS)
    y = (np.arange(ROWS)[:, None] + 0.5) / ROWS
    x = (np.arange(COLUMNS)[None, :] + 0.5) / COLUMNS
    ranges = noise(rng, shape, 170, 3) + 0.9 * (1 - y) + 0.55 * (2 * x - 1) * (2 * x - 1) - 0.35
    ranges = np.clip(ranges, 0, 1.15)
    uplift = 4.0 + 17.0 * smooth(ranges, 20)
    hardness = 1 + 0.35 * noise(rng, shape, 60, 3)
    z = 90 + 200 * ranges + 60 * noise(rng, shape, 120, 6)
    for factor, times in ((4, 30), (2, 7), (1, 3)):
        coarse = (ROWS // factor, COLUMNS // factor)
        outlet = np.zeros(coarse, dtype=bool)
        outlet[-1, int(coarse[1] * 0.58) : int(coarse[1] * 0.63)] = True
        z = resample(z, coarse) + noise(rng, coarse, 8, 3) * 1.5
        z = np.where(outlet, 60.0, np.maximum(z, 61.0))
        z = erode(rng, z, resample(uplift * hardness, coarse), outlet, times)
    low = resample(smooth(resample(ranges, (100, 120)), 4), shape)
    z = np.maximum(smooth(z, 1) + noise(rng, shape, 12, 3) * (0.4 + 2.0 * low), 55.0)
    flow = drain(z, outlet)
    above = height_above_river(z, flow, 1500)
    flood_plain = 18.0
    z -= np.where(above < flood_plain, above - above * above / (2 * flood_plain), flood_plain / 2)
    z = np.round(np.maximum(z, 40.0) * 8) / 8
    return z, drain(z, outlet)


def height_above_river(z: Floats, flow: Drainage, cells: float) -> Floats:
    """Return the height above the river (at least ``cells`` upstream) that each cell drains to."""
    heights = z.ravel().tolist()
    base = list(heights)
    for at in flow.order:
        down = flow.receiver[at]
        if flow.upstream[at] < cells and down != at:
            base[at] = base[down]
    above: Floats = np.maximum(z - np.array(base).reshape(z.shape), 0.0)
    return above


def slope_length(z: Floats, flow: Drainage, cap: float) -> Floats:
    """Return the longest way of the water down to each cell in metres, at most ``cap``."""
    columns = z.shape[1]
    length = [CELL / 2] * z.size
    for at in reversed(flow.order):
        down = flow.receiver[at]
        straight = abs(at - down) in (1, columns)
        length[down] = max(length[down], length[at] + CELL * (1.0 if straight else 1.41421356))
    result: Floats = np.minimum(np.array(length), cap).reshape(z.shape)
    return result


def add_lake(
    z: Floats, flow: Drainage, *, row: int, column: int, depth: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Dam the river that passes nearest to a place; return the terrain and where the water is."""
    upstream = np.array(flow.upstream).reshape(z.shape)
    rows, columns = np.nonzero((upstream > 3000) & (upstream < 90000))
    nearest = np.argmin((rows - row) ** 2 + (columns - column) ** 2)
    dam = int(rows[nearest] * z.shape[1] + columns[nearest])
    level = float(z.ravel()[dam]) + depth
    behind = [False] * z.size
    for at in flow.order:
        behind[at] = at == dam or behind[flow.receiver[at]]
    pool = np.array(behind).reshape(z.shape) & (z < level)
    return np.where(pool, level, z), pool


def slope_of(z: Floats) -> Floats:
    """Return the slope as rise over run (central differences)."""
    down, right = np.gradient(z, CELL)
    slope: Floats = np.sqrt(down * down + right * right)
    return slope


# -------------------------------------------------------------------------------------- land cover


def make_land_cover(
    rng: np.random.Generator,
    z: Floats,
    flow: Drainage,
    pool: npt.NDArray[np.bool_],
    towns: list[tuple[float, float]],
) -> npt.NDArray[np.uint8]:
    """Return ESA WorldCover codes that follow height, slope, rivers and towns."""
    shape = z.shape
    slope = smooth(slope_of(z), 1)
    above = height_above_river(z, flow, 1200)
    upstream = np.array(flow.upstream).reshape(shape)
    patches, fine = noise(rng, shape, 40, 4), noise(rng, shape, 7, 3)
    cover = np.full(shape, TREE, dtype=np.uint8)
    cover[(patches + 0.5 * fine > 0.62) & (z > 150)] = SHRUB
    cover[(patches + 0.5 * fine < -0.80) & (z > 150)] = GRASS
    cover[(z + 70 * patches + 50 * fine > 560)] = SHRUB
    cover[(z + 70 * patches + 50 * fine > 620)] = GRASS
    cover[(z > 520) & (slope + 0.12 * fine > 0.86)] = BARE
    cover[(z > 640) & (patches + fine > 0.95)] = BARE
    field = slope * 100 + above * 0.30 + 7 * fine + 5 * patches
    cover[(field < 25) & (z < 480)] = GRASS
    cover[(field < 22.5) & (z < 480)] = CROP
    cover[(field < 25) & (z < 480) & (cover == GRASS) & (fine > 0.1)] = SHRUB
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    pull = np.zeros(shape)
    for number, (near_row, near_column) in enumerate(towns):
        away = (rows - near_row) ** 2 + (columns - near_column) ** 2
        site = np.argmin(field + 100 * slope + away * 0.008)
        row, column = divmod(int(site), shape[1])
        size = 13.0 if number == 0 else 5.5 + 1.5 * (number % 3)
        distance = (rows - row) ** 2 + (columns - column) ** 2
        pull = np.maximum(pull, size * size / (size * size + distance))
    cover[(pull + 0.22 * fine - slope > 0.44) & (slope < 0.22)] = BUILT
    cover[(pull + 0.95 * fine > 0.93) & (slope < 0.15) & (cover == CROP)] = BUILT
    river = (upstream > 14000) | near(upstream > 45000, 1) | near(upstream > 100000, 2)
    marsh = near(river | pool, 5) & (above < 1.6) & (fine > 0.12)
    marsh |= near(pool, 3) & (slope < 0.08) & (fine > -0.1)
    cover[marsh & (cover != BUILT)] = WETLAND
    cover[river & (upstream > 14000) | pool | near(upstream > 60000, 1)] = WATER
    return cover


# --------------------------------------------------------------------------------------- townships


@dataclass(frozen=True)
class Township:
    """A township: invented code and names, and the place (row, column) it lies around."""

    code: str
    name: str
    name_en: str
    row: float
    column: float


TOWNSHIPS = (
    Township("990001", "甲镇", "Jia Town", 178, 205),
    Township("990002", "乙镇", "Yi Town", 95, 90),
    Township("990003", "丙乡", "Bing Township", 85, 300),
    Township("990004", "丁镇", "Ding Town", 165, 395),
    Township("990005", "戊镇", "Wu Town", 275, 150),
    Township("990006", "己乡", "Ji Township", 300, 270),
    Township("990007", "庚乡", "Geng Township", 300, 390),
)


def roughen(rng: np.random.Generator, line: Floats, times: int, amount: float) -> Floats:
    """Displace midpoints sideways, again and again; the ends stay."""
    for _ in range(times):
        start, end = line[:-1], line[1:]
        side = np.stack([-(end - start)[:, 1], (end - start)[:, 0]], axis=1)
        shift = (rng.random((len(start), 1)) * 2 - 1) * amount
        middle = (start + end) / 2 + side * shift
        line = np.concatenate([np.stack([start, middle], 1).reshape(-1, 2), end[-1:]])
    return line


def make_townships(rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return polygons that share their borders vertex by vertex and together are the county."""
    corners = [(34, 60), (32, 190), (52, 290), (32, 400), (120, 455), (215, 468), (330, 458)]
    corners += [(380, 350), (352, 265), (384, 150), (318, 45), (205, 62), (140, 22), (34, 60)]
    outline = roughen(rng, np.array([(c, r) for r, c in corners], dtype=float), 4, 0.16)
    centres = shapely.MultiPoint([(t.column, t.row) for t in TOWNSHIPS])
    cells = shapely.voronoi_polygons(
        centres, extend_to=shapely.box(-60, -60, COLUMNS + 60, ROWS + 60)
    )
    pairs = set()  # every edge once, from its lower to its higher end
    for cell in cells.geoms:
        ring = np.array(cell.exterior.coords).round(6).tolist()
        pairs |= {tuple(sorted((tuple(a), tuple(b)))) for a, b in itertools.pairwise(ring)}
    edges = [np.array(pair) for pair in sorted(pairs)]
    lines = [outline, *(roughen(rng, edge, 5, 0.13) for edge in edges)]
    to_zone_crs = [_to_crs(line, ZONE_CRS) for line in lines]
    noded = shapely.unary_union(
        shapely.MultiLineString([shapely.LineString(line) for line in to_zone_crs]), grid_size=1e-7
    )
    county = shapely.Polygon(to_zone_crs[0])
    parts = [
        part
        for part in shapely.polygonize([noded]).geoms
        if county.contains(part.representative_point())
    ]
    centre_points = _to_crs(np.array([(t.column, t.row) for t in TOWNSHIPS], float), ZONE_CRS)
    found = []
    for x, y in centre_points.tolist():
        found.append(next(part for part in parts if part.contains(shapely.Point(x, y))))
    if len(parts) != len(TOWNSHIPS):
        msg = f"{len(parts)} polygons for {len(TOWNSHIPS)} townships"
        raise ValueError(msg)
    return gpd.GeoDataFrame(
        {
            "code": [t.code for t in TOWNSHIPS],
            "name": [t.name for t in TOWNSHIPS],
            "name_en": [t.name_en for t in TOWNSHIPS],
            "note": [LABEL] * len(TOWNSHIPS),
        },
        geometry=[shapely.normalize(part) for part in found],
        crs=ZONE_CRS,
    )


def _to_crs(points: Floats, crs: str) -> Floats:
    """Return (column, row) points as coordinates, rounded to a centimetre or so."""
    xs = (WEST + points[:, 0] * CELL).tolist()
    ys = (NORTH - points[:, 1] * CELL).tolist()
    lon, lat = transform(GRID_CRS, crs, xs, ys)
    return np.round(np.stack([lon, lat], axis=1), 7)


# ----------------------------------------------------------------------------------------- rasters


@dataclass(frozen=True)
class Raster:
    """A raster to be written: what it is, in which unit, and where it lies."""

    name: str
    title: str
    unit: str
    values: npt.NDArray[Any]
    nodata: float
    crs: str
    transform: Affine
    members: tuple[str, ...] = ()

    def of(self, members: tuple[str, ...]) -> Raster:
        """Return the raster with a name for each of its bands."""
        return replace(self, members=members)


@dataclass(frozen=True)
class Grid:
    """A grid coarser than the land cover: its centres are looked up on the fine grid."""

    crs: str
    transform: Affine
    shape: tuple[int, int]

    def sample(self, values: Floats) -> Floats:
        """Return the value of the fine grid at every centre (its edge value outside)."""
        rows, columns = np.mgrid[0 : self.shape[0], 0 : self.shape[1]]
        x = self.transform.c + (columns + 0.5) * self.transform.a
        y = self.transform.f + (rows + 0.5) * self.transform.e
        if self.crs != GRID_CRS:
            xs, ys = transform(self.crs, GRID_CRS, x.ravel().tolist(), y.ravel().tolist())
            x, y = np.array(xs).reshape(self.shape), np.array(ys).reshape(self.shape)
        column = np.clip(np.floor((x - WEST) / CELL), 0, COLUMNS - 1).astype(np.int64)
        row = np.clip(np.floor((NORTH - y) / CELL), 0, ROWS - 1).astype(np.int64)
        found: Floats = values[row, column]
        return found


EROSIVITY, CARBON = "MJ·mm/(hm²·h·yr)", "tC/(hm²·yr)"
FINE = from_origin(WEST, NORTH, CELL, CELL)
#: About 1 km, longitude and latitude: climate.
CLIMATE = Grid("EPSG:4326", from_origin(116.98, 30.75, 0.01, 0.01), (15, 20))
#: 250 m: soil and productivity.
SOIL = Grid(GRID_CRS, from_origin(WEST - 260, NORTH + 230, 250, 250), (50, 60))


def grain(values: Floats, parts: int) -> npt.NDArray[np.float32]:
    """Round to a fraction (1/parts, a power of two), so that files are small and exact."""
    return (np.round(values * parts) / parts).astype(np.float32)


def make_rasters(
    rng: np.random.Generator, z: Floats, length: Floats, cover: npt.NDArray[np.uint8]
) -> list[Raster]:
    """Return all rasters of the county."""
    fine_grid = (GRID_CRS, FINE)
    climate, soil = (CLIMATE.crs, CLIMATE.transform), (SOIL.crs, SOIL.transform)
    shape = z.shape
    height = smooth(z, 30)
    wooded = smooth((cover == TREE).astype(float), 20)

    wet = noise(rng, CLIMATE.shape, 8, 2)
    rain = 1180 + 0.62 * CLIMATE.sample(height) + 40 * wet
    evaporation = 610 + 130 * CLIMATE.sample(wooded) - 0.08 * CLIMATE.sample(height) + 15 * wet
    erosivity = 3.4 * rain - 1100 + 150 * noise(rng, CLIMATE.shape, 6, 2)
    wind = np.clip(
        0.9 + 0.004 * CLIMATE.sample(height) + 0.4 * noise(rng, CLIMATE.shape, 6, 2), 0, 9
    )

    texture = noise(rng, SOIL.shape, 14, 4)
    loam = noise(rng, SOIL.shape, 20, 3)
    clay = np.clip(np.round(24 + 8 * texture), 8, 45)
    silt = np.clip(np.round(41 + 9 * loam - 0.02 * SOIL.sample(height)), 15, 60)
    sand = 100 - clay - silt
    carbon = 0.9 + 1.1 * SOIL.sample(wooded) + 0.25 * texture
    carbon = np.clip(carbon + 0.0006 * SOIL.sample(height), 0.3, 4)
    gap = np.zeros(SOIL.shape, dtype=bool)  # where nobody sampled the soil: coverage below 100 %
    gap[33:37, 37:43] = True
    gap[36:39, 40:45] = True

    # Per class: mean vegetation cover (%), its spread, mean NPP (tC/(hm²·yr)).
    grown = {
        TREE: (82, 11, 6.4),
        SHRUB: (66, 13, 4.9),
        GRASS: (58, 15, 3.6),
        CROP: (47, 13, 4.4),
        BUILT: (16, 9, 0.8),
        BARE: (7, 5, 0.3),
        WATER: (2, 1, 0.2),
        WETLAND: (55, 14, 3.9),
    }
    mean, spread, growth = (np.zeros(shape) for _ in range(3))
    for code, numbers in grown.items():
        here = cover == code
        mean[here], spread[here], growth[here] = numbers
    green = noise(rng, shape, 20, 4)
    vegetation = np.clip(np.round(mean + spread * 0.8 * green), 0, 98)
    npp = smooth(growth, 4) * (1 + 0.15 * smooth(green, 4)) * (1.04 - 0.00012 * height)
    npp = np.clip(SOIL.sample(npp), 0.05, 12)
    kept = npp * np.clip(0.19 + 0.06 * loam, 0.02, 0.4)  # what respiration leaves

    def whole(values: Floats) -> npt.NDArray[np.uint8]:
        return values.astype(np.uint8)

    soil_carbon = np.where(gap, -9999.0, carbon)
    matter = np.where(gap, -9999.0, carbon * 1.724)
    coarse = np.round(sand * (0.4 + 0.1 * loam))
    return [
        Raster("land_cover", "Land cover (ESA WorldCover codes)", "1", cover, 0, *fine_grid),
        Raster("dem", "Elevation", "m", z.astype(np.float32), -9999, *fine_grid),
        Raster("slope_length", "Slope length", "m", length.astype(np.uint8), 255, *fine_grid),
        Raster("vegetation_cover", "Vegetation cover", "%", whole(vegetation), 255, *fine_grid),
        Raster("rain", "Precipitation", "mm/yr", grain(rain, 8), -9999, *climate),
        Raster("et", "Actual evapotranspiration", "mm/yr", grain(evaporation, 8), -9999, *climate),
        Raster(
            "rainfall_erosivity",
            "Rainfall erosivity",
            EROSIVITY,
            grain(erosivity, 1),
            -9999,
            *climate,
        ),
        Raster(
            "weather_factor",
            "Weather factor of wind erosion",
            "kg/(m·yr)",
            grain(wind, 64),
            -9999,
            *climate,
        ),
        Raster("sand", "Sand (0.05-2 mm) in the soil", "%", whole(sand), 255, *soil),
        Raster("coarse_sand", "Sand (0.2-2 mm) in the soil", "%", whole(coarse), 255, *soil),
        Raster("silt", "Silt in the soil", "%", whole(silt), 255, *soil),
        Raster("clay", "Clay in the soil", "%", whole(clay), 255, *soil),
        Raster("organic_carbon", "Soil organic carbon", "%", grain(soil_carbon, 64), -9999, *soil),
        Raster("organic_matter", "Soil organic matter", "%", grain(matter, 64), -9999, *soil),
        Raster("npp", "Net primary productivity", CARBON, grain(npp, 64), -9999, *soil),
        Raster(
            "carbon_sequestration",
            "Carbon sequestration rate",
            CARBON,
            grain(kept, 64),
            -9999,
            *soil,
        ),
    ]


#: Air temperature of the months at sea level (°C) and the months' parts of the rain (in 64ths).
WARMTH = (3.5, 5.5, 10.0, 16.0, 21.25, 24.5, 28.5, 27.75, 23.5, 17.5, 11.25, 5.5)
WETNESS = (3, 4, 6, 6, 7, 11, 9, 6, 4, 3, 3, 2)
#: Storms of the year: rain in the lowland (mm), what 100 m of height add, how uneven it is.
STORMS = {"june": (84, 4, 12), "july": (76, 5, 15), "september": (58, 3, 8)}


def make_more_rasters(
    rng: np.random.Generator,
    z: Floats,
    cover: npt.NDArray[np.uint8],
    made: Mapping[str, npt.NDArray[Any]],
) -> list[Raster]:
    """Return what further standards ask for; ``made`` are the rasters that are there already."""
    climate, soil = (CLIMATE.crs, CLIMATE.transform), (SOIL.crs, SOIL.transform)
    height = CLIMATE.sample(smooth(z, 30))
    months = tuple(str(month) for month in range(1, 13))
    coolness = 0.0055 * height + 0.3 * noise(rng, CLIMATE.shape, 7, 2)
    warmth = np.stack([warm - coolness for warm in WARMTH])
    wetness = np.stack([made["rain"].astype(np.float64) * part / 64 for part in WETNESS])
    storms = np.stack(
        [
            low + height / 100 * rise + uneven * noise(rng, CLIMATE.shape, 5, 2)
            for low, rise, uneven in STORMS.values()
        ]
    )
    shallow = SOIL.sample(slope_of(smooth(z, 10)))
    clay = made["clay"].astype(np.float64)
    tight = clay + 25 * shallow + 2 * noise(rng, SOIL.shape, 10, 3)
    group = 1 + sum((tight > limit).astype(np.uint8) for limit in (20, 31, 41))
    wooded = SOIL.sample(smooth((cover == TREE).astype(float), 12))
    wet = SOIL.sample(smooth((cover == WATER).astype(float), 12))
    varied = noise(rng, SOIL.shape, 12, 4)
    index = np.clip(0.9 + 1.5 * wooded + 0.5 * varied, 0.25, 4)
    ions = np.clip(420 + 1500 * wooded + 1800 * wet + 300 * varied, 150, 6000)
    return [
        Raster(
            "monthly_temperature", "Air temperature", "°C", grain(warmth, 4), -9999, *climate
        ).of(months),
        Raster("monthly_rain", "Precipitation", "mm/yr", grain(wetness, 512), -9999, *climate).of(
            months
        ),
        Raster("storms", "Rain of a storm", "mm/yr", grain(storms, 4), -9999, *climate).of(
            tuple(STORMS)
        ),
        Raster(
            "et_cooling",
            "Actual evapotranspiration on the days of air conditioning",
            "mm/yr",
            grain(made["et"].astype(np.float64) / 4, 8),
            -9999,
            *climate,
        ),
        Raster("soil_group", "Hydrologic soil group, 1 = A to 4 = D", "1", group, 255, *soil),
        Raster("species_index", "Shannon-Wiener index", "1", grain(index, 16), -9999, *soil),
        Raster("negative_ions", "Negative air ions", "ion/cm³", grain(ions, 1), -9999, *soil),
    ]


def write_raster(out: Path, raster: Raster) -> None:
    """Write one compressed GeoTIFF with unit, title and label."""
    values = raster.values if raster.members else raster.values[None]
    with rasterio.open(
        out / f"{raster.name}.tif",
        "w",
        driver="GTiff",
        height=values.shape[1],
        width=values.shape[2],
        count=len(values),
        dtype=values.dtype,
        crs=raster.crs,
        transform=raster.transform,
        nodata=raster.nodata,
        compress="deflate",
        zlevel=9,
        predictor=3 if values.dtype.kind == "f" else 2,
    ) as target:
        target.write(values)
        for band, name in enumerate(raster.members or (raster.title,), start=1):
            target.set_band_unit(band, raster.unit)
            target.set_band_description(band, name)
        target.update_tags(TITLE=raster.title, UNITS=raster.unit, NOTE=LABEL)


# -------------------------------------------------------------------------------------- statistics

#: How the county's totals fall to the townships, in thousandths, in the order of TOWNSHIPS.
SHARES = {
    "people": (322, 168, 84, 117, 173, 81, 55),
    "fields": (141, 232, 61, 157, 246, 96, 67),
    "forest": (131, 117, 198, 121, 133, 142, 158),
    "water": (264, 52, 97, 301, 168, 71, 47),
    "visits": (388, 49, 203, 176, 62, 45, 77),
    "dam": (1000, 0, 0, 0, 0, 0, 0),
    "land": (133, 160, 157, 117, 174, 123, 136),
    "river": (251, 46, 38, 127, 204, 189, 145),
}
#: quantity, unit, total of the county, share.
STATISTICS: tuple[tuple[str, str, float, str], ...] = (
    ("crop_net_output", "万元/yr", 21400, "fields"),
    ("forestry_net_output", "万元/yr", 4300, "forest"),
    ("livestock_net_output", "万元/yr", 7600, "fields"),
    ("fishery_net_output", "万元/yr", 1900, "water"),
    ("domestic_water_use", "万m³/yr", 310, "people"),
    ("industrial_water_use", "万m³/yr", 420, "people"),
    ("agricultural_water_use", "万m³/yr", 1850, "fields"),
    ("hydropower_generation", "万kWh/yr", 1260, "water"),
    ("reservoir_capacity", "万m³", 340, "dam"),
    ("sulfur_dioxide_emission", "tSO2/yr", 84, "people"),
    ("nitrogen_oxides_emission", "tNOx/yr", 137, "people"),
    ("dust_emission", "tdust/yr", 66, "people"),
    ("cod_emission", "tCOD/yr", 412, "people"),
    ("ammonia_nitrogen_emission", "tNH3N/yr", 47, "people"),
    ("forest_pest_control_area", "hm²/yr", 640, "forest"),
    ("grassland_pest_control_area", "hm²/yr", 90, "forest"),
    ("tourism_receipts", "万元/yr", 15800, "visits"),
    ("visitors", "万人次/yr", 24.6, "visits"),
)


#: What further standards ask for: quantity, item, unit, total of the county, share.
MORE_STATISTICS: tuple[tuple[str, str, str, float, str], ...] = (
    ("crop_harvest", "maize", "t/yr", 5200, "fields"),
    ("crop_harvest", "rapeseed", "t/yr", 1900, "fields"),
    ("crop_harvest", "vegetables", "t/yr", 46000, "fields"),
    ("crop_harvest", "fruit", "t/yr", 4200, "fields"),
    ("crop_harvest", "tea", "t/yr", 800, "fields"),
    ("timber_harvest", "", "m³/yr", 11000, "forest"),
    ("forest_product_harvest", "bamboo_shoot", "t/yr", 3600, "forest"),
    ("forest_product_harvest", "camellia_oil", "t/yr", 330, "forest"),
    ("livestock_product_output", "pork", "t/yr", 2700, "fields"),
    ("livestock_product_output", "poultry", "t/yr", 900, "fields"),
    ("livestock_product_output", "eggs", "t/yr", 520, "fields"),
    ("fishery_product_output", "fish", "t/yr", 1700, "water"),
    ("fishery_product_output", "crayfish", "t/yr", 130, "water"),
    ("crop_value_added", "", "万元/yr", 23100, "fields"),
    ("forestry_value_added", "", "万元/yr", 4700, "forest"),
    ("livestock_value_added", "", "万元/yr", 8100, "fields"),
    ("fishery_value_added", "", "万元/yr", 2050, "water"),
    ("other_product_gross_output", "", "万元/yr", 860, "forest"),
    ("other_product_human_inputs", "", "万元/yr", 290, "forest"),
    ("other_product_value_added", "", "万元/yr", 620, "forest"),
    ("imported_ecosystem_products", "", "万元/yr", 1350, "people"),
    ("other_energy_generation", "biogas", "万kWh/yr", 45, "fields"),
    ("other_energy_generation", "wind", "万kWh/yr", 310, "forest"),
    ("total_nitrogen_emission", "", "tTN/yr", 118, "people"),
    ("total_phosphorus_emission", "", "tTP/yr", 13, "people"),
    ("water_inflow", "", "万m³/yr", 9400, "river"),
    ("green_belt_road_length", "", "km", 46, "people"),
    ("local_visits", "", "万人次/yr", 72, "people"),
    ("benefiting_floor_area", "", "万m²", 38, "people"),
    ("hotel_room_nights", "", "间夜/yr", 85000, "visits"),
    ("forest_recreation_receipts", "", "万元/yr", 3900, "visits"),
)
#: Prices of products (CNY/t), the same in every township.
PRICES = {
    "crop_price": {
        "maize": 2300,
        "rapeseed": 5400,
        "vegetables": 3400,
        "fruit": 5200,
        "tea": 165000,
    },
    "forest_product_price": {"bamboo_shoot": 6000, "camellia_oil": 90000},
    "livestock_product_price": {"pork": 33000, "poultry": 18000, "eggs": 9000},
    "fishery_product_price": {"fish": 14000, "crayfish": 36000},
}
TIMBER_PRICE = 900
#: Part of a harvest that depends on pollinators.
POLLINATED = {"maize": 0, "rapeseed": 0.25, "vegetables": 0.15, "fruit": 0.55, "tea": 0}
#: Branch, quantity of its products, the prices they have.
BRANCHES = (
    ("crop", "crop_harvest", "crop_price"),
    ("forestry", "forest_product_harvest", "forest_product_price"),
    ("livestock", "livestock_product_output", "livestock_product_price"),
    ("fishery", "fishery_product_output", "fishery_product_price"),
)
#: Origin of visitors: part of the visits (the last has the rest), hours, wage, and what they pay
#: for transport, for lodging and food, for tickets.
ORIGINS = {
    "province": (0.70, 11, 21, 85, 160, 40),
    "neighbours": (0.23, 22, 24, 260, 380, 60),
    "far": (0.07, 46, 29, 980, 820, 80),
}
TRAVEL = (
    ("travel_time", "h/人次"),
    ("hourly_wage", "CNY/h"),
    ("transport_cost", "CNY/人次"),
    ("lodging_food_cost", "CNY/人次"),
    ("ticket_cost", "CNY/人次"),
)
#: Quantities of each class: file, class, value.
CLASS_TABLES: dict[str, dict[int, float]] = {
    "stand_height": {TREE: 11.5, SHRUB: 2.2},
    "biomass_start": {
        TREE: 96,
        SHRUB: 21,
        GRASS: 6.2,
        CROP: 8.5,
        BUILT: 2.1,
        BARE: 0.4,
        WATER: 0.2,
        WETLAND: 9.4,
    },
    "biomass_end": {
        TREE: 109,
        SHRUB: 22.5,
        GRASS: 6.3,
        CROP: 8.5,
        BUILT: 2.3,
        BARE: 0.4,
        WATER: 0.2,
        WETLAND: 9.6,
    },
}

Row = tuple[str, str, str, float, str]


def write_statistics(path: Path, lake: npt.NDArray[np.bool_]) -> None:
    """Write the statistics of the townships, tidy: one number per row."""
    rows: list[Row] = []
    for quantity, unit, total, share in STATISTICS:
        for township, part in zip(TOWNSHIPS, SHARES[share], strict=True):
            rows.append((township.code, quantity, "", round(total * part) / 1000, unit))
    lake_area = round(float(lake.sum()) * CELL * CELL / 1e6, 2)
    for quantity, value, unit in (("lake_area", lake_area, "km²"), ("lake_number", 1, "1")):
        for township in TOWNSHIPS:
            here = value if township.code == LAKE_TOWNSHIP else 0
            rows.append((township.code, quantity, LAKE, here, unit))
    write_rows(path, rows)


def write_more_statistics(path: Path) -> None:
    """Write what further standards ask for; it agrees with the first statistics.

    Harvests times prices are the gross output, gross output less human inputs is the net output of
    the first file, and the visits of all origins are its visitors.
    """
    rows: list[Row] = []
    for quantity, item, unit, total, share in MORE_STATISTICS:
        for township, part in zip(TOWNSHIPS, SHARES[share], strict=True):
            rows.append((township.code, quantity, item, round(total * part) / 1000, unit))
    for quantity, prices in PRICES.items():
        for item, price in prices.items():
            rows += [(t.code, quantity, item, price, "CNY/t") for t in TOWNSHIPS]
    for item, part in POLLINATED.items():
        rows += [(t.code, "pollination_dependence", item, part, "1") for t in TOWNSHIPS]
    more = {(zone, quantity, item): value for zone, quantity, item, value, _ in rows}
    known = {
        (township.code, quantity): round(total * part) / 1000
        for quantity, _, total, share in STATISTICS
        for township, part in zip(TOWNSHIPS, SHARES[share], strict=True)
    }
    for branch, product, price in BRANCHES:
        gross = {
            zone.code: sum(more[zone.code, product, i] * p for i, p in PRICES[price].items()) / 1e4
            for zone in TOWNSHIPS
        }
        if branch == "forestry":
            for zone in TOWNSHIPS:
                gross[zone.code] += more[zone.code, "timber_harvest", ""] * TIMBER_PRICE / 1e4
        for zone, output in gross.items():
            spent = output - known[zone, f"{branch}_net_output"]
            rows.append((zone, f"{branch}_gross_output", "", round(output, 6), "万元/yr"))
            rows.append((zone, f"{branch}_human_inputs", "", round(spent, 6), "万元/yr"))
    uses = ("domestic_water_use", "industrial_water_use", "agricultural_water_use")
    for zone, part in zip(TOWNSHIPS, SHARES["land"], strict=True):
        used = round(sum(known[zone.code, use] for use in uses), 6)
        net = 8600 * part / 1000 - used  # what the land yields, less what is used
        out = round(more[zone.code, "water_inflow", ""] + net, 6)
        rows.append((zone.code, "water_use", "", used, "万m³/yr"))
        rows.append((zone.code, "water_outflow", "", out, "万m³/yr"))
    for zone in TOWNSHIPS:
        rest = round(known[zone.code, "visitors"] * 10_000)
        for origin, numbers in ORIGINS.items():
            last = origin == list(ORIGINS)[-1]
            visits = rest if last else round(known[zone.code, "visitors"] * 10_000 * numbers[0])
            rest -= visits
            rows.append((zone.code, "origin_visits", origin, visits, "人次/yr"))
    for at, (quantity, unit) in enumerate(TRAVEL, start=1):
        for origin, numbers in ORIGINS.items():
            rows += [(t.code, quantity, origin, numbers[at], unit) for t in TOWNSHIPS]
    write_rows(path, rows)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a file of statistics."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["zone", "quantity", "item", "value", "unit", "year", "source"])
        for zone, quantity, item, value, unit in rows:
            writer.writerow([zone, quantity, item, f"{value:.10g}", unit, 2020, "synthetic"])


def write_class_tables(out: Path) -> None:
    """Write the quantities that are known by class."""
    for name, values in CLASS_TABLES.items():
        with (out / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["ecosystem", "value", "source"])
            for code, value in values.items():
                writer.writerow([CLASSES[code], f"{value:g}", "synthetic"])


def write_extent(path: Path, zones: gpd.GeoDataFrame, cover: npt.NDArray[np.uint8]) -> None:
    """Write the area of every class in every township, counted from the land cover."""
    outlines = zones.to_crs(GRID_CRS)
    shapes = zip(outlines.geometry, range(1, len(outlines) + 1), strict=True)
    zone = features.rasterize(shapes, out_shape=cover.shape, transform=FINE, dtype="uint8")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["zone", "zone_name", "ecosystem", "area", "unit", "source"])
        for number, township in enumerate(TOWNSHIPS, start=1):
            for code, ecosystem in CLASSES.items():
                area = int(((zone == number) & (cover == code)).sum()) * CELL * CELL / 10_000
                if area:
                    row = [
                        township.code,
                        township.name,
                        ecosystem,
                        f"{area:.2f}",
                        "ha",
                        "synthetic",
                    ]
                    writer.writerow(row)


# -------------------------------------------------------------------------------------------- main


def main(out: Path) -> None:
    """Make the county in the folder ``out`` (project files there are left alone)."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.Generator(np.random.PCG64(SEED))
    z, flow = make_terrain(rng)
    length = slope_length(z, flow, 90.0)
    z, reservoir = add_lake(z, flow, row=170, column=285, depth=14)
    z, lake = add_lake(z, flow, row=150, column=405, depth=8)
    cover = make_land_cover(rng, z, flow, reservoir | lake, [(t.row, t.column) for t in TOWNSHIPS])
    zones = make_townships(rng)
    rasters = make_rasters(rng, z, length, cover)
    made = {raster.name: raster.values for raster in rasters}
    more = np.random.Generator(np.random.PCG64(SEED + 1))
    for raster in (*rasters, *make_more_rasters(more, z, cover, made)):
        write_raster(out, raster)
    path = out / "townships.gpkg"
    path.unlink(missing_ok=True)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2020-01-01T00:00:00.000Z"})
    try:
        zones.to_file(path, layer="townships", engine="pyogrio", layer_metadata={"NOTE": LABEL})
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
    write_statistics(out / "statistics.csv", lake)
    write_more_statistics(out / "statistics_standards.csv")
    write_class_tables(out)
    write_extent(out / "extent.csv", zones, cover)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "county")
    main(parser.parse_args().out)
