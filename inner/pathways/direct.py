"""Direct feedback alignment: the output's error reaches every layer through its own fixed random weights (Nøkland 2016)."""

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
    """feedback_k = err_out B_k with B_k [O, units] ~ N(0, 1 / O), never changed."""

    native: ClassVar[str] = "DIRECT"

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """B_k [L, O, units] for every layer of units below the output."""
        return tuple(base.gaussian((sizes[-1], units), "direct", k, seed, labels) for k, units in enumerate(sizes[:-1]))

    def floats(self, sizes: Sequence[int]) -> int:
        """Numbers of the B_k of a network."""
        return sizes[-1] * sum(sizes[:-1])

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """The output's error [N, B, units of layer k] through this layer's random weights."""
        return torch.bmm(at.err_out, at.own[k])

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        return base.TorchSource("err_out @ self.own[k]", rows="sizes[-1]")
