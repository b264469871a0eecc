"""Coefficient tables: CSV rectangles with a TOML sidecar that says what the numbers are."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gep.errors import DataError, GepError, Problems, RuleError, nearest
from gep.units import NUMBER, Unit, unit

#: Bounds of a TOML file: what lies outside is no rule, and may take Python's reader hours.
MAX_TOML = 2**20
_LONG_KEY = re.compile(
    r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]{0,80}+"|'[^'\n]{0,80}+')\s*+\.\s*+){50}"""
)
#: The largest whole number of a TOML file.
MAX_INTEGER = 2**63 - 1
#: How well a rule or number was checked against its source, best first.
VERIFIED = ("full_text", "secondary", "recalled")
#: How uncertain numbers are told: shapes, and what each one needs.
SPREADS: Mapping[str, tuple[str, ...]] = {
    "triangular": ("low", "high"),
    "uniform": ("low", "high"),
    "normal": ("sd",),
    "lognormal": ("gsd",),
    "discrete": ("values", "weights"),
}


@dataclass(frozen=True)
class Title:
    """A title in English and Chinese."""

    en: str
    zh: str

    def __getitem__(self, lang: str) -> str:
        """Return the title in ``en`` or ``zh``."""
        return self.zh if lang == "zh" else self.en


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def is_file(path: Path) -> bool:
    """Say whether a file is there; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def shorten(text: str, length: int = 200) -> str:
    """Return a text for a message: long ones are cut in the middle."""
    return text if len(text) <= length else f"{text[: length // 2]} ... {text[-length // 2 :]}"


def read_text(path: Path) -> str:
    """Read text in UTF-8 (with or without a byte-order mark) or GB18030.

    Raises
    ------
    DataError
        If the file is missing or in neither encoding.
    """
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        cure = "check the name and the folder; names are relative to the file that names them"
        found = str(getattr(error, "strerror", error))
        raise DataError("the file cannot be read", shorten(str(path)), found, cure) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(
        "the file is neither UTF-8 nor GB18030 text", str(path), cure="save it as UTF-8"
    )


def read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Read a CSV file: its header and its rows as text. Encoding is detected, ``#`` lines skipped.

    Raises
    ------
    DataError
        If a row has another number of cells than the header, or a column name repeats.
    """
    lines = [ln for ln in read_text(path).splitlines() if ln.strip() and not ln.startswith("#")]
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines))))
    except csv.Error as error:
        raise DataError(
            "this is not a CSV table", str(path), str(error), "look for a lone quote"
        ) from None
    if not rows:
        raise DataError("the table is empty", str(path), cure="give a header and rows")
    header = [name.strip() for name in rows[0]]
    problems = Problems()
    for name in sorted(n for n, count in Counter(header).items() if count > 1):
        problems.add(f"column {name!r} occurs twice", str(path), cure="name columns uniquely")
    ragged = [n for n, row in enumerate(rows[1:], start=2) if len(row) != len(header)]
    for number in ragged[:8]:
        found = f"{len(rows[number - 1])} cells, the header has {len(header)}"
        problems.add(f"row {number} has a wrong length", str(path), found, "quote commas in text")
    if len(ragged) > 8:  # noqa: PLR2004
        problems.add(f"{len(ragged) - 8} more rows have a wrong length", str(path))
    problems.raise_if_any(DataError)
    return header, [dict(zip(header, (c.strip() for c in row), strict=True)) for row in rows[1:]]


def read_toml(path: Path, kind: type[GepError] = RuleError) -> dict[str, Any]:
    """Read a TOML file; raise ``kind`` with the place of the fault."""
    try:
        text = read_text(path)
        if len(text) > MAX_TOML:
            raise kind(f"the file has more than {MAX_TOML} characters", str(path))
        if _LONG_KEY.search(text):
            raise kind("a key has more than 50 parts", str(path))
        data = tomllib.loads(text)
    except DataError as error:
        raise kind(error.problems) from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise kind("this is not valid TOML", str(path), shorten(str(error))) from None
    except RecursionError:
        raise kind("the TOML nests too deeply", str(path)) from None
    queue: list[Any] = [data]
    while queue:
        value = queue.pop()
        if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise kind("a whole number is too large", str(path), cure="TOML knows 64 bits")
        queue += (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
    return data


#: 1,234.5 is read; 1,234 may mean either and is refused.
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d*")


def number(text: str) -> float:
    """Read a finite number; raise ValueError otherwise."""
    plain = text.replace(",", "") if _THOUSANDS.fullmatch(text.strip()) else text
    value = float(plain)
    if not math.isfinite(value) or "_" in text:
        raise ValueError(text)
    return value


# ------------------------------------------------------------------------------- checking of keys


#: The keys of a TOML table and the types of their values.
Keys = Mapping[str, type | tuple[type, ...]]


def check_keys(
    data: Mapping[str, Any],
    where: str,
    problems: Problems,
    required: Keys,
    optional: Keys | None = None,
) -> bool:
    """Report unknown, missing and mistyped keys of a TOML table; say whether all is well."""
    if not isinstance(data, Mapping):
        problems.add("this must be a table of keys", where, found=repr(data)[:80])
        return False
    before = len(problems.errors)
    known: dict[str, type | tuple[type, ...]] = {**required, **(optional or {})}
    for key, value in data.items():
        if key not in known:
            shown = shorten(str(key), 60)
            problems.add(f"unknown key {shown!r}", where, cure=nearest(shown, known))
        elif not _fits(value, known[key]):
            types = known[key]
            wanted = types if isinstance(types, tuple) else (types,)
            if float in wanted:
                wanted = tuple(t for t in wanted if t is not int)
            names = " or ".join(_TYPES.get(t, t.__name__) for t in wanted)
            problems.add(f"key {key!r} must be {names}", where, found=repr(value)[:80])
    for key in required:
        if key not in data:
            problems.add(f"key {key!r} is missing", where)
    return len(problems.errors) == before


def _fits(value: Any, types: type | tuple[type, ...]) -> bool:
    wanted = types if isinstance(types, tuple) else (types,)
    if isinstance(value, bool):
        return bool in wanted
    if float in wanted and isinstance(value, int | float):
        return is_number(value)
    return isinstance(value, wanted)


def is_number(value: Any) -> bool:
    """Say whether a value of a TOML file is a finite number of a sensible size."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and abs(value) < 1e300  # noqa: PLR2004


def read_range(value: Any, where: str, problems: Problems) -> tuple[float, float] | None:
    """Read ``[low, high]``, noting the problem if it is something else."""
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value)):  # noqa: PLR2004
        low, high = float(value[0]), float(value[1])
        if low <= high:
            return low, high
    problems.add("a range is [low, high], two numbers in order", where, found=repr(value)[:80])
    return None


def texts(value: Any, where: str, problems: Problems) -> tuple[str, ...]:
    """Read a list of texts, noting what is none."""
    if not isinstance(value, list):
        problems.add("must be a list of texts", where, found=repr(value)[:80])
        return ()
    for item in value:
        if not isinstance(item, str):
            problems.add("the list must hold texts", where, found=repr(item)[:80])
    return tuple(item for item in value if isinstance(item, str))


_TYPES: dict[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


def read_title(value: Any, where: str, problems: Problems) -> Title:
    """Read ``{ en = ..., zh = ... }``; both are required."""
    if (
        not isinstance(value, dict)
        or set(value) != {"en", "zh"}
        or not all(isinstance(text, str) and text for text in value.values())
    ):
        problems.add(
            "a title has both languages", where, repr(value)[:80], '{ en = "...", zh = "..." }'
        )
        return Title("?", "?")
    return Title(str(value["en"]), str(value["zh"]))


def read_unit(text: Any, where: str, problems: Problems) -> Unit:
    """Read a unit, noting the problem with its place; returns the pure number on failure."""
    try:
        return unit(text)
    except GepError as error:
        for p in error.problems:
            problems.add(p.what, where, p.found, p.cure)
        return NUMBER


# --------------------------------------------------------------------------------------- tables


@dataclass(frozen=True)
class Column:
    """What the numbers of one column (or the number of one item) are."""

    title: Title
    unit: Unit
    range: tuple[float, float] | None = None
    cite: str = ""
    verified: str = "recalled"
    price_year: int | None = None
    uncertainty: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Spread:
    """How uncertain a number is, in the number's own unit.

    Attributes
    ----------
    shape
        ``triangular`` and ``uniform`` lie between ``low`` and ``high`` (the number itself is the
        mode of the first); ``normal`` has the number as its mean and the standard deviation ``sd``;
        ``lognormal`` has the number as its median and the geometric standard deviation ``gsd``;
        ``discrete`` takes one of ``values`` with chances in proportion to ``weights``.
    """

    shape: str
    low: float = math.nan
    high: float = math.nan
    sd: float = math.nan
    gsd: float = math.nan
    values: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()

    def fault(self, value: float) -> tuple[str, str, str] | None:
        """Return what is wrong with it as the spread of a value: what, found, cure."""
        if self.shape in ("triangular", "uniform"):
            if not self.low <= value <= self.high or self.low == self.high:
                found = f"{self.low:g} to {self.high:g} around {value:g}"
                cure = "low is below the number and high above it"
                return "the number does not lie between low and high", found, cure
        elif self.shape == "normal":
            if not 0 < self.sd < math.inf:
                return "a standard deviation is above zero", f"sd = {self.sd:g}", "correct it"
        elif self.shape == "lognormal":
            if not 1 < self.gsd < math.inf or value <= 0:
                found = f"gsd = {self.gsd:g} around {value:g}"
                cure = "a factor: 1.2 means that 68 % lie within a factor of 1.2"
                return "a lognormal number and its gsd - 1 are above zero", found, cure
        elif (
            not self.values
            or len(self.values) != len(self.weights)
            or min(self.weights) < 0
            or sum(self.weights) <= 0
        ):
            found = f"values {list(self.values)}, weights {list(self.weights)}"
            cure = "give a weight of zero or more with each value"
            return "values and weights do not fit together", found, cure
        return None


@dataclass(frozen=True)
class Entry:
    """One number with all that is known about it."""

    value: float
    unit: Unit
    source: str
    verified: str
    where: str
    price_year: int | None = None
    note: str = ""
    spread: Spread | None = None


@dataclass(frozen=True)
class Table:
    """A coefficient table. ``shape`` is rectangle, list or index."""

    name: str
    path: Path
    title: Title
    shape: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    entries: Mapping[str, Mapping[tuple[str, ...], Entry]]  # column -> key -> entry
    dated: Mapping[str, tuple[Entry, ...]]  # item -> entries of several years (list tables)
    sources: Mapping[str, Title]
    files: Mapping[str, str]  # file name -> sha256

    def at_prices_of(self, item: str, year: int) -> Entry:
        """Return an item's entry of a price year, else the latest before it, else the first."""
        dated = self.dated[item]
        exact = [e for e in dated if e.price_year == year]
        before = [e for e in dated if e.price_year and e.price_year <= year]
        return (exact or before or list(dated))[-1 if exact or before else 0]

    def source_text(self, entry: Entry) -> str:
        """Return the source of an entry in words."""
        title = self.sources.get(entry.source)
        return entry.source if title is None else f"{title.en} / {title.zh}"


def load_table(path: Path, name: str = "") -> Table:
    """Load ``path`` (CSV) and its sidecar.

    Raises
    ------
    RuleError
        With all problems of the two files.
    """
    problems = Problems()
    sidecar = path.with_suffix(".toml")
    meta = read_toml(sidecar)
    where = str(sidecar)
    optional: Keys = {
        "key": list,
        "columns": dict,
        "sources": dict,
        "note": dict,
        "unit": str,
        "uncertainty": dict,
    }
    if not check_keys(meta, where, problems, {"title": dict, "shape": str}, optional):
        raise RuleError(problems.errors)
    title = read_title(meta.get("title"), f"{where}, title", problems)
    shape = meta.get("shape", "")
    if shape not in ("rectangle", "list", "index"):
        problems.add("shape is rectangle, list or index", where, found=repr(shape))
    if "uncertainty" in meta and shape != "list":
        cure = "say it in [columns.<name>]; only a list has one for all its rows"
        problems.add("uncertainty belongs to a column", where, cure=cure)
    sources = {
        str(key): read_title(
            value.get("text") if isinstance(value, dict) else value,
            f"{where}, sources.{key}",
            problems,
        )
        for key, value in meta.get("sources", {}).items()
    }
    try:
        header, rows = read_csv(path)
    except DataError as error:
        problems.absorb(error)
        raise RuleError(problems.errors) from None
    columns: dict[str, Column] = {}
    entries: dict[str, dict[tuple[str, ...], Entry]] = {}
    dated: dict[str, tuple[Entry, ...]] = {}
    key = texts(meta.get("key", []), f"{where}, key", problems)
    reader = _Rows(path, header, rows, sources, problems)
    if shape == "rectangle":
        columns = _read_columns(meta.get("columns", {}), where, problems)
        entries = reader.rectangle(key, columns)
    elif shape == "list":
        told = _read_uncertainty(meta.get("uncertainty", {}), where, problems)
        columns, dated = reader.items(told)
        entries = {item: {(): found[-1]} for item, found in dated.items()}
    elif shape == "index":
        key, columns = ("year",), {"value": Column(title, NUMBER, (1e-9, 1e9))}
        entries = reader.rectangle(key, columns)
    problems.raise_if_any(RuleError)
    hashes = {path.name: sha256(path), sidecar.name: sha256(sidecar)}
    return Table(
        name or path.stem, path, title, shape, key, columns, entries, dated, sources, hashes
    )


def _read_columns(data: Mapping[str, Any], where: str, problems: Problems) -> dict[str, Column]:
    columns = {}
    for name, column in data.items():
        place = f"{where}, columns.{name}"
        required = {"title": dict, "unit": str, "cite": str, "verified": str}
        optional = {"range": list, "uncertainty": dict, "note": dict, "price_year": int}
        if not check_keys(column, place, problems, required, optional):
            continue
        limits = read_range(column["range"], place, problems) if "range" in column else None
        uncertainty = _read_uncertainty(column.get("uncertainty", {}), place, problems)
        if column["verified"] not in VERIFIED:
            problems.add(
                f"verified is one of {', '.join(VERIFIED)}", place, repr(column["verified"])
            )
        its_unit = read_unit(column["unit"], place, problems)
        if bool(its_unit.currency) != ("price_year" in column):
            cure = "say price_year = ... in the column of a price, and only there"
            problems.add("a price has a price_year", place, f"unit {its_unit}", cure)
        columns[name] = Column(
            read_title(column["title"], place, problems),
            its_unit,
            limits,
            column["cite"],
            column["verified"],
            column.get("price_year"),
            uncertainty,
        )
    return columns


def _read_uncertainty(data: Mapping[str, Any], where: str, problems: Problems) -> dict[str, str]:
    """Read ``{ shape = "triangular", low = "...", high = "..." }``: a shape and columns."""
    if not data:
        return {}
    place = f"{where}, uncertainty"
    if not all(isinstance(text, str) for text in data.values()):
        problems.add("uncertainty names a shape and columns", place, repr(data)[:80])
        return {}
    shape = data.get("shape", "")
    if shape not in SPREADS:
        cure = nearest(shape, SPREADS)
        problems.add("uncertainty has an unknown shape", place, repr(shape), cure)
        return {}
    if not check_keys(data, place, problems, dict.fromkeys(("shape", *SPREADS[shape]), str)):
        return {}
    return dict(data)


def out_of_range(
    value: float, its_unit: Unit, limits: tuple[float, float] | None
) -> tuple[str, str, str] | None:
    """Return what is wrong with a coefficient, what was found and what to do; None if it is well.

    Without a range a coefficient is not negative: a minus sign stands in the formula.
    """
    shown = f"{value:g} [{its_unit}]"
    if limits is None and value < 0:
        cure = (
            "correct it; if it is right, give its column a range, or put the minus in the formula"
        )
        return "the coefficient is negative", shown, cure
    if limits is not None and not limits[0] <= value <= limits[1]:
        found = f"{shown}; the table's range is {limits[0]:g} to {limits[1]:g}"
        return "the coefficient is out of range", found, "correct the number, or its unit"
    return None


class _Rows:
    """Turns the text rows of one CSV into entries, collecting problems."""

    def __init__(
        self,
        path: Path,
        header: list[str],
        rows: list[dict[str, str]],
        sources: Mapping[str, Title],
        problems: Problems,
    ) -> None:
        self.path, self.header, self.rows = path, header, rows
        self.sources, self.problems = sources, problems

    def _source(self, row: dict[str, str], place: str) -> str:
        key = row.get("source", "")
        if not key:
            self.problems.add("the row has no source", place, cure="every number has a source key")
        elif key not in self.sources:
            cure = nearest(key, self.sources)
            self.problems.add(f"source {key!r} is not in the sidecar", place, cure=cure)
        return key

    def _number(
        self, text: str, place: str, its_unit: Unit, limits: tuple[float, float] | None
    ) -> float | None:
        try:
            value = number(text)
        except ValueError:
            found = repr(shorten(text, 40))
            self.problems.add("this is not a number", place, found, "leave unknown cells empty")
            return None
        fault = out_of_range(value, its_unit, limits)
        if fault:
            self.problems.add(fault[0], place, *fault[1:])
        return value

    def _verified(self, text: str, default: str, place: str) -> str:
        if text and text not in VERIFIED:
            self.problems.add(f"verified is one of {', '.join(VERIFIED)}", place, found=repr(text))
        return text or default

    def _has_columns(self, uncertainty: Mapping[str, str]) -> bool:
        """Report columns of an uncertainty that the CSV lacks."""
        lacking = [
            name for key, name in uncertainty.items() if key != "shape" and name not in self.header
        ]
        for name in lacking:
            what = f"column {name!r} of an uncertainty is missing"
            self.problems.add(what, str(self.path), cure=nearest(name, self.header))
        return bool(uncertainty) and not lacking

    def _spread(
        self, row: dict[str, str], uncertainty: Mapping[str, str], place: str, value: float
    ) -> Spread | None:
        """Return how uncertain a row's number is; None where its cells are empty."""
        cells = {key: row[name] for key, name in uncertainty.items() if key != "shape"}
        if not any(cells.values()):
            return None
        parts: dict[str, Any] = {}
        for key, text in cells.items():
            listed = key in ("values", "weights")
            try:
                numbers = tuple(number(part) for part in (text.split(";") if listed else [text]))
            except ValueError:
                found = repr(shorten(text, 40))
                cure = "several numbers are divided by ';'" if listed else "give a number"
                self.problems.add("this is not a number", f"{place}, {key}", found, cure)
                return None
            parts[key] = numbers if listed else numbers[0]
        spread = Spread(uncertainty["shape"], **parts)
        fault = spread.fault(value)
        if fault:
            self.problems.add(fault[0], place, *fault[1:])
        return spread

    def rectangle(
        self, key: tuple[str, ...], columns: Mapping[str, Column]
    ) -> dict[str, dict[tuple[str, ...], Entry]]:
        extra = {"source", "verified", "note", "cite"}
        told = [item for col in columns.values() for item in col.uncertainty.items()]
        named = {name for key, name in told if key != "shape"}
        spread_over = {n for n, col in columns.items() if self._has_columns(col.uncertainty)}
        for name in sorted(set(self.header) - set(key) - set(columns) - extra - named):
            what = f"column {name!r} is not described in the sidecar"
            self.problems.add(what, str(self.path), cure=nearest(name, [*key, *columns, *extra]))
        for name in sorted((set(key) | set(columns) | {"source"}) - set(self.header)):
            self.problems.add(f"column {name!r} is missing", str(self.path))
        if not set(key) | set(columns) <= set(self.header):
            return {}
        entries: dict[str, dict[tuple[str, ...], Entry]] = {name: {} for name in columns}
        seen: dict[tuple[str, ...], int] = {}
        for line, row in enumerate(self.rows, start=2):
            label = tuple(row[k] for k in key)
            place = f"{self.path.name}, row {line} ({', '.join(label)})"
            if label in seen:
                what = f"duplicate row for {', '.join(label)}"
                self.problems.add(
                    what, str(self.path), f"rows {seen[label]} and {line}", "keep one"
                )
                continue
            seen[label] = line
            source = self._source(row, place)
            for name, column in columns.items():
                if row[name] == "":
                    continue
                value = self._number(row[name], f"{place}, {name}", column.unit, column.range)
                if value is None:
                    continue
                verified = self._verified(row.get("verified", ""), column.verified, place)
                note = row.get("note", "")
                year = column.price_year
                uncertain = column.uncertainty if name in spread_over else {}
                spread = self._spread(row, uncertain, f"{place}, {name}", value)
                entries[name][label] = Entry(
                    value, column.unit, source, verified, place, year, note, spread
                )
        return entries

    def items(
        self, uncertainty: Mapping[str, str]
    ) -> tuple[dict[str, Column], dict[str, tuple[Entry, ...]]]:
        wanted = ["item", "value", "unit", "price_year", "source", "verified"]
        for name in [n for n in wanted if n not in self.header]:
            self.problems.add(f"column {name!r} is missing", str(self.path))
        if not set(wanted) <= set(self.header):
            return {}, {}
        told = uncertainty if self._has_columns(uncertainty) else {}
        columns: dict[str, Column] = {}
        found: dict[str, dict[int | None, Entry]] = {}
        for line, row in enumerate(self.rows, start=2):
            item = row["item"]
            place = f"{self.path.name}, row {line} ({item})"
            item_unit = read_unit(row["unit"], place, self.problems)
            value = self._number(row["value"], place, item_unit, None)
            verified = self._verified(row["verified"], "recalled", place)
            source = self._source(row, place)
            year = self._year(row["price_year"], item_unit, place)
            if value is None:
                continue
            if year in found.get(item, {}):
                self.problems.add(
                    f"duplicate row for {item}", str(self.path), f"row {line}", "keep one"
                )
                continue
            spread, note = self._spread(row, told, place, value), row.get("note", "")
            entry = Entry(value, item_unit, source, verified, place, year, note, spread)
            found.setdefault(item, {})[year] = entry
            first = columns.get(item)
            if first and first.unit.dims != item_unit.dims:
                self.problems.add(f"the units of {item} differ in kind", place, str(item_unit))
            title = Title(row.get("title_en") or item, row.get("title_zh") or item)
            columns[item] = Column(title, item_unit, None, row.get("cite", "") or source, verified)
        ordered = {
            item: tuple(entries[y] for y in sorted(entries, key=lambda y: y or 0))
            for item, entries in found.items()
        }
        return columns, ordered

    def _year(self, text: str, item_unit: Unit, place: str) -> int | None:
        if item_unit.currency and not text:
            cure = "say the year of the price level"
            self.problems.add("a price has no price_year", place, cure=cure)
        if text and not item_unit.currency:
            self.problems.add("price_year belongs to prices only", place, found=text)
        try:
            return int(text) if text else None
        except ValueError:
            self.problems.add("price_year is not a year", place, found=text)
            return None
