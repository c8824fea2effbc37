"""A program: a rule as a Cartesian graph of operations (Miller & Thomson 2000), and as the flat vector that a search moves.

    vector = [MARK, (operation, first, second) per node, output, z of the gain, z of every constant]

Registers count the inputs first, then the constants, then the nodes; a node reads registers before its own. Nodes that
the output does not reach are not active: they drift freely. dw = eta * (what the output register holds).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import sympy

from inner.components import Plain, suggest
from inner.rules.coefficient import Coefficient
from inner.rules.faces import to_text
from inner.rules.functions import FUNCTIONS, call, name_of
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

MARK = 2.0**40  # first entry of a program's vector: no search of numbers starts there
GAIN = Coefficient("eta", 0.02)
ARITHMETIC = ("add", "sub", "mul")
# the functions of formulas that are declared on arrays too
BINARY = (*ARITHMETIC, *(name for name, row in FUNCTIONS.items() if row.numpy and row.arguments == 2))
UNARY = tuple(name for name, row in FUNCTIONS.items() if row.numpy and row.arguments == 1)
OPERATIONS = BINARY + UNARY


@dataclass(frozen=True)
class Language:
    """The language of programs: names of inputs and operations, numbers of constants and nodes."""

    inputs: tuple[str, ...] = ("pre", "post", "err", "w")
    operations: tuple[str, ...] = ("add", "sub", "mul")
    constants: int = 1
    nodes: int = 12

    def __post_init__(self) -> None:
        for name in self.operations:
            if name not in OPERATIONS:
                near = suggest(name, OPERATIONS)
                raise ValueError(f"search.operations: unknown '{name}'{near}; known: {', '.join(OPERATIONS)}")
        if not self.inputs or not self.operations or len(set(self.inputs)) < len(self.inputs):
            raise ValueError(f"search.inputs: expected different names, got {list(self.inputs)}")
        if self.nodes < 1 or self.constants < 0:
            raise ValueError(f"search: expected nodes >= 1 and constants >= 0, got {self.nodes} and {self.constants}")

    @property
    def leaves(self) -> int:
        """Registers before the first node."""
        return len(self.inputs) + self.constants

    @property
    def size(self) -> int:
        """D, the length of a vector."""
        return 1 + 3 * self.nodes + 2 + self.constants

    def holds(self, vector: np.ndarray) -> bool:
        """True where a vector [D] is a program of this language."""
        return vector.size == self.size and bool(vector[0] == MARK)

    def check_inputs(self, traces: tuple[str, ...]) -> None:
        """Raise ValueError for an input that is neither a signal nor a trace."""
        known = (*SIGNALS, *traces)
        for name in self.inputs:
            if name not in known:
                near = suggest(name, known)
                raise ValueError(f"search.inputs: unknown signal '{name}'{near}; known: {', '.join(known)}")


@dataclass(frozen=True)
class Program:
    """Nodes (operation, first, second), the output register, and z of the gain and of the constants."""

    language: Language
    nodes: tuple[tuple[str, int, int], ...]
    output: int
    numbers: tuple[float, ...] = field(default=())  # z, gain first; value = scale * sinh(z)

    @classmethod
    def of(cls, language: Language, vector: np.ndarray) -> Program:
        """Decode a vector [D]."""
        genes = vector[1 : 1 + 3 * language.nodes].astype(int).reshape(-1, 3).tolist()
        nodes = tuple((language.operations[op], a, b) for op, a, b in genes)
        rest = vector[1 + 3 * language.nodes :].tolist()
        return cls(language, nodes, int(rest[0]), tuple(rest[1:]))

    def vector(self) -> np.ndarray:
        """Encode [D]."""
        genes = [float(x) for op, a, b in self.nodes for x in (self.language.operations.index(op), a, b)]
        return np.array([MARK, *genes, float(self.output), *self.numbers])

    @cached_property
    def active(self) -> tuple[int, ...]:
        """Node numbers that the output reaches, in order."""
        leaves, wanted = self.language.leaves, set()
        ahead = [self.output]
        while ahead:
            node = ahead.pop() - leaves
            if node >= 0 and node not in wanted:
                wanted.add(node)
                operation, a, b = self.nodes[node]
                ahead += [a, b] if operation in BINARY else [a]
        return tuple(sorted(wanted))

    @property
    def complexity(self) -> int:
        """Operations that the formula takes, and the constants in it."""
        return len(self.active) + len(self.used_constants)

    @cached_property
    def used_constants(self) -> tuple[int, ...]:
        """Numbers of the constants that the output reaches."""
        first, leaves = len(self.language.inputs), self.language.leaves
        read = {r for n in self.active for r in self.nodes[n][1 : 3 if self.nodes[n][0] in BINARY else 2]}
        return tuple(
            c for c in range(self.language.constants) if first + c in read | {self.output} and first + c < leaves
        )

    @property
    def values(self) -> np.ndarray:
        """Gain and constants [1 + C]."""
        result: np.ndarray = GAIN.decode(np.array(self.numbers)) * np.array(
            [1.0] + [1 / GAIN.scale] * (len(self.numbers) - 1)
        )
        return result

    def expression(self) -> sympy.Expr:
        """The expression in the output register, constants by name."""
        language = self.language
        names = [*language.inputs, *(constant(c) for c in range(language.constants))]
        registers: dict[int, sympy.Expr] = {r: sympy.Symbol(name, real=True) for r, name in enumerate(names)}
        for n in self.active:
            operation, a, b = self.nodes[n]
            registers[language.leaves + n] = _apply(
                operation, registers[a], registers[b] if operation in BINARY else None
            )
        return registers[self.output]

    def rule(self, carrier: Rule) -> Rule:
        """The ordinary rule that this program is, with its gain and constants as coefficients; pathway of `carrier`.

        Its formula is the one that ran, brought to SymPy's normal form.
        """
        text = to_text(sympy.Symbol(GAIN.name, real=True) * self.expression())
        used = {constant(c): float(v) for c, v in enumerate(self.values[1:])}
        known = {GAIN.name: Coefficient(GAIN.name, float(self.values[0]), scale=GAIN.scale)}
        known |= {name: Coefficient(name, value, scale=1.0) for name, value in used.items()}
        other = {
            c.name: c
            for c in carrier.coefficients
            if _occurs(c.name, carrier.traces.values()) or c.name == carrier.noise
        }
        plain = Rule(text, carrier.traces, (), carrier.pathway, carrier.name, **beside_dw(carrier))
        chosen = tuple((other | known)[c.name] for c in plain.coefficients)
        return replace(plain, coefficients=chosen)


def beside_dw(rule: Rule) -> Plain:
    """Parts of a rule that a program keeps: options of the pathway, noise in the drives, what a reward is compared with."""
    return {"pathway_options": rule.pathway_options, "noise": rule.noise, "surprise": rule.surprise}


def constant(c: int) -> str:
    """The name of a constant in formulas."""
    return f"k{c}"


def _occurs(name: str, texts: object) -> bool:
    from inner.rules.parse import names_in

    return any(name in names_in(text) for text in texts)  # type: ignore[attr-defined]


def _apply(operation: str, a: sympy.Expr, b: sympy.Expr | None) -> sympy.Expr:
    if b is None:
        return call(operation, a)
    if operation in ARITHMETIC:
        return a + b if operation == "add" else a - b if operation == "sub" else a * b
    return call(operation, a, b)


def compile_rule(language: Language, rule: Rule) -> Program:
    """The program of a rule's formula; its coefficients and numbers become constants, one called `eta` the gain.

    Raises ValueError for a formula that the language cannot say.
    """
    nodes: list[tuple[str, int, int]] = []
    constants: list[float] = []
    expression = rule.expression
    gain = (rule.defaults[GAIN.name] or GAIN.init) if GAIN.name in rule.defaults else 1.0
    expression = expression.subs(sympy.Symbol(GAIN.name, real=True), 1) if GAIN.name in rule.defaults else expression

    def leaf(value: float) -> int:
        constants.append(value)
        return len(language.inputs) + len(constants) - 1

    def node(operation: str, a: int, b: int) -> int:
        if operation not in language.operations:
            raise ValueError(
                f"rule.dw: the search's operations lack '{operation}', which the formula to start from needs"
            )
        nodes.append((operation, a, b))
        return language.leaves + len(nodes) - 1

    def walk(e: sympy.Expr) -> int:
        if e.is_Symbol and e.name in language.inputs:
            return language.inputs.index(e.name)
        if e.is_Symbol and e.name in rule.defaults:
            return leaf(rule.defaults[e.name])
        if e.is_Number:
            return leaf(float(e))
        name = name_of(e)
        if name:
            read = [walk(argument) for argument in e.args]
            return node(name, read[0], read[-1])
        if e.is_Pow and e.exp.is_Integer and e.exp > 0:
            base = result = walk(e.base)
            for _ in range(int(e.exp) - 1):
                result = node("mul", result, base)
            return result
        if e.is_Add or e.is_Mul:
            minus = [t for t in e.args if e.is_Add and t.could_extract_minus_sign()]
            plus = [t for t in e.args if t not in minus] or [minus.pop(0)]
            result = walk(plus[0])
            for other in plus[1:]:
                result = node("add" if e.is_Add else "mul", result, walk(other))
            for other in minus:
                result = node("sub", result, walk(-other))
            return result
        raise ValueError(
            f"rule.dw: '{to_text(e)}' is not in the language of this search; its inputs: {list(language.inputs)}"
        )

    output = walk(expression)
    if len(nodes) > language.nodes or len(constants) > language.constants:
        raise ValueError(
            f"rule.dw: the formula to start from needs {len(nodes)} nodes and {len(constants)} constants, "
            f"the search has {language.nodes} and {language.constants}"
        )
    nodes += [(language.operations[0], 0, 0)] * (language.nodes - len(nodes))
    constants += [1.0] * (language.constants - len(constants))
    numbers = GAIN.encode(np.array([gain, *(GAIN.scale * c for c in constants)])).tolist()
    return Program(language, tuple(nodes), output, tuple(numbers))
