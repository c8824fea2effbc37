"""Random linearly separable mappings, generated: what a delta rule learns, after Chalmers (1990) who evolved it so.

A life draws O orthonormal directions in input space, and the class of a Gaussian input is the direction that it has
the largest component along. The O components are independent and alike, so all classes are equally frequent.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.random import stream
from inner.tasks._common import (
    accuracy,
    check_count,
    check_draw,
    check_number,
    epochs,
    generated,
    one_hot,
    orthonormal,
    stack,
)
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base


@dataclass(frozen=True)
class Task(Base):
    """`inputs` Gaussian numbers in, `outputs` classes out."""

    criterion: ClassVar[Criterion] = CLASSES
    inputs: int = 10  # I
    outputs: int = 2  # O, at most I
    patterns: int = 1000  # training samples of a life
    scale: float = 1.0  # standard deviation of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_count("inputs", self.inputs, 2)
        check_count("outputs", self.outputs, 2, self.inputs)
        check_count("patterns", self.patterns, 1)
        check_number("scale", self.scale)
        check_count("test", self.test, 1)

    @property
    def chance(self) -> float:
        return 1.0 / self.outputs

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label (S = min(patterns, T*B)). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            directions = orthonormal(random, self.inputs)[: self.outputs]  # [O, I]
            x = random.standard_normal((self.test + self.patterns, self.inputs))
            y = one_hot(np.einsum("si,oi->so", x, directions).argmax(1), self.outputs)
            x = (x * self.scale).astype(np.float32)
            shown = slice(self.test, self.test + max(1, steps * batch))
            order = epochs(random, self.patterns, steps, batch)
            rows.append((x[shown], y[shown], order, x[: self.test], y[: self.test]))
        return stack(rows)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, O], [N, V, O] -> [N] float64."""
        return accuracy(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own samples."""
        return generated(tier)
