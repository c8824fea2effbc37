"""The score at the end of a life, on the task's test samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.life.request import Result
from inner.tasks.base import Task
from outer.fitness import base


@dataclass(frozen=True)
class Fitness(base.Fitness):
    """Needs no recording."""

    def value(self, result: Result, task: Task, data: base.Experience) -> np.ndarray:
        """The task's own score [P, L]."""
        return result.score.numpy()
