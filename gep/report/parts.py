"""The parts of a service as HTML fragments; cards and pages are put together from them.

Everything that comes from a rule file goes through :func:`html.escape` here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from gep import formula, render
from gep.library import Standard
from gep.model import Coefficient, Example, Input, Printed, Service, Step
from gep.report.words import CLAUSES, LABELS, LANGUAGES, axis_title, formula_words
from gep.tables import VERIFIED, Entry, Title
from gep.units import Unit, convert, unit

#: About how many letters of a formula fit on a line.
WIDTH = 66

#: Where a service's page is: its href, or None where it has none (a card).
Link = Callable[[str], str | None]


class References:
    """Numbers the sources that a page cites, in the order of their first citation."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.texts: dict[Title, int] = {}

    def number(self, source: Title) -> int:
        """Return the number of a source."""
        return self.texts.setdefault(source, len(self.texts) + 1)

    def cite(self, text: str, sources: Mapping[str, Title]) -> str:
        """Return ``[3], Table 2`` for ``"key, Table 2"``."""
        key, comma, place = text.partition(",")
        source = sources.get(key.strip())
        shown = escape(key.strip()) if source is None else f"[{self.number(source)}]"
        rest = f" {clause(place.strip(), self.lang)}" if comma else ""
        return f'<span class="gep-ref">{shown}{rest}</span>'


class Parts:
    """Writes the parts of one service in one language (``zh``, ``en`` or ``both``)."""

    def __init__(
        self, standard: Standard, service: Service, lang: str, link: Link | None = None
    ) -> None:
        self.standard, self.service, self.lang = standard, service, lang
        self.link: Link = link or (lambda _name: None)
        self.env = render.environment(service)
        self.references = References(lang)
        self.closed = link is None  # long tables are folded in a card

    # ----------------------------------------------------------------- words

    def title(self, title: Title) -> str:
        """Return a title, escaped, in the language or in both."""
        return say(title, self.lang)

    def word(self, key: str) -> str:
        """Return a label."""
        return say(LABELS[key], self.lang)

    def one(self, title: Title) -> str:
        """Return a title in one language, for places without room for two."""
        return title["zh" if self.lang == "both" else self.lang]

    def math(self, text: str, symbol: str | None = None) -> str:
        """Return a formula as MathML with the axes named in the reader's language."""
        words = formula_words("en" if self.lang == "en" else "zh")
        return render.mathml(text, symbol=symbol, env=self.env, words=words, width=WIDTH)

    def symbols(self, units: Mapping[str, Unit]) -> str:
        """Return ``P mm/yr, T °C``; pure numbers are left out."""
        return ", ".join(
            f"{render.symbol_mathml(name)} {unit_code(found)}"
            for name, found in units.items()
            if not found.is_number
        )

    # ----------------------------------------------------------------- parts

    def facts(self) -> str:
        """Return citation, how well checked, ecosystems, origin."""
        cite = self.service.cite
        key, _, place = cite.partition(",")
        source = self.standard.sources.get(key.strip())
        cited = escape(cite) if source is None else self.title(source)
        if source is not None:
            number = f'<span class="gep-ref">[{self.references.number(source)}]</span>'
            cited = f"{number} {cited}" + (
                f" <b>{clause(place.strip(), self.lang)}</b>" if place else ""
            )
        rows = [(self.word("cited"), cited)]
        rows.append((self.word("verified"), badge(self.service.verified, self.lang, long=True)))
        if self.service.ecosystems is not None:
            titles = [self.class_title(name) for name in self.service.ecosystems]
            rows.append((self.word("ecosystems"), joined(titles, self.lang)))
        if self.service.origin.partition("/")[0] != self.standard.folder.name:
            rows.append((self.word("same_as"), code(f"{self.service.origin}.toml")))
        for service, found in self.standard.variants.items():
            if self.service.id in found:
                title = self.title(self.standard.services[service].title)
                name = f"{self.standard.folder.name}+{self.service.id}"
                rows.append((self.word("variant_of"), title))
                rows.append((self.word("choose"), code(f'standard = "{name}"')))
        return definitions(rows)

    def class_title(self, name: str) -> str:
        """Return the title of an ecosystem class."""
        found = self.standard.classes.get(name)
        return escape(name) if found is None else self.title(found.title)

    def note(self, note: Title | None) -> str:
        """Return a note, or nothing."""
        return "" if note is None else f'<p class="gep-note">{self.title(note)}</p>'

    def inputs(self) -> str:
        """Return the table of inputs; columns that would be empty are left out."""
        heads = ["symbol", "quantity", "unit", "axis", "range", "nature", "origin"]
        rows = [self._input(entry) for entry in self.service.inputs.values()]
        kept = [at for at in range(len(heads)) if any(row[at] for row in rows)]
        rows = [[row[at] for at in kept] for row in rows]
        return table([self.word(heads[at]) for at in kept], rows, wrap="gep-inputs")

    def _input(self, entry: Input) -> list[str]:
        axis = self.title(axis_title(entry.axis)) if entry.axis else ""
        return [
            render.symbol_mathml(entry.symbol),
            f"{self.title(entry.quantity.title)} {code(entry.quantity.name)}",
            unit_code(entry.unit),
            axis,
            self._range(entry),
            self.word("total") if entry.meaning.degree else "",
            self._origin(entry),
        ]

    def _range(self, entry: Input) -> str:
        limits = entry.quantity.range
        if limits is None:
            return ""
        low, high = (convert(v, entry.quantity.unit, entry.unit) for v in limits)
        return f"{render.number_text(low)} … {render.number_text(high)}"

    def _origin(self, entry: Input) -> str:
        provider = self.standard.provider(entry.quantity.name)
        if provider is None:
            return self.word("data")
        other = self.standard.services[provider.service]
        shown = self.title(other.title)
        href = self.link(provider.service)
        if href is not None and provider.service != self.service.id:
            shown = f'<a href="{escape(href)}">{shown}</a>'
        return f"{self.word('computed_by')} {shown}"

    def coefficients(self) -> str:
        """Return the table of coefficients, then the values of those that vary."""
        heads = ["symbol", "quantity", "table", "unit", "value", "source", "verified"]
        rows = [self._coefficient(found) for found in self.service.coefficients.values()]
        groups: dict[tuple[str, tuple[str, ...]], list[Coefficient]] = {}
        for coefficient in self.service.coefficients.values():
            if coefficient.by:
                groups.setdefault((coefficient.table, coefficient.by), []).append(coefficient)
        values = "".join(self._values(group) for group in groups.values())
        return table([self.word(head) for head in heads], rows) + values

    def _coefficient(self, coefficient: Coefficient) -> list[str]:
        about = coefficient.about
        source_table = self.standard.table_of(coefficient.table)
        cite = self.references.cite(about.cite, source_table.sources)
        checked = badge(about.verified, self.lang)
        if coefficient.by:
            keys = joined([self.title(axis_title(key)) for key in coefficient.by], self.lang)
            varies = f"{self.word('by')} {keys}"
        else:
            entries = source_table.dated.get(coefficient.column) or tuple(
                source_table.entries[coefficient.column].values()
            )
            varies = "<br>".join(self._number(entry) for entry in entries)
            cite = "<br>".join(
                dict.fromkeys(self.references.cite(e.source, source_table.sources) for e in entries)
            )
            place = about.cite.partition(",")[2].strip()
            cite += f" {clause(place, self.lang)}" if place else ""
            checked = "<br>".join(dict.fromkeys(badge(e.verified, self.lang) for e in entries))
        shown = unit_code(coefficient.unit)
        if coefficient.unit != about.unit:
            shown = f"{unit_code(about.unit)} → {shown}"
        return [
            render.symbol_mathml(coefficient.symbol),
            self.title(about.title),
            code(f"{coefficient.table}.{coefficient.column}"),
            shown,
            varies,
            cite,
            checked,
        ]

    def _number(self, entry: Entry) -> str:
        year = ""
        if entry.price_year is not None:
            year = f" ({self.word('price_year')} {entry.price_year})"
        note = f"<br><small>{escape(entry.note)}</small>" if entry.note else ""
        shown = "" if entry.unit.is_number else f" {unit_code(entry.unit)}"
        return f"<b>{render.number_text(entry.value)}</b>{shown}{year}{note}"

    def _values(self, group: Sequence[Coefficient]) -> str:
        """Return the values of coefficients that stand in one table, side by side."""
        source_table = self.standard.table_of(group[0].table)
        columns = [source_table.entries[coefficient.column] for coefficient in group]
        labels = list(dict.fromkeys(label for column in columns for label in column))
        found = {label: [column.get(label) for column in columns] for label in labels}
        heads = [self.title(axis_title(key)) for key in source_table.key]
        for coefficient in group:
            shown = "" if coefficient.about.unit.is_number else unit_code(coefficient.about.unit)
            year = coefficient.about.price_year
            shown += f" ({self.word('price_year')} {year})" if year is not None else ""
            heads.append(f"{render.symbol_mathml(coefficient.symbol)} {shown}")
        heads += [self.word("source"), self.word("verified")]
        rows: list[list[str]] = []
        notes: dict[str, list[str]] = {}
        for label, entries in found.items():
            row = [
                self.class_title(part) if key == "ecosystem" else escape(part)
                for key, part in zip(source_table.key, label, strict=True)
            ]
            row += [render.number_text(e.value, 8) if e else "" for e in entries]
            known = [e for e in entries if e]
            cites = (self.references.cite(e.source, source_table.sources) for e in known)
            row.append(" ".join(dict.fromkeys(cites)))
            row.append(" ".join(dict.fromkeys(badge(e.verified, self.lang) for e in known)))
            for note in dict.fromkeys(e.note for e in known if e.note):
                notes.setdefault(note, []).append(" ".join(row[: len(label)]))
            rows.append(row)
        first = len(source_table.key)
        numbers = range(first, first + len(group))
        inside = table(heads, rows, numbers=numbers, wrap="gep-values")
        symbols = ", ".join(render.symbol_mathml(coefficient.symbol) for coefficient in group)
        title = group[0].about.title if len(group) == 1 else source_table.title
        caption = f"{self.word('values_of')} {symbols} · {self.title(title)}"
        folded = self.closed and len(rows) > 8  # noqa: PLR2004  more would push the rest away
        state = "" if folded else " open"
        remarks = "".join(
            f"<li>{joined(names, self.lang)}: {escape(note)}</li>" for note, names in notes.items()
        )
        inside += f'<ul class="gep-remarks">{remarks}</ul>' if remarks else ""
        return f"<details{state}><summary>{caption}</summary>{inside}</details>"

    def steps(self) -> str:
        """Return all steps: formula, unit, factor, printed form, marks, note."""
        steps = enumerate(self.service.steps.values(), start=1)
        return "".join(self._step(number, step) for number, step in steps)

    def _step(self, number: int, step: Step) -> str:
        marks = []
        if step.empirical:
            marks.append(f'<span class="gep-mark">{self.word("empirical")}</span>')
        if step.verified != self.service.verified:
            marks.append(badge(step.verified, self.lang))
        head = (
            f'<p class="gep-step-head"><span class="gep-step-number">{number}</span> '
            f"<b>{self.title(step.title)}</b> {''.join(marks)}</p>"
        )
        ours = f'<div class="gep-formula">{self.math(step.checked.text, step.symbol)}</div>'
        return (
            f'<section class="gep-step">{head}{ours}{definitions(self._about(step))}'
            f"{self._printed(step)}{self.note(step.note)}</section>"
        )

    def _about(self, step: Step) -> list[tuple[str, str]]:
        marks = []
        if step.meaning.degree:
            marks.append(self.word("total"))
        elif per_area(step.unit):
            marks.append(self.word("rate"))
        if step.meaning.axis:
            marks.append(f"{self.word('by')} {self.title(axis_title(step.meaning.axis))}")
        found = render.conversion(step)
        if found is not None:
            marks.append(self.word("formula_gives"))
        unit_row = f"{unit_code(step.unit)} <small>{' · '.join(marks)}</small>"
        if found is not None:
            factor = render.number_text(found.factor)
            unit_row += (
                f" {unit_code(found.derived)} <b>× {factor}</b> → {unit_code(found.declared)}"
            )
        rows = [(self.word("unit"), unit_row)]
        named = self.symbols(step.empirical)
        if named:
            row = f"{self.word('empirical_long')} — {named}"
            rows.append((self.word("empirical"), row))
        if step.provides is not None:
            quantity = self.title(step.provides.title)
            rows.append((self.word("computes"), f"{quantity} {code(step.provides.name)}"))
        if step.cite != self.service.cite:
            rows.append(
                (self.word("cited"), self.references.cite(step.cite, self.standard.sources))
            )
        rows.append((self.word("as_in_file"), f"<code>{escape(step.checked.text)}</code>"))
        return rows

    def _printed(self, step: Step) -> str:
        printed = step.printed
        if printed is None:
            return ""
        parts = [f'<div class="gep-formula">{self.math(printed.formula, step.symbol)}</div>']
        if printed.where:
            local = " ".join(self.math(text, name) for name, text in printed.where.items())
            parts.append(f'<div class="gep-where">{self.word("where")} {local}</div>')
        units = f"{self.word('gives')} {unit_code(printed.gives)}"
        named = self._printed_units(printed)
        if named:
            units += f" · {self.word('in_units')} {named}"
        parts.append(f'<p class="gep-small">{units}</p>')
        agrees = self.word("agrees")
        if printed.tolerance > 1e-9:  # noqa: PLR2004  the default of the reader
            agrees += f" ({self.word('tolerance')} {render.number_text(printed.tolerance)})"
        head = f'<p class="gep-printed-head">{self.word("printed")} <small>✓ {agrees}</small></p>'
        return f'<div class="gep-printed">{head}{"".join(parts)}</div>'

    def _printed_units(self, printed: Printed) -> str:
        """Return the units that the printed form names, then those it shares with ours."""
        used: dict[str, Unit] = {}
        texts = [printed.formula, *printed.where.values()]
        for name in dict.fromkeys(n for t in texts for n in formula.symbols(formula.parse(t))):
            if name in printed.where:
                continue
            if name in printed.units:
                used[name] = printed.units[name]
            elif name in self.env:
                used[name] = self.env[name].unit
            elif name == "A":
                used[name] = unit("m²")
        text = self.symbols(used)
        if "A" in used and "A" not in self.env:
            area = render.symbol_mathml("A")
            text = text.replace(area, f"{area} ({self.word('area')})", 1)
        return text

    def account(self) -> str:
        """Return the lines of the account."""
        heads = ["physical", "monetary"]
        lines = self.service.lines
        heads += [k for k in ("capacity", "demand") if any(getattr(line, k) for line in lines)]
        rows = [[self._line(getattr(line, head)) for head in heads] for line in lines]
        return table([self.word(head) for head in heads], rows)

    def _line(self, symbol: str | None) -> str:
        if symbol is None:
            return f'<span class="gep-small">{self.word("none")}</span>'
        step = self.service.steps[symbol]
        shown = f"{render.symbol_mathml(symbol)} {self.title(step.title)}"
        if step.meaning.degree:
            return f"{shown} {unit_code(step.unit)}"
        total = unit_code(step.unit.times_area())
        return f"{shown} {unit_code(step.unit)} <small>{self.word('times_area')}</small> → {total}"

    # ----------------------------------------------------------------- of a mechanism

    def answer(self) -> str:
        """Return which step is the answer of a mechanism."""
        step = self.service.steps[str(self.service.result)]
        shown = f"{render.symbol_mathml(step.symbol)} {self.title(step.title)}"
        return f"<p>{shown} {unit_code(step.unit)}</p>"

    def payments(self) -> str:
        """Return who pays whom, and when."""
        rows = []
        for paid in self.service.payments:
            step = self.service.steps[paid.amount]
            amount = f"{render.symbol_mathml(paid.amount)} {self.title(step.title)}"
            condition = self.title(paid.condition) if paid.condition else ""
            rows.append([self.title(paid.payer), self.title(paid.payee), amount, condition])
        heads = ["payer", "payee", "amount", "condition"]
        return table([self.word(head) for head in heads], rows)

    def checks(self) -> str:
        """Return the bounds beyond which a result is refused or warned of."""
        rows = []
        for check in self.service.checks:
            level = self.word("refuses" if check.refuses else "warns")
            rows.append([escape(check.bounds), level, self.title(check.says)])
        return table(["", "", ""], rows)

    # ----------------------------------------------------------------- examples

    def examples(self) -> str:
        """Return the worked examples, with the numbers put into the formulas."""
        return "".join(self._example(example) for example in self.service.examples)

    def _example(self, example: Example) -> str:
        given = [self._given(name, value) for name, value in example.given.items()]
        if example.area is not None:
            number = render.number_text(example.area_value)
            given.append(f"{self.word('area')} = {number} {unit_code(example.area)}")
        results = []
        for symbol, value in example.expect.items():
            results.append(self._result(example, symbol, value))
        source = (
            f'<p class="gep-small">{self.word("source")}: {clause(example.source, self.lang)}</p>'
        )
        rows = [
            (self.word("given"), " ".join(f'<span class="gep-given">{g}</span>' for g in given)),
            (self.word("result"), "".join(results)),
        ]
        return f'<div class="gep-example">{definitions(rows)}{source}</div>'

    def _given(self, symbol: str, value: Any) -> str:
        found = ""
        if symbol in self.env and not self.env[symbol].unit.is_number:
            found = unit_code(self.env[symbol].unit)
        if isinstance(value, Mapping):
            inside = ", ".join(f"{escape(k)}: {render.number_text(v)}" for k, v in value.items())
            return f"{render.symbol_mathml(symbol)} = {{{inside}}} {found}"
        return f"{render.symbol_mathml(symbol)} = {render.number_text(value)} {found}"

    def _result(self, example: Example, symbol: str, value: Any) -> str:
        outcome = self._given(symbol, value)
        numbers = with_numbers(self.service, example, symbol)
        if numbers is None:
            return f'<div class="gep-result">{outcome}</div>'
        factor = self.service.steps[symbol].checked.factor
        shown = render.mathml(numbers, symbol=symbol, display=False, width=WIDTH)
        times = f" <b>× {render.number_text(factor)}</b>" if factor != 1 else ""
        number = render.number_text(value)
        if not self.env[symbol].unit.is_number:
            number += f" {unit_code(self.env[symbol].unit)}"
        line = "<br>" if "gep-lines" in shown else ""
        return f'<div class="gep-result">{shown}{times}{line} = <b>{number}</b></div>'

    def source_list(self) -> str:
        """Return the numbered sources cited so far."""
        items = "".join(f"<li>{self.title(text)}</li>" for text in self.references.texts)
        return f'<ol class="gep-sources">{items}</ol>'


# ------------------------------------------------------------------------------------- helpers


def say(title: Title, lang: str) -> str:
    """Return a title as escaped HTML in ``zh``, ``en`` or ``both`` (Chinese first)."""
    if lang != "both":
        return escape(title[lang])
    if title.zh == title.en:
        return escape(title.en)
    return (
        f'<span lang="{LANGUAGES["zh"]}">{escape(title.zh)}</span> '
        f'<span lang="en" class="gep-en">{escape(title.en)}</span>'
    )


def joined(parts: Sequence[str], lang: str) -> str:
    """Join a list as the language does."""
    return ("、" if lang == "zh" else ", ").join(parts)


def badge(verified: str, lang: str, *, long: bool = False) -> str:
    """Return the mark that says how well something was checked."""
    shown = say(LABELS[f"{verified}_long" if long else verified], lang)
    kind = verified if verified in VERIFIED else "recalled"
    return f'<span class="gep-badge gep-{kind.replace("_", "-")}">{shown}</span>'


def per_area(found: Unit) -> bool:
    """Say whether a unit is so much for each piece of area (``t/ha``, and not ``kg/m³``)."""
    for name, power in found.powers:
        dims = unit(name).dims
        if len(dims) == 1 and dims[0][0] == "length" and dims[0][1] * power == -2:  # noqa: PLR2004
            return True
    return False


def code(text: str) -> str:
    """Return a name of the rule files as HTML that may break after its dots and underscores."""
    return f"<code>{re.sub(r'(?<=[._/])', '<wbr>', escape(text))}</code>"


def clause(text: str, lang: str) -> str:
    """Return the place in a source, escaped; ``Table`` and the like in the reader's language."""
    if lang == "zh":
        for pattern, shown in CLAUSES:
            text = pattern.sub(shown, text)
    return escape(text)


def unit_code(found: Unit) -> str:
    """Return a unit as HTML."""
    text = escape(render.unit_text(found))
    text = re.sub(r"\^\(([^)]*)\)", r"<sup>\1</sup>", text)
    return f'<span class="gep-unit">{text}</span>'


def definitions(rows: Iterable[tuple[str, str]]) -> str:
    """Return a list of terms and what they are."""
    inside = "".join(f"<div><dt>{term}</dt><dd>{text}</dd></div>" for term, text in rows)
    return f'<dl class="gep-facts">{inside}</dl>'


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = (), wrap: str = ""
) -> str:
    """Return a table; the columns in ``numbers`` are set flush right."""

    def cell(at: int, text: str, tag: str) -> str:
        mark = ' class="gep-right"' if at in numbers else ""
        return f"<{tag}{mark}>{text}</{tag}>"

    head = "".join(cell(at, text, "th") for at, text in enumerate(heads))
    body = "".join(
        f"<tr>{''.join(cell(at, text, 'td') for at, text in enumerate(row))}</tr>\n" for row in rows
    )
    mark = f"gep-table {wrap}".strip()
    return (
        f'<div class="gep-scroll"><table class="{mark}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def with_numbers(service: Service, example: Example, symbol: str) -> formula.Node | None:
    """Return a step's formula with an example's numbers in it, or None where that shows nothing.

    None: the step is given, a number varies along an axis, the formula adds over a zone or an axis,
    or a number is not in the example.
    """
    step = service.steps.get(symbol)
    if step is None or symbol in example.given:
        return None
    tree = formula.parse(step.checked.text)
    calls = {node.name for node in formula.walk(tree) if isinstance(node, formula.Call)}
    if calls & {"total", "by_zone"}:
        return None
    known = {**example.expect, **example.given}
    env = render.environment(service)
    numbers: dict[str, formula.Node] = {}
    for name in formula.symbols(tree):
        value = known.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        wanted = step.empirical.get(name, env[name].unit)
        numbers[name] = formula.Num(float(convert(float(value), env[name].unit, wanted)))
    return formula.substitute(tree, numbers)
