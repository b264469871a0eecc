"""Sums and index numbers of two years: Laspeyres quantities, Paasche prices."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gep.errors import UsageError, nearest

#: What the result of two years can be grouped by.
GROUPS = ("service", "kind", "indicator", "zone", "ecosystem")


def groups_of(by: str | Sequence[str]) -> list[str]:
    """Return the columns to group by, refusing unknown ones."""
    keys = [by] if isinstance(by, str) else list(by)
    for key in keys:
        if key not in GROUPS:
            raise UsageError(f"cannot group by {key!r}", cure=nearest(str(key), GROUPS))
    return keys


def sums(table: pd.DataFrame, columns: Sequence[str], keys: Sequence[str]) -> pd.DataFrame:
    """Return sums by group; a group in which nothing is known is NaN."""
    if keys:
        return table.groupby(list(keys), sort=False)[list(columns)].sum(min_count=1)
    return table[list(columns)].sum(min_count=1).to_frame().T


def measured(pair: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the sums and indices of two years by group."""
    used = pair["why"] == ""
    outside = pair[["value0", "value1"]].mask(used, 0.0).fillna(0.0)
    parts = pair[[*keys]].assign(
        nominal_base=pair["value0"],
        nominal=pair["value1"],
        compared_base=pair["value0"].where(used),
        compared=pair["value1"].where(used),
        constant=pair["constant"].where(used),
        left_out_base=outside["value0"],
        left_out=outside["value1"],
        partial=(~used).astype(float),
    )
    found = sums(parts, [c for c in parts.columns if c not in keys], keys)
    found["partial"] = found["partial"] > 0
    found.insert(2, "nominal_growth", _over(found["nominal"], found["nominal_base"]) - 1.0)
    found.insert(6, "real_growth", _over(found["constant"], found["compared_base"]) - 1.0)
    found.insert(7, "price_index", _over(found["compared"], found["constant"]))
    return found.reset_index(drop=not keys)


def _over(above: pd.Series, below: pd.Series) -> pd.Series:
    """Return a ratio; NaN where the lower part is not above zero, so that it means nothing."""
    return above / below.where(below > 0)


def prices_of(pair: pd.DataFrame, at: int) -> pd.Series:
    """Return the price of every row: its own, else the line's mean in the zone or whole area."""
    quantity, value = pair[f"quantity{at}"], pair[f"value{at}"]
    price = (value / quantity.where(quantity != 0)).where(pair["why"] != "no value")
    weight = quantity.abs().where(price.notna())
    parts = pair[["service", "indicator", "zone"]].assign(money=price * weight, weight=weight)
    for keys in (["service", "indicator", "zone"], ["service", "indicator"]):
        whole = parts.groupby(keys)[["money", "weight"]].transform("sum")
        price = price.fillna(whole["money"] / whole["weight"].where(whole["weight"] > 0))
    return price
