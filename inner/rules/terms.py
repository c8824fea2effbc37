"""A formula as a sum of terms, each a coefficient part times a signal part: what is read, sorted and pruned."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import sympy

from inner.rules.faces import to_text
from inner.rules.functions import name_of, replace, stand_in
from inner.rules.numeric import evaluate
from inner.rules.separate import MAX_NODES, expanded_nodes

MAX_TERMS = 2_000  # of the expanded sum


def expanded_terms(expression: sympy.Expr, signals: Collection[str]) -> list[tuple[sympy.Expr, sympy.Expr]]:
    """[(coefficient part, signal part)] of the expanded sum, equal signal parts collected, in order of their text.

    A function of any signal belongs to the signal part, with the coefficients inside it. Raises ValueError where the
    expanded sum would have more than `MAX_TERMS` terms, or would be too long to write.
    """
    stand_ins: dict[sympy.Expr, sympy.Expr] = {}
    flat = _cut(expression, stand_ins)
    if _too_long(flat, stand_ins):
        raise ValueError(f"formula: its expanded form has more than {MAX_TERMS} terms or {MAX_NODES} parts")
    back = {stand_in: node for node, stand_in in stand_ins.items()}
    fronts: dict[sympy.Expr, list[sympy.Expr]] = {}
    for term in sympy.Add.make_args(_expand(flat)):
        factors = [replace(factor, back) for factor in sympy.Mul.make_args(term)]
        seen = [any(symbol.name in signals for symbol in factor.free_symbols) for factor in factors]
        basis = sympy.Mul(*(factor for factor, of_signal in zip(factors, seen, strict=True) if of_signal))
        front = sympy.Mul(*(factor for factor, of_signal in zip(factors, seen, strict=True) if not of_signal))
        fronts.setdefault(basis, []).append(front)
    collected = [(sympy.Add(*parts), basis) for basis, parts in fronts.items()]
    texts = {basis: to_text(basis) for basis in fronts}
    return sorted(((front, basis) for front, basis in collected if front != 0), key=lambda term: texts[term[1]])


def numeric_terms(
    expression: sympy.Expr, signals: Collection[str], values: Mapping[str, float], digits: int | None
) -> list[tuple[float, sympy.Expr]]:
    """[(number, signal part)] with the coefficients' values put in, largest |number| first; zero terms are left out.

    Numbers are rounded to `digits` significant digits (None: not at all). A formula whose expanded sum would be too long
    stays as it is written, one term.
    """
    rounded = {name: _rounded(value, digits) for name, value in values.items()}
    stand_ins: dict[sympy.Expr, sympy.Expr] = {}
    if _too_long(_cut(expression, stand_ins), stand_ins):
        return [(1.0, with_numbers(expression, rounded))]
    found = []
    for front, basis in expanded_terms(expression, signals):
        number = _rounded(evaluate(front, values), digits)
        if not math.isfinite(number):
            raise ValueError(f"values: they make '{to_text(front)[:60]}' {number}, expected a finite number")
        if number != 0:
            found.append((number, with_numbers(basis, rounded)))
    return sorted(found, key=lambda term: (-abs(term[0]), to_text(term[1])))


def with_numbers(expression: sympy.Expr, values: Mapping[str, float]) -> sympy.Expr:
    """Put numbers in for names. Raises ValueError where they make a part infinite or undefined, such as 1/0."""
    numbers: dict[sympy.Expr, sympy.Expr] = {
        sympy.Symbol(name, real=True): sympy.Float(value) for name, value in values.items()
    }
    result = replace(expression, numbers)
    if result.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I):
        raise ValueError(f"values: they make '{to_text(expression)[:60]}' infinite or undefined")
    return result


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
        return stand_ins.setdefault(node, stand_in("function", len(stand_ins)))
    if not node.args:
        return node
    return node.func(*(_cut(argument, stand_ins) for argument in node.args))


def _too_long(flat: sympy.Expr, stand_ins: Mapping[sympy.Expr, sympy.Expr]) -> bool:
    """True for an expanded sum of too many terms, or of too many nodes together with the functions that were cut out."""
    sizes = {symbol: sum(1 for _ in sympy.preorder_traversal(node)) for node, symbol in stand_ins.items()}
    return _count(flat) > MAX_TERMS or expanded_nodes(flat, sizes) > MAX_NODES


def _count(node: sympy.Expr) -> int:
    """Upper bound of the number of terms after expanding, itself bounded, as nested powers grow without limit."""
    total = 1
    if node.is_Add:
        total = sum(_count(argument) for argument in node.args)
    elif node.is_Mul:
        for argument in node.args:
            total = min(total * _count(argument), MAX_TERMS + 1)
    elif node.is_Pow and node.exp.is_Integer and node.exp > 0:
        total = _count(node.base) ** int(node.exp)
    return min(total, MAX_TERMS + 1)


def _expand(node: sympy.Expr) -> sympy.Expr:
    """Multiply out products and positive powers of sums; quotients stay."""
    if _count(node) == len(sympy.Add.make_args(node)):
        return node
    return sympy.expand(node, log=False, power_exp=False, power_base=False, basic=False)
