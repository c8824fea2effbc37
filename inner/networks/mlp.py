"""Multilayer perceptron of N networks in lockstep: births, and a forward pass that keeps the signals of a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inner.activations import activation
from inner.life_data import Label
from inner.networks import base
from inner.networks.base import ForwardRecord, born, check_options, output_units, product, with_ones


@dataclass(frozen=True)
class Network(base.Network):
    """Fully connected layers `post = f(pre @ w)`; the bias is a synapse from a unit that is always 1."""

    hidden: tuple[int, ...] = (32,)
    activation: str = "tanh"
    output: str = "auto"  # softmax for classes, linear otherwise
    bias: bool = False
    gain: float = 1.0  # factor on the initial weights
    birth: str = "gaussian"  # gaussian, orthogonal, he or xavier: see inner/networks/base.py

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        activation(self.activation)
        if any(not isinstance(width, int) or width < 1 for width in self.hidden):
            raise ValueError(f"network.hidden: expected positive whole numbers, got {list(self.hidden)}")
        check_options(self.output, self.gain, self.birth)

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Units per layer, input and output included."""
        return (inputs, *self.hidden, outputs)

    def init(self, inputs: int, outputs: int, seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Initial weights, one network per label: a tensor [L, I (+ 1), O] per layer; bias rows start at 0."""
        sizes = self.sizes(inputs, outputs)
        layers = []
        for k, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:])):
            weights = born((fan_in, fan_out), self.birth, self.gain, fan_in, seed, k, labels)
            if self.bias:
                weights = np.concatenate([weights, np.zeros_like(weights[:, :1])], axis=1)
            layers.append(torch.from_numpy(weights))
        return tuple(layers)

    def forward(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> tuple[ForwardRecord, tuple[Tensor, ...]]:
        """Run x [N, B, I] through weights [N, I (+ 1), O]; `output` is the resolved kind of output unit."""
        hidden = activation(self.activation).value
        pres, drives, posts = [], [], []
        signal = x
        for k, w in enumerate(weights):
            pre = with_ones(signal) if self.bias else signal
            drive = product(pre, w)
            if noise is not None:
                drive = drive + noise[k]
            signal = hidden(drive) if k + 1 < len(weights) else output_units(drive, output)
            pres.append(pre)
            drives.append(drive)
            posts.append(signal)
        return ForwardRecord(tuple(pres), tuple(drives), tuple(posts), signal), ()

    def outputs(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output of `forward`, same bits, in memory that does not grow with depth: two layers of units at a time."""
        hidden, signal = activation(self.activation).value, x
        for k, w in enumerate(weights):
            drive = product(with_ones(signal) if self.bias else signal, w)
            signal = hidden(drive) if k + 1 < len(weights) else output_units(drive, output)
        return signal, ()
