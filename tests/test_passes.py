"""The pass: one result for any threads, blocks, order and interruptions; faults that are named."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import test_blocks
import tiny
import xarray as xr

import gep.grid
from gep.account import Project
from gep.blocks import Worker
from gep.errors import DataError
from gep.exact import ExactSums
from gep.journal import Journal
from gep.passes import Labels, Part, digest, portable, run_blocks, run_passes
from gep.together import together

pytestmark = pytest.mark.once

work = test_blocks.work  # a pass of six tiles, with an input of every kind
assert_same_bits = test_blocks.assert_same_bits


@pytest.fixture(scope="module")
def whole(work: Any) -> Any:
    return run_blocks(work[0], block=2048, workers=1)


#: Blocks of the pass that lie beside all zones: they are done at once.
BESIDE = 3


class Stop(Exception):  # noqa: N818
    """What stands for a kill in the same process."""


def stop_after(number: int) -> Any:
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise Stop

    return progress


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The blocks that are computed."""
    seen: list[Any] = []
    real = Worker.block

    def block(self: Worker, window: Any) -> Any:
        found = real(self, window)
        seen.append(window)
        return found

    monkeypatch.setattr(Worker, "block", block)
    return seen


# ----------------------------------------------------------------------------- one hash for all


def hashes(account: Any, folder: Path) -> tuple[str, str]:
    """Return the hash of account.csv, and of all values of account.nc."""
    account.save(folder)
    with xr.open_dataset(folder / "account.nc", engine="scipy") as data:
        values = hashlib.sha256()
        for name in sorted(map(str, data.variables)):
            array = data[name].to_numpy()
            raw = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
            values.update(name.encode() + raw)
    return hashlib.sha256((folder / "account.csv").read_bytes()).hexdigest(), values.hexdigest()


def test_one_hash_for_any_threads_and_blocks(work: Any, tmp_path: Path) -> None:
    ways = [(1, 256), (2, 512), (4, 256), (1, 1024), (2, 2048)]
    found = {hashes(work[1].run(workers=w, block=b), tmp_path / f"{w}_{b}") for w, b in ways}
    assert len(found) == 1


# ----------------------------------------------------------------------------- going on


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stop", [1, 3, 5])
def test_what_is_finished_is_not_done_again(
    work: Any, whole: Any, tmp_path: Path, counted: list[Any], workers: int, stop: int
) -> None:
    journal = Journal(tmp_path / "j", at_least=0)
    with pytest.raises(Stop):
        run_blocks(work[0], 256, workers, stop_after(BESIDE + stop), journal=journal)
    kept = [Part.of(_own(r)).windows for r in journal.read()]
    assert len(kept) == stop
    counted.clear()
    seen: list[int] = []
    found = run_blocks(work[0], 256, workers, lambda d, _: seen.append(d), journal=journal)
    assert seen == list(range(1, 10))
    assert len(counted) == 9 - BESIDE - stop
    assert not {w for windows in kept for w in windows} & set(counted)
    assert_same_bits(found, whole)
    counted.clear()
    assert_same_bits(run_blocks(work[0], 256, workers, journal=journal), whole)
    assert not counted


def _own(record: Any) -> dict[str, Any]:
    return {name.partition("/")[2]: array for name, array in record.items()}


def test_blocks_of_another_size_begin_anew(work: Any, whole: Any, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", at_least=0)
    with pytest.raises(Stop):
        run_blocks(work[0], 256, 1, stop_after(BESIDE + 3), journal=journal)
    assert_same_bits(run_blocks(work[0], 512, 1, journal=journal), whole)


def test_a_journal_of_other_work_is_dropped(work: Any, whole: Any, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", at_least=0)
    codes = dict.fromkeys(work[0].codes, 0)
    run_blocks(dataclasses.replace(work[0], codes=codes), 256, 1, journal=journal)
    size = journal.path.stat().st_size
    with pytest.raises(Stop):
        run_blocks(work[0], 256, 1, stop_after(BESIDE + 1), journal=journal)
    assert journal.path.stat().st_size < size
    assert_same_bits(run_blocks(work[0], 256, 1, journal=journal), whole)


def test_a_short_pass_keeps_no_journal(work: Any, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", at_least=10)
    run_blocks(work[0], 256, 1, journal=journal)
    assert not journal.path.exists()


def test_a_part_is_the_same_after_a_file(work: Any, tmp_path: Path) -> None:
    joint, (member,) = together([work[0]])
    worker, part = Worker(joint), Part()
    for window in joint.grid.blocks(256):
        for _, tile in worker.block(window):
            part.add(tile)
        part.windows.append(window)
    worker.reader.close()
    part.unknown.add(np.array([7, 9]), np.array([[900.0, 1.5], [3.0, 2.0]]))
    journal = Journal(tmp_path / "j")
    journal.add(part.arrays())
    (record,) = journal.read()
    back = Part.of(record)
    assert back.windows == part.windows
    assert_same_bits(back.totals(member), part.totals(member))
    assert back.totals(member).unknown == {7: (900.0, 3), 9: (1.5, 2)}


def test_an_empty_part_is_nothing(work: Any) -> None:
    _, (member,) = together([work[0]])
    back = Part.of(Part().arrays())
    assert_same_bits(back.totals(member), Part().totals(member))
    assert float(back.totals(member).area.sum()) == 0
    assert isinstance(back.no_cover, ExactSums)


def test_the_key_of_a_work_knows_all_that_counts(work: Any) -> None:
    one = work[0]
    table = one.tables[0]
    others = [
        dataclasses.replace(one, codes={**one.codes, 99: 0}),
        dataclasses.replace(one, nodata=frozenset({77})),
        dataclasses.replace(
            one, tables=(dataclasses.replace(table, values=table.values + 1), *one.tables[1:])
        ),
        dataclasses.replace(one, formulas=one.formulas[::-1]),
        dataclasses.replace(one, grid=dataclasses.replace(one.grid, height=one.grid.height + 1)),
        dataclasses.replace(
            one,
            zones=dataclasses.replace(
                one.zones, shapes=(shapely.buffer(one.zones.shapes[0], 1), *one.zones.shapes[1:])
            ),
        ),
        dataclasses.replace(one, land_cover=dataclasses.replace(one.land_cover, nodata=3.0)),
    ]
    files = {"a.tif": "1"}
    keys = [digest(w, files) for w in [one, *others]]
    keys += [digest(one, {"a.tif": "2"}), digest(one, {})]
    assert len(set(keys)) == len(keys)
    assert digest(dataclasses.replace(one), dict(files)) == keys[0]
    assert digest(portable(one), files) == keys[0]


def test_labels_are_those_of_the_first_leaf_that_has_any() -> None:
    from gep.formula import Bin, Sym

    labels = Labels({"b": ("2020-01", "2020-02")})
    assert labels(Bin("*", Sym("a"), Sym("b"))) == ("2020-01", "2020-02")
    assert labels(Sym("a")) == ()


# ----------------------------------------------------------------------------- killed ten times


def strip_project(folder: Path, rows: int = 5, columns: int = 6) -> Path:
    """Write a project of many blocks; return its file."""
    shape = (rows * 256, columns * 256)
    codes = np.random.default_rng(5).integers(0, 5, (rows, columns)).repeat(256, 0).repeat(256, 1)
    folder.mkdir(parents=True, exist_ok=True)
    tiled = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}
    tiny.write_raster(folder / "land.tif", codes, nodata=0, **tiled)
    et = tiny.smooth((rows * 32, columns * 32), 300, 800, 3).repeat(8, 0).repeat(8, 1)
    tiny.write_raster(folder / "et.tif", et, nodata=np.nan, **tiled)
    whole = tiny.rectangle(shape)
    west = shapely.affinity.rotate(shapely.affinity.scale(whole, 0.55, 0.9), 4)
    tiny.write_zones(folder / "zones.gpkg", {"a": west, "b": shapely.difference(whole, west)})
    tiny.write_standard(folder, ["water"])
    tiny.write_legend(folder / "legend.toml", dict(enumerate(tiny.CLASSES, start=1)))
    text = """
title = "Strips"
standard = "tiny_2020"
year = 2020
price_year = 2020
zones = { file = "zones.gpkg", id = "code" }
land_cover = { file = "land.tif", legend = "legend.toml" }
[inputs]
precipitation = { value = 1000, unit = "mm/yr" }
evapotranspiration = { file = "et.tif", unit = "mm/yr" }
"""
    (folder / "project.toml").write_text(text, encoding="utf-8")
    return folder / "project.toml"


#: The head of a program that says when a block is computed, slowly.
SLOWLY = """
import sys, time
from gep.blocks import Worker
real = Worker.block
def block(self, window):
    time.sleep(0.2)  # a kill comes before the end, also where the machine is busy
    found = real(self, window)
    print("computed", flush=True)
    return found
Worker.block = block
"""

_RUN = f"""{SLOWLY}
from gep.account import Project
from gep.journal import Journal
project, out, workers = sys.argv[1:]
def told(done, total):
    print(done, flush=True)
journal = Journal(out + ".journal", at_least=0)
Project.load(project).run(block=256, workers=int(workers), journal=journal, progress=told).save(out)
print("saved", flush=True)
"""


def lives(command: list[str], kills: int, seed: int) -> list[list[str]]:
    """Start a program again and again, kill it at random moments; return what each one said."""
    rng = random.Random(seed)
    said = []
    for life in range(kills + 1):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = []
            left = rng.randint(0, 3)
            for line in process.stdout:
                lines.append(line.strip())
                left -= lines[-1] == "computed"
                if life < kills and left < 0:
                    time.sleep(rng.random() * 0.03)
                    os.kill(process.pid, signal.SIGKILL)
                    lines += [rest.strip() for rest in process.stdout]
                    break
            assert process.wait() == (-signal.SIGKILL if life < kills else 0)
        said.append([line for line in lines if line])
    return said


def test_killed_ten_times_at_random_moments_it_goes_on(tmp_path: Path) -> None:
    project = strip_project(tmp_path / "project", 8, 8)
    wanted = hashes(Project.load(project).run(block=256, workers=1), tmp_path / "wanted")
    out = tmp_path / "out"
    command = [sys.executable, "-c", _RUN, str(project), str(out), "2"]
    said = lives(command, 10, seed=11)
    assert said[-1][-1] == "saved"
    done = 0
    for lines in said:
        # What was told as done is not done again by any later life.
        assert lines.count("computed") <= 64 - done, said
        done = max([done, *(int(line) for line in lines if line.isdecimal())])
    assert done == 64
    assert sum(lines.count("computed") for lines in said) <= 64 + 10 * 4
    assert {p.name for p in tmp_path.iterdir()} == {"project", "wanted", "out"}
    account = hashlib.sha256((out / "account.csv").read_bytes()).hexdigest()
    assert account == wanted[0]
    with (
        xr.open_dataset(out / "account.nc", engine="scipy") as a,
        xr.open_dataset(tmp_path / "wanted" / "account.nc", engine="scipy") as b,
    ):
        assert a.load().identical(b.load())


def test_a_changed_input_is_noticed_by_its_content(tmp_path: Path, counted: list[Any]) -> None:
    project = strip_project(tmp_path / "project")
    journal = Journal(tmp_path / "j", at_least=0)
    with pytest.raises(Stop):
        Project.load(project).run(block=256, workers=1, journal=journal, progress=stop_after(20))
    path = tmp_path / "project" / "et.tif"
    about = path.stat()
    with rasterio.open(path, "r+") as dataset:
        dataset.write(dataset.read() + 1)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    counted.clear()
    account = Project.load(project).run(block=256, workers=1, journal=journal)
    assert len(counted) == 30
    fresh = Project.load(project).run(block=1024, workers=1)
    assert account.table.equals(fresh.table)
    assert account.journal is journal
    account.save(tmp_path / "out")
    assert not journal.path.exists()


# ----------------------------------------------------------------------------- several at once


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is read of rasters: (path, window)."""
    seen: list[Any] = []
    real = gep.grid.open_raster

    class Counting:
        def __init__(self, dataset: Any) -> None:
            self.dataset = dataset

        def read(self, *args: Any, **how: Any) -> Any:
            seen.append((self.dataset.name, str(how.get("window"))))
            return self.dataset.read(*args, **how)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.dataset, name)

    monkeypatch.setattr(gep.grid, "open_raster", lambda *a: Counting(real(*a)))
    return seen


def test_works_together_are_what_each_is_alone(work: Any, reads: list[Any]) -> None:
    one = work[0]
    shapes = one.zones.shapes
    zones = [
        one.zones,
        dataclasses.replace(one.zones, shapes=tuple(shapely.buffer(s, -900) for s in shapes)),
        dataclasses.replace(one.zones, ids=("b",), names=("b",), shapes=shapes[1:]),
    ]
    works = [dataclasses.replace(one, zones=z) for z in zones]
    reads.clear()
    alone = [run_blocks(w, 512, 1) for w in works]
    apart = len(reads)
    reads.clear()
    together = run_passes(works, 256, 2)
    for a, b in zip(alone, together, strict=True):
        assert_same_bits(a, b)
    reads.clear()
    run_passes(works, 512, 1)
    assert len(reads) < apart / 2
    assert len(reads) == len(set(reads))


def test_a_work_that_fails_does_not_stop_the_others(work: Any, whole: Any, tmp_path: Path) -> None:
    layer = work[0].cells[0]
    gone = dataclasses.replace(layer.raster, path=str(tmp_path / "gone.tif"))
    cells = (dataclasses.replace(layer, raster=gone), *work[0].cells[1:])
    broken = dataclasses.replace(work[0], cells=cells)
    for workers in (1, 2):
        bad, good = run_passes([broken, work[0]], 256, workers)
        assert isinstance(bad, DataError)
        assert "cannot be opened" in str(bad)
        assert_same_bits(good, whole)


def test_works_go_on_each_from_its_own_place(
    work: Any, whole: Any, tmp_path: Path, counted: list[Any]
) -> None:
    journal = Journal(tmp_path / "j", at_least=0)
    other = dataclasses.replace(work[0], codes=dict(list(work[0].codes.items())[1:]))
    with pytest.raises(Stop):
        run_passes([other, work[0]], 256, 1, stop_after(BESIDE + 2), None, journal, ["x", "y"])
    counted.clear()
    (found,) = run_passes([work[0]], 256, 1, None, None, journal, ["y"])
    assert_same_bits(found, whole)
    assert len(counted) == 9 - BESIDE - 2


def test_blocks_that_no_zone_can_touch_are_not_looked_at(work: Any, counted: list[Any]) -> None:
    one = work[0]
    (left, _, _, top) = one.grid.bounds
    corner = shapely.box(left + 60, top - 3000, left + 3000, top - 60)
    zones = dataclasses.replace(one.zones, shapes=(corner, corner))
    found = run_blocks(dataclasses.replace(one, zones=zones), 256, 1)
    assert len(counted) == 1
    assert found.area.sum() > 0


# ----------------------------------------------------------------------------- damaged files


def damage(path: Path, row: int, col: int) -> None:
    """Destroy what a GeoTIFF holds of one of its blocks."""
    with rasterio.open(path) as dataset:
        at = int(dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=1))
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"\xff" * 64)


def test_an_unreadable_tile_is_named(tmp_path: Path) -> None:
    project = strip_project(tmp_path / "project")
    damage(tmp_path / "project" / "et.tif", 3, 2)
    loaded = Project.load(project)
    for workers in (1, 2):
        with pytest.raises(DataError) as refused:
            loaded.run(block=256, workers=workers)
        text = str(refused.value)
        assert "et.tif: the raster cannot be read" in text
        assert "in the block of rows 768 to 1023, columns 512 to 767 of the land-cover map" in text
        assert "copy it again" in text


def test_after_the_file_is_mended_it_goes_on(tmp_path: Path, counted: list[Any]) -> None:
    project = strip_project(tmp_path / "project")
    path = tmp_path / "project" / "land.tif"
    whole = path.read_bytes()
    wanted = Project.load(project).run(block=256, workers=1).table
    loaded = Project.load(project)  # its hash is the whole file's; it is damaged afterwards
    damage(path, 2, 3)
    journal = Journal(tmp_path / "j", at_least=0)
    with pytest.raises(DataError, match=r"land\.tif: the raster cannot be read"):
        loaded.run(block=256, workers=1, journal=journal)
    counted.clear()
    path.write_bytes(whole)
    assert Project.load(project).run(block=256, workers=1, journal=journal).table.equals(wanted)
    assert len(counted) == 30 - 15
