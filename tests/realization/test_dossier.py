"""The dossier of the synthetic township: every part computed again by hand, and every refusal."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
from synthetic_township import COUNTY, OFFICE, TOWNSHIP, packaged_book, rows_of

from gep.errors import DataError, UsageError
from gep.realization import Book, Dossier, parcel_account, read_terms, write_report
from gep.realization.report import bank_document

MU = 1 / 15  # ha


@pytest.fixture(scope="module")
def township(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    with packaged_book(tmp_path_factory.mktemp("bank")) as book:
        for project in (COUNTY / "county.toml", TOWNSHIP / "after.toml"):
            book.set_flows(parcel_account(project, book))
        yield book


@pytest.fixture(scope="module")
def dossier(township: Book) -> Dossier:
    return Dossier(township, TOWNSHIP / "terms.toml")


# --------------------------------------------------------------------------------------- values


def present(amounts: list[float], rate: float, first: int = 1) -> float:
    return sum(a / (1 + rate) ** t for t, a in enumerate(amounts, start=first))


def test_the_cash_of_a_package_is_that_of_the_terms_less_the_rents(
    dossier: Dossier, township: Book
) -> None:
    """K-05: fruit from the third year, costs, an investment today, and rents in advance."""
    r, years = 0.0608, 8
    fruit = [0.0, 0.0, *(150 * 1.02**k for k in range(6))]
    costs = [-88 * 1.02**k for k in range(8)]
    value = -120 + present(fruit, r) + present(costs, r)
    areas = dict(zip(township.parcels["id"], township.parcels["area_ha"], strict=True))
    members = {m["deposit_id"] for m in rows_of("package_members.csv") if m["package_id"] == "K-05"}
    bought = rent_now = 0.0
    rents = [0.0] * years
    for row in rows_of("deposits.csv"):
        if row["id"] not in members:
            continue
        mu = areas[row["parcel_id"]] / MU
        bought += 680 * mu if row["mode"] == "赎买" else 0.0
        if not row["unit_rent"]:
            continue
        start = dt.date.fromisoformat(row["start"])
        gone = 2022 - start.year - ((1, 1) < (start.month, start.day))
        for year in range(years):
            steps = (gone + year) // int(row["escalation_years"] or 1)
            rents[year] += (
                float(row["unit_rent"]) * mu * (1 + float(row["escalation"] or 0)) ** steps
            )
        rent_now += float(row["unit_rent"])
    assert rent_now > 0
    value -= bought / 1e4 + present(rents, r, first=0) / 1e4
    cash = dossier.valuations["K-05"].worth.cash_value
    assert float(cash) == pytest.approx(value, rel=1e-9)
    assert cash.unit == "万元"
    assert cash.price_year == 2020


def test_carbon_is_sold_by_the_quantity_of_the_account(dossier: Dossier, township: Book) -> None:
    valued = dossier.valuations["K-01"]
    flows = township.flows()
    mine = flows["parcel_id"].isin(valued.facts.parcels) & (flows["year"] == 2022)
    carbon = flows[
        mine & (flows["service"] == "carbon_sequestration") & (flows["unit"] == "tCO2/yr")
    ]
    frame = valued.worth.frame()
    sale = frame[(frame["flow"] == "碳汇出售收入") & (frame["time"] == 1)]["amount"].item()
    assert sale == pytest.approx(70 * carbon["quantity"].sum() / 1e4)


def test_services_are_those_of_the_account_at_the_real_rate(
    dossier: Dossier, township: Book
) -> None:
    """In nominal terms they rise with inflation: the same as constant money at the real rate."""
    valued = dossier.valuations["K-03"]
    flows = township.flows()
    mine = flows["parcel_id"].isin(valued.facts.parcels) & (flows["year"] == 2022)
    year = flows[mine & (flows["currency"] != "")]["value"].sum() / 1e4
    real = 1.0608 / 1.02 - 1
    wanted = year * (1 - (1 + real) ** -15) / real
    assert float(valued.worth.service_value) == pytest.approx(wanted, rel=1e-9)
    assert not valued.gaps


def test_what_the_cash_pays_for_is_not_counted_twice(dossier: Dossier) -> None:
    worth = dossier.valuations["K-03"].worth
    with pytest.raises(DataError, match="climate_regulation is in the cash and in the non-market"):
        worth.total(monetised=[])
    both = worth.total(monetised=["climate_regulation"])
    rest = worth.without(["climate_regulation"])
    assert float(both) == pytest.approx(float(worth.cash_value) + float(rest.service_value))
    assert float(rest.service_value) < float(worth.service_value)


# -------------------------------------------------------------------------------------- the rest


def test_a_loan_is_carried_by_the_cash_of_its_package(dossier: Dossier) -> None:
    loan = dossier.loans["K-02"]
    frame = dossier.valuations["K-02"].worth.frame()
    cash = frame[frame["kind"] == "cash"].groupby("time")["amount"].sum()
    cfads = [max(cash[t], 0.0) * 0.8 for t in range(1, 9)]
    by_dscr = present([c / 1.3 for c in cfads], 0.045)
    by_value = 0.5 * float(dossier.valuations["K-02"].worth.cash_value)
    assert loan.capacity["loan_dscr"] == pytest.approx(by_dscr)
    assert float(loan.capacity) == pytest.approx(min(by_dscr, by_value, 300.0))
    assert loan.schedule.years[-1].balance == 0
    assert "years 1" in str(
        loan.schedule.result.warnings[0]
    )  # nothing comes in before the house opens


def test_mechanisms_take_what_the_book_knows(dossier: Dossier, township: Book) -> None:
    purchase, index, settled, water, pledge = dossier.settlements
    flows = township.flows()
    bought = ("water_retention", "climate_regulation", "soil_retention")
    rows = flows[(flows["year"] == 2022) & flows["service"].isin(bought)]
    assert float(purchase) == pytest.approx(0.002 * rows["value"].sum() / 1e4)
    assert purchase.title.zh == "县政府购买全乡镇调节服务"
    assert [p.amount for p in purchase.payments] == [
        round(Decimal(repr(purchase[s] * 1e4)), 2) for s in ("T_1", "T_2")
    ]
    means = pd.DataFrame(rows_of("water_quality.csv")).astype({"value": float})
    q = means.groupby("pollutant")["value"].mean() / pd.Series(
        {"CODMn": 2.1, "NH3-N": 0.16, "TN": 1.3, "TP": 0.03}
    )
    k = pd.Series({"CODMn": 0.22, "NH3-N": 0.22, "TN": 0.28, "TP": 0.28})
    assert float(index) == pytest.approx(0.9 * (k * q).sum())
    assert [str(p.amount) for p in settled.payments] == ["2000000.00"]
    income = 1000 * 9.81 * 85 * 0.8 * 5.2e6 / 3.6e6 * 0.48 / 1e4 - 14
    assert water.to("万元") == pytest.approx(0.5 * income * (1 - 1.06**-13) / 0.06)
    parcels = township.parcels
    public = ["public_welfare_forest" in names for names in parcels["restrictions"]]
    area = parcels.loc[public, "area_ha"].sum() / MU
    assert pledge["A"] == pytest.approx(area * 40 * 0.9)


def test_an_income_is_shared_to_the_last_cent(dossier: Dossier) -> None:
    paid = dossier.distributions["K-02"].payouts
    assert {k: str(v) for k, v in paid.items()} == {
        "风险准备金": "20000.00",
        "村集体": "103260.00",  # 0.3 of 344,200
        "入股农户": "172100.00",
        "两山公司运营": "68840.00",
    }
    statement = dossier.statements["K-02"]
    assert sum(statement.iloc[:, 3]) == Decimal("172100.00")
    assert len(statement) == len(rows_of("villagers.csv"))
    heads = dossier.statement_heads("K-02")
    assert len(heads) == statement.shape[1]


def test_the_assessment_counts_the_book_and_stands_on_evidence(
    dossier: Dossier, township: Book
) -> None:
    facts = dossier.facts()
    parcels = township.parcels
    assert facts["surveyed_area"].value == pytest.approx(parcels["area_ha"].sum())
    titled = parcels[parcels["certificate_no"].notna()]
    assert facts["titled_area"].value == pytest.approx(titled["area_ha"].sum())
    assert facts["resources"].value == 200
    assert facts["products"].value == 5
    assert facts["operating_area"].value == 0
    total = sum(float(v.worth.cash_value) for v in dossier.valuations.values())
    assert facts["package_value"].value == pytest.approx(total)
    flows = township.flows()
    for name, year in (("before", 2020), ("after", 2022)):
        rows = flows[flows["year"] == year]
        assert facts[f"vep_{name}"].value == pytest.approx(rows["value"].sum())
        assert facts[f"vep_{name}"].document in set(rows["account"])
    assert all(fact.evidence for fact in facts.values())
    score = dossier.assessment
    assert score.veto == "none"
    assert score.grade is not None


def test_a_breach_of_the_bottom_line_is_the_lowest_grade_and_no_evidence_is_no_pass(
    township: Book,
) -> None:
    terms = read_terms(TOWNSHIP / "terms.toml")
    breach = replace(terms.facts["red_line_breaches"], value=1.0)
    worse = Dossier(township, replace(terms, facts={**terms.facts, "red_line_breaches": breach}))
    assert worse.assessment.veto == "breached"
    assert worse.assessment.grade.id == "fail"
    silent = replace(terms.facts["red_line_breaches"], source="")
    unknown = Dossier(township, replace(terms, facts={**terms.facts, "red_line_breaches": silent}))
    assert unknown.assessment.veto == "undetermined"
    assert unknown.assessment.grade is None
    turned = replace(terms, accounts={"before": "2022", "after": "2020"})
    assert Dossier(township, turned).assessment.veto == "breached"  # the value of nature fell


# ------------------------------------------------------------------------------------ the report


def test_the_report_holds_what_the_dossier_computed(dossier: Dossier, tmp_path: Path) -> None:
    out = write_report(dossier, tmp_path / "report")
    assert sorted(p.name for p in out.iterdir()) == ["bank.html", "bank.xlsx", "lists.gpkg"]
    page = (out / "bank.html").read_text(encoding="utf-8")
    book = openpyxl.load_workbook(out / "bank.xlsx")
    numbers = {
        round(c.value, 6)
        for sheet in book
        for row in sheet.iter_rows()
        for c in row
        if isinstance(c.value, int | float)
    }
    for valued in dossier.valuations.values():
        for value in (valued.worth.cash_value, valued.worth.service_value):
            assert round(float(value), 6) in numbers
            assert f"{float(value):,.2f}" in page
    for paid in dossier.settlements[0].payments:
        assert float(paid.amount) in numbers
        assert f"{paid.amount:,}" in page
    assert [s.title for s in book][:5] == [
        "概况 Overview",
        "资源清单 List of resources",
        "产权清单 List of rights",
        "项目清单 List of projects",
        "到期日历 Calendar of expiry",
    ]
    assert page.count("<svg") == 1
    assert dossier.book.ledger.head in page
    assert "乡镇两山银行绩效评价" in page
    assert {len(gpd.read_file(out / "lists.gpkg", layer="资源清单"))} == {200}
    with pytest.raises(UsageError):
        write_report(dossier, tmp_path / "report")


def test_the_report_is_the_same_every_time(dossier: Dossier) -> None:
    assert bank_document(dossier).page() == bank_document(dossier).page()


# ----------------------------------------------------------------------------------- the terms


def changed(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    for path in TOWNSHIP.iterdir():
        shutil.copy(path, tmp_path / path.name)
    text = (tmp_path / "terms.toml").read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    (tmp_path / "terms.toml").write_text(text, encoding="utf-8")
    return tmp_path / "terms.toml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rate      = 0.0608", "rate      = 6.08", "discounting, rate: the rate looks like a percentage"),
        ("rate      = 0.0608\n", "", "key 'rate' is missing"),
        ('basis     = "nominal"', 'basis     = "current"', "this is one of nominal, real"),
        ('timing    = "arrears"', 'timing    = "later"', "this is one of advance, arrears"),
        ("as_of      = 2022-01-01", 'as_of      = "today"', "key 'as_of' must be"),
        ('price = "70 元/tCO2"\n', "", "a flow is an amount, or a service and its price"),
        ('unit       = "万元"\nsource     = "synthetic contracts', 'source     = "synthetic contracts', "key 'unit' is missing"),
        ("[[packages.K-05.flows]]", "[[packages.K-55.flows]]", "no package 'K-55'"),
        ("flow  = 0.2", "flows  = 0.2", "unknown key 'flows'"),
    ],
)  # fmt: skip
def test_wrong_terms_are_refused(
    township: Book, tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        Dossier(township, changed(tmp_path, (old, new)))


@pytest.mark.parametrize(
    ("old", "new", "part", "said"),
    [
        ("price_year = 2020                     #", "price_year = 2021 #", "valuations", "the prices are of another year"),
        ('sold  = "carbon_sequestration"', 'sold  = "carbon"', "valuations", "no flow of 'carbon' is known"),
        ('price = "70 元/tCO2"', 'price = "70 元/m³"', "valuations", "the price does not fit the flow"),
        ('timing  = "advance"\n', "", "valuations", "the timing of the rents is missing"),
        ('after  = "2022"', 'after  = "2031"', "valuations", "the book has no account '2031'"),
        ('before = "2020"\nafter  = "2022"', "", "valuations", "the parcels have flows of several accounts"),
        ('collateral = "right to', 'collateral = "GEP" #', "loans", "GEP is not cash"),
        ("dscr       = 1.3", "dscr       = 0.9", "loans", "below 1"),
        ('{ result = "xinanjiang_2018/compensation_index" }', '{ result = "x" }', "settlements", "no result of 'x' before it"),
        ('restriction = "public_welfare_forest"', 'restriction = "moon"', "settlements", "no parcel is under 'moon'"),
        ('net   = "36.42 万元"', "", "distributions", "the distribution is not complete"),
        ("share = 0.5", "share = 0.9", "distributions", "the shares add to more than 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_says_why(
    township: Book, tmp_path: Path, old: str, new: str, part: str, said: str
) -> None:
    made = Dossier(township, changed(tmp_path, (old, new)))
    with pytest.raises(Exception, match=re.escape(said)) as caught:
        getattr(made, part)
    assert hasattr(caught.value, "problems")  # one of gep's own


def test_a_book_without_flows_says_what_to_do(tmp_path: Path) -> None:
    with packaged_book(tmp_path) as book, pytest.raises(DataError, match="gep bank flows"):
        _ = Dossier(book, TOWNSHIP / "terms.toml").valuations


def test_an_input_that_is_not_known_leaves_its_mechanism_undetermined(
    township: Book, tmp_path: Path
) -> None:
    path = changed(tmp_path, ("quality_factor = 0.9", 'quality_factor = "unknown"'))
    purchase = Dossier(township, path).settlements[0]
    assert purchase.undetermined == ("quality_factor",)
    assert purchase.value is None


def test_a_project_that_has_ended_is_not_valued(township: Book, tmp_path: Path) -> None:
    path = changed(tmp_path, ("as_of      = 2022-01-01", "as_of      = 2050-01-01"))
    with pytest.raises(DataError, match="the project has ended"):
        _ = Dossier(township, path).valuations


def test_an_office_is_kept_with_every_write(township: Book) -> None:
    assert set(township.events["office"]) == {OFFICE}


def test_a_part_that_is_not_known_leaves_the_whole_unknown(
    township: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing area or value is never counted as nothing."""
    parcels, flows = township.parcels, township.flows()
    parcels.loc[parcels["id"] == "P-001", "area_ha"] = None
    worth = flows["currency"] != ""
    flows.loc[worth & (flows["parcel_id"] == "P-002") & (flows["year"] == 2022), "value"] = None
    monkeypatch.setattr(Book, "parcels", property(lambda _self: parcels))
    monkeypatch.setattr(
        Book, "flows", lambda _self, key=None: flows if key is None else flows[flows.account == key]
    )
    made = Dossier(township, TOWNSHIP / "terms.toml")
    facts = made._counted()
    assert facts["surveyed_area"].value is None
    assert facts["vep_before"].value is not None
    assert facts["vep_after"].value is None
    with pytest.raises(DataError, match="not known for all") as caught:
        _ = made.settlements
    assert "P-002" in str(caught.value)
