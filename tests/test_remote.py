"""Rasters at addresses: an HTTP server with ranges, an S3-compatible store; both on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_passes
import tiny

from gep import remote
from gep.account import Project
from gep.errors import DataError
from gep.journal import Journal


class Ranges(http.server.BaseHTTPRequestHandler):
    """Serves the files of a folder, whole or in ranges; keeps what was asked."""

    root: Path
    asked: list[tuple[str, str, str]]
    says: dict[str, str]
    refuses_head = False

    def do_HEAD(self) -> None:
        self.answer(head=True)

    def do_GET(self) -> None:
        self.answer(head=False)

    def answer(self, *, head: bool) -> None:
        self.asked.append((self.command, self.path, self.headers.get("Range", "")))
        path = self.root / self.path.lstrip("/")
        if head and self.refuses_head:
            self.send_error(405)
            return
        if not path.is_file():
            self.send_error(404)
            return
        data, status = path.read_bytes(), 200
        first, last = 0, len(data) - 1
        asked = self.headers.get("Range", "")
        if asked:
            low, _, high = asked.removeprefix("bytes=").partition("-")
            first, last = int(low), min(int(high or last), last)
            status = 206
        body = data[first : last + 1]
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        for name, value in self.says.items():
            self.send_header(name, value)
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An HTTP server of ``tmp_path/project``: (address, handler)."""
    monkeypatch.setenv("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR")
    monkeypatch.setenv("CPL_VSIL_CURL_NON_CACHED", "/vsicurl/")
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "20")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = type("Own", (Ranges,), {"root": tmp_path / "project", "asked": [], "says": {}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{served.server_address[1]}", handler
        finally:
            served.shutdown()
            thread.join()


def moved(project: Path, place: str) -> Path:
    """Write the project again, with its rasters at another place."""
    text = project.read_text(encoding="utf-8")
    for name in ("land.tif", "et.tif"):
        text = text.replace(f'"{name}"', f'"{place}/{name}"')
    path = project.with_name("remote.toml")
    path.write_text(text, encoding="utf-8")
    return path


def test_http_gives_the_account_of_local_files(tmp_path: Path, server: Any) -> None:
    address, handler = server
    project = test_passes.strip_project(tmp_path / "project", 3, 3)
    local = Project.load(project)
    far = Project.load(moved(project, address))
    assert far.run(workers=2).table.equals(local.run(workers=1).table)
    assert far.data.files[f"{address}/et.tif"] == local.data.files["et.tif"]
    ranges = [r for _, path, r in handler.asked if path == "/et.tif" and r]
    assert ranges, "the blocks are read in ranges"


def test_a_journal_knows_what_lies_at_an_address(tmp_path: Path, server: Any) -> None:
    project = test_passes.strip_project(tmp_path / "project", 3, 3)
    far = moved(project, server[0])
    journal = Journal(tmp_path / "j", at_least=0)
    with pytest.raises(test_passes.Stop):
        Project.load(far).run(
            block=256, workers=1, journal=journal, progress=test_passes.stop_after(5)
        )
    wanted = Project.load(project).run(workers=1)
    assert Project.load(far).run(block=256, workers=1, journal=journal).table.equals(wanted.table)
    assert len(list(journal.read())) == 9


def test_a_missing_file_at_an_address_is_named(tmp_path: Path, server: Any) -> None:
    address, _ = server
    project = test_passes.strip_project(tmp_path / "project", 2, 2)
    (tmp_path / "project" / "et.tif").unlink()
    with pytest.raises(DataError) as refused:
        Project.load(moved(project, address))
    text = str(refused.value)
    assert f"{address}/et.tif: the address cannot be read" in text
    assert "HTTP 404" in text
    assert "check the address" in text


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="the address cannot be read") as refused:
        remote.identity("/vsicurl/http://127.0.0.1:9/a.tif", "rain")
    assert "refused" in str(refused.value)


def test_small_files_are_hashed_by_their_bytes(tmp_path: Path, server: Any) -> None:
    address, handler = server
    handler.says = {"ETag": '"abc"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.bin").write_bytes(b"bytes" * 1000)
    found = remote.identity(remote.gdal_path(f"{address}/a.bin"), "a")
    assert found == hashlib.sha256(b"bytes" * 1000).hexdigest()


@pytest.mark.parametrize(
    ("says", "known"),
    [
        ({"ETag": '"abc"'}, 'as the server says: 5000 bytes, ETag "abc"'),
        ({"Last-Modified": "Thu, 01 Jan 2026"}, "as the server says: 5000 bytes, of Thu, 01"),
        ({"ETag": 'W/"abc"'}, ""),  # a weak tag is no promise
        ({}, ""),
    ],
)
def test_large_files_are_known_by_what_the_server_says(
    tmp_path: Path,
    server: Any,
    monkeypatch: pytest.MonkeyPatch,
    says: dict[str, str],
    known: str,
) -> None:
    address, handler = server
    handler.says = says
    monkeypatch.setattr(remote, "READ_WHOLE", 4999)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.bin").write_bytes(b"bytes" * 1000)
    found = remote.identity(remote.gdal_path(f"{address}/a.bin"), "a")
    wanted = known or hashlib.sha256(b"bytes" * 1000).hexdigest()
    assert found.startswith(wanted)
    assert ("GET", "/a.bin", "") in handler.asked or known


def test_a_server_without_head_is_read(tmp_path: Path, server: Any) -> None:
    address, handler = server
    handler.refuses_head = True
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.bin").write_bytes(b"x")
    found = remote.identity(remote.gdal_path(f"{address}/a.bin"), "a")
    assert found == hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("https://a.org/b.tif", "/vsicurl/https://a.org/b.tif"),
        ("http://a.org/b.tif", "/vsicurl/http://a.org/b.tif"),
        ("s3://bucket/a/b.tif", "/vsis3/bucket/a/b.tif"),
        ("oss://bucket/b.tif", "/vsioss/bucket/b.tif"),
        ("/vsis3/bucket/b.tif", "/vsis3/bucket/b.tif"),
        ("zip://a.zip!b.tif", "zip://a.zip!b.tif"),
        ("maps/b.tif", "maps/b.tif"),
    ],
)
def test_names_as_gdal_has_them(text: str, path: str) -> None:
    assert remote.gdal_path(text) == path
    assert remote.is_address(text) == path.startswith(("/vsicurl/", "/vsis3/", "/vsioss/"))


# ---------------------------------------------------------------------------------------- a store


_STORE = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """An S3-compatible store in a process of its own: ``127.0.0.1:port``."""
    pytest.importorskip("moto.server", reason="needs moto[server]: an S3 store in a package")
    pytest.importorskip("boto3", reason="needs boto3, to fill the store")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", _STORE, str(port)], **quiet) as process:
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def store(served: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the store, which GDAL knows, too; its bucket ``maps`` is empty."""
    import boto3

    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_S3_ENDPOINT": served,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "CPL_VSIL_CURL_NON_CACHED": "/vsis3/",
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_HTTP_TIMEOUT": "20",
        "no_proxy": "127.0.0.1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=f"http://{served}", region_name="us-east-1")
    client.create_bucket(Bucket="maps")
    yield client
    client.close()


def test_a_store_gives_the_account_of_local_files(tmp_path: Path, store: Any) -> None:
    project = test_passes.strip_project(tmp_path / "project", 3, 3)
    for name in ("land.tif", "et.tif"):
        store.upload_file(str(tmp_path / "project" / name), "maps", f"2020/{name}")
    local = Project.load(project)
    far = Project.load(moved(project, "s3://maps/2020"))
    assert far.run(workers=2).table.equals(local.run(workers=1).table)
    assert far.data.files["s3://maps/2020/et.tif"] == local.data.files["et.tif"]


def test_a_changed_object_of_a_store_is_noticed(tmp_path: Path, store: Any) -> None:
    path = tmp_path / "a.tif"
    hashes = []
    for value in (1, 2):
        tiny.write_raster(path, np.full((9, 9), value))
        store.upload_file(str(path), "maps", "a.tif")
        hashes.append(remote.identity("/vsis3/maps/a.tif", "a"))
        assert hashes[-1] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert hashes[0] != hashes[1]


def test_what_a_store_does_not_have_is_named(store: Any) -> None:
    with pytest.raises(DataError, match=r"s3://maps/none\.tif: the address cannot be read") as e:
        remote.identity("/vsis3/maps/none.tif", "s3://maps/none.tif")
    assert "the right to read it" in str(e.value)
