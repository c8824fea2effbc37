"""The nesting depth of a formula and its one limit: within it nothing that reads a formula meets Python's recursion limit.

The sum at the top and the products in it are level 0; every operation inside a factor is one level more, so that
multiplying a rule by a rate or expanding it adds none. SymPy and the renderings take up to seven frames of Python's
thousand for a level.
"""

from __future__ import annotations

import sympy

MAX_TREE_DEPTH = 64


def depth(expression: sympy.Expr) -> int:
    """Levels of operations inside the factors of the terms of an expression; a name, a number or a product has 0."""
    deepest = 0
    ahead = [(factor, 0) for term in sympy.Add.make_args(expression) for factor in sympy.Mul.make_args(term)]
    while ahead:
        node, level = ahead.pop()
        if node.args:
            deepest = max(deepest, level + 1)
            ahead += [(argument, level + 1) for argument in node.args]
    return deepest
