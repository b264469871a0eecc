"""The command ``gep batch``: many accounts from one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gep.console import WRONG, how_to_compute, progress

if TYPE_CHECKING:
    from gep.batch import Outcome


@click.command()
@click.argument("path", metavar="LIST.toml", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@how_to_compute
def batch(path: Path, out: Path, *, workers: int | None, block: int, scheduler: str | None) -> None:
    """Compute many counties or years from one file, each into a folder of its own.

    LIST.toml holds the tables of a project under [defaults] and, in [[runs]], a name and what is
    different. Say the same again after a failure, a change or a kill: what is finished and
    unchanged is kept. Exit status 1 if a run failed; the last lines say why.
    """
    from gep.batch import run_batch

    def told(outcome: Outcome) -> None:
        click.echo(f"{outcome.name}: {outcome.status}", err=True)

    with progress() as shown:
        found = run_batch(
            path,
            out,
            block=block,
            workers=workers,
            progress=shown,
            told=told,
            client=scheduler,
        )
    click.echo(found.text(), err=bool(found.failed))
    if found.failed:
        raise click.exceptions.Exit(WRONG)
