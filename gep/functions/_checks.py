"""What the functions ask of their arguments before they compute."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gep.errors import DataError

#: A number or an array of numbers.
Numbers: TypeAlias = float | NDArray[np.float64]
#: The array type in which everything is computed.
Array: TypeAlias = NDArray[np.float64]


#: Interpolation may pass a limit by this share of it: 100.00000000000001 % is 100 %.
ROUNDING = 1e-9


def array(values: Numbers) -> Array:
    """Return the values as float64, without a copy where they already are."""
    return np.asarray(values, dtype=np.float64)


def refuse(wrong: NDArray[np.bool_], values: Array, what: str, cure: str) -> None:
    """Raise DataError where ``wrong`` is true anywhere; NaN compares false and so passes.

    Parameters
    ----------
    wrong
        True at each value that is not possible.
    values
        The values themselves, broadcastable to ``wrong``; the first wrong one is shown.
    what
        What is wrong, as a sentence.
    cure
        What to do.

    Raises
    ------
    DataError
        With the number of wrong values and the first of them.
    """
    count = int(np.count_nonzero(wrong))
    if count:
        first = float(np.broadcast_to(values, wrong.shape)[wrong].flat[0])
        found = f"{count} of {wrong.size} values, the first is {first:g}"
        raise DataError(what, found=found, cure=cure)


def between(
    values: Numbers, name: str, unit: str, low: float = -np.inf, high: float = np.inf
) -> Array:
    """Return the values as float64; raise DataError if one lies outside ``[low, high]``."""
    numbers = array(values)
    if np.isinf(high):
        limits = f"is never below {low:g} {unit}".rstrip()
    else:
        limits = f"lies between {low:g} and {high:g} {unit}".rstrip()
    slack_low, slack_high = (0.0 if np.isinf(x) else ROUNDING * abs(x) for x in (low, high))
    refuse(
        (numbers < low - slack_low) | (numbers > high + slack_high),
        numbers,
        f"{name.replace('_', ' ')} {limits}",
        "check the unit of the data and its nodata value (missing data is NaN)",
    )
    return numbers
