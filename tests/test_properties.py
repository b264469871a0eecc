"""What must hold whatever the numbers: units, splitting, permuting, prices, adding up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import tiny
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

SHAPE = (24, 31)
#: Each example runs two projects from files: no time is spent on making a failure smaller.
SETTINGS = settings(max_examples=6, phases=(Phase.explicit, Phase.reuse, Phase.generate))
EQUAL_AREA = "EPSG:5070"
#: A corner for the equal-area grid.
PLAINS = (-95_000.0, 1_800_000.0)
SEEDS = st.integers(0, 10_000)


def fields(seed: int) -> dict[str, Any]:
    return {
        "codes": np.random.default_rng(seed).integers(1, 5, SHAPE),
        "rain": tiny.smooth(SHAPE, 900, 2000, seed, 0.02),
        "cover": tiny.smooth(SHAPE, 2, 100, seed + 1, 0.02),
        "people": tiny.smooth(SHAPE, 0, 5, seed + 2),
    }


UNITS = {"rain": "mm/yr", "cover": "%", "people": "人次/yr"}
NAMES = {"rain": "precipitation", "cover": "vegetation_cover", "people": "visitors"}


def account_of(
    folder: Path,
    data: dict[str, Any],
    zones: dict[str, shapely.Geometry] | None = None,
    *,
    units: dict[str, str] | None = None,
    crs: str = tiny.UTM,
    corner: tuple[float, float] = tiny.CORNER,
    prices: dict[str, tuple[float, str]] | None = None,
    services: tuple[str, ...] = tuple(tiny.SERVICES),
) -> Any:
    units = UNITS | (units or {})
    land = tiny.write_raster(folder / "land.tif", data["codes"], crs=crs, corner=corner)
    inputs: dict[str, Any] = {
        "evapotranspiration": {"value": 600, "unit": "mm/yr"},
        "rainfall_erosivity": {"value": 6000, "unit": "MJ·mm/(hm²·h·yr)"},
        "soil_erodibility": {"value": 0.03, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "slope_length_factor": {"value": 2.5, "unit": "1"},
        "carbon_sequestration_rate": {"value": 2, "unit": "tC/(hm²·yr)"},
    }
    for key, name in NAMES.items():
        path = tiny.write_raster(
            folder / f"{key}.tif", data[key], crs=crs, corner=corner, nodata=np.nan
        )
        inputs[name] = {"file": str(path), "unit": units[key]}
    shapes = zones or {"all": tiny.rectangle(data["codes"].shape, corner=corner)}
    zone_file = tiny.write_zones(folder / "zones.gpkg", shapes, crs)
    statistics = [(z, "sulfur_dioxide_emission", 9e7, "tSO2/yr") for z in shapes]
    standard = tiny.write_standard(folder, services, prices=prices)
    tables = tiny.project(folder, land, zone_file, inputs, standard=standard, statistics=statistics)
    return tiny.run(tables, workers=1)


LINES = ["water.Q", "water.V", "soil.Q", "soil.V", "carbon.Q", "carbon.V", "visits.Q", "visits.V",
         "cleaning.G", "cleaning.V"]  # fmt: skip


def sums(account: Any, zones: list[str] | None = None) -> dict[str, np.ndarray]:
    """Return every figure by class, added over the zones."""
    found = {}
    for name in ["area", *LINES]:
        array = account.dataset[name]
        array = array.sel(zone=zones) if zones else array
        if "ecosystem" in array.dims:
            array = array.reindex(ecosystem=list(tiny.CLASSES))
        found[name] = array.fillna(0.0).sum("zone").to_numpy()
    return found


def assert_equal(a: dict[str, Any], b: dict[str, Any], rtol: float) -> None:
    for name, values in a.items():
        assert np.abs(values).max() > 0, name
        np.testing.assert_allclose(values, b[name], rtol=rtol, atol=0, err_msg=name)


@SETTINGS
@given(
    SEEDS,
    st.sampled_from([("m/yr", 1e-3), ("cm/yr", 0.1), ("m³/(ha·yr)", 10.0), ("L/(m²·a)", 1.0)]),
)
def test_another_unit_changes_nothing(tmp_path: Path, seed: int, unit: tuple[str, float]) -> None:
    data = fields(seed)
    plain = sums(account_of(tmp_path, data))
    name, factor = unit
    changed = data | {
        "rain": data["rain"] * factor,
        "cover": data["cover"] / 100,
        "people": data["people"] / 1e4,
    }
    units = {"rain": name, "cover": "1", "people": "万人次/yr"}
    assert_equal(plain, sums(account_of(tmp_path, changed, units=units)), 1e-12)


@SETTINGS
@given(SEEDS, st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_splitting_a_zone_and_adding_changes_nothing(
    tmp_path: Path, seed: int, low: float, high: float
) -> None:
    data = fields(seed)
    west, south, east, north = tiny.rectangle(SHAPE).bounds
    x0, x1 = west + low * (east - west), west + high * (east - west)
    left = shapely.Polygon([(west, south), (x0, south), (x1, north), (west, north)])
    right = shapely.Polygon([(x0, south), (east, south), (east, north), (x1, north)])
    parts = account_of(tmp_path, data, {"left": left, "right": right})
    assert_equal(sums(account_of(tmp_path, data)), sums(parts), 1e-9)


@SETTINGS
@given(SEEDS, st.integers(1, SHAPE[0] - 1))
def test_splitting_the_raster_and_adding_changes_nothing(
    tmp_path: Path, seed: int, row: int
) -> None:
    data = fields(seed)
    whole = sums(account_of(tmp_path, data))
    upper = {k: v[:row] for k, v in data.items()}
    lower = {k: v[row:] for k, v in data.items()}
    below = (tiny.CORNER[0], tiny.CORNER[1] - 30.0 * row)
    one, other = sums(account_of(tmp_path, upper)), sums(account_of(tmp_path, lower, corner=below))
    added = {name: one[name] + other[name] for name in whole}
    assert_equal(whole, added, 1e-9)


@SETTINGS
@given(SEEDS)
def test_permuting_cells_changes_nothing_but_the_place(tmp_path: Path, seed: int) -> None:
    # On an equal-area grid all cells weigh the same: whole cells may change places.
    data = fields(seed)
    order = np.random.default_rng(seed).permutation(data["codes"].size)
    moved = {k: v.ravel()[order].reshape(SHAPE) for k, v in data.items()}
    here = {"crs": EQUAL_AREA, "corner": PLAINS}
    first, second = account_of(tmp_path, data, **here), account_of(tmp_path, moved, **here)  # type: ignore[arg-type]
    # The projection's areal scale is 1 to 1e-10 as PROJ finds it; counts know no area.
    assert_equal(sums(first), sums(second), 3e-10)
    a, b = sums(first)["visits.Q"], sums(second)["visits.Q"]
    np.testing.assert_allclose(a, b, rtol=1e-12)


@SETTINGS
@given(SEEDS, st.sampled_from(list(tiny.PRICES)))
def test_doubling_a_price_doubles_its_value_exactly(tmp_path: Path, seed: int, item: str) -> None:
    data = fields(seed)
    doubled = tiny.PRICES | {item: (2 * tiny.PRICES[item][0], tiny.PRICES[item][1])}
    before = sums(account_of(tmp_path, data))
    after = sums(account_of(tmp_path, data, prices=doubled))
    priced = {"reservoir": "water", "sulfur": "cleaning", "visit": "visits"}.get(item, item)
    for name in LINES:
        factor = 2.0 if name == f"{priced}.V" else 1.0
        np.testing.assert_array_equal(after[name], factor * before[name], err_msg=name)


@SETTINGS
@given(SEEDS, st.integers(2, 7))
def test_zones_add_up_to_the_whole(tmp_path: Path, seed: int, count: int) -> None:
    data = fields(seed)
    whole = tiny.rectangle(SHAPE)
    west, south, east, north = whole.bounds
    rng = np.random.default_rng(seed)
    places = [rng.uniform(west, east, count), rng.uniform(south, north, count)]
    points = shapely.MultiPoint(np.column_stack(places))
    cells = shapely.voronoi_polygons(points, extend_to=whole).geoms
    zones = {f"z{n}": cell.intersection(whole) for n, cell in enumerate(cells)}
    account = account_of(tmp_path, data, zones)
    assert_equal(sums(account_of(tmp_path, data)), sums(account), 1e-9)
    by_zone = account.total("zone")["value"].sum()
    assert by_zone == pytest.approx(account.total(())["value"].iloc[0], rel=1e-12)
    assert by_zone == pytest.approx(account.total("service")["value"].sum(), rel=1e-12)
