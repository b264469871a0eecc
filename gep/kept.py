"""Class sums that outlive the pass that made them: each under a digest of what it sums.

The digest of a sum covers the text of its formula with every leaf replaced by the hash of its
numbers (the bytes of a raster and how they are read, or a table's values), the cells that count,
the grid, the zones, the land cover with the class of every code, and the engine that summed. So a
sum that is found is the sum that a pass would make, to the last bit; nothing depends on names,
dates or the order of classes. Where an input changed, its sums are not found, and a pass makes
them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gep import formula
from gep.blocks import CellLayer, Range, Slot, TableLayer, Totals, Work
from gep.errors import Problems
from gep.formula import Node, Sym
from gep.plan import InputLeaf, Plan

if TYPE_CHECKING:
    from gep.grid import Raster

Array = np.ndarray[Any, np.dtype[np.float64]]

#: The file beside an account that holds its class sums.
FILE = "sums.npz"
_CHECK = "check"


@dataclass(frozen=True)
class Address:
    """Under which digests the sums of a pass are kept."""

    area: str
    no_cover: str
    unknown: str
    slots: tuple[str, ...]  # one for each slot of the work
    layers: dict[str, str]  # of the layers that vary by cell, by name
    classes: tuple[int, ...]  # numbers of the classes on the map, in the order in which they stand

    @classmethod
    def of(cls, plan: Plan, work: Work) -> Address:
        """Return the address of what a plan sums."""
        names = tuple(plan.project.standard.classes)
        classes = tuple(sorted(set(work.codes.values()), key=lambda number: names[number]))
        base = _base(plan, work, names)
        leaves: dict[str, Node] = {}
        layers: dict[str, str] = {}
        for layer in work.cells:
            told = _digest("layer", _cell_layer(plan, layer))
            leaves[layer.name], layers[layer.name] = Sym(told), _digest(base, "range", told)
        for table in work.tables:
            leaves[table.name] = Sym(_digest("table", _table_layer(plan, table, classes)))
        texts = [repr(formula.substitute(node, leaves)) for node in work.formulas]

        def of_slot(slot: Slot) -> str:
            cells = sorted(cast("Sym", leaves[name]).name for name in slot.cells)
            checked = sorted(texts[number] for number in slot.checked)
            told = (texts[slot.formula], repr(cells), str(slot.by_area), repr(checked))
            return _digest(base, "sum", *told)

        return cls(
            _digest(base, "area"),
            _digest(base, "no cover"),
            _digest(base, "unknown"),
            tuple(of_slot(slot) for slot in work.slots),
            layers,
            classes,
        )


class Kept:
    """A store of class sums by digest, in memory or beside an account.

    ``warnings`` says what was wrong with a file that is not used.

    Examples
    --------
    >>> import tempfile
    >>> kept = Kept()
    >>> kept.arrays["digest"] = np.ones((2, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept.write(Path(folder) / FILE)
    ...     Kept.read(folder).arrays["digest"].shape
    (2, 3)
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self.warnings = Problems()

    @classmethod
    def read(cls, folder: str | Path) -> Kept:
        """Read the sums beside an account; what is damaged or not ours is named and not used."""
        kept, path = cls(), Path(folder) / FILE
        if not path.exists():
            return kept
        found = "it was not written by gep"
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            check = str(arrays.pop(_CHECK)) if _CHECK in arrays else ""
            if check == _checksum(arrays):
                kept.arrays = arrays
                return kept
            found = "its check sum does not agree" if check else found
        except Exception as error:  # noqa: BLE001  a damaged file raises many kinds
            found = str(error).splitlines()[0] if str(error) else type(error).__name__
        cure = "nothing: a pass makes the sums anew, and saving the account writes a good file"
        kept.warnings.warn("the kept class sums are not used", str(path), found, cure)
        return kept

    def write(self, path: Path) -> None:
        """Write all sums into a file: the same sums, the same bytes."""
        arrays: dict[str, Any] = dict(sorted(self.arrays.items()))
        arrays[_CHECK] = np.array(_checksum(self.arrays))
        np.savez_compressed(path, **arrays)

    # ------------------------------------------------------------- a pass's sums

    def rest(self, address: Address, work: Work) -> tuple[Work, tuple[int, ...]] | None:
        """Return the work that is not kept and the numbers of its slots; None if all is kept."""
        zones, classes = len(work.zones.ids), len(address.classes)
        slots = [
            number
            for number, digest in enumerate(address.slots)
            if not (self._is(digest, (zones, classes)) or self._is(digest, (-1, zones, classes)))
        ]
        layers = {name for name, digest in address.layers.items() if not self._is(digest, (4,))}
        frame = (
            self._is(address.area, (zones, classes))
            and self._is(address.no_cover, (zones,))
            and self._is(address.unknown, (-1, 3))
        )
        if frame and not slots and not layers:
            return None
        return _part(work, slots, layers), tuple(slots)

    def put(self, address: Address, numbers: Sequence[int], totals: Totals) -> None:
        """Keep the sums of a pass, whose slots are the given ones of the address."""
        at = list(address.classes)
        self.arrays[address.area] = totals.area[:, at]
        self.arrays[address.no_cover] = totals.no_cover
        rows = [(code, m2, count) for code, (m2, count) in sorted(totals.unknown.items())]
        self.arrays[address.unknown] = np.array(rows, dtype=np.float64).reshape(-1, 3)
        for number, sums in zip(numbers, totals.sums, strict=True):
            self.arrays[address.slots[number]] = sums[..., at]
        for name, found in totals.ranges.items():
            row = (found.low, found.high, found.cells, found.missing)
            self.arrays[address.layers[name]] = np.array(row, dtype=np.float64)

    def totals(self, address: Address, work: Work) -> Totals:
        """Return what a pass would give; :meth:`rest` said that nothing lacks."""
        unknown = self.arrays[address.unknown].tolist()
        ranges = {name: self.arrays[digest].tolist() for name, digest in address.layers.items()}
        return Totals(
            self._by_class(address.area, address, work),
            [self._by_class(digest, address, work) for digest in address.slots],
            self.arrays[address.no_cover].copy(),
            {int(code): (m2, int(count)) for code, m2, count in unknown},
            {
                name: Range(low, high, int(cells), int(missing))
                for name, (low, high, cells, missing) in ranges.items()
            },
        )

    def _by_class(self, digest: str, address: Address, work: Work) -> Array:
        kept = self.arrays[digest]
        whole = np.zeros((*kept.shape[:-1], work.n_classes))
        whole[..., list(address.classes)] = kept
        return whole

    def _is(self, digest: str, shape: tuple[int, ...]) -> bool:
        found = self.arrays.get(digest)
        if found is None or found.dtype != np.float64 or found.ndim != len(shape):
            return False
        return all(b in (-1, a) for a, b in zip(found.shape, shape, strict=True))


def _part(work: Work, slots: Sequence[int], layers: set[str]) -> Work:
    """Return the work of some slots, and of the ranges of some layers."""
    formulas: dict[Node, int] = {}
    own = []
    names = set(layers)
    for number in slots:
        slot = work.slots[number]
        moved = [
            formulas.setdefault(work.formulas[n], len(formulas))
            for n in (slot.formula, *slot.checked)
        ]
        own.append(Slot(moved[0], slot.cells, slot.by_area, tuple(moved[1:])))
        names |= slot.cells
    names |= {name for node in formulas for name in formula.symbols(node)}
    return replace(
        work,
        cells=tuple(layer for layer in work.cells if layer.name in names),
        tables=tuple(layer for layer in work.tables if layer.name in names),
        formulas=tuple(formulas),
        slots=tuple(own),
    )


# ----------------------------------------------------------------------------------- digests


def _digest(*parts: str | bytes) -> str:
    """Return the SHA-256 of several texts, each closed by its length."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "little"))
        whole.update(data)
    return whole.hexdigest()


def _checksum(arrays: dict[str, Array]) -> str:
    parts: list[str | bytes] = []
    for name, array in sorted(arrays.items()):
        parts += [name, str(array.dtype), repr(array.shape), np.ascontiguousarray(array).tobytes()]
    return _digest(*parts)


def _base(plan: Plan, work: Work, names: Sequence[str]) -> str:
    """Return the digest of what all sums have in common: cells, zones and classes."""
    import shapely

    grid = work.grid
    frame = (grid.wkt, repr(tuple(grid.transform)), repr((grid.height, grid.width)))
    shapes = [shapely.to_wkb(shape) for shape in work.zones.shapes]
    codes = sorted((code, names[number]) for code, number in work.codes.items())
    cover = _raster(plan, work.land_cover)
    return _digest(engine(), *frame, _digest(*shapes), cover, repr((codes, sorted(work.nodata))))


def _raster(plan: Plan, raster: Raster) -> str:
    how = replace(raster, path="", name="", grid=cast("Any", None))
    return repr((plan.project.content[raster.path], how))


def _cell_layer(plan: Plan, layer: CellLayer) -> str:
    leaf = plan.leaves[layer.name]
    assert isinstance(leaf, InputLeaf)  # noqa: S101  cell layers are inputs
    if layer.raster is not None:
        return _raster(plan, layer.raster)
    return repr((plan.project.content[leaf.source.where], leaf.source.members))


def _table_layer(plan: Plan, layer: TableLayer, classes: Sequence[int]) -> str:
    leaf = plan.leaves[layer.name]
    members = leaf.source.members if isinstance(leaf, InputLeaf) else None
    values = layer.values
    values = values[..., list(classes)] if values.shape[-1] > 1 else values
    return _digest(repr((values.shape, members)), np.ascontiguousarray(values).tobytes())


@functools.cache
def engine() -> str:
    """Return the digest of what sums: gep's own code, the libraries below it, the machine's kind.

    Sums of another engine are not taken: they might differ in their last bits, or in an error that
    was mended.
    """
    home = Path(__file__).parent
    paths = sorted([*home.glob("*.py"), *(home / "functions").glob("*.py")])
    parts: list[str | bytes] = [platform.machine(), platform.system()]
    parts += [path.read_bytes() for path in paths]
    for package in ("numpy", "rasterio", "shapely", "pyproj", "scipy"):
        with contextlib.suppress(PackageNotFoundError):
            parts += [package, version(package)]
    parts.append(str(getattr(sys.modules.get("rasterio"), "__gdal_version__", "")))
    return _digest(*parts)
