"""Every bad input gives its golden message and leaves no output."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
        rows = [
            r
            for r in path.read_text(encoding="utf-8").splitlines()
            if r[:5] not in {"fores", "town,"}
        ]
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
        folder / "county.toml",
        'standard = "tiny"',
        'standard = "tiny"\nservices = ["water_retention"]',
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
    edit(
        folder / "county.toml",
        "precipitaton",
        'cooling_days = { value = 60, unit = "mm" }\nprecipitaton',
    )
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


def test_five_faults_are_five_problems(good: Path) -> None:
    five_faults(good.parent)
    assert len(refusal(Project.load, good).problems) == 5


def test_faults_of_several_steps_and_tables_come_together(good: Path) -> None:
    folder = good.parent
    unknown_symbol(folder)
    edit(folder / "tiny/air_cleaning.toml", 'is = "sulfur_dioxide_emission"', 'is = "sulfur"')
    duplicate_coefficient(folder)
    coefficient_out_of_range(folder)
    unknown_key(folder)
    compare("faults_of_several_files", run_refused(good), folder)


def test_check_gives_the_same_problems_as_a_run(good: Path) -> None:
    class_without_coefficient(good.parent)
    price_of_another_year(good.parent)
    checked = Project.load(good).check().errors
    assert checked == refusal(Project.load(good).run).problems
    assert len(checked) == 4  # two prices, two tables


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("legend_unknown", '"legend.toml"', '"worldcovre"'),
        ("price_index_unknown", '"prices_index.csv"', '"cn_cpy"'),
        ("price_index_is_no_index", '"prices_index.csv"', '"tiny/coefficients/runoff.csv"'),
        ("year_is_none", "price_year = 2020", "price_year = 20200"),
        ("zones_column_unknown", 'id = "code"', 'id = "cod"'),
        ("statistics_file_missing", '"statistics.csv"', '"statistic.csv"'),
        (
            "unquoted_coefficient",
            "[statistics]",
            "[coefficients]\nrunoff.alpha.town = { value = 1 }\n[statistics]",
        ),
        ("resampling_unknown", '"rain.tif", unit', '"rain.tif", resampling = "linear", unit'),
        ("band_unknown", '"rain.tif", unit', '"rain.tif", bands = 3, unit'),
        (
            "map_step_unknown",
            "[statistics]",
            '[outputs]\nmaps = ["water_retention.q"]\n[statistics]',
        ),
        (
            "function_unknown",
            '{ file = "et.tif", unit = "mm/yr" }',
            '{ derive = "slop", elevation = 1 }',
        ),
    ],
)
def test_golden_message_of_a_project_key(key: str, old: str, new: str, good: Path) -> None:
    edit(good, old, new)
    compare(key, run_refused(good), good.parent)


def test_a_table_in_another_unit_than_the_zone_needs_a_factor_not_luck(good: Path) -> None:
    """Kilograms are read as kilograms."""
    before = Project.load(good).run(workers=1).table
    edit(good.parent / "statistics.csv", "12,tSO2/yr", "12000,kgSO2/yr")
    after = Project.load(good).run(workers=1).table
    np.testing.assert_allclose(before["quantity"], after["quantity"], rtol=1e-12)


# ----------------------------------------------------------------------------- read, not refused


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-8"])
def test_chinese_tables_are_read_in_any_usual_encoding(encoding: str, good: Path) -> None:
    before = Project.load(good).run(workers=1).table
    for name in ("statistics.csv", "tiny/coefficients/runoff.csv", "tiny/coefficients/prices.csv"):
        path = good.parent / name
        text = path.read_text(encoding="utf-8").replace("yearbook", "统计年鉴，第二章")
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert Project.load(good).run(workers=1).table.equals(before)


def test_chinese_names_of_files_and_folders_work(template: Path, tmp_path: Path) -> None:
    before = Project.load(template / "county.toml").run(workers=1).table
    folder = tmp_path / "某县 2020 年" / "数据"
    shutil.copytree(template, folder)
    renamed = {
        "rain.tif": "降水量.tif",
        "land_cover.tif": "土地覆被.tif",
        "zones.gpkg": "乡镇边界.gpkg",
        "statistics.csv": "统计数据.csv",
        "legend.toml": "图例.toml",
    }
    for old, new in renamed.items():
        (folder / old).rename(folder / new)
        edit(folder / "county.toml", old, new)
    (folder / "county.toml").rename(folder / "项目.toml")
    account = Project.load(folder / "项目.toml").run(workers=1)
    assert account.table.equals(before)
    account.save(tmp_path / "核算 结果")
    assert (tmp_path / "核算 结果" / "account.csv").is_file()
    assert {"降水量.tif", "土地覆被.tif"} <= set(account.provenance["inputs"])


def test_a_shifted_grid_is_aligned_and_noted(good: Path) -> None:
    """Same shape, 60 m east: values are taken from the right place."""
    before = Project.load(good).run(workers=1)
    moved = Affine(CELL, 0.0, WEST + 60.0, 0.0, -CELL, NORTH)
    write_raster(good.parent / "rain.tif", rain() + 2.0 * 0.6, transform=moved)
    after = Project.load(good).run(workers=1)
    assert any("rain.tif" in note and "bilinear" in note for note in after.provenance["notes"])
    a = before.dataset["input.precipitation"].to_numpy()
    b = after.dataset["input.precipitation"].to_numpy()
    np.testing.assert_allclose(a, b, rtol=2e-4)  # the field is a plane; its edge is cut
    write_raster(good.parent / "rain.tif", rain(), transform=moved)
    wrong = Project.load(good).run(workers=1).dataset["input.precipitation"].to_numpy()
    assert np.nanmax(np.abs(wrong - a)) > 0.5


def test_a_change_of_exactly_minus_one_survives(good: Path) -> None:
    """-1 is a number wherever no file declares it to be nodata."""
    values = np.full((ROWS, COLS), -1.0)
    values[:, 25:] = 5.0
    write_raster(good.parent / "retained.tif", values)
    edit(good.parent / RULE, 'symbol = "Q"\n', 'symbol = "Q"\nis = "water_retained"\n')
    edit(
        good,
        "[inputs]\n",
        '[inputs]\nwater_retained = { file = "retained.tif", unit = "m³/(ha·yr)" }\n',
    )
    account = Project.load(good).run(workers=1)
    areas = account.dataset["area"].to_numpy()
    total = account.dataset["water_retention.Q"].to_numpy()
    assert account.coverage["covered"].min() > 0.95
    west = (total[0] + areas[0] / 1e4)[areas[0] > 0]  # zone 01 lies wholly in the west
    np.testing.assert_allclose(west, 0.0, atol=1e-9)


def test_a_missing_cell_is_never_zero(good: Path) -> None:
    """Cells without rain lower the coverage; the mean of the rest stays."""
    before = Project.load(good).run(workers=1)
    values = np.full((ROWS, COLS), 1000.0)
    values[:10] = -1.0
    write_raster(good.parent / "rain.tif", values, nodata=-1.0)
    after = Project.load(good).run(workers=1)
    assert after.coverage["covered"].min() < before.coverage["covered"].min()
    means = after.dataset["input.precipitation"].to_numpy()
    np.testing.assert_allclose(means[np.isfinite(means)], 1000.0)


def test_cells_where_a_formula_has_no_value_are_named(good: Path) -> None:
    """A division by zero lowers the coverage and says so; from kept sums, too."""
    edit(good.parent / RULE, "P - P * alpha - ET", "(P - P * alpha - ET) * (P - ET) / (P - ET)")
    values = rain() * 0.5
    values[20:26, 10:20] = rain()[20:26, 10:20]  # 60 cells in the south, all in zone 03
    write_raster(good.parent / "et.tif", values, nodata=-1.0)
    out = good.parent / "out"
    account = Project.load(good).run(workers=1)
    account.save(out)
    (warning,) = [w for w in account.provenance["warnings"] if "no finite value" in w]
    assert "water_retention: Q, V" in warning
    assert f"03: {60 * CELL**2 / 1e6:.3g}" in warning
    assert "01:" not in warning
    covered = account.coverage.set_index(["zone", "service"])["covered"]
    assert covered["03", "water_retention"] < covered["02", "water_retention"]
    again = Project.load(good).run(workers=1, kept=out)
    assert warning in again.provenance["warnings"]


# ------------------------------------------------------------------------- whole or not at all


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".out.partial-*"))


def test_a_second_run_says_that_the_folder_exists(good: Path) -> None:
    out = good.parent / "out"
    run_and_save(good, out)
    first = (out / "account.csv").read_bytes()
    error = refusal(run_and_save, good, out)
    assert isinstance(error, UsageError)
    compare("second_run", str(error), good.parent)
    edit(good.parent / "statistics.csv", ",12,", ",11,")
    Project.load(good).run(workers=1).save(out, overwrite=True)
    assert (out / "account.csv").read_bytes() != first
    assert not hidden(good.parent)


def test_overwrite_never_deletes_what_gep_did_not_write(good: Path) -> None:
    account = Project.load(good).run(workers=1)
    out = good.parent / "out"
    out.mkdir()
    (out / "thesis.docx").write_text("ten years of work", encoding="utf-8")
    compare("foreign_folder", str(refusal(account.save, out, overwrite=True)), good.parent)
    assert (out / "thesis.docx").read_text(encoding="utf-8") == "ten years of work"
    file = good.parent / "file"
    file.write_text("a file", encoding="utf-8")
    compare("output_is_a_file", str(refusal(account.save, file, overwrite=True)), good.parent)
    assert file.read_text(encoding="utf-8") == "a file"


def test_overwrite_keeps_what_a_user_put_beside_the_account(good: Path) -> None:
    account = Project.load(good).run(workers=1)
    out = good.parent / "out"
    account.save(out)
    (out / "notes.docx").write_text("my notes", encoding="utf-8")
    compare(
        "files_beside_the_account", str(refusal(account.save, out, overwrite=True)), good.parent
    )
    assert (out / "notes.docx").read_text(encoding="utf-8") == "my notes"


def test_an_empty_folder_is_filled(good: Path) -> None:
    out = good.parent / "out"
    out.mkdir()
    run_and_save(good, out)
    assert (out / "account.csv").is_file()


@pytest.mark.parametrize("existed", [False, True])
def test_a_failure_inside_save_leaves_nothing(
    existed: bool, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Project.load(good).run(workers=1)
    out = good.parent / "out"
    if existed:
        account.save(out)
    before = {p.name: p.read_bytes() for p in out.iterdir()} if existed else None

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gep.account.write_workbook", full)
    with pytest.raises(OSError, match="No space left"):
        account.save(out, overwrite=True)
    assert not hidden(good.parent)
    assert ({p.name: p.read_bytes() for p in out.iterdir()} if out.exists() else None) == before


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from gep.account import Account, Project

out = Path(sys.argv[2])
account = Project.load(sys.argv[1]).run(workers=1)
start = time.perf_counter()
account.save(out)
whole = {p.name: p.read_bytes() for p in out.iterdir() if p.suffix != ".xlsx"}
took = time.perf_counter() - start
chance = random.Random(20200101)
seen = 0
for turn in range(12):
    child = os.fork()
    if child == 0:
        account.save(out, overwrite=True)
        os._exit(0)
    time.sleep(chance.uniform(0.0, 1.1 * took))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    seen += bool(list(out.parent.glob(".out.partial-*")))
    if out.exists():  # never a folder that looks finished and is not
        assert {p.name: p.read_bytes() for p in out.iterdir() if p.suffix != ".xlsx"} == whole
        assert (out / "account.xlsx").is_file()
assert seen, "no kill came while files were written"
account.save(out, overwrite=True)
assert not list(out.parent.glob(".out.partial-*")), "the next run cleans up"
print("killed", seen)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_run_leaves_nothing_that_looks_finished(good: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, str(good), str(good.parent / "out")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("killed")


def test_errors_of_all_kinds_are_gep_errors() -> None:
    assert issubclass(DataError, GepError)
    assert issubclass(UsageError, GepError)
