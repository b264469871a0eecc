"""Class sums beside an account: found by what they sum, never wrong, the same bits as a pass."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
import tiny
import xarray as xr
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import gep
from gep import kept
from gep.account import Account, Project
from gep.cli import cli
from gep.kept import FILE, Kept
from gep.plan import make_plan
from gep.sums import make_sums, make_sums_together

COUNTY = Path(__file__).resolve().parents[1] / "examples" / "county"
SHAPE = (40, 50)
RASTERS = {
    "precipitation": ("rain", "mm/yr", 900, 2000),
    "evapotranspiration": ("et", "mm/yr", 300, 900),
    "vegetation_cover": ("cover", "%", 2, 100),
    "carbon_sequestration_rate": ("carbon", "tC/(hm²·yr)", 0, 8),
}


def write_data(folder: Path, seed: int = 1) -> dict[str, Any]:
    """Write rasters, zones and a standard; return the tables of a project."""
    folder.mkdir(exist_ok=True)
    codes = np.random.default_rng(seed).integers(0, 5, SHAPE)
    land = tiny.write_raster(folder / "land.tif", codes, nodata=0)
    inputs: dict[str, Any] = {
        "rainfall_erosivity": {"value": 6000, "unit": "MJ·mm/(hm²·h·yr)"},
        "soil_erodibility": {"value": 0.03, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "slope_length_factor": {"value": 2.5, "unit": "1"},
    }
    for number, (name, (stem, unit, low, high)) in enumerate(RASTERS.items()):
        field = tiny.smooth(SHAPE, low, high, seed + number, 0.02)
        path = tiny.write_raster(folder / f"{stem}.tif", field, nodata=np.nan)
        inputs[name] = {"file": str(path), "unit": unit}
    whole = tiny.rectangle(SHAPE)
    west, south, east, north = whole.bounds
    middle = (west + east) / 2 + 7.0
    halves = {
        "west": shapely.box(west, south, middle, north),
        "east": shapely.box(middle, south, east, north),
    }
    zones = tiny.write_zones(folder / "zones.gpkg", halves)
    rows = [
        (zone, name, value, unit)
        for name, unit in (("sulfur_dioxide_emission", "tSO2/yr"), ("visitors", "人次/yr"))
        for zone, value in (("west", 5.0), ("east", 70.0))
    ]
    return tiny.project(folder, land, zones, inputs, statistics=rows)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, Account]:
    """A project's tables, the folder of its saved account, and the account."""
    folder = tmp_path_factory.mktemp("kept")
    tables = write_data(folder / "data")
    account = Project.build(**tables).run(workers=1)
    return tables, account.save(folder / "out"), account


@pytest.fixture
def own(data: tuple[dict[str, Any], Path, Account], tmp_path: Path) -> tuple[dict[str, Any], Path]:
    """The same in a place of its own, where files may be changed."""
    tables, out, _ = data
    home = Path(tables["zones"]["file"]).parent
    shutil.copytree(home, tmp_path / "data")
    text = json.dumps(tables).replace(str(home), str(tmp_path / "data"))
    shutil.copytree(out, tmp_path / "out")
    return json.loads(text), tmp_path / "out"


def same(a: Account, b: Account) -> bool:
    """Say whether two accounts agree to the last bit, provenance included."""
    return a.dataset.identical(b.dataset) and a.provenance == b.provenance


# ------------------------------------------------------------------------------------ what is kept


def test_a_second_run_opens_no_raster_and_gives_the_same_bits(
    data: tuple[dict[str, Any], Path, Account], own: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    _, _, first = data
    tables, out = own
    project = Project.build(**tables)  # hashes the files ...
    for raster in Path(tables["zones"]["file"]).parent.glob("*.tif"):
        raster.write_bytes(b"no raster any more")  # ... and nobody reads them again
    again = project.run(kept=out)
    pairs = zip(first.dataset.values(), again.dataset.values(), strict=True)
    assert all(a.identical(b) for a, b in pairs)
    again.save(tmp_path / "again")
    for name in ("account.csv", "account.nc", FILE):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes(), name
    with pytest.raises(gep.DataError, match="cannot be opened"):
        project.run()


def test_the_example_county_too_with_derived_layers_and_another_standard(
    tmp_path: Path, reads: list[str]
) -> None:
    project = Project.load(COUNTY / "county.toml")
    account = project.run(workers=2)
    out = account.save(tmp_path / "out")
    reads.clear()
    loaded = Project.load(COUNTY / "county.toml")  # slope and relief are known without numbers
    again = loaded.run(kept=out)
    assert same(again, account)
    what_if = again.with_(coefficients={"rcees_2017/runoff.alpha.town": (70, "%")})
    assert not what_if.account.table.equals(again.table)
    spread = {"rcees_2017/runoff.alpha": ("normal", 0.1, "relative")}
    assert len(again.uncertainty(20, seed=1, spread=spread).table)
    assert reads == []


def test_a_changed_elevation_is_noticed_by_its_bytes(tmp_path: Path, reads: list[str]) -> None:
    shutil.copytree(COUNTY, tmp_path / "county")
    dem = tmp_path / "county" / "dem.tif"
    out = Project.load(tmp_path / "county" / "county.toml").run().save(tmp_path / "out")
    before = dem.stat()
    with rasterio.open(dem, "r+") as dataset:
        values = dataset.read(1)
        values[40:60, 40:60] += 50
        dataset.write(values, 1)
    os.utime(dem, ns=(before.st_atime_ns, before.st_mtime_ns))
    project = Project.load(tmp_path / "county" / "county.toml")
    reads.clear()
    again = project.run(kept=out)
    assert {"dem", "land_cover"} <= set(reads)
    assert "rain" not in reads  # its sums still hold
    assert same(again, Project.load(tmp_path / "county" / "county.toml").run())


def test_months_pollutants_and_all_standards_of_the_example(
    tmp_path: Path, reads: list[str]
) -> None:
    project = Project.load(COUNTY / "standards.toml")
    account = project.run()
    assert any(sums.ndim == 3 for sums in account.sums.run.totals.sums)  # layers with members
    out = account.save(tmp_path / "out")
    reads.clear()
    assert same(project.run(kept=out), account)
    assert reads == []


def test_only_what_lacks_is_computed(
    data: tuple[dict[str, Any], Path, Account], tmp_path: Path, reads: list[str]
) -> None:
    tables, _, whole = data
    part = Project.build(**tables, services=["water", "visits"]).run().save(tmp_path / "part")
    reads.clear()
    again = Project.build(**tables).run(kept=part)
    assert set(reads) == {"land", "cover", "carbon"}  # not rain and et
    assert same(again, whole)


def test_a_price_needs_no_pass_and_a_coefficient_per_cell_its_own_rasters(
    data: tuple[dict[str, Any], Path, Account], reads: list[str]
) -> None:
    tables, out, _ = data
    dear = {"prices.soil": {"value": 99, "unit": "CNY/tsoil", "source": "me", "price_year": 2020}}
    inside = {"factors.b.forest": {"value": 1.5, "unit": "1", "source": "me"}}
    for given_, read in ((dear, set()), (inside, {"land", "cover"})):
        project = Project.build(**tables, coefficients=given_)
        fresh = project.run()
        reads.clear()
        assert same(project.run(kept=out), fresh)
        assert set(reads) == read


def test_another_standard_on_the_same_data_takes_the_sums_whatever_the_order_of_its_classes(
    own: tuple[dict[str, Any], Path], reads: list[str]
) -> None:
    tables, out = own
    cover = Path(tables["standard"]) / "land_cover.toml"
    head, *classes = re.split(r"(?=\[classes)", cover.read_text(encoding="utf-8"))
    more = '[classes.glacier]\ntitle = { en = "Glacier", zh = "冰川" }\n'
    cover.write_text(head + more + "".join(reversed(classes)), encoding="utf-8")
    project = Project.build(**tables)
    fresh = project.run()
    reads.clear()
    assert same(project.run(kept=out), fresh)
    assert reads == []


def test_several_plans_take_from_one_store(
    data: tuple[dict[str, Any], Path, Account], reads: list[str]
) -> None:
    tables, out, whole = data
    small = make_plan(Project.build(**tables, services=["soil"]).data)
    reads.clear()
    store = Kept.read(out)
    found = make_sums_together([make_plan(Project.build(**tables).data), small], kept=store)
    assert reads == []
    for sums in found:
        value = sums.values["soil", "V"].total
        assert np.array_equal(value, whole.sums.values["soil", "V"].total, equal_nan=True)


def test_plans_whose_rasters_differ_share_none_of_them(
    data: tuple[dict[str, Any], Path, Account], tmp_path: Path
) -> None:
    tables = json.loads(json.dumps(data[0]))
    field = tiny.smooth(SHAPE, 900, 2000, 77)
    rain = tiny.write_raster(tmp_path / "rain.tif", field, nodata=np.nan)
    tables["inputs"]["precipitation"]["file"] = str(rain)
    first, second = Project.build(**data[0]), Project.build(**tables)
    second.data.zones = first.data.zones  # years of one place
    plans = [make_plan(project.data) for project in (first, second, first)]
    for store in (None, Kept.read(data[1])):
        for sums, plan in zip(make_sums_together(plans, kept=store), plans, strict=True):
            alone = make_sums(plan).values["water", "Q"].total
            assert np.array_equal(sums.values["water", "Q"].total, alone, equal_nan=True)


@settings(max_examples=15)
@given(drawn=st.data())
def test_whatever_part_is_kept_the_bits_are_the_same(
    data: tuple[dict[str, Any], Path, Account], drawn: st.DataObject
) -> None:
    tables, out, whole = data
    store = Kept.read(out)
    lost = drawn.draw(st.lists(st.sampled_from(sorted(store.arrays)), unique=True))
    for digest in lost:
        del store.arrays[digest]
    sums = make_sums(_plan(tables["standard"], json.dumps(tables)), workers=1, kept=store)
    for key, value in sums.values.items():
        assert np.array_equal(value.total, whole.sums.values[key].total, equal_nan=True), key
    assert np.array_equal(sums.area, whole.sums.area)
    assert np.array_equal(sums.no_cover, whole.sums.no_cover)
    assert sums.run.totals.ranges == whole.sums.run.totals.ranges
    assert store.arrays.keys() == Kept.read(out).arrays.keys()


@functools.cache
def _plan(_standard: str, tables: str) -> Any:
    return make_plan(Project.build(**json.loads(tables)).data)


# ------------------------------------------------------------------------------- what has changed


def test_a_changed_raster_is_noticed_by_its_bytes_not_its_date(
    own: tuple[dict[str, Any], Path], reads: list[str]
) -> None:
    tables, out = own
    rain = Path(tables["inputs"]["precipitation"]["file"])
    before = rain.stat()
    with rasterio.open(rain, "r+") as dataset:
        values = dataset.read(1)
        values[3, 4] += 1.0
        dataset.write(values, 1)
    os.utime(rain, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert rain.stat().st_size == before.st_size
    project = Project.build(**tables)
    fresh = project.run()
    reads.clear()
    assert same(project.run(kept=out), fresh)
    assert set(reads) == {"land", "rain", "et"}


def test_a_touched_and_renamed_raster_is_the_same(
    own: tuple[dict[str, Any], Path], reads: list[str]
) -> None:
    tables, out = own
    rain = Path(tables["inputs"]["precipitation"]["file"])
    moved = rain.rename(rain.with_name("regen.tif"))
    os.utime(moved, (0, 0))
    tables["inputs"]["precipitation"]["file"] = str(moved)
    project = Project.build(**tables)
    reads.clear()
    project.run(kept=out)
    assert reads == []


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ({"inputs": {"precipitation": {"nodata": 1500.0}}}, {"land", "rain", "et"}),
        ({"inputs": {"precipitation": {"resampling": "nearest"}}}, set()),  # the grids agree
        ({"inputs": {"precipitation": {"unit": "cm/yr", "range": [0, 1e9]}}}, set()),  # a factor
        ({"inputs": {"vegetation_cover": {"unit": "1", "range": [0, 100]}}}, {"land", "cover"}),
        ({"land_cover": {"classes": {"4": "wetland"}}}, {"land", "rain", "et", "cover", "carbon"}),
        ({"land_cover": {"nodata": 4}}, {"land", "rain", "et", "cover", "carbon"}),
    ],
)
def test_how_a_raster_is_read_belongs_to_what_is_summed(
    data: tuple[dict[str, Any], Path, Account],
    reads: list[str],
    change: dict[str, Any],
    read: set[str],
) -> None:
    tables, out, _ = data
    tables = json.loads(json.dumps(tables))
    for section, entries in change.items():
        for key, value in entries.items():
            own = tables[section]
            own[key] = own[key] | value if isinstance(own.get(key), dict) else value
    project = Project.build(**tables)
    fresh = project.run()
    reads.clear()
    assert same(project.run(kept=out), fresh)
    assert set(reads) == read


def test_how_a_raster_comes_onto_the_grid_belongs_to_what_is_summed(
    own: tuple[dict[str, Any], Path], reads: list[str], tmp_path: Path
) -> None:
    tables, _ = own
    rain = tables["inputs"]["precipitation"]
    field = tiny.smooth((8, 10), 900, 2000, 1)
    tiny.write_raster(Path(rain["file"]), field, cell=150.0, nodata=np.nan)
    out = Project.build(**tables).run().save(tmp_path / "coarse")
    rain["resampling"] = "nearest"
    project = Project.build(**tables)
    fresh = project.run()
    reads.clear()
    assert same(project.run(kept=out), fresh)
    assert set(reads) == {"land", "rain", "et"}


def test_other_zones_are_other_sums(own: tuple[dict[str, Any], Path], reads: list[str]) -> None:
    tables, out = own
    west, south, east, north = tiny.rectangle(SHAPE).bounds
    middle = (west + east) / 2 + 8.0
    halves = {"west": (west, middle), "east": (middle, east)}
    boxes = {zone: shapely.box(a, south, b, north) for zone, (a, b) in halves.items()}
    Path(tables["zones"]["file"]).unlink()
    tiny.write_zones(Path(tables["zones"]["file"]), boxes)
    project = Project.build(**tables)
    fresh = project.run()
    reads.clear()
    assert same(project.run(kept=out), fresh)
    assert set(reads) == {"land", "rain", "et", "cover", "carbon"}


def test_the_parts_of_a_mosaic_count_not_its_list(
    own: tuple[dict[str, Any], Path], reads: list[str], tmp_path: Path
) -> None:
    tables, _ = own
    rain = Path(tables["inputs"]["precipitation"]["file"])
    inner, outer = rain.with_suffix(".vrt"), rain.with_name("outer.vrt")
    rasterio.shutil.copy(str(rain), str(inner), driver="VRT")
    rasterio.shutil.copy(str(inner), str(outer), driver="VRT")
    tables["inputs"]["precipitation"]["file"] = str(outer)
    out = Project.build(**tables).run().save(tmp_path / "mosaic")
    project = Project.build(**tables)
    reads.clear()
    project.run(kept=out)
    assert reads == []
    lists = [path.read_bytes() for path in (inner, outer)]
    with rasterio.open(rain, "r+") as dataset:
        dataset.write(dataset.read(1) + 1.0, 1)
    assert [path.read_bytes() for path in (inner, outer)] == lists
    project = Project.build(**tables)
    fresh = project.run()
    assert same(project.run(kept=out), fresh)


def test_arrays_of_the_same_name_are_told_apart(
    data: tuple[dict[str, Any], Path, Account], tmp_path: Path, reads: list[str]
) -> None:
    tables, _, _ = data

    def array(seed: int, low: float, high: float) -> xr.DataArray:
        x = tiny.CORNER[0] + 30.0 * (np.arange(SHAPE[1]) + 0.5)
        y = tiny.CORNER[1] - 30.0 * (np.arange(SHAPE[0]) + 0.5)
        values = tiny.smooth(SHAPE, low, high, seed)
        return xr.DataArray(values, {"y": y, "x": x}, ("y", "x"), attrs={"crs": tiny.UTM})

    def project(seed: int) -> Project:
        inputs = {
            "precipitation": {"file": array(seed, 900, 2000), "unit": "mm/yr"},
            "evapotranspiration": {"file": array(5, 300, 900), "unit": "mm/yr"},
        }
        return Project.build(**tables | {"inputs": inputs, "services": ["water"]})

    out = project(1).run().save(tmp_path / "arrays")
    other = project(2)
    fresh = other.run()
    reads.clear()
    assert same(other.run(kept=out), fresh)
    assert reads
    again = project(1)
    reads.clear()
    again.run(kept=out)
    assert reads == []


def test_what_cannot_be_hashed_is_never_taken_from_another_run(
    data: tuple[dict[str, Any], Path, Account], tmp_path: Path, reads: list[str]
) -> None:
    tables = json.loads(json.dumps(data[0]))
    rain = tables["inputs"]["precipitation"]
    rain["file"] = f"/vsisubfile/0_{Path(rain['file']).stat().st_size},{rain['file']}"
    project = Project.build(**tables)
    account = project.run()
    out = account.save(tmp_path / "out")
    reads.clear()
    assert same(project.run(kept=out), account)  # the same project: it was opened once
    assert reads == []
    Project.build(**tables).run(kept=out)
    assert set(reads) == {"land", Path(rain["file"]).stem, "et"}


def test_sums_of_another_engine_are_not_taken(
    data: tuple[dict[str, Any], Path, Account], reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, out, whole = data
    monkeypatch.setattr(kept, "engine", lambda: "another version of NumPy")
    assert same(Project.build(**tables).run(kept=out), whole)
    assert set(reads) == {"land", "rain", "et", "cover", "carbon"}


# --------------------------------------------------------------------------------- a bad file


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    for place in range(len(raw) // 2, len(raw) // 2 + 200):  # more than a header between sums
        raw[place] ^= 0x10
    path.write_bytes(bytes(raw))


def _foreign(path: Path) -> None:
    np.savez(path, temperature=np.arange(3.0))


def _edited(path: Path) -> None:
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    name = next(n for n, a in arrays.items() if a.ndim == 2 and a.size and n != "check")
    arrays[name] = arrays[name] * 2
    np.savez_compressed(path, **arrays)


def _pickle(path: Path) -> None:
    np.savez(path, a=np.array([{"x": 1}], dtype=object))


BAD = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("sums", encoding="utf-8"),
    "half": _half,
    "flip": _flip,
    "foreign": _foreign,
    "edited": _edited,
    "pickle": _pickle,
    "array": lambda path: (
        np.save(path.with_suffix(".npy"), np.arange(3.0)),
        path.with_suffix(".npy").rename(path),
    ),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_damaged_or_foreign_file_is_named_and_not_used(
    own: tuple[dict[str, Any], Path], kind: str, reads: list[str]
) -> None:
    tables, out = own
    BAD[kind](out / FILE)
    project = Project.build(**tables)
    fresh = project.run()
    reads.clear()
    account = project.run(kept=out)
    assert reads
    assert account.dataset.identical(fresh.dataset)
    warning = account.provenance["warnings"][-1]
    assert warning.startswith(f"{out / FILE}: the kept class sums are not used\n  found: ")
    assert warning.endswith(
        "\n  do: nothing: a pass makes the sums anew, and saving the account writes a good file"
    )
    for kinds, found in (({"foreign"}, "not written by gep"), ({"edited"}, "does not agree")):
        assert (found in warning) == (kind in kinds)


@settings(max_examples=60)
@given(drawn=st.data())
def test_a_file_is_used_whole_or_not_at_all(
    data: tuple[dict[str, Any], Path, Account], tmp_path: Path, drawn: st.DataObject
) -> None:
    raw = bytearray((data[1] / FILE).read_bytes())
    for place in drawn.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
        raw[place] ^= drawn.draw(st.integers(1, 255))
    (tmp_path / FILE).write_bytes(raw[: drawn.draw(st.integers(0, len(raw)))])
    good, found = Kept.read(data[1]), Kept.read(tmp_path)
    if found.warnings:
        assert not found.arrays
    else:
        assert found.arrays.keys() == good.arrays.keys()
        for name, array in found.arrays.items():
            assert array.tobytes() == good.arrays[name].tobytes()


@pytest.mark.parametrize("shape", [(1, 4), (2, 3), (2,), (2, 2, 2, 4)])
def test_sums_of_a_wrong_shape_are_made_again(
    data: tuple[dict[str, Any], Path, Account], shape: tuple[int, ...]
) -> None:
    tables, out, whole = data
    store = Kept.read(out)
    store.arrays = {name: np.zeros(shape) for name in store.arrays}
    sums = make_sums(make_plan(Project.build(**tables).data), kept=store)
    assert np.array_equal(
        sums.values["water", "V"].total, whole.sums.values["water", "V"].total, equal_nan=True
    )


def test_a_folder_without_sums_gives_none(
    data: tuple[dict[str, Any], Path, Account], tmp_path: Path
) -> None:
    tables, _, whole = data
    assert same(Project.build(**tables).run(kept=tmp_path), whole)
    assert same(Project.build(**tables).run(kept=tmp_path / "nowhere"), whole)


def test_the_file_has_the_same_bytes_whoever_writes_it(
    data: tuple[dict[str, Any], Path, Account], tmp_path: Path
) -> None:
    tables, out, _ = data
    again = Project.build(**tables).run(workers=2, block=256).save(tmp_path / "again")
    assert (again / FILE).read_bytes() == (out / FILE).read_bytes()


def test_an_account_of_tables_keeps_nothing(tmp_path: Path) -> None:
    out = Project.load(COUNTY / "county_tables.toml").run().save(tmp_path / "out")
    assert not (out / FILE).exists()
    assert same(
        Project.load(COUNTY / "county_tables.toml").run(kept=out),
        Project.load(COUNTY / "county_tables.toml").run(),
    )


# ------------------------------------------------------------------------------------- the doors


def test_gep_run_uses_the_folder_that_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*more: str) -> Any:
        args = ["run", str(COUNTY / "county.toml"), "--out", str(tmp_path / "out"), *more]
        return CliRunner().invoke(cli, args, catch_exceptions=False)

    asked: list[set[str]] = []
    real = Kept.rest

    def rest(self: Kept, address: Any, work: Any) -> Any:
        found = real(self, address, work)
        asked.append({layer.name for layer in found[0].cells} if found else set())
        return found

    monkeypatch.setattr(Kept, "rest", rest)
    assert call().exit_code == 0
    assert asked == []  # there is no folder yet
    before = (tmp_path / "out" / "account.csv").read_bytes()
    assert call().exit_code == 2
    assert call("--overwrite").exit_code == 0
    assert asked == [set()]  # nothing lacks
    assert (tmp_path / "out" / "account.csv").read_bytes() == before
    (tmp_path / "out" / FILE).write_bytes(b"")
    told = call("--overwrite")
    assert told.exit_code == 0
    assert "the kept class sums are not used" in told.stderr
    assert (tmp_path / "out" / "account.csv").read_bytes() == before
    assert Kept.read(tmp_path / "out").arrays


def test_compute_takes_kept_sums(tmp_path: Path, reads: list[str]) -> None:
    tables = write_data(tmp_path / "data")
    arguments: dict[str, Any] = {
        "year": 2020,
        "land_cover": tables["land_cover"]["file"],
        "legend": tables["land_cover"]["legend"],
        "zones": tables["zones"]["file"],
        "zone_id": "code",
        "inputs": tables["inputs"],
        "statistics": tables["statistics"]["file"],
    }
    first = gep.compute(tables["standard"], **arguments)
    out = first.save(tmp_path / "out")
    reads.clear()
    assert same(gep.compute(tables["standard"], **arguments, kept=out), first)
    assert reads == []
