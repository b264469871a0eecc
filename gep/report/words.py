"""The words of cards and pages in both languages. Every label stands here once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gep.tables import Title

#: Languages in which pages are written, and their tags.
LANGUAGES: Mapping[str, str] = {"zh": "zh-CN", "en": "en"}

#: Labels by key.
LABELS: Mapping[str, Title] = {
    key: Title(en, zh)
    for key, en, zh in (
        # kinds of services and quantities
        ("provisioning", "Provisioning services", "物质供给"),
        ("regulating", "Regulating services", "调节服务"),
        ("cultural", "Cultural services", "文化服务"),
        ("supporting", "Supporting rules (not added)", "辅助规则（不计入总值）"),
        ("provisioning_one", "Provisioning service", "物质供给服务"),
        ("regulating_one", "Regulating service", "调节服务"),
        ("cultural_one", "Cultural service", "文化服务"),
        ("supporting_one", "Supporting rule, not added", "辅助规则，不计入总值"),
        ("mechanism", "Mechanisms", "价值实现机制"),
        ("mechanism_one", "Mechanism", "价值实现机制"),
        ("rate", "rate per area", "单位面积量"),
        ("total", "total of a zone", "区域总量"),
        # how well something was checked
        ("full_text", "full text", "原文核对"),
        ("secondary", "secondary source", "二手文献"),
        ("recalled", "recalled", "凭记忆"),
        ("full_text_long", "checked against the full text", "已对照原文全文核对"),
        ("secondary_long", "checked against a source that quotes it", "依据转引文献核对"),
        ("recalled_long", "written from memory, not checked", "凭记忆录入，尚未核对"),
        ("verified", "Checked", "核对"),
        ("steps", "Formulas", "公式"),
        ("coefficients", "Coefficients", "系数"),
        ("sources", "Sources", "来源"),
        ("source", "Source", "来源"),
        # parts of a service
        ("inputs", "Inputs", "输入量"),
        ("calculation", "Calculation", "计算步骤"),
        ("account", "Account", "入账项"),
        ("examples", "Worked examples", "算例"),
        ("example", "Worked example", "算例"),
        ("note", "Note", "说明"),
        ("symbol", "Symbol", "符号"),
        ("quantity", "Quantity", "含义"),
        ("unit", "Unit", "单位"),
        ("range", "Plausible range", "合理范围"),
        ("axis", "By", "分项"),
        ("nature", "Nature", "性质"),
        ("origin", "Where from", "取自"),
        ("data", "data", "数据"),
        ("computed_by", "computed by", "计算自"),
        ("table", "Table", "系数表"),
        ("by", "by", "按"),
        ("value", "Value", "数值"),
        ("price_year", "Price year", "价格年"),
        ("one_number", "one number", "单一数值"),
        ("values_of", "Values of", "取值："),
        ("rows", "rows", "行"),
        ("ecosystem", "ecosystem", "生态系统类型"),
        ("ecosystems", "Ecosystems", "适用生态系统"),
        ("printed", "As printed", "原文公式"),
        ("where", "where", "其中"),
        ("in_units", "in the units", "各量单位"),
        ("gives", "gives", "结果单位"),
        ("area", "area", "面积"),
        ("tolerance", "rounded constants, agreement within", "原文常数有取整，允许相对偏差"),
        ("agrees", "agrees with ours on random draws", "与上式随机取值核对一致"),
        ("formula_gives", "the formula gives", "按公式得"),
        ("empirical", "Empirical formula", "经验公式"),
        (
            "empirical_long",
            "these symbols enter as bare numbers in exactly these units",
            "下列符号按所注单位以纯数值代入",
        ),
        ("computes", "Computes", "所算量"),
        ("as_in_file", "In the file", "文件写法"),
        ("physical", "Physical", "实物量"),
        ("monetary", "Monetary", "价值量"),
        ("capacity", "Capacity, not added", "供给能力（不计入）"),
        ("demand", "Demand, not added", "需求（不计入）"),
        (
            "separable",
            "Separable, if every rate is a raster: may change without reading it again",
            "可分离的量（单位面积量均为栅格时，改动或抽样不必重读栅格）",
        ),
        ("not_in", "not in", "以下除外："),
        ("times_area", "× true cell area", "× 实际像元面积"),
        ("given", "Given", "已知"),
        ("result", "Result", "结果"),
        ("answer", "Answer", "结果"),
        ("payments", "Who pays whom", "付款"),
        ("payer", "From", "付款方"),
        ("payee", "To", "收款方"),
        ("amount", "Amount", "金额"),
        ("condition", "When", "条件"),
        ("checks", "Checks", "校核"),
        ("refuses", "refused", "拒绝"),
        ("warns", "warning", "警告"),
        ("same_as", "This rule is the file", "本规则即文件"),
        ("rule_file", "Rule file", "规则文件"),
        ("cited", "Citation", "依据"),
        # pages
        ("standards", "Standards and methods", "标准与方法"),
        ("services_title", "Services, formula by formula", "核算服务公式集"),
        (
            "services_about",
            "These pages are made from the rule files that the engine runs: you read what runs.",
            "各页均由核算引擎实际运行的规则文件生成：所读即所算。",
        ),
        ("mechanisms_title", "Mechanisms, formula by formula", "生态产品价值实现机制公式集"),
        ("mechanisms_home", "All mechanisms", "全部机制"),
        ("count_mechanisms", "Rules", "规则数"),
        ("catalogue", "Catalogue", "核算目录"),
        ("service", "Service", "服务"),
        ("number", "Number", "编号"),
        ("issuer", "Issued by", "发布单位"),
        ("date", "Date", "日期"),
        ("scope", "Scope", "适用范围"),
        ("classes", "Ecosystem classes", "生态系统分类"),
        ("class_within", "within", "属于"),
        ("how_checked", "How well it was checked", "核对情况"),
        ("previous", "Previous", "上一项"),
        ("next", "Next", "下一项"),
        ("home", "All standards", "全部标准"),
        ("count_services", "Services", "服务项数"),
        ("none", "none", "无"),
        ("variants", "Variants: other rules to choose", "可选规则"),
        ("variant_of", "May stand in for", "可替代"),
        ("choose", "Chosen by", "选用写法"),
        ("status", "Status", "状态"),
        ("in_force", "in force", "现行"),
        ("superseded", "superseded", "已被替代"),
        ("draft", "draft", "草案"),
        ("method", "published method", "已发表方法"),
        ("outline", "outline only: no rules yet", "仅有概要，尚无规则"),
        ("replaced_by", "Replaced by", "被替代为"),
        ("functions_cell", "For every value", "逐值函数"),
        (
            "functions_axis",
            "Over an axis: days, months, origins",
            "沿轴汇总的函数（日、月、客源地）",
        ),
        (
            "functions_grid",
            "Over a whole grid, in a project: derive = ...",
            "整个网格上的函数，在项目中以 derive = ... 使用",
        ),
        ("bare_calls", "Formulas that only call a function", "仅调用函数的公式"),
        ("other_language", "中文", "English"),
    )
}

#: Common names of axes; an axis that is not here keeps the name of the rule file.
AXES: Mapping[str, Title] = {
    key: Title(en, zh)
    for key, en, zh in (
        ("ecosystem", "ecosystem", "生态系统类型"),
        ("pollutant", "pollutant", "污染物"),
        ("product", "product", "产品"),
        ("crop", "crop", "作物"),
        ("item", "item", "项目"),
        ("month", "month", "月"),
        ("half_month", "half-month", "半月"),
        ("day", "day", "日"),
        ("season", "season", "季节"),
        ("origin", "origin", "客源地"),
        ("nutrient", "nutrient", "养分"),
        ("element", "element", "元素"),
        ("water_body", "water body", "水体"),
        ("lake", "lake", "湖泊"),
        ("reservoir", "reservoir", "水库"),
        ("road", "road section", "路段"),
        ("site", "site", "景点"),
        ("species", "species", "物种"),
        ("zone", "zone", "区域"),
        ("year", "year", "年份"),
    )
}


#: Words in the place of a citation, as a Chinese reader writes them.
CLAUSES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\b[Tt]ables? (\S+)"), r"表 \1"),
    (re.compile(r"\b[Ss]ections? (\S+)"), r"第 \1 节"),
    (re.compile(r"\b[Aa]nnex (\S+)"), r"附录 \1"),
    (re.compile(r"\b[Ee]q(?:uations?|\.)? (\S+)"), r"式 \1"),
    (re.compile(r"\bp\. (\d+)"), r"第 \1 页"),
    (re.compile(r"(?<=[\d节]) and (?=[\w第])"), "、"),
    (re.compile(r"^(?:hand calculation|by hand)\b"), "手工验算"),
)


def money_unit(greatest: float, currency: str) -> tuple[float, Title]:
    """Return the unit of money a year that suits the greatest amount: as a number, by name."""
    money = Title(currency, "元" if currency == "CNY" else currency)
    for size, en, zh in ((1e8, "10⁸ ", "亿"), (1e4, "10⁴ ", "万")):
        if greatest >= size:
            return size, Title(f"{en}{money.en}/yr", f"{zh}{money.zh}/年")
    return 1.0, Title(f"{money.en}/yr", f"{money.zh}/年")


def axis_title(axis: str) -> Title:
    """Return the name of an axis in both languages."""
    plain = axis.replace("_", " ")
    return AXES.get(axis, Title(plain, plain))


def formula_words(lang: str, axis: str | None = None) -> dict[str, str]:
    """Return the words that a rendered formula shows, in one language."""
    words = {key: title[lang] for key, title in AXES.items()}
    words["if"] = "当" if lang == "zh" else "if"
    if axis is not None:
        words[axis] = axis_title(axis)[lang]
    return words
