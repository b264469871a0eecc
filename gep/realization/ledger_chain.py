"""The rules of the ledger: how rows are chained, and what a row may do after those before it.

The same :class:`Replay` guards every write and re-reads the whole ledger when it is verified.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from gep.errors import DataError, Problem
from gep.realization.registry import read_date
from gep.realization.registry_area import areas_m2

#: The columns of a row that its hash covers, besides ``prev``.
COLUMNS = ("seq", "time", "action", "unit_id", "holder_from", "holder_to", "quantity", "document")
_DIGITS = 12  # decimals of a quantity
_LARGEST = Decimal(10) ** 18
#: What reading details raises that somebody changed.
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, CRSError, shapely.GEOSException)


def canonical(value: Any) -> str:
    """Return JSON that is always the same text for the same value: sorted keys, no floats.

    >>> canonical({"b": 1, "a": ["碳票", None]})
    '{"a":["碳票",null],"b":1}'
    """
    queue = [value]
    while queue:
        item = queue.pop()
        if isinstance(item, float):
            raise DataError(
                "a float has no one text", found=repr(item), cure="give a Decimal's text"
            )
        queue += (
            item.values() if isinstance(item, Mapping) else item if isinstance(item, list) else ()
        )
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hexadecimal."""
    return digest_text(canonical(value))


def digest_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def row_hash(row: Mapping[str, Any]) -> str:
    """Return the hash of a row: over all its columns, ``details`` and the hash before it."""
    return digest({name: row[name] for name in (*COLUMNS, "details", "prev")})


def read_quantity(given: Any, where: str) -> Decimal:
    """Return a quantity that may stand in the ledger.

    Parameters
    ----------
    given
        A Decimal, a whole number or text; above zero, with at most 12 decimals.

    Raises
    ------
    DataError
        If it is none: a float has no one text.

    Examples
    --------
    >>> read_quantity("1250.50", "issue"), read_quantity(3, "issue")
    (Decimal('1250.5'), Decimal('3'))
    """
    cure = "give text such as '1250.5', a Decimal or a whole number"
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        raise DataError("a quantity is exact: this is not", where, repr(given), cure)
    try:
        value = Decimal(given)
    except InvalidOperation:
        raise DataError("this is not a quantity", where, repr(given), cure) from None
    if not value.is_finite() or not 0 < value < _LARGEST:
        raise DataError("a quantity is above zero and below 10^18", where, repr(given), cure)
    if value != round(value, _DIGITS):
        raise DataError(f"a quantity has at most {_DIGITS} decimals", where, str(value), "round it")
    return Decimal(quantity_text(value))


def quantity_text(value: Decimal) -> str:
    """Return the one text of a quantity: no exponent, no zeros at the end.

    >>> quantity_text(Decimal("1250.50")), quantity_text(Decimal("1E+3"))
    ('1250.5', '1000')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# ---------------------------------------------------------------------------------- the state


@dataclass
class Pledge:
    """A quantity that a holder gave as security, until it is released."""

    unit_id: str
    holder: str
    creditor: str
    quantity: Decimal
    end: dt.date


@dataclass
class UnitAccount:
    """What the rows so far say of a unit."""

    details: Mapping[str, Any]
    shapes: Mapping[str, shapely.Geometry | None]  # parcel -> geometry as issued
    issue: int
    issued: Decimal
    retired: Decimal = Decimal(0)
    cancelled: Decimal = Decimal(0)
    balances: dict[str, Decimal] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it still claims its services, parcels and years: not all was cancelled."""
        return self.issued > self.cancelled

    @property
    def right_end(self) -> dt.date | None:
        """The first day on which a right of one of its parcels ends; None if none does."""
        ends = [read_date(p["right_end"]) for p in self.details["parcels"] if p["right_end"]]
        return min((end for end in ends if end), default=None)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row: in which field, what, what was found and what helps."""

    column: str
    what: str
    found: str = ""
    cure: str = ""

    def at(self, where: str) -> Problem:
        """Return the fault as a problem."""
        return Problem(self.what, where, self.found, self.cure)


class _Refused(Exception):  # noqa: N818  it leaves this module as a Fault
    def __init__(self, *fault: str) -> None:
        super().__init__()
        self.fault = Fault(*fault)


class Replay:
    """The ledger's state after the rows that it was given, in order."""

    def __init__(self, genesis: str) -> None:
        self.genesis = genesis
        self.count = 0
        self.head = genesis
        self.time = ""
        self.units: dict[str, UnitAccount] = {}
        self.pledges: dict[int, Pledge] = {}
        self._acts: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], None]] = {
            "issue": self._issue,
            "transfer": self._transfer,
            "pledge": self._pledge,
            "release": self._release,
            "retire": self._retire,
            "cancel": self._cancel,
        }

    def take(self, row: Mapping[str, Any]) -> list[Fault]:
        """Take a row, its place in the chain and its act; return what is wrong.

        An act that is wrong is not done.

        ``hash`` may be missing: the row is then about to be written.
        """
        faults = list(self._chain(row))
        self.count = row["seq"] if isinstance(row["seq"], int) else self.count + 1
        self.head = str(row.get("hash", self.head))
        self.time = max(self.time, str(row["time"]))
        try:
            self._act(row)
        except _Refused as refused:
            faults.append(refused.fault)
        return faults

    def _chain(self, row: Mapping[str, Any]) -> Iterator[Fault]:
        if row["seq"] != self.count + 1:
            found = f"row {row['seq']} after row {self.count}"
            yield Fault("seq", "rows are missing, or are numbered twice", found)
        if row["prev"] != self.head:
            what = "it does not follow the row before it"
            yield Fault("prev", what, f"{row['prev']}, not {self.head}")
        if "hash" in row and row["hash"] != row_hash(row):
            what = "the row was changed after it was written"
            yield Fault("hash", what, f"{row['hash']}, computed {row_hash(row)}")
        if str(row["time"]) < self.time:
            yield Fault("time", "it is earlier than the row before it", f"{row['time']}")

    def _act(self, row: Mapping[str, Any]) -> None:
        act = self._acts.get(row["action"])
        if act is None:
            raise _Refused("action", f"{row['action']!r} is no action", "", ", ".join(self._acts))
        try:
            details = json.loads(row["details"])
            act(row, details)
        except _UNREADABLE as error:
            raise _Refused("details", "the details cannot be read", repr(error)) from None

    # ------------------------------------------------------------------- parts

    def _unit(self, row: Mapping[str, Any]) -> UnitAccount:
        unit = self.units.get(row["unit_id"])
        if unit is None:
            raise _Refused("unit_id", f"there is no unit {row['unit_id']!r}", "", "issue it first")
        return unit

    @staticmethod
    def _quantity(row: Mapping[str, Any]) -> Decimal:
        try:
            value = read_quantity(row["quantity"], "")
        except DataError as error:
            problem = error.problems[0]
            raise _Refused("quantity", problem.what, problem.found, problem.cure) from None
        if quantity_text(value) != row["quantity"]:
            raise _Refused("quantity", "the quantity is not in its one form", repr(row["quantity"]))
        return value

    def pledged(self, unit_id: str, holder: str) -> Decimal:
        """Return how much of a unit a holder has pledged."""
        return sum(
            (
                p.quantity
                for p in self.pledges.values()
                if (p.unit_id, p.holder) == (unit_id, holder)
            ),
            Decimal(0),
        )

    def _free(self, row: Mapping[str, Any], quantity: Decimal, verb: str) -> UnitAccount:
        """Refuse what a holder does not have, or has pledged."""
        unit, holder = self._unit(row), row["holder_from"]
        held = unit.balances.get(holder, Decimal(0))
        pledged = self.pledged(row["unit_id"], holder)
        if quantity > held - pledged:
            found = (
                f"{holder} holds {quantity_text(held)}, of which {quantity_text(pledged)} pledged"
            )
            what = f"{quantity_text(quantity)} cannot be {verb}: that much is not free"
            cure = "release the pledge first" if quantity <= held else ""
            raise _Refused("quantity", what, found, cure)
        return unit

    @staticmethod
    def _named(row: Mapping[str, Any], *columns: str) -> None:
        for column in columns:
            if not isinstance(row[column], str) or not row[column].strip():
                raise _Refused(column, f"{column} is missing")

    # -------------------------------------------------------------------- acts

    def _issue(self, row: Mapping[str, Any], details: Mapping[str, Any]) -> None:
        self._named(row, "unit_id", "holder_to")
        quantity = self._quantity(row)
        if row["unit_id"] in self.units:
            cure = "give the new unit an id of its own"
            raise _Refused("unit_id", f"the unit {row['unit_id']!r} was issued before", "", cure)
        first, last = int(details["year_from"]), int(details["year_to"])
        if first > last:
            raise _Refused("details", "the years are reversed", f"{first} to {last}")
        shapes = {
            p["id"]: shapely.from_wkb(p["wkb"]) if p["wkb"] else None for p in details["parcels"]
        }
        unit = UnitAccount(
            details, shapes, row["seq"], quantity, balances={row["holder_to"]: quantity}
        )
        end = unit.right_end
        if end is not None and last > end.year:
            cure = "issue for the years that the right lasts"
            raise _Refused(
                "details", "the years outlive the right", f"to {last}, right to {end}", cure
            )
        for clash in self.clashes(unit):
            raise _Refused(
                "details",
                "this was issued before: it would be sold twice",
                clash,
                "sell what is left of the earlier unit, or cancel it",
            )
        self.units[row["unit_id"]] = unit

    def clashes(self, new: UnitAccount) -> Iterator[str]:
        """Yield, for every live unit that claims a service, parcel and year of a new one, which."""
        crs, tolerance = CRS(new.details["crs"]), float(new.details["tolerance_m2"])
        for name, unit in self.units.items():
            services = set(unit.details["claims"]) & set(new.details["claims"])
            first = max(unit.details["year_from"], new.details["year_from"])
            last = min(unit.details["year_to"], new.details["year_to"])
            if not unit.is_live or not services or first > last:
                continue
            where = next(_shared(unit.shapes, new.shapes, crs, tolerance), None)
            if where:
                programme = unit.details["programme"] or unit.details["right_type"]
                what = ", ".join(sorted(services))
                yield f"{what} of {where}, {first} to {last}, in unit {name} ({programme})"

    def _transfer(self, row: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        self._named(row, "holder_from", "holder_to")
        if row["holder_from"] == row["holder_to"]:
            raise _Refused("holder_to", "giver and taker are the same", row["holder_to"])
        quantity = self._quantity(row)
        unit = self._free(row, quantity, "transferred")
        unit.balances[row["holder_from"]] -= quantity
        unit.balances[row["holder_to"]] = unit.balances.get(row["holder_to"], Decimal(0)) + quantity

    def _pledge(self, row: Mapping[str, Any], details: Mapping[str, Any]) -> None:
        self._named(row, "holder_from", "holder_to")
        quantity = self._quantity(row)
        unit = self._free(row, quantity, "pledged")
        end, right_end = dt.date.fromisoformat(details["end"]), unit.right_end
        if right_end is not None and end > right_end:
            found = f"pledge to {end}, right to {right_end}"
            raise _Refused("details", "the pledge outlives the right", found)
        self.pledges[row["seq"]] = Pledge(
            row["unit_id"], row["holder_from"], row["holder_to"], quantity, end
        )

    def _release(self, row: Mapping[str, Any], details: Mapping[str, Any]) -> None:
        quantity, number = self._quantity(row), details["pledge"]
        pledge = self.pledges.get(number)
        if pledge is None or pledge.unit_id != row["unit_id"]:
            cure = f"open pledges: {', '.join(map(str, self.pledges)) or 'none'}"
            raise _Refused("details", f"row {number} is no open pledge of the unit", "", cure)
        if (pledge.creditor, pledge.holder) != (row["holder_from"], row["holder_to"]):
            found = f"pledged by {pledge.holder} to {pledge.creditor}"
            raise _Refused("holder_from", "the parties are not those of the pledge", found)
        if quantity > pledge.quantity:
            found = f"{quantity_text(quantity)} of {quantity_text(pledge.quantity)}"
            raise _Refused("quantity", "more is released than was pledged", found)
        pledge.quantity -= quantity
        if not pledge.quantity:
            del self.pledges[number]

    def _retire(self, row: Mapping[str, Any], _: Mapping[str, Any]) -> None:
        self._named(row, "holder_from")
        quantity = self._quantity(row)
        unit = self._free(row, quantity, "retired")
        unit.balances[row["holder_from"]] -= quantity
        unit.retired += quantity

    def _cancel(self, row: Mapping[str, Any], details: Mapping[str, Any]) -> None:
        self._named(row, "holder_from")
        quantity = self._quantity(row)
        unit = self._free(row, quantity, "cancelled")
        if details["reverses"] != unit.issue:
            found = f"row {details['reverses']}, issued in row {unit.issue}"
            raise _Refused("details", "a cancellation reverses the unit's issue", found)
        unit.balances[row["holder_from"]] -= quantity
        unit.cancelled += quantity


def _shared(
    old: Mapping[str, shapely.Geometry | None],
    new: Mapping[str, shapely.Geometry | None],
    crs: CRS,
    tolerance_m2: float,
) -> Iterator[str]:
    """Yield the parcels, or overlaps of parcels, that two units have in common."""
    yield from (f"parcel {name}" for name in new if name in old)
    for mine, shape in new.items():
        for other, there in old.items():
            if shape is None or there is None or not shapely.intersects(shape, there):
                continue
            area = areas_m2([shapely.intersection(shape, there)], crs)[0]
            if area > tolerance_m2:
                yield f"{area:.0f} m² that parcel {mine} shares with parcel {other}"
