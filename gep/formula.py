"""The formula language: parse, check units, evaluate. It cannot run code.

A formula is parsed once into a small tree of five node types. Everything else in gep (kernel,
documentation, traces) works on that tree; only this module knows Python's parser.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from gep.errors import RuleError, UnitError, nearest
from gep.units import NUMBER, Unit, unit

if TYPE_CHECKING:
    from fractions import Fraction

#: Bounds of the language: a longer or deeper formula is refused, whatever it says.
MAX_LENGTH = 1000
MAX_DEPTH = 40
MAX_NODES = 400

#: Functions that belong to the language itself. All others are registered functions.
BUILTINS = ("min", "max", "clip", "exp", "log", "sqrt", "total", "by_zone")

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
#: What ``by_zone`` of a total becomes when it runs: added up, not multiplied by area.
SUM_TOTALS = "by_zone_total"

#: The accepted syntax, pinned by a test: the language does not grow.
ACCEPTED_NODES = (
    *("Expression", "BinOp", "UnaryOp", "USub", "Call", "keyword", "Name", "Load", "Constant"),
    *(op.__name__ for op in _OPERATORS),
)


@dataclass(frozen=True)
class Node:
    """A node of a formula; ``span`` is its place in the text (not compared)."""

    span: tuple[int, int] = field(default=(0, 0), compare=False, repr=False, kw_only=True)

    @property
    def children(self) -> tuple[Node, ...]:
        """The operands."""
        return ()

    @functools.cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols in the order of their first appearance."""
        return tuple(dict.fromkeys(name for child in self.children for name in child.symbols))


@dataclass(frozen=True)
class Num(Node):
    """A pure number."""

    value: float


@dataclass(frozen=True)
class Sym(Node):
    """A symbol."""

    name: str

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbol itself."""
        return (self.name,)


@dataclass(frozen=True)
class Neg(Node):
    """A negation."""

    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True)
class Bin(Node):
    """An operation on two operands: ``+ - * / **``."""

    op: str
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        """Both operands."""
        return (self.left, self.right)


@dataclass(frozen=True)
class Call(Node):
    """A call of a function of the language or of a registered one."""

    name: str
    args: tuple[Node, ...]
    keywords: tuple[tuple[str, Node], ...] = ()

    @property
    def children(self) -> tuple[Node, ...]:
        """All arguments."""
        return (*self.args, *(node for _, node in self.keywords))


class FormulaError(RuleError):
    """A formula that is wrong, with the wrong part underlined."""


def underline(text: str, span: tuple[int, int]) -> str:
    """Return the formula with ``^^^`` under ``span``."""
    start, end = span
    return f"{text}\n{' ' * start}{'^' * max(1, end - start)}"


# --------------------------------------------------------------------------------------- parse


def parse(text: str, where: str = "") -> Node:
    """Parse a formula.

    Raises
    ------
    FormulaError
        If the text holds anything outside the language, or is too long or too deep.

    Examples
    --------
    >>> parse("P - ET")
    Bin(op='-', left=Sym(name='P'), right=Sym(name='ET'))
    """
    if not isinstance(text, str):
        raise FormulaError("a formula is a text", where, found=repr(text)[:60])
    if len(text) > MAX_LENGTH:
        shown = text[:30] + "..."
        raise FormulaError(f"a formula has at most {MAX_LENGTH} characters", where, found=shown)
    depth = deepest = 0
    for char in text:
        depth += (char == "(") - (char == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise FormulaError(f"parentheses nest deeper than {MAX_DEPTH}", where, found=text[:60])
    stripped = text.strip()
    if not stripped or "\n" in stripped or "\r" in stripped:
        raise FormulaError("a formula is one line", where, found=repr(text[:60]))
    if "#" in stripped:
        at = stripped.index("#")
        found = underline(stripped, (at, at + 1))
        raise FormulaError("a formula has no comments", where, found, "write a note = { en, zh }")
    try:
        tree = ast.parse(stripped, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = (getattr(error, "offset", None) or 1) - 1
        found = underline(stripped, (min(max(at, 0), len(stripped)), at + 1))
        raise FormulaError("this is not a formula", where, found, cure=_GRAMMAR) from None
    return _Builder(stripped, where).build(tree.body, 0)


#: What people call the syntax that is refused most often.
_FOREIGN = {
    "Attribute": "a dot (attribute)",
    "BoolOp": "and / or",
    "Call": "a call of anything but a named function",
    "Compare": "a comparison",
    "DictComp": "a comprehension",
    "GeneratorExp": "a comprehension",
    "IfExp": "a condition",
    "JoinedStr": "a text",
    "Lambda": "lambda",
    "List": "a list",
    "ListComp": "a comprehension",
    "NamedExpr": "an assignment",
    "SetComp": "a comprehension",
    "Subscript": "an index in brackets",
    "Tuple": "a list of values",
}
_GRAMMAR = "use symbols, numbers, + - * / **, parentheses, functions; nothing else"


class _Builder:
    def __init__(self, text: str, where: str) -> None:
        self.text, self.where, self.count = text, where, 0
        self.offsets = {0: 0}
        position = 0
        for index, char in enumerate(text):
            position += len(char.encode())
            self.offsets[position] = index + 1

    def _span(self, node: ast.expr) -> tuple[int, int]:
        end = node.end_col_offset or node.col_offset
        return self.offsets.get(node.col_offset, 0), self.offsets.get(end, len(self.text))

    def _refuse(self, node: ast.expr, what: str, cure: str = _GRAMMAR) -> FormulaError:
        return FormulaError(what, self.where, underline(self.text, self._span(node)), cure)

    def build(self, node: ast.expr, depth: int) -> Node:
        self.count += 1
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            raise FormulaError("the formula is too deep or too long", self.where, self.text[:60])
        span = self._span(node)
        if isinstance(node, ast.Constant):
            return self._number(node, span)
        if isinstance(node, ast.Name):
            if "__" in node.id or node.id.startswith("_"):
                raise self._refuse(node, f"{node.id!r} is not a symbol")
            return Sym(node.id, span=span)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return Neg(self.build(node.operand, depth + 1), span=span)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self.build(node.left, depth + 1), self.build(node.right, depth + 1)
            return Bin(_OPERATORS[type(node.op)], left, right, span=span)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node, node.func.id, depth, span)
        kind = _FOREIGN.get(type(node).__name__, type(node).__name__)
        raise self._refuse(node, f"{kind} is not part of the formula language")

    def _number(self, node: ast.Constant, span: tuple[int, int]) -> Num:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._refuse(node, f"{type(value).__name__} is not a number")
        try:
            return Num(float(value), span=span)
        except OverflowError:
            raise self._refuse(node, "the number is too large") from None

    def _call(self, node: ast.Call, name: str, depth: int, span: tuple[int, int]) -> Call:
        args = [self.build(arg, depth + 1) for arg in node.args]
        keywords = []
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self._refuse(node, "** arguments are not part of the formula language")
            keywords.append((keyword.arg, self.build(keyword.value, depth + 1)))
        return Call(name, tuple(args), tuple(keywords), span=span)


def walk(node: Node) -> Iterator[Node]:
    """Iterate over a node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def symbols(node: Node) -> tuple[str, ...]:
    """Return the symbols of a formula in the order of their first appearance."""
    return node.symbols


def substitute(node: Node, table: Mapping[str, Node]) -> Node:
    """Return the formula with symbols replaced by formulas."""
    if isinstance(node, Sym):
        return table.get(node.name, node)
    if isinstance(node, Neg):
        return replace(node, operand=substitute(node.operand, table))
    if isinstance(node, Bin):
        left, right = substitute(node.left, table), substitute(node.right, table)
        return replace(node, left=left, right=right)
    if isinstance(node, Call):
        args = tuple(substitute(arg, table) for arg in node.args)
        keywords = tuple((key, substitute(value, table)) for key, value in node.keywords)
        return replace(node, args=args, keywords=keywords)
    return node


_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}


def to_text(node: Node, above: int = 0) -> str:
    """Return a formula as text that parses to the same tree."""
    if isinstance(node, Num):
        return f"{node.value:.15g}"
    if isinstance(node, Sym):
        return node.name
    if isinstance(node, Neg):
        text = f"-{to_text(node.operand, 3)}"
        return f"({text})" if above >= 3 else text  # noqa: PLR2004
    if isinstance(node, Bin):
        own = _PRECEDENCE[node.op]
        left_own, right_own = (own + 1, own) if node.op == "**" else (own, own + 1)
        text = f"{to_text(node.left, left_own)} {node.op} {to_text(node.right, right_own)}"
        if node.op == "**":
            text = text.replace(" ** ", "**")
        return f"({text})" if own < above else text
    call = cast("Call", node)
    parts = [to_text(arg) for arg in call.args]
    parts += [f"{key}={to_text(value)}" for key, value in call.keywords]
    return f"{call.name}({', '.join(parts)})"


# ------------------------------------------------------------------------------- units and axes


@dataclass(frozen=True)
class Meaning:
    """What a symbol or formula stands for: its unit, rate or total, and its extra axis.

    ``degree`` is 0 for a rate (a density, factor, depth) and 1 for a total of an area.
    """

    unit: Unit
    degree: int = 0
    axis: str | None = None


@dataclass(frozen=True)
class Checked:
    """A formula whose units agree: the tree as it runs (factors inserted) and what it means.

    ``factor`` takes the ``derived`` unit to the declared one, which ``meaning`` holds.
    """

    text: str
    tree: Node
    meaning: Meaning
    factor: Fraction
    derived: Unit


def check(
    text: str,
    env: Mapping[str, Meaning],
    functions: Mapping[str, Callable[..., Any]],
    where: str,
    declared: Unit,
    empirical: Mapping[str, Unit] | None = None,
) -> Checked:
    """Parse a formula, derive its unit and insert the factor to the declared unit.

    Raises
    ------
    FormulaError
        With the place in the formula underlined.
    """
    tree = parse(text, where)
    scaled: dict[str, Node] = {}
    meanings = dict(env)
    for name, wanted in (empirical or {}).items():
        if name not in env:
            cure = nearest(name, env)
            raise FormulaError(f"empirical names the unknown symbol {name!r}", where, cure=cure)
        try:
            factor = env[name].unit.factor_to(wanted)
        except UnitError as error:
            raise FormulaError(f"empirical: {error.problems[0].what}", where) from None
        meanings[name] = replace(env[name], unit=NUMBER)
        if factor != 1:
            scaled[name] = Bin("*", Num(float(factor)), Sym(name))
    inference = _Inference(text.strip(), where, meanings, functions)
    tree, meaning = inference.visit(tree)
    if empirical and meaning.unit.is_number:
        return Checked(
            text,
            substitute(tree, scaled),
            replace(meaning, unit=declared),
            NUMBER.factor,
            declared,
        )
    try:
        factor = meaning.unit.factor_to(declared)
    except UnitError:
        kinds = f"{meaning.unit.dimension} and {declared.dimension}"
        what = f"the formula gives [{meaning.unit}], the step declares [{declared}] ({kinds})"
        found = underline(text.strip(), (0, len(text.strip())))
        raise FormulaError(what, where, found, "correct the formula or the unit") from None
    tree = substitute(tree, scaled)
    if factor != 1:
        tree = Bin("*", Num(float(factor)), tree)
    return Checked(text, tree, replace(meaning, unit=declared), factor, meaning.unit)


class _Inference:
    """Derives units bottom-up; returns the tree with the factors that function arguments need."""

    def __init__(
        self,
        text: str,
        where: str,
        env: Mapping[str, Meaning],
        functions: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.text, self.where, self.env, self.functions = text, where, env, functions

    def fail(self, node: Node, what: str, cure: str = "") -> FormulaError:
        return FormulaError(what, self.where, underline(self.text, node.span), cure)

    def visit(self, node: Node) -> tuple[Node, Meaning]:
        if isinstance(node, Num):
            return node, Meaning(NUMBER)
        if isinstance(node, Sym):
            if node.name not in self.env:
                raise self.fail(node, f"unknown symbol {node.name!r}", nearest(node.name, self.env))
            meaning = self.env[node.name]
            return node, meaning
        if isinstance(node, Neg):
            inner, meaning = self.visit(node.operand)
            return replace(node, operand=inner), meaning
        try:
            if isinstance(node, Bin):
                return self._operation(node)
            return self._call(cast("Call", node))
        except UnitError as error:  # powers out of bounds, °C where a factor is needed
            raise self.fail(node, error.problems[0].what, error.problems[0].cure) from None

    def _axis(self, node: Node, meanings: Iterable[Meaning]) -> str | None:
        axes = list(dict.fromkeys(m.axis for m in meanings if m.axis))
        if len(axes) > 1:
            what = f"one extra axis at a time: here are {axes[0]!r} and {axes[1]!r}"
            raise self.fail(node, what, "close one of them with total(...) first")
        return axes[0] if axes else None

    def _no_offset(self, node: Node, meaning: Meaning) -> None:
        if meaning.unit.is_offset:
            what = "a temperature in °C cannot enter a product or a sum"
            raise self.fail(node, what, 'say empirical = { T = "degC" }, or use K')

    def _operation(self, node: Bin) -> tuple[Node, Meaning]:
        left, a = self.visit(node.left)
        right, b = self.visit(node.right)
        built = replace(node, left=left, right=right)
        self._no_offset(node.left, a)
        self._no_offset(node.right, b)
        if node.op in "+-":
            verb = "add" if node.op == "+" else "subtract"
            return built, self._same(node, verb, [(left, a), (right, b)])
        axis = self._axis(node, (a, b))
        if node.op == "*":
            return built, Meaning(a.unit * b.unit, a.degree + b.degree, axis)
        if node.op == "/":
            return built, Meaning(a.unit / b.unit, a.degree - b.degree, axis)
        return built, self._power(node, a, b, axis)

    def _power(self, node: Bin, a: Meaning, b: Meaning, axis: str | None) -> Meaning:
        if not b.unit.is_number or b.degree:
            raise self.fail(node.right, f"an exponent is a pure number, this is [{b.unit}]")
        if a.unit.is_number and a.degree == 0:
            return Meaning(NUMBER, 0, axis)
        exponent = _constant(node.right)
        if exponent is None:
            what = f"[{a.unit}] can only be raised to a fixed number"
            raise self.fail(node, what, "divide by a unit first, or say empirical = { ... }")
        degree = a.degree * exponent
        if degree != int(degree):
            raise self.fail(node, "a total of an area cannot be raised to a broken power")
        return Meaning(a.unit**exponent, int(degree), axis)

    def _same(self, node: Node, verb: str, parts: list[tuple[Node, Meaning]]) -> Meaning:
        """Terms that are added or compared share one unit; a bare 0 fits any unit."""
        named = [(p, m) for p, m in parts if not (isinstance(p, Num) and p.value == 0)]
        axis = self._axis(node, (m for _, m in parts))
        if not named:
            return Meaning(NUMBER, 0, axis)
        first = named[0][1]
        sides = "the left side is [{}], the right side is [{}]"
        for _, other in named[1:]:
            if not first.unit.agrees(other.unit):
                raise self.fail(node, f"cannot {verb}: " + sides.format(first.unit, other.unit))
            if first.unit.factor != other.unit.factor:
                factor = float(other.unit.factor / first.unit.factor)
                what = f"cannot {verb}: " + sides.format(first.unit, other.unit)
                cure = f"use one unit for both (they differ by a factor of {factor:g})"
                raise self.fail(node, what, cure)
            if first.degree != other.degree:
                what = f"cannot {verb} a rate per area and the total of an area"
                raise self.fail(node, what, "write by_zone(...) around the rate")
        return Meaning(first.unit, first.degree, axis)

    def _call(self, node: Call) -> tuple[Node, Meaning]:
        if node.name in BUILTINS:
            return self._builtin(node)
        if node.name not in self.functions:
            cure = nearest(node.name, [*BUILTINS, *self.functions])
            raise self.fail(node, f"unknown function {node.name!r}", cure)
        signature = self.functions[node.name].signature  # type: ignore[attr-defined]
        if signature.shape == "grid":
            what = f"{node.name} needs the whole grid and cannot stand in a formula"
            cure = f'the project derives it: quantity = {{ derive = "{node.name}", ... }}'
            raise self.fail(node, what, cure)
        if not signature.units:
            return self._lookup(node)
        return self._registered(node, signature)

    def _registered(self, node: Call, signature: Any) -> tuple[Node, Meaning]:
        if node.args:
            raise self.fail(
                node, f"{node.name} takes its arguments by name", self._usage(signature)
            )
        keywords, meanings = [], []
        for key, value in node.keywords:
            if key not in signature.units:
                what = f"{node.name} has no argument {key!r}"
                raise self.fail(value, what, nearest(key, signature.units))
            inner, meaning = self.visit(value)
            wanted = unit(signature.units[key])
            if not meaning.unit.agrees(wanted):
                what = f"{node.name}({key}=...) wants [{wanted}], this is [{meaning.unit}]"
                raise self.fail(value, what)
            if meaning.degree:
                raise self.fail(value, f"{node.name} works on rates, not on the total of an area")
            factor = meaning.unit.factor_to(wanted)
            if factor != 1:
                inner = Bin("*", Num(float(factor)), inner)
            keywords.append((key, inner))
            meanings.append(meaning)
        missing = [
            name
            for name in signature.units
            if name not in dict(node.keywords) and name not in signature.optional
        ]
        if missing:
            what = f"{node.name} lacks {', '.join(missing)}"
            raise self.fail(node, what, self._usage(signature))
        axis = self._axis(node, meanings)
        if signature.shape == "axis":
            if axis is None:
                raise self.fail(node, f"{node.name} adds up an axis, and no argument has one")
            axis = None
        result = Meaning(unit(signature.returns), 0, axis)
        return replace(node, keywords=tuple(keywords)), result

    def _usage(self, signature: Any) -> str:
        return f"{signature.name}({', '.join(f'{k}=[{v}]' for k, v in signature.units.items())})"

    def _lookup(self, node: Call) -> tuple[Node, Meaning]:
        """piecewise(x, y0, b1, y1, ...): breaks like x, values like each other."""
        if len(node.args) < 2 or len(node.args) % 2 or node.keywords:  # noqa: PLR2004
            raise self.fail(node, f"{node.name}(x, y0, b1, y1, b2, y2, ...): a value, then pairs")
        visited = [self.visit(arg) for arg in node.args]
        self._same(node, "compare", [visited[0], *visited[2::2]])
        meaning = self._same(node, "choose between", visited[1::2])
        axis = self._axis(node, (m for _, m in visited))
        return replace(node, args=tuple(n for n, _ in visited)), replace(meaning, axis=axis)

    def _builtin(self, node: Call) -> tuple[Node, Meaning]:
        counts = {"clip": (3, 3), "min": (2, 9), "max": (2, 9)}
        low, high = counts.get(node.name, (1, 1))
        if node.keywords or not low <= len(node.args) <= high:
            wanted = str(low) if low == high else f"{low} to {high}"
            raise self.fail(node, f"{node.name}() takes {wanted} arguments, without names")
        visited = [self.visit(arg) for arg in node.args]
        built = replace(node, args=tuple(n for n, _ in visited))
        if node.name in ("min", "max", "clip"):
            return built, self._same(node, "compare", visited)
        argument = visited[0][1]
        self._no_offset(node.args[0], argument)
        if node.name in ("exp", "log"):
            if not argument.unit.is_number or argument.degree:
                what = f"{node.name} takes a pure number, this is [{argument.unit}]"
                raise self.fail(node.args[0], what, "divide by a unit, or say empirical = { ... }")
            return built, argument
        if node.name == "sqrt":
            if argument.degree:
                raise self.fail(node, "the total of an area has no square root")
            return built, replace(argument, unit=argument.unit**0.5)
        if node.name == "total":
            if argument.axis is None:
                raise self.fail(node, "total() adds over an axis, and this has none")
            return built, replace(argument, axis=None)
        if argument.degree == 0:
            result = argument.unit.times_area()
            factor = float((argument.unit * unit("m²")).factor_to(result))
            scaled = built.args[0] if factor == 1 else Bin("*", Num(factor), built.args[0])
            return replace(built, args=(scaled,)), replace(argument, unit=result, degree=1)
        return replace(built, name=SUM_TOTALS), argument


def _constant(node: Node) -> float | None:
    """Return the value of a formula made of numbers only, small enough to be a power."""
    if isinstance(node, Num):
        return node.value if abs(node.value) <= 9 else None  # noqa: PLR2004
    if isinstance(node, Neg):
        inner = _constant(node.operand)
        return None if inner is None else -inner
    if isinstance(node, Bin) and node.op == "/":
        over, under = _constant(node.left), _constant(node.right)
        return None if over is None or not under else over / under
    return None


# ------------------------------------------------------------------------------------- evaluate


def evaluate(
    node: Node,
    env: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]],
    *,
    by_zone: Callable[[Any, Call], Any] | None = None,
    labels: Callable[[Node], tuple[str, ...]] | None = None,
    memo: dict[Node, Any] | None = None,
) -> Any:
    """Evaluate a formula on numbers or arrays. An extra axis leads: ``(members, ...)``.

    Parameters
    ----------
    env
        Value of every symbol. Arrays must broadcast; with an extra axis they have one more
        dimension than without.
    by_zone
        Called with the value (a rate per m², or a total) and the node; returns the zone's total.
    labels
        Returns the member names of the axis of a node, for functions that want dates.
    memo
        Results by node: pass one to share common parts between formulas.
    """
    import numpy as np

    memo = {} if memo is None else memo

    def run(n: Node) -> Any:
        if n in memo:
            return memo[n]
        result = compute(n)
        memo[n] = result
        return result

    def compute(n: Node) -> Any:
        if isinstance(n, Num):
            return n.value
        if isinstance(n, Sym):
            return env[n.name]
        if isinstance(n, Neg):
            return -run(n.operand)
        if isinstance(n, Bin):
            left, right = run(n.left), run(n.right)
            if n.op == "+":
                return left + right
            if n.op == "-":
                return left - right
            if n.op == "*":
                return left * right
            return np.divide(left, right) if n.op == "/" else np.power(left, right)
        call = cast("Call", n)
        if call.name in ("by_zone", SUM_TOTALS):
            if by_zone is None:
                raise RuleError("by_zone() is not possible here")
            return by_zone(run(call.args[0]), call)
        args = [run(arg) for arg in call.args]
        if call.name in ("min", "max"):
            pick = np.minimum if call.name == "min" else np.maximum
            result = args[0]
            for other in args[1:]:
                result = pick(result, other)
            return result
        if call.name == "clip":
            return np.minimum(np.maximum(args[0], args[1]), args[2])
        if call.name == "total":
            return np.sum(args[0], axis=0)
        if call.name in ("exp", "log", "sqrt"):
            return getattr(np, call.name)(args[0])
        function = functions[call.name]
        keywords = {key: run(value) for key, value in call.keywords}
        if "dates" in function.signature.plain and labels is not None:  # type: ignore[attr-defined]
            keywords["dates"] = labels(call)
        return function(*args, **keywords)

    with np.errstate(all="ignore"):
        return run(node)
