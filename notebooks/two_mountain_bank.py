# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The book of a 两山银行 两山银行台账
#
# From the account of a county to the assets of one township: registered, checked, packaged, valued, sold once, pledged, settled, shared,
# assessed and reported. Everything is synthetic: places, households, contracts, prices. The rules are published ones, named with their documents.
#
# 从一个县的账户到一个乡镇的生态资产：登记、校核、整合、估值、只卖一次、质押、结算、分配、考核、报告。
# 地点、农户、合同与价格均为虚构；所用规则为已公布的规则，并注明文件。

# %%
import datetime as dt
import tempfile
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
from IPython.display import HTML, SVG

from gep.errors import DataError
from gep.realization import Book, Dossier, parcel_account, read_terms, rule, write_report

here = Path.cwd()
examples = next(p / "examples" for p in (here, *here.parents) if (p / "examples/township").is_dir())
township, county = examples / "township", examples / "county/county.toml"
work = Path(tempfile.mkdtemp())
registry, company = "registry office 不动产登记中心", "two-mountain company 两山公司"

# %% [markdown]
# ## Registered, and refused where it is wrong 登记与校核
#
# The book is one GeoPackage that QGIS opens. A file is taken in whole or not at all. The files with planted conflicts first:
#
# 台账是一个 GeoPackage 文件，QGIS 可直接打开。每个文件要么全部导入，要么一行不导。先看有意放入冲突的文件：

# %%
book = Book.create(work / "bank.gpkg", crs="EPSG:4490", title="合成乡镇两山银行 Synthetic township")
try:
    book.import_parcels(township / "parcels_with_conflicts.gpkg", office=registry)
except DataError as error:
    print(error)
assert book.parcels.empty  # nothing of it is in the book

# %% [markdown]
# Then the right ones: 200 parcels, 91 deposits in five modes, encumbrances. A parcel without a certificate cannot be valued.
#
# 再导入正确的文件：200 个地块、五种方式的 91 笔收储、抵押与地役权。没有权证的地块不能进入评估。

# %%
book.import_parcels(township / "parcels.gpkg", office=registry)
certified = list(book.parcels["id"][book.parcels["certificate_no"].notna()])
book.move(certified, "titled", office=registry, reason="certificates seen 已核验权证")
book.move(certified, "valued", office=company, reason="first appraisal 初评")
book.import_deposits(township / "deposits.csv", office=company)
book.import_encumbrances(township / "encumbrances.csv", office=company)
book

# %%
try:
    book.import_deposits(township / "deposits_with_conflicts.csv", office=company)
except DataError as error:
    print("\n".join(str(error).splitlines()[:12]))

# %% [markdown]
# ## Packaged 整合
#
# Deposits become packages with a use and a term. A use that a restriction forbids is refused; restoration within the red line is allowed on
# a condition, and the book says which.
#
# 收储资源按用途与年限整合成包。管控要求禁止的用途被拒绝；生态保护红线内的修复有条件允许，台账写明条件。

# %%
members = pd.read_csv(township / "package_members.csv")
for row in pd.read_csv(township / "packages.csv").itertuples():
    deposits = list(members["deposit_id"][members["package_id"] == row.id])
    terms_of = {"use": row.use, "start": row.start, "years": row.years}
    told = book.package(
        row.id, name=row.name, deposits=deposits, office=company, reason="project 立项", **terms_of
    )
    print(row.id, row.name, len(deposits), "deposits;", len(told), "warnings")

facts = book.package_facts("K-01", gap_m=20)
print(f"{facts.area_ha:.1f} ha, effective mesh {facts.m_eff_ha:.2f} -> {facts.m_eff_parts_ha:.2f} ha, {facts.term_years} years")

# %%
try:
    book.package(
        "K-99", name="villas 别墅", use="建设", deposits=["D-054"], start="2022-01-01", years=10, office=company, reason="offer 意向"
    )
except DataError as error:
    print(error)

# %% [markdown]
# ## What the parcels give: from the account itself 地块的流量来自账户本身
#
# The parcels are zones of the county's account (exact fractions of cells), before and after the projects. What the county knows by township
# only cannot be shared among parcels without a guess: those services are named, not invented.
#
# 地块作为县账户的分区（像元按精确比例计入），项目前后各算一次。只有乡镇统计数据的服务无法按地块计算，如实列出，不作推测。

# %%
for project in (county, township / "after.toml"):
    account = parcel_account(project, book)
    book.set_flows(account)
print(account)
book.flows().groupby(["year", "service"])["value"].sum().unstack(0) / 1e4

# %% [markdown]
# ## What the packages are worth: two numbers 资源包估值：两个数值
#
# One file of terms holds every assumption: rates, cash flows, loans, mechanisms. Cash value is what can be collected; service value is what
# nobody pays for. They are not added.
#
# 一个参数文件写明全部假设：折现率、现金流、贷款、机制。现金价值是能收到的钱，服务价值是无人付费的流量，两者不相加。

# %%
dossier = Dossier(book, township / "terms.toml")
pd.DataFrame(
    [
        (v.title.zh, v.facts.area_ha, v.worth.cash_value.value, v.worth.service_value.value)
        for v in dossier.valuations.values()
    ],
    columns=["package", "ha", "cash 现金价值 [万元]", "services 服务价值 [万元]"],
).round(1)

# %%
worth = dossier.valuations["K-01"].worth
try:
    worth.total(monetised=[])
except DataError as error:
    print(error)
both = worth.total(monetised=["carbon_sequestration"])  # by saying what the cash pays for already
print(both.text("zh").splitlines()[0])

# %%
dossier.valuations["K-02"].sensitivity.frame("zh").head(6)

# %% [markdown]
# ## Lent on cash, never on GEP 贷款以现金流为据，GEP 不是抵押物

# %%
loan = dossier.loans["K-02"]
print(loan.capacity.text("zh").splitlines()[0])
loan.schedule.frame("zh").round(2)

# %%
from gep.realization.lending import CashFlow, GepIsNotCashError, loan_capacity
from gep.tables import Title

flow = CashFlow(Title("rent", "租金"), "60 万元/yr", "contract 合同", 1, 10, 0, policy=False)
try:
    loan_capacity(
        [flow], collateral="生态产品总值 GEP", rate=0.045, dscr=1.3, years=10,
        ltv=None, cash_value=None, policy_cap=None, price_year=2020,
    )
except GepIsNotCashError as error:
    print(error)

# %% [markdown]
# ## Sold once 只卖一次
#
# A claim is one service of one parcel in one year, whoever buys it and under whichever programme. Carbon of K-01 for 2022 goes to a first buyer;
# a second issue, as another programme's credit, is refused. What is pledged cannot be sold.
#
# 一项权益即一个地块一年的一项服务，与买方和机制无关。K-01 的 2022 年碳汇卖给第一个买方后，换一个机制再次登记被拒绝；已质押的数量不能转让。

# %%
carbon = book.flows()
members_of = dossier.valuations["K-01"].facts.parcels
carbon = carbon[(carbon["service"] == "carbon_sequestration") & carbon["parcel_id"].isin(members_of) & (carbon["year"] == 2022)]
tonnes = carbon.loc[carbon["unit"] == "tCO2/yr", "quantity"].sum()
claim = {
    "holder": company, "unit": "tCO2", "right_type": "碳汇量", "service": "carbon_sequestration", "parcels": list(members_of),
    "year_from": 2022, "year_to": 2022, "standard": "rcees_2017", "account": carbon["account"].iloc[0],
}
book.ledger.issue("C-2022", quantity=f"{tonnes:.3f}", document="minutes 纪要 1", programme="government purchase 政府采购", **claim)
book.ledger.transfer("C-2022", holder=company, to="buyer A 买方甲", quantity="300", document="contract 合同 1")
book.ledger.pledge("C-2022", holder=company, creditor="bank 银行", quantity="100", end="2024-12-31", document="pledge 质押 1")

for attempt in (
    lambda: book.ledger.issue("CCER-1", quantity="300", document="minutes 纪要 2", programme="CCER", **claim),
    lambda: book.ledger.transfer("C-2022", holder=company, to="buyer B 买方乙", quantity=f"{tonnes - 300:.3f}", document="contract 合同 2"),
):
    try:
        attempt()
    except DataError as error:
        print(str(error)[:420], "\n")
book.ledger.balances()

# %% [markdown]
# The ledger is a chain of hashes. A printed head shows later that nothing was changed or cut off.
#
# 台账以哈希成链；留存链首哈希，日后即可查验是否有改动或截断。

# %%
head = book.ledger.head
print(book.ledger.verify(head))

# %% [markdown]
# ## Settled and shared 结算与分配

# %%
from gep.realization.settlement import settlement_sheet

settlement_sheet(dossier.settlements)[["payer", "payee", "amount", "title", "rule"]]

# %%
print(dossier.distributions["K-02"].text("zh").splitlines()[0])
statement = dossier.statements["K-02"]
assert statement.iloc[:, 3].sum() == dossier.distributions["K-02"].payouts["入股农户"]
statement.head()

# %% [markdown]
# Eco-credit of households by number: what is not verified counts nothing, and nothing is taken off from persons without a legal basis.
#
# 农户生态信用只用户号：未核实的不计分；没有法律依据，对个人不作扣分。

# %%
from gep.realization.credit import Span, Terms as CreditTerms, credit_scores, credit_table, read_events

span = Span(dt.date(2021, 1, 1), dt.date(2021, 12, 31), dt.date(2022, 1, 15))
scores = credit_scores(
    credit_table("yunhe_wuxi_2020"), read_events(township / "credit_events.csv"),
    span=span, terms=CreditTerms(base=100, low=0, high=200, item_caps={"waste_sorting": 20}),
)
print(scores["H-017"].text("zh"))
{name: score.score for name, score in scores.items()}

# %% [markdown]
# ## Assessed 考核
#
# The score stands on facts with evidence. A breach of the ecological bottom line makes it 不合格, whatever the points; without the evidence it is
# undetermined, not passed.
#
# 得分以有证据的事实为据。突破生态底线即为不合格，与得分无关；缺少证据则为“无法判定”，而不是通过。

# %%
project_parcels = [p for name in ("K-02", "K-04") for p in dossier.valuations[name].facts.parcels]
for state in ("listed", "contracted", "operating"):
    book.move(project_parcels, state, office=company, reason="contract 签约")
dossier = Dossier(book, township / "terms.toml")
print(dossier.assessment.text("zh"))

# %%
terms = read_terms(township / "terms.toml")
breach = replace(terms.facts["red_line_breaches"], value=1.0)
unknown = {name: fact for name, fact in terms.facts.items() if name != "red_line_breaches"}
for label, facts_now in {"as it is 现状": terms.facts, "breach 突破红线": {**terms.facts, "red_line_breaches": breach}, "no evidence 缺证据": unknown}.items():
    sheet = Dossier(book, replace(terms, facts=facts_now)).assessment
    grade = sheet.grade.title.zh if sheet.grade else "undetermined 无法判定"
    print(f"{label}: {sheet.rounded} / {sheet.total:g}, veto {sheet.veto}, {grade}")

# %% [markdown]
# ## Reported 报告
#
# One workbook, one page and a GeoPackage of the lists, from the same tables.
#
# 一个工作簿、一个网页、一个清单图层文件，出自同一组表格。

# %%
out = write_report(dossier, work / "report")
print(sorted(path.name for path in out.iterdir()))
assert not [p for p in book.check(at=dt.date(2022, 1, 1)) if p.level == "error"]

# %%
from gep.realization.document import map_svg
from gep.realization.registry import words

titles = {word.key: word.title for word in words().lists["state"].values()}
SVG(map_svg(book.parcels, "state", {k: titles[k] for k in titles if k in set(book.parcels["state"])}))

# %%
lists = gpd.list_layers(out / "lists.gpkg")
print(list(lists["name"]))
book.close()
HTML("<p>两山银行报告 report of the bank: bank.html</p>")
