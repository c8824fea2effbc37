"""No feedback: hidden units never hear of an error; `err` and `feedback` are 0 below the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = 0."""

    native: ClassVar[str] = "NONE"

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """Zeros [N, B, units of layer k]."""
        above = at.err[k + 1]
        return above.new_zeros(*above.shape[:2], at.weights[k].shape[1])

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """None."""
        return 0.0

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        return base.TorchSource("torch.zeros_like(err_above[:, :1]).expand(-1, w.shape[0])")
