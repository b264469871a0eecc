"""Units: only what is listed, exact factors, substances and currencies that cannot be mixed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import UnitError, UsageError
from gep.units import (
    CURRENCIES,
    NUMBER,
    SUBSTANCES,
    Unit,
    convert,
    declare,
    known_units,
    linear,
    unit,
)

#: The whole list: a unit is added here and there on purpose, never by accident.
PLAIN = {
    *("m", "mm", "cm", "dm", "km", "hm", "ha", "亩", "公顷", "L"),
    *("s", "min", "h", "d", "yr", "a", "年"),
    *("g", "mg", "kg", "t", "吨", "kt", "Mt"),
    *("J", "kJ", "MJ", "GJ", "W", "kW", "MW", "kWh", "MWh", "Pa", "hPa", "kPa", "K", "degC"),
    *("deg", "dB", "ion", "人", "person", "人次", "visit", "户", "间夜", "room_night"),
    *("equivalent", "污染当量"),
    *("percent", "permille", "ppm", "万", "亿", "元"),
}


def test_the_list_is_strict() -> None:
    substances = {prefix + name for name in SUBSTANCES for prefix in ("g", "kg", "t")}
    assert known_units() == PLAIN | substances | set(CURRENCIES)


@pytest.mark.parametrize(
    ("text", "other", "factor"),
    [
        ("mm/yr", "m³/(ha·yr)", 10),
        ("mm/yr", "m³/(hm²·yr)", 10),
        ("mm/yr", "m³/(km²·yr)", 1000),
        ("亩", "m²", Fraction(2000, 3)),
        ("ha", "亩", 15),
        ("万元", "CNY", 10**4),
        ("亿元/yr", "万元/yr", 10**4),
        ("亿m³", "m³", 10**8),
        ("亿m3", "m³", 10**8),
        ("万m³/yr", "m³/yr", 10**4),
        ("万人次", "人次", 10**4),
        ("万亩", "km²", Fraction(20, 3)),
        ("%", "1", Fraction(1, 100)),
        ("‰", "1", Fraction(1, 1000)),
        ("t/km²", "kg/ha", 10),
        ("kWh", "kJ", 3600),
        ("MJ·mm/(hm²·h·yr)", "MJ·mm/(ha·h·yr)", 1),
        ("kgC/m²", "tC/ha", 10),
        ("L", "dm³", 1),
        ("hPa", "Pa", 100),
        ("W·d", "kWh", Fraction(24, 1000)),
    ],
)
def test_exact_factors(text: str, other: str, factor: Fraction) -> None:
    assert unit(text).factor_to(unit(other)) == factor


@pytest.mark.parametrize(
    "spelling",
    [
        *("t/(km²·yr)", "t km-2 yr-1", "t·km⁻²·a⁻¹", "t km^-2 yr^-1", "t/km²/yr", "t/km2/a"),
        *("t*km**-2*yr**-1", "吨/(km²·年)", "t.km-2.yr-1", " t / ( km² · yr ) "),
    ],
)
def test_spellings_of_one_unit(spelling: str) -> None:
    wanted = unit("t/(km²·yr)")
    assert unit(spelling).agrees(wanted)
    assert unit(spelling).factor_to(wanted) == 1


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mu", "write 亩"),
        ("ton", "write t"),
        ("tons", "write t"),
        ("C", "write tC, kgC or gC"),
        ("t/year", "write yr"),
        ("mm/month", "a month has no fixed length"),
        ("mm/day", "write d"),
        ("RMB", "with a price_year"),
        ("yuan", "with a price_year"),
        ("F", "write degC"),
        ("l", "write L"),
        ("mm/y", "did you mean"),
        ("kgs", "did you mean 'kg'"),
        ("hectare", "known:"),
    ],
)
def test_refused_names_come_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(UnitError, match=hint):
        unit(text)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "/", "m/", "(m", "m)", "m//s", "2m", "m^", "m**x", "10 mm", "m;s", "__import__",
     "m" * 81, "t km -2", "(" * 40, "m²²", "1.5", "-m", "万", "m^2^3"],
)  # fmt: skip
def test_what_is_not_a_unit(text: str) -> None:
    if text == "万":
        assert unit(text).factor == 10**4  # a count in ten thousands is a unit
        return
    with pytest.raises(UnitError):
        unit(text)


@given(st.text(alphabet="mtkCNYha²³⁻/·()*-1234567890 yr%‰万亿元.^", max_size=20))
def test_any_text_gives_a_unit_or_a_clear_error(text: str) -> None:
    try:
        found = unit(text)
    except UnitError:
        return
    assert unit(str(found)) == found


NAMES = st.sampled_from(sorted(PLAIN - {"degC"} | {"tC", "kgSO2", "CNY", "tsoil"}))


@given(st.dictionaries(NAMES, st.integers(-4, 4).filter(bool), max_size=4))
def test_what_is_printed_reads_back(powers: dict[str, int]) -> None:
    made = Unit(tuple((name, Fraction(p)) for name, p in powers.items()))
    back = unit(str(made))
    assert back.agrees(made)
    assert back.factor_to(made) == 1


@given(NAMES, NAMES, st.integers(1, 3))
def test_products_and_quotients_undo_each_other(a: str, b: str, power: int) -> None:
    one, other = unit(a), unit(b) ** power
    assert one * other / other == one
    assert (one / one) == NUMBER
    assert (one**0.5) ** 2 == one


def test_substances_do_not_mix() -> None:
    for one, other in (
        ("tC", "tCO2"),
        ("tC", "t"),
        ("tSO2", "tNOx"),
        ("tN", "tTN"),
        ("tsoil", "tsand"),
    ):
        with pytest.raises(UnitError, match="cannot be converted"):
            unit(one).factor_to(unit(other))
    for one in CURRENCIES:
        assert unit(one).currency == one
        assert [o for o in CURRENCIES if unit(one).agrees(unit(o))] == [one]


def test_a_year_is_a_period_of_account_and_no_number_of_days() -> None:
    with pytest.raises(UnitError):
        unit("mm/d").factor_to(unit("mm/yr"))
    assert (unit("mm/d") * unit("d/yr")).factor_to(unit("mm/yr")) == 1


def test_one_thousandth_is_not_one() -> None:
    assert not unit("mm/m").is_number
    assert unit("mm/m").is_dimensionless
    assert unit("mm/m").factor_to(NUMBER) == Fraction(1, 1000)
    assert not unit("%").is_number
    assert unit("m/m").is_number
    assert unit("1").is_number


def test_temperatures_have_zero_points() -> None:
    assert linear(unit("degC"), unit("K")) == (1.0, 273.15)
    assert linear(unit("K"), unit("°C")) == (1.0, -273.15)
    assert linear(unit("℃"), unit("°C")) == (1.0, 0.0)
    np.testing.assert_allclose(
        convert(np.array([-40.0, 0.0]), unit("degC"), unit("K")), [233.15, 273.15]
    )
    with pytest.raises(UnitError, match="zero points differ"):
        unit("degC").factor_to(unit("K"))
    assert not (unit("degC") / unit("km")).is_offset  # a difference of temperature


def test_rates_times_area() -> None:
    assert str(unit("t/(km²·yr)").times_area()) == "t/yr"
    assert str(unit("m³/(hm²·yr)").times_area()) == "m³/yr"
    assert unit("mm/yr").times_area().factor_to(unit("m³/yr")) == Fraction(1, 1000)
    assert unit("%").over_area() is None


def test_convert_leaves_equal_numbers_untouched() -> None:
    values = np.array([0.1, -1.0, np.nan])
    assert convert(values, unit("mm/yr"), unit("mm/a")) is values
    np.testing.assert_allclose(convert(values, unit("m/yr"), unit("mm/yr")), values * 1000)


@given(st.floats(-1e12, 1e12), st.sampled_from(["mm/yr", "亿元", "t/(km²·yr)", "%", "亩"]))
def test_there_and_back(value: float, text: str) -> None:
    base = Unit(tuple(unit(text).powers))
    other = {"mm/yr": "m/yr", "亿元": "元", "t/(km²·yr)": "g/(m²·yr)", "%": "1", "亩": "m²"}[text]
    there = convert(value, base, unit(other))
    assert convert(there, unit(other), base) == pytest.approx(value, rel=1e-14, abs=1e-300)


def test_declared_functions_convert_labelled_arrays_and_name_the_result_s_unit() -> None:
    @declare(depth="mm", returns="m")
    def metres(*, depth: object) -> object:
        """Return depth in metres."""
        return depth / 1000  # type: ignore[operator]

    rain = xr.DataArray([1.0, 2.0], dims="x", attrs={"units": "m", "note": "rain"})
    result = metres(depth=rain)
    assert result.to_numpy().tolist() == [1.0, 2.0]
    assert result.attrs == {"units": "m"}
    assert metres(depth=5000) == 5
    with pytest.raises(UnitError, match="has no units attribute"):
        metres(depth=xr.DataArray([1.0], dims="x"))
    with pytest.raises(UsageError, match="without a declared unit"):
        declare(returns="m")(lambda *, depth: depth)
