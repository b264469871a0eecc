"""The account of a book's parcels: a project, computed with the parcels as its zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from gep.account import Account, Project
from gep.errors import DataError, GepError, nearest
from gep.library import standard, together
from gep.plan import make_plan
from gep.project import MAX_ZONE_OVERLAP
from gep.tables import read_csv, read_toml
from gep.units import unit

if TYPE_CHECKING:
    import geopandas

    from gep.library import Standard
    from gep.realization.book import Book


def parcel_account(
    project: str | Path,
    book: Book,
    *,
    services: Sequence[str] | None = None,
    parcels: Sequence[str] | None = None,
) -> Account:
    """Compute a project's account with the parcels of a book as its zones.

    Small parcels are counted by exact fractions of cells. What the project knows by its own zones
    alone cannot be shared among parcels without a guess: it is left out, and the services that need
    it stand in ``account.not_computed`` with what they lack.

    Parameters
    ----------
    project
        Path of a project file with a land-cover map.
    book
        The book.
    services
        The services wanted; by default those that the project computes.
    parcels
        Ids of parcels; by default all that are on the map and not returned or expired. Parcels that
        overlap (two rights over one piece of land) are computed in two accounts.

    Returns
    -------
    Account
        Give it to ``book.set_flows``.

    Raises
    ------
    DataError
        With all problems of the project and the parcels.
    """
    path = Path(project)
    tables = read_toml(path, DataError)
    base = path.resolve().parent
    if "land_cover" not in tables:
        cure = "give a project with [land_cover]; an extent table knows no parcels"
        raise DataError("the project has no land-cover map", str(path), cure=cure)
    zones = book.zones(parcels)
    _refuse_overlap(zones)
    tables["zones"] = {"file": zones, "id": "id", "name": "name"}
    dropped = _drop(tables, base)
    wanted = services if services is not None else tables.get("services")
    tables.pop("services", None)
    tables.pop("outputs", None)
    built = Project.build(base, **tables)
    lacking = _choose(built, wanted)
    account = built.run()
    account.provenance["not_computed"].update({k: list(v) for k, v in lacking.items()})
    account.provenance["notes"] += [f"known by the project's own zones: {d}" for d in dropped]
    return account


def _choose(project: Project, wanted: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Leave the project those of the wanted services that it can compute; return what others lack.

    A service that is asked for by name and cannot be computed is an error for the engine; here it
    is expected, and named in the account.
    """
    if wanted is None:
        return {}
    can, lacking, catalogue = [], {}, project.data.standard.catalogue
    for service in wanted:
        if service not in catalogue:
            what = f"{project.data.standard.id} has no service {service!r}"
            raise DataError(what, project.data.where, cure=nearest(service, catalogue))
        one = replace(project.data, services=(service,))
        try:
            make_plan(one)
            can.append(service)
        except DataError as error:
            plan = make_plan(replace(project.data, services=None))
            if not plan.not_computed.get(service):
                raise DataError(error.problems) from None
            lacking[service] = plan.not_computed[service]
    if not can:
        found = "\n".join(f"{k}: lacks {', '.join(v)}" for k, v in lacking.items())
        cure = "give what is lacking as maps or by ecosystem, not by zone"
        raise DataError("no service can be computed for parcels", project.data.where, found, cure)
    project.data = replace(project.data, services=tuple(can))
    return lacking


def _drop(tables: dict[str, Any], base: Path) -> list[str]:
    """Take out what is known by the old zones alone; return what that was."""
    dropped = []
    if tables.pop("statistics", None) is not None:
        dropped.append("statistics")
    std = _glossary_of(tables, base)
    kept = {}
    for name, raw in tables.get("inputs", {}).items():
        if isinstance(raw, Mapping) and (_by_zone(raw, base) or _is_total(name, raw, std)):
            dropped.append(name)
        else:
            kept[name] = raw
    if "inputs" in tables:
        tables["inputs"] = kept
    return dropped


def _glossary_of(tables: Mapping[str, Any], base: Path) -> Standard | None:
    try:
        own = standard(tables["standard"], base)
        others = [standard(name, base) for name in tables.get("compare_with", [])]
        return together([own, *others]) if others else own
    except (GepError, KeyError, TypeError):
        return None  # the engine says what is wrong


def _by_zone(raw: Mapping[str, Any], base: Path) -> bool:
    """Say whether an input is a table with a column of zones."""
    if not isinstance(raw.get("table"), str):
        return False
    try:
        header, rows = read_csv(base / raw["table"])
    except GepError:
        return False  # the engine says what is wrong
    return "zone" in header and any(row["zone"] for row in rows)


def _is_total(name: str, raw: Mapping[str, Any], std: Standard | None) -> bool:
    """Say whether an input is one number for the one zone that the project had."""
    quantity = std.glossary.get(name) if std is not None else None
    if quantity is None or "value" not in raw:
        return False
    try:
        given = unit(raw["unit"])
    except (GepError, KeyError):
        return False  # the engine says what is wrong
    if given.agrees(quantity.unit):
        return quantity.kind == "total"
    return quantity.kind == "rate" and given.agrees(quantity.unit * unit("m²"))


def _refuse_overlap(zones: geopandas.GeoDataFrame) -> None:
    shapes = zones.geometry.to_numpy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for i, j in zip(first, second, strict=True):
        if i < j:
            shared = shapely.area(shapely.intersection(shapes[i], shapes[j]))
            if shared > MAX_ZONE_OVERLAP * min(shapes[i].area, shapes[j].area):
                cure = "compute them in two accounts: parcels=[...]"
                pair = f"{zones['id'][i]} and {zones['id'][j]}"
                raise DataError(
                    "parcels overlap: their land would be counted twice", pair, "", cure
                )
