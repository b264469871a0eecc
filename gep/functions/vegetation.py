"""Vegetation: cover from a vegetation index, and the erosion factor from cover."""

from __future__ import annotations

import numpy as np

from gep.errors import DataError
from gep.functions._checks import Array, Numbers, array, between
from gep.units import declare


@declare(ndvi="1", ndvi_soil="1", ndvi_vegetation="1", returns="1")
def vegetation_cover(*, ndvi: Numbers, ndvi_soil: Numbers, ndvi_vegetation: Numbers) -> Array:
    """Return the share of the ground that is covered by plants, from a vegetation index.

    Parameters
    ----------
    ndvi
        Normalised difference vegetation index [1], -1 to 1. All arguments broadcast.
    ndvi_soil
        Index of bare ground [1].
    ndvi_vegetation
        Index of full cover [1], above ``ndvi_soil``.

    Returns
    -------
    ndarray
        Cover [1]: ``(ndvi - ndvi_soil)/(ndvi_vegetation - ndvi_soil)``, kept within 0 and 1.
        NaN where an argument is NaN.

    Raises
    ------
    DataError
        If an index is outside -1 to 1, or that of full cover is not above that of bare ground.

    Notes
    -----
    Source: Gutman and Ignatov (1998), The derivation of the green vegetation fraction from
    NOAA/AVHRR data, Int. J. Remote Sens. 19, 1533-1543. Verified: secondary.

    Examples
    --------
    >>> print(vegetation_cover(ndvi=0.5, ndvi_soil=0.1, ndvi_vegetation=0.9))
    0.5
    """
    index = between(ndvi, "ndvi", "", -1, 1)
    bare = between(ndvi_soil, "ndvi_soil", "", -1, 1)
    full = between(ndvi_vegetation, "ndvi_vegetation", "", -1, 1)
    if np.any(full <= bare):
        what = "the index of full cover is above that of bare ground"
        found = f"bare ground {np.nanmax(bare):g}, full cover {np.nanmin(full):g}"
        raise DataError(what, found=found, cure="check that the two were not exchanged")
    return np.clip((index - bare) / (full - bare), 0.0, 1.0)


def ndvi_limits(*, ndvi: Array, lower: float, upper: float) -> tuple[float, float]:
    """Return the vegetation index of bare ground and of full cover, as quantiles of a grid.

    Parameters
    ----------
    ndvi
        Vegetation index [1] of the whole area, any shape; NaN is left out.
    lower
        Quantile taken for bare ground [1], 0 to 1; commonly 0.05.
    upper
        Quantile taken for full cover [1], above ``lower``; commonly 0.95.

    Returns
    -------
    tuple of float
        Index of bare ground and of full cover [1], interpolated linearly between the data.

    Raises
    ------
    DataError
        If the quantiles are not ordered within 0 and 1, or the grid holds no data.

    Notes
    -----
    The quantiles depend on the area that is given, and need all of it: computed piece by piece
    they would differ from piece to piece.
    Source: the definition of a quantile (type 7). Verified: full_text.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = ndvi_limits(ndvi=np.linspace(0, 1, 101), lower=0.05, upper=0.95)
    >>> print(f"{low:.2f} {high:.2f}")
    0.05 0.95
    """
    if not 0 <= lower < upper <= 1:
        what = "the quantiles for bare ground and full cover are ordered within 0 and 1"
        raise DataError(what, found=f"{lower:g} and {upper:g}", cure="write 0.05 for 5 %")
    index = between(ndvi, "ndvi", "", -1, 1)
    valid = index[~np.isnan(index)]
    if not valid.size:
        what = "the vegetation index holds no data"
        raise DataError(what, found=f"{index.size} cells, all NaN", cure="check its extent")
    bare, full = np.quantile(valid, [lower, upper])
    return float(bare), float(full)


@declare(ndvi="1", lower="1", upper="1", returns="1", shape="grid")
def vegetation_cover_quantile(
    *,
    ndvi: Array,
    lower: float,
    upper: float,
    dx: Numbers | None = None,  # noqa: ARG001  every whole-grid function accepts the cell size
    dy: Numbers | None = None,  # noqa: ARG001
) -> Array:
    """Return plant cover of a whole grid, between two quantiles of its own vegetation index.

    Parameters
    ----------
    ndvi
        Vegetation index [1], a 2-D grid; NaN is missing.
    lower
        Quantile taken for bare ground [1].
    upper
        Quantile taken for full cover [1].
    dx, dy
        Cell sizes [m]; not used.

    Returns
    -------
    ndarray
        Cover [1], see :func:`vegetation_cover` and :func:`ndvi_limits`.

    Raises
    ------
    DataError
        As the two functions do; also if the index is the same in (nearly) all cells.

    Notes
    -----
    Source: as :func:`vegetation_cover`. Verified: secondary.

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.array([[0.0, 0.2], [0.6, 0.8]])
    >>> vegetation_cover_quantile(ndvi=grid, lower=0, upper=1)
    array([[0.  , 0.25],
           [0.75, 1.  ]])
    """
    bare, full = ndvi_limits(ndvi=ndvi, lower=lower, upper=upper)
    return vegetation_cover(ndvi=ndvi, ndvi_soil=bare, ndvi_vegetation=full)


@declare(cover="1", intercept="1", gradient="1", reference="1", returns="1")
def cover_factor_logarithmic(
    *, cover: Numbers, intercept: Numbers, gradient: Numbers, reference: Numbers
) -> Array:
    """Return the cover factor of soil loss as a logarithmic curve of plant cover.

    Parameters
    ----------
    cover
        Plant cover [1], 0 to 1. All arguments broadcast.
    intercept
        Factor at the reference cover [1].
    gradient
        Decrease of the factor for each tenfold cover [1].
    reference
        The cover at which the logarithm is zero [1]: 1 for a curve printed for cover as a fraction,
        0.01 for one printed for per cent.

    Returns
    -------
    ndarray
        ``intercept - gradient · log10(cover/reference)`` kept within 0 and 1 [1]; 1 without cover.
        NaN where an argument is NaN.

    Raises
    ------
    DataError
        If the cover is outside 0 to 1, or the gradient or the reference is not positive.

    Notes
    -----
    Whether the printed logarithm is of per cent or of a fraction decides the result: at 50 % cover
    a gradient of 0.3436 misread by a factor of 100 shifts the factor by 0.69.
    Source: Cai et al. (2000), a curve of this form with 0.6508 and 0.3436 for per cent, J. Soil
    Water Conserv. 14(2), 19-24. Verified: secondary.

    Examples
    --------
    >>> c = cover_factor_logarithmic(cover=0.5, intercept=0.6508, gradient=0.3436, reference=0.01)
    >>> print(f"{c:.4f}")
    0.0670
    """
    share = between(cover, "cover", "(a fraction)", 0, 1)
    slope, unit = array(gradient), array(reference)
    if np.any(slope <= 0) or np.any(unit <= 0):
        what = "gradient and reference of the cover curve are positive"
        found = f"gradient {np.nanmin(slope):g}, reference {np.nanmin(unit):g}"
        raise DataError(what, found=found, cure="write the decrease with cover without its sign")
    with np.errstate(divide="ignore"):
        curve = array(intercept) - slope * np.log10(share / unit)
    return np.clip(curve, 0.0, 1.0)
