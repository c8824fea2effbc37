"""Forward-gradient search (Baydin et al. 2022): Jacobian-vector products along random directions, Adam outside, no backward pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.life.unroll import check_loss
from outer.gradient_estimators.forward import GradientEstimator
from outer.searches import _descent


@dataclass(frozen=True)
class Search(_descent.Search):
    """Memory does not grow with the length of a life; the variance grows with the number of coefficients."""

    popsize: int = 8  # mirrored pairs; 1 is the point itself, without smoothing
    generations: int = 100
    lr: float = 0.05
    sigma: float = 0.05  # of the smoothing
    loss: str = "test"  # test, prequential or both: see inner/life/unroll.py
    directions: int = 1  # per life
    kind: str = "signs"  # of the directions: signs (+-1, the least variance) or gaussian
    clip: float = 10.0  # longest estimate of one life; 0 is no limit

    def __post_init__(self) -> None:
        _descent.check(self.popsize, self.generations, self.sigma, self.lr, self.clip)
        check_loss(self.loss)
        if self.directions < 1:
            raise ValueError(f"search.directions: expected at least 1, got {self.directions}")
        self.estimator(0, 0)

    def start(self, origin: np.ndarray, seed: int) -> _descent.Running:
        """Start at `origin` [D]."""
        return _descent.Running(self, "forward_gradient", np.array(origin, dtype=np.float64), seed)

    def estimator(self, seed: int, generation: int) -> GradientEstimator:
        """Directions of this generation."""
        return GradientEstimator(seed, generation, self.loss, self.directions, self.kind, self.clip)
