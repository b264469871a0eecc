"""Weather-index insurance: ladders, windows, missing days, rates, basis risk, published terms."""

from __future__ import annotations

import doctest
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep import library
from gep.errors import DataError
from gep.realization import insurance
from gep.realization.insurance import (
    Contract,
    Ladder,
    Window,
    basis_risk,
    burn_rate,
    payout,
    windows_of,
)
from gep.tables import load_table

STEPS = [("0.5 °C", 0.05), ("-1 °C", 0.15), ("-2 °C", 0.25), ("-3 °C", 0.40)]
TEA = Contract(
    "2000 元/亩",
    Ladder("low_temperature", STEPS, "step"),
    windows_of("03-01", "03-30", days=10),
    price_year=2025,
)
RAIN = Contract(
    "2000 元/亩",
    Ladder("rain_run", [("2 d", 0.1), ("3 d", 0.2), ("5 d", 0.5)], "step", rain_above="10 mm/d"),
    [Window("06-01", "06-20")],
    price_year=2025,
)


def warned(result) -> str:
    return "\n".join(map(str, result.warnings))


def march(year=2025, mild=8.0, **lows):
    """Daily minima of March, mild but for the days given as d03=-2.3."""
    days = pd.date_range(f"{year}-03-01", f"{year}-03-31")
    found = pd.Series(mild, days)
    for day, value in lows.items():
        found[f"{year}-03-{day[1:]}"] = value
    return found


def paid(contract=TEA, weather=None, **changed):
    asked = {"year": 2025, "unit_of_weather": "°C"}
    return payout(contract, march() if weather is None else weather, **(asked | changed))


def june(*rain):
    values = list(rain) + [0.0] * (20 - len(rain))
    return pd.Series(values, pd.date_range("2025-06-01", periods=20))


def rained(*rain, contract=RAIN):
    return payout(contract, june(*rain), year=2025, unit_of_weather="mm/d")


def test_examples_run():
    failed, attempted = doctest.testmod(insurance)
    assert attempted > 0
    assert failed == 0


# ---------------------------------------------------------------------------------------- payouts


def test_three_windows_of_the_synthetic_ladder():
    """-2.3 in the first ten days (25 %), -1.2 in the second (15 %), none in the third: 40 %, 800 元."""
    found = paid(weather=march(d03=-2.3, d05=-1.5, d12=-1.2, d14=0.4, d25=0.6))
    assert found["windows"] == {"03-01 – 03-10": 0.25, "03-11 – 03-20": 0.15, "03-21 – 03-30": 0}
    assert float(found) == pytest.approx(800)
    assert found.unit == "元/亩"


def test_a_window_pays_once_and_the_most():
    once = paid(weather=march(d03=-2.3))
    assert float(once) == float(paid(weather=march(d03=-2.3, d04=-2.2, d05=-1.2))) == 500


@pytest.mark.parametrize(
    ("low", "share"),
    [
        (0.51, 0),
        (0.5, 0.05),
        (-0.99, 0.05),
        (-1, 0.15),
        (-2, 0.25),
        (-2.99, 0.25),
        (-3, 0.4),
        (-20, 0.4),
    ],
)
def test_a_step_pays_from_its_threshold_on(low, share):
    assert paid(weather=march(d05=low))["share"] == share


@pytest.mark.parametrize(
    ("low", "share"), [(0.6, 0), (0.5, 0.05), (-0.25, 0.10), (-1.5, 0.20), (-2.5, 0.325), (-9, 0.4)]
)
def test_a_linear_ladder_pays_between_its_thresholds(low, share):
    linear = replace(TEA, ladder=replace(TEA.ladder, kind="linear"))
    assert paid(linear, march(d05=low))["share"] == pytest.approx(share)


def test_no_more_than_the_sum_insured():
    steep = replace(TEA, ladder=Ladder("low_temperature", [("0 °C", 0.7)], "step"))
    found = paid(steep, march(d03=-1, d13=-1, d23=-1))
    assert found["share"] == 1
    assert float(found) == 2000


def test_days_outside_the_windows_do_not_pay():
    assert float(paid(weather=march(d31=-9))) == 0


def test_runs_of_wet_days():
    """Two days in a row above 10 mm pay 10 %, three 20 %, five 50 %; 10 mm itself does not count."""
    assert float(rained(11, 0, 12)) == 0
    assert float(rained(11, 12)) == 200
    assert float(rained(11, 12, 10, 30, 30, 30)) == 400
    assert float(rained(*[11] * 4)) == 400
    assert float(rained(*[11] * 5)) == 1000
    assert float(rained(*[11] * 9)) == 1000


def test_temperatures_in_kelvin_and_days_with_an_hour():
    kelvin = march(d03=-2.3) + 273.15
    assert float(paid(weather=kelvin, unit_of_weather="K")) == 500
    noon = march(d03=-2.3)
    noon.index = noon.index + pd.Timedelta(hours=8)
    assert float(paid(weather=noon)) == 500
    assert float(paid(weather=noon.tz_localize("Asia/Shanghai"))) == 500


# ------------------------------------------------------------------------------------ missing days


@pytest.mark.parametrize("how", ["nan", "absent"])
def test_a_missing_day_is_undetermined_not_mild(how):
    days = march(d03=-2.3, d12=math.nan)
    found = paid(weather=days if how == "nan" else days.dropna())
    assert found.value is None
    assert found.undetermined == ("2025-03-12",)
    assert found["windows"]["03-11 – 03-20"] is None
    assert "at least this much is due" in "".join(found.notes)
    assert "至少应赔 500 元/亩" in "".join(found.notes)
    with pytest.raises(DataError, match="2025-03-12"):
        float(found)


def test_a_backup_station_fills_what_the_first_lacks_and_nothing_else():
    backup = march(mild=5.0, d03=-9, d12=-1.4)
    found = paid(weather=march(d03=-2.3, d12=math.nan), backup=backup)
    assert float(found) == 800  # 25 % by the first station, 15 % by the second
    same = paid(weather=march(d03=-2.3, d05=math.nan), backup=backup)
    assert float(same) == 500  # -9 of the backup does not count where the first station has a value
    assert "备用站补缺 1 天：2025-03-12" in "".join(found.notes)
    empty = paid(weather=march(d12=math.nan), backup=march(d12=math.nan))
    assert empty.undetermined == ("2025-03-12",)


def test_a_missing_day_outside_the_windows_does_not_matter():
    assert float(paid(weather=march(d31=math.nan))) == 0


def test_missing_days_do_not_matter_once_all_is_paid():
    steep = replace(TEA, ladder=Ladder("low_temperature", [("0 °C", 1)], "step"))
    assert float(paid(steep, march(d03=-1, d12=math.nan))) == 2000


# ----------------------------------------------------------------------------------- wrong contracts


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([("-1 °C", 0.1), ("0 °C", 0.2)], "the ladder does not rise"),
        ([("0 °C", 0.2), ("-1 °C", 0.1)], "the ladder does not rise"),
        ([("0 °C", 0.1), ("0 °C", 0.2)], "the ladder does not rise"),
        ([], "the ladder has no step"),
        ([(0.5, 0.1)], "the amount has no unit"),
        ([("0 °C", 20)], "looks like a percentage"),
        ([("0 °C", -0.1)], "the rate is negative"),
        ([("2 d", 0.1)], "does not fit"),
    ],
)
def test_wrong_ladders_are_refused(steps, says):
    wrong = replace(TEA, ladder=replace(TEA.ladder, steps=steps))
    with pytest.raises(DataError) as error:
        paid(wrong)
    assert says in str(error.value)


def test_wrong_contracts_and_series_are_refused_with_all_problems():
    days = march(d05=-23, d06=-999)
    wrong = replace(
        TEA, sum_insured="-2000 元/亩", windows=[Window("03-10", "03-01"), Window("2-30", "03-01")]
    )
    with pytest.raises(DataError) as error:
        paid(wrong, days)
    for part in (
        "the sum insured is negative",
        "window 1: the window ends before it begins",
        "window 2: this is no day of a year",
        "no station measures below -100 or above 60 °C",
        "1 values, the first on 2025-03-06: -999",
    ):
        assert part in str(error.value)


def test_tenths_of_a_degree_are_noticed():
    with pytest.raises(DataError, match="tenths of a degree"):
        paid(weather=march(mild=80.0))


def test_windows_that_overlap_would_pay_twice():
    twice = replace(TEA, windows=[Window("03-01", "03-10"), Window("03-10", "03-20")])
    with pytest.raises(DataError, match="windows overlap: a day would be paid twice"):
        paid(twice)
    with pytest.raises(DataError, match="has no window"):
        paid(replace(TEA, windows=[]))


def test_series_without_days_with_repeats_or_in_another_unit():
    with pytest.raises(DataError, match="the series has no days"):
        paid(weather=pd.Series([1.0, 2.0]))
    with pytest.raises(DataError, match="a day occurs twice"):
        paid(weather=pd.concat([march(), march(d03=-9)]))
    with pytest.raises(DataError, match=r"\[mm/d\] does not fit"):
        paid(unit_of_weather="mm/d")
    with pytest.raises(DataError, match="the series does not hold numbers"):
        paid(weather=march().astype(object).replace(8.0, "mild"))


def test_whole_numbers_with_gaps_are_read():
    days = march(mild=8, d03=-2).astype("Int64")
    assert float(paid(weather=days)) == 500
    days["2025-03-05"] = pd.NA
    assert paid(weather=days).undetermined == ("2025-03-05",)


def test_kinds_of_ladders():
    with pytest.raises(DataError, match="the ladder is of no known kind"):
        paid(replace(TEA, ladder=Ladder("frost", STEPS, "step")))
    with pytest.raises(DataError, match="rain_above belongs to rain_run only"):
        paid(replace(TEA, ladder=replace(TEA.ladder, rain_above="10 mm/d")))
    with pytest.raises(DataError, match="rain_above"):
        rained(11, contract=replace(RAIN, ladder=replace(RAIN.ladder, rain_above=None)))


def test_windows_of_ten_days():
    found = windows_of("02-19", "03-24", days=10)
    assert [(w.first, w.last) for w in found] == [
        ("02-19", "02-28"), ("03-01", "03-10"), ("03-11", "03-20"), ("03-21", "03-24"),
    ]  # fmt: skip
    with pytest.raises(DataError, match="days are not in order"):
        windows_of("03-24", "02-19", days=10)


@given(
    st.lists(st.floats(-30, 20), min_size=31, max_size=31), st.floats(0, 3), st.integers(0, 30)
)  # fmt: skip
def test_colder_never_pays_less(lows, colder, day):
    one = pd.Series(lows, pd.date_range("2025-03-01", periods=31))
    two = one.copy()
    two.iloc[day] -= colder
    assert 0 <= float(paid(weather=one)) <= float(paid(weather=two)) <= 2000


@given(st.lists(st.booleans(), min_size=20, max_size=20))
def test_runs_are_counted_as_written_out(wet):
    """The longest stretch of wet days, found as text."""
    longest = max(map(len, "".join("x" if w else " " for w in wet).split()), default=0)
    share = 0.5 if longest >= 5 else 0.2 if longest >= 3 else 0.1 if longest >= 2 else 0
    assert rained(*[20.0 if w else 0.0 for w in wet])["share"] == share


# -------------------------------------------------------------------------- rates and basis risk


def years_of(lows, first=2001):
    return pd.concat([march(year, d03=low) for year, low in enumerate(lows, start=first)])


def burnt(lows, **changed):
    asked = {
        "years": range(2001, 2001 + len(lows)), "unit_of_weather": "°C", "load": 0.25, "subsidy": 0.8,
    }  # fmt: skip
    return burn_rate(TEA, changed.pop("weather", years_of(lows)), **(asked | changed))


def test_pure_gross_and_farmer_premium():
    """20 years: 25 % in four, 5 % in two: pure (1.00 + 0.10)/20 = 5.5 %; gross 6.875 %; by hand."""
    found = burnt([-2.5] * 4 + [0.2] * 2 + [5] * 14)
    assert float(found) == pytest.approx(0.055)
    assert found["gross"] == pytest.approx(0.06875)
    assert found["premium"] == pytest.approx(137.5)
    assert found["farmer"] == pytest.approx(27.5)
    assert found["payouts"]["2001"] == 500
    assert not found.warnings


def test_fewer_than_twenty_years_warn():
    assert "fewer than 20 years are burnt" in warned(burnt([-2.5] + [5] * 18))


def test_a_year_with_a_missing_day_makes_the_rate_undetermined():
    lows = [-2.5] + [5.0] * 19
    found = burnt(lows, weather=years_of(lows).drop("2007-03-09"))
    assert found.value is None
    assert found["farmer"] is None
    assert found.undetermined == ("2007: 2007-03-09",)
    assert "2007-03-09" in found.text("zh")
    filled = burnt(lows, weather=years_of(lows).drop("2007-03-09"), backup=years_of(lows))
    assert float(filled) == pytest.approx(0.25 / 20)


def test_wrong_terms_of_a_rate():
    with pytest.raises(DataError) as error:
        burnt([5.0] * 20, load=-0.1, subsidy=80, years=[2001, 2001])
    for part in (
        "the load is negative",
        "looks like a percentage",
        "years are a list without repeats",
    ):
        assert part in str(error.value)
    with pytest.raises(DataError, match="the sum insured is 0"):
        burn_rate(
            replace(TEA, sum_insured="0 元/亩"), years_of([5.0]), years=[2001],
            unit_of_weather="°C", load=0, subsidy=0,
        )  # fmt: skip


def money(values, first=2001):
    return {y: None if v is None else f"{v} 元/亩" for y, v in enumerate(values, start=first)}


def test_basis_risk():
    pays, losses = [0, 100, 200, 0, 50], [0, 150, 180, 120, 10]
    found = basis_risk(money(pays), money(losses), loss_above="20 元/亩")
    assert float(found) == pytest.approx(1 / 3)  # three years of loss, nothing paid in one
    assert found["correlation"] == pytest.approx(np.corrcoef(pays, losses)[0, 1])
    assert found["paid_without_loss"] == pytest.approx(1 / 5)


def test_basis_risk_without_losses_and_with_years_left_out():
    found = basis_risk(money([0, 0, 0]), money([0, 1, 2]), loss_above="5 元/亩")
    assert found.undetermined == ("no year of loss",)
    assert found["correlation"] is None
    part = basis_risk(money([1, 2, 3, None]), money([1, 2, 3, 4]), loss_above="0 元/亩")
    assert "2004" in warned(part)
    with pytest.raises(DataError, match="fewer than three years in common"):
        basis_risk(money([1, 2]), money([1, 2]), loss_above="0 元/亩")
    with pytest.raises(DataError, match="the amount is negative"):
        basis_risk(money([1, -2, 3]), money([1, 2, 3]), loss_above="0 元/亩")


# --------------------------------------------------------------------------------- published terms

FOLDER = library.data_root("coefficients") / "methods"
TERMS = load_table(FOLDER / "weather_insurance.csv")
MONEY = load_table(FOLDER / "weather_insurance_money.csv")


def term(product, column):
    return TERMS.entries[column][(product,)].value


def amount(item):
    return MONEY.dated[item][0].value


def test_yinzhou_tea_insurance():
    """Sum insured 2 000, premium 200, farmer 40 元 an 亩: 10 %, and a fifth of it by the farmer."""
    assert amount("yinzhou_tea_premium") / amount("yinzhou_tea_sum_insured") == pytest.approx(0.10)
    assert amount("yinzhou_tea_farmer_premium") / amount("yinzhou_tea_premium") == pytest.approx(
        0.2
    )
    assert amount("yinzhou_tea_sum_insured") == 2000
    trigger = (term("yinzhou_tea", "trigger_temperature"), "°C")
    assert trigger[0] == 0.5
    contract = Contract("2000 元/亩", Ladder("low_temperature", [(trigger, 0.05)], "step"),
                        [Window("02-19", "03-24")], price_year=2023)  # fmt: skip
    season = pd.Series(3.0, pd.date_range("2023-02-19", "2023-03-24"))
    assert float(payout(contract, season, year=2023, unit_of_weather="°C")) == 0
    season["2023-03-24"] = 0.5
    assert float(payout(contract, season, year=2023, unit_of_weather="°C")) == 100


def test_zhenjiang_tea_insurance():
    """Premiums of 45 to 105 元; ten-day windows from 1 March to 30 April, one payout in each."""
    assert (amount("zhenjiang_tea_premium_lowest"), amount("zhenjiang_tea_premium_highest")) == (
        45,
        105,
    )
    assert term("zhenjiang_tea", "window_days") == 10
    found = windows_of("03-01", "04-30", days=10)
    assert len(found) == 7
    assert found[0].last == "03-10"


def test_lianjiang_tea_payout():
    """123.9 万元 for 13 772.7 亩 is 89.96 元 an 亩; at 3 °C; governments pay 85 %."""
    assert amount("lianjiang_tea_payout") * 1e4 / amount("lianjiang_tea_area") == pytest.approx(
        89.96, abs=0.005
    )
    assert term("lianjiang_tea", "trigger_temperature") == 3
    assert 100 - term("lianjiang_tea", "fiscal_share") == 15


def test_fuding_tea_sum_insured():
    """645 万元 for 2 150 亩 is 3 000 元 an 亩; at -1 °C."""
    assert amount("fuding_tea_sum_insured") * 1e4 / amount("fuding_tea_area") == pytest.approx(3000)
    assert term("fuding_tea", "trigger_temperature") == -1


def test_keqiao_bayberry_insurance():
    """Two days in a row above 10 mm; up to 2 000 元; rate 7 to 15 %; 75 % paid by governments."""
    assert (term("keqiao_bayberry", "trigger_rain"), term("keqiao_bayberry", "trigger_days")) == (
        10,
        2,
    )
    assert (term("keqiao_bayberry", "rate_low"), term("keqiao_bayberry", "rate_high")) == (7, 15)
    assert term("keqiao_bayberry", "fiscal_share") == 75
    assert amount("keqiao_bayberry_payout") * amount("keqiao_bayberry_area") == 20_000
    assert amount("keqiao_bayberry_payout") / amount(
        "keqiao_bayberry_sum_insured"
    ) == pytest.approx(0.1)


def test_jinpu_cherry_insurance():
    """4 000 元 an 亩 at 3.5 % is a premium of 140 元; from 10 mm a day."""
    assert amount("jinpu_cherry_sum_insured") * term(
        "jinpu_cherry", "rate_low"
    ) / 100 == pytest.approx(140)
    assert term("jinpu_cherry", "rate_low") == term("jinpu_cherry", "rate_high")
    assert term("jinpu_cherry", "trigger_rain") == 10


def test_pure_rates_of_tea_in_fujian():
    """By altitude, 1.4 to 10.2 %."""
    assert (term("fujian_tea", "pure_rate_low"), term("fujian_tea", "pure_rate_high")) == (
        1.4,
        10.2,
    )


def test_every_term_names_its_source():
    for table in (TERMS, MONEY):
        entries = [e for column in table.entries.values() for e in column.values()]
        assert entries
        assert {e.verified for e in entries} == {"secondary"}
        assert all(table.source_text(e) != e.source for e in entries)
