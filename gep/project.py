"""A project: which standard, which year, which data. Reading it finds all that is wrong with it.

What the rest of the engine sees are *sources*: a number, values by class or zone, or a raster.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gep.derived import Derived, Given
from gep.errors import DataError, GepError, Problems, nearest
from gep.features import MEASURES, read_features
from gep.functions import FUNCTIONS
from gep.grid import (
    Grid,
    Raster,
    Zones,
    choose_resampling,
    describe_bands,
    open_raster,
    overlap,
    path_exists,
)
from gep.library import (
    Legend,
    Standard,
    legend,
    price_index,
    standard,
    table_number,
    together,
)
from gep.model import Quantity
from gep.remote import gdal_path, identity, is_address
from gep.tables import (
    VERIFIED,
    Entry,
    Table,
    check_keys,
    is_file,
    number,
    out_of_range,
    read_csv,
    read_range,
    read_unit,
    sha256,
    texts,
)
from gep.units import Unit, convert, unit

if TYPE_CHECKING:
    import geopandas
    import xarray

#: A raster must cover this share of the land cover's rectangle at least, or it is the wrong one.
MIN_OVERLAP = 1e-6
#: Overlap of two zones up to this share of the smaller one is rounding of coordinates.
ROUNDING_OVERLAP = 1e-9
#: Overlap of two zones up to this share of the smaller one is digitising noise, and is reported.
MAX_ZONE_OVERLAP = 1e-4
RESAMPLING = ("nearest", "bilinear", "average", "sum", "mode")


@dataclass(frozen=True)
class Source:
    """How a quantity is given. ``support`` is number, class, zone, class and zone, or cell."""

    quantity: Quantity
    unit: Unit
    is_total: bool
    where: str
    origin: Mapping[str, Any]
    members: tuple[str, ...] | None = None
    value: float | None = None
    by_class: Mapping[tuple[str | None, str], float] | None = None  # (zone or None, ecosystem)
    by_zone: Mapping[tuple[str, str | None], float] | None = None  # (zone, member or None)
    raster: Raster | None = None
    array: np.ndarray[Any, np.dtype[np.float64]] | Derived | None = None
    limits: tuple[float, float] | None = None
    price_years: Mapping[str, int] = field(default_factory=dict)

    @property
    def support(self) -> frozenset[str]:
        """The supports along which the quantity varies: of ``cell``, ``zone``, ``class``."""
        if self.raster is not None or self.array is not None:
            return frozenset({"cell"})
        if self.by_zone is not None:
            return frozenset({"zone"})
        if self.by_class is not None:
            zoned = any(zone is not None for zone, _ in self.by_class)
            return frozenset({"class", "zone"} if zoned else {"class"})
        return frozenset()


@dataclass(frozen=True)
class LandCover:
    """The land-cover raster, its legend and the class of every code."""

    raster: Raster
    legend: Legend
    classes: Mapping[int, str]


@dataclass
class ProjectData:
    """A project with its data opened and checked as far as that needs no pass over the rasters."""

    title: str
    standard: Standard
    year: int
    price_year: int
    index: Table | None
    services: tuple[str, ...] | None
    zone_ids: tuple[str, ...]
    zone_names: tuple[str, ...]
    zones: Zones | None
    grid: Grid | None
    land_cover: LandCover | None
    extent: Mapping[tuple[str, str], float]  # (zone, ecosystem) -> m², without land cover
    sources: Mapping[str, Source]
    overrides: Mapping[str, Entry]
    maps: tuple[str, ...]
    files: Mapping[str, str]  # input file -> sha256
    notes: tuple[str, ...]  # what was done to the data: alignment, skipped statistics
    where: str
    keep: list[Any] = field(default_factory=list, repr=False)  # in-memory files
    elsewhere: frozenset[str] = frozenset()  # quantities that serve a comparison
    #: Hash of all that a raster consists of, by its path; what tells a derived array, by its place.
    content: Mapping[str, str] = field(default_factory=dict, repr=False)

    def under(self, std: Standard, own: Standard) -> ProjectData:
        """Return the project for a standard, with what that uses of the coefficients and services.

        Parameters
        ----------
        std
            The standard to compute by.
        own
            The standard that the project names: a table named without a folder is its table.
        """
        overrides: dict[str, Entry] = {}
        for name, table in std.tables.items():
            if "/" not in name and (name not in own.tables or own.tables[name].path != table.path):
                continue
            stems = tuple(f"{name}.{column}." for column in table.columns)
            overrides |= {k: v for k, v in self.overrides.items() if f"{k}.".startswith(stems)}
        services = self.services and tuple(s for s in self.services if s in std.catalogue)
        return replace(self, standard=std, overrides=overrides, services=services)


_KEYS = {"title": str, "standard": str, "year": int, "price_year": int}
_OPTIONAL = {
    "compare_with": list,
    "price_index": str,
    "services": list,
    "zones": dict,
    "land_cover": dict,
    "extent": dict,
    "inputs": dict,
    "statistics": dict,
    "coefficients": dict,
    "outputs": dict,
}
_RASTER_KEYS = {
    "unit": str,
    "bands": (str, int),
    "nodata": (int, float),
    "resampling": str,
    "range": list,
    "file": str,
    "note": str,
    "source": str,
}
_STATISTICS_COLUMNS = ("zone", "quantity", "item", "value", "unit", "year", "source")


class ProjectReader:
    """Turns the tables of a project file (or the same from Python) into :class:`ProjectData`."""

    def __init__(self, base: Path, where: str, hashes: dict[Any, str] | None = None) -> None:
        self.base, self.where = base, where
        self.hashes = {} if hashes is None else hashes  # of files, for many projects on the same
        self.problems = Problems()
        self.files: dict[str, str] = {}
        self.content: dict[str, str] = {}
        self.notes: list[str] = []
        self.keep: list[Any] = []
        self.grid: Grid | None = None
        self.zone_ids: tuple[str, ...] = ()
        self.zone_frame: geopandas.GeoDataFrame | None = None
        self.labels: dict[str, str] = {}  # zone id -> id and name, for messages
        self.wants_map = False
        self.price_year = 0

    def read(self, data: Mapping[str, Any], std: Standard | None = None) -> ProjectData:
        """Read everything; raise one DataError with all problems.

        Parameters
        ----------
        data
            The tables of a project file.
        std
            The standard to read for, where it is another than the one that the project names.
        """
        known = {**_KEYS, **_OPTIONAL}
        strange = {key: value for key, value in data.items() if key not in known}
        data = {key: value for key, value in data.items() if key in known}
        check_keys(strange, self.where, self.problems, {}, known)
        if not check_keys(data, self.where, self.problems, _KEYS, _OPTIONAL):
            raise DataError(self.problems.errors)
        for key in ("year", "price_year"):
            if not 1900 <= data[key] <= 2200:  # noqa: PLR2004
                self.problems.add(f"{key} is not a year", self.where, found=str(data[key]))
        self.price_year = data["price_year"]
        own = self._attempt(standard, data["standard"], self.base)
        others = self._others(data.get("compare_with", [])) if std is None else []
        if own is None:
            raise DataError(self.problems.errors)
        if others:
            std = self._attempt(together, [own, *others], key="compare_with")
            if std is None:
                raise DataError(self.problems.errors)
        std = std or own
        if std.status == "superseded":
            found = f"replaced by {std.replaced_by.en}" if std.replaced_by else ""
            self.problems.warn(f"{std.id} is superseded", f"{self.where}, standard", found)
        self._attempt(refuse_outline, std, f"{self.where}, standard")
        for name in texts(data.get("services", []), f"{self.where}, services", self.problems):
            if name not in std.catalogue:
                cure = nearest(name, std.catalogue)
                self.problems.add(
                    f"{std.id} has no service {name!r}", f"{self.where}, services", cure=cure
                )
        index = self._index(data.get("price_index"))
        self.wants_map = "land_cover" in data
        land_cover = self._attempt(self._land_cover, data.get("land_cover"), std)
        zones, names = self._attempt(self._zones, data.get("zones")) or (None, ())
        extent = self._attempt(self._extent, data.get("extent"), std) or {}
        if land_cover is None and not extent and not self.problems.errors:
            cure = "[land_cover] with [zones], or [extent] with the area of every zone and class"
            self.problems.add(
                "the project has neither a land-cover map nor an extent table",
                self.where,
                cure=cure,
            )
        if data.get("land_cover") and data.get("extent"):
            self.problems.add(
                "the project has a land-cover map and an extent table", self.where, cure="keep one"
            )
        if land_cover is not None and zones is None and not data.get("zones"):
            self.problems.add(
                "a land-cover map needs zones", self.where, cure="[zones] file, id, name"
            )
        sources = self._inputs(data.get("inputs", {}), std)
        self._attempt(self._statistics, data.get("statistics"), std, sources)
        overrides = self.coefficients(data.get("coefficients", {}), std)
        maps = self._outputs(data.get("outputs", {}), std)
        self.problems.raise_if_any(DataError)
        result = ProjectData(
            title=data["title"],
            standard=std,
            year=data["year"],
            price_year=data["price_year"],
            index=index,
            services=tuple(data["services"]) if "services" in data else None,
            zone_ids=self.zone_ids,
            zone_names=names or self._extent_names,
            zones=zones,
            grid=self.grid,
            land_cover=land_cover,
            extent=extent,
            sources=sources,
            overrides=overrides,
            maps=maps,
            files=dict(sorted(self.files.items())),
            notes=(*self.notes, *(str(w) for w in self.problems.warnings)),
            where=self.where,
            keep=self.keep,
            elsewhere=frozenset(_used([own, *others])) if others else frozenset(),
            content=self.content,
        )
        return result.under(own, own) if others else result

    def _others(self, names: Any) -> list[Standard]:
        """Load the standards with which the project is to be compared."""
        listed = texts(names, f"{self.where}, compare_with", self.problems)
        found = [self._attempt(standard, name, self.base, key="compare_with") for name in listed]
        if None in found:
            raise DataError(self.problems.errors)
        return found

    def _absorb(self, error: GepError, key: str) -> None:
        """Note the problems of an error; those without a place stand at a key of the project."""
        for p in error.problems:
            self.problems.add(p.what, p.where or f"{self.where}, {key}", p.found, p.cure)

    _extent_names: tuple[str, ...] = ()

    def _attempt(self, call: Callable[..., Any], *args: Any, key: str = "") -> Any:
        """Call a reader if its first argument is there; note what it raises, at a key."""
        if args[0] is None:
            return None
        try:
            return call(*args)
        except GepError as error:
            self._absorb(error, key or call.__name__.strip("_"))
            return None

    def _path(self, text: str) -> str:
        """Return a file's path; relative ones are relative to the project file.

        Addresses (http, https, s3 ...) are named as GDAL names them.
        """
        if "://" in text or text.startswith("/vsi"):
            return gdal_path(text)
        return str(self.base / text)

    def _hash(self, text: str) -> None:
        path = self._path(text)
        if is_address(path) or is_file(Path(path)):
            self.files[text] = self._sha256(path, text)

    def _sha256(self, path: str, name: str) -> str:
        """Return the hash of a file or of what lies at an address; the same file is read once."""
        key: Any = path
        if not is_address(path):
            about = Path(path).stat()
            key = (path, about.st_size, about.st_mtime_ns, about.st_ino)
        if key not in self.hashes:
            remote = is_address(path)
            self.hashes[key] = identity(path, name) if remote else sha256(Path(path))
        return self.hashes[key]

    def _index(self, name: str | None) -> Table | None:
        if name is None:
            return None
        try:
            table = price_index(name, self.base)
        except GepError as error:
            self._absorb(error, "price_index")
            return None
        self.files.update({f"{table.path.parent.name}/{k}": v for k, v in table.files.items()})
        return table

    # ------------------------------------------------------- land cover, zones, extent

    def _land_cover(self, data: Mapping[str, Any], std: Standard) -> LandCover | None:
        where = f"{self.where}, land_cover"
        required: dict[str, Any] = {"file": object, "legend": str}
        optional: dict[str, Any] = {"classes": dict, "nodata": int}
        if not check_keys(data, where, self.problems, required, optional):
            return None
        path, name = self._raster_file(data["file"])
        with open_raster(path, name) as dataset:
            self.grid = Grid.of(dataset, name)
            self._keep_content(path, name, dataset)
            nodata = data.get("nodata", dataset.nodata)
            if not np.issubdtype(np.dtype(dataset.dtypes[0]), np.integer):
                self.problems.warn("the land cover is stored as decimal numbers", name)
        book = legend(data["legend"], std, self.base)
        classes = dict(book.classes)
        for code, ecosystem in data.get("classes", {}).items():
            if not str(code).lstrip("-").isdecimal() or int(code) not in book.codes:
                what = f"classes names the code {code!r}, which the legend does not have"
                self.problems.add(what, where, cure=nearest(code, map(str, book.codes)))
            elif str(ecosystem) not in std.classes:
                what = f"classes names the unknown class {ecosystem!r}"
                self.problems.add(what, where, cure=nearest(str(ecosystem), std.classes))
            else:
                classes[int(code)] = str(ecosystem)
        missing = None if nodata is None else float(nodata)
        raster = Raster(path, name, self.grid, missing, (1,), ("1",), None, "exact", whole=True)
        self.files[f"{book.path.parent.name}/{book.path.name}"] = sha256(book.path)
        return LandCover(raster, book, classes)

    def scenario(self, file: Any, like: Raster) -> Raster:
        """Open a land-cover map that takes the place of another."""
        path, name = self._raster_file(file)
        with open_raster(path, name) as dataset:
            grid = Grid.of(dataset, name)
            self._keep_content(path, name, dataset)
            nodata = like.nodata if dataset.nodata is None else float(dataset.nodata)
        return replace(like, path=path, name=name, grid=grid, nodata=nodata)

    def _raster_file(self, file: Any) -> tuple[str, str]:
        """Return the path to open and the name to show of a file, or of an array in memory."""
        if isinstance(file, str | Path):
            self._hash(str(file))
            return self._path(str(file)), str(file)
        if not hasattr(file, "dims"):
            cure = "give the path of a file, or an xarray DataArray"
            raise DataError("file is no raster", found=repr(file)[:60], cure=cure)
        return self._array_file(file)

    def _array_file(self, array: xarray.DataArray) -> tuple[str, str]:
        """Put an array with coordinates into a file in memory, so that one reader reads all."""
        from rasterio.io import MemoryFile

        name = str(array.name or "array")
        values, transform, wkt = _geo(array, name)
        whole = np.issubdtype(values.dtype, np.integer)
        memory = MemoryFile()
        shape = values.shape if values.ndim == 3 else (1, *values.shape)  # noqa: PLR2004
        with memory.open(
            driver="GTiff",
            count=shape[0],
            height=shape[1],
            width=shape[2],
            dtype=values.dtype if whole else "float64",
            crs=wkt,
            transform=transform,
            nodata=array.attrs.get("_FillValue") if whole else math.nan,
        ) as dataset:
            dataset.write(values.reshape(shape))
        self.keep.append(memory)
        self.files[f"{name} (array)"] = hashlib.sha256(
            np.ascontiguousarray(values).tobytes()
        ).hexdigest()
        return str(memory.name), f"{name} (array)"

    def _keep_content(self, path: str, name: str, dataset: Any) -> None:
        """Keep the hash of all that a raster consists of: a mosaic has many files.

        What cannot be hashed (a service, or a file of which the server tells only the date) is
        taken for new whenever it is opened.
        """
        if path in self.content:
            return
        held = [memory for memory in self.keep if memory.name == path]
        parts = [path] if held else _files_of(dataset)
        if held:
            hashes = [hashlib.sha256(held[0].getbuffer()).hexdigest()]
        elif parts and all(is_address(part) or is_file(Path(part)) for part in parts):
            known = {path: self.files[name]} if name in self.files else {}
            hashes = [known.get(part) or self._sha256(part, part) for part in parts]
        else:
            hashes = []
        sure = bool(hashes) and all(" " not in h or "ETag" in h for h in hashes)  # more than a date
        self.content[path] = " ".join(hashes) if sure else f"unknown {uuid.uuid4().hex}"

    def _zones(self, data: Mapping[str, Any]) -> tuple[Zones, tuple[str, ...]] | None:
        where = f"{self.where}, zones"
        required: dict[str, Any] = {"file": object, "id": str}
        if not check_keys(data, where, self.problems, required, {"name": str, "layer": str}):
            return None
        frame, name = self._vector(data["file"], data.get("layer"), "zones")
        for key in ("id", "name"):
            if key in data and data[key] not in frame.columns:
                cure = nearest(data[key], map(str, frame.columns))
                self.problems.add(f"the zones have no column {data[key]!r}", name, cure=cure)
                return None
        if frame.crs is None:
            self.problems.add(
                "the zones have no coordinate system (CRS)", name, cure="assign it in QGIS"
            )
            return None
        if not len(frame):
            self.problems.add("the file holds no zones", name, cure="look at it in QGIS")
            return None
        if frame[data["id"]].isna().any():
            found = f"{int(frame[data['id']].isna().sum())} of {len(frame)} rows"
            cure = "give every zone an id, or name another column"
            self.problems.add(f"the column {data['id']!r} has gaps", name, found, cure)
            return None
        self.zone_ids = tuple(_label(v) for v in frame[data["id"]])
        names = tuple(_label(v) for v in frame[data["name"]]) if "name" in data else self.zone_ids
        self.labels = {
            i: i if i == n else f"{i} ({n})" for i, n in zip(self.zone_ids, names, strict=True)
        }
        before = len(self.problems.errors)
        self._check_zones(frame, self.zone_ids, names, name)
        if len(self.problems.errors) > before:
            return None
        self.zone_frame, self._extent_names = frame, names
        if self.grid is None:
            return None
        shapes = tuple(frame.to_crs(self.grid.wkt).geometry)
        self._check_overlap(shapes, name)
        return Zones(self.zone_ids, names, shapes), names

    def _check_zones(
        self, frame: geopandas.GeoDataFrame, ids: Sequence[str], names: Sequence[str], where: str
    ) -> None:
        for value in sorted({i for i in ids if ids.count(i) > 1}):
            what = f"the zone id {value!r} occurs {ids.count(value)} times"
            self.problems.add(what, where, cure="dissolve the polygons by id, or give unique ids")
        from shapely.validation import explain_validity

        for zone, label, shape in zip(ids, names, frame.geometry, strict=True):
            at = f"{where}, zone {zone} ({label})"
            if shape is None or shape.is_empty:
                self.problems.add("the zone has no geometry", at, cure="remove the row or draw it")
            elif shape.geom_type not in ("Polygon", "MultiPolygon"):
                self.problems.add("the zone is not a polygon", at, found=shape.geom_type)
            elif not shape.is_valid:
                cure = "repair it (QGIS: Fix geometries) and look at the result"
                self.problems.add(
                    "the zone's geometry is invalid", at, explain_validity(shape), cure
                )

    def _check_overlap(self, shapes: Sequence[Any], where: str) -> None:
        import shapely

        assert self.grid is not None  # noqa: S101
        frame = shapely.box(*self.grid.bounds)
        labels = [self.labels[zone] for zone in self.zone_ids]
        away = [n for n, shape in enumerate(shapes) if not shape.intersects(frame)]
        if away:
            what = f"{len(away)} of {len(shapes)} zones lie outside the land-cover map"
            first = f"zone {labels[away[0]]} {_box(shapes[away[0]].bounds)}"
            found = f"{_some([labels[n] for n in away])}\n{first}\nmap {_box(self.grid.bounds)}"
            self.problems.add(what, where, found, "check the coordinate systems of both files")
        tree = shapely.STRtree(shapes)
        pairs = tree.query(shapes, predicate="intersects").T
        for a, b in sorted((int(i), int(j)) for i, j in pairs if i < j):
            shared = shapes[a].intersection(shapes[b]).area
            smaller = min(shapes[a].area, shapes[b].area)
            found = f"{labels[a]} and {labels[b]} share {shared / smaller:.2%} of the smaller one"
            if shared <= MAX_ZONE_OVERLAP * smaller:
                if shared > ROUNDING_OVERLAP * smaller:
                    self.notes.append(f"{where}: {found}; it is counted in both")
                continue
            what = "zones overlap: their area would be counted twice"
            self.problems.add(what, where, found, "clip one by the other (QGIS: Difference)")

    def _extent(
        self, data: Mapping[str, Any], std: Standard
    ) -> dict[tuple[str, str], float] | None:
        where = f"{self.where}, extent"
        if not check_keys(data, where, self.problems, {"file": object}):
            return None
        name, header, rows = self._table(data["file"], "extent")
        needed = ("zone", "ecosystem", "area", "unit")
        if not self._columns(name, header, needed, ("zone_name", "source", "year")):
            return None
        areas: dict[tuple[str, str], float] = {}
        names: dict[str, str] = {}
        for line, row in enumerate(rows, start=2):
            at = f"{name}, row {line}"
            names.setdefault(row["zone"], row.get("zone_name") or row["zone"])
            if row["ecosystem"] not in std.classes:
                cure = nearest(row["ecosystem"], std.classes)
                self.problems.add(f"unknown class {row['ecosystem']!r}", at, cure=cure)
                continue
            value = self._number(row["value"] if "value" in row else row["area"], at, low=0.0)
            given = read_unit(row["unit"], at, self.problems)
            if value is None or not self._agrees(given, unit("m²"), at):
                continue
            key = (row["zone"], row["ecosystem"])
            if key in areas:
                self.problems.add(
                    f"duplicate row for {', '.join(key)}", name, f"row {line}", "keep one"
                )
            areas[key] = float(convert(value, given, unit("m²")))
        if not self.zone_ids:
            self.zone_ids, self._extent_names = tuple(names), tuple(names.values())
        for zone in names:
            if zone not in self.zone_ids:
                cure = nearest(zone, self.zone_ids)
                self.problems.add(f"zone {zone!r} is not among the zones", name, cure=cure)
        return areas

    # ------------------------------------------------------------------ tables

    def _table(self, file: Any, what: str) -> tuple[str, list[str], list[dict[str, str]]]:
        """Read a CSV, or take a pandas DataFrame as one."""
        if isinstance(file, str | Path):
            self._hash(str(file))
            header, rows = read_csv(Path(self._path(str(file))))
            return str(file), header, rows
        if not hasattr(file, "to_csv"):
            cure = "give the path of a CSV file, or a pandas DataFrame"
            raise DataError(f"{what} is no table", found=repr(file)[:60], cure=cure)
        frame = file.astype(object).where(file.notna(), "")
        name = f"{what} (DataFrame)"
        self.files[name] = hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()
        header = [str(c) for c in frame.columns]
        return (
            name,
            header,
            [{k: str(v) for k, v in row.items()} for row in frame.to_dict("records")],
        )

    def _columns(
        self, name: str, header: Sequence[str], needed: Sequence[str], optional: Sequence[str]
    ) -> bool:
        before = len(self.problems.errors)
        for column in needed:
            if column not in header:
                self.problems.add(
                    f"column {column!r} is missing", name, found=f"columns {', '.join(header)}"
                )
        for column in header:
            if column not in (*needed, *optional):
                cure = nearest(column, [*needed, *optional])
                self.problems.add(f"unknown column {column!r}", name, cure=cure)
        return len(self.problems.errors) == before

    def _number(self, text: str, at: str, low: float | None = None) -> float | None:
        try:
            value = number(text)
        except ValueError:
            cure = "leave rows out that are not known; write numbers without spaces"
            self.problems.add("this is not a number", at, repr(text), cure)
            return None
        if low is not None and value < low:
            self.problems.add("the value is negative", at, found=text)
            return None
        return value

    def _agrees(self, given: Unit, wanted: Unit, at: str) -> bool:
        if given.agrees(wanted):
            return True
        self.problems.add(
            f"[{given}] is not a unit of [{wanted}]",
            at,
            f"{given.dimension}, not {wanted.dimension}",
        )
        return False

    # ------------------------------------------------------------------ inputs

    def _inputs(self, data: Mapping[str, Any], std: Standard) -> dict[str, Source]:
        sources: dict[str, Source] = {}
        for name, raw in data.items():
            where = f"{self.where}, inputs.{name}"
            quantity = std.glossary.get(name)
            if quantity is None:
                self.problems.add(
                    f"unknown quantity {name!r}", where, cure=nearest(name, std.glossary)
                )
                continue
            if not isinstance(raw, dict):
                cure = 'for example { file = "rain.tif", unit = "mm/yr" }'
                self.problems.add("an input is a table", where, repr(raw)[:60], cure)
                continue
            known = ("file", "value", "table", "from", "features", "derive")
            ways = [key for key in known if key in raw]
            if len(ways) != 1:
                cure = f"give one of {', '.join(known)}"
                self.problems.add("an input is given in one way", where, f"{ways or 'none'}", cure)
                continue
            way = getattr(self, f"_input_{ways[0]}")
            source = self._attempt(way, raw, quantity, where, std, key=f"inputs.{name}")
            if source is not None:
                sources[name] = source
        return sources

    def _given_unit(
        self, raw: Mapping[str, Any], quantity: Quantity, where: str
    ) -> tuple[Unit, bool] | None:
        """Return the unit and whether the quantity is given as a total; None if it does not fit."""
        before = len(self.problems.errors)
        given = read_unit(raw["unit"], where, self.problems)
        if len(self.problems.errors) > before:
            return None
        return self._kind(given, quantity, where)

    def _kind(self, given: Unit, quantity: Quantity, where: str) -> tuple[Unit, bool] | None:
        if given.agrees(quantity.unit):
            return given, quantity.kind == "total"
        if quantity.kind == "rate" and given.agrees(quantity.unit * unit("m²")):
            return given, True
        found = f"{given.dimension}, not {quantity.unit.dimension}"
        what = f"[{given}] is not a unit of {quantity.name} (for example [{quantity.unit}])"
        self.problems.add(what, where, found)
        return None

    def _limits(
        self, raw: Mapping[str, Any], quantity: Quantity, given: Unit
    ) -> tuple[float, float] | None:
        if "range" in raw:
            return read_range(raw["range"], f"{self.where}, {quantity.name}.range", self.problems)
        if quantity.range is None or not given.agrees(quantity.unit):
            return None
        low, high = (float(convert(v, quantity.unit, given)) for v in quantity.range)
        return low, high

    def _input_value(
        self, raw: Mapping[str, Any], quantity: Quantity, where: str, _std: Standard
    ) -> Source | None:
        required: dict[str, Any] = {"value": (int, float), "unit": str}
        optional: dict[str, Any] = {"note": str, "source": str, "range": list, "price_year": int}
        if not check_keys(raw, where, self.problems, required, optional):
            return None
        kind = self._given_unit(raw, quantity, where)
        if kind is None:
            return None
        given, is_total = kind
        value = float(raw["value"])
        if is_total and len(self.zone_ids) > 1:
            found = f"{value:g} {given} for {len(self.zone_ids)} zones"
            cure = "give it by zone in [statistics]; one number would be counted for each zone"
            self.problems.add(f"{quantity.name} is a total of an area", where, found, cure)
            return None
        limits = self._limits(raw, quantity, given)
        self._in_range(value, limits, where, given)
        origin = {"kind": "number", "value": value, "note": raw.get("source", raw.get("note", ""))}
        years = {"": raw["price_year"]} if "price_year" in raw else {}
        if is_total:
            zone = self.zone_ids[0] if self.zone_ids else ""
            return Source(
                quantity,
                given,
                is_total,
                where,
                origin,
                by_zone={(zone, None): value},
                price_years=years,
            )
        return Source(quantity, given, is_total, where, origin, value=value, price_years=years)

    def _in_range(
        self, value: float, limits: tuple[float, float] | None, where: str, given: Unit
    ) -> None:
        if limits and not limits[0] <= value <= limits[1]:
            found = f"{value:g} {given}, plausible {limits[0]:g} to {limits[1]:g}"
            cure = "check the unit; if the value is right, say range = [low, high]"
            self.problems.add("the value is outside its plausible range", where, found, cure)

    def _input_from(
        self, raw: Mapping[str, Any], quantity: Quantity, where: str, _std: Standard
    ) -> Source | None:
        """Take one number of a table that gep ships."""
        optional: dict[str, Any] = {"row": str, "note": str}
        if not check_keys(raw, where, self.problems, {"from": str}, optional):
            return None
        entry, table = self._table_number(raw)
        kind = self._kind(entry.unit, quantity, where)
        if kind is None:
            return None
        if kind[1]:
            cure = "give it by zone in [statistics]"
            self.problems.add(f"{quantity.name} is a total of an area", where, cure=cure)
            return None
        self._in_range(entry.value, self._limits({}, quantity, entry.unit), where, entry.unit)
        origin = {
            "kind": "table",
            "file": f"{table.path.parent.name}/{table.path.name}",
            "row": " ".join(x for x in (raw["from"], raw.get("row", "")) if x),
            "value": entry.value,
            "source": {"": table.source_text(entry)},
            "verified": {"": entry.verified},
        }
        years = {} if entry.price_year is None else {"": entry.price_year}
        value, rate = entry.value, kind[1]
        return Source(quantity, entry.unit, rate, where, origin, value=value, price_years=years)

    def _table_number(self, raw: Mapping[str, Any]) -> tuple[Entry, Table]:
        """Return the number that ``from`` (and ``row``) name, and keep the hashes of its table."""
        entry, table = table_number(raw["from"], raw.get("row"), self.price_year)
        folder = table.path.parent.name
        self.files.update({f"{folder}/{name}": digest for name, digest in table.files.items()})
        return entry, table

    def _input_table(
        self, raw: Mapping[str, Any], quantity: Quantity, where: str, std: Standard
    ) -> Source | None:
        required: dict[str, Any] = {"table": object, "unit": str}
        if not check_keys(
            raw, where, self.problems, required, {"note": str, "source": str, "range": list}
        ):
            return None
        kind = self._given_unit(raw, quantity, where)
        name, header, rows = self._table(raw["table"], quantity.name)
        if kind is None or not self._columns(
            name, header, ("ecosystem", "value"), ("zone", "source", "verified", "note")
        ):
            return None
        limits = self._limits(raw, quantity, kind[0])
        values: dict[tuple[str | None, str], float] = {}
        told: dict[str, dict[str, str]] = {"source": {}, "verified": {}}
        for line, row in enumerate(rows, start=2):
            at = f"{name}, row {line}"
            if row["ecosystem"] not in std.classes:
                cure = nearest(row["ecosystem"], std.classes)
                self.problems.add(f"unknown class {row['ecosystem']!r}", at, cure=cure)
                continue
            value = self._number(row["value"], at)
            key = (row.get("zone") or None, row["ecosystem"])
            if key in values:
                self.problems.add(f"duplicate row for {key[1]}", name, f"row {line}", "keep one")
            if value is not None:
                self._in_range(value, limits, at, kind[0])
                self._told(row, " ".join(k for k in key if k), told, at)
                values[key] = value
        if kind[1] and any(zone is None for zone, _ in values) and len(self.zone_ids) > 1:
            cure = "add a zone column"
            self.problems.add(f"{quantity.name} is a total of an area", where, cure=cure)
        origin = {"kind": "class table", "file": name, **told}
        return Source(quantity, kind[0], kind[1], where, origin, by_class=values)

    def _raster(self, raw: Mapping[str, Any], kind: str, where: str, file: Any) -> Raster | None:
        """Open a raster and decide how it comes onto the grid."""
        if self.grid is None:
            if not self.wants_map:  # else the map's own problem is reported
                cure = "give the quantity by zone or class, or add a land-cover map"
                what = "a raster needs a land-cover map that sets the grid"
                self.problems.add(what, where, cure=cure)
            return None
        path, name = self._raster_file(file)
        with open_raster(path, name) as dataset:
            grid = Grid.of(dataset, name)
            self._keep_content(path, name, dataset)
            bands, combine = self._bands(raw.get("bands"), dataset.count, where)
            nodata = raw.get("nodata", dataset.nodatavals[bands[0] - 1])
            labels = describe_bands(dataset, bands)
        if overlap(self.grid, grid) < MIN_OVERLAP:
            found = (
                f"land cover {_box(self.grid.bounds)}, this {_box(grid.bounds)} ({grid.crs.name})"
            )
            cure = "check that both files show the same place and have the right CRS"
            self.problems.add("the raster does not overlap the land-cover map", name, found, cure)
            return None
        resampling = raw.get("resampling") or choose_resampling(kind, self.grid, grid)
        if resampling not in (*RESAMPLING, "exact"):
            cure = nearest(str(resampling), RESAMPLING)
            self.problems.add(f"unknown resampling {resampling!r}", where, cure=cure)
            return None
        if self.grid.same_as(grid):
            resampling = "exact"
        else:
            note = f"{name}: brought from {grid.width} × {grid.height} cells, {grid.crs.name}, "
            self.notes.append(note + f"onto the land-cover grid by {resampling}")
        missing = None if nodata is None else float(nodata)
        return Raster(
            path, name, grid, missing, bands, labels, combine, resampling, whole=kind == "class"
        )

    def _bands(self, wanted: Any, count: int, where: str) -> tuple[tuple[int, ...], str | None]:
        every = tuple(range(1, count + 1))
        if wanted in ("sum", "mean"):
            return every, str(wanted)
        if isinstance(wanted, int) and not isinstance(wanted, bool):
            if not 1 <= wanted <= count:
                self.problems.add(f"there is no band {wanted}", where, found=f"{count} bands")
                return (1,), None
            return (wanted,), None
        if wanted not in (None, "members"):
            cure = 'bands = "sum", "mean", "members" or a band number'
            self.problems.add("bands is not understood", where, repr(wanted), cure)
        return every, None

    def _input_file(
        self, raw: Mapping[str, Any], quantity: Quantity, where: str, _std: Standard
    ) -> Source | None:
        keys: dict[str, Any] = {**_RASTER_KEYS, "file": object}
        if not check_keys(raw, where, self.problems, {"file": object, "unit": str}, keys):
            return None
        kind = self._given_unit(raw, quantity, where)
        raster = self._raster(raw, quantity.kind, where, raw["file"])
        if kind is None or raster is None:
            return None
        origin = {"kind": "raster", "file": raster.name, "resampling": raster.resampling}
        return Source(
            quantity,
            kind[0],
            kind[1],
            where,
            origin | ({"bands": raster.combine} if raster.combine else {}),
            members=raster.labels if raster.has_axis else None,
            raster=raster,
            limits=self._limits(raw, quantity, kind[0]),
        )

    def _input_features(
        self, raw: Mapping[str, Any], quantity: Quantity, where: str, _std: Standard
    ) -> Source | None:
        """Take a number of every feature of a vector layer."""
        required: dict[str, Any] = {"features": object, "id": str, "take": str, "unit": str}
        optional: dict[str, Any] = {"note": str, "source": str, "range": list, "layer": str}
        optional |= {"combine": str}
        if not check_keys(raw, where, self.problems, required, optional):
            return None
        kind = self._given_unit(raw, quantity, where)
        together = raw.get("combine")
        if together is not None and (together != "sum" or (kind and not kind[1])):
            what = f"{quantity.name} is not added up over features"
            cure = 'combine = "sum" is for totals such as a length, a volume or a count'
            given = f"combine = {together!r}, [{raw['unit']}]"
            self.problems.add(what, where, given, cure)
            return None
        if kind is None or self.zone_frame is None:
            if kind is not None:
                what = "features need zones with geometry"
                self.problems.add(what, where, cure="add [zones]")
            return None
        layer, name = self._vector(raw["features"], raw.get("layer"), "features")
        found = read_features(layer, self.zone_frame, name, raw["id"], raw["take"])
        measured = unit(MEASURES.get(raw["take"], raw["unit"]))
        if not self._agrees(kind[0], measured, where):
            return None
        self.notes += [f"{name}: {m} lies outside every zone" for m in found.outside]
        numbers = convert(found.values, measured, kind[0])
        for member, measure in zip(found.members, numbers.tolist(), strict=True):
            at = f"{name}, feature {member}"
            self._in_range(measure, self._limits(raw, quantity, kind[0]), at, kind[0])
        shares = found.shares if kind[1] else np.ones_like(found.shares)
        values: dict[tuple[str, str | None], float] = {
            (zone, member): float(numbers[m] * shares[z, m])
            for z, zone in enumerate(self.zone_ids)
            for m, member in enumerate(found.members)
        }
        origin = {"kind": "features", "file": name, "take": raw["take"]}
        if together is None:
            return Source(
                quantity, kind[0], kind[1], where, origin, members=found.members, by_zone=values
            )
        sums: dict[tuple[str, str | None], float] = {
            (zone, None): math.fsum(values[zone, m] for m in found.members)
            for zone in self.zone_ids
        }
        origin |= {"combine": "sum", "features": str(len(found.members))}
        return Source(quantity, kind[0], kind[1], where, origin, by_zone=sums)

    def _vector(
        self, file: Any, layer: str | None, what: str
    ) -> tuple[geopandas.GeoDataFrame, str]:
        """Read a vector file, or take a GeoDataFrame, and keep its hash."""
        import geopandas

        if isinstance(file, geopandas.GeoDataFrame):
            name = f"{what} (GeoDataFrame)"
            self.files[name] = hashlib.sha256(file.to_wkb().to_csv().encode()).hexdigest()
            return file, name
        if not isinstance(file, str | Path):
            cure = "give the path of a file, or a GeoDataFrame"
            raise DataError("file is no vector layer", self.where, repr(file)[:60], cure)
        self._hash(str(file))
        return _read_vector(self._path(str(file)), str(file), layer), str(file)

    def _input_derive(
        self, raw: Mapping[str, Any], quantity: Quantity, where: str, _std: Standard
    ) -> Source | None:
        """Let a registered function compute a quantity over the whole grid."""
        function = FUNCTIONS.get(str(raw["derive"]))
        if function is None:
            cure = nearest(str(raw["derive"]), FUNCTIONS)
            self.problems.add(f"unknown function {raw['derive']!r}", where, cure=cure)
            return None
        signature = function.signature  # type: ignore[attr-defined]
        own = [
            n
            for n in (*signature.units, *sorted(signature.plain))
            if n not in ("dx", "dy", "dates")
        ]
        if not signature.units:
            what = f"{signature.name} stands in formulas and derives nothing"
            self.problems.add(what, where)
            return None
        ways: dict[str, Any] = dict.fromkeys(own, object)
        optional = {"note": str, "source": str, "range": list, "derive": str}
        lacking = {n: t for n, t in ways.items() if n not in signature.optional}
        if not check_keys(raw, where, self.problems, lacking, {**ways, **optional}):
            return None
        if self.grid is None:
            if not self.wants_map:
                self.problems.add("derive needs a land-cover map that sets the grid", where)
            return None
        arguments: dict[str, Any] = {}
        files: list[str] = []
        for name in own:
            if name in raw:
                self._argument(raw[name], name, signature, f"{where}.{name}", arguments, files)
        if set(own) - set(arguments) - signature.optional:
            return None
        derived = Derived(function, arguments, self.grid, where)
        derived.check()
        returns = unit(signature.returns)
        kind = self._kind(returns, quantity, where)
        if kind is None:
            return None
        plain = {k: v for k, v in raw.items() if not isinstance(v, dict)}
        origin = {"kind": "derived", "function": signature.name, "files": files, **plain}
        limits = self._limits(raw, quantity, returns)
        self.content[where] = derived.digest(self.content)
        return Source(quantity, returns, kind[1], where, origin, array=derived, limits=limits)

    def _argument(
        self,
        raw: Any,
        name: str,
        signature: Any,
        where: str,
        arguments: dict[str, Any],
        files: list[str],
    ) -> None:
        if name in signature.plain:
            arguments[name] = raw
            return
        wanted = unit(signature.units[name])
        if not isinstance(raw, dict) or "unit" not in raw or ("file" in raw) == ("value" in raw):
            cure = (
                f'{name} = {{ file = "...", unit = "{wanted}" }} or {{ value = ..., unit = ... }}'
            )
            self.problems.add(
                "an argument is a file or a value, with its unit", where, repr(raw)[:60], cure
            )
            return
        keys: dict[str, Any] = {**_RASTER_KEYS, "file": object, "value": float}
        if not check_keys(raw, where, self.problems, {}, keys):
            return
        given = read_unit(raw["unit"], where, self.problems)
        if not self._agrees(given, wanted, where):
            return
        if "value" in raw:
            arguments[name] = float(convert(float(raw["value"]), given, wanted))
            return
        raster = self._raster(raw, "rate", where, raw["file"])
        if raster is None or self.grid is None:
            return
        files.append(raster.name)
        arguments[name] = Given(raster, given, wanted)
        if raster.has_axis and "dates" in signature.plain:
            arguments["dates"] = raster.labels

    # -------------------------------------------------------------- statistics

    def _statistics(
        self, data: Mapping[str, Any], std: Standard, sources: dict[str, Source]
    ) -> None:
        where = f"{self.where}, statistics"
        if not check_keys(data, where, self.problems, {"file": object}):
            return
        files = data["file"] if isinstance(data["file"], list) else [data["file"]]
        needed = tuple(c for c in _STATISTICS_COLUMNS if c != "item")
        grouped: dict[str, list[tuple[str, int, dict[str, str]]]] = {}
        every: list[dict[str, str]] = []
        for file in files:
            name, header, rows = self._table(file, "statistics")
            if not self._columns(name, header, needed, ("item", "note", "zone_name", "verified")):
                continue
            every += rows
            for line, row in enumerate(rows, start=2):
                if row["quantity"] not in std.glossary:
                    cure = nearest(row["quantity"], std.glossary)
                    self.problems.add(
                        f"unknown quantity {row['quantity']!r}", f"{name}, row {line}", cure=cure
                    )
                else:
                    grouped.setdefault(row["quantity"], []).append((name, line, row))
        if not self.zone_ids:
            self.zone_ids = tuple(dict.fromkeys(row["zone"] for row in every))
            self._extent_names = self.zone_ids
        for quantity, found in grouped.items():
            name = ", ".join(dict.fromkeys(file for file, _, _ in found))
            if quantity in sources:
                cure = "give it once"
                self.problems.add(
                    f"{quantity} is in [inputs] and in the statistics", name, cure=cure
                )
                continue
            source = self._statistic(std.glossary[quantity], found, name)
            if source is not None:
                sources[quantity] = source

    def _statistic(
        self, quantity: Quantity, rows: Iterable[tuple[str, int, dict[str, str]]], name: str
    ) -> Source | None:
        before = len(self.problems.errors)
        values: dict[tuple[str, str | None], float] = {}
        years: dict[str, int] = {}
        lines: dict[tuple[str, str | None], tuple[str, int]] = {}
        told: dict[str, dict[str, str]] = {"source": {}, "verified": {}}
        first: tuple[Unit, bool] | None = None
        for file, line, row in rows:
            at = f"{file}, row {line} ({quantity.name})"
            if row["zone"] not in self.zone_ids:
                cure = nearest(row["zone"], self.zone_ids)
                self.problems.add(f"zone {row['zone']!r} is not among the zones", at, cure=cure)
            given = read_unit(row["unit"], at, self.problems)
            kind = self._kind(given, quantity, at) if given else None
            value = self._number(row["value"], at)
            if kind is None or value is None:
                continue
            first = first or kind
            if not given.agrees(first[0]):
                self.problems.add(
                    "rows of one quantity differ in kind", at, f"[{given}] and [{first[0]}]"
                )
                continue
            self._in_range(value, self._limits({}, quantity, given), at, given)
            key = (row["zone"], row.get("item") or None)
            if key in values:
                label = " ".join(str(k) for k in key if k)
                before_file, before_line = lines[key]
                found = f"rows {before_line} and {line}"
                if before_file != file:
                    found = f"row {before_line} of {before_file}, row {line} of {file}"
                what = f"duplicate row for {quantity.name}, {label}"
                self.problems.add(what, file, found, "keep one")
            lines.setdefault(key, (file, line))
            values[key] = float(convert(value, given, first[0]))
            self._told(row, " ".join(k for k in key if k), told, at)
            if row["year"].isdecimal():
                years[row["zone"]] = int(row["year"])
            elif given.currency:
                self.problems.add(
                    "a sum of money has no year", at, repr(row["year"]), "give its year"
                )
        if first is None or len(self.problems.errors) > before:
            return None
        items = tuple(dict.fromkeys(item for _, item in values if item))
        self._complete(quantity, values, items, name)
        if first[0].currency and len(set(years.values())) > 1:
            found = ", ".join(str(y) for y in sorted(set(years.values())))
            self.problems.add(f"{quantity.name} mixes price years", name, found, "give one year")
        files = list(dict.fromkeys(file for file, _ in lines.values()))
        of = {"file": files[0]} if len(files) == 1 else {"files": files}
        origin = {"kind": "statistics", **of, **told}
        return Source(
            quantity,
            first[0],
            first[1],
            f"{name}, {quantity.name}",
            origin,
            members=items or None,
            by_zone=values,
            price_years=years if first[0].currency else {},
        )

    def _told(
        self, row: Mapping[str, str], label: str, told: dict[str, dict[str, str]], at: str
    ) -> None:
        """Keep what a row says of its source, and how well it was checked."""
        for column, rows in told.items():
            if row.get(column):
                rows[label] = row[column]
        if row.get("verified") and row["verified"] not in VERIFIED:
            self.problems.add(
                f"verified is one of {', '.join(VERIFIED)}", at, repr(row["verified"])
            )

    def _complete(
        self,
        quantity: Quantity,
        values: Mapping[tuple[str, str | None], float],
        items: Sequence[str],
        name: str,
    ) -> None:
        lacking = [
            f"{self.labels.get(zone, zone)}{f' {item}' if item else ''}"
            for zone in self.zone_ids
            for item in (items or (None,))
            if (zone, item) not in values
        ]
        if lacking:
            shown = _some(lacking)
            cure = "add the rows; write 0 only where it is known to be zero"
            self.problems.add(f"{quantity.name} is missing for some zones", name, shown, cure)

    # ------------------------------------------------------------ coefficients

    def coefficients(self, data: Mapping[str, Any], std: Standard) -> dict[str, Entry]:
        """Read numbers that take the place of a table's, by their key; note what is wrong."""
        overrides: dict[str, Entry] = {}
        for key, raw in data.items():
            where = f"{self.where}, coefficients.{key}"
            taken = isinstance(raw, dict) and "from" in raw
            required: dict[str, Any] = {"value": (int, float), "unit": str, "source": str}
            optional: dict[str, Any] = {"price_year": int, "note": str}
            if taken:
                required, optional = {"from": str}, {"row": str, "note": str}
            if isinstance(raw, dict) and raw and all(isinstance(v, dict) for v in raw.values()):
                cure = f'put the whole key into quotes: "{key}.{next(iter(raw))}..." = {{ ... }}'
                self.problems.add("the key falls apart at its dots", where, cure=cure)
                continue
            if not check_keys(raw, where, self.problems, required, optional):
                continue
            table, column, row = _split_key(key, std)
            if table is None:
                known = [f"{t}.{c}" for t, found in std.tables.items() for c in found.columns]
                self.problems.add(
                    f"no rule uses the coefficient {key!r}", where, cure=nearest(key, known)
                )
                continue
            about = std.tables[table].columns[column]
            if taken:
                entry = self._attempt(self._override_from, raw, where, key=f"coefficients.{key}")
                if entry is None:
                    continue
            else:
                given = read_unit(raw["unit"], where, self.problems)
                year, note = raw.get("price_year"), raw.get("note", "")
                entry = Entry(
                    float(raw["value"]), given, raw["source"], "project", where, year, note
                )
            if not self._agrees(entry.unit, about.unit, where):
                continue
            if entry.unit.currency and entry.price_year is None:
                self.problems.add(
                    "a price has no price_year", where, cure="say the year of the price level"
                )
            keys = std.tables[table].key
            parts = row.split(".") if row else []
            if len(keys) != len(parts):
                wanted = ".".join([f"{table}.{column}", *(f"<{k}>" for k in keys)])
                cure = f'write "{wanted}"'
                self.problems.add("the key does not fit the table", where, cure=cure)
                continue
            named = dict(zip(keys, parts, strict=True)).get("ecosystem")
            if named is not None and named not in std.classes:
                cure = nearest(named, std.classes)
                self.problems.add(f"unknown class {named!r}", where, cure=cure)
                continue
            in_table = float(convert(entry.value, entry.unit, about.unit))
            fault = out_of_range(in_table, about.unit, about.range)
            if fault:
                self.problems.add(fault[0], where, *fault[1:])
            overrides[key] = entry
        return overrides

    def _override_from(self, raw: Mapping[str, Any], where: str) -> Entry:
        """Return a shipped table's number as the project's choice of a coefficient."""
        entry, table = self._table_number(raw)
        at = f"{raw['from']} {raw.get('row', '')}".strip()
        note = raw.get("note", entry.note)
        place = f"{where} ({at})"
        return replace(entry, source=table.source_text(entry), where=place, note=note)

    def _outputs(self, data: Mapping[str, Any], std: Standard) -> tuple[str, ...]:
        where = f"{self.where}, outputs"
        if not check_keys(data, where, self.problems, {}, {"maps": list}):
            return ()
        maps = texts(data.get("maps", []), f"{where}, maps", self.problems)
        known = [f"{s.id}.{step}" for s in std.services.values() for step in s.steps]
        for name in maps:
            if name not in known:
                self.problems.add(
                    f"maps names the unknown step {name!r}", where, cure=nearest(name, known)
                )
        return maps


def refuse_outline(std: Standard, where: str) -> None:
    """Raise a DataError if a standard has no rules to compute by."""
    if not std.catalogue:
        cure = "choose another; this one only says what is known of the text"
        raise DataError(f"{std.id} holds no rules", where, cure=cure)


def _used(standards: Iterable[Standard]) -> set[str]:
    """Return the quantities that the rules of standards use, variants included."""
    rules = (rule for std in standards for rule in std.rules.values())
    return {entry.quantity.name for rule in rules for entry in rule.inputs.values()}


def _split_key(key: str, std: Standard) -> tuple[str | None, str, str]:
    """Split ``table.column`` or ``table.column.row`` of a coefficient that rules use."""
    for table, found in std.tables.items():
        for column in found.columns:
            stem = f"{table}.{column}"
            if key == stem or key.startswith(stem + "."):
                return table, column, key[len(stem) + 1 :]
    return None, "", ""


#: Kinds of rasters that are files: all that they hold is in the files that they list.
_PLAIN = {"GTiff", "COG", "HFA", "netCDF", "HDF5", "AAIGrid", "ENVI", "EHdr", "PNG", "JP2OpenJPEG"}


def _files_of(dataset: Any) -> list[str]:
    """Return the files that a raster consists of, those of a mosaic's parts included."""
    if dataset.driver in _PLAIN:
        return [str(file) for file in dataset.files]
    if dataset.driver != "VRT":
        return []
    files = {str(file): None for file in dataset.files}
    for file in list(files):
        if file != dataset.name and not file.casefold().endswith((".xml", ".ovr", ".msk")):
            below: list[str] = []
            with contextlib.suppress(DataError), open_raster(file, file) as part:
                below = _files_of(part)
            files |= dict.fromkeys(below or ["(unknown)"])
    return list(files)


def _read_vector(path: str, name: str, layer: str | None) -> geopandas.GeoDataFrame:
    import geopandas

    if not path_exists(path):
        cure = "check the name; it is relative to the project file"
        raise DataError("the vector file cannot be opened", name, "there is no such file", cure)
    try:
        frame = geopandas.read_file(path, **({"layer": layer} if layer else {}))
    except Exception as error:  # noqa: BLE001  pyogrio raises many kinds
        found = str(error).splitlines()[0]
        raise DataError("the vector file cannot be read", name, found, "copy it again") from None
    if not isinstance(frame, geopandas.GeoDataFrame):
        cure = "give a layer of polygons (GeoPackage, Shapefile, GeoJSON ...)"
        raise DataError("the file holds a table without geometries", name, cure=cure)
    return frame


def _geo(array: xarray.DataArray, name: str) -> tuple[Any, Any, str]:
    """Return values (north up), transform and CRS of a DataArray with x and y coordinates."""
    from affine import Affine
    from pyproj import CRS

    y_name = next((d for d in ("y", "lat", "latitude") if d in array.dims), None)
    x_name = next((d for d in ("x", "lon", "longitude") if d in array.dims), None)
    if x_name is None or y_name is None:
        cure = "name the dimensions y and x (or lat and lon) and give them coordinates"
        raise DataError("the array has no x and y", name, f"dimensions {array.dims}", cure)
    spatial = array.coords["spatial_ref"].attrs if "spatial_ref" in array.coords else {}
    wkt = spatial.get("crs_wkt") or spatial.get("spatial_ref") or array.attrs.get("crs")
    if not wkt:
        cure = "write it with rioxarray (da.rio.write_crs), or set attrs['crs'] = 'EPSG:...'"
        raise DataError("the array has no coordinate system (CRS)", name, cure=cure)
    x, y = array[x_name].to_numpy().astype(float), array[y_name].to_numpy().astype(float)
    if y[0] < y[-1]:
        array, y = array.isel({y_name: slice(None, None, -1)}), y[::-1]
    if min(len(x), len(y)) < 2:  # noqa: PLR2004
        raise DataError("the array has a single row or column: its cells have no size", name)
    dx, dy = (x[-1] - x[0]) / (len(x) - 1), (y[-1] - y[0]) / (len(y) - 1)
    for axis, steps, step in (("x", np.diff(x), dx), ("y", np.diff(y), dy)):
        if not np.allclose(steps, step, rtol=1e-4):
            raise DataError(f"the {axis} coordinates are not evenly spaced", name)
    others = [d for d in array.dims if d not in (x_name, y_name)]
    values = array.transpose(*others, y_name, x_name).to_numpy()
    transform = Affine(dx, 0.0, x[0] - dx / 2, 0.0, dy, y[0] - dy / 2)
    return values, transform, CRS.from_user_input(wkt).to_wkt()


def _box(bounds: Sequence[float]) -> str:
    west, south, east, north = bounds
    return f"x {west:.8g} to {east:.8g}, y {south:.8g} to {north:.8g}"


def _label(value: Any) -> str:
    """Return an id or name as text; a code that a file holds as 331122.0 is 331122."""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _some(names: Sequence[str]) -> str:
    """Return the first names of a list and how many more there are."""
    more = len(names) - 8
    return ", ".join(names[:8]) + (f" and {more} more" if more > 0 else "")
