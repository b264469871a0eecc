"""Coefficient tables: what is read, what is refused, and where the fault stands."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from bad_input_projects import FILES, RULES, edit, refusal, write_standard, write_text

from gep import library
from gep.errors import Problems
from gep.tables import check_keys, load_table, number, read_csv, read_text, sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_text(tmp_path, {k.rpartition("/")[2]: v for k, v in RULES.items() if "/" in k})
    write_text(tmp_path, {k: v for k, v in FILES.items() if k.startswith("prices_index")})
    return tmp_path


def test_a_rectangle(folder: Path) -> None:
    table = load_table(folder / "runoff.csv")
    assert table.key == ("ecosystem",)
    assert str(table.columns["alpha"].unit) == "%"
    entry = table.entries["alpha"][("grassland",)]
    assert (entry.value, entry.source, entry.verified) == (9.37, "book", "full_text")
    assert entry.where == "runoff.csv, row 3 (grassland)"
    for name in ("runoff.csv", "runoff.toml"):
        assert table.files[name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_a_list_has_prices_of_several_years(folder: Path) -> None:
    path = folder / "prices.csv"
    path.write_text(
        path.read_text(encoding="utf-8") + "reservoir,8,CNY/m³,2020,book,recalled\n",
        encoding="utf-8",
    )
    table = load_table(path)
    assert [(e.price_year, e.value) for e in table.dated["reservoir"]] == [
        (2015, 7.06),
        (2020, 8.0),
    ]


def test_an_index(folder: Path) -> None:
    table = load_table(folder / "prices_index.csv")
    assert table.entries["value"][("2020",)].value == 110.0


def test_an_empty_cell_is_no_zero(folder: Path) -> None:
    edit(folder / "runoff.csv", "grassland,9.37", "grassland,")
    assert ("grassland",) not in load_table(folder / "runoff.csv").entries["alpha"]


# file, what is replaced, by what, and the words that the message must hold
FAULTS = {
    "out of range": (
        "runoff.csv",
        "9.37",
        "937",
        "runoff.csv, row 3 (grassland), alpha",
        "937 [%]",
        "0 to 100",
    ),
    "negative": ("runoff.csv", "9.37", "-9.37", "out of range", "-9.37"),
    "negative without range": (
        "prices.csv",
        "7.06",
        "-7.06",
        "the coefficient is negative",
        "row 2",
    ),
    "no number": ("runoff.csv", "9.37", "9,37", "row 3 has a wrong length", "4 cells"),
    "text": ("runoff.csv", "9.37", "about 9", "this is not a number", "'about 9'"),
    "infinite": ("runoff.csv", "9.37", "inf", "this is not a number"),
    "nan": ("runoff.csv", "9.37", "nan", "this is not a number"),
    "underscore": ("runoff.csv", "9.37", "9_3", "this is not a number"),
    "duplicate": (
        "runoff.csv",
        "grassland,",
        "forest,",
        "duplicate row for forest",
        "rows 2 and 3",
    ),
    "duplicate item": (
        "prices.csv",
        "treatment,1260,CNY/tSO2",
        "reservoir,8,CNY/m³",
        "duplicate row for reservoir",
    ),
    "no source": ("runoff.csv", "9.37,book", "9.37,", "the row has no source"),
    "source": (
        "runoff.csv",
        "9.37,book",
        "9.37,bock",
        "source 'bock' is not in the sidecar",
        "'book'?",
    ),
    "extra column": (
        "runoff.csv",
        "alpha,source",
        "alpha,sorce",
        "column 'sorce' is not described",
        "column 'source' is missing",
    ),
    "column twice": ("runoff.csv", "alpha,source", "source,source", "column 'source' occurs twice"),
    "missing column": (
        "runoff.csv",
        "ecosystem,alpha",
        "ecosystem,beta",
        "column 'alpha' is missing",
    ),
    "missing key": (
        "runoff.csv",
        "ecosystem,alpha",
        "class,alpha",
        "column 'ecosystem' is missing",
    ),
    "price without year": ("prices.csv", "CNY/m³,2015", "CNY/m³,", "a price has no price_year"),
    "year of no price": (
        "prices.csv",
        "CNY/m³,2015",
        "m³,2015",
        "price_year belongs to prices only",
    ),
    "year": ("prices.csv", "CNY/m³,2015", "CNY/m³,about 2015", "price_year is not a year"),
    "unit": ("prices.csv", "CNY/m³", "RMB/m³", "unit 'RMB' is refused", "row 2 (reservoir)"),
    "verified": ("prices.csv", "full_text", "ok", "verified is one of", "'ok'"),
    "shape": (
        "runoff.toml",
        '"rectangle"',
        '"square"',
        "shape is rectangle, list or index",
        "'square'",
    ),
    "column unit": (
        "runoff.toml",
        'unit = "%"',
        'unit = "ratio"',
        "unknown unit 'ratio'",
        "columns.alpha",
    ),
    "column cite": ("runoff.toml", 'cite = "book, Table 1"\n', "", "key 'cite' is missing"),
    "range": ("runoff.toml", "[0, 100]", "[100, 0]", "a range is [low, high]"),
    "title": (
        "runoff.toml",
        ', zh = "径流系数" }\nshape',
        " }\nshape",
        "a title has both languages",
    ),
    "index of zero": ("prices_index.csv", "2015,100", "2015,0", "the coefficient is out of range"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_placed_and_explained(fault: str, folder: Path) -> None:
    file, old, new, *words = FAULTS[fault]
    edit(folder / file, old, new)
    text = str(refusal(load_table, (folder / file).with_suffix(".csv")))
    for word in words:
        assert word in text
    assert Path(file).stem in text


def test_all_faults_of_a_table_come_together(folder: Path) -> None:
    path = folder / "runoff.csv"
    edit(path, "forest,4.65,book", "forest,465,book")
    edit(path, "grassland,9.37,book", "grassland,x,bock")
    edit(path, "town,60,book", "forest,60,book")
    assert len(refusal(load_table, path).problems) == 4


def test_a_row_for_a_class_that_the_standard_does_not_have(tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    edit(folder / "coefficients/runoff.csv", "town,60", "twon,60")
    text = str(refusal(library.standard, folder))
    assert "the table has a row for the unknown class 'twon'" in text
    assert "did you mean 'town'?" in text


def test_a_sidecar_is_needed(folder: Path) -> None:
    (folder / "runoff.toml").unlink()
    assert "runoff.toml: the file cannot be read" in str(refusal(load_table, folder / "runoff.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_text_of_chinese_spreadsheets(encoding: str, newline: str, tmp_path: Path) -> None:
    path = tmp_path / "表.csv"
    path.write_bytes(f"乡镇,数量{newline}城关镇,3{newline}".encode(encoding))
    assert read_csv(path) == (["乡镇", "数量"], [{"乡镇": "城关镇", "数量": "3"}])
    assert read_text(path).startswith("乡镇")


def test_comments_blank_lines_and_blanks_around_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('# source: x\n\n a , b \n 1 ,"2, or 3"\n\n', encoding="utf-8")
    assert read_csv(path) == (["a", "b"], [{"a": "1", "b": "2, or 3"}])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("1,234.5", 1234.5),
        ("12,345,678.9", 12345678.9),
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1,5",
        "1,234",
        "12,34.5",
        "1.234,5",
        "1_000",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1 2",
        "0x10",
    ],
)
def test_texts_that_are_no_numbers(text: str) -> None:
    """1,5 may be one and a half or a slip: it is refused, not read as 15."""
    with pytest.raises(ValueError, match=r".*"):
        number(text)


@pytest.mark.parametrize("value", [True, "1", None, [], {}, float("nan"), float("inf"), 10**400])
def test_keys_that_want_a_number(value: object) -> None:
    problems = Problems()
    assert not check_keys({"a": value}, "file", problems, {"a": float})
    assert "key 'a' must be a number" in str(problems.errors[0])
    assert check_keys({"a": 1}, "file", problems, {"a": float})


def test_hash_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"y" * 3_000_000)
    assert sha256(path) == hashlib.sha256(b"y" * 3_000_000).hexdigest()


def test_prices_of_a_rectangle_keep_their_year(tmp_path: Path) -> None:
    (tmp_path / "levy.csv").write_text("province,air,source\nnorth,1.2,law\n", encoding="utf-8")
    (tmp_path / "levy.toml").write_text(
        'title = { en = "Levy", zh = "税额" }\nshape = "rectangle"\nkey = ["province"]\n'
        '[columns.air]\ntitle = { en = "Air", zh = "大气" }\nunit = "CNY/equivalent"\n'
        'cite = "law"\nverified = "secondary"\nprice_year = 2018\n'
        '[sources.law]\ntext = { en = "A law", zh = "法" }\n',
        encoding="utf-8",
    )
    entry = load_table(tmp_path / "levy.csv").entries["air"]["north",]
    assert entry.price_year == 2018
