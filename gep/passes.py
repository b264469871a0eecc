"""The pass over the rasters: who computes which blocks, and one exact sum of all tiles.

The tiles' sums are added without rounding (:mod:`gep.exact`). So block size, number of workers,
order, and where a killed run went on change no bit of the result.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gep import clusters, formula
from gep.blocks import Range, TileSums, Totals, Work, Worker
from gep.errors import DataError, GepError
from gep.exact import ExactSums
from gep.formula import Node, Sym
from gep.grid import Floats, Grid, Raster, RasterReader, Window
from gep.journal import Journal
from gep.together import Member, groups, together

Progress = Callable[[int, int], None]
#: Side of a block in cells, where none is asked for: what a thread computes at a time.
BLOCK = 512
#: A cluster gets this many tasks per thread at least, and no task has more blocks than that.
TASKS_PER_THREAD, BLOCKS_PER_TASK = 4, 256

#: A block, and the numbers of the passes that have sums to make there.
_Job = tuple[Window, tuple[int, ...]]
_Task = tuple[_Job, ...]


def run_blocks(
    work: Work,
    block: int = BLOCK,
    workers: int | None = None,
    progress: Progress | None = None,
    client: Any = None,
    journal: Journal | None = None,
) -> Totals:
    """Make the class sums of all blocks.

    Parameters
    ----------
    work
        What to compute.
    block
        Side of a block in cells; rounded up to whole tiles.
    workers
        Number of threads; by default as many as there are cores, at most 8.
    progress
        Called with (blocks done, blocks in all).
    client
        A ``dask.distributed.Client``, or the address of a scheduler: its workers compute.
    journal
        Keeps the sums of finished blocks, so that a killed run can go on. It knows the work by
        all that is computed and by the names of the files, not by what the files hold: whoever
        runs a plan gives it their hashes (:func:`gep.sums.make_sums`).

    Raises
    ------
    DataError
        If a raster cannot be read (file and block are named), or the journal not written.
    UsageError
        If there is no cluster, or it cannot compute this.
    """
    keys = [digest(work, {})] if journal else []
    (found,) = run_passes([work], block, workers, progress, client, journal, keys)
    if isinstance(found, GepError):
        raise found
    return found


def run_passes(
    works: Sequence[Work],
    block: int = BLOCK,
    workers: int | None = None,
    progress: Progress | None = None,
    client: Any = None,
    journal: Journal | None = None,
    keys: Sequence[str] = (),
) -> list[Totals | GepError]:
    """Make several passes over one grid at once.

    Works over the same map and zones are computed as one (:mod:`gep.together`); of others, where
    they overlap, a raster is decoded once. What a work gets is the same to the bit as alone.

    Parameters
    ----------
    works
        What to compute; all on the same grid.
    block, workers, progress, client, journal
        As for :func:`run_blocks`.
    keys
        With a journal: what tells each work from all others; see :func:`digest`.

    Returns
    -------
    list
        For each work its class sums, or the error that stopped it: the others go on.
    """
    assert all(work.grid == works[0].grid for work in works)  # noqa: S101
    works = _one_of_each_raster(works)
    shared = groups(works)
    whole = [together([works[number] for number in group]) for group in shared]
    their = [_key([keys[number] for number in group]) for group in shared] if keys else []
    parts = _parts([work for work, _ in whole], block, workers, progress, client, journal, their)
    found: dict[int, Totals | GepError] = {}
    for group, (_, members), part in zip(shared, whole, parts, strict=True):
        if isinstance(part, GepError) and len(group) > 1:  # one of them may be the only one
            for number in group:
                own = [keys[number]] if keys else []
                (found[number],) = run_passes(
                    [works[number]], block, workers, None, client, journal, own
                )
            continue
        for number, member in zip(group, members, strict=True):
            found[number] = part if isinstance(part, GepError) else part.totals(member)
    return [found[number] for number in range(len(works))]


def _key(keys: Sequence[str]) -> str:
    """Return what tells a group of works from all others."""
    return keys[0] if len(keys) == 1 else hashlib.sha256("".join(keys).encode()).hexdigest()


def _parts(
    works: Sequence[Work],
    block: int,
    workers: int | None,
    progress: Progress | None,
    client: Any,
    journal: Journal | None,
    keys: Sequence[str],
) -> list[Part | GepError]:
    """Return the exact sums of several works, or what stopped each."""
    grid = works[0].grid
    blocks = list(grid.blocks(block))
    if journal is not None and len(blocks) < journal.at_least:
        journal = None
    found: list[Any] = [Part() for _ in works]  # or what stopped the work
    finished = _resume(journal, keys, blocks, found) if journal else [set() for _ in works]
    reach = np.array([_reach(work) for work in works])
    jobs: list[_Job] = []
    for window in blocks:
        there = _touches(reach, window)
        needs = tuple(int(n) for n in there if window not in finished[n])
        if needs:
            jobs.append((window, needs))
    done = 0

    def count(number: int) -> None:
        nonlocal done
        for _ in range(number):
            done += 1
            if progress:
                progress(done, len(blocks))

    count(len(blocks) - len(jobs))

    def alive(task: _Task) -> _Task:
        return tuple((w, tuple(n for n in needs if _is_part(found[n]))) for w, needs in task)

    runner = _threads(works, jobs, workers, alive)
    if client is not None:
        runner = _cluster(works, jobs, client)
    try:
        for task, results in runner:
            for number, result in results.items():
                whole = found[number]
                if isinstance(whole, GepError):
                    continue
                if isinstance(result, GepError):
                    found[number] = result
                else:
                    whole.merge(result)
            if journal is not None:
                _write(journal, keys, results)
            count(len(task))
            if not any(map(_is_part, found)):
                break
    finally:
        runner.close()
    return found


def _one_of_each_raster(works: Sequence[Work]) -> list[Work]:
    """Return works in which the same raster is the same object.

    Equality does not tell: a raster whose nodata is NaN equals no other.
    """
    known: dict[str, Raster] = {}

    def one(raster: Raster) -> Raster:
        return known.setdefault(repr(raster), raster)

    return [
        replace(
            work,
            land_cover=one(work.land_cover),
            cells=tuple(
                c if c.raster is None else replace(c, raster=one(c.raster)) for c in work.cells
            ),
        )
        for work in works
    ]


def _is_part(found: Part | GepError) -> bool:
    return isinstance(found, Part)


def _reach(work: Work) -> tuple[float, float, float, float]:
    """Return first and last row, first and last column that the zones may touch."""
    import shapely

    west, south, east, north = shapely.total_bounds(np.array(work.zones.shapes, dtype=object))
    t = work.grid.transform
    rows, cols = (
        ((north - t.f) / t.e, (south - t.f) / t.e),
        ((west - t.c) / t.a, (east - t.c) / t.a),
    )
    return rows[0] - 1, rows[1] + 1, cols[0] - 1, cols[1] + 1


def _touches(reach: Floats, window: Window) -> NDArray[np.intp]:
    """Return the numbers of the works whose zones may touch a block."""
    top, bottom, left, right = reach.T
    return np.flatnonzero(
        (top < window.row + window.height)
        & (bottom > window.row)
        & (left < window.col + window.width)
        & (right > window.col)
    )


# ------------------------------------------------------------------------------- who computes


class Crew:
    """Computes blocks for several works; one per thread. Rasters are decoded once for all."""

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = works
        self.workers: dict[int, Worker] = {}
        self.shared = _SharedReader(works[0].grid) if len(works) > 1 else None

    def run(self, task: _Task) -> dict[int, Part | GepError]:
        """Return, for each work that has something to do, its sums or what stopped it."""
        results: dict[int, Part | GepError] = {}
        for window, needs in task:
            if self.shared:
                self.shared.begin()
            for number in needs:
                part = results.setdefault(number, Part())
                if isinstance(part, GepError):
                    continue
                try:
                    for _, tile in self._worker(number).block(window):
                        part.add(tile)
                    part.windows.append(window)
                except GepError as error:
                    results[number] = _located(error, window)
        return results

    def _worker(self, number: int) -> Worker:
        if number not in self.workers:
            worker = Worker(self.works[number])
            if self.shared:
                worker.reader = self.shared
            self.workers[number] = worker
        return self.workers[number]

    def close(self) -> None:
        """Close all files."""
        for worker in self.workers.values():
            worker.reader.close()


class _SharedReader(RasterReader):
    """Reads what lies in a block once, for all works; nobody may change what it returns."""

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        self._read: dict[tuple[Raster, Window], Floats] = {}
        self._numbers: dict[tuple[Raster, Window], tuple[NDArray[Any], float | None]] = {}

    def begin(self) -> None:
        """Forget the last block; whatever is decoded of the next one is kept."""
        self._read.clear()
        self._numbers.clear()

    def read(self, raster: Raster, window: Window) -> Floats:
        """Return the values in a tile."""
        key = (raster, window)
        if key not in self._read:
            self._read[key] = super().read(raster, window)
            self._read[key].flags.writeable = False
        return self._read[key]

    def numbers(self, raster: Raster, tile: Window) -> tuple[NDArray[Any], float | None]:
        """Return the numbers of a tile, and the one that means no data."""
        key = (raster, tile)
        if key not in self._numbers:
            self._numbers[key] = super().numbers(raster, tile)
            self._numbers[key][0].flags.writeable = False
        return self._numbers[key]


def _located(error: GepError, window: Window) -> DataError:
    """Return an error that names the block in which it arose."""
    last = (window.row + window.height - 1, window.col + window.width - 1)
    where = f"rows {window.row} to {last[0]}, columns {window.col} to {last[1]}"
    where = f"in the block of {where} of the land-cover map (counted from 0)"
    return DataError(
        replace(p, found="\n".join(text for text in (p.found, where) if text))
        for p in error.problems
    )


_T = TypeVar("_T")
_R = TypeVar("_R")


def _threads(
    works: Sequence[Work],
    jobs: Sequence[_Job],
    workers: int | None,
    alive: Callable[[_Task], _Task],
) -> Any:
    """Run blocks in threads with at most two waiting for each; an error stops the rest."""
    workers = threads(workers)
    local = threading.local()
    crews: list[Crew] = []

    def run(task: _Task) -> dict[int, Part | GepError]:
        if not hasattr(local, "crew"):
            local.crew = Crew(works)
            crews.append(local.crew)
        result: dict[int, Part | GepError] = local.crew.run(alive(task))
        return result

    tasks: Iterator[_Task] = ((job,) for job in jobs)
    try:
        if workers == 1:
            for task in tasks:
                yield task, run(task)
        else:
            with ThreadPoolExecutor(workers, thread_name_prefix="gep") as pool:
                yield from as_done(pool, run, tasks, 2 * workers)
    finally:
        for crew in crews:
            crew.close()


def threads(workers: int | None) -> int:
    """Return how many threads compute where nobody says: one for each core, at most 8."""
    return workers or min(8, os.cpu_count() or 1)


def as_done(
    pool: ThreadPoolExecutor, run: Callable[[_T], _R], tasks: Iterator[_T], ahead: int
) -> Iterator[tuple[_T, _R]]:
    """Run tasks in a pool, at most ``ahead`` at a time; yield each with its result when done."""
    waiting: dict[Future[_R], _T] = {}
    try:
        while True:
            for task in tasks:
                waiting[pool.submit(run, task)] = task
                if len(waiting) >= ahead:
                    break
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()
    finally:
        for future in waiting:
            future.cancel()


def _cluster(works: Sequence[Work], jobs: Sequence[_Job], client: Any) -> Any:
    """Run strips, which are runs of blocks in the order of the rows, on a cluster."""

    def tasks(threads: int) -> list[_Task]:
        number = max(TASKS_PER_THREAD * threads, -(-len(jobs) // BLOCKS_PER_TASK))
        size = max(1, -(-len(jobs) // number))
        return [tuple(jobs[at : at + size]) for at in range(0, len(jobs), size)]

    return clusters.run(client, compute_strip, [portable(work) for work in works], tasks)


def compute_strip(works: Sequence[Work], task: _Task) -> dict[int, Part | GepError]:
    """Compute the blocks of a strip; what a cluster's worker runs."""
    crew = Crew(works)
    try:
        return crew.run(task)
    finally:
        crew.close()


@dataclass(frozen=True)
class Labels:
    """The members of the axis below a node, for functions that want dates; plain data."""

    members: Mapping[str, tuple[str, ...]]

    def __call__(self, node: Node) -> tuple[str, ...]:
        """Return the members of the first leaf that has any."""
        names = (self.members.get(name) for name in formula.symbols(node))
        return next((found for found in names if found), ())


def portable(work: Work) -> Work:
    """Return a work that can be sent to another process: plain data, and functions by name.

    Raises
    ------
    UsageError
        If a raster is in this process's memory.
    """
    layers = [work.land_cover, *(c.raster for c in work.cells if c.raster is not None)]
    clusters.refuse_memory([(raster.path, raster.name) for raster in layers])
    names = [*(c.name for c in work.cells), *(t.name for t in work.tables)]
    members = {name: found for name in names if (found := work.labels(Sym(name)))}
    grid, zones = replace(work.grid), replace(work.zones)  # without what they have worked out
    functions = dict(work.functions)
    return replace(work, grid=grid, zones=zones, functions=functions, labels=Labels(members))


# -------------------------------------------------------------------------------- exact sums


class Part:
    """The exact sums of some tiles of a pass."""

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self.members: tuple[int, ...] = ()  # of every slot; 0 without an axis
        self.sums: ExactSums | None = None  # lines: the area, then the slots, member by member
        self.no_cover = ExactSums(1)
        self.unknown = ExactSums(2)  # by code: m², cells
        self.ranges: dict[str, Range] = {}

    def add(self, tile: TileSums) -> None:
        """Add the sums of a tile."""
        lines = np.vstack([tile.area, *tile.sums])
        if self.sums is None:
            self.members = tuple(s.shape[0] if s.ndim > 1 else 0 for s in tile.sums)
            self.sums = ExactSums(len(lines))
        self.sums.add(tile.keys, lines)
        zones = sorted(tile.no_cover)
        self.no_cover.add(
            np.array(zones, np.int64), np.array([[tile.no_cover[z] for z in zones]], np.float64)
        )
        for zone in sorted({zone for zone, _ in tile.unknown}):
            codes = sorted(code for z, code in tile.unknown if z == zone)
            found = np.array([tile.unknown[zone, code] for code in codes], np.float64)
            self.unknown.add(np.array(codes, np.int64), found.T)
        self._count(tile.ranges)

    def merge(self, other: Part) -> None:
        """Add the sums of other tiles."""
        if other.sums is not None:
            if self.sums is None:
                self.members, self.sums = other.members, ExactSums(other.sums.lines)
            self.sums.merge(other.sums)
        self.no_cover.merge(other.no_cover)
        self.unknown.merge(other.unknown)
        self._count(other.ranges)

    def _count(self, ranges: Mapping[str, Range]) -> None:
        for name, found in ranges.items():
            self.ranges.setdefault(name, Range()).add(found)

    def totals(self, member: Member) -> Totals:
        """Return the sums of a work by zone and class, each rounded once."""
        work = member.work
        shape = (len(work.zones.ids), work.n_classes)
        members = [self.members[slot] if self.members else 0 for slot in member.slots]
        starts = 1 + np.cumsum([0, *(max(1, m) for m in self.members)])
        lines = [0]
        for slot, m in zip(member.slots, members, strict=True):
            lines += range(starts[slot], starts[slot] + max(1, m)) if self.members else [0]
        whole = np.zeros((len(lines), shape[0] * shape[1]))
        if self.sums is not None:
            own = self._by_class(member, lines)
            whole[:, own.keys] = own.total()
        sums, at = [], 1
        for m in members:
            found = whole[at : at + max(1, m)]
            sums.append(found.reshape(m, *shape) if m else found.reshape(shape))
            at += max(1, m)
        no_cover = np.zeros(shape[0])
        no_cover[self.no_cover.keys] = self.no_cover.total()[0]
        m2, cells = self.unknown.total()
        codes = self.unknown.keys.tolist()
        return Totals(
            whole[0].reshape(shape),
            sums,
            no_cover,
            dict(zip(codes, zip(m2.tolist(), map(int, cells), strict=True), strict=True)),
            {layer.name: self.ranges.get(layer.name, Range()) for layer in work.cells},
        )

    def _by_class(self, member: Member, lines: Sequence[int]) -> ExactSums:
        """Add up the codes of each class, without rounding."""
        assert self.sums is not None  # noqa: S101
        own = ExactSums(len(lines))
        zones, codes = np.divmod(self.sums.keys, len(member.classes))
        for code, ecosystem in enumerate(member.classes.tolist()):
            at = np.flatnonzero(codes == code)
            for part in self.sums.parts:
                own.add(zones[at] * member.work.n_classes + ecosystem, part[lines][:, at])
        return own

    # ---------------------------------------------------------------------- as arrays

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the part as arrays, for a file."""
        ranges = [(r.low, r.high, r.cells, r.missing) for r in self.ranges.values()]
        arrays: dict[str, Any] = {
            "windows": np.array(
                [(w.row, w.col, w.height, w.width) for w in self.windows], np.int64
            ).reshape(-1, 4),
            "members": np.array(self.members, np.int64),
            "layers": np.array(list(self.ranges), np.str_),
            "ranges": np.array(ranges, np.float64).reshape(-1, 4),
        }
        for name, sums in (("no_cover", self.no_cover), ("unknown", self.unknown)):
            arrays |= _arrays(name, sums)
        return arrays if self.sums is None else arrays | _arrays("sums", self.sums)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Part:
        """Return the part that arrays hold."""
        part = cls()
        part.windows = [Window(*row) for row in arrays["windows"].tolist()]
        part.members = tuple(arrays["members"].tolist())
        part.no_cover, part.unknown = _sums("no_cover", arrays), _sums("unknown", arrays)
        if "sums.keys" in arrays:
            part.sums = _sums("sums", arrays)
        names, rows = arrays["layers"].tolist(), arrays["ranges"].tolist()
        for name, (low, high, cells, missing) in zip(names, rows, strict=True):
            part.ranges[name] = Range(low, high, int(cells), int(missing))
        return part


def _arrays(name: str, sums: ExactSums) -> dict[str, NDArray[Any]]:
    shape = (len(sums.parts), sums.lines, sums.keys.size)
    return {f"{name}.keys": sums.keys, f"{name}.parts": np.array(sums.parts).reshape(shape)}


def _sums(name: str, arrays: Mapping[str, NDArray[Any]]) -> ExactSums:
    parts = arrays[f"{name}.parts"]
    sums = ExactSums(parts.shape[1])
    sums.keys, sums.parts = arrays[f"{name}.keys"], list(parts)
    return sums


# -------------------------------------------------------------------------------- the journal


def digest(work: Work, files: Mapping[str, str]) -> str:
    """Return what tells a work from all others: rules, numbers, grid, zones, inputs.

    Parameters
    ----------
    work
        What is computed.
    files
        The hashes of the input files.
    """
    import shapely

    whole = hashlib.sha256()
    told = (
        sorted(clusters.versions().items()),
        *(work.grid.wkt, tuple(work.grid.transform), work.grid.height, work.grid.width),
        *(work.zones.ids, work.land_cover, sorted(work.codes.items()), sorted(work.nodata)),
        work.n_classes,
        *((layer.name, layer.raster) for layer in work.cells),
        *((table.name, table.values.shape) for table in work.tables),
        work.formulas,
        *((s.formula, sorted(s.cells), s.by_area, s.checked) for s in work.slots),
        sorted((name, work.labels(Sym(name))) for name in (c.name for c in work.cells)),
        sorted(files.items()),
    )
    for text in told:
        whole.update(repr(text).encode() + b"\n")
    for shape in shapely.to_wkb(np.array(work.zones.shapes, dtype=object)):
        whole.update(shape)
    arrays = (*(c.array for c in work.cells), *(t.values for t in work.tables))
    for array in arrays:
        if array is not None:
            whole.update(np.ascontiguousarray(array, np.float64).data)
    return whole.hexdigest()


def _resume(
    journal: Journal, keys: Sequence[str], blocks: Sequence[Window], found: Sequence[Any]
) -> list[set[Window]]:
    """Take over what the journal holds; return, for each work, the blocks that are done."""
    known = set(blocks)
    finished: list[set[Window]] = [set() for _ in keys]
    for record in journal.read():
        for number, key in enumerate(keys):
            own = {k.removeprefix(f"{key}/"): v for k, v in record.items() if k.startswith(key)}
            if not own:
                continue
            part = Part.of(own)
            windows = set(part.windows)
            if windows <= known and not windows & finished[number]:
                found[number].merge(part)
                finished[number] |= windows
    if not any(finished):
        journal.remove()  # it belongs to other work
    return finished


def _write(journal: Journal, keys: Sequence[str], results: Mapping[int, Part | GepError]) -> None:
    arrays = {
        f"{keys[number]}/{name}": array
        for number, part in results.items()
        if isinstance(part, Part)
        for name, array in part.arrays().items()
    }
    if arrays:
        journal.add(arrays)
