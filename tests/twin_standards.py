"""The plain twin of the national, provincial and city standards, for the synthetic county.

Written from descriptions of the methods, formula by formula, with whole arrays; it imports nothing
of gep and reads no rule file. What it shares with the engine is data: the county's files and the
coefficient tables, whose numbers it reads by name. Written to be read, not to be fast.

Fields are rates of each cell, in the units that the comments name; a line of an account holds the
sums by township. Masses are in t, water in m³, energy in kWh, money in CNY of the year of account.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import twin

Floats = twin.Floats

ROOT = Path(__file__).resolve().parents[1]
HECTARE, KM2 = 1e4, 1e6  # m²
YEAR = 2020

# Where a service is accounted.
LAND = ("forest", "shrub", "grassland", "wetland", "farmland", "town", "bare")
GREEN = ("forest", "shrub", "grassland", "wetland")
PLANTS = ("forest", "shrub", "grassland")
WOODS = ("forest", "shrub")
DRY_LAND = ("forest", "shrub", "grassland", "farmland", "bare")  # where wind can blow sand


@cache
def table(name: str) -> pd.DataFrame:
    """Return a coefficient table."""
    return pd.read_csv(ROOT / "coefficients" / f"{name}.csv")


class Line(NamedTuple):
    """A line of an account by township: how much, and its worth."""

    unit: str  # of the quantity, "" where only money is counted
    quantity: Floats | None
    value: Floats


Lines = list[Line]
Account = dict[str, Lines]


def money(value: Floats) -> Lines:
    """Return the line of a service that is counted in money only."""
    return [Line("", None, value)]


# ----------------------------------------------------------------------------------- the county


#: Numbers for the classes that tables of the variants do not print; invented, as the county is.
OWN = {
    "mee_2020/runoff.alpha.dry_cropland": 0.25,
    "mee_2020/runoff.alpha.town": 0.6,
    "mee_2020/runoff.alpha.bare": 0.45,
    "world/support_practice.weibei.shrub": 0.95,
    "world/support_practice.weibei.grassland": 0.9,
    "world/support_practice.weibei.mire": 0.1,
    "world/support_practice.meadow.shrub": 0.9,
    "world/support_practice.meadow.mire": 0.2,
    "world/support_practice.huanghua.shrub": 0.85,
    "world/support_practice.huanghua.bare": 0.4,
}


#: β: carbon that the soil below woods fixes for each tonne that the trees fix; invented.
SOIL_RATIO = 0.3


class County:
    """The county's data on the cells of its land cover, and the coefficients by name."""

    def __init__(self) -> None:
        self.folder = ROOT / "examples" / "county"
        self.project = tomllib.loads((self.folder / "standards.toml").read_text("utf-8"))
        # β is for woods only, so it is given by class and not as one number for all.
        rows = [(group, SOIL_RATIO if group in WOODS else 0, "synthetic") for group in LAND]
        ratio = pd.DataFrame(rows, columns=["ecosystem", "value", "source"])
        self.project["inputs"]["forest_soil_sequestration_ratio"] = {"table": ratio, "unit": "1"}
        for key, value in OWN.items():
            own = {"value": value, "unit": "1", "source": "invented for the test"}
            self.project["coefficients"][key] = own
        legends = ROOT / "models" / "legends"
        legend = tomllib.loads((legends / "worldcover.toml").read_text("utf-8"))
        classes = legends / "classifications" / "national_ecosystems.toml"
        self.tree = tomllib.loads(classes.read_text("utf-8"))["classes"]
        named = legend["to"]["national_ecosystems"] | self.project["land_cover"]["classes"]
        self.names = tuple(dict.fromkeys(named.values()))
        self.codes = twin.read(self.folder / "land_cover.tif")
        codes = {int(code): name for code, name in named.items()}
        self.land = twin.land_classes(self.codes, codes, self.names)
        shapes = twin.polygons(self.folder / "townships.gpkg", self.codes, "code")
        areas = twin.cell_areas(self.codes)
        self.areas = {zone: areas * twin.shares(self.codes, s) for zone, s in shapes.items()}
        self.zones = list(self.areas)
        parts = [pd.read_csv(self.folder / f) for f in self.project["statistics"]["file"]]
        self.statistics = pd.concat(parts).astype({"zone": str})
        index = table("indices/cn_cpi")
        self.price_level = dict(zip(index["year"], index["value"], strict=True))
        self.raster = cache(self._raster)
        self.by_class = cache(self._by_class)

    # --- what the project gives

    def number(self, quantity: str) -> float:
        """Return an input that is one number, in the unit of the project."""
        return float(self.project["inputs"][quantity]["value"])

    def _raster(self, quantity: str, band: int = 1) -> Floats:
        """Return an input on the cells of the land cover, in the unit of the project."""
        entry = self.project["inputs"][quantity]
        layer = twin.read(self.folder / entry["file"], band)
        if entry.get("resampling") == "nearest":
            return twin.nearest(layer, self.codes)
        return twin.align(layer, self.codes)

    def class_table(self, quantity: str) -> Floats:
        """Return an input that is given by class, as a field."""
        rows = pd.read_csv(self.folder / self.project["inputs"][quantity]["table"])
        return self._spread(dict(zip(rows["ecosystem"], rows["value"], strict=True)))

    def items(self, quantity: str) -> dict[str, Floats]:
        """Return a statistic by township, for each of its items; 万 is ten thousand."""
        rows = self.statistics[self.statistics["quantity"] == quantity]
        found = {}
        for item, group in rows.groupby(rows["item"].fillna(""), sort=False):
            factors = np.where(group["unit"].str.startswith("万"), 1e4, 1.0)
            values = pd.Series(group["value"].to_numpy() * factors, index=group["zone"])
            found[str(item)] = values[self.zones].to_numpy()
        return found

    def statistic(self, quantity: str) -> Floats:
        """Return a statistic that has no items, by township."""
        (values,) = self.items(quantity).values()
        return values

    # --- coefficients

    def item(self, where: str, name: str) -> float:
        """Return a number of a list table, as it is printed."""
        return float(table(where).set_index("item").loc[name, "value"])

    def price(self, where: str, name: str) -> float:
        """Return a price at the price level of the year of account.

        Of several price years the latest up to the year of account is taken, else the first.
        """
        rows = table(where)
        rows = rows[rows["item"] == name].sort_values("price_year")
        before = rows[rows["price_year"] <= YEAR]
        row = before.iloc[-1] if len(before) else rows.iloc[0]
        return float(row["value"]) * self.price_level[YEAR] / self.price_level[row["price_year"]]

    def _by_class(self, where: str, column: str) -> Floats:
        """Return a column of a table as a field; a parent's row serves its children."""
        known = table(where).set_index("ecosystem")[column].dropna().to_dict()
        for key, own in self.project["coefficients"].items():
            place, _, name = key.rpartition(".")
            if place == f"{where}.{column}":
                # The analyst's own number, brought to the table's unit.
                percent = where.endswith("/runoff") and own["unit"] == "1"
                per_km2 = own["unit"] == "tNOx/(km²·yr)"  # 1 t/km² = 10 kg/hm²
                known[name] = own["value"] * (100 if percent else 10 if per_km2 else 1)
        return self._spread(known)

    def _spread(self, rows: Mapping[str, float]) -> Floats:
        def look(name: str) -> float:
            return next((rows[c] for c in self.lineage(name) if c in rows), float("nan"))

        return twin.by_class(self.land, self.names, look)

    def lineage(self, name: str) -> list[str]:
        """Return a class, its parent, and so on."""
        found = [name]
        while "parent" in self.tree[found[-1]]:
            found.append(self.tree[found[-1]]["parent"])
        return found

    # --- sums

    @cache  # noqa: B019  (one county lives as long as the tests)
    def within(self, groups: Sequence[str]) -> Any:
        """Say which cells are of one of the groups."""
        numbers = [n for n, c in enumerate(self.names) if set(self.lineage(c)) & set(groups)]
        return np.isin(self.land, numbers)

    def sum(self, rate: Floats | float, groups: Sequence[str] = LAND) -> Floats:
        """Return Σ rate (per m²) × area by township, over the cells of the groups.

        Cells where the rate is not known are left out.
        """
        there = self.within(tuple(groups)) & ~np.isnan(rate)
        rate = np.broadcast_to(rate, there.shape)[there]
        return np.array([(rate * area[there]).sum() for area in self.areas.values()])

    # --- terrain

    @cached_property
    def _elevation(self) -> tuple[Floats, tuple[float, float]]:
        t = self.codes.transform
        return twin.align(twin.read(self.folder / "dem.tif"), self.codes), (t.a, -t.e)

    @cached_property
    def slope(self) -> Floats:
        """The slope in degrees."""
        return twin.slope(*self._elevation)

    @cached_property
    def relief(self) -> Floats:
        """The difference of elevation within a kilometre, in m."""
        return twin.relief(*self._elevation, 1000.0)


# --------------------------------------------------------------------------------- provisioning


def products(c: County, quantity: str, price: str) -> Lines:
    """V = Σ Q_i · P_i: what is produced, at market prices."""
    made, prices = c.items(quantity), c.items(price)
    return [Line("t/yr", sum(made.values()), sum(made[i] * prices[i] for i in made))]


def forestry(c: County) -> Lines:
    """Timber and other products at market prices."""
    timber = c.statistic("timber_harvest")
    return [
        Line("m³/yr", timber, timber * c.number("timber_price")),
        *products(c, "forest_product_harvest", "forest_product_price"),
    ]


def gross_products(c: County) -> dict[str, Lines]:
    """Products at market prices, without a look at what people put in."""
    return {
        "crops": products(c, "crop_harvest", "crop_price"),
        "forestry": forestry(c),
        "livestock": products(c, "livestock_product_output", "livestock_product_price"),
        "fishery": products(c, "fishery_product_output", "fishery_product_price"),
    }


SECTORS = {
    "crops": "crop",
    "forestry": "forestry",
    "livestock": "livestock",
    "fishery": "fishery",
    "other_products": "other_product",
}


def value_added(c: County) -> dict[str, Lines]:
    """The value added of every sector."""
    return {s: money(c.statistic(f"{name}_value_added")) for s, name in SECTORS.items()}


def contributions(c: County) -> dict[str, Lines]:
    """The contribution of ecosystems: gross output less human inputs."""
    return {
        service: money(c.statistic(f"{name}_gross_output") - c.statistic(f"{name}_human_inputs"))
        for service, name in SECTORS.items()
    }


def water_supply(c: County) -> Lines:
    """V = Σ Q_use · P_use: water used by households, industry and farms."""
    uses = {u: c.statistic(f"{u}_water_use") for u in ("domestic", "industrial", "agricultural")}
    worth = sum(q * c.price("mee_2020/prices", f"water_{use}") for use, q in uses.items())
    return [Line("m³/yr", sum(uses.values()), worth)]


def energy(c: County, quantity: str) -> Lines:
    """Electricity made, at the price of electricity."""
    made = sum(c.items(quantity).values())
    return [Line("kWh/yr", made, made * c.price("mee_2020/prices", "electricity"))]


# --------------------------------------------------------------------------- water that is kept


def water_price(c: County, how: str, prices: str = "mee_2020/prices") -> float:
    """Return CNY for each m³ that is kept, by one of three rules.

    ``full``: what it costs to build a m³ of reservoir; ``annual``: the share of that which is
    written off in a year, and the operation; ``market``: the price of water.
    """
    if how == "market":
        return c.number("water_market_price")
    built = c.price(prices, "reservoir_capacity")
    if how == "full":
        return built
    return built * c.number("reservoir_depreciation_share") + c.number("reservoir_operation_cost")


def water_balance(c: County, runoff: str = "rcees_2017/runoff") -> Floats:
    """P − R − ET in mm, with R = P·α."""
    rain, et = c.raster("precipitation"), c.raster("evapotranspiration")
    return rain - rain * c.by_class(runoff, "alpha") / 100 - et


def water_retention(c: County, price: float, balance: Floats | None = None) -> Lines:
    """Q = Σ A·(P − R − ET)·10⁻³, at the price of a m³."""
    kept = c.sum((water_balance(c) if balance is None else balance) / 1000)
    return [Line("m³/yr", kept, kept * price)]


def water_retention_by_supply(c: County, price: float) -> Lines:
    """Q = water used in the area + outflow − inflow."""
    kept = c.statistic("water_use") + c.statistic("water_outflow") - c.statistic("water_inflow")
    return [Line("m³/yr", kept, kept * price)]


def water_retention_by_runoff_reduction(c: County, price: float) -> Lines:
    """Q = A·J·R: rain that makes runoff, times the share by which woods reduce the runoff."""
    producing = c.raster("precipitation") * c.item("mee_2020/parameters", "runoff_producing_share")
    kept = c.sum(producing * c.by_class("world/runoff_reduction", "share") / 1000, WOODS)
    return [Line("m³/yr", kept, kept * price)]


# ---------------------------------------------------------------------------------------- soil


@cache
def erodibility(c: County, *, calibrated: bool = True) -> Floats:
    """K of EPIC, brought to Chinese soils and to SI units: t·hm²·h/(hm²·MJ·mm)."""
    sand, silt, clay = (c.raster(f"{kind}_content") for kind in ("sand", "silt", "clay"))
    carbon = c.raster("organic_carbon_content")
    rest = 1 - sand / 100
    epic = (
        (0.2 + 0.3 * np.exp(-0.0256 * sand * (1 - silt / 100)))
        * (silt / (clay + silt)) ** 0.3
        * (1 - 0.25 * carbon / (carbon + np.exp(3.72 - 2.95 * carbon)))
        * (1 - 0.7 * rest / (rest + np.exp(-5.51 + 22.9 * rest)))
    )
    return (-0.01383 + 0.51575 * epic if calibrated else epic) * 0.1317


def slope_length(c: County, how: str = "hj") -> Floats:
    """L = (λ/22.13)^m."""
    sine = np.sin(np.radians(c.slope))
    if how == "usle":  # m by the slope in percent
        percent = 100 * np.tan(np.radians(c.slope))
        m = np.select([percent >= 9, percent >= 3, percent >= 1], [0.5, 0.4, 0.3], 0.2)
    else:
        unit = {"hj": 0.089, "rusle": 0.0896}[how]
        beta = sine / unit / (3.0 * sine**0.8 + 0.56)
        m = beta / (1 + beta)
    return np.where(np.isnan(sine), np.nan, (c.raster("slope_length") / 22.13) ** m)


def slope_steepness(c: County, how: str = "hj") -> Floats:
    """S by the slope: gentle and steep as McCool has them, steeper as Liu Baoyuan has it."""
    angle = c.slope
    sine = np.sin(np.radians(angle))
    gentle, steep = 10.8 * sine + 0.03, 16.8 * sine - 0.5
    if how == "hj":
        limits = [angle < 5.14, angle < 10.20, angle < 28.81]
        found = np.select(limits, [gentle, steep, 21.9 * sine - 0.96], 9.5988)
    else:
        first, second = {"rusle": (5.1428, 14.0362), "csle": (5.1428, 10.0)}[how]
        found = np.select([angle < first, angle < second], [gentle, steep], 21.91 * sine - 0.96)
    return np.where(np.isnan(angle), np.nan, found)


def cover_factor(c: County, how: str = "hj") -> Floats:
    """C: what plants leave of the erosion, 0 to 1."""
    percent = c.raster("vegetation_cover")
    if how == "land_use":
        return c.by_class("world/cover_factor", "ansai")
    if how == "logarithmic":  # Cai Chongfa
        curve = 0.6508 - 0.3436 * np.log10(np.maximum(percent, 1e-9))
        return np.where(percent >= 78.3, 0, np.minimum(curve, 1)) + 0 * percent
    if how == "linear":  # Bu Zhaohong
        return np.maximum(0.4149 - 0.0052 * percent, 0)
    numbers = "hj_1173_2021/cover_factor"
    steps = [c.by_class(numbers, f"c_{n}") for n in (0, 10, 30, 50, 70, 90)]
    by_table = np.select([percent < at for at in (10, 30, 50, 70, 90)], steps[:-1], steps[-1])
    # Dry cropland: 0.221 − 0.595·lg c, at most 1; every other class has a zero here.
    intercept, gradient = c.by_class(numbers, "intercept"), c.by_class(numbers, "gradient")
    curve = np.clip(intercept - gradient * np.log10(np.maximum(percent / 100, 0.01)), 0, 1)
    return by_table + curve + 0 * percent


def support_practice(c: County, how: str) -> Floats | float:
    """P: what fields laid out against erosion leave of it."""
    if how == "none":
        return 1.0
    if how == "table":
        return c.by_class("mee_2020/support_practice", "factor")
    percent = 100 * np.tan(np.radians(c.slope))
    fields = c.within(("farmland",))
    if how == "by_slope":  # P = 0.2 + 0.03·slope %, at most 1
        return np.where(fields, np.minimum(0.2 + 0.03 * percent, 1), 1.0) + 0 * percent
    if how == "contour":
        numbers = "mee_2020/support_practice_slope"
        steps = [c.by_class(numbers, f"contour_{n}") for n in (0, 5, 10, 15, 20, 25)]
        by_step = np.select([c.slope < at for at in (5, 10, 15, 20, 25)], steps[:-1], steps[-1])
        return by_step + 0 * c.slope
    return c.by_class("world/support_practice", how)


@cache
def soil_kept(
    c: County,
    *,
    practice: str = "none",
    length: str = "hj",
    steepness: str = "hj",
    cover: str = "hj",
    calibrated: bool = True,
) -> Floats:
    """Q = Σ R·K·L·S·(1 − C·P), in t."""
    potential = (
        c.raster("rainfall_erosivity")
        * erodibility(c, calibrated=calibrated)
        * slope_length(c, length)
        * slope_steepness(c, steepness)
    )  # t/hm²
    left = cover_factor(c, cover) * support_practice(c, practice)
    return c.sum(potential * (1 - left) / HECTARE)


def soil_retention(c: County, kept: Floats) -> Lines:
    """Silt that need not be dredged: λ·Q/ρ; nutrients that need not be removed: Q·c_i."""
    numbers, prices = "mee_2020/parameters", "mee_2020/prices"
    silt = kept * c.item(numbers, "silt_coefficient") / c.item(numbers, "soil_bulk_density")
    nitrogen = kept * c.item(numbers, "soil_nitrogen")
    phosphorus = kept * c.item(numbers, "soil_phosphorus")
    return [
        Line("m³/yr", silt, silt * c.price(prices, "dredging")),
        Line("tN/yr", nitrogen, nitrogen * c.price(prices, "nitrogen_treatment")),
        Line("tP/yr", phosphorus, phosphorus * c.price(prices, "phosphorus_treatment")),
    ]


def soil_retention_fertiliser(c: County, kept: Floats) -> Lines:
    """Silt as above; nutrients, potassium too, at the price of pure fertiliser."""
    lines = soil_retention(c, kept)[:1]
    for letter, name in (("N", "nitrogen"), ("P", "phosphorus"), ("K", "potassium")):
        mass = kept * c.number(f"soil_{name}_content") / 1000  # from g/kg
        price = c.price("mee_2020/prices", f"{name}_fertiliser")
        lines.append(Line(f"t{letter}/yr", mass, mass * price))
    return lines


# ---------------------------------------------------------------------------------------- sand


def sand_fixation(c: County, how: str = "compact") -> Lines:
    """Sand that plants keep from the wind (RWEQ)."""
    coarse, silt, clay = (c.raster(f"{k}_content") for k in ("coarse_sand", "silt", "clay"))
    organic, carbonate = c.raster("organic_matter_content"), c.number("carbonate_content")
    erodible = (
        29.09 + 0.31 * coarse + 0.17 * silt + 0.33 * coarse / clay - 2.59 * organic
        - 0.95 * carbonate
    ) / 100  # fmt: skip
    crust = 1 / (1 + 0.0066 * clay**2 + 0.021 * organic**2)
    ridges = 0.2 * c.relief**2 / 1000  # ΔH in m within L = 1000 m
    rough = np.minimum(np.exp(1.86 * ridges - 2.41 * ridges**0.934), 1)
    force = c.raster("weather_factor") * np.maximum(erodible, 0) * crust * rough
    decay = c.by_class("hj_1173_2021/wind_cover", "a")
    shelter = np.exp(-decay * c.raster("vegetation_cover"))

    def blown(strength: Floats) -> Floats:
        """Sand that leaves a field 50 m long, in kg/m²."""
        with np.errstate(divide="ignore"):
            reach = 150.71 * strength**-0.3711
        return 2 * 50 / reach**2 * 109.8 * strength * np.exp(-((50 / reach) ** 2))

    if how == "compact":
        held = 0.1699 * force**1.3711 * (1 - shelter**1.3711)  # kg/m²
    else:
        held = blown(force) - blown(force * shelter)
    kept = c.sum(held / 1000, DRY_LAND)
    numbers = "mee_2020/parameters"
    volume = kept / c.item(numbers, "sand_bulk_density")
    covered = volume / c.item(numbers, "sand_cover_depth")  # m² kept from becoming desert
    return [Line("tsand/yr", kept, covered * c.price("mee_2020/prices", "sand_control"))]


# -------------------------------------------------------------------------------------- floods


def storm_runoff(rain: Floats, curve_number: Floats, initial: float) -> Floats:
    """Runoff of a storm by the curve number of the Soil Conservation Service, in mm."""
    room = 25400 / curve_number - 254
    excess = np.maximum(rain - initial * room, 0)
    with np.errstate(invalid="ignore"):
        runoff = excess**2 / (rain + (1 - initial) * room)
    return np.where((excess == 0) & ~np.isnan(rain) & ~np.isnan(room), 0.0, runoff)


@cache
def flood_parts(c: County) -> dict[str, Floats]:
    """Water that plants, lakes, reservoirs and mires keep from floods, in m³."""
    group = c.raster("soil_hydrologic_group")
    rows = [c.by_class("world/curve_number", f"group_{letter}") for letter in "abcd"]
    curve_number = np.select([group == n for n in (1, 2, 3, 4)], rows, np.nan)
    initial = c.item("mee_2020/parameters", "initial_abstraction")
    kept = np.zeros_like(curve_number)
    for storm in (1, 2, 3):
        rain = c.raster("storm_rain", storm)
        kept = kept + rain - storm_runoff(rain, curve_number, initial)
    # Lakes: e^a · A^b · T in 10⁴ m³, A in km², for every lake and never for their area together.
    region = table("lakes/regions").set_index("region")
    row = region.loc[c.project["inputs"]["lake_storage_intercept"]["row"]]
    lakes = np.zeros(len(c.zones))
    for lake, area in c.items("lake_area").items():
        one = np.exp(row["intercept"]) * area ** row["exponent"] * row["exchanges"] * 1e4
        lakes = lakes + one * c.items("lake_number")[lake]
    share = c.item("mee_2020/parameters", "reservoir_flood_share")
    return {
        "vegetation": c.sum(kept / 1000, PLANTS),
        "lakes": lakes,
        "reservoirs": share * c.statistic("reservoir_capacity"),
        "mires": c.sum(0.3, ("mire",)),  # 0.3 m of water stand on a mire
    }


def flood_mitigation(c: County, price: float, parts: Sequence[str]) -> Lines:
    """What the parts that a standard counts keep, at the price of a m³."""
    kept = sum(flood_parts(c)[part] for part in parts)
    return [Line("m³/yr", kept, kept * price)]


ALL_PARTS = ("vegetation", "lakes", "reservoirs", "mires")


# ---------------------------------------------------------------------------- carbon and oxygen


def soil_breath(c: County) -> Floats:
    """R_H = Σ 0.22·(e^(0.0913·T) + ln(0.3145·R + 1))·30·46.5 % of the months, in gC/m²."""
    breath = np.zeros(c.codes.shape)
    for month in range(1, 13):
        warmth = c.raster("monthly_air_temperature", month)  # °C
        rain = c.raster("monthly_precipitation", month)  # mm
        daily = np.exp(0.0913 * warmth) + np.log(0.3145 * rain + 1)
        breath = breath + 0.22 * daily * 30 * 0.465
    return breath


@cache
def net_ecosystem_production(c: County) -> Floats:
    """NEP = NPP − R_H in tC by township."""
    return c.sum(c.raster("net_primary_production") / HECTARE - soil_breath(c) / 1e6)


def net_primary_production(c: County) -> Floats:
    """NPP in tC by township."""
    return c.sum(c.raster("net_primary_production") / HECTARE)


def carbon_sequestration(carbon: Floats, price: float) -> Lines:
    """Q = 44/12 of the carbon, at a price of carbon dioxide."""
    fixed = carbon * 44 / 12
    return [Line("tCO2/yr", fixed, fixed * price)]


def carbon_by_rate(c: County) -> Floats:
    """Carbon by sequestration rates: woods with the soil below them, (1 + β); others by rate."""
    rate = c.raster("carbon_sequestration_rate") / HECTARE
    return c.sum(rate) + SOIL_RATIO * c.sum(rate, WOODS)


def carbon_by_biomass(c: County) -> Floats:
    """Carbon by what biomass gains: CF·(B₂ − B₁)/Δt."""
    gained = c.class_table("biomass_end") - c.class_table("biomass_start")  # t/hm²
    fraction = c.item("gbt_46869_2025/parameters", "carbon_fraction")
    return c.sum(gained / c.number("biomass_period") * fraction / HECTARE)


def oxygen_release(c: County, oxygen: Floats) -> Lines:
    """Oxygen at the price of making it."""
    return [Line("tO2/yr", oxygen, oxygen * c.price("mee_2020/prices", "oxygen"))]


def dry_matter(c: County, groups: Sequence[str] = LAND) -> Floats:
    """Return the dry matter that plants make, in t."""
    return c.number("dry_matter_production") * c.sum(1 / HECTARE, groups)


# --------------------------------------------------------------------------------- purification

AIR = {
    "so2": ("sulfur_dioxide", "tSO2/yr"),
    "nox": ("nitrogen_oxides", "tNOx/yr"),
    "dust": ("dust", "tdust/yr"),
}
WATER = {
    "cod": ("cod", "tCOD/yr"),
    "nh3n": ("ammonia_nitrogen", "tNH3N/yr"),
    "tn": ("total_nitrogen", "tTN/yr"),
    "tp": ("total_phosphorus", "tTP/yr"),
}


def cleaned(emitted: Floats, able: Floats, rule: str) -> Floats:
    """What is emitted where ecosystems can take it up, else as much as they can, by township."""
    return {"smaller": np.minimum(emitted, able), "capacity": able, "emission": emitted}[rule]


def cost(c: County, mass: Floats, pollutant: str, levy: float) -> Floats:
    """Levy on a pollution equivalent over its mass in kg, for t of the pollutant."""
    equivalent = c.item("mee_2020/parameters", f"{pollutant}_equivalent")
    return mass * 1000 / equivalent * levy


def air_purification(c: County, levies: Mapping[str, float], rule: str = "smaller") -> Lines:
    """Pollutants of the air that woods take up."""
    lines = []
    for pollutant, levy in levies.items():
        name, unit = AIR[pollutant]
        rate = c.by_class("mee_2020/air_capacity", pollutant) / 1000 / HECTARE  # t/m²
        mass = cleaned(c.statistic(f"{name}_emission"), c.sum(rate, WOODS), rule)
        lines.append(Line(unit, mass, cost(c, mass, pollutant, levy)))
    return lines


def water_purification(c: County, levies: Mapping[str, float], rule: str = "smaller") -> Lines:
    """Pollutants of the water that wetlands take up."""
    lines = []
    for pollutant, levy in levies.items():
        name, unit = WATER[pollutant]
        able = c.sum(c.number(f"{name}_purification_rate") / KM2, ("wetland",))
        mass = cleaned(c.statistic(f"{name}_emission"), able, rule)
        lines.append(Line(unit, mass, cost(c, mass, pollutant, levy)))
    return lines


def one_levy(c: County, kind: str, *pollutants: str) -> dict[str, float]:
    """The same levy, of air or of water, on every pollutant."""
    return dict.fromkeys(pollutants, c.price("mee_2020/prices", f"{kind}_levy"))


def all_air(c: County) -> dict[str, float]:
    """The levy on each of the three pollutants of the air."""
    return one_levy(c, "air", *AIR)


# -------------------------------------------------------------------------------------- climate


def cooling(c: County, *, divide: bool, price: float) -> Lines:
    """Heat that transpiration and evaporation take up, as electricity of air conditioners.

    Transpiration: EPP·S·D/(3600·r). Evaporation: E·(10³·q/3600 + y), where ``divide`` says if the
    first term is divided by r too, and y, the humidifier's, counts for the share of dry days.
    """
    numbers = "mee_2020/parameters"
    ratio = c.item(numbers, "efficiency_ratio")
    heat = c.by_class("mee_2020/transpiration", "heat") * c.number("cooling_days")  # kJ/m²
    transpired = c.sum(heat / 3600 / ratio, PLANTS)
    depth = c.number("water_surface_evaporation") / 1000  # m
    evaporated = c.sum(depth, ("wetland",))  # m³
    latent = 1000 * c.item(numbers, "latent_heat") / 3600 / (ratio if divide else 1)
    humidifier = c.item(numbers, "humidifier_energy") * c.number("dry_evaporation_share")
    saved = transpired + evaporated * (latent + humidifier)
    return [Line("kWh/yr", saved, saved * price)]


def cooling_by_evapotranspiration(c: County, price: float) -> Lines:
    """E = ET·A·ρ·q/3600/r of the season of air conditioners."""
    numbers = "mee_2020/parameters"
    mass = c.raster("cooling_season_evapotranspiration")  # 1 mm is 1 kg/m²
    saved = c.sum(mass * c.item(numbers, "latent_heat") / 3600, GREEN)
    saved = saved / c.item(numbers, "efficiency_ratio")
    return [Line("kWh/yr", saved, saved * price)]


def cooling_by_temperature(c: County, price: float) -> Lines:
    """E = ρ·c·ΔT·h·n·D/3600/r: air of depth h, cooled by ΔT, renewed n times on each of D days."""
    numbers = "gbt_46869_2025/parameters"
    heat = c.item(numbers, "air_density") * c.item(numbers, "air_specific_heat")  # kJ/(m³·K)
    renewed = c.number("cooled_air_depth") * c.number("air_exchanges") * c.number("cooling_days")
    rate = heat * c.number("temperature_difference") * renewed / 3600  # kWh/m²
    saved = c.sum(rate, GREEN) / c.item("mee_2020/parameters", "efficiency_ratio")
    return [Line("kWh/yr", saved, saved * price)]


# ------------------------------------------------------------------- species, ions, pests, noise


def species_worth(c: County, prices: str) -> Floats:
    """Worth of a hectare by class of the Shannon-Wiener index, in CNY."""
    index = c.raster("shannon_wiener_index")
    names = ("below_1", "1_to_2", "2_to_3", "3_to_4", "4_to_5", "5_to_6", "from_6")
    worth = [c.price(prices, f"species_{name}") for name in names]
    below = [index < limit for limit in (1, 2, 3, 4, 5, 6)]
    return np.where(np.isnan(index), np.nan, np.select(below, worth[:-1], worth[-1]))


def species_conservation(c: County) -> Lines:
    """V = S·A of forests."""
    return money(c.sum(species_worth(c, "mee_2020/prices") / HECTARE, ("forest",)))


def negative_ions(c: County) -> Lines:
    """G = 5.256·10¹⁵·Q·A·H/L; V = 5.256·10¹⁵·A·H·K·(Q − 600)/L, A in hm².

    Where there are fewer than 600 ions in a cm³ they are worth nothing, not less.
    """
    density, height = c.raster("negative_ion_concentration"), c.class_table("stand_height")
    numbers = "ly_t_1721_2008/parameters"
    scale = 5.256e15 * height / c.item(numbers, "ion_lifetime") / HECTARE
    useful = np.maximum(density - c.item(numbers, "ion_threshold"), 0)
    price = c.price("ly_t_1721_2008/prices", "negative_ion")
    return [Line("ion/yr", c.sum(scale * density, WOODS), c.sum(scale * useful, WOODS) * price)]


def pest_control(c: County) -> Lines:
    """Area where pests keep down without people, at the cost of keeping them down."""
    area = {k: c.statistic(f"{k}_pest_control_area") for k in ("forest", "grassland")}
    worth = sum(a * c.price("rcees_2017/prices", f"pest_control_{k}") for k, a in area.items())
    return [Line("hm²/yr", sum(area.values()), worth)]


def noise_attenuation(c: County) -> Lines:
    """Length of road behind a green belt × what it takes off, at the cost of a sound barrier."""
    quieter = c.statistic("green_belt_road_length") * c.number("noise_attenuation")
    return [Line("km·dB", quieter, quieter * c.number("sound_barrier_annual_cost"))]


# -------------------------------------------------------------------------------------- culture


def tourism(c: County) -> Lines:
    """V = Σ N_j·(T_j·W_j + transport + lodging and food + tickets), by origin j."""
    visits = c.items("origin_visits")
    parts = ("transport_cost", "lodging_food_cost", "ticket_cost")
    worth = np.zeros(len(c.zones))
    for origin, number in visits.items():
        time = c.items("travel_time")[origin] * c.items("hourly_wage")[origin]
        worth = worth + number * (time + sum(c.items(part)[origin] for part in parts))
    return [Line("人次/yr", sum(visits.values()), worth)]


def recreation(c: County) -> Lines:
    """Visits of residents at the price of a visit."""
    visits = c.statistic("local_visits")
    return [Line("人次/yr", visits, visits * c.number("local_visit_price"))]


def landscape_premium(c: County) -> Lines:
    """Floor area and room nights that have a fine view, at what is paid for it."""
    area, nights = c.statistic("benefiting_floor_area"), c.statistic("hotel_room_nights")
    return [
        Line("m²", area, area * c.number("landscape_premium")),
        Line("间夜/yr", nights, nights * c.number("room_premium")),
    ]


# ------------------------------------------------------------------------------------ standards


@cache
def mee_2020(c: County) -> Account:
    """The guideline of 2020: full cost of reservoirs, no P, carbon by afforestation, oxygen."""
    full = water_price(c, "full")
    carbon = net_ecosystem_production(c)
    return {
        **gross_products(c),
        "water_supply": water_supply(c),
        "hydropower": energy(c, "hydropower_generation"),
        "other_energy": energy(c, "other_energy_generation"),
        "other_products": money(c.statistic("other_product_gross_output")),
        "water_retention": water_retention(c, full),
        "soil_retention": soil_retention(c, soil_kept(c)),
        "sand_fixation": sand_fixation(c),
        "flood_mitigation": flood_mitigation(c, full, ALL_PARTS),
        "carbon_sequestration": carbon_sequestration(carbon, c.price("mee_2020/prices", "carbon")),
        "oxygen_release": oxygen_release(c, carbon * 44 / 12 * 32 / 44),
        "air_purification": air_purification(c, all_air(c)),
        "water_purification": water_purification(c, one_levy(c, "water", "cod", "tn", "tp")),
        "climate_regulation": cooling(
            c, divide=False, price=c.price("mee_2020/prices", "electricity")
        ),
        "species_conservation": species_conservation(c),
        "tourism": tourism(c),
        "landscape_premium": landscape_premium(c),
    }


@cache
def cn_2022(c: County) -> Account:
    """The national specification: contributions, yearly cost of reservoirs, P, market carbon."""
    annual = water_price(c, "annual")
    return {
        **contributions(c),
        "water_retention": water_retention(c, annual),
        "soil_retention": soil_retention(c, soil_kept(c, practice="table")),
        "sand_fixation": sand_fixation(c),
        "flood_mitigation": flood_mitigation(c, annual, ALL_PARTS),
        "air_purification": air_purification(c, all_air(c)),
        "water_purification": water_purification(c, one_levy(c, "water", "cod", "nh3n", "tp")),
        "carbon_sequestration": carbon_sequestration(
            net_ecosystem_production(c), c.price("cn_2022/prices", "carbon")
        ),
        "climate_regulation": cooling(
            c, divide=True, price=c.price("mee_2020/prices", "electricity")
        ),
        "noise_attenuation": noise_attenuation(c),
        "tourism": tourism(c),
        "recreation": recreation(c),
        "landscape_premium": landscape_premium(c),
    }


@cache
def zhejiang_2020(c: County) -> Account:
    """Zhejiang: value added, yearly cost of reservoirs, P, no sand, no mires, negative ions."""
    national, guideline, annual = cn_2022(c), mee_2020(c), water_price(c, "annual")
    return {
        **value_added(c),
        **{s: guideline[s] for s in ("water_supply", "hydropower", "other_energy")},
        "water_retention": water_retention(c, annual),
        "soil_retention": national["soil_retention"],
        "flood_mitigation": flood_mitigation(c, annual, ("vegetation", "lakes", "reservoirs")),
        "air_purification": guideline["air_purification"],
        "water_purification": national["water_purification"],
        "carbon_sequestration": guideline["carbon_sequestration"],
        "oxygen_release": guideline["oxygen_release"],
        "climate_regulation": national["climate_regulation"],
        "negative_ions": negative_ions(c),
        "tourism": tourism(c),
        "landscape_premium": landscape_premium(c),
    }


def lishui_2020(c: County) -> Account:
    """Lishui: as Zhejiang, with species and pests."""
    return {
        **zhejiang_2020(c),
        "species_conservation": species_conservation(c),
        "pest_control": pest_control(c),
    }


def jiangxi_2021(c: County) -> Account:
    """Jiangxi: as Zhejiang, but floods kept by plants only and no dust."""
    annual = water_price(c, "annual")
    return {
        **zhejiang_2020(c),
        "flood_mitigation": flood_mitigation(c, annual, ("vegetation",)),
        "air_purification": air_purification(c, one_levy(c, "air", "so2", "nox")),
    }


def shenzhen_2021(c: County) -> Account:
    """Shenzhen: full cost of reservoirs and electricity at its own prices, noise."""
    national, guideline = cn_2022(c), mee_2020(c)
    full = water_price(c, "full", "shenzhen_2021/prices")
    return {
        **gross_products(c),
        "water_supply": guideline["water_supply"],
        "water_retention": water_retention(c, full),
        "soil_retention": national["soil_retention"],
        "flood_mitigation": flood_mitigation(c, full, ("vegetation", "lakes", "reservoirs")),
        "air_purification": guideline["air_purification"],
        "water_purification": national["water_purification"],
        "carbon_sequestration": guideline["carbon_sequestration"],
        "oxygen_release": guideline["oxygen_release"],
        "climate_regulation": cooling(
            c, divide=True, price=c.price("shenzhen_2021/prices", "electricity")
        ),
        "noise_attenuation": noise_attenuation(c),
        "tourism": tourism(c),
        "recreation": recreation(c),
        "landscape_premium": landscape_premium(c),
    }


def beijing_2022(c: County) -> Account:
    """Beijing: as the national specification."""
    return cn_2022(c)


def shandong_2022(c: County) -> Account:
    """Shandong: as the guideline, with the province's levies; recreation, no other products."""
    main, other = (c.price("shandong_2022/prices", n) for n in ("air_levy", "air_levy_other"))
    # Total nitrogen, which the law does not list, pays as ammonia nitrogen does.
    chief, rest = (c.price("shandong_2022/prices", n) for n in ("water_levy", "water_levy_other"))
    left_out = ("other_products", "landscape_premium")
    return {
        **{service: lines for service, lines in mee_2020(c).items() if service not in left_out},
        "air_purification": air_purification(c, {"so2": main, "nox": main, "dust": other}),
        "water_purification": water_purification(c, {"cod": chief, "tn": chief, "tp": rest}),
        "recreation": recreation(c),
    }


def gbt_46869_2025(c: County) -> Account:
    """GB/T 46869: energy of evapotranspiration; products from outside the area are deducted."""
    left_out = ("other_products", "noise_attenuation")
    return {
        **{service: lines for service, lines in cn_2022(c).items() if service not in left_out},
        "climate_regulation": cooling_by_evapotranspiration(
            c, c.price("mee_2020/prices", "electricity")
        ),
        "imported_products": money(-c.statistic("imported_ecosystem_products")),
    }


def gbt_38582_2020(c: County) -> Account:
    """GB/T 38582: forest and shrub, at the prices of the forest industry's standard."""
    numbers, prices = "ly_t_1721_2008/parameters", "ly_t_1721_2008/prices"

    def price(name: str) -> float:
        return c.price(prices, name)

    # Fertiliser that holds a tonne of the nutrient, and organic matter, CNY/t.
    nutrient = {
        "N": price("diammonium_phosphate") / c.item(numbers, "dap_nitrogen"),
        "P": price("diammonium_phosphate") / c.item(numbers, "dap_phosphorus"),
        "K": price("potassium_chloride") / c.item(numbers, "kcl_potassium"),
        "OM": price("organic_matter"),
    }
    names = {"N": "nitrogen", "P": "phosphorus", "K": "potassium"}
    saved = c.number("potential_soil_erosion") - c.number("actual_soil_erosion")  # t/hm²
    soil = c.sum(saved / HECTARE, WOODS)
    moved = soil / c.number("soil_bulk_density") * price("earth_moving")
    contents = {k: c.number(f"soil_{n}_content") / 1000 for k, n in names.items()}
    contents["OM"] = c.number("soil_organic_matter") / 1000  # g/kg
    grown = dry_matter(c, WOODS)
    in_plants = {k: grown * c.number(f"plant_{n}_content") / 1000 for k, n in names.items()}
    # Q = 10·A·(P − E − C): what is neither evaporated nor runs off.
    water = c.sum(water_balance(c) / 1000, WOODS)
    carbon = grown * c.item(numbers, "co2_per_dry_matter") * c.item(numbers, "carbon_per_co2")
    carbon = carbon + c.number("soil_carbon_sequestration") * c.sum(1 / HECTARE, WOODS)
    oxygen = c.item(numbers, "oxygen_per_dry_matter") * grown
    treated = {"so2": "sulfur_dioxide", "nox": "nitrogen_oxides", "dust": "dust"}
    numbers = "gbt_38582_2020/air_absorption"
    air = {p: c.sum(c.by_class(numbers, p) / 1000 / HECTARE, WOODS) for p in treated}
    rare = sum(
        c.number(f"{kind}_index") for kind in ("endangered_species", "endemic_species", "old_tree")
    )
    species = c.sum(species_worth(c, prices) / HECTARE, WOODS)
    return {
        "forestry": forestry(c),
        "soil_retention": [
            Line("tsoil/yr", soil, moved),
            *(Line(f"t{k}/yr", soil * f, soil * f * nutrient[k]) for k, f in contents.items()),
        ],
        "nutrient_retention": [
            Line(f"t{k}/yr", mass, mass * nutrient[k]) for k, mass in in_plants.items()
        ],
        "water_retention": [Line("m³/yr", water, water * price("reservoir_capacity"))],
        "water_purification": [Line("m³/yr", water, water * c.number("water_treatment_cost"))],
        "carbon_sequestration": [Line("tC/yr", carbon, carbon * price("carbon"))],
        "oxygen_release": [Line("tO2/yr", oxygen, oxygen * price("oxygen"))],
        "negative_ions": negative_ions(c),
        "air_purification": [
            Line(AIR[p][1], mass, mass * price(f"{treated[p]}_treatment"))
            for p, mass in air.items()
        ],
        "species_conservation": money((1 + 0.1 * rare) * species),
        "tourism": money(c.statistic("forest_recreation_receipts")),
    }


def xie_2015(c: County) -> Account:
    """Equivalent factors: Σ A·e·D, D the value of one standard equivalent."""
    columns = table("xie_2015/equivalents").columns
    services = [s for s in columns if s not in ("ecosystem", "source", "verified", "note")]
    worth = c.price("xie_2015/prices", "standard_equivalent")  # CNY/hm²
    return {
        service: money(c.sum(c.by_class("xie_2015/equivalents", service) * worth / HECTARE))
        for service in services
    }


STANDARDS: dict[str, Callable[[County], Account]] = {
    function.__name__: function
    for function in (
        mee_2020,
        cn_2022,
        zhejiang_2020,
        lishui_2020,
        shenzhen_2021,
        beijing_2022,
        jiangxi_2021,
        shandong_2022,
        gbt_46869_2025,
        gbt_38582_2020,
        xie_2015,
    )
}


# What another rule that a standard offers changes: the services that are compared.

PRACTICE = "soil_retention_with_practice"


def mee_variants(c: County) -> dict[str, Account]:
    """Variants of the guideline of 2020, some together."""
    full, annual = water_price(c, "full"), water_price(c, "annual")
    carbon_price = c.price("mee_2020/prices", "carbon")
    electricity = c.price("mee_2020/prices", "electricity")
    production, plant_matter = net_primary_production(c), dry_matter(c)
    ratio = c.number("nep_npp_ratio")
    air, water = all_air(c), one_levy(c, "water", "cod", "tn", "tp")
    discharged = one_levy(c, "water", "cod", "nh3n")

    def carbon(mass: Floats) -> Lines:
        return carbon_sequestration(mass, carbon_price)

    def soil(**how: Any) -> Account:
        return {"soil_retention": soil_retention(c, soil_kept(c, **how))}

    return {
        "water_retention_by_supply"
        "+sand_fixation_two_step"
        "+carbon_sequestration_by_rate"
        "+oxygen_release_from_npp"
        "+air_purification_by_capacity"
        "+water_purification_by_capacity"
        "+climate_regulation_efficiency"
        f"+{PRACTICE}"
        "+support_practice_factor_by_slope": {
            "water_retention": water_retention_by_supply(c, full),
            "sand_fixation": sand_fixation(c, "two_step"),
            "carbon_sequestration": carbon(carbon_by_rate(c)),
            "oxygen_release": oxygen_release(c, production * 32 / 12),
            "air_purification": air_purification(c, air, "capacity"),
            "water_purification": water_purification(c, water, "capacity"),
            "climate_regulation": cooling(c, divide=True, price=electricity),
            **soil(practice="by_slope"),
        },
        "water_retention_annualised"
        "+carbon_sequestration_photosynthesis"
        "+oxygen_release_photosynthesis"
        "+air_purification_by_emission"
        "+water_purification_by_emission"
        "+climate_regulation_by_evapotranspiration"
        f"+{PRACTICE}"
        "+support_practice_factor_contour": {
            "water_retention": water_retention(c, annual),
            "carbon_sequestration": [
                Line("tCO2/yr", 1.63 * plant_matter, 1.63 * plant_matter * carbon_price)
            ],
            "oxygen_release": oxygen_release(c, 1.19 * plant_matter),
            "air_purification": air_purification(c, air, "emission"),
            "water_purification": water_purification(c, discharged, "emission"),
            "climate_regulation": cooling_by_evapotranspiration(c, electricity),
            **soil(practice="contour"),
        },
        "water_retention_clipped+soil_retention_fertiliser+net_ecosystem_production_by_ratio": {
            "water_retention": water_retention(c, full, np.maximum(water_balance(c), 0)),
            "soil_retention": soil_retention_fertiliser(c, soil_kept(c)),
            "carbon_sequestration": carbon(ratio * production),
        },
        "water_retention_by_runoff_reduction"
        "+net_ecosystem_production_from_dry_matter"
        "+cover_factor_by_land_use": {
            "water_retention": water_retention_by_runoff_reduction(c, full),
            "carbon_sequestration": carbon(ratio * plant_matter * 72 / 162),
            **soil(cover="land_use"),
        },
        "surface_runoff_red_line"
        "+soil_erodibility_uncalibrated"
        "+slope_length_factor_rusle"
        "+slope_steepness_factor_rusle"
        "+cover_factor_logarithmic"
        f"+{PRACTICE}"
        "+support_practice_factor_weibei": {
            "water_retention": water_retention(c, full, water_balance(c, "mee_2020/runoff")),
            **soil(
                calibrated=False,
                length="rusle",
                steepness="rusle",
                cover="logarithmic",
                practice="weibei",
            ),
        },
        f"{PRACTICE}+cover_factor_linear+support_practice_factor_meadow": soil(
            cover="linear", practice="meadow"
        ),
        f"{PRACTICE}+slope_length_factor_usle+support_practice_factor_huanghua": soil(
            length="usle", practice="huanghua"
        ),
        "slope_steepness_factor_csle": soil(steepness="csle"),
    }


def variants(c: County) -> dict[str, Account]:
    """All standards with other rules that are compared, each with what they change."""
    full, market = water_price(c, "full"), water_price(c, "market")
    annual = water_price(c, "annual")
    electricity = c.price("mee_2020/prices", "electricity")
    traded = c.price("cn_2022/prices", "carbon")
    temperature = {"climate_regulation": cooling_by_temperature(c, electricity)}
    return {
        **{f"mee_2020+{name}": account for name, account in mee_variants(c).items()},
        "cn_2022+water_retention_full_cost"
        "+flood_mitigation_full_cost"
        "+climate_regulation_by_evapotranspiration": {
            "water_retention": water_retention(c, full),
            "flood_mitigation": flood_mitigation(c, full, ALL_PARTS),
            "climate_regulation": cooling_by_evapotranspiration(c, electricity),
        },
        "cn_2022+water_retention_by_supply": {
            "water_retention": water_retention_by_supply(c, annual),
        },
        "cn_2022+water_retention_market_price": {
            "water_retention": water_retention(c, market),
        },
        "beijing_2022+climate_regulation_by_temperature": temperature,
        "gbt_46869_2025+carbon_sequestration_by_rate+climate_regulation_by_temperature": {
            "carbon_sequestration": carbon_sequestration(carbon_by_rate(c), traded),
            **temperature,
        },
        "gbt_46869_2025+carbon_sequestration_by_biomass": {
            "carbon_sequestration": carbon_sequestration(carbon_by_biomass(c), traded),
        },
    }
