"""Sign symmetry with magnitudes that are drawn afresh at every step (brSF): only signs are worth anything.

(Liao, Leibo & Poggio 2016.) There they are called batch-random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.pathways import base


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = err_{k+1} (|B_k| sign(w_k)^T), B_k [units above, units] ~ N(0, 1 / units above) of this step."""

    transports: ClassVar[bool] = True
    draws: ClassVar[bool] = True

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """Errors [N, B, units of layer k] through the signs of the forward weights."""
        assert at.luck is not None
        w = at.weights[k].transpose(1, 2)
        size = at.luck.normal(at.t, base.SITE + k, w.shape[1:]).to(w.dtype).abs() * (1 / math.sqrt(w.shape[1]))
        return torch.bmm(at.err[k + 1], size * torch.sign(w))
