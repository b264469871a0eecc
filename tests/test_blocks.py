"""The pass over the rasters: the same bits whatever the blocks and threads; missing is not zero."""

from __future__ import annotations

import dataclasses
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import tiny
from pyproj import Transformer

from gep.account import Project
from gep.blocks import Worker
from gep.errors import DataError
from gep.grid import RasterReader
from gep.passes import Part, run_blocks, run_passes
from gep.plan import make_plan
from gep.sums import Run, make_work
from gep.together import groups, together


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A pass of six tiles, with an input of every resampling kind."""
    folder = tmp_path_factory.mktemp("blocks")
    shape = (600, 530)
    west, north = tiny.CORNER
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 5, (60, 53)).repeat(10, axis=0).repeat(10, axis=1)
    land = tiny.write_raster(
        folder / "land.tif", codes, nodata=0, tiled=True, blockxsize=128, blockysize=128
    )
    lon, lat = Transformer.from_crs(tiny.UTM, tiny.LONLAT, always_xy=True).transform(west, north)
    erosivity = "MJ·mm/(hm²·h·yr)"
    lonlat, utm = tiny.LONLAT, tiny.UTM
    far, near = (lon - 0.02, lat + 0.02), (lon - 0.001, lat + 0.001)
    fine, here = (1300, 1200), (west - 9, north + 5)
    spec = {
        "precipitation": ("bilinear", (30, 30), 0.009, far, lonlat, "mm/yr", (900, 2000)),
        "evapotranspiration": ("nearest", (25, 25), 0.01, far, lonlat, "mm/yr", (300, 800)),
        "rainfall_erosivity": ("mode", (700, 650), 28.0, here, utm, erosivity, (3000, 9000)),
        "slope_length_factor": ("average", fine, 14.0, (west - 31, north + 17), utm, "1", (0.5, 9)),
        "vegetation_cover": ("exact", shape, 30.0, tiny.CORNER, tiny.UTM, "%", (0, 100)),
        "visitors": ("sum", fine, 0.00015, near, lonlat, "人次/yr", (0, 3)),
    }  # fmt: skip
    inputs: dict[str, Any] = {
        "soil_erodibility": {"value": 0.03, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "carbon_sequestration_rate": {"value": 2, "unit": "tC/(hm²·yr)"},
    }
    for seed, (name, (how, size, cell, corner, crs, unit, limits)) in enumerate(spec.items()):
        values = tiny.smooth(size, *limits, seed, 0.03)
        values = np.round(values) if how == "mode" else values
        path = tiny.write_raster(
            folder / f"{name}.tif", values, cell=cell, corner=corner, crs=crs, nodata=np.nan
        )
        inputs[name] = {"file": str(path), "unit": unit, "resampling": how}
    west_half = tiny.rectangle((600, 240))
    zones = {
        "a": shapely.affinity.rotate(shapely.affinity.scale(west_half, 0.7, 0.8), 9),
        "b": shapely.affinity.translate(west_half, 8000, 777.7),
    }
    statistics = [(z, "sulfur_dioxide_emission", 900.0, "tSO2/yr") for z in zones]
    zone_file = tiny.write_zones(folder / "zones.gpkg", zones)
    project = Project.build(**tiny.project(folder, land, zone_file, inputs, statistics=statistics))
    run = Run(make_plan(project.data))
    run._request()
    return make_work(run.plan, run.numbers, tuple(run.formulas), tuple(run.slots)), project


@pytest.fixture(scope="module")
def whole(work: Any) -> Any:
    return run_blocks(work[0], block=2048, workers=1)


def assert_same_bits(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a.area, b.area)
    np.testing.assert_array_equal(a.no_cover, b.no_cover)
    for one, other in zip(a.sums, b.sums, strict=True):
        np.testing.assert_array_equal(one, other)
    assert a.unknown == b.unknown
    assert a.ranges == b.ranges


@pytest.mark.parametrize(("block", "workers"), [(256, 1), (512, 2), (1024, 1), (256, 4), (2048, 2)])
def test_blocks_and_threads_change_no_bit(work: Any, whole: Any, block: int, workers: int) -> None:
    assert whole.area.sum() > 0
    assert all(np.isfinite(s).all() for s in whole.sums)
    assert_same_bits(run_blocks(work[0], block=block, workers=workers), whole)


def test_the_order_of_tiles_changes_no_bit(work: Any, whole: Any) -> None:
    joint, (member,) = together([work[0]])
    worker, part = Worker(joint), Part()
    tiles = [t for block in joint.grid.blocks(256) for t in worker.block(block)]
    worker.reader.close()
    assert len(tiles) > 4
    for _, tile in tiles[::-1]:
        part.add(tile)
    assert_same_bits(part.totals(member), whole)


def with_other_classes(work: Any, formulas: int = 99) -> Any:
    """The same map under a standard that has its classes in another order, two of them as one."""
    codes = {code: max(0, 2 - number) for code, number in work.codes.items()}
    number_of = {codes[code]: number for code, number in work.codes.items()}
    back = [number_of[n] for n in range(max(codes.values()) + 1)]
    tables = tuple(
        table
        if table.values.shape[-1] == 1
        else dataclasses.replace(table, values=2 * table.values[..., back])
        for table in work.tables
    )
    slots = tuple(slot for slot in work.slots if slot.formula < formulas)
    return dataclasses.replace(work, codes=codes, n_classes=len(back), tables=tables, slots=slots)


def test_standards_with_other_classes_are_one_work_and_get_what_each_gets_alone(work: Any) -> None:
    one = work[0]
    works = [one, with_other_classes(one), with_other_classes(one, 3), one]
    assert groups(works) == [[0, 1, 2, 3]]
    joint, members = together(works)
    assert len(joint.cells) == len(one.cells)
    assert joint.n_classes == len(one.codes)
    assert members[0].slots == members[3].slots
    for found, each in zip(run_passes(works, 256, 2), works, strict=True):
        assert_same_bits(found, run_blocks(each, 512, 1))


def test_works_with_other_codes_or_layers_are_computed_apart(work: Any, tmp_path: Path) -> None:
    one = work[0]
    fewer = dataclasses.replace(one, codes=dict(list(one.codes.items())[1:]))
    layer = one.cells[0]
    raster = dataclasses.replace(layer.raster, path=str(tmp_path / "of another year.tif"))
    other = (dataclasses.replace(layer, raster=raster), *one.cells[1:])
    year = dataclasses.replace(one, cells=other)
    same = dataclasses.replace(one, zones=dataclasses.replace(one.zones))
    half = tuple(shapely.buffer(shape, -500) for shape in one.zones.shapes)
    zones = dataclasses.replace(one, zones=dataclasses.replace(one.zones, shapes=half))
    assert groups([one, fewer, year, zones, same, year]) == [[0, 4], [1], [2, 5], [3]]


def test_what_stops_one_work_of_a_group_does_not_stop_the_others(
    work: Any, whole: Any, tmp_path: Path
) -> None:
    one = work[0]
    layer = dataclasses.replace(one.cells[0], name="gone")
    gone = dataclasses.replace(
        layer, raster=dataclasses.replace(layer.raster, path=str(tmp_path / "gone.tif"))
    )
    broken = dataclasses.replace(one, cells=(*one.cells, gone))
    assert groups([broken, one]) == [[0, 1]]
    bad, good = run_passes([broken, one], 256, 2)
    assert isinstance(bad, DataError)
    assert_same_bits(good, whole)


def test_the_account_is_the_same_to_the_bit(work: Any) -> None:
    one = work[1].run(block=256, workers=2)
    other = work[1].run(block=1024, workers=1)
    for name in one.dataset.data_vars:
        a, b = one.dataset[name].to_numpy(), other.dataset[name].to_numpy()
        assert a.dtype.kind != "f" or np.array_equal(a, b, equal_nan=True), name


def test_progress_counts_every_block(work: Any) -> None:
    seen: list[tuple[int, int]] = []
    run_blocks(work[0], block=256, workers=2, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(n, 9) for n in range(1, 10)]


def test_an_error_in_a_thread_stops_the_run_and_is_told(work: Any, tmp_path: Path) -> None:
    layer = work[0].cells[0]
    gone = dataclasses.replace(layer.raster, path=str(tmp_path / "gone.tif"))
    cells = (dataclasses.replace(layer, raster=gone), *work[0].cells[1:])
    broken = dataclasses.replace(work[0], cells=cells)
    before = threading.active_count()
    with pytest.raises(DataError, match="cannot be opened"):
        run_blocks(broken, block=256, workers=2)
    assert threading.active_count() <= before + 1


def test_what_no_zone_touches_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (1300, 1300)
    land = tiny.write_raster(tmp_path / "land.tif", np.ones(shape), nodata=0)
    et = tiny.write_raster(tmp_path / "et.tif", np.full(shape, 500.0), nodata=np.nan)
    west, north = tiny.CORNER
    # Two zones, in the tiles (row, column) (0, 0) and (3, 4): in other blocks of two tiles a side.
    zones = {
        "a": shapely.box(west + 900, north - 4500, west + 3000, north - 2100),
        "b": shapely.box(west + 1100 * 30, north - 900 * 30, west + 1200 * 30, north - 800 * 30),
    }
    standard = tiny.write_standard(tmp_path, ["water"])
    zone_file = tiny.write_zones(tmp_path / "zones.gpkg", zones)
    inputs = {
        "precipitation": {"value": 1000, "unit": "mm/yr"},
        "evapotranspiration": {"file": str(et), "unit": "mm/yr"},
    }
    project = Project.build(**tiny.project(tmp_path, land, zone_file, inputs, standard=standard))
    decoded: dict[str, list[tuple[int, int, int, int]]] = {}
    plain = RasterReader._decode

    def counted(self: Any, dataset: Any, raster: Any, window: Any) -> Any:
        place = (window.row, window.col, window.height, window.width)
        decoded.setdefault(Path(raster.path).name, []).append(place)
        return plain(self, dataset, raster, window)

    monkeypatch.setattr(RasterReader, "_decode", counted)
    monkeypatch.setattr(RasterReader, "read", lambda *_: pytest.fail("a tile is read by itself"))
    account = project.run(block=512, workers=1)
    assert account.dataset["area"].sum("ecosystem").min() > 0
    tiles = [(0, 0, 256, 256), (768, 1024, 256, 256)]
    assert decoded == {"land.tif": tiles, "et.tif": tiles}


# -------------------------------------------------------------------------- missing is not zero


def small(folder: Path, codes: Any, et: Any, zones: Any = None, **more: Any) -> Any:
    shape = np.shape(codes)
    land = tiny.write_raster(folder / "land.tif", codes, nodata=0)
    path = tiny.write_raster(folder / "et.tif", et, nodata=np.nan)
    inputs = {
        "precipitation": {"value": 1000, "unit": "mm/yr"},
        "evapotranspiration": {"file": str(path), "unit": "mm/yr"},
    }
    shapes = zones or {"a": tiny.rectangle(shape)}
    zone_file = tiny.write_zones(folder / "zones.gpkg", shapes)
    standard = tiny.write_standard(folder, ["water"])
    return tiny.run(tiny.project(folder, land, zone_file, inputs, standard=standard, **more))


def test_coverage_is_the_share_of_area_with_complete_data(tmp_path: Path) -> None:
    codes, et = np.ones((10, 10)), np.full((10, 10), 500.0)
    codes[:, 5:] = 2
    et[:2, :5] = np.nan
    account = small(tmp_path, codes, et)
    covered = account.dataset["water.Q.covered"].sel(zone="a")
    assert float(covered.sel(ecosystem="forest")) == pytest.approx(0.8, rel=1e-4)
    assert float(covered.sel(ecosystem="cropland")) == 1.0
    area = float(account.dataset["area"].sel(zone="a", ecosystem="forest"))
    wanted = 0.8 * area * (1 - 0.0465 - 0.5)
    assert float(account.dataset["water.Q"].sel(zone="a", ecosystem="forest")) == pytest.approx(
        wanted, rel=1e-4
    )


def test_a_class_without_any_data_is_nan_and_not_zero(tmp_path: Path) -> None:
    codes, et = np.ones((10, 10)), np.full((10, 10), 500.0)
    codes[:, 5:] = 2
    et[:, 5:] = np.nan
    account = small(tmp_path, codes, et)
    assert math.isnan(account.dataset["water.Q"].sel(zone="a", ecosystem="cropland"))
    row = account.table.set_index("ecosystem").loc["cropland"]
    assert math.isnan(row["quantity"])
    assert math.isnan(row["value"])
    assert row["covered"] == 0


def test_land_without_a_code_is_told_apart(tmp_path: Path) -> None:
    codes = np.ones((10, 10))
    codes[:3] = 0
    account = small(tmp_path, codes, np.full((10, 10), 500.0))
    whole = float(account.dataset["area"].sum() + account.dataset["no_land_cover"].sum())
    assert float(account.dataset["no_land_cover"].sum()) / whole == pytest.approx(0.3, rel=1e-4)


def test_a_tile_without_any_land_cover_adds_nothing(tmp_path: Path) -> None:
    codes = np.ones((20, 300))
    codes[:, :280] = 0
    account = small(tmp_path, codes, np.full((20, 300), 500.0), {"a": tiny.rectangle((20, 300))})
    assert float(account.dataset["area"].sum()) == pytest.approx(20 * 20 * 900 / 1.00045, rel=1e-4)
