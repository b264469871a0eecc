"""Soil: how easily it is eroded, from texture and organic carbon."""

from __future__ import annotations

import numpy as np

from gep.functions._checks import Array, Numbers, array, between, refuse
from gep.units import declare

_TEXTURE_TOLERANCE = 5.0


def check_texture(*, sand: Array, silt: Array, clay: Array) -> None:
    """Raise DataError where sand, silt and clay are not the parts of one soil.

    Parameters
    ----------
    sand, silt, clay
        Shares [%], broadcastable arrays. Their sum may miss 100 % by 5 percentage points, as
        separately mapped fractions do.

    Raises
    ------
    DataError
        If the sum is further from 100 %.

    Examples
    --------
    >>> import numpy as np
    >>> check_texture(sand=np.array(40.0), silt=np.array(40.0), clay=np.array(20.0))
    """
    total = sand + silt + clay
    refuse(
        np.abs(total - 100.0) > _TEXTURE_TOLERANCE,
        total,
        "sand, silt and clay add up to 100 % (within 5 percentage points)",
        "check that all three are in per cent and belong to the same soil layer",
    )


@declare(sand="%", silt="%", clay="%", organic_carbon="%", returns="1")
def erodibility_epic(
    *, sand: Numbers, silt: Numbers, clay: Numbers, organic_carbon: Numbers
) -> Array:
    """Return the soil erodibility of the EPIC model, as its formula gives it.

    Parameters
    ----------
    sand
        Sand, 0.05 to 2 mm [%]. All arguments broadcast.
    silt
        Silt, 0.002 to 0.05 mm [%].
    clay
        Clay, below 0.002 mm [%].
    organic_carbon
        Organic carbon, not organic matter [%].

    Returns
    -------
    ndarray
        Erodibility [1], the bare number of the formula, which belongs to US customary units;
        :func:`erodibility_si` takes it to SI. NaN where an argument is NaN.

    Raises
    ------
    DataError
        If a share is outside 0 to 100 %, the texture is further than 5 percentage points from
        100 %, or a soil has neither silt nor clay (the formula divides by their sum).

    Notes
    -----
    ``{0.2 + 0.3 exp[-0.0256 sand (1 - silt/100)]} · [silt/(clay + silt)]^0.3
    · {1 - 0.25 C/[C + exp(3.72 - 2.95 C)]}
    · {1 - 0.7 n/[n + exp(-5.51 + 22.9 n)]}`` with ``n = 1 - sand/100``.
    Three slips circulate: ``+0.0256``, the ``0.2`` outside the braces, and organic matter for
    carbon.
    Source: Williams (1990), The erosion-productivity impact calculator (EPIC) model, Phil. Trans.
    R. Soc. B 329, 421-428. Verified: secondary (as quoted elsewhere; minus signs restored).

    Examples
    --------
    >>> k = erodibility_epic(sand=45.4, silt=44.92, clay=9.68, organic_carbon=0.439)
    >>> print(f"{k:.5f}")
    0.33452
    """
    sand = between(sand, "sand", "%", 0, 100)
    silt = between(silt, "silt", "%", 0, 100)
    clay = between(clay, "clay", "%", 0, 100)
    carbon = between(organic_carbon, "organic_carbon", "%", 0, 100)
    check_texture(sand=sand, silt=silt, clay=clay)
    refuse(
        silt + clay == 0,
        sand,
        "the erodibility of a soil without silt and clay is not defined",
        "mask these cells, or give the silt and clay content of the sand",
    )
    fine = 1.0 - sand / 100.0
    coarse_sand = 0.2 + 0.3 * np.exp(-0.0256 * sand * (1.0 - silt / 100.0))
    silt_share = (silt / (clay + silt)) ** 0.3
    carbon_factor = 1.0 - 0.25 * carbon / (carbon + np.exp(3.72 - 2.95 * carbon))
    high_sand = 1.0 - 0.7 * fine / (fine + np.exp(-5.51 + 22.9 * fine))
    return array(coarse_sand * silt_share * carbon_factor * high_sand)


@declare(
    epic="1",
    offset="1",
    gradient="1",
    unit_factor="1",
    returns="tsoil·hm²·h/(hm²·MJ·mm)",
)
def erodibility_si(
    *, epic: Numbers, offset: Numbers, gradient: Numbers, unit_factor: Numbers
) -> Array:
    """Return erodibility in SI units, after a linear calibration.

    Parameters
    ----------
    epic
        Erodibility as :func:`erodibility_epic` gives it [1]. All arguments broadcast.
    offset
        Offset of the calibration [1]; 0 where there is none.
    gradient
        Gradient of the calibration [1]; 1 where there is none.
    unit_factor
        From US customary units to SI [1]; commonly 0.1317.

    Returns
    -------
    ndarray
        ``(offset + gradient · epic) · unit_factor`` [t·hm²·h/(hm²·MJ·mm)].

    Notes
    -----
    Some texts calibrate (offset -0.01383, gradient 0.51575), others do not: the results differ by
    a factor of about two, so nothing is assumed here.
    Source: Foster et al. (1981), Conversion of the universal soil loss equation to SI metric
    units, J. Soil Water Conserv. 36, 355-359 (unit factor). Verified: secondary.

    Examples
    --------
    >>> k = erodibility_si(epic=0.33452, offset=0, gradient=1, unit_factor=0.1317)
    >>> print(f"{k:.5f}")
    0.04406
    """
    calibrated = array(offset) + array(gradient) * array(epic)
    return array(calibrated * array(unit_factor))
