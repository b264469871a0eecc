"""Schedules of the caller's tiers, increments over years, months of concentrations, netting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gep.errors import DataError, UsageError
from gep.realization import Result, rule
from gep.realization.settlement import (
    Tier,
    annual_means,
    compensation_index,
    net,
    purchase_of_increments,
    schedule,
    settlement_sheet,
    title_of,
)
from gep.tables import Title

INDEX = "xinanjiang_2012/compensation_index"
BASE = {"CODMn": 2.0, "NH3-N": 0.2, "TN": 1.0, "TP": 0.04}
ZH_UP = [Tier("0 %", "3 %", "50 万元/%"), Tier("3 %", None, "150 万元/%")]
ZH_DOWN = [Tier("0 %", None, "100 万元/%")]


def reward(change: Any, up: Any = ZH_UP, down: Any = ZH_DOWN, **more: Any) -> Result:
    return schedule(change, up=up, down=down, payer="省", payee="县", price_year=2017, **more)


# ------------------------------------------------------------------------------------ schedule


@pytest.mark.parametrize(("change", "wanted"), [("4.2 %", 330), ("2 %", 100), ("-1.5 %", -150)])
def test_the_three_checks_of_the_zhejiang_schedule(change: str, wanted: float) -> None:
    """3 × 50 + 1.2 × 150; 2 × 50; 1.5 × 100 (CNR 2017-09-20)."""
    result = reward(change)
    assert float(result) == pytest.approx(wanted)
    assert result.unit == "万元"
    (payment,) = result.payments
    assert payment.amount == Decimal(abs(wanted) * 10000)
    assert payment.payer.zh == ("省" if wanted > 0 else "县")
    assert f"{wanted:,}" in result.text("zh")


def test_a_schedule_prints_a_line_for_each_tier() -> None:
    result = reward("4.2 %")
    assert result["R_0"] == pytest.approx(150)
    assert result["R_3"] == pytest.approx(180)
    assert "150 万元/% * max(0, x - 3)" in result.text("zh")
    assert "3 % 以上部分" in result.text("zh")


def test_scale_and_caps() -> None:
    assert float(reward("4.2 %", scale=2)) == pytest.approx(660)
    assert float(reward("4.2 %", scale=2, cap="500 万元")) == pytest.approx(500)
    assert float(reward("-4 %", charge_cap="0.03 亿元")) == pytest.approx(-300)
    assert "奖励上限" in reward("1 %", cap="500 万元").text("zh")


def test_a_schedule_may_pay_for_units_of_any_kind() -> None:
    result = reward(
        "120 ha", [Tier("20 ha", "100 ha", "2 元/(亩·yr)")], [Tier("0 ha", None, "1 元/(亩·yr)")]
    )
    assert result.to("元/yr") == pytest.approx(80 * 15 * 2)


@pytest.mark.parametrize(
    ("up", "says"),
    [
        ([Tier("0 %", "3 %", "50 万元/%"), Tier("2 %", None, "1 万元/%")], "overlap or are out of"),
        ([Tier("3 %", "1 %", "50 万元/%")], "overlap or are out of order"),
        ([Tier("0 %", None, "1 万元/%"), Tier("3 %", None, "1 万元/%")], "overlap"),
        ([Tier("-1 %", "1 %", "50 万元/%")], "overlap or are out of order"),
        ([Tier("0 %", None, "50 万元")], "not money for a unit of the change"),  # 100 times less,
        ([Tier("0 %", None, "50 tCO2/%")], "not money for a unit of the change"),
        ([Tier("0 %", None, "-50 万元/%")], "the rate is negative"),
        ([Tier("0 %", None, "50 万元/(%·yr)")], "not all in one unit"),
        ([Tier("0 ha", None, "50 万元/%")], "does not fit"),
        ([Tier("zero", None, "50 万元/%")], "this is not an amount"),
    ],
)
def test_wrong_tiers_are_refused(up: list[Tier], says: str) -> None:
    with pytest.raises(DataError, match=says):
        reward("2 %", up)


def test_a_change_without_unit_or_with_a_wrong_one_is_refused() -> None:
    with pytest.raises(DataError, match="not money for a unit of the change"):
        reward(4.2)
    with pytest.raises(DataError, match="unknown unit"):
        reward("4.2 points")
    with pytest.raises(DataError, match="the scale is negative"):
        reward("4.2 %", scale=-1)


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_a_schedule_never_pays_less_for_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert float(reward((low, "%"))) <= float(reward((high, "%"))) + 1e-9


# ----------------------------------------------------------------------- increments over years


def increments(levels: dict[int, Any], **more: Any) -> Result:
    given = {"rate": 0.02, "price_year": 2017, "standards": dict.fromkeys(levels, "a")} | more
    return purchase_of_increments(levels, **given)


def test_a_recovery_is_not_paid_for_twice() -> None:
    """2 % of 10, nothing, 2 % of (112 - 110): 亿元."""
    result = increments({2017: "100 亿元/yr", 2018: "110 亿元/yr", 2019: "105 亿元/yr",
                         2020: "112 亿元/yr"})  # fmt: skip
    assert result.value == pytest.approx({"2018": 2e7, "2019": 0, "2020": 4e6})
    assert {p.member: p.amount for p in result.payments} == {
        "2018": Decimal("20000000.00"), "2020": Decimal("4000000.00"),
    }  # fmt: skip
    assert result["M_1"]["2019"] * 1e4 == pytest.approx(110e8)  # the mark stays (万元)


@settings(max_examples=25)
@given(
    st.lists(st.floats(0, 1e6), min_size=2, max_size=8), st.floats(0, 1)
)  # fmt: skip
def test_all_payments_together_are_the_rate_times_the_rise_to_the_highest_level(
    levels: list[float], rate: float
) -> None:
    named = {2000 + n: (level, "万元/yr") for n, level in enumerate(levels)}
    result = increments(named, rate=rate)
    total = sum(result.value.values()) / 1e4
    assert total == pytest.approx(rate * (max(levels) - levels[0]), rel=1e-9, abs=1e-6)


def test_floor_and_cap_by_year() -> None:
    levels = {2017: "100 亿元/yr", 2018: "110 亿元/yr", 2019: "105 亿元/yr"}
    result = increments(levels, floor="100 万元/yr", cap="1500 万元/yr")
    assert result.value == pytest.approx({"2018": 1.5e7, "2019": 1e6})
    with pytest.raises(DataError, match="floor and cap, or neither"):
        increments(levels, cap="1500 万元/yr")


def test_other_standards_need_a_bridge_which_is_shown() -> None:
    levels = {2017: "100 亿元/yr", 2018: "120 亿元/yr"}
    standards = {2017: "A-2020", 2018: "A-2025"}
    with pytest.raises(DataError, match="different standards") as error:
        increments(levels, standards=standards)
    assert "A-2020 and A-2025" in str(error.value)
    result = increments(levels, standards=standards, bridge={"A-2025": 0.9})
    assert result.value["2018"] == pytest.approx(0.02 * (120 * 0.9 - 100) * 1e8)
    assert "A-2025 × 0.9 → A-2020" in " ".join(result.notes)
    with pytest.raises(DataError, match="the factor is above 0"):
        increments(levels, standards=standards, bridge={"A-2025": 0})


def test_all_that_is_wrong_with_levels_is_said_at_once() -> None:
    with pytest.raises(DataError) as error:
        increments({2017: "100 亿元/yr", 2018: None, 2019: 110}, rate=2, standards={2017: "a"})
    message = str(error.value)
    assert "levels[2018]: the level is not known" in message
    assert "levels[2019]: the amount has no unit" in message
    assert "the rate looks like a percentage" in message
    assert "standards[2018]: the standard is not known" in message
    with pytest.raises(DataError, match="an increment needs two years"):
        increments({2017: "100 亿元/yr"})


# ------------------------------------------------------------------------ months of samples


def months(**changed: Any) -> pd.DataFrame:
    """Twelve months at the base concentrations, in mg/L."""
    rows = [
        {"month": m, "pollutant": name, "value": c, "unit": "mg/L"}
        for name, c in BASE.items()
        for m in range(1, 13)
    ]
    return pd.DataFrame(rows).astype({"value": object, "month": object}).assign(**changed)


def ask(table: pd.DataFrame, policy: Any = "half") -> Result:
    return compensation_index(table, base=(BASE, "mg/L"), below_detection=policy, by=INDEX)


def cell(table: pd.DataFrame, pollutant: str, month: int) -> tuple[Any, str]:
    rows = table.index[(table["pollutant"] == pollutant) & (table["month"] == month)]
    return rows[0], "value"


def test_an_index_of_twelve_months_is_the_rule_of_their_means() -> None:
    table = months()
    table.loc[cell(table, "TP", 3)] = 0.16  # (11 × 0.04 + 0.16)/12 = 0.05
    by_rule = rule(INDEX)(
        concentration=(BASE | {"TP": 0.05}, "mg/L"), base_concentration=(BASE, "mg/L")
    )
    assert float(ask(table)) == pytest.approx(float(by_rule))
    assert float(by_rule) == pytest.approx(0.85 * 0.25 * (3 + 1.25))
    assert float(ask(months())) == pytest.approx(0.85)


def test_micrograms_and_month_names_are_read() -> None:
    table = months()
    rows = table["pollutant"] == "TP"
    table.loc[rows, "value"] = 40
    for text in ("µg/L", "ug/L", "mg/m³"):
        table.loc[rows, "unit"] = text
        assert float(ask(table)) == pytest.approx(0.85)
    for form in ("2020-{:02d}", "2020年{}月", "{}月", "2020-{:02d}-15 08:00"):
        named = table.assign(month=[form.format(m) for m in table["month"]])
        assert float(ask(named)) == pytest.approx(0.85)
    dates = table.assign(month=[pd.Timestamp(2020, m, 1) for m in table["month"]])
    assert float(ask(dates)) == pytest.approx(0.85)


@pytest.mark.parametrize(("policy", "factor"), [("half", 0.5), ("limit", 1.0), ("zero", 0.0)])
def test_below_detection_counts_as_asked_and_is_noted(policy: str, factor: float) -> None:
    table = months()
    table.loc[cell(table, "TP", 1)] = "<0.02"
    table.loc[cell(table, "TP", 2)] = "＜ 0.02"
    mean = (10 * 0.04 + 2 * 0.02 * factor) / 12
    result = ask(table, policy)
    assert result["q"]["TP"] == pytest.approx(mean / 0.04)
    assert "TP: 2 months below the detection limit" in " ".join(result.notes)


def test_the_policy_below_detection_has_no_default() -> None:
    with pytest.raises(TypeError, match="below_detection"):
        compensation_index(months(), base=(BASE, "mg/L"), by=INDEX)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="half, limit or zero"):
        ask(months(), "halve")


def test_missing_months_and_pollutants_are_refused_together() -> None:
    table = months()
    table = table[~((table["pollutant"] == "TN") & (table["month"].isin([2, 7])))]
    table = table[table["pollutant"] != "TP"]
    with pytest.raises(DataError) as error:
        ask(table)
    message = str(error.value)
    assert "samples, TN: 2 of 12 months missing\n  found: 2, 7" in message
    assert "samples, TP: the pollutant is missing" in message


@pytest.mark.parametrize(
    ("pollutant", "column", "value", "says"),
    [
        ("TP", "value", None, "missing or no number"),
        ("TP", "value", float("nan"), "missing or no number"),
        ("TP", "value", "未检出", "write a number, or '<0.02'"),
        ("TP", "value", -0.01, "negative"),
        ("TP", "value", 40, "differs from the median month by over 100 times"),
        ("TP", "value", 0.00004, "differs from the median month by over 100 times"),
        ("TP", "unit", "mg", "does not fit"),
        ("TP", "unit", "ppb", "unknown unit"),
        ("TP", "month", 13, "no month"),
        ("TP", "month", "May", "no month"),
        ("TP", "month", float("nan"), "no month"),
        ("TP", "month", 2, "month 2 is given twice"),
        ("TP", "pollutant", "Tp", "did you mean 'TP'"),
    ],
)
def test_wrong_samples_are_refused(pollutant: str, column: str, value: Any, says: str) -> None:
    table = months()
    row, _ = cell(table, pollutant, 5)
    table[column] = table[column].astype(object)
    table.loc[row, column] = value
    with pytest.raises(DataError, match=says):
        ask(table)


def test_months_of_two_years_and_lacking_columns_are_refused() -> None:
    table = months()
    named = table.assign(month=[f"20{20 + (m == 12)}-{m:02d}" for m in table["month"]])
    with pytest.raises(DataError, match="not of one year"):
        ask(named)
    with pytest.raises(DataError, match="lacks unit"):
        ask(table.drop(columns="unit"))
    scaled = table.assign(value=[v * 1000 for v in table["value"]])
    with pytest.raises(DataError, match="over 50 times its base"):
        ask(scaled)


def test_a_rule_without_weights_is_no_index() -> None:
    with pytest.raises(UsageError, match="no weights by pollutant"):
        compensation_index(
            months(), base=(BASE, "mg/L"), below_detection="half", by="methods/spill_over"
        )


def test_annual_means_weigh_the_months_alike() -> None:
    table = pd.DataFrame(
        {"month": range(1, 13), "pollutant": "TP", "value": range(12), "unit": "mg/L"}
    )
    means, notes = annual_means(table, pollutants=["TP"], below_detection="zero")
    assert means == {"TP": 5.5}
    assert not notes


# ------------------------------------------------------------------------------------ netting


def test_four_parties_net_to_zero() -> None:
    """A pays B 5, B pays C 3, C pays A 1, D pays A 0.5 (万元)."""
    result = net([("A", "B", "5 万元"), ("B", "C", "3 万元"), ("C", "A", "1 万元"),
                  ("D", "A", "0.5 万元")])  # fmt: skip
    assert result.value == {
        "A": Decimal("-35000.00"), "B": Decimal("20000.00"),
        "C": Decimal("20000.00"), "D": Decimal("-5000.00"),
    }  # fmt: skip
    assert sum(result.value.values()) == 0
    assert result["paid"] == {"A": 50000, "B": 30000, "C": 10000, "D": 5000}
    settled = {(p.payer.en, p.payee.en): p.amount for p in result.payments}
    assert settled == {
        ("A", "B"): Decimal("20000.00"), ("A", "C"): Decimal("15000.00"),
        ("D", "C"): Decimal("5000.00"),
    }  # fmt: skip


def test_fractions_of_a_fen_go_to_the_largest_remainders() -> None:
    """A owes three parties a third of 分 each more than whole 分."""
    result = net([("A", "B", "0.004 元"), ("A", "C", "0.003 元"), ("A", "D", "0.003 元")])
    assert result.value == {
        "A": Decimal("-0.01"), "B": Decimal("0.01"), "C": Decimal(0), "D": Decimal(0),
    }  # fmt: skip


FLOWS = st.lists(
    st.tuples(
        st.sampled_from("ABCDE"), st.sampled_from("ABCDE"),
        st.floats(0, 1e9, allow_nan=False, allow_infinity=False),
    ).filter(lambda flow: flow[0] != flow[1]),
    min_size=1, max_size=12,
)  # fmt: skip


@given(FLOWS)
def test_nets_add_to_zero_and_their_payments_settle_them(
    flows: list[tuple[str, str, float]],
) -> None:
    result = net([(payer, payee, (amount, "元")) for payer, payee, amount in flows])
    assert sum(result.value.values()) == 0
    for party, amount in result.value.items():
        exact = sum(Decimal(repr(x)) * ((j == party) - (i == party)) for i, j, x in flows)
        assert abs(amount - exact) < Decimal("0.01")
        moved = sum(
            p.amount * ((p.payee.zh == party) - (p.payer.zh == party)) for p in result.payments
        )
        assert moved == amount
    assert len(result.payments) < max(len(result.value), 2)
    assert all(p.amount > 0 for p in result.payments)


def test_results_and_their_payments_are_netted() -> None:
    upstream = rule("xinanjiang_2012/settlement")(compensation_index=0.8, price_year=2012)
    back = ("安徽省", "浙江省", (20_000_000, "元/yr"))
    result = net([upstream, back, *upstream.payments[:1]])
    assert result.value["安徽省"] == 300_000_000 + 2 * 100_000_000 - 20_000_000
    assert result.value["中央财政"] == -300_000_000
    assert next(iter(result.payments)).currency == "CNY"


@pytest.mark.parametrize(
    ("payments", "says"),
    [
        ([("A", "B", "-1 元")], "the amount is negative"),
        ([("A", "B", 100)], "the amount has no unit"),
        ([("A", "A", "1 元")], "a party pays itself"),
        ([("A", "B", "1 元"), ("B", "A", "1 USD")], "several currencies"),
        ([("A", "B", "1 t")], "does not fit"),
        ([("A", "B")], "a payment is"),
        ([], "no payment to settle"),
    ],
)
def test_wrong_payments_are_refused(payments: list[Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        net(payments)


def test_undetermined_results_and_payments_by_member_are_refused() -> None:
    unknown = rule("xinanjiang_2012/settlement")(compensation_index=None, price_year=2012)
    with pytest.raises(DataError, match="undetermined"):
        net([unknown, ("A", "B", "1 元")])
    pool = rule("methods/spill_over")(
        supplied_value=({"a": 10, "b": 3}, "万元/yr"), used_value=({"a": 4, "b": 8}, "万元/yr"),
        payable_share=1, city_share=0, price_year=2016,
    )  # fmt: skip
    with pytest.raises(DataError, match="does not say which party"):
        net([pool])


# -------------------------------------------------------------------------------------- sheet


def test_a_settlement_sheet_says_who_pays_whom_under_which_clause() -> None:
    bought = rule("jingning_2019/increment_purchase")(
        gep_of_year="17.9 亿元/yr", gep_before="16.96 亿元/yr", price_year=2018
    )
    unknown = rule("xinanjiang_2012/settlement")(compensation_index=None, price_year=2012)
    chinese = settlement_sheet([bought, unknown])
    assert chinese.loc[0, ["payer", "payee", "amount"]].tolist() == [
        "县财政", "乡镇", Decimal("1880000.00"),
    ]  # fmt: skip
    assert chinese.loc[0, "clause"] == "chinadaily_2020"
    assert chinese.loc[0, "verified"] == "recalled"
    assert chinese.loc[1, "amount"] is None
    assert "无法判定，缺少 compensation_index" in chinese.loc[1, "title"]
    english = settlement_sheet([bought, unknown], lang="en")
    assert english.loc[0, "payer"] == "county"
    assert "undetermined" in english.loc[1, "title"]
    fallen = rule("jingning_2019/increment_purchase")(
        gep_of_year="16 亿元/yr", gep_before="17 亿元/yr", price_year=2018
    )
    assert settlement_sheet([fallen]).empty


def test_a_party_may_have_one_name_or_two() -> None:
    assert title_of("县") == Title("县", "县")
    both = Title("county", "县")
    assert title_of(both) is both
