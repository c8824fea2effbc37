"""The adding problem: the sum of two numbers that are marked in a sequence (Hochreiter & Schmidhuber 1997, experiment 4).

A trial has `length` steps with a number from -1..1 and a marker; one step of each half is marked with 1, the others with
0. The wanted output, which counts at the last step, is the sum of the two marked numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import VALUES, Criterion
from inner.tasks._common import check_count, generated, negative_error
from inner.tasks._trials import trial_lives
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base


@dataclass(frozen=True)
class Task(Base):
    """Two numbers in (value and marker), one number out."""

    criterion: ClassVar[Criterion] = VALUES
    sequences: ClassVar[bool] = True
    length: int = 10  # steps of a trial
    test: int = 64  # trials of the test set

    def __post_init__(self) -> None:
        check_count("length", self.length, 2, 1000)
        check_count("test", self.test, 1)

    @property
    def inputs(self) -> int:
        return 2

    @property
    def outputs(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        """Score of always answering 0: minus the variance of the sum of two numbers from -1..1."""
        return -2.0 / 3.0

    @property
    def worst(self) -> float:
        """Lowest score: four times the error of answering 0."""
        return -8.0 / 3.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label, trial after trial; all trials are new."""
        return trial_lives(self._draw, self.length, self.test, tier, steps, batch, seed, labels)

    def _draw(self, random: np.random.Generator) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
        half = self.length // 2

        def trials(count: int) -> tuple[np.ndarray, np.ndarray]:
            drawn = random.random((count, self.length + 2))
            values = drawn[:, : self.length] * 2 - 1
            first = (drawn[:, -2] * half).astype(int)
            second = half + (drawn[:, -1] * (self.length - half)).astype(int)
            marked = (np.arange(self.length) == first[:, None]) | (np.arange(self.length) == second[:, None])
            return np.stack([values, marked], 2), (values * marked).sum(1, keepdims=True)

        return trials

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Minus the mean squared error, not below `worst`: [N, V, O], [N, V, O] -> [N] float64."""
        return negative_error(output, test_y, self.worst)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own trials."""
        return generated(tier)
