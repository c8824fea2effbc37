"""Direct random target projection: the target, not the error, reaches every layer through fixed random weights.

delta_k = (y* B_k) f'(z_k) (Frenkel, Lefebvre & Bol 2021, "Learning without feedback"): the one-hot target has the signs of
the output's error, so that hidden layers need not wait for the output. The sign of B_k is free, here a target pulls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.life_data import Label
from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = target B_k with B_k [O, units] ~ N(0, 1 / O), never changed."""

    aims: ClassVar[bool] = True

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """B_k [L, O, units] for every layer of units below the output."""
        layers = enumerate(sizes[:-1])
        return tuple(base.gaussian((sizes[-1], units), "target_projection", k, seed, labels) for k, units in layers)

    def floats(self, sizes: Sequence[int]) -> int:
        """Numbers of the B_k of a network."""
        return sizes[-1] * sum(sizes[:-1])

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """The target [N, B, units of layer k] through this layer's random weights."""
        assert at.y is not None
        return torch.bmm(at.y, at.own[k])

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        return base.TorchSource("target @ self.own[k]", rows="sizes[-1]")
