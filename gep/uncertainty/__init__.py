"""Honest uncertainty: what intervals an account has, and which numbers they come from.

:func:`uncertainty` draws the coefficients, prices and inputs that are said to be uncertain and
evaluates every draw from the class sums of the account. :func:`sensitivity` tells whose uncertainty
it is.
"""

from __future__ import annotations

from gep.uncertainty.monte_carlo import Uncertainty, uncertainty
from gep.uncertainty.sobol import Sensitivity, sensitivity, sobol_indices

__all__ = ["Sensitivity", "Uncertainty", "sensitivity", "sobol_indices", "uncertainty"]
