"""The definitions of VEP: worked numbers, and that they are never mixed."""

from __future__ import annotations

import pytest

from gep.errors import DataError, GepError, UsageError
from gep.realization.contracts import MixedRealNominal, once, yearly
from gep.realization.valuation import Contract
from gep.realization.vep import (
    Change,
    MixedModes,
    delta,
    financed_share,
    gep_based,
    incremental,
    market,
    total,
    vep,
)

TERMS = {"rate": 0.05, "rate_basis": "nominal", "price_year": 2023, "money": "万元"}
WATER = Change(before="120 万m³/yr", after="138 万m³/yr", price="8 元/m³")
CARBON = Change(before="900 tCO2/yr", after="1150 tCO2/yr", price="0.06 万元/tCO2")
#: Synthetic: ΔV = 18 · 8 + 250 · 0.06 = 144 + 15 = 159 万元 a year.
PRODUCTS = {"water": WATER, "carbon": CARBON}


def flow(amount, **terms):
    return yearly(amount, **{"timing": "arrears", "basis": "nominal", **terms})


def operation(**terms):
    flows = [
        flow("-30 万元/yr", last=1),
        flow("120 万元/yr", first=2, last=2),
        flow("-60 万元/yr", first=2, last=2),
        flow("420 万元/yr", first=3),
        flow("-150 万元/yr", first=3),
    ]
    return Contract(**{"flows": flows, "years": 25, "right_years": 25, **terms})


CAPEX = [once("3880 万元", at=0, basis="nominal")]


def change(**more):
    return delta(PRODUCTS, base_year=2020, price_year=2020, money="万元/yr", **more)


# -------------------------------------------------------------------------------------- numbers


def test_market():
    """Synthetic: capex 3 880, net -30, 60, then 270 万元 to year 25, 5 %: 3 329 and -551 万元."""
    found = market(operation(), capex=CAPEX, **TERMS)
    assert found["vep"].value == pytest.approx(3329, abs=0.5)
    assert found["npv"].value == pytest.approx(-551, abs=0.5)
    assert found["npv"]["PV_capex"] == pytest.approx(3880)
    assert "does not earn what it costs" in found["npv"].warnings[-1].what
    assert found["npv"].inputs["capex_A1"].value == 3880
    assert "净现值" in found.text("zh")


def test_market_without_capex():
    found = market(operation(), capex=[], **TERMS)
    assert found["npv"].value == found["vep"].value


def test_change_at_constant_prices():
    found = change()
    assert found["constant_price"].value == pytest.approx(159)
    assert found["constant_price"]["changes"] == pytest.approx({"water": 144, "carbon": 15})
    assert found["constant_price"].price_year == 2020
    assert found["current_price"].value is None
    assert found["current_price"].undetermined == (
        "price_after of water",
        "price_after of carbon",
    )


def test_change_at_current_prices():
    later = {
        "water": Change(
            before="120 万m³/yr", after="138 万m³/yr", price="8 元/m³", price_after="9 元/m³"
        ),
        "carbon": Change(
            before="900 tCO2/yr",
            after="1150 tCO2/yr",
            price="600 元/tCO2",
            price_after="800 元/tCO2",
        ),
    }
    found = delta(later, base_year=2020, price_year=2020, money="万元/yr")
    # 138·9 - 120·8 = 282; 1150·0.08 - 900·0.06 = 38
    assert found["current_price"].value == pytest.approx(320)
    assert found["constant_price"].value == pytest.approx(159)
    with pytest.raises(UsageError, match="several numbers"):
        float(found)


def test_by_account():
    products = {"water": ("120 万m³/yr", "8 元/m³"), "carbon": ((900, "tCO2/yr"), "600 元/tCO2")}
    found = gep_based(products, price_year=2020, money="万元/yr")
    assert float(found) == pytest.approx(960 + 54)
    assert found["vep"]["values"] == pytest.approx({"water": 960, "carbon": 54})


def test_the_change_is_the_difference_of_two_accounts():
    before = gep_based({n: (p.before, p.price) for n, p in PRODUCTS.items()}, price_year=2020)
    after = gep_based({n: (p.after, p.price) for n, p in PRODUCTS.items()}, price_year=2020)
    assert float(after) - float(before) == pytest.approx(change()["constant_price"].to("元/yr"))


def test_increments_undiscounted_and_discounted():
    terms = {"rate": 0.05, "rate_basis": "real", "timing": "arrears", "price_year": 2020}
    found = incremental([change()] * 20, right_years=30, money="万元", **terms)
    assert found["undiscounted"].value == pytest.approx(159 * 20)
    assert found["discounted"].value == pytest.approx(159 * (1 - 1.05**-20) / 0.05)
    ramp = incremental(["10 万元/yr", "20 万元/yr"], right_years=2, money="万元", **terms)
    assert ramp["undiscounted"].value == pytest.approx(30)
    assert ramp["discounted"].value == pytest.approx(10 / 1.05 + 20 / 1.05**2)


def test_a_deflator_brings_prices_to_the_base_year():
    found = delta(
        PRODUCTS, base_year=2020, price_year=2023, index={2020: 100, 2023: 106}, money="万元/yr"
    )
    assert found["constant_price"].value == pytest.approx(159 / 1.06)
    assert found["constant_price"].price_year == 2020
    assert found["constant_price"].inputs["deflator"].value == pytest.approx(1 / 1.06)
    shipped = delta(PRODUCTS, base_year=2015, price_year=2020, index="cn_cpi", money="万元/yr")
    assert 0.8 * 159 < shipped["constant_price"].value < 159


def test_share_of_the_investment():
    """祁门 (ahchanye.com/zixun/33919.html): 3.1 of 3.88 亿元, 79.9 %."""
    assert financed_share(loan="3.1 亿元", investment="3.88 亿元").value == pytest.approx(
        0.799, abs=5e-4
    )
    over = financed_share(loan="4 亿元", investment="30000 万元")
    assert "greater than the investment" in over.warnings[0].what
    with pytest.raises(DataError, match="not above zero"):
        financed_share(loan="3 亿元", investment="0 元")


# -------------------------------------------------------------------------------- never mixed


def test_the_method_is_named():
    with pytest.raises(UsageError, match="the method is missing"):
        vep()
    with pytest.raises(UsageError, match="there is no method 'gep'"):
        vep("gep")
    assert vep("market", operation(), capex=CAPEX, **TERMS).mode == "market"


def test_definitions_are_never_added():
    a = market(operation(), capex=CAPEX, **TERMS)
    b = gep_based({"water": ("120 万m³/yr", "8 元/m³")}, price_year=2023)
    for wrong in (lambda: a + b, lambda: total([a, b]), lambda: change() + b):
        with pytest.raises(MixedModes, match="never added"):
            wrong()
    assert issubclass(MixedModes, GepError)
    with pytest.raises(DataError, match="only values by a definition"):
        b + 5
    with pytest.raises(DataError, match="only values by a definition"):
        total([])


def test_projects_by_one_definition_add_up():
    a = gep_based({"water": ("120 万m³/yr", "8 元/m³")}, price_year=2023)
    b = gep_based({"water": ("10 万m³/yr", "8 元/m³")}, price_year=2023, money="万元/yr")
    assert float(a + b) == pytest.approx(130e4 * 8)
    other_year = gep_based({"water": ("1 m³/yr", "8 元/m³")}, price_year=2020)
    with pytest.raises(DataError, match="the price years differ"):
        a + other_year
    both = change() + change()
    assert both["constant_price"].value == pytest.approx(318)
    assert both["current_price"].value is None


def test_an_unknown_result_is_named():
    with pytest.raises(UsageError, match="has no 'npv'"):
        change()["npv"]


# ---------------------------------------------------------------------------------- bad input


def test_base_year_without_a_deflator():
    with pytest.raises(DataError, match="the base year is not the price year"):
        delta(PRODUCTS, base_year=2020, price_year=2023)
    with pytest.raises(DataError, match="the price index has no level of 2023"):
        delta(PRODUCTS, base_year=2020, price_year=2023, index={2020: 100})


def test_the_right_limits_the_horizon():
    with pytest.raises(DataError, match="not known how long the right lasts"):
        market(operation(right_years=None), capex=[], **TERMS)
    for policy in ("refuse", "clip"):
        with pytest.raises(DataError, match="the contract outlives the right"):
            market(operation(right_years=20, beyond=policy), capex=[], **TERMS)
    terms = {"rate": 0.05, "rate_basis": "real", "timing": "arrears", "price_year": 2020}
    with pytest.raises(DataError, match="the contract outlives the right"):
        incremental(["1 元/yr"] * 31, right_years=30, **terms)


def test_market_counts_cash_only():
    with pytest.raises(DataError, match="a service that nobody pays for is no market value"):
        market(operation(flows=[flow("1 元/yr", service="water")]), capex=[], **TERMS)
    with pytest.raises(DataError, match="a positive amount"):
        market(operation(), capex=[once("-1 元", at=0, basis="nominal")], **TERMS)
    with pytest.raises(MixedRealNominal):
        market(operation(), capex=[once("1 元", at=0, basis="real")], **TERMS)


def test_increments_want_a_real_rate():
    with pytest.raises(MixedRealNominal, match="a real flow meets a nominal rate"):
        incremental(
            ["1 元/yr"],
            right_years=3,
            rate=0.05,
            rate_basis="nominal",
            timing="arrears",
            price_year=2020,
        )
    with pytest.raises(DataError, match="there are no changes"):
        incremental(
            [], right_years=3, rate=0.05, rate_basis="real", timing="arrears", price_year=2020
        )


@pytest.mark.parametrize(
    ("quantity", "price", "said"),
    [
        ("120", "8 元/m³", "the quantity has no unit"),
        (120, "8 元/m³", "the quantity has no unit"),
        ("120 m³/yr", "8 元/t", "does not fit"),
        ("120 tC/yr", "8 元/tCO2", "does not fit"),
        ("120 m³", "8 元/m³", "does not fit"),
        ("120 m³/yr", "-8 元/m³", "the price is below zero"),
        ("120 m³/yr", 8, "the amount has no unit"),
        ("120 buckets/yr", "8 元/m³", "the quantity has no known unit"),
    ],
)
def test_products_that_are_refused(quantity, price, said):
    with pytest.raises(DataError, match=said):
        gep_based({"water": (quantity, price)}, price_year=2020)


def test_a_loss_of_quantity_is_a_negative_change():
    less = Change(before="138 万m³/yr", after="120 万m³/yr", price="8 元/m³")
    found = delta({"water": less}, base_year=2020, price_year=2020, money="万元/yr")
    assert found["constant_price"].value == pytest.approx(-144)


def test_more_that_is_refused_or_told():
    with pytest.raises(DataError, match="there are no products"):
        gep_based({}, price_year=2020)
    with pytest.raises(DataError, match="there are no products"):
        delta({}, base_year=2020, price_year=2020)
    source = gep_based({"carbon": ("-5 tCO2/yr", "60 元/tCO2")}, price_year=2020)
    assert float(source) == pytest.approx(-300)
    assert "below zero" in source["vep"].warnings[0].what
    # a result of one calculation is the quantity of another
    area = financed_share(loan="1 元", investment="2 元")
    with pytest.raises(DataError, match="the quantity has no unit"):
        gep_based({"x": (area, "1 元/yr")}, price_year=2020)
    assert "VEP by the account of the area" in repr(source)
