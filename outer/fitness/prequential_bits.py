"""Minus the bits per sample of a code that predicts every sample before it learns from it (prequential, Dawid 1984)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inner.life.request import Result
from inner.tasks.base import Task
from outer.fitness import base


@dataclass(frozen=True)
class Fitness(base.Fitness):
    """Needs the log-loss of every sample; a failed life gets WORST_BITS per sample."""

    prequential: ClassVar[bool] = True

    def value(self, result: Result, task: Task, data: base.Experience) -> np.ndarray:
        """Minus bits per sample [P, L]."""
        if not task.criterion.supervised:
            raise ValueError(f"fitness: prequential_bits needs a task with targets, got one of '{task.criterion.kind}'")
        samples = base.samples_of(data)
        alive, bits = result.alive.numpy(), result.bits.numpy()
        value: np.ndarray = -np.where(alive & np.isfinite(bits), bits, base.WORST_BITS * samples) / samples
        return value
