"""Muon: the step of every layer is the orthogonal factor of what momentum proposes (Jordan et al. 2024).

    dw <- eta rate sqrt(max(1, O / I)) U V^T,    where U S V^T is the change of the rule

U V^T comes from a quintic Newton-Schulz iteration, whose singular values lie between 0.7 and 1.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inner.learners._shaped import Groups, Proposal

QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: the steepest at 0 that stays near 1
SMALL = 1e-20  # a change of 0 stays 0


@dataclass(frozen=True)
class Muon:
    """A `Shaping` of layers; the rule holds momentum, and a trace `rate` where eta has a schedule."""

    iterations: int = 5
    knows = frozenset({"layer"})
    passes = 0.0

    def born(self, weights: Groups) -> tuple[()]:
        """It remembers nothing of its own."""
        return ()

    def steps(self, at: Proposal) -> tuple[Groups, tuple[()]]:
        """Steps [N, I (+ 1), O]."""
        eta = at.rule.coefficients["eta"]
        steps = []
        for dw, traces in zip(at.changes, at.traces):
            length = eta * max(1.0, dw.shape[2] / dw.shape[1]) ** 0.5
            if "rate" in traces:  # the factor of the schedule, lost with the length of dw
                length = length * traces["rate"].mean(1, keepdim=True)
            steps.append(orthogonalised(dw, self.iterations) * length)
        return steps, ()

    def cost(self, i: int, o: int) -> tuple[float, float]:
        """Three products of matrices an iteration."""
        short, long = min(i, o), max(i, o)
        return self.iterations * (2.0 * short * short * long + short**3), 2.0 * i * o


def orthogonalised(g: Tensor, iterations: int) -> Tensor:
    """Nearly U V^T of g = U S V^T, [N, I, O]: x <- a x + (b x x^T + c (x x^T)^2) x, from g over its Frobenius norm."""
    a, b, c = QUINTIC
    wide = g.shape[1] <= g.shape[2]
    x = g if wide else g.transpose(1, 2)
    x = x / (x.square().sum((1, 2), keepdim=True).sqrt() + SMALL)
    for _ in range(iterations):
        square = torch.bmm(x, x.transpose(1, 2))
        x = a * x + torch.bmm(torch.baddbmm(square, square, square, beta=b, alpha=c), x)
    return x if wide else x.transpose(1, 2)
