"""From formulas to class sums: which part of a formula varies by cell, and a kernel for it.

:func:`separate` writes a formula as a sum of products, ``outside × inside``. Only the inside varies
by cell; it is summed over the cells of each zone and class. The outside (coefficients, prices, zone
statistics) is applied to the sums. Where a coefficient enters in another way than as a factor, it
is evaluated per cell, inside.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from gep import formula
from gep.formula import Bin, Call, Neg, Node, Num, Sym

ONE = Num(1.0)
#: A product of sums is written out up to this many terms; beyond, it is computed per cell.
MAX_TERMS = 16


@dataclass(frozen=True)
class Term:
    """``before × Σ_axis(outside × Σ_cells inside)``; the sum over an axis only if ``closed``.

    ``over`` is the whole formula that is added over the axis: a term of it that lacks the axis
    itself still counts once for every member.
    """

    outside: Node
    inside: Node
    before: Node = ONE
    closed: bool = False
    over: Node = ONE


def separate(tree: Node, is_cell: Callable[[str], bool]) -> tuple[Term, ...]:
    """Write a formula as terms whose inside holds all that varies by cell.

    Parameters
    ----------
    tree
        A formula over leaves.
    is_cell
        Says whether a leaf varies by cell.
    """
    varies = set(filter(is_cell, formula.symbols(tree)))

    def has_cell(node: Node) -> bool:
        return not varies.isdisjoint(formula.symbols(node))

    def visit(node: Node) -> tuple[Term, ...]:
        if not has_cell(node):
            return (Term(node, ONE),)
        if isinstance(node, Neg):
            return tuple(_scaled(t, Neg) for t in visit(node.operand))
        if isinstance(node, Bin):
            split = operation(node)
            if split is not None:
                return split
        if isinstance(node, Call) and node.name == "total":
            inner = visit(node.args[0])
            if not any(t.closed for t in inner):
                return tuple(replace(t, closed=True, over=node.args[0]) for t in inner)
        return (Term(ONE, node),)

    def operation(node: Bin) -> tuple[Term, ...] | None:
        if node.op == "+":
            return visit(node.left) + visit(node.right)
        if node.op == "-":
            right = tuple(_scaled(t, Neg) for t in visit(node.right))
            return visit(node.left) + right
        if node.op == "*":
            return product(visit(node.left), visit(node.right))
        if node.op == "/" and not has_cell(node.right):
            under = node.right
            return tuple(
                _scaled(t, lambda outside: Bin("/", outside, under)) for t in visit(node.left)
            )
        return None

    def product(left: tuple[Term, ...], right: tuple[Term, ...]) -> tuple[Term, ...] | None:
        if len(left) * len(right) > MAX_TERMS:
            return None
        terms = []
        for a in left:
            for b in right:
                if a.closed and b.inside == ONE and not b.closed:
                    terms.append(replace(a, before=_times(a.before, b.outside)))
                elif b.closed and a.inside == ONE and not a.closed:
                    terms.append(replace(b, before=_times(a.outside, b.before)))
                elif a.closed or b.closed:
                    return None
                else:
                    outside, inside = _times(a.outside, b.outside), _times(a.inside, b.inside)
                    terms.append(Term(outside, inside))
        return tuple(terms)

    return visit(tree)


def _times(left: Node, right: Node) -> Node:
    if left == ONE:
        return right
    return left if right == ONE else Bin("*", left, right)


def _scaled(term: Term, change: Callable[[Node], Node]) -> Term:
    if term.closed:
        return replace(term, before=change(term.before))
    return replace(term, outside=change(term.outside))


def is_separable(terms: Iterable[Term], is_cell: Callable[[str], bool]) -> bool:
    """Say whether no coefficient had to go inside: then re-pricing needs no raster."""
    return all(is_cell(name) for t in terms for name in formula.symbols(t.inside))


class Kernel:
    """Computes many formulas at once, each common part once.

    The plain twin of :meth:`run` is :func:`gep.formula.evaluate`, formula by formula.
    """

    def __init__(
        self,
        formulas: Sequence[Node],
        functions: Mapping[str, Callable[..., Any]],
        labels: Callable[[Node], tuple[str, ...]],
    ) -> None:
        self._functions, self._labels = functions, labels
        self._ids: dict[tuple[Any, ...], int] = {}
        self._work: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        self._leaves: list[tuple[int, str]] = []
        self._results = [self._place(node) for node in formulas]
        last = {number: at for at, (_, inputs) in enumerate(self._work) for number in inputs}
        kept = set(self._results)
        self._done: list[list[int]] = [[] for _ in self._work]
        for number, at in last.items():
            if number not in kept:
                self._done[at].append(number)

    def run(self, env: Mapping[str, Any]) -> list[Any]:
        """Return the value of every formula, in order; values of one cell each, or broadcast."""
        values: list[Any] = [None] * len(self._work)
        for number, name in self._leaves:
            values[number] = env[name]
        with np.errstate(all="ignore"):
            for number, (work, inputs) in enumerate(self._work):
                if inputs or values[number] is None:
                    values[number] = work(*[values[n] for n in inputs])
                for done in self._done[number]:  # its memory serves the next value, from the cache
                    values[done] = None
        return [values[number] for number in self._results]

    def _place(self, node: Node) -> int:
        """Return the number of the register of a node, adding the work that computes it."""
        children = tuple(self._place(child) for child in node.children)
        key: tuple[Any, ...]
        if isinstance(node, Num):
            key = ("number", node.value)
        elif isinstance(node, Sym):
            key = ("symbol", node.name)
        elif isinstance(node, Neg):
            key = ("neg", *children)
        elif isinstance(node, Bin):
            key = (node.op, *children)
        else:
            call = cast("Call", node)
            key = (call.name, len(call.args), tuple(k for k, _ in call.keywords), *children)
        if key not in self._ids:
            self._work.append((self._worker(node), children))
            self._ids[key] = len(self._work) - 1
            if isinstance(node, Sym):
                self._leaves.append((self._ids[key], node.name))
        return self._ids[key]

    def _worker(self, node: Node) -> Callable[..., Any]:
        """Return what computes a node from the values of its children."""
        if isinstance(node, Num):
            return lambda: node.value
        if isinstance(node, Sym):
            return lambda: None  # the value is there
        if isinstance(node, Neg):
            return operator.neg
        if isinstance(node, Bin):
            return _OPERATIONS[node.op]
        call = cast("Call", node)
        if call.name in _CALLS:
            return _CALLS[call.name]
        function = self._functions[call.name]
        names, many = [name for name, _ in call.keywords], len(call.args)
        fixed: dict[str, Any] = {}
        if "dates" in function.signature.plain:  # type: ignore[attr-defined]
            fixed["dates"] = self._labels(call)
        return lambda *given: function(
            *given[:many], **(dict(zip(names, given[many:], strict=True)) | fixed)
        )


def _least(*values: Any) -> Any:
    return functools.reduce(np.minimum, values)


def _most(*values: Any) -> Any:
    return functools.reduce(np.maximum, values)


def _between(value: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(value, low), high)


def _over_axis(value: Any) -> Any:
    return np.sum(value, axis=0)


_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": np.divide,
    "**": np.power,
}
_CALLS: Mapping[str, Callable[..., Any]] = {
    "min": _least,
    "max": _most,
    "clip": _between,
    "total": _over_axis,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
}
