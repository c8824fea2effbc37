"""Persistent evolution strategies (Vicol et al. 2021), and truncated ones: gradients over windows of a life without backprop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.life.unroll import check_loss
from outer.gradient_estimators.persistent import GradientEstimator
from outer.searches import _descent


@dataclass(frozen=True)
class Search(_descent.Search):
    """Unbiased over windows, however short; with `persistent: false` the truncated strategy, which is not."""

    popsize: int = 8  # mirrored pairs; 1 is the point itself, without smoothing
    generations: int = 100
    lr: float = 0.05
    sigma: float = 0.05  # of the candidates
    loss: str = "prequential"  # test, prequential or both: see inner/life/unroll.py
    window: int = 50  # steps
    noise: float = 0.1  # standard deviation of a window's perturbation
    pairs: int = 4  # mirrored particles per candidate and life
    persistent: bool = True
    clip: float = 10.0  # longest estimate of one life; 0 is no limit

    def __post_init__(self) -> None:
        _descent.check(self.popsize, self.generations, self.sigma, self.lr, self.clip)
        check_loss(self.loss)
        if self.window < 1 or self.pairs < 1 or not self.noise > 0:
            raise ValueError(
                "search: expected window >= 1, pairs >= 1 and noise > 0, "
                f"got {self.window}, {self.pairs} and {self.noise}"
            )

    def start(self, origin: np.ndarray, seed: int) -> _descent.Running:
        """Start at `origin` [D]."""
        return _descent.Running(self, "pes", np.array(origin, dtype=np.float64), seed)

    def estimator(self, seed: int, generation: int) -> GradientEstimator:
        """Particles of this generation."""
        return GradientEstimator(
            seed, generation, self.loss, self.window, self.noise, self.pairs, self.persistent, self.clip
        )
