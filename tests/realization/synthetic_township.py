"""The synthetic township as a book: what several test files build on."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gep.realization.book import Book

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TOWNSHIP, COUNTY = EXAMPLES / "township", EXAMPLES / "county"
AT = dt.date(2022, 1, 1)
OFFICE = "synthetic office"


def rows_of(name: str) -> list[dict[str, str]]:
    """Return the rows of a file of the township."""
    with (TOWNSHIP / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def package_rows(suffix: str) -> Iterator[dict[str, Any]]:
    """Return what the book asks for each package."""
    members = defaultdict(list)
    for row in rows_of(f"package_members{suffix}.csv"):
        members[row["package_id"]].append(row["deposit_id"])
    for row in rows_of(f"packages{suffix}.csv"):
        yield {
            "package_id": row["id"],
            "name": row["name"],
            "use": row["use"],
            "deposits": members[row["id"]],
            "start": row["start"],
            "years": float(row["years"]),
            "office": OFFICE,
            "reason": "synthetic",
        }


def to_valued(book: Book) -> None:
    """Move every parcel with a certificate to valued."""
    frame = book.parcels
    titled = frame.id[frame.certificate_no.notna()].tolist()
    for state in ("titled", "valued"):
        book.move(titled, state, office=OFFICE, reason="synthetic")


def clean_book(folder: Path) -> Book:
    """Return the book of the clean files."""
    book = Book.create(folder / "book.gpkg", crs="EPSG:4490", title="Synthetic township")
    notes = [book.import_parcels(TOWNSHIP / "parcels.gpkg", office=OFFICE)]
    to_valued(book)
    notes.append(book.import_deposits(TOWNSHIP / "deposits.csv", office=OFFICE))
    notes.append(book.import_encumbrances(TOWNSHIP / "encumbrances.csv", office=OFFICE))
    assert not [str(note) for note in notes if len(note)]
    return book


def packaged_book(folder: Path) -> Book:
    """Return the book of the clean files with its packages."""
    book = clean_book(folder)
    for row in package_rows(""):
        book.package(**row)
    return book
