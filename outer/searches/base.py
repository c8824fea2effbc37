"""What a search is: it asks for candidates, is told what they earned, and is a function of its seed and that history alone.

Resuming a search is telling it its stored generations again: every draw comes from an addressed stream, so that a
search that was told the same history is the same search, bit for bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from outer.objective import Evaluation


class Search(ABC):
    """Options are the fields of a frozen dataclass `Search` in each file; `start` makes the running search."""

    popsize: int
    generations: int

    @abstractmethod
    def start(self, origin: np.ndarray, seed: int) -> Running:
        """A running search from the vector `origin` [D]."""


class Running(ABC):
    """A search in progress."""

    @abstractmethod
    def ask(self) -> np.ndarray:
        """Candidates of the next generation [P, D], float64."""

    @abstractmethod
    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """Learn what the candidates [P, D] earned; changes neither argument."""

    @abstractmethod
    def favourite(self) -> np.ndarray:
        """The vector [D] that the search would recommend now."""

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
