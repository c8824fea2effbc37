"""Regression of a sine whose amplitude and phase each life draws anew: y = A sin(u + phi) (Finn et al. 2017, 5.1).

A ~ U(low, high), phi ~ U(0, pi), u ~ U(-5, 5). The input is u divided by its standard deviation, times `scale`. One
input carries no constant, so a network with an odd activation needs `bias: true`.
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
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base

REACH = 5.0  # u lies in -REACH..REACH


@dataclass(frozen=True)
class Task(Base):
    """One number in, one number out."""

    criterion: ClassVar[Criterion] = VALUES
    low: float = 0.1  # smallest amplitude
    high: float = 5.0  # largest amplitude
    patterns: int = 1000  # training samples of a life
    scale: float = 1.0  # factor on the standardised input
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_number("low", self.low)
        check_number("high", self.high)
        if self.low > self.high:
            raise ValueError(f"low, high: expected low <= high, got {self.low} and {self.high}")
        check_count("patterns", self.patterns, 1)
        check_number("scale", self.scale)
        check_count("test", self.test, 1)

    @property
    def inputs(self) -> int:
        return 1

    @property
    def outputs(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        """Score of always answering 0: -E[A**2] / 2, exact since the phase covers half a turn."""
        return -(self.low**2 + self.low * self.high + self.high**2) / 6.0

    @property
    def worst(self) -> float:
        """Lowest score: four times the error of answering 0 to the largest sine."""
        return -2.0 * self.high**2

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label (S = min(patterns, T*B)). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        deviation = REACH / math.sqrt(3.0)
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            amplitude, phase = random.uniform(self.low, self.high), random.uniform(0.0, math.pi)
            u = random.uniform(-REACH, REACH, (self.test + self.patterns, 1))
            x = (u * (self.scale / deviation)).astype(np.float32)
            y = (amplitude * np.sin(u + phase)).astype(np.float32)
            shown = slice(self.test, self.test + max(1, steps * batch))
            order = epochs(random, self.patterns, steps, batch)
            rows.append((x[shown], y[shown], order, x[: self.test], y[: self.test]))
        return stack(rows)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Minus the mean squared error, not below `worst`: [N, V, O], [N, V, O] -> [N] float64."""
        return negative_error(output, test_y, self.worst)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own samples."""
        return generated(tier)
