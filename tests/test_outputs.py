"""What a run writes: whole, repeatable, self-describing, and equal to what was computed."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import xarray as xr
from bad_input_projects import refusal, write_project

from gep.account import COLUMNS, WHOLE_ZONE, Account, Project
from gep.errors import UsageError
from gep.units import unit

DESIGN = (
    "zone zone_name ecosystem service indicator quantity unit "
    "value currency price_year covered verified"
)
FILES = {"account.csv", "account.nc", "account.xlsx", "provenance.json", "sums.npz"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("outputs") / "county")


@pytest.fixture(scope="module")
def account(project: Path) -> Account:
    return Project.load(project).run(workers=1)


@pytest.fixture(scope="module")
def out(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return account.save(tmp_path_factory.mktemp("saved") / "out")


def test_the_files_of_a_run(out: Path) -> None:
    assert {p.name for p in out.iterdir()} == FILES


def test_the_table_has_exactly_the_columns_of_the_design(out: Path) -> None:
    assert DESIGN.split() == list(COLUMNS)
    with (out / "account.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == DESIGN.split()
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert len(rows) > 10


def test_a_spreadsheet_opens_the_table_in_chinese(out: Path) -> None:
    raw = (out / "account.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert "城关镇" in raw.decode("utf-8-sig")
    assert b"\r" not in raw


def test_every_row_of_the_table_says_its_unit_and_currency(account: Account) -> None:
    table = account.table
    assert not table.duplicated(["zone", "ecosystem", "service", "indicator"]).any()
    for row in table.to_dict("records"):
        unit(row["unit"])
        assert row["currency"] == "CNY"
        assert row["price_year"] == 2020
        assert 0.0 <= row["covered"] <= 1.0
        assert row["verified"] in {"full_text", "secondary", "recalled"}
    assert set(table.loc[table["service"] == "air_cleaning", "ecosystem"]) == {WHOLE_ZONE}


def test_every_variable_of_the_dataset_has_units(out: Path) -> None:
    with xr.open_dataset(out / "account.nc", engine="scipy") as data:
        assert {"zone", "ecosystem"} <= set(data.dims)
        for name in data.data_vars:
            if data[name].dtype.kind in "fiu":
                unit(str(data[name].attrs["units"]))
                assert data[name].attrs["long_name"], name
                assert data[name].attrs["long_name_zh"], name
            else:
                assert name == "zone_name"
        assert data["area"].attrs["units"] == "m²"


def test_provenance_holds_the_hashes_of_the_files(out: Path, project: Path) -> None:
    provenance = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    folder = project.parent

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    inputs = provenance["inputs"]
    for name in ("land_cover.tif", "rain.tif", "et.tif", "zones.gpkg", "statistics.csv"):
        assert inputs[name] == digest(folder / name)
    assert inputs["county/legend.toml"] == digest(folder / "legend.toml")
    assert inputs["county/prices_index.csv"] == digest(folder / "prices_index.csv")
    rules = provenance["standard"]["files"]
    for name in ("standard", "land_cover", "water_retention", "air_cleaning"):
        assert rules[f"tiny/{name}.toml"] == digest(folder / "tiny" / f"{name}.toml")
    tables = {k: v for k, v in rules.items() if k.startswith("coefficients/")}
    assert set(tables.values()) == {digest(p) for p in (folder / "tiny/coefficients").iterdir()}
    for value in (*inputs.values(), *rules.values()):
        assert re.fullmatch(r"[0-9a-f]{64}", value)


def test_provenance_names_versions_and_no_place_of_this_machine(out: Path, project: Path) -> None:
    text = (out / "provenance.json").read_text(encoding="utf-8")
    provenance = json.loads(text)
    assert {"python", "numpy", "rasterio", "gdal"} <= set(provenance["versions"])
    assert provenance["grid"]["shape"] == [40, 50]
    assert str(project.parent) not in text


def test_saving_twice_gives_the_same_bytes(project: Path, out: Path, tmp_path: Path) -> None:
    again = Project.load(project).run(workers=2, block=256).save(tmp_path / "again")
    for name in ("account.csv", "account.nc", "provenance.json"):
        assert (again / name).read_bytes() == (out / name).read_bytes(), name


def test_the_same_project_elsewhere_gives_the_same_bytes(
    project: Path, out: Path, tmp_path: Path
) -> None:
    shutil.copytree(project.parent, tmp_path / "elsewhere" / "county")
    moved = Project.load(tmp_path / "elsewhere" / "county" / "county.toml")
    again = moved.run(workers=1).save(tmp_path / "again")
    for name in ("account.csv", "account.nc", "provenance.json"):
        assert (again / name).read_bytes() == (out / name).read_bytes(), name


def test_an_account_is_read_as_it_was_saved(account: Account, out: Path) -> None:
    loaded = Account.load(out)
    pd.testing.assert_frame_equal(loaded.table, account.table)
    assert loaded.provenance == json.loads(json.dumps(account.provenance))
    for name in account.dataset.data_vars:
        np.testing.assert_array_equal(
            loaded.dataset[name].to_numpy().astype(str),
            account.dataset[name].to_numpy().astype(str),
        )
        assert loaded.dataset[name].dims == account.dataset[name].dims
    assert str(loaded.why("water_retention", zone="01")) == str(
        account.why("water_retention", zone="01")
    )
    assert repr(loaded) == repr(account)


def test_the_table_on_disk_is_the_table(account: Account, out: Path) -> None:
    stored = pd.read_csv(out / "account.csv", dtype=str)  # exact: float() of the text, not pandas'
    for column in ("quantity", "value"):
        found = [float(text) for text in stored[column]]
        np.testing.assert_array_equal(found, account.table[column])
    assert list(stored["zone"]) == list(account.table["zone"])  # 01, not 1


def test_the_sum_over_zones_is_the_whole_area(account: Account) -> None:
    table = account.table
    whole = account.total(())["value"].iloc[0]
    for by in ("zone", "service", "ecosystem", "kind"):
        np.testing.assert_allclose(account.total(by)["value"].sum(), whole, rtol=1e-12)
    np.testing.assert_allclose(table["value"].sum(), whole, rtol=1e-12)


def test_three_zones_add_up_to_one(project: Path, account: Account, tmp_path: Path) -> None:
    """Additive figures of the zones equal those of one zone over the same area."""
    import geopandas

    folder = tmp_path / "county"
    shutil.copytree(project.parent, folder)
    frame = geopandas.read_file(folder / "zones.gpkg")
    one = geopandas.GeoDataFrame(
        {"code": ["all"], "name": ["all"]}, geometry=[frame.union_all()], crs=frame.crs
    )
    (folder / "zones.gpkg").unlink()
    one.to_file(folder / "zones.gpkg", driver="GPKG")
    (folder / "statistics.csv").write_text(
        "zone,quantity,item,value,unit,year,source\nall,sulfur_dioxide_emission,,55,tSO2/yr,2020,yearbook\n",
        encoding="utf-8",
    )
    whole = Project.load(folder / "county.toml").run(workers=1).dataset
    for name in ("water_retention.Q", "water_retention.V", "area"):
        np.testing.assert_allclose(
            account.dataset[name].sum("zone"), whole[name].sum("zone"), rtol=1e-12, err_msg=name
        )


OURS = re.compile(r"=(SUM\([A-Z]+\d+(:[A-Z]+\d+)?\)|[A-Z]+\d+/[A-Z]+\d+)")


def test_the_workbook_holds_no_formula_but_its_own(out: Path) -> None:
    book = openpyxl.load_workbook(out / "account.xlsx")
    names = book.sheetnames
    assert any("实物量" in name for name in names)
    assert any("价值量" in name for name in names)
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":  # sums and shares that gep writes, nothing else
                    assert OURS.fullmatch(str(cell.value)), (
                        sheet.title,
                        cell.coordinate,
                        cell.value,
                    )


def test_text_that_looks_like_a_formula_stays_text(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "county"
    shutil.copytree(project.parent, folder)
    text = (folder / "county.toml").read_text(encoding="utf-8")
    evil = '=HYPERLINK("http://example.com","x")'
    data = text.replace('"Tiny county"', json.dumps(evil))
    (folder / "county.toml").write_text(data, encoding="utf-8")
    assert tomllib.loads(data)["title"] == evil
    saved = Project.load(folder / "county.toml").run(workers=1).save(tmp_path / "out")
    book = openpyxl.load_workbook(saved / "account.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert all(OURS.fullmatch(str(cell.value)) for cell in cells if cell.data_type == "f")
    assert any(cell.value == evil and cell.data_type == "s" for cell in cells)


@pytest.mark.parametrize("name", ["provenance.json", "account.nc"])
def test_a_folder_that_holds_no_account(name: str, out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "broken")
    (tmp_path / "broken" / name).unlink()
    error = refusal(Account.load, tmp_path / "broken")
    assert isinstance(error, UsageError)
    assert "the folder holds no account" in str(error)
    (tmp_path / "broken" / name).write_bytes(b"{")
    assert isinstance(refusal(Account.load, tmp_path / "broken"), UsageError)


def test_missing_is_empty_and_never_zero(project: Path, tmp_path: Path) -> None:
    """A class that has no cell with data is an empty cell of the table."""
    from bad_input_projects import classes, rain, write_raster

    folder = tmp_path / "county"
    shutil.copytree(project.parent, folder)
    values = rain()
    values[classes() == 4] = -1.0
    write_raster(folder / "rain.tif", values, nodata=-1.0)
    account = Project.load(folder / "county.toml").run(workers=1)
    water = account.table[account.table["service"] == "water_retention"]
    towns = water[water["ecosystem"] == "town"]
    assert towns["value"].isna().all()
    assert (towns["covered"] == 0.0).all()
    assert water[water["ecosystem"] != "town"]["value"].notna().all()
    saved = account.save(tmp_path / "out")
    stored = pd.read_csv(saved / "account.csv")
    assert stored.loc[stored["ecosystem"] == "town", "value"].isna().all()
