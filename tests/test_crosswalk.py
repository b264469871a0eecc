"""Reference lists: every service of a standard has its place, or a reason why it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

import gep
from gep import library
from gep.errors import UsageError

ROOT = Path(__file__).parents[1]
LISTS = sorted(p.stem for p in (library.data_root("models") / "crosswalks").glob("*.toml"))
#: Methods whose services are concepts of their own, not the services of an account.
OTHER_CONCEPTS = {"xie_2008", "xie_2015", "invest_3"}


def test_there_is_a_list() -> None:
    assert LISTS


@pytest.mark.parametrize("name", LISTS)
def test_every_service_of_the_standards_is_in_the_crosswalk(name: str) -> None:
    found = library.crosswalk(name)
    known = {
        service
        for std in library.standards()
        if std not in OTHER_CONCEPTS
        for service in library.standard(std).catalogue
    }
    assert known <= set(found.codes), sorted(known - set(found.codes))
    assert all(found.notes[service].zh for service in found.codes)


def test_account_by_reference_list() -> None:
    account = gep.Project.load(ROOT / "examples" / "county" / "county_tables.toml").run()
    table = account.crosswalk("seea_ea").set_index("service")
    assert table["codes"]["carbon_sequestration"] == "2.1"
    assert table["codes"]["oxygen_release"] == ""
    assert table["note_en"]["oxygen_release"]
    assert table["value"].sum() == pytest.approx(float(account.total(())["value"].iloc[0]))
    assert set(table.index) == set(account.provenance["services"])


def test_service_that_the_list_does_not_know_is_named() -> None:
    account = gep.Project.load(ROOT / "examples" / "teaching" / "project.toml").run()
    table = account.crosswalk("seea_ea").set_index("service")
    assert table["codes"]["visits"] == "not in the crosswalk"


def test_unknown_list() -> None:
    with pytest.raises(UsageError, match="did you mean 'seea_ea'"):
        library.crosswalk("seea")
