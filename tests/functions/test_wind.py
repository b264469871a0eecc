"""Wind erosion, by hand and by its invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.functions import wind

FACTORS = {
    "weather_factor": 40.0,
    "erodible_fraction": 0.5,
    "soil_crust_factor": 0.4,
    "roughness_factor": 0.9,
    "cover_factor": 0.25,
}
SHARE = st.floats(0.01, 1)


def test_wind_factor_by_hand():
    # u (u - 5)²: 4 -> 0, 6 -> 6·1 = 6, 8 -> 8·9 = 72; mean 26; 30 days: 780
    speeds = np.array([4.0, 6.0, 8.0])
    assert wind.wind_factor(wind_speed=speeds, threshold=5, days=30) == pytest.approx(780)


def test_wind_factor_reduces_the_leading_axis_only():
    speeds = np.array([[4.0, np.nan], [6.0, 6.0], [8.0, 8.0]])
    result = wind.wind_factor(wind_speed=speeds, threshold=5, days=30)
    np.testing.assert_allclose(result, [780, np.nan])


def test_calm_moves_nothing():
    assert wind.wind_factor(wind_speed=np.array([0.0, 5.0]), threshold=5, days=31) == 0


@pytest.mark.parametrize("speeds", [np.array(6.0), np.empty(0)])
def test_wind_factor_wants_observations(speeds):
    with pytest.raises(DataError, match="leading axis"):
        wind.wind_factor(wind_speed=speeds, threshold=5, days=30)


def test_negative_wind_is_refused():
    with pytest.raises(DataError, match="wind speed is never below 0 m/s"):
        wind.wind_factor(wind_speed=np.array([-9999.0, 6.0]), threshold=5, days=30)


def test_air_density():
    # sea level, 288.15 K: 348·1.013/288.15 = 352.524/288.15 = 1.223404
    # 2 km, 280 K: 348·(1.013 - 0.2366 + 0.0192)/280 = 348·0.7956/280 = 0.988817
    rho = wind.air_density(elevation=np.array([0.0, 2.0]), temperature=np.array([288.15, 280.0]))
    np.testing.assert_allclose(rho, [1.223404, 0.988817], rtol=1e-6)


def test_air_density_notices_degrees_celsius_and_metres():
    with pytest.raises(DataError, match="temperature lies between 100 and 400 K"):
        wind.air_density(elevation=0.1, temperature=15)
    with pytest.raises(DataError, match="elevation lies between -1 and 9 km"):
        wind.air_density(elevation=1200, temperature=288)


def test_air_density_converts_labelled_units():
    xr = pytest.importorskip("xarray")
    rho = wind.air_density(
        elevation=xr.DataArray([2000.0], dims="x", attrs={"units": "m"}),
        temperature=xr.DataArray([6.85], dims="x", attrs={"units": "degC"}),
    )
    assert float(rho[0]) == pytest.approx(0.988817, rel=1e-6)
    assert rho.attrs == {"units": "kg/m³"}


def test_soil_moisture_factor():
    # (100 - 60·5/30)/100 = 0.9; (100 - 900·20/30)/100 = -5 -> 0; no demand -> 0; missing
    factor = wind.soil_moisture_factor(
        potential_evapotranspiration=np.array([100.0, 100.0, 0.0, np.nan]),
        rain_and_irrigation=np.array([60.0, 900.0, 10.0, 10.0]),
        wet_days=np.array([5.0, 20.0, 5.0, 5.0]),
        days=30,
    )
    np.testing.assert_allclose(factor, [0.9, 0, 0, np.nan])
    with pytest.raises(DataError, match="as many days as wet days"):
        wind.soil_moisture_factor(
            potential_evapotranspiration=1, rain_and_irrigation=1, wet_days=32, days=31
        )


def test_snow_factor():
    # three of four observations at or below 25.4 mm: 0.75; missing stays missing
    depth = np.array([[0.0, 0.0], [25.4, 0.0], [25.5, np.nan], [0.0, 0.0]])
    np.testing.assert_allclose(wind.snow_factor(snow_depth=depth, threshold=25.4), [0.75, np.nan])


def test_weather_factor():
    # 780·1.2/9.8·0.9·0.75 = 64.469388
    result = wind.weather_factor(
        wind_factor=780, air_density=1.2, gravity=9.8, soil_moisture_factor=0.9, snow_factor=0.75
    )
    assert result == pytest.approx(64.469388, rel=1e-7)


def test_erodible_fraction():
    # 29.09 + 18.6 + 3.4 + 0.33·3 = 52.08; - 2.59·2 = 46.90; - 0.95·4 = 43.10 -> 0.431
    result = wind.erodible_fraction(
        sand=60, silt=20, clay=20, organic_matter=2, calcium_carbonate=4
    )
    assert result == pytest.approx(0.431, rel=1e-12)


def test_erodible_fraction_wants_clay():
    with pytest.raises(DataError, match="without clay"):
        wind.erodible_fraction(sand=80, silt=20, clay=0, organic_matter=1, calcium_carbonate=0)


def test_soil_crust_factor():
    # 1/(1 + 0.0066·400 + 0.021·4) = 1/3.724
    result = wind.soil_crust_factor(clay=20, organic_matter=2)
    assert result == pytest.approx(1 / 3.724, rel=1e-12)


def test_ridge_roughness():
    # field ridges 0.1 m high, 0.5 m apart, factor 4: 4·0.01/0.5 = 0.08 m
    result = wind.ridge_roughness(relief=0.1, distance=0.5, factor=4)
    assert result == pytest.approx(0.08)
    with pytest.raises(DataError, match="above 0 m"):
        wind.ridge_roughness(relief=0.1, distance=0, factor=4)


def test_roughness_factor():
    smooth, rough = wind.roughness_factor(
        ridge_roughness=np.array([0.0, 8.0]), random_roughness=np.array([0.0, 1.0])
    )
    assert smooth == 1
    # 1.86·8 - 2.41·8^0.934 - 0.127; 8^0.934 = exp(0.934·2.0794415) = exp(1.9421984) = 6.974064
    # 14.88 - 16.807494 - 0.127 = -2.054494 -> 0.128157
    assert rough == pytest.approx(0.128157, rel=1e-4)


def test_roughness_factor_turns_where_the_docstring_says():
    ridges = np.linspace(0.5, 60, 2381)
    factor = wind.roughness_factor(ridge_roughness=ridges, random_roughness=0)
    assert ridges[np.argmin(factor)] == pytest.approx(18, abs=0.5)
    assert factor.min() == pytest.approx(0.09, abs=0.005)
    assert ridges[factor > 1].min() == pytest.approx(51, abs=1)


def test_labelled_roughness_is_converted_to_centimetres():
    xr = pytest.importorskip("xarray")
    ridge = wind.ridge_roughness(
        relief=xr.DataArray([0.1], dims="x", attrs={"units": "m"}), distance=0.5, factor=4
    )
    factor = wind.roughness_factor(ridge_roughness=ridge, random_roughness=1)
    assert float(factor[0]) == pytest.approx(0.128157, rel=1e-4)


def test_wind_cover_factor():
    # exp(-0.1151·20) = exp(-2.302) = 0.100058
    assert wind.wind_cover_factor(cover=20, decay=0.1151) == pytest.approx(0.100058, rel=1e-5)


def test_transport_chain_by_hand():
    # product 40·0.5·0.4·0.9·0.25 = 1.8; Qmax = 109.8·1.8 = 197.64
    # 1.8^-0.3711 = exp(-0.3711·0.5877867) = exp(-0.2181276) = 0.804023; s = 121.1743
    # z = 50: z/s = 0.412629; (z/s)² = 0.170263; exp(-) = 0.843443
    # 2·50/14683.21 = 0.00681050; · 197.64 · 0.843443 = 1.135299
    most = wind.max_transport(**FACTORS)
    length = wind.critical_field_length(**FACTORS)
    assert most == pytest.approx(197.64)
    assert length == pytest.approx(121.1743, rel=1e-5)
    moved = wind.sand_transport(max_transport=most, critical_field_length=length, distance=50)
    assert moved == pytest.approx(1.135299, rel=1e-5)


def test_nothing_moves_without_wind():
    still = FACTORS | {"weather_factor": 0.0}
    length = wind.critical_field_length(**still)
    assert length == math.inf
    moved = wind.sand_transport(
        max_transport=wind.max_transport(**still), critical_field_length=length, distance=50
    )
    assert moved == 0


def test_missing_stays_missing():
    factors = FACTORS | {"cover_factor": np.array([0.25, np.nan])}
    moved = wind.sand_transport(
        max_transport=wind.max_transport(**factors),
        critical_field_length=wind.critical_field_length(**factors),
        distance=50,
    )
    assert np.isnan(moved).tolist() == [False, True]


@given(st.floats(0.1, 100), SHARE, SHARE)
def test_transport_scales_and_the_published_compact_shape_follows(weather, one, ratio):
    """At a fixed z/s the transport goes with the product to the power 1.3711."""

    def moved(product):
        factors = dict.fromkeys(FACTORS, 1.0) | {"weather_factor": product}
        length = wind.critical_field_length(**factors)
        return wind.sand_transport(
            max_transport=wind.max_transport(**factors),
            critical_field_length=length,
            distance=ratio * length,
        )

    assert moved(weather * one) == pytest.approx(moved(weather) * one**1.3711, rel=1e-9)
    # 109.8/150.71 = 0.728551
    expected = 0.728551 * 2 * ratio * math.exp(-(ratio**2)) * weather**1.3711
    assert moved(weather) == pytest.approx(expected, rel=1e-5)


@given(SHARE, SHARE)
def test_more_plants_mean_less_transport(one, other):
    low, high = sorted((one, other))
    assert wind.max_transport(**FACTORS | {"cover_factor": low}) <= wind.max_transport(
        **FACTORS | {"cover_factor": high}
    )
