"""The torch face of a formula: a flat list of tensor operations, differentiable, on any device, no generated code.

SymPy's common-subexpression elimination finds what is computed twice; functions are cut out first, so that SymPy never
rewrites them. Numbers and constant parts stay Python floats, and a register is dropped after its last use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import sympy
import torch
from torch import Tensor

from inner.rules.functions import FUNCTIONS, arguments_of, name_of
from inner.rules.numeric import evaluate
from inner.rules.signals import SIGNALS

Value = Tensor | float

CSE_LIMIT = 600  # nodes; beyond it SymPy's search for shared products is too slow, and only equal nodes are shared


def _maximum(x: Value, y: Value) -> Tensor:
    if not isinstance(x, Tensor):
        x, y = y, x
    assert isinstance(x, Tensor)
    return torch.maximum(x, y) if isinstance(y, Tensor) else torch.clamp(x, min=y)


def _minimum(x: Value, y: Value) -> Tensor:
    if not isinstance(x, Tensor):
        x, y = y, x
    assert isinstance(x, Tensor)
    return torch.minimum(x, y) if isinstance(y, Tensor) else torch.clamp(x, max=y)


_OPERATIONS: dict[str, Callable[..., Value]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negate": lambda x: -x,
    "tanh": torch.tanh,
    "sigmoid": lambda x: 0.5 * torch.tanh(0.5 * x) + 0.5,  # torch.sigmoid rounds the tail of a tensor differently
    "exp": torch.exp,
    "log": torch.log,
    "abs": torch.abs,
    "sign": torch.sign,
    "step": lambda x: (x > 0).to(x.dtype),
    "relu": torch.relu,
    "max": _maximum,
    "min": _minimum,
}
assert set(FUNCTIONS) <= set(_OPERATIONS)


@dataclass(frozen=True)
class Instruction:
    """register[target] = operation(*operands); an int operand is a register, a float a constant."""

    operation: str
    operands: tuple[int | float, ...]
    target: int
    finished: tuple[int, ...] = ()  # registers that nobody reads after this instruction


@dataclass(frozen=True)
class TorchFormula:
    """A compiled formula: call it with a mapping of names to broadcastable tensors, get the broadcast result.

    Numbers among the values are taken as 0-d tensors that do not change the result's type. A formula without names
    returns a Python float. Raises ValueError for a name without a value.
    """

    names: tuple[str, ...]  # inputs, registers 0 .. len(names) - 1
    instructions: tuple[Instruction, ...]
    result: int | float

    @classmethod
    def of(cls, expression: sympy.Expr) -> TorchFormula:
        """Compile `expression`."""
        compiler = _Compiler(expression)
        result = compiler.register(compiler.root)
        return cls(tuple(compiler.inputs), _with_lifetimes(compiler.instructions, result), result)

    def __call__(self, values: Mapping[str, Tensor]) -> Value:
        registers: dict[int, Value] = {}
        for index, name in enumerate(self.names):
            if name not in values:
                raise ValueError(f"formula: no value for '{name}'; given: {', '.join(values) or 'none'}")
            value = values[name]
            registers[index] = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
        for step in self.instructions:
            operands = [registers[item] if isinstance(item, int) else item for item in step.operands]
            registers[step.target] = _OPERATIONS[step.operation](*operands)
            for index in step.finished:
                del registers[index]
        return registers[self.result] if isinstance(self.result, int) else self.result


class _Compiler:
    """Walks the shared expressions from the root; a node that was compiled once is a register from then on."""

    def __init__(self, expression: sympy.Expr) -> None:
        names = {symbol.name for symbol in expression.free_symbols}
        self.inputs = sorted(names, key=_broadcast_order)
        self.instructions: list[Instruction] = []
        self.known: dict[sympy.Expr, int | float] = {}
        self.calls: dict[sympy.Expr, tuple[str, tuple[sympy.Expr, ...]]] = {}  # stand-in -> function, arguments
        self.shared: dict[sympy.Expr, sympy.Expr] = {}  # cse symbol -> its expression
        self.stand_ins: dict[sympy.Expr, sympy.Expr] = {}
        for index, name in enumerate(self.inputs):
            self.known[sympy.Symbol(name, real=True)] = index
        self.root = self._share(self._cut(expression))

    def _cut(self, node: sympy.Expr) -> sympy.Expr:
        """Replace every function of something by a stand-in symbol."""
        if node in self.stand_ins or not node.args:
            return self.stand_ins.get(node, node)
        name = name_of(node)
        if name:
            stand_in = sympy.Dummy(real=True)
            self.calls[stand_in] = (name, tuple(self._cut(argument) for argument in arguments_of(node)))
            self.stand_ins[node] = stand_in
            return stand_in
        return node.func(*(self._cut(argument) for argument in node.args))

    def _share(self, root: sympy.Expr) -> sympy.Expr:
        parts = [argument for _, arguments in self.calls.values() for argument in arguments] + [root]
        if sum(1 for part in parts for _ in sympy.preorder_traversal(part)) > CSE_LIMIT:
            return root
        fresh: Iterator[sympy.Dummy] = iter(lambda: sympy.Dummy(real=True), None)
        shared, reduced = sympy.cse(parts, symbols=fresh, order="none")
        self.shared = dict(shared)
        position = 0
        for stand_in, (name, arguments) in self.calls.items():
            self.calls[stand_in] = (name, tuple(reduced[position : position + len(arguments)]))
            position += len(arguments)
        return reduced[-1]

    def register(self, node: sympy.Expr) -> int | float:
        """Compile `node` if that has not happened yet; return its register, or its value where it is constant."""
        if node in self.known:
            return self.known[node]
        if node.is_Number or node is sympy.E:
            result: int | float = evaluate(node, {})
        elif node in self.calls:
            name, arguments = self.calls[node]
            result = self.emit(name, *(self.register(argument) for argument in arguments))
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
        if all(isinstance(operand, float) for operand in operands):
            if operation in FUNCTIONS:
                return FUNCTIONS[operation].value(*operands)
            return float(_OPERATIONS[operation](*operands))
        target = len(self.inputs) + len(self.instructions)
        self.instructions.append(Instruction(operation, operands, target))
        return target

    def add(self, node: sympy.Expr) -> int | float:
        plus = [term for term in node.args if not term.could_extract_minus_sign()]
        minus = [-term for term in node.args if term.could_extract_minus_sign()]
        if not plus:
            return self.emit("negate", self.add_all([self.register(term) for term in minus]))
        total = self.add_all([self.register(term) for term in plus])
        return reduce(lambda sum_, term: self.emit("subtract", sum_, self.register(term)), minus, total)

    def add_all(self, registers: list[int | float]) -> int | float:
        return reduce(lambda total, register: self.emit("add", total, register), registers)

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
        above.sort(key=lambda item: item if isinstance(item, int) else -1)  # small coefficient tensors first
        if not below and above and numbers == -1.0:
            return self.emit("negate", self.multiply_all(above))
        top = self.multiply_all([numbers, *above] if numbers != 1.0 or not above else above)
        return self.emit("divide", top, self.multiply_all(below)) if below else top

    def multiply_all(self, registers: list[int | float]) -> int | float:
        return reduce(lambda product, register: self.emit("multiply", product, register), registers)

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


def _with_lifetimes(instructions: list[Instruction], result: int | float) -> tuple[Instruction, ...]:
    """Attach to each instruction the registers that it reads, or writes, as the last."""
    seen = {result} if isinstance(result, int) else set()
    finished: list[Instruction] = []
    for item in reversed(instructions):
        last = {register for register in (*item.operands, item.target) if isinstance(register, int)} - seen
        seen |= last
        finished.append(Instruction(item.operation, item.operands, item.target, tuple(sorted(last))))
    return tuple(reversed(finished))
