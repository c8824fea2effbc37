"""Regression of one of T sines with evenly spaced phases: the small configuration of Fernando et al. (2018).

Life n of a generation learns y = A sin(u + phi), phi = 2 pi ((n + turn) mod T) / T + an offset of the tier, from `points`
points spread evenly over -2 pi .. 2 pi, and is scored on the same points: the error that learning leaves. The turn is
drawn once per generation: T lives see every phase once, fewer lives see all of them over the generations. The input is u
divided by 2 pi. A network that is to fit all phases at birth cannot: the best constant answer is 0, for T >= 2.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import VALUES, Criterion
from inner.random import stream
from inner.tasks._common import check_count, check_draw, check_number, epochs, generated, negative_error, stack
from inner.tasks.base import TIERS, Label, LifeData, Sizes
from inner.tasks.base import Task as Base

REACH = 2 * math.pi  # u lies in -REACH..REACH


@dataclass(frozen=True)
class Task(Base):
    """One number in, one number out; the phase of a life is told by the last number of its label."""

    criterion: ClassVar[Criterion] = VALUES
    tasks: int = 4  # T, phases
    amplitude: float = 0.9
    points: int = 25

    def __post_init__(self) -> None:
        check_count("tasks", self.tasks, 1)
        check_number("amplitude", self.amplitude)
        check_count("points", self.points, 2)

    @property
    def inputs(self) -> int:
        return 1

    @property
    def outputs(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        """Score of always answering 0: minus the mean of A^2 sin^2 over the points, averaged over all phases."""
        return -(self.amplitude**2) / 2

    @property
    def worst(self) -> float:
        """Lowest score: sixteen times the error of answering 0."""
        return -8.0 * self.amplitude**2

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """One lifetime per label (S = V = points). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        u = np.linspace(-REACH, REACH, self.points)[:, None]
        offset = 2 * math.pi / self.tasks * TIERS.index(tier) / len(TIERS)  # tiers share no phase
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            number = int(label[-1]) if isinstance(label[-1], int) else int(random.integers(self.tasks))
            turn = int(stream(seed, "turn", tier, *label[:-1]).integers(self.tasks))
            phase = 2 * math.pi * ((number + turn) % self.tasks) / self.tasks + offset
            x, y = (u / REACH).astype(np.float32), (self.amplitude * np.sin(u + phase)).astype(np.float32)
            order = random.permutation(self.points)[epochs(random, self.points, steps, batch)]
            rows.append((x, y, order, x, y))
        return stack(rows)

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Pool and test set are all points."""
        return Sizes(self.points, self.points, 2 * self.points)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Minus the mean squared error, not below `worst`: [N, V, O], [N, V, O] -> [N] float64."""
        return negative_error(output, test_y, self.worst)

    def samples(self, tier: str) -> set[Hashable]:
        """The phases of a tier."""
        return generated(tier)
