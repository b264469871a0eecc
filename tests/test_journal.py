"""The journal: whole records or none, whatever happened to the file."""

from __future__ import annotations

import errno
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from gep.errors import DataError
from gep.journal import Journal


def record(number: int) -> dict[str, np.ndarray]:
    return {"number": np.array([number]), "more": np.linspace(0, number, 7)}


def numbers(journal: Journal) -> list[int]:
    return [int(r["number"][0]) for r in journal.read()]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "deep" / ".out.journal")
    for number in range(3):
        journal.add(record(number))
    return journal


def test_records_come_back_as_they_were_written(journal: Journal) -> None:
    found = list(journal.read())
    assert numbers(journal) == [0, 1, 2]
    np.testing.assert_array_equal(found[2]["more"], np.linspace(0, 2, 7))


def test_a_torn_record_is_dropped_wherever_it_was_torn(journal: Journal) -> None:
    whole = journal.path.read_bytes()
    journal.path.write_bytes(b"")
    two = Journal(journal.path)
    two.add(record(0))
    two.add(record(1))
    end = journal.path.stat().st_size
    for cut in range(end, len(whole)):
        journal.path.write_bytes(whole[:cut])
        assert numbers(journal) == [0, 1]
        assert journal.path.stat().st_size == end
    journal.add(record(7))
    assert numbers(journal) == [0, 1, 7]


def test_a_changed_byte_is_noticed(journal: Journal) -> None:
    whole = bytearray(journal.path.read_bytes())
    whole[len(whole) // 2] ^= 1
    journal.path.write_bytes(bytes(whole))
    assert numbers(journal) == [0]


def test_another_file_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    path.write_text("hello")
    assert numbers(Journal(path)) == []
    assert numbers(Journal(tmp_path / "nothing")) == []


def test_removed_twice_is_removed(journal: Journal) -> None:
    journal.remove()
    journal.remove()
    assert not journal.path.exists()


def test_it_cannot_be_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="the journal of finished blocks cannot be written") as e:
        Journal(tmp_path / "file" / "x.journal").add(record(1))
    assert "make room" in str(e.value)


def test_where_no_more_fits_the_last_record_is_taken_back(journal: Journal) -> None:
    """As on a full disk: the system writes a part of a record, or refuses it."""
    size = journal.path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
        with pytest.raises(DataError, match=r"\.out\.journal: the journal of finished") as e:
            journal.add(record(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    cause = e.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.errno in (errno.EFBIG, errno.ENOSPC, 0)
    assert journal.path.stat().st_size == size
    assert numbers(journal) == [0, 1, 2]
