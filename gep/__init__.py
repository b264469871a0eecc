"""gep: gross ecosystem product accounting (生态产品总值核算), from a standard's text to an account.

>>> import gep
>>> standards = gep.standards()                                  # id -> title
>>> account = gep.Project.load("county.toml").run()              # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gep.account import Account, Project, compute
    from gep.comparison import Comparison, compare
    from gep.difference import diff
    from gep.errors import DataError, GepError, Problem, RuleError, UnitError, UsageError
    from gep.library import standards
    from gep.report import standard
    from gep.series import Series, over_time, split_weather, weather_normalised
    from gep.units import unit

__version__ = "0.1.0"
__all__ = [
    "Account",
    "Comparison",
    "DataError",
    "GepError",
    "Problem",
    "Project",
    "RuleError",
    "Series",
    "UnitError",
    "UsageError",
    "compare",
    "compute",
    "diff",
    "over_time",
    "split_weather",
    "standard",
    "standards",
    "unit",
    "weather_normalised",
]

_HOMES = {
    **dict.fromkeys(("Account", "Project", "compute"), "gep.account"),
    **dict.fromkeys(("Comparison", "compare"), "gep.comparison"),
    "diff": "gep.difference",
    **dict.fromkeys(
        ("DataError", "GepError", "Problem", "RuleError", "UnitError", "UsageError"), "gep.errors"
    ),
    **dict.fromkeys(("Series", "over_time", "split_weather", "weather_normalised"), "gep.series"),
    "standard": "gep.report",
    "standards": "gep.library",
    "unit": "gep.units",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import gep` alone stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gep' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return [*__all__, "__version__"]
