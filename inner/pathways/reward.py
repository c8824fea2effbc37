"""Broadcast reward: every hidden unit hears the same single number of the whole network, and nothing of its own part in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = reward for every unit of every hidden layer."""

    def feedback(
        self,
        k: int,
        own: Sequence[Tensor],
        weights: Sequence[Tensor],
        err_above: Tensor,
        err_out: Tensor,
        reward: Tensor,
    ) -> Tensor:
        """The reward repeated over units [N, B, units of layer k]."""
        return reward.expand(-1, -1, weights[k].shape[1])
