"""Persistent evolution strategies (Vicol, Metz & Sohl-Dickstein 2021): ES over windows of a life, without truncation's bias.

Every particle p perturbs the coefficients anew in every window t and keeps its networks; the noise that its state has
seen is summed up and carries the credit:

    xi_p,t = xi_p,t-1 + eps_p,t        g = -(1 / (n sigma^2)) sum_p sum_t loss_p,t xi_p,t       (their algorithm 2)

Without the sum (xi = eps) it is truncated ES: what a window's noise does to later windows is not seen. Particles come in
mirrored pairs. Here a generation is a whole life, and its coefficients move at its end: no state outlives a generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from inner.life.unroll import Unroll
from inner.random import stream
from outer.genome.base import Genome
from outer.gradient_estimators import base


@dataclass(frozen=True, eq=False)
class GradientEstimator(base.GradientEstimator):
    """A candidate is the first window's vector of its particles; `particles` pairs per candidate and life."""

    seed: int
    generation: int
    loss: str = "prequential"
    window: int = 50
    sigma: float = 0.1
    pairs: int = 1
    persistent: bool = True
    clip: float = 0.0
    double: bool = False

    @property
    def cost(self) -> float:
        """Two forward lives per pair."""
        return 2.0 * self.pairs

    @property
    def copies(self) -> int:
        """Two particles per pair."""
        return 2 * self.pairs

    def estimate(self, unroll: Unroll, genome: Genome, vectors: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        """Estimates of -d loss / d vector [N, D] of the loss smoothed over N(vector, sigma^2)."""
        count, size = len(unroll.labels), genome.size
        streams = [
            [stream(self.seed, "particles", self.generation, row, *label) for label in unroll.labels] for row in rows
        ]
        centre = vectors.reshape(len(rows), 1, count, size)
        credit = np.zeros((len(rows), 2 * self.pairs, count, size))  # xi
        total = np.zeros_like(credit)
        state: Any = None
        with torch.no_grad():
            for start, stop in unroll.windows(self.window):
                half = np.stack([[s.standard_normal((self.pairs, size)) for s in line] for line in streams])
                half = self.sigma * half.transpose(0, 2, 1, 3)  # [P, pairs, L, D]
                noise = np.concatenate([half, -half], 1)
                theta = self.theta(genome, (centre + noise).reshape(-1, size))
                state = unroll.begin(theta) if start == 0 else unroll.learner.with_theta(state, theta)
                state, loss = unroll.advance(state, start, stop, theta)
                credit = credit + noise if self.persistent else noise
                total += loss.to(torch.float64).numpy().reshape(*credit.shape[:3], 1) * credit
        result: np.ndarray = -total.mean(1).reshape(-1, size) / self.sigma**2
        return result
