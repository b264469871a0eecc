"""Steps and thresholds: what a table in a rule says with "below", "from" and "above"."""

from __future__ import annotations

import numpy as np

from gep.errors import DataError, UsageError
from gep.functions._checks import Array, Numbers, array
from gep.units import declare


@declare(plain=("x",), returns="1")
def piecewise(x: Numbers, *steps: Numbers) -> Array:
    """Return the value of the interval in which ``x`` lies.

    ``piecewise(x, y0, b1, y1, b2, y2, ...)`` is ``y0`` where ``x < b1``, ``y1`` where
    ``b1 <= x < b2``, ``y2`` where ``b2 <= x < b3`` and so on: a break belongs to the interval above
    it. This is the only function that takes its arguments by position.

    Parameters
    ----------
    x
        Numbers of any shape.
    *steps
        ``y0, b1, y1, b2, y2, ...``: values and breaks in turn, each a number or an array that
        broadcasts with ``x``. Values may be formulas of ``x``. Breaks ascend.

    Returns
    -------
    ndarray
        The chosen values. NaN where ``x`` or a break is NaN, or the chosen value is NaN.

    Raises
    ------
    UsageError
        If values and breaks do not alternate (the number of ``steps`` is even).
    DataError
        If the breaks do not ascend.

    Notes
    -----
    Units: the breaks are in the unit of ``x``, the values in one unit, which is the result's.
    Source: the definition of a step function. Verified: full_text.

    Examples
    --------
    >>> import numpy as np
    >>> piecewise(np.array([2.0, 5.0, 7.0, 30.0]), 0.1, 5, 0.2, 25, 0.8)
    array([0.1, 0.2, 0.2, 0.8])
    """
    if len(steps) % 2 == 0:
        what = "piecewise wants x, y0, b1, y1, b2, y2, ...: values and breaks in turn"
        cure = "give one value more than breaks"
        raise UsageError(what, found=f"{len(steps)} arguments after x", cure=cure)
    numbers = array(x)
    result, known = array(steps[0]), ~np.isnan(numbers)
    last = array(-np.inf)
    for at, value in zip(map(array, steps[1::2]), map(array, steps[2::2]), strict=True):
        if np.any(at <= last):
            what = "the breaks of piecewise ascend"
            found = ", ".join(str(b) for b in steps[1::2])
            raise DataError(what, found=found, cure="order the intervals from low to high")
        result = np.where(numbers >= at, value, result)
        known = known & ~np.isnan(at)
        last = at
    if known.all() and result.shape == known.shape:
        return array(result)
    return np.where(known, result, np.nan)


@declare(x="1", threshold="1", returns="1")
def at_least(*, x: Numbers, threshold: Numbers) -> Array:
    """Return ``x`` where it reaches the threshold, and zero below it.

    Parameters
    ----------
    x
        Numbers of any shape [1].
    threshold
        The smallest number that counts [1], broadcastable with ``x``.

    Returns
    -------
    ndarray
        ``x`` where ``x >= threshold``, else 0 [1]. NaN where either is NaN.

    Notes
    -----
    Both arguments and the result are in one unit; in a formula, name it under ``empirical``.
    Source: the definition. Verified: full_text.

    Examples
    --------
    >>> import numpy as np
    >>> at_least(x=np.array([9.9, 10.0, 42.0]), threshold=10)
    array([ 0., 10., 42.])
    """
    numbers, least = array(x), array(threshold)
    kept = np.where(numbers >= least, numbers, 0.0)
    return np.where(np.isnan(numbers) | np.isnan(least), np.nan, kept)
