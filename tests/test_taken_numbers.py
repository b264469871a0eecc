"""Numbers that a project takes: from a shipped table by its row, and from several statistics files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bad_input_projects import compare, edit, refusal, run_refused, write_project

from gep import library
from gep.account import Project

AIR = "tiny/air_cleaning.toml"
#: A shipped rectangle, one of its columns, a row, and a shipped list table.
RECTANGLE, COLUMN, ROW = "rcees_2017/runoff", "alpha", "shrub"
LAKES = "lakes/regions.intercept"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project; its emissions are brought to nature by a factor that a table may give."""
    folder = write_project(tmp_path_factory.mktemp("taken")).parent
    edit(
        folder / AIR,
        "[coefficients]",
        'a = { is = "lake_storage_intercept", unit = "1" }\n[coefficients]',
    )
    edit(folder / AIR, "min(E, by_zone(k))", "min(E, by_zone(k)) * a")
    edit(folder / AIR, "given = { E = 50", "given = { a = 1, E = 50")
    edit(folder / "county.toml", "[statistics]", f"{taken(LAKES, 'qinghai_tibet')}\n[statistics]")
    return folder


@pytest.fixture
def county(template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "county"
    shutil.copytree(template, folder)
    return folder / "county.toml"


def taken(table: str, row: str | None) -> str:
    chosen = f', row = "{row}"' if row else ""
    return f'lake_storage_intercept = {{ from = "{table}"{chosen} }}'


def own(text: str) -> Callable[[Path], None]:
    """Return what adds a coefficient of the project's own."""

    def write(project: Path) -> None:
        edit(project, "[statistics]", f"[coefficients]\n{text}\n[statistics]")

    return write


def swap(table: str, row: str | None) -> Callable[[Path], None]:
    """Return what takes the input from another place."""

    def write(project: Path) -> None:
        edit(project, taken(LAKES, "qinghai_tibet"), taken(table, row))

    return write


def shown(message: str) -> str:
    """Return a message without the folder in which gep's tables lie."""
    return message.replace(str(library.data_root("coefficients").parent), "<gep>")


# ------------------------------------------------------------------------------------ from a table


def test_an_input_is_the_number_of_the_row_and_says_so(county: Path) -> None:
    entry, table = library.table_number(LAKES, "qinghai_tibet", 2020)
    account = Project.load(county).run(workers=1)
    given = account.provenance["quantities"]["lake_storage_intercept"]["origin"]
    assert given["value"] == entry.value
    assert given["row"] == f"{LAKES} qinghai_tibet"
    assert given["source"] == {"": table.source_text(entry)}
    assert given["verified"] == {"": entry.verified}
    assert {"lakes/regions.csv", "lakes/regions.toml"} <= set(account.provenance["inputs"])
    edit(
        county,
        taken(LAKES, "qinghai_tibet"),
        f'lake_storage_intercept = {{ value = {entry.value}, unit = "1" }}',
    )
    written = Project.load(county).run(workers=1)
    np.testing.assert_array_equal(account.table["quantity"], written.table["quantity"])


def test_a_coefficient_is_the_number_of_the_row_with_its_unit(county: Path) -> None:
    entry, _ = library.table_number(f"{RECTANGLE}.{COLUMN}", ROW, 2020)
    own(f'"runoff.alpha.town" = {{ from = "{RECTANGLE}.{COLUMN}", row = "{ROW}" }}')(county)
    account = Project.load(county).run(workers=1)
    rows = account.provenance["services"]["water_retention"]["coefficients"]["alpha"]["rows"]
    assert rows["town"]["value"] == pytest.approx(entry.value / 100, rel=1e-12)  # % to 1
    assert rows["town"]["verified"] == entry.verified
    assert f"{RECTANGLE}.{COLUMN} {ROW}" in rows["town"]["where"]


def test_a_price_keeps_its_year_and_meets_the_index(county: Path) -> None:
    """A price of 2010 needs the index of 2010: the year comes with the number."""
    price = "mee_2020/prices.reservoir_capacity"
    entry, _ = library.table_number(price, None, 2020)
    own(f'"prices.reservoir" = {{ from = "{price}" }}')(county)
    assert f"has no year {entry.price_year}" in str(refusal(Project.load(county).run))
    edit(
        county.parent / "prices_index.csv",
        "2015,100",
        f"{entry.price_year},80,book,recalled\n2015,100",
    )
    account = Project.load(county).run(workers=1)
    row = account.provenance["services"]["water_retention"]["coefficients"]["c"]["rows"][""]
    assert row["value"] == pytest.approx(entry.value * 110 / 80, rel=1e-12)
    assert row["price_year"] == entry.price_year


def test_of_several_price_years_the_accounts_is_taken_else_the_latest_before() -> None:
    name, years = dated()
    for wanted in (years[-1], years[-1] + 30):
        assert library.table_number(name, None, wanted)[0].price_year == years[-1]
    assert library.table_number(name, None, years[0])[0].price_year == years[0]
    assert library.table_number(name, None, years[0] - 30)[0].price_year == years[0]


def dated() -> tuple[str, list[int]]:
    """Return a shipped item with several price years, in rising order."""
    from gep.tables import load_table

    root = library.data_root("coefficients")
    for path in sorted(root.glob("*/*.csv")):
        table = load_table(path, path.stem)
        for item, entries in table.dated.items() if table.shape == "list" else ():
            years = [e.price_year for e in entries]
            if len(years) > 1 and None not in years and years == sorted(set(years)):
                return f"{path.parent.name}/{path.stem}.{item}", [int(y) for y in years if y]
    pytest.skip("no shipped item has two price years")


ALPHA = '"runoff.alpha.town"'


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("taken_table_unknown", swap("lakes/region.intercept", "qinghai_tibet")),
        ("taken_table_without_folder", swap("regions.intercept", "qinghai_tibet")),
        ("taken_column_unknown", swap("lakes/regions.interzept", "qinghai_tibet")),
        ("taken_row_unknown", swap(LAKES, "qinghai")),
        ("taken_row_missing", swap(LAKES, None)),
        ("taken_item_unknown", swap("mee_2020/parameters.silt_koefficient", None)),
        ("taken_row_of_a_list", swap("mee_2020/parameters.silt_coefficient", "forest")),
        ("taken_in_another_unit", swap(f"{RECTANGLE.replace('runoff', 'prices')}.reservoir_capacity", None)),
        ("coefficient_taken_table_unknown", own(f'{ALPHA} = {{ from = "rcees_2017/runof.alpha", row = "{ROW}" }}')),
        ("coefficient_taken_row_unknown", own(f'{ALPHA} = {{ from = "{RECTANGLE}.{COLUMN}", row = "schrub" }}')),
        ("coefficient_taken_in_another_unit", own(f'{ALPHA} = {{ from = "rcees_2017/prices.reservoir_capacity" }}')),
        ("coefficient_taken_and_written", own(f'{ALPHA} = {{ from = "{RECTANGLE}.{COLUMN}", row = "{ROW}", value = 1 }}')),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_golden_message(name: str, spoil: Callable[[Path], None], county: Path) -> None:
    spoil(county)
    compare(name, shown(run_refused(county)), county.parent)


def test_an_input_is_given_in_one_way(county: Path) -> None:
    edit(county, 'row = "qinghai_tibet"', 'row = "qinghai_tibet", value = 3, unit = "1"')
    compare("taken_and_written", run_refused(county), county.parent)


def test_a_total_of_an_area_cannot_be_one_number_of_a_table(county: Path) -> None:
    edit(
        county,
        "[inputs]\n",
        '[inputs]\nlake_number = { from = "mee_2020/parameters.efficiency_ratio" }\n',
    )
    compare("taken_total", run_refused(county), county.parent)


def test_a_taken_number_is_held_to_its_plausible_range(county: Path) -> None:
    swap("mee_2020/parameters.water_density", None)(county)
    assert "is not a unit of lake_storage_intercept" in run_refused(county)
    edit(
        county,
        "[inputs]\n",
        '[inputs]\nreservoir_depreciation_share = { from = "mee_2020/parameters.efficiency_ratio" }\n',
    )
    assert "outside its plausible range" in run_refused(county)


# -------------------------------------------------------------------------- several files of data


HEADER = "zone,quantity,item,value,unit,year,source\n"


def split(project: Path) -> None:
    """Put the statistics into two files, the last zone in the second."""
    path = project.parent / "statistics.csv"
    *first, last = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(first), encoding="utf-8")
    (project.parent / "more.csv").write_text(HEADER + last, encoding="utf-8")
    edit(project, 'file = "statistics.csv"', 'file = ["statistics.csv", "more.csv"]')


def test_several_files_are_read_as_one(county: Path) -> None:
    before = Project.load(county).run(workers=1)
    split(county)
    after = Project.load(county).run(workers=1)
    assert after.table.equals(before.table)
    assert {"statistics.csv", "more.csv"} <= set(after.provenance["inputs"])
    given = after.provenance["quantities"]["sulfur_dioxide_emission"]["origin"]
    assert given["files"] == ["statistics.csv", "more.csv"]


def test_a_row_that_occurs_in_two_files(county: Path) -> None:
    split(county)
    path = county.parent / "more.csv"
    again = "02,sulfur_dioxide_emission,,41,tSO2/yr,2020,yearbook\n"
    path.write_text(path.read_text(encoding="utf-8") + again, encoding="utf-8")
    compare("duplicate_statistic_across_files", run_refused(county), county.parent)


def test_a_zone_that_no_file_gives(county: Path) -> None:
    split(county)
    (county.parent / "more.csv").write_text(HEADER, encoding="utf-8")
    assert "sulfur_dioxide_emission is missing for some zones" in run_refused(county)


def test_one_of_several_files_that_is_missing(county: Path) -> None:
    edit(county, 'file = "statistics.csv"', 'file = ["statistics.csv", "mor.csv"]')
    assert "mor.csv" in run_refused(county)


# ---------------------------------------------------------------------- money of a year and a stock


STOCK = """id = "stock"
title = { en = "Stored water", zh = "蓄水" }
kind = "regulating"
cite = "book, A.3"
verified = "full_text"
[inputs]
C = { is = "reservoir_capacity", unit = "m³" }
[coefficients]
c = { from = "prices.reservoir" }
[[steps]]
symbol = "V"
title = { en = "Worth of stored water", zh = "蓄水价值" }
formula = "C * c"
unit = "CNY"
[account]
monetary = "V"
[[examples]]
given = { C = 100, c = 7 }
expect = { V = 700 }
source = "mental arithmetic"
"""


def add_stock(project: Path) -> None:
    folder = project.parent
    (folder / "tiny/stock.toml").write_text(STOCK, encoding="utf-8")
    edit(folder / "tiny/standard.toml", '"air_cleaning"]', '"air_cleaning", "stock"]')
    rows = "".join(
        f"{zone},reservoir_capacity,,{zone}000,m³,2020,yearbook\n" for zone in ("01", "02", "03")
    )
    path = folder / "statistics.csv"
    path.write_text(path.read_text(encoding="utf-8") + rows, encoding="utf-8")


def test_money_of_a_stock_and_of_a_year_are_not_added(county: Path) -> None:
    add_stock(county)
    compare("stock_and_yearly_money", run_refused(county), county.parent)
    checked = Project.load(county).check().errors
    assert checked == refusal(Project.load(county).run).problems


def test_a_stock_alone_is_an_account(county: Path) -> None:
    add_stock(county)
    edit(county, "[zones]", 'services = ["stock"]\n[zones]')
    account = Project.load(county).run(workers=1)
    (row,) = account.total("service").to_dict("records")
    assert row["value"] == pytest.approx(6000 * 7.06 * 1.1, rel=1e-12)
