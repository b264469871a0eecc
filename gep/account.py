"""The account: what ecosystems gave, by zone, ecosystem and service, in units and in money."""

from __future__ import annotations

import functools
import json
import platform
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from gep import formula, trace, whatif
from gep.errors import DataError, GepError, Problems, UsageError, nearest
from gep.files import whole_folder
from gep.journal import Journal
from gep.kept import FILE, Kept
from gep.library import crosswalk
from gep.maps import check_maps, write_maps
from gep.passes import BLOCK
from gep.plan import InputLeaf, Target, ZoneTotalLeaf, make_plan
from gep.project import ProjectData, ProjectReader, Source
from gep.sums import ClassSums, make_sums
from gep.tables import VERIFIED, read_toml
from gep.units import unit
from gep.whatif import WhatIf
from gep.workbook import write_workbook

if TYPE_CHECKING:
    import geopandas

    from gep.uncertainty import Sensitivity, Uncertainty

COLUMNS = (
    *("zone", "zone_name", "ecosystem", "service", "indicator", "quantity", "unit"),
    *("value", "currency", "price_year", "covered", "verified"),
)
#: Ecosystem of a value that knows none (visitors, harvests): it is not spread by guess.
WHOLE_ZONE = "whole_zone"
Progress = Callable[[int, int], None]


@dataclass
class Account:
    """A gross ecosystem product account.

    Attributes
    ----------
    dataset
        Everything as an xarray Dataset: one variable per step, dimensions zone and ecosystem (and
        an extra axis where a step has one), units on every variable.
    provenance
        Where every number comes from: rules, tables and inputs by SHA-256, formulas, coefficients.
    """

    dataset: xr.Dataset
    provenance: dict[str, Any]
    sums: ClassSums | None = field(default=None, repr=False)
    folder: Path | None = field(default=None, repr=False)  # from where it was loaded
    journal: Journal | None = field(default=None, repr=False)  # of its pass, until it is saved

    # ------------------------------------------------------------------ tables

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """The account as one tidy table: a row per zone, ecosystem and indicator.

        ``quantity`` is in ``unit``; ``value`` in ``currency`` at prices of ``price_year``. Adding
        up ``value`` counts nothing twice. ``covered`` is the share of the row's area with complete
        data.
        """
        rows: list[dict[str, Any]] = []
        for service, entry in self.provenance["services"].items():
            for line in entry["lines"]:
                rows += self._rows(service, line["physical"], line["monetary"])
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        table["price_year"] = table["price_year"].astype("Int64")
        return table

    def _rows(
        self, service: str, physical: str | None, monetary: str | None
    ) -> list[dict[str, Any]]:
        goods = self.dataset[f"{service}.{physical}"] if physical else None
        money = self.dataset[f"{service}.{monetary}"] if monetary else None
        lead = goods if goods is not None else money
        assert lead is not None  # noqa: S101  a line has one of the two
        if goods is not None and money is not None and set(goods.dims) != set(money.dims):
            # One is known by ecosystem, the other for the whole zone: two rows, nothing invented.
            return self._rows(service, physical, None) + self._rows(service, None, monetary)
        entry = self.provenance["services"][service]
        axis = next((str(d) for d in lead.dims if d not in ("zone", "ecosystem")), None)
        members = [None] if axis is None else [str(m) for m in lead[axis].to_numpy()]
        by_class = "ecosystem" in lead.dims
        zones, ecosystems = _texts(self.dataset["zone"]), [WHOLE_ZONE]
        names = _texts(self.dataset["zone_name"])
        if by_class:
            ecosystems = _texts(self.dataset["ecosystem"])
        order = [d for d in (axis, "ecosystem" if by_class else None, "zone") if d]
        shape = (len(members), len(ecosystems), len(zones))
        nothing = np.full(shape, np.nan)
        quantity = nothing if goods is None else goods.transpose(*order).to_numpy().reshape(shape)
        value = nothing if money is None else money.transpose(*order).to_numpy().reshape(shape)
        share = self.dataset[f"{service}.{physical or monetary}.covered"]
        share = share.transpose(*[d for d in order if d != axis])
        covered = share.to_numpy().reshape(shape[1:])
        exists = self._exists(entry["ecosystems"]) if by_class else np.ones(shape[1:], dtype=bool)
        return [
            {
                "zone": zones[z],
                "zone_name": names[z],
                "ecosystem": ecosystems[e],
                "service": service,
                "indicator": f"{physical or monetary}" + (f"[{member}]" if member else ""),
                "quantity": quantity[m, e, z],
                "unit": "" if goods is None else goods.attrs["units"],
                "value": value[m, e, z],
                "currency": "" if money is None else money.attrs["currency"],
                "price_year": None if money is None else self.provenance["price_year"],
                "covered": covered[e, z],
                "verified": entry["rests_on"],
            }
            for m, member in enumerate(members)
            for e in range(shape[1])
            for z in range(shape[2])
            if exists[e, z]
        ]

    def _exists(self, scope: Sequence[str] | None) -> np.ndarray[Any, Any]:
        """Say where (ecosystem, zone) a service is accounted: the class occurs and is in scope."""
        area = self.dataset["area"].transpose("ecosystem", "zone").to_numpy()
        inside = [scope is None or e in scope for e in _texts(self.dataset["ecosystem"])]
        return np.asarray((area > 0) & np.array(inside)[:, None])

    def total(self, by: Sequence[str] | str = "zone") -> pd.DataFrame:
        """Return GEP (the sum of values) by ``zone``, ``service``, ``ecosystem`` or ``kind``.

        A group in which no value is known is NaN, not zero; ``covered`` is the lowest coverage of
        any line in the group.

        Parameters
        ----------
        by
            One or several of zone, zone_name, ecosystem, service, kind. Empty: the whole area.
        """
        keys = [by] if isinstance(by, str) else list(by)
        table = self.table
        table = table[table["currency"] != ""].copy()
        kinds = {s: e["kind"] for s, e in self.provenance["services"].items()}
        table["kind"] = table["service"].map(kinds)
        unknown = [k for k in keys if k not in table.columns]
        if unknown:
            raise UsageError(
                f"cannot group by {unknown[0]!r}", cure=nearest(unknown[0], table.columns)
            )
        if not keys:
            table["area"] = "whole area"
            keys = ["area"]
        groups = table.groupby(keys, sort=False, observed=True)
        result = groups["value"].sum(min_count=1).to_frame()
        result["currency"] = groups["currency"].first()
        result["price_year"] = groups["price_year"].first()
        result["covered"] = groups["covered"].min()
        return result.reset_index()

    def rests_on(self) -> pd.Series:
        """Return how much of GEP rests on which kind of text, as shares of the sum of values.

        A service counts as the weakest of the steps, coefficients and given numbers behind it:
        ``full_text``, ``secondary`` or ``recalled``. Negative values count by their size.
        """
        table = self.table[self.table["currency"] != ""]
        sizes = table["value"].abs().groupby(table["verified"]).sum()
        shares = sizes / sizes.sum() if sizes.sum() > 0 else sizes
        return shares.reindex(list(VERIFIED), fill_value=0.0).rename("share")

    @property
    def coverage(self) -> pd.DataFrame:
        """The share of each zone's area (in the service's scope) that had complete data."""
        rows = []
        zones = self.dataset["zone"].to_numpy()
        for service, entry in self.provenance["services"].items():
            names = [
                n for line in entry["lines"] for n in (line["physical"], line["monetary"]) if n
            ]
            shares = [self._zone_coverage(service, name) for name in names]
            worst = np.nanmin(np.stack(shares), axis=0) if shares else np.array([])
            for zone, share in zip(zones, worst, strict=True):
                rows.append({"service": service, "zone": zone, "covered": float(share)})
        return pd.DataFrame(rows, columns=["service", "zone", "covered"])

    def _zone_coverage(self, service: str, symbol: str) -> np.ndarray[Any, Any]:
        variables = self.dataset.variables  # as arrays: there are hundreds
        share = variables[f"{service}.{symbol}.covered"]
        if "ecosystem" not in share.dims:
            return np.asarray(share.to_numpy())
        dims = ("zone", "ecosystem")
        scope = self.provenance["services"][service]["ecosystems"]
        area = variables["area"].transpose(*dims).to_numpy()
        if scope is not None:
            inside = np.isin(variables["ecosystem"].to_numpy().astype(str), scope)
            area = np.where(inside, area, 0.0)
        covered = share.transpose(*dims).to_numpy()
        known = (np.where(np.isnan(covered), 0.0, covered) * area).sum(axis=1)
        whole = area.sum(axis=1) + variables["no_land_cover"].to_numpy()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(whole > 0, known / whole, 1.0))

    @property
    def supply_and_demand(self) -> pd.DataFrame:
        """Capacity, demand and realised flow, where a rule keeps them apart.

        One row per zone and line (and member of its axis): ``capacity`` is what the ecosystems
        could give, ``demand`` what people could use, ``flow`` what the account counts, all in
        ``unit``. A rule without capacity or demand has no row; nothing here is money.
        """
        columns = ["zone", "zone_name", "service", "indicator", "capacity", "demand", "flow"]
        zones, names = _texts(self.dataset["zone"]), _texts(self.dataset["zone_name"])
        rows = []
        for service, entry in self.provenance["services"].items():
            for line in entry["lines"]:
                if not (line.get("capacity") or line.get("demand")):
                    continue
                flow = self._by_zone(service, line["physical"])
                beside = {
                    key: self._by_zone(service, line[key], flow.attrs["units"])
                    for key in ("capacity", "demand")
                    if line.get(key)
                }
                parts = (beside.get("capacity"), beside.get("demand"), flow)
                axis = next((d for d in flow.dims if d != "zone"), None)
                for member in [None] if axis is None else flow[axis].to_numpy():
                    arrays = [
                        x if x is None or axis is None else x.sel({axis: member}) for x in parts
                    ]
                    name = f"{line['physical']}" + (f"[{member}]" if member else "")
                    for at, zone in enumerate(zones):
                        numbers = [np.nan if x is None else float(x[at]) for x in arrays]
                        row = [zone, names[at], service, name, *numbers]
                        rows.append([*row, flow.attrs["units"]])
        return pd.DataFrame(rows, columns=[*columns, "unit"])

    def _by_zone(self, service: str, symbol: str, units: str | None = None) -> xr.DataArray:
        """Return a step's total by zone (NaN where nothing is known), in a unit."""
        array = self.dataset[f"{service}.{symbol}"]
        total = array.sum("ecosystem", min_count=1) if "ecosystem" in array.dims else array
        own = str(array.attrs["units"])
        factor = float(unit(own).factor_to(unit(units))) if units else 1.0
        return (total * factor).assign_attrs(units=units or own)

    def crosswalk(self, name: str) -> pd.DataFrame:
        """Return where each service of the account stands in a reference list.

        One row per service: its ``codes`` in the list (empty: it has no place there; several: it is
        not split among them), their titles, whether the list's service is often intermediate, the
        value, and the note that gives the reason. A service that the crosswalk does not know is
        named so, not left out.

        Parameters
        ----------
        name
            The name of a file in ``models/crosswalks``.
        """
        found = crosswalk(name)
        totals = self.total("service").set_index("service")
        rows = []
        for service, entry in self.provenance["services"].items():
            codes = found.codes.get(service)
            note = found.notes.get(service)
            listed = [found.services[code] for code in codes or ()]
            known = service in totals.index
            row: dict[str, Any] = {"service": service}
            row |= {f"title_{lang}": entry["title"][lang] for lang in ("en", "zh")}
            row["codes"] = "not in the crosswalk" if codes is None else ", ".join(codes)
            for lang in ("en", "zh"):
                row[f"listed_{lang}"] = "; ".join(item.title[lang] for item in listed)
            row["often_intermediate"] = any(item.often_intermediate for item in listed)
            row["value"] = float(totals["value"][service]) if known else np.nan
            row["currency"] = str(totals["currency"][service]) if known else ""
            row |= {f"note_{lang}": note[lang] if note else "" for lang in ("en", "zh")}
            rows.append(row)
        return pd.DataFrame(rows)

    @property
    def not_computed(self) -> dict[str, tuple[str, ...]]:
        """The services of the catalogue that are not in the account, with what they lack."""
        return {k: tuple(v) for k, v in self.provenance["not_computed"].items()}

    def why(self, service: str, zone: str | None = None) -> trace.Trace:
        """Explain a service: the tree of numbers down to clause, table row and file.

        Parameters
        ----------
        service
            A service of the account.
        zone
            A zone's id; by default the whole area.
        """
        return trace.explain(self.dataset, self.provenance, service, zone)

    def with_(
        self,
        *,
        coefficients: Mapping[str, Any] | None = None,
        prices: Mapping[str, Any] | None = None,
        land_cover_change: Any = None,
    ) -> WhatIf[Account]:
        """Return the account as it would be with other numbers or another land cover.

        What is given for a class, a zone or as one number is applied to the class sums; a raster is
        read only where a coefficient stands inside a formula per cell, or for a scenario map.

        Parameters
        ----------
        coefficients, prices
            Key → number. The keys are those of ``[coefficients]`` in a project file
            (``"table.column"`` or ``"table.column.row"``), the numbers ``(value, unit)``, or a dict
            with value, unit, price_year, source. Without a source it is ``"what-if"``; a sum of
            money given as ``(value, unit)`` is at the account's prices.
        land_cover_change
            A transition table or a map. The table is a DataFrame with columns from, to, area and
            unit or share (and zone, where a row is one zone's), or a list of
            ``(from, to, (area, unit))``, ``(from, to, share)`` or either with a zone as fourth. A
            share is of the class's area; an area without a zone is spread over the zones as the
            class is. All rows happen at the same time. The land takes the mean rates of its new
            class in the same zone, or over the whole area where the zone has none of it; what is
            given for a zone as a whole stays. The map is a path or DataArray of land-cover codes on
            the grid of the account's map, and the rasters are read again.

        Returns
        -------
        WhatIf
            ``.account`` and how it differs: ``.difference`` (money), ``.quantities``.

        Raises
        ------
        UsageError
            If nothing is changed, or the account was loaded: it holds results, not class sums.
        DataError
            With all that is wrong with the changed numbers, the table or the map.

        Examples
        --------
        >>> account = Project.load("examples/county/county.toml").run()      # doctest: +SKIP
        >>> dearer = account.with_(prices={"TABLE.PRICE": (20, "CNY/m³")})   # doctest: +SKIP
        >>> dearer.difference                                                # doctest: +SKIP
        """
        if self.sums is None or self.sums.run is None:
            folder = "FOLDER" if self.folder is None else str(self.folder)
            cure = "compute it again and change that: Project.load(its project file)"
            cure += f'.run(kept="{folder}").with_(...)'
            if self.folder is None or (self.folder / FILE).is_file():
                cure += "; the kept class sums are used, so that no raster is read"
            what = "a loaded account holds results, not the class sums that a change acts on"
            raise UsageError(what, "" if self.folder is None else folder, cure=cure)
        sums, told = whatif.change(
            self.sums,
            coefficients=coefficients,
            prices=prices,
            land_cover_change=land_cover_change,
        )
        account = build_account(sums)
        account.provenance["what_if"] = [*self.provenance.get("what_if", []), told]
        return WhatIf(self, account)

    def uncertainty(self, n: int = 10_000, *, seed: int, **more: Any) -> Uncertainty:
        """Return intervals of the account: see :func:`gep.uncertainty.uncertainty`.

        Parameters
        ----------
        n
            Number of draws.
        seed
            A whole number. The same seed gives the same result, on any number of workers.
        **more
            ``spread``, ``inputs``, ``method``, ``level`` ... of that function.
        """
        from gep.uncertainty import uncertainty

        return uncertainty(self, n, seed=seed, **more)

    def sensitivity(self, n: int = 1024, *, seed: int, **more: Any) -> Sensitivity:
        """Return Sobol indices of the account: see :func:`gep.uncertainty.sensitivity`.

        Parameters
        ----------
        n
            Number of base draws.
        seed
            A whole number. The same seed gives the same result, on any number of workers.
        **more
            ``spread``, ``inputs``, ``method``, ``level`` ... of that function.
        """
        from gep.uncertainty import sensitivity

        return sensitivity(self, n, seed=seed, **more)

    # ------------------------------------------------------------------- files

    def save(
        self,
        folder: str | Path,
        *,
        overwrite: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write ``account.csv``, ``.nc``, ``.xlsx``, ``provenance.json`` (and maps) into a folder.

        The class sums of the pass are kept beside them (``sums.npz``): a later run on the same data
        takes them from there (``Project.run(kept=folder)``). The folder appears whole or not at
        all. ``workers`` threads write the maps that the project asks for, and ``progress`` is
        called with (blocks done, blocks in all) meanwhile.

        Raises
        ------
        UsageError
            If the folder exists and ``overwrite`` is false.
        """
        with whole_folder(Path(folder), overwrite=overwrite) as out:
            self.table.to_csv(
                out / "account.csv", index=False, encoding="utf-8-sig", lineterminator="\n"
            )
            _ascii_names(self.dataset).to_netcdf(
                out / "account.nc", engine="scipy", format="NETCDF3_64BIT"
            )
            write_workbook(out / "account.xlsx", self)
            text = json.dumps(self.provenance, ensure_ascii=False, indent=1, allow_nan=False)
            (out / "provenance.json").write_text(text + "\n", encoding="utf-8")
            if self.sums is not None and self.sums.run is not None and self.sums.run.totals:
                self.sums.run.keep().write(out / FILE)
            if self.sums is not None and self.sums.plan.project.maps:
                write_maps(out / "maps", self.sums, workers, progress)
        if self.journal is not None:
            self.journal.remove()
        return Path(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Account:
        """Read an account that was saved.

        Raises
        ------
        UsageError
            If the folder holds no account.
        """
        path = Path(folder)
        try:
            provenance = json.loads((path / "provenance.json").read_text(encoding="utf-8"))
            with xr.open_dataset(path / "account.nc", engine="scipy") as stored:
                dataset = _own_names(stored.load())
        except (OSError, ValueError, TypeError, KeyError) as error:
            cure = "give the folder that `gep run` wrote"
            raise UsageError("the folder holds no account", str(path), str(error), cure) from None
        for name in dataset.coords:
            if dataset[name].dtype.kind in "SO":
                decode = np.vectorize(
                    lambda v: v.decode() if isinstance(v, bytes) else str(v), otypes=[object]
                )
                dataset = dataset.assign_coords(
                    {name: (dataset[name].dims, decode(dataset[name].to_numpy()))}
                )
        return cls(dataset, provenance, folder=path)

    # -------------------------------------------------------------------- faces

    def __repr__(self) -> str:
        """Return one screen: title, standard, total, coverage, what is not computed."""
        p = self.provenance
        name = p["standard"]["title"]
        lines = [p["title"], f"{p['standard']['id']}: {name['en']} / {name['zh']}"]
        computed = len(p["services"])
        catalogue = computed + len(p["not_computed"])
        lines.append(
            f"year {p['year']}, prices of {p['price_year']}, {computed} of {catalogue} services"
        )
        totals = self.total(())
        if len(totals):
            row = totals.iloc[0]
            lines.append(f"GEP {float(row['value']) / 1e8:,.4f} 亿 {row['currency']}")
            lines.append(f"of its value rests on text that is: {told_shares(self.rests_on())}")
        worst = self.coverage["covered"].min()
        lines.append(f"lowest coverage of a service in a zone: {worst:.2%}")
        lines += [
            f"not computed: {service} (lacks {', '.join(lacks)})"
            for service, lacks in self.not_computed.items()
            if lacks
        ]
        unasked = [service for service, lacks in self.not_computed.items() if not lacks]
        if unasked:
            lines.append(f"not asked for: {', '.join(unasked)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the account for a notebook: a table of values by service."""
        from html import escape

        totals = self.total("service")
        body = ""
        for row in totals.to_dict("records"):
            title = self.provenance["services"][row["service"]]["title"]
            body += f"<tr><td>{escape(title['zh'])}</td><td>{escape(title['en'])}</td>"
            body += f"<td style='text-align:right'>{row['value'] / 1e4:,.2f}</td>"
            body += f"<td>{row['covered']:.1%}</td></tr>"
        head = "<tr><th>服务</th><th>Service</th><th>万元 10⁴ CNY</th><th>covered</th></tr>"
        return f"<pre>{escape(repr(self))}</pre><table>{head}{body}</table>"


def told_shares(shares: pd.Series) -> str:
    """Return in words how much of a value rests on which kind of text."""
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


# ---------------------------------------------------------------------------------- the project


class Project:
    """A project, read and checked: which standard, which year, which data.

    Examples
    --------
    >>> project = Project.load("examples/county/county.toml")   # doctest: +SKIP
    >>> account = project.run()                                  # doctest: +SKIP
    """

    def __init__(
        self, data: ProjectData, base: Path | None = None, tables: Mapping[str, Any] | None = None
    ) -> None:
        self.data, self.base, self.tables = data, base or Path(), tables or {}
        self.rests_on: pd.Series | None = None

    @classmethod
    def load(cls, path: str | Path) -> Project:
        """Read a project file.

        Raises
        ------
        DataError
            With all problems found.
        """
        path = Path(path)
        tables = read_toml(path, DataError)
        base = path.resolve().parent
        return cls(ProjectReader(base, path.name).read(tables), base, tables)

    @classmethod
    def build(cls, base: str | Path = ".", **tables: Any) -> Project:
        """Make a project from Python values: the same keys as a project file.

        Files may be paths, xarray DataArrays (rasters), a GeoDataFrame (zones) or pandas
        DataFrames (extent, statistics, class tables).
        """
        folder = Path(base).resolve()
        return cls(ProjectReader(folder, "project").read(tables), folder, tables)

    def check(self, progress: Progress | None = None) -> Problems:
        """Read everything once and return all problems; nothing is written.

        Afterwards ``rests_on`` says how much of the value rests on which kind of text.
        """
        problems = Problems()
        try:
            plan = make_plan(self.data)
            check_maps(plan)
            result = make_sums(plan, progress=progress)
            self.rests_on = build_account(result).rests_on()
            for text in result.warnings:
                problems.warn(text)
            for service, lacks in plan.not_computed.items():
                if lacks:
                    problems.warn(f"{service} is not computed", found=f"lacks {', '.join(lacks)}")
        except GepError as error:
            problems.absorb(error)
        return problems

    def run(
        self,
        *,
        block: int = BLOCK,
        workers: int | None = None,
        progress: Progress | None = None,
        kept: str | Path | None = None,
        client: Any = None,
        journal: str | Path | Journal | None = None,
    ) -> Account:
        """Compute the account.

        Parameters
        ----------
        block
            Side of the blocks that are read at once, in cells. Changes no bit of the result.
        workers
            Number of threads. Changes no bit of the result.
        progress
            Called with (blocks done, blocks in all).
        kept
            Folder of an account that was saved, of this project or of another standard or year on
            the same data. Class sums that are there are taken, only what lacks is computed, and
            where nothing lacks no raster is read. What is the same is found by hashes of the
            inputs and rules, so it changes no bit of the result; nothing is written there.
        client
            A ``dask.distributed.Client``, or the address of a scheduler: its workers compute
            instead of threads. Changes no bit of the result.
        journal
            File for the sums of finished blocks: a run that was killed goes on from there. Only a
            pass of many blocks writes it (see :class:`gep.journal.Journal`); :meth:`Account.save`
            removes it.

        Raises
        ------
        DataError
            With all problems that the data shows.
        UsageError
            If there is no cluster, or it cannot compute this.
        """
        plan = make_plan(self.data)
        check_maps(plan)
        store = None if kept is None else Kept.read(kept)
        if journal is not None and not isinstance(journal, Journal):
            journal = Journal(journal)
        sums = make_sums(plan, block, workers, progress, store, client, journal)
        account = build_account(sums)
        account.journal = journal
        return account


def compute(  # noqa: PLR0913
    standard: str,
    *,
    year: int,
    price_year: int | None = None,
    title: str = "",
    land_cover: Any = None,
    legend: str | None = None,
    classes: Mapping[int, str] | None = None,
    zones: geopandas.GeoDataFrame | str | None = None,
    zone_id: str = "zone",
    zone_name: str | None = None,
    extent: Any = None,
    inputs: Mapping[str, Any] | None = None,
    statistics: Any = None,
    coefficients: Mapping[str, Any] | None = None,
    price_index: str | None = None,
    services: Sequence[str] | None = None,
    base: str | Path = ".",
    progress: Progress | None = None,
    kept: str | Path | None = None,
) -> Account:
    """Compute an account directly, without a project file.

    Parameters
    ----------
    standard
        Id or folder of a standard.
    year, price_year
        Year of account, and of the prices (default: the same).
    land_cover
        Path or DataArray of land-cover codes, with ``legend`` (and ``classes``: code → class).
    zones
        GeoDataFrame or path of polygons with a column ``zone_id`` (and ``zone_name``).
    extent
        Instead of land cover: DataFrame or path with zone, ecosystem, area, unit.
    inputs
        quantity → ``(values, unit)``, where values is a number, DataArray or path; or a table as in
        a project file.
    statistics
        DataFrame or path: zone, quantity, item, value, unit, year, source.
    kept
        Folder of a saved account whose class sums are used where they are the same.

    Returns
    -------
    Account

    Raises
    ------
    GepError
        With all problems found.
    """
    tables: dict[str, Any] = {
        "title": title or f"{standard} {year}",
        "standard": str(standard),
        "year": year,
        "price_year": price_year if price_year is not None else year,
    }
    if land_cover is not None:
        tables["land_cover"] = {
            "file": land_cover,
            "legend": legend or "",
            **({"classes": {str(k): v for k, v in classes.items()}} if classes else {}),
        }
    if zones is not None:
        tables["zones"] = {
            "file": zones,
            "id": zone_id,
            **({"name": zone_name} if zone_name else {}),
        }
    if extent is not None:
        tables["extent"] = {"file": extent}
    if inputs:
        tables["inputs"] = {name: _as_input(value) for name, value in inputs.items()}
    if statistics is not None:
        tables["statistics"] = {"file": statistics}
    if coefficients:
        tables["coefficients"] = dict(coefficients)
    if price_index is not None:
        tables["price_index"] = price_index
    if services is not None:
        tables["services"] = list(services)
    return Project.build(base, **tables).run(progress=progress, kept=kept)


def _ascii_names(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset with Greek letters in variable names spelled out: netCDF 3 is ASCII."""
    names: dict[Any, str] = {}
    for name in dataset.variables:
        if not str(name).isascii():
            spelled = "".join(
                c if c.isascii() else unicodedata.name(c, "x").split()[-1].lower()
                for c in str(name)
            )
            while spelled in dataset.variables or spelled in names.values():
                spelled += "_"
            names[name] = spelled
    renamed = dataset.rename(names)
    for name, spelled in names.items():
        renamed[spelled].attrs["variable"] = str(name)
    return renamed


def _own_names(dataset: xr.Dataset) -> xr.Dataset:
    """Undo :func:`_ascii_names`."""
    names = {
        n: dataset[n].attrs.pop("variable")
        for n in dataset.variables
        if "variable" in dataset[n].attrs
    }
    return dataset.rename(names)


def _as_input(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, tuple):
        given, its_unit = value
    else:
        given, its_unit = value, getattr(value, "attrs", {}).get("units", "")
    if isinstance(given, int | float):
        return {"value": given, "unit": its_unit}
    if isinstance(given, pd.DataFrame):
        return {"table": given, "unit": its_unit}
    return {"file": given, "unit": its_unit}


# ------------------------------------------------------------------------------------- building


def build_account(sums: ClassSums) -> Account:
    """Turn class sums into an account."""
    return _Builder(sums).build()


class _Builder:
    def __init__(self, sums: ClassSums) -> None:
        self.sums, self.plan = sums, sums.plan
        self.project, self.std = self.plan.project, self.plan.project.standard
        present = sums.area.sum(axis=0) > 0
        self.keep = np.flatnonzero(present)
        self.classes = [c for c, there in zip(self.std.classes, present, strict=True) if there]

    def build(self) -> Account:
        coords: dict[str, Any] = {
            "zone": ("zone", np.array(self.project.zone_ids, dtype=object)),
            "zone_name": ("zone", np.array(self.project.zone_names, dtype=object)),
            "ecosystem": ("ecosystem", np.array(self.classes, dtype=object)),
        }
        for language in ("en", "zh"):
            titles = [self.std.classes[c].title[language] for c in self.classes]
            coords[f"ecosystem_{language}"] = ("ecosystem", np.array(titles, dtype=object))
        variables: dict[str, Any] = {
            "area": (
                ("zone", "ecosystem"),
                self.sums.area[:, self.keep],
                _attrs("m²", "Area of ecosystem", "生态系统面积"),
            ),
            "no_land_cover": (
                "zone",
                self.sums.no_cover,
                _attrs("m²", "Area without land cover", "无土地覆盖数据面积"),
            ),
        }
        for key, target in self.plan.targets.items():
            self._target(key, target, variables, coords)
        names = self._inputs(variables, coords)
        dataset = xr.Dataset(variables, coords=coords)
        dataset.attrs = {
            "title": self.project.title,
            "standard": self.std.id,
            "year": self.project.year,
            "price_year": self.project.price_year,
            "Conventions": "CF-1.11",
        }
        return Account(dataset, self._provenance(names), self.sums)

    def _dims(
        self, service: str, axis: str | None, array: Any, coords: dict[str, Any], *, by_class: bool
    ) -> tuple[tuple[str, ...], Any]:
        dims: tuple[str, ...] = ("zone", "ecosystem") if by_class else ("zone",)
        values = array[..., self.keep] if by_class else array[..., 0]
        if axis and array.ndim > 2:  # noqa: PLR2004
            name = f"{axis}_of_{service}"
            members = next(
                m for (s, a), m in self.plan.members.items() if (s, a) == (service, axis)
            )
            coords[name] = (name, np.array(members, dtype=object))
            dims = (name, *dims)
        shape = [len(coords[d][1]) for d in dims]
        return dims, np.array(np.broadcast_to(values, shape), dtype=np.float64)

    def _target(
        self,
        key: tuple[str, str],
        target: Target,
        variables: dict[str, Any],
        coords: dict[str, Any],
    ) -> None:
        service, symbol = key
        step = self.std.services[service].steps[symbol]
        value = self.sums.values[key]
        dims, array = self._dims(
            service, target.resolved.axis, value.total, coords, by_class=value.by_class
        )
        shown, factor = target.unit, 1.0
        currency = shown.currency
        if currency:
            wanted = next(
                (u for u in (unit(f"{currency}/yr"), unit(currency)) if u.agrees(shown)), shown
            )
            factor, shown = float(shown.factor_to(wanted)), wanted
        attrs = _attrs(str(shown), step.title.en, step.title.zh)
        attrs |= {"service": service, "symbol": symbol, "verified": step.verified}
        attrs |= {"role": self._role(service, symbol), "given": int(target.given)}
        if step.meaning.degree == 0:
            attrs |= {"rate_units": str(step.unit), "rate_factor": target.factor * factor}
        if currency:
            attrs |= {"currency": currency, "price_year": self.project.price_year}
        variables[f"{service}.{symbol}"] = (dims, array * factor, attrs)
        share = self._share(target, by_class=value.by_class)
        covered_dims = ("zone", "ecosystem") if value.by_class else ("zone",)
        covered = share[:, self.keep] if value.by_class else share
        about = _attrs(
            "1",
            f"Share of area with complete data: {step.title.en}",
            f"数据完整面积比例：{step.title.zh}",
        )
        variables[f"{service}.{symbol}.covered"] = (covered_dims, covered, about)

    def _share(self, target: Target, *, by_class: bool) -> Any:
        """Return the share of area with complete data, by zone and class or by zone."""
        with np.errstate(invalid="ignore", divide="ignore"):
            below = self._zone_share(target.resolved.tree)
            if by_class:
                covered = self.sums.covered[target.service, target.symbol]
                own = np.where(self.sums.area > 0, covered / self.sums.area, np.nan)
                return np.minimum(own, below[:, None])
            return below

    def _zone_share(self, tree: formula.Node) -> Any:
        """Return the lowest coverage of the zone totals that a formula uses (1 where none)."""
        share = np.ones(len(self.project.zone_ids))
        for name in formula.symbols(tree):
            leaf = self.plan.leaves[name]
            if isinstance(leaf, ZoneTotalLeaf):
                share = np.minimum(share, self.sums.zone_total_coverage(name))
                share = np.minimum(share, self._zone_share(leaf.resolved.tree))
        return share

    def _role(self, service: str, symbol: str) -> str:
        for line in self.std.services[service].lines:
            if symbol == line.physical:
                return "physical"
            if symbol == line.monetary:
                return "monetary"
            for role in ("capacity", "demand"):
                if symbol == getattr(line, role):
                    return role
        return "step"

    def _inputs(self, variables: dict[str, Any], coords: dict[str, Any]) -> dict[str, str]:
        """Add the inputs as used; return leaf name -> variable name."""
        names: dict[str, str] = {}
        for leaf_name, value in self.sums.inputs.items():
            leaf = self.plan.leaves[leaf_name]
            assert isinstance(leaf, InputLeaf)  # noqa: S101
            quantity = leaf.source.quantity
            services = self.plan.used.get(quantity.name)
            if not services:
                continue
            name = f"input.{quantity.name}"
            while name in variables:
                name += "_"
            array = value.total if value.mean is None else value.mean
            if array.shape[-2] == 1:
                array = np.broadcast_to(
                    array, (*array.shape[:-2], len(self.project.zone_ids), array.shape[-1])
                )
            owner = next((s for s, a in self.plan.members if s in services and a == leaf.axis), "")
            dims, numbers = self._dims(
                owner, leaf.axis, array, coords, by_class=array.shape[-1] > 1
            )
            shown = leaf.unit
            attrs = _attrs(str(shown), quantity.title.en, quantity.title.zh)
            attrs |= {
                "role": "input",
                "quantity": quantity.name,
                "form": "mean" if value.mean is not None else "total",
            }
            variables[name] = (dims, numbers, attrs)
            names[leaf_name] = name
        return names

    # -------------------------------------------------------------- provenance

    def _provenance(self, names: Mapping[str, str]) -> dict[str, Any]:
        std, project = self.std, self.project
        catalogue = [*self.plan.services]
        supporting = [
            s for s in dict.fromkeys(k[0] for k in self.plan.targets) if s not in catalogue
        ]
        own = next((i for i in (project.index,) if i is not None), None)
        return {
            "format": 1,
            "title": project.title,
            "year": project.year,
            "price_year": project.price_year,
            "price_index": None if own is None else {"name": own.name, "title": own.title.en},
            "standard": {
                "id": std.id,
                "title": {"en": std.title.en, "zh": std.title.zh},
                "number": std.number,
                "issuer": {"en": std.issuer.en, "zh": std.issuer.zh},
                "date": std.date,
                "files": dict(sorted(std.files.items())),
                "sources": {k: {"en": t.en, "zh": t.zh} for k, t in std.sources.items()},
            },
            "inputs": dict(project.files),
            "quantities": self._quantities(names),
            "services": {s: self._service(s) for s in catalogue},
            "supporting": {s: self._service(s) for s in supporting},
            "not_computed": {k: list(v) for k, v in self.plan.not_computed.items()},
            "notes": list(project.notes),
            "warnings": self.sums.warnings,
            "classes": list(std.classes),
            "zones": dict(zip(project.zone_ids, project.zone_names, strict=True)),
            "grid": self._grid(),
            "versions": versions(),
        }

    def _grid(self) -> dict[str, Any] | None:
        grid, cover = self.project.grid, self.project.land_cover
        if grid is None or cover is None:
            return None
        return {
            "land_cover": cover.raster.name,
            "legend": cover.legend.path.stem,
            "classes": {str(k): v for k, v in cover.classes.items()},
            "crs": grid.crs.name,
            "transform": list(grid.transform)[:6],
            "shape": [grid.height, grid.width],
        }

    def _quantities(self, names: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for leaf_name, variable in names.items():
            leaf = self.plan.leaves[leaf_name]
            assert isinstance(leaf, InputLeaf)  # noqa: S101
            source = leaf.source
            entry = found.setdefault(
                source.quantity.name,
                {
                    "title": {"en": source.quantity.title.en, "zh": source.quantity.title.zh},
                    "unit": str(source.unit),
                    "where": source.where,
                    "origin": {k: _plain(v) for k, v in source.origin.items()},
                    "verified": _given_verified(source),
                    "members": list(source.members or ()),
                    "services": sorted(self.plan.used.get(source.quantity.name, ())),
                    "variables": [],
                },
            )
            entry["variables"].append(variable)
        return found

    def _service(self, name: str) -> dict[str, Any]:
        service = self.std.services[name]
        scope = None
        if service.ecosystems is not None:
            scope = [c for c in self.std.classes if self.std.in_scope(service, c)]
        steps = {s: self._step(name, s) for (owner, s) in self.plan.targets if owner == name}
        coefficients = {}
        for symbol, coefficient in service.coefficients.items():
            if (name, symbol) in self.sums.coefficients:
                coefficients[symbol] = {
                    "table": coefficient.table,
                    "column": coefficient.column,
                    "title": {"en": coefficient.about.title.en, "zh": coefficient.about.title.zh},
                    "unit": str(coefficient.unit),
                    "cite": coefficient.about.cite,
                    "file": "/".join(self.std.tables[coefficient.table].path.parts[-2:]),
                    "rows": self.sums.coefficients[name, symbol],
                }
        return {
            "title": {"en": service.title.en, "zh": service.title.zh},
            "kind": service.kind,
            "cite": service.cite,
            "verified": service.verified,
            "rests_on": self._rests_on(name),
            "note": None
            if service.note is None
            else {"en": service.note.en, "zh": service.note.zh},
            "file": service.origin + ".toml",
            "ecosystems": scope,
            "scope": None if service.ecosystems is None else list(service.ecosystems),
            "lines": [
                {
                    "physical": ln.physical,
                    "monetary": ln.monetary,
                    **({"capacity": ln.capacity} if ln.capacity else {}),
                    **({"demand": ln.demand} if ln.demand else {}),
                }
                for ln in service.lines
            ],
            "steps": steps,
            "coefficients": coefficients,
        }

    def _step(self, service: str, symbol: str) -> dict[str, Any]:
        step = self.std.services[service].steps[symbol]
        target = self.plan.targets[service, symbol]
        given = step.provides.name if target.given and step.provides else None
        return {
            "title": {"en": step.title.en, "zh": step.title.zh},
            "formula": step.checked.text,
            "unit": str(step.unit),
            "factor": float(step.checked.factor),
            "cite": step.cite,
            "verified": step.verified,
            "given": given,
            "uses": {} if given else self._uses(service, symbol),
        }

    def _uses(self, service: str, symbol: str) -> dict[str, Any]:
        entry = self.std.services[service]
        uses: dict[str, Any] = {}
        for name in formula.symbols(formula.parse(entry.steps[symbol].checked.text)):
            if name in entry.steps:
                uses[name] = {"step": [service, name]}
            elif name in entry.coefficients:
                uses[name] = {"coefficient": name}
            else:
                quantity = entry.inputs[name].quantity.name
                provider = None if quantity in self.project.sources else self.std.provider(quantity)
                if provider is None:
                    uses[name] = {"input": quantity, "unit": str(entry.inputs[name].unit)}
                else:
                    uses[name] = {"step": [provider.service, provider.symbol]}
        return uses

    def _told(self, target: Target) -> set[str]:
        """Return what the tables of a step's own inputs say of how well they were checked."""
        found = set()
        for name in formula.symbols(target.resolved.tree):
            leaf = self.plan.leaves[name]
            if isinstance(leaf, InputLeaf):
                found.add(_given_verified(leaf.source) or "")
        return found

    def _occurs(self, label: str) -> bool:
        """Say whether the class of a coefficient's row is on the map (rows of no class always)."""
        first = label.partition(",")[0]
        return first not in self.std.classes or first in self.classes

    def _rests_on(self, name: str) -> str:
        """Return the weakest ``verified`` of the steps and coefficients that a service uses."""
        levels: set[str] = set()
        queue, seen = [name], set()
        while queue:
            service = queue.pop()
            if service in seen:
                continue
            seen.add(service)
            for (owner, symbol), target in self.plan.targets.items():
                if owner != service:
                    continue
                levels |= self._told(target)
                if not target.given:
                    levels.add(self.std.services[owner].steps[symbol].verified)
                queue += [
                    u["step"][0]
                    for u in self._uses(owner, symbol).values()
                    if "step" in u and not target.given
                ]
            for symbol in self.std.services[service].coefficients:
                rows = self.sums.coefficients.get((service, symbol), {})
                for label, row in rows.items():
                    if self._occurs(label):
                        levels |= {row["verified"], row.get("index_verified", "")}
        return max((v for v in levels if v in VERIFIED), key=VERIFIED.index, default=VERIFIED[0])


def _texts(array: xr.DataArray) -> list[str]:
    return [str(v) for v in array.to_numpy()]


def _given_verified(source: Source) -> str | None:
    """Return the weakest ``verified`` that a table says of its rows, or None if it says nothing."""
    told = set(source.origin.get("verified", {}).values())
    return max(told, key=VERIFIED.index) if told else None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def _attrs(units: str, en: str, zh: str) -> dict[str, Any]:
    return {"units": units, "long_name": en, "long_name_zh": zh}


def versions() -> dict[str, str]:
    """Return the versions of gep, Python and the libraries that computed."""
    found = {"python": platform.python_version()}
    for package in (
        "gep-accounting",
        "numpy",
        "pandas",
        "xarray",
        "rasterio",
        "shapely",
        "pyproj",
        "pint",
    ):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout that is not installed
            found[package] = "unknown"
    rasterio = sys.modules.get("rasterio")
    if rasterio is not None:
        found["gdal"] = str(rasterio.__gdal_version__)
    return found
