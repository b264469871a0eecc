"""Whose uncertainty it is: Sobol indices of every factor, and how far each one alone moves GEP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gep.errors import UsageError, nearest
from gep.plan import Array
from gep.uncertainty.draws import check, points
from gep.uncertainty.engine import CELL_DRAWS
from gep.uncertainty.factors import Factor
from gep.uncertainty.monte_carlo import Computed, prepare, told_limits

INDEX_COLUMNS = (
    *("service", "indicator", "factor", "kind", "title_en", "title_zh"),
    *("first", "first_error", "total", "total_error"),
)
SWING_COLUMNS = (
    *("service", "indicator", "unit", "factor", "kind", "title_en", "title_zh", "factor_unit"),
    *("factor_price_year", "factor_low", "factor_high", "estimate", "low", "high"),
)


@dataclass(frozen=True)
class Sensitivity:
    """Which factors make an account uncertain.

    Attributes
    ----------
    table
        A row for each output (service empty: the sum of all values) and factor: ``first``, the
        share of the output's variance that the factor explains alone; ``total``, with all its
        interactions; and the standard errors of both estimates. Outputs that do not vary have no
        row, nor have factors in outputs that they do not enter.
    swings
        For the tornado chart: the output with one factor at its lower (``low``) and upper end
        (``high``) and all others as in the account.
    """

    title: str
    n: int
    seed: int
    method: str
    level: float
    price_year: int
    evaluations: int
    table: pd.DataFrame
    swings: pd.DataFrame
    fixed: tuple[str, ...]
    inside: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...]

    def indices(self, service: str = "", indicator: str = "value") -> pd.DataFrame:
        """Return the indices of one output, the greatest total first.

        Raises
        ------
        UsageError
            If the output does not vary, or there is none of the name.
        """
        found = self._of(self.table, service, indicator)
        return found.sort_values("total", ascending=False, kind="stable").reset_index(drop=True)

    def tornado(self, service: str = "", indicator: str = "value") -> pd.DataFrame:
        """Return how far each factor alone moves one output, the furthest first.

        Raises
        ------
        UsageError
            If the output does not vary, or there is none of the name.
        """
        found = self._of(self.swings, service, indicator)
        order = (found["high"] - found["low"]).abs().sort_values(ascending=False, kind="stable")
        found = found.loc[order.index]
        indices = self._of(self.table, service, indicator)[["factor", "first", "total"]]
        return found.merge(indices, on="factor", how="left").reset_index(drop=True)

    def _of(self, table: pd.DataFrame, service: str, indicator: str) -> pd.DataFrame:
        found = table[(table["service"] == service) & (table["indicator"] == indicator)]
        if found.empty:
            pairs = zip(table["service"], table["indicator"], strict=True)
            known = dict.fromkeys(f"{s}, {x}" if s else f"total, {x}" for s, x in pairs)
            cure = nearest(f"{service or 'total'}, {indicator}", known)
            what = f"no factor enters {service or 'the total'}, {indicator}"
            raise UsageError(what, "sensitivity", cure=cure)
        return found

    def text(self, lang: str = "zh") -> str:
        """Return the factors as a reader sees them, in ``zh`` or ``en``."""
        from gep.uncertainty.text import sensitivity_text

        return sensitivity_text(self, lang)

    def __repr__(self) -> str:
        """Return the factors as text."""
        return self.text("en")


def sensitivity(  # noqa: PLR0913
    account: Computed,
    n: int = 1024,
    *,
    seed: int,
    method: str = "sobol",
    level: float = 0.95,
    spread: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    cell_draws: float = CELL_DRAWS,
    workers: int | None = None,
) -> Sensitivity:
    """Return the Sobol indices of every factor, for every service and the total.

    Takes ``n × (factors + 2)`` draws. The arguments are those of
    :func:`gep.uncertainty.uncertainty`; ``level`` says between which ends the swings of the tornado
    chart go.

    Raises
    ------
    UsageError
        As :func:`gep.uncertainty.uncertainty`.
    """
    check(n, seed, method, level, "sensitivity")
    engine = prepare(account, spread, inputs, workers, "sensitivity")
    factors = list(engine.book.factors.values())
    count = len(factors)
    q = points(n, 2 * count, seed, method)
    ends = np.array([(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    design = {
        f.name: _Mixed(f.draw(q[:, at]), f.draw(q[:, count + at]), at, count, f.draw(ends), f.value)
        for at, f in enumerate(factors)
    }
    lost: dict[str, int] = {}

    def lose(service: str, number: int) -> None:
        lost[service] = lost.get(service, 0) + number

    inside = engine.make_inside(design, cell_draws)
    evaluations = n * (count + 2)
    a, b = (engine.evaluate(design, inside, _block(n, k), lost=lose) for k in range(2))
    mixed = (engine.evaluate(design, inside, _block(n, 2 + k), lost=lose) for k in range(count))
    found = sobol_indices(a, b, mixed)
    last = range(evaluations, evaluations + 2 * count)
    swings = engine.evaluate(design, inside, last).reshape(count, 2, -1)
    index_rows: list[tuple[Any, ...]] = []
    swing_rows: list[tuple[Any, ...]] = []
    for column, output in enumerate(engine.outputs):
        for at, factor in enumerate(factors):
            if output.service not in ("", *factor.services):
                continue
            about = _about(factor)
            numbers = [float(part[at, column]) for part in found]
            head = (output.service, output.indicator)
            if np.isfinite(numbers).all() and numbers[2] > 0:
                index_rows.append((*head, *about, *numbers))
            low, high = (float(x) for x in swings[at, :, column])
            factor_ends = (float(x) for x in factor.draw(ends))
            year = factor.price_year
            own = (factor.unit, year, *factor_ends, float(engine.whole[column]), low, high)
            if low != high:
                swing_rows.append((*head, output.unit, *about, *own))
    notes = told_limits(factors, {f.name: design[f.name][: 2 * n] for f in factors})
    notes += [
        f"{service}: something that the account counts has no number in {number} of "
        f"{evaluations} draws; the sums of those draws lack it"
        for service, number in lost.items()
    ]
    return Sensitivity(
        engine.book.project.title,
        int(n),
        int(seed),
        method,
        level,
        engine.book.project.price_year,
        evaluations,
        pd.DataFrame(index_rows, columns=list(INDEX_COLUMNS)),
        pd.DataFrame(swing_rows, columns=list(SWING_COLUMNS)).astype(
            {"factor_price_year": "Int64"}
        ),
        tuple(engine.book.fixed),
        {f"{s}.{x}": names for (s, x), names in engine.inside().items()},
        tuple(notes),
    )


def _block(n: int, number: int) -> range:
    return range(number * n, (number + 1) * n)


class _Mixed:
    """The numbers of a factor in a Saltelli design, made piece by piece.

    First its first sample, then its second one; then, for each factor, the first sample again, but
    for this factor itself the second; at last the ends of every factor's swing.
    """

    def __init__(
        self, first: Array, second: Array, at: int, count: int, ends: Array, usual: float
    ) -> None:
        self.samples = np.stack([first, second])
        self.at, self.count = at, count
        self.swing = np.full(2 * count, usual)
        self.swing[2 * at : 2 * at + 2] = ends

    def __len__(self) -> int:
        return int(self.samples.shape[1]) * (self.count + 2) + len(self.swing)

    def __getitem__(self, at: slice, /) -> Array:
        numbers = np.arange(len(self))[at]
        n = self.samples.shape[1]
        block, point = np.divmod(numbers, n)
        is_second = ((block == 1) | (block == 2 + self.at)).astype(np.intp)
        swing = numbers - n * (self.count + 2)
        inside = self.samples[is_second, point]
        return np.asarray(np.where(swing < 0, inside, self.swing[np.maximum(swing, 0)]))


def _about(factor: Factor) -> tuple[str, str, str, str]:
    return factor.name, factor.kind, factor.title.en, factor.title.zh


def sobol_indices(a: Array, b: Array, mixed: Iterable[Array]) -> tuple[Array, Array, Array, Array]:
    """Return first-order and total indices with their standard errors: each (factors, outputs).

    The first-order index is Saltelli's estimator of 2010, the total index Jansen's of 1999, as
    given in Saltelli and others, Computer Physics Communications 181 (2010), 259-270, Table 2
    (formulas checked against SALib, which implements them). The errors are those of means of
    independent points; Sobol points do better.

    Parameters
    ----------
    a, b
        Outputs at two independent samples of the factors: (points, outputs).
    mixed
        For each factor, outputs at the first sample with that factor from the second: (points,
        outputs).

    Returns
    -------
    tuple
        first, its error, total, its error. NaN for an output that does not vary.

    Examples
    --------
    The sum of two numbers of which one varies three times as much: 90 % and 10 % of the variance.

    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.normal(size=(2, 20_000, 2)) * [3, 1]
    >>> mixed = [(y[:, 0] + x[:, 1])[:, None], (x[:, 0] + y[:, 1])[:, None]]
    >>> first, _, total, _ = sobol_indices(x.sum(1)[:, None], y.sum(1)[:, None], mixed)
    >>> first.round(1).ravel().tolist(), total.round(1).ravel().tolist()
    ([0.9, 0.1], [0.9, 0.1])
    """
    both = np.concatenate([a, b])
    mean, variance = both.mean(axis=0), both.var(axis=0)
    noise = (np.abs(both).max(axis=0) / 1e13) ** 2  # what rounding alone may give
    root = np.sqrt(len(a))
    rows = []
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(variance > noise, variance, np.nan)
        for one in mixed:
            alone = (b - mean) * (one - a) / variance
            jointly = (a - one) ** 2 / (2.0 * variance)
            errors = alone.std(axis=0) / root, jointly.std(axis=0) / root
            rows.append((alone.mean(axis=0), errors[0], jointly.mean(axis=0), errors[1]))
    first, first_error, total, total_error = (np.array(part) for part in zip(*rows, strict=True))
    return first, first_error, total, total_error
