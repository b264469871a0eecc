"""Purchases, compensation, land, quotas, carbon and easements as rule files: published numbers."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.realization import Result, Rule
from gep.realization import rule as load
from gep.realization.settlement import Tier, net, schedule

#: Chongqing, Anji and so on: folders whose rules these tests are about.
FOLDERS = (
    *("jingning_2019", "yunhe_2020", "dayang_2020", "zhejiang_2017", "yunhe_land_2020"),
    *("xinanjiang_2012", "xinanjiang_2015", "xinanjiang_2018", "chongqing_2018", "anji_2022"),
)
#: Concentrations of no real river (the base series of the scheme is not public).
BASE = {"CODMn": 2.0, "NH3-N": 0.2, "TN": 1.0, "TP": 0.04}
RATIO = {"CODMn": 0.95, "NH3-N": 0.90, "TN": 1.10, "TP": 1.05}


@functools.cache
def rule(name: str) -> Rule:
    """Return a rule that was loaded once."""
    return load(name)


def paid(result: Result) -> dict[tuple[str, str], Decimal]:
    return {(p.payer.en, p.payee.en): p.amount for p in result.payments}


@pytest.fixture
def case(real: Path) -> Callable[[str], dict[str, Any]]:
    """Reads a published account of the shared collection."""
    folder = (real.parent if real.name == "data" else real) / "cases"

    def read(name: str) -> dict[str, Any]:
        path = folder / f"{name}.json"
        if not path.is_file():
            pytest.skip(f"no {path}")
        return dict(json.loads(path.read_text(encoding="utf-8")))

    return read


def expected(case: dict[str, Any]) -> dict[str, tuple[float, float]]:
    return {line["name"]: (line["value"], line["tol"]) for line in case["expected"]}


# ------------------------------------------------------------------------ all of these folders


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_number_says_whose_it_is_and_no_rule_claims_to_have_been_read(folder: str) -> None:
    from gep import library

    loaded = library.mechanism(folder)
    assert loaded.services
    for service in loaded.services.values():
        assert service.verified in ("secondary", "recalled")
    for table in loaded.tables.values():
        for column in table.entries.values():
            for entry in column.values():
                assert entry.verified != "full_text"
                assert table.source_text(entry) != entry.source  # resolved to words


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("jingning_2019", "purchase_rate"),
        ("chongqing_2018", "price"),
    ],
)
def test_what_was_solved_back_is_called_so_and_only_recalled(name: str, item: str) -> None:
    from gep import library

    (entry,) = library.mechanism(name).tables["parameters"].entries[item].values()
    assert entry.verified == "recalled"
    assert "back-solved" in entry.note
    assert "反算" in entry.note


# --------------------------------------------------------------------------- purchases: F1, F2


def test_v1_dajun_2019_increment() -> None:
    """China Daily 2020-01-02: GEP 17.9 亿, +9 400 万, 188 万. 2 % is 188/9 400."""
    result = rule("jingning_2019/increment_purchase")(
        gep_of_year="17.9 亿元/yr", gep_before="16.96 亿元/yr", price_year=2018
    )
    assert result["D"] == pytest.approx(9400)
    assert float(result) == pytest.approx(188.0)
    assert result["s"] == pytest.approx(100 * 188 / 179000)  # 0.105 % of the level
    assert result.verified == "recalled"
    assert "back-solved" in " ".join(result.notes)
    assert paid(result) == {("county", "township"): Decimal("1880000.00")}


@pytest.mark.real_data
def test_dajun_of_the_collection(case: Callable[[str], dict[str, Any]]) -> None:
    """ACC-DAJUN-2018: 1.79 billion, 94 million more, 1.88 million paid."""
    found = case("ACC-DAJUN-2018")
    level = found["given"]["GEP_2018_1e9yuan"] * 10  # 亿元
    growth = found["given"]["increment_2017_2018_million"] / 100  # 亿元
    result = rule("jingning_2019/increment_purchase")(
        gep_of_year=(level, "亿元/yr"), gep_before=(level - growth, "亿元/yr"), price_year=2018
    )
    wanted = expected(found)
    value, tolerance = wanted["ecological value-added payment"]
    assert result.to("万元/yr") / 100 == pytest.approx(value, abs=tolerance)
    value, tolerance = wanted["GEP 2017 (derived)"]
    assert (level - growth) / 10 == pytest.approx(value, abs=tolerance)
    value, tolerance = wanted["growth rate (derived)"]
    assert 100 * growth / (level - growth) == pytest.approx(value, abs=tolerance)


def test_a_fall_of_gep_is_not_paid_for_and_said() -> None:
    result = rule("jingning_2019/increment_purchase")(
        gep_of_year="16 亿元/yr", gep_before="17 亿元/yr", price_year=2018
    )
    assert float(result) == 0
    assert not result.payments
    assert "GEP fell" in str(result.warnings[0])


def test_yunhe_2020_level_with_hold_back() -> None:
    """NDRC 2021-10-12: 0.2 %, 70 % and 30 %, second instalment 208.46 万."""
    total = 208.46 / 0.30  # 694.87 万, if the tail was paid in full
    base = total / 0.002  # 34.74 亿
    assert base / 1e4 == pytest.approx(34.74, abs=0.005)
    for name, quantity in (
        ("level_purchase", "gep_regulating"),
        ("level_purchase_of_gep", "gep_total"),
    ):
        result = rule(f"yunhe_2020/{name}")(
            **{quantity: (base, "万元/yr")}, quality_factor=1, price_year=2018
        )
        assert float(result) == pytest.approx(694.87, abs=0.005)
        assert result["T_1"] == pytest.approx(486.41, abs=0.005)
        assert result["T_2"] == pytest.approx(208.46)
        assert sum(p.amount for p in result.payments) == Decimal("6948666.67")
        assert "does not say whether" in " ".join(result.notes)


def test_the_tail_follows_the_quality_and_the_two_bases_differ() -> None:
    by_sum = rule("yunhe_2020/level_purchase")(
        gep_regulating="30 亿元/yr", quality_factor=0.5, price_year=2018
    )
    whole = rule("yunhe_2020/level_purchase_of_gep")(
        gep_total="40 亿元/yr", quality_factor=0.5, price_year=2018
    )
    assert by_sum["T_2"] == pytest.approx(0.3 * 0.002 * 300000 * 0.5)  # 90
    assert float(whole) / float(by_sum) == pytest.approx(4 / 3)
    with pytest.raises(DataError, match="looks like a percentage"):
        rule("yunhe_2020/level_purchase")(
            gep_regulating="30 亿元/yr", quality_factor=1.5, price_year=2018
        )


def test_increment_against_level_dajun_was_paid_half_of_what_yunhe_pays() -> None:
    increment = rule("jingning_2019/increment_purchase")(
        gep_of_year="17.9 亿元/yr", gep_before="16.96 亿元/yr", price_year=2018
    )
    level = rule("yunhe_2020/level_purchase_of_gep")(
        gep_total="17.9 亿元/yr", quality_factor=1, price_year=2018
    )
    assert increment["s"] == pytest.approx(0.105, abs=0.0005)
    assert float(increment) / float(level) == pytest.approx(188 / 358)  # 0.525


# ---------------------------------------------------------------------- enterprise purchase: F3


@pytest.mark.parametrize(
    ("rate", "arrears"), [(0.03, 194.5), (0.0475, 161.5), (0.06, 142.8), (0, 279.28)]
)
def test_v2_dayang_2020_contract(rate: float, arrears: float) -> None:
    """279.28 万 in 25 years, 800 亩: 111 712 元 a year (news.gscn.com.cn 2020-05-23)."""
    result = rule("dayang_2020/solar_contract")(capitalisation_rate=rate, price_year=2020)
    assert float(result) == pytest.approx(111712)
    assert result["A_S"] == pytest.approx(139.64)
    assert result["PV_1"] == pytest.approx(arrears, abs=0.05)
    by_hand = sum(11.1712 / (1 + rate) ** year for year in range(1, 26))
    assert result["PV_1"] == pytest.approx(by_hand)
    assert result["PV_0"] == pytest.approx(by_hand * (1 + rate))
    assert paid(result) == {("enterprise", "township"): Decimal("111712.00")}


def test_dayang_price_is_five_percent_of_services_and_twelve_of_the_gain() -> None:
    """The split of 279.28 is not public: these bases are made up."""
    result = rule("dayang_2020/enterprise_purchase")(
        purchased_regulating_value="3000 万元", ecological_premium="1000 万元", price_year=2020
    )
    assert float(result) == pytest.approx(0.05 * 3000 + 0.12 * 1000)  # 270
    assert result["A"] == pytest.approx(2700000 / 25)
    general = rule("methods/equal_instalments")(
        contract_price=result, contract_years="25 yr", contract_area="800 亩",
        capitalisation_rate=0.0475, price_year=2020,
    )  # fmt: skip
    contract = rule("dayang_2020/solar_contract")(capitalisation_rate=0.0475, price_year=2020)
    assert general["PV_1"] / contract["PV_1"] == pytest.approx(270 / 279.28)
    assert general["PV_0"] == pytest.approx(general["PV_1"] * 1.0475)


def test_gain_of_a_solar_plant_from_clean_air() -> None:
    """A made-up plant: yields 2 % more for 20 years and lasts 5 years longer."""
    result = rule("methods/clean_air_gain")(
        electricity_generated="100 万kWh/yr", electricity_gain="2 万kWh/yr",
        power_tariff="0.4 元/kWh", life_without="20 yr", life_with="25 yr",
        capitalisation_rate=0.05, price_year=2020,
    )  # fmt: skip
    more = sum(0.8 / 1.05**year for year in range(1, 21))  # 万元
    longer = sum(40.8 / 1.05**year for year in range(21, 26))
    assert result["W_1"] == pytest.approx(more)
    assert float(result) == pytest.approx(more + longer)
    bought = rule("dayang_2020/enterprise_purchase")(
        purchased_regulating_value="1000 万元", ecological_premium=result, price_year=2020
    )
    assert float(bought) == pytest.approx(50 + 0.12 * (more + longer))


def test_the_discount_rate_has_no_default_and_a_percent_is_refused() -> None:
    with pytest.raises(DataError, match="capitalisation_rate"):
        rule("dayang_2020/solar_contract")(price_year=2020)
    with pytest.raises(DataError, match="looks like a percentage"):
        rule("dayang_2020/solar_contract")(capitalisation_rate=4.75, price_year=2020)


# ------------------------------------------------------------------------------ schedules: F4


@pytest.mark.parametrize(("drop", "wanted"), [(4.2, 330), (2.0, 100), (-1.5, -150), (3.0, 150)])
def test_zhejiang_energy_intensity(drop: float, wanted: float) -> None:
    """CNR 2017-09-20: +50 万 a point, +100 万 more beyond the mean of 3.0, -100 万 a point up."""
    result = rule("zhejiang_2017/energy_intensity")(
        energy_intensity_drop=(drop, "%"), provincial_drop="3 %", price_year=2017
    )
    assert result.to("万元/yr") == pytest.approx(wanted)
    parties = ("province", "county") if wanted > 0 else ("county", "province")
    assert paid(result) == {parties: Decimal(abs(wanted) * 10000)}


@given(st.floats(-20, 20), st.floats(0.5, 10))
def test_the_general_schedule_gives_what_the_rule_gives(drop: float, mean: float) -> None:
    published = rule("zhejiang_2017/energy_intensity")(
        energy_intensity_drop=(drop, "%"), provincial_drop=(mean, "%"), price_year=2017
    )
    up = [
        Tier("0 %", (mean, "%"), "50 万元/(%·yr)"),
        Tier((mean, "%"), None, "150 万元/(%·yr)"),
    ]
    general = schedule(
        (drop, "%"), up=up, down=[Tier("0 %", None, "100 万元/(%·yr)")],
        payer="province", payee="county", price_year=2017,
    )  # fmt: skip
    assert general.to("万元/yr") == pytest.approx(published.to("万元/yr"), abs=1e-9)


def test_energy_intensity_wants_a_unit() -> None:
    with pytest.raises(DataError, match="no unit"):
        rule("zhejiang_2017/energy_intensity")(
            energy_intensity_drop=4.2, provincial_drop="3 %", price_year=2017
        )


# ------------------------------------------------------------------------- index P: F5, F6


def index(year: int, **changed: float) -> Result:
    now = {name: BASE[name] * RATIO[name] for name in BASE} | changed
    return rule(f"xinanjiang_{year}/compensation_index")(
        concentration=(now, "mg/L"), base_concentration=(BASE, "mg/L")
    )


@pytest.mark.parametrize(
    ("year", "by_hand", "room"),
    [
        (2012, 0.85 * 0.25 * (0.95 + 0.90 + 1.10 + 1.05), 17.6),  # 0.8500
        (2015, 0.89 * 0.25 * (0.95 + 0.90 + 1.10 + 1.05), 12.4),  # 0.8900
        (2018, 0.90 * (0.22 * (0.95 + 0.90) + 0.28 * (1.10 + 1.05)), 11.1),  # 0.9081
    ],
)
def test_compensation_index_of_the_three_rounds(year: int, by_hand: float, room: float) -> None:
    result = index(year)
    assert float(result) == pytest.approx(by_hand)
    assert result["H"] == pytest.approx(room, abs=0.05)
    assert result.verified == "recalled"
    more = {"TP": BASE["TP"] * RATIO["TP"] + 0.01}
    rise = float(index(year, **more)) - float(result)
    assert rise / 0.01 == pytest.approx(result["M"]["TP"])  # which pollutant to treat
    assert sum(result["p"].values()) == pytest.approx(float(result))


def test_the_index_of_the_reference_values() -> None:
    assert float(index(2012)) == pytest.approx(0.8500, abs=5e-5)
    assert float(index(2015)) == pytest.approx(0.8900, abs=5e-5)
    assert float(index(2018)) == pytest.approx(0.9081, abs=5e-5)


@pytest.mark.real_data
def test_xinanjiang_of_the_collection(case: Callable[[str], dict[str, Any]]) -> None:
    """FORM-XINANJIANG-P: a check of the formula; no concentrations are public."""
    found = case("FORM-XINANJIANG-P")
    wanted = expected(found)
    for name, factor in (
        ("P if all Ci=Ci0, round 1", 1.0),
        ("P if all Ci=1.2*Ci0, round 1 (derived)", 1.2),
    ):
        result = rule("xinanjiang_2012/compensation_index")(
            concentration=({n: c * factor for n, c in BASE.items()}, "mg/L"),
            base_concentration=(BASE, "mg/L"),
        )
        value, tolerance = wanted[name]
        assert float(result) == pytest.approx(value, abs=tolerance)
    value, tolerance = wanted["mean concentration ratio implied by P=0.833 (derived)"]
    ratio = 0.833 / result.inputs["k_0"].value
    assert ratio == pytest.approx(value, abs=tolerance)


@given(st.floats(0.1, 5), st.sampled_from([2012, 2015, 2018]))
def test_the_index_is_proportional_to_the_concentrations(factor: float, year: int) -> None:
    scaled = {name: BASE[name] * RATIO[name] * factor for name in BASE}
    assert float(index(year, **scaled)) == pytest.approx(factor * float(index(year)))


def test_the_index_refuses_missing_pollutants_units_and_weights() -> None:
    ask = rule("xinanjiang_2012/compensation_index")
    three = {name: BASE[name] for name in ("CODMn", "NH3-N", "TN")}
    with pytest.raises(DataError, match="weights do not add to 1: a pollutant is missing"):
        ask(concentration=(three, "mg/L"), base_concentration=(three, "mg/L"))
    micro = BASE | {"TP": 40}
    with pytest.raises(DataError, match="µg/L given as mg/L"):
        ask(concentration=(micro, "mg/L"), base_concentration=(BASE, "mg/L"))
    with pytest.raises(DataError, match="Mean concentration of the base period lies outside"):
        ask(concentration=(BASE, "mg/L"), base_concentration=(BASE | {"TP": 0}, "mg/L"))
    with pytest.raises(DataError, match="weights do not add to 1"):
        ask(
            concentration=(BASE, "mg/L"), base_concentration=(BASE, "mg/L"),
            k=dict.fromkeys(BASE, 0.3),
        )  # fmt: skip
    mercury = BASE | {"Hg": 0.1}
    with pytest.raises(DataError, match="pollutant 'Hg' is unknown"):
        ask(concentration=(mercury, "mg/L"), base_concentration=(mercury, "mg/L"))
    low = ask(concentration=(BASE | {"TP": 0.00004}, "mg/L"), base_concentration=(BASE, "mg/L"))
    assert "mg/L given as µg/L" in str(low.warnings[0])


@pytest.mark.parametrize(("p", "receipt"), [(0.833, 1), (1.0, 1), (1.0 + 1e-9, -1), (1.02, -1)])
def test_first_round_winner_takes_one_yi(p: float, receipt: float) -> None:
    """Round 1: 1 亿 from either province, 3 亿 from the central government to Anhui in any case."""
    result = rule("xinanjiang_2012/settlement")(compensation_index=p, price_year=2012)
    assert float(result) == pytest.approx(receipt)
    flows = paid(result)
    assert flows.pop(("central government", "Anhui")) == 300_000_000
    parties = ("Zhejiang", "Anhui") if receipt > 0 else ("Anhui", "Zhejiang")
    assert flows == {parties: 100_000_000}
    assert net([result]).value["安徽省"] == 300_000_000 + receipt * 100_000_000


def test_an_index_goes_straight_into_the_settlement_and_ties_are_met() -> None:
    found = index(2012)
    result = rule("xinanjiang_2012/settlement")(compensation_index=found, price_year=2012)
    assert float(result) == 1
    exactly = {name: base / 0.85 for name, base in BASE.items()}  # P = 1 but for the last digit
    at_one = rule("xinanjiang_2012/settlement")(
        compensation_index=index(2012, **exactly), price_year=2012
    )
    assert float(at_one) == 1


@pytest.mark.parametrize(
    ("p", "net_receipt"), [(0.89, 2), (0.95, 2), (0.9501, 1), (1, 1), (1.001, -1.5)]
)
def test_second_round_has_a_stricter_tier(p: float, net_receipt: float) -> None:
    result = rule("xinanjiang_2015/settlement")(
        compensation_index=p, downstream_amount="1 亿元/yr", downstream_extra="1 亿元/yr",
        upstream_amount="1.5 亿元/yr", price_year=2015,
    )  # fmt: skip
    assert float(result) == pytest.approx(net_receipt)


def test_second_round_amounts_stay_within_the_contributions() -> None:
    with pytest.raises(DataError, match="downstream exceed its contribution") as error:
        rule("xinanjiang_2015/settlement")(
            compensation_index=0.9, downstream_amount="2 亿元/yr", downstream_extra="1 亿元/yr",
            upstream_amount="3 亿元/yr", price_year=2015,
        )  # fmt: skip
    assert "amount of upstream exceeds" in str(error.value)
    central = rule("xinanjiang_2015/central_grant")
    assert float(central(price_year=2015)) == pytest.approx(9)  # 4 + 3 + 2 亿
    assert float(central(price_year=2015, members={"year": ["2017"]})) == pytest.approx(2)


def test_third_round_has_an_index_and_tiers_of_the_caller() -> None:
    from gep import library

    assert library.mechanism("xinanjiang_2018").catalogue == ("compensation_index",)
    result = rule("methods/index_settlement")(
        compensation_index=index(2018), settlement_threshold={"first": 1, "second": 0.95},
        downstream_amount=({"first": 100, "second": 50}, "万元/yr"), upstream_threshold=1,
        upstream_amount="80 万元/yr", price_year=2018,
    )  # fmt: skip
    assert float(result) == pytest.approx(150)


@pytest.mark.parametrize(
    ("score", "wanted"), [(95, 800), (90, 800), (80, 500), (75, 0), (70, 0), (69.9, -400)]
)
def test_settlement_by_a_composite_score(score: float, wanted: float) -> None:
    result = rule("methods/score_settlement")(
        composite_score=score, settlement_threshold={"a": 80, "b": 90},
        downstream_amount=({"a": 500, "b": 300}, "万元/yr"), upstream_threshold=70,
        upstream_amount="400 万元/yr", price_year=2023,
    )  # fmt: skip
    assert float(result) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("concentration", "rate", "both", "either"),
    [(0.2, 0.95, 300, 300), (0.1, 0.9, -200, 300), (0.3, 0.96, -200, 300), (0.3, 0.9, -200, -200)],
)
def test_two_criteria_joined_by_and_or_by_or(
    concentration: float, rate: float, both: float, either: float
) -> None:
    given = {
        "concentration": (concentration, "mg/L"), "concentration_limit": "0.2 mg/L",
        "compliance_rate": rate, "compliance_target": 0.95, "price_year": 2016,
        "downstream_amount": "300 万元/yr", "upstream_amount": "200 万元/yr",
    }  # fmt: skip
    assert float(rule("methods/both_criteria_settlement")(**given)) == both
    assert float(rule("methods/either_criterion_settlement")(**given)) == either


# ----------------------------------------------------------------------------- spill-over: F7


def test_spill_over_shows_the_imbalance() -> None:
    """Supply and use (10, 4) and (3, 8): +6 and -5, and 1 is left."""
    ask = rule("methods/spill_over")
    flows = {
        "supplied_value": ({"a": 10, "b": 3}, "万元/yr"),
        "used_value": ({"a": 4, "b": 8}, "万元/yr"),
    }
    result = ask(**flows, payable_share=1, city_share=0, price_year=2016)
    assert result["n"] == {"a": 6, "b": -5}
    assert result["I"] == 1
    assert float(result) == 1  # falls to the city
    phased = ask(**flows, payable_share=0.2, city_share=0.5, price_year=2016)
    assert phased["R"] == pytest.approx({"a": 1.2, "b": 0})
    assert phased["O"] == pytest.approx({"a": 0, "b": 0.5})
    into = sum(p.amount for p in phased.payments if p.payee.en == "compensation pool")
    out = sum(p.amount for p in phased.payments if p.payer.en == "compensation pool")
    assert into == out == 12000


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=6),
    st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip
def test_the_pool_of_a_spill_over_takes_in_what_it_pays_out(
    flows: list[tuple[int, int]], theta: float, city: float
) -> None:
    result = rule("methods/spill_over")(
        supplied_value=({str(n): s for n, (s, _) in enumerate(flows)}, "万元/yr"),
        used_value=({str(n): u for n, (_, u) in enumerate(flows)}, "万元/yr"),
        payable_share=theta, city_share=city, price_year=2016,
    )  # fmt: skip
    into = math.fsum(result["O"].values()) + result["B_1"]
    out = math.fsum(result["R"].values()) + result["B_2"]
    assert into == pytest.approx(out)
    assert result["I"] == sum(s - u for s, u in flows)


# --------------------------------------------------------------------- land and quota: G1, G2


def test_yunhe_2020_land_with_ecological_premium() -> None:
    """China Daily 2020-07-30: 493.6 m², 128 万, premium 137 %, added value 97 500 元."""
    result = rule("yunhe_land_2020/ecological_land_sale")(
        ecological_value="97500 元", price_year=2020
    )
    assert float(result) == pytest.approx(197.5, abs=0.05)  # 97 500/493.6
    assert result["s"] == pytest.approx(7.6, abs=0.05)  # 97 500/1 280 000
    assert result["B_0"] == pytest.approx(54.0, abs=0.05)  # 128/2.37


def test_land_is_refused_below_its_floor_and_with_a_plot_ratio_that_does_not_fit() -> None:
    plot = {
        "land_area": "1000 m²", "plot_ratio": 1.5, "building_area": "1500 m²",
        "economic_value": "80 万元", "ecological_value_of_area": "200 元/m²",
        "sale_price": "150 万元", "price_year": 2020,
    }  # fmt: skip
    ask = rule("methods/land_by_area")
    result = ask(**plot)
    assert float(result) == pytest.approx(100)
    assert result["m"] == pytest.approx(50)
    with pytest.raises(DataError, match="below the floor") as error:
        ask(**plot | {"sale_price": "90 万元", "building_area": "1000 m²"})
    assert "plot ratio do not fit" in str(error.value)
    by_worth = rule("methods/land_by_present_value")(
        economic_value="80 万元", worth_of_environment="50 万元", payable_share=0.4,
        sale_price="150 万元", price_year=2020,
    )  # fmt: skip
    assert float(by_worth) == pytest.approx(float(result))
    with pytest.raises(DataError, match="below the floor"):
        rule("methods/land_by_present_value")(
            economic_value="80 万元", worth_of_environment="50 万元", payable_share=0.4,
            sale_price="99 万元", price_year=2020,
        )  # fmt: skip


@pytest.mark.parametrize(("area", "wanted"), [(11190, 2797.5), (15000, 3750.0), (41190, 10297.5)])
def test_v3_v4_chongqing_quota_deals(area: float, wanted: float) -> None:
    """Wuxi-Yuzhong 11 190 亩, Chengkou-Jiulongpo 15 000 亩, three deals 4.119 万亩 = 1.03 亿."""
    result = rule("chongqing_2018/quota_sale")(quota_area=(area, "亩"), price_year=2018)
    assert result.to("万元") == pytest.approx(wanted)
    assert result.verified == "recalled"
    (payment,) = result.payments
    assert payment.amount == Decimal(str(wanted)) * 10000


def test_quota_in_hectares_is_the_same_quota() -> None:
    ask = rule("chongqing_2018/quota_sale")
    assert float(ask(quota_area="746 ha", price_year=2018)) == pytest.approx(2797.5)


def test_least_price_of_quota_is_that_of_the_deals() -> None:
    """1 000 元 for the quota and 100 元 a year for 15 years, as remembered."""
    assert float(rule("chongqing_2018/least_price")(price_year=2018)) == pytest.approx(2500)


def test_a_seller_keeps_its_target_and_a_buyer_counts_its_quota() -> None:
    seller = rule("chongqing_2018/seller_compliance")
    land = {"forest_area": "70 万亩", "district_area": "100 万亩"}
    result = seller(**land, quota_area="5 万亩", cover_target=0.55)
    assert result["x"] == pytest.approx(100_000)  # the floor of 60 %, above the own target
    assert float(result) == pytest.approx(65)
    with pytest.raises(DataError, match="exceeds the surplus of the seller"):
        seller(**land, quota_area="11 万亩", cover_target=0.55)
    with pytest.raises(DataError, match="forest is larger than the district"):
        seller(**land | {"forest_area": "70 万ha"}, quota_area="5 万亩", cover_target=0.55)
    buyer = rule("chongqing_2018/buyer_compliance")
    poor = {"forest_area": "40 万亩", "district_area": "100 万亩", "cover_target": 0.5}
    assert not buyer(**poor, quota_area="10 万亩").warnings
    missed = buyer(**poor, quota_area="9 万亩")
    assert missed["d"] == pytest.approx(-1)
    assert "target is missed" in str(missed.warnings[0])


# -------------------------------------------------------------------------------- carbon: G4


def test_v5_anji_carbon_sale() -> None:
    """2 000 t at 73.41 元: about 14.7 万 (peopleweekly.cn 2022-05-19)."""
    result = rule("anji_2022/carbon_sale")(carbon_sold="2000 tCO2", price_year=2022)
    assert float(result) == pytest.approx(146820)
    (payment,) = result.payments
    assert payment.amount == Decimal("146820.00")


def test_v6_anji_rents_and_unit_economics() -> None:
    """27.55 万/5 425 亩/3 y and 7 230 万/14.24 万亩/30 y; 0.39 t/亩; 73.41 元; 80 %."""
    result = rule("anji_2022/carbon_economics")(price_year=2022)
    assert result["w"]["dali_village"] == pytest.approx(16.93, abs=0.005)
    assert result["w"]["county"] == pytest.approx(16.92, abs=0.005)
    assert result["c"]["dali_village"] == pytest.approx(43.40, abs=0.005)
    assert result["g"]["dali_village"] == pytest.approx(30.01, abs=0.005)
    assert result["v"]["dali_village"] == pytest.approx(24.00, abs=0.005)
    assert "inferred" in " ".join(result.notes)


def test_anji_yield_and_return() -> None:
    """14.24 万亩 × 0.39 = 5.55 万 t (5.6 reported); 80 % of net income to the villages."""
    uptake = rule("anji_2022/bamboo_carbon")(bamboo_area="14.24 万亩")
    assert float(uptake) == pytest.approx(55536)
    assert float(uptake) / 1e4 == pytest.approx(5.6, abs=0.05)
    ask = rule("anji_2022/village_return")
    assert float(ask(net_carbon_income="60013 元", price_year=2022)) == pytest.approx(48010.4)
    loss = ask(net_carbon_income="-1 万元", price_year=2022)
    assert float(loss) == 0
    assert "no net income" in str(loss.warnings[0])


PROJECT = {
    "project_stock_change": "1000 tCO2", "baseline_stock_change": "300 tCO2",
    "carbon_leakage": "50 tCO2", "project_emissions": "50 tCO2", "buffer_share": 0.2,
    "crediting_years": "20 yr", "years_of_right": "30 yr",
}  # fmt: skip


def test_a_reversal_is_carried_forward_and_made_good_first() -> None:
    ask = rule("methods/carbon_reduction")
    first = ask(**PROJECT | {"project_stock_change": "200 tCO2"}, carbon_reversal="0 tCO2")
    assert first["N"] == pytest.approx(-200)  # 200 - 300 - 50 - 50
    assert float(first) == 0
    assert first["R_1"] == pytest.approx(200)
    assert "carried over as a reversal" in str(first.warnings[0])
    second = ask(**PROJECT, carbon_reversal=(first["R_1"], "tCO2"))
    assert float(second) == pytest.approx((600 - 200) * 0.8)
    assert second["R_1"] == 0


@given(st.lists(st.integers(-500, 500), min_size=1, max_size=8), st.floats(0, 0.5))
def test_what_is_issued_over_the_periods_never_exceeds_what_was_stored(
    changes: list[int], buffer: float
) -> None:
    ask, reversal, issued = rule("methods/carbon_reduction"), 0.0, 0.0
    for change in changes:
        result = ask(
            **PROJECT | {"project_stock_change": (change, "tCO2"),
                         "baseline_stock_change": "0 tCO2", "carbon_leakage": "0 tCO2",
                         "project_emissions": "0 tCO2", "buffer_share": buffer},
            carbon_reversal=(reversal, "tCO2"),
        )  # fmt: skip
        reversal, issued = result["R_1"], issued + float(result)
    best = max(sum(changes[:n]) for n in range(len(changes) + 1))
    assert issued == pytest.approx((1 - buffer) * best, abs=1e-9)


def test_a_crediting_period_may_not_outlive_the_right() -> None:
    with pytest.raises(DataError, match="crediting period outlives the right"):
        rule("methods/carbon_reduction")(
            **PROJECT | {"crediting_years": "40 yr"}, carbon_reversal="0 tCO2"
        )


STAND = {
    "biomass_conversion": ({"a": 0.6}, "tDM/m³"), "root_ratio": {"a": 0.25},
    "carbon_fraction": ({"a": 0.5}, "tC/tDM"), "stand_area": ({"a": 1500}, "亩"),
    "deduction_share": 0.1,
}  # fmt: skip


def test_carbon_ticket_by_stock_change_in_either_unit_of_area() -> None:
    """100 ha × 10 m³/ha × 0.6 × 1.25 × 0.5 × 44/12 = 1 375 t; less 10 %."""
    ask = rule("methods/carbon_stock_change")
    by_hectare = ask(
        **STAND, stand_volume_before=({"a": 90}, "m³/ha"), stand_volume_after=({"a": 100}, "m³/ha")
    )
    assert by_hectare["Q"] == pytest.approx(1375)
    assert float(by_hectare) == pytest.approx(1237.5)
    by_mu = ask(
        **STAND,
        stand_volume_before=({"a": 6}, "m³/亩"),
        stand_volume_after=({"a": 100 / 15}, "m³/亩"),
    )
    assert float(by_mu) == pytest.approx(1237.5)
    with pytest.raises(DataError, match="lies outside 0 to 1500"):
        ask(
            **STAND, stand_volume_before=({"a": 90}, "m³/ha"),
            stand_volume_after=({"a": 110}, "m³/亩"),
        )  # fmt: skip
    fallen = ask(
        **STAND, stand_volume_before=({"a": 100}, "m³/ha"), stand_volume_after=({"a": 90}, "m³/ha")
    )
    assert float(fallen) == 0
    assert fallen["R_1"] == pytest.approx(1375)
    assert "carried over" in str(fallen.warnings[0])


# ------------------------------------------------------------------------------ easement: K


def easement(name: str, **changed: Any) -> Result:
    given = {
        "easement_area": ({"core": 100, "buffer": 50}, "亩"),
        "easement_rate": ({"core": 50, "buffer": 30}, "元/(亩·yr)"),
        "forest_compensation": ({"core": 40, "buffer": 40}, "元/(亩·yr)"),
        "easement_supplement": 0.1,
        "price_year": 2020,
    }
    return rule(f"methods/easement_{name}")(**given | changed)


def test_easement_with_forest_compensation_on_top_or_included() -> None:
    """Made-up rates: 55 and 33 元 with the supplement, beside 40 元 for public forest."""
    added, included = easement("additive"), easement("inclusive")
    assert float(added) == pytest.approx(100 * 55 + 50 * 33)
    assert added["O"] == pytest.approx(7150 + 150 * 40)
    assert float(included) == pytest.approx(100 * 15)
    assert included["O"] == pytest.approx(1500 + 150 * 40)  # max(55, 40) and max(33, 40)
    assert "exceeds the easement rate" in str(included.warnings[0])
    assert {p.member: p.amount for p in added.payments} == {
        "core": Decimal("5500.00"), "buffer": Decimal("1650.00"),
    }  # fmt: skip


def test_the_two_reported_rates_of_an_easement_do_not_agree_and_none_is_shipped() -> None:
    """China Daily 2022-05-10: 2 000 元 a year for 0.73 ha is 182.6 元/亩."""
    result = easement(
        "additive", easement_area=({"a": 0.73}, "ha"),
        easement_rate=({"a": 2000 / 0.73}, "元/(ha·yr)"),
        forest_compensation=({"a": 0}, "元/(亩·yr)"), easement_supplement=0,
    )  # fmt: skip
    assert float(result) == pytest.approx(2000)
    assert result["e"]["a"] == pytest.approx(182.6, abs=0.05)
    assert not rule("methods/easement_additive").service.coefficients


def test_a_rate_per_hectare_given_as_per_mu_is_noticed() -> None:
    result = easement("additive", easement_rate=({"core": 750, "buffer": 450}, "元/(亩·yr)"))
    assert "unusual: mostly 0 to 200" in str(result.warnings[0])


# -------------------------------------------------------------- opportunity cost by service value


def test_capital_recovery_and_sharing_by_service_value() -> None:
    """Zhao and others 2019 (ChinaXiv 201909.00077): annuities at 10 % until 2017, 亿元."""
    sums = {"1969": 0.66, "1976": 0.44, "1984": 4.44, "1999": 3.02}
    years = {"1969": 48, "1976": 41, "1984": 33, "1999": 18}
    cost = rule("methods/capital_recovery")(
        invested_sum=(sums, "亿元"), recovery_years=(years, "yr"), capitalisation_rate=0.1,
        price_year=2017,
    )  # fmt: skip
    printed = {"1969": 0.07, "1976": 0.05, "1984": 0.46, "1999": 0.37}
    assert cost["A"] == pytest.approx(printed, abs=0.006)
    for name, years_of_one in years.items():
        growth = 1.1**years_of_one
        assert cost["A"][name] == pytest.approx(sums[name] * 0.1 * growth / (growth - 1))
    assert float(cost) == pytest.approx(0.943, abs=0.002)
    shared = rule("methods/shared_by_service_value")(
        yearly_cost=({"repayment": float(cost), "subsidy": 0.495, "debt": 0.648}, "亿元/yr"),
        service_value_received=({"qilian": 40.1, "sandstorm": 0.709}, "亿元/yr"),
        price_year=2017,
    )  # fmt: skip
    assert float(shared) == pytest.approx(2.09, abs=0.006)
    assert shared["A"]["qilian"] == pytest.approx(2.05, abs=0.006)
    assert shared["A"]["sandstorm"] == pytest.approx(0.0363, abs=0.0003)
    whole = sum(p.amount for p in shared.payments)
    assert abs(whole - Decimal(repr(float(shared))) * 10**8) <= Decimal("0.005")


@pytest.mark.real_data
def test_jingdian_of_the_collection(case: Callable[[str], dict[str, Any]]) -> None:
    """COMP-JINGDIAN-2017: every printed number, within the rounding that the case states."""
    found = case("COMP-JINGDIAN-2017")
    given, wanted = found["given"], expected(found)
    cost = rule("methods/capital_recovery")(
        invested_sum=({str(i["year"]): i["P_yi"] for i in given["investments"]}, "亿元"),
        recovery_years=({str(i["year"]): i["years"] for i in given["investments"]}, "yr"),
        capitalisation_rate=given["i"], price_year=2017,
    )  # fmt: skip
    shared = rule("methods/shared_by_service_value")(
        yearly_cost=(
            {"recovery": float(cost), "subsidy": given["subsidy_yi"], "debt": given["debt_yi"]},
            "亿元/yr",
        ),
        service_value_received=(given["service_values_yi"], "亿元/yr"), price_year=2017,
    )  # fmt: skip
    computed = {
        **{f"annual opportunity cost {year}": a for year, a in cost["A"].items()},
        "annual repayment total": float(cost),
        "total annual opportunity cost": float(shared),
        "share to downwind sandstorm service": shared["A"]["sandstorm"],
        "share to Qilian restoration": shared["A"]["qilian"],
    }
    assert set(computed) == set(wanted)
    for name, (value, tolerance) in wanted.items():
        assert computed[name] == pytest.approx(value, abs=tolerance), name


# ----------------------------------------------------------------------- high-water mark: F1


def test_bounds_of_a_purchase_of_increments() -> None:
    ask = rule("methods/increment_within_bounds")
    given = {"gep_mark": "4000 万元/yr", "purchase_rate": 0.02, "price_year": 2020}
    bounds = {"payment_floor": "10 万元/yr", "payment_cap": "80 万元/yr"}
    assert float(ask(gep_of_year="9000 万元/yr", **given, **bounds)) == pytest.approx(80)
    assert float(ask(gep_of_year="3900 万元/yr", **given, **bounds)) == pytest.approx(10)
    assert float(ask(gep_of_year="6000 万元/yr", **given, **bounds)) == pytest.approx(40)
    with pytest.raises(DataError, match="cap lies below the floor"):
        ask(gep_of_year="6000 万元/yr", **given, payment_floor="9 万元/yr", payment_cap="8 万元/yr")


def test_an_unknown_number_leaves_the_result_undetermined() -> None:
    result = rule("xinanjiang_2012/settlement")(compensation_index=None, price_year=2012)
    assert result.value is None
    assert result.undetermined == ("compensation_index",)
    assert not result.payments
