"""A formula as a sum of terms, each a coefficient part times a signal part: what is read, sorted and pruned."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sympy

from inner.rules.faces import to_text
from inner.rules.functions import name_of, replace
from inner.rules.numeric import evaluate

MAX_TERMS = 2_000  # of the expanded sum


def expanded_terms(expression: sympy.Expr, signals: Collection[str]) -> list[tuple[sympy.Expr, sympy.Expr]]:
    """[(coefficient part, signal part)] of the expanded sum, equal signal parts collected, in order of their text.

    A function of any signal belongs to the signal part, with the coefficients inside it. Raises ValueError where the
    expanded sum would have more than `MAX_TERMS` terms.
    """
    stand_ins: dict[sympy.Expr, sympy.Expr] = {}
    flat = _cut(expression, stand_ins)
    if _count(flat) > MAX_TERMS:
        raise ValueError(f"formula: its expanded form has more than {MAX_TERMS} terms")
    back = {stand_in: node for node, stand_in in stand_ins.items()}
    collected: dict[sympy.Expr, sympy.Expr] = {}
    for term in sympy.Add.make_args(_expand(flat)):
        front, basis = sympy.Integer(1), sympy.Integer(1)
        for factor in sympy.Mul.make_args(term):
            factor = replace(factor, back)
            if any(symbol.name in signals for symbol in factor.free_symbols):
                basis = basis * factor
            else:
                front = front * factor
        collected[basis] = collected.get(basis, sympy.Integer(0)) + front
    return sorted(((c, b) for b, c in collected.items() if c != 0), key=lambda term: (to_text(term[1]), to_text(term[0])))


def numeric_terms(
    expression: sympy.Expr, signals: Collection[str], values: Mapping[str, float], digits: int | None
) -> list[tuple[float, sympy.Expr]]:
    """[(number, signal part)] with the coefficients' values put in, largest |number| first; zero terms are left out.

    Numbers are rounded to `digits` significant digits (None: not at all).
    """
    numbers = {
        sympy.Symbol(name, real=True): sympy.Float(_rounded(value, digits))
        for name, value in values.items()
        if name not in signals
    }
    found = []
    for front, basis in expanded_terms(expression, signals):
        number = _rounded(evaluate(front, values), digits)
        if number != 0:
            found.append((number, replace(basis, numbers)))
    return sorted(found, key=lambda term: (-abs(term[0]), to_text(term[1])))


def terms_text(terms: list[tuple[float, sympy.Expr]]) -> str:
    """The sum of numeric terms as formula text in the order given; "0" for no terms."""
    text = ""
    for number, basis in terms:
        factor = "" if abs(number) == 1 and basis != 1 else repr(abs(number)) + ("*" if basis != 1 else "")
        product = factor + ("" if basis == 1 else f"({to_text(basis)})" if basis.is_Add else to_text(basis))
        if factor.endswith("*") and product.startswith(f"{factor}1/"):
            product = product.replace("*1/", "/", 1)
        negative = number < 0
        if product.startswith("-"):
            product, negative = product[1:], not negative
        text += (" - " if negative else " + ") + product
    text = text.removeprefix(" + ") if text else "0"
    return "-" + text.removeprefix(" - ") if text.startswith(" - ") else text


def _rounded(value: float, digits: int | None) -> float:
    return float(value) if digits is None else float(f"{value:.{digits}g}")


def _cut(node: sympy.Expr, stand_ins: dict[sympy.Expr, sympy.Expr]) -> sympy.Expr:
    """Replace every function by a symbol, so that expanding cannot rewrite it."""
    if name_of(node):
        return stand_ins.setdefault(node, sympy.Dummy(real=True))
    if not node.args:
        return node
    return node.func(*(_cut(argument, stand_ins) for argument in node.args))


def _count(node: sympy.Expr) -> int:
    """Upper bound of the number of terms after expanding; exact enough to stop before the work, never after."""
    if node.is_Add:
        return sum(_count(argument) for argument in node.args)
    if node.is_Mul:
        total = 1
        for argument in node.args:
            total *= _count(argument)
        return total
    if node.is_Pow and node.exp.is_Integer and node.exp > 0:
        return int(_count(node.base) ** int(node.exp))
    return 1


def _expand(node: sympy.Expr) -> sympy.Expr:
    """Multiply out products and positive powers of sums; quotients stay."""
    return sympy.expand(node, log=False, power_exp=False, power_base=False, basic=False)
