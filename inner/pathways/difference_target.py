"""Difference target propagation: targets travel down through learned inverses of the layers.

    h~_{L-1} = h_{L-1} + nudge err_out w^T;    h~_k = h_k + G_{k+1}(h~_{k+1}) - G_{k+1}(h_{k+1})
    G_{k+1}(h) = f(h V_k + c_k) goes down |G_{k+1}(F(h_k + eps)) - (h_k + eps)|^2, F the layer, eps ~ N(0, sigma^2)

(Lee, Zhang, Fischer & Bengio 2015.) A layer that descends |h_k - h~_k|^2 hears h~_k - h_k, here divided by `nudge`, so
that the size of a change does not hang on it. Steps of V are divided by the mean squared length of what goes in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.life_data import Label
from inner.networks.base import with_ones
from inner.pathways import base
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = (G(h_{k+1} + nudge feedback_{k+1}) - G(h_{k+1})) / nudge; err_out w^T for the highest hidden layer."""

    transports: ClassVar[bool] = True  # of the output layer alone
    draws: ClassVar[bool] = True
    runs: ClassVar[bool] = True
    rates: ClassVar[Mapping[str, Coefficient]] = {
        "rate": Coefficient("rate", 0.3, "log", low=1e-6, high=2.0),
        "nudge": Coefficient("nudge", 0.3, "log", low=1e-3, high=10.0),
        "sigma": Coefficient("sigma", 0.3, "log", low=1e-4, high=10.0),
    }

    rate: base.Rate = 0.3  # of V
    nudge: base.Rate = 0.3  # length of the first target, against the gradient
    sigma: base.Rate = 0.3  # of the noise that inverses are learned with

    def __post_init__(self) -> None:
        for option in self.rates:
            base.check_rate(self, option)

    @property
    def knows(self) -> frozenset[str]:
        """The output layer's weights; a pass of noise; a target is compared with the activity before it."""
        return frozenset({"transported weights", "two phases"})

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """V_k [L, units above + 1, units], the biases its last row, of every layer with a hidden one above it but the highest."""
        pairs = enumerate(zip(sizes[:-2], sizes[1:-1]))
        drawn = (base.gaussian((above, units), "difference_target", k, seed, labels) for k, (units, above) in pairs)
        return tuple(torch.cat([v, torch.zeros_like(v[:, :1])], 1) for v in drawn)

    def floats(self, sizes: Sequence[int]) -> int:
        """Numbers of V."""
        return sum((above + 1) * units for units, above in zip(sizes[:-2], sizes[1:-1]))

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """Two of the inverses back; layers and inverses under noise, and their learning; inputs only where somebody asks."""
        return 1.0 + 4.0 * self.floats(sizes[1:]) / sum(i * o for i, o in zip(sizes, sizes[1:]))

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """(target - activity) / nudge [N, B, units of layer k]."""
        if k == at.top - 1:
            return torch.bmm(at.err_out, at.weights[k].transpose(1, 2))
        h, nudge = at.units(k + 1), at.number(self.nudge)
        moved, here = (self._inverse(k, each, at)[1] for each in (h + nudge * at.feedback[k + 1], h))
        return (moved - here) / nudge

    def train(self, at: base.Delivery) -> Sequence[Tensor]:
        """V after a step towards the inverse of the layer above, in a pass of noise."""
        return [v if k < at.lowest else self._closer(k, v, at) for k, v in enumerate(at.own)]

    def _inverse(self, k: int, h: Tensor, at: base.Delivery) -> tuple[Tensor, Tensor]:
        """Drive and activity [N, B, units of layer k] that activities h [N, B, units above] lead back to."""
        drive = torch.bmm(with_ones(h), at.own[k])
        return drive, at.active(k, drive)

    def _closer(self, k: int, v: Tensor, at: base.Delivery) -> Tensor:
        assert at.luck is not None
        h = at.units(k)
        eps = at.luck.normal(at.t, base.SITE + k, h.shape[1:]).to(h.dtype) * at.number(self.sigma)
        above = at.active(k + 1, at.drive(k + 1) + eps.bmm(at.weights[k]))
        drive, back = self._inverse(k, above, at)
        gap = (h + eps - back) * (at.slope(k, drive, back) if k else 1.0)
        above = with_ones(above)
        return v + at.number(self.rate) * above.transpose(1, 2).bmm(gap) / above.square().sum((1, 2)).reshape(-1, 1, 1)
