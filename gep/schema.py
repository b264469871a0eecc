"""JSON Schemas of the rule files, so that an editor completes and checks them while one types.

The keys come from the tables that the readers check with; what a schema cannot say (units that
agree, symbols that are defined) the readers check. ``python -m gep.schema models`` writes them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gep import formula, library, model
from gep.functions import FUNCTIONS
from gep.tables import SPREADS, VERIFIED, Keys

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMES: Mapping[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
    bool: "boolean",
}
# written without \w, which means ASCII letters only to some editors: Greek and Chinese must pass
_SYMBOL = "^[^\\s\\d_.,:;'\"()\\[\\]{}+*/=<>-][^\\s.,:;'\"()\\[\\]{}+*/=<>-]*$"
_WORD = "^[^\\s.,/]+$"
_NAME = "^[a-z][a-z0-9_]*$"


def _typed(kind: type | tuple[type, ...]) -> Schema:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    names = [_NAMES[k] for k in kinds]
    if "number" in names and "integer" in names:
        names.remove("integer")
    return {"type": names[0] if len(names) == 1 else names}


def _table(
    required: Keys, optional: Keys, details: Mapping[str, Schema], about: str = ""
) -> Schema:
    """Return the schema of a table: keys and types from the reader, details from here."""
    unknown = sorted(set(details) - set(required) - set(optional))
    if unknown:  # a detail of a key that the reader does not know would be a lie
        raise KeyError(unknown)
    properties = {
        key: {**_typed(kind), **details.get(key, {})}
        for key, kind in {**required, **optional}.items()
    }
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    return {"description": about, **schema} if about else schema


def _map(values: Schema, names: str = _SYMBOL, about: str = "") -> Schema:
    schema: Schema = {
        "type": "object",
        "propertyNames": {"pattern": names},
        "additionalProperties": values,
    }
    return {"description": about, **schema} if about else schema


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _text(about: str, **more: Any) -> Schema:
    return {"type": "string", "minLength": 1, "description": about, **more}


def _definitions() -> dict[str, Schema]:
    """Return the parts that several schemas share."""
    functions = ", ".join(sorted(FUNCTIONS))
    return {
        "title": {
            "description": "Text in English and Chinese. 中英文各一",
            "type": "object",
            "properties": {"en": _text("English"), "zh": _text("中文")},
            "required": ["en", "zh"],
            "additionalProperties": False,
        },
        "unit": _text(
            "A unit such as mm/yr, m³/(ha·yr), 万元/km², tCO2/yr, %, or 1 for a pure number. 单位",
            examples=["1", "mm/yr", "m³/(hm²·yr)", "CNY/m³", "tCO2/(ha·yr)"],
        ),
        "units": _map({"$ref": "#/$defs/unit"}, about="Symbols and the units in which they enter."),
        "verified": {
            "enum": list(VERIFIED),
            "description": (
                "How well the text or number was checked: against the full text, against a source "
                "that quotes it, or written from memory. 核对情况"
            ),
        },
        "cite": _text(
            "A key of [sources], a comma, the clause: 'x_2024, A.1'. 依据",
            pattern="^[A-Za-z0-9_]+(,.*)?$",
        ),
        "symbol": _text("A letter (Greek is welcome), then letters, digits, _.", pattern=_SYMBOL),
        "formula": _text(
            "Symbols, numbers, + - * / **, parentheses, "
            f"{', '.join(formula.BUILTINS)}, and by keyword: {functions}. 公式",
            maxLength=formula.MAX_LENGTH,
            examples=["P - R - ET", "min(E, by_zone(k))"],
        ),
        "range": {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 2,
            "description": "[low, high]",
        },
        "values": _map(
            {
                "anyOf": [
                    {"type": "number"},
                    {"type": "object", "additionalProperties": {"type": "number"}},
                ]
            },
            about="Symbols and their values, in the declared units; an axis: { member = value }.",
        ),
        "source": _table(
            {"text": dict, "verified": str},
            {"note": dict},
            {"text": _ref("title"), "verified": _ref("verified"), "note": _ref("title")},
        ),
    }


def _used(schema: Schema, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the definitions that a schema refers to, directly or through others."""
    found: dict[str, Schema] = {}
    waiting = [schema]
    while waiting:
        text = json.dumps(waiting.pop())
        for name, part in definitions.items():
            if name not in found and f'"#/$defs/{name}"' in text:
                found[name] = part
                waiting.append(part)
    return {name: found[name] for name in definitions if name in found}


def _whole(title: str, schema: Schema) -> Schema:
    used = _used(schema, _definitions())
    return {"$schema": _DIALECT, "title": title, **schema, "$defs": used}


def _rule(quantities: Mapping[str, Any], required: Keys, optional: Keys, example: Keys) -> Schema:
    """Return the schema of a rule file: of a service, or of a mechanism."""
    quantity: Schema = {
        "enum": sorted(quantities),
        "description": "A quantity of the glossary in models/, or the folder's own. 词汇表中的量",
    }
    axis: Schema = _text("The extra axis, such as pollutant or month.", pattern=_NAME)
    entry = _table(
        {"is": str, "unit": str},
        {"per": str},
        {"is": quantity, "unit": _ref("unit"), "per": axis},
        "A symbol that stands for a quantity of the world. 输入量",
    )
    by: Schema = {
        "type": ["string", "array"],
        "items": {"type": "string"},
        "minItems": 1,
        "uniqueItems": True,
        "description": "The table's key: ecosystem, pollutant ...; a list of two for two keys.",
    }
    coefficient = _table(
        {"from": str},
        {"by": (str, list), "unit": str},
        {
            "from": _text("table.column, or standard/table.column", pattern=r"^[^.]+\..+$"),
            "by": by,
            "unit": _ref("unit"),
        },
        "A symbol that stands for a number, or a column of numbers, of a table. 系数",
    )
    printed: Schema = {
        "type": "object",
        "description": "As printed, on bare numbers. Other keys: SYMBOL = unit. 原文公式",
        "properties": {
            "formula": _ref("formula"),
            "gives": _ref("unit"),
            "where": _map(_ref("formula"), about="Local abbreviations, in order."),
            "tolerance": {"type": "number", "exclusiveMinimum": 0},
            "draw": _map(_ref("range"), about="Ranges of the random draws, by symbol."),
        },
        "required": ["formula", "gives"],
        "additionalProperties": _ref("unit"),
    }
    step = _table(
        model._STEP_REQUIRED,  # noqa: SLF001  the reader's own table of keys
        model._STEP_OPTIONAL,  # noqa: SLF001
        {
            "symbol": _ref("symbol"),
            "title": _ref("title"),
            "formula": _ref("formula"),
            "unit": _ref("unit"),
            "is": {**quantity, "description": "The quantity that this step computes. 所算的量"},
            "printed": printed,
            "empirical": _ref("units"),
            "per": axis,
            "cite": _ref("cite"),
            "verified": _ref("verified"),
            "note": _ref("title"),
        },
    )
    worked = _table(
        model._EXAMPLE_REQUIRED,  # noqa: SLF001
        example,
        {
            "given": _ref("values"),
            "expect": _ref("values"),
            "source": _text("Who worked it, or where it is printed."),
            **({"area_unit": _ref("unit")} if "area_unit" in example else {}),
        },
        "A worked example, run at every load. 算例",
    )
    details = {
        "id": _text("Equals the file's name.", pattern=_NAME),
        "title": _ref("title"),
        "cite": _ref("cite"),
        "verified": _ref("verified"),
        "steps": {"items": step, "minItems": 1},
        "examples": {"items": worked, "minItems": 1},
        "note": _ref("title"),
        "inputs": _map(entry),
        "coefficients": _map(coefficient),
    }
    full = _table(required, optional, details)
    alone = ["same_as", "id", "note"]
    full["properties"]["same_as"] = {
        "type": "string",
        "pattern": "^[^/]+/[^/]+$",
        "description": "standard/service: the whole file is that file. Only id and note beside it.",
    }
    wanted = full.pop("required")
    return full | {
        "if": {"required": ["same_as"]},
        "then": {"propertyNames": {"enum": alone}},
        "else": {"required": wanted},
    }


def service_schema() -> Schema:
    """Return the schema of a service file. Quantities are those of the shipped glossaries."""
    schema = _rule(
        library.quantities(),
        model._SERVICE_REQUIRED,  # noqa: SLF001
        model._SERVICE_OPTIONAL,  # noqa: SLF001
        model._EXAMPLE_OPTIONAL,  # noqa: SLF001
    )
    keys = ("physical", "monetary", "capacity", "demand")
    about = "A line of the account: step symbols. 入账项"
    line = _table({}, dict.fromkeys(keys, str), dict.fromkeys(keys, _ref("symbol")), about)
    schema["properties"] |= {
        "kind": {"enum": list(model.KINDS), "description": "supporting: never added. 类别"},
        "ecosystems": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "account": {
            "type": ["object", "array"],
            "anyOf": [line, {"type": "array", "items": line}],
        },
    }
    return _whole("gep: a service", schema)


def mechanism_schema() -> Schema:
    """Return the schema of the file of a mechanism: a purchase, a compensation, a loan."""
    schema = _rule(
        library.quantities("mechanisms"),
        model._MECHANISM_REQUIRED,  # noqa: SLF001
        model._MECHANISM_OPTIONAL,  # noqa: SLF001
        model._MECHANISM_EXAMPLE_OPTIONAL,  # noqa: SLF001
    )
    payment = _table(
        model._PAYMENT_REQUIRED,  # noqa: SLF001
        model._PAYMENT_OPTIONAL,  # noqa: SLF001
        {
            "amount": _ref("symbol"),
            "payer": _ref("title"),
            "payee": _ref("title"),
            "share_of": {**_ref("symbol"), "description": "Rounded parts add to this step."},
            "condition": _ref("title"),
        },
        "Who pays whom, and which step says how much. 付款",
    )
    check = _table(
        model._CHECK_REQUIRED,  # noqa: SLF001
        model._CHECK_OPTIONAL,  # noqa: SLF001
        {
            "symbol": _ref("symbol"),
            "level": {"enum": ["warning", "error"], "description": "error: the result is refused."},
            "says": _ref("title"),
        },
        "A bound of a symbol. 校核",
    )
    schema["properties"] |= {
        "kind": {"const": model.MECHANISM},
        "result": {**_ref("symbol"), "description": "The step that is the answer. 结果"},
        "payments": {"type": "array", "items": payment},
        "checks": {"type": "array", "items": check},
    }
    return _whole("gep: a mechanism", schema)


def standard_schema() -> Schema:
    """Return the schema of ``standard.toml``."""
    names: Schema = {"items": _text("A service file.", pattern=_NAME), "uniqueItems": True}
    details = {
        "id": _text("Equals the folder's name.", pattern=_NAME),
        "title": _ref("title"),
        "number": {"description": "The document's number as printed, or empty. 编号"},
        "issuer": _ref("title"),
        "date": _text("As precise as known: 2021, 2021-05, 2021-05-12."),
        "scope": _ref("title"),
        "catalogue": {**names, "description": "Services that are added, in printed order. 目录"},
        "sources": _map(_ref("source"), _WORD, "The sources that cite names."),
        "supporting": {**names, "description": "Rules that provide a quantity; never added."},
        "classification": _text("A class list in models/legends/classifications.", pattern=_NAME),
        "variants": _map(names, _NAME, "Other rules for a service, a file each. 可选规则"),
        "status": {"enum": list(library.STATUSES), "description": "Left out if unknown. 状态"},
        "replaced_by": _ref("title"),
        "note": _ref("title"),
    }
    schema = _table(library._STANDARD_REQUIRED, library._STANDARD_OPTIONAL, details)  # noqa: SLF001
    return _whole("gep: a standard", schema)


def table_schema() -> Schema:
    """Return the schema of the sidecar of a coefficient table."""
    shape_of_draw = {
        "type": "object",
        "properties": {"shape": {"enum": list(SPREADS)}},
        "required": ["shape"],
        "additionalProperties": {"type": "string", "description": "A column of the CSV."},
    }
    column = _table(
        {"title": dict, "unit": str, "cite": str, "verified": str},
        {"range": list, "uncertainty": dict, "note": dict, "price_year": int},
        {
            "title": _ref("title"),
            "unit": _ref("unit"),
            "cite": _ref("cite"),
            "verified": _ref("verified"),
            "range": _ref("range"),
            "uncertainty": shape_of_draw,
            "price_year": {"description": "The year of a price: with a currency, and only then."},
            "note": _ref("title"),
        },
        "What the numbers of one column are. 列说明",
    )
    text = _table({"text": dict}, {"note": dict}, {"text": _ref("title"), "note": _ref("title")})
    text["additionalProperties"] = True
    schema = _table(
        {"title": dict, "shape": str},
        {
            "key": list,
            "columns": dict,
            "sources": dict,
            "note": dict,
            "unit": str,
            "uncertainty": dict,
        },
        {
            "title": _ref("title"),
            "shape": {"enum": ["rectangle", "list", "index"]},
            "key": {"items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
            "columns": _map(column, _WORD),
            "sources": _map(text, _WORD, "The keys of the CSV's column source."),
            "uncertainty": shape_of_draw,
            "unit": _ref("unit"),
        },
    )
    rectangle = {"properties": {"shape": {"const": "rectangle"}}, "required": ["shape"]}
    schema |= {"if": rectangle, "then": {"required": ["key", "columns"]}}
    return _whole("gep: the sidecar of a coefficient table", schema)


def glossary_schema() -> Schema:
    """Return the schema of the glossary of quantities."""
    quantity = _table(
        {"title": dict, "unit": str, "kind": str},
        {"range": list, "typical": list, "note": dict},
        {
            "title": _ref("title"),
            "unit": _ref("unit"),
            "kind": {"enum": list(model.QUANTITY_KINDS)},
            "range": _ref("range"),
            "typical": _ref("range"),
            "note": _ref("title"),
        },
    )
    return _whole("gep: the glossary", _map(quantity, _NAME))


def schemas() -> dict[str, Schema]:
    """Return all schemas by the name of their file."""
    return {
        "service.schema.json": service_schema(),
        "mechanism.schema.json": mechanism_schema(),
        "standard.schema.json": standard_schema(),
        "table.schema.json": table_schema(),
        "glossary.schema.json": glossary_schema(),
    }


def write(folder: Path) -> list[Path]:
    """Write all schemas into a folder and return their paths."""
    written = []
    for name, schema in schemas().items():
        path = folder / name
        path.write_text(text(schema), encoding="utf-8", newline="\n")
        written.append(path)
    return written


def text(schema: Schema) -> str:
    """Return a schema as it is written: readable, and the same every time."""
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the schemas and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m gep.schema", description="Write the schemas.")
    parser.add_argument("folder", type=Path, help="where the schemas go")
    for path in write(parser.parse_args(arguments).folder):
        print(path)  # noqa: T201  this is a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
