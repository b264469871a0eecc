"""House rules that a machine can check: who may know what, two languages, one home per fact."""

from __future__ import annotations

import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import gep
from gep import library
from gep.cli import cli

ROOT = Path(__file__).resolve().parents[1]
ENGINE = sorted(p for p in (ROOT / "gep").rglob("*") if p.suffix in (".py", ".css"))
TOML = sorted(
    path
    for folder in ("models", "coefficients", "examples")
    for path in (ROOT / folder).rglob("*.toml")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
#: Services in the catalogue of every shipped standard, rules that support them, and variants: none
#: disappears unnoticed.
COUNTS = {
    "beijing_2022": (17, 15, 1),
    "cn_2022": (18, 15, 5),
    "gbt_38582_2020": (11, 1, 0),
    "gbt_46869_2025": (17, 15, 3),
    "hj_1173_2021": (4, 11, 0),
    "invest_3": (9, 2, 2),
    "jiangxi_2021": (19, 11, 0),
    "lishui_2020": (21, 11, 0),
    "mee_2020": (21, 16, 38),
    "rcees_2017": (17, 11, 0),
    "seea_ea": (24, 15, 0),
    "shandong_2022": (20, 14, 0),
    "shenzhen_2021": (18, 11, 0),
    "xie_2008": (9, 1, 0),
    "xie_2015": (11, 1, 0),
    "zhejiang_2020": (19, 11, 0),
    "zhejiang_2025": (0, 0, 0),
}
#: A rule is arithmetic that its reader can follow: fewer than this share of all steps may be
#: nothing but a call of a function.
BARE_CALLS = 0.25
#: Places of the standards and published accounts, and issuers, that the engine must not know.
PLACES = """
甘孜 丽水 浙江 贵州 青海 福建 云南 四川 北京 深圳 婺源 成都
Ganzi Garze Garzê Lishui Zhejiang Guizhou Qinghai Sichuan Shenzhen Beijing Gura Kenya
RCEES rcees HJ hj_1173 DB33 MEE
"""
#: Decimals that the engine may hold, by module: none is a property of nature. Powers of ten are
#: conversions of how a number is shown (万, 亿, km²), tolerances, guards against division by zero.
DECIMALS = {
    "errors.py": {0.6: "how alike two names are to be suggested"},
    "grid.py": {
        0.75: "ratio of cell sizes below which a raster counts as finer",
        5000.0: "spacing of the lattice of areal scale, m",
        3.4028234663852886e38: "no-data value that programs forget to declare",
        9999.0: "the same",
        99999.0: "the same",
        999.0: "the same",
        32768.0: "the same",
    },
    "monte_carlo.py": {0.95: "level of an interval where none is asked for"},
    "render.py": {0.7: "layout"},
    "sobol.py": {0.95: "the same"},
}
LAYOUT = {"workbook.py", "plot.py"}


def titles(node: object, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every table that speaks a language, at any depth."""
    if isinstance(node, dict):
        if {"en", "zh"} & node.keys():
            yield where, node
        for key, value in node.items():
            yield from titles(value, f"{where}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from titles(value, f"{where}[{number}]")


def numbers(path: Path) -> Iterator[tuple[int, str, float]]:
    """Yield line, text and value of every number that a Python file holds outside texts."""
    with tokenize.open(path) as stream:
        for token in tokenize.generate_tokens(stream.readline):
            if token.type == tokenize.NUMBER:
                try:
                    yield token.start[0], token.string, float(token.string.replace("_", ""))
                except ValueError:
                    continue  # hexadecimal, complex


def test_shipped_standards_are_the_expected_ones() -> None:
    found = {}
    for name in library.standards():
        std = library.standard(name)
        variants = sum(len(rules) for rules in std.variants.values())
        found[name] = (len(std.catalogue), len(std.supporting), variants)
    assert found == COUNTS


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_every_step_has_a_worked_example(name: str) -> None:
    for rule in library.standard(name).rules.values():
        expected = {symbol for example in rule.examples for symbol in example.expect}
        assert set(rule.steps) <= expected, rule.origin


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_every_same_as_leads_to_a_rule_and_is_no_chain(name: str) -> None:
    folder = library.data_root("models") / "standards"
    std = library.standard(name)
    for path in sorted((folder / name).glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        if "same_as" not in data:
            continue
        assert data.get("id", path.stem) == path.stem, path.name
        assert set(data) <= {"id", "same_as", "note"}, path.name
        target = folder / f"{data['same_as']}.toml"
        assert target.parent.parent == folder, path.name
        assert target.parent.name != name, path.name
        assert "same_as" not in tomllib.loads(target.read_text(encoding="utf-8")), path.name
        rule = std.rules[path.stem]
        assert rule.origin == data["same_as"]
        if "note" in data:
            shared = tomllib.loads(target.read_text(encoding="utf-8")).get("note", {})
            for lang in ("en", "zh"):
                said = rule.note[lang] if rule.note else ""
                assert said.startswith(data["note"][lang])
                assert said.endswith(shared.get(lang, ""))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_a_standard_is_shown_with_how_well_it_was_read(name: str, lang: str) -> None:
    from gep.report.words import LABELS

    result = CliRunner().invoke(cli, ["show", name, "--lang", lang])
    assert result.exit_code == 0, result.output
    std = library.standard(name)
    assert std.title[lang] in result.output
    assert not std.status or LABELS[std.status][lang] in result.output
    for what, counts in std.checked().items():
        total = sum(counts.values())
        shown = " ".join(result.output.split())
        for level, count in counts.items():
            share = f"{100 * count / total:.0f} %" if total else "–"
            assert f"{LABELS[level][lang]} {count} ({share})" in shown, (what, level)


def test_few_steps_are_nothing_but_a_call() -> None:
    """Counted over the files of all standards and variants, each file once."""
    rules = {
        rule.path: rule
        for name in library.standards()
        for rule in library.standard(name).rules.values()
    }
    steps = [(rule.origin, step) for rule in rules.values() for step in rule.steps.values()]
    bare = [f"{origin} {step.symbol}" for origin, step in steps if step.is_bare_call]
    told = f"{len(bare)} of {len(steps)} steps in {len(rules)} files: {', '.join(bare)}"
    assert len(bare) < BARE_CALLS * len(steps), told


@pytest.mark.parametrize("path", TOML, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_toml_parses_and_speaks_both_languages(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    for where, title in titles(data, path.name):
        assert set(title) == {"en", "zh"}, where
        assert all(isinstance(text, str) and text.strip() for text in title.values()), where


def test_engine_names_no_standard_service_or_place() -> None:
    known = set(PLACES.split())
    for name in library.standards():
        std = library.standard(name)
        known |= {std.id, std.title.en, std.title.zh, *std.catalogue}
        known |= {std[service].title.zh for service in std.catalogue}
        known |= {std[service].title.en for service in std.catalogue}
    teaching = library.standard(ROOT / "examples" / "teaching" / "valley_2020")
    known |= {teaching.id}
    words = {w: re.compile(rf"(?<!\w){re.escape(w)}(?!\w)") for w in known if w.isascii()}
    found = []
    for path in ENGINE:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            named = [w for w in known if (words[w].search(line) if w in words else w in line)]
            found += [f"{path.relative_to(ROOT)}:{number}: {w}" for w in named]
    assert not found


def test_engine_names_no_coefficient_table() -> None:
    tables = {p.stem for p in (ROOT / "coefficients").rglob("*.csv")}
    general = {"constants", "parameters", "prices", "runoff", "cover_factor", "wind_cover"}
    general |= {"soil", "travel_cost", "market"}  # modules of functions, and words
    found = [
        f"{path.name}: {name}"
        for path in ENGINE
        for name in tables - general
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", path.read_text(encoding="utf-8"))
    ]
    quoted = [
        f"{path.name}: {name}"
        for path in ENGINE
        for name in tables
        if f'"{name}.' in path.read_text(encoding="utf-8")
    ]
    assert not found + quoted


def test_engine_repeats_no_number_of_a_table() -> None:
    """A number with three or more digits that stands in a coefficient table stands nowhere else.

    The functions are excepted: they print the numbers of the curves that their docstrings cite.
    """
    listed: dict[float, str] = {}
    for name in library.standards():
        for entry in library.standard(name).entries():
            digits = f"{entry.value:.12g}".lstrip("-").replace(".", "").strip("0")
            if len(digits) >= 3 and "e" not in digits:
                listed[float(entry.value)] = entry.where
    assert listed
    found = [
        f"{path.name}:{line}: {text} ({listed[value]})"
        for path in ENGINE
        if path.suffix == ".py" and path.parent.name != "functions"
        for line, text, value in numbers(path)
        if value in listed and path.name not in LAYOUT
    ]
    assert not found


def test_engine_holds_no_decimal_of_its_own() -> None:
    found = []
    for path in ENGINE:
        if path.suffix != ".py" or path.parent.name == "functions" or path.name in LAYOUT:
            continue
        allowed = DECIMALS.get(path.name, {})
        for line, text, value in numbers(path):
            decimal = "." in text or "e" in text.lower()
            plain = value in (0.0, 0.5, 2.0) or re.fullmatch(r"1(\.0)?(e[+-]?\d+)?", text)
            ten = value > 0 and float(f"1e{round(_log10(value))}") == value
            if decimal and not plain and not ten and value not in allowed:
                found.append(f"{path.name}:{line}: {text}")
    assert not found


def _log10(value: float) -> float:
    import math

    return math.log10(value)


def test_engine_holds_no_molar_mass_and_no_days_of_a_year() -> None:
    wrong = re.compile(r"44\s*/\s*12|12\s*/\s*44|32\s*/\s*44|\b36[56](\.25)?\b")
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in ENGINE
        if path.suffix == ".py" and path.parent.name != "functions"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if wrong.search(line.partition("#")[0]) and '"""' not in line
    ]
    assert not found


def test_import_layers_hold() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def shipped_texts() -> list[Path]:
    hidden = (".git", ".venv", ".ruff_cache", ".mypy_cache", ".hypothesis", ".pytest_cache")
    skipped = {*hidden, ".import_linter_cache", "__pycache__", "out", "dist", "build"}
    wanted = {".py", ".toml", ".md", ".csv", ".css", ".json", ".cff", ".html", ".txt", ""}
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and path.suffix in wanted
        and not skipped & set(path.relative_to(ROOT).parts)
        and not any(part.endswith(".egg-info") for part in path.relative_to(ROOT).parts)
        and path != Path(__file__).resolve()
    ]


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def test_nothing_names_a_machine_or_a_package_host() -> None:
    wrong = re.compile(
        r"/work/|/root/|/home/\w|/opt/pypi|C:\\\\Users|pypi\.org/simple|pythonhosted|"
        r"mirrors?\.\w+\.\w+|index-url|localhost:\d"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in shipped_texts()
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        )
        if wrong.search(line)
    ]
    assert not found


def test_engine_has_no_network_address() -> None:
    identifiers = ("https://json-schema.org/draft/2020-12/schema", "http://www.w3.org/")
    found = []
    for path in ENGINE:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            rest = line
            for name in identifiers:  # names of formats, never fetched
                rest = rest.replace(name, "")
            if re.search(r"\b(https?|ftp)://", rest):
                found.append(f"{path.name}:{number}: {line.strip()}")
    assert not found


# ------------------------------------------------------------------------------- one fact, one home


def commands(path: Path) -> list[str]:
    """Return the commands of a README: the lines of its first ``sh`` block without comments."""
    block = re.search(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    assert block, path.name
    return [line for line in block.group(1).splitlines() if line and not line.startswith("#")]


def test_both_readmes_give_the_same_two_commands() -> None:
    english, chinese = commands(ROOT / "README.md"), commands(ROOT / "README.zh.md")
    assert english == chinese
    assert len(english) == 2
    assert "gep run examples/" in english[0]
    assert "pytest" in english[1]


def test_ci_runs_the_readmes_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    given = dict(re.findall(r"^(MAIN|TEST)_COMMAND=\"(.*)\"$", script, re.MULTILINE))
    main, test = commands(ROOT / "README.md")
    assert given == {"MAIN": main, "TEST": test}


def test_readmes_have_the_same_sections_and_code() -> None:
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    chinese = (ROOT / "README.zh.md").read_text(encoding="utf-8")
    blocks = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)

    def code(text: str) -> list[tuple[str, str]]:
        """Return the blocks of code without their comments."""
        return [
            (kind, re.sub(r"[ \t]*#.*", "", body))
            for kind, body in blocks.findall(text)
            if kind in ("sh", "python")
        ]

    assert code(english) == code(chinese)
    assert len(re.findall("^## ", english, re.MULTILINE)) == len(
        re.findall("^## ", chinese, re.MULTILINE)
    )


@pytest.mark.parametrize(("page", "lang"), [("README.md", "en"), ("README.zh.md", "zh")])
def test_the_readmes_table_of_standards_is_what_the_files_say(page: str, lang: str) -> None:
    from gep.report.words import LABELS

    text = (ROOT / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(library.standards())
    for name, cells in rows:
        path = library.data_root("models") / "standards" / name / "standard.toml"
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        status = LABELS[data["status"]][lang] if "status" in data else "–"
        read = LABELS[data["sources"][name]["verified"]][lang]
        wanted = [data["number"] or "–", data["title"][lang], str(len(data["catalogue"]))]
        assert cells.split(" | ") == [*wanted, status, read], name


def test_commands_of_the_readme_that_compare_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (b for b in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "gep diff" in b)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    for line in block.splitlines():
        program, *words = line.split()
        assert program == ".venv/bin/gep"
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "compared" / "decomposition.csv").is_file()


def test_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert programs
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    for program in programs:
        exec(compile(program, "README.md", "exec"), {})


def test_links_of_the_pages_resolve() -> None:
    link = re.compile(r"\]\((?!https?:|#)([^)#]+)")
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
    ]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in link.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (cited,) = re.findall(r"^version: (.+)$", cff, re.MULTILINE)
    assert project["version"] == gep.__version__ == cited.strip('"')


def test_changelog_begins_with_results_that_change() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (.+)$", text, re.MULTILINE)[0] == "Results that change"
