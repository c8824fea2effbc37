"""Formulas as one flat list of tensor operations: what is computed twice is computed once, small tensors meet early.

SymPy's common-subexpression elimination finds what is shared; functions are cut out first, so that SymPy never rewrites
them. Numbers stay Python floats. Sums and products take coefficients first, then what lies along one side of the
synapses, then the rest.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import groupby
from typing import Any

import sympy
import torch
from torch import Tensor

from inner.rules.functions import FUNCTIONS, arguments_of, name_of, rendering, stand_in
from inner.rules.numeric import evaluate
from inner.rules.signals import SIGNALS
from inner.rules.splitting import Split

Value = Tensor | float

CSE_LIMIT = 600  # nodes; beyond it SymPy's search for shared products is too slow, and only equal nodes are shared


ARITHMETIC: dict[str, Callable[..., Value]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negate": operator.neg,
    "over samples": lambda x: x.sum(1, keepdim=True) * (1 / x.shape[1]),  # over samples; faster than torch.mean
    "addcmul": torch.addcmul,
    "subcmul": lambda total, x, y: torch.addcmul(total, x, y, value=-1),
}
SIDES = {"step": 0, "global": 0, "pre": 1, "post": 2, "synapse": 3, "sampled": 3}  # bits of what a value varies along


def operation(name: str) -> Callable[..., Value]:
    """The torch operation of an instruction: arithmetic or a function of the language. Raises ValueError for one without torch."""
    return ARITHMETIC[name] if name in ARITHMETIC else made(rendering(name, "torch"))


@cache
def made(rendered: Callable[[Any], Callable[..., Value]]) -> Callable[..., Value]:
    """The operation that a function's row declares, the same object every time."""
    return rendered(torch)


@dataclass(frozen=True)
class Instruction:
    """register[target] = operation(*operands); an int operand is a register, a float a constant."""

    operation: str
    operands: tuple[int | float, ...]
    target: int
    finished: tuple[int, ...] = ()  # registers that nobody reads after this instruction


class Compiler:
    """Walks the shared expressions from the roots; a node that was compiled once is a register from then on.

    means: symbols that stand for the batch mean of an expression. `masks` says of every register what it varies along
    (0: one number per network, else a sum of SIDES); `varying` are those that depend on a signal, not on coefficients alone.
    """

    def __init__(
        self,
        roots: Sequence[sympy.Expr],
        sides: Mapping[str, str] | None = None,
        means: Mapping[sympy.Expr, sympy.Expr] | None = None,
        fixed: frozenset[str] = frozenset(),
    ) -> None:
        sides = {name: signal.side for name, signal in SIGNALS.items()} if sides is None else sides
        means = means or {}
        names = {symbol.name for e in (*roots, *means.values()) for symbol in e.free_symbols if symbol not in means}
        self.inputs = sorted(names, key=_broadcast_order)
        self.symbols = 0  # stand-ins made so far
        self.made: dict[int, Instruction] = {}  # by register, in the order of their emission
        self.known: dict[sympy.Expr, int | float] = {}
        self.calls: dict[sympy.Expr, tuple[str, tuple[sympy.Expr, ...]]] = {}  # stand-in -> function, arguments
        self.shared: dict[sympy.Expr, sympy.Expr] = {}  # cse symbol -> its expression
        self.stand_ins: dict[sympy.Expr, sympy.Expr] = {}
        self.masks = [SIDES[sides[name]] if name in sides else 0 for name in self.inputs]
        self.varying = [name in sides and name not in fixed for name in self.inputs]
        for index, name in enumerate(self.inputs):
            self.known[sympy.Symbol(name, real=True)] = index
        split = Split({sympy.Symbol(name, real=True) for name in sides if name not in fixed} | set(means), self._symbol)
        for symbol, inside in means.items():
            self.calls[symbol] = ("over samples", (self._cut(split(inside)),))
        cut = self._share([self._cut(split(root)) for root in roots])
        self.alone = {symbol: inside for inside, symbol in split.apart.items()}  # what depends on coefficients alone
        self.results = [self.register(root) for root in cut]

    @property
    def instructions(self) -> list[Instruction]:
        """Everything that was emitted, in order."""
        return list(self.made.values())

    def _symbol(self) -> sympy.Dummy:
        self.symbols += 1
        return stand_in("part", self.symbols)

    def _cut(self, node: sympy.Expr) -> sympy.Expr:
        """Replace every function of something by a stand-in symbol."""
        if node in self.stand_ins or not node.args:
            return self.stand_ins.get(node, node)
        name = name_of(node)
        if name:
            symbol = self._symbol()
            self.calls[symbol] = (name, tuple(self._cut(argument) for argument in arguments_of(node)))
            self.stand_ins[node] = symbol
            return symbol
        return node.func(*(self._cut(argument) for argument in node.args))

    def _share(self, roots: list[sympy.Expr]) -> list[sympy.Expr]:
        parts = [argument for _, arguments in self.calls.values() for argument in arguments] + roots
        if sum(1 for part in parts for _ in sympy.preorder_traversal(part)) > CSE_LIMIT:
            return roots
        fresh: Iterator[sympy.Dummy] = iter(self._symbol, None)
        shared, reduced = sympy.cse(parts, symbols=fresh, order="none")
        self.shared = dict(shared)
        position = 0
        for symbol, (name, arguments) in self.calls.items():
            self.calls[symbol] = (name, tuple(reduced[position : position + len(arguments)]))
            position += len(arguments)
        return list(reduced[position:])

    def register(self, node: sympy.Expr) -> int | float:
        """Compile `node` if that has not happened yet; return its register, or its value where it is constant."""
        if node in self.known:
            return self.known[node]
        if node.is_Number or node is sympy.E:
            result: int | float = evaluate(node, {})
        elif node in self.calls:
            name, arguments = self.calls[node]
            result = self.emit(name, *(self.register(argument) for argument in arguments))
        elif node in self.alone:
            result = self.register(self._cut(self.alone[node]))
        elif node in self.shared:
            result = self.register(self.shared[node])
        elif node.is_Add:
            result = self.add(node)
        elif node.is_Mul or node.is_Pow:
            result = self.multiply(node)
        else:
            raise ValueError(f"formula: torch has no form of {type(node).__name__}")
        self.known[node] = result
        return result

    def emit(self, operation: str, *operands: int | float) -> int | float:
        """The register of an operation's result, or its value where all operands are numbers."""
        if all(isinstance(operand, float) for operand in operands):
            if operation in FUNCTIONS:
                return FUNCTIONS[operation].value(*operands)
            return float(ARITHMETIC[operation](*operands))
        target = len(self.masks)
        registers = [operand for operand in operands if isinstance(operand, int)]
        self.masks.append(reduce(lambda mask, r: mask | self.masks[r], registers, 0))
        self.varying.append(any(self.varying[r] for r in registers))
        self.made[target] = Instruction(operation, operands, target)
        return target

    def rank(self, item: int | float) -> tuple[bool, int]:
        """Place of an operand in a sum or product: numbers and coefficients, then one side, then both sides."""
        return (self.varying[item], self.masks[item]) if isinstance(item, int) else (False, 0)

    def together(self, items: Sequence[int | float]) -> list[list[int | float]]:
        """Operands in groups that vary along the same axes, the smallest first."""
        groups: dict[tuple[bool, int], list[int | float]] = {}
        for item in items:
            groups.setdefault(self.rank(item), []).append(item)
        return [groups[rank] for rank in sorted(groups)]

    def add(self, node: sympy.Expr) -> int | float:
        """Coefficients first; what varies along one side is summed before it meets the other side."""
        minus = [term.could_extract_minus_sign() for term in node.args]
        terms = [self.register(-term if negative else term) for term, negative in zip(node.args, minus)]
        ranked = sorted(range(len(terms)), key=lambda n: (self.rank(terms[n]), minus[n], self.weight(terms[n])))
        total: list[tuple[int | float, bool]] = []
        for (_, mask), members in groupby(ranked, key=lambda index: self.rank(terms[index])):
            group = [(terms[index], minus[index]) for index in members]
            inside = all(self.rank(term)[1] | mask == mask for term, _ in total)
            total = [self.sum_signed(total + group if inside else [*total, self.sum_signed(group)])]
        ((found, negative),) = total
        return self.emit("negate", found) if negative else found

    def weight(self, item: int | float) -> int:
        """Place of a term among those of its rank: products of a signal and a coefficient come before other products.

        A sum grows by one product at a time, and does so faster while its other operands are small.
        """
        made = self.made.get(item) if isinstance(item, int) else None
        if made is None or made.operation != "multiply":
            return 0
        return 1 if any(not isinstance(operand, int) or not self.varying[operand] for operand in made.operands) else 2

    def sum_signed(self, terms: list[tuple[int | float, bool]]) -> tuple[int | float, bool]:
        """The sum of terms with their signs, and whether it stands for its opposite."""
        plus = next((n for n, (_, negative) in enumerate(terms) if not negative), None)
        if plus is None:
            return reduce(lambda sum_, term: self.emit("add", sum_, term), (term for term, _ in terms)), True
        total = terms[plus][0]
        for term, negative in terms[:plus] + terms[plus + 1 :]:
            total = self.emit("subtract" if negative else "add", total, term)
        return total, False

    def multiply(self, node: sympy.Expr) -> int | float:
        numbers, above, below = 1.0, [], []
        for factor in sympy.Mul.make_args(node):
            base, exponent = (factor.base, factor.exp) if factor.is_Pow else (factor, sympy.Integer(1))
            if factor.is_Number:
                numbers *= float(factor)
            elif not exponent.is_Integer:
                raise ValueError(f"formula: expected whole exponents, got {str(exponent)[:30]}")
            elif exponent > 0:
                above.append(self.power(base, int(exponent)))
            else:
                below.append(self.power(base, -int(exponent)))
        if not below and above and numbers == -1.0:
            return self.emit("negate", self.multiply_all(above))
        top = self.multiply_all([numbers, *above] if numbers != 1.0 or not above else above)
        return self.emit("divide", top, self.multiply_all(below)) if below else top

    def multiply_all(self, registers: list[int | float]) -> int | float:
        """Factors that vary along the same axes meet first."""
        products = [reduce(self._product, group) for group in self.together(registers)]
        return reduce(self._product, products)

    def _product(self, x: int | float, y: int | float) -> int | float:
        return self.emit("multiply", x, y)

    def power(self, base: sympy.Expr, exponent: int) -> int | float:
        """Square and multiply; the squares are shared by all powers of the same base."""
        if exponent == 1:
            return self.register(base)
        key = sympy.Pow(base, exponent, evaluate=False)
        if key not in self.known:
            half = self.power(base, exponent // 2)
            square = self.emit("multiply", half, half)
            self.known[key] = self.emit("multiply", square, self.register(base)) if exponent % 2 else square
        return self.known[key]


def _broadcast_order(name: str) -> tuple[int, int, str]:
    """Coefficients first, then the signals as the catalogue lists them: products start with the small tensors."""
    order = list(SIGNALS)
    return (1, order.index(name), name) if name in SIGNALS else (0, 0, name)
