"""Takes mean(x) out of a formula: a name for every mean, one number per synapse [N, I, O], that is computed before the formula.

(m - mean(err*pre))**2   ->   (m - x)**2  with  x = mean over samples of err*pre
"""

from __future__ import annotations

import sympy

from inner.rules.faces import to_text
from inner.rules.functions import name_of, replace

Means = dict[sympy.Expr, sympy.Expr]  # symbol -> what it is the mean of; those inside others first


def taken_out(expression: sympy.Expr) -> tuple[sympy.Expr, Means]:
    """The formula with a symbol for every mean, and the means; equal means have equal symbols in all formulas."""
    found: Means = {}
    named: dict[sympy.Expr, sympy.Expr] = {}  # a mean as it is written -> its symbol
    for node in sympy.postorder_traversal(expression):
        if name_of(node) == "mean" and node not in named:
            named[node] = sympy.Symbol(f"mean of {to_text(node.args[0])}", real=True)
            found[named[node]] = replace(node.args[0], named)
    return (replace(expression, named), found) if found else (expression, found)


def averages(expression: sympy.Expr) -> bool:
    """True for a formula with a mean in it."""
    return any(name_of(node) == "mean" for node in sympy.preorder_traversal(expression))


def names_inside(inside: sympy.Expr, means: Means) -> set[str]:
    """The names that a mean is made from, through the means inside it."""
    found: set[str] = set()
    for symbol in inside.free_symbols:
        found |= names_inside(means[symbol], means) if symbol in means else {symbol.name}
    return found
