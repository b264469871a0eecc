"""Published accounts: printed lines follow from printed inputs through rule and project files.

The cases lie beside this file. Where the collection they were chosen from is at hand (``cases`` in
the folder that GEP_SHARED_DATA names, or in ../shared beside the checkout), the printed numbers are
compared with it as well.
"""
# ruff: noqa: D103  a test's name says what it shows

from __future__ import annotations

import functools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import validate

from gep.tables import read_toml
from gep.units import convert, unit

pytestmark = pytest.mark.once

CASES = {
    "baiyangdian_2011": "FULL-BAIYANGDIAN-2011",
    "beijing_2020": "ACC-BEIJING-2020",
    "dajun_2018": "ACC-DAJUN-2018",
    "datian_2018": "ACC-DATIAN-2018",
    "eshan_2015": "ACC-ESHAN-2015",
    "forest_assets_2010": "NPV-FOREST-CHINA",
    "gannan_2020": "ACC-GANNAN-2010-2020",
    "ganzi_2010": "FULL-GANZI-2010",
    "gaochun_2019": "ACC-GAOCHUN-2019",
    "gaotianyan_2014": "FULL-GAOTIANYAN-2014",
    "guanzhong_villages_2018": "VILLAGE-GUANZHONG",
    "hemaji_2015": "CVM-HEMAJI-2015",
    "huanghua_soils": "DER-EPIC-K",
    "invest_blue_carbon": "INV-CBC-EMISSION",
    "invest_carbon": "INV-CARBON-NPV",
    "invest_flood": "INV-UFRM-CN",
    "invest_stormwater": "INV-STORMWATER",
    "invest_water_yield": "INV-AWY-BUDYKO",
    "jixi_2023": "ACC-JIXI-2023",
    "lishui_2018": "ACC-LISHUI-2018",
    "neimenggu_2019": "ACC-NEIMENGGU-2019",
    "neimenggu_cities_2020": "ACC-IMAR-MUNI-2020",
    "qiandongnan_2010": "ACC-QIANDONGNAN-2010",
    "qinghai_2015": "ACC-QINGHAI-PNAS",
    "qingyang_consolidation": "CHANGE-LANDCONS",
    "shannan_2015": "ACC-SHANNAN-ASSET-2015",
    "shenzhen_2020": "ACC-SHENZHEN-2020",
    "shenzhen_landuse_2010": "ESV-SHENZHEN",
    "tarim_2020": "ESV-TARIM",
    "tianshan_2018": "EROSION-TIANSHAN",
    "tonglu_2014": "EQ-TONGLU-2014",
    "tonglu_2021": "ACC-TONGLU-2021",
    "xishui_2010": "ACC-XISHUI-2010",
}
#: Lines of a collection that no rule computes, with the reason.
NOT_COMPUTED = {
    "gaotianyan_2014": {
        "social security 370*260*12 (monthly standard 260 back-solved -> derived)": "circular",
    },
    "dajun_2018": {
        "ecological value-added payment": "a rule of payment, no line of an account",
    },
}
#: Published lines outside their tolerance: sums of numbers that were rounded before or after.
ROUNDED_SUM = {
    "gaotianyan_2014": {"grand total as published"},  # of nine numbers, 0.03 in 72030.15
    "qingyang_consolidation": {"total change"},  # printed as -1242.95 and as -1242.96
}


@functools.cache
def results(case: str) -> list[validate.Result]:
    return validate.run_case(validate.HERE / case)


def lines() -> list[Any]:
    return [
        pytest.param(case, number, id=f"{case}-{line.line}")
        for case in CASES
        for number, line in enumerate(validate.read_lines(validate.HERE / case))
    ]


def test_every_case_is_tested() -> None:
    assert {case.name for case in validate.cases()} == set(CASES)


@pytest.mark.parametrize(("case", "number"), lines())
def test_line_compares_with_print_as_stated(case: str, number: int) -> None:
    result = results(case)[number]
    line = result.line
    assert result.ok, (
        f"{line.line}: printed {line.value} {line.unit} ± {line.tolerance}, "
        f"computed {result.computed!r}: {result.verdict}, not {line.expect}"
    )


@pytest.mark.parametrize("case", CASES)
def test_names_of_lines_are_unique_and_statements_are_known(case: str) -> None:
    found = validate.read_lines(validate.HERE / case)
    names = [line.line for line in found]
    assert len(set(names)) == len(names)
    for line in found:
        assert line.expect in validate.EXPECTED, line.line
        assert line.status in ("published", "derived"), line.line
        assert line.inputs in ("printed", "solved back", "recalled"), line.line
        assert (line.rounding is not None) == (line.expect == "rounding"), line.line
        assert line.title_en, line.line
        assert line.title_zh, line.line
        assert line.where, line.line


@pytest.mark.parametrize("case", CASES)
def test_every_differing_digit_is_explained(case: str) -> None:
    text = (validate.HERE / case / "differences_explained.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", text))
    silent = [r.line.line for r in results(case) if not r.same_digits and r.line.line not in named]
    assert not silent, f"differ from print and are not explained: {', '.join(silent)}"


@pytest.mark.parametrize("case", CASES)
def test_projects_change_no_coefficient(case: str) -> None:
    for path in (validate.HERE / case).glob("*.toml"):
        assert "coefficients" not in read_toml(path), path.name


def test_page_is_as_computed() -> None:
    written = validate.PAGE.read_text(encoding="utf-8")
    found = {case: results(case.name) for case in validate.cases()}
    assert written == validate.page(found), "run: python validation/validate.py --write"


@pytest.mark.parametrize("term", ["value:nothing", "area@nothing", "area#nothing", "no.step"])
def test_unknown_term_is_an_error(term: str) -> None:
    run = validate.Run(validate.HERE / "jixi_2023" / "project.toml")
    with pytest.raises(KeyError):
        run.number(term, unit("1"))


def test_command_reports_and_fails_on_a_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = results("ganzi_2010")[:1]
    monkeypatch.setattr(validate, "cases", lambda: [validate.HERE / "ganzi_2010"])
    monkeypatch.setattr(validate, "run_case", lambda case: good)  # noqa: ARG005
    assert validate.main([]) == 0
    bad = [validate.Result(good[0].line, good[0].computed + 1)]
    monkeypatch.setattr(validate, "run_case", lambda case: bad)  # noqa: ARG005
    assert validate.main([]) == 1
    assert "differs" in capsys.readouterr().out


# ------------------------------------------------------------------- the collection of cases


def collection(name: str) -> list[dict[str, Any]]:
    root = os.environ.get("GEP_SHARED_DATA")
    folder = Path(root) if root else Path(__file__).resolve().parents[2] / "shared"
    path = folder / "cases" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no {path}: set GEP_SHARED_DATA to the folder that holds cases/")
    return list(json.loads(path.read_text(encoding="utf-8"))["expected"])


#: Units of the collection, which leaves out years and substances: factor and unit.
_UNITS = {
    "亿元": (1, "亿元"),
    "万元": (1, "万元"),
    "万亿元": (1, "万亿元"),
    "10^9 yuan": (10, "亿元"),
    "1e9 yuan/a": (10, "亿元"),
    "亿元/km2": (1, "亿元/km²"),
    "元/km2": (1, "元/km²"),
    "元/hm2": (1, "元/hm²"),
    "万元/hm2": (1, "万元/hm²"),
    "万hm2 (亿元/(万元/hm2))": (1, "万hm²"),
    "元/a": (1, "元/人"),
    "万元/人": (1, "万元/人"),
    "万人": (1, "万人"),
    "亿m3": (1, "亿m³"),
    "km2": (1, "km²"),
    "m2/hm2": (1, "m²/hm²"),
    "kg/hm2": (1, "kg/hm²"),
    "t": (1, "t"),
    "t/a": (1, "t"),
    "万t": (1, "万t"),
    "万t C": (1, "万t"),
    "1e6 t/a": (1, "Mt"),
    "t h/(MJ mm)": (1, "t·h/(MJ·mm)"),
    "Mg": (1, "t"),
    "Mg/ha": (1, "t/hm²"),
    "m3": (1, "m³"),
    "mm": (1, "mm"),
    "kg": (1, "kg"),
    # The InVEST models count in any currency; their rule files say CNY.
    "currency": (1, "元"),
    "$": (1, "元"),
    "$/ha": (1, "元/hm²"),
    "$/Mg": (1, "元/t"),
    "-": (1, "1"),
    "x": (1, "1"),
    "index": (1, "1"),
    "%": (1, "%"),
}
_SUBSTANCE = re.compile(r"(?<=t|g)(CO2|SO2|O2|OM|N|P|K|C|soil|silt|dust)(?=/|·|$)")


def bare(text: str) -> str:
    """Return a unit without substances, years and an area that cancels."""
    text = _SUBSTANCE.sub("", text).replace("·hm²·h/(hm²·", "·h/(")
    text = re.sub(r"\((\S+)·yr\)", r"\1", text).removesuffix("/yr")
    return "1" if text == "yr" else text


@pytest.mark.real_data
@pytest.mark.parametrize("case", CASES)
def test_published_numbers_agree_with_the_collection(case: str) -> None:
    ours = results(case)
    entries = collection(CASES[case])
    assert {r.line.case_line for r in ours} - {""} <= {e["name"] for e in entries}
    for entry in entries:
        mine = [r for r in ours if r.line.case_line == entry["name"]]
        if entry["name"] in NOT_COMPUTED.get(case, {}):
            assert not mine
            continue
        assert mine, f"no line for {entry['name']!r}"
        factor, name = _UNITS[entry["unit"]]
        for result in mine:
            line = result.line
            given = unit(bare(line.unit))
            # The collection says 万元 of the value of one inhabitant.
            wanted = unit("万元/人" if line.line == "gep_per_head" else name)
            value = float(convert(float(line.value), given, wanted))
            assert value == pytest.approx(entry["value"] * factor, rel=1e-12), line.line
            tolerance = float(convert(line.tolerance, given, wanted))
            assert tolerance <= entry["tol"] * factor * (1 + 1e-5), line.line
            assert (line.status == "published") == entry["published"], line.line


@pytest.mark.real_data
@pytest.mark.parametrize("case", CASES)
def test_every_line_of_the_collection_is_reproduced(case: str) -> None:
    good = {r.line.case_line for r in results(case) if r.verdict == "reproduced"}
    wanted = {e["name"] for e in collection(CASES[case])}
    wanted -= NOT_COMPUTED.get(case, {}).keys() | ROUNDED_SUM.get(case, set())
    assert wanted <= good, wanted - good
