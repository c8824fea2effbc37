"""Predictive coding with fixed predictions: errors settle side by side while predictions stay those of the forward pass.

    e_k <- e_k + speed (-e_k + (e_{k+1} w_k^T) f'(z_k)),    e_K = target - output,    e_k = 0 at first

(Whittington & Bogacz 2017; Rosenbaum 2022.)
With speed 1 and as many iterations as there are layers it is backpropagation. In general a layer that is d layers below the
output hears P(Binomial(iterations, speed) >= d) times what backpropagation says, layers further down less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.pathways import base
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k <- feedback_k + speed (err_{k+1} w_k^T - feedback_k), all layers at once, from 0."""

    transports: ClassVar[bool] = True
    rates: ClassVar[Mapping[str, Coefficient]] = {"speed": Coefficient("speed", 0.5, "linear", 0.2, low=0.0, high=1.0)}

    iterations: int = 0  # 0: as many as there are layers of synapses
    speed: base.Rate = 1.0

    def __post_init__(self) -> None:
        base.check_whole("iterations", self.iterations, 0, 1000)
        base.check_rate(self, "speed")

    @property
    def knows(self) -> frozenset[str]:
        """Errors settle after the forward pass, whose predictions and slopes are held meanwhile."""
        return frozenset({"transported weights", "two phases", "stored activity"})

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """A backward pass of every iteration."""
        return float(self.iterations or len(sizes) - 1)

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """The error [N, B, units of layer k] after all iterations, before the slope."""
        return self.together(at)[k]

    def together(self, at: base.Delivery) -> Mapping[int, Tensor]:
        """The errors of all layers of units."""
        speed = at.number(self.speed)
        found = {k: torch.zeros_like(at.units(k)) for k in range(at.lowest, at.top)}
        for _ in range(self.iterations or at.top):
            err = {k: at.delta(k, feedback) for k, feedback in found.items()} | {at.top: at.err_out}
            found = {
                k: torch.lerp(feedback, err[k + 1].bmm(at.weights[k].transpose(1, 2)), speed) for k, feedback in found.items()
            }
        return found
