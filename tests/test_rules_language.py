"""The reader of service files: every kind of rule error is found, placed and explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input_projects import RULES, edit, refusal, write_standard

from gep import library
from gep.model import Service

WATER, AIR, HEAD = "water_retention.toml", "air_cleaning.toml", "standard.toml"

# file, what is replaced, by what, and the words that the message must hold
FAULTS = {
    "id": (WATER, 'id = "water_retention"', 'id = "water"', "id is not the file's name", "'water'"),
    "kind": (WATER, '"regulating"', '"regulatory"', "kind is one of provisioning"),
    "verified": (
        WATER,
        'verified = "full_text"',
        'verified = "yes"',
        "verified is one of",
        "'yes'",
    ),
    "cite": (WATER, '"book, A.1"', '"bock, A.1"', "unknown source 'bock'", "did you mean 'book'?"),
    "title": (WATER, ', zh = "水源涵养" }', " }", "a title has both languages"),
    "missing key": (WATER, 'kind = "regulating"\n', "", "key 'kind' is missing"),
    "unknown key": (
        WATER,
        "[account]",
        "[acount]",
        "unknown key 'acount'",
        "did you mean 'account'?",
    ),
    "no examples": (WATER, "[[examples]]", "[[exemples]]", "key 'examples' is missing"),
    "empty examples": (WATER, "[inputs]", "examples = []\n[inputs]", "not valid TOML"),
    "class": (
        WATER,
        "[inputs]",
        'ecosystems = ["forst"]\n[inputs]',
        "unknown class 'forst'",
        "'forest'",
    ),
    "quantity": (
        WATER,
        '"precipitation"',
        '"precipitations"',
        "unknown quantity",
        "'precipitation'?",
    ),
    "unit of input": (
        WATER,
        'is = "precipitation", unit = "mm/yr"',
        'is = "precipitation", unit = "mm"',
        "[mm] is not a unit of precipitation",
        "[mm/yr]",
    ),
    "unit unknown": (
        WATER,
        'is = "precipitation", unit = "mm/yr"',
        'is = "precipitation", unit = "mm/jr"',
        "unknown unit 'jr'",
        "input 'P'",
    ),
    "symbol twice": (WATER, "c = { from", "P = { from", "symbol 'P' is defined twice"),
    "symbol reserved": (WATER, "c = { from", "max = { from", "'max' cannot be a symbol"),
    "symbol no name": (WATER, "c = { from", '"c d" = { from', "'c d' cannot be a symbol"),
    "symbol dunder": (WATER, "c = { from", "c__d = { from", "'c__d' cannot be a symbol"),
    "step twice": (WATER, 'symbol = "V"', 'symbol = "Q"', "symbol 'Q' is defined twice"),
    "from": (WATER, '"prices.reservoir"', '"reservoir"', "from is 'table.column'"),
    "table": (
        WATER,
        '"prices.reservoir"',
        '"price.reservoir"',
        "there is no table 'price'",
        "'prices'?",
    ),
    "item": (
        WATER,
        '"prices.reservoir"',
        '"prices.reservior"',
        "has no item 'reservior'",
        "'reservoir'?",
    ),
    "column": (WATER, '"runoff.alpha"', '"runoff.alfa"', "has no column 'alfa'", "'alpha'?"),
    "by missing": (
        WATER,
        ', by = "ecosystem", unit = "1"',
        "",
        "by does not fit the table",
        "['ecosystem']",
    ),
    "by other": (WATER, 'by = "ecosystem"', 'by = "pollutant"', "by does not fit the table"),
    "unit of coefficient": (
        WATER,
        'unit = "1" }',
        'unit = "t" }',
        "[t] does not fit runoff.alpha",
        "[%]",
    ),
    "step without unit": (WATER, 'unit = "CNY/(ha·yr)"\n', "", "step 2: key 'unit' is missing"),
    "unknown symbol": (WATER, "Q * c", "Q * d", "step 'V'", "unknown symbol 'd'"),
    "later step": (WATER, "P - P * alpha - ET", "P - V", "unknown symbol 'V'"),
    "unknown function": (
        WATER,
        "P - P * alpha - ET",
        "P - slope_stepness(theta=P)",
        "unknown function",
        "'slope_steepness'?",
    ),
    "percent and number": (
        WATER,
        'by = "ecosystem", unit = "1" }',
        'by = "ecosystem" }',
        "cannot subtract",
        "[mm·%/yr]",
    ),
    "subtracted units": (
        WATER,
        "P - P * alpha - ET",
        "P - alpha",
        "cannot subtract",
        "[mm/yr]",
        "[1]",
    ),
    "factor of ten": (
        WATER,
        'is = "evapotranspiration", unit = "mm/yr"',
        'is = "evapotranspiration", unit = "cm/yr"',
        "differ by a factor of 10",
    ),
    "exponent": (WATER, "Q * c", "Q * c ** P", "an exponent is a pure number"),
    "exp of a unit": (WATER, "Q * c", "Q * exp(c)", "exp takes a pure number", "empirical"),
    "rate and total": (AIR, "min(E, by_zone(k))", "min(E, k)", "cannot compare", "[tSO2/(km²·yr)]"),
    "total without axis": (
        AIR,
        "min(E, by_zone(k))",
        "min(total(E), by_zone(k))",
        "total() adds over an axis",
    ),
    "carbon priced as gas": (
        AIR,
        'is = "sulfur_dioxide_emission", unit = "tSO2/yr"',
        'is = "nitrogen_oxides_emission", unit = "tNOx/yr"',
        "cannot compare",
        "[tNOx/yr]",
    ),
    "empirical unknown": (
        WATER,
        'unit = "CNY/(ha·yr)"\n',
        'unit = "CNY/(ha·yr)"\nempirical = { X = "mm" }\n',
        "empirical names the unknown symbol 'X'",
    ),
    "empirical unit": (
        WATER,
        'unit = "CNY/(ha·yr)"\n',
        'unit = "CNY/(ha·yr)"\nempirical = { c = "mm" }\n',
        "cannot be converted to [mm]",
    ),
    "per": (
        WATER,
        'unit = "CNY/(ha·yr)"\n',
        'unit = "CNY/(ha·yr)"\nper = "month"\n',
        "the step's axis is not the formula's",
    ),
    "is": (
        WATER,
        'symbol = "Q"',
        'symbol = "Q"\nis = "water_retaned"',
        "'is' names the unknown quantity",
        "'water_retained'?",
    ),
    "is of another kind": (
        WATER,
        'symbol = "Q"',
        'symbol = "Q"\nis = "slope"',
        "is not a unit of slope",
    ),
    "printed symbol": (WATER, "printed.A", "printed.B", "printed: unknown symbol 'B'"),
    "printed unknown": (
        WATER,
        "P - R - ET) * 1e-3",
        "P - S - ET) * 1e-3",
        "unknown symbol 'S' in the printed form",
    ),
    "printed grammar": (
        WATER,
        "P - R - ET) * 1e-3",
        "P - R[0] - ET) * 1e-3",
        "an index in brackets",
    ),
    "printed factor": (WATER, "* 1e-3", "* 1e-4", "the printed form disagrees", "ratio 10"),
    "printed sign": (WATER, "(P - R - ET)", "(P - R + ET)", "the printed form disagrees"),
    "printed unit": (WATER, 'gives = "m³/yr"', 'gives = "t/yr"', "cannot be converted to [t/yr]"),
    "no account": (
        WATER,
        '[account]\nphysical = "Q"\nmonetary = "V"\n',
        "",
        "the account is missing",
    ),
    "account symbol": (WATER, 'monetary = "V"', 'monetary = "W"', "'W' is not a step"),
    "account money": (WATER, 'monetary = "V"', 'monetary = "Q"', "'Q' is not money"),
    "account goods": (WATER, 'physical = "Q"', 'physical = "V"', "'V' is money"),
    "unused": (WATER, "Q * c", "Q * 7.06", "CNY"),
    "unused coefficient": (
        WATER,
        "c = { from",
        'd = { from = "prices.treatment" }\nc = { from',
        "symbol 'd' is defined and never used",
    ),
    "example value": (WATER, "V = 44495.65", "V = 44495.66", "V does not come out", "44495.65"),
    "example step": (WATER, "V = 44495.65", "V = 44495.65, W = 1", "expects the unknown step 'W'"),
    "example symbol": (
        WATER,
        "given = { P = 1500",
        "given = { p = 1, P = 1500",
        "gives the unknown symbol 'p'",
        "'P'?",
    ),
    "example lacks": (WATER, "ET = 800, ", "", "Q cannot be computed", "ET"),
    "example cover": (WATER, ", V = 44495.65", "", "step 'V' is in no worked example"),
    "example area": (AIR, 'area = 100\narea_unit = "km²"\n', "", "by_zone() needs an area"),
    "example members": (AIR, "E = 50", "E = { a = 50 }", "E has no axis"),
    "file": (
        HEAD,
        '"air_cleaning"]',
        '"air_cleaning", "noise"]',
        "the service 'noise' has no file",
    ),
    "listed twice": (
        HEAD,
        '"air_cleaning"]',
        '"air_cleaning", "air_cleaning"]',
        "'air_cleaning' is listed twice",
    ),
    "not listed": (HEAD, ', "air_cleaning"]', "]", "the file belongs to no list of the standard"),
    "supporting": (
        HEAD,
        ', "air_cleaning"]',
        ']\nsupporting = ["air_cleaning"]',
        "a supporting rule stands in 'supporting'",
    ),
    "status": (
        HEAD,
        "[sources",
        'status = "valid"\n[sources',
        "status is one of in_force",
        "'valid'",
    ),
    "variants": (HEAD, "[sources", "variants = []\n[sources", "key 'variants' must be a table"),
    "variant list": (
        HEAD,
        "[sources",
        "[variants]\nair_cleaning = 3\n[sources",
        "variants.air_cleaning: the list must hold texts",
    ),
    "variant file": (
        HEAD,
        "[sources",
        '[variants]\nair_cleaning = ["air_washing"]\n[sources',
        "the service 'air_washing' has no file",
    ),
    "variant of itself": (
        HEAD,
        "[sources",
        '[variants]\nair_cleaning = ["air_cleaning"]\n[sources',
        "'air_cleaning' is listed twice",
    ),
    "variant of nothing": (
        HEAD,
        "[sources",
        "[variants]\nair_cleaner = []\n[sources",
        "there is no service 'air_cleaner'",
        "'air_cleaning'?",
    ),
    "capacity unknown": (
        AIR,
        'physical = "G"',
        'physical = "G"\ncapacity = "K"',
        "'K' is not a step",
    ),
    "demand is an input": (
        AIR,
        'physical = "G"',
        'physical = "G"\ndemand = "E"',
        "'E' is not a step",
    ),
    "capacity is money": (
        AIR,
        'physical = "G"',
        'physical = "G"\ncapacity = "V"',
        "'V' is not measured like 'G'",
        "[CNY/yr] and [tSO2/yr]",
    ),
    "capacity alone": (AIR, 'physical = "G"', 'capacity = "G"', "'G' stands beside no flow"),
    "folder": (HEAD, 'id = "tiny"', 'id = "small"', "id is not the folder's name"),
    "source verified": (
        HEAD,
        'verified = "full_text"',
        'verified = "hearsay"',
        "verified is one of",
    ),
    "issuer": (HEAD, ', zh = "无" }', " }", "standard.toml, issuer: a title has both languages"),
    "classification": (
        HEAD,
        'date = "2020"',
        'date = "2020"\nclassification = "national"',
        "there is no classification 'national'",
        "national_ecosystems",
    ),
    "parent": (
        "land_cover.toml",
        'parent = "forest"',
        'parent = "forrest"',
        "unknown parent 'forrest'",
        "'forest'?",
    ),
    "class entry": (
        "land_cover.toml",
        "[classes.town]",
        "[classes]\ntown = 3\n[classes.twon]",
        "toml",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_placed_and_explained(fault: str, tmp_path: Path) -> None:
    file, old, new, *words = FAULTS[fault]
    folder = write_standard(tmp_path)
    edit(folder / file, old, new)
    text = str(refusal(library.standard, folder))
    for word in words:
        assert word in text
    assert file in text or ".csv" in text


def test_one_fault_gives_one_problem(tmp_path: Path) -> None:
    """What follows from a fault is not reported beside it."""
    for number, (file, old, new) in enumerate(
        [
            (WATER, '"precipitation"', '"precipitations"'),
            (WATER, '"prices.reservoir"', '"prices.reservior"'),
            (WATER, "P - P * alpha - ET", "P - P * alfa - ET"),
            (WATER, "P - P * alpha - ET", "P - P * (alpha - ET"),
            ("coefficients/prices.csv", "CNY/m³,2015", "CNY/m³,"),
            ("coefficients/runoff.csv", "town,60", "town,sixty"),
        ]
    ):
        folder = write_standard(tmp_path / str(number))
        edit(folder / file, old, new)
        error = refusal(library.standard, folder)
        assert len(error.problems) == 1, str(error)


def test_faults_of_one_file_come_together(tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    edit(folder / WATER, '"book, A.1"', '"bock, A.1"')
    edit(folder / WATER, '"evapotranspiration"', '"evaporation"')
    edit(folder / WATER, '"prices.reservoir"', '"prices.reservior"')
    edit(folder / WATER, 'kind = "regulating"', 'kind = "good"')
    edit(folder / AIR, "min(E, by_zone(k))", "min(E, k)")
    assert len(refusal(library.standard, folder).problems) == 5


def test_faults_of_steps_that_do_not_hang_together_come_together(tmp_path: Path) -> None:
    folder = write_standard(tmp_path)
    edit(folder / WATER, "P - P * alpha - ET", "P - ET - alfa")
    edit(folder / AIR, '"tSO2/yr"\n[[steps]]', '"tNOx/yr"\n[[steps]]')
    edit(folder / AIR, '"sulfur_dioxide_emission"', '"sulphur_dioxide_emission"')
    text = str(refusal(library.standard, folder))
    assert "unknown symbol 'alfa'" in text
    assert "sulphur" in text


def test_what_a_good_file_says_is_what_is_held(tmp_path: Path) -> None:
    std = library.standard(write_standard(tmp_path))
    water: Service = std["water_retention"]
    assert list(water.inputs) == ["P", "ET"]
    assert list(water.steps) == ["Q", "V"]
    assert float(water.steps["Q"].checked.factor) == 10.0  # mm to m³/ha, inserted and shown
    assert water.coefficients["alpha"].by == ("ecosystem",)
    assert water.origin == "tiny/water_retention"
    assert water.text == RULES[WATER].removeprefix("\n")
    assert std.ancestors("pine_forest") == ("pine_forest", "forest")
    assert std.checked()["steps"] == {"full_text": 4, "secondary": 0, "recalled": 0}
    assert set(std.files) == {
        *("tiny/standard.toml", "tiny/land_cover.toml", "tiny/water_retention.toml"),
        *("tiny/air_cleaning.toml", "coefficients/coefficients/runoff.csv"),
        *("coefficients/coefficients/runoff.toml", "coefficients/coefficients/rates.csv"),
        *("coefficients/coefficients/rates.toml", "coefficients/coefficients/prices.csv"),
        "coefficients/coefficients/prices.toml",
    }


def test_a_parents_row_serves_the_child_and_a_fraction_may_be_written_as_one(
    tmp_path: Path,
) -> None:
    folder = write_standard(tmp_path)
    edit(
        folder / "coefficients/runoff.toml",
        'unit = "%"\nrange = [0, 100]',
        'unit = "1"\nrange = [0, 1]',
    )
    table = folder / "coefficients/runoff.csv"
    for old, new in (("4.65", "0.0465"), ("9.37", "0.0937"), (",60,", ",0.6,")):
        edit(table, old, new)
    library.standard(folder)
