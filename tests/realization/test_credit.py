"""Ecological credit: points event by event, caps, repair, veto, guards for persons, redeeming."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gep.errors import DataError, RuleError, UsageError
from gep.realization.credit import (
    Appeal,
    Balance,
    Event,
    Span,
    Terms,
    credit_scores,
    credit_table,
    months_between,
    read_events,
)
from gep.realization.sheets import sheets

WUXI = credit_table("yunhe_wuxi_2020")
YEAR = Span(dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2026, 1, 15))
TERMS = Terms(base=100, low=0, high=200, item_caps={"waste_sorting": 20})
#: Deductions from persons need a named basis; here a made-up one.
OPEN = dataclasses.replace(TERMS, positive_only=False, legal_basis="synthetic village rules")

VILLAGE = """
kind     = "credit"
id       = "village"
title    = { en = "Village points (synthetic)", zh = "行政村积分（合成）" }
document = ""
issuer   = { en = "nobody", zh = "无" }
date     = "2025"
cite     = "made_up"
subject  = "village"

[sources.made_up]
text     = { en = "made up", zh = "虚构" }
verified = "recalled"

[dimensions.protection]
title = { en = "Protection", zh = "生态保护" }
cap   = 15

[dimensions.living]
title = { en = "Green living", zh = "绿色生活" }

[[items]]
id        = "patrol"
title     = { en = "Patrol", zh = "巡护" }
points    = 4
dimension = "protection"

[[items]]
id        = "planting"
title     = { en = "Planting", zh = "植树" }
points    = 5
dimension = "protection"
cap       = 10

[[items]]
id        = "market"
title     = { en = "Green market", zh = "绿色集市" }
points    = 3
dimension = "living"

[[items]]
id        = "litter"
title     = { en = "Litter", zh = "乱扔垃圾" }
points    = -6
dimension = "protection"

[[items]]
id        = "poaching"
title     = { en = "Poaching", zh = "盗猎" }
points    = -20
dimension = "protection"
veto      = true

[[grades]]
id       = "A"
title    = { en = "A", zh = "A级" }
at_least = 110

[[grades]]
id       = "B"
title    = { en = "B", zh = "B级" }
at_least = 90

[[grades]]
id    = "D"
title = { en = "D", zh = "D级" }
"""
WIDE = Terms(base=100, low=0, high=200)


@pytest.fixture
def village(tmp_path: Path):
    path = tmp_path / "village.toml"
    path.write_text(VILLAGE, encoding="utf-8")
    return credit_table(path)


def event(item: str, day: str = "2025-06-01", count: float = 1, **more) -> Event:
    given = {"subject": "H-017", "evidence": f"{item}-{day}"} | more
    return Event(item=item, date=dt.date.fromisoformat(day), count=count, **given)


def score(table, events, terms=WIDE, **more):
    (found,) = credit_scores(table, events, span=YEAR, terms=terms, **more).values()
    return found


YEAR_OF_H017 = [
    event("waste_sorting", "2025-03-01", 10),
    event("waste_sorting", "2025-07-01", 14),
    event("farming_pilot_province", "2025-05-01"),
    event("illegal_discharge", "2025-08-01"),
    event("doorstep_duties", "2025-09-01"),
]


# --------------------------------------------------------------------------- the real points


def test_the_worked_example_with_real_points_is_125() -> None:
    # 100 + min(24, 20) + 10 - 3 - 2; points as reported of Wuxi, base and cap synthetic
    found = score(WUXI, YEAR_OF_H017, OPEN)
    assert found.score == 125
    assert [line.counted for line in found.lines] == [10, 10, 10, -3, -2]
    assert [line.why for line in found.lines] == [(), (), ("item_cap",), (), ()]


def test_of_a_person_only_good_deeds_count_by_default() -> None:
    found = score(WUXI, YEAR_OF_H017, TERMS)
    assert found.score == 130
    assert [(line.item.id, line.counted, line.why) for line in found.lines][3:] == [
        ("illegal_discharge", 0, ("positive_only",)),
        ("doorstep_duties", 0, ("positive_only",)),
    ]
    assert "违规排放: -3 × 1 → +0 (个人扣分项，仅列示、不计分)" in found.text("zh")


def test_deductions_from_persons_need_a_legal_basis() -> None:
    with pytest.raises(DataError) as caught:
        score(WUXI, YEAR_OF_H017, dataclasses.replace(OPEN, legal_basis=" "))
    assert str(caught.value) == (
        "yunhe_wuxi_2020, terms: deductions from persons need a legal basis\n"
        "  do: name the document in legal_basis, or leave positive_only out"
    )
    assert "扣分依据: synthetic village rules" in score(WUXI, YEAR_OF_H017, OPEN).text("zh")


def test_the_shipped_table_holds_what_is_published_and_says_so() -> None:
    assert set(sheets("credit")) == {"yunhe_wuxi_2020"}
    assert {name: item.points for name, item in WUXI.items.items()} == {
        "waste_sorting": 1, "farming_pilot_county": 6, "farming_pilot_city": 8, "farming_pilot_province": 10,
        "farming_pilot_nation": 30, "doorstep_duties": -2, "illegal_discharge": -3, "banned_agrochemicals": -3,
    }  # fmt: skip
    assert WUXI.verified == "secondary"
    assert WUXI.subject == "person"
    assert not WUXI.grades
    assert "the other 15" in WUXI.note.en


def test_the_score_as_text_and_tables() -> None:
    terms = dataclasses.replace(OPEN, grades={"A": 120, "D": None})
    found = score(WUXI, YEAR_OF_H017, terms)
    assert found.text("en").splitlines()[:5] == [
        "Ecological points of the two-mountain supermarket, Wuxi, H-017: 125, grade A",
        "  table: yunhe_wuxi_2020; Lishui Daily, 2020-04-08 (paper.lsnews.com.cn/lsrb/pc/content/202004/08/content_189534.html); secondary",
        "  100 + 25, within 0 to 200",
        "  2025-03-01 waste_sorting-2025-03-01  Sorting waste, each time: +1 × 10 = +10",
        "  2025-05-01 farming_pilot_province-2025-05-01  Pilot of standardised farming, provincial level: +10 × 1 = +10",
    ]
    assert "+1 × 14 → +10 (cap of the item)" in repr(found)
    assert list(found.frame("zh")["counted"]) == [10, 10, 10, -3, -2]
    assert found.frame()["why"].iloc[2] == "达到单项上限"
    plain = json.loads(json.dumps(found.to_dict(), ensure_ascii=False))
    assert plain["score"] == 125
    assert plain["grade"] == "A"
    assert plain["table_sha256"] == WUXI.sha256


# -------------------------------------------------------------------------------- the formula


def test_bounds_of_the_score(village) -> None:
    assert score(village, [event("market", count=60)]).score == 200
    assert score(village, [event("litter", count=60)]).score == 0
    assert score(village, [event("litter", count=60)]).counted == -360


def test_caps_of_item_and_dimension_bound_good_deeds(village) -> None:
    events = [
        event("planting", "2025-01-10", 3),
        event("patrol", "2025-02-10", 2),
        event("market", "2025-02-11", 9),
    ]
    found = score(village, events)
    # planting 15 -> 10 (item); patrol 8 -> 5 (the dimension holds 15); market 27
    assert [line.counted for line in found.lines] == [10, 5, 27]
    assert [line.why for line in found.lines] == [("item_cap",), ("dimension_cap",), ()]
    assert found.dimensions == {"protection": 15, "living": 27}
    assert found.score == 142


def test_the_cap_of_a_dimension_spares_no_deduction(village) -> None:
    found = score(village, [event("patrol", "2025-01-10", 9), event("litter", "2025-02-10")])
    assert [line.counted for line in found.lines] == [15, -6]


def test_the_cap_of_an_item_bounds_its_deductions_too(village) -> None:
    terms = dataclasses.replace(WIDE, item_caps={"litter": 9})
    found = score(village, [event("litter", "2025-01-10"), event("litter", "2025-01-11")], terms)
    assert [line.counted for line in found.lines] == [-6, -3]


def test_the_cap_of_a_period_starts_again(village) -> None:
    days = ["2025-01-05", "2025-01-25", "2025-03-05", "2025-04-01"]
    events = [event("market", day, 3) for day in days]  # 9 points each
    for period, counted in (
        ("month", [9, 1, 9, 9]),
        ("quarter", [9, 1, 0, 9]),
        ("year", [9, 1, 0, 0]),
    ):
        terms = dataclasses.replace(WIDE, period=period, period_cap=10)
        assert [line.counted for line in score(village, events, terms).lines] == counted


def test_events_lose_half_in_a_half_life(village) -> None:
    terms = dataclasses.replace(WIDE, half_life=6)
    found = score(
        village,
        [
            event("market", "2025-01-15"),
            event("market", "2025-07-15"),
            event("market", "2025-12-31"),
        ],
        terms,
    )
    assert [line.decay for line in found.lines] == [
        0.25,
        0.5,
        1,
    ]  # 12, 6 and 0 months before 2026-01-15
    assert found.score == pytest.approx(100 + 3 * 1.75)
    assert "+3 × 1 × 0.25 = +0.75" in found.text("en")


def test_months_are_whole() -> None:
    day = dt.date
    assert months_between(day(2025, 1, 31), day(2025, 3, 1)) == 1
    assert months_between(day(2024, 12, 15), day(2025, 12, 15)) == 12
    assert months_between(day(2025, 1, 15), day(2025, 1, 15)) == 0


def test_an_event_that_is_not_verified_counts_0_and_is_listed(village) -> None:
    found = score(village, [event("market", verified=False)])
    assert found.score == 100
    assert found.lines[0].earned == 3
    assert found.lines[0].why == ("unverified",)
    assert [str(w) for w in found.warnings] == [
        "H-017, market-2025-06-01: Green market is not verified and counts 0\n  do: verify it"
    ]


def test_villages_weigh_their_dimensions(village) -> None:
    terms = dataclasses.replace(WIDE, weights={"protection": 0.7, "living": 0.3})
    found = score(village, [event("patrol", count=2), event("market", count=4)], terms)
    assert found.score == pytest.approx(0.7 * 108 + 0.3 * 112)
    assert "0.7 × (100 + 8) + 0.3 × (100 + 12)" in found.text("en")


# ----------------------------------------------------------------------- veto, grades, repair


def test_a_veto_is_the_lowest_grade_whatever_the_score(village) -> None:
    found = score(village, [event("market", count=30), event("poaching", "2025-06-02")])
    assert found.score == 170
    assert (found.veto, found.grade.id) == ("breached", "D")
    assert "grade D (veto)" in found.text("en")


def test_a_veto_that_is_not_verified_is_listed_and_does_not_act(village) -> None:
    found = score(
        village, [event("market", count=4), event("poaching", "2025-06-02", verified=False)]
    )
    assert (found.veto, found.grade.id) == ("none", "A")
    assert len(found.warnings) == 1


def test_a_veto_does_not_act_on_persons_by_default(village) -> None:
    person = dataclasses.replace(village, subject="person")
    assert score(person, [event("poaching")]).veto == "none"
    assert score(person, [event("poaching")]).score == 100


@pytest.mark.parametrize(("count", "grade"), [(4, "A"), (3, "B"), (0, "B")])
def test_grades_from_the_table(village, count: int, grade: str) -> None:
    assert score(village, [event("market", count=count)]).grade.id == grade  # 112, 109, 100


def test_a_repaired_deduction_is_taken_off_after_its_months(village) -> None:
    repaired = event("litter", "2025-06-01", repaired=dt.date(2025, 8, 1), repair_evidence="R-1")
    for months, total, why, said in (
        (7, 100, ("repaired",), "repaired; the deduction is taken off"),
        (8, 94, (), "stays until its months are over"),
        (None, 94, (), "the terms take no deduction off"),
    ):
        found = score(village, [repaired], dataclasses.replace(WIDE, repair_after=months))
        assert found.score == total  # 7 whole months from 2025-06-01 to 2026-01-15
        assert found.lines[0].why == why
        assert f"log: 2025-08-01 litter-2025-06-01 {'' if months else 'repaired; '}" in found.text(
            "en"
        )
        assert said in found.text("en")


def test_without_evidence_of_repair_a_deduction_stays(village) -> None:
    terms = dataclasses.replace(WIDE, repair_after=0)
    assert score(village, [event("litter", "2025-01-01")], terms).score == 94
    with pytest.raises(DataError, match="a repair has a date and evidence"):
        score(village, [event("litter", repaired=dt.date(2025, 8, 1))], terms)


def test_the_last_appeal_decides(village) -> None:
    events, name = [event("litter")], "litter-2025-06-01"
    filed = Appeal(name, dt.date(2025, 6, 10), "open", "photograph of another place")
    found = score(village, events, appeals=[filed])
    assert found.score == 94
    assert "appeal open; the event counts until it is decided" in found.text("en")
    upheld = Appeal(name, dt.date(2025, 7, 1), "upheld")
    found = score(village, events, appeals=[upheld, filed])
    assert found.score == 100
    assert found.lines[0].why == ("appeal",)
    assert found.log == (
        (dt.date(2025, 6, 10), name, "open"),
        (dt.date(2025, 7, 1), name, "upheld"),
    )
    rejected = Appeal(name, dt.date(2025, 8, 1), "rejected")
    assert score(village, events, appeals=[upheld, filed, rejected]).score == 94


# ----------------------------------------------------------------------------------- refusals


def test_all_wrong_events_are_named_at_once(village) -> None:
    events = [
        event("markt", evidence="E-1"),
        event("market", count=-1, evidence="E-2"),
        event("market", count=0.5, evidence="E-3"),
        event("market", "2026-02-01", evidence="E-4"),
        event("market", "2024-12-31", evidence="E-5"),
        event("market", "2026-01-10", evidence="E-6"),
        event("market", evidence="E-1"),
        event("market", evidence=" "),
        event("litter", evidence="E-7", repaired=dt.date(2025, 5, 1), repair_evidence="R"),
        event("market", evidence="E-8", subject="某村民"),
        event("market", evidence="E-9", subject="330000199001010000"),
        dataclasses.replace(event("market", evidence="E-10"), date="2025-06-01"),
    ]
    appeals = [
        Appeal("E-77", dt.date(2025, 6, 1), "open"),
        Appeal("E-2", dt.date(2025, 5, 1), "won"),
    ]
    with pytest.raises(DataError) as caught:
        score(village, events, appeals=appeals)
    said = str(caught.value)
    for what in (
        "event 1 (E-1): the item 'markt' is unknown\n  do: did you mean 'market'?",
        "event 2 (E-2): a count is a whole number from 0 on\n  found: -1",
        "event 3 (E-3): a count is a whole number from 0 on\n  found: 0.5",
        "event 4 (E-4): the date lies in the future\n  found: 2026-02-01, assessed on 2026-01-15",
        "event 5 (E-5): the event lies outside the period\n  found: 2024-12-31, 2025-01-01 to 2025-12-31",
        "event 6 (E-6): the event lies outside the period",
        "event 7 (E-1): the evidence 'E-1' is used twice",
        "event 8 ( ): the event has no evidence\n  do: give the id of its record",
        "event 9 (E-7): the repair is dated before the event or in the future",
        "subject: the subject is no id: scores hold no names\n  found: '某村民'\n  do: give an internal id of letters, digits, - and _, such as H-017",
        "subject: the subject looks like an identity-card or telephone number\n  found: 3300...",
        "event 12 (E-10): the date is no date\n  found: '2025-06-01'\n  do: give a datetime.date",
        "there is no event with evidence 'E-77'",
        "appeal (E-2): the appeal is dated before the event or in the future",
        "the outcome 'won' is unknown",
    ):
        assert what in said, what
    assert len(caught.value.problems) == 15


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            {"base": 300},
            "the base lies within the bounds: low <= base <= high\n  found: low 0, base 300, high 200",
        ),
        ({"low": 100, "high": 100}, "low = high = 100: every score is the same"),
        ({"item_caps": {"markt": 5}}, "the cap is of an unknown item 'markt'"),
        ({"item_caps": {"market": 0}}, "a cap is a number above 0"),
        ({"period": "month"}, "period and period_cap belong together"),
        ({"period": "week", "period_cap": 3}, "period = 'week' is unknown"),
        ({"half_life": 0}, "the half-life is a number of months above 0"),
        ({"repair_after": -1}, "repair_after is a number of months from 0 on"),
        ({"weights": {"protection": 0.7, "living": 0.2}}, "the weights add to 0.9, not to 1"),
        ({"weights": {"protection": 1.0}}, "dimension 'living' has no weight"),
        ({"grades": {"A": 90, "B": 80}}, "the lowest grade takes all that no other takes"),
    ],
)
def test_terms_that_do_not_fit_are_refused(village, change: dict, what: str) -> None:
    with pytest.raises(DataError) as caught:
        score(village, [event("market")], dataclasses.replace(WIDE, **change))
    assert what in str(caught.value)


def test_a_period_that_runs_backwards_is_refused(village) -> None:
    for span, what in (
        (Span(YEAR.end, YEAR.start, YEAR.as_of), "the period ends before it starts"),
        (
            Span(YEAR.start, YEAR.end, dt.date(2024, 1, 1)),
            "the day of the assessment lies before the period",
        ),
        (Span("2025-01-01", YEAR.end, YEAR.as_of), "the days of the period are no dates"),
    ):
        with pytest.raises(DataError, match=what):
            credit_scores(village, [], span=span, terms=WIDE, subjects=["V-1"])


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            'dimension = "living"',
            'dimension = "livng"',
            "the dimension 'livng' is unknown\n  do: did you mean 'living'?",
        ),
        ("points    = 3", "points = 0", "item market: the item has 0 points"),
        ("points    = -20", "points = 20", "item poaching: a veto earns no points"),
        ('id        = "market"', 'id = "patrol"', "item patrol: the item occurs twice"),
        ("cap       = 10", "cap = 0", "a cap is a number above 0"),
        ('subject  = "village"', 'subject = "town"', "subject = 'town' is unknown"),
        ('kind     = "credit"', 'kind = "sheet"', "kind = 'sheet', not 'credit'"),
        ('cite     = "made_up"', 'cite = "made"', "the source 'made' is not in [sources]"),
        ("at_least = 90", "at_least = 120", "the cut-offs of the grades do not fall"),
    ],
)
def test_faults_of_a_table_are_named(tmp_path: Path, old: str, new: str, what: str) -> None:
    path = tmp_path / "own.toml"
    assert old in VILLAGE
    path.write_text(VILLAGE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleError) as caught:
        credit_table(path)
    assert what in str(caught.value)


# -------------------------------------------------------------------------- several, and redeeming


def test_several_subjects_and_those_without_events(village) -> None:
    events = [event("market", subject="V-2"), event("patrol", subject="V-1")]
    found = credit_scores(village, events, span=YEAR, terms=WIDE, subjects=["V-3", "V-1"])
    assert {name: s.score for name, s in found.items()} == {"V-3": 100, "V-1": 104, "V-2": 103}


def test_redeeming_takes_from_the_balance_and_never_from_the_score(village) -> None:
    found = score(village, [event("market", count=4), event("litter", "2025-06-02")])
    balance = found.balance()
    assert balance.left == 12  # good deeds; the deduction of 6 lowers the score alone
    after = balance.redeem(5, date=dt.date(2025, 9, 1), evidence="R-1").redeem(
        7, date=dt.date(2025, 9, 2), evidence="R-2"
    )
    assert after.left == 0
    assert found.score == 106
    assert found.balance().left == 12
    assert after.add(found).left == 12


def test_a_balance_cannot_be_overdrawn_or_redeemed_twice() -> None:
    day = dt.date(2025, 9, 1)
    balance = Balance("H-017", 10).redeem(4, date=day, evidence="R-1")
    for points, evidence, what in (
        (6.5, "R-2", "there are not so many points\n  found: 6.5 of 6 left"),
        (0, "R-2", "must be above 0"),
        (1, "R-1", "the receipt 'R-1' was used before"),
        (1, " ", "the receipt has no id"),
    ):
        with pytest.raises(DataError) as caught:
            balance.redeem(points, date=day, evidence=evidence)
        assert what in str(caught.value)
    other = credit_scores(WUXI, [], span=YEAR, terms=TERMS, subjects=["H-018"])["H-018"]
    with pytest.raises(UsageError, match="the score is of H-018, the balance of H-017"):
        balance.add(other)


def test_events_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "subject,item,date,evidence,count,verified,repaired,repair_evidence\n"
        "H-017,waste_sorting,2025-03-01,E-1,10,是,,\n"
        "H-017,illegal_discharge,2025-04-01,E-2,1,no,2025-05-01,R-2\n",
        encoding="utf-8",
    )
    assert read_events(path) == [
        Event("H-017", "waste_sorting", dt.date(2025, 3, 1), "E-1", 10, verified=True),
        Event(
            "H-017",
            "illegal_discharge",
            dt.date(2025, 4, 1),
            "E-2",
            1,
            verified=False,
            repaired=dt.date(2025, 5, 1),
            repair_evidence="R-2",
        ),
    ]
    path.write_text(
        "subject,item,date,evidence,count,verified\nH,x,1 March,E,many,maybe\n", encoding="utf-8"
    )
    with pytest.raises(DataError) as caught:
        read_events(path)
    for what in (
        "row 2: verified is yes or no\n  found: 'maybe'",
        "row 2: the count is not a number",
        "row 2: this is not a date\n  found: '1 March'",
    ):
        assert what in str(caught.value)
    path.write_text("subject,item,day,evidence,count,verified\n", encoding="utf-8")
    with pytest.raises(DataError, match="column 'date' is missing"):
        read_events(path)


# ---------------------------------------------------------------------------------- properties

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["waste_sorting", "farming_pilot_county", "illegal_discharge", "doorstep_duties"]
        ),
        st.dates(YEAR.start, YEAR.end),
        st.integers(0, 40),
        st.booleans(),
    ),
    max_size=12,
)


def made(rows) -> list[Event]:
    return [
        Event("H-1", item, day, f"E-{n}", count, verified)
        for n, (item, day, count, verified) in enumerate(rows)
    ]


@given(
    rows=EVENTS,
    half_life=st.one_of(st.none(), st.integers(1, 24)),
    cap=st.integers(1, 50),
    seed=st.randoms(),
)
def test_scores_stay_in_their_bounds_and_ignore_the_order_of_the_log(
    rows, half_life, cap, seed
) -> None:
    terms = dataclasses.replace(OPEN, half_life=half_life, period="month", period_cap=cap)
    events = made(rows)
    found = credit_scores(WUXI, events, span=YEAR, terms=terms, subjects=["H-1"])["H-1"]
    assert 0 <= found.score <= 200
    assert all(abs(line.counted) <= abs(line.earned) for line in found.lines)
    assert all(line.counted == 0 for line in found.lines if not line.event.verified)
    gains = [line.counted for line in found.lines if line.item.id == "waste_sorting"]
    assert sum(gains) <= 20 + 1e-9
    for month in range(1, 13):
        assert (
            sum(max(line.counted, 0) for line in found.lines if line.event.date.month == month)
            <= cap + 1e-9
        )
    seed.shuffle(events)
    again = credit_scores(WUXI, events, span=YEAR, terms=terms, subjects=["H-1"])["H-1"]
    assert again.score == pytest.approx(found.score)


@given(rows=EVENTS, extra=st.integers(1, 30))
def test_a_good_deed_never_lowers_a_score_and_persons_never_fall_below_their_base(
    rows, extra
) -> None:
    events = made(rows)
    more = [*events, Event("H-1", "farming_pilot_county", YEAR.end, "E-extra", extra)]
    for terms in (OPEN, TERMS):
        before, after = (
            credit_scores(WUXI, e, span=YEAR, terms=terms, subjects=["H-1"])["H-1"]
            for e in (events, more)
        )
        assert after.score >= before.score
    assert before.score >= TERMS.base
