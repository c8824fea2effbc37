"""Multilayer perceptron of N networks in lockstep: fan-in initialisation, and a forward pass that keeps what a rule may see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inner.activations import activation, sigmoid, softmax
from inner.random import stream
from inner.tasks.base import Label

OUTPUTS = ("auto", "softmax", "linear", "sigmoid")


NARROW = 16  # units of a layer below which matrix products are several times faster the other way round


def laid(w: Tensor) -> Tensor:
    """Weights [N, I, O] in memory of their own; those of a narrow layer with the inputs of a unit side by side."""
    return w.transpose(1, 2).contiguous().transpose(1, 2) if w.shape[2] < NARROW else w.contiguous()


def product(pre: Tensor, w: Tensor) -> Tensor:
    """pre @ w, [N, B, I] and [N, I, O] -> [N, B, O]."""
    if w.shape[2] >= NARROW or pre.shape[1] == 1:
        return torch.bmm(pre, w)
    return torch.bmm(w.transpose(1, 2), pre.transpose(1, 2)).transpose(1, 2)


@dataclass(frozen=True)
class Activity:
    """What one forward pass leaves behind, a tensor per layer of synapses k = 0, 1, ..."""

    pre: tuple[Tensor, ...]  # [N, B, I_k], with a last column of ones where the network has biases
    drive: tuple[Tensor, ...]  # [N, B, O_k]
    post: tuple[Tensor, ...]  # [N, B, O_k]

    @property
    def output(self) -> Tensor:
        """[N, B, O] of the last layer."""
        return self.post[-1]


@dataclass(frozen=True)
class Network:
    """Fully connected layers `post = f(pre @ w)`; the bias is a synapse from a unit that is always 1."""

    hidden: tuple[int, ...] = (32,)
    activation: str = "tanh"
    output: str = "auto"  # softmax for classification, linear otherwise
    bias: bool = False
    gain: float = 1.0  # weights start as N(0, (gain / sqrt(I))^2)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        activation(self.activation)
        if any(not isinstance(width, int) or width < 1 for width in self.hidden):
            raise ValueError(f"network.hidden: expected positive whole numbers, got {list(self.hidden)}")
        if self.output not in OUTPUTS:
            raise ValueError(f"network.output: expected one of {', '.join(OUTPUTS)}, got '{self.output}'")
        if not (math.isfinite(self.gain) and self.gain >= 0):
            raise ValueError(f"network.gain: expected a number >= 0, got {self.gain}")

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Units per layer, input and output included."""
        return (inputs, *self.hidden, outputs)

    def init(self, inputs: int, outputs: int, seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Initial weights, one network per label: a tensor [L, I (+ 1), O] per layer; bias rows start at 0."""
        sizes = self.sizes(inputs, outputs)
        layers = []
        for k, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:])):
            drawn = [
                stream(seed, "weights", k, *label).standard_normal((fan_in, fan_out), dtype=np.float32)
                for label in labels
            ]
            weights = np.stack(drawn) * np.float32(self.gain / math.sqrt(fan_in))
            if self.bias:
                weights = np.concatenate([weights, np.zeros_like(weights[:, :1])], axis=1)
            layers.append(torch.from_numpy(weights))
        return tuple(layers)

    def wired(self, weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The weights with 0 where there is no synapse: here every pair of neighbouring layers has all of them."""
        return weights

    def forward(self, weights: Sequence[Tensor], x: Tensor, output: str) -> Activity:
        """Run x [N, B, I] through weights [N, I (+ 1), O]; `output` is the resolved kind of output unit."""
        hidden = activation(self.activation).value
        pres, drives, posts = [], [], []
        signal = x
        for k, w in enumerate(weights):
            pre = torch.cat([signal, torch.ones_like(signal[..., :1])], -1) if self.bias else signal
            drive = product(pre, w)
            if k + 1 < len(weights):
                signal = hidden(drive)
            elif output == "softmax":
                signal = softmax(drive)
            else:
                signal = sigmoid(drive) if output == "sigmoid" else drive
            pres.append(pre)
            drives.append(drive)
            posts.append(signal)
        return Activity(tuple(pres), tuple(drives), tuple(posts))

    def resolve_output(self, kind: str) -> str:
        """The kind of output unit for a task of `kind`."""
        if self.output != "auto":
            return self.output
        return "softmax" if kind == "classification" else "linear"
