"""A function of the formula language with all its renderings, which everything that writes or runs formulas reads."""

# SymPy has no types, so that its classes count as Any
# mypy: allow-subclassing-any

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy


@dataclass(frozen=True)
class Function:
    """One function. A rendering that is missing is refused by name where it is wanted; the first five fields are not optional.

    torch, torch_in_place: given the module torch, which reading a rule does not import, the operation; numbers among its
    arguments are Python floats, and at least one argument is a tensor.
    python, torch_source: source of a function `_name`, of floats and of tensors, for exported files.
    c: definition of `vec v_name(vec x, ...)` in terms of `lanes.h`; the form for one float follows from it.
    """

    name: str  # lower-case letters; that of its SymPy class, which may have capitals
    meaning: str
    arguments: int
    symbolic: type[sympy.Basic]
    value: Callable[..., float]  # on Python floats; never raises: overflow is inf, an undefined value nan
    torch: Callable[[Any], Callable[..., Any]] | None = None
    torch_in_place: Callable[[Any], Callable[..., Any]] | None = None  # writes over its first argument
    torch_source: str = ""
    python: str = ""
    c: str = ""
    numpy: Callable[..., np.ndarray[Any, Any]] | None = None  # on arrays: makes it an operation of evolved programs
    in_every_kernel: bool = False  # others are written into the kernels whose formulas call them
    idempotent: bool = False  # f(x, x) is x
    jumps: bool = False  # flat between jumps: its gradient is 0
    infix: str = ""  # a comparison, which text writes between its two arguments


FORMS = {
    "torch": "form on tensors",
    "torch_source": "form in an exported torch file",
    "python": "form in plain Python",
    "c": "kernel yet",
    "numpy": "form on arrays",
}


def symbolic(
    name: str,
    arguments: int,
    value: Callable[..., float],
    derivative: Callable[..., sympy.Expr] | None = None,
    latex: str | Callable[[Any, tuple[sympy.Expr, ...]], str] = "",
) -> type[sympy.Basic]:
    """A SymPy class for a real function that is never rewritten.

    derivative: of (place from 1, arguments ...); latex: with {0}, {1}, ... for the arguments (default: the name upright), or
    of (SymPy's printer, arguments).
    """

    def evaluated(self: Any, precision: int) -> sympy.Expr:
        return sympy.Float(value(*(float(argument.evalf()) for argument in self.args)))

    def written(self: Any, printer: Any, exp: str | None = None) -> str:
        if callable(latex):
            text = latex(printer, self.args)
        else:
            text = latex.format(*(printer._print(argument) for argument in self.args))
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    members: dict[str, Any] = {"nargs": arguments, "_eval_is_real": lambda self: True, "_eval_evalf": evaluated}
    if derivative is not None:
        members["fdiff"] = lambda self, argindex=1: derivative(argindex, *self.args)
    if latex:
        members["_latex"] = written
    return type(name, (sympy.Function,), members)
