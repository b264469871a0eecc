"""Realisation rate, GEP beside GDP, coupling coordination, brand premium."""

from __future__ import annotations

import doctest
import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from gep.errors import DataError
from gep.realization import metrics
from gep.realization.metrics import (
    Basis,
    brand_premium,
    coupling_coordination,
    gep_to_gdp,
    premium_rate,
    realisation_rate,
)


def warned(result) -> str:
    return "\n".join(map(str, result.warnings))


def test_examples_run():
    failed, attempted = doctest.testmod(metrics)
    assert attempted > 0
    assert failed == 0


# ------------------------------------------------------------------------------ realisation rate


def realised(gep, got, kinds=None, **changed):
    asked = {
        "gep": {k: f"{v} 亿元/yr" for k, v in gep.items()},
        "realised": {k: None if v is None else f"{v} 亿元/yr" for k, v in got.items()},
        "kinds": kinds or dict.fromkeys(gep, "material"),
        "gep_basis": Basis(2018, 2018),
        "realised_basis": Basis(2018, 2018),
    }
    return realisation_rate(**(asked | changed))


TWO = {"regulating": "regulating", "rest": "material"}


def test_ninghai_2018_by_the_wide_definition():
    """ecologica.cn stxb202008032025: GEP 1 259.03, regulating 670.59: 588.44 亿元, 46.74 %."""
    assert 1259.03 - 670.59 == pytest.approx(588.44)
    found = realised({"regulating": 670.59, "rest": 588.44}, {}, TWO)
    assert found["wide"] == pytest.approx(0.4674, abs=5e-5)
    assert found.value is None  # what was received is not published
    assert found.undetermined == ("realised[regulating]", "realised[rest]")


def test_lishui_2018_by_the_wide_definition():
    """zhejiang.chinadaily.com.cn 2019-12-20: regulating 3 659.4 of 5 024.5 亿元 is 72.83 %."""
    assert 3659.4 / 5024.5 == pytest.approx(0.7283, abs=5e-5)
    found = realised({"regulating": 3659.4, "rest": 5024.5 - 3659.4}, {}, TWO)
    assert found["wide"] == pytest.approx(0.2717, abs=5e-5)


def test_strict_and_wide_rate_stand_side_by_side():
    kinds = {"crops": "material", "soil": "regulating", "visits": "cultural"}
    found = realised(
        {"crops": 20, "soil": 70, "visits": 10}, {"crops": 15, "soil": 7, "visits": 5}, kinds
    )
    assert float(found) == pytest.approx(0.27)
    assert found["wide"] == pytest.approx(0.3)
    assert found["rates"] == pytest.approx({"crops": 0.75, "soil": 0.1, "visits": 0.5})
    assert found["matched"] == pytest.approx(27)
    assert "严格口径" in found.title.zh
    assert not found.warnings


def test_what_was_not_recorded_is_not_nothing():
    gep = {"crops": 20, "soil": 80}
    assert float(realised(gep, {"crops": 10, "soil": 0})) == pytest.approx(0.1)
    for got in ({"crops": 10}, {"crops": 10, "soil": None}):
        found = realised(gep, got)
        assert found.undetermined == ("realised[soil]",)
        assert found["rates"] == {"crops": 0.5, "soil": None}


def test_receipts_outside_gep_are_shown_and_left_out():
    found = realised({"crops": 20}, {"crops": 10, "timber": 7})
    assert float(found) == pytest.approx(0.5)
    assert found["unmatched"] == pytest.approx(7)
    assert "products that GEP does not count" in warned(found)
    assert "timber" in warned(found)


def test_more_realised_than_counted_warns():
    found = realised({"crops": 20, "soil": 0}, {"crops": 30, "soil": 1})
    assert "realised[crops]: more is realised than GEP counts" in warned(found)
    assert "a product whose GEP is 0" in warned(found)


def test_one_year_and_one_price_year():
    with pytest.raises(DataError) as error:
        realised({"a": 1}, {"a": 1}, realised_basis=Basis(2019, 2020))
    assert "the years of GEP and of what was realised differ" in str(error.value)
    assert "the price years of GEP" in str(error.value)
    assert "GEP 2018, realised 2020" in str(error.value)


def test_wrong_amounts_and_kinds_of_products_come_together():
    with pytest.raises(DataError) as error:
        realised({"a": -1, "b": 2}, {"a": 1}, {"a": "materials"})
    assert "gep[a]: the amount is negative" in str(error.value)
    assert "kinds[a]: the kind of the product is not known" in str(error.value)
    assert "kinds[b]" in str(error.value)
    with pytest.raises(DataError, match="GEP is 0"):
        realised({"a": 0}, {"a": 0})


# ---------------------------------------------------------------------------------- GEP beside GDP


def series(values, start=2010):
    return {start + n: f"{v} 亿元/yr" for n, v in enumerate(values)}


def test_gep_over_gdp_of_lishui_2018():
    """GEP 5 024.5 亿元 at GEP/GDP 3.60 (zhejiang.chinadaily.com.cn 2019-12-20)."""
    found = gep_to_gdp(
        gep={2018: "5024.5 亿元/yr"},
        gdp={2018: "1394.67 亿元/yr"},
        prices="current",
        price_year=2018,
    )
    assert float(found) == pytest.approx(3.60, abs=0.005)


def test_elasticity_and_marginal_conversion_between_first_and_last_year():
    gep = series([100 * 1.02**n for n in range(8)])
    eco = series([50 * 1.05**n for n in range(8)])
    got = series([10 + 0.3 * (100 * 1.02**n - 100) for n in range(8)])
    found = gep_to_gdp(
        gep=gep, gdp=series([80] * 8), gdp_eco=eco, realised=got, prices="constant", price_year=2010
    )
    assert found["elasticity"] == pytest.approx(math.log(1.05) / math.log(1.02))
    assert found["marginal"] == pytest.approx(0.3)
    assert found["ratio"]["2010"] == pytest.approx(1.25)
    assert not found.warnings
    nominal = gep_to_gdp(gep=gep, gdp=gep, gdp_eco=eco, prices="current", price_year=2017)
    assert "part of this is inflation" in warned(nominal)


@pytest.mark.parametrize("drop", [2010, 2013])
def test_seven_years_or_a_gap_bring_the_ratio_only(drop):
    gep = series([100 + n for n in range(8)])
    eco = {y: v for y, v in series([50 + n for n in range(8)]).items() if y != drop}
    found = gep_to_gdp(gep=gep, gdp=gep, gdp_eco=eco, prices="constant", price_year=2010)
    assert [line.symbol for line in found.lines] == ["ratio"]
    assert "Fewer than 8 years without a gap: no conversion elasticity" in "".join(found.notes)
    assert "不计算转化弹性" in "".join(found.notes)


def test_eight_years_with_a_gap_bring_the_ratio_only():
    gep = series([100 + n for n in range(9)])
    eco = {y: v for y, v in gep.items() if y != 2014}
    found = gep_to_gdp(gep=gep, gdp=gep, gdp_eco=eco, prices="constant", price_year=2010)
    assert [line.symbol for line in found.lines] == ["ratio"]


def test_gep_that_stands_still_has_no_elasticity():
    flat = series([100] * 8)
    found = gep_to_gdp(
        gep=flat, gdp=flat, gdp_eco=series(range(1, 9)), prices="constant", price_year=2010
    )
    assert found["elasticity"] is None
    assert "GEP is the same in 2010 and 2017" in "".join(found.notes)


def test_wrong_series_are_refused():
    with pytest.raises(DataError) as error:
        gep_to_gdp(gep=series([1]), gdp=series([0], 2020), prices="real", price_year=2010)
    for part in (
        "prices are constant or current",
        "gdp[2020]: the amount is not positive",
        "no year in common",
    ):
        assert part in str(error.value)


# ---------------------------------------------------------------------------- coupling coordination


def coupled(*levels, **changed):
    names = [f"s{n}" for n in range(len(levels))]
    asked = {"weights": {n: 1 / len(levels) for n in names}, "span": "13 cities, 2008-2010"}
    return coupling_coordination(dict(zip(names, levels, strict=True)), **(asked | changed))


def test_coupling_of_two_systems_by_both_forms():
    """U = (0.6, 0.3): C 0.943 and 0.592, T 0.45, D 0.651 and 0.516."""
    found = coupled(0.6, 0.3)
    assert found["C_classic"] == pytest.approx(0.943, abs=5e-4)
    assert found["C_modified"] == pytest.approx(0.592, abs=5e-4)
    assert found["T"] == pytest.approx(0.45)
    assert found["D_classic"] == pytest.approx(0.651, abs=5e-4)
    assert found["D_modified"] == pytest.approx(0.516, abs=5e-4)
    assert float(found) == found["D_modified"]
    assert float(coupled(0.6, 0.3, form="classic")) == found["D_classic"]
    assert "13 cities" in "".join(found.notes)
    assert "不可比" in "".join(found.notes)


#: Table 8 of Wang et al. (2021), jnr.ac.cn .../T7.html: classic and modified C of 13 cities.
TABLE_8 = [
    ("2008 0.9989 0.9935 0.8868 0.9073 0.6821 0.8328 0.6816 0.7789 0.6871 0.6101 0.8017 0.7867 0.7191",
     "2008 0.9404 0.8660 0.5440 0.5769 0.3006 0.4780 0.3344 0.4171 0.3278 0.2700 0.4374 0.4196 0.3738"),
    ("2009 0.9984 0.9997 0.8912 0.9079 0.6790 0.8114 0.6839 0.7786 0.7180 0.6377 0.8018 0.7587 0.7396",
     "2009 0.9238 0.9675 0.5435 0.5716 0.2946 0.4445 0.3224 0.4117 0.3533 0.2731 0.4352 0.3821 0.3906"),
    ("2010 0.9999 0.9920 0.9071 0.9224 0.6957 0.8309 0.7044 0.7992 0.7556 0.6212 0.8277 0.7707 0.7109",
     "2010 0.9835 0.8497 0.5659 0.5942 0.3041 0.4593 0.3385 0.4245 0.3857 0.2533 0.4574 0.3908 0.3529"),
]  # fmt: skip
PAIRS = [
    pair
    for classic, modified in TABLE_8
    for pair in zip(*(map(float, row.split()[1:]) for row in (classic, modified)), strict=True)
]


def test_published_pairs_of_coupling_have_admissible_levels():
    """Solve both C of each city for its two levels: all lie in 0 to 1, and give both C again."""
    assert len(PAIRS) == 39
    apart, top = [], []
    for classic, modified in PAIRS:
        root = (1 - math.sqrt(1 - classic**2)) / classic
        ratio = root**2  # min/max
        distance = 1 - modified**2 / ratio
        high = distance / (1 - ratio)
        found = coupled(high, high * ratio)
        assert found["C_classic"] == pytest.approx(classic, abs=1e-9)
        assert found["C_modified"] == pytest.approx(modified, abs=1e-9)
        apart.append(distance)
        top.append(high)
    assert (min(apart), max(apart)) == (
        pytest.approx(0.005, abs=5e-4),
        pytest.approx(0.471, abs=5e-4),
    )
    assert (min(top), max(top)) == (pytest.approx(0.18, abs=0.005), pytest.approx(0.54, abs=0.005))


def test_coupling_of_three_systems_by_hand():
    """(0.8, 0.4, 0.2): classic 3 · 0.064^(1/3) / 1.4; distances 0.4, 0.6, 0.2; (0.5 · 0.25)^(1/2)."""
    found = coupled(0.8, 0.4, 0.2)
    assert found["C_classic"] == pytest.approx(3 * 0.4 / 1.4)
    assert found["C_modified"] == pytest.approx(math.sqrt(0.6 * math.sqrt(0.125)))
    assert found["T"] == pytest.approx(1.4 / 3)


def test_weights_count_in_the_level_only():
    even, uneven = coupled(0.6, 0.3), coupled(0.6, 0.3, weights={"s0": 0.2, "s1": 0.8})
    assert uneven["C_modified"] == even["C_modified"]
    assert uneven["T"] == pytest.approx(0.36)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=5))
def test_coupling_lies_between_nothing_and_one(levels):
    found = coupled(*levels)
    for symbol in ("C_classic", "C_modified", "D_classic", "D_modified"):
        assert 0 <= found[symbol] <= 1 + 1e-12
    assert found["C_modified"] <= found["C_classic"] + 1e-9


@given(st.floats(0.01, 1), st.integers(2, 5))
def test_equal_systems_are_fully_coupled(level, number):
    found = coupled(*[level] * number)
    assert found["C_classic"] == pytest.approx(1)
    assert found["C_modified"] == pytest.approx(1)
    assert float(found) == pytest.approx(math.sqrt(level))


def test_a_system_at_zero_and_all_at_zero():
    assert float(coupled(0.5, 0)) == 0
    found = coupled(0, 0)
    assert found.value is None
    assert found.undetermined == ("C is not defined where every level is 0",)


def test_misuses_of_coupling_are_refused():
    with pytest.raises(DataError) as error:
        coupled(1.2, -0.1, weights={"s0": 0.5, "x": 0.6}, span=" ", form="old")
    for part in (
        "levels[s0]: the level lies outside 0 to 1",
        "levels[s1]: the level lies outside 0 to 1",
        "weights: the weights do not add to 1\n  found: 1.1",
        "'s1' is not in both",
        "'x' is not in both",
        "the span of the normalisation is missing",
        "the form is modified or classic",
    ):
        assert part in str(error.value)
    with pytest.raises(DataError, match="two systems or more"):
        coupled(0.5)
    with pytest.raises(DataError, match="the weight is negative"):
        coupled(0.5, 0.5, weights={"s0": -0.5, "s1": 1.5})


# ---------------------------------------------------------------------------------- brand premium


def brand(rate=0.3, **changed):
    asked = {
        "sales": "130 亿元", "eco_share": 0.4, "gep_priced_at": "reference", "price_year": 2019,
    }  # fmt: skip
    return brand_premium(rate, **(asked | changed))


def test_premium_of_branded_sales():
    """cishannews.com 2019-05-07: +30 % on sales of more than 130 亿元: 130 · 0.3/1.3 = 30.0."""
    found = brand()
    assert float(found) == pytest.approx(30.0, abs=1e-9)
    assert found["eco"] == pytest.approx(12.0)
    assert found["beyond_gep"] == pytest.approx(12.0)


def test_premium_inside_gep_is_not_added_again():
    found = brand(gep_priced_at="brand")
    assert found["eco"] == pytest.approx(12.0)
    assert found["beyond_gep"] == 0
    assert "不得重复相加" in "".join(found.notes)
    with pytest.raises(DataError, match="at which price GEP counts"):
        brand(gep_priced_at=None)
    with pytest.raises(TypeError):
        brand_premium(0.3, sales="1 亿元", eco_share=1, price_year=2019)


@pytest.mark.parametrize(("rate", "odd"), [(-0.51, True), (-0.5, False), (3, False), (3.01, True)])
def test_unusual_premiums_warn(rate, odd):
    assert ("the premium rate is unusual" in warned(brand(rate))) is odd


def test_impossible_premiums_are_refused():
    with pytest.raises(DataError) as error:
        brand(-1, sales="-1 亿元", eco_share=40)
    for part in ("not above -1", "the sales are negative", "looks like a percentage"):
        assert part in str(error.value)


def test_premium_rate_of_matched_pairs_with_its_t_interval():
    pairs = [(12, 10), (27, 20), (13, 10), (28, 20), (6.2, 5)]
    logs = [math.log(b / r) for b, r in pairs]
    low, high = stats.t.interval(0.95, 4, loc=sum(logs) / 5, scale=stats.sem(logs))
    found = premium_rate(pairs, confidence=0.95)
    assert float(found) == pytest.approx(math.exp(sum(logs) / 5) - 1)
    assert found["low"] == pytest.approx(math.exp(low) - 1)
    assert found["high"] == pytest.approx(math.exp(high) - 1)
    assert "t interval" in "".join(found.notes)
    assert float(brand(found)) == pytest.approx(130 * float(found) / (1 + float(found)))


def test_few_pairs_bring_an_interval_only():
    found = premium_rate([(13, 10), (12, 10), (14, 10), (13, 10)], confidence=0.9)
    assert found.value is None
    assert found.undetermined == ("4 pairs of prices, 5 are needed",)
    assert found["low"] < 0.3 < found["high"]
    value = brand(found)
    assert value.value is None
    assert value["low"] == pytest.approx(130 * found["low"] / (1 + found["low"]))
    assert value["low"] < 30 < value["high"]
    alone = premium_rate([(13, 10)], confidence=0.9)
    assert (alone["low"], alone["high"]) == (None, None)
    assert brand(alone)["high"] is None


def test_prices_with_units_and_wrong_pairs():
    same = [("13 元/kg", "10000 元/t")] * 5
    assert float(premium_rate(same, confidence=0.95)) == pytest.approx(0.3)
    with pytest.raises(DataError) as error:
        premium_rate([(13, 0), (1, "2 元/kg"), (1, 2, 3)], confidence=95)
    for part in ("pair 1, reference: the price is not positive", "pair 2: this is not a pair",
                 "pair 3: this is not a pair", "confidence: the rate looks like"):  # fmt: skip
        assert part in str(error.value)
    with pytest.raises(DataError, match="there is no pair of prices"):
        premium_rate([], confidence=0.95)


@given(st.floats(-0.4, 2.9), st.floats(1, 1e6))
def test_sales_without_the_premium_are_the_reference(rate, sales):
    assume(abs(rate) > 1e-6)
    found = brand(rate, sales=(sales, "亿元"))
    assert (sales - float(found)) * (1 + rate) == pytest.approx(sales)


def test_a_narrower_confidence_is_a_narrower_interval():
    pairs = [(12, 10), (14, 10), (13, 10), (15, 10), (11, 10)]
    spans = []
    for level in (0.5, 0.9, 0.99):
        found = premium_rate(pairs, confidence=level)
        spans.append(found["high"] - found["low"])
    assert all(a < b for a, b in pairwise(spans))
