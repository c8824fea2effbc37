"""Linearly separable mappings of two to seven bits on one output, the setting of Chalmers (1990), who evolved the delta rule.

A tier holds a fixed number of mappings. Mapping m has 2 to 7 inputs (0 or 1), and a random hyperplane that leaves at
least a quarter of its patterns on either side; unused inputs are 0, and a last input is always 1. A life trains on 12
patterns (mappings of two or three bits repeat theirs) and is scored on them: what is scored is whether the mapping was
learned. Lives of one mapping differ in the order of the patterns and in the initial weights. Score: -mean |t - o|, so
that the fitness of the paper is 100 (1 + score) percent.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import VALUES, Criterion
from inner.random import stream
from inner.tasks._common import check_count, check_draw, epochs, stack
from inner.tasks.base import Label, LifeData, Sizes, check_tier
from inner.tasks.base import Task as Base

MOST_BITS, PATTERNS, UNSEEN = 7, 12, 10


@lru_cache(maxsize=256)
def mapping(tier: str, seed: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Patterns [12, 8] and targets [12, 1] of one mapping, float32."""
    random = stream(seed, "chalmers", tier, index)
    bits = int(random.integers(2, MOST_BITS + 1))
    while True:
        rows = random.permutation(2**bits)[:PATTERNS]
        patterns = (rows[:, None] >> np.arange(bits)) & 1
        drive = (patterns * random.standard_normal(bits)).sum(1)
        on = drive > random.uniform(drive.min(), drive.max())
        if 0.25 <= on.mean() <= 0.75:
            break
    x = np.zeros((PATTERNS, MOST_BITS + 1), dtype=np.float32)
    again = np.arange(PATTERNS) % len(rows)
    x[:, :bits], x[:, -1] = patterns[again], 1.0
    return x, on[again, None].astype(np.float32)


@dataclass(frozen=True)
class Task(Base):
    """8 inputs, one output (give the network `output: sigmoid`)."""

    criterion: ClassVar[Criterion] = VALUES.named("-|error|")
    tasks: int = 20  # mappings of the search tier; the others have 10

    def __post_init__(self) -> None:
        check_count("tasks", self.tasks, 1)

    @property
    def inputs(self) -> int:
        return MOST_BITS + 1

    @property
    def outputs(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        """An output that is always 0.5, or always 0."""
        return -0.5

    @property
    def worst(self) -> float:
        return -1.0

    def count(self, tier: str) -> int:
        """Mappings of a tier."""
        check_tier(tier)
        return self.tasks if tier == "search" else UNSEEN

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label; a label that ends with a number n lives mapping n, counted round and round."""
        check_draw(tier, steps, batch, labels)
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            last, count = label[-1], self.count(tier)
            index = last % count if isinstance(last, int) else int(random.integers(count))
            x, y = mapping(tier, seed, index)
            mixed = random.permutation(PATTERNS)
            rows.append((x[mixed], y[mixed], epochs(random, PATTERNS, steps, batch), x, y))
        return stack(rows)

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Pool and test set are the patterns of a mapping."""
        return Sizes(PATTERNS, PATTERNS, 2 * PATTERNS)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """-mean |t - o|: [N, V, 1], [N, V, 1] -> [N] float64, at least -1."""
        score = -(output.double() - test_y.double()).abs().mean((-2, -1))
        return score.nan_to_num(nan=self.worst, neginf=self.worst).clamp(min=self.worst)

    def samples(self, tier: str) -> set[Hashable]:
        """The mappings of the tier; their patterns are bits, which all tiers share."""
        return {("mapping", tier, index) for index in range(self.count(tier))}
