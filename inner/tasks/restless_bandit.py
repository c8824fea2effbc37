"""Restless bandits: the pay of every arm wanders all life long, pulled or not (Whittle 1988; Daw et al. 2006).

    p_k,0 ~ U(0, 1);    p_k,t+1 = p_kt + N(0, drift^2), reflected at 0 and 1

The long-run distribution of every arm is uniform, so that chance stays at 1/2. What was learned ages with every pull.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._bandits import BanditTask
from inner.tasks._common import check_count, check_number


@dataclass(frozen=True)
class Task(BanditTask):
    """`arms` arms whose pay is a random walk."""

    arms: int = 5  # K
    drift: float = 0.05  # standard deviation of one pull's change

    def __post_init__(self) -> None:
        check_count("arms", self.arms, 2)
        check_number("drift", self.drift)

    @property
    def outputs(self) -> int:
        return self.arms

    @property
    def every(self) -> int:
        """Pay changes with every pull."""
        return 1

    def pay(self, random: np.random.Generator, steps: int, batch: int) -> np.ndarray:
        """Reflected walks, float32 [T, B, K]."""
        walk = random.random((1, batch, self.arms))
        moves = self.drift * random.standard_normal((max(steps, 1) - 1, batch, self.arms))
        at = np.abs(np.concatenate([walk, moves]).cumsum(0)) % 2  # a mirror at every whole number
        found: np.ndarray = np.minimum(at, 2 - at).astype(np.float32)
        return found
