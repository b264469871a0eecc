"""What people read: cards in notebooks, text in a terminal, static pages in Chinese and English."""

from __future__ import annotations

from pathlib import Path

from gep import library
from gep.report.card import service_card, standard_card, with_cards
from gep.report.pages import service_page, standard_page, write_pages
from gep.report.text import service_text, standard_text

__all__ = [
    "service_card",
    "service_page",
    "service_text",
    "standard",
    "standard_card",
    "standard_page",
    "standard_text",
    "with_cards",
    "write_pages",
]


def standard(name_or_path: str | Path, base: Path | None = None) -> library.Standard:
    """Load a standard, checked; it and its services show themselves as cards in a notebook.

    Parameters
    ----------
    name_or_path
        The id of a shipped standard, or the path of a folder with ``standard.toml``.
    base
        Folder to which a relative path is relative (default: the working folder).

    Raises
    ------
    RuleError
        With all problems of all files.

    Examples
    --------
    >>> std = standard(next(iter(library.standards())))
    >>> "<table" in next(iter(std.values()))._repr_html_()
    True
    """
    return with_cards(library.standard(name_or_path, base))
