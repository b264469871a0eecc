"""Outputs appear whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from gep.errors import UsageError

#: All that gep writes into a folder, by the file that tells its kind: an account, a comparison, the
#: report of a bank.
#: A folder with anything else in it is never replaced.
WRITTEN: Mapping[str, frozenset[str]] = {
    "provenance.json": frozenset(
        {"account.csv", "account.nc", "account.xlsx", "provenance.json", "sums.npz", "maps"}
    ),
    "decomposition.csv": frozenset(
        {"compared.csv", "total.csv", "quantities.csv", "decomposition.csv", "differences.csv"}
        | {"compared.zh.txt", "compared.en.txt", "compared.xlsx"}
        | {"compared.zh.png", "compared.en.png"}
    ),
    "bank.xlsx": frozenset({"bank.xlsx", "bank.html", "lists.gpkg"}),
}


@contextlib.contextmanager
def whole_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder to write into; it becomes ``folder`` when all is written.

    If anything is raised, or the process is killed, ``folder`` is as it was before. What a killed
    run leaves is called ``.<name>.partial-…`` and is removed by the next run; a folder that was
    about to be replaced is called ``.<name>.previous`` for that moment, and the next run puts it
    back.

    Raises
    ------
    UsageError
        If ``folder`` exists and ``overwrite`` is false, or its parent is missing.
    """
    refuse_existing(folder, overwrite=overwrite)
    folder = folder.resolve()
    partial = folder.parent / f".{folder.name}.partial-{uuid.uuid4().hex[:8]}"
    previous = folder.parent / f".{folder.name}.previous"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if previous.exists():  # a run was killed between the two renames below
            if folder.exists():
                shutil.rmtree(previous, ignore_errors=True)
            else:
                previous.rename(folder)
                refuse_existing(folder, overwrite=overwrite)
        for stale in folder.parent.glob(f".{glob.escape(folder.name)}.partial-*"):
            shutil.rmtree(stale, ignore_errors=True)
        partial.mkdir()
    except OSError as error:
        cure = "name a folder in a place where you may write"
        raise UsageError(
            "the output folder cannot be made", str(folder), str(error.strerror), cure
        ) from None
    try:
        yield partial
        if folder.exists():
            folder.rename(previous)
            partial.rename(folder)
            shutil.rmtree(previous, ignore_errors=True)
        else:
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_existing(folder: Path, *, overwrite: bool) -> None:
    """Raise a UsageError if the output folder exists and may not be replaced.

    Only a folder that an earlier run wrote, or an empty one, is ever replaced.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError("the output is a file, not a folder", str(folder), cure="name another one")
    if not any(folder.iterdir()):
        return
    if not overwrite:
        cure = "name another folder, or say --overwrite to replace it"
        raise UsageError("the output folder exists already", str(folder), cure=cure)
    inside = {entry.name for entry in folder.iterdir()}
    kind = next((mark for mark in WRITTEN if (folder / mark).is_file()), None)
    strange = sorted(inside - WRITTEN[kind or next(iter(WRITTEN))])
    if strange or kind is None:
        cure = "name another folder, or move these files; only what gep wrote is replaced"
        found = ", ".join(strange[:8]) or f"no {' or '.join(WRITTEN)}"
        raise UsageError("the output folder holds other files", str(folder), found, cure)
