"""Tiny projects, written where a test wants them: a standard, rasters, zones, a project file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from shapely import Geometry, box

Floats = NDArray[np.float64]

UTM = "EPSG:32650"
LONLAT = "EPSG:4326"
#: A corner in zone 50N, at about 28°N 119.3°E.
CORNER = (725_000.0, 3_100_000.0)

CLASSES = ("forest", "cropland", "wetland", "town")

_SERVICE = """
id = "{id}"
title = {{ en = "{id}", zh = "{id}" }}
kind = "{kind}"
cite = "book, 1"
verified = "full_text"
"""

#: One service of each sort: linear, with a coefficient inside an exponential, by class alone, with
#: an axis and by_zone, and a count.
SERVICES: dict[str, str] = {
    "water": """
[inputs]
P = { is = "precipitation", unit = "mm/yr" }
ET = { is = "evapotranspiration", unit = "mm/yr" }
[coefficients]
alpha = { from = "factors.alpha", by = "ecosystem", unit = "1" }
c = { from = "prices.reservoir" }
[[steps]]
symbol = "Q"
title = { en = "Water", zh = "水" }
formula = "P - P * alpha - ET"
unit = "m³/(ha·yr)"
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "Q * c"
unit = "CNY/(ha·yr)"
[account]
physical = "Q"
monetary = "V"
[[examples]]
given = { P = 1000, ET = 600, alpha = 0.1, c = 2 }
expect = { Q = 3000, V = 6000 }
source = "by hand"
""",
    "soil": """
ecosystems = ["forest", "cropland", "wetland"]
[inputs]
R = { is = "rainfall_erosivity", unit = "MJ·mm/(hm²·h·yr)" }
K = { is = "soil_erodibility", unit = "tsoil·hm²·h/(hm²·MJ·mm)" }
LS = { is = "slope_length_factor", unit = "1" }
F = { is = "vegetation_cover", unit = "1" }
[coefficients]
b = { from = "factors.b", by = "ecosystem" }
c = { from = "prices.soil" }
[[steps]]
symbol = "Q"
title = { en = "Soil", zh = "土" }
formula = "R * K * LS * (1 - exp(-b * F))"
unit = "tsoil/(hm²·yr)"
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "Q * c"
unit = "CNY/(hm²·yr)"
[account]
physical = "Q"
monetary = "V"
[[examples]]
given = { R = 1000, K = 0.04, LS = 2, F = 0, b = 3, c = 20 }
expect = { Q = 0, V = 0 }
source = "by hand"
""",
    "carbon": """
[inputs]
NEP = { is = "carbon_sequestration_rate", unit = "tC/(hm²·yr)" }
[coefficients]
p = { from = "prices.carbon" }
[[steps]]
symbol = "Q"
title = { en = "Carbon", zh = "碳" }
formula = "NEP"
unit = "tC/(hm²·yr)"
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "Q * p"
unit = "CNY/(hm²·yr)"
[account]
physical = "Q"
monetary = "V"
[[examples]]
given = { NEP = 3, p = 50 }
expect = { Q = 3, V = 150 }
source = "by hand"
""",
    "cleaning": """
[inputs]
E = { is = "sulfur_dioxide_emission", unit = "tSO2/yr" }
F = { is = "vegetation_cover", unit = "1" }
[coefficients]
k = { from = "factors.k", by = "ecosystem" }
p = { from = "prices.sulfur" }
[[steps]]
symbol = "G"
title = { en = "Cleaned", zh = "净化" }
formula = "min(E, by_zone(k * F))"
unit = "tSO2/yr"
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "G * p"
unit = "CNY/yr"
[account]
physical = "G"
monetary = "V"
[[examples]]
given = { E = 50, F = 0.5, k = 0.1, p = 10 }
expect = { G = 5, V = 50 }
area = 100
source = "by hand"
""",
    "visits": """
[inputs]
N = { is = "visitors", unit = "人次/yr" }
[coefficients]
c = { from = "prices.visit" }
[[steps]]
symbol = "Q"
title = { en = "Visits", zh = "人次" }
formula = "N"
unit = "人次/yr"
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "Q * c"
unit = "CNY/yr"
[account]
physical = "Q"
monetary = "V"
[[examples]]
given = { N = 10, c = 5 }
expect = { Q = 10, V = 50 }
source = "by hand"
""",
}
_KINDS = {"visits": "cultural"}

#: The coefficients by class, as numbers in the tables' units (alpha in %).
FACTORS: dict[str, dict[str, float]] = {
    "forest": {"alpha": 4.65, "b": 3.2, "k": 0.15},
    "cropland": {"alpha": 46.96, "b": 1.1, "k": 0.02},
    "wetland": {"alpha": 12.5, "b": 2.0, "k": 0.09},
    "town": {"alpha": 80.0, "b": 0.5, "k": 0.0},
}
PRICES: dict[str, tuple[float, str]] = {
    "reservoir": (7.06, "CNY/m³"),
    "soil": (20.5, "CNY/tsoil"),
    "carbon": (773.0, "CNY/tC"),
    "sulfur": (1260.0, "CNY/tSO2"),
    "visit": (133.0, "CNY/人次"),
}
_UNITS = {"alpha": "%", "b": "1", "k": "tSO2/(ha·yr)"}


def write_standard(
    folder: Path,
    services: Sequence[str] = tuple(SERVICES),
    *,
    prices: Mapping[str, tuple[float, str]] | None = None,
    own: Mapping[str, str] | None = None,
) -> Path:
    """Write the test standard into ``folder/tiny_2020``; ``own`` adds services (bodies) by id."""
    home = folder / "tiny_2020"
    (home / "coefficients").mkdir(parents=True, exist_ok=True)
    for old in home.glob("*.toml"):
        old.unlink()
    bodies = {name: SERVICES[name] for name in services} | dict(own or {})
    source = '[sources.book]\ntext = { en = "A test", zh = "测试" }\n'
    text = (
        'id = "tiny_2020"\ntitle = { en = "Tiny", zh = "小" }\nnumber = ""\n'
        'issuer = { en = "Tests", zh = "测试" }\ndate = "2020"\n'
        'scope = { en = "Tests", zh = "测试" }\n'
        f'catalogue = {json.dumps(list(bodies))}\n{source}verified = "full_text"\n'
    )
    _write(home / "standard.toml", text)
    classes = 'title = { en = "Classes", zh = "分类" }\n'
    for name in CLASSES:
        classes += f'[classes.{name}]\ntitle = {{ en = "{name}", zh = "{name}" }}\n'
    _write(home / "land_cover.toml", classes)
    for name, body in bodies.items():
        head = _SERVICE.format(id=name, kind=_KINDS.get(name, "regulating"))
        _write(home / f"{name}.toml", head.lstrip() + body.lstrip())
    sidecar = 'title = { en = "Factors", zh = "系数" }\nshape = "rectangle"\nkey = ["ecosystem"]\n'
    for column, unit in _UNITS.items():
        sidecar += (
            f'[columns.{column}]\ntitle = {{ en = "{column}", zh = "{column}" }}\n'
            f'unit = "{unit}"\ncite = "book"\nverified = "full_text"\n'
        )
    _write(home / "coefficients" / "factors.toml", sidecar + source)
    rows = ["ecosystem," + ",".join(_UNITS) + ",source"]
    rows += [f"{c},{','.join(str(f[n]) for n in _UNITS)},book" for c, f in FACTORS.items()]
    _write(home / "coefficients" / "factors.csv", "\n".join(rows) + "\n")
    sidecar = 'title = { en = "Prices", zh = "价格" }\nshape = "list"\n'
    _write(home / "coefficients" / "prices.toml", sidecar + source)
    rows = ["item,value,unit,price_year,source,verified"]
    rows += [f"{i},{v!r},{u},2020,book,full_text" for i, (v, u) in (prices or PRICES).items()]
    _write(home / "coefficients" / "prices.csv", "\n".join(rows) + "\n")
    return home


def write_legend(path: Path, codes: Mapping[int, str], *, nodata: Iterable[int] = (0,)) -> Path:
    """Write a legend of whole-number codes for the test standard's classes."""
    text = 'title = { en = "Test codes", zh = "测试" }\nsource = "test"\n'
    text += f"nodata = {list(nodata)}\n[codes]\n"
    text += "".join(
        f'{code} = {{ en = "{name}", zh = "{name}" }}\n' for code, name in codes.items()
    )
    text += "[to.tiny_2020]\n" + "".join(f'{c} = "{name}"\n' for c, name in codes.items())
    return _write(path, text)


def write_raster(
    path: Path,
    values: Any,
    *,
    cell: float | tuple[float, float] = 30.0,
    corner: tuple[float, float] = CORNER,
    crs: str = UTM,
    nodata: float | None = None,
    dtype: str | None = None,
    **more: Any,
) -> Path:
    """Write an array (rows, columns) or (bands, rows, columns) as a north-up GeoTIFF."""
    array = np.asarray(values)
    array = array[None] if array.ndim == 2 else array
    dx, dy = cell if isinstance(cell, tuple) else (cell, cell)
    kind = dtype or ("uint8" if array.dtype.kind in "iu" else "float64")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=array.shape[0],
        height=array.shape[1],
        width=array.shape[2],
        dtype=kind,
        crs=crs,
        transform=Affine(dx, 0, corner[0], 0, -dy, corner[1]),
        nodata=nodata,
        **more,
    ) as dataset:
        dataset.write(array.astype(kind))
    return path


def write_zones(path: Path, zones: Mapping[str, Geometry], crs: str = UTM) -> Path:
    """Write polygons with columns ``code`` and ``name``."""
    frame = geopandas.GeoDataFrame(
        {"code": list(zones), "name": [f"zone {z}" for z in zones]},
        geometry=list(zones.values()),
        crs=crs,
    )
    frame.to_file(path, driver="GPKG")
    return path


def rectangle(
    shape: tuple[int, int], cell: float = 30.0, corner: tuple[float, float] = CORNER
) -> Geometry:
    """Return the rectangle of a grid."""
    height, width = shape
    return box(corner[0], corner[1] - height * cell, corner[0] + width * cell, corner[1])


def project(
    folder: Path,
    land_cover: Path,
    zones: Path,
    inputs: Mapping[str, Mapping[str, Any]],
    *,
    standard: Path | str | None = None,
    legend: Path | None = None,
    statistics: Sequence[tuple[str, str, float, str]] = (),
    zone_id: str = "code",
    **more: Any,
) -> dict[str, Any]:
    """Return the tables of a project for :meth:`gep.Project.build`."""
    codes = dict(enumerate(CLASSES, start=1))
    tables: dict[str, Any] = {
        "title": "A tiny project",
        "standard": str(standard or write_standard(folder)),
        "year": 2020,
        "price_year": 2020,
        "zones": {"file": str(zones), "id": zone_id},
        "land_cover": {
            "file": str(land_cover),
            "legend": str(legend or write_legend(folder / "legend.toml", codes)),
        },
        "inputs": {name: dict(given) for name, given in inputs.items()},
    } | more
    if statistics:
        rows = ["zone,quantity,item,value,unit,year,source"]
        rows += [f"{z},{q},,{v!r},{u},2020,test" for z, q, v, u in statistics]
        tables["statistics"] = {
            "file": str(_write(folder / "statistics.csv", "\n".join(rows) + "\n"))
        }
    return tables


def run(tables: Mapping[str, Any], **how: Any) -> Any:
    """Run a project given as tables; return its account."""
    from gep.account import Project

    return Project.build(**tables).run(**how)


def smooth(
    shape: tuple[int, int], low: float, high: float, seed: int, missing: float = 0.0
) -> Floats:
    """Return a field of hills between two values, with a share of cells missing (NaN)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / max(shape)
    field = np.zeros(shape)
    for wave in range(1, 6):
        a, b, c = rng.normal(size=3)
        field += np.sin(wave * (a * x + b * y) * 4 + c) / wave
    field += 0.1 * rng.normal(size=shape)
    field = low + (high - low) * (field - field.min()) / (field.max() - field.min())
    field = np.clip(field, low, high)
    if missing:
        field[rng.random(shape) < missing] = np.nan
    return field


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
