"""What a feedback pathway is: how a layer of units hears of the error above it. Layers of units are counted from the input, 0."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from inner.random import stream
from inner.tasks.base import Label


class Pathway(ABC):
    """Delivers `feedback` to the units of layer k from `err` at layer k + 1. Concrete pathways are frozen dataclasses."""

    def init(self, sizes: Sequence[int], seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Feedback weights, one network per label: a tensor [L, ...] per layer of units 0 .. K - 1, or nothing."""
        return ()

    @abstractmethod
    def feedback(
        self,
        k: int,
        own: Sequence[Tensor],
        weights: Sequence[Tensor],
        err_above: Tensor,
        err_out: Tensor,
        reward: Tensor,
    ) -> Tensor:
        """Feedback [N, B, units of layer k].

        own: feedback weights [N, ...] per layer; weights: forward weights [N, I, O] per layer, bias rows removed;
        err_above: `err` at layer k + 1 [N, B, units]; err_out: `target - output` [N, B, O]; reward: [N, B, 1].
        """

    def learn(
        self, own: tuple[Tensor, ...], weights: tuple[Tensor, ...], changes: Sequence[Tensor]
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Feedback and forward weights after a step that changed the forward weights by `changes` [N, I (+ 1), O]."""
        return own, weights


def gaussian(shape: tuple[int, int], name: str, k: int, seed: int, labels: Sequence[Label]) -> Tensor:
    """Feedback weights [L, O, I] with entries N(0, 1 / O), so that the size of an error survives the way down."""
    drawn = [stream(seed, "feedback", name, k, *label).standard_normal(shape, dtype=np.float32) for label in labels]
    return torch.from_numpy(np.stack(drawn) * np.float32(1 / math.sqrt(shape[0])))
