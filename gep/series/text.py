"""A series as text: one screen, with its arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gep.errors import DataError
from gep.report.words import money_unit
from gep.series.drivers import EFFECTS
from gep.tables import Title

if TYPE_CHECKING:
    from gep.series.growth import Series

#: Findings that the text lists; the rest is counted.
SHOWN = 12
#: Why a row cannot be compared between two years; ``covers`` is compared all the same.
WHY: Mapping[str, Title] = {
    "enters": Title("only in the second of the two years", "两年中仅后者有"),
    "leaves": Title("only in the first of the two years", "两年中仅前者有"),
    "no value": Title("no value in one of the years", "其中一年无价值量"),
    "not deflated": Title("no physical quantity and no deflator", "无实物量，也未给出平减指数"),
    "value without quantity": Title("a value, but the quantity is 0", "有价值量而实物量为 0"),
    "no price": Title("nothing in the base year, so no price of it", "基年为零，无基年价格"),
    "covers": Title("data are complete for another share of the area", "数据完整的面积比例不同"),
}


_WORDS: Mapping[str, Title] = {
    "head": Title("GEP over time, {0} to {1}", "生态产品总值时间序列，{0}—{1} 年"),
    "bridge": Title("compared under a bridge: {0}", "跨规则比较的依据：{0}"),
    "year": Title("{0} (prices of {1}): {2} {3}", "{0} 年（{1} 年价格）：{2} {3}"),
    "nominal": Title(
        "nominal growth, all lines {1}/{0} - 1 = {2}", "名义增长（全部条目） {1}/{0} - 1 = {2}"
    ),
    "constant": Title(
        "at prices of {0}, lines in both years: Σ q·p = {1}, in {0} {2}",
        "按 {0} 年价格（可比条目）：Σ q·p = {1}，{0} 年为 {2}",
    ),
    "real": Title("real growth {0}/{1} - 1 = {2}", "实际增长 {0}/{1} - 1 = {2}"),
    "index": Title("price index {0}/{1} = {2}", "价格指数 {0}/{1} = {2}"),
    "check": Title("check: {0}/{1} = {2} × {3} = {4}", "校核：{0}/{1} = {2} × {3} = {4}"),
    "partial": Title(
        "PARTIAL: {0} in {1} and {2} in {3} are outside real growth",
        "不完整：{1} 年 {0}、{3} 年 {2} 未计入实际增长",
    ),
    "drivers": Title("change {0} to {1}: {2} = {3}", "{0}—{1} 年变化：{2} = {3}"),
    "refused": Title("change {0} to {1} is not divided: {2}", "{0}—{1} 年变化无法分解：{2}"),
    "methods": Title("rows by method: {0}", "各方法行数：{0}"),
    "area": Title("area {0}", "面积 {0}"),
    "yield": Title("yield {0}", "单位面积量 {0}"),
    "quantity": Title("quantity (whole zones) {0}", "实物量（不分生态系统）{0}"),
    "price": Title("price {0}", "价格 {0}"),
    "left_out": Title("not divided {0}", "未分解 {0}"),
    "gep_per_gdp": Title("GEP/GDP {0}/{1} = {2}", "GEP/GDP {0}/{1} = {2}"),
    "per_head": Title("per head {0} {1}", "人均 {0} {1}"),
    "per_km2": Title("per km² {0} {1}", "单位面积 {0} {1}/km²"),
    "double": Title("double growth: {0}", "双增长：{0}"),
    "yes": Title("yes", "是"),
    "no": Title("no", "否"),
    "undetermined": Title("undetermined", "无法判定"),
    "gap": Title("{0} ({1}): {2}; {3} → {4}", "{0}（{1}）：{2}；{3} → {4}"),
    "chained": Title(
        "chained from year to year since {0}: quantities {1}, prices {2}",
        "自 {0} 年逐年链接：物量指数 {1}，价格指数 {2}",
    ),
    "more": Title("... and {0} more", "……另有 {0} 条"),
    "differs": Title("differs: {0}", "差异：{0}"),
    "note": Title("note: {0}", "注：{0}"),
}


class SeriesText:
    """The text of a series in one language."""

    def __init__(self, series: Series, lang: str) -> None:
        self.series, self.lang = series, lang
        self.growth = series.growth()
        greatest = self.growth["nominal"].abs().max()
        self.size, money = money_unit(greatest, series.currency)
        self.money, self.coin = (
            title[lang].rpartition("/")[0] for title in (money, money_unit(0, series.currency)[1])
        )

    def say(self, key: str, *parts: Any) -> str:
        """Return a phrase in the language, filled in."""
        return _WORDS[key][self.lang].format(*parts)

    def amount(self, value: float, sign: str = "") -> str:
        """Return money in the unit of the text."""
        known = not math.isnan(value)
        return f"{value / self.size:{sign},.4f}" if known else self.say("undetermined")

    def percent(self, value: float) -> str:
        """Return a growth as a percentage."""
        return self.say("undetermined") if math.isnan(value) else f"{value:.2%}"

    def write(self) -> str:
        """Return the whole text."""
        series, lang = self.series, self.lang
        lines = [self.say("head", series.years[0], series.years[-1])]
        if series.bridge:
            lines.append(self.say("bridge", series.bridge))
            shown = (" ".join(d.splitlines()[:2]) for d in series.differences[:SHOWN])
            lines += [self.say("differs", " ".join(text.split())) for text in shown]
        for row, ratios in zip(
            self.growth.to_dict("records"), series.ratios().to_dict("records"), strict=True
        ):
            lines += self._year(row, ratios)
        if len(series.years) > 2 and self.growth["partial"].any():  # noqa: PLR2004
            last = series.chained().iloc[-1]
            indices = [f"{last[name]:.6f}" for name in ("quantity_index", "price_index")]
            lines.append(self.say("chained", series.years[0], *indices))
        lines += self._drivers()
        gaps = series.gaps(series.years[0], series.years[-1])
        for gap in gaps.head(SHOWN).to_dict("records"):
            title, why = gap[f"title_{lang}"], gap[f"why_{lang}"]
            values = [
                self.amount(gap[v]) if gap[v] == gap[v] else "-" for v in ("value0", "value1")
            ]
            lines.append(self.say("gap", title, gap["indicator"], why, *values))
        if len(gaps) > SHOWN:
            lines.append(self.say("more", len(gaps) - SHOWN))
        lines += [self.say("note", note[lang]) for note in series.notes]
        return "\n".join(lines) + "\n"

    def _year(self, row: Mapping[Any, Any], ratios: Mapping[Any, Any]) -> list[str]:
        """Return one year: GEP, growth against the first year with its arithmetic, ratios."""
        year, first = row["year"], row["base"]
        lines = [self.say("year", year, row["price_year"], self.amount(row["nominal"]), self.money)]
        if year != first:
            base, now, fixed = (
                self.amount(row[name]) for name in ("compared_base", "compared", "constant")
            )
            before, whole = self.amount(row["nominal_base"]), self.amount(row["nominal"])
            real, index = 1.0 + row["real_growth"], row["price_index"]
            parts = (f"{real:.6f}", f"{index:.6f}", f"{real * index:.6f}")
            lines += [
                "  " + self.say("nominal", before, whole, self.percent(row["nominal_growth"])),
                "  " + self.say("constant", first, fixed, base),
                "  " + self.say("real", fixed, base, self.percent(row["real_growth"])),
                "  " + self.say("index", now, fixed, parts[1]),
                "  " + self.say("check", now, base, *parts),
            ]
            if row["partial"]:
                out = (self.amount(row["left_out_base"]), first, self.amount(row["left_out"]), year)
                lines.append("  " + self.say("partial", *out))
        return [*lines, f"  {self._ratios(ratios)}"]

    def _ratios(self, row: Mapping[Any, Any]) -> str:
        series = self.series
        found = [self.say("per_km2", f"{row['per_km2']:,.0f}", self.coin)]
        if not math.isnan(row["gep_per_gdp"]):
            shown = (self.amount(row["gep"]), self.amount(row["gdp"]), f"{row['gep_per_gdp']:.4f}")
            found.append(self.say("gep_per_gdp", *shown))
        if not math.isnan(row["per_head"]):
            found.append(self.say("per_head", f"{row['per_head']:,.0f}", self.coin))
        if series._gdp_real and row["year"] != series.years[0]:  # noqa: SLF001
            found.append(self.say("double", self.say(row["double_growth"])))
        return ("；" if self.lang == "zh" else "; ").join(found)

    def _drivers(self) -> list[str]:
        """Return the change from the first to the last year in its parts."""
        first, last = self.series.years[0], self.series.years[-1]
        try:
            table = self.series.decompose(first, last)
        except DataError as error:  # data that contradict themselves: said, and the rest is shown
            return [self.say("refused", first, last, str(error.problems[0]))]
        parts = [
            self.say(name, self.amount(table[name].sum(), "+"))
            for name in EFFECTS
            if table[name].notna().any()
        ]
        counted = ", ".join(f"{name} {n}" for name, n in table["method"].value_counts().items())
        change = self.amount(table["change"].sum(), "+")
        return [
            self.say("drivers", first, last, change, " ".join(parts)),
            "  " + self.say("methods", counted),
        ]
