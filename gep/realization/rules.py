"""Mechanisms as rule files: find one, give it its numbers, get a calculation sheet."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from gep import library
from gep.errors import DataError, Problems, UsageError, nearest
from gep.functions import FUNCTIONS
from gep.library import Standard
from gep.model import Coefficient, Example, Input, Payment, Service, run_example
from gep.realization.results import (
    Given,
    Line,
    Paid,
    Result,
    allocate,
    read_amount,
    rounded,
    told,
)
from gep.tables import VERIFIED, Entry, Table
from gep.units import Unit, convert, unit

_PERCENT = 100
#: Parts that differ from their whole by less than this share of it are meant to make it up.
_SUM = 1e-9


@dataclass(frozen=True)
class Rule:
    """A mechanism that can be asked: call it with its inputs.

    Inputs go by their symbol or by the name of their quantity, with their units; coefficients are
    those of the rule's tables unless the caller gives his own.

    Examples
    --------
    >>> from gep.realization import rule, rules
    >>> name = next(iter(rules()))
    >>> rule(name).service.kind
    'mechanism'
    """

    folder: Standard
    service: Service

    @property
    def name(self) -> str:
        """The name by which :func:`rule` finds it: ``folder/rule``."""
        return f"{self.folder.id}/{self.service.id}"

    def __call__(
        self,
        *,
        price_year: int | None = None,
        members: Mapping[str, Sequence[str]] | None = None,
        **given: Any,
    ) -> Result:
        """Return the result.

        Parameters
        ----------
        price_year
            Year of the money that goes in and comes out; needed where the result is money.
        members
            For an axis that only tables know (a grade, a class): which of its members count.
        **given
            Inputs by symbol or by the name of the quantity. None says that the number is not known:
            the result is then undetermined, and names it.

        Raises
        ------
        DataError
            With all problems of what was given.
        """
        return _Call(self, given, dict(members or {}), price_year).run()


def rules() -> dict[str, Service]:
    """Return every mechanism that gep ships, by name."""
    return {
        f"{name}/{rule_id}": service
        for name in library.mechanisms()
        for rule_id, service in _shipped(name).services.items()
    }


def rule(name: str, base: Path | None = None) -> Rule:
    """Return a mechanism by name, such as ``"<folder>/<rule>"``.

    Parameters
    ----------
    name
        Folder (an id, or the path of a folder with ``mechanism.toml``) and rule. A folder that
        holds one rule may stand alone.
    base
        Folder to which a relative path is relative.

    Raises
    ------
    UsageError
        If there is no such mechanism.
    RuleError
        If its files are wrong.
    """
    folder, _, rule_id = name.rpartition("/")
    if not folder or (Path(name) / "mechanism.toml").is_file():
        folder, rule_id = name, ""
    loaded = _folder(folder, base)
    if not rule_id and len(loaded.services) == 1:
        rule_id = next(iter(loaded.services))
    if rule_id not in loaded.services:
        cure = nearest(rule_id, loaded.services)
        raise UsageError(f"{loaded.id} has no mechanism {rule_id!r}", cure=cure)
    return Rule(loaded, loaded.services[rule_id])


def _folder(name: str, base: Path | None) -> Standard:
    return _shipped(name) if name in library.mechanisms() else library.mechanism(name, base)


@functools.cache
def _shipped(name: str) -> Standard:
    return library.mechanism(name)


class _Call:
    def __init__(
        self,
        called: Rule,
        given: Mapping[str, Any],
        members: dict[str, Sequence[str]],
        price_year: int | None,
    ) -> None:
        self.rule, self.service, self.folder = called, called.service, called.folder
        self.members: dict[str, tuple[str, ...]] = {k: tuple(v) for k, v in members.items()}
        self.price_year = price_year
        self.problems = Problems()
        self.notes: list[str] = []
        self.levels = {self.service.verified, *(s.verified for s in self.service.steps.values())}
        self.given = self._named(given)

    def _named(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was given by symbol; refuse what the rule does not know."""
        names = {entry.quantity.name: symbol for symbol, entry in self.service.inputs.items()}
        names |= {symbol: symbol for symbol in self.service.inputs}
        names |= {symbol: symbol for symbol in self.service.coefficients}
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name not in names:
                cure = nearest(name, names)
                self.problems.add(f"there is no input {name!r}", self._at(), cure=cure)
            elif names[name] in found:
                self.problems.add(f"{names[name]!r} is given twice", self._at())
            else:
                found[names[name]] = value
        return found

    def _at(self, symbol: str = "") -> str:
        return f"{self.rule.name}, {symbol}" if symbol else self.rule.name

    def run(self) -> Result:
        inputs = self._inputs()
        result_unit = self.service.steps[str(self.service.result)].unit
        if result_unit.currency and self.price_year is None:
            cure = "say of which year the money is: price_year=2020"
            self.problems.add("the price year is missing", self._at(), cure=cure)
        unknown = tuple(s for s, value in self.given.items() if value is None)
        if unknown:
            self.problems.raise_if_any(DataError)
            return self._result(inputs, {}, unknown)
        coefficients = self._coefficients()
        self.problems.raise_if_any(DataError)
        every = {**inputs, **coefficients}
        example = Example({s: g.value for s, g in every.items()}, {}, "")
        values = run_example(self.service, example, FUNCTIONS)
        self._check(values)
        self.problems.raise_if_any(DataError)
        return self._result(every, values, ())

    # ------------------------------------------------------------------ what goes in

    def _inputs(self) -> dict[str, Given]:
        found: dict[str, Given] = {}
        for symbol, entry in self.service.inputs.items():
            where = self._at(symbol)
            title = entry.quantity.title
            if symbol not in self.given:
                cure = f"give {entry.quantity.name}=..., in [{entry.unit}]; None if not known"
                self.problems.add(f"{title.en} {title.zh} is missing", where, cure=cure)
                continue
            if self.given[symbol] is None:
                found[symbol] = Given(title, None, str(entry.unit))
                continue
            value = read_amount(self.given[symbol], entry.unit, where, self.problems)
            self._axis(symbol, entry.axis, value)
            self._limits(entry, value, where)
            found[symbol] = Given(title, value, str(entry.unit))
        return found

    def _axis(self, symbol: str, axis: str | None, value: Any) -> None:
        if (axis is not None) != isinstance(value, Mapping):
            what = f"{symbol} varies by {axis}" if axis else f"{symbol} is one number"
            cure = "give {member: amount, ...}" if axis else ""
            self.problems.add(what, self._at(symbol), found=told(value)[:80], cure=cure)
        elif axis is not None:
            own = tuple(value)
            if not own:
                self.problems.add(f"{symbol} has no member", self._at(symbol))
            wanted = self.members.setdefault(axis, own)
            if set(wanted) != set(own):
                odd = sorted(set(wanted) ^ set(own))
                what = f"the members of {axis} differ between inputs"
                found = f"not in both: {', '.join(odd)}"
                self.problems.add(what, self._at(symbol), found, "give every member, everywhere")

    def _limits(self, entry: Input, value: Any, where: str) -> None:
        quantity = entry.quantity
        for number in value.values() if isinstance(value, Mapping) else [value]:
            own = float(convert(number, entry.unit, quantity.unit))
            if math.isnan(own):
                continue  # told already
            low, high = quantity.range or (-float("inf"), float("inf"))
            if high == 1 and quantity.unit.is_number and 1 < own <= _PERCENT:
                cure = f"write {own / _PERCENT:g} or '{own:g} %'"
                what = f"{quantity.title.en} looks like a percentage"
                self.problems.add(what, where, f"{own:g}", cure)
            elif not low <= own <= high:
                what = f"{quantity.title.en} lies outside {low:g} to {high:g} [{quantity.unit}]"
                self.problems.add(what, where, f"{own:g}", "check the number and its unit")
            elif quantity.typical and not quantity.typical[0] <= own <= quantity.typical[1]:
                span = f"{quantity.typical[0]:g} to {quantity.typical[1]:g} [{quantity.unit}]"
                what = f"{quantity.title.en} is unusual: mostly {span}"
                self.problems.warn(what, where, f"{own:g}", "check the number and its unit")

    def _coefficients(self) -> dict[str, Given]:
        found: dict[str, Given] = {}
        for symbol, entry in self.service.coefficients.items():
            title = entry.about.title
            if symbol in self.given:
                value = read_amount(self.given[symbol], entry.unit, self._at(symbol), self.problems)
                self._axis(symbol, entry.axis, value)
                found[symbol] = Given(title, value, str(entry.unit), source="given 由用户给出")
                continue
            table = self.folder.tables[entry.table]
            rows = self._rows(symbol, entry, table)
            numbers = {m: float(convert(e.value, e.unit, entry.unit)) for m, e in rows.items()}
            self._told(symbol, rows)
            about = next(iter(rows.values()), None)
            if about is None:
                continue
            value = numbers if entry.axis else next(iter(numbers.values()))
            source = "; ".join(dict.fromkeys(table.source_text(e) for e in rows.values()))
            verified = max((e.verified for e in rows.values()), key=VERIFIED.index)
            note = " ".join(dict.fromkeys(e.note for e in rows.values() if e.note))
            found[symbol] = Given(title, value, str(entry.unit), source, verified, note)
        return found

    def _rows(self, symbol: str, entry: Coefficient, table: Table) -> dict[str, Entry]:
        """Return the rows of a coefficient: one, or one for each member of its axis."""
        if entry.axis is None:
            if entry.column in table.dated:
                year = self.price_year or max(e.price_year or 0 for e in table.dated[entry.column])
                return {"": table.at_prices_of(entry.column, year)}
            return {"": next(iter(table.entries[entry.column].values()))}
        rows = {key[0]: row for key, row in table.entries[entry.column].items()}
        wanted = self.members.setdefault(entry.axis, tuple(rows))
        for member in wanted:
            if member not in rows:
                what = f"{entry.axis} {member!r} is unknown"
                where = f"{self._at(symbol)}, {table.path.name}"
                self.problems.add(what, where, cure=nearest(member, rows))
        return {member: rows[member] for member in wanted if member in rows}

    def _told(self, symbol: str, rows: Mapping[str, Entry]) -> None:
        for entry in rows.values():
            self.levels.add(entry.verified)
            if entry.note:
                self.notes.append(entry.note)
            if entry.price_year not in (None, self.price_year) and self.price_year is not None:
                year = entry.price_year
                note = f"{symbol}: 文件所载 {year} 年金额，未作调整 as the text of {year} states it"
                self.notes.append(note)

    # ----------------------------------------------------------------- what comes out

    def _check(self, values: Mapping[str, Any]) -> None:
        for symbol, value in values.items():
            numbers = value.values() if isinstance(value, Mapping) else [value]
            if not all(abs(n) < float("inf") for n in numbers):
                what = f"{symbol} has no finite value"
                self.problems.add(what, self._at(symbol), told(value), "check what it divides by")
        for check in self.service.checks:
            if check.symbol in values and check.broken_by(values[check.symbol]):
                what = f"{check.says.en} {check.says.zh}"
                found = f"{check.symbol} = {told(values[check.symbol])}"
                note = self.problems.add if check.refuses else self.problems.warn
                note(what, self._at(check.symbol), found)

    def _result(
        self, inputs: Mapping[str, Given], values: Mapping[str, Any], unknown: tuple[str, ...]
    ) -> Result:
        service = self.service
        name = str(service.result)
        lines = tuple(
            Line(
                symbol,
                step.title,
                values[symbol],
                str(step.unit),
                step.checked.text,
                step.cite,
                step.verified,
                step.note,
            )
            for symbol, step in service.steps.items()
            if symbol in values
        )
        notes = [f"{service.note.zh} {service.note.en}"] if service.note else []
        source = service.cite.partition(",")[0]
        return Result(
            title=service.title,
            value=values.get(name),
            unit=str(service.steps[name].unit),
            rule=self.rule.name,
            price_year=self.price_year,
            document=self.folder.number,
            cite=service.cite,
            source=self.folder.sources.get(source),
            verified=max(self.levels, key=VERIFIED.index),
            inputs=inputs,
            lines=lines,
            payments=tuple(self._payments(values)) if values else (),
            warnings=self.problems.warnings,
            notes=tuple(dict.fromkeys([*notes, *self.notes])),
            undetermined=tuple(self._quantity(symbol) for symbol in unknown),
        )

    def _quantity(self, symbol: str) -> str:
        entry = self.service.inputs.get(symbol)
        return symbol if entry is None else entry.quantity.name

    def _payments(self, values: Mapping[str, Any]) -> list[Paid]:
        """Return the payments, rounded once; parts of one whole add to it."""
        wholes: dict[str | None, list[tuple[Payment, str, float]]] = {}
        for payment in self.service.payments:
            value = values[payment.amount]
            factor = _money(self.service.steps[payment.amount].unit)[1]
            shares = value.items() if isinstance(value, Mapping) else [("", value)]
            wholes.setdefault(payment.share_of, []).extend(
                (payment, member, number * factor) for member, number in shares
            )
        paid: list[Paid] = []
        for whole, parts in wholes.items():
            amounts = [rounded(number) for _, _, number in parts]
            if whole is not None and all(number >= 0 for _, _, number in parts):
                total = values[whole] * _money(self.service.steps[whole].unit)[1]
                amounts = _parts(total, [number for _, _, number in parts])
            for (payment, member, _), amount in zip(parts, amounts, strict=True):
                if not amount:
                    continue
                step = self.service.steps[payment.amount]
                currency, _ = _money(step.unit)
                paid.append(
                    Paid(
                        payment.payer,
                        payment.payee,
                        amount,
                        currency,
                        step.title,
                        step.cite,
                        member,
                        payment.condition,
                    )
                )
        return paid


def _parts(total: float, parts: Sequence[float]) -> list[Decimal]:
    """Return parts that were meant to make up a total, rounded so that they do."""
    if not any(parts):
        return [Decimal(0)] * len(parts)
    if abs(sum(parts) - total) <= abs(total) * _SUM:
        return allocate(total, parts)
    return [rounded(part) for part in parts]  # a part is left open (held back, not yet due)


def _money(found: Unit) -> tuple[str, float]:
    """Return the currency unit in which a step is paid, and the factor that takes it there."""
    for text in (found.currency, f"{found.currency}/yr"):
        wanted = unit(str(text))
        if wanted.agrees(found):
            return str(text), float(found.factor_to(wanted))
    return str(found), 1.0
