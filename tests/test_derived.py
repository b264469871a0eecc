"""Derived quantities: made when they are needed, once, and known without being made."""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from gep import derived
from gep.account import Project
from gep.derived import Derived, Given, read_whole
from gep.errors import DataError
from gep.functions import FUNCTIONS
from gep.grid import Grid
from gep.units import unit

SHAPE = (30, 40)
STEEP = """
[inputs]
R = { is = "rainfall_erosivity", unit = "MJ·mm/(hm²·h·yr)" }
K = { is = "soil_erodibility", unit = "tsoil·hm²·h/(hm²·MJ·mm)" }
"θ" = { is = "slope", unit = "deg" }
h = { is = "relief", unit = "m" }
F = { is = "vegetation_cover", unit = "1" }
[[steps]]
symbol = "Q"
title = { en = "Steep", zh = "陡" }
formula = "R * K * F * (sine(angle=θ) + h / h)"
unit = "tsoil/(hm²·yr)"
[account]
physical = "Q"
[[examples]]
given = { R = 1000, K = 0.04, "θ" = 90, h = 10, F = 0.5 }
expect = { Q = 40 }
source = "by hand"
"""


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the rasters that were read for derived quantities."""
    names: list[str] = []

    def counted(grid: Grid, raster: Any) -> Any:
        names.append(Path(raster.name).stem)
        return read_whole(grid, raster)

    monkeypatch.setattr(derived, "read_whole", counted)
    return names


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Any]:
    """A project that derives slope, relief and plant cover."""
    codes = np.random.default_rng(1).integers(1, 5, SHAPE)
    land = tiny.write_raster(tmp_path / "land.tif", codes, nodata=0)
    for name, high in (("dem", 900), ("ndvi", 0.9)):
        field = tiny.smooth(SHAPE, 0.1, high, 7, 0.02)
        tiny.write_raster(tmp_path / f"{name}.tif", field, nodata=np.nan)
    zones = tiny.write_zones(tmp_path / "zones.gpkg", {"all": tiny.rectangle(SHAPE)})
    dem = {"file": str(tmp_path / "dem.tif"), "unit": "m"}
    inputs: dict[str, Any] = {
        "rainfall_erosivity": {"value": 6000, "unit": "MJ·mm/(hm²·h·yr)"},
        "soil_erodibility": {"value": 0.03, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "slope": {"derive": "slope", "elevation": dem},
        "relief": {"derive": "relief", "elevation": dem, "side": {"value": 0.1, "unit": "km"}},
        "vegetation_cover": {
            "derive": "vegetation_cover",
            "ndvi": {"file": str(tmp_path / "ndvi.tif"), "unit": "1"},
            "ndvi_soil": {"value": 0.05, "unit": "1"},
            "ndvi_vegetation": {"value": 0.85, "unit": "1"},
        },
    }
    standard = tiny.write_standard(tmp_path, [], own={"steep": STEEP})
    return tiny.project(tmp_path, land, zones, inputs, standard=standard)


def refused(call: Any) -> DataError:
    with pytest.raises(DataError) as found:
        call()
    return found.value


# ------------------------------------------------------------------------------- when it is made


def test_loading_reads_no_number_and_a_run_reads_each_once(
    tables: dict[str, Any], decoded: list[str]
) -> None:
    project = Project.build(**tables)
    assert decoded == []
    first = project.run(workers=2)
    assert sorted(decoded) == ["dem", "dem", "ndvi"]
    assert project.run(workers=1).table.equals(first.table)
    assert len(decoded) == 3
    grid, sources = project.data.grid, project.data.sources
    assert grid is not None
    dem = read_whole(grid, Given(_raster(sources["slope"]), unit("m"), unit("m")).raster)
    for name, more in (("slope", {}), ("relief", {"side": 100.0})):
        wanted = FUNCTIONS[name](elevation=dem, dx=30.0, dy=30.0, **more)
        assert np.array_equal(np.asarray(sources[name].array), wanted, equal_nan=True)


def _raster(source: Any) -> Any:
    return source.array.arguments["elevation"].raster


def test_many_threads_make_it_once(tables: dict[str, Any], decoded: list[str]) -> None:
    slope: Any = Project.build(**tables).data.sources["slope"].array
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: slope.numbers(), range(32)))
    assert all(one is found[0] for one in found)
    assert decoded == ["dem"]


def test_it_serves_as_an_array_and_travels_as_one(tables: dict[str, Any]) -> None:
    slope: Any = Project.build(**tables).data.sources["slope"].array
    sent = pickle.loads(pickle.dumps(slope))
    assert type(sent) is np.ndarray
    assert np.array_equal(sent, slope.numbers(), equal_nan=True)
    assert np.array_equal(slope[3:5, 7:9], sent[3:5, 7:9], equal_nan=True)
    assert np.asarray(slope, np.float32).dtype == np.float32
    assert np.asarray(slope) is slope.numbers()
    assert np.array(slope, copy=True) is not slope.numbers()


# ----------------------------------------------------------------------------- how it is known


def test_its_digest_tells_what_changes_the_numbers_and_nothing_else(
    tables: dict[str, Any], tmp_path: Path, decoded: list[str]
) -> None:
    def digests() -> dict[str, str]:
        data = Project.build(**tables).data
        found = {name: data.content.get(source.where) for name, source in data.sources.items()}
        return {name: digest for name, digest in found.items() if digest}

    first = digests()
    assert len(set(first.values())) == 3
    assert digests() == first
    inputs = tables["inputs"]
    moved = (tmp_path / "dem.tif").rename(tmp_path / "height.tif")
    for name in ("slope", "relief"):
        inputs[name]["elevation"] = {"file": str(moved), "unit": "m"}
    assert digests() == first
    inputs["relief"]["side"] = {"value": 200, "unit": "m"}
    changed = digests()
    assert {name for name in first if changed[name] != first[name]} == {"relief"}
    inputs["slope"]["elevation"] = {"file": str(moved), "unit": "km"}
    assert digests()["slope"] != first["slope"]
    inputs["slope"]["elevation"] = {"file": str(moved), "unit": "m", "nodata": 5}
    assert digests()["slope"] not in (first["slope"], changed["slope"])
    inputs["slope"]["elevation"] = {"file": str(moved), "unit": "m"}
    tiny.write_raster(moved, tiny.smooth(SHAPE, 0.1, 900, 8), nodata=np.nan)
    after = digests()
    assert {name for name in first if after[name] == first[name]} == {"vegetation_cover"}
    assert decoded == []


def test_its_digest_holds_the_whole_grid_and_all_of_a_long_list(tables: dict[str, Any]) -> None:
    data = Project.build(**tables).data
    slope: Any = data.sources["slope"].array
    content, where = data.content, slope.where
    other = replace(slope.grid, width=slope.grid.width + 1)
    known = {slope.digest(content)}
    for arguments, grid in (
        (slope.arguments, other),
        (slope.arguments | {"dates": np.arange(5000)}, slope.grid),
        (slope.arguments | {"dates": np.append(np.arange(2500), np.arange(2500))}, slope.grid),
        (slope.arguments | {"dates": np.append(np.arange(4999), 0)}, slope.grid),
    ):
        known.add(Derived(FUNCTIONS["slope"], arguments, grid, where).digest(content))
    assert len(known) == 5


# ------------------------------------------------------------------------------- what is wrong


def test_what_needs_no_numbers_is_said_at_loading_with_all_else(
    tables: dict[str, Any], decoded: list[str]
) -> None:
    inputs = tables["inputs"]
    inputs["relief"]["side"]["value"] = 0.01
    inputs["vegetation_cover"]["ndvi_soil"]["value"] = 0.9
    inputs["rain"] = {"value": 1, "unit": "mm/yr"}
    error = refused(lambda: Project.build(**tables))
    told = [(p.what, p.where.rpartition(", ")[2], p.found) for p in error.problems]
    assert told[0][:2] == ("the window of the relief is wider than two cells", "inputs.relief")
    assert told[0][2] == "a side of 10 m, cells of up to 30 m"
    assert told[1][1:] == ("inputs.vegetation_cover", "bare ground 0.9, full cover 0.85")
    assert told[2][0] == "unknown quantity 'rain'"
    assert "ndvi" in decoded  # where a trial fails the numbers decide


def test_what_only_the_numbers_show_is_said_by_run_and_check_all_at_once(
    tables: dict[str, Any], tmp_path: Path
) -> None:
    tiny.write_raster(tmp_path / "ndvi.tif", np.full(SHAPE, 5200.0), nodata=np.nan)
    raw = (tmp_path / "dem.tif").read_bytes()
    (tmp_path / "dem.tif").write_bytes(raw[: len(raw) // 2])
    project = Project.build(**tables)
    for found in (refused(project.run).problems, project.check().errors):
        assert [p.what for p in found] == [
            "ndvi lies between -1 and 1",
            "the raster cannot be read",
        ]
        assert found[0].where.endswith(", inputs.vegetation_cover")
        assert found[0].found == "1200 of 1200 values, the first is 5200"
        assert found[1].where == str(tmp_path / "dem.tif")
        assert "in the block" not in "".join(p.found for p in found)


def test_bands_that_a_function_does_not_take_are_refused_at_loading(
    tables: dict[str, Any], tmp_path: Path
) -> None:
    tiny.write_raster(tmp_path / "ndvi.tif", np.full((2, *SHAPE), 0.5))
    (problem,) = refused(lambda: Project.build(**tables)).problems
    assert problem.what == "vegetation_cover cannot be computed over the grid from what is given"
    tiny.write_raster(tmp_path / "dem.tif", np.full((2, *SHAPE), 0.5))
    problems = refused(lambda: Project.build(**tables)).problems
    assert {p.what for p in problems} == {
        problem.what,
        "elevation is a grid of rows and columns",
    }


def test_a_function_that_refuses_cells_without_data_is_tried_on_the_numbers(
    tables: dict[str, Any], tmp_path: Path, decoded: list[str]
) -> None:
    cover = tables["inputs"]["vegetation_cover"]
    cover |= {"derive": "vegetation_cover_quantile"}
    cover |= {"lower": {"value": 5, "unit": "%"}, "upper": {"value": 95, "unit": "%"}}
    del cover["ndvi_soil"], cover["ndvi_vegetation"]
    Project.build(**tables).run()
    assert decoded == ["ndvi", "dem", "dem"]
    tiny.write_raster(tmp_path / "ndvi.tif", np.full(SHAPE, np.nan), nodata=np.nan)
    (problem,) = refused(lambda: Project.build(**tables)).problems
    assert problem.what == "the vegetation index holds no data"
    assert problem.found == "1200 cells, all NaN"


def test_a_library_that_is_not_there_is_said_at_loading(
    tables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyflwdir", None)
    slope = tables["inputs"]["slope"]
    tables["inputs"]["slope_length"] = {
        "derive": "slope_length",
        "elevation": slope["elevation"],
        "cap": {"value": 90, "unit": "m"},
    }
    with pytest.raises(ImportError, match=r"gep-accounting\[hydro\]"):
        Project.build(**tables)
