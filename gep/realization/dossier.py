"""The dossier of a bank: its book, valued, lent against, settled, assessed, by one terms file.

The book says what there is; the terms say what is assumed (:mod:`gep.realization.terms`). From the
two come a valuation of each package, a lender's sheet, settlements, a score and villagers' shares.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from gep.errors import DataError, Problems, nearest
from gep.realization.assessment import assess_bank
from gep.realization.book import Book
from gep.realization.book_package import PackageFacts
from gep.realization.contracts import Flow, once, yearly
from gep.realization.distribution import Claim, Distribution, statements, waterfall
from gep.realization.document import is_missing
from gep.realization.facts import Fact
from gep.realization.lending import CashFlow, LoanSchedule, loan_capacity, loan_schedule
from gep.realization.registry import reached
from gep.realization.registry_checks import whole_years
from gep.realization.results import Result, read_amount
from gep.realization.rules import rule
from gep.realization.scoring import ScoreSheet
from gep.realization.settlement import compensation_index
from gep.realization.sheets import sheet
from gep.realization.terms import FlowTerms, MechanismTerms, PackageTerms, Terms, read_terms
from gep.realization.valuation import Contract, Sensitivity, Worth, sensitivity
from gep.tables import Title, read_csv
from gep.units import unit

_RENTS = Title("Rents of the deposits", "收储租金")
_BUY_OUT = Title("Buy-out of rights", "赎买支出")
_COUNTED = Title("counted in the book", "据资源台账统计")


@dataclass(frozen=True)
class Valuation:
    """A package, valued: what it is, what it is worth, and what moves the value."""

    package: str
    title: Title
    facts: PackageFacts
    worth: Worth
    sensitivity: Sensitivity | None
    gaps: tuple[str, ...]  # services whose data do not cover the whole land


@dataclass(frozen=True)
class Loan:
    """What the cash flow of a package can carry, and the lender's sheet of that loan."""

    package: str
    capacity: Result
    schedule: LoanSchedule | None


class Dossier:
    """A book and the terms by which it is valued, lent against, settled and assessed.

    Parameters
    ----------
    book
        The book, with the flows of its parcels.
    terms
        A terms file, or its path.

    Raises
    ------
    DataError
        With all problems of the terms; what a part needs and lacks is said when it is asked for.
    """

    def __init__(self, book: Book, terms: Terms | str | Path) -> None:
        self.book = book
        self.terms = terms if isinstance(terms, Terms) else read_terms(terms)
        known = list(book.packages["id"])
        problems = Problems()
        for name in (*self.terms.packages, *self.terms.distribution):
            if name not in known:
                cure = nearest(name, known)
                problems.add(f"the book has no package {name!r}", self.terms.path.name, cure=cure)
        problems.raise_if_any(DataError)

    # ------------------------------------------------------------------- values

    @functools.cached_property
    def valuations(self) -> dict[str, Valuation]:
        """Each package with its cash value and the value of services that nobody pays for."""
        found = {}
        for name in self.terms.packages:
            found[name] = self._valuation(name, self.terms.packages[name])
        return found

    def _valuation(self, name: str, given: PackageTerms) -> Valuation:
        terms = self.terms
        row = next(r for r in self.book.packages.to_dict("records") if r["id"] == name)
        facts = self.book.package_facts(name, gap_m=terms.gap_m, at=terms.as_of)
        years = self._years(name, row)
        flows = [self._flow(entry, name, facts) for entry in given.flows]
        flows += self._rents(facts, years)
        flows += self._services(facts)
        contract = Contract(
            flows=tuple(flows),
            years=years,
            right_years=facts.term_years,
            beyond="clip",
            title=Title(f"{name} {row['name']}", f"{name} {row['name']}"),
        )
        how: dict[str, Any] = {"rate": terms.rate, "rate_basis": terms.basis}
        how["price_year"] = terms.price_year
        moved = None
        if terms.steps is not None:
            moved = sensitivity(contract, **how, money=terms.money, steps=terms.steps)
        worth = contract.worth(**how, money=terms.money) if moved is None else moved.base
        return Valuation(name, contract.title, facts, worth, moved, self._gaps(facts))

    def _gaps(self, facts: PackageFacts) -> tuple[str, ...]:
        """Return the services whose data do not cover all of a package's land, and how much."""
        rows = self._flows(facts.parcels, None, f"package {facts.id}")
        worst = rows.groupby("service", sort=False)["covered"].min()
        unknown = rows[rows["value"].isna() & (rows["currency"] != "")]["service"]
        short = [f"{s} {c:.1%}" for s, c in worst.items() if c < 1]
        return (*short, *(f"{s} —" for s in dict.fromkeys(unknown) if worst[s] >= 1))

    def _years(self, name: str, row: Any) -> int:
        """Return the whole years of the project that remain on the day of the valuation."""
        gone = max(whole_years(row["start"], self.terms.as_of), 0)
        left = int(row["years"]) - gone
        if left < 1:
            found = f"it began {row['start']} and has {row['years']:g} years"
            raise DataError("the project has ended", f"package {name}", found)
        return left

    def _flow(self, entry: FlowTerms, name: str, facts: PackageFacts) -> Flow:
        terms, more = self.terms, dict(entry.more)
        backed = more.pop("backed_by", None)
        amount = entry.amount
        if entry.sold:
            amount = self._sold(entry, name, facts)
            backed = (entry.sold,) if backed is None else backed
        at = more.pop("at", None)
        about: dict[str, Any] = {"basis": terms.basis, "title": entry.title, "backed_by": backed}
        if at is not None:
            return once(amount, at=at, **about, **more)
        return yearly(amount, timing=terms.timing, **about, **more)

    def _sold(self, entry: FlowTerms, name: str, facts: PackageFacts) -> str:
        """Return the year's sale of a service: its quantity in the flows of the parcels × price."""
        where = f"package {name}, {entry.title.zh}"
        rows = self._flows(facts.parcels, [entry.sold], where)
        problems = Problems()
        own = unit(entry.price.split(maxsplit=1)[-1])
        total = 0.0
        priced = False
        for _, row in rows[rows["unit"] != ""].iterrows():
            due = own * unit(row["unit"])
            wanted = unit(f"{self.terms.money}/yr")
            if due.agrees(wanted):
                price = read_amount(entry.price, own, where, problems)
                total += price * row["quantity"] * float(due.factor_to(wanted))
                priced = True
        if not priced:
            units = ", ".join(sorted(set(rows["unit"])))
            problems.add("the price does not fit the flow", where, f"[{own}], the flow: {units}")
        problems.raise_if_any(DataError)
        return f"{total!r} {self.terms.money}/yr"

    def _rents(self, facts: PackageFacts, years: int) -> list[Flow]:
        """Return the rents of a package's deposits as costs, each year at its own step."""
        terms, problems = self.terms, Problems()
        where = f"{terms.path.name}, rents"
        totals = [0.0] * years
        bought = 0.0
        for row in self._members(facts.id):
            if row["mode"] == "buy_out" and terms.buy_out:
                price = read_amount(terms.buy_out, unit("元/ha"), where, problems)
                bought += price * row["area_ha"]
            if is_missing(row["unit_rent"]):
                continue
            per_ha = float(unit(row["rent_unit"]).factor_to(unit("元/(ha·yr)")))
            first = row["unit_rent"] * per_ha * row["area_ha"]
            rise = 0.0 if is_missing(row["escalation"]) else row["escalation"]
            every = 1 if is_missing(row["escalation_years"]) else int(row["escalation_years"])
            gone = max(whole_years(row["start"], terms.as_of), 0)
            for year in range(years):
                totals[year] += first * (1 + rise) ** ((gone + year) // every)
        if any(totals) and terms.rent_timing is None:
            cure = "say when rents are paid: [rents] timing = 'advance' or 'arrears'"
            problems.add("the timing of the rents is missing", where, cure=cure)
        problems.raise_if_any(DataError)
        flows = []
        if bought:
            cost = f"{-bought!r} 元"
            flows.append(once(cost, at=0, basis=terms.basis, title=_BUY_OUT, backed_by=()))
        return flows + [
            yearly(
                f"{-amount!r} 元/yr",
                timing=terms.rent_timing or "advance",
                basis=terms.basis,
                title=_RENTS,
                first=first_year,
                last=last_year,
                backed_by=(),
            )
            for first_year, last_year, amount in _level(totals)
            if amount
        ]

    def _members(self, package: str) -> list[dict[str, Any]]:
        """Return the deposits of a package with the areas of their parcels."""
        packages = {row["id"]: row for row in self.book.packages.to_dict("records")}
        deposits: dict[str, dict[Any, Any]] = {
            row["id"]: row for row in self.book.deposits.to_dict("records")
        }
        areas = dict(zip(self.book.parcels["id"], self.book.parcels["area_ha"], strict=True))
        parcels = [deposits[name]["parcel_id"] for name in packages[package]["deposits"]]
        unknown = [name for name in parcels if is_missing(areas[name])]
        if unknown:
            found = ", ".join(unknown)[:200]
            raise DataError("the area of parcels is not known", f"package {package}", found)
        return [
            {**deposits[name], "area_ha": float(areas[deposits[name]["parcel_id"]])}
            for name in packages[package]["deposits"]
        ]

    def _services(self, facts: PackageFacts) -> list[Flow]:
        """Return the services of a package's parcels, in money of each year.

        The account's prices are of its price year; where cash flows are nominal the services rise
        with inflation, so that they are discounted at the real rate.
        """
        rows = self._flows(facts.parcels, None, f"package {facts.id}")
        rows = rows[rows["currency"] != ""]
        nominal = self.terms.basis == "nominal"
        flows = []
        for service, group in rows.groupby("service", sort=False):
            years = set(group["price_year"])
            if years != {self.terms.price_year}:
                found = f"the account: {sorted(years)}, the terms: {self.terms.price_year}"
                cure = "compute the account at the price year of the terms"
                raise DataError("the prices are of another year", str(service), found, cure)
            total = float(group["value"].sum(min_count=1))
            if is_missing(total):
                continue  # told by gaps
            amount = total * (1 + self.terms.inflation if nominal else 1.0)
            flows.append(
                yearly(
                    f"{amount!r} {group['currency'].iloc[0]}/yr",
                    timing=self.terms.timing,
                    basis=self.terms.basis,
                    title=self._service_title(str(service)),
                    growth=self.terms.inflation if nominal else 0,
                    service=str(service),
                )
            )
        return flows

    def _service_title(self, service: str) -> Title:
        return self.book.service_titles().get(service, Title(service, service))

    def _flows(
        self, parcels: Sequence[str], services: Sequence[str] | None, where: str
    ) -> pd.DataFrame:
        """Return the flows of parcels in the account of the valuation; refuse what is unknown."""
        flows = self.book.flows()
        key = self.terms.accounts.get("after") or self.terms.accounts.get("before")
        if key:
            flows = flows[flows["account"] == self._account(key)]
        flows = flows[flows["parcel_id"].isin(list(parcels))]
        if services is not None:
            for service in services:
                if service not in set(flows["service"]):
                    cure = nearest(service, set(flows["service"]))
                    raise DataError(f"no flow of {service!r} is known", where, cure=cure)
            flows = flows[flows["service"].isin(list(services))]
        if not len(flows):
            cure = "compute them: gep bank flows, or book.set_flows(parcel_account(...))"
            raise DataError("the parcels have no flows", where, cure=cure)
        accounts = sorted({f"{r.standard} {r.year}" for r in flows.itertuples()})
        if len(accounts) > 1:
            cure = "name one in the terms: [assessment] after = '<title, year or hash>'"
            found = ", ".join(accounts)
            raise DataError("the parcels have flows of several accounts", where, found, cure)
        return flows

    def _account(self, key: str) -> str:
        accounts = self.book.accounts()
        for name, row in accounts.set_index("account").iterrows():
            if key in (name, row["title"], str(row["year"])):
                return str(name)
        cure = nearest(key, [str(t) for t in accounts["title"]])
        if not len(accounts):
            cure = "compute one: gep bank flows BOOK PROJECT"
        raise DataError(f"the book has no account {key!r}", self.terms.path.name, cure=cure)

    # -------------------------------------------------------------------- loans

    @functools.cached_property
    def loans(self) -> dict[str, Loan]:
        """What the cash flow of each package that asks for a loan can carry."""
        found = {}
        for name, given in self.terms.packages.items():
            if given.loan is not None:
                found[name] = self._loan(name, given.loan)
        return found

    def _loan(self, name: str, asked: Mapping[str, Any]) -> Loan:
        valued, terms = self.valuations[name], self.terms
        years = int(asked["years"])
        frame = valued.worth.frame()
        cash = frame[(frame["kind"] == "cash") & (frame["time"] >= 1)]
        by_year = cash.groupby("time")["amount"].sum()
        paid = [max(float(by_year.get(year, 0.0)), 0.0) for year in range(1, years + 1)]
        amounts = [f"{amount!r} {terms.money}/yr" for amount in paid]
        services = frame[(frame["kind"] == "service") & (frame["time"] == 1)]["amount"].sum()
        capacity = loan_capacity(
            [
                CashFlow(
                    title=valued.title,
                    amount=amounts,
                    contract=asked["contract"],
                    first=1,
                    last=years,
                    haircut=asked["haircut"],
                    policy=asked["policy"],
                )
            ],
            collateral=asked["collateral"],
            rate=asked["rate"],
            dscr=asked["dscr"],
            years=years,
            ltv=asked.get("ltv"),
            cash_value=valued.worth.cash_value if asked.get("ltv") is not None else None,
            policy_cap=asked.get("policy_cap"),
            price_year=terms.price_year,
            gep=f"{float(services)!r} {terms.money}/yr" if services else None,
            money=terms.money,
        )
        schedule = None
        if capacity.value:
            schedule = loan_schedule(
                capacity,
                rate=asked["rate"],
                years=years,
                repayment=asked["repayment"],
                cfads=capacity,
                price_year=terms.price_year,
            )
        return Loan(name, capacity, schedule)

    # --------------------------------------------------------------- settlements

    @functools.cached_property
    def settlements(self) -> tuple[Result, ...]:
        """The results of the mechanisms that the terms name, in their order."""
        found: dict[str, Result] = {}
        for number, entry in enumerate(self.terms.mechanisms, start=1):
            key = entry.rule if entry.rule not in found else f"{entry.rule} ({number})"
            result = self._mechanism(entry, found)
            found[key] = replace(result, title=entry.title or result.title)
        return tuple(found.values())

    def _mechanism(self, entry: MechanismTerms, before: Mapping[str, Result]) -> Result:
        where, base = f"{self.terms.path.name}, {entry.rule}", self.terms.path.parent
        given = {name: self._input(v, before, where) for name, v in entry.given.items()}
        asked = rule(entry.rule, base)
        if entry.samples:
            _, rows = read_csv(base / entry.samples)
            return compensation_index(
                pd.DataFrame(rows),
                base=given["base_concentration"],
                below_detection=entry.below_detection,  # type: ignore[arg-type] # checked there
                by=asked,
            )
        return asked(price_year=entry.price_year, members=entry.members, **given)

    def _input(self, value: Any, before: Mapping[str, Result], where: str) -> Any:
        """Return an input: as it is given, or from the book, or the value of a rule before."""
        if value == "unknown":
            return None
        if not isinstance(value, Mapping):
            return value
        if set(value) == {"result"}:
            if value["result"] not in before:
                cure = nearest(value["result"], before)
                raise DataError(f"no result of {value['result']!r} before it", where, cure=cure)
            return before[value["result"]]
        if set(value) in ({"flows"}, {"restriction"}):
            return self._from_book(value, where)
        return {name: self._input(inner, before, where) for name, inner in value.items()}

    def _from_book(self, asked: Mapping[str, Any], where: str) -> str:
        """Return what the book knows: the value of services, or the area under a restriction."""
        parcels = self.book.parcels
        if "flows" in asked:
            rows = self._flows(list(parcels["id"]), asked["flows"], where)
            rows = rows[rows["currency"] != ""]
            total = _sum(rows["value"]) if len(rows) else None
            if total is None:
                short = rows[rows["value"].isna()]["parcel_id"]
                found = f"no value for: {', '.join(dict.fromkeys(short))}"[:200]
                raise DataError("the value of the services is not known for all", where, found)
            return f"{total!r} {rows['currency'].iloc[0]}/yr"
        key = asked["restriction"]
        rows = parcels[[key in names for names in parcels["restrictions"]]]
        if not len(rows):
            raise DataError(f"no parcel is under {key!r}", where)
        area = _sum(rows["area_ha"])
        if area is None:
            found = ", ".join(rows["id"][rows["area_ha"].isna()])[:200]
            raise DataError("the area of parcels is not known", where, found)
        return f"{area!r} ha"

    # -------------------------------------------------------------- distribution

    @functools.cached_property
    def distributions(self) -> dict[str, Distribution]:
        """How the income of a package is shared, by the claims of the terms."""
        return {name: self._shared(name, raw) for name, raw in self.terms.distribution.items()}

    def _shared(self, name: str, raw: Mapping[str, Any]) -> Distribution:
        where = f"{self.terms.path.name}, distribution.{name}"
        try:
            claims = [
                Claim(**{**entry, "payee": Title(**entry["payee"])}) for entry in raw["claims"]
            ]
            return waterfall(
                raw["net"],
                claims,
                payer=Title(**raw["payer"]),
                price_year=self.terms.price_year,
                rest=Title(**raw["rest"]) if "rest" in raw else None,
            )
        except (KeyError, TypeError) as error:
            cure = "it has net, payer, claims (payee, kind, amount, share, units) and rest"
            raise DataError("the distribution is not complete", where, str(error), cure) from None

    @functools.cached_property
    def statements(self) -> dict[str, pd.DataFrame]:
        """What each household gets of a package's income, by its shares; numbers, never names."""
        found = {}
        for name, raw in self.terms.distribution.items():
            if "households" not in raw:
                continue
            asked = raw["households"]
            _, rows = read_csv(self.terms.path.parent / asked["file"])
            kept = {asked["id"]: "id", asked["units"]: "units"}
            holdings = pd.DataFrame(rows)[[*kept, *asked.get("show", {})]].rename(columns=kept)
            holdings["units"] = pd.to_numeric(holdings["units"])
            pot = self.distributions[name].payouts[asked["payee"]]
            found[name] = statements(pot, holdings, basis=Title(**asked["basis"]))
        return found

    def statement_heads(self, name: str) -> list[Title]:
        """Return the titles of the columns of a package's statements."""
        asked = self.terms.distribution[name]["households"]
        share, amount = Title("share (%)", "比例（%）"), Title("amount (CNY)", "金额（元）")
        heads = [Title("number", "编号"), Title(**asked["basis"]), share, amount]
        return heads + [Title(**title) for title in asked.get("show", {}).values()]

    # --------------------------------------------------------------- assessment

    def facts(self) -> dict[str, Fact]:
        """Return the facts for the assessment: what the book counts, and what the terms say."""
        return {**self._counted(), **self.terms.facts}

    def _counted(self) -> dict[str, Fact]:
        parcels, terms = self.book.parcels, self.terms
        day = terms.as_of
        source = f"{_COUNTED.zh} {_COUNTED.en}"

        def area(state: str) -> Fact:
            rows = parcels[[reached(s, state) for s in parcels["state"]]]
            return Fact(_sum(rows["area_ha"]), "ha", source, day)

        deposits = self.book.deposits
        active = set(deposits["parcel_id"][deposits["state"] == "active"])
        held = parcels[parcels["id"].isin(active)]
        running = parcels[(parcels["state"] == "operating") & parcels["id"].isin(active)]
        packages = self.book.packages
        found = {
            "surveyed_area": area("surveyed"),
            "titled_area": area("titled"),
            "deposited_area": Fact(_sum(held["area_ha"]), "ha", source, day),
            "operating_area": Fact(_sum(running["area_ha"]), "ha", source, day),
            "resources": Fact(float(len(parcels)), "1", source, day),
            "products": Fact(float((packages["state"] == "active").sum()), "1", source, day),
        }
        if self.terms.packages:
            total = sum(float(v.worth.cash_value) for v in self.valuations.values())
            about = "评估报告 valuation reports"
            found["package_value"] = Fact(total, terms.money, about, day, "", terms.price_year)
        for name, key in terms.accounts.items():
            found[f"vep_{name}"] = self._vep(key)
        return found

    def _vep(self, key: str) -> Fact:
        account = self._account(key)
        flows = self.book.flows(account)
        flows = flows[flows["currency"] != ""]
        row = next(r for r in self.book.accounts().to_dict("records") if r["account"] == account)
        value = _sum(flows["value"]) if len(flows) else None
        units = f"{flows['currency'].iloc[0]}/yr" if len(flows) else f"{self.terms.money}/yr"
        about = f"{row['title']} ({row['standard']}, {account[:12]})"
        date = dt.date(int(row["year"]), 12, 31)
        return Fact(value, units, about, date, account, int(row["price_year"]))

    @functools.cached_property
    def assessment(self) -> ScoreSheet | None:
        """The bank's score by the sheet of the terms; None where they name none."""
        if not self.terms.sheet:
            return None
        scored_by = sheet(self.terms.sheet, self.terms.path.parent)
        return assess_bank(self.facts(), scored_by, bank=self.book.title)


def _sum(values: pd.Series[float]) -> float | None:
    """Return a sum, or None where a part of it is not known."""
    return float(values.sum()) if values.notna().all() else None


def _level(totals: Sequence[float]) -> list[tuple[int, int, float]]:
    """Return runs of years with one amount: (first year, last year, amount)."""
    runs: list[tuple[int, int, float]] = []
    for year, amount in enumerate(totals, start=1):
        if runs and runs[-1][2] == amount:
            runs[-1] = (runs[-1][0], year, amount)
        else:
            runs.append((year, year, amount))
    return runs
