"""Recurrent network of N networks in lockstep (Elman 1990): hidden layers that also see what they did one step before.

    h_u(t) = f(h_{u-1}(t) W_u + h_u(t - 1) R_u),    u = 1 .. K;    output = g(h_K(t) W_{K+1})

Groups of synapses in order: W_1, R_1, W_2, R_2, ..., W_{K+1} (the last is `output` in a formula per layer). Both groups
of a hidden layer have its whole drive, with noise once; pre of R_u is h_u(t - 1). Errors go down through the W alone.
With `leak` below 1 units are slow: h_u(t) = (1 - leak) h_u(t - 1) + leak f(drive); the slope of a unit is then leak f'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inner.activations import activation
from inner.components import suggest
from inner.life_data import Label
from inner.networks import base
from inner.networks.base import BIRTHS, ForwardRecord, born, check_options, output_units, product, with_ones

RECURRENT_BIRTHS = (*BIRTHS, "identity")


@dataclass(frozen=True)
class Network(base.Network):
    """Hidden layers with a recurrent group each. Samples that stand alone are one step from rest: R_u then does nothing."""

    hidden: tuple[int, ...] = (32,)
    activation: str = "tanh"
    output: str = "auto"  # softmax for classes, linear otherwise
    bias: bool = False  # of the feed-forward groups
    gain: float = 1.0  # factor on the initial feed-forward weights
    birth: str = "gaussian"  # of the feed-forward groups: gaussian, orthogonal, he or xavier
    recurrent_gain: float = 1.0  # factor on the initial recurrent weights
    recurrent_birth: str = "orthogonal"  # of the recurrent groups: as `birth`, or identity (Le, Jaitly & Hinton 2015)
    leak: float = 1.0  # share of its activity that a hidden unit renews at a step

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        activation(self.activation)
        if not self.hidden or any(type(width) is not int or width < 1 for width in self.hidden):
            raise ValueError(f"network.hidden: expected one or more positive whole numbers, got {list(self.hidden)}")
        check_options(self.output, self.gain, self.birth)
        if not (math.isfinite(self.recurrent_gain) and self.recurrent_gain >= 0):
            raise ValueError(f"network.recurrent_gain: expected a number >= 0, got {self.recurrent_gain}")
        if isinstance(self.leak, bool) or not 0 < self.leak <= 1:
            raise ValueError(f"network.leak: expected a number above 0, at most 1, got {self.leak}")
        if self.recurrent_birth not in RECURRENT_BIRTHS:
            raise ValueError(
                f"network.recurrent_birth: unknown name '{self.recurrent_birth}'"
                f"{suggest(self.recurrent_birth, RECURRENT_BIRTHS)}; known: {', '.join(RECURRENT_BIRTHS)}"
            )

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Units per layer, input and output included."""
        return (inputs, *self.hidden, outputs)

    def wiring(self, inputs: int, outputs: int) -> tuple[tuple[int, int], ...]:
        """(0, 1), (1, 1), (1, 2), (2, 2), ..., (K, K + 1)."""
        groups = [(u + side - 1, u) for u in range(1, len(self.hidden) + 1) for side in (0, 1)]
        return (*groups, (len(self.hidden), len(self.hidden) + 1))

    def init(self, inputs: int, outputs: int, seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Initial weights, one network per label: a tensor [L, I (+ 1), O] per group; bias rows start at 0."""
        sizes, groups = self.sizes(inputs, outputs), []
        for k, (source, target) in enumerate(self.wiring(inputs, outputs)):
            shape = (sizes[source], sizes[target])
            if source == target and self.recurrent_birth == "identity":
                eye = np.eye(shape[0], dtype=np.float32) * np.float32(self.recurrent_gain)
                weights = np.broadcast_to(eye, (len(labels), *shape)).copy()
            elif source == target:
                weights = born(shape, self.recurrent_birth, self.recurrent_gain, shape[0], seed, k, labels)
            else:
                weights = born(shape, self.birth, self.gain, shape[0], seed, k, labels)
            if self.biased(source, target):
                weights = np.concatenate([weights, np.zeros_like(weights[:, :1])], axis=1)
            groups.append(torch.from_numpy(weights))
        return tuple(groups)

    def rest(self, n: int, batch: int, inputs: int, outputs: int) -> tuple[Tensor, ...]:
        """0 for every hidden unit, [N, B, units] per hidden layer."""
        return tuple(torch.zeros(n, batch, width) for width in self.hidden)

    def forward(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> tuple[ForwardRecord, tuple[Tensor, ...]]:
        """One step of x [N, B, I]; units: hidden activities [N, B, H] one step back, which `fresh` sets to 0."""
        row = activation(self.activation)
        pres, drives, posts, slopes, signal = [], [], [], [], x
        for u in range(len(self.hidden)):
            forward, recurrent = weights[2 * u], weights[2 * u + 1]
            before = x.new_zeros(*x.shape[:2], recurrent.shape[1])
            if units and fresh is not None:
                before = torch.where(fresh.unsqueeze(-1), before, units[u])
            pre = with_ones(signal) if self.bias else signal
            drive = product(pre, forward) + product(before, recurrent)
            if noise is not None:
                drive = drive + noise[u]
            signal = row.value(drive)
            if self.leak != 1:
                slopes += [self.leak * row.slope(drive, signal)] * 2
                signal = (1 - self.leak) * before + self.leak * signal
            pres += [pre, before]
            drives += [drive, drive]
            posts += [signal, signal]
        pre = with_ones(signal) if self.bias else signal
        drive = product(pre, weights[-1])
        if noise is not None:
            drive = drive + noise[-1]
        out = output_units(drive, output)
        slope = (*slopes, torch.ones_like(drive)) if slopes else None
        record = ForwardRecord((*pres, pre), (*drives, drive), (*posts, out), out, slope)
        return record, tuple(posts[::2])
