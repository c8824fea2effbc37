"""Backpropagation: errors go down through the transposed forward weights (Rumelhart, Hinton & Williams 1986)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = err_{k+1} w_k^T (Rumelhart, Hinton & Williams 1986)."""

    native: ClassVar[str] = "BACKPROP"
    transports: ClassVar[bool] = True

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """Errors [N, B, units of layer k] through the transposed weights."""
        return torch.bmm(at.err[k + 1], at.weights[k].transpose(1, 2))

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        return base.TorchSource("err_above @ w.T")
