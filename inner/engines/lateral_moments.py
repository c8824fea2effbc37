"""The whole life of linear units with ordered lateral synapses, from moments alone, where every step shows the same batch.

With M = W (1 - L)^-1 the units answer y = x M. The change of W is that of `inner/engines/moments.py` with the features of M
in place of those of W; the lateral change needs

    mean_b y_j^a y_k^b = features_a(M_j)^T mean_b(phi_a(x) phi_b(x)^T) features_b(M_k),    a, b <= 2

with phi the products of inputs up to the second, so the moments of the samples are summed once per life, up to the fourth.
It is the same lifetime as in `inner/life/eager.py` up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from inner.axes import fold, networks_of
from inner.engines.moments import POLYNOMIAL, Terms, horner, kernel_of, polynomial, powers_of_post, unfit
from inner.learners import local_rule
from inner.learners.local_rule import Learner
from inner.life.request import Life, Result
from inner.networks import lateral
from inner.rules.coefficient import Coefficient
from inner.rules.faces import to_torch
from inner.rules.rule import Rule
from inner.tasks.base import LifeData

MOST_INPUTS = 8  # beyond, the table of fourth moments is larger than the batch


@lru_cache(maxsize=64)
def powers(rule: Rule) -> tuple[Terms, Terms] | None:
    """The two formulas as terms (inner/engines/moments.py); None for a rule that is no such polynomial."""
    shared = any(c.share != "rule" for c in rule.coefficients)
    if rule.traces or rule.homeostasis or shared or not rule.signals <= set(POLYNOMIAL):
        return None
    forward, between = (polynomial(rule.expressions[rule.key_of(k, 2)]) for k in (0, 1))
    if not forward or not between or max(pre for _, (pre, _, _) in between) > 2:
        return None
    return forward, between


def why_not(life: Life) -> str:
    """Why these lives cannot be lived by moments, in words; empty where they can."""
    learner, data = life.learner, life.data
    if type(learner) is not local_rule.Learner or type(learner.network) is not lateral.Network or life.prequential:
        return "only a local rule on a lateral network"
    if not isinstance(data, LifeData) or life.task.criterion.kind != "none" or data.sequences or learner.explores:
        return "only samples without a teacher"
    return unfit(data, MOST_INPUTS, powers(learner.rule))


def live(life: Life) -> Result:
    """The lives of every candidate theta [P, D], without bits."""
    learner, task, data, labels = life.learner, life.task, life.data, life.labels
    assert isinstance(learner, Learner) and isinstance(data, LifeData)
    record, seed = life.record, life.seed
    count, steps = len(labels), data.order.shape[1]
    p, each = networks_of(life.theta, count)
    terms = powers(learner.rule)
    assert terms is not None
    w, between = (fold(v, p) for v in learner.network.init(data.x.shape[2], data.y.shape[2], seed, labels))
    shown = data.x[torch.arange(count)[:, None], data.order[:, 0]]  # [L, B, I]
    kernel = kernel_of(terms[0], learner.rule.coefficients, each, shown, p)  # [N, C * I, F]
    moments = fold(_moments(shown), p)  # [N, F, F]
    table = _table(terms[1], learner.rule.coefficients, each)  # [N, C, 9]
    n, inputs, outputs = w.shape
    row, column = torch.triu_indices(inputs, inputs)
    edges = [0, 1, 1 + inputs, kernel.shape[2]]  # of the features of y^0, y^1, y^2
    test_x, test_y = fold(data.test_x, p), fold(data.test_y, p)
    wanted = {int(s): c for c, s in enumerate(record)}
    curve = torch.full((n, len(wanted)), task.worst, dtype=torch.float64)
    one = torch.ones(n, 1, outputs)

    def effective() -> Tensor:
        m = w
        for _ in range(outputs - 1):
            m = w + torch.bmm(m, between)
        return m

    def score() -> tuple[Tensor, Tensor]:
        alive = torch.isfinite(w.sum((1, 2))) & torch.isfinite(between.sum((1, 2)))
        value = task.score(torch.bmm(test_x, effective()), test_y).to(torch.float64)
        return torch.where(alive & torch.isfinite(value), value, task.worst), alive

    for t in range(steps + 1):
        if t in wanted:
            curve[:, wanted[t]] = score()[0]
        if t < steps:
            m = effective()
            features = torch.cat([one, m, m[:, row] * m[:, column]], 1)  # [N, F, O]
            change = horner(torch.bmm(kernel, features).reshape(n, -1, inputs, outputs), w)
            blocks = features.new_zeros(n, features.shape[1], 3, outputs)
            for a in range(3):
                blocks[:, edges[a] : edges[a + 1], a] = features[:, edges[a] : edges[a + 1]]
            flat = blocks.reshape(n, -1, 3 * outputs)
            means = torch.bmm(torch.bmm(flat.transpose(1, 2), moments), flat)  # mean y_j^a y_k^b: [N, 3 O, 3 O]
            means = means.reshape(n, 3, outputs, 3, outputs).transpose(2, 3).reshape(n, 9, -1)
            parts = torch.bmm(table, means).reshape(n, -1, outputs, outputs)
            w, between = learner.network.wired((w + change, between + horner(parts, between)))
    final, alive = score()

    none = torch.zeros(n, dtype=torch.float64)
    return Result.of(life.theta.shape[0], count, final, alive, curve, none, (w, between))


def _moments(shown: Tensor) -> Tensor:
    """mean_b phi phi^T of samples [L, B, I]: [L, F, F]."""
    phi = torch.cat(powers_of_post(shown.double()), -1)
    return (torch.bmm(phi.transpose(1, 2), phi) / shown.shape[1]).float()


def _table(terms: Terms, coefficients: Sequence[Coefficient], theta: Tensor) -> Tensor:
    """The factor of w^c pre^a post^b for every network: [N, C, 9], column 3 a + b."""
    values = {c.name: theta[:, d] for d, c in enumerate(coefficients)}
    table = torch.zeros(len(theta), 1 + max(w for _, (_, _, w) in terms), 9)
    for front, (pre, post, w) in terms:
        table[:, w, 3 * pre + post] += to_torch(front)(values)
    return table
