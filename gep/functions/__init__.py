"""Functions that formulas may call and that projects may derive quantities with.

:data:`FUNCTIONS` names them all; nothing is added to it elsewhere. Formulas and projects call them
by their names here. What a function needs beyond NumPy it imports when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from gep.functions import (
    climate,
    finance,
    soil,
    tabular,
    terrain,
    travel_cost,
    vegetation,
    water,
    wind,
)

__all__ = [
    "FUNCTIONS",
    "climate",
    "finance",
    "soil",
    "tabular",
    "terrain",
    "travel_cost",
    "vegetation",
    "water",
    "wind",
]

#: Every function by name. Its units stand in its ``signature`` attribute.
FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        # steps and thresholds
        "piecewise": tabular.piecewise,
        "at_least": tabular.at_least,
        # angles and slopes
        "sine": terrain.sine,
        "tangent": terrain.tangent,
        "slope_steepness": terrain.slope_steepness,
        "slope_length_exponent": terrain.slope_length_exponent,
        # soil and plants
        "erodibility_epic": soil.erodibility_epic,
        "erodibility_si": soil.erodibility_si,
        "vegetation_cover": vegetation.vegetation_cover,
        "cover_factor_logarithmic": vegetation.cover_factor_logarithmic,
        # wind erosion
        "air_density": wind.air_density,
        "soil_moisture_factor": wind.soil_moisture_factor,
        "weather_factor": wind.weather_factor,
        "erodible_fraction": wind.erodible_fraction,
        "soil_crust_factor": wind.soil_crust_factor,
        "ridge_roughness": wind.ridge_roughness,
        "roughness_factor": wind.roughness_factor,
        "wind_cover_factor": wind.wind_cover_factor,
        "max_transport": wind.max_transport,
        "critical_field_length": wind.critical_field_length,
        "sand_transport": wind.sand_transport,
        # air, radiation and evapotranspiration
        "saturation_vapour_pressure": climate.saturation_vapour_pressure,
        "latent_heat": climate.latent_heat,
        "atmospheric_pressure": climate.atmospheric_pressure,
        "wind_speed_at_two_metres": climate.wind_speed_at_two_metres,
        "extraterrestrial_radiation": climate.extraterrestrial_radiation,
        "net_radiation": climate.net_radiation,
        "reference_evapotranspiration_penman_monteith": (
            climate.reference_evapotranspiration_penman_monteith
        ),
        "reference_evapotranspiration_hargreaves": climate.reference_evapotranspiration_hargreaves,
        # present values
        "annuity_factor": finance.annuity_factor,
        "annuity_due_factor": finance.annuity_due_factor,
        "carbon_price_factor": finance.carbon_price_factor,
        "repayment_years": finance.repayment_years,
        # origins on the leading axis
        "travel_cost_surplus": travel_cost.travel_cost_surplus,
        # series with time on the leading axis
        "daily_erosivity": climate.daily_erosivity,
        "half_month_erosivity_zhang": climate.half_month_erosivity_zhang,
        "monthly_erosivity_fournier": climate.monthly_erosivity_fournier,
        "monthly_erosivity_wischmeier": climate.monthly_erosivity_wischmeier,
        "wind_factor": wind.wind_factor,
        "snow_factor": wind.snow_factor,
        # whole grids
        "slope": terrain.slope,
        "relief": terrain.relief,
        "flow_accumulation": terrain.flow_accumulation,
        "slope_length": terrain.slope_length,
        "slope_length_cutoff": terrain.slope_length_cutoff,
        "slope_length_factor": terrain.slope_length_factor,
        "ls_factor_root_area": terrain.ls_factor_root_area,
        "ls_factor_root_area_from_elevation": terrain.ls_factor_root_area_from_elevation,
        "vegetation_cover_quantile": vegetation.vegetation_cover_quantile,
    }
)
