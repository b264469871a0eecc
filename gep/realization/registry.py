"""The registry of a 两山银行: its words, its records, and the states that a parcel goes through."""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from gep.errors import DataError, Problems, RuleError, UsageError, nearest
from gep.tables import VERIFIED, Title, number, read_csv, read_title, read_toml
from gep.units import unit

_FOLDER = Path(__file__).parent
_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]00:00:00(?:\.0+)?)?")
_SEPARATORS = re.compile(r"[;；、,，|]")
_PERCENT_LIKE = "write 0.05 for 5 %"

Verdict = Literal["allowed", "conditional", "refused", "undetermined"]

#: To which states a parcel may go from each. It is returned early, or at the end.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "surveyed": ("titled",),
    "titled": ("valued",),
    "valued": ("deposited",),
    "deposited": ("packaged", "returned", "expired"),
    "packaged": ("listed", "deposited", "returned", "expired"),
    "listed": ("contracted", "packaged", "returned", "expired"),
    "contracted": ("operating", "listed", "returned", "expired"),
    "operating": ("returned", "expired"),
    "returned": ("titled",),
    "expired": ("surveyed",),
}
#: States in order; a parcel from ``titled`` on has a right on record, beyond it a certificate, ...
ORDER = tuple(state for state in TRANSITIONS if state not in ("returned", "expired"))


def reached(state: str, step: str) -> bool:
    """Say whether a parcel in ``state`` is at ``step`` or beyond (ended ones are not).

    >>> reached("listed", "packaged"), reached("titled", "valued"), reached("returned", "titled")
    (True, False, False)
    """
    return state in ORDER and ORDER.index(state) >= ORDER.index(step)


# -------------------------------------------------------------------------------------- words


@dataclass(frozen=True)
class Word:
    """One value of a field: its key in the database, its titles, and what else is said of it."""

    key: str
    title: Title
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One field of a record or list: its title, and what may stand in it."""

    name: str
    title: Title
    kind: str
    of: str
    required: bool


@dataclass(frozen=True)
class Words:
    """All words of the registry, as ``registry.toml`` has them."""

    lists: Mapping[str, Mapping[str, Word]]
    fields: Mapping[str, Mapping[str, Field]]
    titles: Mapping[str, Title]
    one_service: Mapping[str, str]  # a name, in small letters -> the service that it means

    def find(self, of: str, text: str) -> Word | None:
        """Return the word that a user wrote as key, or in Chinese or English."""
        wanted = text.strip().casefold()
        for word in self.lists[of].values():
            if wanted in (word.key, word.title.zh.casefold(), word.title.en.casefold()):
                return word
        return None

    def key(self, of: str, text: str, where: str) -> str:
        """Return the key of what a user wrote.

        Raises
        ------
        DataError
            If it is not one of the list.
        """
        word = self.find(of, text)
        if word is None:
            raise DataError(f"{text!r} is not a known {of}", where, cure=self.cure(of, text))
        return word.key

    def cure(self, of: str, text: str) -> str:
        """Return which words there are."""
        titles = [
            word.title.zh if _is_chinese(text) else word.key for word in self.lists[of].values()
        ]
        return nearest(text, titles)

    def say(self, of: str, key: Any, lang: str) -> str:
        """Return the title of a key; what is unknown is said as it is, nothing as nothing."""
        if key is None or (isinstance(key, float) and math.isnan(key)):
            return ""
        word = self.lists[of].get(str(key))
        return word.title[lang] if word else str(key)

    def service(self, name: str) -> str:
        """Return the service that a name means: all names of carbon mean one."""
        return self.one_service.get(name.strip().casefold(), name.strip().casefold())


@functools.cache
def words() -> Words:
    """Return the words of the registry.

    >>> words().find("mode", "租赁").key
    'lease'
    """
    path = _FOLDER / "registry.toml"
    data, problems = read_toml(path), Problems()

    def title(entry: Mapping[str, Any], where: str) -> Title:
        return read_title({"en": entry.get("en"), "zh": entry.get("zh")}, where, problems)

    lists = {
        of: {
            key: Word(key, title(entry, f"{path}, words.{of}.{key}"), entry)
            for key, entry in entries.items()
        }
        for of, entries in data["words"].items()
    }
    fields = {
        record: {
            name: Field(
                name,
                title(entry, f"{path}, fields.{record}.{name}"),
                entry["kind"],
                entry.get("of", ""),
                bool(entry.get("required", False)),
            )
            for name, entry in entries.items()
        }
        for record, entries in data["fields"].items()
    }
    titles = {name: title(entry, f"{path}, lists.{name}") for name, entry in data["lists"].items()}
    services = {
        name.casefold(): service for service, names in data["one_service"].items() for name in names
    }
    problems.raise_if_any(RuleError)
    return Words(lists, fields, titles, services)


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


# --------------------------------------------------------------------------------------- uses


@dataclass(frozen=True)
class UseRule:
    """What a restriction says of a use, on what basis, and how well that was checked."""

    verdict: Verdict
    condition: Title | None
    basis: str
    verified: str


@dataclass(frozen=True)
class Uses:
    """The table of uses on restricted land. What it does not say is undetermined."""

    name: str
    rules: Mapping[tuple[str, str], UseRule]

    @classmethod
    def load(cls, path: str | Path | None = None) -> Uses:
        """Read a table; by default the one that gep proposes.

        Parameters
        ----------
        path
            A CSV with the columns restriction, use, verdict (allowed, conditional, refused),
            condition_en, condition_zh, basis, verified.

        Raises
        ------
        RuleError
            With all problems of the table.

        Examples
        --------
        >>> uses = Uses.load()
        >>> uses.verdict("red_line", "construction"), uses.verdict("red_line", "timber")
        ('refused', 'undetermined')
        """
        path = Path(path) if path is not None else _FOLDER / "registry_uses.csv"
        try:
            header, rows = read_csv(path)
        except DataError as error:
            raise RuleError(error.problems) from None
        problems, rules, known = Problems(), {}, words()
        needed = (
            "restriction",
            "use",
            "verdict",
            "condition_en",
            "condition_zh",
            "basis",
            "verified",
        )
        for column in needed:
            if column not in header:
                problems.add(f"column {column!r} is missing", str(path), ", ".join(header))
        problems.raise_if_any(RuleError)
        for line, row in enumerate(rows, start=2):
            where = f"{path.name}, row {line}"
            for of in ("restriction", "use", "verdict"):
                word = known.find(of, row[of])
                if word is None:
                    cure = known.cure(of, row[of])
                    problems.add(f"{row[of]!r} is not a known {of}", where, cure=cure)
                else:
                    row[of] = word.key
            if row["verified"] not in VERIFIED:
                found = repr(row["verified"])
                problems.add(f"verified is one of {', '.join(VERIFIED)}", where, found)
            if (row["restriction"], row["use"]) in rules:
                problems.add("the pair stands in the table twice", where, cure="keep one")
            said = Title(row["condition_en"], row["condition_zh"])
            if row["verdict"] == "conditional" and not (said.en and said.zh):
                problems.add("a condition is said in both languages", where)
            rules[row["restriction"], row["use"]] = UseRule(
                row["verdict"],  # type: ignore[arg-type]
                said if said.en else None,
                row["basis"],
                row["verified"],
            )
        problems.raise_if_any(RuleError)
        return cls(path.name, rules)

    def verdict(self, restriction: str, use: str) -> Verdict:
        """Return what is said of a use on land with a restriction."""
        rule = self.rules.get((restriction, use))
        return "undetermined" if rule is None else rule.verdict


# ------------------------------------------------------------------------------------ records


def read_records(
    frame: pd.DataFrame,
    record: str,
    places: Sequence[str],
    problems: Problems,
    columns: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Read the rows of a table as records of the registry, noting all that is wrong.

    Parameters
    ----------
    frame
        The rows. A column is found by the name of the field, by its title in either language, or as
        ``columns`` says (field → column).
    record
        ``parcel``, ``deposit`` or ``encumbrance``.
    places
        Where each row stands, for messages.

    Returns
    -------
    list
        One dict per row; a field that is not given, or is wrong, is None.
    """
    fields = words().fields[record]
    where = places[0].rpartition(",")[0] if places else record
    found = _columns(frame, fields, where, problems, columns or {})
    records: list[dict[str, Any]] = []
    raw_rows = frame[list(dict.fromkeys(found.values()))].to_dict("records")
    for place, raw in zip(places, raw_rows, strict=True):
        row: dict[str, Any] = {}
        for field in fields.values():
            given = raw[found[field.name]] if field.name in found else None
            row[field.name] = read_value(field, given, place, problems)
            if field.required and row[field.name] is None and _is_nothing(given):
                problems.add(f"{field.name} ({field.title.zh}) is missing", place)
        records.append(row)
    _repeated(records, places, problems)
    return records


def _columns(
    frame: pd.DataFrame,
    fields: Mapping[str, Field],
    where: str,
    problems: Problems,
    columns: Mapping[str, str],
) -> dict[str, str]:
    """Return the column of every field that the table has."""
    strange = [name for name in columns if name not in fields]
    if strange:
        cure = nearest(strange[0], fields)
        raise UsageError(f"columns names the unknown field {strange[0]!r}", cure=cure)
    there = [str(c) for c in frame.columns if str(c) != "geometry"]
    by_name = {name.casefold(): name for name in there}
    found = {}
    for name, field in fields.items():
        if name in columns:
            if columns[name] in there:
                found[name] = columns[name]
            else:
                cure = nearest(columns[name], there)
                problems.add(f"there is no column {columns[name]!r}", where, cure=cure)
            continue
        for way in (name, field.title.zh, field.title.en):
            if way.casefold() in by_name:
                found[name] = by_name[way.casefold()]
                break
        else:
            if field.required:
                what = f"there is no column {name!r} ({field.title.zh})"
                cure = f"say which it is: columns={{{name!r}: ...}}"
                problems.add(what, where, f"columns {', '.join(there)}", cure)
    for column in there:
        if column not in found.values():
            problems.warn(
                f"column {column!r} is not taken over", where, cure=nearest(column, fields)
            )
    return found


def _repeated(
    records: Sequence[Mapping[str, Any]], places: Sequence[str], problems: Problems
) -> None:
    first: dict[str, str] = {}
    for row, place in zip(records, places, strict=True):
        if row["id"] is None:
            continue
        if row["id"] in first:
            found = f"it is also the id of {first[row['id']]}"
            problems.add(f"the id {row['id']!r} occurs twice", place, found, "give unique ids")
        first.setdefault(row["id"], place)


def read_value(field: Field, given: Any, place: str, problems: Problems) -> Any:
    """Read what stands in a field; None where nothing does, or where it is wrong."""
    if field.kind == "words":
        texts = given if isinstance(given, list | tuple) else _SEPARATORS.split(_text(given))
        keys = [_word(field, text, place, problems) for text in texts if str(text).strip()]
        return sorted({key for key in keys if key is not None})
    if _is_nothing(given):
        return None
    at = f"{place}, {field.name}"
    if field.kind == "date":
        return _date(given, at, problems)
    if field.kind == "number":
        return _number(field.name, given, at, problems)
    if field.kind == "word":
        return _word(field, _text(given), place, problems)
    if field.name == "rent_unit":
        return _rent_unit(_text(given), at, problems)
    return _text(given)


def _is_nothing(given: Any) -> bool:
    if isinstance(given, list | tuple):
        return not given
    return given is None or bool(pd.isna(given)) or not str(given).strip()


def _text(given: Any) -> str:
    """Return text; a number that a table made of a code (331122.0) is the code."""
    if given is None or (not isinstance(given, str) and pd.isna(given)):
        return ""
    if isinstance(given, float) and given.is_integer():
        return f"{given:.0f}"
    return str(given).strip()


def _word(field: Field, text: Any, place: str, problems: Problems) -> str | None:
    word = words().find(field.of, str(text))
    if word is None:
        cure = words().cure(field.of, str(text).strip())
        what = f"{str(text).strip()!r} is not a known {field.of} ({field.title.zh})"
        problems.add(what, f"{place}, {field.name}", cure=cure)
        return None
    return word.key


def read_date(given: Any) -> dt.date | None:
    """Return a date from a date, a timestamp or text such as 2045-12-31; None if it is none.

    >>> read_date("2045-12-31"), read_date("31.12.45")
    (datetime.date(2045, 12, 31), None)
    """
    if isinstance(given, dt.datetime):
        return given.date()
    if isinstance(given, dt.date):
        return given
    match = _DATE.fullmatch(str(given).strip())
    try:
        return dt.date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None


def _date(given: Any, at: str, problems: Problems) -> dt.date | None:
    found = read_date(given)
    if found is None:
        problems.add("this is not a date", at, repr(given), "write it as 2045-12-31")
    return found


def _number(name: str, given: Any, at: str, problems: Problems) -> float | None:
    try:
        value = number(str(given))
    except ValueError:
        problems.add("this is not a number", at, repr(given), "leave it empty if it is not known")
        return None
    if value < 0:
        problems.add(f"{name} is negative", at, f"{value:g}")
        return None
    if name in ("share", "escalation") and value > 1:
        problems.add(f"{name} is above 1: it looks like a percent", at, f"{value:g}", _PERCENT_LIKE)
        return None
    if name == "area_ha" and value == 0:
        problems.add("an area is above zero", at, cure="leave it empty if it is not known")
        return None
    return value


def _rent_unit(text: str, at: str, problems: Problems) -> str | None:
    cure = "for example 元/(亩·yr), or 元/yr for the whole parcel"
    try:
        given = unit(text)
    except RuleError as error:
        problems.add("the unit of the rent is not a unit", at, error.problems[0].found, cure)
        return None
    money = given.currency
    if money is None or not any(given.agrees(unit(f"{money}/{per}")) for per in ("yr", "(m²·yr)")):
        problems.add("a rent is money by year, or by area and year", at, f"[{given}]", cure)
        return None
    return text
