"""Standards side by side: one pass, the same bits, and a difference without residual."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import gep
from gep import blocks, comparison, plot
from gep.comparison import PARTS, compare
from gep.difference import diff
from gep.errors import DataError, UsageError
from gep.passes import BLOCK

FAST = settings(max_examples=12, phases=(Phase.explicit, Phase.reuse, Phase.generate))
NUMBERS = st.floats(0.01, 0.9)
PRICES = st.floats(0.5, 50)

HEAD = """id = "{id}"
title = {{ en = "{id}", zh = "{zh}" }}
number = ""
issuer = {{ en = "Tests", zh = "测试" }}
date = "2020"
scope = {{ en = "Tests", zh = "测试" }}
classification = "national_ecosystems"
catalogue = {catalogue}
{supporting}
[sources.book]
text = {{ en = "A test", zh = "测试" }}
verified = "full_text"
"""
WATER = """id = "water"
title = {{ en = "Water", zh = "水" }}
kind = "regulating"
cite = "book, 1"
verified = "{verified}"
ecosystems = ["forest", "shrub"]
[inputs]
P = {{ is = "precipitation", unit = "mm/yr" }}
ET = {{ is = "evapotranspiration", unit = "mm/yr" }}
[coefficients]
alpha = {{ from = "factors.alpha", by = "ecosystem", unit = "1" }}
{k}c = {{ from = "prices.reservoir" }}
[[steps]]
symbol = "{q}"
title = {{ en = "Water", zh = "水" }}
formula = "{formula}"
unit = "m³/(ha·yr)"
is = "water_retained"
[[steps]]
symbol = "V"
title = {{ en = "Value", zh = "价值" }}
formula = "{q} * c"
unit = "CNY/(ha·yr)"
[account]
physical = "{q}"
monetary = "V"
[[examples]]
given = {{ P = 1000, ET = 600, alpha = 0.1, {given}c = 2 }}
expect = {{ {q} = {expect}, V = {value} }}
source = "by hand"
"""
VISITS = """id = "visits"
title = { en = "Visits", zh = "游憩" }
kind = "cultural"
cite = "book, 2"
verified = "full_text"
[inputs]
N = { is = "visitors", unit = "人次/yr" }
[coefficients]
c = { from = "prices.visit" }
[[steps]]
symbol = "V"
title = { en = "Value", zh = "价值" }
formula = "N * c"
unit = "CNY/yr"
[account]
monetary = "V"
[[examples]]
given = { N = 10, c = 5 }
expect = { V = 50 }
source = "by hand"
"""


@dataclass
class Rules:
    """A small standard with the parts that two standards may differ in."""

    alpha: Mapping[str, float] = field(default_factory=lambda: {"forest": 0.1, "shrub": 0.2})
    price: float = 2.0
    exponential: bool = False
    k: float = 0.5
    visits: float | None = None
    symbol: str = "Q"
    verified: str = "full_text"

    def write(self, folder: Path, name: str) -> Path:
        """Write the standard into ``folder/name``."""
        home = folder / name
        (home / "coefficients").mkdir(parents=True, exist_ok=True)
        catalogue = ["water"] + (["visits"] if self.visits is not None else [])
        head = HEAD.format(
            id=name, zh=name, catalogue=str(catalogue).replace("'", '"'), supporting=""
        )
        (home / "standard.toml").write_text(head, encoding="utf-8")
        formula = "P - P * alpha - ET"
        k = given = ""
        expect = 3000.0
        if self.exponential:
            formula = "(P - ET) * exp(-k * alpha)"
            k, given = 'k = { from = "factors.k", by = "ecosystem" }\n', "k = 0, "
            expect = 4000.0
        text = WATER.format(
            formula=formula, k=k, given=given, expect=expect, value=2 * expect, q=self.symbol,
            verified=self.verified,
        )  # fmt: skip
        (home / "water.toml").write_text(text, encoding="utf-8")
        if self.visits is not None:
            (home / "visits.toml").write_text(VISITS, encoding="utf-8")
        source = '[sources.book]\ntext = { en = "A test", zh = "测试" }\n'
        sidecar = (
            'title = { en = "Factors", zh = "系数" }\nshape = "rectangle"\nkey = ["ecosystem"]\n'
        )
        for column in ("alpha", "k"):
            sidecar += (
                f'[columns.{column}]\ntitle = {{ en = "{column}", zh = "{column}" }}\nunit = "1"\n'
                'cite = "book"\nverified = "full_text"\n'
            )
        rows = [f"{c},{a!r},{self.k!r},book" for c, a in self.alpha.items()]
        tables = home / "coefficients"
        (tables / "factors.toml").write_text(sidecar + source, encoding="utf-8")
        (tables / "factors.csv").write_text("\n".join(["ecosystem,alpha,k,source", *rows]) + "\n")
        sidecar = 'title = { en = "Prices", zh = "价格" }\nshape = "list"\n'
        rows = [f"reservoir,{self.price!r},CNY/m³,2020,book,full_text"]
        rows += [f"visit,{self.visits or 0.0!r},CNY/人次,2020,book,full_text"]
        (tables / "prices.toml").write_text(sidecar + source, encoding="utf-8")
        head = "item,value,unit,price_year,source,verified"
        (tables / "prices.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        return home


EXTENT = pd.DataFrame(
    [("north", "forest", 120.0), ("north", "shrub", 30.5), ("south", "forest", 11.0)],
    columns=["zone", "ecosystem", "area"],
).assign(unit="km²")
STATISTICS = pd.DataFrame(
    [(z, "visitors", "", n, "人次/yr", 2020, "test") for z, n in (("north", 900), ("south", 50))],
    columns=["zone", "quantity", "item", "value", "unit", "year", "source"],
)


def project(standard: Path, **more: Any) -> gep.Project:
    tables: dict[str, Any] = {
        "title": "Tables",
        "standard": str(standard),
        "year": 2020,
        "price_year": 2020,
        "extent": {"file": EXTENT},
        "statistics": {"file": STATISTICS},
        "inputs": {
            "precipitation": {"value": 1300, "unit": "mm/yr"},
            "evapotranspiration": {"value": 700, "unit": "mm/yr"},
        },
    }
    return gep.Project.build(**(tables | more))


def parts(found: comparison.Comparison, service: str) -> dict[str, float]:
    rows = found.decomposition
    row = rows[rows["service"] == service].iloc[0]
    return {part: float(row[part]) for part in (*PARTS, "difference")}


def both(folder: Path, first: Rules, second: Rules) -> comparison.Comparison:
    a, b = first.write(folder, "first_2020"), second.write(folder, "second_2020")
    return compare(project(a), [a, b])


# ------------------------------------------------------------------------------ decomposition


@given(a=NUMBERS, b=NUMBERS, p=PRICES, q=PRICES, k=NUMBERS, visits=st.booleans())
@FAST
def test_parts_add_up_to_the_difference_without_residual(
    tmp_path_factory: pytest.TempPathFactory, a: float, b: float, p: float, q: float, k: float,
    visits: bool,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("pair")
    first = Rules({"forest": a, "shrub": b}, p)
    second = Rules(
        {"forest": b, "shrub": a}, q, exponential=True, k=k, visits=3.0 if visits else None
    )
    found = both(folder, first, second)
    total = found.total().set_index("standard")
    difference = total["value"]["second_2020"] - total["value"]["first_2020"]
    explained = math.fsum(total[part]["second_2020"] for part in PARTS)
    assert explained == pytest.approx(difference, rel=1e-9, abs=1e-9 * total["value"].abs().max())
    assert total["catalogue"]["second_2020"] == pytest.approx(3.0 * 950 if visits else 0.0)


@given(a=NUMBERS, b=NUMBERS, p=PRICES, q=PRICES, k=NUMBERS)
@FAST
def test_the_other_way_round_every_part_changes_sign(
    tmp_path_factory: pytest.TempPathFactory, a: float, b: float, p: float, q: float, k: float
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    one = Rules({"forest": a, "shrub": b}, p).write(folder, "first_2020")
    two = Rules({"forest": b, "shrub": a}, q, exponential=True, k=k).write(folder, "second_2020")
    there, back = compare(project(one), [one, two]), compare(project(one), [two, one])
    size = max(abs(v) for v in parts(there, "water").values())
    for part, value in parts(there, "water").items():
        assert parts(back, "water")[part] == pytest.approx(-value, rel=1e-9, abs=1e-12 * size)


@pytest.mark.parametrize(
    ("second", "part"),
    [
        (Rules(price=3.0), "prices"),
        (Rules(alpha={"forest": 0.3, "shrub": 0.2}), "coefficients"),
        (Rules(exponential=True, k=0.0), "method"),
        (Rules(visits=4.0), "catalogue"),
    ],
)
def test_one_change_is_one_part(tmp_path: Path, second: Rules, part: str) -> None:
    found = both(tmp_path, Rules(), second)
    total = found.total().iloc[1]
    assert total["difference"] == total[part] != 0
    assert all(total[other] == 0 for other in PARTS if other != part)


def test_two_changes_are_shared_as_worked_by_hand(tmp_path: Path) -> None:
    second = Rules(alpha={"forest": 0.3, "shrub": 0.2}, price=3.0)
    found = both(tmp_path, Rules(), second)
    forest, shrub = 131e6, 30.5e6  # m²
    water = {a: forest * (1.3 * (1 - a) - 0.7) + shrub * (1.3 * 0.8 - 0.7) for a in (0.1, 0.3)}
    prices = (water[0.1] + water[0.3]) / 2 * (3 - 2)
    coefficients = (water[0.3] - water[0.1]) * (2 + 3) / 2
    found_parts = parts(found, "water")
    assert found_parts["prices"] == pytest.approx(prices, rel=1e-12)
    assert found_parts["coefficients"] == pytest.approx(coefficients, rel=1e-12)
    assert found_parts["method"] == found_parts["catalogue"] == 0


def test_a_row_that_the_other_lacks_stays(tmp_path: Path) -> None:
    """The other's table has one row for all shrub and none for forest: forest keeps ours."""
    first = Rules(alpha={"forest": 0.1, "shrub": 0.2})
    second = Rules(alpha={"shrub": 0.4}, price=2.0)
    a, b = first.write(tmp_path, "first_2020"), second.write(tmp_path, "second_2020")
    with pytest.raises(DataError, match=r"forest"):
        compare(project(a), [a, b])  # the second standard itself cannot be computed: it says so


def test_a_service_without_data_is_named_and_stands_in_the_catalogue(tmp_path: Path) -> None:
    a = Rules().write(tmp_path, "first_2020")
    b = Rules(visits=4.0).write(tmp_path, "second_2020")
    found = compare(project(a, statistics={"file": STATISTICS.iloc[:0]}), [a, b])
    rows = found.table.set_index(["standard", "service"])
    assert rows["state"]["second_2020", "visits"] == "not computed"
    assert rows["lacks"]["second_2020", "visits"] == "visitors"
    assert rows["state"]["first_2020", "visits"] == "not in the catalogue"
    assert math.isnan(rows["value"]["second_2020", "visits"])
    assert "visitors" in found.text("en")


def test_coefficients_of_the_project_apply_where_they_are_used(tmp_path: Path) -> None:
    a = Rules().write(tmp_path, "first_2020")
    b = Rules().write(tmp_path, "second_2020")
    own = {"value": 9.0, "unit": "CNY/m³", "price_year": 2020, "source": "mine"}
    found = compare(project(a, coefficients={"prices.reservoir": own}), [a, b])
    values = found.total().set_index("standard")["value"]
    assert values["first_2020"] == pytest.approx(4.5 * values["second_2020"])
    assert parts(found, "water")["prices"] == pytest.approx(
        values["second_2020"] - values["first_2020"]
    )


# ------------------------------------------------------------------------------------ one pass


@pytest.fixture
def mapped(tmp_path: Path) -> dict[str, Any]:
    shape = (300, 310)
    codes = np.random.default_rng(7).integers(1, 3, shape)
    legend = tmp_path / "legend.toml"
    legend.write_text(
        'title = { en = "Test codes", zh = "测试" }\nsource = "test"\nnodata = [0]\n[codes]\n'
        '1 = { en = "forest", zh = "林" }\n2 = { en = "shrub", zh = "灌" }\n'
        '[to.national_ecosystems]\n1 = "forest"\n2 = "shrub"\n',
        encoding="utf-8",
    )
    land = tiny.write_raster(tmp_path / "land.tif", codes)
    rain = tiny.write_raster(
        tmp_path / "rain.tif", tiny.smooth(shape, 900, 2000, 3, 0.02), nodata=np.nan
    )
    zones = tiny.write_zones(tmp_path / "zones.gpkg", {"all": tiny.rectangle(shape)})
    return {
        "extent": None,
        "land_cover": {"file": str(land), "legend": str(legend)},
        "zones": {"file": str(zones), "id": "code"},
        "statistics": {"file": STATISTICS.iloc[:1].assign(zone="all")},
        "inputs": {
            "precipitation": {"file": str(rain), "unit": "mm/yr"},
            "evapotranspiration": {"value": 700, "unit": "mm/yr"},
        },
    }  # fmt: skip


def test_one_pass_for_all_and_the_same_bits_as_alone(
    tmp_path: Path, mapped: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [
        Rules(),
        Rules({"forest": 0.25, "shrub": 0.1}, 3.5, exponential=True, k=0.7, visits=4.0),
        Rules({"forest": 0.4, "shrub": 0.3}, 1.5, exponential=True, k=0.2),
    ]
    homes = [r.write(tmp_path, f"number{n}_2020") for n, r in enumerate(rules)]
    more = {k: v for k, v in mapped.items() if v is not None}

    def tables(home: Path) -> gep.Project:
        given_ = {"title": "Map", "standard": str(home), "year": 2020, "price_year": 2020}
        return gep.Project.build(**given_, **more)

    alone = [tables(home).run() for home in homes]
    passes = []
    real = blocks.Worker.block

    def counted(self: Any, window: Any) -> Any:
        passes.append(window)
        return real(self, window)

    monkeypatch.setattr(blocks.Worker, "block", counted)
    found = compare(tables(homes[0]), homes, workers=1)
    assert len(passes) == len(list(tables(homes[0]).data.grid.blocks(BLOCK)))
    for home, account in zip(homes, alone, strict=True):
        pd.testing.assert_frame_equal(
            found.accounts[home.name].table, account.table, check_exact=True
        )
    total = found.total().set_index("standard")
    for home in homes[1:]:
        explained = math.fsum(total[part][home.name] for part in PARTS)
        difference = total["value"][home.name] - total["value"][homes[0].name]
        assert explained == pytest.approx(difference, rel=1e-9)


def test_blocks_and_threads_change_no_bit(tmp_path: Path, mapped: dict[str, Any]) -> None:
    homes = [
        Rules().write(tmp_path, "first_2020"),
        Rules({"forest": 0.3, "shrub": 0.1}, 3.0, exponential=True).write(tmp_path, "second_2020"),
    ]
    more = {k: v for k, v in mapped.items() if v is not None}
    one = gep.Project.build(title="Map", standard=str(homes[0]), year=2020, price_year=2020, **more)
    first, second = compare(one, homes, workers=1), compare(one, homes, workers=2, block=256)
    pd.testing.assert_frame_equal(first.decomposition, second.decomposition, check_exact=True)


def test_standards_of_other_classes_take_a_pass_of_their_own(tmp_path: Path) -> None:
    home = tiny.write_standard(tmp_path / "a", ["water"])
    other = tmp_path / "b" / "tiny_2021"
    other.parent.mkdir()
    home.rename(other)
    text = (other / "standard.toml").read_text(encoding="utf-8")
    (other / "standard.toml").write_text(text.replace("tiny_2020", "tiny_2021"), encoding="utf-8")
    land = (other / "land_cover.toml").read_text(encoding="utf-8")
    more = '[classes.marsh]\ntitle = { en = "marsh", zh = "marsh" }\n'
    (other / "land_cover.toml").write_text(land + more, encoding="utf-8")
    home = tiny.write_standard(tmp_path / "a", ["water"])
    legend = tiny.write_legend(tmp_path / "legend.toml", {1: "forest", 2: "wetland"})
    text = legend.read_text(encoding="utf-8")
    legend.write_text(text + '[to.tiny_2021]\n1 = "forest"\n2 = "marsh"\n', encoding="utf-8")
    factors = other / "coefficients" / "factors.csv"
    factors.write_text(
        factors.read_text(encoding="utf-8") + "marsh,50,1,0,book\n", encoding="utf-8"
    )
    land_file = tiny.write_raster(tmp_path / "land.tif", np.full((8, 8), 2))
    zones = tiny.write_zones(tmp_path / "zones.gpkg", {"all": tiny.rectangle((8, 8))})
    inputs = {
        "precipitation": {"value": 1000, "unit": "mm/yr"},
        "evapotranspiration": {"value": 100, "unit": "mm/yr"},
    }
    tables = tiny.project(tmp_path, land_file, zones, inputs, standard=home, legend=legend)
    found = compare(gep.Project.build(**tables), [home, other])
    row = found.decomposition.iloc[0]
    assert row["coefficients"] == row["difference"] != 0  # wetland 12.5 %, marsh 50 %


# ------------------------------------------------------------------------------- rules alone


def test_diff_names_what_differs_and_nothing_else(tmp_path: Path) -> None:
    first = Rules().write(tmp_path, "first_2020")
    second = Rules(
        {"forest": 0.1, "shrub": 0.4}, 3.0, exponential=True, visits=1.0, symbol="W"
    ).write(tmp_path, "second_2020")
    found = diff(first, second)
    assert [(d.part, d.name) for d in found] == [
        ("step", "Q"),
        ("coefficient", "factors.alpha.shrub"),
        ("price", "prices.reservoir"),
        ("coefficient", "factors.k"),
        ("catalogue", "visits"),
    ]
    assert found.items[0].first == "Q = P - P * alpha - ET   [m³/(ha·yr)]"
    assert found.items[1].second == "0.4"


def test_other_letters_for_the_same_formula_are_no_difference(tmp_path: Path) -> None:
    first = Rules().write(tmp_path, "first_2020")
    second = Rules(symbol="W").write(tmp_path, "second_2020")
    assert not diff(first, second)
    assert parts(compare(project(first), [first, second]), "water")["difference"] == 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_text_speaks_the_language(tmp_path: Path, lang: str) -> None:
    a = Rules().write(tmp_path, "first_2020")
    b = Rules(price=3.0, exponential=True, visits=1.0, verified="recalled").write(
        tmp_path, "second_2020"
    )
    text = diff(a, b).text(lang)
    compared = compare(project(a), [a, b])
    for shown in (text, compared.text(lang)):
        chinese = any(
            "\u4e00" <= c <= "\u9fff" for c in shown.replace("游憩", "").replace("水", "")
        )
        assert chinese == (lang == "zh"), shown
    assert "prices.reservoir" in text
    shares = compared.total().set_index("standard")["recalled"]
    assert shares["first_2020"] == 0
    assert 0.99 < shares["second_2020"] < 1


def test_saved_tables_hold_what_was_compared(tmp_path: Path) -> None:
    found = both(tmp_path, Rules(), Rules(price=3.0, visits=2.0))
    folder = found.save(tmp_path / "out")
    stored = pd.read_csv(folder / "decomposition.csv", encoding="utf-8-sig")
    pd.testing.assert_frame_equal(stored, found.decomposition, check_dtype=False)
    assert (folder / "compared.zh.txt").read_text(encoding="utf-8") == found.text("zh")
    with pytest.raises(UsageError, match=r"exists"):
        found.save(tmp_path / "out")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["first_2020"], "needs two standards"),
        (["first_2020", "first_2020"], "named twice"),
        (["first_2020", "nowhere_2020"], "no standard"),
    ],
)
def test_wrong_lists_are_refused(tmp_path: Path, names: list[str], words: str) -> None:
    a = Rules().write(tmp_path, "first_2020")
    with pytest.raises(UsageError, match=words):
        compare(project(a), [tmp_path / name for name in names])


def test_service_of_neither_standard_is_refused(tmp_path: Path) -> None:
    a = Rules().write(tmp_path, "first_2020")
    found = diff(a, Rules(price=3.0).write(tmp_path, "second_2020"))
    assert "CNY/m³" in found.text("en", service="water")
    with pytest.raises(UsageError, match=r"did you mean 'water'"):
        found.text("en", service="watr")


# ------------------------------------------------------------------- the project names them, CLI


def write_project(folder: Path, *lines: str) -> Path:
    EXTENT.to_csv(folder / "extent.csv", index=False)
    STATISTICS.to_csv(folder / "statistics.csv", index=False)
    text = """title = "Tables"
standard = "first_2020"
year = 2020
price_year = 2020
{}
[extent]
file = "extent.csv"
[statistics]
file = "statistics.csv"
[inputs]
precipitation = {{ value = 1300, unit = "mm/yr" }}
evapotranspiration = {{ value = 700, unit = "mm/yr" }}
"""
    path = folder / "project.toml"
    path.write_text(text.format("\n".join(lines)), encoding="utf-8")
    return path


def call(*words: Any) -> Any:
    from click.testing import CliRunner

    from gep.cli import cli

    return CliRunner().invoke(cli, [str(word) for word in words])


def test_project_that_names_what_it_is_compared_with(tmp_path: Path) -> None:
    Rules().write(tmp_path, "first_2020")
    Rules(visits=4.0).write(tmp_path, "second_2020")
    path = write_project(tmp_path, 'compare_with = ["second_2020"]')
    alone = gep.Project.load(path)
    assert not alone.check().warnings  # visitors serve the other standard: they are not unused
    assert alone.run().provenance["standard"]["id"] == "first_2020"
    result = call("compare", path, "--lang", "en")
    assert result.exit_code == 0, result.stderr
    assert "second_2020: the difference from first_2020" in result.stdout
    unused = gep.Project.load(write_project(tmp_path)).check().warnings
    assert any("visitors is given" in str(warning) for warning in unused)


def test_compare_writes_whole_or_not_at_all(tmp_path: Path) -> None:
    Rules().write(tmp_path, "first_2020")
    second = Rules(price=3.0).write(tmp_path, "second_2020")
    path, out = write_project(tmp_path), tmp_path / "out"
    result = call("compare", path, "--with", second, "--out", out, "--lang", "zh")
    assert result.exit_code == 0, result.stderr
    assert "价格" in result.stdout
    assert sorted(p.name for p in out.iterdir()) == [
        "compared.csv", "compared.en.png", "compared.en.txt", "compared.xlsx", "compared.zh.png",
        "compared.zh.txt", "decomposition.csv", "differences.csv", "quantities.csv", "total.csv",
    ]  # fmt: skip
    again = call("compare", path, "--with", second, "--out", out)
    assert again.exit_code == 2
    assert "exists" in again.stderr
    assert call("compare", path, "--with", second, "--out", out, "--overwrite").exit_code == 0


def test_compare_says_why_there_is_no_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rules().write(tmp_path, "first_2020")
    second = Rules(price=3.0).write(tmp_path, "second_2020")
    monkeypatch.setattr(plot, "can_draw", lambda: False)
    result = call("compare", write_project(tmp_path), "--with", second, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert 'without charts; for them, pip install "gep-accounting[plot]"' in result.stderr
    assert not list((tmp_path / "out").glob("*.png"))


def test_standards_to_compare_with_are_a_list(tmp_path: Path) -> None:
    Rules().write(tmp_path, "first_2020")
    result = call("compare", write_project(tmp_path, 'compare_with = "second_2020"'))
    assert result.exit_code == 1
    assert "compare_with: must be a list of texts\n  found: 'second_2020'" in result.stderr


def test_compare_wants_something_to_compare_with(tmp_path: Path) -> None:
    Rules().write(tmp_path, "first_2020")
    result = call("compare", write_project(tmp_path))
    assert result.exit_code == 2
    assert "needs two standards" in result.stderr


def test_compare_of_rules_points_to_diff(tmp_path: Path) -> None:
    home = Rules().write(tmp_path, "first_2020")
    result = call("compare", home, "--with", home)
    assert result.exit_code == 2
    assert "gep diff" in result.stderr


def test_diff_prints_lines_of_both(tmp_path: Path) -> None:
    first = Rules().write(tmp_path, "first_2020")
    second = Rules(price=3.0).write(tmp_path, "second_2020")
    result = call("diff", first, second, "--lang", "en")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    at = lines.index("    price prices.reservoir")
    assert lines[at + 1 : at + 3] == ["    - 2 CNY/m³ (2020)", "    + 3 CNY/m³ (2020)"]
    wrong = call("diff", first, tmp_path / "nowhere")
    assert wrong.exit_code == 2
    assert "there is no standard" in wrong.stderr


def test_problems_name_the_standard(tmp_path: Path) -> None:
    Rules().write(tmp_path, "first_2020")
    second = Rules(visits=4.0).write(tmp_path, "second_2020")
    path = write_project(
        tmp_path, 'services = ["water", "visits"]', 'compare_with = ["second_2020"]'
    )
    (tmp_path / "statistics.csv").write_text("zone,quantity,item,value,unit,year,source\n")
    with pytest.raises(DataError, match=r"second_2020: .*visits|visits cannot be computed"):
        compare(path, [tmp_path / "first_2020", second])


def test_workbook_holds_what_was_compared_and_is_the_same_every_time(tmp_path: Path) -> None:
    import openpyxl

    found = both(tmp_path, Rules(), Rules(price=3.0, visits=2.0))
    one, two = (found.save(tmp_path / name) / "compared.xlsx" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    book = openpyxl.load_workbook(one)
    values = [[cell.value for cell in row] for row in book["价值量 Values"].iter_rows()]
    assert values[0][2].startswith("first_2020 first_2020 [10⁴ CNY/yr]")
    total = found.total().set_index("standard")["value"]
    assert values[-1][2:] == pytest.approx([total["first_2020"] / 1e4, total["second_2020"] / 1e4])
    assert [row[2] for row in values if row[1] == "visits"] == ["不计 not counted"]
    parts_of = [[c.value for c in row] for row in book["差额分解 Decomposition"].iter_rows()][1:]
    for row in parts_of:
        assert math.fsum(row[4:]) == pytest.approx(row[3], rel=1e-9)
