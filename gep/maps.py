"""Maps of rates per area, cell by cell, as cloud-optimised GeoTIFF.

A cell that several zones share shows the mean of their values, weighted by their shares. So the
sum over a map of value × cell area × share inside the zones is the account's figure.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gep import formula
from gep.blocks import Work, Worker
from gep.errors import DataError, Problems
from gep.grid import TILE, Floats, Grid, Ints, Window, entries
from gep.passes import BLOCK, as_done, threads
from gep.plan import LeafNumbers, Plan, Target, ZoneTotalLeaf
from gep.sums import make_work

if TYPE_CHECKING:
    import rasterio.io

    from gep.sums import ClassSums

#: Side of the tiles inside the files, in cells.
_BLOCK = 256


def check_maps(plan: Plan) -> None:
    """Check that the maps which the project asks for can be made.

    Parameters
    ----------
    plan
        The plan of the run.

    Raises
    ------
    DataError
        With every map that cannot be made: its step is not computed, is no rate per area, is given
        as the total of an area, rests on a zone's total, or the project has no land-cover map.
    """
    problems = Problems()
    for name in dict.fromkeys(plan.project.maps):
        _check_map(plan, name, problems)
    problems.raise_if_any(DataError)


def _check_map(plan: Plan, name: str, problems: Problems) -> None:
    where = f"{plan.project.where}, outputs, maps: {name}"
    service, _, symbol = name.rpartition(".")
    target = plan.targets.get((service, symbol))
    if plan.project.land_cover is None:
        cure = "give [land_cover] and [zones], or leave the map out"
        problems.add("a map needs a land-cover map", where, "the project gives areas only", cure)
    elif target is None:
        lacks = plan.not_computed.get(service, ())
        found = (
            f"{service} lacks {', '.join(lacks)}" if lacks else "no line of the account needs it"
        )
        problems.add(
            "the step is not computed", where, found, "give what it lacks, or leave it out"
        )
    elif plan.project.standard.services[service].steps[symbol].meaning.degree != 0:
        cure = "name a step whose unit is per area"
        found = f"it is the total of an area, in {target.unit}"
        problems.add("the step is not a rate per area", where, found, cure)
    elif not target.is_rate:
        found = "an input of it is given as the total of an area"
        problems.add("the step is known for whole areas only", where, found, "leave the map out")
    elif any(
        isinstance(plan.leaves[n], ZoneTotalLeaf) for n in formula.symbols(target.resolved.tree)
    ):
        found = "its formula uses the total of a zone"
        problems.add(
            "the step has no value of its own in a cell", where, found, "leave the map out"
        )


def write_maps(
    folder: Path,
    sums: ClassSums,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write every map that the project asks for: ``<service>.<symbol>.tif``, one band per member.

    Values are in the step's unit, float32, NaN outside the zones and where data are missing or the
    service does not exist. One pass over the rasters makes all maps.

    Parameters
    ----------
    folder
        Where to write; made if it is missing.
    sums
        The class sums of the run.
    workers
        Number of threads; by default as many as there are cores, at most 8. Changes no byte.
    progress
        Called with (blocks done, blocks in all).

    Raises
    ------
    DataError
        If a map cannot be made; see :func:`check_maps`.
    """
    plan = sums.plan
    check_maps(plan)
    targets = []
    for name in dict.fromkeys(plan.project.maps):
        service, _, symbol = name.rpartition(".")
        targets.append(plan.targets[service, symbol])
    if not targets:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as scratch:
        scratch_files = _paint(Path(scratch), plan, targets, threads(workers), progress)
        for path in scratch_files:
            _put_in_order(path, folder / path.name, threads(workers))


def _paint(
    scratch: Path,
    plan: Plan,
    targets: Sequence[Target],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> list[Path]:
    """Write the maps tile by tile into files that are quickly written."""
    import rasterio
    from rasterio.windows import Window as Rio

    formulas = tuple(t.resolved.tree for t in targets)
    work = make_work(plan, LeafNumbers(plan, Problems()), formulas, ())
    scopes = [plan.in_scope(t.service) for t in targets]
    paths = [scratch / f"{t.service}.{t.symbol}.tif" for t in targets]
    files: list[rasterio.io.DatasetWriter] = []
    blocks = list(work.grid.blocks(BLOCK))
    try:
        for path, target in zip(paths, targets, strict=True):
            bands = max(1, len(_members(plan, target)))
            files.append(rasterio.open(path, "w", **_profile(work.grid, bands)))
            _describe(files[-1], plan, target)
        for done, painted in enumerate(_painted(work, scopes, blocks, workers), start=1):
            for tile, values in painted:
                place = Rio(tile.col, tile.row, tile.width, tile.height)
                for file, part in zip(files, values, strict=True):
                    shape = (file.count, tile.height, tile.width)
                    file.write(np.broadcast_to(part, shape).astype(np.float32), window=place)
            if progress:
                progress(done, len(blocks))
    finally:
        for file in files:
            file.close()
    return paths


def _painted(
    work: Work, scopes: Sequence[_Mask], blocks: Sequence[Window], workers: int
) -> Iterator[list[_Tile]]:
    """Compute blocks in threads, a few ahead of who writes them; each thread has its own files."""
    local = threading.local()
    painters: list[_Painter] = []

    def paint(block: Window) -> list[_Tile]:
        if not hasattr(local, "painter"):
            local.painter = _Painter(work, scopes)
            painters.append(local.painter)
        tiles: list[_Tile] = local.painter.paint(block)
        return tiles

    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="gep") as pool:
            for _, tiles in as_done(pool, paint, iter(blocks), 2 * workers):
                yield tiles
    finally:
        for painter in painters:
            painter.reader.close()


def _put_in_order(source: Path, target: Path, workers: int) -> None:
    """Write a file again as a cloud-optimised GeoTIFF with overviews, and remove it."""
    from rasterio.shutil import copy

    copy(
        source,
        target,
        driver="COG",
        compress="DEFLATE",
        predictor="FLOATING_POINT",
        blocksize=_BLOCK,
        overview_resampling="AVERAGE",
        bigtiff="IF_SAFER",
        num_threads=workers,
    )
    source.unlink()


def _profile(grid: Grid, count: int) -> dict[str, Any]:
    import rasterio

    return {
        "driver": "GTiff",
        "dtype": "float32",
        "count": count,
        "height": grid.height,
        "width": grid.width,
        "crs": rasterio.crs.CRS.from_wkt(grid.wkt),
        "transform": grid.transform,
        "nodata": math.nan,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "interleave": "band",
        "compress": "zstd",
        "zstd_level": 1,
        "sparse_ok": True,
        "bigtiff": "IF_SAFER",
    }


def _describe(dataset: rasterio.io.DatasetWriter, plan: Plan, target: Target) -> None:
    project, std = plan.project, plan.project.standard
    service = std.services[target.service]
    step = service.steps[target.symbol]
    title = f"{step.title.zh} {step.title.en}"
    members = _members(plan, target) or ("",)
    for number, member in enumerate(members, start=1):
        dataset.set_band_description(number, member or title)
    units = str(step.unit)
    dataset.units = (units,) * len(members)
    given = step.provides.name if target.given and step.provides else ""
    tags = {
        "title": f"{service.title.zh} {service.title.en}: {title}",
        "long_name": step.title.en,
        "long_name_zh": step.title.zh,
        "units": units,
        "service": target.service,
        "symbol": target.symbol,
        "formula": f"given as {given}" if given else step.checked.text,
        "standard": f"{std.id} {std.number}".strip(),
        "year": str(project.year),
        "project": project.title,
        "gep_version": _version(),
        "TIFFTAG_SOFTWARE": f"gep {_version()}",
    }
    if step.unit.currency:
        tags["price_year"] = str(project.price_year)
    dataset.update_tags(**tags)


def _version() -> str:
    try:
        return version("gep-accounting")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


# ------------------------------------------------------------------------------------ the values


def _members(plan: Plan, target: Target) -> tuple[str, ...]:
    axis = target.resolved.axis
    return plan.axis_members(target.service, axis) if axis else ()


_Mask = np.ndarray[Any, np.dtype[np.bool_]]
#: A tile and the values of every formula there: (height, width), or (members, height, width).
_Tile = tuple[Window, list[Floats]]


class _Painter(Worker):
    """Computes formulas for every cell of the tiles that a zone touches."""

    def __init__(self, work: Work, scopes: Sequence[_Mask]) -> None:
        super().__init__(work)
        self.scopes = scopes

    def paint(self, block: Window) -> list[_Tile]:
        """Return the tiles of a block that a zone touches, with their values."""
        with self.reader.sparing():
            return [
                (tile, self._values(tile, shares)) for _, tile, shares in self.found_tiles(block)
            ]

    def _values(self, tile: Window, found: Sequence[tuple[int, Floats | None]]) -> list[Floats]:
        cells, zones, shares = entries(found, tile)
        raw, nodata = self.reader.numbers(self.work.land_cover, tile)
        classes = self._classes_of(raw.ravel(), nodata)[cells]
        keep = classes >= 0
        cells, zones, shares, classes = cells[keep], zones[keep], shares[keep], classes[keep]
        env = self.environment(tile, cells, zones, classes)
        several = None if len(found) == 1 else shares
        return [
            _spread(np.asarray(values), scope[classes], cells, several, tile)
            for values, scope in zip(self.kernel.run(env), self.scopes, strict=True)
        ]


def _spread(
    values: Floats, inside: _Mask, cells: Ints, shares: Floats | None, tile: Window
) -> Floats:
    """Put values of entries (cell and zone) into the cells of a tile.

    Without ``shares`` a cell has one entry at most, and its value is that of the cell.
    """
    leading = values.shape[:-1] if values.ndim > 1 else ()
    full = np.broadcast_to(values, (*leading, len(cells)))
    full = np.where(inside & np.isfinite(full), full, np.nan)
    size = tile.height * tile.width
    flat = np.full((*leading, size), np.nan)
    if shares is None:
        flat[..., cells] = full
    else:
        whole = np.bincount(cells, weights=shares, minlength=size)
        rows = full.reshape(-1, len(cells))
        with np.errstate(invalid="ignore", divide="ignore"):
            for out, row in zip(flat.reshape(-1, size), rows, strict=True):
                out[:] = np.bincount(cells, weights=row * shares, minlength=size) / whole
    return flat.reshape(*leading, tile.height, tile.width)
