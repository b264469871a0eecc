"""Travel cost and hedonic prices: known parameters come back, and the two values stay apart."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gep.errors import DataError, UsageError
from gep.formula import FormulaError, Meaning, check, evaluate
from gep.functions import FUNCTIONS, travel_cost
from gep.functions.travel_cost import hedonic_premium, travel_cost_surplus, zonal_travel_cost
from gep.units import unit

VISITS = [9000.0, 5200.0, 2100.0, 800.0]
PEOPLE = [50000.0, 60000.0, 80000.0, 100000.0]
COST = [60.0, 140.0, 250.0, 380.0]
ZONES = {"visits": VISITS, "population": PEOPLE, "cost": COST}
SLOPE = st.floats(-0.05, -1e-3)
INTERCEPT = st.floats(-6, 1)
COSTS = st.lists(st.integers(0, 500), min_size=3, max_size=12, unique=True)


# ------------------------------------------------------------------------------- in formulas


def test_surplus_by_hand():
    # cost 100, 200, 300; ln rate = -1, -2, -2.4: means 200 and -1.8
    # b = ((-100)(0.8) + 0 + 100 (-0.6))/20000 = -140/20000 = -0.007; 1/0.007 = 142.857143
    rate = np.exp([-1.0, -2.0, -2.4])
    cost = np.array([100.0, 200.0, 300.0])
    assert travel_cost_surplus(visit_rate=rate, cost=cost) == pytest.approx(142.857143, rel=1e-8)


@given(INTERCEPT, SLOPE, COSTS)
def test_known_slopes_come_back(intercept, slope, costs):
    cost = np.array(costs, dtype=float)
    rate = np.exp(intercept + slope * cost)
    assert travel_cost_surplus(visit_rate=rate, cost=cost) == pytest.approx(-1 / slope, rel=1e-6)


@given(st.floats(1e-6, 1e6))
def test_unit_of_the_population_does_not_matter(factor):
    rate, cost = np.array(VISITS) / PEOPLE, np.array(COST)
    one = travel_cost_surplus(visit_rate=rate, cost=cost)
    assert travel_cost_surplus(visit_rate=rate * factor, cost=cost) == pytest.approx(one)


def test_places_are_independent_and_missing_origins_stay_missing():
    cost = np.array([[50.0], [150.0], [300.0]])
    rate = np.exp(-np.array([0.01, 0.02, 0.01]) * cost)
    rate[1, 2] = np.nan
    expected = [100.0, 50.0, np.nan]
    np.testing.assert_allclose(travel_cost_surplus(visit_rate=rate, cost=cost), expected)
    # a cost without a trailing axis stands for all places
    np.testing.assert_allclose(travel_cost_surplus(visit_rate=rate, cost=cost[:, 0]), expected)
    np.testing.assert_allclose(
        travel_cost_surplus(visit_rate=rate[:, 0], cost=np.hstack([cost, 2 * cost])), [100, 200]
    )


@pytest.mark.parametrize(
    ("rate", "cost", "message"),
    [
        ([0.2, 0.1], [50, 90], "at least 3"),
        (0.2, 50, "at least 3"),
        ([0.2, 0.1, 0.05], [50, 90], "same origins, at least 3"),
        ([0.2, 0.1, 0.0], [50, 90, 150], "every origin has people and sends visits"),
        ([0.2, 0.1, -0.1], [50, 90, 150], "every origin has people and sends visits"),
        ([0.2, 0.1, np.inf], [50, 90, 150], "every origin has people and sends visits"),
        ([0.2, 0.1, 0.05], [50, 90, np.inf], "cost of a visit is finite"),
        ([0.2, 0.1, 0.05], [50, -90, 150], "cost of a visit is never below 0 CNY"),
        ([0.2, 0.1, 0.05], [50, 50, 50], "cost of a visit differs among the origins"),
        ([0.2, 0.1, 0.05], [0.1, 0.1, 0.1], "cost of a visit differs among the origins"),
        ([0.2, 0.1, 0.05], 50, "cost of a visit differs among the origins"),
        ([0.05, 0.1, 0.2], [50, 90, 150], "visits fall with the cost of coming"),
        ([0.1, 0.1, 0.1], [50, 90, 150], "visits fall with the cost of coming"),
    ],
)
def test_data_without_a_demand_are_refused(rate, cost, message):
    with pytest.raises(DataError, match=message):
        travel_cost_surplus(
            visit_rate=np.array(rate, dtype=float), cost=np.array(cost, dtype=float)
        )


def test_surplus_of_a_year_in_a_formula():
    env = {
        "N": Meaning(unit("人次/yr"), 1, "origin"),
        "P": Meaning(unit("人"), 1, "origin"),
        "c": Meaning(unit("CNY/人次"), 0, "origin"),
    }
    text = "total(N) * travel_cost_surplus(visit_rate = N / P, cost = c)"
    checked = check(text, env, FUNCTIONS, "", unit("CNY/yr"))
    assert (checked.meaning.degree, checked.meaning.axis) == (1, None)
    numbers = {"N": np.array(VISITS), "P": np.array(PEOPLE), "c": np.array(COST)}
    result = evaluate(checked.tree, numbers, FUNCTIONS)
    assert result == pytest.approx(zonal_travel_cost(**ZONES).consumer_surplus)
    with pytest.raises(FormulaError, match="人次"):
        check(text.replace("N / P", "c"), env, FUNCTIONS, "", unit("CNY/yr"))


# ------------------------------------------------------------------------------- zonal analysis


def test_zonal_analysis_by_hand():
    # population 1000, 1000, 2000; rates e^-1, e^-2, e^-2.4: visits 367.879441, 135.335283, 181.435907
    # b = -0.007 as above: residuals of -1.8 - 0.007 (c - 200): 0.1, -0.2, 0.1; s² = 0.06/1
    # error of b = sqrt(0.06/20000) = 0.001732051; t(0.975, 1) = 12.706205: ± 0.022007792
    # total 684.650631 visits: /0.007 = 97807.23; low end of b -0.029007792: 23602.30
    # spent: 36787.9441 + 27067.0566 + 54430.7720 = 118285.77
    visits = np.exp([-1.0, -2.0, -2.4]) * [1000, 1000, 2000]
    result = zonal_travel_cost(visits=visits, population=[1000, 1000, 2000], cost=[100, 200, 300])
    assert (result.form, result.n, result.confidence) == ("semi-log", 3, 0.95)
    assert result.slope == pytest.approx(-0.007)
    assert result.intercept == pytest.approx(-0.4)
    assert result.slope_interval == pytest.approx((-0.029007792, 0.015007792), rel=1e-6)
    assert result.r_squared == pytest.approx(1 - 0.06 / 1.04)
    assert result.expenditure == pytest.approx(118285.77, abs=0.01)
    assert result.consumer_surplus == pytest.approx(97807.23, abs=0.01)
    low, high = result.consumer_surplus_interval
    assert low == pytest.approx(23602.30, abs=0.01)
    assert high == math.inf  # three origins do not exclude that cost does not matter


def test_linear_form_by_hand():
    # rates 0.5, 0.3, 0.1 of 1000 people at 100, 200, 300: b = -0.002, no visits from 350 on
    # triangles: 500 (350 - 100)/2 + 300 (350 - 200)/2 + 100 (350 - 300)/2 = 62500 + 22500 + 2500
    result = zonal_travel_cost(
        visits=[500, 300, 100], population=[1000] * 3, cost=[100, 200, 300], form="linear"
    )
    assert -result.intercept / result.slope == pytest.approx(350)
    assert result.consumer_surplus == pytest.approx(87500)
    assert result.expenditure == pytest.approx(140000)


def test_linear_form_takes_origins_without_visits():
    result = zonal_travel_cost(
        visits=[500, 250, 0], population=[1000] * 3, cost=[100, 200, 300], form="linear"
    )
    assert result.consumer_surplus == pytest.approx(500 * 200 / 2 + 250 * 100 / 2)


@given(INTERCEPT, SLOPE, COSTS)
def test_known_parameters_come_back(intercept, slope, costs):
    cost = np.array(costs, dtype=float)
    people = np.linspace(1e4, 9e4, cost.size)
    visits = people * np.exp(intercept + slope * cost)
    result = zonal_travel_cost(visits=visits, population=people, cost=cost)
    assert result.slope == pytest.approx(slope, rel=1e-6)
    assert result.intercept == pytest.approx(intercept, abs=1e-6)
    assert result.consumer_surplus == pytest.approx(visits.sum() / -slope, rel=1e-6)
    assert result.expenditure == pytest.approx(float(visits @ cost))


def test_intervals_hold_what_they_promise():
    """Of 400 samples with known noise, about 90 % hold the true slope and the true surplus."""
    random = np.random.default_rng(11)
    cost, people = np.linspace(40, 400, 10), np.full(10, 5e4)
    held = 0
    for _ in range(400):
        rate = np.exp(-2 - 0.008 * cost + random.normal(0, 0.3, 10))
        result = zonal_travel_cost(
            visits=people * rate, population=people, cost=cost, confidence=0.9
        )
        low, high = result.slope_interval
        held += low <= -0.008 <= high
        least, most = result.consumer_surplus_interval
        per_visit = 125 * float(people @ rate)
        assert (low <= -0.008 <= high) == (least <= per_visit <= most)
    assert held / 400 == pytest.approx(0.9, abs=0.045)  # three standard errors of the share


@given(st.floats(1e-3, 1e3), st.sampled_from(["semi-log", "linear"]))
def test_values_do_not_depend_on_the_unit_of_the_population(factor, form):
    one = zonal_travel_cost(**ZONES, form=form)
    other = zonal_travel_cost(**ZONES | {"population": np.array(PEOPLE) * factor}, form=form)
    assert other.expenditure == one.expenditure
    assert other.consumer_surplus == pytest.approx(one.consumer_surplus)
    assert other.consumer_surplus_interval == pytest.approx(one.consumer_surplus_interval)
    assert other.r_squared == pytest.approx(one.r_squared)


@given(
    st.lists(st.floats(10, 1e5), min_size=4, max_size=4),
    st.floats(0, 1),
    st.sampled_from(["semi-log", "linear"]),
)
def test_expenditure_never_includes_surplus(visits, share, form):
    """It is visits times what was paid, whatever the demand looks like."""
    paid = np.array(COST) * share
    try:
        result = zonal_travel_cost(**ZONES | {"visits": visits}, paid=paid, form=form)
    except DataError as error:
        assume("visits fall with the cost" not in str(error))
        raise
    assert result.expenditure == pytest.approx(float(np.array(visits) @ paid))
    assert result.consumer_surplus > 0
    low, high = result.consumer_surplus_interval
    assert low <= result.consumer_surplus <= high


def test_intervals_agree_with_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    model = api.OLS(np.log(np.divide(VISITS, PEOPLE)), api.add_constant(COST)).fit()
    result = zonal_travel_cost(**ZONES, confidence=0.8)
    np.testing.assert_allclose([result.intercept, result.slope], model.params)
    np.testing.assert_allclose(result.slope_interval, model.conf_int(0.2)[1])
    assert result.r_squared == pytest.approx(model.rsquared)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({k: v[:2] for k, v in ZONES.items()}, "at least 3 observations"),
        ({"visits": [0, *VISITS[1:]]}, 'choose form="linear"'),
        ({"visits": [-1, *VISITS[1:]], "form": "linear"}, "visits is never below 0"),
        ({"population": [0, *PEOPLE[1:]]}, "population of an origin is above 0"),
        ({"cost": [-1, *COST[1:]]}, "cost of a visit is never below 0 CNY"),
        ({"cost": [60] * 4}, "cost of a visit differs"),
        ({"cost": COST[::-1]}, "visits fall with the cost of coming"),
        ({"paid": [61, *COST[1:]]}, "what is paid is a part of the cost"),
        ({"paid": [-1, *COST[1:]]}, "what is paid of the cost is never below 0"),
        ({"visits": [np.nan, *VISITS[1:]]}, "every observation has its visits"),
        ({"visits": VISITS[:3]}, "columns of one length"),
    ],
)
def test_impossible_zones_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        zonal_travel_cost(**ZONES | change)


def test_unknown_forms_and_levels_are_refused():
    with pytest.raises(UsageError, match="semi-log or linear"):
        zonal_travel_cost(**ZONES, form="quadratic")
    with pytest.raises(UsageError, match="between 0 and 1"):
        zonal_travel_cost(**ZONES, confidence=95)


# ------------------------------------------------------------------------------- hedonic prices


@pytest.fixture
def statsmodels():
    return pytest.importorskip("statsmodels.api")


SALES = {
    "price": [10000.0, 10600.0, 9000.0, 9450.0, 8200.0, 8500.0],
    "landscape": [0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
    "controls": {"age": [0.0, 0.0, 10.0, 10.0, 20.0, 20.0]},
}


@pytest.mark.usefixtures("statsmodels")
def test_premium_by_hand():
    # landscape and age are balanced: β is the mean of ln(10600/10000), ln(9450/9000), ln(8500/8200)
    # = (0.058269 + 0.048790 + 0.035932)/3 = 0.047664; e^β - 1 = 0.048818
    result = hedonic_premium(**SALES)
    assert result.coefficient == pytest.approx(0.047664, abs=1e-6)
    assert result.premium == pytest.approx(0.048818, abs=1e-6)
    # age: halves of ln(8200/10000)/20 and ln(8500/10600)/20: (-0.0099225 - 0.0110388)/2
    assert result.controls == {"age": pytest.approx(-0.0104807, abs=1e-6)}
    assert result.n == 6
    low, high = result.premium_interval
    assert low < result.premium < high


@pytest.mark.usefixtures("statsmodels")
def test_robust_interval_by_the_definition():
    result = hedonic_premium(**SALES, confidence=0.9)
    x = np.column_stack([np.ones(6), SALES["landscape"], SALES["controls"]["age"]])
    y = np.log(SALES["price"])
    inverse = np.linalg.inv(x.T @ x)
    rest = y - x @ (inverse @ x.T @ y)
    spread = inverse @ (x.T * rest**2) @ x @ inverse * 6 / (6 - 3)
    reach = 2.353363 * math.sqrt(spread[1, 1])  # t(0.95, 3)
    expected = np.expm1([result.coefficient - reach, result.coefficient + reach])
    np.testing.assert_allclose(result.premium_interval, expected, rtol=1e-6)


@pytest.mark.usefixtures("statsmodels")
@given(st.floats(-0.5, 1), st.floats(-0.05, 0.05), st.integers(0, 1000))
def test_known_premiums_come_back(premium, ageing, seed):
    assume(abs(premium) > 1e-6 or abs(ageing) > 1e-6)  # else all prices are the same
    random = np.random.default_rng(seed)
    green, age = random.uniform(0, 1, 20), random.uniform(0, 30, 20)
    price = 12000 * (1 + premium) ** green * np.exp(ageing * age)
    result = hedonic_premium(price=price, landscape=green, controls={"age": age})
    assert result.premium == pytest.approx(premium, abs=1e-6)
    assert result.controls["age"] == pytest.approx(ageing, abs=1e-6)
    in_another_currency = hedonic_premium(
        price=price * 0.14, landscape=green, controls={"age": age}
    )
    assert in_another_currency.premium == pytest.approx(result.premium, abs=1e-9)


@pytest.mark.usefixtures("statsmodels")
def test_a_control_that_is_left_out_biases():
    # old dwellings lie at the lake: without age the premium is taken for a loss
    random = np.random.default_rng(5)
    age = random.uniform(0, 40, 60)
    view = (age > 20).astype(float)
    price = 10000 * 1.1**view * np.exp(-0.02 * age + random.normal(0, 0.01, 60))
    assert hedonic_premium(price=price, landscape=view).premium < 0
    result = hedonic_premium(price=price, landscape=view, controls={"age": age})
    assert result.premium == pytest.approx(0.1, abs=0.02)


@pytest.mark.usefixtures("statsmodels")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": [0.0, *SALES["price"][1:]]}, "a price is above 0"),
        ({"price": [9000.0] * 6}, "prices differ among the sales"),
        ({"landscape": [1.0] * 6}, "vary, each in its own way"),
        ({"controls": {"view": SALES["landscape"]}}, "vary, each in its own way"),
        ({"landscape": [np.nan, *SALES["landscape"][1:]]}, "every observation has its landscape"),
        ({"controls": {"age": [1.0]}}, "columns of one length"),
        ({"controls": {k: np.arange(6) ** i for i, k in enumerate("abcd", 1)}}, "need more sales"),
    ],
)
def test_impossible_sales_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        hedonic_premium(**SALES | change)


@pytest.mark.usefixtures("statsmodels")
def test_controls_have_names_of_their_own():
    with pytest.raises(UsageError, match="a name of its own"):
        hedonic_premium(**SALES | {"controls": {"price": SALES["landscape"]}})


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)
    with pytest.raises(UsageError, match=r'pip install "gep-accounting\[regression\]"'):
        hedonic_premium(**SALES)


def test_zonal_analysis_needs_no_optional_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)
    assert travel_cost.zonal_travel_cost(**ZONES).n == 4
