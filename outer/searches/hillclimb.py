"""Mutate, keep if not worse (and, at a finite temperature, sometimes if worse): the simplest evolution there is.

A chain holds one parent; all its coefficients are mutated by N(0, sigma^2) and the best child replaces the parent with
probability min(1, exp((f_child - f_parent) / temperature)); temperature 0 accepts exactly what is not worse.
For one child and sigma -> 0 this is gradient ascent (Whitelam et al. 2021, Nat. Commun. 12:6317):

    temperature 0:  mean step  sigma / sqrt(2 pi) grad f / |grad f|        (normalised, half of all children accepted)
    temperature T:  mean step  sigma^2 / (2 T) grad f

Parents are asked again beside their children, since lives change from generation to generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base
from outer.searches.base import check_range, finite

GROWTH = 1.5  # of sigma after a success, sigma / 1.5^(1/4) after a failure: one fifth of successes (Kern et al. 2004)


@dataclass(frozen=True)
class Search(base.Search):
    """`chains` independent climbers of popsize / chains rows each: the parent, and its children."""

    popsize: int = 16
    generations: int = 60
    sigma: float = 0.3
    chains: int = 1
    temperature: float = 0.0  # in units of fitness; above 0 needs one child per parent: chains = popsize / 2
    adapt: bool = False  # sigma by the one-fifth success rule, per chain
    rank_based: ClassVar[bool] = True

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations)
        if not 1 <= self.chains <= self.popsize // 2 or self.popsize % self.chains:
            raise ValueError(
                f"search.chains: expected a divisor of popsize = {self.popsize} up to its half, got {self.chains}"
            )
        check_range("sigma", self.sigma, 0)
        check_range("temperature", self.temperature, 0, open_low=False)
        if self.temperature > 0 and self.chains * 2 != self.popsize:
            raise ValueError(
                f"search.chains: a temperature above 0 needs one child per parent: expected {self.popsize // 2}"
                f" (half of popsize), got {self.chains}"
            )

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start every chain at `origin` [D]."""
        return Running(self, np.array(origin, dtype=np.float64), seed)


class Running(base.Running):
    """The parents: chains x D numbers, and a step size each."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.seed = options, seed
        self.generation = 0
        self.parents = np.repeat(origin[None], options.chains, 0)  # [C, D]
        self.sigma = np.full(options.chains, options.sigma)
        self.best = 0  # the chain that did best in the last generation
        self.accepted = 0.0  # share of the chains whose child was taken in the last generation

    def ask(self) -> np.ndarray:
        """Parents [C], then their children, chain by chain: [P, D]."""
        chains, size = self.parents.shape
        children = self.options.popsize // chains - 1
        noise = stream(self.seed, "hillclimb", self.generation).standard_normal((chains, children, size))
        noise *= self.sigma[:, None, None]
        noise += self.parents[:, None]
        return np.concatenate([self.parents, noise.reshape(chains * children, size)])

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Metropolis' test of each chain's best child against its parent, on the same lives."""
        chains = len(self.parents)
        fitness = finite(evaluation.fitness)
        parent, brood = fitness[:chains], fitness[chains:].reshape(chains, -1)
        chosen = brood.argmax(1)
        child = brood[np.arange(chains), chosen]
        taken = child >= parent
        if self.options.temperature > 0:
            luck = stream(self.seed, "hillclimb luck", self.generation).random(chains)
            taken = np.log(np.maximum(luck, 1e-300)) * self.options.temperature <= child - parent
        rows = chains + np.arange(chains) * brood.shape[1] + chosen
        self.parents = np.where(taken[:, None], candidates[rows], self.parents)
        if self.options.adapt:  # a tie is no success, or a flat fitness would blow sigma up
            self.sigma = self.sigma * np.where(child > parent, GROWTH, GROWTH**-0.25)
        self.best = int(np.argmax(np.where(taken, child, parent)))
        self.accepted = float(taken.mean())
        self.generation += 1

    def recommendation(self) -> np.ndarray:
        """The parent of the chain that did best [D]."""
        result: np.ndarray = self.parents[self.best].copy()
        return result

    def metrics(self) -> dict[str, float]:
        """Mean step size and acceptance: far below 1/2 means that sigma is too large for gradient ascent."""
        return {"sigma": float(self.sigma.mean()), "acceptance": self.accepted}
