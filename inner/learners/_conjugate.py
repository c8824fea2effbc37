"""Conjugate directions: every direction of descent avoids undoing the steps before it; the curvature sets its length.

    r = -gradient;  d <- r + b d;    fletcher_reeves  b = r.r / r'.r'    polak_ribiere  b = max(0, r.(r - r') / r'.r')
    dw = eta (r.d) / (|d.(r - r(w + s d))| / s + damping d.d) d

r' is that of the step before (Fletcher & Reeves 1964; Polak & Ribiere 1969; the curvature along d by a difference of
gradients as in Moller 1993). With d no way down, or every `restart` steps, d <- r. The samples must be the same at every step:
then n steps on a quadratic of n weights end at its minimum, for eta 1 and damping 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from inner.learners._shaped import Groups, Proposal

TRIAL = 0.01  # length of the trial step along d
SMALL = 1e-30


class Memory(NamedTuple):
    """Of the step before, per group [N, I (+ 1), O]; 0 before the first."""

    residual: tuple[Tensor, ...]
    direction: tuple[Tensor, ...]


@dataclass(frozen=True)
class Conjugate:
    """A `Shaping` of the whole network."""

    polak: bool = False  # Polak and Ribiere's b in place of Fletcher and Reeves'
    restart: int = 0  # steps; 0: only where d is no way down
    knows = frozenset({"network", "two phases"})
    passes = 2.0

    def born(self, weights: Groups) -> Memory:
        """No direction."""
        zeros = tuple(torch.zeros_like(w) for w in weights)
        return Memory(zeros, zeros)

    def steps(self, at: Proposal) -> tuple[Groups, Memory]:
        """Steps [N, I (+ 1), O] along the new direction."""
        r, before = tuple(at.changes), at.memory
        own, old = dot(r, r), dot(before.residual, before.residual)
        new = own - dot(r, before.residual) if self.polak else own
        b = torch.where(old > 0, new.clamp(min=0) / (old + SMALL), torch.zeros_like(old))
        if self.restart:
            b = b * float(at.t % self.restart != 0) if isinstance(at.t, int) else b * (at.t % self.restart != 0)
        d = tuple(each + b * last for each, last in zip(r, before.direction))
        down = dot(r, d) > 0
        d = tuple(torch.where(down, each, straight) for each, straight in zip(d, r))
        length = dot(d, d)
        s = TRIAL / (length.sqrt() + SMALL)
        there = at.elsewhere([w + s * each for w, each in zip(at.rule.weights, d)])
        curvature = dot(d, [here - other for here, other in zip(r, there)]).abs() / s
        far = at.further["eta"] * dot(r, d) / (curvature + at.further["damping"] * length + SMALL)
        return [far * each for each in d], Memory(r, d)

    def cost(self, i: int, o: int) -> tuple[float, float]:
        """Dot products."""
        return 6.0 * i * o, 4.0 * i * o


def dot(a: Groups, b: Groups) -> Tensor:
    """Sum of products over all weights of a network, [N, 1, 1]."""
    return torch.stack([(x * y).sum((1, 2), keepdim=True) for x, y in zip(a, b)]).sum(0)
