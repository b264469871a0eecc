"""Present values: by hand, by published results, and as the sums that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.formula import Meaning, check
from gep.functions import FUNCTIONS, finance
from gep.units import unit

RATE = st.floats(-0.5, 2)
YEARS = st.integers(1, 60)
FACTORS = (finance.annuity_factor, finance.annuity_due_factor)


def test_three_years_by_hand():
    # at 10 %: 1/1.1 + 1/1.21 + 1/1.331 = 0.909091 + 0.826446 + 0.751315 = 2.486852
    # in advance: 1 + 0.909091 + 0.826446 = 2.735537
    assert finance.annuity_factor(rate=0.1, periods=3) == pytest.approx(2.486852, abs=5e-7)
    assert finance.annuity_due_factor(rate=0.1, periods=3) == pytest.approx(2.735537, abs=5e-7)


def test_a_negative_rate_by_hand():
    # at -50 % a payment doubles with each year: 2 + 4; in advance 1 + 2
    assert finance.annuity_factor(rate=-0.5, periods=2) == pytest.approx(6)
    assert finance.annuity_due_factor(rate=-0.5, periods=2) == pytest.approx(3)


def test_forests_of_china():
    """Published: 100 years at 2.77 %, first payment today: 19.10 -> 662 and 19.92 -> 691 (10¹² CNY)."""
    factor = finance.annuity_due_factor(rate=0.0277, periods=100)
    assert factor == pytest.approx(34.68700705, rel=1e-9)
    assert 19.10 * factor == pytest.approx(662, abs=1)
    assert 19.92 * factor == pytest.approx(691, abs=1)
    in_arrears = finance.annuity_factor(rate=0.0277, periods=100)
    assert 19.92 * in_arrears == pytest.approx(672.3, abs=0.1)  # would have told the two apart


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("periods", [0, 1, 20, 100])
def test_without_a_rate_each_year_counts_fully(factor, periods):
    assert factor(rate=0, periods=periods) == periods


def test_no_payments_are_worth_nothing():
    assert finance.annuity_factor(rate=0.05, periods=0) == 0
    assert finance.annuity_due_factor(rate=0.05, periods=0) == 0


@given(RATE, YEARS)
@example(1e-12, 60)
@example(5e-324, 3)
def test_factors_are_the_sums_that_they_stand_for(rate, periods):
    # a rate that is lost in 1 + rate is no matter: the sum then is the number of years
    terms = [(1 + rate) ** -k for k in range(periods + 1)]
    assert finance.annuity_factor(rate=rate, periods=periods) == pytest.approx(sum(terms[1:]))
    assert finance.annuity_due_factor(rate=rate, periods=periods) == pytest.approx(sum(terms[:-1]))


@given(st.floats(1e-15, 1e-6), YEARS)
def test_small_rates_lose_no_precision(rate, periods):
    # 1/(1 + r)^k = 1 - k r + O(r²), summed: n - r n (n + 1)/2
    expected = periods - rate * periods * (periods + 1) / 2
    assert finance.annuity_factor(rate=rate, periods=periods) == pytest.approx(expected, rel=1e-8)


@given(RATE, RATE, st.integers(1, 40))
def test_a_higher_rate_is_worth_less(one, other, periods):
    low, high = sorted((one, other))
    for factor in FACTORS:
        dear = factor(rate=low, periods=periods)
        assert factor(rate=high, periods=periods) <= dear * (1 + 1e-12)


def test_missing_stays_missing():
    rate, periods = np.array([np.nan, 0.05, 0.0, 0.0]), np.array([10.0, np.nan, np.nan, 5.0])
    for factor in FACTORS:
        result = factor(rate=rate, periods=periods)
        assert np.isnan(result).tolist() == [True, True, True, False]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": -1.0}, "rate is a finite number above -1"),
        ({"rate": np.array([0.1, -2.0])}, "1 of 2 values, the first is -2"),
        ({"rate": np.inf}, "rate is a finite number above -1"),
        ({"periods": 2.5}, "periods is a whole number of years, at least 0"),
        ({"periods": -1}, "periods is a whole number of years, at least 0"),
        ({"periods": np.inf}, r"for ever is worth 1/rate"),
    ],
)
def test_impossible_terms_are_refused(factor, change, message):
    with pytest.raises(DataError, match=message):
        factor(**{"rate": 0.03, "periods": 10} | change)


def test_a_yearly_flow_becomes_a_stock():
    env = {"F": Meaning(unit("CNY/yr"), 1), "r": Meaning(unit("%")), "n": Meaning(unit("yr"))}
    text = "F * annuity_due_factor(rate = r, periods = n)"
    checked = check(text, env, FUNCTIONS, "", unit("CNY"))
    assert (str(checked.meaning.unit), checked.meaning.degree) == ("CNY", 1)


# ------------------------------------------------------------------------------- carbon


def test_carbon_constants_of_the_peer():
    """The constants that its own tests expect: rates -7.1 and 2.8 %, 2016 to 2030; 50 and 5 %, 2 a."""
    one = finance.carbon_price_factor(discount_rate=-0.071, price_change=0.028, years=14)
    assert 43 * one == pytest.approx(59.00136, abs=5e-6)
    assert -58 * 43 * one == pytest.approx(-3422.079, abs=1e-3)
    # 50/2 · (1 + 1/(1.5·1.05)) = 25 · 1.634921 = 40.873016
    two = finance.carbon_price_factor(discount_rate=0.5, price_change=0.05, years=2)
    assert 50 * two == pytest.approx(40.87302, abs=5e-6)


def test_carbon_without_rates_has_its_price():
    assert finance.carbon_price_factor(discount_rate=0, price_change=0, years=14) == 1
    # rates that cancel each other: 1.25 · 0.8 = 1
    assert finance.carbon_price_factor(
        discount_rate=0.25, price_change=-0.2, years=30
    ) == pytest.approx(1)


@given(RATE, RATE, YEARS)
def test_carbon_factor_is_the_mean_of_its_terms(discount, change, years):
    ratio = 1 / ((1 + discount) * (1 + change))
    expected = sum(ratio**k for k in range(years)) / years
    result = finance.carbon_price_factor(discount_rate=discount, price_change=change, years=years)
    assert result == pytest.approx(expected, rel=1e-9)


def test_a_rising_price_acts_as_a_discount_unless_it_is_inverted():
    flat = finance.carbon_price_factor(discount_rate=0.05, price_change=0, years=20)
    rising = finance.carbon_price_factor(discount_rate=0.05, price_change=0.03, years=20)
    assert rising < flat
    path = finance.carbon_price_factor(discount_rate=0.05, price_change=1 / 1.03 - 1, years=20)
    assert path == pytest.approx(sum((1.03 / 1.05) ** k for k in range(20)) / 20)
    assert path > flat


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"years": 0}, "years is a whole number of years, at least 1"),
        ({"discount_rate": -1}, "discount rate is a finite number above -1"),
        ({"price_change": -1.5}, "price change is a finite number above -1"),
    ],
)
def test_impossible_carbon_terms_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        finance.carbon_price_factor(
            **{"discount_rate": 0.05, "price_change": 0, "years": 10} | change
        )


def test_missing_carbon_terms_stay_missing():
    result = finance.carbon_price_factor(
        discount_rate=np.array([0.05, np.nan, 0.05]),
        price_change=np.array([np.nan, 0.0, 0.0]),
        years=10,
    )
    assert np.isnan(result).tolist() == [True, True, False]
