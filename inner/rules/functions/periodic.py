"""Functions that repeat: cos, for what rises and falls within a life or from cycle to cycle."""

from __future__ import annotations

import math

import sympy

from inner.rules.functions.row import Function, symbolic


def _cos(x: float) -> float:
    return math.cos(x) if math.isfinite(x) else math.nan


COS: Function = Function(
    "cos",
    "cosine of an angle in radians; not a number at infinity",
    1,
    symbolic("cos", 1, _cos, lambda place, x: -COS.symbolic(x - sympy.Float(math.pi / 2)), r"\cos\left({0}\right)"),
    _cos,
    torch=lambda torch: torch.cos,
    torch_source="def _cos(x):\n    return torch.cos(torch.as_tensor(x))",
    python="def _cos(x):\n    return math.cos(x) if math.isfinite(x) else math.nan\n",
    c="""/* cos: (-1)^n cos(x - n pi) by its series up to the 12th power, |x - n pi| <= pi / 2; 2e-7 for |x| up to 1e4, then less. */
INLINE vec v_cos(vec x)
{
    vec shifted = x * 0.318309886f + 12582912.0f; /* 1.5 * 2^23: rounds to a whole number, kept in the low bits */
    vec n = shifted - 12582912.0f;
    vec r = ((x - n * 3.140625f) - n * 9.67502593994140625e-4f) - n * 1.509957990978376432e-7f;
    vec s = r * r;
    vec p = s * 2.08767569878681e-9f - 2.75573192239859e-7f;
    p = p * s + 2.48015873015873e-5f;
    p = p * s - 1.38888888888889e-3f;
    p = p * s + 4.16666666666667e-2f;
    p = p * s - 0.5f;
    p = p * s + 1.0f;
    return ((bits){.i = ((bits){.v = p}).i ^ (((bits){.v = shifted}).i << 31)}).v;
}
""",
)
