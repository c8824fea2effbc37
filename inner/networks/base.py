"""The interface of a network: how units are wired, which shapes their synapses have, and what state units keep.

Layers of units are counted from the input, 0. A group of synapses joins a source layer to a target layer; feed-forward
networks have the groups (0, 1), (1, 2), ..., and a recurrent layer of units u has the group (u, u) too.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner.activations import sigmoid, softmax
from inner.criteria import Criterion
from inner.life_data import Label
from inner.random import stream
from inner.spec import Spec

NARROW = 16  # units of a layer below which matrix products are several times faster the other way round
BIRTHS = ("gaussian", "orthogonal", "he", "xavier")
OUTPUTS = ("auto", "softmax", "linear", "sigmoid")


class ForwardRecord(NamedTuple):
    """One forward pass, a tensor per group of synapses k = 0, 1, ..."""

    pre: tuple[Tensor, ...]  # [N, B, I_k], with a last column of ones where the group has biases
    drive: tuple[Tensor, ...]  # [N, B, O_k] of the target units: all their groups together, noise among it
    post: tuple[Tensor, ...]  # [N, B, O_k]
    output: Tensor  # [N, B, O]
    slope: tuple[Tensor, ...] | None = None  # [N, B, O_k], where the network gives its own; None: by its activation


class Network(ABC):
    """Concrete networks are frozen dataclasses; their fields are the options of the YAML."""

    activation: str
    output: str
    bias: bool

    @abstractmethod
    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Units per layer, input and output included."""

    def wiring(self, inputs: int, outputs: int) -> tuple[tuple[int, int], ...]:
        """(source, target) layer of units of every group of synapses."""
        layers = len(self.sizes(inputs, outputs))
        return tuple((k, k + 1) for k in range(layers - 1))

    def shapes(self, inputs: int, outputs: int) -> tuple[tuple[int, int], ...]:
        """(I (+ 1), O) of every group of synapses: the one place where sizes become shapes."""
        sizes = self.sizes(inputs, outputs)
        return tuple((sizes[a] + self.biased(a, b), sizes[b]) for a, b in self.wiring(inputs, outputs))

    def synapses(self, inputs: int, outputs: int) -> int:
        """The number of synapses, those of biases apart."""
        sizes = self.sizes(inputs, outputs)
        return sum(sizes[a] * sizes[b] for a, b in self.wiring(inputs, outputs))

    def biased(self, source: int, target: int) -> bool:
        """True for a group with a bias row: the feed-forward ones, where the network has biases."""
        return self.bias and source != target

    @abstractmethod
    def init(self, inputs: int, outputs: int, seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Initial weights, one network per label: a tensor [L, I (+ 1), O] per group; bias rows start at 0."""

    def wired(self, weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The weights with 0 where there is no synapse."""
        return weights

    def rest(self, n: int, batch: int, inputs: int, outputs: int) -> tuple[Tensor, ...]:
        """The state of units before anything was shown, tensors [N, B, units]; feed-forward networks have none."""
        return ()

    @abstractmethod
    def forward(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> tuple[ForwardRecord, tuple[Tensor, ...]]:
        """One step of x [N, B, I] through weights [N, I (+ 1), O]: the record, and the units' state after it.

        output: the resolved kind of output unit. units: their state before; (): rest. fresh: bool [N, B], samples whose
        units are at rest again; None: every sample stands alone, so all are. noise: [N, B, units] per layer of units
        above the input, added once to a layer's drives.
        """

    def outputs(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output [N, B, O] and the units' state of `forward`, for a caller that needs no record of the pass."""
        record, units = self.forward(weights, x, output, units, fresh)
        return record.output, units

    def resolve_output(self, criterion: Criterion) -> str:
        """The kind of output unit under a criterion."""
        return criterion.output if self.output == "auto" else self.output

    def accepts(self, spec: Spec) -> str:
        """Why lives of this kind cannot be lived by this network, in words; empty where they can."""
        return ""

    @property
    def learns(self) -> str:
        """Which of its parameters learn by the rule, in words; empty where all of them do."""
        return ""

    @property
    def title(self) -> str:
        """The network in a word or two, for tables."""
        return type(self).__module__.removeprefix("inner.networks.")


def check_options(output: str, gain: float, birth: str) -> None:
    """Raise ValueError, in one line, for an option that no network can use."""
    from inner.components import suggest

    if output not in OUTPUTS:
        raise ValueError(f"network.output: expected one of {', '.join(OUTPUTS)}, got '{output}'")
    if not (math.isfinite(gain) and gain >= 0):
        raise ValueError(f"network.gain: expected a number >= 0, got {gain}")
    if birth not in BIRTHS:
        raise ValueError(
            f"network.birth: unknown name '{birth}'{suggest(str(birth), BIRTHS)}; known: {', '.join(BIRTHS)}"
        )


def born(
    shape: tuple[int, int], birth: str, gain: float, fan_in: int, seed: int, k: int, labels: Sequence[Label]
) -> np.ndarray:
    """Initial weights [L, I, O] float32 of group k, drawn at (seed, "weights", k, label).

    gaussian: N(0, (gain / sqrt(I))^2). he: N(0, (gain sqrt(2 / I))^2) (He et al. 2015, eq. 10). xavier: uniform in
    +- gain sqrt(6 / (I + O)) (Glorot & Bengio 2010, eq. 16). orthogonal: orthonormal rows or columns, whichever are
    fewer, times gain (Saxe et al. 2014).
    """
    drawn = [stream(seed, "weights", k, *label).standard_normal(shape, dtype=np.float32) for label in labels]
    if birth == "orthogonal":
        return np.stack([np.float32(gain) * orthogonal(each) for each in drawn])
    if birth == "xavier":
        bound = gain * math.sqrt(6.0 / (fan_in + shape[1]))
        flat = [stream(seed, "weights", k, *label).random(shape, dtype=np.float32) for label in labels]
        return (np.stack(flat) * 2 - 1) * np.float32(bound)
    scale = gain * math.sqrt(2.0 / fan_in) if birth == "he" else gain / math.sqrt(fan_in)
    return np.stack(drawn) * np.float32(scale)


def orthogonal(drawn: np.ndarray) -> np.ndarray:
    """The orthonormal factor [I, O] float32 of a Gaussian matrix [I, O]: uniform over such matrices (Mezzadri 2007)."""
    tall = drawn.astype(np.float64) if drawn.shape[0] >= drawn.shape[1] else drawn.T.astype(np.float64)
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))
    return np.ascontiguousarray(q if drawn.shape[0] >= drawn.shape[1] else q.T, dtype=np.float32)


def laid(w: Tensor) -> Tensor:
    """Weights [N, I, O] in memory of their own; those of a narrow layer with the inputs of a unit side by side."""
    return w.transpose(1, 2).contiguous().transpose(1, 2) if w.shape[2] < NARROW else w.contiguous()


def product(pre: Tensor, w: Tensor) -> Tensor:
    """pre @ w, [N, B, I] and [N, I, O] -> [N, B, O]."""
    if w.shape[2] >= NARROW or pre.shape[1] == 1:
        return torch.bmm(pre, w)
    return torch.bmm(w.transpose(1, 2), pre.transpose(1, 2)).transpose(1, 2)


def with_ones(signal: Tensor) -> Tensor:
    """[N, B, I] -> [N, B, I + 1]: the unit of the biases is always 1."""
    return torch.cat([signal, torch.ones_like(signal[..., :1])], -1)


def output_units(drive: Tensor, output: str) -> Tensor:
    """Activities of output units [N, B, O] of a resolved kind: softmax, sigmoid or linear."""
    if output == "softmax":
        return softmax(drive)
    return sigmoid(drive) if output == "sigmoid" else drive
