"""Every bad input gives its golden message and leaves no output."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from bad_input_projects import (
    CELL,
    COLS,
    GRID,
    NORTH,
    PROJECT,
    ROWS,
    WEST,
    boxes,
    classes,
    compare,
    edit,
    rain,
    refusal,
    run_and_save,
    run_refused,
    write_project,
    write_raster,
    write_zones,
)

from gep import library
from gep.account import Project
from gep.errors import DataError, GepError, UsageError

RULE = "tiny/water_retention.toml"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("template")).parent


@pytest.fixture
def good(template: Path, tmp_path: Path) -> Path:
    """The project file of a good project in a folder of its own."""
    folder = tmp_path / "county"
    shutil.copytree(template, folder)
    return folder / "county.toml"


def test_the_good_project_is_good(good: Path) -> None:
    project = Project.load(good)
    assert project.check().errors == ()
    run_and_save(good, good.parent / "out")
    written = {p.name for p in (good.parent / "out").iterdir()}
    assert {"account.csv", "account.nc", "provenance.json"} <= written


# ------------------------------------------------------------------------------ golden messages


def unknown_key(folder: Path) -> None:
    edit(folder / "county.toml", "price_year = 2020", "price_year = 2020\nprice_yaer = 2020")


def unknown_quantity(folder: Path) -> None:
    edit(folder / "county.toml", "precipitation = {", "precipitaton = {")


def unknown_key_of_an_input(folder: Path) -> None:
    edit(folder / "county.toml", '"rain.tif", unit', '"rain.tif", untis')


def unknown_symbol(folder: Path) -> None:
    edit(folder / RULE, "P - P * alpha - ET", "P - P * alfa - ET")


def units_disagree(folder: Path) -> None:
    edit(folder / RULE, "P - P * alpha - ET", "P - P * alpha - c")


def unit_of_step_disagrees(folder: Path) -> None:
    edit(folder / RULE, 'unit = "CNY/(ha·yr)"', 'unit = "CNY/yr"')


def unit_of_input_disagrees(folder: Path) -> None:
    edit(folder / "county.toml", '"rain.tif", unit = "mm/yr"', '"rain.tif", unit = "ha"')


def unknown_unit(folder: Path) -> None:
    edit(folder / "county.toml", '"rain.tif", unit = "mm/yr"', '"rain.tif", unit = "mm/year"')


def printed_form_disagrees(folder: Path) -> None:
    edit(folder / RULE, "(P - R - ET) * 1e-3", "(P - R - ET) * 1e-2")


def example_disagrees(folder: Path) -> None:
    edit(folder / RULE, "Q = 6302.5", "Q = 6302")


def class_without_coefficient(folder: Path) -> None:
    for name in ("runoff", "rates"):
        path = folder / f"tiny/coefficients/{name}.csv"
        rows = [r for r in path.read_text(encoding="utf-8").splitlines() if r[:5] not in {"fores", "town,"}]
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def map_code_not_in_legend(folder: Path) -> None:
    codes = classes()
    codes[3:5, 10:20] = 77
    codes[20:22, 30:34] = 5
    write_raster(folder / "land_cover.tif", codes, nodata=0)


def coefficient_out_of_range(folder: Path) -> None:
    path = folder / "tiny/coefficients/runoff.csv"
    edit(path, "forest,4.65", "forest,465")
    edit(path, "town,60", "town,-60")


def project_coefficient_out_of_range(folder: Path) -> None:
    text = '[coefficients]\n"runoff.alpha.town" = { value = -0.6, unit = "1", source = "guess" }\n'
    edit(folder / "county.toml", "[statistics]", text + "[statistics]")


def coefficient_for_an_unknown_class(folder: Path) -> None:
    text = '[coefficients]\n"runoff.alpha.twon" = { value = 0.6, unit = "1", source = "guess" }\n'
    edit(folder / "county.toml", "[statistics]", text + "[statistics]")


def negative_price(folder: Path) -> None:
    edit(folder / "tiny/coefficients/prices.csv", "reservoir,7.06", "reservoir,-7.06")


def duplicate_coefficient(folder: Path) -> None:
    path = folder / "tiny/coefficients/runoff.csv"
    path.write_text(path.read_text(encoding="utf-8") + "forest,4.7,book\n", encoding="utf-8")


def duplicate_statistic(folder: Path) -> None:
    edit(folder / "statistics.csv", "02,sulfur", "01,sulfur")


def statistic_missing_for_a_zone(folder: Path) -> None:
    edit(folder / "statistics.csv", "02,sulfur_dioxide_emission,,40,tSO2/yr,2020,yearbook\n", "")


def statistic_in_a_wrong_unit(folder: Path) -> None:
    edit(folder / "statistics.csv", "40,tSO2/yr", "40,t/yr")


def statistic_of_an_unknown_zone(folder: Path) -> None:
    edit(folder / "statistics.csv", "02,sulfur", "20,sulfur")


def total_as_one_number(folder: Path) -> None:
    edit(folder / "county.toml", '[statistics]\nfile = "statistics.csv"\n', "")
    edit(
        folder / "county.toml",
        "[inputs]\n",
        '[inputs]\nsulfur_dioxide_emission = { value = 55, unit = "tSO2/yr" }\n',
    )


def crs_missing(folder: Path) -> None:
    write_raster(folder / "land_cover.tif", classes(), nodata=0, crs=None)


def crs_of_an_input_missing(folder: Path) -> None:
    write_raster(folder / "rain.tif", rain(), crs=None)


def crs_of_zones_missing(folder: Path) -> None:
    write_zones(folder / "zones.gpkg", boxes(), crs=None)


def rasters_do_not_overlap(folder: Path) -> None:
    away = Affine(CELL, 0.0, WEST + 90_000.0, 0.0, -CELL, NORTH)
    write_raster(folder / "rain.tif", rain(), transform=away)


def zones_away_from_the_map(folder: Path) -> None:
    away = [shapely.affinity.translate(box, 90_000.0) for box in boxes()]
    write_zones(folder / "zones.gpkg", away)


def nodata_undeclared(folder: Path) -> None:
    values = rain()
    values[5:9, 5:9] = -9999.0
    write_raster(folder / "rain.tif", values)


def nodata_of_the_map_undeclared(folder: Path) -> None:
    codes = classes()
    codes[:, :3] = 255
    write_raster(folder / "land_cover.tif", codes)


def rain_in_metres(folder: Path) -> None:
    write_raster(folder / "rain.tif", rain() / 1000.0)


def rain_in_tenths_of_a_millimetre(folder: Path) -> None:
    write_raster(folder / "rain.tif", rain() * 100.0)


def truncated_raster(folder: Path) -> None:
    raw = (folder / "rain.tif").read_bytes()
    (folder / "rain.tif").write_bytes(raw[: len(raw) // 2])


def raster_that_is_none(folder: Path) -> None:
    (folder / "rain.tif").write_text("this is not a raster\n", encoding="utf-8")


def raster_that_is_not_there(folder: Path) -> None:
    (folder / "rain.tif").unlink()


def zones_overlap(folder: Path) -> None:
    first, second, third = boxes()
    write_zones(folder / "zones.gpkg", [first, second.buffer(300.0, cap_style="square"), third])


def zone_without_geometry(folder: Path) -> None:
    first, _, third = boxes()
    write_zones(folder / "zones.gpkg", [first, None, third])


def zones_are_empty(folder: Path) -> None:
    write_zones(folder / "zones.gpkg", [])


def zone_geometry_invalid(folder: Path) -> None:
    first, _, third = boxes()
    x, y = WEST + 2500.0, NORTH - 1900.0
    bow = shapely.Polygon([(x, y), (x + 1500, y + 1500), (x + 1500, y), (x, y + 1500)])
    write_zones(folder / "zones.gpkg", [first, bow, third])


def zone_ids_twice(folder: Path) -> None:
    write_zones(folder / "zones.gpkg", boxes(), code=["01", "02", "02"])


def zone_without_land_cover(folder: Path) -> None:
    codes = classes()
    codes[:20, 24:] = 0
    write_raster(folder / "land_cover.tif", codes, nodata=0)


def price_of_another_year(folder: Path) -> None:
    edit(folder / "county.toml", 'price_index = "prices_index.csv"\n', "")


def price_index_without_the_year(folder: Path) -> None:
    edit(folder / "county.toml", "price_year = 2020", "price_year = 2023")


def formula_imports(folder: Path) -> None:
    edit(folder / RULE, "P - P * alpha - ET", "__import__('os').system('true')")


def formula_attribute(folder: Path) -> None:
    edit(folder / RULE, "P - P * alpha - ET", "P - P.real * alpha - ET")


def formula_comprehension(folder: Path) -> None:
    edit(folder / RULE, "P - P * alpha - ET", "P - max([x for x in (P, ET)])")


def rotated_raster(folder: Path) -> None:
    write_raster(folder / "rain.tif", rain(), transform=GRID @ Affine.rotation(10))


def raster_without_data_in_the_zones(folder: Path) -> None:
    write_raster(folder / "rain.tif", np.full((ROWS, COLS), -1.0), nodata=-1.0)


def unknown_service(folder: Path) -> None:
    edit(folder / "county.toml", "[zones]", 'services = ["water_retension"]\n[zones]')


def service_that_lacks_its_input(folder: Path) -> None:
    edit(folder / "county.toml", 'evapotranspiration = { file = "et.tif", unit = "mm/yr" }\n', "")
    edit(
        folder / "county.toml", 'standard = "tiny"', 'standard = "tiny"\nservices = ["water_retention"]'
    )


def nothing_can_be_computed(folder: Path) -> None:
    (folder / "county.toml").write_text(PROJECT.partition("[inputs]")[0], encoding="utf-8")


def unknown_standard(folder: Path) -> None:
    edit(folder / "county.toml", 'standard = "tiny"', 'standard = "rcees_2071"')


def not_toml(folder: Path) -> None:
    edit(folder / "county.toml", "year = 2020", "year is 2020")


def neither_text_encoding(folder: Path) -> None:
    (folder / "statistics.csv").write_bytes(b"zone,quantity\n\xff\xff\xff\xff,1\n")


def ragged_table(folder: Path) -> None:
    edit(folder / "statistics.csv", "40,tSO2/yr", "1,040,tSO2/yr")


def text_where_a_number_belongs(folder: Path) -> None:
    edit(folder / "statistics.csv", ",40,", ",forty,")
    edit(folder / "tiny/coefficients/runoff.csv", "town,60", "town,n/a")


def five_faults(folder: Path) -> None:
    unknown_quantity(folder)
    statistic_in_a_wrong_unit(folder)
    rasters_do_not_overlap(folder)
    edit(folder / "county.toml", "precipitaton", 'cooling_days = { value = 60, unit = "mm" }\nprecipitaton')
    edit(folder / "county.toml", '"et.tif"', '"rain.tif"')
    coefficient_for_an_unknown_class(folder)


SPOILERS = [
    unknown_key,
    unknown_quantity,
    unknown_key_of_an_input,
    unknown_symbol,
    units_disagree,
    unit_of_step_disagrees,
    unit_of_input_disagrees,
    unknown_unit,
    printed_form_disagrees,
    example_disagrees,
    class_without_coefficient,
    map_code_not_in_legend,
    coefficient_out_of_range,
    project_coefficient_out_of_range,
    coefficient_for_an_unknown_class,
    negative_price,
    duplicate_coefficient,
    duplicate_statistic,
    statistic_missing_for_a_zone,
    statistic_in_a_wrong_unit,
    statistic_of_an_unknown_zone,
    total_as_one_number,
    crs_missing,
    crs_of_an_input_missing,
    crs_of_zones_missing,
    rasters_do_not_overlap,
    zones_away_from_the_map,
    nodata_undeclared,
    nodata_of_the_map_undeclared,
    rain_in_metres,
    rain_in_tenths_of_a_millimetre,
    truncated_raster,
    raster_that_is_none,
    raster_that_is_not_there,
    zones_overlap,
    zone_without_geometry,
    zones_are_empty,
    zone_geometry_invalid,
    zone_ids_twice,
    zone_without_land_cover,
    price_of_another_year,
    price_index_without_the_year,
    formula_imports,
    formula_attribute,
    formula_comprehension,
    rotated_raster,
    raster_without_data_in_the_zones,
    unknown_service,
    service_that_lacks_its_input,
    nothing_can_be_computed,
    unknown_standard,
    not_toml,
    neither_text_encoding,
    ragged_table,
    text_where_a_number_belongs,
    five_faults,
]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_golden_message(spoil: Callable[[Path], None], good: Path) -> None:
    spoil(good.parent)
    compare(spoil.__name__, run_refused(good), good.parent)
