"""Deep GA (Such et al. 2017): truncation selection, mutation only, elitism, and genomes that are lists of seeds.

A candidate is origin + sigma0 eps(s_0) + sigma eps(s_1) + sigma eps(s_2) + ..., one mutation per ancestor (their eq. 1).
A seed s = (generation, row) addresses its stream, so that `rebuild` gives the weights back bit for bit from the list:
a lineage of 1,000 generations is 2,000 whole numbers, however many weights there are.

Lives change from generation to generation. So the elite are asked again beside the new children, and the champion is
the one with the best mean rank over the two generations that its rivals have lived, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base
from outer.searches.base import check_range, finite, ranks

Seeds = tuple[tuple[int, int], ...]  # (generation, row) of every mutation, the oldest first


@dataclass(frozen=True)
class Search(base.Search):
    """`parents` survive truncation; `elites` of them are asked again unchanged; all others are mutated parents."""

    popsize: int = 16
    generations: int = 60
    parents: int = 4  # T, the best of a generation, of which children are drawn evenly
    elites: int = 2  # candidates that are scored again; the best of them is the champion
    sigma: float = 0.3  # mutation power
    sigma0: float = 1.0  # of the first generation around the origin
    decay: float = 1.0  # the mutation power shrinks by this factor per generation
    rank_based: ClassVar[bool] = True

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations)
        if not 1 <= self.parents < self.popsize:
            raise ValueError(f"search.parents: expected 1 .. popsize - 1 = {self.popsize - 1}, got {self.parents}")
        if not 1 <= self.elites <= self.parents:
            raise ValueError(f"search.elites: expected 1 .. parents = {self.parents}, got {self.elites}")
        check_range("sigma", self.sigma, 0)
        check_range("sigma0", self.sigma0, 0)
        check_range("decay", self.decay, 0, 1)

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start around `origin` [D]."""
        return Running(self, np.array(origin, dtype=np.float64), seed)


def mutation(options: Search, seed: int, gene: tuple[int, int], size: int) -> np.ndarray:
    """The change [D] that one entry of a seed list stands for."""
    generation, row = gene
    power = options.sigma0 if generation == 0 else options.sigma * options.decay ** (generation - 1)
    return power * stream(seed, "ga", generation, row).standard_normal(size)


def rebuild(options: Search, origin: np.ndarray, seed: int, seeds: Seeds) -> np.ndarray:
    """The candidate [D] of a seed list, the same bits that were asked: mutations are added in the order of birth."""
    vector = np.array(origin, dtype=np.float64)
    for gene in seeds:
        vector = vector + mutation(options, seed, gene, vector.size)
    return vector


@dataclass(frozen=True, eq=False)
class Individual:
    """A survivor: its seed list, its weights, and its rank in the generation before."""

    seeds: Seeds
    vector: np.ndarray  # [D]
    rank: float


class Running(base.Running):
    """The survivors, champion first: at most parents x D numbers and their seed lists."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.origin, self.seed = options, origin, seed
        self.generation = 0
        self.survivors: tuple[Individual, ...] = ()

    def _lineages(self) -> list[Seeds]:
        """The seed list of every row [P] of this generation: elites first, then children."""
        g, popsize = self.generation, self.options.popsize
        if g == 0:
            return [((0, row),) for row in range(popsize)]
        kept = [individual.seeds for individual in self.survivors[: self.options.elites]]
        return kept + [self.survivors[p].seeds + ((g, len(kept) + c),) for c, p in enumerate(self._drawn())]

    def _drawn(self) -> np.ndarray:
        """Which parent each child has."""
        children = self.options.popsize - self.options.elites
        return stream(self.seed, "ga parents", self.generation).integers(0, len(self.survivors), children)

    def ask(self) -> np.ndarray:
        """Elites, then mutated parents [P, D]."""
        g, options, size = self.generation, self.options, self.origin.size
        rows = np.empty((options.popsize, size))
        if g == 0:
            rows[:] = self.origin
            first = 0
        else:
            first = options.elites
            for row, individual in enumerate(self.survivors[:first]):
                rows[row] = individual.vector
            for row, parent in enumerate(self._drawn(), start=first):
                rows[row] = self.survivors[parent].vector
        for row in range(first, options.popsize):
            rows[row] += mutation(options, self.seed, (g, row), size)
        return rows

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Champion by mean rank of the elite over two generations, then the best of this one."""
        now = ranks(finite(evaluation.fitness))
        lineages = self._lineages()
        best = np.argsort(-now, kind="stable")
        if self.generation == 0:
            champion = int(best[0])
        else:
            before = np.array([individual.rank for individual in self.survivors[: self.options.elites]])
            champion = int(np.argmax(before + now[: len(before)]))
        order = [champion] + [int(row) for row in best if row != champion]
        self.survivors = tuple(
            Individual(lineages[row], candidates[row].copy(), float(now[row])) for row in order[: self.options.parents]
        )
        self.generation += 1

    def recommendation(self) -> np.ndarray:
        """The champion [D]."""
        return self.survivors[0].vector.copy() if self.survivors else self.origin.copy()

    def seeds(self) -> Seeds:
        """The champion's seed list: with the options, the origin and the seed, `rebuild` gives its weights."""
        return self.survivors[0].seeds if self.survivors else ()

    def metrics(self) -> dict[str, float]:
        """Mutation power, and how many mutations the champion carries."""
        power = self.options.sigma * self.options.decay ** max(self.generation - 1, 0)
        return {"sigma": float(power), "champion_mutations": float(len(self.seeds()))}
