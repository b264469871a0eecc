"""Scoring by a sheet: every function by hand, what a missing datum means, veto, ranks, grades."""

from __future__ import annotations

import dataclasses
import json
import math
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError, UsageError
from gep.realization.scoring import Fact, Peer, assess, dual_matrix, share
from gep.realization.sheets import Sheet, sheet

SHEET = sheet(Path(__file__).with_name("synthetic_sheet.toml"))
UNITS = {
    "grain": "t/yr", "brand_share": "%", "regulating": "亿元/yr", "regulating_before": "亿元/yr",
    "regulating_goal": "亿元/yr", "water_quality": "%", "felling": "%", "visits": "人次/yr",
    "tourism": "亿元/yr", "gep": "亿元/yr", "gdp": "亿元/yr", "energy": "t/万元", "pilots": "1",
    "complaints": "1", "red_line": "1",
}  # fmt: skip
ROWS = {
    "A": (3000, 45, 110, 100, 120, 93.1, 15, 2e6, 10, 300, 100, 0.625, 4, 3, 0),
    "B": (5000, 60, 130, 100, 120, 95, 30, 4e6, 20, 500, 100, 0.5, 6, 0, 0),
    "C": (2000, 19.9, 95, 100, 120, 47.5, 50, 1e6, 30, 100, 100, 1, 9, 10, 0),
}
GROUPS = {"A": "mountain", "B": "mountain", "C": "plain"}
#: Points by hand, in the order of the sheet.
POINTS = {
    # step 40 %; (3000-1000)/4000·80; (110-100)/20; 93.1/95; (15-10)/10; 2/4; last of 2; (3-1)/4; 0.5/0.625; 4·10; 40-3·5
    "A": (96, 40, 75, 98, 25, 50, 10, 75, 80, 40, 25),
    "B": (120, 80, 150, 100, 50, 100, 50, 150, 100, 60, 40),
    # below the first step; 0.25·120; worse than before; half; (60-50)/20; 1/4; alone in its group; at lo; half; capped; 40-50 < 0
    "C": (0, 30, 0, 50, 25, 25, 50, 0, 50, 60, 0),
}


def facts(subject: str = "A", **changes) -> dict[str, Fact]:
    values = dict(zip(UNITS, ROWS[subject], strict=True)) | changes
    return {
        name: Fact(
            value,
            UNITS[name],
            "统计局",
            "2025-12-31",
            price_year=2020 if "元/yr" in UNITS[name] else None,
        )
        for name, value in values.items()
        if value is not ...
    }


def everyone(**of_a) -> dict[str, dict[str, Fact]]:
    return {"A": facts("A", **of_a), "B": facts("B"), "C": facts("C")}


def under(policy: str) -> Sheet:
    return dataclasses.replace(SHEET, missing=policy)


# ----------------------------------------------------------------------------- by hand


def test_every_line_is_worth_what_it_is_by_hand() -> None:
    found = assess(SHEET, everyone(), groups=GROUPS)
    for name, points in POINTS.items():
        lines = [line for line in found[name].lines if not line.indicator.is_veto]
        assert [line.points for line in lines] == pytest.approx(points), name
    assert found.scores() == pytest.approx({"A": 614, "B": 1000, "C": 290})
    assert {k: v.grade.id for k, v in found.items()} == {"A": "pass", "B": "excellent", "C": "fail"}
    assert {k: (v.rank, v.of) for k, v in found.items()} == {"A": (2, 3), "B": (1, 3), "C": (3, 3)}


def test_subtotals_of_both_levels() -> None:
    found = assess(SHEET, everyone(), groups=GROUPS)["A"].subtotals
    assert found["harvest"] == pytest.approx((40, 80))
    assert found["material_products"] == pytest.approx((136, 200))
    assert found["regulating_services"] == pytest.approx((198, 300))
    first = [name for name, b in SHEET.branches.items() if not b.parent]
    assert sum(found[name][0] for name in first) == pytest.approx(614)
    assert sum(found[name][1] for name in first) == pytest.approx(1000)


def test_weights_differ_by_group() -> None:
    data = {"A": facts(), "twin": facts()}
    found = assess(SHEET, data, groups={"A": "mountain", "twin": "plain"})
    assert found["A"]["grain"].points == pytest.approx(40)
    assert found["twin"]["grain"].points == pytest.approx(60)
    assert found["A"]["brand_share"].points == pytest.approx(96)
    assert found["twin"]["brand_share"].points == pytest.approx(64)


def test_every_line_shows_its_arithmetic_and_its_evidence() -> None:
    found = assess(SHEET, everyone(), groups=GROUPS)
    shown = {line.indicator.id: line.formula for line in found["A"].lines}
    assert shown == {
        "grain": "(3,000 - 1,000)/(5,000 - 1,000)",
        "brand_share": "45 >= 40",
        "regulating_growth": "(110 - 100)/(120 - 100)",
        "water_quality": "93.1/95",
        "felling": "(15 - 10)/(20 - 10)",
        "visits": "2,000,000/4,000,000",
        "tourism": "2/2: 1 - (1 - 0.2)*(2 - 1)/(2 - 1)",
        "gep_per_gdp": "(3 - 1)/(5 - 1)",
        "energy": "0.5/0.625",
        "pilots": "4*10/60",
        "complaints": "1 - 3*5/40",
        "red_line": "0 <= 0",
    }
    assert found["B"]["regulating_growth"].formula == "(130 - 100)/(120 - 100) = 1.5"
    assert found["C"]["brand_share"].formula == "not 19.9 >= 20"
    assert found["C"]["complaints"].formula == "1 - 10*5/40 = -0.25"
    assert found["A"]["regulating_growth"].facts.keys() == {
        "regulating",
        "regulating_before",
        "regulating_goal",
    }


def test_units_are_converted_before_scoring() -> None:
    data = everyone()
    data["A"]["grain"] = Fact(3_000_000, "kg/yr", "统计局", "2025")
    data["A"]["brand_share"] = Fact(0.4, "1", "统计局", "2025")
    found = assess(SHEET, data, groups=GROUPS)["A"]
    assert found["grain"].share == pytest.approx(0.5)
    assert found["brand_share"].share == 0.8  # exactly at the step, though 0.4 was converted


def test_the_sheet_as_text() -> None:
    found = assess(SHEET, everyone(), groups=GROUPS)["A"]
    assert found.text("en").splitlines()[:8] == [
        "Synthetic assessment, A: 614.00 / 1,000, grade pass, veto none, rank 2/3",
        "  sheet: synthetic_sheet; No. 1; made up; recalled",
        "  Material ecosystem products: 136.00 / 200",
        "    Share of branded products: 45 %; 45 >= 40 → 0.8 × 120 = 96.00  [brand_share 45 % (统计局, 2025-12-31)]",
        "    Harvest: 40.00 / 80",
        "      Grain: 3,000 t/yr; (3,000 - 1,000)/(5,000 - 1,000) → 0.5 × 80 = 40.00  [grain 3,000 t/yr (统计局, 2025-12-31)]",
        "  Regulating services: 198.00 / 300",
        "    Way to the goal of regulating services: 110 亿元/yr; (110 - 100)/(120 - 100) → 0.5 × 150 = 75.00  [regulating 110 亿元/yr (统计局, 2025-12-31); regulating_before 100 亿元/yr (统计局, 2025-12-31); regulating_goal 120 亿元/yr (统计局, 2025-12-31)]",
    ]
    assert found.text("zh").startswith(
        "合成考评, A: 614.00 / 1,000，等次 合格，否决 无，名次 2/3\n  评价表: synthetic_sheet"
    )
    assert "突破红线: 守住  0 <= 0  [red_line 0 (统计局, 2025-12-31)]" in found.text("zh")
    assert repr(found) == found.text("en")


def test_tables_and_dictionaries_hold_the_same_numbers() -> None:
    found = assess(SHEET, everyone(), groups=GROUPS)
    lines = found["A"].frame("zh")
    assert list(lines["points"].iloc[:3]) == [96, 40, 75]
    assert list(lines["level_2"].iloc[:2]) == ["", "收获"]
    assert lines["evidence"].iloc[1] == "grain 3,000 t/yr (统计局, 2025-12-31)"
    assert lines["points"].sum() == 614
    table = found.frame("en").set_index("subject")
    assert list(table["score"]) == [614, 1000, 290]
    assert list(table["rank"]) == [2, 1, 3]
    assert table.loc["A", "Regulating services"] == pytest.approx(198)
    assert len(found.lines()) == 36
    plain = json.loads(json.dumps(found.to_dict(), ensure_ascii=False))
    assert plain["A"]["lines"][1]["facts"]["grain"]["source"] == "统计局"
    assert plain["A"]["sheet_sha256"] == SHEET.sha256
    assert plain["A"]["missing"] == "error"
    assert sum(line["points"] for line in plain["A"]["lines"] if line["points"]) == pytest.approx(
        614
    )
    assert (
        found.text("zh").index("B:") < found.text("zh").index("A:") < found.text("zh").index("C:")
    )


def test_rounded_lines_add_to_the_rounded_score() -> None:
    found = assess(
        SHEET, everyone(grain=2333.3, water_quality=31.7, felling=13.3337), groups=GROUPS
    )["A"]
    lines = [line.rounded for line in found.lines if line.rounded is not None]
    assert sum(lines) == found.rounded == Decimal(f"{found.score:.2f}")
    assert all(
        abs(float(line.rounded) - line.points) < 0.01
        for line in found.lines
        if line.points is not None
    )


# ----------------------------------------------------------------------- missing data


def test_missing_data_are_an_error_where_the_sheet_says_so() -> None:
    data = everyone(grain=..., gdp=...)
    data["A"]["gdpp"] = Fact(100, "亿元/yr", "统计局", "2025")
    data["C"]["pilots"] = Fact(3, "1")
    with pytest.raises(DataError) as caught:
        assess(SHEET, data, groups=GROUPS)
    assert len(caught.value.problems) == 3
    said = str(caught.value)
    assert (
        "synthetic_sheet, A, grain: Grain is missing\n  found: grain 未给出 not given\n  do: give the fact with its source and date"
        in said
    )
    assert (
        "A, gep_per_gdp: GEP to GDP is missing\n  found: gdp 未给出 not given\n  do: give the fact with its source and date; did you mean 'gdpp'?"
        in said
    )
    assert "C, pilots: Pilots is missing\n  found: pilots 无依据 no evidence" in said


def test_missing_data_as_zero() -> None:
    found = assess(under("zero"), everyone(grain=...), groups=GROUPS)["A"]
    assert found.score == pytest.approx(614 - 40)
    assert found["grain"].state == "missing"
    assert found["grain"].points == 0
    assert [w.what for w in found.warnings] == ["Grain is missing: it earns no points"]
    assert "粮食产量: 缺失 (grain 未给出 not given) = 0.00" in found.text("zh")


def test_missing_points_go_to_the_other_lines() -> None:
    found = assess(under("redistribute"), everyone(grain=..., water_quality=None), groups=GROUPS)[
        "A"
    ]
    assert found.score == pytest.approx((614 - 40 - 98) * 1000 / (1000 - 80 - 100))
    assert found["brand_share"].weight == pytest.approx(120 * 1000 / 820)
    assert found["pilots"].share == pytest.approx(4 * 10 / 60)  # by the points of the sheet
    assert math.fsum(line.weight for line in found.lines) == pytest.approx(1000)
    assert "its points go to the other lines" in str(found.warnings[0])


def test_missing_data_leave_the_score_undetermined() -> None:
    found = assess(under("undetermined"), everyone(grain=...), groups=GROUPS)
    a = found["A"]
    assert (a.score, a.grade, a.rank) == (None, None, None)
    assert a.undetermined == ("grain: grain 未给出 not given",)
    assert a.subtotals["harvest"] == (None, 80)
    assert a.subtotals["material_products"] == (None, 200)
    assert a.subtotals["regulating_services"][0] == pytest.approx(198)
    assert a["grain"].points is None
    assert {k: (v.rank, v.of) for k, v in found.items()} == {
        "A": (None, 2),
        "B": (1, 2),
        "C": (2, 2),
    }
    assert "Synthetic assessment, A: undetermined / 1,000, grade undetermined" in a.text("en")
    assert "Harvest: undetermined / 80" in a.text("en")
    json.dumps(found.to_dict())


def test_nothing_known_is_undetermined_and_not_zero() -> None:
    found = assess(under("redistribute"), {"A": {}}, groups={"A": "plain"})["A"]
    assert found.score is None
    assert len(found.undetermined) == 12  # 11 lines and the veto


def test_a_parameter_that_is_a_missing_fact_makes_the_line_missing() -> None:
    found = assess(under("zero"), everyone(regulating_goal=...), groups=GROUPS)["A"]
    assert found["regulating_growth"].lacks == "regulating_goal 未给出 not given"
    assert found["regulating_growth"].points == 0


# -------------------------------------------------------------------------------- veto


def test_a_breached_veto_is_the_lowest_grade_whatever_the_score() -> None:
    data = everyone() | {"B": facts("B", red_line=1)}
    found = assess(SHEET, data, groups=GROUPS)["B"]
    assert found.veto == "breached"
    assert found.grade.id == "fail"
    assert found.score == pytest.approx(1000)
    assert found["red_line"].formula == "1 > 0"
    assert "grade fail, veto breached" in found.text("en")
    assert "突破红线: 触发  1 > 0" in found.text("zh")


@pytest.mark.parametrize("policy", ["error", "zero", "redistribute", "undetermined"])
@pytest.mark.parametrize("evidence", [..., None, "none"])
def test_a_veto_without_evidence_is_undetermined_under_every_policy(policy: str, evidence) -> None:
    data = everyone(red_line=... if evidence == "none" else evidence)
    if evidence == "none":
        data["A"]["red_line"] = Fact(0, "1")
    found = assess(under(policy), data, groups=GROUPS)["A"]
    assert found.veto == "undetermined"
    assert found.grade is None
    assert found.score == pytest.approx(614)
    assert found["red_line"].state == "undetermined"
    assert found.undetermined[0].startswith("red_line: red_line")
    assert "grade undetermined, veto undetermined" in found.text("en")


def test_a_breach_counts_though_other_data_are_missing() -> None:
    found = assess(under("undetermined"), everyone(grain=..., red_line=2), groups=GROUPS)["A"]
    assert found.score is None
    assert found.grade.id == "fail"


# ---------------------------------------------------------------------- ranks and grades


def test_equal_scores_share_a_rank_and_the_next_is_skipped() -> None:
    data = {name: facts("B") for name in ("x", "y", "z")} | {"w": facts("C")}
    found = assess(SHEET, data, groups=dict.fromkeys(data, "plain"))
    assert {k: v.rank for k, v in found.items()} == {"x": 1, "y": 1, "z": 1, "w": 4}


def test_ties_within_a_rank_function_share_the_better_rank() -> None:
    values = [10, 20, 20, 5]
    p = {"last": 0.4}
    assert [share("rank", v, p, Peer(True, 1, values))[0] for v in values] == pytest.approx(
        [0.6, 1, 1, 0.4]
    )
    assert [share("rank", v, p, Peer(False, 1, values))[0] for v in values] == pytest.approx(
        [0.8, 0.6, 0.6, 1]
    )


def test_grades_of_the_user_replace_those_of_the_sheet() -> None:
    found = assess(SHEET, everyone(), groups=GROUPS, grades={"C": None, "A": 614, "AA": 999})
    assert {k: v.grade.id for k, v in found.items()} == {"A": "A", "B": "AA", "C": "C"}
    assert found["A"].to_dict()["grades"] == {"AA": 999, "A": 614, "C": None}
    with pytest.raises(DataError, match="the lowest grade takes all that no other takes"):
        assess(SHEET, everyone(), groups=GROUPS, grades={"A": 600, "B": 300})


def test_a_sheet_without_grades_gives_none() -> None:
    found = assess(dataclasses.replace(SHEET, grades=()), everyone(red_line=1), groups=GROUPS)["A"]
    assert found.grade is None
    assert "grade" not in found.text("en").splitlines()[0]


# ------------------------------------------------------------------------------ refusals


def test_an_outline_and_a_template_refuse_and_say_what_is_missing() -> None:
    with pytest.raises(DataError) as caught:
        assess(sheet("lishui_2021"), everyone())
    assert (
        "the sheet is an outline and computes nothing\n  found: Not public: the names of the 18"
        in str(caught.value)
    )
    with pytest.raises(DataError) as caught:
        assess(sheet("two_mountain_bank"), everyone())
    assert "indicator leverage: key 'weight' is missing" in str(caught.value)


def test_groups_must_be_known() -> None:
    with pytest.raises(DataError) as caught:
        assess(SHEET, everyone(), groups={"A": "mountain", "B": "hill", "D": "plain"})
    said = str(caught.value)
    assert "'C' has no group" in said
    assert "the group of 'B' is unknown\n  found: hill\n  do: known: mountain, plain" in said
    assert "the group of 'D' is given, its facts are not" in said
    with pytest.raises(DataError, match="there is no subject to score"):
        assess(SHEET, {})


def test_values_that_no_function_can_score_are_refused_together() -> None:
    data = everyone(pilots=2.5, complaints=-1, regulating_goal=100)
    for name in data:
        data[name]["visits"] = Fact(0, "人次/yr", "统计局", "2025")
    with pytest.raises(DataError) as caught:
        assess(SHEET, data, groups=GROUPS)
    said = str(caught.value)
    assert "A, pilots: a count is a whole number from 0 on\n  found: 2.5 1" in said
    assert "A, complaints: a count is a whole number from 0 on" in said
    assert "A, regulating_growth: baseline = goal = 100: there is nothing to improve" in said
    assert said.count("the best is not above 0: there is no ratio to it") == 3


def test_more_than_the_target_counts_as_all_of_it_and_is_warned_of() -> None:
    found = assess(SHEET, everyone(water_quality=98), groups=GROUPS)["A"]
    assert found["water_quality"].share == 1
    assert str(found.warnings[0]) == (
        "synthetic_sheet, A, water_quality: Sections of good water is 103.2% of its target\n"
        "  found: 98 of 95 %\n"
        "  do: check the target: it may be wrong; more than 100 % counts as 100 %"
    )
    found = assess(SHEET, everyone(water_quality=101), groups=GROUPS)["A"]
    assert [w.what for w in found.warnings] == ["Sections of good water lies above 100 %"]


def test_unknown_subjects_and_indicators_are_named() -> None:
    found = assess(SHEET, everyone(), groups=GROUPS)
    with pytest.raises(UsageError, match="no subject 'D'"):
        found["D"]
    with pytest.raises(UsageError, match="no indicator 'grian'"):
        found["A"]["grian"]


# -------------------------------------------------------------------------- properties


NUMBER = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))
FUNCTIONS = {
    "linear": ({"lo": -50.0, "hi": 80.0}, {"lo": -50.0, "hi": 80.0}),
    "threshold": (
        {"steps": [[-5, 0.1], [0, 0.4], [90, 1]]},
        {"steps": [[90, 0.1], [0, 0.4], [-5, 1]]},
    ),
    "ratio_to_target": ({"target": 70.0}, {"target": 70.0}),
    "improvement": ({"baseline": 10.0, "goal": 60.0}, {"baseline": 60.0, "goal": 10.0}),
    "count_cap": ({"each": 3.0}, {"each": 3.0}),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@given(low=NUMBER, high=NUMBER, higher=st.booleans())
def test_directed_functions_are_monotone_and_bounded(
    function: str, low: float, high: float, higher: bool
) -> None:
    low, high = sorted((low, high))
    parameters = FUNCTIONS[function][0 if higher else 1]
    peer = Peer(higher, 40.0, [low, high])
    shares = [share(function, x, parameters, peer)[0] for x in (low, high)]
    assert all(0 <= s <= 1 for s in shares)
    assert shares == sorted(shares, reverse=not higher)


@given(
    values=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=8),
    higher=st.booleans(),
    last=st.floats(0, 0.99),
)
def test_relative_functions_are_monotone_and_the_best_earns_all(
    values: list[float], higher: bool, last: float
) -> None:
    order = sorted(values, reverse=higher)
    for function, parameters in (("rank", {"last": last}), ("ratio_to_best", {})):
        shares = [share(function, v, parameters, Peer(higher, 1, values))[0] for v in order]
        assert shares[0] == 1
        assert shares == sorted(shares, reverse=True)
        assert all(0 <= s <= 1 for s in shares)


@given(x=NUMBER, points=st.lists(NUMBER, min_size=4, max_size=4, unique=True))
def test_an_optimal_band_earns_all_inside_and_nothing_far_outside(
    x: float, points: list[float]
) -> None:
    lo, low, high, hi = sorted(points)
    found, _ = share(
        "interval", x, {"lo": lo, "low": low, "high": high, "hi": hi}, Peer(True, 1, [])
    )
    assert 0 <= found <= 1
    assert (found == 1) == (low <= x <= high)
    assert (found == 0) == (x <= lo or x >= hi)


ROW = st.tuples(
    st.floats(0, 9000), st.floats(0, 100), st.floats(50, 200), st.just(100.0), st.just(120.0), st.floats(0, 100),
    st.floats(0, 100), st.floats(1, 1e7), st.floats(0, 50), st.floats(0, 900), st.floats(50, 200), st.floats(0.1, 2),
    st.integers(0, 12), st.integers(0, 12), st.integers(0, 1),
)  # fmt: skip


def county(row: tuple) -> dict[str, Fact]:
    return {
        name: Fact(
            value, UNITS[name], "x", "2025", price_year=2020 if "元/yr" in UNITS[name] else None
        )
        for name, value in zip(UNITS, row, strict=True)
    }


@given(rows=st.lists(ROW, min_size=1, max_size=5), factor=st.floats(0.01, 100), seed=st.randoms())
def test_scores_are_bounded_scale_with_the_points_and_ignore_the_order(
    rows: list[tuple], factor: float, seed
) -> None:
    data = {f"s{n}": county(row) for n, row in enumerate(rows)}
    groups = {name: ("mountain", "plain")[n % 2] for n, name in enumerate(data)}
    found = assess(SHEET, data, groups=groups)
    assert all(0 <= s.score <= 1000 for s in found.values())
    for s in found.values():
        assert s.score == pytest.approx(
            math.fsum(line.points for line in s.lines if line.points is not None)
        )
        assert sum(line.rounded for line in s.lines if line.rounded is not None) == s.rounded
    # other points in the same proportion: the same shares, the total in proportion, the same ranks
    scaled = dataclasses.replace(
        SHEET,
        total=1000 * factor,
        indicators={
            k: dataclasses.replace(
                i,
                weights={g: w * factor for g, w in i.weights.items()},
                parameters={p: v * factor if p == "each" else v for p, v in i.parameters.items()},
            )
            for k, i in SHEET.indicators.items()
        },
    )
    again = assess(scaled, data, groups=groups)
    for name, s in found.items():
        assert again[name].score == pytest.approx(s.score * factor)
        assert [line.share for line in again[name].lines] == pytest.approx(
            [line.share for line in s.lines]
        )
    # another order of the subjects: the same ranks
    order = list(data)
    seed.shuffle(order)
    shuffled = assess(SHEET, {name: data[name] for name in order}, groups=groups)
    assert {k: (v.rank, v.score, v.grade) for k, v in shuffled.items()} == {
        k: (v.rank, v.score, v.grade) for k, v in found.items()
    }


@given(
    row=ROW,
    name=st.sampled_from(["grain", "brand_share", "water_quality", "tourism", "pilots"]),
    more=st.integers(1, 1000),
)
def test_doing_better_never_lowers_a_score(row: tuple, name: str, more: int) -> None:
    facts_before = county(row)
    value = facts_before[name].value + (more if UNITS[name] != "%" else more / 1000)
    after = facts_before | {name: dataclasses.replace(facts_before[name], value=value)}
    groups = {"A": "mountain", "B": "mountain"}
    scores = [
        assess(SHEET, {"A": f, "B": facts("B")}, groups=groups)["A"].score
        for f in (facts_before, after)
    ]
    assert scores[1] >= scores[0] - 1e-9


# --------------------------------------------------------------------------- the matrix


def test_four_quadrants_with_scores_at_their_cuts() -> None:
    gdp = {"a": 90, "b": 60, "c": 80, "d": 59.99, "e": 70}
    gep = {"a": 800, "b": 800, "c": 400, "d": 749.99, "f": 900, "e": None}
    found = dual_matrix(gdp=gdp, gep=gep, gdp_cut=60, gep_cut=750)
    assert found.quadrants == {
        "a": "both_high",
        "b": "both_high",
        "c": "gdp_high",
        "d": "both_low",
        "e": "undetermined",
        "f": "undetermined",
    }
    found = dual_matrix(gdp=gdp, gep=gep, gdp_cut=75, gep_cut=750)
    assert found.quadrants["b"] == "gep_high"
    assert (
        found.text("zh")
        == "GDP >= 75, GEP >= 750\n  双高: a\n  GEP 高、GDP 低: b\n  GDP 高、GEP 低: c\n  双低: d\n  无法判定: e, f"
    )
    assert list(found.frame("en")["quadrant"]) == [
        "both high",
        "GEP high, GDP low",
        "GDP high, GEP low",
        "both low",
        "undetermined",
        "undetermined",
    ]
    assert found.to_dict()["gdp_cut"] == 75


def test_the_matrix_takes_the_scores_of_an_assessment() -> None:
    gep = assess(SHEET, everyone(), groups=GROUPS).scores()
    found = dual_matrix(gdp={"A": 80, "B": 40, "C": 85}, gep=gep, gdp_cut=60, gep_cut=600)
    assert found.quadrants == {"A": "both_high", "B": "gep_high", "C": "gdp_high"}


def test_the_matrix_refuses_what_is_no_number() -> None:
    with pytest.raises(DataError) as caught:
        dual_matrix(gdp={"a": float("nan")}, gep={"a": "high"}, gdp_cut=float("inf"), gep_cut=1)
    assert "gdp_cut: the cut is not a finite number" in str(caught.value)
    assert "gdp, a: the score is not a finite number" in str(caught.value)
    assert "gep, a: the score is not a finite number" in str(caught.value)
    with pytest.raises(DataError, match="there is no subject"):
        dual_matrix(gdp={}, gep={}, gdp_cut=1, gep_cut=1)
