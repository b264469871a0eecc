"""Mechanisms as rule files: what they ask for, refuse, warn of, and pay."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from gep import library
from gep.errors import DataError, RuleError, UsageError
from gep.realization import rule, rules
from gep.report import service_card, service_text, standard_text
from gep.report.pages import pages

HEAD = """
id        = "brook_2021"
title     = { en = "The brook", zh = "溪流补偿" }
number    = "X〔2021〕1号"
issuer    = { en = "office", zh = "办公室" }
date      = "2021"
scope     = { en = "a brook", zh = "一条溪" }
catalogue = ["settlement"]
[sources.x]
text     = { en = "A made-up text", zh = "虚构文本" }
verified = "secondary"
"""
GLOSSARY = """
[concentration_now]
title = { en = "Concentration", zh = "浓度" }
unit  = "mg/L"
kind  = "rate"
range = [0, 100]
[compensation_paid]
title   = { en = "Compensation at stake", zh = "补偿金额" }
unit    = "CNY"
kind    = "rate"
range   = [0, 1e10]
typical = [1e4, 1e9]
[share_held_back]
title = { en = "Share held back", zh = "留存比例" }
unit  = "1"
kind  = "rate"
range = [0, 1]
"""
RULE = """
id       = "settlement"
title    = { en = "Settlement", zh = "结算" }
kind     = "mechanism"
cite     = "x, 2"
verified = "secondary"
result   = "X"
[inputs]
C = { is = "concentration_now", unit = "mg/L", per = "pollutant" }
M = { is = "compensation_paid", unit = "万元" }
h = { is = "share_held_back", unit = "1" }
[coefficients]
C_0 = { from = "base.level", by = "pollutant" }
[[steps]]
symbol  = "P"
title   = { en = "Index", zh = "指数" }
formula = "total(C / C_0) / total(C_0 / C_0)"
unit    = "1"
[[steps]]
symbol  = "X"
title   = { en = "Owed", zh = "应付" }
formula = "piecewise(-P, 0, -1, 1) * M"
unit    = "万元"
[[steps]]
symbol  = "X_1"
title   = { en = "Now", zh = "首期" }
formula = "(1 - h) * X"
unit    = "万元"
[[steps]]
symbol  = "X_2"
title   = { en = "Later", zh = "尾款" }
formula = "h * X"
unit    = "万元"
[[payments]]
amount   = "X_1"
share_of = "X"
payer    = { en = "downstream", zh = "下游" }
payee    = { en = "upstream", zh = "上游" }
[[payments]]
amount    = "X_2"
share_of  = "X"
payer     = { en = "downstream", zh = "下游" }
payee     = { en = "upstream", zh = "上游" }
condition = { en = "next year", zh = "次年" }
[[checks]]
symbol  = "P"
at_most = 2
level   = "error"
says    = { en = "so foul that the text does not apply", zh = "超出适用范围" }
[[checks]]
symbol   = "h"
at_least = 0.1
level    = "warning"
says     = { en = "little is held back", zh = "留存偏低" }
[[examples]]
given  = { C = { COD = 2, TN = 1 }, C_0 = { COD = 4, TN = 1 }, M = 100, h = 0.3 }
expect = { P = 0.75, X = 100, X_1 = 70, X_2 = 30 }
source = "by hand"
[[examples]]
given  = { C = { COD = 12, TN = 3 }, C_0 = { COD = 4, TN = 1 }, M = 100, h = 0 }
expect = { P = 3, X = 0, X_1 = 0, X_2 = 0 }
breaks = ["P", "h"]
source = "by hand"
"""
TABLE = """
title = { en = "Base", zh = "基准" }
shape = "rectangle"
key   = ["pollutant"]
[columns.level]
title    = { en = "Level of the base years", zh = "基准浓度" }
unit     = "mg/L"
cite     = "x"
verified = "recalled"
[sources.x]
text = { en = "A made-up text", zh = "虚构文本" }
"""
ROWS = "pollutant,level,source,note\nCOD,4,x,\nTN,1,x,back-solved 反算\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "brook_2021"
    (found / "coefficients").mkdir(parents=True)
    for name, text in {
        "mechanism.toml": HEAD,
        "glossary.toml": GLOSSARY,
        "settlement.toml": RULE,
        "coefficients/base.toml": TABLE,
        "coefficients/base.csv": ROWS,
    }.items():
        (found / name).write_text(text, encoding="utf-8")
    return found


GIVEN = {
    "concentration_now": ({"COD": 2, "TN": 1}, "mg/L"),
    "M": "1,000,000.01 元",
    "h": 1 / 3,
    "price_year": 2021,
}


def test_a_rule_answers_with_lines_payments_and_sources(folder: Path) -> None:
    result = rule(str(folder))(**GIVEN)
    assert result.rule == "brook_2021/settlement"
    assert result["P"] == pytest.approx(0.75)
    assert float(result) == pytest.approx(100.000001)
    assert result.unit == "万元"
    assert result.price_year == 2021
    assert result.document == "X〔2021〕1号"
    assert result.source.zh == "虚构文本"
    assert result.verified == "recalled"  # the table is the weakest part
    assert result.notes == ("back-solved 反算",)
    assert result.inputs["C_0"].value == {"COD": 4.0, "TN": 1.0}
    assert [(p.payer.en, p.amount, p.currency) for p in result.payments] == [
        ("downstream", Decimal("666666.67"), "CNY"),
        ("downstream", Decimal("333333.34"), "CNY"),
    ]
    assert sum(p.amount for p in result.payments) == Decimal("1000000.01")
    assert "下游 → 上游: 333,333.34 CNY  尾款 (次年)" in result.text("zh")


def test_a_unit_that_is_told_is_converted(folder: Path) -> None:
    wanted = float(rule(str(folder))(**GIVEN))
    other = {**GIVEN, "concentration_now": ({"COD": 2000, "TN": 1000}, "mg/m³"), "h": "10 %"}
    assert float(rule(str(folder))(**other)) == pytest.approx(wanted)


def test_the_analysts_own_coefficient_replaces_the_tables_and_is_marked(folder: Path) -> None:
    result = rule(str(folder))(**GIVEN, C_0=({"COD": 1, "TN": 1}, "mg/L"))
    assert result["P"] == pytest.approx(1.5)
    assert result.inputs["C_0"].source == "given 由用户给出"
    assert float(result) == 0
    assert result.payments == ()


def test_what_is_not_known_leaves_the_result_undetermined(folder: Path) -> None:
    result = rule(str(folder))(**{**GIVEN, "concentration_now": None})
    assert result.value is None
    assert result.undetermined == ("concentration_now",)
    assert result.payments == ()


def test_all_that_is_wrong_is_said_at_once(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        rule(str(folder))(C={"COD": "2 mg/L", "TP": "1 mg/L"}, M=100, h=30, compensation=3)
    assert str(caught.value).splitlines() == [
        "brook_2021/settlement: there is no input 'compensation'",
        "  do: did you mean 'compensation_paid'?",
        "brook_2021/settlement, M: the amount has no unit",
        "  found: 100",
        "  do: write a number and its unit: (100, '万元')",
        "brook_2021/settlement, h: Share held back looks like a percentage",
        "  found: 30",
        "  do: write 0.3 or '30 %'",
        "brook_2021/settlement: the price year is missing",
        "  do: say of which year the money is: price_year=2020",
        "brook_2021/settlement, C_0, base.csv: pollutant 'TP' is unknown",
        "  do: known: COD, TN",
    ]


def test_an_input_that_is_left_out_is_not_zero(folder: Path) -> None:
    given = {k: v for k, v in GIVEN.items() if k != "M"}
    with pytest.raises(DataError, match="Compensation at stake 补偿金额 is missing"):
        rule(str(folder))(**given)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"C": "3 mg/L"}, "C varies by pollutant"),
        ({"M": ({"a": 1}, "万元")}, "M is one number"),
        ({"M": "-1 元"}, "lies outside 0 to 1e"),
        ({"C": {}}, "C has no member"),
        ({"compensation_paid": "3 万元"}, "'M' is given twice"),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, changed, said) -> None:
    given = {"C": ({"COD": 2, "TN": 1}, "mg/L"), "M": "100 万元", "h": 0.3, "price_year": 2021}
    with pytest.raises(DataError, match=said):
        rule(str(folder))(**{**given, **changed})


def test_a_check_warns_or_refuses(folder: Path) -> None:
    result = rule(str(folder))(**{**GIVEN, "h": 0})
    assert [w.what for w in result.warnings] == ["little is held back 留存偏低"]
    assert "警告" in result.text("zh")
    with pytest.raises(DataError, match=r"so foul.*\n  found: P = 3"):
        rule(str(folder))(**{**GIVEN, "concentration_now": ({"COD": 12, "TN": 3}, "mg/L")})


def test_an_unusual_number_is_warned_of(folder: Path) -> None:
    result = rule(str(folder))(**{**GIVEN, "M": "5 元"})
    assert [w.what for w in result.warnings] == [
        "Compensation at stake is unusual: mostly 10000 to 1e+09 [CNY]"
    ]


def test_members_of_a_table_may_be_chosen(folder: Path) -> None:
    given = {**GIVEN, "concentration_now": ({"COD": 2}, "mg/L")}
    result = rule(str(folder))(**given)
    assert result.inputs["C_0"].value == {"COD": 4.0}
    with pytest.raises(DataError, match="the members of pollutant differ"):
        rule(str(folder))(**given, members={"pollutant": ["COD", "TN"]})


# ------------------------------------------------------------------------------------ the files


def edit(folder: Path, old: str, new: str, name: str = "settlement.toml") -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('result   = "X"\n', "", "key 'result' is missing"),
        ('result   = "X"', 'result   = "Y"', "the result 'Y' is not a step"),
        ('amount   = "X_1"', 'amount   = "X_9"', "'X_9' is not a step"),
        ('amount   = "X_1"', 'amount   = "P"', "'P' is not money"),
        ('symbol  = "P"\nat_most', 'symbol  = "Z"\nat_most', "'Z' is no symbol"),
        ("at_most = 2\n", "", "a check has a bound"),
        ('level   = "error"', 'level   = "strict"', "level is 'warning' or 'error'"),
        ('breaks = ["P", "h"]', 'breaks = ["P"]', "the check of 'h' is broken by no worked"),
        (
            "C_0 = { COD = 4, TN = 1 }, M = 100, h = 0 ",
            "C_0 = { COD = 4, TN = 1 }, M = 100, h = 0.5 ",
            "the checks do not come out",
        ),
        ("X_1 = 70", "X_1 = 71", "X_1 does not come out as expected"),
        ('kind     = "mechanism"', 'kind     = "regulating"', "unknown key 'result'"),
        ("[inputs]", "ecosystems = []\n[inputs]", "unknown key 'ecosystems'"),
    ],
)
def test_a_wrong_file_is_refused(folder: Path, old: str, new: str, said: str) -> None:
    edit(folder, old, new)
    with pytest.raises(RuleError) as caught:
        library.mechanism(folder)
    assert said in str(caught.value)


def test_a_service_is_no_mechanism_and_a_mechanism_no_service(folder: Path) -> None:
    (folder / "standard.toml").write_text(
        HEAD.replace("[sources", 'classification = "national_ecosystems"\n[sources'),
        encoding="utf-8",
    )
    with pytest.raises(RuleError, match="mechanisms stand under mechanism"):
        library.standard(folder)


def test_an_unknown_mechanism_is_named() -> None:
    known = next(iter(library.mechanisms()))
    with pytest.raises(UsageError, match=f"no mechanisms '{known}x'\n  do: did you mean '{known}'"):
        rule(f"{known}x/y")
    with pytest.raises(UsageError, match=f"{known} has no mechanism 'nothing'"):
        rule(f"{known}/nothing")


def test_a_mechanism_is_no_standard() -> None:
    with pytest.raises(UsageError, match="there is no standard"):
        library.standard(next(iter(library.mechanisms())))


# ------------------------------------------------------------------------------- those we ship


@pytest.mark.parametrize("name", sorted(library.mechanisms()))
def test_shipped_mechanisms_load_and_are_shown(name: str) -> None:
    loaded = library.mechanism(name)
    for lang in ("zh", "en"):
        assert loaded.title[lang] in standard_text(loaded, lang)
        for found in loaded.services.values():
            shown = service_text(loaded, found, lang)
            assert found.title[lang] in shown
            for paid in found.payments:
                assert f"{paid.payer[lang]} → {paid.payee[lang]}" in shown
            for check in found.checks:
                assert check.says[lang] in shown
    assert "<math" in service_card(loaded, next(iter(loaded.services.values())))


def test_every_shipped_mechanism_reproduces_its_examples_when_called() -> None:
    """The worked examples, asked through the front door."""
    for name, found in rules().items():
        asked = rule(name)
        for example in found.examples:
            units = {
                s: str(e.unit) for s, e in (*found.inputs.items(), *found.coefficients.items())
            }
            if not set(example.given) <= set(units) or set(found.inputs) - set(example.given):
                continue  # gives a step, as a partial example may
            given = {s: (v, units[s]) for s, v in example.given.items()}
            try:
                result = asked(price_year=2020, **given)
            except DataError as error:
                assert example.breaks, (name, str(error))  # noqa: PT017
                continue
            for symbol, wanted in example.expect.items():
                assert result[symbol] == pytest.approx(wanted, rel=max(example.tolerance, 1e-9))


def test_pages_of_mechanisms_lead_to_each_other() -> None:
    loaded = [library.mechanism(name) for name in library.mechanisms()]
    found = pages(loaded)
    first = loaded[0].id
    assert f'href="zh/{first}/index.html"' in found["index.html"]
    assert "生态产品价值实现机制公式集" in found["index.html"]
    for text in found.values():
        assert "{" not in text.partition("<body>")[2].replace("{{", "") or "<pre>" in text


@pytest.mark.parametrize(("years", "factor"), [(0, 1.0), (1, 0.965), (10, 0.700), (30, 0.343)])
def test_the_time_factor_of_biodiversity_net_gain(years: int, factor: float) -> None:
    """England's statutory metric, table of the time to target condition, to three places."""
    found = rule("england_bng_2024/time_factor")(years_to_condition=f"{years} yr")
    assert round(float(found), 3) == factor
    with pytest.raises(DataError, match="up to 30 years"):
        rule("england_bng_2024/time_factor")(years_to_condition="31 yr")
