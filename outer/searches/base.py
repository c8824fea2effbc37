"""What a search is: it asks for candidates, is told what they earned, and is a function of its seed and that history alone.

A search that wants gradients says so by `estimator`: the evaluation it is then told carries `gradient`, and stores keep it.
Resuming a search is telling it its stored generations again: every draw comes from an addressed stream, so that a
search that was told the same history is the same search, bit for bit. A store may therefore keep a digest of what was
asked in place of the candidates themselves (`outer/generation.py`).

What a search consumes is counted in inner steps: candidates x lifetimes x steps of a life x `Running.cost`.
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
    independent: ClassVar[bool] = False  # what is asked does not depend on what was found

    @abstractmethod
    def start(self, origin: np.ndarray, seed: int) -> Running:
        """A running search from the vector `origin` [D]."""


class Running(ABC):
    """A search in progress."""

    @property
    def cost(self) -> float:
        """Inner steps charged for one step of a life of the generation that was asked last.

        1 for a plain forward life. A search that differentiates lives says what that costs in forward lives: about 3
        for backpropagation (a forward and twice that backward), 4 with activation checkpointing, 2 for one tangent.
        """
        return 1.0

    @abstractmethod
    def ask(self) -> np.ndarray:
        """Candidates of the next generation [P, D], float64; P may change from generation to generation."""

    def estimator(self) -> GradientEstimator | None:
        """What the search wants to be told beside fitness about the candidates it has just asked for; None is nothing."""
        return None

    @abstractmethod
    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Learn what the candidates [P, D] earned; changes neither argument. `finite` is for what is not a number."""

    @abstractmethod
    def favourite(self) -> np.ndarray:
        """The vector [D] that the search would recommend now."""

    def place(self, layers: Sequence[tuple[int, int]]) -> None:
        """Told before the first ask where entries act (`Genome.layers`); most searches do not care."""
        return None

    def stop(self) -> dict[str, float]:
        """Reasons to end before the last generation; empty while there is none."""
        return {}

    def metrics(self) -> dict[str, float]:
        """Numbers worth following, such as the step size."""
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

    An objective hands over finite fitness; this guards a search that somebody drives by hand. NaN would sort as the best.
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
