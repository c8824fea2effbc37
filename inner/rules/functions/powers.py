"""Powers whose exponent is no whole number: sqrt and pow. A root of a number below 0 is nan, and a life that meets it fails.

Whole powers up to 8 are written x**n and belong to the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import sympy

from inner.rules.functions.row import Function, symbolic
from inner.rules.functions.smooth import LOG

WHOLE = 64  # a multiple of the lanes of every processor


def _sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


def _root(torch: Any) -> Callable[[Any], Any]:
    """torch.sqrt, of which the derivative at 0 counts as 0 instead of inf.

    Where v is a running mean of g^2, g may be 0 from birth on, such as at a pixel that is always black; inf times the
    derivative of g^2, which is 0, would make the gradient of the whole life nan.
    """

    def operation(x: Any) -> Any:
        if not torch.is_grad_enabled() and torch.autograd.forward_ad._current_level < 0:
            return torch.sqrt(x)
        above = x > 0
        edge = torch.where(x == 0, x.new_zeros(()), x.new_full((), math.nan))
        return torch.where(above, torch.sqrt(torch.where(above, x, x.new_ones(()))), edge)

    return operation


SQRT: Function = Function(
    "sqrt",
    "square root; not a number below 0; its gradient at 0 counts as 0",
    1,
    symbolic("sqrt", 1, _sqrt, lambda place, x: 1 / (2 * SQRT.symbolic(x)), r"\sqrt{{{0}}}"),
    _sqrt,
    torch=_root,
    torch_source="def _sqrt(x):\n    return torch.sqrt(torch.as_tensor(x))",
    python="def _sqrt(x):\n    return math.sqrt(x) if x >= 0 else math.nan\n",
    c="""/* sqrt: that of the processor, correctly rounded; nan below 0. */
INLINE vec v_sqrt(vec x)
{
#if defined(__AVX__)
    vec r;
    __asm__("vsqrtps %1, %0" : "=v"(r) : "v"(x));
    return r;
#else
    for (int l = 0; l < LANES; l++)
        x[l] = sqrtf(x[l]);
    return x;
#endif
}
""",
)

_POW = """def _pow(x, y):
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        if x:
            return math.nan
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf
"""


def _pow(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        if x:
            return math.nan
        return math.copysign(math.inf, x) if y % 2 == 1 else math.inf


def _in_whole_vectors(torch: Any) -> Callable[..., Any]:
    """torch.pow on vectors that are full: torch rounds the few numbers beyond the last whole vector otherwise, so that
    bits would depend on how many networks live together."""

    def power(x: Any, y: Any) -> Any:
        like = x if isinstance(x, torch.Tensor) else y
        x, y = torch.broadcast_tensors(*(v if isinstance(v, torch.Tensor) else like.new_full((), v) for v in (x, y)))
        rest = -x.numel() % WHOLE
        flat = (torch.nn.functional.pad(v.reshape(-1), (0, rest), value=1.0) for v in (x, y))
        return torch.pow(*flat)[: x.numel()].reshape(x.shape)

    return power


def _slope_of_pow(place: int, x: sympy.Expr, y: sympy.Expr) -> sympy.Expr:
    return y * POW.symbolic(x, y - 1) if place == 1 else POW.symbolic(x, y) * LOG.symbolic(x)


POW: Function = Function(
    "pow",
    "pow(x, y): x to the power y; not a number for x below 0 unless y is whole; slow synapse by synapse",
    2,
    symbolic("pow", 2, _pow, _slope_of_pow, r"\left({0}\right)^{{{1}}}"),
    _pow,
    torch=_in_whole_vectors,
    torch_source="def _pow(x, y):\n    return torch.pow(torch.as_tensor(x), torch.as_tensor(y))",
    python=_POW,
    c="""/* pow: that of the system's library, lane by lane, for what is computed once per step such as 1 - beta^t. */
INLINE vec v_pow(vec x, vec y)
{
    for (int l = 0; l < LANES; l++)
        x[l] = powf(x[l], y[l]);
    return x;
}
""",
)
