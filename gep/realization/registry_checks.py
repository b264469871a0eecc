"""What may not stand in a book: one list of checks, for every write and for a book as a whole."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
import sqlalchemy as sa
from pyproj import CRS

from gep.errors import Problems
from gep.realization import store
from gep.realization.registry import ORDER, Uses, reached, words
from gep.realization.registry_area import areas_ha, overlaps

Row = Mapping[str, Any]
#: An area given that is less than half or more than double the measured one is not the parcel's.
_AREA_RATIO = 2.0
#: Rights over these things are sold by quantity: two projects may not both count on one.
_SOLD_BY_QUANTITY = ("carbon", "abstraction")
_WORDS = {
    "parcels": {"asset_type": "asset_type", "right": "right", "state": "state"},
    "deposits": {"mode": "mode", "state": "deposit_state"},
    "encumbrances": {"kind": "encumbrance"},
    "packages": {"use": "use", "state": "package_state"},
}


@dataclass(frozen=True)
class Snapshot:
    """All rows of the registry at one moment."""

    parcels: Mapping[str, Row]
    deposits: Mapping[str, Row]
    encumbrances: Mapping[str, Row]
    packages: Mapping[str, Row]
    restrictions: Mapping[str, tuple[str, ...]]  # parcel -> restrictions
    members: Mapping[str, tuple[str, ...]]  # package -> deposits
    crs: CRS
    tolerance_m2: float

    @classmethod
    def read(cls, connection: sa.Connection, meta: Mapping[str, str]) -> Snapshot:
        """Read the registry."""

        def rows(table: sa.Table) -> list[Row]:
            query = sa.select(table).order_by(table.c.fid)
            return [dict(row) for row in connection.execute(query).mappings()]

        def by_id(table: sa.Table) -> dict[str, Row]:
            return {row["id"]: row for row in rows(table)}

        restrictions, members = defaultdict(list), defaultdict(list)
        for row in rows(store.RESTRICTIONS):
            restrictions[row["parcel_id"]].append(row["restriction"])
        for row in rows(store.MEMBERS):
            members[row["package_id"]].append(row["deposit_id"])
        return cls(
            by_id(store.PARCELS),
            by_id(store.DEPOSITS),
            by_id(store.ENCUMBRANCES),
            by_id(store.PACKAGES),
            {k: tuple(v) for k, v in restrictions.items()},
            {k: tuple(v) for k, v in members.items()},
            CRS(meta["crs"]),
            float(meta["overlap_tolerance_m2"]),
        )

    def deposits_of(self, parcel: str) -> list[Row]:
        """Return the active deposits of a parcel."""
        return [
            d for d in self.deposits.values() if d["parcel_id"] == parcel and d["state"] == "active"
        ]

    def packages_of(self, deposit: str) -> list[str]:
        """Return the active packages that hold a deposit."""
        return [p for p in self.active_packages() if deposit in self.members.get(p, ())]

    def packages_of_parcel(self, parcel: str) -> list[str]:
        """Return the active packages that hold an active deposit of a parcel."""
        return [p for d in self.deposits_of(parcel) for p in self.packages_of(d["id"])]

    def active_packages(self) -> list[str]:
        """Return the packages that were not dissolved."""
        return [name for name, row in self.packages.items() if row["state"] == "active"]

    def active_members(self, package: str) -> list[Row]:
        """Return the active deposits of a package."""
        found = (self.deposits.get(name) for name in self.members.get(package, ()))
        return [d for d in found if d is not None and d["state"] == "active"]

    def term_end(self, deposit: Row) -> dt.date | None:
        """Return when a deposit ends: by its contract or with the right, whichever is first."""
        right_end = self.parcels.get(deposit["parcel_id"], {}).get("right_end")
        return min((d for d in (deposit["end"], right_end) if d is not None), default=None)


def whole_years(start: dt.date, end: dt.date) -> int:
    """Return the whole years from one date to another; 0 if the end comes first.

    >>> whole_years(dt.date(2026, 1, 1), dt.date(2045, 12, 31))
    19
    """
    years = end.year - start.year - ((end.month, end.day) < (start.month, start.day))
    return max(years, 0)


class Checks:
    """All checks of a snapshot. ``label`` says how a record is named in messages."""

    def __init__(
        self,
        book: Snapshot,
        uses: Uses,
        label: Callable[[str, str], str] = lambda kind, name: f"{kind} {name}",
    ) -> None:
        self.book, self.uses, self.label = book, uses, label
        self.problems = Problems()

    def run(self, at: dt.date | None = None) -> Problems:
        """Return everything that is wrong, and what a reader should know.

        Parameters
        ----------
        at
            The day of the check: what has ended by then is named. None: no day is looked at.
        """
        self._words()
        for name, row in self.book.parcels.items():
            self._parcel(row, self.label("parcel", name), at)
        for name, row in self.book.deposits.items():
            self._deposit(row, self.label("deposit", name), at)
        for name, row in self.book.encumbrances.items():
            self._encumbrance(row, self.label("encumbrance", name))
        self._overlaps()
        for name in self.book.active_packages():
            self._package(self.book.packages[name], self.label("package", name))
        self._sold_by_quantity()
        return self.problems

    def _words(self) -> None:
        known = words().lists
        for table, columns in _WORDS.items():
            for name, row in getattr(self.book, table).items():
                for column, of in columns.items():
                    if row[column] is not None and row[column] not in known[of]:
                        where = f"{self.label(table[:-1], name)}, {column}"
                        what = f"{row[column]!r} is not a known {of}"
                        self.problems.add(what, where, cure=words().cure(of, row[column]))
        for parcel, restrictions in self.book.restrictions.items():
            for restriction in restrictions:
                if restriction not in known["restriction"]:
                    where = f"{self.label('parcel', parcel)}, restrictions"
                    cure = words().cure("restriction", restriction)
                    self.problems.add(
                        f"{restriction!r} is not a known restriction", where, cure=cure
                    )

    # ----------------------------------------------------------------- records

    def _parcel(self, row: Row, where: str, at: dt.date | None) -> None:
        self._geometry(row, where)
        self._order(row, "right_start", "right_end", where)
        state = row["state"]
        right_end = row["right_end"]
        if reached(state, "titled"):
            if row["right"] is None:
                cure = "put the right on record, or leave the parcel surveyed"
                self.problems.add(f"a parcel that is {state} has no right", where, cure=cure)
            elif right_end is None and not _open_ended(row):
                cure = "put right_end on record; only ownership has no end"
                self.problems.add("the end of the right is not known", where, row["right"], cure)
        if reached(state, "valued"):
            self._certified(row, where)
        deposits = self.book.deposits_of(row["id"])
        if reached(state, "deposited") and not deposits:
            self.problems.add(f"a parcel that is {state} has no active deposit", where)
        if reached(state, "packaged") and not self.book.packages_of_parcel(row["id"]):
            self.problems.add(f"a parcel that is {state} is in no package", where)
        if at is not None and right_end is not None and right_end < at and state in ORDER:
            cure = "move the parcel to expired, or put the renewed right on record"
            self.problems.warn("the right has ended", where, f"on {right_end}", cure)

    def _certified(self, row: Row, where: str) -> None:
        """Refuse a state beyond titled without the certificates of the right and the deposit."""
        lacking = [] if row["certificate_no"] else ["the right"]
        lacking += [
            f"deposit {d['id']}"
            for d in self.book.deposits_of(row["id"])
            if not d["certificate_no"]
        ]
        if lacking:
            what = (
                f"a parcel that is {row['state']} needs certificates: without them it stays titled"
            )
            cure = "put certificate_no on record"
            self.problems.add(what, where, f"none of {', '.join(lacking)}", cure)

    def _geometry(self, row: Row, where: str) -> None:
        shape = row["geom"]
        if shape is None:
            if row["area_ha"] is None:
                cure = "give a geometry, or the area on the certificate"
                self.problems.add("the parcel has neither geometry nor area", where, cure=cure)
            else:
                what = "the parcel has no geometry: whether it overlaps another is undetermined"
                self.problems.warn(what, where)
            return
        fault = geometry_fault(shape)
        if fault:
            self.problems.add(fault[0], where, *fault[1:])
            return
        measured = areas_ha([shape], self.book.crs)[0]
        given = row["area_ha"]
        if given and measured and not 1 / _AREA_RATIO <= given / measured <= _AREA_RATIO:
            cure = "give hectares: 1 ha is 15 亩"
            found = f"{given:g} ha given, {measured:.4g} ha measured"
            self.problems.warn("the area is not that of the geometry", where, found, cure)

    def _order(self, row: Row, first: str, last: str, where: str) -> None:
        start, end = row[first], row[last]
        if start is not None and end is not None and start > end:
            self.problems.add(f"{first} is after {last}", where, f"{start} to {end}")

    def _deposit(self, row: Row, where: str, at: dt.date | None) -> None:
        parcel = self.book.parcels.get(row["parcel_id"])
        if parcel is None:
            self.problems.add(f"there is no parcel {row['parcel_id']!r}", where)
            return
        self._order(row, "start", "end", where)
        if row["state"] != "active":
            return
        self._within_right(row, parcel, where, "deposit")
        start = parcel["right_start"]
        if start is not None and row["start"] is not None and row["start"] < start:
            found = f"deposit from {row['start']}, right from {start}"
            self.problems.add("the deposit begins before the right", where, found)
        for name in ("unit_rent", "share", "escalation"):
            if row[name] is not None and row[name] < 0:
                self.problems.add(f"{name} is negative", where, f"{row[name]:g}")
        if (row["unit_rent"] is None) != (row["rent_unit"] is None):
            cure = "give unit_rent and rent_unit, for example 37.7 and 元/(亩·yr)"
            self.problems.add("a rent is a number with its unit", where, cure=cure)
        needed = {"lease": "unit_rent", "shares": "share"}.get(row["mode"])
        if needed and row[needed] is None:
            title = words().say("mode", row["mode"], "zh")
            self.problems.warn(f"{needed} of a {row['mode']} ({title}) is undetermined", where)
        if at is not None and row["end"] is not None and row["end"] < at:
            cure = "move the parcel to expired or returned"
            self.problems.warn("the deposit has ended", where, f"on {row['end']}", cure)

    def _within_right(self, row: Row, parcel: Row, where: str, what: str) -> None:
        end, right_end = row["end"], parcel["right_end"]
        if right_end is None and not _open_ended(parcel):
            cure = f"put right_end of parcel {parcel['id']} on record; only ownership has no end"
            self.problems.add(
                f"whether the {what} outlives the right is undetermined", where, cure=cure
            )
        elif right_end is not None and end is not None and end > right_end:
            found = f"{what} to {end}, right to {right_end}"
            cure = "a right cannot be given for longer than it lasts"
            self.problems.add(f"the {what} outlives the right", where, found, cure)

    def _encumbrance(self, row: Row, where: str) -> None:
        parcel = self.book.parcels.get(row["parcel_id"])
        if parcel is None:
            self.problems.add(f"there is no parcel {row['parcel_id']!r}", where)
            return
        self._order(row, "start", "end", where)
        kind = words().lists["encumbrance"].get(str(row["kind"]))
        if kind is None or not kind.about["within_right"]:
            return
        if row["end"] is None:
            what = f"whether the {row['kind']} outlives the right is undetermined"
            self.problems.warn(what, where, cure="give its end")
        else:
            self._within_right(row, parcel, where, str(row["kind"]))

    # ---------------------------------------------------------------- conflicts

    def _overlaps(self) -> None:
        """Refuse two active deposits of one right over the same thing at the same time."""
        groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for deposit in self.book.deposits.values():
            parcel = self.book.parcels.get(deposit["parcel_id"])
            if deposit["state"] == "active" and parcel is not None:
                groups[str(parcel["right"]), _covers(parcel)].append(deposit)
        for (right, _), deposits in groups.items():
            for one, other, shared in self._pairs(deposits):
                if _apart(one, other):
                    continue
                what = f"it overlaps deposit {one['id']} of the same right"
                title = words().say("right", right, "zh")
                found = f"{right} ({title}), {shared}"
                cure = "end one of them first, or mend the boundary"
                self.problems.add(what, self.label("deposit", other["id"]), found, cure)

    def _pairs(self, deposits: Sequence[Row]) -> list[tuple[Row, Row, str]]:
        """Return the pairs of deposits whose parcels are one, or overlap."""
        pairs = [
            (one, other, f"both of parcel {one['parcel_id']}")
            for n, other in enumerate(deposits)
            for one in deposits[:n]
            if one["parcel_id"] == other["parcel_id"]
        ]
        with_shape = [d for d in deposits if self._shape(d) is not None]
        shapes = [self._shape(d) for d in with_shape]
        for i, j, area in overlaps(shapes, self.book.crs, self.book.tolerance_m2):
            one, other = with_shape[i], with_shape[j]
            if one["parcel_id"] != other["parcel_id"]:
                found = f"{area:.0f} m² of parcels {one['parcel_id']} and {other['parcel_id']}"
                pairs.append((one, other, found))
        return pairs

    def _shape(self, deposit: Row) -> shapely.Geometry | None:
        shape = self.book.parcels[deposit["parcel_id"]]["geom"]
        return None if shape is None or geometry_fault(shape) else shape

    def _package(self, row: Row, where: str) -> None:
        members = self.book.members.get(row["id"], ())
        for name in members:
            if name not in self.book.deposits:
                self.problems.add(f"there is no deposit {name!r}", where)
            others = [p for p in self.book.packages_of(name) if p != row["id"]]
            if others and self.book.deposits[name]["state"] == "active":
                found = f"also in package {others[0]}"
                self.problems.add(f"deposit {name} is in two packages", where, found)
        active = self.book.active_members(row["id"])
        if not members:
            self.problems.add("the package has no deposits", where)
        elif not active:
            self.problems.warn("all deposits of the package have ended", where)
        if not active:
            return
        self._term(row, active, where)
        for deposit in active:
            for restriction in self.book.restrictions.get(deposit["parcel_id"], ()):
                self._use(restriction, row["use"], deposit["parcel_id"], where)

    def _term(self, row: Row, active: Sequence[Row], where: str) -> None:
        ends = [end for end in map(self.book.term_end, active) if end is not None]
        if not ends or row["start"] is None or row["years"] is None:
            self.problems.warn("the term of the package is undetermined", where)
            return
        term = whole_years(row["start"], min(ends))
        if term < row["years"]:
            found = f"{term} years to {min(ends)}, project {row['years']:g} years"
            cure = "renew the shortest rights, or shorten the project"
            self.problems.warn("the package lasts shorter than the project", where, found, cure)

    def _use(self, restriction: str, use: str, parcel: str, where: str) -> None:
        rule = self.uses.rules.get((restriction, use))
        titles = [
            words().say(of, key, "zh") for of, key in (("restriction", restriction), ("use", use))
        ]
        what = f"{restriction} ({titles[0]}) of parcel {parcel} and {use} ({titles[1]})"
        if rule is None:
            cure = "ask the authority; give a table of uses that says it"
            self.problems.warn(f"{what}: whether it is allowed is undetermined", where, cure=cure)
            return
        basis = f"{rule.basis} [{rule.verified}, {self.uses.name}]"
        if rule.verdict == "refused":
            self.problems.add(f"{what}: refused", where, basis, "leave the parcel out")
        elif rule.condition is not None:
            said = f"{rule.condition.en} / {rule.condition.zh}"
            self.problems.warn(f"{what}: only {said}", where, basis)

    def _sold_by_quantity(self) -> None:
        """Refuse a right to carbon or water that two packages count on."""
        for thing in _SOLD_BY_QUANTITY:
            in_package = [
                (name, d)
                for name in self.book.active_packages()
                for d in self.book.active_members(name)
                if _covers(self.book.parcels.get(d["parcel_id"], {})) == thing
            ]
            owner = {d["id"]: name for name, d in in_package}
            for one, other, shared in self._pairs([d for _, d in in_package]):
                if one["id"] != other["id"] and owner[one["id"]] != owner[other["id"]]:
                    found = f"{shared}; also in package {owner[one['id']]}"
                    what = f"the same {thing} is in two packages"
                    self.problems.add(what, self.label("package", owner[other["id"]]), found)


def geometry_fault(shape: shapely.Geometry) -> tuple[str, str, str] | None:
    """Return what is wrong with a geometry, what was found and what helps."""
    if shape.is_empty:
        return "the geometry is empty", "", "draw it, or leave the row out"
    if shape.geom_type == "GeometryCollection":
        return "the geometry mixes points, lines and areas", "", "keep one kind"
    if not shape.is_valid:
        cure = "repair it (QGIS: Fix geometries) and look at the result"
        return "the geometry is invalid", shapely.is_valid_reason(shape), cure
    return None


def _open_ended(parcel: Row) -> bool:
    right = words().lists["right"].get(str(parcel["right"]))
    return right is not None and bool(right.about["open_ended"])


def _covers(parcel: Row) -> str:
    word = words().lists["asset_type"].get(str(parcel.get("asset_type")))
    return str(word.about["covers"]) if word else ""


def _apart(one: Row, other: Row) -> bool:
    """Say whether one deposit ends before the other begins."""
    first, second = sorted((one, other), key=lambda d: d["start"] or dt.date.min)
    return bool(first["end"] and second["start"] and first["end"] < second["start"])


def new_errors(before: Problems, after: Problems) -> list[Any]:
    """Return the errors that were not there before: a write may not make a book worse."""
    old = set(before.errors)
    return [problem for problem in after.errors if problem not in old]


def new_warnings(before: Problems, after: Iterable[Any]) -> list[Any]:
    """Return the warnings that were not there before."""
    old = set(before)
    return [problem for problem in after if problem.level == "warning" and problem not in old]
