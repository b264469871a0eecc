"""Assessment of a 两山银行: indicators from facts with evidence, a score, a bottom line.

Indicators and their facts are data (the shipped template of a sheet); points have no default and
come from the user's own sheet. Ecological damage is a veto: no score makes up for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gep.errors import DataError, Problems
from gep.realization.facts import Fact, measured
from gep.realization.results import Result
from gep.realization.scoring import ScoreSheet, assess
from gep.realization.sheets import FactAbout, Sheet, sheet

#: The shipped template.
TEMPLATE = "two_mountain_bank"
#: The facts whose vetoes are the ecological bottom line: a sheet without them is refused.
BOTTOM_LINE: Mapping[str, tuple[str, bool]] = {
    "vep_after": ("vep_before", True),
    "red_line_breaches": ("", False),
}


def bank_facts() -> dict[str, FactAbout]:
    """Return the facts that the indicators need: {fact id: title, unit, where it is kept}.

    >>> str(bank_facts()["surveyed_area"].unit)
    'ha'
    """
    return dict(sheet(TEMPLATE).facts)


def kpis(facts: Mapping[str, Fact]) -> dict[str, Result]:
    """Return the indicators of a bank, each with the facts behind it and without any points.

    Parameters
    ----------
    facts
        {fact id: Fact} with the ids of :func:`bank_facts`; others are left aside. A fact without
        source and date is missing.

    Returns
    -------
    dict
        {indicator: Result}. The value is None, and ``undetermined`` says why, where a fact is
        missing or a denominator is 0. A share above 100 % is computed and warned of.

    Raises
    ------
    DataError
        If a fact is in a wrong unit or no finite number.

    Notes
    -----
    Source: what cooperatives publish of themselves; the set is a proposal, see the template's
    sources. Verified: secondary.

    Examples
    --------
    >>> facts = {
    ...     "resources": Fact(250, "1", "book", "2025-08"),
    ...     "products": Fact(108, "1", "book", "2025-08"),
    ... }
    >>> found = kpis(facts)
    >>> print(f"{found['product_rate'].value:.1f} {found['product_rate'].unit}")
    43.2 %
    >>> found["conversion_rate"].undetermined
    ('converted_projects 未给出 not given',)
    """
    return measured(sheet(TEMPLATE), facts)


def assess_bank(
    facts: Mapping[str, Fact],
    scored_by: Sheet,
    *,
    bank: str = "bank",
    grades: Mapping[str, float | None] | None = None,
) -> ScoreSheet:
    """Score a bank by a sheet whose vetoes hold the ecological bottom line.

    Parameters
    ----------
    facts
        {fact id: Fact}; a plain mapping, whoever fills it.
    scored_by
        The user's sheet: the template with its points, functions and ``missing`` filled in.
    bank
        The name under which the score is shown.
    grades
        Cut-offs in place of the sheet's, {name: least score}, None for the lowest.

    Returns
    -------
    ScoreSheet
        ``veto`` is ``breached`` where the value of the area's ecosystem products fell by more than
        the tolerance or a red line was breached: the grade is the lowest then, whatever the score.
        It is ``undetermined``, and so is the grade, where evidence for it is missing.

    Raises
    ------
    DataError
        If the sheet is not filled in or lacks the bottom line, or with all problems of the facts.

    Notes
    -----
    Source: the bottom line (the environment is not damaged, ecological value is not lowered) is
    that of a provincial guidance as reported; the arithmetic is a proposal. Verified: secondary.
    """
    problems = Problems()
    for fact, (limit, higher) in BOTTOM_LINE.items():
        if not any(
            line.is_veto
            and line.datum.facts == (fact,)
            and line.higher == higher
            and line.parameters.get("limit") == (limit or 0)
            for line in scored_by.indicators.values()
        ):
            bound = f"{fact} {'>=' if higher else '<='} {limit or 0}"
            cure = "take it over from the shipped template"
            problems.add(f"the sheet lacks the veto {bound}", scored_by.id, cure=cure)
    problems.raise_if_any(DataError)
    return assess(scored_by, {bank: facts}, grades=grades)[bank]
