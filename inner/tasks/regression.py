"""Random linear maps onto real numbers, generated: where least mean squares (Widrow & Hoff 1960) is the rule to find.

A life draws whitened inputs z ~ N(0, 1), targets y = U z with orthonormal rows U, and shows x = R (s * z): R is a
rotation, and the variances s^2 fall geometrically by the factor `condition`, with mean scale^2. Every target has
variance 1 and no noise, so a rule that stops changing only where the error is 0 can be exact; one that stops elsewhere
cannot. Correlated inputs keep the correlation of target and input from being the answer.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import VALUES, Criterion
from inner.random import stream
from inner.tasks._common import (
    check_count,
    check_draw,
    check_number,
    epochs,
    generated,
    negative_error,
    orthonormal,
    stack,
)
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base


@dataclass(frozen=True)
class Task(Base):
    """`inputs` Gaussian numbers in, `outputs` linear functions of them out."""

    criterion: ClassVar[Criterion] = VALUES
    inputs: int = 8  # I
    outputs: int = 3  # O, at most I
    condition: float = 4.0  # largest over smallest variance along the inputs' principal axes
    patterns: int = 1000  # training samples of a life
    scale: float = 1.0  # root mean square of the inputs
    test: int = 100  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_count("inputs", self.inputs, 2)
        check_count("outputs", self.outputs, 1, self.inputs)
        check_number("condition", self.condition)
        check_count("patterns", self.patterns, 1)
        check_number("scale", self.scale)
        check_count("test", self.test, 1)

    @property
    def chance(self) -> float:
        """Score of always answering 0."""
        return -1.0

    @property
    def worst(self) -> float:
        """Lowest score: sixteen times the error of answering 0."""
        return -16.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label (S = min(patterns, T*B)). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        variances = self.condition ** -np.linspace(0.0, 1.0, self.inputs)
        spread = self.scale * np.sqrt(variances / variances.mean())
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            rotation, directions = (orthonormal(random, self.inputs) for _ in range(2))
            z = random.standard_normal((self.test + self.patterns, self.inputs))
            # einsum, not BLAS: the bits of a sample must not depend on how many there are
            x = np.einsum("sk,ki->si", z * spread, rotation).astype(np.float32)
            y = np.einsum("sk,ok->so", z, directions[: self.outputs]).astype(np.float32)
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
