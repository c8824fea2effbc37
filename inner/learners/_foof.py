"""FOOF: descent on the outputs of units in place of their weights, by the inverse second moment of a layer's inputs.

    C <- memory C + (1 - memory) mean_b pre pre^T,  divided by 1 - memory^t;    dw <- (C + damping I)^-1 dw

(Benzing 2022, "Gradient descent on neurons and its link to approximate second-order optimization", section 3.) With one
sample and no memory this is normalised descent, (C + damping I)^-1 pre = pre / (damping + |pre|^2).

An inverse costs I^3. Between two of them a step of few samples is taken in by Woodbury's identity, at I^2 B; the damping
then fades by `memory` a step. A step of many samples leaves the inverse as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inner.learners._shaped import Groups, Proposal


@dataclass(frozen=True)
class Foof:
    """A `Shaping` of layers."""

    every: int = 10  # steps from one whole inverse to the next; the first steps have one each
    knows = frozenset({"layer"})
    passes = 0.0

    def born(self, weights: Groups) -> tuple[Inputs, ...]:
        """No inputs, for every group."""
        return tuple(Inputs.none(w) for w in weights)

    def steps(self, at: Proposal) -> tuple[Groups, tuple[Inputs, ...]]:
        """Steps [N, I (+ 1), O]."""
        assert at.rule.acted is not None
        damping, memory = at.further["damping"], at.further["memory"]
        pres = at.rule.acted.record.pre
        seen = tuple(one.seen(pre, damping, memory, at.t, self.every) for one, pre in zip(at.memory, pres))
        return [one.preconditioned(dw, memory, at.t) for one, dw in zip(seen, at.changes)], seen

    def cost(self, i: int, o: int) -> tuple[float, float]:
        """The moment, a product with the inverse, and a share of an inverse."""
        return float(i * i * (o + 1)) + i**3 / self.every, 3.0 * i * i


@dataclass(frozen=True)
class Inputs:
    """The inputs of one layer of N networks, from birth to now."""

    moment: Tensor  # [N, I, I]: C before its division
    inverse: Tensor  # [N, I, I]: of moment + (1 - memory^t) damping I

    @classmethod
    def none(cls, w: Tensor) -> Inputs:
        """Before the first step; w [N, I, O]."""
        zeros = w.new_zeros(len(w), w.shape[1], w.shape[1])
        return cls(zeros, zeros)

    def seen(self, pre: Tensor, damping: Tensor, memory: Tensor, t: int | Tensor, every: int) -> Inputs:
        """After pre [N, B, I] of step t; damping, memory [N, 1, 1]; every: steps from one whole inverse to the next."""
        moment = torch.baddbmm(memory * self.moment, (1 - memory) / pre.shape[1] * pre.transpose(1, 2), pre)
        if isinstance(t, int):
            if t < every or t % every == 0:
                return Inputs(moment, self.whole(moment, damping, memory, t))
            return Inputs(moment, self.updated(pre, memory))
        due = (t < every) | (t % every == 0)  # a recorded step has no branches
        return Inputs(moment, torch.where(due, self.whole(moment, damping, memory, t), self.updated(pre, memory)))

    def whole(self, moment: Tensor, damping: Tensor, memory: Tensor, t: int | Tensor) -> Tensor:
        """The inverse [N, I, I], from nothing."""
        return inverse(moment, (1 - memory ** (t + 1)) * damping)

    def updated(self, pre: Tensor, memory: Tensor) -> Tensor:
        """(memory / inverse + (1 - memory) pre^T pre / B)^-1 [N, I, I]; as it was where that saves nothing."""
        batch = pre.shape[1]
        if 2 * batch >= pre.shape[2]:
            return self.inverse
        through = torch.bmm(pre, self.inverse)  # [N, B, I]
        inner = torch.bmm(through, pre.transpose(1, 2))
        if batch == 1:
            share = through / (memory / (1 - memory) + inner)
        else:
            share = torch.bmm(inverse(inner, memory * batch / (1 - memory)), through)
        return torch.baddbmm(self.inverse, through.transpose(1, 2), share, alpha=-1) / memory

    def preconditioned(self, dw: Tensor, memory: Tensor, t: int | Tensor) -> Tensor:
        """(C + damping I)^-1 dw, [N, I, O]."""
        return torch.bmm(self.inverse, dw) * (1 - memory ** (t + 1))


def inverse(c: Tensor, damping: Tensor) -> Tensor:
    """(c + damping I)^-1, [N, I, I], of symmetric matrices; not a number where one is not positive definite."""
    eye = torch.eye(c.shape[1], dtype=c.dtype, device=c.device)
    root, failed = torch.linalg.cholesky_ex(c + damping * eye)
    well = (failed == 0).reshape(-1, 1, 1)
    found = torch.cholesky_inverse(torch.where(well, root, eye))  # which raises for all if one has a 0 on its diagonal
    return torch.where(well, found, torch.full_like(found, torch.nan))
