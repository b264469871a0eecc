"""A journal of finished work: what a killed run has done, it need not do again.

A file to which whole records are added, each with its length and checksum. A record that was being
written when the run was killed is known by them and dropped.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gep.errors import DataError

Arrays = Mapping[str, NDArray[Any]]

_MARK = b"gep\x01"
_HEAD = len(_MARK) + 8 + 16


class Journal:
    """Records of arrays in a file. The file is made with the first record.

    Parameters
    ----------
    path
        The file.
    at_least
        A pass of fewer blocks keeps no journal: it is done again sooner than it is written down.
    """

    def __init__(self, path: str | Path, *, at_least: int = 64) -> None:
        self.path, self.at_least = Path(path), at_least

    def read(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Return the records; what is left of a torn one, and all behind it, is cut off.

        Raises
        ------
        DataError
            If the file is there and cannot be read.
        """
        whole = 0
        try:
            if not self.path.exists():
                return
            with self.path.open("rb") as stream:
                while payload := _record(stream):
                    whole = stream.tell()
                    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
                        yield dict(arrays)
            if whole < self.path.stat().st_size:
                os.truncate(self.path, whole)
        except OSError as error:
            cure = "delete it (the run then starts anew), or name another output folder"
            found = error.strerror or str(error)
            raise DataError("the journal cannot be read", str(self.path), found, cure) from None

    def add(self, arrays: Arrays) -> None:
        """Add a record: it is there as a whole, or not at all.

        Raises
        ------
        DataError
            If it cannot be written: a full disk, no right to write.
        """
        memory = io.BytesIO()
        named: dict[str, Any] = dict(arrays)
        np.savez(memory, **named)
        payload = memory.getvalue()
        record = _MARK + len(payload).to_bytes(8, "little") + _checksum(payload) + payload
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as stream:
                before = stream.tell()
                try:
                    if stream.write(record) != len(record):
                        raise OSError(0, "only a part of the record could be written")  # noqa: TRY301
                except OSError:
                    stream.truncate(before)
                    raise
        except OSError as error:
            found = error.strerror or str(error)
            cure = "make room on the disk and run again: what is in the journal is not done again"
            what = "the journal of finished blocks cannot be written"
            raise DataError(what, str(self.path), found, cure) from error

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)


def _record(stream: Any) -> bytes:
    """Return the next whole record, or nothing."""
    head = stream.read(_HEAD)
    if len(head) < _HEAD or head[: len(_MARK)] != _MARK:
        return b""
    length = int.from_bytes(head[len(_MARK) : len(_MARK) + 8], "little")
    payload: bytes = stream.read(length)
    if len(payload) < length or _checksum(payload) != head[-16:]:
        return b""
    return payload


def _checksum(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()
