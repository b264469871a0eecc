"""Discount schedules and flows: by hand, by real contracts, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError, UsageError
from gep.functions.finance import annuity_due_factor, annuity_factor
from gep.library import data_root
from gep.realization.contracts import (
    discount,
    discount_schedule,
    once,
    real_rate,
    yearly,
)
from gep.realization.valuation import Contract
from gep.tables import load_table

RATES = st.floats(0.001, 0.3)


def value(*flows, years, rate, basis="nominal", money="元", **more):
    contract = Contract(flows=flows, years=years, **more)
    return contract.worth(rate=rate, rate_basis=basis, price_year=2023, money=money).cash_value


def rent(amount, **terms):
    return yearly(amount, **{"timing": "arrears", "basis": "nominal", **terms})


# ------------------------------------------------------------------------------ real contracts


def test_a_lease_that_rises_every_five_years():
    """下南山 (cnjdz.net/cs/2023/0816/322819.html): 20 万元 a year, + 8 % every 5 years, 30 years."""
    steps = {"growth": "8 %", "every": 5}
    for rate, worth in ((0.03, 463.8), (0.05, 356.3), (0.08, 253.8)):
        found = value(rent("20 万元/yr", **steps), years=30, rate=rate, money="万元")
        assert found.value == pytest.approx(worth, abs=0.05)
        assert found["undiscounted"] == pytest.approx(733.6, abs=0.05)
    advance = value(
        rent("20 万元/yr", timing="advance", **steps), years=30, rate=0.05, money="万元"
    )
    assert advance.value == pytest.approx(374.1, abs=0.05)


def test_paid_at_once_and_each_year():
    """庆元左溪 (lishui.gov.cn 2025-09-12): 228 亩, 220 000 元 at once and 8 600 元 a year, 40 years."""
    flows = [once("220000 元", at=0, basis="nominal"), rent("8600 元/yr")]
    for rate, worth, by_area in (
        (0.03, 418_787, 1837),
        (0.04, 390_218, 1711),
        (0.05, 367_568, 1612),
    ):
        found = value(*flows, years=40, rate=rate)
        assert found.value == pytest.approx(worth, abs=0.5)
        assert found.value / 228 == pytest.approx(by_area, abs=0.5)
    assert found["undiscounted"] == 220_000 + 40 * 8_600


def test_custody_with_a_share_of_the_proceeds():
    """顺昌水南 (tech.jiangsulong.com/a/2019/0307/142306_5.html): 9 亩, 20 years, 3 720 元 a year and
    60 % of timber less cost at the end; the timber (140 000 元) is synthetic."""
    found = value(
        rent("3720 元/yr"),
        once("140000 元", at="end", basis="nominal", share="60 %"),
        years=20,
        rate=0.045,
    )
    assert found["PV1"] == pytest.approx(48_390, abs=0.5)
    assert found["PV2"] == pytest.approx(34_830, abs=0.5)
    assert found.value == pytest.approx(83_220, abs=0.5)
    assert found["undiscounted"] == pytest.approx(20 * 3720 + 84_000)


def test_instalments_are_worth_less_than_their_sum():
    """大洋 (V2; zrzyt.zj.gov.cn 2020-06-05, news.gscn.com.cn 2020-05-23): 279.28 万元 in 25 years."""
    assert 2_792_800 / 25 == 111_712
    for rate, worth in ((0.03, 194.5), (0.0475, 161.5), (0.06, 142.8)):
        found = value(rent("111712 元/yr"), years=25, rate=rate, money="万元")
        assert found["undiscounted"] == pytest.approx(279.28)
        assert found.value == pytest.approx(worth, abs=0.05)


def test_two_reports_of_one_rent_agree():
    """安吉 (V6): 27.55 万元/5 425 亩/3 years and 7 230 万元/14.24 万亩/30 years (the term is inferred)."""
    first = value(rent("16.93 元/(亩·yr)"), years=3, rate=0, money="元/亩")
    other = value(rent("16.92 元/(亩·yr)"), years=30, rate=0, money="元/亩")
    assert first["undiscounted"] * 5425 == pytest.approx(275_500, rel=5e-4)
    assert other["undiscounted"] * 142_400 == pytest.approx(72_300_000, rel=5e-4)


# ------------------------------------------------------------------------------ growth, for ever


@pytest.mark.parametrize(("growth", "worth"), [(0.05, 2857.14), (0.02, 1936.31), (0, 1537.245)])
def test_growing_annuity(growth, worth):
    found = value(rent("100 元/yr", growth=growth), years=30, rate=0.05)
    assert found.value == pytest.approx(worth, abs=0.005)


@given(RATES, st.floats(-0.2, 0.2), st.integers(1, 60))
def test_growing_annuity_is_its_formula(rate, growth, years):
    found = value(rent("100 元/yr", growth=growth), years=years, rate=rate).value
    if abs(rate - growth) < 1e-4:
        assert found == pytest.approx(years * 100 / (1 + rate), rel=0.01)
    else:
        closed = 100 / (rate - growth) * (1 - ((1 + growth) / (1 + rate)) ** years)
        assert found == pytest.approx(closed, rel=1e-9)


@given(RATES, st.integers(1, 80))
def test_level_flows_are_the_annuity_factors(rate, years):
    arrears = value(rent("7 元/yr"), years=years, rate=rate).value
    advance = value(rent("7 元/yr", timing="advance"), years=years, rate=rate).value
    assert arrears == pytest.approx(7 * float(annuity_factor(rate=rate, periods=years)))
    assert advance == pytest.approx(7 * float(annuity_due_factor(rate=rate, periods=years)))
    assert advance == pytest.approx(arrears * (1 + rate))


@pytest.mark.parametrize("timing", ["arrears", "advance"])
@pytest.mark.parametrize(
    "rate", [0.05, [(2, 0.08), (None, 0.05)], [(1, 0.03), (7, 0.1), (None, 0.06)]]
)
@pytest.mark.parametrize("first", [1, 4])
def test_what_never_ends_is_the_limit_of_long_terms(timing, rate, first):
    flow = rent("100 元/yr", growth=0.02, timing=timing, first=first)
    forever = value(flow, years="forever", rate=rate)
    assert forever.value == pytest.approx(value(flow, years=900, rate=rate).value, rel=1e-9)
    assert "永续" in " ".join(forever.notes)
    with pytest.raises(DataError, match="no line 'undiscounted'"):
        forever["undiscounted"]


def test_for_ever_by_hand():
    # 100/(0.05 - 0.02) = 3333.33; in advance the same a year earlier
    assert value(rent("100 元/yr", growth=0.02), years="forever", rate=0.05).value == pytest.approx(
        3333.3333333
    )
    flow = rent("100 元/yr", growth=0.02, timing="advance")
    assert value(flow, years="forever", rate=0.05).value == pytest.approx(3500)


@pytest.mark.parametrize(("growth", "rate"), [(0, 0), (0.05, 0.05), (0.06, 0.05)])
def test_for_ever_needs_a_rate_above_the_growth(growth, rate):
    with pytest.raises(DataError, match="only at a rate above its growth"):
        value(rent("100 元/yr", growth=growth), years="forever", rate=rate)


def test_for_ever_needs_an_open_schedule_and_no_steps():
    with pytest.raises(DataError, match="the schedule ends, and the flow does not"):
        value(rent("100 元/yr"), years="forever", rate=[(30, 0.03)])
    with pytest.raises(DataError, match="steps for ever are not valued"):
        value(rent("100 元/yr", growth=0.01, every=5), years="forever", rate=0.05)
    with pytest.raises(DataError, match="no payment at its end"):
        value(once("1 元", at="end", basis="nominal"), years="forever", rate=0.05)


# ------------------------------------------------------------------------------------ schedules


def test_declining_schedule_of_the_table():
    """PV of 1 a year for 100 years at the Green Book's rates, as recalled: 28.863."""
    found = discount_schedule("discounting/green_book")
    assert found.bands == ((30, 0.035), (75, 0.03), (125, 0.025))
    assert found.annuity(100, "arrears") == pytest.approx(28.863, abs=5e-4)
    assert found.verified == "recalled"
    assert "Green Book" in found.source
    worth = value(rent("1 元/yr", basis="real"), years=100, rate=found, basis="real")
    assert worth.value == pytest.approx(28.863, abs=5e-4)
    assert worth.verified == "recalled"
    assert worth.inputs["rate"].value == {"1-30": 0.035, "31-75": 0.03, "76-125": 0.025}


def test_rates_that_methods_name_are_a_table_and_no_default():
    table = load_table(data_root("coefficients") / "discounting" / "official_rates.csv")
    low, high, social = (
        table.entries[name][()] for name in ("mining_right_low", "mining_right_high", "social_cn")
    )
    assert (low.value, high.value, social.value) == (8, 9, 8)
    assert [entry.verified for entry in (low, high, social)] == [
        "secondary",
        "secondary",
        "recalled",
    ]
    with pytest.raises(TypeError, match="rate"):
        Contract(flows=[rent("1 元/yr")], years=1).worth(rate_basis="nominal", price_year=2020)


def test_schedule_by_hand():
    # 1/1.1 + 1/(1.1 · 1.05) = 0.909091 + 0.865801; in advance 1 + 0.909091
    by = discount([(1, 0.1), (None, 0.05)])
    assert by.annuity(2, "arrears") == pytest.approx(1.774892, abs=5e-7)
    assert by.annuity(2, "advance") == pytest.approx(1.909091, abs=5e-7)
    assert by.shifted(0.01).bands == ((1, pytest.approx(0.11)), (None, pytest.approx(0.06)))


@given(RATES, st.integers(1, 50), st.integers(1, 60))
def test_a_schedule_of_one_rate_is_that_rate(rate, until, years):
    by = discount([(until, rate), (None, rate)])
    assert by.annuity(years, "arrears") == pytest.approx(discount(rate).annuity(years, "arrears"))
    assert by.annuity(years, "advance") == pytest.approx(discount(rate).annuity(years, "advance"))


def test_a_schedule_that_is_too_short_is_refused():
    with pytest.raises(DataError, match="ends in year 30, the flows in year 31"):
        discount([(30, 0.03)]).annuity(31, "arrears")


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (5, "looks like a percentage"),
        ([(30, 3.5)], "looks like a percentage"),
        (-0.01, "the rate is negative"),
        ([(30, 0.03), (20, 0.02)], "the bands are not in order"),
        ([(None, 0.03), (20, 0.02)], "the bands are not in order"),
        ([0.03, 0.02], "this is no band of a schedule"),
        ([], "the schedule has no band"),
        (math.nan, "not a finite number"),
    ],
)
def test_rates_that_are_none(rate, said):
    with pytest.raises(DataError, match=said):
        discount(rate)


def test_a_table_that_is_no_schedule_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no table 'discounting/green_bok'"):
        discount_schedule("discounting/green_bok")
    with pytest.raises(UsageError, match="no discount schedule"):
        discount_schedule("discounting/official_rates")


def test_real_rate():
    assert real_rate(nominal=0.05, inflation=0.02) == pytest.approx(0.0294117647)
    assert real_rate(nominal="5 %", inflation="-1 %") == pytest.approx(0.0606060606)
    with pytest.raises(DataError, match="looks like a percentage"):
        real_rate(nominal=5, inflation=0.02)


@given(RATES, st.floats(-0.05, 0.1), st.integers(1, 40))
def test_real_flows_at_the_real_rate_are_nominal_flows_at_the_nominal_rate(rate, inflation, years):
    nominal = value(rent("100 元/yr", growth=inflation), years=years, rate=rate).value
    flat = yearly("100 元/yr", timing="arrears", basis="real")
    real = real_rate(nominal=rate, inflation=inflation)
    found = value(flat, years=years, rate=real, basis="real").value
    assert found / (1 + inflation) == pytest.approx(nominal)


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        (yearly("100 元/yr", timing="end", basis="nominal"), "the timing is not known"),
        (yearly("100 元/yr", timing=None, basis="nominal"), "the timing is not known"),
        (rent("100 元/yr", basis="money"), "the basis is not known"),
        (rent("100 元"), r"\[元\] does not fit"),
        (rent(100), "the amount has no unit"),
        (rent("100 元/(亩·yr)"), "does not fit"),
        (rent({"a": "100 元/yr"}), "a flow has one amount"),
        (rent("100 元/yr", growth=8), "looks like a percentage"),
        (rent("100 元/yr", share=60), "looks like a percentage"),
        (rent("100 元/yr", share=-0.5), "the rate is negative"),
        (rent("100 元/yr", every=0), "every is a whole number"),
        (rent("100 元/yr", first=0), "first is a whole number"),
        (rent("100 元/yr", last=2.5), "last is a whole number"),
        (rent("100 元/yr", first=5, last=4), "ends before it begins"),
        (rent("100 元/yr", last=11), "reaches beyond the contract"),
        (once("100 元", at=11, basis="nominal"), "reaches beyond the contract"),
        (once("100 元", at=-1, basis="nominal"), "the time of payment is not known"),
        (once("100 元", at="later", basis="nominal"), "the time of payment is not known"),
        (rent("inf 元/yr"), "not an amount"),
        (rent((math.inf, "元/yr")), "not a finite number"),
    ],
)
def test_flows_that_are_refused(flow, said):
    with pytest.raises(DataError, match=said):
        value(flow, years=10, rate=0.05)


def test_all_problems_come_together():
    with pytest.raises(DataError) as caught:
        value(rent(100), rent("1 元/yr", last=99), years=10, rate=5)
    where = [problem.where for problem in caught.value.problems]
    assert where[:3] == ["rate", "flow 1 (Yearly amount), amount", "flow 2 (Yearly amount), last"]


def test_what_grows_beyond_all_bounds_is_refused():
    with pytest.raises(DataError, match="grow beyond all bounds"):
        value(rent("1e300 元/yr", growth=1), years=100, rate=0.05)
    with pytest.raises(DataError, match="a year is at most 1000"):
        value(rent("1 元/yr"), once("1 元", at=10**9, basis="nominal"), years="forever", rate=0.05)
    with pytest.raises(DataError, match="the bands are not in order"):
        discount([(10**9, 0.05), (None, 0.03)])


def test_terms_are_told_in_both_languages():
    found = value(
        once("9 元", at=0, basis="nominal"),
        once("9 元", at="end", basis="nominal", share="60 %"),
        rent("1 元/yr", growth="8 %", every=5, last=9),
        years=10,
        rate=0.05,
    )
    notes = [found.inputs[f"A{n}"].note for n in (1, 2, 3)]
    assert notes[0] == "名义值，当日; nominal, today"
    assert notes[1] == "名义值，期末，按 60 % 计; nominal, the end, share 60 %"
    assert "每 5 年增长 8 %" in notes[2]
    assert "rises by 8 % every 5 years" in notes[2]
    assert "years 1 to 9" in notes[2]
