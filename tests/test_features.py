"""Features of vector layers: measured geodesically, shared among zones by the part in each."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
from pyproj import Geod
from shapely import LineString, Point, box

from gep.errors import DataError
from gep.features import read_features

ZONES = geopandas.GeoDataFrame(
    {"id": ["west", "east"]},
    geometry=[box(119.0, 28.0, 119.1, 28.1), box(119.1, 28.0, 119.2, 28.1)],
    crs="EPSG:4326",
)


def layer(shapes: dict[str, object], **columns: list[object]) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"name": list(shapes), **columns}, geometry=list(shapes.values()), crs="EPSG:4326"
    )


def test_the_area_of_a_lake_is_geodesic_and_the_same_in_every_zone() -> None:
    lake = box(119.09, 28.04, 119.12, 28.06)
    found = read_features(layer({"lake": lake}), ZONES, "lakes", "name", "area")
    expected = abs(Geod(ellps="WGS84").geometry_area_perimeter(lake)[0])
    np.testing.assert_allclose(found.values, [expected], rtol=1e-12)
    # One third of the lake lies west of 119.1° and two thirds east of it.
    np.testing.assert_allclose(found.shares[:, 0], [1 / 3, 2 / 3], rtol=1e-9)


def test_lines_are_shared_by_length_and_points_by_place() -> None:
    road = LineString([(119.05, 28.05), (119.15, 28.05)])
    found = read_features(layer({"road": road}), ZONES, "roads", "name", "length")
    np.testing.assert_allclose(found.shares[:, 0], [0.5, 0.5], rtol=1e-9)
    expected = Geod(ellps="WGS84").geometry_length(road)
    np.testing.assert_allclose(found.values, [expected], rtol=1e-12)
    point = read_features(layer({"p": Point(119.15, 28.05)}), ZONES, "points", "name", "count")
    np.testing.assert_array_equal(point.shares[:, 0], [0, 1])


def test_a_column_is_taken_as_it_stands_and_gaps_are_named() -> None:
    shapes = {"a": Point(119.05, 28.05), "b": Point(119.15, 28.05)}
    found = read_features(layer(shapes, size=["1.5", "2"]), ZONES, "x.gpkg", "name", "size")
    np.testing.assert_array_equal(found.values, [1.5, 2.0])
    with pytest.raises(DataError, match="feature 'b' has no number in column 'size'"):
        read_features(layer(shapes, size=[1.5, None]), ZONES, "x.gpkg", "name", "size")


def test_a_feature_outside_every_zone_is_named() -> None:
    shapes = {"in": Point(119.05, 28.05), "out": Point(120.0, 28.05)}
    found = read_features(layer(shapes), ZONES, "x.gpkg", "name", "count")
    assert found.outside == ("out",)


def test_repeated_names_and_missing_columns_are_refused() -> None:
    twice = geopandas.GeoDataFrame(
        {"name": ["a", "a"]}, geometry=[Point(119.05, 28.05)] * 2, crs="EPSG:4326"
    )
    with pytest.raises(DataError, match="the feature 'a' occurs 2 times"):
        read_features(twice, ZONES, "x.gpkg", "name", "count")
    with pytest.raises(DataError, match="the layer has no column 'size'"):
        read_features(layer({"a": Point(119.05, 28.05)}), ZONES, "x.gpkg", "name", "size")
