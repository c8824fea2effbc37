"""Genetic algorithm on bit strings (Holland 1975) with two-point crossover, as in Chalmers (1990): elitist, generational.

A candidate is a string of bits; a code turns it into the numbers that the objective sees:

    gray      `bits` per number, Gray-coded, evenly spaced over origin +- reach
    chalmers  35 bits for his eleven coefficients: k0 = sign and exponent (0 for 0, else 2^(j - 9), j = 1 .. 15),
              k1 .. k10 = sign and magnitude (0, 1, 2 or 4); both signs of 0 are 0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from inner.components import suggest
from inner.random import stream
from outer.objective import Evaluation
from outer.searches import base

CODES = ("gray", "chalmers")
MAGNITUDES = np.array([0.0, 1.0, 2.0, 4.0])


@dataclass(frozen=True)
class Search(base.Search):
    """Binary tournaments choose the parents; the best string of a generation goes on unchanged."""

    popsize: int = 40
    generations: int = 1000
    crossover: float = 0.8  # share of pairs of parents that exchange the bits between two points
    mutation: float = 0.01  # per bit
    code: str = "gray"
    bits: int = 12  # per number, of the code "gray"
    reach: float = 4.0  # half the range of a number, of the code "gray"
    rank_based: ClassVar[bool] = True

    def __post_init__(self) -> None:
        base.check_options(self.popsize, self.generations)
        for name in ("crossover", "mutation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"search.{name}: expected a number from 0 to 1, got {getattr(self, name)}")
        if self.code not in CODES:
            raise ValueError(
                f"search.code: unknown code '{self.code}'{suggest(self.code, CODES)}; known: {', '.join(CODES)}"
            )
        if not 1 <= self.bits <= 32:
            raise ValueError(f"search.bits: expected 1 to 32, got {self.bits}")
        if not 0 < self.reach < np.inf:
            raise ValueError(f"search.reach: expected a number > 0, got {self.reach}")

    def start(self, origin: np.ndarray, seed: int) -> Running:
        """Start from random strings; with "gray" the string nearest to `origin` [D] is one of them."""
        if self.code == "chalmers" and origin.size != 11:
            raise ValueError(f"search.code: 'chalmers' has 11 coefficients, the rule has {origin.size} free ones")
        return Running(self, np.asarray(origin, dtype=np.float64), seed)


def from_gray(bits: np.ndarray) -> np.ndarray:
    """Gray-coded bits [..., B], the most significant first -> whole numbers [...]."""
    plain = np.cumsum(bits, -1) % 2
    result: np.ndarray = (plain * 2 ** np.arange(bits.shape[-1])[::-1]).sum(-1)
    return result


def to_gray(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Inverse of `from_gray`: bool [..., bits]."""
    numbers = np.asarray(numbers, dtype=np.int64)
    result: np.ndarray = (((numbers ^ (numbers >> 1))[..., None] >> np.arange(bits)[::-1]) & 1).astype(bool)
    return result


def decode_chalmers(strings: np.ndarray) -> np.ndarray:
    """Strings [P, 35] -> k0 .. k10 [P, 11]; a sign bit of 1 is plus."""
    strings = strings.astype(np.int64)
    first, others = strings[:, :5], strings[:, 5:].reshape(-1, 10, 3)
    exponent = (first[:, 1:] * (8, 4, 2, 1)).sum(1)
    k0 = (2 * first[:, 0] - 1) * np.where(exponent == 0, 0.0, 2.0 ** (exponent - 9.0))
    magnitude = MAGNITUDES[others[..., 1] * 2 + others[..., 2]]
    return np.concatenate([k0[:, None], (2 * others[..., 0] - 1) * magnitude], 1) + 0.0  # -0 becomes 0


class Running(base.Running):
    """A population of strings; state is the strings alone."""

    def __init__(self, options: Search, origin: np.ndarray, seed: int) -> None:
        self.options, self.origin, self.seed, self.generation = options, origin, seed, 0
        length = 35 if options.code == "chalmers" else origin.size * options.bits
        self.strings = stream(seed, "bitstring", "birth").integers(0, 2, (options.popsize, length)).astype(bool)
        if options.code == "gray":
            centre = np.full(origin.size, 2 ** (options.bits - 1))
            self.strings[0] = to_gray(centre, options.bits).ravel()
        self.best = self.strings[0]

    def decode(self, strings: np.ndarray) -> np.ndarray:
        """Strings [P, bits] -> numbers [P, D]."""
        options = self.options
        if options.code == "chalmers":
            return decode_chalmers(strings)
        half = 2 ** (options.bits - 1)
        steps = from_gray(strings.reshape(len(strings), self.origin.size, options.bits))
        result: np.ndarray = self.origin + options.reach * (steps - half) / half
        return result

    def ask(self) -> np.ndarray:
        """The population [P, D]."""
        return self.decode(self.strings)

    def tell(self, candidates: np.ndarray, evaluation: Evaluation) -> None:
        """The next generation: tournaments of two, two-point crossover, mutation, and the best unchanged."""
        options, (count, length) = self.options, self.strings.shape
        random = stream(self.seed, "bitstring", self.generation)
        earned = base.finite(evaluation.fitness)
        self.best = self.strings[int(np.argmax(earned))]
        pairs = random.integers(0, count, (2 * (-(-count // 2)), 2))
        fitness = earned[pairs]
        parents = self.strings[np.where(fitness[:, 0] >= fitness[:, 1], pairs[:, 0], pairs[:, 1])]
        one, two = parents[0::2], parents[1::2]
        low, high = np.sort(random.integers(0, length + 1, (2, len(one))), 0)
        place = np.arange(length)
        inside = (place >= low[:, None]) & (place < high[:, None])
        inside &= random.random((len(one), 1)) < options.crossover
        children = np.concatenate([np.where(inside, two, one), np.where(inside, one, two)])[:count]
        children ^= random.random(children.shape) < options.mutation
        children[0] = self.best
        self.strings = children
        self.generation += 1

    def recommendation(self) -> np.ndarray:
        """The best string of the last generation, as numbers [D]."""
        result: np.ndarray = self.decode(self.best[None])[0]
        return result

    def metrics(self) -> dict[str, float]:
        """Share of bits in which two strings differ on average: 0.5 at first, 0 when all are alike."""
        ones = self.strings.mean(0)
        return {"diversity": float((2 * ones * (1 - ones)).mean())}
