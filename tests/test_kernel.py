"""The class sums are exact: what is summed is what the formula says in each cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import twin
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import box

from gep import formula
from gep.formula import Bin, Call, Neg, Node, Num, Sym
from gep.functions import FUNCTIONS
from gep.kernel import MAX_TERMS, ONE, Kernel, Term, is_separable, separate

Floats = NDArray[np.float64]

ZONES, CLASSES, MEMBERS, CELLS = 2, 3, 2, 23


def is_cell(name: str) -> bool:
    return name.startswith("cell")


@dataclass(frozen=True, repr=False)
class Place:
    """Cells with a zone, a class and a weight, and numbers for every sort of leaf."""

    zone: NDArray[np.int64]
    ecosystem: NDArray[np.int64]
    weight: Floats
    cells: Mapping[str, Floats]  # (cells,) or (members, cells)
    tables: Mapping[str, Floats]  # ([members,] zones or 1, classes or 1)

    def __repr__(self) -> str:
        return "<the place>"

    def spread(self, name: str) -> Floats:
        """Return a leaf as one value per cell."""
        if name in self.cells:
            return self.cells[name]
        table = self.tables[name]
        z = self.zone if table.shape[-2] > 1 else np.zeros_like(self.zone)
        c = self.ecosystem if table.shape[-1] > 1 else np.zeros_like(self.ecosystem)
        return table[..., z, c]


#: name -> (varies along members, zones, classes); the cells are apart.
LEAVES = {
    "number_a": (False, False, False),
    "class_a": (False, False, True),
    "class_b": (False, False, True),
    "zone_a": (False, True, False),
    "both_a": (False, True, True),
    "axis_class": (True, False, True),
    "axis_zone": (True, True, False),
    "axis_number": (True, False, False),
}
CELL_LEAVES = {"cell_a": False, "cell_b": False, "cell_axis": True}


def make_place(seed: int, *, holes: bool) -> Place:
    rng = np.random.default_rng(seed)
    cells = {}
    for name, has_axis in CELL_LEAVES.items():
        shape = (MEMBERS, CELLS) if has_axis else (CELLS,)
        cells[name] = rng.uniform(0.5, 2.0, shape) * rng.choice([-1.0, 1.0, 1.0], shape)
        if holes:
            cells[name][rng.random(shape) < 0.15] = np.nan
    tables = {}
    for name, (axis, zone, ecosystem) in LEAVES.items():
        shape = (ZONES if zone else 1, CLASSES if ecosystem else 1)
        tables[name] = rng.uniform(0.5, 2.0, (MEMBERS, *shape) if axis else shape)
    return Place(
        rng.integers(0, ZONES, CELLS),
        rng.integers(0, CLASSES, CELLS),
        rng.uniform(0.1, 1.0, CELLS),
        cells,
        tables,
    )


# ------------------------------------------------- a formula, its axis known while it is drawn


@dataclass(frozen=True)
class Grower:
    """Grows formulas at random (from a seed: drawn node by node, nearly all would be trivial).

    Half of the leaves vary by cell. With ``tame`` nothing is divided by, or raised to, anything but
    what keeps all values finite.
    """

    names: Mapping[str, bool]  # leaf -> whether it has the axis
    rng: np.random.Generator
    tame: bool = False

    def leaf(self, *, axis: bool) -> Node:
        mine = [n for n, has in self.names.items() if has == axis]
        cells = [n for n in mine if is_cell(n)]
        if not axis and self.rng.random() < 0.1:
            return Num(float(self.rng.choice([0.0, 0.5, 1.0, 2.0, 3.25])))
        return Sym(str(self.rng.choice(cells if self.rng.random() < 0.5 else mine)))

    def grow(self, depth: int, *, axis: bool) -> Node:
        if depth == 0 or self.rng.random() < 0.1:
            return self.leaf(axis=axis)
        kinds = ["+", "-", "*", "/", "min", "max", "exp", "neg", "total" if not axis else "*"]
        if not self.tame:
            kinds.append("**")
        weights = np.array([4.0, 4.0, 5.0, 1.5, 0.6, 0.6, 0.6, 1.0, 1.5, 0.4][: len(kinds)])
        kind = str(self.rng.choice(kinds, p=weights / weights.sum()))
        if kind == "total":
            return Call("total", (self.grow(depth - 1, axis=True),))
        if kind == "neg":
            return Neg(self.grow(depth - 1, axis=axis))
        if kind == "exp":
            inner = self.grow(depth - 1, axis=axis)
            return Call("exp", (Call("clip", (inner, Num(-1.0), Num(1.5))),))
        if kind == "**":
            return Bin("**", self.grow(depth - 1, axis=axis), Num(2.0))
        left, right = self.axes(axis=axis)
        a = self.grow(depth - 1, axis=left)
        if kind == "/" and self.tame:
            return Bin("/", a, self.symbol(axis=right))
        b = self.grow(depth - 1, axis=right)
        return Call(kind, (a, b)) if kind in ("min", "max") else Bin(kind, a, b)

    def axes(self, *, axis: bool) -> tuple[bool, bool]:
        """Return which of two operands has the axis: both, or one of them."""
        choices = [(True, True), (True, False), (False, True)] if axis else [(False, False)]
        return choices[int(self.rng.integers(len(choices)))]

    def symbol(self, *, axis: bool) -> Sym:
        return Sym(str(self.rng.choice([n for n, has in self.names.items() if has == axis])))


ALL_LEAVES = {name: axis for name, (axis, _, _) in LEAVES.items()} | CELL_LEAVES
SEEDS = st.integers(0, 2**32 - 1)


def formulas(depth: int, *, axis: bool) -> st.SearchStrategy[Node]:
    """Draw a formula whose value has the axis, or has it not. All units are pure numbers here."""

    def make(seed: int) -> Node:
        return Grower(ALL_LEAVES, np.random.default_rng(seed)).grow(depth, axis=axis)

    return SEEDS.map(make)


# ----------------------------------------------------------- both ways of adding over the cells


def evaluate(node: Node, values: Mapping[str, Any]) -> Floats:
    return np.asarray(formula.evaluate(node, values, FUNCTIONS), dtype=np.float64)


def add(values: Floats, place: Place, mask: NDArray[np.bool_]) -> Floats:
    """Return Σ value × weight by zone and class, over the cells of the mask."""
    values = np.broadcast_to(values, (*np.shape(values)[:-1], CELLS))
    result = np.zeros((*values.shape[:-1], ZONES, CLASSES))
    for cell in np.flatnonzero(mask):
        result[..., place.zone[cell], place.ecosystem[cell]] += (
            values[..., cell] * place.weight[cell]
        )
    return result


def valid(tree: Node, place: Place) -> NDArray[np.bool_]:
    """Return the cells in which all rasters of the formula have data."""
    mask = np.ones(CELLS, dtype=bool)
    for name in formula.symbols(tree):
        if name in place.cells:
            there = ~np.isnan(place.cells[name])
            mask &= there.all(axis=0) if there.ndim > 1 else there
    return mask


def plainly(tree: Node, place: Place) -> Floats:
    """Return the sums of the formula as it is written, evaluated in every cell."""
    env = {name: place.spread(name) for name in formula.symbols(tree)}
    value = evaluate(tree, env)
    return add(value if value.ndim else value[None], place, valid(tree, place))


def by_terms(tree: Node, place: Place) -> Floats:
    """Return the same from the terms: sums of the insides, times the outsides."""
    mask = valid(tree, place)
    terms = separate(tree, is_cell)
    insides = [t.inside for t in terms]
    env = {n: place.spread(n) for i in insides for n in formula.symbols(i)}
    values = Kernel(insides, FUNCTIONS, lambda _node: ()).run(env)
    result: Any = 0.0
    for term, value in zip(terms, values, strict=True):
        array = np.asarray(value, dtype=np.float64)
        sums = add(array if array.ndim else array[None], place, mask)
        result = result + combine(term, sums, place)
    return np.asarray(result)


def combine(term: Term, sums: Floats, place: Place) -> Floats:
    """Put a term together as its definition says: before × Σ_axis(outside × sums)."""
    outside = evaluate(term.outside, place.tables)
    product = np.asarray(np.atleast_2d(outside) * sums)
    if term.closed:
        if product.ndim < 3:
            product = np.broadcast_to(product, (MEMBERS, *product.shape))
        product = product.sum(axis=0) * np.atleast_2d(evaluate(term.before, place.tables))
    return product


def sizes(tree: Node, place: Place) -> float:
    """Return a bound of the numbers that adding the formula's terms meets: the scale of rounding."""
    env = {n: np.nan_to_num(np.abs(place.spread(n))) for n in formula.symbols(tree)}
    bound = nonnegative(tree)
    largest = 1.0
    for node in formula.walk(bound):
        value = evaluate(node, {n: env[n] for n in formula.symbols(node)})
        largest = max(largest, float(np.max(value)))
    return largest


def test_the_drawn_formulas_are_not_trivial() -> None:
    grown = [Grower(ALL_LEAVES, np.random.default_rng(n)).grow(4, axis=False) for n in range(200)]
    terms = [separate(tree, is_cell) for tree in grown]
    assert sum(len(t) > 1 for t in terms) > 80
    assert sum(any(one.closed for one in t) for t in terms) > 20
    assert sum(not is_separable(t, is_cell) for t in terms) > 40


@settings(max_examples=400)
@given(tree=formulas(4, axis=False), seed=st.integers(0, 10_000), holes=st.booleans())
def test_sums_by_terms_equal_the_formula_cell_by_cell(tree: Node, seed: int, holes: bool) -> None:
    assert_same(tree, make_place(seed, holes=holes))


@settings(max_examples=200)
@given(tree=formulas(4, axis=True), seed=st.integers(0, 10_000), holes=st.booleans())
def test_sums_by_terms_equal_the_formula_with_an_axis(tree: Node, seed: int, holes: bool) -> None:
    assert_same(tree, make_place(seed, holes=holes))


def assert_same(tree: Node, place: Place) -> None:
    with np.errstate(all="ignore"):
        wanted = plainly(tree, place)
        magnitude = sizes(tree, place)
    assume(np.isfinite(wanted).all())
    assume(magnitude < 1e9)
    with np.errstate(all="ignore"):
        found = by_terms(tree, place)
    found = np.broadcast_to(found, np.broadcast_shapes(found.shape, wanted.shape))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12 * magnitude * CELLS)


def nonnegative(tree: Node) -> Node:
    """Return the formula with + for - and without division: a bound of what its terms reach."""
    if isinstance(tree, Neg):
        return nonnegative(tree.operand)
    if isinstance(tree, Bin):
        left, right = nonnegative(tree.left), nonnegative(tree.right)
        if tree.op == "/":
            lowest = Num(1e-3)
            return Bin("*", left, Bin("+", Num(2.0), Bin("*", right, lowest)))
        return Bin("+" if tree.op == "-" else tree.op, left, right)
    if isinstance(tree, Call):
        return Call(tree.name, tuple(nonnegative(a) for a in tree.args))
    return tree


# ------------------------------------------------------------------------------ single rules


def terms_of(text: str) -> list[tuple[str, str]]:
    terms = separate(formula.parse(text), is_cell)
    return [(formula.to_text(t.outside), formula.to_text(t.inside)) for t in terms]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cell_a", [("1", "cell_a")]),
        ("class_a", [("class_a", "1")]),
        ("-cell_a", [("-1", "cell_a")]),
        ("cell_a * class_a", [("class_a", "cell_a")]),
        ("cell_a - class_a", [("1", "cell_a"), ("-class_a", "1")]),
        ("class_a - cell_a", [("class_a", "1"), ("-1", "cell_a")]),
        ("cell_a / class_a", [("1 / class_a", "cell_a")]),
        ("class_a / cell_a", [("1", "class_a / cell_a")]),
        (
            "(cell_a - class_a) * (cell_b - class_b)",
            [
                ("1", "cell_a * cell_b"),
                ("-class_b", "cell_a"),
                ("-class_a", "cell_b"),
                ("-class_a * (-class_b)", "1"),
            ],
        ),
        ("cell_a**2", [("1", "cell_a**2")]),
        ("exp(class_a * cell_a)", [("1", "exp(class_a * cell_a)")]),
        ("2 * min(cell_a, class_a)", [("2", "min(cell_a, class_a)")]),
    ],
)
def test_what_goes_outside(text: str, wanted: list[tuple[str, str]]) -> None:
    assert terms_of(text) == wanted


def test_a_coefficient_inside_is_noticed() -> None:
    assert is_separable(separate(formula.parse("class_a * cell_a - class_b"), is_cell), is_cell)
    inside = separate(formula.parse("exp(class_a * cell_a)"), is_cell)
    assert not is_separable(inside, is_cell)


def test_a_long_product_of_sums_is_computed_per_cell() -> None:
    sums = " * ".join(f"(cell_a + {n}.5)" for n in range(1, 6))
    terms = separate(formula.parse(sums), is_cell)
    assert len(terms) <= MAX_TERMS
    place = make_place(3, holes=False)
    tree = formula.parse(sums)
    np.testing.assert_allclose(by_terms(tree, place), plainly(tree, place), rtol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "total(axis_class * cell_a)",
        "total(cell_axis * axis_class) * class_b",
        "class_b / total(axis_zone) * cell_a",
        "total(cell_axis) * axis_number",
        "cell_a - total(cell_axis * axis_number) / class_a",
        "-total(axis_number * (cell_axis - cell_a * axis_class))",
        "total(cell_axis) * total(axis_number)",
        "total(cell_axis) * total(cell_axis * axis_class)",
        "total(cell_axis + cell_a)",
        "total(cell_axis - class_a)",
        "total(axis_number * cell_axis - class_a * cell_b)",
    ],
)
def test_sums_over_an_axis(text: str) -> None:
    tree, place = formula.parse(text), make_place(11, holes=True)
    np.testing.assert_allclose(by_terms(tree, place), plainly(tree, place), rtol=1e-11)


# -------------------------------------------------------------------------------- the kernel


@settings(max_examples=150)
@given(
    trees=st.lists(
        st.one_of(formulas(3, axis=False), formulas(3, axis=True)), min_size=1, max_size=4
    ),
    seed=st.integers(0, 10_000),
)
def test_the_kernel_equals_its_plain_twin_bit_for_bit(trees: list[Node], seed: int) -> None:
    place = make_place(seed, holes=True)
    env = {name: place.spread(name) for tree in trees for name in formula.symbols(tree)}
    found = Kernel(trees, FUNCTIONS, lambda _node: ()).run(env)
    for tree, value in zip(trees, found, strict=True):
        np.testing.assert_array_equal(np.asarray(value), evaluate(tree, env))


def counted(calls: list[int]) -> Callable[..., Any]:
    def square(*, x: Floats) -> Floats:
        calls.append(1)
        return x * x

    square.signature = FUNCTIONS["sine"].signature  # type: ignore[attr-defined]
    return square


def test_a_common_part_is_computed_once() -> None:
    calls: list[int] = []
    trees = [formula.parse("square(x=cell_a) + 1"), formula.parse("2 * square(x=cell_a)")]
    kernel = Kernel(trees, {"square": counted(calls)}, lambda _node: ())
    first, second = kernel.run({"cell_a": np.array([1.0, 3.0])})
    assert first.tolist() == [2.0, 10.0]
    assert second.tolist() == [2.0, 18.0]
    assert len(calls) == 1


def test_missing_cells_stay_missing() -> None:
    # max(1, nan) and min(1, nan) are nan here: nodata is not lost by the order of arguments.
    texts = ["max(1, x)", "max(x, 1)", "min(1, x)", "min(x, 1)", "clip(x, 0, 2)", "x * 0", "x**0.5"]
    kernel = Kernel([formula.parse(t) for t in texts], FUNCTIONS, lambda _node: ())
    for text, value in zip(texts, kernel.run({"x": np.array([np.nan, 1.5])}), strict=True):
        assert np.isnan(value[0]), text
        assert np.isfinite(value[1]), text


def test_one_is_a_plain_number() -> None:
    assert Num(1.0) == ONE
    assert Kernel([ONE], FUNCTIONS, lambda _node: ()).run({}) == [1.0]


# --------------------------------------------------------- the same through files and the engine

#: Symbol -> (how the rule names it, whether it has the axis). Cell leaves begin with "cell".
SYMBOLS = {
    "cell_a": ('is = "slope_length_factor"', False),
    "cell_b": ('is = "slope_steepness_factor"', False),
    "cell_axis": ('is = "cover_factor", per = "month"', True),
    "number_a": ('is = "soil_erodibility_epic"', False),
    "zone_a": ('is = "erodible_fraction"', False),
    "both_a": ('is = "soil_crust_factor"', False),
    "axis_zone": ('is = "snow_factor", per = "month"', True),
    "class_a": ('from = "factors.b", by = "ecosystem"', False),
    "class_b": ('from = "factors.alpha", by = "ecosystem"', False),
    "axis_class": ('from = "pairs.x", by = ["ecosystem", "month"]', True),
}
_CLASSES = ("forest", "cropland", "wetland", "town")
_PAIRS = {
    **{(c, "1"): v for c, v in zip(_CLASSES, (0.7, 1.2, 2.0, 1.1), strict=True)},
    **{(c, "2"): v for c, v in zip(_CLASSES, (1.9, 0.6, 0.9, 1.6), strict=True)},
}
_BOTH = {
    **{("w", c): v for c, v in zip(_CLASSES, (0.9, 0.5, 0.8, 0.6), strict=True)},
    **{("e", c): v for c, v in zip(_CLASSES, (0.4, 0.7, 1.0, 0.3), strict=True)},
}
ZONE_A = {"w": 0.6, "e": 0.9}
AXIS_ZONE = {("w", "1"): 0.3, ("w", "2"): 0.8, ("e", "1"): 0.9, ("e", "2"): 0.5}
NUMBER_A = 0.35


@dataclass(frozen=True, repr=False)
class Field:
    """Rasters and zones that all drawn formulas share, and the same as plain arrays."""

    folder: Path
    tables: Mapping[str, Any]
    values: Mapping[
        str, Floats
    ]  # every symbol in every cell, ([members,] zones or 1, rows, columns)
    weights: Floats  # (zones, rows, columns)
    land: NDArray[np.int64]

    def __repr__(self) -> str:
        return "<the field>"


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Field:
    folder = tmp_path_factory.mktemp("field")
    shape = (13, 11)
    rng = np.random.default_rng(5)
    land = rng.integers(1, 5, shape)
    cells = {n: rng.uniform(0.5, 1.0, (2, *shape) if n == "cell_axis" else shape)
             for n in ("cell_a", "cell_b", "cell_axis")}  # fmt: skip
    for array in cells.values():
        array[rng.random(array.shape) < 0.08] = np.nan
    path = {
        n: str(tiny.write_raster(folder / f"{n}.tif", v, nodata=float("nan")))
        for n, v in cells.items()
    }
    land_file = tiny.write_raster(folder / "land.tif", land)
    west, south, east, north = tiny.rectangle(shape).bounds
    cut = west + 160.0
    zones = {
        "w": box(west + 10, south + 20, cut, north - 5),
        "e": box(cut, south, east, north - 50),
    }
    zone_file = tiny.write_zones(folder / "zones.gpkg", zones)
    rows = [f"{z},{c},{v}" for (z, c), v in _BOTH.items()]
    (folder / "both.csv").write_text("zone,ecosystem,value\n" + "\n".join(rows) + "\n", "utf-8")
    inputs = {
        "slope_length_factor": {"file": path["cell_a"], "unit": "1"},
        "slope_steepness_factor": {"file": path["cell_b"], "unit": "1"},
        "cover_factor": {"file": path["cell_axis"], "unit": "1"},
        "soil_erodibility_epic": {"value": NUMBER_A, "unit": "1"},
        "soil_crust_factor": {"table": str(folder / "both.csv"), "unit": "1"},
    }
    rows = ["zone,quantity,item,value,unit,year,source"]
    rows += [f"{z},erodible_fraction,,{v},1,2020,test" for z, v in ZONE_A.items()]
    rows += [f"{z},snow_factor,{m},{v},1,2020,test" for (z, m), v in AXIS_ZONE.items()]
    (folder / "statistics.csv").write_text("\n".join(rows) + "\n", "utf-8")
    tables = tiny.project(folder, land_file, zone_file, inputs)
    tables["statistics"] = {"file": str(folder / "statistics.csv")}
    layer = twin.read(land_file)
    number = land - 1
    both = np.array([[_BOTH[z, c] for c in tiny.CLASSES] for z in zones])
    pairs = np.array([[_PAIRS[c, m] for c in tiny.CLASSES] for m in ("1", "2")])

    def everywhere(values: Sequence[float]) -> Floats:
        return np.broadcast_to(np.array(values)[:, None, None], (2, *shape))

    values = {
        "cell_a": cells["cell_a"][None],
        "cell_b": cells["cell_b"][None],
        "cell_axis": cells["cell_axis"][:, None],
        "number_a": np.full((1, *shape), NUMBER_A),
        "zone_a": everywhere(list(ZONE_A.values())),
        "both_a": both[:, number],
        "axis_zone": np.stack([everywhere([AXIS_ZONE[z, m] for z in zones]) for m in ("1", "2")]),
        "class_a": np.array([tiny.FACTORS[c]["b"] for c in tiny.CLASSES])[number][None],
        "class_b": np.array([tiny.FACTORS[c]["alpha"] / 100 for c in tiny.CLASSES])[number][None],
        "axis_class": pairs[:, number][:, None],
    }
    areas = twin.cell_areas(layer)
    weights = np.stack([areas * twin.shares(layer, s) for s in zones.values()])
    return Field(folder, tables, values, weights, number)


def outside_zone_totals(node: Node) -> set[str]:
    """Return the symbols that enter a formula in each cell, not through a zone's total."""
    if isinstance(node, Sym):
        return {node.name}
    if isinstance(node, Call) and node.name == "by_zone":
        return set()
    return set().union(*(outside_zone_totals(child) for child in node.children))


def plain_account(tree: Node, field: Field) -> Floats:
    """Return Σ value × area by zone and class (or with the axis first), each formula per cell."""

    def value_of(node: Node) -> tuple[Floats, NDArray[np.bool_]]:
        names = formula.symbols(node)
        shape = field.weights.shape
        env = {n: np.broadcast_to(v, (*v.shape[:-3], *shape)) for n, v in field.values.items()}
        value = formula.evaluate(node, {n: env[n] for n in names}, FUNCTIONS, by_zone=zone_total)
        cells = [field.values[n] for n in outside_zone_totals(node) if n.startswith("cell")]
        known = np.ones(shape[1:], dtype=bool)
        for array in cells:
            known &= ~np.isnan(array).reshape(-1, *shape[1:]).any(axis=0)
        array = np.asarray(value)
        return np.broadcast_to(array, (*array.shape[:-3], *shape)), known

    def zone_total(_value: Any, call: Call) -> Floats:
        array, known = value_of(call.args[0])
        total = (np.where(known, array, 0) * field.weights).sum(axis=(-1, -2), keepdims=True)
        return np.broadcast_to(total, array.shape)

    array, known = value_of(tree)
    product = np.where(known, array, 0) * field.weights
    return np.stack([product[..., field.land == n].sum(axis=-1) for n in range(4)], axis=-1)


def drawn(depth: int, *, axis: bool) -> st.SearchStrategy[Node]:
    """Draw a formula over SYMBOLS, all of whose values are finite."""

    def make(seed: int) -> Node:
        names = {name: has for name, (_, has) in SYMBOLS.items()}
        return Grower(names, np.random.default_rng(seed), tame=True).grow(depth, axis=axis)

    return SEEDS.map(make)


def with_zone_totals() -> st.SearchStrategy[Node]:
    def share(a: Node, b: Node, c: Node, d: Node) -> Node:
        under = Call("by_zone", (Call("max", (c, Num(0.5))),))
        return Bin("+", a, Bin("*", Bin("/", Call("by_zone", (b,)), under), d))

    inner = drawn(2, axis=False)
    return st.builds(share, inner, inner, inner, inner)


def engine_account(tree: Node, field: Field, *, axis: bool) -> Floats:
    """Write the formula into a rule file, run a project with it, return its sums."""
    names = formula.symbols(tree)
    inputs = [f'{n} = {{ {SYMBOLS[n][0]}, unit = "1" }}' for n in names if "is =" in SYMBOLS[n][0]]
    table = [f'{n} = {{ {SYMBOLS[n][0]}, unit = "1" }}' for n in names if "from =" in SYMBOLS[n][0]]
    one = {n: {"1": 0.5, "2": 0.75} if SYMBOLS[n][1] else 0.5 for n in names}
    arrays = {n: np.array([0.5, 0.75]) if SYMBOLS[n][1] else 0.5 for n in names}
    wanted = formula.evaluate(tree, arrays, FUNCTIONS, by_zone=lambda v, _n: np.asarray(v) * 1e4)
    expect = {"1": float(wanted[0]), "2": float(wanted[1])} if axis else float(wanted)
    text = formula.to_text(tree)
    body = "[inputs]\n" + "\n".join(inputs) + "\n[coefficients]\n" + "\n".join(table)
    body += f'\n[[steps]]\nsymbol = "Q"\ntitle = {{ en = "Q", zh = "Q" }}\nformula = "{text}"\n'
    body += 'unit = "1"\n' + ('per = "month"\n' if axis else "")
    body += f'[account]\nphysical = "Q"\n[[examples]]\narea = 1\ngiven = {toml(one)}\n'
    body += f'expect = {{ Q = {toml(expect)} }}\nsource = "drawn"\n'
    home = tiny.write_standard(field.folder, [], own={"drawn": body})
    (home / "coefficients/pairs.toml").write_text(
        'title = { en = "P", zh = "P" }\nshape = "rectangle"\nkey = ["ecosystem", "month"]\n'
        '[columns.x]\ntitle = { en = "x", zh = "x" }\nunit = "1"\ncite = "book"\n'
        'verified = "full_text"\n[sources.book]\ntext = { en = "A test", zh = "测试" }\n',
        "utf-8",
    )
    rows = [f"{c},{m},{v},book" for (c, m), v in _PAIRS.items()]
    rows = ["ecosystem,month,x,source", *rows]
    (home / "coefficients/pairs.csv").write_text("\n".join(rows) + "\n", "utf-8")
    found = tiny.run(field.tables, workers=1).dataset["drawn.Q"]
    if "ecosystem" in found.dims:
        found = found.reindex(ecosystem=list(tiny.CLASSES))
        last = ("zone", "ecosystem")
    else:
        last = ("zone",)
    return found.transpose(..., *last).to_numpy()


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    return repr(float(value))


#: Each example writes a rule and runs a project: no time is spent on making a failure smaller.
RUNS = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=40, phases=RUNS)
@given(tree=drawn(3, axis=False))
def test_the_engine_equals_the_formula(tree: Node, field: Field) -> None:
    assume(usable(tree))
    compare(tree, field, axis=False)


@settings(max_examples=25, phases=RUNS)
@given(tree=drawn(3, axis=True))
def test_the_engine_equals_the_formula_with_an_axis(tree: Node, field: Field) -> None:
    assume(usable(tree))
    compare(tree, field, axis=True)


@settings(max_examples=30, phases=RUNS)
@given(tree=with_zone_totals())
def test_the_engine_equals_the_formula_with_zone_totals(tree: Node, field: Field) -> None:
    assume(usable(tree))
    compare(tree, field, axis=False)


@pytest.mark.parametrize(
    "text",
    [
        "total(cell_axis + cell_a)",
        "total(cell_axis - class_a) * class_b",
        "total(axis_class * (cell_a - cell_axis))",
        "cell_a * by_zone(cell_b * class_a) / by_zone(cell_b)",
        "total(by_zone(cell_axis) / by_zone(cell_a) * axis_class * cell_b)",
    ],
)
def test_the_engine_on_formulas_that_are_easily_wrong(text: str, field: Field) -> None:
    compare(formula.parse(text), field, axis=False)


def usable(tree: Node) -> bool:
    """Say whether a drawn formula has a symbol and is short enough for the language."""
    return bool(formula.symbols(tree)) and len(formula.to_text(tree)) <= formula.MAX_LENGTH


def compare(tree: Node, field: Field, *, axis: bool) -> None:
    with np.errstate(all="ignore"):
        wanted = plain_account(tree, field)
        found = engine_account(tree, field, axis=axis)
    size = np.abs(wanted).max() + field.weights.sum()
    np.testing.assert_allclose(np.nan_to_num(found), wanted, rtol=1e-10, atol=1e-11 * size)
