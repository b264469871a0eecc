"""Units: a strict list, exact factors, and substances that cannot be mixed.

Only the units defined here exist. Conversion factors are exact fractions. A year is a period of
account (its own dimension), substances (tC, tCO2 ...) and currencies are dimensions of their own.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from gep.errors import UnitError, UsageError, nearest

if TYPE_CHECKING:
    import pint

#: Substances whose masses are dimensions of their own, each with t, kg and g.
SUBSTANCES = (
    *("C", "CO2", "O2", "SO2", "NOx", "dust", "N", "P", "K", "NH3N", "TN", "TP", "COD"),
    *("soil", "sand", "silt", "DM", "OM"),
)
#: Currencies, each a dimension: no exchange rate is known here.
CURRENCIES = ("CNY", "USD", "EUR")

_DEFINITIONS = """
m = [length]
mm = m / 1000
cm = m / 100
dm = m / 10
km = 1000 * m
hm = 100 * m
ha = 10000 * m ** 2
亩 = 2000 / 3 * m ** 2
公顷 = 10000 * m ** 2
L = m ** 3 / 1000
s = [time]
min = 60 * s
h = 3600 * s
d = 86400 * s
yr = [period] = a = 年
g = [mass]
mg = g / 1000
kg = 1000 * g
t = 1000000 * g = 吨
kt = 1000000000 * g
Mt = 1000000000000 * g
J = kg * m ** 2 / s ** 2
kJ = 1000 * J
MJ = 1000000 * J
GJ = 1000000000 * J
W = J / s
kW = 1000 * W
MW = 1000000 * W
kWh = 3600000 * J
MWh = 3600000000 * J
Pa = kg / (m * s ** 2)
hPa = 100 * Pa
kPa = 1000 * Pa
K = [temperature]
degC = K; offset: 273.15
deg = [angle]
dB = [sound_level]
ion = [ion]
人 = [person] = person
人次 = [visit] = visit
户 = [household]
间夜 = [room_night] = room_night
equivalent = [pollution_equivalent] = 污染当量
percent = 1 / 100
permille = 1 / 1000
ppm = 1 / 1000000
万 = 10000
亿 = 100000000
元 = CNY
"""
_SPELLINGS = {"%": "percent", "‰": "permille", "°C": "degC", "℃": "degC", "°": "deg"}
_SHOWN = {"percent": "%", "permille": "‰", "degC": "°C", "deg": "°"}
_REFUSED = {
    "mu": "write 亩 (2000/3 m²); 'mu' is read elsewhere as an atomic mass unit",
    "ton": "write t (1000 kg); 'ton' is read elsewhere as the US short ton",
    "tons": "write t (1000 kg)",
    "C": "write tC, kgC or gC for carbon, degC for temperature",
    "CO2": "write tCO2, kgCO2 or gCO2",
    "year": "write yr",
    "years": "write yr",
    "month": "write mm/yr for 'this much each year, in that month'; a month has no fixed length",
    "day": "write d",
    "days": "write d",
    "hour": "write h",
    "hr": "write h",
    "RMB": "write CNY, 元, 万元 or 亿元, with a price_year",
    "yuan": "write CNY, 元, 万元 or 亿元, with a price_year",
    "F": "write degC",
    "l": "write L",
}
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_TOKEN = re.compile(
    r"\s*(?P<name>[^\W\d_⁰¹²³⁴-⁹](?:(?![⁰¹²³⁴-⁹])\w)*|[%‰]|°C?|℃)"
    r"|\s*(?P<one>1(?![\d.]))"
    r"|\s*(?P<power>(?:\*\*|\^)\s*-?\d|[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|(?<=[A-Za-z])-\d)"
    r"|\s*(?P<op>[·*/().])"
)
#: Bounds of units: what lies outside is an accident or an attack.
MAX_UNIT_LENGTH = 80
MAX_POWER = 20
MAX_FACTOR = Fraction(10**150)

Powers = Mapping[str, int | Fraction]


@functools.cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(
        None, non_int_type=Fraction, autoconvert_offset_to_baseunit=False
    )
    lines = [f"{currency} = [{currency}]" for currency in CURRENCIES]
    lines += _DEFINITIONS.strip().splitlines()
    for substance in SUBSTANCES:
        lines += [
            f"g{substance} = [{substance}]",
            f"kg{substance} = 1000 * g{substance}",
            f"t{substance} = 1000000 * g{substance}",
        ]
    for line in lines:
        registry.define(line)
    return registry


@functools.cache
def known_units() -> frozenset[str]:
    """Return the names of all units that may be written."""
    names = map(str, _registry()._units)  # noqa: SLF001
    return frozenset(name for name in names if not name.startswith(("[", "delta_", "Δ")))


@functools.cache
def _root(name: str) -> tuple[Fraction, tuple[tuple[str, Fraction], ...]]:
    """Return the exact factor to base units and the dimensions of one named unit."""
    registry = _registry()
    container = registry.UnitsContainer({name: Fraction(1)})
    if name == "degC":
        container = registry.UnitsContainer({"K": Fraction(1)})
    factor, base = registry.get_root_units(container)
    dims = registry.get_dimensionality(base)
    powers = tuple(sorted((str(k).strip("[]"), Fraction(str(v))) for k, v in dims.items() if v))
    return Fraction(str(factor)), powers


@dataclass(frozen=True)
class Unit:
    """A product of powers of named units, with exact arithmetic.

    >>> mm = unit("mm/yr")
    >>> mm.factor_to(unit("m³/(ha·yr)"))
    Fraction(10, 1)
    >>> str(unit("t") * unit("CNY/t"))
    'CNY'
    """

    powers: tuple[tuple[str, Fraction], ...]
    factor: Fraction = field(init=False, compare=False, repr=False)
    dims: tuple[tuple[str, Fraction], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        factor, dims = Fraction(1), {}  # type: Fraction, dict[str, Fraction]
        for name, power in self.powers:
            if abs(power) > MAX_POWER:
                raise UnitError(f"a power of {name} is larger than {MAX_POWER}")
            base, base_dims = _root(name)
            if power.denominator == 1:
                factor *= base**power.numerator
            else:
                factor *= Fraction(float(base) ** float(power))
            for dim, dim_power in base_dims:
                dims[dim] = dims.get(dim, Fraction(0)) + dim_power * power
        if not 1 / MAX_FACTOR < factor < MAX_FACTOR:
            raise UnitError("the unit is larger or smaller than anything")
        object.__setattr__(self, "factor", factor)
        object.__setattr__(self, "dims", tuple(sorted((k, v) for k, v in dims.items() if v)))

    def __mul__(self, other: Unit) -> Unit:
        """Return the product; a unit and its inverse cancel."""
        merged = dict(self.powers)
        for name, power in other.powers:
            merged[name] = merged.get(name, Fraction(0)) + power
        return Unit(tuple((k, v) for k, v in merged.items() if v))

    def __truediv__(self, other: Unit) -> Unit:
        """Return the quotient."""
        return self * other**-1

    def __pow__(self, exponent: float | Fraction) -> Unit:
        """Return the power; an exponent such as 0.5 stays exact."""
        power = Fraction(exponent).limit_denominator(10**6)
        return Unit(tuple((k, v * power) for k, v in self.powers if power))

    def agrees(self, other: Unit) -> bool:
        """Say whether both have the same dimensions."""
        return self.dims == other.dims

    def factor_to(self, other: Unit) -> Fraction:
        """Return the exact factor from this unit to ``other``; raise UnitError if there is none."""
        if not self.agrees(other):
            what = f"[{self}] cannot be converted to [{other}]"
            raise UnitError(what, found=f"{self.dimension} and {other.dimension}")
        if self.is_offset != other.is_offset:
            msg = f"[{self}] to [{other}] is not a factor (the zero points differ)"
            raise UnitError(msg, cure="use units.convert for temperatures")
        return self.factor / other.factor

    @property
    def is_offset(self) -> bool:
        """Whether this is a temperature scale with its own zero (°C alone)."""
        return self.powers == (("degC", Fraction(1)),)

    @property
    def is_number(self) -> bool:
        """Whether this is exactly the pure number 1 (not %, not mm/m)."""
        return not self.dims and self.factor == 1

    @property
    def is_dimensionless(self) -> bool:
        """Whether no dimension remains (1, % and mm/m are all dimensionless)."""
        return not self.dims

    @property
    def currency(self) -> str | None:
        """The currency in this unit, if there is one."""
        return next((dim for dim, _ in self.dims if dim in CURRENCIES), None)

    @property
    def dimension(self) -> str:
        """The dimensions as text, such as ``length/period``."""
        return _show(self.dims) or "a pure number"

    def over_area(self) -> Unit | None:
        """Return this unit times the area unit in its denominator (t/(km²·yr) → t/yr), or None."""
        for name, power in self.powers:
            dims = _root(name)[1]
            if dims == (("length", Fraction(2)),) and power == -1:
                return self * Unit(((name, Fraction(1)),))
            if dims == (("length", Fraction(1)),) and power == -2:  # noqa: PLR2004
                return self * Unit(((name, Fraction(2)),))
        return None

    def times_area(self) -> Unit:
        """Return the unit of a rate in this unit summed over an area."""
        return self.over_area() or self * Unit((("m", Fraction(2)),))

    def __str__(self) -> str:
        """Return the unit as it is printed: ``m³/(ha·yr)``."""
        return _show(tuple((_SHOWN.get(k, k), v) for k, v in self.powers)) or "1"


def _show(powers: tuple[tuple[str, Fraction], ...]) -> str:
    def term(name: str, power: Fraction) -> str:
        if power == 1:
            return name
        if power.denominator == 1 and name[-1] not in "²³":
            return name + str(power).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
        return f"({name})^{power}" if name[-1] in "²³" else f"{name}^({power})"

    over = [term(name, power) for name, power in powers if power > 0]
    under = [term(name, -power) for name, power in powers if power < 0]
    text = "·".join(over).replace("万·", "万").replace("亿·", "亿")
    if not under:
        return text
    bottom = "·".join(under)
    return f"{text or '1'}/{f'({bottom})' if len(under) > 1 else bottom}"


#: The unit of pure numbers.
NUMBER = Unit(())


def unit(text: str) -> Unit:
    """Read a unit such as ``m³/(ha·yr)``, ``万元/km²``, ``t km-2 yr-1`` or ``1``.

    Raises
    ------
    UnitError
        If the text is not a unit, or a unit is not in the strict list (with a hint).
    """
    if not isinstance(text, str) or not text.strip():
        raise UnitError(f"{text!r} is not a unit", cure="write '1' for a pure number")
    if len(text) > MAX_UNIT_LENGTH:
        raise UnitError("a unit is at most 80 characters long", found=text[:40] + "...")
    return _read(text)


@functools.cache
def _read(text: str) -> Unit:
    return _Reader(text).read()


class _Reader:
    """A reader of unit texts by recursive descent; nesting is bounded by the text's length."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if not match or match.end() == at:
                raise UnitError(f"{text!r} is not a unit", found=f"{text[at:]!r} is not understood")
            kind = str(match.lastgroup)
            self.tokens.append((kind, match.group(kind)))
            at = match.end()
        self.at = 0

    def read(self) -> Unit:
        result = self._product()
        if self.at < len(self.tokens):
            raise UnitError(f"{self.text!r} is not a unit", found="an unmatched parenthesis")
        return result

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def _product(self) -> Unit:
        result = self._factor()
        while True:
            kind, value = self._peek()
            if kind == "op" and value in "·*.":
                self.at += 1
                result = result * self._factor()
            elif kind == "op" and value == "/":
                self.at += 1
                result = result / self._factor()
            elif kind in ("name", "one"):
                result = result * self._factor()
            else:
                return result

    def _factor(self) -> Unit:
        kind, value = self._peek()
        self.at += 1
        prefix = NUMBER
        if kind == "name":
            prefix, base = _named(value, self.text)
        elif kind == "one":
            base = NUMBER
        elif (kind, value) == ("op", "("):
            base = self._product()
            if self._peek() != ("op", ")"):
                raise UnitError(f"{self.text!r} is not a unit", found="a parenthesis is not closed")
            self.at += 1
        else:
            raise UnitError(f"{self.text!r} is not a unit", found=f"{value or 'its end'!r}")
        kind, value = self._peek()
        if kind == "power":
            self.at += 1
            base = base ** int(value.translate(_SUPERSCRIPT).lstrip("*^ "))
        return prefix * base


def _named(name: str, text: str) -> tuple[Unit, Unit]:
    """Return the counting prefix (万, 亿) and the unit: in 亿m³ the power is the metre's alone."""
    name = _SPELLINGS.get(name, name)
    known = known_units()
    if name in known:
        return NUMBER, Unit(((name, Fraction(1)),))
    if name in _REFUSED:
        raise UnitError(f"unit {name!r} is refused", found=repr(text), cure=_REFUSED[name])
    if name[0] in "万亿" and len(name) > 1:
        prefix, base = _named(name[1:], text)
        return Unit(((name[0], Fraction(1)),)) * prefix, base
    stem = re.fullmatch(r"(.*?\D)(\d)", name)
    if stem and stem[1] in known:
        return NUMBER, Unit(((stem[1], Fraction(int(stem[2]))),))
    raise UnitError(f"unknown unit {name!r}", found=repr(text), cure=nearest(name, known))


def linear(source: Unit, target: Unit) -> tuple[float, float]:
    """Return (a, b) so that ``a * x + b`` takes a number from ``source`` to ``target``."""
    if source.is_offset == target.is_offset:
        return float(source.factor_to(target)), 0.0
    if not source.agrees(target):
        source.factor_to(target)  # raises with both dimensions
    zero = Fraction(27315, 100)
    scale = source.factor / target.factor
    return float(scale), float(zero if source.is_offset else -zero)


T = TypeVar("T")


def convert(values: T, source: Unit, target: Unit) -> T:
    """Return numbers (a number or an array) taken from ``source`` to ``target``."""
    scale, shift = linear(source, target)
    if scale == 1.0 and shift == 0.0:
        return values
    scaled: Any = values * scale  # type: ignore[operator]
    return cast("T", scaled + shift if shift else scaled)


# --------------------------------------------------------------------------- declared functions


@dataclass(frozen=True)
class Signature:
    """The declared units of a function that formulas and projects may call."""

    name: str
    units: Mapping[str, str]
    returns: str
    shape: Literal["cell", "axis", "grid"]
    optional: frozenset[str]
    plain: frozenset[str]
    summary: str


F = TypeVar("F", bound=Callable[..., Any])


def declare(
    *,
    returns: str,
    shape: Literal["cell", "axis", "grid"] = "cell",
    plain: tuple[str, ...] = (),
    **units: str,
) -> Callable[[F], F]:
    """Declare the units of a function's keyword arguments and of its result.

    Plain numbers and arrays are taken to be in the declared units. An xarray DataArray with a
    ``units`` attribute is converted, and the result is then a DataArray with its unit set.

    Parameters
    ----------
    returns
        Unit of the result.
    shape
        ``cell``: elementwise. ``axis``: reduces the leading axis. ``grid``: needs the whole grid
        and gets ``dx`` and ``dy``, the true cell sizes in metres.
    plain
        Arguments that are not physical quantities.
    **units
        Unit of every physical argument.
    """

    def decorate(function: F) -> F:
        parameters = inspect.signature(function).parameters
        declared = dict(units)
        if shape == "grid":
            declared |= {name: "m" for name in ("dx", "dy") if name in parameters}
        names = {
            name for name, p in parameters.items() if p.kind is not inspect.Parameter.VAR_POSITIONAL
        }
        if names != set(declared) | set(plain):
            odd = sorted(names ^ (set(declared) | set(plain)))
            raise UsageError(
                f"{function.__name__}: arguments without a declared unit", found=str(odd)
            )
        doc = inspect.getdoc(function) or ""
        signature = Signature(
            name=function.__name__,
            units=declared,
            returns=returns,
            shape=shape,
            optional=frozenset(
                n for n, p in parameters.items() if p.default is not inspect.Parameter.empty
            ),
            plain=frozenset(plain),
            summary=doc.splitlines()[0] if doc else "",
        )

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            labelled = next((v for v in kwargs.values() if hasattr(v, "attrs")), None)
            if labelled is None:
                return function(*args, **kwargs)
            bare = {
                name: _bare(value, declared[name], name) if name in declared else value
                for name, value in kwargs.items()
            }
            values = function(*args, **bare)
            if getattr(values, "shape", None) == labelled.shape:
                result = labelled.copy(data=values)
            elif shape == "axis":
                result = labelled.isel({labelled.dims[0]: 0}, drop=True).copy(data=values)
            else:
                return values
            result.attrs = {"units": returns}
            return result

        wrapper.signature = signature  # type: ignore[attr-defined]
        return wrapper  # type: ignore[return-value]

    return decorate


def _bare(value: Any, declared: str, name: str) -> Any:
    if not hasattr(value, "attrs"):
        return value
    found = value.attrs.get("units")
    if found is None:
        raise UnitError(
            f"argument {name!r} has no units attribute",
            cure=f"set .attrs['units'] (the function wants {declared}), or pass the bare array",
        )
    return convert(value.values, unit(found), unit(declared))
