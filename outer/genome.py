"""What evolution may change: one flat vector per candidate, decoded into the coefficients of a learner in one function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inner.rules.rule import Coefficient


@dataclass(frozen=True)
class Genome:
    """The free coefficients of a learner, each with its transform and bounds; fixed ones keep their value."""

    coefficients: tuple[Coefficient, ...]

    @property
    def free(self) -> tuple[int, ...]:
        """Positions of the coefficients that a search moves."""
        return tuple(i for i, c in enumerate(self.coefficients) if not c.fixed)

    @property
    def size(self) -> int:
        """D, the length of the vector a search works on."""
        return len(self.free)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the free coefficients."""
        return tuple(self.coefficients[i].name for i in self.free)

    def start(self) -> np.ndarray:
        """The vector [D] that decodes to the initial values."""
        return np.array([float(self.coefficients[i].encode(self.coefficients[i].init)) for i in self.free])

    def decode(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors [P, D] of the search -> coefficient values theta [P, all coefficients], float64."""
        vectors = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
        if vectors.shape[1] != self.size:
            raise ValueError(f"candidates: expected [P, D] with D = {self.size}, got {list(vectors.shape)}")
        theta = np.empty((vectors.shape[0], len(self.coefficients)))
        for i, coefficient in enumerate(self.coefficients):
            theta[:, i] = coefficient.init
        for d, i in enumerate(self.free):
            theta[:, i] = self.coefficients[i].decode(vectors[:, d])
        return theta

    def values(self, vector: np.ndarray) -> dict[str, float]:
        """Coefficient values by name of one vector [D]."""
        return {c.name: float(v) for c, v in zip(self.coefficients, self.decode(vector)[0])}

    def encode(self, values: Mapping[str, float]) -> np.ndarray:
        """The vector [D] whose decoded values are `values` (by name)."""
        return np.array([float(self.coefficients[i].encode(values[self.coefficients[i].name])) for i in self.free])
