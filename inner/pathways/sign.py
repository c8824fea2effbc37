"""Sign-symmetric feedback: only the signs of the forward weights are transported (Liao, Leibo & Poggio 2016)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = err_{k+1} sign(w_k)^T / sqrt(units above)."""

    native: ClassVar[str] = "SIGNED"
    transports: ClassVar[bool] = True

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """Errors [N, B, units of layer k] through the signs of the forward weights."""
        above = at.err[k + 1]
        return torch.bmm(above, torch.sign(at.weights[k]).transpose(1, 2)) * (1 / math.sqrt(above.shape[2]))

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        return base.TorchSource("err_above @ torch.sign(w).T / err_above.shape[1] ** 0.5")
