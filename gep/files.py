"""Outputs appear whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from gep.errors import UsageError


@contextlib.contextmanager
def whole_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder to write into; it becomes ``folder`` when all is written.

    If anything is raised, or the process is killed, ``folder`` is as it was before. What a killed
    run leaves is called ``.<name>.partial-…`` and is removed by the next run.

    Raises
    ------
    UsageError
        If ``folder`` exists and ``overwrite`` is false, or its parent is missing.
    """
    refuse_existing(folder, overwrite=overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(f".{folder.name}.partial-*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = folder.parent / f".{folder.name}.partial-{uuid.uuid4().hex[:8]}"
    partial.mkdir()
    try:
        yield partial
        if folder.exists():
            old = folder.parent / f".{folder.name}.partial-{uuid.uuid4().hex[:8]}"
            folder.rename(old)
            partial.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
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
    if not (folder / "provenance.json").is_file():
        cure = "name another folder; only folders that gep wrote are replaced"
        raise UsageError("the output folder holds other files", str(folder), cure=cure)
