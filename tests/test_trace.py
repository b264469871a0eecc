"""Why a number is what it is: down to the clause, the table row, the file and the price index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gep.account import Account, Project
from gep.tables import sha256

COUNTY = Path(__file__).parent.parent / "examples" / "county"


@pytest.fixture(scope="module")
def account() -> Account:
    return Project.load(COUNTY / "county_tables.toml").run()


def test_a_price_of_another_year_names_its_index_and_how_well_it_is_known(
    account: Account,
) -> None:
    text = str(account.why("pest_control", "990003"))
    assert re.search(r"375 CNY/hm² at prices of 2010 × index 1\.28\d+ \(cn_cpi, recalled\)", text)
    # The rule and its price were read in full; the index was not, and the value rests on it.
    assert account.provenance["services"]["pest_control"]["rests_on"] == "recalled"


def test_a_value_without_an_index_rests_on_its_rule_alone(account: Account) -> None:
    assert account.provenance["services"]["crops"]["rests_on"] == "full_text"


def test_a_statistic_names_its_file_hash_and_source(account: Account) -> None:
    text = str(account.why("pest_control", "990003"))
    digest = sha256(COUNTY / "statistics.csv")[:16]
    assert f"statistics.csv sha256 {digest} · synthetic" in text
