"""Quantities that a function computes over the whole grid, when their numbers are first needed.

Class sums that are kept need no numbers: a derived quantity is known by its function, by what the
function gets, and by the hashes of the files. So a project is read, and run from kept sums, without
decoding an elevation.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import numpy as np

from gep.errors import DataError, GepError
from gep.grid import Floats, Grid, Raster, RasterReader
from gep.units import Unit, convert

#: What the functions over a grid compute with, beyond what all sums depend on.
PACKAGES = ("pyflwdir", "numba")


@dataclass(frozen=True)
class Given:
    """An argument that is read from a raster: its unit there, and the one that is wanted."""

    raster: Raster
    unit: Unit
    wanted: Unit


class Derived:
    """The numbers that a function makes over a grid: made once, by whoever asks for them first.

    It serves as an array on the grid. What is sent to another process is a plain array.

    Parameters
    ----------
    function
        A function of :data:`gep.functions.FUNCTIONS` that is called with whole arrays.
    arguments
        Its arguments but for the size of the cells: :class:`Given`, numbers, or plain values.
    grid
        The grid.
    where
        The place in the project, for messages.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        grid: Grid,
        where: str,
    ) -> None:
        self.function, self.arguments, self.grid, self.where = function, arguments, grid, where
        self._signature = function.signature  # type: ignore[attr-defined]
        self._lock = threading.Lock()
        self._numbers: Floats | None = None

    def check(self) -> None:
        """Find what is wrong with the arguments, as far as that can be seen without numbers.

        The function is tried on cells without data. If it refuses them, the numbers are made now:
        they decide.

        Raises
        ------
        DataError
            As :meth:`numbers` does.
        ImportError
            If the function needs a library that is not installed.
        """
        rows, columns = (self.grid.height, 1) if self._signature.shape == "grid" else (1, 1)

        def without_data(given: Given) -> Floats:
            members = (len(given.raster.bands),) if given.raster.has_axis else ()
            return np.full((*members, rows, columns), np.nan)

        try:
            self._make(without_data, (rows, columns))
        except DataError:
            self.numbers()

    def numbers(self) -> Floats:
        """Return the numbers, of the shape of the grid.

        Raises
        ------
        DataError
            If a raster cannot be read, or the function refuses what it gets.
        """
        with self._lock:
            if self._numbers is None:
                self._numbers = self._make(self._read, (self.grid.height, self.grid.width))
            return self._numbers

    def _read(self, given: Given) -> Floats:
        return convert(read_whole(self.grid, given.raster), given.unit, given.wanted)

    def _make(self, read: Callable[[Given], Floats], shape: tuple[int, int]) -> Floats:
        try:
            arguments = {
                name: read(value) if isinstance(value, Given) else value
                for name, value in self.arguments.items()
            }
            if self._signature.shape == "grid":
                arguments["dx"], arguments["dy"] = self.grid.ground_cell()
            values = np.asarray(self.function(**arguments), dtype=np.float64)
            return np.broadcast_to(values, shape)
        except (TypeError, ValueError) as error:
            what = f"{self._signature.name} cannot be computed over the grid from what is given"
            raise DataError(what, self.where, found=str(error)) from None
        except GepError as error:
            problems = [replace(p, where=p.where or self.where) for p in error.problems]
            raise DataError(problems) from None

    def digest(self, content: Mapping[str, str]) -> str:
        """Return what tells the numbers from all others, without making them.

        Parameters
        ----------
        content
            The hash of all that a raster consists of, by its path.
        """
        grid = self.grid
        told: list[Any] = [grid.wkt, tuple(grid.transform), grid.height, grid.width]
        told.append(self._signature.name)
        for name, value in sorted(self.arguments.items()):
            if isinstance(value, Given):
                how = replace(value.raster, path="", name="", grid=cast("Any", None))
                told += [name, content[value.raster.path], how, str(value.unit), str(value.wanted)]
            else:
                told += [name, np.asarray(value).tolist()]  # the text of an array may be cut
        told += [(package, _version(package)) for package in PACKAGES]
        return hashlib.sha256("\n".join(map(repr, told)).encode()).hexdigest()

    # -------------------------------------------------------------------- as an array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:  # noqa: FBT001
        """Return the numbers to NumPy."""
        found: Floats = np.asarray(self.numbers(), dtype=dtype)
        return found.copy() if copy else found

    def __getitem__(self, at: Any) -> Floats:
        """Return a part of the numbers."""
        return cast("Floats", self.numbers()[at])

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as a plain array: another process need not reach the files."""
        return np.asarray, (np.asarray(self),)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def read_whole(grid: Grid, raster: Raster) -> Floats:
    """Read a whole raster onto the grid, tile by tile like the engine's pass."""
    reader = RasterReader(grid)
    shape = (grid.height, grid.width)
    result = np.full((len(raster.bands), *shape) if raster.has_axis else shape, np.nan)
    try:
        for _, window in grid.tiles():
            result[(..., *window.slices)] = reader.read(raster, window)
    finally:
        reader.close()
    return result
