"""Several works over one map as one: what they have in common is read, ordered and computed once.

The cells of a map are summed by its codes, and each work takes the sums of its classes from there.
So works whose standards have other classes still share everything else, and what a work gets does
not depend on which others were computed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gep import formula
from gep.blocks import CellLayer, Slot, TableLayer, Work
from gep.formula import Node, Sym
from gep.grid import Floats, Ints, Zones


@dataclass(frozen=True)
class Member:
    """A work of several: where its slots are among theirs, and the class of every code."""

    work: Work
    slots: tuple[int, ...]
    classes: Ints  # of every code of the map that has one, in the order of the codes


def groups(works: Sequence[Work]) -> list[list[int]]:
    """Return the numbers of the works that can be computed as one.

    They have the same map with the same codes, the same zones, and one layer of each name: the
    rasters of another year make another group.
    """
    found: dict[Any, list[int]] = {}
    known: list[Zones] = []
    for number, work in enumerate(works):
        zones = next((n for n, own in enumerate(known) if own == work.zones), len(known))
        if zones == len(known):
            known.append(work.zones)
        key: tuple[Any, ...] = (work.land_cover, frozenset(work.codes), work.nodata, zones)
        while not _agree(work, [works[other] for other in found.get(key, ())]):
            key = (*key, "other layers")
        found.setdefault(key, []).append(number)
    return list(found.values())


def _agree(work: Work, others: Sequence[Work]) -> bool:
    """Say whether layers of one name are one layer in all works."""
    known = {layer.name: layer for other in others for layer in other.cells}
    pairs = [(layer, known[layer.name]) for layer in work.cells if layer.name in known]
    return all(a.raster == b.raster and a.array is b.array for a, b in pairs)


def together(works: Sequence[Work]) -> tuple[Work, list[Member]]:
    """Put works of one group into one, which sums by code.

    Leaves that vary by cell have one name for one layer in all of them. Other leaves may have the
    same name and other numbers: those get names of their own.
    """
    codes = sorted(works[0].codes)
    cells: dict[str, CellLayer] = {}
    tables: dict[str, TableLayer] = {}
    homes: dict[str, tuple[Work, str]] = {}
    formulas: dict[Node, int] = {}
    slots: dict[Slot, int] = {}
    members = []
    for number, work in enumerate(works):
        classes = np.array([work.codes[code] for code in codes], dtype=np.int64)
        cells |= {layer.name: layer for layer in work.cells}
        names: dict[str, str] = {layer.name: layer.name for layer in work.cells}
        for layer in work.tables:
            values = _by_code(layer.values, classes)
            known = tables.get(layer.name)
            same = known is not None and np.array_equal(known.values, values, equal_nan=True)
            name = layer.name if known is None or same else f"{layer.name}|{number}"
            names[layer.name] = name
            tables.setdefault(name, TableLayer(name, values))
        for old, new in names.items():
            homes.setdefault(new, (work, old))
        renamed = {old: Sym(new) for old, new in names.items() if old != new}
        moved = [
            formulas.setdefault(formula.substitute(node, renamed), len(formulas))
            for node in work.formulas
        ]
        place = []
        for slot in work.slots:
            checked = tuple(moved[n] for n in slot.checked)
            own = Slot(moved[slot.formula], slot.cells, slot.by_area, checked)
            place.append(slots.setdefault(own, len(slots)))
        members.append(Member(work, tuple(place), classes))
    whole = replace(
        works[0],
        codes={code: number for number, code in enumerate(codes)},
        n_classes=len(codes),
        cells=tuple(cells.values()),
        tables=tuple(tables.values()),
        formulas=tuple(formulas),
        slots=tuple(slots),
        labels=_labels(homes),
    )
    return whole, members


def _by_code(values: Floats, classes: Ints) -> Floats:
    """Return a table's numbers by code, where they are by class."""
    return values if values.shape[-1] == 1 else values[..., classes]


def _labels(homes: Mapping[str, tuple[Work, str]]) -> Callable[[Node], tuple[str, ...]]:
    def labels(node: Node) -> tuple[str, ...]:
        for name in formula.symbols(node):
            work, old = homes[name]
            if found := work.labels(Sym(old)):
                return found
        return ()

    return labels
