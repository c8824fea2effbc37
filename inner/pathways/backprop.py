"""Backpropagation: errors travel down through the transposed forward weights (weight transport)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = err_{k+1} w_k^T (Rumelhart, Hinton & Williams 1986)."""

    def feedback(
        self,
        k: int,
        own: Sequence[Tensor],
        weights: Sequence[Tensor],
        err_above: Tensor,
        err_out: Tensor,
        reward: Tensor,
    ) -> Tensor:
        """Errors [N, B, units of layer k] through the transposed weights."""
        return torch.bmm(err_above, weights[k].transpose(1, 2))
