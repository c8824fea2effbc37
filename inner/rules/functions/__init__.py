"""The functions that a formula may call: one row each, in the order of the table, with every rendering they have.

A new function is one row in `smooth.py`, `periodic.py` or `pieces.py` and its name here. The SymPy classes leave what is written as it
is: SymPy's automatic rewriting of `Max`, `Abs`, `log` and of products of `exp` can take minutes on hostile input, can
leave the real numbers, and would make the printed formula differ from the one that was written. Sums, products and whole
powers keep SymPy's normal form.
"""

from __future__ import annotations

from typing import Any

import sympy

from inner.rules.functions.choices import ATLEAST, GREATER, WHERE
from inner.rules.functions.periodic import COS
from inner.rules.functions.pieces import ABS, MAX, MIN, RELU, SIGN, STEP
from inner.rules.functions.powers import POW, SQRT
from inner.rules.functions.row import FORMS, Function
from inner.rules.functions.samples import MEAN
from inner.rules.functions.smooth import EXP, LOG, SIGMOID, TANH

__all__ = ["FORMS", "FUNCTIONS", "Function"]

FUNCTIONS: dict[str, Function] = {
    row.name: row
    for row in (TANH, SIGMOID, EXP, LOG, ABS, STEP, SIGN, RELU, MAX, MIN, COS, SQRT, WHERE, GREATER, ATLEAST, POW, MEAN)
}


def rendering(name: str, form: str) -> Any:
    """A rendering of a function, by the name of its field. Raises ValueError for one that it does not have."""
    found = getattr(FUNCTIONS[name], form)
    if not found:
        raise ValueError(f"formula: no {FORMS[form]} for the function '{name}'")
    return found


def name_of(node: sympy.Basic) -> str | None:
    """The name that a formula uses for this node's function, or None where the node is no function of the table.

    SymPy's own classes count as ours, so that derivatives and results of SymPy's tools have renderings too.
    """
    if node is sympy.E:
        return "exp"
    kind = type(node)
    row = FUNCTIONS.get(kind.__name__.lower())
    return row.name if row is not None and (kind is row.symbolic or kind in row.symbolic.__bases__) else None


def arguments_of(node: sympy.Basic) -> tuple[sympy.Expr, ...]:
    """Arguments of a function node; Euler's number counts as exp(1)."""
    return (sympy.Integer(1),) if node is sympy.E else node.args


def functions_in(*expressions: sympy.Expr) -> list[str]:
    """The names of the functions in expressions, in the order of the table."""
    found = {name_of(part) for expression in expressions for part in sympy.preorder_traversal(expression)}
    return [name for name in FUNCTIONS if name in found]


def call(name: str, *arguments: sympy.Expr) -> sympy.Expr:
    """The function `name` of `arguments` as SymPy expression, left as it is written."""
    row = FUNCTIONS[name]
    if row.idempotent and len(set(arguments)) == 1:
        return arguments[0]  # max(x, x)
    return row.symbolic(*arguments)


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
