"""``gep bank``: from an empty book to the report, as an office does it, and what it refuses."""

from __future__ import annotations

import contextlib
import csv
import re
import shlex
import shutil
import sqlite3
from collections import defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gep import cli, cli_bank

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
TOWNSHIP = EXAMPLES / "township"
BY = ("--office", "registry office")


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(cli.cli, ["bank", *(str(a) for a in arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def done(*arguments: object) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book with packages and flows, made by commands alone."""
    book = tmp_path_factory.mktemp("bank") / "bank.gpkg"
    shown = done("init", book, "--crs", "EPSG:4490", "--title", "Synthetic 合成")
    assert "0 parcels" in shown
    assert "200 parcels: 200 surveyed" in done(
        "import", book, "--parcels", TOWNSHIP / "parcels.gpkg", *BY
    )
    all_at_once = call("move", book, "titled", "--all", "surveyed", *BY, "--reason", "seen")
    assert all_at_once.exit_code == 1  # 25 have no right with an end on record: each is named
    assert all_at_once.stderr.count("the end of the right is not known") == 25
    done("move", book, "titled", "--all", "surveyed", "--certified", *BY, "--reason", "seen")
    assert "175 valued" in done("move", book, "已评估", "--all", "titled", *BY, "--reason", "first")
    deposits = ("--deposits", TOWNSHIP / "deposits.csv")
    burdens = ("--encumbrances", TOWNSHIP / "encumbrances.csv")
    assert "91 deposits" in done("import", book, *deposits, *burdens, *BY)
    members = defaultdict(list)
    with (TOWNSHIP / "package_members.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            members[row["package_id"]] += ["--deposit", row["deposit_id"]]
    with (TOWNSHIP / "packages.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            about = [f"--{key}={row[key]}" for key in ("name", "use", "start", "years")]
            shown = done(
                "package", book, row["id"], *about, *members[row["id"]], *BY, "--reason", "project"
            )
            assert "whole years from the start" in shown
    for project in (EXAMPLES / "county/county.toml", TOWNSHIP / "after.toml"):
        assert "kept as account" in done("flows", book, project)
    return book


def test_the_book_is_valued_assessed_and_reported(made: Path, tmp_path: Path) -> None:
    terms = TOWNSHIP / "terms.toml"
    shown = done("value", made, terms, "--package", "K-01", "--lang", "zh")
    assert "K-01 林业碳汇：现金价值" in shown
    assert "K-02" not in shown
    assert "not added" in done("value", made, terms, "--package", "K-02", "--lang", "en")
    shown = done("assess", made, terms, "--lang", "zh")
    assert "生态底线" in shown
    out = tmp_path / "report"
    assert f"written to {out}" in done("report", made, terms, "--out", out)
    assert sorted(p.name for p in out.iterdir()) == ["bank.html", "bank.xlsx", "lists.gpkg"]
    again = call("report", made, terms, "--out", out)
    assert again.exit_code == 2
    done("report", made, terms, "--out", out, "--overwrite")


def test_what_is_wrong_is_said_at_once_and_nothing_is_written(made: Path, tmp_path: Path) -> None:
    book = shutil.copy(made, tmp_path / "bank.gpkg")
    result = call("import", book, "--deposits", TOWNSHIP / "deposits_with_conflicts.csv", *BY)
    assert result.exit_code == 1
    assert result.stderr.count("deposits_with_conflicts.csv, row") > 8
    assert "nothing was written" in result.stderr
    assert "91 deposits" in done("import", book, "--encumbrances", _one_more(tmp_path), *BY)
    assert done("check", book, "--at", "2022-01-01").startswith("0 errors")
    late = call("check", book, "--at", "2095-01-01")
    assert late.exit_code == 0
    assert "ended" in late.stderr


def _one_more(folder: Path) -> Path:
    path = folder / "more.csv"
    path.write_text(
        "id,parcel_id,kind,holder,start,end,document\nE-9,P-010,抵押,合成银行,2021-01-01,2023-01-01,合同 9\n",
        encoding="utf-8",
    )
    return path


def test_a_ledger_is_verified_against_a_printed_head(made: Path, tmp_path: Path) -> None:
    from gep.realization import Book

    path = shutil.copy(made, tmp_path / "bank.gpkg")
    with Book.open(path) as book:
        entry = book.ledger.issue(
            "C-1",
            holder="village",
            quantity="10",
            unit="tCO2",
            right_type="碳汇量",
            service="carbon_sequestration",
            parcels=["P-053"],
            year_from=2022,
            year_to=2022,
            standard="synthetic",
            document="minutes 1",
        )
    shown = done("verify", path, "--head", entry.hash)
    assert re.fullmatch(r"1 entries, head [0-9a-f]{64}\nthe chain and all rules hold\n", shown)
    assert call("verify", path, "--head", "0" * 64).exit_code == 1
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            if "ledger" in name:
                database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE ledger SET quantity = '1000'")
    tampered = call("verify", path)
    assert tampered.exit_code == 1
    assert "ledger, row 1" in tampered.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("init", "{book}", "--crs", "EPSG:4490", "--title", "x"), 2, "of that name already"),
        (("init", "{new}", "--crs", "moon", "--title", "x"), 2, "coordinate system"),
        (("check", "{new}"), 2, "there is no"),
        (("import", "{book}", *BY), 2, "there is nothing to import"),
        (("move", "{book}", "valued", *BY, "--reason", "x"), 2, "there is no parcel to move"),
        (("move", "{book}", "sold", "P-001", *BY, "--reason", "x"), 1, "'sold' is not a known"),
        (("package", "{book}", "K-77"), 1, "there is no package 'K-77'"),
        (("package", "{book}", "K-77", "--name", "x"), 2, "a new package needs more"),
        (("value", "{book}", "{terms}", "--package", "K-9"), 2, "the terms value no package 'K-9'"),
        (("check", "{book}", "--at", "soon"), 2, "soon"),
    ],
)
def test_wrong_words_are_refused(
    made: Path, tmp_path: Path, words: tuple[str, ...], status: int, said: str
) -> None:
    places = {"book": made, "new": tmp_path / "new.gpkg", "terms": TOWNSHIP / "terms.toml"}
    result = call(*(word.format(**places) for word in words))
    assert result.exit_code == status, result.output
    assert said in result.stderr
    assert not (tmp_path / "new.gpkg").exists()


# --------------------------------------------------------------------------------- the documents


PAGES = [EXAMPLES.parent / "docs" / f"after_the_account{lang}.md" for lang in ("", ".zh")]


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_of_the_page_are_commands(page: Path) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    assert len(lines) > 10
    for line in lines:
        name, group, *words = shlex.split(line)
        assert (name, group) == ("gep", "bank")
        command = cli_bank.bank.commands[words[0]]
        context = command.make_context(words[0], words[1:], resilient_parsing=False)
        assert context.params["book"] == "bank.gpkg"
    assert {line.split()[2] for line in lines} == set(cli_bank.bank.commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_first_program_of_the_page_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks(page, "python")[0], page.name, "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1].startswith("188.0")


def test_both_pages_have_the_same_sections_and_commands() -> None:
    english, chinese = (page.read_text(encoding="utf-8") for page in PAGES)
    for pattern in (r"^#+ ", r"^\| ", r"^gep bank \w+"):
        one, other = (re.findall(pattern, text, re.MULTILINE) for text in (english, chinese))
        assert one == other
