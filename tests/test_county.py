"""The synthetic county: made again bit by bit, consistent, and computed under every standard."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from click.testing import CliRunner

from gep import cli
from gep.comparison import PARTS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
COUNTY = EXAMPLES / "county"
PROJECT = COUNTY / "standards.toml"
OTHERS = (
    "cn_2022",
    "zhejiang_2020",
    "lishui_2020",
    "shenzhen_2021",
    "beijing_2022",
    "jiangxi_2021",
    "shandong_2022",
    "gbt_46869_2025",
)
#: Written by hand, beside the project files.
BY_HAND = {"carbon_by_class.csv", "et_by_class.csv", "npp_by_class.csv"}
LARGEST_FOLDER = 1_200_000
USES = ("domestic", "industrial", "agricultural")

Numbers = dict[tuple[str, str], dict[str, float]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the county made again."""
    out = tmp_path_factory.mktemp("county")
    command = [sys.executable, EXAMPLES / "make_county.py", "--out", out]
    subprocess.run(command, check=True)
    return out


@pytest.fixture(scope="module")
def statistics() -> Numbers:
    """Return (quantity, item) -> zone -> value, of both files."""
    found: Numbers = defaultdict(dict)
    for name in ("statistics.csv", "statistics_standards.csv"):
        with (COUNTY / name).open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                zones = found[row["quantity"], row["item"]]
                assert row["zone"] not in zones, row
                zones[row["zone"]] = float(row["value"])
    return found


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that `gep compare` wrote."""
    out = tmp_path_factory.mktemp("compared") / "out"
    named = [part for name in OTHERS for part in ("--with", name)]
    arguments = ["compare", str(PROJECT), *named, "--lang", "en", "--out", str(out)]
    result = CliRunner().invoke(cli.cli, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return out


def test_the_county_is_made_again_byte_for_byte(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    assert {p.name for p in COUNTY.iterdir() if p.suffix != ".toml"} - BY_HAND == names
    differ = [n for n in sorted(names) if (made / n).read_bytes() != (COUNTY / n).read_bytes()]
    for name in differ:  # another GDAL may compress otherwise: then the contents are the same
        assert name.endswith((".tif", ".gpkg")), name
        _same_contents(made / name, COUNTY / name)


def _same_contents(one: Path, other: Path) -> None:
    if one.suffix == ".gpkg":
        import geopandas as gpd

        left, right = gpd.read_file(one), gpd.read_file(other)
        assert left.equals(right), one.name
        return
    with rasterio.open(one) as left, rasterio.open(other) as right:
        assert left.profile == right.profile, one.name
        assert left.descriptions == right.descriptions, one.name
        assert left.tags() == right.tags(), one.name
        assert np.array_equal(left.read(), right.read(), equal_nan=True), one.name


def test_everything_says_that_it_is_synthetic() -> None:
    assert sum(path.stat().st_size for path in COUNTY.iterdir()) < LARGEST_FOLDER
    for path in COUNTY.glob("*.tif"):
        with rasterio.open(path) as raster:
            assert "Synthetic" in raster.tags()["NOTE"], path.name
    for path in COUNTY.glob("*.csv"):
        assert set(pd.read_csv(path)["source"]) == {"synthetic"}, path.name


def test_the_months_add_up_to_the_year() -> None:
    with (
        rasterio.open(COUNTY / "rain.tif") as year,
        rasterio.open(COUNTY / "monthly_rain.tif") as m,
    ):
        months = m.read().astype(np.float64)
        assert len(months) == 12
        assert np.array_equal(months.sum(axis=0), year.read(1).astype(np.float64))
    with rasterio.open(COUNTY / "storms.tif") as storms:
        rain = dict(zip(storms.descriptions, storms.read().astype(np.float64), strict=True))
    assert (rain["june"] < months[5]).all()
    assert (rain["july"] < months[6]).all()
    assert (rain["september"] < months[8]).all()


def test_the_statistics_agree_with_each_other(statistics: Numbers) -> None:
    with PROJECT.open("rb") as stream:
        timber = tomllib.load(stream)["inputs"]["timber_price"]["value"]
    products = {
        "crop": ("crop_harvest", "crop_price"),
        "forestry": ("forest_product_harvest", "forest_product_price"),
        "livestock": ("livestock_product_output", "livestock_product_price"),
        "fishery": ("fishery_product_output", "fishery_product_price"),
    }
    for branch, (harvest, price) in products.items():
        for zone, net in statistics[f"{branch}_net_output", ""].items():
            worth = sum(
                amounts[zone] * statistics[price, item][zone]
                for (quantity, item), amounts in statistics.items()
                if quantity == harvest
            )
            if branch == "forestry":
                worth += statistics["timber_harvest", ""][zone] * timber
            gross = statistics[f"{branch}_gross_output", ""][zone]
            spent = statistics[f"{branch}_human_inputs", ""][zone]
            added = statistics[f"{branch}_value_added", ""][zone]
            assert gross == pytest.approx(worth / 1e4, rel=1e-9)
            assert gross - spent == pytest.approx(net, abs=1e-5)
            assert 0 < spent < gross
            assert net < added < gross
    for zone, visitors in statistics["visitors", ""].items():
        origins = [v[zone] for (name, _), v in statistics.items() if name == "origin_visits"]
        assert sum(origins) == round(visitors * 10_000)
        used = [statistics[f"{use}_water_use", ""][zone] for use in USES]
        assert statistics["water_use", ""][zone] == pytest.approx(sum(used), abs=1e-5)


def test_the_project_names_the_standards_it_is_compared_with() -> None:
    with PROJECT.open("rb") as stream:
        assert set(OTHERS) <= set(tomllib.load(stream)["compare_with"])


def test_the_check_is_clean() -> None:
    result = CliRunner().invoke(cli.cli, ["check", str(PROJECT)])
    assert result.exit_code == 0, result.output
    assert re.search(r"^0 errors, \d+ warnings?$", result.output, flags=re.MULTILINE)


def test_an_inland_county_lacks_the_coast_alone(compared: Path) -> None:
    table = pd.read_csv(compared / "compared.csv")
    assert tuple(table["standard"].unique()) == ("mee_2020", *OTHERS)
    assert set(table.loc[table["state"] == "not computed", "service"]) == {"coastal_protection"}
    values = table.loc[table["state"] == "computed", "value"]
    assert values.notna().all()
    assert (values[table["service"] != "imported_products"] > 0).all()


def test_the_decomposition_of_every_difference_adds_up(compared: Path) -> None:
    table = pd.read_csv(compared / "decomposition.csv")
    total = pd.read_csv(compared / "total.csv").set_index("standard")
    assert tuple(table["standard"].unique()) == OTHERS
    gap = (table[list(PARTS)].sum(axis=1) - table["difference"]).abs()
    assert (gap <= 1e-9 * table["difference"].abs()).all()
    reference: Any = total.loc["mee_2020", "value"]
    for name in OTHERS:
        row = total.loc[name]
        assert row[list(PARTS)].sum() == pytest.approx(
            row["value"] - reference, abs=1e-9 * reference
        )


def test_no_number_of_the_county_is_implausible(compared: Path) -> None:
    """Values a hectare as published accounts of hilly counties have them: no factor of ten is off."""
    area = pd.read_csv(COUNTY / "extent.csv")["area"].sum()  # hm²
    value = pd.read_csv(compared / "total.csv").set_index("standard")["value"]
    assert (value / area).between(5e4, 5e5).all()
    found = pd.read_csv(compared / "quantities.csv").set_index(["standard", "service", "indicator"])
    own = found.xs("mee_2020")["quantity"]
    assert 200 < own["water_retention", "Q"] / area / 10 < 900  # mm/yr
    assert 2 < own["carbon_sequestration", "Q"] / area < 15  # tCO2/(hm²·yr)
    assert 50 < own["flood_mitigation", "C_v"] / area / 10 < 300  # mm/yr
