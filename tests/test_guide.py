"""The guide to a new standard, followed literally in both languages.

Files are written as they stand in the page, commands run in order, and what they print is compared
with what the page shows: ``[...]`` stands for any lines, or within a line for any text; runs of spaces
count as one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gep.cli import cli

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = {"en": DOCS / "new_standard.md", "zh": DOCS / "new_standard.zh.md"}
LEFT_OUT = "[...]"


def blocks(lang: str) -> list[tuple[str, str, str]]:
    """Return kind, name of the file (empty for commands and outputs) and text of every block."""
    lines = PAGES[lang].read_text(encoding="utf-8").splitlines(keepends=True)
    fences = [at for at, line in enumerate(lines) if line.startswith("```")]
    found = []
    for start, end in zip(fences[::2], fences[1::2], strict=True):
        name = re.fullmatch(r"`([\w./]+)`", lines[start - 1].strip())
        body = "".join(lines[start + 1 : end])
        found.append((lines[start].strip("`\n"), name[1] if name else "", body))
    return found


def files(lang: str) -> dict[str, str]:
    return {name: body for _, name, body in blocks(lang) if name}


def commands(lang: str) -> list[list[str]]:
    found = [body.split() for kind, _, body in blocks(lang) if kind == "sh"]
    return [[LEFT_OUT if word == lang else word for word in words] for words in found]


def squeezed(text: str) -> str:
    """Return a text without the spaces that only align it."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def shows(page: str, printed: str) -> bool:
    """Say whether a page's output is what was printed, but for what the page leaves out."""
    pattern = ""
    for line in squeezed(page).splitlines():
        inside = "[^\n]*".join(re.escape(part) for part in line.split(LEFT_OUT))
        pattern += "(?:[^\n]*\n)*" if line == LEFT_OUT else inside + "\n"
    return re.fullmatch(pattern, squeezed(printed) + "\n") is not None


def test_what_counts_as_shown() -> None:
    assert shows("a  b\n[...]\nd", "a b\nx\n\ny\nd\n")
    assert shows("[...]\na[...]d\n[...]", "a b d")
    assert not shows("a\n[...]\nd", "a\nx")
    assert not shows("a\nd", "a\nx\nd")


@pytest.mark.parametrize("lang", PAGES)
def test_the_guide_is_followed_to_the_end(
    lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    steps, ran = blocks(lang), 0
    for at, (kind, name, body) in enumerate(steps):
        if name:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
        elif kind == "sh":
            program, *words = body.split()
            after, _, expected = steps[at + 1]
            assert (program, after) == ("gep", "text"), body
            result = CliRunner().invoke(cli, words)
            assert result.exception is None or isinstance(result.exception, SystemExit)
            assert shows(expected, result.output), f"{body}\n{result.output}"
            wanted = 1 if "nothing was computed" in expected else 0
            assert result.exit_code == wanted, body
            ran += 1
    assert ran == len(commands(lang)) > 7
    made = {p.relative_to(tmp_path).as_posix() for p in (tmp_path / "example_2026").rglob("*.*")}
    assert made == {name for name in files(lang) if name.startswith("example_2026/")}


def test_both_guides_hold_the_same_files_and_commands() -> None:
    assert files("en") == files("zh")
    assert commands("en") == commands("zh")
    kinds = [[kind for kind, _, _ in blocks(lang)] for lang in PAGES]
    assert kinds[0] == kinds[1]


def test_every_block_is_a_file_a_command_or_an_output() -> None:
    for lang in PAGES:
        for kind, name, body in blocks(lang):
            assert bool(name) == (kind in ("toml", "csv")), body
            assert kind in ("toml", "csv", "sh", "text"), body


def test_both_guides_have_the_same_sections() -> None:
    counts = {
        len(re.findall("^## ", p.read_text(encoding="utf-8"), re.MULTILINE)) for p in PAGES.values()
    }
    assert counts == {9}
