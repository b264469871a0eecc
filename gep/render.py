"""Formulas as a reader sees them: MathML for pages, LaTeX for papers, plain text for terminals.

A formula is shown as it is written in the rule file. The factor that the engine inserts between the
derived unit and the declared one is not mixed into it: :func:`conversion` gives it separately.
"""

from __future__ import annotations

import html
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gep import formula as language
from gep.formula import Bin, Call, Meaning, Neg, Node, Num, Sym, parse
from gep.model import Service, Step
from gep.units import SUBSTANCES, Unit

#: Words that formulas show, when the caller gives no others. Any axis may be named here too.
WORDS: Mapping[str, str] = {"zone": "zone", "if": "if"}

_GREEK = dict(
    zip(
        (
            *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota"),
            *("kappa", "lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "tau"),
            *("upsilon", "phi", "chi", "psi", "omega"),
        ),
        "αβγδεζηθικλμνξοπρστυφχψω",
        strict=True,
    )
)
_GREEK |= {name.capitalize(): letter.upper() for name, letter in _GREEK.items()}
_GREEK_TEX = {letter: f"\\{name}" for name, letter in _GREEK.items()}
_GREEK_TEX |= {
    letter: f"\\mathrm{{{latin}}}"  # capitals that LaTeX leaves to the Latin alphabet
    for letter, latin in zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True)
}
_SMALL = 0.7  # how large a subscript or an exponent is
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUBSTANCE_WORD = re.compile(
    rf"\b(t|kg|g)({'|'.join(name for name in SUBSTANCES if name.islower())})(?![a-z])"
)
_SCIENTIFIC = re.compile(r"(?P<mantissa>[\d._]+)[eE](?P<exponent>[+-]?\d+)\Z")

# How tightly a piece holds together: what stands beside it adds brackets below this.
_CASES, _ADD, _MUL, _FRAC, _POW, _ATOM = range(6)


@dataclass(frozen=True)
class _Piece:
    """A rendered part of a formula; ``open`` says that its right end reaches as far as it can."""

    code: str
    tight: int
    open: bool = False


def split_symbol(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the letter(s) and the subscripts of a symbol; Greek names become letters.

    >>> split_symbol("Q_CO2")
    ('Q', ('CO₂',))
    >>> split_symbol("ET0")
    ('ET', ('0',))
    >>> split_symbol("alpha_max")
    ('α', ('max',))
    """
    base, *rest = name.split("_")
    digits = re.fullmatch(r"(.*?\D)(\d+)", base)
    if digits:
        base, rest = digits[1], [digits[2], *rest]
    parts = [_GREEK.get(part, part) for part in rest if part]
    return _GREEK.get(base, base), tuple(_chemical(part) for part in parts)


def _chemical(text: str) -> str:
    """Lower the digits that follow a letter: ``CO2`` → ``CO₂``."""
    return re.sub(r"(?<=[A-Za-z])\d+", lambda m: m[0].translate(_SUBSCRIPT), text)


def unit_text(unit: Unit) -> str:
    """Return a unit for readers: digits of substances lowered, ``tsoil`` as ``t soil``.

    >>> from gep.units import unit
    >>> unit_text(unit("tCO2/(ha·yr)"))
    'tCO₂/(ha·yr)'
    """
    text = _SUBSTANCE_WORD.sub("\\1\N{NO-BREAK SPACE}\\2", str(unit))
    text = re.sub(r"(?<=[A-Za-z])\d", lambda m: m[0].translate(_SUBSCRIPT), text)
    return text.replace("NOx", "NOₓ").replace("NH₃N", "NH₃-N")


def number_text(value: float | Fraction, digits: int = 12) -> str:
    """Return a number for readers, without zeros at the end and with powers of ten written out.

    >>> number_text(6302.5), number_text(Fraction(1, 1000)), number_text(1.2e15)
    ('6302.5', '0.001', '1.2×10¹⁵')
    """
    text = f"{float(value):.{digits}g}".replace("-", "−")
    mantissa, mark, exponent = text.partition("e")
    if not mark:
        return text
    power = "10" + str(int(exponent.replace("−", "-"))).translate(_SUPERSCRIPT)
    return power if mantissa == "1" else f"{mantissa}×{power}"


# ------------------------------------------------------------------------------ units and axes


@dataclass(frozen=True)
class Conversion:
    """The unit that a formula gives, the unit that its step declares, the factor between them."""

    derived: Unit
    declared: Unit
    factor: Fraction


def environment(service: Service) -> dict[str, Meaning]:
    """Return what every symbol of a service stands for."""
    env = {symbol: entry.meaning for symbol, entry in service.inputs.items()}
    for symbol, coefficient in service.coefficients.items():
        env[symbol] = Meaning(coefficient.unit, 0, coefficient.axis)
    return env | {symbol: step.meaning for symbol, step in service.steps.items()}


def conversion(step: Step) -> Conversion | None:
    """Return the factor that the engine inserted into a step, or None where it is 1."""
    factor = step.checked.factor
    if factor == 1:
        return None
    return Conversion(step.checked.derived, step.unit, factor)


def axis_of(node: Node, env: Mapping[str, Meaning]) -> str | None:
    """Return the extra axis of a formula, given those of its symbols."""
    if isinstance(node, Sym):
        return env[node.name].axis if node.name in env else None
    if isinstance(node, Call) and node.name == "total":
        return None
    return next((axis for child in node.children if (axis := axis_of(child, env))), None)


def _degree(node: Node, env: Mapping[str, Meaning]) -> int:
    """Return 1 for the total of an area and 0 for a rate, as the unit check derives it."""
    if isinstance(node, Sym):
        return env[node.name].degree if node.name in env else 0
    if isinstance(node, Bin) and node.op in "*/":
        sign = 1 if node.op == "*" else -1
        return _degree(node.left, env) + sign * _degree(node.right, env)
    if isinstance(node, Bin) and node.op == "**":
        power = node.right.value if isinstance(node.right, Num) else 0
        return int(_degree(node.left, env) * power)
    if isinstance(node, Call) and node.name == "by_zone":
        return 1
    if isinstance(node, Call) and node.name not in language.BUILTINS:
        return 0
    return max((_degree(child, env) for child in node.children), default=0)


def _size(node: Node) -> float:
    """Return about how many letters wide a formula is when it is set."""
    if isinstance(node, Num):
        return len(number_text(node.value))
    if isinstance(node, Sym):
        base, subscripts = split_symbol(node.name)
        return len(base) + _SMALL * sum(map(len, subscripts))
    sizes = [_size(child) for child in node.children]
    if isinstance(node, Bin) and node.op in ("/", "**"):
        return max(sizes) if node.op == "/" else sizes[0] + _SMALL * sizes[1]
    if isinstance(node, Call) and node.name == "exp":
        return 1 + _SMALL * sizes[0]
    if isinstance(node, Call) and node.name == "piecewise":
        return max(sizes[1::2]) + 2 * max(sizes[2::2], default=0) + sizes[0]
    name = len(node.name) if isinstance(node, Call) else 0
    return name + sum(sizes) + 2 * len(sizes)


def _chain(node: Node) -> list[tuple[str, Node]]:
    """Return the terms of a sum or the factors of a product, each with the sign before it."""
    if not isinstance(node, Bin) or node.op not in "+-*":
        return [("", node)]
    group = "*" if node.op == "*" else "+-"
    parts: list[tuple[str, Node]] = []
    at: Node = node
    while isinstance(at, Bin) and at.op in group:
        parts.insert(0, (at.op, at.right))
        at = at.left
    return [("", at), *parts]


# ------------------------------------------------------------------------------------- writers


class _Writer(ABC):
    """Walks a formula once; subclasses say how each part looks."""

    flat = False  # whether fractions are written on one line

    def __init__(
        self, source: str, env: Mapping[str, Meaning], words: Mapping[str, str] | None
    ) -> None:
        self.source, self.env, self.words = source, env, {**WORDS, **(words or {})}

    # -- what a subclass gives

    @abstractmethod
    def symbol(self, name: str) -> str: ...

    @abstractmethod
    def digits(self, text: str) -> str: ...

    @abstractmethod
    def sign(self, sign: str) -> str: ...

    @abstractmethod
    def row(self, *parts: str) -> str: ...

    @abstractmethod
    def brackets(self, code: str) -> str: ...

    @abstractmethod
    def fraction(self, over: str, under: str) -> str: ...

    @abstractmethod
    def power(self, base: str, exponent: str) -> str: ...

    @abstractmethod
    def root(self, code: str) -> str: ...

    @abstractmethod
    def exponential(self, code: str) -> _Piece: ...

    @abstractmethod
    def apply(self, name: str, args: Sequence[str]) -> str: ...

    @abstractmethod
    def total(self, over: str, body: str) -> str: ...

    @abstractmethod
    def cases(self, rows: Sequence[tuple[str, str]]) -> str: ...

    # -- the walk

    def equation(self, symbol: str | None, node: Node) -> str:
        code = self.visit(node).code
        return code if symbol is None else self.row(self.symbol(symbol), self.sign("="), code)

    def held(self, piece: _Piece, least: int, *, closed: bool = False) -> str:
        """Return the code, in brackets where it holds together less than ``least``."""
        if piece.tight < least or (closed and piece.open):
            return self.brackets(piece.code)
        return piece.code

    def visit(self, node: Node) -> _Piece:
        if isinstance(node, Num):
            return self.number(node)
        if isinstance(node, Sym):
            return _Piece(self.symbol(node.name), _ATOM)
        if isinstance(node, Neg):
            inner = self.visit(node.operand)
            return _Piece(self.row(self.sign("−"), self.held(inner, _MUL)), _ADD, inner.open)
        if isinstance(node, Bin):
            return self.operation(node)
        assert isinstance(node, Call)  # noqa: S101  the fifth and last node type
        return self.call(node)

    def number(self, node: Num) -> _Piece:
        written = self.source[slice(*node.span)].replace("_", "")
        try:
            fits = float(written) == node.value
        except ValueError:
            fits = False
        text = written if fits else f"{abs(node.value):.12g}"
        found = _SCIENTIFIC.match(text)
        if found:
            power = self.power(self.digits("10"), self.exponent(int(found["exponent"])))
            if found["mantissa"] in ("1", "1.0"):
                piece = _Piece(power, _POW)
            else:
                parts = (self.digits(found["mantissa"]), self.sign("×"), power)
                piece = _Piece(self.row(*parts), _MUL)
        else:
            piece = _Piece(self.digits(text), _ATOM)
        if not fits and node.value < 0:
            return _Piece(self.row(self.sign("−"), piece.code), _ADD)
        return piece

    def exponent(self, value: int) -> str:
        digits = self.digits(str(abs(value)))
        return self.row(self.sign("−"), digits) if value < 0 else digits

    def operation(self, node: Bin) -> _Piece:
        left, right = self.visit(node.left), self.visit(node.right)
        if node.op in "+-":
            mark = self.sign("−" if node.op == "-" else "+")
            code = self.row(self.held(left, _ADD), mark, self.held(right, _MUL))
            return _Piece(code, _ADD, right.open)
        if node.op in "*/" and (self.flat or node.op == "*"):
            leading = isinstance(node.left, Neg)  # −a × b needs no brackets at its beginning
            first = left.code if leading else self.held(left, _MUL, closed=True)
            second = self.held(right, _FRAC, closed=node.op == "/")
            if node.op == "*" and right.open and right.tight == _MUL:
                second = right.code
            if node.op == "/":
                code = self.fraction(first, second)
            else:
                code = self.row(first, self.sign("×"), second)
            return _Piece(code, _ADD if leading else _MUL, node.op == "*" and right.open)
        if node.op == "/":
            return _Piece(self.fraction(left.code, right.code), _FRAC)
        if self.flat and not isinstance(node.right, Num):
            return _Piece(self.power(self.held(left, _ATOM), self.held(right, _ATOM)), _POW)
        return _Piece(self.power(self.held(left, _ATOM), right.code), _POW)

    def call(self, node: Call) -> _Piece:
        args = [self.visit(arg) for arg in node.args]
        codes = [arg.code for arg in args]
        if node.name == "sqrt":
            return _Piece(self.root(codes[0]), _ATOM)
        if node.name == "exp":
            return self.exponential(codes[0])
        if node.name == "log":
            return _Piece(self.apply("ln", codes), _ATOM)
        if node.name == "clip":
            inner = self.apply("max", codes[:2])
            return _Piece(self.apply("min", [inner, codes[2]]), _ATOM)
        if node.name == "total":
            axis = axis_of(node.args[0], self.env) or ""
            code = self.total(self.words.get(axis, axis), self.held(args[0], _MUL))
            return _Piece(code, _MUL, open=True)
        if node.name == "by_zone":
            body = self.held(args[0], _MUL, closed=True)
            if _degree(node.args[0], self.env) == 0:
                area = "A" if "A" not in self.env else "A_cell"
                body = self.row(body, self.sign("×"), self.symbol(area))
            return _Piece(self.total(self.words["zone"], body), _MUL, open=True)
        if node.name == "piecewise" and len(args) % 2 == 0 and len(args) > 2:  # noqa: PLR2004
            return _Piece(self.cases(self._intervals(codes)), _CASES)
        keywords = [self._named(key, value) for key, value in node.keywords]
        return _Piece(self.apply(node.name, [*codes, *keywords]), _ATOM)

    def _named(self, key: str, value: Node) -> str:
        name, code = self.symbol(key), self.visit(value).code
        return code if name == code else self.row(name, self.sign("="), code)

    def _intervals(self, codes: list[str]) -> list[tuple[str, str]]:
        x, values, breaks = codes[0], codes[1::2], codes[2::2]
        rows = [(values[0], self.row(x, self.sign("<"), breaks[0]))]
        for at, value in enumerate(values[1:-1]):
            parts = (breaks[at], self.sign("≤"), x, self.sign("<"), breaks[at + 1])
            rows.append((value, self.row(*parts)))
        rows.append((values[-1], self.row(x, self.sign("≥"), breaks[-1])))
        return rows


class _MathML(_Writer):
    def broken(self, symbol: str | None, node: Node, width: float) -> str:
        """Return the formula on as many lines as its terms or factors need."""
        chain = _chain(node)
        if _size(node) <= width or len(chain) == 1:
            return self.equation(symbol, node)
        product = chain[1][0] == "*"
        lines: list[str] = [] if symbol is None else [self.symbol(symbol) + self.sign("=")]
        used = 0.0
        for sign, part in chain:
            piece = self.visit(part)
            if sign and used + _size(part) > width:
                lines.append('<mspace width="2em"></mspace>')
                used = 0.0
            least = (_FRAC if sign else _MUL) if product else (_MUL if sign else _ADD)
            code = self.held(piece, least, closed=product)
            mark = self.sign({"*": "×", "-": "−", "+": "+"}[sign]) if sign else ""
            if not lines:
                lines.append("")
            lines[-1] += mark + code
            used += _size(part) + 2
        rows = "".join(f"<mtr><mtd><mrow>{line}</mrow></mtd></mtr>" for line in lines)
        return f'<mtable class="gep-lines" columnalign="left" displaystyle="true">{rows}</mtable>'

    def symbol(self, name: str) -> str:
        base, subscripts = split_symbol(name)
        letter = self._letter(base)
        if not subscripts:
            return letter
        lowered = "<mo>,</mo>".join(self._lowered(part) for part in subscripts)
        if len(subscripts) > 1:
            lowered = f"<mrow>{lowered}</mrow>"
        return f"<msub>{letter}{lowered}</msub>"

    def _letter(self, base: str) -> str:
        upright = len(base) == 1 and base not in _GREEK_TEX and not base.isascii()
        variant = ' mathvariant="normal"' if upright else ""
        return f"<mi{variant}>{html.escape(base)}</mi>"

    def _lowered(self, part: str) -> str:
        if part.isdecimal():
            return f"<mn>{part}</mn>"
        tag = "mi" if len(part) == 1 else "mtext"
        return f"<{tag}>{html.escape(part)}</{tag}>"

    def digits(self, text: str) -> str:
        return f"<mn>{text}</mn>"

    def sign(self, sign: str) -> str:
        return f"<mo>{html.escape(sign)}</mo>"

    def row(self, *parts: str) -> str:
        return f"<mrow>{''.join(parts)}</mrow>"

    def brackets(self, code: str) -> str:
        return f"<mrow><mo>(</mo>{code}<mo>)</mo></mrow>"

    def fraction(self, over: str, under: str) -> str:
        return f"<mfrac>{over}{under}</mfrac>"

    def power(self, base: str, exponent: str) -> str:
        return f"<msup>{base}{exponent}</msup>"

    def root(self, code: str) -> str:
        return f"<msqrt>{code}</msqrt>"

    def exponential(self, code: str) -> _Piece:
        return _Piece(f'<msup><mi mathvariant="normal">e</mi>{code}</msup>', _POW)

    def apply(self, name: str, args: Sequence[str]) -> str:
        inside = "<mo>,</mo>".join(args)
        bracketed = f"<mrow><mo>(</mo>{inside}<mo>)</mo></mrow>"
        tag = "mi" if len(name) > 1 else "mtext"
        return f"<mrow><{tag}>{html.escape(name)}</{tag}><mo>&#x2061;</mo>{bracketed}</mrow>"

    def total(self, over: str, body: str) -> str:
        below = f"<mtext>{html.escape(over)}</mtext>"
        return f'<mrow><munder><mo movablelimits="false">∑</mo>{below}</munder>{body}</mrow>'

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        lines = "".join(
            f"<mtr><mtd>{value}<mo>,</mo></mtd><mtd>{condition}</mtd></mtr>"
            for value, condition in rows
        )
        table = f'<mtable columnalign="left left">{lines}</mtable>'
        return f'<mrow><mo fence="true" stretchy="true">{{</mo>{table}</mrow>'


class _Latex(_Writer):
    _signs: Mapping[str, str] = {
        "−": "-",
        "+": " + ",
        "×": r" \times ",
        "=": " = ",
        "<": " < ",
        "≤": r" \le ",
        "≥": r" \ge ",
    }

    def symbol(self, name: str) -> str:
        base, subscripts = split_symbol(name)
        letter = self._letter(base)
        if not subscripts:
            return letter
        lowered = ",".join(p if p.isdecimal() else self._letter(p) for p in subscripts)
        return f"{letter}_{{{lowered}}}"

    def _letter(self, text: str) -> str:
        if text in _GREEK_TEX:
            return _GREEK_TEX[text]
        if len(text) == 1 and text.isascii():
            return text
        if not text.translate(_FROM_SUBSCRIPT).isascii():
            return f"\\text{{{text}}}"
        plain = re.sub("[₀-₉]+", lambda m: f"_{{{m[0].translate(_FROM_SUBSCRIPT)}}}", text)
        return f"\\mathrm{{{plain}}}"

    def digits(self, text: str) -> str:
        return text

    def sign(self, sign: str) -> str:
        return self._signs[sign]

    def row(self, *parts: str) -> str:
        joined = "".join(parts)
        # a minus between two terms has room around it, a leading one has none
        if len(parts) == 3 and parts[1] == "-":  # noqa: PLR2004
            return f"{parts[0]} - {parts[2]}"
        return joined

    def brackets(self, code: str) -> str:
        return f"\\left({code}\\right)"

    def fraction(self, over: str, under: str) -> str:
        return f"\\frac{{{over}}}{{{under}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{{{base}}}^{{{exponent}}}"

    def root(self, code: str) -> str:
        return f"\\sqrt{{{code}}}"

    def exponential(self, code: str) -> _Piece:
        return _Piece(f"\\mathrm{{e}}^{{{code}}}", _POW)

    def apply(self, name: str, args: Sequence[str]) -> str:
        known = name in ("min", "max", "ln")
        shown = f"\\{name}" if known else f"\\operatorname{{{name.replace('_', chr(92) + '_')}}}"
        return f"{shown}\\left({', '.join(args)}\\right)"

    def total(self, over: str, body: str) -> str:
        return f"\\sum_{{\\text{{{_tex_text(over)}}}}} {body}"

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        lines = r" \\ ".join(f"{value}, & {condition}" for value, condition in rows)
        return f"\\begin{{cases}} {lines} \\end{{cases}}"


_FROM_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def _tex_text(text: str) -> str:
    return re.sub(r"([#$%&_{}])", r"\\\1", re.sub(r"[\\^~]", " ", text))


class _Text(_Writer):
    flat = True

    def symbol(self, name: str) -> str:
        return name

    def digits(self, text: str) -> str:
        return text

    def sign(self, sign: str) -> str:
        return sign

    def row(self, *parts: str) -> str:
        return ("" if parts[0] == "−" else " ").join(parts)

    def brackets(self, code: str) -> str:
        return f"({code})"

    def fraction(self, over: str, under: str) -> str:
        return f"{over} / {under}"

    def power(self, base: str, exponent: str) -> str:
        if re.fullmatch(r"−?\d+", exponent):
            return base + exponent.replace("−", "-").translate(_SUPERSCRIPT)
        return f"{base}^{exponent}"

    def root(self, code: str) -> str:
        return f"√({code})"

    def exponential(self, code: str) -> _Piece:
        return _Piece(f"exp({code})", _ATOM)

    def apply(self, name: str, args: Sequence[str]) -> str:
        return f"{name}({', '.join(args)})"

    def total(self, over: str, body: str) -> str:
        return f"Σ[{over}] {body}"

    def cases(self, rows: Sequence[tuple[str, str]]) -> str:
        inside = "; ".join(f"{value} {self.words['if']} {condition}" for value, condition in rows)
        return f"{{{inside}}}"


def _read(formula: str | Node) -> tuple[str, Node]:
    if isinstance(formula, str):
        return formula.strip(), parse(formula)
    return "", formula


def mathml(
    formula: str | Node,
    *,
    symbol: str | None = None,
    env: Mapping[str, Meaning] | None = None,
    words: Mapping[str, str] | None = None,
    display: bool = True,
    width: float = math.inf,
) -> str:
    """Return a formula as presentation MathML, which browsers render without a script.

    Parameters
    ----------
    formula
        A text of the formula language (numbers are shown as they are written), or its tree.
    symbol
        What the formula defines: shown before an equals sign.
    env
        The meanings of the symbols: says the axis of ``total()``, and whether ``by_zone()``
        multiplies by the area.
    words
        Names for axes, and for ``zone`` and ``if``, in the reader's language.
    display
        Whether the formula stands on a line of its own.
    width
        About how many letters a line holds: a longer sum or product is broken at its top level.

    Examples
    --------
    >>> mathml("a / b", display=False)
    '<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>'
    """
    source, node = _read(formula)
    code = _MathML(source, env or {}, words).broken(symbol, node, width)
    mode = ' display="block"' if display else ""
    return f"<math{mode}>{code}</math>"


def symbol_mathml(name: str) -> str:
    """Return a symbol as inline MathML.

    >>> symbol_mathml("ET")
    '<math><mi>ET</mi></math>'
    """
    return f"<math>{_MathML('', {}, None).symbol(name)}</math>"


def latex(
    formula: str | Node,
    *,
    symbol: str | None = None,
    env: Mapping[str, Meaning] | None = None,
    words: Mapping[str, str] | None = None,
) -> str:
    r"""Return a formula as LaTeX (amsmath). Parameters are those of :func:`mathml`.

    >>> latex("P - P * alpha - ET", symbol="Q")
    'Q = P - P \\times \\alpha - \\mathrm{ET}'
    """
    source, node = _read(formula)
    return _Latex(source, env or {}, words).equation(symbol, node)


def text(
    formula: str | Node,
    *,
    symbol: str | None = None,
    env: Mapping[str, Meaning] | None = None,
    words: Mapping[str, str] | None = None,
) -> str:
    """Return a formula as one line of plain text. Parameters are those of :func:`mathml`.

    Symbols keep the names of the rule file, so that they can be found there.

    >>> text("a * b ** 2 - 1e-3", symbol="Q")
    'Q = a × b² − 10⁻³'
    """
    source, node = _read(formula)
    return _Text(source, env or {}, words).equation(symbol, node)
