"""The pair of values, the right's term, double counting, sensitivity; articles 40 to 42."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError, GepError, UsageError
from gep.realization import rule
from gep.realization.contracts import MixedRealNominal, discount, once, yearly
from gep.realization.valuation import Contract, DoubleCounting, Steps, sensitivity
from gep.tables import Title

TERMS = {"rate": 0.05, "rate_basis": "nominal", "price_year": 2023}
STEPS = Steps(rate=0.01, years=5, flow=0.2)


def flow(amount, **terms):
    return yearly(amount, **{"timing": "arrears", "basis": "nominal", **terms})


def forest(**terms):
    """A synthetic forest: a carbon sale, a rent, and three services."""
    flows = [
        flow("10 元/yr", title=Title("Carbon sale", "碳汇收入"), backed_by=["carbon"]),
        flow("5 元/yr", title=Title("Rent", "租金"), backed_by=[]),
        flow("10 元/yr", service="carbon"),
        flow("30 元/yr", service="water"),
        flow("20 元/yr", service="soil"),
    ]
    return Contract(flows=flows, years=10, **terms)


FACTOR = sum(1.05**-t for t in range(1, 11))


# -------------------------------------------------------------- articles 40 to 42 as rule files


def land(name, **given):
    return rule(f"forest_appraisal_1996/{name}")(price_year=2020, **given)


def test_article_40_and_42():
    """R = 37.7, P = 5 % (synthetic): 754.0 for ever, 579.5 for 30 years, 76.9 %."""
    forever = land("land_perpetual", land_rent="37.7 元/(亩·yr)", rate_of_return="5 %")
    assert forever.value == pytest.approx(754.0)
    assert forever.unit == "元/亩"
    assert forever.document == "国资办发〔1996〕59号"
    term = land("land_term", B_u=forever, rate_of_return=0.05, n="30 yr")
    assert term.value == pytest.approx(579.5, abs=0.05)
    assert term["s"] == pytest.approx(0.769, abs=5e-4)
    annuity = Contract(flows=[flow("37.7 元/(亩·yr)")], years=30).worth(money="元/亩", **TERMS)
    assert annuity.cash_value.value == pytest.approx(term.value, rel=1e-12)


def test_article_41():
    """A = 1 200, n = 3, M = (100, 50, 50), P = 4 % (synthetic): 1 568.40."""
    years = {"1": "1 yr", "2": "2 yr", "3": "3 yr"}
    costs = ({"1": 100, "2": 50, "3": 50}, "元/亩")
    found = land("land_cost", A="1200 元/亩", M=costs, i=years, n="3 yr", P=0.04)
    assert found.value == pytest.approx(1568.40, abs=0.005)
    # interest from the beginning of the year of each cost
    assert found["B_M"] == pytest.approx({"1": 112.4864, "2": 54.08, "3": 52.0})


def test_for_ever_at_a_rate_of_zero_is_refused():
    with pytest.raises(DataError, match="A rent for ever has no value at a rate of zero"):
        land("land_perpetual", land_rent="37.7 元/(亩·yr)", rate_of_return=0)
    with pytest.raises(DataError, match="looks like a percentage"):
        land("land_perpetual", land_rent="37.7 元/(亩·yr)", rate_of_return=5)
    with pytest.raises(DataError, match="A cost lies after the valuation"):
        land("land_cost", A="0 元/亩", M={"x": "1 元/亩"}, i={"x": "3 yr"}, n="1 yr", P=0.04)


@pytest.mark.parametrize(
    ("group", "suits"),
    [
        ("young", {"stand_cost"}),
        ("middle", {"stand_harvest"}),
        ("near_mature", {"stand_harvest"}),
        ("mature", {"stand_stumpage"}),
        ("over_mature", {"stand_stumpage"}),
    ],
)
def test_methods_by_age_group(group, suits):
    """Which method suits which stand (jyslpg.com/zhengcefagui/303.html)."""
    year = {"C": {"a": "100 元/亩"}, "i": {"a": "1 yr"}, "n": "1 yr", "P": 0.1, "K": 1}
    yields = {"D": {"a": "0 元/亩"}, "t": {"a": "2 yr"}, "A_u": "1000 元/亩", "u": "3 yr"}
    given = {
        "stand_cost": year,
        "stand_harvest": {**year, **yields},
        "stand_stumpage": {"W": "900 元/亩", "C": "300 元/亩", "F": "100 元/亩"},
    }
    expected = {
        "stand_cost": 110.0,
        "stand_harvest": 1000 / 1.21 - 100 / 1.1,
        "stand_stumpage": 500,
    }
    for name, inputs in given.items():
        found = land(name, members={"age_group": [group]}, **inputs)
        assert found.value == pytest.approx(expected[name])
        assert found.verified == "recalled"
        warned = [p for p in found.warnings if p.where.endswith(", ok")]
        assert bool(warned) == (name not in suits), name


def test_an_unknown_age_group_is_refused():
    with pytest.raises(DataError, match="age_group 'old' is unknown"):
        land(
            "stand_stumpage", W="9 元/亩", C="3 元/亩", F="1 元/亩", members={"age_group": ["old"]}
        )


# ------------------------------------------------------------------------------------- the pair


def test_two_numbers():
    worth = forest().worth(**TERMS)
    assert worth.cash_value.value == pytest.approx(15 * FACTOR)
    assert worth.service_value.value == pytest.approx(60 * FACTOR)
    assert worth.cash_value["undiscounted"] == 150
    assert worth.service_value["undiscounted"] == 600
    assert worth.cash_value.price_year == 2023
    assert len(worth.frame("en")) == 50
    assert worth.frame()["present_value"].sum() == pytest.approx(75 * FACTOR)
    assert "现金价值" in worth.text("zh")
    assert "Two numbers: they are not added" in repr(worth)


def test_what_has_no_flows_is_not_zero():
    worth = Contract(flows=[flow("1 元/yr")], years=5).worth(**TERMS)
    assert worth.service_value.value is None
    with pytest.raises(DataError, match="not known: service flows"):
        float(worth.service_value)


def test_the_pair_is_not_added():
    worth = forest().worth(**TERMS)
    for wrong in (
        lambda: worth + worth,
        lambda: 1 + worth,
        lambda: sum([worth]),
        lambda: float(worth),
    ):
        with pytest.raises(DoubleCounting):
            wrong()
    assert issubclass(DoubleCounting, GepError)


def test_a_service_that_is_paid_for_counts_once():
    worth = forest().worth(**TERMS)
    found = worth.total(monetised=["carbon"])
    assert found.value == pytest.approx((15 + 50) * FACTOR)
    assert found["services"] == pytest.approx(50 * FACTOR)
    assert "carbon" in found.notes[-1]
    assert worth.without(["carbon"]).services == ("water", "soil")
    assert worth.service_value.value == pytest.approx(60 * FACTOR)  # the pair itself is unchanged


def test_double_counting_is_refused():
    worth = forest().worth(**TERMS)
    with pytest.raises(DoubleCounting, match="carbon is in the cash and in the non-market part"):
        worth.total(monetised=[])
    with pytest.raises(DoubleCounting, match="carbon is in the cash"):
        worth.total(monetised=["water"])
    with pytest.raises(UsageError, match="no service 'fish'"):
        worth.total(monetised=["fish"])
    with pytest.raises(TypeError, match="monetised"):
        worth.total()


def test_cash_of_unknown_backing_is_not_added():
    flows = [flow("10 元/yr"), flow("30 元/yr", service="water")]
    worth = Contract(flows=flows, years=10).worth(**TERMS)
    with pytest.raises(DoubleCounting, match="not known what the cash pays for"):
        worth.total(monetised=[])


def test_all_services_may_be_paid_for():
    flows = [flow("10 元/yr", backed_by=["water"]), flow("30 元/yr", service="water")]
    worth = Contract(flows=flows, years=10).worth(**TERMS)
    assert worth.total(monetised=["water"]).value == pytest.approx(10 * FACTOR)


# -------------------------------------------------------------------------------- what is refused


def test_real_and_nominal_are_not_mixed():
    real = flow("1 元/yr", basis="real")
    contract = Contract(flows=[real, flow("1 元/yr")], years=5)
    for basis in ("real", "nominal"):
        with pytest.raises(MixedRealNominal, match=f"meets a {basis} rate") as caught:
            contract.worth(rate=0.05, rate_basis=basis, price_year=2023)
        assert len(caught.value.problems) == 1
    assert issubclass(MixedRealNominal, GepError)
    with pytest.raises(DataError, match="basis of the rate is not known"):
        contract.worth(rate=0.05, rate_basis="", price_year=2023)


def test_a_negative_rate_is_real():
    contract = Contract(flows=[flow("1 元/yr", basis="real")], years=2)
    worth = contract.worth(rate=-0.5, rate_basis="real", price_year=2023)
    assert worth.cash_value.value == pytest.approx(6)
    with pytest.raises(DataError, match="the rate is negative"):
        Contract(flows=[flow("1 元/yr")], years=2).worth(
            rate=-0.5, rate_basis="nominal", price_year=2023
        )


def test_a_contract_that_outlives_the_right():
    flows = [flow("1 元/yr"), once("9 元", at="end", basis="nominal")]
    long = Contract(flows=flows, years=30, right_years=25)
    with pytest.raises(DataError, match="the contract outlives the right") as caught:
        long.worth(**TERMS)
    assert "the contract has 30 years, the right has 25 left" in str(caught.value)
    clipped = (
        Contract(flows=flows, years=30, right_years=25, beyond="clip").worth(**TERMS).cash_value
    )
    assert clipped["undiscounted"] == 25  # what would be paid in year 30 is lost
    said = [problem.what for problem in clipped.warnings]
    assert said == [
        "the contract outlives the right",
        "it falls after the end of the right and does not count",
    ]
    forever = Contract(flows=[flow("1 元/yr")], years="forever", right_years=25, beyond="clip")
    assert forever.worth(**TERMS).cash_value["undiscounted"] == 25
    advance = Contract(
        flows=[flow("1 元/yr", timing="advance")], years=30, right_years=25, beyond="clip"
    )
    assert advance.worth(**TERMS).cash_value["undiscounted"] == 25


def test_the_right_is_compared_or_that_is_said():
    same = Contract(flows=[flow("1 元/yr")], years=25, right_years=25).worth(**TERMS)
    assert not same.cash_value.warnings
    assert not same.cash_value.notes
    unknown = Contract(flows=[flow("1 元/yr")], years=25).worth(**TERMS)
    assert "not compared" in unknown.cash_value.notes[0]


def test_losses_are_flagged_and_counted():
    flows = [flow("-3 元/yr", last=2), flow("5 元/yr", first=3)]
    found = Contract(flows=flows, years=3, right_years=3).worth(**TERMS).cash_value
    assert found.value == pytest.approx(-3 / 1.05 - 3 / 1.05**2 + 5 / 1.05**3)
    assert [p.where for p in found.warnings] == ["flow 1 (Yearly amount)"]
    assert "a cost or a loss" in found.warnings[0].what


@pytest.mark.parametrize("years", [0, -1, 2.5, True, 10**9, None, "long"])
def test_years_are_whole(years):
    with pytest.raises(DataError, match="years is a whole number from 1 to 1000"):
        Contract(flows=[flow("1 元/yr")], years=years).worth(**TERMS)


def test_other_things_that_are_refused():
    with pytest.raises(DataError, match="the contract has no flows"):
        Contract(flows=[], years=1).worth(**TERMS)
    with pytest.raises(DataError, match="no money"):
        Contract(flows=[flow("1 元/yr")], years=1).worth(money="ha", **TERMS)
    with pytest.raises(DataError, match="beyond is 'refuse' or 'clip'"):
        Contract(flows=[flow("1 元/yr")], years=1, beyond="ignore").worth(**TERMS)


@given(
    st.floats(0, 0.2),
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 20)), min_size=1, max_size=6),
)
def test_value_is_the_sum_of_discounted_payments(rate, payments):
    flows = [once((amount, "元"), at=at, basis="nominal") for amount, at in payments]
    found = Contract(flows=flows, years=20).worth(rate=rate, rate_basis="nominal", price_year=2020)
    plain = math.fsum(amount / (1 + rate) ** at for amount, at in payments)
    assert found.cash_value.value == pytest.approx(plain, rel=1e-9, abs=1e-6)


# --------------------------------------------------------------------------------- sensitivity


def test_sensitivity_by_hand():
    contract = Contract(flows=[flow("100 元/yr")], years=30, right_years=40)
    table = sensitivity(contract, steps=STEPS, **TERMS).table.set_index("moved")

    def pv(rate, years):
        return 100 * sum((1 + rate) ** -t for t in range(1, years + 1))

    assert list(table.index) == ["flows", "rate", "years"]  # by swing
    assert table.loc["rate", ["low", "high"]].tolist() == pytest.approx(
        [pv(0.04, 30), pv(0.06, 30)]
    )
    assert table.loc["years", ["low", "high"]].tolist() == pytest.approx(
        [pv(0.05, 25), pv(0.05, 35)]
    )
    base = pv(0.05, 30)
    assert table.loc["flows", ["low", "base", "high"]].tolist() == pytest.approx(
        [0.8 * base, base, 1.2 * base]
    )
    assert table["swing"].tolist() == sorted(table["swing"], reverse=True)
    assert table.loc["rate", ["low_at", "high_at"]].tolist() == pytest.approx([0.04, 0.06])


def test_sensitivity_speaks_of_both_values_and_every_flow():
    found = sensitivity(forest(), steps=STEPS, **TERMS)
    table = found.table
    assert set(table["kind"]) == {"cash", "service"}
    own = table[(table["kind"] == "cash") & table["moved"].str.contains("元|Carbon|Rent")]
    whole = table[(table["kind"] == "cash") & (table["moved"] == "flows")]["swing"].item()
    assert own["swing"].sum() == pytest.approx(whole)
    assert "折现率" in found.text("zh")
    assert "discount rate" in found.text("en")
    assert list(found.frame("zh").columns)[:2] == ["类别", "变动因素"]


def test_what_cannot_be_moved_is_missing_and_says_why():
    contract = Contract(flows=[flow("100 元/yr")], years=4, right_years=4)
    table = sensitivity(contract, steps=STEPS, **TERMS).table.set_index("moved")
    assert table.loc["years", ["low", "high", "swing"]].isna().all()
    assert "-1: " in table.loc["years", "note"]
    assert "9: the contract outlives the right" in table.loc["years", "note"]
    forever = Contract(flows=[flow("100 元/yr")], years="forever")
    low = sensitivity(forever, rate=0.01, rate_basis="nominal", price_year=2020, steps=STEPS)
    rows = low.table.set_index("moved")
    assert "years" not in rows.index
    assert "only at a rate above its growth" in rows.loc["rate", "note"]
    assert rows.loc["rate", "high"] == pytest.approx(5000)


def test_the_end_moves_with_the_term_and_fixed_years_do_not():
    flows = [
        once("100 元", at="end", basis="nominal"),
        flow("1 元/yr", last=8),
        once("5 元", at=9, basis="nominal"),
    ]
    table = sensitivity(Contract(flows=flows, years=10), steps=STEPS, **TERMS).table
    row = table.set_index("moved").loc["years"]
    assert row["low"] == pytest.approx(100 / 1.05**5 + sum(1.05**-t for t in range(1, 6)))
    assert row["high"] == pytest.approx(
        100 / 1.05**15 + sum(1.05**-t for t in range(1, 9)) + 5 / 1.05**9
    )


def test_a_schedule_moves_as_a_whole():
    by = discount([(5, 0.05), (None, 0.03)])
    contract = Contract(flows=[flow("100 元/yr")], years=30)
    row = (
        sensitivity(contract, rate=by, rate_basis="nominal", price_year=2020, steps=STEPS)
        .table.set_index("moved")
        .loc["rate"]
    )
    assert row["low"] == pytest.approx(100 * by.shifted(-0.01).annuity(30, "arrears"))
    assert row["high_at"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    "steps",
    [
        Steps(rate=0, years=5, flow=0.2),
        Steps(rate=1, years=5, flow=0.2),
        Steps(rate=0.01, years=0, flow=0.2),
        Steps(rate=0.01, years=5, flow=20),
    ],
)
def test_steps_that_are_none(steps):
    with pytest.raises(DataError, match="a step"):
        sensitivity(forest(), steps=steps, **TERMS)
