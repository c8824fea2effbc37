"""Gradient estimators: for every life an estimate of -d loss / d candidate, beside its fitness.

A gradient estimator is a value that travels to any worker. Per life it yields the gradient of minus the loss (it points uphill, as
fitness does) in the search's own space; lives do not influence each other, so that one that fails costs its own share only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from inner.life.size import Bytes, Lives
from inner.life.unroll import Unroll
from outer.genome.base import Genome
from outer.objective import Objective
from outer.settings import Setting


class GradientEstimator(ABC):
    """Concrete gradient estimators are frozen dataclasses."""

    loss: str  # see inner/life/unroll.py
    clip: float  # longest gradient of one life, in the search's space; 0 is no limit
    double: bool  # float64 lives, for checks against finite differences

    @property
    @abstractmethod
    def cost(self) -> float:
        """Cost of the estimate of one life, in forward lives; the life that gives the fitness is not counted."""

    def held(self, steps: int) -> int:
        """Steps of a life whose graph is in memory at a time."""
        return 1

    @property
    def copies(self) -> int:
        """Networks that live for one life: particles, or the network and its tangents."""
        return 1

    def bytes_of(self, lives: Lives) -> Bytes:
        """Predicts the bytes of estimates for lives of these sizes."""
        steps, width = self.held(lives.steps), 8.0 if self.double else 4.0
        return lambda population, lifetimes: lives.differentiated(population, lifetimes, steps, self.copies, width)

    @abstractmethod
    def estimate(self, unroll: Unroll, genome: Genome, vectors: np.ndarray, rows: Sequence[int]) -> np.ndarray:
        """Estimates of -d loss / d vector [N, D] at `vectors` [N, D], N = P * L and n = candidate * L + lifetime.

        `rows` are the candidates' places in their generation, for what must not depend on how it was cut into jobs.
        """

    @property
    def dtype(self) -> torch.dtype:
        """The type in which lives are differentiated."""
        return torch.float64 if self.double else torch.float32

    def theta(self, genome: Genome, vectors: np.ndarray) -> Tensor:
        """The coefficients [N, C] of `vectors` [N, D]."""
        return torch.from_numpy(genome.decode(vectors)).to(self.dtype)

    def gradient(self, objective: Objective, vectors: np.ndarray, rows: Sequence[int], setting: Setting) -> np.ndarray:
        """Per life, [P, L, D] float64; not finite where there is none. Bits do not depend on the rest of the batch."""
        unroll = objective.unroll(setting, self.loss)
        count, asked, rows = len(setting.labels), len(rows), list(rows)
        if asked * count == 1:  # torch uses another kernel for a single matrix
            vectors, rows = np.repeat(vectors, 2, 0), rows * 2
        found = self.estimate(unroll, objective.genome, np.repeat(vectors, count, 0), rows)
        return np.asarray(found, dtype=np.float64).reshape(len(rows), count, -1)[:asked]


def gather(parts: Sequence[np.ndarray], clip: float) -> tuple[np.ndarray, dict[str, float]]:
    """Shares [G, D] of the two halves of the lifetimes, and the gradient's health, from [P, lives, D] per setting.

    The shares sum to the mean over candidates and lifetimes. A life whose gradient is not finite gives none, and is
    counted; longer ones than `clip` are shortened, and counted.
    """
    each = np.concatenate(parts, axis=1)
    finite = np.isfinite(each).all(-1, keepdims=True)
    each = np.where(finite, each, 0.0)
    with np.errstate(over="ignore"):
        size = np.abs(each).max(-1, keepdims=True, initial=0.0)
        norm = size * np.sqrt(np.square(each / np.where(size > 0, size, 1.0)).sum(-1, keepdims=True))
    long = norm > clip if clip else np.zeros_like(finite)
    each = np.where(long, each / np.where(long, norm, 1.0) * clip, each)
    population, count, _ = each.shape
    halves = [each[:, h :: min(count, 2)].sum((0, 1)) / (population * count) for h in range(min(count, 2))]
    return np.stack(halves), {"gradient/failed": float((~finite).sum()), "gradient/clipped": float(long.sum())}
