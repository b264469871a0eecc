"""Outputs appear whole or not at all, whatever happens at whatever moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from gep.errors import UsageError
from gep.files import whole_folder


def write(folder: Path, text: str, *, overwrite: bool = False) -> None:
    with whole_folder(folder, overwrite=overwrite) as out:
        (out / "provenance.json").write_text(text, encoding="utf-8")


def read(folder: Path) -> str:
    return (folder / "provenance.json").read_text(encoding="utf-8")


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write(target, "first")

    def fail() -> None:
        with whole_folder(target, overwrite=True) as out:
            (out / "provenance.json").write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert read(target) == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_run_killed_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write(target, "first")
    # What such a kill leaves: the old folder under its other name, the new one still partial.
    target.rename(tmp_path / ".out.previous")
    (tmp_path / ".out.partial-0123abcd").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        write(target, "second")
    assert read(target) == "first"
    assert sorted(p.name for p in tmp_path.iterdir() if "previous" in p.name) == []


def test_a_run_killed_after_both_renames_leaves_the_new_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    write(target, "first")
    old = tmp_path / ".out.previous"
    old.mkdir()
    (old / "provenance.json").write_text("older", encoding="utf-8")
    write(target, "second", overwrite=True)
    assert read(target) == "second"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
