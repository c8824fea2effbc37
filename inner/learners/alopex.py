"""Alopex: every weight moves by +delta or -delta, and repeats with a bias the moves that went with a fall of the loss.

    C_i = dw_i(n - 1) dE(n - 1),    P(dw_i(n) = -delta) = 1 / (1 + exp(-C_i / T))

(Unnikrishnan & Venugopal 1994, eqs. 2-4.) T is the mean of |C_i| over the last N steps, delta / N sum |dE|, renewed every N
steps; in the first N all moves are even. No derivative, no direction that is drawn, no synapse that knows another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners._moving import Moving, falls
from inner.learners._perturbation import State
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Learner(Moving):
    """Coefficients: the size of a move, and the steps N between two temperatures."""

    example: ClassVar[Example] = Example({"values": {"delta": 0.01}}, steps=600, batch=64)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("delta", 0.01, "log"),
        Coefficient("horizon", 10.0, "log", low=1.0),
    )

    def memory(self, state: State) -> dict[str, Tensor]:
        """Beside the last move: the temperature [N], and the steps and |dE| since it was set [N]."""
        zero = torch.zeros_like(state.weights[0][:, 0, 0])
        return super().memory(state) | {"temperature": zero, "steps": zero.clone(), "total": zero.clone()}

    def move(self, state: State, change: Tensor, down: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """+-delta [N, D]."""
        delta, was = state.coefficients["delta"], state.memory
        minus = falls(down, was["move"] * change[:, None], was["temperature"])
        steps, total = was["steps"] + 1, was["total"] + change.abs()
        over = steps >= state.coefficients["horizon"]
        kept = {
            "temperature": torch.where(over, delta * total / steps, was["temperature"]),
            "steps": torch.where(over, torch.zeros_like(steps), steps),
            "total": torch.where(over, torch.zeros_like(total), total),
        }
        return torch.where(minus, -delta[:, None], delta[:, None]), kept
