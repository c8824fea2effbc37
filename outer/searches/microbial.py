"""Microbial genetic algorithm (Harvey 2011): the loser of a local tournament is infected by the winner and mutates.

The population sits on a ring and a tournament is held between neighbours at most `deme` places apart. Each generation
scores all candidates and holds P / 2 tournaments at once, on disjoint pairs (Harvey holds them one after the other: two
generations here are about one of his "generations" of P tournaments). Winners keep their genome, and with Lamarckian
inheritance what they learned, so that a lineage is an individual's and not a distribution's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base


@dataclass(frozen=True)
class Search(base.Search):
    """Loser: every gene is the winner's with probability `recombination`, then N(0, sigma) is added to all."""

    popsize: int = 16
    generations: int = 60
    sigma0: float = 1.0  # spread of the first population around the origin
    sigma: float = 0.1  # of mutation
    recombination: float = 0.5
    deme: int = 2  # how far apart on the ring two rivals may live
    bound: float = math.inf  # genes stay within origin +- bound

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations)
        for name in ("sigma0", "sigma", "bound"):
            if not getattr(self, name) > 0:
                raise ValueError(f"search.{name}: expected a number > 0, got {getattr(self, name)}")
        if not 0 <= self.recombination <= 1:
            raise ValueError(f"search.recombination: expected a number from 0 to 1, got {self.recombination}")
        if not 1 <= self.deme <= self.popsize - 1:
            raise ValueError(f"search.deme: expected 1 to popsize - 1 = {self.popsize - 1}, got {self.deme}")

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start with a population N(origin, sigma0)."""
        return Running(self, np.array(origin, dtype=np.float64), seed)


def pairs(count: int, apart: int, turn: int) -> tuple[np.ndarray, np.ndarray]:
    """Disjoint pairs of places on a ring of `count`, `apart` places from each other, counted from place `turn`."""
    place = np.arange(count)
    left = place[(place // apart) % 2 == 0]
    left = left[left + apart < count]
    return (left + turn) % count, (left + apart + turn) % count


class Running(base.Running):
    """The population on its ring."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.origin, self.seed = options, origin, seed
        self.generation = 0
        spread = stream(seed, "microbial", "first").standard_normal((options.popsize, origin.size))
        self.population = self._within(origin + options.sigma0 * spread)
        self.best = origin

    def _within(self, genes: np.ndarray) -> np.ndarray:
        bound = self.options.bound
        return genes if math.isinf(bound) else np.clip(genes, self.origin - bound, self.origin + bound)

    def ask(self) -> np.ndarray:
        """Everybody [P, D]."""
        return self.population.copy()

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Hold the tournaments; `candidates` may hold learned genes, which then are the population's."""
        options, fitness = self.options, base.finite(evaluation.fitness)
        rng = stream(self.seed, "microbial", self.generation)
        apart, turn = 1 + int(rng.integers(options.deme)), int(rng.integers(options.popsize))
        one, two = pairs(options.popsize, apart, turn)
        winner, loser = np.where(fitness[one] >= fitness[two], (one, two), (two, one))
        infected = rng.random((len(one), candidates.shape[1])) < options.recombination
        self.best = candidates[int(np.argmax(fitness))].copy()
        self.population = candidates.copy()
        young = np.where(infected, candidates[winner], candidates[loser])
        young += options.sigma * rng.standard_normal(young.shape)
        self.population[loser] = self._within(young)
        self.generation += 1

    def recommendation(self) -> np.ndarray:
        """The fittest candidate [D] of the latest generation; a winner stays in the population."""
        return self.best.copy()
