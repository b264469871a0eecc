"""A tiny good project in any folder, and helpers that spoil one thing in it.

Forty by fifty cells, three zones, a standard of two services with its own tables, legend and index.
"""

from __future__ import annotations

import os
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from gep.account import Project
from gep.errors import GepError

GOLDEN = Path(__file__).parent / "golden"
ROWS, COLS, CELL = 40, 50, 100.0
WEST, NORTH = 400_000.0, 3_400_000.0
GRID = Affine(CELL, 0.0, WEST, 0.0, -CELL, NORTH)
CRS = "EPSG:32648"

RULES = {
    "standard.toml": """
id = "tiny"
title = { en = "A tiny standard", zh = "微型标准" }
number = ""
issuer = { en = "Nobody", zh = "无" }
date = "2020"
scope = { en = "Tests", zh = "测试" }
catalogue = ["water_retention", "air_cleaning"]
[sources.book]
text = { en = "A. Author, Book", zh = "作者，书" }
verified = "full_text"
""",
    "land_cover.toml": """
title = { en = "Classes", zh = "分类" }
[classes.forest]
title = { en = "Forest", zh = "森林" }
[classes.pine_forest]
title = { en = "Pine forest", zh = "松林" }
parent = "forest"
[classes.grassland]
title = { en = "Grassland", zh = "草地" }
[classes.town]
title = { en = "Town", zh = "城镇" }
""",
    "water_retention.toml": """
id = "water_retention"
title = { en = "Water retention", zh = "水源涵养" }
kind = "regulating"
cite = "book, A.1"
verified = "full_text"
[inputs]
P = { is = "precipitation", unit = "mm/yr" }
ET = { is = "evapotranspiration", unit = "mm/yr" }
[coefficients]
alpha = { from = "runoff.alpha", by = "ecosystem", unit = "1" }
c = { from = "prices.reservoir" }
[[steps]]
symbol = "Q"
title = { en = "Water retained", zh = "水源涵养量" }
formula = "P - P * alpha - ET"
unit = "m³/(ha·yr)"
printed.formula = "A * (P - R - ET) * 1e-3"
printed.where = { R = "P * alpha" }
printed.A = "m²"
printed.gives = "m³/yr"
[[steps]]
symbol = "V"
title = { en = "Value of water retention", zh = "水源涵养价值" }
formula = "Q * c"
unit = "CNY/(ha·yr)"
[account]
physical = "Q"
monetary = "V"
[[examples]]
given = { P = 1500, ET = 800, alpha = 0.0465, c = 7.06 }
expect = { Q = 6302.5, V = 44495.65 }
source = "hand calculation"
""",
    "air_cleaning.toml": """
id = "air_cleaning"
title = { en = "Air cleaning", zh = "空气净化" }
kind = "regulating"
cite = "book, A.2"
verified = "full_text"
[inputs]
E = { is = "sulfur_dioxide_emission", unit = "tSO2/yr" }
[coefficients]
k = { from = "rates.capacity", by = "ecosystem" }
p = { from = "prices.treatment" }
[[steps]]
symbol = "G"
title = { en = "Sulfur dioxide removed", zh = "二氧化硫净化量" }
formula = "min(E, by_zone(k))"
unit = "tSO2/yr"
[[steps]]
symbol = "V"
title = { en = "Value of air cleaning", zh = "空气净化价值" }
formula = "G * p"
unit = "CNY/yr"
[account]
physical = "G"
monetary = "V"
[[examples]]
given = { E = 50, k = 0.1, p = 1260 }
expect = { G = 10, V = 12600 }
area = 100
area_unit = "km²"
source = "hand calculation"
""",
    "coefficients/runoff.toml": """
title = { en = "Runoff coefficients", zh = "径流系数" }
shape = "rectangle"
key = ["ecosystem"]
[columns.alpha]
title = { en = "Runoff coefficient", zh = "径流系数" }
unit = "%"
range = [0, 100]
cite = "book, Table 1"
verified = "full_text"
[sources.book]
text = { en = "A. Author, Book", zh = "作者，书" }
""",
    "coefficients/runoff.csv": """ecosystem,alpha,source
forest,4.65,book
grassland,9.37,book
town,60,book
""",
    "coefficients/rates.toml": """
title = { en = "Removal rates", zh = "净化速率" }
shape = "rectangle"
key = ["ecosystem"]
[columns.capacity]
title = { en = "Removal of sulfur dioxide", zh = "二氧化硫净化能力" }
unit = "tSO2/(km²·yr)"
range = [0, 1000]
cite = "book, Table 2"
verified = "full_text"
[sources.book]
text = { en = "A. Author, Book", zh = "作者，书" }
""",
    "coefficients/rates.csv": """ecosystem,capacity,source
forest,8.8,book
grassland,2.8,book
town,0,book
""",
    "coefficients/prices.toml": """
title = { en = "Prices", zh = "价格" }
shape = "list"
[sources.book]
text = { en = "A. Author, Book", zh = "作者，书" }
""",
    "coefficients/prices.csv": """item,value,unit,price_year,source,verified
reservoir,7.06,CNY/m³,2015,book,full_text
treatment,1260,CNY/tSO2,2015,book,full_text
""",
}

PROJECT = """
title = "Tiny county"
standard = "tiny"
year = 2020
price_year = 2020
price_index = "prices_index.csv"
[zones]
file = "zones.gpkg"
id = "code"
name = "name"
[land_cover]
file = "land_cover.tif"
legend = "legend.toml"
[inputs]
precipitation = { file = "rain.tif", unit = "mm/yr" }
evapotranspiration = { file = "et.tif", unit = "mm/yr" }
[statistics]
file = "statistics.csv"
"""

FILES = {
    "county.toml": PROJECT,
    "legend.toml": """
title = { en = "A map", zh = "地图" }
source = "nobody"
nodata = [0]
[codes]
0 = { en = "No data", zh = "无数据" }
1 = { en = "Trees", zh = "树" }
2 = { en = "Pines", zh = "松" }
3 = { en = "Grass", zh = "草" }
4 = { en = "Houses", zh = "房" }
5 = { en = "Moss", zh = "苔" }
[to.tiny]
1 = "forest"
2 = "pine_forest"
3 = "grassland"
4 = "town"
[unmapped.tiny]
0 = "no data"
5 = "the standard has no class for moss"
""",
    "statistics.csv": """zone,quantity,item,value,unit,year,source
01,sulfur_dioxide_emission,,12,tSO2/yr,2020,yearbook
02,sulfur_dioxide_emission,,40,tSO2/yr,2020,yearbook
03,sulfur_dioxide_emission,,3,tSO2/yr,2020,yearbook
""",
    "prices_index.toml": """
title = { en = "Prices", zh = "价格" }
shape = "index"
[sources.book]
text = { en = "A. Author, Book", zh = "作者，书" }
""",
    "prices_index.csv": """year,value,source,verified
2015,100,book,full_text
2020,110,book,full_text
""",
}


def classes() -> np.ndarray:
    """Codes 1 to 4 in patches; column 0 has no data."""
    rows, cols = np.mgrid[0:ROWS, 0:COLS]
    codes = (1 + (rows // 7 + cols // 9) % 4).astype(np.uint8)
    codes[:, 0] = 0
    return codes


def rain() -> np.ndarray:
    """Rain in mm/yr."""
    rows, cols = np.mgrid[0:ROWS, 0:COLS]
    return 1200.0 + 5.0 * rows + 2.0 * cols


def boxes() -> list[shapely.Geometry]:
    """Three zones: two in the north, one in the south; edges cut cells."""
    middle, south = WEST + 2_430.0, NORTH - CELL * ROWS
    half, east = NORTH - 1_950.0, WEST + CELL * COLS
    return [
        shapely.box(WEST, half, middle, NORTH),
        shapely.box(middle, half, east, NORTH),
        shapely.box(WEST, south, east, half),
    ]


def write_raster(path: Path, values: np.ndarray, **changes: Any) -> None:
    """Write a GeoTIFF on the grid; ``changes`` replaces what its profile says."""
    bands = values if values.ndim == 3 else values[None]
    profile = {
        "driver": "GTiff",
        "count": bands.shape[0],
        "height": bands.shape[1],
        "width": bands.shape[2],
        "dtype": bands.dtype,
        "crs": CRS,
        "transform": GRID,
        **changes,
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(bands)


def write_zones(path: Path, shapes: list[Any], crs: str | None = CRS, **columns: Any) -> None:
    """Write zones as a GeoPackage."""
    given = {
        "code": [f"{i:02d}" for i in range(1, len(shapes) + 1)],
        "name": ["城关镇", "东乡", "South"][: len(shapes)],
        **columns,
    }
    path.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing CRS is what the test wants
        geopandas.GeoDataFrame(given, geometry=shapes, crs=crs).to_file(path, driver="GPKG")


def write_text(folder: Path, files: dict[str, str]) -> None:
    """Write text files, folders included."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.removeprefix("\n"), encoding="utf-8")


def write_standard(folder: Path) -> Path:
    """Write the tiny standard as ``folder/tiny``."""
    write_text(folder / "tiny", RULES)
    return folder / "tiny"


def write_project(folder: Path) -> Path:
    """Write the whole tiny project and return its project file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_standard(folder)
    write_text(folder, FILES)
    write_raster(folder / "land_cover.tif", classes(), nodata=0)
    write_raster(folder / "rain.tif", rain().astype("float32"), nodata=-1.0)
    write_raster(folder / "et.tif", (rain() * 0.5).astype("float32"), nodata=-1.0)
    write_zones(folder / "zones.gpkg", boxes())
    return folder / "county.toml"


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def project_data() -> dict[str, Any]:
    """Return the project file as Python values."""
    return tomllib.loads(PROJECT)


def service_data(name: str = "water_retention") -> dict[str, Any]:
    """Return a service file as Python values."""
    return tomllib.loads(RULES[f"{name}.toml"])


def refusal(call: Callable[..., Any], *args: Any, **kwargs: Any) -> GepError:
    """Call and return the GepError that it must raise; any other exception fails the test."""
    with pytest.raises(GepError) as caught:
        call(*args, **kwargs)
    return caught.value


def run_and_save(project: Path, out: Path) -> None:
    """Do what `gep run` does."""
    Project.load(project).run(workers=1).save(out)


def run_refused(project: Path) -> str:
    """Run a project that must be refused, show that it leaves nothing; return the message."""
    out = project.parent / "out"
    before = sorted(p.name for p in project.parent.iterdir())
    error = refusal(run_and_save, project, out)
    assert sorted(p.name for p in project.parent.iterdir()) == before, "something was left behind"
    return str(error)


def compare(name: str, message: str, folder: Path) -> None:
    """Compare a message with ``golden/<name>.txt``; paths under ``folder`` become ``<folder>``.

    With GEP_WRITE_GOLDEN=1 the files are written instead. Read them before you commit them.
    """
    text = message.replace(str(folder), "<folder>").rstrip() + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GEP_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
