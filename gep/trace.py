"""Why a number is what it is: the tree from a value down to clause, table row and file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from gep.errors import UsageError, nearest

if TYPE_CHECKING:
    import xarray as xr

#: Coefficient rows shown under one symbol; the rest is counted.
ROWS = 12
#: Sources of statistics shown beside one number.
SOURCES = 3


@dataclass(frozen=True)
class Trace:
    """A number and what it was made of."""

    head: str
    notes: tuple[str, ...] = ()
    children: tuple[Trace, ...] = ()

    def lines(self, before: str = "", *, last: bool = True, top: bool = True) -> Iterator[str]:
        """Iterate over the lines of the tree."""
        mark, space = ("", "") if top else (("└─ ", "   ") if last else ("├─ ", "│  "))
        yield before + mark + self.head
        inner = before + space
        bar = "│  " if self.children else "   "
        for note in self.notes:
            yield f"{inner}{bar}{note}"
        for number, child in enumerate(self.children):
            yield from child.lines(inner, last=number == len(self.children) - 1, top=False)

    def __str__(self) -> str:
        """Return the tree as text."""
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        """Return the tree as text, so that a notebook or shell shows it."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the tree for a notebook."""
        return f"<pre style='line-height:1.35'>{escape(str(self))}</pre>"


def explain(
    dataset: xr.Dataset, provenance: Mapping[str, Any], service: str, zone: str | None
) -> Trace:
    """Return the tree of a service's lines.

    Raises
    ------
    UsageError
        If the account has no such service or zone (with what is missing, if it was not computed).
    """
    services = provenance["services"]
    if service not in services:
        lacks = provenance["not_computed"].get(service)
        found = f"it was not computed; it lacks {', '.join(lacks)}" if lacks else ""
        raise UsageError(
            f"the account has no service {service!r}", found=found, cure=nearest(service, services)
        )
    if zone is not None and zone not in provenance["zones"]:
        raise UsageError(
            f"the account has no zone {zone!r}", cure=nearest(zone, provenance["zones"])
        )
    return _Explainer(dataset, provenance, zone).service(service)


class _Explainer:
    def __init__(
        self, dataset: xr.Dataset, provenance: Mapping[str, Any], zone: str | None
    ) -> None:
        self.dataset = dataset if zone is None else dataset.sel(zone=[zone])
        self.provenance, self.zone = provenance, zone
        self.rules = {**provenance["services"], **provenance["supporting"]}
        self.told: set[tuple[str, str]] = set()
        self.area = self.dataset["area"]

    def service(self, name: str) -> Trace:
        entry = self.rules[name]
        self.area = self.dataset["area"]
        if entry["ecosystems"] is not None:
            self.area = self.area.where(self.dataset["ecosystem"].isin(entry["ecosystems"]), 0.0)
        place = (
            "whole area / 全域"
            if self.zone is None
            else f"{self.zone} {self.provenance['zones'][self.zone]}"
        )
        standard = self.provenance["standard"]
        head = f"{entry['title']['zh']} {entry['title']['en']} · {place}"
        rule = f"rule {entry['file']} sha256 {self._rule_hash(entry['file'])}"
        notes = [
            f"{rule} · {self._cite(entry['cite'])}",
            f"standard {standard['id']} {standard['number']} · rests on: {entry['rests_on']}",
        ]
        if entry["scope"] is not None:
            notes.append(f"accounted in: {', '.join(entry['scope'])}")
        lines = [line["monetary"] or line["physical"] for line in entry["lines"]]
        loose = [ln["physical"] for ln in entry["lines"] if ln["monetary"] and ln["physical"]]
        children = [self.step(name, symbol) for symbol in lines]
        below = {s for symbol in lines for s in self._below(name, symbol)}
        children += [self.step(name, s) for s in loose if (name, s) not in below]
        return Trace(head, tuple(notes), tuple(children))

    def _below(self, service: str, symbol: str) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for use in self.rules[service]["steps"][symbol]["uses"].values():
            if "step" in use:
                found |= {tuple(use["step"]), *self._below(*use["step"])}
        return found

    def _rule_hash(self, file: str) -> str:
        files = self.provenance["standard"]["files"]
        return str(files.get(file, "unknown"))[:16]

    def _cite(self, cite: str) -> str:
        key, _, clause = cite.partition(",")
        source = self.provenance["standard"]["sources"].get(key.strip())
        return f"{source['en']} {clause.strip()}".strip() if source else cite

    # -------------------------------------------------------------------- nodes

    def step(self, service: str, symbol: str) -> Trace:
        entry = self.rules[service]["steps"][symbol]
        title = f"{entry['title']['zh']} {entry['title']['en']}"
        head = f"{symbol} = {self._value(f'{service}.{symbol}')}   {title}"
        if (service, symbol) in self.told:
            return Trace(head, ("explained above",))
        self.told.add((service, symbol))
        if entry["given"]:
            quantity = self.provenance["quantities"][entry["given"]]
            note = f"given by the project instead of computed: {entry['given']}"
            return Trace(head, (note, self._origin(quantity)))
        text = entry["formula"]
        if entry["factor"] != 1:
            text = f"({text}) × {entry['factor']:.10g}"
        notes = [f"{symbol} = {text}   [{entry['unit']}]"]
        clause = self._cite(entry["cite"]) if entry["cite"] != self.rules[service]["cite"] else ""
        notes.append(" · ".join(x for x in (clause, entry["verified"]) if x))
        notes += self._members(f"{service}.{symbol}")
        return Trace(
            head, tuple(notes), tuple(self._use(service, n, u) for n, u in entry["uses"].items())
        )

    def _use(self, service: str, name: str, use: Mapping[str, Any]) -> Trace:
        if "step" in use:
            child = self.step(*use["step"])
            owner, symbol = use["step"]
            if owner == service and symbol == name:
                return child
            return Trace(f"{name} ← {owner}: {child.head}", child.notes, child.children)
        if "coefficient" in use:
            return self._coefficient(service, use["coefficient"])
        quantity = self.provenance["quantities"][use["input"]]
        shown = self._value(quantity["variables"][0])
        title = f"{quantity['title']['zh']} {quantity['title']['en']}"
        notes = [self._origin(quantity), *self._members(quantity["variables"][0])]
        return Trace(f"{name} = {shown}   {title}", tuple(notes))

    def _coefficient(self, service: str, symbol: str) -> Trace:
        entry = self.rules[service]["coefficients"][symbol]
        rows = list(entry["rows"].items())
        title = f"{entry['title']['zh']} {entry['title']['en']}"
        where = f"{entry['file']} {entry['column']}"
        digest = self.provenance["standard"]["files"].get("coefficients/" + entry["file"], "")[:16]
        if digest:
            where += f" sha256 {digest}"
        if len(rows) == 1 and not rows[0][0]:
            row = rows[0][1]
            head = f"{symbol} = {_shown(row['value'], entry['unit'])}   {title}"
            return Trace(head, (where, self._row(row)))
        here = {label: row for label, row in rows if self._occurs(label)}
        sources = dict.fromkeys(row["source"] for row in here.values())
        groups: dict[str, list[str]] = {}
        for label, row in here.items():
            about = f"{_shown(row['value'], entry['unit'])} ({self._place(row)}; {row['verified']}"
            about += ")" if len(sources) == 1 else f"; {row['source']})"
            groups.setdefault(about, []).append(label or symbol)
        shown = [f"{', '.join(labels)}: {about}" for about, labels in groups.items()]
        more = [f"... and {len(shown) - ROWS} more rows"] if len(shown) > ROWS else []
        common = list(sources) if len(sources) == 1 else []
        head = f"{symbol} by class   {title}"
        return Trace(head, (where, *common, *shown[:ROWS], *more))

    def _occurs(self, label: str) -> bool:
        """Say whether a row's class occurs in the zone (rows of other axes always do)."""
        first = label.split(",", maxsplit=1)[0]
        names = set(map(str, self.dataset["ecosystem"].to_numpy()))
        if first not in names:
            return first not in self.provenance.get("classes", ())
        return float(self.area.sel(ecosystem=first).sum()) > 0

    def _row(self, row: Mapping[str, Any]) -> str:
        return f"{self._place(row)}; {row['source']}; {row['verified']}"

    def _place(self, row: Mapping[str, Any]) -> str:
        number = row["table_value"].removesuffix(" 1")
        text = f"row {row['row']}: {number}" if row["row"] else number
        if row.get("index_factor", 1.0) != 1.0:
            text += f" at prices of {row['price_year']} × index {row['index_factor']:.6g}"
            text += f" ({row['index']}, {row['index_verified']})"
        elif "price_year" in row:
            text += f" at prices of {row['price_year']}"
        return text

    # ------------------------------------------------------------------ numbers

    def _value(self, name: str) -> str:
        """Return total (and mean rate) of a variable over the zone or the whole area."""
        if name not in self.dataset:
            return "not in the account"
        variable = self.dataset[name]
        attrs = variable.attrs
        axis = [d for d in variable.dims if d not in ("zone", "ecosystem")]
        over = [d for d in variable.dims if d in ("zone", "ecosystem")]
        if attrs.get("form") == "mean":
            return f"{self._mean(variable, axis)} {attrs['units']} on average"
        total = variable.sum([*over, *axis] if axis and self._adds_up(attrs) else over, min_count=1)
        text = _numbers(total, attrs["units"])
        if "rate_units" in attrs and "ecosystem" in variable.dims:
            area = self._covered_area(name)
            summed = variable.sum(over, min_count=1)
            if area > 0:
                rate = summed / attrs["rate_factor"] / area
                text = f"{text} ({_numbers(rate, attrs['rate_units'])} on average)"
                if attrs.get("role") == "step":
                    text = f"{_numbers(rate, attrs['rate_units'])} on average"
        return text

    def _adds_up(self, attrs: Mapping[str, Any]) -> bool:
        return attrs.get("role") in ("physical", "monetary")

    def _covered_area(self, name: str) -> float:
        covered = self.dataset.get(f"{name}.covered")
        area = self.area
        known = area if covered is None else area * covered.fillna(0.0)
        values = self.dataset[name]
        there = values.notnull()
        extra = [d for d in there.dims if d not in ("zone", "ecosystem")]
        there = there.any(extra) if extra else there
        return float(known.where(there, 0.0).sum())

    def _mean(self, variable: xr.DataArray, axis: list[Any]) -> str:
        area = self.area
        if "ecosystem" in variable.dims:
            weight = area.where(variable.notnull().any(axis) if axis else variable.notnull(), 0.0)
            mean = (variable.fillna(0.0) * weight).sum(["zone", "ecosystem"]) / weight.sum()
        else:
            weight = self.dataset["area"].sum("ecosystem")
            mean = (variable * weight).sum("zone") / weight.sum()
        return _numbers(mean, "")

    def _members(self, name: str) -> list[str]:
        """Return a line per member of an axis, at most twelve."""
        if name not in self.dataset:
            return []
        variable = self.dataset[name]
        axis = [d for d in variable.dims if d not in ("zone", "ecosystem")]
        if not axis or variable.attrs.get("form") == "mean":
            return []
        sums = variable.sum([d for d in variable.dims if d not in axis], min_count=1)
        units = variable.attrs["units"]
        area = self._covered_area(name) if "ecosystem" in variable.dims else float(self.area.sum())
        if variable.attrs.get("role") == "step" and "rate_units" in variable.attrs and area > 0:
            # what is neither counted nor a total, such as a price: its mean, not its sum over area
            sums = sums / variable.attrs["rate_factor"] / area
            units = variable.attrs["rate_units"]
        members = sums[axis[0]].to_numpy()
        lines = [
            f"{m}: {_numbers(v, units)}" for m, v in zip(members, sums.to_numpy(), strict=True)
        ]
        return lines[:ROWS] + ([f"... and {len(lines) - ROWS} more"] if len(lines) > ROWS else [])

    def _origin(self, quantity: Mapping[str, Any]) -> str:
        origin = quantity["origin"]
        kind = origin.get("kind", "")
        parts = [kind]
        names = [origin["file"]] if "file" in origin else list(origin.get("files", []))
        for name in names:
            digest = self.provenance["inputs"].get(name, "")
            parts.append(f"{name} sha256 {digest[:16]}" if digest else str(name))
        told = ("kind", "file", "files", "value", "source", "verified")
        extra = {k: v for k, v in origin.items() if k not in told}
        parts += [f"{k} {v}" for k, v in extra.items() if v]
        if kind == "number":
            parts.append(f"{origin['value']:g} {quantity['unit']}")
        parts += [self._told(origin.get(key)) for key in ("source", "verified")]
        return " · ".join(str(p) for p in parts if p) + f" · declared in {quantity['where']}"

    def _told(self, rows: Any) -> str:
        """Return what the rows of a table say (of the zone, or all), each text once."""
        if not isinstance(rows, dict):
            return str(rows or "")
        here = {k: v for k, v in rows.items() if self.zone is None or self.zone in k.split(" ")}
        texts = list(dict.fromkeys((here or rows).values()))
        more = f" and {len(texts) - SOURCES} more" if len(texts) > SOURCES else ""
        return "; ".join(texts[:SOURCES]) + more


def _shown(value: float, units: str) -> str:
    """Return a coefficient with its unit; a pure number needs none."""
    return f"{value:.10g}" if units == "1" else f"{value:.10g} {units}"


def _numbers(values: Any, units: str) -> str:
    flat = np.ravel(np.asarray(values, dtype=float))
    text = f"{flat[0]:,.6g}" if flat.size == 1 else f"{flat.min():,.6g} to {flat.max():,.6g}"
    return text if units in ("", "1") else f"{text} {units}"
