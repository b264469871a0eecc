"""How much work one pass for all services saves, against other ways of writing the same by hand.

    python benchmarks/one_pass_per_service.py [--side 2048] [--rounds 3] [--folder DIR]
        [--pygeoprocessing PYTHON]

Seven services of two standards with what they are worth (water, soil, carbon; water, soil, carbon,
oxygen), as class sums by zone and class, from the rasters of the "linear" map of ``synthetic.py``.
The contenders are written here by themselves and share no code with the engine:

services  a pass for every result, as tools made of raster calculators do it: read the inputs block
          by block, write a raster, then add up that raster by zone and class
dask      xarray and Dask: one lazy expression for each result on chunked rasters, computed and
          added up chunk by chunk
whole     NumPy on whole arrays in float64
pygeoprocessing
          a raster for every result by ``raster_calculator``, which also keeps its statistics, then
          ``zonal_statistics``: by zone only, not by class. In a process of its own with PYTHON, an
          interpreter that has pygeoprocessing (``docs/benchmarks.md`` tells how to build one);
          its start and imports are not counted. Without PYTHON it is left out
engine    one pass of gep, which also checks ranges, keeps coverage, takes exact cell fractions and
          true areas, and computes the intermediate steps

All use one thread. CPU seconds are compared: they do not depend on who else uses the machine as
much as wall time does. The totals of the contenders are compared with those of the engine: they
differ by the cells that zone borders divide and by the projection's areal scale.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import geopandas
import numpy as np
import rasterio
import rioxarray
import xarray as xr
from rasterio.features import rasterize
from synthetic import (
    CELL,
    Child,
    machine,
    measure,
    options,
    plans,
    run_child,
    tell_times,
    write_map,
)

from gep.errors import Problems
from gep.plan import LeafNumbers, Plan
from gep.sums import make_sums_together

HECTARES = CELL * CELL / 1e4
#: Zones and codes as one number: zone × 256 + code of the land cover.
CODES = 256


@dataclass(frozen=True)
class Result:
    """A result: its inputs, its formula per cell (m³ or t in a cell), and its factor.

    For pygeoprocessing, which runs elsewhere, also the formula's name and its numbers by code.
    """

    name: str
    service: tuple[int, str, str]  # plan, service, symbol
    inputs: tuple[str, ...]
    formula: Callable[..., Any]
    factor: float = 1.0
    by_code: tuple[float, ...] = ()


def by_code(plan: Plan, leaf: str) -> np.ndarray[Any, Any]:
    """Return a coefficient for every code of the land cover."""
    values = LeafNumbers(plan, Problems()).array(leaf, plan.members_of(leaf))[0]
    classes = tuple(plan.project.standard.classes)
    found = np.full(CODES, np.nan)
    for code, name in plan.project.land_cover.classes.items():  # type: ignore[union-attr]
        found[code] = values[classes.index(name) if values.size > 1 else 0]
    return found


def number(plan: Plan, leaf: str) -> float:
    """Return a coefficient that is one number."""
    return float(LeafNumbers(plan, Problems()).array(leaf, plan.members_of(leaf)).ravel()[0])


def results(found: list[Plan]) -> list[Result]:
    """Return what is computed: quantities and values of seven services."""
    water = ("precipitation", "evapotranspiration", "cover")
    factors = ("rainfall_erosivity", "soil_erodibility", "slope_length_factor")
    soil = (*factors, "slope_steepness_factor", "cover_factor", "cover")
    names = (("Q", "V"), ("Q_w", "V_w")), (("Q_sr", "V_sd"), ("A_s", "V_s1"))
    carbon_names = (("Q", "V"), ("Q_c", "V_c"))
    prices = (("c", "c", "c"), ("P_w", "P_s", "P_c"))
    made = []
    for which, plan in enumerate(found):
        runoff = by_code(plan, "surface_runoff|α")
        practice = np.ones(CODES)
        if which == 0:
            practice = by_code(plan, "support_practice_factor|p")
        scale = 0.01 if np.nanmax(runoff) > 1 else 1.0  # percent

        def retained(p: Any, e: Any, cover: Any, runoff: Any = runoff * scale) -> Any:
            return (p - p * runoff[cover] - e) * (HECTARES * 10)

        def kept(*given: Any, practice: Any = practice) -> Any:
            r, k, length, steep, c, cover = given
            return r * k * length * steep * (1 - c * practice[cover]) * HECTARES

        def grown(rate: Any) -> Any:
            return rate * HECTARES

        rate = ("net_ecosystem_production", "carbon_sequestration_rate")[which]
        per_carbon = number(plan, f"carbon_sequestration|{('k', 'k_C')[which]}")
        silt = number(plan, "soil_retention|λ") / number(plan, "soil_retention|ρ")
        worth = [number(plan, f"{s}|{prices[which][n]}") for n, s in enumerate(_SERVICES)]
        if which == 0:  # the yearly cost of a reservoir, with the project's two numbers
            worth[0] = worth[0] * 0.03 + 0.1
        numbers = (1, worth[0]), runoff * scale
        made += _both(which, "water_retention", names[0][which], water, retained, *numbers)
        numbers = (1, silt * worth[1]), practice
        made += _both(which, "soil_retention", names[1][which], soil, kept, *numbers)
        factors_ = (per_carbon, per_carbon * worth[2])
        made += _both(which, "carbon_sequestration", carbon_names[which], (rate,), grown, factors_)
        if which == 1:
            oxygen = number(plan, "oxygen_release|k_O")
            both = (oxygen, oxygen * number(plan, "oxygen_release|P_o"))
            npp = ("net_primary_production",)
            made += _both(1, "oxygen_release", ("Q_o", "V_o"), npp, grown, both)
    return made


_SERVICES = ("water_retention", "soil_retention", "carbon_sequestration")
_NONE = np.array([])


def _both(
    which: int,
    service: str,
    symbols: tuple[str, str],
    inputs: tuple[str, ...],
    formula: Callable[..., Any],
    factors: tuple[float, float],
    by_code: np.ndarray[Any, Any] = _NONE,
) -> list[Result]:
    return [
        Result(
            f"{which}.{service}.{symbol}",
            (which, service, symbol),
            inputs,
            formula,
            factor,
            tuple(by_code.tolist()),
        )
        for symbol, factor in zip(symbols, factors, strict=True)
    ]


def write_keys(folder: Path) -> int:
    """Write the zones as a raster of pixel centres; return the size of the table of sums."""
    zones = geopandas.read_file(folder / "zones.gpkg")
    with rasterio.open(folder / "cover.tif") as source:
        profile = source.profile | {"dtype": "uint8", "nodata": 0}
    shapes = ((geometry, n + 1) for n, geometry in enumerate(zones.geometry))
    shape = (profile["height"], profile["width"])
    burnt = rasterize(shapes, shape, transform=profile["transform"], dtype="uint8")
    with rasterio.open(folder / "zone_number.tif", "w", **profile) as target:
        target.write(burnt, 1)
    return (len(zones) + 1) * CODES


def _numbers(raw: np.ndarray[Any, Any], name: str, nodata: float | None) -> np.ndarray[Any, Any]:
    if name in ("cover", "zone_number"):
        return raw
    return np.where(raw == nodata, np.nan, raw.astype(np.float64))


def _add(values: Any, zone: Any, cover: Any, size: int) -> np.ndarray[Any, Any]:
    key = zone.astype(np.int64) * CODES + cover
    good = np.isfinite(values)
    return np.bincount(key[good], weights=values[good].astype(np.float64), minlength=size)


def services(folder: Path, wanted: list[Result], size: int) -> dict[str, np.ndarray[Any, Any]]:
    """Make a raster for every result, and add it up in another pass."""
    sums = {}
    for result in wanted:
        made = folder / "result.tif"
        sources = [rasterio.open(folder / f"{name}.tif") for name in result.inputs]
        profile = sources[0].profile | {"dtype": "float32", "nodata": -1.0, "count": 1}
        with rasterio.open(made, "w", **profile) as target:
            for _, window in sources[0].block_windows(1):
                given = [
                    _numbers(source.read(1, window=window), name, source.nodata)
                    for source, name in zip(sources, result.inputs, strict=True)
                ]
                values = result.formula(*given) * result.factor
                values = np.where(np.isfinite(values), values, -1.0)
                target.write(values.astype(np.float32), 1, window=window)
        for source in sources:
            source.close()
        total = np.zeros(size)
        with (
            rasterio.open(made) as source,
            rasterio.open(folder / "zone_number.tif") as zones,
            rasterio.open(folder / "cover.tif") as cover,
        ):
            for _, window in source.block_windows(1):
                values = _numbers(source.read(1, window=window), "", -1.0)
                there = zones.read(1, window=window), cover.read(1, window=window)
                total += _add(values, *there, size)
        made.unlink()
        sums[result.name] = total
    return sums


def lazily(folder: Path, wanted: list[Result], size: int) -> dict[str, np.ndarray[Any, Any]]:
    """Write each result as an expression of chunked rasters and compute it."""
    chunks = {"x": 1024, "y": 1024}

    def raster(name: str) -> xr.DataArray:
        opened = rioxarray.open_rasterio(
            folder / f"{name}.tif", chunks=chunks, masked=name not in ("cover", "zone_number")
        )
        return opened.squeeze("band", drop=True).drop_vars("spatial_ref")  # type: ignore[union-attr,return-value]

    rasters = {name: raster(name) for r in wanted for name in r.inputs}
    zone, cover = raster("zone_number"), raster("cover")
    key = (zone.astype("int64") * CODES + cover).data
    sums = {}
    for result in wanted:
        given = []
        for name in result.inputs:
            values = rasters[name]
            given.append(values if name == "cover" else values.astype("float64"))
        if "cover" in result.inputs:
            computed = xr.apply_ufunc(
                result.formula, *given, dask="parallelized", output_dtypes=["float64"]
            )
        else:
            computed = result.formula(*given)
        values = (computed * result.factor).fillna(0.0).data
        parts = da.map_blocks(
            lambda k, v: np.bincount(k.ravel(), v.ravel(), minlength=size)[None, None],
            key, values, dtype="float64", chunks=(1, 1, size), new_axis=2,
        )  # fmt: skip
        with dask.config.set(scheduler="synchronous"):
            sums[result.name] = parts.sum(axis=(0, 1)).compute()
    return sums


def whole(folder: Path, wanted: list[Result], size: int) -> dict[str, np.ndarray[Any, Any]]:
    """Compute on whole arrays."""
    data: dict[str, Any] = {}
    for name in {n for r in wanted for n in r.inputs} | {"cover", "zone_number"}:
        with rasterio.open(folder / f"{name}.tif") as source:
            data[name] = _numbers(source.read(1), name, source.nodata)
    return {
        r.name: _add(
            r.formula(*(data[n] for n in r.inputs)) * r.factor,
            data["zone_number"],
            data["cover"],
            size,
        )
        for r in wanted
    }


def _total(sums: Any) -> float:
    """Return a sum over all zones, of a table by zone and class or already added up."""
    return float(sums[CODES:].sum() if isinstance(sums, np.ndarray) else sums)


def write_results(folder: Path, wanted: list[Result]) -> None:
    """Write what pygeoprocessing computes: formulas by name, per cell of the map."""
    told = [
        {
            "name": result.name,
            "formula": result.formula.__name__,
            "inputs": result.inputs,
            "factor": result.factor * HECTARES,
            "table": result.by_code,
        }
        for result in wanted
    ]
    (folder / "results.json").write_text(json.dumps(told), encoding="utf-8")


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, 2048)
    parser.set_defaults(rounds=3)
    parser.add_argument("--pygeoprocessing", help="Python that has pygeoprocessing")
    chosen = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        write_map(folder, chosen.side, ("linear",))
        found = plans(folder, "linear")
        wanted = results(found)
        size = write_keys(folder)
        write_results(folder, wanted)
        sums: dict[str, Mapping[str, Any]] = {}
        children: list[Child] = []
        made: list[Any] = []

        def engine() -> None:
            made[:] = make_sums_together(found, workers=1)

        def elsewhere() -> None:
            children.append(run_child(chosen.pygeoprocessing, "pygeoprocessing", str(folder)))
            sums["pygeoprocessing"] = children[-1].told["totals"]

        def keep(name: str, task: Callable[..., Any]) -> Callable[[], None]:
            def run() -> None:
                sums[name] = task(folder, wanted, size)

            return run

        tasks: dict[str, Callable[[], object]] = {
            "engine": engine,
            "services": keep("services", services),
            "dask": keep("dask", lazily),
            "whole": keep("whole", whole),
        }
        if chosen.pygeoprocessing:
            tasks["pygeoprocessing"] = elsewhere
        else:
            print("pygeoprocessing is left out: no --pygeoprocessing PYTHON")
        for task in tasks.values():  # once without a clock: imports and caches
            task()
        wall, cpu = measure(tasks, chosen.rounds)
    if children:
        told = [child.told for child in children[-chosen.rounds :]]
        cpu["pygeoprocessing"] = [one["work"] for one in told]
        wall["pygeoprocessing"] = [one["wall"] for one in told]
        print(f"pygeoprocessing {told[0]['version']}")
    print(f"\n{chosen.side}² cells, {len(wanted)} results, one thread")
    tell_times(wall, cpu, [(name, "engine") for name in list(tasks)[1:]])
    for result in wanted:
        which, service, symbol = result.service
        total = np.nansum(made[which].values[service, symbol].total)
        shown = {n: _total(found[result.name]) / total - 1 for n, found in sums.items()}
        print(result.name, *(f"{n} {value:+.1e}" for n, value in shown.items()))


if __name__ == "__main__":
    main()
