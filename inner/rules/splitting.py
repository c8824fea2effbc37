"""Sets apart what depends on coefficients alone: such a part of a formula stays together and is computed once."""

from __future__ import annotations

from collections.abc import Callable, Set

import sympy

from inner.rules.functions import call, name_of


class Split:
    """Calling it gives an expression with a symbol for every part of coefficients alone; `apart` keeps what they stand for.

    signals: the symbols that are no coefficients; symbol: makes a new one.
    """

    def __init__(self, signals: Set[sympy.Expr], symbol: Callable[[], sympy.Symbol]) -> None:
        self.signals = signals
        self.symbol = symbol
        self.apart: dict[sympy.Expr, sympy.Symbol] = {}
        self.done: dict[sympy.Expr, sympy.Expr] = {}
        self.names: dict[sympy.Expr, frozenset[sympy.Expr]] = {}

    def __call__(self, node: sympy.Expr) -> sympy.Expr:
        """The expression with a symbol for whatever depends on coefficients alone: it stays together, computed once."""
        if not node.args:
            return node
        if node not in self.done:
            self.done[node] = self._new(node)
        return self.done[node]

    def _new(self, node: sympy.Expr) -> sympy.Expr:
        if self._free(node):
            return self._stand_in(node)
        if not self._names(node):
            return node
        arguments = [self(argument) for argument in node.args if not self._free(argument)]
        rest = [argument for argument in node.args if self._free(argument)]
        if rest and (node.is_Add or node.is_Mul):
            inside = node.func(*rest)
            return node.func(*arguments, self._stand_in(inside) if inside.args else inside)
        whole = [self(argument) for argument in node.args]
        name = name_of(node)
        return call(name, *whole) if name else node.func(*whole)

    def _free(self, node: sympy.Expr) -> bool:
        """True for a part that depends on coefficients and on nothing else."""
        names = self._names(node)
        return bool(names) and not names & self.signals

    def _names(self, node: sympy.Expr) -> frozenset[sympy.Expr]:
        """The symbols of an expression, found once for every part."""
        if not node.args:
            return frozenset(node.free_symbols)
        if node not in self.names:
            self.names[node] = frozenset().union(*(self._names(argument) for argument in node.args))
        return self.names[node]

    def _stand_in(self, node: sympy.Expr) -> sympy.Expr:
        """The symbol that stands for a part of coefficients alone."""
        if node not in self.apart:
            self.apart[node] = self.symbol()
        return self.apart[node]
