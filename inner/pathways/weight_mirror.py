"""Weight mirror: feedback weights learn to be the transposed forward weights from how units answer to noise.

In a second phase of every step, units of layer k are noisy, x' ~ N(0, sigma^2), the units above answer y' = f(x' w), and
B += rate x' y'^T (Akrout et al. 2019). For Gaussian x' the mean of x' y'^T is sigma^2 w times the mean slope of the
units above (Bussgang 1952), so that nothing but activities has to be carried. Here a unit counts its answer in sigma^2 and in
its own mean slope and above its activity at rest, and B forgets at the same rate, so that B tends to w^T itself; biases are
blocked, as in the paper. The first phases are averaged, which is the paper's phase before training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.activations import activation
from inner.life_data import Label
from inner.networks.base import Network
from inner.pathways import base
from inner.rules.coefficient import Coefficient
from inner.spec import Spec

FLAT = 0.01  # the least mean slope that an answer is counted in


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = err_{k+1} B_k; B_k += max(rate, 1 / (t + 1)) (mean of x' y'^T / (sigma^2 slope) - B_k)."""

    draws: ClassVar[bool] = True
    runs: ClassVar[bool] = True
    rates: ClassVar[Mapping[str, Coefficient]] = {"rate": Coefficient("rate", 0.05, "log", low=1e-6, high=1.0)}

    rate: base.Rate = 0.05
    samples: int = 32  # of noise in a phase
    sigma: float = 0.1  # of the noise

    def __post_init__(self) -> None:
        base.check_rate(self, "rate")
        base.check_whole("samples", self.samples, 1, 100_000)
        if isinstance(self.sigma, bool) or not isinstance(self.sigma, int | float) or not 1e-3 <= self.sigma <= 1e3:
            raise ValueError(f"pathway.sigma: expected a number from 0.001 to 1000, got {str(self.sigma)[:40]!r}")

    @property
    def knows(self) -> frozenset[str]:
        """A phase of noise beside that of learning."""
        return frozenset({"two phases"})

    def accepts(self, network: Network, spec: Spec) -> str:
        """Not where units jump: how they answer to noise tells nothing of slopes."""
        jumps = network.activation != "module" and activation(network.activation).jumps
        return "the pathway 'weight_mirror' needs units with a slope" if jumps else super().accepts(network, spec)

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """B_k [L, units above, units] for every layer of units below the output, random at birth."""
        pairs = enumerate(zip(sizes, sizes[1:]))
        return tuple(base.gaussian((above, units), "weight_mirror", k, seed, labels) for k, (units, above) in pairs)

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """One back, the phase of noise and its products."""
        return 1.0 + 2.0 * self.samples / batch

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """Errors [N, B, units of layer k] through the mirrored weights."""
        return torch.bmm(at.err[k + 1], at.own[k])

    def train(self, at: base.Delivery) -> Sequence[Tensor]:
        """The B_k after a phase of noise."""
        return [b if k < at.lowest else self._mirrored(k, b, at) for k, b in enumerate(at.own)]

    def _mirrored(self, k: int, b: Tensor, at: base.Delivery) -> Tensor:
        assert at.luck is not None
        w = at.weights[k]
        x = at.luck.normal(at.t, base.SITE + k, (self.samples, w.shape[1])).to(w.dtype)  # [N, S, units]
        drive = torch.bmm(x, w) * self.sigma
        answer = at.active(k + 1, drive)
        slope = at.slope(k + 1, drive, answer).mean(1, keepdim=True).clamp(min=FLAT)
        answer = (answer - at.active(k + 1, torch.zeros_like(slope))) / slope
        estimate = torch.bmm(answer.transpose(1, 2), x) / (self.samples * self.sigma)
        return b + at.share(self.rate) * (estimate - b)
