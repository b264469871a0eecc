"""The report of a bank: the lists, what packages are worth, who pays whom, the score, the ledger.

One document, written as a workbook and a page from the same tables, and the lists as layers of a
GeoPackage: see :func:`write_report`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gep.errors import Problem
from gep.files import whole_folder
from gep.realization.book_lists import Listing
from gep.realization.document import (
    Column,
    Document,
    Section,
    Table,
    both,
    grouped,
    is_missing,
    map_svg,
    result_tables,
)
from gep.realization.dossier import Dossier, Loan, Valuation
from gep.realization.registry import words
from gep.realization.results import told
from gep.realization.scoring import ScoreSheet
from gep.realization.settlement import settlement_sheet
from gep.tables import Title

if TYPE_CHECKING:
    import pandas as pd

    from gep.realization.book import Book

_TWO_NUMBERS = Title(
    "Two numbers: they are not added, for cash may pay for the services.",
    "两个数值并列，不相加：现金收入可能就是为这些服务支付的。",
)


def write_report(dossier: Dossier, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write the report of a bank into a folder, whole or not at all.

    Parameters
    ----------
    dossier
        The book and its terms.
    folder
        Gets ``bank.xlsx``, ``bank.html`` and ``lists.gpkg``.
    overwrite
        Whether a folder that an earlier report wrote is replaced.

    Raises
    ------
    UsageError
        If the folder exists and ``overwrite`` is false.
    DataError
        If a part of the terms cannot be computed.
    """
    made = bank_document(dossier)
    terms = dossier.terms
    with whole_folder(Path(folder), overwrite=overwrite) as out:
        made.workbook(out / "bank.xlsx")
        (out / "bank.html").write_text(made.page(), encoding="utf-8", newline="\n")
        dossier.book.write_geopackage(out / "lists.gpkg", at=terms.as_of, gap_m=terms.gap_m)
    return Path(folder)


def bank_document(dossier: Dossier) -> Document:
    """Return the report of a bank as a document."""
    book, terms = dossier.book, dossier.terms
    about = [
        Title(
            f"As of {terms.as_of}; money in prices of {terms.price_year}, {terms.money}.",
            f"基准日 {terms.as_of}；金额按 {terms.price_year} 年价格，单位 {terms.money}。",
        ),
        Title(
            f"Terms: {terms.path.name}, SHA-256 {terms.sha256}",
            f"参数文件：{terms.path.name}，SHA-256 {terms.sha256}",
        ),
    ]
    about += [terms.note] if terms.note else []
    sections = [_overview(book, terms.as_of)]
    sections += _lists(book, terms.as_of, terms.gap_m)
    sections += [_valued(valued) for valued in dossier.valuations.values()]
    sections += [_compared(dossier.valuations)] if dossier.valuations else []
    sections += [_lender(loan) for loan in dossier.loans.values()]
    if dossier.settlements:
        sections.append(_settled(dossier))
    sections += _shared(dossier)
    if dossier.assessment is not None:
        sections.append(_assessed(dossier.assessment))
    sections.append(_ledger(book))
    title = Title(f"Report of the two-mountain bank: {book.title}", f"两山银行报告：{book.title}")
    return Document(title, tuple(about), tuple(sections))


# ------------------------------------------------------------------------------------ the book


def _overview(book: Book, at: dt.date) -> Section:
    parcels = book.parcels
    rows = []
    for state in words().lists["state"].values():
        own = parcels[parcels["state"] == state.key]
        if len(own):
            area = own["area_ha"].sum(min_count=len(own))
            rows.append((state.title, len(own), area))
    states = Table(
        Title("Parcels by state", "按状态统计的地块"),
        (
            Column(Title("State", "状态")),
            Column(Title("Parcels", "地块数"), form="whole"),
            Column(Title("Area", "面积"), "ha", "number"),
        ),
        tuple(rows),
        total=("Parcels", "Area"),
    )
    problems = list(book.check(at=at))
    drawn = parcels[parcels.geometry.notna() & ~parcels.geometry.is_empty]
    kinds = {
        word.key: word.title
        for word in words().lists["asset_type"].values()
        if (drawn["asset_type"] == word.key).any()
    }
    figure = map_svg(drawn, "asset_type", kinds) if len(drawn) else ""
    name = Title("Overview", "概况")
    return Section(name, (states, _problems(problems)), figure)


def _problems(problems: Sequence[Problem]) -> Table:
    title = Title("Checks of the book", "台账校核")
    columns = (
        Column(Title("Level", "级别")),
        Column(Title("Where", "位置")),
        Column(Title("What", "问题")),
        Column(Title("Found", "发现")),
        Column(Title("To do", "处理")),
    )
    levels = {"error": Title("error", "错误"), "warning": Title("warning", "警告")}
    rows = tuple((levels[p.level], p.where, p.what, p.found, p.cure) for p in problems)
    return Table(title, columns, rows)


def _lists(book: Book, at: dt.date, gap_m: float) -> list[Section]:
    return [
        Section(listing.title, (listing_table(listing),))
        for listing in book.lists(at=at, gap_m=gap_m).values()
    ]


def listing_table(listing: Listing) -> Table:
    """Return a list of the book as a printed table, words in both languages."""
    zh, en = listing.titled("zh"), listing.titled("en")
    columns, cells = [], []
    for field in listing.columns.values():
        form = {"number": "number", "date": "date"}.get(field.kind, "text")
        own, other = list(zh[field.title.zh]), list(en[field.title.en])
        if form == "number" and all(is_missing(n) or float(n).is_integer() for n in own):
            form = "whole"
        columns.append(Column(field.title, form=form))
        if field.kind in ("word", "words"):
            own = [both(Title(o, z)) if z else "" for z, o in zip(own, other, strict=True)]
        elif form == "text":
            own = ["" if is_missing(value) else value for value in own]
        cells.append(own)
    rows = tuple(zip(*cells, strict=True)) if cells and cells[0] else ()
    return Table(listing.title, tuple(columns), rows)


# ---------------------------------------------------------------------------------- valuations


def _valued(valued: Valuation) -> Section:
    facts = valued.facts
    rows = (
        (Title("Parcels", "地块数"), float(len(facts.parcels)), ""),
        (Title("Area", "面积"), facts.area_ha, "ha"),
        (Title("Contiguous parts", "连片数"), float(len(facts.parts)), ""),
        (Title("Effective mesh size of the parcels", "整合前有效网格面积"), facts.m_eff_ha, "ha"),
        (
            Title("Effective mesh size of the parts", "整合后有效网格面积"),
            facts.m_eff_parts_ha,
            "ha",
        ),
        (Title("Remaining term", "剩余年限"), facts.term_years, "yr"),
    )
    about = Table(
        valued.title,
        (
            Column(Title("Item", "项目")),
            Column(Title("Value", "数值"), form="number"),
            Column(Title("Unit", "单位")),
        ),
        rows,
        notes=tuple(Title(w.what, w.what) for w in facts.warnings),
    )
    blocks: list[Table | Title] = [about, _TWO_NUMBERS]
    if valued.gaps:
        gaps = ", ".join(valued.gaps)
        blocks.append(Title(f"Data do not cover all: {gaps}", f"数据未完全覆盖：{gaps}"))
    blocks += result_tables(valued.worth.cash_value)
    blocks += result_tables(valued.worth.service_value)
    if valued.sensitivity is not None:
        blocks.append(_moved(valued))
    blocks.append(_years(valued))
    return Section(Title(f"Valuation {valued.package}", f"估值 {valued.package}"), tuple(blocks))


def _moved(valued: Valuation) -> Table:
    assert valued.sensitivity is not None  # noqa: S101  the caller asks
    zh, en = valued.sensitivity.frame("zh"), valued.sensitivity.frame("en")
    columns, cells = [], []
    for one, other in zip(zh.columns, en.columns, strict=True):
        numeric = zh[one].dtype.kind == "f"
        columns.append(Column(Title(str(other), str(one)), form="fine" if numeric else "text"))
        pairs = zip(zh[one], en[other], strict=True)
        cells.append(list(zh[one]) if numeric else [_pair(z, e) for z, e in pairs])
    rows = tuple(zip(*cells, strict=True))
    return Table(Title("Sensitivity", "敏感性"), tuple(columns), rows)


def _pair(zh: Any, en: Any) -> Any:
    if isinstance(zh, str):
        return both(Title(str(en), zh)) if zh else ""
    return "" if is_missing(zh) else told(zh)


def _years(valued: Valuation) -> Table:
    """Return the cash of each year: what a lender asks for first."""
    frame = valued.worth.frame()
    cash = frame[frame["kind"] == "cash"].groupby("time")[["amount", "present_value"]].sum()
    unit = valued.worth.cash_value.unit
    columns = (
        Column(Title("After years", "年末（年）"), form="whole"),
        Column(Title("Net cash flow", "净现金流"), unit, "number"),
        Column(Title("Present value", "现值"), unit, "number"),
    )
    rows = tuple((int(t), row.amount, row.present_value) for t, row in cash.iterrows())  # type: ignore[call-overload]
    title = Title("Cash flow by year", "分年现金流")
    return Table(title, columns, rows, total=("Net cash flow", "Present value"))


def _compared(valuations: Mapping[str, Valuation]) -> Section:
    unit = next(iter(valuations.values())).worth.cash_value.unit
    columns = (
        Column(Title("Package", "资源包")),
        Column(Title("Area", "面积"), "ha", "number"),
        Column(Title("Cash value", "现金价值"), unit, "number"),
        Column(Title("Service value (non-market)", "服务价值（非市场）"), unit, "number"),
    )
    rows = tuple(
        (v.title, v.facts.area_ha, v.worth.cash_value.value, v.worth.service_value.value)
        for v in valuations.values()
    )
    table = Table(Title("Packages", "资源包汇总"), columns, rows, total=("Area", "Cash value"))
    return Section(Title("Packages compared", "估值汇总"), (table, _TWO_NUMBERS))


# --------------------------------------------------------------------------- loans, settlements


def _lender(loan: Loan) -> Section:
    blocks = list(result_tables(loan.capacity))
    if loan.schedule is not None:
        zh, en = loan.schedule.frame("zh"), loan.schedule.frame("en")
        columns = tuple(
            Column(Title(e, z), form="whole" if at == 0 else "number")
            for at, (z, e) in enumerate(zip(zh.columns, en.columns, strict=True))
        )
        rows = tuple(zh.itertuples(index=False, name=None))
        title = Title(
            f"Cash flow and debt service [{loan.schedule.currency}]",
            f"现金流与偿债备付率表 [{loan.schedule.currency}]",
        )
        notes = tuple(Title(w, w) for w in grouped(loan.schedule.result.warnings))
        blocks.append(Table(title, columns, rows, notes=notes))
    name = Title(f"Loan {loan.package}", f"贷款测算 {loan.package}")
    return Section(name, tuple(blocks))


def _settled(dossier: Dossier) -> Section:
    zh, en = (settlement_sheet(dossier.settlements, lang) for lang in ("zh", "en"))
    titles = (
        ("payer", "From", "付款方"),
        ("payee", "To", "收款方"),
        ("amount", "Amount", "金额"),
        ("currency", "Currency", "币种"),
        ("title", "For", "事由"),
        ("condition", "When", "条件"),
        ("rule", "Rule", "规则"),
        ("document", "Document", "文号"),
        ("clause", "Clause", "依据"),
    )
    columns = tuple(
        Column(Title(e, z), form="number" if key == "amount" else "text") for key, e, z in titles
    )
    rows = []
    for one, other in zip(zh.to_dict("records"), en.to_dict("records"), strict=True):
        cells = []
        for key, *_ in titles:
            value = one[key]
            if isinstance(value, str) and isinstance(other[key], str):
                value = both(Title(other[key], value))
            cells.append("" if key != "amount" and is_missing(value) else value)
        rows.append(tuple(cells))
    sheet = Table(Title("Who pays whom", "结算单"), columns, tuple(rows))
    blocks: list[Table | Title] = [sheet]
    for result in dossier.settlements:
        blocks += result_tables(result)
    return Section(Title("Settlements", "结算"), tuple(blocks))


def _shared(dossier: Dossier) -> list[Section]:
    sections = []
    for name, shared in dossier.distributions.items():
        blocks = list(result_tables(shared.result))
        sections.append(Section(Title(f"Distribution {name}", f"收益分配 {name}"), tuple(blocks)))
        if name in dossier.statements:
            statement = dossier.statements[name]
            shown = dict(zip(statement.columns, dossier.statement_heads(name), strict=True))
            sections.append(_statements(name, statement, shown))
    return sections


def _statements(name: str, zh: pd.DataFrame, shown: Mapping[str, Title]) -> Section:
    columns = []
    for at, column in enumerate(zh.columns):
        form = "number" if at in (_SHARE, _AMOUNT) else "text"
        columns.append(Column(shown.get(str(column), Title(str(column), str(column))), form=form))
    rows = tuple(zh.itertuples(index=False, name=None))
    title = Title("Villagers' statements, by number", "农户收益对账单（按户号）")
    table = Table(title, tuple(columns), rows, total=(columns[_AMOUNT].title.en,))
    return Section(Title(f"Statements {name}", f"农户对账单 {name}"), (table,))


#: Where a statement holds the share and the amount.
_SHARE, _AMOUNT = 2, 3


# ------------------------------------------------------------------------- assessment, ledger


def _assessed(score: ScoreSheet) -> Section:
    zh, en = score.frame("zh"), score.frame("en")
    titles = (
        ("level_1", "Group", "一级指标", "text"),
        ("indicator", "Indicator", "指标", "text"),
        ("value", "Value", "数值", "fine"),
        ("unit", "Unit", "单位", "text"),
        ("formula", "Arithmetic", "计算", "text"),
        ("weight", "Points possible", "分值", "number"),
        ("points", "Points", "得分", "number"),
        ("state", "State", "状态", "text"),
        ("lacks", "Lacks", "缺少", "text"),
        ("evidence", "Evidence", "证据", "text"),
    )
    rows = []
    for one, other in zip(zh.to_dict("records"), en.to_dict("records"), strict=True):
        veto = one["function"] == "veto"
        cells = []
        for key, _, _, form in titles:
            value = one[key]
            if form == "text":
                value = both(Title(str(other[key]), str(value)))
            elif veto and key in ("weight", "points"):
                value = "—"
            cells.append(value)
        rows.append(tuple(cells))
    columns = tuple(Column(Title(e, z), form=form) for _, e, z, form in titles)
    text_zh, text_en = score.text("zh").splitlines(), score.text("en").splitlines()
    head = Title(text_en[0], text_zh[0])
    notes = [Title(f"Undetermined: {u}", f"无法判定：{u}") for u in score.undetermined]
    notes += [Title(f"Warning: {w}", f"警告：{w}") for w in map(str, score.warnings)]
    notes += [score.sheet.note] if score.sheet.note else []
    table = Table(score.sheet.title, columns, tuple(rows), notes=tuple(notes))
    return Section(Title("Assessment", "考核"), (head, table))


def _ledger(book: Book) -> Section:
    verified = book.ledger.verify()
    about = str(verified)
    blocks: list[Table | Title] = [
        Title(
            f"Chain of {verified.count} entries, head {verified.head}. Keep the head: "
            "`gep bank verify --head` compares with it.",
            f"台账共 {verified.count} 条，链首哈希 {verified.head}。"
            "请留存，`gep bank verify --head` 可据此核对。",
        )
    ]
    if not verified.ok:
        blocks.append(Title(about, about))
    for title, frame in (
        (Title("Balances", "持有余额"), book.ledger.balances()),
        (Title("Claims", "权益登记"), book.ledger.claims()),
        (Title("Entries", "流水"), book.ledger.history()),
    ):
        blocks.append(_frame(title, frame))
    return Section(Title("Ledger of rights", "权益台账"), tuple(blocks))


def _frame(title: Title, frame: pd.DataFrame) -> Table:
    kept = [name for name in frame.columns if name not in _HIDDEN]
    columns = tuple(Column(_LEDGER.get(str(name), Title(str(name), str(name)))) for name in kept)
    rows = tuple(
        tuple("" if is_missing(value) else _cell(value) for value in row)
        for row in frame[kept].itertuples(index=False, name=None)
    )
    return Table(title, columns, rows)


def _cell(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


#: What only the database needs.
_HIDDEN = ("details", "prev", "fid")
_LEDGER: Mapping[str, Title] = {
    name: Title(en, zh)
    for name, en, zh in (
        ("seq", "No.", "序号"),
        ("time", "Time", "时间"),
        ("action", "Action", "动作"),
        ("unit_id", "Unit", "权益编号"),
        ("holder", "Holder", "持有人"),
        ("holder_from", "From", "转出方"),
        ("holder_to", "To", "转入方"),
        ("quantity", "Quantity", "数量"),
        ("unit", "Unit of measure", "计量单位"),
        ("balance", "Balance", "余额"),
        ("pledged", "Pledged", "已质押"),
        ("free", "Free", "可用"),
        ("document", "Document", "依据"),
        ("hash", "Hash", "哈希"),
        ("service", "Service", "服务"),
        ("parcel_id", "Parcel", "地块"),
        ("claimed_as", "Claimed as", "登记名称"),
        ("parcels", "Parcels", "地块"),
        ("year_from", "From year", "起始年"),
        ("year_to", "To year", "截止年"),
        ("programme", "Programme", "机制"),
        ("right_type", "Right", "权益类型"),
        ("standard", "Standard", "标准"),
        ("state", "State", "状态"),
    )
}
