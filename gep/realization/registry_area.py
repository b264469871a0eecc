"""Areas on the ellipsoid, overlaps, and which parcels lie together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer

_HECTARE = 1e4
#: Decimal places of degrees (about 1 µm) or metres beyond which coordinates do not differ.
_POLYGON = 2


def areas_m2(shapes: Sequence[shapely.Geometry], crs: CRS) -> NDArray[np.float64]:
    """Return the geodesic area of each geometry in m² (0 for points and lines).

    >>> square = shapely.box(120.0, 28.0, 120.001, 28.001)
    >>> print(f"{areas_m2([square], CRS(4490))[0]:.0f}")
    10900
    """
    geodetic = crs.geodetic_crs
    assert geodetic is not None  # noqa: S101  a book's system has an EPSG number
    geod = Geod(a=geodetic.ellipsoid.semi_major_metre, b=geodetic.ellipsoid.semi_minor_metre)
    to_degrees = _between(crs, geodetic)
    found = []
    for shape in shapes:
        if shapely.get_dimensions(shape) < _POLYGON:
            found.append(0.0)
            continue
        degrees = shapely.transform(shape, to_degrees.transform, interleaved=False)
        parts = shapely.get_parts(shapely.orient_polygons(degrees))
        areas = [abs(geod.geometry_area_perimeter(p)[0]) for p in parts if _is_polygon(p)]
        found.append(float(sum(areas)))
    return np.array(found, dtype=np.float64)


def areas_ha(shapes: Sequence[shapely.Geometry], crs: CRS) -> NDArray[np.float64]:
    """Return the geodesic area of each geometry in ha."""
    return areas_m2(shapes, crs) / _HECTARE


def overlaps(
    shapes: Sequence[shapely.Geometry], crs: CRS, tolerance_m2: float
) -> list[tuple[int, int, float]]:
    """Return the pairs of geometries that share more than ``tolerance_m2``, with the area in m²."""
    array = np.array(shapes, dtype=object)
    first, second = shapely.STRtree(array).query(array, predicate="intersects")
    pairs = [(int(i), int(j)) for i, j in zip(first, second, strict=True) if i < j]
    if not pairs:
        return []
    i, j = np.array(sorted(pairs)).T
    shared = areas_m2(list(shapely.intersection(array[i], array[j])), crs)
    return [
        (int(a), int(b), float(area))
        for a, b, area in zip(i, j, shared, strict=True)
        if area > tolerance_m2
    ]


def contiguous(shapes: Sequence[shapely.Geometry], crs: CRS, gap_m: float) -> list[list[int]]:
    """Return the groups of geometries that touch or lie within ``gap_m`` metres of each other.

    Groups come in the order of their first member.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not shapes:
        return []
    array = _in_metres(shapes, crs)
    i, j = shapely.STRtree(array).query(array, predicate="dwithin", distance=gap_m)
    links = coo_array((np.ones(len(i)), (i, j)), shape=(len(array), len(array)))
    _, labels = connected_components(links, directed=False)
    groups: dict[int, list[int]] = {}
    for number, label in enumerate(labels):
        groups.setdefault(int(label), []).append(number)
    return list(groups.values())


def effective_mesh(areas: Sequence[float]) -> float:
    """Return the effective mesh size Σa²/Σa, in the unit of the areas (NaN of none).

    It is the mean size of the patch in which a random point lies: one block of the whole area gives
    the whole area, many small patches give little.

    Notes
    -----
    Source: Jaeger (2000), Landscape Ecology 15, 115-130, divided by the area of the patches
    themselves, not of a wider region. Verified: recalled.

    Examples
    --------
    >>> effective_mesh([10, 5, 5]), effective_mesh([20])
    (7.5, 20.0)
    """
    sizes = np.asarray(areas, dtype=np.float64)
    total = float(sizes.sum())
    return float((sizes**2).sum()) / total if total > 0 else float("nan")


def _in_metres(shapes: Sequence[shapely.Geometry], crs: CRS) -> NDArray[Any]:
    """Return the geometries on a plane that is true around their middle."""
    geodetic = crs.geodetic_crs
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object))
    x, y = _between(crs, geodetic).transform((west + east) / 2, (south + north) / 2)
    plane = CRS.from_proj4(f"+proj=aeqd +lat_0={y} +lon_0={x} +ellps=GRS80 +units=m")
    move = _between(crs, plane).transform
    return np.array([shapely.transform(s, move, interleaved=False) for s in shapes], dtype=object)


def _between(source: Any, target: Any) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def _is_polygon(shape: shapely.Geometry) -> bool:
    return int(shapely.get_dimensions(shape)) == _POLYGON
