"""The engine and the plain twin agree to 1e-10, on made-up and on real places."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
import tiny
import twin
from pyproj import Proj, Transformer
from shapely.affinity import rotate, scale

TOLERANCE = 1e-10
ROOT = Path(__file__).resolve().parents[1]


def table_of(account: Any, name: str, zones: list[str], classes: tuple[str, ...]) -> Any:
    """Return a step of the account as (zones, classes), or (zones,) where it knows no ecosystem.

    The account leaves out classes that do not occur: they are NaN here.
    """
    found = account.dataset[name].sel(zone=zones)
    if "ecosystem" in found.dims:
        return found.reindex(ecosystem=list(classes)).transpose("zone", "ecosystem").to_numpy()
    return found.to_numpy()


def agree(found: Any, wanted: Any, what: str) -> None:
    """Fail unless both are equal to 1e-10 relative; NaN in the account is 0 in the twin."""
    found = np.nan_to_num(np.asarray(found, dtype=float))
    scale_of = np.abs(wanted).max()
    assert scale_of > 0, f"{what}: the twin found nothing, the comparison would be empty"
    np.testing.assert_allclose(
        found, wanted, rtol=TOLERANCE, atol=TOLERANCE * 1e-3 * scale_of, err_msg=what
    )


# ------------------------------------------------------------------------------ a made-up place


@pytest.fixture(scope="module")
def valley(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A place with every trouble: oblique zones, three grids, two CRSs, holes in the data."""
    folder = tmp_path_factory.mktemp("valley")
    shape, cell = (330, 290), 30.0
    rng = np.random.default_rng(7)
    codes = rng.integers(1, 5, (33, 29)).repeat(10, axis=0).repeat(10, axis=1)
    codes[rng.random(shape) < 0.02] = 0
    land = tiny.write_raster(folder / "land.tif", codes, nodata=0)
    whole = tiny.rectangle(shape, cell)
    west, south, east, north = whole.bounds
    ring = scale(rotate(whole, 23), 0.45, 0.6)
    hole = scale(ring, 0.3, 0.2)
    zones = {
        "ring": ring.difference(hole),
        "hole": hole,
        "sliver": shapely.Polygon([(west, north), (west + 700, north), (west, south)]),
        "outside": shapely.box(east - 400, south - 5000, east + 3000, south + 2000),
    }
    zones["outside"] = zones["outside"].difference(ring)
    zones["sliver"] = zones["sliver"].difference(ring)
    frame = geopandas.GeoDataFrame(
        {"code": list(zones)}, geometry=list(zones.values()), crs=tiny.UTM
    )
    frame.to_crs(tiny.LONLAT).assign(name=frame["code"]).to_file(folder / "zones.gpkg")
    to_lonlat = Transformer.from_crs(tiny.UTM, tiny.LONLAT, always_xy=True)
    corner = np.array(to_lonlat.transform(west, north)) + np.array([-0.013, 0.011])
    files = {
        "rain": tiny.write_raster(
            folder / "rain.tif",
            tiny.smooth((13, 14), 0.9, 2.1, 1, 0.05),
            cell=0.009,
            corner=(float(corner[0]), float(corner[1])),
            crs=tiny.LONLAT,
            nodata=float("nan"),
        ),
        "et": tiny.write_raster(folder / "et.tif", tiny.smooth(shape, 300, 800, 2, 0.03)),
        "erosivity": tiny.write_raster(
            folder / "erosivity.tif",
            np.nan_to_num(tiny.smooth((12, 11), 4000, 9000, 3, 0.1), nan=-9999),
            cell=1000.0,
            corner=(west - 700, north + 900),
            nodata=-9999,
            dtype="float32",
        ),
        "length": tiny.write_raster(
            folder / "length.tif", tiny.smooth((700, 600), 0.5, 9, 4, 0.02), cell=15.0,
            corner=(west - 35.0, north + 47.0),
        ),
        "cover": tiny.write_raster(
            folder / "cover.tif", tiny.smooth(shape, 0, 100, 5, 0.02), nodata=float("nan")
        ),
        "visitors": tiny.write_raster(
            folder / "visitors.tif", tiny.smooth((1000, 900), 0, 4, 6, 0.1), cell=10.0,
            corner=(west - 13.0, north + 7.0),
        ),
    }  # fmt: skip
    inputs = {
        "precipitation": {"file": str(files["rain"]), "unit": "m/yr"},
        "evapotranspiration": {"file": str(files["et"]), "unit": "mm/yr"},
        "rainfall_erosivity": {"file": str(files["erosivity"]), "unit": "MJ·mm/(hm²·h·yr)"},
        "soil_erodibility": {"value": 0.031, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "slope_length_factor": {"file": str(files["length"]), "unit": "1"},
        "vegetation_cover": {"file": str(files["cover"]), "unit": "%"},
        "carbon_sequestration_rate": {"value": 1.7, "unit": "tC/(hm²·yr)"},
        "visitors": {"file": str(files["visitors"]), "unit": "人次/yr"},
    }
    emissions = {"ring": 0.5, "hole": 900.0, "sliver": 800.0, "outside": 0.75}
    statistics = [(z, "sulfur_dioxide_emission", v, "tSO2/yr") for z, v in emissions.items()]
    tables = tiny.project(folder, land, folder / "zones.gpkg", inputs, statistics=statistics)
    codes_layer = twin.read(land)
    shapes = twin.polygons(folder / "zones.gpkg", codes_layer, "code")
    areas = twin.cell_areas(codes_layer)
    shares = {z: twin.shares(codes_layer, s) for z, s in shapes.items()}
    legend = dict(enumerate(tiny.CLASSES, start=1))
    land_classes = twin.land_classes(codes_layer, legend, tiny.CLASSES)
    return {
        "account": tiny.run(tables),
        "layer": codes_layer,
        "files": files,
        "shares": shares,
        "sums": twin.Sums(land_classes, {z: areas * s for z, s in shares.items()}, tiny.CLASSES),
        "emissions": emissions,
        "beyond": shapes["outside"].difference(whole),
        "zones": list(shapes),
    }


def factor(place: dict[str, Any], name: str) -> twin.Floats:
    """Return a coefficient of the test standard as a field."""
    table = {c: f[name] for c, f in tiny.FACTORS.items()}
    return twin.by_class(place["sums"].land, tiny.CLASSES, table)


def expect(place: dict[str, Any], name: str, wanted: twin.Floats) -> None:
    found = table_of(place["account"], name, place["zones"], tiny.CLASSES)
    agree(found, wanted, name)


def test_the_twin_and_the_engine_find_the_same_extent(valley: dict[str, Any]) -> None:
    expect(valley, "area", valley["sums"].by(1.0))
    missing = np.isnan(valley["sums"].land)
    wanted = np.array([w[missing].sum() for w in valley["sums"].weights.values()])
    found = valley["account"].dataset["no_land_cover"].sel(zone=valley["zones"]).to_numpy()
    inside = [n for n, zone in enumerate(valley["zones"]) if zone != "outside"]
    agree(found[inside], wanted[inside], "no_land_cover")
    # Of the zone that leaves the map, the part beyond it has no land cover either.
    rest = valley["zones"].index("outside")
    middle = shapely.centroid(valley["beyond"])
    projection = Proj(tiny.UTM)
    scale_there = projection.get_factors(*projection(middle.x, middle.y, inverse=True)).areal_scale
    beyond = shapely.area(valley["beyond"]) / scale_there
    # (The engine takes its edges as geodesics, the twin as straight lines of the grid.)
    assert found[rest] == pytest.approx(wanted[rest] + beyond, rel=1e-5)


def test_the_twin_and_the_engine_retain_the_same_water(valley: dict[str, Any]) -> None:
    rain = twin.bilinear(twin.read(valley["files"]["rain"]), valley["layer"]) * 1000
    et = twin.read(valley["files"]["et"]).values
    water = (rain - rain * factor(valley, "alpha") / 100 - et) / 1000  # m³ of water per m²
    wanted = valley["sums"].by(water)
    expect(valley, "water.Q", wanted)
    expect(valley, "water.V", wanted * tiny.PRICES["reservoir"][0])
    known = valley["sums"].by(np.where(np.isnan(water), np.nan, 1.0)) / valley["sums"].by(1.0)
    expect(valley, "water.Q.covered", known)


def test_the_twin_and_the_engine_retain_the_same_soil(valley: dict[str, Any]) -> None:
    erosivity = twin.bilinear(twin.read(valley["files"]["erosivity"]), valley["layer"])
    length = twin.gather(twin.read(valley["files"]["length"]), valley["layer"], "average")
    cover = twin.read(valley["files"]["cover"]).values / 100
    soil = erosivity * 0.031 * length * (1 - np.exp(-factor(valley, "b") * cover)) / 1e4
    wanted = valley["sums"].by(soil)
    wanted[:, tiny.CLASSES.index("town")] = 0
    expect(valley, "soil.Q", wanted)
    expect(valley, "soil.V", wanted * tiny.PRICES["soil"][0])


def test_the_twin_and_the_engine_fix_the_same_carbon(valley: dict[str, Any]) -> None:
    wanted = valley["sums"].by(1.7e-4)
    expect(valley, "carbon.Q", wanted)
    expect(valley, "carbon.V", wanted * tiny.PRICES["carbon"][0])


def test_the_twin_and_the_engine_clean_the_same_air(valley: dict[str, Any]) -> None:
    cover = twin.read(valley["files"]["cover"]).values / 100
    able = valley["sums"].by(cover * factor(valley, "k") / 1e4).sum(axis=1)
    emitted = np.array([valley["emissions"][z] for z in valley["zones"]])
    assert (able < emitted).any()
    assert (able > emitted).any()
    wanted = np.minimum(able, emitted)
    expect(valley, "cleaning.G", wanted)
    expect(valley, "cleaning.V", wanted * tiny.PRICES["sulfur"][0])


def test_the_twin_and_the_engine_count_the_same_visitors(valley: dict[str, Any]) -> None:
    people = twin.gather(twin.read(valley["files"]["visitors"]), valley["layer"], "sum")
    wanted = valley["sums"].by(people, valley["shares"])
    expect(valley, "visits.Q", wanted)
    expect(valley, "visits.V", wanted * tiny.PRICES["visit"][0])


# ------------------------------------------------- the synthetic county, by the standard's formulas


class County:
    """The synthetic county as plain arrays, with the coefficients read from their tables."""

    def __init__(self) -> None:
        folder = ROOT / "examples" / "county"
        self.folder = folder
        self.project = tomllib.loads((folder / "county.toml").read_text("utf-8"))
        legends = ROOT / "models" / "legends"
        legend = tomllib.loads((legends / "worldcover.toml").read_text("utf-8"))
        known = legends / "classifications" / "national_ecosystems.toml"
        self.tree = tomllib.loads(known.read_text("utf-8"))["classes"]
        mapping = legend["to"]["national_ecosystems"] | self.project["land_cover"]["classes"]
        self.names = tuple(dict.fromkeys(mapping.values()))
        self.codes = twin.read(folder / "land_cover.tif")
        codes = {int(code): name for code, name in mapping.items()}
        self.land = twin.land_classes(self.codes, codes, self.names)
        shapes = twin.polygons(folder / "townships.gpkg", self.codes, "code")
        areas = twin.cell_areas(self.codes)
        weights = {z: areas * twin.shares(self.codes, s) for z, s in shapes.items()}
        self.sums = twin.Sums(self.land, weights, self.names)
        self.zones = list(shapes)
        index = pd.read_csv(ROOT / "coefficients/indices/cn_cpi.csv").set_index("year")["value"]
        self.inflation = index[2020] / index[2010]

    def chain(self, name: str) -> list[str]:
        """Return a class and its parents."""
        found = [name]
        while "parent" in self.tree[found[-1]]:
            found.append(self.tree[found[-1]]["parent"])
        return found

    def coefficient(self, table: str, column: str) -> twin.Floats:
        """Return a column of a coefficient table as a field; a parent's row serves its children."""
        path = ROOT / "coefficients" / f"{table}.csv"
        rows = pd.read_csv(path).set_index("ecosystem")[column].dropna().to_dict()
        for key, own in self.project.get("coefficients", {}).items():
            place, _, name = key.rpartition(".")
            if place == f"{table}.{column}":  # the analyst's own number, in the table's unit
                rows[name] = own["value"]

        def value(name: str) -> float:
            return next((rows[c] for c in self.chain(name) if c in rows), float("nan"))

        return twin.by_class(self.land, self.names, value)

    def number(self, table: str, item: str) -> float:
        rows = pd.read_csv(ROOT / "coefficients" / f"{table}.csv").set_index("item")["value"]
        return float(rows[item])

    def price(self, item: str) -> float:
        return self.number("rcees_2017/prices", item) * self.inflation

    def field(self, quantity: str) -> twin.Floats:
        """Return an input on the land cover's grid, in the unit of the project file."""
        return twin.align(
            twin.read(self.folder / self.project["inputs"][quantity]["file"]), self.codes
        )

    def within(self, groups: list[str]) -> list[int]:
        """Return the numbers of the classes that belong to one of the groups."""
        return [n for n, c in enumerate(self.names) if set(self.chain(c)) & set(groups)]

    def sum(self, values: Any, groups: list[str] | None = None) -> twin.Floats:
        """Return Σ value × area by zone and class, 0 outside the groups."""
        wanted = self.sums.by(values)
        if groups is not None:
            outside = sorted(set(range(len(self.names))) - set(self.within(groups)))
            wanted[:, outside] = 0.0
        return wanted


@pytest.fixture(scope="module")
def county() -> County:
    return County()


@pytest.fixture(scope="module")
def account() -> Any:
    from gep.account import Project

    return Project.load(ROOT / "examples" / "county" / "county.toml").run()


def same(account: Any, county: County, name: str, wanted: twin.Floats) -> None:
    agree(table_of(account, name, county.zones, county.names), wanted, name)


HECTARE = 1e4


def test_county_extent(account: Any, county: County) -> None:
    same(account, county, "area", county.sum(1.0))


def test_county_water_retention(account: Any, county: County) -> None:
    rain, et = county.field("precipitation"), county.field("evapotranspiration")
    runoff = rain * county.coefficient("rcees_2017/runoff", "alpha") / 100
    wanted = county.sum((rain - runoff - et) / 1000)
    same(account, county, "water_retention.Q_w", wanted)
    same(account, county, "water_retention.V_w", wanted * county.price("reservoir_capacity"))


def elevation_slope_relief(county: County) -> tuple[twin.Floats, twin.Floats]:
    elevation = twin.align(twin.read(county.folder / "dem.tif"), county.codes)
    size = (county.codes.transform.a, -county.codes.transform.e)
    return twin.slope(elevation, size), twin.relief(elevation, size, 1000.0)


def test_county_soil_retention(account: Any, county: County) -> None:
    sand, silt = county.field("sand_content"), county.field("silt_content")
    clay, carbon = county.field("clay_content"), county.field("organic_carbon_content")
    fine = 1 - sand / 100
    epic = (
        (0.2 + 0.3 * np.exp(-0.0256 * sand * (1 - silt / 100)))
        * (silt / (clay + silt)) ** 0.3
        * (1 - 0.25 * carbon / (carbon + np.exp(3.72 - 2.95 * carbon)))
        * (1 - 0.7 * fine / (fine + np.exp(-5.51 + 22.9 * fine)))
    )
    erodibility = (-0.01383 + 0.51575 * epic) * 0.1317
    angle, _ = elevation_slope_relief(county)
    sine = np.sin(np.radians(angle))
    beta = sine / 0.089 / (3.0 * sine**0.8 + 0.56)
    length = (county.field("slope_length") / 22.13) ** (beta / (1 + beta))
    steepness = np.select(
        [angle < 5.14, angle < 10.20, angle < 28.81, angle >= 28.81],
        [10.8 * sine + 0.03, 16.8 * sine - 0.5, 21.9 * sine - 0.96, np.full_like(sine, 9.5988)],
        np.nan,
    )
    cover = county.field("vegetation_cover") / 100
    steps = [
        county.coefficient("hj_1173_2021/cover_factor", f"c_{n}") for n in (0, 10, 30, 50, 70, 90)
    ]
    by_table = np.select([cover < at for at in (0.1, 0.3, 0.5, 0.7, 0.9)], steps[:-1], steps[-1])
    a = county.coefficient("hj_1173_2021/cover_factor", "intercept")
    b = county.coefficient("hj_1173_2021/cover_factor", "gradient")
    by_curve = np.clip(a - b * np.log10(np.maximum(cover, 0.01)), 0, 1)
    kept = 1 - (by_table + by_curve)
    soil = county.field("rainfall_erosivity") * erodibility * length * steepness * kept / HECTARE
    wanted = county.sum(soil)
    same(account, county, "soil_retention.A_s", wanted)
    number = {n: county.number("rcees_2017/parameters", n) for n in (
        "silt_coefficient", "soil_bulk_density", "soil_nitrogen", "soil_phosphorus")}  # fmt: skip
    silted = wanted * number["silt_coefficient"] / number["soil_bulk_density"]
    same(account, county, "soil_retention.D_s", silted)
    same(account, county, "soil_retention.V_s1", silted * county.price("dredging"))
    for letter, name in (("N", "nitrogen"), ("P", "phosphorus")):
        kept_back = wanted * number[f"soil_{name}"]
        same(account, county, f"soil_retention.D_{letter}", kept_back)
        same(
            account,
            county,
            f"soil_retention.V_{letter}",
            kept_back * county.price(f"{name}_treatment"),
        )


def test_county_sand_fixation(account: Any, county: County) -> None:
    coarse, silt = county.field("coarse_sand_content"), county.field("silt_content")
    clay, organic = county.field("clay_content"), county.field("organic_matter_content")
    erodible = (29.09 + 0.31 * coarse + 0.17 * silt + 0.33 * coarse / clay - 2.59 * organic) / 100
    erodible = np.maximum(erodible, 0)
    crust = 1 / (1 + 0.0066 * clay**2 + 0.021 * organic**2)
    _, height = elevation_slope_relief(county)
    ridges = 0.2 * height**2 / 1000
    rough = np.minimum(np.exp(1.86 * ridges - 2.41 * ridges**0.934), 1)
    force = county.field("weather_factor") * erodible * crust * rough
    decay = county.coefficient("hj_1173_2021/wind_cover", "a")
    shelter = np.exp(-decay * county.field("vegetation_cover"))

    def blown(strength: twin.Floats) -> twin.Floats:
        with np.errstate(divide="ignore"):
            reach = 150.71 * strength**-0.3711
        return 2 * 50 / reach**2 * 109.8 * strength * np.exp(-((50 / reach) ** 2))  # kg/m²

    wanted = county.sum((blown(force) - blown(force * shelter)) / 1000)
    same(account, county, "sand_fixation.Q_f", wanted)
    same(account, county, "sand_fixation.V_f", wanted / (1.28 * 0.1) * county.price("sand_control"))


def test_county_carbon_and_oxygen(account: Any, county: County) -> None:
    fixed = county.sum(county.field("carbon_sequestration_rate") * 44 / 12 / HECTARE)
    same(account, county, "carbon_sequestration.Q_c", fixed)
    same(account, county, "carbon_sequestration.V_c", fixed * county.price("carbon_afforestation"))
    released = county.sum(county.field("net_primary_production") * 32 / 12 / HECTARE)
    same(account, county, "oxygen_release.Q_o", released)
    same(account, county, "oxygen_release.V_o", released * county.price("oxygen_industrial"))


def test_county_climate_regulation(account: Any, county: County) -> None:
    green = ["forest", "shrub", "grassland", "wetland"]
    days = county.project["inputs"]["cooling_days"]["value"]
    heat = county.coefficient("rcees_2017/transpiration", "heat") * days / 3600 / 3.0  # kWh/m²
    cooled = county.sum(heat, green)
    same(account, county, "climate_regulation.E_a", cooled)
    same(account, county, "climate_regulation.V_a", cooled * county.price("electricity"))
    depth = county.project["inputs"]["water_surface_evaporation"]["value"] / 1000
    share = county.coefficient("rcees_2017/transpiration", "water_share")
    evaporated = county.sum(share * depth * (1000 * 2450 / 3600 + 125), green)
    same(account, county, "climate_regulation.E_e", evaporated)
    same(account, county, "climate_regulation.V_e", evaporated * county.price("electricity"))


def test_county_floods_kept_by_mires(account: Any, county: County) -> None:
    kept = county.sum(county.coefficient("rcees_2017/ponding", "depth"), ["wetland"])
    same(account, county, "flood_mitigation.C_m", kept)
    same(account, county, "flood_mitigation.V_m", kept * county.price("reservoir_capacity"))


# ------------------------------------------------------------------------------- real places

#: Gura's classes (land_use_gura_classes.csv) as classes of the test standard.
GURA = {1: "town", 3: "cropland", 5: "cropland", 6: "cropland", 7: "cropland", 8: "forest",
        9: "wetland", 11: "forest", 18: "town", 19: "cropland"}  # fmt: skip
_STEEP = """
[inputs]
R = { is = "rainfall_erosivity", unit = "MJ·mm/(hm²·h·yr)" }
K = { is = "soil_erodibility", unit = "tsoil·hm²·h/(hm²·MJ·mm)" }
"θ" = { is = "slope", unit = "deg" }
[coefficients]
b = { from = "factors.b", by = "ecosystem" }
[[steps]]
symbol = "Q"
title = { en = "Soil", zh = "土" }
formula = "R * K * max(10.8 * sine(angle=θ) + 0.03, 16.8 * sine(angle=θ) - 0.5) * (1 - exp(-b))"
unit = "tsoil/(hm²·yr)"
[account]
physical = "Q"
[[examples]]
given = { R = 1000, K = 0.04, "θ" = 0, b = 0 }
expect = { Q = 0 }
source = "by hand"
"""


@pytest.mark.real_data
def test_gura_water_and_soil(real: Path, tmp_path: Path) -> None:
    # Reference evapotranspiration stands in for the actual one, erosivity and erodibility are
    # assumed: the figures are not Gura's, the arithmetic is.
    gura = real / "gura"
    standard = tiny.write_standard(tmp_path, ["water"], own={"steep": _STEEP})
    monthly = {"unit": "mm/yr", "bands": "sum"}
    tables = tiny.project(
        tmp_path,
        gura / "land_use_gura_15m.tif",
        gura / "subwatersheds_gura.geojson",
        {
            "precipitation": {"file": str(gura / "precip_monthly_mm_1km.tif"), **monthly},
            "evapotranspiration": {"file": str(gura / "et0_monthly_mm_1km.tif"), **monthly},
            "rainfall_erosivity": {"value": 6500, "unit": "MJ·mm/(hm²·h·yr)"},
            "soil_erodibility": {"value": 0.02, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
            "slope": {
                "derive": "slope",
                "elevation": {"file": str(gura / "dem_gura_15m.tif"), "unit": "m"},
            },
        },
        standard=standard,
        legend=tiny.write_legend(tmp_path / "gura.toml", GURA, nodata=[255]),
        zone_id="subws_id",
    )
    account = tiny.run(tables)
    codes = twin.read(gura / "land_use_gura_15m.tif")
    land = twin.land_classes(codes, GURA, tiny.CLASSES)
    shapes = twin.polygons(gura / "subwatersheds_gura.geojson", codes, "subws_id")
    areas = twin.cell_areas(codes)
    sums = twin.Sums(
        land, {z: areas * twin.shares(codes, s) for z, s in shapes.items()}, tiny.CLASSES
    )
    zones = list(shapes)

    def check(name: str, wanted: twin.Floats) -> None:
        agree(table_of(account, name, zones, tiny.CLASSES), wanted, name)

    check("area", sums.by(1.0))
    rain = twin.bilinear(twin.read(gura / "precip_monthly_mm_1km.tif", "sum"), codes)
    et = twin.bilinear(twin.read(gura / "et0_monthly_mm_1km.tif", "sum"), codes)
    alpha = twin.by_class(
        land, tiny.CLASSES, {c: f["alpha"] / 100 for c, f in tiny.FACTORS.items()}
    )
    check("water.Q", sums.by((rain - rain * alpha - et) / 1000))
    elevation = twin.read(gura / "dem_gura_15m.tif").values
    sine = np.sin(np.radians(twin.slope(elevation, (codes.transform.a, -codes.transform.e))))
    steep = np.maximum(10.8 * sine + 0.03, 16.8 * sine - 0.5)
    cover = twin.by_class(land, tiny.CLASSES, {c: f["b"] for c, f in tiny.FACTORS.items()})
    check("steep.Q", sums.by(6500 * 0.02 * steep * (1 - np.exp(-cover)) / HECTARE))


#: WorldCover codes that occur in São Tomé and Príncipe, as classes of the test standard.
WORLDCOVER = {10: "forest", 20: "forest", 30: "cropland", 40: "cropland", 50: "town", 60: "town",
              80: "wetland", 90: "wetland", 95: "forest", 100: "cropland"}  # fmt: skip


def sao_tome(real: Path, folder: Path, island: str, year: int, districts: list[str]) -> None:
    """Compare extent, water and carbon by district and class."""
    version = {2020: "v100", 2021: "v200"}[year]
    raster = real / "sao_tome" / f"worldcover_{year}_{version}_{island}_10m.tif"
    frame = geopandas.read_file(real / "sao_tome" / "stp_districts_adm2.geojson")
    frame = frame[frame["shapeName"].isin(districts)][["shapeName", "geometry"]]
    frame.to_file(folder / "districts.gpkg")
    tables = tiny.project(
        folder,
        raster,
        folder / "districts.gpkg",
        {
            "precipitation": {"value": 2100, "unit": "mm/yr"},
            "evapotranspiration": {"value": 1150, "unit": "mm/yr"},
            "carbon_sequestration_rate": {"value": 2.3, "unit": "tC/(hm²·yr)"},
        },
        standard=tiny.write_standard(folder, ["water", "carbon"]),
        legend=tiny.write_legend(folder / "worldcover.toml", WORLDCOVER),
        zone_id="shapeName",
    )
    account = tiny.run(tables)
    rows, offset = window(raster, frame)
    codes = twin.read(raster, rows=rows)
    codes = twin.Layer(codes.values[:, offset], codes.transform, codes.crs)
    t = codes.transform
    codes = twin.Layer(
        codes.values, type(t)(t.a, 0, t.c + t.a * offset.start, 0, t.e, t.f), codes.crs
    )
    land = twin.land_classes(codes, WORLDCOVER, tiny.CLASSES)
    shapes = twin.polygons(folder / "districts.gpkg", codes, "shapeName")
    areas = twin.cell_areas(codes)
    weights = {z: areas * twin.shares(codes, s) for z, s in shapes.items()}
    sums = twin.Sums(land, weights, tiny.CLASSES)
    zones = list(shapes)
    extent = sums.by(1.0)
    agree(table_of(account, "area", zones, tiny.CLASSES), extent, "area")
    alpha = np.array([tiny.FACTORS[c]["alpha"] / 100 for c in tiny.CLASSES])
    water = extent * (2.1 * (1 - alpha) - 1.15)
    agree(table_of(account, "water.Q", zones, tiny.CLASSES), water, "water.Q")
    agree(table_of(account, "carbon.Q", zones, tiny.CLASSES), extent * 2.3e-4, "carbon.Q")


def window(raster: Path, frame: geopandas.GeoDataFrame) -> tuple[slice, slice]:
    """Return the rows and columns of a raster that the polygons touch."""
    layer = twin.read(raster)
    t, (height, width) = layer.transform, layer.shape
    west, south, east, north = frame.total_bounds
    rows = np.clip([(north - t.f) / t.e - 2, (south - t.f) / t.e + 2], 0, height).astype(int)
    columns = np.clip([(west - t.c) / t.a - 2, (east - t.c) / t.a + 2], 0, width).astype(int)
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


@pytest.mark.real_data
@pytest.mark.parametrize("year", [2020, 2021])
def test_sao_tome_one_district(real: Path, tmp_path: Path, year: int) -> None:
    sao_tome(real, tmp_path, "saotome", year, ["Água Grande"])


@pytest.mark.real_data
def test_sao_tome_principe(real: Path, tmp_path: Path) -> None:
    sao_tome(real, tmp_path, "principe", 2021, ["Pagué"])


@pytest.mark.real_data
@pytest.mark.nightly
@pytest.mark.parametrize("year", [2020, 2021])
def test_sao_tome_whole_island(real: Path, tmp_path: Path, year: int) -> None:
    names = ["Água Grande", "Lobata", "Mé-zóxi", "Cantagalo", "Lemba", "Caué"]
    sao_tome(real, tmp_path, "saotome", year, names)
