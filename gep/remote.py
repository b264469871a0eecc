"""Rasters at addresses: how GDAL opens them, and what tells whether one has changed."""

from __future__ import annotations

import hashlib
import tempfile
import urllib.error
import urllib.request
from email.message import Message
from http import HTTPStatus
from pathlib import Path

from gep.errors import DataError

#: Kinds of addresses, and how GDAL's names of what lies there begin.
SCHEMES = {
    "http": "/vsicurl/",
    "https": "/vsicurl/",
    "s3": "/vsis3/",
    "oss": "/vsioss/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
}
#: A file of more bytes than this is known by what its server says of it, if it says enough.
READ_WHOLE = 2**26
_HTTP = "/vsicurl/"
_TIMEOUT = 60
_PIECE = 2**20


def is_address(text: str) -> bool:
    """Say whether a name is an address, in either form.

    >>> is_address("s3://maps/rain.tif"), is_address("/vsis3/maps/rain.tif"), is_address("rain.tif")
    (True, True, False)
    """
    return text.partition("://")[0] in SCHEMES or text.startswith(tuple(SCHEMES.values()))


def gdal_path(text: str) -> str:
    """Return the name by which GDAL opens an address; other names stay.

    >>> gdal_path("s3://maps/rain.tif"), gdal_path("rain.tif")
    ('/vsis3/maps/rain.tif', 'rain.tif')
    """
    scheme, _, rest = text.partition("://")
    if scheme not in SCHEMES:
        return text
    return SCHEMES[scheme] + (text if SCHEMES[scheme] == _HTTP else rest)


def identity(path: str, name: str) -> str:
    """Return what tells whether a file at an address has changed.

    It is the SHA-256 of the bytes, for which the file is read once. Only a file of more than
    ``READ_WHOLE`` bytes on an HTTP server that says its size and a strong ETag or its date of
    change is not read: what the server says is the identity then.

    Parameters
    ----------
    path
        An address in GDAL's form.
    name
        The name to show.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    url = path.removeprefix(_HTTP)
    try:
        if url == path:
            return _hash_copy(path)
        told = _headers(url)
        said = "" if told is None else _said(told)
        return said or _hash_stream(url)
    except (OSError, ValueError) as error:  # urllib's errors are OSErrors
        found = str(getattr(error, "reason", "") or error).splitlines()[0]
        found = f"HTTP {error.code}: {found}" if isinstance(error, _HTTPError) else found
        cure = "check the address, the right to read it, and that this machine reaches it"
        raise DataError("the address cannot be read", name, found, cure) from None


_HTTPError = urllib.error.HTTPError
#: Servers that do not answer the question for headers alone say one of these.
_NO_HEAD = {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}


def _headers(url: str) -> Message | None:
    question = urllib.request.Request(url, method="HEAD")  # noqa: S310  http or https only
    try:
        with urllib.request.urlopen(question, timeout=_TIMEOUT) as answer:  # noqa: S310
            told: Message = answer.headers
            return told
    except _HTTPError as error:
        if error.code in _NO_HEAD:
            return None
        raise


def _said(told: Message) -> str:
    size, tag = told.get("Content-Length", ""), told.get("ETag", "")
    if tag.startswith("W/"):  # weak: other bytes may have the same
        tag = ""
    date = told.get("Last-Modified", "")
    if not size.isdecimal() or int(size) <= READ_WHOLE or not (tag or date):
        return ""
    parts = (f"{size} bytes", tag and f"ETag {tag}", date and f"of {date}")
    return "as the server says: " + ", ".join(part for part in parts if part)


def _hash_stream(url: str) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as stream:  # noqa: S310
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _hash_copy(path: str) -> str:
    """Hash a file of a store; GDAL, which knows its signatures, copies it."""
    from rasterio.shutil import copyfiles

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        try:
            copyfiles(path, str(copy))
        except Exception as error:  # noqa: BLE001  GDAL's own kinds, nameless outside rasterio
            raise OSError(str(error)) from None
        digest = hashlib.sha256()
        with copy.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()
