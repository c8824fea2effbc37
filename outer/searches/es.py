"""OpenAI's evolution strategy (Salimans et al. 2017): Adam on a gradient estimated from random directions.

    g = 1 / (n sigma) sum_i F(theta + sigma eps_i) eps_i                (their algorithm 1, plain)
    g = 1 / (n sigma) sum_{i <= n/2} (F(theta + sigma eps_i) - F(theta - sigma eps_i)) eps_i          (mirrored)

Both are unbiased for the gradient of the smoothed fitness, and on a quadratic for the gradient itself; mirrored pairs
cancel every even order of F, so their variance is lower. Fitness enters as centred ranks, or as it is (`shaping: none`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inner.components import suggest
from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base
from outer.searches.base import centred_ranks, check_range, finite

DIRECTIONS = ("gaussian", "rademacher")
SHAPINGS = ("ranks", "none")


@dataclass(frozen=True)
class Search(base.Search):
    """theta += Adam(g) over `popsize` evaluations; `decay` shrinks sigma and lr by this factor per generation."""

    popsize: int = 16
    generations: int = 60
    sigma: float = 0.3
    lr: float = 0.1
    weight_decay: float = 0.0
    mirrored: bool = True
    directions: str = "gaussian"  # or rademacher: every entry +1 or -1
    shaping: str = "ranks"  # or none: the fitness itself
    decay: float = 1.0
    rank_based: ClassVar[bool] = True

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations)
        if self.mirrored and self.popsize % 2:
            raise ValueError(f"search.popsize: es works in mirrored pairs, expected an even number, got {self.popsize}")
        for name, value, choices in (("directions", self.directions, DIRECTIONS), ("shaping", self.shaping, SHAPINGS)):
            if value not in choices:
                raise ValueError(
                    f"search.{name}: expected one of {', '.join(choices)}, got '{value}'{suggest(value, choices)}"
                )
        check_range("sigma", self.sigma, 0)
        check_range("lr", self.lr, 0)
        check_range("weight_decay", self.weight_decay, 0, open_low=False)
        check_range("decay", self.decay, 0, 1)

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start at `origin` [D]."""
        return Running(self, np.array(origin, dtype=np.float64), seed)


def draw(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Directions float64 of `shape` with zero mean and unit covariance."""
    return rng.standard_normal(shape) if kind == "gaussian" else rng.integers(0, 2, shape) * 2.0 - 1.0


def estimate(fitness: np.ndarray, directions: np.ndarray, sigma: float, mirrored: bool) -> np.ndarray:
    """The gradient [D] from fitness [P] along directions [P, D], or [P / 2, D] for pairs (+ half first, then - half)."""
    count = len(directions)
    if mirrored:
        fitness, count = fitness[:count] - fitness[count:], 2 * count
    gradient: np.ndarray = fitness @ directions / (count * sigma)
    return gradient


class Running(base.Running):
    """The mean, and Adam's moments: 3 D numbers."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.mean, self.seed = options, origin, seed
        self.generation = 0
        self.first, self.second = np.zeros_like(origin), np.zeros_like(origin)

    @property
    def sigma(self) -> float:
        """The step size of this generation."""
        return self.options.sigma * self.options.decay**self.generation

    def directions(self) -> np.ndarray:
        """Directions of this generation [P, D], or the + half [P / 2, D] of mirrored pairs."""
        count = self.options.popsize // 2 if self.options.mirrored else self.options.popsize
        return draw(stream(self.seed, "es", self.generation), (count, self.mean.size), self.options.directions)

    def ask(self) -> np.ndarray:
        """Candidates around the mean [P, D]."""
        step = self.sigma * self.directions()
        result: np.ndarray = self.mean + (np.concatenate([step, -step]) if self.options.mirrored else step)
        return result

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """One Adam step up the estimated gradient (Kingma & Ba 2015, betas 0.9 and 0.999)."""
        fitness = finite(evaluation.fitness)
        shaped = centred_ranks(fitness) if self.options.shaping == "ranks" else fitness
        gradient = estimate(shaped, self.directions(), self.sigma, self.options.mirrored)
        gradient = gradient - self.options.weight_decay * self.mean
        lr = self.options.lr * self.options.decay**self.generation
        self.generation += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        first, second = self.first / (1 - 0.9**self.generation), self.second / (1 - 0.999**self.generation)
        self.mean = self.mean + lr * first / (np.sqrt(second) + 1e-8)

    def recommendation(self) -> np.ndarray:
        """The mean [D]."""
        return self.mean.copy()

    def metrics(self) -> dict[str, float]:
        """Step size."""
        return {"sigma": self.sigma}
