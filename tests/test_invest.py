"""The InVEST standard: a peer's unit tests, and its rasters and tables cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio

import gep
from gep import library
from gep.account import Account
from gep.functions import FUNCTIONS
from gep.model import run_example

STANDARD = "invest_3"
CLASSES = {
    1: "forest",
    2: "shrub",
    3: "grassland",
    4: "cropland",
    5: "wetland",
    6: "open_water",
    7: "town",
    8: "bare",
}
#: Side of a pixel of the peer's inputs, m.
SIDE = 30.0
PIXEL = SIDE**2
#: A cell of EPSG:32650 at its central meridian is larger on the ground than on the map.
TRUE_OVER_MAP = 1 / 0.9996**2
#: Numbers agree to this, with the same cells valid.
RTOL = 1e-5
#: Half a unit in the last place of a float32 near 1.
EPS = 2.0**-24


# ------------------------------------------------------------------ the peer's own unit tests


def examples(service: str) -> list[dict[str, Any]]:
    """Return what each worked example of a rule gives when it is computed."""
    rule = library.standard(STANDARD).rules[service]
    return [run_example(rule, example, FUNCTIONS) for example in rule.examples]


def test_the_share_of_rain_that_evaporates_is_the_peers() -> None:
    shares = [0.9345682, 0.06896508, 1.0, 1.0, 0.6487423, 0.09090909]
    yields = [6.54317472, 931.03492164, 0.0, 0.0, 281.00613396, 1000.0]  # mm
    found = examples("water_yield")
    np.testing.assert_allclose([x["f"] for x in found], shares, atol=2e-7)
    np.testing.assert_allclose([x["Y"] / 10 for x in found], yields, atol=1e-6)


def test_potential_retention_is_the_peers() -> None:
    found = {x["CN"]: x for x in examples("flood_mitigation")}
    retention = {100: 0.0, 65: 136.769, 90: 28.222, 30: 592.667}
    np.testing.assert_allclose(
        [found[cn]["S"] for cn in retention], [*retention.values()], atol=1e-3
    )
    assert found[65]["Q"] == pytest.approx(37.4138373)
    assert found[65]["R"] == pytest.approx(0.68821833)
    assert found[30]["Q"] == pytest.approx(0.0036206, abs=1e-7)


def test_a_curve_number_of_zero_keeps_all_rain() -> None:
    rule = library.standard(STANDARD)["flood_mitigation"]
    example = rule.examples[0]
    dry = type(example)({**example.given, "CN": 0}, {}, "", None, 1.0, 1e-9)
    assert run_example(rule, dry, FUNCTIONS)["R"] == 1.0


def test_the_value_of_carbon_is_the_peers() -> None:
    stocks = [x["C"] for x in examples("carbon_storage")]
    assert stocks == [86, 28]
    losing, short, plain = examples("carbon_sequestration")
    assert losing["dC"] == -58
    assert losing["v"] == pytest.approx(59.00136, abs=5e-6)
    assert losing["NPV"] == pytest.approx(-3422.079, abs=1e-3)
    assert losing["NPV"] * 100 / 1e4 == pytest.approx(-34.2208, abs=1e-4)  # 100 pixels of 1 m²
    assert short["v"] == pytest.approx(40.87302, abs=5e-6)
    assert plain["NPV"] == -2494


def test_the_emission_of_disturbed_coast_is_the_peers() -> None:
    old, fresh = examples("carbon_sequestration_coastal")
    assert old["E_b"] == pytest.approx(0.3058625, rel=1e-6)
    assert old["Q"] == pytest.approx(1.5 - old["E_b"])  # what emits does not take up
    assert fresh["Q"] == pytest.approx(-(fresh["E_b"] + fresh["E_s"]))


def test_what_was_disturbed_is_emitted_in_all_years() -> None:
    rule = library.standard(STANDARD).rules["carbon_sequestration_coastal"]
    example = rule.examples[0]
    emitted = 0.0
    for year in range(200):
        then = type(example)({**example.given, "n": year}, {}, "", None, 1.0, 1e-9)
        emitted += run_example(rule, then, FUNCTIONS)["E_b"]
    assert emitted == pytest.approx(5.5, rel=1e-8)


def test_coastal_carbon_takes_up_or_emits() -> None:
    """Of 80 t in disturbed soil 20 t are emitted in the second half-life; nothing else emits."""
    inputs = {
        "coastal_biomass_disturbed": class_table("tCO2/ha", forest=0, cropland=0),
        "coastal_soil_disturbed": class_table("tCO2/ha", forest=0, cropland=80),
        "coastal_biomass_half_life": {"value": 1, "unit": "yr"},
        "coastal_soil_half_life": {"value": 1, "unit": "yr"},
        "coastal_biomass_accumulation": class_table("tCO2/(ha·yr)", forest=3, cropland=0.5),
        "coastal_soil_accumulation": class_table("tCO2/(ha·yr)", forest=1, cropland=9),
        "years_since_disturbance": {"value": 1, "unit": "yr"},
        "carbon_dioxide_price": {"value": 10, "unit": "CNY/tCO2"},
    }
    account = from_areas(
        ["carbon_sequestration"], inputs, f"{STANDARD}+carbon_sequestration_coastal"
    )
    assert account.total(())["value"].tolist() == pytest.approx([10 * 202.5 * (4 + 0.5 - 20)])


def test_hydropower_without_discount_is_worth_its_years() -> None:
    discounted, plain = examples("hydropower_present_value")
    assert discounted["NPV"] == pytest.approx(14502.5155, abs=1e-3)
    assert plain["NPV"] == pytest.approx(22166.083, abs=1e-3)


def test_storm_water_is_the_peers() -> None:
    (found,) = examples("stormwater_retention")
    assert found["V_r"] * 400 / 1e4 == pytest.approx(0.1)  # m³ on a cell of 400 m²
    assert found["V"] / found["V_r"] == pytest.approx(1.5)
    (load,) = examples("water_purification")
    assert load["L"] == pytest.approx(0.3)


# ------------------------------------------------------------------ without maps


def class_table(unit: str, **values: float) -> dict[str, Any]:
    """Return an input by class."""
    rows = {"ecosystem": [*values], "value": [*values.values()]}
    return {"table": pd.DataFrame(rows), "unit": unit}


def from_areas(services: list[str], inputs: dict[str, Any], standard: str = STANDARD) -> Account:
    """Run a project on 405 ha of forest and of cropland in one zone."""
    extent = {"zone": "a", "ecosystem": ["forest", "cropland"], "area": 202.5, "unit": "ha"}
    return gep.Project.build(
        title="areas",
        standard=standard,
        year=2020,
        price_year=2020,
        extent={"file": pd.DataFrame(extent)},
        services=services,
        inputs=inputs,
    ).run()


def test_a_change_of_minus_one_is_a_number() -> None:
    """The peer takes -1 for missing data and reports -198.0 t of its example."""
    account = from_areas(
        ["carbon_sequestration"],
        {
            "carbon_storage": class_table("tC/ha", forest=100, cropland=30),
            "carbon_storage_initial": class_table("tC/ha", forest=101, cropland=30),
            "land_cover_interval": {"value": 1, "unit": "yr"},
            "carbon_price": {"value": 10, "unit": "CNY/tC"},
            "annual_discount_rate": {"value": 0, "unit": "1"},
            "carbon_price_change": {"value": 0, "unit": "1"},
        },
    )
    assert float(account.dataset["carbon_sequestration.dC"].sum()) == pytest.approx(-202.5)
    assert account.total(())["value"].tolist() == pytest.approx([-2025])


def test_water_to_electricity_by_class() -> None:
    """Rain 1000 mm; nothing grows on half of it; a tenth of the other half's rain is consumed."""
    inputs = {
        "precipitation": {"value": 1000, "unit": "mm/yr"},
        "reference_evapotranspiration": {"value": 800, "unit": "mm/yr"},
        "evapotranspiration_coefficient": class_table("1", forest=1, cropland=0.5),
        "root_depth": class_table("mm", forest=1000, cropland=1),
        "soil_depth": {"value": 700, "unit": "mm"},
        "available_water_capacity": {"value": 20, "unit": "%"},
        "vegetated": class_table("1", forest=1, cropland=0),
        "seasonality_constant": {"value": 5, "unit": "1/yr"},
        "water_consumption": class_table("m³/(ha·yr)", forest=0, cropland=1000),
        "turbine_efficiency": {"value": 80, "unit": "%"},
        "hydropower_water_share": {"value": 0.5, "unit": "1"},
        "hydropower_head": {"value": 50, "unit": "m"},
        "hydropower_price": {"value": 0.3, "unit": "CNY/kWh"},
        "hydropower_cost": {"value": 1000, "unit": "CNY/yr"},
    }
    services = ["water_yield", "water_supply", "hydropower"]
    account = from_areas(services, inputs)
    w = 5 * 700 * 0.2 / 1000 + 1.25
    forest = 1000 * (1 - (1.8 - (1 + 0.8**w) ** (1 / w)))  # mm
    volume = 202.5 * 10 * (forest + (1000 - 400) - 100)
    energy = 0.00272 * 0.8 * 0.5 * 50 * volume
    assert float(account.dataset["water_supply.W"].sum()) == pytest.approx(volume)
    assert float(account.dataset["hydropower.E"].sum()) == pytest.approx(energy)
    assert account.total(())["value"].tolist() == pytest.approx([0.3 * energy - 1000])
    inputs["annual_discount_rate"] = {"value": 0, "unit": "1"}
    inputs["hydropower_life"] = {"value": 20, "unit": "yr"}
    whole = from_areas(services, inputs, f"{STANDARD}+hydropower_present_value")
    assert whole.total(())["value"].tolist() == pytest.approx([20 * (0.3 * energy - 1000)])


def test_storm_water_by_soil_group() -> None:
    shares = {"a": 0.9, "b": 0.7, "c": 0.5, "d": 0.2}
    inputs = {
        f"stormwater_retention_{g}": class_table("1", forest=x, cropland=x / 2)
        for g, x in shares.items()
    }
    inputs |= {
        "precipitation": {"value": 600, "unit": "mm/yr"},
        "stormwater_replacement_cost": {"value": 1.5, "unit": "CNY/m³"},
        "event_mean_concentration": class_table("mg/L", forest=2, cropland=8),
    }
    for group, share in enumerate(shares.values(), start=1):
        inputs["soil_hydrologic_group"] = {"value": group, "unit": "1"}
        account = from_areas(["stormwater_retention", "water_purification"], inputs)
        forest, cropland = (202.5 * 6000 * share * part for part in (1, 0.5))
        load = float(account.dataset["water_purification.L"].sum())
        assert load == pytest.approx((2 * forest + 8 * cropland) / 1000)
        value = account.total(())["value"].tolist()
        assert value == pytest.approx([1.5 * (forest + cropland)])


# ------------------------------------------------------------------ the peer's rasters


@pytest.fixture(scope="module")
def golden(real: Path) -> Path:
    """The peer's inputs and outputs, beside the folder of real data."""
    for folder in (real.parent / "golden", real / "golden"):
        if folder.is_dir():
            return folder
    return pytest.skip("the peer's outputs are not here: the folder golden/ beside data/")


@dataclass
class Peer:
    """The peer's files, and projects on its inputs."""

    folder: Path
    scratch: Path

    def table(self, name: str, column: str, factor: float = 1.0) -> pd.DataFrame:
        """Return a column of a table by land-cover code as a class table."""
        frame = pd.read_csv(self.folder / "inputs" / name).set_index("lucode")
        values = frame[column] * factor
        return pd.DataFrame({"ecosystem": [CLASSES[c] for c in values.index], "value": [*values]})

    def raster(self, name: str, unit: str) -> dict[str, Any]:
        """Return an input that is a raster of the peer's inputs."""
        return {"file": str(self.folder / "inputs" / name), "unit": unit}

    def output(self, name: str) -> np.ndarray:
        """Return a raster that the peer wrote; NaN where it has no value."""
        return read(self.folder / "outputs" / name)

    def results(self, name: str) -> pd.DataFrame:
        """Return a table that the peer wrote."""
        return pd.read_csv(self.folder / "outputs" / name)

    def write(self, name: str, values: np.ndarray) -> str:
        """Write an array on the peer's grid; return the path."""
        with rasterio.open(self.folder / "inputs" / "dem.tif") as like:
            profile = like.profile | {"dtype": "float64", "nodata": np.nan}
        path = self.scratch / name
        with rasterio.open(path, "w", **profile) as dataset:
            dataset.write(values, 1)
        return str(path)

    def run(self, name: str, services: list[str], maps: list[str], **tables: Any) -> Run:
        """Run a project on the peer's zones and land cover, with maps."""
        legend = self.scratch / "peer_legend.toml"
        legend.write_text(
            'title = { en = "The peer\'s codes", zh = "对照代码" }\nsource = "inputs"\nnodata = [255]\n'
            "[codes]\n"
            + "".join(f'{c} = {{ en = "{n}", zh = "{n}" }}\n' for c, n in CLASSES.items())
            + "[to.national_ecosystems]\n"
            + "".join(f'{c} = "{n}"\n' for c, n in CLASSES.items()),
            encoding="utf-8",
        )
        cover = tables.pop("land_cover", "lulc_bas.tif")
        zones = geopandas.read_file(self.folder / "inputs" / "zones.gpkg")
        account = gep.Project.build(
            self.scratch,
            title="peer",
            standard=tables.pop("standard", STANDARD),
            year=2020,
            price_year=2020,
            zones={"file": zones, "id": "ws_id"},
            land_cover={"file": str(self.folder / "inputs" / cover), "legend": str(legend)},
            services=services,
            outputs={"maps": maps},
            **tables,
        ).run()
        account.save(self.scratch / name)
        return Run(account, self.scratch / name / "maps")


@dataclass
class Run:
    """An account and its maps."""

    account: Account
    maps: Path

    def cells(self, name: str) -> np.ndarray:
        """Return a map."""
        return read(self.maps / f"{name}.tif")

    def zones(self, name: str) -> np.ndarray:
        """Return the totals of a step by zone, in the order of ws_id."""
        array = self.account.dataset[name]
        array = array.sum("ecosystem") if "ecosystem" in array.dims else array
        return np.asarray(array.sel(zone=["1", "2", "3", "4"]).to_numpy())


def read(path: Path) -> np.ndarray:
    """Return a raster in float64, NaN where it has no value."""
    with rasterio.open(path) as dataset:
        values = dataset.read(1).astype(np.float64)
        if dataset.nodata is not None:
            values[values == dataset.nodata] = np.nan
    return values


def agree(ours: np.ndarray, peers: np.ndarray, atol: float | np.ndarray = 0.0) -> None:
    """Compare cell by cell: the same cells valid, and the values equal to 1e-5 (or ``atol``)."""
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(peers))
    excess = np.abs(ours - peers) - np.maximum(RTOL * np.abs(peers), atol)
    assert np.nanmax(excess) <= 0


def by_zone(values: np.ndarray) -> np.ndarray:
    """Return the sums of the cells of the four zones, which are quarters of the grid."""
    half = values.shape[0] // 2
    quarters = (
        values[:half, :half],
        values[:half, half:],
        values[half:, :half],
        values[half:, half:],
    )
    return np.array([np.nansum(q) for q in quarters])


@pytest.fixture(scope="module")
def peer(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Peer:
    return Peer(golden, tmp_path_factory.mktemp("peer"))


def pools(peer: Peer) -> dict[str, Any]:
    columns = {"above_ground": "above", "below_ground": "below", "soil": "soil", "dead": "dead"}
    return {
        f"carbon_{name}": {"table": peer.table("carbon_pools.csv", f"c_{column}"), "unit": "tC/ha"}
        for name, column in columns.items()
    }


@pytest.fixture(scope="module")
def carbon(peer: Peer) -> dict[str, Run]:
    """The stocks of both land covers; the change from the map of the first; from both maps."""
    stock, change = "carbon_storage.C", ["carbon_sequestration.dC", "carbon_sequestration.NPV"]

    def given(run: Run) -> dict[str, Any]:
        return {"file": str(run.maps / f"{stock}.tif"), "unit": "tC/ha"}

    before = peer.run("before", ["carbon_storage"], [stock], inputs=pools(peer))
    period = {
        "carbon_storage_initial": given(before),
        "land_cover_interval": {"value": 5, "unit": "yr"},
        "carbon_price": {"value": 200, "unit": "CNY/tC"},
        "annual_discount_rate": {"value": 4, "unit": "%"},
        "carbon_price_change": {"value": 1, "unit": "%"},
    }
    tables = {"land_cover": "lulc_alt.tif", "inputs": pools(peer) | period}
    after = peer.run(
        "after", ["carbon_storage", "carbon_sequestration"], [stock, *change], **tables
    )
    tables = {"land_cover": "lulc_alt.tif", "inputs": {"carbon_storage": given(after)} | period}
    both = peer.run("both", ["carbon_sequestration"], change, **tables)
    return {"before": before, "after": after, "both": both}


@pytest.mark.real_data
def test_carbon_cell_by_cell(peer: Peer, carbon: dict[str, Run]) -> None:
    before, after, both = carbon.values()
    agree(before.cells("carbon_storage.C"), peer.output("carbon/c_storage_bas.tif"))
    agree(after.cells("carbon_storage.C"), peer.output("carbon/c_storage_alt.tif"))
    agree(both.cells("carbon_sequestration.dC"), peer.output("carbon/c_change_bas_alt.tif"))
    agree(both.cells("carbon_sequestration.NPV"), peer.output("carbon/npv_alt.tif"))


@pytest.mark.real_data
def test_the_change_from_a_map_and_a_table_differs_by_the_rounding_of_the_map(
    peer: Peer, carbon: dict[str, Run]
) -> None:
    after = carbon["after"]
    rounding = EPS * 2 * peer.output("carbon/c_storage_bas.tif")
    peers = peer.output("carbon/c_change_bas_alt.tif")
    agree(after.cells("carbon_sequestration.dC"), peers, rounding)


@pytest.mark.real_data
def test_carbon_totals(peer: Peer, carbon: dict[str, Run]) -> None:
    before, after, both = carbon.values()
    peers = peer.results("carbon/raster_values_summary.csv").set_index("Filename")["Total"]
    ours = {
        "c_storage_bas.tif": before.zones("carbon_storage.C").sum(),
        "c_storage_alt.tif": after.zones("carbon_storage.C").sum(),
        "c_change_bas_alt.tif": both.zones("carbon_sequestration.dC").sum(),
        "npv_alt.tif": both.zones("carbon_sequestration.NPV").sum(),
    }
    for name, total in ours.items():
        assert total == pytest.approx(peers[name] * TRUE_OVER_MAP, rel=RTOL), name
    yearly = both.zones("carbon_sequestration.V").sum()
    assert yearly == pytest.approx(ours["npv_alt.tif"] / 5)


@pytest.fixture(scope="module")
def water(peer: Peer) -> Run:
    """Water yield, supply and hydropower; the consumption of a pixel is given per area."""

    def column(name: str, table: str = "awy_biophysical.csv", factor: float = 1.0) -> Any:
        return peer.table(table, name, factor)

    stations = pd.read_csv(peer.folder / "inputs" / "hydropower.csv")
    columns = {
        "turbine_efficiency": ("efficiency", "1"),
        "hydropower_water_share": ("fraction", "1"),
        "hydropower_head": ("height", "m"),
        "hydropower_price": ("kw_price", "CNY/kWh"),
        "hydropower_cost": ("cost", "CNY/yr"),
        "hydropower_life": ("time_span", "yr"),
        "annual_discount_rate": ("discount", "%"),
    }
    rows = [
        [str(row["ws_id"]), quantity, row[name], unit, "2020", "hydropower.csv"]
        for quantity, (name, unit) in columns.items()
        for row in stations.to_dict("records")
    ]
    names = ["zone", "quantity", "value", "unit", "year", "source"]
    return peer.run(
        "water",
        ["water_yield", "water_supply", "hydropower"],
        ["water_yield.f", "water_yield.AET", "water_yield.Y", "water_yield.PET"],
        standard=f"{STANDARD}+hydropower_present_value",
        inputs={
            "precipitation": peer.raster("precip.tif", "mm/yr"),
            "reference_evapotranspiration": peer.raster("eto.tif", "mm/yr"),
            "soil_depth": peer.raster("soil_depth.tif", "mm"),
            "available_water_capacity": peer.raster("pawc.tif", "1"),
            "evapotranspiration_coefficient": {"table": column("kc"), "unit": "1"},
            "root_depth": {"table": column("root_depth"), "unit": "mm"},
            "vegetated": {"table": column("lulc_veg"), "unit": "1"},
            "seasonality_constant": {"value": 5, "unit": "1/yr"},
            "water_consumption": {
                "table": column("demand", "demand.csv", 1 / PIXEL),
                "unit": "m³/(m²·yr)",
            },
        },
        statistics={"file": pd.DataFrame(rows, columns=names)},
    )


@pytest.mark.real_data
def test_water_yield_cell_by_cell(peer: Peer, water: Run) -> None:
    fraction = peer.output("awy/output__per_pixel__fractp.tif")
    agree(water.cells("water_yield.f"), fraction)
    agree(water.cells("water_yield.AET"), peer.output("awy/output__per_pixel__aet.tif"))
    depth = water.cells("water_yield.Y") / 10  # mm
    agree(depth, peer.output("awy/output__per_pixel__wyield.tif"))


@pytest.mark.real_data
def test_water_by_zone(peer: Peer, water: Run) -> None:
    """Means over cells with data are the peer's; its volume is the mean times the polygon's area."""
    peers = peer.results("awy/output__watershed_results_wyield.csv").sort_values("ws_id")
    known = np.isfinite(peer.output("awy/output__per_pixel__wyield.tif"))
    cells = by_zone(known)
    area = cells * PIXEL * TRUE_OVER_MAP
    means = {
        "wyield_mn": water.zones("water_yield.Y") / area * 1000,
        "AET_mn": water.zones("water_yield.AET") / area,
    }
    for name, values in means.items():
        np.testing.assert_allclose(values, peers[name], rtol=RTOL, err_msg=name)
    polygons = by_zone(np.ones_like(known)) / cells
    volume = water.zones("water_yield.Y") / TRUE_OVER_MAP * polygons
    np.testing.assert_allclose(volume, peers["wyield_vol"], rtol=RTOL)


@pytest.mark.real_data
def test_supply_and_hydropower_by_zone(peer: Peer, water: Run) -> None:
    """Where nothing is missing both agree; elsewhere yield and consumption are of the same cells."""
    peers = peer.results("awy/output__watershed_results_wyield.csv").sort_values("ws_id")
    depth = peer.output("awy/output__per_pixel__wyield.tif")
    demand = peer.output("awy/intermediate__demand.tif")
    supply = water.zones("water_supply.W") / TRUE_OVER_MAP
    np.testing.assert_allclose(supply, by_zone(depth * PIXEL / 1000 - demand), rtol=RTOL)
    whole = by_zone(np.isfinite(depth)) == depth.size / 4
    assert whole.tolist() == [False, True, True, False]
    np.testing.assert_allclose(supply[whole], peers["rsupply_vl"][whole], rtol=RTOL)
    for name, column in (("E", "hp_energy"), ("NPV", "hp_val")):
        found = water.zones(f"hydropower.{name}") / TRUE_OVER_MAP
        np.testing.assert_allclose(found[whole], peers[column][whole], rtol=RTOL)
        per_volume = peers[column].to_numpy() / peers["rsupply_vl"].to_numpy()
        np.testing.assert_allclose(found / supply, per_volume, rtol=RTOL)


@pytest.fixture(scope="module")
def flood(peer: Peer) -> Run:
    """One storm of 80 mm."""
    groups = {
        f"curve_number_{g}": {"table": peer.table("cn_table.csv", f"cn_{g}"), "unit": "1"}
        for g in "abcd"
    }
    return peer.run(
        "flood",
        ["flood_mitigation"],
        [f"flood_mitigation.{step}" for step in "SQRH"] + ["curve_number.CN"],
        inputs=groups
        | {
            "design_storm": {"value": 80, "unit": "mm/yr"},
            "soil_hydrologic_group": peer.raster("soil_group.tif", "1"),
        },
    )


@pytest.mark.real_data
def test_flood_cell_by_cell(peer: Peer, flood: Run) -> None:
    folder = "ufrm/intermediate_files__"
    agree(flood.cells("curve_number.CN"), peer.output(f"{folder}cn_raster.tif"))
    agree(flood.cells("flood_mitigation.S"), peer.output(f"{folder}s_max.tif"))
    # The peer takes P - 0.2 S from an S stored in float32: this is what its last place makes of Q.
    retention = peer.output(f"{folder}s_max.tif")
    rounding = 2 * np.maximum(80 - 0.2 * retention, 0) * 0.2 * retention * EPS
    rounding /= 80 + 0.8 * retention
    agree(flood.cells("flood_mitigation.Q"), peer.output("ufrm/Q_mm.tif"), rounding)
    agree(flood.cells("flood_mitigation.R"), peer.output("ufrm/Runoff_retention_index.tif"))
    retained = flood.cells("flood_mitigation.H") * PIXEL / 1e4
    agree(retained, peer.output("ufrm/Runoff_retention_m3.tif"))


@pytest.mark.real_data
def test_flood_by_zone(peer: Peer, flood: Run) -> None:
    peers = peer.results("ufrm/flood_risk_service.shp.csv").sort_values("ws_id")
    area = by_zone(np.isfinite(peer.output("ufrm/Q_mm.tif"))) * PIXEL * TRUE_OVER_MAP
    index = flood.zones("flood_mitigation.R") / area
    np.testing.assert_allclose(index, peers["rnf_rt_idx"], rtol=RTOL)
    retained = flood.zones("flood_mitigation.H") / TRUE_OVER_MAP
    np.testing.assert_allclose(retained, peers["rnf_rt_m3"], rtol=RTOL)
    runoff = flood.zones("flood_mitigation.Q") / 1000 / TRUE_OVER_MAP
    np.testing.assert_allclose(runoff, peers["flood_vol"], rtol=RTOL)


def soil(peer: Peer, name: str, **factor: Any) -> Run:
    """Run soil loss with the slope factor as given."""
    table = "sdr_biophysical.csv"
    return peer.run(
        name,
        ["soil_retention"],
        [f"soil_retention.{step}" for step in ("RKLS", "USLE", "Q")]
        + ["slope_length_steepness.LS"] * ("slope" in factor),
        inputs={
            "rainfall_erosivity": peer.raster("erosivity.tif", "MJ·mm/(ha·h·yr)"),
            "soil_erodibility": peer.raster("erodibility.tif", "tsoil·ha·h/(ha·MJ·mm)"),
            "cover_factor": {"table": peer.table(table, "usle_c"), "unit": "1"},
            "support_practice_factor": {"table": peer.table(table, "usle_p"), "unit": "1"},
            **factor,
        },
    )


@pytest.mark.real_data
def test_soil_loss_cell_by_cell(peer: Peer) -> None:
    """The peer leaves streams out: cells through which more than 50 cells drain."""
    flow = peer.output("sdr_d8/intermediate_outputs__flow_accumulation.tif")
    factor = peer.output("sdr_d8/intermediate_outputs__ls.tif")
    dry = peer.write("ls.tif", np.where(flow > 50, np.nan, factor))
    given = {"slope_length_steepness_factor": {"file": dry, "unit": "1"}}
    found = soil(peer, "soil", **given)
    agree(found.cells("soil_retention.RKLS"), peer.output("sdr_d8/rkls.tif"))
    agree(found.cells("soil_retention.USLE"), peer.output("sdr_d8/usle.tif"))
    agree(found.cells("soil_retention.Q"), peer.output("sdr_d8/avoided_erosion.tif"))
    for step, raster in (("USLE", "usle"), ("Q", "avoided_erosion")):
        total = found.zones(f"soil_retention.{step}") / TRUE_OVER_MAP
        peers = by_zone(peer.output(f"sdr_d8/{raster}.tif")) * PIXEL / 1e4
        np.testing.assert_allclose(total, peers, rtol=RTOL)


@pytest.mark.real_data
def test_slope_factor_cell_by_cell(peer: Peer) -> None:
    """The factor itself, from the peer's slope and flow accumulation; here streams are kept."""
    slope = peer.output("sdr_d8/intermediate_outputs__slope.tif")
    flow = peer.output("sdr_d8/intermediate_outputs__flow_accumulation.tif")
    degrees = peer.write("slope.tif", np.degrees(np.arctan(slope / 100)))
    area = peer.write("area.tif", flow * PIXEL)
    found = soil(
        peer,
        "slopes",
        slope={"file": degrees, "unit": "deg"},
        contributing_area={"file": area, "unit": "m²"},
        cell_size={"value": SIDE, "unit": "m"},
        slope_length_limit={"value": 122, "unit": "1"},
    )
    factor = peer.output("sdr_d8/intermediate_outputs__ls.tif")
    agree(found.cells("slope_length_steepness.LS"), factor)
    dry = np.isfinite(peer.output("sdr_d8/usle.tif"))
    ours = found.cells("soil_retention.USLE")
    assert np.isfinite(ours).sum() == np.isfinite(factor).sum() > dry.sum()
    agree(np.where(dry, ours, np.nan), peer.output("sdr_d8/usle.tif"))
