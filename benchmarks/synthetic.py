"""A synthetic map of any size for the benchmarks: land cover, rasters, zones, and projects on it.

The statistics, prices and constants are those of the synthetic county in ``examples/county``; the
rasters and zones are made here, in the file types that such data usually have: percentages and
classes as bytes, the rest as float32, tiles of 256 × 256 cells, compressed with zstd. Of each
raster one cell in 1000 has no data, in patches. Smooth waves carry a little noise, so that the
files are about as hard to decode as real ones.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin
from rasterio.windows import Window

from gep import library
from gep.plan import Plan, make_plan
from gep.project import ProjectReader
from gep.tables import read_toml

COUNTY = Path(__file__).resolve().parents[1] / "examples" / "county"
STANDARDS = ("cn_2022", "rcees_2017")
CELL, TILE = 30.0, 256
CODES = (10, 20, 30, 40, 50, 80, 90)
RANDOM_TILES = 64
#: Quantity -> file type, lowest and highest value, bands, unit.
RASTERS: dict[str, tuple[str, float, float, int, str]] = {
    "precipitation": ("float32", 1200, 1700, 1, "mm/yr"),
    "evapotranspiration": ("float32", 520, 740, 1, "mm/yr"),
    "rainfall_erosivity": ("float32", 3000, 4600, 1, "MJ·mm/(hm²·h·yr)"),
    "net_primary_production": ("float32", 3.5, 7.8, 1, "tC/(hm²·yr)"),
    "net_ecosystem_production": ("float32", 0.5, 1.7, 1, "tC/(hm²·yr)"),
    "carbon_sequestration_rate": ("float32", 0.2, 1.7, 1, "tC/(hm²·yr)"),
    # factors, as they are published
    "soil_erodibility": ("float32", 0.02, 0.05, 1, "tsoil·hm²·h/(hm²·MJ·mm)"),
    "slope_length_factor": ("float32", 0.6, 2.5, 1, "1"),
    "slope_steepness_factor": ("float32", 0.5, 9.0, 1, "1"),
    "cover_factor": ("float32", 0.01, 0.4, 1, "1"),
    # what the factors are computed from
    "sand_content": ("uint8", 24, 52, 1, "%"),
    "silt_content": ("uint8", 25, 40, 1, "%"),
    "clay_content": ("uint8", 15, 32, 1, "%"),
    "coarse_sand_content": ("uint8", 12, 22, 1, "%"),
    "organic_carbon_content": ("float32", 0.75, 2.4, 1, "%"),
    "organic_matter_content": ("float32", 1.3, 4.2, 1, "%"),
    "slope": ("float32", 0.5, 40, 1, "°"),
    "slope_length": ("uint8", 15, 90, 1, "m"),
    "relief": ("float32", 20, 300, 1, "m"),
    "vegetation_cover": ("uint8", 20, 96, 1, "%"),
    "weather_factor": ("float32", 0.9, 4.7, 1, "kg/(m·yr)"),
    "soil_hydrologic_group": ("uint8", 1, 4, 1, "1"),
    "storm_rain": ("float32", 56, 123, 3, "mm/yr"),
    # what InVEST asks for
    "reference_evapotranspiration": ("float32", 700, 1400, 1, "mm/yr"),
    "soil_depth": ("float32", 200, 1500, 1, "mm"),
    "available_water_capacity": ("float32", 0.05, 0.25, 1, "1"),
}
COMMON = tuple(RASTERS)[:6]
#: The sets of inputs. Linear: factors given, all formulas per cell then being products of rasters;
#: full: everything computed from soil, terrain, plants and weather, with powers, exponentials and
#: limits; few: one raster beside the land cover; invest: those of three models of InVEST.
INPUTS = {
    "few": ("carbon_sequestration_rate",),
    "linear": (*COMMON, *tuple(RASTERS)[6:10]),
    "full": (*COMMON, *tuple(RASTERS)[10:23]),
    "invest": ("precipitation", "soil_hydrologic_group", *tuple(RASTERS)[23:]),
}
_NODATA = {"uint8": 255, "float32": -9999.0}


def rasters_of(kind: str) -> tuple[str, ...]:
    """Return the names of the files of a kind of project: the land cover and its inputs."""
    return ("cover", *INPUTS[kind])


def write_map(folder: Path, side: int, kinds: tuple[str, ...] = ("linear", "full")) -> None:
    """Write land cover, rasters on its grid and zones, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    names = dict.fromkeys(name for kind in kinds for name in rasters_of(kind))
    missing = [name for name in names if not (folder / f"{name}.tif").exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: _write_raster(folder, name, side), missing))
    if not (folder / "zones.gpkg").exists():
        write_zones(folder / "zones.gpkg", side)


def _write_raster(folder: Path, name: str, side: int) -> None:
    kind, low, high, bands, _ = RASTERS.get(name, ("uint8", 0, 0, 1, ""))
    rng = np.random.default_rng(sum(name.encode()))
    nodata = 0 if name == "cover" else _NODATA[kind]
    profile = {
        "driver": "GTiff", "height": side, "width": side, "count": bands, "dtype": kind,
        "crs": "EPSG:32650", "transform": from_origin(500_010.0, 3_400_020.0, CELL, CELL),
        "tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "zstd",
        "nodata": nodata, "bigtiff": "IF_SAFER", "interleave": "band",
    }  # fmt: skip
    noise = rng.random((RANDOM_TILES, TILE, TILE), dtype=np.float32)
    lengths = rng.uniform(150, 900, 4)
    partial = folder / f".{name}.tif"
    with rasterio.open(partial, "w", **profile) as target:
        for row in range(0, side, TILE):
            for col in range(0, side, TILE):
                high_, wide = min(TILE, side - row), min(TILE, side - col)
                y, x = np.arange(row, row + high_)[:, None], np.arange(col, col + wide)[None]
                wave = np.sin(y / lengths[0] + 1) * np.cos(x / lengths[1])
                wave = (wave + np.sin(y / lengths[2]) * np.sin(x / lengths[3] + 2)) / 4 + 0.5
                grain = noise[rng.integers(RANDOM_TILES)][:high_, :wide]
                place = Window(col, row, wide, high_)
                for band in range(1, bands + 1):
                    share = 0.8 * wave + 0.2 * grain
                    if name == "cover":  # patches of about 16 cells, in bands of the wave
                        number = (share[::16, ::16] * len(CODES)).astype(int) % len(CODES)
                        patch = np.asarray(CODES)[number].repeat(16, 0).repeat(16, 1)
                        values = patch[:high_, :wide]
                    else:
                        values = low + (high - low) * share * (0.7 + 0.3 * band / bands)
                        values = np.round(values) if kind == "uint8" else _rounded(values)
                    values[_without_data(name, row, col)[:high_, :wide]] = nodata
                    target.write(values.astype(kind), band, window=place)
    partial.rename(folder / f"{name}.tif")


def _without_data(name: str, row: int, col: int) -> np.ndarray[Any, Any]:
    """Return which cells of a tile have no data: in one tile of 64, a patch of 64 × 64."""
    rng = np.random.default_rng([sum(name.encode()), row, col])
    found = np.zeros((TILE, TILE), dtype=bool)
    if rng.random() < 1 / 64:
        top, left = rng.integers(0, TILE - 64, 2)
        found[top : top + 64, left : left + 64] = True
    return found


def _rounded(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Keep about four digits, as published maps do."""
    step = 2.0 ** (math.floor(math.log2(float(np.abs(values).max()))) - 12)
    return np.asarray(np.round(values / step) * step)


def zone_ids() -> list[str]:
    """Return the ids that the county's statistics name."""
    return list(geopandas.read_file(COUNTY / "townships.gpkg")["code"].astype(str))


def write_zones(path: Path, side: int) -> None:
    """Write irregular zones that share their winding borders and leave a margin of the map."""
    ids = zone_ids()
    size = side * CELL
    rng = np.random.default_rng(5)
    frame = shapely.box(0.02 * size, 0.02 * size, 0.98 * size, 0.98 * size)
    seeds = shapely.MultiPoint(rng.uniform(0.1 * size, 0.9 * size, (len(ids), 2)))
    cells = [c.intersection(frame) for c in shapely.voronoi_polygons(seeds, extend_to=frame).geoms]

    def wind(x: Any, y: Any) -> tuple[Any, Any]:
        step = size / 200
        dx = step * np.sin(y / step / 1.3) + step / 6 * np.sin(y / step * 7 + x / step)
        dy = step * np.sin(x / step / 1.7) + step / 6 * np.sin(x / step * 5 + y / step)
        return 500_010.0 + x + dx, 3_400_020.0 - size + y + dy

    dense = [shapely.segmentize(c, size / 4000) for c in cells]
    shapes = [shapely.transform(c, wind, interleaved=False) for c in dense]
    shapes = [shapely.make_valid(s) for s in shapes]
    geopandas.GeoDataFrame({"code": ids}, geometry=shapes, crs="EPSG:32650").to_file(path)


def plans(folder: Path, kind: str) -> list[Plan]:
    """Return the plans of both standards over the synthetic map."""
    tables = read_toml(COUNTY / "standards.toml")
    for key in ("compare_with", "outputs"):
        tables.pop(key, None)
    tables["standard"] = STANDARDS[0]
    tables["zones"] = {"file": str(folder / "zones.gpkg"), "id": "code"}
    tables["land_cover"]["file"] = str(folder / "cover.tif")
    tables["statistics"]["file"] = [str(COUNTY / f) for f in tables["statistics"]["file"]]
    own = {q: v for q, v in tables["inputs"].items() if not {"file", "table", "derive"} & set(v)}
    files = {
        q: {"file": str(folder / f"{q}.tif"), "unit": RASTERS[q][4]}
        for q in INPUTS[kind]
    }  # fmt: skip
    if "soil_hydrologic_group" in files:
        files["soil_hydrologic_group"]["resampling"] = "nearest"
    tables["inputs"] = own | files
    tables["coefficients"] = {
        k: v for k, v in tables["coefficients"].items() if not k.startswith("gbt_")
    }
    first, *_ = standards = [library.standard(name) for name in STANDARDS]
    data = ProjectReader(folder, "benchmark").read(tables, library.together(standards))
    return [make_plan(data.under(own, first)) for own in standards]


def read_blocks(path: Path, block: int, rows: range | None = None) -> None:
    """Decode a raster block by block, and do nothing with it."""
    with rasterio.open(path) as source:
        bands = list(range(1, source.count + 1))
        for row in rows or range(0, source.height, block):
            for col in range(0, source.width, block):
                high, wide = min(block, source.height - row), min(block, source.width - col)
                source.read(bands, window=Window(col, row, wide, high))


def decode(folder: Path, names: tuple[str, ...], block: int, workers: int) -> None:
    """Decode the same blocks of all rasters with as many threads as the engine, and no more."""
    with rasterio.open(folder / "cover.tif") as source:
        starts = range(0, source.height, block)

    def run(part: int) -> None:
        rows = starts[part::workers]
        for name in names:
            read_blocks(folder / f"{name}.tif", block, rows)

    if workers == 1:
        run(0)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, range(workers)))


# ------------------------------------------------------------------------------------- measuring


def measure(
    tasks: Mapping[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Run tasks in turn; return the wall and CPU seconds of each round."""
    wall: dict[str, list[float]] = {name: [] for name in tasks}
    cpu: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds):
        names = list(tasks)
        for name in names if number % 2 == 0 else names[::-1]:
            start, busy = time.perf_counter(), time.process_time()
            tasks[name]()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - busy)
    return wall, cpu


@dataclass(frozen=True)
class Child:
    """What a process took from its start to its end, and what it printed in its last line."""

    wall: float
    cpu: float
    told: dict[str, Any]


def run_child(python: str, *arguments: str) -> Child:
    """Run ``child.py`` in a process of its own, numerical libraries with one thread."""
    command = [python, str(Path(__file__).with_name("child.py")), *arguments]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=os.environ | single)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise SystemExit(f"{err.read()}{' '.join(command)} failed")
        told = json.loads(out.read().strip().splitlines()[-1])
    return Child(wall, used.ru_utime + used.ru_stime, told)


def tell(name: str, values: list[float], unit: str = "s") -> str:
    """Return a median with its range."""
    spread = f"({min(values):.2f} to {max(values):.2f})"
    return f"{name:40} {statistics.median(values):8.2f} {unit} {spread}"


def tell_ratio(name: str, above: list[float], below: list[float]) -> str:
    """Return the median ratio of rounds, with its range."""
    return tell(name, [a / b for a, b in zip(above, below, strict=True)], "×")


def tell_times(
    wall: Mapping[str, list[float]],
    cpu: Mapping[str, list[float]],
    ratios: Iterable[tuple[str, str]],
) -> None:
    """Print the seconds of every task, and ratios of two of them."""
    for what, times in (("wall", wall), ("CPU", cpu)):
        for name in times:
            print(tell(f"{name}, {what}", times[name]))
        for above, below in ratios:
            print(tell_ratio(f"{above} / {below}, {what}", times[above], times[below]))


def machine() -> str:
    """Describe the machine in a line."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({platform.processor() or platform.machine()}), load {load}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"GDAL {rasterio.__gdal_version__}"
    )


def options(description: str | None, side: int) -> argparse.ArgumentParser:
    """Return the parser of a benchmark, with the options that all share."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--side", type=int, default=side, help="cells per side of the map")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1, help="threads")
    parser.add_argument("--folder", type=Path, help="where the map is kept (else made anew)")
    return parser
