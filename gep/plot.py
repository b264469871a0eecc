"""Figures with Chinese or English labels. matplotlib is imported when something is drawn.

Figures are returned, not shown; a notebook shows the figure that a cell returns. What is drawn with
matplotlib itself gets the same fonts inside :func:`chinese`.

>>> from gep import plot
>>> with plot.chinese():                                        # doctest: +SKIP
...     plot.account(account, "zh").savefig("account.pdf")
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gep.errors import UsageError, nearest
from gep.report.text import width as text_width
from gep.report.words import LABELS, LANGUAGES, money_unit
from gep.tables import Title

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gep.account import Account

#: The font that is shipped, and its name.
SHIPPED = Path(__file__).with_name("fonts") / "gep-sans-sc.ttf"
SHIPPED_NAME = "GEP Sans SC"
#: Families of other makers that hold simplified Chinese, the first found is taken.
CHINESE_FAMILIES = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN"),
    *("Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "SimHei"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback"),
)
#: How matplotlib is had.
INSTALL = 'pip install "gep-accounting[plot]"'
#: Colours that colour-blind readers can tell apart (Okabe and Ito), the darkest first.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
KIND_COLOURS = {"provisioning": "#E69F00", "regulating": "#009E73", "cultural": "#0072B2"}
#: Patterns for a second and third round of the colours.
HATCHES = ("", "///", "...")

COMPARED_COLUMNS = (
    *("standard", "standard_title_en", "standard_title_zh"),
    *("service", "title_en", "title_zh", "value"),
)

TORNADO_COLUMNS = (
    *("factor", "title_en", "title_zh", "factor_low", "factor_high", "factor_unit"),
    "factor_price_year",
    *("unit", "estimate", "low", "high"),
)
INTERVAL_COLUMNS = ("title_en", "title_zh", "unit", "estimate", "low", "high")
_TORNADO = Title("What makes it uncertain: one number at a time", "不确定性从何而来：逐个变动")
_AT_LOW = Title("number at its lower end", "取下限时")
_AT_HIGH = Title("number at its upper end", "取上限时")
_IN_ACCOUNT = Title("in the account", "账户值")
_INTERVALS = Title("Values and their intervals", "价值及其区间")
_REST = Title("{count} more factors move it less", "另有 {count} 个因素影响更小")
_VALUE = Title("Value", "价值")
_BY_STANDARD = Title("Value of services by standard", "各标准核算的服务价值")
_BY_SERVICE = Title("{title}: value of services", "{title}：各项服务价值")
_PRICES = Title("prices of {year}", "{year} 年价格")
_FEW = 4  # more bars in a group are drawn thinner
_LEAST = 0.001  # what is less is written as "< 0.001"
_LONG = 34  # a longer title is broken at this width; a Chinese character counts two


# ------------------------------------------------------------------------------- fonts


def fonts(*, shipped: bool = False) -> dict[str, Any]:
    """Return the settings of matplotlib with which Chinese, Greek and superscripts are drawn.

    DejaVu Sans, which comes with matplotlib, draws what it holds; Chinese is drawn with a font of
    the system, or with the one that is shipped. A PDF embeds the fonts, an SVG holds outlines.

    Parameters
    ----------
    shipped
        Take the shipped font even where the system has one: figures are then the same everywhere.

    Returns
    -------
    dict
        Keys and values of ``matplotlib.rcParams``.

    Raises
    ------
    UsageError
        If matplotlib is not installed.

    Examples
    --------
    >>> fonts(shipped=True)["font.family"]
    ['DejaVu Sans', 'GEP Sans SC']
    """
    _need_matplotlib()
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    found = None if shipped else next((name for name in CHINESE_FAMILIES if name in known), None)
    if found is None and SHIPPED_NAME not in known:
        font_manager.fontManager.addfont(SHIPPED)
    return {
        "font.family": ["DejaVu Sans", found or SHIPPED_NAME],
        "axes.unicode_minus": False,
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
    }


@contextmanager
def chinese(*, shipped: bool = False) -> Iterator[dict[str, Any]]:
    """Draw and save figures with the settings of :func:`fonts`; afterwards the old ones hold again.

    Parameters
    ----------
    shipped
        As for :func:`fonts`.

    Yields
    ------
    dict
        The settings.

    Raises
    ------
    UsageError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with chinese(shipped=True):
    ...     print(mpl.rcParams["font.family"])
    ['DejaVu Sans', 'GEP Sans SC']
    """
    settings = fonts(shipped=shipped)
    import matplotlib as mpl

    with mpl.rc_context(cast("Any", settings)):
        yield settings


# ------------------------------------------------------------------------------- figures


def account(account: Account, language: str = "zh", *, shipped: bool = False) -> Figure:
    """Draw the value of the services of an account as horizontal bars, the greatest first.

    Parameters
    ----------
    account
        The account. Services without a value are left out.
    language
        ``zh`` or ``en``.
    shipped
        As for :func:`fonts`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: values in 元, 万元 or 亿元 a year (CNY, 10⁴ CNY or 10⁸ CNY), as suits the
        greatest.

    Raises
    ------
    UsageError
        If the account holds no values, the language is unknown, or matplotlib is not installed.
    """
    _check_language(language)
    totals = account.total("service").dropna(subset="value").sort_values("value", ascending=False)
    if totals.empty:
        cure = "ask for services that its standard values in money"
        raise UsageError(
            "the account holds no values to draw", account.provenance["title"], "", cure
        )
    entries = account.provenance["services"]
    names = [entries[service]["title"][language] for service in totals["service"]]
    kinds = [entries[service]["kind"] for service in totals["service"]]
    shown = [kind for kind in KIND_COLOURS if kind in kinds]
    values = totals["value"].to_numpy(dtype=np.float64)
    groups = {
        LABELS[kind][language]: np.where(np.array(kinds) == kind, values, np.nan) for kind in shown
    }
    scale, money = money_unit(float(np.abs(values).max()), str(totals["currency"].iloc[0]))
    price_year = _PRICES[language].format(year=account.provenance["price_year"])
    with chinese(shipped=shipped):
        figure, axes = _canvas(len(names), 1)
        _bars(axes, names, groups, [KIND_COLOURS[kind] for kind in shown], scale, stacked=True)
        _finish(axes, language, money[language], price_year)
        axes.set_title(_BY_SERVICE[language].format(title=account.provenance["title"]), wrap=True)
        _legend(figure, axes)
    return figure


def compared(
    table: pd.DataFrame,
    language: str = "zh",
    *,
    currency: str = "CNY",
    shipped: bool = False,
) -> Figure:
    """Draw the value of each service by several standards, as groups of horizontal bars.

    Parameters
    ----------
    table
        One row per standard and service, with the columns standard, standard_title_en,
        standard_title_zh, service, title_en, title_zh and value [currency a year]. Standards and
        services are drawn in the order in which they first occur. A value that is missing has no
        bar.
    language
        ``zh`` or ``en``.
    currency
        Currency of the values.
    shipped
        As for :func:`fonts`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: values in 元, 万元 or 亿元 a year (CNY, 10⁴ CNY or 10⁸ CNY), as suits the
        greatest.

    Raises
    ------
    UsageError
        If a column is missing, a service occurs twice in a standard, no value is known, the
        language is unknown, or matplotlib is not installed.
    """
    _check_language(language)
    for column in COMPARED_COLUMNS:
        if column not in table.columns:
            what = f"the table has no column {column!r}"
            raise UsageError(what, "plot.compared", cure=nearest(column, map(str, table.columns)))
    twice = table[table.duplicated(["standard", "service"])]
    if len(twice):
        found = f"{twice['standard'].iloc[0]}, {twice['service'].iloc[0]}"
        cure = "add up the rows first"
        raise UsageError("a service occurs twice in a standard", "plot.compared", found, cure)
    values = table["value"].to_numpy(dtype=np.float64)
    if not np.isfinite(values).any():
        what, cure = "the table holds no values to draw", "give a number in the column value"
        raise UsageError(what, "plot.compared", cure=cure)
    services = table.drop_duplicates("service")
    standards = table.drop_duplicates("standard")
    wide = table.pivot_table(index="standard", columns="service", values="value", aggfunc="first")
    wide = wide.reindex(index=standards["standard"], columns=services["service"])
    titles = standards[f"standard_title_{language}"].tolist()
    titles = [  # two standards of one title are told apart by their ids
        title if titles.count(title) == 1 else f"{title} ({name})"
        for title, name in zip(titles, standards["standard"], strict=True)
    ]
    scale, money = money_unit(float(np.nanmax(np.abs(values))), currency)
    groups = dict(zip(titles, wide.to_numpy(dtype=np.float64), strict=True))
    with chinese(shipped=shipped):
        figure, axes = _canvas(len(services), len(groups))
        names = services[f"title_{language}"].tolist()
        _bars(axes, names, groups, COLOURS, scale, stacked=False)
        _finish(axes, language, money[language], "")
        axes.set_title(_BY_STANDARD[language])
        _legend(figure, axes)
    return figure


def tornado(
    table: pd.DataFrame, language: str = "zh", *, most: int = 12, shipped: bool = False
) -> Figure:
    """Draw how far each uncertain number alone moves a result, the furthest at the top.

    Parameters
    ----------
    table
        What ``Sensitivity.tornado`` returns: one row per factor, with factor, title_en, title_zh,
        factor_low, factor_high [factor_unit, at prices of factor_price_year], and estimate, low,
        high [unit].
    language
        ``zh`` or ``en``.
    most
        How many factors are drawn; how many more there are is said.
    shipped
        As for :func:`fonts`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: to the left and right of the account's own number, the result with the number at
        its lower and at its upper end, which stand at the bars.

    Raises
    ------
    UsageError
        If a column is missing, nothing varies, the language is unknown, or matplotlib is not
        installed.
    """
    _check_language(language)
    _check_table(table, TORNADO_COLUMNS, "plot.tornado")
    shown = table.head(most)
    estimate = float(shown["estimate"].iloc[0])
    ends = shown[["low", "high"]].to_numpy(dtype=np.float64)
    scale, name = _scale_of(max(abs(estimate), float(np.abs(ends).max())), shown, language)
    low, high = (ends - estimate).T / scale
    with chinese(shipped=shipped):
        figure, axes = _canvas(len(shown), 2)
        place = np.arange(len(shown), dtype=np.float64)
        for widths, title, colour, key in (
            (low, _AT_LOW[language], COLOURS[4], "factor_low"),
            (high, _AT_HIGH[language], COLOURS[1], "factor_high"),
        ):
            bars = axes.barh(
                place, widths, left=estimate / scale, height=0.6, color=colour, label=title
            )
            texts = [f" {number:.4g} " for number in shown[key]]
            axes.bar_label(bars, texts, fontsize=7, color="#444444")
        axes.axvline(estimate / scale, color="black", linewidth=1.0, label=_IN_ACCOUNT[language])
        names = []
        for row in shown.to_dict("records"):
            unit, year = row["factor_unit"], row["factor_price_year"]
            told = f"{unit}, {year}" if isinstance(year, int) else unit
            own = row["factor"] if unit == "1" else f"{row['factor']} [{told}]"
            names.append(_broken(str(row[f"title_{language}"])) + f"\n{own}")
        axes.set_yticks(place, names, fontsize=8)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        _finish_span(axes, name)
        axes.set_title(_TORNADO[language])
        if len(table) > most:
            rest = _REST[language].format(count=len(table) - most)
            axes.annotate(rest, (1, 0.02), xycoords="axes fraction", ha="right", fontsize=8)
        _legend(figure, axes)
    return figure


def intervals(table: pd.DataFrame, language: str = "zh", *, shipped: bool = False) -> Figure:
    """Draw numbers with their intervals, from top to bottom as the table has them.

    Parameters
    ----------
    table
        What ``Uncertainty.by_service`` returns, or rows of ``Uncertainty.table`` of one unit:
        title_en, title_zh, and estimate, low, high [unit].
    language
        ``zh`` or ``en``.
    shipped
        As for :func:`fonts`.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: a point for the account's own number, a line for the interval. What does not
        vary is a point.

    Raises
    ------
    UsageError
        If a column is missing, the units differ, no number is known, the language is unknown, or
        matplotlib is not installed.
    """
    _check_language(language)
    _check_table(table, INTERVAL_COLUMNS, "plot.intervals")
    if len(set(table["unit"])) > 1:
        found = ", ".join(map(str, table["unit"].unique()))
        raise UsageError("one axis has one unit", "plot.intervals", found, "draw them apart")
    numbers = table[["estimate", "low", "high"]].to_numpy(dtype=np.float64)
    scale, name = _scale_of(float(np.nanmax(np.abs(numbers))), table, language)
    estimate, low, high = numbers.T / scale
    with chinese(shipped=shipped):
        figure, axes = _canvas(len(table), 1)
        place = np.arange(len(table), dtype=np.float64)
        axes.hlines(place, low, high, color=COLOURS[4], linewidth=6)
        axes.plot(estimate, place, "o", color=COLOURS[0], markersize=5)
        for y, x, (a, b) in zip(place, estimate, zip(low, high, strict=True), strict=True):
            span = "" if np.isclose(a, b, rtol=1e-9) else f"  ({_digits(a)} – {_digits(b)})"
            end = np.nanmax([x, b])
            axes.annotate(
                f"{_digits(x)}{span}", (end, y), (7, 0), textcoords="offset points", va="center",
                fontsize=8,
            )  # fmt: skip
        axes.set_yticks(place, [_broken(str(title)) for title in table[f"title_{language}"]])
        axes.set_ylim(len(table) - 0.5, -0.5)
        _finish_span(axes, name)
        left, right = axes.get_xlim()
        axes.set_xlim(left, right + (right - left) / 4)  # room for the numbers
        axes.set_title(_INTERVALS[language])
    return figure


# ------------------------------------------------------------------------------- parts


def _check_table(table: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    for column in columns:
        if column not in table.columns:
            cure = nearest(column, map(str, table.columns))
            raise UsageError(f"the table has no column {column!r}", where, cure=cure)
    known = np.isfinite(table[["estimate", "low", "high"]].to_numpy(dtype=np.float64))
    if not len(table) or not known.any():
        raise UsageError("the table holds no numbers to draw", where)


def _scale_of(greatest: float, table: pd.DataFrame, language: str) -> tuple[float, str]:
    """Return what numbers are divided by, and the label of their axis."""
    unit = str(table["unit"].iloc[0])
    if not unit.endswith("/yr") or not unit.removesuffix("/yr").isalpha():
        return 1.0, f"[{unit}]"
    scale, money = money_unit(greatest, unit.removesuffix("/yr"))
    left, right = ("（", "）") if language == "zh" else (" (", ")")
    return scale, f"{_VALUE[language]}{left}{money[language]}{right}"


def _finish_span(axes: Axes, label: str) -> None:
    """Label an axis that does not begin at zero."""
    import matplotlib as mpl

    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(labelfontfamily=mpl.rcParams["font.family"])


def can_draw() -> bool:
    """Return whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def _need_matplotlib() -> None:
    if not can_draw():
        raise UsageError("drawing needs matplotlib", cure=INSTALL)


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        cure = nearest(language, LANGUAGES)
        raise UsageError("figures are drawn in en or zh", found=repr(language), cure=cure)


@cache
def _figure_class() -> type[Figure]:
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        """A figure that a notebook shows where a cell returns it, without pyplot."""

        def _repr_png_(self) -> bytes:
            stream = io.BytesIO()
            self.savefig(stream, format="png")
            return stream.getvalue()

    return ShownFigure


def _canvas(bars: int, groups: int) -> tuple[Figure, Axes]:
    """Return an empty figure that is high enough for so many bars."""
    height = 1.6 + bars * (0.12 + groups * (0.22 if groups <= _FEW else 0.14))
    figure = _figure_class()(figsize=(8.0, max(height, 2.6)), dpi=120, layout="constrained")
    return figure, figure.subplots()


def _bars(
    axes: Axes,
    names: Sequence[str],
    groups: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]],
    colours: Sequence[str],
    scale: float,
    *,
    stacked: bool,
) -> None:
    """Draw groups of bars from top to bottom; stacked ones share the place of their bar."""
    place = np.arange(len(names), dtype=np.float64)
    height = 0.72 if stacked else 0.84 / len(groups)
    for number, (title, values) in enumerate(groups.items()):
        offset = 0.0 if stacked else (number - (len(groups) - 1) / 2) * height
        drawn = axes.barh(
            place + offset,
            np.nan_to_num(values) / scale,
            height=height * 0.94,
            label=_broken(title),
            color=colours[number % len(colours)],
            hatch=HATCHES[number // len(colours) % len(HATCHES)],
            edgecolor="white",
            linewidth=0.3,
        )
        texts = ["" if np.isnan(v) else f" {_digits(v / scale)}" for v in values]
        axes.bar_label(drawn, texts, fontsize=8 if len(groups) <= _FEW else 6)
    axes.set_yticks(place, [_broken(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)


def _finish(axes: Axes, language: str, unit: str, note: str) -> None:
    """Label the axis of values with the unit and take away what says nothing."""
    import matplotlib as mpl

    left, right, comma = ("（", "）", "，") if language == "zh" else (" (", ")", ", ")
    axes.set_xlabel(f"{_VALUE[language]}{left}{unit}{comma + note if note else ''}{right}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    # ticks are made when the figure is drawn, which may be after the fonts' settings are gone
    axes.tick_params(labelfontfamily=mpl.rcParams["font.family"])


def _legend(figure: Figure, axes: Axes) -> None:
    handles, titles = axes.get_legend_handles_labels()
    columns = min(len(titles), 3 if max(map(_width, titles)) * 3 <= 2 * _LONG else 2)
    figure.legend(handles, titles, loc="outside lower center", ncols=columns, frameon=False)


def _digits(number: float) -> str:
    """Return a number with three significant digits, and all digits before the point."""
    if number == 0 or abs(number) >= 100:  # noqa: PLR2004
        return f"{number:,.0f}"
    return f"{number:.3g}" if number < 0 or number >= _LEAST else f"< {_LEAST}"


def _width(text: str) -> int:
    return max(map(text_width, text.splitlines()))


def _broken(title: str) -> str:
    """Return a long title on several lines."""
    lines, width = [""], 0
    words = title.split(" ") if title.isascii() else list(title)
    gap = " " if title.isascii() else ""
    for word in words:
        grown = width + _width(word or " ") + len(gap)
        if grown > _LONG + len(gap) and lines[-1]:
            lines.append(word)
            width = _width(word or " ")
        else:
            lines[-1] += (gap if lines[-1] else "") + word
            width = grown
    return "\n".join(lines)
