"""A Dask cluster: the same bits as threads, and clear words where there is none."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_blocks
import test_passes
import tiny
import xarray as xr

from gep import clusters
from gep.account import Project
from gep.errors import DataError, UsageError
from gep.journal import Journal
from gep.passes import portable, run_blocks

pytestmark = pytest.mark.once

distributed = pytest.importorskip("distributed")

work = test_blocks.work  # a pass of six tiles, with an input of every kind
assert_same_bits = test_blocks.assert_same_bits


@pytest.fixture(scope="module")
def whole(work: Any) -> Any:
    return run_blocks(work[0], block=2048, workers=1)


@pytest.fixture(scope="module", params=[1, 2])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A cluster of processes on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=request.param, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_a_cluster_gives_the_same_bits(work: Any, whole: Any, client: Any) -> None:
    seen: list[tuple[int, int]] = []
    found = run_blocks(
        work[0], 256, progress=lambda done, of: seen.append((done, of)), client=client
    )
    assert_same_bits(found, whole)
    assert seen == [(n, 9) for n in range(1, 10)]


def test_one_hash_with_threads_and_by_address(work: Any, client: Any, tmp_path: Path) -> None:
    address = client.scheduler.address
    accounts = {
        "threads": work[1].run(block=512, workers=2),
        "client": work[1].run(block=256, client=client),
        "address": work[1].run(block=2048, client=address),
    }
    hashes = {test_passes.hashes(a, tmp_path / name) for name, a in accounts.items()}
    assert len(hashes) == 1


def test_what_threads_began_a_cluster_ends(
    work: Any, whole: Any, client: Any, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "j", at_least=0)
    stop = test_passes.stop_after(test_passes.BESIDE + 2)
    with pytest.raises(test_passes.Stop):
        run_blocks(work[0], 256, 1, stop, journal=journal)
    before = len(list(journal.read()))
    assert_same_bits(run_blocks(work[0], 256, client=client, journal=journal), whole)
    windows = [w for r in journal.read() for w in r[next(k for k in r if "windows" in k)].tolist()]
    assert before == 2
    assert len(windows) == 9 - test_passes.BESIDE
    assert_same_bits(run_blocks(work[0], 256, 1, journal=journal), whole)


def test_an_error_on_a_worker_is_told_as_in_a_thread(
    work: Any, client: Any, tmp_path: Path
) -> None:
    layer = work[0].cells[0]
    gone = dataclasses.replace(layer.raster, path=str(tmp_path / "gone.tif"))
    cells = (dataclasses.replace(layer, raster=gone), *work[0].cells[1:])
    with pytest.raises(DataError, match="cannot be opened") as refused:
        run_blocks(dataclasses.replace(work[0], cells=cells), 256, client=client)
    assert "there is no such file" in str(refused.value)
    assert "in the block of rows" in str(refused.value)


def test_a_derived_array_goes_to_the_workers(client: Any, tmp_path: Path) -> None:
    project = test_passes.strip_project(tmp_path / "p", 3, 2)
    text = project.read_text(encoding="utf-8")
    old = 'evapotranspiration = { file = "et.tif", unit = "mm/yr" }'
    assert old in text
    loaded = Project.load(project)
    source = loaded.data.sources["evapotranspiration"]
    from gep.derived import read_whole

    array = read_whole(loaded.data.grid, source.raster)
    sources = {
        **loaded.data.sources,
        "evapotranspiration": dataclasses.replace(source, raster=None, array=array),
    }
    derived = Project(dataclasses.replace(loaded.data, sources=sources))
    assert derived.run(block=256, client=client).table.equals(loaded.run(workers=1).table)


# ------------------------------------------------------------------------- what cannot be done


def test_arrays_in_memory_are_refused(tmp_path: Path) -> None:
    shape = (20, 30)
    west, north = tiny.CORNER
    land = xr.DataArray(
        np.ones(shape, np.uint8),
        dims=("y", "x"),
        coords={
            "y": north - 30 * (np.arange(20) + 0.5),
            "x": west + 30 * (np.arange(30) + 0.5),
        },
        name="land",
        attrs={"crs": tiny.UTM},
    )
    zones = tiny.write_zones(tmp_path / "zones.gpkg", {"a": tiny.rectangle(shape)})
    inputs = {
        "precipitation": {"value": 1000, "unit": "mm/yr"},
        "evapotranspiration": {"value": 500, "unit": "mm/yr"},
    }
    et = tiny.write_raster(tmp_path / "et.tif", np.full(shape, 500.0))
    inputs["evapotranspiration"] = {"file": str(et), "unit": "mm/yr"}
    standard = tiny.write_standard(tmp_path, ["water"])
    tables = tiny.project(tmp_path, land, zones, inputs, standard=standard)
    tables["land_cover"]["file"] = land
    with pytest.raises(UsageError, match="arrays in memory cannot be read by the workers") as e:
        Project.build(**tables).run(client="tcp://127.0.0.1:1")
    assert "land (array)" in str(e.value)
    assert "write them as GeoTIFF" in str(e.value)


def test_without_dask_it_is_said(monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install \"gep-accounting\[cluster\]\""):
        run_blocks(work[0], 256, client="tcp://127.0.0.1:1")


def test_a_scheduler_that_does_not_answer_is_named(
    work: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "PATIENCE", 1)
    with pytest.raises(UsageError, match=r"tcp://127\.0\.0\.1:9: the scheduler does not answer"):
        run_blocks(work[0], 256, client="tcp://127.0.0.1:9")
    with pytest.raises(UsageError, match=r"nowhere\.json: there is no such scheduler file"):
        run_blocks(work[0], 256, client="nowhere.json")


def test_workers_with_other_versions_are_refused() -> None:
    class Cluster:
        scheduler = None

        def wait_for_workers(self, number: int, timeout: int) -> None:
            pass

        def run(self, function: Any) -> Any:
            return {"tcp://a": function(), "tcp://b": function() | {"gdal": "1.0"}}

    with pytest.raises(UsageError, match="workers run other versions") as e:
        run_with(Cluster())
    assert f"tcp://b: gdal 1.0, here {clusters.versions()['gdal']}" in str(e.value)
    assert "tcp://a" not in str(e.value)


def test_a_cluster_without_workers_is_refused() -> None:
    class Cluster:
        scheduler = None

        def wait_for_workers(self, number: int, timeout: int) -> None:
            raise TimeoutError

    with pytest.raises(UsageError, match="the cluster has no workers"):
        run_with(Cluster())


def run_with(cluster: Any) -> None:
    with clusters.connect(cluster):
        pass


def test_what_is_sent_is_plain(work: Any) -> None:
    import pickle

    sent = pickle.dumps(portable(work[0]))
    back = pickle.loads(sent)
    assert back.formulas == work[0].formulas
    assert set(back.functions) == set(work[0].functions)
    assert len(sent) < 300_000
