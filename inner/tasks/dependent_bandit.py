"""Two-armed bandits whose arms pay p and 1 - p: what one arm does tells of the other (Wang et al. 2016, section 3.1).

    uniform: p ~ U(0, 1);   easy: p in {0.1, 0.9};   medium: {0.25, 0.75};   hard: {0.4, 0.6}

A rule that moves the arm that was not pulled against the one that was can use this; one that leaves it alone cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.components import suggest
from inner.tasks._bandits import BanditTask

LOWER = {"uniform": None, "easy": 0.1, "medium": 0.25, "hard": 0.4}  # the lower of the two probabilities


@dataclass(frozen=True)
class Task(BanditTask):
    """Arms that pay p and 1 - p; which is which, every life draws."""

    difficulty: str = "uniform"

    def __post_init__(self) -> None:
        if self.difficulty not in LOWER:
            near = suggest(str(self.difficulty), LOWER)
            raise ValueError(f"difficulty: expected one of {', '.join(LOWER)}, got {self.difficulty!r}{near}")

    @property
    def outputs(self) -> int:
        return 2

    def pay(self, random: np.random.Generator, steps: int, batch: int) -> np.ndarray:
        """Pay that sums to 1, float32 [1, B, 2]."""
        p, low = random.random((1, batch, 1), dtype=np.float32), LOWER[self.difficulty]
        if low is not None:
            p = np.where(p < 0.5, np.float32(low), np.float32(1 - low))
        return np.concatenate([p, 1 - p], -1)
