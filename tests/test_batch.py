"""Many accounts from one file: the same as one by one; failures, kills and changes."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import test_passes
import tiny
from click.testing import CliRunner

from gep import batch
from gep.account import Account, Project
from gep.blocks import Worker
from gep.cli_batch import batch as command
from gep.errors import DataError, UsageError

pytestmark = pytest.mark.once

LIST = """
[defaults]
standard = "tiny_2020"
year = 2020
price_year = 2020
zones = { id = "code" }
land_cover = { file = "land.tif", legend = "legend.toml" }
[defaults.inputs]
precipitation = { value = 1000, unit = "mm/yr" }
evapotranspiration = { file = "et.tif", unit = "mm/yr" }
"""
reads = test_passes.reads
counted = test_passes.counted


def counties(folder: Path, side: int) -> Path:
    """Write three counties on one map of ``side`` × ``side`` tiles, and a list of a run for each."""
    test_passes.strip_project(folder, side, side)
    west, south, east, north = tiny.rectangle((side * 256, side * 256)).bounds
    third = (east - west) / 3
    for number, name in enumerate(("anna", "berta", "clara")):
        left = west + number * third
        shape = tiny.box(left + 40, south + 500, left + third - 40, north - 700)
        tiny.write_zones(folder / f"{name}.gpkg", {name: shape})
    write(folder, dict.fromkeys(("anna", "berta", "clara"), ""))
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder of data with three counties; ``list.toml`` has a run for each."""
    return counties(tmp_path / "project", 4)


def write(folder: Path, runs: dict[str, str]) -> Path:
    text = LIST
    for name, more in runs.items():
        zones = "" if "zones" in more else f'zones = {{ file = "{name}.gpkg" }}\n'
        text += f'[[runs]]\nname = "{name}"\n{zones}{more}\n'
    (folder / "list.toml").write_text(text, encoding="utf-8")
    return folder / "list.toml"


def statuses(found: batch.Batch) -> list[str]:
    return [outcome.status for outcome in found.outcomes]


def files(out: Path) -> set[str]:
    return {p.name for p in out.iterdir()}


def alone(folder: Path, name: str, out: Path, **more: Any) -> bytes:
    """Return account.csv of a run of the list, computed as a project of its own."""
    tables = {"title": name, **batch.read_batch(folder / "list.toml")[name]} | more
    Project.build(folder, **tables).run(block=1024, workers=1).save(out / f"alone_{name}")
    return (out / f"alone_{name}" / "account.csv").read_bytes()


def test_every_run_is_what_it_is_alone(base: Path, tmp_path: Path, reads: list[Any]) -> None:
    out = tmp_path / "out"
    told: list[str] = []
    progress: list[tuple[int, int]] = []
    found = batch.run_batch(
        base / "list.toml",
        out,
        block=256,
        workers=2,
        told=lambda o: told.append(o.name),
        progress=lambda done, of: progress.append((done, of)),
    )
    together = [r for r in reads if r[0].endswith("et.tif")]
    assert statuses(found) == ["computed"] * 3
    assert told == ["anna", "berta", "clara"]
    assert progress[-1][0] == progress[-1][1]
    assert found.text() == "3 runs: 3 computed, 0 kept, 0 failed"
    assert files(out) == {"anna", "berta", "clara", "batch.json"}
    assert len(together) == len(set(together)) == 16
    for name in told:
        assert (out / name / "account.csv").read_bytes() == alone(base, name, tmp_path)
        assert Account.load(out / name).provenance["title"] == name


def test_what_is_finished_is_kept(base: Path, tmp_path: Path, counted: list[Any]) -> None:
    out = tmp_path / "out"
    batch.run_batch(base / "list.toml", out, workers=1)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("account.csv")}
    counted.clear()
    assert statuses(batch.run_batch(base / "list.toml", out, workers=1)) == ["kept"] * 3
    assert not counted
    assert {p: p.stat().st_mtime_ns for p in out.rglob("account.csv")} == before
    # A table of the run, an account that is gone, one that was changed by hand.
    write(base, {"anna": "year = 2021", "berta": "", "clara": ""})
    assert statuses(batch.run_batch(base / "list.toml", out, workers=1)) == [
        "computed",
        "kept",
        "kept",
    ]
    shutil.rmtree(out / "berta")
    (out / "clara" / "account.csv").write_text("changed", encoding="utf-8")
    assert statuses(batch.run_batch(base / "list.toml", out, workers=1)) == [
        "kept",
        "computed",
        "computed",
    ]
    assert (out / "clara" / "account.csv").read_bytes() == alone(base, "clara", tmp_path)


def test_a_changed_input_is_noticed_by_its_hash(base: Path, tmp_path: Path) -> None:
    import rasterio

    out = tmp_path / "out"
    write(
        base,
        {"anna": "", "berta": "inputs = { evapotranspiration = { value = 5, unit = 'mm/yr' } }"},
    )
    batch.run_batch(base / "list.toml", out, workers=1)
    about = (base / "et.tif").stat()
    with rasterio.open(base / "et.tif", "r+") as dataset:
        dataset.write(dataset.read() + 1)
    os.utime(base / "et.tif", ns=(about.st_atime_ns, about.st_mtime_ns))
    found = batch.run_batch(base / "list.toml", out, workers=1)
    assert statuses(found) == ["computed", "kept"]
    assert (out / "anna" / "account.csv").read_bytes() == alone(base, "anna", tmp_path)


def test_a_changed_price_reads_no_raster(base: Path, tmp_path: Path, counted: list[Any]) -> None:
    out = tmp_path / "out"
    batch.run_batch(base / "list.toml", out, workers=1)
    price = 'coefficients = { "prices.reservoir" = { value = 9, unit = "CNY/m³", source = "x", price_year = 2020 } }'
    write(base, {"anna": price, "berta": "", "clara": ""})
    counted.clear()
    assert statuses(batch.run_batch(base / "list.toml", out, workers=1))[0] == "computed"
    assert not counted
    assert (out / "anna" / "account.csv").read_bytes() == alone(base, "anna", tmp_path)


def test_a_table_of_a_run_is_laid_over_the_defaults(base: Path) -> None:
    write(base, {"anna": "land_cover = { nodata = 9 }\nservices = ['water']", "berta": ""})
    runs = batch.read_batch(base / "list.toml")
    assert runs["anna"]["land_cover"] == {"file": "land.tif", "legend": "legend.toml", "nodata": 9}
    assert runs["anna"]["zones"] == {"id": "code", "file": "anna.gpkg"}
    assert runs["anna"]["services"] == ["water"]
    assert runs["berta"]["land_cover"] == {"file": "land.tif", "legend": "legend.toml"}
    assert "services" not in runs["berta"]


# ------------------------------------------------------------------------------- failures


def test_a_run_that_fails_is_told_and_the_others_are_there(base: Path, tmp_path: Path) -> None:
    test_passes.damage(base / "et.tif", 2, 3)  # only Clara lies there
    runs = {"anna": "", "berta": "zones = { file = 'nowhere.gpkg' }", "clara": ""}
    write(base, runs)
    out = tmp_path / "out"
    result = CliRunner().invoke(
        command, [str(base / "list.toml"), "--out", str(out), "--block", "256"]
    )
    assert result.exit_code == 1
    said = result.output
    assert "berta failed:\n  berta, zones: the vector file cannot be opened" in said or (
        "berta failed:\n  nowhere.gpkg: the vector file cannot be opened" in said
    )
    assert "clara failed:\n  et.tif: the raster cannot be read" in said
    assert "in the block of rows 512 to 767, columns 768 to 1023 of the land-cover map" in said
    assert "do: the file is damaged or incomplete: copy it again" in said
    assert said.rstrip().endswith("3 runs: 1 computed, 0 kept, 2 failed")
    assert files(out) == {"anna", "batch.json"}
    test_passes.strip_project(base, 4, 4)  # mended
    write(base, {"anna": "", "berta": "", "clara": ""})
    again = CliRunner().invoke(command, [str(base / "list.toml"), "--out", str(out)])
    assert again.exit_code == 0, again.output
    assert (out / "clara" / "account.csv").read_bytes() == alone(base, "clara", tmp_path)


def test_what_nobody_foresaw_stops_one_run_only(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Worker.block

    def block(self: Worker, window: Any) -> Any:
        if self.work.zones.ids == ("berta",):
            raise ZeroDivisionError("by nothing")
        return real(self, window)

    monkeypatch.setattr(Worker, "block", block)
    found = batch.run_batch(base / "list.toml", tmp_path / "out", workers=1)
    assert statuses(found) == ["computed", "failed", "computed"]
    assert "ZeroDivisionError: by nothing" in found.text()


def test_a_folder_of_others_is_not_replaced(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "anna").mkdir(parents=True)
    (out / "anna" / "letter.txt").write_text("mine", encoding="utf-8")
    found = batch.run_batch(base / "list.toml", out, workers=1)
    assert statuses(found) == ["failed", "computed", "computed"]
    assert "the output folder holds other files" in found.text()
    assert (out / "anna" / "letter.txt").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[defaults]\n", "runs"),
        ("runs = []\n", "the batch has no runs"),
        ("[[runs]]\nyear = 2020\n", "list.toml, run 1: a run needs a name that a folder can have"),
        ('[[runs]]\nname = "../x"\n', "found: '../x'"),
        ('[[runs]]\nname = ".x"\n', "a run needs a name"),
        ('[[runs]]\nname = "a"\n[[runs]]\nname = "a"\n', "run 2: the name 'a' is given twice"),
        ('[[runs]]\nname = "a"\n[more]\n', "more"),
    ],
)
def test_what_is_wrong_with_the_list_is_named(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "list.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        batch.run_batch(tmp_path / "list.toml", tmp_path / "out")
    assert wanted in str(refused.value)


def test_a_manifest_that_cannot_be_read_is_named(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "batch.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="the list of finished runs cannot be read"):
        batch.run_batch(base / "list.toml", out)
    (out / "batch.json").write_text('{"format": 0, "runs": {}}', encoding="utf-8")
    assert statuses(batch.run_batch(base / "list.toml", out, workers=1)) == ["computed"] * 3
    assert set(json.loads((out / "batch.json").read_text(encoding="utf-8"))["runs"]) == {
        "anna",
        "berta",
        "clara",
    }


def test_out_that_is_a_file_is_refused(base: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="the output folder cannot be made"):
        batch.run_batch(base / "list.toml", tmp_path / "out")


# ------------------------------------------------------------------------------- a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A folder on a disk of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("a small disk needs the right to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_stops_the_batch_and_is_named(
    base: Path, tmp_path: Path, small_disk: Path
) -> None:
    out = small_disk / "out"
    filler = small_disk / "filler"
    batch.run_batch(write(base, {"anna": ""}), out, workers=1)
    with filler.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"x" * 4096) == 4096:
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017
    write(base, {"anna": "", "berta": "", "clara": ""})
    with pytest.raises(DataError) as refused:
        batch.run_batch(base / "list.toml", out, workers=1)
    text = str(refused.value)
    assert "berta: the account cannot be written" in text
    assert "No space left on device" in text
    assert "make room on the disk" in text
    assert files(out) == {"anna", "batch.json"}
    filler.unlink()
    found = batch.run_batch(base / "list.toml", out, workers=1)
    assert statuses(found) == ["kept", "computed", "computed"]
    assert (out / "berta" / "account.csv").read_bytes() == alone(base, "berta", tmp_path)


def test_a_file_that_may_not_grow_fails_its_run(base: Path, tmp_path: Path) -> None:
    """Where no small disk can be mounted: the system refuses to write more than some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
        found = batch.run_batch(write(base, {"anna": ""}), tmp_path / "out", workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert statuses(found) == ["failed"]
    assert "the account cannot be written\n    found: File too large" in found.text()
    assert not (tmp_path / "out" / "anna").exists()
    assert files(tmp_path / "out") <= {"batch.json"}


# ------------------------------------------------------------------------------- killed ten times

_BATCH = f"""{test_passes.SLOWLY}
from gep import batch, journal
class Always(journal.Journal):
    def __init__(self, path):
        super().__init__(path, at_least=0)
batch.Journal = Always
batch.TOGETHER = 2
told = lambda outcome: print(outcome.name, outcome.status, flush=True)
batch.run_batch(*sys.argv[1:], block=256, workers=2, told=told)
"""


def test_killed_ten_times_a_batch_goes_on(tmp_path: Path) -> None:
    base, out = counties(tmp_path / "project", 8), tmp_path / "out"
    names = [f"{name}{n}" for name in ("anna", "berta", "clara") for n in (1, 2)]
    write(base, {n: f"zones = {{ file = '{n[:-1]}.gpkg' }}\nyear = 202{n[-1]}" for n in names})
    program = [sys.executable, "-c", _BATCH, str(base / "list.toml"), str(out)]
    said = test_passes.lives(program, 10, seed=3)
    finished: set[str] = set()
    for lines in said:
        computed = {line.split()[0] for line in lines if line.endswith(" computed")}
        assert not computed & finished, "finished runs are not computed again"
        finished |= computed
    assert {line.split()[0] for line in said[-1] if " " in line} == set(names)
    assert files(out) == {*names, "batch.json"}
    for name in names:
        assert (out / name / "account.csv").read_bytes() == alone(base, name, tmp_path)
    # Each of the six runs has 8 × 3 or 8 × 4 blocks; a kill wastes what two threads had in hand.
    assert sum(lines.count("computed") for lines in said) <= 6 * 32 + 10 * 8
