"""How uncertain a number is, as a caller says it, and the quantiles of every shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gep.errors import GepError, Problems, nearest
from gep.plan import Array
from gep.tables import SPREADS, Spread, is_number
from gep.units import unit

#: Instead of a unit: the numbers are multiples of the number that they are about.
RELATIVE = "relative"
_WRITTEN = {
    "triangular": '("triangular", low, high)',
    "uniform": '("uniform", low, high)',
    "normal": '("normal", sd)',
    "lognormal": '("lognormal", gsd)',
    "discrete": '("discrete", [value, ...], [weight, ...])',
}
_KEYS = ("unit", "together", "by")


@dataclass(frozen=True)
class Given:
    """A spread as a caller says it.

    ``unit`` is a unit, ``relative`` or empty. ``together``: all rows of the column share one draw.
    ``by_zone``: every zone has a draw of its own.
    """

    spread: Spread
    unit: str = ""
    together: bool = False
    by_zone: bool = False

    @property
    def relative(self) -> bool:
        """Whether the numbers are multiples of the number that they are about."""
        return self.unit == RELATIVE

    def scaled(self, scale: float) -> Spread:
        """Return the spread with its numbers multiplied (those that have the number's unit)."""
        spread = self.spread
        return replace(
            spread,
            low=spread.low * scale,
            high=spread.high * scale,
            sd=spread.sd * scale,
            values=tuple(value * scale for value in spread.values),
        )


def read_given(raw: Any, where: str, problems: Problems) -> Given | None:
    """Read ``("normal", 0.1, "relative")`` or the same as a mapping with named numbers.

    Parameters
    ----------
    raw
        A :class:`Given`, a sequence (shape, numbers in the order of :data:`gep.tables.SPREADS`,
        optionally a unit or ``relative``), or a mapping with ``shape``, the numbers by name, and
        optionally ``unit`` and ``together`` or ``by = "zone"``.
    where, problems
        What it is about, and where faults are noted.
    """
    if isinstance(raw, Given):
        return raw
    if isinstance(raw, Mapping):
        return _read_mapping(raw, where, problems)
    if isinstance(raw, str) or not isinstance(raw, Sequence) or not raw:
        cure = f"write {', '.join(_WRITTEN.values())}; a unit or {RELATIVE!r} may follow"
        problems.add("this is no spread", where, repr(raw)[:80], cure)
        return None
    shape, *rest = raw
    if not _known(shape, where, problems):
        return None
    unit_text = rest.pop() if rest and isinstance(rest[-1], str) else ""
    names = SPREADS[shape]
    if len(rest) != len(names):
        found = f"{len(rest)} after the shape"
        problems.add(f"{shape} takes {' and '.join(names)}", where, found, _WRITTEN[shape])
        return None
    return _read_mapping(
        {"shape": shape, **dict(zip(names, rest, strict=True)), "unit": unit_text}, where, problems
    )


def _known(shape: Any, where: str, problems: Problems) -> bool:
    if isinstance(shape, str) and shape in SPREADS:
        return True
    problems.add(f"unknown shape {shape!r}", where, cure=nearest(str(shape), SPREADS))
    return False


def _read_mapping(raw: Mapping[str, Any], where: str, problems: Problems) -> Given | None:
    shape = raw.get("shape")
    if not _known(shape, where, problems):
        return None
    names = SPREADS[str(shape)]
    before = len(problems.errors)
    for key in raw:
        if key not in ("shape", *names, *_KEYS):
            cure = nearest(str(key), [*names, *_KEYS])
            problems.add(f"{shape} takes no {key!r}", where, cure=cure)
    parts: dict[str, Any] = {}
    for name in names:
        value: Any = raw.get(name)
        listed = name in ("values", "weights")
        is_list = isinstance(value, list | tuple)
        numbers = value if is_list else [value]
        if is_list is not listed or not all(map(is_number, numbers)):
            wanted = "numbers in a list" if listed else "a number"
            problems.add(f"{name} must be {wanted}", where, repr(value)[:80], _WRITTEN[str(shape)])
            continue
        parts[name] = tuple(map(float, numbers)) if listed else float(numbers[0])
    told = raw.get("unit", "")
    if told != RELATIVE and told:
        try:
            unit(told)
        except GepError as error:
            for problem in error.problems:
                problems.add(problem.what, where, problem.found, problem.cure)
    by = raw.get("by")
    if by not in (None, "zone"):
        problems.add('by is "zone" or left out', where, repr(by))
    together = raw.get("together", False)
    if not isinstance(together, bool):
        problems.add("together is true or false", where, repr(together)[:80])
    if together and told != RELATIVE:
        cure = f'say unit = "{RELATIVE}": the numbers are then multiples of each row\'s own'
        problems.add("rows that are drawn together share a factor", where, cure=cure)
    if len(problems.errors) > before:
        return None
    return Given(Spread(str(shape), **parts), str(told), bool(together), by == "zone")


def quantiles(spread: Spread, value: float, q: Array) -> Array:
    """Return the quantiles of a number.

    Parameters
    ----------
    spread
        How uncertain the number is, in its unit.
    value
        The number: the mode of a triangle, the mean of a normal, the median of a lognormal
        distribution.
    q
        Probabilities, above 0 and below 1.

    Examples
    --------
    >>> q = np.array([0.125, 0.5, 0.875])
    >>> quantiles(Spread("triangular", low=0, high=4), 2.0, q).tolist()
    [1.0, 2.0, 3.0]
    >>> quantiles(Spread("discrete", values=(5, 7), weights=(3, 1)), 5, q).tolist()
    [5.0, 5.0, 7.0]
    """
    if spread.shape == "uniform":
        return spread.low + q * (spread.high - spread.low)
    if spread.shape == "triangular":
        return _triangular(spread.low, value, spread.high, q)
    if spread.shape == "discrete":
        steps = np.cumsum(spread.weights) / sum(spread.weights)
        at = np.searchsorted(steps, q, side="right")
        return np.array(spread.values, dtype=np.float64)[np.minimum(at, len(spread.values) - 1)]
    from scipy.special import ndtri

    z = np.asarray(ndtri(q), dtype=np.float64)
    if spread.shape == "normal":
        return value + spread.sd * z
    return np.asarray(value * np.exp(math.log(spread.gsd) * z))


def _triangular(low: float, mode: float, high: float, q: Array) -> Array:
    width, left = high - low, mode - low
    below = low + np.sqrt(q * width * left)
    above = high - np.sqrt((1.0 - q) * width * (high - mode))
    return np.where(q * width < left, below, above)
