"""Mutate all weights, and take the mutation back if it makes the same samples worse.

    W' = W + sigma xi;    W <- W' if L(W') <= L(W),    xi ~ N(0, 1) per weight

For small sigma the mean step is -sigma / sqrt(2 pi) along the gradient's direction, whatever the gradient's size, beside a
random walk of variance sigma^2 / 2 per weight (Whitelam et al. 2021): normalised gradient descent in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import DRAWS, State, Tried
from inner.learners._perturbing import Perturbing
from inner.learners._values import chosen
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Learner(Perturbing):
    """One mutation a step, of length sigma per weight."""

    example: ClassVar[Example] = Example(steps=600, batch=64)
    defaults: ClassVar[tuple[Coefficient, ...]] = (Coefficient("sigma", 0.02, "log"),)
    directions: str = "gaussian"  # or "signs"

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("directions", self.directions, DRAWS)

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """The mutated weights."""
        xi = perturbation.directions(self.network, state, t, 1, self.directions)
        return Tried(perturbation.along(state.weights, xi, state.coefficients["sigma"]), xi)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """The mutated weights where the loss has not grown."""
        kept = there[:, 0] <= here
        return replace(state, weights=perturbation.chosen(kept, perturbation.only(tried.weights), state.weights))
