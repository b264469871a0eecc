"""Maps: the right number in every cell, nothing outside, and what the file says about itself."""

from __future__ import annotations

from pathlib import Path

import bad_input_projects as tiny
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from gep.account import Project
from gep.errors import DataError
from gep.maps import check_maps, write_maps
from gep.plan import Plan, make_plan
from gep.sums import ClassSums, make_sums

ALPHA = {1: 0.0465, 2: 0.0465, 3: 0.0937, 4: 0.6}

DEPOSIT = """
id = "deposit"
title = { en = "Deposition", zh = "沉降" }
kind = "regulating"
cite = "book, A.3"
verified = "full_text"
[inputs]
P = { is = "precipitation", unit = "m/yr" }
[coefficients]
k = { from = "deposits.k", by = ["ecosystem", "pollutant"] }
[[steps]]
symbol = "D"
title = { en = "Deposited", zh = "沉降量" }
formula = "P * k"
unit = "t/(km²·yr)"
per = "pollutant"
[account]
physical = "D"
[[examples]]
given = { P = 2, k = { SO2 = 3, dust = 4 } }
expect = { D = { SO2 = 6, dust = 8 } }
source = "hand calculation"
"""

DEPOSITS = """
title = { en = "Deposits", zh = "沉降" }
shape = "rectangle"
key = ["ecosystem", "pollutant"]
[columns.k]
title = { en = "Deposit", zh = "沉降" }
unit = "t/(km²·m)"
cite = "book, Table 3"
verified = "full_text"
[sources.book]
text = { en = "A. Author, Book", zh = "作者，书" }
"""


def plan_of(project: Path, *maps: str) -> Plan:
    text = project.read_text(encoding="utf-8")
    project.write_text(f"{text}[outputs]\nmaps = {list(maps)!r}\n", encoding="utf-8")
    return make_plan(Project.load(project).data)


def sums_of(project: Path, *maps: str) -> ClassSums:
    return make_sums(plan_of(project, *maps), workers=1)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tiny.write_project(tmp_path / "县 project")


def water() -> np.ndarray:
    """Water retained in m³/(ha·yr), cell by cell, from the formula."""
    codes = tiny.classes()
    alpha = np.select([codes == code for code in ALPHA], list(ALPHA.values()), np.nan)
    rain = tiny.rain()
    return (rain - rain * alpha - rain * 0.5) * 10


def test_every_cell_has_the_number_of_the_formula(project: Path, tmp_path: Path) -> None:
    write_maps(tmp_path / "maps", sums_of(project, "water_retention.Q"))
    with rasterio.open(tmp_path / "maps" / "water_retention.Q.tif") as dataset:
        values = dataset.read(1)
        assert dataset.transform == tiny.GRID
        assert dataset.crs.to_epsg() == 32648
    assert values.dtype == np.float32
    assert np.isnan(values[:, 0]).all()  # no land cover there
    np.testing.assert_allclose(values, water(), rtol=1e-6)


def test_the_file_says_what_it_shows(project: Path, tmp_path: Path) -> None:
    write_maps(tmp_path, sums_of(project, "water_retention.Q", "water_retention.V"))
    assert sorted(p.name for p in tmp_path.glob("*.tif")) == [
        "water_retention.Q.tif",
        "water_retention.V.tif",
    ]
    assert not list(tmp_path.glob(".partial*"))
    with rasterio.open(tmp_path / "water_retention.Q.tif") as dataset:
        tags = dataset.tags()
        assert dataset.units == (tags["units"],)
        assert dataset.descriptions == ("水源涵养量 Water retained",)
        assert np.isnan(dataset.nodata)
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert tags["units"].startswith("m³/")
    assert tags["long_name"] == "Water retained"
    assert tags["formula"] == "P - P * alpha - ET"
    assert tags["standard"] == "tiny"
    assert tags["year"] == "2020"
    assert "price_year" not in tags
    assert tags["gep_version"]
    with rasterio.open(tmp_path / "water_retention.V.tif") as dataset:
        assert dataset.tags()["price_year"] == "2020"


def test_the_map_adds_up_to_the_account(project: Path, tmp_path: Path) -> None:
    """Also where zones cut cells and an input differs between the zones of one cell."""
    rows = [
        f"{e},{z},{400 + 100 * int(z)}"
        for e in ("forest", "grassland", "town")
        for z in ("01", "02", "03")
    ]
    table = "ecosystem,zone,value\n" + "\n".join(rows) + "\n"
    (project.parent / "et.csv").write_text(table, encoding="utf-8")
    tiny.edit(project, 'file = "et.tif"', 'table = "et.csv"')
    sums = sums_of(project, "water_retention.Q")
    write_maps(tmp_path, sums)
    with rasterio.open(tmp_path / "water_retention.Q.tif") as dataset:
        values = dataset.read(1).astype(np.float64)
    grid = sums.plan.project.grid
    assert grid is not None
    assert sums.plan.project.zones is not None
    area = grid.areas(grid.window)
    cells, _, shares = sums.plan.project.zones.cover(grid, grid.window)
    inside = np.bincount(cells, weights=shares, minlength=area.size).reshape(area.shape)
    target = sums.plan.targets["water_retention", "Q"]
    total = np.nansum(values * area * inside) * target.factor
    assert total == pytest.approx(np.nansum(sums.values["water_retention", "Q"].total), rel=1e-6)


def test_nothing_outside_the_zones_or_the_service(project: Path, tmp_path: Path) -> None:
    west, north = tiny.WEST, tiny.NORTH
    zone = shapely.box(west + 1000, north - 2000, west + 3050, north - 1000)
    tiny.write_zones(project.parent / "zones.gpkg", [zone])
    tiny.edit(
        project.parent / "tiny" / "water_retention.toml",
        'cite = "book, A.1"',
        'cite = "book, A.1"\necosystems = ["forest"]',
    )
    tiny.edit(project, '[statistics]\nfile = "statistics.csv"\n', "")
    write_maps(tmp_path, sums_of(project, "water_retention.Q"))
    with rasterio.open(tmp_path / "water_retention.Q.tif") as dataset:
        values = dataset.read(1)
    expected = np.full(values.shape, np.nan)
    expected[10:20, 10:31] = water()[10:20, 10:31]  # column 30 is half inside
    expected[~np.isin(tiny.classes(), (1, 2))] = np.nan
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_one_band_per_member(project: Path, tmp_path: Path) -> None:
    folder = project.parent / "tiny"
    tiny.edit(folder / "standard.toml", '"air_cleaning"]', '"air_cleaning", "deposit"]')
    rows = [
        f"{e},{p},{k},book"
        for e, ks in {"forest": (1, 2), "grassland": (3, 4), "town": (0, 5)}.items()
        for p, k in zip(("SO2", "dust"), ks, strict=True)
    ]
    table = "ecosystem,pollutant,k,source\n" + "\n".join(rows) + "\n"
    files = {
        "deposit.toml": DEPOSIT,
        "coefficients/deposits.toml": DEPOSITS,
        "coefficients/deposits.csv": table,
    }
    tiny.write_text(folder, files)
    write_maps(tmp_path, sums_of(project, "deposit.D"))
    with rasterio.open(tmp_path / "deposit.D.tif") as dataset:
        assert dataset.descriptions == ("SO2", "dust")
        assert dataset.units == ("t/(km²·yr)",) * 2
        values = dataset.read()
    k = np.array([[np.nan, 1, 1, 3, 0], [np.nan, 2, 2, 4, 5]])[:, tiny.classes()]
    np.testing.assert_allclose(values, k * tiny.rain() / 1000, rtol=1e-6)


def test_larger_maps_have_overviews_and_equal_bytes_from_any_number_of_threads(
    project: Path, tmp_path: Path
) -> None:
    for name, values, nodata in (
        ("land_cover.tif", np.kron(tiny.classes(), np.ones((16, 16), np.uint8)), 0),
        ("rain.tif", np.kron(tiny.rain(), np.ones((16, 16))).astype("float32"), -1.0),
    ):
        fine = tiny.CELL / 16
        transform = Affine(fine, 0.0, tiny.WEST, 0.0, -fine, tiny.NORTH)
        tiny.write_raster(project.parent / name, values, nodata=nodata, transform=transform)
    sums = sums_of(project, "water_retention.Q")
    told: list[tuple[int, int]] = []
    for out, workers in (("one", 1), ("two", 3)):
        write_maps(tmp_path / out, sums, workers, lambda *done: told.append(done))
    one, two = ((tmp_path / o / "water_retention.Q.tif").read_bytes() for o in ("one", "two"))
    assert one == two
    assert told == [(n, 4) for n in (1, 2, 3, 4)] * 2
    with rasterio.open(tmp_path / "one" / "water_retention.Q.tif") as dataset:
        assert dataset.overviews(1)
        assert dataset.block_shapes == [(256, 256)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("air_cleaning.G", "the step is not a rate per area"),
        ("air_cleaning.V", "the step is not a rate per area"),
    ],
)
def test_totals_have_no_map(project: Path, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        check_maps(plan_of(project, name))
    assert f"county.toml, outputs, maps: {name}" in str(caught.value)


def test_a_service_that_is_not_computed_has_no_map(project: Path) -> None:
    tiny.edit(project, 'evapotranspiration = { file = "et.tif", unit = "mm/yr" }\n', "")
    plan = plan_of(project, "water_retention.Q")
    with pytest.raises(DataError, match="water_retention lacks evapotranspiration"):
        check_maps(plan)


def test_areas_alone_give_no_map(project: Path, tmp_path: Path) -> None:
    text = project.read_text(encoding="utf-8")
    start, end = text.index("[zones]"), text.index("[inputs]")
    text = text[:start] + '[extent]\nfile = "extent.csv"\n' + text[end:]
    text = text.replace('file = "rain.tif"', "value = 1000").replace(
        'file = "et.tif"', "value = 500"
    )
    project.write_text(text, encoding="utf-8")
    rows = "".join(f"{zone},forest,10,km²\n" for zone in ("01", "02", "03"))
    (project.parent / "extent.csv").write_text(
        f"zone,ecosystem,area,unit\n{rows}", encoding="utf-8"
    )
    with pytest.raises(DataError, match="a map needs a land-cover map"):
        write_maps(tmp_path / "maps", sums_of(project, "water_retention.Q"))
    assert not (tmp_path / "maps").exists()
