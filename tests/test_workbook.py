"""The workbook: the account's numbers, text that stays text, the same bytes twice."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import bad_input_projects as tiny
import openpyxl
import pytest

from gep.account import Account, Project
from gep.workbook import MISSING, WAN, write_workbook

HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)")
SHEETS = [
    "说明 Summary",
    "实物量 Physical",
    "价值量 Monetary",
    "分生态系统实物量 Physical by ecosystem",
    "分生态系统价值量 Monetary by ecosystem",
    "数据 Data",
    "系数 Coefficients",
    "来源 Sources",
]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    project = tiny.write_project(tmp_path_factory.mktemp("workbook"))
    tiny.write_zones(project.parent / "zones.gpkg", tiny.boxes(), name=list(HOSTILE))
    return Project.load(project).run(workers=1)


@pytest.fixture(scope="module")
def path(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("out") / "account.xlsx"
    write_workbook(path, account)
    return path


def sheets(path: Path, *, values: bool) -> Any:
    return openpyxl.load_workbook(path, data_only=values)


def rows(sheet: Any) -> list[tuple[Any, ...]]:
    return list(sheet.iter_rows(values_only=True))


def test_sheets(path: Path) -> None:
    assert sheets(path, values=True).sheetnames == [name[:31] for name in SHEETS]


def test_physical_numbers_are_the_accounts(account: Account, path: Path) -> None:
    found = rows(sheets(path, values=True)["实物量 Physical"])[3:]
    table = account.table
    assert [row[2] for row in found] == [
        "水源涵养量 Water retained",
        "二氧化硫净化量 Sulfur dioxide removed",
    ]
    for row, service in zip(found, ("water_retention", "air_cleaning"), strict=True):
        mine = table[table["service"] == service]
        assert row[3] == mine["unit"].iloc[0]
        by_zone = mine.groupby("zone", sort=False)["quantity"].sum()
        assert list(row[4:7]) == pytest.approx(list(by_zone), rel=1e-12)
        assert row[7] == pytest.approx(mine["quantity"].sum(), rel=1e-12)


def test_monetary_numbers_are_the_accounts(account: Account, path: Path) -> None:
    found = rows(sheets(path, values=True)["价值量 Monetary"])[3:]
    water, air, subtotal, total = found
    by_zone = account.total("zone")["value"] / WAN
    services = account.total("service").set_index("service")["value"] / WAN
    assert list(total[4:7]) == pytest.approx(list(by_zone), rel=1e-12)
    assert list(subtotal[4:9]) == pytest.approx(list(total[4:9]), rel=1e-12)
    assert water[7] == pytest.approx(services["water_retention"], rel=1e-12)
    assert air[7] == pytest.approx(services["air_cleaning"], rel=1e-12)
    assert water[8] == pytest.approx(water[7] / total[7], rel=1e-12)
    assert total[8] == 1.0
    assert (water[0], subtotal[1], total[1]) == (
        "调节服务 Regulating",
        "小计 Subtotal",
        "生态产品总值 GEP",
    )


def test_formulas_give_their_stored_values(path: Path) -> None:
    """Every formula is a sum or a share, and its stored value is what it would compute."""
    formulas, values = sheets(path, values=False), sheets(path, values=True)
    counted = 0
    for sheet in formulas:
        for cell in (c for row in sheet.iter_rows() for c in row if c.data_type == "f"):
            text, stored = cell.value, values[sheet.title][cell.coordinate].value
            assert stored == pytest.approx(evaluate(values[sheet.title], text), rel=1e-12), text
            counted += 1
    assert counted > 20


def evaluate(sheet: Any, formula: str) -> float:
    body = formula.removeprefix("=")
    if not body.startswith("SUM("):
        over, under = body.split("/")
        return float(sheet[over].value / sheet[under].value)
    total = 0.0
    for part in body.removeprefix("SUM(").removesuffix(")").split(","):
        found = sheet[part]
        cells = [c for row in found for c in row] if ":" in part else [found]
        total += sum(c.value for c in cells if isinstance(c.value, int | float))
    return total


def test_ecosystems_add_up(account: Account, path: Path) -> None:
    book = sheets(path, values=True)
    physical = rows(book["分生态系统实物量 Physical by ecosystem"[:31]])
    names = [row[0] for row in physical]
    assert names[4:9] == [
        "森林 Forest",
        "松林 Pine forest",
        "草地 Grassland",
        "城镇 Town",
        "未分生态系统 Not by ecosystem",
    ]
    table = account.table
    water = table[table["service"] == "water_retention"].groupby("ecosystem", sort=False)
    assert [row[2] for row in physical[4:8]] == pytest.approx(list(water["quantity"].sum()))
    assert physical[8][2] == "—"
    assert physical[4][3] == "—"
    assert physical[8][3] == pytest.approx(
        table[table["ecosystem"] == "whole_zone"]["quantity"].sum()
    )
    monetary = rows(book["分生态系统价值量 Monetary by ecosystem"[:31]])
    assert monetary[9][4] == pytest.approx(account.total(())["value"].iloc[0] / WAN, rel=1e-12)
    area = float(account.dataset["area"].sum()) / 1e6
    assert monetary[9][1] == pytest.approx(area)


def test_data_is_the_tidy_table(account: Account, path: Path) -> None:
    found = rows(sheets(path, values=True)["数据 Data"])
    table = account.table
    assert list(found[0]) == list(table.columns)
    assert len(found) == 1 + len(table)
    quantities = [row[5] for row in found[1:]]
    assert quantities == pytest.approx(list(table["quantity"]), rel=1e-14)


def test_text_never_becomes_a_formula_or_a_link(path: Path) -> None:
    book = sheets(path, values=False)
    seen = set()
    for sheet in book:
        for cell in (c for row in sheet.iter_rows() for c in row):
            if isinstance(cell.value, str) and cell.value.split("\n")[0] in HOSTILE:
                seen.add(cell.value.split("\n")[0])
                assert cell.data_type == "s"
                assert cell.quotePrefix
            assert cell.hyperlink is None
    assert seen == set(HOSTILE)


def test_missing_is_written_out_and_is_not_zero(account: Account, tmp_path: Path) -> None:
    dataset = account.dataset.copy(deep=True)
    dataset["water_retention.Q"][0, :] = math.nan  # one zone has no data
    dataset["water_retention.V"][:] = math.nan  # nowhere any
    write_workbook(tmp_path / "a.xlsx", Account(dataset, account.provenance))
    book = sheets(tmp_path / "a.xlsx", values=True)
    physical = rows(book["实物量 Physical"])[3]
    assert physical[4] == MISSING
    assert physical[7] == pytest.approx(physical[5] + physical[6])
    monetary = rows(book["价值量 Monetary"])[3]
    assert monetary[4:9] == (MISSING,) * 5
    texts = [c.value for sheet in book for row in sheet.iter_rows() for c in row]
    assert not any(isinstance(t, str) and t.startswith("#") for t in texts)


def test_no_zone_columns_where_there_is_no_room(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gep.workbook.MAX_COLUMNS", 9)
    write_workbook(tmp_path / "a.xlsx", account)
    book = sheets(tmp_path / "a.xlsx", values=True)
    row = rows(book["价值量 Monetary"])[3]
    assert row[4] == pytest.approx(
        account.total("service").set_index("service")["value"]["water_retention"] / WAN
    )
    assert "account.csv" in str(rows(book["实物量 Physical"])[1][0])


def test_long_and_strange_text_fits(account: Account, tmp_path: Path) -> None:
    strange = "x" * 40_000 + "\ud800"
    notes = ["\x01\x0b control", strange, "http://example.org", "_x0041_"]
    provenance = {**account.provenance, "title": "\ud800 A & B", "notes": notes}
    write_workbook(tmp_path / "a.xlsx", Account(account.dataset, provenance))
    texts = [row[0] for row in rows(sheets(tmp_path / "a.xlsx", values=True)["说明 Summary"])]
    assert texts[0] == "? A & B"
    assert any(t and len(t) == 32_767 for t in texts)
    assert "http://example.org" in texts


def test_the_same_bytes_twice(account: Account, path: Path, tmp_path: Path) -> None:
    write_workbook(tmp_path / "again.xlsx", account)
    assert (tmp_path / "again.xlsx").read_bytes() == path.read_bytes()


def test_sources_and_coefficients(account: Account, path: Path) -> None:
    book = sheets(path, values=True)
    sources = [text for row in rows(book["来源 Sources"]) for text in row if text]
    for digest in (
        *account.provenance["inputs"].values(),
        *account.provenance["standard"]["files"].values(),
    ):
        assert digest in sources
    coefficients = rows(book["系数 Coefficients"])
    found = {(row[3], row[4]): row for row in coefficients[1:]}
    assert found["runoff.alpha", "forest"][6] == pytest.approx(0.0465)
    assert found["runoff.alpha", "pine_forest"][5] == "forest"  # the parent's row serves
    price = found["prices.reservoir", "—"]
    assert price[6] == pytest.approx(7.06 * 1.1)
    assert (price[9], price[10]) == (2015, pytest.approx(1.1))
    summary = rows(book["说明 Summary"])
    counts = next(row for row in summary if row[0] == "已对照原文 full text")
    assert counts[1:3] == (4, len(coefficients) - 1)


def test_printing(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for number in range(1, len(SHEETS) + 1):
            text = archive.read(f"xl/worksheets/sheet{number}.xml").decode()
            assert 'paperSize="9"' in text
            assert 'orientation="landscape"' in text
        workbook = archive.read("xl/workbook.xml").decode()
    assert workbook.count("_xlnm.Print_Titles") >= 5
