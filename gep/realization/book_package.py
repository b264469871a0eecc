"""What a package of deposits is: how much, in how many parts, for how long."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import shapely

from gep.errors import Problem, Problems
from gep.realization.registry_area import areas_ha, contiguous, effective_mesh
from gep.realization.registry_checks import Snapshot, geometry_fault, whole_years


@dataclass(frozen=True)
class PackageFacts:
    """Area, fragmentation and term of a package.

    Attributes
    ----------
    area_ha
        Sum of the parcels' areas; None where one is not known.
    m_eff_ha
        Effective mesh size Σa²/Σa of the parcels as they were, each by itself, in ha.
    m_eff_parts_ha
        The same of the contiguous parts: what putting them together gave.
    parts
        The parcels that lie together, part by part.
    contiguity
        Share of the largest part in the area.
    term_end, term_years
        When the first right or deposit of a member ends, and the whole years until then.
    warnings
        What could not be determined.
    geometry
        The land of the package, None where no parcel has a geometry.
    """

    id: str
    at: dt.date
    parcels: tuple[str, ...]
    area_ha: float | None
    m_eff_ha: float | None
    m_eff_parts_ha: float | None
    parts: tuple[tuple[str, ...], ...]
    contiguity: float | None
    term_end: dt.date | None
    term_years: int | None
    warnings: tuple[Problem, ...]
    geometry: shapely.Geometry | None


def package_facts(book: Snapshot, name: str, at: dt.date, gap_m: float) -> PackageFacts:
    """Return the facts of a package on a day.

    Parameters
    ----------
    book
        The registry.
    name
        Id of the package.
    at
        Day from which the term counts.
    gap_m
        Parcels this near to each other lie together [m]; 0 where they must touch.
    """
    where, problems = f"package {name}", Problems()
    active = book.active_members(name)
    parcels = tuple(dict.fromkeys(d["parcel_id"] for d in active))
    rows = [book.parcels[p] for p in parcels]
    drawn = [row for row in rows if row["geom"] is not None and not geometry_fault(row["geom"])]
    parts = [
        tuple(drawn[n]["id"] for n in group)
        for group in contiguous([row["geom"] for row in drawn], book.crs, gap_m)
    ]
    for row in rows:
        if row not in drawn:
            parts.append((row["id"],))
            what = f"parcel {row['id']} has no geometry: it counts as a part of its own"
            problems.warn(what, where)
    areas = {row["id"]: row["area_ha"] for row in rows}
    unknown = [p for p, area in areas.items() if area is None]
    for parcel in unknown:
        problems.warn(f"the area of parcel {parcel} is not known", where)
    known = bool(rows) and not unknown
    sums = [sum(areas[p] for p in part) for part in parts] if known else []
    total = sum(areas.values()) if known else None
    ends = [end for end in map(book.term_end, active) if end is not None]
    end = min(ends, default=None)
    if end is None:
        problems.warn("the term is undetermined", where)
    return PackageFacts(
        id=name,
        at=at,
        parcels=parcels,
        area_ha=total,
        m_eff_ha=effective_mesh(list(areas.values())) if known else None,
        m_eff_parts_ha=effective_mesh(sums) if known else None,
        parts=tuple(parts),
        contiguity=max(sums) / total if total else None,
        term_end=end,
        term_years=None if end is None else whole_years(at, end),
        warnings=problems.warnings,
        geometry=shapely.union_all([row["geom"] for row in drawn]) if drawn else None,
    )


def measured(shapes: list[shapely.Geometry | None], book: Snapshot) -> list[float | None]:
    """Return the geodesic area of polygons in ha; None for what has none."""
    return [
        None
        if shape is None or geometry_fault(shape) or not shape.area
        else float(areas_ha([shape], book.crs)[0])
        for shape in shapes
    ]
