"""Slope, relief and flow, by hand and against plain twins."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gep.errors import DataError
from gep.functions import terrain

CURVE = {
    "gradient_1": 10.8, "intercept_1": 0.03,
    "break_1": 5.14, "gradient_2": 16.8, "intercept_2": -0.5,
    "break_2": 10.20, "gradient_3": 21.9, "intercept_3": -0.96,
    "break_3": 28.81, "gradient_4": 0.0, "intercept_4": 9.5988,
}  # fmt: skip
ROUTING = (
    *("flow_accumulation", "slope_length", "slope_length_cutoff", "slope_length_factor"),
    "ls_factor_root_area_from_elevation",
)


@pytest.fixture
def pyflwdir():
    return pytest.importorskip("pyflwdir")


def rough(rows=17, columns=13, seed=3):
    """Return a rough surface with a hole."""
    z = np.random.default_rng(seed).uniform(0, 50, (rows, columns))
    z[5:7, 4] = np.nan
    return z


# ------------------------------------------------------------------------------- angles and curves


def test_sine_and_tangent():
    np.testing.assert_allclose(terrain.sine(angle=np.array([0, 30, 90])), [0, 0.5, 1], atol=1e-15)
    # a slope of 9 % is 5.1428°
    assert terrain.tangent(angle=5.142765) == pytest.approx(0.09, rel=1e-6)


def test_four_intervals_and_their_jumps():
    # sin 5.14° = 0.0895893; sin 10.20° = 0.1770847; sin 28.81° = 0.4819056
    below = 10.8 * 0.0895893 + 0.03  # 0.997564
    above = 16.8 * 0.0895893 - 0.5  # 1.005100
    angles = np.array([0.0, 5.14 - 1e-9, 5.14, 10.20 - 1e-9, 10.20, 28.81 - 1e-9, 28.81, 80.0])
    expected = [
        *(0.03, below, above),
        *(16.8 * 0.1770847 - 0.5, 21.9 * 0.1770847 - 0.96),  # 2.475 and 2.918: the printed jump
        *(21.9 * 0.4819056 - 0.96, 9.5988, 9.5988),
    ]
    np.testing.assert_allclose(terrain.slope_steepness(slope=angles, **CURVE), expected, rtol=1e-5)


def test_three_intervals():
    curve = {k: v for k, v in CURVE.items() if not k.endswith(("_4", "k_3"))}
    # 21.9·sin 60° - 0.96 = 18.005955: nothing caps it
    assert terrain.slope_steepness(slope=60, **curve) == pytest.approx(18.005955, rel=1e-6)


def test_steepness_is_never_negative():
    curve = {"gradient_1": 16.8, "intercept_1": -0.5, "break_1": 80, "gradient_2": 1,
             "intercept_2": 0}  # fmt: skip
    assert terrain.slope_steepness(slope=0.5, **curve) == 0


def test_missing_slope_is_missing():
    result = terrain.slope_steepness(slope=np.array([np.nan, 3.0]), **CURVE)
    assert np.isnan(result).tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"break_2": 4.0}, "breaks of a slope curve ascend"),
        ({"gradient_4": np.nan}, "gradient and an intercept"),
        ({"slope": 95.0}, "slope lies between 0 and 90 deg"),
        ({"slope": -1.0}, "slope lies between 0 and 90 deg"),
    ],
)
def test_impossible_curves_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        terrain.slope_steepness(**{"slope": 12.0} | CURVE | change)


def test_exponent_by_hand():
    # θ = 30°: sin = 0.5; 0.5^0.8 = 0.574349; β = (0.5/0.0896)/(1.723048 + 0.56)
    # = 5.580357/2.283048 = 2.444258; m = 2.444258/3.444258 = 0.709662
    assert terrain.slope_length_exponent(slope=30, rill_constant=0.0896) == pytest.approx(
        0.709662, rel=1e-5
    )
    # at the 9 % slope the ratio is one and the exponent one half
    nine = math.degrees(math.atan(0.09))
    assert terrain.slope_length_exponent(slope=nine, rill_constant=0.0896) == pytest.approx(
        0.5, abs=0.002
    )
    assert terrain.slope_length_exponent(slope=0, rill_constant=0.0896) == 0


@given(st.floats(0.01, 89))
def test_two_printed_rill_constants_differ_by_less_than_one_per_cent(angle):
    one = terrain.slope_length_exponent(slope=angle, rill_constant=0.0896)
    other = terrain.slope_length_exponent(slope=angle, rill_constant=0.089)
    assert 1 < other / one < 1.0068


# ------------------------------------------------------------------------------- slope


def test_slope_agrees_with_a_plain_loop():
    z = np.random.default_rng(0).uniform(0, 100, (9, 7))
    dx = np.linspace(20, 28, 9)[:, None]
    fast = terrain.slope(elevation=z, dx=dx, dy=31.0)
    for r in range(1, 8):
        for c in range(1, 6):
            w = z[r - 1 : r + 2, c - 1 : c + 2]
            (a, b, e), (d, _, f), (g, h, i) = w
            east = ((e + 2 * f + i) - (a + 2 * d + g)) / (8 * dx[r, 0])
            south = ((g + 2 * h + i) - (a + 2 * b + e)) / (8 * 31.0)
            expected = math.degrees(math.atan(math.sqrt(east**2 + south**2)))
            assert fast[r, c] == pytest.approx(expected, rel=1e-12)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(1, 100), st.floats(1, 100))
@settings(max_examples=50)
def test_a_plane_has_its_slope_up_to_edges_and_holes(east, south, dx, dy):
    rows, columns = np.mgrid[0:6, 0:7]
    z = 100 + east * dx * columns + south * dy * rows
    z[2, 3] = z[0, 0] = np.nan
    result = terrain.slope(elevation=z, dx=dx, dy=dy)
    assert np.isnan(result[2, 3])
    assert np.isnan(result[0, 0])
    expected = math.degrees(math.atan(math.hypot(east, south)))
    np.testing.assert_allclose(result[~np.isnan(z)], expected, atol=1e-5)


def test_rows_of_different_width():
    # 10 m per column; the cells are 10 m wide in the first rows and 20 m in the last
    z = np.tile(np.arange(5) * 10.0, (4, 1))
    dx = np.array([[10.0], [10.0], [10.0], [20.0]])
    result = terrain.slope(elevation=z, dx=dx, dy=30)
    np.testing.assert_allclose(result[0], 45)
    np.testing.assert_allclose(result[3], math.degrees(math.atan(0.5)))


def test_a_cell_without_neighbours_has_no_slope():
    z = np.full((3, 3), np.nan)
    z[1, 1] = 5.0
    assert np.isnan(terrain.slope(elevation=z, dx=30, dy=30)).all()


def test_stripes_do_not_show(monkeypatch):
    z = rough(40, 9)
    whole = terrain.slope(elevation=z, dx=30, dy=30)
    monkeypatch.setattr(terrain, "_STRIPE", 7)
    np.testing.assert_array_equal(terrain.slope(elevation=z, dx=30, dy=30), whole)


@given(st.floats(0.1, 10))
@settings(max_examples=25)
def test_slope_does_not_depend_on_the_unit_of_length(factor):
    z = rough()
    one = terrain.slope(elevation=z, dx=30, dy=25)
    other = terrain.slope(elevation=z * factor, dx=30 * factor, dy=25 * factor)
    np.testing.assert_allclose(other, one, rtol=1e-9)


# ------------------------------------------------------------------------------- relief


def test_relief_agrees_with_a_plain_loop():
    z = rough()
    dx = np.linspace(9, 21, z.shape[0])[:, None]
    result = terrain.relief(elevation=z, side=84, dx=dx, dy=20)
    for r in range(z.shape[0]):
        beside, above = int(42 // dx[r, 0]), 2
        for c in range(z.shape[1]):
            window = z[max(r - above, 0) : r + above + 1, max(c - beside, 0) : c + beside + 1]
            expected = np.nanmax(window) - np.nanmin(window)
            if np.isnan(z[r, c]):
                assert np.isnan(result[r, c])
            else:
                assert result[r, c] == expected


def test_window_holds_cells_at_exactly_half_its_side():
    z = np.zeros((7, 7))
    z[3, 6] = 9.0
    result = terrain.relief(elevation=z, side=180, dx=30, dy=30)  # three cells to each side
    assert result[3].tolist() == [0, 0, 0, 9, 9, 9, 9]


def test_window_wider_than_the_grid():
    z = rough()
    result = terrain.relief(elevation=z, side=1e6, dx=30, dy=30)
    assert np.nanmin(result) == np.nanmax(result) == np.nanmax(z) - np.nanmin(z)


def test_window_of_one_cell_is_refused():
    with pytest.raises(DataError, match="wider than two cells"):
        terrain.relief(elevation=rough(), side=50, dx=30, dy=30)


# ------------------------------------------------------------------------------- flow


def valley(down):
    """Return a valley along the middle column: 5 m down per column to it, ``down`` m per row."""
    rows, columns = np.mgrid[0:5, 0:5]
    return 10 + (4.0 - rows) * down + np.abs(columns - 2) * 5.0


def mirror(left):
    return [[*row, row[1], row[0]] for row in left]


@pytest.mark.usefixtures("pyflwdir")
def test_straight_flow_by_hand():
    # to the side 5/10 = 0.5, diagonal (5 + 2)/14.14 = 0.495: sideways into the valley, then down it
    z = valley(2.0)
    area = terrain.flow_accumulation(elevation=z, dx=10, dy=10) / 100
    np.testing.assert_allclose(area, mirror([[1, 2, 5 * (r + 1)] for r in range(5)]))
    # sources half a cell, then 10 m a step: 5, 15, 25 and on down the valley
    length = terrain.slope_length(elevation=z, cap=60, dx=10, dy=10)
    np.testing.assert_allclose(length, mirror([[5, 15, min(25 + 10 * r, 60)] for r in range(5)]))


@pytest.mark.usefixtures("pyflwdir")
def test_diagonal_flow_by_hand():
    # to the side 0.5, diagonal (5 + 3)/14.14 = 0.566: diagonal, except along the lowest row
    z = valley(3.0)
    area = terrain.flow_accumulation(elevation=z, dx=10, dy=10) / 100
    # valley: 1; 1+1+2·1; 1+4+2·2; 1+9+2·2; 1+14+2·2+2·3
    expected = mirror([[1, 1, 1], [1, 2, 4], [1, 2, 9], [1, 2, 14], [1, 3, 25]])
    np.testing.assert_allclose(area, expected)
    half, step = 5 * math.sqrt(2), 10 * math.sqrt(2)
    side = half + step  # 21.213
    middle = [5, side, side + step, side + step + 10, side + step + 20]
    first = [half, half, half, half, 5]
    second = [half, side, side, side, side]
    expected = mirror([list(row) for row in zip(first, second, middle, strict=True)])
    length = terrain.slope_length(elevation=z, cap=1000, dx=10, dy=10)
    np.testing.assert_allclose(length, expected, rtol=1e-12)


@pytest.mark.usefixtures("pyflwdir")
def test_true_distances_decide():
    """On cells twice as wide as high the way down the rows is the steeper one."""
    z = valley(3.0)
    area = terrain.flow_accumulation(elevation=z, dx=20, dy=10) / 200
    # to the side 5/20 = 0.25, down 3/10 = 0.3, diagonal 8/22.36 = 0.358 -> diagonal as before;
    np.testing.assert_allclose(area[4], [1, 3, 25, 3, 1])
    # with 100 m: side 0.05, down 0.3, diagonal 8/100.5 = 0.08 -> down each column
    area = terrain.flow_accumulation(elevation=z, dx=100, dy=10) / 1000
    np.testing.assert_allclose(area[:4], np.repeat([[1], [2], [3], [4]], 5, axis=1))


def plain_routing(z, dx, dy):
    """Return area and longest path on a surface without pits, cell by cell from the top."""
    rows, columns = z.shape
    area, length = np.full(z.shape, dx * dy), np.full(z.shape, -np.inf)
    codes = np.full(z.shape, 247, dtype=np.uint8)
    names = {(0, 1): 1, (1, 1): 2, (1, 0): 4, (1, -1): 8,
             (0, -1): 16, (-1, -1): 32, (-1, 0): 64, (-1, 1): 128}  # fmt: skip
    cells = [(r, c) for r in range(rows) for c in range(columns) if not np.isnan(z[r, c])]
    for r, c in sorted(cells, key=lambda rc: -z[rc]):
        best, to, far, name = 0.0, None, math.sqrt(dx * dy), 0
        for (i, j), code in names.items():
            a, b = r + i, c + j
            if not (0 <= a < rows and 0 <= b < columns) or np.isnan(z[a, b]):
                continue
            distance = math.hypot(i * dy, j * dx)
            if (z[r, c] - z[a, b]) / distance > best:
                best, to, far = (z[r, c] - z[a, b]) / distance, (a, b), distance
                name = code
        if np.isneginf(length[r, c]):
            length[r, c] = far / 2
        codes[r, c] = name
        if to is not None:
            area[to] += area[r, c]
            length[to] = max(length[to], length[r, c] + far)
    area[np.isnan(z)] = length[np.isnan(z)] = np.nan
    return area, length, codes


def cone(seed=0):
    """Return a rough cone: every cell has a lower neighbour or lies on the edge."""
    rows, columns = np.mgrid[0:23, 0:19]
    noise = np.random.default_rng(seed).uniform(0, 3, rows.shape)
    z = 500 - 9.0 * np.hypot(rows - 11, columns - 9) + noise
    z[3:5, 3:6] = np.nan
    return z.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("seed", range(3))
def test_routing_agrees_with_a_plain_twin(pyflwdir, seed):
    z = cone(seed)
    area, length, codes = plain_routing(z, 30.0, 20.0)
    result = terrain.flow_accumulation(elevation=z, dx=30, dy=20)
    np.testing.assert_allclose(result, area, rtol=1e-12)
    result = terrain.slope_length(elevation=z, cap=1e9, dx=30, dy=20)
    np.testing.assert_allclose(result, length, rtol=1e-12)
    # the same flow directions, accumulated by the library
    cells = pyflwdir.from_array(codes, ftype="d8").upstream_area()
    known = ~np.isnan(z)
    np.testing.assert_allclose(cells[known], area[known] / 600)


def edge_of_data(z):
    padded = np.pad(z, 1, constant_values=np.nan)
    rows, columns = z.shape
    near = [padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return np.isnan(near).any(axis=0) & ~np.isnan(z)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.usefixtures("pyflwdir")
def test_all_water_leaves_over_the_edge(seed):
    """Depressions are filled: every cell reaches an outlet, and nothing is lost on the way."""
    z = rough(30, 25, seed)
    width, height = np.linspace(20, 30, 30)[:, None], np.full((30, 1), 25.0)
    flow = terrain._route(z, width, height)
    cells = np.broadcast_to(width * height, z.shape)
    total = terrain._accumulate(flow, np.where(np.isnan(z), np.nan, cells).ravel())
    outlets = (flow.below == np.arange(z.size)) & ~np.isnan(z.ravel())
    assert edge_of_data(z).ravel()[outlets].all()
    assert total[outlets].sum() == pytest.approx(cells[~np.isnan(z)].sum(), rel=1e-12)


@pytest.mark.usefixtures("pyflwdir")
def test_flat_ground():
    """A flat square drains over its edge, without loops and without flow along the edge."""
    area = terrain.flow_accumulation(elevation=np.full((6, 6), 7.0), dx=10, dy=10)
    edge = edge_of_data(np.zeros((6, 6)))
    assert area[edge].sum() == pytest.approx(3600)
    assert np.isfinite(area).all()


@pytest.mark.usefixtures("pyflwdir")
def test_a_plane_drains_straight_down():
    z = np.repeat(np.arange(6.0)[::-1, None], 5, axis=1)
    area = terrain.flow_accumulation(elevation=z, dx=10, dy=10) / 100
    np.testing.assert_allclose(area, np.repeat(np.arange(1.0, 7)[:, None], 5, axis=1))


@pytest.mark.usefixtures("pyflwdir")
def test_a_single_cell_is_half_its_mean_size_long():
    # sqrt(20·45) = 30
    length = terrain.slope_length(elevation=np.array([[7.0]]), cap=300, dx=20, dy=45)
    np.testing.assert_allclose(length, [[15.0]])


@pytest.mark.usefixtures("pyflwdir")
def test_grid_without_data():
    z = np.full((4, 4), np.nan)
    assert np.isnan(terrain.flow_accumulation(elevation=z, dx=10, dy=10)).all()
    assert np.isnan(terrain.slope_length(elevation=z, cap=100, dx=10, dy=10)).all()


@pytest.mark.usefixtures("pyflwdir")
def test_length_begins_anew_where_the_ground_flattens():
    z = np.repeat(np.array([60.0, 50, 40, 30, 29.5, 29.0, 28.5])[:, None], 3, axis=1)
    cutoff = {"gentle_below": 2.86, "cutoff_gentle": 0.7, "cutoff_steep": 0.5}
    # Horn slopes down the column: 45°, 45°, 45°, atan((40 - 29.5)/20) = 27.7°, atan(1/20) = 2.86°,
    # 2.86°, 2.86°: 27.7 > 0.5·45 passes; 2.86 < 0.5·27.7 ends the path; then it runs on
    length = terrain.slope_length_cutoff(elevation=z, cap=300, dx=10, dy=10, **cutoff)
    np.testing.assert_allclose(length[:, 1], [5, 15, 25, 35, 5, 15, 25])
    # with 0.7 for steep ground 27.7 < 0.7·45 = 31.5 ends it one cell earlier, and 2.86 again
    cutoff["cutoff_steep"] = 0.7
    length = terrain.slope_length_cutoff(elevation=z, cap=300, dx=10, dy=10, **cutoff)
    np.testing.assert_allclose(length[:, 1], [5, 15, 25, 5, 5, 15, 25])


@pytest.mark.usefixtures("pyflwdir")
def test_without_cutoff_it_is_the_plain_length():
    z = cone()
    never = {"gentle_below": 2.86, "cutoff_gentle": 0.0, "cutoff_steep": 0.0}
    np.testing.assert_array_equal(
        terrain.slope_length_cutoff(elevation=z, cap=122, dx=30, dy=30, **never),
        terrain.slope_length(elevation=z, cap=122, dx=30, dy=30),
    )


def segments(angle, side, count, cap):
    """Return L of the segments of an even slope (Foster and Wischmeier), by its definition."""
    sin = math.sin(math.radians(angle))
    beta = (sin / 0.0896) / (3 * sin**0.8 + 0.56)
    m = beta / (1 + beta)
    factors = []
    for k in range(1, count + 1):
        end = min(k * side, cap)
        start = end - side
        factors.append((end ** (m + 1) - start ** (m + 1)) / (side * 22.13**m))
    return factors


@pytest.mark.usefixtures("pyflwdir")
def test_length_factor_of_an_even_slope():
    rise = 10 * math.tan(math.radians(12))
    z = np.repeat(np.arange(8.0)[::-1, None] * rise, 4, axis=1)
    result = terrain.slope_length_factor(elevation=z, rill_constant=0.0896, cap=45, dx=10, dy=10)
    expected = segments(12, 10, 8, 45)
    assert expected[-1] == expected[4] > expected[3]  # the cap is reached
    np.testing.assert_allclose(result[:, 1], expected, rtol=1e-5)


@pytest.mark.usefixtures("pyflwdir")
def test_length_factor_of_a_diagonal_plane():
    """The top cell of a plane falling to the corner: A = 0, and the contour is √2 D long."""
    rows, columns = np.mgrid[0:4, 0:4]
    z = 100.0 - 2 * rows - 2 * columns
    result = terrain.slope_length_factor(elevation=z, rill_constant=0.0896, cap=300, dx=10, dy=10)
    sin = math.sin(math.atan(0.2 * math.sqrt(2)))
    beta = (sin / 0.0896) / (3 * sin**0.8 + 0.56)
    m = beta / (1 + beta)
    # [D²^(m+1)]/[D^(m+2) · √2^m · 22.13^m] = [D/(√2 · 22.13)]^m
    assert result[0, 0] == pytest.approx((10 / (math.sqrt(2) * 22.13)) ** m, rel=1e-9)


@pytest.mark.usefixtures("pyflwdir")
def test_length_factor_of_flat_ground_is_one():
    result = terrain.slope_length_factor(
        elevation=np.full((5, 5), 3.0), rill_constant=0.0896, cap=300, dx=10, dy=10
    )
    np.testing.assert_allclose(result, 1.0)


@given(st.floats(20, 400), st.floats(1, 5))
@settings(max_examples=15, deadline=None)
def test_a_greater_cap_never_shortens(cap, factor):
    pytest.importorskip("pyflwdir")
    z = cone()
    for function, more in (
        (terrain.slope_length, {}),
        (terrain.slope_length_factor, {"rill_constant": 0.0896}),
    ):
        low = function(elevation=z, cap=cap, dx=30, dy=30, **more)
        high = function(elevation=z, cap=cap * factor, dx=30, dy=30, **more)
        assert np.all((low <= high * (1 + 1e-12)) | np.isnan(z))


# ------------------------------------------------------------------------------- LS of a peer


def degrees(per_cent):
    return np.degrees(np.arctan(np.asarray(per_cent, dtype=float) / 100))


def root_area(per_cent, cells, *, cap=122.0, side=30.0):
    """Return LS of one row of square cells, from slopes in per cent and counts of cells."""
    slope, area = np.atleast_2d(degrees(per_cent)), np.atleast_2d(cells) * side**2
    result = terrain.ls_factor_root_area(
        slope=slope, flow_accumulation=area, cap=cap, dx=side, dy=side
    )
    return result[0]


def test_ls_of_the_root_area_by_hand():
    # 5 % and nothing above: θ = 2.862405°, sin 0.0499376, cos 0.9987523, x = 1.0486899, m = 0.4
    # L = 900^1.4/(30^2.4 · (1.0486899·22.13)^0.4) = (30/23.2075)^0.4 = 1.108157
    # S = 10.8·0.0499376 + 0.03 = 0.569326; LS = 0.630903
    # 20 % and ten cells above: sin 0.1961161, cos 0.9805807, x = 1.1766968
    # β = (0.1961161/0.0896)/(3·0.271650 + 0.56) = 2.188796/1.374951 = 1.591908; m = 0.614184
    # A = sqrt(9000) = 94.868330: 994.868330^1.614184 - 94.868330^1.614184 = 69010.4 - 1553.9
    # L = 67456.5/(30^2.614184 · 26.0403^0.614184) = 67456.5/(7268.83·7.40401) = 1.25341
    # S = 16.8·0.1961161 - 0.5 = 2.794751; LS = 3.50297
    np.testing.assert_allclose(root_area([5, 20], [1, 11]), [0.630903, 3.50297], rtol=1e-4)


@pytest.mark.parametrize(
    ("per_cent", "exponent"),
    [(0, 0.2), (1, 0.2), (1.001, 0.3), (3.5, 0.3), (3.501, 0.4), (5, 0.4), (5.001, 0.5), (9, 0.5)],
)
def test_exponents_change_above_their_breaks(per_cent, exponent):
    # without cells above, L = (D/(x·22.13))^m
    theta = math.atan(per_cent / 100)
    steep = 16.8 * math.sin(theta) - 0.5 if per_cent == 9 else 10.8 * math.sin(theta) + 0.03
    crossing = math.sin(theta) + math.cos(theta)
    expected = (30 / (crossing * 22.13)) ** exponent * steep
    assert root_area(per_cent, 1)[0] == pytest.approx(expected, rel=1e-9)


def test_cap_limits_the_length_factor():
    # L of 20 % with ten cells above is 1.25341: capped at 1 only S = 2.794751 remains
    assert root_area(20, 11, cap=1)[0] == pytest.approx(2.794751, rel=1e-6)
    assert root_area(20, 11, cap=1.3)[0] == root_area(20, 11)[0]


@given(st.floats(0, 200), st.integers(1, 10**6), st.integers(0, 10**6))
def test_more_area_above_never_lessens_the_factor(per_cent, cells, more):
    one, other = root_area([per_cent] * 2, [cells, cells + more])
    assert 0 < one <= other * (1 + 1e-9)


def test_missing_cells_of_either_grid_are_missing():
    result = root_area([np.nan, 5, 5], [1, np.nan, 1])
    assert np.isnan(result).tolist() == [True, True, False]


def test_rows_of_different_width_have_their_own_cells():
    slope, dx = np.full((2, 1), degrees(20)), np.array([[30.0], [20.0]])
    area = np.array([[9900.0], [9600.0]])
    result = terrain.ls_factor_root_area(
        slope=slope, flow_accumulation=area, cap=122, dx=dx, dy=30.0
    )
    assert result[0, 0] == pytest.approx(root_area(20, 11)[0])
    alone = terrain.ls_factor_root_area(
        slope=slope[1:], flow_accumulation=area[1:], cap=122, dx=20.0, dy=30.0
    )
    assert result[1, 0] == alone[0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": np.full((2, 3), 91.0)}, "slope lies between 0 and 90 deg"),
        ({"slope": np.zeros(3)}, "slope is a grid of rows and columns"),
        ({"flow_accumulation": np.full((2, 3), 11.0)}, "at least its own area drains"),
        ({"flow_accumulation": np.full((3, 2), 9900.0)}, "one grid"),
        ({"cap": 0}, "cap is above 0"),
        ({"dx": 0}, "dx is above 0 m"),
    ],
)
def test_impossible_grids_of_the_root_area_are_refused(change, message):
    grids = {"slope": np.full((2, 3), 5.0), "flow_accumulation": np.full((2, 3), 9900.0)}
    with pytest.raises(DataError, match=message):
        terrain.ls_factor_root_area(**grids | {"cap": 122, "dx": 30, "dy": 30} | change)


@pytest.fixture
def peer(real):
    """Return a reader of the grids that InVEST 3.20.2 made of a small landscape (30 m cells)."""
    rasterio = pytest.importorskip("rasterio")
    folder = next((f for f in (real / "golden", real.parent / "golden") if f.is_dir()), None)
    if folder is None:
        pytest.skip("the peer's results are not among the real data")

    def read(name):
        with rasterio.open(folder / f"{name}.tif") as source:
            return source.read(1, masked=True).astype(float).filled(np.nan)

    return read


@pytest.mark.real_data
def test_root_area_agrees_with_the_peer(peer):
    made = "outputs/sdr_d8/intermediate_outputs__"
    expected = peer(f"{made}ls")
    result = terrain.ls_factor_root_area(
        slope=degrees(peer(f"{made}slope")),
        flow_accumulation=peer(f"{made}flow_accumulation") * 900,
        cap=122,
        dx=30,
        dy=30,
    )
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    assert np.count_nonzero(~np.isnan(expected)) == 4080
    np.testing.assert_allclose(result, expected, rtol=1e-5)


@pytest.mark.real_data
@pytest.mark.usefixtures("pyflwdir")
def test_root_area_from_elevation_follows_the_peer(peer):
    # three cells of four are the same; those below filled pits drain differently over the flats
    expected = peer("outputs/sdr_d8/intermediate_outputs__ls")
    elevation = np.where(np.isnan(expected), np.nan, peer("inputs/dem"))
    result = terrain.ls_factor_root_area_from_elevation(elevation=elevation, cap=122, dx=30, dy=30)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    error = np.abs(result / expected - 1)[~np.isnan(expected)]
    assert np.mean(error < 1e-5) > 0.7
    assert np.mean(error < 0.1) > 0.9
    assert np.nansum(result) == pytest.approx(np.nansum(expected), rel=0.01)


@pytest.mark.usefixtures("pyflwdir")
def test_root_area_from_elevation_on_a_ramp():
    # 10 % down ten rows of 10 m: 1, 2 ... 10 cells drain through them
    z = np.linspace(10, 1, 10)[:, None] + np.zeros(3)
    result = terrain.ls_factor_root_area_from_elevation(elevation=z, cap=122, dx=10, dy=10)
    expected = root_area([10] * 10, np.arange(1, 11), side=10.0)
    np.testing.assert_allclose(result, np.repeat(expected[:, None], 3, axis=1), rtol=1e-6)


# ------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", ROUTING)
def test_missing_library_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyflwdir", None)
    more = {
        "slope_length": {"cap": 300},
        "slope_length_cutoff": {
            "cap": 300, "gentle_below": 3, "cutoff_gentle": 0.7, "cutoff_steep": 0.5,
        },
        "slope_length_factor": {"cap": 300, "rill_constant": 0.0896},
        "ls_factor_root_area_from_elevation": {"cap": 122},
    }  # fmt: skip
    with pytest.raises(ImportError, match=r'pip install "gep-accounting\[hydro\]"'):
        getattr(terrain, name)(elevation=cone(), dx=30, dy=30, **more.get(name, {}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"elevation": np.zeros(4)}, "grid of rows and columns"),
        ({"elevation": np.array([[1.0, np.inf]])}, "finite"),
        ({"dx": 0.0}, "dx is above 0 m"),
        ({"dy": -30.0}, "dy is above 0 m"),
        ({"dx": np.nan}, "dx is above 0 m"),
        ({"dx": np.full((1, 4), 30.0)}, r"shape \(3, 1\)"),
    ],
)
def test_wrong_grids_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        terrain.slope(**{"elevation": np.zeros((3, 4)), "dx": 30.0, "dy": 30.0} | change)


@pytest.mark.usefixtures("pyflwdir")
def test_wrong_lengths_and_cutoffs_are_refused():
    grid = {"elevation": cone(), "dx": 30, "dy": 30}
    with pytest.raises(DataError, match="cap is above 0 m"):
        terrain.slope_length(cap=0, **grid)
    with pytest.raises(DataError, match="cap is above 0 m"):
        terrain.slope_length_factor(cap=-1, rill_constant=0.0896, **grid)
    with pytest.raises(DataError, match="cutoff on gentle ground lies between 0 and 1"):
        terrain.slope_length_cutoff(
            cap=300, gentle_below=3, cutoff_gentle=70, cutoff_steep=0.5, **grid
        )


def test_labelled_grids_keep_their_coordinates():
    xr = pytest.importorskip("xarray")
    z = xr.DataArray(
        np.tile(np.arange(4) * 0.03, (3, 1)),
        dims=("y", "x"),
        coords={"y": [3.0, 2.0, 1.0], "x": [0.0, 1.0, 2.0, 3.0]},
        attrs={"units": "km"},
    )
    result = terrain.slope(elevation=z, dx=30, dy=30)
    assert result.attrs == {"units": "deg"}
    assert result.y.values.tolist() == [3.0, 2.0, 1.0]
    np.testing.assert_allclose(result.values, 45)
