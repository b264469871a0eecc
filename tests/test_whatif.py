"""What if: other numbers and other land cover give what a run with them would give."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import tiny
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import gep
from gep.account import Account, Project
from gep.kept import FILE

COUNTY = Path(__file__).resolve().parents[1] / "examples" / "county"
SHAPE = (30, 40)
HA = 1e4
#: The zone "west" has no wetland, the map has no town.
WEST = 20


def write_data(folder: Path) -> dict[str, Any]:
    """Write a project of two zones of rectangles of cells, whose borders lie on cell edges."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(7)
    codes = rng.integers(1, 4, SHAPE)
    codes[:, :WEST] = np.minimum(codes[:, :WEST], 2)
    land = tiny.write_raster(folder / "land.tif", codes, nodata=0)
    fields = {
        "precipitation": (tiny.smooth(SHAPE, 900, 2000, 1, 0.03), "mm/yr"),
        "vegetation_cover": (tiny.smooth(SHAPE, 2, 100, 2, 0.03), "%"),
        "carbon_sequestration_rate": (tiny.smooth(SHAPE, 0, 8, 3), "tC/(hm²·yr)"),
    }
    inputs: dict[str, Any] = {
        "evapotranspiration": {"value": 600, "unit": "mm/yr"},
        "rainfall_erosivity": {"value": 6000, "unit": "MJ·mm/(hm²·h·yr)"},
        "soil_erodibility": {"value": 0.03, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"},
        "slope_length_factor": {"value": 2.5, "unit": "1"},
    }
    for name, (values, unit) in fields.items():
        path = tiny.write_raster(folder / f"{name}.tif", values, nodata=np.nan)
        inputs[name] = {"file": str(path), "unit": unit}
    west, south, east, north = tiny.rectangle(SHAPE).bounds
    middle = west + 30.0 * WEST
    halves = {
        "west": shapely.box(west, south, middle, north),
        "east": shapely.box(middle, south, east, north),
    }
    zones = tiny.write_zones(folder / "zones.gpkg", halves)
    rows = [
        (zone, name, value, unit)
        for name, unit in (("sulfur_dioxide_emission", "tSO2/yr"), ("visitors", "人次/yr"))
        for zone, value in (("west", 1.5), ("east", 70.0))
    ]
    return tiny.project(folder, land, zones, inputs, statistics=rows)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return write_data(tmp_path_factory.mktemp("whatif") / "data")


@pytest.fixture(scope="module")
def account(tables: dict[str, Any]) -> Account:
    return Project.build(**tables).run(workers=1)


@pytest.fixture(scope="module")
def by_tables() -> Account:
    return Project.load(COUNTY / "county_tables.toml").run()


def same(a: Account, b: Account) -> bool:
    """Say whether all numbers of two accounts agree to the last bit."""
    names = set(a.dataset.variables)
    return names == set(b.dataset.variables) and all(
        a.dataset[name].identical(b.dataset[name]) for name in names
    )


def close(a: Account, b: Account) -> None:
    for name in set(a.dataset.data_vars) | set(b.dataset.data_vars):
        left, right = a.dataset[name], b.dataset[name]
        np.testing.assert_allclose(
            left.sel(ecosystem=list(right["ecosystem"].to_numpy())).to_numpy()
            if "ecosystem" in left.dims
            else left.to_numpy(),
            right.to_numpy(),
            rtol=1e-12,
            err_msg=str(name),
        )


def money(account: Account, service: str, zone: str) -> float:
    rows = account.table
    return float(rows[(rows["service"] == service) & (rows["zone"] == zone)]["value"].sum())


# --------------------------------------------------------------------------- coefficients, prices


def test_another_price_gives_what_a_run_with_it_gives(
    tables: dict[str, Any], account: Account, reads: list[str]
) -> None:
    key, number = "prices.carbon", {"value": 1200, "unit": "CNY/tC", "price_year": 2020}
    ran = Project.build(**tables, coefficients={key: number | {"source": "me"}}).run()
    reads.clear()
    found = account.with_(prices={key: (1200, "CNY/tC")})
    assert reads == []
    assert same(found.account, ran)
    rows = found.difference.set_index(["service", "zone"])
    assert list(found.difference.columns) == [
        *("service", "zone", "before", "after", "change", "currency")
    ]
    for zone in ("west", "east"):
        row = rows.loc["carbon", zone]
        assert row["before"] == pytest.approx(money(account, "carbon", zone), rel=1e-12)
        assert row["after"] == pytest.approx(row["before"] * 1200 / 773, rel=1e-12)
        assert row["change"] == row["after"] - row["before"]
        assert row["currency"] == "CNY"
    others = found.difference[found.difference["service"] != "carbon"]
    assert set(others["service"]) == {"water", "soil", "cleaning", "visits"}
    assert (others["change"] == 0).all()
    assert (found.quantities["change"] == 0).all()
    total = float(account.total(())["value"].iloc[0])
    after = float(found.account.total(())["value"].iloc[0])
    assert repr(found) == f"{total:,.2f} → {after:,.2f} CNY ({after - total:+,.2f})"


def test_a_coefficient_inside_a_formula_per_cell_reads_only_its_own_rasters(
    tables: dict[str, Any], account: Account, reads: list[str]
) -> None:
    given_ = {"factors.b.forest": {"value": 1.25, "unit": "1", "source": "me"}}
    ran = Project.build(**tables, coefficients=given_).run()
    reads.clear()
    found = account.with_(coefficients={"factors.b.forest": (1.25, "1")})
    assert set(reads) == {"land", "vegetation_cover"}
    assert same(found.account, ran)
    changed = found.difference[found.difference["change"] != 0]
    assert list(changed["service"]) == ["soil", "soil"]
    assert set(found.quantities[found.quantities["change"] != 0]["indicator"]) == {"Q"}


@settings(max_examples=15)
@given(first=st.floats(0.01, 1e4), second=st.floats(0.01, 1e4))
def test_money_is_linear_in_a_price(account: Account, first: float, second: float) -> None:
    def value(price: float) -> pd.Series:
        prices = {"prices.reservoir": (price, "CNY/m³")}
        rows = account.with_(prices=prices).difference
        return rows[rows["service"] == "water"]["after"]

    together = value(first + second)
    np.testing.assert_allclose(value(first) + value(second), together, rtol=1e-12)
    np.testing.assert_allclose(value(3 * first), 3 * value(first), rtol=1e-12)


def test_the_account_says_what_was_changed(account: Account, tmp_path: Path) -> None:
    dear = {"value": 2, "unit": "万元/tC", "price_year": 2020, "source": "a guess"}
    first = account.with_(prices={"prices.carbon": dear}).account
    both = first.with_(coefficients={"factors.alpha.forest": (10, "%")}).account
    told = [
        {
            "coefficients": {
                "prices.carbon": {
                    "value": 2.0,
                    "unit": "万元/tC",
                    "source": "a guess",
                    "price_year": 2020,
                }
            }
        },
        {
            "coefficients": {
                "factors.alpha.forest": {"value": 10.0, "unit": "%", "source": "what-if"}
            }
        },
    ]
    assert both.provenance["what_if"] == told
    assert "what_if" not in account.provenance
    assert both.provenance["title"] == "A tiny project (what-if / 假设情景)"
    row = both.provenance["services"]["water"]["coefficients"]["alpha"]["rows"]["forest"]
    assert (row["source"], row["row"], row["value"]) == ("what-if", "project: forest", 0.1)
    assert both.provenance["notes"][-2:] == [
        "what-if: prices.carbon = 2 万元/tC",
        "what-if: factors.alpha.forest = 10 %",
    ]
    loaded = Account.load(both.save(tmp_path / "out"))
    assert loaded.provenance["what_if"] == told


def test_a_price_as_a_pair_is_at_the_prices_of_the_account(account: Account) -> None:
    found = account.with_(prices={"prices.carbon": (1200, "CNY/tC")}).account
    rows = found.provenance["services"]["carbon"]["coefficients"]["p"]["rows"]
    assert [row["price_year"] for row in rows.values()] == [2020]
    assert found.provenance["what_if"][0]["coefficients"]["prices.carbon"]["price_year"] == 2020


def test_an_account_of_tables_too(by_tables: Account) -> None:
    key = "rcees_2017/runoff.alpha.dry_cropland"
    found = by_tables.with_(coefficients={key: (20, "%")})
    assert set(found.difference[found.difference["change"] != 0]["service"]) == {"water_retention"}
    assert (found.difference["change"] >= 0).all()  # less runs off


# ----------------------------------------------------------------------------------- transitions


def cells(account: Account, folder: Path) -> dict[str, Any]:
    """Return the rasters of the account's project, for a calculation beside the engine."""
    found = {}
    for name in ("land", "precipitation", "carbon_sequestration_rate"):
        with rasterio.open(folder / f"{name}.tif") as dataset:
            found[name] = dataset.read(1)
    frame = account.sums.plan.project
    found["area"] = frame.grid.areas(frame.grid.window)
    return found


def test_land_that_changes_takes_the_mean_rates_of_its_new_class(
    tables: dict[str, Any], account: Account, reads: list[str]
) -> None:
    found = account.with_(land_cover_change=[("cropland", "forest", (20, "ha"), "west")])
    assert reads == []
    data = cells(account, Path(tables["land_cover"]["file"]).parent)
    west = np.zeros(SHAPE, dtype=bool)
    west[:, :WEST] = True
    rate, expected = data["carbon_sequestration_rate"] / HA, 0.0
    for code, moved in ((1, 20 * HA), (2, -20 * HA)):
        here = west & (data["land"] == code)
        area = data["area"][here].sum()
        expected += (rate * data["area"])[here].sum() / area * (area + moved)
    assert money(found.account, "carbon", "west") == pytest.approx(expected * 773, rel=1e-12)
    assert money(found.account, "carbon", "east") == money(account, "carbon", "east")
    # What is given for the zone stays, and what is limited by it may stay too.
    rows = found.difference.set_index(["service", "zone"])["change"]
    assert rows["visits", "west"] == 0
    capacity = {"forest": 0.15, "cropland": 0.02}
    with rasterio.open(Path(tables["inputs"]["vegetation_cover"]["file"])) as dataset:
        cover = dataset.read(1) / 100
    total = 0.0
    for code, (name, moved) in enumerate({"forest": 20 * HA, "cropland": -20 * HA}.items(), 1):
        here = west & (data["land"] == code)
        area = data["area"][here].sum()
        sums = np.nansum((cover * data["area"])[here]) * (area + moved) / area
        total += capacity[name] * sums / HA
    assert money(found.account, "cleaning", "west") == pytest.approx(
        min(1.5, total) * 1260, rel=1e-12
    )


def test_a_class_new_to_a_zone_takes_its_rates_from_the_whole_area(
    tables: dict[str, Any], account: Account
) -> None:
    table = pd.DataFrame(
        {"from": ["forest"], "to": ["wetland"], "area": [5], "unit": ["ha"], "zone": ["west"]}
    )
    found = account.with_(land_cover_change=table).account
    data = cells(account, Path(tables["land_cover"]["file"]).parent)
    there = data["land"] == 3
    mean = (data["carbon_sequestration_rate"] * data["area"])[there].sum()
    mean /= data["area"][there].sum()
    got = found.dataset["carbon.Q"].sel(zone="west", ecosystem="wetland")
    assert float(got) == pytest.approx(mean * 5, rel=1e-12)
    assert float(found.dataset["area"].sel(zone="west", ecosystem="wetland")) == 5 * HA


def test_a_share_without_a_zone_is_of_every_zone_and_an_area_is_spread(account: Account) -> None:
    before = account.dataset["area"]
    by_share = account.with_(land_cover_change=[("cropland", "forest", 0.25)]).account
    total = float(before.sel(ecosystem="cropland").sum()) * 0.25
    by_area = account.with_(land_cover_change=[("cropland", "forest", (total, "m²"))]).account
    for found in (by_share, by_area):
        np.testing.assert_allclose(
            found.dataset["area"].sel(ecosystem="cropland"),
            0.75 * before.sel(ecosystem="cropland"),
            rtol=1e-12,
        )
    close(by_share, by_area)


SHARES = st.floats(0.0, 1.0)
PAIRS = st.sampled_from([(a, b) for a in tiny.CLASSES[:3] for b in tiny.CLASSES[:3] if a != b])


@settings(max_examples=25)
@given(pair=PAIRS, share=st.floats(0.001, 1.0), zone=st.sampled_from(["west", "east", None]))
def test_there_and_back_is_the_identity(
    account: Account, pair: tuple[str, str], share: float, zone: str | None
) -> None:
    before = account.dataset["area"].sel(ecosystem=pair[0])
    zones = ["west", "east"] if zone is None else [zone]
    moved = {z: float(before.sel(zone=z)) * share for z in zones}
    assume(sum(moved.values()) > 0)
    there = [(*pair, (m2, "m²"), z) for z, m2 in moved.items() if m2]
    back = [(pair[1], pair[0], amount, z) for _, _, amount, z in there]
    gone = account.with_(land_cover_change=there)
    assert (gone.difference["change"] != 0).any()
    close(gone.account.with_(land_cover_change=back).account, account)


@settings(max_examples=25)
@given(
    moves=st.lists(
        st.tuples(PAIRS, SHARES, st.sampled_from(["east", None])), max_size=2, min_size=1
    )
)
def test_area_is_conserved_and_every_rate_kept(
    account: Account, moves: list[tuple[tuple[str, str], float, str | None]]
) -> None:
    leaving: dict[tuple[str, str], float] = {}
    for (source, _), share, zone in moves:
        for z in [zone] if zone else ["west", "east"]:
            leaving[source, z] = leaving.get((source, z), 0.0) + share
    assume(all(total <= 1.0 for total in leaving.values()))
    rows = [(*pair, share, *([zone] if zone else [])) for pair, share, zone in moves]
    after = account.with_(land_cover_change=rows).account.dataset
    before = account.dataset
    np.testing.assert_allclose(
        after["area"].sum("ecosystem"), before["area"].sum("ecosystem"), rtol=1e-12
    )
    np.testing.assert_array_equal(after["no_land_cover"], before["no_land_cover"])
    for name in ("water.Q", "soil.V", "carbon.Q"):
        for ecosystem in after["ecosystem"].to_numpy():
            old = (before[name] / before["area"]).sel(ecosystem=ecosystem, zone="east")
            new = (after[name] / after["area"]).sel(ecosystem=ecosystem, zone="east")
            if np.isfinite(new):
                np.testing.assert_allclose(new, old, rtol=1e-12)


def test_changes_at_the_same_time_and_one_after_the_other(account: Account) -> None:
    one, two = ("cropland", "forest", (3, "ha"), "east"), ("forest", "wetland", (2, "ha"), "east")
    together = account.with_(land_cover_change=[one, two]).account
    prices = {"prices.reservoir": (9, "CNY/m³")}
    chained = account.with_(land_cover_change=[one]).account.with_(prices=prices)
    chained = chained.account.with_(
        land_cover_change=[two], prices={"prices.reservoir": (7.06, "CNY/m³")}
    )
    close(chained.account, together)
    assert [sorted(told) for told in chained.account.provenance["what_if"]] == [
        ["assumption", "land_cover_change"],
        ["coefficients"],
        ["assumption", "coefficients", "land_cover_change"],
    ]


def test_a_coefficient_inside_and_a_table_together(
    tables: dict[str, Any], account: Account
) -> None:
    inside = {"factors.b.forest": (1.25, "1")}
    change = [("cropland", "forest", 0.5)]
    one = account.with_(coefficients=inside, land_cover_change=change).account
    two = account.with_(land_cover_change=change).account.with_(coefficients=inside).account
    given_ = {"factors.b.forest": {"value": 1.25, "unit": "1", "source": "me"}}
    ran = Project.build(**tables, coefficients=given_).run()
    three = ran.with_(land_cover_change=change).account
    assert same(one, two)
    assert same(one, three)


def test_sums_kept_beside_a_scenario_are_those_of_the_map(
    tables: dict[str, Any], account: Account, tmp_path: Path, reads: list[str]
) -> None:
    moved = account.with_(land_cover_change=[("cropland", "forest", 0.5)]).account
    out = moved.save(tmp_path / "out")
    assert (out / FILE).read_bytes() == (account.save(tmp_path / "own") / FILE).read_bytes()
    project = Project.build(**tables)
    reads.clear()
    assert same(project.run(kept=out), account)
    assert reads == []
    with pytest.raises(AssertionError):
        close(moved, account)


def test_a_table_moves_no_cell_so_no_map_is_written(tables: dict[str, Any], tmp_path: Path) -> None:
    mapped = Project.build(**tables, outputs={"maps": ["carbon.Q"]}).run()
    out = mapped.with_(prices={"prices.carbon": (1, "CNY/tC")}).account.save(tmp_path / "price")
    assert (out / "maps").is_dir()
    out = mapped.with_(land_cover_change=[("cropland", "forest", 0.5)]).account.save(tmp_path / "t")
    assert not (out / "maps").exists()


def test_a_table_on_an_account_of_tables(by_tables: Account, tmp_path: Path) -> None:
    zone = str(by_tables.dataset["zone"].to_numpy()[0])
    source, target = "dry_cropland", "evergreen_broadleaf_forest"
    found = by_tables.with_(land_cover_change=[(source, target, (10, "ha"), zone)])
    folder = shutil.copytree(COUNTY, tmp_path / "county")
    extent = pd.read_csv(folder / "extent.csv", dtype={"zone": str})
    units = extent["unit"].unique()
    assert list(units) == ["km²"] or list(units) == ["ha"] or list(units) == ["m²"]
    ten = {"km²": 0.1, "ha": 10.0, "m²": 1e5}[units[0]]
    for name, sign in ((source, -1), (target, 1)):
        at = (extent["zone"] == zone) & (extent["ecosystem"] == name)
        assert at.sum() == 1
        extent.loc[at, "area"] = extent.loc[at, "area"].astype(float) + sign * ten
    extent.to_csv(folder / "extent.csv", index=False)
    ran = Project.load(folder / "county_tables.toml").run()
    close(found.account, ran)
    back = found.account.with_(land_cover_change=[(target, source, (10, "ha"), zone)])
    close(back.account, by_tables)


# ---------------------------------------------------------------------------------- a scenario map


def scenario_codes(tables: dict[str, Any]) -> Any:
    with rasterio.open(tables["land_cover"]["file"]) as dataset:
        codes = dataset.read(1)
    codes[5:15, 5:35] = 3
    codes[0, 0] = 4
    return codes


def test_a_scenario_map_gives_what_a_run_on_it_gives(
    tables: dict[str, Any], account: Account, tmp_path: Path
) -> None:
    codes = scenario_codes(tables)
    path = tiny.write_raster(tmp_path / "later.tif", codes, nodata=0)
    ran = Project.build(**json.loads(json.dumps(tables)) | _land(tables, path)).run()
    found = account.with_(land_cover_change=path)
    assert same(found.account, ran)
    told = found.account.provenance["what_if"][0]["land_cover_change"]
    assert told["file"] == str(path)
    assert told["sha256"] == found.account.provenance["inputs"][str(path)]
    assert found.account.provenance["grid"]["land_cover"] == str(path)
    x = tiny.CORNER[0] + 30.0 * (np.arange(SHAPE[1]) + 0.5)
    y = tiny.CORNER[1] - 30.0 * (np.arange(SHAPE[0]) + 0.5)
    array = xr.DataArray(codes, {"y": y, "x": x}, ("y", "x"), attrs={"crs": tiny.UTM}, name="later")
    assert same(account.with_(land_cover_change=array).account, ran)
    dearer = found.account.with_(prices={"prices.carbon": (1200, "CNY/tC")})
    assert money(dearer.account, "carbon", "east") == pytest.approx(
        money(ran, "carbon", "east") * 1200 / 773, rel=1e-12
    )


def _land(tables: dict[str, Any], path: Path) -> dict[str, Any]:
    return {"land_cover": tables["land_cover"] | {"file": str(path)}}


def test_the_same_map_is_no_change(
    tables: dict[str, Any], account: Account, reads: list[str]
) -> None:
    found = account.with_(land_cover_change=tables["land_cover"]["file"])
    assert reads == []
    assert (found.difference["change"] == 0).all()


def test_a_map_on_another_grid_is_refused(
    account: Account, tables: dict[str, Any], tmp_path: Path
) -> None:
    path = tiny.write_raster(tmp_path / "other.tif", scenario_codes(tables)[:20], nodata=0)
    message = (
        f"{path}: the scenario map has another grid\n"
        "  found: 40 × 20 cells, WGS 84 / UTM zone 50N, x 725000 to 726200, y 3099400 to 3100000; "
        "the account's map 40 × 30 cells, WGS 84 / UTM zone 50N, x 725000 to 726200, "
        "y 3099100 to 3100000\n"
        "  do: warp it onto the grid of the account's map (gdalwarp -te ... -tr ... -r near)"
    )
    with pytest.raises(gep.DataError) as error:
        account.with_(land_cover_change=path)
    assert str(error.value) == message


# ---------------------------------------------------------------------------------------- refusals


def test_a_loaded_account_says_how_to_go_on(account: Account, tmp_path: Path) -> None:
    out = account.save(tmp_path / "out")
    with pytest.raises(gep.UsageError) as error:
        Account.load(out).with_(prices={"prices.carbon": (1, "CNY/tC")})
    told = f"{out}: a loaded account holds results, not the class sums that a change acts on\n"
    told += "  do: compute it again and change that: Project.load(its project file)"
    told += f'.run(kept="{out}").with_(...)'
    assert str(error.value) == told + "; the kept class sums are used, so that no raster is read"
    (out / FILE).unlink()
    with pytest.raises(gep.UsageError) as error:
        Account.load(out).with_(prices={"prices.carbon": (1, "CNY/tC")})
    assert str(error.value) == told


WHERE = "what-if, land_cover_change"
HOW = (
    "\n  do: (from, to, (area, unit)) or (from, to, share), then the zone if it is one zone's; "
    "or a DataFrame with from, to, area and unit or share, and maybe zone"
)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": (
        {},
        "what-if: nothing is changed\n  do: give coefficients, prices or land_cover_change",
    ),
    "unknown coefficient": (
        {"coefficients": {"prices.carbn": (1, "CNY/tC")}},
        (
            "what-if, coefficients.prices.carbn: no rule uses the coefficient 'prices.carbn'\n"
            "  do: did you mean 'prices.carbon'?"
        ),
    ),
    "no price": (
        {"prices": {"factors.alpha.forest": (10, "%")}},
        (
            "what-if, prices.factors.alpha.forest: this is no price\n  found: [%]\n"
            "  do: give it under coefficients"
        ),
    ),
    "twice": (
        {
            "prices": {"prices.carbon": (1, "CNY/tC")},
            "coefficients": {"prices.carbon": (2, "CNY/tC")},
        },
        "what-if, prices.carbon: the number is changed twice\n  do: give it once",
    ),
    "unit": (
        {"prices": {"prices.carbon": (1, "CNY/tCO2")}},
        (
            "what-if, coefficients.prices.carbon: [CNY/tCO2] is not a unit of [CNY/tC]\n"
            "  found: CNY/CO2, not CNY/C"
        ),
    ),
    "class": (
        {"land_cover_change": [("forrest", "cropland", 0.1)]},
        f"{WHERE}, row 1: unknown class 'forrest'\n  do: did you mean 'forest'?",
    ),
    "zone": (
        {"land_cover_change": [("forest", "cropland", 0.1, "wset")]},
        f"{WHERE}, row 1: zone 'wset' is not among the zones\n  do: did you mean 'west'?",
    ),
    "to itself": (
        {"land_cover_change": [("forest", "forest", 0.1)]},
        f"{WHERE}, row 1: from and to are the same class\n  found: forest",
    ),
    "per cent": (
        {"land_cover_change": [("forest", "cropland", 10)]},
        (
            f"{WHERE}, row 1: a share lies between 0 and 1\n  found: 10\n"
            "  do: 10 % is 0.1; an area has a unit: (10, 'ha')"
        ),
    ),
    "negative": (
        {"land_cover_change": [("forest", "cropland", (-1, "ha"))]},
        f"{WHERE}, row 1: the area is no number of 0 or more\n  found: -1",
    ),
    "no area": (
        {"land_cover_change": [("forest", "cropland", (1, "km"))]},
        f"{WHERE}, row 1: [km] is no unit of area\n  found: length\n  do: say ha, km² or m²",
    ),
    "nothing there": (
        {"land_cover_change": [("wetland", "forest", 0.1, "west")]},
        f"{WHERE}, row 1: there is no wetland to change\n  found: west",
    ),
    "too much": (
        {"land_cover_change": [("wetland", "forest", 0.6), ("wetland", "cropland", 0.6)]},
        None,
    ),
    "not on the map": (
        {"land_cover_change": [("forest", "town", 0.1)]},
        (
            f"{WHERE}: no land of the class is on the map, so its rates are not known\n"
            "  found: town\n"
            "  do: give the land cover after the change as a map: land_cover_change = the raster"
        ),
    ),
    "row": (
        {"land_cover_change": [("forest", "town")]},
        f"{WHERE}, row 1: the row is not understood\n  found: ('forest', 'town'){HOW}",
    ),
    "both": (
        {
            "land_cover_change": pd.DataFrame(
                {"from": ["a"], "to": ["b"], "share": [0.1], "area": [1], "unit": ["ha"]}
            )
        },
        (
            f"{WHERE}, row 1: the row is not understood\n  found: "
            f"{{'from': 'a', 'to': 'b', 'share': 0.1, 'area': 1, 'unit': 'ha'}}{HOW}"
        ),
    ),
    "no table": (
        {"land_cover_change": 3},
        f"{WHERE}: this is no transition table\n  found: 3{HOW}",
    ),
    "empty": ({"land_cover_change": []}, f"{WHERE}: the transition table is empty{HOW}"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_and_what_to_do(account: Account, case: str) -> None:
    change, message = REFUSED[case]
    with pytest.raises((gep.DataError, gep.UsageError)) as error:
        account.with_(**change)
    if case == "too much":
        area = float(account.dataset["area"].sel(zone="east", ecosystem="wetland")) / HA
        message = (
            f"{WHERE}: more wetland is changed than there is in zone east\n"
            f"  found: {1.2 * area:.6g} ha of {area:.6g} ha\n  do: change less of it"
        )
    assert str(error.value) == message


def test_a_number_that_no_service_uses_is_refused(tables: dict[str, Any]) -> None:
    account = Project.build(**tables, services=["water", "soil"]).run()
    with pytest.raises(gep.DataError) as error:
        account.with_(prices={"prices.carbon": (1, "CNY/tC")})
    assert str(error.value) == (
        "what-if, prices.carbon: no computed service uses the coefficient\n"
        "  do: known: factors.alpha, factors.b, prices.reservoir, prices.soil"
    )


def test_one_table_under_two_names_is_told(tmp_path: Path) -> None:
    account = Project.load(COUNTY / "county.toml").run()
    found = account.with_(prices={"prices.reservoir_capacity": (9, "CNY/m³")})
    assert (found.difference["change"] != 0).any()
    with pytest.raises(gep.DataError) as error:
        account.with_(prices={"rcees_2017/prices.reservoir_capacity": (9, "CNY/m³")})
    assert str(error.value).endswith("do: did you mean 'prices.reservoir_capacity'?")


def test_all_problems_of_a_table_come_together(account: Account) -> None:
    rows = [("forrest", "cropland", 0.1), ("forest", "cropland", 7), ("forest", "forest", 0.1)]
    with pytest.raises(gep.DataError) as error:
        account.with_(land_cover_change=rows)
    assert len(error.value.problems) == 3


def test_a_map_after_a_table_and_a_map_without_one_are_refused(
    account: Account, by_tables: Account, tables: dict[str, Any]
) -> None:
    moved = account.with_(land_cover_change=[("cropland", "forest", 0.5)]).account
    with pytest.raises(gep.UsageError) as error:
        moved.with_(land_cover_change=tables["land_cover"]["file"])
    assert str(error.value) == (
        f"{WHERE}: a scenario map cannot follow a transition table\n"
        "  do: change the account without the table, or write both changes into the map"
    )
    with pytest.raises(gep.UsageError) as error:
        by_tables.with_(land_cover_change=tables["land_cover"]["file"])
    assert str(error.value) == (
        f"{WHERE}: the account has no land-cover map that another can replace\n"
        "  do: give a transition table, or a project with [land_cover]"
    )
