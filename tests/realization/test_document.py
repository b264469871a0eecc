"""Printed documents: the workbook and the page say the same, and what is missing is written out."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
from shapely.geometry import Point, box

from gep.realization import Result, rule
from gep.realization.document import Column, Document, Section, Table, map_svg, result_tables
from gep.tables import Title

NAME = Column(Title("Parcel", "地块"))
RENT = Column(Title("Rent", "租金"), "元/yr", "number")
END = Column(Title("Ends", "到期"), form="date")


def table(*rows, total=("Rent",)) -> Table:
    return Table(Title("Deposits", "收储"), (NAME, RENT, END), rows, total)


def document(*blocks, figure: str = "") -> Document:
    section = Section(Title("List", "清单"), blocks, figure)
    return Document(Title("Report", "报告"), (Title("Synthetic", "合成数据"),), (section,))


def cells(path: Path) -> list[list[object]]:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return [[c.value for c in row if c.value is not None] for row in sheet.iter_rows()]


def test_workbook_and_page_hold_the_same_numbers(tmp_path: Path) -> None:
    made = document(
        table(
            ("甲-1", 1234.5, dt.date(2030, 1, 2)), ("乙 & 2", Decimal("0.50"), dt.date(2031, 1, 2))
        )
    )
    made.workbook(tmp_path / "a.xlsx")
    rows = cells(tmp_path / "a.xlsx")
    assert ["甲-1", 1234.5, "2030-01-02"] in rows
    assert ["合计 Total", 1235] in [[c for c in r if c != ""] for r in rows]
    page = made.page()
    assert "1,234.50" in page
    assert "1,235.00" in page
    assert "乙 &amp; 2" in page
    assert "<script" not in page
    assert "http" not in page.partition("<body>")[2]
    made.workbook(tmp_path / "b.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_a_missing_number_is_written_out_and_makes_its_sum_missing(tmp_path: Path) -> None:
    made = document(table(("a", None, None), ("b", 2.0, pd.NaT)))
    made.workbook(tmp_path / "a.xlsx")
    rows = cells(tmp_path / "a.xlsx")
    assert ["a", "无数据 n/a", "无数据 n/a"] in rows
    assert ["合计 Total", "无数据 n/a"] in [[c for c in r if c != ""] for r in rows]
    assert made.page().count("无数据 n/a") == 4


def test_an_empty_table_says_so(tmp_path: Path) -> None:
    made = document(table())
    made.workbook(tmp_path / "a.xlsx")
    assert ["无 none"] in cells(tmp_path / "a.xlsx")
    assert "无 none" in made.page()


def test_text_never_becomes_a_formula(tmp_path: Path) -> None:
    document(table(("=1+1", 1.0, None))).workbook(tmp_path / "a.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0]
    found = [c for row in sheet.iter_rows() for c in row if c.value == "=1+1"]
    assert [c.data_type for c in found] == ["s"] or found[0].quotePrefix


def test_a_frame_becomes_a_table() -> None:
    frame = pd.DataFrame({"id": ["x"], "rent": [3.0], "other": [1]})
    made = Table.of(Title("T", "表"), frame, {"id": NAME, "rent": RENT}, total=("Rent",))
    assert made.rows == (("x", 3.0),)
    assert made.totals() == ("合计 Total", 3.0)


def test_a_result_becomes_a_sheet_with_payments_that_add_up() -> None:
    result = rule("yunhe_2020/level_purchase")(
        gep_regulating="34.743333 亿元/yr", quality_factor=1, price_year=2018
    )
    sheet, _, paid = result_tables(result)
    assert isinstance(sheet, Table)
    assert isinstance(paid, Table)
    assert {line.symbol for line in result.lines} <= {row[0] for row in sheet.rows}
    assert sheet.title.zh.endswith("（2018 年价格）")
    assert paid.totals()[2] == Decimal("6948666.60")


def test_members_of_a_value_have_a_row_each_and_what_lacks_is_named() -> None:
    result = Result(
        Title("Index", "指数"), None, "1", "x/y", undetermined=("TN",),
        inputs={}, lines=(), notes=("n",),
    )  # fmt: skip
    assert any("TN" in note.en for note in result_tables(result)[0].notes)


def test_the_map_draws_every_polygon_with_its_hole_and_a_legend() -> None:
    ring = Point(120.5, 28.5).buffer(0.01).difference(Point(120.5, 28.5).buffer(0.004))
    shapes = gpd.GeoDataFrame(
        {"id": ["p<1>", "p2"], "kind": ["forest", "tea"]},
        geometry=[ring, box(120.52, 28.49, 120.53, 28.5)],
        crs=4326,
    )
    svg = map_svg(shapes, "kind", {"forest": Title("Forest", "林地"), "tea": Title("Tea", "茶园")})
    assert svg.count("<path d=") == 2 + 1  # two parcels and the ruler
    assert re.search(r"M[\d., L-]+ZM[\d., L-]+Z", svg)
    assert "林地 Forest" in svg
    assert "p&lt;1&gt;" in svg


@pytest.mark.parametrize("value", [float("nan"), None, pd.NA, pd.NaT])
def test_what_counts_as_missing(value) -> None:
    assert table(("a", value, None)).totals()[1] is None
