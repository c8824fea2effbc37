"""A life that can be differentiated: the same steps as `eager.py`, cut into windows, with a smooth loss instead of a score.

    loss = "test":        mean loss on the life's test samples after the last step
           "prequential": mean loss of predicting each training sample before learning from it
           "both":        their sum

in nats per sample for classes (cross-entropy) and for values (a Gaussian of unit variance); an unsupervised life has
minus its task's score, and no loss while it learns. Nothing here freezes networks that leave the finite range: lives
do not touch each other, so that one that fails has a loss or gradient that is not finite and its neighbours have theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from inner.components import suggest
from inner.learners.base import Learner, Spec
from inner.life.eager import Exam
from inner.life.states import map_tensors
from inner.life.stepper import Stepper, action_noise
from inner.sources import Told, source_of
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
    data: LifeData
    seed: int
    labels: Sequence[Label]
    loss: str = "test"

    def __post_init__(self) -> None:
        check_loss(self.loss)
        if not self.task.criterion.supervised and self.loss != "test":
            raise ValueError(f"search.loss: an unsupervised task predicts nothing; expected 'test', got '{self.loss}'")

    @property
    def steps(self) -> int:
        """T, the steps of a life."""
        return self.data.order.shape[1]

    @property
    def spec(self) -> Spec:
        """Sizes and meaning of what is learned."""
        return Spec.of(self.data, self.task.criterion)

    def windows(self, length: int) -> list[tuple[int, int]]:
        """The life cut into windows (first step, step after the last) of `length` steps; 0 is one window."""
        length = length or max(self.steps, 1)
        return [(start, min(start + length, self.steps)) for start in range(0, self.steps, length)] or [(0, 0)]

    def begin(self, theta: Tensor) -> Any:
        """Newborn networks under theta [N, D]."""
        population = theta.shape[0] // len(self.labels)
        state = self.learner.init(self.spec, theta, population, self.seed, self.labels)
        return map_tensors(lambda tensor: tensor.to(theta.dtype), state)

    def advance(self, state: Any, start: int, stop: int, like: Tensor) -> tuple[Any, Tensor]:
        """Steps start .. stop: the new state and the window's share of the loss [N]; `like` [N, D] gives N and the type."""
        population = like.shape[0] // len(self.labels)
        shares = [like.new_zeros(like.shape[0])]

        def each(output: Tensor, told: Told) -> None:
            assert told.y is not None
            shares.append(shares.pop() + self._loss(output, told.y, told.scored) / self.steps)

        data = map_tensors(lambda tensor: tensor.to(like.dtype), self.data)
        noise = action_noise(self.task.criterion, self.seed, self.labels, population)
        observer = each if self.loss != "test" else None
        stepper = Stepper(
            self.learner, source_of(data), state, population, self.task.criterion, noise, False, observer
        )
        stepper.now = start
        stepper.advance(stop)
        (total,) = shares
        if stop == self.steps and self.loss != "prequential":
            output, y = Exam.of(data, population).outputs(self.learner, stepper.state)
            total = total + self._loss(output, y)
        return stepper.state, total

    def _loss(self, output: Tensor, y: Tensor, scored: Tensor | None = None) -> Tensor:
        """Mean loss per sample [N], in the type of `output`."""
        if not self.task.criterion.supervised:
            return -self.task.score(output, y).to(output.dtype)
        nats = self.task.criterion.bits(output, y, scored) * math.log(2)
        count = y.shape[1] if scored is None else scored.sum(-1).clamp(min=1)
        return (nats / count).to(output.dtype)
