"""A number that stands in several tables is the same in all of them, and follows its own rule.

Every fact has one home; where a standard's table or a list of values met repeats it, the repeat is
reconciled here. Addresses are ``folder/table.item`` for list tables, ``folder/table.column`` and
the key of the row in brackets for rectangles.
"""

from __future__ import annotations

import functools
import itertools
import re

import pytest

from gep import library
from gep.tables import Entry, Table, load_table

ROOT = library.data_root("coefficients")

#: The home of a fact, then its repeats.
REPEATS = [
    # masses of pollution equivalents, and what is levied on them
    *(
        (f"taxes/pollution_equivalents.{item}", f"mee_2020/parameters.{item}")
        for item in (
            "so2_equivalent",
            "nox_equivalent",
            "dust_equivalent",
            "cod_equivalent",
            "nh3n_equivalent",
            "tp_equivalent",
        )
    ),
    ("taxes/environmental_tax.air[statutory_minimum]", "mee_2020/prices.air_levy"),
    ("taxes/environmental_tax.water[statutory_minimum]", "mee_2020/prices.water_levy"),
    ("taxes/environmental_tax.air[shandong]", "shandong_2022/prices.air_levy"),
    ("taxes/environmental_tax.water[shandong]", "shandong_2022/prices.water_levy"),
    ("taxes/environmental_tax.air[statutory_minimum]", "shandong_2022/prices.air_levy_other"),
    ("taxes/environmental_tax.water[statutory_minimum]", "shandong_2022/prices.water_levy_other"),
    # the carbon market
    ("carbon/market.closing", "cn_2022/prices.carbon"),
    # the account of Garzê
    ("rcees_2017/prices.reservoir_capacity", "mee_2020/prices.reservoir_capacity"),
    ("rcees_2017/prices.reservoir_capacity", "world/reservoir_cost.garze_2010"),
    ("rcees_2017/prices.dredging", "mee_2020/prices.dredging", "world/dredging_cost.garze_2010"),
    ("rcees_2017/prices.sand_control", "mee_2020/prices.sand_control"),
    ("rcees_2017/prices.sand_control", "world/sand_control_cost.garze_2010"),
    ("rcees_2017/prices.electricity", "mee_2020/prices.electricity"),
    ("rcees_2017/prices.electricity", "world/electricity_price.garze_2010"),
    ("rcees_2017/prices.carbon_afforestation", "mee_2020/prices.carbon"),
    ("rcees_2017/prices.carbon_afforestation", "world/carbon_price.garze_2010"),
    ("rcees_2017/prices.oxygen_industrial", "mee_2020/prices.oxygen"),
    ("rcees_2017/prices.oxygen_industrial", "world/oxygen_price.garze_2010"),
    *(
        (
            f"rcees_2017/prices.water_{use}",
            f"mee_2020/prices.water_{use}",
            f"world/water_price.{use}_2010",
        )
        for use in ("domestic", "industrial", "agricultural")
    ),
    *(
        (f"rcees_2017/prices.pest_control_{where}", f"world/pest_control_cost.{where}_2010")
        for where in ("forest", "grassland")
    ),
    *(
        (f"rcees_2017/prices.{item}_treatment", f"world/treatment_cost.{short}_garze_2010")
        for item, short in (
            ("sulfur_dioxide", "so2"),
            ("nitrogen_oxides", "nox"),
            ("dust", "dust"),
            ("cod", "cod"),
            ("ammonia_nitrogen", "nh3n"),
            ("nitrogen", "nitrogen"),
            ("phosphorus", "phosphorus"),
        )
    ),
    *(
        (f"rcees_2017/parameters.{item}", f"mee_2020/parameters.{item}")
        for item in (
            "silt_coefficient",
            "soil_nitrogen",
            "soil_phosphorus",
            "sand_bulk_density",
            "sand_cover_depth",
            "reservoir_flood_share",
            "efficiency_ratio",
            "water_density",
            "latent_heat",
            "co2_per_carbon",
            "oxygen_per_carbon",
        )
    ),
    *(
        (f"rcees_2017/parameters.lake_{item}", f"lakes/regions.{item}[qinghai_tibet]")
        for item in ("intercept", "exponent", "exchanges")
    ),
    ("rcees_2017/parameters.soil_bulk_density", "world/soil.density_garze"),
    ("rcees_2017/parameters.soil_nitrogen", "world/soil.nitrogen_garze"),
    ("rcees_2017/parameters.soil_phosphorus", "world/soil.phosphorus_garze"),
    ("mee_2020/parameters.soil_bulk_density", "world/soil.density_youyang"),
    *(
        (f"rcees_2017/transpiration.heat[{row}]", f"mee_2020/transpiration.heat[{row}]")
        for row in ("forest", "shrub", "grassland", "wetland")
    ),
    *(
        (f"rcees_2017/ponding.depth[{row}]", f"mee_2020/ponding.depth[{row}]")
        for row in ("mire", "open_water", "flat")
    ),
    # the forest standards
    ("ly_t_1721_2008/prices.reservoir_capacity", "world/reservoir_cost.forest_standard_2005"),
    ("ly_t_1721_2008/prices.earth_moving", "world/dredging_cost.earth_moving_2005"),
    ("ly_t_1721_2008/prices.carbon", "world/carbon_price.forest_standard_2005"),
    ("ly_t_1721_2008/prices.oxygen", "world/oxygen_price.forest_standard_2005"),
    ("ly_t_1721_2008/prices.negative_ion", "world/negative_ion_value.forest_standard_2005"),
    ("ly_t_1721_2008/prices.diammonium_phosphate", "world/fertiliser_price.dap_2005"),
    ("ly_t_1721_2008/prices.potassium_chloride", "world/fertiliser_price.kcl_2005"),
    ("ly_t_1721_2008/prices.organic_matter", "world/fertiliser_price.organic_matter_2005"),
    *(
        (f"ly_t_1721_2008/prices.species_{index}", f"mee_2020/prices.species_{index}")
        for index in (
            "below_1",
            "1_to_2",
            "2_to_3",
            "3_to_4",
            "4_to_5",
            "5_to_6",
            "from_6",
        )
    ),
    ("ly_t_1721_2008/parameters.co2_per_dry_matter", "world/forest_carbon.co2_per_dry_matter"),
    ("gbt_46869_2025/parameters.carbon_fraction", "world/forest_carbon.carbon_fraction"),
    *(
        (f"mee_2020/air_capacity.{gas}[{row}]", f"gbt_38582_2020/air_absorption.{gas}[{row}]")
        for gas, rows in (
            ("so2", ("needleleaf_forest", "broadleaf_forest", "mixed_forest", "shrub")),
            ("nox", ("needleleaf_forest", "broadleaf_forest", "mixed_forest")),
            ("dust", ("needleleaf_forest", "broadleaf_forest", "mixed_forest", "shrub")),
        )
        for row in rows
    ),
    # runoff coefficients that the two tables in circulation share
    *(
        (f"rcees_2017/runoff.alpha[{row}]", f"mee_2020/runoff.alpha[{row}]")
        for row in (
            "deciduous_needleleaf_forest",
            "sparse_forest",
            "evergreen_broadleaf_shrub",
            "deciduous_broadleaf_shrub",
            "needleleaf_shrub",
            "sparse_shrub",
            "shrub",
            "meadow",
            "sparse_grassland",
            "wetland",
        )
    ),
    # support practices: the standard's table chooses from the papers
    ("world/support_practice.weibei[cropland]", "mee_2020/support_practice.factor[cropland]"),
    ("world/support_practice.huanghua[garden]", "mee_2020/support_practice.factor[garden]"),
    ("world/support_practice.meadow[town]", "mee_2020/support_practice.factor[town]"),
    # others
    ("shenzhen_2021/prices.electricity", "world/electricity_price.shenzhen_2020"),
    ("mee_2020/parameters.initial_abstraction", "invest_3/parameters.initial_abstraction"),
]

#: Repeats of a value alone: the price year or the substance differs on purpose.
SAME_VALUE = {
    ("shenzhen_2021/prices.reservoir_capacity", "world/reservoir_cost.shenzhen_2020"): (
        "a price of 2005 that the account of 2020 did not index"
    ),
    ("ly_t_1721_2008/prices.sulfur_dioxide_treatment", "world/treatment_cost.so2_garze_2010"): (
        "the account of 2010 did not index the forest standard's price of 2005"
    ),
    ("ly_t_1721_2008/prices.nitrogen_oxides_treatment", "world/treatment_cost.nox_garze_2010"): (
        "as above"
    ),
    ("ly_t_1721_2008/prices.dust_treatment", "world/treatment_cost.dust_garze_2010"): "as above",
    ("mee_2020/prices.nitrogen_fertiliser", "world/fertiliser_price.npk_2011"): (
        "one price of pure fertiliser for each of three substances"
    ),
    ("mee_2020/prices.phosphorus_fertiliser", "world/fertiliser_price.npk_2011"): "as above",
    ("mee_2020/prices.potassium_fertiliser", "world/fertiliser_price.npk_2011"): "as above",
}

#: Items of one name whose numbers differ between standards, with the reason.
DIFFERENT = {
    "air_levy": "the statutory minimum; the rate of Shandong",
    "carbon": "afforestation; the market; the forest standard, for a tonne of carbon",
    "electricity": "Garzê 2010; Shenzhen 2020",
    "erosive_rain": "each model of erosivity has its own threshold",
    "gravity": "9.81 in hydropower, 9.8 in wind erosion",
    "humidifier_energy": "two sources, 120 and 125",
    "loan_to_value": "each lender has its own",
    "multiple": "years of compensation: each place has its own",
    "nitrogen_treatment": "the levy before 2018; the statutory minimum since",
    "oxygen": "Garzê 2010; the forest standard",
    "premium_rate": "of a sale of land; of insured crops",
    "price": "what is sold differs: a quota of forest, a tonne of carbon",
    "purchase_rate": "of an increment; of a level",
    "stability": "each round of an agreement tightened it",
    "phosphorus_treatment": "the levy before 2018; the statutory minimum since",
    "reservoir_capacity": "2010; the forest standard of 2005, in four digits and in three",
    "soil_bulk_density": "Garzê; the tool of Youyang",
    "dust_treatment": "price years 2005 and 2010",
    "nitrogen_oxides_treatment": "price years 2005 and 2010",
    "sulfur_dioxide_treatment": "price years 2005 and 2010",
    "standard_equivalent": "two editions of the equivalent factors",
    "water_levy": "the statutory minimum; the rate of Shandong on the main pollutants",
}

ADDRESS = re.compile(r"(?P<table>[\w/]+)\.(?P<column>\w+)(\[(?P<row>\w+)\])?")


@functools.cache
def table(name: str) -> Table:
    return load_table(ROOT / f"{name}.csv", name)


def numbers(address: str) -> tuple[Entry, ...]:
    """Return what stands at an address, one entry for each price year."""
    found = ADDRESS.fullmatch(address)
    assert found, address
    home = table(found["table"])
    if home.shape == "list":
        assert found["row"] is None, address
        return home.dated[found["column"]]
    return (home.entries[found["column"]][(found["row"],)],)


def value(address: str) -> float:
    (entry,) = numbers(address)
    return entry.value


def listed() -> dict[str, list[tuple[str, Entry]]]:
    """Return the entries of all list tables of standards by item; the lists of values met apart."""
    found: dict[str, list[tuple[str, Entry]]] = {}
    for path in sorted(ROOT.glob("*/*.csv")):
        name = f"{path.parent.name}/{path.stem}"
        if path.parent.name == "world" or table(name).shape != "list":
            continue
        for item, entries in table(name).dated.items():
            found.setdefault(item, []).extend((name, entry) for entry in entries)
    return found


# ------------------------------------------------------------------------------------ repeats


@pytest.mark.parametrize("addresses", REPEATS, ids=" = ".join)
def test_a_repeat_is_its_home(addresses: tuple[str, ...]) -> None:
    home, *repeats = addresses
    for repeat in repeats:
        pairs = list(zip(numbers(home), numbers(repeat), strict=True))
        assert pairs
        for one, other in pairs:
            there = other.value * float(other.unit.factor_to(one.unit))
            assert there == pytest.approx(one.value, rel=1e-12), (home, repeat)
            assert other.price_year == one.price_year, (home, repeat)


@pytest.mark.parametrize("pair", SAME_VALUE, ids=" = ".join)
def test_a_value_taken_over_with_another_year_or_substance(pair: tuple[str, str]) -> None:
    one, other = (numbers(address)[0] for address in pair)
    assert one.value == other.value
    assert (one.price_year, str(one.unit)) != (other.price_year, str(other.unit))


def test_one_name_is_one_number_or_has_a_reason_not_to_be() -> None:
    differing = set()
    for item, entries in listed().items():
        for (here, one), (there, other) in itertools.combinations(entries, 2):
            same = (one.value, one.price_year, str(one.unit)) == (
                other.value,
                other.price_year,
                str(other.unit),
            )
            if here != there and not same:
                differing.add(item)
    assert differing == set(DIFFERENT)


# ------------------------------------------------------------------------------------ rules


@pytest.mark.parametrize(
    ("mass", "levy", "low", "high"),
    [
        ("so2", "air", 1263, 12632),
        ("nox", "air", 1263, 12632),
        ("dust", "air", 300, 3000),
        ("cod", "water", 1400, 14000),
        ("nh3n", "water", 1750, 17500),
        ("tp", "water", 5600, 56000),
    ],
)
def test_levy_over_equivalent_gives_the_range_of_costs(
    mass: str, levy: str, low: float, high: float
) -> None:
    equivalent = value(f"taxes/pollution_equivalents.{mass}_equivalent")  # kg
    for bound, cost in (("minimum", low), ("maximum", high)):
        rate = value(f"taxes/environmental_tax.{levy}[statutory_{bound}]")
        assert round(rate / equivalent * 1000) == cost


@pytest.mark.parametrize(
    ("mass", "levy", "cost"),
    [
        ("so2", 1.2, "sulfur_dioxide"),  # twice the levy of the others: see the note of the table
        ("nox", 0.6, "nitrogen_oxides"),
        ("dust", 0.6, "dust"),
        ("cod", 0.7, "cod"),
        ("nh3n", 0.7, "ammonia_nitrogen"),
        ("nh3n", 0.7, "nitrogen"),
        ("tp", 0.7, "phosphorus"),
    ],
)
def test_the_former_levy_gives_the_costs_of_garze(mass: str, levy: float, cost: str) -> None:
    derived = levy / value(f"taxes/pollution_equivalents.{mass}_equivalent") * 1000
    printed = value(f"rcees_2017/prices.{cost}_treatment")
    assert printed == pytest.approx(derived, rel=0.055)  # 1200 for 1263, 630 for 632
    if mass not in ("so2", "nox"):
        assert printed == pytest.approx(derived, rel=1e-12)


def test_nutrients_cost_the_least_levy_over_their_equivalent() -> None:
    levy = value("mee_2020/prices.water_levy")
    for item, mass in (("nitrogen", "nh3n"), ("phosphorus", "tp")):
        cost = levy / value(f"taxes/pollution_equivalents.{mass}_equivalent") * 1000
        assert value(f"mee_2020/prices.{item}_treatment") == pytest.approx(cost, rel=1e-12)
    assert value("mee_2020/parameters.tn_equivalent") == value(
        "taxes/pollution_equivalents.nh3n_equivalent"
    )


def test_every_province_levies_within_the_law() -> None:
    for levy in ("air", "water"):
        rates = table("taxes/environmental_tax").entries[levy]
        least, most = (rates[(f"statutory_{bound}",)].value for bound in ("minimum", "maximum"))
        assert all(least <= rate.value <= most for rate in rates.values())


def test_market_prices_follow_from_the_rise_that_was_reported() -> None:
    closing = {e.price_year: e.value for e in numbers("carbon/market.closing")}
    assert closing[2023] == pytest.approx(closing[2024] / 1.2275, abs=0.005)
    assert value("carbon/market.opening_first_day") == pytest.approx(
        closing[2024] / (1 + 1.031), abs=0.01
    )
    assert value("carbon/market.lowest_2024") <= closing[2024]
    assert closing[2024] <= value("carbon/market.highest_2024")


@pytest.mark.parametrize(
    ("address", "ratio", "tolerance"),
    [
        ("mee_2020/parameters.co2_per_carbon", 44 / 12, 1e-15),
        ("mee_2020/parameters.oxygen_per_co2", 32 / 44, 1e-15),
        ("mee_2020/parameters.oxygen_per_carbon", 32 / 12, 1e-15),
        ("mee_2020/parameters.carbon_per_dry_matter", 72 / 162, 1e-15),
        ("ly_t_1721_2008/parameters.carbon_per_co2", 12 / 44, 2e-4),
        ("ly_t_1721_2008/parameters.co2_per_dry_matter", 44 / 12 * 72 / 162, 3e-4),
        ("ly_t_1721_2008/parameters.oxygen_per_dry_matter", 192 / 162, 5e-3),
        ("world/forest_carbon.oxygen_per_dry_matter", 192 / 162, 2e-2),
        ("ly_t_1721_2008/parameters.minutes_per_year", 365 * 24 * 60, 1e-15),
        # totals over areas or prices
        ("shenzhen_2021/prices.reservoir_capacity", 117.19 / 19.18, 1e-3),
        ("shenzhen_2021/prices.electricity", 488.24 / 680.95, 1e-3),
        ("mee_2020/air_capacity.so2[needleleaf_forest]", 132200 / 613, 1e-3),
        ("mee_2020/air_capacity.so2[broadleaf_forest]", 208300 / 2350, 1e-3),
        ("mee_2020/air_capacity.so2[mixed_forest]", 195800 / 1287, 1e-3),
        ("mee_2020/air_capacity.so2[shrub]", 23900 / 260, 3e-3),
        ("mee_2020/air_capacity.dust[needleleaf_forest]", 20351600 / 613, 1e-9),
        ("mee_2020/air_capacity.dust[broadleaf_forest]", 23758500 / 2350, 1e-9),
        ("mee_2020/air_capacity.dust[mixed_forest]", 27876400 / 1287, 1e-6),
        ("mee_2020/air_capacity.dust[shrub]", 2964000 / 260, 1e-9),
        ("world/bamboo.so2", 19200 / 196, 1e-4),
        ("world/bamboo.dust", 4057200 / 196, 1e-9),
    ],
)
def test_a_quotient_is_its_quotient(address: str, ratio: float, tolerance: float) -> None:
    assert value(address) == pytest.approx(ratio, rel=tolerance)


def test_means_of_the_runoff_tables_are_means_of_their_rows() -> None:
    families = {
        "broadleaf_forest": ["evergreen_broadleaf_forest", "deciduous_broadleaf_forest"],
        "needleleaf_forest": ["evergreen_needleleaf_forest", "deciduous_needleleaf_forest"],
        "forest": [
            "evergreen_broadleaf_forest",
            "evergreen_needleleaf_forest",
            "mixed_forest",
            "deciduous_broadleaf_forest",
            "deciduous_needleleaf_forest",
        ],
        "shrub": ["evergreen_broadleaf_shrub", "deciduous_broadleaf_shrub", "needleleaf_shrub"],
    }
    grassland = {
        "rcees_2017": [
            "alpine_meadow",
            "alpine_steppe",
            "temperate_steppe",
            "temperate_tussock",
            "temperate_meadow_steppe",
            "tropical_tussock",
        ],
        "mee_2020": ["meadow", "steppe", "tussock"],
    }
    for folder, grass in grassland.items():
        for family, rows in {**families, "grassland": grass}.items():
            mean = sum(value(f"{folder}/runoff.alpha[{row}]") for row in rows) / len(rows)
            assert value(f"{folder}/runoff.alpha[{family}]") == pytest.approx(mean, rel=1e-9)


def test_means_of_the_practices_of_huanghua_are_as_its_text_says() -> None:
    factor = table("world/support_practice").entries["huanghua"]
    cropland, forest, grassland, desert = (
        factor[(row,)].value for row in ("cropland", "forest", "grassland", "desert")
    )
    assert factor[("garden",)].value == pytest.approx((cropland + forest) / 2, abs=0.0051)
    assert factor[("saline_land",)].value == pytest.approx((grassland + desert) / 2, abs=0.0051)


# ------------------------------------------------------------------------- printed tables, copied


#: Table A.1 of HJ 1173-2021, copied a second time: type, then C below 10, 30, 50, 70, 90 % and above.
COVER_FACTOR = """
forest       0.10 0.08 0.06 0.02  0.004 0.001
shrub        0.40 0.22 0.14 0.085 0.040 0.011
grassland    0.45 0.24 0.15 0.09  0.043 0.011
tree_garden  0.42 0.23 0.14 0.089 0.042 0.011
shrub_garden 0.40 0.22 0.14 0.087 0.042 0.011
paddy        0    0    0    0     0     0
wetland      0    0    0    0     0     0
town         0.01 0.01 0.01 0.01  0.01  0.01
desert       0.7  0.7  0.7  0.7   0.7   0.7
"""
#: Coefficients of the two runoff tables in %, copied a second time; - where one has no such type.
RUNOFF = """
evergreen_broadleaf_forest  4.65 2.67
evergreen_needleleaf_forest 4.52 3.02
mixed_forest                3.52 2.29
deciduous_broadleaf_forest  2.70 1.33
deciduous_needleleaf_forest 0.88 0.88
sparse_forest               19.20 19.20
evergreen_broadleaf_shrub   4.26 4.26
deciduous_broadleaf_shrub   4.17 4.17
needleleaf_shrub            4.17 4.17
sparse_shrub                19.20 19.20
alpine_meadow               8.20 -
meadow                      8.20 8.20
alpine_steppe               6.54 -
temperate_steppe            3.94 -
steppe                      -    4.78
temperate_tussock           9.37 -
tussock                     -    9.37
temperate_meadow_steppe     9.13 -
tropical_tussock            3.87 -
garden                      9.57 -
mire                        0    -
reservoir                   0    -
"""


def test_cover_factors_are_those_of_the_printed_table() -> None:
    columns = ("c_0", "c_10", "c_30", "c_50", "c_70", "c_90")
    for line in COVER_FACTOR.split("\n")[1:-1]:
        row, *printed = line.split()
        ours = [value(f"hj_1173_2021/cover_factor.{column}[{row}]") for column in columns]
        assert ours == [float(number) for number in printed], row


def test_runoff_coefficients_are_those_of_the_printed_tables() -> None:
    for line in RUNOFF.split("\n")[1:-1]:
        row, *printed = line.split()
        for folder, number in zip(("rcees_2017", "mee_2020"), printed, strict=True):
            if number != "-":
                assert value(f"{folder}/runoff.alpha[{row}]") == float(number), row


def test_wind_cover_coefficients_are_those_of_the_printed_text() -> None:
    printed = {
        "forest": 0.1535,
        "grassland": 0.1151,
        "shrub": 0.0921,
        "bare": 0.0768,
        "sandy_land": 0.0658,
        "farmland": 0.0438,
    }
    ours = table("hj_1173_2021/wind_cover").entries["a"]
    assert {row: ours[(row,)].value for row in printed} == printed


# ------------------------------------------------------------------------------------ rows


def test_every_row_says_how_well_it_is_known() -> None:
    for path in sorted(ROOT.glob("*/*.csv")):
        home = table(f"{path.parent.name}/{path.stem}")
        for column in home.entries.values():
            for entry in column.values():
                assert entry.verified in ("full_text", "secondary", "recalled"), entry.where
                assert entry.source, entry.where


def test_every_source_of_a_table_is_used() -> None:
    unused = []
    for path in sorted(ROOT.glob("*/*.csv")):
        rows = path.read_text(encoding="utf-8-sig")
        home = table(f"{path.parent.name}/{path.stem}")
        cited = {column.cite.partition(",")[0] for column in home.columns.values() if column.cite}
        unused += [f"{home.name}: {k}" for k in home.sources if k not in cited and k not in rows]
    assert not unused
