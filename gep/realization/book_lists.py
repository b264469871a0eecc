"""The three lists of a 两山银行, 资源清单, 产权清单 and 项目清单, and its calendar of expiry."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gep.errors import UsageError
from gep.realization.book_package import package_facts
from gep.realization.registry import Field, words
from gep.realization.registry_checks import Snapshot
from gep.tables import Title


@dataclass(frozen=True)
class Listing:
    """A list: its title, what its columns are, and its rows by the names of the columns.

    Attributes
    ----------
    frame
        The rows; a GeoDataFrame where they lie on the map. Words are keys; dates are dates.
    columns
        Column → field, with its title in both languages.
    """

    title: Title
    columns: Mapping[str, Field]
    frame: pd.DataFrame

    def titled(self, lang: str) -> pd.DataFrame:
        """Return the rows with columns and words in ``zh`` or ``en``."""
        frame = self.frame.copy()
        for name, field in self.columns.items():
            if field.kind == "word":
                frame[name] = [words().say(field.of, key, lang) for key in frame[name]]
            elif field.kind == "words":
                mark = "、" if lang == "zh" else "; "
                frame[name] = [
                    mark.join(words().say(field.of, key, lang) for key in keys)
                    for keys in frame[name]
                ]
        return frame.rename(columns={name: f.title[lang] for name, f in self.columns.items()})


#: The columns of each list: record and field.
_COLUMNS: Mapping[str, Sequence[tuple[str, str]]] = {
    "resources": [
        *[("parcel", name) for name in ("id", "name", "asset_type", "area_ha")],
        ("lists", "area_source"),
        *[("parcel", name) for name in ("ecosystem_type", "condition", "restrictions")],
        *[("parcel", name) for name in ("source", "survey_date")],
        ("lists", "state"),
    ],
    "rights": [
        *[("parcel", name) for name in ("id", "name", "owner", "right", "right_start")],
        *[("parcel", name) for name in ("right_end", "certificate_no")],
        *[("lists", name) for name in ("encumbrances", "deposit", "mode", "deposit_start")],
        ("lists", "deposit_end"),
        *[("deposit", name) for name in ("unit_rent", "rent_unit", "share")],
        *[("lists", name) for name in ("deposit_no", "deposit_state")],
    ],
    "projects": [
        *[("lists", name) for name in ("package", "project", "use", "start", "years", "parcels")],
        ("parcel", "area_ha"),
        *[("lists", name) for name in ("m_eff_ha", "m_eff_parts_ha", "parts", "contiguity")],
        *[("lists", name) for name in ("term_end", "term_years", "package_state")],
    ],
    "expiry": [
        *[("lists", name) for name in ("subject", "number")],
        ("deposit", "parcel_id"),
        *[("lists", name) for name in ("end", "days_left")],
    ],
}
#: Lists whose rows lie on the map.
_ON_MAP = ("resources", "projects")


def make_lists(
    book: Snapshot, pledges: pd.DataFrame, at: dt.date, gap_m: float
) -> dict[str, Listing]:
    """Return the lists of a registry on a day, with the open pledges of its ledger."""
    rows = {
        "resources": _resources(book),
        "rights": _rights(book),
        "projects": _projects(book, at, gap_m),
        "expiry": _expiry(book, pledges, at),
    }
    return {name: _listing(name, found, book.crs) for name, found in rows.items()}


def _listing(name: str, rows: list[dict[str, Any]], crs: Any) -> Listing:
    import geopandas

    columns = {field: words().fields[record][field] for record, field in _COLUMNS[name]}
    frame = pd.DataFrame(
        rows, columns=[*columns, *(["geometry"] if name in _ON_MAP else [])], dtype=object
    )
    for column, field in columns.items():
        if field.kind == "number":
            frame[column] = pd.to_numeric(frame[column])
    if name in _ON_MAP:
        frame = geopandas.GeoDataFrame(frame, geometry="geometry", crs=crs)
    return Listing(words().titles[name], columns, frame)


def _resources(book: Snapshot) -> list[dict[str, Any]]:
    return [
        {**row, "restrictions": list(book.restrictions.get(name, ())), "geometry": row["geom"]}
        for name, row in book.parcels.items()
    ]


def _rights(book: Snapshot) -> list[dict[str, Any]]:
    """Return a row per parcel and deposit; a parcel without one has a row too."""
    rows = []
    for name, parcel in book.parcels.items():
        burdens = [
            f"{words().say('encumbrance', e['kind'], 'zh')} {e['holder']} {e['end'] or ''}".strip()
            for e in book.encumbrances.values()
            if e["parcel_id"] == name
        ]
        base = {**parcel, "encumbrances": "；".join(burdens)}
        deposits = [d for d in book.deposits.values() if d["parcel_id"] == name]
        rows += [
            {
                **base,
                **{k: d[k] for k in ("mode", "unit_rent", "rent_unit", "share")},
                "deposit": d["id"],
                "deposit_start": d["start"],
                "deposit_end": d["end"],
                "deposit_no": d["certificate_no"],
                "deposit_state": d["state"],
            }
            for d in deposits
        ] or [base]
    return rows


def _projects(book: Snapshot, at: dt.date, gap_m: float) -> list[dict[str, Any]]:
    rows = []
    for name, package in book.packages.items():
        facts = package_facts(book, name, at, gap_m)
        rows.append(
            {
                "package": name,
                "project": package["name"],
                "use": package["use"],
                "start": package["start"],
                "years": package["years"],
                "parcels": len(facts.parcels),
                "area_ha": facts.area_ha,
                "m_eff_ha": facts.m_eff_ha,
                "m_eff_parts_ha": facts.m_eff_parts_ha,
                "parts": len(facts.parts),
                "contiguity": facts.contiguity,
                "term_end": facts.term_end,
                "term_years": facts.term_years,
                "package_state": package["state"],
                "geometry": facts.geometry,
            }
        )
    return rows


def _expiry(book: Snapshot, pledges: pd.DataFrame, at: dt.date) -> list[dict[str, Any]]:
    """Return all that ends, the first first."""
    ends: list[tuple[str, str, str, dt.date | None]] = [
        ("right", row["certificate_no"] or "", name, row["right_end"])
        for name, row in book.parcels.items()
        if row["state"] not in ("returned", "expired")
    ]
    ends += [
        ("deposit", name, row["parcel_id"], row["end"])
        for name, row in book.deposits.items()
        if row["state"] == "active"
    ]
    ends += [
        ("encumbrance", name, row["parcel_id"], row["end"])
        for name, row in book.encumbrances.items()
    ]
    for name in book.active_packages():
        dates = [d for d in map(book.term_end, book.active_members(name)) if d is not None]
        ends.append(("package", name, "", min(dates, default=None)))
    ends += [("pledge", f"{p['pledge']}", "", p["end"]) for p in pledges.to_dict("records")]
    rows = [
        {
            "subject": subject,
            "number": number,
            "parcel_id": parcel,
            "end": end,
            "days_left": (end - at).days,
        }
        for subject, number, parcel, end in ends
        if end is not None
    ]
    return sorted(rows, key=lambda row: (row["end"], row["subject"], row["number"]))


def write_lists(
    path: Path, lists: Mapping[str, Listing], crs: Any, lang: str, *, overwrite: bool = False
) -> Path:
    """Write lists as layers of a GeoPackage, whole or not at all."""
    import geopandas

    if lang not in ("zh", "en"):
        raise UsageError(f"lang is zh or en, not {lang!r}")
    if path.exists() and not overwrite:
        cure = "name another one, or say overwrite to replace it"
        raise UsageError("the file exists already", str(path), cure=cure)
    if not path.parent.is_dir():
        raise UsageError("the folder does not exist", str(path.parent), cure="make it first")
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        partial = Path(folder) / "lists.gpkg"
        for number, listing in enumerate(lists.values()):
            frame = _storable(listing.titled(lang), listing, lang)
            layer: dict[str, Any] = {"layer": listing.title[lang], "driver": "GPKG"}
            layer["mode"] = "a" if number else "w"
            if isinstance(frame, geopandas.GeoDataFrame):
                frame.set_crs(crs).to_file(partial, geometry_type="Unknown", **layer)
            else:
                _write_table(frame, partial, layer)
        partial.replace(path)
    return path


def _storable(frame: pd.DataFrame, listing: Listing, lang: str) -> pd.DataFrame:
    """Return dates and texts in the types that a GeoPackage keeps."""
    for field in listing.columns.values():
        column = field.title[lang]
        if field.kind == "date":
            frame[column] = pd.to_datetime(frame[column])
        elif field.kind != "number":
            frame[column] = frame[column].astype("string")
    return frame


def _write_table(frame: pd.DataFrame, path: Path, layer: Mapping[str, Any]) -> None:
    """Write a table without geometry."""
    from pyogrio import write_dataframe  # type: ignore[import-untyped]

    append = layer["mode"] == "a"
    write_dataframe(frame, path, layer=layer["layer"], driver="GPKG", append=append)
