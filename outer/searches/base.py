"""The interface of a search: `ask` gives candidates, `tell` takes their fitness; a function of seed and history alone.

A search that uses gradients returns an `estimator`: the next evaluation then carries `gradient`, and stores keep it.
To resume a search is to replay its stored generations: every draw comes from an addressed stream, so that a search with
the same history is the same search, bit for bit. A store may therefore keep a digest in place of the candidates
(`outer/generation.py`).

The cost of a search is counted in inner steps: candidates x lifetimes x steps of a life x `Running.cost`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from outer.gradient_estimators.base import GradientEstimator
from outer.objective import Evaluation


class Search(ABC):
    """Options are the fields of a frozen dataclass `Search` in each file; `start` makes the running search."""

    popsize: int
    generations: int
    rank_based: ClassVar[bool] = False  # with its default options, a monotone change of the fitness changes no bit
    independent: ClassVar[bool] = False  # candidates do not depend on the fitness of earlier ones

    @abstractmethod
    def start(self, origin: np.ndarray, seed: int) -> Running:
        """A running search from the vector `origin` [D]."""


class Running(ABC):
    """A search in progress."""

    @property
    def cost(self) -> float:
        """Inner steps charged for one step of a life of the latest generation.

        1 for a plain forward life. Searches that differentiate lives state the cost in forward lives: about 3
        for backpropagation (a forward and twice that backward), 4 with activation checkpointing, 2 for one tangent.
        """
        return 1.0

    @abstractmethod
    def ask(self) -> np.ndarray:
        """Candidates of the next generation [P, D], float64; P may change from generation to generation."""

    def estimator(self) -> GradientEstimator | None:
        """The gradient estimator to apply to the candidates that `ask` has just given; None: fitness is enough."""
        return None

    @abstractmethod
    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Learn from the evaluation of candidates [P, D]; changes neither argument. `finite` replaces what is not a number."""

    @abstractmethod
    def recommendation(self) -> np.ndarray:
        """The vector [D] that the search would recommend now."""

    def set_layers(self, layers: Sequence[tuple[int, int]]) -> None:
        """Take the layers of the vector's entries (`Genome.layers`) before the first `ask`; most searches ignore them."""
        return None

    def stop(self) -> dict[str, float]:
        """Reasons to end before the last generation; empty while there is none."""
        return {}

    def metrics(self) -> dict[str, float]:
        """Metrics of the search, such as its step size."""
        return {}


def check_options(popsize: int, generations: int, least: int = 2) -> None:
    """Raise ValueError for a population or a number of generations that cannot work."""
    if popsize < least:
        raise ValueError(f"search.popsize: expected at least {least}, got {popsize}")
    if generations < 1:
        raise ValueError(f"search.generations: expected at least 1, got {generations}")


def check_range(name: str, value: float, low: float, high: float = np.inf, open_low: bool = True) -> None:
    """Raise ValueError unless low < value <= high (low <= value when not `open_low`); NaN and infinity never pass."""
    inside = (low < value if open_low else low <= value) and value <= high and np.isfinite(value)
    if not inside:
        bound = f"{'>' if open_low else '>='} {low:g}" + ("" if np.isinf(high) else f" and <= {high:g}")
        raise ValueError(f"search.{name}: expected a number {bound}, got {value}")


def finite(fitness: np.ndarray) -> np.ndarray:
    """Fitness [P] with NaN and infinities replaced by the worst finite value of the generation (0 without any).

    Objectives give finite fitness; this is for searches that are driven by hand. NaN would sort as the best.
    """
    good = np.isfinite(fitness)
    return fitness if good.all() else np.where(good, fitness, fitness[good].min() if good.any() else 0.0)


def ranks(fitness: np.ndarray) -> np.ndarray:
    """Ranks 0 (worst) .. P - 1 of fitness [P]; equal fitness shares the mean rank, a whole or a half, exactly."""
    _, inverse, counts = np.unique(fitness, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


def centred_ranks(fitness: np.ndarray) -> np.ndarray:
    """Ranks scaled to [-0.5, 0.5]; a flat generation is all 0 and moves nothing."""
    return ranks(fitness) / max(fitness.size - 1, 1) - 0.5
