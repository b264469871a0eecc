"""Results: amounts with their units, money that adds up, sheets that say everything."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError, Problems
from gep.realization.results import (
    CENT,
    Given,
    Line,
    Result,
    allocate,
    read_amount,
    read_rate,
    rounded,
    told,
)
from gep.tables import Title
from gep.units import unit

money = st.decimals(min_value=-(10**9), max_value=10**9, places=4)
weights = st.lists(st.decimals(min_value=0, max_value=10**6, places=3), min_size=1, max_size=20)


def read(value, wanted):
    problems = Problems()
    return read_amount(value, unit(wanted), "here", problems), [p.what for p in problems]


# ------------------------------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ("9400 万元", "元", 94e6),
        ((9400, "万元"), "亿元", 0.94),
        ("1,234.5 元", "元", 1234.5),
        ("12,345 元", "元", 12345.0),
        ("30 元/亩", "元/hm²", 450.0),
        ("-3", "1", -3.0),
        (0.05, "1", 0.05),
        ("4.75 %", "1", 0.0475),
        ("1e3 t", "kg", 1e6),
    ],
)
def test_an_amount_comes_in_the_unit_wanted(value, wanted, expected) -> None:
    number, problems = read(value, wanted)
    assert number == pytest.approx(expected, rel=1e-12)
    assert not problems


def test_members_may_share_a_unit_or_have_their_own() -> None:
    assert read(({"COD": 2, "TN": 0.5}, "mg/L"), "g/m³") == ({"COD": 2.0, "TN": 0.5}, [])
    both, problems = read({"COD": "2 mg/L", "TN": "500 mg/m³"}, "mg/L")
    assert both == {"COD": 2.0, "TN": pytest.approx(0.5)}
    assert not problems


@pytest.mark.parametrize(
    ("value", "wanted", "said"),
    [
        (9400, "元", "the amount has no unit"),
        ("9400", "元", "[1] does not fit"),
        ("3 t", "元", "[t] does not fit"),
        ("a lot", "元", "this is not an amount"),
        ("1,23 元", "元", "the commas do not part thousands"),
        ("3 yuan", "元", "unit 'yuan' is refused"),
        ((math.nan, "元"), "元", "this is not a finite number"),
        ((math.inf, "元"), "元", "this is not a finite number"),
        ((None, "元"), "元", "this is not a finite number"),
        (None, "元", "the amount has no unit"),
        (True, "1", "the amount has no unit"),
        ([1], "元", "the amount has no unit"),
    ],
)
def test_what_is_no_amount_is_refused(value, wanted, said) -> None:
    number, problems = read(value, wanted)
    assert math.isnan(number)
    assert problems == [said]


@pytest.mark.parametrize(("value", "expected"), [(0.05, 0.05), ("5 %", 0.05), (0, 0.0), (1, 1.0)])
def test_a_rate_is_a_decimal_or_a_percentage(value, expected) -> None:
    problems = Problems()
    assert read_rate(value, "rate", problems) == pytest.approx(expected)
    assert not problems


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            4.75,
            "rate: the rate looks like a percentage\n  found: 4.75\n  do: write 0.0475 or '4.75 %'",
        ),
        (-0.01, "rate: the rate is negative\n  found: -0.01"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(value, text) -> None:
    problems = Problems()
    read_rate(value, "rate", problems)
    assert [str(p) for p in problems] == [text]


def test_a_negative_rate_passes_where_it_may_be_one_and_not_below_minus_one() -> None:
    problems = Problems()
    assert read_rate(-0.01, "rate", problems, negative=True) == -0.01
    assert not problems
    read_rate(-1, "rate", problems, negative=True)
    assert [p.what for p in problems] == ["the rate is not above -1"]


# ------------------------------------------------------------------------------------- rounding


def test_halves_go_away_from_zero() -> None:
    assert [rounded(x) for x in (0.125, -0.125, 2.675, 1.005)] == [
        Decimal("0.13"),
        Decimal("-0.13"),
        Decimal("2.68"),  # as written, not as binary holds it
        Decimal("1.01"),
    ]


@given(whole=money, parts=weights)
def test_parts_add_to_the_whole_and_miss_their_share_by_less_than_a_cent(whole, parts) -> None:
    if sum(parts) == 0:
        with pytest.raises(DataError, match="not all of them 0"):
            allocate(whole, parts)
        return
    shares = allocate(whole, parts)
    assert sum(shares) == rounded(whole)
    for share, part in zip(shares, parts, strict=True):
        exact = Fraction(rounded(whole)) * Fraction(part) / Fraction(sum(parts))
        assert abs(Fraction(share) - exact) < Fraction(CENT)
        assert share % CENT == 0


def test_the_largest_remainder_gets_what_is_left() -> None:
    # quotas of 10.00: 1.428.., 2.857.., 5.714..  cents left: 1 -> to the largest fraction 285.7
    assert allocate(10, [1, 2, 4]) == [Decimal("1.43"), Decimal("2.86"), Decimal("5.71")]
    assert allocate(0.02, [1, 1, 1]) == [CENT, CENT, Decimal(0)]
    assert allocate(-100, [1, 1, 1]) == [Decimal("-33.34"), Decimal("-33.33"), Decimal("-33.33")]


@pytest.mark.parametrize("parts", [[], [0, 0], [1, -1], [math.nan], [math.inf]])
def test_shares_that_are_none_are_refused(parts) -> None:
    with pytest.raises(DataError, match="shares are numbers from 0 on"):
        allocate(1, parts)


# -------------------------------------------------------------------------------------- results


def made(**more) -> Result:
    values = {
        "title": Title("Purchase", "采购"),
        "value": 188.0,
        "unit": "万元",
        "rule": "x_2020/purchase",
        "price_year": 2018,
        "document": "X〔2020〕1号",
        "inputs": {"d": Given(Title("Increment", "增量"), 9400.0, "万元", source="account")},
        "lines": (Line("T", Title("Price", "价款"), 188.0, "万元", "rho * d", "x, 3"),),
    }
    return Result(**{**values, **more})


def test_a_result_is_a_number_that_explains_itself() -> None:
    result = made()
    assert float(result) == 188.0
    assert result.to("元") == 1.88e6
    assert result["T"] == 188.0
    assert result.text("en").splitlines() == [
        "Purchase: 188 万元, prices of 2018",
        "  rule: x_2020/purchase (X〔2020〕1号)",
        "  d = 9,400 万元  Increment (account)",
        "  T = rho * d = 188 万元  Price (x, 3)",
    ]
    assert result.text("zh").splitlines()[0] == "采购: 188 万元, 价格年 2018"
    frame = result.frame("zh")
    assert frame["title"].tolist() == ["增量", "价款"]
    assert frame["value"].tolist() == [9400.0, 188.0]


def test_a_result_goes_into_json_and_keeps_both_languages() -> None:
    told_as = json.loads(json.dumps(made().to_dict(), allow_nan=False))
    assert told_as["title"] == {"en": "Purchase", "zh": "采购"}
    assert told_as["inputs"]["d"]["value"] == 9400.0


def test_an_undetermined_result_is_no_number() -> None:
    result = made(value=None, undetermined=("quality",))
    with pytest.raises(DataError, match=r"undetermined\n  found: not known: quality"):
        float(result)
    assert result.text("zh").startswith("采购: 无法判定 (缺少: quality)")
    assert result.text("en").startswith("Purchase: undetermined (not known: quality)")


def test_a_result_by_member_is_no_number_and_an_unknown_line_is_named() -> None:
    result = made(value={"a": 1.0, "b": 2.0})
    with pytest.raises(DataError, match="a value for each member"):
        float(result)
    with pytest.raises(DataError, match="no line 'Q'\n  do: known: T"):
        result["Q"]
    assert "a 1, b 2" in result.text("en")


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567.125, "1,234,567.125"), (1e-9, "1e-09"), (None, "—"), ("x", "x"), ({"a": 1}, "a 1")],
)
def test_values_are_told(value, text) -> None:
    assert told(value) == text
