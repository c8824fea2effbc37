"""Weight perturbation: try a random direction in weight space, and step along it by the loss that it saves.

    dW = -eta (L(W + sigma xi) - L(W)) xi / sigma,    xi ~ N(0, 1) per weight, the same for all samples of the step

(Jabri & Flower 1992; Zuege, Klos & Memmesheimer 2023, eq. 3), or from a mirrored pair with `sides: 2`,

    dW = -eta (L(W + sigma xi) - L(W - sigma xi)) xi / (2 sigma)

whose error in sigma is of second order. No backward pass; the variance of the estimate is (D + 1) |g|^2 for D weights,
which is what a large network pays.
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
    """One direction a step, drawn from a Gaussian or from +-1. Coefficients: the rate, and the length of a trial step."""

    example: ClassVar[Example] = Example({"values": {"eta": 0.01}}, steps=600, batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.002, "log"),  # must shrink like 1 / D
        Coefficient("sigma", 0.001, "log", fixed=True),  # float32 losses: smaller ones drown in rounding
    )
    directions: str = "gaussian"  # or "signs"
    sides: int = 1  # or 2: a mirrored pair

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("directions", self.directions, DRAWS)
        whole("sides", self.sides)
        if self.sides > 2:
            raise ValueError(f"learner.sides: expected 1 or 2, got {self.sides}")

    @property
    def trials(self) -> int:
        """One, or the two of a mirrored pair."""
        return self.sides

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """W + sigma xi, and W - sigma xi."""
        xi = perturbation.directions(self.network, state, t, 1, self.directions)
        signed = xi if self.sides == 1 else torch.cat([xi, -xi], 1)
        return Tried(perturbation.along(state.weights, signed, state.coefficients["sigma"]), xi)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """One step along the direction."""
        eta, sigma = state.coefficients["eta"], state.coefficients["sigma"]
        if self.sides == 1:
            length = -eta * (there[:, 0] - here) / sigma
        else:
            length = -eta * (there[:, 0] - there[:, 1]) / (2 * sigma)
        return replace(state, weights=perturbation.only(perturbation.along(state.weights, tried.xi, length)))
