"""OpenAI's evolution strategy inside a life: n mirrored pairs on one minibatch, and a step along their weighted sum.

    g = sum_i (u_i+ - u_i-) xi_i / (2 n sigma),    xi ~ N(0, 1) per weight;    W <- W - eta step(g)

(Salimans et al. 2017, algorithm 2.) u are the losses themselves (`shaping: raw`) or their ranks, centred to -1/2 .. 1/2;
step is Adam (Kingma & Ba 2015), or g itself (`optimiser: plain`). With raw losses E g is the gradient up to O(sigma^2), and
cos(g, gradient) is about sqrt(n / (n + D)). One pair with raw losses and plain steps is mirrored weight perturbation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import DRAWS, State, Tried
from inner.learners._perturbing import Perturbing
from inner.learners._values import chosen, whole
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Learner(Perturbing):
    """`pairs` mirrored pairs a step, in one batched pass."""

    example: ClassVar[Example] = Example(steps=120, batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.02, "log"),
        Coefficient("sigma", 0.02, "log"),
    )
    moments: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("beta1", 0.9, "linear", low=0.0, high=0.9999, fixed=True),
        Coefficient("beta2", 0.999, "linear", low=0.0, high=0.9999, fixed=True),
    )
    pairs: int = 16
    directions: str = "gaussian"  # or "signs"
    shaping: str = "ranks"  # or "raw"
    optimiser: str = "adam"  # or "plain"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("pairs", self.pairs)
        chosen("directions", self.directions, DRAWS)
        chosen("shaping", self.shaping, ("ranks", "raw"))
        chosen("optimiser", self.optimiser, ("adam", "plain"))

    @property
    def own(self) -> tuple[Coefficient, ...]:
        """The rate and the length of a trial step, and what Adam needs."""
        return self.defaults + (self.moments if self.optimiser == "adam" else ())

    @property
    def trials(self) -> int:
        """Two per pair."""
        return 2 * self.pairs

    def memory(self, state: State) -> dict[str, Tensor]:
        """Adam's moments [N, D] of the gradient, and how often they were renewed [N]."""
        if self.optimiser == "plain":
            return {}
        zero = torch.zeros_like(perturbation.vector(state.weights))
        return {"first": zero, "second": zero.clone(), "updates": zero[:, 0].clone()}

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """W + sigma xi of every pair, then W - sigma xi."""
        xi = perturbation.directions(self.network, state, t, self.pairs, self.directions)
        both = torch.cat([xi, -xi], 1)
        return Tried(perturbation.along(state.weights, both, state.coefficients["sigma"]), xi)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """One step against the estimated gradient."""
        c = state.coefficients
        g = estimate(there, tried.xi, c["sigma"], self.shaping)
        if self.optimiser == "plain":
            return replace(state, weights=perturbation.moved(state.weights, -c["eta"][:, None] * g))
        first, second, updates = (state.memory[name] for name in ("first", "second", "updates"))
        beta1, beta2 = c["beta1"][:, None], c["beta2"][:, None]
        first, second = torch.lerp(g, first, beta1), torch.lerp(g * g, second, beta2)
        updates = updates + 1
        unbiased = second / (1 - beta2 ** updates[:, None])
        step = -c["eta"][:, None] * first / (1 - beta1 ** updates[:, None]) / (unbiased.sqrt() + 1e-8)
        state = perturbation.remembered(state, first=first, second=second, updates=updates)
        return replace(state, weights=perturbation.moved(state.weights, step))


def estimate(losses: Tensor, xi: Tensor, sigma: Tensor, shaping: str = "raw") -> Tensor:
    """The gradient [N, D] from losses [N, 2 n] of pairs (the + half first), directions [N, n, D] and lengths [N]."""
    shaped = centred_ranks(losses) if shaping == "ranks" else losses
    plus, minus = shaped.chunk(2, 1)
    return perturbation.weighted((plus - minus) / (2 * plus.shape[1] * sigma[:, None]), xi)


def centred_ranks(losses: Tensor) -> Tensor:
    """Ranks [N, K] of losses from -1/2 for the least to 1/2; equal losses share a rank, and what is no number ranks last."""
    each = losses.nan_to_num(nan=torch.inf)[:, :, None]
    below, equal = each > each.transpose(1, 2), each == each.transpose(1, 2)
    return (below.sum(2) + 0.5 * (equal.sum(2) - 1)).to(losses.dtype) / max(losses.shape[1] - 1, 1) - 0.5
