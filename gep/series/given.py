"""What a caller gives beside the accounts: GDP, people, price indices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gep.account import Account
from gep.errors import GepError, Problems, nearest
from gep.library import price_index
from gep.units import unit


def read_accounts(
    accounts: Mapping[int, Account | str | Path], problems: Problems
) -> dict[int, Account]:
    """Return the accounts in the order of their years; folders are loaded."""
    found: dict[int, Account] = {}
    if not isinstance(accounts, Mapping) or len(accounts) < 2:  # noqa: PLR2004
        cure = "for example over_time({2017: account, 2020: account})"
        problems.add("a series has two or more accounts by year", "accounts", cure=cure)
        return found
    for year, given in accounts.items():
        where = f"accounts, {year!r}"
        if not isinstance(year, int) or isinstance(year, bool):
            problems.add("the key is not a year", where, cure="give whole numbers such as 2017")
            continue
        if isinstance(given, str | Path):
            try:
                account = Account.load(given)
            except GepError as error:
                problems.absorb(error)
                continue
        elif isinstance(given, Account):
            account = given
        else:
            cure = "give an Account or the folder of a saved one"
            problems.add("this is no account", where, repr(given)[:60], cure)
            continue
        if account.provenance["year"] != year:
            its = account.provenance["year"]
            problems.add("the account is of another year", where, f"its year is {its}")
            continue
        found[year] = account
    return dict(sorted(found.items()))


def _amount(given: Any, wanted: str, where: str, problems: Problems) -> float | None:
    """Return ``(amount, unit)`` in the unit wanted, noting what is wrong."""
    if not isinstance(given, tuple | list) or len(given) != 2:  # noqa: PLR2004
        cure = f'for example (12.3, "{wanted}")'
        problems.add("give a number with its unit", where, repr(given)[:60], cure)
        return None
    number, name = given
    if not _positive(number):
        problems.add("must be a finite number above zero", where, repr(number)[:60])
        return None
    try:
        own = unit(name)
        target = unit(wanted) if own.agrees(unit(wanted)) else unit(f"{wanted}/yr")
        return float(number) * float(own.factor_to(target))
    except GepError as error:
        for p in error.problems:
            problems.add(p.what, where, p.found, p.cure)
        return None


def _positive(value: Any) -> bool:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return False
    return bool(math.isfinite(value) and value > 0)


def _by_year(
    given: Mapping[int, Any], years: Iterable[int], name: str, problems: Problems
) -> Iterable[tuple[int, Any, str]]:
    known = list(years)
    if not isinstance(given, Mapping):
        problems.add("must give a value by year", name, repr(given)[:60])
        return
    for year, value in given.items():
        where = f"{name}, {year!r}"
        if year not in known:
            problems.add("the series has no such year", where, cure=f"known: {known}")
            continue
        yield year, value, where


def read_gdp(
    given: Mapping[int, Any], currency: str, years: Iterable[int], problems: Problems
) -> dict[int, tuple[float, int]]:
    """Return year -> (amount, price year)."""
    found = {}
    for year, value, where in _by_year(given, years, "gdp", problems):
        price_year, pair = year, value
        if isinstance(value, tuple | list) and len(value) == 3:  # noqa: PLR2004
            *pair, price_year = value
            if not isinstance(price_year, int):
                problems.add("the price year is not a year", where, repr(price_year)[:60])
        amount = _amount(pair, currency, where, problems)
        if amount is not None:
            found[year] = (amount, price_year)
    return found


def read_gdp_real(
    given: Mapping[int, Any], currency: str, years: Iterable[int], problems: Problems
) -> dict[int, float]:
    """Return year -> GDP at constant prices, or its index."""
    found: dict[int, float] = {}
    index = {isinstance(value, int | float | np.number) for value in given.values()}
    if len(index) > 1:
        what = "some years are amounts, some are index numbers"
        problems.add(what, "gdp_real", cure="give all years in one way")
    for year, value, where in _by_year(given, years, "gdp_real", problems):
        number: float | None
        if isinstance(value, int | float | np.number):
            number = float(value) if _positive(value) else None
            if number is None:
                problems.add("must be a finite number above zero", where, repr(value)[:60])
        else:
            number = _amount(value, currency, where, problems)
        if number is not None:
            found[year] = number
    return found


def read_population(
    given: Mapping[int, Any], years: Iterable[int], problems: Problems
) -> dict[int, float]:
    """Return year -> persons."""
    found = {}
    for year, value, where in _by_year(given, years, "population", problems):
        pair = (value, "人") if isinstance(value, int | float | np.number) else value
        number = _amount(pair, "人", where, problems)
        if number is not None:
            found[year] = number
    return found


def read_deflators(
    given: Mapping[str, Any], services: Iterable[str], years: Iterable[int], problems: Problems
) -> dict[str, dict[int, float]]:
    """Return service -> year -> index number, for all years of the series."""
    found: dict[str, dict[int, float]] = {}
    known, wanted = set(services), list(years)
    for service, index in given.items():
        where = f"deflators, {service}"
        if service not in known:
            cure = nearest(str(service), known)
            problems.add(f"no account has a service {service!r}", where, cure=cure)
            continue
        numbers: Mapping[int, Any] = index
        if isinstance(index, str | Path):
            try:
                entries = price_index(str(index)).entries["value"]
            except GepError as error:
                problems.absorb(error)
                continue
            numbers = {int(key[0]): entry.value for key, entry in entries.items()}
        elif not isinstance(index, Mapping):
            cure = "give year -> index number, or the name of a price index"
            problems.add("this is no price index", where, repr(index)[:60], cure)
            continue
        lacking = [y for y in wanted if y not in numbers]
        if lacking:
            shown = ", ".join(map(str, lacking))
            problems.add("the index lacks years of the series", where, shown)
            continue
        bad = [y for y in wanted if not _positive(numbers[y])]
        for year in bad:
            problems.add(
                "must be a finite number above zero", f"{where}, {year}", repr(numbers[year])[:60]
            )
        if not bad:
            found[service] = {y: float(numbers[y]) for y in wanted}
    return found
