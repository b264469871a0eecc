"""The list of functions: complete, documented, declared, and light to import."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys

import pytest

from gep.functions import (
    FUNCTIONS,
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

MODULES = (climate, finance, soil, tabular, terrain, travel_cost, vegetation, water, wind)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rpartition(".")[2])
def test_examples_in_docstrings_run(module):
    if module is terrain:
        pytest.importorskip("pyflwdir")
    if module is travel_cost:
        pytest.importorskip("statsmodels")
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_named_declared_and_documented(name):
    function = FUNCTIONS[name]
    assert function.__name__ == name
    signature = function.signature
    assert signature.name == name
    doc = inspect.getdoc(function)
    for part in ("Parameters", "Returns", "Notes", "Source:", "Verified:", "Examples", ">>> "):
        assert part in doc, f"{name}: the docstring lacks {part!r}"
    for argument in inspect.signature(function).parameters:
        assert argument in doc


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "piecewise"])
def test_arguments_are_keyword_only(name):
    kinds = {p.kind for p in inspect.signature(FUNCTIONS[name]).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_every_declared_function_is_listed():
    declared = {
        name
        for module in MODULES
        for name, value in vars(module).items()
        if hasattr(value, "signature") and value.__module__ == module.__name__
    }
    assert declared == set(FUNCTIONS)


def test_whole_grid_functions_get_the_cell_size():
    grids = {n for n, f in FUNCTIONS.items() if f.signature.shape == "grid"}
    assert "slope" in grids
    for name in grids:
        units = FUNCTIONS[name].signature.units
        assert (units["dx"], units["dy"]) == ("m", "m")


def test_list_cannot_be_extended():
    with pytest.raises(TypeError):
        FUNCTIONS["new"] = len  # type: ignore[index]


def test_import_loads_no_optional_or_heavy_library():
    code = (
        "import sys, gep.functions\n"
        "heavy = {'pyflwdir', 'numba', 'scipy', 'statsmodels', 'rasterio', 'xarray'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
