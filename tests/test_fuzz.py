"""Hostile text for every reader: either it is read, or there is a GepError. Nothing else, ever."""

from __future__ import annotations

import copy
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bad_input_projects import FILES, RULES, project_data, service_data, write_project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gep import formula, library, units
from gep.account import Project
from gep.errors import GepError, Problem, Problems
from gep.formula import Meaning
from gep.functions import FUNCTIONS
from gep.model import ServiceReader
from gep.plan import make_plan
from gep.tables import Column, Title, load_table, read_csv, read_toml
from gep.units import unit

BOUNDED = settings(
    max_examples=200,
    deadline=5000,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
FEWER = settings(BOUNDED, max_examples=100)


@contextmanager
def read_or_refused() -> Iterator[None]:
    """A GepError is an answer, if it says something."""
    problems: tuple[Problem, ...] = ()
    try:
        yield
    except GepError as error:
        problems = error.problems or (Problem(""),)
    assert all(problem.what for problem in problems), "an error says what is wrong"


# What a TOML file can hold.
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=12),
    st.sampled_from(["P", "mm/yr", "1", "forest", "book, x", "../../etc/passwd", "A.b", "sum"]),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value of nested lists and dicts."""
    found = [at] if at else []
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        found += places(value, (*at, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, data: dict[str, Any]) -> dict[str, Any]:
    """Replace, rename or delete one to three values anywhere in a valid file."""
    result = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(result)))
        holder = result
        for key in path[:-1]:
            holder = holder[key]
        deed = draw(st.sampled_from(["replace", "replace", "replace", "delete", "rename", "add"]))
        if deed == "replace":
            holder[path[-1]] = draw(values)
        elif deed == "delete":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            value = holder.pop(path[-1]) if deed == "rename" else draw(values)
            holder[draw(st.text(max_size=8))] = value
        else:
            holder.append(draw(values))
        if not places(result):
            break
    return result


# ------------------------------------------------------------------------------------- formulas

ENV = {
    "P": Meaning(unit("mm/yr")),
    "T": Meaning(unit("degC")),
    "x": Meaning(unit("1")),
    "E": Meaning(unit("tSO2/yr"), 1, "pollutant"),
    "q": Meaning(unit("1"), 0, "month"),
}
formula_text = st.text(
    alphabet=st.sampled_from(list("PTxEq019.+-*/()=, \t\n\\'\"[]{}:;@#_~^&|<>!%αⅩ²\x00\ud800")),
    max_size=60,
)
pieces = st.lists(
    st.sampled_from(
        [
            *(
                "P",
                "T",
                "x",
                "E",
                "q",
                "2",
                "0.5",
                "1e308",
                "9",
                "(",
                ")",
                "+",
                "-",
                "*",
                "/",
                "**",
            ),
            *(",", "min(", "max(", "clip(", "exp(", "log(", "sqrt(", "total(", "by_zone(", "total"),
            *("lambda", "if", "else", "for", "in", "not", "and", "==", ":=", "await", "f'", "__"),
            *(
                "sine(",
                "theta=",
                "piecewise(",
                "slope_steepness(",
                "daily_erosivity(",
                "rain=",
                "E=",
            ),
        ]
    ),
    max_size=25,
).map(" ".join)


def check_and_evaluate(text: str) -> None:
    with read_or_refused():
        tree = formula.parse(text, "a file")
        assert formula.parse(formula.to_text(tree)) == tree
    for declared in ("1", "mm/yr", "tSO2/yr"):
        with read_or_refused():
            checked = formula.check(text, ENV, FUNCTIONS, "a file", unit(declared))
            if checked.meaning.axis is None:
                formula.evaluate(
                    checked.tree,
                    {"P": 900.0, "T": 12.0, "x": 0.5, "E": 3.0, "q": 0.1},
                    FUNCTIONS,
                    by_zone=lambda value, _: value,
                )
        with read_or_refused():
            formula.check(text, ENV, FUNCTIONS, "a file", unit(declared), {"P": unit("m/yr")})


@BOUNDED
@given(formula_text)
def test_formula_of_random_characters(text: str) -> None:
    check_and_evaluate(text)


@BOUNDED
@given(pieces)
def test_formula_of_random_pieces(text: str) -> None:
    check_and_evaluate(text)


@BOUNDED
@given(st.text(alphabet=st.characters(), max_size=40) | values)
def test_formula_of_any_text_or_value(text: Any) -> None:
    with read_or_refused():
        formula.parse(text)


# ---------------------------------------------------------------------------------------- units

unit_pieces = st.lists(
    st.sampled_from(
        [
            *(
                "m",
                "mm",
                "ha",
                "yr",
                "t",
                "tCO2",
                "CNY",
                "万",
                "亿",
                "万元",
                "°C",
                "%",
                "1",
                "2",
                "³",
            ),
            *(
                "⁻¹",
                "^",
                "**",
                "-",
                "/",
                "·",
                "*",
                "(",
                ")",
                ".",
                " ",
                "µ",
                "ton",
                "\x00",
                "9",
                "km-2",
            ),
        ]
    ),
    max_size=14,
).map("".join)


@BOUNDED
@given(unit_pieces | st.text(max_size=90) | values)
def test_unit(text: Any) -> None:
    with read_or_refused():
        found = units.unit(text)
        again = units.unit(str(found))
        assert again.dims == found.dims
        assert again.factor == found.factor


# ---------------------------------------------------------------------------------- rule files


def lookup(table: str, column: str) -> tuple[Column, tuple[str, ...]]:
    title = Title("x", "x")
    if table == "runoff":
        return Column(title, unit("%"), (0.0, 100.0)), ("ecosystem",)
    return Column(title, unit("CNY/m³")), ()


def read_service(data: dict[str, Any]) -> None:
    problems = Problems()
    reader = ServiceReader(
        library.glossary(),
        FUNCTIONS,
        lookup,
        {"book": Title("a", "b")},
        {"forest": None},
        problems,
    )
    with read_or_refused():
        service = reader.read(data, Path("water_retention.toml"), "tiny/water_retention", "")
        assert (service is None) == bool(problems.errors)


FULL_SERVICE = service_data() | {
    "note": {"en": "a", "zh": "b"},
    "ecosystems": ["forest"],
}
FULL_SERVICE["steps"][0] |= {"is": "water_retained", "verified": "recalled", "cite": "book, B"}
FULL_SERVICE["steps"][0]["printed"] |= {"draw": {"P": [1, 2]}, "tolerance": 1e-9, "P": "m/yr"}
FULL_SERVICE["steps"][0]["printed"]["formula"] = "A * (P * 1e3 - R - ET) * 1e-3"
FULL_SERVICE["steps"][0]["printed"]["where"] = {"R": "P * 1e3 * alpha"}
FULL_SERVICE["steps"].append(
    {
        "symbol": "W",
        "title": {"en": "a", "zh": "b"},
        "formula": "0.01 * P ** 1.5",
        "unit": "t/(km²·yr)",
        "empirical": {"P": "mm/yr"},
    }
)
FULL_SERVICE["account"] = [FULL_SERVICE["account"], {"physical": "W"}]
FULL_SERVICE["examples"].append(
    {
        "given": {"P": 100.0},
        "expect": {"W": 10.0},
        "source": "x",
        "area": 3,
        "area_unit": "km²",
        "tolerance": 1e-6,
    }
)


def test_the_full_service_is_good() -> None:
    problems = Problems()
    reader = ServiceReader(
        library.glossary(), FUNCTIONS, lookup, {"book": Title("a", "b")}, {"forest": None}, problems
    )
    service = reader.read(FULL_SERVICE, Path("water_retention.toml"), "tiny/water_retention", "")
    assert not problems.errors, [str(p) for p in problems]
    assert service is not None


@settings(BOUNDED, max_examples=400)
@given(mutated(FULL_SERVICE))
def test_service_file(data: dict[str, Any]) -> None:
    read_service(data)


@BOUNDED
@given(st.dictionaries(st.sampled_from(sorted(FULL_SERVICE)), values))
def test_service_file_of_random_values(data: dict[str, Any]) -> None:
    read_service(data)


# ------------------------------------------------------------------- whole folders, as files


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("fuzz") / "county")


def toml_text(data: Any) -> str:
    """Write a value as inline TOML (TOML has no null: it becomes an empty text)."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{quote(k)} = {toml_text(v)}" for k, v in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(toml_text, data)) + "]"
    if isinstance(data, bool):
        return str(data).lower()
    if data is None or isinstance(data, str):
        return quote(data or "")
    return repr(data)


def quote(text: str) -> str:
    return (
        '"'
        + "".join(
            c
            if c.isprintable() and c not in '"\\' and ord(c) < 0xD800
            else f"\\u{min(ord(c), 0xD7FF):04x}"
            for c in text
        )
        + '"'
    )


def write_toml(path: Path, data: dict[str, Any]) -> None:
    text = "\n".join(f"{quote(k)} = {toml_text(v)}" for k, v in data.items())
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", ["runoff", "prices"])
@FEWER
@given(data=st.data())
def test_table_sidecar(name: str, data: st.DataObject, tmp_path: Path) -> None:
    (tmp_path / f"{name}.csv").write_text(RULES[f"coefficients/{name}.csv"], encoding="utf-8")
    sidecar = tomllib.loads(RULES[f"coefficients/{name}.toml"])
    write_toml(tmp_path / f"{name}.toml", data.draw(mutated(sidecar)))
    with read_or_refused():
        load_table(tmp_path / f"{name}.csv")


@pytest.mark.parametrize("name", ["runoff", "prices"])
@FEWER
@given(data=st.data())
def test_table_csv(name: str, data: st.DataObject, tmp_path: Path) -> None:
    raw = bytearray(RULES[f"coefficients/{name}.csv"].encode())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        cut = data.draw(st.integers(0, 5))
        raw[at : at + cut] = data.draw(
            st.binary(max_size=4)
            | st.sampled_from([b'"', b"\n", b",", b"\x00", b"nan", b"1e999", b"-"])
        )
    (tmp_path / f"{name}.csv").write_bytes(bytes(raw))
    (tmp_path / f"{name}.toml").write_text(RULES[f"coefficients/{name}.toml"], encoding="utf-8")
    with read_or_refused():
        load_table(tmp_path / f"{name}.csv")


@BOUNDED
@given(raw=st.binary(max_size=80))
def test_any_bytes_as_csv_and_toml(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    for reader in (read_csv, read_toml):
        with read_or_refused():
            reader(path)


@pytest.mark.parametrize("name", ["standard.toml", "land_cover.toml", "air_cleaning.toml"])
@FEWER
@given(data=st.data())
def test_standard_folder(name: str, data: st.DataObject, template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(template.parent / "tiny", folder, dirs_exist_ok=True)
    write_toml(folder / name, data.draw(mutated(tomllib.loads(RULES[name]))))
    with read_or_refused():
        library.standard(folder)


@FEWER
@given(data=st.data())
def test_legend(data: st.DataObject, template: Path, tmp_path: Path) -> None:
    std = library.standard(template.parent / "tiny")
    write_toml(tmp_path / "legend.toml", data.draw(mutated(tomllib.loads(FILES["legend.toml"]))))
    with read_or_refused():
        library.legend("legend.toml", std, tmp_path)


@FEWER
@given(data=st.data())
def test_glossary(data: st.DataObject, tmp_path: Path) -> None:
    entry = {
        "rain": {
            "title": {"en": "a", "zh": "b"},
            "unit": "mm/yr",
            "kind": "rate",
            "range": [0, 9],
            "typical": [1, 2],
            "note": {"en": "a", "zh": "b"},
        }
    }
    write_toml(tmp_path / "glossary.toml", data.draw(mutated(entry)))
    with read_or_refused():
        library.load_glossary(tmp_path / "glossary.toml")


# -------------------------------------------------------------------------------------- project

FULL_PROJECT = project_data() | {
    "services": ["water_retention", "air_cleaning"],
    "coefficients": {
        "runoff.alpha.town": {"value": 0.6, "unit": "1", "source": "x"},
        "prices.reservoir": {"value": 7, "unit": "CNY/m³", "price_year": 2015, "source": "x"},
    },
    "outputs": {"maps": ["water_retention.Q"]},
}
FULL_PROJECT["land_cover"] |= {"classes": {"5": "grassland"}, "nodata": 0}
FULL_PROJECT["inputs"]["precipitation"] |= {
    "range": [0, 9000],
    "bands": 1,
    "nodata": -1,
    "resampling": "average",
}
FULL_PROJECT["inputs"] |= {
    "cooling_days": {"value": 60, "unit": "d/yr", "range": [0, 366]},
    "slope": {"derive": "slope", "elevation": {"file": "rain.tif", "unit": "m"}},
    "net_primary_production": {"table": "npp.csv", "unit": "gC/(m²·yr)"},
}


@pytest.fixture(autouse=True, scope="module")
def class_table(template: Path) -> None:
    (template.parent / "npp.csv").write_text("ecosystem,value\nforest,500\n", encoding="utf-8")


def test_the_full_project_is_good(template: Path) -> None:
    write_toml(template.parent / "full.toml", FULL_PROJECT)
    plan = make_plan(Project.load(template.parent / "full.toml").data)
    assert set(plan.services) == {"water_retention", "air_cleaning"}


@settings(BOUNDED, max_examples=150)
@given(data=mutated(FULL_PROJECT))
def test_project_file(data: dict[str, Any], template: Path) -> None:
    write_toml(template.parent / "fuzzed.toml", data)
    with read_or_refused():
        make_plan(Project.load(template.parent / "fuzzed.toml").data)


@FEWER
@given(data=mutated(FULL_PROJECT))
def test_project_from_python_values(data: dict[str, Any], template: Path) -> None:
    with read_or_refused():
        Project.build(template.parent, **data)


@pytest.mark.parametrize("name", ["statistics.csv", "prices_index.csv"])
@FEWER
@given(data=st.data())
def test_project_tables(name: str, data: st.DataObject, template: Path) -> None:
    lines = FILES[name].splitlines()
    rows = [line.split(",") for line in lines]
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(
            st.text(max_size=6)
            | st.sampled_from(["", "nan", "-1", "1e400", "²", "٣", "CNY/yr", "20²"])
        )
    path = template.parent / name
    path.write_bytes("\n".join(",".join(r) for r in rows).encode("utf-8", "surrogatepass"))
    try:
        with read_or_refused():
            make_plan(Project.load(template).data)
    finally:
        path.write_text(FILES[name], encoding="utf-8")
