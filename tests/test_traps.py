"""The traps by which such accounts go silently wrong elsewhere: each has a test by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import tiny
import xarray as xr
from pyproj import Transformer

from gep.account import compute
from gep.errors import DataError, UnitError
from gep.grid import Grid, Raster, RasterReader, Window
from gep.units import unit

SHAPE = (40, 50)


def run(
    folder: Path,
    *,
    codes: Any = None,
    et: Path | None = None,
    zones: dict[str, shapely.Geometry] | None = None,
    inputs: dict[str, Any] | None = None,
    services: tuple[str, ...] = ("water",),
    how: dict[str, Any] | None = None,
    **grid: Any,
) -> Any:
    land = codes if isinstance(codes, Path) else tiny.write_raster(
        folder / "land.tif", np.ones(SHAPE) if codes is None else codes, dtype="uint8",
        nodata=0, **grid,
    )  # fmt: skip
    given: dict[str, Any] = {
        "precipitation": {"value": 1000, "unit": "mm/yr"},
        "evapotranspiration": {"value": 500, "unit": "mm/yr"},
    }
    if et is not None:
        given["evapotranspiration"] = {"file": str(et), "unit": "mm/yr", **(how or {})}
    with rasterio.open(land) as dataset:
        bounds, crs = dataset.bounds, dataset.crs.to_string()
    zone_file = tiny.write_zones(folder / "zones.gpkg", zones or {"a": shapely.box(*bounds)}, crs)
    standard = tiny.write_standard(folder, services)
    tables = tiny.project(folder, land, zone_file, given | (inputs or {}), standard=standard)
    return tiny.run(tables)


def forest(found: Any, name: str = "water.Q") -> float:
    return float(found.dataset[name].sel(zone="a", ecosystem="forest"))


def area(found: Any) -> float:
    return float(found.dataset["area"].sum())


RAIN_LEFT = 1000 * (1 - tiny.FACTORS["forest"]["alpha"] / 100)


# ------------------------------------------------------------------- the eight, in their order


def test_trap_1_grids_shifted_by_a_micrometre_are_not_joined_to_nothing(tmp_path: Path) -> None:
    # Labelled arrays 1e-6 m apart have no coordinate in common: their sum is empty.
    west, north = tiny.CORNER
    values = np.full(SHAPE, 500.0)
    moved = (west + 1e-6, north)
    et = tiny.write_raster(tmp_path / "et.tif", values, corner=moved)
    found = run(tmp_path, et=et)
    assert forest(found) == pytest.approx(area(found) * (RAIN_LEFT - 500) / 1000, rel=1e-12)
    assert float(found.dataset["water.Q.covered"].min()) == 1.0
    here, there = (
        [corner[0] + 30.0 * (n + 0.5) for n in range(SHAPE[1])] for corner in (tiny.CORNER, moved)
    )
    a, b = (xr.DataArray(values, coords={"x": x}, dims=("y", "x")) for x in (here, there))
    with xr.set_options(arithmetic_join="inner"):
        assert (a + b).size == 0  # what would have happened


def test_trap_1_arrays_from_a_notebook_are_not_joined_to_nothing(tmp_path: Path) -> None:
    west, north = tiny.CORNER
    y = north - 30.0 * (np.arange(SHAPE[0]) + 0.5)

    def array(values: Any, shift: float, units: str | None = None) -> xr.DataArray:
        x = west + shift + 30.0 * (np.arange(SHAPE[1]) + 0.5)
        made = xr.DataArray(
            values, coords={"y": y, "x": x}, dims=("y", "x"), attrs={"crs": tiny.UTM}
        )
        return made.assign_attrs(units=units) if units else made

    found = compute(
        str(tiny.write_standard(tmp_path, ["water"])),
        year=2020,
        land_cover=array(np.ones(SHAPE, dtype="uint8"), 0.0),
        legend=str(tiny.write_legend(tmp_path / "legend.toml", dict(enumerate(tiny.CLASSES, 1)))),
        zones=str(tiny.write_zones(tmp_path / "zones.gpkg", {"a": tiny.rectangle(SHAPE)})),
        zone_id="code",
        inputs={
            "precipitation": (1.0, "m/yr"),
            "evapotranspiration": (array(np.full(SHAPE, 500.0), 1e-6), "mm/yr"),
        },
    )
    assert forest(found) == pytest.approx(area(found) * (RAIN_LEFT - 500) / 1000, rel=1e-12)


def test_trap_2_every_figure_has_its_own_unit_and_inherits_none(tmp_path: Path) -> None:
    et = tiny.write_raster(tmp_path / "et.tif", np.full(SHAPE, 500.0))
    with rasterio.open(et, "r+") as dataset:
        dataset.update_tags(units="furlong")
        dataset.units = ("furlong",)
    dataset = run(tmp_path, et=et).dataset
    assert dataset["area"].attrs["units"] == "m²"
    assert dataset["water.Q"].attrs["units"] == "m³/yr"
    assert dataset["water.V"].attrs["units"] == "CNY/yr"
    assert dataset["water.V"].attrs["currency"] == "CNY"
    for name in dataset.data_vars:
        units = dataset[name].attrs.get("units")
        assert units, f"{name} has no unit"
        assert "furlong" not in units
        unit(units)


def test_trap_3_mixed_coordinate_systems_meet_in_the_right_place(tmp_path: Path) -> None:
    # ET is 400 west of a line and 600 east of it, given once in UTM 50N and once in lon/lat.
    shape, (west, north) = (60, 80), tiny.CORNER
    to_lonlat = Transformer.from_crs(tiny.UTM, tiny.LONLAT, always_xy=True)
    lon, lat = to_lonlat.transform(west + 1200, north - 900)
    step = np.where(np.arange(80) < 40, 400.0, 600.0)
    flat = tiny.write_raster(tmp_path / "flat.tif", np.tile(step, (60, 1)))
    degrees = tiny.write_raster(
        tmp_path / "degrees.tif", np.tile(step, (80, 1)), cell=0.001, crs=tiny.LONLAT,
        corner=(lon - 0.04, lat + 0.04),
    )  # fmt: skip
    figures = []
    for et in (flat, degrees):
        folder = tmp_path / et.stem
        folder.mkdir()
        halves = {
            "a": shapely.box(west, north - 1800, west + 1000, north),
            "b": shapely.box(west + 1400, north - 1800, west + 2400, north),
        }
        found = run(folder, codes=np.ones(shape), et=et, zones=halves)
        q, m2 = found.dataset["water.Q"], found.dataset["area"]
        figures.append((q / m2).sel(ecosystem="forest", zone=["a", "b"]).to_numpy())
    for figure in figures:
        np.testing.assert_allclose(
            figure, [(RAIN_LEFT - 400) / 1000, (RAIN_LEFT - 600) / 1000], rtol=1e-12
        )


def test_trap_4_sums_of_many_32_bit_values_are_exact(tmp_path: Path) -> None:
    # 0.1 is not exact in 32 bits: the values are read as they are stored, and added in 64 bits.
    shape = (700, 700)
    et = tiny.write_raster(tmp_path / "et.tif", np.full(shape, 500.1), dtype="float32")
    found = run(tmp_path, codes=np.ones(shape), et=et)
    stored = float(np.float32(500.1))
    assert forest(found) == pytest.approx(area(found) * (RAIN_LEFT - stored) / 1000, rel=1e-13)
    naive = np.cumsum(np.full(shape[0] * shape[1], 500.1, dtype="float32"))[-1]
    assert abs(float(naive) / (stored * 490_000) - 1) > 1e-7  # what would have happened


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("float32", -9999.0),
        ("int16", -32768),
        ("uint16", 0),
        ("float64", -3.4028234663852886e38),
        ("float32", float("nan")),
    ],
)
@pytest.mark.parametrize("resampling", ["exact", "bilinear", "nearest", "average", "mode"])
def test_trap_5_nodata_never_enters_a_sum(
    tmp_path: Path, dtype: str, nodata: float, resampling: str
) -> None:
    cell = {"exact": 30.0, "bilinear": 60.0, "nearest": 60.0}.get(resampling, 10.0)
    height, width = round(SHAPE[0] * 30 / cell), round(SHAPE[1] * 30 / cell)
    values = np.full((height, width), 500.0)
    values[: height // 2] = nodata
    et = tiny.write_raster(tmp_path / "et.tif", values, cell=cell, dtype=dtype, nodata=nodata)
    found = run(tmp_path, et=et, how={"resampling": resampling})
    share = float(found.dataset["water.Q.covered"].sel(zone="a", ecosystem="forest"))
    assert share == pytest.approx(0.5, rel=1e-5)
    wanted = share * area(found) * (RAIN_LEFT - 500) / 1000
    assert forest(found) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("resampling", ["bilinear", "nearest", "average", "sum", "mode"])
def test_trap_6_a_warp_does_not_depend_on_how_it_is_cut(tmp_path: Path, resampling: str) -> None:
    # A tile read alone, after others, or by another reader: the same bits; and sampling is exact.
    lon, lat = Transformer.from_crs(tiny.UTM, tiny.LONLAT, always_xy=True).transform(*tiny.CORNER)
    cell = 0.0009 if resampling in ("bilinear", "nearest") else 0.0001
    size = round(0.12 / cell)
    path = tiny.write_raster(
        tmp_path / "w.tif", np.round(tiny.smooth((size, size), 0, 99, 1)), cell=cell,
        corner=(lon - 0.01, lat + 0.01), crs=tiny.LONLAT,
    )  # fmt: skip
    land = tiny.write_raster(tmp_path / "land.tif", np.ones((300, 300), dtype="uint8"))
    with rasterio.open(land) as a, rasterio.open(path) as b:
        place, source = Grid.of(a, "land"), Grid.of(b, "w")
    layer = Raster(str(path), "w", source, None, (1,), ("1",), None, resampling, whole=False)
    tiles = [tile for _, tile in place.tiles()]
    one, other = RasterReader(place), RasterReader(place)
    forward = [one.read(layer, t) for t in tiles]
    backward = [other.read(layer, t) for t in reversed(tiles)][::-1]
    for a_tile, b_tile in zip(forward, backward, strict=True):
        assert np.isfinite(a_tile).all()
        np.testing.assert_array_equal(a_tile, b_tile)
    if resampling in ("bilinear", "nearest"):
        whole = one.read(layer, Window(0, 0, 300, 300))
        for tile, values in zip(tiles, forward, strict=True):
            np.testing.assert_array_equal(whole[tile.slices], values)
    else:
        # Read in parts of 64 cells, each on its own: GDAL's approximate transformer would differ.
        whole = one.read(layer, Window(0, 0, 256, 256))
        parts = [Window(r, c, 64, 64) for r in range(0, 256, 64) for c in range(0, 256, 64)]
        for part in parts:
            found = other.read(layer, part)
            if resampling == "sum":  # where GDAL cuts its own work, a row differs by 1e-4
                apart = np.abs(found / whole[part.slices] - 1)
                assert np.quantile(apart, 0.95) < 1e-6
                assert apart.max() < 1e-3
            else:
                np.testing.assert_allclose(found, whole[part.slices], rtol=1e-9)
    one.close()
    other.close()


@pytest.mark.parametrize("cell", [10.0, 17.0, 30.0, 90.0, 410.0])
def test_trap_7_people_are_summed_and_none_is_lost(tmp_path: Path, cell: float) -> None:
    width, height = SHAPE[1] * 30.0, SHAPE[0] * 30.0
    size = (int(height // cell) - 1 or 1, int(width // cell) - 1 or 1)
    people = tiny.smooth(size, 0, 90, 4) ** 2 if min(size) > 2 else np.full(size, 7.0)
    corner = (tiny.CORNER[0] + 3.3, tiny.CORNER[1] - 4.4)
    path = tiny.write_raster(tmp_path / "people.tif", people, cell=cell, corner=corner)
    inputs = {"visitors": {"file": str(path), "unit": "人次/yr"}}
    found = run(tmp_path, inputs=inputs, services=("visits",))
    assert float(found.dataset["visits.Q"].sum()) == pytest.approx(people.sum(), rel=1e-7)


def test_trap_7_people_on_a_degree_grid_keep_their_number(tmp_path: Path) -> None:
    lon, lat = Transformer.from_crs(tiny.UTM, tiny.LONLAT, always_xy=True).transform(*tiny.CORNER)
    people = tiny.smooth((60, 70), 0, 90, 4)
    path = tiny.write_raster(
        tmp_path / "people.tif",
        people,
        cell=0.0001,
        corner=(lon + 0.002, lat - 0.002),
        crs=tiny.LONLAT,
    )
    inputs = {"visitors": {"file": str(path), "unit": "人次/yr"}}
    found = run(tmp_path, inputs=inputs, services=("visits",))
    assert float(found.dataset["visits.Q"].sum()) == pytest.approx(people.sum(), rel=1e-7)


def test_trap_8_unit_names_mean_what_is_written_or_are_refused() -> None:
    for text, hint in (
        ("mu", "亩"),
        ("ton", "1000 kg"),
        ("mm/year", "yr"),
        ("C", "tC"),
        ("RMB", "price_year"),
    ):
        with pytest.raises(UnitError, match=hint):
            unit(text)
    assert unit("亩").factor_to(unit("m²")) == unit("亩").factor  # 2000/3 m², no mass unit
    with pytest.raises(UnitError):
        unit("mm/d").factor_to(unit("mm/yr"))  # no year of 365.25 days
    with pytest.raises(UnitError):
        unit("tC").factor_to(unit("tCO2"))


def test_trap_8_price_years_do_not_mix_without_an_index(tmp_path: Path) -> None:
    land = tiny.write_raster(tmp_path / "land.tif", np.ones(SHAPE), dtype="uint8")
    zones = tiny.write_zones(tmp_path / "zones.gpkg", {"a": tiny.rectangle(SHAPE)})
    inputs = {
        "precipitation": {"value": 1000, "unit": "mm/yr"},
        "evapotranspiration": {"value": 500, "unit": "mm/yr"},
    }
    standard = tiny.write_standard(tmp_path, ["water"])
    tables = tiny.project(tmp_path, land, zones, inputs, standard=standard, price_year=2021)
    with pytest.raises(DataError, match="the price is of 2020, the account of 2021"):
        tiny.run(tables)


# ----------------------------------------------------------------------- and those of other tools


@pytest.mark.parametrize("value", [-1.0, -9999.0, 255.0, -32768.0, 0.0, 65535.0])
def test_a_change_of_exactly_a_sentinel_survives(tmp_path: Path, value: float) -> None:
    # Carbon lost at exactly 1 t/ha is -1; nodata is declared as something else.
    change = np.full(SHAPE, 2.0)
    change[:20] = value
    path = tiny.write_raster(tmp_path / "nep.tif", change, nodata=-12345.0)
    rate = {"file": str(path), "unit": "tC/(hm²·yr)", "range": [-1e5, 1e5]}
    found = run(tmp_path, inputs={"carbon_sequestration_rate": rate}, services=("carbon",))
    wanted = area(found) / 1e4 * (value + 2.0) / 2
    assert forest(found, "carbon.Q") == pytest.approx(wanted, rel=1e-4)
    assert float(found.dataset["carbon.Q.covered"].min()) == 1.0


def test_an_undeclared_sentinel_is_not_believed(tmp_path: Path) -> None:
    values = np.full(SHAPE, 500.0)
    values[3, 4] = -9999.0
    et = tiny.write_raster(tmp_path / "et.tif", values)
    with pytest.raises(
        DataError, match="declares no nodata value, and holds one that looks like it"
    ):
        run(tmp_path, et=et)


def test_zero_is_a_value_and_missing_is_not_zero(tmp_path: Path) -> None:
    values = np.full(SHAPE, 500.0)
    values[:20] = 0.0
    zero = run(tmp_path, et=tiny.write_raster(tmp_path / "zero.tif", values, nodata=-9999))
    values[:20] = -9999
    hole = run(tmp_path, et=tiny.write_raster(tmp_path / "hole.tif", values, nodata=-9999))
    assert forest(zero) / area(zero) * 1000 == pytest.approx(RAIN_LEFT - 250, rel=1e-5)
    assert forest(hole) / area(hole) * 1000 == pytest.approx((RAIN_LEFT - 500) / 2, rel=1e-5)


def test_a_grid_sixty_metres_east_is_aligned_and_not_subtracted_cell_by_cell(
    tmp_path: Path,
) -> None:
    # The same shape, two columns off: cell by cell it would be a ramp in the wrong place.
    x = tiny.CORNER[0] + 30.0 * (np.arange(SHAPE[1] + 4) + 0.5)
    ramp = np.tile(400 + (x - tiny.CORNER[0]) / 10, (SHAPE[0], 1))
    straight = tiny.write_raster(tmp_path / "straight.tif", ramp[:, : SHAPE[1]])
    moved = tiny.write_raster(
        tmp_path / "moved.tif",
        ramp[:, 2 : SHAPE[1] + 2],
        corner=(tiny.CORNER[0] + 60, tiny.CORNER[1]),
    )
    west, north = tiny.CORNER
    zone = {"a": shapely.box(west + 90, north - 1200, west + 1470, north)}
    first = run(tmp_path, et=straight, zones=zone)
    second = run(tmp_path, et=moved, zones=zone)
    assert forest(second) == pytest.approx(forest(first), rel=1e-12)
    assert "bilinear" in " ".join(second.provenance["notes"])
    cell_by_cell = 6.0 / 1000 * area(first)  # 60 m on the ramp are 6 mm
    assert abs(forest(second) - forest(first)) < 1e-6 * cell_by_cell


def test_a_shift_leaves_no_data_where_the_map_ends(tmp_path: Path) -> None:
    corner = (tiny.CORNER[0] + 60, tiny.CORNER[1])
    et = tiny.write_raster(tmp_path / "et.tif", np.full(SHAPE, 500.0), corner=corner)
    found = run(tmp_path, et=et)
    assert float(found.dataset["water.Q.covered"].min()) == pytest.approx(48 / 50, rel=1e-4)


def areas_of(folder: Path, crs: str, corner: tuple[float, float], cell: float) -> float:
    found = run(folder, crs=crs, corner=corner, cell=cell)
    return area(found)


def test_lonlat_cells_have_their_latitude_s_area(tmp_path: Path) -> None:
    # 0.001° at 60°N is half as wide as at the equator.
    (tmp_path / "n").mkdir()
    (tmp_path / "e").mkdir()
    north = areas_of(tmp_path / "n", tiny.LONLAT, (100.0, 60.0), 1e-3)
    equator = areas_of(tmp_path / "e", tiny.LONLAT, (100.0, 0.02), 1e-3)
    assert north / equator == pytest.approx(0.507, abs=0.003)
    assert equator / (40 * 50) == pytest.approx(111.32 * 110.57, rel=1e-3)


def test_web_mercator_cells_at_36_north_are_a_third_smaller_than_they_look(tmp_path: Path) -> None:
    true = areas_of(tmp_path, "EPSG:3857", (11_300_000.0, 4_300_000.0), 30.0)
    assert 40 * 50 * 900 / true - 1 == pytest.approx(0.53, abs=0.01)


@pytest.mark.parametrize(("easting", "excess"), [(500_000.0, -0.0008), (780_000.0, 0.0012)])
def test_utm_cells_are_off_by_parts_of_a_thousand(
    tmp_path: Path, easting: float, excess: float
) -> None:
    true = areas_of(tmp_path, tiny.UTM, (easting, 3_400_000.0), 30.0)
    assert 40 * 50 * 900 / true - 1 == pytest.approx(excess, abs=2e-4)


def test_a_full_cover_stays_in_range_when_it_is_interpolated(tmp_path: Path) -> None:
    # Σ w·100 / Σ w can come out as 100.00000000000001: rounding is no value out of range.
    west, north = tiny.CORNER
    cover = tiny.write_raster(
        tmp_path / "cover.tif", np.full((20, 20), 100.0), cell=97.0, corner=(west - 31, north + 17)
    )
    inputs = {
        "vegetation_cover": {"file": str(cover), "unit": "%"},
        "rainfall_erosivity": {"value": 6000, "unit": "MJ·mm/(hm²·h·yr)"},
        "soil_erodibility": {"value": 0.03, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "slope_length_factor": {"value": 2.5, "unit": "1"},
    }
    found = run(tmp_path, inputs=inputs, services=("water", "soil"))
    kept = 6000 * 0.03 * 2.5 * (1 - np.exp(-tiny.FACTORS["forest"]["b"]))
    assert forest(found, "soil.Q") == pytest.approx(kept * area(found) / 1e4, rel=1e-12)


_SHARED = """
[inputs]
N = { is = "visitors", unit = "人次/yr" }
F = { is = "vegetation_cover", unit = "1" }
[[steps]]
symbol = "Q"
title = { en = "Q", zh = "Q" }
formula = "N * F"
unit = "人次/yr"
[account]
physical = "Q"
[[examples]]
given = { N = 10, F = 0.5 }
expect = { Q = 5 }
source = "by hand"
"""


_SHARED_OUT = """
[inputs]
N = { is = "visitors", unit = "人次/yr" }
F = { is = "vegetation_cover", unit = "1" }
[[steps]]
symbol = "Q"
title = { en = "Q", zh = "Q" }
formula = "N * F / by_zone(F)"
unit = "人次/(m²·yr)"
[account]
physical = "Q"
[[examples]]
given = { N = 10, F = 0.5 }
area = 20
area_unit = "m²"
expect = { Q = 0.5 }
source = "by hand: 10 * 0.5 / (0.5 * 20)"
"""


def shared_visits(tmp_path: Path, support: str, body: str) -> Any:
    land = tiny.write_raster(tmp_path / "land.tif", np.ones(SHAPE), dtype="uint8")
    zones = tiny.write_zones(tmp_path / "zones.gpkg", {"a": tiny.rectangle(SHAPE)})
    if support == "cell":
        cover = tiny.write_raster(tmp_path / "cover.tif", tiny.smooth(SHAPE, 20, 80, 3))
        given = {"file": str(cover), "unit": "%"}
    else:
        (tmp_path / "cover.csv").write_text("ecosystem,value\nforest,50\n", encoding="utf-8")
        given = {"table": str(tmp_path / "cover.csv"), "unit": "%"}
    return tiny.run(
        tiny.project(
            tmp_path,
            land,
            zones,
            {"vegetation_cover": given},
            standard=tiny.write_standard(tmp_path, [], own={"shared": body}),
            statistics=[("a", "visitors", 1000.0, "人次/yr")],
        )
    )


@pytest.mark.parametrize("support", ["cell", "class"])
def test_a_zone_s_total_is_not_counted_again_in_every_cell_or_class(
    tmp_path: Path, support: str
) -> None:
    # 1000 visits, cover 50 %: not 500 × cells (or × classes), but an error that says how to share.
    with pytest.raises(DataError, match=f"by a rate that varies by {support}") as refused:
        shared_visits(tmp_path, support, _SHARED)
    assert "share it out" in str(refused.value)


@pytest.mark.parametrize("support", ["cell", "class"])
def test_a_zone_s_total_is_shared_out_whole(tmp_path: Path, support: str) -> None:
    found = shared_visits(tmp_path, support, _SHARED_OUT)
    assert forest(found, "shared.Q") == pytest.approx(1000.0, rel=1e-12)
