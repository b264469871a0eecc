"""A batch: many counties, years or standards from one file.

The file has the tables of a project under ``[defaults]`` and, under ``[[runs]]``, a name and what
is different for each run. Every run becomes the account that it would become alone, to the bit.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gep import clusters
from gep.account import Account, Project, build_account
from gep.errors import DataError, GepError, Problem, Problems, UsageError
from gep.files import refuse_existing
from gep.journal import Journal
from gep.kept import Kept
from gep.maps import check_maps
from gep.passes import BLOCK, Progress
from gep.plan import Plan, make_plan
from gep.project import ProjectReader
from gep.sums import ClassSums, try_sums
from gep.tables import check_keys, read_toml, sha256

#: What is finished, beside the runs' folders.
MANIFEST = "batch.json"
#: The sums of finished blocks, while a batch runs.
JOURNAL = ".batch.journal"
#: So many runs on the same map are computed at once: their blocks are decoded once.
TOGETHER = 16
_FORMAT = 1
#: What the system says when nothing more can be written anywhere.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_MAX_NAME = 100


@dataclass(frozen=True)
class Outcome:
    """What became of a run: ``computed``, ``kept`` (finished before, nothing changed), ``failed``.

    ``problems`` are errors of a run that failed, warnings of one that was computed.
    """

    name: str
    status: str
    folder: Path
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Batch:
    """What became of the runs, in the order of the file."""

    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The runs that failed."""
        return tuple(o for o in self.outcomes if o.status == "failed")

    def text(self) -> str:
        """Return the end of a batch in words: every failure with its reason, then the counts."""
        lines = []
        for outcome in self.failed:
            lines.append(f"{outcome.name} failed:")
            lines += [f"  {line}" for p in outcome.problems for line in str(p).splitlines()]
        counts = [
            f"{sum(o.status == status for o in self.outcomes)} {status}"
            for status in ("computed", "kept", "failed")
        ]
        return "\n".join([*lines, f"{len(self.outcomes)} runs: {', '.join(counts)}"])


def run_batch(
    path: str | Path,
    out: str | Path,
    *,
    block: int = BLOCK,
    workers: int | None = None,
    progress: Progress | None = None,
    told: Callable[[Outcome], None] | None = None,
    client: Any = None,
) -> Batch:
    """Compute all runs of a batch, each into a folder of its own.

    A run that fails does not stop the others. A run that is finished is not computed again, unless
    its tables, its inputs (by their hashes) or its rules have changed; a batch that was killed goes
    on where it stopped, in the middle of a map, too. Where only numbers changed that stand outside
    the sums over cells (prices, say), no raster is read again.

    Parameters
    ----------
    path
        The batch file: ``[defaults]`` and ``[[runs]]``. Names in it are relative to it.
    out
        Folder for the accounts, ``out/<name>``, and the list of what is finished, ``batch.json``.
    block, workers, client
        As for :meth:`gep.Project.run`. They change no bit of a result.
    progress
        Called with (blocks done, blocks in all); the second is an estimate.
    told
        Called with what became of each run, when it is known.

    Returns
    -------
    Batch

    Raises
    ------
    DataError
        If the batch file is wrong, or nothing more can be written: what is finished stays so.
    UsageError
        If ``out`` cannot be made.

    Examples
    --------
    >>> found = run_batch("counties.toml", "out")       # doctest: +SKIP
    >>> print(found.text())                             # doctest: +SKIP
    """
    path, out = Path(path), Path(out)
    tables = read_batch(path)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cure = "name a folder in a place where you may write"
        raise UsageError(
            "the output folder cannot be made", str(out), str(error.strerror), cure
        ) from None
    job = _Job(path.resolve().parent, out, told)
    chunks = list(_chunks(tables))
    for number, chunk in enumerate(chunks):

        def shown(done: int, total: int, before: int = number) -> None:
            if progress:
                progress(before * total + done, len(chunks) * total)

        job.compute(chunk, block, workers, shown if progress else None, client)
    return Batch(tuple(job.outcomes[name] for name in tables))


def read_batch(path: Path) -> dict[str, dict[str, Any]]:
    """Read a batch file: for each run, by name, the tables of its project.

    A table of a run is laid over the same table of the defaults, entry by entry; anything else
    takes its place.

    Raises
    ------
    DataError
        With all that is wrong with the file itself.
    """
    data, problems = read_toml(path, DataError), Problems()
    where = path.name
    if not check_keys(data, where, problems, {"runs": list}, {"defaults": dict}):
        raise DataError(problems.errors)
    defaults, runs = data.get("defaults", {}), {}
    if not data["runs"]:
        problems.add("the batch has no runs", where, cure='add [[runs]] with name = "..."')
    for number, run in enumerate(data["runs"], start=1):
        at = f"{where}, run {number}"
        name = run.get("name") if isinstance(run, dict) else None
        if not isinstance(name, str) or not _is_name(name):
            cure = 'name = "county_2020": letters, digits, and . _ - inside'
            found = "no name" if name is None else repr(name)[:60]
            problems.add("a run needs a name that a folder can have", at, found, cure)
        elif name in runs:
            problems.add(f"the name {name!r} is given twice", at, cure="give each run its own")
        else:
            own = {key: value for key, value in run.items() if key != "name"}
            runs[name] = {"title": name, **_over(defaults, own)}
    problems.raise_if_any(DataError)
    return runs


def _is_name(name: str) -> bool:
    plain = name.replace("_", "a").replace("-", "a").replace(".", "a")
    return plain.isalnum() and name[0] not in ".-" and len(name) <= _MAX_NAME


def _over(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(defaults)
    for key, value in own.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = {**before, **value}
        else:
            result[key] = value
    return result


def _chunks(tables: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, dict[str, Any]]]:
    """Return the runs in groups on the same land-cover map, in the order of the file."""
    groups: dict[str, list[str]] = {}
    for name, own in tables.items():
        cover = own.get("land_cover")
        file = cover.get("file") if isinstance(cover, dict) else None
        groups.setdefault(str(file), []).append(name)
    for names in groups.values():
        for at in range(0, len(names), TOGETHER):
            yield {name: tables[name] for name in names[at : at + TOGETHER]}


class _Job:
    """A batch that runs: what is finished, and what became of each run."""

    def __init__(self, base: Path, out: Path, told: Callable[[Outcome], None] | None) -> None:
        self.base, self.out, self.told = base, out, told
        self.outcomes: dict[str, Outcome] = {}
        self.journal = Journal(out / JOURNAL)
        self.hashes: dict[Any, str] = {}
        self.finished = self._read_manifest()

    def compute(
        self,
        chunk: Mapping[str, dict[str, Any]],
        block: int,
        workers: int | None,
        progress: Progress | None,
        client: Any,
    ) -> None:
        """Compute runs on one land-cover map that are not finished."""
        plans: dict[str, Plan] = {}
        stamps: dict[str, str] = {}
        for name, tables in chunk.items():
            try:
                project = self._project(name, tables)
                stamps[name] = _stamp(tables, project)
                if self._is_finished(name, stamps[name]):
                    self._end(name, "kept")
                    continue
                refuse_existing(self.out / name, overwrite=True)
                plan = make_plan(project.data)
                check_maps(plan)
                plans[name] = plan
            except Exception as error:  # noqa: BLE001  whatever it is, the others go on
                self._fail(name, error)
        if not plans:
            return
        kept = Kept()
        for name in plans:  # sums that an earlier account of a run has
            kept.arrays |= Kept.read(self.out / name).arrays
        how = (block, workers, progress, kept if kept.arrays else None, client, self.journal)
        for name, found in zip(plans, self._sums(list(plans.values()), how), strict=True):
            if isinstance(found, ClassSums):
                self._save(name, stamps[name], found, workers)
            else:
                self._fail(name, found)
        self.journal.remove()

    def _project(self, name: str, tables: Mapping[str, Any]) -> Project:
        data = ProjectReader(self.base, name, self.hashes).read(tables)
        return Project(data, self.base, tables)

    def _sums(self, plans: Sequence[Plan], how: tuple[Any, ...]) -> list[ClassSums | Exception]:
        """Compute plans in one pass; one by one if that breaks in a way that nobody foresaw."""
        try:
            return list(try_sums(plans, *how))
        except GepError:  # of all runs: the journal cannot be written, the cluster is gone
            raise
        except Exception as error:  # noqa: BLE001
            if len(plans) == 1:
                return [error]
        return [found for plan in plans for found in self._sums([plan], how)]

    def _save(self, name: str, stamp: str, sums: ClassSums, workers: int | None) -> None:
        folder = self.out / name
        try:
            account = build_account(sums)
            account.save(folder, overwrite=True, workers=workers)
            digest = sha256(folder / "account.csv")
            self._write_manifest({**self.finished, name: {"stamp": stamp, "account.csv": digest}})
        except Exception as error:
            if _codes(error) & _FULL:
                raise _cannot_write(folder, error) from error
            self._fail(name, error)
            return
        self._end(name, "computed", _warnings(account))

    def _fail(self, name: str, error: Exception) -> None:
        problems: tuple[Problem, ...]
        if isinstance(error, GepError):
            problems = error.problems
        elif _codes(error):
            problems = _cannot_write(self.out / name, error).problems
        else:
            found = f"{type(error).__name__}: {error}"
            problems = (Problem("the run broke off", name, found, "tell the authors of gep"),)
        self._end(name, "failed", problems)

    def _end(self, name: str, status: str, problems: tuple[Problem, ...] = ()) -> None:
        self.outcomes[name] = Outcome(name, status, self.out / name, problems)
        if self.told:
            self.told(self.outcomes[name])

    # ------------------------------------------------------------- what is finished

    def _is_finished(self, name: str, stamp: str) -> bool:
        entry, table = self.finished.get(name, {}), self.out / name / "account.csv"
        return (
            entry.get("stamp") == stamp
            and table.is_file()
            and entry.get("account.csv") == sha256(table)
        )

    def _read_manifest(self) -> dict[str, dict[str, str]]:
        path = self.out / MANIFEST
        if not path.exists():
            return {}
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            runs = {str(name): dict(entry) for name, entry in data["runs"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            cure = "delete it: all runs are then computed again"
            raise DataError(
                "the list of finished runs cannot be read", str(path), str(error), cure
            ) from None
        return runs if data.get("format") == _FORMAT else {}

    def _write_manifest(self, finished: dict[str, dict[str, str]]) -> None:
        """Write the list anew and put it in the old one's place in one step."""
        partial = self.out / f".{MANIFEST}.partial"
        text = json.dumps({"format": _FORMAT, "runs": finished}, ensure_ascii=False, indent=1)
        try:
            with partial.open("w", encoding="utf-8") as stream:
                stream.write(text + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(self.out / MANIFEST)
        finally:
            partial.unlink(missing_ok=True)
        self.finished = finished


def _stamp(tables: Mapping[str, Any], project: Project) -> str:
    """Return what a run depends on, in short: tables, inputs, rules, version."""
    data = project.data
    index = None if data.index is None else dict(data.index.files)
    own = clusters.versions()["gep-accounting"]
    told = [tables, dict(data.files), dict(data.standard.files), index, own]
    known = sorted(v for v in data.content.values() if not v.startswith("unknown "))
    text = json.dumps([*told, known], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _warnings(account: Account) -> tuple[Problem, ...]:
    return tuple(Problem(text, level="warning") for text in account.provenance["warnings"])


def _codes(error: BaseException | None) -> set[int]:
    """Return the system's error numbers behind an error: libraries wrap what the disk says."""
    codes: set[int] = set()
    seen: set[int] = set()
    queue: list[Any] = [error]
    while queue:
        one = queue.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            queue += [one.__cause__, one.__context__, *one.args]
            if isinstance(one, OSError) and one.errno is not None:
                codes.add(one.errno)
    return codes


def _cannot_write(folder: Path, error: Exception) -> DataError:
    found = next((os.strerror(code) for code in sorted(_codes(error))), str(error))
    cure = "make room on the disk, or get the right to write there, and run the batch again: "
    cure += "what is finished is not computed again"
    return DataError("the account cannot be written", str(folder), found, cure)
