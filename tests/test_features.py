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


def county(**inputs: object) -> object:
    """Compute two services of a shipped standard from lines, points and an extent."""
    import pandas as pd

    import gep

    extent = pd.DataFrame(
        [("west", "forest", 10.0), ("east", "forest", 5.0)], columns=["zone", "ecosystem", "area"]
    ).assign(unit="km²")
    return gep.Project.build(
        title="Roads",
        standard="cn_2022",
        year=2020,
        price_year=2020,
        zones={"file": ZONES, "id": "id"},
        extent={"file": extent},
        inputs={
            "noise_attenuation": {"value": 3, "unit": "dB"},
            "sound_barrier_annual_cost": {"value": 1000, "unit": "CNY/(km·dB·yr)"},
            **inputs,
        },
    )


def test_roads_as_lines_are_added_up_by_zone() -> None:
    roads = layer(
        {
            "a": LineString([(119.05, 28.05), (119.15, 28.05)]),
            "b": LineString([(119.12, 28.02), (119.18, 28.02)]),
        }
    )
    given = {"features": roads, "id": "name", "take": "length", "unit": "km", "combine": "sum"}
    account = county(green_belt_road_length=given).run()  # type: ignore[attr-defined]
    geod = Geod(ellps="WGS84")
    a, b = (geod.geometry_length(shape) / 1000 for shape in roads.geometry)
    value = account.dataset["noise_attenuation.V"].to_numpy()
    np.testing.assert_allclose(value, [a / 2 * 3000, (a / 2 + b) * 3000], rtol=1e-9)
    assert "features" in str(account.why("noise_attenuation"))


def test_a_rate_is_not_added_up_over_features() -> None:
    points = layer({"a": Point(119.05, 28.05)}, loss=[3.0])
    given = {"features": points, "id": "name", "take": "loss", "unit": "dB", "combine": "sum"}
    with pytest.raises(DataError, match="noise_attenuation is not added up over features"):
        county(noise_attenuation=given)
