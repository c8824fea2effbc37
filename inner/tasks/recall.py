"""Recall of stored patterns, generated: a life shows random patterns of -1 and 1 and then asks for them, some entries flipped.

    score = mean over probes of (answer . pattern) / units

the overlap of Hopfield (1982). The load is patterns / units. With life.steps * life.batch = patterns each is shown once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import NONE, Criterion
from inner.random import stream
from inner.tasks._common import check_count, check_draw, epochs, generated, stack
from inner.tasks.base import Label, LifeData, Sizes
from inner.tasks.base import Task as Base


@dataclass(frozen=True)
class Task(Base):
    """`units` signs in and out."""

    criterion: ClassVar[Criterion] = NONE.named("overlap")
    units: int = 100
    patterns: int = 12  # of a life
    flips: float = 0.1  # share of a probe's entries that are flipped
    test: int = 32  # V, probes; their patterns are drawn from all, shown or not

    def __post_init__(self) -> None:
        check_count("units", self.units, 2)
        check_count("patterns", self.patterns, 1)
        check_count("test", self.test, 1)
        if isinstance(self.flips, bool) or not isinstance(self.flips, int | float) or not 0 <= self.flips <= 0.5:
            raise ValueError(f"flips: expected a share from 0 to 0.5, got {self.flips!r}")

    @property
    def inputs(self) -> int:
        return self.units

    @property
    def outputs(self) -> int:
        return self.units

    @property
    def chance(self) -> float:
        """The overlap of a stored pattern at random."""
        return 1.0 / self.patterns

    @property
    def worst(self) -> float:
        return -1.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label. Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        return stack([self.draw(tier, steps, batch, seed, label) for label in labels])

    def draw(self, tier: str, steps: int, batch: int, seed: int, label: Label) -> tuple[np.ndarray, ...]:
        """x and y [S, I], order [T, B], test_x and test_y [V, I] of one life; S = min(patterns, T * B)."""
        random = stream(seed, "task", tier, *label)
        x = (2.0 * random.integers(0, 2, (self.patterns, self.units)) - 1.0).astype(np.float32)
        wanted = x[(random.random(self.test) * self.patterns).astype(np.int64)]
        flipped = random.random((self.test, self.units)).argsort(1) < round(self.flips * self.units)
        x = x[: max(1, steps * batch)]
        return x, x, epochs(random, len(x), steps, batch), np.where(flipped, -wanted, wanted), wanted

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Patterns, and probes."""
        return Sizes(min(self.patterns, max(1, steps * batch)), self.test, self.patterns + self.test)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Mean overlap: [N, V, I], [N, V, I] -> [N] float64 from -1 to 1; what is not finite is -1."""
        overlap = (output.double() * test_y.double()).mean((1, 2))
        return overlap.nan_to_num(nan=-1.0, posinf=-1.0, neginf=-1.0).clamp(-1.0, 1.0)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own patterns."""
        return generated(tier)
