"""Grids, true cell areas, zones as exact cell fractions, and rasters read onto a grid.

The land-cover raster sets the grid. Everything here works on fixed tiles of ``TILE`` × ``TILE``
cells, so that no result depends on how much is read at once or by how many threads.
"""

from __future__ import annotations

import contextlib
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

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Side of the fixed tile over which sums are made, in cells.
TILE = 256
#: What GDAL may keep of what it decoded, in bytes: tiles are read once, so little is of use, and a
#: small cache stays in the processor's own.
CACHE = 4 * 2**20
#: So many rows are multiplied at a time that BLAS does it in the thread that asks. Its own threads
#: would wait for each other in every tile, and keep those that compute from the processor.
_FEW = 64
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

    def holds(self, other: Window) -> bool:
        """Say whether another window lies inside."""
        down, across = other.row - self.row, other.col - self.col
        return 0 <= down <= self.height - other.height and 0 <= across <= self.width - other.width


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
        flat = abs(self.transform.a * self.transform.e) * self._metres**2
        down, across, table = self._areal_scale
        below, first_row = down.near(window.row, window.height)
        beside, first_column = across.near(window.col, window.width)
        part = table[first_row:, first_column:][: below.shape[1], : beside.shape[1]]
        some = below @ part
        scale = np.empty((window.height, window.width))
        for row in range(0, window.height, _FEW):
            np.matmul(some[row : row + _FEW], beside.T, out=scale[row : row + _FEW])
        np.divide(flat, scale, out=scale)
        return scale

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
    def _areal_scale(self) -> tuple[_Basis, _Basis, Floats]:
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
        spline = RectBivariateSpline(y, x, scale.reshape(ny, nx), s=0)
        knots_y, knots_x, coefficients = spline.tck
        columns, rows = self.centres(self.window)
        table = coefficients.reshape(len(knots_y) - 4, len(knots_x) - 4)
        return _Basis.of(rows, knots_y), _Basis.of(columns, knots_x), table

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


@dataclass(frozen=True)
class _Basis:
    """The cubic B-splines at every row or column of a grid: the first that counts, and four values.

    A bicubic spline at all crossings of rows and columns is basis × coefficients × basis. For a
    tile, near which few knots lie, that is many times faster than to evaluate the spline.
    """

    first: Ints
    values: Floats  # (rows or columns, 4)

    @classmethod
    def of(cls, at: Floats, knots: Floats) -> _Basis:
        from scipy.interpolate import BSpline

        matrix = BSpline.design_matrix(at, knots, 3)
        return cls(matrix.indices.reshape(-1, 4)[:, 0].astype(np.int64), matrix.data.reshape(-1, 4))

    def near(self, start: int, count: int) -> tuple[Floats, int]:
        """Return the basis of some rows or columns as a matrix, and its first spline's number."""
        first, values = self.first[start : start + count], self.values[start : start + count]
        least = int(first.min())
        dense = np.zeros((count, int(first.max()) - least + 4))
        np.put_along_axis(dense, first[:, None] - least + np.arange(4), values, axis=1)
        return dense, least


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

    @functools.cached_property
    def _edges(self) -> tuple[Floats, ...]:
        """Per zone its edges x0, y0, x1, y1 as rows, the zone to the left of each."""
        import shapely

        found = []
        for shape in self.shapes:
            parts = shapely.get_parts(shapely.orient_polygons(shape))
            rings = shapely.get_rings(parts[shapely.get_type_id(parts) == _POLYGON])
            points, ring = shapely.get_coordinates(rings, return_index=True)
            same = ring[1:] == ring[:-1]
            found.append(np.hstack([points[:-1][same], points[1:][same]]).T.copy())
        return tuple(found)

    def outlines(self, grid: Grid, window: Window) -> list[tuple[int, Outline]]:
        """Return the number and outline of every zone that may touch a window, in cells of it."""
        t = grid.transform
        west, south, east, north = grid.box(window)
        found = []
        for number, edges in enumerate(self._edges):
            x0, y0, x1, y1 = edges
            if not x0.size or x0.max() <= west or x0.min() >= east:
                continue
            if y0.max() <= south or y0.min() >= north:
                continue
            # A margin of a cell, as Outline.near decides exactly.
            near = (np.minimum(x0, x1) < east + t.a) & (np.maximum(y0, y1) > south + t.e)
            x0, y0, x1, y1 = edges[:, near & (np.minimum(y0, y1) < north - t.e)]
            columns = [(x - t.c) / t.a for x in (x0, x1)]
            rows = [(y - t.f) / t.e for y in (y0, y1)]
            found.append((number, Outline(columns[0], rows[0], columns[1], rows[1])))
        return found

    def shares(self, grid: Grid, window: Window) -> list[tuple[int, Floats | None]]:
        """Return the number of every zone in a tile and its shares of the cells; None: all of it.

        The same for the same tile, from whatever block the outlines were taken.
        """
        return shares_of(self.outlines(grid, window), window)

    def cover(self, grid: Grid, window: Window) -> tuple[Ints, Ints, Floats]:
        """Return the exact share of every cell of a tile in every zone.

        Returns
        -------
        tuple of arrays
            Flat cell index in the tile, zone number, share of the cell (0, 1]: one entry per cell
            and zone, zones in order, cells in rising order.
        """
        return entries(self.shares(grid, window), window)

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


_POLYGON = 3
#: A share of a cell nearer to nothing or to the whole than this is rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Outline:
    """Edges of one zone in cells of the grid (columns and rows), the zone to the left of each.

    The share of a cell follows from the edges alone, as fonts are drawn: going along a row of
    cells, every piece of an edge that is passed adds its height, with the sign of its direction,
    to all cells behind it, and to its own cell the part that lies behind it. That is exact for
    polygons, and needs no intersection of shapes.
    """

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats

    def near(self, window: Window) -> Outline:
        """Return the edges that count in a window: those beside its rows that do not lie east."""
        top, bottom = window.row, window.row + window.height
        count = (np.minimum(self.x0, self.x1) < window.col + window.width) & (
            (np.minimum(self.y0, self.y1) < bottom) & (np.maximum(self.y0, self.y1) > top)
        )
        return Outline(self.x0[count], self.y0[count], self.x1[count], self.y1[count])

    def shares(self, window: Window) -> Floats | None:
        """Return the zone's share of every cell of a window, None if it is the whole window."""
        near = self.near(window)
        x0, x1 = near.x0 - window.col, near.x1 - window.col
        y0, y1 = near.y0 - window.row, near.y1 - window.row
        if not (np.maximum(x0, x1) > 0).any():  # no edge inside: all or nothing
            height = np.clip(y1, 0, window.height) - np.clip(y0, 0, window.height)
            if round(height.sum() / window.height) == 1:
                return None
            return np.zeros((window.height, window.width))
        x, y, last = _cut(x0, y0, x1, y1, window)
        height = np.diff(y)
        middle_x, middle_y = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
        inside = ~last[:-1] & (middle_y > 0) & (middle_y < window.height)
        inside &= (middle_x < window.width) & (height != 0)
        height, middle_y = height[inside], middle_y[inside]
        middle_x = np.maximum(middle_x[inside], 0.0)  # an edge to the west counts in all cells
        column = middle_x.astype(np.int64)
        behind = middle_x - column
        place = middle_y.astype(np.int64) * (window.width + 1) + column
        places = np.concatenate([place, place + 1])
        parts = np.concatenate([height * (1 - behind), height * behind])
        size = window.height * (window.width + 1)
        steps = np.bincount(places, weights=parts, minlength=size)
        steps = steps.reshape(window.height, window.width + 1)[:, :-1]
        shares: Floats = np.cumsum(steps, axis=1)
        shares[shares < _ROUNDING] = 0.0
        shares[shares > 1 - _ROUNDING] = 1.0
        return None if shares.min() == 1.0 else shares


def _cut(
    x0: Floats, y0: Floats, x1: Floats, y1: Floats, window: Window
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Cut edges at the lines between cells: points along all edges; whether one ends its edge."""
    edges, number = np.arange(len(x0)), len(x0)
    edge_x, at_x = _crossed(x0, x1, window.width)
    edge_y, at_y = _crossed(y0, y1, window.height)
    dx, dy = x1 - x0, y1 - y0
    along_x = (at_x - x0[edge_x]) / dx[edge_x]
    along_y = (at_y - y0[edge_y]) / dy[edge_y]
    edge = np.concatenate([edges, edge_x, edge_y, edges])
    along = np.concatenate([np.zeros(number), along_x, along_y, np.ones(number)])
    x = np.concatenate([x0, at_x, x0[edge_y] + along_y * dx[edge_y], x1])
    y = np.concatenate([y0, y0[edge_x] + along_x * dy[edge_x], at_y, y1])
    order = np.lexsort((along, edge))
    edge = edge[order]
    return x[order], y[order], np.append(edge[1:] != edge[:-1], True)


def _crossed(start: Floats, end: Floats, size: int) -> tuple[Ints, Floats]:
    """Return the lines 0, 1 ... ``size`` that edges cross, as edge and line."""
    first = np.ceil(np.clip(np.minimum(start, end), 0, None)).astype(np.int64)
    last = np.floor(np.clip(np.maximum(start, end), None, size)).astype(np.int64)
    counts = np.where(start == end, 0, np.maximum(last - first + 1, 0))
    edge = np.repeat(np.arange(len(start)), counts)
    before = np.cumsum(counts) - counts
    return edge, (first[edge] + np.arange(len(edge)) - before[edge]).astype(np.float64)


def shares_of(
    outlines: Sequence[tuple[int, Outline]], window: Window
) -> list[tuple[int, Floats | None]]:
    """Return the number of every zone in a tile and its shares of the cells; None: all of it."""
    found = [(number, outline.shares(window)) for number, outline in outlines]
    return [(number, shares) for number, shares in found if shares is None or shares.any()]


def entries(
    found: Sequence[tuple[int, Floats | None]], window: Window
) -> tuple[Ints, Ints, Floats]:
    """Return shares as entries: flat cell index, zone, share; zones in order, cells rising."""
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    size = window.height * window.width
    cells = [np.arange(size) if s is None else np.flatnonzero(s) for _, s in found]
    shares = [
        np.ones(size) if s is None else s.ravel()[c] for (_, s), c in zip(found, cells, strict=True)
    ]
    zones = np.repeat(np.array([number for number, _ in found]), [len(c) for c in cells])
    return np.concatenate(cells), zones, np.concatenate(shares)


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

    def __hash__(self) -> int:
        """Return a hash that is quickly made: a reader asks for it at every tile."""
        return hash((self.path, self.bands))

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
        self._stands: dict[Raster, tuple[bool, float | None]] = {}
        self._cache = CACHE

    def close(self) -> None:
        """Close all files."""
        for dataset in self._open.values():
            dataset.close()
        self._open.clear()

    @contextlib.contextmanager
    def sparing(self) -> Iterator[None]:
        """Let GDAL keep little of what it decodes: by default it takes a part of the machine."""
        import rasterio

        with rasterio.Env(GDAL_CACHEMAX=self._cache):
            yield

    def numbers(self, raster: Raster, tile: Window) -> tuple[NDArray[Any], float | None]:
        """Return the numbers of a tile, and the one that means no data.

        The numbers are as they stand in the file where nothing needs to be computed; elsewhere
        they are those of :meth:`read`, and what has no data is NaN. Shape as in :meth:`read`.
        """
        if raster not in self._stands:
            self._stands[raster] = self._as_it_stands(raster)
        as_it_stands, nodata = self._stands[raster]
        if not as_it_stands:
            return self.read(raster, tile), None
        raw = self._decode(self._dataset(raster), raster, tile)
        return raw if raster.has_axis else raw[0], nodata

    def _as_it_stands(self, raster: Raster) -> tuple[bool, float | None]:
        """Return whether a file's numbers are the values, and which of them means no data."""
        if raster.resampling != "exact" or raster.combine is not None:
            return False, None
        dataset = self._dataset(raster)
        dtype = np.dtype(dataset.dtypes[raster.bands[0] - 1])
        known = raster.nodata is not None and _can_hold(dtype, raster.nodata)
        return _is_plain(dataset, raster), raster.nodata if known else None

    def _dataset(self, raster: Raster) -> Any:
        if raster.path not in self._open:
            self._open[raster.path] = dataset = open_raster(raster.path, raster.name)
            self._cache += _shared_by_tiles(dataset) * len(raster.bands)
        return self._open[raster.path]

    def _decode(self, dataset: Any, raster: Raster, window: Window) -> NDArray[Any]:
        from rasterio.errors import RasterioError
        from rasterio.windows import Window as Rio

        rio = Rio(window.col, window.row, window.width, window.height)
        try:
            return np.asarray(dataset.read(list(raster.bands), window=rio))
        except (RasterioError, OSError) as error:
            raise _unreadable(raster, error) from None

    def read(self, raster: Raster, window: Window) -> Floats:
        """Return the values in a tile as float64, NaN where there are none.

        Shape (height, width), or (bands, height, width) for a raster with an axis.
        """
        from rasterio.errors import RasterioError

        dataset = self._dataset(raster)
        try:
            if raster.resampling == "exact":
                values = self._plain(dataset, raster, window)
            elif raster.resampling in ("nearest", "bilinear"):
                values = self._sample(dataset, raster, window)
            else:
                values = self._gather(dataset, raster, window)
        except (RasterioError, OSError) as error:
            raise _unreadable(raster, error) from None
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


def _unreadable(raster: Raster, error: Exception) -> DataError:
    cause = str(error.__cause__ or error)  # rasterio's own text says "see previous"
    found = cause.splitlines()[0] if cause else type(error).__name__
    cure = "the file is damaged or incomplete: copy it again"
    return DataError("the raster cannot be read", raster.name, found, cure)


def _shared_by_tiles(dataset: Any) -> int:
    """Return the bytes of a band that GDAL must keep so that no block of the file is decoded twice.

    Nothing where blocks are tiles of ours or parts of them; a block for each thread where they are
    up to twice as large; else two rows of tiles, as when the file is stored in rows.
    """
    high, wide = map(int, dataset.block_shapes[0])
    size = int(np.dtype(dataset.dtypes[0]).itemsize)
    if TILE % high == 0 and TILE % wide == 0:
        return 0
    if max(high, wide) <= 2 * TILE:
        return 8 * (2 * TILE) ** 2 * size
    return max(2 * TILE, high) * int(dataset.width) * size


def _is_plain(dataset: Any, raster: Raster) -> bool:
    """Say whether the numbers in a file are the values: no mask band, no scale, no offset."""
    at = [band - 1 for band in raster.bands]
    masks, scales, offsets = dataset.mask_flag_enums, dataset.scales, dataset.offsets
    return all(
        (scales[n], offsets[n]) == (1.0, 0.0)
        and "per_dataset" not in {flag.name for flag in masks[n]}
        for n in at
    )


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
