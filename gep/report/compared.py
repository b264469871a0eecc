"""Standards beside standards as text: values, why they differ, and the rules line by line."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gep.library import Standard
from gep.report.text import columns
from gep.report.words import LABELS, money_unit
from gep.tables import VERIFIED, Title
from gep.workbook import WAN

if TYPE_CHECKING:
    import pandas as pd

#: Differences of one service that are shown; the rest is counted.
SHOWN = 12
#: Letters of a formula on one line.
WIDE = 96

WORDS: Mapping[str, Title] = {
    "catalogue": Title("catalogue", "目录"),
    "method": Title("method", "方法"),
    "coefficients": Title("coefficients", "系数"),
    "prices": Title("prices", "价格"),
    "difference": Title("difference", "差额"),
    "scope": Title("where it applies", "适用范围"),
    "line": Title("account lines", "账户条目"),
    "step": Title("step", "步骤"),
    "coefficient": Title("coefficient", "系数"),
    "price": Title("price", "价格"),
    "service": Title("service", "服务"),
    "value": Title("value", "价值量"),
    "quantity": Title("physical quantity", "实物量"),
    "reference": Title("reference", "基准"),
    "not computed": Title("not computed", "未核算"),
    "lacks": Title("lacks {0}", "缺 {0}"),
    "not asked for": Title("not asked for by the project", "项目未列入"),
    "not in the catalogue": Title("not counted", "不计"),
    "total": Title("GEP", "GEP 合计"),
    "only": Title("only in", "仅见于"),
    "same": Title("the same in both", "两者相同"),
    "differs": Title("what differs in the rules", "规则差异"),
    "why": Title(
        "the difference from {0}: catalogue + method + coefficients + prices",
        "与 {0} 之差 = 目录 + 方法 + 系数 + 价格",
    ),
    "rests": Title("share of the value by how the text was read", "价值量按文本核对程度的占比"),
    "more": Title("... and {0} more", "……另有 {0} 处"),
    "nothing": Title("(not there)", "（无）"),
    "none": Title("the rules do not differ", "规则无差异"),
}


class Compared(Protocol):
    """What the text needs of a comparison."""

    @property
    def reference(self) -> str:
        """Id of the standard with which the others are compared."""

    @property
    def table(self) -> pd.DataFrame:
        """A row per standard and service."""

    @property
    def quantities(self) -> pd.DataFrame:
        """A row per physical line."""

    @property
    def decomposition(self) -> pd.DataFrame:
        """A row per other standard and service."""

    @property
    def differences(self) -> pd.DataFrame:
        """A row per difference of the rules."""

    @property
    def titles(self) -> Mapping[str, Title]:
        """Standard id -> title."""

    @property
    def currency(self) -> str:
        """Currency of the values."""

    def total(self) -> pd.DataFrame:
        """Return GEP by standard."""


def comparison_text(compared: Compared, lang: str) -> str:
    """Return a comparison of accounts as text.

    Parameters
    ----------
    compared
        A comparison.
    lang
        ``en`` or ``zh``.
    """

    def word(key: str) -> str:
        return WORDS[key][lang]

    greatest = float(compared.table["value"].abs().max())
    scale, money = money_unit(greatest, compared.currency)
    label = money[lang]
    total = compared.total().set_index("standard")
    names = list(total.index)
    lines = [f"{name}  {compared.titles[name][lang]}" for name in names]
    lines += ["", f"{word('value')} [{label}]"]
    rows = [[word("service"), *names]]
    table = compared.table.set_index(["service", "standard"])
    for service in dict.fromkeys(compared.table["service"]):
        found = [table.loc[(service, name)] for name in names]
        title = next(row[f"title_{lang}"] for row in found)
        rows.append([str(title), *(_cell(row, scale, word) for row in found)])
    rows.append([word("total"), *(_number(total["value"][name] / scale) for name in names)])
    lines += [f"  {line}" for line in columns(_right(rows))]
    lines += _lacking(compared, lang)
    lines += ["", f"{word('rests')}"]
    rests = [["", *(LABELS[level][lang] for level in VERIFIED)]]
    rests += [[name, *(f"{total[level][name]:.1%}" for level in VERIFIED)] for name in names]
    lines += [f"  {line}" for line in columns(_right(rests))]
    for name in names[1:]:
        lines += ["", *_one(compared, name, scale, label, lang)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _one(compared: Compared, name: str, scale: float, label: str, lang: str) -> list[str]:
    """Return why one standard differs from the reference."""

    def word(key: str) -> str:
        return WORDS[key][lang]

    parts = ["catalogue", "method", "coefficients", "prices"]
    found = compared.decomposition[compared.decomposition["standard"] == name]
    titles = compared.table.drop_duplicates("service").set_index("service")[f"title_{lang}"]
    head = word("why").format(compared.reference)
    lines = [f"{name}: {head} [{label}]"]
    rows = [[word("service"), word("difference"), *map(word, parts)]]
    for row in found.to_dict("records"):
        numbers = [row["difference"], *(row[part] for part in parts)]
        cells = [_signed(n / scale) for n in numbers]
        rows.append([str(titles[row["service"]]), *cells])
    sums = [float(found[key].sum()) / scale for key in ("difference", *parts)]
    rows.append([word("total"), *map(_signed, sums)])
    lines += [f"  {line}" for line in columns(_right(rows))]
    rules = compared.differences[compared.differences["standard"] == name]
    for service in dict.fromkeys(rules["service"]):
        here = rules[rules["service"] == service].to_dict("records")
        lines += ["", f"  {titles[service]} {service}", *_quantities(compared, name, service, lang)]
        lines += [
            f"    {line}" for line in _listed(((r, "reference", "other") for r in here), lang)
        ]
    return lines


def _quantities(compared: Compared, name: str, service: str, lang: str) -> list[str]:
    lines = []
    for std in (compared.reference, name):
        found = compared.quantities
        found = found[(found["standard"] == std) & (found["service"] == service)]
        known = found[np.isfinite(found["quantity"])].to_dict("records")
        names = [f"{row[f'title_{lang}']}{_member(row['indicator'])}" for row in known]
        numbers = [f"{row['quantity']:,.6g} {row['unit']}" for row in known]
        shown = "; ".join(" ".join(pair) for pair in zip(names, numbers, strict=True))
        if shown:
            lines.append(f"    {std}: {shown}")
    return lines


def _member(indicator: str) -> str:
    """Return ``[rice]`` of ``Q[rice]``."""
    return indicator[indicator.find("[") :] if "[" in indicator else ""


def write_comparison(path: Path, compared: Compared) -> None:
    """Write a comparison as a workbook; the same comparison always gives the same bytes.

    Parameters
    ----------
    path
        The file to write.
    compared
        A comparison.
    """
    import pandas as pd

    words = {key: f"{title.zh} {title.en}" for key, title in WORDS.items()}
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    unit = f"10⁴ {compared.currency}/yr"
    parts = ["difference", "catalogue", "method", "coefficients", "prices"]
    heads = {part: f"{words[part]} [{unit}]" for part in parts}
    levels = {level: f"{LABELS[level].zh} {LABELS[level].en}" for level in VERIFIED}
    first = compared.table.drop_duplicates("service").set_index("service")
    titles = first["title_zh"] + " " + first["title_en"]
    total, split = compared.total(), compared.decomposition.copy()
    total[["value", *parts]] /= WAN
    split[parts] /= WAN
    split.insert(1, words["service"], [titles[name] for name in split["service"]])
    rules = [words[part] for part in compared.differences["part"]]
    sheets = {
        "价值量 Values": _pivot(compared, words, unit),
        "合计 Totals": total.rename(
            columns={"value": f"{words['total']} [{unit}]", **heads, **levels}
        ),
        "差额分解 Decomposition": split.rename(columns=heads),
        "实物量 Quantities": compared.quantities,
        "规则差异 Rules": compared.differences.assign(part=rules),
    }
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs={"options": options}) as writer:
        book: Any = writer.book
        book.set_properties({"created": dt.datetime(2000, 1, 1)})  # noqa: DTZ001  equal bytes
        head = book.add_format(
            {"bold": True, "bg_color": "#DDEBDA", "border": 1, "text_wrap": True}
        )
        number = book.add_format({"num_format": "#,##0.00"})
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False, na_rep="–")
            sheet = writer.sheets[name]
            for col, title in enumerate(frame.columns):
                sheet.write_string(0, col, str(title), head)
                texts = [str(title), *map(str, frame[title].head(200))]
                wide = min(48, max(len(t) + sum(ord(c) > 0x2E80 for c in t) for t in texts))  # noqa: PLR2004
                is_number = pd.api.types.is_numeric_dtype(frame[title])
                sheet.set_column(col, col, 18 if is_number else wide + 2, number)
            sheet.set_row(0, 32)
            sheet.freeze_panes(1, 1)
            sheet.repeat_rows(0)
            sheet.set_landscape()
            sheet.set_paper(9)
            sheet.fit_to_pages(1, 0)


def _pivot(compared: Compared, words: Mapping[str, str], unit: str) -> pd.DataFrame:
    """Return a row per service, a column per standard: its value, or why there is none."""
    import pandas as pd

    names = list(compared.titles)
    table = compared.table.set_index(["service", "standard"])
    rows = []
    for service in dict.fromkeys(compared.table["service"]):
        found = [table.loc[(service, name)] for name in names]
        title = f"{found[0]['title_zh']} {found[0]['title_en']}"
        cells = [
            float(row["value"]) / WAN if row["state"] == "computed" else words[row["state"]]
            for row in found
        ]
        rows.append([title, service, *cells])
    total = compared.total().set_index("standard")["value"]
    rows.append([words["total"], "", *(float(total[name]) / WAN for name in names)])
    heads = [f"{compared.titles[n].zh} {n} [{unit}]" for n in names]
    return pd.DataFrame(rows, columns=[words["service"], "id", *heads])


def differences_text(
    first: Standard, second: Standard, items: Iterable[Any], same: Iterable[str], lang: str
) -> str:
    """Return what differs in the rules of two standards, as a reviewer reads it.

    Parameters
    ----------
    first, second
        The standards.
    items
        Their differences.
    same
        Services whose rules do not differ.
    lang
        ``en`` or ``zh``.
    """

    def word(key: str) -> str:
        return WORDS[key][lang]

    items, same = list(items), list(same)
    lines = [f"- {first.id}  {first.title[lang]}", f"+ {second.id}  {second.title[lang]}"]
    absent = {item.service for item in items if item.part == "catalogue"}
    for mark, std in (("-", first), ("+", second)):
        own = [f"{std[name].title[lang]} ({name})" for name in std if name in absent]
        if own:
            text = f"{mark} {word('only')} {std.id}: {', '.join(own)}"
            lines += ["", *textwrap.wrap(text, WIDE, subsequent_indent="    ")]
    if same:
        shown = ", ".join(f"{first[name].title[lang]} ({name})" for name in same)
        text = f"= {word('same')}: {shown}"
        lines += ["", *textwrap.wrap(text, WIDE, subsequent_indent="    ")]
    by_service: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        if item.part != "catalogue":
            by_service.setdefault(item.service, []).append(vars(item))
    for service, found in by_service.items():
        lines += ["", f"{first[service].title[lang]} {service}"]
        checked = [f"{s[service].verified}" for s in (first, second)]
        origins = [s[service].origin for s in (first, second)]
        lines.append(f"  - {origins[0]} ({LABELS[checked[0]][lang]})")
        lines.append(f"  + {origins[1]} ({LABELS[checked[1]][lang]})")
        lines += [
            f"    {line}"
            for line in _listed(((r, "first", "second") for r in found), lang, every=True)
        ]
    if not items:
        lines += ["", word("none")]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _listed(
    found: Iterable[tuple[Mapping[str, Any], str, str]], lang: str, *, every: bool = False
) -> list[str]:
    rows = list(found)
    lines = []
    for row, first, second in rows if every else rows[:SHOWN]:
        lines.append(f"{WORDS[row['part']][lang]} {row['name']}")
        for mark, key in (("-", first), ("+", second)):
            text = row[key] or WORDS["nothing"][lang]
            lines += textwrap.wrap(f"{mark} {text}", WIDE, subsequent_indent="    ") or [mark]
    if len(rows) > SHOWN and not every:
        lines.append(WORDS["more"][lang].format(len(rows) - SHOWN))
    return lines


def _cell(row: Any, scale: float, word: Any) -> str:
    if row["state"] == "computed":
        return _number(row["value"] / scale)
    return str(word(row["state"]))


def _lacking(compared: Compared, lang: str) -> list[str]:
    """Return what the services lack that a standard counts and the data do not allow."""
    found = compared.table[compared.table["state"] == "not computed"]
    lines = []
    for (service, lacks), rows in found.groupby(["service", "lacks"], sort=False):
        title = rows.iloc[0][f"title_{lang}"]
        why = WORDS["lacks"][lang].format(lacks) if lacks else WORDS["not asked for"][lang]
        text = f"{title} {service} ({', '.join(rows['standard'])}): {why}"
        lines += textwrap.wrap(text, WIDE, initial_indent="  ", subsequent_indent="    ")
    return ["", f"{WORDS['not computed'][lang]}", *lines] if lines else []


def _number(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:,.4f}"


def _signed(value: float) -> str:
    return "0" if value == 0 else f"{value:+,.4f}"


def _right(rows: list[list[str]]) -> list[list[str]]:
    """Return rows whose columns after the first are set flush right."""
    from gep.report.text import width

    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        [row[0], *(" " * (widths[at] - width(row[at])) + row[at] for at in range(1, len(row)))]
        for row in rows
    ]
