"""Writes an expression as text with infix arithmetic: formula text, Python and C differ only in a small `Dialect`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy

from inner.rules.functions import FUNCTIONS, arguments_of, name_of
from inner.rules.signals import SIGNALS


@dataclass(frozen=True)
class Dialect:
    """How one language writes the leaves, calls, powers and quotients; operands arrive as finished text."""

    number: Callable[[sympy.Expr], str]
    name: Callable[[str], str]
    call: Callable[[str, Sequence[str]], str]
    power: Callable[[str, int], str]  # the base, bracketed unless it is a leaf or call, and an exponent >= 2
    divide: Callable[[str, str], str]  # numerator as product text, denominator bracketed where it needs it
    compares: bool = False  # whether comparisons stand between their arguments, as in formulas, or are calls


BRACKETS = 3  # the rank of what is neither a number nor a name
MAX_FACTOR = 8  # the largest exponent that a formula may contain


def exponent_parts(exponent: int) -> list[list[int]]:
    """Write an exponent as a sum of products of numbers up to 8: 20 -> [[5, 4]], 11 -> [[8], [3]].

    One product wherever that is possible, so that the base is written once and nested powers stay as short as given.
    """
    for first in range(exponent, 0, -1):
        parts = [_factors(first), *([_factors(exponent - first)] if first < exponent else [])]
        if all(parts):
            return parts
    raise ValueError(f"formula: exponent {exponent} cannot be written with exponents up to {MAX_FACTOR}")


def _factors(exponent: int) -> list[int]:
    """Factors up to 8 whose product is the exponent, largest first; empty if it has a prime factor beyond 7."""
    factors = []
    while exponent > 1:
        factor = next((f for f in range(MAX_FACTOR, 1, -1) if exponent % f == 0), 0)
        if not factor:
            return []
        factors.append(factor)
        exponent //= factor
    return factors or [1]


def emit(expression: sympy.Expr, dialect: Dialect) -> str:
    """The text of `expression`; terms and factors come in an order that depends on the expression only."""
    sign = _sign_between(expression, dialect)
    if sign:
        left, right = (f"({emit(a, dialect)})" if _sign_between(a, dialect) else emit(a, dialect) for a in expression.args)
        return f"{left} {sign} {right}"
    return _sum(expression, dialect) if expression.is_Add else _product(expression, dialect)


def _sign_between(expression: sympy.Expr, dialect: Dialect) -> str:
    """The sign of a comparison that is written between its arguments, else empty."""
    name = name_of(expression) if dialect.compares else None
    return FUNCTIONS[name].infix if name else ""


def _sum(expression: sympy.Expr, dialect: Dialect) -> str:
    terms = []
    for term in expression.args:
        text = _product(term, dialect)
        terms.append((bool(term.is_Number), text.lstrip("-"), text.startswith("-")))
    terms.sort(key=lambda item: (item[0], item[2], item[1]) if item[0] else (item[0], False, item[1]))
    first, *rest = terms
    text = ("-" if first[2] else "") + first[1]
    return text + "".join((" - " if negative else " + ") + term for _, term, negative in rest)


def _product(expression: sympy.Expr, dialect: Dialect) -> str:
    negative, above, below = False, [], []
    for factor in _ordered(sympy.Mul.make_args(expression)):
        if factor.is_Number:
            negative = bool(factor < 0)
            size = -factor if negative else factor
            if factor.is_Rational and factor.q != 1:
                below.append(dialect.number(sympy.Integer(size.q)))
                size = sympy.Integer(size.p)
            if size != 1 or not size.is_Integer:
                above.append(dialect.number(size))
        elif factor.is_Pow:
            if not factor.exp.is_Integer:
                raise ValueError(f"formula: expected whole exponents, got {str(factor.exp)[:30]}")
            (above if factor.exp > 0 else below).append(_power(factor.base, abs(int(factor.exp)), dialect))
        else:
            above.append(_atom(factor, dialect))
    top = "*".join(above) or dialect.number(sympy.Integer(1))
    if below:
        top = dialect.divide(top, below[0] if len(below) == 1 else f"({'*'.join(below)})")
    return f"-{top}" if negative else top


def _power(base: sympy.Expr, exponent: int, dialect: Dialect) -> str:
    text = _atom(base, dialect)
    return text if exponent == 1 else dialect.power(text, exponent)


def _atom(expression: sympy.Expr, dialect: Dialect) -> str:
    """A leaf or call as it is, anything else in brackets."""
    if expression.is_Symbol:
        return dialect.name(expression.name)
    name = name_of(expression)
    if name and not _sign_between(expression, dialect):
        return dialect.call(name, [emit(argument, dialect) for argument in arguments_of(expression)])
    if name or expression.is_Add or expression.is_Mul or expression.is_Pow or expression.is_Number:
        return f"({emit(expression, dialect)})"
    raise ValueError(f"formula: no text for {type(expression).__name__}")


def _ordered(factors: Sequence[sympy.Expr]) -> list[sympy.Expr]:
    """Numbers, coefficients by name, signals as in the catalogue, then functions and brackets."""
    ranks = [_rank(factor) for factor in factors]
    if sum(rank[0] == BRACKETS for rank in ranks) > 1:  # the text that tells these apart is as long as they are
        ranks = [(BRACKETS, 0, str(sympy.srepr(f))) if r[0] == BRACKETS else r for r, f in zip(ranks, factors)]
    return [factors[n] for n in sorted(range(len(factors)), key=ranks.__getitem__)]


def _rank(factor: sympy.Expr) -> tuple[int, int, str]:
    base = factor.base if factor.is_Pow else factor
    if factor.is_Number:
        return (0, 0, "")
    if base.is_Symbol:
        order = list(SIGNALS)
        return (2, order.index(base.name), "") if base.name in SIGNALS else (1, 0, base.name)
    return (BRACKETS, 0, "")
