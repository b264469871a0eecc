"""Sums without rounding: the same bits as Python's fsum, in any order and any parts."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.exact import ExactSums

NUMBERS = st.floats(min_value=-1e100, max_value=1e100, allow_subnormal=True)


def sums_of(rows: list[tuple[int, float]]) -> ExactSums:
    sums = ExactSums(1)
    for key, value in rows:
        sums.add(np.array([key]), np.array([[value]]))
    return sums


def as_dict(sums: ExactSums) -> dict[int, float]:
    return dict(zip(sums.keys.tolist(), sums.total()[0].tolist(), strict=True))


@given(st.lists(st.tuples(st.integers(0, 4), NUMBERS), max_size=60), st.randoms())
def test_it_is_fsum_in_any_order_and_any_parts(
    rows: list[tuple[int, float]], rng: random.Random
) -> None:
    keys = {key for key, _ in rows}
    wanted = {key: math.fsum(v for k, v in rows if k == key) for key in keys}
    assert as_dict(sums_of(rows)) == wanted
    rng.shuffle(rows)
    cut = rng.randint(0, len(rows))
    first, second = sums_of(rows[:cut]), sums_of(rows[cut:])
    first.merge(second)
    assert as_dict(first) == wanted


@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_nothing_is_lost(values: list[float]) -> None:
    sums = sums_of([(0, v) for v in values])
    held = sum((Fraction(float(part[0, 0])) for part in sums.parts), Fraction(0))
    assert held == sum(map(Fraction, values), Fraction(0))


def test_lines_and_keys_stay_apart() -> None:
    sums = ExactSums(2)
    sums.add(np.array([5, 9]), np.array([[1.0, 2.0], [10.0, 20.0]]))
    sums.add(np.array([2, 9]), np.array([[3.0, 4.0], [30.0, 40.0]]))
    assert sums.keys.tolist() == [2, 5, 9]
    assert sums.total().tolist() == [[3.0, 1.0, 6.0], [30.0, 10.0, 60.0]]


def test_memory_does_not_grow_with_what_is_added() -> None:
    rng = np.random.default_rng(1)
    sums = ExactSums(3)
    for _ in range(2000):
        sums.add(np.arange(4), rng.lognormal(0, 9, (3, 4)) * rng.choice([-1, 1], (3, 4)))
    assert len(sums.parts) <= 6


def test_a_sum_of_zeros_has_no_sign() -> None:
    sums = sums_of([(0, -0.0), (0, -0.0)])
    assert math.copysign(1, sums.total()[0, 0] if sums.keys.size else 0.0) == 1


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_stays_so(bad: float) -> None:
    (found,) = as_dict(sums_of([(0, 1.0), (0, bad), (0, 2.0)])).values()
    assert found == bad or (math.isnan(bad) and math.isnan(found))
