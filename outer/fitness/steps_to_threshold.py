"""Speed of learning: minus the first recorded step at which the score reaches a threshold, twice the life where none does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.life.request import Result
from inner.tasks.base import Task
from outer.fitness import base


@dataclass(frozen=True)
class Fitness(base.Fitness):
    """Needs the curve."""

    threshold: float = 0.8

    def record(self, steps: int) -> tuple[int, ...]:
        """Ten points, or fewer in a life of fewer steps."""
        return base.curve_steps(steps)

    def value(self, result: Result, task: Task, data: base.Experience) -> np.ndarray:
        """Minus steps [P, L]."""
        steps = base.steps_of(data)
        over = (result.curve >= self.threshold).numpy()
        reached = np.asarray(self.record(steps), dtype=np.float64)[over.argmax(-1)]
        return -np.where(over.any(-1), reached, 2.0 * steps)
