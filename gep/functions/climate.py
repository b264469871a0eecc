"""Climate: erosivity of rain, radiation and reference evapotranspiration.

Functions of a series take time on the leading axis and return one value per place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gep.errors import DataError
from gep.functions._checks import Array, Numbers, array, between, refuse
from gep.units import declare

_MONTHS = 12
_KELVIN = 273.16  # as in the source of the long-wave radiation
_STEFAN_BOLTZMANN = 4.903e-9  # MJ/(K⁴·m²·d)
_SOLAR_CONSTANT = 0.0820  # MJ/(m²·min)


# ------------------------------------------------------------------------------- erosivity


@declare(
    rain="mm/d",
    threshold="mm/d",
    exponent="1",
    coefficient_warm="1",
    coefficient_cold="1",
    warm_from="1",
    warm_to="1",
    plain=("dates",),
    returns="MJ·mm/(hm²·h·yr)",
    shape="axis",
)
def daily_erosivity(  # noqa: PLR0913  the parameters of the published model
    *,
    rain: Array,
    dates: ArrayLike,
    threshold: Numbers,
    exponent: Numbers,
    coefficient_warm: Numbers,
    coefficient_cold: Numbers,
    warm_from: Numbers,
    warm_to: Numbers,
) -> Array:
    """Return mean annual rain erosivity from daily rain, by a power law with two seasons.

    Parameters
    ----------
    rain
        Daily rain [mm/d], days on the leading axis, any trailing shape.
    dates
        The date of each day (anything NumPy reads as ``datetime64``), each once, in any order.
        Either every day of the calendar years that occur, or a list of the days with rain: where
        at most half the days of these years are given, the others count as dry.
    threshold
        Least rain of an erosive day [mm/d]; commonly 10 or 12.
    exponent
        Exponent of daily rain [1]; 1.7265 in the published law.
    coefficient_warm, coefficient_cold
        Coefficients of the two seasons [1, for rain in mm/d and the result's unit].
    warm_from, warm_to
        First and last month of the warm season [1], 1 to 12; it may pass the turn of the year.

    Returns
    -------
    ndarray
        ``Σ coefficient · rain^exponent`` over the erosive days, divided by the number of
        calendar years that occur [MJ·mm/(hm²·h·yr)]; without the leading axis. NaN where any day is
        NaN.

    Raises
    ------
    DataError
        If rain is negative, dates and rain differ in length, a date cannot be read or occurs twice,
        a record of most days is not complete, or a month does not exist.

    Notes
    -----
    Sums over half-months give the same annual value.
    Source: Xie et al. (2016), Daily rainfall erosivity models and their evaluation, Trans. CSAE
    32(12), with Zhang et al. (2002). Verified: secondary.

    Examples
    --------
    >>> import numpy as np
    >>> dates = np.arange("2019-01-01", "2020-01-01", dtype="datetime64[D]")
    >>> rain = np.zeros(365)
    >>> rain[[10, 200]] = 20.0
    >>> r = daily_erosivity(rain=rain, dates=dates, threshold=10, exponent=1.7265,
    ...                     coefficient_warm=0.3937, coefficient_cold=0.3101,
    ...                     warm_from=5, warm_to=9)
    >>> print(f"{r:.2f}")
    124.07
    """
    days, years, months = _calendar(rain, dates)
    first, last = _month(warm_from), _month(warm_to)
    warm = (months >= first) & (months <= last)
    if first > last:
        warm = (months >= first) | (months <= last)
    total = np.zeros(days.shape[1:])
    for day, in_season in zip(days, warm, strict=True):
        coefficient = coefficient_warm if in_season else coefficient_cold
        total = total + array(coefficient) * _erosive(day, threshold) ** array(exponent)
    return array(total / years)


@declare(rain="mm/d", threshold="mm/d", plain=("dates",), returns="MJ·mm/(hm²·h·yr)", shape="axis")
def half_month_erosivity_zhang(*, rain: Array, dates: ArrayLike, threshold: Numbers) -> Array:
    """Return mean annual rain erosivity from daily rain, with parameters taken from the rain.

    Parameters
    ----------
    rain
        Daily rain [mm/d], days on the leading axis, any trailing shape.
    dates
        The date of each day, as for :func:`daily_erosivity`.
    threshold
        Least rain of an erosive day [mm/d]; 12 in the published model.

    Returns
    -------
    ndarray
        ``Σ α rain^β`` over the erosive days, divided by the number of years
        [MJ·mm/(hm²·h·yr)]; without the leading axis; 0 where no day is erosive. NaN where any day
        is NaN.

    Raises
    ------
    DataError
        If rain is negative or the dates are not as :func:`daily_erosivity` wants them.

    Notes
    -----
    ``β = 0.8363 + 18.144/P_d + 24.455/P_y`` and ``α = 21.586 β^-7.1891``, P_d the mean rain of an
    erosive day and P_y the mean annual rain of the erosive days. The model is stated for
    half-months, with one α and β for all: their sum is computed here.
    Source: Zhang, Xie and Liu (2002), Rainfall erosivity estimation using daily rainfall amounts,
    Sci. Geogr. 22, 705-711. Verified: secondary.

    Examples
    --------
    >>> import numpy as np
    >>> dates = np.arange("2019-01-01", "2020-01-01", dtype="datetime64[D]")
    >>> rain = np.zeros(365)
    >>> rain[180:190] = 30.0
    >>> print(f"{half_month_erosivity_zhang(rain=rain, dates=dates, threshold=12):.1f}")
    1864.7
    """
    days, years, _ = _calendar(rain, dates)
    amount = number = np.zeros(days.shape[1:])
    for day in days:
        erosive = _erosive(day, threshold)
        amount = amount + erosive
        number = number + (erosive > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = 0.8363 + 18.144 / (amount / number) + 24.455 / (amount / years)
        alpha = 21.586 * beta**-7.1891
    total = np.zeros(days.shape[1:])
    for day in days:
        erosive = _erosive(day, threshold)
        total = total + np.where(erosive == 0, 0.0, alpha * erosive**beta)
    return array(total / years)


@declare(rain="mm/yr", coefficient="1", exponent="1", returns="MJ·mm/(hm²·h·yr)", shape="axis")
def monthly_erosivity_fournier(*, rain: Array, coefficient: Numbers, exponent: Numbers) -> Array:
    """Return mean annual rain erosivity from the monthly rain of several years.

    Parameters
    ----------
    rain
        Rain of each month [mm/yr: so much in that month of a year], whole years on the leading
        axis (12, 24, 36 ... months, each year from its first month), any trailing shape.
    coefficient, exponent
        ``R = coefficient · F^exponent`` [1, for F in mm]; 0.1833 and 1.9957 are published.

    Returns
    -------
    ndarray
        Erosivity [MJ·mm/(hm²·h·yr)], from the mean over the years of ``F = Σ p²/Σ p``; without the
        leading axis. A year without rain counts with F = 0. NaN where any month is NaN.

    Raises
    ------
    DataError
        If rain is negative or the leading axis does not hold whole years.

    Notes
    -----
    The index is computed for each year and then averaged; from months averaged over the years it
    would be smaller.
    Source: Fournier (1960); Zhang and Fu (2003), Rainfall erosivity estimation under different
    rainfall amount, Resour. Sci. 25, 35-41 (coefficients). Verified: secondary.

    Examples
    --------
    >>> import numpy as np
    >>> rain = np.full(12, 60.0)
    >>> print(f"{monthly_erosivity_fournier(rain=rain, coefficient=0.1833, exponent=1.9957):.1f}")
    648.4
    """
    months = between(rain, "rain", "mm/yr", 0)
    count = months.shape[0] if months.ndim else 0
    if count == 0 or count % _MONTHS:
        what = "the leading axis holds the twelve months of each year"
        raise DataError(what, found=f"{count} months", cure="give whole years, month by month")
    years = months.reshape((-1, _MONTHS, *months.shape[1:]))
    total = years.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(total == 0, 0.0, (years**2).sum(axis=1) / total)
    return array(array(coefficient) * index.mean(axis=0) ** array(exponent))


@declare(rain="mm/yr", offset="1", unit_factor="1", returns="MJ·mm/(hm²·h·yr)", shape="axis")
def monthly_erosivity_wischmeier(*, rain: Array, offset: Numbers, unit_factor: Numbers) -> Array:
    """Return annual rain erosivity from the twelve mean monthly amounts of rain.

    Parameters
    ----------
    rain
        Mean rain of each month [mm/yr: so much in that month of a year]; twelve on the leading
        axis, any trailing shape.
    offset
        Number subtracted in the exponent [1]. Texts print 0.8188 or 0.08188; the second gives 5.46
        times the first.
    unit_factor
        From the unit of the formula to the result's [1]: 17.02 from US customary units
        (100 ft·tonf·in/(acre·h·yr)), 1 where the text takes the number as it is.

    Returns
    -------
    ndarray
        ``unit_factor · Σ 1.735 · 10^(1.5 lg(p²/P) - offset)`` with P the sum of the months p
        [MJ·mm/(hm²·h·yr)]; without the leading axis. A month without rain adds nothing. NaN where
        any month is NaN.

    Raises
    ------
    DataError
        If rain is negative or there are not twelve months.

    Notes
    -----
    Whether the offset is multiplied by 1.5, and whether the result still wants a unit factor, is
    told differently from text to text; nothing is assumed here.
    Source: Wischmeier and Smith (1978), Predicting rainfall erosion losses, USDA Agriculture
    Handbook 537, as quoted elsewhere. Verified: secondary.

    Examples
    --------
    >>> import numpy as np
    >>> r = monthly_erosivity_wischmeier(rain=np.full(12, 60.0), offset=0.8188, unit_factor=17.02)
    >>> print(f"{r:.1f}")
    601.3
    """
    months = between(rain, "rain", "mm/yr", 0)
    count = months.shape[0] if months.ndim else 0
    if count != _MONTHS:
        what = "the leading axis holds the twelve mean months of a year"
        raise DataError(what, found=f"{count} months", cure="average the years month by month")
    total = months.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(months == 0, 0.0, months**2 / total)
    index = np.where(np.isnan(total), np.nan, index)
    scale = array(unit_factor) * 1.735 * 10.0 ** -array(offset)
    return array(scale * (index**1.5).sum(axis=0))


# ------------------------------------------------------------------------------- air and radiation


@declare(temperature="degC", returns="kPa")
def saturation_vapour_pressure(*, temperature: Numbers) -> Array:
    """Return the vapour pressure of saturated air.

    Parameters
    ----------
    temperature
        Air temperature [degC], -100 to 100.

    Returns
    -------
    ndarray
        ``0.6108 exp(17.27 T/(T + 237.3))`` [kPa].

    Raises
    ------
    DataError
        If a temperature is outside -100 to 100 °C.

    Notes
    -----
    Source: Allen et al. (1998), Crop evapotranspiration, FAO Irrigation and Drainage Paper 56,
    equation 11. Verified: secondary.

    Examples
    --------
    >>> print(f"{saturation_vapour_pressure(temperature=21.5):.3f}")
    2.564
    """
    degrees = _temperature(temperature, "temperature")
    return array(0.6108 * np.exp(17.27 * degrees / (degrees + 237.3)))


@declare(temperature="degC", returns="MJ/kg")
def latent_heat(*, temperature: Numbers) -> Array:
    """Return the heat that evaporates a kilogram of water.

    Parameters
    ----------
    temperature
        Temperature of the water [degC], -100 to 100.

    Returns
    -------
    ndarray
        ``2.501 - 0.002361 T`` [MJ/kg].

    Raises
    ------
    DataError
        If a temperature is outside -100 to 100 °C.

    Notes
    -----
    Source: Harrison (1963), in Allen et al. (1998), FAO Irrigation and Drainage Paper 56, annex 3.
    Verified: secondary.

    Examples
    --------
    >>> print(f"{latent_heat(temperature=20):.3f}")
    2.454
    """
    return array(2.501 - 0.002361 * _temperature(temperature, "temperature"))


@declare(elevation="m", returns="kPa")
def atmospheric_pressure(*, elevation: Numbers) -> Array:
    """Return the mean pressure of air at an elevation.

    Parameters
    ----------
    elevation
        Elevation above sea level [m], -1000 to 9000.

    Returns
    -------
    ndarray
        ``101.3 ((293 - 0.0065 z)/293)^5.26`` [kPa].

    Raises
    ------
    DataError
        If an elevation is outside -1000 to 9000 m.

    Notes
    -----
    Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equation 7. Verified:
    secondary.

    Examples
    --------
    >>> print(f"{atmospheric_pressure(elevation=1800):.1f}")
    81.8
    """
    height = between(elevation, "elevation", "m", -1000, 9000)
    return array(101.3 * ((293.0 - 0.0065 * height) / 293.0) ** 5.26)


@declare(wind_speed="m/s", height="m", returns="m/s")
def wind_speed_at_two_metres(*, wind_speed: Numbers, height: Numbers) -> Array:
    """Return wind speed 2 m above ground from that at another height.

    Parameters
    ----------
    wind_speed
        Wind speed [m/s]. Both arguments broadcast.
    height
        Height of the measurement above ground [m], at least 0.5.

    Returns
    -------
    ndarray
        ``u · 4.87/ln(67.8 h - 5.42)`` [m/s].

    Raises
    ------
    DataError
        If a speed is negative or a height is below 0.5 m.

    Notes
    -----
    For short grass. Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equation 47.
    Verified: secondary.

    Examples
    --------
    >>> print(f"{wind_speed_at_two_metres(wind_speed=3.2, height=10):.1f}")
    2.4
    """
    speed = between(wind_speed, "wind_speed", "m/s", 0)
    return array(speed * 4.87 / np.log(67.8 * between(height, "height", "m", 0.5) - 5.42))


@declare(latitude="deg", day_of_year="1", returns="MJ/(m²·d)")
def extraterrestrial_radiation(*, latitude: Numbers, day_of_year: Numbers) -> Array:
    """Return the daily radiation of the sun above the atmosphere on a horizontal surface.

    Parameters
    ----------
    latitude
        Latitude [deg], south negative. Both arguments broadcast.
    day_of_year
        Day of the year [1], 1 to 366.

    Returns
    -------
    ndarray
        Radiation [MJ/(m²·d)]; 0 in the polar night.

    Raises
    ------
    DataError
        If a latitude is outside -90 to 90° or a day outside 1 to 366.

    Notes
    -----
    Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 21 to 25. Verified:
    secondary.

    Examples
    --------
    >>> print(f"{extraterrestrial_radiation(latitude=-20, day_of_year=246):.1f}")
    32.2
    """
    phi = np.radians(between(latitude, "latitude", "deg", -90, 90))
    turn = 2.0 * np.pi * between(day_of_year, "day_of_year", "", 1, 366) / 365.0
    nearness = 1.0 + 0.033 * np.cos(turn)
    declination = 0.409 * np.sin(turn - 1.39)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1.0, 1.0))
    height = sunset * np.sin(phi) * np.sin(declination)
    height = height + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return array(np.maximum(24.0 * 60.0 / np.pi * _SOLAR_CONSTANT * nearness * height, 0.0))


@declare(
    solar_radiation="MJ/(m²·d)",
    extraterrestrial_radiation="MJ/(m²·d)",
    temperature_max="degC",
    temperature_min="degC",
    vapour_pressure="kPa",
    elevation="m",
    albedo="1",
    returns="MJ/(m²·d)",
)
def net_radiation(
    *,
    solar_radiation: Numbers,
    extraterrestrial_radiation: Numbers,
    temperature_max: Numbers,
    temperature_min: Numbers,
    vapour_pressure: Numbers,
    elevation: Numbers,
    albedo: Numbers,
) -> Array:
    """Return the radiation that the ground keeps in a day.

    Parameters
    ----------
    solar_radiation
        Radiation of the sun at the ground [MJ/(m²·d)]. All arguments broadcast.
    extraterrestrial_radiation
        Radiation above the atmosphere [MJ/(m²·d)].
    temperature_max, temperature_min
        Highest and lowest air temperature of the day [degC].
    vapour_pressure
        Actual vapour pressure [kPa].
    elevation
        Elevation above sea level [m].
    albedo
        Share of sunlight reflected [1]; 0.23 for the reference grass.

    Returns
    -------
    ndarray
        Net radiation [MJ/(m²·d)]: short-wave kept minus long-wave lost. NaN also where there is no
        extraterrestrial radiation (polar night), as cloudiness cannot be told from it.

    Raises
    ------
    DataError
        If radiation or vapour pressure is negative, the albedo is outside 0 to 1, or the highest
        temperature is below the lowest.

    Notes
    -----
    Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 37 to 40. Verified:
    secondary.

    Examples
    --------
    >>> rn = net_radiation(
    ...     solar_radiation=22.07, extraterrestrial_radiation=41.09, temperature_max=21.5,
    ...     temperature_min=12.3, vapour_pressure=1.409, elevation=100, albedo=0.23)
    >>> print(f"{rn:.2f}")
    13.28
    """
    sun = between(solar_radiation, "solar_radiation", "MJ/(m²·d)", 0)
    above = between(extraterrestrial_radiation, "extraterrestrial_radiation", "MJ/(m²·d)", 0)
    vapour = between(vapour_pressure, "vapour_pressure", "kPa", 0)
    reflected = between(albedo, "albedo", "", 0, 1)
    high, low = _day(temperature_max, temperature_min)
    clear = (0.75 + 2e-5 * between(elevation, "elevation", "m", -1000, 9000)) * above
    with np.errstate(divide="ignore", invalid="ignore"):
        clearness = np.where(clear > 0, np.minimum(sun / clear, 1.0), np.nan)
    black = _STEFAN_BOLTZMANN * ((high + _KELVIN) ** 4 + (low + _KELVIN) ** 4) / 2.0
    lost = black * (0.34 - 0.14 * np.sqrt(vapour)) * (1.35 * clearness - 0.35)
    return array((1.0 - reflected) * sun - lost)


# ------------------------------------------------------------------------------- evapotranspiration


@declare(
    net_radiation="MJ/(m²·d)",
    soil_heat_flux="MJ/(m²·d)",
    temperature_max="degC",
    temperature_min="degC",
    vapour_pressure="kPa",
    wind_speed="m/s",
    pressure="kPa",
    returns="mm/d",
)
def reference_evapotranspiration_penman_monteith(
    *,
    net_radiation: Numbers,
    soil_heat_flux: Numbers,
    temperature_max: Numbers,
    temperature_min: Numbers,
    vapour_pressure: Numbers,
    wind_speed: Numbers,
    pressure: Numbers,
) -> Array:
    """Return daily reference evapotranspiration of short grass, after Penman and Monteith.

    Parameters
    ----------
    net_radiation
        Net radiation [MJ/(m²·d)], see :func:`net_radiation`. All arguments broadcast.
    soil_heat_flux
        Heat that the soil takes up [MJ/(m²·d)]; 0 for single days.
    temperature_max, temperature_min
        Highest and lowest air temperature of the day [degC]; the mean is halfway.
    vapour_pressure
        Actual vapour pressure [kPa].
    wind_speed
        Wind speed 2 m above ground [m/s].
    pressure
        Air pressure [kPa], see :func:`atmospheric_pressure`.

    Returns
    -------
    ndarray
        Reference evapotranspiration [mm/d]. Not clipped: small negative numbers mean dew.

    Raises
    ------
    DataError
        If wind speed, vapour pressure or pressure is negative, or the highest temperature is below
        the lowest.

    Notes
    -----
    Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equation 6 (example 18 gives
    3.9 mm/d). Verified: secondary.

    Examples
    --------
    >>> et = reference_evapotranspiration_penman_monteith(
    ...     net_radiation=13.28, soil_heat_flux=0, temperature_max=21.5, temperature_min=12.3,
    ...     vapour_pressure=1.409, wind_speed=2.078, pressure=100.1)
    >>> print(f"{et:.2f}")
    3.88
    """
    high, low = _day(temperature_max, temperature_min)
    vapour = between(vapour_pressure, "vapour_pressure", "kPa", 0)
    wind = between(wind_speed, "wind_speed", "m/s", 0)
    mean = (high + low) / 2.0
    saturated = (
        saturation_vapour_pressure(temperature=high) + saturation_vapour_pressure(temperature=low)
    ) / 2.0
    slope = 4098.0 * saturation_vapour_pressure(temperature=mean) / (mean + 237.3) ** 2
    gamma = 0.665e-3 * between(pressure, "pressure", "kPa", 0)
    radiation = 0.408 * slope * (array(net_radiation) - array(soil_heat_flux))
    dryness = gamma * 900.0 / (mean + 273.0) * wind * (saturated - vapour)
    return array((radiation + dryness) / (slope + gamma * (1.0 + 0.34 * wind)))


@declare(
    extraterrestrial_radiation="MJ/(m²·d)",
    temperature_mean="degC",
    temperature_max="degC",
    temperature_min="degC",
    returns="mm/d",
)
def reference_evapotranspiration_hargreaves(
    *,
    extraterrestrial_radiation: Numbers,
    temperature_mean: Numbers,
    temperature_max: Numbers,
    temperature_min: Numbers,
) -> Array:
    """Return daily reference evapotranspiration from temperatures alone, after Hargreaves.

    Parameters
    ----------
    extraterrestrial_radiation
        Radiation above the atmosphere [MJ/(m²·d)]. All arguments broadcast.
    temperature_mean, temperature_max, temperature_min
        Mean, highest and lowest air temperature of the day [degC].

    Returns
    -------
    ndarray
        ``0.0023 (T + 17.8) sqrt(Tmax - Tmin) · 0.408 Ra`` [mm/d], never below 0.

    Raises
    ------
    DataError
        If radiation is negative or the highest temperature is below the lowest.

    Notes
    -----
    Source: Hargreaves and Samani (1985), in Allen et al. (1998), FAO Irrigation and Drainage Paper
    56, equation 52. Verified: secondary.

    Examples
    --------
    >>> et = reference_evapotranspiration_hargreaves(
    ...     extraterrestrial_radiation=40.6, temperature_mean=20.7, temperature_max=26.6,
    ...     temperature_min=14.8)
    >>> print(f"{et:.1f}")
    5.0
    """
    above = between(extraterrestrial_radiation, "extraterrestrial_radiation", "MJ/(m²·d)", 0)
    high, low = _day(temperature_max, temperature_min)
    mean = _temperature(temperature_mean, "temperature_mean")
    return array(np.maximum(0.0023 * (mean + 17.8) * np.sqrt(high - low) * 0.408 * above, 0.0))


# ------------------------------------------------------------------------------- parts


def _temperature(values: Numbers, name: str) -> Array:
    return between(values, name, "°C", -100, 100)


def _day(temperature_max: Numbers, temperature_min: Numbers) -> tuple[Array, Array]:
    high = _temperature(temperature_max, "temperature_max")
    low = _temperature(temperature_min, "temperature_min")
    refuse(
        high < low,
        high,
        "the highest temperature of a day is not below the lowest",
        "check that the two were not exchanged",
    )
    return high, low


def _erosive(rain: Array, threshold: Numbers) -> Array:
    """Return the rain of an erosive day, 0 below the threshold and NaN where it is missing."""
    return np.where(rain < threshold, 0.0, rain)


def _month(value: Numbers) -> int:
    numbers = np.unique(array(value))
    if numbers.size != 1 or numbers[0] not in range(1, _MONTHS + 1):
        what, cure = "a month is one number from 1 to 12", "write 5 for May"
        raise DataError(what, found=", ".join(f"{n:g}" for n in numbers), cure=cure)
    return int(numbers[0])


def _calendar(rain: Array, dates: ArrayLike) -> tuple[Array, int, NDArray[np.int64]]:
    """Return daily rain, the number of years and each day's month; refuse records with gaps."""
    days = between(rain, "rain", "mm/d", 0)
    count = days.shape[0] if days.ndim else 0
    try:
        when = np.asarray(dates, dtype="datetime64[D]").ravel()
    except ValueError as error:
        what, cure = "daily rain has a date for each day", "write dates as 2020-07-01"
        raise DataError(what, found=str(error), cure=cure) from error
    if count == 0 or count != when.size or np.isnat(when).any():
        what = "daily rain has one date for each day of its leading axis"
        found = f"{count} days and {int((~np.isnat(when)).sum())} dates"
        raise DataError(what, found=found, cure="give the dates of exactly these days")
    known, times = np.unique(when, return_counts=True)
    if known.size < when.size:
        what, found = "each day occurs once", f"{known[times > 1][0]} occurs {times.max()} times"
        raise DataError(what, found=found, cure="join the records so that each day has one row")
    years = np.unique(when.astype("datetime64[Y]"))
    whole = np.concatenate(
        [
            np.arange(
                y.astype("datetime64[D]"), (y + np.timedelta64(1, "Y")).astype("datetime64[D]")
            )
            for y in years
        ]
    )
    missing = np.setdiff1d(whole, when)
    if 0 < missing.size < when.size:
        what = "mean annual erosivity needs every day of each calendar year"
        found = f"{missing.size} days are missing, the first is {missing[0]}"
        cure = "leave out incomplete years; give 0 for days without rain, NaN where not observed"
        raise DataError(what, found=found, cure=cure)
    return days, int(years.size), when.astype("datetime64[M]").astype(np.int64) % _MONTHS + 1
