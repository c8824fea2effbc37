"""The area under the learning curve: the mean score over steps that lie evenly in a life."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.life.request import Result
from inner.tasks.base import Task
from outer.fitness import base


@dataclass(frozen=True)
class Fitness(base.Fitness):
    """Needs the curve."""

    def record(self, steps: int) -> tuple[int, ...]:
        """Ten points, or fewer in a life of fewer steps."""
        return base.curve_steps(steps)

    def value(self, result: Result, task: Task, data: base.Experience) -> np.ndarray:
        """The mean of the curve [P, L]."""
        area: np.ndarray = result.curve.mean(-1).numpy()
        return area
