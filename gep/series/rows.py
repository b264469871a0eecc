"""The lines of accounts as rows that years can be compared by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gep.account import WHOLE_ZONE, Account
from gep.errors import DataError, GepError, Problems
from gep.tables import Title
from gep.units import unit

#: What one row of a series is.
KEYS = ["service", "indicator", "zone", "ecosystem"]
#: Zone of values that are compared over the whole area only.
WHOLE_AREA = "whole_area"


def account_rows(account: Account) -> pd.DataFrame:
    """Return the lines in money, each with its quantity where it has one, and the area."""
    table = account.table
    parts = table["indicator"].str.partition("[")
    table = table.assign(symbol=parts[0], member=parts[1] + parts[2])
    frames = []
    for service, entry in account.provenance["services"].items():
        own = table[table["service"] == service]
        frames += [
            _line_rows(own, line["physical"], line["monetary"])
            for line in entry["lines"]
            if line["monetary"]
        ]
    rows = pd.concat(frames, ignore_index=True)
    area = account.dataset["area"].to_series().rename("area").reset_index()
    area = area[["zone", "ecosystem", "area"]].astype({"zone": str, "ecosystem": str})
    rows = rows.merge(area, on=["zone", "ecosystem"], how="left")
    return rows[[*KEYS, "area", "quantity", "unit", "value", "covered"]]


def _line_rows(own: pd.DataFrame, physical: str | None, monetary: str) -> pd.DataFrame:
    if physical is None:
        return own[own["symbol"] == monetary]
    both = own[(own["symbol"] == physical) & (own["currency"] != "")]
    money = own[(own["symbol"] == monetary) & (own["unit"] == "")]
    if money.empty:
        return both
    goods = own[(own["symbol"] == physical) & (own["currency"] == "")]
    if set(goods["member"]) != set(money["member"]):
        return money  # the value of several things together has no quantity
    # One of the two knows ecosystems, the other only the zone: they meet in the zone.
    keys = ["service", "zone", "member"]
    found = _by_zone(money, keys)[["value", "covered"]]
    of_goods = _by_zone(goods, keys)
    found["quantity"], found["unit"] = of_goods["quantity"], goods["unit"].iloc[0]
    found["covered"] = np.minimum(found["covered"], of_goods["covered"])
    found = found.reset_index()
    return found.assign(indicator=physical + found["member"], ecosystem=WHOLE_ZONE)


def _by_zone(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    groups = rows.groupby(list(keys), sort=False)
    found = groups[["quantity", "value"]].sum(min_count=1)
    return found.assign(covered=groups["covered"].min())


def aligned(
    rows: dict[int, pd.DataFrame], coarse: frozenset[str], notes: list[Title], problems: Problems
) -> dict[int, pd.DataFrame]:
    """Bring the rows of all years to the same zones, ecosystems and units."""
    lines = pd.concat([r.assign(year=y) for y, r in rows.items()], ignore_index=True)
    _same_symbols(lines)
    whole = lines["ecosystem"] == WHOLE_ZONE
    names = [lines["service"], lines["indicator"]]
    mixed = whole.groupby(names).transform("nunique") > 1
    for service, indicator in sorted(set(zip(*(n[mixed] for n in names), strict=True))):
        en = f"{service} {indicator} is known by ecosystem in some years only: compared by zone"
        notes.append(Title(en, f"{service} {indicator} 仅部分年份分生态系统，按分区比较"))
    fold = pd.Series("ecosystem" in coarse, index=lines.index) | mixed
    lines.loc[fold & ~whole, "area"] = np.nan
    lines.loc[fold, "ecosystem"] = WHOLE_ZONE
    if "zone" in coarse:
        lines["zone"] = WHOLE_AREA
    lines["factor"] = 1.0
    for (service, indicator), part in lines.groupby(names, sort=False):
        found = part.drop_duplicates("unit").set_index("unit")["year"]
        found = found[[u for u in found.index if u]]
        for name, year in found.items():
            try:
                factor = float(unit(str(name)).factor_to(unit(str(found.index[0]))))
            except GepError:
                what = "the quantity is in units that cannot be converted"
                shown = f"[{name}] in {year}, [{found.index[0]}] in {found.iloc[0]}"
                problems.add(what, f"{service}, {indicator}", shown, "compare one rule with itself")
                continue
            lines.loc[part.index[part["unit"] == name], "factor"] = factor
        if len(found):
            lines.loc[part.index, "unit"] = found.index[0]
    problems.raise_if_any(DataError)
    lines["quantity"] *= lines["factor"]
    groups = lines.groupby(["year", *KEYS], sort=False)
    merged = groups[["area", "quantity", "value"]].sum(min_count=1)
    merged["unit"], merged["covered"] = groups["unit"].first(), groups["covered"].min()
    merged = merged.reset_index()
    return {year: merged[merged["year"] == year].drop(columns="year") for year in rows}


def _same_symbols(lines: pd.DataFrame) -> None:
    """Give a service that has one line in every year one symbol, where rules name it otherwise."""
    for _, part in lines.groupby("service", sort=False):
        symbols = part.groupby("year")["indicator"].unique()
        units = [u for u in part["unit"].unique() if u]
        alone = all(len(found) == 1 and "[" not in found[0] for found in symbols)
        if alone and all(unit(u).agrees(unit(units[0])) for u in units):
            lines.loc[part.index, "indicator"] = symbols.iloc[0][0]
