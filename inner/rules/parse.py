"""Reads the text of a formula: whitelisted tokens, then whitelisted `ast` nodes, then SymPy node by node.

Nothing is ever evaluated as Python, and nothing that grows faster than its text is computed: exponents are whole
numbers up to 8, numbers stay within 1e30, functions are not simplified. Every refusal is a ValueError of one line
that gives the column.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Collection
from functools import lru_cache

import sympy

from inner.components import suggest
from inner.rules.depth import MAX_TREE_DEPTH, depth
from inner.rules.functions import FUNCTIONS, call
from inner.rules.numeric import evaluate
from inner.rules.signals import SIGNALS

MAX_CHARACTERS = 10_000
MAX_BRACKETS = 100  # open at once; what is redundant among them does not count as depth
MAX_READING = 160  # levels of the text's operations while reading; `depth` has the limit of what is read
MAX_NODES = 2_000
MAX_EXPONENT = 8
MAX_POWER = 64  # of the same base, after nested and repeated powers are collected
MAX_NUMBER = 1e30
MIN_NUMBER = 1e-300
MAX_NAME = 64

COMPARISONS = {  # of ast -> the function, and whether its arguments are exchanged
    ast.Gt: ("greater", False), ast.GtE: ("atleast", False), ast.Lt: ("greater", True), ast.LtE: ("atleast", True),
}  # fmt: skip
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<operator>\*\*|[<>]=?|[-+*/])|(?P<bracket>[()])|(?P<comma>,)"
)


def parse(text: str, signals: Collection[str] = tuple(SIGNALS)) -> sympy.Expr:
    """Return the SymPy expression of a formula; its symbols are real and carry the names in the text.

    `signals` are the names (signals and declared traces) that may be used at this place; any other name is a
    coefficient. Raises ValueError, in one line, for everything that is not a formula.
    """
    _scan(text)
    try:
        # the added bracket allows leading blanks and shifts `ast`'s columns, which count from 0, to count from 1
        tree = ast.parse("(" + re.sub(r"[\t\r\n]", " ", text) + ")", mode="eval").body
        expression = _Builder(frozenset(signals)).build(tree, 0)
    except SyntaxError as error:
        column = min(max((error.offset or 2) - 1, 1), len(text))
        raise ValueError(
            f"formula: no arithmetic expression at column {column}: {text[column - 1 : column + 29]!r}"
        ) from None
    except (RecursionError, MemoryError):
        raise ValueError(f"formula: nested too deeply, at most {MAX_TREE_DEPTH} levels") from None
    if (levels := depth(expression)) > MAX_TREE_DEPTH:
        raise ValueError(f"formula: nested too deeply, {levels} levels of operations, at most {MAX_TREE_DEPTH}")
    _check_result(expression)
    return expression


@lru_cache(maxsize=1024)
def names_in(text: str) -> tuple[str, ...]:
    """Every name in a formula that is not a function, in order of first appearance."""
    found = (match.group() for match in _scan(text) if match.lastgroup == "name")
    return tuple(dict.fromkeys(name for name in found if name not in FUNCTIONS))


def check_name(name: str, what: str = "name") -> None:
    """Raise ValueError unless `name` can be a coefficient or trace: an ASCII identifier, no keyword, no function."""
    shown = repr(str(name)[:40])
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or "__" in name:
        raise ValueError(f"{what} {shown}: expected letters, digits and single underscores, starting with a letter")
    if len(name) > MAX_NAME:
        raise ValueError(f"{what} {shown}: expected at most {MAX_NAME} characters, got {len(name)}")
    if keyword.iskeyword(name):
        raise ValueError(f"{what} {shown} is a reserved word; choose another, such as '{name[:3].lower()}_1'")
    if name in FUNCTIONS:
        raise ValueError(f"{what} {shown} is a function; write {name}(...) or choose another name")


def _scan(text: str) -> list[re.Match[str]]:
    """Split into tokens; check length, characters, brackets and the number of nodes before `ast` sees the text."""
    if not isinstance(text, str):
        raise ValueError(f"formula: expected text, got {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"formula: expected at most {MAX_CHARACTERS} characters, got {len(text)}")
    if not text.strip():
        raise ValueError("formula: expected an expression, got an empty text")
    tokens, position, open_, nodes = [], 0, 0, 0
    while position < len(text):
        match, column = _TOKEN.match(text, position), position + 1
        if match is None:
            character = text[position]
            hint = "; write ** for powers" if character == "^" else ""
            raise ValueError(f"formula: character {ascii(character)} at column {column} has no meaning here{hint}")
        token, after = match.group(), text[match.end() : match.end() + 1]
        if match.lastgroup == "number" and re.match(r"[A-Za-z0-9_.]", after):
            raise ValueError(f"formula: '{token[:20]}{after}' at column {column} is no number; products need a *")
        if match.lastgroup == "number" and not float(token) <= MAX_NUMBER:
            raise ValueError(f"formula: number at column {column} is beyond {MAX_NUMBER:g}")
        if match.lastgroup == "bracket":
            open_ += 1 if token == "(" else -1
            if open_ > MAX_BRACKETS:
                raise ValueError(f"formula: nested too deeply at column {column}, at most {MAX_BRACKETS} brackets")
            if open_ < 0:
                raise ValueError(f"formula: ')' at column {column} closes nothing")
        elif match.lastgroup == "name" and token not in FUNCTIONS:
            check_name(token, f"formula: column {column}: name")
        nodes += match.lastgroup in ("number", "name", "operator")
        if nodes > MAX_NODES:
            raise ValueError(f"formula: more than {MAX_NODES} names, numbers and operators")
        tokens.append(match)
        position = match.end()
    if open_:
        raise ValueError(f"formula: {open_} bracket(s) left open")
    return tokens


class _Builder:
    """Turns whitelisted `ast` nodes into SymPy; chains of + - and of * / are flat, so only real nesting counts."""

    def __init__(self, signals: frozenset[str]) -> None:
        self.signals = signals

    def at(self, node: ast.expr) -> str:
        return f"at column {node.col_offset}"

    def build(self, node: ast.expr, level: int) -> sympy.Expr:
        if level > MAX_READING:
            raise ValueError(f"formula: nested too deeply {self.at(node)}, at most {MAX_TREE_DEPTH} levels")
        if isinstance(node, ast.Constant):
            return self.number(node)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            value = self.build(node.operand, level + 1)
            return value if isinstance(node.op, ast.UAdd) else -value
        if isinstance(node, ast.Compare):
            return self.check(node, self.comparison(node, level))
        if isinstance(node, ast.Call):
            return self.check(node, self.function(node, level))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            return self.check(node, self.power(node, level))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            parts = self.chain(node, (ast.Add, ast.Sub), level)
            return self.check(node, sympy.Add(*(-part if inverse else part for _, part, inverse in parts)))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            parts = self.chain(node, (ast.Mult, ast.Div), level)
            return self.check(node, sympy.Mul(*(self.inverse(at, p) if inverse else p for at, p, inverse in parts)))
        what = type(getattr(node, "op", node)).__name__
        raise ValueError(
            f"formula: {what} {self.at(node)} is not allowed; a formula has numbers, names, + - * / ** "
            f"and {', '.join(FUNCTIONS)}"
        )

    def chain(self, node: ast.expr, kinds: tuple[type, ...], level: int) -> list[tuple[ast.expr, sympy.Expr, bool]]:
        """The operands of a left-leaning chain, each with whether it is subtracted (or divided by)."""
        operands: list[tuple[ast.expr, bool]] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
            operands.append((node.right, isinstance(node.op, kinds[1])))
            node = node.left
        operands.append((node, False))
        negative = False
        if ast.Mult in kinds:  # -(a + b)*c is -((a + b)*c), not (-a - b)*c: the same number, but SymPy keeps them apart
            while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                node, negative, level = node.operand, not negative, level + 1
            operands[-1] = (node, False)
        parts = [(operand, self.build(operand, level + 1), inverse) for operand, inverse in reversed(operands)]
        return [(node, sympy.Integer(-1), False), *parts] if negative else parts

    def number(self, node: ast.Constant) -> sympy.Expr:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"formula: {type(value).__name__} {self.at(node)} is not allowed, only plain numbers")
        return sympy.Integer(value) if isinstance(value, int) else sympy.Float(value)

    def name(self, node: ast.Name) -> sympy.Expr:
        if node.id in FUNCTIONS:
            raise ValueError(f"formula: '{node.id}' {self.at(node)} is a function; write {node.id}(...)")
        if node.id in SIGNALS and node.id not in self.signals:
            known = ", ".join(sorted(self.signals))
            raise ValueError(f"formula: signal '{node.id}' {self.at(node)} is not available here; available: {known}")
        return sympy.Symbol(node.id, real=True)

    def function(self, node: ast.Call, level: int) -> sympy.Expr:
        if not isinstance(node.func, ast.Name):
            raise ValueError(f"formula: call {self.at(node)}: only {', '.join(FUNCTIONS)} can be called")
        name = node.func.id
        if name not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise ValueError(
                f"formula: unknown function '{name}' {self.at(node)}{suggest(name, FUNCTIONS)}; known: {known}"
            )
        expected = FUNCTIONS[name].arguments
        if len(node.args) != expected or node.keywords:
            raise ValueError(f"formula: {name} {self.at(node)}: expected {expected} argument(s), got {len(node.args)}")
        return call(name, *(self.build(argument, level + 1) for argument in node.args))

    def comparison(self, node: ast.Compare, level: int) -> sympy.Expr:
        """x > y or x >= y; the other two with their sides exchanged."""
        found = COMPARISONS.get(type(node.ops[0]))
        if len(node.ops) > 1 or found is None:
            raise ValueError(f"formula: comparison {self.at(node)}: expected x > y, x >= y, x < y or x <= y, one at a time")
        name, exchanged = found
        sides = [self.build(side, level + 1) for side in (node.left, node.comparators[0])]
        return call(name, *(reversed(sides) if exchanged else sides))

    def power(self, node: ast.BinOp, level: int) -> sympy.Expr:
        exponent, sign = node.right, 1
        while isinstance(exponent, ast.UnaryOp) and isinstance(exponent.op, ast.UAdd | ast.USub):
            sign = -sign if isinstance(exponent.op, ast.USub) else sign
            exponent = exponent.operand
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        whole = not isinstance(value, bool) and isinstance(value, int | float) and value == value // 1
        if not whole or not isinstance(value, int | float) or value > MAX_EXPONENT:
            where = self.at(node.right)
            raise ValueError(f"formula: exponent {where}: expected a whole number up to {MAX_EXPONENT}; pow(x, y) has others")
        base = self.build(node.left, level + 1)
        if sign < 0 and base.is_zero:
            raise ValueError(f"formula: division by zero {self.at(node)}")
        return sympy.Pow(base, sign * int(value))

    def inverse(self, node: ast.expr, value: sympy.Expr) -> sympy.Expr:
        if value.is_Number and value.is_zero:
            raise ValueError(f"formula: division by zero {self.at(node)}")
        return sympy.Pow(value, -1)

    def check(self, node: ast.expr, value: sympy.Expr) -> sympy.Expr:
        """Refuse a result whose numbers or powers run away, or a constant that is not a finite real number."""
        for part in (value, *value.args) if value.is_Add or value.is_Mul or value.is_Pow else (value,):
            if part.is_Number and not _fits(part):
                raise ValueError(f"formula: number {self.at(node)} leaves {MIN_NUMBER:g} .. {MAX_NUMBER:g}")
            if part.is_Pow and not (part.exp.is_Integer and abs(part.exp) <= MAX_POWER):
                raise ValueError(f"formula: power {self.at(node)}: expected a whole number up to {MAX_POWER}")
        if not value.free_symbols and not math.isfinite(evaluate(value, {})):
            raise ValueError(f"formula: the constant {self.at(node)} is not a finite real number")
        return value


def _fits(number: sympy.Expr) -> bool:
    if number.is_Rational:
        return bool(abs(number.p) <= MAX_NUMBER and number.q <= MAX_NUMBER)
    return bool(number.is_Float and (number == 0 or MIN_NUMBER <= abs(float(number)) <= MAX_NUMBER))


def _check_result(expression: sympy.Expr) -> None:
    for number in expression.atoms(sympy.Number, sympy.NumberSymbol, sympy.I.func, sympy.zoo.func):
        if number is not sympy.E and not (number.is_Number and _fits(number)):
            raise ValueError(f"formula: simplifies to something with {str(number)[:30]}, which is not allowed")
