"""What an account says of itself: what it rests on, capacity and demand, coverage, providers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny

import gep
from gep.errors import DataError

STATISTICS = ["zone", "quantity", "item", "value", "unit", "year", "source"]


def extent(**areas: float) -> pd.DataFrame:
    rows = [("county", ecosystem, area, "km²") for ecosystem, area in areas.items()]
    return pd.DataFrame(rows, columns=["zone", "ecosystem", "area", "unit"])


def build(standard: str, areas: dict[str, float], inputs: Any, **more: Any) -> gep.Project:
    return gep.Project.build(
        title="Tables",
        standard=standard,
        year=2020,
        price_year=2020,
        price_index="cn_cpi",
        extent={"file": extent(**areas)},
        inputs={name: {"value": v, "unit": u} for name, (v, u) in inputs.items()},
        **more,
    )


EMISSIONS = {
    "sulfur_dioxide_emission": (900.0, "tSO2/yr"),
    "nitrogen_oxides_emission": (10.0, "tNOx/yr"),
    "dust_emission": (40.0, "tdust/yr"),
}


def test_an_account_rests_on_the_rows_of_the_classes_that_it_has() -> None:
    """The wetland row of the table is recalled, the forest row is quoted elsewhere."""
    given = {"standard_equivalent_value": (2000.0, "CNY/(hm²·yr)")}
    forest = build("xie_2008", {"forest": 10.0}, given).run()
    assert set(forest.table["verified"]) == {"secondary"}
    wet = build("xie_2008", {"forest": 10.0, "wetland": 1.0}, given).run()
    assert set(wet.table["verified"]) == {"recalled"}
    assert forest.rests_on().to_dict() == {"full_text": 0, "secondary": 1, "recalled": 0}
    assert "secondary 100.0%" in repr(forest)


def test_capacity_demand_and_flow_stand_apart() -> None:
    project = build("mee_2020", {"mixed_forest": 20.0}, EMISSIONS, services=["air_purification"])
    account = project.run()
    table = account.supply_and_demand.set_index("indicator")
    # 152.13, 6 and 21660 kg on a hectare of mixed forest, 2000 ha
    assert table.loc["Q_S", ["capacity", "demand", "flow"]].tolist() == [
        pytest.approx(304.26), 900.0, pytest.approx(304.26),
    ]  # fmt: skip
    assert table.loc["Q_N", ["capacity", "demand", "flow"]].tolist() == [
        pytest.approx(12.0), 10.0, 10.0,
    ]  # fmt: skip
    assert set(table["unit"]) == {"tSO2/yr", "tNOx/yr", "tdust/yr"}
    # neither is in the account, and the flow is valued at levy over equivalent
    assert set(account.table["indicator"]) == {"Q_S", "Q_N", "Q_D"}
    assert "C_S" not in set(account.table["indicator"])
    assert account.why("air_purification").lines()


def test_an_account_without_such_rules_has_no_supply_and_demand() -> None:
    given = {"standard_equivalent_value": (2000.0, "CNY/(hm²·yr)")}
    assert build("xie_2008", {"forest": 10.0}, given).run().supply_and_demand.empty


def test_a_price_of_a_rectangle_goes_through_the_index() -> None:
    levy = {"from": "taxes/environmental_tax.air", "row": "beijing"}
    project = build(
        "mee_2020",
        {"mixed_forest": 20.0},
        EMISSIONS,
        services=["air_purification"],
        coefficients={"mee_2020/prices.air_levy": levy},
    )
    row = project.run().provenance["services"]["air_purification"]["coefficients"]["l"]["rows"][""]
    assert row["price_year"] == 2018
    assert row["index_factor"] > 1
    assert row["value"] == pytest.approx(12 * row["index_factor"])
    assert row["verified"] == "secondary"


def test_a_service_that_only_provides_a_quantity_is_not_counted() -> None:
    given = {"net_ecosystem_production": (2.0, "tC/(hm²·yr)")}
    project = build("mee_2020", {"forest": 10.0}, given, services=["oxygen_release"])
    account = project.run()
    assert list(account.provenance["services"]) == ["oxygen_release"]
    assert list(account.provenance["supporting"]) == ["carbon_sequestration"]
    assert account.not_computed["carbon_sequestration"] == ()
    # 2 t of carbon × 44/12 × 32/44 on 1000 ha
    assert float(account.dataset["oxygen_release.Q"].sum()) == pytest.approx(2 * 32 / 12 * 1000)


def test_inputs_inside_a_zone_total_are_told(tmp_path: Path) -> None:
    rates = {
        "cod_purification_rate": (100.0, "tCOD/(km²·yr)"),
        "total_nitrogen_purification_rate": (8.0, "tTN/(km²·yr)"),
        "total_phosphorus_purification_rate": (8.0, "tTP/(km²·yr)"),
        "cod_emission": (500.0, "tCOD/yr"),
        "total_nitrogen_emission": (20.0, "tTN/yr"),
        "total_phosphorus_emission": (2.0, "tTP/yr"),
    }
    project = build("mee_2020", {"mire": 3.0}, rates, services=["water_purification"])
    account = project.run()
    assert set(account.provenance["quantities"]) == set(rates)
    assert not account.provenance["warnings"]
    assert "COD" in str(account.why("water_purification"))
    assert gep.Account.load(account.save(tmp_path / "out")).supply_and_demand.equals(
        account.supply_and_demand
    )


def test_coverage_of_a_zone_total_counts_area_without_land_cover(tmp_path: Path) -> None:
    """A quarter of the zone has no land cover: what by_zone adds up is known for the rest only."""
    codes = np.ones((16, 16), dtype=int)
    codes[:, :4] = 0
    land = tiny.write_raster(tmp_path / "land.tif", codes, nodata=0)
    zones = tiny.write_zones(tmp_path / "zones.gpkg", {"a": tiny.rectangle((16, 16))})
    inputs = {"vegetation_cover": {"value": 50, "unit": "%"}}
    standard = tiny.write_standard(tmp_path, ["cleaning"])
    statistics = [("a", "sulfur_dioxide_emission", 9e7, "tSO2/yr")]
    tables = tiny.project(tmp_path, land, zones, inputs, standard=standard, statistics=statistics)
    account = tiny.run(tables)
    assert account.table["covered"].tolist() == [pytest.approx(0.75)]


def test_money_of_a_year_and_of_a_stock_is_not_added(tmp_path: Path) -> None:
    stock = tiny.SERVICES["visits"].replace('unit = "CNY/yr"', 'unit = "CNY"')
    stock = stock.replace('formula = "Q * c"', 'formula = "Q * c * n"').replace(
        "[inputs]\n", '[inputs]\nn = { is = "biomass_period", unit = "yr" }\n'
    )
    stock = stock.replace("N = 10, c = 5", "N = 10, c = 5, n = 1")
    home = tiny.write_standard(tmp_path, ["visits"], own={"asset": stock})
    table = pd.DataFrame([("all", "visitors", "", 9, "人次/yr", 2020, "t")], columns=STATISTICS)
    frame = pd.DataFrame(
        [("all", "forest", 1, "km²")], columns=["zone", "ecosystem", "area", "unit"]
    )
    tables = {
        "title": "Both",
        "standard": str(home),
        "year": 2020,
        "price_year": 2020,
        "extent": {"file": frame},
        "statistics": {"file": table},
        "inputs": {"biomass_period": {"value": 20, "unit": "yr"}},
    }
    with pytest.raises(DataError, match="a year and values of a stock cannot be added"):
        gep.Project.build(**tables).run()
    alone = gep.Project.build(**tables, services=["asset"]).run()
    assert alone.total(())["value"].iloc[0] == 9 * 133 * 20


def test_why_tells_the_price_of_every_member_and_not_its_sum_over_area() -> None:
    rows = []
    numbers = {"near": (100.0, 5.0, 10.0), "far": (10.0, 40.0, 200.0)}
    units = {"origin_visits": "人次/yr", "travel_time": "h/人次", "transport_cost": "CNY/人次"}
    for origin, values in numbers.items():
        given = dict(zip(units, values, strict=True))
        given |= {"hourly_wage": 20.0, "lodging_food_cost": 0.0, "ticket_cost": 0.0}
        for name, value in given.items():
            unit = units.get(name, "CNY/h" if name == "hourly_wage" else "CNY/人次")
            rows.append(("county", name, origin, value, unit, 2020, "test"))
    statistics = {"file": pd.DataFrame(rows, columns=STATISTICS)}
    project = build("mee_2020", {"forest": 10.0}, {}, services=["tourism"], statistics=statistics)
    told = str(project.run().why("tourism"))
    assert "near: 110 CNY/人次" in told
    assert "far: 1,000 CNY/人次" in told
    assert "m²" not in told
