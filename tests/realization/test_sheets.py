"""Score sheets: what a file says, and all that may be wrong with it, said at once."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path

import pytest

from gep.errors import RuleError, UsageError
from gep.realization import sheets as sheets_module
from gep.realization.sheets import (
    PARAMETERS,
    Datum,
    grade_of,
    sheet,
    sheets,
    wrong_parameters,
)

SHEET = Path(__file__).with_name("synthetic_sheet.toml")
TOWNSHIP = Path(__file__).parents[2] / "examples" / "township" / "bank_assessment.toml"


@pytest.fixture
def broken(tmp_path: Path):
    """Return a function that loads the sheet with some text replaced, and gives the message."""

    def load(*changes: tuple[str, str]) -> str:
        text = SHEET.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(RuleError) as caught:
            sheet(path)
        return str(caught.value).replace(str(path), "own.toml")

    return load


def test_a_complete_sheet_loads_with_its_tree_and_groups() -> None:
    found = sheet(SHEET)
    assert not found.lacks
    assert [b.id for b in found.path_of(found.indicators["grain"])] == [
        "material_products",
        "harvest",
    ]
    assert found.indicators["grain"].weights == {"mountain": 80.0, "plain": 120.0}
    assert found.indicators["water_quality"].weights == {"mountain": 100.0, "plain": 100.0}
    assert found.indicators["gep_per_gdp"].datum == Datum("gep", per="gdp")
    assert found.indicators["regulating_growth"].facts == (
        "regulating",
        "regulating_before",
        "regulating_goal",
    )
    assert found.verified == "recalled"
    assert len(found.sha256) == 64


def test_the_synthetic_sheet_uses_every_function() -> None:
    used = {i.function for i in sheet(SHEET).indicators.values()}
    assert used == set(PARAMETERS)


def test_shipped_sheets_load_and_wait_for_what_they_lack() -> None:
    assert set(sheets()) == {"lishui_2021", "two_mountain_bank"}
    for name in sheets():
        assert sheet(name).id == name
        assert sheet(name).lacks


def test_the_outline_has_five_branches_and_1000_points_and_says_what_it_lacks() -> None:
    found = sheet("lishui_2021")
    assert found.total == 1000
    assert [b.title.zh for b in found.branches.values()] == [
        "生态物质产品",
        "生态调节服务",
        "生态文化服务",
        "双增长双转化",
        "机制建设",
    ]
    assert not found.indicators
    assert found.verified == "secondary"
    (lack,) = found.lacks
    assert lack.what == "the sheet is an outline and computes nothing"
    assert "18 indicators of the second level" in lack.found
    assert "91 of the third" in lack.found


def test_the_template_lacks_points_and_numbers_of_every_function() -> None:
    found = sheet("two_mountain_bank")
    lines = [i for i in found.indicators.values() if not i.is_veto]
    lacking = [
        p.where.rpartition(" ")[2] for p in found.lacks if p.what == "key 'weight' is missing"
    ]
    assert lacking == [i.id for i in lines]
    assert all(not i.weights for i in lines)
    assert "key 'missing' is missing" in {p.what for p in found.lacks}
    assert "veto needs 'tolerance'" in {p.what for p in found.lacks}


def test_the_example_is_the_template_filled_in() -> None:
    template, filled = sheet("two_mountain_bank"), sheet(TOWNSHIP)
    assert not filled.lacks
    assert filled.facts == template.facts
    assert list(filled.indicators) == list(template.indicators)
    for name, line in filled.indicators.items():
        its = template.indicators[name]
        assert (line.datum, line.unit, line.higher, line.branch) == (
            its.datum,
            its.unit,
            its.higher,
            its.branch,
        )
    assert "合成" in filled.title.zh
    assert "Synthetic" in filled.sources[filled.cite].text.en


def test_a_template_that_is_filled_computes_without_deleting_its_status(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('status = "template"\n' + SHEET.read_text(encoding="utf-8"), encoding="utf-8")
    assert not sheet(path).lacks


def test_a_template_without_its_status_lists_all_that_is_missing(tmp_path: Path) -> None:
    from gep.library import data_root

    text = (data_root("models") / "scores" / "two_mountain_bank.toml").read_text(encoding="utf-8")
    path = tmp_path / "own.toml"
    path.write_text(text.replace('status   = "template"', "", 1), encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        sheet(path)
    assert len(caught.value.problems) == len(sheet("two_mountain_bank").lacks)
    assert (
        "indicator survey_coverage: key 'weight' is missing\n  do: give a number of points"
        in str(caught.value)
    )


def test_lo_equal_to_hi_is_refused(broken) -> None:
    assert "indicator grain: lo = hi = 1000: there is nothing between them" in broken(
        ("hi = 5000", "hi = 1000")
    )


def test_lo_above_hi_says_how_less_is_better(broken) -> None:
    assert "exchange them, and say direction = 'lower' if less is better" in broken(
        ("hi = 5000", "hi = 500")
    )


def test_points_that_do_not_add_to_the_total_are_refused(broken) -> None:
    said = broken(("weight    = 60", "weight    = 60.00000001"))
    assert "own.toml: the points of group 'mountain' add to 1000.00000001, not to 1000" in said
    assert "the points of group 'plain' add to 1000.00000001, not to 1000" in said
    assert (
        "branches.institutions: the points of group 'plain' add to 100.00000001, not to 100" in said
    )


def test_points_within_the_tolerance_pass(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    text = SHEET.read_text(encoding="utf-8").replace("weight    = 60", "weight    = 60.0000000001")
    path.write_text(text, encoding="utf-8")
    assert sheet(path).indicators["pilots"].weights["plain"] > 60


def test_an_indicator_in_two_branches_is_refused(broken) -> None:
    copy = '\n[[indicators]]\nid = "pilots"\ntitle = { en = "x", zh = "x" }\nbranch = "cultural_services"\nunit = "1"\ndirection = "higher"\nfunction = { is = "count_cap", each = 1 }\nweight = 0\n\n[[grades]]'
    said = broken(("\n[[grades]]", copy))
    assert (
        "indicator pilots: the indicator stands in two branches\n  found: institutions and cultural_services"
        in said
    )


def test_an_unknown_function_is_refused_with_the_nearest(broken) -> None:
    said = broken(('is = "linear", lo = 1000', 'is = "liner", lo = 1000'))
    assert "the function 'liner' is unknown\n  do: did you mean 'linear'?" in said


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        (
            "[[20, 0.4], [40, 0.3], [60, 1]]",
            "the thresholds do not rise one by one with shares that do not fall",
        ),
        (
            "[[20, 0.4], [20, 0.8]]",
            "the thresholds do not rise one by one with shares that do not fall",
        ),
        (
            "[[40, 0.4], [20, 0.8]]",
            "the thresholds do not rise one by one with shares that do not fall",
        ),
        ("[[20, 0.4], [40, 1.1]]", "the shares of the thresholds lie from 0 to 1"),
        ("[]", "steps must be a list of [value, share]"),
        ("[[20]]", "steps must be a list of [value, share]"),
    ],
)
def test_thresholds_that_are_not_monotone_are_refused(broken, steps: str, what: str) -> None:
    assert what in broken(("[[20, 0.4], [40, 0.8], [60, 1]]", steps))


def test_thresholds_fall_where_less_is_better() -> None:
    assert not wrong_parameters("threshold", {"steps": [[10, 0.5], [5, 1]]}, higher=False)
    assert "do not fall" in wrong_parameters(
        "threshold", {"steps": [[5, 0.5], [10, 1]]}, higher=False
    )


@pytest.mark.parametrize(
    ("function", "given", "higher", "what"),
    [
        ("ratio_to_target", {"target": 0}, True, "the target is 0: a ratio needs one above 0"),
        (
            "improvement",
            {"baseline": 3, "goal": 3},
            True,
            "baseline = goal = 3: there is nothing to improve",
        ),
        ("improvement", {"baseline": 3, "goal": 2}, True, "the goal lies on the wrong side"),
        ("improvement", {"baseline": 2, "goal": 3}, False, "the goal lies on the wrong side"),
        ("rank", {"last": 1}, True, "the share of the last is from 0 to below 1"),
        ("interval", {"lo": 1, "low": 1, "high": 2, "hi": 3}, True, "lo < low <= high < hi"),
        ("count_cap", {"each": 0}, True, "the points of each must be above 0"),
        ("veto", {"limit": 0, "tolerance": -1}, True, "tolerance = -1: it is 0 or more"),
    ],
)
def test_wrong_numbers_of_functions_are_named(
    function: str, given: dict, higher: bool, what: str
) -> None:
    assert what in wrong_parameters(function, given, higher=higher)


def test_all_problems_come_at_once(broken) -> None:
    said = broken(
        ("hi = 5000", "hi = 1000"),
        ('missing  = "error"', 'missing = "ignore"'),
        ('branch    = "harvest"', 'branch = "harvst"'),
        ('cite     = "made_up"', 'cite = "made_upp"'),
        ('goal = "regulating_goal"', 'goal = "regulating_gaol"'),
        ("at_least = 600", "at_least = 950"),
        ('datum     = { of = "gep", per = "gdp" }', 'datum = { of = "gep" }'),
        ("each = 10", "each = 10, every = 2"),
        ('direction = "lower"', 'direction = "down"'),
    )
    for what in (
        "lo = hi = 1000",
        "missing = 'ignore' is unknown",
        "the branch 'harvst' is unknown\n  do: did you mean 'harvest'?",
        "the source 'made_upp' is not in [sources]",
        "the fact 'regulating_gaol' is not in [facts]",
        "the cut-offs of the grades do not fall",
        "indicator gep_per_gdp: the datum is not in [1]\n  found: [亿元/yr] from gep",
        "count_cap has no parameter 'every'",
        "direction = 'down' is unknown",
    ):
        assert what in said, what


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            'missing  = "error"',
            "",
            "key 'missing' is missing\n  do: say what a missing datum means: error, zero, redistribute, undetermined",
        ),
        (
            "weight    = 150",
            "",
            "indicator regulating_growth: key 'weight' is missing\n  do: give {group = points, ...}",
        ),
        (
            "weight    = { mountain = 80, plain = 120 }",
            "weight = { mountain = 80 }",
            "the points of group 'plain' are missing",
        ),
        (
            "weight    = { mountain = 80, plain = 120 }",
            "weight = { mountain = 80, plain = 120, coast = 3 }",
            "no group 'coast'",
        ),
        ("weight    = 150", "weight = -150", "points are a number from 0 on"),
        ("limit = 0, tolerance = 0 }", "limit = 0 }", "indicator red_line: veto needs 'tolerance'"),
        (
            "limit = 0, tolerance = 0 }",
            "limit = 0, tolerance = 0 }\nweight = 3",
            "a veto has no points",
        ),
        (
            'function = { is = "interval"',
            'direction = "higher"\nfunction = { is = "interval"',
            "an optimal band has no direction",
        ),
        (
            'direction = "higher"\nfunction  = { is = "linear", lo = 1000',
            'function = { is = "linear", lo = 1000',
            "key 'direction' is missing\n  do: one of: higher, lower",
        ),
        (
            'parent = "material_products"',
            'parent = "materials"',
            "the branch 'materials' is unknown",
        ),
        ('among = "group"', 'among = "groups"', "among = 'groups' is unknown"),
        ("total    = 1000", "total = 0", "the total of points must be above 0"),
        ('verified = "recalled"', 'verified = "sure"', "verified = 'sure' is unknown"),
        (
            'is = "ratio_to_target", target = 95',
            'is = "ratio_to_target", target = "gep"',
            "target = 'gep' is not in [%]",
        ),
        (
            '{ of = "gep", per = "gdp" }',
            '{ of = "gep", less = "energy", per = "gdp" }',
            "the two facts cannot be subtracted",
        ),
        ("at_least = 900\n", "", "the lowest grade takes all that no other takes"),
        ('kind     = "sheet"', 'kind = "credit"', "kind = 'credit', not 'sheet'"),
    ],
)
def test_every_other_fault_is_named(broken, old: str, new: str, what: str) -> None:
    assert what in broken((old, new))


ODD = (
    None,
    1,
    -1.5,
    "",
    "x",
    [],
    ["x"],
    [1],
    {},
    {"x": 1},
    {"en": "a", "zh": "b"},
    True,
    float("inf"),
)


def places(node, above=()):
    """Yield the path of every value of a parsed file."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


def test_whatever_a_file_holds_the_message_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every value is left out or replaced by an odd one: the sheet loads, or says what is wrong."""
    whole = tomllib.loads(SHEET.read_text(encoding="utf-8"))
    refused = 0
    for path in places(whole):
        for odd in ODD:
            data = copy.deepcopy(whole)
            node = data
            for key in path[:-1]:
                node = node[key]
            if odd is None:
                del node[path[-1]]
            else:
                node[path[-1]] = odd
            monkeypatch.setattr(sheets_module, "read_toml", lambda *_args, found=data: found)
            try:
                sheet(SHEET)
            except RuleError:
                refused += 1
    assert refused > 3000


def test_cut_offs_that_are_equal_do_not_fall(broken) -> None:
    assert "the cut-offs of the grades do not fall" in broken(("at_least = 600", "at_least = 900"))


def test_an_outline_with_indicators_is_none(broken) -> None:
    assert "this is no outline" in broken(
        ('missing  = "error"', 'missing = "error"\nstatus = "outline"')
    )


def test_a_sheet_that_is_not_there() -> None:
    with pytest.raises(UsageError) as caught:
        sheet("lishui_2012")
    assert (
        str(caught.value)
        == "there is no file of scores 'lishui_2012'\n  do: did you mean 'lishui_2021'? (or the path of a TOML file)"
    )


def test_grades_at_and_below_their_cut_offs() -> None:
    grades = sheet(SHEET).grades
    assert [grade_of(x, grades).id for x in (1000, 900, 899.99, 600, 599.99, 0)] == [
        "excellent",
        "excellent",
        "pass",
        "pass",
        "fail",
        "fail",
    ]
    assert grade_of(900 - 1e-10, grades).id == "excellent"  # what floating point blurs
    assert grade_of(5, ()) is None


def test_the_files_are_plain_toml_with_both_languages() -> None:
    for path in (SHEET, TOWNSHIP):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        assert set(data["title"]) == {"en", "zh"}
