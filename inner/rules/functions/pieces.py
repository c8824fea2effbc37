"""Functions made of pieces: abs, step, sign, relu, max and min. None of them makes a finite number infinite."""

# SymPy has no types, so that its classes count as Any
# mypy: allow-subclassing-any

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from inner.rules.functions.row import Function


class Abs(sympy.Abs):
    """sympy.Abs, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None

    def _eval_power(self, exponent: sympy.Expr) -> None:
        return None


ABS = Function(
    "abs",
    "absolute value",
    1,
    Abs,
    abs,
    torch=lambda torch: torch.abs,
    torch_source="def _abs(x):\n    return torch.abs(torch.as_tensor(x))",
    python="def _abs(x):\n    return math.fabs(x)\n",
    numpy=np.abs,
    in_every_kernel=True,
    c="INLINE vec v_abs(vec x) { return ((bits){.i = ((bits){.v = x}).i & 0x7fffffff}).v; }",
)


class step(sympy.Function):  # noqa: N801
    """1 where x > 0, else 0 (0 at x = 0); its derivative is 0."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return sympy.Integer(0)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return sympy.Float(1 if self.args[0].evalf() > 0 else 0)


STEP = Function(
    "step",
    "1 where x > 0, else 0 (also for nan)",
    1,
    step,
    lambda x: float(x > 0),
    torch=lambda torch: lambda x: (x > 0).to(x.dtype),
    torch_source="def _step(x):\n    x = torch.as_tensor(x)\n    return (x > 0).to(x.dtype)",
    python="def _step(x):\n    return 1.0 if x > 0 else 0.0\n",
    numpy=lambda x: (x > 0) * 1.0,
    in_every_kernel=True,
    jumps=True,
    c="INLINE vec v_step(vec x) { return both(x > 0.0f, splat(1.0f)); }",
)


class sign(sympy.sign):  # noqa: N801
    """sympy.sign, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None

    def _eval_power(self, other: sympy.Expr) -> None:
        return None


SIGN = Function(
    "sign",
    "-1, 0 or 1 (0 for nan)",
    1,
    sign,
    lambda x: float((x > 0) - (x < 0)),
    torch=lambda torch: torch.sign,
    torch_source="def _sign(x):\n    return torch.sign(torch.as_tensor(x))",
    python="def _sign(x):\n    return float((x > 0) - (x < 0))\n",
    numpy=np.sign,
    in_every_kernel=True,
    jumps=True,
    c="INLINE vec v_sign(vec x) { return both(x > 0.0f, splat(1.0f)) - both(x < 0.0f, splat(1.0f)); }",
)


class relu(sympy.Function):  # noqa: N801
    """max(x, 0); its derivative is step(x)."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return step(self.args[0])

    def _eval_is_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        value = self.args[0]._eval_evalf(prec)
        return value if value > 0 else sympy.Float(0)


RELU = Function(
    "relu",
    "max(x, 0)",
    1,
    relu,
    lambda x: _max(x, 0.0),
    torch=lambda torch: torch.relu,
    torch_source="def _relu(x):\n    return torch.relu(torch.as_tensor(x))",
    python="def _relu(x):\n    return x if x > 0 or x != x else 0.0\n",
    numpy=lambda x: np.maximum(x, 0.0),
    in_every_kernel=True,
    c="INLINE vec v_relu(vec x) { return both(~(x < 0.0f), x); }",
)


def _max(x: float, y: float) -> float:
    return math.nan if x != x or y != y else max(x, y)


def _min(x: float, y: float) -> float:
    return math.nan if x != x or y != y else min(x, y)


def _pair(torch: Any, of_two: Callable[..., Any], bound: str) -> Callable[..., Any]:
    """An operation on two tensors, or on a tensor and a number, which bounds it on one side."""

    def operation(x: Any, y: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            x, y = y, x
        return of_two(x, y) if isinstance(y, torch.Tensor) else torch.clamp(x, **{bound: y})

    return operation


class Max(sympy.Max):
    """sympy.Max of two, never rewritten."""

    def __new__(cls, *arguments: sympy.Expr, **_: object) -> sympy.Expr:
        return super().__new__(cls, *arguments, evaluate=False)

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return sympy.Max(*(argument._eval_evalf(prec) for argument in self.args))

    def evalf(self, n: int = 15, **options: object) -> sympy.Expr:
        return sympy.Max(*(argument.evalf(n, **options) for argument in self.args))


MAX = Function(
    "max",
    "larger of two",
    2,
    Max,
    _max,
    torch=lambda torch: _pair(torch, torch.maximum, "min"),
    torch_source="def _max(x, y):\n    return torch.maximum(torch.as_tensor(x), torch.as_tensor(y))",
    python="def _max(x, y):\n    return math.nan if x != x or y != y else (x if x > y else y)\n",
    numpy=np.maximum,
    in_every_kernel=True,
    idempotent=True,
    c="INLINE vec v_max(vec x, vec y) { return either((x > y) | (x != x), x, y); }",
)


class Min(sympy.Min):
    """sympy.Min of two, never rewritten."""

    def __new__(cls, *arguments: sympy.Expr, **_: object) -> sympy.Expr:
        return super().__new__(cls, *arguments, evaluate=False)

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return sympy.Min(*(argument._eval_evalf(prec) for argument in self.args))

    def evalf(self, n: int = 15, **options: object) -> sympy.Expr:
        return sympy.Min(*(argument.evalf(n, **options) for argument in self.args))


MIN = Function(
    "min",
    "smaller of two",
    2,
    Min,
    _min,
    torch=lambda torch: _pair(torch, torch.minimum, "max"),
    torch_source="def _min(x, y):\n    return torch.minimum(torch.as_tensor(x), torch.as_tensor(y))",
    python="def _min(x, y):\n    return math.nan if x != x or y != y else (x if x < y else y)\n",
    numpy=np.minimum,
    in_every_kernel=True,
    idempotent=True,
    c="INLINE vec v_min(vec x, vec y) { return either((x < y) | (x != x), x, y); }",
)
