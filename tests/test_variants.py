"""Variants of a rule, the status of a standard, and capacity and demand beside a flow."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from bad_input_projects import RULES, compare, edit, refusal, run_refused, write_project

from gep import library
from gep.account import Project
from gep.errors import UsageError

HEAD, WATER, AIR = "tiny/standard.toml", "tiny/water_retention.toml", "tiny/air_cleaning.toml"
HALF = "water_retention_half"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("variants")).parent


@pytest.fixture
def county(template: Path, tmp_path: Path) -> Path:
    """The tiny project, whose standard offers water retention at half its price as a variant."""
    folder = tmp_path / "county"
    shutil.copytree(template, folder)
    edit(
        folder / HEAD, "[sources.book]", f'[variants]\nwater_retention = ["{HALF}"]\n[sources.book]'
    )
    write_variant(folder, HALF)
    return folder / "county.toml"


def write_variant(folder: Path, name: str, kind: str = "regulating") -> None:
    text = RULES["water_retention.toml"].removeprefix("\n")
    text = text.replace('id = "water_retention"', f'id = "{name}"').replace("regulating", kind)
    text = text.replace('"Q * c"', '"Q * c / 2"').replace("44495.65", "22247.825")
    (folder / "tiny" / f"{name}.toml").write_text(text, encoding="utf-8")


def choose(project: Path, standard: str) -> None:
    edit(project, 'standard = "tiny"', f'standard = "{standard}"')


# ---------------------------------------------------------------------------------- good variants


def test_a_variant_stands_in_its_services_place(county: Path) -> None:
    usual = Project.load(county).run(workers=1)
    choose(county, f"tiny+{HALF}")
    other = Project.load(county).run(workers=1)
    values = [a.total("service").set_index("service")["value"] for a in (usual, other)]
    assert values[1]["water_retention"] == pytest.approx(
        values[0]["water_retention"] / 2, rel=1e-12
    )
    assert values[1]["air_cleaning"] == values[0]["air_cleaning"]
    assert list(other.provenance["services"]) == ["water_retention", "air_cleaning"]
    assert other.provenance["services"]["water_retention"]["file"] == f"tiny/{HALF}.toml"
    assert other.provenance["standard"]["id"] == f"tiny+{HALF}"


def test_every_variant_is_read_and_counted_whichever_is_chosen(county: Path) -> None:
    folder = county.parent / "tiny"
    usual, other = library.standard(folder), library.standard(f"{folder}+{HALF}")
    assert list(usual.variants["water_retention"]) == [HALF]
    assert set(usual.rules) == {"water_retention", "air_cleaning", HALF}
    assert usual.checked()["steps"]["full_text"] == 6
    assert usual.files == other.files
    assert f"tiny/{HALF}.toml" in usual.files
    assert other["water_retention"].id == "water_retention"
    assert other["water_retention"].steps["V"].checked.text == "Q * c / 2"


def test_a_variant_that_nobody_chose_is_checked_as_well(county: Path) -> None:
    edit(county.parent / f"tiny/{HALF}.toml", "Q * c / 2", "Q * c / 3")
    problem = refusal(library.standard, county.parent / "tiny").problems[0]
    assert "V does not come out" in problem.what
    assert HALF in problem.where


def test_a_variant_may_be_the_file_of_another_standard(tmp_path: Path, template: Path) -> None:
    shutil.copytree(template / "tiny", tmp_path / "tiny")
    shipped, service, rule = next(
        (name, service, rule)
        for name in library.standards()
        for service, rule in library.standard(name).services.items()
        if rule.origin == f"{name}/{service}"
        and rule.kind == "regulating"
        and rule.ecosystems is None
        and all("/" in c.table for c in rule.coefficients.values())
    )
    source = rule.cite.partition(",")[0]
    head = f'[variants]\nwater_retention = ["elsewhere"]\n[sources.{source}]\n'
    head += 'text = { en = "Another", zh = "另一" }\nverified = "full_text"\n[sources.book]'
    edit(tmp_path / HEAD, "[sources.book]", head)
    text = f'id = "elsewhere"\nsame_as = "{shipped}/{service}"\n'
    (tmp_path / "tiny/elsewhere.toml").write_text(text, encoding="utf-8")
    found = library.standard(f"{tmp_path / 'tiny'}+elsewhere")
    assert found["water_retention"].origin == f"{shipped}/{service}"
    assert found["water_retention"].id == "water_retention"


# ----------------------------------------------------------------------------------- bad variants


def test_unknown_variant(county: Path) -> None:
    choose(county, "tiny+water_retention_halved")
    compare("variant_unknown", run_refused(county), county.parent)
    assert isinstance(refusal(library.standard, f"{county.parent / 'tiny'}+x"), UsageError)


def test_two_variants_of_one_service(county: Path) -> None:
    edit(county.parent / HEAD, f'["{HALF}"]', f'["{HALF}", "water_retention_again"]')
    write_variant(county.parent, "water_retention_again")
    choose(county, f"tiny+{HALF}+water_retention_again")
    compare("variants_of_one_service", run_refused(county), county.parent)


def test_a_variant_chosen_twice_is_refused(county: Path) -> None:
    choose(county, f"tiny+{HALF}+{HALF}")
    assert "are two rules of water_retention" in run_refused(county)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("variant_listed_twice", f'["{HALF}"]', f'["{HALF}", "{HALF}"]'),
        ("variant_is_a_service", f'["{HALF}"]', f'["{HALF}", "air_cleaning"]'),
        ("variant_without_a_file", f'["{HALF}"]', f'["{HALF}", "water_retention_third"]'),
        ("variant_in_no_list", f'["{HALF}"]', "[]"),
        ("variant_that_is_no_name", f'["{HALF}"]', f'["{HALF}", "../water"]'),
    ],
)
def test_golden_message_of_a_list_of_variants(name: str, old: str, new: str, county: Path) -> None:
    edit(county.parent / HEAD, old, new)
    compare(name, run_refused(county), county.parent)


def test_a_variant_of_an_unknown_service_is_named(county: Path) -> None:
    edit(county.parent / HEAD, "water_retention = [", "water_retension = [")
    text = run_refused(county)
    assert "variants.water_retension: there is no service 'water_retension'" in text
    assert "did you mean 'water_retention'?" in text


def test_a_variant_of_another_kind(county: Path) -> None:
    write_variant(county.parent, HALF, "supporting")
    path = county.parent / f"tiny/{HALF}.toml"
    edit(path, '[account]\nphysical = "Q"\nmonetary = "V"\n', "")
    edit(path, '"Q * c / 2"', '"Q / 2"')
    edit(path, 'unit = "CNY/(ha·yr)"', 'is = "water_retained"\nunit = "m³/(ha·yr)"')
    edit(path, 'c = { from = "prices.reservoir" }\n', "")
    edit(path, ", c = 7.06 }", " }")
    edit(path, "V = 22247.825", "V = 3151.25")
    compare("variant_of_another_kind", run_refused(county), county.parent)


# ----------------------------------------------------------------------------------------- status


def test_status_unknown(county: Path) -> None:
    edit(county.parent / HEAD, "[variants]", 'status = "valid"\n[variants]')
    compare("status_unknown", run_refused(county), county.parent)


def test_a_superseded_standard_warns(county: Path) -> None:
    told = 'replaced_by = { en = "the standard of 2024", zh = "2024 年版" }\n[variants]'
    edit(county.parent / HEAD, "[variants]", f'status = "superseded"\n{told}')
    project = Project.load(county)
    assert project.data.standard.status == "superseded"
    notes = [note for note in project.data.notes if "superseded" in note]
    compare("superseded", "\n".join(notes), county.parent)
    account = project.run(workers=1)
    assert any("superseded" in n for n in account.provenance["notes"])


@pytest.mark.parametrize("status", library.STATUSES)
def test_status_is_held_and_in_force_says_nothing(status: str, county: Path) -> None:
    edit(county.parent / HEAD, "[variants]", f'status = "{status}"\n[variants]')
    assert library.standard(county.parent / "tiny").status == status
    notes = [n for n in Project.load(county).data.notes if "superseded" in n]
    assert bool(notes) == (status == "superseded")


def test_an_outline_says_what_is_known_and_computes_nothing(county: Path) -> None:
    folder = county.parent
    for path in (WATER, AIR, f"tiny/{HALF}.toml"):
        (folder / path).unlink()
    edit(folder / HEAD, f'[variants]\nwater_retention = ["{HALF}"]\n', "")
    edit(folder / HEAD, '["water_retention", "air_cleaning"]', "[]")
    edit(
        folder / HEAD,
        "[sources",
        'status = "outline"\nnote = { en = "No rule.", zh = "无。" }\n[sources',
    )
    std = library.standard(folder / "tiny")
    assert (std.status, len(std), std.note.en if std.note else "") == ("outline", 0, "No rule.")
    compare("outline_in_a_project", run_refused(county), folder)


# ----------------------------------------------------------------------------- capacity and demand


def beside(folder: Path) -> None:
    """Let air cleaning name its capacity and its demand as steps."""
    edit(
        folder / AIR,
        '[[steps]]\nsymbol = "G"',
        '[[steps]]\nsymbol = "C"\ntitle = { en = "Capacity", zh = "能力" }\nformula = "by_zone(k)"\n'
        'unit = "kgSO2/yr"\n[[steps]]\nsymbol = "D"\ntitle = { en = "Demand", zh = "需求" }\n'
        'formula = "E"\nunit = "tSO2/yr"\n[[steps]]\nsymbol = "G"',
    )
    edit(folder / AIR, "expect = { G", "expect = { C = 10000, D = 50, G")
    edit(folder / AIR, 'physical = "G"', 'physical = "G"\ncapacity = "C"\ndemand = "D"')


def test_capacity_and_demand_stand_beside_the_flow_and_are_not_added(county: Path) -> None:
    before = Project.load(county).run(workers=1)
    beside(county.parent)
    account = Project.load(county).run(workers=1)
    assert before.supply_and_demand.empty
    assert account.total("service").equals(before.total("service"))
    shown = account.supply_and_demand
    assert list(shown["zone"]) == ["01", "02", "03"]
    assert set(shown["unit"]) == {"tSO2/yr"}  # the capacity, in kg by its rule, in the flow's unit
    np.testing.assert_allclose(shown["demand"], [12, 40, 3])
    np.testing.assert_allclose(shown["flow"], np.minimum(shown["capacity"], shown["demand"]))
    areas = account.dataset["area"].to_numpy() / 1e6
    rates = [8.8, 8.8, 2.8, 0.0]
    np.testing.assert_allclose(shown["capacity"], areas @ rates, rtol=1e-12)


def test_a_saved_account_still_knows_its_capacity(county: Path, tmp_path: Path) -> None:
    beside(county.parent)
    account = Project.load(county).run(workers=1)
    account.save(tmp_path / "out")
    again = type(account).load(tmp_path / "out")
    assert again.supply_and_demand.equals(account.supply_and_demand)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("capacity_in_another_unit", 'capacity = "C"', 'capacity = "V"'),
        ("capacity_without_physical", 'physical = "G"\n', ""),
        ("capacity_is_no_step", 'capacity = "C"', 'capacity = "E"'),
    ],
)
def test_golden_message_of_capacity(name: str, old: str, new: str, county: Path) -> None:
    beside(county.parent)
    edit(county.parent / AIR, old, new)
    compare(name, run_refused(county), county.parent)


def test_a_variant_is_shown_and_named_in_titles() -> None:
    from click.testing import CliRunner

    from gep.cli import cli

    shown = CliRunner().invoke(cli, ["show", "mee_2020", "water_retention_clipped", "--lang", "en"])
    assert shown.exit_code == 0
    assert "max(P − R − ET, 0)" in shown.stdout
    wrong = CliRunner().invoke(cli, ["show", "mee_2020", "water_retention_cliped"])
    assert wrong.exit_code == 2
    assert "did you mean 'water_retention_clipped'?" in wrong.stderr
    chosen = library.standard("mee_2020+water_retention_clipped")
    assert chosen.full_title.zh == f"{chosen.title.zh} +water_retention_clipped"
