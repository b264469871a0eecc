"""Erodibility, against reference values of real soils and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.functions.soil import erodibility_epic, erodibility_si

# five real soils [%], and K in t·h/(MJ·mm) computed independently with the factor 0.1317
SOILS = [
    (45.4, 44.92, 9.68, 0.439, 0.04405634),
    (54.9, 38.1, 7.0, 0.472, 0.04022572),
    (71.08, 22.54, 6.38, 0.678, 0.03051954),
    (7.55, 27.52, 64.93, 0.702, 0.04093558),
    (9.52, 41.66, 48.82, 0.757, 0.04627599),
]


@pytest.mark.parametrize(("sand", "silt", "clay", "carbon", "expected"), SOILS)
def test_reference_soils(sand, silt, clay, carbon, expected):
    epic = erodibility_epic(sand=sand, silt=silt, clay=clay, organic_carbon=carbon)
    k = erodibility_si(epic=epic, offset=0, gradient=1, unit_factor=0.1317)
    assert k == pytest.approx(expected, abs=1e-8)


def test_by_hand():
    # sand 40, silt 40, clay 20, carbon 1:
    # 0.2 + 0.3 exp(-0.0256·40·0.6 = -0.6144) = 0.2 + 0.3·0.540965 = 0.362290
    # (40/60)^0.3 = exp(0.3·-0.405465) = 0.885463
    # 1 - 0.25·1/(1 + exp(0.77) = 1 + 2.159766) = 1 - 0.25/3.159766 = 0.920880
    # n = 0.6: 1 - 0.7·0.6/(0.6 + exp(-5.51 + 13.74) = 0.6 + 3751.8) = 0.999888
    # product: 0.295386
    k = erodibility_epic(sand=40, silt=40, clay=20, organic_carbon=1)
    assert k == pytest.approx(0.362290 * 0.885463 * 0.920880 * 0.999888, rel=1e-5)


def test_the_circulating_slips_would_be_noticed():
    k = erodibility_epic(sand=40, silt=40, clay=20, organic_carbon=1)
    wrong_sign = 0.2 + 0.3 * math.exp(+0.0256 * 40 * 0.6)
    right = 0.2 + 0.3 * math.exp(-0.0256 * 40 * 0.6)
    assert k * wrong_sign / right > 1.5 * k


def test_calibration():
    # (-0.01383 + 0.51575·0.3) · 0.1317 = (0.140895) · 0.1317 = 0.0185559
    k = erodibility_si(epic=0.3, offset=-0.01383, gradient=0.51575, unit_factor=0.1317)
    assert k == pytest.approx(0.0185559, rel=1e-5)


def test_missing_stays_missing():
    sand = np.array([45.4, np.nan])
    k = erodibility_epic(sand=sand, silt=44.92, clay=9.68, organic_carbon=0.439)
    assert np.isnan(k).tolist() == [False, True]


@pytest.mark.parametrize(
    ("soil", "message"),
    [
        ((0.4, 0.4, 0.2, 1.0), "add up to 100 %"),
        ((40.0, 40.0, 10.0, 1.0), "the first is 90"),
        ((-1.0, 81.0, 20.0, 1.0), "sand lies between 0 and 100 %"),
        ((40.0, 40.0, 20.0, 101.0), "organic carbon lies between 0 and 100 %"),
        ((100.0, 0.0, 0.0, 1.0), "without silt and clay"),
    ],
)
def test_impossible_soils_are_refused(soil, message):
    sand, silt, clay, carbon = soil
    with pytest.raises(DataError, match=message):
        erodibility_epic(sand=sand, silt=silt, clay=clay, organic_carbon=carbon)


@given(st.floats(1, 90), st.floats(0.05, 0.95), st.floats(0, 10), st.floats(0.01, 5))
def test_more_carbon_means_less_erodible(sand, part, carbon, more):
    silt = (100 - sand) * part
    clay = 100 - sand - silt

    def k(c):
        return erodibility_epic(sand=sand, silt=silt, clay=clay, organic_carbon=c)

    # the fitted fraction C/(C + exp(3.72 - 2.95 C)) rises with C wherever C > 0
    assert k(carbon + more) <= k(carbon) * (1 + 1e-12)
    assert 0 < k(carbon) < 0.5


def test_percent_and_fraction_are_converted():
    xr = pytest.importorskip("xarray")

    def share(value):
        return xr.DataArray([value], dims="x", attrs={"units": "1"})

    k = erodibility_epic(
        sand=share(0.454), silt=share(0.4492), clay=share(0.0968), organic_carbon=share(0.00439)
    )
    assert k.attrs == {"units": "1"}
    assert float(k[0]) * 0.1317 == pytest.approx(0.04405634, abs=1e-8)
