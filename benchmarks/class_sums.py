"""How long the engine's pass takes, against decoding alone and against whole arrays in NumPy.

    python benchmarks/class_sums.py [--side 2048] [--rounds 5] [--workers 1]

Makes a map of land cover and five rasters on the same grid (deflate, tiles of 256), and a standard of four
services in a temporary folder. Then measures in turn, so that a busy machine disturbs all alike:

a  decode      read the same blocks of the same files with rasterio, and do nothing with them
b  whole       the same formulas and sums in NumPy on whole arrays, as one would write them by hand:
               pixel-centre zones, one area per row, no coverage, no checks
c  engine      the pass of gep: zones as exact cell fractions, true areas, coverage, plausible ranges

Prints the median of each with its range, and the ratios. The sums of b and c are compared: they differ only
by the cells that a zone's boundary divides.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin
from rasterio.windows import Window

import gep
from gep.plan import make_plan
from gep.sums import make_sums

CLASSES = ("forest", "shrub", "grass", "crops", "water", "town")
RUNOFF = (0.10, 0.15, 0.20, 0.30, 0.0, 0.6)
RASTERS = {"rain": (600, 1800), "et": (300, 900), "r": (1e3, 6e3), "k": (0.01, 0.05), "npp": (1, 9)}
CELL = 30.0

STANDARD = """
id = "bench"
title = { en = "Benchmark", zh = "基准" }
number = ""
issuer = { en = "none", zh = "无" }
date = "2020"
scope = { en = "benchmark", zh = "基准" }
catalogue = ["water", "soil", "carbon", "oxygen"]
[sources.none]
text = { en = "none", zh = "无" }
verified = "full_text"
"""
HEAD = """
id = "{id}"
title = {{ en = "{id}", zh = "{id}" }}
kind = "regulating"
cite = "none"
verified = "full_text"
"""
STEP = """
[[steps]]
symbol = "Q"
title = {{ en = "Q", zh = "Q" }}
formula = "{formula}"
unit = "{unit}"
[account]
physical = "Q"
[[examples]]
given = {{ {given} }}
expect = {{ Q = {expect} }}
source = "by hand"
"""
SERVICES = {
    "water": (
        'P = { is = "precipitation", unit = "mm/yr" }\nET = { is = "evapotranspiration", unit = "mm/yr" }',
        'a = { from = "shares.a", by = "ecosystem", unit = "1" }',
        ("P - P * a - ET", "m³/(ha·yr)", "P = 1000, ET = 600, a = 0.1", "3000"),
    ),
    "soil": (
        'R = { is = "rainfall_erosivity", unit = "MJ·mm/(hm²·h·yr)" }\n'
        'K = { is = "soil_erodibility", unit = "t·hm²·h/(hm²·MJ·mm)" }',
        'a = { from = "shares.a", by = "ecosystem", unit = "1" }',
        ("R * K * (1 - a)", "t/(hm²·yr)", "R = 1000, K = 0.01, a = 0.5", "5"),
    ),
    "carbon": (
        'N = { is = "net_primary_production", unit = "tC/(hm²·yr)" }',
        'a = { from = "shares.a", by = "ecosystem", unit = "1" }',
        ("N * a", "tC/(hm²·yr)", "N = 2, a = 0.5", "1"),
    ),
    "oxygen": (
        'N = { is = "net_primary_production", unit = "tC/(hm²·yr)" }\n'
        'P = { is = "precipitation", unit = "mm/yr" }\n'
        'ET = { is = "evapotranspiration", unit = "mm/yr" }',
        "",
        ("N * min(P, ET) / P", "tC/(hm²·yr)", "N = 2, P = 100, ET = 50", "1"),
    ),
}


def write_standard(folder: Path) -> None:
    """Write the standard of four services."""
    (folder / "coefficients").mkdir(parents=True)
    (folder / "standard.toml").write_text(STANDARD, encoding="utf-8")
    classes = "".join(f'[classes.{c}]\ntitle = {{ en = "{c}", zh = "{c}" }}\n' for c in CLASSES)
    (folder / "land_cover.toml").write_text(
        'title = { en = "classes", zh = "类型" }\n' + classes, encoding="utf-8"
    )
    for name, (inputs, coefficients, (formula, unit, given, expect)) in SERVICES.items():
        text = HEAD.format(id=name) + f"[inputs]\n{inputs}\n"
        text += f"[coefficients]\n{coefficients}\n" if coefficients else ""
        text += STEP.format(formula=formula, unit=unit, given=given, expect=expect)
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    rows = "".join(f"{c},{a},none\n" for c, a in zip(CLASSES, RUNOFF, strict=True))
    (folder / "coefficients" / "shares.csv").write_text(
        "ecosystem,a,source\n" + rows, encoding="utf-8"
    )
    (folder / "coefficients" / "shares.toml").write_text(
        'title = { en = "shares", zh = "比例" }\nshape = "rectangle"\nkey = ["ecosystem"]\n'
        '[columns.a]\ntitle = { en = "share", zh = "比例" }\nunit = "1"\nrange = [0, 1]\n'
        'cite = "none"\nverified = "full_text"\n[sources.none]\ntext = { en = "none", zh = "无" }\n',
        encoding="utf-8",
    )


def write_map(folder: Path, side: int) -> None:
    """Write land cover, five rasters on its grid and sixteen zones."""
    random = np.random.default_rng(1)
    transform = from_origin(500_000.0, 4_000_000.0, CELL, CELL)
    profile = {
        "driver": "GTiff", "height": side, "width": side, "count": 1, "crs": "EPSG:32648",
        "transform": transform, "tiled": True, "blockxsize": 256, "blockysize": 256,
        "compress": "deflate",
    }  # fmt: skip
    patches = random.integers(1, len(CLASSES) + 1, (side // 32 + 1, side // 32 + 1))
    cover = np.kron(patches, np.ones((32, 32), int))[:side, :side].astype("uint8")
    with rasterio.open(folder / "cover.tif", "w", dtype="uint8", nodata=0, **profile) as target:
        target.write(cover, 1)
    row, col = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    wave = (np.sin(row / 97.0) * np.cos(col / 61.0) + 1) / 2
    for name, (low, high) in RASTERS.items():
        values = low + (high - low) * (0.8 * wave + 0.2 * random.random((side, side)))
        with rasterio.open(
            folder / f"{name}.tif", "w", dtype="float32", nodata=-9999, **profile
        ) as target:
            target.write(values.round(3).astype("float32"), 1)
    edges = np.linspace(0.01, 0.99, 5) * side * CELL
    shapes = [
        shapely.affinity.rotate(shapely.box(500_000 + w, 4_000_000 - n - 1e4, 500_000 + e, 4_000_000 - n), 0)
        if False
        else shapely.box(500_000 + w, 4_000_000 - s, 500_000 + e, 4_000_000 - n)
        for w, e in zip(edges[:-1], edges[1:], strict=True)
        for n, s in zip(edges[:-1], edges[1:], strict=True)
    ]
    zones = geopandas.GeoDataFrame(
        {"id": [f"z{i}" for i in range(len(shapes))]}, geometry=shapes, crs="EPSG:32648"
    )
    zones.to_file(folder / "zones.gpkg")
