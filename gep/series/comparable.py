"""What makes accounts comparable: the same rules, classes, zones and currency."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from gep.account import Account
from gep.errors import Problems
from gep.series.text import SHOWN
from gep.tables import VERIFIED, Title
from gep.units import unit

#: Areas of the place up to this relative difference are the same: maps of other cell sizes.
_SAME_AREA = 1e-4
_KM2 = 1e6


def currencies_of(account: Account) -> frozenset[str]:
    """Return the currencies of an account's values."""
    return frozenset(account.table["currency"]) - {""}


def compared(
    accounts: Mapping[str, Account], *, bridged: bool
) -> tuple[Problems, list[Title], frozenset[str]]:
    """Return in what accounts differ, notes, and along which dimensions they cannot be compared."""
    problems, notes, coarse = Problems(), [], set()  # type: Problems, list[Title], set[str]
    (first, one), *others = ((n, a.provenance) for n, a in accounts.items())
    cure = "make both by the same rules, or say in a bridge why they may be compared"
    for name, other in others:
        both = f"{first} and {name}"

        def differ(what: str, found: str, both: str = both) -> None:
            problems.add(f"{both} differ in {what}", found=found, cure=cure)

        ids = (one["standard"]["id"], other["standard"]["id"])
        if ids[0] != ids[1]:
            differ("their standard", f"{ids[0]} and {ids[1]}")
        else:
            for what, found in _rule_differences(one, other):
                differ(what, found)
            notes += _own_coefficients(both, one, other)
        if odd := sorted(set(one["classes"]) ^ set(other["classes"])):
            coarse.add("ecosystem")
            differ("their ecosystem classes", f"in one of them only: {', '.join(odd[:SHOWN])}")
        if odd_map := _map_difference(one.get("grid"), other.get("grid")):
            differ(*odd_map)
        if odd := sorted(set(one["zones"]) ^ set(other["zones"])):
            coarse.add("zone")
            differ("their zones", f"in one of them only: {', '.join(odd[:SHOWN])}")
    if bridged and "ecosystem" in coarse:
        notes.append(Title("compared by zone: the classes differ", "分类不同，按分区比较"))
    if bridged and "zone" in coarse:
        notes.append(
            Title("compared over the whole area: the zones differ", "分区不同，按全域比较")
        )
    for name, account in list(accounts.items())[1:]:
        notes += _area_differences(f"{first} and {name}", accounts[first], account)
    indices = dict.fromkeys(
        (a.provenance["price_index"] or {}).get("name", "none") for a in accounts.values()
    )
    if len(indices) > 1:
        shown = ", ".join(indices)
        en = f"prices were carried to the year by different price indices: {shown}"
        notes.append(Title(en, f"各年价格所用价格指数不同：{shown}"))
    years = {a.provenance["price_year"] for a in accounts.values()}
    if len(years) == 1:
        year = years.pop()
        en = f"all accounts are at prices of {year}: their values are at constant prices already"
        notes.append(Title(en, f"各年账户均按 {year} 年价格计算，价值量已为不变价"))
    return problems, notes, frozenset(coarse)


def _area_differences(both: str, one: Account, other: Account) -> list[Title]:
    """Return notes where the area of the place or its share without land cover differs."""
    notes = []
    blank = [float(a.dataset["no_land_cover"].sum()) for a in (one, other)]
    areas = [float(a.dataset["area"].sum()) + b for a, b in zip((one, other), blank, strict=True)]
    if not math.isclose(*areas, rel_tol=_SAME_AREA):
        shown = f"{areas[0] / _KM2:,.4f}, {areas[1] / _KM2:,.4f} km²"
        notes.append(
            Title(f"the area of the place differs between {both}: {shown}", f"总面积不同：{shown}")
        )
    shares = [b / a if a > 0 else 0.0 for a, b in zip(areas, blank, strict=True)]
    if not math.isclose(*shares, abs_tol=_SAME_AREA):
        shown = f"{shares[0]:.2%}, {shares[1]:.2%}"
        en = f"the share of the area without land cover differs between {both}: {shown}"
        notes.append(Title(en, f"无土地覆盖数据的面积比例不同：{shown}"))
    return notes


def _rules(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {**provenance["supporting"], **provenance["services"]}


def _rule_differences(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterable[tuple[str, str]]:
    """Yield in which rules and published coefficients two accounts of one standard differ."""
    mine, theirs = _rules(one), _rules(other)
    for name in [n for n in mine if n in theirs]:
        files = [
            (p["file"], a["standard"]["files"].get(p["file"]))
            for p, a in ((mine[name], one), (theirs[name], other))
        ]
        if files[0] != files[1]:
            shown = " and ".join(f"{path} ({str(digest)[:8]})" for path, digest in files)
            yield f"the rule of {name}", shown
            continue
        for symbol, step in mine[name]["steps"].items():
            its = theirs[name]["steps"].get(symbol)
            if its is None:
                continue
            if step["given"] != its["given"]:
                ways = [f"given as {x['given']}" if x["given"] else "computed" for x in (step, its)]
                yield f"how {name}, step {symbol}, is found", " and ".join(ways)
                continue
            for leaf, use in step["uses"].items():
                other_use = its["uses"].get(leaf, use)
                if ("step" in use) != ("step" in other_use):
                    ways = [
                        f"computed by {u['step'][0]}" if "step" in u else f"given as {u['input']}"
                        for u in (use, other_use)
                    ]
                    yield f"how {leaf} of {name}, step {symbol}, is found", " and ".join(ways)
        for column, label, a, b in _changed_rows(mine[name], theirs[name]):
            if {a["verified"], b["verified"]} <= set(VERIFIED):
                where = f"{name}, {column}{f', {label}' if label else ''}"
                yield "a published coefficient", f"{where}: {a['value']:g} and {b['value']:g}"


def _own_coefficients(both: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Title]:
    """Return notes on coefficients that a project gave itself and that differ."""
    mine, theirs = _rules(one), _rules(other)
    notes = []
    for name in [n for n in mine if n in theirs]:
        for column, label, a, b in _changed_rows(mine[name], theirs[name]):
            if not {a["verified"], b["verified"]} <= set(VERIFIED):
                shown = f"{name}, {column}{f', {label}' if label else ''}: "
                shown += f"{a['value']:g}, {b['value']:g}"
                en = f"a coefficient of the project differs between {both}: {shown}"
                notes.append(Title(en, f"项目自定系数在不同年份不同：{shown}"))
    return notes


def _changed_rows(
    mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterable[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the rows of coefficients, prices aside, in which two uses of one rule differ."""
    for symbol, about in mine["coefficients"].items():
        its = theirs["coefficients"].get(symbol)
        if its is None or unit(about["unit"]).currency:
            continue
        for label, row in about["rows"].items():
            other = its["rows"].get(label)
            if other is not None and not math.isclose(row["value"], other["value"], rel_tol=1e-12):
                yield f"{about['table']}.{about['column']}", label, row, other


def _map_difference(one: Any, other: Any) -> tuple[str, str] | None:
    """Return how the land cover of two accounts is classified differently, if it is."""
    if (one is None) != (other is None):
        kinds = ["an extent table" if g is None else "a land-cover map" for g in (one, other)]
        return "where their areas come from", " and ".join(kinds)
    if one is None:
        return None
    if one["legend"] != other["legend"]:
        return "the legend of their land cover", f"{one['legend']} and {other['legend']}"
    shared = set(one["classes"]) & set(other["classes"])
    odd = [c for c in sorted(shared) if one["classes"][c] != other["classes"][c]]
    if odd:
        shown = [f"{c}: {one['classes'][c]} and {other['classes'][c]}" for c in odd[:SHOWN]]
        return "the classes of their land cover", "; ".join(shown)
    return None
