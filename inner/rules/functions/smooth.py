"""Functions that are smooth where they are defined: tanh, sigmoid, exp and log."""

# SymPy has no types, so that its classes count as Any
# mypy: allow-subclassing-any

from __future__ import annotations

import math

import numpy as np
import sympy

from inner.rules.functions.row import Function


class tanh(sympy.tanh):  # noqa: N801  (SymPy's naming of functions)
    """sympy.tanh, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None


TANH = Function(
    "tanh",
    "hyperbolic tangent",
    1,
    tanh,
    math.tanh,
    torch=lambda torch: torch.tanh,
    torch_in_place=lambda torch: torch.Tensor.tanh_,
    torch_source="def _tanh(x):\n    return torch.tanh(torch.as_tensor(x))",
    python="def _tanh(x):\n    return math.tanh(x)\n",
    numpy=np.tanh,
    in_every_kernel=True,
    c="""/* tanh: a rational function of degree 9 / 8 on |x| <= 7.9 (Eigen's coefficients), 1 beyond; 6 ulp at most. */
INLINE vec v_tanh(vec x)
{
    x = at_least(at_most(x, 7.9f), -7.9f);
    vec s = x * x;
    vec p = s * 1.394553628e-8f + 2.102733560e-5f;
    vec q = s * 8.015776984e-7f + 3.326951409e-4f;
    p = p * s + 3.520756727e-3f;
    q = q * s + 2.597254514e-2f;
    p = p * s + 1.340216100e-1f;
    q = q * s + 4.673548340e-1f;
    p = p * s + 1.0f;
    q = q * s + 1.0f;
    return quotient(x * p, q);
}
""",
)


class sigmoid(sympy.Function):  # noqa: N801
    """Logistic function 1 / (1 + exp(-x))."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        return self * (1 - self)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> sympy.Expr:
        return (1 / (1 + sympy.exp(-self.args[0])))._eval_evalf(prec)


SIGMOID = Function(
    "sigmoid",
    "1 / (1 + exp(-x))",
    1,
    sigmoid,
    lambda x: 1.0 / (1.0 + _exp(-x)),
    torch=lambda torch: (
        lambda x: 0.5 * torch.tanh(0.5 * x) + 0.5
    ),  # torch.sigmoid rounds the tail of a tensor differently
    torch_source="def _sigmoid(x):\n    return torch.sigmoid(torch.as_tensor(x))",
    python="""def _sigmoid(x):
    if x < 0:
        z = math.exp(x)
        return z / (1.0 + z)
    return 1.0 / (1.0 + math.exp(-x))
""",
    numpy=lambda x: 0.5 * np.tanh(0.5 * x) + 0.5,
    in_every_kernel=True,
    c="""INLINE vec v_sigmoid(vec x) { return 0.5f * v_tanh(0.5f * x) + 0.5f; }
""",
)


class exp(sympy.exp):  # noqa: N801
    """sympy.exp, never rewritten and never merged with its neighbours in a product."""

    @classmethod
    def eval(cls, arg: sympy.Expr) -> None:
        return None

    def as_base_exp(self) -> tuple[sympy.Expr, sympy.Expr]:
        return self, sympy.Integer(1)

    def _eval_power(self, other: sympy.Expr) -> None:
        return None


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.0 else (math.inf if x > 709.782712893384 else math.exp(x / 2) * math.exp(x / 2))


EXP = Function(
    "exp",
    "exponential",
    1,
    exp,
    _exp,
    torch=lambda torch: torch.exp,
    torch_source="def _exp(x):\n    return torch.exp(torch.as_tensor(x))",
    python="""def _exp(x):
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
""",
    in_every_kernel=True,
    c="""/* exp: 2^n times a polynomial of degree 6 on |r| <= log(2) / 2 (Cephes); 2 ulp, inf above 88.72, 0 below -87.33. */
INLINE vec v_exp(vec x)
{
    vec c = at_least(at_most(x, 88.7228f), -87.3365f);
    vec shifted = c * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to a whole number, kept in the low bits */
    vec n = shifted - 12582912.0f;
    vec r = (c - n * 0.693359375f) + n * 2.12194440e-4f;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    ivec k = ((bits){.v = shifted}).i - 0x4b400000;
    ivec half = k >> 1; /* in two steps, so that 2^128 does not overflow on its own */
    p = p * ((bits){.i = (half + 127) << 23}).v * ((bits){.i = (k - half + 127) << 23}).v;
    p = either(x > 88.7228f, splat(INFINITY), p);
    p = both(~(x < -87.3365f), p);
    return either(x != x, x, p);
}

/* exp of numbers that are not positive, for softmax: less to look after; 1e-38 instead of 0 below -87.33. */
INLINE vec v_exp_down(vec x)
{
    x = at_least(x, -87.3365f);
    vec shifted = x * 1.44269504f + 12582912.0f;
    vec n = shifted - 12582912.0f;
    vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return p * ((bits){.i = (((bits){.v = shifted}).i - (0x4b400000 - 127)) << 23}).v;
}
""",
)


class log(sympy.log):  # noqa: N801
    """sympy.log, never rewritten."""

    @classmethod
    def eval(cls, arg: sympy.Expr, base: None = None) -> None:
        return None


LOG = Function(
    "log",
    "natural logarithm; not a number below 0",
    1,
    log,
    lambda x: math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan),
    torch=lambda torch: torch.log,
    torch_source="def _log(x):\n    return torch.log(torch.as_tensor(x))",
    python="def _log(x):\n    return math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)\n",
    in_every_kernel=True,
    c="""/* log: Cephes' polynomial of degree 9 on [sqrt(1/2), sqrt(2)]; 2 ulp; -inf at 0, nan below. */
INLINE vec v_log(vec x)
{
    ivec tiny = x < 1.17549435e-38f;
    bits m = {.v = either(tiny, x * 8388608.0f, x)};
    ivec e = (m.i >> 23) - 126;
    m.i = (m.i & 0x007fffff) | 0x3f000000; /* in [0.5, 1) */
    ivec low = m.v < 0.70710678f;
    vec n = __builtin_convertvector(e + low - (tiny & 23), vec);
    vec f = m.v + both(low, m.v) - 1.0f;
    vec s = f * f;
    vec p = f * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    vec y = p * f * s + n * -2.12194440e-4f - 0.5f * s;
    y = f + y + n * 0.693359375f;
    y = either(x == 0.0f, splat(-INFINITY), y);
    y = either(x < 0.0f, splat(NAN), y);
    return either((x == INFINITY) | (x != x), x, y);
}
""",
)
