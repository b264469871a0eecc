"""Facts with evidence: what is missing, what is wrong, and what indicators measure."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from gep.errors import DataError
from gep.realization.facts import Fact, measured, read_facts
from gep.realization.sheets import sheet

SHEET = sheet(Path(__file__).with_name("synthetic_sheet.toml"))


def fact(value: float | None, unit: str, **more) -> Fact:
    return Fact(value, unit, **{"source": "statistics bureau", "date": "2025", **more})


def test_a_datum_is_a_ratio_in_the_indicators_unit() -> None:
    found = measured(SHEET, {"gep": fact(30_000_000, "万元/yr"), "gdp": fact(100, "亿元/yr")})[
        "gep_per_gdp"
    ]
    assert found.value == pytest.approx(30)  # 3000 亿元 over 100 亿元
    assert found.unit == "1"
    assert found.rule == "synthetic_sheet/gep_per_gdp"
    assert found["gep_per_gdp"] == found.value
    assert found.inputs["gep"].source == "statistics bureau, 2025"
    assert found.verified == "recalled"


def test_facts_with_a_document_and_a_date_show_them() -> None:
    given = fact(1, "1", document="yearbook, table 3", date=dt.date(2025, 6, 30))
    assert given.evidence == "statistics bureau, yearbook, table 3, 2025-06-30"


@pytest.mark.parametrize(
    ("facts", "lacks"),
    [
        ({}, "pilots 未给出 not given"),
        ({"pilots": fact(None, "1")}, "pilots 未知 not known"),
        ({"pilots": fact(3, "1", source=" ")}, "pilots 无依据 no evidence"),
        ({"pilots": fact(3, "1", date="")}, "pilots 无依据 no evidence"),
    ],
)
def test_a_fact_without_evidence_is_missing_and_not_zero(facts: dict, lacks: str) -> None:
    found = measured(SHEET, facts)["pilots"]
    assert found.value is None
    assert found.undetermined == (lacks,)
    assert "无法判定" in found.text("zh")


def test_a_denominator_of_zero_is_missing() -> None:
    found = measured(SHEET, {"gep": fact(3, "亿元/yr"), "gdp": fact(0, "亿元/yr")})["gep_per_gdp"]
    assert found.value is None
    assert found.undetermined == ("gdp = 0",)


def test_all_wrong_facts_are_named_at_once() -> None:
    facts = {
        "grain": fact(5, "ha"),
        "brand_share": fact(float("nan"), "%"),
        "visits": fact(5, "人次/yr", date="June 2025"),
        "felling": fact(5, "%", date="2025-13"),
        "pilots": 5,
    }
    with pytest.raises(DataError) as caught:
        measured(SHEET, facts)
    said = str(caught.value)
    assert "synthetic_sheet, grain: [ha] does not fit\n  do: give it in [t/yr]" in said
    assert "synthetic_sheet, brand_share: this is not a finite number" in said
    assert (
        "visits: the date of the evidence is wrong\n  found: June 2025\n  do: write 2025, 2025-06 or 2025-06-30"
        in said
    )
    assert "felling: the date of the evidence is wrong" in said
    assert (
        "pilots: this is no fact with evidence\n  found: 5\n  do: write Fact(value, '1', source, date)"
        in said
    )


def test_a_share_above_100_percent_is_computed_and_warned_of() -> None:
    found = measured(SHEET, {"water_quality": fact(1.04, "1")})["water_quality"]
    assert found.value == pytest.approx(104)
    (warning,) = found.warnings
    assert str(warning) == (
        "synthetic_sheet, water_quality: Sections of good water lies above 100 %\n"
        "  found: 104 %\n"
        "  do: check the target or the denominator: it may be wrong"
    )
    assert not measured(SHEET, {"water_quality": fact(1.0, "1")})["water_quality"].warnings


def test_money_of_two_price_years_is_not_set_in_proportion() -> None:
    facts = {"gep": fact(3, "亿元/yr", price_year=2020), "gdp": fact(1, "亿元/yr", price_year=2023)}
    with pytest.raises(DataError) as caught:
        measured(SHEET, facts)
    assert "gep_per_gdp: the money is of several price years\n  found: gep 2020, gdp 2023" in str(
        caught.value
    )


def test_money_without_its_price_year_is_warned_of() -> None:
    facts = {"gep": fact(3, "亿元/yr", price_year=2020), "gdp": fact(1, "亿元/yr")}
    found = measured(SHEET, facts)["gep_per_gdp"]
    assert found.value == 3
    assert [w.found for w in found.warnings] == ["gep 2020, gdp ?"]


def test_facts_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    path.write_text(
        "subject,fact,value,unit,source,date,document,price_year\n"
        "A,gep,300,亿元/yr,统计局,2025,公报,2020\n"
        "A,grain,,t/yr,农业农村局,2025,,\n",
        encoding="utf-8",
    )
    assert read_facts(path) == {
        "A": {
            "gep": Fact(300.0, "亿元/yr", "统计局", "2025", "公报", 2020),
            "grain": Fact(None, "t/yr", "农业农村局", "2025"),
        }
    }


def test_a_table_of_facts_names_all_its_problems(tmp_path: Path) -> None:
    path = tmp_path / "facts.csv"
    path.write_text(
        "subject,fact,value,unit,source,date\nA,gep,many,亿元/yr,x,2025\nA,gep,3,亿元/yr,x,2025\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError) as caught:
        read_facts(path)
    assert "row 2: this is not a number\n  found: 'many'" in str(caught.value)
    assert "row 3: A has the fact 'gep' twice" in str(caught.value)
    path.write_text("subject,fact,valeu,unit,source,date\n", encoding="utf-8")
    with pytest.raises(DataError, match="column 'value' is missing"):
        read_facts(path)
