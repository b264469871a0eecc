"""Grids, true cell areas, zones as exact cell fractions, and rasters read onto a grid.

The land-cover raster sets the grid. Everything here works on fixed tiles of ``TILE`` × ``TILE``
cells, so that no result depends on how much is read at once or by how many threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gep.errors import DataError

if TYPE_CHECKING:
    import rasterio
    import shapely
    from affine import Affine
    from pyproj import CRS
    from scipy.interpolate import RectBivariateSpline

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Side of the fixed tile over which sums are made, in cells.
TILE = 256
#: Two grids are the same when corners differ by less than this share of a cell.
SAME_GRID = 1e-3
#: Values that programs write for "no data" and forget to declare.
SENTINELS = (
    -9999.0,
    -99999.0,
    -999.0,
    -32768.0,
    -3.4028234663852886e38,
    3.4028234663852886e38,
    1e20,
)


@dataclass(frozen=True)
class Window:
    """A rectangle of cells: first row and column, height and width."""

    row: int
    col: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rectangle as slices of a whole array."""
        rows = slice(self.row, self.row + self.height)
        return rows, slice(self.col, self.col + self.width)


@dataclass(frozen=True)
class Grid:
    """A raster grid: coordinate system, affine transform and shape. North is up."""

    wkt: str
    transform: Affine
    height: int
    width: int

    @classmethod
    def of(cls, dataset: rasterio.DatasetReader, name: str) -> Grid:
        """Return the grid of an open raster.

        Raises
        ------
        DataError
            If it has no coordinate system, is rotated, or south is up.
        """
        if dataset.crs is None:
            cure = "assign it (gdal_edit.py -a_srs EPSG:..., or in QGIS), then run again"
            raise DataError("the raster has no coordinate system (CRS)", name, cure=cure)
        t = dataset.transform
        if t.b or t.d or t.a <= 0 or t.e >= 0:
            found = f"transform {tuple(t)[:6]}"
            cure = "warp it to a north-up grid with gdalwarp"
            raise DataError("the raster is rotated or not north-up", name, found, cure)
        return cls(dataset.crs.to_wkt(), t, dataset.height, dataset.width)

    @functools.cached_property
    def crs(self) -> CRS:
        """The coordinate system."""
        from pyproj import CRS

        return CRS.from_wkt(self.wkt)

    @property
    def window(self) -> Window:
        """The whole grid."""
        return Window(0, 0, self.height, self.width)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in the grid's coordinates."""
        t = self.transform
        return t.c, t.f + t.e * self.height, t.c + t.a * self.width, t.f

    def same_as(self, other: Grid) -> bool:
        """Say whether both grids have the same cells (corners within 1/1000 of a cell)."""
        if (self.height, self.width) != (other.height, other.width) or self.crs != other.crs:
            return False
        a, b = self.bounds, other.bounds
        steps = (self.transform.a, -self.transform.e) * 2
        return all(abs(x - y) < SAME_GRID * s for x, y, s in zip(a, b, steps, strict=True))

    def tiles(self, block: Window | None = None) -> Iterator[tuple[int, Window]]:
        """Iterate over the fixed tiles inside a block (whose corner lies on a tile corner)."""
        block = block or self.window
        across = -(-self.width // TILE)
        for row in range(block.row, block.row + block.height, TILE):
            for col in range(block.col, block.col + block.width, TILE):
                height, width = min(TILE, self.height - row), min(TILE, self.width - col)
                yield (row // TILE) * across + col // TILE, Window(row, col, height, width)

    def blocks(self, side: int) -> Iterator[Window]:
        """Iterate over blocks of ``side`` × ``side`` cells, rounded up to whole tiles."""
        side = max(1, -(-side // TILE)) * TILE
        for row in range(0, self.height, side):
            for col in range(0, self.width, side):
                yield Window(row, col, min(side, self.height - row), min(side, self.width - col))

    def centres(self, window: Window) -> tuple[Floats, Floats]:
        """Return x of the columns and y of the rows of a window (cell centres)."""
        t = self.transform
        x = t.c + t.a * (np.arange(window.col, window.col + window.width) + 0.5)
        y = t.f + t.e * (np.arange(window.row, window.row + window.height) + 0.5)
        return x, y

    def box(self, window: Window) -> tuple[float, float, float, float]:
        """Return west, south, east, north of a window."""
        t = self.transform
        west, north = t.c + t.a * window.col, t.f + t.e * window.row
        return west, north + t.e * window.height, west + t.a * window.width, north

    # ------------------------------------------------------------------ areas

    def areas(self, window: Window) -> Floats:
        """Return the true area of every cell of a window in m², shape (height, width).

        Geodesic on a longitude/latitude grid; the projection's areal scale is taken out elsewhere.
        """
        if self.crs.is_geographic:
            rows = self._geographic_rows[window.row : window.row + window.height]
            return np.repeat(rows[:, None], window.width, axis=1)
        x, y = self.centres(window)
        flat = abs(self.transform.a * self.transform.e) * self._metres**2
        scale: Floats = self._areal_scale(y[::-1], x)[::-1]
        return np.asarray(flat / scale)

    @functools.cached_property
    def _metres(self) -> float:
        return float(self.crs.axis_info[0].unit_conversion_factor)

    @functools.cached_property
    def _geographic_rows(self) -> Floats:
        """Area of a cell of each row: the integral of M·N·cos φ over the cell (Gauss-Legendre)."""
        to_radians = float(self.crs.axis_info[0].unit_conversion_factor)
        edges = (self.transform.f + self.transform.e * np.arange(self.height + 1)) * to_radians
        nodes, weights = np.polynomial.legendre.leggauss(6)
        half = (edges[:-1] - edges[1:]) / 2
        phi = (edges[:-1] + edges[1:])[:, None] / 2 + half[:, None] * nodes
        meridian, normal, _ = _radii(self.crs, phi)
        integrand = meridian * normal * np.cos(phi)
        width = self.transform.a * to_radians
        return np.asarray((integrand * weights).sum(axis=1) * half * width)

    @functools.cached_property
    def _areal_scale(self) -> RectBivariateSpline:
        """Areal scale of the projection as a spline through exact values on a lattice.

        The lattice has a node every 5 km at most; a cubic spline is then exact to about 1e-11.
        """
        from pyproj import Proj
        from scipy.interpolate import RectBivariateSpline

        west, south, east, north = self.bounds
        step = 5000.0 / self._metres
        nx = max(6, math.ceil((east - west) / step) + 1)
        ny = max(6, math.ceil((north - south) / step) + 1)
        x, y = np.linspace(west, east, nx), np.linspace(south, north, ny)
        projection = Proj(self.crs)
        xx, yy = np.meshgrid(x, y)
        lon, lat = projection(xx, yy, inverse=True)
        if not np.all(np.isfinite(lon)):
            cure = "use a projection that covers the whole raster"
            raise DataError("the raster reaches outside its projection's domain", cure=cure)
        scale = np.asarray(projection.get_factors(lon, lat).areal_scale)
        operation = self.crs.coordinate_operation
        if operation is not None and operation.method_code == _WEB_MERCATOR:
            # A sphere's formulas on the ellipsoid's coordinates: PROJ's factors are the sphere's.
            meridian, normal, a = _radii(self.crs, np.radians(lat))
            scale = scale * a * a / (meridian * normal)
        return RectBivariateSpline(y, x, scale.reshape(ny, nx), s=0)

    def ground_cell(self) -> tuple[Floats | float, Floats | float]:
        """Return the true width and height of cells in metres, for slopes and flow paths.

        On a longitude/latitude grid each is an array (rows, 1); elsewhere the projected size.
        """
        if not self.crs.is_geographic:
            return self.transform.a * self._metres, -self.transform.e * self._metres
        to_radians = float(self.crs.axis_info[0].unit_conversion_factor)
        phi = self.centres(self.window)[1][:, None] * to_radians
        meridian, normal, _ = _radii(self.crs, phi)
        dx = normal * np.cos(phi) * self.transform.a * to_radians
        return dx, meridian * -self.transform.e * to_radians


#: EPSG code of the method of web-mercator (EPSG:3857).
_WEB_MERCATOR = "1024"


def _ellipsoid(crs: CRS) -> tuple[float, float]:
    """Return the semi-axes in metres."""
    ellipsoid = crs.ellipsoid
    if ellipsoid is None:
        raise DataError("the coordinate system has no ellipsoid", cure="use EPSG:4326 or EPSG:4490")
    return ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre


def _radii(crs: CRS, phi: Floats) -> tuple[Floats, Floats, float]:
    """Return the radii of curvature M and N at ``phi`` (radians), and the semi-major axis."""
    a, b = _ellipsoid(crs)
    e2 = 1 - (b / a) ** 2
    w = np.sqrt(1 - e2 * np.sin(phi) ** 2)
    return a * (1 - e2) / w**3, a / w, a


# --------------------------------------------------------------------------------------- zones


@dataclass(frozen=True)
class Zones:
    """Polygons in the grid's coordinates, with ids and names."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    shapes: tuple[shapely.Geometry, ...]

    def cover(self, grid: Grid, window: Window) -> tuple[Ints, Ints, Floats]:
        """Return the exact share of every cell of a tile in every zone.

        Returns
        -------
        tuple of arrays
            Flat cell index in the tile, zone number, share of the cell (0, 1]: one entry per cell
            and zone, zones in order, cells in rising order.
        """
        import shapely

        box = grid.box(window)
        entries: list[tuple[Ints, Ints, Floats]] = []
        for number, shape in enumerate(self.shapes):
            west, south, east, north = shape.bounds
            if east <= box[0] or west >= box[2] or north <= box[1] or south >= box[3]:
                continue
            clipped = shapely.clip_by_rect(shape, *_grown(box))
            if clipped.is_empty:
                continue
            shares = np.zeros((window.height, window.width))
            _quarter(clipped, grid, window, window, shares)
            cells = np.flatnonzero(shares)
            if cells.size:
                entries.append((cells, np.full(cells.size, number), shares.ravel()[cells]))
        if not entries:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        cells, zones, shares = (np.concatenate(part) for part in zip(*entries, strict=True))
        return cells, zones, shares

    def outside(self, grid: Grid) -> Floats:
        """Return the geodesic area in m² of every zone's part that lies outside the grid."""
        import shapely
        from pyproj import Geod

        frame = shapely.box(*grid.bounds)
        geod = Geod(a=_ellipsoid(grid.crs)[0], b=_ellipsoid(grid.crs)[1])
        to_degrees = _transformer(grid.wkt, grid.crs.geodetic_crs.to_wkt())
        areas = np.zeros(len(self.shapes))
        for number, shape in enumerate(self.shapes):
            rest = shapely.difference(shape, frame)
            if not rest.is_empty:
                degrees = shapely.transform(rest, to_degrees.transform, interleaved=False)
                areas[number] = abs(
                    geod.geometry_area_perimeter(shapely.orient_polygons(degrees))[0]
                )
        return areas


def _grown(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return the box a little larger, so that clipping leaves no edge on the tile's edge."""
    west, south, east, north = box
    dx, dy = (east - west) * 1e-3, (north - south) * 1e-3
    return west - dx, south - dy, east + dx, north + dy


#: Below this side a square of boundary cells is intersected cell by cell.
_LEAF = 8


def _quarter(
    shape: shapely.Geometry, grid: Grid, tile: Window, part: Window, shares: Floats
) -> None:
    """Fill the shares of a part of a tile: whole squares at once, boundary squares in quarters."""
    import shapely

    box = shapely.box(*grid.box(part))
    if not shape.intersects(box):
        return
    rows = slice(part.row - tile.row, part.row - tile.row + part.height)
    cols = slice(part.col - tile.col, part.col - tile.col + part.width)
    if shape.contains(box):
        shares[rows, cols] = 1.0
        return
    if max(part.height, part.width) > _LEAF:
        clipped = shapely.clip_by_rect(shape, *_grown(grid.box(part)))
        for quarter in _quarters(part):
            _quarter(clipped, grid, tile, quarter, shares)
        return
    t = grid.transform
    west = t.c + t.a * np.arange(part.col, part.col + part.width + 1)
    north = t.f + t.e * np.arange(part.row, part.row + part.height + 1)
    cells = shapely.box(west[None, :-1], north[1:, None], west[None, 1:], north[:-1, None])
    shapely.prepare(shape)
    share = shapely.contains(shape, cells).astype(np.float64)
    crossed = shapely.intersects(shape, cells) & (share == 0)
    share[crossed] = shapely.area(shapely.intersection(cells[crossed], shape)) / abs(t.a * t.e)
    share[share > 1 - 1e-12] = 1.0
    share[share < 1e-12] = 0.0  # noqa: PLR2004
    shares[rows, cols] = share


def _quarters(part: Window) -> Iterator[Window]:
    half_h, half_w = (part.height + 1) // 2, (part.width + 1) // 2
    for row, height in ((part.row, half_h), (part.row + half_h, part.height - half_h)):
        for col, width in ((part.col, half_w), (part.col + half_w, part.width - half_w)):
            if height and width:
                yield Window(row, col, height, width)


# ------------------------------------------------------------------------------------- rasters


@dataclass(frozen=True)
class Raster:
    """A raster file, how its bands are used and how it comes onto another grid.

    ``resampling`` is ``exact`` where the grids agree; else ``nearest`` and ``bilinear`` sample at
    the exact cell centre, ``average``, ``sum`` and ``mode`` gather the finer cells.
    """

    path: str
    name: str
    grid: Grid
    nodata: float | None
    bands: tuple[int, ...]
    labels: tuple[str, ...]
    combine: str | None  # "sum" or "mean" over bands, or None: the bands are members of an axis
    resampling: str
    whole: bool  # classes: the values are whole numbers

    @property
    def has_axis(self) -> bool:
        """Whether reading gives (bands, height, width) rather than (height, width)."""
        return self.combine is None and len(self.bands) > 1


def open_raster(path: str, name: str) -> rasterio.DatasetReader:
    """Open a raster; raise a DataError that says what is wrong."""
    import rasterio
    from rasterio.errors import RasterioError

    try:
        return rasterio.open(path)
    except (RasterioError, OSError, ValueError) as error:  # ValueError: a NUL in the name
        missing = not path_exists(path)
        found = "there is no such file" if missing else str(error).splitlines()[0]
        cure = "check the name (it is relative to the project file)"
        cure = cure if missing else "copy the file again, or export it as GeoTIFF"
        raise DataError("the raster cannot be opened", name[:200], found, cure) from None


def path_exists(path: str) -> bool:
    """Say whether a file is there, as far as that can be seen without opening it."""
    try:
        return path.startswith("/vsi") or "://" in path or Path(path).exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


class RasterReader:
    """Reads rasters onto one grid. Each thread has its own open files."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._open: dict[str, Any] = {}

    def close(self) -> None:
        """Close all files."""
        for dataset in self._open.values():
            dataset.close()
        self._open.clear()

    def read(self, raster: Raster, window: Window) -> Floats:
        """Return the values in a tile as float64, NaN where there are none.

        Shape (height, width), or (bands, height, width) for a raster with an axis.
        """
        from rasterio.errors import RasterioError

        if raster.path not in self._open:
            self._open[raster.path] = open_raster(raster.path, raster.name)
        dataset = self._open[raster.path]
        try:
            if raster.resampling == "exact":
                values = self._plain(dataset, raster, window)
            elif raster.resampling in ("nearest", "bilinear"):
                values = self._sample(dataset, raster, window)
            else:
                values = self._gather(dataset, raster, window)
        except (RasterioError, OSError) as error:
            cause = str(error.__cause__ or error)  # rasterio's own text says "see previous"
            found = cause.splitlines()[0] if cause else type(error).__name__
            cure = "the file is damaged or incomplete: copy it again"
            raise DataError("the raster cannot be read", raster.name, found, cure) from None
        if raster.combine == "sum":
            return np.asarray(values.sum(axis=0))
        if raster.combine == "mean":
            return np.asarray(values.mean(axis=0))
        return values if raster.has_axis else values[0]

    def _plain(self, dataset: Any, raster: Raster, window: Window) -> Floats:
        from rasterio.windows import Window as Rio

        rio = Rio(window.col, window.row, window.width, window.height)
        raw = dataset.read(list(raster.bands), window=rio)
        values: Floats = raw.astype(np.float64)
        if raster.nodata is not None and _can_hold(raw.dtype, raster.nodata):
            values[raw == np.asarray(raster.nodata).astype(raw.dtype)] = np.nan
        for number, band in enumerate(raster.bands):
            if "per_dataset" in {flag.name for flag in dataset.mask_flag_enums[band - 1]}:
                values[number][dataset.read_masks(band, window=rio) == 0] = np.nan
            scale, offset = dataset.scales[band - 1], dataset.offsets[band - 1]
            if (scale, offset) != (1.0, 0.0):
                values[number] = values[number] * scale + offset
        values[np.isinf(values)] = np.nan
        return values

    def _sample(self, dataset: Any, raster: Raster, window: Window) -> Floats:
        """Sample at exact cell centres, nearest or bilinear over the cells that have data."""
        x, y = np.meshgrid(*self.grid.centres(window))
        if self.grid.crs != raster.grid.crs:
            x, y = _transformer(self.grid.wkt, raster.grid.wkt).transform(x, y)
        t = raster.grid.transform
        col, row = (x - t.c) / t.a, (y - t.f) / t.e  # in cells, from the outer corner
        height, width = raster.grid.height, raster.grid.width
        inside = (col >= 0) & (col <= width) & (row >= 0) & (row <= height)
        result = np.full((len(raster.bands), *x.shape), np.nan)
        if not inside.any():
            return result
        col0 = max(0, math.floor(col[inside].min() - 0.5))
        col1 = min(width, math.floor(col[inside].max() + 0.5) + 1)
        row0 = max(0, math.floor(row[inside].min() - 0.5))
        row1 = min(height, math.floor(row[inside].max() + 0.5) + 1)
        source = self._plain(dataset, raster, Window(row0, col0, row1 - row0, col1 - col0))
        col, row = np.where(inside, col, col0) - col0, np.where(inside, row, row0) - row0
        last_row, last_col = source.shape[1] - 1, source.shape[2] - 1
        near_row = np.clip(np.floor(row), 0, last_row).astype(np.int64)
        near_col = np.clip(np.floor(col), 0, last_col).astype(np.int64)
        nearest = source[:, near_row, near_col]
        if raster.resampling == "nearest":
            return np.where(inside, nearest, np.nan)
        top, left = np.floor(row - 0.5).astype(np.int64), np.floor(col - 0.5).astype(np.int64)
        down, right = row - 0.5 - top, col - 0.5 - left
        total, weights = np.zeros_like(result), np.zeros_like(result)
        for r, wr in ((top, 1 - down), (top + 1, down)):
            for c, wc in ((left, 1 - right), (left + 1, right)):
                value = source[:, np.clip(r, 0, last_row), np.clip(c, 0, last_col)]
                weight = np.where(np.isnan(value), 0.0, wr * wc)
                total += np.where(np.isnan(value), 0.0, value) * weight
                weights += weight
        with np.errstate(invalid="ignore"):
            return np.where(inside & ~np.isnan(nearest), total / weights, np.nan)

    def _gather(self, dataset: Any, raster: Raster, window: Window) -> Floats:
        """Gather finer cells by GDAL's warper, tile by tile: its result depends on tiling.

        The warper gets the tile's part of the source with NaN for missing data: nodata values,
        mask bands, scales and offsets are then read in one way only.
        """
        import rasterio
        from affine import Affine
        from rasterio.enums import Resampling
        from rasterio.io import MemoryFile
        from rasterio.vrt import WarpedVRT

        part = self._below(raster, window)
        if part is None:
            return np.full((len(raster.bands), window.height, window.width), np.nan)
        source = self._plain(dataset, raster, part)
        if raster.resampling == "sum" and any(dataset.offsets[b - 1] for b in raster.bands):
            found = f"offset {next(o for o in dataset.offsets if o):g}"
            cure = "write the file without scale and offset"
            raise DataError("counts with an offset cannot be summed", raster.name, found, cure)
        own, t = raster.grid.transform, self.grid.transform
        corner = (own.c + own.a * part.col, own.f + own.e * part.row)
        west, _, _, north = self.grid.box(window)
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff",
                count=len(raster.bands),
                height=part.height,
                width=part.width,
                dtype="float64",
                crs=rasterio.crs.CRS.from_wkt(raster.grid.wkt),
                transform=Affine(own.a, 0.0, corner[0], 0.0, own.e, corner[1]),
                nodata=math.nan,
            ) as copy:
                copy.write(source)
            with (
                memory.open() as copy,
                WarpedVRT(
                    copy,
                    crs=rasterio.crs.CRS.from_wkt(self.grid.wkt),
                    transform=Affine(t.a, 0.0, west, 0.0, t.e, north),
                    height=window.height,
                    width=window.width,
                    resampling=Resampling[raster.resampling],
                    nodata=math.nan,
                    dtype="float64",
                    tolerance=1e-6,
                ) as warped,
            ):
                return np.asarray(warped.read(), dtype=np.float64)

    def _below(self, raster: Raster, window: Window) -> Window | None:
        """Return the cells of a raster below a tile, with a margin, or None."""
        west, south, east, north = self.grid.box(window)
        x = np.concatenate(
            [np.linspace(west, east, 33)] * 2 + [np.full(33, west), np.full(33, east)]
        )
        y = np.linspace(south, north, 33)
        y = np.concatenate([np.full(33, south), np.full(33, north), y, y])
        if self.grid.crs != raster.grid.crs:
            x, y = _transformer(self.grid.wkt, raster.grid.wkt).transform(x, y)
        t = raster.grid.transform
        cols, rows = (x - t.c) / t.a, (y - t.f) / t.e
        margin = 4 + 4 * math.ceil(max(np.ptp(cols) / window.width, np.ptp(rows) / window.height))
        col0 = max(0, math.floor(cols.min()) - margin)
        row0 = max(0, math.floor(rows.min()) - margin)
        col1 = min(raster.grid.width, math.ceil(cols.max()) + margin)
        row1 = min(raster.grid.height, math.ceil(rows.max()) + margin)
        if col0 >= col1 or row0 >= row1:
            return None
        return Window(row0, col0, row1 - row0, col1 - col0)


def _can_hold(dtype: Any, value: float) -> bool:
    """Say whether a raster of this type can hold a nodata value (as a byte, -9999 would be 241)."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return limits.min <= value <= limits.max and value == int(value)
    return not math.isnan(value)


@functools.lru_cache(maxsize=32)
def _transformer(source: str, target: str) -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(source, target, always_xy=True)


def overlap(grid: Grid, other: Grid) -> float:
    """Return the share of ``grid``'s rectangle that ``other`` covers (0 to 1), by sampling."""
    x = np.linspace(*grid.bounds[0::2], 41)
    y = np.linspace(*grid.bounds[1::2], 41)
    xx, yy = np.meshgrid(x, y)
    if grid.crs != other.crs:
        xx, yy = _transformer(grid.wkt, other.wkt).transform(xx, yy)
    west, south, east, north = other.bounds
    eps_x, eps_y = (east - west) * 1e-9, (north - south) * 1e-9
    inside = (
        (xx >= west - eps_x) & (xx <= east + eps_x) & (yy >= south - eps_y) & (yy <= north + eps_y)
    )
    return float(inside.mean())


def choose_resampling(kind: str, grid: Grid, other: Grid) -> str:
    """Return how a raster of a quantity's kind comes onto a grid.

    Totals are summed, so that none is lost; rates are averaged from finer cells and interpolated
    from coarser ones; classes take the most frequent or the nearest.
    """
    if grid.same_as(other):
        return "exact"
    finer = _ground_size(other) < 0.75 * _ground_size(grid)
    if kind == "total":
        return "sum"
    if kind == "class":
        return "mode" if finer else "nearest"
    return "average" if finer else "bilinear"


def _ground_size(grid: Grid) -> float:
    dx, dy = grid.ground_cell()
    return float(math.sqrt(np.mean(dx) * np.mean(dy)))


def describe_bands(dataset: rasterio.DatasetReader, bands: Sequence[int]) -> tuple[str, ...]:
    """Return the members' names of a multi-band raster: band descriptions, else 1, 2, 3 ..."""
    return tuple(dataset.descriptions[b - 1] or str(b) for b in bands)
