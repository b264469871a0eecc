"""How long a comparison of standards takes, against computing each standard by itself.

    python benchmarks/comparison.py [--project examples/county/standards.toml] [--rounds 5]

The project names the standards (`compare_with`). Measured in turn, so that a busy machine disturbs
all alike:

a  alone       the project under each standard, one run after the other: N passes over the rasters
b  compared    all of them in one pass, with every mixture of formulas, coefficients and prices
               that the decomposition needs

Prints the median of each with its range, the ratio, and how many plans the pass served. The values
of both are compared bit by bit.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import gep
from gep import comparison, library
from gep.project import ProjectReader
from gep.tables import read_toml

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--project", type=Path, default=ROOT / "examples" / "county" / "standards.toml"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    tables = read_toml(options.project)
    names = [tables["standard"], *tables.pop("compare_with")]
    tables.pop("outputs", None)
    plans: list[int] = []
    real = comparison.make_sums_together

    def counted(found: list[gep.plan.Plan], *more: object) -> object:
        plans[:] = [len(found)]
        return real(found, *more)  # type: ignore[arg-type]

    comparison.make_sums_together = counted  # type: ignore[assignment]

    everything = library.together([library.standard(name) for name in names])
    own = library.standard(names[0])

    def alone() -> list[gep.Account]:
        accounts = []
        for name in names:
            reader = ProjectReader(options.project.parent.resolve(), options.project.name)
            data = reader.read(tables, everything).under(library.standard(name), own)
            accounts.append(gep.Project(data).run(workers=options.workers))
        return accounts

    def compared() -> list[gep.Account]:
        found = gep.compare(options.project, names, workers=options.workers)
        return list(found.accounts.values())

    tasks: dict[str, Callable[[], list[gep.Account]]] = {"alone": alone, "compared": compared}
    accounts = {task: run() for task, run in tasks.items()}  # once without a clock
    times: dict[str, list[float]] = {task: [] for task in tasks}
    for _ in range(options.rounds):
        for task, run in tasks.items():
            start = time.perf_counter()
            run()
            times[task].append(time.perf_counter() - start)
    print(f"{len(names)} standards, {plans[0]} plans in one pass, {options.workers} thread(s)")
    for task, taken in times.items():
        middle = statistics.median(taken)
        print(f"{task:9} {middle:6.2f} s ({min(taken):.2f} to {max(taken):.2f})")
    ratios = [c / a for a, c in zip(times["alone"], times["compared"], strict=True)]
    spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"compared / alone: {statistics.median(ratios):.2f} {spread}")
    pairs = zip(accounts["alone"], accounts["compared"], strict=True)
    print("same bits:", all(a.table.equals(b.table) for a, b in pairs))


if __name__ == "__main__":
    main()
