"""Intervals and factors in words, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gep.errors import UsageError, nearest
from gep.report.text import columns
from gep.report.words import LANGUAGES, money_unit
from gep.tables import Title

if TYPE_CHECKING:
    import pandas as pd

    from gep.uncertainty.monte_carlo import Uncertainty
    from gep.uncertainty.sobol import Sensitivity

#: Names of coefficients that a text lists; the rest is counted.
LISTED = 8

WORDS: Mapping[str, Title] = {
    key: Title(en, zh)
    for key, en, zh in (
        ("uncertainty", "Uncertainty", "不确定性"),
        ("sensitivity", "Sensitivity", "敏感性"),
        (
            "head",
            "{n} draws ({method}, seed {seed}), intervals of {level}",
            "{n} 次抽样（{method}，种子 {seed}），{level} 区间",
        ),
        (
            "head_indices",
            "{n} points, {evaluations} evaluations ({method}, seed {seed}), swings of {level}",
            "{n} 个样本点，共 {evaluations} 次计算（{method}，种子 {seed}），摆幅取 {level} 区间",
        ),
        ("prices", "prices of {year}", "{year} 年价格"),
        ("sobol", "Sobol points", "Sobol 点列"),
        ("latin_hypercube", "latin hypercube", "拉丁超立方"),
        ("random", "random points", "随机抽样"),
        ("services", "Services", "各项服务"),
        ("zones", "Zones", "各分区"),
        ("quantities", "Physical quantities", "实物量"),
        ("whole", "All services", "全部服务"),
        ("estimate", "account", "账户值"),
        ("low", "from", "下限"),
        ("high", "to", "上限"),
        ("drawn", "Drawn: {count} factors", "参与抽样：{count} 个因素"),
        ("factor", "factor", "因素"),
        ("first", "first-order", "一阶指数"),
        ("total", "total", "总指数"),
        ("swing", "moves the sum from ... to ...", "使总值变动于"),
        (
            "fixed",
            "Held fixed, as nobody says how uncertain they are: {count} coefficients",
            "未说明不确定性、按固定值计算：{count} 个系数",
        ),
        ("and_more", "and {count} more", "等另 {count} 个"),
        (
            "inside",
            "Not separable, made again from the rasters with the draws inside",
            "不可分离，抽样时逐像元重新计算",
        ),
        ("warnings", "Warnings", "提示"),
        ("error", "± standard error", "± 标准误"),
    )
}


class _Words:
    def __init__(self, lang: str) -> None:
        if lang not in LANGUAGES:
            cure = nearest(lang, LANGUAGES)
            raise UsageError("texts are written in en or zh", found=repr(lang), cure=cure)
        self.lang = lang

    def say(self, key: str, **parts: Any) -> str:
        return WORDS[key][self.lang].format(**parts)

    def block(self, title: str, lines: Iterable[str]) -> list[str]:
        inside = [f"  {line}" for line in lines]
        return ["", title, *inside] if inside else []

    def some(self, names: Sequence[str]) -> str:
        shown = ", ".join(names[:LISTED])
        more = len(names) - LISTED
        return f"{shown} {self.say('and_more', count=more)}" if more > 0 else shown

    def ending(self, result: Uncertainty | Sensitivity) -> list[str]:
        """Return what a reader must know besides the numbers."""
        lines: list[str] = []
        if result.fixed:
            title = self.say("fixed", count=len(result.fixed))
            lines += self.block(title, [self.some(result.fixed)])
        inside = [f"{step}: {', '.join(names)}" for step, names in result.inside.items()]
        lines += self.block(self.say("inside"), inside)
        return lines + self.block(self.say("warnings"), result.warnings)


def uncertainty_text(result: Uncertainty, lang: str) -> str:
    """Return intervals of the whole area by service, of the zones, and what was drawn."""
    words = _Words(lang)
    table = result.table
    money = table[table["indicator"] == "value"]
    zones = list(dict.fromkeys(table["zone"]))
    whole = zones[0]
    lines = [
        f"{words.say('uncertainty')}: {result.title}",
        words.say(
            "head",
            n=f"{result.n:,}",
            method=words.say(result.method),
            seed=result.seed,
            level=f"{result.level:.4g}",
        ),
    ]
    header = ["", words.say("estimate"), words.say("low"), words.say("high"), ""]
    if len(money):
        scale, unit = _money(money, result, lang)
        title = f"{words.say('services')} [{unit}]"
        rows = [
            [name, *_numbers(row, scale)]
            for row in money[money["zone"] == whole].to_dict("records")
            for name in [row[f"title_{lang}"]]
        ]
        lines += words.block(title, columns([header[:-1], *rows]))
        sums = money[(money["service"] == "") & (money["zone"] != whole)]
        rows = [[row["zone_name"], *_numbers(row, scale)] for row in sums.to_dict("records")]
        if rows:
            lines += words.block(f"{words.say('zones')} [{unit}]", columns([header[:-1], *rows]))
    goods = table[(table["indicator"] != "value") & (table["zone"] == whole)]
    rows = [
        [
            f"{row['service']}.{row['indicator']}",
            row[f"title_{lang}"],
            *_numbers(row, 1.0),
            row["unit"],
        ]
        for row in goods.to_dict("records")
        if _varies(row)
    ]
    if rows:
        lines += words.block(words.say("quantities"), columns([["", *header], *rows]))
    rows = [
        [
            row["factor"],
            row[f"title_{lang}"],
            *(_digits(row[key]) for key in ("value", "low", "high")),
            row["unit"] + (f" ({row['price_year']})" if row["kind"] == "price" else ""),
            row["shape"],
        ]
        for row in result.draws.to_dict("records")
    ]
    head = ["", *header, ""]
    lines += words.block(words.say("drawn", count=len(rows)), columns([head, *rows]))
    return "\n".join([*lines, *words.ending(result)]) + "\n"


def sensitivity_text(result: Sensitivity, lang: str) -> str:
    """Return the factors of the sum of all values, or of every output where there is no money."""
    words = _Words(lang)
    lines = [
        f"{words.say('sensitivity')}: {result.title}",
        words.say(
            "head_indices",
            n=f"{result.n:,}",
            evaluations=f"{result.evaluations:,}",
            method=words.say(result.method),
            seed=result.seed,
            level=f"{result.level:.4g}",
        ),
    ]
    pairs = list(
        dict.fromkeys(zip(result.table["service"], result.table["indicator"], strict=True))
    )
    shown = [pair for pair in pairs if pair == ("", "value")] or pairs
    for service, indicator in shown:
        found = result.tornado(service, indicator)
        errors = result.indices(service, indicator).set_index("factor")
        if service:
            title, scale, unit = f"{service}.{indicator}", 1.0, str(found["unit"].iloc[0])
        else:
            scale, unit = _money(found, result, lang)
            title = words.say("whole")
        header = [
            "",
            "",
            words.say("low"),
            words.say("high"),
            words.say("first"),
            words.say("total"),
        ]
        rows = []
        for row in found.to_dict("records"):
            ends = [_digits(row[key] / scale) for key in ("low", "high")]
            own = [_index(errors, row["factor"], key) for key in ("first", "total")]
            rows.append([row["factor"], row[f"title_{lang}"], *ends, *own])
        lines += words.block(f"{title} [{unit}]", columns([header, *rows]))
    return "\n".join([*lines, *words.ending(result)]) + "\n"


def _money(table: pd.DataFrame, result: Uncertainty | Sensitivity, lang: str) -> tuple[float, str]:
    """Return the unit that suits the greatest amount, with the year of its prices."""
    currency = str(table["unit"].iloc[0])
    per_year = currency.endswith("/yr")
    scale, unit = money_unit(float(table["estimate"].abs().max()), currency.removesuffix("/yr"))
    shown = unit[lang] if per_year else unit[lang].removesuffix("/年").removesuffix("/yr")
    comma = "，" if lang == "zh" else ", "
    return scale, shown + comma + WORDS["prices"][lang].format(year=result.price_year)


def _numbers(row: Mapping[Any, Any], scale: float) -> list[str]:
    """Return the account's number and its interval, which is empty where nothing varies."""
    shown = [_digits(row[key] / scale) for key in ("estimate", "low", "high")]
    return shown if _varies(row) else [shown[0], "", ""]


def _varies(row: Mapping[Any, Any]) -> bool:
    return bool(abs(row["high"] - row["low"]) > abs(row["estimate"]) / 1e12)


def _index(table: pd.DataFrame, factor: str, key: str) -> str:
    """Return an index with its standard error."""
    if factor not in table.index:
        return ""
    return f"{table[key][factor]:.3f} ± {table[f'{key}_error'][factor]:.3f}"


def _digits(number: float) -> str:
    """Return a number with four significant digits, and all digits before the point."""
    if number != number:  # noqa: PLR0124  not known
        return "–"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"  # noqa: PLR2004
