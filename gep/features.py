"""Features of a vector layer as members of an axis: lakes, reservoirs, road sections.

A feature's attribute (its area, length, or a column) is the same wherever the feature lies. A total
(a count, a volume) is shared among the zones by the part of the feature that lies in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gep.errors import DataError, Problems, nearest

if TYPE_CHECKING:
    import geopandas

    from gep.grid import Floats

_POLYGON = 2
#: What can be measured of a feature, with its unit.
MEASURES = {"area": "m²", "length": "m", "count": "1"}


@dataclass(frozen=True)
class Features:
    """The members, a number for each, and the share of each in every zone (zones, members)."""

    members: tuple[str, ...]
    values: Floats
    shares: Floats
    outside: tuple[str, ...]  # members that lie in no zone


def read_features(
    layer: geopandas.GeoDataFrame,
    zones: geopandas.GeoDataFrame,
    name: str,
    ident: str,
    take: str,
) -> Features:
    """Measure the features of a layer and share them among zones.

    Parameters
    ----------
    layer, zones
        Vector layers with a coordinate system.
    name
        The layer's name in messages.
    ident
        Column that names the features.
    take
        ``area`` or ``length`` (geodesic), ``count`` (1 for each), or a column of numbers.

    Raises
    ------
    DataError
        With all problems: missing columns, names that repeat, missing or invalid geometries,
        numbers that are none.
    """
    problems = Problems()
    if layer.crs is None:
        problems.add("the layer has no coordinate system (CRS)", name, cure="assign it in QGIS")
    for column in {ident, *([] if take in MEASURES else [take])}:
        if column not in layer.columns:
            cure = nearest(column, [*map(str, layer.columns), *MEASURES])
            problems.add(f"the layer has no column {column!r}", name, cure=cure)
    problems.raise_if_any(DataError)
    members = tuple(str(v) for v in layer[ident])
    for member in sorted({m for m in members if members.count(m) > 1}):
        what = f"the feature {member!r} occurs {members.count(member)} times"
        problems.add(what, name, cure="dissolve the features by name, or give unique names")
    for member, shape in zip(members, layer.geometry, strict=True):
        if shape is None or shape.is_empty or not shape.is_valid:
            cure = "repair it (QGIS: Fix geometries)"
            problems.add(f"feature {member!r} has no valid geometry", name, cure=cure)
    problems.raise_if_any(DataError)
    values = _values(layer, members, name, take, problems)
    shares = _shares(layer, zones)
    problems.raise_if_any(DataError)
    outside = tuple(m for m, s in zip(members, shares.sum(axis=0), strict=True) if s == 0)
    return Features(members, values, shares, outside)


def _values(
    layer: geopandas.GeoDataFrame, members: Sequence[str], name: str, take: str, problems: Problems
) -> Floats:
    if take == "count":
        return np.ones(len(members))
    if take in MEASURES:
        from pyproj import Geod

        geodetic = layer.crs.geodetic_crs
        geod = Geod(a=geodetic.ellipsoid.semi_major_metre, b=geodetic.ellipsoid.semi_minor_metre)
        measure = geod.geometry_area_perimeter if take == "area" else geod.geometry_length
        shapes = layer.to_crs(geodetic).geometry
        found = [measure(shape) for shape in shapes]
        return np.abs([f[0] if isinstance(f, tuple) else f for f in found]).astype(np.float64)
    import pandas as pd

    numbers = np.asarray(pd.to_numeric(layer[take], errors="coerce"), dtype=np.float64)
    for member, number, raw in zip(members, numbers, layer[take], strict=True):
        if not np.isfinite(number):
            what = f"feature {member!r} has no number in column {take!r}"
            problems.add(what, name, repr(raw), "give it, or leave the feature out")
    return numbers


def _shares(layer: geopandas.GeoDataFrame, zones: geopandas.GeoDataFrame) -> Floats:
    """Return the part of every feature in every zone, by area, length or place."""
    import shapely

    shapes = np.array(layer.to_crs("+proj=cea +lat_ts=30").geometry)
    places = np.array(zones.to_crs("+proj=cea +lat_ts=30").geometry)
    dimension = shapely.get_dimensions(shapes)
    parts = shapely.intersection(places[:, None], shapes[None, :])
    is_area = dimension == _POLYGON
    whole = np.where(is_area, shapely.area(shapes), shapely.length(shapes))
    part = np.where(is_area, shapely.area(parts), shapely.length(parts))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(whole > 0, part / whole, ~shapely.is_empty(parts))
    return np.asarray(shares, dtype=np.float64)
