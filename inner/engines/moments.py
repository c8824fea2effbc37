"""The whole life of a linear unit that sees the same batch at every step, from the batch's moments alone.

With y = sum_k x_k w_k a polynomial rule needs of its B samples only mean(x_i^a), mean(x_i^a x_k) and mean(x_i^a x_k x_l):

    mean_b x_i^a y^2 = sum_kl w_k w_l mean_b(x_i^a x_k x_l)

so they are summed once per life, and a step costs I * (1 + I + I(I + 1)/2) multiplications whatever B is. It is the same
lifetime as in `inner/life/eager.py` up to rounding; the rule may hold `post` up to its square and any power of `pre` and `w`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import sympy
import torch
from torch import Tensor

from inner.axes import fold, networks_of
from inner.learners import local_rule
from inner.learners.local_rule import Learner
from inner.life.request import Life, Result
from inner.networks import mlp
from inner.rules.coefficient import Coefficient
from inner.rules.faces import to_torch
from inner.rules.rule import Rule
from inner.rules.terms import expanded_terms
from inner.tasks.base import LifeData

POLYNOMIAL = ("pre", "post", "w")
MOST_INPUTS = 16  # beyond, the table of third moments is larger than the batch
Powers = tuple[int, int, int]  # of pre, post, w
Terms = tuple[tuple[sympy.Expr, Powers], ...]


@lru_cache(maxsize=64)
def powers(rule: Rule) -> Terms | None:
    """dw as [(coefficient part, powers of pre, post and w)]; None for a rule that is no such polynomial."""
    if rule.traces or rule.beyond_one_formula or not rule.signals <= set(POLYNOMIAL):
        return None
    return polynomial(rule.expression)


def polynomial(expression: sympy.Expr) -> Terms | None:
    """A formula of pre, post and w as [(coefficient part, their powers)]; None where it is no such polynomial."""
    symbols = [sympy.Symbol(name, real=True) for name in POLYNOMIAL]
    found = []
    for front, basis in expanded_terms(expression, POLYNOMIAL):
        degrees = {factor.as_base_exp()[0]: factor.as_base_exp()[1] for factor in sympy.Mul.make_args(basis)}
        degrees.pop(sympy.Integer(1), None)
        if not set(degrees) <= set(symbols) or any(not n.is_Integer or n < 0 for n in degrees.values()):
            return None
        pre, post, w = (int(degrees.get(symbol, 0)) for symbol in symbols)
        if post > 2:
            return None
        found.append((front, (pre, post, w)))
    return tuple(found)


def why_not(life: Life) -> str:
    """Why these lives cannot be lived by moments, in words; empty where they can."""
    learner, data = life.learner, life.data
    if type(learner) is not local_rule.Learner or type(learner.network) is not mlp.Network or life.prequential:
        return "only a local rule on a multilayer perceptron"
    network, criterion = learner.network, life.task.criterion
    if network.hidden or network.bias or network.resolve_output(criterion) != "linear" or learner.explores:
        return "only one linear layer"
    if not isinstance(data, LifeData) or criterion.kind != "none" or data.sequences:
        return "only samples without a teacher"
    return unfit(data, MOST_INPUTS, powers(learner.rule))


def unfit(data: LifeData, most_inputs: int, terms: object) -> str:
    """Why moments of these samples do not suffice for a rule of these terms (None: no polynomial); empty where they do."""
    order = data.order
    if not (1 <= data.x.shape[2] <= most_inputs and order.shape[1] > 0 and terms):
        return "only polynomials of few inputs"
    return "" if bool((order == order[:, :1]).all()) else "only the same batch at every step"


def live(life: Life) -> Result:
    """The lives of every candidate theta [P, D], without bits."""
    learner, task, data, labels = life.learner, life.task, life.data, life.labels
    assert isinstance(learner, Learner) and isinstance(data, LifeData)
    record, seed = life.record, life.seed
    count, steps = len(labels), data.order.shape[1]
    p, each = networks_of(life.theta, count)
    w = fold(learner.network.init(data.x.shape[2], data.y.shape[2], seed, labels)[0], p)  # [N, I, O]
    shown = data.x[torch.arange(count)[:, None], data.order[:, 0]]  # [L, B, I]
    kernel = kernel_of(powers(learner.rule) or (), learner.rule.coefficients, each, shown, p)  # [N, C * I, F]
    n, inputs, outputs = w.shape
    row, column = torch.triu_indices(inputs, inputs)
    test_x, test_y = fold(data.test_x, p), fold(data.test_y, p)
    wanted = {int(s): c for c, s in enumerate(record)}
    curve = torch.full((n, len(wanted)), task.worst, dtype=torch.float64)
    one = torch.ones(n, 1, outputs)

    def score() -> tuple[Tensor, Tensor]:
        alive = torch.isfinite(w.sum((1, 2)))
        value = task.score(torch.bmm(test_x, w), test_y).to(torch.float64)
        return torch.where(alive & torch.isfinite(value), value, task.worst), alive

    for t in range(steps + 1):
        if t in wanted:
            curve[:, wanted[t]] = score()[0]
        if t < steps:
            features = torch.cat([one, w, w[:, row] * w[:, column]], 1)  # [N, F, O]
            parts = torch.bmm(kernel, features).reshape(n, -1, inputs, outputs)
            w = w + horner(parts, w)
    final, alive = score()

    return Result.of(life.theta.shape[0], count, final, alive, curve, torch.zeros(n, dtype=torch.float64), w)


def horner(parts: Tensor, w: Tensor) -> Tensor:
    """sum_c parts[:, c] w^c: [N, C, I, O] and [N, I, O] -> [N, I, O]."""
    total = parts[:, -1]
    for c in range(parts.shape[1] - 2, -1, -1):
        total = torch.addcmul(parts[:, c], total, w)
    return total


def powers_of_post(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Factors [L, B, ...] of the features of w that give y^0, y^1 and y^2 of samples x [L, B, I]."""
    row, column = torch.triu_indices(x.shape[2], x.shape[2])
    twice = torch.where(row == column, 1.0, 2.0).to(x.dtype)
    return torch.ones_like(x[..., :1]), x, x[..., row] * x[..., column] * twice


def kernel_of(
    terms: Terms, coefficients: Sequence[Coefficient], theta: Tensor, shown: Tensor, population: int
) -> Tensor:
    """K [N, C * I, F] with dw = sum_c w^c (K_c features), features = (1, w_k, w_k w_l for k <= l)."""
    values = {c.name: theta[:, d].reshape(-1, 1, 1) for d, c in enumerate(coefficients)}
    inputs, x = shown.shape[2], shown.double()
    of_post = powers_of_post(x)
    edges = [0, 1, 1 + inputs, of_post[2].shape[2] + 1 + inputs]
    deepest = max(w for _, (_, _, w) in terms)
    kernel = torch.zeros(len(theta), deepest + 1, inputs, edges[-1])
    moments: dict[tuple[int, int], Tensor] = {}
    for front, (pre, post, w) in terms:
        if (pre, post) not in moments:
            mean = torch.bmm((x**pre).transpose(1, 2), of_post[post]) / x.shape[1]  # [L, I, features of y^post]
            moments[pre, post] = fold(mean.float(), population)
        kernel[:, w, :, edges[post] : edges[post + 1]] += to_torch(front)(values) * moments[pre, post]
    return kernel.reshape(len(theta), -1, edges[-1])
