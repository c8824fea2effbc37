"""No feedback: hidden units never hear of an error; `err` and `feedback` are 0 below the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = 0."""

    def feedback(
        self,
        k: int,
        own: Sequence[Tensor],
        weights: Sequence[Tensor],
        err_above: Tensor,
        err_out: Tensor,
        reward: Tensor,
    ) -> Tensor:
        """Zeros [N, B, units of layer k]."""
        return err_above.new_zeros(*err_above.shape[:2], weights[k].shape[1])
