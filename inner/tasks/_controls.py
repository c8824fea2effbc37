"""Controls: a task with a teacher who talks at random, or with its inputs or outputs renamed anew for every life."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from inner.criteria import Criterion
from inner.random import stream
from inner.tasks.base import Label, LifeData, Sizes
from inner.tasks.base import Task as Base


class Wrapper(Base):
    """Abstract: a task that is another one in all but its lives."""

    task: Base

    @property
    def criterion(self) -> Criterion:  # type: ignore[override]
        return self.task.criterion

    @property
    def sequences(self) -> bool:  # type: ignore[override]
        return self.task.sequences

    @property
    def family(self) -> str:
        return self.task.family

    @property
    def inputs(self) -> int:
        return self.task.inputs

    @property
    def outputs(self) -> int:
        return self.task.outputs

    @property
    def chance(self) -> float:
        return self.task.chance

    @property
    def worst(self) -> float:
        return self.task.worst

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Those of the task, copied."""
        found = self.task.sizes(tier, steps, batch)
        return Sizes(found.pool, found.test, 2 * (found.pool + found.test))

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """As the task scores."""
        return self.task.score(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """Those of the task."""
        return self.task.samples(tier)


@dataclass(frozen=True)
class Shuffled(Wrapper):
    """The targets of all samples shown in a life are permuted among the showings; tests stay as they are.

    The permutation is of showings, not of the pool: a pool of four patterns would keep a mapping that can be learned.
    All that is made from targets, such as a reward, is then noise.
    """

    task: Base

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """A sample for every showing."""
        return super().sizes(tier, steps, batch)._replace(pool=max(1, steps * batch))

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """The task's lives with S = T * B, a target for every showing. Raises ValueError as the task does."""
        lives = self.task.life_data(tier, steps, batch, seed, labels)
        count = lives.order[0].numel()
        mixed = np.stack([stream(seed, "shuffled", tier, *label).permutation(count) for label in labels])
        at = torch.arange(len(labels))[:, None]
        flat = lives.order.reshape(len(labels), -1)  # [L, T * B]
        order = torch.arange(count).reshape(lives.order.shape[1:]).expand_as(lives.order)
        return replace(lives, x=lives.x[at, flat], y=lives.y[at, flat[at, torch.from_numpy(mixed)]], order=order)


@dataclass(frozen=True)
class Permuted(Wrapper):
    """Inputs, or outputs, of every life in an order of its own, the same in training and test."""

    task: Base
    axis: str = "inputs"  # or "outputs"

    def __post_init__(self) -> None:
        if self.axis not in ("inputs", "outputs"):
            raise ValueError(f"axis: expected inputs or outputs, got {self.axis!r}")

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """The task's lives, renamed. Raises ValueError as the task does."""
        lives = self.task.life_data(tier, steps, batch, seed, labels)
        size = lives.x.shape[2] if self.axis == "inputs" else lives.y.shape[2]
        drawn = [stream(seed, "permuted", self.axis, tier, *label).permutation(size) for label in labels]
        order = torch.from_numpy(np.stack(drawn))[:, None]  # [L, 1, I] or [L, 1, O]

        def renamed(values: Tensor) -> Tensor:
            return values.gather(2, order.expand(-1, values.shape[1], -1))

        if self.axis == "inputs":
            return replace(lives, x=renamed(lives.x), test_x=renamed(lives.test_x))
        return replace(lives, y=renamed(lives.y), test_y=renamed(lives.test_y))
