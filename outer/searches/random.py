"""Random search: independent draws around the origin, the baseline that every other search has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base
from outer.searches.base import check_range, finite


@dataclass(frozen=True)
class Search(base.Search):
    """Candidates are origin + sigma0 * N(0, I), independent of what was found before."""

    popsize: int = 16
    generations: int = 60
    sigma0: float = 2.0
    rank_based: ClassVar[bool] = True
    independent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations, least=1)
        check_range("sigma0", self.sigma0, 0)

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start at `origin` [D]."""
        return Running(self, np.asarray(origin, dtype=np.float64), seed)


class Running(base.Running):
    """Remembers the best candidate seen."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.origin, self.seed = options, origin, seed
        self.generation = 0
        self.best, self.best_fitness = origin, -np.inf

    def ask(self) -> np.ndarray:
        """Fresh draws [P, D]."""
        shape = (self.options.popsize, self.origin.size)
        return self.origin + self.options.sigma0 * stream(self.seed, "random", self.generation).standard_normal(shape)

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Keep the best."""
        fitness = finite(evaluation.fitness)
        top = int(np.argmax(fitness))
        if fitness[top] > self.best_fitness:
            self.best, self.best_fitness = candidates[top].copy(), float(fitness[top])
        self.generation += 1

    def recommendation(self) -> np.ndarray:
        """The best candidate seen [D]."""
        return self.best.copy()
