"""Who gets what of an income: exact to 分, with published shares and made-up contracts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError
from gep.realization import rule
from gep.realization.distribution import (
    Claim,
    Distribution,
    guaranteed_dividends,
    statements,
    waterfall,
)
from gep.tables import Title


def share_out(net: Any, steps: list[Claim], rest: str | None = "platform") -> Distribution:
    return waterfall(net, steps, payer="cooperative", price_year=2022, rest=rest)


def amounts(paid: Distribution) -> dict[str, float]:
    return {name: float(amount) for name, amount in paid.payouts.items()}


# ------------------------------------------------------------------------------------ waterfall


def test_anji_80_percent_of_net_carbon_income_to_the_villages() -> None:
    """peopleweekly.cn 2022-05-19: 80 %; 2 000 t × 73.41 less rent of 16.93/0.39 a tonne."""
    sale = float(rule("anji_2022/carbon_sale")(carbon_sold="2000 tCO2", price_year=2022))
    rent = round(2000 * 275500 / 5425 / 3 / 0.39, 2)
    net = sale - rent  # 60 010.75: 30.01 元 a tonne
    paid = share_out((net, "元"), [Claim("villages", "share", share="80 %")])
    assert paid.payouts["villages"] == Decimal("48008.60")
    assert float(paid.payouts["villages"]) / 2000 == pytest.approx(24.00, abs=0.005)
    by_rule = rule("anji_2022/village_return")(net_carbon_income=(net, "元"), price_year=2022)
    assert float(by_rule) == pytest.approx(48008.60, abs=0.005)


def test_shuangyi_1300_for_each_resident() -> None:
    """zglsxy.lsu.edu.cn 2024-08-16: 1 300 元 for each registered resident; 500 are made up."""
    steps = [Claim("residents", "per_unit", "1300 元", units=500)]
    paid = share_out("100 万元", steps, rest="collective")
    assert amounts(paid) == {"residents": 650000, "collective": 350000}
    assert "1,300 * 500" in paid.text("en")


def test_land_ticket_as_an_example_of_shares() -> None:
    """Made up: 20 - 3 = 17 万 in shares of 85 and 15 %: 14.45 and 2.55 (as remembered)."""
    steps = [
        Claim("reclamation", "fixed", "3 万元"),
        Claim("household", "share", share=0.85),
        Claim("collective", "share", share=0.15),
    ]
    paid = share_out("20 万元", steps, rest=None)
    assert amounts(paid) == {"reclamation": 30000, "household": 144500, "collective": 25500}
    assert not paid.arrears


def test_each_claim_takes_from_what_is_left_and_shares_in_a_row_part_one_sum() -> None:
    """100: 30 fixed; half of 70 and a fifth of 70; then half of the 21 that are left."""
    steps = [
        Claim("rent", "fixed", "30 元"),
        Claim("a", "share", share=0.5),
        Claim("b", "share", share=0.2),
        Claim("fee", "fixed", "0 元"),
        Claim("c", "share", share=0.5),
    ]
    assert amounts(share_out("100 元", steps)) == {
        "rent": 30, "a": 35, "b": 14, "fee": 0, "c": 10.5, "platform": 10.5,
    }  # fmt: skip


def test_caps_and_floors() -> None:
    """100: a fifth but at most 15; a tenth but at least 30; the rest is 55."""
    steps = [
        Claim("capped", "cap", "15 元", share=0.2),
        Claim("least", "floor", "30 元", share=0.1),
    ]
    assert amounts(share_out("100 元", steps)) == {"capped": 15, "least": 30, "platform": 55}
    assert amounts(share_out("1000 元", steps)) == {"capped": 15, "least": 100, "platform": 885}
    assert amounts(share_out("50 元", steps)) == {"capped": 10, "least": 30, "platform": 10}


def test_what_an_income_does_not_cover_stays_owed() -> None:
    steps = [
        Claim("rent", "fixed", "80 元"),
        Claim("heads", "per_unit", "10 元", units=5),
        Claim("least", "floor", "30 元", share=0.1),
        Claim("share", "share", share=0.5),
    ]
    paid = share_out("100 元", steps)
    assert amounts(paid) == {"rent": 80, "heads": 20, "least": 0, "share": 0, "platform": 0}
    assert paid.arrears == {"heads": Decimal("30.00"), "least": Decimal("30.00")}
    assert "heads: in arrears 欠付" in paid.text("en")
    assert paid.frame("en").loc[1].tolist() == ["heads", Decimal("20.00"), Decimal("30.00")]


def test_of_a_loss_nobody_gets_anything_and_fixed_claims_stay_owed() -> None:
    steps = [Claim("rent", "fixed", "3 万元"), Claim("villages", "share", share=0.8)]
    paid = share_out("-5 万元", steps)
    assert amounts(paid) == {"rent": 0, "villages": 0, "platform": 0}
    assert paid.arrears == {"rent": Decimal("30000.00")}
    assert paid.loss == Decimal("50000.00")
    assert sum(paid.payouts.values()) - paid.loss == Decimal("-50000.00")
    assert not paid.result.payments
    assert "净收益为负" in paid.text("zh")


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([Claim("a", "share", share=0.8), Claim("b", "share", share=0.3)], "add to more than 1"),
        ([Claim("a", "share", share=80)], "looks like a percentage"),
        ([Claim("a", "share", share=-0.1)], "the claim is negative"),
        ([Claim("a", "fixed", "-1 元")], "the claim is negative"),
        ([Claim("a", "fixed", 100)], "the amount has no unit"),
        ([Claim("a", "fixed", "1 t")], "does not fit"),
        ([Claim("a", "per_unit", "1300 元", units=0)], "nobody to pay"),
        ([Claim("a", "per_unit", "1300 元", units=-3)], "nobody to pay"),
        ([Claim("a", "per_unit", "1300 元")], "a claim of kind per_unit has amount and units"),
        ([Claim("a", "cap", "1 元")], "a claim of kind cap has amount and share"),
        ([Claim("a", "fixed", "1 元", share=0.1)], "a claim of kind fixed has amount"),
        ([Claim("a", "tithe", share=0.1)], "kind is one of"),  # type: ignore[arg-type]
        ([Claim("a", "fixed", "1 元"), Claim("a", "fixed", "1 元")], "named twice"),
    ],
)
def test_wrong_claims_are_refused(steps: list[Claim], says: str) -> None:
    with pytest.raises(DataError, match=says):
        share_out("1000 元", steps)


def test_what_is_left_needs_somebody_to_get_it() -> None:
    with pytest.raises(DataError, match="nobody gets it") as error:
        share_out("100 元", [Claim("a", "share", share=0.8)], rest=None)
    assert "20.00" in str(error.value)


def test_all_wrong_claims_are_named_at_once() -> None:
    steps = [Claim("a", "fixed", "-1 元"), Claim("b", "per_unit", "1 元", units=0)]
    with pytest.raises(DataError) as error:
        share_out("100 元", steps)
    assert "claim 1 (a)" in str(error.value)
    assert "claim 2 (b)" in str(error.value)


CLAIMS = st.lists(
    st.one_of(
        st.builds(lambda x: ("fixed", {"amount": (x, "元")}), st.floats(0, 1e6)),
        st.builds(
            lambda x, n: ("per_unit", {"amount": (x, "元"), "units": n}),
            st.floats(0, 1e3), st.integers(1, 999),
        ),
        st.builds(lambda s: ("share", {"share": s}), st.floats(0, 0.25)),
        st.builds(
            lambda s, x: ("cap", {"share": s, "amount": (x, "元")}),
            st.floats(0, 0.25), st.floats(0, 1e5),
        ),
        st.builds(
            lambda s, x: ("floor", {"share": s, "amount": (x, "元")}),
            st.floats(0, 0.25), st.floats(0, 1e5),
        ),
    ),
    max_size=4,
)  # fmt: skip


@given(st.floats(-1e6, 1e7), CLAIMS)
def test_payouts_add_to_the_income_exactly(net: float, claims: list[Any]) -> None:
    steps = [Claim(f"c{n}", kind, **terms) for n, (kind, terms) in enumerate(claims)]
    paid = share_out((net, "元"), steps)
    income = Decimal(repr(net)).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
    assert sum(paid.payouts.values()) - paid.loss == income
    assert all(amount >= 0 for amount in paid.payouts.values())
    assert all(amount == amount.quantize(Decimal("0.01")) for amount in paid.payouts.values())
    assert sum(p.amount for p in paid.result.payments) == sum(paid.payouts.values())
    for step in steps:
        if step.kind in ("fixed", "per_unit"):
            claim = Decimal(repr(step.amount[0])) * (step.units or 1)
            got = paid.payouts[str(step.payee)] + paid.arrears.get(str(step.payee), Decimal(0))
            assert abs(got - claim) < Decimal("0.02")


# --------------------------------------------------------------------------------- guaranteed


def test_guaranteed_dividend_is_the_greater_of_floor_and_share() -> None:
    """100: max(50, 40) and max(10, 60) are 110; the platform bears 10."""
    paid = guaranteed_dividends(
        "100 元", floors={"A": "50 元", "B": "10 元"}, shares={"A": 0.4, "B": 0.6},
        payer="platform", price_year=2022,
    )  # fmt: skip
    assert amounts(paid) == {"A": 50, "B": 60}
    assert paid.liability == Decimal("10.00")
    assert "平台自有资金垫付" in paid.text("zh")
    rich = guaranteed_dividends(
        "1000 元", floors={"A": "50 元", "B": "10 元"}, shares={"A": 0.4, "B": 0.3},
        payer="platform", price_year=2022,
    )  # fmt: skip
    assert amounts(rich) == {"A": 400, "B": 300}
    assert rich.liability == 0
    assert rich.result["rest"] == Decimal("300.00")


def test_a_guarantee_holds_in_a_year_of_loss() -> None:
    paid = guaranteed_dividends(
        "-5 万元", floors={"A": "1 万元"}, shares={"A": 0.8}, payer="platform", price_year=2022
    )
    assert amounts(paid) == {"A": 10000}
    assert paid.liability == Decimal("10000.00")
    assert paid.loss == Decimal("50000.00")


@given(
    st.floats(-1e5, 1e6),
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 0.2)), min_size=1, max_size=5),
)
def test_income_and_liability_cover_the_guaranteed_payouts(
    net: float, terms: list[tuple[float, float]]
) -> None:
    paid = guaranteed_dividends(
        (net, "元"), floors={str(n): (f, "元") for n, (f, _) in enumerate(terms)},
        shares={str(n): s for n, (_, s) in enumerate(terms)}, payer="platform", price_year=2022,
    )  # fmt: skip
    income = max(Decimal(repr(net)).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP"), Decimal(0))
    total = sum(paid.payouts.values())
    assert income + paid.liability == total + paid.result["rest"]
    assert paid.liability == 0 or paid.result["rest"] == 0
    for n, (floor, share) in enumerate(terms):
        exact = max(floor, share * max(net, 0))
        assert float(paid.payouts[str(n)]) == pytest.approx(exact, abs=0.0151)


def test_wrong_guarantees_are_refused_together() -> None:
    with pytest.raises(DataError) as error:
        guaranteed_dividends(
            "100 元", floors={"A": "-1 元", "B": "1 元"}, shares={"A": 0.7, "C": 0.6},
            payer="platform", price_year=2022,
        )  # fmt: skip
    message = str(error.value)
    assert "B: the payee has no floor or no share" in message
    assert "C: the payee has no floor or no share" in message
    assert "floors[A]: the claim is negative" in message
    assert "shares: the shares add to more than 1" in message
    with pytest.raises(DataError, match="nobody to pay"):
        guaranteed_dividends("1 元", floors={}, shares={}, payer="platform", price_year=2022)


# --------------------------------------------------------------------------------- statements


def test_statements_share_a_village_pot_by_what_each_holds() -> None:
    """1 000.01 元 by 3, 2 and 1 亩: 500.005, 333.336..., 166.668...; the last 分 to the first."""
    table = pd.DataFrame(
        {"id": ["H-01", "H-02", "H-03"], "units": [3, 2, 1], "deposits": ["D1", "D2;D3", "D4"]}
    )
    sheet = statements("1000.01 元", table, basis=Title("area (亩)", "面积（亩）"))
    assert sheet.columns.tolist() == ["编号", "面积（亩）", "比例（%）", "金额（元）", "deposits"]
    assert sheet["金额（元）"].map(str).tolist() == ["500.00", "333.34", "166.67"]
    assert sum(sheet["金额（元）"]) == Decimal("1000.01")
    assert sheet["比例（%）"].tolist() == pytest.approx([50, 100 / 3, 100 / 6])


def test_statements_of_a_distribution() -> None:
    paid = share_out("6 万元", [Claim("village", "share", share=0.8)])
    sheet = statements(
        paid.payouts["village"], {"H-01": 1, "H-02": 3}, basis=Title("heads", "人口"), lang="en"
    )
    assert sheet["amount"].tolist() == [Decimal("12000.00"), Decimal("36000.00")]


@given(st.integers(0, 10**9), st.lists(st.integers(0, 500), min_size=1, max_size=30))
def test_statements_add_to_the_pot(fen: int, units: list[int]) -> None:
    if not sum(units):
        units[0] = 1
    pot = Decimal(fen) / 100
    holdings = {f"H-{n}": number for n, number in enumerate(units)}
    sheet = statements(pot, holdings, basis=Title("heads", "人口"), lang="en")
    assert sum(sheet["amount"]) == pot


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"id": ["a"], "units": [1], "姓名": ["x"]}, "column 姓名: the table holds personal data"),
        ({"id": ["a"], "units": [1], "name": ["x"]}, "personal data"),
        ({"id": ["a"], "units": [1], "联系电话": ["x"]}, "personal data"),
        ({"id": ["33252119800101001X"], "units": [1]}, "the id is the number of a person"),
        ({"id": ["13800000000"], "units": [1]}, "the id is the number of a person"),
        ({"id": ["a", "a"], "units": [1, 2]}, "the id 'a' occurs twice"),
        ({"id": ["a", "b"], "units": [1, -2]}, "row 2 .b.: the holding is negative"),
        ({"id": ["a", "b"], "units": [1, None]}, "row 2 .b.: this is not a finite number"),
        ({"id": ["a", "b"], "units": [0, 0]}, "nobody to pay"),
        ({"units": [1]}, "lacks id"),
    ],
)
def test_wrong_holdings_are_refused(table: dict[str, list[Any]], says: str) -> None:
    with pytest.raises(DataError, match=says):
        statements("100 元", pd.DataFrame(table), basis=Title("heads", "人口"))


def test_a_negative_pot_has_no_statements() -> None:
    with pytest.raises(DataError, match="the sum is negative"):
        statements("-1 元", {"a": 1}, basis=Title("heads", "人口"))
