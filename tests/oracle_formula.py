"""The value of a formula in plain Python floats: the oracle's own functions, and a walk over Python's syntax tree."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

from inner.rules.functions import FUNCTIONS as TABLE

FUNCTIONS: dict[str, Callable[..., float]] = {
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "exp": math.exp,
    "log": math.log,
    "abs": abs,
    "sign": lambda x: float(x > 0) - float(x < 0),
    "step": lambda x: 1.0 if x > 0 else 0.0,
    "relu": lambda x: x if x > 0 else 0.0,
    "max": max,
    "min": min,
    "cos": lambda x: math.cos(x) if math.isfinite(x) else math.nan,
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "pow": lambda x, y: x**y if x >= 0 or y == int(y) else math.nan,
    "greater": lambda x, y: float(x > y),
    "atleast": lambda x, y: float(x >= y),
    "where": lambda condition, x, y: x if condition > 0 else y,
}
OPERATORS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}

COMPARISONS = {
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
}


def evaluate(formula: str | ast.expr, names: dict[str, float]) -> float:
    """The value of a formula, walking over Python's own syntax tree."""
    node: Any = ast.parse(formula.strip(), mode="eval").body if isinstance(formula, str) else formula
    if isinstance(node, ast.Constant):
        return float(node.value)
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.UnaryOp):
        value = evaluate(node.operand, names)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](evaluate(node.left, names), evaluate(node.right, names))
    if isinstance(node, ast.Compare):
        left, right = evaluate(node.left, names), evaluate(node.comparators[0], names)
        return float(COMPARISONS[type(node.ops[0])](left, right))
    if is_mean(node):
        return names[f"mean of {ast.dump(node.args[0])}"]
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name), ast.dump(node)
    function = (
        FUNCTIONS.get(node.func.id) or TABLE[node.func.id].value
    )  # a function that is new is held against its own row
    return float(function(*[evaluate(argument, names) for argument in node.args]))


def is_mean(node: ast.AST) -> bool:
    """True for mean(x)."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "mean"


def evaluate_all(tree: ast.expr, samples: list[dict[str, float]]) -> list[float]:
    """The value of a formula with every sample of a step; mean(x) is the same number for all, inner ones first."""
    rows = [dict(one) for one in samples]
    for node in reversed([node for node in ast.walk(tree) if is_mean(node)]):
        assert isinstance(node, ast.Call)
        average = sum(evaluate(node.args[0], row) for row in rows) / len(rows)
        for row in rows:
            row[f"mean of {ast.dump(node.args[0])}"] = average
    return [evaluate(tree, row) for row in rows]
