"""Named segments of one flat vector: a few named numbers, or many numbers of one kind, each with transform and bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.rules.coefficient import Coefficient
from outer.genome.base import check_size
from outer.genome.coefficients import CoefficientGenome

TRANSFORMS = ("linear", "log", "switch")


@dataclass(frozen=True)
class Numbers:
    """Named numbers, each with a transform and bounds of its own: coefficients, rates, learning length."""

    name: str
    coefficients: tuple[Coefficient, ...]

    @property
    def genome(self) -> CoefficientGenome:
        """The part of the genome that these numbers are."""
        return CoefficientGenome(self.coefficients)

    @property
    def size(self) -> int:
        """Genes: the numbers that are not fixed."""
        return self.genome.size

    def start(self) -> np.ndarray:
        """The genes [size] that decode to the initial values."""
        return self.genome.start()

    def decode(self, genes: np.ndarray) -> np.ndarray:
        """Genes [P, size] -> values [P, numbers], fixed ones included."""
        return self.genome.decode(genes)

    def rounded(self, genes: np.ndarray, resolution: float) -> np.ndarray:
        """Genes of one genome [size] as whole numbers of `resolution` units of z."""
        return _whole(genes, resolution)


@dataclass(frozen=True)
class Block:
    """Many numbers of one kind.

    linear: value = scale * z    log: value = exp(scale * z)    switch: value = 1 where z > 0, else 0
    z is clipped to [low, high] first, so bounds are in the units of the search.
    """

    name: str
    runs: tuple[tuple[int, float], ...]  # (how many, scale), one after the other
    transform: str = "linear"
    start_at: float = 0.0  # z of the first vector
    low: float = -np.inf
    high: float = np.inf

    def __post_init__(self) -> None:
        if self.transform not in TRANSFORMS:
            raise ValueError(f"{self.name}: expected a transform of {', '.join(TRANSFORMS)}, got '{self.transform}'")
        if not self.low < self.high:
            raise ValueError(f"{self.name}: expected low < high, got {self.low:g} and {self.high:g}")

    @property
    def size(self) -> int:
        """Genes, as many as values."""
        return sum(count for count, _ in self.runs)

    @property
    def scales(self) -> np.ndarray:
        """The scale of each gene [size]."""
        return np.concatenate([np.full(count, scale) for count, scale in self.runs])

    def start(self) -> np.ndarray:
        """The genes [size] of the first vector."""
        return np.full(self.size, self.start_at)

    def decode(self, genes: np.ndarray) -> np.ndarray:
        """Genes [P, size] -> values [P, size]."""
        if self.transform == "switch":
            return (genes > 0).astype(np.float64)
        scaled = np.clip(genes, self.low, self.high) * self.scales
        result: np.ndarray = np.exp(scaled) if self.transform == "log" else scaled
        return result

    def moved(self, genes: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Genes [P, size] whose values differ by `change` [P, size]; where it is 0 a gene keeps its every bit."""
        if self.transform != "linear":
            raise ValueError(f"{self.name}: only linear genes can be written back, got '{self.transform}'")
        moved = np.clip(np.clip(genes, self.low, self.high) + change / self.scales, self.low, self.high)
        return np.where(change == 0, genes, moved)

    def rounded(self, genes: np.ndarray, resolution: float) -> np.ndarray:
        """Genes of one genome [size] as whole numbers: 0 and 1 for switches, else multiples of `resolution`."""
        return (genes > 0).astype(np.int64) if self.transform == "switch" else _whole(genes, resolution)


def _whole(genes: np.ndarray, resolution: float) -> np.ndarray:
    return np.round(genes / resolution).clip(-(2**31), 2**31)


Segment = Numbers | Block


@dataclass(frozen=True)
class Segments:
    """Segments side by side in one vector [D]; decoding is one function."""

    parts: tuple[Segment, ...]

    @property
    def size(self) -> int:
        """D, the length of the vector that a search works on."""
        return sum(part.size for part in self.parts)

    @property
    def slices(self) -> dict[str, slice]:
        """The columns of each segment, by name."""
        found, start = {}, 0
        for part in self.parts:
            found[part.name] = slice(start, start + part.size)
            start += part.size
        return found

    def start(self) -> np.ndarray:
        """The first vector [D]."""
        return np.concatenate([part.start() for part in self.parts])

    def decode(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """Vectors [P, D] -> values by segment, each [P, numbers] float64."""
        vectors = check_size(vectors, self.size)
        return {part.name: part.decode(vectors[:, self.slices[part.name]]) for part in self.parts}
