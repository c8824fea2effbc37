"""Local losses: every hidden layer descends a loss of its own, nothing comes from the layers above (greedy layers).

    pred      L_k = loss of the targets under a readout of the layer, h_k V_k, which learns too
    sim       L_k = mean over pairs of samples of (S(h_k P_k) - S(y))^2, S = cosines of rows without their means
    predsim   (1 - mix) pred + mix sim

(Nøkland & Eidnes 2019.) A hidden layer hears -d L_k / d h_k; V_k and P_k go down their loss with `rate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.life_data import Label
from inner.networks.base import Network, output_units
from inner.pathways import base
from inner.random import stream
from inner.rules.coefficient import Coefficient
from inner.spec import Spec

LOSSES = ("pred", "sim", "predsim")
ALIKE = 1e-6  # the length below which a row has no direction


@dataclass(frozen=True)
class Pathway(base.Pathway):
    """feedback_k = -d L_k / d h_k of every hidden layer; inputs have no loss and hear 0."""

    aims: ClassVar[bool] = True
    rates: ClassVar[Mapping[str, Coefficient]] = {
        "rate": Coefficient("rate", 0.1, "log", low=1e-6, high=100.0),
        "mix": Coefficient("mix", 0.99, "linear", 0.2, low=0.0, high=1.0),
    }

    loss: str = "pred"
    rate: base.Rate = 0.1  # of V and P
    mix: base.Rate = 0.99  # share of sim in predsim

    def __post_init__(self) -> None:
        base.check_choice("loss", self.loss, LOSSES)
        base.check_rate(self, "rate")
        base.check_rate(self, "mix")

    @property
    def knows(self) -> frozenset[str]:
        """The layer's own readout, back and forth; sim compares activities of different samples."""
        compared = {"stored activity"} if self.loss != "pred" else set()
        return frozenset({"layer", "transported weights"} | compared)

    def accepts(self, network: Network, spec: Spec) -> str:
        """Pairs of samples need several that stand alone."""
        if self.loss != "pred" and (spec.batch < 2 or spec.sequences):
            return f"the local loss '{self.loss}' compares samples of a step: expected life.batch of at least 2, no sequences"
        if self.loss != "pred" and spec.outputs < 2:
            return f"the local loss '{self.loss}' compares targets by their direction: expected at least 2 outputs"
        return super().accepts(network, spec)

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """V_k [L, units, O] of every hidden layer, then P_k [L, units, units], as far as the loss has them."""
        shapes = [(units, sizes[-1]) for units in sizes[1:-1]] if self.loss != "sim" else []
        shapes += [(units, units) for units in sizes[1:-1]] if self.loss != "pred" else []
        return tuple(_drawn(shape, n, seed, labels) for n, shape in enumerate(shapes))

    def floats(self, sizes: Sequence[int]) -> int:
        """Numbers of V and P."""
        square = self.loss != "pred"
        return sum(units * (sizes[-1] * (self.loss != "sim") + units * square) for units in sizes[1:-1])

    def passes(self, sizes: Sequence[int], batch: int) -> float:
        """Of the size of a pass: three products with V and P, and those of the similarities."""
        pairs = batch * sum(sizes[1:-1]) * (self.loss != "pred")
        return (3.0 * self.floats(sizes) + 2.0 * pairs) / sum(i * o for i, o in zip(sizes, sizes[1:]))

    def feedback(self, k: int, at: base.Delivery) -> Tensor:
        """-d L_k / d h_k [N, B, units of layer k], of each sample."""
        if k == 0:
            return torch.zeros_like(at.units(0))
        parts = [delta.bmm(w.transpose(1, 2)) * share for w, delta, share in self._parts(k, at)]
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def train(self, at: base.Delivery) -> Sequence[Tensor]:
        """V and P after a step down their losses."""
        learned: list[list[Tensor]] = [[], []]
        for k in range(1, at.top):
            h, rate = at.units(k), at.number(self.rate)
            for side, (w, delta, share) in zip(learned, self._parts(k, at)):
                side.append(w + rate * share * (h.transpose(1, 2).bmm(delta) / h.shape[1]))
        return [*learned[0], *learned[1]]

    def _parts(self, k: int, at: base.Delivery) -> list[tuple[Tensor, Tensor, float | Tensor]]:
        """(V or P, -d loss / d its output of each sample [N, B, ...], share of the loss) of hidden layer k."""
        layers, mix = at.top - 1, at.number(self.mix)
        found: list[tuple[Tensor, Tensor, float | Tensor]] = []
        if self.loss != "sim":
            v = at.own[k - 1]
            kind = at.network.resolve_output(at.criterion)
            error = at.criterion.error(output_units(at.units(k).bmm(v), kind), at.y)
            found.append((v, error if at.scored is None else error * at.scored, 1 - mix if self.loss == "predsim" else 1.0))
        if self.loss != "pred":
            assert at.y is not None
            p = at.own[k - 1 + layers * (self.loss == "predsim")]
            found.append((p, -len(at.y[0]) * similar(at.units(k).bmm(p), at.y)[1], mix if self.loss == "predsim" else 1.0))
        return found


def similar(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The loss [N] mean over pairs of (S(z) - S(y))^2, and its gradient [N, B, D] with respect to z [N, B, D]."""
    (rows, length), (wanted, _) = _directions(z), _directions(y)
    gap = rows.bmm(rows.transpose(1, 2)) - wanted.bmm(wanted.transpose(1, 2))  # [N, B, B]
    slope = gap.bmm(rows) * (4.0 / gap.shape[1] ** 2)
    slope = (slope - rows * (rows * slope).sum(2, keepdim=True)) * length
    return gap.square().mean((1, 2)), slope - slope.mean(2, keepdim=True)


def _directions(z: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of z without their means and of length 1, and 1 / length [N, B, 1]; 0 for rows of equal numbers."""
    centred = z - z.mean(2, keepdim=True)
    length = centred.square().sum(2, keepdim=True).sqrt()
    inverse = torch.where(length > ALIKE, 1 / length.clamp(min=ALIKE), torch.zeros_like(length))
    return centred * inverse, inverse


def _drawn(shape: tuple[int, int], n: int, seed: int, labels: Sequence[Label]) -> Tensor:
    """N(0, 1 / units) [L, units, ...]."""
    drawn = [stream(seed, "feedback", "local_loss", n, *label).standard_normal(shape, dtype=np.float32) for label in labels]
    return torch.from_numpy(np.stack(drawn) * np.float32(shape[0] ** -0.5))
