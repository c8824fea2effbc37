"""The functions that a formula may call: one row per function, and their SymPy classes.

The classes leave what is written as it is. SymPy's automatic rewriting of `Max`, `Abs`, `log` and of products of `exp`
can take minutes on hostile input, can leave the real numbers, and would make the printed formula differ from the
one that was written. Sums, products and whole powers keep SymPy's normal form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import sympy


class tanh(sympy.tanh):  # noqa: N801  (SymPy's naming of functions)
    """sympy.tanh, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None


class exp(sympy.exp):  # noqa: N801
    """sympy.exp, never rewritten and never merged with its neighbours in a product."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None

    def as_base_exp(self) -> tuple[sympy.Expr, sympy.Expr]:
        return self, sympy.Integer(1)

    def _eval_power(self, other: sympy.Expr) -> None:
        return None


class log(sympy.log):  # noqa: N801
    """sympy.log, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr, base: None = None) -> None:
        return None


class Abs(sympy.Abs):
    """sympy.Abs, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None

    def _eval_power(self, exponent: sympy.Expr) -> None:
        return None


class sign(sympy.sign):  # noqa: N801
    """sympy.sign, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None

    def _eval_power(self, other: sympy.Expr) -> None:
        return None


class Max(sympy.Max):
    """sympy.Max of two, never rewritten."""

    def __new__(cls, *arguments: sympy.Expr, **_: object) -> sympy.Expr:
        return super().__new__(cls, *arguments, evaluate=False)

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return sympy.Max(*(argument._eval_evalf(prec) for argument in self.args))

    def evalf(self, n: int = 15, **options: object) -> sympy.Expr:
        return sympy.Max(*(argument.evalf(n, **options) for argument in self.args))


class Min(sympy.Min):
    """sympy.Min of two, never rewritten."""

    def __new__(cls, *arguments: sympy.Expr, **_: object) -> sympy.Expr:
        return super().__new__(cls, *arguments, evaluate=False)

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return sympy.Min(*(argument._eval_evalf(prec) for argument in self.args))

    def evalf(self, n: int = 15, **options: object) -> sympy.Expr:
        return sympy.Min(*(argument.evalf(n, **options) for argument in self.args))


class sigmoid(sympy.Function):  # noqa: N801
    """Logistic function 1 / (1 + exp(-x))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return (1 / (1 + sympy.exp(-self.args[0])))._eval_evalf(prec)


class step(sympy.Function):  # noqa: N801
    """1 where x > 0, else 0 (0 at x = 0); its derivative is 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return sympy.Float(1 if self.args[0].evalf() > 0 else 0)


class relu(sympy.Function):  # noqa: N801
    """max(x, 0); its derivative is step(x)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return step(self.args[0])

    def _eval_is_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        value = self.args[0]._eval_evalf(prec)
        return value if value > 0 else sympy.Float(0)


@dataclass(frozen=True)
class FunctionRow:
    """One function: its SymPy class, number of arguments, value on floats, and what the other languages call it."""

    name: str
    symbolic: type[sympy.Basic]
    arguments: int
    value: Callable[..., float]  # on Python floats; never raises: overflow is inf, an undefined value nan
    meaning: str


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.0 else (math.inf if x > 709.782712893384 else _edge(x))


def _edge(x: float) -> float:
    return math.exp(x / 2) * math.exp(x / 2)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _max(x: float, y: float) -> float:
    return math.nan if x != x or y != y else max(x, y)


def _min(x: float, y: float) -> float:
    return math.nan if x != x or y != y else min(x, y)


_ROWS = (
    FunctionRow("tanh", tanh, 1, math.tanh, "hyperbolic tangent"),
    FunctionRow("sigmoid", sigmoid, 1, lambda x: 1.0 / (1.0 + _exp(-x)), "1 / (1 + exp(-x))"),
    FunctionRow("exp", exp, 1, _exp, "exponential"),
    FunctionRow("log", log, 1, _log, "natural logarithm; not a number below 0"),
    FunctionRow("abs", Abs, 1, abs, "absolute value"),
    FunctionRow("sign", sign, 1, _sign, "-1, 0 or 1 (0 for nan)"),
    FunctionRow("step", step, 1, lambda x: float(x > 0), "1 where x > 0, else 0 (also for nan)"),
    FunctionRow("relu", relu, 1, lambda x: _max(x, 0.0), "max(x, 0)"),
    FunctionRow("max", Max, 2, _max, "larger of two"),
    FunctionRow("min", Min, 2, _min, "smaller of two"),
)

FUNCTIONS: dict[str, FunctionRow] = {row.name: row for row in _ROWS}
_NAMES = {row.symbolic: row.name for row in _ROWS}
# SymPy's own classes read the same, so that derivatives and results of SymPy's tools have faces too
_NAMES |= {plain: row.name for row in _ROWS for plain in row.symbolic.__bases__ if plain is not sympy.Function}


def name_of(node: sympy.Basic) -> str | None:
    """The name that a formula uses for this node's function, or None where the node is no function of the table."""
    return "exp" if node is sympy.E else _NAMES.get(type(node))


def arguments_of(node: sympy.Basic) -> tuple[sympy.Expr, ...]:
    """Arguments of a function node; Euler's number counts as exp(1)."""
    return (sympy.Integer(1),) if node is sympy.E else node.args


def call(name: str, *arguments: sympy.Expr) -> sympy.Expr:
    """The function `name` of `arguments` as SymPy expression, left as it is written."""
    if len(arguments) > 1 and len(set(arguments)) == 1:
        return arguments[0]  # max(x, x)
    return FUNCTIONS[name].symbolic(*arguments)


def replace(expression: sympy.Expr, values: dict[sympy.Expr, sympy.Expr]) -> sympy.Expr:
    """Substitute whole nodes; functions stay functions."""
    if expression in values:
        return values[expression]
    if not expression.args:
        return expression
    arguments = [replace(argument, values) for argument in expression.args]
    name = name_of(expression)
    return call(name, *arguments) if name else expression.func(*arguments)


def stand_in(kind: str, number: int) -> sympy.Dummy:
    """A symbol unlike every other, for a part of an expression that is cut out.

    SymPy sorts sums and products by name. Its own names count on for ever, and Dummy_100 comes before Dummy_99: results
    would depend on how many symbols were made before.
    """
    return sympy.Dummy(f"{kind}{number:06d}", real=True)
