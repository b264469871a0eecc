"""What drives a change of value: area, yield and price, without a residual."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gep.account import WHOLE_ZONE
from gep.errors import DataError, Problems, UsageError, nearest
from gep.series.rows import KEYS

Floats = NDArray[np.float64]

#: Ways to divide a change among its factors.
METHODS = ("auto", "lmdi", "shapley")
#: The effects whose sum is the change of value.
EFFECTS = ("area", "yield", "quantity", "price", "left_out")
#: Relative gap up to which a product of factors is the value that was reported.
_SAME_VALUE = 1e-9
_HECTARE = 1e4


def decompose_values(  # noqa: PLR0913
    *,
    area0: ArrayLike,
    yield0: ArrayLike,
    price0: ArrayLike,
    area1: ArrayLike,
    yield1: ArrayLike,
    price1: ArrayLike,
    value0: ArrayLike | None = None,
    value1: ArrayLike | None = None,
    method: str = "auto",
) -> pd.DataFrame:
    """Divide changes of ``V = area · yield · price`` among the three factors, without a residual.

    Parameters
    ----------
    area0, yield0, price0, area1, yield1, price1
        The factors in the first and the last year, in units that fit each other; they broadcast
        to one row each. NaN is not known: the row is ``undetermined``.
    value0, value1
        The values as reported. If given, they must be the products.
    method
        ``lmdi``, ``shapley`` or ``auto`` as in :meth:`Series.decompose`.

    Returns
    -------
    DataFrame
        A row per element: ``area + yield + price = change`` in the unit of V, and the ``method``.

    Raises
    ------
    DataError
        If a number is infinite, an area negative, a product not the value reported, or ``lmdi`` is
        asked for where a factor is not above zero; all rows are named.

    Notes
    -----
    LMDI-I: ``ΔV_x = L(V1, V0) · ln(x1/x0)`` with ``L(a, b) = (a - b)/(ln a - ln b)``.
    Source: B. W. Ang, Energy Policy 86 (2015), 233-238; L. S. Shapley (1953). Verified: recalled.

    Examples
    --------
    A yield that doubles, all else kept:

    >>> found = decompose_values(area0=10, yield0=2, price0=5, area1=10, yield1=4, price1=5)
    >>> [round(float(x), 9) for x in found[["area", "yield", "price"]].iloc[0]]
    [0.0, 100.0, 0.0]
    """
    known_method(method)
    given = np.broadcast_arrays(
        *(
            np.atleast_1d(np.asarray(x, dtype=np.float64))
            for x in (area0, yield0, price0, area1, yield1, price1)
        )
    )
    factors = np.stack([x.ravel() for x in given]).reshape(2, 3, -1)
    names = [f"row {at}" for at in range(factors.shape[-1])]
    problems = Problems()
    for at, name in enumerate(names):
        for year, factor in itertools.product((0, 1), (0, 1, 2)):
            number = factors[year, factor, at]
            what = f"{('area', 'yield', 'price')[factor]}{year}"
            if np.isinf(number):
                problems.add(f"{what} is infinite", name)
            elif factor == 0 and number < 0:
                problems.add(f"{what} is negative", name, f"{number:g}")
    products = factors.prod(axis=1)
    for year, reported in enumerate((value0, value1)):
        if reported is not None:
            values = np.broadcast_to(np.asarray(reported, np.float64).ravel(), products[year].shape)
            same_products(products[year], values, [f"{n}, value{year}" for n in names], problems)
    problems.raise_if_any(DataError)
    effects, used = effects_of(factors[0], factors[1], method, names)
    found = pd.DataFrame(effects.T, columns=["area", "yield", "price"])
    found["change"] = products[1] - products[0]
    found["method"] = used
    return found


def effects_of(
    first: Floats, last: Floats, method: str, names: Sequence[str]
) -> tuple[Floats, NDArray[Any]]:
    """Return the effects (factor, row) of factors that change, and the method of every row."""
    start, end = first.prod(axis=0), last.prod(axis=0)
    unknown = np.isnan(start + end)
    with np.errstate(invalid="ignore"):
        positive = (first > 0).all(axis=0) & (last > 0).all(axis=0) & (start > 0) & (end > 0)
    if method == "lmdi" and (bad := ~positive & ~unknown).any():
        problems = Problems()
        for at in np.flatnonzero(bad):
            shown = ", ".join(
                f"{a:g} → {b:g}" for a, b in zip(first[:, at], last[:, at], strict=True)
            )
            cure = 'method="auto" takes Shapley values in such rows'
            problems.add("LMDI needs factors above zero", names[int(at)], shown, cure)
        raise DataError(problems.errors)
    log_mean = positive & (method != "shapley")
    with np.errstate(all="ignore"):
        difference = end - start
        grown = _log_ratio(start, end)
        mean = np.where(grown == 0, start, difference / grown)
        divisia = mean * _log_ratio(first, last)
    effects = np.where(log_mean, divisia, _shapley(first, last))
    used = np.where(unknown, "undetermined", np.where(log_mean, "lmdi", "shapley"))
    return effects, used


def _log_ratio(first: Floats, last: Floats) -> Floats:
    """Return ``ln(last/first)``, to full precision for numbers near to each other and far apart."""
    change = last - first
    near = np.abs(change) < first / 2
    return np.where(near, np.log1p(change / first), np.log(last) - np.log(first))


def _shapley(first: Floats, last: Floats) -> Floats:
    """Return the mean effect of every factor over all orders in which the factors can change."""
    effects = np.zeros(first.shape)
    orders = list(itertools.permutations(range(len(first))))
    for order in orders:
        now = first.copy()
        before = now.prod(axis=0)
        for factor in order:
            now[factor] = last[factor]
            after = now.prod(axis=0)
            effects[factor] += after - before
            before = after
    return effects / len(orders)


def known_method(method: str) -> None:
    """Refuse a method that is none of ``METHODS``."""
    if method not in METHODS:
        raise UsageError(f"there is no method {method!r}", cure=nearest(str(method), METHODS))


def same_products(
    products: Floats, values: Floats, names: Sequence[str], problems: Problems
) -> None:
    """Note where a product of factors is not the value that was reported."""
    gap = values - products
    size = np.maximum(np.abs(values), np.abs(products))
    for at in np.flatnonzero(np.abs(gap) > _SAME_VALUE * size):
        found = f"value {values[at]:.10g}, product {products[at]:.10g}, gap {gap[at]:.6g}"
        cure = "correct the factor or the value; look at the units"
        problems.add("the factors do not give the value", names[int(at)], found, cure)


def refuse_gaps(pair: pd.DataFrame) -> None:
    """Refuse rows whose value cannot be the product of factors."""
    problems = Problems()
    by_class = pair["ecosystem"] != WHOLE_ZONE
    for at in (0, 1):
        value, quantity = pair[f"value{at}"], pair[f"quantity{at}"]
        bad = pair["why"].eq("value without quantity") & quantity.eq(0) & value.ne(0)
        bare = pair["why"].eq("") & by_class & pair[f"area{at}"].eq(0) & value.ne(0)
        for row in pair[bad | bare].to_dict("records"):
            what = "the factors do not give the value: the quantity or the area is 0"
            found = f"value {row[f'value{at}']:.10g}, product 0, gap {row[f'value{at}']:.6g}"
            cure = "correct the data, or give the service a deflator"
            problems.add(
                what, f"{_row_name(row)}, {'later' if at else 'earlier'} year", found, cure
            )
    problems.raise_if_any(DataError)


def _row_name(row: Mapping[Any, Any]) -> str:
    return ", ".join(str(row[k]) for k in KEYS)


def divided(pair: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the rows of two years with their factors and the effects of these."""
    table = pair[["service", "kind", "indicator", "zone", "ecosystem", "unit", "why"]].copy()
    table["factors"], table["method"] = "", "left out"
    for at in (0, 1):
        table[f"area{at}"] = pair[f"area{at}"] / _HECTARE
        table[f"yield{at}"] = np.nan
        table[f"quantity{at}"] = pair[f"quantity{at}"]
        other = pair[f"price{1 - at}"]
        table[f"price{at}"] = pair[f"price{at}"].fillna(other).where(pair["why"] == "")
        table[f"value{at}"] = pair[f"value{at}"]
    table["change"] = table["value1"].fillna(0.0) - table["value0"].fillna(0.0)
    for name in EFFECTS:
        table[name] = np.nan
    used = table["why"] == ""
    table.loc[~used, "left_out"] = table.loc[~used, "change"]
    by_class = table["ecosystem"] != WHOLE_ZONE
    yields = [
        (table[f"quantity{at}"] / table[f"area{at}"]).where(table[f"area{at}"] > 0) for at in (0, 1)
    ]
    for at in (0, 1):
        table[f"yield{at}"] = yields[at].fillna(yields[1 - at]).where(used & by_class)
    for rows, names in (
        (used & by_class, ("area", "yield", "price")),
        (used & ~by_class, ("quantity", "price")),
    ):
        if not rows.any():
            continue
        part = table[rows]
        factors = [
            # Nothing in both years (0 · unknown) has a value of 0 and no effect.
            np.stack([part[f"{n}{at}"].fillna(0.0).to_numpy(np.float64) for n in names])
            for at in (0, 1)
        ]
        labels = [_row_name(row) for row in part.to_dict("records")] if method == "lmdi" else []
        effects, how = effects_of(factors[0], factors[1], method, labels)
        for name, effect in zip(names, effects, strict=True):
            table.loc[rows, name] = effect
        table.loc[rows, "method"] = how
        table.loc[rows, "factors"] = " · ".join(names)
    return table
