"""Storm runoff of plots: a curve that is known comes back."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gep.errors import DataError, UsageError
from gep.functions import water

RAIN = [50.0, 60.0, 80.0, 100.0, 150.0]
RUNOFF = [8.0, 9.5, 13.0, 14.5, 19.0]


def test_three_storms_by_hand():
    # x = ln P = 4, 5, 6 and R = 9, 14, 16 mm: means 5 and 13; a = ((-1)(-4) + 0 + 3)/2 = 3.5
    # b = 13 - 17.5 = -4.5; residuals -0.5, 1, -0.5: sum of squares 1.5; 26 about the mean
    # s² = 1.5/1; error of a = sqrt(1.5/2) = 0.866025; t(0.975, 1) = 12.7062: ± 11.003893
    # error of b = sqrt(1.5 (1/3 + 25/2)) = 4.387482: ± 55.748255; r² = 1 - 1.5/26 = 0.942308
    fit = water.storm_runoff_regression(rain=[math.exp(k) for k in (4, 5, 6)], runoff=[9, 14, 16])
    assert (fit.a, fit.b, fit.n) == (pytest.approx(3.5), pytest.approx(-4.5), 3)
    assert fit.a_interval == pytest.approx((3.5 - 11.003893, 3.5 + 11.003893), rel=1e-5)
    assert fit.b_interval == pytest.approx((-4.5 - 55.748255, -4.5 + 55.748255), rel=1e-5)
    assert fit.r_squared == pytest.approx(0.942308, abs=5e-7)
    assert fit.rain == (pytest.approx(54.598150), pytest.approx(403.428793))


@given(st.floats(1, 15), st.floats(-20, -2))
def test_a_known_curve_comes_back(a, b):
    rain = np.array([60.0, 90.0, 150.0, 260.0]) * math.exp(-b / a) / 30  # runoff stays above 0
    runoff = a * np.log(rain) + b
    assume(np.all(runoff < rain))
    fit = water.storm_runoff_regression(rain=rain, runoff=runoff)
    assert (fit.a, fit.b) == (pytest.approx(a), pytest.approx(b))
    assert fit.r_squared == pytest.approx(1)
    assert fit.a_interval == (pytest.approx(a, rel=1e-5), pytest.approx(a, rel=1e-5))


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_intervals_agree_with_statsmodels(confidence):
    api = pytest.importorskip("statsmodels.api")
    model = api.OLS(RUNOFF, api.add_constant(np.log(RAIN))).fit()
    low, high = model.conf_int(1 - confidence).T
    fit = water.storm_runoff_regression(rain=RAIN, runoff=RUNOFF, confidence=confidence)
    np.testing.assert_allclose([fit.b, fit.a], model.params)
    np.testing.assert_allclose([fit.b_interval, fit.a_interval], np.transpose([low, high]))
    assert fit.r_squared == pytest.approx(model.rsquared)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rain": RAIN[:2], "runoff": RUNOFF[:2]}, "at least 3 observations"),
        ({"rain": [60.0] * 5}, "rain differs among the observations"),
        ({"rain": [0.0, *RAIN[1:]]}, "rain of a storm is above 0 mm"),
        ({"rain": [np.nan, *RAIN[1:]]}, r"its rain(.|\n)*first in row 1"),
        ({"runoff": [-1.0, *RUNOFF[1:]]}, "runoff is never below 0 mm"),
        ({"runoff": [51.0, *RUNOFF[1:]]}, "never more than the rain"),
        ({"runoff": RUNOFF[::-1]}, "storm runoff grows with rain"),
        ({"runoff": RUNOFF[:4]}, "columns of one length"),
        ({"rain": [RAIN], "runoff": [RUNOFF]}, "columns of one length"),
    ],
)
def test_impossible_storms_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        water.storm_runoff_regression(**{"rain": RAIN, "runoff": RUNOFF} | change)


@pytest.mark.parametrize("confidence", [0, 1, 95, math.nan])
def test_confidence_is_a_fraction(confidence):
    with pytest.raises(UsageError, match=r"write 0\.95 for 95 %"):
        water.storm_runoff_regression(rain=RAIN, runoff=RUNOFF, confidence=confidence)


def test_result_cannot_be_changed():
    fit = water.storm_runoff_regression(rain=RAIN, runoff=RUNOFF)
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.a = 1.0
