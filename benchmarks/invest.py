"""How much CPU gep takes for three models of InVEST, against InVEST itself.

    python benchmarks/invest.py --invest PYTHON [--side 2000] [--rounds 3] [--folder DIR]

Carbon stock, annual water yield and curve-number flood mitigation: by gep with the rules of
``invest_3``, and by natcap.invest 3.20, on the same land cover, rasters and watersheds of the
synthetic map (see ``synthetic.py``), with the tables below. PYTHON is an interpreter that has
natcap.invest; how to build one: ``docs/benchmarks.md``. Each run is a process of its own, so that
imports count for both, in turns:

invest  ``execute`` of the model in one process (``n_workers=-1``), which writes its rasters and
        tables; no HTML report, no valuation, no demand, no buildings
gep     one thread; each model by itself, and all in one pass: ``all`` ends with the account in
        memory, ``saved`` also writes it with a map of each of the three results

Prints the CPU and wall seconds of the whole process and the most memory it held, and the ratios of
the rounds with their range. For all three together the runs of InVEST are added up, with its
imports counted once. gep imports much of what it needs on first use, so its imports are not told
apart. InVEST's carbon model covers the whole map, the others the box around the watersheds, 8 %
less.

What both find is compared by watershed: gep's sums, and InVEST's rasters added up here over the
cells whose centre lies in the watershed. InVEST's own tables would not do: the carbon model adds up
the whole map, the yield of a watershed there is its mean times the polygon's area, cells without
data included. A watershed may differ by 2 in 1000, else the script fails: gep takes true areas,
which are 0.8 in 1000 larger than those on the map at the central meridian and 1.4 in 1000 smaller
300 km east of it, and exact shares of the cells that borders divide; 32-bit rasters cost far less.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import rasterio
from rasterio.features import rasterize
from rasterio.windows import Window
from synthetic import (
    CELL,
    INPUTS,
    RASTERS,
    TILE,
    Child,
    machine,
    measure,
    options,
    run_child,
    tell,
    tell_ratio,
    write_map,
)

TOLERANCE = 2e-3
#: Invented. Land-cover code -> class, then a column for each quantity.
TABLE = """
code class      c_above c_below c_soil c_dead   kc root_depth lulc_veg cn_a cn_b cn_c cn_d
10   forest         120      30    110     12 1.00       3500        1   30   55   70   77
20   shrub           25      12     80      4 0.85       2000        1   35   56   70   77
30   grassland        4       6     70      1 0.65       1200        1   39   61   74   80
40   cropland         5       2     60      0 0.70        900        1   67   78   85   89
50   town             2       1     30      0 0.30          1        0   77   85   90   92
80   open_water       0       0      0      0 1.05          1        0   98   98   98   98
90   mire             6       8    180      2 1.10          1        0   85   88   91   93
"""
#: Table of InVEST -> its columns, and the quantity and unit that each is in gep.
COLUMNS = {
    "carbon_pools.csv": {
        "c_above": ("carbon_above_ground", "tC/ha"),
        "c_below": ("carbon_below_ground", "tC/ha"),
        "c_soil": ("carbon_soil", "tC/ha"),
        "c_dead": ("carbon_dead", "tC/ha"),
    },
    "biophysical.csv": {
        "kc": ("evapotranspiration_coefficient", "1"),
        "root_depth": ("root_depth", "mm"),
        "lulc_veg": ("vegetated", "1"),
    },
    "curve_numbers.csv": {f"cn_{g}": (f"curve_number_{g}", "1") for g in "abcd"},
}
SEASONALITY, STORM = 5, 80
#: Model -> gep's service and step; the raster of InVEST; what a cell's number is in t or m³.
MODELS = {
    "carbon": ("carbon_storage", "C", "c_storage_bas.tif", CELL**2 / 1e4),
    "water": ("water_yield", "Y", "output/per_pixel/wyield.tif", CELL**2 / 1e3),
    "flood": ("flood_mitigation", "H", "Runoff_retention_m3.tif", 1.0),
}
UNITS = {"carbon": "t", "water": "m³", "flood": "m³"}


def write_inputs(folder: Path) -> None:
    """Write the watersheds, InVEST's tables and numbers, and gep's tables and projects."""
    zones = geopandas.read_file(folder / "zones.gpkg")
    zones = zones.assign(ws_id=range(1, len(zones) + 1))[["ws_id", "geometry"]]
    zones.to_file(folder / "watersheds.gpkg")
    lines = [line.split() for line in TABLE.split("\n") if line]
    table = pd.DataFrame(lines[1:], columns=lines[0])
    inputs: dict[str, Any] = {}
    for file, columns in COLUMNS.items():
        peers = table[["code", *columns]].rename(columns={"code": "lucode"})
        peers.to_csv(folder / file, index=False)
        for column, (quantity, unit) in columns.items():
            ours = pd.DataFrame({"ecosystem": table["class"], "value": table[column]})
            ours.to_csv(folder / f"{quantity}.csv", index=False)
            inputs[quantity] = {"table": f"{quantity}.csv", "unit": unit}
    for quantity in INPUTS["invest"]:
        inputs[quantity] = {"file": f"{quantity}.tif", "unit": RASTERS[quantity][4]}
    inputs["soil_hydrologic_group"]["resampling"] = "nearest"
    inputs["seasonality_constant"] = {"value": SEASONALITY, "unit": "1/yr"}
    inputs["design_storm"] = {"value": STORM, "unit": "mm/yr"}
    numbers = {
        "water": {"seasonality_constant": SEASONALITY},
        "flood": {"rainfall_depth": STORM},
    }
    _write(folder / "numbers.json", numbers)
    for name in (*MODELS, "all", "saved"):
        chosen = [MODELS[name]] if name in MODELS else list(MODELS.values())
        steps = [f"{service}.{step}" for service, step, *_ in chosen]
        project: dict[str, Any] = {
            "title": name,
            "standard": "invest_3",
            "year": 2020,
            "price_year": 2020,
            "zones": {"file": "watersheds.gpkg", "id": "ws_id"},
            "land_cover": {"file": "cover.tif", "legend": "worldcover"},
            "services": [service for service, *_ in chosen],
            "inputs": inputs,
        }
        if name == "saved":
            project["outputs"] = {"maps": steps}
        _write(folder / f"gep_{name}.json", {"steps": steps, "project": project})


def _write(path: Path, found: Any) -> None:
    path.write_text(json.dumps(found), encoding="utf-8")


def peers_sums(folder: Path, model: str) -> dict[str, float]:
    """Add up InVEST's raster by watershed, strip by strip: cells whose centre lies in it."""
    *_, name, factor = MODELS[model]
    zones = geopandas.read_file(folder / "watersheds.gpkg")
    shapes = list(zip(zones.geometry, zones["ws_id"], strict=True))
    sums = np.zeros(len(zones) + 1)
    with rasterio.open(folder / f"invest_{model}" / name) as source:
        for row in range(0, source.height, TILE):
            window = Window(0, row, source.width, min(TILE, source.height - row))
            values = source.read(1, window=window)
            place = source.window_transform(window)
            zone = rasterize(shapes, values.shape, transform=place, dtype="uint8")
            known = values != source.nodata
            sums += np.bincount(zone[known], values[known].astype(np.float64), len(sums))
    return {str(n): factor * float(sums[n]) for n in zones["ws_id"]}


def tasks(folder: Path, python: str, found: dict[str, list[Child]]) -> dict[str, Any]:
    """Return what is run in turns; each run is added to what was found under its name."""

    def task(who: str, what: str) -> Callable[[], None]:
        def run() -> None:
            shutil.rmtree(folder / f"{who}_{what}", ignore_errors=True)
            interpreter = python if who == "invest" else sys.executable
            found[f"{who} {what}"].append(run_child(interpreter, who, what, str(folder)))

        return run

    ours = {f"gep {what}": task("gep", what) for what in (*MODELS, "all", "saved")}
    return ours | {f"invest {what}": task("invest", what) for what in MODELS}


def added(parts: tuple[Child, ...]) -> Child:
    """Return the runs of several models as if one process had made them, with imports once."""
    again = sum(part.told["imports"] for part in parts[1:])
    told = {"peak": max(part.told["peak"] for part in parts), "imports": parts[0].told["imports"]}
    seconds = sum(part.wall for part in parts) - again, sum(part.cpu for part in parts) - again
    return Child(*seconds, told)


def show(found: dict[str, list[Child]], what: str, peer: str, *ours: str) -> None:
    """Print what a peer and gep took."""
    print(f"\n{what}")
    for name in (peer, *ours):
        runs = found[name]
        print(tell(f"{name}, CPU", [run.cpu for run in runs]))
        if name == peer:
            print(tell("  of that imports", [run.told["imports"] for run in runs]))
        print(tell("  wall", [run.wall for run in runs]))
        print(tell("  peak memory", [run.told["peak"] for run in runs], "MiB"))
    for name in ours:
        for kind, field in (("CPU", "cpu"), ("wall", "wall")):
            both = ([getattr(run, field) for run in found[which]] for which in (peer, name))
            print(tell_ratio(f"{peer} / {name}, {kind}", *both))


def compare(folder: Path, ours: dict[str, dict[str, float]]) -> bool:
    """Print how far the results are apart; return whether all are within the tolerance."""
    worst = 0.0
    for model, (service, step, *_) in MODELS.items():
        theirs, sums = peers_sums(folder, model), ours[f"{service}.{step}"]
        apart = {zone: sums[zone] / total - 1 for zone, total in theirs.items()}
        worst = max(worst, *(abs(value) for value in apart.values()))
        total, peers, unit = sum(sums.values()), sum(theirs.values()), UNITS[model]
        print(
            f"{model:8} gep {total:.6e} {unit}, InVEST {peers:.6e} {unit}: "
            f"{total / peers - 1:+.1e}, watersheds "
            f"{min(apart.values()):+.1e} to {max(apart.values()):+.1e}"
        )
    return worst <= TOLERANCE


def main() -> None:
    """Measure, print and compare."""
    parser = options(__doc__, 2000)
    parser.set_defaults(rounds=3)
    parser.add_argument("--invest", required=True, help="Python that has natcap.invest")
    chosen = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = (chosen.folder or Path(scratch)).resolve()
        write_map(folder, chosen.side, ("invest",))
        write_inputs(folder)
        found: dict[str, list[Child]] = defaultdict(list)
        measure(tasks(folder, chosen.invest, found), chosen.rounds)
        print(f"InVEST {found['invest carbon'][0].told['version']}, {chosen.side}² cells")
        for model in MODELS:
            show(found, model, f"invest {model}", f"gep {model}")
        runs = zip(*(found[f"invest {model}"] for model in MODELS), strict=True)
        found["invest, added up"] = [added(parts) for parts in runs]
        show(found, "all three", "invest, added up", "gep all", "gep saved")
        print("\nsums, and gep against InVEST")
        if not compare(folder, found["gep all"][0].told["totals"]):
            raise SystemExit(f"a watershed differs by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
