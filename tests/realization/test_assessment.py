"""Assessment of a two-mountain bank: published indicators, the score, and the bottom line as veto."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.realization.assessment import BOTTOM_LINE, assess_bank, bank_facts, kpis
from gep.realization.scoring import Fact
from gep.realization.sheets import sheet

ABOUT = bank_facts()
SHEET = sheet(Path(__file__).parents[2] / "examples" / "township" / "bank_assessment.toml")
#: Published: 366 resources, 158 products, 30 projects, 40 亿 brought in, 5 000 万 for villages (Anji 2022); 307 and 101.8 亿 of
#: credit (Lishui's loans on water rights 2023). The rest is synthetic.
VALUES = {
    "target_area": 10_000, "surveyed_area": 9_000, "titled_area": 7_200, "deposited_area": 200, "operating_area": 120,
    "resources": 366, "products": 158, "converted_projects": 30, "package_value": 1_150, "parcels_value": 1_000,
    "investment": 400_000, "own_investment": 80_000, "village_income": 5_000, "credit_granted": 3_070_000,
    "credit_drawn": 1_018_000, "loans_outstanding": 1_000_000, "loans_bad": 20_000, "vep_before": 938, "vep_after": 940,
    "red_line_breaches": 0,
}  # fmt: skip
#: Points by hand: 0.9·8, (80-50)/50·10, 60/80·12; (158/366)/0.5·8, (30/158)/0.5·10, (30/366)/0.2·6, 15/25·8; 5 times, 1.25/2·12,
#: 166.7 > 40; (101.8/307)/0.6·6, (5-2)/4·6.
POINTS = {
    "survey_coverage": 7.2, "register_rate": 6, "activation": 9,
    "product_rate": 6.9071, "conversion_rate": 3.7975, "overall_conversion": 2.4590, "package_uplift": 4.8,
    "leverage": 8, "village_return": 7.5, "income_per_project": 6, "credit_use": 3.3160, "npl_ratio": 4.5,
}  # fmt: skip


def facts(**changes) -> dict[str, Fact]:
    found = {}
    for name, value in (VALUES | changes).items():
        unit = str(ABOUT[name].unit)
        if value is not ...:
            found[name] = Fact(
                value,
                unit,
                "县生态资源公司",
                "2025-12-31",
                price_year=2025 if "元" in unit else None,
            )
    return found


# ---------------------------------------------------------------------------- indicators


@pytest.mark.parametrize(
    ("indicator", "value", "unit"),
    [
        ("product_rate", 43.2, "%"),  # 158 of 366
        ("conversion_rate", 19.0, "%"),  # 30 of 158
        ("overall_conversion", 8.2, "%"),  # 30 of 366
        ("village_return", 1.25, "%/yr"),  # 5 000 万 of 40 亿
        ("income_per_project", 166.7, "万元/yr"),  # 5 000 万 over 30
        ("credit_use", 33.2, "%"),  # 101.8 of 307
    ],
)
def test_published_indicators(indicator: str, value: float, unit: str) -> None:
    found = kpis(facts())[indicator]
    assert found.value == pytest.approx(value, abs=0.05 if value > 2 else 1e-9)
    assert found.unit == unit
    assert found.verified == "secondary"


@pytest.mark.parametrize(
    ("indicator", "value"),
    [
        ("survey_coverage", 90),
        ("register_rate", 80),
        ("activation", 60),
        ("package_uplift", 15),
        ("leverage", 5),
        ("npl_ratio", 2),
    ],
)
def test_other_indicators_by_hand(indicator: str, value: float) -> None:
    assert kpis(facts())[indicator].value == pytest.approx(value)


def test_every_indicator_carries_its_facts() -> None:
    for found in kpis(facts()).values():
        assert found.inputs
        assert all(given.source == "县生态资源公司, 2025-12-31" for given in found.inputs.values())
    assert "village_income = 5,000 万元/yr  村集体增收 (县生态资源公司, 2025-12-31)" in kpis(
        facts()
    )["village_return"].text("zh")


def test_facts_may_come_in_other_units() -> None:
    given = facts() | {
        "surveyed_area": Fact(135_000, "亩", "x", "2025"),
        "investment": Fact(40, "亿元", "x", "2025"),
    }
    assert kpis(given)["survey_coverage"].value == pytest.approx(90)
    assert kpis(given)["village_return"].value == pytest.approx(1.25)


def test_missing_facts_and_zero_denominators_are_missing_indicators() -> None:
    found = kpis(facts(target_area=0, credit_granted=..., products=None))
    assert found["survey_coverage"].undetermined == ("target_area = 0",)
    assert found["credit_use"].undetermined == ("credit_granted 未给出 not given",)
    assert found["product_rate"].undetermined == ("products 未知 not known",)
    assert found["survey_coverage"].value is None
    assert found["register_rate"].value == pytest.approx(80)


def test_an_indicator_above_100_percent_warns() -> None:
    found = kpis(facts(surveyed_area=12_000))
    assert found["survey_coverage"].value == pytest.approx(120)
    assert [w.what for w in found["survey_coverage"].warnings] == [
        "Survey coverage lies above 100 %"
    ]
    assert not found["register_rate"].warnings


def test_a_negative_uplift_is_not_clipped_and_warns() -> None:
    found = kpis(facts(package_value=900))["package_uplift"]
    assert found.value == pytest.approx(-10)
    assert [w.what for w in found.warnings] == ["Uplift by packaging lies below 0 %"]


def test_the_facts_are_documented_in_both_languages() -> None:
    for about in bank_facts().values():
        assert about.title.zh
        assert about.source.en
    assert set(bank_facts()) == set(VALUES)


# --------------------------------------------------------------------------------- the score


def test_the_score_by_hand() -> None:
    found = assess_bank(facts(), SHEET, bank="township")
    assert {
        line.indicator.id: line.points for line in found.lines if not line.indicator.is_veto
    } == pytest.approx(POINTS, abs=1e-4)
    assert found.score == pytest.approx(sum(POINTS.values()), abs=1e-3)
    assert str(found.rounded) == "69.48"
    assert (found.veto, found.grade.id, found.subject) == ("none", "pass", "township")


def test_every_line_is_printed_with_its_evidence() -> None:
    text = assess_bank(facts(), SHEET, bank="township").text("zh")
    assert (
        text.splitlines()[0]
        == "乡镇两山银行绩效评价（合成示例）, township: 69.48 / 100，等次 合格，否决 无"
    )
    assert (
        "    资源产品化率: 43.1694 %; (43.1694 - 0)/(50 - 0) → 0.8634 × 8 = 6.91  [products 158 (县生态资源公司, 2025-12-31); resources 366 (县生态资源公司, 2025-12-31)]"
        in text
    )
    assert (
        "    生态价值不降低: 守住  940 >= 938 - 5  [vep_after 940 万元/yr (县生态资源公司, 2025-12-31); vep_before 938 万元/yr (县生态资源公司, 2025-12-31)]"
        in text
    )
    json.dumps(assess_bank(facts(), SHEET).to_dict())


def test_a_better_bank_has_a_better_grade() -> None:
    better = facts(
        titled_area=9_000,
        products=183,
        converted_projects=90,
        package_value=1_250,
        village_income=8_000,
        credit_drawn=1_842_000,
        loans_bad=10_000,
    )
    assert assess_bank(better, SHEET).grade.id == "excellent"


# ------------------------------------------------------------------------- the bottom line


@pytest.mark.parametrize(
    ("after", "veto", "grade"),
    [
        (933, "none", "pass"),
        (932.99, "breached", "fail"),
        (940, "none", "pass"),
        (100, "breached", "fail"),
    ],
)
def test_ecological_value_may_fall_by_the_tolerance_and_no_more(
    after: float, veto: str, grade: str
) -> None:
    found = assess_bank(facts(vep_after=after), SHEET)
    assert (found.veto, found.grade.id) == (veto, grade)
    assert found.score == pytest.approx(69.48, abs=0.01)


def test_a_red_line_breach_changes_the_grade() -> None:
    found = assess_bank(facts(red_line_breaches=1), SHEET)
    assert (found.veto, found.grade.title.zh) == ("breached", "不合格")
    assert "不突破生态保护红线: 触发  1 > 0" in found.text("zh")


@pytest.mark.parametrize("name", ["vep_before", "vep_after", "red_line_breaches"])
def test_without_evidence_the_bottom_line_is_undetermined_and_not_passed(name: str) -> None:
    whole = facts()
    for evidence in (
        facts(**{name: ...}),
        facts(**{name: None}),
        whole | {name: dataclasses.replace(whole[name], source="")},
        whole | {name: dataclasses.replace(whole[name], date="")},
    ):
        found = assess_bank(evidence, SHEET)
        assert (found.veto, found.grade) == ("undetermined", None)
        assert "等次 无法判定，否决 无法判定" in found.text("zh")
        assert any(name in lacks for lacks in found.undetermined)


def test_a_breach_is_a_breach_though_the_other_evidence_is_missing() -> None:
    assert assess_bank(facts(red_line_breaches=1, vep_before=...), SHEET).grade.id == "fail"


def test_values_of_two_price_years_are_not_compared() -> None:
    given = facts()
    given["vep_after"] = dataclasses.replace(given["vep_after"], price_year=2024)
    with pytest.raises(DataError) as caught:
        assess_bank(given, SHEET)
    assert (
        "vep_after: the money is of several price years\n  found: vep_after 2024, vep_before 2025\n  do: restate them in the prices of one year"
        in str(caught.value)
    )


def test_a_sheet_without_the_bottom_line_is_refused() -> None:
    without = {k: v for k, v in SHEET.indicators.items() if not v.is_veto}
    with pytest.raises(DataError) as caught:
        assess_bank(facts(), dataclasses.replace(SHEET, indicators=without))
    assert "bank_assessment: the sheet lacks the veto vep_after >= vep_before" in str(caught.value)
    assert "bank_assessment: the sheet lacks the veto red_line_breaches <= 0" in str(caught.value)
    assert len(caught.value.problems) == len(BOTTOM_LINE)
    turned = dict(SHEET.indicators)
    turned["vep_after"] = dataclasses.replace(turned["vep_after"], higher=False)
    with pytest.raises(DataError, match="vep_after >= vep_before"):
        assess_bank(facts(), dataclasses.replace(SHEET, indicators=turned))
    weak = dict(SHEET.indicators)
    weak["red_line_breaches"] = dataclasses.replace(
        weak["red_line_breaches"], parameters={"limit": 3, "tolerance": 0}
    )
    with pytest.raises(DataError, match="red_line_breaches <= 0"):
        assess_bank(facts(), dataclasses.replace(SHEET, indicators=weak))


# ----------------------------------------------------------------------------- missing data


def test_a_missing_indicator_leaves_the_score_undetermined_unless_asked() -> None:
    found = assess_bank(facts(credit_granted=0), SHEET)
    assert (found.score, found.grade) == (None, None)
    assert found.undetermined == ("credit_use: credit_granted = 0",)
    shared = assess_bank(
        facts(credit_granted=0), dataclasses.replace(SHEET, missing="redistribute")
    )
    assert shared.score == pytest.approx(
        (sum(POINTS.values()) - POINTS["credit_use"]) * 100 / 94, abs=1e-3
    )
    assert shared["credit_use"].weight == 0


def test_the_template_is_refused_with_the_list_of_what_it_lacks() -> None:
    with pytest.raises(DataError) as caught:
        assess_bank(facts(), sheet("two_mountain_bank"))
    said = str(caught.value)
    assert said.count("key 'weight' is missing") == 12
    assert "indicator npl_ratio: linear needs 'lo'" in said
    assert "indicator vep_after: veto needs 'tolerance'" in said
    assert (
        "key 'missing' is missing\n  do: say what a missing datum means: error, zero, redistribute, undetermined"
        in said
    )


@given(
    name=st.sampled_from(sorted(set(VALUES) - {"vep_before", "vep_after", "red_line_breaches"})),
    factor=st.floats(0, 3),
)
def test_the_score_stays_within_its_bounds(name: str, factor: float) -> None:
    found = assess_bank(facts(**{name: VALUES[name] * factor}), SHEET)
    assert found.score is None or 0 <= found.score <= 100
    assert (found.score is None) == bool(found.undetermined)
