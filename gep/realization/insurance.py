"""Weather-index insurance: payouts from daily station data, rates by burn analysis, basis risk.

The contract's own ladder decides, never a damage survey. A day without data is not a day without
frost: a declared backup station fills it, or the payout is undetermined and the days are named.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from gep.errors import DataError, Problems
from gep.realization.results import Given, Line, Result, read_amount, read_rate
from gep.tables import Title
from gep.units import convert, unit

#: Burn analysis over fewer years says little of a rare event.
MIN_YEARS = 20
_DAY = re.compile(r"(\d{2})-(\d{2})\Z")
#: What no station has measured: data outside are in another unit, or a nodata value.
_POSSIBLE = {"low_temperature": (-100, 60), "rain_run": (0, 2000)}
_UNITS = {"low_temperature": "degC", "rain_run": "mm/d"}
_INDICES = {
    "low_temperature": Title("daily minimum temperature", "日最低气温"),
    "rain_run": Title("days of rain in a row", "连续降雨天数"),
}
_NAMED_DAYS = 12


@dataclass(frozen=True)
class Window:
    """Days of a year in which the contract looks, first and last as ``"MM-DD"``; it pays once."""

    first: str
    last: str


@dataclass(frozen=True)
class Ladder:
    """Share of the sum insured that an index brings.

    Attributes
    ----------
    index
        ``"low_temperature"`` (daily minimum: the colder the more) or ``"rain_run"`` (how many days
        in a row had more rain than ``rain_above``: the longer the more).
    steps
        ``(threshold, share)``, from the mildest to the worst: ``("-1 °C", 0.15)``,
        ``("2 d", 0.1)``.
    kind
        ``"step"``: the share of the last threshold that was reached. ``"linear"``: between two
        thresholds in proportion; nothing before the first.
    rain_above
        Rain that makes a wet day: more than it counts, ``"10 mm/d"``; for ``"rain_run"`` alone.
    """

    index: Literal["low_temperature", "rain_run"]
    steps: Sequence[tuple[Any, Any]]
    kind: Literal["step", "linear"]
    rain_above: Any = None


@dataclass(frozen=True)
class Contract:
    """A contract: sum insured of an area (``"2000 元/亩"``), ladder and windows."""

    sum_insured: Any
    ladder: Ladder
    windows: Sequence[Window]
    price_year: int
    money: str = "元/亩"


def windows_of(first: str, last: str, *, days: int) -> tuple[Window, ...]:
    """Return the windows of so many days each from the first day to the last.

    Parameters
    ----------
    first, last
        ``"MM-DD"``. The last window is shorter where the days do not come out even.
    days
        Days of a window.

    Returns
    -------
    tuple of Window

    Raises
    ------
    DataError
        If a day is none, or they are not in order.

    Notes
    -----
    Counted in a year without 29 February. Source: definition. Verified: full_text.

    Examples
    --------
    >>> [w.first for w in windows_of("03-01", "03-31", days=10)]
    ['03-01', '03-11', '03-21', '03-31']
    """
    problems = Problems()
    start, end = (_day(text, _COMMON, "windows_of", problems) for text in (first, last))
    if days < 1 or end < start:
        problems.add("the days are not in order", "windows_of", f"{first} to {last}, {days} days")
    problems.raise_if_any(DataError)
    found = []
    while start <= end:
        stop = min(start + dt.timedelta(days=days - 1), end)
        found.append(Window(f"{start:%m-%d}", f"{stop:%m-%d}"))
        start = stop + dt.timedelta(days=1)
    return tuple(found)


#: A year without 29 February, to count days in.
_COMMON = 2001


def payout(
    contract: Contract,
    weather: pd.Series[Any],
    *,
    year: int,
    unit_of_weather: str,
    backup: pd.Series[Any] | None = None,
) -> Result:
    """Return what the contract pays for a year.

    Parameters
    ----------
    contract
        Sum insured, ladder and windows.
    weather
        Daily values of the contract's station, indexed by day: minimum temperature, or rain.
    year
        Year of the windows.
    unit_of_weather
        Unit of both series, such as ``"degC"`` or ``"mm/d"``.
    backup
        Daily values of the backup station that the contract names; used for days that the first
        one lacks.

    Returns
    -------
    Result
        Payout of an area, in the contract's unit of money. Lines: the share of each window and of
        all. Undetermined where a day of a window is at neither station.

    Raises
    ------
    DataError
        With all problems of the contract and of the series: a ladder that does not rise, a sum
        insured below 0, windows that overlap, a day that occurs twice, values that no station has
        measured.

    Notes
    -----
    ``sum insured · min(1, Σ over windows of the largest share of a day)``. A run of wet days counts
    from its first day within the window. Source: the form of published contracts (one payout, the
    largest, in each window). Verified: secondary.

    Examples
    --------
    >>> import pandas as pd
    >>> ladder = Ladder("low_temperature", [("0.5 °C", 0.05), ("-1 °C", 0.15)], "step")
    >>> contract = Contract("2000 元/亩", ladder, [Window("03-01", "03-03")], price_year=2025)
    >>> lows = pd.Series([4.0, -1.5, 0.2], pd.date_range("2025-03-01", "2025-03-03"))
    >>> float(payout(contract, lows, year=2025, unit_of_weather="°C"))
    300.0
    """
    problems = Problems()
    read = _read_contract(contract, problems)
    station = _read_weather(weather, contract, unit_of_weather, "weather", problems)
    other = None
    if backup is not None:
        other = _read_weather(backup, contract, unit_of_weather, "backup", problems)
    problems.raise_if_any(DataError)
    return _paid(read, station, other, year)


@dataclass(frozen=True)
class _Read:
    """A contract as it was read; thresholds grow as the weather gets worse."""

    contract: Contract
    sum_insured: float
    thresholds: tuple[float, ...]
    shares: tuple[float, ...]
    rain_above: float


def _paid(read: _Read, station: pd.Series[Any], backup: pd.Series[Any] | None, year: int) -> Result:
    shares: dict[str, float | None] = {}
    filled: list[str] = []
    missing: list[str] = []
    for window in read.contract.windows:
        first, last = (_on(text, year) for text in (window.first, window.last))
        days = pd.date_range(first, last)
        values = station.reindex(days)
        gaps = values.isna()
        if backup is not None and gaps.any():
            values = values.where(~gaps, backup.reindex(days))
            filled += [f"{day:%Y-%m-%d}" for day in days[gaps & values.notna()]]
        lacking = days[values.isna()]
        missing += [f"{day:%Y-%m-%d}" for day in lacking]
        name = f"{window.first} – {window.last}"
        shares[name] = None if len(lacking) else _worst(read, values.to_numpy(dtype=float))
    known = [share for share in shares.values() if share is not None]
    whole = min(1.0, math.fsum(known))
    contract = read.contract
    notes = []
    if filled:
        notes.append(
            f"备用站补缺 {len(filled)} 天：{_days(filled)}。"
            f"The backup station fills {len(filled)} days."
        )
    value: float | None = read.sum_insured * whole
    if missing and whole < 1:
        notes.append(
            f"缺测日所在窗口未计，至少应赔 {value:g} {contract.money}。"
            "Windows with days that are not known are left out: at least this much is due."
        )
        value = None
    return Result(
        Title("Payout of weather-index insurance", "气象指数保险赔付"),
        value,
        contract.money,
        "function:gep.realization.insurance.payout",
        contract.price_year,
        source=Title("The contract's ladder and windows", "保险合同约定的赔付阶梯与窗口"),
        verified="secondary",
        inputs={
            "sum_insured": Given(
                Title("Sum insured", "保险金额"), read.sum_insured, contract.money
            ),
            "year": Given(Title("Year", "年份"), year, ""),
            "index": Given(Title("Index", "指数"), _INDICES[contract.ladder.index].zh, ""),
        },
        lines=(
            Line("windows", Title("Share of each window", "各窗口赔付比例"), shares, "1"),
            Line("share", Title("Share in all", "合计赔付比例"), whole, "1", "min(1, Σ windows)"),
        ),
        notes=tuple(notes),
        undetermined=tuple(missing) if value is None else (),
    )


def _days(days: Sequence[str]) -> str:
    more = "" if len(days) <= _NAMED_DAYS else f" ... ({len(days)})"
    return ", ".join(days[:_NAMED_DAYS]) + more


def _worst(read: _Read, values: np.ndarray[Any, Any]) -> float:
    """Return the largest share of a day in a window."""
    ladder = read.contract.ladder
    index = -values
    if ladder.index == "rain_run":
        wet = values > read.rain_above
        index = np.zeros(len(wet))
        for at, is_wet in enumerate(wet):
            index[at] = (index[at - 1] if at else 0) + 1 if is_wet else 0
    worst = float(index.max())
    if worst < read.thresholds[0]:
        return 0.0
    if ladder.kind == "linear":
        return float(np.interp(worst, read.thresholds, read.shares))
    return read.shares[int(np.searchsorted(read.thresholds, worst, side="right")) - 1]


# ------------------------------------------------------------------------------ reading


def _read_contract(contract: Contract, problems: Problems) -> _Read:
    sum_insured = float(
        read_amount(contract.sum_insured, unit(contract.money), "sum_insured", problems)
    )
    if sum_insured < 0:
        problems.add("the sum insured is negative", "sum_insured", f"{sum_insured:g}")
    ladder = contract.ladder
    if ladder.index not in _INDICES or ladder.kind not in ("step", "linear"):
        found = f"index {ladder.index!r}, kind {ladder.kind!r}"
        cure = "index: low_temperature or rain_run; kind: step or linear"
        problems.add("the ladder is of no known kind", "ladder", found, cure)
        raise DataError(problems.errors)
    thresholds, shares = _read_steps(ladder, problems)
    above = math.nan
    if ladder.index == "rain_run":
        above = float(read_amount(ladder.rain_above, unit("mm/d"), "rain_above", problems))
    elif ladder.rain_above is not None:
        problems.add("rain_above belongs to rain_run only", "ladder")
    spans = []
    for number, window in enumerate(contract.windows, start=1):
        where = f"window {number}"
        first, last = (_day(text, _COMMON, where, problems) for text in (window.first, window.last))
        if last < first:
            cure = "a window that crosses the new year is two windows"
            problems.add("the window ends before it begins", where, f"{first} to {last}", cure)
        spans.append((first, last, where))
    if not spans:
        problems.add("the contract has no window", "windows")
    for (_, last, one), (first, _, other) in pairwise(sorted(spans)):
        if first <= last:
            problems.add("windows overlap: a day would be paid twice", f"{one}, {other}")
    return _Read(contract, sum_insured, thresholds, shares, above)


def _read_steps(ladder: Ladder, problems: Problems) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return thresholds that grow as the weather gets worse, and the shares that they bring."""
    if not ladder.steps:
        problems.add("the ladder has no step", "ladder")
    cold = ladder.index == "low_temperature"
    wanted = unit("degC" if cold else "d")
    before = len(problems.errors)
    worse, shares = [], []
    for number, (threshold, share) in enumerate(ladder.steps, start=1):
        where = f"ladder, step {number}"
        value = float(read_amount(threshold, wanted, where, problems))
        worse.append(-value if cold else value)
        shares.append(read_rate(share, where, problems))
    rises = all(a < b for a, b in pairwise(worse)) and all(a <= b for a, b in pairwise(shares))
    if not rises and len(problems.errors) == before:
        found = ", ".join(f"{t}: {s}" for t, s in ladder.steps)
        cure = "order the steps from the mildest to the worst; a worse day never pays less"
        problems.add("the ladder does not rise", "ladder", found, cure)
    return tuple(worse), tuple(shares)


def _day(text: str, year: int, where: str, problems: Problems) -> dt.date:
    match = _DAY.match(str(text))
    try:
        if match:
            return dt.date(year, int(match[1]), int(match[2]))
    except ValueError:
        pass
    cure = 'write it as "MM-DD"; 29 February is in no window, 28 February or 1 March are'
    problems.add("this is no day of a year", where, repr(text)[:40], cure)
    return dt.date(year, 1, 1)


def _on(text: str, year: int) -> pd.Timestamp:
    return pd.Timestamp(f"{year}-{text}")


def _read_weather(
    series: pd.Series[Any], contract: Contract, text: str, where: str, problems: Problems
) -> pd.Series[Any]:
    """Return daily values in the ladder's unit, noting what no station measures."""
    kind = contract.ladder.index
    if not isinstance(series.index, pd.DatetimeIndex):
        cure = "use days as the index: pd.to_datetime(...)"
        problems.add("the series has no days", where, type(series.index).__name__, cure)
        return pd.Series(dtype=float)
    own, wanted = unit(text), unit(_UNITS[kind])
    if not own.agrees(wanted):
        problems.add(f"[{own}] does not fit", where, cure=f"give it in [{wanted}]")
        return pd.Series(dtype=float)
    days = series.index.normalize()
    if series.index.tz is not None:
        days = days.tz_localize(None)
    twice = days[days.duplicated()]
    if len(twice):
        found = _days([f"{day:%Y-%m-%d}" for day in twice])
        problems.add("a day occurs twice", where, found, "give one value a day")
        return pd.Series(dtype=float)
    try:
        plain = series.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        problems.add("the series does not hold numbers", where, str(series.dtype))
        return pd.Series(dtype=float)
    numbers = np.asarray(convert(plain, own, wanted), dtype=float)
    low, high = _POSSIBLE[kind]
    odd = ~np.isnan(numbers) & ~((numbers >= low) & (numbers <= high))
    if odd.any():
        found = (
            f"{int(odd.sum())} values, the first on {days[odd][0]:%Y-%m-%d}: {numbers[odd][0]:g}"
        )
        cure = "check the unit (tenths of a degree?) and the nodata value (missing is NaN)"
        problems.add(
            f"no station measures below {low} or above {high} {wanted}", where, found, cure
        )
    return pd.Series(numbers, index=days)


# ------------------------------------------------------------------------ rates and basis risk


def burn_rate(
    contract: Contract,
    weather: pd.Series[Any],
    *,
    years: Sequence[int],
    unit_of_weather: str,
    load: Any,
    subsidy: Any,
    backup: pd.Series[Any] | None = None,
) -> Result:
    """Return the pure premium rate by burn analysis, and the premiums that follow.

    Parameters
    ----------
    contract, weather, unit_of_weather, backup
        As of :func:`payout`.
    years
        The years that are burnt; twenty or more.
    load
        What is added to the pure rate, as a share of it; a decimal, may be above 1.
    subsidy
        Share of the premium that governments pay.

    Returns
    -------
    Result
        The pure rate, the mean of the yearly payout over the sum insured. Lines: payout of each
        year, gross rate, premium, premium of the farmer. Undetermined where a year is; with fewer
        than twenty years there is a warning.

    Raises
    ------
    DataError
        With all problems of what was given.

    Notes
    -----
    ``gross = pure · (1 + load)``, ``farmer = gross · (1 - subsidy) · sum insured``. Nothing is
    fitted: a loss rarer than the years is not in it. Source: burn analysis as usually defined.
    Verified: recalled.

    Examples
    --------
    >>> import pandas as pd
    >>> ladder = Ladder("low_temperature", [("0 °C", 0.1)], "step")
    >>> contract = Contract("1000 元/亩", ladder, [Window("03-01", "03-01")], price_year=2025)
    >>> days = pd.to_datetime([f"{year}-03-01" for year in range(2001, 2021)])
    >>> cold = pd.Series([-1.0] * 5 + [3.0] * 15, days)
    >>> rate = burn_rate(
    ...     contract, cold, years=range(2001, 2021), unit_of_weather="degC", load=0.3, subsidy=0.75
    ... )
    >>> print(f"{float(rate):.3f} {rate['farmer']:.3f}")
    0.025 8.125
    """
    problems = Problems()
    read = _read_contract(contract, problems)
    station = _read_weather(weather, contract, unit_of_weather, "weather", problems)
    other = None
    if backup is not None:
        other = _read_weather(backup, contract, unit_of_weather, "backup", problems)
    added = float(read_amount(load, unit("1"), "load", problems))
    if added < 0:
        problems.add("the load is negative", "load", f"{added:g}")
    share = read_rate(subsidy, "subsidy", problems)
    if not years or len(set(years)) != len(years):
        problems.add("years are a list without repeats", "years", f"{len(years)} years")
    if read.sum_insured == 0:
        problems.add("the sum insured is 0: there is no rate", "sum_insured")
    problems.raise_if_any(DataError)
    burnt = {str(year): _paid(read, station, other, year) for year in years}
    if len(burnt) < MIN_YEARS:
        what = f"fewer than {MIN_YEARS} years are burnt: the rate says little of a rare event"
        problems.warn(what, "years", f"{len(burnt)} years", "use a longer series")
    unknown = tuple(
        f"{year}: {_days(r.undetermined)}" for year, r in burnt.items() if r.undetermined
    )
    pure = None
    if not unknown:
        pure = math.fsum(r["share"] for r in burnt.values()) / len(burnt)
    gross = None if pure is None else pure * (1 + added)
    premium = None if gross is None else gross * read.sum_insured
    farmer = None if premium is None else premium * (1 - share)
    return Result(
        Title("Pure premium rate", "纯保险费率"),
        pure,
        "1",
        "function:gep.realization.insurance.burn_rate",
        contract.price_year,
        source=Title("Burn analysis", "历史赔付燃烧分析法"),
        verified="recalled",
        inputs={
            "sum_insured": Given(
                Title("Sum insured", "保险金额"), read.sum_insured, contract.money
            ),
            "years": Given(Title("Years burnt", "分析年数"), len(burnt), ""),
            "load": Given(Title("Load on the pure rate", "附加费率系数"), added, "1"),
            "subsidy": Given(Title("Share that governments pay", "财政补贴比例"), share, "1"),
        },
        lines=(
            Line(
                "payouts",
                Title("Payout of each year", "各年赔付"),
                {year: r.value for year, r in burnt.items()},
                contract.money,
            ),
            Line("gross", Title("Gross rate", "毛费率"), gross, "1", "pure · (1 + load)"),
            Line(
                "premium",
                Title("Premium", "保险费"),
                premium,
                contract.money,
                "gross · sum_insured",
            ),
            Line(
                "farmer",
                Title("Premium of the farmer", "农户自缴保费"),
                farmer,
                contract.money,
                "premium · (1 - subsidy)",
            ),
        ),
        warnings=problems.warnings,
        undetermined=unknown,
    )


def basis_risk(
    payouts: Mapping[int, Any], losses: Mapping[int, Any], *, loss_above: Any, money: str = "元/亩"
) -> Result:
    """Return how well payouts follow losses.

    Parameters
    ----------
    payouts, losses
        By year, of an area. Only years that both have are used; the others are named.
    loss_above
        From which loss on a year counts as one of loss [money]: more than it.
    money
        Unit of money.

    Returns
    -------
    Result
        The share of the years of loss in which nothing was paid. Lines: the correlation of payout
        and loss, and the share of years with a payout and no loss. Undetermined where no year had
        a loss; the correlation is missing where payouts or losses never differ.

    Raises
    ------
    DataError
        If there are fewer than three common years, or an amount is negative.

    Notes
    -----
    Source: the definitions of correlation and of conditional frequency. Verified: full_text.

    Examples
    --------
    >>> risk = basis_risk(
    ...     {2021: "100 元/亩", 2022: "0 元/亩", 2023: "0 元/亩"},
    ...     {2021: "120 元/亩", 2022: "90 元/亩", 2023: "0 元/亩"}, loss_above="50 元/亩",
    ... )
    >>> float(risk)
    0.5
    """
    problems = Problems()
    wanted = unit(money)
    read: dict[str, dict[int, float]] = {"payouts": {}, "losses": {}}
    for name, given in (("payouts", payouts), ("losses", losses)):
        for year, one in given.items():
            if one is None:
                continue
            value = float(read_amount(one, wanted, f"{name}[{year}]", problems))
            if value < 0:
                problems.add("the amount is negative", f"{name}[{year}]", f"{value:g} {money}")
            read[name][year] = value
    least = float(read_amount(loss_above, wanted, "loss_above", problems))
    years = sorted(set(read["payouts"]) & set(read["losses"]))
    if len(years) < 3:  # noqa: PLR2004
        what = "payouts and losses have fewer than three years in common"
        problems.add(what, "payouts, losses", f"{len(years)}")
    problems.raise_if_any(DataError)
    alone = sorted((set(payouts) | set(losses)) - set(years))
    if alone:
        what = "years without a payout or without a loss are left out"
        problems.warn(what, "payouts, losses", ", ".join(map(str, alone)))
    paid = np.array([read["payouts"][year] for year in years])
    lost = np.array([read["losses"][year] for year in years])
    correlation = None
    if np.ptp(paid) > 0 and np.ptp(lost) > 0:
        correlation = float(np.corrcoef(paid, lost)[0, 1])
    bad = lost > least
    unpaid = float((paid[bad] == 0).mean()) if bad.any() else None
    return Result(
        Title("Share of the years of loss without a payout", "有损失而未赔付的年份占比"),
        unpaid,
        "1",
        "function:gep.realization.insurance.basis_risk",
        source=Title("Correlation and frequency", "相关系数与频率"),
        verified="full_text",
        inputs={
            "years": Given(Title("Years", "年数"), len(years), ""),
            "loss_above": Given(Title("A loss is more than", "损失阈值"), least, money),
        },
        lines=(
            Line(
                "correlation",
                Title("Correlation of payout and loss", "赔付与损失相关系数"),
                correlation,
                "1",
            ),
            Line(
                "paid_without_loss",
                Title("Share of all years with a payout and no loss", "无损失而赔付的年份占比"),
                float(((paid > 0) & ~bad).mean()),
                "1",
            ),
        ),
        warnings=problems.warnings,
        undetermined=() if bad.any() else ("no year of loss",),
    )
