"""Alopex-B: Alopex with a running mean in place of an annealed temperature, and a step along the correlation itself.

    dw_i(n) = -B dw_i(n - 1) dE + A sign(U - p_i),    p_i = 1 / (1 + exp(-sign(dw_i) dE / S)),    U uniform in [0, 1)
    S = sum_n lam (1 - lam)^n |dE(now - n)|

(Bia 2001.) The one public implementation has (lam - 1)^n, whose sign alternates; here the weights of the mean are those meant.
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
    """Coefficients: A is delta, B is follow."""

    example: ClassVar[Example] = Example({"values": {"delta": 0.01}}, steps=600, batch=64)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("delta", 0.005, "log"),
        Coefficient("follow", 0.005, "log"),
        Coefficient("lam", 0.35, "linear", scale=0.1, low=0.001, high=1.0),
    )

    def memory(self, state: State) -> dict[str, Tensor]:
        """Beside the last move: the running mean of |dE| [N]."""
        return super().memory(state) | {"mean": torch.zeros_like(state.weights[0][:, 0, 0])}

    def move(self, state: State, change: Tensor, down: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """-B dw dE +- A [N, D]."""
        c, was = state.coefficients, state.memory["move"]
        mean = torch.lerp(state.memory["mean"], change.abs(), c["lam"])
        minus = falls(down, torch.sign(was) * change[:, None], mean)
        step = torch.where(minus, -c["delta"][:, None], c["delta"][:, None])
        return step - c["follow"][:, None] * was * change[:, None], {"mean": mean}
