"""Cards: a service or a standard as a notebook shows it, in Chinese and English."""

from __future__ import annotations

import dataclasses
import functools
from html import escape
from pathlib import Path

from gep import render
from gep.library import Standard
from gep.model import Service
from gep.report.parts import Parts, badge, code, definitions, say, table, unit_code
from gep.report.text import standard_text
from gep.report.words import LABELS


@functools.cache
def style(name: str) -> str:
    """Return a style sheet of this package."""
    return Path(__file__).with_name(f"{name}.css").read_text(encoding="utf-8")


def service_card(standard: Standard, service: Service, lang: str = "both") -> str:
    """Return a service as an HTML fragment that stands alone: no script, nothing to fetch.

    Parameters
    ----------
    standard
        The standard that the service belongs to: it holds sources, classes and tables.
    service
        The service.
    lang
        ``zh``, ``en`` or ``both``.

    Returns
    -------
    str
        Title, citation, inputs, coefficients with their values, formulas, account lines, examples.
    """
    parts = Parts(standard, service, lang)
    kind = say(LABELS[f"{service.kind}_one"], lang)
    head = f'<p class="gep-title">{parts.title(service.title)}</p>'
    head += (
        f'<p class="gep-kind">{kind} · <code>{escape(standard.id)}/{escape(service.id)}</code></p>'
    )
    head += parts.facts() + parts.note(service.note)
    return _framed(head + body(parts))


def body(parts: Parts, tag: str = "h3") -> str:
    """Return the sections of a service that have something in them, in reading order."""
    service = parts.service
    sections = (
        ("calculation", parts.steps() if service.steps else ""),
        ("inputs", parts.inputs() if service.inputs else ""),
        ("coefficients", parts.coefficients() if service.coefficients else ""),
        ("account", parts.account() if service.lines else ""),
        ("answer", parts.answer() if service.result else ""),
        ("payments", parts.payments() if service.payments else ""),
        ("checks", parts.checks() if service.checks else ""),
        ("examples", parts.examples() if service.examples else ""),
    )
    written = "".join(f"<{tag}>{parts.word(name)}</{tag}>{text}" for name, text in sections if text)
    return written + f"<{tag}>{parts.word('sources')}</{tag}>{parts.source_list()}"


def _framed(inside: str) -> str:
    return f'<div class="gep gep-card"><style>{style("parts")}{style("card")}</style>{inside}</div>'


def standard_card(standard: Standard, lang: str = "both") -> str:
    """Return a standard as an HTML fragment: its issuer, its services, how well it was checked."""
    facts = [
        (say(LABELS["number"], lang), escape(standard.number)),
        (say(LABELS["issuer"], lang), say(standard.issuer, lang)),
        (say(LABELS["date"], lang), escape(standard.date)),
        (say(LABELS["scope"], lang), say(standard.scope, lang)),
    ]
    head = f'<p class="gep-title">{say(standard.title, lang)}</p>'
    head += f'<p class="gep-kind">{code(standard.id)}</p>'
    facts = [row for row in facts if row[1]]
    return _framed(head + definitions(facts) + shares(standard, lang) + catalogue(standard, lang))


def shares(standard: Standard, lang: str) -> str:
    """Return the table that counts formulas and coefficients by how well they were checked."""
    rows = []
    for what, counts in standard.checked().items():
        shown = [f"{count}" for count in counts.values()]
        rows.append([say(LABELS[what], lang), *shown])
    heads = ["", *(badge(name, lang, long=lang != "both") for name in LEVELS)]
    return table(heads, rows, wrap="gep-shares")


LEVELS = ("full_text", "secondary", "recalled")


def catalogue(standard: Standard, lang: str) -> str:
    """Return the services of a standard by kind, with the units of their account lines."""
    heads = [say(LABELS[k], lang) for k in ("service", "physical", "monetary", "verified")]
    rows = []
    for service in standard.services.values():
        goods, money = line_units(service)
        name = f"{say(service.title, lang)} {code(service.id)}"
        rows.append([name, goods, money, badge(service.verified, lang)])
    return table(heads, rows)


def line_units(service: Service) -> tuple[str, str]:
    """Return the units of the physical and of the monetary lines, as totals of an area."""

    def units(symbols: list[str | None]) -> str:
        found = []
        for symbol in symbols:
            if symbol is not None:
                step = service.steps[symbol]
                total = step.unit if step.meaning.degree else step.unit.times_area()
                found.append(f"{render.symbol_mathml(symbol)} {unit_code(total)}")
        return "<br>".join(found)

    lines = service.lines
    return units([line.physical for line in lines]), units([line.monetary for line in lines])


# ----------------------------------------------------------------------------------- notebooks


@dataclasses.dataclass(frozen=True, repr=False)
class CardService(Service):
    """A service that a notebook shows as its card."""

    standard: Standard

    def __repr__(self) -> str:
        """Return one line: id, title, kind, number of formulas."""
        title, count = self.title, len(self.steps)
        return f"<Service {self.id}: {title.en} / {title.zh}, {self.kind}, {count} formulas>"

    def _repr_html_(self) -> str:
        return service_card(self.standard, self)


@dataclasses.dataclass(frozen=True, repr=False)
class CardStandard(Standard):
    """A standard that a notebook shows as its card; so are its services."""

    def _repr_html_(self) -> str:
        return standard_card(self)

    def __str__(self) -> str:
        """Return the standard as text."""
        return standard_text(self, "en")


def with_cards(standard: Standard) -> CardStandard:
    """Return the same standard, whose services (and itself) a notebook shows as cards.

    Parameters
    ----------
    standard
        A loaded standard. It is not changed.
    """
    values = {f.name: getattr(standard, f.name) for f in dataclasses.fields(Standard)}
    values["services"] = {
        name: CardService(
            **{f.name: getattr(service, f.name) for f in dataclasses.fields(Service)},
            standard=standard,
        )
        for name, service in standard.services.items()
    }
    return CardStandard(**values)
