"""The interface of a feedback pathway: how errors, targets or rewards reach the units of a layer.

Layers of units are counted from the input, 0. A pathway may hold weights of its own, and train them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner.life_data import Label
from inner.networks.base import ForwardRecord
from inner.papers import cited_in
from inner.random import stream


class Delivery(NamedTuple):
    """The view of a pathway that is asked for the feedback of a layer of units."""

    own: Sequence[Tensor]  # the pathway's own weights, each [N, ...]
    weights: Sequence[Tensor]  # [N, units of layer k, units of layer k + 1] per k, bias rows removed
    err: dict[int, Tensor]  # deltas [N, B, units] of the layers above, so far
    err_out: Tensor  # target - output [N, B, O]
    reward: Tensor  # [N, B, 1]
    record: ForwardRecord
    y: Tensor | None  # targets [N, B, O]
    noise: Sequence[Tensor] | None  # drive noise [N, B, units] per layer of units above the input
    t: int | Tensor  # the step


class TorchSource(NamedTuple):
    """Form of a pathway in an exported torch file: Python text, inside methods of its network, of tensors of one network.

    Names: k a layer of units, w [units of k, units above] its forward weights without biases, err_above [B, units above],
    err_out [B, O], reward [B, 1], self.own[k] what the pathway holds, sizes, above and below units of layers.
    """

    feedback: str  # expression of the feedback [B, units of k]
    rows: str = ""  # expression of the rows of self.own[k] [rows, units of k] ~ N(0, 1 / rows); empty: it holds none
    after: str = ""  # statements after an update of self.weights[k] [units + 1, units above] by `change`, a line each


class Pathway(ABC):
    """Delivers `feedback` to the units of every layer below the output. Concrete pathways are frozen dataclasses."""

    native: ClassVar[str] = ""  # the macro of the generated kernels that have it; empty: none has
    transports: ClassVar[bool] = False  # whether forward weights are used on the way back (weight transport)

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """The pathway's own weights, one network per label: tensors [L, ...], or none. sizes: units per layer 0 .. K."""
        return ()

    @abstractmethod
    def feedback(self, k: int, at: Delivery) -> Tensor:
        """Feedback [N, B, units of layer k], asked from the highest hidden layer down."""

    @property
    def knows(self) -> frozenset[str]:
        """What a synapse must know because of this pathway, in the words of `inner.learners.base.KNOWLEDGE`."""
        return frozenset({"transported weights"} if type(self).transports else ())

    @property
    def source(self) -> str:
        """The papers that it comes from: by default those that its module's first lines name in brackets."""
        return cited_in(self)

    def passes(self, sizes: Sequence[int]) -> float:
        """Passes that it takes beside the forward one, in forward passes; sizes: units per layer 0 .. K.

        By default one: the products of an error with the feedback weights of every layer.
        """
        return 1.0

    def train(self, at: Delivery) -> Sequence[Tensor]:
        """The pathway's own weights after it has learned from this step; by default they stay."""
        return at.own

    def after(
        self, own: tuple[Tensor, ...], weights: tuple[Tensor, ...], changes: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Own and forward weights after the forward weights of layers 0, 1, ... changed by `changes` [N, I (+ 1), O]."""
        return own, weights

    def torch_source(self) -> TorchSource | None:
        """The pathway in an exported torch file; None: it has no form there, and an export says so."""
        return None


def gaussian(shape: tuple[int, int], name: str, k: int, seed: int, labels: Sequence[Label]) -> Tensor:
    """Feedback weights [L, O, I] with entries N(0, 1 / O), so that the size of an error survives the way down."""
    drawn = [stream(seed, "feedback", name, k, *label).standard_normal(shape, dtype=np.float32) for label in labels]
    return torch.from_numpy(np.stack(drawn) * np.float32(1 / math.sqrt(shape[0])))
