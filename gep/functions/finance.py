"""Finance: what payments of later years are worth today.

A payment of each year is a flow (CNY/yr); times a factor in years it is a stock (CNY), the present
value. Rates are per year and are pure numbers: 0.0277 is 2.77 %.
"""

from __future__ import annotations

import numpy as np

from gep.functions._checks import Array, Numbers, array, refuse
from gep.units import declare


@declare(rate="1", periods="yr", returns="yr")
def annuity_factor(*, rate: Numbers, periods: Numbers) -> Array:
    """Return the present value of one unit paid at the end of each year (in arrears).

    Parameters
    ----------
    rate
        Discount rate of a year [1], above -1. Both arguments broadcast.
    periods
        How many years payments are made [yr], a whole number from 0 on.

    Returns
    -------
    ndarray
        ``Σ 1/(1 + rate)^k`` over k = 1 ... periods [yr]; ``periods`` at a rate of 0. NaN where an
        argument is NaN.

    Raises
    ------
    DataError
        If the rate is not above -1, or the number of years is not whole or is negative.

    Notes
    -----
    The first payment is a year away. Where it falls today see :func:`annuity_due_factor`, which is
    greater by the factor ``1 + rate``.
    Source: the definition of a present value. Verified: full_text.

    Examples
    --------
    >>> print(f"{annuity_factor(rate=0.0277, periods=100):.4f}")
    33.7521
    """
    return _present_value(_rate(rate, "rate"), _years(periods, "periods", 0))


@declare(rate="1", periods="yr", returns="yr")
def annuity_due_factor(*, rate: Numbers, periods: Numbers) -> Array:
    """Return the present value of one unit paid at the beginning of each year (in advance).

    Parameters
    ----------
    rate
        Discount rate of a year [1], above -1. Both arguments broadcast.
    periods
        How many years payments are made [yr], a whole number from 0 on.

    Returns
    -------
    ndarray
        ``Σ 1/(1 + rate)^k`` over k = 0 ... periods - 1 [yr]; ``periods`` at a rate of 0. NaN where
        an argument is NaN.

    Raises
    ------
    DataError
        If the rate is not above -1, or the number of years is not whole or is negative.

    Notes
    -----
    The first payment falls today and is not discounted.
    Source: the definition of a present value; Bo et al. (2017), Acta Ecologica Sinica 37, 4182-4190
    values forests by it (100 years at 2.77 %). Verified: full_text.

    Examples
    --------
    >>> print(f"{annuity_due_factor(rate=0.0277, periods=100):.4f}")
    34.6870
    """
    r = _rate(rate, "rate")
    return array(_present_value(r, _years(periods, "periods", 0)) * (1.0 + r))


@declare(discount_rate="1", price_change="1", years="yr", returns="1")
def carbon_price_factor(*, discount_rate: Numbers, price_change: Numbers, years: Numbers) -> Array:
    """Return what a unit stored in equal parts over some years is worth, in units of its price.

    Parameters
    ----------
    discount_rate
        Discount rate of a year [1], above -1. All arguments broadcast.
    price_change
        Change of the price of carbon in a year [1], above -1. Read the note.
    years
        Over how many years the carbon is stored [yr], a whole number from 1 on.

    Returns
    -------
    ndarray
        ``1/T · Σ 1/((1 + discount_rate)(1 + price_change))^k`` over k = 0 ... T - 1 [1], with T the
        number of years; 1 where both rates are 0. NaN where an argument is NaN.

    Raises
    ------
    DataError
        If a rate is not above -1, or the number of years is not whole or is below 1.

    Notes
    -----
    The change of the price stands in the denominator: it acts as a second discount. A price that
    rises makes the value fall. This is the rule of the source, kept to reproduce its results. For
    the value along a rising price give ``price_change`` as ``1/(1 + g) - 1``, with g the rise.
    Source: InVEST 3.20, carbon storage and sequestration, valuation in the program's source.
    Verified: full_text.

    Examples
    --------
    >>> f = carbon_price_factor(discount_rate=-0.071, price_change=0.028, years=14)
    >>> print(f"{43 * f:.5f}")
    59.00136
    """
    d, c = _rate(discount_rate, "discount_rate"), _rate(price_change, "price_change")
    both = d + c + d * c
    span = _years(years, "years", 1)
    return array(_present_value(both, span) * (1.0 + both) / span)


@declare(multiple="yr", rate="1", returns="yr")
def repayment_years(*, multiple: Numbers, rate: Numbers) -> Array:
    """Return how long a yearly income takes to repay a loan, when all of it goes to the loan.

    Parameters
    ----------
    multiple
        The loan in years of the income that repays it [yr], from 0 on. Both arguments broadcast.
    rate
        Interest rate of a year [1], above -1.

    Returns
    -------
    ndarray
        ``-log(1 - multiple·rate)/log(1 + rate)`` [yr]; ``multiple`` at a rate of 0. Infinite where
        the interest alone takes all of the income (``multiple·rate`` from 1 on): it never repays
        the loan. NaN where an argument is NaN.

    Raises
    ------
    DataError
        If the rate is not above -1, or the multiple is negative.

    Notes
    -----
    The income comes at the end of each year. In a formula take the smaller of this and the years
    for which there is an income: an infinite step is refused.
    Source: the definition of a present value, solved for the number of years. Verified: full_text.

    Examples
    --------
    >>> print(f"{repayment_years(multiple=15, rate=0.05):.1f}")
    28.4
    >>> print(repayment_years(multiple=15, rate=0.0667))
    inf
    """
    r, years = _rate(rate, "rate"), array(multiple)
    refuse(years < 0, years, "multiple is never below 0 yr", "give the loan over the yearly income")
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log1p(-np.minimum(years * r, 1.0)) / -np.log1p(r)
    return np.where(r == 0, years, value)


# ------------------------------------------------------------------------------- parts


def _present_value(rate: Array, periods: Array) -> Array:
    """Return ``(1 - (1 + rate)^-periods)/rate``, to full precision for small rates too."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        value = -np.expm1(-periods * np.log1p(rate)) / rate
    return np.where(rate == 0, periods, value)


def _rate(values: Numbers, name: str) -> Array:
    rate = array(values)
    refuse(
        (rate <= -1) | np.isinf(rate),
        rate,
        f"{name.replace('_', ' ')} is a finite number above -1",
        "write 0.03 for 3 %",
    )
    return rate


def _years(values: Numbers, name: str, least: int) -> Array:
    years = array(values)
    refuse(
        (years < least) | np.isinf(years) | (np.floor(years) != years) & ~np.isnan(years),
        years,
        f"{name} is a whole number of years, at least {least}",
        "give whole years (a payment for ever is worth 1/rate)",
    )
    return years
