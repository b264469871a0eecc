"""How long a new account takes after a run, from the class sums that lie beside it.

    python benchmarks/again.py [--project examples/county/county.toml] [--rounds 5]

The project is computed once and saved. Measured in turn, so that a busy machine disturbs all alike:

whole      the project, loaded and computed from its rasters
again      the project, loaded and computed from the kept sums: what another price in the file takes
with       another number of a table in the account that is there, ``account.with_``
draws      1,000 draws of that number: ``account.uncertainty``
process    ``gep run PROJECT --out FOLDER --overwrite`` from kept sums: Python, libraries, maps and
           workbook included

Prints medians with their range, the ratios to ``whole``, and the rasters that each opened for
their numbers.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from synthetic import machine, measure, tell, tell_ratio

import gep
from gep.grid import Raster, RasterReader, Window

ROOT = Path(__file__).resolve().parents[1]
TABLE = "rcees_2017/runoff.alpha"


def _count(method: str, decoded: set[str]) -> None:
    """Let a method of the readers note which rasters it is asked for."""
    real = getattr(RasterReader, method)

    def counted(reader: RasterReader, raster: Raster, tile: Window) -> object:
        decoded.add(raster.name)
        return real(reader, raster, tile)

    setattr(RasterReader, method, counted)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    county = ROOT / "examples" / "county" / "county.toml"
    parser.add_argument("--project", type=Path, default=county)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    print(machine())
    decoded: set[str] = set()
    for method in ("read", "numbers"):
        _count(method, decoded)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        account = gep.Project.load(chosen.project).run()
        account.save(out)
        command = [sys.executable, "-m", "gep", "run", str(chosen.project), "--out", str(out)]
        tasks = {
            "whole": lambda: gep.Project.load(chosen.project).run(workers=1),
            "again": lambda: gep.Project.load(chosen.project).run(kept=out),
            "with": lambda: account.with_(coefficients={f"{TABLE}.town": (70, "%")}),
            "draws": lambda: account.uncertainty(
                1000, seed=1, spread={TABLE: ("normal", 0.1, "relative")}
            ),
            "process": lambda: subprocess.run(
                [*command, "--overwrite"], check=True, capture_output=True
            ),
        }
        opened = {}
        for name, task in tasks.items():
            decoded.clear()
            task()
            opened[name] = len(decoded)
        wall, _ = measure(tasks, chosen.rounds)
    for name, times in wall.items():
        rasters = "" if name == "process" else f", {opened[name]} rasters decoded"
        print(tell(f"{name}{rasters}", times))
    for name in list(tasks)[1:]:
        print(tell_ratio(f"{name} / whole", wall[name], wall["whole"]))


if __name__ == "__main__":
    main()
