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

CASES = {"ganzi_2010": "FULL-GANZI-2010", "gaotianyan_2014": "FULL-GAOTIANYAN-2014"}
#: Lines of a collection that no rule computes, with the reason.
NOT_COMPUTED = {
    "social security 370*260*12 (monthly standard 260 back-solved -> derived)": "circular",
}
#: Published lines outside their tolerance: the sum of nine rounded numbers, 0.03 in 72030.15.
ROUNDED_SUM = {"grand total as published"}


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


def test_readme_is_as_computed() -> None:
    written = (validate.HERE / "README.md").read_text(encoding="utf-8")
    found = {case: results(case.name) for case in validate.cases()}
    assert written == validate.readme(found), "run: python validation/validate.py --write"


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


_UNITS = {
    "亿元": "亿元/yr",
    "万元": "万元/yr",
    "亿m3": "亿m³/yr",
    "万t": "万t/yr",
    "km2": "km²/yr",
    "t/a": "t/yr",
    "元/km2": "CNY/(km²·yr)",
    "元/hm2": "CNY/(hm²·yr)",
    "m2/hm2": "m²/(hm²·yr)",
    "kg/hm2": "kg/(hm²·yr)",
    "x": "1",
}
_SUBSTANCE = re.compile(r"(?<=t|g)(CO2|SO2|O2|OM|N|P|K|soil|silt|dust)(?=/|$)")


@pytest.mark.real_data
@pytest.mark.parametrize("case", CASES)
def test_published_numbers_agree_with_the_collection(case: str) -> None:
    ours = results(case)
    for entry in collection(CASES[case]):
        mine = [r for r in ours if r.line.case_line == entry["name"]]
        if entry["name"] in NOT_COMPUTED:
            assert not mine
            assert not entry["published"]
            continue
        assert mine, f"no line for {entry['name']!r}"
        for result in mine:
            line = result.line
            given = unit(_SUBSTANCE.sub("", line.unit))
            wanted = unit(_UNITS.get(entry["unit"], entry["unit"]))
            if line.line == "gep_per_head":
                wanted = unit("万元/(人·yr)")
            assert float(convert(float(line.value), given, wanted)) == pytest.approx(
                entry["value"], rel=1e-12
            ), line.line
            assert line.tolerance <= entry["tol"] * (1 + 1e-5), line.line
            assert (line.status == "published") == entry["published"], line.line


@pytest.mark.real_data
@pytest.mark.parametrize("case", CASES)
def test_every_line_of_the_collection_is_reproduced(case: str) -> None:
    good = {r.line.case_line for r in results(case) if r.verdict == "reproduced"}
    wanted = {e["name"] for e in collection(CASES[case])} - set(NOT_COMPUTED) - ROUNDED_SUM
    assert wanted <= good, wanted - good
