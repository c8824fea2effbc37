"""Sign-symmetric feedback: only the signs of the forward weights are transported (Liao, Leibo & Poggio 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = err_{k+1} sign(w_k)^T / sqrt(units above)."""

    def feedback(
        self,
        k: int,
        own: Sequence[Tensor],
        weights: Sequence[Tensor],
        err_above: Tensor,
        err_out: Tensor,
        reward: Tensor,
    ) -> Tensor:
        """Errors [N, B, units of layer k] through the signs of the forward weights."""
        scale = 1 / math.sqrt(err_above.shape[2])
        return torch.bmm(err_above, torch.sign(weights[k]).transpose(1, 2)) * scale
