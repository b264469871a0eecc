"""The ledger: no double sale, no negative balance, a chain in which tampering shows."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from synthetic_records import OFFICE, parcels, square

from gep.errors import DataError
from gep.library import standard, standards
from gep.realization.book import Book
from gep.realization.ledger_chain import (
    Replay,
    canonical,
    digest,
    quantity_text,
    read_quantity,
    row_hash,
)
from gep.realization.registry import words
from gep.realization.store import PARCELS

pytestmark = pytest.mark.once

ISSUE: dict[str, Any] = {
    "holder": "village",
    "quantity": "100",
    "unit": "tCO2",
    "right_type": "carbon",
    "service": "carbon",
    "parcels": ["P1"],
    "year_from": 2026,
    "year_to": 2030,
    "standard": "synthetic",
    "document": "minutes 1",
}


@pytest.fixture
def filled(book: Book) -> Book:
    """Three parcels: P2 touches P1, P3 overlaps P1 by half."""
    shapes = {"P1": square(0), "P2": square(1), "P3": square(0.5)}
    book.import_parcels(parcels(shapes), office=OFFICE)
    return book


def held(book: Book) -> dict[tuple[str, str], tuple[str, str]]:
    frame = book.ledger.balances()
    return {
        (r["unit_id"], r["holder"]): (str(r["quantity"]), str(r["pledged"]))
        for r in frame.to_dict("records")
    }


def refused(message: str, call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(DataError, match=message) as caught:
        call(*args, **kwargs)
    return str(caught.value)


# ------------------------------------------------------------------------------------ the acts


def test_a_units_way_from_issue_to_use(filled: Book) -> None:
    ledger = filled.ledger
    ledger.issue("C-1", **ISSUE)
    ledger.transfer("C-1", holder="village", to="mill", quantity="30.5", document="contract 1")
    pledge = ledger.pledge(
        "C-1", holder="mill", creditor="bank", quantity="20", end="2040-12-31", document="loan 1"
    )
    assert held(filled) == {("C-1", "village"): ("69.5", "0"), ("C-1", "mill"): ("30.5", "20")}
    found = refused(
        "not free", ledger.transfer, "C-1", holder="mill", to="x", quantity="10.6", document="d"
    )
    assert "mill holds 30.5, of which 20 pledged" in found
    assert "do: release the pledge first" in found
    ledger.release(pledge.seq, quantity="5", document="part paid")
    ledger.retire("C-1", holder="mill", quantity="15.5", document="used for 2026")
    refused("not free", ledger.retire, "C-1", holder="mill", quantity="0.000001", document="d")
    ledger.release(pledge.seq, document="paid")
    refused(f"row {pledge.seq} is no open pledge", ledger.release, pledge.seq, document="again")
    ledger.cancel("C-1", holder="village", quantity="9.5", document="counted in error")
    row = ledger.units().iloc[0]
    assert [str(row[k]) for k in ("issued", "held", "pledged", "retired", "cancelled")] == [
        "100", "75.0", "0", "15.5", "9.5",
    ]  # fmt: skip
    history = ledger.history("C-1")
    assert list(history["action"]) == [
        "issue", "transfer", "pledge", "release", "retire", "release", "cancel",
    ]  # fmt: skip
    assert list(history["prev"][1:]) == list(history["hash"][:-1])
    assert ledger.verify(ledger.head).ok


def test_what_is_held_elsewhere_cannot_be_given(filled: Book) -> None:
    ledger = filled.ledger
    ledger.issue("C-1", **ISSUE)
    for act in (ledger.retire, ledger.cancel):
        refused("not free", act, "C-1", holder="nobody here", quantity=1, document="d")
    refused(
        "not free", ledger.transfer, "C-1", holder="village", to="x", quantity="100.1", document="d"
    )
    refused(
        "there is no unit 'C-9'", ledger.retire, "C-9", holder="village", quantity=1, document="d"
    )
    refused(
        "giver and taker",
        ledger.transfer,
        "C-1",
        holder="village",
        to="village",
        quantity=1,
        document="d",
    )
    assert held(filled) == {("C-1", "village"): ("100", "0")}
    assert ledger.verify().count == 1


@pytest.mark.parametrize(
    ("change", "clash"),
    [
        ({"programme": "VCS"}, "carbon of parcel P1, 2026 to 2030, in unit C-1 (CCER)"),
        ({"service": "carbon_sequestration"}, "carbon of parcel P1"),
        ({"service": "碳汇", "right_type": "碳汇量"}, "carbon of parcel P1"),
        ({"service": ["air_purification", "carbon_storage"]}, "carbon of parcel P1"),
        ({"year_from": 2030, "year_to": 2035}, "2030 to 2030"),
        ({"parcels": ["P2", "P1"]}, "parcel P1"),
        ({"parcels": ["P3"]}, "m² that parcel P3 shares with parcel P1"),
    ],
)  # fmt: skip
def test_the_same_service_area_year_is_not_issued_twice(
    filled: Book, change: dict[str, Any], clash: str
) -> None:
    filled.ledger.issue("C-1", **ISSUE, programme="CCER")
    found = refused("sold twice", filled.ledger.issue, "C-2", **ISSUE | change)
    assert clash in found
    assert filled.ledger.verify().count == 1


@pytest.mark.parametrize(
    "change",
    [
        {"service": "water_retention"},
        {"year_from": 2031, "year_to": 2035},
        {"parcels": ["P2"]},  # shares an edge with P1, and no area
    ],
)
def test_another_service_year_or_place_is_another_claim(
    filled: Book, change: dict[str, Any]
) -> None:
    filled.ledger.issue("C-1", **ISSUE)
    filled.ledger.issue("C-2", **ISSUE | change)
    assert filled.ledger.verify().ok
    assert set(filled.ledger.claims()["unit_id"]) == {"C-1", "C-2"}


def test_half_an_overlapping_square_is_the_area_that_is_named(filled: Book) -> None:
    filled.ledger.issue("C-1", **ISSUE)
    found = refused("sold twice", filled.ledger.issue, "C-2", **ISSUE | {"parcels": ["P3"]})
    # half of 98.36 m x 110.82 m, the lengths of 0.001 degrees at 28.0005 N on the ellipsoid
    assert "5450 m² that parcel P3 shares" in found


def test_an_overlap_within_the_tolerance_is_no_second_sale(address: str) -> None:
    with Book.create(address, crs=4490, title="Synthetic", overlap_tolerance_m2=6000) as book:
        book.import_parcels(parcels({"P1": square(0), "P3": square(0.5)}), office=OFFICE)
        book.ledger.issue("C-1", **ISSUE)
        book.ledger.issue("C-2", **ISSUE | {"parcels": ["P3"]})


def test_what_was_used_stays_claimed_and_what_was_cancelled_is_free(filled: Book) -> None:
    ledger = filled.ledger
    ledger.issue("C-1", **ISSUE)
    ledger.retire("C-1", holder="village", quantity=40, document="used")
    ledger.cancel("C-1", holder="village", quantity=60, document="error")
    refused("sold twice", ledger.issue, "C-2", **ISSUE)
    ledger.issue("C-3", **ISSUE | {"parcels": ["P2"]})
    ledger.cancel("C-3", holder="village", quantity=100, document="error")
    ledger.issue("C-4", **ISSUE | {"parcels": ["P2"]})
    assert set(ledger.claims()["unit_id"]) == {"C-1", "C-4"}
    refused(
        "was issued before", ledger.issue, "C-3", **ISSUE | {"year_from": 2031, "year_to": 2032}
    )
    assert ledger.verify().ok


def test_what_is_sold_is_the_land_as_it_was(filled: Book) -> None:
    """A boundary that is redrawn later does not free what was sold."""
    filled.ledger.issue("C-1", **ISSUE)
    with filled._store.write() as connection:
        new = sa.update(PARCELS).where(PARCELS.c.id == "P1").values(geom=None)
        connection.execute(new)
    found = refused("sold twice", filled.ledger.issue, "C-2", **ISSUE | {"parcels": ["P3"]})
    assert "shares with parcel P1" in found


def test_nothing_outlives_the_right(filled: Book) -> None:
    ledger = filled.ledger
    found = refused("the years outlive the right", ledger.issue, "C-1", **ISSUE | {"year_to": 2051})
    assert "to 2051, right to 2050-12-31" in found
    ledger.issue("C-1", **ISSUE)
    pledge = {"holder": "village", "creditor": "bank", "quantity": 1, "document": "loan"}
    found = refused(
        "the pledge outlives the right", ledger.pledge, "C-1", end="2051-01-01", **pledge
    )
    assert "pledge to 2051-01-01, right to 2050-12-31" in found
    refused("this is not a date", ledger.pledge, "C-1", end="soon", **pledge)
    ledger.pledge("C-1", end="2050-12-31", **pledge)


def test_an_unknown_end_of_the_right_is_not_no_end(book: Book) -> None:
    shapes = {"P1": square(0), "P2": square(1)}
    frame = parcels(shapes, right=["management", "所有权"], right_end=None)
    book.import_parcels(frame, office=OFFICE)
    refused("the end of the right over parcel P1 is not known", book.ledger.issue, "C-1", **ISSUE)
    book.ledger.issue("C-2", **ISSUE | {"parcels": ["P2"], "year_to": 2200})


def test_all_that_is_wrong_with_an_issue_is_said_at_once(filled: Book) -> None:
    wrong = {
        "holder": " ",
        "quantity": 0.1,
        "unit": "tonnes",
        "right_type": "carbn",
        "service": "carbon_sequestratoin",
        "parcels": ["P1", "P9"],
        "account": "abc",
        "year_from": "2026",
    }
    found = refused("holder is missing", filled.ledger.issue, "C-1", **ISSUE | wrong)
    for part in (
        "'carbn' is not a known right_type",
        "a quantity is exact",
        "there is no parcel 'P9'",
        "the service 'carbon_sequestratoin' is not known",
        "did you mean 'carbon_sequestration'?",
        "the book has no such account",
        "years are whole numbers\n  found: '2026' to 2030",
    ):
        assert part in found
    refused("unknown unit 'tonnes'", filled.ledger.issue, "C-1", **ISSUE | {"unit": "tonnes"})
    refused("give every parcel once", filled.ledger.issue, "C-1", **ISSUE | {"parcels": []})
    refused("the years are reversed", filled.ledger.issue, "C-1", **ISSUE | {"year_to": 2020})


def test_every_carbon_service_of_the_standards_is_one() -> None:
    """A new standard that names carbon otherwise must be added to the list."""
    names = {
        name
        for std in standards()
        for name in standard(std).rules
        if "carbon" in name and name not in standard(std).supporting
    }
    assert names
    assert {words().service(name) for name in names} == {"carbon"}


@pytest.mark.parametrize(
    "given", [0.5, True, None, "1e400", "NaN", "-1", 0, "many", "0.0000000000001"]
)
def test_a_quantity_is_exact_and_above_zero(given: Any) -> None:
    with pytest.raises(DataError, match="quantity"):
        read_quantity(given, "here")


@pytest.mark.parametrize(
    ("given", "text"), [("1250.50", "1250.5"), ("1E+3", "1000"), (7, "7"), (Decimal("0.10"), "0.1")]
)
def test_a_quantity_has_one_text(given: Any, text: str) -> None:
    assert quantity_text(read_quantity(given, "here")) == text


def test_canonical_json_has_no_floats() -> None:
    with pytest.raises(DataError, match="a float has no one text"):
        canonical({"a": [1, {"b": 0.5}]})
    assert digest({"b": 1, "a": "碳"}) == digest({"a": "碳", "b": 1})


def test_the_first_hash_by_hand(filled: Book) -> None:
    """Recomputed without the library's functions, as an auditor would."""
    import hashlib
    import json

    filled.ledger.issue("C-1", **ISSUE)
    row = filled.ledger.history().iloc[0].to_dict()
    own = row.pop("hash")
    row["seq"] = int(row["seq"])
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == own


# ------------------------------------------------------------------------------------- tampering


def drop_triggers(book: Book) -> None:
    with book._store.engine.begin() as connection:
        for name, _ in book._store._triggers():
            if name.startswith("ledger"):
                where = "" if book._store.is_file else " ON ledger"
                connection.exec_driver_sql(f"DROP TRIGGER {name}{where}")


def tamper(book: Book, statement: str) -> None:
    with book._store.engine.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture
def written(filled: Book) -> Book:
    filled.ledger.issue("C-1", **ISSUE)
    for n in range(5):
        filled.ledger.transfer(
            "C-1", holder="village", to="mill", quantity=n + 1, document=f"c {n}"
        )
    return filled


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET quantity = '1' WHERE seq = 3",
        "DELETE FROM ledger WHERE seq = 6",
        "UPDATE events SET reason = 'x'",
        "DELETE FROM events",
    ],
)
def test_rows_are_never_changed_or_deleted(written: Book, statement: str) -> None:
    before = written.ledger.history()
    with pytest.raises(sa.exc.DBAPIError, match="never changed or deleted"):
        tamper(written, statement)
    assert written.ledger.history().equals(before)


def test_rows_are_not_replaced_or_cut_off_at_once(written: Book) -> None:
    if written._store.is_file:
        statement = "INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE seq = 3"
    else:
        statement = "TRUNCATE ledger"
    with pytest.raises(sa.exc.DBAPIError, match="never changed or deleted"):
        tamper(written, statement)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("quantity", "1"), ("holder_to", "thief"), ("document", "other"), ("time", "2000-01-01"),
        ("action", "retire"), ("details", '{"a":1}'), ("unit_id", "C-2"), ("holder_from", "x"),
    ],
)  # fmt: skip
def test_a_tampered_row_is_found_and_named(written: Book, column: str, value: str) -> None:
    drop_triggers(written)
    tamper(written, f"UPDATE ledger SET {column} = '{value}' WHERE seq = 4")
    report = written.ledger.verify()
    assert not report.ok
    named = {p.where for p in report.problems}
    assert "ledger, row 4, hash" in named
    assert all(
        w in ("ledger", "ledger, row 5, time") or w.startswith("ledger, row 4,") for w in named
    )
    assert "the row was changed after it was written" in str(report)
    assert "trigger" in str(report)
    with (
        Book.open(_address(written)) as again,
        pytest.raises(DataError, match="the ledger is broken") as caught,
    ):
        again.ledger.retire("C-1", holder="mill", quantity=1, document="d")
    assert "ledger, row 4" in str(caught.value)


def _address(book: Book) -> str:
    if book._store.is_file:
        return book._store.name
    return book._store.engine.url.render_as_string(hide_password=False)


def test_a_row_that_was_rewritten_with_its_hash_breaks_the_next(written: Book) -> None:
    drop_triggers(written)
    row = written.ledger.history().iloc[3].to_dict()
    row["seq"], row["quantity"] = int(row["seq"]), "90"
    tamper(written, f"UPDATE ledger SET quantity = '90', hash = '{row_hash(row)}' WHERE seq = 4")
    named = {p.where for p in written.ledger.verify().problems}
    assert "ledger, row 5, prev" in named
    assert "ledger, row 4, hash" not in named
    assert "ledger, row 6, quantity" in named  # 100 - 1 - 2 - 90 leaves nothing for it


def test_a_row_taken_from_the_middle_is_missed(written: Book) -> None:
    drop_triggers(written)
    tamper(written, "DELETE FROM ledger WHERE seq = 3")
    named = {p.where for p in written.ledger.verify().problems}
    assert {"ledger, row 4, seq", "ledger, row 4, prev"} <= named


def test_a_printed_head_catches_a_cut_tail(written: Book) -> None:
    head, early = written.ledger.head, written.ledger.history()["hash"][2]
    assert written.ledger.verify(head).ok
    assert written.ledger.verify(early).ok  # an older print: rows were only added since
    drop_triggers(written)
    tamper(written, "DELETE FROM ledger WHERE seq > 4")
    whole = [p for p in written.ledger.verify().problems if "trigger" not in p.what]
    assert whole == []  # the chain itself cannot know
    found = str(written.ledger.verify(head))
    assert "rows were cut off or rewritten" in found
    assert "the last of 4 rows" in found


def test_a_forged_row_must_obey_the_rules(written: Book) -> None:
    """A row with a right hash at the end of the chain: the act itself is refused."""
    last = written.ledger.history().iloc[-1].to_dict()
    row = {
        **last,
        "seq": 7,
        "holder_from": "mill",
        "holder_to": "thief",
        "quantity": "99",
        "prev": last["hash"],
    }
    row["hash"] = row_hash(row)
    columns = ", ".join(f'"{c}"' for c in row)
    values = ", ".join(
        str(v) if isinstance(v, int) else "'" + v.replace("'", "''") + "'" for v in row.values()
    )
    tamper(written, f"INSERT INTO ledger ({columns}) VALUES ({values})")
    (problem,) = written.ledger.verify().problems
    assert problem.where == "ledger, row 7, quantity"
    assert "mill holds 15" in problem.found


def test_the_ledger_of_another_book_does_not_fit() -> None:
    row = {
        "seq": 1, "time": "2026-01-01", "action": "retire", "unit_id": "x", "holder_from": "a",
        "holder_to": "", "quantity": "1", "document": "d", "details": "{}", "prev": digest({"book": "1"}),
    }  # fmt: skip
    row["hash"] = row_hash(row)
    columns = {f.column for f in Replay(digest({"book": "2"})).take(row)}
    assert columns == {"prev", "unit_id"}


# ---------------------------------------------------------------------- crashes and concurrency

WRITER = """
import sys
from gep.realization.book import Book
book = Book.open(sys.argv[1])
for n in range(int(sys.argv[2]), 200):
    entry = book.ledger.transfer("C-1", holder="village", to=f"buyer {n % 7}", quantity=1, document=f"d {n}")
    print(entry.seq, entry.hash, flush=True)
print("done", flush=True)
"""


def test_a_killed_writer_loses_no_acknowledged_entry(filled: Book) -> None:
    """200 writes, with the writer killed ten times at random moments and begun again."""
    filled.ledger.issue("C-1", **ISSUE | {"quantity": 10000})
    dice = random.Random(20260101)
    acknowledged: dict[int, str] = {}
    killed, done = 0, False
    while not done:
        before = len(filled.ledger.history())
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, _address(filled), str(len(acknowledged))],
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            lines = []
            if killed < 10:
                # a few entries are read, then it dies somewhere within the next ones
                lines = [writer.stdout.readline() for _ in range(dice.randrange(1, 16))]
                time.sleep(dice.random() * 0.02)
                writer.send_signal(signal.SIGKILL)
                killed += 1
            lines += writer.stdout.readlines()
        done = lines[-1] == "done\n"
        said = [line.split() for line in lines if line[0].isdigit() and line.endswith("\n")]
        acknowledged |= {int(seq): own for seq, own in said}
        with Book.open(_address(filled)) as again:
            report = again.ledger.verify()
        assert report.ok, str(report)
        history = filled.ledger.history()
        stored = dict(zip(history["seq"], history["hash"], strict=True))
        assert {seq: stored[seq] for seq in acknowledged} == acknowledged
        assert len(stored) - before - len(said) in ((0,) if done else (0, 1))
    assert killed == 10
    assert len(acknowledged) == 200


SELLER = """
import sys
from gep.errors import DataError
from gep.realization.book import Book
book = Book.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
me = sys.argv[2]
try:
    book.ledger.issue(f"C-{me}", holder=f"seller {me}", quantity=100, unit="tCO2", right_type="carbon",
        service="carbon", parcels=["P1"], year_from=2026, year_to=2030, standard="synthetic", document="d")
    print("sold")
except DataError as error:
    print("refused", str(error).replace("\\n", " "))
"""


def race(program: str, book: Book, number: int = 8) -> list[str]:
    """Start processes, let them go at one moment, and return what each says."""
    sellers = [
        subprocess.Popen(
            [sys.executable, "-c", program, _address(book), str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(number)
    ]
    for seller in sellers:
        assert seller.stdout.readline() == "ready\n"
    go = threading.Barrier(number)
    said: list[str] = [""] * number

    def let_go(n: int) -> None:
        go.wait()
        said[n] = sellers[n].communicate("go\n")[0]

    threads = [threading.Thread(target=let_go, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_eight_processes_sell_one_claim_once(filled: Book) -> None:
    said = race(SELLER, filled)
    assert sum(line.startswith("sold") for line in said) == 1, said
    losers = [line for line in said if line.startswith("refused")]
    assert len(losers) == 7
    assert all("it would be sold twice" in line for line in losers)
    assert filled.ledger.verify().count == 1
    assert len(filled.ledger.claims()) == 1


BUYER = """
import sys
from gep.errors import DataError
from gep.realization.book import Book
book = Book.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    book.ledger.transfer("C-1", holder="village", to=f"buyer {sys.argv[2]}", quantity=30, document="d")
    print("sold")
except DataError as error:
    print("refused", str(error).replace("\\n", " "))
"""


def test_no_more_is_sold_than_there_is(filled: Book) -> None:
    """100 are there; eight processes want 30 each: three get them."""
    filled.ledger.issue("C-1", **ISSUE)
    said = race(BUYER, filled)
    assert sum(line.startswith("sold") for line in said) == 3, said
    assert sum("that much is not free" in line for line in said) == 5
    assert held(filled)["C-1", "village"] == ("10", "0")
    assert filled.ledger.verify().ok


DEPOSITOR = """
import sys
import pandas
from gep.errors import DataError
from gep.realization.book import Book
book = Book.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
row = {"id": f"D{sys.argv[2]}", "parcel_id": f"P{1 + 2 * (int(sys.argv[2]) % 2)}", "mode": "custody",
    "start": "2026-01-01", "end": "2030-12-31"}
try:
    book.import_deposits(pandas.DataFrame([row]), office="office")
    print("sold")
except DataError as error:
    print("refused", str(error).replace("\\n", " "))
"""


def test_land_is_deposited_once_by_whoever_is_first(filled: Book) -> None:
    """Four processes deposit two parcels that overlap: one of them is taken."""
    said = race(DEPOSITOR, filled, 4)
    assert sum(line.startswith("sold") for line in said) == 1, said
    assert sum("overlaps deposit" in line for line in said) == 3, said
    assert len(filled.deposits) == 1


# ------------------------------------------------------------------------------ against a model


class Model(RuleBasedStateMachine):
    """The ledger against plain dictionaries: what it accepts, refuses and holds."""

    make: Any = None
    units = st.sampled_from(["U0", "U1", "U2"])
    holders = st.sampled_from(["a", "b", "c"])
    sizes = st.integers(1, 60)

    @initialize()
    def begin(self) -> None:
        self.book = self.make()
        self.issued: dict[str, int] = {}
        self.gone: dict[tuple[str, str], int] = {}
        self.balance: dict[tuple[str, str], int] = {}
        self.pledged: dict[int, tuple[str, str, int]] = {}
        self.rows = 0

    def teardown(self) -> None:
        if hasattr(self, "book"):
            assert self.book.ledger.verify(self.book.ledger.head).ok
            assert self.book.ledger.verify().count == self.rows
            self.book.close()

    def free(self, unit: str, holder: str) -> int:
        locked = sum(q for u, h, q in self.pledged.values() if (u, h) == (unit, holder))
        return self.balance.get((unit, holder), 0) - locked

    def attempt(self, allowed: bool, act: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            entry = act(*args, **kwargs, document="synthetic")
        except DataError:
            assert not allowed
            return None
        assert allowed
        self.rows += 1
        return entry

    @rule(unit=units, holder=holders, size=sizes)
    def issue(self, unit: str, holder: str, size: int) -> None:
        given = {k: v for k, v in ISSUE.items() if k != "document"}
        given |= {"holder": holder, "quantity": size, "parcels": [f"P{unit[1]}"]}
        if self.attempt(unit not in self.issued, self.book.ledger.issue, unit, **given):
            self.issued[unit] = self.balance[unit, holder] = size

    @rule(unit=units, holder=holders, to=holders, size=sizes)
    def transfer(self, unit: str, holder: str, to: str, size: int) -> None:
        allowed = holder != to and size <= self.free(unit, holder)
        act = self.book.ledger.transfer
        if self.attempt(allowed, act, unit, holder=holder, to=to, quantity=size):
            self.balance[unit, holder] -= size
            self.balance[unit, to] = self.balance.get((unit, to), 0) + size

    @rule(unit=units, holder=holders, size=sizes, year=st.integers(2048, 2052))
    def pledge(self, unit: str, holder: str, size: int, year: int) -> None:
        allowed = size <= self.free(unit, holder) and year <= 2050
        given = {"holder": holder, "creditor": "bank", "quantity": size, "end": f"{year}-12-31"}
        entry = self.attempt(allowed, self.book.ledger.pledge, unit, **given)
        if entry:
            self.pledged[entry.seq] = (unit, holder, size)

    @precondition(lambda self: self.pledged)
    @rule(data=st.data(), size=sizes)
    def release(self, data: st.DataObject, size: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.pledged)))
        unit, holder, left = self.pledged[number]
        if self.attempt(size <= left, self.book.ledger.release, number, quantity=size):
            self.pledged[number] = (unit, holder, left - size)
            if left == size:
                del self.pledged[number]

    @rule(unit=units, holder=holders, size=sizes, act=st.sampled_from(["retire", "cancel"]))
    def use_up(self, unit: str, holder: str, size: int, act: str) -> None:
        allowed = size <= self.free(unit, holder)
        method = getattr(self.book.ledger, act)
        if self.attempt(allowed, method, unit, holder=holder, quantity=size):
            self.balance[unit, holder] -= size
            self.gone[unit, act] = self.gone.get((unit, act), 0) + size

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "book"):
            return
        frame = self.book.ledger.balances()
        found = {(r["unit_id"], r["holder"]): int(r["quantity"]) for r in frame.to_dict("records")}
        assert found == {k: v for k, v in self.balance.items() if v}
        assert (frame["free"] >= 0).all()
        for row in self.book.ledger.units().to_dict("records"):
            assert row["issued"] == row["held"] + row["retired"] + row["cancelled"]
            assert row["issued"] == self.issued[row["unit_id"]]
            assert row["retired"] == self.gone.get((row["unit_id"], "retire"), 0)
            assert row["pledged"] == sum(
                q for u, _, q in self.pledged.values() if u == row["unit_id"]
            )


@pytest.mark.parametrize("kind", ["geopackage", "postgresql"])
def test_the_ledger_is_a_plain_model(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    count = iter(range(10**6))

    def make() -> Book:
        if kind == "geopackage":
            where = str(tmp_path / f"{next(count)}.gpkg")
        else:
            where = request.getfixturevalue("server")()
        book = Book.create(where, crs="EPSG:4490", title="Synthetic")
        shapes = {f"P{n}": square(n) for n in range(3)}
        book.import_parcels(parcels(shapes), office=OFFICE)
        return book

    machine = type("Machine", (Model,), {"make": staticmethod(make)})
    case = machine.TestCase
    case.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
    case().runTest()
