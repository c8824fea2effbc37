"""A life that can be differentiated: the same steps as `lifetime.py`, cut into windows, with a smooth loss instead of a score.

    loss = "test":        mean loss on the life's test samples after the last step
           "prequential": mean loss of predicting each training sample before learning from it
           "both":        their sum

in nats per sample for classes (cross-entropy) and for regression (a Gaussian of unit variance); an unsupervised life has
minus its task's score, and no loss while it learns. Nothing here freezes networks that leave the finite range: lives
do not touch each other, so that one that fails has a loss or gradient that is not finite and its neighbours have theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inner.components import suggest
from inner.learners.base import Learner, Shape
from inner.learners.local_rule import fold
from inner.life.states import map_tensors
from inner.life.stepper import code_length
from inner.tasks.base import Label, LifeData, Task

LOSSES = ("test", "prequential", "both")


def check_loss(name: str) -> None:
    """Raise ValueError unless `name` is one of LOSSES."""
    if name not in LOSSES:
        raise ValueError(f"search.loss: unknown loss '{name}'{suggest(name, LOSSES)}; known: {', '.join(LOSSES)}")


@dataclass(frozen=True)
class Unroll:
    """N = P * L lives of one learner, n = candidate * L + lifetime, run window by window in the type of `theta`."""

    learner: Learner
    task: Task
    lives: LifeData
    seed: int
    labels: Sequence[Label]
    loss: str = "test"

    def __post_init__(self) -> None:
        check_loss(self.loss)
        if self.task.kind == "unsupervised" and self.loss != "test":
            raise ValueError(f"search.loss: an unsupervised task predicts nothing; expected 'test', got '{self.loss}'")

    @property
    def steps(self) -> int:
        """T, the steps of a life."""
        return self.lives.order.shape[1]

    def windows(self, length: int) -> list[tuple[int, int]]:
        """The life cut into windows (first step, step after the last) of `length` steps; 0 is one window."""
        length = length or max(self.steps, 1)
        return [(start, min(start + length, self.steps)) for start in range(0, self.steps, length)] or [(0, 0)]

    def begin(self, theta: Tensor) -> Any:
        """Newborn networks under theta [N, D]."""
        population = theta.shape[0] // len(self.labels)
        shape = Shape(self.lives.x.shape[2], self.lives.y.shape[2], self.task.kind)
        state = self.learner.init(shape, theta, population, self.seed, self.labels)
        return map_tensors(lambda tensor: tensor.to(theta.dtype), state)

    def advance(self, state: Any, start: int, stop: int, like: Tensor) -> tuple[Any, Tensor]:
        """Steps start .. stop: the new state and the window's share of the loss [N]; `like` [N, D] gives N and the type."""
        population = like.shape[0] // len(self.labels)
        total = like.new_zeros(like.shape[0])
        row = torch.arange(len(self.labels)).reshape(-1, 1)
        for t in range(start, stop):
            picked = self.lives.order[:, t]
            x, y = (fold(each[row, picked].to(like.dtype), population) for each in (self.lives.x, self.lives.y))
            state, output = self.learner.step(state, x, y)
            if self.loss != "test":
                total = total + self._loss(output, y) / self.steps
        if stop == self.steps and self.loss != "prequential":
            test_x, test_y = (fold(each.to(like.dtype), population) for each in (self.lives.test_x, self.lives.test_y))
            total = total + self._loss(self.learner.predict(state, test_x), test_y)
        return state, total

    def _loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Mean loss per sample [N], in the type of `output`."""
        if self.task.kind == "unsupervised":
            return -self.task.score(output, y).to(output.dtype)
        nats = code_length(output, y, self.task.kind) * math.log(2)
        return (nats / y.shape[1]).to(output.dtype)
