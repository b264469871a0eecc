"""Synthetic parcels and deposits on a grid of squares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas
import pandas as pd
import shapely

from gep.realization.book import Book

OFFICE = "registry office"
WEST, SOUTH, STEP = 120.0, 28.0, 0.001


def square(column: float, row: float = 0, side: float = 1) -> shapely.Geometry:
    """Return a square of a grid of about 1.09 ha; columns and rows may be parts."""
    west, south = WEST + STEP * column, SOUTH + STEP * row
    return shapely.box(west, south, west + STEP * side, south + STEP * side)


def parcels(shapes: Mapping[str, shapely.Geometry | None], **fields: Any) -> geopandas.GeoDataFrame:
    """Return synthetic parcels; fields are one value for all, or a list."""
    columns: dict[str, Any] = {
        "id": list(shapes),
        "asset_type": "forest_land",
        "right": "management",
        "right_start": "2020-01-01",
        "right_end": "2050-12-31",
        "certificate_no": [f"No. {name}" for name in shapes],
        "source": "synthetic",
        "survey_date": "2025-06-01",
    }
    columns |= fields
    frame = pd.DataFrame(columns, index=range(len(shapes)))
    return geopandas.GeoDataFrame(frame, geometry=list(shapes.values()), crs="EPSG:4490")


def deposits(of: Mapping[str, str], **fields: Any) -> pd.DataFrame:
    """Return synthetic deposits: deposit → parcel."""
    columns: dict[str, Any] = {
        "id": list(of),
        "parcel_id": list(of.values()),
        "mode": "租赁",
        "start": "2026-01-01",
        "end": "2045-12-31",
        "unit_rent": 37.7,
        "rent_unit": "元/(亩·yr)",
        "certificate_no": [f"D. {name}" for name in of],
    }
    return pd.DataFrame(columns | fields, index=range(len(of)))


def make_valued(book: Book, names: list[str]) -> None:
    """Move surveyed parcels on until they are valued."""
    for state in ("titled", "valued"):
        book.move(names, state, office=OFFICE, reason="synthetic")
