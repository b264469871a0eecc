"""The schemas are fresh, accept every shipped rule file, and refuse what the readers refuse."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import small_standard

from gep import library, schema
from gep.errors import GepError
from gep.tables import load_table
from gep.units import unit

ROOT = Path(__file__).parents[1]
MODELS = library.data_root("models")
STANDARDS = sorted((MODELS / "standards").glob("*/standard.toml"))
OWN = [p for p in sorted(ROOT.glob("examples/**/standard.toml")) if p.is_file()]
SERVICES = sorted(
    path
    for found in (*STANDARDS, *OWN)
    for path in found.parent.glob("*.toml")
    if path.stem not in ("standard", "land_cover", "glossary")
)
GLOSSARIES = [MODELS / "glossary.toml", *sorted(MODELS.glob("standards/*/glossary.toml"))]
SIDECARS = sorted(
    path.with_suffix(".toml") for path in library.data_root("coefficients").glob("*/*.csv")
)


def validator(name: str) -> jsonschema.protocols.Validator:
    return jsonschema.Draft202012Validator(schema.schemas()[name])


def complaints(name: str, data: Any) -> list[str]:
    return [error.message for error in validator(name).iter_errors(data)]


def read(path: Path) -> Any:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(schema.schemas()))
def test_schema_is_fresh_and_a_schema(name: str) -> None:
    made = schema.schemas()[name]
    jsonschema.Draft202012Validator.check_schema(made)
    shipped = (MODELS / name).read_text(encoding="utf-8")
    assert shipped == schema.text(made), "run: python -m gep.schema models"


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in MODELS.glob("*.schema.json")} == set(schema.schemas())


def test_there_are_files_to_validate() -> None:
    assert STANDARDS
    assert SERVICES
    assert SIDECARS


@pytest.mark.parametrize("path", SERVICES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_shipped_services_pass(path: Path) -> None:
    assert complaints("service.schema.json", read(path)) == []


@pytest.mark.parametrize("path", [*STANDARDS, *OWN], ids=lambda p: p.parent.name)
def test_shipped_standards_pass(path: Path) -> None:
    assert complaints("standard.schema.json", read(path)) == []


@pytest.mark.parametrize("path", SIDECARS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_shipped_sidecars_pass(path: Path) -> None:
    assert complaints("table.schema.json", read(path)) == []


@pytest.mark.parametrize("path", GLOSSARIES, ids=lambda p: p.parent.name)
def test_glossaries_pass(path: Path) -> None:
    assert complaints("glossary.schema.json", read(path)) == []


def test_every_quantity_of_the_glossary_is_offered() -> None:
    made = schema.service_schema()
    entry = made["properties"]["inputs"]["additionalProperties"]
    assert entry["properties"]["is"]["enum"] == sorted(library.quantities())


def test_units_given_as_examples_are_units() -> None:
    for text in schema.service_schema()["$defs"]["unit"]["examples"]:
        unit(text)


def service() -> dict[str, Any]:
    data = tomllib.loads(small_standard.FILES["water.toml"])
    data["inputs"]["R"]["is"] = "precipitation"
    return data


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    data = copy.deepcopy(service())
    at: Any = data
    for key in path[:-1]:
        at = at[key]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


def test_unchanged_service_passes() -> None:
    assert complaints("service.schema.json", service()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["kind"], "spiritual"),
        (["verified"], "surely"),
        (["cite"], KeyError),
        (["title"], {"en": "only English"}),
        (["stepz"], []),
        (["inputs", "P", "is"], "precipitaton"),
        (["inputs", "P", "unit"], KeyError),
        (["inputs", "P", "units"], "mm"),
        (["inputs", "1P"], {"is": "precipitation", "unit": "mm/yr"}),
        (["coefficients", "c", "from"], "prices"),
        (["coefficients", "c", "by"], 3),
        (["steps"], []),
        (["steps", 0, "formula"], KeyError),
        (["steps", 0, "formula"], "P + " * 1000),
        (["steps", 0, "printed", "gives"], KeyError),
        (["steps", 0, "printed", "A"], 5),
        (["steps", 1, "symbol"], "a b"),
        (["account", "physical"], 5),
        (["account", "money"], "V"),
        (["examples"], []),
        (["examples", 0, "source"], KeyError),
        (["same_as"], "other/water"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_a_reader_refuses_a_schema_refuses(
    path: list[Any], value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = changed(path, value)
    assert complaints("service.schema.json", data)
    folder = small_standard.write(tmp_path)
    small_standard.use_glossary(tmp_path, monkeypatch)
    file = folder / "water.toml"
    file.write_text(small_standard.to_toml(service()), encoding="utf-8")
    library.standard(folder)
    file.write_text(small_standard.to_toml(data), encoding="utf-8")
    with pytest.raises(GepError):
        library.standard(folder)


def test_values_of_examples_are_numbers() -> None:
    assert complaints("service.schema.json", changed(["examples", 0, "given", "P"], "1500"))


@pytest.mark.parametrize("symbol", ["α", "ΔH", "Q_CO2", "水量", "ET0"])
def test_greek_and_chinese_symbols_pass(symbol: str) -> None:
    data = service()
    data["inputs"][symbol] = data["inputs"].pop("ET")
    assert complaints("service.schema.json", data) == []


def test_same_as_stands_alone() -> None:
    assert complaints("service.schema.json", {"same_as": "a/b", "id": "b"}) == []
    assert complaints("service.schema.json", {"same_as": "ab"})
    assert complaints("service.schema.json", {"id": "b"})


@pytest.mark.parametrize(
    ("old", "new", "well"),
    [
        ("price_year = 2015", "price_year = 2016", True),
        ("price_year = 2015", 'price_year = "2015"', False),
        ("price_year = 2015", "price_year = 2015\nquantity = 1", False),
        ('shape = "rectangle"', 'shape = "circle"', False),
        ('unit = "CNY/t"', "", False),
        ('cite = "table"', "", False),
        ('verified = "recalled"', 'verified = "no"', False),
        ('key = ["pollutant"]', 'key = "pollutant"', False),
        ("[columns.p]", "[columns.p]\nrange = [0, 100]", True),
        ("[columns.p]", '[columns.p]\nnote = { en = "a", zh = "b" }', True),
        ("[columns.p]", '[columns.p]\nuncertainty = { shape = "normal", sd = "p" }', True),
        ("[columns.p]", '[columns.p]\nuncertainty = { shape = "round", sd = "p" }', False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_schema_and_reader_agree_on_sidecars(
    old: str, new: str, well: bool, tmp_path: Path
) -> None:
    folder = small_standard.write(tmp_path) / "coefficients"
    sidecar = folder / "fees.toml"
    text = sidecar.read_text(encoding="utf-8")
    assert old in text
    sidecar.write_text(text.replace(old, new), encoding="utf-8")
    assert (complaints("table.schema.json", read(sidecar)) == []) is well
    if well:
        load_table(folder / "fees.csv")
    else:
        with pytest.raises(GepError):
            load_table(folder / "fees.csv")


def test_a_detail_of_an_unknown_key_is_refused() -> None:
    with pytest.raises(KeyError):
        schema._table({"id": str}, {}, {"idd": {}})


def test_command_writes_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main([str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(schema.schemas())
    for name, made in schema.schemas().items():
        assert json.loads((tmp_path / name).read_text(encoding="utf-8")) == made
