"""Where a book is kept: one GeoPackage file, or a PostgreSQL database with PostGIS.

Every write is one transaction that has the book for itself: SQLite begins it IMMEDIATE, PostgreSQL
locks the table that all writers take first. A write that returned is on the disk.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import shapely
import sqlalchemy as sa

from gep.errors import DataError, UsageError

#: Seconds that a writer waits for the others.
WAIT = 120
#: Version of the tables; a book of another version is refused.
FORMAT = "1"
_ENVELOPE = 0b010  # GeoPackage flags: an envelope of x and y, ...
_LITTLE_ENDIAN = 0b001  # ... little endian
_ENVELOPE_SIZES = (0, 32, 48, 48, 64)  # bytes, by the code in the flags


class Geometry(sa.types.UserDefinedType[Any]):
    """A shapely geometry: a GeoPackage blob in SQLite, PostGIS' own type in PostgreSQL.

    The geometry carries the number of its coordinate system (``shapely.set_srid``).
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type as both databases call it."""
        return "GEOMETRY"

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Return how a geometry is written."""
        if dialect.name == "sqlite":
            return lambda shape: None if shape is None else _to_geopackage(shape)
        return lambda shape: (
            None if shape is None else shapely.to_wkb(shape, hex=True, include_srid=True)
        )

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        """Return how a geometry is read; what is none is None."""
        del coltype
        if dialect.name == "sqlite":
            return lambda blob: None if blob is None else _from_geopackage(blob)
        return lambda text: None if text is None else shapely.from_wkb(text, on_invalid="ignore")


def _to_geopackage(shape: shapely.Geometry) -> bytes:
    west, south, east, north = shape.bounds
    flags = _ENVELOPE | _LITTLE_ENDIAN
    head = struct.pack(
        "<2sBBi4d", b"GP", 0, flags, shapely.get_srid(shape), west, east, south, north
    )
    return head + bytes(shapely.to_wkb(shape, flavor="iso"))


def _from_geopackage(blob: bytes) -> shapely.Geometry | None:
    size = _ENVELOPE_SIZES[min((blob[3] >> 1) & 0b111, 4)] if blob[:2] == b"GP" else 0
    return shapely.from_wkb(blob[8 + size :], on_invalid="ignore")


# ---------------------------------------------------------------------------------- the tables

METADATA = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any], key: str = "fid") -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        sa.Column(key, sa.Integer, primary_key=True, autoincrement=key == "fid"),
        *columns,
        sqlite_autoincrement=key == "fid",
    )


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, quote=True) for name in names]


def _dates(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Date, quote=True) for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Double) for name in names]


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.Text, nullable=False, unique=True)


BOOK = _table("book", *_texts("key", "value"))
#: The layer of a book that shows in QGIS.
LAYER = "parcels"
PARCELS = _table(
    LAYER,
    sa.Column("geom", Geometry),
    _id(),
    *_texts("name", "asset_type", "owner", "right", "certificate_no", "ecosystem_type"),
    *_texts("condition", "source", "state", "area_source"),
    *_dates("right_start", "right_end", "survey_date"),
    *_numbers("area_ha"),
)
RESTRICTIONS = _table("restrictions", *_texts("parcel_id", "restriction"))
ENCUMBRANCES = _table(
    "encumbrances",
    _id(),
    *_texts("parcel_id", "kind", "holder", "document"),
    *_dates("start", "end"),
)
DEPOSITS = _table(
    "deposits",
    _id(),
    *_texts("parcel_id", "mode", "rent_unit", "certificate_no", "state"),
    *_dates("start", "end"),
    *_numbers("unit_rent", "escalation", "escalation_years", "share"),
)
PACKAGES = _table(
    "packages", _id(), *_texts("name", "use", "state"), *_dates("start"), *_numbers("years")
)
MEMBERS = _table("package_members", *_texts("package_id", "deposit_id"))
ACCOUNTS = _table(
    "accounts",
    sa.Column("account", sa.Text, nullable=False, unique=True),
    *_texts("title", "standard", "time", "provenance"),
    sa.Column("year", sa.Integer),
    sa.Column("price_year", sa.Integer),
)
FLOWS = _table(
    "flows",
    sa.Column("account", sa.Text, nullable=False, index=True),
    *_texts("parcel_id", "ecosystem", "service", "indicator", "unit", "currency", "standard"),
    *_texts("verified"),
    sa.Column("year", sa.Integer),
    sa.Column("price_year", sa.Integer),
    *_numbers("quantity", "value", "covered"),
)
EVENTS = _table(
    "events",
    *_texts("time", "office", "kind", "subject", "old", "new", "reason"),
    key="seq",
)
LEDGER = _table(
    "ledger",
    *_texts("time", "action", "unit_id", "holder_from", "holder_to", "quantity", "document"),
    *_texts("details", "prev"),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    key="seq",
)
#: Tables of which no row is ever changed or deleted.
APPEND_ONLY = (LEDGER, EVENTS)

_REFUSE = "rows of this table are never changed or deleted"


def _sqlite_triggers(name: str) -> Iterator[tuple[str, str]]:
    body = f"BEGIN SELECT RAISE(ABORT, '{_REFUSE}'); END"
    for act in ("UPDATE", "DELETE"):
        trigger = f"{name}_no_{act.lower()}"
        yield trigger, f"CREATE TRIGGER {trigger} BEFORE {act} ON {name} {body}"
    # INSERT OR REPLACE deletes without the trigger above; rows are numbered without a gap
    last = f"(SELECT COALESCE(MAX(seq), 0) FROM {name})"  # noqa: S608  names of our own tables
    trigger = f"{name}_at_the_end"
    yield (
        trigger,
        f"CREATE TRIGGER {trigger} BEFORE INSERT ON {name} WHEN NEW.seq <> {last} + 1 {body}",
    )


def _postgresql_triggers(name: str) -> Iterator[tuple[str, str]]:
    for trigger, act, each in (
        (f"{name}_no_change", "UPDATE OR DELETE", "ROW"),
        (f"{name}_no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        body = f"FOR EACH {each} EXECUTE FUNCTION gep_refuse_change()"
        yield trigger, f"CREATE TRIGGER {trigger} BEFORE {act} ON {name} {body}"


_FUNCTION = (
    "CREATE FUNCTION gep_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSE}'; END $$"
)


# --------------------------------------------------------------------------------- the store


class Store:
    """An open book's database: :meth:`read` and :meth:`write` give connections."""

    def __init__(self, address: str | Path) -> None:
        self.is_file = not _is_server(address)
        self.name = str(address) if self.is_file else _hidden(str(address))
        self.engine = _file_engine(Path(address)) if self.is_file else _server_engine(str(address))

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the book from beginning to end."""
        with self._errors(), self.engine.connect() as connection:
            if not self.is_file:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a connection that has the book for itself; all is committed at the end, or nothing.

        Raises
        ------
        DataError
            If the database refuses, or other writers keep the book too long.
        """
        with self._errors(), self.engine.connect() as connection:
            connection.execution_options(gep_write=True)
            with connection.begin():
                if not self.is_file:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT}s'")
                    connection.exec_driver_sql(f"LOCK TABLE {BOOK.name} IN EXCLUSIVE MODE")
                yield connection

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            found = str(error.orig).splitlines()[0]
            cure = "see that nobody holds the book, that the disk has room and that you may write"
            raise DataError("the database refuses", self.name, found, cure) from error

    def meta(self) -> dict[str, str]:
        """Return what the book says of itself.

        Raises
        ------
        UsageError
            If the database holds no book, or one of another format.
        """
        cure = "make one with Book.create"
        try:
            with self.engine.connect() as connection:
                if not sa.inspect(connection).has_table(BOOK.name):
                    raise UsageError("there is no book here", self.name, cure=cure)
                rows = connection.execute(sa.select(BOOK.c.key, BOOK.c.value)).all()
        except sa.exc.DBAPIError as error:
            found = str(error.orig).splitlines()[0]
            raise UsageError("the book cannot be opened", self.name, found, cure) from None
        meta: dict[str, str] = {str(key): str(value) for key, value in rows}
        if meta.get("format") != FORMAT:
            found = f"format {meta.get('format')!r}, this version of gep knows {FORMAT}"
            raise UsageError("the book has another format", self.name, found)
        return meta

    def missing_triggers(self) -> tuple[str, ...]:
        """Return the triggers that keep rows from being changed and are not there."""
        with self.read() as connection:
            if self.is_file:
                query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
                there = set(connection.exec_driver_sql(query).scalars())
            else:
                query = (
                    "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D' AND "
                    "tgrelid = ANY(CAST(CAST(:tables AS text[]) AS regclass[]))"
                )
                tables = {"tables": [table.name for table in APPEND_ONLY]}
                there = set(connection.execute(sa.text(query), tables).scalars())
        return tuple(name for name, _ in self._triggers() if name not in there)

    def _triggers(self) -> Iterator[tuple[str, str]]:
        make = _sqlite_triggers if self.is_file else _postgresql_triggers
        for table in APPEND_ONLY:
            yield from make(table.name)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def fill(self, meta: Mapping[str, str], epsg: int) -> None:
        """Make the tables and triggers of a new book."""
        with self._errors(), self.engine.begin() as connection:
            if self.is_file:
                # name and coordinate system of GDAL's layer are kept; the columns are ours
                connection.exec_driver_sql(f"DROP TABLE {PARCELS.name}")
                connection.exec_driver_sql("DELETE FROM gpkg_ogr_contents")
            METADATA.create_all(connection)
            if self.is_file:
                for table in METADATA.sorted_tables:
                    if table is not PARCELS:
                        connection.exec_driver_sql(
                            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
                            "VALUES (?, 'attributes', ?, 0)",
                            (table.name, table.name),
                        )
            else:
                connection.exec_driver_sql(
                    f"ALTER TABLE {PARCELS.name} ALTER COLUMN geom TYPE geometry(Geometry, {epsg})"
                )
                connection.exec_driver_sql(_FUNCTION)
            for _, statement in self._triggers():
                connection.exec_driver_sql(statement)
            rows = [{"key": k, "value": v} for k, v in {"format": FORMAT, **meta}.items()]
            connection.execute(sa.insert(BOOK), rows)


def create(address: str | Path, meta: Mapping[str, str], epsg: int) -> None:
    """Make a new, empty book; it is there whole or not at all.

    Raises
    ------
    UsageError
        If there is a book or file already, the folder is missing, or PostGIS is.
    """
    if _is_server(address):
        _create_on_server(str(address), meta, epsg)
    else:
        _create_file(Path(address), meta, epsg)


def _create_file(path: Path, meta: Mapping[str, str], epsg: int) -> None:
    import geopandas

    cure = "name another one"
    if path.exists():
        raise UsageError("there is a file of that name already", str(path), cure=cure)
    if not path.parent.is_dir():
        raise UsageError("the folder does not exist", str(path.parent), cure="make it first")
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        partial = Path(folder) / "book.gpkg"
        empty = geopandas.GeoDataFrame({"geometry": []}, geometry="geometry", crs=epsg)
        # without GDAL's own spatial index: its triggers call functions that plain SQLite lacks
        empty.to_file(
            partial,
            layer=LAYER,
            driver="GPKG",
            geometry_type="Unknown",
            GEOMETRY_NAME="geom",
            SPATIAL_INDEX="NO",
        )
        store = Store(partial)
        try:
            store.fill(meta, epsg)
        finally:
            store.close()
        try:
            os.link(partial, path)  # unlike a rename this never replaces what is there
        except FileExistsError:
            raise UsageError("there is a file of that name already", str(path), cure=cure) from None
        except OSError:  # a file system without links
            partial.rename(path)


def _create_on_server(address: str, meta: Mapping[str, str], epsg: int) -> None:
    store = Store(address)
    try:
        try:
            with store.engine.connect() as connection:
                has_postgis = connection.exec_driver_sql(
                    "SELECT 1 FROM pg_extension WHERE extname = 'postgis'"
                ).scalar()
                there = sa.inspect(connection).has_table(BOOK.name)
        except sa.exc.DBAPIError as error:
            found = str(error.orig).splitlines()[0]
            cure = "check the address and that the server runs"
            raise UsageError("the database cannot be reached", store.name, found, cure) from None
        if there:
            cure = "open it, or give a database (or schema) of its own"
            raise UsageError("there is a book already", store.name, cure=cure)
        if not has_postgis:
            cure = "have an administrator run CREATE EXTENSION postgis in it"
            raise UsageError("the database has no PostGIS", store.name, cure=cure)
        store.fill(meta, epsg)
    finally:
        store.close()


def _is_server(address: str | Path) -> bool:
    text = str(address)
    if text.startswith(("postgresql://", "postgresql+psycopg://")):
        return True
    if "://" in text:
        cure = "give the path of a GeoPackage, or postgresql://user@host/database"
        found = text.partition("://")[0]
        raise UsageError("a book is kept in a GeoPackage or in PostgreSQL", found=found, cure=cure)
    return False


def _hidden(address: str) -> str:
    """Return an address without its password."""
    return sa.make_url(address).render_as_string(hide_password=True)


def _file_engine(path: Path) -> sa.Engine:
    if not path.is_file():
        cure = "check the name, or make a book with Book.create"
        raise UsageError("there is no such book", str(path), cure=cure)
    address = f"{path.resolve().as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False
        )
        try:  # EXTRA: the folder too is on the disk before a commit returns
            connection.execute("PRAGMA synchronous = EXTRA")
        except sqlite3.Error:  # it is no database
            connection.close()
            raise
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("gep_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _server_engine(address: str) -> sa.Engine:
    try:
        url = sa.make_url(address).set(drivername="postgresql+psycopg")
        return sa.create_engine(url, poolclass=sa.pool.NullPool)
    except ImportError:
        cure = "pip install 'psycopg[binary]'"
        raise UsageError("PostgreSQL needs the package psycopg", cure=cure) from None
    except sa.exc.ArgumentError:
        cure = "postgresql://user@host/database"
        raise UsageError("the address is not understood", cure=cure) from None
