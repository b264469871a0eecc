"""Grids: true areas, exact shares of cells, tiles that add up, rasters sampled in place."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import tiny
import twin
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from gep.errors import DataError
from gep.grid import (
    TILE,
    Grid,
    Raster,
    RasterReader,
    Window,
    Zones,
    choose_resampling,
    overlap,
    shares_of,
)


def grid(crs: str, corner: tuple[float, float], cell: float, shape: tuple[int, int]) -> Grid:
    wkt = CRS.from_user_input(crs).to_wkt()
    return Grid(wkt, Affine(cell, 0, corner[0], 0, -cell, corner[1]), *shape)


def outline(place: Grid, row: int, col: int, steps: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of a fine outline of one cell."""
    west, south, east, north = place.box(Window(row, col, 1, 1))
    t = np.linspace(0, 1, steps, endpoint=False)
    one = np.ones(steps)
    right, up = west + (east - west) * t, south + (north - south) * t
    left, down = east + west - right, north + south - up
    x = np.concatenate([right, east * one, left, west * one])
    y = np.concatenate([south * one, up, north * one, down])
    if place.crs.is_geographic:
        return x, y
    to_degrees = Transformer.from_crs(place.crs, place.crs.geodetic_crs, always_xy=True)
    return to_degrees.transform(x, y)


# --------------------------------------------------------------------------------------- areas


@pytest.mark.parametrize(
    ("crs", "corner", "cell"),
    [
        ("EPSG:4326", (119.0, 28.6), 0.01),
        ("EPSG:4326", (6.4, 0.01), 0.01),  # across the equator
        ("EPSG:4490", (101.5, 36.2), 0.01),
        ("EPSG:4326", (-71.0, -54.5), 0.01),
        ("EPSG:32650", (270_000.0, 3_100_000.0), 900.0),
        ("EPSG:32650", (499_000.0, 3_100_000.0), 900.0),
        ("EPSG:4549", (480_000.0, 3_300_000.0), 900.0),  # CGCS2000, 3-degree Gauss-Krüger
        ("EPSG:2415", (39_466_000.0, 2_840_000.0), 900.0),  # zone number in the easting
        ("EPSG:3857", (11_300_000.0, 4_300_000.0), 900.0),
        ("EPSG:5070", (-95_000.0, 1_800_000.0), 900.0),  # equal-area
        ("EPSG:2263", (980_000.0, 200_000.0), 3000.0),  # US survey feet
    ],
)
def test_areas_equal_geodesic_polygons(crs: str, corner: tuple[float, float], cell: float) -> None:
    place = grid(crs, corner, cell, (5, 7))
    ellipsoid = place.crs.ellipsoid
    geod = Geod(a=ellipsoid.semi_major_metre, b=ellipsoid.semi_minor_metre)
    areas = place.areas(place.window)
    for row, col in ((0, 0), (2, 3), (4, 6)):
        wanted = abs(geod.polygon_area_perimeter(*outline(place, row, col))[0])
        assert areas[row, col] == pytest.approx(wanted, rel=2e-8)


@pytest.mark.parametrize(
    ("crs", "corner", "cell", "low", "high"),
    [
        ("EPSG:3857", (11_300_000.0, 4_300_000.0), 30.0, 0.50, 0.56),  # 36°N: 53 % too large
        ("EPSG:32650", (500_000.0, 3_400_000.0), 30.0, -0.0009, -0.0007),  # on the axis
        ("EPSG:32650", (780_000.0, 3_400_000.0), 30.0, 0.0009, 0.0016),
        ("EPSG:32650", (833_000.0, 500_000.0), 30.0, 0.0015, 0.0030),
    ],
)
def test_the_flat_area_is_wrong_by_a_known_share(
    crs: str, corner: tuple[float, float], cell: float, low: float, high: float
) -> None:
    place = grid(crs, corner, cell, (4, 4))
    excess = cell * cell / place.areas(place.window) - 1
    assert low < excess.min() <= excess.max() < high


def test_lonlat_cells_shrink_towards_the_pole() -> None:
    place = grid("EPSG:4326", (100.0, 60.0), 0.5, (120, 3))
    areas = place.areas(place.window)
    assert (np.diff(areas[:, 0]) > 0).all()
    equator = grid("EPSG:4326", (100.0, 0.25), 0.5, (1, 1)).areas(Window(0, 0, 1, 1))[0, 0]
    assert areas[0, 0] / equator == pytest.approx(np.cos(np.radians(59.75)), rel=0.02)


def test_a_band_of_cells_around_the_earth_has_the_zone_s_area() -> None:
    # The whole ellipsoid, by rows of a global grid: 510 065 621.724 km² (GRS80 and WGS 84).
    place = grid("EPSG:4326", (-180.0, 90.0), 1.0, (180, 360))
    total = place.areas(place.window).sum() / 1e6
    assert total == pytest.approx(510_065_621.724, abs=0.01)


def test_areas_of_parts_equal_the_whole() -> None:
    for crs, corner, cell in (
        ("EPSG:4326", (119.0, 28.0), 1e-3),
        ("EPSG:32650", (3e5, 31e5), 30.0),
    ):
        place = grid(crs, corner, cell, (40, 30))
        whole = place.areas(place.window)
        part = Window(7, 11, 13, 5)
        np.testing.assert_array_equal(place.areas(part), whole[part.slices])


def test_areas_agree_with_the_twin() -> None:
    for crs, corner, cell in (
        ("EPSG:4326", (6.4, 0.4), 1 / 12000),
        ("EPSG:32650", tiny.CORNER, 30.0),
        ("EPSG:3857", (11_300_000.0, 4_300_000.0), 30.0),
        ("EPSG:5070", (-95_000.0, 1_800_000.0), 30.0),
    ):
        place = grid(crs, corner, cell, (90, 70))
        layer = twin.Layer(np.zeros((90, 70)), place.transform, place.crs)
        np.testing.assert_allclose(place.areas(place.window), twin.cell_areas(layer), rtol=3e-10)


def test_outside_the_projection_s_domain_is_refused() -> None:
    place = grid("EPSG:32650", (-40_000_000.0, 3_100_000.0), 30.0, (4, 4))
    with pytest.raises(DataError, match="outside its projection's domain"):
        place.areas(place.window)


# ------------------------------------------------------------------------------- tiles and blocks


@given(height=st.integers(1, 1400), width=st.integers(1, 1400), side=st.integers(1, 1500))
@settings(max_examples=50)
def test_blocks_and_tiles_cover_every_cell_once(height: int, width: int, side: int) -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (height, width))
    seen = np.zeros((height, width), dtype=np.int8)
    numbers = []
    for block in place.blocks(side):
        for number, tile in place.tiles(block):
            seen[tile.slices] += 1
            numbers.append(number)
            assert tile.height <= TILE
            assert tile.width <= TILE
            assert tile.row % TILE == 0
            assert tile.col % TILE == 0
    assert (seen == 1).all()
    assert sorted(numbers) == list(range(len(numbers)))
    assert sorted(numbers) == sorted(n for n, _ in place.tiles())


def test_the_same_grid_within_a_thousandth_of_a_cell() -> None:
    a = grid("EPSG:32650", tiny.CORNER, 30.0, (50, 60))
    assert a.same_as(grid("EPSG:32650", (tiny.CORNER[0] + 0.01, tiny.CORNER[1]), 30.0, (50, 60)))
    assert not a.same_as(grid("EPSG:32650", (tiny.CORNER[0] + 0.1, tiny.CORNER[1]), 30.0, (50, 60)))
    assert not a.same_as(grid("EPSG:32650", (tiny.CORNER[0] + 60, tiny.CORNER[1]), 30.0, (50, 60)))
    assert not a.same_as(grid("EPSG:32650", tiny.CORNER, 30.001, (50, 60)))
    assert not a.same_as(grid("EPSG:32650", tiny.CORNER, 30.0, (50, 61)))
    assert not a.same_as(grid("EPSG:32651", tiny.CORNER, 30.0, (50, 60)))


def test_a_raster_without_crs_or_turned_is_refused(tmp_path: Path) -> None:
    for name, profile, message in (
        ("bare", {}, "no coordinate system"),
        ("turned", {"transform": Affine(30, 5, 0, 5, -30, 0), "crs": tiny.UTM}, "not north-up"),
        ("south_up", {"transform": Affine(30, 0, 0, 0, 30, 0), "crs": tiny.UTM}, "not north-up"),
    ):
        path = tmp_path / f"{name}.tif"
        options = {"transform": Affine(30, 0, 0, 0, -30, 0)} | profile
        with rasterio.open(
            path, "w", driver="GTiff", count=1, height=3, width=3, dtype="uint8", **options
        ) as out:
            out.write(np.ones((1, 3, 3), dtype=np.uint8))
        with rasterio.open(path) as dataset, pytest.raises(DataError, match=message):
            Grid.of(dataset, name)


# ---------------------------------------------------------------------------------------- zones


def cover(place: Grid, *shapes: shapely.Geometry) -> np.ndarray:
    """Return the shares of all cells in every zone, put together from the tiles."""
    names = tuple(str(n) for n in range(len(shapes)))
    zones = Zones(names, names, tuple(shapes))
    result = np.zeros((len(shapes), place.height, place.width))
    for _, tile in place.tiles():
        cells, numbers, shares = zones.cover(place, tile)
        assert len(set(zip(cells.tolist(), numbers.tolist(), strict=True))) == len(cells)
        assert ((shares > 0) & (shares <= 1)).all()
        rows, columns = cells // tile.width + tile.row, cells % tile.width + tile.col
        result[numbers, rows, columns] = shares
    return result


def blob(seed: int, centre: tuple[float, float], radius: float, points: int) -> shapely.Geometry:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, points))
    reach = radius * rng.uniform(0.3, 1.0, points)
    ring = np.column_stack([centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle)])
    return shapely.make_valid(shapely.Polygon(ring))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(3, 60),
    width=st.integers(3, 60),
    points=st.integers(3, 40),
)
def test_shares_equal_brute_force(seed: int, height: int, width: int, points: int) -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (height, width))
    west, south, east, north = place.bounds
    rng = np.random.default_rng(seed)
    centre = (rng.uniform(west, east), rng.uniform(south, north))
    shape = blob(seed, centre, 0.8 * max(east - west, north - south), points)
    found = cover(place, shape)[0]
    for row in range(height):
        for col in range(width):
            cell = shapely.box(*place.box(Window(row, col, 1, 1)))
            wanted = shape.intersection(cell).area / cell.area
            assert found[row, col] == pytest.approx(wanted, abs=1e-9)


def test_shares_add_up_to_the_polygon_across_tiles() -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (600, 530))
    west, south, east, north = place.bounds
    shape = blob(3, ((west + east) / 2, (south + north) / 2), 0.49 * (east - west), 200)
    shape = shape.difference(blob(4, shape.representative_point().coords[0], 1500, 30))
    shares = cover(place, shape)[0]
    assert shares.sum() * 900 == pytest.approx(shape.area, rel=1e-11)
    np.testing.assert_allclose(
        shares, twin.shares(twin.Layer(shares, place.transform, place.crs), shape), atol=1e-9
    )


def test_neighbours_share_each_cell_without_gap_or_overlap() -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (70, 300))
    west, south, east, north = place.bounds
    line = [(west, south + 500.3), (west + 4000, north - 300.7), (east, south + 900.1)]
    lower = shapely.Polygon([(west, south), *line, (east, south)])
    upper = shapely.Polygon([(west, north), *line, (east, north)])
    shares = cover(place, lower, upper)
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-11)


def test_a_zone_of_many_parts_and_one_smaller_than_a_cell() -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (40, 40))
    west, _, _, north = place.bounds
    grain = shapely.box(west + 31, north - 41, west + 33, north - 38)
    parts = shapely.MultiPolygon([shapely.box(west, north - 300, west + 45, north - 200), grain])
    shares = cover(place, grain, parts)
    assert shares[0].sum() == pytest.approx(6 / 900, rel=1e-9)
    assert shares[1].sum() * 900 == pytest.approx(4506, rel=1e-9)


def test_a_zone_on_cell_edges_has_whole_cells_only() -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (300, 300))
    west, _, _, north = place.bounds
    shape = shapely.box(west + 30 * 100, north - 30 * 280, west + 30 * 270, north - 30 * 20)
    shares = cover(place, shape)[0]
    wanted = np.zeros((300, 300))
    wanted[20:280, 100:270] = 1.0
    np.testing.assert_array_equal(shares, wanted)


def test_a_zone_over_a_whole_tile_is_known_without_a_list_of_cells() -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (600, 600))
    west, south, east, north = place.bounds
    shape = shapely.box(west - 9, south - 9, east + 9, north - 400)
    zones = Zones(("a",), ("a",), (shape,))
    assert zones.shares(place, Window(256, 256, 256, 256)) == [(0, None)]
    ((number, shares),) = zones.shares(place, Window(0, 0, 256, 256))
    assert number == 0
    assert shares is not None
    assert (shares[14:] == 1).all()
    np.testing.assert_allclose(shares[13], 2 / 3, rtol=1e-9)
    assert not shares[:13].any()
    hole = shape.difference(shapely.box(west, south, east, north))
    assert Zones(("a",), ("a",), (hole,)).shares(place, Window(256, 256, 256, 256)) == []


def test_shares_are_the_same_from_whatever_block_the_outlines_come() -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (1100, 1100))
    west, south, east, north = place.bounds
    shape = blob(8, ((west + east) / 2, (south + north) / 2), 0.6 * (east - west), 300)
    zones = Zones(("a",), ("a",), (shape,))
    seen = set()
    for side in (256, 512, 2048):
        for block in place.blocks(side):
            outlines = zones.outlines(place, block)
            for number, tile in place.tiles(block):
                found = shares_of(outlines, tile)
                seen.add((number, *(None if s is None else s.tobytes() for _, s in found)))
    assert len(seen) == 25


def test_pixel_centres_would_miss_small_zones() -> None:
    # 1 km cells and a zone of 5 km²: counting centres is wrong by tens of per cent, shares are not.
    place = grid("EPSG:32650", tiny.CORNER, 1000.0, (20, 20))
    west, _, _, north = place.bounds
    worst = 0.0
    for step in range(20):
        disc = shapely.Point(west + 9000 + 97 * step, north - 9000 - 61 * step).buffer(1262, 64)
        assert cover(place, disc)[0].sum() == pytest.approx(disc.area / 1e6, rel=1e-9)
        frame = geopandas.GeoSeries([disc], crs=tiny.UTM)
        x, y = np.meshgrid(*place.centres(place.window))
        centres = shapely.contains_xy(frame.iloc[0], x, y).sum()
        worst = max(worst, abs(centres / (disc.area / 1e6) - 1))
    assert worst > 0.15


# -------------------------------------------------------------------------------------- rasters


def test_resampling_follows_what_the_quantity_is() -> None:
    land = grid("EPSG:32650", tiny.CORNER, 30.0, (100, 100))
    fine = grid("EPSG:32650", tiny.CORNER, 10.0, (300, 300))
    coarse = grid("EPSG:4326", (119.0, 28.1), 0.01, (20, 20))
    near = grid("EPSG:32650", (tiny.CORNER[0] + 60, tiny.CORNER[1]), 30.0, (100, 100))
    assert [choose_resampling("rate", land, g) for g in (land, fine, coarse, near)] == [
        *("exact", "average", "bilinear", "bilinear"),
    ]
    assert [choose_resampling("class", land, g) for g in (land, fine, coarse, near)] == [
        *("exact", "mode", "nearest", "nearest"),
    ]
    assert [choose_resampling("total", land, g) for g in (land, fine, coarse, near)] == [
        *("exact", "sum", "sum", "sum"),
    ]


def test_overlap_of_two_rectangles() -> None:
    land = grid("EPSG:32650", tiny.CORNER, 30.0, (100, 100))
    assert overlap(land, land) == 1.0
    half = grid("EPSG:32650", (tiny.CORNER[0] + 1500, tiny.CORNER[1]), 30.0, (100, 100))
    assert overlap(land, half) == pytest.approx(0.5, abs=0.02)
    away = grid("EPSG:32650", (tiny.CORNER[0] + 9000, tiny.CORNER[1]), 30.0, (100, 100))
    assert overlap(land, away) == 0.0


def raster(path: Path, resampling: str, **more: object) -> Raster:
    with rasterio.open(path) as dataset:
        options = {"bands": (1,), "labels": ("1",), "combine": None, "whole": False}
        options |= {"nodata": dataset.nodata} | more
        return Raster(
            str(path), path.name, Grid.of(dataset, path.name), resampling=resampling, **options
        )  # type: ignore[arg-type]


def read(place: Grid, layer: Raster) -> np.ndarray:
    reader = RasterReader(place)
    result = np.full((place.height, place.width), np.nan)
    for _, tile in place.tiles():
        result[tile.slices] = reader.read(layer, tile)
    reader.close()
    return result


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("bands", [1, 3])
def test_numbers_as_they_stand_in_the_file_are_those_that_are_read(
    tmp_path: Path, dtype: str, bands: int
) -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (600, 530))
    values = np.random.default_rng(1).integers(0, 9, (bands, 600, 530)).astype(dtype)
    path = tmp_path / "values.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=600, width=530, dtype=dtype, nodata=3,
        crs=tiny.UTM, transform=place.transform, tiled=True, blockxsize=128, blockysize=128,
    ) as out:  # fmt: skip
        out.write(values)
    layer = raster(path, "exact", bands=tuple(range(1, bands + 1)))
    reader = RasterReader(place)
    for block in place.blocks(512):
        with reader.sparing():
            for _, tile in place.tiles(block):
                found, nodata = reader.numbers(layer, tile)
                assert found.dtype == dtype
                assert nodata == 3
                wanted = np.where(found == nodata, np.nan, found.astype(np.float64))
                np.testing.assert_array_equal(wanted, reader.read(layer, tile))
    reader.close()


def plane(layer: twin.Layer) -> np.ndarray:
    x, y = layer.centres()
    return 3.0 + 0.01 * (x - tiny.CORNER[0]) - 0.02 * (y - tiny.CORNER[1])


def test_bilinear_is_exact_on_a_plane(tmp_path: Path) -> None:
    # A coarser grid, its cells not in line with ours: a plane comes through without error.
    corner = (tiny.CORNER[0] - 217.0, tiny.CORNER[1] + 301.0)
    source = twin.Layer(
        np.zeros((30, 30)), Affine(100, 0, corner[0], 0, -100, corner[1]), CRS(tiny.UTM)
    )
    path = tiny.write_raster(tmp_path / "plane.tif", plane(source), cell=100.0, corner=corner)
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (60, 70))
    target = twin.Layer(np.zeros((60, 70)), place.transform, place.crs)
    np.testing.assert_allclose(read(place, raster(path, "bilinear")), plane(target), rtol=1e-12)


@pytest.mark.parametrize("how", ["nearest", "bilinear"])
def test_sampling_agrees_with_the_twin_across_coordinate_systems(tmp_path: Path, how: str) -> None:
    values = tiny.smooth((9, 11), 0, 50, 3, 0.15)
    to_lonlat = Transformer.from_crs(tiny.UTM, tiny.LONLAT, always_xy=True)
    lon, lat = to_lonlat.transform(tiny.CORNER[0] + 2000, tiny.CORNER[1] - 1500)
    path = tiny.write_raster(
        tmp_path / "rain.tif", values, cell=0.01, corner=(lon, lat), crs=tiny.LONLAT, nodata=np.nan
    )
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (300, 290))
    target = twin.Layer(np.zeros((300, 290)), place.transform, place.crs)
    wanted = getattr(twin, how)(twin.read(path), target)
    found = read(place, raster(path, how))
    assert 0.1 < np.isnan(wanted).mean() < 0.9
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("how", ["average", "sum"])
def test_gathering_agrees_with_exact_overlaps(tmp_path: Path, how: str) -> None:
    values = tiny.smooth((310, 300), 1, 9, 8, 0.1)
    corner = (tiny.CORNER[0] - 11.0, tiny.CORNER[1] + 23.0)
    path = tiny.write_raster(tmp_path / "fine.tif", values, cell=7.0, corner=corner, nodata=np.nan)
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (60, 70))
    target = twin.Layer(np.zeros((60, 70)), place.transform, place.crs)
    wanted = twin.gather(twin.read(path), target, how)
    # The last column lies partly beyond the source; GDAL weighs its edge cells a little otherwise.
    found, inside = read(place, raster(path, how)), slice(None, -1)
    np.testing.assert_allclose(found[:, inside], wanted[:, inside], rtol=1e-9)


def test_scale_and_offset_of_a_file_are_applied_however_it_is_read(tmp_path: Path) -> None:
    # 16-bit rain in tenths of a millimetre, with an offset: the same numbers by every road.
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (20, 20))
    for how, cell in (
        ("exact", 30.0),
        ("bilinear", 60.0),
        ("nearest", 60.0),
        ("average", 10.0),
        ("mode", 10.0),
    ):
        path = tmp_path / f"{how}.tif"
        shape = (round(600 / cell),) * 2
        tiny.write_raster(path, np.full(shape, 12_345), cell=cell, dtype="int16", nodata=-1)
        with rasterio.open(path, "r+") as dataset:
            dataset.scales, dataset.offsets = (0.1,), (5.0,)
        np.testing.assert_allclose(read(place, raster(path, how)), 1239.5, err_msg=how)


def test_counts_with_an_offset_are_refused(tmp_path: Path) -> None:
    path = tiny.write_raster(tmp_path / "n.tif", np.full((60, 60), 3), cell=10.0, dtype="int16")
    with rasterio.open(path, "r+") as dataset:
        dataset.offsets = (5.0,)
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (20, 20))
    with pytest.raises(DataError, match="counts with an offset cannot be summed"):
        read(place, raster(path, "sum"))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32"])
@pytest.mark.parametrize("how", ["average", "sum"])
def test_zero_is_a_value_where_no_nodata_is_declared(tmp_path: Path, dtype: str, how: str) -> None:
    values = np.zeros((60, 60))
    values[:, ::3] = 9
    path = tiny.write_raster(tmp_path / "counts.tif", values, cell=10.0, dtype=dtype)
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (20, 20))
    wanted = 3.0 if how == "average" else 27.0
    np.testing.assert_allclose(read(place, raster(path, how)), wanted)


def test_nodata_that_the_type_cannot_hold_matches_nothing(tmp_path: Path) -> None:
    # -9999 declared for bytes must not turn 241 into "no data" (-9999 modulo 256).
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (20, 20))
    path = tiny.write_raster(tmp_path / "bytes.tif", np.full((20, 20), 241), dtype="uint8")
    assert (read(place, raster(path, "exact", nodata=-9999.0)) == 241).all()
    fine = tiny.write_raster(
        tmp_path / "fine.tif", np.full((60, 60), 241), cell=10.0, dtype="uint8"
    )
    assert (read(place, raster(fine, "average", nodata=-9999.0)) == 241).all()


def test_a_mask_band_hides_cells_however_the_file_is_read(tmp_path: Path) -> None:
    place = grid("EPSG:32650", tiny.CORNER, 30.0, (20, 20))
    for how, cell in (("exact", 30.0), ("nearest", 30.0), ("average", 10.0), ("sum", 10.0)):
        size = round(600 / cell)
        path = tiny.write_raster(tmp_path / f"{how}.tif", np.full((size, size), 7), cell=cell)
        with rasterio.open(path, "r+") as dataset:
            mask = np.full((size, size), 255, dtype=np.uint8)
            mask[: size // 2] = 0
            dataset.write_mask(mask)
        found = read(place, raster(path, how))
        assert np.isnan(found[:10]).all(), how
        assert np.isfinite(found[10:]).all(), how
