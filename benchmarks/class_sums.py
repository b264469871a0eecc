"""How long the engine's pass takes, against decoding alone and against whole arrays in NumPy.

    python benchmarks/class_sums.py [--side 2048] [--zones 4] [--rounds 5] [--workers 1]

Makes a map of land cover and five rasters on the same grid (deflate, tiles of 256), and a standard
of four services in a temporary folder. Then measures in turn, so that a busy machine disturbs all
alike:

a  decode      read the same blocks of the same files with rasterio, and do nothing with them
b  whole       the same formulas and sums in NumPy on whole arrays, as one would write them by
               hand: pixel-centre zones, one area for all cells, no coverage, no checks
c  engine      the pass of gep: exact cell fractions, true areas, coverage, plausible ranges

Prints the median of each with its range, and the ratios. The totals of b and c are compared: they
differ by the cells that the outer boundary divides and by the projection's areal scale.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
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
RAIN = 'P = { is = "precipitation", unit = "mm/yr" }'
ET = 'ET = { is = "evapotranspiration", unit = "mm/yr" }'
NPP = 'N = { is = "net_primary_production", unit = "tC/(hm²·yr)" }'
EROSIVITY = 'R = { is = "rainfall_erosivity", unit = "MJ·mm/(hm²·h·yr)" }'
ERODIBILITY = 'K = { is = "soil_erodibility", unit = "tsoil·hm²·h/(hm²·MJ·mm)" }'
#: Inputs, coefficients, and formula, unit, given and expected of the example.
SERVICES = {
    "water": (
        f"{RAIN}\n{ET}",
        'a = { from = "shares.a", by = "ecosystem", unit = "1" }',
        ("P - P * a - ET", "m³/(ha·yr)", "P = 1000, ET = 600, a = 0.1", "3000"),
    ),
    "soil": (
        f"{EROSIVITY}\n{ERODIBILITY}",
        'a = { from = "shares.a", by = "ecosystem", unit = "1" }',
        ("R * K * (1 - a)", "tsoil/(hm²·yr)", "R = 1000, K = 0.01, a = 0.5", "5"),
    ),
    "carbon": (
        NPP,
        'a = { from = "shares.a", by = "ecosystem", unit = "1" }',
        ("N * a", "tC/(hm²·yr)", "N = 2, a = 0.5", "1"),
    ),
    "oxygen": (
        f"{NPP}\n{RAIN}\n{ET}",
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
        'cite = "none"\nverified = "full_text"\n'
        '[sources.none]\ntext = { en = "none", zh = "无" }\n',
        encoding="utf-8",
    )


def write_map(folder: Path, side: int, zones_across: int) -> None:
    """Write land cover, five rasters on its grid, and square zones."""
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
    edges = np.linspace(0.01, 0.99, zones_across + 1) * side * CELL
    west, north = transform.c, transform.f
    shapes = [
        shapely.box(west + w, north - s, west + e, north - n)
        for w, e in pairwise(edges)
        for n, s in pairwise(edges)
    ]
    zones = geopandas.GeoDataFrame(
        {"id": [f"z{i}" for i in range(len(shapes))]}, geometry=shapes, crs="EPSG:32648"
    )
    zones.to_file(folder / "zones.gpkg")


def project(folder: Path) -> gep.Project:
    """Return the project of the benchmark."""
    legend = "".join(f'{i} = {{ en = "{c}", zh = "{c}" }}\n' for i, c in enumerate(CLASSES, 1))
    legend += "[to.bench]\n" + "".join(f'{i} = "{c}"\n' for i, c in enumerate(CLASSES, 1))
    (folder / "legend.toml").write_text(
        'title = { en = "map", zh = "图" }\nsource = "none"\nnodata = [0]\n[codes]\n' + legend,
        encoding="utf-8",
    )
    units = {
        "precipitation": ("rain", "mm/yr"),
        "evapotranspiration": ("et", "mm/yr"),
        "rainfall_erosivity": ("r", "MJ·mm/(hm²·h·yr)"),
        "soil_erodibility": ("k", "tsoil·hm²·h/(hm²·MJ·mm)"),
        "net_primary_production": ("npp", "tC/(hm²·yr)"),
    }
    return gep.Project.build(
        folder,
        title="benchmark",
        standard=str(folder / "bench"),
        year=2020,
        price_year=2020,
        zones={"file": "zones.gpkg", "id": "id"},
        land_cover={"file": "cover.tif", "legend": str(folder / "legend.toml")},
        inputs={q: {"file": f"{name}.tif", "unit": u} for q, (name, u) in units.items()},
    )


def decode(folder: Path) -> None:
    """Read every block of every file as the engine does: aligned windows of 256 × 256 cells."""
    for name in ("cover", *RASTERS):
        with rasterio.open(folder / f"{name}.tif") as source:
            for row in range(0, source.height, 256):
                for col in range(0, source.width, 256):
                    high, wide = min(256, source.height - row), min(256, source.width - col)
                    source.read(1, window=Window(col, row, wide, high))


def whole(folder: Path) -> dict[str, float]:
    """Compute the four services on whole arrays; return their totals."""
    data = {}
    for name in ("cover", *RASTERS):
        with rasterio.open(folder / f"{name}.tif") as source:
            raw = source.read(1)
            data[name] = raw.astype(float) if name != "cover" else raw
            if name != "cover":
                data[name][raw == source.nodata] = np.nan
            transform, shape = source.transform, source.shape
    zones = geopandas.read_file(folder / "zones.gpkg")
    zone = rasterize(
        ((g, i + 1) for i, g in enumerate(zones.geometry)), out_shape=shape, transform=transform
    )
    share = np.array([np.nan, *RUNOFF])[data["cover"]]
    p, et, n = data["rain"], data["et"], data["npp"]
    hectares = CELL * CELL / 1e4
    services = {
        "water": (p - p * share - et) * 10,
        "soil": data["r"] * data["k"] * (1 - share),
        "carbon": n * share,
        "oxygen": n * np.minimum(p, et) / p,
    }
    key = zone.astype(np.int64) * (len(CLASSES) + 1) + data["cover"]
    size = (len(zones) + 1) * (len(CLASSES) + 1)
    totals = {}
    for name, values in services.items():
        good = np.isfinite(values) & (zone > 0)
        sums = np.bincount(key[good], weights=values[good] * hectares, minlength=size)
        totals[name] = float(sums.sum())
    return totals


def engine(data: gep.Project, workers: int, block: int) -> dict[str, float]:
    """Make the engine's pass; return the services' totals."""
    sums = make_sums(make_plan(data.data), block=block, workers=workers)
    return {service: float(np.nansum(v.total)) for (service, _), v in sums.values.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--side", type=int, default=2048, help="cells per side of the map")
    parser.add_argument("--zones", type=int, default=4, help="zones per side of the map")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="threads of the engine")
    parser.add_argument("--block", type=int, default=512, help="cells per side of a block")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_standard(folder / "bench")
        write_map(folder, options.side, options.zones)
        data = project(folder)
        tasks: dict[str, Callable[[], object]] = {
            "decode": lambda: decode(folder),
            "whole": lambda: whole(folder),
            "engine": lambda: engine(data, options.workers, options.block),
        }
        times: dict[str, list[float]] = {task: [] for task in tasks}
        for task in tasks.values():  # once without a clock: caches of files and imports
            task()
        for _ in range(options.rounds):
            for task, run in tasks.items():
                start = time.perf_counter()
                run()
                times[task].append(time.perf_counter() - start)
        by_hand, by_engine = whole(folder), engine(data, options.workers, options.block)
    cells = options.side**2
    print(
        f"{cells / 1e6:.1f} million cells, {len(RASTERS) + 1} rasters, {len(SERVICES)} services, "
        f"{options.zones**2} zones, {os.cpu_count()} cores, engine on {options.workers}"
    )
    for task, taken in times.items():
        middle = statistics.median(taken)
        print(
            f"{task:7} {middle:6.2f} s ({min(taken):.2f} to {max(taken):.2f})"
            f"  {cells / middle / 1e6:6.1f} million cells/s"
        )
    for other in ("decode", "whole"):
        ratios = [e / o for e, o in zip(times["engine"], times[other], strict=True)]
        print(
            f"engine / {other}: {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )
    for service, value in by_hand.items():
        print(f"{service:7} engine / by hand - 1 = {by_engine[service] / value - 1:+.1e}")


if __name__ == "__main__":
    main()
