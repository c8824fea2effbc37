"""Monte Carlo search: draw all weights afresh, and keep the best that were seen, judged on the samples of the step.

    W_i ~ N(0, scale^2 / fan-in), i = 1 .. draws;    W <- the least loss among W, W_1, ..., W_draws

What no step leads to may be found all the same; how soon tells how rare it is. Nothing is learned from what is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import State, Tried
from inner.learners._perturbing import Perturbing
from inner.learners._values import whole
from inner.learners.base import Example
from inner.networks.base import laid
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Learner(Perturbing):
    """`draws` networks a step, in one batched pass; bias rows are drawn like other inputs."""

    example: ClassVar[Example] = Example(
        task={"name": "xor"}, network={"name": "mlp", "hidden": (4,), "bias": True}, steps=100, batch=4
    )
    defaults: ClassVar[tuple[Coefficient, ...]] = (Coefficient("scale", 1.0, "log"),)
    draws: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("draws", self.draws)

    @property
    def trials(self) -> int:
        """The networks that are drawn a step."""
        return self.draws

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """Weights that have nothing to do with the present ones."""
        xi = perturbation.directions(self.network, state, t, self.draws)
        scale = state.coefficients["scale"].reshape(-1, 1, 1, 1)
        return Tried(tuple(each * (scale / each.shape[2] ** 0.5) for each in perturbation.grouped(xi, state.weights)), xi)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """The best of those drawn where it is better than what is there; a loss that is no number is never better."""
        least, which = torch.where(there.isnan(), torch.inf, there).min(1)
        best = tuple(laid(torch.take_along_dim(w, which.reshape(-1, 1, 1, 1), 1)[:, 0]) for w in tried.weights)
        return replace(state, weights=perturbation.chosen(least < here, best, state.weights))
