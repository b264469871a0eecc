"""How much memory and time a pass takes as the map grows, from 1e6 to 1e9 cells.

    python benchmarks/memory.py [--sides 1000 2000 4000 10000] [--tile DIR] [--plot FILE]
    python benchmarks/memory.py --kind few --sides 1000 3162 10000 31623 --plot FILE

Each size runs in a process of its own: the pass for all services of the "linear" map of
``synthetic.py`` (or of another set of inputs, ``--kind``: "few" has one raster beside the land
cover, so that 1e9 cells fit on a disk), one thread, imports not counted. Prints the process's peak
resident memory, the wall and CPU seconds of the pass, and the slope of time against cells on
logarithmic axes (1: cost is linear in pixels). ``--tile`` also runs a real tile of 36 000 × 36 000
cells: land cover of ESA WorldCover (the file of 2020 in that folder), one zone over all of it, and
the file of 2021 as a second raster in place of a quantity per cell.
``--plot`` draws the scaling (needs matplotlib).
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from synthetic import machine, plans, write_map


def run(folder: Path, side: int, kind: str) -> dict[str, float]:
    """Make the pass over a synthetic map; return cells, seconds and the peak in MiB."""
    from gep.sums import make_sums_together

    found = plans(folder, kind)
    grid = found[0].project.grid
    grid.areas(next(grid.tiles())[1])  # what is imported once is not counted
    start, busy = time.perf_counter(), time.process_time()
    make_sums_together(found, workers=1)
    return measured(side * side, start, busy)


def run_tile(folder: Path) -> dict[str, float]:
    """Make the pass over the real tile."""
    import geopandas
    import rasterio
    import shapely

    import gep
    from gep.plan import make_plan
    from gep.sums import make_sums

    cover, other = (next(folder.glob(f"*_{year}_*Map.tif")) for year in (2020, 2021))
    with rasterio.open(cover) as source:
        west, south, east, north = source.bounds
        cells = source.height * source.width
    with tempfile.TemporaryDirectory() as scratch:
        zones = Path(scratch) / "zones.gpkg"
        whole = [shapely.box(west, south, east, north)]
        geopandas.GeoDataFrame({"id": ["all"]}, geometry=whole, crs="EPSG:4326").to_file(zones)
        project = gep.Project.build(
            Path(scratch),
            title="tile",
            standard="rcees_2017",
            year=2020,
            price_year=2010,
            zones={"file": str(zones), "id": "id"},
            land_cover={"file": str(cover), "legend": "worldcover", "classes": CLASSES},
            inputs={
                "carbon_sequestration_rate": {
                    "file": str(other), "unit": "tC/(km²·yr)", "range": [0, 255]
                },
            },
        )  # fmt: skip
        start, busy = time.perf_counter(), time.process_time()
        make_sums(make_plan(project.data), workers=1)
    return measured(cells, start, busy)


CLASSES = {
    "10": "evergreen_broadleaf_forest",
    "20": "evergreen_broadleaf_shrub",
    "30": "temperate_tussock",
    "40": "dry_cropland",
    "80": "open_water",
    "90": "mire",
    "95": "evergreen_broadleaf_forest",
}


def measured(cells: int, start: float, busy: float) -> dict[str, float]:
    """Return what a run took."""
    return {
        "cells": cells,
        "wall": time.perf_counter() - start,
        "cpu": time.process_time() - busy,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def child(*arguments: str) -> dict[str, float]:
    """Run this script in a process of its own."""
    command = [sys.executable, __file__, *arguments]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(text.strip().splitlines()[-1]))


def plot(path: Path, found: list[dict[str, float]], slope: float) -> None:
    """Draw time and memory against cells."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    cells = [r["cells"] for r in found]
    axes.loglog(cells, [r["cpu"] for r in found], "o-", color="tab:blue", label="CPU seconds")
    axes.set_xlabel("cells")
    axes.set_ylabel("CPU seconds", color="tab:blue")
    right = axes.twinx()
    right.semilogx(cells, [r["peak"] for r in found], "s--", color="tab:orange")
    right.set_ylabel("peak resident memory, MiB", color="tab:orange")
    right.set_ylim(0, 1100)
    right.axhline(1024, color="tab:orange", linewidth=0.8, linestyle=":")
    right.text(min(cells), 1032, "1 GiB", color="tab:orange", va="bottom")
    axes.set_title(f"One pass, one thread: time grows as cells to the power {slope:.2f}")
    axes.grid(visible=True, which="major", alpha=0.3)
    figure.savefig(path)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[1000, 2000, 4000, 10000])
    parser.add_argument("--keep", type=Path, help="folder where maps are kept, as m<side>")
    parser.add_argument("--tile", type=Path, help="folder with the real tile")
    parser.add_argument("--plot", type=Path, help="file to draw to (.svg, .png)")
    parser.add_argument("--kind", default="linear", help="set of inputs; see synthetic.py")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        folder, side = Path(chosen.child[0]), int(chosen.child[1])
        print(json.dumps(run(folder, side, chosen.kind) if side else run_tile(folder)))
        return
    print(machine())
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for side in chosen.sides:
            folder = (chosen.keep or Path(scratch)) / f"m{side}"
            write_map(folder, side, (chosen.kind,))
            found.append(child("--kind", chosen.kind, "--child", str(folder), str(side)))
            print(shown(found[-1]))
    logs: Any = [[math.log(r["cells"]) for r in found], [math.log(r["cpu"]) for r in found]]
    slope = float(np.polyfit(*logs, 1)[0]) if len(found) > 1 else math.nan
    print(f"slope of CPU seconds in cells: {slope:.3f}")
    for one, more in pairwise(found):
        step = math.log(more["cpu"] / one["cpu"]) / math.log(more["cells"] / one["cells"])
        print(f"  from {one['cells']:.0e} to {more['cells']:.0e}: {step:.2f}")
    if chosen.tile:
        print("real tile:", shown(child("--child", str(chosen.tile), "0")))
    if chosen.plot:
        plot(chosen.plot, found, slope)


def shown(result: dict[str, float]) -> str:
    """Return a result as a line."""
    return (
        f"{result['cells']:14,.0f} cells  peak {result['peak']:6.0f} MiB  "
        f"wall {result['wall']:7.2f} s  CPU {result['cpu']:7.2f} s  "
        f"{result['cpu'] / result['cells'] * 1e9:6.1f} ns per cell"
    )


if __name__ == "__main__":
    main()
