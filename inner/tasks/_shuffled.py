"""Negative control: the same task with a teacher that talks at random. Whatever a rule still learns, it did not learn from him."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from inner.random import stream
from inner.tasks.base import Label, Lives
from inner.tasks.base import Task as Base


@dataclass(frozen=True)
class Shuffled(Base):
    """`task`, with the targets of all samples shown in a life permuted among the showings; tests stay as they are.

    The permutation is of showings, not of the pool: a pool of four patterns would keep a mapping that can be learned.
    So is all that is made from targets, such as a reward.
    """

    task: Base

    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.task.kind

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

    def lives(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Lives:
        """The task's lives with S = T * B, a target for every showing. Raises ValueError as the task does."""
        lives = self.task.lives(tier, steps, batch, seed, labels)
        count = lives.order[0].numel()
        at = torch.arange(len(labels))[:, None]
        mixed = np.stack([stream(seed, "shuffled", tier, *label).permutation(count) for label in labels])
        flat = lives.order.reshape(len(labels), -1)  # [L, T * B]
        order = torch.arange(count).reshape(lives.order.shape[1:]).expand_as(lives.order)
        return replace(lives, x=lives.x[at, flat], y=lives.y[at, flat[at, torch.from_numpy(mixed)]], order=order)

    def score(self, output: torch.Tensor, test_y: torch.Tensor) -> torch.Tensor:
        """As the task scores."""
        return self.task.score(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """As the task."""
        return self.task.samples(tier)
