"""The library of standards, tables and legends: finds the folders, loads them, resolves names."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gep.errors import Problems, RuleError, UsageError, nearest
from gep.functions import FUNCTIONS
from gep.model import (
    MECHANISM,
    Quantity,
    Service,
    ServiceReader,
    Step,
    count_verified,
    load_glossary,
)
from gep.tables import (
    VERIFIED,
    Column,
    Entry,
    Keys,
    Table,
    Title,
    check_keys,
    is_file,
    load_table,
    read_text,
    read_title,
    read_toml,
    sha256,
    shorten,
    texts,
)

#: Names of services, tables and classifications: they lead into no other folder.
_NAME = re.compile(r"\w{1,80}")
_CODE = re.compile(r"-?[0-9]{1,9}")


def data_root(name: str) -> Path:
    """Return the folder ``models`` or ``coefficients``: inside the package, or in the checkout."""
    package = Path(__file__).resolve().parent
    for candidate in (package / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    found = f"neither {package / name} nor {package.parent / name}"
    raise UsageError(f"gep's folder {name}/ is missing", found=found, cure="install gep again")


@dataclass(frozen=True)
class EcosystemClass:
    """A class of ecosystem; ``parent`` is the class whose coefficients serve it if it has none."""

    id: str
    title: Title
    parent: str | None = None


@dataclass(frozen=True)
class Legend:
    """The codes of a land-cover product and the classes they stand for."""

    title: Title
    source: str
    nodata: tuple[int, ...]
    codes: Mapping[int, Title]
    classes: Mapping[int, str]
    unmapped: Mapping[int, str]
    path: Path


@dataclass(frozen=True)
class Provider:
    """The step of a standard that computes a quantity."""

    service: str
    symbol: str


@dataclass(frozen=True)
class Standard(Mapping[str, Service]):
    """A standard: who issued it, its classes, its services and its tables.

    ``standard["<service id>"]`` is a :class:`~gep.model.Service`.
    """

    id: str
    title: Title
    number: str
    issuer: Title
    date: str
    scope: Title
    classification: str
    classes: Mapping[str, EcosystemClass]
    catalogue: tuple[str, ...]
    supporting: tuple[str, ...]
    services: Mapping[str, Service]
    sources: Mapping[str, Title]
    folder: Path
    tables: Mapping[str, Table]
    glossary: Mapping[str, Quantity]
    files: Mapping[str, str] = field(default_factory=dict)
    #: Other rules that the standard offers for a service: service -> name of the file -> rule.
    variants: Mapping[str, Mapping[str, Service]] = field(default_factory=dict)
    status: str = ""
    replaced_by: Title | None = None
    note: Title | None = None

    def __getitem__(self, name: str) -> Service:
        """Return a service by its id."""
        try:
            return self.services[name]
        except KeyError:
            cure = nearest(name, self.services)
            raise UsageError(f"{self.id} has no service {name!r}", cure=cure) from None

    def __contains__(self, name: object) -> bool:
        """Say whether the standard has a service."""
        return name in self.services

    def __iter__(self) -> Iterator[str]:
        """Iterate over the ids of all services, those of the catalogue first."""
        return iter(self.services)

    def __len__(self) -> int:
        """Return the number of services, supporting rules included."""
        return len(self.services)

    def ancestors(self, ecosystem: str) -> tuple[str, ...]:
        """Return a class and its parents, nearest first."""
        chain = [ecosystem]
        while (parent := self.classes[chain[-1]].parent) is not None:
            chain.append(parent)
        return tuple(chain)

    def in_scope(self, service: Service, ecosystem: str) -> bool:
        """Say whether the service is accounted in this class."""
        wanted = service.ecosystems
        return wanted is None or any(name in wanted for name in self.ancestors(ecosystem))

    def provider(self, quantity: str) -> Provider | None:
        """Return the step that computes a quantity, if there is one."""
        for service in self.services.values():
            for step in service.steps.values():
                if step.provides and step.provides.name == quantity:
                    return Provider(service.id, step.symbol)
        return None

    @property
    def head(self) -> Path:
        """The first file of the folder: ``standard.toml``, or ``mechanism.toml``."""
        path = self.folder / "mechanism.toml"
        return (
            path
            if f"{self.folder.name}/mechanism.toml" in self.files
            else path.with_name("standard.toml")
        )

    def table_of(self, name: str) -> Table:
        """Return a loaded table by the name that rule files use."""
        return self.tables[name]

    @property
    def rules(self) -> Mapping[str, Service]:
        """Every rule of the standard by the name of its file: services and all variants."""
        others = {name: rule for found in self.variants.values() for name, rule in found.items()}
        return {**self.services, **others}

    def rule(self, name: str) -> Service:
        """Return a service, a supporting rule or a variant by the name of its file."""
        try:
            return self.rules[name]
        except KeyError:
            cure = nearest(name, self.rules)
            raise UsageError(f"{self.id} has no rule {name!r}", cure=cure) from None

    @property
    def full_title(self) -> Title:
        """The title, with the names of the variants that were chosen."""
        chosen = "".join(f" +{name}" for name in self.id.split("+")[1:])
        return Title(f"{self.title.en}{chosen}", f"{self.title.zh}{chosen}")

    def entries(self) -> list[Entry]:
        """Return every coefficient that the rules use."""
        found: dict[str, Entry] = {}
        for service in self.rules.values():
            for coefficient in service.coefficients.values():
                table = self.tables[coefficient.table]
                for entry in table.entries[coefficient.column].values():
                    found[f"{table.path}|{coefficient.column}|{entry.where}"] = entry
        return list(found.values())

    def checked(self) -> dict[str, dict[str, int]]:
        """Count steps and coefficients by how well they were checked (``verified``)."""
        return count_verified(self.rules, self.entries())

    def step(self, provider: Provider) -> Step:
        """Return the step that a provider names."""
        return self.services[provider.service].steps[provider.symbol]

    def __repr__(self) -> str:
        """Return one line: id, title, number of services."""
        title = f"{self.title.en} / {self.title.zh}"
        return f"<Standard {self.id}: {title}, {len(self.catalogue)} services>"


# ------------------------------------------------------------------------------------- loading


def standards() -> dict[str, Title]:
    """Return the ids and titles of the standards that gep ships, sorted by id.

    >>> all(title.en and title.zh for title in standards().values())
    True
    """
    return _shipped("standards")


def mechanisms() -> dict[str, Title]:
    """Return the ids and titles of the mechanisms that gep ships, sorted by id.

    >>> all(title.en and title.zh for title in mechanisms().values())
    True
    """
    return _shipped("mechanisms")


def _shipped(kind: str) -> dict[str, Title]:
    paths = sorted((data_root("models") / kind).glob(f"*/{kind[:-1]}.toml"))
    return {
        path.parent.name: read_title(read_toml(path).get("title"), str(path), Problems())
        for path in paths
    }


@functools.cache
def glossary(kind: str = "standards") -> dict[str, Quantity]:
    """Return the glossary of quantities of the ``standards``, or of the ``mechanisms``."""
    root = data_root("models")
    folder = root if kind == "standards" else root / kind
    return load_glossary(folder / "glossary.toml")


def quantities(kind: str = "standards") -> dict[str, Quantity]:
    """Return gep's quantities and those that shipped standards add for themselves."""
    found = dict(glossary(kind))
    for path in sorted((data_root("models") / kind).glob("*/glossary.toml")):
        found |= load_glossary(path)
    return found


def find_standard(
    name_or_path: str | Path, base: Path | None = None, kind: str = "standards"
) -> Path:
    """Return a folder of rules given by name, or by path (relative to ``base``)."""
    first = f"{kind[:-1]}.toml"
    for candidate in (Path(name_or_path), (base or Path()) / name_or_path):
        if is_file(candidate / first):
            return candidate.resolve()
    shipped = data_root("models") / kind / str(name_or_path)
    if is_file(shipped / first):
        return shipped
    name = shorten(str(name_or_path), 60)
    what = f"there is no standard {name!r}"
    if kind == "mechanisms":
        what = f"there are no mechanisms {name!r}"
    cure = f"{nearest(str(name_or_path), _shipped(kind))} (or the path of a folder with {first})"
    raise UsageError(what, cure=cure)


def standard(name_or_path: str | Path, base: Path | None = None) -> Standard:
    """Load a standard, checked.

    Parameters
    ----------
    name_or_path
        The id of a shipped standard, or the path of a folder with ``standard.toml``; followed by
        ``+variant`` for each rule that is taken in a variant which the standard offers.
    base
        Folder to which a relative path is relative (default: the working folder).

    Raises
    ------
    RuleError
        With all problems of all files.

    Examples
    --------
    >>> std = standard(next(iter(standards())))
    >>> [service.kind for service in std.values()][0] in ("provisioning", "regulating", "cultural")
    True
    """
    name, *variants = str(name_or_path).split("+")
    folder = find_standard(name, base)
    return _Loader(folder, tuple(variants)).load()


def mechanism(name_or_path: str | Path, base: Path | None = None) -> Standard:
    """Load a folder of mechanisms, checked: purchases, compensations, loans of one document.

    It is read like a standard, from ``mechanism.toml``; its services are the mechanisms. It has no
    ecosystem classes and computes no account.

    Parameters
    ----------
    name_or_path
        The id of shipped mechanisms, or the path of a folder with ``mechanism.toml``.
    base
        Folder to which a relative path is relative (default: the working folder).

    Raises
    ------
    RuleError
        With all problems of all files.
    """
    return _Loader(find_standard(name_or_path, base, "mechanisms"), kind="mechanisms").load()


def rules_of(name_or_path: str | Path, base: Path | None = None) -> Standard:
    """Load a standard or a folder of mechanisms, whichever has the name or lies at the path.

    Raises
    ------
    UsageError
        If there is neither.
    RuleError
        With all problems of all files.
    """
    is_mechanism = is_file(Path(name_or_path) / "mechanism.toml")
    if is_mechanism or str(name_or_path) in mechanisms():
        return mechanism(name_or_path, base)
    return standard(name_or_path, base)


def together(standards: Sequence[Standard]) -> Standard:
    """Return one standard that knows what several know, to read a project that serves them all.

    Its rules are those of all of them, the first one's where names are the same. It is for reading
    data, not for computing.

    Raises
    ------
    UsageError
        If the standards have other classes, or define a quantity in two ways.
    """
    first = standards[0]
    quantities: dict[str, Quantity] = {}
    for std in standards:
        if std.classification != first.classification or std.classes.keys() != first.classes.keys():
            what = f"{std.id} and {first.id} have other ecosystem classes"
            raise UsageError(what, cure="use a project for each, with the right legend")
        for name, quantity in std.glossary.items():
            if quantities.setdefault(name, quantity) != quantity:
                what = f"the quantity {name!r} is defined in two ways"
                raise UsageError(what, std.id, cure="give one of them another name")
    last_first = list(reversed(standards))
    return replace(
        first,
        glossary=quantities,
        tables={k: v for std in last_first for k, v in std.tables.items()},
        services={k: v for std in last_first for k, v in std.services.items()},
        catalogue=tuple(dict.fromkeys(name for std in standards for name in std.catalogue)),
        files={k: v for std in last_first for k, v in std.files.items()},
    )


_STANDARD_REQUIRED = {
    "id": str,
    "title": dict,
    "number": str,
    "issuer": dict,
    "date": str,
    "scope": dict,
    "catalogue": list,
    "sources": dict,
}
_STANDARD_OPTIONAL = {
    "supporting": list,
    "classification": str,
    "variants": dict,
    "status": str,
    "replaced_by": dict,
    "note": dict,
}
#: What a standard is: ``superseded`` warns who computes by it, ``outline`` holds no rule yet.
STATUSES = ("in_force", "superseded", "draft", "method", "outline")


class _Loader:
    def __init__(self, folder: Path, chosen: tuple[str, ...] = (), kind: str = "standards") -> None:
        self.folder, self.chosen, self.problems = folder, chosen, Problems()
        self.kind, self.head = kind, kind[:-1]  # the folder in models/, the stem of the first file
        self.tables: dict[str, Table] = {}
        self.failed: set[str] = set()
        self.files: dict[str, str] = {}
        self.listed: list[str] = []  # names of variants

    def _keep(self, path: Path) -> None:
        self.files[f"{path.parent.name}/{path.name}"] = sha256(path)

    def load(self) -> Standard:
        path = self.folder / f"{self.head}.toml"
        data = read_toml(path)
        where = str(path)
        if not check_keys(data, where, self.problems, _STANDARD_REQUIRED, _STANDARD_OPTIONAL):
            raise RuleError(self.problems.errors)
        self._keep(path)
        if data["id"] != self.folder.name:
            self.problems.add("id is not the folder's name", where, found=repr(data["id"]))
        titles = {
            key: read_title(data[key], f"{where}, {key}", self.problems)
            for key in ("title", "issuer", "scope")
        }
        sources = self._sources(data["sources"], where)
        catalogue = self._names(data["catalogue"], f"{where}, catalogue")
        supporting = self._names(data.get("supporting", []), f"{where}, supporting")
        classes, classification = self._classes(data)
        quantities = self._glossary()
        reader = ServiceReader(quantities, FUNCTIONS, self._lookup, sources, classes, self.problems)
        names = [*catalogue, *supporting]
        services: dict[str, Service] = {}
        for name in dict.fromkeys(names):
            service = self._service(name, reader)
            if service:
                services[name] = service
        variants = self._variants(data.get("variants", {}), services, reader, where)
        self._strangers([*names, *self.listed])
        chosen = self._choose(services, variants)
        if "status" in data and data["status"] not in STATUSES:
            what = f"status is one of {', '.join(STATUSES)}"
            self.problems.add(what, where, found=repr(data["status"]))
        replaced_by, note = (
            read_title(data[key], f"{where}, {key}", self.problems) if key in data else None
            for key in ("replaced_by", "note")
        )
        self._catalogue(catalogue, supporting, services, where)
        self._known_classes(classes)
        self.problems.raise_if_any(RuleError)
        return Standard(
            id="+".join((data["id"], *chosen)),
            title=titles["title"],
            number=data["number"],
            issuer=titles["issuer"],
            date=data["date"],
            scope=titles["scope"],
            classification=classification,
            classes=classes,
            catalogue=catalogue,
            supporting=supporting,
            services=services,
            sources=sources,
            folder=self.folder,
            tables=self.tables,
            glossary=quantities,
            files=self.files,
            variants=variants,
            status=data.get("status", ""),
            replaced_by=replaced_by,
            note=note,
        )

    def _variants(
        self,
        data: Mapping[str, Any],
        services: Mapping[str, Service],
        reader: ServiceReader,
        where: str,
    ) -> dict[str, dict[str, Service]]:
        """Read the other rules that the standard offers for its services."""
        variants: dict[str, dict[str, Service]] = {}
        seen: set[str] = set()
        for service, listed in data.items():
            place = f"{where}, variants.{service}"
            if service not in services and not self.problems.errors:
                cure = nearest(service, services)
                self.problems.add(f"there is no service {service!r}", place, cure=cure)
            for name in self._names(listed if isinstance(listed, list) else [listed], place):
                if name in services or name in seen:
                    self.problems.add(f"{name!r} is listed twice", place, cure="name it once")
                    continue
                seen.add(name)
                self.listed.append(name)
                rule = self._service(name, reader)
                if rule is None or service not in services:
                    continue
                variants.setdefault(service, {})[name] = rule
                kinds = (rule.kind == "supporting", services[service].kind == "supporting")
                if len(set(kinds)) > 1:
                    found = f"{rule.kind}, {service} is {services[service].kind}"
                    self.problems.add(f"the variant {name!r} is of another kind", place, found)
        return variants

    def _choose(
        self, services: dict[str, Service], variants: Mapping[str, Mapping[str, Service]]
    ) -> tuple[str, ...]:
        """Put the variants that the caller wants in the place of the services."""
        owners = {name: service for service, found in variants.items() for name in found}
        taken: dict[str, str] = {}
        for name in self.chosen:
            owner = owners.get(name)
            if owner is None:
                what = f"{self.folder.name} has no variant {shorten(name, 60)!r}"
                raise UsageError(what, cure=nearest(name, owners))
            if owner in taken:
                what = f"{taken[owner]} and {name} are two rules of {owner}"
                raise UsageError(what, self.folder.name, cure="choose one")
            taken[owner] = name
            services[owner] = replace(variants[owner][name], id=owner)
        return self.chosen

    def _names(self, data: list[Any], where: str) -> tuple[str, ...]:
        """Read names of services; a name is a file's stem and leads into no other folder."""
        names = texts(data, where, self.problems)
        for name in names:
            if not _NAME.fullmatch(name):
                cure = "letters, digits and underscores"
                self.problems.add(f"{shorten(name, 60)!r} cannot be a service", where, cure=cure)
        return tuple(name for name in names if _NAME.fullmatch(name))

    def _known_classes(self, classes: Mapping[str, EcosystemClass]) -> None:
        """Report rows of the standard's own tables for classes that it does not have."""
        for name, table in self.tables.items():
            if "/" in name or "ecosystem" not in table.key:
                continue
            at = table.key.index("ecosystem")
            rows = {row[at] for column in table.entries.values() for row in column}
            for row in sorted(rows - set(classes)):
                what = f"the table has a row for the unknown class {row!r}"
                self.problems.add(what, str(table.path), cure=nearest(row, classes))

    def _glossary(self) -> dict[str, Quantity]:
        """Return gep's quantities and those of the standard's own ``glossary.toml``."""
        path, shared = self.folder / "glossary.toml", glossary(self.kind)
        if not path.is_file():
            return shared
        self._keep(path)
        own = load_glossary(path)
        for name in sorted(set(own) & set(shared)):
            cure = "use gep's, or choose another name"
            self.problems.add(f"the quantity {name!r} is gep's already", str(path), cure=cure)
        return {**shared, **own}

    def _sources(self, data: Mapping[str, Any], where: str) -> dict[str, Title]:
        sources = {}
        for key, entry in data.items():
            place = f"{where}, sources.{key}"
            required, optional = {"text": dict, "verified": str}, {"note": dict}
            if check_keys(entry, place, self.problems, required, optional):
                sources[key] = read_title(entry["text"], place, self.problems)
                if entry["verified"] not in VERIFIED:
                    self.problems.add(f"verified is one of {', '.join(VERIFIED)}", place)
        return sources

    def _classes(self, data: Mapping[str, Any]) -> tuple[dict[str, EcosystemClass], str]:
        name = data.get("classification")
        if self.kind == "mechanisms":
            return {}, ""
        if name is None:
            path, name = self.folder / "land_cover.toml", data["id"]
            if not is_file(path):
                cure = "write it, or name a shipped classification in standard.toml"
                self.problems.add("the ecosystem classes are missing", str(path), cure=cure)
                raise RuleError(self.problems.errors)
        else:
            shipped = data_root("models") / "legends" / "classifications"
            path = shipped / f"{name}.toml"
            if not _NAME.fullmatch(name) or not is_file(path):
                what = f"there is no classification {shorten(name, 60)!r}"
                cure = nearest(name, [p.stem for p in shipped.glob("*.toml")])
                where = str(self.folder / "standard.toml")
                self.problems.add(what, where, cure=f"{cure} (or ship land_cover.toml)")
                raise RuleError(self.problems.errors)
        self._keep(path)
        return load_classes(path, self.problems), name

    def _service(self, name: str, reader: ServiceReader) -> Service | None:
        path = self.folder / f"{name}.toml"
        origin = f"{self.folder.name}/{name}"
        if not is_file(path):
            cure = "write it, or take the name out of standard.toml"
            self.problems.add(f"the service {name!r} has no file", str(path), cure=cure)
            return None
        try:
            data = read_toml(path)
        except RuleError as error:
            self.problems.absorb(error)
            return None
        note = None
        if "same_as" in data:
            where = str(path)
            if not check_keys(
                data, where, self.problems, {"same_as": str}, {"id": str, "note": dict}
            ):
                return None
            self._keep(path)
            if data.get("id", name) != name:
                self.problems.add("id is not the file's name", where, found=repr(data["id"]))
            if "note" in data:
                note = read_title(data["note"], where, self.problems)
            origin = data["same_as"]
            other, _, service = origin.partition("/")
            path = data_root("models") / self.kind / other / f"{service}.toml"
            if not (_NAME.fullmatch(other) and _NAME.fullmatch(service) and is_file(path)):
                cure = 'write "standard/service" of a standard that gep ships'
                what = f"same_as = {shorten(origin, 60)!r} resolves to no file"
                self.problems.add(what, where, cure=cure)
                return None
            data = read_toml(path)
            if "same_as" in data:
                cure = f"write same_as = {data['same_as']!r}"
                what = f"same_as = {origin!r} leads to a file that is itself same_as another"
                self.problems.add(what, where, cure=cure)
                return None
        self._keep(path)
        service = reader.read(data, path, origin, read_text(path))
        if service is None:
            return None
        notes = [n for n in (note, service.note) if n is not None]
        both = Title(" ".join(n.en for n in notes), "".join(n.zh for n in notes)) if notes else None
        return replace(service, id=name, note=both)

    def _strangers(self, names: list[str]) -> None:
        known = {*names, self.head, "glossary"}
        if self.kind == "standards":
            known.add("land_cover")
        for path in sorted(self.folder.glob("*.toml")):
            if path.stem not in known:
                where = str(path)
                cure = f"add it to 'catalogue' or 'supporting' in {self.head}.toml, or remove it"
                what = f"the file belongs to no list of the {self.head}"
                self.problems.add(what, where, cure=cure)

    def _catalogue(
        self,
        catalogue: tuple[str, ...],
        supporting: tuple[str, ...],
        services: Mapping[str, Service],
        where: str,
    ) -> None:
        listed_names = Counter([*catalogue, *supporting])
        for name in sorted(n for n, count in listed_names.items() if count > 1):
            self.problems.add(f"{name!r} is listed twice", where, cure="count it once")
        providers: dict[str, str] = {}
        for service in services.values():
            listed = service.id in catalogue
            if (service.kind == MECHANISM) != (self.kind == "mechanisms"):
                what = "mechanisms stand under mechanism.toml, services under standard.toml"
                self.problems.add(what, where, found=f"{service.id} is {service.kind}")
            elif listed == (service.kind == "supporting"):
                what = "a supporting rule stands in 'supporting', a service in 'catalogue'"
                self.problems.add(what, where, found=f"{service.id} is {service.kind}")
            for step in service.steps.values():
                if step.provides is None:
                    continue
                other = providers.setdefault(step.provides.name, service.id)
                if other != service.id:
                    what = f"the quantity {step.provides.name!r} is computed twice"
                    self.problems.add(what, where, f"in {other} and {service.id}", "keep one 'is'")

    # ----------------------------------------------------------------- tables

    def _lookup(self, table: str, column: str) -> tuple[Column, tuple[str, ...]]:
        if table not in self.tables:
            if table in self.failed:
                raise RuleError(())  # its problems are noted already
            try:
                self.tables[table] = load_table(self._find_table(table), table)
            except RuleError:
                self.failed.add(table)
                raise
            for name, digest in self.tables[table].files.items():
                self.files[f"coefficients/{self.tables[table].path.parent.name}/{name}"] = digest
        found = self.tables[table]
        if column not in found.columns:
            what = (
                f"table {table!r} has no {'item' if found.shape == 'list' else 'column'} {column!r}"
            )
            raise RuleError(what, str(found.path), cure=nearest(column, found.columns))
        return found.columns[column], found.key if found.shape != "list" else ()

    def _find_table(self, name: str) -> Path:
        owner, _, own = name.rpartition("/")
        root = data_root("coefficients")
        places = (
            [root / owner] if owner else [self.folder / "coefficients", root / self.folder.name]
        )
        if not all(_NAME.fullmatch(part) for part in name.split("/")[:2]) or name.count("/") > 1:
            cure = "a table is named by letters, digits, underscores; 'standard/table' is another's"
            raise RuleError(f"{shorten(name, 60)!r} cannot be a table", cure=cure)
        for place in places:
            if is_file(place / f"{own}.csv"):
                return place / f"{own}.csv"
        known = [p.stem for place in places for p in place.glob("*.csv")]
        looked = ", ".join(str(p) for p in places)
        raise RuleError(
            f"there is no table {name!r}", found=f"looked in {looked}", cure=nearest(own, known)
        )


def load_classes(path: Path, problems: Problems) -> dict[str, EcosystemClass]:
    """Load the ecosystem classes of a classification, noting problems."""
    data = read_toml(path)
    where = str(path)
    optional: Keys = {"note": dict, "source": str}
    if not check_keys(data, where, problems, {"title": dict, "classes": dict}, optional):
        raise RuleError(problems.errors)
    read_title(data["title"], where, problems)
    classes: dict[str, EcosystemClass] = {}
    for name, entry in data.get("classes", {}).items():
        place = f"{where}, classes.{name}"
        optional = {"parent": str, "note": dict}
        if check_keys(entry, place, problems, {"title": dict}, optional):
            title = read_title(entry["title"], place, problems)
            classes[name] = EcosystemClass(name, title, entry.get("parent"))
    for name, entry in classes.items():
        if entry.parent is not None and entry.parent not in classes:
            cure = nearest(entry.parent, classes)
            problems.add(f"unknown parent {entry.parent!r}", f"{where}, classes.{name}", cure=cure)
        seen, at = {name}, entry.parent
        while at in classes:
            if at in seen:
                problems.add("a class is its own ancestor", f"{where}, classes.{name}")
                raise RuleError(problems.errors)
            seen.add(at)
            at = classes[at].parent
    if any(c.parent is not None and c.parent not in classes for c in classes.values()):
        raise RuleError(problems.errors)
    return classes


def legend(name_or_path: str, std: Standard, base: Path | None = None) -> Legend:
    """Load the legend of a land-cover product and its crosswalk to a standard's classes.

    Raises
    ------
    UsageError
        If there is no such legend.
    RuleError
        If the legend has problems, or no crosswalk to the standard's classification.
    """
    path = _find_legend(name_or_path, base)
    data, problems, where = read_toml(path), Problems(), str(path)
    required = {"title": dict, "source": str, "codes": dict, "to": dict}
    optional = {"nodata": list, "unmapped": dict, "note": dict, "verified": str}
    if not check_keys(data, where, problems, required, optional):
        raise RuleError(problems.errors)
    codes: dict[int, Title] = {}
    for code, title in data["codes"].items():
        if not _CODE.fullmatch(code):
            problems.add(f"code {shorten(code, 60)!r} is not a whole number", where)
            continue
        codes[int(code)] = read_title(title, f"{where}, codes.{code}", problems)
    crosswalk = data["to"].get(std.classification)
    if crosswalk is None:
        what = f"the legend has no crosswalk to {std.classification!r}"
        problems.add(
            what,
            where,
            found=f"it has {', '.join(data['to'])}",
            cure=f"add [to.{std.classification}]",
        )
        raise RuleError(problems.errors)
    unmapped = _crosswalk(
        data.get("unmapped", {}).get(std.classification, {}), f"{where}, unmapped", problems
    )
    classes = _crosswalk(crosswalk, f"{where}, to.{std.classification}", problems)
    for code, name in classes.items():
        if name not in std.classes:
            problems.add(
                f"code {code} maps to the unknown class {name!r}",
                where,
                cure=nearest(name, std.classes),
            )
        if code not in codes:
            problems.add(f"code {code} is mapped and not listed in [codes]", where)
    for code in codes:
        if code not in classes and code not in unmapped:
            problems.add(f"code {code} is neither mapped nor unmapped", where)
    nodata = data.get("nodata", [])
    if not all(type(code) is int for code in nodata):
        problems.add("nodata is a list of codes", where, repr(nodata)[:80], "nodata = [0, 255]")
    title = read_title(data["title"], where, problems)
    problems.raise_if_any(RuleError)
    return Legend(title, data["source"], tuple(nodata), codes, classes, unmapped, path)


def _crosswalk(data: Any, where: str, problems: Problems) -> dict[int, str]:
    """Read ``code = "text"``, noting what is something else."""
    found: dict[int, str] = {}
    if not isinstance(data, dict):
        problems.add("this must be a table of codes", where, repr(data)[:80])
        return found
    for code, text in data.items():
        if not _CODE.fullmatch(code) or not isinstance(text, str):
            problems.add("write code = text", where, f"{shorten(code, 60)} = {repr(text)[:60]}")
        else:
            found[int(code)] = text
    return found


def _find_legend(name_or_path: str, base: Path | None) -> Path:
    folder = data_root("models") / "legends"
    for path in (
        (base or Path()) / name_or_path,
        Path(name_or_path),
        folder / f"{name_or_path}.toml",
    ):
        if is_file(path):
            return path
    known = [p.stem for p in folder.glob("*.toml")]
    raise UsageError(
        f"there is no legend {shorten(name_or_path, 60)!r}",
        cure=nearest(name_or_path, known) + " (or the path of a file)",
    )


@dataclass(frozen=True)
class Listed:
    """A service of a reference list."""

    title: Title
    often_intermediate: bool
    verified: str


@dataclass(frozen=True)
class Crosswalk:
    """A reference list of services, and where the services of standards stand in it."""

    title: Title
    source: str
    services: Mapping[str, Listed]  # code -> service of the list
    codes: Mapping[str, tuple[str, ...]]  # service of a standard -> codes, none where it has none
    notes: Mapping[str, Title]


def crosswalk(name: str) -> Crosswalk:
    """Load a crosswalk from services to a reference list.

    Parameters
    ----------
    name
        The name of a file in ``models/crosswalks``.

    Raises
    ------
    UsageError
        If there is none of that name.
    RuleError
        With all problems of the file.
    """
    folder = data_root("models") / "crosswalks"
    path = folder / f"{name}.toml"
    if not _NAME.fullmatch(name) or not is_file(path):
        known = [p.stem for p in folder.glob("*.toml")]
        raise UsageError(f"there is no crosswalk {shorten(name, 60)!r}", cure=nearest(name, known))
    data, problems, where = read_toml(path), Problems(), str(path)
    required: Keys = {"title": dict, "source": str, "services": dict, "from": dict}
    if not check_keys(data, where, problems, required, {"note": dict}):
        raise RuleError(problems.errors)
    services, codes, notes = {}, {}, {}
    listed: Keys = {"title": dict, "often_intermediate": bool, "verified": str}
    for code, entry in data["services"].items():
        place = f"{where}, services.{code}"
        if check_keys(entry, place, problems, listed):
            title = read_title(entry["title"], place, problems)
            services[code] = Listed(title, entry["often_intermediate"], entry["verified"])
            if entry["verified"] not in VERIFIED:
                problems.add(f"verified is one of {', '.join(VERIFIED)}", place)
    for service, entry in data["from"].items():
        place = f"{where}, from.{service}"
        if check_keys(entry, place, problems, {"codes": list, "note": dict}):
            codes[service] = texts(entry["codes"], place, problems)
            notes[service] = read_title(entry["note"], place, problems)
            for code in codes[service]:
                if code not in services:
                    problems.add(f"unknown code {code!r}", place, cure=nearest(code, services))
    title = read_title(data["title"], where, problems)
    problems.raise_if_any(RuleError)
    return Crosswalk(title, data["source"], services, codes, notes)


def price_index(name_or_path: str, base: Path | None = None) -> Table:
    """Load a price index: a shipped one by name, or a CSV by path."""
    folder = data_root("coefficients") / "indices"
    for path in (
        (base or Path()) / name_or_path,
        Path(name_or_path),
        folder / f"{name_or_path}.csv",
    ):
        if is_file(path):
            table = load_table(path, path.stem)
            if table.shape != "index":
                cure = 'a price index has shape = "index" and the columns year, value'
                raise RuleError("the table is no price index", str(path), table.shape, cure)
            return table
    known = [p.stem for p in folder.glob("*.csv")]
    raise UsageError(
        f"there is no price index {shorten(name_or_path, 60)!r}",
        cure=nearest(name_or_path, known) + " (or the path of a CSV file)",
    )


def table_number(name: str, row: str | None, price_year: int) -> tuple[Entry, Table]:
    """Return one number of a table that gep ships.

    Parameters
    ----------
    name
        ``folder/table.column`` of ``coefficients/``; of a list table ``folder/table.item``.
    row
        The key of the row (its parts joined by dots); None for a list table.
    price_year
        Where an item has several price years: this year, or the latest before it.

    Raises
    ------
    RuleError
        If there is no such table, column or row.
    """
    stem, dot, column = name.rpartition(".")
    owner, slash, own = stem.partition("/")
    root = data_root("coefficients")
    path = root / owner / f"{own}.csv"
    if not (dot and slash and _NAME.fullmatch(owner) and _NAME.fullmatch(own) and is_file(path)):
        known = [f"{p.parent.name}/{p.stem}" for p in root.glob("*/*.csv")]
        what = f"there is no table {shorten(stem or name, 60)!r}"
        raise RuleError(what, cure=f"{nearest(stem, known)} (write folder/table.column)")
    table = load_table(path, stem)
    if column not in table.columns:
        kind = "item" if table.shape == "list" else "column"
        what = f"table {stem!r} has no {kind} {column!r}"
        raise RuleError(what, str(path), cure=nearest(column, table.columns))
    if table.shape == "list":
        if row is not None:
            raise RuleError(f"table {stem!r} has no rows to choose", cure="leave row out")
        return table.at_prices_of(column, price_year), table
    rows = {".".join(key): entry for key, entry in table.entries[column].items()}
    if row is None:
        what = f"table {stem!r} has a row for each {', '.join(table.key)}: say which"
        raise RuleError(what, str(path), cure=f'row = "{next(iter(rows), "")}", say')
    if row not in rows:
        what = f"table {stem!r} has no row {row!r} in column {column!r}"
        raise RuleError(what, str(path), cure=nearest(str(row), rows))
    return rows[row], table
