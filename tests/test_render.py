"""Formulas look right: exact MathML, LaTeX and text; nothing is lost on the way."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import small_standard
from hypothesis import given
from hypothesis import strategies as st

from gep import formula, library, render
from gep.formula import Bin, Call, Meaning, Neg, Node, Num, Sym
from gep.units import NUMBER, unit

ENV = {
    "E": Meaning(unit("t/yr"), 1, "pollutant"),
    "k": Meaning(unit("t/(ha·yr)"), 0, "pollutant"),
    "G": Meaning(unit("t/yr"), 1),
}


def mathml(text: str, **options: object) -> str:
    code = render.mathml(text, display=False, **options)  # type: ignore[arg-type]
    return code.removeprefix("<math>").removesuffix("</math>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P", "<mi>P</mi>"),
        ("ET", "<mi>ET</mi>"),
        ("α", "<mi>α</mi>"),
        ("alpha", "<mi>α</mi>"),
        ("水", '<mi mathvariant="normal">水</mi>'),
        ("Q_CO2", "<msub><mi>Q</mi><mtext>CO₂</mtext></msub>"),
        ("ET0", "<msub><mi>ET</mi><mn>0</mn></msub>"),
        ("Q_se_p", "<msub><mi>Q</mi><mrow><mtext>se</mtext><mo>,</mo><mi>p</mi></mrow></msub>"),
        ("a + b", "<mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow>"),
        ("a / b", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
        ("a ** 2", "<msup><mi>a</mi><mn>2</mn></msup>"),
        ("sqrt(a)", "<msqrt><mi>a</mi></msqrt>"),
        ("exp(a)", '<msup><mi mathvariant="normal">e</mi><mi>a</mi></msup>'),
        ("1e-3", "<msup><mn>10</mn><mrow><mo>−</mo><mn>3</mn></mrow></msup>"),
        ("0.001", "<mn>0.001</mn>"),
        (
            "a * (b + c)",
            (
                "<mrow><mi>a</mi><mo>×</mo><mrow><mo>(</mo><mrow><mi>b</mi><mo>+</mo><mi>c</mi></mrow>"
                "<mo>)</mo></mrow></mrow>"
            ),
        ),
        (
            "total(E)",
            (
                '<mrow><munder><mo movablelimits="false">∑</mo><mtext>pollutant</mtext></munder>'
                "<mi>E</mi></mrow>"
            ),
        ),
        (
            "by_zone(k)",
            (
                '<mrow><munder><mo movablelimits="false">∑</mo><mtext>zone</mtext></munder>'
                "<mrow><mi>k</mi><mo>×</mo><mi>A</mi></mrow></mrow>"
            ),
        ),
        (
            "by_zone(G)",
            (
                '<mrow><munder><mo movablelimits="false">∑</mo><mtext>zone</mtext></munder>'
                "<mi>G</mi></mrow>"
            ),
        ),
        (
            "f(x=a)",
            (
                "<mrow><mtext>f</mtext><mo>&#x2061;</mo><mrow><mo>(</mo><mrow><mi>x</mi><mo>=</mo>"
                "<mi>a</mi></mrow><mo>)</mo></mrow></mrow>"
            ),
        ),
        (
            "f(theta=θ)",
            (
                "<mrow><mtext>f</mtext><mo>&#x2061;</mo><mrow><mo>(</mo><mi>θ</mi><mo>)</mo></mrow>"
                "</mrow>"
            ),
        ),
    ],
)
def test_mathml(text: str, expected: str) -> None:
    assert mathml(text, env=ENV) == expected


def test_mathml_on_a_line_of_its_own_with_its_symbol() -> None:
    expected = '<math display="block"><mrow><mi>Q</mi><mo>=</mo><mi>a</mi></mrow></math>'
    assert render.mathml("a", symbol="Q") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P - P * α - ET", r"P - P \times \alpha - \mathrm{ET}"),
        ("(a + b) / c", r"\frac{a + b}{c}"),
        ("a ** (1 / 3)", r"{a}^{\frac{1}{3}}"),
        ("(a / b) ** 2", r"{\left(\frac{a}{b}\right)}^{2}"),
        ("clip(x, 0, 1)", r"\min\left(\max\left(x, 0\right), 1\right)"),
        ("log(x)", r"\ln\left(x\right)"),
        ("exp(-x)", r"\mathrm{e}^{-x}"),
        ("2.5e6 * a", r"2.5 \times {10}^{6} \times a"),
        ("Q_CO2", r"Q_{\mathrm{CO_{2}}}"),
        ("Ω * Α", r"\Omega \times \mathrm{A}"),
        ("水量", r"\text{水量}"),
        ("total(E)", r"\sum_{\text{pollutant}} E"),
        ("soil_loss(k=a)", r"\operatorname{soil\_loss}\left(k = a\right)"),
        (
            "piecewise(x, 1, 5, 2)",
            r"\begin{cases} 1, & x < 5 \\ 2, & x \ge 5 \end{cases}",
        ),
    ],
)
def test_latex(text: str, expected: str) -> None:
    assert render.latex(text, env=ENV) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P - P * alpha - ET", "P − P × alpha − ET"),
        ("a / (b * c)", "a / (b × c)"),
        ("a - (b - c)", "a − (b − c)"),
        ("a ** 2 + b ** -1", "a² + b^(−1)"),
        ("a ** 0.5", "a^0.5"),
        ("1 / (1 + exp(-x))", "1 / (1 + exp(−x))"),
        ("-a * b", "−a × b"),
        ("a * -b", "a × (−b)"),
        ("(-a) ** 2", "(−a)²"),
        ("total(a * b) * c", "(Σ[] a × b) × c"),
        ("min(E, by_zone(k))", "min(E, Σ[zone] k × A)"),
        ("piecewise(x, 1, 5, 2, 7, 3)", "{1 if x < 5; 2 if 5 ≤ x < 7; 3 if x ≥ 7}"),
        ("piecewise(x, 1, 5, 2) * a", "({1 if x < 5; 2 if x ≥ 5}) × a"),
        ("0.0500 * a", "0.0500 × a"),
    ],
)
def test_text(text: str, expected: str) -> None:
    assert render.text(text, env=ENV) == expected


def test_words_in_the_readers_language() -> None:
    words = {"zone": "区域", "pollutant": "污染物", "if": "当"}
    assert render.text("total(E)", env=ENV, words=words) == "Σ[污染物] E"
    assert render.text("by_zone(k)", env=ENV, words=words) == "Σ[区域] k × A"


def test_area_does_not_collide_with_a_symbol() -> None:
    env = {"A": Meaning(NUMBER), "k": Meaning(NUMBER)}
    assert render.text("by_zone(k * A)", env=env) == "Σ[zone] k × A × A_cell"


def test_hostile_axis_names_are_escaped() -> None:
    words = {"pollutant": "<img src=x>"}
    assert "<img" not in render.mathml("total(E)", env=ENV, words=words)
    assert render.latex("total(E)", env=ENV, words={"pollutant": r"\x{#}"}) == (
        r"\sum_{\text{ x\{\#\}}} E"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [(10.0, "10"), (0.001, "0.001"), (-2.5, "−2.5"), (1e-7, "10⁻⁷"), (1.5e20, "1.5×10²⁰")],
)
def test_numbers(value: float, expected: str) -> None:
    assert render.number_text(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tCO2/(ha·yr)", "tCO₂/(ha·yr)"),
        ("kgNOx", "kgNOₓ"),
        ("tNH3N", "tNH₃-N"),
        ("tsoil/(hm²·yr)", "t\N{NO-BREAK SPACE}soil/(hm²·yr)"),
        ("m³", "m³"),
    ],
)
def test_units(text: str, expected: str) -> None:
    assert render.unit_text(unit(text)) == expected


def test_long_products_and_sums_break_at_their_top_level() -> None:
    text = " * ".join(f"(a{n} + b{n})" for n in range(12))
    code = render.mathml(text, symbol="Q", width=30)
    ET.fromstring(code)
    lines = code.count("<mtr>")
    assert lines > 2
    assert code.count("<mspace") == lines - 1
    whole = re.sub(r"<[^>]*>", "", render.mathml(text, symbol="Q"))
    assert re.sub(r"<[^>]*>", "", code) == whole
    assert "<mtr>" not in render.mathml(text, symbol="Q")


NAMES = st.sampled_from(["a", "b", "Q_CO2", "α", "ET0", "LS"])


def nodes() -> st.SearchStrategy[Node]:
    leaves = NAMES.map(Sym) | st.floats(1e-6, 1e9).map(Num)

    def grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        return st.one_of(
            st.builds(Bin, st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner),
            inner.map(Neg),
            st.builds(lambda a: Call("sqrt", (a,)), inner),
            st.builds(lambda a, b: Call("min", (a, b)), inner, inner),
            st.builds(lambda a: Call("total", (a,)), inner),
        )

    return st.recursive(leaves, grow, max_leaves=12)


@given(nodes())
def test_text_of_a_tree_parses_to_the_same_tree(node: Node) -> None:
    text = formula.to_text(node)
    again = formula.to_text(formula.parse(text))
    assert again == text
    symbols = formula.symbols(node)
    assert formula.symbols(formula.parse(text)) == symbols


@given(nodes(), st.floats(5, 200))
def test_mathml_is_well_formed_and_names_every_symbol(node: Node, width: float) -> None:
    code = render.mathml(node, symbol="Q", width=width)
    root = ET.fromstring(code)
    shown = "".join(root.itertext())
    for name in formula.symbols(node):
        assert render.split_symbol(name)[0] in shown
    for tag, count in {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2}.items():
        for found in root.iter(tag):
            assert len(found) == count


def plain_python(text: str) -> str:
    """Take a rendered line back to the formula language."""
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "**(" + m[0].translate(_LOWER) + ")", text)
    text = text.replace("×", "*").replace("−", "-").replace("^", "**")
    return text.replace("√", "sqrt")


_LOWER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


@given(
    nodes().filter(
        lambda n: not any(c.name == "total" for c in formula.walk(n) if isinstance(c, Call))
    )
)
def test_text_means_the_same_formula(node: Node) -> None:
    """Brackets are neither lost nor moved: the rendered line has the value of the formula."""
    again = formula.parse(plain_python(render.text(formula.to_text(node))))
    env = {"a": 1.25, "b": 0.75, "Q_CO2": 1.5, "α": 0.5, "ET0": 2.0, "LS": 1.125}
    ours = complex(formula.evaluate(node, env, {}))
    theirs = complex(formula.evaluate(again, env, {}))
    assert ours == pytest.approx(theirs, rel=1e-9, nan_ok=True) or abs(ours) == abs(theirs)


def test_the_factor_is_shown_beside_the_formula(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = small_standard.load(tmp_path, monkeypatch)["water"]
    found = render.conversion(service.steps["Q"])
    assert found is not None
    assert (str(found.derived), str(found.declared)) == ("mm/yr", "m³/(ha·yr)")
    assert found.factor == Fraction(10)
    assert render.conversion(service.steps["V"]) is None


STANDARDS = {name: library.standard(name) for name in library.standards()}
SHIPPED = [
    (name, service, symbol)
    for name, standard in STANDARDS.items()
    for service, rule in standard.items()
    for symbol in rule.steps
]


@pytest.mark.parametrize(("name", "service", "symbol"), SHIPPED, ids="/".join)
def test_every_shipped_formula_renders(name: str, service: str, symbol: str) -> None:
    rule = STANDARDS[name][service]
    step = rule.steps[symbol]
    env = render.environment(rule)
    texts = [step.checked.text]
    if step.printed:
        texts += [step.printed.formula, *step.printed.where.values()]
    for text in texts:
        ET.fromstring(render.mathml(text, symbol=symbol, env=env, width=66))
        latex = render.latex(text, symbol=symbol, env=env)
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\left") == latex.count(r"\right")
        tree = formula.parse(text)
        assert formula.parse(formula.to_text(tree)) == tree
    found = render.conversion(step)
    assert (found is None) == (step.checked.factor == 1)
    if found is not None:
        assert found.derived.factor_to(found.declared) == found.factor
