"""The record of one generation, which the loop over generations yields and stores and trackers take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

ARRAYS = ("candidates", "fitness", "scores", "alive", "recommendation")
OPTIONAL = (
    "digest",
    "gradient",
)  # where candidates were left out; where the search had a gradient estimator
ASKED = "asked"  # metric: fingerprint of the asked candidates, where an objective may pass others to `tell`
LARGE = 2**20  # bytes of candidates above which a digest takes their place


@dataclass(frozen=True, eq=False)
class Curves:
    """Learning curves of a generation, mean over lives."""

    steps: np.ndarray  # [C] at which scores were taken
    population: np.ndarray  # [C], mean over candidates too
    best: np.ndarray  # [C], of the fittest candidate


@dataclass(frozen=True, eq=False)
class Generation:
    """One generation of a search. P candidates, L lifetimes per candidate, D coefficients.

    Metrics are plain numbers: best, mean, median, worst, best_so_far, sigma (when the search has one), failures,
    lifetimes and inner_steps (cumulative counts), seconds, and the recommendation's coefficient values as "theta/<name>"
    (up to 200 of them).
    """

    index: int  # 0, 1, ...
    # [P, D] float64, in the search's own space, as passed to `tell`; [0, D] where a digest takes their place
    candidates: np.ndarray
    fitness: np.ndarray  # [P] float64, higher is better, always finite
    scores: np.ndarray  # [P, L] float64, the score of every lifetime
    alive: np.ndarray  # [P, L] bool, False where the network left the finite range
    recommendation: np.ndarray  # [D] float64, what the search would recommend after this generation
    metrics: dict[str, float] = field(default_factory=dict)
    digest: np.ndarray | None = None  # [16] uint8, BLAKE2b of candidates that were left out
    gradient: np.ndarray | None = None  # [G, D] float64, passed to the search with the fitness (see Evaluation)
    curves: Curves | None = None  # for trackers; not stored with the generation

    def compact(self) -> Generation:
        """This record with a digest in place of candidates of more than LARGE bytes: O(D) and not O(P D) numbers.

        A search is a function of its seed and its history, so that `ask` gives the candidates back.
        """
        if self.digest is not None or self.candidates.nbytes <= LARGE:
            return self
        return replace(self, candidates=self.candidates[:0], digest=digest_of(self.candidates))

    def asked(self, candidates: np.ndarray) -> bool:
        """True when a search that asks for candidates [P, D] replays this generation bit for bit.

        Where `tell` got other vectors than `ask` had given, the metric "asked" is the fingerprint of the latter.
        """
        if ASKED in self.metrics:
            return fingerprint(candidates) == self.metrics[ASKED]
        if self.digest is None:
            return _same_bits(candidates, self.candidates)
        return len(candidates) == len(self.fitness) and _same_bits(digest_of(candidates), self.digest)

    def told(self, asked: np.ndarray) -> np.ndarray:
        """The vectors [P, D] that were passed to `tell`, given those that `ask` returns."""
        return self.candidates if ASKED in self.metrics and self.digest is None else asked

    def same_bits(self, other: Generation) -> bool:
        """True when index and arrays agree bit for bit (shape, type and every byte; -0.0 differs from 0.0).

        Metrics are left out: they follow from the arrays, and "seconds" is a wall-clock time that never repeats.
        """
        return self.index == other.index and all(
            _same_bits(getattr(self, name), getattr(other, name)) for name in ARRAYS + OPTIONAL
        )


def generation_metrics(fitness: np.ndarray, alive: np.ndarray, best_so_far: float, lifetimes: int) -> dict[str, float]:
    """Metrics that every generation has: of fitness [P] and alive [P, L], and two that add up over generations."""
    return {
        "best": float(fitness.max()),
        "mean": float(fitness.mean()),
        "median": float(np.median(fitness)),
        "worst": float(fitness.min()),
        "best_so_far": best_so_far,
        "failures": float((~alive).sum()),
        "lifetimes": float(lifetimes),
    }


def fingerprint(vectors: np.ndarray) -> float:
    """A number that float64 vectors [P, D] share with no others (48 bits of BLAKE2b), exact as a metric."""
    return float(int.from_bytes(blake2b(np.ascontiguousarray(vectors).tobytes(), digest_size=6).digest(), "big"))


def digest_of(candidates: np.ndarray) -> np.ndarray:
    """uint8 [16], the fingerprint of shape and bits of candidates [P, D]."""
    little = np.ascontiguousarray(candidates, dtype="<f8")
    digest = blake2b(f"{little.shape}".encode(), digest_size=16)
    digest.update(little.data)
    return np.frombuffer(digest.digest(), dtype=np.uint8).copy()


def _same_bits(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
