"""The accounts of the standards agree with the plain twin to 1e-9, by service and township.

The twin is written from descriptions of the methods, not from the rule files: a formula that is
wrong in a rule file shows here, in every quantity and in money.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import twin_standards as twin

pytestmark = pytest.mark.once

TOLERANCE = 1e-9

# What is compared, by standard. A service that is missing here fails a test below.
PRODUCTS = "crops forestry livestock fishery"
COMPARED = {
    "mee_2020": f"{PRODUCTS} water_supply hydropower other_energy other_products "
    "water_retention soil_retention sand_fixation flood_mitigation carbon_sequestration "
    "oxygen_release air_purification water_purification climate_regulation "
    "species_conservation tourism landscape_premium",
    "cn_2022": f"{PRODUCTS} other_products water_retention soil_retention sand_fixation "
    "flood_mitigation air_purification water_purification carbon_sequestration "
    "climate_regulation noise_attenuation tourism recreation landscape_premium",
    "zhejiang_2020": f"{PRODUCTS} water_supply hydropower other_energy other_products "
    "water_retention soil_retention flood_mitigation air_purification water_purification "
    "carbon_sequestration oxygen_release climate_regulation negative_ions tourism "
    "landscape_premium",
    "lishui_2020": f"{PRODUCTS} water_supply hydropower other_energy other_products "
    "water_retention soil_retention flood_mitigation air_purification water_purification "
    "carbon_sequestration oxygen_release climate_regulation negative_ions "
    "species_conservation pest_control tourism landscape_premium",
    "shenzhen_2021": f"{PRODUCTS} water_supply water_retention soil_retention "
    "flood_mitigation air_purification water_purification carbon_sequestration "
    "oxygen_release climate_regulation noise_attenuation tourism recreation "
    "landscape_premium",
    "beijing_2022": f"{PRODUCTS} other_products water_retention soil_retention "
    "sand_fixation flood_mitigation air_purification water_purification "
    "carbon_sequestration climate_regulation noise_attenuation tourism recreation "
    "landscape_premium",
    "jiangxi_2021": f"{PRODUCTS} water_supply hydropower other_energy other_products "
    "water_retention soil_retention flood_mitigation air_purification water_purification "
    "carbon_sequestration oxygen_release climate_regulation negative_ions tourism "
    "landscape_premium",
    "shandong_2022": f"{PRODUCTS} water_supply hydropower other_energy water_retention "
    "soil_retention sand_fixation flood_mitigation air_purification water_purification "
    "carbon_sequestration oxygen_release climate_regulation species_conservation tourism "
    "recreation",
    "gbt_46869_2025": f"{PRODUCTS} water_retention soil_retention sand_fixation "
    "flood_mitigation air_purification water_purification carbon_sequestration "
    "climate_regulation tourism recreation landscape_premium imported_products",
    "gbt_38582_2020": "forestry soil_retention nutrient_retention water_retention "
    "water_purification carbon_sequestration oxygen_release negative_ions "
    "air_purification species_conservation tourism",
    "xie_2015": "food_production raw_materials equivalent_water_supply gas_regulation "
    "equivalent_climate_regulation environment_purification hydrological_regulation "
    "soil_conservation nutrient_cycling biodiversity_maintenance aesthetic_landscape",
}
ALL = [(standard, service) for standard, text in COMPARED.items() for service in text.split()]
# The county gives the rainfall erosivity itself, and it lacks what two variants of floods need.
NOT_COMPARED = {
    "rainfall_erosivity_half_month",
    "rainfall_erosivity_monthly",
    "rainfall_erosivity_wischmeier",
    "flood_mitigation_by_regression",
    "flood_mitigation_with_mire_soil",
}


@pytest.fixture(scope="module")
def county() -> twin.County:
    return twin.County()


@pytest.fixture(scope="module")
def expected(county: twin.County) -> dict[str, twin.Account]:
    return {name: standard(county) for name, standard in twin.STANDARDS.items()}


@pytest.fixture(scope="module")
def variants(county: twin.County) -> dict[str, twin.Account]:
    return twin.variants(county)


@pytest.fixture(scope="module")
def accounts(county: twin.County, variants: dict[str, twin.Account]) -> Mapping[str, Any]:
    """All standards and variants, in one comparison over the same data."""
    import gep

    project = gep.Project.build(county.folder, **county.project)
    return gep.compare(project, [*COMPARED, *variants]).accounts


def disagreements(account: Any, service: str, lines: twin.Lines, zones: list[str]) -> list[str]:
    """Say in which lines and townships of a service the engine and the twin differ."""
    table = account.table[account.table["service"] == service]
    units = set(table["unit"])
    if units != {line.unit for line in lines}:
        return [f"{service}: units {units}, the twin has {[line.unit for line in lines]}"]
    sums = table.groupby(["unit", "zone"])[["quantity", "value"]].sum()
    wrong = []
    for line in lines:
        found = sums.loc[line.unit].reindex(zones)
        for column, wanted in (("quantity", line.quantity), ("value", line.value)):
            if wanted is None:
                continue
            largest = np.abs(wanted).max()
            assert largest > 0, f"{service}: the twin found nothing, there is nothing to compare"
            off = np.abs(found[column].to_numpy() - wanted) - TOLERANCE * np.abs(wanted)
            for n in np.flatnonzero(~(off <= TOLERANCE * 1e-3 * largest)):
                is_, should = found[column].iloc[n], wanted[n]
                where = f"{service} {column} [{line.unit}] in {zones[n]}"
                wrong.append(f"{where}: {is_!r}, the twin has {should!r}, ratio {is_ / should}")
    return wrong


@pytest.mark.parametrize("standard", COMPARED)
def test_every_computed_service_is_compared(
    standard: str, accounts: Mapping[str, Any], expected: dict[str, twin.Account]
) -> None:
    computed = set(accounts[standard].table["service"])
    assert computed == set(COMPARED[standard].split()) == set(expected[standard])
    assert set(accounts[standard].not_computed) <= {"coastal_protection"}  # there is no coast


@pytest.mark.parametrize(("standard", "service"), ALL)
def test_engine_and_twin_agree(
    standard: str,
    service: str,
    county: twin.County,
    accounts: Mapping[str, Any],
    expected: dict[str, twin.Account],
) -> None:
    lines = expected[standard][service]
    assert disagreements(accounts[standard], service, lines, county.zones) == []


@pytest.mark.parametrize("standard", COMPARED)
def test_township_totals_agree(
    standard: str,
    county: twin.County,
    accounts: Mapping[str, Any],
    expected: dict[str, twin.Account],
) -> None:
    wanted = sum(line.value for lines in expected[standard].values() for line in lines)
    found = accounts[standard].total(by="zone").set_index("zone")["value"][county.zones]
    np.testing.assert_allclose(found.to_numpy(), wanted, rtol=TOLERANCE)


def test_variants_agree(
    county: twin.County, accounts: Mapping[str, Any], variants: dict[str, twin.Account]
) -> None:
    wrong = [
        f"{name}: {text}"
        for name, account in variants.items()
        for service, lines in account.items()
        for text in disagreements(accounts[name], service, lines, county.zones)
    ]
    assert wrong == []


@pytest.mark.parametrize("standard", COMPARED)
def test_every_variant_is_compared(standard: str, variants: dict[str, twin.Account]) -> None:
    path = twin.ROOT / "models" / "standards" / standard / "standard.toml"
    offered = tomllib.loads(path.read_text("utf-8")).get("variants", {})
    named = {part for name in variants for part in name.split("+") if name.startswith(standard)}
    assert {v for found in offered.values() for v in found} - NOT_COMPARED == named - {standard}


@pytest.mark.parametrize("standard", ["mee_2020", "cn_2022"])
def test_capacity_and_demand_of_purification_agree(
    standard: str, county: twin.County, accounts: Mapping[str, Any]
) -> None:
    third = {"mee_2020": "tn", "cn_2022": "nh3n"}[standard]
    table = accounts[standard].supply_and_demand.set_index(["unit", "zone"])
    for column, rule in (("capacity", "capacity"), ("demand", "emission"), ("flow", "smaller")):
        lines = twin.air_purification(county, twin.all_air(county), rule)
        levies = twin.one_levy(county, "water", "cod", third, "tp")
        for line in [*lines, *twin.water_purification(county, levies, rule)]:
            found = table.loc[line.unit].loc[county.zones, column].to_numpy()
            np.testing.assert_allclose(found, line.quantity, rtol=TOLERANCE, err_msg=line.unit)


def test_the_comparison_can_fail(
    county: twin.County, accounts: Mapping[str, Any], expected: dict[str, twin.Account]
) -> None:
    (line,) = expected["mee_2020"]["water_retention"]
    value = line.value.copy()
    value[3] *= 1 + 3e-9
    wrong = [line._replace(value=value)]
    (text,) = disagreements(accounts["mee_2020"], "water_retention", wrong, county.zones)
    assert text.startswith(f"water_retention value [m³/yr] in {county.zones[3]}: ")
    shifted = [line._replace(unit="km³/yr")]
    (text,) = disagreements(accounts["mee_2020"], "water_retention", shifted, county.zones)
    assert "units {'m³/yr'}" in text


def test_the_twin_uses_no_engine() -> None:
    text = (twin.ROOT / "tests" / "twin_standards.py").read_text("utf-8")
    lines = [line.strip() for line in text.splitlines()]
    assert not any(line.startswith(("import gep", "from gep")) for line in lines)
