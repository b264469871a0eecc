"""The command ``gep``: check, run, show, functions, why, diff, compare, new, batch, bank.

Results go to standard output, everything else to standard error. Exit status: 0 done, 1 the data
or the rules are wrong, 2 wrong usage, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from gep import __version__
from gep.cli_bank import bank
from gep.cli_batch import batch
from gep.console import (
    DONE,
    LANGUAGES,
    STOPPED,
    WRONG,
    Commands,
    count,
    how_to_compute,
    notes,
    progress,
    report,
    system_language,
    warning,
)
from gep.errors import DataError, GepError, Problems, UsageError


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="gep")
def cli() -> None:
    """Gross ecosystem product accounting 生态产品总值核算.

    \b
    gep new county                    a commented project to fill in
    gep check county/project.toml     everything that is wrong with it, at once
    gep run county/project.toml --out out
    gep why out SERVICE --zone ID     where a number comes from
    gep show                          the standards that gep knows
    gep functions                     what a formula may call, with units and sources
    gep diff STANDARD_A STANDARD_B    in which lines their rules differ
    gep compare PROJECT --with B      the same data under several standards
    gep batch LIST.toml --out out     many counties or years from one file
    gep bank                          the book of a 两山银行: registry, rights, value, score
    """  # noqa: D301  \b is the character by which click keeps lines


cli.add_command(bank)
cli.add_command(batch)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Check a project, a folder of rules or a rule file; write nothing.

    PATH is a project file (or its folder), a folder with standard.toml, or a file in such a folder.
    The last lines say how much of the rules rests on which kind of text.
    """
    from gep.report.text import checked_text

    kind, found = _what(path)
    told = ""
    if kind == "rules":
        from gep.library import rules_of

        problems = Problems()
        try:
            told = checked_text(rules_of(found), system_language())
        except GepError as error:
            problems.absorb(error)
    else:
        from gep.account import Project, told_shares

        with progress() as shown:
            loaded = Project.load(found)
            problems = loaded.check(shown)
        notes(loaded.data.notes)
        told = checked_text(loaded.data.standard, system_language())
        if loaded.rests_on is not None and loaded.rests_on.sum() > 0:
            told += f"\nof the value rests on text that is: {told_shares(loaded.rests_on)}"
    report(problems)
    if told and not problems.errors:
        click.echo(told)
    count(problems, "nothing was computed" if problems.errors else "")
    if problems.errors:
        raise click.exceptions.Exit(WRONG)


@cli.command()
@click.argument("project", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace a folder that an earlier run wrote.")
@how_to_compute
def run(
    project: Path,
    out: Path,
    *,
    overwrite: bool,
    workers: int | None,
    block: int,
    scheduler: str | None,
) -> None:
    """Compute the account of a project and write it into a folder, whole or not at all.

    A run of a large map that was killed goes on where it stopped when the same is said again. With
    --overwrite, class sums that the folder keeps and that still hold are not made again.
    """
    from gep.files import refuse_existing

    refuse_existing(out, overwrite=overwrite)  # before hours of work, not after
    kind, found = _what(project)
    if kind == "rules":
        raise UsageError("this is a folder of rules, not a project", str(project), cure="gep check")
    from gep.account import Project

    with progress() as shown:
        account = Project.load(found).run(
            block=block,
            workers=workers,
            progress=shown,
            kept=out if out.is_dir() else None,
            client=scheduler,
            journal=out.resolve().parent / f".{out.name}.journal",
        )
    notes(account.provenance["notes"])
    for text in account.provenance["warnings"]:
        warning(text)
    try:
        with progress("map block") as shown:
            account.save(out, overwrite=overwrite, workers=workers, progress=shown)
    except OSError as error:
        cure = "check the space on the disk and the right to write there"
        raise DataError("the account cannot be written", str(out), str(error), cure) from error
    click.echo(account)
    click.echo(f"written to {out}")


@cli.command()
@click.argument("standard", required=False)
@click.argument("service", required=False)
@click.option("--mechanisms", is_flag=True, help="List the mechanisms, not the standards.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language [default: that of the system]."
)
def show(standard: str | None, service: str | None, *, mechanisms: bool, lang: str | None) -> None:
    """Show the standards, one standard, or one of its rules; or the same of mechanisms.

    STANDARD is an id or the path of a folder of rules, SERVICE a service, a variant or a mechanism.
    """
    from gep import library

    lang = lang or system_language()
    if standard is None:
        known = library.mechanisms() if mechanisms else library.standards()
        width = max(map(len, known), default=0)
        other = "en" if lang == "zh" else "zh"
        for name, title in known.items():
            click.echo(f"{name:<{width}}  {title[lang]}  {title[other]}")
        return
    from gep.report.text import service_text, standard_text

    loaded = library.rules_of(standard)
    if service is None:
        click.echo(standard_text(loaded, lang), nl=False)
    else:
        click.echo(service_text(loaded, loaded.rule(service), lang), nl=False)


@cli.command()
@click.argument("name", required=False)
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language [default: that of the system]."
)
def functions(name: str | None, lang: str | None) -> None:
    """List the functions that formulas may call, or explain one: units, source, example."""
    from gep.report.text import function_text, functions_text

    click.echo(function_text(name) if name else functions_text(lang or system_language()), nl=False)


@cli.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("service")
@click.option("--zone", help="Id of a zone [default: the whole area].")
def why(run: Path, service: str, zone: str | None) -> None:
    """Explain a service of a written account, down to clause, table row and file.

    RUN is a folder that `gep run` wrote.
    """
    from gep.account import Account

    click.echo(str(Account.load(run).why(service, zone)))


@cli.command()
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "--with",
    "others",
    multiple=True,
    metavar="STANDARD",
    help="Id or folder of a standard to compare with; may be given several times. "
    "[default: compare_with of the project]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for tables, workbook, text and charts."
)
@click.option("--overwrite", is_flag=True, help="Replace a folder that an earlier run wrote.")
@click.option("--workers", type=click.IntRange(min=1), help="Threads.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language [default: that of the system]."
)
def compare(
    project: Path,
    others: tuple[str, ...],
    *,
    out: Path | None,
    overwrite: bool,
    workers: int | None,
    lang: str | None,
) -> None:
    """Compute a project under several standards in one pass and say exactly why they differ.

    The standard that the project names is the reference.
    """
    from gep import plot
    from gep.comparison import compare as compared
    from gep.files import refuse_existing
    from gep.tables import read_toml, texts

    if out is not None:
        refuse_existing(out, overwrite=overwrite)
    kind, found = _what(project)
    if kind == "rules":
        cure = "gep diff compares rules without data"
        raise UsageError("this is a folder of rules, not a project", str(project), cure=cure)
    tables, problems = read_toml(found, DataError), Problems()
    listed = texts(tables.get("compare_with", []), f"{found.name}, compare_with", problems)
    problems.raise_if_any(DataError)
    names = [str(tables.get("standard", "")), *(others or listed)]
    with progress() as shown:
        result = compared(found, names, workers=workers, progress=shown)
    click.echo(result.text(lang or system_language()), nl=False)
    if out is not None:
        result.save(out, overwrite=overwrite)
        click.echo(f"written to {out}", err=True)
        if not plot.can_draw():
            click.echo(f"without charts; for them, {plot.INSTALL}", err=True)


@cli.command()
@click.argument("first", metavar="STANDARD_A")
@click.argument("second", metavar="STANDARD_B")
@click.option("--service", help="Show one service only.")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language [default: that of the system]."
)
def diff(first: str, second: str, *, service: str | None, lang: str | None) -> None:
    """Show the lines in which the rules and tables of two standards differ."""
    from gep.difference import diff as differences

    found = differences(first, second)
    click.echo(found.text(lang or system_language(), service=service), nl=False)


@cli.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--standard", help="Id or folder of the standard; its quantities are listed.")
def new(folder: Path, standard: str | None) -> None:
    """Write a commented project into DIR, to fill in."""
    from gep.library import standard as load
    from gep.template import new_project

    loaded = load(standard) if standard else None
    year = time.localtime().tm_year - 1
    for path in new_project(folder, loaded, year):
        click.echo(path)


# ------------------------------------------------------------------------------------- helpers


def _what(path: Path) -> tuple[str, Path]:
    """Say whether a path means rules (and which folder) or a project (and which file)."""
    if path.is_dir():
        if _holds_rules(path):
            return "rules", path
        if (path / "project.toml").is_file():
            return "project", path / "project.toml"
        cure = "give a project file, or a folder with standard.toml or project.toml"
        raise UsageError("the folder holds neither a project nor rules", str(path), cure=cure)
    if not path.is_file():
        raise UsageError("there is no such file or folder", str(path), cure="check the name")
    if path.suffix == ".toml" and _holds_rules(path.parent) and not _is_project(path):
        return "rules", path.parent
    return "project", path


def _holds_rules(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("standard.toml", "mechanism.toml"))


def _is_project(path: Path) -> bool:
    from gep.tables import read_toml

    try:
        return "standard" in read_toml(path)
    except GepError:
        return False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process.

    Parameters
    ----------
    arguments
        The words after ``gep``; by default those of the process.
    """
    gc.set_threshold(20_000, 20, 100)  # the process is short and makes hardly any rings of objects
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        status = cli.main(arguments, prog_name="gep", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = STOPPED
    except BrokenPipeError:  # the reader (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = WRONG
    gc.freeze()  # what is left ends with the process: Python need not search it
    sys.exit(status if isinstance(status, int) else DONE)
