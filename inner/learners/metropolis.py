"""Metropolis sampling of weights, annealed: a mutation that makes the same samples worse is sometimes kept.

    W' = W + sigma xi;    W <- W' with probability min(1, exp(-(L(W') - L(W)) / T_k)),    T_k = T exp(-cooling k)

(Metropolis et al. 1953; Kirkpatrick, Gelatt & Vecchi 1983.) k counts updates. For small sigma the mean step is
-(sigma^2 / T) exp(b^2 / 2) Phi(-b) g with b = sigma |g| / T, Phi the normal distribution function: gradient descent at high
temperatures, mutate-or-revert at T = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import DRAWS, State, Tried
from inner.learners._perturbing import Perturbing
from inner.learners._values import chosen
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient

COLDEST = 1e-30


@dataclass(frozen=True)
class Learner(Perturbing):
    """One mutation a step. Coefficients: its length per weight, the first temperature in nats, and its rate of fall."""

    example: ClassVar[Example] = Example(steps=600, batch=64)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("sigma", 0.02, "log"),
        Coefficient("temperature", 0.003, "log"),
        Coefficient("cooling", 0.002, "log"),
    )
    directions: str = "gaussian"  # or "signs"

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("directions", self.directions, DRAWS)

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """The mutated weights."""
        xi = perturbation.directions(self.network, state, t, 1, self.directions)
        return Tried(perturbation.along(state.weights, xi, state.coefficients["sigma"]), xi)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """The mutated weights where the draw of this step says so."""
        c = state.coefficients
        temperature = (c["temperature"] * torch.exp(-c["cooling"] * (t // self.hold))).clamp(min=COLDEST)
        kept = perturbation.uniform(state, t, (1,))[:, 0] < torch.exp(-(there[:, 0] - here) / temperature)
        return replace(state, weights=perturbation.chosen(kept, perturbation.only(tried.weights), state.weights))
