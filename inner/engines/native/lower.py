"""Turns formulas into C statements on four levels: of coefficients alone, of the pre side, of the post side, of the synapse.

Whatever does not see the synapse leaves the loop over synapses: coefficients are computed once per life, pre-side and
post-side parts once per neuron and step. Sums and products are sorted by side first, so that as much as possible leaves.
Names in C are generated: nothing of a user's text reaches the source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sympy

from inner.rules.functions import arguments_of, name_of, rendering
from inner.rules.numeric import evaluate
from inner.rules.signal import CLOCK

COEFFICIENT, PRE, POST, SYNAPSE = range(4)
LEVELS = {"pre": PRE, "post": POST, "global": POST}
LARGEST = 3.4028234e38
LONGEST = 400  # characters of a coefficient's text; a longer one is stored before it is used again


@dataclass(frozen=True)
class Value:
    """Text of a C expression, valid on its own level, and that level."""

    text: str
    level: int


@dataclass
class Code:
    """The statements of all levels but the synapse's, and what they hand over to the loop over synapses."""

    constants: dict[str, int] = field(default_factory=dict)  # text -> its place, as it is written: float K[n] = text
    pre: list[str] = field(default_factory=list)  # vec p[n] = ...
    post: list[str] = field(default_factory=list)
    pre_out: list[str] = field(default_factory=list)  # texts whose values the loop over synapses reads
    post_out: list[tuple[str, str]] = field(default_factory=list)  # (text, "each", "share", "mean" or "scale")


def number(value: float) -> str:
    """A float literal."""
    if value != value:
        return "NAN"
    if abs(value) > LARGEST:
        return "INFINITY" if value > 0 else "(-INFINITY)"
    text = f"{value!r}f" if "e" in repr(value) or "." in repr(value) else f"{value!r}.0f"
    return f"({text})" if value < 0 else text


class Lowering:
    """Lowers the formulas of one rule into a shared `Code`; equal parts are computed once."""

    def __init__(self, sides: Mapping[str, tuple[str, str]], coefficients: Sequence[str]) -> None:
        """sides: the side and the C name of all that is more than one number; coefficients: those of one number, in order.

        What a step is told of its time comes behind the coefficients.
        """
        self.sides = dict(sides)
        self.code = Code()
        self.known: dict[sympy.Expr, Value] = {}
        self.stages = 0
        self.clock = tuple(f"c[{len(coefficients) + n}]" for n in range(len(CLOCK)))
        for d, name in enumerate([*coefficients, *CLOCK]):
            self.known[sympy.Symbol(name, real=True)] = Value(f"c[{d}]", COEFFICIENT)
        for name, (side, text) in sides.items():
            if side not in ("synapse", "sampled"):
                self.known[sympy.Symbol(name, real=True)] = Value(text, LEVELS[side])

    def wide(self, side: str) -> dict[str, int]:
        """The C names of coefficients with a value per unit or synapse of this side, and their places in memory."""
        texts = [text for kind, text in self.sides.values() if kind == side and text.startswith("wide")]
        return {text: n for n, text in enumerate(texts)}

    def constant(self, text: str) -> str:
        """Store a coefficient-level value once per life; returns how other levels read it."""
        if re.fullmatch(r"K\[\d+\]", text):
            return text
        return f"K[{self.code.constants.setdefault(text, len(self.code.constants))}]"

    def timed(self, value: Value) -> bool:
        """True for a value of coefficients and of the time."""
        return value.level == COEFFICIENT and any(place in value.text for place in self.clock)

    def read(self, value: Value, level: int) -> str:
        """`value` as seen from another level, handed over where that takes something."""
        if value.level == level:
            return value.text
        if value.level == COEFFICIENT:
            return value.text if _is_literal(value.text) else self.constant(value.text)
        assert level == SYNAPSE
        if value.level == PRE:
            return f"f{self.pre_out(value)}"
        return f"e{self.post_out(value, 'each')}"

    def post_out(self, value: Value, kind: str) -> int:
        """The number of a post-side value among those handed over; one of coefficients alone is spread.

        kind: "each" sample as it is, "share" divided by B, "mean" over samples, "scale" 1 + the mean.
        """
        text = value.text if value.level == POST else f"splat({self.read(value, POST)})"
        if (text, kind) not in self.code.post_out:
            self.code.post_out.append((text, kind))
        return self.code.post_out.index((text, kind))

    def pre_out(self, value: Value) -> int:
        """The number of a pre-side value among those handed over."""
        text = value.text if value.level == PRE else f"splat({self.read(value, PRE)})"
        if text not in self.code.pre_out:
            self.code.pre_out.append(text)
        return self.code.pre_out.index(text)

    def inner(self, names: Mapping[str, str]) -> Inner:
        """A place for the statements of one stage of the loop over synapses; `names` are the synapse's signals there."""
        return Inner(self, {sympy.Symbol(name, real=True): Value(text, SYNAPSE) for name, text in names.items()})


def mentions(text: str, name: str) -> bool:
    """True where a C text reads this name."""
    return re.search(rf"\b{name}\b", text) is not None


def _is_literal(text: str) -> bool:
    return re.fullmatch(r"\(?-?([\d.]+(e[+-]?\d+)?f|INFINITY)\)?|NAN", text) is not None


class Inner:
    """One stage: its own statements, everything else shared with the other stages."""

    def __init__(self, lowering: Lowering, names: dict[sympy.Expr, Value]) -> None:
        self.lowering = lowering
        self.letter = f"{'abcdefghijklmnopqrstuvwxyz'[lowering.stages % 26]}{lowering.stages // 26 or ''}"  # stages do not share names
        lowering.stages += 1
        self.own: dict[sympy.Expr, Value] = dict(names)
        self.statements: list[str] = []

    def value(self, node: sympy.Expr) -> Value:
        """Lower an expression; a part that was lowered before is not computed again."""
        for table in (self.own, self.lowering.known):
            if node in table:
                return table[node]
        value = self._lower(node)
        table = self.own if value.level == SYNAPSE else self.lowering.known
        table[node] = value
        return value

    def text(self, node: sympy.Expr) -> str:
        """The C text of an expression as the loop over synapses reads it."""
        return self.lowering.read(self.value(node), SYNAPSE)

    def _lower(self, node: sympy.Expr) -> Value:
        if node.is_Number or node is sympy.E:
            return Value(number(evaluate(node, {})), COEFFICIENT)
        name = name_of(node)
        if name:
            return self._call(name, [self.value(argument) for argument in arguments_of(node)])
        if node.is_Add:
            return self._sorted([self.value(term) for term in node.args], "+")
        if node.is_Mul:
            return self._product(node)
        if node.is_Pow and node.exp.is_Integer:
            power = self._power(node.base, abs(int(node.exp)))
            return power if node.exp > 0 else self._keep(power.level, "1.0f / {0}", [power])
        raise ValueError(f"formula: C has no form of {type(node).__name__}")

    def _product(self, node: sympy.Expr) -> Value:
        above, below = [], []
        for factor in node.args:
            if factor.is_Pow and factor.exp.is_Integer and factor.exp < 0:
                below.append(self._power(factor.base, -int(factor.exp)))
            else:
                above.append(self.value(factor))
        timed = [value for value in below if self.lowering.timed(value)]
        if timed and any(value.level != COEFFICIENT for value in above + below):
            # one division a step in place of one per unit or synapse; what does not know the time keeps its bits
            above.append(self._keep(COEFFICIENT, "1.0f / {0}", [self._sorted(timed, "*")]))
            below = [value for value in below if value not in timed]
        if not below:
            return self._sorted(above, "*")
        top = self._sorted(above, "*") if above else Value("1.0f", COEFFICIENT)
        bottom = self._sorted(below, "*")
        return self._join([top, bottom], "{0} / {1}")

    def _power(self, base: sympy.Expr, exponent: int) -> Value:
        if exponent == 1:
            return self.value(base)
        key = sympy.Pow(base, exponent, evaluate=False)
        for table in (self.own, self.lowering.known):
            if key in table:
                return table[key]
        half = self._power(base, exponent // 2)
        value = self._keep(half.level, "{0} * {0}", [half])
        if exponent % 2:
            value = self._keep(half.level, "{0} * {1}", [value, self.value(base)])
        (self.own if value.level == SYNAPSE else self.lowering.known)[key] = value
        return value

    def _sorted(self, values: list[Value], sign: str) -> Value:
        """A sum or product: first within each level, then coefficients into the larger of the sides that are there."""
        parts: dict[int, Value] = {}
        for level in range(4):
            own = [value for value in values if value.level == level]
            for value in own:
                parts[level] = (
                    self._keep(level, f"{{0}} {sign} {{1}}", [parts[level], value]) if level in parts else value
                )
        ordered = [parts[level] for level in (COEFFICIENT, POST, PRE, SYNAPSE) if level in parts]
        total = ordered[0]
        for value in ordered[1:]:
            total = self._join([total, value], f"{{0}} {sign} {{1}}")
        return total

    def _call(self, name: str, values: list[Value]) -> Value:
        rendering(name, "c")
        return self._join(values, f"{name}({', '.join(f'{{{n}}}' for n in range(len(values)))})", call=True)

    def _join(self, values: list[Value], form: str, call: bool = False) -> Value:
        """An operation on values of any levels."""
        levels = {value.level for value in values} - {COEFFICIENT}
        level = COEFFICIENT if not levels else levels.pop() if len(levels) == 1 else SYNAPSE
        return self._keep(level, form, values, call)

    def _keep(self, level: int, form: str, values: list[Value], call: bool = False) -> Value:
        """Write the operation as a statement of its level and return the name of its result."""
        texts = []
        for value in values:
            text = self.lowering.read(value, level)
            scalar = value.level == COEFFICIENT or (level == SYNAPSE and value.level == PRE)
            texts.append(f"splat({text})" if call and scalar and level != COEFFICIENT else text)
        if call:
            form = ("s_" if level == COEFFICIENT else "v_") + form
        text = form.format(*texts)
        if level == COEFFICIENT:
            text = f"({text})" if not call else text
            return Value(text if len(text) <= LONGEST else self.lowering.constant(text), COEFFICIENT)
        code = self.lowering.code
        lines = {PRE: code.pre, POST: code.post, SYNAPSE: self.statements}[level]
        name = f"{'_pqr'[level]}{len(lines)}{self.letter if level == SYNAPSE else '_'}"
        lines.append(f"vec {name} = {text};")
        return Value(name, level)
