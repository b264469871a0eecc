"""Make the synthetic township: 200 parcels, their deposits, packages and planted conflicts.

Everything is invented. The parcels lie in one township of the synthetic county
(``make_county.py``) and follow its land cover. The same values come out of every run: the random
numbers are PCG64 with a fixed seed. To make ``examples/township`` again::

    python examples/make_township.py
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import pyproj
import rasterio
import shapely
from rasterio import features
from rasterio.transform import Affine, from_origin

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Cover = npt.NDArray[np.uint8]

SEED = 20200102
LABEL = "Synthetic data, no real place / 合成数据 非真实地点"
SOURCE = "合成数据 synthetic"
COUNTY = Path(__file__).parent / "county"
#: The township with forest, a lake with its marsh, a river and farmland.
TOWNSHIP = "990004"
GRID_CRS, PARCEL_CRS = "EPSG:32650", "EPSG:4490"
COUNT = 200
#: The surveyor's grid: so many of its cells make one side of a cell of the land cover.
PARTS = 3
#: How the borders are drawn: cells that stay away from the township's border, how far corners are
#: off the grid (m), and the size of the bends that are drawn straight (m).
MARGIN, UNEVEN, STRAIGHT = 25.0, 5.0, 28.0
SMALLEST, LARGEST = 0.6, 29.0
MU = 10_000 / 15

#: Codes of the land cover, and one of our own.
TREE, SHRUB, GRASS, CROP, BUILT, WATER, WETLAND = 10, 20, 30, 40, 50, 80, 90
RIVER = 81


@dataclass(frozen=True)
class Kind:
    """What the parcels of one land cover are: mean size (ha), ecosystem, and the asset."""

    size: float
    ecosystem: str
    asset_type: str


KINDS = {
    TREE: Kind(9.6, "常绿阔叶林", "林地"),
    SHRUB: Kind(3.7, "常绿阔叶灌丛", "园地"),
    GRASS: Kind(3.0, "温性草丛", "草地"),
    CROP: Kind(4.8, "旱地", "耕地"),
    BUILT: Kind(0.8, "城镇", "宅基地/农房"),
    WATER: Kind(14, "水面（未细分）", "水域"),
    RIVER: Kind(2.5, "水面（未细分）", "河段"),
    WETLAND: Kind(1.7, "沼泽", "湿地"),
}
#: The invented villages and the places (metres of the grid) they lie around.
VILLAGES = {
    "子村": (509_600, 3_394_500),
    "丑村": (510_400, 3_395_300),
    "寅村": (511_400, 3_394_000),
    "卯村": (512_300, 3_395_300),
    "辰村": (513_900, 3_394_500),
    "巳村": (513_100, 3_396_400),
}

# -------------------------------------------------------------------------------------- geometry


def windows(values: Any, reach: int) -> Iterator[Any]:
    """Return the array shifted to every place of a square window."""
    wide = np.pad(values, reach, mode="edge")
    rows, columns = values.shape
    for row in range(2 * reach + 1):
        for column in range(2 * reach + 1):
            yield wide[row : row + rows, column : column + columns]


def near(mask: Mask, cells: int) -> Mask:
    """Return the mask grown by some cells to the four sides."""
    for _ in range(cells):
        wide = np.pad(mask, 1)
        mask = wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:] | mask
    return mask


def tidy(cover: Cover) -> Cover:
    """Take single cells away from the land cover and tell rivers from lakes."""
    wet = cover == WATER
    lake = near(~near(~wet, 2), 3) & wet
    result, most = cover.copy(), np.zeros(cover.shape)
    for code in np.unique(cover):
        here = (cover == code).astype(float)
        count = sum(windows(here, 1)) + here / 2  # a tie leaves the cell as it is
        result[count > most] = code
        most = np.maximum(most, count)
    fixed = wet | (cover == WETLAND) | (cover == BUILT)
    result[fixed] = cover[fixed]
    result[wet & ~lake] = RIVER
    return result


@dataclass(frozen=True)
class Ground:
    """The land cover of the township on the surveyor's grid; 0 outside."""

    cover: Cover
    transform: Affine
    township: shapely.Polygon


def read_ground() -> Ground:
    """Read the land cover of the township from the county."""
    zones = gpd.read_file(COUNTY / "townships.gpkg").to_crs(GRID_CRS).set_index("code")
    township = zones.geometry[TOWNSHIP]
    with rasterio.open(COUNTY / "land_cover.tif") as source:
        window = source.window(*township.buffer(100).bounds).round_offsets().round_lengths()
        coarse = tidy(source.read(1, window=window))
        corner = source.window_transform(window)
    cell = corner.a / PARTS
    cover = np.kron(coarse, np.ones((PARTS, PARTS), np.uint8))
    cover[near(cover == RIVER, 1) & (cover != WATER)] = RIVER  # so that its cells hang together
    transform = from_origin(corner.c, corner.f, cell, cell)
    inside = features.rasterize(
        [township.buffer(-MARGIN)], out_shape=cover.shape, transform=transform
    )
    cover[inside == 0] = 0
    return Ground(cover, transform, township)


def pieces(mask: Mask, ground: Ground) -> list[shapely.Polygon]:
    """Return the connected pieces of a mask, the largest first."""
    found = features.shapes(mask.astype(np.uint8), mask=mask, transform=ground.transform)
    shapes = [shapely.geometry.shape(outline) for outline, _ in found]
    return sorted(shapes, key=lambda shape: (-shape.area, shape.bounds))


def divide(
    rng: np.random.Generator, cells: Floats, count: int, size: float
) -> npt.NDArray[np.intp]:
    """Divide cells among weighted seeds that lie apart; return the number of each cell's seed."""
    seeds = cells[rng.integers(len(cells))][None]
    while len(seeds) < count:
        candidates = cells[rng.integers(len(cells), size=12)]
        apart = ((candidates[:, None] - seeds[None]) ** 2).sum(axis=2).min(axis=1)
        seeds = np.concatenate([seeds, candidates[[apart.argmax()]]])
    weight = (rng.random(count) - 0.5) * 0.5 * np.sqrt(size * 100)  # in cells of 10 m
    owner = np.zeros(len(cells), dtype=np.intp)
    for _ in range(4):
        away = np.sqrt(((cells[:, None] - seeds[None]) ** 2).sum(axis=2)) - weight
        owner = away.argmin(axis=1)
        middles = [cells[owner == i].mean(axis=0) for i in range(count) if (owner == i).any()]
        owned = [i for i in range(count) if (owner == i).any()]
        seeds[owned] = middles
    return owner


def make_outlines(rng: np.random.Generator, ground: Ground) -> gpd.GeoDataFrame:
    """Return the outlines of the parcels: each of one land cover, none over another."""
    label = np.zeros(ground.cover.shape, dtype=np.int32)
    codes = [0]
    for code, kind in KINDS.items():
        for piece in pieces(ground.cover == code, ground):
            if piece.area < SMALLEST * 10_000:
                break
            inside = features.rasterize(
                [piece], out_shape=label.shape, transform=ground.transform
            ).astype(bool)
            cells = np.argwhere(inside & (ground.cover == code))
            count = max(1, round(piece.area / 10_000 / kind.size))
            owner = divide(rng, cells.astype(float), count, kind.size)
            label[cells[:, 0], cells[:, 1]] = len(codes) + owner
            codes += [code] * count
    largest: dict[int, shapely.Polygon] = {}  # a parcel in several pieces keeps the largest
    found = features.shapes(label, mask=label > 0, transform=ground.transform)
    for outline, number in found:
        shape = shapely.geometry.shape(outline)
        if number not in largest or shape.area > largest[number].area:
            largest[int(number)] = shape
    fit = [n for n, s in largest.items() if SMALLEST <= s.area / 10_000 <= LARGEST]
    spare = {TREE, SHRUB, CROP}  # what is too many is left out, the smallest first
    small = sorted((n for n in fit if codes[n] in spare), key=lambda n: (largest[n].area, n))
    numbers = sorted(set(fit) - set(small[: len(fit) - COUNT]))
    if len(numbers) != COUNT:
        msg = f"{len(numbers)} parcels for {COUNT}"
        raise ValueError(msg)
    shapes = draw(rng, [largest[n] for n in numbers], ground)
    return gpd.GeoDataFrame({"code": [codes[n] for n in numbers]}, geometry=shapes, crs=GRID_CRS)


def draw(
    rng: np.random.Generator, shapes: Sequence[shapely.Polygon], ground: Ground
) -> list[shapely.Polygon]:
    """Draw stepped outlines with few corners; neighbours keep their common borders."""
    rows, columns = ground.cover.shape
    shift = (rng.random((rows + 1, columns + 1, 2)) - 0.5) * UNEVEN
    cell = ground.transform.a

    def move(points: Floats) -> Floats:
        row = np.rint((ground.transform.f - points[:, 1]) / cell).astype(int)
        column = np.rint((points[:, 0] - ground.transform.c) / cell).astype(int)
        moved: Floats = points + shift[row, column]
        return moved

    stepped = [shapely.transform(shapely.segmentize(shape, cell), move) for shape in shapes]
    return list(shapely.coverage_simplify(stepped, STRAIGHT))


# -------------------------------------------------------------------------------------- register

#: Asset: right, its begin, the years in which it may end.
RIGHTS: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "林地": ("经营权", 2003, (2048, 2053, 2062)),
    "园地": ("承包权", 2010, (2039, 2044, 2049)),
    "草地": ("经营权", 2012, (2041,)),
    "耕地": ("承包权", 1998, (2027, 2057, 2057)),
    "水域": ("使用权", 2015, (2044,)),
    "湿地": ("使用权", 2015, (2044,)),
    "河段": ("经营权", 2018, (2037,)),
    "取水权": ("使用权", 2013, (2035,)),
    "宅基地/农房": ("使用权", 2015, (2064,)),
    "集体建设用地": ("使用权", 2010, (2049,)),
}
#: Of what households own, in twentieths; the rest belongs to the village.
HOUSEHOLD = {"林地": 9, "园地": 15, "耕地": 19, "宅基地/农房": 20}
HOUSEHOLDS = 15  # of a village
#: Parcels above this height are public-welfare forest, north of this line within the red line.
PUBLIC_HEIGHT, RED_LINE_NORTH = 290, 3_396_450
COLUMNS = (
    *("id", "name", "asset_type", "owner", "right", "right_start", "right_end", "certificate_no"),
    *("restrictions", "ecosystem_type", "condition", "source", "survey_date"),
)


def register(rng: np.random.Generator, outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give every outline its number, village, owner, right and restrictions."""
    middles = [shape.representative_point() for shape in outlines.geometry]
    villages = list(VILLAGES)
    village = [
        min(villages, key=lambda v: (VILLAGES[v][0] - p.x) ** 2 + (VILLAGES[v][1] - p.y) ** 2)
        for p in middles
    ]
    order = sorted(
        range(len(outlines)),
        key=lambda i: (villages.index(village[i]), outlines.code[i], -middles[i].y, middles[i].x),
    )
    with rasterio.open(COUNTY / "dem.tif") as dem:
        heights = [float(z[0]) for z in dem.sample([(p.x, p.y) for p in middles])]
    rows: list[dict[str, Any]] = []
    for number, i in enumerate(order, start=1):
        code, shape = int(outlines.code[i]), outlines.geometry[i]
        kind, place = KINDS[code], village[i]
        asset = kind.asset_type
        if code == BUILT and shape.area > 0.85 * 10_000:
            asset = "集体建设用地"
        if code == SHRUB and heights[i] > PUBLIC_HEIGHT:
            asset = "林地"  # shrubs high up are no gardens
        draws = rng.integers(20, size=4).tolist()
        at_home = draws[0] < HOUSEHOLD.get(asset, 0)
        household = villages.index(place) * HOUSEHOLDS + int(rng.integers(HOUSEHOLDS)) + 1
        right, begin, ends = RIGHTS[asset]
        if asset == "林地" and at_home:
            right, begin, ends = "承包权", 2006, (2055, 2075)
        titled = draws[1] >= 3 or code in (RIVER, WETLAND)
        zones = {
            "生态保护红线": (code == TREE and middles[i].y > RED_LINE_NORTH)
            or (code == WETLAND and shape.area > 1.2 * 10_000),
            "公益林": asset == "林地" and heights[i] > PUBLIC_HEIGHT,
            "永久基本农田": code == CROP and shape.area > 4 * 10_000,
            "饮用水水源二级保护区": code == WATER and place == "子村",
        }
        open_ended = asset == "水域" and place == "子村"  # owned by the village, without end
        end = f"{ends[draws[2] % len(ends)]}-12-31"
        rows.append(
            {
                "id": f"P-{number:03}",
                "name": f"{place}{sum(r['village'] == place for r in rows) + 1:02}号",
                "asset_type": asset,
                "owner": f"H-{household:03}" if at_home else f"{place}集体",
                "right": "所有权" if open_ended else right,
                "right_start": f"{begin}-01-01" if titled else None,
                "right_end": end if titled and not open_ended else None,
                "certificate_no": f"合成产权-{number:04}" if titled else None,
                "restrictions": "、".join(zone for zone, there in zones.items() if there) or None,
                "ecosystem_type": kind.ecosystem,
                "condition": "优优良良良良良中中差"[draws[3] // 2],
                "source": SOURCE,
                "survey_date": f"2020-{4 + villages.index(place):02}-{1 + number % 28:02}",
                "village": place,
                "geometry": shape,
            }
        )
    parcels = gpd.GeoDataFrame(rows, geometry="geometry", crs=GRID_CRS)
    reach = parcels.index[(parcels.asset_type == "河段") & (parcels.village == "寅村")][0]
    abstraction = ("取水权", RIGHTS["取水权"][0], "2013-01-01", "2035-12-31")
    parcels.loc[reach, ["asset_type", "right", "right_start", "right_end"]] = abstraction
    parcels = parcels.to_crs(PARCEL_CRS)
    parcels.geometry = shapely.transform(parcels.geometry.values, lambda at: np.round(at, 7))
    return parcels


# -------------------------------------------------------------------------------------- deposits

Row = dict[str, Any]


@dataclass(frozen=True)
class Package:
    """A project, and the parcels it takes: asset, how many, from which villages."""

    id: str
    name: str
    use: str
    years: int
    takes: tuple[tuple[str, int, str], ...]


START = 2022
PACKAGES = (
    Package("K-01", "林业碳汇", "碳汇项目", 20, (("林地", 24, "寅丑卯"),)),
    Package(
        "K-02",
        "茶园民宿",
        "生态旅游（不新建设施）",
        10,
        (("园地", 7, "寅"), ("宅基地/农房", 2, "卯辰")),
    ),
    Package("K-03", "湖滨湿地修复", "生态修复", 15, (("湿地", 6, "辰卯"), ("水域", 2, "卯辰"))),
    Package("K-04", "清水发电", "水力发电", 10, (("取水权", 1, "寅"), ("河段", 3, "寅卯"))),
    Package("K-05", "果园提升", "林果种植", 8, (("园地", 8, "子丑"),)),
)
#: Deposits that are in no package yet: asset, how many, from which villages.
LOOSE = (("林地", 21, "巳子卯"), ("园地", 2, "卯巳"), ("耕地", 13, "辰卯"), ("草地", 2, "丑巳"))
#: Rents (元/(亩·yr)), from and to.
RENTS = {
    "林地": (16, 32),
    "园地": (280, 560),
    "草地": (20, 40),
    "耕地": (400, 800),
    "水域": (80, 150),
    "湿地": (60, 120),
    "河段": (90, 180),
    "取水权": (200, 300),
    "宅基地/农房": (3000, 5200),
}


def choose(
    parcels: gpd.GeoDataFrame,
    taken: set[str],
    take: tuple[str, int, str],
    until: int,
    *,
    free: bool,
) -> list[int]:
    """Return titled parcels that nobody has taken, from the villages in their order."""
    asset, count, villages = take
    found: list[int] = []
    for village in villages:
        for i in parcels.index[parcels.village == f"{village}村"]:
            row = parcels.loc[i]
            if row.asset_type != asset or row.id in taken or pd.isna(row.right_end):
                continue
            if int(row.right_end[:4]) >= until and not (free and pd.notna(row.restrictions)):
                found.append(i)
    if len(found) < count:
        msg = f"{len(found)} of {count} parcels of {asset} in {villages}"
        raise ValueError(msg)
    return found[:count]


def package_row(name: str, title: str, use: str, years: int) -> Row:
    """Return a package as the book wants it."""
    return {"id": name, "name": title, "use": use, "start": f"{START}-01-01", "years": years}


def make_deposits(
    rng: np.random.Generator, parcels: gpd.GeoDataFrame
) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the deposits, the packages and which deposits are in them."""
    taken: set[str] = set()
    deposits: list[Row] = []
    packages: list[Row] = []
    members: list[Row] = []

    def deposit(i: int, until: int) -> str:
        parcel = parcels.loc[i]
        taken.add(parcel.id)
        number = len(deposits) + 1
        last = int(parcel.right_end[:4])
        draws = rng.integers(20, size=3).tolist()
        mode = ("租赁", "托管", "入股", "合作")[(0, 0, 0, 0, 0, 1, 1, 2, 2, 3)[draws[0] // 2]]
        if parcel.restrictions == "公益林" and draws[1] < 12:
            mode = "赎买"
        end = last if mode == "赎买" else min(last, until + draws[1] // 2)
        low, high = RENTS[parcel.asset_type]
        rent = low + (high - low) * draws[2] // 20
        deposits.append(
            {
                "id": f"D-{number:03}",
                "parcel_id": parcel.id,
                "mode": mode,
                "start": f"2021-{1 + 3 * (number % 4):02}-01",
                "end": f"{end}-12-31",
                "unit_rent": {"租赁": rent, "托管": rent // 2}.get(mode),
                "rent_unit": "元/(亩·yr)" if mode in ("租赁", "托管") else None,
                "escalation": 0.05 if mode == "租赁" else None,
                "escalation_years": 5 if mode == "租赁" else None,
                "share": {"托管": 0.6, "入股": 0.4, "合作": 0.3}.get(mode),
                "certificate_no": f"合成权证-{number:04}",
            }
        )
        return f"D-{number:03}"

    for package in PACKAGES:
        packages.append(package_row(package.id, package.name, package.use, package.years))
        until = START + package.years
        for take in package.takes:
            free = take[0] not in ("湿地", "水域")
            members += [
                {"package_id": package.id, "deposit_id": deposit(i, until)}
                for i in choose(parcels, taken, take, until, free=free)
            ]
    for take in LOOSE:
        for i in choose(parcels, taken, take, 2027, free=False):
            deposit(i, 2027)
    return deposits, packages, members


def make_encumbrances(parcels: gpd.GeoDataFrame, deposits: Sequence[Row]) -> list[Row]:
    """Return loans and easements on parcels that are in no deposit."""
    used = {row["parcel_id"] for row in deposits}
    rows: list[Row] = []
    for kind, asset, end in (
        ("抵押", "林地", "2027-06-30"),
        ("抵押", "园地", "2025-12-31"),
        ("地役权", "林地", "2060-12-31"),
    ):
        open_to = parcels[(parcels.asset_type == asset) & parcels.certificate_no.notna()]
        free = open_to[~open_to.id.isin(used | {row["parcel_id"] for row in rows})]
        number = len(rows) + 1
        rows.append(
            {
                "id": f"E-{number:02}",
                "parcel_id": free.id.iloc[0],
                "kind": kind,
                "holder": "合成国家公园" if kind == "地役权" else "合成银行",
                "start": "2020-07-01",
                "end": end,
                "document": f"合成合同-{number:02}",
            }
        )
    return rows


def areas_mu(parcels: gpd.GeoDataFrame) -> dict[str, float]:
    """Return the area of every parcel on the ellipsoid, in 亩."""
    earth = pyproj.CRS(PARCEL_CRS).get_geod()
    return {
        row.id: abs(earth.geometry_area_perimeter(row.geometry)[0]) / MU
        for row in parcels.itertuples()
    }


def make_villagers(
    rng: np.random.Generator, parcels: gpd.GeoDataFrame, deposits: Sequence[Row]
) -> list[Row]:
    """Return what every household has brought in; a share for every 亩, the last part counts."""
    area = areas_mu(parcels)
    owner = dict(zip(parcels.id, parcels.owner, strict=True))
    village = dict(zip(parcels.id, parcels.village, strict=True))
    brought: dict[str, list[str]] = {}
    for row in deposits:
        if owner[row["parcel_id"]].startswith("H-"):
            brought.setdefault(owner[row["parcel_id"]], []).append(row["parcel_id"])
    rows = []
    for household, ids in sorted(brought.items()):
        total = sum(area[i] for i in ids)
        rows.append(
            {
                "household": household,
                "village": village[ids[0]],
                "residents": int(rng.integers(2, 7)),
                "parcels": len(ids),
                "area_mu": f"{total:.2f}",
                "shares": int(-(-total // 1)),
                "source": "synthetic",
            }
        )
    return rows


# ------------------------------------------------------------------------------------- conflicts


@dataclass(frozen=True)
class Book:
    """What the township's book is filled from."""

    parcels: gpd.GeoDataFrame
    deposits: list[Row]
    encumbrances: list[Row]
    packages: list[Row]
    members: list[Row]


Ids = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Planted:
    """A planted conflict: its name, when the book finds it, what is wrong."""

    id: str
    stage: str
    en: str
    zh: str
    level: str = "error"
    file: str = ""  # whose conflict it is, if not of the stage's own file


#: The stage is the step at which the book must say so: import of a file, making of a package, or
#: the moving of parcels to the state `valued`.
PLANTED = (
    Planted("crossed_outline", "parcels", "outline crosses itself like a bow tie", "边界自相交"),
    Planted("empty_outline", "parcels", "outline is empty", "边界为空"),
    Planted("reversed_right", "parcels", "right ends before it begins", "权利到期日早于起始日"),
    Planted(
        "unknown_asset", "parcels", "鱼塘 (fish pond) is no type of asset", "“鱼塘”不是资源类型"
    ),
    Planted("no_date", "parcels", "date of survey is no date", "调查日期不是日期"),
    Planted("repeated_parcel", "parcels", "two parcels have one id", "两个地块编号相同"),
    Planted(
        "overlapping_parcels",
        "deposits",
        "outline reaches into the neighbour; one right of both is deposited",
        "边界伸入相邻地块，两块的同一权利均已收储",
        file="parcels",
    ),
    Planted(
        "deposited_twice", "deposits", "one right is deposited twice at a time", "同一权利重复收储"
    ),
    Planted(
        "outlives_right", "deposits", "deposit ends after the right", "收储到期日晚于权利到期日"
    ),
    Planted("negative_rent", "deposits", "rent is negative", "租金为负"),
    Planted(
        "reversed_deposit", "deposits", "deposit ends before it begins", "收储到期日早于起始日"
    ),
    Planted("unknown_parcel", "deposits", "parcel is not in the registry", "地块未登记"),
    Planted("percent_share", "deposits", "share of 60 is a percent", "分成比例 60 应写作 0.6"),
    Planted("repeated_deposit", "deposits", "two deposits have one id", "两笔收储编号相同"),
    Planted(
        "loan_outlives_right",
        "encumbrances",
        "loan ends after the right",
        "贷款到期日晚于权利到期日",
    ),
    Planted(
        "carbon_twice",
        "packages",
        "carbon of a parcel is in two packages",
        "同一地块碳汇列入两个项目",
    ),
    Planted("red_line", "packages", "construction within the red line", "在生态保护红线内建设"),
    Planted("farmland", "packages", "fruit trees on permanent farmland", "在永久基本农田种植林果"),
    Planted(
        "no_certificate",
        "valued",
        "parcel of a package has no certificate",
        "项目内地块没有权属证书",
        file="parcels",
    ),
    Planted(
        "project_outlives_deposits",
        "packages",
        "project lasts longer than its deposits",
        "项目年限长于收储年限",
        "warning",
    ),
)


def plant(clean: Book) -> tuple[Book, Ids]:
    """Return the book with the conflicts in it, and the ids that each of PLANTED is about."""
    ids: Ids = {}
    parcels = clean.parcels.copy()
    held = {row["parcel_id"] for row in (*clean.deposits, *clean.encumbrances)}
    free = parcels.certificate_no.notna() & ~parcels.id.isin(held)
    plant_parcels(parcels, free, ids)

    packed = {row["deposit_id"] for row in clean.members}
    loose = [row for row in clean.deposits if row["id"] not in packed]
    at = {number: i for i, number in enumerate(clean.parcels.id)}
    forest = [row for row in loose if parcels.asset_type[at[row["parcel_id"]]] == "林地"]
    one, two = next(
        (a, b)
        for a, b in itertools.combinations([at[row["parcel_id"]] for row in forest], 2)
        if parcels.right[a] == parcels.right[b]
        and (parcels.geometry[a] & parcels.geometry[b]).length > 0
    )
    reach = parcels.geometry[one].buffer(3e-4) & parcels.geometry[two]
    parcels.loc[one, "geometry"] = parcels.geometry[one] | reach
    ids["overlapping_parcels"] = (parcels.id[one], parcels.id[two])

    open_land = iter(parcels.id[free & (parcels.asset_type == "林地")])
    deposits = plant_deposits(clean, forest[-1], loose, open_land, ids)
    loan = next(row for row in clean.encumbrances if row["kind"] == "抵押")
    late = {"id": "E-99", "parcel_id": next(open_land), "end": "2090-12-31"}
    ids["loan_outlives_right"] = (late["id"],)

    sold, orchard = clean.members[0], clean.members[-1]
    owner = {row["id"]: row["parcel_id"] for row in clean.deposits}
    bare = owner[orchard["deposit_id"]]
    parcels.loc[at[bare], "certificate_no"] = None
    ids["no_certificate"] = (orchard["package_id"], bare)
    zones = parcels.restrictions.fillna("")
    red, field = (
        next(row["id"] for row in loose if zone in zones[at[row["parcel_id"]]])
        for zone in ("生态保护红线", "永久基本农田")
    )
    packages, members = [*clean.packages], [*clean.members]
    for name, title, use, years, deposit in (
        ("carbon_twice", "第二个碳汇项目", "碳汇项目", 10, sold["deposit_id"]),
        ("red_line", "林间度假村", "建设", 5, red),
        ("farmland", "田间果园", "林果种植", 5, field),
        ("project_outlives_deposits", "百年林业", "造林绿化", 100, forest[-2]["id"]),
    ):
        row = package_row(f"K-{len(packages) + 1:02}", title, use, years)
        packages.append(row)
        members.append({"package_id": row["id"], "deposit_id": deposit})
        ids[name] = (row["id"], deposit)
    ids["carbon_twice"] = (sold["package_id"], *ids["carbon_twice"])
    return Book(parcels, deposits, [*clean.encumbrances, loan | late], packages, members), ids


def plant_parcels(parcels: gpd.GeoDataFrame, free: pd.Series[bool], ids: Ids) -> None:
    """Spoil parcels that nobody has deposited: an import must refuse them."""

    def spoil(name: str, asset: str, **values: Any) -> None:
        i = parcels.index[free & (parcels.asset_type == asset)][0]
        free[i] = False
        ids[name] = (parcels.id[i],)
        for column, value in values.items():
            parcels.loc[i, column] = value

    x, y = parcels.geometry[parcels.index[free & (parcels.asset_type == "林地")][0]].bounds[:2]
    bow = [(x, y), (x + 1e-3, y + 1e-3), (x + 1e-3, y), (x, y + 1e-3), (x, y)]
    spoil("crossed_outline", "林地", geometry=shapely.Polygon(bow))
    spoil("empty_outline", "林地", geometry=shapely.Polygon())
    spoil("reversed_right", "园地", right_start="2049-01-01", right_end="2010-12-31")
    spoil("unknown_asset", "水域", asset_type="鱼塘")
    spoil("no_date", "草地", survey_date="2020年夏")
    last = parcels.index[free & (parcels.asset_type == "耕地")][-1]
    free[last] = False
    spoil("repeated_parcel", "耕地", id=parcels.id[last])
    ids["repeated_parcel"] = (parcels.id[last],)


def plant_deposits(
    clean: Book, twice: Row, loose: Sequence[Row], open_land: Iterator[str], ids: Ids
) -> list[Row]:
    """Return the deposits and some that may not stand beside them."""
    deposits = [*clean.deposits]
    lease = next(row for row in loose if row["mode"] == "租赁")
    late, early = "2090-12-31", "2020-12-31"
    for name, values in (
        ("deposited_twice", {"parcel_id": twice["parcel_id"], "start": "2024-01-01"}),
        ("outlives_right", {"end": late}),
        ("negative_rent", {"unit_rent": -20}),
        ("reversed_deposit", {"end": early}),
        ("unknown_parcel", {"parcel_id": "P-999"}),
        ("percent_share", {"share": 60}),
        ("repeated_deposit", {"id": loose[-1]["id"]}),
    ):
        number = len(deposits) + 1
        own = {"id": f"D-{number:03}", "certificate_no": f"合成权证-{number:04}"}
        if "parcel_id" not in values:
            own["parcel_id"] = next(open_land)
        row = lease | own | values
        deposits.append(row)
        ids[name] = (str(row["id"]),)
    ids["deposited_twice"] = (twice["id"], *ids["deposited_twice"])
    return deposits


# ------------------------------------------------------------------------------------------ files


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a CSV; what is not known stays empty."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_parcels(path: Path, parcels: gpd.GeoDataFrame) -> None:
    """Write the parcels; the time in the file is always the same."""
    path.unlink(missing_ok=True)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2020-12-31T00:00:00.000Z"})
    try:
        parcels[[*COLUMNS, "geometry"]].to_file(
            path, layer="parcels", engine="pyogrio", layer_metadata={"NOTE": LABEL}
        )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def write_planted(path: Path, ids: Mapping[str, Sequence[str]]) -> None:
    """Write the list of planted conflicts."""
    files = {
        "parcels": "parcels_with_conflicts.gpkg",
        "deposits": "deposits_with_conflicts.csv",
        "encumbrances": "encumbrances_with_conflicts.csv",
        "packages": "packages_with_conflicts.csv",
    }
    lines = [
        "# Conflicts in the files *_with_conflicts (synthetic). stage: the step that must find it.",
        "# *_with_conflicts 文件中有意放入的冲突（合成数据）。stage 为应在哪一步发现。",
    ]
    for one in PLANTED:
        said = json.dumps(list(ids[one.id]))
        lines += [
            "",
            "[[planted]]",
            f'id    = "{one.id}"',
            f'stage = "{one.stage}"',
            f'file  = "{files[one.file or one.stage]}"',
            f"ids   = {said}",
            f'level = "{one.level}"',
            f'what  = {{ en = "{one.en}", zh = "{one.zh}" }}',
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_cover_after(
    path: Path, parcels: gpd.GeoDataFrame, deposits: Sequence[Row], members: Sequence[Row]
) -> None:
    """Write the county's land cover after the projects: K-01 is all forest, K-03 has no fields."""
    of_deposit = {row["id"]: row["parcel_id"] for row in deposits}
    shapes = parcels.to_crs(GRID_CRS).set_index("id").geometry
    with rasterio.open(COUNTY / "land_cover.tif") as source:
        cover, profile = source.read(1), source.profile
    for package, old, new in (("K-01", (20, 30, 40), 10), ("K-03", (40,), 90)):
        names = [of_deposit[m["deposit_id"]] for m in members if m["package_id"] == package]
        inside = features.rasterize(
            shapes[names], out_shape=cover.shape, transform=profile["transform"]
        )
        cover[(inside == 1) & np.isin(cover, old)] = new
    with rasterio.open(path, "w", **profile) as target:
        target.write(cover, 1)


def main(out: Path) -> None:
    """Make the township in the folder ``out`` (files written by hand there are left alone)."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.Generator(np.random.PCG64(SEED))
    parcels = register(rng, make_outlines(rng, read_ground()))
    deposits, packages, members = make_deposits(rng, parcels)
    clean = Book(parcels, deposits, make_encumbrances(parcels, deposits), packages, members)
    conflicts, ids = plant(clean)
    for book, suffix in ((clean, ""), (conflicts, "_with_conflicts")):
        write_parcels(out / f"parcels{suffix}.gpkg", book.parcels)
        write_rows(out / f"deposits{suffix}.csv", book.deposits)
        write_rows(out / f"encumbrances{suffix}.csv", book.encumbrances)
        write_rows(out / f"packages{suffix}.csv", book.packages)
        write_rows(out / f"package_members{suffix}.csv", book.members)
    write_cover_after(out / "land_cover_after.tif", parcels, deposits, members)
    write_planted(out / "planted.toml", ids)
    write_rows(out / "villagers.csv", make_villagers(rng, parcels, deposits))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "township")
    main(parser.parse_args().out)
