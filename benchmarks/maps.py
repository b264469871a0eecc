"""How long cloud-optimised maps on request take, against writing the same bytes plainly.

    python benchmarks/maps.py [--side 4096] [--rounds 5] [--folder DIR]

plain   a GeoTIFF of the same numbers, tiled and compressed alike, with no computing and no
        overviews
cog     the map as gep writes it: read the inputs, compute cell by cell, write, add overviews and
        put it in the order of a cloud-optimised GeoTIFF

The map is the soil retained by the "linear" set of ``synthetic.py``: a product of five rasters and
a table.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window
from synthetic import TILE, machine, measure, options, plans, tell_times, write_map

from gep.maps import write_maps
from gep.sums import make_sums

MAP = "soil_retention.Q_sr"


def plainly(path: Path, profile: dict[str, object], values: np.ndarray) -> None:
    """Write numbers tile by tile, as plainly as it can be done."""
    with rasterio.open(path, "w", **profile) as target:
        for row in range(0, values.shape[0], TILE):
            for col in range(0, values.shape[1], TILE):
                part = values[row : row + TILE, col : col + TILE]
                target.write(part, 1, window=Window(col, row, part.shape[1], part.shape[0]))


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__, 4096).parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch) / "map"
        write_map(folder, chosen.side, ("linear",))
        plan = plans(folder, "linear")[0]
        project = dataclasses.replace(plan.project, maps=(MAP,))
        sums = make_sums(dataclasses.replace(plan, project=project), workers=1)
        out = Path(scratch) / "out"
        write_maps(out, sums)
        with rasterio.open(out / f"{MAP}.tif") as source:
            values = source.read(1)
            profile = {
                "driver": "GTiff", "dtype": "float32", "count": 1, "height": source.height,
                "width": source.width, "crs": source.crs, "transform": source.transform,
                "tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "deflate",
                "predictor": 3, "nodata": float("nan"),
            }  # fmt: skip
        wall, cpu = measure(
            {
                "plain": lambda: plainly(Path(scratch) / "plain.tif", profile, values),
                "cog": lambda: write_maps(out, sums),
            },
            chosen.rounds,
        )
        sizes = [p.stat().st_size / 1e6 for p in (Path(scratch) / "plain.tif", out / f"{MAP}.tif")]
    print(
        f"\n{chosen.side}² cells, {MAP}: plain {sizes[0]:.0f} MB, with overviews {sizes[1]:.0f} MB"
    )
    tell_times(wall, cpu, [("cog", "plain")])


if __name__ == "__main__":
    main()
