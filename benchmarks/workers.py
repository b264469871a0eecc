"""What a map costs per pixel; what threads, a Dask cluster and a journal add: for plans on paper.

    python benchmarks/workers.py --side 4096 --folder out/synthetic

CPU seconds are those of this process and its children: they count the work, also where others use
the machine. Wall seconds are printed beside them. The numbers of ``docs/china_30m.md`` are from
here.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import synthetic

from gep.journal import Journal
from gep.sums import make_sums_together


def measured(call: Callable[[], Any]) -> tuple[float, float]:
    """Return CPU and wall seconds of a call, in this process and in children that ended."""
    before, start = os.times(), time.perf_counter()
    call()
    after = os.times()
    return sum(after[:4]) - sum(before[:4]), time.perf_counter() - start


def bytes_per_pixel(folder: Path, kind: str, side: int) -> float:
    """Return the compressed bytes that all rasters of a project hold for a pixel."""
    names = synthetic.rasters_of(kind)
    return sum((folder / f"{name}.tif").stat().st_size for name in names) / side**2


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--folder", type=Path, default=Path("out/synthetic"))
    parser.add_argument("--cluster", action="store_true", help="also two Dask processes")
    given = parser.parse_args()
    print("side  kind    how                    CPU s  wall s  ns CPU per pixel  bytes per pixel")
    for kind in ("linear", "full"):
        side, seen = given.side, []
        while side >= 1024:
            seen.append(side)
            side //= 2
        for side in reversed(seen):
            folder = given.folder / str(side)
            synthetic.write_map(folder, side)
            plans = synthetic.plans(folder, kind)
            row(folder, kind, side, "1 thread", lambda p=plans: make_sums_together(p, workers=1))
        row(folder, kind, side, "2 threads", lambda p=plans: make_sums_together(p, workers=2))
        journal = Journal(given.folder / "journal", at_least=0)
        row(
            folder, kind, side, "2 threads, journal",
            lambda p=plans, j=journal: make_sums_together(p, workers=2, journal=j),
        )  # fmt: skip
        print(f"      journal: {journal.path.stat().st_size / side**2:.4f} bytes per pixel")
        journal.remove()
        if given.cluster:
            cluster(folder, kind, side, plans)


def row(folder: Path, kind: str, side: int, how: str, call: Callable[[], Any]) -> None:
    """Measure a way and print it."""
    cpu, wall = measured(call)
    held = bytes_per_pixel(folder, kind, side)
    times = f"{cpu:7.1f} {wall:7.1f} {cpu / side**2 * 1e9:17.0f}"
    print(f"{side:5} {kind:7} {how:20} {times} {held:16.1f}", flush=True)


def cluster(folder: Path, kind: str, side: int, plans: Any) -> None:
    """Measure two processes of a Dask cluster on this machine, once they are there."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as own,
        Client(own) as client,
    ):
        client.run(lambda: __import__("gep.account"))
        row(
            folder,
            kind,
            side,
            "2 Dask processes*",
            lambda: make_sums_together(plans, client=client),
        )
    print("      * CPU seconds without the workers'")


if __name__ == "__main__":
    main()
