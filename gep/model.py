"""Service files: a service is inputs, coefficients, ordered steps, account lines and examples.

Reading a service checks all of it: keys, symbols, units, the printed form against ours, and the
worked examples. What a :class:`Service` holds is right as far as it can be known without data.
A mechanism (a purchase, a compensation, a loan) is written in the same language; instead of an
account it has a result, payments and checks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gep import formula
from gep.errors import DataError, GepError, Problems, RuleError, nearest
from gep.formula import Checked, Meaning
from gep.tables import (
    VERIFIED,
    Column,
    Entry,
    Keys,
    Title,
    check_keys,
    is_number,
    read_range,
    read_title,
    read_toml,
    read_unit,
    texts,
)
from gep.units import Unit, convert, unit

KINDS = ("provisioning", "regulating", "cultural", "supporting")
#: The kind of a rule that says who pays, lends or is assessed after the account.
MECHANISM = "mechanism"
QUANTITY_KINDS = ("rate", "total", "class")
_SYMBOL = re.compile(r"[^\W\d_]\w*\Z")
_RESERVED = (*formula.BUILTINS, formula.SUM_TOTALS)
#: Random draws on which a printed formula is compared with ours.
DRAWS = 24
ROUNDING = 1e-9


@dataclass(frozen=True)
class Quantity:
    """A quantity of the glossary: what it is, its unit, whether it is a rate or a total."""

    name: str
    title: Title
    unit: Unit
    kind: str
    range: tuple[float, float] | None = None
    typical: tuple[float, float] | None = None
    note: Title | None = None


@dataclass(frozen=True)
class Input:
    """A symbol that stands for a quantity of the world."""

    symbol: str
    quantity: Quantity
    unit: Unit
    axis: str | None

    @property
    def meaning(self) -> Meaning:
        """Unit, degree and axis of the symbol."""
        return Meaning(self.unit, int(self.quantity.kind == "total"), self.axis)


@dataclass(frozen=True)
class Coefficient:
    """A symbol that stands for a number, or a column of numbers, of a table."""

    symbol: str
    table: str
    column: str
    by: tuple[str, ...]
    unit: Unit
    about: Column

    @property
    def axis(self) -> str | None:
        """The axis other than ecosystem along which the coefficient varies."""
        return next((key for key in self.by if key != "ecosystem"), None)


@dataclass(frozen=True)
class Printed:
    """A formula as printed in the source, evaluated with bare numbers."""

    formula: str
    where: Mapping[str, str]
    units: Mapping[str, Unit]
    gives: Unit
    tolerance: float
    draw: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Step:
    """One formula of a service."""

    symbol: str
    title: Title
    checked: Checked
    unit: Unit
    cite: str
    verified: str
    provides: Quantity | None = None
    printed: Printed | None = None
    empirical: Mapping[str, Unit] = field(default_factory=dict)
    note: Title | None = None

    @property
    def meaning(self) -> Meaning:
        """Unit, degree and axis of the step."""
        return self.checked.meaning

    @property
    def is_bare_call(self) -> bool:
        """Whether the step is nothing but a call of a registered function."""
        tree = formula.parse(self.checked.text)
        return isinstance(tree, formula.Call) and tree.name not in formula.BUILTINS


@dataclass(frozen=True)
class Line:
    """A line of the account: a physical quantity and its value, or one of them.

    ``capacity`` is what the ecosystem could give, ``demand`` what people could use; they are
    reported beside the flow and never added.
    """

    physical: str | None
    monetary: str | None
    capacity: str | None = None
    demand: str | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """The steps that the line names."""
        named = (self.physical, self.monetary, self.capacity, self.demand)
        return tuple(symbol for symbol in named if symbol)


@dataclass(frozen=True)
class Payment:
    """Who pays whom by a mechanism, and which step says how much.

    ``share_of`` names the step that the payment is a part of: rounded parts add to it.
    """

    amount: str
    payer: Title
    payee: Title
    share_of: str | None = None
    condition: Title | None = None


@dataclass(frozen=True)
class Check:
    """A bound of a mechanism's symbol; beyond it the result is refused, or warned of."""

    symbol: str
    says: Title
    refuses: bool
    at_least: float | None = None
    at_most: float | None = None

    @property
    def bounds(self) -> str:
        """The check in symbols, such as ``0 ≤ s ≤ 1``."""
        low = "" if self.at_least is None else f"{self.at_least:g} ≤ "
        high = "" if self.at_most is None else f" ≤ {self.at_most:g}"
        return f"{low}{self.symbol}{high}"

    def broken_by(self, value: Any) -> bool:
        """Say whether a value (a number, or one per member) lies beyond the bound."""
        numbers = value.values() if isinstance(value, dict) else [value]
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return not all(low <= number <= high for number in numbers)


@dataclass(frozen=True)
class Example:
    """A worked example; ``breaks`` names the symbols whose checks it breaks."""

    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    source: str
    area: Unit | None = None
    area_value: float = 1.0
    tolerance: float = ROUNDING
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """A service, checked."""

    id: str
    title: Title
    kind: str
    cite: str
    verified: str
    inputs: Mapping[str, Input]
    coefficients: Mapping[str, Coefficient]
    steps: Mapping[str, Step]
    lines: tuple[Line, ...]
    examples: tuple[Example, ...]
    ecosystems: tuple[str, ...] | None
    note: Title | None
    path: Path
    origin: str  # "standard/service" whose file this is
    text: str
    result: str | None  # of a mechanism: the step that answers its question
    payments: tuple[Payment, ...]
    checks: tuple[Check, ...]


#: Gives the description of ``table.column`` and its key columns; raises GepError if unknown.
Lookup = Callable[[str, str], tuple[Column, tuple[str, ...]]]
Functions = Mapping[str, Callable[..., Any]]


def load_glossary(path: Path) -> dict[str, Quantity]:
    """Load the glossary of quantities.

    Raises
    ------
    RuleError
        With all problems of the file.
    """
    problems = Problems()
    quantities: dict[str, Quantity] = {}
    for name, entry in read_toml(path).items():
        where = f"{path.name}, {name}"
        required = {"title": dict, "unit": str, "kind": str}
        optional = {"range": list, "typical": list, "note": dict}
        if not check_keys(entry, where, problems, required, optional):
            continue
        if entry["kind"] not in QUANTITY_KINDS:
            problems.add(f"kind is one of {', '.join(QUANTITY_KINDS)}", where, found=entry["kind"])
        limits: dict[str, tuple[float, float] | None] = {}
        for key in ("range", "typical"):
            given = key in entry
            limits[key] = read_range(entry[key], f"{where}, {key}", problems) if given else None
        quantities[name] = Quantity(
            name,
            read_title(entry["title"], where, problems),
            read_unit(entry["unit"], where, problems),
            entry["kind"],
            limits["range"],
            limits["typical"],
            read_title(entry["note"], where, problems) if "note" in entry else None,
        )
    problems.raise_if_any(RuleError)
    return quantities


_SERVICE_REQUIRED: Keys = {
    "id": str,
    "title": dict,
    "kind": str,
    "cite": str,
    "verified": str,
    "steps": list,
    "examples": list,
}
_SERVICE_OPTIONAL: Keys = {
    "note": dict,
    "ecosystems": list,
    "inputs": dict,
    "coefficients": dict,
    "account": (dict, list),
}
_MECHANISM_REQUIRED: Keys = {**_SERVICE_REQUIRED, "result": str}
_MECHANISM_OPTIONAL: Keys = {
    "note": dict,
    "inputs": dict,
    "coefficients": dict,
    "payments": list,
    "checks": list,
}
_PAYMENT_REQUIRED: Keys = {"amount": str, "payer": dict, "payee": dict}
_PAYMENT_OPTIONAL: Keys = {"share_of": str, "condition": dict}
_CHECK_REQUIRED: Keys = {"symbol": str, "level": str, "says": dict}
_CHECK_OPTIONAL: Keys = {"at_least": float, "at_most": float}
_EXAMPLE_REQUIRED: Keys = {"given": dict, "expect": dict, "source": str}
_EXAMPLE_OPTIONAL: Keys = {"area": (int, float), "area_unit": str, "tolerance": float}
_MECHANISM_EXAMPLE_OPTIONAL: Keys = {"tolerance": float, "breaks": list}
_STEP_REQUIRED: Keys = {"symbol": str, "title": dict, "formula": str, "unit": str}
_STEP_OPTIONAL: Keys = {
    "is": str,
    "printed": dict,
    "empirical": dict,
    "per": str,
    "cite": str,
    "verified": str,
    "note": dict,
}


class ServiceReader:
    """Reads one service file against a glossary, functions, sources, classes and tables."""

    def __init__(
        self,
        glossary: Mapping[str, Quantity],
        functions: Functions,
        lookup: Lookup,
        sources: Mapping[str, Title],
        classes: Mapping[str, Any],
        problems: Problems,
    ) -> None:
        self.glossary, self.functions, self.lookup = glossary, functions, lookup
        self.sources, self.classes, self.problems = sources, classes, problems
        self.where = ""
        self.env: dict[str, Meaning] = {}
        self.broken: set[str] = set()  # symbols with problems: what uses them is not checked

    def read(self, data: Mapping[str, Any], path: Path, origin: str, text: str) -> Service | None:
        """Return the service, or None when problems were noted."""
        before = len(self.problems.errors)
        self.where, self.env, self.broken = str(path), {}, set()
        is_mechanism = data.get("kind") == MECHANISM
        keys = (_SERVICE_REQUIRED, _SERVICE_OPTIONAL)
        if is_mechanism:
            keys = (_MECHANISM_REQUIRED, _MECHANISM_OPTIONAL)
        check_keys(data, self.where, self.problems, *keys)
        if len(self.problems.errors) > before:
            return None
        if data["id"] != path.stem:
            self.problems.add("id is not the file's name", self.where, found=repr(data["id"]))
        if data["kind"] not in KINDS and not is_mechanism:
            self.problems.add(f"kind is one of {', '.join(KINDS)}", self.where, repr(data["kind"]))
        if data["kind"] == "supporting" and "ecosystems" in data:
            cure = "say it in the services that use the rule"
            self.problems.add(
                "a supporting rule has no ecosystems of its own", self.where, cure=cure
            )
        self._verified(data["verified"], self.where)
        self._cite(data["cite"], self.where)
        ecosystems = texts(data.get("ecosystems", []), f"{self.where}, ecosystems", self.problems)
        for name in ecosystems:
            if name not in self.classes:
                cure = nearest(name, self.classes)
                self.problems.add(
                    f"ecosystems names the unknown class {name!r}", self.where, cure=cure
                )
        inputs = self._inputs(data.get("inputs", {}))
        coefficients = self._coefficients(data.get("coefficients", {}))
        steps: dict[str, Step] = {}
        for number, raw in enumerate(data["steps"], start=1):
            step = self._step(raw, number, data)
            if step:
                if step.symbol in self.env:
                    what = f"symbol {step.symbol!r} is defined twice"
                    self.problems.add(what, self.where, cure="give the step another symbol")
                steps[step.symbol] = step
                self.env[step.symbol] = step.meaning
            elif isinstance(raw, dict):
                self.broken.add(str(raw.get("symbol")))
        if self.broken or len(self.problems.errors) > before:
            return None
        service = Service(
            data["id"],
            read_title(data["title"], self.where, self.problems),
            data["kind"],
            data["cite"],
            data["verified"],
            inputs,
            coefficients,
            steps,
            self._lines(data.get("account"), data["kind"], steps),
            self._examples(data["examples"], is_mechanism=is_mechanism),
            tuple(data["ecosystems"]) if "ecosystems" in data else None,
            read_title(data["note"], self.where, self.problems) if "note" in data else None,
            path,
            origin,
            text,
            self._result(data["result"], steps) if is_mechanism else None,
            self._payments(data.get("payments", []), steps),
            self._checks(data.get("checks", [])),
        )
        if len(self.problems.errors) == before:
            self._unused(service)
            self._run_examples(service)
            for step in steps.values():
                if step.printed:
                    self._reconcile(service, step)
        return service if len(self.problems.errors) == before else None

    # ------------------------------------------------------------------ parts

    def _verified(self, value: str, where: str) -> None:
        if value not in VERIFIED:
            self.problems.add(f"verified is one of {', '.join(VERIFIED)}", where, found=repr(value))

    def _cite(self, text: str, where: str) -> None:
        key = text.split(",", maxsplit=1)[0].strip()
        if key not in self.sources:
            what = f"cite names the unknown source {key!r}"
            self.problems.add(what, where, cure=nearest(key, self.sources) + " ([sources])")

    def _symbol(self, symbol: str, where: str) -> None:
        if not _SYMBOL.match(symbol) or symbol in _RESERVED or "__" in symbol:
            cure = "a letter, then letters, digits, single underscores"
            self.problems.add(f"{symbol!r} cannot be a symbol", where, cure=cure)
        if symbol in self.env:
            what = f"symbol {symbol!r} is defined twice"
            self.problems.add(what, where, cure="give one of them another symbol")

    def _inputs(self, data: Mapping[str, Any]) -> dict[str, Input]:
        inputs = {}
        for symbol, raw in data.items():
            where = f"{self.where}, input {symbol!r}"
            self._symbol(symbol, where)
            self.broken.add(symbol)
            required, optional = {"is": str, "unit": str}, {"per": str}
            if not check_keys(raw, where, self.problems, required, optional):
                continue
            quantity = self.glossary.get(raw["is"])
            if quantity is None:
                what = f"unknown quantity {raw['is']!r}"
                self.problems.add(what, where, cure=nearest(raw["is"], self.glossary))
                continue
            given = read_unit(raw["unit"], where, self.problems)
            if not given.agrees(quantity.unit):
                what = f"[{given}] is not a unit of {quantity.name}"
                self.problems.add(what, where, f"the glossary says [{quantity.unit}]")
                continue
            inputs[symbol] = Input(symbol, quantity, given, raw.get("per"))
            self.env[symbol] = inputs[symbol].meaning
            self.broken.discard(symbol)
        return inputs

    def _coefficients(self, data: Mapping[str, Any]) -> dict[str, Coefficient]:
        coefficients = {}
        for symbol, raw in data.items():
            where = f"{self.where}, coefficient {symbol!r}"
            self._symbol(symbol, where)
            self.broken.add(symbol)
            optional: Keys = {"by": (str, list), "unit": str}
            if not check_keys(raw, where, self.problems, {"from": str}, optional):
                continue
            table, dot, column = raw["from"].rpartition(".")
            if not dot:
                self.problems.add("from is 'table.column'", where, found=repr(raw["from"]))
                continue
            given = [raw["by"]] if isinstance(raw.get("by"), str) else raw.get("by", [])
            by = texts(given, f"{where}, by", self.problems)
            try:
                about, key = self.lookup(table, column)
            except GepError as error:
                for p in error.problems:
                    self.problems.add(p.what, p.where or where, p.found, p.cure)
                continue
            if set(key) != set(by):
                says = f"by = {list(by)}, the table's key is {list(key)}"
                self.problems.add("by does not fit the table", where, found=says)
                continue
            wanted = read_unit(raw["unit"], where, self.problems) if "unit" in raw else about.unit
            if not wanted.agrees(about.unit):
                found = f"the table says [{about.unit}]"
                self.problems.add(f"[{wanted}] does not fit {raw['from']}", where, found)
                continue
            coefficient = Coefficient(symbol, table, column, key, wanted, about)
            coefficients[symbol] = coefficient
            self.env[symbol] = Meaning(wanted, 0, coefficient.axis)
            self.broken.discard(symbol)
        return coefficients

    def _step(self, raw: Any, number: int, data: Mapping[str, Any]) -> Step | None:
        where = f"{self.where}, step {number}"
        if not check_keys(raw, where, self.problems, _STEP_REQUIRED, _STEP_OPTIONAL):
            return None
        where = f"{self.where}, step {raw['symbol']!r}"
        if not _SYMBOL.match(raw["symbol"]) or raw["symbol"] in _RESERVED:
            self.problems.add(f"{raw['symbol']!r} cannot be a symbol", where)
            return None
        cite, verified = raw.get("cite", data["cite"]), raw.get("verified", data["verified"])
        if "cite" in raw:
            self._cite(cite, where)
        if "verified" in raw:
            self._verified(verified, where)
        before = len(self.problems.errors)
        declared = read_unit(raw["unit"], where, self.problems)
        empirical = {
            name: read_unit(text, f"{where}, empirical", self.problems)
            for name, text in raw.get("empirical", {}).items()
        }
        if len(self.problems.errors) > before:
            return None
        try:
            if self.broken.intersection(formula.symbols(formula.parse(raw["formula"], where))):
                return None
            checked = formula.check(
                raw["formula"], self.env, self.functions, where, declared, empirical
            )
        except GepError as error:
            self.problems.absorb(error)
            return None
        if raw.get("per") != checked.meaning.axis:
            found = f"per = {raw.get('per')!r}, the formula has {checked.meaning.axis!r}"
            self.problems.add("the step's axis is not the formula's", where, found)
        if checked.meaning.degree not in (0, 1):
            self.problems.add("the step is neither a rate nor a total", where, raw["formula"])
        provides = self._provides(raw.get("is"), declared, where)
        return Step(
            raw["symbol"],
            read_title(raw["title"], where, self.problems),
            checked,
            declared,
            cite,
            verified,
            provides,
            self._printed(raw.get("printed"), where),
            empirical,
            read_title(raw["note"], where, self.problems) if "note" in raw else None,
        )

    def _provides(self, name: str | None, declared: Unit, where: str) -> Quantity | None:
        if name is None:
            return None
        quantity = self.glossary.get(name)
        if quantity is None:
            what = f"'is' names the unknown quantity {name!r}"
            self.problems.add(what, where, cure=nearest(name, self.glossary))
        elif not quantity.unit.agrees(declared):
            what = f"[{declared}] is not a unit of {name}"
            self.problems.add(what, where, f"the glossary says [{quantity.unit}]")
        return quantity

    def _printed(self, raw: Any, where: str) -> Printed | None:
        if raw is None:
            return None
        where = f"{where}, printed"
        fixed: Keys = {"where": dict, "tolerance": float, "draw": dict}
        units: Keys = {k: str for k in raw if k not in {"formula", "gives", *fixed}}
        required = {"formula": str, "gives": str}
        if not check_keys(raw, where, self.problems, required, {**fixed, **units}):
            return None
        for name in units:
            if name not in self.env and name != "A":
                self.problems.add(f"unknown symbol {name!r}", where, cure=nearest(name, self.env))
        for name, text in raw.get("where", {}).items():
            if not isinstance(text, str):
                self.problems.add(f"where.{name} must be a formula", where, repr(text)[:80])
        draw = {
            name: read_range(pair, f"{where}, draw.{name}", self.problems)
            for name, pair in raw.get("draw", {}).items()
        }
        return Printed(
            raw["formula"],
            raw.get("where", {}),
            {name: read_unit(raw[name], where, self.problems) for name in units},
            read_unit(raw["gives"], where, self.problems),
            float(raw.get("tolerance", ROUNDING)),
            {name: pair for name, pair in draw.items() if pair},
        )

    def _lines(self, raw: Any, kind: str, steps: Mapping[str, Step]) -> tuple[Line, ...]:
        where = f"{self.where}, account"
        if kind in ("supporting", MECHANISM):
            if raw is not None:
                self.problems.add(f"a {kind} rule has no account", where)
            return ()
        if not raw or not isinstance(raw, dict | list):
            self.problems.add(
                "the account is missing", self.where, cure="[account] physical, monetary"
            )
            return ()
        lines = []
        for entry in [raw] if isinstance(raw, dict) else raw:
            keys = ("physical", "monetary", "capacity", "demand")
            if not check_keys(entry, where, self.problems, {}, dict.fromkeys(keys, str)):
                continue
            line = Line(*(entry.get(key) for key in keys))
            for symbol in line.symbols:
                if symbol not in steps:
                    cure = nearest(symbol, steps)
                    self.problems.add(f"{symbol!r} is not a step", where, cure=cure)
            self._has_extent(line, steps, where)
            money = steps.get(line.monetary or "")
            if money and not money.unit.currency:
                self.problems.add(f"{line.monetary!r} is not money", where, found=f"[{money.unit}]")
            goods = steps.get(line.physical or "")
            if goods and goods.unit.currency:
                self.problems.add(f"{line.physical!r} is money", where, found=f"[{goods.unit}]")
            if goods and money and goods.meaning.axis != money.meaning.axis:
                self.problems.add("physical and monetary have different axes", where)
            self._beside(line, steps, where)
            lines.append(line)
        used = [s for line in lines for s in (line.physical, line.monetary) if s]
        for symbol in sorted({s for s in used if used.count(s) > 1}):
            self.problems.add(f"{symbol!r} stands in two lines", where, cure="count it once")
        return tuple(lines)

    def _beside(self, line: Line, steps: Mapping[str, Step], where: str) -> None:
        """Check that capacity and demand are measured like the flow beside which they stand."""
        goods = steps.get(line.physical or "")
        for symbol in (line.capacity, line.demand):
            step = steps.get(symbol or "")
            if step is None:
                continue
            if goods is None:
                cure = "name the flow as physical"
                self.problems.add(f"{symbol!r} stands beside no flow", where, cure=cure)
                continue
            flow = goods.unit if goods.meaning.degree else goods.unit.times_area()
            own = step.unit if step.meaning.degree else step.unit.times_area()
            if not own.agrees(flow) or goods.meaning.axis != step.meaning.axis:
                what = f"{symbol!r} is not measured like {line.physical!r}"
                self.problems.add(what, where, f"[{step.unit}] and [{goods.unit}]")

    def _has_extent(self, line: Line, steps: Mapping[str, Step], where: str) -> None:
        """Check that a line adds up: a rate per area, a share of area, or a zone's total."""
        for symbol in (line.physical, line.monetary):
            step = steps.get(symbol or "")
            if step is None or step.meaning.degree or step.unit.is_dimensionless:
                continue
            if step.unit.over_area() is None:
                what = f"{symbol!r} is neither a rate per area nor a total of the zone"
                cure = "declare a unit per area (CNY/(ha·yr)), take by_zone(...) of a rate, "
                cure += "or use a total"
                self.problems.add(what, where, f"[{step.unit}]", cure)

    def _result(self, symbol: str, steps: Mapping[str, Step]) -> str:
        """Read which step answers a mechanism's question."""
        if symbol not in steps:
            cure = nearest(symbol, steps)
            self.problems.add(f"the result {symbol!r} is not a step", self.where, cure=cure)
        return symbol

    def _payments(self, raw: list[Any], steps: Mapping[str, Step]) -> tuple[Payment, ...]:
        payments = []
        for number, entry in enumerate(raw, start=1):
            where = f"{self.where}, payment {number}"
            if not check_keys(entry, where, self.problems, _PAYMENT_REQUIRED, _PAYMENT_OPTIONAL):
                continue
            for key in ("amount", "share_of"):
                symbol = entry.get(key)
                if symbol is not None and symbol not in steps:
                    cure = nearest(symbol, steps)
                    self.problems.add(f"{symbol!r} is not a step", where, cure=cure)
                elif symbol is not None and not steps[symbol].unit.currency:
                    found = f"[{steps[symbol].unit}]"
                    self.problems.add(f"{symbol!r} is not money", where, found=found)
            payer, payee = (
                read_title(entry[key], f"{where}, {key}", self.problems)
                for key in ("payer", "payee")
            )
            condition = entry.get("condition")
            if condition is not None:
                condition = read_title(condition, f"{where}, condition", self.problems)
            share_of = entry.get("share_of")
            payments.append(Payment(entry["amount"], payer, payee, share_of, condition))
        return tuple(payments)

    def _checks(self, raw: list[Any]) -> tuple[Check, ...]:
        checks = []
        for number, entry in enumerate(raw, start=1):
            where = f"{self.where}, check {number}"
            if not check_keys(entry, where, self.problems, _CHECK_REQUIRED, _CHECK_OPTIONAL):
                continue
            if entry["symbol"] not in self.env:
                cure = nearest(entry["symbol"], self.env)
                self.problems.add(f"{entry['symbol']!r} is no symbol", where, cure=cure)
            if entry["level"] not in ("warning", "error"):
                what = "level is 'warning' or 'error'"
                self.problems.add(what, where, found=repr(entry["level"]))
            if "at_least" not in entry and "at_most" not in entry:
                self.problems.add("a check has a bound", where, cure="at_least or at_most")
            says = read_title(entry["says"], f"{where}, says", self.problems)
            low, high = entry.get("at_least"), entry.get("at_most")
            checks.append(Check(entry["symbol"], says, entry["level"] == "error", low, high))
        return tuple(checks)

    def _examples(self, raw: list[Any], *, is_mechanism: bool) -> tuple[Example, ...]:
        examples = []
        optional = _MECHANISM_EXAMPLE_OPTIONAL if is_mechanism else _EXAMPLE_OPTIONAL
        for number, entry in enumerate(raw, start=1):
            where = f"{self.where}, example {number}"
            if not check_keys(entry, where, self.problems, _EXAMPLE_REQUIRED, optional):
                continue
            for symbol, value in (*entry["given"].items(), *entry["expect"].items()):
                members = value.values() if isinstance(value, dict) else [value]
                if not all(map(is_number, members)):
                    what = f"{symbol} must be a number, or a table of numbers"
                    self.problems.add(what, where, repr(value)[:80])
            has_area = "area" in entry
            area_unit = read_unit(entry.get("area_unit", "ha"), where, self.problems)
            examples.append(
                Example(
                    entry["given"],
                    entry["expect"],
                    entry["source"],
                    area_unit if has_area else None,
                    float(entry.get("area", 1.0)),
                    float(entry.get("tolerance", ROUNDING)),
                    texts(entry.get("breaks", []), f"{where}, breaks", self.problems),
                )
            )
        if not examples:
            self.problems.add("there is no worked example", self.where)
        return tuple(examples)

    # ------------------------------------------------------------- double entry

    def _unused(self, service: Service) -> None:
        used = {
            name
            for step in service.steps.values()
            for name in formula.symbols(formula.parse(step.checked.text))
        }
        used |= {s for line in service.lines for s in line.symbols}
        used |= {payment.amount for payment in service.payments}
        used |= {check.symbol for check in service.checks}
        for symbol in self.env:
            step = service.steps.get(symbol)
            shown = step and (step.provides or service.result)  # all of a mechanism's are shown
            if symbol not in used and not shown:
                what = f"symbol {symbol!r} is defined and never used"
                self.problems.add(what, self.where, cure="use it or delete it")
        covered = {symbol for example in service.examples for symbol in example.expect}
        for symbol in service.steps:
            if symbol not in covered:
                what = f"step {symbol!r} is in no worked example"
                self.problems.add(what, self.where, cure="add it to an 'expect'")
        broken = {symbol for example in service.examples for symbol in example.breaks}
        for check in service.checks:
            if check.symbol not in broken:
                what = f"the check of {check.symbol!r} is broken by no worked example"
                self.problems.add(what, self.where, cure="add an example with breaks = [...]")

    def _run_examples(self, service: Service) -> None:
        for number, example in enumerate(service.examples, start=1):
            where = f"{self.where}, example {number}"
            try:
                values = run_example(service, example, self.functions)
            except GepError as error:
                for p in error.problems:
                    self.problems.add(p.what, where, p.found, p.cure)
                continue
            for symbol, wanted in example.expect.items():
                if symbol not in service.steps:
                    cure = nearest(symbol, service.steps)
                    self.problems.add(f"expects the unknown step {symbol!r}", where, cure=cure)
                elif symbol not in values:
                    lacks = sorted(
                        set(formula.symbols(service.steps[symbol].checked.tree)) - set(values)
                    )
                    self.problems.add(f"{symbol} cannot be computed", where, f"not given: {lacks}")
                elif not close(values[symbol], wanted, example.tolerance):
                    what = f"{symbol} does not come out as expected"
                    found = f"computed {plain(values[symbol])}, the file expects {wanted}"
                    cure = "work it out by hand, then correct the formula or the example"
                    self.problems.add(what, where, found, cure)
            known = (check for check in service.checks if check.symbol in values)
            broken = {check.symbol for check in known if check.broken_by(values[check.symbol])}
            if broken != set(example.breaks):
                found = f"broken are {sorted(broken)}, the file says {sorted(example.breaks)}"
                self.problems.add("the checks do not come out as expected", where, found)

    def _reconcile(self, service: Service, step: Step) -> None:
        """Compare the printed formula with ours on random draws."""
        where = f"{self.where}, step {step.symbol!r}, printed"
        try:
            ours, theirs, draws = _both_forms(service, step, self.functions, where)
        except GepError as error:
            for p in error.problems:
                self.problems.add(p.what, p.where or where, p.found, p.cure)
            return
        import numpy as np

        tolerance = step.printed.tolerance if step.printed else ROUNDING
        difference = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300)
        difference = np.where((ours == theirs), 0.0, difference)
        if not np.all(np.isfinite(ours)) or not np.all(difference <= tolerance):
            worst = int(np.nanargmax(np.where(np.isnan(difference), np.inf, difference)))
            values = ", ".join(
                f"{name} = {np.ravel(value)[worst % np.size(value)]:.6g}"
                for name, value in draws.items()
            )
            found = (
                f"with {values}: printed {theirs[worst]:.10g}, ours {ours[worst]:.10g} "
                f"[{step.printed.gives if step.printed else ''}], "
                f"ratio {ours[worst] / theirs[worst] if theirs[worst] else float('nan'):.6g}"
            )
            cure = "compare both with the printed page; a round ratio hints at a unit"
            self.problems.add("the printed form disagrees with the formula", where, found, cure)


def close(value: Any, wanted: Any, tolerance: float) -> bool:
    """Say whether a computed value (a number, or one per member) equals the expected one."""
    if isinstance(wanted, dict):
        return (
            isinstance(value, dict)
            and set(value) == set(wanted)
            and all(close(value[k], wanted[k], tolerance) for k in wanted)
        )
    if isinstance(value, dict):
        return False
    return abs(float(value) - float(wanted)) <= tolerance * max(abs(float(wanted)), 1e-12)


def plain(value: Any) -> str:
    """Return a computed value as text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {plain(v)}" for k, v in value.items()) + "}"
    return f"{float(value):.12g}"


def run_example(service: Service, example: Example, functions: Functions) -> dict[str, Any]:
    """Evaluate every step that the example's given values allow; axis values come as dicts."""
    import numpy as np

    members: dict[str, list[str]] = {}
    env: dict[str, Any] = {}
    known = {**service.inputs, **service.coefficients, **service.steps}
    for symbol, value in example.given.items():
        if symbol not in known:
            raise DataError(f"gives the unknown symbol {symbol!r}", cure=nearest(symbol, known))
        axis = _axis_of(service, symbol)
        if isinstance(value, dict):
            if axis is None:
                raise DataError(f"{symbol} has no axis, and the example gives members")
            if members.setdefault(axis, list(value)) != list(value):
                raise DataError(
                    f"the members of {axis} differ between symbols", found=str(list(value))
                )
            env[symbol] = np.array([[float(v)] for v in value.values()])
        elif axis is not None:
            raise DataError(f"{symbol} varies by {axis}", cure="give { member = value, ... }")
        else:
            env[symbol] = np.array([float(value)])
    given = set(env)
    area = convert(example.area_value, example.area or unit("ha"), unit("m²"))

    def by_zone(value: Any, node: formula.Call) -> Any:
        if node.name == formula.SUM_TOTALS:
            return value
        if example.area is None:
            raise DataError("by_zone() needs an area", cure='add area = ... (and area_unit = "ha")')
        return value * area

    for symbol, step in service.steps.items():
        if symbol in given or not set(formula.symbols(step.checked.tree)) <= set(env):
            continue
        env[symbol] = formula.evaluate(
            step.checked.tree,
            env,
            functions,
            by_zone=by_zone,
            labels=lambda _node: tuple(next(iter(members.values()), ())),
        )
    results: dict[str, Any] = {}
    for symbol, value in env.items():
        axis = _axis_of(service, symbol)
        if axis is not None and np.ndim(value) > 1:
            results[symbol] = dict(zip(members[axis], np.ravel(value).tolist(), strict=True))
        else:
            results[symbol] = float(np.ravel(value)[0])
    return results


def _axis_of(service: Service, symbol: str) -> str | None:
    if symbol in service.inputs:
        return service.inputs[symbol].axis
    if symbol in service.coefficients:
        return service.coefficients[symbol].axis
    return service.steps[symbol].meaning.axis


def _unit_of(service: Service, symbol: str) -> Unit:
    for table in (service.inputs, service.coefficients):
        if symbol in table:
            return table[symbol].unit
    return service.steps[symbol].unit


def _both_forms(
    service: Service, step: Step, functions: Functions, where: str
) -> tuple[Any, Any, dict[str, Any]]:
    """Evaluate our form and the printed one on the same random draws, in the printed unit."""
    import numpy as np

    printed = step.printed
    assert printed is not None  # noqa: S101  the caller asks only for printed steps
    random = np.random.default_rng(20200901)
    env: dict[str, Any] = {}
    for symbol, (low, high, axis) in _draw_ranges(service, printed).items():
        shape = (3, DRAWS) if axis else (DRAWS,)
        env[symbol] = random.uniform(low, high, shape)
    area = random.uniform(1.0, 1e4, DRAWS)  # m²

    def by_zone(value: Any, node: formula.Call) -> Any:
        return value if node.name == formula.SUM_TOTALS else value * area

    dates = ("2020-01-15", "2020-06-15", "2020-09-15")
    for symbol, other in service.steps.items():
        if symbol not in printed.draw:
            env[symbol] = formula.evaluate(
                other.checked.tree, env, functions, by_zone=by_zone, labels=lambda _n: dates
            )
        if symbol == step.symbol:
            break
    ours = env.pop(step.symbol)
    as_printed: dict[str, Any] = {
        "A": convert(area, unit("m²"), printed.units.get("A", unit("m²")))
    }
    for symbol, value in env.items():
        own = _unit_of(service, symbol)
        as_printed[symbol] = convert(value, own, printed.units.get(symbol, own))
    for name, text in printed.where.items():
        tree = formula.parse(text, f"{where}, where {name}")
        as_printed[name] = _bare(tree, as_printed, functions, by_zone, dates, where)
    tree = formula.parse(printed.formula, where)
    theirs = _bare(tree, as_printed, functions, by_zone, dates, where)
    own_unit = step.unit
    if "A" in printed.units and step.meaning.degree == 0:
        own_unit = step.unit * unit("m²")
        ours = ours * area
    ours = convert(ours, own_unit, printed.gives)
    return (
        np.ravel(np.broadcast_to(ours, np.shape(theirs) or (1,))),
        np.ravel(np.broadcast_to(theirs, np.shape(ours) or (1,))),
        env,
    )


def _bare(
    tree: formula.Node,
    env: Mapping[str, Any],
    functions: Functions,
    by_zone: Any,
    dates: tuple[str, ...],
    where: str,
) -> Any:
    unknown = [name for name in formula.symbols(tree) if name not in env]
    if unknown:
        what = f"unknown symbol {unknown[0]!r} in the printed form"
        raise RuleError(what, where, cure=nearest(unknown[0], env))
    return formula.evaluate(tree, env, functions, by_zone=by_zone, labels=lambda _n: dates)


def _draw_ranges(service: Service, printed: Printed) -> dict[str, tuple[float, float, str | None]]:
    """Return the range of the random draws of every input and coefficient, in its own unit."""
    ranges: dict[str, tuple[float, float, str | None]] = {}
    for symbol, entry in service.inputs.items():
        limits = entry.quantity.typical or entry.quantity.range or (0.1, 10.0)
        low, high = (float(convert(v, entry.quantity.unit, entry.unit)) for v in limits)
        ranges[symbol] = (low, high, entry.axis)
    for symbol, coefficient in service.coefficients.items():
        limits = coefficient.about.range or (0.1, 10.0)
        low, high = (float(convert(v, coefficient.about.unit, coefficient.unit)) for v in limits)
        ranges[symbol] = (low, high, coefficient.axis)
    for symbol, (low, high) in printed.draw.items():
        if symbol in ranges or symbol in service.steps:
            axis = ranges[symbol][2] if symbol in ranges else service.steps[symbol].meaning.axis
            ranges[symbol] = (low, high, axis)
    return ranges


def count_verified(
    services: Mapping[str, Service], entries: list[Entry]
) -> dict[str, dict[str, int]]:
    """Count steps and coefficients by how well they were checked."""
    counts = {what: dict.fromkeys(VERIFIED, 0) for what in ("steps", "coefficients")}
    for service in services.values():
        for step in service.steps.values():
            counts["steps"][step.verified] += 1
    for entry in entries:
        counts["coefficients"][entry.verified] += 1
    return counts
