"""Points between 0 and 1: random, latin hypercube or Sobol, the same for the same seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gep.errors import Problems, UsageError, nearest
from gep.plan import Array

METHODS = ("sobol", "latin_hypercube", "random")
#: A point on the edge has no quantile: points lie this far from 0 and 1 at least.
EDGE = 2.0**-33
#: More draws at once are refused: that many are a mistake.
MOST = 10**7


def points(n: int, dimensions: int, seed: int, method: str = "sobol") -> Array:
    """Return points of a unit cube: (n, dimensions).

    Parameters
    ----------
    n
        Number of points. Sobol points are balanced where it is a power of two.
    dimensions
        Number of factors.
    seed
        A whole number: the same seed gives the same points.
    method
        ``sobol`` (scrambled), ``latin_hypercube`` or ``random``.

    Examples
    --------
    >>> points(4, 2, seed=1).shape
    (4, 2)
    """
    rng = np.random.default_rng(seed)
    if method == "random":
        found = rng.random((n, dimensions))
    else:
        from scipy.stats import qmc

        if method == "sobol":
            sobol = qmc.Sobol(dimensions, scramble=True, seed=rng)
            found = sobol.random_base2(math.ceil(math.log2(n)))[:n]
        else:
            found = qmc.LatinHypercube(dimensions, seed=rng).random(n)
    return np.clip(np.asarray(found, dtype=np.float64), EDGE, 1.0 - EDGE)


def check(n: Any, seed: Any, method: str, level: float, where: str) -> None:
    """Refuse what is no number of draws, no seed, no method or no level.

    Raises
    ------
    UsageError
        With all of them.
    """
    problems = Problems()
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 < n <= MOST:
        problems.add("n is a whole number of draws, at least 2", where, repr(n)[:80])
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        cure = "choose one, such as seed=1, and note it: the same seed gives the same result"
        problems.add("seed is a whole number, not below zero", where, repr(seed)[:80], cure)
    if method not in METHODS:
        problems.add(f"unknown method {method!r}", where, cure=nearest(str(method), METHODS))
    if not 0 < level < 1:
        cure = "for an interval of 90 % say level=0.9"
        problems.add("level lies between 0 and 1", where, repr(level), cure)
    problems.raise_if_any(UsageError)
