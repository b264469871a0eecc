"""What a map costs per pixel; what threads, a Dask cluster and a journal add: for plans on paper.

    python benchmarks/workers.py [--side 4096] [--rounds 3] [--folder DIR] [--kinds linear full]

For each kind of inputs of ``synthetic.py``, in turns:

one      one thread
threads  two threads
dask     two processes of a Dask cluster on this machine with a thread each, which are there already
journal  two threads, which write down the blocks that are finished

Prints medians with their range, and the median ratio of the rounds to ``threads`` with its range.
CPU seconds are those of this process and of the cluster's workers: they count the work, also where
others use the machine. The numbers of ``docs/china_30m.md`` are from here.
"""

from __future__ import annotations

import functools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster
from synthetic import machine, options, plans, rasters_of, tell, tell_ratio, write_map

from gep.journal import Journal
from gep.sums import make_sums_together


def measured(call: Callable[[], object], client: Client) -> tuple[float, float]:
    """Return wall and CPU seconds of a call, the cluster's workers included."""

    def busy() -> float:
        return sum(os.times()[:2]) + sum(client.run(time.process_time).values())

    before, start = busy(), time.perf_counter()
    call()
    wall = time.perf_counter() - start
    return wall, busy() - before


def bytes_per_pixel(folder: Path, kind: str, side: int) -> float:
    """Return the compressed bytes that all rasters of a project hold for a pixel."""
    return sum((folder / f"{name}.tif").stat().st_size for name in rasters_of(kind)) / side**2


def compare(folder: Path, kind: str, side: int, rounds: int, client: Client) -> None:
    """Measure all ways in turns and print them."""
    found = plans(folder, kind)
    journal = Journal(folder / "journal", at_least=0)
    run = functools.partial(make_sums_together, found)
    tasks: dict[str, Callable[[], Any]] = {
        "one": lambda: run(workers=1),
        "threads": lambda: run(workers=2),
        "dask": lambda: run(client=client),
        "journal": lambda: run(workers=2, journal=journal),
    }
    client.run(lambda: __import__("gep.account"))
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    for number in range(rounds):
        for name in list(tasks)[:: 1 if number % 2 == 0 else -1]:
            times[name].append(measured(tasks[name], client))
            if name == "journal":
                size = journal.path.stat().st_size
                journal.remove()
    held = bytes_per_pixel(folder, kind, side)
    print(f"\n{kind}: {side}² cells, {held:.1f} bytes a pixel, journal {size / side**2:.3f} more")
    for what, at in (("wall", 0), ("CPU", 1)):
        seconds = {name: [both[at] for both in times[name]] for name in tasks}
        for name in tasks:
            print(tell(f"{name}, {what}", seconds[name]))
        for name in ("dask", "journal"):
            print(tell_ratio(f"{name} / threads, {what}", seconds[name], seconds["threads"]))
        print(f"  {statistics.median(seconds['one']) / side**2 * 1e9:.0f} ns a pixel, one thread")


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, 4096)
    parser.set_defaults(rounds=3)
    parser.add_argument("--kinds", nargs="+", default=["linear", "full"])
    chosen = parser.parse_args()
    print(machine())
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        folder = chosen.folder or Path(scratch)
        write_map(folder, chosen.side, tuple(chosen.kinds))
        for kind in chosen.kinds:
            compare(folder, kind, chosen.side, chosen.rounds, client)


if __name__ == "__main__":
    main()
