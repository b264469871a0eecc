"""Intervals of an account: all that is uncertain drawn together, many times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from gep.errors import UsageError, nearest
from gep.plan import Array
from gep.sums import ClassSums
from gep.uncertainty.draws import check, points
from gep.uncertainty.engine import CELL_DRAWS, Engine, Output
from gep.uncertainty.factors import Book, Factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = (
    *("zone", "zone_name", "service", "title_en", "title_zh", "indicator", "unit"),
    *("estimate", "mean", "sd", "median", "low", "high"),
)
#: Zone of the rows about all zones together.
WHOLE_AREA = "whole_area"


class Computed(Protocol):
    """An account with the class sums from which it was made."""

    @property
    def sums(self) -> ClassSums | None:
        """The class sums."""


@dataclass(frozen=True)
class Uncertainty:
    """How uncertain an account is.

    Attributes
    ----------
    table
        A row for each zone (``whole_area``: all together), service and indicator: a physical
        quantity, or ``value`` in money; service empty: the sum of all values. ``estimate`` is the
        account's own number, ``low`` and ``high`` bound the interval of ``level``.
    draws
        What was drawn: a row for each factor, with its number (``value``; a price at the level of
        ``price_year``, before the account's index), mean, standard deviation and interval of its
        draws, who says its spread (``table`` or ``caller``),
        and the services that it enters.
    drawn
        The draws themselves: a row for each draw, a column for each factor.
    samples
        The values of the whole area in money that they give: a column for each service, and
        ``total``.
    fixed
        Coefficients of which nobody says how uncertain they are: they did not vary.
    inside
        Steps in which a factor stands inside a formula per cell: their sums were made again from
        the rasters for every draw.
    warnings
        What a reader of the intervals must know.
    """

    title: str
    n: int
    seed: int
    method: str
    level: float
    price_year: int
    table: pd.DataFrame
    draws: pd.DataFrame
    drawn: pd.DataFrame
    samples: pd.DataFrame
    fixed: tuple[str, ...]
    inside: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...]

    def by_service(self, zone: str = WHOLE_AREA) -> pd.DataFrame:
        """Return the rows in money of a zone, a service each, the sum last."""
        table = self.table
        found = table[(table["zone"] == zone) & (table["indicator"] == "value")]
        if found.empty:
            known = table.loc[table["indicator"] == "value", "zone"].unique()
            cure = nearest(zone, known)
            raise UsageError(f"there are no values of a zone {zone!r}", "uncertainty", cure=cure)
        return found.reset_index(drop=True)

    def text(self, lang: str = "zh") -> str:
        """Return the intervals as a reader sees them, in ``zh`` or ``en``."""
        from gep.uncertainty.text import uncertainty_text

        return uncertainty_text(self, lang)

    def __repr__(self) -> str:
        """Return the intervals as text."""
        return self.text("en")


def prepare(
    account: Computed,
    spread: Mapping[str, Any] | None,
    inputs: Mapping[str, Any] | None,
    workers: int | None,
    where: str,
) -> Engine:
    """Return the engine of an account in which something is uncertain.

    Raises
    ------
    UsageError
        If the account has no class sums, or nothing is uncertain.
    """
    sums = account.sums
    if sums is None or sums.run is None:
        cure = "compute it: Project.load(...).run(), with kept=FOLDER where its sums were saved"
        raise UsageError("a loaded account has no class sums to draw from", where, cure=cure)
    book = Book(sums, spread or {}, inputs or {})
    if not book.factors:
        found = f"{len(book.fixed)} coefficients, none with a spread"
        cure = 'say how uncertain they are: spread={"table.column": ("normal", 0.1, "relative")}'
        cure += ', inputs={"quantity": ("normal", 0.05)}'
        raise UsageError("nothing in the account is uncertain", where, found, cure)
    return Engine(sums, book, workers)


def uncertainty(  # noqa: PLR0913
    account: Computed,
    n: int = 10_000,
    *,
    seed: int,
    method: str = "sobol",
    level: float = 0.95,
    spread: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    cell_draws: float = CELL_DRAWS,
    workers: int | None = None,
) -> Uncertainty:
    """Return intervals of an account by zone, service and in total.

    Every factor is drawn ``n`` times, independently of the others; a coefficient that several
    services use is one factor, so that they vary together. The draws are evaluated from the class
    sums. Where a factor stands inside a formula per cell (in an exponential, a minimum), its sums
    are made again from the rasters for every distinct draw: exact, and slow.

    Parameters
    ----------
    account
        An account that was computed (not loaded).
    n
        Number of draws. Sobol points are balanced where it is a power of two.
    seed
        A whole number. The same seed gives the same result, on any number of workers.
    method
        ``sobol``, ``latin_hypercube`` or ``random``.
    level
        Probability of the intervals: they leave out as much below as above.
    spread
        Key of a coefficient or price (``table.column`` for all its rows, ``table.column.row`` for
        one; a row comes before its column) → spread: ``("triangular", low, high)``,
        ``("uniform", low, high)``, ``("normal", sd)``, ``("lognormal", gsd)`` or
        ``("discrete", [value, ...], [weight, ...])``, in the unit of the number (a price: at its
        price level), or in the unit that follows as a text. ``"relative"`` in place of a unit: the
        numbers are multiples of the number (``("triangular", 0.8, 1.2, "relative")``). A mapping
        with named numbers does the same (``{"shape": "normal", "sd": 0.1, "unit": "relative"}``);
        with ``"together": True`` all rows of the column are multiplied by one drawn factor. What is
        not named keeps the spread of its table, or is fixed; None holds a number fixed.
    inputs
        Quantity → spread of its error: a factor around 1 (``("normal", 0.05)``), or, with a unit,
        something added (``("normal", 30, "mm/yr")``). Whole area: one draw for all zones; by zone:
        ``{"shape": ..., "by": "zone"}``, or a mapping zone → spread.
    cell_draws
        How many evaluations of formulas per cell (cells × draws × formulas) are allowed.
    workers
        Threads for those. Changes no bit of the result.

    Raises
    ------
    UsageError
        With all that is wrong with the arguments; if nothing is uncertain; if the account was
        loaded; if formulas per cell would take more than ``cell_draws`` evaluations.

    Notes
    -----
    Quantiles are those of the sample, linear between its points. Results by zone take
    draws × zones × outputs numbers of which few are held at once. A normal or lognormal spread has
    no bounds: how many draws left the plausible range is said in ``warnings``.

    Examples
    --------
    >>> account = gep.Project.load("examples/county/county.toml").run()       # doctest: +SKIP
    >>> uncertainty(account, 1024, seed=1,                                    # doctest: +SKIP
    ...             inputs={"precipitation": ("triangular", 0.9, 1.1)})
    """
    check(n, seed, method, level, "uncertainty")
    engine = prepare(account, spread, inputs, workers, "uncertainty")
    factors = list(engine.book.factors.values())
    q = points(n, len(factors), seed, method)
    draws = {factor.name: factor.draw(q[:, at]) for at, factor in enumerate(factors)}
    notes = list(told_limits(factors, draws))
    ends = [0.5, (1.0 - level) / 2.0, (1.0 + level) / 2.0]
    found: dict[int, Array] = {}

    def keep(zone: int, values: Array) -> None:
        found[zone] = _summary(values, ends)

    def lost(service: str, count: int) -> None:
        what = f"{service}: something that the account counts has no number in {count} of {n} draws"
        notes.append(f"{what}; the sums of those draws lack it")

    inside = engine.make_inside(draws, cell_draws)
    whole = engine.evaluate(draws, inside, range(n), keep, lost)
    found[-1] = _summary(whole, ends)
    project = engine.book.project
    ids = [*project.zone_ids, WHOLE_AREA]
    names = [*project.zone_names, WHOLE_AREA]
    rows = []
    for zone in range(-1, len(project.zone_ids)):
        estimates = engine.whole if zone < 0 else engine.by_zone[zone]
        for at, output in enumerate(engine.outputs):
            about = (ids[zone], names[zone], output.service, output.title.en, output.title.zh)
            numbers = (estimates[at], *found[zone][:, at])
            rows.append((*about, output.indicator, output.unit, *map(float, numbers)))
    return Uncertainty(
        project.title,
        int(n),
        int(seed),
        method,
        level,
        project.price_year,
        pd.DataFrame(rows, columns=list(COLUMNS)),
        _draws_table(factors, draws, ends),
        pd.DataFrame(draws),
        _samples(engine.outputs, whole),
        tuple(engine.book.fixed),
        {f"{s}.{x}": names for (s, x), names in engine.inside().items()},
        tuple(notes),
    )


def _summary(values: Array, ends: list[float]) -> Array:
    """Return mean, standard deviation, median, low and high of every output."""
    with np.errstate(invalid="ignore"):
        mean, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
        quantiles = np.quantile(values, ends, axis=0)
    return np.vstack([mean, sd, quantiles])


def _samples(outputs: list[Output], whole: Array) -> pd.DataFrame:
    money = {at: o.service or "total" for at, o in enumerate(outputs) if o.indicator == "value"}
    return pd.DataFrame(whole[:, list(money)], columns=list(money.values()))


def _draws_table(
    factors: list[Factor], draws: Mapping[str, Array], ends: list[float]
) -> pd.DataFrame:
    rows = [
        {
            "factor": f.name,
            "kind": f.kind,
            "title_en": f.title.en,
            "title_zh": f.title.zh,
            "unit": f.unit,
            "price_year": f.price_year,
            "shape": f.spread.shape,
            "told": f.told,
            "value": f.value,
            "mean": float(draws[f.name].mean()),
            "sd": float(draws[f.name].std(ddof=1)),
            "low": float(np.quantile(draws[f.name], ends[1])),
            "high": float(np.quantile(draws[f.name], ends[2])),
            "services": ", ".join(f.services),
        }
        for f in factors
    ]
    return pd.DataFrame(rows).astype({"price_year": "Int64"})


def told_limits(factors: list[Factor], draws: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return which factors were drawn outside what is plausible, and how often."""
    told = []
    for factor in factors:
        if factor.limits is None:
            continue
        low, high = factor.limits
        drawn = draws[factor.name]
        count = int(((drawn < low) | (drawn > high)).sum())
        if count:
            upper = "" if high == np.inf else f" or above {high:g}"
            told.append(
                f"{factor.name}: {count} of {len(drawn)} draws are below {low:g}{upper} "
                f"[{factor.unit}], which is not plausible; take a narrower spread or another shape"
            )
    return told
