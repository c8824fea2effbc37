"""Gradient search: backpropagation through whole lives into the coefficients, Adam outside, perhaps through a hypernetwork."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inner.life.unroll import check_loss
from outer.gradient_estimators.backprop import GradientEstimator
from outer.hypernetwork import Hypernetwork
from outer.searches import _descent


@dataclass(frozen=True)
class Search(_descent.Search):
    """A smooth loss is differentiated; the configured fitness is stored and compared."""

    popsize: int = 8  # mirrored pairs; 1 is the point itself, without smoothing
    generations: int = 100
    lr: float = 0.05
    sigma: float = 0.05  # of the smoothing
    loss: str = "test"  # test, prequential or both: see inner/life/unroll.py
    truncate: int = 0  # steps between cuts of the gradient; 0: none
    checkpoint: bool = True  # memory ~ sqrt(T) for a second forward pass
    clip: float = 10.0  # longest gradient of one life; 0 is no limit
    hypernetwork: int = 0  # hidden units of the network that writes the coefficients; 0: none
    codes: int = 8  # numbers in each coefficient's code, which that network reads

    def __post_init__(self) -> None:
        _descent.check(self.popsize, self.generations, self.sigma, self.lr, self.clip)
        check_loss(self.loss)
        for name, least in (("truncate", 0), ("hypernetwork", 0), ("codes", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"search.{name}: expected at least {least}, got {getattr(self, name)}")

    def start(self, origin: np.ndarray, seed: int) -> _descent.Running:
        """Start at `origin` [D]."""
        return _descent.Running(self, "gradient", np.array(origin, dtype=np.float64), seed)

    def estimator(self, seed: int, generation: int) -> GradientEstimator:
        """Backpropagation."""
        return GradientEstimator(self.loss, self.truncate, self.checkpoint, self.clip)

    def network(self, origin: np.ndarray, seed: int, layers: Sequence[tuple[int, int]] = ()) -> Hypernetwork | None:
        """The hypernetwork, where there is one."""
        return Hypernetwork.of(origin, self.codes, self.hypernetwork, seed, layers) if self.hypernetwork else None
