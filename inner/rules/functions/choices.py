"""Comparisons and choices: x > y, x >= y, and where(condition, x, y). A comparison is the number 1 or 0, 0 with nan in it.

Text writes comparisons as Python does; x < y is y > x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from inner.rules.functions.pieces import step
from inner.rules.functions.row import Function, symbolic


def _on_tensors(torch: Any, run: Callable[..., Any]) -> Callable[..., Any]:
    """An operation on tensors and numbers, of which one at least is a tensor."""

    def operation(*values: Any) -> Any:
        like = next(value for value in values if isinstance(value, torch.Tensor))
        return run(*(v if isinstance(v, torch.Tensor) else like.new_full((), v) for v in values))

    return operation


def _comparison(name: str, infix: str, latex: str, meaning: str, value: Callable[[Any, Any], Any]) -> Function:
    return Function(
        name,
        meaning,
        2,
        symbolic(
            name,
            2,
            lambda x, y: float(value(x, y)),
            lambda place, x, y: sympy.Integer(0),
            rf"\left[{{0}} {latex} {{1}}\right]",
        ),
        lambda x, y: float(value(x, y)),
        torch=lambda torch: _on_tensors(torch, lambda x, y: value(x, y).to(torch.promote_types(x.dtype, y.dtype))),
        torch_source=f"""def _{name}(x, y):
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    return (x {infix} y).to(torch.promote_types(x.dtype, y.dtype))""",
        python=f"def _{name}(x, y):\n    return 1.0 if x {infix} y else 0.0\n",
        c=f"INLINE vec v_{name}(vec x, vec y) {{ return both(x {infix} y, splat(1.0f)); }}",
        jumps=True,
        infix=infix,
    )


GREATER = _comparison("greater", ">", ">", "1 where x > y, else 0; written x > y, or y < x", lambda x, y: x > y)
ATLEAST = _comparison(
    "atleast", ">=", r"\geq", "1 where x >= y, else 0; written x >= y, or y <= x", lambda x, y: x >= y
)
SIGNS = {"greater": ">", "atleast": r"\geq"}


def _where(condition: float, x: float, y: float) -> float:
    return x if condition > 0 else y


def _slope_of_where(place: int, condition: sympy.Expr, x: sympy.Expr, y: sympy.Expr) -> sympy.Expr:
    return sympy.Integer(0) if place == 1 else step(condition) if place == 2 else 1 - step(condition)


def _cases(printer: Any, arguments: tuple[sympy.Expr, ...]) -> str:
    """Two cases; a comparison stands there as it is."""
    condition, x, y = arguments
    sign = SIGNS.get(type(condition).__name__)
    left, right = condition.args if sign else (condition, sympy.Integer(0))
    left, right, x, y = (printer._print(part) for part in (left, right, x, y))
    return rf"{{\begin{{cases}} {x} & \text{{if }} {left} {sign or '>'} {right} \\ {y} & \text{{otherwise}} \end{{cases}}}}"


WHERE = Function(
    "where",
    "where(condition, x, y): x where the condition holds, or is a number above 0, else y (also where it is nan)",
    3,
    symbolic("where", 3, _where, _slope_of_where, _cases),
    _where,
    torch=lambda torch: _on_tensors(torch, lambda condition, x, y: torch.where(condition > 0, x, y)),
    torch_source="""def _where(condition, x, y):
    condition, x, y = (torch.as_tensor(value) for value in (condition, x, y))
    return torch.where(condition > 0, x, y)""",
    python="def _where(condition, x, y):\n    return x if condition > 0 else y\n",
    c="INLINE vec v_where(vec condition, vec x, vec y) { return either(condition > 0.0f, x, y); }",
)
