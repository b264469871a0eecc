"""Reproduce published accounts: run every case folder, compare with what was printed line by line.

    python validation/validate.py            # print the tables; exit status 1 if a line differs
    python validation/validate.py --write    # write docs/validation.md as well

A case is a folder with ``published.csv`` and project files. A row of ``published.csv`` names a
printed line, the project that computes it, and how it follows from numbers of the account. Only
this is allowed there::

    water_retention.V_w                      a step of the account, summed over zones and ecosystems
    climate_regulation.V_a@forest            the same in one ecosystem class (with its children)
    products.V[food]                         the same for one member of its axis
    value:soil_retention value:regulating    the value of a service, or of a kind of services
    value:all                                GEP
    area area@forest                         area of the extent table
    value:all#2015 area@forest#2015          any of these in one zone (years are zones of one project)
    [106 万人]                               a printed number outside the account (a denominator)
    a + b - c / d + e                        sums, and one ratio of two sums: (a + b - c) / (d + e)

What a row expects (``expect``): ``reproduced``, within the tolerance that follows from the printed
digits, or is stated with its reason; ``rounding``, outside it and inside ``rounding``, what rounded
inputs can make of it; ``misprint``, outside both, because the source contradicts its own
arithmetic. ``differences_explained.md`` gives the reason for every line whose printed digits differ
from ours, and a test sees to it.
"""
# ruff: noqa: E501  the head of the written page and the rows of its tables are long lines of text

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gep
from gep.units import Unit, convert, unit

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "validation.md"
EXPECTED = ("reproduced", "rounding", "misprint")


@dataclass(frozen=True)
class Line:
    """A printed line of a published account and how to compute it."""

    line: str
    title_en: str
    title_zh: str
    project: str
    expression: str
    value: str
    unit: str
    tolerance: float
    rounding: float | None
    status: str
    inputs: str
    expect: str
    where: str
    case_line: str


@dataclass(frozen=True)
class Result:
    """A line and what the account gives for it, in the line's unit."""

    line: Line
    computed: float

    @property
    def difference(self) -> float:
        """Computed less printed."""
        return self.computed - float(self.line.value)

    @property
    def verdict(self) -> str:
        """Say how the computed number compares with print."""
        away = abs(self.difference)
        if away <= self.line.tolerance:
            return "reproduced"
        if self.line.rounding is not None and away <= self.line.rounding:
            return "rounding"
        return "misprint" if self.line.expect == "misprint" else "differs"

    @property
    def ok(self) -> bool:
        """Whether the line compares as the case says."""
        return self.verdict == self.line.expect

    @property
    def same_digits(self) -> bool:
        """Whether the computed number, written with the printed digits, is the printed one."""
        digits = len(self.line.value.partition(".")[2])
        return f"{self.computed:.{digits}f}" == f"{float(self.line.value):.{digits}f}"


def cases() -> list[Path]:
    """Return the case folders."""
    return sorted(path.parent for path in HERE.glob("*/published.csv"))


def read_lines(case: Path) -> list[Line]:
    """Read what a case printed."""
    with (case / "published.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Line(
            **{k: v for k, v in row.items() if k not in ("tolerance", "rounding")},
            tolerance=float(row["tolerance"]),
            rounding=float(row["rounding"]) if row["rounding"] else None,
        )
        for row in rows
    ]


class Run:
    """A project and its account, asked for sums, shares and ratios."""

    def __init__(self, path: Path) -> None:
        project = gep.Project.load(path)
        self.standard = project.data.standard
        self.account = project.run()

    def number(self, expression: str, wanted: Unit) -> float:
        """Return the value of an expression of ``published.csv`` in a unit."""
        above, slash, below = expression.partition(" / ")
        value, own = self._sum(above.split())
        if slash:
            other, its = self._sum(below.split())
            value, own = value / other, own / its
        return float(convert(value, own, wanted))

    def _sum(self, words: Sequence[str]) -> tuple[float, Unit]:
        terms: list[tuple[str, str]] = []
        sign, literal = "+", ""
        for word in words:
            literal = f"{literal} {word}".strip() if literal or word.startswith("[") else ""
            if literal and not word.endswith("]"):
                continue
            if word in ("+", "-"):
                sign = word
                continue
            terms.append((sign, literal or word))
            sign, literal = "+", ""
        first = self._term(terms[0][1])
        total, own = 0.0, first[1]
        for plus, term in terms:
            value, its = self._term(term)
            total += float(convert(value, its, own)) * (1 if plus == "+" else -1)
        return total, own

    def _term(self, term: str) -> tuple[float, Unit]:
        if term.startswith("["):
            value, _, its = term[1:-1].partition(" ")
            return float(value), unit(its)
        term, _, zone = term.partition("#")
        if term.startswith("value:"):
            return self._value(term.removeprefix("value:"), zone)
        term, _, ecosystem = term.partition("@")
        name, _, member = term.rstrip("]").partition("[")
        array = self.account.dataset[name]
        if member:
            (axis,) = set(array.dims) - {"zone", "ecosystem"}
            array = array.sel({axis: member})
        if ecosystem:
            present = set(array["ecosystem"].to_numpy())
            below = [c for c in present if ecosystem in self.standard.ancestors(c)]
            array = array.sel(ecosystem=sorted(below) or [ecosystem])
        if zone:
            array = array.sel(zone=zone)
        return float(array.sum()), unit(str(array.attrs["units"]))

    def _value(self, name: str, zone: str) -> tuple[float, Unit]:
        by = "kind" if name in ("provisioning", "regulating", "cultural") else "service"
        totals = self.account.total([by, "zone"])
        if name != "all":
            totals = totals[totals[by] == name]
        if zone:
            totals = totals[totals["zone"] == zone]
        if totals.empty:
            raise KeyError(f"value:{name}#{zone}".rstrip("#"))
        variables = self.account.dataset.data_vars.values()
        (its,) = {v.attrs["units"] for v in variables if v.attrs.get("role") == "monetary"}
        return float(totals["value"].sum()), unit(its)


def run_case(case: Path) -> list[Result]:
    """Run the projects of a case and return every line with what was computed for it."""
    lines = read_lines(case)
    runs = {name: Run(case / name) for name in dict.fromkeys(line.project for line in lines)}
    return [
        Result(line, runs[line.project].number(line.expression, unit(line.unit))) for line in lines
    ]


# ------------------------------------------------------------------------------------- rendering

_VERDICTS = {
    "reproduced": "reproduced 重现",
    "rounding": "rounded inputs 输入取整",
    "misprint": "misprint 原文有误",
    "differs": "DIFFERS 不符",
}


def _shown(result: Result) -> tuple[str, str]:
    digits = len(result.line.value.partition(".")[2])
    more = digits + (2 if not result.same_digits else 0)
    away = result.difference
    return f"{result.computed:.{more}f}", f"{away:+.{more}f}" if not result.same_digits else "0"


def text_table(results: Sequence[Result]) -> str:
    """Return the results as lines of text for a terminal."""
    rows = [("line", "published", "computed", "difference", "unit", "verdict")]
    rows += [(r.line.line, r.line.value, *_shown(r), r.line.unit, r.verdict) for r in results]
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if 0 < i < 4 else cell.ljust(w)  # noqa: PLR2004
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def summary(results: Sequence[Result]) -> str:
    """Return how many lines of a case compare how, in one line."""
    printed = [r for r in results if r.line.status == "published"]
    counts = ", ".join(
        f"{sum(r.verdict == v for r in results)} {v}"
        for v in (*EXPECTED, "differs")
        if any(r.verdict == v for r in results)
    )
    lines = "1 line" if len(results) == 1 else f"{len(results)} lines"
    return f"{lines}, {len(printed)} of them published: {counts}"


_HEAD = """# Validation: published accounts reproduced / 验证：重算已发表的核算

*Written by `python validation/validate.py --write`. 由上述命令生成，请勿手改。*

Each case is a folder in [validation](../validation/README.md): printed inputs as a project, printed results, and the reasons for every digit that differs. Everything goes through rule files and
project files; beyond that only sums, shares and ratios of account numbers are taken. The papers' facts are cited, not their text copied.

每个案例是 [validation](../validation/README.md) 中的一个文件夹：以项目文件录入所印输入，列出所印结果，并逐行说明差异原因。全部计算均由规则文件与项目文件完成，此外只对账户数字求和、占比与比值。

- **reproduced 重现**: within the tolerance. 在容差之内。
- **rounded inputs 输入取整**: outside it, but within what the rounding of the printed inputs can make. 超出容差，但在所印输入取整可造成的范围之内。
- **misprint 原文有误**: the source contradicts its own arithmetic; we do not follow. 原文自相矛盾，不予迁就。
- *published* lines stand in the source, *derived* lines are ours from printed numbers and must not be quoted as published;
  inputs *solved back* come from a printed result, so the line tests formula and adding up, not the number itself; *recalled*
  numbers were not printed, known from elsewhere, and confirmed by the results.
  published 为资料所印；derived 由所印数字推算，不得作为已发表结果引用；solved back 指输入由所印结果反推，该行只检验公式与加总；
  recalled 指数字未印、据他处所知并由结果印证。
"""


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _counts(results: Sequence[Result]) -> tuple[int, ...]:
    """Return the number of lines, of published ones, and of every expected verdict."""
    published = sum(r.line.status == "published" for r in results)
    return len(results), published, *(sum(r.verdict == v for r in results) for v in EXPECTED)


def _title(case: Path) -> str:
    text = (case / "differences_explained.md").read_text(encoding="utf-8")
    return text.splitlines()[0].lstrip("# ")


def page(found: Mapping[Path, Sequence[Result]]) -> str:
    """Return docs/validation.md: an overview, and the lines of every case."""
    parts = [
        _HEAD,
        "## Overview 总览\n",
        "| case 案例 | place and year 地点与年份 | lines 行数 | published 已发表 | reproduced 重现 | rounded inputs 输入取整 | misprint 原文有误 |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case, results in found.items():
        parts.append(_row((f"[{case.name}](#{case.name})", _title(case), *_counts(results))))
    sums = [sum(column) for column in zip(*map(_counts, found.values()), strict=True)]
    parts.append(_row((f"{len(found)} cases 案例", "all 合计", *sums)))
    for case, results in found.items():
        parts.append(f"\n## {case.name}\n\n**{_title(case)}**\n")
        why = f"../validation/{case.name}/differences_explained.md"
        parts.append(f"{summary(results)}. [Differences explained 差异说明]({why})\n")
        parts.append(
            "| line | 项目 | project | published 已发表 | computed 重算 | difference 差 | unit | verdict | basis |\n"
            "| --- | --- | --- | ---: | ---: | ---: | --- | --- | --- |"
        )
        for r in results:
            line = r.line
            basis = (x for x in (line.status, line.inputs) if x not in ("published", "printed"))
            name = f"`{line.line}` {line.title_en}"
            shown = (Path(line.project).stem, line.value, *_shown(r), line.unit)
            parts.append(
                _row((name, line.title_zh, *shown, _VERDICTS[r.verdict], ", ".join(basis)))
            )
    return "\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all cases and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write docs/validation.md")
    options = parser.parse_args(arguments)
    found = {case: run_case(case) for case in cases()}
    for case, results in found.items():
        print(f"{case.name}\n{text_table(results)}\n{summary(results)}\n")
    if options.write:
        PAGE.write_text(page(found), encoding="utf-8")
    return 0 if all(r.ok for results in found.values() for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
