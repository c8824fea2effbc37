"""The interface of a fitness measure: which recordings of a life it needs, and the value of every life from them.

A measure is one file in this folder that defines a frozen dataclass `Fitness`; its fields are its options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np

from inner.components import build, load, options_of
from inner.life.request import Result
from inner.life_data import LifeData
from inner.sources import Source
from inner.tasks.base import Task

Experience = LifeData | Source

CURVE_POINTS = 10
WORST_BITS = 100.0  # per sample of a failed life


class Fitness(ABC):
    """Concrete measures are frozen dataclasses named `Fitness`."""

    prequential: ClassVar[bool] = False  # True: needs `Result.bits`, the log-loss of each sample before it is learned

    def record(self, steps: int) -> tuple[int, ...]:
        """Steps, ascending and each once, at which a life of `steps` steps is tested: the columns of `Result.curve`."""
        return ()

    @abstractmethod
    def value(self, result: Result, task: Task, data: Experience) -> np.ndarray:
        """Scores [P, L] float64 of P candidates with L lives each, higher is better, from what their lives left behind."""


def steps_of(data: Experience) -> int:
    """T of the lives."""
    return int(data.order.shape[1]) if isinstance(data, LifeData) else data.steps


def samples_of(data: Experience) -> int:
    """Samples of a life whose targets count: T * B, or in sequences those that are scored."""
    if not isinstance(data, LifeData):
        return data.steps * data.batch
    steps = data.order.shape[1]
    return int(data.order[0].numel()) if data.scored is None else max(1, int(data.scored[0, :steps].sum()))


def tests_of(data: Experience) -> int:
    """Samples that a score is measured on: those of the test, or in an environment all of its answers."""
    if not isinstance(data, LifeData):
        return samples_of(data)
    return int(data.test_y.shape[1]) if data.test_scored is None else int(data.test_scored.sum())


def curve_steps(steps: int) -> tuple[int, ...]:
    """At most CURVE_POINTS steps, evenly up to the last; a life with fewer steps than points has each of them once."""
    return tuple(sorted({round(steps * (i + 1) / CURVE_POINTS) for i in range(CURVE_POINTS)}))


def fitness_of(measure: str | Mapping[str, Any], **shared: Any) -> Fitness:
    """The measure of a config: a name, or a mapping of name and options.

    shared: options that are passed to a measure that has them, and to no other.

    Raises ValueError for an unknown name or option.
    """
    spec = {"name": measure} if isinstance(measure, str) else dict(measure)
    known = options_of(load("fitness", str(spec.get("name"))))
    return cast(Fitness, build("fitness", {**{k: v for k, v in shared.items() if k in known}, **spec}))
