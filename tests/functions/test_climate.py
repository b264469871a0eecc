"""Erosivity and evapotranspiration, by hand, by published examples and against a library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gep.errors import DataError
from gep.functions import climate

DAYS = np.arange("2018-01-01", "2020-01-01", dtype="datetime64[D]")  # two years, 730 days
LAW = {
    "threshold": 10, "exponent": 1.7265, "coefficient_warm": 0.3937, "coefficient_cold": 0.3101,
    "warm_from": 5, "warm_to": 9,
}  # fmt: skip


def record(*rainy, days=DAYS):
    """Return a dry record with rain on the given days."""
    rain = np.zeros(days.size)
    for date, amount in rainy:
        rain[days == np.datetime64(date)] = amount
    return rain


# ------------------------------------------------------------------------------- daily erosivity


def test_daily_erosivity_by_hand():
    # 20 mm: 20^1.7265 = exp(1.7265·2.995732) = exp(5.172132) = 176.2902
    # warm 0.3937·176.2902 = 69.4054, cold 0.3101·176.2902 = 54.6676; 9.99 mm does not count
    # 10 mm counts: 10^1.7265 = 53.2721, warm: 20.9732; sum over two years 145.0462/2 = 72.5231
    rain = record(("2018-01-11", 20), ("2018-07-20", 20), ("2019-06-01", 9.99), ("2019-09-30", 10))
    result = climate.daily_erosivity(rain=rain, dates=DAYS, **LAW)
    assert result == pytest.approx(72.5231, rel=1e-5)


def test_season_ends_with_its_last_month():
    one = climate.daily_erosivity(rain=record(("2018-09-30", 20)), dates=DAYS, **LAW)
    other = climate.daily_erosivity(rain=record(("2018-10-01", 20)), dates=DAYS, **LAW)
    assert one / other == pytest.approx(0.3937 / 0.3101)


def test_season_may_pass_the_turn_of_the_year():
    law = LAW | {"warm_from": 11, "warm_to": 3}
    warm = climate.daily_erosivity(rain=record(("2018-12-24", 20)), dates=DAYS, **law)
    cold = climate.daily_erosivity(rain=record(("2018-07-01", 20)), dates=DAYS, **law)
    assert warm / cold == pytest.approx(0.3937 / 0.3101)


def test_a_list_of_rainy_days_is_the_same_as_the_whole_record():
    rain = record(("2018-01-11", 20), ("2019-07-20", 35))
    whole = climate.daily_erosivity(rain=rain, dates=DAYS, **LAW)
    listed = climate.daily_erosivity(rain=rain[rain > 0], dates=("2018-01-11", "2019-07-20"), **LAW)
    assert listed == pytest.approx(whole, rel=1e-12)


def test_places_are_independent_and_missing_days_stay_missing():
    rain = np.zeros((730, 2, 3))
    rain[200] = [[20, 0, 0], [0, 40, 20]]
    rain[5, 0, 1] = np.nan
    result = climate.daily_erosivity(rain=rain, dates=DAYS, **LAW)
    assert result.shape == (2, 3)
    assert np.isnan(result).tolist() == [[False, True, False], [False, False, False]]
    assert result[0, 0] == result[1, 2] > 0
    assert result[0, 2] == 0


@given(st.floats(10, 200), st.floats(1, 3))
def test_daily_erosivity_is_a_power_law(amount, factor):
    def erosivity(rain):
        return climate.daily_erosivity(rain=record(("2018-07-20", rain)), dates=DAYS, **LAW)

    assert erosivity(amount * factor) == pytest.approx(erosivity(amount) * factor**1.7265)


def test_a_record_with_a_gap_is_refused():
    keep = DAYS != np.datetime64("2019-03-05")
    with pytest.raises(DataError, match=r"1 days are missing, the first is 2019-03-05"):
        climate.daily_erosivity(rain=np.zeros(729), dates=DAYS[keep], **LAW)


def test_years_from_june_to_may_are_refused():
    days = np.arange("2018-06-01", "2020-06-01", dtype="datetime64[D]")
    with pytest.raises(DataError, match="every day of each calendar year"):
        climate.daily_erosivity(rain=np.zeros(days.size), dates=days, **LAW)


@pytest.mark.parametrize(
    ("rain", "dates", "message"),
    [
        (np.array([-1.0]), ["2018-07-01"], "rain is never below 0 mm/d"),
        (np.array([20.0, 20.0]), ["2018-07-01"], "2 days and 1 dates"),
        (np.array([20.0, 20.0]), ["2018-07-01", "2018-07-01"], "2018-07-01 occurs 2 times"),
        (np.array([20.0]), ["band 1"], "write dates as 2020-07-01"),
        (np.array([20.0]), ["NaT"], "1 days and 0 dates"),
        (np.array(20.0), ["2018-07-01"], "0 days and 1 dates"),
    ],
)
def test_wrong_records_are_refused(rain, dates, message):
    with pytest.raises(DataError, match=message):
        climate.daily_erosivity(rain=rain, dates=dates, **LAW)


@pytest.mark.parametrize("month", [0, 13, 5.5])
def test_months_that_do_not_exist_are_refused(month):
    with pytest.raises(DataError, match="a month is one number from 1 to 12"):
        climate.daily_erosivity(rain=record(), dates=DAYS, **LAW | {"warm_from": month})


def test_half_month_model_by_hand():
    # two years, 20 + 40 mm in the first and 30 mm in the second; 11.9 mm is not erosive
    # P_d = 90/3 = 30; P_y = 90/2 = 45; β = 0.8363 + 0.6048 + 0.5434444 = 1.9845444
    # α = 21.586 · exp(-7.1891·ln 1.9845444 = -7.1891·0.6853894 = -4.9273329) = 0.1564079
    # 20^β = exp(1.9845444·2.9957323) = 381.9019; 40^β = exp(1.9845444·3.6888795) = 1511.330
    # 30^β = exp(1.9845444·3.4011974) = 853.9113; (2747.143·0.1564079)/2 = 214.8374
    rain = record(("2018-05-02", 20), ("2018-08-09", 40), ("2019-07-07", 30), ("2019-07-08", 11.9))
    result = climate.half_month_erosivity_zhang(rain=rain, dates=DAYS, threshold=12)
    assert result == pytest.approx(214.8374, rel=1e-5)


def test_half_month_model_without_erosive_days():
    rain = np.zeros((730, 2))
    rain[100, 1] = np.nan
    result = climate.half_month_erosivity_zhang(rain=rain, dates=DAYS, threshold=12)
    np.testing.assert_array_equal(result, [0.0, np.nan])


def test_half_month_model_agrees_with_sums_over_half_months():
    """The annual value is the sum of 24 half-months with one α and β, as the model is stated."""
    rain = np.random.default_rng(4).gamma(0.3, 20, DAYS.size)
    erosive = rain[rain >= 12]
    beta = 0.8363 + 18.144 / erosive.mean() + 24.455 / (erosive.sum() / 2)
    alpha = 21.586 * beta**-7.1891
    month = DAYS.astype("datetime64[M]").astype(int) % 12
    day = (DAYS - DAYS.astype("datetime64[M]")).astype(int) + 1
    half = month * 2 + (day > 15)
    parts = [alpha * (rain[(half == k) & (rain >= 12)] ** beta).sum() / 2 for k in range(24)]
    result = climate.half_month_erosivity_zhang(rain=rain, dates=DAYS, threshold=12)
    assert result == pytest.approx(sum(parts), rel=1e-10)


# ------------------------------------------------------------------------------- monthly erosivity


def test_fournier_averages_the_index_of_the_years():
    # first year: one month of 120 mm: F = 120²/120 = 120; second: 12 months of 60: 43200/720 = 60
    # mean F = 90; 0.1833·90^1.9957 = 0.1833·exp(1.9957·4.4998097 = 8.9802702) = 1456.2652
    rain = np.concatenate([[120.0] + [0.0] * 11, np.full(12, 60.0)])
    result = climate.monthly_erosivity_fournier(rain=rain, coefficient=0.1833, exponent=1.9957)
    assert result == pytest.approx(0.1833 * math.exp(8.9802702), rel=1e-6)
    assert result == pytest.approx(1456.27, rel=1e-4)


def test_fournier_of_dry_and_missing_places():
    rain = np.zeros((24, 2))
    rain[3, 1] = np.nan
    result = climate.monthly_erosivity_fournier(rain=rain, coefficient=0.1833, exponent=1.9957)
    np.testing.assert_array_equal(result, [0.0, np.nan])


@pytest.mark.parametrize("count", [0, 6, 13])
def test_fournier_wants_whole_years(count):
    with pytest.raises(DataError, match=f"found: {count} months"):
        climate.monthly_erosivity_fournier(rain=np.ones(count), coefficient=0.1833, exponent=1.9957)


def test_wischmeier_by_hand():
    # 100 mm in two months, P = 200: p²/P = 50; 50^1.5 = 353.5534; 10^-0.8188 = 0.1517749
    # 1.735·353.5534·0.1517749 = 93.1010; twice: 186.2020
    rain = np.zeros(12)
    rain[[6, 7]] = 100
    result = climate.monthly_erosivity_wischmeier(rain=rain, offset=0.8188, unit_factor=1)
    assert result == pytest.approx(186.202, rel=1e-4)
    metric = climate.monthly_erosivity_wischmeier(rain=rain, offset=0.8188, unit_factor=17.02)
    assert metric == pytest.approx(17.02 * result)


def test_wischmeier_offsets_in_print_differ_by_the_factor_of_the_docstring():
    rain = np.arange(12.0)
    one = climate.monthly_erosivity_wischmeier(rain=rain, offset=0.8188, unit_factor=1)
    other = climate.monthly_erosivity_wischmeier(rain=rain, offset=0.08188, unit_factor=1)
    assert other / one == pytest.approx(5.46, abs=0.005)


def test_wischmeier_of_dry_and_missing_places():
    rain = np.zeros((12, 2))
    rain[3, 1] = np.nan
    result = climate.monthly_erosivity_wischmeier(rain=rain, offset=0.8188, unit_factor=17.02)
    np.testing.assert_array_equal(result, [0.0, np.nan])


@pytest.mark.parametrize("count", [0, 11, 24])
def test_wischmeier_wants_twelve_months(count):
    with pytest.raises(DataError, match=f"found: {count} months"):
        climate.monthly_erosivity_wischmeier(rain=np.ones(count), offset=0.8188, unit_factor=1)


# ------------------------------------------------------------------------------- air and radiation


def test_published_values_of_air():
    # FAO-56 table 2.3 and examples 2, 3 and 14
    assert climate.saturation_vapour_pressure(temperature=24.5) == pytest.approx(3.075, abs=5e-4)
    assert climate.saturation_vapour_pressure(temperature=15.0) == pytest.approx(1.705, abs=5e-4)
    assert climate.atmospheric_pressure(elevation=1800) == pytest.approx(81.8, abs=0.05)
    assert climate.wind_speed_at_two_metres(wind_speed=3.2, height=10) == pytest.approx(
        2.4, abs=0.05
    )
    # 2.501 - 0.002361·20 = 2.45378
    assert climate.latent_heat(temperature=20) == pytest.approx(2.45378, rel=1e-12)


def test_kelvin_for_celsius_is_refused():
    with pytest.raises(DataError, match="temperature lies between -100 and 100 °C"):
        climate.saturation_vapour_pressure(temperature=np.array([293.15]))


def test_labelled_kelvin_is_converted():
    xr = pytest.importorskip("xarray")
    warm = xr.DataArray([297.65], dims="x", attrs={"units": "K"})
    pressure = climate.saturation_vapour_pressure(temperature=warm)
    assert pressure.attrs == {"units": "kPa"}
    assert float(pressure[0]) == pytest.approx(3.075, abs=5e-4)


def test_extraterrestrial_radiation_of_the_published_example():
    # FAO-56 example 8: 20° S on 3 September (day 246): 32.2 MJ/(m²·d)
    result = climate.extraterrestrial_radiation(latitude=-20, day_of_year=246)
    assert result == pytest.approx(32.2, abs=0.05)


def test_polar_day_and_night():
    night, day = climate.extraterrestrial_radiation(
        latitude=80, day_of_year=np.array([355.0, 172.0])
    )
    assert night == 0
    assert day > 40


def radiation_of_example_18():
    # 6 July (day 187), 50°48' N, 100 m; 9.25 of 16.1 hours of sun: (0.25 + 0.5·9.25/16.1)·41.09
    return {
        "solar_radiation": 22.07,
        "extraterrestrial_radiation": climate.extraterrestrial_radiation(
            latitude=50.8, day_of_year=187
        ),
        "temperature_max": 21.5,
        "temperature_min": 12.3,
        "vapour_pressure": 1.409,
        "elevation": 100.0,
        "albedo": 0.23,
    }


def test_fao_example_18():
    given_ = radiation_of_example_18()
    assert given_["extraterrestrial_radiation"] == pytest.approx(41.09, abs=0.02)
    net = climate.net_radiation(**given_)
    # 0.77·22.07 = 16.99; long-wave 3.71: 13.28
    assert net == pytest.approx(13.28, abs=0.01)
    wind = climate.wind_speed_at_two_metres(wind_speed=10 / 3.6, height=10)
    assert wind == pytest.approx(2.078, abs=1e-3)
    et = climate.reference_evapotranspiration_penman_monteith(
        net_radiation=net,
        soil_heat_flux=0,
        temperature_max=21.5,
        temperature_min=12.3,
        vapour_pressure=1.409,
        wind_speed=wind,
        pressure=climate.atmospheric_pressure(elevation=100),
    )
    assert et == pytest.approx(3.88, abs=0.01)  # printed rounded: 3.9


def test_net_radiation_cannot_be_told_in_the_polar_night():
    dark = radiation_of_example_18() | {"extraterrestrial_radiation": 0.0, "solar_radiation": 0.0}
    assert np.isnan(climate.net_radiation(**dark))


def test_exchanged_temperatures_are_refused():
    wrong = radiation_of_example_18() | {"temperature_max": 12.3, "temperature_min": 21.5}
    with pytest.raises(DataError, match="exchanged"):
        climate.net_radiation(**wrong)


def weather(days, warmer=0.0):
    random = np.random.default_rng(7)
    low = random.uniform(-10, 18, days) + warmer
    high = low + random.uniform(3, 18, days)
    return {
        "high": high,
        "low": low,
        "vapour": 0.8 * climate.saturation_vapour_pressure(temperature=low),
        "wind": random.uniform(0.3, 6, days),
        "sun": random.uniform(0.35, 0.75, days),
    }


@pytest.mark.parametrize(
    ("latitude", "elevation", "warmer"),
    [(33.0, 850.0, 0.0), (29.6, 4300.0, -5.0), (50.8, 20.0, 0.0), (-20.0, 0.0, 15.0), (1.0, 2000.0, 8.0)],
)  # fmt: skip
def test_evapotranspiration_agrees_with_pyet(latitude, elevation, warmer):
    """A year of random days at five places: plain, plateau, coast, both hemispheres, equator."""
    pd = pytest.importorskip("pandas")
    pyet = pytest.importorskip("pyet")
    index = pd.date_range("2019-01-01", "2019-12-31")
    w = weather(index.size, warmer)
    above = climate.extraterrestrial_radiation(
        latitude=latitude, day_of_year=index.day_of_year.to_numpy(dtype=float)
    )
    oracle = pyet.meteo_utils.extraterrestrial_r(index, np.radians(latitude))
    np.testing.assert_allclose(above, oracle, rtol=2e-3)

    def series(values):
        return pd.Series(values, index=index)

    mean = (w["high"] + w["low"]) / 2
    sun = w["sun"] * above
    net = climate.net_radiation(
        solar_radiation=sun,
        extraterrestrial_radiation=above,
        temperature_max=w["high"],
        temperature_min=w["low"],
        vapour_pressure=w["vapour"],
        elevation=elevation,
        albedo=0.23,
    )
    et = climate.reference_evapotranspiration_penman_monteith(
        net_radiation=net,
        soil_heat_flux=0,
        temperature_max=w["high"],
        temperature_min=w["low"],
        vapour_pressure=w["vapour"],
        wind_speed=w["wind"],
        pressure=climate.atmospheric_pressure(elevation=elevation),
    )
    oracle = pyet.pm_fao56(
        series(mean), series(w["wind"]), rs=series(sun), tmax=series(w["high"]),
        tmin=series(w["low"]), ea=series(w["vapour"]), elevation=elevation,
        lat=np.radians(latitude), clip_zero=False,
    )  # fmt: skip
    np.testing.assert_allclose(et, oracle, rtol=5e-3, atol=5e-3)

    et = climate.reference_evapotranspiration_hargreaves(
        extraterrestrial_radiation=above,
        temperature_mean=mean,
        temperature_max=w["high"],
        temperature_min=w["low"],
    )
    oracle = pyet.hargreaves(
        series(mean), series(w["high"]), series(w["low"]), np.radians(latitude)
    )
    # the library divides by the latent heat at the day's temperature, equation 52 by that at 20 °C
    heat = climate.latent_heat(temperature=mean) * 0.408
    np.testing.assert_allclose(et, oracle * heat, rtol=3e-3)


def test_hargreaves_of_the_published_example():
    # FAO-56 example 20: Ra 40.6, 26.6/14.8 °C: 0.0023·38.5·sqrt(11.8)·0.408·40.6 = 5.04
    et = climate.reference_evapotranspiration_hargreaves(
        extraterrestrial_radiation=40.6,
        temperature_mean=20.7,
        temperature_max=26.6,
        temperature_min=14.8,
    )
    assert et == pytest.approx(5.04, abs=0.01)


@given(st.floats(0, 8), st.floats(0, 25), st.floats(0.1, 5))
@settings(max_examples=50)
def test_more_radiation_evaporates_more(wind, net, more):
    def et(radiation):
        return climate.reference_evapotranspiration_penman_monteith(
            net_radiation=radiation,
            soil_heat_flux=0,
            temperature_max=25,
            temperature_min=12,
            vapour_pressure=1.2,
            wind_speed=wind,
            pressure=101.3,
        )

    assert et(net + more) > et(net)


def test_missing_stays_missing():
    et = climate.reference_evapotranspiration_hargreaves(
        extraterrestrial_radiation=np.array([40.6, np.nan, 40.6]),
        temperature_mean=np.array([20.7, 20.7, np.nan]),
        temperature_max=26.6,
        temperature_min=14.8,
    )
    assert np.isnan(et).tolist() == [False, True, True]
