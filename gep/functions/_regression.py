"""A straight line through data, with what is known of its coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gep.errors import DataError, UsageError
from gep.functions._checks import Array

#: A line through two points fits always and says nothing of its error.
MIN_POINTS = 3

Interval = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """``y = intercept + slope · x`` by least squares; intervals by Student's t, n - 2 degrees."""

    intercept: float
    intercept_interval: Interval
    slope: float
    slope_interval: Interval
    r_squared: float
    n: int


def fit_line(x: Array, y: Array, confidence: float, name: str) -> Line:
    """Fit a line to at least three points that differ in ``x`` (``name`` in messages)."""
    from scipy import stats

    if np.ptp(x) <= 0:
        what = f"{name} differs among the observations"
        found = f"all are {x[0]:g}"
        raise DataError(what, found=found, cure="without differences there is nothing to fit")
    fit = stats.linregress(x, y)
    reach = float(stats.t.ppf((1 + confidence) / 2, x.size - 2))
    slope, intercept = float(fit.slope), float(fit.intercept)
    wide, shift = reach * float(fit.stderr), reach * float(fit.intercept_stderr)
    return Line(
        intercept=intercept,
        intercept_interval=(intercept - shift, intercept + shift),
        slope=slope,
        slope_interval=(slope - wide, slope + wide),
        r_squared=float(fit.rvalue) ** 2,
        n=x.size,
    )


def observations(**columns: ArrayLike) -> dict[str, Array]:
    """Return columns of observations: one length, no gaps, at least three rows."""
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    shown = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
    if any(a.ndim != 1 for a in arrays.values()) or len({a.size for a in arrays.values()}) > 1:
        what = "observations are columns of one length"
        raise DataError(what, found=shown, cure="give one number of each per observation")
    for name, values in arrays.items():
        missing = np.flatnonzero(~np.isfinite(values))
        if missing.size:
            what = f"every observation has its {name.replace('_', ' ')}"
            found = f"{missing.size} missing, the first in row {missing[0] + 1}"
            raise DataError(what, found=found, cure="leave out the rows with gaps")
    count = next(iter(arrays.values())).size
    if count < MIN_POINTS:
        what = f"a regression needs at least {MIN_POINTS} observations"
        raise DataError(what, found=f"{count}", cure="give more of them")
    return arrays


def check_confidence(confidence: float) -> None:
    """Refuse a level of confidence outside 0 to 1."""
    if not 0 < confidence < 1:
        what = "the level of confidence lies between 0 and 1"
        raise UsageError(what, found=f"{confidence:g}", cure="write 0.95 for 95 %")
