"""The interface of a genome: the flat vector that a search moves, and its meaning for the learner that lives."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from inner.rules.coefficient import Values


class Genome(ABC):
    """Concrete genomes are frozen dataclasses. D is the length of a vector, P the number of vectors."""

    @property
    @abstractmethod
    def size(self) -> int:
        """D."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the numbers that have one, such as coefficients; the weights of a network have none."""

    @abstractmethod
    def start(self) -> np.ndarray:
        """The vector [D] float64 that a search starts from."""

    @abstractmethod
    def decode(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors [P, D] -> theta [P, C] float64, the numbers of a learner."""

    @abstractmethod
    def values(self, vector: np.ndarray) -> Values:
        """Values by name of one vector [D]: a number, or a list of numbers."""

    def summary(self, vector: np.ndarray) -> dict[str, float]:
        """Numbers by name that describe one vector [D]: its values, unless a genome has lists of them."""
        return self.values(vector)

    def layers(self) -> tuple[tuple[int, int], ...]:
        """Per entry of the vector the number of its coefficient and of its layer (-1: none); empty where none has a layer."""
        return ()

    @property
    def columns(self) -> tuple[int, ...]:
        """The column of theta that each entry of the vector stands for. Raises ValueError where entries do not map to columns."""
        raise ValueError(f"gradients: {type(self).__name__} has none; expected a search that needs no gradient")

    def slopes(self, vectors: np.ndarray) -> np.ndarray:
        """d theta / d vector [P, D] at vectors [P, D], entry by entry. Raises ValueError where there is no such slope."""
        raise ValueError(f"gradients: {type(self).__name__} has none; expected a search that needs no gradient")


def check_size(vectors: np.ndarray, size: int) -> np.ndarray:
    """Vectors [P, D] float64; one vector [D] becomes [1, D]. Raises ValueError where D is not `size`."""
    vectors = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
    if vectors.shape[1] != size:
        raise ValueError(f"candidates: expected [P, D] with D = {size}, got {list(vectors.shape)}")
    return vectors
