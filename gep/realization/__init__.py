"""After the account (生态产品价值实现): mechanisms, valuation, the book of a 两山银行, assessment.

>>> from gep import realization
>>> rules = realization.rules()                       # every shipped mechanism, by name
"""

from __future__ import annotations

from gep.realization.results import Result, allocate
from gep.realization.rules import Rule, rule, rules

__all__ = ["Result", "Rule", "allocate", "rule", "rules"]
