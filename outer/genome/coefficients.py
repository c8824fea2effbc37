"""The genome of a learner's coefficients: free ones stand in the vector, each with its transform and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inner.rules.coefficient import Coefficient, Values
from outer.genome.base import Genome, check_size


@dataclass(frozen=True)
class CoefficientGenome(Genome):
    """The free coefficients of a learner; fixed ones keep their value.

    counts: how many values each coefficient has (`inner.rules.sharing`), by default one; they stand side by side.
    """

    coefficients: tuple[Coefficient, ...]
    counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        counts = tuple(self.counts) or (1,) * len(self.coefficients)
        assert len(counts) == len(self.coefficients)
        object.__setattr__(self, "counts", counts)

    @property
    def free(self) -> tuple[int, ...]:
        """Positions of the coefficients that a search moves."""
        return tuple(i for i, c in enumerate(self.coefficients) if not c.fixed)

    @property
    def size(self) -> int:
        """D, the length of the vector a search works on."""
        return sum(self.counts[i] for i in self.free)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the free coefficients, one for each entry of the vector: `eta`, or `A[0]`, `A[1]`, ..."""
        found: list[str] = []
        for i in self.free:
            coefficient, count = self.coefficients[i], self.counts[i]
            one = coefficient.share == "rule"
            found += [coefficient.name] if one else [f"{coefficient.name}[{n}]" for n in range(count)]
        return tuple(found)

    def groups(self) -> tuple[tuple[Coefficient, slice], ...]:
        """The free coefficients, each with its place in the vector."""
        found, start = [], 0
        for i in self.free:
            found.append((self.coefficients[i], slice(start, start + self.counts[i])))
            start += self.counts[i]
        return tuple(found)

    def layers(self) -> tuple[tuple[int, int], ...]:
        """Per entry of the vector the number of its coefficient and of its layer (-1: none); empty where none has a layer."""
        if not any(self.coefficients[i].share == "layer" for i in self.free):
            return ()
        shared = [(i, self.coefficients[i].share == "layer", self.counts[i]) for i in self.free]
        return tuple((i, n if layered else -1) for i, layered, count in shared for n in range(count))

    def start(self) -> np.ndarray:
        """The vector [D] that decodes to the initial values."""
        starts = [np.full(where.stop - where.start, float(c.encode(c.init))) for c, where in self.groups()]
        return np.concatenate(starts) if starts else np.zeros(0)

    def decode(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors [P, D] of the search -> coefficient values theta [P, all values of all coefficients], float64."""
        vectors = check_size(vectors, self.size)
        theta = np.empty((vectors.shape[0], sum(self.counts)))
        taken, start = 0, 0
        for coefficient, count in zip(self.coefficients, self.counts):
            block = theta[:, start : start + count]
            if coefficient.fixed:
                block[:] = coefficient.init
            else:
                block[:] = coefficient.decode(vectors[:, taken : taken + count])
                taken += count
            start += count
        return theta

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns of theta that the entries of the vector stand for."""
        starts = np.cumsum([0, *self.counts])
        return tuple(c for i in self.free for c in range(starts[i], starts[i + 1]))

    def slopes(self, vectors: np.ndarray) -> np.ndarray:
        """d theta / d vector of the free values at vectors [P, D]: [P, D], each depends on its own entry alone."""
        vectors = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
        parts = [coefficient.slope(vectors[:, where]) for coefficient, where in self.groups()]
        return np.concatenate(parts, 1) if parts else np.empty_like(vectors)

    def values(self, vector: np.ndarray) -> Values:
        """Values by name of one vector [D]: a number, or a list where a coefficient has values of its own per unit."""
        theta, start, found = self.decode(vector)[0], 0, {}
        for coefficient, count in zip(self.coefficients, self.counts):
            row = theta[start : start + count]
            found[coefficient.name] = float(row[0]) if coefficient.share == "rule" else row.tolist()
            start += count
        return found

    def summary(self, vector: np.ndarray) -> dict[str, float]:
        """As `values`, with mean and standard deviation (`A.mean`, `A.sd`) in place of a list."""
        found: dict[str, float] = {}
        for name, value in self.values(vector).items():
            if isinstance(value, list):
                found |= {f"{name}.mean": float(np.mean(value)), f"{name}.sd": float(np.std(value))}
            else:
                found[name] = value
        return found

    def encode(self, values: Mapping[str, Any]) -> np.ndarray:
        """The vector [D] whose decoded values are `values` (by name); one number stands for a whole list."""
        parts = []
        for coefficient, where in self.groups():
            row = np.asarray(coefficient.encode(np.asarray(values[coefficient.name], dtype=np.float64))).reshape(-1)
            parts.append(np.broadcast_to(row, (where.stop - where.start,)))
        return np.concatenate(parts) if parts else np.zeros(0)
