"""The function over the samples of a step: mean(x), for what is no linear function of what the samples ask for together.

    v <- beta v + (1 - beta) mean(err pre)^2        the square of the batch's gradient, not the mean of squares

dw and traces of both sides are means over samples anyway, so that mean(x) says something inside another function only.
`inner/rules/means.py` takes it out of formulas; what is rendered here is the mean of one sample, which is the sample's own.
"""

from __future__ import annotations

import sympy

from inner.rules.functions.row import Function, symbolic

MEAN = Function(
    "mean",
    "mean over the samples of a step, one number per synapse; x itself for one sample",
    1,
    symbolic("mean", 1, lambda x: x, lambda place, x: sympy.Integer(1), r"\left\langle {0} \right\rangle"),
    lambda x: x,
    torch=lambda torch: lambda x: x,
    torch_source="""def _mean(x):
    x = torch.as_tensor(x)
    return x.mean(0, keepdim=True) if x.dim() == 3 else x""",
    python="def _mean(x):\n    return x\n",
    c="INLINE vec v_mean(vec x) { return x; }",
)
