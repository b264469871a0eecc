"""Water: the storm runoff of plots, as a curve of rain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gep.errors import DataError
from gep.functions._checks import array, between, refuse
from gep.functions._regression import (
    Interval,
    check_confidence,
    fit_line,
    observations,
)


@dataclass(frozen=True)
class StormRunoff:
    """``runoff = a · ln(rain) + b``, both in mm, fitted to the storms of a plot.

    Attributes
    ----------
    a, b
        Coefficients [mm], for rain in mm.
    a_interval, b_interval
        Their confidence intervals [mm].
    r_squared
        Share of the variance of runoff that the curve explains [1].
    n
        Number of storms.
    rain
        Least and greatest rain of the storms [mm]: between them the curve holds.
    """

    a: float
    a_interval: Interval
    b: float
    b_interval: Interval
    r_squared: float
    n: int
    rain: Interval


def storm_runoff_regression(
    *, rain: ArrayLike, runoff: ArrayLike, confidence: float = 0.95
) -> StormRunoff:
    """Fit the storm runoff of a vegetation type as a logarithmic curve of rain.

    Parameters
    ----------
    rain
        Rain of each storm [mm], above 0.
    runoff
        Its runoff from the plot [mm], at least 0 and at most the rain.
    confidence
        Level of confidence of the intervals [1].

    Returns
    -------
    StormRunoff
        The coefficients of ``runoff = a · ln(rain) + b`` by least squares, with intervals after
        Student's t.

    Raises
    ------
    DataError
        If there are fewer than three storms, a number is missing or impossible, all storms have
        the same rain, or runoff does not grow with rain.
    UsageError
        If the level of confidence is not between 0 and 1.

    Notes
    -----
    A curve holds for the vegetation, soil and range of rain of its plots. Below
    ``rain = exp(-b/a)`` it gives negative runoff, which counts as 0. Use it in a rule as
    ``max(a * log(P) + b, 0)`` with a and b as inputs or coefficients of their own source.
    Source: the definition of least squares; curves of this form are usual in Chinese flood
    mitigation accounts. Verified: recalled.

    Examples
    --------
    >>> fit = storm_runoff_regression(rain=[50, 60, 80, 100, 150], runoff=[8, 9.5, 13, 14.5, 19])
    >>> print(f"{fit.a:.2f} ({fit.a_interval[0]:.2f} to {fit.a_interval[1]:.2f}) {fit.b:.2f}")
    10.02 (8.78 to 11.26) -31.29
    """
    check_confidence(confidence)
    columns = observations(rain=rain, runoff=runoff)
    storm, ran = columns["rain"], between(columns["runoff"], "runoff", "mm", 0)
    refuse(storm <= 0, storm, "the rain of a storm is above 0 mm", "leave out days without rain")
    refuse(
        ran > storm,
        ran,
        "runoff is never more than the rain of its storm",
        "check that both are in mm and were not exchanged",
    )
    line = fit_line(np.log(storm), ran, confidence, "rain")
    if line.slope <= 0:
        what = "storm runoff grows with rain"
        cure = "check the data; a curve that falls cannot be used"
        raise DataError(what, found=f"{line.slope:g} mm per unit of ln(rain)", cure=cure)
    return StormRunoff(
        a=line.slope,
        a_interval=line.slope_interval,
        b=line.intercept,
        b_interval=line.intercept_interval,
        r_squared=line.r_squared,
        n=line.n,
        rain=(float(array(storm).min()), float(array(storm).max())),
    )
