"""The terms file: the assumptions with which a bank values, lends, settles and is assessed.

What the book holds is fact; what a valuation assumes is here, in one file that is read beside the
numbers: rates, cash flows of the projects, loans asked for, mechanisms and their inputs, facts for
the assessment. Nothing in it has a default.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gep.errors import DataError, Problems
from gep.realization.contracts import BASES, TIMINGS, Basis, Timing
from gep.realization.facts import Fact
from gep.realization.results import read_rate
from gep.realization.valuation import Steps
from gep.tables import Keys, Title, check_keys, read_title, read_toml, sha256, texts

_TOP: Keys = {"as_of": dt.date, "price_year": int, "gap_m": float, "discounting": dict}
_TOP_OPTIONAL: Keys = {
    "note": dict,
    "money": str,
    "sensitivity": dict,
    "rents": dict,
    "packages": dict,
    "mechanisms": list,
    "distribution": dict,
    "assessment": dict,
    "facts": dict,
}
_DISCOUNTING: Keys = {"rate": (float, str), "basis": str, "timing": str, "inflation": (float, str)}
_STEPS: Keys = {"rate": float, "years": int, "flow": float}
_FLOW: Keys = {"title": dict}
_FLOW_OPTIONAL: Keys = {
    "amount": str,
    "sold": str,
    "price": str,
    "growth": (float, str),
    "every": int,
    "first": int,
    "last": int,
    "at": (int, str),
    "share": (float, str),
    "backed_by": list,
}
_LOAN: Keys = {
    "collateral": str,
    "contract": str,
    "rate": (float, str),
    "dscr": float,
    "years": int,
    "haircut": (float, str),
    "policy": bool,
    "repayment": str,
}
_LOAN_OPTIONAL: Keys = {"ltv": (float, str), "policy_cap": str}
_MECHANISM: Keys = {"rule": str, "given": dict}
_MECHANISM_OPTIONAL: Keys = {
    "title": dict,
    "price_year": int,
    "members": dict,
    "samples": str,
    "below_detection": str,
}
_FACT: Keys = {"value": float, "unit": str, "source": str, "date": (dt.date, str)}
_FACT_OPTIONAL: Keys = {"document": str, "price_year": int}


@dataclass(frozen=True)
class FlowTerms:
    """A cash flow of a project: an amount of its own, or a service that is sold by quantity."""

    title: Title
    amount: str = ""
    sold: str = ""
    price: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PackageTerms:
    """The cash flows of a project and the loan that is asked for."""

    flows: tuple[FlowTerms, ...]
    loan: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class MechanismTerms:
    """A rule and what it is given.

    An input is an amount, or what the book knows (``{ flows = [...] }``, the value of services;
    ``{ restriction = "..." }``, an area), or ``{ result = "..." }``, the value of a rule above, or
    ``"unknown"``. ``samples`` is a table of monthly concentrations of an index.
    """

    rule: str
    given: Mapping[str, Any]
    price_year: int
    title: Title | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    samples: str = ""
    below_detection: str = ""


@dataclass(frozen=True)
class Terms:
    """A terms file, read."""

    path: Path
    sha256: str
    as_of: dt.date
    price_year: int
    gap_m: float
    money: str
    rate: float
    basis: Basis
    timing: Timing
    inflation: float
    steps: Steps | None
    rent_timing: Timing | None
    buy_out: str
    packages: Mapping[str, PackageTerms]
    mechanisms: tuple[MechanismTerms, ...]
    distribution: Mapping[str, Any]
    sheet: str
    accounts: Mapping[str, str]
    facts: Mapping[str, Fact]
    note: Title | None = None


def read_terms(path: str | Path) -> Terms:
    """Read a terms file.

    Parameters
    ----------
    path
        A TOML file; ``examples/township/terms.toml`` shows all that it may hold.

    Raises
    ------
    DataError
        With all problems of the file.
    """
    found = Path(path)
    return _Reader(found, read_toml(found, DataError)).read()


class _Reader:
    def __init__(self, path: Path, data: Mapping[str, Any]) -> None:
        self.path, self.data, self.where = path, data, path.name
        self.problems = Problems()

    def read(self) -> Terms:
        data, problems = self.data, self.problems
        check_keys(data, self.where, problems, _TOP, _TOP_OPTIONAL)
        problems.raise_if_any(DataError)
        money = data["discounting"]
        where = f"{self.where}, discounting"
        check_keys(money, where, problems, _DISCOUNTING)
        problems.raise_if_any(DataError)
        self._one_of(money["basis"], BASES, f"{where}, basis")
        self._one_of(money["timing"], TIMINGS, f"{where}, timing")
        rents = data.get("rents", {})
        check_keys(rents, f"{self.where}, rents", problems, {}, {"timing": str, "buy_out": str})
        if "timing" in rents:
            self._one_of(rents["timing"], TIMINGS, f"{self.where}, rents, timing")
        steps = data.get("sensitivity")
        if steps is not None:
            check_keys(steps, f"{self.where}, sensitivity", problems, _STEPS)
        assessment = data.get("assessment", {})
        keys: Keys = {"sheet": str, "before": str, "after": str}
        check_keys(assessment, f"{self.where}, assessment", problems, {}, keys)
        rate = read_rate(money["rate"], f"{where}, rate", problems)
        inflation = read_rate(money["inflation"], f"{where}, inflation", problems, negative=True)
        packages = {name: self._package(name, raw) for name, raw in self._tables("packages")}
        mechanisms = self._mechanisms(data.get("mechanisms", []))
        facts = {name: self._fact(name, raw) for name, raw in self._tables("facts")}
        note = data.get("note")
        title = read_title(note, f"{self.where}, note", problems) if note is not None else None
        problems.raise_if_any(DataError)
        return Terms(
            path=self.path,
            sha256=sha256(self.path),
            as_of=data["as_of"],
            price_year=data["price_year"],
            gap_m=float(data["gap_m"]),
            money=data.get("money", "万元"),
            rate=rate,
            basis=money["basis"],
            timing=money["timing"],
            inflation=inflation,
            steps=Steps(**steps) if steps is not None else None,
            rent_timing=rents.get("timing"),
            buy_out=rents.get("buy_out", ""),
            packages=packages,
            mechanisms=mechanisms,
            distribution=data.get("distribution", {}),
            sheet=assessment.get("sheet", ""),
            accounts={k: assessment[k] for k in ("before", "after") if k in assessment},
            facts=facts,
            note=title,
        )

    def _one_of(self, value: str, known: tuple[str, ...], where: str) -> None:
        if value not in known:
            self.problems.add(f"this is one of {', '.join(known)}", where, found=repr(value))

    def _tables(self, key: str) -> list[tuple[str, Any]]:
        return list(self.data.get(key, {}).items())

    def _package(self, name: str, raw: Any) -> PackageTerms:
        where = f"{self.where}, packages.{name}"
        if not check_keys(raw, where, self.problems, {"flows": list}, {"loan": dict}):
            return PackageTerms(())
        flows = [
            self._flow(entry, f"{where}, flow {number}")
            for number, entry in enumerate(raw["flows"], start=1)
        ]
        loan = raw.get("loan")
        if loan is not None:
            check_keys(loan, f"{where}, loan", self.problems, _LOAN, _LOAN_OPTIONAL)
        return PackageTerms(tuple(flow for flow in flows if flow is not None), loan)

    def _flow(self, raw: Any, where: str) -> FlowTerms | None:
        if not check_keys(raw, where, self.problems, _FLOW, _FLOW_OPTIONAL):
            return None
        title = read_title(raw["title"], f"{where}, title", self.problems)
        if ("amount" in raw) == ("sold" in raw) or ("sold" in raw) != ("price" in raw):
            cure = "give amount = '3 万元/yr', or sold = 'a service' and price = '70 元/tCO2'"
            self.problems.add("a flow is an amount, or a service and its price", where, cure=cure)
        backed = raw.get("backed_by")
        own = {"title", "amount", "sold", "price", "backed_by"}
        more = {key: value for key, value in raw.items() if key not in own}
        if backed is not None:
            more["backed_by"] = texts(backed, f"{where}, backed_by", self.problems)
        amount, sold, price = (raw.get(key, "") for key in ("amount", "sold", "price"))
        return FlowTerms(title, amount, sold, price, more)

    def _mechanisms(self, raw: list[Any]) -> tuple[MechanismTerms, ...]:
        found = []
        for number, entry in enumerate(raw, start=1):
            where = f"{self.where}, mechanism {number}"
            if not check_keys(entry, where, self.problems, _MECHANISM, _MECHANISM_OPTIONAL):
                continue
            title = entry.get("title")
            found.append(
                MechanismTerms(
                    entry["rule"],
                    entry["given"],
                    entry.get("price_year", self.data["price_year"]),
                    read_title(title, where, self.problems) if title is not None else None,
                    entry.get("members", {}),
                    entry.get("samples", ""),
                    entry.get("below_detection", ""),
                )
            )
        return tuple(found)

    def _fact(self, name: str, raw: Any) -> Fact:
        where = f"{self.where}, facts.{name}"
        if not check_keys(raw, where, self.problems, _FACT, _FACT_OPTIONAL):
            return Fact(None, "1")
        return Fact(**{**raw, "value": float(raw["value"])})
