"""The command line: what it prints, where, and with which status it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import bad_input_projects as tiny
import pytest
from click.testing import CliRunner, Result

from gep import __version__, cli, console
from gep.errors import DataError, UsageError

TEACHING = Path(__file__).resolve().parents[1] / "examples" / "teaching"
FILES = ["account.csv", "account.nc", "account.xlsx", "provenance.json", "sums.npz"]


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(cli.cli, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def process(*arguments: object, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "gep", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **env})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tiny.write_project(tmp_path / "县")


# ------------------------------------------------------------------------------------------- run


def test_run_writes_the_account(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "2020"
    result = call("run", project, "--out", out, "--workers", 1, "--block", 256)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in out.iterdir()) == FILES
    assert result.stdout.startswith("Tiny county\ntiny: A tiny standard / 微型标准\n")
    assert result.stdout.endswith(f"written to {out}\n")
    assert "1 of 1 block\n" in result.stderr


def test_run_writes_maps_on_request(project: Path, tmp_path: Path) -> None:
    with project.open("a", encoding="utf-8") as stream:
        stream.write('[outputs]\nmaps = ["water_retention.Q"]\n')
    assert call("run", project, "--out", tmp_path / "out").exit_code == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [*FILES[:3], "maps", *FILES[3:]]
    assert [p.name for p in (tmp_path / "out" / "maps").iterdir()] == ["water_retention.Q.tif"]


def test_run_takes_a_folder_with_project_toml(tmp_path: Path) -> None:
    result = call("run", TEACHING, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "3 of 3 services" in result.stdout


def test_a_second_run_needs_overwrite(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call("run", project, "--out", out).exit_code == 0
    before = (out / "account.csv").read_bytes()
    project.write_text("not even read", encoding="utf-8")  # refused before any work
    refused = call("run", project, "--out", out)
    assert refused.exit_code == 2
    assert "the output folder exists already" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert (out / "account.csv").read_bytes() == before
    tiny.write_project(project.parent)
    assert call("run", project, "--out", out, "--overwrite").exit_code == 0


def test_run_does_not_replace_what_it_did_not_write(project: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    result = call("run", project, "--out", tmp_path / "mine", "--overwrite")
    assert result.exit_code == 2
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_all_problems_and_nothing_written(project: Path, tmp_path: Path) -> None:
    tiny.edit(project, 'unit = "mm/yr" }\nevapo', 'unit = "mm/jr" }\nevapo')
    tiny.edit(project, 'id = "code"', 'id = "kode"')
    result = call("run", project, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "mm/jr" in result.stderr
    assert "'kode'" in result.stderr
    assert result.stderr.endswith("2 errors, 0 warnings; nothing was written\n")
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_made(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = call("run", project, "--out", tmp_path / "file" / "out")
    assert result.exit_code == 2
    assert "the output folder cannot be made" in result.stderr


def test_a_full_disk_leaves_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gep.account.write_workbook", full)
    result = call("run", project, "--out", tmp_path / "out" / "2020")
    assert result.exit_code == 1
    assert "the account cannot be written" in result.stderr
    assert "No space left on device" in result.stderr
    assert result.stdout == ""
    assert list((tmp_path / "out").iterdir()) == []


def test_a_bug_is_not_swallowed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gep.account.make_sums", broken)
    with pytest.raises(ZeroDivisionError):
        call("run", project, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ----------------------------------------------------------------------------------------- check


def test_check_a_good_project_counts(project: Path) -> None:
    result = call("check", project)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        "of the value rests on text that is: full_text 100.0%, secondary 0.0%, recalled 0.0%",
        "0 errors, 0 warnings",
    ]
    assert re.match(r"tiny: \d+ .*100 %", result.stdout)
    assert not list(project.parent.glob("*out*"))


def test_check_prints_warnings(project: Path) -> None:
    tiny.edit(project, "[statistics]", 'elevation = { value = 10, unit = "m" }\n[statistics]')
    result = call("check", project)
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert "elevation is given and no computed service uses it" in result.stderr
    assert result.stdout.endswith("\n0 errors, 1 warning\n")


def test_check_what_only_the_data_show(project: Path) -> None:
    tiny.write_raster(
        project.parent / "rain.tif", (tiny.rain() * 1e-3).astype("float32"), nodata=-1.0
    )
    result = call("check", project)
    assert result.exit_code == 1
    assert "rain.tif" in result.stderr
    assert "; nothing was computed\n" in result.stderr


@pytest.mark.parametrize("name", [".", "standard.toml", "water_retention.toml"])
def test_check_rules(project: Path, name: str) -> None:
    rules = project.parent / "tiny"
    found = call("check", rules / name).stdout
    assert re.fullmatch(r"tiny: .*\n0 errors, 0 warnings\n", found)
    tiny.edit(rules / "water_retention.toml", '"P - P * alpha - ET"', '"P - P * beta - ET"')
    result = call("check", rules / name)
    assert result.exit_code == 1
    assert "beta" in result.stderr


def test_check_a_broken_rule_file(project: Path) -> None:
    (project.parent / "tiny" / "water_retention.toml").write_text("a = [", encoding="utf-8")
    result = call("check", project.parent / "tiny" / "water_retention.toml")
    assert result.exit_code == 1
    assert "not valid TOML" in result.stderr


@pytest.mark.parametrize("name", ["nowhere.toml", "empty"])
def test_check_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    result = call("check", tmp_path / name)
    assert result.exit_code == 2
    assert name in result.stderr


def test_run_on_rules_is_wrong_usage(project: Path, tmp_path: Path) -> None:
    result = call("run", project.parent / "tiny", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "not a project" in result.stderr


# -------------------------------------------------------------------------------- show, why, new


def test_show_lists_the_standards() -> None:
    from gep.library import standards

    result = call("show", "--lang", "zh")
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(standards())
    assert all(title.zh in result.stdout for title in standards().values())


def test_show_a_standard_and_a_service() -> None:
    assert "固碳" in call("show", TEACHING / "valley_2020").stdout
    assert "Runoff coefficient" in call("show", TEACHING / "valley_2020", "water_retention").stdout
    chinese = call("show", TEACHING / "valley_2020", "water_retention", "--lang", "zh").stdout
    assert "径流系数" in chinese


def test_the_language_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    rules = TEACHING / "valley_2020"
    assert call("show", rules).stdout == call("show", rules, "--lang", "en").stdout
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert call("show", rules).stdout == call("show", rules, "--lang", "zh").stdout


@pytest.mark.parametrize("arguments", [("nowhere_1900",), (TEACHING / "valley_2020", "carbn")])
def test_show_something_unknown(arguments: tuple[object, ...]) -> None:
    result = call("show", *arguments)
    assert result.exit_code == 2
    assert "there is no standard" in result.stderr or "did you mean 'carbon'" in result.stderr


def test_why(tmp_path: Path) -> None:
    call("run", TEACHING, "--out", tmp_path / "out")
    result = call("why", tmp_path / "out", "carbon", "--zone", "upper")
    assert result.exit_code == 0
    assert "55,000 CNY" in result.stdout
    assert "carbon.csv" in result.stdout
    unknown = call("why", tmp_path / "out", "carbn")
    assert unknown.exit_code == 2
    assert "did you mean 'carbon'" in unknown.stderr
    assert call("why", tmp_path, "carbon").exit_code == 2


def test_new_writes_a_project_that_reads(tmp_path: Path) -> None:
    rules = TEACHING / "valley_2020"
    result = call("new", tmp_path / "示例", "--standard", rules)
    assert result.exit_code == 0
    project = tmp_path / "示例" / "project.toml"
    assert result.stdout.splitlines() == [str(project), str(project.parent / "statistics.csv")]
    text = project.read_text(encoding="utf-8")
    data = tomllib.loads(text)
    assert data["title"].startswith("示例")
    assert (project.parent / data["standard"]).resolve() == rules
    for quantity in ("precipitation", "evapotranspiration", "visitors"):
        assert f"# {quantity}" in text
    header = (project.parent / "statistics.csv").read_text(encoding="utf-8-sig")
    assert header == "zone,quantity,item,value,unit,year,source\n"


def test_new_is_a_project_once_it_is_filled_in(tmp_path: Path) -> None:
    """The lines that are commented out are right as they stand."""
    call("new", tmp_path / "a", "--standard", TEACHING / "valley_2020")
    project = tmp_path / "a" / "project.toml"
    text = project.read_text(encoding="utf-8")
    start, end = text.index("[zones]"), text.index("# 没有土地覆被图时")
    text = text[:start] + text[end:]
    text = text.replace("# [extent]\n# file", "[extent]\nfile")
    text = re.sub(r"(?m)^(year|price_year)( *=) \d+", r"\1\2 2020", text)
    lines = []
    for line in text.splitlines():
        name, equals, rest = line.removeprefix("# ").partition("=")
        if name.strip() in ("precipitation", "evapotranspiration", "carbon_sequestration_rate"):
            unit = rest.partition("unit")[2]
            lines.append(f"{name}{equals} {{ value = 3, unit{unit}")
        else:
            lines.append(line)
    project.write_text("\n".join(lines), encoding="utf-8")
    extent = "zone,ecosystem,area,unit\n1,forest,10,km²\n"
    (project.parent / "extent.csv").write_text(extent, encoding="utf-8")
    result = call("check", project.parent)
    assert result.exit_code == 0, result.stderr
    assert "visits is not computed" in result.stderr


def test_new_without_a_standard(tmp_path: Path) -> None:
    assert call("new", tmp_path / "a").exit_code == 0
    data = tomllib.loads((tmp_path / "a" / "project.toml").read_text(encoding="utf-8"))
    assert data["standard"] == ""
    assert call("check", tmp_path / "a").exit_code == 1


def test_new_with_every_shipped_standard(tmp_path: Path) -> None:
    from gep.library import standards

    for name in standards():
        assert call("new", tmp_path / name, "--standard", name).exit_code == 0
        data = tomllib.loads((tmp_path / name / "project.toml").read_text(encoding="utf-8"))
        assert data["standard"] == name


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "statistics.csv").write_text("mine", encoding="utf-8")
    result = call("new", tmp_path)
    assert result.exit_code == 2
    assert "statistics.csv: the file exists already" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["statistics.csv"]


# ------------------------------------------------------------------------------ the process itself


def test_help_and_version_are_light() -> None:
    code = (
        "import sys, gep.cli\n"
        "from click.testing import CliRunner\n"
        "r = CliRunner().invoke(gep.cli.cli, ['--help'])\n"
        "assert r.exit_code == 0, r\n"
        "heavy = {'numpy', 'pandas', 'xarray', 'rasterio', 'geopandas', 'pint', 'tqdm', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert call("--version").stdout == f"gep, version {__version__}\n"


def test_exit_codes_of_the_process(project: Path, tmp_path: Path) -> None:
    assert process("check", project).returncode == 0
    assert process("check", project, "--nonsense").returncode == 2
    assert process("run", project).returncode == 2
    assert process("frobnicate").returncode == 2
    project.write_text("title = 1", encoding="utf-8")
    wrong = process("run", project, "--out", tmp_path / "out")
    assert wrong.returncode == 1
    assert b"nothing was written" in wrong.stderr
    assert b"Traceback" not in wrong.stderr


def test_utf8_whatever_the_locale(project: Path) -> None:
    done = process(
        *("show", project.parent / "tiny", "--lang", "zh"),
        LANG="C",
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 0
    assert "微型标准" in done.stdout.decode("utf-8")


def test_a_reader_that_has_gone_is_no_error() -> None:
    command = f"'{sys.executable}' -m gep show '{TEACHING / 'valley_2020'}' | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_ctrl_c_ends_with_130_and_leaves_nothing(project: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time, gep.account, gep.cli\n"
        "def slow(*a, **k):\n"
        "    print('working', flush=True)\n"
        "    time.sleep(60)\n"
        "gep.account.make_sums = slow\n"
        f"gep.cli.main(['run', {str(project)!r}, '--out', {str(tmp_path / 'out')!r}])\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"working\n"
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert b"Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_colour_only_on_a_terminal_that_wants_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    console.warning("plain")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    console.warning("coloured")
    monkeypatch.setenv("NO_COLOR", "1")
    console.warning("plain again")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "warning: plain"
    assert "\x1b[" in lines[1]
    assert lines[2] == "warning: plain again"


def test_lines_in_a_log_are_few(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 11.0, 11.0, 12.0, 12.0])
    monkeypatch.setattr("gep.console.time.monotonic", lambda: next(clock))
    log = console.log_lines()
    for done in (1, 2, 3):
        log(done, 4)
    log(4, 4)
    assert capsys.readouterr().err.splitlines() == ["2 of 4 blocks", "4 of 4 blocks"]


def test_errors_become_their_status() -> None:
    @cli.cli.command("fail-usage")
    def _usage() -> None:
        raise UsageError("wrong call")

    @cli.cli.command("fail-data")
    def _data() -> None:
        raise DataError("wrong data")

    try:
        assert call("fail-usage").exit_code == 2
        assert call("fail-data").exit_code == 1
        assert call("fail-data").stderr.endswith("1 error, 0 warnings; nothing was written\n")
    finally:
        for name in ("fail-usage", "fail-data"):
            del cli.cli.commands[name]


def test_functions_are_listed_and_explained() -> None:
    listed = call("functions", "--lang", "zh")
    assert listed.exit_code == 0
    assert "annuity_due_factor(rate [1], periods [yr]) → [yr]" in listed.stdout
    assert "derive = ..." in listed.stdout
    one = call("functions", "sine")
    assert one.stdout.startswith("sine(angle [deg]) → [1]\n")
    assert "Source:" in one.stdout
    wrong = call("functions", "cosine")
    assert wrong.exit_code == 2
    assert "did you mean 'sine'?" in wrong.stderr


@pytest.mark.parametrize("words", [("--help",), ("bank", "--help")])
def test_help_keeps_its_lines(words: tuple[str, ...]) -> None:
    shown = call(*words).stdout
    listed = [line for line in shown.splitlines() if line.startswith("  gep ")]
    assert len(listed) >= 5
    assert "\\b" not in shown
