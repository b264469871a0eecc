"""``gep bank``: the book of a 两山银行, from the survey to the report."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from gep.console import LANGUAGES, WRONG, Commands, count, report, system_language
from gep.errors import DataError, Problems, UsageError

_BOOK = click.argument("book", metavar="BOOK")
_OFFICE = click.option("--office", required=True, help="Who enters it: an office or a role.")
_LANG = click.option(
    "--lang", type=click.Choice(LANGUAGES), help="Language [default: that of the system]."
)
_TERMS = click.argument("terms", type=click.Path(path_type=Path))


@click.group(cls=Commands)
def bank() -> None:
    """Keep the book of a 两山银行: parcels, deposits, packages, rights, their value.

    BOOK is the path of a GeoPackage, or postgresql://user@host/database of one with PostGIS.

    \b
    gep bank init bank.gpkg --crs EPSG:4490 --title "..."
    gep bank import bank.gpkg --parcels parcels.gpkg --office "registry office"
    gep bank check bank.gpkg
    gep bank flows bank.gpkg county.toml
    gep bank report bank.gpkg terms.toml --out out/bank
    """  # noqa: D301  \b is the character by which click keeps lines


@bank.command()
@_BOOK
@click.option("--crs", required=True, help="Coordinate system of the geometries: EPSG:4490 ...")
@click.option("--title", required=True, help="Whose book it is.")
def init(book: str, crs: str, title: str) -> None:
    """Make a new book."""
    from gep.realization.book import Book

    with Book.create(book, crs=crs, title=title) as made:
        click.echo(made)


@bank.command("import")
@_BOOK
@click.option("--parcels", type=click.Path(path_type=Path), help="Vector file, or CSV with areas.")
@click.option("--deposits", type=click.Path(path_type=Path), help="CSV of deposits.")
@click.option("--encumbrances", type=click.Path(path_type=Path), help="CSV of encumbrances.")
@_OFFICE
def import_(
    book: str,
    *,
    parcels: Path | None,
    deposits: Path | None,
    encumbrances: Path | None,
    office: str,
) -> None:
    """Take parcels, deposits and encumbrances into a book; each file whole or not at all."""
    from gep.realization.book import Book

    if parcels is None and deposits is None and encumbrances is None:
        raise UsageError("there is nothing to import", cure="--parcels, --deposits, --encumbrances")
    with Book.open(book) as opened:
        for path, take in (
            (parcels, opened.import_parcels),
            (deposits, opened.import_deposits),
            (encumbrances, opened.import_encumbrances),
        ):
            if path is not None:
                report(take(path, office=office))
        click.echo(opened)


@bank.command()
@_BOOK
@click.argument("state")
@click.argument("parcels", nargs=-1)
@click.option("--all", "from_state", metavar="STATE", help="All parcels that are in this state.")
@click.option("--certified", is_flag=True, help="With --all: only those that have a certificate.")
@_OFFICE
@click.option("--reason", required=True, help="Why; it is kept with the move.")
def move(
    book: str,
    state: str,
    parcels: tuple[str, ...],
    *,
    from_state: str | None,
    certified: bool,
    office: str,
    reason: str,
) -> None:
    """Move PARCELS to another STATE (titled, valued, listed, contracted, operating ...)."""
    from gep.realization.book import Book
    from gep.realization.registry import words

    with Book.open(book) as opened:
        names = list(parcels)
        if from_state:
            key = words().key("state", from_state, "--all")
            frame = opened.parcels
            chosen = frame["state"] == key
            if certified:
                chosen &= frame["certificate_no"].notna()
            names += list(frame["id"][chosen])
        if not names:
            raise UsageError("there is no parcel to move", cure="name some, or --all STATE")
        report(opened.move(names, state, office=office, reason=reason))
        click.echo(opened)


@bank.command()
@_BOOK
@click.option("--at", type=click.DateTime(["%Y-%m-%d"]), help="Day of the check [default: today].")
def check(book: str, *, at: dt.datetime | None) -> None:
    """Say everything that is wrong with the registry of a book, at once."""
    from gep.realization.book import Book

    with Book.open(book) as opened:
        problems = opened.check(at=at.date() if at else _today())
    report(problems)
    count(problems, "")
    if problems.errors:
        raise click.exceptions.Exit(WRONG)


@bank.command()
@_BOOK
@click.argument("package_id", metavar="ID")
@click.option("--name", help="Name of the project; with it a new package is made.")
@click.option("--use", help="What the land is to be used for.")
@click.option("--deposit", "deposits", multiple=True, help="Id of a deposit; several times.")
@click.option("--start", help="First day of the project.")
@click.option("--years", type=float, help="Years that the project needs.")
@click.option("--office", help="Who decides it.")
@click.option("--reason", help="Why; it is kept.")
@click.option(
    "--gap-m",
    type=float,
    default=0.0,
    show_default=True,
    help="Parcels this near lie together [m].",
)
def package(  # noqa: PLR0913  each is a column of the package
    book: str,
    package_id: str,
    *,
    name: str | None,
    use: str | None,
    deposits: tuple[str, ...],
    start: str | None,
    years: float | None,
    office: str | None,
    reason: str | None,
    gap_m: float,
) -> None:
    """Show the package ID of a book; with --name, put deposits together into it first."""
    from gep.realization.book import Book

    with Book.open(book) as opened:
        if name is not None:
            needed = {"use": use, "deposit": deposits, "start": start, "years": years}
            needed |= {"office": office, "reason": reason}
            lacking = [f"--{key}" for key, value in needed.items() if not value]
            if lacking:
                raise UsageError("a new package needs more", cure=", ".join(lacking))
            report(
                opened.package(
                    package_id,
                    name=name,
                    use=str(use),
                    deposits=deposits,
                    start=str(start),
                    years=float(years or 0),
                    office=str(office),
                    reason=str(reason),
                )
            )
        facts = opened.package_facts(package_id, gap_m=gap_m)
    report(facts.warnings)
    for title, value in (
        ("parcels", len(facts.parcels)),
        ("area [ha]", facts.area_ha),
        ("effective mesh of the parcels [ha]", facts.m_eff_ha),
        ("effective mesh of the contiguous parts [ha]", facts.m_eff_parts_ha),
        ("contiguous parts", len(facts.parts)),
        ("share of the largest part", facts.contiguity),
        ("ends", facts.term_end),
        ("whole years from the start", facts.term_years),
    ):
        shown = f"{value:.4g}" if isinstance(value, float) else value
        click.echo(f"{title}: {'not known' if value is None else shown}")


@bank.command()
@_BOOK
@click.argument("project", type=click.Path(path_type=Path))
@click.option("--service", "services", multiple=True, help="Only this service; several times.")
def flows(book: str, project: Path, *, services: tuple[str, ...]) -> None:
    """Compute what each parcel gives, by the account of PROJECT, and keep it in the book."""
    from gep.console import warning
    from gep.realization.book import Book
    from gep.realization.book_account import parcel_account

    with Book.open(book) as opened:
        account = parcel_account(project, opened, services=services or None)
        key = opened.set_flows(account)
    for text in account.provenance["warnings"]:
        warning(text)
    click.echo(account)
    click.echo(f"kept as account {key}")


@bank.command()
@_BOOK
@_TERMS
@click.option("--package", "package_id", help="Only this package.")
@_LANG
def value(book: str, terms: Path, *, package_id: str | None, lang: str | None) -> None:
    """Value the packages of a book by a terms file: cash, and services that nobody pays for."""
    from gep.realization.book import Book
    from gep.realization.dossier import Dossier

    with Book.open(book) as opened:
        valuations = Dossier(opened, terms).valuations
        if package_id is not None and package_id not in valuations:
            cure = f"known: {', '.join(valuations)}"
            raise UsageError(f"the terms value no package {package_id!r}", str(terms), cure=cure)
        for name, valued in valuations.items():
            if package_id in (None, name):
                click.echo(valued.worth.text(lang or system_language()))
                click.echo()


@bank.command()
@_BOOK
@_TERMS
@_LANG
def assess(book: str, terms: Path, *, lang: str | None) -> None:
    """Score the bank by the sheet that a terms file names; damage to nature is a veto."""
    from gep.realization.book import Book
    from gep.realization.dossier import Dossier

    with Book.open(book) as opened:
        score = Dossier(opened, terms).assessment
    if score is None:
        cure = "name one: [assessment] sheet = '...'"
        raise DataError("the terms name no sheet", str(terms), cure=cure)
    click.echo(score.text(lang or system_language()))


@bank.command()
@_BOOK
@click.option("--head", help="A hash that was printed earlier: shows that nothing was cut off.")
def verify(book: str, *, head: str | None) -> None:
    """Walk the ledger of a book: recompute every hash, do every act again by the rules."""
    from gep.realization.book import Book

    with Book.open(book) as opened:
        found = opened.ledger.verify(head)
    problems = Problems()
    for problem in found.problems:
        problems.add(problem.what, problem.where, problem.found, problem.cure)
    report(problems)
    click.echo(f"{found.count} entries, head {found.head}")
    if problems.errors:
        count(problems, "")
        raise click.exceptions.Exit(WRONG)
    click.echo("the chain and all rules hold")


@bank.command("report")
@_BOOK
@_TERMS
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace a folder that an earlier report wrote.")
def report_(book: str, terms: Path, *, out: Path, overwrite: bool) -> None:
    """Write lists, valuations, settlements, score and ledger: a workbook, a page, a GeoPackage."""
    from gep.files import refuse_existing
    from gep.realization.book import Book
    from gep.realization.dossier import Dossier
    from gep.realization.report import write_report

    refuse_existing(out, overwrite=overwrite)
    with Book.open(book) as opened:
        write_report(Dossier(opened, terms), out, overwrite=overwrite)
    click.echo(f"written to {out}")


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).astimezone().date()
