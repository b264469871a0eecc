"""Erosion by wind: the factors and the transport equations of the revised wind erosion equation."""

from __future__ import annotations

import numpy as np

from gep.functions._checks import Array, Numbers, array, between, refuse
from gep.functions.soil import check_texture
from gep.units import declare


@declare(wind_speed="m/s", threshold="m/s", days="1", returns="m³/s³", shape="axis")
def wind_factor(*, wind_speed: Array, threshold: Numbers, days: Numbers) -> Array:
    """Return the wind factor of a period: how much wind blows above the threshold.

    Parameters
    ----------
    wind_speed
        Wind speed 2 m above ground [m/s]; observations of the period on the leading axis, as many
        as there are, evenly spread.
    threshold
        Speed at which sand begins to move [m/s]; commonly 5. Broadcasts with one observation.
    days
        Number of days of the period [1].

    Returns
    -------
    ndarray
        ``Σ u (u - threshold)² · days/N`` over the N observations with ``u > threshold`` [m³/s³];
        without the leading axis. NaN where any observation is NaN.

    Raises
    ------
    DataError
        If a speed is negative, or there is no observation.

    Notes
    -----
    Days enter as a number, as in the published equation. Daily mean speeds in place of observations
    miss the gusts and give a much smaller factor.
    Source: Fryrear et al. (1998), Revised wind erosion equation (RWEQ), USDA-ARS Technical Bulletin
    1. Verified: recalled.

    Examples
    --------
    >>> import numpy as np
    >>> print(wind_factor(wind_speed=np.array([4.0, 6.0, 8.0]), threshold=5, days=30))
    780.0
    """
    speed = between(wind_speed, "wind_speed", "m/s", 0)
    least = array(threshold)
    refuse(
        np.atleast_1d(speed.ndim == 0 or speed.shape[0] == 0),
        array(0.0),
        "wind speed wants observations on its leading axis",
        "give at least one observation",
    )
    total = np.zeros(np.broadcast_shapes(speed.shape[1:], least.shape))
    for one in speed:
        total += one * np.maximum(one - least, 0.0) ** 2
    return array(total * array(days) / speed.shape[0])


@declare(elevation="km", temperature="K", returns="kg/m³")
def air_density(*, elevation: Numbers, temperature: Numbers) -> Array:
    """Return the density of air.

    Parameters
    ----------
    elevation
        Elevation above sea level [km].
    temperature
        Absolute air temperature [K]; above 100 K, so that degrees Celsius are noticed.

    Returns
    -------
    ndarray
        ``348 (1.013 - 0.1183 z + 0.0048 z²)/T`` [kg/m³].

    Raises
    ------
    DataError
        If a temperature is below 100 K, or an elevation is outside -1 to 9 km.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: recalled.

    Examples
    --------
    >>> print(f"{air_density(elevation=1.0, temperature=288.15):.4f}")
    1.0863
    """
    height = between(elevation, "elevation", "km", -1, 9)
    kelvin = between(temperature, "temperature", "K", 100, 400)
    return array(348.0 * (1.013 - 0.1183 * height + 0.0048 * height**2) / kelvin)


@declare(
    potential_evapotranspiration="mm",
    rain_and_irrigation="mm",
    wet_days="1",
    days="1",
    returns="1",
)
def soil_moisture_factor(
    *,
    potential_evapotranspiration: Numbers,
    rain_and_irrigation: Numbers,
    wet_days: Numbers,
    days: Numbers,
) -> Array:
    """Return the share of a period in which the soil surface is dry enough to blow.

    Parameters
    ----------
    potential_evapotranspiration
        Potential evapotranspiration of the period [mm], above 0 where the factor is wanted.
    rain_and_irrigation
        Rain and irrigation water of the period [mm].
    wet_days
        Days with rain or irrigation [1], at most ``days``.
    days
        Days of the period [1].

    Returns
    -------
    ndarray
        ``(E - P · wet_days/days)/E`` kept within 0 and 1 [1]; 0 where E is 0.

    Raises
    ------
    DataError
        If an amount is negative or there are more wet days than days.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: recalled.

    Examples
    --------
    >>> f = soil_moisture_factor(
    ...     potential_evapotranspiration=100, rain_and_irrigation=60, wet_days=5, days=30)
    >>> print(f"{f:.2f}")
    0.90
    """
    demand = between(potential_evapotranspiration, "potential_evapotranspiration", "mm", 0)
    water = between(rain_and_irrigation, "rain_and_irrigation", "mm", 0)
    wet, all_days = between(wet_days, "wet_days", "", 0), array(days)
    refuse(wet > all_days, wet, "a period has at least as many days as wet days", "check both")
    left = demand - water * wet / all_days
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where((demand == 0) & ~np.isnan(left), 0.0, left / demand)
    return np.clip(share, 0.0, 1.0)


@declare(snow_depth="mm", threshold="mm", returns="1", shape="axis")
def snow_factor(*, snow_depth: Array, threshold: Numbers) -> Array:
    """Return the share of the observations without a protecting cover of snow.

    Parameters
    ----------
    snow_depth
        Depth of snow [mm]; observations on the leading axis.
    threshold
        The soil is protected above this depth [mm]; commonly 25.4.

    Returns
    -------
    ndarray
        One minus the share of observations with ``snow_depth > threshold`` [1]; without the leading
        axis. NaN where any observation is NaN.

    Raises
    ------
    DataError
        If a depth is negative, or there is no observation.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: recalled.

    Examples
    --------
    >>> import numpy as np
    >>> print(snow_factor(snow_depth=np.array([0.0, 10.0, 30.0, 0.0]), threshold=25.4))
    0.75
    """
    depth = between(snow_depth, "snow_depth", "mm", 0)
    refuse(
        np.atleast_1d(depth.ndim == 0 or depth.shape[0] == 0),
        array(0.0),
        "snow depth wants observations on its leading axis",
        "give at least one observation",
    )
    covered = np.mean(np.where(depth > array(threshold), 1.0, 0.0), axis=0)
    missing = np.isnan(depth).any(axis=0) | np.isnan(array(threshold))
    return np.where(missing, np.nan, 1.0 - covered)


@declare(
    wind_factor="m³/s³",
    air_density="kg/m³",
    gravity="m/s²",
    soil_moisture_factor="1",
    snow_factor="1",
    returns="kg/m",
)
def weather_factor(
    *,
    wind_factor: Numbers,
    air_density: Numbers,
    gravity: Numbers,
    soil_moisture_factor: Numbers,
    snow_factor: Numbers,
) -> Array:
    """Return the weather factor of one period; the year's is the sum over its periods.

    Parameters
    ----------
    wind_factor
        Wind factor of the period [m³/s³], see :func:`wind_factor`. All arguments broadcast.
    air_density
        Density of air [kg/m³].
    gravity
        Acceleration of gravity [m/s²]; commonly 9.8.
    soil_moisture_factor
        Share of dry time [1].
    snow_factor
        Share of snow-free time [1].

    Returns
    -------
    ndarray
        ``wind_factor · air_density/gravity · soil_moisture_factor · snow_factor``, the bare number
        that is published as [kg/m].

    Notes
    -----
    The published unit is kg/m although the product of the units is kg/(m·s): the number of days in
    the wind factor is counted, not measured. The number is passed on as published.
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: secondary.

    Examples
    --------
    >>> wf = weather_factor(wind_factor=980, air_density=1.2, gravity=9.8,
    ...                     soil_moisture_factor=0.5, snow_factor=1)
    >>> print(f"{wf:.1f}")
    60.0
    """
    wind = between(wind_factor, "wind_factor", "m³/s³", 0)
    moisture = between(soil_moisture_factor, "soil_moisture_factor", "", 0, 1)
    snow = between(snow_factor, "snow_factor", "", 0, 1)
    return array(wind * array(air_density) / array(gravity) * moisture * snow)


@declare(sand="%", silt="%", clay="%", organic_matter="%", calcium_carbonate="%", returns="1")
def erodible_fraction(
    *,
    sand: Numbers,
    silt: Numbers,
    clay: Numbers,
    organic_matter: Numbers,
    calcium_carbonate: Numbers,
) -> Array:
    """Return the fraction of the soil surface that wind can carry away.

    Parameters
    ----------
    sand, silt, clay
        Texture [%]. All arguments broadcast.
    organic_matter
        Organic matter, not organic carbon [%].
    calcium_carbonate
        Calcium carbonate [%]; 0 where it is not known.

    Returns
    -------
    ndarray
        ``(29.09 + 0.31 sand + 0.17 silt + 0.33 sand/clay - 2.59 OM - 0.95 CaCO3)/100`` [1], not
        clipped.

    Raises
    ------
    DataError
        If a share is outside 0 to 100 %, the texture does not add up, or there is no clay (the
        formula divides by it).

    Notes
    -----
    Fitted for 5 to 39 % clay; with much less the term sand/clay grows beyond meaning.
    Source: Fryrear et al. (1994), Soil Sci. Soc. Am. J. 58, 1166-1172. Verified: secondary (minus
    signs restored).

    Examples
    --------
    >>> ef = erodible_fraction(
    ...     sand=60, silt=20, clay=20, organic_matter=1, calcium_carbonate=0)
    >>> print(f"{ef:.4f}")
    0.4949
    """
    sand = between(sand, "sand", "%", 0, 100)
    silt = between(silt, "silt", "%", 0, 100)
    clay = between(clay, "clay", "%", 0, 100)
    organic = between(organic_matter, "organic_matter", "%", 0, 100)
    lime = between(calcium_carbonate, "calcium_carbonate", "%", 0, 100)
    check_texture(sand=sand, silt=silt, clay=clay)
    refuse(
        clay == 0,
        clay,
        "the erodible fraction of a soil without clay is not defined",
        "mask these cells, or give the clay content of the sand",
    )
    texture = 29.09 + 0.31 * sand + 0.17 * silt + 0.33 * (sand / clay)
    return array((texture - 2.59 * organic - 0.95 * lime) / 100.0)


@declare(clay="%", organic_matter="%", returns="1")
def soil_crust_factor(*, clay: Numbers, organic_matter: Numbers) -> Array:
    """Return how far a crust on the soil lets the wind erode it.

    Parameters
    ----------
    clay
        Clay [%]. Both arguments broadcast.
    organic_matter
        Organic matter, not organic carbon [%].

    Returns
    -------
    ndarray
        ``1/(1 + 0.0066 clay² + 0.021 OM²)`` [1].

    Raises
    ------
    DataError
        If a share is outside 0 to 100 %.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: secondary.

    Examples
    --------
    >>> print(f"{soil_crust_factor(clay=10, organic_matter=2):.4f}")
    0.5734
    """
    share = between(clay, "clay", "%", 0, 100)
    organic = between(organic_matter, "organic_matter", "%", 0, 100)
    return array(1.0 / (1.0 + 0.0066 * share**2 + 0.021 * organic**2))


@declare(relief="m", distance="m", factor="1", returns="m")
def ridge_roughness(*, relief: Numbers, distance: Numbers, factor: Numbers) -> Array:
    """Return the roughness of ridges from their height and spacing, or of terrain from its relief.

    Parameters
    ----------
    relief
        Height of the ridges, or difference of elevation within ``distance`` [m].
    distance
        Spacing of the ridges, or the horizontal distance of the relief [m], above 0.
    factor
        Factor of the equation [1]: commonly 4 for ridges in a field and 0.2 for terrain.

    Returns
    -------
    ndarray
        ``factor · relief²/distance`` [m].

    Raises
    ------
    DataError
        If the relief is negative or the distance is not positive.

    Notes
    -----
    :func:`roughness_factor` is published for centimetres, and many texts give relief and distance
    in metres without saying whether the roughness is multiplied by 100. Here the result is a length
    in metres; which number enters the next equation is the rule's to say.
    Source: Smith and Carson, in Fryrear et al. (1998), RWEQ. Verified: secondary.

    Examples
    --------
    >>> print(f"{ridge_roughness(relief=30, distance=1000, factor=0.2):.2f}")
    0.18
    """
    height = between(relief, "relief", "m", 0)
    length = array(distance)
    refuse(length <= 0, length, "the distance of a relief is above 0 m", "check its unit")
    return array(array(factor) * height**2 / length)


@declare(ridge_roughness="cm", random_roughness="cm", returns="1")
def roughness_factor(*, ridge_roughness: Numbers, random_roughness: Numbers) -> Array:
    """Return how far a rough surface lets the wind erode it.

    Parameters
    ----------
    ridge_roughness
        Roughness of ridges [cm], see :func:`ridge_roughness` (which is in metres).
    random_roughness
        Random roughness [cm]; 0 where it is neglected.

    Returns
    -------
    ndarray
        ``exp(1.86 Kr - 2.41 Kr^0.934 - 0.127 Crr)`` [1]; 1 on a smooth surface.

    Raises
    ------
    DataError
        If a roughness is negative.

    Notes
    -----
    The fit is for field ridges. The factor is least (0.09) at 18 cm, rises beyond and is above 1
    from 51 cm on: such numbers are outside its range.
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: secondary (minus
    signs restored).

    Examples
    --------
    >>> print(f"{roughness_factor(ridge_roughness=1, random_roughness=0):.4f}")
    0.5769
    """
    ridge = between(ridge_roughness, "ridge_roughness", "cm", 0)
    random = between(random_roughness, "random_roughness", "cm", 0)
    return array(np.exp(1.86 * ridge - 2.41 * ridge**0.934 - 0.127 * random))


@declare(cover="%", decay="1", returns="1")
def wind_cover_factor(*, cover: Numbers, decay: Numbers) -> Array:
    """Return how far plants let the wind erode the soil.

    Parameters
    ----------
    cover
        Plant cover [%]. Both arguments broadcast.
    decay
        Decay for each per cent of cover [1]; depends on the kind of plants.

    Returns
    -------
    ndarray
        ``exp(-decay · cover)`` [1].

    Raises
    ------
    DataError
        If the cover is outside 0 to 100 %, or the decay is negative.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: secondary.

    Examples
    --------
    >>> print(f"{wind_cover_factor(cover=20, decay=0.1151):.4f}")
    0.1001
    """
    share = between(cover, "cover", "%", 0, 100)
    return array(np.exp(-between(decay, "decay", "", 0) * share))


@declare(
    weather_factor="kg/m",
    erodible_fraction="1",
    soil_crust_factor="1",
    roughness_factor="1",
    cover_factor="1",
    returns="kgsand/m",
)
def max_transport(
    *,
    weather_factor: Numbers,
    erodible_fraction: Numbers,
    soil_crust_factor: Numbers,
    roughness_factor: Numbers,
    cover_factor: Numbers,
) -> Array:
    """Return the most sand that the wind can carry across a line.

    Parameters
    ----------
    weather_factor
        Weather factor [kg/m]. All arguments broadcast.
    erodible_fraction, soil_crust_factor, roughness_factor
        Soil and surface factors [1].
    cover_factor
        Plant cover factor [1]; 1 gives the transport without plants.

    Returns
    -------
    ndarray
        ``109.8 ·`` the product of the five factors [kg/m].

    Raises
    ------
    DataError
        If a factor is negative.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: secondary.

    Examples
    --------
    >>> q = max_transport(weather_factor=10, erodible_fraction=0.5, soil_crust_factor=0.5,
    ...                   roughness_factor=0.8, cover_factor=1)
    >>> print(f"{q:.1f}")
    219.6
    """
    product = _product(
        weather_factor, erodible_fraction, soil_crust_factor, roughness_factor, cover_factor
    )
    return array(109.8 * product)


@declare(
    weather_factor="kg/m",
    erodible_fraction="1",
    soil_crust_factor="1",
    roughness_factor="1",
    cover_factor="1",
    returns="m",
)
def critical_field_length(
    *,
    weather_factor: Numbers,
    erodible_fraction: Numbers,
    soil_crust_factor: Numbers,
    roughness_factor: Numbers,
    cover_factor: Numbers,
) -> Array:
    """Return the field length at which the transport reaches 63.2 % of its maximum.

    Parameters
    ----------
    weather_factor
        Weather factor [kg/m]. All arguments broadcast.
    erodible_fraction, soil_crust_factor, roughness_factor
        Soil and surface factors [1].
    cover_factor
        Plant cover factor [1].

    Returns
    -------
    ndarray
        ``150.71 · product^-0.3711`` [m]; infinite where a factor is 0.

    Raises
    ------
    DataError
        If a factor is negative.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: secondary.

    Examples
    --------
    >>> s = critical_field_length(weather_factor=1, erodible_fraction=1, soil_crust_factor=1,
    ...                           roughness_factor=1, cover_factor=1)
    >>> print(f"{s:.2f}")
    150.71
    """
    product = _product(
        weather_factor, erodible_fraction, soil_crust_factor, roughness_factor, cover_factor
    )
    with np.errstate(divide="ignore"):
        return array(150.71 * product**-0.3711)


@declare(max_transport="kgsand/m", critical_field_length="m", distance="m", returns="kgsand/m²")
def sand_transport(
    *, max_transport: Numbers, critical_field_length: Numbers, distance: Numbers
) -> Array:
    """Return the soil that the wind takes from a square metre, at a distance from the edge.

    Parameters
    ----------
    max_transport
        The most that the wind can carry [kg/m]. All arguments broadcast.
    critical_field_length
        Critical field length [m], above 0; infinite where nothing is carried.
    distance
        Distance downwind of the edge that does not erode [m]; commonly 50.

    Returns
    -------
    ndarray
        ``2 z/s² · Qmax · exp(-(z/s)²)`` [kg/m²].

    Raises
    ------
    DataError
        If the transport or the distance is negative, or the length is not positive.

    Notes
    -----
    Source: Fryrear et al. (1998), RWEQ, USDA-ARS Technical Bulletin 1. Verified: secondary.

    Examples
    --------
    >>> print(f"{sand_transport(max_transport=100, critical_field_length=50, distance=50):.4f}")
    1.4715
    """
    most = between(max_transport, "max_transport", "kg/m", 0)
    along = between(distance, "distance", "m", 0)
    length = array(critical_field_length)
    refuse(length <= 0, length, "the critical field length is above 0 m", "check its factors")
    return array(2.0 * along / length**2 * most * np.exp(-((along / length) ** 2)))


def _product(
    weather: Numbers, erodible: Numbers, crust: Numbers, roughness: Numbers, cover: Numbers
) -> Array:
    product = (
        between(weather, "weather_factor", "kg/m", 0)
        * between(erodible, "erodible_fraction", "", 0)
        * between(crust, "soil_crust_factor", "", 0)
        * between(roughness, "roughness_factor", "", 0)
        * between(cover, "cover_factor", "", 0)
    )
    return array(product)
