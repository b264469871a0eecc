"""Accounts over time: growth in money and at constant prices, and what drives it.

``q`` is a physical quantity, ``p`` its implicit price (value over quantity), 0 the base year:

- real growth is the Laspeyres quantity index, ``Σ q_t p_0 / Σ q_0 p_0 - 1``;
- the implicit price index is Paasche's, ``Σ q_t p_t / Σ q_t p_0``;
- so ``1 + nominal growth = (1 + real growth) · price index``.

A line that only one of two years has, a value without a quantity and a value that is not known are
left out of both years and named. Nothing that is missing counts as zero.
"""

from __future__ import annotations

from gep.series.drivers import decompose_values
from gep.series.growth import Series, compound_growth, over_time
from gep.series.weather import split_weather, weather_normalised

__all__ = [
    "Series",
    "compound_growth",
    "decompose_values",
    "over_time",
    "split_weather",
    "weather_normalised",
]
