"""OpenAI's evolution strategy (Salimans et al. 2017): mirrored pairs, centred ranks, Adam on the estimated gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base


@dataclass(frozen=True)
class Search(base.Search):
    """theta += Adam((1 / (n sigma)) sum_i rank(F_i) eps_i) over n / 2 mirrored pairs."""

    popsize: int = 16
    generations: int = 60
    sigma: float = 0.3
    lr: float = 0.1
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations)
        if self.popsize % 2:
            raise ValueError(f"search.popsize: es works in mirrored pairs, expected an even number, got {self.popsize}")
        if not (self.sigma > 0 and self.lr > 0 and self.weight_decay >= 0):
            raise ValueError(
                f"search: expected sigma > 0, lr > 0, weight_decay >= 0, got {self.sigma}, {self.lr}, {self.weight_decay}"
            )

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start at `origin` [D]."""
        return Running(self, np.array(origin, dtype=np.float64), seed)


def centred_ranks(fitness: np.ndarray) -> np.ndarray:
    """Ranks scaled to [-0.5, 0.5]; equal fitness shares the mean rank, so that a flat generation moves nothing."""
    values, inverse, counts = np.unique(fitness, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = last - (counts + 1) / 2
    return middle[inverse] / max(fitness.size - 1, 1) - 0.5


class Running(base.Running):
    """Adam's moments and the mean."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.mean, self.seed = options, origin, seed
        self.generation = 0
        self.first, self.second = np.zeros_like(origin), np.zeros_like(origin)

    def ask(self) -> np.ndarray:
        """Mirrored pairs around the mean [P, D]."""
        half = stream(self.seed, "es", self.generation).standard_normal((self.options.popsize // 2, self.mean.size))
        return self.mean + self.options.sigma * np.concatenate([half, -half])

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """One Adam step up the estimated gradient (Kingma & Ba 2015, betas 0.9 and 0.999)."""
        directions = (candidates - self.mean) / self.options.sigma
        gradient = centred_ranks(evaluation.fitness) @ directions / (len(candidates) * self.options.sigma)
        gradient = gradient - self.options.weight_decay * self.mean
        self.generation += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        first, second = self.first / (1 - 0.9**self.generation), self.second / (1 - 0.999**self.generation)
        self.mean = self.mean + self.options.lr * first / (np.sqrt(second) + 1e-8)

    def favourite(self) -> np.ndarray:
        """The mean [D]."""
        return self.mean.copy()
