"""The pass over the rasters: who computes which blocks, and one exact sum of all tiles.

The tiles' sums are added with exact rounding (``math.fsum``). So block size, number of workers and
order change no bit of the result.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from gep.blocks import Range, TileSums, Totals, Work, Worker
from gep.grid import Floats, Window

Progress = Callable[[int, int], None]
#: Side of a block in cells, where none is asked for: what a thread computes at a time.
BLOCK = 512


def run_blocks(
    work: Work, block: int = BLOCK, workers: int | None = None, progress: Progress | None = None
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
    """
    blocks = list(work.grid.blocks(block))
    workers = workers or min(8, os.cpu_count() or 1)
    local = threading.local()
    open_workers: list[Worker] = []

    def run(window: Window) -> list[tuple[int, TileSums]]:
        if not hasattr(local, "worker"):
            local.worker = Worker(work)
            open_workers.append(local.worker)
        result: list[tuple[int, TileSums]] = local.worker.block(window)
        return result

    tiles: list[tuple[int, TileSums]] = []
    try:
        for done, result in enumerate(_run_all(run, blocks, workers), start=1):
            tiles += result
            if progress:
                progress(done, len(blocks))
    finally:
        for worker in open_workers:
            worker.reader.close()
    return combine(work, tiles)


def _run_all(
    run: Callable[[Window], list[tuple[int, TileSums]]], blocks: Sequence[Window], workers: int
) -> Iterator[list[tuple[int, TileSums]]]:
    """Run blocks with at most two waiting per worker; an error stops the rest and is raised."""
    if workers == 1:
        yield from map(run, blocks)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="gep") as pool:
        waiting: set[Future[list[tuple[int, TileSums]]]] = set()
        queue = iter(blocks)
        try:
            while True:
                for window in queue:
                    waiting.add(pool.submit(run, window))
                    if len(waiting) >= 2 * workers:
                        break
                if not waiting:
                    return
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        except BaseException:
            for future in waiting:
                future.cancel()
            raise


def combine(work: Work, tiles: Iterable[tuple[int, TileSums]]) -> Totals:
    """Add the tiles' sums with exact rounding: the order of the tiles does not matter."""
    tiles = sorted(tiles, key=lambda t: t[0])
    shape = (len(work.zones.ids), work.n_classes)
    size = shape[0] * shape[1]
    by_key: dict[int, list[tuple[TileSums, int]]] = {}
    for _, tile in tiles:
        for place, key in enumerate(tile.keys.tolist()):
            by_key.setdefault(key, []).append((tile, place))
    area = np.zeros(size)
    leading = [sums.shape[:-1] for sums in tiles[0][1].sums] if tiles else [()] * len(work.slots)
    totals: list[Floats] = [np.zeros((*members, size)) for members in leading]
    for key, parts in by_key.items():
        area[key] = math.fsum(t.area[p] for t, p in parts)
        for number, total in enumerate(totals):
            if total.ndim == 1:
                total[key] = math.fsum(t.sums[number][p] for t, p in parts)
            else:
                for m in range(total.shape[0]):
                    total[m, key] = math.fsum(t.sums[number][m, p] for t, p in parts)
    no_cover = np.zeros(shape[0])
    for zone in range(shape[0]):
        no_cover[zone] = math.fsum(t.no_cover.get(zone, 0.0) for _, t in tiles)
    unknown: dict[int, tuple[float, int]] = {}
    ranges: dict[str, Range] = {layer.name: Range() for layer in work.cells}
    not_finite: dict[int, int] = {}
    for _, tile in tiles:
        for (_, code), (m2, count) in tile.unknown.items():
            before = unknown.get(code, (0.0, 0))
            unknown[code] = (before[0] + m2, before[1] + count)
        for name, found in tile.ranges.items():
            ranges[name].add(found)
        for number, count in tile.not_finite.items():
            not_finite[number] = not_finite.get(number, 0) + count
    shaped = [s.reshape(*s.shape[:-1], *shape) for s in totals]
    return Totals(area.reshape(shape), shaped, no_cover, unknown, ranges, not_finite)
