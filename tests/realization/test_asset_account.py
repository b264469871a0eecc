"""Asset accounts: the identity is exact, each cause goes where it belongs, rounding balances."""

from __future__ import annotations

import shutil
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gep
from gep.errors import DataError, UsageError
from gep.realization.asset_account import ENTRIES, asset_account, changes

ROOT = Path(__file__).resolve().parents[2]
TERMS = {"life": 100, "rate": 0.03, "timing": "arrears", "years": (2015, 2020)}
FACTOR = sum(1.03**-t for t in range(1, 101))
SIGNS = {"enhancement": 1, "degradation": -1, "conversions": 1, "other_volume": 1, "revaluation": 1}


def flows(rows, price_year=2020):
    table = pd.DataFrame(rows, columns=["service", "ecosystem", "quantity", "value"])
    return table.assign(unit="m³/yr", currency="CNY", price_year=price_year)


def account(before, after, extent, **more):
    return asset_account(flows(before, 2015), flows(after), extent=extent, **{**TERMS, **more})


# ---------------------------------------------------------------------------------- the entries

positive = st.fractions(Fraction(1, 1000), 1000)
anything = st.one_of(st.just(Fraction(0)), positive)
signed = st.fractions(-1000, 1000)


@st.composite
def states(draw):
    """Quantity, extent, value of an asset; nothing comes from nothing."""
    area = draw(anything)
    quantity = draw(anything) if area else Fraction(0)
    value = draw(anything) if quantity else Fraction(0)
    return quantity, area, value


@given(states(), states(), signed)
def test_the_identity_is_exact(before, after, other):
    found = changes(before, after, other)
    total = found["opening"] + sum(sign * found[name] for name, sign in SIGNS.items())
    assert total == found["closing"]
    assert found["volume_effect"] + found["price_effect"] == found["closing"] - found["opening"]
    assert found["enhancement"] == 0 or found["degradation"] == 0


@given(states(), states())
def test_time_runs_both_ways(before, after):
    there, back = changes(before, after, Fraction(0)), changes(after, before, Fraction(0))
    for name in ("conversions", "revaluation", "volume_effect", "price_effect"):
        assert there[name] == -back[name]
    assert there["enhancement"] == back["degradation"]


def test_each_cause_alone_by_hand():
    def parts(before, after, other=Fraction(0)):
        found = changes(tuple(map(Fraction, before)), tuple(map(Fraction, after)), other)
        return {name: float(found[name]) for name in SIGNS if found[name]}

    # quantity, extent, value
    assert parts((10, 5, 100), (10, 5, 100)) == {}
    assert parts((10, 5, 100), (8, 4, 80)) == {"conversions": -20}
    assert parts((10, 5, 100), (12, 5, 120)) == {"enhancement": 20}
    assert parts((10, 5, 100), (7, 5, 70)) == {"degradation": 30}
    assert parts((10, 5, 100), (10, 5, 130)) == {"revaluation": 30}
    assert parts((10, 5, 100), (7, 5, 70), Fraction(-3)) == {"other_volume": -30}
    assert parts((10, 5, 100), (7, 5, 70), Fraction(-2)) == {"other_volume": -20, "degradation": 10}
    assert parts((0, 0, 0), (10, 5, 100)) == {"conversions": 100}
    assert parts((10, 5, 100), (0, 0, 0)) == {"conversions": -100}
    assert parts((0, 5, 0), (10, 5, 100)) == {"enhancement": 100}


def test_average_prices_and_average_volumes():
    # price 10 -> 20, quantity 10 -> 8: volume -2 · 15, price +10 · 9
    found = changes((10.0, 5.0, 100.0), (8.0, 5.0, 160.0), 0.0)
    assert (found["volume_effect"], found["price_effect"]) == (-30.0, 90.0)


# ---------------------------------------------------------------------------------- the account

BEFORE = [("water", "forest", 100.0, 800.0), ("water", "wetland", 50.0, 400.0)]
AFTER = [("water", "forest", 121.0, 1089.0), ("water", "wetland", 40.0, 360.0)]
EXTENT = {"forest": ("10 ha", "11 ha"), "wetland": ("5 ha", "60 亩")}


def test_account_by_hand():
    found = account(BEFORE, AFTER, EXTENT)
    total = found.total
    assert total["opening"] == pytest.approx(1200 * FACTOR)
    assert total.value == pytest.approx(1449 * FACTOR)
    # at the average price of 8.5: the forest gains 1 ha of 10.5 a ha and 1 a ha on 10.5 ha;
    # the wetland loses 1 ha of 10 a ha and gives as much by hectare as before
    assert total["conversions"] == pytest.approx((10.5 - 10) * 8.5 * FACTOR)
    assert total["enhancement"] == pytest.approx(10.5 * 8.5 * FACTOR)
    assert total["degradation"] == pytest.approx(0, abs=1e-6)
    assert total["revaluation"] == pytest.approx((110.5 + 45) * FACTOR)
    assert total.price_year == 2020
    assert found.price_years == (2015, 2020)
    assert not found.warnings


def test_first_flow_today_or_in_a_year():
    arrears, advance = (
        account(BEFORE, AFTER, EXTENT, timing=t).total for t in ("arrears", "advance")
    )
    assert advance.value == pytest.approx(arrears.value * 1.03)


def test_declining_rates_and_a_rate_that_changes():
    schedule = [(30, 0.035), (75, 0.03), (125, 0.025)]
    found = account(
        [("w", "f", 1.0, 1.0)], [("w", "f", 1.0, 1.0)], {"f": ("1 ha", "1 ha")}, rate=schedule
    )
    assert found.total.value == pytest.approx(28.863, abs=5e-4)  # as recalled of ONS practice
    moved = account(BEFORE, BEFORE, {k: (v[0], v[0]) for k, v in EXTENT.items()}, closing_rate=0.04)
    fourth = sum(1.04**-t for t in range(1, 101))
    assert moved.total["revaluation"] == pytest.approx(1200 * (fourth - FACTOR))
    assert "closing_rate" in moved.inputs


def test_other_changes_are_those_that_are_named():
    fire = {("water", "wetland"): -5.0}
    found = account(BEFORE, AFTER, EXTENT, other_volume=fire)
    assert found.total["other_volume"] == pytest.approx(-5 * 8.5 * FACTOR)
    with pytest.raises(DataError, match="no such service of an ecosystem"):
        account(BEFORE, AFTER, EXTENT, other_volume={("water", "desert"): 1.0})
    with pytest.raises(DataError, match="not a finite number"):
        account(BEFORE, AFTER, EXTENT, other_volume={("water", "forest"): float("nan")})


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 1e6), st.floats(0.1, 1e6), st.floats(0.1, 1e6), st.floats(0.1, 1e6)
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["0.01", "1", "1000"]),
)
def test_rounded_accounts_still_balance(rows, step):
    before = [("w", f"e{n}", q0, v0) for n, (q0, v0, _, _) in enumerate(rows)]
    after = [("w", f"e{n}", q1, v1) for n, (_, _, q1, v1) in enumerate(rows)]
    extent = {f"e{n}": ("2 ha", "3 ha") for n in range(len(rows))}
    found = account(before, after, extent)
    sums = {name: found.table[name].sum() for name in ENTRIES}
    scale = max(map(abs, sums.values()))
    identity = sums["opening"] + sum(sign * sums[name] for name, sign in SIGNS.items())
    assert identity == pytest.approx(sums["closing"], abs=1e-9 * scale)
    frame = found.frame("en", step=Decimal(step))
    frame.index = list(ENTRIES)
    for column in frame.columns:
        own = frame[column]
        assert own["opening"] + sum(s * own[n] for n, s in SIGNS.items()) == own["closing"]
        assert all(number % Decimal(step) == 0 for number in own)
    assert (frame.drop(columns="Total").sum(axis=1) == frame["Total"]).all()
    for n, column in enumerate(frame.columns[:-1]):
        for name in ENTRIES:
            exact = found.table[name][n]
            assert abs(float(frame[column][name]) - exact) <= 2 * float(step)


def test_frames_in_both_languages():
    found = account(BEFORE, AFTER, EXTENT)
    assert list(found.frame("zh").columns) == ["forest", "wetland", "合计"]
    assert found.frame("zh").index[0] == "期初价值"
    assert list(found.frame("en", by="service").columns) == ["water", "Total"]
    assert found.frame("en").loc["Closing value", "Total"] == pytest.approx(1449 * FACTOR)
    with pytest.raises(UsageError, match="cannot group by 'zone'"):
        found.frame(by="zone")
    assert "重估价" in found.text("zh")


def test_from_accounts(tmp_path):
    """A hundred hectares of forest of the synthetic county become town."""
    folder = tmp_path / "county"
    shutil.copytree(ROOT / "examples" / "county", folder)
    first = gep.Project.load(folder / "county_tables.toml").run()
    table = pd.read_csv(folder / "extent.csv")
    for ecosystem, change in (("evergreen_broadleaf_forest", -100), ("town", 100)):
        here = (table["zone"] == 990001) & (table["ecosystem"] == ecosystem)
        assert here.sum() == 1
        table.loc[here, "area"] += change
    table.to_csv(folder / "extent.csv", index=False)
    second = gep.Project.load(folder / "county_tables.toml").run()
    found = asset_account(first, second, money="亿元", **TERMS)

    own = first.table.groupby(["service", "indicator", "ecosystem"])[["quantity", "value"]]
    both = own.sum(min_count=1).dropna()
    assert found.total["opening"] == pytest.approx(both["value"].sum() * FACTOR / 1e8)
    lacking = own.sum(min_count=1)["quantity"].isna()
    assert {name.split()[0] for name in found.left_out} >= {
        key[0] for key in own.groups if lacking[key]
    }
    assert "partial" in found.warnings[0].what
    assert "Partial" in found.total.notes[0]

    # carbon by class is a rate by hectare: all of its change is a conversion
    carbon = found.table[found.table["service"] == "carbon_sequestration"].set_index("ecosystem")
    forest = carbon.loc["evergreen_broadleaf_forest"]
    area = float(first.dataset["area"].sel(ecosystem="evergreen_broadleaf_forest").sum()) / 1e4
    assert forest["conversions"] == pytest.approx(-forest["opening"] * 100 / area)
    assert forest["closing"] == pytest.approx(forest["opening"] + forest["conversions"])
    assert found.total["revaluation"] == pytest.approx(0, abs=1e-9)
    assert "常绿阔叶林" in found.frame("zh").columns
    assert "Whole area" in found.frame("en").columns


# ---------------------------------------------------------------------------------- bad input


def test_an_ecosystem_that_appears_is_a_conversion():
    extent = {"forest": ("0 ha", "2 ha"), "bare": ("2 ha", "0 ha")}
    found = account([("water", "bare", 1.0, 8.0)], [("water", "forest", 10.0, 80.0)], extent)
    assert found.total["conversions"] == pytest.approx(72 * FACTOR)
    assert not found.left_out


def test_what_is_not_known_is_left_out_and_named():
    before = [*BEFORE, ("crops", "field", float("nan"), 9.0), ("fish", "lake", 3.0, 9.0)]
    after = [*AFTER, ("crops", "field", float("nan"), 9.0)]
    found = account(before, after, {**EXTENT, "field": ("1 ha", "1 ha")})
    assert found.left_out == ("crops, field (no quantity)", "fish, lake (not in closing)")
    assert found.total.value == pytest.approx(1449 * FACTOR)
    with pytest.raises(DataError, match="nothing has a quantity and a value at both times"):
        account(before[2:3], after[2:3], {"field": ("1 ha", "1 ha")})


@pytest.mark.parametrize(
    ("before", "extent", "more", "said"),
    [
        (BEFORE, {"forest": ("1 ha", "1 ha")}, {}, "the extent of the ecosystem is missing"),
        (
            BEFORE,
            {**EXTENT, "forest": ("0 ha", "1 ha")},
            {},
            "comes from an ecosystem without extent",
        ),
        (BEFORE, {**EXTENT, "forest": ("-1 ha", "1 ha")}, {}, "an extent is below zero"),
        (BEFORE, {**EXTENT, "forest": (10, 11)}, {}, "the amount has no unit"),
        ([("water", "forest", 0.0, 8.0), BEFORE[1]], EXTENT, {}, "a quantity of zero has a value"),
        (BEFORE, EXTENT, {"life": 0}, "life is a whole number"),
        (BEFORE, EXTENT, {"timing": ""}, "the timing is not known"),
        (BEFORE, EXTENT, {"rate": 3}, "looks like a percentage"),
        (BEFORE, EXTENT, {"years": (2020, 2020)}, "does not follow the opening year"),
        (BEFORE, EXTENT, {"rate": [(30, 0.03)]}, "ends in year 30, the flows in year 100"),
        (BEFORE, EXTENT, {"money": "ha"}, "no money"),
    ],
)
def test_what_is_refused(before, extent, more, said):
    with pytest.raises(DataError, match=said):
        account(before, AFTER, extent, **more)


def test_tables_that_do_not_do():
    good = flows(AFTER)
    with pytest.raises(DataError, match="the column 'unit' is missing"):
        asset_account(good.drop(columns="unit"), good, extent=EXTENT, **TERMS)
    with pytest.raises(DataError, match="the values have one price year"):
        asset_account(good.assign(price_year=[2015, 2020]), good, extent=EXTENT, **TERMS)
    with pytest.raises(DataError, match="cannot be converted"):
        asset_account(good.assign(unit="t/yr"), good, extent=EXTENT, **TERMS)
    twice = pd.concat([good, good.assign(unit="t/yr")])
    with pytest.raises(DataError, match="the units differ between rows"):
        asset_account(twice, good, extent=EXTENT, **TERMS)
    litres = good.assign(unit="L/yr", quantity=good["quantity"] * 1000)
    found = asset_account(
        good, litres, extent={k: (v[0], v[0]) for k, v in EXTENT.items()}, **TERMS
    )
    assert found.total["volume_effect"] == pytest.approx(0, abs=1e-6)


def test_values_that_are_missing_or_of_a_stock(tmp_path):
    nothing = [("water", "forest", 100.0, float("nan")), BEFORE[1]]
    assert account(nothing, AFTER, EXTENT).left_out == ("water, forest (no value)",)
    with pytest.raises(DataError, match=r"unknown unit|not a unit"):
        asset_account(flows(BEFORE).assign(currency="beads"), flows(AFTER), extent=EXTENT, **TERMS)
    with pytest.raises(DataError, match="cannot be converted"):
        asset_account(flows(BEFORE).assign(currency="USD"), flows(AFTER), extent=EXTENT, **TERMS)
    stock = gep.Project.load(ROOT / "examples" / "county" / "county_tables.toml").run()
    for name in list(stock.dataset.data_vars):
        if stock.dataset[name].attrs.get("currency"):
            stock.dataset[name].attrs["units"] = "CNY"
    with pytest.raises(DataError, match="the value is that of a stock, not of a year"):
        asset_account(stock, stock, **TERMS)
    assert "Opening value" in repr(account(BEFORE, AFTER, EXTENT))
