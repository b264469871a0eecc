"""What other benchmarks run in a process of its own, in whatever Python has the library.

    PYTHON benchmarks/child.py gep all FOLDER
    PYTHON benchmarks/child.py invest carbon FOLDER
    PYTHON benchmarks/child.py pygeoprocessing FOLDER

Libraries are imported only where they are used: nothing of gep is needed to run a peer, and nothing
of a peer to run gep. The folder holds what ``invest.py`` or ``one_pass_per_service.py`` wrote
there. The last line printed is a JSON object: totals, the CPU seconds until all was imported
(``imports``) and after that (``work``), the wall seconds after that (``wall``), and the most memory
that the process held, in MiB (``peak``).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

#: Model -> module of natcap.invest, and its arguments: files of the folder, or numbers.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "carbon": ("carbon", {"lulc_bas_path": "cover.tif", "carbon_pools_path": "carbon_pools.csv"}),
    "water": (
        "annual_water_yield",
        {
            "lulc_path": "cover.tif",
            "depth_to_root_rest_layer_path": "soil_depth.tif",
            "precipitation_path": "precipitation.tif",
            "pawc_path": "available_water_capacity.tif",
            "eto_path": "reference_evapotranspiration.tif",
            "watersheds_path": "watersheds.gpkg",
            "biophysical_table_path": "biophysical.csv",
        },
    ),
    "flood": (
        "urban_flood_risk_mitigation",
        {
            "aoi_watersheds_path": "watersheds.gpkg",
            "lulc_path": "cover.tif",
            "soils_hydrological_group_raster_path": "soil_hydrologic_group.tif",
            "curve_number_table_path": "curve_numbers.csv",
        },
    ),
}


def invest(folder: Path, model: str) -> Callable[[], Any]:
    """Import a model of InVEST; return what runs it, in one process, without its HTML report."""
    module, files = MODELS[model]
    execute = import_module(f"natcap.invest.{module}").execute
    given: dict[str, Any] = {name: str(folder / file) for name, file in files.items()}
    given |= json.loads((folder / "numbers.json").read_text(encoding="utf-8")).get(model, {})
    given |= {"workspace_dir": str(folder / f"invest_{model}"), "n_workers": -1}
    return lambda: len(execute(given))


def gep(folder: Path, name: str) -> Callable[[], Any]:
    """Import gep; return what runs a project in one thread, and saves it if it asks for maps."""
    Project = import_module("gep").Project  # noqa: N806
    given = json.loads((folder / f"gep_{name}.json").read_text(encoding="utf-8"))
    tables, steps = given["project"], given["steps"]

    def run() -> dict[str, dict[str, float]]:
        account = Project.build(folder, **tables).run(workers=1)
        if "outputs" in tables:
            account.save(folder / f"gep_{name}")
        sums = {name: account.dataset[name].sum("ecosystem") for name in steps}
        return {name: found.to_series().to_dict() for name, found in sums.items()}

    return run


def pygeoprocessing(folder: Path) -> Callable[[], Any]:
    """Import pygeoprocessing; return what makes a raster for every result and adds it up."""
    np, geo = import_module("numpy"), import_module("pygeoprocessing")
    gdal = import_module("osgeo.gdal")
    gdal.UseExceptions()
    wanted = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    formulas: dict[str, Callable[..., Any]] = {
        "retained": lambda run_off, p, e, cover: (p - p * run_off[cover] - e) * 10,
        "kept": lambda practice, r, k, length, steep, c, cover: (
            r * k * length * steep * (1 - c * practice[cover])
        ),
        "grown": lambda _, rate: rate,
    }
    missing = float(np.finfo("float32").min)

    def make(result: dict[str, Any]) -> float:
        paths = [str(folder / f"{name}.tif") for name in result["inputs"]]
        absent = [geo.get_raster_info(path)["nodata"][0] for path in paths]
        table = np.array(result["table"], dtype="float64")
        formula, factor = formulas[result["formula"]], result["factor"]

        def compute(*blocks: Any) -> Any:
            valid = np.ones(blocks[0].shape, dtype=bool)
            for block, nodata in zip(blocks, absent, strict=True):
                valid &= ~geo.array_equals_nodata(block, nodata)
            made = np.full(valid.shape, missing, dtype="float32")
            values = formula(table, *(block[valid] for block in blocks)) * factor
            made[valid] = np.where(np.isfinite(values), values, missing)
            return made

        target = str(folder / "pygeoprocessing.tif")
        bands = [(path, 1) for path in paths]
        geo.raster_calculator(bands, compute, target, gdal.GDT_Float32, missing)
        by_zone = geo.zonal_statistics((target, 1), str(folder / "zones.gpkg"))
        Path(target).unlink()
        return float(sum(zone["sum"] for zone in by_zone.values()))

    return lambda: {result["name"]: make(result) for result in wanted}


def peak() -> float:
    """Return the most memory that this process held, in MiB.

    Linux counts into ``ru_maxrss`` what the process that started this one held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run, and print what it took."""
    what, *rest, folder = sys.argv[1:]
    task = {"gep": gep, "invest": invest, "pygeoprocessing": pygeoprocessing}[what]
    run = task(Path(folder), *rest)
    imports, start = time.process_time(), time.perf_counter()
    totals = run()
    wall, work = time.perf_counter() - start, time.process_time() - imports
    told = {"totals": totals, "imports": imports, "work": work, "wall": wall, "peak": peak()}
    told["version"] = version({"gep": "gep-accounting", "invest": "natcap.invest"}.get(what, what))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
