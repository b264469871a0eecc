"""Several standards over the same data: side by side, and exactly why they differ.

The difference of two totals is taken apart into four parts that add up to it: *catalogue* (services
that only one of the two counts), *method* (formulas and where they apply), *coefficients* and
*prices*. For a service that both count, the last three are Shapley values: each rule is also
computed with the other's coefficients, the other's prices and both, and a part is the mean of
what its exchange does, over all orders. Nothing is left over, and no order is preferred.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from gep import formula, library, plot
from gep.account import Account, Project, build_account
from gep.difference import column_of, service_differences
from gep.errors import DataError, Problems, UsageError
from gep.files import whole_folder
from gep.formula import Node, Num, Sym
from gep.library import Standard
from gep.passes import BLOCK, Progress
from gep.plan import CoefficientLeaf, LeafNumbers, Plan, ZoneTotalLeaf, make_plan
from gep.project import ProjectReader, refuse_outline
from gep.report.compared import comparison_text, write_comparison
from gep.sums import ClassSums, make_sums_together
from gep.tables import Entry, Table, read_toml, texts
from gep.units import unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The parts of a difference, in the order in which they are shown.
PARTS = ("catalogue", "method", "coefficients", "prices")
#: The parts that can be exchanged one by one between two rules of one service.
_EXCHANGED = PARTS[1:]
_COMPUTED, _LACKING, _ABSENT = "computed", "not computed", "not in the catalogue"


# ------------------------------------------------------------------------------ side by side


@dataclass(frozen=True)
class Comparison:
    """Accounts of one place under several standards, and why they differ.

    Attributes
    ----------
    reference
        The id of the standard with which the others are compared.
    accounts
        standard id -> :class:`~gep.account.Account`.
    table
        A row per standard and service: titles, kind, ``state`` (computed, not computed, not in
        the catalogue), value, how well it was checked, and what it lacks.
    quantities
        A row per standard, service and physical line: the quantity of the whole area, with its
        unit.
    decomposition
        A row per standard other than the reference and per service: ``difference`` of its value
        from the reference's, and the parts ``catalogue + method + coefficients + prices`` that
        add up to it.
    differences
        The rules' differences behind it: standard, service, part, name, reference, other.
    """

    reference: str
    accounts: Mapping[str, Account]
    table: pd.DataFrame
    quantities: pd.DataFrame
    decomposition: pd.DataFrame
    differences: pd.DataFrame
    titles: Mapping[str, Any] = field(repr=False)
    currency: str = "CNY"

    def total(self) -> pd.DataFrame:
        """Return GEP by standard, and the parts of its difference from the reference."""
        values = self.table.groupby("standard", sort=False)["value"].sum(min_count=1)
        parts = self.decomposition.groupby("standard", sort=False)[["difference", *PARTS]].sum()
        result = values.to_frame().join(parts)
        checked = {name: account.rests_on() for name, account in self.accounts.items()}
        for level in ("full_text", "secondary", "recalled"):
            result[level] = [float(checked[name].get(level, 0.0)) for name in result.index]
        return result.reset_index()

    def text(self, lang: str = "zh") -> str:
        """Return the comparison as text, in ``zh`` or ``en``."""
        return comparison_text(self, lang)

    def __repr__(self) -> str:
        """Return the comparison as text, so that a notebook or shell shows it."""
        return self.text()

    def plot(self, lang: str = "zh") -> Figure:
        """Return a chart of the services' values under every standard (needs matplotlib)."""
        computed = self.table[self.table["state"] == _COMPUTED]
        return plot.compared(computed, lang, currency=self.currency)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the tables as CSV and Excel, text and charts in both languages, whole or not.

        Charts are drawn where matplotlib is installed.

        Raises
        ------
        UsageError
            If the folder exists and ``overwrite`` is false.
        """
        frames = {
            "compared": self.table,
            "total": self.total(),
            "quantities": self.quantities,
            "decomposition": self.decomposition,
            "differences": self.differences,
        }
        drawn = plot.can_draw() and self.table["value"].notna().any()
        with whole_folder(Path(folder), overwrite=overwrite) as out:
            for name, frame in frames.items():
                frame.to_csv(
                    out / f"{name}.csv", index=False, encoding="utf-8-sig", lineterminator="\n"
                )
            write_comparison(out / "compared.xlsx", self)
            for lang in ("zh", "en"):
                (out / f"compared.{lang}.txt").write_text(self.text(lang), encoding="utf-8")
                if drawn:
                    self.plot(lang).savefig(out / f"compared.{lang}.png", dpi=120)
        return Path(folder)


def compare(
    project: str | Path | Project,
    standards: Sequence[str | Path],
    *,
    block: int = BLOCK,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compute the accounts of a project under several standards, in one pass over its rasters.

    Parameters
    ----------
    project
        A project, or the path of its file. It gives the data; the standard that it names is
        compared only if it is in the list. Coefficients of the project apply where a standard
        uses that table.
    standards
        Ids or folders of standards, ``+variant`` where wanted. The first is the reference.
    block, workers, progress
        As in :meth:`gep.Project.run`.

    Raises
    ------
    UsageError
        If fewer than two standards are named, or one twice.
    DataError
        With all problems that the data shows, under any of the standards.

    Examples
    --------
    >>> found = compare("county.toml", list(library.standards()))   # doctest: +SKIP
    >>> found.total()                                                    # doctest: +SKIP
    """
    if isinstance(project, Project):
        source = _Source(project.base, project.data.where, project.tables)
    else:
        path = Path(project)
        source = _Source(path.resolve().parent, path.name, read_toml(path, DataError))
    stds = [library.standard(name, source.base) for name in standards]
    ids = [std.id for std in stds]
    if len(stds) < 2:  # noqa: PLR2004
        raise UsageError("a comparison needs two standards", cure="name one more")
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise UsageError(f"{twice} is named twice", cure="name every standard once")
    plans = _plans(source, stds)
    return _Comparer(plans, progress).run(block, workers)


@dataclass(frozen=True)
class _Source:
    """A project as it is written."""

    base: Path
    where: str
    tables: Mapping[str, Any]

    def own(self) -> Standard:
        """Load the standard that the project names."""
        if "standard" not in self.tables:
            raise DataError("key 'standard' is missing", self.where)
        return library.standard(str(self.tables["standard"]), self.base)

    def listed(self) -> list[Standard]:
        """Load the standards with which the project says it is compared."""
        names = texts(self.tables.get("compare_with", []), self.where, Problems())
        return [library.standard(name, self.base) for name in names]


def _plans(source: _Source, stds: Sequence[Standard]) -> list[Plan]:
    """Return the plan of every standard over the project's data."""
    problems = Problems()
    plans: dict[str, Plan] = {}
    own, listed = source.own(), source.listed()
    for group in _of_one_classification(stds):
        others = [std for std in (own, *listed) if _classes_of(std) == _classes_of(group[0])]
        known = {std.id: std for std in (*others, *group)}
        everything = library.together(list(known.values()))
        reading = replace(everything, status="")  # who compares means the old one too
        tables = {k: v for k, v in source.tables.items() if k != "outputs"}
        data = ProjectReader(source.base, source.where).read(tables, reading)
        for std in group:
            try:
                refuse_outline(std, source.where)
                plans[std.id] = make_plan(data.under(std, own))
            except DataError as error:
                for p in error.problems:
                    problems.add(p.what, f"{std.id}: {p.where}", p.found, p.cure)
    problems.raise_if_any(DataError)
    unused = set.intersection(*({str(w) for w in plan.warnings} for plan in plans.values()))
    for plan in plans.values():  # what one of the standards uses is not unused
        plan.warnings = tuple(w for w in plan.warnings if str(w) in unused)
    return [plans[std.id] for std in stds]


def _of_one_classification(stds: Sequence[Standard]) -> list[list[Standard]]:
    groups: dict[tuple[str, ...], list[Standard]] = {}
    for std in stds:
        groups.setdefault(_classes_of(std), []).append(std)
    return list(groups.values())


def _classes_of(std: Standard) -> tuple[str, ...]:
    return (std.classification, *std.classes)


# --------------------------------------------------------------------------- the computation


@dataclass(frozen=True)
class _Pair:
    """A service under two standards, and what of it can be exchanged."""

    service: str
    parts: frozenset[str]  # of method, coefficients, prices: what differs
    first: Mapping[str, str]  # coefficient leaf -> the other's leaf
    second: Mapping[str, str]


class _Comparer:
    def __init__(self, plans: Sequence[Plan], progress: Progress | None) -> None:
        self.plans, self.progress = list(plans), progress
        self.stds = [plan.project.standard for plan in plans]
        self.numbers = [LeafNumbers(plan, Problems()) for plan in plans]

    def run(self, block: int, workers: int | None) -> Comparison:
        pairs: dict[int, dict[str, _Pair]] = {}
        mixed: dict[tuple[int, str, frozenset[str]], int] = {}  # (other, whose formulas, exchanged)
        plans = list(self.plans)
        for other in range(1, len(self.plans)):
            pairs[other] = {s: self._pair(s, other) for s in self._common(other)}
            wanted = [p for p in pairs[other].values() if len(p.parts) > 1]
            for side, exchanged in _mixtures() if wanted else ():
                mixed[other, side, exchanged] = len(plans)
                plans.append(self._mixed(other, side, exchanged, wanted))
        sums = make_sums_together(plans, block, workers, self.progress)
        accounts = {
            std.id: build_account(found) for std, found in zip(self.stds, sums, strict=False)
        }
        rows = []
        for other in range(1, len(self.plans)):
            at = {k[1:]: sums[n] for k, n in mixed.items() if k[0] == other}
            rows += self._decomposed(other, pairs[other], sums, at)
        columns = ["standard", "service", "difference", *PARTS]
        return Comparison(
            self.stds[0].id,
            accounts,
            self._table(accounts),
            self._quantities(accounts),
            pd.DataFrame(rows, columns=columns),
            self._differences(pairs),
            {std.id: std.full_title for std in self.stds},
            self._currency(accounts),
        )

    def _currency(self, accounts: Mapping[str, Account]) -> str:
        found = {str(c) for a in accounts.values() for c in a.table["currency"] if c}
        if len(found) > 1:
            cure = "leave the standard with the other currency out"
            raise UsageError(
                "values in several currencies cannot be compared", "", str(found), cure
            )
        return next(iter(found), "")

    # ------------------------------------------------------------------- pairs

    def _common(self, other: int) -> list[str]:
        """Return the services that both count in money, of one kind of unit."""
        found = []
        for name in self.plans[0].services:
            if name in self.plans[other].services:
                units = [
                    self._money_unit(plan, name) for plan in (self.plans[0], self.plans[other])
                ]
                if all(units) and units[0] == units[1]:
                    found.append(name)
        return found

    def _money_unit(self, plan: Plan, service: str) -> str:
        for symbol in _money(plan, service):
            own = plan.targets[service, symbol].unit
            for text in (f"{own.currency}/yr", f"{own.currency}"):
                if unit(text).agrees(own):
                    return text
        return ""

    def _pair(self, service: str, other: int) -> _Pair:
        """Find what differs between the rules of a service."""
        plans = (self.plans[0], self.plans[other])
        leaves = [_coefficients(plan, service) for plan in plans]
        keyed = [
            {(leaf.service, *column_of(leaf.coefficient)): name for name, leaf in found.items()}
            for found in leaves
        ]
        loose = [{key[1:]: name for key, name in found.items()} for found in keyed]
        matches: list[dict[str, str]] = []
        for own, its in ((0, 1), (1, 0)):
            match = {}
            for key, name in keyed[own].items():
                counterpart = keyed[its].get(key) or loose[its].get(key[1:])
                if counterpart and _alike(leaves[own][name], leaves[its][counterpart]):
                    match[name] = counterpart
            matches.append(match)
        parts = set()
        if _signature(plans[0], service) != _signature(plans[1], service):
            parts.add("method")
        for name, counterpart in matches[0].items():
            coefficient = leaves[0][name].coefficient
            if not self._equal(name, 0, counterpart, other):
                parts.add("prices" if coefficient.unit.currency else "coefficients")
        return _Pair(service, frozenset(parts), *matches)

    def _equal(self, name: str, own: int, counterpart: str, other: int) -> bool:
        """Say whether two coefficients are the same numbers, in the first one's unit."""
        arrays, units = [], []
        for at, leaf in ((own, name), (other, counterpart)):
            arrays.append(self.numbers[at].array(leaf, self.plans[at].members_of(leaf)))
            units.append(cast("CoefficientLeaf", self.plans[at].leaves[leaf]).coefficient.unit)
        theirs = arrays[1] * float(units[1].factor_to(units[0]))
        if arrays[0].shape != theirs.shape:
            return False
        return bool(np.allclose(arrays[0], theirs, rtol=1e-12, atol=0, equal_nan=True))

    # ------------------------------------------------------------------ mixtures

    def _mixed(
        self, other: int, side: str, exchanged: frozenset[str], wanted: Iterable[_Pair]
    ) -> Plan:
        """Return a plan: the formulas of one standard with some numbers of the other."""
        own, its = (0, other) if side == "first" else (other, 0)
        plan, project = self.plans[own], self.plans[own].project
        std = project.standard
        services, tables = dict(std.services), dict(std.tables)
        for pair in wanted:
            for name, counterpart in getattr(pair, side).items():
                leaf = cast("CoefficientLeaf", plan.leaves[name])
                part = "prices" if leaf.coefficient.unit.currency else "coefficients"
                if part not in exchanged:
                    continue
                mixture = f"{leaf.service}|{leaf.coefficient.symbol}"
                tables[mixture] = self._mixed_table(mixture, own, name, its, counterpart)
                service = services[leaf.service]
                changed = replace(leaf.coefficient, table=mixture)
                coefficients = {**service.coefficients, changed.symbol: changed}
                services[leaf.service] = replace(service, coefficients=coefficients)
        mixed = replace(std, services=services, tables=tables)
        names = tuple(pair.service for pair in wanted)
        return make_plan(replace(project, standard=mixed, services=names))

    def _mixed_table(self, label: str, own: int, name: str, its: int, counterpart: str) -> Table:
        """Return the other standard's numbers of a coefficient, our own where it has none."""
        leaf = cast("CoefficientLeaf", self.plans[own].leaves[name])
        theirs = cast("CoefficientLeaf", self.plans[its].leaves[counterpart])
        table = self.stds[own].tables[leaf.coefficient.table]
        column = leaf.coefficient.column
        shape = "list" if table.shape == "list" else "rectangle"
        classes: tuple[str | None, ...] = (None,)
        if "ecosystem" in table.key and shape == "rectangle":
            classes = tuple(self.stds[own].classes)
        axis = leaf.coefficient.axis
        items: tuple[str | None, ...] = (None,)
        if axis:
            at = table.key.index(axis)
            items = tuple(dict.fromkeys(key[at] for key in table.entries[column]))
        entries: dict[tuple[str, ...], Entry] = {}
        for ecosystem, item in itertools.product(classes, items):
            entry = self.numbers[its].entry(theirs.coefficient, ecosystem, item)[0]
            entry = entry or self.numbers[own].entry(leaf.coefficient, ecosystem, item)[0]
            if entry is not None:
                row = () if shape == "list" else table.key
                key = tuple(str(ecosystem if k == "ecosystem" else item) for k in row)
                entries[key] = entry
        dated = {column: tuple(entries.values())} if shape == "list" else {}
        return replace(
            table,
            name=label,
            shape=shape,
            columns={column: table.columns[column]},
            entries={column: entries},
            dated=dated,
        )

    # ------------------------------------------------------------- decomposition

    def _decomposed(
        self,
        other: int,
        pairs: Mapping[str, _Pair],
        sums: Sequence[ClassSums],
        mixed: Mapping[tuple[str, frozenset[str]], ClassSums],
    ) -> list[dict[str, Any]]:
        """Return a row per service with the parts of its difference."""
        first, second = sums[0], sums[other]
        rows = []
        for name in dict.fromkeys([*self.plans[0].services, *self.plans[other].services]):
            values = [self._worth(found, name) for found in (first, second)]
            known = [v for v in values if v is not None]
            if not known:
                continue
            parts = dict.fromkeys(PARTS, 0.0)
            pair = pairs.get(name)
            if pair is None or len(known) == 1:
                parts["catalogue"] = (values[1] or 0.0) - (values[0] or 0.0)
            else:
                parts |= self._shapley(pair, cast("list[float]", values), mixed)
            difference = math.fsum(parts.values())
            std = self.stds[other].id
            rows.append({"standard": std, "service": name, "difference": difference, **parts})
        return rows

    def _shapley(
        self,
        pair: _Pair,
        values: Sequence[float],
        mixed: Mapping[tuple[str, frozenset[str]], ClassSums],
    ) -> dict[str, float]:
        """Return what each exchanged part contributes, the mean over all orders."""
        changed = [part for part in _EXCHANGED if part in pair.parts]
        if len(changed) <= 1:
            part = changed[0] if changed else "method"
            return {part: values[1] - values[0]}

        def worth(exchanged: frozenset[str]) -> float:
            numbers = exchanged - {"method"}
            if "method" not in exchanged:
                if not numbers:
                    return values[0]
                found = mixed["first", numbers]
            else:
                back = frozenset(_EXCHANGED[1:]) - numbers  # what stays as the reference has it
                if not back:
                    return values[1]
                found = mixed["second", back]
            return self._worth(found, pair.service) or 0.0

        orders = list(itertools.permutations(changed))
        unchanged = frozenset(_EXCHANGED) - pair.parts  # exchanging it changes nothing
        parts = dict.fromkeys(changed, 0.0)
        for order in orders:
            done: frozenset[str] = frozenset()
            before = values[0]
            for part in order:
                done |= {part}
                after = values[1] if len(done) == len(changed) else worth(done | unchanged)
                parts[part] += (after - before) / len(orders)
                before = after
        return parts

    def _worth(self, sums: ClassSums, service: str) -> float | None:
        """Return the value of a service in the whole area, or None where nothing is known."""
        total: list[float] = []
        for symbol in _money(sums.plan, service):
            value = sums.values[service, symbol].total
            own = sums.plan.targets[service, symbol].unit
            wanted = unit(self._money_unit(sums.plan, service))
            factor = float(own.factor_to(wanted))
            total += (value[np.isfinite(value)] * factor).tolist()
        return math.fsum(total) if total else None

    # ------------------------------------------------------------------- tables

    def _table(self, accounts: Mapping[str, Account]) -> pd.DataFrame:
        names = dict.fromkeys(name for std in self.stds for name in std.catalogue)
        rows = []
        for std in self.stds:
            account = accounts[std.id]
            totals = account.total("service").set_index("service")
            for name in names:
                owner = next(s for s in (std, *self.stds) if name in s.catalogue)
                state, reason = _ABSENT, ""
                if name in account.provenance["services"]:
                    state = _COMPUTED
                elif name in std.catalogue:
                    state, reason = _LACKING, ", ".join(account.not_computed.get(name, ()))
                entry = account.provenance["services"].get(name, {})
                known = name in totals.index
                rows.append(
                    {
                        "standard": std.id,
                        "standard_title_en": std.full_title.en,
                        "standard_title_zh": std.full_title.zh,
                        "service": name,
                        "title_en": owner[name].title.en,
                        "title_zh": owner[name].title.zh,
                        "kind": owner[name].kind,
                        "state": state,
                        "value": float(totals["value"][name]) if known else np.nan,
                        "covered": float(totals["covered"][name]) if known else np.nan,
                        "rests_on": entry.get("rests_on", ""),
                        "lacks": reason,
                    }
                )
        return pd.DataFrame(rows)

    def _quantities(self, accounts: Mapping[str, Account]) -> pd.DataFrame:
        columns = ["standard", "service", "indicator", "title_en", "title_zh", "quantity", "unit"]
        rows = []
        for std, account in accounts.items():
            for name, entry in account.provenance["services"].items():
                for line in entry["lines"]:
                    if line["physical"] is None:
                        continue
                    array = account.dataset[f"{name}.{line['physical']}"]
                    over = [d for d in array.dims if d in ("zone", "ecosystem")]
                    total = array.sum(over, min_count=1)
                    title = entry["steps"][line["physical"]]["title"]
                    axis = next(iter(total.dims), None)
                    members = [None] if axis is None else total[axis].to_numpy().tolist()
                    for member, number in zip(members, np.ravel(total), strict=True):
                        label = line["physical"] + (f"[{member}]" if member else "")
                        row = (std, name, label, title["en"], title["zh"], float(number))
                        rows.append((*row, str(array.attrs["units"])))
        return pd.DataFrame(rows, columns=columns)

    def _differences(self, pairs: Mapping[int, Mapping[str, _Pair]]) -> pd.DataFrame:
        """Return what differs in the rules of the services that both standards count."""
        columns = ["standard", "service", "part", "name", "reference", "other"]
        rows = []
        for other, found in pairs.items():
            a, b = self.stds[0], self.stds[other]
            for service, pair in found.items():
                for rule in [service, *self._behind(service, other)] if pair.parts else ():
                    label = "" if rule == service else f"{rule}: "
                    rows += [
                        (b.id, service, d.part, f"{label}{d.name}", d.first, d.second)
                        for d in service_differences(a, b, rule)
                        if "method" in pair.parts or d.part in ("coefficient", "price")
                    ]
        return pd.DataFrame(rows, columns=columns)

    def _behind(self, service: str, other: int) -> list[str]:
        """Return the supporting rules that both standards have and a service uses."""
        found: dict[str, None] = {}
        for plan in (self.plans[0], self.plans[other]):
            for leaf in _coefficients(plan, service).values():
                found[leaf.service] = None
            queue = [service]
            while queue:
                for entry in plan.project.standard[queue.pop()].inputs.values():
                    if entry.quantity.name in plan.project.sources:
                        continue
                    provider = plan.project.standard.provider(entry.quantity.name)
                    if provider and provider.service not in found:
                        found[provider.service] = None
                        queue.append(provider.service)
        a, b = self.stds[0], self.stds[other]
        return [name for name in found if name != service and name in a and name in b]


def _mixtures() -> Iterable[tuple[str, frozenset[str]]]:
    """Yield whose formulas are computed with which numbers of the other standard."""
    numbers = _EXCHANGED[1:]
    for side in ("first", "second"):
        for size in range(1, len(numbers) + 1):
            for exchanged in itertools.combinations(numbers, size):
                yield side, frozenset(exchanged)


def _money(plan: Plan, service: str) -> list[str]:
    """Return the steps of a service whose sum is its value."""
    if service not in plan.services:
        return []
    lines = plan.project.standard[service].lines
    return [line.monetary for line in lines if line.monetary]


def _coefficients(plan: Plan, service: str) -> dict[str, CoefficientLeaf]:
    """Return the coefficient leaves behind the value of a service."""
    found: dict[str, CoefficientLeaf] = {}
    queue = [plan.targets[service, symbol].resolved.tree for symbol in _money(plan, service)]
    while queue:
        for name in formula.symbols(queue.pop()):
            leaf = plan.leaves[name]
            if isinstance(leaf, CoefficientLeaf):
                found[name] = leaf
            elif isinstance(leaf, ZoneTotalLeaf):
                queue.append(leaf.resolved.tree)
    return found


def _alike(one: CoefficientLeaf, other: CoefficientLeaf) -> bool:
    """Say whether two coefficients can stand for each other."""
    a, b = one.coefficient, other.coefficient
    return a.unit.agrees(b.unit) and set(a.by) == set(b.by)


def _signature(plan: Plan, service: str) -> tuple[Any, ...]:
    """Return what the value of a service is computed by, without the numbers of coefficients."""
    std = plan.project.standard

    def seen(node: Node) -> tuple[Any, ...]:
        if isinstance(node, Num):
            return ("number", node.value)
        if not isinstance(node, Sym):
            name = getattr(node, "op", "") or getattr(node, "name", "")
            keys = tuple(k for k, _ in getattr(node, "keywords", ()))
            return (type(node).__name__, name, keys, *map(seen, node.children))
        leaf = plan.leaves[node.name]
        if isinstance(leaf, CoefficientLeaf):
            return ("coefficient", *column_of(leaf.coefficient), str(leaf.coefficient.unit))
        if isinstance(leaf, ZoneTotalLeaf):
            return ("zone total", scope(leaf.service), seen(leaf.resolved.tree))
        return ("input", node.name)

    def scope(name: str) -> tuple[str, ...] | None:
        rule = std[name]
        if rule.ecosystems is None:
            return None
        return tuple(c for c in std.classes if std.in_scope(rule, c))

    found = []
    for symbol in _money(plan, service):
        target = plan.targets[service, symbol]
        found.append((seen(target.resolved.tree), target.factor, str(target.unit)))
    return (scope(service), *sorted(found, key=repr))
