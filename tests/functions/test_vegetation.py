"""Plant cover and its erosion factor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.functions.vegetation import (
    cover_factor_logarithmic,
    ndvi_limits,
    vegetation_cover,
    vegetation_cover_quantile,
)

SHARE = st.floats(0, 1)


def test_cover_is_linear_between_the_limits_and_clipped_outside():
    ndvi = np.array([-0.2, 0.05, 0.25, 0.45, 0.65, 0.86, 0.99, np.nan])
    # (0.25 - 0.05)/(0.85 - 0.05) = 0.25; (0.45 - 0.05)/0.8 = 0.5; (0.65 - 0.05)/0.8 = 0.75
    expected = [0, 0, 0.25, 0.5, 0.75, 1, 1, np.nan]
    cover = vegetation_cover(ndvi=ndvi, ndvi_soil=0.05, ndvi_vegetation=0.85)
    np.testing.assert_allclose(cover, expected, rtol=1e-12)


def test_scaled_index_is_refused():
    with pytest.raises(DataError, match="ndvi lies between -1 and 1"):
        vegetation_cover(ndvi=np.array([5200.0]), ndvi_soil=0.05, ndvi_vegetation=0.85)


def test_exchanged_limits_are_refused():
    with pytest.raises(DataError, match="exchanged"):
        vegetation_cover(ndvi=0.5, ndvi_soil=0.85, ndvi_vegetation=0.05)


def test_limits_are_quantiles_of_the_cells_with_data():
    # 0.00, 0.01 ... 1.00 shuffled, among missing cells: the 5 % quantile of 101 values is 0.05
    values = np.random.default_rng(1).permutation(np.arange(101) / 100)
    ndvi = np.full((20, 20), np.nan)
    ndvi.flat[: values.size] = values
    low, high = ndvi_limits(ndvi=ndvi, lower=0.05, upper=0.95)
    assert (low, high) == pytest.approx((0.05, 0.95))
    cover = vegetation_cover_quantile(ndvi=ndvi, lower=0.05, upper=0.95, dx=30, dy=30)
    expected = np.clip((ndvi - 0.05) / 0.9, 0, 1)
    np.testing.assert_allclose(cover, expected, atol=1e-12)


@pytest.mark.parametrize(("lower", "upper"), [(5, 95), (0.95, 0.05), (-0.1, 0.5)])
def test_quantiles_are_ordered_fractions(lower, upper):
    with pytest.raises(DataError, match="ordered within 0 and 1"):
        ndvi_limits(ndvi=np.array([0.1, 0.5]), lower=lower, upper=upper)


def test_a_grid_without_data_is_refused():
    with pytest.raises(DataError, match="holds no data"):
        ndvi_limits(ndvi=np.full(4, np.nan), lower=0.05, upper=0.95)


def test_cover_curve_printed_for_per_cent():
    cover = np.array([0.0, 0.1, 0.5, 0.783, 1.0, np.nan])
    factor = cover_factor_logarithmic(
        cover=cover, intercept=0.6508, gradient=0.3436, reference=0.01
    )
    # 10 %: 0.6508 - 0.3436·1 = 0.3072; 50 %: 0.6508 - 0.3436·1.698970 = 0.067034
    # 78.3 %: 0.6508 - 0.3436·1.893762 = 0.000103: the printed end of the curve; above: 0; at 0: 1
    expected = [1, 0.3072, 0.067034, 0.000103, 0, np.nan]
    np.testing.assert_allclose(factor, expected, atol=1e-6)


def test_cover_curve_printed_for_a_fraction():
    factor = cover_factor_logarithmic(
        cover=np.array([1.0, 0.1, 0.01]), intercept=0.221, gradient=0.595, reference=1
    )
    # 0.221; 0.221 + 0.595 = 0.816; 0.221 + 1.190 = 1.411, kept at 1
    np.testing.assert_allclose(factor, [0.221, 0.816, 1.0], rtol=1e-12)


@given(SHARE, SHARE)
def test_more_cover_never_means_more_erosion(one, other):
    low, high = sorted((one, other))

    def factor(cover):
        return cover_factor_logarithmic(
            cover=cover, intercept=0.6508, gradient=0.3436, reference=0.01
        )

    assert 0 <= factor(high) <= factor(low) <= 1


def test_impossible_curves_are_refused():
    with pytest.raises(DataError, match="cover lies between 0 and 1"):
        cover_factor_logarithmic(cover=50, intercept=0.6508, gradient=0.3436, reference=0.01)
    with pytest.raises(DataError, match="without its sign"):
        cover_factor_logarithmic(cover=0.5, intercept=0.6508, gradient=-0.3436, reference=0.01)
