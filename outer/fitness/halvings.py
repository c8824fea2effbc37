"""Halvings of the error of chance in a life:

    log2((best - chance) / (best - score)), higher is better

A gain counts the same where lives are easy and where they are hard. Half a test sample is added to either error, so that
a perfect life has a finite value.
"""

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
        """Halvings [P, L] of the error at the end of life."""
        return halvings(result.score.numpy(), task, base.tests_of(data))


def halvings(score: np.ndarray, task: Task, samples: int) -> np.ndarray:
    """Halvings of scores of any shape, measured on `samples` test samples; best is 1, or 0 for a regression's -MSE."""
    best = task.criterion.best
    span = best - task.chance
    spare = 0.5 * span / samples
    found: np.ndarray = np.log2((span + spare) / (np.maximum(best - score, 0.0) + spare))
    return found
