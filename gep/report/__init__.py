"""What people read: cards in notebooks, text in a terminal, static pages in Chinese and English."""

from __future__ import annotations

from gep.report.card import service_card, standard_card, with_cards
from gep.report.pages import service_page, standard_page, write_pages
from gep.report.text import service_text, standard_text

__all__ = [
    "service_card",
    "service_page",
    "service_text",
    "standard_card",
    "standard_page",
    "standard_text",
    "with_cards",
    "write_pages",
]
