"""Steps and thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError, UsageError
from gep.functions.tabular import at_least, piecewise

NUMBER = st.floats(-100, 100)


def test_breaks_belong_to_the_interval_above():
    # below 5 -> 1; 5 to below 25 -> 2; from 25 -> 3
    x = np.array([-1.0, 4.999, 5.0, 24.999, 25.0, 1e9])
    assert piecewise(x, 1, 5, 2, 25, 3).tolist() == [1, 1, 2, 2, 3, 3]


def test_missing_stays_missing():
    x = np.array([np.nan, 1.0, 1.0, 7.0])
    at = np.array([5.0, np.nan, 5.0, 5.0])
    y = np.array([2.0, 2.0, 2.0, np.nan])
    # x missing; break missing; below the break; value of the chosen interval missing
    np.testing.assert_array_equal(piecewise(x, 1.0, at, y), [np.nan, np.nan, 1.0, np.nan])


def test_a_missing_value_of_another_interval_does_no_harm():
    assert piecewise(np.array([1.0]), 1.0, 5.0, np.nan).tolist() == [1.0]


def test_values_may_be_arrays_of_x():
    x = np.array([1.0, 10.0])
    assert piecewise(x, 2 * x, 5, x**2).tolist() == [2.0, 100.0]


@pytest.mark.parametrize("shape", [(1000,), (7, 300), (3, 1, 500)])
def test_many_cells_are_chosen_one_by_one(shape):
    rng = np.random.default_rng(4)
    x, y, z = rng.uniform(0, 30, shape), rng.random(shape), rng.random(shape[-1])
    found = piecewise(x, y, 5, 2 * y, 10, 0.5, 25, z)
    np.testing.assert_array_equal(found, np.select([x < 5, x < 10, x < 25], [y, 2 * y, 0.5], z))


def test_arguments_broadcast():
    x = np.array([[1.0], [9.0]])
    y = np.array([10.0, 20.0, 30.0])
    assert piecewise(x, 0, 5, y).tolist() == [[0, 0, 0], [10, 20, 30]]


def test_breaks_must_ascend():
    with pytest.raises(DataError, match=r"ascend(.|\n)*25, 5"):
        piecewise(1.0, 1, 25, 2, 5, 3)
    with pytest.raises(DataError):
        piecewise(1.0, 1, 5, 2, 5, 3)


@pytest.mark.parametrize("steps", [(), (1, 2), (1, 2, 3, 4)])
def test_values_and_breaks_alternate(steps):
    with pytest.raises(UsageError, match="arguments after x"):
        piecewise(1.0, *steps)


@given(st.lists(NUMBER, min_size=1, max_size=20), st.lists(NUMBER, unique=True, max_size=5))
def test_agrees_with_a_search(values, breaks):
    breaks = sorted(breaks)
    heights = [float(i) for i in range(len(breaks) + 1)]
    steps = [heights[0]]
    for at, height in zip(breaks, heights[1:], strict=True):
        steps += [at, height]
    expected = [float(sum(b <= v for b in breaks)) for v in values]
    assert piecewise(np.array(values), *steps).tolist() == expected


def test_at_least_keeps_what_reaches_the_threshold():
    x = np.array([11.999, 12.0, 30.0, np.nan])
    np.testing.assert_array_equal(at_least(x=x, threshold=12), [0.0, 12.0, 30.0, np.nan])
    assert np.isnan(at_least(x=1.0, threshold=np.nan))


@given(NUMBER, NUMBER)
def test_at_least_is_x_or_nothing(x, threshold):
    assert at_least(x=x, threshold=threshold) == (x if x >= threshold else 0.0)
