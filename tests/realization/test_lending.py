"""Loans: forest rights, pledged compensation, cash flow, eco-credit, water and river rights, guarantee."""

from __future__ import annotations

import datetime as dt
import doctest
import math
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gep import library
from gep.errors import DataError, GepError
from gep.functions.finance import annuity_factor, repayment_years
from gep.realization import lending
from gep.realization.lending import (
    CashFlow,
    GepIsNotCashError,
    GradeTerms,
    credit_terms,
    loan_capacity,
    loan_schedule,
)
from gep.realization.rules import rule
from gep.tables import Title, load_table

TABLES = library.data_root("coefficients") / "methods"


def told(error: pytest.ExceptionInfo[GepError]) -> str:
    return str(error.value)


def warned(result) -> str:
    return "\n".join(map(str, result.warnings))


def test_examples_run():
    failed, attempted = doctest.testmod(lending)
    assert attempted > 0
    assert failed == 0


# --------------------------------------------------------------------------- loans on forest rights


def forest(**changed):
    """A synthetic loan: 300 万元 of mature and 100 万元 of young stands, with an exchange."""
    asked = {
        "V": ({"mature_stand_listed": 300, "young_stand_listed": 100}, "万元"),
        "P": "1000 万元",
        "N": "1000 万元",
        "s": 0.7,
        "n": "5 yr",
        "n_max": "5 yr",
        "T": "30 yr",
        "b": "2 yr",
        "price_year": 2025,
    }
    return rule("methods/forest_right_loan")(**(asked | changed))


def test_loan_on_forest_by_age_class_of_the_bank_table():
    """Synthetic: 300 · 0.6 + 100 · 0.3 = 210; the shares are the table's."""
    found = forest()
    assert float(found) == pytest.approx(210, abs=1e-9)
    assert found["k"] == pytest.approx({"mature_stand_listed": 180, "young_stand_listed": 30})
    assert found.verified == "secondary"


@pytest.mark.parametrize(
    ("stand", "share"),
    [
        ("young_stand_listed", 0.3),
        ("middle_stand", 0.4),
        ("middle_stand_listed", 0.5),
        ("near_mature_stand", 0.4),
        ("near_mature_stand_listed", 0.5),
        ("yielding_orchard", 0.4),
        ("yielding_orchard_listed", 0.5),
        ("mature_stand", 0.5),
        ("mature_stand_listed", 0.6),
        ("overmature_stand", 0.5),
        ("overmature_stand_listed", 0.6),
        ("peak_orchard", 0.5),
        ("peak_orchard_listed", 0.6),
        ("forest_land", 0.5),
    ],
)
def test_every_share_of_the_bank_table(stand, share):
    """m.274949.com/3960/t15532432.html: 30 / 40 (50) / 50 (60) / 50 %."""
    assert float(forest(V={stand: "100 万元"})) == pytest.approx(100 * share)


def test_the_smallest_of_collateral_cash_flow_and_need_is_lent():
    assert float(forest(P="150 万元")) == pytest.approx(150)
    assert float(forest(N="200 万元")) == pytest.approx(140)


@pytest.mark.parametrize("stand", ["young_stand", "nursery"])
def test_unknown_class_of_stand_is_refused(stand):
    """Young stands without an exchange are in principle not mortgaged: the table has no row."""
    with pytest.raises(DataError) as error:
        forest(V={stand: "100 万元"})
    assert f"stand_class '{stand}' is unknown" in told(error)


def test_loan_to_value_above_one_is_refused():
    with pytest.raises(DataError) as error:
        forest(a={"mature_stand_listed": 1.01, "young_stand_listed": 0.3})
    assert "A loan is never above the value of what is mortgaged" in told(error)
    with pytest.raises(DataError, match="抵押率不得超过 1"):
        rule("boc_undated/forest_right_loan")(
            V="400 万元",
            P="300 万元",
            N="500 万元",
            s=1,
            n="5 yr",
            T="9 yr",
            b="0 yr",
            a=1.5,
            price_year=2025,
        )


def test_right_that_ends_before_the_loan_is_refused():
    with pytest.raises(DataError) as error:
        forest(T="6 yr")  # 6 less 2 kept free is 4, the loan lasts 5
    assert "The loan lasts longer than the product or the right" in told(error)
    assert "G = -1" in told(error)
    assert float(forest(T="7 yr")) == pytest.approx(210)


def test_pengzhou_lends_three_fifths_for_five_years():
    """cdrx.net/m/article-42282-2.htm: in principle 60 % of the appraised value, at most 5 years."""
    asked = {"V": "400 万元", "P": "900 万元", "N": "900 万元", "s": 1, "T": "30 yr", "b": "1 yr"}
    found = rule("pengzhou_undated/forest_right_loan")(**asked, n="5 yr", price_year=2025)
    assert float(found) == pytest.approx(240)
    assert found["t"] == 5
    with pytest.raises(DataError, match="longer than the product"):
        rule("pengzhou_undated/forest_right_loan")(**asked, n="6 yr", price_year=2025)


def test_bank_of_china_lends_half_and_no_longer_than_the_right():
    asked = {
        "V": "400 万元",
        "P": "900 万元",
        "N": "900 万元",
        "s": 1,
        "b": "0 yr",
        "price_year": 2025,
    }
    lend = rule("boc_undated/forest_right_loan")
    assert float(lend(**asked, n="20 yr", T="20 yr")) == pytest.approx(200)
    with pytest.raises(DataError, match="抵押期限不得超过林地使用期"):
        lend(**asked, n="21 yr", T="20 yr")


# ------------------------------------------------------------------- compensation of public forest


def pledge(place, **changed):
    asked = {
        "S": {"forest": "4794 亩"},
        "r": {"forest": "35 元/(亩·yr)"},
        "m": 0,
        "N": "1 亿元",
        "i": 0.045,
        "n": "5 yr",
        "T": "50 yr",
        "price_year": 2018,
    }
    return rule(f"{place}/compensation_pledge")(**(asked | changed))


def test_anji_lends_up_to_five_years_of_compensation():
    """Anji News 2018-08-06: 4 794 亩 at 35 元, five times at most, a loan of 83 万元."""
    found = pledge("anji_2018", N="83 万元", n="6 yr")
    assert found["A"] == pytest.approx(167_790, abs=0.5)
    assert found["K"] == pytest.approx(838_950, abs=0.5)
    assert float(found) == pytest.approx(830_000)
    assert found["k"] == pytest.approx(4.95, abs=0.005)
    assert not found.warnings


def test_jixi_lends_ten_years_of_compensation():
    """Anhui Daily 2020-09-07: 3 409 + 1 806 亩 bring 81 331 元 a year; ten years' income, 80 万元."""
    rate = 81_331 / (3409 + 1806)
    found = pledge(
        "jixi_2020",
        S={"public": "3409 亩", "unfelled": "1806 亩"},
        r=({"public": rate, "unfelled": rate}, "元/(亩·yr)"),
        N="80 万元",
        n="10 yr",
    )
    assert found["A"] == pytest.approx(81_331)
    assert found["K"] == pytest.approx(813_310)
    assert found["k"] == pytest.approx(9.84, abs=0.005)


def test_fifteen_years_of_compensation_over_twenty_cost_more_than_they_bring():
    """15 years of income at 4.5 % over 20 years: the debt service is 1.15 times the income."""
    found = pledge("lishui_2015", n="20 yr")
    assert found["B"] == pytest.approx(1.15, abs=0.005)
    assert "debt service is more than the pledged income" in warned(found)
    assert found["B"] == pytest.approx(15 / float(annuity_factor(rate=0.045, periods=20)))


TABLE = {  # multiple: years at 3.5, 4.5, 5, 6 and 6.67 %
    5: (5.6, 5.8, 5.9, 6.1, 6.3),
    10: (12.5, 13.6, 14.2, 15.7, 17.0),
    15: (21.6, 25.5, 28.4, 39.5, math.inf),
}
RATES = (0.035, 0.045, 0.05, 0.06, 0.0667)
CASES = [(m, i, y) for m, row in TABLE.items() for i, y in zip(RATES, row, strict=True)]


@pytest.mark.parametrize(("multiple", "rate", "years"), CASES)
def test_years_in_which_the_pledged_income_repays_the_loan(multiple, rate, years):
    """n = -ln(1 - M·i)/ln(1 + i); 15 years of income at 6.67 % are never repaid."""
    assert float(repayment_years(multiple=multiple, rate=rate)) == pytest.approx(years, abs=0.05)
    place = {5: "anji_2018", 10: "jixi_2020", 15: "lishui_2015"}[multiple]
    found = pledge(place, i=rate, n="40 yr")
    assert found["k"] == pytest.approx(multiple)
    if math.isinf(years):
        assert found["Y"] == 50  # as long as the income is pledged
        assert found["Z"] == 1
        assert float(found) == pytest.approx(15 * 167_790)  # it computes, and warns
        assert "can never repay this loan" in warned(found)
        assert "永远无法还清" in warned(found)
    else:
        assert found["Y"] == pytest.approx(years, abs=0.05)
        assert found["Z"] == 0
        assert "never" not in warned(found)


def test_interest_that_takes_exactly_all_of_the_income_never_repays():
    assert pledge("anji_2018", i=0.2)["Z"] == 1
    assert pledge("anji_2018", i=0.1999)["Z"] == 0


def test_a_pledge_shorter_than_the_loan_is_refused_and_one_too_short_to_repay_warns():
    with pytest.raises(DataError, match="The loan lasts longer than the income is pledged"):
        pledge("anji_2018", T="4 yr")
    found = pledge("anji_2018", T="5 yr")
    assert "does not repay the loan in the years for which it is pledged" in warned(found)


def test_compensation_per_hectare_taken_for_one_per_mu_warns():
    found = pledge("anji_2018", r={"forest": "525 元/(亩·yr)"})
    assert "was it given for a hectare?" in warned(found)
    same = pledge(
        "anji_2018", r={"forest": "525 元/(ha·yr)"}, n="6 yr"
    )  # 525/15 = 35: units are read
    assert same["A"] == pytest.approx(167_790)
    assert not same.warnings


def test_care_of_the_forest_is_deducted():
    assert pledge("anji_2018", m=0.1)["A"] == pytest.approx(167_790 * 0.9)


def test_published_rates_of_compensation():
    """Zhejiang 30 and 40 元 an 亩; Lishui's 4 亿元 for 85.24 万 hm² lies between them."""
    table = load_table(TABLES / "forest_compensation.csv")
    rates = {item: entries[0].value for item, entries in table.dated.items()}
    assert rates["zhejiang_lowest"] == 30
    assert rates["zhejiang_headwaters"] == 40
    assert 30 < 4e8 / (85.24e4 * 15) < 40
    found = pledge("anji_2018", r=({"forest": rates["anji_public_forest"]}, "元/(亩·yr)"))
    assert found["A"] == pytest.approx(4794 * 35)


@given(st.floats(0, 30), st.floats(0.001, 0.3))
def test_years_to_repay_pay_the_loan_exactly(multiple, rate):
    years = float(repayment_years(multiple=multiple, rate=rate))
    if math.isinf(years):
        assert multiple * rate >= 1
    else:
        worth = (1 - (1 + rate) ** -years) / rate  # of one a year
        assert worth == pytest.approx(multiple, rel=1e-6, abs=1e-9)


def test_years_to_repay_without_interest_and_wrong_arguments():
    assert float(repayment_years(multiple=7.5, rate=0)) == 7.5
    assert math.isnan(float(repayment_years(multiple=math.nan, rate=0.05)))
    with pytest.raises(DataError, match="never below 0"):
        repayment_years(multiple=-1, rate=0.05)
    with pytest.raises(DataError, match="above -1"):
        repayment_years(multiple=1, rate=-1)


# ------------------------------------------------------------------------------- cash-flow lending


def flow(**changed):
    asked = {
        "title": Title("Purchase", "采购"),
        "amount": "60 万元/yr",
        "contract": "contract 1",
        "first": 1,
        "last": 10,
        "haircut": 0,
        "policy": True,
    }
    return CashFlow(**(asked | changed))


def capacity(*flows, **changed):
    asked = {
        "collateral": "income right of contract 1",
        "rate": 0.045,
        "dscr": 1.3,
        "years": 10,
        "ltv": 0.5,
        "cash_value": "900 万元",
        "policy_cap": None,
        "price_year": 2025,
    }
    return loan_capacity(flows or [flow()], **(asked | changed))


def test_loan_that_the_cash_flow_carries():
    """Synthetic: 60 万元 a year, DSCR 1.3, 4.5 %, 10 years: 365.2; 50 % of 900 would be 450."""
    found = capacity()
    assert float(found) == pytest.approx(365.2, abs=0.05)
    assert found["loan_ltv"] == pytest.approx(450)
    assert found["binding"] == "DSCR"
    assert found["policy_share"] == 1
    assert found.price_year == 2025


def test_the_limit_that_binds_is_named():
    by_value = capacity(ltv=0.3)
    assert (float(by_value), by_value["binding"]) == (pytest.approx(270), "LTV")
    by_rule = capacity(policy_cap="50 万元")
    assert (float(by_rule), by_rule["binding"]) == (pytest.approx(50), "policy cap 政策上限")
    only_cash = capacity(ltv=None, cash_value=None)
    assert only_cash["loan_ltv"] is None
    assert only_cash["binding"] == "DSCR"


def test_haircuts_terms_and_policy_of_several_contracts():
    sale = flow(amount=([10, 20, 30], "万元/yr"), first=2, last=4, haircut=0.5, policy=False)
    found = capacity(flow(amount="40 万元/yr", last=2), sale, years=3, dscr=1, rate=0)
    assert found["cfads"] == {"1": 40, "2": 45, "3": 10}
    assert float(found) == pytest.approx(95)
    assert found["policy_share"] == pytest.approx(80 / 95)


def test_gep_and_vep_are_compared_never_lent_on():
    found = capacity(gep="17.9 亿元/yr", vep="35 亿元")
    assert float(found) == float(capacity())
    assert found["loan_to_gep"] == pytest.approx(365.2 / 179_000, rel=1e-3)
    assert found["loan_to_vep"] == pytest.approx(365.2 / 350_000, rel=1e-3)
    assert "GEP 不参与额度计算" in "".join(found.notes)
    assert "VEP has no part in the loan" in "".join(found.notes)


@pytest.mark.parametrize(
    "collateral",
    ["GEP", "gep of the county", "2024年GEP", "生态产品总值", "丽水市生态系统生产总值", "VEP",
     "ＧＥＰ", "GEP by contract", "gross ecosystem product 2020", "the value of ecosystem services"],
)  # fmt: skip
def test_gep_is_refused_as_collateral_in_both_languages(collateral):
    with pytest.raises(GepIsNotCashError) as error:
        capacity(collateral=collateral)
    assert "GEP is not cash" in told(error)
    assert "GEP 不是现金" in told(error)
    assert "do: lend on what a contract pays" in told(error)
    assert "合同现金流" in told(error)
    assert isinstance(error.value, GepError)


def test_a_value_of_services_is_no_contract():
    with pytest.raises(GepIsNotCashError) as error:
        capacity(flow(contract="GEP report 2024"))
    assert "flow 1, contract" in told(error)


@pytest.mark.parametrize(
    "collateral", ["GEP 增量收益权", "VEP revenue right", "林权 12 号", "gepard house"]
)
def test_rights_to_income_and_other_things_are_collateral(collateral):
    assert float(capacity(collateral=collateral)) == pytest.approx(365.2, abs=0.05)


def test_a_contract_may_speak_of_gep():
    assert float(capacity(flow(contract="生态产品价值采购合同 3 号"))) > 0


def test_all_problems_of_a_loan_come_together():
    with pytest.raises(DataError) as error:
        capacity(flow(haircut=20), rate=4.5, dscr=0.9, years=0, ltv=None)
    for part in (
        "flow 1, haircut: the rate looks like a percentage",
        "rate: the rate looks like a percentage",
        "dscr: the debt service coverage ratio is below 1",
        "years: this is not a whole number of years",
        "ltv: there is a cash value and no share of it",
    ):
        assert part in told(error)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"amount": "-5 万元/yr"}, "the cash flow is negative"),
        ({"amount": 60}, "the amount has no unit"),
        ({"amount": "60 万元"}, "[万元] does not fit"),
        ({"amount": ["60 万元/yr"]}, "there is not one amount for each year"),
        ({"first": 3, "last": 2}, "the years of the flow are not in order"),
        ({"contract": " "}, "name what it rests on"),
    ],
)
def test_wrong_flows_are_refused(wrong, says):
    with pytest.raises(DataError) as error:
        capacity(flow(**wrong))
    assert says in told(error)
    assert "flow 1" in told(error)


def test_no_flow_no_loan():
    with pytest.raises(DataError, match="no cash flow serves the loan"):
        loan_capacity(
            [], collateral="forest right", rate=0.04, dscr=1.2, years=5, ltv=0.5,
            cash_value="900 万元", policy_cap=None, price_year=2025,
        )  # fmt: skip


def test_an_unknown_flow_makes_the_loan_undetermined():
    found = capacity(flow(), flow(title=Title("Fees", "收费"), amount=None))
    assert found.value is None
    assert found.undetermined == ("flow 2 (Fees 收费)",)
    with pytest.raises(DataError, match="undetermined"):
        float(found)
    assert capacity(cash_value=None).undetermined == ("cash_value",)
    assert capacity(flow(amount=["60 万元/yr", None], last=2)).value is None


@given(
    st.lists(st.floats(0, 1000), min_size=1, max_size=12), st.floats(0, 0.2), st.floats(1, 3)
)  # fmt: skip
def test_the_loan_is_repaid_by_the_flows_over_the_ratio(amounts, rate, dscr):
    """Grow the loan by interest and take off CFADS/DSCR each year: nothing is owed at the end."""
    found = capacity(
        flow(amount=(amounts, "万元/yr"), last=len(amounts)),
        rate=rate, dscr=dscr, years=len(amounts), ltv=None, cash_value=None,
    )  # fmt: skip
    balance = float(found)
    for amount in amounts:
        balance = balance * (1 + rate) - amount / dscr
    assert balance == pytest.approx(0, abs=1e-6 * (1 + sum(amounts)))


@pytest.mark.parametrize(
    ("case", "loan", "value", "ratio"),
    [
        ("longguan_2023", 0.8, 24.58, 3.3),
        ("kaizhou", 100, 1809, 5.5),
        ("huzhou_vep", 8, 35, 22.9),
        ("sichuan_chongqing", 120, 500, 24.0),
        ("shengzhou_2022", 9.5, 37.74, 25.2),
        ("dajun_2019", 5, 17.9, 27.9),
    ],
)
def test_observed_loans_over_gep(case, loan, value, ratio):
    """Two published amounts each; sources stand in the table."""
    table = load_table(TABLES / "loan_to_gep.csv")
    entry = table.entries["ratio"][(case,)]
    assert entry.value == pytest.approx(100 * loan / value, abs=0.01)
    assert entry.value == pytest.approx(ratio, abs=0.06)
    assert entry.note


# ------------------------------------------------------------------------------- a lender's sheet


def test_sheet_of_equal_instalments():
    """100 000 元 at 5 % over 3 years: 36 720.86 a year; by hand."""
    sheet = loan_schedule("10 万元", rate=0.05, years=3, repayment="annuity", price_year=2025)
    assert [str(y.interest) for y in sheet.years] == ["5000.00", "3413.96", "1748.61"]
    assert [str(y.service) for y in sheet.years] == ["36720.86", "36720.86", "36720.85"]
    assert sum(y.principal for y in sheet.years) == 100_000
    assert sheet.years[-1].balance == 0
    assert float(sheet.result) == pytest.approx(10_162.57)


def test_sheet_of_equal_principal_with_cover():
    sheet = loan_schedule(
        "100 元", rate=0.1, years=3, repayment="equal_principal",
        cfads=(([50, 40, 30]), "元/yr"), price_year=2025,
    )  # fmt: skip
    assert [str(y.principal) for y in sheet.years] == ["33.34", "33.33", "33.33"]
    assert [str(y.interest) for y in sheet.years] == ["10.00", "6.67", "3.33"]
    frame = sheet.frame("zh")
    assert list(frame.columns) == [
        "年份", "可用于还款的现金流", "利息", "本金", "还本付息", "偿债备付率", "期末余额",
    ]  # fmt: skip
    assert list(sheet.frame("en").columns)[-2:] == ["DSCR", "balance"]
    assert frame["偿债备付率"].tolist() == pytest.approx([50 / 43.34, 1, 30 / 36.66])
    assert "years 3" in warned(sheet.result)
    assert "cash flow does not pay the debt service" in warned(sheet.result)
    assert sheet.result["lowest_dscr"] == pytest.approx(30 / 36.66)


def test_sheet_of_the_loan_that_the_cash_flow_carries_shows_the_ratio_asked_for():
    loan = capacity()
    sheet = loan_schedule(
        loan, rate=0.045, years=10, repayment="annuity", cfads=loan, price_year=2025
    )
    assert [y.dscr for y in sheet.years] == pytest.approx([1.3] * 10, abs=1e-6)
    assert sheet.years[0].cfads == pytest.approx(600_000)
    assert not sheet.result.warnings
    assert sheet.currency == "元"


@given(st.floats(0, 0.3), st.integers(1, 30), st.floats(0.01, 1e6))
def test_a_loan_at_a_ratio_of_one_is_served_to_the_hundredth(rate, years, amount):
    loan = capacity(
        flow(amount=(amount, "元/yr"), last=years), rate=rate, dscr=1, years=years, ltv=None,
        cash_value=None, money="元",
    )  # fmt: skip
    assume(float(loan) >= 0.005)
    sheet = loan_schedule(
        loan, rate=rate, years=years, repayment="annuity", cfads=loan, price_year=2025
    )
    late = [str(w) for w in sheet.result.warnings]
    assert not late or "years " + str(years) in late[0]  # only the last instalment may take up more


@given(
    st.decimals(Decimal("0.05"), Decimal(10) ** 9, places=2),
    st.floats(0, 1),
    st.integers(1, 40),
    st.sampled_from(["annuity", "equal_principal"]),
)
def test_principal_adds_to_the_loan_and_nothing_is_owed(loan, rate, years, repayment):
    sheet = loan_schedule(
        f"{loan} 元", rate=rate, years=years, repayment=repayment, price_year=2025
    )
    assert sum(y.principal for y in sheet.years) == loan
    assert sheet.years[-1].balance == 0
    balances = [loan, *(y.balance for y in sheet.years)]
    for y, before in zip(sheet.years, balances, strict=False):
        assert abs(float(y.interest) - float(before) * rate) <= 0.00501
        assert y.balance == before - y.principal


def test_a_sheet_without_interest_and_wrong_loans():
    sheet = loan_schedule("1 元", rate=0, years=3, repayment="annuity", price_year=2025)
    assert [str(y.principal) for y in sheet.years] == ["0.33", "0.33", "0.34"]
    with pytest.raises(DataError) as error:
        loan_schedule(
            "0 元", rate=5, years=2, repayment="bullet", cfads=["1 元/yr"], price_year=2025
        )
    for part in (
        "positive amount",
        "looks like a percentage",
        "way of repayment is unknown",
        "1 for 2 years",
    ):
        assert part in told(error)
    with pytest.raises(DataError, match="not an amount of money"):
        loan_schedule(100, rate=0, years=2, repayment="annuity", price_year=2025)


# ----------------------------------------------------------------------------- terms by eco-credit

GRADES = {
    "AAA": GradeTerms("50 万元", 0.01, 0.2),
    "AA": GradeTerms("30 万元", 0.005, 0.1),
    "B": GradeTerms("5 万元", 0),
}


def terms(grade="AA", **changed):
    asked = {
        "table": GRADES,
        "income_factor": 1.5,
        "line_cap": "40 万元",
        "base_rate": 0.035,
        "spread": 0.01,
        "floor": 0.036,
        "scored_on": dt.date(2024, 2, 29),
        "on": dt.date(2025, 2, 28),
        "valid_months": 12,
        "price_year": 2025,
    }
    return credit_terms(grade, **(asked | changed))


def test_line_and_rate_by_grade():
    found = terms()
    assert float(found) == 40  # 30 · 1.5 = 45, capped
    assert found["rate"] == pytest.approx(0.04)
    assert found["discount"] == 0.1
    assert float(terms("B")) == 7.5
    assert terms("B")["rate"] == pytest.approx(0.045)


def test_the_rate_stops_at_the_floor():
    assert terms("AAA")["rate"] == pytest.approx(0.036)
    assert terms("AAA", floor=0.01)["rate"] == pytest.approx(0.035)
    assert terms("AAA", spread=-0.005, floor=0)["rate"] == pytest.approx(0.02)


def test_rates_that_reports_name_follow_from_a_rebate_and_a_floor():
    """Jiangkou: one firm's rate fell from 5.5 to 3.2 %; Luoyuan: rebates reach down to the LPR."""
    table = {"one": GradeTerms("10 万元", "2.3 %")}
    assert terms("one", table=table, base_rate="5.5 %", spread=0, floor=0)["rate"] == pytest.approx(
        0.032
    )
    assert terms("one", table=table, base_rate=0.0345, spread=0.02, floor=0.0345)["rate"] == 0.0345


def test_an_expired_score_brings_no_rebate():
    """Twelve months from 29 February 2024 end on 28 February 2025."""
    assert terms()["rebate"] == 0.005
    late = terms(on=dt.date(2025, 3, 1))
    assert late["rebate"] == 0
    assert late["rate"] == pytest.approx(0.045)
    assert "the score has expired" in warned(late)
    assert "评分已过期" in warned(late)


def test_grades_are_the_tables():
    with pytest.raises(DataError, match="the grade 'A' is unknown"):
        terms("A")
    assert terms(None).undetermined == ("grade",)
    with pytest.raises(DataError, match="the score lies in the future"):
        terms(on=dt.date(2023, 1, 1))
    with pytest.raises(DataError, match="base_rate: the rate looks like a percentage"):
        terms(base_rate=3.5)


# -------------------------------------------------------------------------- water and river rights


def water(**changed):
    asked = {
        "H": "100 m", "eta": 0.8, "W": "5e7 m³/yr", "W_l": "5e7 m³/yr", "p": "0.48 元/kWh",
        "O": "123.2 万元/yr", "i": 0.05, "n": "20 yr", "a": 0.5, "price_year": 2023,
    }  # fmt: skip
    return rule("methods/water_licence_loan")(**(asked | changed))


def test_water_licence_to_electricity_to_loan():
    """Synthetic: 5e7 m³ over 100 m at 0.80 are 10.90 GWh, at 0.48 元 523.2 万元."""
    found = water()
    assert found["E"] == pytest.approx(10.90e6, rel=5e-4)
    assert found["R"] == pytest.approx(523.2, abs=0.05)
    assert found["V_g"] == pytest.approx(523.2 * float(annuity_factor(rate=0.05, periods=20)))
    assert found["V_n"] == pytest.approx(400 * float(annuity_factor(rate=0.05, periods=20)))
    assert float(found) == pytest.approx(found["V_n"] / 2)
    assert found["V_g"] > found["V_n"]  # the press values revenue; both are shown


def test_the_short_formula_of_hydropower():
    """E = 0.002725 · H · η · W."""
    assert water(H="37 m", W="1e6 m³/yr", O="0 元/yr")["E"] == pytest.approx(
        0.002725 * 37 * 0.8 * 1e6, rel=1e-9
    )


def test_head_in_centimetres_is_read_by_its_unit_and_refused_as_metres():
    assert water(H="10000 cm")["E"] == pytest.approx(water()["E"])
    with pytest.raises(DataError, match="Head of the power station lies outside 0 to 2000"):
        water(H="10000 m")
    with pytest.raises(DataError, match="the amount has no unit"):
        water(H=10000)


def test_more_water_than_licensed_and_impossible_efficiency_are_refused():
    with pytest.raises(DataError, match="More water is taken than the licence allows"):
        water(W="50000001 m³/yr")
    with pytest.raises(DataError, match="looks like a percentage"):
        water(eta=80)
    with pytest.raises(DataError, match="Efficiency of the power station"):
        water(eta=1.01)
    with pytest.raises(DataError, match="running cost is more than the revenue"):
        water(O="600 万元/yr")


def test_figures_of_rural_hydropower_are_plausible():
    """Zhejiang Daily 2023-03-14: 34.5 万 kW, 10 亿 kWh, 5 亿元."""
    found = rule("methods/hydropower_figures")(
        P="345000 kW", E="10 亿 kWh/yr", R="5 亿元/yr", price_year=2023
    )
    assert float(found) == pytest.approx(0.50)
    assert found["h"] == pytest.approx(2899, abs=0.5)
    with pytest.raises(DataError, match="More hours at full load than a year has"):
        rule("methods/hydropower_figures")(
            P="34.5 kW", E="10 亿 kWh/yr", R="5 亿元/yr", price_year=2023
        )


def test_river_right_of_qingtian():
    """aipiwu.com/article/132447.html: 500 万元 for 22.99 km; 3 万元 for 1.5 km and ten years."""
    rent = 30_000 / 1.5 / 10
    assert rent == 2000
    found = rule("qingtian_2020/river_right_loan")(
        C="500 万元", l="22.99 km", R=(rent, "元/(km·yr)"), i=0.06, price_year=2020
    )
    assert found["c"] / 1e4 == pytest.approx(21.75, abs=0.005)
    assert found["v"] / 1e4 == pytest.approx(3.3, abs=0.05)
    assert float(found) == pytest.approx(6.52, abs=0.01)
    assert "rests on the borrower's credit or on policy" in warned(found)


# ---------------------------------------------------------------------------------------- guarantee


def guarantee(**changed):
    asked = {
        "d": {"one": 0.02, "two": 0.05}, "l": {"one": 0.5, "two": 0.4},
        "e": {"one": "1000 万元", "two": "500 万元"}, "f": "30 万元", "c": "5 万元",
        "Q": "60 万元", "k": 2, "C": "300 万元", "m": 10, "price_year": 2025,
    }  # fmt: skip
    return rule("methods/guarantee")(**(asked | changed))


def test_expected_loss_fee_pool_and_leverage():
    found = guarantee()
    assert float(found) == pytest.approx(20)  # 0.02 · 0.5 · 1000 + 0.05 · 0.4 · 500
    assert (found["M"], found["q"], found["w"]) == (pytest.approx(5), pytest.approx(1.5), 5)
    assert not found.warnings


def test_guarantees_that_do_not_pay_or_are_too_large():
    assert "fees do not pay for the expected loss" in warned(guarantee(f="24 万元"))
    assert "The fund is smaller" in warned(guarantee(Q="39 万元"))
    with pytest.raises(DataError, match="more than the limit of leverage allows"):
        guarantee(C="149 万元")
    with pytest.raises(DataError, match="looks like a percentage"):
        guarantee(d={"one": 2, "two": 0.05})
