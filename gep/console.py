"""What commands share: messages on standard error, progress, language, and how a command ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from gep.errors import GepError, Problem, UsageError

DONE, WRONG, USAGE, STOPPED = 0, 1, 2, 130
#: Seconds between lines about progress in a log.
PAUSE = 10.0
LANGUAGES = ("zh", "en")
_SAME = "Changes no bit of the result."


class Commands(click.Group):
    """A group whose commands end with the right message and status for what went wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; say what went wrong and set the exit status."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            report(error.problems)
            ctx.exit(USAGE)
        except GepError as error:
            report(error.problems)
            count(error.problems, "nothing was written")
            ctx.exit(WRONG)
        except KeyboardInterrupt:
            click.echo("\nstopped; nothing was written", err=True)
            ctx.exit(STOPPED)


def how_to_compute(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say with what a pass is made."""
    options = (
        click.option("--workers", type=click.IntRange(min=1), help=f"Threads. {_SAME}"),
        click.option(
            "--block",
            type=click.IntRange(min=1),
            default=512,
            show_default=True,
            help=f"Side of the blocks that are read at once, in cells. {_SAME}",
        ),
        click.option("--scheduler", metavar="ADDRESS", help="Compute on a Dask cluster."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def report(problems: Iterable[Problem]) -> None:
    """Print problems: warnings marked, errors as they are."""
    for problem in problems:
        if problem.level == "warning":
            warning(str(problem))
        else:
            click.echo(str(problem), err=True)


def notes(notes: Iterable[str]) -> None:
    """Say what was done to the data, such as bringing a raster onto the grid."""
    for note in notes:
        click.echo(f"note: {note}", err=True)


def warning(text: str) -> None:
    """Print a warning."""
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    mark = click.style("warning:", fg="yellow") if colour else "warning:"
    click.echo(f"{mark} {text}", err=True, color=colour)


def count(problems: Iterable[Problem], result: str) -> None:
    """Print how many errors and warnings there were."""
    levels = [p.level for p in problems]
    errors, warnings = levels.count("error"), levels.count("warning")
    text = f"{many(errors, 'error')}, {many(warnings, 'warning')}"
    click.echo(f"{text}; {result}" if result else text, err=errors > 0)


def many(number: int, name: str) -> str:
    """Return a count with its noun: ``1 block``, ``2 blocks``."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def system_language() -> str:
    """Return ``zh`` or ``en``, as the environment says."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


@contextlib.contextmanager
def progress(of: str = "block") -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows progress: a bar on a terminal, a line now and then in a log."""
    if not sys.stderr.isatty():
        yield log_lines(of)
        return
    from tqdm import tqdm

    with tqdm(unit=f" {of}s", file=sys.stderr, leave=False, disable=False, delay=0.5) as bar:

        def show_bar(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show_bar


def log_lines(of: str = "block") -> Callable[[int, int], None]:
    """Return a function that prints a line about progress now and then."""
    last = time.monotonic()

    def log(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last >= PAUSE:
            last = time.monotonic()
            click.echo(f"{done} of {many(total, of)}", err=True)

    return log
