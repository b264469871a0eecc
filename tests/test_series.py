"""Accounts over time: index numbers, drivers, weather, and what may not be compared."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from gep.account import Account, Project
from gep.errors import DataError, UsageError
from gep.series import (
    Series,
    compound_growth,
    decompose_values,
    over_time,
    split_weather,
    weather_normalised,
)

COUNTY = Path(__file__).resolve().parents[1] / "examples" / "county"

_MONEY = """
[inputs]
N = {{ is = "{quantity}", unit = "CNY/yr" }}
[[steps]]
symbol = "V"
title = {{ en = "Value", zh = "价值" }}
formula = "N"
unit = "CNY/yr"
[account]
monetary = "V"
[[examples]]
given = {{ N = 10 }}
expect = {{ V = 10 }}
source = "by hand"
"""
#: Known in money only, as many statistics are.
HARVEST = _MONEY.format(quantity="crop_net_output")
#: The quantity is known by ecosystem, the value by zone only.
POOLED = """
[inputs]
NEP = { is = "carbon_sequestration_rate", unit = "tC/(hm²·yr)" }
[coefficients]
p = { from = "prices.carbon" }
[[steps]]
symbol = "Q"
title = { en = "Carbon", zh = "碳" }
formula = "NEP"
unit = "tC/(hm²·yr)"
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "by_zone(Q) * p"
unit = "CNY/yr"
[account]
physical = "Q"
monetary = "V"
[[examples]]
given = { NEP = 3, p = 50 }
expect = { Q = 3, V = 15000 }
area = 100
source = "by hand"
"""


class Place:
    """A place of two zones: one hand-made account per call, everything given in numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.standard = tiny.write_standard(folder, ("water", "visits"))

    def rules(self, *services: str, **own: str) -> None:
        self.standard = tiny.write_standard(self.folder, services, own=own)

    def tables(
        self,
        year: int,
        *,
        area=(100.0, 50.0),
        rain=1000.0,
        evaporation=600.0,
        visitors=(1000.0, 500.0),
        money=None,
        prices=None,
        price_year=None,
        classes=("forest", "forest"),
        zones=("a", "b"),
        inputs=None,
        extent=None,
        **more,
    ):
        rows = [(z, v, "人次/yr", "visitors") for z, v in zip(zones, visitors, strict=False)]
        for quantity, values in (money or {}).items():
            rows += [(z, v, "CNY/yr", quantity) for z, v in zip(zones, values, strict=True)]
        statistics = pd.DataFrame(rows, columns=["zone", "value", "unit", "quantity"])
        statistics["item"], statistics["year"], statistics["source"] = "", year, "test"
        if extent is None:
            extent = [(z, c, a) for z, c, a in zip(zones, classes, area, strict=True)]
        frame = pd.DataFrame(extent, columns=["zone", "ecosystem", "area"])
        frame["unit"], frame["zone_name"], frame["source"] = "ha", frame["zone"], "test"
        price_year = price_year or year
        coefficients = {
            f"prices.{name}": {
                "value": value,
                "unit": tiny.PRICES[name][1],
                "source": "test",
                "price_year": price_year,
            }
            for name, value in {
                **{k: v for k, (v, _) in tiny.PRICES.items()},
                **(prices or {}),
            }.items()
        }
        used = (self.standard / "standard.toml").read_text(encoding="utf-8")
        needs = {"reservoir": "water", "visit": "visits", "carbon": ("carbon", "pooled")}
        for name in list(coefficients):
            item = name.partition(".")[2]
            owners = needs.get(item, item)
            owners = (owners,) if isinstance(owners, str) else owners
            if not any(f'"{o}"' in used for o in owners):
                del coefficients[name]
        return {
            "title": "A hand-made place",
            "standard": str(self.standard),
            "year": year,
            "price_year": price_year,
            "extent": {"file": frame},
            "inputs": {
                "precipitation": {"value": rain, "unit": "mm/yr"},
                "evapotranspiration": {"value": evaporation, "unit": "mm/yr"},
                **(inputs or {}),
            },
            "statistics": {"file": statistics},
            "coefficients": coefficients,
            **more,
        }

    def project(self, year: int, **how) -> Project:
        return Project.build(self.folder, **self.tables(year, **how))

    def account(self, year: int, **how) -> Account:
        return self.project(year, **how).run()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def pair(place: Place) -> Series:
    """2017 and 2020 differ in rain, visitors, both prices and the forest's area."""
    return over_time(
        {
            2020: place.account(
                2020,
                rain=1100.0,
                area=(120.0, 50.0),
                visitors=(1500.0, 400.0),
                prices={"reservoir": 8.0, "visit": 150.0},
            ),
            2017: place.account(2017),
        }
    )


#: Water retained per hectare of forest: P - 4.65 % of P - ET, in m³.
Y0, Y1 = (1000 * 0.9535 - 600) * 10, (1100 * 0.9535 - 600) * 10
V0 = 150 * Y0 * 7.06 + 1500 * 133
CONSTANT = 170 * Y1 * 7.06 + 1900 * 133
V1 = 170 * Y1 * 8.0 + 1900 * 150


# -------------------------------------------------------------------------------------- growth


def test_laspeyres_quantities_and_paasche_prices_by_hand(pair: Series) -> None:
    first, last = pair.growth().to_dict("records")
    assert first["nominal"] == pytest.approx(V0)
    assert (first["real_growth"], first["price_index"]) == (0.0, 1.0)
    assert math.isnan(first["real_per_year"])
    assert last["nominal"] == last["compared"] == pytest.approx(V1)
    assert last["compared_base"] == pytest.approx(V0)
    assert last["constant"] == pytest.approx(CONSTANT)
    assert last["nominal_growth"] == pytest.approx(V1 / V0 - 1)
    assert last["real_growth"] == pytest.approx(CONSTANT / V0 - 1)
    assert last["price_index"] == pytest.approx(V1 / CONSTANT)
    assert last["real_per_year"] == pytest.approx(compound_growth(V0, CONSTANT, years=3))
    assert last["nominal_per_year"] == pytest.approx(compound_growth(V0, V1, years=3))
    assert not last["partial"]
    assert (last["left_out"], last["left_out_base"]) == (0.0, 0.0)
    assert (last["price_year"], last["base"], last["currency"]) == (2020, 2017, "CNY")


def test_nominal_growth_is_real_growth_times_prices(pair: Series) -> None:
    for by in ((), "service", "zone", ("service", "zone"), "ecosystem", "kind"):
        for row in pair.growth(by=by).to_dict("records"):
            both = (1 + row["real_growth"]) * row["price_index"]
            assert 1 + row["nominal_growth"] == pytest.approx(both, rel=1e-12)


def test_groups_add_up_to_the_whole(pair: Series) -> None:
    whole = pair.growth().set_index("year")
    for by in ("service", "zone", "kind", "ecosystem", "indicator"):
        parts = pair.growth(by=by).groupby("year")[["nominal", "constant", "share"]].sum()
        assert parts["nominal"].to_list() == pytest.approx(whole["nominal"].to_list())
        assert parts["constant"].to_list() == pytest.approx(whole["constant"].to_list())
        assert parts["share"].to_list() == pytest.approx([1.0, 1.0])
    water = pair.growth(by="service").set_index(["year", "service"]).loc[(2020, "water")]
    assert water["real_growth"] == pytest.approx(170 * Y1 / (150 * Y0) - 1)
    assert water["price_index"] == pytest.approx(8 / 7.06)


def test_any_year_can_be_the_base(pair: Series) -> None:
    back = pair.growth(base=2020).set_index("year").loc[2017]
    constant = 150 * Y0 * 8.0 + 1500 * 150
    assert back["constant"] == pytest.approx(constant)
    assert back["real_growth"] == pytest.approx(constant / V1 - 1)
    assert back["real_per_year"] == pytest.approx((V1 / constant) ** (1 / 3) - 1)


def test_a_new_ecosystem_is_priced_by_its_line_and_is_no_new_line(place: Place) -> None:
    series = over_time(
        {
            2017: place.account(2017),
            2020: place.account(2020, extent=[("a", "forest", 90), ("a", "wetland", 10), ("b", "forest", 50)]),
        }
    )  # fmt: skip
    last = series.growth().iloc[1]
    wetland = (1000 * (1 - 0.125) - 600) * 10
    assert last["constant"] == pytest.approx((140 * Y0 + 10 * wetland) * 7.06 + 1500 * 133)
    assert last["price_index"] == pytest.approx(1.0)
    assert not last["partial"]
    assert series.gaps(2017, 2020).empty


def test_one_price_year_is_said_to_be_constant_prices(place: Place) -> None:
    accounts = {y: place.account(y, price_year=2020, rain=r) for y, r in ((2017, 1000.0), (2020, 1100.0))}  # fmt: skip
    series = over_time(accounts)
    assert "all accounts are at prices of 2020" in series.text("en")
    assert "各年账户均按 2020 年价格计算" in series.text("zh")
    last = series.growth().iloc[1]
    assert last["price_index"] == pytest.approx(1.0, abs=1e-12)
    assert last["nominal_growth"] == pytest.approx(last["real_growth"])


def test_published_growth_is_reproduced(place: Place) -> None:
    # GEP of Lishui, China Daily, 2019-12-20, in 100 million yuan: 2006 2,096.3; 2017 4,673; 2018
    # 5,024.5, of which regulating services 3,659.4 (72.83 %). It prints a growth of 351.6.
    place.rules(regulating=HARVEST, others=_MONEY.format(quantity="forestry_net_output"))
    series = over_time(
        {
            year: place.account(
                year,
                visitors=(),
                money={
                    "crop_net_output": (part * 1e8, 0.0),
                    "forestry_net_output": ((whole - part) * 1e8, 0.0),
                },
                inputs={},
            )
            for year, whole, part in ((2006, 2096.3, 1500.0), (2017, 4673.0, 3300.0), (2018, 5024.5, 3659.4))
        }
    )  # fmt: skip
    growth = series.growth().set_index("year")
    assert f"{growth['nominal_per_year'][2017]:.2%}" == "7.56%"
    assert f"{compound_growth(2096.3, 4673, years=11):.2%}" == "7.56%"
    later = series.growth(base=2017).set_index("year").loc[2018]
    assert (later["nominal"] - later["nominal_base"]) / 1e8 == pytest.approx(351.5)
    assert f"{later['nominal_growth']:.2%}" == "7.52%"
    shares = series.growth(by="service").set_index(["year", "service"])["share"]
    assert f"{shares[2018, 'regulating']:.2%}" == "72.83%"
    assert growth["partial"].all(), "money without quantities is never deflated silently"
    assert growth["real_growth"].isna().all()


def test_published_share_is_reproduced(place: Place) -> None:
    # GEP of Ninghai 2018, Acta Ecologica Sinica 2021 (14), in 100 million yuan: 1,259.03, of which
    # regulating services 670.59; material and cultural services are the rest, 588.44.
    place.rules(regulating=HARVEST, rest=_MONEY.format(quantity="forestry_net_output"))
    money = {
        "crop_net_output": (670.59e8, 0.0),
        "forestry_net_output": (1259.03e8 - 670.59e8, 0.0),
    }
    accounts = {y: place.account(y, visitors=(), money=money) for y in (2018, 2019)}
    rest = over_time(accounts).growth(by="service").set_index(["year", "service"]).loc[(2018, "rest")]  # fmt: skip
    assert rest["nominal"] / 1e8 == pytest.approx(588.44)
    assert f"{rest['share']:.2%}" == "46.74%"


@pytest.mark.parametrize(
    ("first", "last", "years", "where"),
    [(0, 1, 1, "first"), (1, -1, 1, "last"), (1, 2, 0, "years"), (1, math.nan, 1, "last")],
)
def test_compound_growth_refuses(first, last, years, where) -> None:
    with pytest.raises(DataError, match=f"{where}: must be a finite number above zero"):
        compound_growth(first, last, years=years)


# ------------------------------------------------------------------------ what has no quantity


def _with_harvest(place: Place, **how) -> Series:
    place.rules("water", harvest=HARVEST)
    return over_time(
        {
            2017: place.account(2017, visitors=(), money={"crop_net_output": (2e6, 1e6)}),
            2020: place.account(2020, visitors=(), money={"crop_net_output": (3e6, 1.2e6)}),
        },
        **how,
    )


def test_money_without_quantity_is_left_out_and_named(place: Place) -> None:
    series = _with_harvest(place)
    last = series.growth().iloc[1]
    assert last["partial"]
    assert (last["left_out_base"], last["left_out"]) == (3e6, 4.2e6)
    assert last["compared"] == pytest.approx(150 * Y0 * 7.06)
    assert last["real_growth"] == pytest.approx(0.0)
    assert last["nominal_growth"] == pytest.approx((150 * Y0 * 7.06 + 4.2e6) / (150 * Y0 * 7.06 + 3e6) - 1)  # fmt: skip
    gap = series.gaps(2017, 2020).iloc[0]
    assert (gap["service"], gap["why"], gap["rows"]) == ("harvest", "not deflated", 2)
    assert (gap["value0"], gap["value1"], gap["compared"]) == (3e6, 4.2e6, False)
    assert "no physical quantity and no deflator" in series.text("en")
    assert "PARTIAL: 300.0000 in 2017 and 420.0000 in 2020" in series.text("en")
    assert "不完整" in series.text("zh")


def test_a_deflator_turns_money_into_a_quantity(place: Place) -> None:
    series = _with_harvest(place, deflators={"harvest": {2017: 100, 2020: 112, 2030: 0}})
    last = series.growth().iloc[1]
    water = 150 * Y0 * 7.06
    assert last["constant"] == pytest.approx(water + 4.2e6 / 1.12)
    assert last["price_index"] == pytest.approx((water + 4.2e6) / (water + 4.2e6 / 1.12))
    assert not last["partial"]
    rows = series.decompose(2017, 2020).query("service == 'harvest'")
    assert set(rows["factors"]) == {"quantity · price"}
    assert rows["price1"].to_list() == pytest.approx([1.12, 1.12])
    assert rows[["quantity", "price"]].sum().sum() == pytest.approx(1.2e6)


def test_a_price_index_can_be_named(place: Place) -> None:
    by_name = _with_harvest(place, deflators={"harvest": "cn_cpi"}).growth().iloc[1]
    table = pd.read_csv(COUNTY.parents[1] / "coefficients" / "indices" / "cn_cpi.csv")
    index = table.set_index("year")["value"]
    change = index[2020] / index[2017]
    assert 1.05 < change < 1.15
    assert by_name["constant"] == pytest.approx(150 * Y0 * 7.06 + 4.2e6 / change)


def test_a_value_that_is_not_known_is_not_zero(place: Place) -> None:
    first = place.account(2017)
    data = first.dataset.copy(deep=True)
    data["visits.V"].loc[{"zone": "b"}] = np.nan
    series = over_time({2017: Account(data, first.provenance), 2020: place.account(2020)})
    last = series.growth().iloc[1]
    assert last["compared_base"] == last["constant"] == pytest.approx(150 * Y0 * 7.06 + 1000 * 133)
    assert (last["left_out_base"], last["left_out"]) == (0.0, 500 * 133)
    assert last["real_growth"] == pytest.approx(0.0)
    gap = series.gaps(2017, 2020).iloc[0]
    assert (gap["service"], gap["why"], gap["value1"]) == ("visits", "no value", 500 * 133)
    assert math.isnan(gap["value0"])
    change = series.decompose(2017, 2020, by=()).iloc[0]
    assert change["left_out"] == change["change"] == 500 * 133


def test_a_quantity_that_is_not_known_leaves_the_row_out(place: Place) -> None:
    first = place.account(2017)
    data = first.dataset.copy(deep=True)
    data["visits.Q"].loc[{"zone": "a"}] = np.nan
    series = over_time({2017: Account(data, first.provenance), 2020: place.account(2020)})
    gap = series.gaps(2017, 2020).iloc[0]
    assert (gap["why"], gap["rows"], gap["value0"]) == ("not deflated", 1, 133_000)


def test_a_coverage_that_differs_is_named_and_compared(place: Place) -> None:
    first = place.account(2017)
    data = first.dataset.copy(deep=True)
    data["water.Q.covered"].loc[{"zone": "a"}] = 0.8
    series = over_time({2017: Account(data, first.provenance), 2020: place.account(2020)})
    gap = series.gaps(2017, 2020).iloc[0]
    assert (gap["why"], gap["covered0"], gap["covered1"]) == ("covers", 0.8, 1.0)
    assert gap["compared"]
    assert not series.growth()["partial"].any()
    assert "complete for another share" in series.text("en")
    assert "数据完整的面积比例不同" in series.text("zh")


def test_nothing_in_the_base_year_has_no_price(place: Place) -> None:
    series = over_time({2017: place.account(2017, visitors=(0.0, 0.0)), 2020: place.account(2020)})
    last = series.growth().iloc[1]
    assert (last["left_out_base"], last["left_out"]) == (0.0, 1500 * 133)
    assert series.gaps(2017, 2020)["why"].to_list() == ["no price"]
    gone = {2017: place.account(2017), 2020: place.account(2020, visitors=(0.0, 0.0))}
    last = over_time(gone).growth().iloc[1]
    assert not last["partial"], "a line that is there with nothing is a quantity of 0"
    assert last["constant"] == pytest.approx(150 * Y0 * 7.06)
    nobody = {y: place.account(y, visitors=(0.0, 0.0)) for y in (2017, 2020)}
    assert not over_time(nobody).growth()["partial"].any()


# --------------------------------------------------------------------------------------- chains


@pytest.fixture
def chain(place: Place) -> Series:
    """Water in all years, carbon from 2018 on, visits until 2018."""
    rate = {"carbon_sequestration_rate": {"value": 2.0, "unit": "tC/(hm²·yr)"}}
    faster = {"carbon_sequestration_rate": {"value": 3.0, "unit": "tC/(hm²·yr)"}}
    place.rules("water", "carbon", "visits")
    return over_time(
        {
            2017: place.account(2017, services=["water", "visits"]),
            2018: place.account(2018, rain=1100.0, visitors=(1100.0, 500.0), inputs=rate),
            2019: place.account(
                2019, rain=1100.0, services=["water", "carbon"], inputs=faster, prices={"carbon": 800.0}
            ),
        }
    )  # fmt: skip


def test_links_compare_the_lines_that_both_years_have(chain: Series) -> None:
    rows = chain.chained().set_index("year")
    w0, w1 = 150 * Y0 * 7.06, 150 * Y1 * 7.06
    first = (w1 + 1600 * 133) / (w0 + 1500 * 133)
    second = (w1 + 450 * 773) / (w1 + 300 * 773)
    assert rows["quantity_link"].to_list() == pytest.approx([1, first, second])
    assert rows["quantity_index"].to_list() == pytest.approx([1, first, first * second])
    prices = (w1 + 450 * 800) / (w1 + 450 * 773)
    assert rows["price_index"].to_list() == pytest.approx([1, 1, prices])
    assert rows["enters"].to_list() == pytest.approx([0, 300 * 773, 0])
    assert rows["leaves"].to_list() == pytest.approx([0, 0, 1600 * 133])
    assert rows["partial"].to_list() == [False, True, True]
    assert rows["nominal"].to_list() == pytest.approx(
        [w0 + 1500 * 133, w1 + 1600 * 133 + 300 * 773, w1 + 450 * 800]
    )


def test_lines_that_enter_and_leave_are_named_with_their_value(chain: Series) -> None:
    gaps = chain.gaps(2018, 2019)
    assert gaps[["service", "indicator", "why"]].to_numpy().tolist() == [["visits", "Q", "leaves"]]
    assert gaps["value0"].to_list() == [1600 * 133]
    assert gaps["why_zh"].to_list() == ["两年中仅前者有"]
    gaps = chain.gaps(2017, 2019).set_index("service")
    assert gaps["why"].to_dict() == {"visits": "leaves", "carbon": "enters"}
    assert gaps.loc["carbon", "value1"] == pytest.approx(450 * 800)
    direct = chain.growth().set_index("year").loc[2019]
    assert direct["real_growth"] == pytest.approx(Y1 / Y0 - 1)
    text = chain.text("en")
    assert "visits (Q): only in the first of the two years; 19.9500 → -" in text
    assert "carbon (Q): only in the second of the two years; - → 36.0000" in text
    indices = chain.chained().iloc[-1]
    told = f"quantities {indices['quantity_index']:.6f}, prices {indices['price_index']:.6f}"
    assert f"chained from year to year since 2017: {told}" in text
    assert "自 2017 年逐年链接" in chain.text("zh")
    assert (direct["left_out_base"], direct["left_out"]) == pytest.approx((1500 * 133, 450 * 800))


def test_chained_equals_direct_where_nothing_changes_hands(pair: Series) -> None:
    chained, direct = pair.chained().iloc[-1], pair.growth().iloc[-1]
    assert chained["quantity_index"] == pytest.approx(1 + direct["real_growth"])
    assert chained["price_index"] == pytest.approx(direct["price_index"])


def test_chains_by_service(chain: Series) -> None:
    rows = chain.chained(by="service").set_index(["year", "service"])
    assert rows["quantity_index"][2019, "water"] == pytest.approx(Y1 / Y0)
    assert rows["quantity_link"][2019, "carbon"] == pytest.approx(1.5)
    assert rows["price_link"][2019, "carbon"] == pytest.approx(800 / 773)


# --------------------------------------------------------------------------------------- ratios


def test_ratios_by_hand(place: Place) -> None:
    accounts = {2017: place.account(2017), 2020: place.account(2020, rain=1100.0)}
    series = over_time(
        accounts,
        gdp={2017: (500, "万元"), 2020: (0.05, "亿元/yr", 2020)},
        gdp_real={2017: 100.0, 2020: 97.0},
        population={2017: 20, 2020: (0.0025, "万人")},
    )
    first, last = series.ratios().to_dict("records")
    assert first["area"] == pytest.approx(1.5)
    assert first["per_km2"] == pytest.approx(V0 / 1.5)
    assert first["gep_per_gdp"] == pytest.approx(V0 / 5e6)
    assert last["gdp"] == pytest.approx(5e6)
    assert first["per_head"] == pytest.approx(V0 / 20)
    assert last["per_head"] == pytest.approx(last["gep"] / 25)
    assert last["gdp_real_growth"] == pytest.approx(-0.03)
    assert last["gep_real_growth"] > 0
    assert (first["double_growth"], last["double_growth"]) == ("undetermined", "no")
    assert first["lacks_en"] == "an earlier year, for growth"
    assert last["lacks_en"] == last["lacks_zh"] == ""
    grown = over_time(accounts, gdp_real={2017: (50, "亿元"), 2020: (51, "亿元")}).ratios()
    assert grown["double_growth"].to_list() == ["undetermined", "yes"]
    assert "双增长：否" in series.text("zh")


def test_ratios_that_lack_data_are_named(pair: Series) -> None:
    last = pair.ratios().iloc[1]
    assert math.isnan(last["gep_per_gdp"])
    assert math.isnan(last["per_head"])
    assert last["double_growth"] == "undetermined"
    assert last["lacks_en"] == "GDP; population; real GDP of 2017 and 2020"
    assert last["lacks_zh"] == "GDP；人口；2017 年和 2020 年实际 GDP"


def test_gdp_of_other_prices_gives_no_ratio(place: Place) -> None:
    accounts = {y: place.account(y, price_year=2020) for y in (2017, 2020)}
    rows = over_time(accounts, gdp={2017: (500, "万元"), 2020: (600, "万元")}).ratios()
    assert math.isnan(rows["gep_per_gdp"][0])
    assert "GDP at prices of 2020, not 2017" in rows["lacks_en"][0]
    assert rows["gep_per_gdp"][1] == pytest.approx(V0 / 6e6)
    rows = over_time(accounts, gdp={2017: (500, "万元", 2020)}).ratios()
    assert rows["gep_per_gdp"][0] == pytest.approx(V0 / 5e6)


# -------------------------------------------------------------------------------------- drivers


def test_drivers_of_an_account_by_hand(pair: Series) -> None:
    table = pair.decompose(2017, 2020)
    assert set(table["method"]) == {"lmdi"}
    row = table.query("service == 'water' and zone == 'a'").iloc[0]
    v0, v1 = 100 * Y0 * 7.06, 120 * Y1 * 8.0
    mean = (v1 - v0) / math.log(v1 / v0)
    assert row["area"] == pytest.approx(mean * math.log(1.2))
    assert row["yield"] == pytest.approx(mean * math.log(Y1 / Y0))
    assert row["price"] == pytest.approx(mean * math.log(8 / 7.06))
    assert (row["area0"], row["area1"]) == pytest.approx((100, 120))
    assert (row["yield0"], row["price1"]) == pytest.approx((Y0, 8.0))
    assert row["factors"] == "area · yield · price"
    visits = table.query("service == 'visits' and zone == 'a'").iloc[0]
    assert visits["factors"] == "quantity · price"
    assert math.isnan(visits["area"])
    mean = (1500 * 150 - 1000 * 133) / math.log(1500 * 150 / (1000 * 133))
    assert visits["quantity"] == pytest.approx(mean * math.log(1.5))
    total = pair.decompose(2017, 2020, by=()).iloc[0]
    assert total["change"] == pytest.approx(V1 - V0)
    assert total[["area", "yield", "quantity", "price"]].sum() == pytest.approx(V1 - V0, rel=1e-12)


@pytest.mark.parametrize("method", ["auto", "shapley"])
@pytest.mark.parametrize("by", ["service", "zone", "kind", "ecosystem", ()])
def test_effects_add_up_in_every_group(pair: Series, method, by) -> None:
    table = pair.decompose(2017, 2020, method=method, by=by)
    effects = table[["area", "yield", "quantity", "price", "left_out"]].sum(axis=1)
    assert effects.to_list() == pytest.approx(table["change"].to_list(), rel=1e-12)
    assert table["change"].sum() == pytest.approx(V1 - V0)


def test_an_ecosystem_that_appears_is_a_change_of_area(place: Place) -> None:
    series = over_time(
        {
            2017: place.account(2017),
            2020: place.account(2020, extent=[("a", "forest", 100), ("a", "wetland", 10), ("b", "forest", 50)], prices={"reservoir": 8.0}),
        }
    )  # fmt: skip
    row = series.decompose(2017, 2020).query("ecosystem == 'wetland'").iloc[0]
    quantity = 10 * (1000 * (1 - 0.125) - 600) * 10
    assert row["method"] == "shapley"
    assert row["yield"] == 0.0
    assert row["area"] == pytest.approx(quantity * (7.06 + 8.0) / 2)
    assert row["price"] == pytest.approx(quantity * (8.0 - 7.06) / 2)
    with pytest.raises(DataError, match="LMDI needs factors above zero") as caught:
        series.decompose(2017, 2020, method="lmdi")
    assert "water, Q, a, wetland" in str(caught.value)
    assert 'method="auto" takes Shapley' in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_change_of_sign_takes_shapley(place: Place) -> None:
    series = over_time({2017: place.account(2017, rain=500.0), 2020: place.account(2020)})
    table = series.decompose(2017, 2020).query("service == 'water'")
    assert set(table["method"]) == {"shapley"}
    assert table["yield"].sum() == pytest.approx((Y0 - (500 * 0.9535 - 600) * 10) * 150 * 7.06)
    assert table["area"].abs().sum() == 0


def test_lines_that_enter_or_leave_are_not_divided(chain: Series) -> None:
    table = chain.decompose(2017, 2019, by="service").set_index("service")
    assert table.loc["carbon", "left_out"] == pytest.approx(450 * 800)
    assert table.loc["visits", "left_out"] == pytest.approx(-1500 * 133)
    rows = chain.decompose(2017, 2019)
    outside = rows[rows["why"] != ""]
    assert set(outside["method"]) == {"left out"}
    assert outside[["price0", "price1", "yield0", "yield1"]].isna().all(axis=None)
    gep = chain.growth().set_index("year")["nominal"]
    assert table["change"].sum() == pytest.approx(gep[2019] - gep[2017])


def test_a_value_without_its_quantity_is_refused_with_the_gap(place: Place) -> None:
    first = place.account(2017)
    data = first.dataset.copy(deep=True)
    data["visits.Q"].loc[{"zone": "a"}] = 0.0
    accounts = {2017: Account(data, first.provenance), 2020: place.account(2020)}
    series = over_time(accounts)
    with pytest.raises(DataError, match="the factors do not give the value") as caught:
        series.decompose(2017, 2020)
    assert "visits, Q, a, whole_zone, earlier year" in str(caught.value)
    assert "gap 133000" in str(caught.value)
    assert series.gaps(2017, 2020)["why"].to_list() == ["value without quantity"]
    assert series.growth().iloc[1]["left_out_base"] == 133_000
    assert "is not divided" in series.text("en")
    mended = over_time(accounts, deflators={"visits": {2017: 1, 2020: 1}})
    assert mended.decompose(2017, 2020, by=())["left_out"].isna().all()


def test_a_value_on_no_area_is_refused(place: Place) -> None:
    first = place.account(2017)
    data = first.dataset.copy(deep=True)
    data["area"].loc[{"zone": "a"}] = 1e-300
    series = over_time({2017: Account(data, first.provenance), 2020: place.account(2020)})
    series._rows[2017].loc[series._rows[2017]["zone"] == "a", "area"] = 0.0
    with pytest.raises(DataError, match="the quantity or the area is 0"):
        series.decompose(2017, 2020)


def test_a_quantity_by_class_meets_its_value_in_the_zone(place: Place) -> None:
    place.rules(pooled=POOLED)
    rate = [{"carbon_sequestration_rate": {"value": v, "unit": "tC/(hm²·yr)"}} for v in (2.0, 3.0)]
    series = over_time(
        {
            2017: place.account(2017, visitors=(), inputs=rate[0]),
            2020: place.account(2020, visitors=(), inputs=rate[1], prices={"carbon": 800.0}),
        }
    )
    assert series.accounts[2017].table["ecosystem"].to_list() == ["forest", "forest", "whole_zone", "whole_zone"]  # fmt: skip
    last = series.growth().iloc[1]
    assert last["constant"] == pytest.approx(450 * 773)
    assert last["price_index"] == pytest.approx(800 / 773)
    assert set(series.decompose(2017, 2020)["factors"]) == {"quantity · price"}
    account = series.accounts[2020]
    data = account.dataset.copy(deep=True)
    data["pooled.Q.covered"].loc[{"zone": "a"}] = 0.7
    series = over_time({2017: series.accounts[2017], 2020: Account(data, account.provenance)})
    gaps = series.gaps(2017, 2020)
    assert gaps[["why", "covered0", "covered1"]].to_numpy().tolist() == [["covers", 1.0, 0.7]]


def test_arrays_by_hand() -> None:
    how = {"area0": 10, "yield0": 2, "price0": 5, "area1": 20, "yield1": 3, "price1": 4}
    mean = 140 / math.log(2.4)
    row = decompose_values(**how, value0=100, value1=240).iloc[0]
    assert row["method"] == "lmdi"
    assert row[["area", "yield", "price"]].to_list() == pytest.approx(
        [mean * math.log(2), mean * math.log(1.5), mean * math.log(0.8)]
    )
    row = decompose_values(**how, method="shapley").iloc[0]
    assert row[["area", "yield", "price"]].to_list() == pytest.approx([670 / 6, 400 / 6, -230 / 6])
    assert row["change"] == 140


def test_the_log_mean_keeps_small_changes() -> None:
    step = 1.2e-13
    row = decompose_values(
        area0=1e6,
        yield0=300,
        price0=7,
        area1=1e6 * (1 + step),
        yield1=300 * (1 - 2 * step),
        price1=7,
    ).iloc[0]
    assert row["method"] == "lmdi"
    assert row["area"] == pytest.approx(2.1e9 * step, rel=2e-3)
    assert row["yield"] == pytest.approx(-4.2e9 * step, rel=2e-3)
    assert row["price"] == 0.0


def test_arrays_take_the_method_that_each_row_can() -> None:
    found = decompose_values(
        area0=[10, 0, 10, math.nan], yield0=[2, 2, -1, 2], price0=5,
        area1=[20, 10, 10, 3], yield1=[2, 2, 1, 2], price1=5,
    )  # fmt: skip
    assert found["method"].to_list() == ["lmdi", "shapley", "shapley", "undetermined"]
    assert found["area"][:3].to_list() == pytest.approx([100, 100, 0])
    assert found["yield"][:3].to_list() == pytest.approx([0, 0, 100])
    assert found.loc[3, ["area", "yield", "price", "change"]].isna().all()


def test_arrays_that_are_wrong_are_refused_row_by_row() -> None:
    with pytest.raises(DataError) as caught:
        decompose_values(
            area0=[-1, 1, 1], yield0=[1, math.inf, 1], price0=1, area1=1, yield1=1, price1=1,
            value1=[1, 1, 1.5],
        )  # fmt: skip
    text = str(caught.value)
    assert "row 0: area0 is negative\n  found: -1" in text
    assert "row 1: yield0 is infinite" in text
    assert "row 2, value1: the factors do not give the value" in text
    assert "value 1.5, product 1, gap 0.5" in text
    assert len(caught.value.problems) == 3
    with pytest.raises(UsageError, match="there is no method 'lmid'"):
        decompose_values(area0=1, yield0=1, price0=1, area1=1, yield1=1, price1=1, method="lmid")


factor = st.floats(1e-3, 1e3)
six = st.tuples(*[factor] * 6)


def _effects(six, method="auto") -> np.ndarray:
    names = ("area0", "yield0", "price0", "area1", "yield1", "price1")
    found = decompose_values(**dict(zip(names, six, strict=True)), method=method)
    return found[["area", "yield", "price"]].to_numpy()[0]


@given(six, st.sampled_from(["lmdi", "shapley"]))
def test_nothing_is_left_over(values, method) -> None:
    change = math.prod(values[3:]) - math.prod(values[:3])
    size = max(math.prod(values[3:]), math.prod(values[:3]))
    assert _effects(values, method).sum() == pytest.approx(change, rel=1e-9, abs=1e-9 * size)


@given(six, st.sampled_from(["lmdi", "shapley"]))
def test_backwards_is_minus_forwards(values, method) -> None:
    forwards, backwards = _effects(values, method), _effects(values[3:] + values[:3], method)
    size = max(math.prod(values[3:]), math.prod(values[:3]))
    assert forwards == pytest.approx(-backwards, rel=1e-9, abs=1e-9 * size)


@given(six, st.sampled_from(["lmdi", "shapley"]), st.permutations(range(3)))
def test_no_factor_is_preferred(values, method, order) -> None:
    moved = [values[i] for i in order] + [values[3 + i] for i in order]
    size = max(math.prod(values[3:]), math.prod(values[:3]))
    plain = _effects(values, method)[list(order)]
    assert _effects(tuple(moved), method) == pytest.approx(plain, rel=1e-9, abs=1e-9 * size)


@given(six, st.sampled_from(["lmdi", "shapley"]), st.floats(1e-3, 1e3))
def test_units_do_not_matter(values, method, scale) -> None:
    a0, y0, p0, a1, y1, p1 = values
    other = (a0 * scale, y0 / scale, p0, a1 * scale, y1 / scale, p1)
    size = max(math.prod(values[3:]), math.prod(values[:3]))
    plain = _effects(values, method)
    assert _effects(other, method) == pytest.approx(plain, rel=1e-8, abs=1e-8 * size)


@given(factor, factor, factor, factor, factor)
def test_log_mean_and_shapley_differ_for_two_factors_by_a_known_gap(x0, y0, x1, y1, p) -> None:
    # With s and d half the sum and half the difference of the factors' log changes, the effects of
    # x are √(V0·V1) times sinh(s) + sinh(d) (Shapley) and sinh(s)·(s + d)/s (LMDI).
    values = (x0, y0, p, x1, y1, p)
    s, d = (math.log(x1 / x0 * y1 / y0) / 2, math.log(x1 / x0 / (y1 / y0)) / 2)
    sinhc = [math.sinh(v) / v if abs(v) > 1e-8 else 1.0 for v in (d, s)]
    v0, v1 = x0 * y0 * p, x1 * y1 * p
    gap = math.sqrt(v0 * v1) * d * (sinhc[0] - sinhc[1])
    found = _effects(values, "shapley")[0] - _effects(values, "lmdi")[0]
    assert found == pytest.approx(gap, rel=1e-6, abs=1e-7 * max(v0, v1))


@settings(max_examples=50)
@given(st.lists(st.tuples(*[st.floats(-100, 100)] * 6), min_size=1, max_size=5))
def test_zero_and_negative_factors_leave_nothing_over(rows) -> None:
    a0, y0, p0, a1, y1, p1 = np.array(rows).T
    found = decompose_values(
        area0=abs(a0), yield0=y0, price0=p0, area1=abs(a1), yield1=y1, price1=p1
    )
    gap = found[["area", "yield", "price"]].sum(axis=1) - found["change"]
    assert gap.abs().max() < 1e-6


# --------------------------------------------------------------------- what may not be compared


def _copy(account: Account, **changes) -> Account:
    return Account(account.dataset, {**account.provenance, **changes})


def test_other_standards_need_a_bridge(place: Place) -> None:
    first = place.account(2017)
    other = _copy(
        place.account(2020), standard={**first.provenance["standard"], "id": "tiny_2020+variant"}
    )
    with pytest.raises(DataError) as caught:
        over_time({2017: first, 2020: other})
    text = str(caught.value)
    assert "the account of 2017 and the account of 2020 differ in their standard" in text
    assert "tiny_2020 and tiny_2020+variant" in text
    assert "say in a bridge why they may be compared" in text
    series = over_time({2017: first, 2020: other}, bridge="The variant changes no number here.")
    assert series.bridge == "The variant changes no number here."
    assert "differ in their standard" in series.differences[0]
    for lang in ("zh", "en"):
        assert series.bridge in series.text(lang)
        assert "tiny_2020+variant" in series.text(lang)
    assert series.growth().iloc[1]["real_growth"] == pytest.approx(0.0)
    with pytest.raises(UsageError, match="a bridge is a sentence"):
        over_time({2017: first, 2020: other}, bridge="  ")


def test_other_rules_of_one_standard_need_a_bridge(place: Place) -> None:
    first = place.account(2017)
    file = place.standard / "water.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("P - P * alpha - ET", "P - ET - P * alpha"), encoding="utf-8")
    with pytest.raises(DataError, match="differ in the rule of water") as caught:
        over_time({2017: first, 2020: place.account(2020)})
    assert len(caught.value.problems) == 1


def test_other_published_coefficients_need_a_bridge_prices_do_not(place: Place) -> None:
    first = place.account(2017)
    file = place.standard / "coefficients" / "factors.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("forest,4.65", "forest,5.65"), encoding="utf-8")
    with pytest.raises(DataError, match="differ in a published coefficient") as caught:
        over_time({2017: first, 2020: place.account(2020)})
    assert "water, factors.alpha, forest: 0.0465 and 0.0565" in str(caught.value)


def test_a_coefficient_of_the_project_is_noted(place: Place) -> None:
    tables = place.tables(2020)
    tables["coefficients"]["factors.alpha.forest"] = {"value": 6, "unit": "%", "source": "measured"}
    series = over_time({2017: place.account(2017), 2020: Project.build(place.folder, **tables).run()})  # fmt: skip
    assert "a coefficient of the project differs" in series.text("en")
    assert "water, factors.alpha, forest: 0.0465, 0.06" in series.text("zh")


def test_a_step_that_is_given_in_one_year_only_needs_a_bridge(county: dict) -> None:
    given = county["tables"] | {"year": 2021}
    runoff = pd.DataFrame({"ecosystem": county["classes"], "value": 60.0, "source": "synthetic"})
    given["inputs"] = given["inputs"] | {"surface_runoff": {"table": runoff, "unit": "mm/yr"}}
    with pytest.raises(DataError, match="differ in how R of water_retention") as caught:
        over_time({2020: county["account"], 2021: Project.build(COUNTY, **given).run()})
    assert "computed by surface_runoff and given as surface_runoff" in str(caught.value)


def test_other_zones_are_compared_over_the_whole_area(place: Place) -> None:
    accounts = {
        2017: place.account(2017),
        2020: place.account(2020, zones=("a", "c"), rain=1100.0),
    }
    with pytest.raises(DataError, match="differ in their zones") as caught:
        over_time(accounts)
    assert "in one of them only: b, c" in str(caught.value)
    series = over_time(accounts, bridge="Zone b was renamed.")
    last = series.growth(by="zone").iloc[1]
    assert last["zone"] == "whole_area"
    assert last["constant"] == pytest.approx(150 * Y1 * 7.06 + 1500 * 133)
    assert "compared over the whole area" in series.text("en")


def test_other_classes_are_compared_by_zone(place: Place) -> None:
    first, last = place.account(2017), place.account(2020, area=(110.0, 50.0))
    other = _copy(last, classes=[*last.provenance["classes"], "mangrove"])
    with pytest.raises(DataError, match="differ in their ecosystem classes") as caught:
        over_time({2017: first, 2020: other})
    assert "in one of them only: mangrove" in str(caught.value)
    series = over_time({2017: first, 2020: other}, bridge="No mangrove occurs here.")
    rows = series.decompose(2017, 2020)
    assert set(rows["ecosystem"]) == {"whole_zone"}
    assert set(rows["factors"]) == {"quantity · price"}
    assert rows[["area0", "area1"]].isna().all(axis=None)
    assert rows["quantity"].sum() == pytest.approx(10 * Y0 * 7.06)
    assert "分类不同" in series.text("zh")


@pytest.mark.parametrize(
    ("grids", "what"),
    [
        ((None, {"legend": "clcd", "classes": {}}), "where their areas come from"),
        (({"legend": "worldcover", "classes": {}}, {"legend": "clcd", "classes": {}}), "the legend"),
        (
            ({"legend": "clcd", "classes": {"1": "forest"}}, {"legend": "clcd", "classes": {"1": "town"}}),
            "the classes of their land cover",
        ),
    ],
)  # fmt: skip
def test_other_maps_need_a_bridge(place: Place, grids, what) -> None:
    accounts = {y: _copy(place.account(y), grid=g) for y, g in zip((2017, 2020), grids, strict=True)}  # fmt: skip
    with pytest.raises(DataError, match=f"differ in {what}"):
        over_time(accounts)


def test_one_line_under_another_name_and_unit_is_the_same_line_under_a_bridge(place: Place) -> None:
    first = place.account(2017, services=["water"])
    file = place.standard / "water.toml"
    text = file.read_text(encoding="utf-8").replace('symbol = "Q"', 'symbol = "W"')
    text = text.replace('"Q * c"', '"W * c"').replace('physical = "Q"', 'physical = "W"')
    text = text.replace("m³/(ha·yr)", "万m³/(ha·yr)").replace("{ Q = 3000,", "{ W = 0.3,")
    file.write_text(text, encoding="utf-8")
    last = place.account(2020, services=["water"], rain=1100.0)
    assert set(last.table["unit"]) == {"万m³/yr"}
    with pytest.raises(DataError, match="the rule of water"):
        over_time({2017: first, 2020: last})
    series = over_time({2017: first, 2020: last}, bridge="Only the letter and the unit changed.")
    row = series.growth(by="indicator").iloc[1]
    assert row["indicator"] == "Q"
    assert row["constant"] == pytest.approx(150 * Y1 * 7.06)
    assert row["price_index"] == pytest.approx(1.0)


def test_an_area_that_differs_is_noted(place: Place) -> None:
    first, last = place.account(2017), place.account(2020, area=(110.0, 50.0))
    last.dataset["no_land_cover"].loc[{"zone": "b"}] = 4e5
    series = over_time({2017: first, 2020: last})
    text = series.text("en")
    assert "the area of the place differs between the account of 2017 and" in text
    assert "1.5000, 2.0000 km²" in text
    assert "无土地覆盖数据的面积比例不同：0.00%, 20.00%" in series.text("zh")
    assert not over_time({2017: first, 2020: place.account(2020)}).notes


def test_price_indices_that_differ_are_noted(place: Place) -> None:
    indices = ({"name": "cn_cpi", "title": "CPI"}, None)
    accounts = {
        y: _copy(place.account(y), price_index=i)
        for y, i in zip((2017, 2020), indices, strict=True)
    }
    assert "by different price indices: cn_cpi, none" in over_time(accounts).text("en")


def test_a_step_that_a_project_gives_needs_a_bridge(place: Place) -> None:
    first = place.account(2017)
    services = first.provenance["services"]
    steps = services["water"]["steps"]
    given = {**steps, "Q": {**steps["Q"], "given": "water_retention_depth"}}
    other = _copy(
        place.account(2020), services={**services, "water": {**services["water"], "steps": given}}
    )
    with pytest.raises(DataError, match="differ in how water, step Q, is found") as caught:
        over_time({2017: first, 2020: other})
    assert "computed and given as water_retention_depth" in str(caught.value)


def test_a_line_that_is_by_ecosystem_in_some_years_is_compared_by_zone(place: Place) -> None:
    first, last = place.account(2017), place.account(2020, rain=1100.0)
    data = first.dataset.copy(deep=True)
    for name in ("water.Q", "water.V"):
        data[name] = data[name].sum("ecosystem", keep_attrs=True)
        data[f"{name}.covered"] = data[f"{name}.covered"].min("ecosystem", keep_attrs=True)
    series = over_time({2017: Account(data, first.provenance), 2020: last})
    assert "water Q is known by ecosystem in some years only" in series.text("en")
    assert "仅部分年份分生态系统" in series.text("zh")
    row = series.growth(by="service").query("service == 'water' and year == 2020").iloc[0]
    assert row["real_growth"] == pytest.approx(Y1 / Y0 - 1)
    assert set(series.decompose(2017, 2020)["factors"]) == {"quantity · price"}


def test_a_service_without_its_ecosystem_is_there_with_nothing(place: Place) -> None:
    place.rules("water", "soil")
    more = {
        "rainfall_erosivity": {"value": 1000.0, "unit": "MJ·mm/(hm²·h·yr)"},
        "soil_erodibility": {"value": 0.04, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "slope_length_factor": {"value": 2.0, "unit": "1"},
        "vegetation_cover": {"value": 0.5, "unit": "1"},
    }
    series = over_time(
        {
            2017: place.account(2017, visitors=(), inputs=more),
            2020: place.account(2020, visitors=(), inputs=more, classes=("town", "town")),
        }
    )
    assert "soil" not in set(series.accounts[2020].table["service"])
    assert "soil" in series.accounts[2020].provenance["services"]
    soil = series.growth(by="service").query("service == 'soil' and year == 2020").iloc[0]
    assert soil["nominal_base"] > 0
    assert (soil["constant"], soil["real_growth"], soil["partial"]) == (0.0, -1.0, False)
    assert series.gaps(2017, 2020).empty
    rows = series.decompose(2017, 2020).query("service == 'soil'")
    assert rows["area"].sum() == pytest.approx(-soil["nominal_base"])
    # Where a zone has none of it in the base year, the price is the line's over the whole area.
    back = over_time(
        {
            2017: place.account(2017, visitors=(), inputs=more, classes=("forest", "town")),
            2020: place.account(2020, visitors=(), inputs=more),
        }
    )
    row = back.growth(by=("service", "zone")).query(
        "service == 'soil' and zone == 'b' and year == 2020"
    )
    assert row["nominal_base"].to_list() == [0.0]
    assert row["constant"].to_list() == pytest.approx(row["nominal"].to_list())
    assert not row["partial"].any()


def test_units_that_cannot_be_converted_are_refused(place: Place) -> None:
    first, last = place.account(2017), place.account(2020)
    data = last.dataset.copy(deep=True)
    data["visits.Q"].attrs["units"] = "t/yr"
    with pytest.raises(DataError, match="units that cannot be converted") as caught:
        over_time({2017: first, 2020: Account(data, last.provenance)})
    assert "visits, Q" in str(caught.value)
    assert "[t/yr] in 2020, [人次/yr] in 2017" in str(caught.value)


def test_currencies_do_not_mix(place: Place) -> None:
    first, last = place.account(2017), place.account(2020)
    data = last.dataset.copy(deep=True)
    for name in ("water.V", "visits.V"):
        data[name].attrs["currency"] = "USD"
    with pytest.raises(DataError, match="the accounts differ in currency") as caught:
        over_time({2017: first, 2020: Account(data, last.provenance)})
    assert "2017: CNY, 2020: USD" in str(caught.value)
    data["visits.V"].attrs["currency"] = "EUR"
    with pytest.raises(DataError, match="an account has one currency"):
        over_time({2017: first, 2020: Account(data, last.provenance)})


# ---------------------------------------------------------------------------------- wrong calls


def test_saved_folders_are_loaded(place: Place, tmp_path: Path) -> None:
    account = place.account(2017)
    account.save(tmp_path / "2017")
    place.account(2020, rain=1100.0).save(tmp_path / "2020")
    series = over_time({2017: tmp_path / "2017", 2020: str(tmp_path / "2020")})
    assert series.years == (2017, 2020)
    assert series.growth().iloc[1]["constant"] == pytest.approx(150 * Y1 * 7.06 + 1500 * 133)


def test_wrong_accounts_are_refused_together(place: Place, tmp_path: Path) -> None:
    account = place.account(2017)
    with pytest.raises(UsageError, match="two or more accounts"):
        over_time({2017: account})
    with pytest.raises(UsageError) as caught:
        over_time({2018: account, "2017": account, 2019: 3, 2020: tmp_path / "none"})
    text = str(caught.value)
    assert "accounts, 2018: the account is of another year\n  found: its year is 2017" in text
    assert "accounts, '2017': the key is not a year" in text
    assert "accounts, 2019: this is no account" in text
    assert "the folder holds no account" in text


def test_wrong_tables_of_years_are_refused_together(place: Place) -> None:
    accounts = {2017: place.account(2017), 2020: place.account(2020)}
    with pytest.raises(UsageError) as caught:
        over_time(
            accounts,
            gdp={2017: 5e6, 2018: (1, "亿元"), 2020: (1, "t") },
            gdp_real={2017: 100, 2020: (3, "亿元")},
            population={2017: -3, 2020: (2, "CNY")},
            deflators={"visit": "cn_cpi", "visits": {2017: 1}, "water": "cpi_cn"},
        )  # fmt: skip
    text = str(caught.value)
    assert "gdp, 2017: give a number with its unit" in text
    assert "gdp, 2018: the series has no such year" in text
    assert "gdp, 2020: [t] cannot be converted to [CNY/yr]" in text
    assert "gdp_real: some years are amounts, some are index numbers" in text
    assert "population, 2017: must be a finite number above zero" in text
    assert "population, 2020: [CNY] cannot be converted" in text
    assert "deflators, visit: no account has a service 'visit'" in text
    assert "did you mean 'visits'?" in text
    assert "deflators, visits: the index lacks years of the series\n  found: 2020" in text
    assert "there is no price index 'cpi_cn'" in text
    with pytest.raises(UsageError, match="deflators, visits, 2020: must be a finite number"):
        over_time(accounts, deflators={"visits": {2017: 1, 2020: 0}})
    with pytest.raises(UsageError, match="deflators, visits: this is no price index"):
        over_time(accounts, deflators={"visits": 3})
    with pytest.raises(UsageError, match="gdp, 2017: the price year is not a year"):
        over_time(accounts, gdp={2017: (1, "亿元", "2017")})
    with pytest.raises(UsageError, match="gdp_real, 2017: must be a finite number above zero"):
        over_time(accounts, gdp_real={2017: 0})
    with pytest.raises(UsageError, match="population: must give a value by year"):
        over_time(accounts, population=[1, 2])


def test_unknown_years_groups_methods_and_languages(pair: Series) -> None:
    with pytest.raises(UsageError, match="the series has no year 2018"):
        pair.growth(base=2018)
    with pytest.raises(UsageError, match="the series has no year 2018"):
        pair.decompose(2017, 2018)
    with pytest.raises(UsageError, match="cannot group by 'town'"):
        pair.growth(by="town")
    with pytest.raises(UsageError, match="there is no method 'lmd'") as caught:
        pair.decompose(2017, 2020, method="lmd")
    assert "did you mean 'lmdi'?" in str(caught.value)
    with pytest.raises(UsageError, match="there is no language 'fr'"):
        pair.text("fr")


# ---------------------------------------------------------------------------------------- text


def test_the_text_prints_its_arithmetic(pair: Series) -> None:
    before, now, fixed = (f"{v / 1e4:,.4f}" for v in (V0, V1, CONSTANT))
    for lang, money in (("en", "10⁴ CNY"), ("zh", "万元")):
        text = pair.text(lang)
        assert f"{before} {money}" in text
        assert f"{now}/{before} - 1 = {V1 / V0 - 1:.2%}" in text
        assert f"{fixed}/{before} - 1 = {CONSTANT / V0 - 1:.2%}" in text
        assert f"{now}/{fixed} = {V1 / CONSTANT:.6f}" in text
        assert len(text.splitlines()) < 40
    assert repr(pair) == pair.text("zh")
    assert f"change 2017 to 2020: {(V1 - V0) / 1e4:+,.4f} = area" in pair.text("en")


def test_the_county_over_two_years(county: dict) -> None:
    tables = county["tables"]
    inputs = tables["inputs"] | {"precipitation": {"value": 1250, "unit": "mm/yr"}}
    earlier = Project.build(COUNTY, **tables | {"price_year": 2017, "inputs": inputs, "year": 2019})
    series = over_time(
        {2019: earlier.run(), 2020: county["account"]}, deflators={"tourism": "cn_cpi"}
    )
    growth = series.growth().set_index("year").loc[2020]
    gep = [float(series.accounts[y].total(())["value"].iloc[0]) for y in series.years]
    assert growth[["nominal_base", "nominal"]].to_list() == pytest.approx(gep)
    assert growth["real_growth"] > 0
    assert set(series.gaps(2019, 2020)["service"]) == {"crops", "forestry", "livestock", "fishery"}
    table = series.decompose(2019, 2020)
    effects = table[["area", "yield", "quantity", "price", "left_out"]].sum().sum()
    assert effects == pytest.approx(gep[1] - gep[0], rel=1e-9)
    water = table.query("service == 'water_retention' and area1 > 0")
    assert water["area"].abs().max() == pytest.approx(0.0, abs=1e-6)
    assert water["yield"].sum() > 0


# ------------------------------------------------------------------------------------- weather


@pytest.fixture(scope="module")
def county() -> dict:
    project = Project.load(COUNTY / "county_tables.toml")
    extent = pd.read_csv(COUNTY / "extent.csv")
    return {
        "project": project,
        "tables": dict(project.tables),
        "account": project.run(),
        "classes": sorted(extent["ecosystem"].unique()),
    }


MEANS = {"precipitation": (1050.0, "mm/yr")}
CLIMATE = ["precipitation", "evapotranspiration"]


def _four(place: Place, **later):
    projects = (place.project(2017, price_year=2020), place.project(2020, rain=1100.0, **later))
    normal = [weather_normalised(p, MEANS, climate=CLIMATE, keep=CLIMATE[1:]) for p in projects]
    return projects[0].run(), normal[0], projects[1].run(), normal[1]


def test_change_is_management_and_weather(place: Place) -> None:
    four = _four(place, area=(120.0, 50.0))
    table = split_weather(*four).set_index("service")
    normal = (1050 * 0.9535 - 600) * 10 * 7.06
    water = table.loc["water"]
    assert water["normal0"] == pytest.approx(150 * normal)
    assert water["management"] == pytest.approx(20 * normal)
    weather = (170 * (Y1 * 7.06 - normal)) - 150 * (Y0 * 7.06 - normal)
    assert water["weather"] == pytest.approx(weather)
    assert (table["management"] + table["weather"]).to_list() == pytest.approx(
        (table["actual1"] - table["actual0"]).to_list(), rel=1e-14, abs=1e-9
    )
    assert table.loc["visits", ["management", "weather"]].to_list() == [0.0, 0.0]
    assert (table["lacks"] == "").all()
    assert four[1].provenance["weather"]["kept"] == ["evapotranspiration"]
    note = four[1].provenance["notes"][-1]
    assert "multi-year means of / 多年平均 precipitation" in note
    assert "保持当年值 evapotranspiration" in note
    assert "weather" not in four[0].provenance


def test_a_normal_account_can_be_saved(place: Place, tmp_path: Path) -> None:
    actual0, normal0, actual1, normal1 = _four(place)
    normal0.save(tmp_path / "normal")
    loaded = Account.load(tmp_path / "normal")
    table = split_weather(actual0, loaded, actual1, normal1).set_index("service")
    assert table.loc["water", "management"] == pytest.approx(0.0, abs=1e-6)


def test_what_the_services_use_besides_is_named(county: dict) -> None:
    account = weather_normalised(county["project"], {"precipitation": {"value": 1300, "unit": "mm/yr"}}, climate=["precipitation"])  # fmt: skip
    assert "not listed as weather / 未列为气象量 evapotranspiration" in account.provenance["notes"][-1]  # fmt: skip
    change = account.total("service").set_index("service")["value"]
    change -= county["account"].total("service").set_index("service")["value"]
    assert change["water_retention"] < 0
    assert change.drop("water_retention").abs().max() == 0


def test_means_take_the_place_of_statistics_tables_and_files(county: dict, tmp_path: Path) -> None:
    frame = pd.read_csv(COUNTY / "statistics.csv", dtype=str)
    visitors = frame[frame["quantity"] == "visitors"]
    means = pd.DataFrame({"ecosystem": county["classes"], "value": 650.0, "source": "synthetic"})
    file = tmp_path / "means.csv"
    means.to_csv(file, index=False)
    found = [
        weather_normalised(
            county["project"], {"evapotranspiration": given}, climate=["evapotranspiration"]
        )
        for given in ((means, "mm/yr"), {"table": str(file), "unit": "mm/yr"}, (650.0, "mm/yr"))
    ]
    values = [a.total(()).iloc[0]["value"] for a in found]
    assert values == pytest.approx([values[0]] * 3)
    replaced = [a.provenance["weather"]["replaced"]["evapotranspiration"] for a in found]
    assert len(set(replaced)) == 3, "the same numbers in another form are not known to be the same"
    assert not visitors.empty
    place = Place(tmp_path)
    project = place.project(2017, zones=("a",), area=(100.0,), classes=("forest",))
    account = weather_normalised(project, {"visitors": (10, "人次/yr")}, climate=["visitors"])
    assert account.table.query("service == 'visits'")["quantity"].to_list() == [10.0]


def test_weather_that_is_neither_replaced_nor_kept_is_refused(place: Place) -> None:
    project = place.project(2017)
    with pytest.raises(UsageError) as caught:
        weather_normalised(
            project,
            {"precipitation": (1000, "mm/yr"), "visitors": (3, "人次/yr")},
            climate=["precipitation", "evapotranspiration", "precipitaton"],
            keep=["precipitation"],
        )
    text = str(caught.value)
    assert "evapotranspiration depends on the weather: replace or keep it" in text
    assert "the project gives no quantity 'precipitaton'" in text
    assert "did you mean 'precipitation'?" in text
    assert "precipitation is both replaced and kept" in text
    assert "visitors is not listed as depending on the weather" in text
    with pytest.raises(UsageError, match="nothing is replaced"):
        weather_normalised(project, {}, climate=[])
    with pytest.raises(UsageError, match="a mean is given with its unit"):
        weather_normalised(project, {"precipitation": 1000}, climate=["precipitation"])


def test_four_accounts_that_do_not_fit_are_refused_together(place: Place) -> None:
    actual0, normal0, actual1, normal1 = _four(place)
    with pytest.raises(DataError) as caught:
        split_weather(normal0, actual0, actual1, normal1)
    text = str(caught.value)
    assert "actual0: the account is weather normalised" in text
    assert "normal0: the account is not weather normalised" in text
    other = weather_normalised(place.project(2020), {"precipitation": (1051, "mm/yr")}, climate=CLIMATE, keep=CLIMATE[1:])  # fmt: skip
    with pytest.raises(
        DataError, match="normal0 and normal1 are not of the same weather"
    ) as caught:
        split_weather(actual0, normal0, actual1, other)
    assert "other means of the same quantities" in str(caught.value)
    means = {**MEANS, "evapotranspiration": (600.0, "mm/yr")}
    other = weather_normalised(place.project(2020), means, climate=CLIMATE)
    with pytest.raises(DataError, match="evapotranspiration, precipitation; kept"):
        split_weather(actual0, normal0, actual1, other)
    with pytest.raises(DataError, match="actual1 and normal1 are of different years"):
        split_weather(actual0, normal0, actual1, normal0)
    with pytest.raises(DataError, match="the accounts are at different prices") as caught:
        split_weather(place.account(2017), normal0, actual1, normal1)
    assert "actual0: 2017 CNY, normal0: 2020 CNY" in str(caught.value)


def test_a_service_that_one_account_lacks_is_undetermined(place: Place) -> None:
    actual0, normal0, _, normal1 = _four(place)
    actual1 = place.account(2020, rain=1100.0, services=["water"])
    row = split_weather(actual0, normal0, actual1, normal1).set_index("service").loc["visits"]
    assert row["lacks"] == "actual1"
    assert row[["change", "management", "weather"]].isna().all()


def test_every_order_of_years_gives_one_series(place: Place) -> None:
    accounts = {y: place.account(y, rain=1000.0 + y - 2017) for y in (2017, 2018, 2019)}
    texts = {
        over_time({y: accounts[y] for y in order}).text("en")
        for order in itertools.permutations(accounts)
    }
    assert len(texts) == 1
