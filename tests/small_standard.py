"""A small standard that uses every part of the language, written where a test wants it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gep import library, model

HOSTILE = '<script>alert("x")</script> & <b>'

FILES = {
    "standard.toml": r"""
id = "small"
title = { en = "A small standard", zh = "小标准" }
number = "T 1-2020"
issuer = { en = "Nobody", zh = "无" }
date = "2020"
scope = { en = "Tests <only>", zh = "仅供测试" }
catalogue = ["water", "cleaning"]
supporting = ["runoff"]
[sources.book]
text = { en = 'A. Author, Book <script>alert("x")</script> & <b>, 2020', zh = "作者，书，2020" }
verified = "secondary"
note = { en = "read in parts", zh = "仅读部分" }
""",
    "land_cover.toml": """
title = { en = "Classes", zh = "分类" }
[classes.forest]
title = { en = "Forest", zh = "森林" }
[classes.pine_forest]
title = { en = "Pine forest", zh = "松林" }
parent = "forest"
[classes.town]
title = { en = "Town", zh = "城镇" }
""",
    "runoff.toml": """
id = "runoff"
title = { en = "Runoff", zh = "径流" }
kind = "supporting"
cite = "book, p. 3"
verified = "recalled"
[inputs]
P = { is = "precipitation", unit = "mm/yr" }
[coefficients]
alpha = { from = "shares.alpha", by = "ecosystem", unit = "1" }
[[steps]]
symbol = "R"
is = "surface_runoff"
title = { en = "Runoff", zh = "径流量" }
formula = "P * alpha"
unit = "mm/yr"
[[steps]]
symbol = "f"
is = "weather_factor"
title = { en = "A factor by regression", zh = "回归系数" }
formula = "2e-3 * P ** 1.5"
unit = "kg/m"
empirical = { P = "m/yr" }
[[examples]]
given = { P = 1000, alpha = 0.2 }
expect = { R = 200, f = 0.002 }
source = "by hand"
""",
    "water.toml": r"""
id = "water"
title = { en = '<script>alert("x")</script> & <b>', zh = "水源涵养" }
kind = "regulating"
cite = "book, A.1"
verified = "full_text"
ecosystems = ["forest"]
note = { en = "1 < 2", zh = "说明" }
[inputs]
P = { is = "precipitation", unit = "mm/yr" }
R = { is = "surface_runoff", unit = "mm/yr" }
ET = { is = "evapotranspiration", unit = "mm/yr" }
[coefficients]
c = { from = "prices.reservoir" }
[[steps]]
symbol = "Q"
title = { en = "Water retained", zh = "水源涵养量" }
formula = "P - R - ET"
unit = "m³/(ha·yr)"
printed = { formula = "A * (P - r - ET) * 1e-3", where = { r = "R" }, A = "m²", gives = "m³/yr" }
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "Q * c"
unit = "CNY/(ha·yr)"
verified = "secondary"
[account]
physical = "Q"
monetary = "V"
[[examples]]
given = { P = 1500, R = 69.75, ET = 800, c = 7.06 }
expect = { Q = 6302.5, V = 44495.65 }
source = "by hand"
""",
    "cleaning.toml": """
id = "cleaning"
title = { en = "Cleaning", zh = "净化" }
kind = "regulating"
cite = "book, A.2"
verified = "full_text"
[inputs]
E = { is = "small_emission", unit = "t/yr", per = "pollutant" }
[coefficients]
k = { from = "rates.k", by = ["ecosystem", "pollutant"] }
p = { from = "fees.p", by = "pollutant" }
[[steps]]
symbol = "G"
title = { en = "Removed", zh = "净化量" }
formula = "min(E, by_zone(k))"
unit = "t/yr"
per = "pollutant"
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "total(G * p)"
unit = "CNY/yr"
[[account]]
physical = "G"
[[account]]
monetary = "V"
[[examples]]
given = { E = { a = 5, b = 50 }, k = { a = 0.1, b = 0.1 }, p = { a = 10, b = 20 } }
expect = { G = { a = 5, b = 10 }, V = 250 }
area = 100
source = "by hand"
""",
    "coefficients/shares.toml": """
title = { en = "Shares", zh = "比例" }
shape = "rectangle"
key = ["ecosystem"]
[columns.alpha]
title = { en = "Runoff coefficient α", zh = "径流系数" }
unit = "%"
range = [0, 100]
cite = "table, Table 2"
verified = "full_text"
[sources.table]
text = { en = "B. Writer, Tables", zh = "乙，表" }
""",
    "coefficients/shares.csv": "ecosystem,alpha,source,verified,note\nforest,2.5,table,,\n"
    "town,80,table,recalled,guess <i>\n",
    "coefficients/rates.toml": """
title = { en = "Rates", zh = "速率" }
shape = "rectangle"
key = ["ecosystem", "pollutant"]
[columns.k]
title = { en = "Removal", zh = "净化速率" }
unit = "t/(ha·yr)"
range = [0, 10]
cite = "table, Table 3"
verified = "secondary"
[sources.table]
text = { en = "B. Writer, Tables", zh = "乙，表" }
""",
    "coefficients/rates.csv": "ecosystem,pollutant,k,source\nforest,a,0.1,table\n"
    "forest,b,0.1,table\n",
    "coefficients/fees.toml": """
title = { en = "Fees", zh = "收费" }
shape = "rectangle"
key = ["pollutant"]
[columns.p]
title = { en = "Fee", zh = "费" }
unit = "CNY/t"
price_year = 2015
cite = "table"
verified = "recalled"
[sources.table]
text = { en = "B. Writer, Tables", zh = "乙，表" }
""",
    "coefficients/fees.csv": "pollutant,p,source\na,10,table\nb,20,table\n",
    "coefficients/prices.toml": """
title = { en = "Prices", zh = "价格" }
shape = "list"
[sources.table]
text = { en = "B. Writer, Tables", zh = "乙，表" }
""",
    "coefficients/prices.csv": "item,value,unit,price_year,source,verified,title_en,title_zh\n"
    "reservoir,7.06,CNY/m³,2010,table,secondary,Reservoir capacity,水库库容造价\n"
    "reservoir,8,CNY/m³,2020,table,recalled,Reservoir capacity,水库库容造价\n",
}

GLOSSARY = """
[precipitation]
title = { en = "Precipitation", zh = "降水量" }
unit = "mm/yr"
kind = "rate"
range = [0, 15000]
typical = [20, 6000]
[evapotranspiration]
title = { en = "Evapotranspiration", zh = "蒸散发量" }
unit = "mm/yr"
kind = "rate"
range = [0, 4000]
[surface_runoff]
title = { en = "Surface runoff", zh = "地表径流量" }
unit = "mm/yr"
kind = "rate"
[weather_factor]
title = { en = "Weather factor", zh = "气象因子" }
unit = "kg/m"
kind = "rate"
[small_emission]
title = { en = "Emission", zh = "排放量" }
unit = "t/yr"
kind = "total"
"""


def write(folder: Path) -> Path:
    """Write the standard under ``folder`` and return its folder."""
    for name, text in FILES.items():
        path = folder / "small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"), encoding="utf-8")
    (folder / "glossary.toml").write_text(GLOSSARY, encoding="utf-8")
    return folder / "small"


def use_glossary(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library read the glossary of the small standard."""
    quantities = model.load_glossary(folder / "glossary.toml")
    monkeypatch.setattr(library, "glossary", lambda _kind="standards": quantities)


def load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> library.Standard:
    """Write the small standard and load it."""
    path = write(folder)
    use_glossary(folder, monkeypatch)
    return library.standard(path)


def to_toml(data: dict[str, Any]) -> str:
    """Return a table as TOML, its values inline."""
    return "".join(f"{_inline(key)} = {_inline(value)}\n" for key, value in data.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_inline(str(k))} = {_inline(v)}" for k, v in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)
