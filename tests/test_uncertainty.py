"""Uncertainty: every draw is what a run with those numbers gives, and intervals are what they say."""

from __future__ import annotations

import doctest
import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import gep
from gep.errors import GepError, UsageError
from gep.tables import Spread, load_table
from gep.uncertainty import Uncertainty, draws, engine, sensitivity, sobol, sobol_indices, spreads
from gep.uncertainty import uncertainty as _uncertainty
from gep.uncertainty.engine import CELL_DRAWS, Engine
from gep.uncertainty.monte_carlo import WHOLE_AREA, prepare

SHAPE = (300, 30)
RASTERS = {
    "precipitation": (900.0, 2100.0, "mm/yr"),
    "evapotranspiration": (300.0, 800.0, "mm/yr"),
    "rainfall_erosivity": (2000.0, 9000.0, "MJ·mm/(hm²·h·yr)"),
    "slope_length_factor": (0.5, 12.0, "1"),
    "vegetation_cover": (5.0, 95.0, "%"),
    "carbon_sequestration_rate": (0.5, 6.0, "tC/(hm²·yr)"),
}
STATISTICS = [
    *(("north", "sulfur_dioxide_emission", 2.0, "tSO2/yr"), ("north", "visitors", 3e4, "人次/yr")),
    *(("south", "sulfur_dioxide_emission", 90.0, "tSO2/yr"), ("south", "visitors", 5e4, "人次/yr")),
]
SPREAD = {
    "factors.alpha": ("normal", 0.1, "relative"),
    "factors.alpha.town": ("uniform", 0.6, 0.9, "1"),
    "factors.k": ("triangular", 0.5, 2.0, "relative"),
    "prices.reservoir": ("triangular", 5.0, 11.0),
    "prices.carbon": ("discrete", [500.0, 773.0, 1200.0], [1, 2, 1]),
    "prices.sulfur": ("lognormal", 1.3),
}
INPUTS = {
    "precipitation": {"shape": "normal", "sd": 0.05, "by": "zone"},
    "evapotranspiration": ("normal", 20, "mm/yr"),
    "visitors": ("lognormal", 1.2),
    "sulfur_dioxide_emission": {"north": ("uniform", 0.5, 1.5)},
}


def uncertainty(*args: Any, **how: Any) -> Uncertainty:
    return _uncertainty(*args, **{"seed": 1} | how)


def tables(folder: Path, values: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a project of two zones, four classes and six rasters; ``values`` replaces rasters."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(3)
    cover = np.repeat(np.repeat(rng.integers(1, 5, (30, 6)), 10, axis=0), 5, axis=1)
    land = tiny.write_raster(folder / "cover.tif", cover, nodata=0)
    inputs: dict[str, Any] = {
        "soil_erodibility": {"value": 0.04, "unit": "tsoil·hm²·h/(hm²·MJ·mm)"}
    }
    for number, (name, (low, high, unit)) in enumerate(RASTERS.items()):
        array = tiny.smooth(SHAPE, low, high, number, missing=0.02 * (number < 2))
        array = (values or {}).get(name, lambda x: x)(array)
        path = tiny.write_raster(folder / f"{name}.tif", array, nodata=-1.0)
        inputs[name] = {"file": str(path), "unit": unit, "range": [-1e6, 1e6]}
    whole = tiny.rectangle(SHAPE)
    west, south, east, north = whole.bounds
    middle = (south + north) / 2 + 7
    from shapely import box

    zones = {"north": box(west, middle, east, north), "south": box(west, south, east, middle)}
    path = tiny.write_zones(folder / "zones.gpkg", zones)
    return tiny.project(folder, land, path, inputs, statistics=STATISTICS, **more)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> gep.Account:
    return tiny.run(tables(tmp_path_factory.mktemp("tiny")))


def extent_account(
    folder: Path, coefficients: Mapping[str, Any] | None = None, **own: Any
) -> gep.Account:
    """Return an account without rasters: visits of one zone, worth 133 each, and carbon."""
    home = tiny.write_standard(folder, ("visits", "carbon"), **own)
    (folder / "extent.csv").write_text(
        "zone,ecosystem,area,unit\na,forest,100,hm²\n", encoding="utf-8"
    )
    (folder / "statistics.csv").write_text(
        "zone,quantity,item,value,unit,year,source\na,visitors,,1000,人次/yr,2020,test\n",
        encoding="utf-8",
    )
    return gep.Project.build(
        folder,
        title="A",
        standard=str(home),
        year=2020,
        price_year=2020,
        extent={"file": "extent.csv"},
        inputs={"carbon_sequestration_rate": {"value": 2.0, "unit": "tC/(hm²·yr)"}},
        statistics={"file": "statistics.csv"},
        **({"coefficients": coefficients} if coefficients else {}),
    ).run()


# ------------------------------------------------------------------------------- brute force


def every_zone(made: Engine, drawn: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the outputs of all draws: (draws, zones, outputs), and of the whole area."""
    found: dict[int, Any] = {}
    inside = made.make_inside(drawn, CELL_DRAWS)
    n = len(next(iter(drawn.values())))
    whole = made.evaluate(drawn, inside, range(n), found.__setitem__)
    return np.stack([found[zone] for zone in sorted(found)], axis=1), whole


def outputs_of(account: gep.Account, made: Engine) -> Any:
    """Return an account's numbers as (zones, outputs) of an engine."""
    table = account.table
    result = np.zeros((len(made.book.project.zone_ids), len(made.outputs)))
    for z, zone in enumerate(made.book.project.zone_ids):
        own = table[table["zone"] == zone]
        for at, output in enumerate(made.outputs):
            rows = own if not output.service else own[own["service"] == output.service]
            if output.indicator == "value":
                result[z, at] = rows["value"].sum(min_count=1)
            else:
                result[z, at] = rows.loc[rows["indicator"] == output.indicator, "quantity"].sum(
                    min_count=1
                )
    return result


def changed(folder: Path, draw: Mapping[str, float]) -> gep.Account:
    """Run the project with the numbers of one draw in the place of its own."""
    coefficients: dict[str, Any] = {}
    rasters: dict[str, Callable[[Any], Any]] = {}
    for name, value in draw.items():
        table, _, rest = name.partition(".")
        if table == "prices":
            unit = tiny.PRICES[rest][1]
            coefficients[name] = {
                "value": value,
                "unit": unit,
                "price_year": 2020,
                "source": "draw",
            }
        elif table == "factors":
            unit = {"alpha": "%", "b": "1", "k": "tSO2/(ha·yr)"}[rest.partition(".")[0]]
            coefficients[name] = {"value": value, "unit": unit, "source": "draw"}
    for name in ("precipitation", "vegetation_cover"):
        factor = draw.get(name, 1.0)
        rasters[name] = lambda x, f=factor: x * f
    for name in ("evapotranspiration", "slope_length_factor"):
        added = draw.get(name, 0.0)
        rasters[name] = lambda x, a=added: x + a
    counted = {"visitors": draw.get("visitors", 1.0)}
    data = tables(folder, rasters, coefficients=coefficients)
    path = Path(data["statistics"]["file"])
    frame = pd.read_csv(path)
    frame["value"] = [
        v * counted.get(q, 1.0) * draw.get(f"{q}@{z}", 1.0)
        for z, q, v in zip(frame["zone"], frame["quantity"], frame["value"], strict=True)
    ]
    frame.to_csv(path, index=False)
    return tiny.run(data)


def compare_with_brute_force(
    account: gep.Account, folder: Path, n: int, spread: Mapping[str, Any], inputs: Mapping[str, Any]
) -> None:
    made = prepare(account, spread, inputs, None, "test")
    factors = list(made.book.factors.values())
    q = draws.points(n, len(factors), 7)
    drawn = {f.name: f.draw(q[:, at]) for at, f in enumerate(factors)}
    found, whole = every_zone(made, drawn)
    for number in range(n):
        draw = {name: float(values[number]) for name, values in drawn.items()}
        expected = outputs_of(changed(folder, draw), made)
        np.testing.assert_allclose(found[number], expected, rtol=1e-10, err_msg=str(draw))
        np.testing.assert_allclose(whole[number], expected.sum(axis=0), rtol=1e-10)
    assert np.ptp(found, axis=0).max() > 0


#: What one run of the project can do: the same error of rain in both zones.
ONE_RUN = INPUTS | {"precipitation": ("normal", 0.05)}


def test_separable_draws_are_what_a_run_with_those_numbers_gives(
    account: gep.Account, tmp_path: Path
) -> None:
    compare_with_brute_force(account, tmp_path, 30, SPREAD, ONE_RUN)


@pytest.mark.nightly
def test_a_thousand_separable_draws(account: gep.Account, tmp_path: Path) -> None:
    compare_with_brute_force(account, tmp_path, 1000, SPREAD, ONE_RUN)


def test_draws_inside_a_formula_per_cell_are_what_a_run_gives(
    account: gep.Account, tmp_path: Path
) -> None:
    spread = {"factors.b": ("lognormal", 1.4), "prices.soil": ("normal", 3.0)}
    inputs = {
        "vegetation_cover": ("uniform", 0.7, 1.0),
        "slope_length_factor": ("normal", 0.3, "1"),
    }
    compare_with_brute_force(account, tmp_path, 15, spread, inputs)


@pytest.mark.parametrize("quantity", ["precipitation", "vegetation_cover"])  # apart, and inside
def test_an_error_by_zone_is_that_of_a_run_in_its_zone(account: gep.Account, quantity: str) -> None:
    """Zones do not see each other: with the same draw everywhere, and by zone, they agree."""
    one = prepare(account, {}, {quantity: ("normal", 0.05)}, None, "test")
    zoned = {"shape": "normal", "sd": 0.05, "by": "zone"}
    own = prepare(account, {}, {quantity: zoned}, None, "test")
    factor = np.array([0.9, 1.0, 1.2])
    together, _ = every_zone(one, {quantity: factor})
    drawn = {f"{quantity}@north": factor, f"{quantity}@south": factor[::-1]}
    apart, _ = every_zone(own, drawn)
    np.testing.assert_array_equal(apart[:, 0], together[:, 0])
    np.testing.assert_array_equal(apart[:, 1], together[::-1, 1])


COUNTY_FOLDER = Path(__file__).parents[1] / "examples" / "county"
EVERY = tomllib.loads((COUNTY_FOLDER / "standards.toml").read_text(encoding="utf-8"))
OTHERS = [pytest.param(name, marks=pytest.mark.nightly) for name in EVERY["compare_with"]]


@pytest.mark.parametrize("name", [EVERY["standard"], *OTHERS])
def test_all_numbers_of_a_standard_drawn_at_once_are_what_if(name: str) -> None:
    """Prices of other years, pollutants, months, classes of a parent, formulas per cell: all."""
    project = {k: v for k, v in EVERY.items() if k not in ("compare_with", "outputs")}
    own = gep.standard(name).tables
    stems = tuple(f"{table}.{column}." for table, found in own.items() for column in found.columns)
    given = {k: v for k, v in EVERY["coefficients"].items() if f"{k}.".startswith(stems)}
    project |= {"standard": name, "coefficients": given}
    account = gep.Project.build(COUNTY_FOLDER, **project).run()
    used = {
        f"{entry['table']}.{entry['column']}"
        for kind in ("services", "supporting")
        for service in account.provenance[kind].values()
        for entry in service["coefficients"].values()
    }
    spread: dict[str, Any] = dict.fromkeys(used, ("uniform", 0.9, 1.0, "relative"))
    while True:  # capacity and demand stand beside the account: they are not drawn
        try:
            made = prepare(account, spread, {}, None, "test")
            break
        except UsageError as error:
            unused = {p.what.split("'")[1] for p in error.problems}
            assert unused < set(spread)
            spread = {k: v for k, v in spread.items() if k not in unused}
    rows = {row.factor: row.entry for row in made.book._rows.values() if row.factor}
    assert set(rows) == set(made.book.factors)
    q = draws.points(2, len(rows), 5)
    drawn = {f.name: f.draw(q[:, at]) for at, f in enumerate(made.book.factors.values())}
    found, _ = every_zone(made, drawn)
    for number in range(2):
        changes = {}
        for factor, entry in rows.items():
            value = float(drawn[factor][number])
            changes[factor] = {"value": value, "unit": str(entry.unit), "source": "draw"}
            if entry.price_year:
                changes[factor]["price_year"] = entry.price_year
        expected = outputs_of(account.with_(coefficients=changes).account, made)
        np.testing.assert_allclose(found[number], expected, rtol=1e-12)


# ------------------------------------------------------------------------------- the same bits


def test_estimates_are_the_account(account: gep.Account) -> None:
    found = uncertainty(account, 8, spread=SPREAD, inputs=INPUTS).table
    money = found[(found["service"] == "") & (found["zone"] != WHOLE_AREA)]
    totals = account.total("zone")["value"]
    np.testing.assert_allclose(money["estimate"], totals, rtol=1e-13)
    whole = found[(found["service"] == "") & (found["zone"] == WHOLE_AREA)]
    np.testing.assert_allclose(whole["estimate"], totals.sum(), rtol=1e-13)
    by_service = found[(found["zone"] == WHOLE_AREA) & (found["indicator"] == "value")]
    own = account.total("service").set_index("service")["value"]
    for row in by_service[by_service["service"] != ""].to_dict("records"):
        assert row["estimate"] == pytest.approx(own[row["service"]], rel=1e-13)


INSIDE = SPREAD | {"factors.b": ("lognormal", 1.4)}


def test_neither_workers_nor_chunks_change_a_bit(
    account: gep.Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = uncertainty(account, 37, spread=INSIDE, inputs=INPUTS, workers=1)
    for name, small in (("CHUNK", 1), ("KEPT", 1), ("PER_PASS", 5)):
        with monkeypatch.context() as patch:
            patch.setattr(engine, name, small)
            again = uncertainty(account, 37, spread=INSIDE, inputs=INPUTS, workers=2)
        pd.testing.assert_frame_equal(first.table, again.table, check_exact=True)
        pd.testing.assert_frame_equal(first.samples, again.samples, check_exact=True)
    other = uncertainty(account, 37, spread=INSIDE, inputs=INPUTS, seed=2)
    assert (other.samples["total"] != first.samples["total"]).all()


@pytest.mark.parametrize("method", draws.METHODS)
def test_a_seed_gives_the_same_draws_and_no_edge(method: str) -> None:
    first, again = (draws.points(33, 5, 4, method) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (33, 5)
    assert first.min() > 0
    assert first.max() < 1
    assert not np.array_equal(first, draws.points(33, 5, 5, method))


def test_draws_are_repeated_where_only_others_differ(account: gep.Account) -> None:
    """Of a Saltelli design, a class's sums see only its own coefficient: two samples of it."""
    made = prepare(account, {"factors.b": ("lognormal", 1.4)}, {}, None, "test")
    names = list(made.book.factors)
    assert names == ["factors.b.forest", "factors.b.cropland", "factors.b.wetland"]  # not town
    a, b = np.random.default_rng(1).uniform(1, 3, (2, 3, 4))
    mixed = [
        np.concatenate([a[k], b[k], *(b[k] if j == k else a[k] for j in range(3))])
        for k in range(3)
    ]
    drawn = dict(zip(names, mixed, strict=True))
    made.make_inside(drawn, 1e12)
    (sums,) = {s.sums.shape[-3] for s in made.make_inside(drawn, 1e12).values()}
    assert sums == 8
    found, _ = every_zone(made, drawn)
    for number in (0, 5, 11, 19):
        one, _ = every_zone(made, {n: d[number : number + 1] for n, d in drawn.items()})
        np.testing.assert_array_equal(found[number], one[0])


# ------------------------------------------------------------------------------- known answers


def test_a_product_of_lognormals_is_lognormal(tmp_path: Path) -> None:
    account = extent_account(tmp_path)
    spread = {"prices.visit": ("lognormal", 1.3)}
    found = uncertainty(
        account, 2**14, spread=spread, inputs={"visitors": ("lognormal", 1.2)}, level=0.9
    )
    row = found.table[
        (found.table["service"] == "visits") & (found.table["indicator"] == "value")
    ].iloc[0]
    s = math.hypot(math.log(1.2), math.log(1.3))
    assert row["estimate"] == 133_000
    assert row["median"] == pytest.approx(133_000, rel=2e-3)
    assert row["low"] == pytest.approx(133_000 * math.exp(-1.6448536 * s), rel=3e-3)
    assert row["high"] == pytest.approx(133_000 * math.exp(1.6448536 * s), rel=3e-3)
    assert row["mean"] == pytest.approx(133_000 * math.exp(s**2 / 2), rel=2e-3)


def test_a_sum_of_normals_is_normal_and_shares_its_variance(tmp_path: Path) -> None:
    """133 x 1000 and 773 x 200: each price varies, the variances add."""
    account = extent_account(tmp_path)
    spread = {"prices.visit": ("normal", 13.3), "prices.carbon": ("normal", 0.05, "relative")}
    found = uncertainty(account, 2**14, spread=spread)
    one, other = 13_300.0, 773 * 200 * 0.05
    row = found.by_service().iloc[-1]
    sd = math.hypot(one, other)
    assert row["sd"] == pytest.approx(sd, rel=1e-3)
    assert row["low"] == pytest.approx(133_000 + 154_600 - 1.9599640 * sd, rel=1e-3)
    assert row["high"] == pytest.approx(133_000 + 154_600 + 1.9599640 * sd, rel=1e-3)
    indices = sensitivity(account, 4096, seed=1, spread=spread).indices().set_index("factor")
    assert indices["first"]["prices.visit"] == pytest.approx(one**2 / sd**2, abs=0.01)
    assert indices["total"]["prices.carbon"] == pytest.approx(other**2 / sd**2, abs=0.01)


def test_intervals_cover_as_often_as_they_say(tmp_path: Path) -> None:
    """300 intervals of 80 % from 200 random draws each, and 300 truths drawn apart from them."""
    account = extent_account(tmp_path)
    spread = {"prices.visit": ("normal", 13.3), "prices.carbon": ("normal", 100)}
    truth = np.random.default_rng(0).normal(133_000 + 154_600, math.hypot(13_300, 20_000), 300)
    inside = 0
    for seed, value in enumerate(truth):
        found = uncertainty(account, 200, seed=seed, spread=spread, method="random", level=0.8)
        row = found.by_service().iloc[-1]
        inside += row["low"] <= value <= row["high"]
    assert abs(inside - 240) < 21  # three standard deviations of a binomial number


def test_a_shared_coefficient_is_one_draw(tmp_path: Path) -> None:
    """Two services with one price vary together; two prices of the same spread do not."""
    body = tiny.SERVICES["visits"]
    account = extent_account(tmp_path, own={"nights": body})
    spread = {
        "prices.visit": ("normal", 0.1, "relative"),
        "prices.carbon": ("normal", 0.1, "relative"),
    }
    found = uncertainty(account, 1024, spread=spread)
    samples = found.samples
    assert samples["visits"].corr(samples["nights"]) == pytest.approx(1)
    assert abs(samples["visits"].corr(samples["carbon"])) < 0.1
    services = found.draws.set_index("factor")["services"]
    assert services["prices.visit"] == "visits, nights"
    assert samples["total"].std() == pytest.approx(math.hypot(2 * 13_300, 15_460), rel=0.01)


def test_a_discrete_number_is_drawn_as_often_as_it_weighs(tmp_path: Path) -> None:
    account = extent_account(tmp_path)
    spread = {"prices.visit": ("discrete", [100, 133, 200], [1, 2, 1])}
    found = uncertainty(account, 1024, spread=spread)
    counts = found.drawn["prices.visit"].value_counts()
    assert counts.to_dict() == pytest.approx({133.0: 512, 100.0: 256, 200.0: 256}, abs=1)
    assert set(found.samples["visits"]) == {100_000.0, 133_000.0, 200_000.0}


def test_rows_drawn_together_share_a_factor(account: gep.Account) -> None:
    together = {"shape": "normal", "sd": 0.1, "unit": "relative", "together": True}
    one = uncertainty(account, 1024, spread={"factors.k": together})
    own = uncertainty(account, 1024, spread={"factors.k": ("normal", 0.1, "relative")})
    assert list(one.drawn) == ["factors.k"]
    assert list(own.drawn) == ["factors.k.forest", "factors.k.cropland", "factors.k.wetland"]
    north = [t.table.query("zone == 'south' and indicator == 'G'").iloc[0] for t in (one, own)]
    assert north[0]["sd"] == pytest.approx(0.1 * north[0]["estimate"], rel=0.01)
    assert north[1]["sd"] < north[0]["sd"]


def test_a_minimum_by_zone_is_separable_and_exact(account: gep.Account) -> None:
    """Purification is what comes or what can be taken: where little comes, nothing varies."""
    found = uncertainty(account, 64, spread={"factors.k": ("normal", 0.05, "relative")})
    assert not found.inside
    rows = found.table.query("indicator == 'G'").set_index("zone")
    assert rows["sd"]["north"] == 0
    assert rows["estimate"]["north"] == 2
    assert rows["sd"]["south"] > 0


# ------------------------------------------------------------------------------- Sobol indices


def ishigami(q: Any) -> Any:
    x = np.pi * (2 * q - 1)
    return np.sin(x[..., 0]) + 7 * np.sin(x[..., 1]) ** 2 + 0.1 * x[..., 2] ** 4 * np.sin(x[..., 0])


def design(n: int, seed: int) -> tuple[Any, Any, Any]:
    q = draws.points(n, 6, seed)
    a, b = q[:, :3], q[:, 3:]
    mixed = np.stack([np.where(np.arange(3) == k, b, a) for k in range(3)])
    return ishigami(a)[:, None], ishigami(b)[:, None], ishigami(mixed)[..., None]


def test_indices_of_the_ishigami_function() -> None:
    """First order 0.3139, 0.4424, 0; total 0.5576, 0.4424, 0.2437 (its variance by hand)."""
    variance = 49 / 8 + 0.1 * np.pi**4 / 5 + 0.01 * np.pi**8 / 18 + 0.5
    alone = [0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2 / variance, 49 / 8 / variance, 0]
    third = 8 * 0.01 * np.pi**8 / 225 / variance
    first, first_error, total, total_error = sobol_indices(*design(2**14, 1))
    np.testing.assert_allclose(first[:, 0], alone, atol=5e-3)
    np.testing.assert_allclose(total[:, 0], [alone[0] + third, alone[1], third], atol=5e-3)
    np.testing.assert_allclose(alone[0], 0.3139, atol=5e-5)
    assert (np.abs(first[:, 0] - alone) < 3 * first_error[:, 0]).all()
    assert (0 < total_error).all()


def test_indices_are_those_of_salib() -> None:
    pytest.importorskip("SALib", reason="compares with SALib")
    from SALib.analyze import sobol as theirs

    a, b, mixed = design(512, 2)
    first, _, total, _ = sobol_indices(a, b, mixed)
    mean = np.concatenate([a, b]).mean()
    for k in range(3):
        parts = (a[:, 0] - mean, mixed[k, :, 0] - mean, b[:, 0] - mean)
        np.testing.assert_allclose(first[k, 0], theirs.first_order(*parts), rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(total[k, 0], theirs.total_order(*parts), rtol=1e-10)
    order = np.concatenate([a[None], mixed, b[None]])[..., 0].T.ravel()
    problem = {"num_vars": 3, "names": list("xyz"), "bounds": [[0, 1]] * 3}
    found = theirs.analyze(problem, order, calc_second_order=False, num_resamples=10, seed=1)
    np.testing.assert_allclose(total[:, 0], found["ST"], rtol=1e-10)
    np.testing.assert_allclose(first[:, 0], found["S1"], atol=0.01)  # centred otherwise


def test_an_output_that_does_not_vary_has_no_indices() -> None:
    a = np.full((8, 1), 3.0)
    assert all(np.isnan(x).all() for x in sobol_indices(a, a, a[None]))


def test_factors_with_an_interaction_have_a_greater_total(account: gep.Account) -> None:
    found = sensitivity(account, 256, seed=1, spread=INSIDE, inputs=INPUTS)
    rows = found.indices()
    assert (rows["total"] + 3 * rows["total_error"] > rows["first"] - 3 * rows["first_error"]).all()
    assert rows["total"].is_monotonic_decreasing
    assert rows["total"].sum() == pytest.approx(1, abs=0.15)
    assert found.inside == {s: i for s, i in found.inside.items() if s.startswith("soil.")}
    water = set(found.indices("water", "Q")["factor"])
    assert "prices.reservoir" not in water
    assert {"precipitation@north", "evapotranspiration"} <= water


def test_swings_are_the_account_with_one_number_changed(tmp_path: Path) -> None:
    account = extent_account(tmp_path)
    spread = {"prices.visit": ("uniform", 100, 200), "prices.carbon": ("normal", 10)}
    found = sensitivity(account, 64, seed=1, spread=spread, level=0.9).tornado()
    assert found["factor"].tolist() == ["prices.visit", "prices.carbon"]
    row = found.iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((105e3 + 154_600, 195e3 + 154_600))
    assert (row["factor_low"], row["factor_high"]) == pytest.approx((105, 195))
    assert row["estimate"] == 133e3 + 154_600


# ------------------------------------------------------------------------------- spreads


SPREADS = {
    "triangular": (Spread("triangular", low=1, high=5), stats.triang(0.25, 1, 4)),
    "uniform": (Spread("uniform", low=1, high=5), stats.uniform(1, 4)),
    "normal": (Spread("normal", sd=0.5), stats.norm(2, 0.5)),
    "lognormal": (Spread("lognormal", gsd=1.3), stats.lognorm(math.log(1.3), scale=2)),
}


@pytest.mark.parametrize("shape", SPREADS)
def test_quantiles_are_those_of_scipy(shape: str) -> None:
    spread, reference = SPREADS[shape]
    q = np.linspace(0.001, 0.999, 99)
    np.testing.assert_allclose(spreads.quantiles(spread, 2.0, q), reference.ppf(q), rtol=1e-12)


@given(
    low=st.floats(-1e3, 0),
    high=st.floats(1, 1e3),
    q=st.floats(1e-9, 1 - 1e-9),
    p=st.floats(1e-9, 1 - 1e-9),
)
@settings(max_examples=200)
def test_quantiles_stay_inside_and_rise(low: float, high: float, q: float, p: float) -> None:
    for shape in ("triangular", "uniform"):
        spread = Spread(shape, low=low, high=high)
        a, b = spreads.quantiles(spread, 0.5, np.array(sorted((q, p))))
        assert low - 1e-9 <= a <= b + 1e-9 <= high + 2e-9


def test_a_tables_spread_is_used_and_told(tmp_path: Path) -> None:
    home = tiny.write_standard(tmp_path, ("visits", "carbon"))
    folder = home / "coefficients"
    sidecar = folder / "prices.toml"
    told = 'uncertainty = { shape = "triangular", low = "low", high = "high" }\n'
    sidecar.write_text(told + sidecar.read_text(encoding="utf-8"), encoding="utf-8")
    lines = (folder / "prices.csv").read_text(encoding="utf-8").splitlines()
    own = {"visit": "100,180"}
    lines = [
        f"{lines[0]},low,high",
        *(f"{x},{own.get(x.partition(',')[0], ',')}" for x in lines[1:]),
    ]
    (folder / "prices.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    spread = load_table(folder / "prices.csv").entries["visit"][()].spread
    assert repr(spread) == repr(Spread("triangular", low=100.0, high=180.0))  # NaN equals nothing
    assert load_table(folder / "prices.csv").entries["carbon"][()].spread is None
    (tmp_path / "extent.csv").write_text(
        "zone,ecosystem,area,unit\na,forest,100,hm²\n", encoding="utf-8"
    )
    (tmp_path / "s.csv").write_text(
        "zone,quantity,item,value,unit,year,source\na,visitors,,1000,人次/yr,2020,test\n",
        encoding="utf-8",
    )
    project = {
        "title": "A",
        "standard": str(home),
        "year": 2020,
        "price_year": 2020,
        "extent": {"file": "extent.csv"},
        "statistics": {"file": "s.csv"},
        "inputs": {"carbon_sequestration_rate": {"value": 2.0, "unit": "tC/(hm²·yr)"}},
    }
    account = gep.Project.build(tmp_path, **project).run()
    found = uncertainty(account, 512)
    row = found.draws.iloc[0]
    assert (row["factor"], row["told"], row["shape"]) == ("prices.visit", "table", "triangular")
    assert found.drawn["prices.visit"].between(100, 180).all()
    assert found.fixed == ("prices.carbon",)
    assert row["mean"] == pytest.approx((100 + 133 + 180) / 3, rel=1e-3)
    own_number = {
        "prices.visit": {"value": 150, "unit": "CNY/人次", "price_year": 2020, "source": "own"}
    }
    changed = gep.Project.build(tmp_path, **project, coefficients=own_number).run()
    with pytest.raises(UsageError, match="nothing in the account is uncertain"):
        uncertainty(changed, 512)  # the table's spread was about the table's number
    with pytest.raises(UsageError, match="nothing in the account is uncertain"):
        uncertainty(account, 512, spread={"prices.visit": None})


@pytest.mark.parametrize(
    ("told", "cells", "message"),
    [
        ('shape = "normal", sd = "sd"', "sd\n-1", "a standard deviation is above zero"),
        ('shape = "normal", sd = "sd"', "sd\nx", "this is not a number"),
        ('shape = "normal", sd = "s"', "sd\n1", "column 's' of an uncertainty is missing"),
        ('shape = "normal"', "sd\n1", "key 'sd' is missing"),
        ('shape = "normal", low = "sd"', "sd\n1", "unknown key 'low'"),
        ('shape = "round", sd = "sd"', "sd\n1", "uncertainty has an unknown shape"),
        (
            'shape = "uniform", low = "l", high = "h"',
            "l,h\n6,9",
            "does not lie between low and high",
        ),
        ('shape = "uniform", low = "l", high = "h"', "l,h\n3,", "this is not a number"),
        ('shape = "lognormal", gsd = "g"', "g\n0.9", "its gsd - 1 are above zero"),
        ('shape = "discrete", values = "v", weights = "w"', "v,w\n4;5,1", "do not fit together"),
        ('shape = "discrete", values = "v", weights = "w"', "v,w\n4 5,1;2", "divided by ';'"),
    ],
)
def test_a_wrong_spread_in_a_table_is_named(
    tmp_path: Path, told: str, cells: str, message: str
) -> None:
    names, _, values = cells.partition("\n")
    (tmp_path / "t.csv").write_text(
        f"ecosystem,a,source,{names}\nforest,5,book,{values}\n", encoding="utf-8"
    )
    (tmp_path / "t.toml").write_text(
        'title = { en = "T", zh = "表" }\nshape = "rectangle"\nkey = ["ecosystem"]\n'
        '[columns.a]\ntitle = { en = "a", zh = "a" }\nunit = "1"\ncite = "book"\nverified = "recalled"\n'
        f'uncertainty = {{ {told} }}\n[sources.book]\ntext = {{ en = "B", zh = "书" }}\n',
        encoding="utf-8",
    )
    with pytest.raises(GepError) as caught:
        load_table(tmp_path / "t.csv")
    assert message in str(caught.value)


def test_a_list_of_values_in_a_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "ecosystem,a,source,v,w\nforest,5,book,4;5;8,1;2;1\ntown,5,book,,\n", encoding="utf-8"
    )
    (tmp_path / "t.toml").write_text(
        'title = { en = "T", zh = "表" }\nshape = "rectangle"\nkey = ["ecosystem"]\n'
        '[columns.a]\ntitle = { en = "a", zh = "a" }\nunit = "1"\ncite = "book"\nverified = "recalled"\n'
        'uncertainty = { shape = "discrete", values = "v", weights = "w" }\n'
        '[sources.book]\ntext = { en = "B", zh = "书" }\n',
        encoding="utf-8",
    )
    rows = load_table(tmp_path / "t.csv").entries["a"]
    wanted = Spread("discrete", values=(4.0, 5.0, 8.0), weights=(1.0, 2.0, 1.0))
    assert repr(rows["forest",].spread) == repr(wanted)
    assert rows["town",].spread is None


# ------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("spread", "inputs", "message"),
    [
        ({"prices.reservoi": ("normal", 1)}, {}, "do: did you mean 'prices.reservoir'?"),
        ({"factors.alpha.pine": ("normal", 1)}, {}, "no number of the account is the coefficient"),
        ({"prices.carbon": ("normal", 1, "CNY/t")}, {}, "found: [CNY/t], the number is [CNY/tC]"),
        ({"prices.carbon": ("normal", 1, "furlong/CNY")}, {}, "furlong"),
        ({"prices.carbon": ("nromal", 1)}, {}, "do: did you mean 'normal'?"),
        ({"prices.carbon": ("normal", 1, 2)}, {}, "normal takes sd"),
        ({"prices.carbon": ("normal", "1")}, {}, "normal takes sd"),
        ({"prices.carbon": ("normal", math.nan)}, {}, "sd must be a number"),
        ({"prices.carbon": ("discrete", 5, 1)}, {}, "values must be numbers in a list"),
        ({"prices.carbon": {"shape": "normal", "sd": 1, "gsd": 2}}, {}, "normal takes no 'gsd'"),
        ({"prices.carbon": {"shape": "normal", "sd": 1, "together": True}}, {}, "share a factor"),
        (
            {"prices.carbon": {"shape": "normal", "sd": 1, "together": 1, "unit": "relative"}},
            {},
            "true or false",
        ),
        (
            {"prices.carbon": {"shape": "normal", "sd": 1, "by": "zone"}},
            {},
            "the same in every zone",
        ),
        ({"prices.carbon": {"shape": "normal", "sd": 1, "by": "class"}}, {}, 'by is "zone"'),
        ({"prices.carbon": 5}, {}, 'write ("triangular", low, high)'),
        ({"prices.carbon": ("triangular", 800, 900)}, {}, "found: 800 to 900 around 773"),
        (
            {"prices.carbon": ("triangular", -0.2, 0.2, "relative")},
            {},
            "found: -0.2 to 0.2 around 1",
        ),
        ({"prices.carbon": ("normal", 0)}, {}, "a standard deviation is above zero"),
        ({}, {"precipitaton": ("normal", 0.1)}, "do: did you mean 'precipitation'?"),
        ({}, {"precipitation": {"east": ("normal", 0.1)}}, "there is no zone 'east'"),
        ({}, {"precipitation": ("normal", 5, "t/yr")}, "the unit does not fit"),
        ({}, {"evapotranspiration": ("lognormal", 1.1, "mm/yr")}, "around 0"),
        (
            {},
            {"visitors": {"north": ("normal", 0.1), "south": ("normal", 9, "人次/yr")}},
            "or added in every zone",
        ),
    ],
)
def test_wrong_arguments_are_named(
    account: gep.Account, spread: Mapping[str, Any], inputs: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        uncertainty(account, 8, spread=spread, inputs=inputs)
    assert message in str(caught.value)


def test_all_wrong_arguments_are_named_at_once(account: gep.Account) -> None:
    with pytest.raises(UsageError) as caught:
        uncertainty(account, 8, spread={"x": ("normal", 1)}, inputs={"y": ("normal", 1)})
    assert len(caught.value.problems) == 2
    with pytest.raises(UsageError) as caught:
        _uncertainty(account, 1, seed=-1, method="halton", level=95)
    assert [p.what for p in caught.value.problems] == [
        "n is a whole number of draws, at least 2",
        "seed is a whole number, not below zero",
        "unknown method 'halton'",
        "level lies between 0 and 1",
    ]


def test_a_formula_that_would_take_too_long_is_refused(account: gep.Account) -> None:
    with pytest.raises(UsageError) as caught:
        uncertainty(
            account, 1000, spread={"factors.b": ("normal", 0.1, "relative")}, cell_draws=1e6
        )
    text = str(caught.value)
    assert "stands inside formulas per cell" in text
    assert "soil.Q: factors.b.forest, factors.b.cropland, factors.b.wetland" in text
    assert "allow them: cell_draws=9e+06" in text


def test_what_stands_inside_is_told_in_the_result(account: gep.Account) -> None:
    found = uncertainty(account, 8, spread=INSIDE)
    factors = ("factors.b.forest", "factors.b.cropland", "factors.b.wetland")
    assert found.inside == {"soil.Q": factors, "soil.V": factors}
    for lang, words in (("en", "Not separable"), ("zh", "不可分离")):
        assert words in found.text(lang)
        assert "soil.Q: factors.b.forest" in found.text(lang)


def test_a_loaded_account_has_nothing_to_draw_from(account: gep.Account, tmp_path: Path) -> None:
    again = gep.Account.load(account.save(tmp_path / "out"))
    for function in (uncertainty, sensitivity):
        with pytest.raises(UsageError, match="a loaded account has no class sums to draw from"):
            function(again, 8, seed=1, spread=SPREAD)


def test_draws_that_are_not_plausible_are_told(account: gep.Account) -> None:
    found = uncertainty(account, 256, spread={"prices.carbon": ("normal", 400)})
    (warning,) = found.warnings
    assert warning.startswith("prices.carbon: ")
    assert "draws are below 0 [CNY/tC], which is not plausible" in warning
    assert warning in found.text("zh")


def test_numbers_that_vanish_in_a_draw_are_told(tmp_path: Path) -> None:
    body = tiny.SERVICES["carbon"].replace('formula = "NEP"', 'formula = "NEP * log(g)"')
    body = body.replace(
        "[coefficients]", '[coefficients]\ng = { from = "factors.b", by = "ecosystem" }'
    )
    body = body.replace("NEP = 3, p = 50", "NEP = 3, g = 1, p = 50").replace(
        "Q = 3, V = 150", "Q = 0, V = 0"
    )
    account = extent_account(tmp_path, own={"odd": body})
    found = uncertainty(account, 256, spread={"factors.b": ("normal", 2)})
    lost = int((found.drawn["factors.b.forest"] <= 0).sum())
    assert 0 < lost < 128
    text = f"odd: something that the account counts has no number in {lost} of 256 draws"
    assert any(warning.startswith(text) for warning in found.warnings)
    total = found.samples["total"][found.drawn["factors.b.forest"] <= 0]
    np.testing.assert_allclose(total, 133_000 + 154_600)
    assert any(
        w.startswith(text[:30])
        for w in sensitivity(account, 64, seed=1, spread={"factors.b": ("normal", 2)}).warnings
    )


def test_a_changed_account_has_an_uncertainty_of_its_own(account: gep.Account) -> None:
    spread = {"prices.reservoir": ("normal", 0.1, "relative")}
    dearer = account.with_(prices={"prices.reservoir": (14.12, "CNY/m³")}).account
    one, other = (uncertainty(x, 64, spread=spread).by_service() for x in (account, dearer))
    water = one["service"] == "water"
    np.testing.assert_allclose(other.loc[water, "sd"], 2 * one.loc[water, "sd"], rtol=1e-12)
    grown = account.with_(land_cover_change=[("town", "forest", 0.5)]).account
    found = uncertainty(grown, 64, spread=spread).by_service()
    assert found["estimate"].iloc[-1] == pytest.approx(
        float(grown.total(())["value"].iloc[0]), rel=1e-13
    )
    with pytest.raises(UsageError, match="no map from which sums could be made"):
        uncertainty(grown, 64, spread={"factors.b": ("lognormal", 1.1)})


# ------------------------------------------------------------------------------- texts and figures


@pytest.fixture(scope="module")
def county() -> gep.Account:
    return gep.Project.load(Path(__file__).parents[1] / "examples" / "county" / "county.toml").run()


COUNTY = {
    "prices.electricity": ("normal", 0.1, "relative"),
    "rcees_2017/runoff.alpha": ("normal", 0.15, "relative"),
    "rcees_2017/runoff.alpha.town": ("uniform", 40, 80, "%"),
}


def test_a_row_that_serves_several_classes_is_one_factor(county: gep.Account) -> None:
    """The rows of forest and grassland serve their kinds: the table's row is drawn, not the class."""
    spread = {"hj_1173_2021/cover_factor.c_30": ("normal", 0.1, "relative")}
    found = uncertainty(county, 2, spread=spread)
    assert "hj_1173_2021/cover_factor.c_30.forest" in set(found.drawn)
    assert not any("evergreen" in name for name in found.drawn)
    with pytest.raises(UsageError, match=r"cover_factor.c_30.forest"):
        uncertainty(
            county,
            2,
            spread={"hj_1173_2021/cover_factor.c_30.evergreen_broadleaf_forest": ("normal", 1)},
        )


def test_a_table_with_two_names_is_one_table(county: gep.Account) -> None:
    one, other = (
        uncertainty(county, 8, spread={key: ("normal", 0.1, "relative")})
        for key in ("prices.electricity", "rcees_2017/prices.electricity")
    )
    pd.testing.assert_frame_equal(one.table, other.table)


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            (
                "Uncertainty: Synthetic county",
                "Sobol points, seed 1",
                "10⁸ CNY/yr, prices of 2020",
                "Held fixed",
            ),
        ),
        (
            "zh",
            (
                "不确定性: Synthetic county",
                "Sobol 点列，种子 1",
                "亿元/年，2020 年价格",
                "按固定值计算",
            ),
        ),
    ],
)
def test_texts_say_what_was_drawn_and_what_not(
    county: gep.Account, lang: str, words: tuple[str, ...]
) -> None:
    found = uncertainty(county, 64, spread=COUNTY, inputs={"precipitation": ("normal", 0.05)})
    text = found.text(lang)
    for word in (*words, "prices.electricity", "rcees_2017/runoff.alpha.town", "32.57"):
        assert word in text
    assert text.count(found.table["title_" + lang].iloc[0]) >= 1
    assert len(found.fixed) > 90
    assert "prices.water_domestic" in text
    whose = sensitivity(county, 16, seed=1, spread=COUNTY)
    assert "prices.electricity" in whose.text(lang)
    assert f"{whose.evaluations:,}" in whose.text(lang)
    with pytest.raises(UsageError, match="texts are written in en or zh"):
        found.text("fr")
    assert repr(found) == found.text("en")
    assert repr(whose) == whose.text("en")


def test_results_of_an_unknown_zone_or_service_are_refused(county: gep.Account) -> None:
    found = uncertainty(county, 2, spread=COUNTY)
    assert len(found.by_service("990001")) == 18
    with pytest.raises(UsageError, match="did you mean '990001'"):
        found.by_service("99001")
    whose = sensitivity(county, 2, seed=1, spread=COUNTY)
    with pytest.raises(UsageError, match="no factor enters water_retenton, value"):
        whose.tornado("water_retenton")


def test_a_standard_without_money_has_indices_of_its_quantities(tmp_path: Path) -> None:
    body = """
[inputs]
NEP = { is = "carbon_sequestration_rate", unit = "tC/(hm²·yr)" }
[[steps]]
symbol = "Q"
title = { en = "Carbon", zh = "碳" }
formula = "NEP"
unit = "tC/(hm²·yr)"
[account]
physical = "Q"
[[examples]]
given = { NEP = 3 }
expect = { Q = 3 }
source = "by hand"
"""
    home = tiny.write_standard(tmp_path, (), own={"carbon": body})
    (tmp_path / "extent.csv").write_text(
        "zone,ecosystem,area,unit\na,forest,100,hm²\n", encoding="utf-8"
    )
    account = gep.Project.build(
        tmp_path,
        title="A",
        standard=str(home),
        year=2020,
        price_year=2020,
        extent={"file": "extent.csv"},
        inputs={"carbon_sequestration_rate": {"value": 2.0, "unit": "tC/(hm²·yr)"}},
    ).run()
    how = {"inputs": {"carbon_sequestration_rate": ("normal", 0.1)}}
    found = uncertainty(account, 256, **how)
    assert found.table["indicator"].tolist() == ["Q", "Q"]
    assert found.table["sd"].iloc[0] == pytest.approx(20, rel=0.02)
    assert found.samples.empty
    whose = sensitivity(account, 64, seed=1, **how)
    assert whose.indices("carbon", "Q")["first"].iloc[0] == pytest.approx(1, abs=0.05)
    for lang in ("en", "zh"):
        assert "carbon.Q [tC/yr]" in whose.text(lang)
        assert "200" in found.text(lang)


def test_figures_hold_the_numbers(county: gep.Account, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra [plot]")
    from gep import plot

    found = uncertainty(county, 64, spread=COUNTY)
    whose = sensitivity(county, 16, seed=1, spread=COUNTY)
    table = whose.tornado()
    for language in ("zh", "en"):
        with plot.chinese(shipped=True):
            figure = plot.tornado(table, language, most=3, shipped=True)
            figure.savefig(tmp_path / "tornado.png")
            (axes,) = figure.axes
            widths = [[bar.get_width() for bar in group] for group in axes.containers]
            expected = (table[["low", "high"]].to_numpy() - table["estimate"].iloc[0]).T[
                :, :3
            ] / 1e8
            np.testing.assert_allclose(widths, expected)
            told = " ".join(t.get_text() for t in axes.texts)
            assert f"{len(table) - 3} " in told
            assert "0.4261" in told
            names = [t.get_text() for t in axes.get_yticklabels()]
            assert names[0].endswith("prices.electricity [CNY/kWh, 2010]")
            figure = plot.intervals(found.by_service(), language, shipped=True)
            figure.savefig(tmp_path / "intervals.png")
            (axes,) = figure.axes
            assert axes.get_yticklabels()[-1].get_text() == (
                "全部服务" if language == "zh" else "All services"
            )
            assert axes.texts[-1].get_text().startswith("32.6  (")
    with pytest.raises(UsageError, match="has no column 'low'"):
        plot.tornado(table.drop(columns="low"))
    with pytest.raises(UsageError, match="no numbers to draw"):
        plot.intervals(found.by_service().head(0))
    with pytest.raises(UsageError, match="one axis has one unit"):
        plot.intervals(found.table)
    with pytest.raises(UsageError, match="en or zh"):
        plot.intervals(found.by_service(), "fr")


@pytest.mark.parametrize(
    ("service", "symbol", "apart", "inside"),
    [
        ("water_retention", "V_w", ("P", "R", "ET", "P_w"), ()),
        ("surface_runoff", "R", ("P", "α"), ()),
        ("flood_mitigation", "C_l", ("k", "T", "n"), ("A_l", "x")),
        ("cover_factor", "C", (), ("c", "C_0", "C_10", "C_30", "C_50", "C_70", "C_90", "a", "b")),
    ],
)
def test_a_card_says_in_which_numbers_a_line_is_separable(
    service: str, symbol: str, apart: tuple[str, ...], inside: tuple[str, ...]
) -> None:
    from gep.report.text import separable, service_text

    standard = gep.standard("rcees_2017")
    assert separable(standard[service], symbol) == (apart, inside)
    text = service_text(standard, standard[service], "en")
    line = next(
        x for x in text.partition("\nSeparable")[2].splitlines() if x.split()[:1] == [symbol]
    )
    assert line.split("not in ")[0].split()[1:] == (", ".join(apart) or "–").split()
    assert ("not in " + ", ".join(inside) in line) == bool(inside)
    assert "可分离的量" in service_text(standard, standard[service], "zh")


def test_a_minimum_of_zone_totals_is_separable_inside() -> None:
    from gep.report.text import separable

    standard = gep.standard("mee_2020")
    apart, inside = separable(standard["air_purification"], "Q_S")
    assert "E_S" in apart
    assert not inside


@pytest.mark.parametrize("module", [spreads, draws, sobol])
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0
