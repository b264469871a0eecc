"""Static pages: one per service and language, an index per standard, one over all standards.

The pages need no script, no font and no server, and hold no time of writing: the same rules give
the same files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from gep import render
from gep.library import Standard
from gep.model import KINDS, MECHANISM, Service, count_verified
from gep.report.card import LEVELS, body, line_units, style
from gep.report.parts import Parts, badge, code, definitions, say, table, unit_code
from gep.report.words import LABELS, LANGUAGES
from gep.tables import Title, read_toml

_MARK = '<meta name="generator" content="gep">'
#: Where a rule's page is: (standard, rule) -> (standard, rule) whose page shows it.
Homes = Mapping[tuple[str, str], tuple[str, str]]


def write_pages(out: Path, standards: Iterable[Standard]) -> list[Path]:
    """Write all pages of the given standards under ``out``, and remove pages that no rule has.

    Parameters
    ----------
    out
        A folder; it is made where it is missing. Only pages that gep wrote are removed from it.
    standards
        The standards, in the order of the index.

    Returns
    -------
    list of Path
        The files written: ``index.html``, ``style.css``, ``<lang>/<standard>/index.html`` and
        ``<lang>/<standard>/<rule>.html``. A rule that is the file of another standard has no page
        of its own where that standard's pages are written too.
    """
    loaded = list(standards)
    written = []
    for name, text in pages(loaded).items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    for lang in LANGUAGES:
        for path in sorted((out / lang).glob("*/*.html")):
            if path not in written and _MARK in path.read_text(encoding="utf-8"):
                path.unlink()
    return written


def pages(standards: Iterable[Standard]) -> dict[str, str]:
    """Return the text of all pages by their path."""
    loaded = list(standards)
    found = {"index.html": top_page(loaded), "style.css": f"{style('parts')}{style('page')}"}
    where = homes(loaded)
    for standard in loaded:
        for lang in LANGUAGES:
            found[f"{lang}/{standard.id}/index.html"] = standard_page(standard, lang, where)
            for name, rule in standard.rules.items():
                if where[standard.id, name] == (standard.id, name):
                    page = service_page(standard, rule, lang, where)
                    found[f"{lang}/{standard.id}/{name}.html"] = page
    return found


def homes(standards: Iterable[Standard]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return whose page shows a rule: that of the standard whose file it is, if it is there.

    A standard that takes a rule with a note of its own, or with other tables, has its own page.
    """
    loaded = {standard.id: standard for standard in standards}
    found = {}
    for standard in loaded.values():
        for name, rule in standard.rules.items():
            owner, _, original = rule.origin.partition("/")
            other = loaded.get(owner)
            same = (
                other is not None
                and original in other.rules
                and other.rules[original].note == rule.note
                and all(
                    other.tables[c.table].path == standard.tables[c.table].path
                    for c in rule.coefficients.values()
                    if c.table in other.tables
                )
            )
            found[standard.id, name] = (owner, original) if same else (standard.id, name)
    return found


def _href(standard: Standard, name: str, where: Homes) -> str:
    """Return the link from a page of a standard to the page of one of its rules."""
    owner, page = where.get((standard.id, name), (standard.id, name))
    return f"{page}.html" if owner == standard.id else f"../{owner}/{page}.html"


def service_page(
    standard: Standard, service: Service, lang: str, where: Homes | None = None
) -> str:
    """Return the page of a rule in ``zh`` or ``en``."""
    places = where or {}
    parts = Parts(standard, service, lang, lambda name: _href(standard, name, places))
    other = "en" if lang == "zh" else "zh"
    head = f'<p class="kind">{parts.word(f"{service.kind}_one")}</p>'
    head += f"<h1>{parts.title(service.title)}</h1>"
    head += f'<p class="subtitle" lang="{LANGUAGES[other]}">{escape(service.title[other])}</p>'
    head += parts.facts() + parts.note(service.note)
    path = f"{service.origin}.toml"
    file = (
        f'<details class="no-print"><summary>{parts.word("rule_file")} '
        f"{code(path)}</summary><pre>{escape(service.text.strip())}</pre></details>"
    )
    crumbs = [
        ("../../index.html", _home(standard)[lang]),
        ("index.html", standard.title[lang]),
    ]
    inside = head + body(parts, "h2") + file + _neighbours(standard, service, lang, places)
    return _page(
        f"{service.title[lang]} · {standard.title[lang]}",
        lang,
        _navigation(crumbs, lang, f"../../{other}/{standard.id}/{service.id}.html") + inside,
    )


def _home(standard: Standard) -> Title:
    return LABELS["home" if standard.classes else "mechanisms_home"]


def _neighbours(standard: Standard, service: Service, lang: str, where: Homes) -> str:
    rules = list(standard.rules.values())
    at = [rule.id for rule in rules].index(service.id)
    before = rules[at - 1] if at else None
    after = rules[at + 1] if at + 1 < len(rules) else None
    left = right = ""
    if before is not None:
        title = escape(before.title[lang])
        left = f'← <a rel="prev" href="{escape(_href(standard, before.id, where))}">{title}</a>'
    if after is not None:
        title = escape(after.title[lang])
        right = f'<a rel="next" href="{escape(_href(standard, after.id, where))}">{title}</a> →'
    return f'<nav class="bottom"><span>{left}</span><span>{right}</span></nav>'


def standard_page(standard: Standard, lang: str, where: Homes | None = None) -> str:
    """Return the index of a standard in ``zh`` or ``en``."""
    places = where or {}
    other = "en" if lang == "zh" else "zh"

    def word(key: str) -> str:
        return say(LABELS[key], lang)

    facts = [
        (word("number"), escape(standard.number)),
        (word("issuer"), say(standard.issuer, lang)),
        (word("date"), escape(standard.date)),
        (word("scope"), say(standard.scope, lang)),
        (word("status"), word(standard.status) if standard.status else ""),
    ]
    if standard.replaced_by is not None:
        facts.append((word("replaced_by"), say(standard.replaced_by, lang)))
    head = f"<h1>{say(standard.title, lang)}</h1>"
    head += f'<p class="subtitle" lang="{LANGUAGES[other]}">{escape(standard.title[other])}</p>'
    head += definitions([row for row in facts if row[1]])
    if standard.note is not None:
        head += f'<p class="gep-note">{say(standard.note, lang)}</p>'
    if standard.services:
        head += f"<h2>{word('catalogue')}</h2>"
    for kind in (*KINDS, MECHANISM):
        services = [s for s in standard.services.values() if s.kind == kind]
        if services:
            head += f"<h3>{word(kind)}</h3>{_catalogue(standard, services, lang, places)}"
    variants = [rule for found in standard.variants.values() for rule in found.values()]
    if variants:
        head += f"<h3>{word('variants')}</h3>{_catalogue(standard, variants, lang, places)}"
    head += f"<h2>{word('how_checked')}</h2>{_shares(standard, lang)}"
    head += f"<h2>{word('sources')}</h2>{_sources(standard, lang)}"
    if standard.classes:
        head += f"<h2>{word('classes')}</h2>{_classes(standard, lang)}"
    crumbs = [("../../index.html", _home(standard)[lang])]
    navigation = _navigation(crumbs, lang, f"../../{other}/{standard.id}/index.html")
    return _page(standard.title[lang], lang, navigation + head)


def _catalogue(standard: Standard, services: Iterable[Service], lang: str, where: Homes) -> str:
    rows, heads = [], ["service", "physical", "monetary", "verified"]
    for service in services:
        goods, money = line_units(service)
        href = _href(standard, service.id, where)
        name = f'<a href="{escape(href)}">{say(service.title, lang)}</a>'
        row = [name, goods, money, _checked(standard, service, lang)]
        if service.kind == "supporting":
            provided = [s for s in service.steps.values() if s.provides is not None]
            row[1] = "<br>".join(
                f"{render.symbol_mathml(s.symbol)} {say(s.title, lang)}" for s in provided
            )
            del row[2]
            heads = ["service", "computes", "verified"]
        elif service.result is not None:
            step = service.steps[service.result]
            row[1] = f"{render.symbol_mathml(step.symbol)} {say(step.title, lang)}"
            row[1] += f" {unit_code(step.unit)}"
            del row[2]
            heads = ["mechanism_one", "answer", "verified"]
        rows.append(row)
    return table([say(LABELS[head], lang) for head in heads], rows, wrap="gep-catalogue")


def _checked(standard: Standard, service: Service, lang: str) -> str:
    """Return how well a service's formulas and coefficients were checked: counts and a bar."""
    entries = [
        entry
        for coefficient in service.coefficients.values()
        for entry in standard.table_of(coefficient.table).entries[coefficient.column].values()
    ]
    counts = count_verified({service.id: service}, entries)
    sums = [sum(part[level] for part in counts.values()) for level in LEVELS]
    shown = [
        f'<span class="gep-{level.replace("_", "-")} plain">{LABELS[level][lang]} {count}</span>'
        for level, count in zip(LEVELS, sums, strict=True)
        if count
    ]
    return f'{_bar(sums)}<div class="counts">{" ".join(shown)}</div>'


def _shares(standard: Standard, lang: str) -> str:
    rows = []
    for what, counts in standard.checked().items():
        rows.append(
            [
                say(LABELS[what], lang),
                *(f"{counts[level]}" for level in LEVELS),
                _bar([counts[level] for level in LEVELS]),
            ]
        )
    heads = ["", *(badge(level, lang) for level in LEVELS), ""]
    legend = " ".join(badge(level, lang, long=True) for level in LEVELS)
    return table(heads, rows) + f"<p>{legend}</p>"


def _bar(counts: list[int]) -> str:
    whole = sum(counts) or 1
    marks = [
        f'<span class="{level.replace("_", "-")}" style="width:{100 * count / whole:.1f}%"></span>'
        for level, count in zip(LEVELS, counts, strict=True)
    ]
    return f'<div class="bar">{"".join(marks)}</div>'


def _sources(standard: Standard, lang: str) -> str:
    entries = read_toml(standard.head)["sources"]
    rows = []
    for key, text in standard.sources.items():
        note = entries[key].get("note")
        shown = say(text, lang)
        if note:
            shown += f"<br><small>{escape(str(note[lang]))}</small>"
        rows.append(
            [
                f"<code>{escape(key)}</code>",
                shown,
                badge(entries[key]["verified"], lang),
            ]
        )
    heads = ["", say(LABELS["source"], lang), say(LABELS["verified"], lang)]
    return table(heads, rows)


def _classes(standard: Standard, lang: str) -> str:
    rows = []
    for entry in standard.classes.values():
        parent = standard.classes[entry.parent].title if entry.parent else None
        within = "" if parent is None else say(parent, lang)
        rows.append([say(entry.title, lang), within, code(entry.id)])
    heads = [say(LABELS["ecosystem"], lang), say(LABELS["class_within"], lang), ""]
    return table(heads, rows)


def top_page(standards: Iterable[Standard]) -> str:
    """Return the index over all standards, in both languages."""
    rows, kind = [], "services"
    for standard in standards:
        kind = "services" if standard.classes else "mechanisms"
        names = [
            f'<a lang="{tag}" href="{lang}/{escape(standard.id)}/index.html">'
            f"{escape(standard.title[lang])}</a>"
            for lang, tag in LANGUAGES.items()
        ]
        counts = [sum(c[level] for c in standard.checked().values()) for level in LEVELS]
        about = "<br>".join(
            f'<span class="gep-unit">{escape(x)}</span>'
            for x in (standard.number, standard.date)
            if x
        )
        rows.append(["<br>".join(names), about, str(len(standard.catalogue)), _bar(counts)])
    heads = [
        say(LABELS["standards" if kind == "services" else "mechanism"], "both"),
        "",
        say(LABELS[f"count_{kind}"], "both"),
        say(LABELS["verified"], "both"),
    ]
    legend = " ".join(badge(level, "both", long=True) for level in LEVELS)
    head = LABELS[f"{kind}_title"]
    lead = LABELS["services_about"]
    inside = (
        f'<h1>{escape(head.zh)}</h1><p class="subtitle" lang="en">{escape(head.en)}</p>'
        f'<p>{escape(lead.zh)}<br><span lang="en" class="gep-en">{escape(lead.en)}</span></p>'
        f"{table(heads, rows)}<p>{legend}</p>"
    )
    return _page(f"{head.zh} · {head.en}", "zh", inside, ".")


def _navigation(crumbs: list[tuple[str, str]], lang: str, switch: str) -> str:
    other = "en" if lang == "zh" else "zh"
    path = " › ".join(f'<a href="{escape(href)}">{escape(text)}</a>' for href, text in crumbs)
    tag = LANGUAGES[other]
    link = f'<a lang="{tag}" hreflang="{tag}" href="{escape(switch)}">'
    return (
        f'<nav class="top"><span class="crumbs">{path}</span>'
        f"{link}{escape(LABELS['other_language'][lang])}</a></nav>"
    )


def _page(title: str, lang: str, inside: str, root: str = "../..") -> str:
    return (
        f'<!doctype html>\n<html lang="{LANGUAGES[lang]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{_MARK}\n<title>{escape(title)}</title>\n"
        f'<link rel="stylesheet" href="{root}/style.css">\n</head>\n'
        f'<body>\n<main class="page gep">\n{inside}\n</main>\n</body>\n</html>\n'
    )
