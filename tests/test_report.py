"""Cards, pages and terminal text say everything, in both languages, and escape what they say."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import small_standard

from gep import library, report
from gep.library import Standard
from gep.model import Service
from gep.report import __main__ as command
from gep.report.card import CardService, CardStandard
from gep.report.pages import pages
from gep.report.parts import per_area, with_numbers
from gep.report.text import columns, width
from gep.report.words import CLAUSES, LABELS
from gep.units import unit

ROOT = Path(__file__).parents[1]
VOID = {"meta", "br", "wbr", "img", "link", "hr"}


class Reader(HTMLParser):
    """Checks that tags nest, and collects what a page shows and where it points."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standard:
    return small_standard.load(tmp_path, monkeypatch)


# ---------------------------------------------------------------------------------------- pages


@pytest.mark.parametrize("kind", ["services", "mechanisms"])
def test_pages_in_docs_are_fresh(kind: str) -> None:
    """`python -m gep.report docs/services` has been run after the last change."""
    names, load = library.standards(), library.standard
    if kind == "mechanisms":
        names, load = library.mechanisms(), library.mechanism
    made = pages([load(name) for name in names])
    folder = ROOT / "docs" / kind
    kept = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.*")
    }
    assert sorted(kept) == sorted(made)
    stale = [name for name in made if kept[name] != made[name]]
    option = " --mechanisms" if kind == "mechanisms" else ""
    assert stale == [], f"run: python -m gep.report docs/{kind}{option}"


def test_every_service_has_a_page_in_each_language(small: Standard) -> None:
    made = pages([small])
    for lang in ("zh", "en"):
        names = {f"{lang}/small/{name}.html" for name in ("index", *small)}
        assert names <= set(made)
    assert len(made) == 2 + 2 * (1 + len(small))  # the index over all, the style sheet


def test_a_rule_of_another_standard_has_one_page() -> None:
    standards = [library.standard(name) for name in ("hj_1173_2021", "rcees_2017")]
    made = pages(standards)
    assert "zh/hj_1173_2021/cover_factor.html" in made
    assert "zh/rcees_2017/cover_factor.html" not in made
    assert "../hj_1173_2021/cover_factor.html" in made["zh/rcees_2017/index.html"]
    assert "zh/rcees_2017/cover_factor.html" in pages(standards[1:])


def test_links_lead_to_pages_and_nothing_is_fetched(small: Standard) -> None:
    made = pages([small])
    for name, text in made.items():
        found = Reader(text) if name.endswith(".html") else Reader("")
        for link in found.links:
            assert not re.match(r"[a-z]+:|//", link), link
            target = (Path("/") / name).parent / link
            parts: list[str] = []
            for part in target.parts[1:]:
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in made, (name, link)


def test_pages_switch_language(small: Standard) -> None:
    made = pages([small])
    assert '../../en/small/water.html">English</a>' in made["zh/small/water.html"]
    assert '../../zh/small/water.html">中文</a>' in made["en/small/water.html"]
    assert '<html lang="zh-CN">' in made["zh/small/water.html"]
    assert '<html lang="en">' in made["en/small/water.html"]


def test_hostile_text_is_escaped_everywhere(small: Standard) -> None:
    shown = {**pages([small]), "card": report.service_card(small, small["water"])}
    for name, text in shown.items():
        found = Reader(text)
        assert "script" not in found.tags, name
        assert "i" not in found.tags, name
        assert found.handlers == [], name
    assert small_standard.HOSTILE in Reader(shown["card"]).text
    assert small_standard.HOSTILE in Reader(shown["en/small/water.html"]).text


def test_page_tells_all_of_a_service(small: Standard) -> None:
    text = Reader(report.service_page(small, small["water"], "en")).text
    for part in (
        "A. Author, Book",
        "A.1",
        "checked against the full text",
        "Forest",
        "Q=P−R−ET",
        "mm/yr × 10 → m³/(ha·yr)",
        "As printed",
        "Q=A×(P−r−ET)×10−3",
        "where r=R",
        "gives m³/yr",
        "A (area) m²",
        "Precipitation",
        "0 … 15000",
        "computed by Runoff",
        "Reservoir capacity",
        "7.06 CNY/m³ (Price year 2010)",
        "8 CNY/m³ (Price year 2020)",
        "B. Writer, Tables",
        "secondary source",
        "recalled",
        "× true cell area → CNY/yr",
        "Q=1500−69.75−800 × 10 = 6302.5 m³/(ha·yr)",
        "V=6302.5×7.06 = 44495.65 CNY/(ha·yr)",
        "small/water.toml",
    ):
        assert part in text, part


def test_page_tells_it_in_chinese(small: Standard) -> None:
    text = Reader(report.service_page(small, small["cleaning"], "zh")).text
    for part in (
        "净化",
        "调节服务",
        "已对照原文全文核对",
        "计算步骤",
        "G=min⁡(E,∑区域k×A)",
        "V=∑污染物G×p",
        "区域总量 · 按 污染物",
        "生态系统类型",
        "森林",
        "费",
        "价格年 2015",
        "手工验算",
        "a: 5, b: 10",
        "面积 = 100 ha",
    ):
        assert part in text, part


def test_empirical_formula_says_in_which_units(small: Standard) -> None:
    text = Reader(report.service_page(small, small["runoff"], "en")).text
    assert "Empirical formula" in text
    assert "exactly these units — P m/yr" in text
    assert "f=0.002×11.5 = 0.002 kg/m" in text
    assert "% → 1" in text
    assert "ComputesSurface runoff" in text


def test_coefficients_with_value_source_and_mark(small: Standard) -> None:
    page = report.service_page(small, small["runoff"], "en")
    rows = [Reader(row).text for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)]
    assert "Forest2.5[2]full text" in rows
    assert "Town80[2]recalled" in rows
    assert "Town: guess <i>" in Reader(page).text


def test_index_counts_what_was_checked(small: Standard) -> None:
    text = Reader(report.standard_page(small, "en")).text
    assert "Formulas312" in text
    assert "Coefficients124" in text
    assert "Regulating services" in text
    assert "Supporting rules" in text
    assert "read in parts" in text


def test_pages_do_not_depend_on_when_or_where(small: Standard) -> None:
    first = pages([small])
    assert pages([small]) == first
    assert not any(str(small.folder.parent) in text for text in first.values())


def test_writing_removes_only_its_own_old_pages(small: Standard, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report.write_pages(out, [small])
    old = out / "zh" / "small" / "gone.html"
    old.write_text((out / "zh" / "small" / "water.html").read_text(encoding="utf-8"), "utf-8")
    own = out / "zh" / "small" / "mine.html"
    own.write_text("<p>mine</p>", "utf-8")
    written = report.write_pages(out, [small])
    assert not old.exists()
    assert own.exists()
    assert all(path.is_file() for path in written)


def test_command(small: Standard, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(tmp_path / "out"), str(small.folder)]) == 0
    assert "9 pages" in capsys.readouterr().out
    assert command.main([str(tmp_path / "out"), "no_such_standard"]) == 1
    assert "no standard" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- cards


@pytest.mark.parametrize("lang", ["both", "zh", "en"])
def test_cards_are_whole_fragments(small: Standard, lang: str) -> None:
    for service in small.values():
        card = report.service_card(small, service, lang)
        found = Reader(card)
        assert found.links == []
        assert not {"script", "html", "link", "img"} & found.tags
        assert card.startswith('<div class="gep gep-card"><style>')
    Reader(report.standard_card(small, lang))


def test_card_speaks_both_languages(small: Standard) -> None:
    text = Reader(report.service_card(small, small["cleaning"])).text
    for part in ("净化 Cleaning", "输入量 Inputs", "排放量 Emission", "算例 Worked examples"):
        assert part in text, part


def test_styles_reach_nothing_outside_a_card(small: Standard) -> None:
    card = report.service_card(small, small["water"])
    style = re.search(r"<style>(.*?)</style>", card, re.DOTALL)
    assert style
    for rule in re.findall(r"([^{}]+)\{", style[1]):
        for selector in rule.split(","):
            assert selector.strip().startswith(".gep"), selector


def test_with_cards_gives_the_same_standard_with_faces(small: Standard) -> None:
    shown = report.with_cards(small)
    assert isinstance(shown, CardStandard)
    assert isinstance(shown, Standard)
    service = shown["water"]
    assert isinstance(service, CardService)
    assert isinstance(service, Service)
    assert service.steps is small["water"].steps
    assert service._repr_html_() == report.service_card(small, small["water"])
    assert shown._repr_html_() == report.standard_card(small)
    assert "水源涵养" in repr(service)
    assert repr(shown).startswith("<Standard small")
    assert str(shown) == report.standard_text(small)
    assert list(shown) == list(small)
    assert shown.checked() == small.checked()


def test_long_tables_are_folded_in_cards_and_open_on_pages() -> None:
    name, service = next(
        (standard, service)
        for key in library.standards()
        for standard in [library.standard(key)]
        for service in standard.values()
        for c in service.coefficients.values()
        if c.by and len(standard.table_of(c.table).entries[c.column]) > 8
    )
    assert "<details><summary>" in report.service_card(name, service)
    assert "<details><summary>" not in report.service_page(name, service, "en")


# ------------------------------------------------------------------------------------- terminal


def test_service_as_text(small: Standard) -> None:
    text = report.service_text(small, small["water"])
    for line in (
        "small/water · Regulating service",
        "Checked: checked against the full text",
        "  Q = P − R − ET   [m³/(ha·yr)]",
        "    the formula gives [mm/yr], × 10 → [m³/(ha·yr)]",
        "    As printed: A × (P − r − ET) × 10⁻³   [m³/yr]",
        "      where r = R",
        "    Checked: checked against a source that quotes it",
        "  P   Precipitation (precipitation)            [mm/yr]  0 … 15000",
        "  c  Reservoir capacity  [CNY/m³]  7.06 (2010); 8 (2020)  prices.reservoir",
        "  Monetary  V  Value           [CNY/yr]",
        "  Result: Q = 6302.5 m³/(ha·yr); V = 44495.65 CNY/(ha·yr)",
    ):
        assert line in text.splitlines(), line


def test_standard_as_text_counts_what_was_checked(small: Standard) -> None:
    lines = report.standard_text(small, "en").splitlines()
    line = next(ln for ln in lines if ln.strip().startswith("Formulas"))
    expected = "Formulas 6 full text 3 (50 %) secondary source 1 (17 %) recalled 2 (33 %)"
    assert " ".join(line.split()) == expected
    assert "调节服务 (2)" in report.standard_text(small, "zh").splitlines()


def test_text_columns_align_with_chinese() -> None:
    lines = columns([["水", "a", ""], ["bcd", "e", ""]])
    assert lines == ["水   a", "bcd  e"]
    assert [width(line) for line in lines] == [6, 6]
    assert columns([]) == []


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", library.standards())
def test_every_shipped_service_can_be_shown(name: str, lang: str) -> None:
    standard = library.standard(name)
    assert standard.title[lang] in report.standard_text(standard, lang)
    for service in standard.values():
        assert service.title[lang] in report.service_text(standard, service, lang)
        Reader(report.service_card(standard, service, lang))


# ---------------------------------------------------------------------------------------- parts


def test_numbers_are_put_into_formulas_only_where_that_shows_something(small: Standard) -> None:
    water, cleaning = small["water"], small["cleaning"]
    assert with_numbers(water, water.examples[0], "Q") is not None
    assert with_numbers(cleaning, cleaning.examples[0], "G") is None
    assert with_numbers(cleaning, cleaning.examples[0], "V") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("t/ha", True), ("m³/(hm²·yr)", True), ("kg/m²", True), ("t/km²", True)],
        *[("kg/m³", False), ("1", False), ("t/yr", False), ("CNY/m³", False), ("亩", False)],
    ],
)
def test_what_is_per_area(text: str, expected: bool) -> None:
    assert per_area(unit(text)) is expected


def test_labels_have_both_languages() -> None:
    for key, title in LABELS.items():
        assert title.en, key
        assert title.zh, key
        assert not re.search("[\u4e00-\u9fff]", title.en) or key == "other_language"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Table A.1", "表 A.1"),
        ("section 1.2 and Table 2", "第 1.2 节、表 2"),
        ("hand calculation", "手工验算"),
        ("2.4.1", "2.4.1"),
    ],
)
def test_places_in_a_source_as_chinese_readers_write_them(text: str, expected: str) -> None:
    for pattern, shown in CLAUSES:
        text = pattern.sub(shown, text)
    assert text == expected
