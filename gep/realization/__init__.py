"""After the account (生态产品价值实现): mechanisms, valuation, the book of a 两山银行, assessment.

>>> from gep import realization
>>> rules = realization.rules()                       # every shipped mechanism, by name

The rooms: ``rules`` (published mechanisms), ``settlement`` and ``distribution`` (who
pays whom, who gets what), ``contracts``, ``valuation``, ``approaches``, ``vep`` and
``asset_account`` (what something is worth), ``lending``, ``insurance``, ``metrics``, ``scoring``,
``credit`` and ``assessment`` (scores), ``book`` (registry and ledger), ``dossier`` and ``report``
(all of it for one bank).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gep.realization.results import Result, allocate
from gep.realization.rules import Rule, rule, rules

if TYPE_CHECKING:
    from gep.realization.book import Book
    from gep.realization.book_account import parcel_account
    from gep.realization.dossier import Dossier
    from gep.realization.report import write_report
    from gep.realization.terms import Terms, read_terms

__all__ = [
    "Book",
    "Dossier",
    "Result",
    "Rule",
    "Terms",
    "allocate",
    "parcel_account",
    "read_terms",
    "rule",
    "rules",
    "write_report",
]

#: What needs a database is imported when it is first used.
_HOMES = {
    "Book": "book",
    "Dossier": "dossier",
    "Terms": "terms",
    "parcel_account": "book_account",
    "read_terms": "terms",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gep.realization' has no attribute {name!r}")
    return getattr(import_module(f"gep.realization.{_HOMES[name]}"), name)
