"""Bernoulli bandits with independent arms: every life draws the pay of each arm anew (Duan et al. 2016, section 3.1).

    p_k ~ U(0, 1) per arm and life, and anew every `switch` pulls where that is not 0

Worlds that switch reward a rule that forgets: what paid fifty pulls ago says nothing of now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._bandits import BanditTask
from inner.tasks._common import check_count


@dataclass(frozen=True)
class Task(BanditTask):
    """`arms` arms whose pay is uniform and independent."""

    arms: int = 5  # K
    switch: int = 0  # pulls after which all arms are drawn anew; 0: never

    def __post_init__(self) -> None:
        check_count("arms", self.arms, 2)
        check_count("switch", self.switch, 0)

    @property
    def outputs(self) -> int:
        return self.arms

    @property
    def every(self) -> int:
        """Pulls between two draws of the arms."""
        return self.switch

    def pay(self, random: np.random.Generator, steps: int, batch: int) -> np.ndarray:
        """Independent uniform pay, float32 [Q, B, K]."""
        pieces = max(1, -(-steps // self.switch)) if self.switch else 1
        return random.random((pieces, batch, self.arms), dtype=np.float32)
