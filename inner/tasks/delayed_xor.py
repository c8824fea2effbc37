"""Exclusive or of two bits that are shown one after the other: to be solved, the first must be remembered.

A trial is: the first bit, `delay` steps, the second bit, `delay` steps; the answer counts at the last of them. Input is
-1 or +1 while a bit is shown and 0 otherwise, plus Gaussian noise at every step. An odd activation needs `bias: true`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.tasks._common import accuracy, check_count, check_flag, generated, one_hot
from inner.tasks._trials import trial_lives
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base


@dataclass(frozen=True)
class Task(Base):
    """One input, 2 classes out: do the two bits of the trial differ?"""

    criterion: ClassVar[Criterion] = CLASSES
    sequences: ClassVar[bool] = True
    delay: int = 2  # steps without a bit, between the bits and after the second
    noise: float = 0.1  # standard deviation
    permute: bool = True  # each life draws which output unit stands for odd
    test: int = 64  # trials of the test set

    def __post_init__(self) -> None:
        check_count("delay", self.delay, 0, 1000)
        if isinstance(self.noise, bool) or not isinstance(self.noise, (int, float)) or not 0 <= self.noise < math.inf:
            raise ValueError(f"noise: expected a finite number >= 0, got {self.noise!r}")
        check_flag("permute", self.permute)
        check_count("test", self.test, 1)

    @property
    def length(self) -> int:
        """Steps of a trial."""
        return 2 + 2 * self.delay

    @property
    def inputs(self) -> int:
        return 1

    @property
    def outputs(self) -> int:
        return 2

    @property
    def chance(self) -> float:
        return 0.5

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label, trial after trial; all trials are new."""
        return trial_lives(self._draw, self.length, self.test, tier, steps, batch, seed, labels)

    def _draw(self, random: np.random.Generator) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
        flip = int(random.integers(2)) if self.permute else 0

        def trials(count: int) -> tuple[np.ndarray, np.ndarray]:
            drawn = random.standard_normal((count, 2 + self.length))
            bits, x = drawn[:, :2] > 0, drawn[:, 2:] * self.noise
            x[:, [0, 1 + self.delay]] += np.where(bits, 1.0, -1.0)
            return x[..., None], one_hot((bits[:, 0] ^ bits[:, 1]) ^ flip, 2)

        return trials

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, O], [N, V, O] -> [N] float64."""
        return accuracy(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own trials."""
        return generated(tier)
