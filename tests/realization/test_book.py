"""The book: imports all or nothing, the state machine, every refusal, packages, lists, flows."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from synthetic_records import OFFICE, deposits, make_valued, parcels, square

from gep.errors import DataError, UsageError
from gep.realization import store
from gep.realization.book import Book
from gep.realization.registry_area import areas_ha

DAY = dt.date(2026, 1, 1)
WHY = {"office": OFFICE, "reason": "synthetic"}


def refused(message: str, call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises((DataError, UsageError), match=message) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def states(book: Book) -> dict[str, str]:
    return dict(zip(book.parcels["id"], book.parcels["state"], strict=True))


def deposit_all(book: Book, shapes: dict[str, Any], **fields: Any) -> None:
    """Take parcels in, and a deposit D<name> of each."""
    book.import_parcels(parcels(shapes, **fields), office=OFFICE)
    make_valued(book, list(shapes))
    book.import_deposits(deposits({f"D{name}": name for name in shapes}), office=OFFICE)


def edit(book: Book, table: sa.Table, name: str, **values: Any) -> None:
    """Change a row behind the book's back, as an edit in QGIS does."""
    with book._store.engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.id == name).values(**values))


def package(book: Book, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "name": "Synthetic project", "use": "林下经济", "deposits": ["DP1"],
        "start": "2026-01-01", "years": 10, **WHY,
    } | changes  # fmt: skip
    return book.package(given.pop("package_id", "K1"), **given)


# ------------------------------------------------------------------------------ creating, opening


def test_a_book_is_made_once_and_opened_again(address: str) -> None:
    with Book.create(address, crs="EPSG:4490", title=" Synthetic bank ") as book:
        assert (book.title, book.crs) == ("Synthetic bank", "EPSG:4490")
        book.import_parcels(parcels({"P1": square(0)}), office=OFFICE)
    refused("already", Book.create, address, crs=4490, title="Other")
    with Book.open(address) as again:
        assert states(again) == {"P1": "surveyed"}
        assert "1 parcels: 1 surveyed" in repr(again)
        assert again.ledger.verify().ok


@pytest.mark.parametrize(
    ("crs", "message"),
    [("EPSG:0", "not understood"), ("+proj=aeqd +lat_0=28 +lon_0=120", "has no EPSG number")],
)
def test_a_book_needs_a_numbered_coordinate_system(tmp_path: Path, crs: str, message: str) -> None:
    refused(message, Book.create, tmp_path / "book.gpkg", crs=crs, title="x")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_book_is_refused(tmp_path: Path) -> None:
    refused("there is no such book", Book.open, tmp_path / "none.gpkg")
    other = tmp_path / "other.gpkg"
    parcels({"P1": square(0)}).to_file(other)
    refused("there is no book here", Book.open, other)
    (tmp_path / "text.gpkg").write_text("no database")
    refused("cannot be opened", Book.open, tmp_path / "text.gpkg")
    refused(
        "the folder does not exist", Book.create, tmp_path / "a" / "b.gpkg", crs=4490, title="x"
    )
    refused("a book is kept in a GeoPackage", Book.open, "mysql://u@h/d")
    refused("a book has a title", Book.create, tmp_path / "b.gpkg", crs=4490, title=" ")
    refused(
        "the tolerance is an area",
        Book.create,
        tmp_path / "b.gpkg",
        crs=4490,
        title="x",
        overlap_tolerance_m2=-1,
    )


def test_a_book_of_another_format_is_refused(address: str) -> None:
    Book.create(address, crs=4490, title="x").close()
    place = store.Store(address)
    with place.engine.begin() as connection:
        new = sa.update(store.BOOK).where(store.BOOK.c.key == "format").values(value="99")
        connection.execute(new)
    assert "format '99'" in refused("another format", Book.open, address)


def test_a_server_without_postgis_or_without_an_answer(server: Any) -> None:
    address = server()
    bare = address.replace("/books?", "/postgres?").partition("&options")[0]
    assert "CREATE EXTENSION postgis" in refused(
        "no PostGIS", Book.create, bare, crs=4490, title="x"
    )
    secret = "postgresql://gep:secret@127.0.0.1:1/none"
    found = refused("cannot be reached", Book.create, secret, crs=4490, title="x")
    assert "secret" not in found
    assert "secret" not in refused("cannot be opened", Book.open, secret)


def test_psycopg_is_asked_for_where_it_is_missing(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from gep.realization.book import Book\n"
        "Book.open('postgresql://u@h/d')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "PostgreSQL needs the package psycopg" in done.stderr


def test_the_file_is_a_geopackage_that_others_open(tmp_path: Path) -> None:
    path = tmp_path / "book.gpkg"
    with Book.create(path, crs="EPSG:4549", title="Synthetic") as book:
        book.import_parcels(parcels({"P1": square(0), "P2": square(1)}), office=OFFICE)
        own = book.parcels
    frame = geopandas.read_file(path, layer="parcels")
    assert frame.crs.to_epsg() == 4549
    assert list(frame["id"]) == ["P1", "P2"]
    assert frame.geometry.geom_equals_exact(own.geometry, 0).all()
    assert frame.geometry.to_crs(4490).iloc[0].equals_exact(square(0), 1e-9)
    layers = geopandas.list_layers(path)
    assert {"ledger", "deposits", "flows", "events"} <= set(layers["name"])
    assert len(geopandas.read_file(path, layer="events")) == 2
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_qgis_that_adds_a_row_through_gdal_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "book.gpkg"
    with Book.create(path, crs="EPSG:4490", title="Synthetic") as book:
        frame = parcels({"P7": square(0)})[["id", "asset_type", "geometry"]]
        frame.to_file(path, layer="parcels", mode="a")
        assert list(book.parcels["id"]) == ["P7"]
        found = [str(p) for p in book.check(at=DAY)]
    assert found == []


# -------------------------------------------------------------------------------------- importing


def test_parcels_are_measured_unless_the_area_is_given(book: Book) -> None:
    frame = parcels({"P1": square(0), "P2": square(1)}, area_ha=[None, 1.2])
    assert len(book.import_parcels(frame, office=OFFICE)) == 0
    found = book.parcels.set_index("id")
    assert found.loc["P1", "area_ha"] == pytest.approx(areas_ha([square(0)], found.crs)[0])
    assert list(found["area_source"]) == ["geodesic", "given"]
    assert found.loc["P2", "area_ha"] == 1.2
    assert found.loc["P1", "geometry"].equals_exact(square(0), 0)
    assert found.loc["P1", "right_end"] == dt.date(2050, 12, 31)
    (event, _) = book.events.to_dict("records")
    assert (event["office"], event["kind"], event["subject"], event["new"]) == (
        OFFICE,
        "parcel",
        "P1",
        "surveyed",
    )


def test_hectares_that_are_mu_are_noticed(book: Book) -> None:
    problems = book.import_parcels(parcels({"P1": square(0)}, area_ha=16.4), office=OFFICE)
    (warning,) = problems
    assert "the area is not that of the geometry" in str(warning)
    assert "1 ha is 15 亩" in str(warning)


def test_all_problems_of_an_import_come_at_once_and_nothing_is_kept(
    book: Book, tmp_path: Path
) -> None:
    bow = shapely.Polygon([(120, 28), (120.001, 28.001), (120.001, 28), (120, 28.001)])
    shapes = {
        "P1": square(0),
        "P2": bow,
        "P3": shapely.Polygon(),
        "P4": None,
        "P5": square(5),
        "P6": square(6),
    }
    frame = parcels(shapes)
    frame["id"] = ["P1", "P2", "P3", "P4", "P1", "P6"]
    frame["right_start"] = ["2020-01-01"] * 5 + ["2060-01-01"]
    frame.loc[4, "asset_type"] = "forrest_land"
    path = tmp_path / "parcels.gpkg"
    frame.to_file(path)
    found = refused("geometry is invalid", book.import_parcels, path, office=OFFICE)
    for part in (
        "parcels.gpkg, row 2: the geometry is invalid\n  found: Self-intersection",
        "parcels.gpkg, row 3: the geometry is empty",
        "parcels.gpkg, row 4 (parcel P4): the parcel has neither geometry nor area",
        "parcels.gpkg, row 5, asset_type: 'forrest_land' is not a known asset_type",
        "parcels.gpkg, row 5: the id 'P1' occurs twice\n  found: it is also the id of parcels.gpkg, row 1",
        "parcels.gpkg, row 6 (parcel P6): right_start is after right_end",
    ):
        assert part in found
    assert "row 1:" not in found
    assert len(book.parcels) == 0
    assert len(book.events) == 0


def test_a_layer_without_coordinate_system_is_refused(book: Book) -> None:
    frame = parcels({"P1": square(0)}).set_crs(None, allow_override=True)
    refused("no coordinate system", book.import_parcels, frame, office=OFFICE)


def test_another_coordinate_system_is_brought_to_the_books(book: Book) -> None:
    frame = parcels({"P1": square(0)}).to_crs(4549)
    book.import_parcels(frame, office=OFFICE)
    assert book.parcels.geometry[0].equals_exact(square(0), 1e-9)


def test_parcels_without_geometry_come_from_a_table(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "parcels.csv"
    path.write_text(
        "地块编号,资源类型,权利类型,权利到期日,面积（公顷）,资料来源,调查日期\n"
        "甲1,林地,经营权,2050-12-31,2.5,合成,2025-06-01\n",
        "utf-8",
    )
    (warning,) = book.import_parcels(path, office=OFFICE)
    assert "whether it overlaps another is undetermined" in warning.what
    assert book.parcels["area_ha"][0] == 2.5
    path.write_text(path.read_text("utf-8").replace("2.5", "两公顷"), "utf-8")
    assert "parcels.csv, row 2, area_ha" in refused(
        "not a number", book.import_parcels, path, office=OFFICE
    )


def test_the_same_id_twice_is_refused(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0)}), office=OFFICE)
    found = refused(
        "already", book.import_parcels, parcels({"P2": square(1), "P1": square(2)}), office=OFFICE
    )
    assert "row 2: the book has a parcel 'P1' already" in found
    assert list(book.parcels["id"]) == ["P1"]


def test_files_that_are_none(book: Book, tmp_path: Path) -> None:
    refused("there is no such file", book.import_parcels, tmp_path / "x.gpkg", office=OFFICE)
    (tmp_path / "y.gpkg").write_text("no")
    refused("cannot be read", book.import_parcels, tmp_path / "y.gpkg", office=OFFICE)
    refused("are no table", book.import_parcels, 7, office=OFFICE)
    refused("office is missing", book.import_parcels, parcels({"P1": square(0)}), office="")


# ------------------------------------------------------------------------------------- deposits


def test_a_deposit_of_a_valued_parcel_moves_it_on(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0), "P2": square(1)}), office=OFFICE)
    make_valued(book, ["P1"])
    assert len(book.import_deposits(deposits({"D1": "P1"}), office=OFFICE)) == 0
    assert states(book) == {"P1": "deposited", "P2": "surveyed"}
    row = book.deposits.iloc[0]
    assert (row["mode"], row["unit_rent"], row["state"]) == ("lease", 37.7, "active")
    assert book.events.iloc[-1]["new"] == "deposited"


@pytest.mark.parametrize(
    ("fields", "message", "found"),
    [
        (
            {"end": "2051-01-01"},
            "the deposit outlives the right",
            "deposit to 2051-01-01, right to 2050-12-31",
        ),
        ({"start": "2046-01-01"}, "start is after end", "2046-01-01 to 2045-12-31"),
        ({"start": "2019-12-31"}, "the deposit begins before the right", "right from 2020-01-01"),
        ({"parcel_id": "P9"}, "there is no parcel 'P9'", ""),
        ({"unit_rent": None}, "a rent is a number with its unit", ""),
    ],
)
def test_a_deposit_that_cannot_stand(
    book: Book, fields: dict[str, Any], message: str, found: str
) -> None:
    book.import_parcels(parcels({"P1": square(0)}), office=OFFICE)
    text = refused(message, book.import_deposits, deposits({"D1": "P1"}, **fields), office=OFFICE)
    assert "row 1 (deposit D1)" in text
    assert found in text
    assert len(book.deposits) == 0


def test_whether_a_deposit_outlives_an_unknown_right_is_undetermined(book: Book) -> None:
    book.import_parcels(
        parcels({"P1": square(0), "P2": square(1)}, right=["use", "所有权"], right_end=None),
        office=OFFICE,
    )
    refused(
        "outlives the right is undetermined",
        book.import_deposits,
        deposits({"D1": "P1"}),
        office=OFFICE,
    )
    book.import_deposits(deposits({"D2": "P2"}), office=OFFICE)


def test_land_is_not_deposited_twice(book: Book) -> None:
    shapes = {"P1": square(0), "P2": square(0.5), "P3": square(1)}
    book.import_parcels(parcels(shapes), office=OFFICE)
    found = refused(
        "overlaps deposit D1 of the same right",
        book.import_deposits,
        deposits({"D1": "P1", "D2": "P2"}),
        office=OFFICE,
    )
    assert "row 2 (deposit D2)" in found
    assert "management (经营权), 5450 m² of parcels P1 and P2" in found
    book.import_deposits(deposits({"D1": "P1", "D3": "P3"}), office=OFFICE)  # they only touch
    found = refused(
        "overlaps deposit D1", book.import_deposits, deposits({"D4": "P1"}), office=OFFICE
    )
    assert "both of parcel P1" in found


def test_other_rights_things_and_times_do_not_conflict(book: Book) -> None:
    shapes = {"P1": square(0), "P2": square(0), "P3": square(0), "P4": square(0)}
    kinds = {"asset_type": ["forest_land", "forest_land", "carbon", "orchard"]}
    book.import_parcels(
        parcels(shapes, right=["management", "income", "management", "management"], **kinds),
        office=OFFICE,
    )
    book.import_deposits(
        deposits({"D1": "P1", "D2": "P2", "D3": "P3"}, end="2030-12-31"), office=OFFICE
    )
    # an orchard on paper is the same ground as the forest
    refused("overlaps deposit D1", book.import_deposits, deposits({"D4": "P4"}), office=OFFICE)
    book.import_deposits(deposits({"D4": "P4"}, start="2031-01-01"), office=OFFICE)


def test_the_tolerance_is_the_books(address: str) -> None:
    with Book.create(address, crs=4490, title="x", overlap_tolerance_m2=5500) as book:
        book.import_parcels(parcels({"P1": square(0), "P2": square(0.5)}), office=OFFICE)
        book.import_deposits(deposits({"D1": "P1", "D2": "P2"}), office=OFFICE)


def test_a_deposit_without_certificate_stays_titled(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0)}), office=OFFICE)
    book.import_deposits(deposits({"D1": "P1"}, certificate_no=None), office=OFFICE)
    book.move("P1", "titled", **WHY)
    found = refused("it stays titled", book.move, "P1", "valued", **WHY)
    assert "none of deposit D1" in found
    book.amend("deposit", "D1", certificate_no="D. 1", office=OFFICE, reason="issued")
    book.move("P1", "已评估", **WHY)
    assert states(book) == {"P1": "valued"}


def test_a_right_without_certificate_stays_titled(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0)}, certificate_no=None), office=OFFICE)
    book.move("P1", "titled", **WHY)
    assert "none of the right" in refused("it stays titled", book.move, "P1", "valued", **WHY)


# -------------------------------------------------------------------------------- encumbrances


def loan(**fields: Any) -> pd.DataFrame:
    row = {
        "id": "E1",
        "parcel_id": "P1",
        "kind": "抵押",
        "holder": "a bank",
        "start": "2026-01-01",
        "end": "2040-12-31",
    }
    return pd.DataFrame([row | fields])


def test_a_loan_does_not_outlive_the_right(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0)}), office=OFFICE)
    found = refused(
        "the mortgage outlives the right",
        book.import_encumbrances,
        loan(end="2051-01-01"),
        office=OFFICE,
    )
    assert "mortgage to 2051-01-01, right to 2050-12-31" in found
    refused(
        "the pledge outlives the right",
        book.import_encumbrances,
        loan(kind="pledge", end="2060-01-01"),
        office=OFFICE,
    )
    book.import_encumbrances(loan(), office=OFFICE)
    book.import_encumbrances(
        loan(id="E2", kind="地役权", end="2099-12-31"), office=OFFICE
    )  # an easement may
    (warning,) = book.import_encumbrances(loan(id="E3", end=None), office=OFFICE)
    assert "undetermined" in warning.what
    assert list(book.encumbrances["kind"]) == ["mortgage", "easement", "mortgage"]


def test_a_right_is_not_shortened_below_what_rests_on_it(book: Book) -> None:
    deposit_all(book, {"P1": square(0)})
    found = refused("outlives the right", book.amend, "parcel", "P1", right_end="2044-12-31", **WHY)
    assert "deposit DP1" in found
    assert book.parcels["right_end"][0] == dt.date(2050, 12, 31)


# ---------------------------------------------------------------------------------- the states


def test_the_whole_way(book: Book) -> None:
    deposit_all(book, {"P1": square(0)})
    package(book)
    for state in ("listed", "contracted", "operating", "returned"):
        book.move("P1", state, **WHY)
    assert states(book) == {"P1": "returned"}
    assert book.deposits["state"][0] == "returned"
    way = book.events[book.events["kind"] == "parcel"]
    assert list(way["new"]) == [
        "surveyed", "titled", "valued", "deposited", "packaged", "listed", "contracted", "operating", "returned",
    ]  # fmt: skip
    assert list(way["old"][1:]) == list(way["new"][:-1])
    assert [p.what for p in book.check(at=DAY)] == ["all deposits of the package have ended"]
    book.move("P1", "titled", **WHY)  # the right is still there: it may come again


@pytest.mark.parametrize(
    ("state", "ways"),
    [
        ("listed", "titled (已确权)"),
        ("returned", "titled (已确权)"),
        ("surveyed", "titled (已确权)"),
    ],
)
def test_an_illegal_jump_names_the_legal_ones(book: Book, state: str, ways: str) -> None:
    book.import_parcels(parcels({"P1": square(0), "P2": square(1)}), office=OFFICE)
    found = refused(f"cannot go from surveyed to {state}", book.move, ["P1", "P2"], state, **WHY)
    assert f"from surveyed it goes to {ways}" in found
    assert "parcel P1" in found
    assert "parcel P2" in found
    assert set(states(book).values()) == {"surveyed"}


def test_a_state_needs_what_it_says(book: Book) -> None:
    book.import_parcels(
        parcels({"P1": square(0), "P2": square(1)}, right=[None, "use"], right_end=[None, None]),
        office=OFFICE,
    )
    refused("has no right", book.move, "P1", "titled", **WHY)
    refused("the end of the right is not known", book.move, "P2", "titled", **WHY)
    book.amend("parcel", "P2", right_end="2040-12-31", **WHY)
    make_valued(book, ["P2"])
    refused("has no active deposit", book.move, "P2", "deposited", **WHY)
    book.import_deposits(deposits({"D2": "P2"}, end="2039-12-31"), office=OFFICE)
    refused("is in no package", book.move, "P2", "packaged", **WHY)
    refused("there is no parcel 'P8'", book.move, "P8", "titled", **WHY)
    refused("'sold' is not a known state", book.move, "P2", "sold", **WHY)
    refused("reason is missing", book.move, "P2", "titled", office=OFFICE, reason="")


def test_amendments_are_checked_and_kept(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0)}, restrictions="公益林"), office=OFFICE)
    book.amend(
        "parcel", "P1", restrictions=["生态保护红线"], area_ha=1.1, office=OFFICE, reason="survey"
    )
    row = book.parcels.iloc[0]
    assert (row["restrictions"], row["area_ha"], row["area_source"]) == (["red_line"], 1.1, "given")
    event = book.events.iloc[-1]
    assert json.loads(event["old"])["restrictions"] == ["public_welfare_forest"]
    assert (event["reason"], event["kind"], event["subject"]) == ("survey", "parcel", "P1")
    refused("'id' of a parcel cannot be changed", book.amend, "parcel", "P1", id="x", **WHY)
    refused("there are no records 'parcels'", book.amend, "parcels", "P1", name="x", **WHY)
    refused("there is no parcel 'P2'", book.amend, "parcel", "P2", name="x", **WHY)
    refused("source is missing", book.amend, "parcel", "P1", source=None, **WHY)
    refused("this is not a date", book.amend, "parcel", "P1", right_end="soon", **WHY)
    assert len(book.events) == 2


# ------------------------------------------------------------------------------------ packages


def test_the_package_of_the_worked_example(book: Book) -> None:
    """Synthetic: 10, 5 and 5 ha with rights to 2050, 2045 and 2048 have 19 years at 2026."""
    shapes = {"P1": square(0, side=2), "P2": square(2), "P3": square(2, 1)}
    ends = ["2050-12-31", "2045-12-31", "2048-12-31"]
    book.import_parcels(parcels(shapes, area_ha=[10, 5, 5], right_end=ends), office=OFFICE)
    make_valued(book, list(shapes))
    book.import_deposits(deposits({"D1": "P1", "D2": "P2", "D3": "P3"}, end=ends), office=OFFICE)
    package(book, deposits=["D1", "D2", "D3"], years=19)
    facts = book.package_facts("K1", gap_m=0, at=DAY)
    assert facts.area_ha == 20
    assert facts.m_eff_ha == 7.5
    assert facts.m_eff_parts_ha == 20
    assert facts.parts == (("P1", "P2", "P3"),)
    assert facts.contiguity == 1
    assert (facts.term_years, facts.term_end) == (19, dt.date(2045, 12, 31))
    assert facts.warnings == ()
    assert set(states(book).values()) == {"packaged"}
    assert list(book.packages["deposits"]) == [["D1", "D2", "D3"]]


def test_a_package_in_two_parts(book: Book) -> None:
    deposit_all(book, {"P1": square(0, side=2), "P2": square(5)}, area_ha=[6, 2])
    package(book, deposits=["DP1", "DP2"])
    facts = book.package_facts("K1", gap_m=100)
    assert facts.parts == (("P1",), ("P2",))
    assert facts.contiguity == 0.75
    assert facts.m_eff_parts_ha == facts.m_eff_ha == 5.0
    assert book.package_facts("K1", gap_m=400).parts == (("P1", "P2"),)
    refused("there is no package 'K2'", book.package_facts, "K2", gap_m=0)


def test_a_project_longer_than_its_rights_is_warned_of(book: Book) -> None:
    deposit_all(book, {"P1": square(0)})
    problems = package(book, years=30)
    (warning,) = problems
    assert warning.what == "the package lasts shorter than the project"
    assert warning.found == "19 years to 2045-12-31, project 30 years"


@pytest.mark.parametrize(
    ("restriction", "use", "said"),
    [
        (
            "永久基本农田",
            "建设",
            "permanent_farmland (永久基本农田) of parcel P1 and construction (建设): refused",
        ),
        (
            "red_line",
            "construction",
            "red_line (生态保护红线) of parcel P1 and construction (建设): refused",
        ),
        ("national_park_core", "construction", "national_park_core (国家公园核心保护区)"),
    ],
)
def test_what_a_restriction_forbids_is_refused(
    book: Book, restriction: str, use: str, said: str
) -> None:
    deposit_all(book, {"P1": square(0), "P2": square(1)}, restrictions=[restriction, ""])
    found = refused("refused", package, book, use=use, deposits=["DP1", "DP2"])
    assert said in found
    assert "[recalled, registry_uses.csv]" in found
    assert set(states(book).values()) == {"deposited"}
    assert len(book.packages) == 0
    package(book, use=use, deposits=["DP2"])
    # and a restriction that comes later is refused too, while the package stands
    refused("refused", book.amend, "parcel", "P2", restrictions=restriction, **WHY)


def test_what_the_table_does_not_say_is_undetermined_and_listed(book: Book) -> None:
    deposit_all(
        book, {"P1": square(0), "P2": square(1)}, restrictions=["red_line", "public_welfare_forest"]
    )
    problems = package(book, deposits=["DP1", "DP2"])
    first, second = problems
    assert (
        "red_line (生态保护红线) of parcel P1 and understory (林下经济): whether it is allowed is undetermined"
        in str(first)
    )
    assert "only in moderation" in str(second)
    assert [p.what for p in book.check(at=DAY)] == [p.what for p in problems]


def test_a_table_of_uses_of_ones_own_decides(address: str, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    head = "restriction,use,verdict,condition_en,condition_zh,basis,verified\n"
    own.write_text(head + "red_line,understory,refused,,,county rule,full_text\n", "utf-8")
    with Book.create(address, crs=4490, title="x", uses=own) as book:
        deposit_all(book, {"P1": square(0)}, restrictions="red_line")
        assert "county rule [full_text, own.csv]" in refused("refused", package, book)


def test_a_deposit_is_in_one_package(book: Book) -> None:
    deposit_all(book, {"P1": square(0), "P2": square(1)})
    package(book)
    found = refused(
        "deposit DP1 is in two packages", package, book, package_id="K2", deposits=["DP1", "DP2"]
    )
    assert "also in package K1" in found
    refused("a package of that id already", package, book, deposits=["DP2"])
    refused("there is no deposit 'D9'", package, book, package_id="K2", deposits=["D9"])
    refused("the package has no deposits", package, book, package_id="K2", deposits=[])
    refused("needs some years", package, book, package_id="K2", years=0)
    refused("not a date", package, book, package_id="K2", start="soon")
    assert states(book) == {"P1": "packaged", "P2": "deposited"}


@pytest.mark.parametrize("thing", ["carbon", "water_abstraction"])
def test_the_same_carbon_or_water_is_not_in_two_packages(book: Book, thing: str) -> None:
    """Two rights over the same carbon, in two parcels that overlap."""
    rights = {"asset_type": thing, "right": ["management", "income"]}
    deposit_all(book, {"P1": square(0), "P2": square(0.5)}, **rights)
    package(book)
    found = refused("is in two packages", package, book, package_id="K2", deposits=["DP2"])
    assert "package K2: the same" in found
    assert "5450 m² of parcels P1 and P2; also in package K1" in found


def test_land_under_two_rights_may_be_in_two_packages(book: Book) -> None:
    deposit_all(book, {"P1": square(0), "P2": square(0.5)}, right=["management", "income"])
    package(book)
    package(book, package_id="K2", deposits=["DP2"])


def test_a_package_that_is_dissolved_frees_its_deposits(book: Book) -> None:
    deposit_all(book, {"P1": square(0)})
    package(book)
    book.dissolve("K1", **WHY)
    assert states(book) == {"P1": "deposited"}
    assert list(book.packages["state"]) == ["dissolved"]
    refused("there is no active package 'K1'", book.dissolve, "K1", **WHY)
    package(book, package_id="K2")
    book.move("P1", "listed", **WHY)
    refused("cannot go from listed to deposited", book.dissolve, "K2", **WHY)


# -------------------------------------------------------------------------------- the whole book


def test_a_check_finds_all_that_others_planted(book: Book) -> None:
    """Rows that were changed behind the book's back are all found, each by name."""
    names = {f"P{n}": square(n) for n in range(8)}
    deposit_all(book, names, restrictions=["red_line", "", "", "", "", "", "", ""])
    package(book, deposits=["DP0", "DP1"], use="restoration")
    assert book.check(at=DAY).errors == ()
    srid = 4490
    edit(book, store.PARCELS, "P1", certificate_no=None)
    edit(book, store.PARCELS, "P2", geom=shapely.set_srid(square(3.4), srid))
    edit(book, store.PARCELS, "P4", right_end=dt.date(2030, 1, 1))
    edit(book, store.PARCELS, "P5", state="lost")
    edit(book, store.DEPOSITS, "DP6", unit_rent=-1.0)
    edit(book, store.PARCELS, "P7", state="listed", right_start=dt.date(2051, 1, 1))
    edit(book, store.PACKAGES, "K1", use="construction")
    found = "\n".join(str(p) for p in book.check(at=dt.date(2046, 6, 1)))
    for part in (
        "parcel P1: a parcel that is packaged needs certificates",
        "deposit DP3: it overlaps deposit DP2 of the same right",
        "deposit DP4: the deposit outlives the right",
        "parcel P4: the right has ended\n  found: on 2030-01-01",
        "parcel P5, state: 'lost' is not a known state",
        "deposit DP6: unit_rent is negative",
        "parcel P7: a parcel that is listed is in no package",
        "parcel P7: right_start is after right_end",
        "deposit DP7: the deposit begins before the right",
        "red_line (生态保护红线) of parcel P0 and construction (建设): refused",
        "deposit DP0: the deposit has ended\n  found: on 2045-12-31",
    ):
        assert part in found, part
    # a book that is wrong already takes what has nothing to do with it
    book.import_parcels(parcels({"P9": square(20)}), office=OFFICE)
    refused("overlaps", book.import_deposits, deposits({"DX": "P6"}), office=OFFICE)


def test_the_time_is_looked_at_only_when_it_is_asked(book: Book) -> None:
    deposit_all(book, {"P1": square(0)})
    assert len(book.check(at=dt.date(2045, 12, 31))) == 0
    assert [p.what for p in book.check(at=dt.date(2046, 1, 1))] == ["the deposit has ended"]


# --------------------------------------------------------------------------------------- lists


@pytest.fixture
def listed(book: Book) -> Book:
    deposit_all(
        book, {"P1": square(0), "P2": square(1)}, restrictions=["公益林", ""], owner="village"
    )
    book.import_parcels(parcels({"P3": None}, area_ha=3), office=OFFICE)
    book.import_encumbrances(loan(), office=OFFICE)
    package(book, deposits=["DP1", "DP2"])
    book.ledger.issue(
        "C-1", holder="village", quantity=10, unit="tCO2", right_type="carbon", service="carbon",
        parcels=["P1"], year_from=2026, year_to=2030, standard="synthetic", document="d",
    )  # fmt: skip
    book.ledger.pledge(
        "C-1", holder="village", creditor="bank", quantity=5, end="2030-06-30", document="d"
    )
    return book


def test_the_three_lists_and_the_calendar(listed: Book) -> None:
    lists = listed.lists(at=DAY, gap_m=0)
    assert [entry.title.zh for entry in lists.values()] == [
        "资源清单",
        "产权清单",
        "项目清单",
        "到期日历",
    ]
    resources = lists["resources"].titled("zh")
    assert list(resources["地块编号"]) == ["P1", "P2", "P3"]
    assert list(resources["管控要求"]) == ["公益林", "", ""]
    assert list(resources["资源类型"]) == ["林地"] * 3
    assert list(resources["状态"]) == ["已整合", "已整合", "已调查"]
    assert resources["面积（公顷）"].iloc[2] == 3
    assert isinstance(resources, geopandas.GeoDataFrame)
    rights = lists["rights"].titled("en")
    assert list(rights["Mode"]) == ["Lease", "Lease", ""]
    assert rights["Encumbrances"][0] == "抵押 a bank 2040-12-31"
    projects = lists["projects"].frame.iloc[0]
    assert (projects["parcels"], projects["parts"], projects["term_years"]) == (2, 1, 19)
    assert projects["area_ha"] == pytest.approx(listed.parcels["area_ha"][:2].sum())
    assert lists["projects"].titled("zh")["拟定用途"][0] == "林下经济"
    expiry = lists["expiry"].frame
    assert list(expiry["subject"]) == [
        "pledge",
        "encumbrance",
        "deposit",
        "deposit",
        "package",
        "right",
        "right",
        "right",
    ]
    assert list(expiry["end"]) == sorted(expiry["end"])
    assert expiry["days_left"][0] == (dt.date(2030, 6, 30) - DAY).days
    assert lists["expiry"].titled("zh")["到期事项"][0] == "台账质押"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_lists_are_layers_of_a_geopackage(listed: Book, tmp_path: Path, lang: str) -> None:
    path = listed.write_geopackage(tmp_path / "lists.gpkg", at=DAY, gap_m=0, lang=lang)
    names = [entry.title[lang] for entry in listed.lists(at=DAY, gap_m=0).values()]
    assert set(geopandas.list_layers(path)["name"]) == set(names)
    frame = geopandas.read_file(path, layer=names[0])
    assert frame.crs.to_epsg() == 4490
    assert frame.geometry[0].equals_exact(square(0), 0)
    projects = geopandas.read_file(path, layer=names[2])
    assert areas_ha([projects.geometry[0]], projects.crs)[0] == pytest.approx(
        listed.parcels["area_ha"][:2].sum(), rel=1e-6
    )
    assert len(geopandas.read_file(path, layer=names[3])) == 8
    refused("the file exists already", listed.write_geopackage, path, at=DAY, gap_m=0)
    listed.write_geopackage(path, at=DAY, gap_m=0, lang=lang, overwrite=True)
    refused(
        "lang is zh or en", listed.write_geopackage, tmp_path / "x.gpkg", at=DAY, gap_m=0, lang="fr"
    )
    assert [p.name for p in tmp_path.iterdir() if "lists" in p.name] == ["lists.gpkg"]


def test_an_empty_book_has_empty_lists(book: Book, tmp_path: Path) -> None:
    path = book.write_geopackage(tmp_path / "lists.gpkg", at=DAY, gap_m=0)
    assert len(geopandas.list_layers(path)) == 4
    assert len(book.ledger.balances()) == len(book.ledger.claims()) == len(book.flows()) == 0
    refused("no parcel with an area", book.zones)


def test_a_list_that_fails_leaves_what_was_there(
    listed: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = listed.write_geopackage(tmp_path / "lists.gpkg", at=DAY, gap_m=0)
    before = path.read_bytes()
    from gep.realization import book_lists

    def fail(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr(book_lists, "_write_table", fail)
    with pytest.raises(OSError):  # noqa: PT011
        listed.write_geopackage(path, at=DAY, gap_m=0, overwrite=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if "lists" in p.name] == ["lists.gpkg"]


# --------------------------------------------------------------------------------------- zones


def test_zones_are_parcels_with_an_area(listed: Book) -> None:
    zones = listed.zones()
    assert list(zones.columns) == ["id", "name", "geometry"]
    assert list(zones["id"]) == ["P1", "P2"]
    assert list(zones["name"]) == ["P1", "P2"]  # no name: the id
    assert list(listed.zones(["P2"])["id"]) == ["P2"]
    found = refused("there is no parcel 'P9'", listed.zones, ["P3", "P9"])
    assert "parcel P3 is no area on the map" in found
    assert not np.isnan(listed.parcels["area_ha"]).any()
