"""Broadcast reward: every hidden unit hears the same single number of the whole network, and nothing of its own part in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = reward for every unit of every hidden layer."""

    native: ClassVar[str] = "REWARD"

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """The reward repeated over units [N, B, units of layer k]."""
        return at.reward.expand(-1, -1, at.weights[k].shape[1])

    @property
    def knows(self) -> frozenset[str]:
        """One number of the whole network."""
        return frozenset({"network"})

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """None: one number is repeated."""
        return 0.0

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        return base.TorchSource("reward.expand(-1, w.shape[0])")
