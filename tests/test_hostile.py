"""Rules, tables and projects written to harm: refused with a message, in bounded time."""

from __future__ import annotations

import ast
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_input_projects import RULES, edit, refusal, write_project, write_standard, write_text

from gep import formula, library, units
from gep.account import Project
from gep.errors import GepError, RuleError, UnitError
from gep.formula import FormulaError, Meaning
from gep.functions import FUNCTIONS
from gep.tables import load_table, read_csv, read_toml
from gep.units import unit


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No test here may hang or fill the memory. The bounds are far above what is needed."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 20


def attempt(call: Callable[..., Any], *args: Any) -> GepError | None:
    """Call; return the GepError if there is one. Any other exception fails the test."""
    try:
        call(*args)
    except GepError as error:
        return error
    return None


def message(error: GepError) -> str:
    text = str(error)
    assert len(text) < 5000
    return text


# -------------------------------------------------------------------------------------- formulas

FOREIGN = [
    "__import__('os').system('true')",
    "__builtins__",
    "P.__class__.__bases__",
    "P.real",
    "(1).real",
    "P[0]",
    "P[:]",
    "[P]",
    "(P, P)",
    "{P}",
    "{P: P}",
    "[x for x in P]",
    "{x for x in P}",
    "(x for x in P)",
    "sum(x for x in P)",
    "lambda: P",
    "lambda x: x",
    "(lambda: P)()",
    "(x := P)",
    "f'{P}'",
    "'P'",
    '"P" * 9',
    "b'P'",
    "P if P else P",
    "P and P",
    "P or P",
    "not P",
    "P < P",
    "P == P",
    "P is P",
    "P in P",
    "P // P",
    "P % P",
    "P @ P",
    "P << 9",
    "P | P",
    "~P",
    "+P",
    "*P",
    "min(*P)",
    "min(**P)",
    "max(P, key=P)",
    "await P",
    "yield P",
    "...",
    "None",
    "True",
    "1j",
    "_P",
    "P__P",
    "exp(exp)(P)",
    "exp()",
    "eval(P)",
    "exec(P)",
    "open(P)",
    "getattr(P, P)",
    "print(P)",
    "P; P",
    "P = P",
    "import os",
    "P\nP",
    "P\rP",
    "",
    "   ",
    "# P",
    "P # P\n",
    "P\x00",
    "\x00",
    "P\u200b",
    "\ufeffP",
    "\u202eP",
    "P − P",
    "P × P",
    "P ** ²",
    "1_000 * P_",
    "()",
    "P()",
    "(P)(P)",
    ")",
    "(",
    "P +",
    "\\",
    "P \\\n",
    "`P`",
    "$P",
    "P?",
    "\ud800",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_nothing_outside_the_language_is_a_formula(text: str) -> None:
    env = {"P": Meaning(unit("1"))}
    error = refusal(formula.check, text, env, FUNCTIONS, "file, step 'Q'", unit("1"))
    assert isinstance(error, RuleError)
    assert message(error).startswith("file, step 'Q'")


def test_symbols_that_only_look_alike_are_other_symbols() -> None:
    """A Cyrillic Р is not the Latin P; the message shows which symbols there are."""
    env = {"P": Meaning(unit("1"))}
    error = refusal(formula.check, "Р + 1", env, FUNCTIONS, "", unit("1"))  # Cyrillic
    assert "unknown symbol" in message(error)
    assert "known: P" in message(error)


def test_accepted_syntax_is_pinned() -> None:
    assert set(formula.ACCEPTED_NODES) == {
        *("Expression", "BinOp", "UnaryOp", "USub", "Call", "keyword", "Name", "Load", "Constant"),
        *("Add", "Sub", "Mult", "Div", "Pow"),
    }
    assert formula.BUILTINS == ("min", "max", "clip", "exp", "log", "sqrt", "total", "by_zone")
    every = {
        name
        for name in dir(ast)
        if isinstance(getattr(ast, name), type) and issubclass(getattr(ast, name), ast.AST)
    }
    assert set(formula.ACCEPTED_NODES) <= every


DEEP = [
    "(" * 100_000,
    "(" * 100_000 + "P" + ")" * 100_000,
    "(" * 45 + "P" + ")" * 45,
    "-" * 900 + "P",
    "- " * 450 + "P",
    "exp(" * 200 + "P" + ")" * 200,
    "min(P," * 45 + "P" + ")" * 45,
    "P" + "**P" * 300,
    "P" + "+P" * 499,
    "P" + " + P" * 1_000_000,
    "1" * 1_000_000,
    "1" * 999,
    "P" * 10_000_000,
    "[" * 500,
    "{" * 500 + "}" * 500,
    "lambda:" * 140,
    "not " * 240 + "P",
    "P." + "a." * 400 + "a",
    "P" + "[0]" * 300,
    "P" + "()" * 300,
    "(" * 40 + "-" * 400,
    "~" * 999,
]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_long_and_deep_formulas_are_refused(text: str) -> None:
    env = {"P": Meaning(unit("1"))}
    tracemalloc.start()
    try:
        message(refusal(formula.check, text, env, FUNCTIONS, "a step", unit("1")))
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    ["9**9**9", "9**9**9**9**9", "2**(10**10)", "1e308*1e308", "0/0", "1/0", "log(0)", "-1**0.5"],
)
def test_huge_powers_are_floating_point_and_done_at_once(text: str) -> None:
    checked = formula.check(text, {}, FUNCTIONS, "", unit("1"))
    float(formula.evaluate(checked.tree, {}, FUNCTIONS))


@pytest.mark.parametrize("text", ["P ** 9 ** 9", "P ** 1000", "P ** P", "P ** 1e300", "P ** -99"])
def test_powers_of_units_are_bounded(text: str) -> None:
    message(refusal(formula.check, text, {"P": Meaning(unit("mm"))}, FUNCTIONS, "", unit("mm")))


def test_repeated_powers_of_units_are_bounded() -> None:
    text = "(" * 20 + "P" + " ** 9)" * 20
    message(refusal(formula.check, text, {"P": Meaning(unit("mm"))}, FUNCTIONS, "", unit("mm")))


def test_the_underline_stands_under_chinese_and_greek_symbols() -> None:
    env = {"降水": Meaning(unit("mm/yr")), "α": Meaning(unit("1"))}
    error = refusal(formula.check, "降水 * α - β", env, FUNCTIONS, "", unit("mm/yr"))
    assert isinstance(error, FormulaError)
    text, marks = error.problems[0].found.splitlines()
    assert text[marks.index("^")] == "β"
    assert marks.count("^") == 1


# ----------------------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    "text",
    [
        "((((",
        "))))",
        "(" * 70,
        "m^9^9",
        "m**9**9",
        "m^-9^9",
        "m^99",
        "m⁹⁹⁹⁹⁹⁹⁹⁹",
        "m²²²²²²²²²²",
        "m/",
        "/m",
        "m//s",
        "m..s",
        "m+s",
        "m-s",
        "1/0",
        "0",
        "2 m",
        "10 mm",
        "m" * 81,
        "m·" * 45,
        "m" * 1_000_000,
        "mm/year",
        "mu",
        "ton",
        "C",
        "µm",
        "__import__('os')",
        "m; s",
        "m\x00",
        "m\u200b",
        "",
        " ",
        "元元",
    ],
)
def test_units_that_are_none(text: str) -> None:
    assert len(message(refusal(units.unit, text))) < 600


@pytest.mark.parametrize("value", [None, 5, 1.5, True, [], {}, ["m"], {"m": 1}, b"m"])
def test_units_that_are_no_text(value: object) -> None:
    assert isinstance(refusal(units.unit, value), UnitError)


@pytest.mark.parametrize(
    "text", ["m⁹⁹⁹⁹⁹⁹⁹⁹", "m²²²²²²²²²²", "万万万万万万万m", "km9" * 20, "Mt9·" * 18 + "m"]
)
def test_unit_powers_do_not_explode(text: str) -> None:
    try:
        found = units.unit(text)
    except UnitError:
        return
    assert found.factor < 10**400


# ----------------------------------------------------------------------------------------- files


def test_a_row_of_a_million_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{i}" for i in range(1_000_000)) + "\n1,2\n", encoding="utf-8")
    message(refusal(read_csv, path))
    path.write_text("a," * 1_000_000 + "\n1,2\n", encoding="utf-8")
    message(refusal(read_csv, path))


def test_many_ragged_rows_are_not_as_many_problems(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,b\n" + "1\n" * 100_000, encoding="utf-8")
    message(refusal(read_csv, path))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n\n",
        b"# only a comment\n",
        b'a,b\n"' + b"x" * 2_000_000,
        b"a,b\n" + b"x" * 2_000_000 + b",1\n",
        b'a,b\n"1,2\n3,4\n',
        b"\x00\x01\x02,\x03\n",
        b"\xff\xfe" + "a,b\n1,2\n".encode("utf-16-le"),
        b"PK\x03\x04" + bytes(range(256)) * 9,
        b"a,a\n1,2\n",
        b"a,b\n1\n",
    ],
    ids=range(11),
)
def test_files_that_are_no_tables(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(raw)
    error = attempt(read_csv, path)
    assert error is None or "table.csv" in message(error)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "[" * 400 + "]" * 400,
        "a = " + "{a=" * 100_000,
        "[" + "a." * 100_000 + "a]",
        "a." * 100_000 + "a = 1",
        "[[" * 100_000,
        "k" * 1_000_000 + " = 1",
        "a = '" + "x" * 1_000_000,
        "a = " + "9" * 100_000,
        "a = 0x" + "f" * 100_000,
        "a = 99999999999999999999",
        "a = 1e999999999",
        "a = '''" + "\n" * 100_000,
        "\x00",
        "a = 1\na = 2",
        "= 1",
    ],
    ids=range(16),
)
def test_toml_that_harms(text: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    error = attempt(read_toml, path)
    if error is not None:
        assert "rules.toml" in message(error)
    write_standard(tmp_path)
    path.rename(tmp_path / "tiny" / "water_retention.toml")
    message(refusal(library.standard, tmp_path / "tiny"))


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    message(refusal(read_toml, tmp_path))
    message(refusal(read_csv, tmp_path))
    message(refusal(Project.load, tmp_path))


# -------------------------------------------------------------------------------- escaping paths


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "../prices",
        "../tiny/coefficients/prices",
        "..",
        ".",
        "",
        "a/b/c",
        "tiny/../prices",
        "prices\x00",
        "~/prices",
        "C:\\prices",
        "prices.csv",
        "x" * 100_000,
    ],
)
def test_table_names_lead_into_no_other_folder(name: str, tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    write_text(tmp_path, {k: RULES[f"coefficients/{k}"] for k in ("prices.csv", "prices.toml")})
    data = RULES["water_retention.toml"].replace(
        "prices.reservoir", name.replace("\\", "\\\\").replace("\x00", "\\u0000") + ".reservoir"
    )
    (folder / "water_retention.toml").write_text(data, encoding="utf-8")
    assert "water_retention.toml, coefficient 'c'" in message(refusal(library.standard, folder))


@pytest.mark.parametrize(
    "target",
    [
        "../../x",
        "../tiny/air_cleaning",
        "tiny/air_cleaning",
        "/etc/passwd",
        "rcees_2017",
        "rcees_2017/",
        "/water_retention",
        "rcees_2017/../rcees_2017/water_retention",
        "rcees_2017/standard/x",
        "",
        "\\u0000/x",
        "x" * 100_000,
    ],
)
def test_same_as_leads_to_shipped_rules_only(target: str, tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    (folder / "air_cleaning.toml").write_text(f'same_as = "{target}"\n', encoding="utf-8")
    text = message(refusal(library.standard, folder))
    assert "air_cleaning.toml: same_as = " in text
    assert "do: write" in text


def test_what_accompanies_same_as_is_read(tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    borrowed = 'id = "air"\nsame_as = "rcees_2017/pest_control"\nnote = { en = "only" }\n'
    (folder / "air_cleaning.toml").write_text(borrowed, encoding="utf-8")
    text = message(refusal(library.standard, folder))
    assert "air_cleaning.toml: id is not the file's name\n  found: 'air'" in text
    assert "air_cleaning.toml: a title has both languages" in text


@pytest.mark.parametrize("chain", ["one/x = two/x", "one/x = one/x", "one/x = two/x = one/x"])
def test_same_as_in_a_circle_or_chain_is_refused(
    chain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "models" / "standards"
    steps = chain.split(" = ")
    for here, there in zip(steps, [*steps[1:], "one/x"], strict=True):
        write_text(shipped, {f"{here}.toml": f'same_as = "{there}"\n'})
    glossary = library.glossary()
    monkeypatch.setattr(library, "data_root", lambda name: tmp_path / name)
    monkeypatch.setattr(library, "glossary", lambda _kind="standards": glossary)
    folder = write_standard(tmp_path)
    (folder / "air_cleaning.toml").write_text('same_as = "one/x"\n', encoding="utf-8")
    assert "itself same_as another" in message(refusal(library.standard, folder))


@pytest.mark.parametrize(
    "name", ["../other", "/etc/passwd", "a/b", "..", "", "a b", "a.b", "x" * 9999]
)
def test_service_names_lead_into_no_other_folder(name: str, tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    edit(folder / "standard.toml", '"air_cleaning"]', f'"air_cleaning", "{name}"]')
    assert "cannot be a service" in message(refusal(library.standard, folder))


@pytest.mark.parametrize("name", ["../national_ecosystems", "../../../x", "/x", "", "x\\u0000"])
def test_classification_names_lead_into_no_other_folder(name: str, tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    edit(folder / "standard.toml", 'date = "2020"', f'date = "2020"\nclassification = "{name}"')
    message(refusal(library.standard, folder))


@pytest.mark.parametrize("parent", ["forest", "grassland", "town"])
def test_classes_that_are_their_own_ancestors(parent: str, tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    text = RULES["land_cover.toml"].replace(
        "[classes.pine_forest]", f'parent = "{parent}"\n[classes.pine_forest]'
    )
    if parent != "forest":
        text = text.replace(f"[classes.{parent}]\n", f'[classes.{parent}]\nparent = "forest"\n')
    (folder / "land_cover.toml").write_text(text, encoding="utf-8")
    assert "its own ancestor" in message(refusal(library.standard, folder))


@pytest.mark.parametrize("name", ["rain\\u0000.tif", "x" * 5000, "..", ".", "", "/", "county.toml"])
@pytest.mark.parametrize("key", ["land_cover.tif", "rain.tif", "zones.gpkg", "statistics.csv"])
def test_file_names_that_no_file_has(name: str, key: str, tmp_path: Path) -> None:
    path = write_project(tmp_path)
    edit(path, f'"{key}"', f'"{name}"')
    message(refusal(Project.load, path))


@pytest.mark.parametrize("key", ["standard", "legend", "price_index"])
@pytest.mark.parametrize("name", ["\\u0000", "x" * 5000, "", "../../x"])
def test_names_that_nothing_has(name: str, key: str, tmp_path: Path) -> None:
    path = write_project(tmp_path)
    old = {"standard": '"tiny"', "legend": '"legend.toml"', "price_index": '"prices_index.csv"'}[
        key
    ]
    edit(path, f"{key} = {old}", f'{key} = "{name}"')
    message(refusal(Project.load, path))


# ------------------------------------------------------------------------------ values of any type

WRONG = [
    "1",
    "true",
    '"x"',
    "[]",
    "[1]",
    '["a", 1]',
    "[[1, 2]]",
    "{}",
    "{ a = 1 }",
    "nan",
    "inf",
    "[nan, 1]",
]


@pytest.mark.parametrize(
    "value",
    [
        "[]",
        "[1]",
        "[1, 2, 3]",
        '["a", "b"]',
        "[2, 1]",
        "[nan, 1]",
        "[[1], 2]",
        "[true, 2]",
        "[0, inf]",
        "5",
    ],
)
def test_ranges_are_two_numbers_in_order(value: str, tmp_path: Path) -> None:
    project = write_project(tmp_path / "a")
    edit(project, '"rain.tif", unit', f'"rain.tif", range = {value}, unit')
    assert "range" in message(refusal(Project.load, project))
    table = write_standard(tmp_path / "b") / "coefficients" / "runoff.csv"
    edit(table.with_suffix(".toml"), "range = [0, 100]", f"range = {value}")
    assert "range" in message(refusal(load_table, table))


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize(
    "line",
    [
        *(
            'kind = "regulating"',
            'cite = "book, A.1"',
            'verified = "full_text"',
            'by = "ecosystem"',
        ),
        *('where = { R = "P * alpha" }', 'A = "m²"', 'gives = "m³/yr"', 'formula = "Q * c"'),
        *(
            'is = "precipitation"',
            'from = "prices.reservoir"',
            'physical = "Q"',
            'source = "hand calculation"',
        ),
        *('unit = "m³/(ha·yr)"', "expect = { Q = 6302.5, V = 44495.65 }", 'symbol = "V"'),
        *(
            "c = 7.06",
            'title = { en = "Water retention", zh = "水源涵养" }',
            'id = "water_retention"',
        ),
    ],
)
def test_rule_values_of_a_wrong_type(line: str, value: str, tmp_path: Path) -> None:
    if value == '"x"' and line.startswith("source"):
        pytest.skip("a source may be any text")
    folder = write_standard(tmp_path)
    edit(folder / "water_retention.toml", line, f"{line.split(' = ', maxsplit=1)[0]} = {value}")
    assert "water_retention.toml" in message(refusal(library.standard, folder))
