"""Approaches side by side, comparable sales, and what packaging adds."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.realization.approaches import Holding, market_comparison, reconcile, shapley, uplift
from gep.realization.contracts import yearly
from gep.realization.valuation import Contract
from gep.realization.vep import gep_based, market

TERMS = {"rate": 0.05, "rate_basis": "nominal", "price_year": 2023}


def worth(amount="100 元/yr", years=30):
    flows = [yearly(amount, timing="arrears", basis="nominal")]
    return Contract(flows=flows, years=years, right_years=years).worth(**TERMS)


# ---------------------------------------------------------------------------------- reconcile


def test_side_by_side_has_no_mean_without_weights():
    found = reconcile(
        {"income": worth().cash_value, "market": "1500 元", "cost": "0.18 万元"},
        spread_limit=0.3,
        price_year=2023,
    )
    assert found.value == pytest.approx({"income": 1537.245103, "market": 1500, "cost": 1800})
    assert found["spread"] == pytest.approx(300 / ((1537.245103 + 1500 + 1800) / 3))
    assert not found.warnings
    with pytest.raises(DataError, match="value for each member"):
        float(found)
    with pytest.raises(DataError, match="no line 'mean'"):
        found["mean"]


def test_mean_by_weights():
    both = {"income": "120 元", "market": "100 元"}
    found = reconcile(
        both, spread_limit=0.3, price_year=2020, weights={"income": 0.75, "market": 0.25}
    )
    assert found.value == pytest.approx(115)
    assert found["values"] == {"income": 120, "market": 100}


def test_a_wide_spread_is_named():
    found = reconcile({"a": "100 元", "b": "140 元"}, spread_limit=0.3, price_year=2020)
    assert found["spread"] == pytest.approx(40 / 120)
    assert "the approaches lie far apart" in found.warnings[0].what
    assert "0.3333" in found.warnings[0].found
    loss = reconcile({"a": "-10 元", "b": "140 元"}, spread_limit=0.3, price_year=2020)
    assert "not above zero" in loss.warnings[0].what


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"a": 0.5, "b": 0.4}, "do not add up to 1"),
        ({"a": 1}, "every approach has one weight"),
        ({"a": 0.5, "c": 0.5}, "every approach has one weight"),
        ({"a": 1.5, "b": -0.5}, "a weight is a number from 0 on"),
        ({"a": math.nan, "b": 1}, "a weight is a number from 0 on"),
        ({"a": 50, "b": 50}, "do not add up to 1"),
    ],
)
def test_weights_that_are_none(weights, said):
    with pytest.raises(DataError, match=said):
        reconcile({"a": "1 元", "b": "2 元"}, spread_limit=9, price_year=2020, weights=weights)


def test_what_cannot_be_set_side_by_side():
    with pytest.raises(DataError, match="needs two approaches"):
        reconcile({"a": "1 元"}, spread_limit=1, price_year=2020)
    with pytest.raises(DataError, match="the price year differs"):
        reconcile({"a": worth().cash_value, "b": "1 元"}, spread_limit=1, price_year=2020)
    with pytest.raises(DataError, match="a valuation has two numbers"):
        reconcile({"a": worth(), "b": "1 元"}, spread_limit=1, price_year=2023)
    with pytest.raises(DataError, match="the approach is undetermined"):
        reconcile({"a": worth().service_value, "b": "1 元"}, spread_limit=1, price_year=2023)
    with pytest.raises(DataError, match="does not fit"):
        reconcile({"a": "1 元/亩", "b": "1 元"}, spread_limit=1, price_year=2020)
    with pytest.raises(DataError, match="limit of the spread"):
        reconcile({"a": "1 元", "b": "1 元"}, spread_limit=0, price_year=2020)


def test_definitions_of_vep_have_no_mean():
    income = Contract(
        flows=[yearly("100 元/yr", timing="arrears", basis="nominal")], years=9, right_years=9
    )
    a = market(income, capex=[], **TERMS)["vep"]
    account = gep_based({"w": ("10 m³/yr", "8 元/m³")}, price_year=2023)["vep"]
    other = replace(account, unit="元")  # as if it were a stock
    both = {"market": a, "account": other}
    assert set(reconcile(both, spread_limit=9, price_year=2023).value) == {"market", "account"}
    half = {"market": 0.5, "account": 0.5}
    with pytest.raises(DataError, match="definitions that exclude each other have no mean"):
        reconcile(both, spread_limit=9, price_year=2023, weights=half)


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=5), st.randoms())
def test_a_mean_lies_between_the_approaches(values, random):
    names = [f"m{n}" for n in range(len(values))]
    raw = [random.random() + 0.01 for _ in values]
    weights = {name: w / sum(raw) for name, w in zip(names, raw, strict=True)}
    given_ = {name: (v, "元") for name, v in zip(names, values, strict=True)}
    found = reconcile(given_, spread_limit=99, price_year=2020, weights=weights).value
    assert min(values) * (1 - 1e-9) <= found <= max(values) * (1 + 1e-9)


# --------------------------------------------------------------------------- market comparison

SALES = {
    "a": ("1000 元/亩", {"site": 1.1, "access": 0.9, "index": 1.02}),
    "b": ("1200 元/亩", {"site": 1.0, "access": 1.0, "index": 1.0}),
    "c": ("15000 元/ha", {"site": 1.2, "access": 1.0, "index": 1.1}),
}


def test_comparable_sales_by_hand():
    # 1000·1.1·0.9·1.02 = 1009.8; 1200; 1000·1.2·1.1 = 1320
    found = market_comparison(SALES, weights="equal", price_year=2023)
    assert found["adjusted"] == pytest.approx({"a": 1009.8, "b": 1200, "c": 1320})
    assert found.value == pytest.approx((1009.8 + 1200 + 1320) / 3)
    assert (found["lowest"], found["highest"]) == pytest.approx((1009.8, 1320))
    weighted = market_comparison(SALES, weights={"a": 0.5, "b": 0.3, "c": 0.2}, price_year=2023)
    assert weighted.value == pytest.approx(0.5 * 1009.8 + 0.3 * 1200 + 0.2 * 1320)
    assert found.inputs["site"].value == {"a": 1.1, "b": 1.0, "c": 1.2}


def test_sales_that_do_not_do():
    def refused(change, said, weights="equal"):
        with pytest.raises(DataError, match=said):
            market_comparison({**SALES, **change}, weights=weights, price_year=2023)

    two = {name: SALES[name] for name in ("a", "b")}
    with pytest.raises(DataError, match="needs at least 3 sales"):
        market_comparison(two, weights="equal", price_year=2023)
    refused({"c": ("1 元/亩", {"site": 1, "index": 1})}, "the factor 'access' is missing")
    refused({"c": ("1 元/亩", {"site": 0, "access": 1, "index": 1})}, "'site' is not above zero")
    refused({"c": ("0 元/亩", {"site": 1, "access": 1, "index": 1})}, "a price is above zero")
    refused({"c": ("9 元", {"site": 1, "access": 1, "index": 1})}, "does not fit")
    refused({}, "do not add up to 1", {"a": 1, "b": 1, "c": 1})
    with pytest.raises(TypeError, match="weights"):
        market_comparison(SALES, price_year=2023)


# ---------------------------------------------------------------------------------- packaging


def holding(rent, years, scale=1.0, quality=1.0, area="10 ha"):
    return Holding(area=area, rent=f"{rent} 元/(亩·yr)", years=years, scale=scale, quality=quality)


ALONE = {
    "p": holding(100, 24),
    "q": holding(80, 19, area="5 ha"),
    "r": holding(60, 22, area="5 ha"),
}
#: In the package every parcel is used for the shortest term, at one rent; timber + 25 % is what an
#: intensive operation claims (tech.jiangsulong.com/a/2019/0307/142306_5.html).
PACKED = {
    "p": holding(100, 19, 1.25, 1.1),
    "q": holding(100, 19, 1.25, 1.1, area="5 ha"),
    "r": holding(100, 19, 1.25, 1.1, area="5 ha"),
}
HOW = {"rate": 0.05, "timing": "arrears", "price_year": 2026}


def annuity(years):
    return sum(1.05**-t for t in range(1, years + 1))


def test_uplift_by_hand():
    found = uplift(ALONE, PACKED, **HOW)
    alone = 150 * 100 * annuity(24) + 75 * 80 * annuity(19) + 75 * 60 * annuity(22)
    packed = 300 * 100 * annuity(19) * 1.25 * 1.1
    assert found["V_alone"] == pytest.approx(alone)
    assert found["V_package"] == pytest.approx(packed)
    assert found.value == pytest.approx(packed - alone)
    effects = [found[name] for name in ("rent", "term", "scale", "quality")]
    assert sum(effects) == pytest.approx(found.value, rel=1e-12)
    assert effects[0] > 0 > effects[1]
    assert found["scale"] > found["quality"] > 0
    assert not found.warnings


def test_one_change_takes_all_of_the_uplift():
    for name, value in (
        ("rent", "200 元/(亩·yr)"),
        ("years", 40),
        ("scale", 2.0),
        ("quality", 2.0),
    ):
        packed = {"p": replace(ALONE["p"], **{name: value})}
        found = uplift({"p": ALONE["p"]}, packed, **HOW)
        effect = "term" if name == "years" else name
        assert found[effect] == pytest.approx(found.value)
        assert sum(abs(found[e]) for e in ("rent", "term", "scale", "quality")) == pytest.approx(
            abs(found.value)
        )


def test_a_negative_uplift_is_told_and_not_clipped():
    found = uplift(PACKED, ALONE, **HOW)
    assert found.value == pytest.approx(-uplift(ALONE, PACKED, **HOW).value)
    assert found.value < 0
    assert "worth less than its parcels" in found.warnings[0].what


def test_holdings_that_are_refused():
    def refused(packed, said):
        with pytest.raises(DataError, match=said):
            uplift({"p": ALONE["p"]}, packed, **HOW)

    refused({"x": ALONE["p"]}, "does not hold the same parcels")
    refused({"p": holding(100, 24, area="11 ha")}, "the area differs")
    refused({"p": holding(100, 0)}, "years is a whole number")
    refused({"p": holding(100, 24, scale=0)}, "the scale is not above zero")
    refused({"p": Holding(area="10 ha", rent="100 元/yr", years=24)}, "does not fit")
    with pytest.raises(DataError, match="the timing is not known"):
        uplift(ALONE, PACKED, rate=0.05, timing="", price_year=2026)


# ------------------------------------------------------------------------------------ shapley


def test_shapley_by_hand():
    # glove game: left hands a, b, right hand c: 1/6, 1/6, 2/3
    def pairs(done):
        return float("c" in done and bool({"a", "b"} & done))

    assert shapley(pairs, ["a", "b", "c"]) == pytest.approx({"a": 1 / 6, "b": 1 / 6, "c": 2 / 3})


@given(st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=8))
def test_shapley_is_exact_and_symmetric(values):
    names = ["x", "y", "z"]
    subsets = [frozenset(c) for n in range(4) for c in itertools.combinations(names, n)]
    worth_of = dict(zip(subsets, values, strict=True))
    parts = shapley(worth_of.__getitem__, names)
    whole = worth_of[frozenset(names)] - worth_of[frozenset()]
    assert sum(parts.values()) == pytest.approx(whole, abs=1e-9)
    assert shapley(worth_of.__getitem__, names[::-1]) == pytest.approx(parts, abs=1e-9)
    backward = shapley(lambda done: worth_of[frozenset(names) - done], names)
    assert backward == pytest.approx({name: -part for name, part in parts.items()}, abs=1e-9)
