"""How long the engine's pass takes, against decoding the same blocks and doing nothing.

    python benchmarks/class_sums.py [--side 10000] [--rounds 5] [--workers 1] [--folder DIR]

All services of two standards (cn_2022 and rcees_2017) that vary by cell, in one pass over a
synthetic map (see ``synthetic.py``), with two sets of inputs:

linear  the factors of soil erosion are given as rasters: everything per cell is a sum of products
full    the factors are computed from soil, terrain, plants and weather, and sand fixation and
        storms come in: powers, exponentials, limits and steps per cell

Measured in turn, in both orders:

decode  the same blocks of the same files with the same number of threads, and nothing else
engine  both standards: exact cell fractions, true areas, coverage, plausible ranges, class sums in
        one pass, and every step from them

Prints medians with their range, and the median ratio of the rounds with its range.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from synthetic import decode, machine, measure, options, plans, rasters_of, tell_times
from synthetic import write_map as write

from gep.sums import Run, make_sums_together
from gep.together import together


def main() -> None:
    """Measure and print."""
    parser = options(__doc__, 2048)
    parser.add_argument("--block", type=int, default=512, help="cells per side of a block")
    parser.add_argument("--kinds", nargs="+", default=["linear", "full"])
    chosen = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        write(folder, chosen.side, tuple(chosen.kinds))
        for kind in chosen.kinds:
            found, names = plans(folder, kind), rasters_of(kind)
            work, _ = together([Run(plan).work() for plan in found])
            wall, cpu = measure(
                {
                    "decode": lambda n=names: decode(folder, n, chosen.block, chosen.workers),
                    "engine": lambda f=found: make_sums_together(f, chosen.block, chosen.workers),
                },
                chosen.rounds,
            )
            bands = sum(len(layer.raster.bands) for layer in work.cells if layer.raster) + 1
            print(
                f"\n{kind}: {chosen.side}² cells, {bands} bands, {len(work.zones.ids)} zones, "
                f"{len(work.formulas)} formulas per cell, {len(work.slots)} class sums, "
                f"{chosen.workers} thread(s)"
            )
            tell_times(wall, cpu, [("engine", "decode")])


if __name__ == "__main__":
    main()
