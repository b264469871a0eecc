"""The project that ``gep new`` writes: every key with a comment in Chinese and English."""

# ruff: noqa: E501  the lines of the template are as long as readers of the project file like them
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gep.errors import UsageError
from gep.library import data_root, standards

if TYPE_CHECKING:
    from gep.library import Standard
    from gep.model import Quantity
    from gep.tables import Title

STATISTICS = "zone,quantity,item,value,unit,year,source\n"

_TEXT = """\
# 核算项目 A GEP project. 逐项填写，然后 Fill it in, then:
#   gep check {project}                 检查，不写文件 read everything, write nothing
#   gep run {project} --out out         核算 compute the account
# 文件名相对于本文件所在文件夹 File names are relative to the folder of this file.

title       = {title}
standard    = {standard}  # 标准代码，或规则文件夹路径 id of a standard, or path of a rule folder
{known}
year        = {year}           # 核算年度 year of account
price_year  = {year}           # 账户采用哪一年价格 year of the account's prices
# price_index = {index}  # 价格指数：价格为其他年份时需要 needed when a price is of another year; {indices}
# services = [...]              # 只核算这些服务；默认为数据允许的全部 default: all that the data allow

# 区域（乡镇、县……）：任何矢量文件 Zones (townships, counties ...): any vector file
[zones]
file = "zones.gpkg"
id   = "code"                   # 代码列 the column of ids
name = "name"                   # 名称列 the column of names

# 土地覆被图决定网格 The land-cover map sets the grid
[land_cover]
file   = "land_cover.tif"
legend = {legend}  # 图例：models/legends 中的名称，或图例文件 a name in models/legends, or a file
{legends}
# classes = {{ {code} = {ecosystem} }}    # 分析者比图例更清楚的类 what you know better than the legend

# 没有土地覆被图时，用面积表代替上面两节 Without a map: areas instead of the two sections above
# [extent]
# file = "extent.csv"           # 列 columns: zone, zone_name, ecosystem, area, unit
{classes}
# 输入量：单位必填，程序换算 Inputs: the unit is always given, the engine converts. 四种给法 Four ways:
#   {{ file = "x.tif", unit = "..." }}                 栅格 a raster (bands, nodata, resampling, range: optional)
#   {{ value = 1.0, unit = "..." }}                    一个数 one number
#   {{ table = "x.csv", unit = "..." }}                按类型的表 a table by class: ecosystem, value (zone)
#   {{ derive = "slope", elevation = {{ file = "dem.tif", unit = "m" }} }}    由栅格推导 derived from a raster
[inputs]
{inputs}
# 统计量：每区一行 What is counted, one row per zone: zone, quantity, item, value, unit, year, source
[statistics]
file = "statistics.csv"
{statistics}
# 自己的系数代替表中的数，并注明来源 Your own numbers replace the tables' and are marked as yours
# [coefficients]
# "table.column" = {{ value = 1.0, unit = "...", price_year = {year}, source = "..." }}
# "table.column.class" = {{ value = 0.5, unit = "1", source = "..." }}

# 单位面积量的地图（GeoTIFF） Maps of rates
# [outputs]
# maps = [{maps}]
"""


def new_project(folder: Path, standard: Standard | None, year: int) -> tuple[Path, ...]:
    """Write a commented project into a folder and return its files.

    Parameters
    ----------
    folder
        The folder; made if it is missing.
    standard
        The standard whose quantities are listed, or None to leave that open.
    year
        The year written into the project.

    Raises
    ------
    UsageError
        If a file of that name exists.
    """
    project, statistics = folder / "project.toml", folder / "statistics.csv"
    for path in (project, statistics):
        if path.exists():
            cure = "name another folder; nothing is ever overwritten here"
            raise UsageError("the file exists already", str(path), cure=cure)
    if folder.exists() and not folder.is_dir():
        raise UsageError("the name is taken by a file", str(folder), cure="name a folder")
    text = project_text(
        project.name, folder.resolve().name, standard, year, _name_of(standard, folder)
    )
    folder.mkdir(parents=True, exist_ok=True)
    project.write_text(text, encoding="utf-8", newline="\n")
    statistics.write_text(STATISTICS, encoding="utf-8-sig", newline="\n")
    return project, statistics


def project_text(name: str, title: str, standard: Standard | None, year: int, named: str) -> str:
    """Return the text of a commented project file.

    Parameters
    ----------
    name
        Name of the file, shown in its first lines.
    title
        Title of the project.
    standard
        The standard whose quantities are listed, or None.
    year
        The year of account and of prices.
    named
        How the project names the standard: its id, or the path of its folder.
    """
    legends = _legends(standard)
    indices = sorted(p.stem for p in (data_root("coefficients") / "indices").glob("*.csv"))
    given = _given(standard)
    cells = [q for q in given if q.kind != "total"]
    totals = [q for q in given if q.kind == "total"]
    width = max((len(q.name) for q in cells), default=0)
    return _TEXT.format(
        project=name,
        title=_quote(f"{title} {year}"),
        standard=_quote(named),
        known=_comment(f"{key}: {t.zh} {t.en}" for key, t in standards().items()),
        year=year,
        index=_quote(indices[0] if indices else "..."),
        indices=", ".join(indices),
        legend=_quote("..."),
        legends=_comment(f"{key}: {t}" for key, t in legends.items()),
        code=10,
        ecosystem=_quote(next(iter(standard.classes)) if standard else "..."),
        classes=_comment(_classes(standard)),
        inputs="".join(
            f'# {q.name:<{width}} = {{ file = "{q.name}.tif", unit = "{q.unit}" }}'
            f"  # {_about(q, standard)}\n"
            for q in cells
        )
        + _computed(standard),
        statistics="".join(
            f"# {q.name} [{q.unit}]{_axis(q, standard)}  {_about(q, standard)}\n" for q in totals
        ),
        maps=_quote(_map(standard)),
    )


def _name_of(standard: Standard | None, folder: Path) -> str:
    """Return how a project in a folder names a standard: shipped ones by id, others by path."""
    if standard is None:
        return ""
    if standard.folder.parent == (data_root("models") / "standards"):
        return standard.id
    try:
        relative = os.path.relpath(standard.folder.resolve(), folder.resolve())
    except ValueError:  # another drive
        return standard.folder.resolve().as_posix()
    return Path(relative).as_posix()


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _comment(lines: Iterable[str]) -> str:
    return "\n".join(f"#   {line}" for line in lines)


def _legends(standard: Standard | None) -> dict[str, str]:
    """Return the shipped legends that lead to the standard's classes, with their titles."""
    from gep.tables import read_toml

    found = {}
    for path in sorted((data_root("models") / "legends").glob("*.toml")):
        data = read_toml(path)
        if standard is None or standard.classification in data.get("to", {}):
            title = data.get("title", {})
            found[path.stem] = " ".join(str(title[k]) for k in ("zh", "en") if k in title)
    return found


def _uses(standard: Standard) -> Mapping[str, list[str]]:
    """Return quantity -> titles of the services that read it."""
    uses: dict[str, list[str]] = {}
    for service in standard.services.values():
        for entry in service.inputs.values():
            titles = uses.setdefault(entry.quantity.name, [])
            if service.title.zh not in titles:
                titles.append(service.title.zh)
    return uses


def _given(standard: Standard | None) -> list[Quantity]:
    """Return the quantities that only a project can give, in the order of the services."""
    if standard is None:
        return []
    names = [n for n in _uses(standard) if standard.provider(n) is None]
    return [standard.glossary[n] for n in names]


def _about(quantity: Quantity, standard: Standard | None) -> str:
    uses = _uses(standard)[quantity.name] if standard else []
    return f"{_both(quantity.title)}（{'、'.join(uses)}）"


def _both(title: Title) -> str:
    return f"{title.zh} {title.en}"


def _axis(quantity: Quantity, standard: Standard | None) -> str:
    """Say which column ``item`` of the statistics a quantity needs."""
    if standard is None:
        return ""
    for service in standard.services.values():
        for entry in service.inputs.values():
            if entry.quantity.name == quantity.name and entry.axis:
                return f" item = {entry.axis}"
    return ""


def _computed(standard: Standard | None) -> str:
    """List the quantities that rules compute unless the project gives them."""
    if standard is None:
        return ""
    lines = []
    for name in _uses(standard):
        provider = standard.provider(name)
        if provider is not None:
            quantity = standard.glossary[name]
            by = f"{provider.service}.{provider.symbol}"
            lines.append(f"#   {name} [{quantity.unit}]  {_both(quantity.title)}: {by}\n")
    if not lines:
        return ""
    return "# 由规则计算；给出则不再计算 Computed by the rules unless you give them:\n" + "".join(
        lines
    )


def _classes(standard: Standard | None) -> list[str]:
    if standard is None:
        return []
    shown = [f"{c.id} {c.title.zh}" for c in standard.classes.values()]
    return [f"ecosystem: {', '.join(shown[i : i + 6])}" for i in range(0, len(shown), 6)]


def _map(standard: Standard | None) -> str:
    """Return the first rate of the standard's account, as an example."""
    for service in standard.services.values() if standard else ():
        for line in service.lines:
            if line.physical and service.steps[line.physical].meaning.degree == 0:
                return f"{service.id}.{line.physical}"
    return "service.symbol"
