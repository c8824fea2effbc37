"""Synthetic gradients (decoupled neural interfaces): every hidden layer guesses its error from its own activity.

    feedback_k = SG_k(h_k [, target]);    SG_k goes down |SG_k - err_{k+1} w_k^T|^2, err_{k+1} by the guess of the layer above

(Jaderberg et al. 2017.) With the target it is their cDNI. SG_k is linear, or has one layer of tanh units; its last layer is 0
at birth. Steps are divided by the mean squared length of what goes in (Nagumo & Noda 1967), so that any rate below 2 is stable
for linear ones; large batches bear more, and learn faster by it. Where the loss is quadratic and the layers above are linear,
cDNI's guess can be the error itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.life_data import Label
from inner.networks.base import Network
from inner.pathways import base
from inner.random import stream
from inner.rules.coefficient import Coefficient
from inner.spec import Spec


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = [h_k, 1, target] A_k, or [tanh([h_k, 1, target] C_k), 1] A_k; inputs hear err_1 w_0^T."""

    transports: ClassVar[bool] = True
    rates: ClassVar[Mapping[str, Coefficient]] = {"rate": Coefficient("rate", 1.0, "log", low=1e-6, high=100.0)}

    rate: base.Rate = 1.0
    label: bool = False  # whether the target goes in (cDNI)
    hidden: int = 0  # units of the layer inside SG_k; 0: it is linear

    def __post_init__(self) -> None:
        base.check_rate(self, "rate")
        base.check_whole("hidden", self.hidden, 0, 10_000)
        if not isinstance(self.label, bool):
            raise ValueError(f"pathway.label: expected true or false, got {str(self.label)[:40]!r}")

    @property
    def knows(self) -> frozenset[str]:
        """A guess reads the whole layer; it learns from the layer above through forward weights."""
        return frozenset({"layer", "transported weights"})

    def accepts(self, network: Network, spec: Spec) -> str:
        """With the target in, there must be one."""
        if self.label and not spec.criterion.supervised:
            return "the pathway 'synthetic' with label true needs a target, here nothing is wanted of outputs"
        return super().accepts(network, spec)

    def _shapes(self, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """Of A_k, or of C_k and A_k, layer after layer."""
        found = []
        for units in sizes[1:-1]:
            inside = units + 1 + self.label * sizes[-1]
            found += [(inside, self.hidden), (self.hidden + 1, units)] if self.hidden else [(inside, units)]
        return found

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Per hidden layer A_k [L, I, units] of zeros, after C_k [L, I, hidden] ~ N(0, 1 / I) where there is one."""
        made = []
        for n, shape in enumerate(self._shapes(sizes)):
            if not self.hidden or n % 2:
                made.append(torch.zeros(len(labels), *shape))
            else:
                each = [stream(seed, "feedback", "synthetic", n, *label) for label in labels]
                drawn = np.stack([random.standard_normal(shape, dtype=np.float32) for random in each])
                made.append(torch.from_numpy(drawn * np.float32(shape[0] ** -0.5)))
        return tuple(made)

    def floats(self, sizes: Sequence[int]) -> int:
        """Numbers of C and A."""
        return sum(i * o for i, o in self._shapes(sizes))

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """The pass through the layers above; guesses and their learning in passes of that size."""
        return 1.0 + 3.0 * self.floats(sizes) / sum(i * o for i, o in zip(sizes, sizes[1:]))

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """The guess [N, B, units of layer k]."""
        return self._guess(k, at)[-1] if k else self._true(0, at)

    def train(self, at: base.Delivery) -> Sequence[Tensor]:
        """C and A after a step towards what came from the layer above."""
        learned: list[Tensor] = []
        for k in range(1, at.top):
            inside, within, guess = self._guess(k, at)
            gap, rate = self._true(k, at) - guess, at.number(self.rate)
            if self.hidden:
                c, a = at.own[2 * k - 2 : 2 * k]
                back = gap.bmm(a[:, :-1].transpose(1, 2)) * (1 - within[..., :-1].square())
                learned.append(c + rate * _step(inside, back))
                learned.append(a + rate * _step(within, gap))
            else:
                learned.append(at.own[k - 1] + rate * _step(inside, gap))
        return learned

    def _guess(self, k: int, at: base.Delivery) -> tuple[Tensor, Tensor, Tensor]:
        """The inputs of SG_k [N, B, I], those of its last layer, and the guess."""
        h = at.units(k)
        parts = [h, torch.ones_like(h[..., :1])]
        if self.label:
            assert at.y is not None
            parts.append(at.y)
        inside = torch.cat(parts, 2)
        if not self.hidden:
            return inside, inside, inside.bmm(at.own[k - 1])
        c, a = at.own[2 * k - 2 : 2 * k]
        within = torch.tanh(inside.bmm(c))
        within = torch.cat([within, torch.ones_like(within[..., :1])], 2)
        return inside, within, within.bmm(a)

    def _true(self, k: int, at: base.Delivery) -> Tensor:
        """The error of the layer above, back through one layer."""
        return torch.bmm(at.err[k + 1], at.weights[k].transpose(1, 2))


def _step(inside: Tensor, gap: Tensor) -> Tensor:
    """Mean of inside^T gap over samples, per mean squared length of what goes in: [N, I, O]."""
    return inside.transpose(1, 2).bmm(gap) / inside.square().sum((1, 2)).reshape(-1, 1, 1)
