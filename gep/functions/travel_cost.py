"""Values of visits and views: what coming costs and is worth, and what a view adds to a price.

Expenditure is an exchange value: money that changed hands. Consumer surplus is what visitors would
have paid on top and kept. An account of exchange values holds the first and never the second, so
the two are never added here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from gep.errors import DataError, UsageError
from gep.functions._checks import Array, array, between, refuse
from gep.functions._regression import (
    MIN_POINTS,
    Interval,
    check_confidence,
    fit_line,
    observations,
)
from gep.units import declare

#: Function of cost that the rate of visits is taken to follow.
Form = Literal["semi-log", "linear"]


@declare(visit_rate="人次/(人·yr)", cost="CNY/人次", returns="CNY/人次", shape="axis")
def travel_cost_surplus(*, visit_rate: Array, cost: Array) -> Array:
    """Return the consumer surplus of a visit, from how visits fall off with the cost of coming.

    Parameters
    ----------
    visit_rate
        Visits from each origin divided by its population [人次/(人·yr)], above 0; origins on the
        leading axis, at least three.
    cost
        Cost of a visit from each origin [CNY/人次], at least 0; broadcasts with ``visit_rate``.

    Returns
    -------
    ndarray
        ``-1/b`` [CNY/人次], with b from ``ln(visit_rate) = a + b · cost`` by least squares over the
        origins; without the leading axis. NaN where any origin is NaN.

    Raises
    ------
    DataError
        If there are fewer than three origins, an origin has no people or sends no visits, a cost is
        negative, all costs are the same, or visits do not fall with cost.

    Notes
    -----
    Times all visits it is the surplus of a year: ``total(N) * travel_cost_surplus(visit_rate = N/P,
    cost = c)``. It is welfare and not exchange value. The unit of the population does not matter.
    :func:`zonal_travel_cost` gives the same with confidence intervals.
    Source: the method, Clawson and Knetsch (1966); the semi-logarithmic form and its surplus, Haab
    and McConnell (2002), Valuing environmental and natural resources. Verified: recalled.

    Examples
    --------
    >>> import numpy as np
    >>> cost = np.array([50.0, 150.0, 300.0])
    >>> print(f"{travel_cost_surplus(visit_rate=0.3 * np.exp(-0.008 * cost), cost=cost):.1f}")
    125.0
    """
    rate, spent = array(visit_rate), between(cost, "cost of a visit", "CNY", 0)
    refuse(np.isinf(spent), spent, "cost of a visit is finite", "missing data is NaN")
    refuse(
        (rate <= 0) | np.isinf(rate),
        rate,
        "every origin has people and sends visits",
        "leave out or merge origins without visits: their logarithm does not exist",
    )
    count = rate.shape[0] if rate.ndim else 0
    if count < MIN_POINTS or (spent.ndim and spent.shape[0] != count):
        what = f"visit_rate and cost carry the same origins, at least {MIN_POINTS}"
        found = f"shapes {rate.shape} and {spent.shape}"
        raise DataError(what, found=found, cure="give more origins, or divide them more finely")
    depth = max(rate.ndim, spent.ndim)
    logs = np.log(rate).reshape(rate.shape + (1,) * (depth - rate.ndim))
    costs = spent.reshape(spent.shape + (1,) * (depth - spent.ndim))
    logs, costs = np.broadcast_arrays(logs, costs)
    spread = np.asarray(costs.max(axis=0) - costs.min(axis=0))
    refuse(
        spread <= 0,
        np.asarray(costs[0]),
        "the cost of a visit differs among the origins",
        "without differences there is nothing to fit",
    )
    apart = costs - costs.mean(axis=0)
    slope = np.asarray((apart * (logs - logs.mean(axis=0))).sum(axis=0) / (apart**2).sum(axis=0))
    _falling(slope)
    return array(-1.0 / slope)


@dataclass(frozen=True)
class TravelCost:
    """A zonal travel-cost analysis: money spent, and apart from it what visitors gained.

    Attributes
    ----------
    form
        ``semi-log``: ``ln(visits/population) = intercept + slope · cost``; ``linear``: the same
        without the logarithm.
    intercept, slope
        Coefficients, the slope per CNY.
    slope_interval
        Confidence interval of the slope.
    confidence
        Level of confidence of the intervals [1].
    r_squared
        Share of the variance that the function explains [1].
    n
        Number of origins.
    expenditure
        Visits times what each paid [CNY/yr]: the exchange value.
    consumer_surplus
        What the visits were worth beyond their cost [CNY/yr]: welfare, not part of an account of
        exchange values.
    consumer_surplus_interval
        Its confidence interval, from that of the slope [CNY/yr]; its upper end is infinite where
        the data do not exclude that cost does not matter.
    """

    form: Form
    intercept: float
    slope: float
    slope_interval: Interval
    confidence: float
    r_squared: float
    n: int
    expenditure: float
    consumer_surplus: float
    consumer_surplus_interval: Interval


def zonal_travel_cost(
    *,
    visits: ArrayLike,
    population: ArrayLike,
    cost: ArrayLike,
    paid: ArrayLike | None = None,
    form: Form = "semi-log",
    confidence: float = 0.95,
) -> TravelCost:
    """Fit the visits from zones of origin to what a visit costs, and return both values apart.

    Parameters
    ----------
    visits
        Visits from each origin [人次/yr], at least 0 (above 0 in the semi-logarithmic form).
    population
        Population of each origin [人], above 0.
    cost
        Full cost of a visit from each origin [CNY/人次]; it may count travelling time.
    paid
        The part of the cost that is paid in money [CNY/人次]; all of it if not given. Expenditure
        counts this part alone: time spent changes no hands.
    form
        ``semi-log`` or ``linear``.
    confidence
        Level of confidence of the intervals [1].

    Returns
    -------
    TravelCost
        Coefficients by unweighted least squares, their intervals after Student's t with n - 2
        degrees of freedom, expenditure and consumer surplus.

    Raises
    ------
    DataError
        If there are fewer than three origins, a number is missing or impossible, all costs are the
        same, visits do not fall with cost, or more is paid than the cost.
    UsageError
        If the form is unknown or the level of confidence is not between 0 and 1.

    Notes
    -----
    Consumer surplus is ``Σ visits/(-slope)`` in the semi-logarithmic form and
    ``Σ visits²/(population · (-2 slope))`` in the linear one, of the visits as observed. The
    interval of the surplus puts the ends of the slope's interval in its place.
    Source: as :func:`travel_cost_surplus`. Verified: recalled.

    Examples
    --------
    >>> result = zonal_travel_cost(
    ...     visits=[9000, 5200, 2100, 800], population=[50000, 60000, 80000, 100000],
    ...     cost=[60, 140, 250, 380], paid=[40, 100, 180, 280])
    >>> print(f"{result.expenditure:.0f} CNY/yr spent")
    1482000 CNY/yr spent
    >>> low, high = result.consumer_surplus_interval
    >>> print(f"{result.consumer_surplus:.0f} ({low:.0f} to {high:.0f}) CNY/yr kept")
    1737557 (1566774 to 1950126) CNY/yr kept
    """
    check_confidence(confidence)
    if form not in ("semi-log", "linear"):
        what = "a travel-cost function is semi-log or linear"
        raise UsageError(what, found=repr(form), cure='write form="semi-log"')
    columns = observations(
        visits=visits, population=population, cost=cost, paid=cost if paid is None else paid
    )
    trips, people = columns["visits"], columns["population"]
    spent = between(columns["cost"], "cost of a visit", "CNY", 0)
    money = between(columns["paid"], "what is paid of the cost", "CNY", 0)
    refuse(
        money > spent,
        money,
        "what is paid is a part of the cost",
        "give the full cost as cost, and what of it is paid in money as paid",
    )
    refuse(people <= 0, people, "the population of an origin is above 0", "check the table")
    if form == "linear":
        between(trips, "visits", "", 0)
        rate = trips / people
    else:
        cure = 'leave out or merge origins without visits, or choose form="linear"'
        refuse(trips <= 0, trips, "every origin sends visits", cure)
        rate = np.log(trips / people)
    line = fit_line(spent, rate, confidence, "the cost of a visit")
    _falling(np.asarray(line.slope))
    weight = float(np.sum(trips**2 / people) / 2) if form == "linear" else float(np.sum(trips))

    def surplus(slope: float) -> float:
        return weight / -slope if slope < 0 else np.inf

    low, high = line.slope_interval
    return TravelCost(
        form=form,
        intercept=line.intercept,
        slope=line.slope,
        slope_interval=line.slope_interval,
        confidence=confidence,
        r_squared=line.r_squared,
        n=line.n,
        expenditure=float(np.sum(trips * money)),
        consumer_surplus=surplus(line.slope),
        consumer_surplus_interval=(surplus(low), surplus(high)),
    )


@dataclass(frozen=True)
class HedonicPremium:
    """What a unit of landscape adds to a price, other things equal.

    Attributes
    ----------
    premium
        Relative premium of one more unit of landscape [1]: 0.05 is 5 % of the price.
    premium_interval
        Its confidence interval [1].
    confidence
        Level of confidence of the interval [1].
    coefficient
        Coefficient of the landscape in the logarithm of the price.
    controls
        Coefficients of the controls, by name.
    r_squared
        Share of the variance of the logarithm that is explained [1].
    n
        Number of sales.
    """

    premium: float
    premium_interval: Interval
    confidence: float
    coefficient: float
    controls: Mapping[str, float]
    r_squared: float
    n: int


def hedonic_premium(
    *,
    price: ArrayLike,
    landscape: ArrayLike,
    controls: Mapping[str, ArrayLike] | None = None,
    confidence: float = 0.95,
) -> HedonicPremium:
    """Estimate what a landscape adds to prices, by regression of their logarithm.

    Parameters
    ----------
    price
        Price of each sale [any unit, such as CNY/m²], above 0.
    landscape
        The landscape of each [any unit]: 1 with a view and 0 without, or an amount such as the
        share of green within 500 m.
    controls
        What else sets the price, a column of numbers by name: age, storey, distance to the centre.
        A premium without the controls that matter is biased.
    confidence
        Level of confidence of the interval [1].

    Returns
    -------
    HedonicPremium
        ``exp(β) - 1`` with β the coefficient of the landscape in ``ln(price) = α + β · landscape +
        Σ γ · control``, and the interval of β after Student's t with errors that are robust to
        unequal variance (HC1), taken through the same function.

    Raises
    ------
    DataError
        If a number is missing or impossible, columns differ in length or are linear combinations of
        each other, all prices are the same, or there are too few sales for the columns.
    UsageError
        If statsmodels is not installed, or the level of confidence is not between 0 and 1.

    Notes
    -----
    The premium is of the price, once. A yearly value spreads it over the years of use, or applies
    it to the rent.
    Source: Rosen (1974), Hedonic prices and implicit markets, J. Political Economy 82, 34-55; the
    relative effect: Halvorsen and Palmquist (1980), American Economic Review 70, 474-475.
    Verified: recalled.

    Examples
    --------
    >>> result = hedonic_premium(
    ...     price=[10000, 10600, 9000, 9450, 8200, 8500], landscape=[0, 1, 0, 1, 0, 1],
    ...     controls={"age": [0, 0, 10, 10, 20, 20]})
    >>> print(f"{result.premium:.4f} ({result.premium_interval[0]:.3f} to "
    ...       f"{result.premium_interval[1]:.3f})")
    0.0488 (0.029 to 0.069)
    """
    check_confidence(confidence)
    try:
        models: Any = importlib.import_module("statsmodels.api")
    except ImportError as error:
        what = "a hedonic regression needs statsmodels"
        cure = 'pip install "gep-accounting[regression]"'
        raise UsageError(what, found="it is not installed", cure=cure) from error
    extra = dict(controls or {})
    clash = {"price", "landscape"} & set(extra)
    if clash:
        what = "a control has a name of its own"
        raise UsageError(what, found=", ".join(sorted(clash)), cure="rename the control")
    columns = observations(price=price, landscape=landscape, **extra)
    value = columns.pop("price")
    refuse(value <= 0, value, "a price is above 0", "check the table")
    if np.ptp(value) <= 0:
        what = "prices differ among the sales"
        raise DataError(what, found=f"all are {value[0]:g}", cure="there is nothing to explain")
    design = np.column_stack([np.ones(value.size), *columns.values()])
    if value.size <= design.shape[1]:
        what = f"{design.shape[1]} coefficients need more sales than that"
        raise DataError(what, found=f"{value.size}", cure="give more sales or fewer controls")
    scaled = design / np.maximum(np.abs(design).max(axis=0), np.finfo(float).tiny)
    if np.linalg.matrix_rank(scaled) < design.shape[1]:
        what = "landscape and controls vary, each in its own way"
        found = f"one of {', '.join(columns)} is constant or follows from the others"
        raise DataError(what, found=found, cure="leave out the control that repeats another")
    fit = models.OLS(np.log(value), design).fit(cov_type="HC1", use_t=True)
    low, high = fit.conf_int(alpha=1 - confidence)[1]
    return HedonicPremium(
        premium=float(np.expm1(fit.params[1])),
        premium_interval=(float(np.expm1(low)), float(np.expm1(high))),
        confidence=confidence,
        coefficient=float(fit.params[1]),
        controls=dict(zip(extra, map(float, fit.params[2:]), strict=True)),
        r_squared=float(fit.rsquared),
        n=value.size,
    )


def _falling(slope: Array) -> None:
    refuse(
        slope >= 0,
        slope,
        "visits fall with the cost of coming",
        "check the costs and populations: without a fall there is no demand to measure",
    )
