"""Words, dates, numbers and the table of uses."""

from __future__ import annotations

import datetime as dt
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from pyproj import CRS, Geod

from gep.errors import DataError, Problems, RuleError, UsageError
from gep.realization import registry
from gep.realization.registry import (
    ORDER,
    TRANSITIONS,
    Uses,
    reached,
    read_date,
    read_records,
    words,
)
from gep.realization.registry_area import areas_m2, contiguous, effective_mesh, overlaps
from gep.realization.registry_checks import whole_years

CGCS2000 = CRS(4490)


def read(record: str = "parcel", **fields: Any) -> tuple[dict[str, Any], Problems]:
    base: dict[str, Any] = {
        "id": "P1",
        "asset_type": "林地",
        "source": "s",
        "survey_date": "2025-06-01",
    }
    if record == "deposit":
        base = {
            "id": "D1",
            "parcel_id": "P1",
            "mode": "租赁",
            "start": "2026-01-01",
            "end": "2030-12-31",
        }
    problems = Problems()
    (row,) = read_records(pd.DataFrame([base | fields]), record, ["t.csv, row 2"], problems)
    return row, problems


def test_words_are_unique_in_both_languages() -> None:
    for of, entries in words().lists.items():
        for lang in ("en", "zh"):
            titles = [word.title[lang] for word in entries.values()]
            assert len(set(titles)) == len(titles), of
        for word in entries.values():
            for text in (word.key, word.title.zh, word.title.en, f" {word.title.en.upper()} "):
                assert words().find(of, text) == word


def test_every_word_that_a_field_needs_is_there() -> None:
    for fields in words().fields.values():
        for field in fields.values():
            assert field.kind in ("text", "number", "date", "word", "words")
            assert (field.of in words().lists) == (field.kind in ("word", "words"))


def test_the_file_has_no_service_twice() -> None:
    path = Path(registry.__file__).with_suffix(".toml")
    names = [
        n for names in tomllib.loads(path.read_text("utf-8"))["one_service"].values() for n in names
    ]
    assert len(set(names)) == len(names)
    assert words().service(" CARBON_Storage ") == "carbon"
    assert words().service("Water_Retention") == "water_retention"


def test_the_states_are_a_way_from_survey_to_return() -> None:
    assert set(TRANSITIONS) == set(words().lists["state"])
    assert ORDER == (
        "surveyed", "titled", "valued", "deposited", "packaged", "listed", "contracted", "operating",
    )  # fmt: skip
    for first, second in pairwise(ORDER):
        assert second in TRANSITIONS[first]
    for now, ways in TRANSITIONS.items():  # forward by one step only
        for state in ways:
            if now in ORDER and state in ORDER:
                assert ORDER.index(state) <= ORDER.index(now) + 1
    assert not any("returned" in TRANSITIONS[s] for s in ("surveyed", "titled", "valued"))
    assert reached("titled", "titled")
    assert not reached("expired", "surveyed")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2045-12-31", dt.date(2045, 12, 31)),
        ("2045/1/2", dt.date(2045, 1, 2)),
        ("2045-12-31 00:00:00", dt.date(2045, 12, 31)),
        (pd.Timestamp(2045, 12, 31), dt.date(2045, 12, 31)),
        (dt.date(2045, 12, 31), dt.date(2045, 12, 31)),
        ("2045", None),
        ("31.12.2045", None),
        ("2045-02-30", None),
        (45000, None),
    ],
)
def test_dates_are_read_or_not(text: Any, expected: dt.date | None) -> None:
    assert read_date(text) == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"asset_type": "林木"}, "'林木' is not a known asset_type (资源类型)"),
        ({"right": "use right"}, "'use right' is not a known right"),
        ({"right_end": "forever"}, "t.csv, row 2, right_end: this is not a date"),
        ({"area_ha": "ten"}, "t.csv, row 2, area_ha: this is not a number"),
        ({"area_ha": "-1"}, "area_ha is negative"),
        ({"area_ha": "0"}, "an area is above zero"),
        ({"source": ""}, "source (资料来源) is missing"),
        ({"restrictions": "红线；公益林"}, "'红线' is not a known restriction"),
    ],
)
def test_a_parcel_says_what_is_wrong(fields: dict[str, Any], message: str) -> None:
    _, problems = read(**fields)
    (problem,) = problems.errors
    assert message in str(problem)
    assert problem.where.startswith("t.csv, row 2")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unit_rent": "-3", "rent_unit": "元/(亩·yr)"}, "unit_rent is negative"),
        ({"share": "60"}, "share is above 1: it looks like a percent"),
        ({"escalation": 8}, "escalation is above 1: it looks like a percent"),
        ({"rent_unit": "元/亩"}, "a rent is money by year, or by area and year"),
        ({"rent_unit": "kg/yr"}, "a rent is money by year"),
        ({"rent_unit": "¤"}, "the unit of the rent is not a unit"),
        ({"mode": "赠与"}, "'赠与' is not a known mode (收储方式)"),
    ],
)
def test_a_deposit_says_what_is_wrong(fields: dict[str, Any], message: str) -> None:
    _, problems = read("deposit", **fields)
    (problem,) = problems.errors
    assert message in str(problem)


@pytest.mark.parametrize("unit", ["元/(亩·yr)", "CNY/(ha·yr)", "万元/yr", "元/(亩·年)"])
def test_rents_are_by_year(unit: str) -> None:
    row, problems = read(
        "deposit", rent_unit=unit, unit_rent="37.7", share="0.6", escalation="0.08"
    )
    assert not problems.errors
    assert (row["rent_unit"], row["unit_rent"], row["share"]) == (unit, 37.7, 0.6)


def test_columns_are_found_by_name_or_title_or_mapping() -> None:
    frame = pd.DataFrame(
        {
            "地块编号": ["7"],
            "类": ["碳汇"],
            "Source": ["s"],
            "survey_date": ["2025-06-01"],
            "colour": [1],
        }
    )
    problems = Problems()
    (row,) = read_records(frame, "parcel", ["f, row 1"], problems, {"asset_type": "类"})
    assert (row["id"], row["asset_type"], row["source"]) == ("7", "carbon", "s")
    assert row["owner"] is None
    assert not problems.errors
    (warning,) = problems.warnings
    assert warning.what == "column 'colour' is not taken over"
    with pytest.raises(UsageError, match="unknown field 'asset'"):
        read_records(frame, "parcel", ["f, row 1"], problems, {"asset": "类"})
    read_records(frame, "parcel", ["f, row 1"], problems)
    found = [str(p) for p in problems.errors]
    assert any("there is no column 'asset_type' (资源类型)" in text for text in found)


def test_a_code_that_a_table_made_a_number_is_text() -> None:
    row, _ = read(id=331122.0, restrictions="永久基本农田、red_line")
    assert row["id"] == "331122"
    assert row["restrictions"] == ["permanent_farmland", "red_line"]


# ---------------------------------------------------------------------------------------- uses


def test_the_table_of_uses_speaks_of_known_words_and_is_a_proposal() -> None:
    uses = Uses.load()
    assert {rule.verified for rule in uses.rules.values()} == {"recalled"}
    assert all(rule.basis for rule in uses.rules.values())
    assert uses.verdict("permanent_farmland", "construction") == "refused"
    assert uses.verdict("national_park_core", "construction") == "refused"
    assert uses.verdict("public_welfare_forest", "understory") == "conditional"
    assert uses.verdict("permanent_farmland", "farming") == "allowed"
    assert uses.verdict("red_line", "understory") == "undetermined"


def test_a_table_of_uses_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    head = "restriction,use,verdict,condition_en,condition_zh,basis,verified\n"
    path.write_text(head + "生态保护红线,林下经济,refused,,,县规,full_text\n", "utf-8")
    assert Uses.load(path).verdict("red_line", "understory") == "refused"
    path.write_text(
        head + "红线,林下经济,maybe,,,x,seen\nred_line,understory,conditional,,,x,recalled\n",
        "utf-8",
    )
    with pytest.raises(RuleError) as caught:
        Uses.load(path)
    text = str(caught.value)
    assert "own.csv, row 2: '红线' is not a known restriction" in text
    assert "'maybe' is not a known verdict" in text
    assert "verified is one of full_text, secondary, recalled" in text
    assert "own.csv, row 3: a condition is said in both languages" in text
    path.write_text("restriction,use\n", "utf-8")
    with pytest.raises(RuleError, match="column 'verdict' is missing"):
        Uses.load(path)
    with pytest.raises(RuleError, match="cannot be read"):
        Uses.load(tmp_path / "none.csv")


def test_words_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="'租凭' is not a known mode"):
        words().key("mode", "租凭", "here")
    assert words().say("mode", "lease", "zh") == "租赁"
    assert words().say("mode", "strange", "zh") == "strange"
    assert words().say("mode", None, "zh") == ""


# --------------------------------------------------------------------------------------- areas


def test_areas_are_those_of_the_ellipsoid() -> None:
    """Against the closed form of a zone between two parallels (authalic latitude)."""
    a, f = 6378137.0, 1 / 298.257222101
    e = np.sqrt(f * (2 - f))

    def q(phi: float) -> float:
        s = np.sin(np.radians(phi))
        return float(
            (1 - e**2) * (s / (1 - e**2 * s**2) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))
        )

    exact = a**2 * np.radians(0.001) * (q(28.001) - q(28.0)) / 2
    box = shapely.box(120.0, 28.0, 120.001, 28.001)
    ring = shapely.Polygon(
        box.exterior, [shapely.box(120.0004, 28.0004, 120.0006, 28.0006).exterior]
    )
    found = areas_m2([box, ring, shapely.Point(120, 28), shapely.MultiPolygon([box])], CGCS2000)
    # sides of the geodesic square are not parallels: 1e-7 of 1 ha is a millimetre along a side
    assert found[0] == pytest.approx(exact, rel=1e-6)
    assert found[1] == pytest.approx(0.96 * exact, rel=1e-4)
    assert found[2] == 0
    assert found[3] == found[0]


def test_areas_do_not_depend_on_the_projection() -> None:
    from pyproj import Transformer

    box = shapely.box(120.0, 28.0, 120.01, 28.01)
    move = Transformer.from_crs(4490, 4549, always_xy=True).transform
    moved = shapely.transform(box, move, interleaved=False)
    assert areas_m2([moved], CRS(4549))[0] == pytest.approx(areas_m2([box], CGCS2000)[0], rel=1e-6)


def test_overlaps_are_areas_beyond_the_tolerance() -> None:
    shapes = [shapely.box(x, 28.0, x + 0.001, 28.001) for x in (120.0, 120.001, 120.0015)]
    ((i, j, area),) = overlaps(shapes, CGCS2000, 1.0)
    assert (i, j) == (1, 2)
    assert area == pytest.approx(areas_m2(shapes, CGCS2000)[0] / 2, rel=1e-6)
    assert overlaps(shapes, CGCS2000, area + 1) == []
    assert overlaps(shapes[:1], CGCS2000, 0.0) == []


def test_parts_lie_within_a_gap_in_metres() -> None:
    geod = Geod(ellps="GRS80")
    east, _, _ = geod.fwd(120.001, 28.0005, 90, 30)  # 30 m east of the first square
    shapes = [
        shapely.box(120.0, 28.0, 120.001, 28.001),
        shapely.box(east, 28.0, east + 0.001, 28.001),
    ]
    assert contiguous(shapes, CGCS2000, 29.9) == [[0], [1]]
    assert contiguous(shapes, CGCS2000, 30.1) == [[0, 1]]
    touching = [shapes[0], shapely.box(120.001, 28.0, 120.002, 28.001)]
    assert contiguous(touching, CGCS2000, 0.0) == [[0, 1]]
    assert contiguous([], CGCS2000, 0.0) == []


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=20))
def test_effective_mesh_lies_between_the_mean_and_the_whole(areas: list[float]) -> None:
    mesh = effective_mesh(areas)
    assert np.mean(areas) * (1 - 1e-9) <= mesh <= sum(areas) * (1 + 1e-9)
    assert effective_mesh([sum(areas)]) == pytest.approx(sum(areas))
    assert effective_mesh([*areas, 0.0]) == pytest.approx(mesh)


@pytest.mark.parametrize(
    ("start", "end", "years"),
    [
        ((2026, 1, 1), (2045, 12, 31), 19),
        ((2026, 6, 30), (2045, 6, 30), 19),
        ((2026, 6, 30), (2045, 6, 29), 18),
        ((2024, 2, 29), (2025, 2, 28), 0),
        ((2026, 1, 1), (2020, 1, 1), 0),
    ],
)
def test_whole_years(start: tuple[int, int, int], end: tuple[int, int, int], years: int) -> None:
    assert whole_years(dt.date(*start), dt.date(*end)) == years
