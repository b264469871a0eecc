"""Services, standards and functions as plain text, for a terminal."""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from gep import formula, kernel, render
from gep.errors import UsageError, nearest
from gep.formula import Bin, Call, Neg, Node, Sym
from gep.functions import FUNCTIONS
from gep.library import Standard
from gep.model import KINDS, MECHANISM, Example, Service, Step
from gep.report.words import LABELS, axis_title, formula_words
from gep.units import Signature, convert


def service_text(standard: Standard, service: Service, lang: str = "en") -> str:
    """Return a service as plain text: what it needs, its formulas, coefficients and examples.

    Parameters
    ----------
    standard
        The standard that the service belongs to.
    service
        The service.
    lang
        ``en`` or ``zh``.
    """
    return _ServiceText(standard, service, lang).write()


class _ServiceText:
    def __init__(self, standard: Standard, service: Service, lang: str) -> None:
        self.standard, self.service, self.lang = standard, service, lang
        self.env = render.environment(service)

    def word(self, key: str) -> str:
        return LABELS[key][self.lang]

    def write(self) -> str:
        service = self.service
        other = "zh" if self.lang == "en" else "en"
        key, _, clause = service.cite.partition(",")
        source = self.standard.sources.get(key.strip())
        cited = f"{source[self.lang]} {clause.strip()}".strip() if source else service.cite
        lines = [
            f"{service.title[self.lang]}  {service.title[other]}",
            f"{self.standard.id}/{service.id} · {self.word(f'{service.kind}_one')}",
            f"{self.word('cited')}: {cited}",
            f"{self.word('verified')}: {self.word(f'{service.verified}_long')}",
        ]
        if service.ecosystems is not None:
            names = [self.standard.classes[name].title[self.lang] for name in service.ecosystems]
            lines.append(f"{self.word('ecosystems')}: {', '.join(names)}")
        if service.note is not None:
            lines.append(f"{self.word('note')}: {service.note[self.lang]}")
        for title, block in (
            ("calculation", self._steps()),
            ("inputs", self._inputs()),
            ("coefficients", self._coefficients()),
            ("account", self._account()),
            ("separable", self._separable()),
            ("answer", self._answer()),
            ("payments", self._payments()),
            ("checks", self._checks()),
            ("examples", self._examples()),
        ):
            if block:
                lines += ["", self.word(title), *(f"  {line}" for line in block)]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _steps(self) -> list[str]:
        lines: list[str] = []
        for step in self.service.steps.values():
            lines += [*([""] if lines else []), *self._step(step)]
        return lines

    def _step(self, step: Step) -> list[str]:
        words = formula_words(self.lang)
        shown = render.text(step.checked.text, symbol=step.symbol, env=self.env, words=words)
        lines = [f"{shown}   [{render.unit_text(step.unit)}]", f"  {step.title[self.lang]}"]
        found = render.conversion(step)
        if found is not None:
            derived, declared = render.unit_text(found.derived), render.unit_text(found.declared)
            factor = render.number_text(found.factor)
            lines.append(f"  {self.word('formula_gives')} [{derived}], × {factor} → [{declared}]")
        if step.empirical:
            named = ", ".join(f"{k} [{render.unit_text(u)}]" for k, u in step.empirical.items())
            lines.append(f"  {self.word('empirical')}: {named}")
        if step.printed is not None:
            printed = render.text(step.printed.formula, env=self.env, words=words)
            gives = f"[{render.unit_text(step.printed.gives)}]"
            lines.append(f"  {self.word('printed')}: {printed}   {gives}")
            for name, local in step.printed.where.items():
                lines.append(f"    {self.word('where')} {render.text(local, symbol=name)}")
        if step.verified != self.service.verified:
            lines.append(f"  {self.word('verified')}: {self.word(f'{step.verified}_long')}")
        if step.cite != self.service.cite:
            lines.append(f"  {self.word('cited')}: {step.cite}")
        if step.note is not None:
            lines.append(f"  {self.word('note')}: {step.note[self.lang]}")
        return lines

    def _inputs(self) -> list[str]:
        rows = []
        for entry in self.service.inputs.values():
            limits = entry.quantity.range
            shown = ""
            if limits is not None:
                low, high = (convert(v, entry.quantity.unit, entry.unit) for v in limits)
                shown = f"{render.number_text(low)} … {render.number_text(high)}"
            axis = axis_title(entry.axis)[self.lang] if entry.axis else ""
            unit = f"[{render.unit_text(entry.unit)}]"
            title = f"{entry.quantity.title[self.lang]} ({entry.quantity.name})"
            rows.append([entry.symbol, title, unit, shown, axis])
        return columns(rows)

    def _coefficients(self) -> list[str]:
        rows = []
        for coefficient in self.service.coefficients.values():
            source = self.standard.table_of(coefficient.table)
            entries = source.entries[coefficient.column]
            if coefficient.by:
                keys = ", ".join(axis_title(key)[self.lang] for key in coefficient.by)
                shown = f"{self.word('by')} {keys} ({len(entries)} {self.word('rows')})"
            else:
                dated = source.dated.get(coefficient.column) or tuple(entries.values())
                shown = "; ".join(
                    render.number_text(convert(e.value, e.unit, coefficient.unit))
                    + (f" ({e.price_year})" if e.price_year else "")
                    for e in dated
                )
            name = f"{coefficient.table}.{coefficient.column}"
            unit = f"[{render.unit_text(coefficient.unit)}]"
            rows.append([coefficient.symbol, coefficient.about.title[self.lang], unit, shown, name])
        return columns(rows)

    def _account(self) -> list[str]:
        rows = []
        for line in self.service.lines:
            for key in ("physical", "monetary", "capacity", "demand"):
                symbol = getattr(line, key)
                if symbol is not None:
                    step = self.service.steps[symbol]
                    total = step.unit if step.meaning.degree else step.unit.times_area()
                    title = step.title[self.lang]
                    rows.append([self.word(key), symbol, title, f"[{render.unit_text(total)}]"])
        return columns(rows)

    def _separable(self) -> list[str]:
        """Return in which numbers each line is separable: they may change without the rasters."""
        service = self.service
        wanted = [s for line in service.lines for s in (line.physical, line.monetary) if s]
        wanted += [step.symbol for step in service.steps.values() if step.provides]
        rows = []
        for symbol in dict.fromkeys(wanted):
            apart, inside = separable(service, symbol)
            told = f"{self.word('not_in')} {', '.join(inside)}" if inside else ""
            rows.append([symbol, ", ".join(apart) or "–", told])
        return columns(rows)

    def _answer(self) -> list[str]:
        if self.service.result is None:
            return []
        step = self.service.steps[self.service.result]
        return [f"{step.symbol}  {step.title[self.lang]}  [{render.unit_text(step.unit)}]"]

    def _payments(self) -> list[str]:
        rows = []
        for paid in self.service.payments:
            parties = f"{paid.payer[self.lang]} → {paid.payee[self.lang]}"
            title = self.service.steps[paid.amount].title[self.lang]
            condition = paid.condition[self.lang] if paid.condition else ""
            rows.append([parties, paid.amount, title, condition])
        return columns(rows)

    def _checks(self) -> list[str]:
        rows = []
        for check in self.service.checks:
            level = self.word("refuses" if check.refuses else "warns")
            rows.append([check.bounds, level, check.says[self.lang]])
        return columns(rows)

    def _examples(self) -> list[str]:
        lines: list[str] = []
        for example in self.service.examples:
            lines += [*([""] if lines else []), *self._example(example)]
        return lines

    def _example(self, example: Example) -> list[str]:
        given = [self._value(name, value) for name, value in example.given.items()]
        if example.area is not None:
            area = render.number_text(example.area_value)
            given.append(f"{self.word('area')} = {area} {render.unit_text(example.area)}")
        expect = [self._value(name, value) for name, value in example.expect.items()]
        return [
            f"{self.word('given')}: {'; '.join(given)}",
            f"{self.word('result')}: {'; '.join(expect)}",
            f"{self.word('source')}: {example.source}",
        ]

    def _value(self, symbol: str, value: Any) -> str:
        unit = render.unit_text(self.env[symbol].unit)
        unit = "" if unit == "1" else f" {unit}"
        if isinstance(value, Mapping):
            inside = ", ".join(f"{k}: {render.number_text(v)}" for k, v in value.items())
            return f"{symbol} = {{{inside}}}{unit}"
        return f"{symbol} = {render.number_text(value)}{unit}"


def separable(service: Service, symbol: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return in which numbers a step is separable, and which stand inside a formula per cell.

    A formula is separable in a number that can be taken out of the sum over cells as a factor, and
    in a raster of which an error can. Every input that is a rate counts as a raster, one that
    another rule computes too.

    Parameters
    ----------
    service, symbol
        A service and a step of it.

    Returns
    -------
    tuple
        The symbols of inputs and coefficients: separable, not separable.
    """
    trees: list[Node] = []

    def visit(node: Node) -> Node:
        if isinstance(node, Sym) and node.name in service.steps:
            return visit(service.steps[node.name].checked.tree)
        if isinstance(node, Neg):
            return replace(node, operand=visit(node.operand))
        if isinstance(node, Bin):
            return replace(node, left=visit(node.left), right=visit(node.right))
        if not isinstance(node, Call):
            return node
        args = tuple(visit(arg) for arg in node.args)
        if node.name in ("by_zone", formula.SUM_TOTALS):
            trees.append(args[0])  # summed for itself; the formula sees one number of the zone
            return Sym(f"by_zone|{len(trees)}")
        keywords = tuple((key, visit(value)) for key, value in node.keywords)
        return replace(node, args=args, keywords=keywords)

    trees.append(visit(Sym(symbol)))
    rasters = {n for n, entry in service.inputs.items() if entry.quantity.kind != "total"}
    errors = {name: Bin("*", Sym(name), Sym(f"{name}|")) for name in rasters}
    names: dict[str, None] = {}
    inside: set[str] = set()
    for tree in reversed(trees):
        names |= dict.fromkeys(n for n in formula.symbols(tree) if "|" not in n)
        for term in kernel.separate(formula.substitute(tree, errors), rasters.__contains__):
            inside |= {n.rstrip("|") for n in formula.symbols(term.inside) if n not in rasters}
    apart = tuple(name for name in names if name not in inside)
    return apart, tuple(name for name in names if name in inside)


def checked_text(standard: Standard, lang: str = "en") -> str:
    """Return in one line how much of a standard rests on which kind of text."""
    parts = []
    for what, counts in standard.checked().items():
        total = sum(counts.values())
        shares = [f"{LABELS[k][lang]} {_percent(n, total)}" for k, n in counts.items()]
        parts.append(f"{total} {LABELS[what][lang]} ({', '.join(shares)})")
    return f"{standard.id}: {'; '.join(parts)}"


def standard_text(standard: Standard, lang: str = "en") -> str:
    """Return a standard as plain text: its issuer, services by kind, how well it was checked.

    Parameters
    ----------
    standard
        A loaded standard.
    lang
        ``en`` or ``zh``.
    """
    other = "zh" if lang == "en" else "en"

    def word(key: str) -> str:
        return LABELS[key][lang]

    head = ", ".join(x for x in (standard.number, standard.issuer[lang], standard.date) if x)
    lines = [f"{standard.title[lang]}  {standard.title[other]}", f"{standard.id} · {head}"]
    lines.append(f"{word('scope')}: {standard.scope[lang]}")
    if standard.status:
        lines.append(f"{word('status')}: {word(standard.status)}")
    if standard.replaced_by is not None:
        lines.append(f"{word('replaced_by')}: {standard.replaced_by[lang]}")
    if standard.note is not None:
        lines.append(f"{word('note')}: {standard.note[lang]}")
    lines += ["", word("how_checked")]
    rows = []
    for what, counts in standard.checked().items():
        total = sum(counts.values())
        shares = [f"{word(k)} {n} ({_percent(n, total)})" for k, n in counts.items()]
        rows.append([word(what), str(total), *shares])
    lines += [f"  {line}" for line in columns(rows)]
    steps = [step for rule in standard.rules.values() for step in rule.steps.values()]
    bare = sum(step.is_bare_call for step in steps)
    lines.append(f"  {word('bare_calls')}: {bare} ({_percent(bare, len(steps))})")
    for kind in (*KINDS, MECHANISM):
        services = [s for s in standard.services.values() if s.kind == kind]
        if services:
            lines += ["", f"{word(kind)} ({len(services)})"]
            rows = [[s.id, s.title[lang], s.title[other], word(s.verified)] for s in services]
            lines += [f"  {line}" for line in columns(rows)]
    if standard.variants:
        rows = [
            [f"{standard.folder.name}+{name}", rule.title[lang], word(rule.verified)]
            for found in standard.variants.values()
            for name, rule in found.items()
        ]
        lines += ["", f"{word('variants')} ({len(rows)})"]
        lines += [f"  {line}" for line in columns(rows)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def functions_text(lang: str = "en") -> str:
    """Return the functions that formulas may call and projects may derive quantities with.

    Parameters
    ----------
    lang
        ``en`` or ``zh``.
    """
    lines = []
    for shape in ("cell", "axis", "grid"):
        found = [f for f in FUNCTIONS.values() if _signature(f).shape == shape]
        lines += ["", f"{LABELS[f'functions_{shape}'][lang]} ({len(found)})"]
        for function in found:
            lines += [f"  {_call(_signature(function))}", f"      {_signature(function).summary}"]
    return "\n".join(lines[1:]) + "\n"


def function_text(name: str) -> str:
    """Return what a function is, its arguments, units and source.

    Raises
    ------
    UsageError
        If no formula may call a function of that name.
    """
    if name not in FUNCTIONS:
        raise UsageError(f"there is no function {name!r}", cure=nearest(name, FUNCTIONS))
    function = FUNCTIONS[name]
    return f"{_call(_signature(function))}\n\n{inspect.getdoc(function)}\n"


def _signature(function: Any) -> Signature:
    return cast("Signature", function.signature)


def _call(signature: Signature) -> str:
    """Return ``name(argument [unit], ...) → [unit]``; optional arguments in brackets."""
    names = [n for n in signature.units if not (signature.shape == "grid" and n in ("dx", "dy"))]
    shown = [f"{n} [{signature.units[n]}]" for n in names] + sorted(signature.plain - {"dates"})
    return f"{signature.name}({', '.join(shown)}) → [{signature.returns}]"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes; a Chinese character takes two.

    >>> width("水Q")
    3
    """
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def columns(rows: Sequence[Sequence[str]], gap: int = 2) -> list[str]:
    """Return rows as lines with aligned columns; columns that are empty throughout are left out."""
    if not rows:
        return []
    kept = [at for at in range(len(rows[0])) if any(row[at] for row in rows)]
    widths = {at: max(width(row[at]) for row in rows) for at in kept}
    return [
        "".join(row[at] + " " * (widths[at] - width(row[at]) + gap) for at in kept).rstrip()
        for row in rows
    ]
