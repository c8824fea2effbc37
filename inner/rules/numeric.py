"""Evaluates a formula on Python floats, node by node: folds constants and checks that they are finite."""

from __future__ import annotations

import math
from collections.abc import Mapping

import sympy

from inner.rules.functions import FUNCTIONS, arguments_of, name_of


def evaluate(expression: sympy.Expr, values: Mapping[str, float]) -> float:
    """The value of `expression`; never raises on finite input: overflow is inf, an undefined value nan.

    Raises ValueError for a name without a value.
    """
    if expression.is_Number:
        return float(expression)
    if expression.is_Symbol:
        if expression.name not in values:
            raise ValueError(f"formula: no value for '{expression.name}'")
        return float(values[expression.name])
    name = name_of(expression)
    if name:
        return FUNCTIONS[name].value(*(evaluate(argument, values) for argument in arguments_of(expression)))
    if expression.is_Add:
        return _sum([evaluate(argument, values) for argument in expression.args])
    if expression.is_Mul:
        return _product([evaluate(argument, values) for argument in expression.args])
    if expression.is_Pow and expression.exp.is_Integer:
        return power(evaluate(expression.base, values), int(expression.exp))
    raise ValueError(f"formula: cannot evaluate {type(expression).__name__}")


def power(base: float, exponent: int) -> float:
    """base ** exponent for a whole exponent; overflow is inf, 0 ** negative is inf."""
    result = _product([base] * abs(exponent))
    if exponent >= 0:
        return result
    return 1.0 / result if result else math.copysign(math.inf, result)


def _sum(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def _product(values: list[float]) -> float:
    total = 1.0
    for value in values:
        total *= value
    return total
