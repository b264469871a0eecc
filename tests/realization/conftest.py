"""A book in each of the two databases: every test that takes ``address`` runs on both."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gep.realization.book import Book

#: Where Debian keeps the server's programs, besides the PATH.
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _program(name: str) -> str | None:
    folders = os.pathsep.join([os.environ.get("PATH", ""), *map(str, _BINARIES)])
    return shutil.which(name, path=folders)


@pytest.fixture(scope="session")
def server() -> Iterator[Callable[[], str]]:
    """A private PostgreSQL server; gives a function that makes a schema and returns its address."""
    programs = {name: _program(name) for name in ("initdb", "pg_ctl", "psql")}
    lacking = [name for name, path in programs.items() if path is None]
    if lacking:
        pytest.skip(
            f"PostgreSQL is not here: no {', '.join(lacking)} (Debian: postgresql, postgis)"
        )
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (pip install 'psycopg[binary]')")
    home = Path(tempfile.mkdtemp(prefix="gep-pg-"))  # a short path: sockets allow no long one
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
    data = home / "data"

    def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(programs[name]), *words]
        # stdout is a file: the server keeps a pipe open for ever
        with (home / f"{name}.out").open("w+") as out:
            done = subprocess.run(
                command, stdout=out, stderr=subprocess.STDOUT, check=False, cwd=home, **user
            )
            out.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, out.read())

    def psql(database: str, statement: str) -> None:
        done = run("psql", "-h", str(home), "-U", "gep", "-d", database, "-qc", statement)
        if done.returncode:
            raise RuntimeError(done.stdout)

    try:
        made = run(
            "initdb", "-D", str(data), "-U", "gep", "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        if made.returncode:
            pytest.skip(f"initdb failed: {made.stdout[-300:]}")
        options = f"-c listen_addresses='' -k {home}"
        started = run(
            "pg_ctl", "-D", str(data), "-o", options, "-l", str(home / "log"), "-w", "start"
        )
        if started.returncode:
            pytest.skip(f"the server does not start: {started.stdout[-300:]}")
        try:
            psql("postgres", "CREATE DATABASE books")
            try:
                psql("books", "CREATE EXTENSION postgis")
            except RuntimeError as error:
                pytest.skip(f"PostGIS is not here (Debian: postgis): {error}")

            def place() -> str:
                schema = f"book_{uuid.uuid4().hex[:12]}"
                psql("books", f"CREATE SCHEMA {schema}")
                path = f"options=-csearch_path%3D{schema},public"
                return f"postgresql://gep@/books?host={home}&{path}"

            yield place
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(params=["geopackage", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new book may be made."""
    if request.param == "geopackage":
        return str(tmp_path / "book.gpkg")
    return request.getfixturevalue("server")()


@pytest.fixture
def book(address: str) -> Iterator[Book]:
    """An empty book."""
    with Book.create(address, crs="EPSG:4490", title="Synthetic bank") as made:
        yield made
