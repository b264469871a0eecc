"""The book of a 两山银行: what was surveyed, taken in, put together and sold, kept in one place."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import shapely
import sqlalchemy as sa
from pyproj import CRS
from pyproj.exceptions import CRSError

from gep.errors import DataError, GepError, Problems, UsageError, nearest
from gep.realization import store
from gep.realization.book_lists import Listing, make_lists, write_lists
from gep.realization.book_package import PackageFacts, measured, package_facts
from gep.realization.ledger import Ledger
from gep.realization.ledger_chain import digest_text
from gep.realization.registry import (
    ORDER,
    TRANSITIONS,
    Uses,
    read_date,
    read_records,
    read_value,
    words,
)
from gep.realization.registry_checks import (
    Checks,
    Snapshot,
    geometry_fault,
    new_errors,
    new_warnings,
)
from gep.tables import Title, read_csv

if TYPE_CHECKING:
    import geopandas

    from gep.account import Account

_TABLES = {
    "parcel": store.PARCELS,
    "deposit": store.DEPOSITS,
    "encumbrance": store.ENCUMBRANCES,
}
_FLOW_COLUMNS = (
    *("ecosystem", "service", "indicator", "quantity", "unit", "value", "currency"),
    *("price_year", "covered", "verified"),
)


class Book:
    """A book of parcels, deposits, packages and rights, in a GeoPackage or in PostgreSQL.

    Make one with :meth:`create`, open one with :meth:`open`; use it in a ``with`` block or close
    it. Every write is done whole or not at all, and refuses what would make the book worse:
    land deposited twice, a deposit that outlives the right, a use that a restriction forbids.

    Examples
    --------
    >>> import tempfile, geopandas, shapely
    >>> folder = tempfile.TemporaryDirectory()
    >>> parcels = geopandas.GeoDataFrame(
    ...     {"id": ["P1"], "asset_type": ["林地"], "right": ["经营权"], "right_end": ["2050-12-31"],
    ...      "certificate_no": ["No. 1"], "source": ["synthetic"], "survey_date": ["2025-06-01"]},
    ...     geometry=[shapely.box(120.0, 28.0, 120.001, 28.001)], crs="EPSG:4490")
    >>> with Book.create(f"{folder.name}/book.gpkg", crs="EPSG:4490", title="Synthetic") as book:
    ...     _ = book.import_parcels(parcels, office="registry office")
    ...     entry = book.ledger.issue(
    ...         "C-1", holder="village", quantity="12.5", unit="tCO2", right_type="碳汇量",
    ...         service="carbon", parcels=["P1"], year_from=2026, year_to=2030,
    ...         standard="synthetic", document="minutes 1")
    ...     print(f"{book.parcels['area_ha'][0]:.3f} ha", book.ledger.verify(entry.hash).ok)
    1.090 ha True
    >>> folder.cleanup()
    """

    def __init__(self, place: store.Store, uses: Uses) -> None:
        self._store, self._meta, self.uses = place, place.meta(), uses
        self.ledger = Ledger(place, self._meta)

    @classmethod
    def create(
        cls,
        address: str | Path,
        *,
        crs: Any,
        title: str,
        overlap_tolerance_m2: float = 1.0,
        uses: str | Path | None = None,
    ) -> Book:
        """Make a new book.

        Parameters
        ----------
        address
            Path of a GeoPackage that is not there yet, or ``postgresql://user@host/database`` of a
            database with PostGIS that holds no book. Several books in one database have a schema
            each: ``...?options=-csearch_path%3Dtownship,public``.
        crs
            Coordinate system of its geometries, one with an EPSG number.
        title
            Whose book it is.
        overlap_tolerance_m2
            Parcels may share this much by inexact boundaries [m²].
        uses
            A table of uses on restricted land of your own; see :class:`~.registry.Uses`.

        Raises
        ------
        UsageError
            If something is there already, or the place cannot be used.
        """
        try:
            epsg = CRS.from_user_input(crs).to_epsg()
        except CRSError as error:
            found = str(error).splitlines()[0]
            raise UsageError("the coordinate system is not understood", "crs", found) from None
        if epsg is None:
            cure = "name one with an EPSG number, such as EPSG:4490"
            raise UsageError("the coordinate system has no EPSG number", "crs", str(crs)[:80], cure)
        if not title.strip():
            raise UsageError("a book has a title", "title")
        if not 0 <= overlap_tolerance_m2 < float("inf"):
            found = f"{overlap_tolerance_m2}"
            raise UsageError("the tolerance is an area in m²", "overlap_tolerance_m2", found)
        meta = {
            "id": str(uuid.uuid4()),
            "title": title.strip(),
            "crs": f"EPSG:{epsg}",
            "overlap_tolerance_m2": f"{float(overlap_tolerance_m2)}",
            "created": _now(),
        }
        table = Uses.load(uses)
        store.create(address, meta, epsg)
        return cls(store.Store(address), table)

    @classmethod
    def open(cls, address: str | Path, *, uses: str | Path | None = None) -> Book:
        """Open a book.

        Parameters
        ----------
        address
            As it was given to :meth:`create`.
        uses
            A table of uses on restricted land of your own; see :class:`~.registry.Uses`.

        Raises
        ------
        UsageError
            If there is none.
        """
        table = Uses.load(uses)
        place = store.Store(address)
        try:
            return cls(place, table)
        except GepError:
            place.close()
            raise

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()

    def __enter__(self) -> Self:
        """Return the book."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the book."""
        self.close()

    def __repr__(self) -> str:
        """Return one screen: title, place, how much is in it."""
        with self._store.read() as connection:
            book = Snapshot.read(connection, self._meta)
        states = [row["state"] for row in book.parcels.values()]
        counts = ", ".join(f"{states.count(s)} {s}" for s in TRANSITIONS if s in states)
        return "\n".join(
            [
                f"{self.title} ({self._store.name}, {self.crs})",
                f"{len(states)} parcels{f': {counts}' if counts else ''}",
                f"{len(book.deposits)} deposits, {len(book.packages)} packages",
            ]
        )

    @property
    def title(self) -> str:
        """Whose book it is."""
        return self._meta["title"]

    @property
    def crs(self) -> str:
        """The coordinate system of its geometries."""
        return self._meta["crs"]

    # ------------------------------------------------------------------ writing

    @contextlib.contextmanager
    def _change(
        self, label: Callable[[str, str], str] = lambda kind, name: f"{kind} {name}"
    ) -> Iterator[tuple[sa.Connection, Snapshot, Problems]]:
        """Give the book to a write; afterwards refuse it if it brought a new error.

        The problems that are given collect what the write finds itself; new warnings are added.
        """
        with self._store.write() as connection:
            before = Snapshot.read(connection, self._meta)
            found, problems = Checks(before, self.uses).run(), Problems()
            yield connection, before, problems
            after = Checks(Snapshot.read(connection, self._meta), self.uses, label).run()
            problems.absorb(GepError([*new_errors(found, after), *new_warnings(found, after)]))
            problems.raise_if_any(DataError)

    def import_parcels(
        self,
        data: str | Path | geopandas.GeoDataFrame | pd.DataFrame,
        *,
        office: str,
        columns: Mapping[str, str] | None = None,
        layer: str | None = None,
    ) -> Problems:
        """Take parcels into the book, all or none.

        Parameters
        ----------
        data
            A vector file, a CSV (parcels without geometry, with ``area_ha``), or the same as a
            frame. Columns: id, asset_type, source, survey_date, and as known name, area_ha, owner,
            right, right_start, right_end, certificate_no, restrictions (parted by ``;``),
            ecosystem_type, condition; or their titles in Chinese or English. Where no area is given
            it is measured on the ellipsoid.
        office
            Who enters them: an office or a role.
        columns
            Field → column, where the columns have other names.
        layer
            Layer of a file that has several.

        Returns
        -------
        Problems
            Warnings only.

        Raises
        ------
        DataError
            With all problems of all rows.
        """
        frame, name, first = _read_frame(data, layer, "parcels")
        places = [f"{name}, row {n}" for n in range(first, first + len(frame))]
        problems = Problems()
        shapes = self._shapes(frame, name, problems)
        rows = read_records(frame, "parcel", places, problems, columns)
        for row, shape, place in zip(rows, shapes, places, strict=True):
            fault = None if shape is None else geometry_fault(shape)
            if fault:
                problems.add(fault[0], place, *fault[1:])
            row["geom"] = None if fault else shape
        sizes = measured([row["geom"] for row in rows], self._snapshot())
        for row, size in zip(rows, sizes, strict=True):
            row["area_source"] = "geodesic" if row["area_ha"] is None and size else "given"
            row["area_ha"] = size if row["area_ha"] is None else row["area_ha"]
            row["state"] = "surveyed"
        return self._import("parcel", rows, places, problems, office)

    def import_deposits(
        self,
        data: str | Path | pd.DataFrame,
        *,
        office: str,
        columns: Mapping[str, str] | None = None,
    ) -> Problems:
        """Take deposits into the book, all or none. A parcel that is valued becomes deposited.

        Parameters
        ----------
        data
            A CSV or a frame. Columns: id, parcel_id, mode (租赁, 托管, 入股, 赎买, 合作), start,
            end, and as agreed unit_rent with rent_unit, escalation with escalation_years, share,
            certificate_no; or their titles.
        office, columns
            As for :meth:`import_parcels`.

        Returns
        -------
        Problems
            Warnings only.

        Raises
        ------
        DataError
            With all problems of all rows: land that is deposited already, a deposit that outlives
            the right, ...
        """
        return self._import_table("deposit", data, office, columns)

    def import_encumbrances(
        self,
        data: str | Path | pd.DataFrame,
        *,
        office: str,
        columns: Mapping[str, str] | None = None,
    ) -> Problems:
        """Take mortgages, pledges, leases, easements and seizures into the book, all or none.

        Parameters
        ----------
        data
            A CSV or a frame. Columns: id, parcel_id, kind, holder, and as known start, end,
            document; or their titles.
        office, columns
            As for :meth:`import_parcels`.

        Raises
        ------
        DataError
            With all problems of all rows: a loan that outlives the right, ...
        """
        return self._import_table("encumbrance", data, office, columns)

    def _import_table(
        self, record: str, data: Any, office: str, columns: Mapping[str, str] | None
    ) -> Problems:
        frame, name, first = _read_frame(data, None, f"{record}s")
        places = [f"{name}, row {n}" for n in range(first, first + len(frame))]
        problems = Problems()
        rows = read_records(frame, record, places, problems, columns)
        if record == "deposit":
            rows = [{**row, "state": "active"} for row in rows]
        return self._import(record, rows, places, problems, office)

    def _import(
        self,
        record: str,
        rows: list[dict[str, Any]],
        places: Sequence[str],
        problems: Problems,
        office: str,
    ) -> Problems:
        """Insert the records that can be read and look at all of them; keep them if all is well."""
        _required(office=office)
        place_of = {row["id"]: place for row, place in zip(rows, places, strict=True)}
        wrong = {problem.where.rpartition(",")[0] for problem in problems.errors}
        wrong |= {problem.where for problem in problems.errors}

        def label(kind: str, name: str) -> str:
            here = kind == record and name in place_of
            return f"{place_of[name]} ({record} {name})" if here else f"{kind} {name}"

        with self._change(label) as (connection, book, found):
            found.absorb(GepError(list(problems)))
            there = getattr(book, f"{record}s")
            good = []
            for row, place in zip(rows, places, strict=True):
                if row["id"] in there:
                    found.add(f"the book has a {record} {row['id']!r} already", place)
                elif place not in wrong:
                    good.append(row)
            if good:
                self._insert(connection, record, good, office)
            if record == "deposit":
                held = {row["parcel_id"] for row in good}
                ready = [
                    p for p in held if p in book.parcels and book.parcels[p]["state"] == "valued"
                ]
                _set_states(connection, book, sorted(ready), "deposited", office, "deposit")
        return found

    def _insert(
        self, connection: sa.Connection, record: str, rows: list[dict[str, Any]], office: str
    ) -> None:
        table = _TABLES[record]
        columns = [c.name for c in table.columns if c.name != "fid"]
        connection.execute(sa.insert(table), [{c: row[c] for c in columns} for row in rows])
        restricted = [
            {"parcel_id": row["id"], "restriction": key}
            for row in rows
            for key in row.get("restrictions", ())
        ]
        if restricted:
            connection.execute(sa.insert(store.RESTRICTIONS), restricted)
        events = [
            (record, row["id"], "", row.get("state", ""), row.get("source") or "import")
            for row in rows
        ]
        _log(connection, office, events)

    def _shapes(
        self, frame: pd.DataFrame, name: str, problems: Problems
    ) -> list[shapely.Geometry | None]:
        import geopandas

        if not isinstance(frame, geopandas.GeoDataFrame):
            return [None] * len(frame)
        if frame.crs is None:
            cure = "assign it (QGIS: Set layer CRS), or set_crs in geopandas"
            problems.add("the layer has no coordinate system (CRS)", name, cure=cure)
            problems.raise_if_any(DataError)
        epsg = int(self.crs.partition(":")[2])
        if frame.crs.to_epsg() != epsg:
            frame = frame.to_crs(epsg)
        return [
            None if shape is None else shapely.set_srid(shapely.force_2d(shape), epsg)
            for shape in frame.geometry
        ]

    def amend(
        self, record: str, name: str, /, *, office: str, reason: str, **changes: Any
    ) -> Problems:
        """Put something else on record: a certificate that was issued, a right that was renewed.

        Parameters
        ----------
        record
            ``parcel``, ``deposit`` or ``encumbrance``.
        name
            Its id.
        office, reason
            Who changes it, and why; both are kept with what it was before.
        **changes
            Field → new value; None where it is no longer known.

        Raises
        ------
        DataError
            If there is no such record, or the change would make the book worse.
        """
        _required(office=office, reason=reason)
        if record not in _TABLES:
            raise UsageError(f"there are no records {record!r}", cure=nearest(record, _TABLES))
        fields = {k: f for k, f in words().fields[record].items() if k not in ("id", "parcel_id")}
        for field in changes:
            if field not in fields:
                cure = nearest(field, fields)
                raise UsageError(f"{field!r} of a {record} cannot be changed", cure=cure)
        with self._change() as (connection, book, problems):
            rows = getattr(book, f"{record}s")
            if name not in rows:
                raise DataError(f"there is no {record} {name!r}", cure=nearest(name, rows))
            new = {
                k: read_value(fields[k], v, f"{record} {name}", problems)
                for k, v in changes.items()
            }
            for field, value in new.items():
                if value is None and fields[field].required:
                    problems.add(f"{field} is missing", f"{record} {name}")
            problems.raise_if_any(DataError)
            old: dict[str, Any] = {k: rows[name].get(k) for k in new}
            if "restrictions" in new:
                old["restrictions"] = list(book.restrictions.get(name, ()))
                keys = new.pop("restrictions")
                table = store.RESTRICTIONS
                connection.execute(sa.delete(table).where(table.c.parcel_id == name))
                for key in keys:
                    connection.execute(sa.insert(table), [{"parcel_id": name, "restriction": key}])
            if new.get("area_ha"):
                new["area_source"] = "given"
            if new:
                table = _TABLES[record]
                connection.execute(sa.update(table).where(table.c.id == name).values(new))
            was = json.dumps(old, ensure_ascii=False, default=str, sort_keys=True)
            now = json.dumps(changes, ensure_ascii=False, default=str, sort_keys=True)
            _log(connection, office, [(record, name, was, now, reason)])
        return problems

    def move(self, parcels: str | Sequence[str], to: str, *, office: str, reason: str) -> Problems:
        """Move parcels to another state, all or none.

        The way is surveyed → titled → valued → deposited → packaged → listed → contracted →
        operating → returned or expired. With the last two the active deposits of the parcel end.

        Parameters
        ----------
        parcels
            Ids.
        to
            The state, as key or in Chinese.
        office, reason
            Who decides it, and why; both are kept.

        Raises
        ------
        DataError
            If a state cannot be reached from where a parcel is (the legal ones are named), or the
            parcel lacks what the state needs: the right, the certificates, a deposit, a package.
        """
        _required(office=office, reason=reason)
        state = words().key("state", to, "move")
        names = [parcels] if isinstance(parcels, str) else list(parcels)
        with self._change() as (connection, book, problems):
            for name in names:
                if name not in book.parcels:
                    problems.add(f"there is no parcel {name!r}", cure=nearest(name, book.parcels))
            problems.raise_if_any(DataError)
            _legal(book, names, state, problems)
            problems.raise_if_any(DataError)
            _set_states(connection, book, names, state, office, reason)
            if state in ("returned", "expired"):
                table = store.DEPOSITS
                ended = [d["id"] for name in names for d in book.deposits_of(name)]
                connection.execute(
                    sa.update(table).where(table.c.id.in_(ended)).values(state=state)
                )
                _log(connection, office, [("deposit", d, "active", state, reason) for d in ended])
        return problems

    def package(  # noqa: PLR0913
        self,
        package_id: str,
        *,
        name: str,
        use: str,
        deposits: Sequence[str],
        start: dt.date | str,
        years: float,
        office: str,
        reason: str,
    ) -> Problems:
        """Put deposits together into a package for a project. Their parcels become packaged.

        Parameters
        ----------
        package_id, name
            The package's id, and the project's name.
        use
            What the land is to be used for, in Chinese or as a key.
        deposits
            Ids of deposits whose parcels are deposited.
        start, years
            When the project begins, and how many years it needs.
        office, reason
            Who decides it, and why.

        Returns
        -------
        Problems
            Warnings only: a term shorter than the project, uses of which it is undetermined
            whether they are allowed, conditions.

        Raises
        ------
        DataError
            If a restriction forbids the use, a deposit is in another package, ...
        """
        _required(package_id=package_id, name=name, office=office, reason=reason)
        where = f"package {package_id}"
        key = words().key("use", use, where)
        begins = read_date(start)
        if begins is None:
            raise DataError("this is not a date", where, repr(start), "write it as 2026-01-01")
        if not years > 0:
            raise DataError("a project needs some years", where, f"{years}")
        with self._change() as (connection, book, problems):
            if package_id in book.packages:
                problems.add("there is a package of that id already", where)
            for deposit in deposits:
                if deposit not in book.deposits:
                    cure = nearest(deposit, book.deposits)
                    problems.add(f"there is no deposit {deposit!r}", where, cure=cure)
            problems.raise_if_any(DataError)
            row: dict[str, Any] = {"id": package_id, "name": name, "use": key, "state": "active"}
            row |= {"start": begins, "years": float(years)}
            connection.execute(sa.insert(store.PACKAGES), [row])
            members = [{"package_id": package_id, "deposit_id": d} for d in dict.fromkeys(deposits)]
            if members:
                connection.execute(sa.insert(store.MEMBERS), members)
            parcels = list(dict.fromkeys(book.deposits[d]["parcel_id"] for d in deposits))
            # a parcel that is packaged already is named by the check for two packages
            ready = [p for p in parcels if not book.packages_of_parcel(p)]
            _legal(book, ready, "packaged", problems)
            _set_states(connection, book, ready, "packaged", office, reason)
            _log(connection, office, [("package", package_id, "", "active", reason)])
        return problems

    def dissolve(self, package_id: str, *, office: str, reason: str) -> Problems:
        """Take a package apart; its parcels are deposited again.

        Raises
        ------
        DataError
            If a parcel of it is listed or further.
        """
        _required(office=office, reason=reason)
        with self._change() as (connection, book, problems):
            if package_id not in book.active_packages():
                cure = nearest(package_id, book.active_packages())
                raise DataError(f"there is no active package {package_id!r}", cure=cure)
            parcels = list(dict.fromkeys(d["parcel_id"] for d in book.active_members(package_id)))
            _legal(book, parcels, "deposited", problems)
            problems.raise_if_any(DataError)
            table = store.PACKAGES
            connection.execute(
                sa.update(table).where(table.c.id == package_id).values(state="dissolved")
            )
            _set_states(connection, book, parcels, "deposited", office, reason)
            _log(connection, office, [("package", package_id, "active", "dissolved", reason)])
        return problems

    # ------------------------------------------------------------------ reading

    def _snapshot(self) -> Snapshot:
        with self._store.read() as connection:
            return Snapshot.read(connection, self._meta)

    def check(self, *, at: dt.date) -> Problems:
        """Return everything that is wrong with the registry, and what a reader should know.

        Parameters
        ----------
        at
            The day of the check: what has ended by then is named.
        """
        return Checks(self._snapshot(), self.uses).run(at)

    @property
    def parcels(self) -> geopandas.GeoDataFrame:
        """The parcels, with ``restrictions`` as a list in each row."""
        import geopandas

        book = self._snapshot()
        rows = [
            {**row, "restrictions": list(book.restrictions.get(name, ()))}
            for name, row in book.parcels.items()
        ]
        columns = [*words().fields["parcel"], "area_source", "state", "geom"]
        frame = pd.DataFrame(rows, columns=columns).rename(columns={"geom": "geometry"})
        return geopandas.GeoDataFrame(frame, geometry="geometry", crs=self.crs)

    @property
    def deposits(self) -> pd.DataFrame:
        """The deposits, ended ones too."""
        columns = [*words().fields["deposit"], "state"]
        return pd.DataFrame(list(self._snapshot().deposits.values()), columns=columns)

    @property
    def encumbrances(self) -> pd.DataFrame:
        """The encumbrances."""
        columns = list(words().fields["encumbrance"])
        return pd.DataFrame(list(self._snapshot().encumbrances.values()), columns=columns)

    @property
    def packages(self) -> pd.DataFrame:
        """The packages, dissolved ones too, with ``deposits`` as a list in each row."""
        book = self._snapshot()
        rows = [
            {**row, "deposits": list(book.members.get(name, ()))}
            for name, row in book.packages.items()
        ]
        columns = ["id", "name", "use", "start", "years", "deposits", "state"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def events(self) -> pd.DataFrame:
        """What was done to records and states: when, by which office, from, to, and why."""
        with self._store.read() as connection:
            rows = connection.execute(sa.select(store.EVENTS).order_by(store.EVENTS.c.seq))
            found = [dict(row) for row in rows.mappings()]
        return pd.DataFrame(found, columns=[c.name for c in store.EVENTS.columns])

    def package_facts(
        self, package_id: str, *, gap_m: float, at: dt.date | None = None
    ) -> PackageFacts:
        """Return a package's area, fragmentation and term.

        Parameters
        ----------
        gap_m
            Parcels this near to each other lie together [m]; 0 where they must touch.
        at
            Day from which the term counts; by default the project's beginning.

        Raises
        ------
        DataError
            If there is no such package.
        """
        book = self._snapshot()
        if package_id not in book.packages:
            cure = nearest(package_id, book.packages)
            raise DataError(f"there is no package {package_id!r}", cure=cure)
        return package_facts(book, package_id, at or book.packages[package_id]["start"], gap_m)

    def lists(self, *, at: dt.date, gap_m: float) -> dict[str, Listing]:
        """Return the three lists and the calendar: resources, rights, projects, expiry.

        Parameters
        ----------
        at
            The day from which remaining terms count.
        gap_m
            As for :meth:`package_facts`.
        """
        return make_lists(self._snapshot(), self.ledger.pledges(), at, gap_m)

    def write_geopackage(
        self,
        path: str | Path,
        *,
        at: dt.date,
        gap_m: float,
        lang: str = "zh",
        overwrite: bool = False,
    ) -> Path:
        """Write the lists as layers of a GeoPackage; it appears whole or not at all.

        Parameters
        ----------
        at, gap_m
            As for :meth:`lists`.
        lang
            Language of the names of layers and columns, and of the words: ``zh`` or ``en``.

        Raises
        ------
        UsageError
            If the file exists and ``overwrite`` is false.
        """
        lists = self.lists(at=at, gap_m=gap_m)
        return write_lists(Path(path), lists, self.crs, lang, overwrite=overwrite)

    # -------------------------------------------------------------------- flows

    def zones(self, parcels: Sequence[str] | None = None) -> geopandas.GeoDataFrame:
        """Return parcels as the zones of an account: id, name, geometry.

        Parameters
        ----------
        parcels
            Ids; by default all parcels with an area on the map that are not returned or expired.

        Raises
        ------
        DataError
            If a parcel is not there, or has no area on the map.
        """
        frame = self.parcels
        drawn = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
        problems = Problems()
        if parcels is None:
            chosen = frame[drawn & frame["state"].isin(ORDER)]
        else:
            for name in parcels:
                if name not in set(frame["id"]):
                    problems.add(f"there is no parcel {name!r}", cure=nearest(name, frame["id"]))
                elif name not in set(frame["id"][drawn]):
                    problems.add(f"parcel {name} is no area on the map")
            chosen = frame[frame["id"].isin(list(parcels))]
        if not len(chosen) and not problems.errors:
            problems.add("the book has no parcel with an area on the map", self._store.name)
        problems.raise_if_any(DataError)
        chosen = chosen[["id", "name", "geometry"]].reset_index(drop=True)
        chosen["name"] = chosen["name"].where(chosen["name"].notna(), chosen["id"])
        return chosen

    def set_flows(self, account: Account) -> str:
        """Keep what the parcels gave in a year, from an account whose zones are the parcels.

        Parameters
        ----------
        account
            As :func:`~.book_account.parcel_account` computes it.

        Returns
        -------
        str
            The account's hash (SHA-256 of its provenance), by which the ledger can name it.

        Raises
        ------
        DataError
            If a zone of the account is no parcel of the book.
        """
        provenance = json.dumps(account.provenance, ensure_ascii=False, sort_keys=True)
        key = digest_text(provenance)
        about = account.provenance
        with self._store.write() as connection:
            known = set(connection.execute(sa.select(store.PARCELS.c.id)).scalars())
            strange = [zone for zone in about["zones"] if zone not in known]
            if strange:
                found = ", ".join(strange[:8]) + (" ..." if len(strange) > 8 else "")  # noqa: PLR2004
                cure = "compute the account with book.zones() as its zones"
                what = "zones of the account are no parcels of the book"
                raise DataError(what, about["title"], found, cure)
            there = sa.select(store.ACCOUNTS.c.fid).where(store.ACCOUNTS.c.account == key)
            if connection.execute(there).scalar() is not None:
                return key
            row = {
                "account": key,
                "title": about["title"],
                "standard": about["standard"]["id"],
                "year": about["year"],
                "price_year": about["price_year"],
                "time": _now(),
                "provenance": provenance,
            }
            connection.execute(sa.insert(store.ACCOUNTS), [row])
            rows = [
                {
                    "account": key,
                    "parcel_id": flow["zone"],
                    "year": about["year"],
                    "standard": about["standard"]["id"],
                    **{name: _plain(flow[name]) for name in _FLOW_COLUMNS},
                }
                for flow in account.table.to_dict("records")
            ]
            if rows:
                connection.execute(sa.insert(store.FLOWS), rows)
        return key

    def accounts(self) -> pd.DataFrame:
        """Return the accounts whose flows are kept: account (hash), title, standard, years."""
        columns = ["account", "title", "standard", "year", "price_year", "time"]
        with self._store.read() as connection:
            order = sa.select(store.ACCOUNTS).order_by(store.ACCOUNTS.c.fid)
            rows = [dict(row) for row in connection.execute(order).mappings()]
        return pd.DataFrame(rows, columns=columns)

    def service_titles(self) -> dict[str, Title]:
        """Return the titles of the services whose flows are kept."""
        with self._store.read() as connection:
            order = sa.select(store.ACCOUNTS.c.provenance).order_by(store.ACCOUNTS.c.fid)
            texts = list(connection.execute(order).scalars())
        return {
            name: Title(**entry["title"])
            for text in texts
            for name, entry in json.loads(text)["services"].items()
        }

    def flows(self, account: str | None = None) -> pd.DataFrame:
        """Return the flows of the parcels.

        Columns: parcel_id, year, ecosystem, service, indicator, quantity, unit, value, currency,
        price_year, standard, covered, verified, account. What is not known is missing, not zero.

        Parameters
        ----------
        account
            Hash of one account; by default, of each year and standard, the account that each
            parcel was last computed in.
        """
        table = store.FLOWS
        with self._store.read() as connection:
            order = sa.select(store.ACCOUNTS.c.account).order_by(store.ACCOUNTS.c.fid)
            ages = {key: age for age, key in enumerate(connection.execute(order).scalars())}
            found = connection.execute(sa.select(table).order_by(table.c.fid)).mappings().all()
        columns = ["parcel_id", "year", *_FLOW_COLUMNS[:7], "price_year", "standard"]
        frame = pd.DataFrame(
            [dict(row) for row in found], columns=[*columns, "covered", "verified", "account"]
        )
        frame = frame.astype({"quantity": float, "value": float, "covered": float})
        frame["price_year"] = frame["price_year"].astype("Int64")
        if account is not None:
            if account not in ages:
                raise DataError("the book has no such account", found=account)
            return frame[frame["account"] == account].reset_index(drop=True)
        age = frame["account"].map(ages)
        latest = age.groupby([frame["parcel_id"], frame["year"], frame["standard"]]).transform(
            "max"
        )
        return frame[age == latest].reset_index(drop=True)


# ------------------------------------------------------------------------------------- parts


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _required(**given: str) -> None:
    for name, text in given.items():
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{name} is missing", found=repr(text))


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value.item() if hasattr(value, "item") else value


def _log(
    connection: sa.Connection, office: str, events: Sequence[tuple[str, str, str, str, str]]
) -> None:
    if not events:
        return
    last = connection.execute(sa.select(sa.func.max(store.EVENTS.c.seq))).scalar() or 0
    rows = [
        {
            "seq": last + number,
            "time": _now(),
            "office": office.strip(),
            **dict(zip(("kind", "subject", "old", "new", "reason"), event, strict=True)),
        }
        for number, event in enumerate(events, start=1)
    ]
    connection.execute(sa.insert(store.EVENTS), rows)


def _legal(book: Snapshot, parcels: Sequence[str], state: str, problems: Problems) -> None:
    """Note every parcel that cannot go to a state from where it is."""
    for name in parcels:
        now = book.parcels[name]["state"]
        if state not in TRANSITIONS.get(now, ()):
            says = [f"{s} ({words().say('state', s, 'zh')})" for s in TRANSITIONS.get(now, ())]
            what = f"a parcel cannot go from {now} to {state}"
            problems.add(what, f"parcel {name}", cure=f"from {now} it goes to {', '.join(says)}")


def _set_states(
    connection: sa.Connection,
    book: Snapshot,
    parcels: Sequence[str],
    state: str,
    office: str,
    reason: str,
) -> None:
    table = store.PARCELS
    connection.execute(sa.update(table).where(table.c.id.in_(list(parcels))).values(state=state))
    events = [("parcel", name, book.parcels[name]["state"], state, reason) for name in parcels]
    _log(connection, office, events)


def _read_frame(data: Any, layer: str | None, what: str) -> tuple[pd.DataFrame, str, int]:
    """Return a table, its name in messages, and the number of its first row."""
    import geopandas

    if isinstance(data, pd.DataFrame):
        return data, f"{what} ({type(data).__name__})", 1
    if not isinstance(data, str | Path):
        raise UsageError(
            f"{what} are no table", found=repr(data)[:60], cure="give a path or a frame"
        )
    path = Path(data)
    if path.suffix.lower() == ".csv":
        header, rows = read_csv(path)
        return pd.DataFrame(rows, columns=header), path.name, 2
    if not path.exists():
        cure = "check the name and the folder"
        raise DataError("the file cannot be opened", str(path), "there is no such file", cure)
    try:
        frame = geopandas.read_file(path, **({"layer": layer} if layer else {}))
    except Exception as error:  # noqa: BLE001  pyogrio raises many kinds
        found = str(error).splitlines()[0]
        raise DataError("the file cannot be read", str(path), found, "copy it again") from None
    return frame, path.name, 1
