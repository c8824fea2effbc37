"""The faces of a formula: text, Python, LaTeX and torch, all written from one SymPy expression (C: the native engine)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import sympy

from inner.rules.emit import Dialect, emit, exponent_parts
from inner.rules.functions import functions_in, rendering, replace
from inner.rules.parse import check_name
from inner.rules.signals import SIGNALS

if TYPE_CHECKING:
    from inner.rules.torch_face import TorchFormula


def _formula_number(number: sympy.Expr) -> str:
    return str(number) if number.is_Rational else repr(float(number))


def _formula_power(base: str, exponent: int) -> str:
    """Exponents beyond the parser's limit are written as nested powers: x**20 is (x**5)**4."""
    parts = []
    for factors in exponent_parts(exponent):
        text = base
        for index, factor in enumerate(factors):
            text = text if factor == 1 else f"({text})**{factor}" if index else f"{text}**{factor}"
        parts.append(text)
    return parts[0] if len(parts) == 1 else f"({'*'.join(parts)})"


_TEXT = Dialect(
    number=_formula_number,
    name=str,
    call=lambda name, arguments: f"{name}({', '.join(arguments)})",
    power=_formula_power,
    divide=lambda above, below: f"{above}/{below}",
    compares=True,
)


def to_text(expression: sympy.Expr) -> str:
    """The formula as text, such that `parse(to_text(e)) == e` for every `e` that `parse` returns."""
    return emit(expression, _TEXT)


PYTHON_HELPERS = {  # beside the functions of the formula
    "_power": (
        "def _power(x, n):\n    result = x\n    for _ in range(n - 1):\n        result *= x\n    return result\n"
    ),
    "_divide": (
        "def _divide(x, y):\n    if y != 0:\n        return x / y\n"
        "    return math.nan if x == 0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)\n"
    ),
}

_PYTHON = Dialect(
    number=lambda number: repr(float(number)),
    name=str,
    call=lambda name, arguments: f"_{name}({', '.join(arguments)})",
    power=lambda base, exponent: f"_power({base}, {exponent})",
    divide=lambda above, below: f"_divide({above}, {below})",
)


def to_python_source(expression: sympy.Expr, function_name: str, parameters: Sequence[str] | None = None) -> str:
    """Source of a plain Python function of floats that needs `math` only; overflow gives inf and never raises.

    `parameters` fixes the order of the arguments (default: signals as in the catalogue, then the other names).
    """
    check_name(function_name, "function name")
    used = {symbol.name for symbol in expression.free_symbols}
    if parameters is None:
        parameters = [name for name in SIGNALS if name in used] + sorted(used - set(SIGNALS))
    missing = sorted(used - set(parameters))
    if missing:
        raise ValueError(f"parameters: expected every name of the formula, missing: {', '.join(missing)}")
    for name in parameters:
        check_name(name, "parameter")
    body = emit(expression, _PYTHON)
    needed = [rendering(name, "python") for name in functions_in(expression)]
    needed += [source for name, source in PYTHON_HELPERS.items() if re.search(rf"\b{name}\(", body)]
    function = f"def {function_name}({', '.join(parameters)}):\n    return {body}\n"
    return "\n\n".join(["import math\n", *needed, function])


def to_torch(expression: sympy.Expr) -> TorchFormula:
    """The formula as callable from `Mapping[str, Tensor]` (broadcastable) to Tensor: differentiable, on any device.

    A formula without names returns a Python float. Torch is imported here, so that reading a rule does not need it.
    """
    from inner.rules.torch_face import TorchFormula

    return TorchFormula.of(expression)


_LATEX_SIGNALS = {"pre": "x", "post": "y", "w": "w", "err": r"\delta", "reward": "r", "target": "t", "slope": "y'"}


def to_latex(expression: sympy.Expr) -> str:
    """LaTeX with x for `pre`, y for `post`, delta for `err`; where a coefficient has that letter, the signal's name."""
    names = sorted(symbol.name for symbol in expression.free_symbols)
    taken = {_latex_name(name) for name in names if name not in SIGNALS}
    renamed: dict[sympy.Expr, sympy.Expr] = {}  # SymPy orders factors by name: coefficients first, then signals
    written = {}
    for name in names:
        letter = _LATEX_SIGNALS.get(name, "")
        if name in SIGNALS:
            key = sympy.Symbol(f"z{list(SIGNALS).index(name):02d}", real=True)
            written[key] = letter if letter and letter not in taken else _latex_name(name, roman=True)
        else:
            key = sympy.Symbol(f"a_{name}", real=True)
            written[key] = _latex_name(name)
        renamed[sympy.Symbol(name, real=True)] = key
    return str(sympy.latex(replace(expression, renamed), symbol_names=written))


def _latex_name(name: str, roman: bool = False) -> str:
    """One letter and Greek names as they are, words upright; what follows the first _ or digit is an index."""
    match = re.fullmatch(r"([A-Za-z]+)_?(\w*)", name)
    assert match is not None
    stem, index = match.groups()
    greek = str(sympy.latex(sympy.Symbol(stem)))
    if roman or (len(stem) > 1 and not greek.startswith("\\")):
        greek = rf"\mathrm{{{stem}}}"
    if not index:
        return greek
    index = index.replace("_", ",")
    return greek + (f"_{{{index}}}" if index.isdigit() or len(index) == 1 else rf"_{{\mathrm{{{index}}}}}")
