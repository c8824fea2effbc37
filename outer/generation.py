"""The record of one generation: the only value that passes from the loop over generations to stores and trackers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

ARRAYS = ("candidates", "fitness", "scores", "alive", "favourite")


@dataclass(frozen=True, eq=False)
class Generation:
    """One generation of a search. P candidates, L lifetimes per candidate, D coefficients.

    Metrics are plain numbers: best, mean, median, worst, best_so_far, sigma (when the search has one), failures,
    lifetimes (cumulative count), seconds, and the favourite's coefficient values as "theta/<name>".
    """

    index: int  # 0, 1, ...
    candidates: np.ndarray  # [P, D] float64, in the search's own space
    fitness: np.ndarray  # [P] float64, higher is better, always finite
    scores: np.ndarray  # [P, L] float64, the score of every lifetime
    alive: np.ndarray  # [P, L] bool, False where the network left the finite range
    favourite: np.ndarray  # [D] float64, what the search would recommend after this generation
    metrics: dict[str, float] = field(default_factory=dict)

    def same_bits(self, other: Generation) -> bool:
        """True when index and arrays agree bit for bit (shape, type and every byte; -0.0 differs from 0.0).

        Metrics are left out: they follow from the arrays, and "seconds" is a wall-clock time that never repeats.
        """
        return self.index == other.index and all(
            _same_bits(getattr(self, name), getattr(other, name)) for name in ARRAYS
        )


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
