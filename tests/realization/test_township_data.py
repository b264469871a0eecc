"""The synthetic township: made again, tidy, and every planted conflict found by the book."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from rasterio import features
from synthetic_township import (
    AT,
    COUNTY,
    EXAMPLES,
    OFFICE,
    TOWNSHIP,
    clean_book,
    package_rows,
    rows_of,
)

from gep.errors import DataError, Problem, Problems
from gep.realization.book import Book
from gep.realization.book_account import parcel_account
from gep.realization.registry import read_records
from gep.tables import read_toml

BY_HAND = {"README.md", "terms.toml", "after.toml", "bank_assessment.toml", "credit_events.csv"}
BY_HAND |= {"water_quality.csv"}
STAGES = ("parcels", "valued", "deposits", "encumbrances", "packages")
LARGEST_GPKG = 400_000
#: Codes of the land cover -> what a parcel may be there.
ASSETS = {
    10: {"林地"},
    20: {"园地", "林地"},
    30: {"草地"},
    40: {"耕地"},
    50: {"宅基地/农房", "集体建设用地"},
    80: {"水域", "河段", "取水权"},
    90: {"湿地"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("township")
    command = [sys.executable, EXAMPLES / "make_township.py", "--out", out]
    subprocess.run(command, check=True)
    return out


@pytest.fixture(scope="module")
def parcels() -> gpd.GeoDataFrame:
    return gpd.read_file(TOWNSHIP / "parcels.gpkg")


@pytest.fixture(scope="module")
def planted() -> list[dict[str, Any]]:
    return read_toml(TOWNSHIP / "planted.toml", DataError)["planted"]


# ------------------------------------------------------------------------------------ the files


def test_the_township_is_made_again_with_the_same_values(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    assert {path.name for path in TOWNSHIP.iterdir()} - BY_HAND == names
    for name in sorted(names):
        if not name.endswith(".gpkg"):
            assert (made / name).read_bytes() == (TOWNSHIP / name).read_bytes(), name
            continue
        one, other = gpd.read_file(made / name), gpd.read_file(TOWNSHIP / name)
        assert one.crs == other.crs
        pd.testing.assert_frame_equal(one.drop(columns="geometry"), other.drop(columns="geometry"))
        # another GEOS may draw a border with another corner: then the land is the same
        for left, right in zip(one.geometry, other.geometry, strict=True):
            if left.is_valid:
                assert (left ^ right).area <= 0.01 * right.area, name


def test_the_files_are_small_and_say_that_they_are_synthetic(parcels: gpd.GeoDataFrame) -> None:
    for name in ("parcels.gpkg", "parcels_with_conflicts.gpkg"):
        assert (TOWNSHIP / name).stat().st_size < LARGEST_GPKG
        about = pyogrio.read_info(TOWNSHIP / name, layer="parcels")["layer_metadata"]
        assert about["NOTE"].startswith("Synthetic data")
    assert set(parcels.source) == {"合成数据 synthetic"}
    assert "SYNTHETIC" in (TOWNSHIP / "terms.toml").read_text(encoding="utf-8").splitlines()[0]
    readme = (TOWNSHIP / "README.md").read_text(encoding="utf-8")
    assert "invented" in readme
    assert "虚构" in readme


def test_no_file_speaks_of_real_places_or_persons(parcels: gpd.GeoDataFrame) -> None:
    assert parcels.owner.str.fullmatch(r"H-\d{3}|[子丑寅卯辰巳]村集体").all()
    assert parcels.name.str.fullmatch(r"[子丑寅卯辰巳]村\d{2}号").all()
    assert parcels.certificate_no.dropna().str.fullmatch(r"合成产权-\d{4}").all()
    for row in rows_of("deposits.csv"):
        assert re.fullmatch(r"合成权证-\d{4}", row["certificate_no"])
    for row in rows_of("encumbrances.csv"):
        assert row["holder"].startswith("合成")
    for row in rows_of("villagers.csv"):
        assert re.fullmatch(r"H-\d{3}", row["household"])
    households = {row["household"] for row in rows_of("villagers.csv")}
    assert {event["subject"] for event in rows_of("credit_events.csv")} <= households
    # the places whose published rules ship with gep are named by a rule's id and nowhere else
    places = [p.name.rpartition("_")[0] for p in (EXAMPLES.parent / "models/mechanisms").iterdir()]
    chinese = (
        "丽水",
        "浙江",
        "安吉",
        "云和",
        "景宁",
        "缙云",
        "新安江",
        "重庆",
        "青田",
        "福建",
        "江西",
    )
    for path in TOWNSHIP.iterdir():
        if path.suffix in (".toml", ".csv", ".md"):
            lines = path.read_text(encoding="utf-8").splitlines()
            named = re.compile(r"rule\s*=|.*\{ result = ")
            text = "\n".join(line for line in lines if not named.match(line)).casefold()
            assert not [place for place in (*places, *chinese) if place and place in text], (
                path.name
            )


# --------------------------------------------------------------------------------- the parcels


def test_there_are_two_hundred_parcels_of_many_kinds(parcels: gpd.GeoDataFrame) -> None:
    assert len(parcels) == 200
    assert list(parcels.id) == [f"P-{n:03}" for n in range(1, 201)]
    assert parcels.crs.to_epsg() == 4490
    assert len(set(parcels.asset_type)) >= 9
    assert set(parcels.right) == {"所有权", "承包权", "经营权", "使用权"}
    zones = Counter(z for text in parcels.restrictions.dropna() for z in text.split("、"))
    assert min(zones[z] for z in ("生态保护红线", "公益林", "永久基本农田")) >= 10
    assert 150 < parcels.certificate_no.notna().sum() < 200
    hectares = parcels.to_crs(32650).area / 10_000
    assert hectares.min() > 0.5
    assert hectares.max() < 30
    assert parcels.name.is_unique


def overlapping(frame: gpd.GeoDataFrame, metres: float = 1.0) -> set[frozenset[str]]:
    plane = frame.to_crs(32650)
    shapes = plane.geometry.to_numpy()
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = [(i, j) for i, j in zip(one, other, strict=True) if i < j]
    return {
        frozenset((plane.id.iloc[i], plane.id.iloc[j]))
        for i, j in pairs
        if shapely.intersection(shapes[i], shapes[j]).area > metres
    }


def test_parcels_lie_in_the_township_and_beside_each_other(
    parcels: gpd.GeoDataFrame, planted: list[dict[str, Any]]
) -> None:
    assert parcels.is_valid.all()
    assert (parcels.geom_type == "Polygon").all()
    townships = gpd.read_file(COUNTY / "townships.gpkg").set_index("code")
    assert parcels.within(townships.geometry["990004"]).all()
    assert not overlapping(parcels)
    about = {entry["id"]: entry["ids"] for entry in planted}
    spoilt = {i for entry in planted if entry["stage"] == "parcels" for i in entry["ids"]}
    other = gpd.read_file(TOWNSHIP / "parcels_with_conflicts.gpkg")
    pairs = overlapping(other[~other.id.isin(spoilt)])
    assert pairs == {frozenset(about["overlapping_parcels"])}
    # one row of each conflict is changed, all else is as it was
    about_parcels = [entry for entry in planted if entry["file"] == "parcels_with_conflicts.gpkg"]
    before, after = (pd.DataFrame(f.to_wkt()).fillna("") for f in (parcels, other))
    assert (before != after).any(axis=1).sum() == len(about_parcels) == 8


def test_parcels_follow_the_land_cover(parcels: gpd.GeoDataFrame) -> None:
    system = read_toml(
        EXAMPLES.parent / "models/legends/classifications/national_ecosystems.toml", DataError
    )
    titles = {name: entry["title"]["zh"] for name, entry in system["classes"].items()}
    with (COUNTY / "county.toml").open("rb") as stream:
        classes = tomllib.load(stream)["land_cover"]["classes"]
    with rasterio.open(COUNTY / "land_cover.tif") as source:
        cover, transform = source.read(1), source.transform
    shares = []
    for row in parcels.to_crs(32650).itertuples():
        mask = features.geometry_mask(
            [row.geometry], cover.shape, transform, all_touched=False, invert=True
        )
        codes, counts = np.unique(cover[mask], return_counts=True)
        code = int(codes[counts.argmax()])
        shares.append(counts.max() / counts.sum())
        if row.asset_type not in ("河段", "取水权"):  # narrower than a few cells
            assert row.asset_type in ASSETS[code], row.id
            expected = titles[classes.get(str(code), "town")]
            assert row.ecosystem_type == expected, row.id
    assert np.mean(shares) > 0.9


def test_the_account_gives_every_parcel_its_flows(tmp_path: Path) -> None:
    with Book.create(tmp_path / "book.gpkg", crs="EPSG:4490", title="Synthetic") as book:
        book.import_parcels(TOWNSHIP / "parcels.gpkg", office=OFFICE)
        account = parcel_account(COUNTY / "county.toml", book)
    table = account.table
    by_service = {
        service: set(rows.zone[rows.value > 0]) for service, rows in table.groupby("service")
    }
    assert set(by_service) == {
        *("water_retention", "soil_retention", "sand_fixation"),
        *("carbon_sequestration", "oxygen_release", "climate_regulation"),
    }
    assert all(len(zones) >= 190 for zones in by_service.values())
    assert (table.covered == 1).all()


# ------------------------------------------------------------------------------ the other files


def test_deposits_and_packages_hang_together(parcels: gpd.GeoDataFrame) -> None:
    deposits, packages = rows_of("deposits.csv"), rows_of("packages.csv")
    members = rows_of("package_members.csv")
    assert 85 <= len(deposits) <= 95
    assert set(Counter(row["mode"] for row in deposits)) == {"租赁", "托管", "入股", "赎买", "合作"}
    known = parcels.set_index("id")
    for row in deposits:
        parcel = known.loc[row["parcel_id"]]
        assert parcel.certificate_no
        assert parcel.right_start < row["start"] < row["end"] <= parcel.right_end, row["id"]
        assert (row["unit_rent"] == "") == (row["rent_unit"] == "")
        assert (row["mode"] == "租赁") == (row["escalation"] == "0.05")
    assert len({row["parcel_id"] for row in deposits}) == len(deposits)
    assert 4 <= len(packages) <= 5
    assert len({row["deposit_id"] for row in members}) == len(members)
    ends = {row["id"]: dt.date.fromisoformat(row["end"]) for row in deposits}
    last = defaultdict(lambda: dt.date.max)
    for row in members:
        last[row["package_id"]] = min(last[row["package_id"]], ends[row["deposit_id"]])
    for row in packages:
        start = dt.date.fromisoformat(row["start"])
        assert start.replace(year=start.year + int(row["years"])) <= last[row["id"]], row["id"]


def test_households_have_a_share_for_each_begun_mu(parcels: gpd.GeoDataFrame) -> None:
    geod = pyproj.Geod(ellps="GRS80")
    area = defaultdict(float)
    owner = dict(zip(parcels.id, parcels.owner, strict=True))
    shape = dict(zip(parcels.id, parcels.geometry, strict=True))
    for row in rows_of("deposits.csv"):
        if owner[row["parcel_id"]].startswith("H-"):
            square_metres = abs(geod.geometry_area_perimeter(shape[row["parcel_id"]])[0])
            area[owner[row["parcel_id"]]] += square_metres * 15 / 10_000
    villagers = rows_of("villagers.csv")
    assert {row["household"] for row in villagers} == set(area)
    for row in villagers:
        assert float(row["area_mu"]) == pytest.approx(area[row["household"]], abs=0.006)
        assert int(row["shares"]) - 1 < float(row["area_mu"]) <= int(row["shares"])


# --------------------------------------------------------------------- the book and its conflicts


def test_words_and_records_are_those_of_the_registry(parcels: gpd.GeoDataFrame) -> None:
    problems = Problems()
    for record in ("deposit", "encumbrance"):
        frame = pd.DataFrame(rows_of(f"{record}s.csv"))
        read_records(frame, record, [str(i) for i in frame.index], problems)
    records = read_records(parcels, "parcel", [str(i) for i in parcels.index], problems)
    assert not list(problems)
    assert sum("red_line" in row["restrictions"] for row in records) >= 10


def test_the_clean_files_make_a_book_without_errors(tmp_path: Path) -> None:
    with clean_book(tmp_path) as book:
        for row in package_rows(""):
            book.package(**row)
        problems = book.check(at=AT)
        states = Counter(book.parcels.state)
    assert not problems.errors
    # the wetland is restored within the red line: allowed with a condition, said for each parcel
    assert {p.where for p in problems.warnings} == {"package K-03"}
    assert states == {"surveyed": 25, "valued": 84, "deposited": 38, "packaged": 53}


def refused(write: Any, *given: Any, **named: Any) -> list[Problem]:
    """Return the errors of a write that must be refused."""
    with pytest.raises(DataError) as caught:
        write(*given, **named)
    return [problem for problem in caught.value.problems if problem.level == "error"]


def speaks_of(problem: Problem, ids: set[str], rows: set[str]) -> bool:
    text = f"{problem.where} {problem.what} {problem.found}"
    place = re.search(r"row \d+", problem.where)
    return any(name in text for name in ids) or (place is not None and place.group() in rows)


def matched(
    planted: list[dict[str, Any]], stage: str, found: list[Problem], rows: dict[str, set[str]]
) -> None:
    """Check that each planted conflict of a stage is found, and nothing else."""
    wanted = [entry for entry in planted if entry["stage"] == stage]
    hits = {
        entry["id"]: [
            problem
            for problem in found
            if speaks_of(
                problem, set(entry["ids"]), set().union(*map(rows.__getitem__, entry["ids"]))
            )
        ]
        for entry in wanted
    }
    assert not [name for name, problems in hits.items() if not problems]
    explained = {id(problem) for problems in hits.values() for problem in problems}
    assert not [str(problem) for problem in found if id(problem) not in explained]


def rows_by_id(ids: list[str], first: int) -> dict[str, set[str]]:
    rows = defaultdict(set)
    for number, name in enumerate(ids, start=first):
        rows[name].add(f"row {number}")
    return rows


def test_the_list_of_conflicts_is_long_and_complete(planted: list[dict[str, Any]]) -> None:
    assert len(planted) == 20
    assert {entry["stage"] for entry in planted} == set(STAGES)
    assert len({entry["id"] for entry in planted}) == len(planted)
    for entry in planted:
        assert (TOWNSHIP / entry["file"]).is_file()
        assert entry["what"]["en"]
        assert entry["what"]["zh"]


def test_every_planted_conflict_is_found_and_no_other(
    tmp_path: Path, planted: list[dict[str, Any]]
) -> None:
    path = TOWNSHIP / "parcels_with_conflicts.gpkg"
    frame = gpd.read_file(path)
    with Book.create(tmp_path / "book.gpkg", crs="EPSG:4490", title="Conflicts") as book:
        found = refused(book.import_parcels, path, office=OFFICE)
        matched(planted, "parcels", found, rows_by_id(list(frame.id), 1))
        assert len(found) == 6
        spoilt = {i for e in planted if e["stage"] == "parcels" for i in e["ids"]}
        book.import_parcels(frame[~frame.id.isin(spoilt)], office=OFFICE)

        claimed = frame.id[frame.right_end.notna() & ~frame.id.isin(spoilt)].tolist()
        book.move(claimed, "titled", office=OFFICE, reason="synthetic")
        found = refused(book.move, claimed, "valued", office=OFFICE, reason="synthetic")
        matched(planted, "valued", found, defaultdict(set))
        bare = {i for e in planted if e["stage"] == "valued" for i in e["ids"]}
        fit = [name for name in claimed if name not in bare]
        book.move(fit, "valued", office=OFFICE, reason="synthetic")

        path = TOWNSHIP / "deposits_with_conflicts.csv"
        ids = [row["id"] for row in rows_of(path.name)]
        found = refused(book.import_deposits, path, office=OFFICE)
        matched(planted, "deposits", found, rows_by_id(ids, 2))
        assert len(found) == 8
        found = refused(
            book.import_encumbrances, TOWNSHIP / "encumbrances_with_conflicts.csv", office=OFFICE
        )
        matched(planted, "encumbrances", found, defaultdict(set))
        assert len(found) == 1


def test_packages_with_conflicts_are_refused(tmp_path: Path, planted: list[dict[str, Any]]) -> None:
    levels = {
        name: entry["level"]
        for entry in planted
        if entry["stage"] == "packages"
        for name in entry["ids"]
        if name.startswith("K-") and name != "K-01"
    }
    assert levels == {"K-06": "error", "K-07": "error", "K-08": "error", "K-09": "warning"}
    found: list[Problem] = []
    with clean_book(tmp_path) as book:
        for row in package_rows("_with_conflicts"):
            level = levels.get(row["package_id"])
            if level == "error":
                found += refused(book.package, **row)
            else:
                notes = book.package(**row)
                assert level != "warning" or len(notes) == 1
                found += notes if level else []
        assert set(book.packages.id) == {"K-01", "K-02", "K-03", "K-04", "K-05", "K-09"}
    matched(planted, "packages", found, defaultdict(set))
