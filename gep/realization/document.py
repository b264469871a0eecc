"""Documents that an office prints: sections of tables, written as a workbook and as a page.

Both are written from the same tables, so they cannot say different things. Chinese comes first,
English beside it. Missing is written out, never zero.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gep.errors import Problem
from gep.realization.results import Result
from gep.report.card import style
from gep.report.parts import say
from gep.tables import Title
from gep.workbook import MISSING, VERIFIED, Sheets, new_workbook

if TYPE_CHECKING:
    import geopandas
    import pandas as pd

#: How the numbers of a column are shown: the format of a workbook, and digits on a page.
FORMS: Mapping[str, tuple[str, str]] = {
    "text": ("", ""),
    "whole": ("#,##0", ",.0f"),
    "number": ("#,##0.00", ",.2f"),
    "fine": ("#,##0.0000", ",.4f"),
    "share": ("0.00%", ".2%"),
    "date": ("", ""),
}
_NAME_LENGTH = 31
_FOLDED = 40  # a page folds tables that are longer
_LINE = 14  # height of a line of text, in points
_COLOURS = ("#2f8a62", "#d8a52f", "#4a78b5", "#c7614f", "#8a63a8", "#6b8f3a", "#b08d57", "#4aa3a3")


@dataclass(frozen=True)
class Column:
    """A column of a printed table: its title, unit, and how its numbers are shown."""

    title: Title
    unit: str = ""
    form: str = "text"

    @property
    def head(self) -> Title:
        """The title with its unit."""
        unit = f" [{self.unit}]" if self.unit else ""
        return Title(self.title.en + unit, self.title.zh + unit)


@dataclass(frozen=True)
class Table:
    """A printed table; ``total`` names the column titles (English) that are added below it."""

    title: Title
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: tuple[str, ...] = ()
    notes: tuple[Title, ...] = ()

    @classmethod
    def of(
        cls,
        title: Title,
        frame: pd.DataFrame,
        columns: Mapping[str, Column],
        total: Sequence[str] = (),
        notes: Sequence[Title] = (),
    ) -> Table:
        """Make a table of some columns of a frame."""
        rows = tuple(frame[list(columns)].itertuples(index=False, name=None))
        return cls(title, tuple(columns.values()), rows, tuple(total), tuple(notes))

    def totals(self) -> tuple[Any, ...] | None:
        """Return the row of sums, or None where nothing is added; a gap makes its sum missing."""
        if not self.total or not self.rows:
            return None
        sums: list[Any] = []
        for at, column in enumerate(self.columns):
            if column.title.en in self.total:
                parts = [row[at] for row in self.rows]
                known = not any(is_missing(part) for part in parts)
                sums.append(_sum(parts) if known else None)
            else:
                sums.append("")
        sums[0] = "合计 Total"
        return tuple(sums)


@dataclass(frozen=True)
class Section:
    """A part of a document: a sheet of the workbook, a chapter of the page."""

    name: Title
    blocks: tuple[Table | Title, ...] = ()
    figure: str = ""  # SVG, on the page only


@dataclass(frozen=True)
class Document:
    """A document: a title, lines about it, and sections."""

    title: Title
    about: tuple[Title, ...] = ()
    sections: tuple[Section, ...] = field(default_factory=tuple)

    def workbook(self, path: Path) -> None:
        """Write the document as a workbook; the same document gives the same bytes."""
        with new_workbook(path, f"{self.title.zh} {self.title.en}") as book:
            _Book(book).write(self)

    def page(self) -> str:
        """Return the document as one page that stands alone: no script, nothing to fetch."""
        return _page(self)


def is_missing(value: Any) -> bool:
    """Say whether a value is missing: None, or not a number or time."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return type(value).__name__ in ("NAType", "NaTType")  # pandas' own, without loading pandas


def _sum(parts: Sequence[Any]) -> float | Decimal:
    if all(isinstance(part, Decimal) for part in parts):
        return sum(parts, Decimal(0))
    return math.fsum(float(part) for part in parts)


def both(title: Title) -> str:
    """Return a title in both languages, Chinese first."""
    return title.zh if title.zh == title.en else f"{title.zh} {title.en}"


# ---------------------------------------------------------------------------- results as tables


_SYMBOL = Column(Title("Symbol", "符号"))
_SHEET = (
    _SYMBOL,
    Column(Title("Item", "项目")),
    Column(Title("Value", "数值"), form="fine"),
    Column(Title("Unit", "单位")),
    Column(Title("Formula", "公式")),
    Column(Title("Source", "依据")),
    Column(Title("Checked", "核对")),
)
_PAYMENTS = (
    Column(Title("From", "付款方")),
    Column(Title("To", "收款方")),
    Column(Title("Amount", "金额"), form="number"),
    Column(Title("Currency", "币种")),
    Column(Title("For", "事由")),
    Column(Title("When", "条件")),
    Column(Title("Clause", "依据")),
)


def result_tables(result: Result) -> tuple[Table | Title, ...]:
    """Return the calculation sheet of a result, its payments, and what a reader must know."""
    rows: list[tuple[Any, ...]] = []
    for symbol, given in result.inputs.items():
        source = " ".join(part for part in (given.source, given.note) if part)
        rows += _values(symbol, given.title, given.value, given.unit, "", source, given.verified)
    for line in result.lines:
        rows += _values(
            line.symbol, line.title, line.value, line.unit, line.formula, line.cite, line.verified
        )
    notes = [Title(note, note) for note in result.notes]
    notes += [Title(f"Warning: {p}", f"警告：{p}") for p in grouped(result.warnings)]
    if result.undetermined:
        lacks = ", ".join(result.undetermined)
        notes.append(Title(f"Undetermined: {lacks} not known", f"无法判定：缺少 {lacks}"))
    source = both(result.source) if result.source else result.cite
    about = " · ".join(x for x in (result.rule, result.document, source) if x)
    used = [at for at in range(len(_SHEET)) if any(row[at] != "" for row in rows)]
    columns = tuple(_SHEET[at] for at in used)
    kept = tuple(tuple(row[at] for at in used) for row in rows)
    sheet = Table(_with_year(result), columns, kept, notes=tuple(notes))
    blocks: list[Table | Title] = [sheet, Title(f"Rule: {about}", f"规则：{about}")]
    if result.payments:
        paid = tuple(
            (
                both(p.payer),
                both(p.payee) + (f" {p.member}" if p.member else ""),
                p.amount,
                p.currency,
                both(p.title),
                both(p.condition) if p.condition else "",
                p.cite,
            )
            for p in result.payments
        )
        name = Title(f"{result.title.en}: who pays whom", f"{result.title.zh}：付款")
        blocks.append(Table(name, _PAYMENTS, paid, total=("Amount",)))
    return tuple(blocks)


def grouped(problems: Iterable[Problem]) -> list[str]:
    """Return problems as text, those that say the same of several places once."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for p in problems:
        places.setdefault((p.what, p.found, p.cure), []).append(p.where)
    return [
        str(Problem(what, "; ".join(filter(None, where)), found, cure, "warning"))
        for (what, found, cure), where in places.items()
    ]


def _with_year(result: Result) -> Title:
    if result.price_year is None:
        return result.title
    year = result.price_year
    return Title(f"{result.title.en} (prices of {year})", f"{result.title.zh}（{year} 年价格）")


def _values(symbol: str, title: Title, value: Any, *rest: str) -> list[tuple[Any, ...]]:
    level = VERIFIED.get(rest[-1], rest[-1])
    if isinstance(value, Mapping):
        return [
            (f"{symbol}[{member}]", f"{both(title)} {member}", number, *rest[:-1], level)
            for member, number in value.items()
        ]
    return [(symbol, both(title), value, *rest[:-1], level)]


# ------------------------------------------------------------------------------- the workbook


class _Book(Sheets):
    def write(self, document: Document) -> None:
        for section in document.sections:
            name = both(section.name)[:_NAME_LENGTH]
            sheet = self.sheet(name)
            self._columns(sheet, section)
            self.head(sheet, both(section.name), both(document.title))
            row = 3
            if section is document.sections[0]:
                for line in document.about:
                    row = self._prose(sheet, row, both(line))
                row += 1
            for block in section.blocks:
                row = self._block(sheet, row, block)
            sheet.fit_to_pages(1, 0)

    def _columns(self, sheet: Any, section: Section) -> None:
        """Set widths that fit all tables of a section."""
        widths: list[float] = []
        for table in (b for b in section.blocks if isinstance(b, Table)):
            for at, column in enumerate(table.columns):
                texts = [column.head.zh, *column.head.en.split()]
                texts += [_shown(row[at], column) for row in table.rows[:200]]
                wide = min(44, max(map(_wide, texts), default=0) + 2)
                if at == len(widths):
                    widths.append(9)
                widths[at] = max(widths[at], wide)
        self.widths(sheet, *(widths or [80]))

    def _block(self, sheet: Any, row: int, block: Table | Title) -> int:
        if isinstance(block, Title):
            return self._prose(sheet, row, both(block)) + 1
        self.text(sheet, row, 0, both(block.title), bold=True, font_size=12)
        self.header(sheet, row + 1, [f"{c.head.zh}\n{c.head.en}" for c in block.columns])
        row += 2
        for cells in block.rows:
            self._cells(sheet, row, block.columns, cells)
            texts = [_shown(v, c) for v, c in zip(cells, block.columns, strict=True)]
            self.height(sheet, row, texts)
            row += 1
        totals = block.totals()
        if totals is not None:
            look = {"bold": True, "bg_color": "#DDEBDA"}
            self._cells(sheet, row, block.columns, totals, **look)
            row += 1
        if not block.rows:
            self.text(sheet, row, 0, "无 none", border=1, font_color="#808080")
            row += 1
        for note in block.notes:
            row = self._prose(sheet, row, both(note))
        return row + 1

    def _prose(self, sheet: Any, row: int, text: str) -> int:
        """Write a line of prose over the whole width of the sheet; return the next row."""
        widths = self._widths[sheet.get_name()]
        look = self.format(font_color="#595959", text_wrap=True, valign="top")
        if len(widths) > 1:
            sheet.merge_range(row, 0, row, len(widths) - 1, "", look)
        self.text(sheet, row, 0, text, font_color="#595959", text_wrap=True, valign="top")
        lines = sum(max(1, math.ceil(_wide(line) / sum(widths))) for line in text.splitlines())
        sheet.set_row(row, _LINE * lines + 1)
        return row + 1

    def _cells(
        self, sheet: Any, row: int, columns: Sequence[Column], cells: Sequence[Any], **look: Any
    ) -> None:
        for col, (value, column) in enumerate(zip(cells, columns, strict=True)):
            shape = FORMS[column.form][0]
            if shape and not isinstance(value, str):
                number = math.nan if is_missing(value) else float(value)
                self.number(sheet, row, col, number, shape, border=1, **look)
            else:
                text = _shown(value, column)
                self.text(sheet, row, col, text, border=1, text_wrap=True, **look)


def _wide(text: str) -> float:
    return float(sum(2 if ord(c) > 0x2E80 else 1 for c in text))  # noqa: PLR2004


def _shown(value: Any, column: Column) -> str:
    """Return a value as text."""
    if is_missing(value):
        return MISSING
    if isinstance(value, Title):
        return both(value)
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    digits = FORMS[column.form][1]
    if digits and isinstance(value, int | float | Decimal):
        return format(float(value), digits)
    return str(value)


# ------------------------------------------------------------------------------------- the page


_STYLE = """
.page { max-width: 76rem; }
.gep .gep-table tr.sum td { font-weight: 600; border-top: 1.5px solid var(--ink); }
.gep .missing { color: #a8402f; }
.gep figure { margin: 1rem 0; } .gep svg { width: 100%; height: auto; }
.toc { columns: 2; padding-left: 1.2em; }
"""


def _page(document: Document) -> str:
    title = document.title
    items = "".join(
        f'<li><a href="#s{at}">{say(section.name, "both")}</a></li>'
        for at, section in enumerate(document.sections, start=1)
    )
    inside = f"<h1>{escape(title.zh)}</h1>"
    inside += f'<p class="subtitle" lang="en">{escape(title.en)}</p>'
    inside += "".join(f"<p>{say(line, 'both')}</p>" for line in document.about)
    inside += f'<ol class="toc">{items}</ol>'
    for at, section in enumerate(document.sections, start=1):
        inside += f'<h2 id="s{at}">{say(section.name, "both")}</h2>'
        inside += f"<figure>{section.figure}</figure>" if section.figure else ""
        inside += "".join(map(_html, section.blocks))
    return (
        '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(both(title))}</title>\n"
        f"<style>{style('parts')}{style('page')}{_STYLE}</style>\n</head>\n"
        f'<body>\n<main class="page gep">\n{inside}\n</main>\n</body>\n</html>\n'
    )


def _html(block: Table | Title) -> str:
    if isinstance(block, Title):
        return f'<p class="gep-small">{say(block, "both")}</p>'
    heads = "".join(
        f'<th class="gep-right">{say(c.head, "both")}</th>'
        if FORMS[c.form][0]
        else f"<th>{say(c.head, 'both')}</th>"
        for c in block.columns
    )
    body = "".join(f"<tr>{_row(row, block.columns)}</tr>" for row in block.rows)
    totals = block.totals()
    if totals is not None:
        body += f'<tr class="sum">{_row(totals, block.columns)}</tr>'
    if not block.rows:
        body = f'<tr><td colspan="{len(block.columns)}">无 none</td></tr>'
    notes = "".join(f'<p class="gep-note">{say(note, "both")}</p>' for note in block.notes)
    inside = (
        f'<div class="gep-scroll"><table class="gep-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
    if len(block.rows) > _FOLDED:  # long lists would push the rest away
        inside = f"<details><summary>{len(block.rows)} 行 rows</summary>{inside}</details>"
    return f"<h3>{say(block.title, 'both')}</h3>{inside}{notes}"


def _row(cells: Iterable[Any], columns: Sequence[Column]) -> str:
    shown = []
    for value, column in zip(cells, columns, strict=True):
        text = escape(_shown(value, column))
        if is_missing(value):
            text = f'<span class="missing">{text}</span>'
        mark = ' class="gep-right"' if FORMS[column.form][0] else ""
        shown.append(f"<td{mark}>{text}</td>")
    return "".join(shown)


# --------------------------------------------------------------------------------------- the map


def map_svg(
    shapes: geopandas.GeoDataFrame, by: str, titles: Mapping[str, Title], width: int = 900
) -> str:
    """Return a map of polygons as SVG, coloured by a column, with a legend and a north-up frame.

    Parameters
    ----------
    shapes
        Polygons with a column ``by`` and ``id``; any coordinate system.
    by
        The column that gives the colour.
    titles
        The titles of its values, in the order of the legend.
    width
        Width of the drawing.
    """
    local = shapes.to_crs(shapes.estimate_utm_crs())
    west, south, east, north = local.total_bounds
    scale = width / max(east - west, 1.0)
    height = (north - south) * scale
    colours = {value: _COLOURS[at % len(_COLOURS)] for at, value in enumerate(titles)}
    drawn = []
    for name, value, shape in zip(local["id"], local[by], local.geometry, strict=True):
        path = "".join(
            "M"
            + "L".join(f"{(x - west) * scale:.1f},{(north - y) * scale:.1f}" for x, y in ring)
            + "Z"
            for ring in _rings(shape)
        )
        colour = colours.get(str(value), "#bbbbbb")
        label = f"<title>{escape(str(name))}</title>"
        drawn.append(f'<path d="{path}" fill="{colour}" fill-rule="evenodd">{label}</path>')
    legend = "".join(
        f'<rect x="{12 + 290 * (at % 3)}" y="{height + 18 + 24 * (at // 3):.0f}" width="16" '
        f'height="16" fill="{colours[value]}"/><text x="{34 + 290 * (at % 3)}" '
        f'y="{height + 31 + 24 * (at // 3):.0f}">{escape(both(title))}</text>'
        for at, (value, title) in enumerate(titles.items())
    )
    metres = 10 ** math.floor(math.log10(max((east - west) / 3, 1.0)))
    bar = metres * scale
    whole = height + 60 + 24 * ((len(titles) - 1) // 3)
    ruler = (
        f'<path d="M{width - 12 - bar:.1f},{height + 30:.0f}h{bar:.1f}" stroke="#1d2421" '
        f'stroke-width="2"/><text x="{width - 12:.0f}" y="{height + 48:.0f}" text-anchor="end">'
        f"{metres / 1000:g} km · 上北 north up</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {width + 4} {whole:.0f}" '
        f'role="img" font-size="14" font-family="sans-serif" stroke="#fff" stroke-width="0.4">'
        f'{"".join(drawn)}<g stroke="none" fill="#1d2421">{legend}{ruler}</g></svg>'
    )


def _rings(shape: Any) -> list[list[tuple[float, float]]]:
    parts = getattr(shape, "geoms", [shape])
    return [
        [(point[0], point[1]) for point in ring.coords]
        for part in parts
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
