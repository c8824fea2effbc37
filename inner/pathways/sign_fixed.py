"""Sign symmetry with fixed magnitudes (frSF): signs come from the forward weights, sizes were drawn once.

(Liao, Leibo & Poggio 2016; Moskovitz, Litwin-Kumar & Abbott 2018.)
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
    """feedback_k = err_{k+1} (|B_k| sign(w_k)^T) with B_k [units above, units] ~ N(0, 1 / units above), never changed."""

    transports: ClassVar[bool] = True

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """B_k [L, units above, units] for every layer of units below the output."""
        pairs = enumerate(zip(sizes, sizes[1:]))
        return tuple(base.gaussian((above, units), "sign_fixed", k, seed, labels) for k, (units, above) in pairs)

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """Errors [N, B, units of layer k] through the signs of the forward weights."""
        return torch.bmm(at.err[k + 1], at.own[k].abs() * torch.sign(at.weights[k]).transpose(1, 2))

    def torch_source(self) -> base.TorchSource:
        """The same in an exported torch file."""
        return base.TorchSource("err_above @ (self.own[k].abs() * torch.sign(w).T)", rows="above")
