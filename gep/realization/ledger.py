"""The ledger of rights: an append-only chain of who got, pledged, used and gave up what.

A unit stands for services of parcels over years. It is issued once; after that it only changes
hands, is pledged and released, is retired (used) or cancelled by a reversing entry.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral
from typing import Any

import pandas as pd
import shapely
import sqlalchemy as sa

from gep.errors import DataError, GepError, Problem, Problems, nearest
from gep.library import crosswalk, data_root
from gep.realization.ledger_chain import (
    COLUMNS,
    Replay,
    canonical,
    digest,
    quantity_text,
    read_quantity,
    row_hash,
)
from gep.realization.registry import read_date, words
from gep.realization.store import ACCOUNTS, FLOWS, LEDGER, PARCELS, Store
from gep.units import unit as read_unit


@dataclass(frozen=True)
class Entry:
    """A row of the ledger, as it was written."""

    seq: int
    time: str
    action: str
    unit_id: str
    holder_from: str
    holder_to: str
    quantity: Decimal
    document: str
    hash: str


@dataclass(frozen=True)
class Verification:
    """What a walk along the chain found.

    Attributes
    ----------
    count, head
        How many rows there are, and the hash of the last. Print it: it proves later that nothing
        was cut off or rewritten.
    problems
        Every broken row, by number and field.
    """

    count: int
    head: str
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        """Return the report."""
        lines = [f"{self.count} entries, head {self.head}"]
        lines += [str(problem) for problem in self.problems] or ["the chain and all rules hold"]
        return "\n".join(lines)


class Ledger:
    """The ledger of a book; get it as ``book.ledger``.

    Every act takes effect whole or not at all, and is on the disk when the call returns. Acts of
    other processes wait for each other: what one sold, no other can sell.

    Quantities are exact: text, Decimal or whole numbers, no floats.
    """

    def __init__(self, store: Store, meta: Mapping[str, str]) -> None:
        self._store, self._meta = store, meta
        self._genesis = digest({"book": meta["id"], "crs": meta["crs"]})
        self._replay = Replay(self._genesis)

    # -------------------------------------------------------------------- acts

    def issue(  # noqa: PLR0913
        self,
        unit_id: str,
        *,
        holder: str,
        quantity: str | int | Decimal,
        unit: str,
        right_type: str,
        service: str | Sequence[str],
        parcels: str | Sequence[str],
        year_from: int,
        year_to: int,
        standard: str,
        document: str,
        programme: str = "",
        account: str = "",
    ) -> Entry:
        """Issue a unit: services of parcels over years, claimed once and for all.

        Parameters
        ----------
        unit_id
            The new unit's id.
        holder
            Who gets it.
        quantity, unit
            How much, in which unit (``"tCO2"``, ``"CNY"``, ``"1"``).
        right_type
            What it is, in Chinese or as a key of the registry (``carbon``, ``water``, ``service``,
            ...).
        service
            The service, or all services, that it claims, as an account names them.
        parcels
            Ids of the parcels.
        year_from, year_to
            First and last year.
        standard
            The rules by which the quantity was found.
        document
            The paper that the entry rests on.
        programme
            Under which it is sold. It makes no difference to what is claimed: carbon sold under one
            programme is sold.
        account
            Hash of the account that the quantity comes from, as ``book.set_flows`` returned it.

        Raises
        ------
        DataError
            If a unit that is not cancelled claims one of the services in one of the years on one of
            the parcels, or on land that they share; if the years outlive the right, or its end is
            not known; with all that is wrong in what was given.
        """
        services = [service] if isinstance(service, str) else list(service)
        parcels = [parcels] if isinstance(parcels, str) else list(parcels)
        where = f"ledger, issue of {unit_id}"
        problems = Problems()
        given = _clean(where, problems, unit_id=unit_id, holder=holder, document=document)
        try:
            right_type = words().key("right_type", right_type, where)
            unit = str(read_unit(unit))
        except GepError as error:
            problems.absorb(error)
        for name, items in (("service", services), ("parcel", parcels)):
            if not items or len(set(items)) < len(items):
                problems.add(f"give every {name} once", where, found=", ".join(items) or "none")
        amount = self._amount(quantity, where, problems)
        years = [y for y in (year_from, year_to) if isinstance(y, Integral)]
        if len(years) < 2:  # noqa: PLR2004
            problems.add("years are whole numbers", where, f"{year_from!r} to {year_to!r}")
            years = [0, 0]
        with self._store.write() as connection:
            details = {
                "right_type": right_type,
                "services": sorted(services),
                "claims": sorted({words().service(name) for name in services}),
                "parcels": self._parcels(connection, parcels, where, problems),
                "crs": self._meta["crs"],
                "tolerance_m2": self._meta["overlap_tolerance_m2"],
                "year_from": int(years[0]),
                "year_to": int(years[1]),
                "unit": unit,
                "standard": standard,
                "programme": programme,
                "account": account,
            }
            self._check_services(connection, services, where, problems)
            self._check_account(connection, account, where, problems)
            problems.raise_if_any(DataError)
            return self._append(connection, "issue", details, amount, **given)

    def transfer(
        self,
        unit_id: str,
        *,
        holder: str,
        to: str,
        quantity: str | int | Decimal,
        document: str,
    ) -> Entry:
        """Give a quantity of a unit from one holder to another.

        Raises
        ------
        DataError
            If the holder does not have that much free of pledges.
        """
        return self._act("transfer", unit_id, holder, to, quantity, document)

    def pledge(
        self,
        unit_id: str,
        *,
        holder: str,
        creditor: str,
        quantity: str | int | Decimal,
        end: dt.date | str,
        document: str,
    ) -> Entry:
        """Pledge a quantity: until it is released it can neither change hands nor be used.

        Parameters
        ----------
        end
            The last day of what is secured, not after the end of the right.

        Raises
        ------
        DataError
            If that much is not free, or the pledge outlives the right.
        """
        where = f"ledger, pledge of {unit_id}"
        last = read_date(end)
        if last is None:
            raise DataError("this is not a date", where, repr(end), "write it as 2045-12-31")
        details = {"end": last.isoformat()}
        return self._act("pledge", unit_id, holder, creditor, quantity, document, details)

    def release(self, pledge: int, *, document: str, quantity: str | int | Decimal = "") -> Entry:
        """Release a pledge, or a part of it.

        Parameters
        ----------
        pledge
            Number of the pledge's row.
        quantity
            How much; by default all that is still pledged.

        Raises
        ------
        DataError
            If the row is no open pledge, or less is pledged.
        """
        where = f"ledger, release of pledge {pledge}"
        problems = Problems()
        _clean(where, problems, document=document)
        with self._store.write() as connection:
            self._refresh(connection)
            found = self._replay.pledges.get(pledge)
            if found is None:
                cure = f"open pledges: {', '.join(map(str, self._replay.pledges)) or 'none'}"
                problems.add(f"row {pledge} is no open pledge", where, cure=cure)
            problems.raise_if_any(DataError)
            assert found is not None  # noqa: S101  it was raised above
            amount = found.quantity
            if quantity != "":
                amount = read_quantity(quantity, where)
            return self._append(
                connection,
                "release",
                {"pledge": pledge},
                amount,
                unit_id=found.unit_id,
                holder_from=found.creditor,
                holder_to=found.holder,
                document=document,
            )

    def retire(
        self, unit_id: str, *, holder: str, quantity: str | int | Decimal, document: str
    ) -> Entry:
        """Use a quantity up. What it claims stays claimed.

        Raises
        ------
        DataError
            If the holder does not have that much free of pledges.
        """
        return self._act("retire", unit_id, holder, "", quantity, document)

    def cancel(
        self, unit_id: str, *, holder: str, quantity: str | int | Decimal, document: str
    ) -> Entry:
        """Take back, by a reversing entry, what is still held and was issued in error.

        When all of a unit is cancelled it claims nothing any more.

        Raises
        ------
        DataError
            If the holder does not have that much free of pledges.
        """
        with self._store.read() as connection:
            self._refresh(connection)
        unit = self._replay.units.get(unit_id)
        details = {"reverses": unit.issue if unit else 0}
        return self._act("cancel", unit_id, holder, "", quantity, document, details)

    def _act(
        self,
        action: str,
        unit_id: str,
        holder: str,
        to: str,
        quantity: Any,
        document: str,
        details: Mapping[str, Any] | None = None,
    ) -> Entry:
        where = f"ledger, {action} of {unit_id}"
        problems = Problems()
        parties = {"holder_from": holder, **({"holder_to": to} if action in _TWO_PARTIES else {})}
        given = _clean(where, problems, unit_id=unit_id, document=document, **parties)
        amount = self._amount(quantity, where, problems)
        problems.raise_if_any(DataError)
        with self._store.write() as connection:
            return self._append(connection, action, details or {}, amount, **given)

    def _append(
        self,
        connection: sa.Connection,
        action: str,
        details: Mapping[str, Any],
        quantity: Decimal,
        **given: str,
    ) -> Entry:
        """Write a row, if it may follow those before it."""
        self._refresh(connection)
        before = self._replay
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        row: dict[str, Any] = {
            "seq": before.count + 1,
            "time": max(now, before.time),  # a clock that was set back does not reorder the book
            "action": action,
            "unit_id": given["unit_id"],
            "holder_from": given.get("holder_from", ""),
            "holder_to": given.get("holder_to", given.get("holder", "")),
            "quantity": quantity_text(quantity),
            "document": given["document"],
            "details": canonical(details),
            "prev": before.head,
        }
        row["hash"] = row_hash(row)
        place = before.count, before.head, before.time
        faults = before.take(row)
        if faults:  # a refused act changes nothing but the place in the chain
            before.count, before.head, before.time = place
            raise DataError(fault.at(f"ledger, {action} of {row['unit_id']}") for fault in faults)
        connection.execute(sa.insert(LEDGER), [row])
        return _entry(row)

    def _refresh(self, connection: sa.Connection) -> None:
        """Take the rows that others wrote since; refuse a ledger that is broken."""
        replay = self._replay
        if replay.count:
            at = sa.select(LEDGER.c.hash).where(LEDGER.c.seq == replay.count)
            if connection.execute(at).scalar() != replay.head:
                replay = self._replay = Replay(self._genesis)  # a write of ours was not committed
        for row in _rows(connection, replay.count):
            faults = replay.take(row)
            if faults:
                self._replay = Replay(self._genesis)
                problem = faults[0].at(f"ledger, row {row['seq']}, {faults[0].column}")
                cure = "see ledger.verify(); restore the book from a copy"
                raise DataError("the ledger is broken", problem.where, problem.what, cure)

    # ---------------------------------------------------------------- checking

    def _amount(self, quantity: Any, where: str, problems: Problems) -> Decimal:
        try:
            return read_quantity(quantity, where)
        except DataError as error:
            problems.absorb(error)
            return Decimal(0)

    def _parcels(
        self, connection: sa.Connection, ids: Sequence[str], where: str, problems: Problems
    ) -> list[dict[str, Any]]:
        """Return the parcels as the ledger keeps them: what is sold is the land as it is now."""
        query = sa.select(PARCELS).where(PARCELS.c.id.in_(list(ids)))
        found = {row["id"]: row for row in connection.execute(query).mappings()}
        known = sorted(connection.execute(sa.select(PARCELS.c.id)).scalars())
        kept = []
        for name in sorted(ids):
            if name not in found:
                problems.add(f"there is no parcel {name!r}", where, cure=nearest(name, known))
                continue
            row = found[name]
            right = words().lists["right"].get(str(row["right"]))
            open_ended = right is not None and right.about["open_ended"]
            if row["right_end"] is None and not open_ended:
                what = f"the end of the right over parcel {name} is not known"
                cure = "put right_end on record; only ownership has no end"
                problems.add(what, where, f"right {row['right']}", cure)
            kept.append(
                {
                    "id": name,
                    "area_ha": None if row["area_ha"] is None else f"{row['area_ha']:.4f}",
                    "right": row["right"],
                    "right_end": None if row["right_end"] is None else row["right_end"].isoformat(),
                    "wkb": None if row["geom"] is None else shapely.to_wkb(row["geom"], hex=True),
                }
            )
        return kept

    def _check_services(
        self, connection: sa.Connection, services: Iterable[str], where: str, problems: Problems
    ) -> None:
        """Refuse a service that nobody knows: written otherwise, it could be sold again."""
        known = {
            str(name)
            for name in connection.execute(sa.select(FLOWS.c.service).distinct()).scalars()
        }
        known |= set(words().one_service)
        for path in (data_root("models") / "crosswalks").glob("*.toml"):
            known |= set(crosswalk(path.stem).codes)
        for name in services:
            if name.casefold() not in {k.casefold() for k in known}:
                what = f"the service {name!r} is not known"
                cure = (
                    f"name it as the account does ({nearest(name, known)}), or set the flows first"
                )
                problems.add(what, where, cure=cure)

    def _check_account(
        self, connection: sa.Connection, account: str, where: str, problems: Problems
    ) -> None:
        if account:
            known = connection.execute(sa.select(ACCOUNTS.c.account)).scalars().all()
            if account not in known:
                cure = "give the hash that book.set_flows returned"
                problems.add("the book has no such account", where, account, cure)

    def verify(self, head: str | None = None) -> Verification:
        """Walk the whole chain: recompute every hash, do every act again by the rules.

        Parameters
        ----------
        head
            A hash that was printed earlier. It must be that of a row: else the ledger was cut off
            or rewritten since.

        Returns
        -------
        Verification
        """
        replay, problems, hashes = Replay(self._genesis), [], {self._genesis}
        with self._store.read() as connection:
            for row in _rows(connection, 0):
                hashes.add(row["hash"])
                where = f"ledger, row {row['seq']}"
                problems += [f.at(f"{where}, {f.column}") for f in replay.take(row)]
        for name in self._store.missing_triggers():
            what = f"the trigger {name} is missing: rows can be changed"
            problems.append(Problem(what, "ledger", cure="compare the head with a printed one"))
        if head is not None and head.strip().casefold() not in hashes:
            found = f"{head}; the last of {replay.count} rows is {replay.head}"
            what = "no row has the hash that was given: rows were cut off or rewritten"
            problems.append(Problem(what, "ledger", found))
        return Verification(replay.count, replay.head, tuple(problems))

    # ------------------------------------------------------------------ reading

    def _state(self) -> Replay:
        with self._store.read() as connection:
            self._refresh(connection)
        return self._replay

    @property
    def head(self) -> str:
        """The hash of the last row; of the empty book's identity where there is none."""
        return self._state().head

    def balances(self) -> pd.DataFrame:
        """Return who holds how much of which unit.

        Columns: unit_id, holder, quantity, pledged, free (Decimals), unit.
        """
        state = self._state()
        rows = [
            {
                "unit_id": name,
                "holder": holder,
                "quantity": held,
                "pledged": state.pledged(name, holder),
                "free": held - state.pledged(name, holder),
                "unit": entry.details["unit"],
            }
            for name, entry in state.units.items()
            for holder, held in entry.balances.items()
            if held
        ]
        columns = ["unit_id", "holder", "quantity", "pledged", "free", "unit"]
        return pd.DataFrame(rows, columns=columns)

    def units(self) -> pd.DataFrame:
        """Return what became of every unit: issued = held + retired + cancelled.

        Columns: unit_id, right_type, programme, standard, account, issued, held, pledged, retired,
        cancelled (Decimals), unit.
        """
        state = self._state()
        rows = [
            {
                "unit_id": name,
                **{k: entry.details[k] for k in ("right_type", "programme", "standard", "account")},
                "issued": entry.issued,
                "held": sum(entry.balances.values(), Decimal(0)),
                "pledged": sum(
                    (state.pledged(name, holder) for holder in entry.balances), Decimal(0)
                ),
                "retired": entry.retired,
                "cancelled": entry.cancelled,
                "unit": entry.details["unit"],
            }
            for name, entry in state.units.items()
        ]
        columns = ["unit_id", "right_type", "programme", "standard", "account", "issued", "held"]
        return pd.DataFrame(rows, columns=[*columns, "pledged", "retired", "cancelled", "unit"])

    def claims(self) -> pd.DataFrame:
        """Return what is claimed: a row per live unit, service and parcel.

        Columns: service, parcel_id, year_from, year_to, unit_id, programme, claimed_as.
        """
        rows = [
            {
                "service": words().service(service),
                "parcel_id": parcel["id"],
                "year_from": entry.details["year_from"],
                "year_to": entry.details["year_to"],
                "unit_id": name,
                "programme": entry.details["programme"],
                "claimed_as": service,
            }
            for name, entry in self._state().units.items()
            if entry.is_live
            for service in entry.details["services"]
            for parcel in entry.details["parcels"]
        ]
        columns = ["service", "parcel_id", "year_from", "year_to", "unit_id", "programme"]
        return pd.DataFrame(rows, columns=[*columns, "claimed_as"])

    def pledges(self) -> pd.DataFrame:
        """Return the open pledges: pledge (number of its row), unit_id, holder, creditor, ..."""
        rows = [{"pledge": seq, **vars(pledge)} for seq, pledge in self._state().pledges.items()]
        columns = ["pledge", "unit_id", "holder", "creditor", "quantity", "end"]
        return pd.DataFrame(rows, columns=columns)

    def history(self, unit_id: str | None = None) -> pd.DataFrame:
        """Return the rows of the ledger as written, of one unit or of all."""
        with self._store.read() as connection:
            rows = [r for r in _rows(connection, 0) if unit_id in (None, r["unit_id"])]
        return pd.DataFrame(rows, columns=[*COLUMNS, "details", "prev", "hash"])


_TWO_PARTIES = ("transfer", "pledge")


def _rows(connection: sa.Connection, after: int) -> list[dict[str, Any]]:
    query = sa.select(LEDGER).where(LEDGER.c.seq > after).order_by(LEDGER.c.seq)
    return [dict(row) for row in connection.execute(query).mappings()]


def _entry(row: Mapping[str, Any]) -> Entry:
    texts = {k: row[k] for k in ("time", "action", "unit_id", "holder_from", "holder_to")}
    return Entry(
        seq=row["seq"],
        quantity=Decimal(row["quantity"]),
        document=row["document"],
        hash=row["hash"],
        **texts,
    )


def _clean(where: str, problems: Problems, **given: str) -> dict[str, str]:
    """Return names without spaces around them; note what is missing."""
    cleaned = {}
    for name, text in given.items():
        cleaned[name] = text.strip() if isinstance(text, str) else ""
        if not cleaned[name]:
            problems.add(f"{name} is missing", where, repr(text))
    return cleaned
