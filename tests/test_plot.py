"""Figures: Chinese is really drawn, in every format, and the bars are the account's numbers."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gep
from gep.errors import UsageError

ROOT = Path(__file__).resolve().parents[1]
pytest.importorskip("matplotlib", reason="figures need the extra [plot]")

import matplotlib as mpl  # noqa: E402
from matplotlib import font_manager  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ft2font import FT2Font  # noqa: E402

from gep import plot  # noqa: E402


@pytest.fixture(scope="module")
def account() -> gep.Account:
    return gep.Project.load(ROOT / "examples" / "county" / "county.toml").run()


def table(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Return a comparison: standard, service, value; titles are made from the ids."""
    return pd.DataFrame(
        {
            "standard": standard,
            "standard_title_en": f"Standard {standard}",
            "standard_title_zh": f"标准{standard}",
            "service": service,
            "title_en": f"Service {service}",
            "title_zh": f"服务{service}",
            "value": value,
        }
        for standard, service, value in rows
    )


def widths(figure: Figure) -> list[list[float]]:
    (axes,) = figure.axes
    return [[bar.get_width() for bar in group] for group in axes.containers]


def texts_of(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


# ------------------------------------------------------------------------------- the font


def test_every_character_of_the_rules_and_tables_can_be_drawn() -> None:
    latin = font_manager.findfont("DejaVu Sans")  # comes with matplotlib and is asked first
    shipped = set(FT2Font(plot.SHIPPED).get_charmap())
    held = shipped | set(FT2Font(latin).get_charmap())
    paths = [
        *(ROOT / "models").rglob("*.toml"),
        *(p for p in (ROOT / "coefficients").rglob("*") if p.suffix in (".toml", ".csv")),
        *(ROOT / "gep" / "report").glob("*.py"),
        ROOT / "gep" / "plot.py",
    ]
    used = {c for path in paths for c in path.read_text(encoding="utf-8") if c.isprintable()}
    han = bytes(b for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF) for b in (high, low))
    assert len(used) > 1000
    assert not {c for c in used if ord(c) not in held}
    assert not {c for c in han.decode("gb2312", errors="ignore") if ord(c) not in shipped}


def test_the_licence_lies_beside_the_font() -> None:
    text = (plot.SHIPPED.parent / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text
    assert "Adobe" in text
    assert plot.SHIPPED.stat().st_size < 2_000_000


def test_a_font_of_the_system_is_taken_before_the_shipped_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plot, "CHINESE_FAMILIES", ("No Such Font", "DejaVu Serif"))
    assert plot.fonts()["font.family"] == ["DejaVu Sans", "DejaVu Serif"]
    assert plot.fonts(shipped=True)["font.family"] == ["DejaVu Sans", "GEP Sans SC"]
    monkeypatch.setattr(plot, "CHINESE_FAMILIES", ("No Such Font",))
    assert plot.fonts()["font.family"] == ["DejaVu Sans", "GEP Sans SC"]


def test_the_shipped_font_is_added_once() -> None:
    for _ in range(2):
        plot.fonts(shipped=True)
    names = [font.name for font in font_manager.fontManager.ttflist]
    assert names.count(plot.SHIPPED_NAME) == 1


def test_settings_hold_inside_and_not_outside() -> None:
    before = mpl.rcParams["font.family"]
    with plot.chinese(shipped=True) as settings:
        assert mpl.rcParams["font.family"] == ["DejaVu Sans", "GEP Sans SC"]
        assert mpl.rcParams["pdf.fonttype"] == settings["pdf.fonttype"] == 42
        assert mpl.rcParams["svg.fonttype"] == "path"
        assert mpl.rcParams["axes.unicode_minus"] is False
    assert mpl.rcParams["font.family"] == before


# A glyph that is missing is a warning of matplotlib, and a warning fails a test here.


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_titles_of_all_services_are_drawn(language: str, suffix: str, tmp_path: Path) -> None:
    rows = [
        {
            "standard": name,
            "standard_title_en": standard.title.en,
            "standard_title_zh": standard.title.zh,
            "service": service,
            "title_en": standard[service].title.en,
            "title_zh": standard[service].title.zh,
            "value": 1e8,
        }
        for name in ("rcees_2017", "hj_1173_2021")
        for standard in (gep.standard(name),)
        for service in standard.catalogue
    ]
    with plot.chinese(shipped=True):
        figure = plot.compared(pd.DataFrame(rows), language, shipped=True)
        figure.savefig(tmp_path / f"figure.{suffix}")
    assert (tmp_path / f"figure.{suffix}").stat().st_size > 5_000


def test_a_pdf_embeds_chinese_as_truetype(tmp_path: Path) -> None:
    with plot.chinese(shipped=True):
        plot.compared(table(("a", "x", 1.0)), shipped=True).savefig(tmp_path / "figure.pdf")
    content = (tmp_path / "figure.pdf").read_bytes()
    assert re.search(rb"/BaseFont /\w+\+GEPSansSC-Regular", content)
    assert b"/CIDFontType2" in content


def test_a_figure_can_be_drawn_when_the_settings_are_gone(tmp_path: Path) -> None:
    figure = plot.compared(table(("a", "x", -3e4), ("a", "y", 2e4)), "zh", shipped=True)
    figure.set_size_inches(9, 12)  # more ticks are made
    figure.savefig(tmp_path / "figure.png")


def test_a_notebook_shows_the_figure_that_a_cell_returns() -> None:
    figure = plot.compared(table(("a", "x", 1.0)), shipped=True)
    assert figure._repr_png_().startswith(b"\x89PNG")


# ------------------------------------------------------------------------------- the figures


def test_examples_of_the_module_run() -> None:
    failed, attempted = doctest.testmod(plot)
    assert attempted >= 3
    assert not failed


def test_bars_of_an_account_are_its_values(account: gep.Account) -> None:
    totals = account.total("service").sort_values("value", ascending=False)
    figure = plot.account(account, "zh", shipped=True)
    drawn = np.array(widths(figure)).sum(axis=0)  # a service stands in the group of its kind only
    assert drawn == pytest.approx(totals["value"].to_numpy() / 1e8)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    first = account.provenance["services"][totals["service"].iloc[0]]["title"]["zh"]
    assert names[0] == first
    assert figure.axes[0].yaxis_inverted()
    assert figure.axes[0].get_xlabel() == "价值（亿元/年，2020 年价格）"
    assert {"物质供给", "调节服务", "文化服务"} <= set(texts_of(figure).splitlines())


def test_an_account_in_english(account: gep.Account) -> None:
    figure = plot.account(account, "en", shipped=True)
    assert figure.axes[0].get_xlabel() == "Value (10⁸ CNY/yr, prices of 2020)"
    assert "Provisioning services" in texts_of(figure)
    assert "Synthetic county" in texts_of(figure)


def test_services_by_standard_are_grouped() -> None:
    rows = table(("a", "x", 3e8), ("a", "y", 1e8), ("b", "y", 2e8), ("b", "z", np.nan))
    figure = plot.compared(rows, "zh", shipped=True)
    assert widths(figure) == [[3, 1, 0], [0, 2, 0]]
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["服务x", "服务y", "服务z"]
    written = [text.get_text().strip() for text in axes.texts]
    assert written == ["3", "1", "", "", "2", ""], "what is not known has no number"
    assert figure.legends[0].get_texts()[1].get_text() == "标准b"
    tops = [bar.get_y() for group in axes.containers for bar in group]
    assert len(set(tops)) == 6, "no bar hides another"


@pytest.mark.parametrize(
    ("value", "language", "label"),
    [
        (1e8, "zh", "价值（亿元/年）"),
        (1e8, "en", "Value (10⁸ CNY/yr)"),
        (0.99e8, "zh", "价值（万元/年）"),
        (0.99e8, "en", "Value (10⁴ CNY/yr)"),
        (9999, "zh", "价值（元/年）"),
        (-2e8, "en", "Value (10⁸ CNY/yr)"),
    ],
)
def test_the_unit_suits_the_greatest_value(value: float, language: str, label: str) -> None:
    figure = plot.compared(table(("a", "x", value), ("a", "y", 1.0)), language, shipped=True)
    assert figure.axes[0].get_xlabel() == label


def test_another_currency() -> None:
    rows = table(("a", "x", 5e4))
    for language, label in {"zh": "价值（万USD/年）", "en": "Value (10⁴ USD/yr)"}.items():
        figure = plot.compared(rows, language, currency="USD", shipped=True)
        assert figure.axes[0].get_xlabel() == label


def test_many_standards_can_be_told_apart() -> None:
    rows = table(*((f"s{n}", "x", float(n)) for n in range(1, 19)))
    figure = plot.compared(rows, shipped=True)
    looks = {(g[0].get_facecolor(), g[0].get_hatch()) for g in figure.axes[0].containers}
    assert len(looks) == 18


def test_standards_of_one_title_are_told_apart_by_their_ids() -> None:
    rows = table(("a", "x", 1.0), ("b", "x", 2.0)).assign(standard_title_zh="核算规范")
    legend = plot.compared(rows, shipped=True).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["核算规范 (a)", "核算规范 (b)"]


def test_a_long_title_is_broken_and_loses_nothing() -> None:
    for title in ("全国生态状况调查评估技术规范——生态系统服务功能评估", "a long title " * 9):
        broken = plot._broken(title.strip())
        assert re.sub(r"\s", "", broken) == re.sub(r"\s", "", title)
        assert max(map(plot._width, broken.splitlines())) <= 34


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (12345.6, "12,346"), (99.94, "99.9"), (0.00422, "0.00422"), (6e-5, "< 0.001")],
)
def test_numbers_on_bars(number: float, text: str) -> None:
    assert plot._digits(number) == text


# ------------------------------------------------------------------------------- what goes wrong


def test_matplotlib_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as error:
        plot.fonts()
    assert str(error.value) == (
        'drawing needs matplotlib\n  do: pip install "gep-accounting[plot]"'
    )


@pytest.mark.parametrize(
    ("rows", "language", "message"),
    [
        (table(("a", "x", 1.0)), "cn", "figures are drawn in en or zh\nfound: 'cn'"),
        (
            table(("a", "x", 1.0)).rename(columns={"value": "values"}),
            "zh",
            "plot.compared: the table has no column 'value'\ndo: did you mean 'values'?",
        ),
        (
            table(("a", "x", 1.0), ("a", "x", 2.0)),
            "zh",
            "plot.compared: a service occurs twice in a standard\nfound: a, x\ndo: add up the rows first",
        ),
        (table(("a", "x", np.nan)), "zh", "plot.compared: the table holds no values to draw"),
    ],
)
def test_a_table_that_cannot_be_drawn(rows: pd.DataFrame, language: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        plot.compared(rows, language)
    assert str(error.value).replace("\n  ", "\n").startswith(message)


def test_an_account_without_values() -> None:
    account = gep.compute(
        "hj_1173_2021",
        year=2020,
        extent=pd.DataFrame(
            {"zone": ["a"], "ecosystem": ["forest"], "area": [1.0], "unit": ["km²"]}
        ),
        inputs={"irreplaceability_frequency": (50, "1")},
        services=["species_habitat"],
    )
    with pytest.raises(UsageError, match="the account holds no values to draw"):
        plot.account(account)


def test_import_of_the_module_is_light() -> None:
    program = (
        "import sys, json, gep.plot; "
        "print(json.dumps([n for n in ('matplotlib', 'pandas', 'pint') if n in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
