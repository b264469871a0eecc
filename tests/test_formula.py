"""The formula language: what it accepts is pinned; nothing else gets in; units are derived."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gep import formula
from gep.formula import (
    ACCEPTED_NODES,
    BUILTINS,
    MAX_DEPTH,
    MAX_LENGTH,
    Bin,
    Call,
    FormulaError,
    Meaning,
    Neg,
    Node,
    Num,
    Sym,
    check,
    evaluate,
    parse,
    substitute,
    symbols,
    to_text,
)
from gep.functions import FUNCTIONS
from gep.units import NUMBER, unit


def test_the_language_is_frozen() -> None:
    assert (
        *("Expression", "BinOp", "UnaryOp", "USub", "Call", "keyword", "Name", "Load", "Constant"),
        *("Add", "Sub", "Mult", "Div", "Pow"),
    ) == ACCEPTED_NODES
    assert BUILTINS == ("min", "max", "clip", "exp", "log", "sqrt", "total", "by_zone")


EVERYTHING = """
-a + b; a * b / c ** 2; f(a, k=b); 'x'; b'x'; 1j; ...; True; None; a < b; a == b; a and b
not a; +a; ~a; a @ b; a // b; a % b; a << b; a | b; a & b; a ^ b; a >> b; a.b; a[0]; a[1:2]
(a, b); [a]; {a}; {a: b}; [x for x in a]; {x for x in a}; {x: x for x in a}; (x for x in a)
lambda: a; a if b else c; f'{a}'; (a := b); f(*a); f(**a); a.b(c); f(a)(b); a[0](b); await_
"""


def test_every_other_construct_of_python_is_refused() -> None:
    seen = set()
    for text in EVERYTHING.replace("\n", ";").split(";"):
        if not text.strip():
            continue
        parts = list(ast.walk(ast.parse(text.strip(), mode="eval")))
        nodes = {type(n).__name__ for n in parts}
        seen |= nodes
        names_only = all(isinstance(n.func, ast.Name) for n in parts if isinstance(n, ast.Call))
        constants = [n.value for n in parts if isinstance(n, ast.Constant)]
        plain = all(type(c) in (int, float) for c in constants)
        if nodes <= set(ACCEPTED_NODES) and names_only and plain and "**a" not in text:
            parse(text)
        else:
            with pytest.raises(FormulaError):
                parse(text)
    expressions = {c.__name__ for c in ast.expr.__subclasses__() if not c.__name__.startswith("_")}
    statements_only = {
        "Await",
        "Yield",
        "YieldFrom",
        "Num",
        "Str",
        "Bytes",
        "NameConstant",
        "Ellipsis",
    }
    newer = {"TemplateStr", "Interpolation"}
    assert expressions - seen - statements_only - newer <= {"FormattedValue", "Slice"}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "a.__class__", "().__class__", "_x", "a__b", "x[0]", "[1]",
        "a if b else c", "(lambda: 1)()", "f'{a}'", "'a'", "1j", "True", "a < 1", "a and b",
        "+a", "~a", "a // b", "a % b", "[x for x in y]", "f(*a)", "f(**a)", "a = 1", "a; b",
        "import os", "a\nb", "", "  ", "a b", "1 2", "yield a", "await a", "a := 1", "(a := 1)",
        "...", "None", "print('x')", "a.b(c)", "f(a)(b)", "\\", "a \\\n + b", "# a", "a # b\n",
        "é.x", "1_0x", "0x", "a\x00b", "\ufeff", "a\u202eb", "１＋",
    ],
)  # fmt: skip
def test_hostile_and_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(FormulaError):
        parse(text)


def test_bounds() -> None:
    parse("+".join(["a"] * 39))
    for text in (
        "(" * 41 + "a" + ")" * 41,
        "-" * 50 + "a",
        "a" + "**a" * 50,
        "+".join(["a"] * 300),
        "a" * (MAX_LENGTH + 1),
        "9" * 5000,
        "1e999**1e999" + " " * MAX_LENGTH,
        "min(" * 41 + "a" + ")" * 41,
    ):
        with pytest.raises(FormulaError):
            parse(text)
    assert MAX_DEPTH == 40


def test_hostile_numbers_and_powers_cost_nothing() -> None:
    for text in ("9**9**9", "9**9**9**9", "-9**9**9", "(9**9)**9**9"):
        value = evaluate(parse(text), {}, FUNCTIONS)
        assert isinstance(float(value), float)
    for text in ("x**99999999", "x**(9**9)", "x**1e300"):
        with pytest.raises(FormulaError, match="fixed number"):
            check(text, {"x": Meaning(unit("m"))}, FUNCTIONS, "f", unit("m"))


def test_no_more_than_a_number_is_too_large() -> None:
    with pytest.raises(FormulaError):
        parse("1" + "0" * 400)


# ------------------------------------------------------------------------------- there and back

NAMES = st.sampled_from(["P", "ET", "α", "R_0", "x1", "λ", "产量"])
NUMBERS = st.one_of(
    st.integers(0, 10**9).map(float),
    st.floats(0, 1e15, allow_nan=False).map(lambda x: float(f"{x:.15g}")),
    st.sampled_from([0.5, 1e-3, 3.67, 1e22, 2.5e-300]),
)


def trees() -> st.SearchStrategy[Node]:
    leaves = st.one_of(NAMES.map(Sym), NUMBERS.map(Num))

    def grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        return st.one_of(
            st.builds(Bin, st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner),
            inner.map(Neg),
            st.builds(lambda a, b: Call("min", (a, b)), inner, inner),
            st.builds(lambda a: Call("exp", (a,)), inner),
            st.builds(lambda a, b: Call("f", (), (("x", a), ("y", b))), inner, inner),
        )

    return st.recursive(leaves, grow, max_leaves=12)


@settings(max_examples=300)
@given(trees())
def test_what_is_printed_parses_to_the_same(tree: Node) -> None:
    text = to_text(tree)
    if len(text) <= MAX_LENGTH:
        assert parse(text) == tree


class Floating(ast.NodeTransformer):
    """Makes every number a NumPy float, so that Python's arithmetic is that of arrays."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        number = ast.Call(ast.Name("number", ast.Load()), [ast.Constant(float(node.value))], [])
        return ast.copy_location(number, node)


@settings(max_examples=200)
@given(trees())
def test_python_agrees_about_the_meaning(tree: Node) -> None:
    if any(isinstance(n, Call) for n in formula.walk(tree)):
        return
    values = (1.5, 0.25, 2.0, 3.0, 0.5, 1.0, 4.0)
    env = {n: np.float64(v) for n, v in zip(symbols(tree), values, strict=False)}
    written = ast.fix_missing_locations(Floating().visit(ast.parse(to_text(tree), mode="eval")))
    with np.errstate(all="ignore"):
        found = evaluate(tree, env, {})
        wanted = eval(compile(written, "text", "eval"), {"number": np.float64}, dict(env))
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_precedence_is_that_of_arithmetic() -> None:
    for text, value in (
        *(
            ("-2**2", -4),
            ("(-2)**2", 4),
            ("2**3**2", 512),
            ("2**-1", 0.5),
            ("8/2/2", 2),
            ("8/(2/2)", 8),
        ),
        *(("7-3-2", 2), ("7-(3-2)", 6), ("2*-3", -6), ("-2*-3", 6), ("1-2*3", -5), ("--2", 2)),
    ):
        assert float(evaluate(parse(text), {}, {})) == value, text
        assert float(evaluate(parse(to_text(parse(text))), {}, {})) == value, text


def test_substitution_and_symbols() -> None:
    tree = parse("P - R * f(x=P) + min(ET, 2)")
    assert symbols(tree) == ("P", "R", "ET")
    assert to_text(substitute(tree, {"P": parse("a + b")})) == "a + b - R * f(x=a + b) + min(ET, 2)"


# --------------------------------------------------------------------------------------- units

ENV = {
    "P": Meaning(unit("mm/yr")),
    "ET": Meaning(unit("mm/yr")),
    "M": Meaning(unit("m/yr")),
    "A": Meaning(unit("ha")),
    "T": Meaning(unit("degC")),
    "c": Meaning(unit("CNY/m³")),
    "f": Meaning(NUMBER),
    "p": Meaning(unit("%")),
    "E": Meaning(unit("t/yr"), 1),
    "k": Meaning(unit("t/(ha·yr)")),
    "X": Meaning(unit("t/yr"), 1, "pollutant"),
    "Y": Meaning(unit("t/yr"), 1, "month"),
    "C": Meaning(unit("tC/(ha·yr)")),
    "D": Meaning(unit("tCO2/(ha·yr)")),
}


def derive(text: str, declared: str, **more: object) -> formula.Checked:
    return check(text, ENV, FUNCTIONS, "water.toml, step 'Q'", unit(declared), **more)  # type: ignore[arg-type]


def test_a_factor_is_found_and_inserted() -> None:
    checked = derive("P - ET", "m³/(ha·yr)")
    assert checked.factor == 10
    assert to_text(checked.tree) == "10 * (P - ET)"
    assert derive("P - ET", "mm/yr").tree == parse("P - ET")
    assert derive("(P - ET) * c", "CNY/(ha·yr)").factor == 10
    assert derive("P * p", "mm/yr").factor == pytest.approx(0.01)


def test_empirical_symbols_enter_as_bare_numbers() -> None:
    checked = derive("0.02 * P**1.5", "kg/m", empirical={"P": unit("m/yr")})
    assert float(evaluate(checked.tree, {"P": 1000.0}, {})) == pytest.approx(0.02)
    assert str(checked.meaning.unit) == "kg/m"
    warm = derive("exp(17.27 * T / (T + 237.3))", "hPa", empirical={"T": unit("degC")})
    assert warm.meaning.unit == unit("hPa")


def test_by_zone_multiplies_a_rate_by_area() -> None:
    checked = derive("by_zone(k)", "t/yr")
    assert checked.meaning.degree == 1
    assert float(
        evaluate(checked.tree, {"k": 0.1}, {}, by_zone=lambda v, _n: v * 1e6)
    ) == pytest.approx(10)
    assert derive("min(E, by_zone(k))", "t/yr").meaning.degree == 1


GOLDEN = {
    "P - A": """water.toml, step 'Q'
  P - A
  ^^^^^
  cannot subtract: the left side is [mm/yr], the right side is [ha]""",
    "f * (P + M)": """water.toml, step 'Q'
  f * (P + M)
       ^^^^^
  cannot add: the left side is [mm/yr], the right side is [m/yr]
  do: use one unit for both (they differ by a factor of 1000)""",
    "C - D": """water.toml, step 'Q'
  C - D
  ^^^^^
  cannot subtract: the left side is [tC/(ha·yr)], the right side is [tCO2/(ha·yr)]""",
    "P - ETT": """water.toml, step 'Q'
  P - ETT
      ^^^
  unknown symbol 'ETT'
  do: did you mean 'ET'?""",
    "sqr(P)": """water.toml, step 'Q'
  sqr(P)
  ^^^^^^
  unknown function 'sqr'
  do: did you mean 'sqrt'?""",
    "exp(P)": """water.toml, step 'Q'
  exp(P)
      ^
  exp takes a pure number, this is [mm/yr]
  do: divide by a unit, or say empirical = { ... }""",
    "P * exp(p)": """water.toml, step 'Q'
  P * exp(p)
          ^
  exp takes a pure number, this is [%]
  do: divide by a unit, or say empirical = { ... }""",
    "P**f": """water.toml, step 'Q'
  P**f
  ^^^^
  [mm/yr] can only be raised to a fixed number
  do: divide by a unit first, or say empirical = { ... }""",
    "P * T": """water.toml, step 'Q'
  P * T
      ^
  a temperature in °C cannot enter a product or a sum
  do: say empirical = { T = "degC" }, or use K""",
    "X + Y": """water.toml, step 'Q'
  X + Y
  ^^^^^
  one extra axis at a time: here are 'pollutant' and 'month'
  do: close one of them with total(...) first""",
    "total(P)": """water.toml, step 'Q'
  total(P)
  ^^^^^^^^
  total() adds over an axis, and this has none""",
    "P - ET.x": """water.toml, step 'Q'
  P - ET.x
      ^^^^
  a dot (attribute) is not part of the formula language
  do: use symbols, numbers, + - * / **, parentheses, functions; nothing else""",
    "c": """water.toml, step 'Q'
  c
  ^
  the formula gives [CNY/m³], the step declares [mm/yr] (CNY/length³ and length/period)
  do: correct the formula or the unit""",
}


@pytest.mark.parametrize("text", list(GOLDEN))
def test_unit_errors_are_underlined(text: str) -> None:
    with pytest.raises(FormulaError) as caught:
        derive(text, "mm/yr")
    assert str(caught.value) == GOLDEN[text]


def test_a_rate_and_a_total_do_not_add() -> None:
    with pytest.raises(FormulaError, match="cannot compare"):
        derive("min(E, k)", "t/yr")
    rate = ENV | {"r": Meaning(unit("t/yr"), 0)}
    with pytest.raises(FormulaError, match=r"write by_zone\(\.\.\.\) around the rate"):
        check("E + r", rate, FUNCTIONS, "f", unit("t/yr"))


def test_chinese_and_greek_symbols_are_underlined_in_the_right_place() -> None:
    env = {"产量": Meaning(unit("t/yr")), "α": Meaning(unit("ha"))}
    with pytest.raises(FormulaError) as caught:
        check("2 * (产量 - α)", env, FUNCTIONS, "f", unit("t/yr"))
    assert "2 * (产量 - α)\n       ^^^^^^\n" in str(caught.value)
