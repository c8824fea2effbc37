"""Learned feedback: feedback weights take the same changes as the forward weights and both decay, so that they meet.

(Kolen & Pollack 1994.) With dB = dw^T - decay B and dw - decay w, the difference w - B^T shrinks by (1 - decay) a step,
and feedback alignment turns into backpropagation without a weight ever being sent.
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
    """feedback_k = err_{k+1} B_k; after each step B_k += dw_k^T, then w and B shrink by (1 - decay)."""

    native: ClassVar[str] = "LEARNED"

    decay: float = 0.001

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise ValueError(f"pathway.decay: expected 0 <= decay < 1, got {self.decay}")

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """B_k [L, units above, units] for every layer of units below the output."""
        pairs = enumerate(zip(sizes, sizes[1:]))
        return tuple(base.gaussian((above, units), "learned", k, seed, labels) for k, (units, above) in pairs)

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """Errors [N, B, units of layer k] through the learned feedback weights."""
        return torch.bmm(at.err[k + 1], at.own[k])

    def after(
        self, own: tuple[Tensor, ...], weights: tuple[Tensor, ...], changes: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Feedback weights follow the forward weights; both decay."""
        keep = 1 - self.decay
        moved = zip(own, changes)
        follow = tuple((b + dw[:, : b.shape[2]].transpose(1, 2)) * keep for b, dw in moved)
        return follow, tuple(w * keep for w in weights)

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        keep = repr(1 - self.decay)
        after = f"self.own[k] = (self.own[k] + change[:-1].T) * {keep}\nself.weights[k] *= {keep}"
        return base.TorchSource("err_above @ self.own[k]", rows="above", after=after)
