"""Sums without rounding: any order of adding, and any way of splitting, gives the same bits.

A sum is kept as several numbers whose exact sum it is: what a floating-point addition rounds away
is added to the next number (Knuth's two-sum; Shewchuk 1997, *Adaptive Precision Floating-Point
Arithmetic*, calls such a row of numbers an expansion). It is rounded once, at the end.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ExactSums:
    """Many sums at once: a column for each key, ``lines`` sums in every column.

    Memory grows with the number of keys, not with how much is added.

    >>> sums = ExactSums(1)
    >>> for value in (1e16, 1.0, -1e16):
    ...     sums.add(np.array([7]), np.array([[value]]))
    >>> sums.keys.tolist(), sums.total().tolist()
    ([7], [[1.0]])
    """

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.keys: Ints = np.empty(0, np.int64)
        self.parts: list[Floats] = []  # each (lines, keys); their exact sum is the sum

    def add(self, keys: Ints, values: Floats) -> None:
        """Add numbers to the columns of keys.

        Parameters
        ----------
        keys
            Rising whole numbers, each once.
        values
            Shape (lines, keys).
        """
        if not keys.size:
            return
        at = self._columns(keys)
        rest = values
        for part in self.parts:
            part[:, at], rest = _two_sum(part[:, at], rest)
            if not rest.any():
                return
        fresh = np.zeros((self.lines, self.keys.size))
        fresh[:, at] += rest  # from +0, so that a sum of zeros has no sign
        self.parts.append(fresh)

    def merge(self, other: ExactSums) -> None:
        """Add other sums."""
        for part in other.parts:
            self.add(other.keys, part)

    def total(self) -> Floats:
        """Return the sums, each rounded once: shape (lines, keys)."""
        shape = (self.lines, self.keys.size)
        if len(self.parts) <= 2:  # noqa: PLR2004  one addition rounds once
            return np.asarray(sum(self.parts, np.zeros(shape)))
        rows = np.stack([part.ravel() for part in self.parts]).T.tolist()
        return np.array([math.fsum(row) for row in rows]).reshape(shape)

    def _columns(self, keys: Ints) -> Ints:
        """Return the columns of keys; new keys get columns of zeros."""
        at = np.searchsorted(self.keys, keys)
        known = at < self.keys.size
        known[known] = self.keys[at[known]] == keys[known]
        if known.all():
            return at
        before = self.keys
        self.keys = np.union1d(before, keys)
        place = np.searchsorted(self.keys, before)
        for number, part in enumerate(self.parts):
            wider = np.zeros((self.lines, self.keys.size))
            wider[:, place] = part
            self.parts[number] = wider
        return np.searchsorted(self.keys, keys)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return a + b rounded, and exactly what the rounding took away."""
    with np.errstate(invalid="ignore", over="ignore"):
        total = a + b
        of_b = total - a
        rest = (a - (total - of_b)) + (b - of_b)
    if not np.isfinite(total).all():
        rest = np.where(np.isfinite(total), rest, 0.0)
    return total, rest
