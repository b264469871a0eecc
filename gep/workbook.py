"""The account as an Excel workbook: tables that an office prints, and everything behind them.

Text never becomes a formula or a link. The only formulas are sums and shares, and their values are
stored with them, so that readers that do not calculate see the same numbers. Missing is written
out, never zero.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    Floats = NDArray[np.float64]

MISSING = "无数据 n/a"
WHOLE_AREA = "全域 Whole area"
TOTAL = "合计 Total"
#: Kinds of services, in the order of the tables.
KINDS: Mapping[str, str] = {
    "provisioning": "物质供给 Provisioning",
    "regulating": "调节服务 Regulating",
    "cultural": "文化服务 Cultural",
    "supporting": "辅助规则 Supporting",
}
VERIFIED: Mapping[str, str] = {
    "full_text": "已对照原文 full text",
    "secondary": "依据转引文献 secondary",
    "recalled": "凭记忆录入 recalled",
    "project": "项目自给 the project's own",
}
#: Limits of the file format.
MAX_TEXT, MAX_ROWS, MAX_COLUMNS = 32_767, 1_048_576, 16_384
#: Characters across a page that can still be read: wider sheets take several pages.
PAGE_WIDTH = 225
#: Money is shown in ten thousands (万), the area's total also in hundred millions (亿).
WAN, YI = 1e4, 1e8
_NUMBER, _SMALL, _SHARE = "#,##0.00", "0.00E+00", "0.00%"
#: Below this a number needs powers of ten to be seen at all.
_TINY = 0.005
M2_PER_KM2 = 1e6
_SUM_LOOK: Mapping[str, Any] = {"border": 1, "bold": True, "bg_color": "#DDEBDA"}


class AccountLike(Protocol):
    """What the workbook needs of an account."""

    dataset: xr.Dataset
    provenance: dict[str, Any]

    @property
    def table(self) -> pd.DataFrame:
        """The tidy table."""

    @property
    def coverage(self) -> pd.DataFrame:
        """The share of area with complete data."""

    @property
    def supply_and_demand(self) -> pd.DataFrame:
        """Capacity, demand and flow, where a rule keeps them apart."""

    def rests_on(self) -> pd.Series:
        """Return the share of the value by how well the text was checked."""


@dataclass(frozen=True)
class Indicator:
    """One row of a table: a quantity, or a value, by zone and (where known) ecosystem."""

    service: str
    kind: str
    service_title: str
    title: str
    unit: str
    values: Floats  # (zones, ecosystems), or (zones, 1) where no ecosystem is known
    by_class: bool
    scope: tuple[str, ...] | None = None  # the ecosystems where the service is accounted

    def exists(self, ecosystem: str | None) -> bool:
        """Say whether there is a number for an ecosystem (None: for no ecosystem in particular)."""
        if ecosystem is None or not self.by_class:
            return ecosystem is None and not self.by_class
        return self.scope is None or ecosystem in self.scope

    @property
    def by_zone(self) -> Floats:
        """The sum over ecosystems, NaN where none is known."""
        return _sum(self.values, 1)

    @property
    def total(self) -> float:
        """The whole area's sum of what is known, NaN where nothing is."""
        return float(_sum(self.by_zone, 0))


def write_workbook(path: Path, account: AccountLike) -> None:
    """Write an account as a workbook. The same account always gives the same bytes.

    Parameters
    ----------
    path
        The file to write.
    account
        The account.
    """
    with new_workbook(path, account.provenance["title"]) as workbook:
        _Writer(workbook, account).write()


def new_workbook(path: Path, title: str) -> Any:
    """Return a workbook to write, a context manager: text stays text, equal content, equal bytes.

    Parameters
    ----------
    path
        The file to write.
    title
        The title in the file's properties.
    """
    import xlsxwriter

    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_format_properties": {"font_name": "宋体", "font_size": 10},
    }
    workbook = xlsxwriter.Workbook(str(path), options)
    workbook.set_properties(
        {
            "title": _clean(title)[:255],
            "created": dt.datetime(2000, 1, 1),  # noqa: DTZ001  a fixed date: equal bytes
        }
    )
    workbook.set_size(2400, 1400)
    return workbook


def indicators(account: AccountLike, role: str) -> list[Indicator]:
    """Return the rows of the account: ``physical`` or ``monetary``, by kind, then as printed.

    Parameters
    ----------
    account
        The account.
    role
        ``physical`` or ``monetary``.
    """
    dataset, services = account.dataset, account.provenance["services"]
    found: list[Indicator] = []
    for service, entry in services.items():
        for symbol in dict.fromkeys(line[role] for line in entry["lines"] if line[role]):
            variable = dataset[f"{service}.{symbol}"]
            axis = next((d for d in variable.dims if d not in ("zone", "ecosystem")), None)
            by_class = "ecosystem" in variable.dims
            title = f"{variable.attrs['long_name_zh']} {variable.attrs['long_name']}"
            for member in variable[axis].to_numpy() if axis else [None]:
                part = variable.sel({axis: member}) if axis else variable
                dims = ("zone", "ecosystem") if by_class else ("zone",)
                values = part.transpose(*dims).to_numpy().astype(np.float64)
                found.append(
                    Indicator(
                        service,
                        entry["kind"],
                        _both(entry["title"]),
                        title if member is None else f"{title} [{member}]",
                        variable.attrs["units"],
                        values if by_class else values[:, None],
                        by_class,
                        None if entry["ecosystems"] is None else tuple(entry["ecosystems"]),
                    )
                )
    order = list(KINDS)
    return sorted(found, key=lambda row: order.index(row.kind) if row.kind in order else len(order))


def _sum(values: Floats, axis: int) -> Floats:
    """Add what is known; NaN where nothing is known (missing is not zero)."""
    known = np.isfinite(values)
    return np.where(known.any(axis), np.where(known, values, 0.0).sum(axis), np.nan)


def _both(title: Mapping[str, str] | None) -> str:
    """Return a title in both languages, Chinese first."""
    if not title:
        return ""
    zh, en = title.get("zh", ""), title.get("en", "")
    return zh if zh == en else f"{zh} {en}".strip()


def _clean(value: Any) -> str:
    """Return text that fits into a cell."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _cell(row: int, col: int) -> str:
    from xlsxwriter.utility import xl_rowcol_to_cell

    return str(xl_rowcol_to_cell(row, col))


class Sheets:
    """Writes cells: text that stays text, numbers, formulas with their values, fitting rows."""

    def __init__(self, workbook: Any) -> None:
        self.book = workbook
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}
        self._widths: dict[str, Sequence[float]] = {}

    def format(self, **properties: Any) -> Format:
        """Return a cell format; equal properties share one."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
            self._formats[key] = self.book.add_format({**base, **properties})
        return self._formats[key]

    def sheet(self, name: str) -> Worksheet:
        """Add a sheet: A4 landscape, page numbers."""
        sheet = self.book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
        sheet.set_footer("&C&P / &N")
        return sheet

    def text(self, sheet: Worksheet, row: int, col: int, value: Any, **look: Any) -> None:
        """Write text as text, whatever it begins with."""
        text = _clean(value)
        if text[:1] in ("=", "+", "-", "@", "\t", "\r"):
            look["quote_prefix"] = True  # stays text when somebody edits the cell
        sheet.write_string(row, col, text, self.format(**look))

    def number(
        self,
        sheet: Worksheet,
        row: int,
        col: int,
        value: float,
        shape: str = "",
        **look: Any,
    ) -> None:
        """Write a number, or that it is missing."""
        if not math.isfinite(value):
            self.text(sheet, row, col, MISSING, align="right", font_color="#808080", **look)
            return
        shape = shape or (_SMALL if 0 < abs(value) < _TINY else _NUMBER)
        sheet.write_number(row, col, value, self._numeric(shape, look))

    def formula(
        self,
        sheet: Worksheet,
        row: int,
        col: int,
        formula: str,
        value: float,
        shape: str = _NUMBER,
        **look: Any,
    ) -> None:
        """Write a formula together with its value, or that the value is missing."""
        if not math.isfinite(value):
            self.number(sheet, row, col, value, **look)
            return
        sheet.write_formula(row, col, formula, self._numeric(shape, look), value)

    def _numeric(self, shape: str, look: Mapping[str, Any]) -> Format:
        return self.format(num_format=shape, font_name="Times New Roman", align="right", **look)

    def head(self, sheet: Worksheet, title: str, about: str, row: int = 0) -> None:
        """Write the title of a sheet and a line about it."""
        self.text(sheet, row, 0, title, bold=True, font_size=14)
        self.text(sheet, row + 1, 0, about, font_color="#595959")

    def header(self, sheet: Worksheet, row: int, names: Sequence[str]) -> None:
        """Write the header of a table."""
        for col, name in enumerate(names):
            look = {"bold": True, "bg_color": "#DDEBDA", "border": 1, "text_wrap": True}
            self.text(sheet, row, col, name, align="center", **look)
        self.height(sheet, row, names, bold=True)

    def widths(self, sheet: Worksheet, *widths: float) -> None:
        """Set the widths of the first columns, in characters."""
        self._widths[sheet.get_name()] = widths
        for col, width in enumerate(widths):
            sheet.set_column(col, col, width)

    def height(
        self, sheet: Worksheet, row: int, texts: Sequence[Any], *, bold: bool = False
    ) -> None:
        """Make a row high enough for its wrapped texts: not every program does it by itself."""
        widths = self._widths[sheet.get_name()]
        lines = [
            _lines(_clean(text), width * (0.9 if bold else 1.0))
            for text, width in zip(texts, widths, strict=False)
        ]
        sheet.set_row(row, 14.0 * max(lines, default=1) + 1)


class _Writer(Sheets):
    """Writes the sheets of an account, one method each."""

    def __init__(self, workbook: Any, account: AccountLike) -> None:
        super().__init__(workbook)
        self.account = account
        self.p = account.provenance
        self.zones: dict[str, str] = self.p["zones"]
        variables = account.dataset.variables
        self.ecosystems = [str(e) for e in variables["ecosystem"].to_numpy()]
        zh, en = (variables[f"ecosystem_{k}"].to_numpy() for k in ("zh", "en"))
        pairs = zip(self.ecosystems, zh, en, strict=True)
        self.titles = {name: _both({"zh": str(z), "en": str(e)}) for name, z, e in pairs}
        self.physical = indicators(account, "physical")
        self.monetary = indicators(account, "monetary")
        currencies = [
            str(variables[name].attrs["currency"])
            for name in account.dataset.data_vars
            if "currency" in variables[name].attrs
        ]
        self.currency = currencies[0] if currencies else ""
        self.wan = "万元" if self.currency == "CNY" else f"10⁴ {self.currency}"
        self.yi = "亿元" if self.currency == "CNY" else f"10⁸ {self.currency}"

    def write(self) -> None:
        """Write all sheets."""
        self.summary()
        self.physical_sheet()
        self.monetary_sheet()
        self.ecosystem_sheet("分生态系统实物量", "Physical by ecosystem", self.physical, 1.0)
        self.ecosystem_sheet("分生态系统价值量", "Monetary by ecosystem", self.monetary, WAN)
        self.supply_and_demand()
        self.data()
        self.coefficients()
        self.sources()

    def zone_columns(self) -> list[tuple[str, str]]:
        """Return id and name of the zones that get columns: all, unless the format has no room."""
        return list(self.zones.items()) if len(self.zones) <= MAX_COLUMNS - 8 else []

    def zone_names(self) -> list[str]:
        """Return the headers of the zones' columns."""
        return [name if name == zone else f"{name}\n{zone}" for zone, name in self.zone_columns()]

    def title_of(self, ecosystem: str) -> str:
        """Return an ecosystem's title in both languages."""
        return self.titles[ecosystem]

    # ------------------------------------------------------------------ summary

    def summary(self) -> None:
        """Write what the account is, its total, and what a reader must know."""
        sheet = self.sheet("说明 Summary")
        sheet.fit_to_pages(1, 0)
        self.widths(sheet, 30, 46, 18, 14, 18, 24)
        p, standard = self.p, self.p["standard"]
        computed, lacking = p["services"], p["not_computed"]
        self.text(sheet, 0, 0, p["title"], bold=True, font_size=16)
        about = "生态产品总值（GEP）核算结果 Gross ecosystem product account"
        self.text(sheet, 1, 0, about, font_color="#595959")
        number = "，".join(x for x in (standard["number"], standard["date"]) if x)
        facts = [
            ("核算标准 Standard", _both(standard["title"])),
            ("标准编号、日期 Number, date", number),
            ("发布者 Issuer", _both(standard["issuer"])),
            ("标准代码 Id", standard["id"]),
            ("核算年度 Year", str(p["year"])),
            ("价格年 Price year", str(p["price_year"])),
            ("价格指数 Price index", self._index()),
            ("已核算服务 Services computed", f"{len(computed)} / {len(computed) + len(lacking)}"),
        ]
        row = 3
        for label, value in facts:
            self.text(sheet, row, 0, label, bold=True)
            self.text(sheet, row, 1, value or "—")
            row += 1
        row = self._totals(sheet, row + 1)
        row = self._services(sheet, row + 1)
        rows: list[tuple[str, ...]] = [
            (
                name,
                "缺少 lacks: " + ", ".join(lacks)
                if lacks
                else "项目文件未列入 not asked for by the project",
            )
            for name, lacks in lacking.items()
        ]
        row = self._listing(sheet, row + 1, "未核算的服务 Services not computed", rows)
        row = self._listing(sheet, row + 1, "警告 Warnings", [(w,) for w in p["warnings"]])
        row = self._listing(
            sheet, row + 1, "数据处理说明 Notes on the data", [(n,) for n in p["notes"]]
        )
        row = self._verified(sheet, row + 1)
        self._listing(sheet, row + 1, "软件版本 Versions", list(p["versions"].items()))

    def _index(self) -> str:
        index = self.p["price_index"]
        return f"{index['name']}: {index['title']}" if index else ""

    def _totals(self, sheet: Worksheet, row: int) -> int:
        """Write GEP by zone."""
        title = (
            f"生态产品总值 GEP（{self.p['price_year']} 年价格 prices of {self.p['price_year']}）"
        )
        self.text(sheet, row, 0, title, bold=True, font_size=12)
        if not self.monetary:
            text = "本标准只核算实物量 This account holds physical quantities only"
            self.text(sheet, row + 1, 0, text)
            return row + 2
        self.header(
            sheet,
            row + 1,
            ["区域 Zone", "代码 Id", self.wan, self.yi, "最低数据完整率 Lowest coverage"],
        )
        row += 2
        by_zone = _sum(np.stack([i.by_zone for i in self.monetary]), 0)
        worst = self.account.coverage.groupby("zone")["covered"].min()
        for number, (zone, name) in enumerate(self.zones.items()):
            self.text(sheet, row, 0, name, border=1)
            self.text(sheet, row, 1, zone, border=1)
            self.number(sheet, row, 2, by_zone[number] / WAN, _NUMBER, border=1)
            self.number(sheet, row, 3, by_zone[number] / YI, "#,##0.0000", border=1)
            self.number(sheet, row, 4, float(worst.get(zone, math.nan)), _SHARE, border=1)
            row += 1
        whole = float(_sum(by_zone, 0))
        self.text(sheet, row, 0, WHOLE_AREA, border=1, bold=True)
        self.text(sheet, row, 1, "", border=1)
        self.number(sheet, row, 2, whole / WAN, _NUMBER, border=1, bold=True)
        self.number(sheet, row, 3, whole / YI, "#,##0.0000", border=1, bold=True)
        self.number(sheet, row, 4, float(worst.min()), _SHARE, border=1, bold=True)
        return row + 1

    def _services(self, sheet: Worksheet, row: int) -> int:
        """Write the services: value, lowest coverage, how well their rules were checked."""
        self.text(sheet, row, 0, "各项服务 Services", bold=True, font_size=12)
        names = ["服务 Service", "类别 Category", f"价值量（{self.wan}） Value", "占比 Share"]
        names += ["最低数据完整率 Lowest coverage", "核对程度 Rests on"]
        self.header(sheet, row + 1, names)
        row += 2
        values: dict[str, list[float]] = {}
        for indicator in self.monetary:
            values.setdefault(indicator.service, []).append(indicator.total)
        totals = {s: float(_sum(np.array(v), 0)) for s, v in values.items()}
        whole = float(_sum(np.array([*totals.values(), math.nan]), 0))
        worst = self.account.coverage.groupby("service")["covered"].min()
        for service, entry in self.p["services"].items():
            self.text(sheet, row, 0, _both(entry["title"]), border=1, text_wrap=True)
            self.height(sheet, row, [_both(entry["title"])])
            self.text(sheet, row, 1, KINDS.get(entry["kind"], entry["kind"]), border=1)
            value = totals.get(service, math.nan)
            if service in totals:
                self.number(sheet, row, 2, value / WAN, _NUMBER, border=1)
                self.number(sheet, row, 3, value / whole if whole else math.nan, _SHARE, border=1)
            else:
                self.text(sheet, row, 2, "只有实物量 physical only", border=1, align="right")
                self.text(sheet, row, 3, "", border=1)
            self.number(sheet, row, 4, float(worst.get(service, math.nan)), _SHARE, border=1)
            self.text(sheet, row, 5, VERIFIED.get(entry["rests_on"], entry["rests_on"]), border=1)
            row += 1
        return row

    def _listing(
        self, sheet: Worksheet, row: int, title: str, rows: Iterable[tuple[str, ...]]
    ) -> int:
        rows = list(rows)
        if not rows:
            return row - 1
        self.text(sheet, row, 0, title, bold=True, font_size=12)
        for cells in rows:
            row += 1
            for col, value in enumerate(cells):
                if len(cells) == 1:
                    sheet.merge_range(row, 0, row, 5, "", self.format(text_wrap=True, valign="top"))
                    self.text(sheet, row, 0, value, text_wrap=True, valign="top")
                    sheet.set_row(row, 14.0 * _lines(value, 130))
                else:
                    self.text(sheet, row, col, value, text_wrap=col == 0)
        return row + 1

    def _verified(self, sheet: Worksheet, row: int) -> int:
        """Write how many formulas and coefficients were checked how well."""
        title = "规则与系数的核对情况 How well rules and numbers were checked"
        self.text(sheet, row, 0, title, bold=True, font_size=12)
        names = [
            "核对程度 Checked",
            "公式 Formulas",
            "系数 Coefficients",
            "价值占比 Share of value",
        ]
        self.header(sheet, row + 1, names)
        row += 2
        counted, shares = self.verified_counts(), self.account.rests_on()
        for level, (formulas, numbers) in counted.items():
            self.text(sheet, row, 0, VERIFIED.get(level, level), border=1)
            self.number(sheet, row, 1, formulas, "0", border=1)
            self.number(sheet, row, 2, numbers, "0", border=1)
            self.number(sheet, row, 3, float(shares.get(level, 0.0)), _SHARE, border=1)
            row += 1
        return row

    def verified_counts(self) -> dict[str, tuple[int, int]]:
        """Return, by level, how many formulas and how many coefficients this account used."""
        levels = dict.fromkeys((v for v in VERIFIED if v != "project"), (0, 0))
        for entry in self._rules().values():
            for step in entry["steps"].values():
                if not step["given"]:
                    formulas, numbers = levels.get(step["verified"], (0, 0))
                    levels[step["verified"]] = (formulas + 1, numbers)
        for _, _, _, _, row in self._coefficient_rows():
            formulas, numbers = levels.get(row["verified"], (0, 0))
            levels[row["verified"]] = (formulas, numbers + 1)
        return levels

    def _rules(self) -> dict[str, Any]:
        return {**self.p["services"], **self.p["supporting"]}

    # ---------------------------------------------------------- physical, monetary

    def groups(self, rows: Sequence[Indicator]) -> Iterator[tuple[str, list[Indicator]]]:
        """Iterate over the rows by kind of service."""
        for kind in dict.fromkeys(row.kind for row in rows):
            yield KINDS.get(kind, kind), [row for row in rows if row.kind == kind]

    def category(self, sheet: Worksheet, first: int, last: int, name: str) -> None:
        """Write the category beside its rows."""
        look = self.format(border=1, bold=True, text_wrap=True, align="center")
        if last > first:
            sheet.merge_range(first, 0, last, 0, "", look)
        sheet.write_string(first, 0, _clean(name), look)

    def page(self, sheet: Worksheet, header: int, fixed: int) -> None:
        """Freeze and repeat the header; fit to as many pages across as stay legible."""
        sheet.freeze_panes(header + 1, fixed)
        sheet.repeat_rows(header)
        across = math.ceil(sum(self._widths[sheet.get_name()]) / PAGE_WIDTH)
        sheet.fit_to_pages(across, 0)
        if across > 1:
            sheet.repeat_columns(0, fixed - 1)

    def _about_zones(self) -> str:
        if self.zone_columns():
            return ""
        return "　区域过多，分区数据见 account.csv Too many zones for columns: see account.csv"

    def physical_sheet(self) -> None:
        """Write the physical quantities by zone."""
        sheet = self.sheet("实物量 Physical")
        about = f"{self.p['title']}　{self.p['year']}{self._about_zones()}"
        self.head(sheet, "生态产品实物量 Physical quantities", about)
        zones = self.zone_columns()
        names = [
            "类别 Category",
            "服务 Service",
            "指标 Indicator",
            "单位 Unit",
            *self.zone_names(),
            WHOLE_AREA,
        ]
        self.widths(sheet, 13, 24, 34, 12, *[16.0] * (len(zones) + 1))
        self.header(sheet, 2, names)
        row = 3
        for name, group in self.groups(self.physical):
            self.category(sheet, row, row + len(group) - 1, name)
            for entry in group:
                self.text(sheet, row, 1, entry.service_title, border=1, text_wrap=True)
                self.text(sheet, row, 2, entry.title, border=1, text_wrap=True)
                self.text(sheet, row, 3, entry.unit, border=1, text_wrap=True)
                self.height(sheet, row, ["", entry.service_title, entry.title, entry.unit])
                self._zone_cells(sheet, row, 4, entry.by_zone, entry.total, 1.0, len(zones))
                row += 1
        self.page(sheet, 2, 4)

    def _zone_cells(
        self,
        sheet: Worksheet,
        row: int,
        col: int,
        by_zone: Floats,
        total: float,
        scale: float,
        zones: int,
    ) -> None:
        """Write a row's numbers by zone and their sum."""
        small = 0 < abs(total / scale) < _TINY
        shape = _SMALL if small else _NUMBER
        if not zones:
            self.number(sheet, row, col, total / scale, shape, border=1, bold=True)
            return
        for number, value in enumerate(by_zone):
            self.number(sheet, row, col + number, value / scale, shape if small else "", border=1)
        cells = f"=SUM({_cell(row, col)}:{_cell(row, col + zones - 1)})"
        self.formula(sheet, row, col + zones, cells, total / scale, shape, border=1, bold=True)

    def monetary_sheet(self) -> None:
        """Write the values by zone, with subtotals and shares."""
        sheet = self.sheet("价值量 Monetary")
        prices = f"{self.p['price_year']} 年价格 prices of {self.p['price_year']}"
        about = f"{self.p['title']}　{self.p['year']}　{prices}"
        title = f"生态产品价值量（{self.wan}） Monetary values"
        self.head(sheet, title, about + self._about_zones())
        zones = self.zone_columns()
        names = [
            "类别 Category",
            "服务 Service",
            "指标 Indicator",
            "单位 Unit",
            *self.zone_names(),
            WHOLE_AREA,
        ]
        self.widths(sheet, 13, 24, 34, 9, *[16.0] * (len(zones) + 1), 10)
        self.header(sheet, 2, [*names, "占比 Share"])
        first_number, last = 4, 4 + len(zones)
        stacked = {
            id(e): np.append(e.by_zone if zones else [], e.total) / WAN for e in self.monetary
        }
        whole = _sum(np.stack(list(stacked.values())), 0) if stacked else np.array([])
        n_groups = len(list(self.groups(self.monetary)))
        grand = 3 + len(self.monetary) + n_groups
        subtotals: list[int] = []
        row = 3
        for name, group in self.groups(self.monetary):
            first = row
            self.category(sheet, first, first + len(group), name)
            for entry in group:
                self.text(sheet, row, 1, entry.service_title, border=1, text_wrap=True)
                self.text(sheet, row, 2, entry.title, border=1, text_wrap=True)
                self.text(sheet, row, 3, self.wan, border=1)
                self.height(sheet, row, ["", entry.service_title, entry.title])
                self._zone_cells(
                    sheet, row, first_number, entry.by_zone, entry.total, WAN, len(zones)
                )
                self._part(sheet, row, last, grand, float(stacked[id(entry)][-1]), whole)
                row += 1
            sums = _sum(np.stack([stacked[id(e)] for e in group]), 0)
            look = {"border": 1, "bold": True, "bg_color": "#F2F7F1"}
            self._sum_row(sheet, row, "小计 Subtotal", sums, look, self._column_sum(first, row - 1))
            self._part(sheet, row, last, grand, float(sums[-1]), whole, **look)
            subtotals.append(row)
            row += 1
        if subtotals:
            look = dict(_SUM_LOOK)
            adds = self._plus(subtotals)
            self._sum_row(sheet, row, "生态产品总值 GEP", whole, look, adds)
            self.text(sheet, row, 0, TOTAL, align="center", **look)
            self._part(sheet, row, last, grand, float(whole[-1]), whole, **look)
        self.page(sheet, 2, 4)

    def _column_sum(self, first: int, last: int) -> Callable[[int], str]:
        return lambda col: f"=SUM({_cell(first, col)}:{_cell(last, col)})"

    def _plus(self, rows: Sequence[int]) -> Callable[[int], str]:
        return lambda col: f"=SUM({','.join(_cell(r, col) for r in rows)})"

    def _sum_row(
        self,
        sheet: Worksheet,
        row: int,
        name: str,
        sums: Floats,
        look: Mapping[str, Any],
        make: Callable[[int], str],
    ) -> None:
        for col, value in ((1, name), (2, ""), (3, self.wan)):
            self.text(sheet, row, col, value, **look)
        for number, value in enumerate(sums):
            self.formula(sheet, row, 4 + number, make(4 + number), float(value), **look)

    def _part(
        self,
        sheet: Worksheet,
        row: int,
        last: int,
        grand: int,
        value: float,
        whole: Floats,
        **look: Any,
    ) -> None:
        """Write the share of a row in the total."""
        share = value / whole[-1] if whole[-1] else math.nan
        ratio = f"={_cell(row, last)}/{_cell(grand, last)}"
        self.formula(sheet, row, last + 1, ratio, share, _SHARE, **{"border": 1, **look})

    # --------------------------------------------------------------- by ecosystem

    def ecosystem_sheet(self, zh: str, en: str, rows: Sequence[Indicator], scale: float) -> None:
        """Write whole-area numbers by ecosystem; what no ecosystem is known for has its own row."""
        sheet = self.sheet(f"{zh} {en}"[:31])
        money = scale != 1.0
        about = f"{self.p['title']}　{self.p['year']}　{WHOLE_AREA}"
        self.head(sheet, f"{zh}{f'（{self.wan}）' if money else ''} {en}", about)
        sums = [TOTAL] if money and rows else []
        self.widths(sheet, 28, 11, *[15.0] * (len(rows) + len(sums)))
        titles = [f"{row.service_title}\n{row.title}" for row in rows]
        self.header(sheet, 2, ["生态系统 Ecosystem", "面积 Area", *titles, *sums])
        units = [self.wan if money else row.unit for row in rows]
        units = ["单位 Unit", "km²", *units, *([self.wan] * len(sums))]
        for col, text in enumerate(units):
            look = {"font_color": "#595959", "text_wrap": True}
            self.text(sheet, 3, col, text, align="center", border=1, **look)
        self.height(sheet, 3, units)
        end = self._ecosystem_rows(sheet, rows, scale, with_sum=bool(sums))
        note = "“—”：该服务不在此处核算 the service is not accounted here"
        note += f"；“{MISSING}”：缺少数据 data are missing"
        self.text(sheet, end + 1, 0, note, font_color="#595959")
        self.page(sheet, 3, 2)

    def _ecosystem_rows(
        self, sheet: Worksheet, rows: Sequence[Indicator], scale: float, *, with_sum: bool
    ) -> int:
        """Write the rows of ecosystems and their sum; return the number of the last row."""
        areas = self.account.dataset["area"].transpose("zone", "ecosystem").to_numpy()
        area = areas.sum(axis=0) / M2_PER_KM2
        names: list[str | None] = [*self.ecosystems]
        if not all(r.by_class for r in rows):
            names.append(None)
        table = np.full((len(names), len(rows)), np.nan)
        for col, entry in enumerate(rows):
            if entry.by_class:
                table[: len(area), col] = _sum(entry.values, 0) / scale
            else:
                table[-1, col] = entry.total / scale
        last = 2 + len(rows)
        for number, name in enumerate(names):
            row = 4 + number
            title = "未分生态系统 Not by ecosystem" if name is None else self.title_of(name)
            self.text(sheet, row, 0, title, border=1, text_wrap=True)
            self.height(sheet, row, [title])
            if name is None:
                self.text(sheet, row, 1, "", border=1)
            else:
                self.number(sheet, row, 1, float(area[number]), _NUMBER, border=1)
            for col, entry in enumerate(rows):
                if entry.exists(name):
                    self.number(sheet, row, 2 + col, float(table[number, col]), border=1)
                else:
                    self.text(sheet, row, 2 + col, "—", align="right", border=1)
            if with_sum and not any(entry.exists(name) for entry in rows):
                self.text(sheet, row, last, "—", align="right", border=1)
            elif with_sum:
                cells = f"=SUM({_cell(row, 2)}:{_cell(row, last - 1)})"
                total = float(_sum(table[number], 0))
                self.formula(sheet, row, last, cells, total, border=1, bold=True)
        end = 4 + len(names)
        self.text(sheet, end, 0, WHOLE_AREA, **_SUM_LOOK)
        make = self._column_sum(4, end - 1)
        sums = [float(area.sum()), *_sum(table, 0).tolist()]
        if with_sum:
            sums.append(float(_sum(table.ravel(), 0)))
        for col, value in enumerate(sums, start=1):
            shape = _SMALL if 0 < abs(value) < _TINY else _NUMBER
            self.formula(sheet, end, col, make(col), value, shape, **_SUM_LOOK)
        return end

    # ------------------------------------------------------ data, coefficients, sources

    def supply_and_demand(self) -> None:
        """Write what ecosystems could give, what was wanted and what flowed, where rules tell."""
        table = self.account.supply_and_demand
        if not len(table):
            return
        sheet = self.sheet("供需 Supply and demand")
        self.widths(sheet, 34, 12, 16, 44, 16, 16, 16, 14)
        about = "能力与需求不计入总值 Capacity and demand are not added"
        self.head(sheet, "供给能力、需求与实际流量 Capacity, demand and flow", about)
        names = ["服务 Service", "代码 Id", "区域 Zone", "指标 Indicator"]
        names += ["能力 Capacity", "需求 Demand", "流量 Flow", "单位 Unit"]
        self.header(sheet, 3, names)
        for number, row in enumerate(table.to_dict("records"), start=4):
            entry = self.p["services"][row["service"]]
            step = entry["steps"][row["indicator"].partition("[")[0]]
            cells = [_both(entry["title"]), row["zone"], row["zone_name"], _both(step["title"])]
            for col, value in enumerate([*cells, "", "", "", row["unit"]]):
                self.text(sheet, number, col, value, border=1, text_wrap=col in (0, 3))
            for col, key in enumerate(("capacity", "demand", "flow"), start=4):
                self.number(sheet, number, col, float(row[key]), border=1)
        sheet.freeze_panes(4, 0)
        sheet.repeat_rows(3)
        sheet.fit_to_pages(1, 0)

    def data(self) -> None:
        """Write the tidy table."""
        sheet = self.sheet("数据 Data")
        table = self.account.table
        self.widths(sheet, 12, 16, 26, 22, 18, 16, 12, 18, 9, 10, 10, 12)
        self.header(sheet, 0, [str(c) for c in table.columns])
        room = MAX_ROWS - 2
        for number, cells in enumerate(table.head(room).itertuples(index=False), start=1):
            for col, value in enumerate(cells):
                self._plain(sheet, number, col, value, indent=1)
        if len(table) > room:
            self.text(
                sheet,
                room + 1,
                0,
                f"共 {len(table)} 行，全部数据见 account.csv All rows: account.csv",
            )
        sheet.autofilter(0, 0, max(1, min(len(table), room)), len(table.columns) - 1)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.fit_to_pages(1, 0)

    def _plain(self, sheet: Worksheet, row: int, col: int, value: Any, **look: Any) -> None:
        """Write a value of a list: whole and decimal numbers as numbers, all else as text."""
        if isinstance(value, bool | str) or value is None:
            self.text(sheet, row, col, "" if value is None else value, **look)
        elif isinstance(value, int | np.integer):
            sheet.write_number(row, col, int(value), self._numeric("0", look))
        elif isinstance(value, float | np.floating):
            if math.isfinite(value):
                sheet.write_number(row, col, float(value), self._numeric("General", look))
            else:
                self.number(sheet, row, col, math.nan, **look)
        else:  # pandas writes a missing whole number so
            self.text(sheet, row, col, "", **look)

    def _coefficient_rows(self) -> Iterator[tuple[str, str, dict[str, Any], str, dict[str, Any]]]:
        """Iterate over the coefficients used: service, symbol, about, label, row."""
        absent = set(self.p["classes"]) - set(self.ecosystems)
        for service, entry in self._rules().items():
            for symbol, about in entry["coefficients"].items():
                for label, row in about["rows"].items():
                    if label.partition(",")[0] not in absent:
                        yield service, symbol, about, label, row

    def coefficients(self) -> None:
        """Write every coefficient that was used, with its source."""
        sheet = self.sheet("系数 Coefficients")
        names = [
            "服务 Service",
            "符号 Symbol",
            "名称 Name",
            "表.列 Table.column",
            "用于 For",
            "取自行 Row",
        ]
        names += [
            "数值 Value",
            "单位 Unit",
            "表中数值 In the table",
            "价格年 Price year",
            "价格换算 Index factor",
        ]
        names += ["来源 Source", "核对 Verified", "位置 Where"]
        self.widths(sheet, 20, 9, 20, 20, 18, 18, 11, 12, 13, 8, 9, 40, 13, 22)
        self.header(sheet, 0, names)
        row = 0
        rules = self._rules()
        for row, found in enumerate(self._coefficient_rows(), start=1):
            service, symbol, about, label, entry = found
            values = [
                *(_both(rules[service]["title"]), symbol, _both(about["title"])),
                *(f"{about['table']}.{about['column']}", label or "—", entry["row"] or "—"),
                *(float(entry["value"]), entry["unit"], entry["table_value"]),
                *(entry.get("price_year", "—"), entry.get("index_factor", "—")),
                *(
                    entry["source"],
                    VERIFIED.get(entry["verified"], entry["verified"]),
                    entry["where"],
                ),
            ]
            for col, value in enumerate(values):
                self._plain(sheet, row, col, value, text_wrap=True, border=1, indent=1)
            self.height(sheet, row, ["" if isinstance(v, float) else v for v in values])
        sheet.autofilter(0, 0, max(1, row), len(names) - 1)
        sheet.freeze_panes(1, 2)
        sheet.repeat_rows(0)
        sheet.fit_to_pages(1, 0)

    def sources(self) -> None:
        """Write where everything comes from: files by SHA-256, quantities, tables, legend."""
        sheet = self.sheet("来源 Sources")
        self.widths(sheet, 38, 36, 20, 44, 38)
        standard, grid = self.p["standard"], self.p["grid"]
        row = self._table(
            sheet,
            0,
            "输入数据 Quantities",
            ["量 Quantity", "标题 Title", "单位 Unit", "如何给出 Given as", "位置 Where"],
            [
                (name, _both(q["title"]), q["unit"], _origin(q["origin"]), q["where"])
                for name, q in self.p["quantities"].items()
            ],
        )
        row = self._table(
            sheet, row, "输入文件 Input files", ["文件 File", "SHA-256"], self.p["inputs"].items()
        )
        rules = {s: e["file"] for s, e in self._rules().items()}
        row = self._table(
            sheet,
            row,
            "规则 Rules",
            ["服务 Service", "标题 Title", "核对 Rests on", "条款 Clause", "文件 File"],
            [
                (
                    s,
                    _both(e["title"]),
                    VERIFIED.get(e["rests_on"], e["rests_on"]),
                    e["cite"],
                    rules[s],
                )
                for s, e in self._rules().items()
            ],
        )
        row = self._table(
            sheet,
            row,
            "规则与系数文件 Rule and table files",
            ["文件 File", "SHA-256"],
            standard["files"].items(),
        )
        row = self._references(sheet, row, standard["sources"])
        if grid:
            title = f"土地覆被图例 Land-cover legend: {grid['legend']}"
            about = [(code, f"{self.class_title(name)}") for code, name in grid["classes"].items()]
            row = self._table(sheet, row, title, ["代码 Code", "生态系统 Ecosystem"], about)
            shape = " × ".join(str(n) for n in grid["shape"])
            facts = [("文件 File", grid["land_cover"]), ("坐标系 CRS", grid["crs"])]
            facts += [("行 × 列 Rows × columns", shape), ("变换 Transform", str(grid["transform"]))]
            self._table(sheet, row, "网格 Grid", ["项 Item", "值 Value"], facts)
        sheet.fit_to_pages(1, 0)

    def _references(self, sheet: Worksheet, row: int, sources: Mapping[str, Any]) -> int:
        """Write the references: long texts over the whole width."""
        row = self._table(sheet, row, "文献 References", ["代码 Key", "文献 Text"], []) - 1
        look = {"text_wrap": True, "valign": "top"}
        width = sum(self._widths[sheet.get_name()][1:])
        for key, text in sources.items():
            self.text(sheet, row, 0, key, valign="top")
            sheet.merge_range(row, 1, row, 4, "", self.format(**look))
            self.text(sheet, row, 1, _both(text), **look)
            sheet.set_row(row, 14.0 * _lines(_both(text), width) + 1)
            row += 1
        return row + 1

    def class_title(self, name: str) -> str:
        """Return a class with its title where it occurs."""
        return f"{name} {self.title_of(name)}" if name in self.ecosystems else name

    def _table(
        self,
        sheet: Worksheet,
        row: int,
        title: str,
        names: Sequence[str],
        rows: Iterable[Sequence[Any]],
    ) -> int:
        """Write a titled table and return the row after it and a gap."""
        self.text(sheet, row, 0, title, bold=True, font_size=12)
        self.header(sheet, row + 1, names)
        row += 2
        for cells in rows:
            for col, value in enumerate(cells):
                self._plain(sheet, row, col, value, text_wrap=col > 0 and len(cells) > 2)  # noqa: PLR2004
            if len(cells) > 2:  # noqa: PLR2004
                self.height(sheet, row, ["", *cells[1:]])
            row += 1
        return row + 1


def _origin(origin: Mapping[str, Any]) -> str:
    """Return how a quantity was given, as one line."""
    kind = origin.get("kind", "")
    rest = [
        f"{k} {_listed(v)}"
        for k, v in origin.items()
        if k != "kind" and v not in ("", None, [], {})
    ]
    return " · ".join([str(kind), *rest]) if kind else " · ".join(rest)


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@functools.lru_cache(maxsize=4096)
def _lines(text: str, width: float) -> int:
    """Return how many lines a text needs in a cell; Chinese characters are twice as wide."""
    lines = 0
    for line in text.splitlines() or [""]:
        used = 0.0
        lines += 1
        for word in line.replace("/", "/ ").split(" "):
            size = sum(2 if ord(c) > 0x2E80 else 1 for c in word)  # noqa: PLR2004
            if used and used + 1 + size > width:
                lines, used = lines + 1, 0
            used += size + (1 if used else 0)
            if used > width:  # a long word is broken
                lines += math.ceil(used / width) - 1
                used = used % width or width
    return lines
