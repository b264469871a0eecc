"""The parcels' flows come from the account: parcels are small zones of a project."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from synthetic_records import OFFICE, parcels, square

from gep.account import Account, Project
from gep.errors import DataError
from gep.realization.book import Book
from gep.realization.book_account import parcel_account

COUNTY = Path(__file__).resolve().parents[2] / "examples" / "county"
SERVICES = ["water_retention", "carbon_sequestration"]


@pytest.fixture(scope="module")
def townships() -> geopandas.GeoDataFrame:
    return geopandas.read_file(COUNTY / "townships.gpkg")


@pytest.fixture(scope="module")
def county() -> Account:
    """The county by its own townships."""
    return Project.load(COUNTY / "county.toml").run()


@pytest.fixture
def bank(tmp_path: Path, townships: geopandas.GeoDataFrame) -> Any:
    """The first township cut into two parcels, the second as one, and a carbon right over it."""
    first, second = townships.geometry[:2]
    west, south, east, north = first.bounds
    middle = (west + east) / 2
    shapes = {
        "W": first.intersection(shapely.box(west, south, middle, north)),
        "E": first.intersection(shapely.box(middle, south, east, north)),
        "T": second,
        "C": second,
    }
    frame = parcels(
        shapes, asset_type=["林地", "林地", "林地", "碳汇"], name=["west", None, None, None]
    )
    with Book.create(tmp_path / "book.gpkg", crs=4490, title="Synthetic") as book:
        book.import_parcels(frame, office=OFFICE)
        yield book


def test_parcels_give_what_their_township_gives(bank: Book, county: Account) -> None:
    account = parcel_account(
        COUNTY / "county.toml", bank, parcels=["W", "E", "T"], services=SERVICES
    )
    key = bank.set_flows(account)
    flows = bank.flows()
    assert set(flows["account"]) == {key}
    assert set(flows["parcel_id"]) == {"W", "E", "T"}
    of = {"W": "990001", "E": "990001", "T": "990002"}
    own = flows.assign(zone=flows["parcel_id"].map(of)).groupby(["zone", "service"])
    whole = county.table[county.table["service"].isin(SERVICES)].groupby(["zone", "service"])
    for column in ("quantity", "value"):
        expected = whole[column].sum().loc[["990001", "990002"]]
        # to the tiny sliver that cutting a polygon at new points leaves
        pd.testing.assert_series_equal(own[column].sum(), expected, rtol=1e-6)
    row = flows.iloc[0]
    assert (row["year"], row["price_year"], row["currency"], row["standard"]) == (
        2020,
        2020,
        "CNY",
        "rcees_2017",
    )
    assert row["verified"] in ("full_text", "secondary", "recalled")


def test_what_is_known_by_township_alone_is_named_and_not_shared(bank: Book) -> None:
    account = parcel_account(COUNTY / "county.toml", bank, parcels=["W"])
    lacking = {k: v for k, v in account.not_computed.items() if v}
    assert lacking["crops"] == ("crop_net_output",)
    assert "tourism" in lacking
    assert not {"crops", "tourism"} & set(account.table["service"])
    assert {"water_retention", "soil_retention", "carbon_sequestration"} <= set(
        account.table["service"]
    )
    assert "known by the project's own zones: statistics" in account.provenance["notes"]


def test_services_that_are_asked_for_and_lack_data_are_named(bank: Book) -> None:
    account = parcel_account(
        COUNTY / "county.toml", bank, parcels=["W"], services=["crops", *SERVICES]
    )
    assert account.not_computed["crops"] == ("crop_net_output",)
    assert set(account.table["service"]) == set(SERVICES)
    with pytest.raises(DataError, match="no service can be computed for parcels") as caught:
        parcel_account(COUNTY / "county.toml", bank, parcels=["W"], services=["crops"])
    assert "crops: lacks crop_net_output" in str(caught.value)
    with pytest.raises(DataError, match="no service 'clean_air'"):
        parcel_account(COUNTY / "county.toml", bank, parcels=["W"], services=["clean_air"])


def test_two_rights_over_one_piece_of_land_are_two_accounts(bank: Book) -> None:
    with pytest.raises(DataError, match="parcels overlap") as caught:
        parcel_account(COUNTY / "county.toml", bank, services=SERVICES)
    assert "T and C" in str(caught.value)
    for names in (["T"], ["C"]):
        bank.set_flows(
            parcel_account(COUNTY / "county.toml", bank, parcels=names, services=SERVICES)
        )
    values = bank.flows().groupby("parcel_id")["value"].sum()
    assert values["T"] == values["C"] > 0


def test_a_project_without_a_map_knows_no_parcels(bank: Book) -> None:
    with pytest.raises(DataError, match="no land-cover map"):
        parcel_account(COUNTY / "county_tables.toml", bank, parcels=["W"])


def test_inputs_of_the_old_zones_are_left_out(bank: Book, tmp_path: Path) -> None:
    """A table with a column of zones, and a total that was one zone's."""
    text = (COUNTY / "county.toml").read_text("utf-8")
    for name in (
        "townships.gpkg",
        "land_cover.tif",
        "npp.tif",
        "carbon_sequestration.tif",
        "et.tif",
    ):
        text = text.replace(f'"{name}"', f'"{COUNTY / name}"')
    head, _, _ = text.partition("[inputs]")
    table = tmp_path / "rain.csv"
    table.write_text("zone,ecosystem,value\n990001,evergreen_broadleaf_forest,1345\n", "utf-8")
    (tmp_path / "p.toml").write_text(
        f"""{head}
[inputs]
precipitation = {{ table = "rain.csv", unit = "mm/yr" }}
evapotranspiration = {{ file = "{COUNTY / "et.tif"}", unit = "mm/yr" }}
carbon_sequestration_rate = {{ file = "{COUNTY / "carbon_sequestration.tif"}", unit = "tC/(hm²·yr)" }}
visitors = {{ value = 1000, unit = "人次/yr" }}
""",
        "utf-8",
    )
    account = parcel_account(tmp_path / "p.toml", bank, parcels=["W"])
    notes = [n.rpartition(": ")[2] for n in account.provenance["notes"] if "own zones" in n]
    assert notes == ["precipitation", "visitors"]
    assert "precipitation" in account.not_computed["water_retention"]
    assert set(account.table["service"]) == {"carbon_sequestration"}


# ---------------------------------------------------------------------------------- kept flows


def stub(year: int, value: float | None, zone: str = "P1", price: int = 2020) -> Any:
    """An account of one number."""
    row = {
        "zone": zone, "zone_name": zone, "ecosystem": "forest", "service": "own_service", "indicator": "Q",
        "quantity": np.nan, "unit": "t/yr", "value": np.nan if value is None else value, "currency": "CNY",
        "price_year": price, "covered": 0.5, "verified": "recalled",
    }  # fmt: skip
    table = pd.DataFrame([row])
    table["price_year"] = table["price_year"].astype("Int64")
    provenance = {
        "title": "synthetic", "year": year, "price_year": price, "standard": {"id": "own_2020"},
        "zones": {zone: zone}, "value": value,
    }  # fmt: skip
    return SimpleNamespace(table=table, provenance=provenance)


def test_flows_are_kept_on_both_databases_and_missing_stays_missing(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0), "P2": square(1)}), office=OFFICE)
    first = book.set_flows(stub(2020, None))
    assert book.set_flows(stub(2020, None)) == first  # the same account is the same
    row = book.flows().iloc[0]
    assert np.isnan(row["quantity"])
    assert np.isnan(row["value"])
    assert row["covered"] == 0.5
    second = book.set_flows(stub(2020, 7.5))
    book.set_flows(stub(2021, 8.0))
    book.set_flows(stub(2020, 1.0, zone="P2"))
    flows = book.flows().set_index(["parcel_id", "year"])["value"]
    assert flows.to_dict() == {("P1", 2020): 7.5, ("P1", 2021): 8.0, ("P2", 2020): 1.0}
    assert list(book.flows(first)["account"]) == [first]
    assert list(book.flows(second)["value"]) == [7.5]
    with pytest.raises(DataError, match="no such account"):
        book.flows("x")


def test_an_account_of_other_zones_is_refused(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0)}), office=OFFICE)
    with pytest.raises(DataError, match="are no parcels of the book") as caught:
        book.set_flows(stub(2020, 1.0, zone="990001"))
    assert "990001" in str(caught.value)


def test_a_unit_names_the_account_that_it_rests_on(book: Book) -> None:
    book.import_parcels(parcels({"P1": square(0)}), office=OFFICE)
    key = book.set_flows(stub(2026, 7.5))
    book.ledger.issue(
        "G-1", holder="village", quantity="7.5", unit="CNY", right_type="service", service="own_service",
        parcels=["P1"], year_from=2026, year_to=2026, standard="own_2020", document="d", account=key,
    )  # fmt: skip
    assert list(book.ledger.units()["account"]) == [key]
