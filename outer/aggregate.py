"""Fitness from scores of lives in several worlds: the mean, or an aggregate that wants every world to go well.

Lives of one world (a setting) are first averaged; a part of the aggregate is then taken over worlds:

    mean            of all lives
    median          of the worlds
    worst_quarter   mean of the quarter of the worlds with the lowest scores, at least one world
    below           mean over worlds of min(0, score): what is lost where a score, such as a lead, is negative

A mixture is a weighted sum of parts, {mean: 1, below: 2}.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inner.components import suggest


def worst_quarter(worlds: np.ndarray) -> np.ndarray:
    """Mean [P] of the lowest quarter of worlds [P, W], rounded up."""
    count = math.ceil(worlds.shape[1] / 4)
    found: np.ndarray = np.sort(worlds, axis=1)[:, :count].mean(1)
    return found


def below(worlds: np.ndarray) -> np.ndarray:
    """Mean [P] of the negative parts of worlds [P, W]."""
    found: np.ndarray = np.minimum(worlds, 0.0).mean(1)
    return found


def median(worlds: np.ndarray) -> np.ndarray:
    """Median [P] of worlds [P, W]."""
    found: np.ndarray = np.median(worlds, axis=1)
    return found


MEAN = "mean"
PARTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "median": median,
    "worst_quarter": worst_quarter,
    "below": below,
}


@dataclass(frozen=True)
class Aggregate:
    """A weighted sum of parts; by default the mean over all lives."""

    parts: tuple[tuple[str, float], ...] = ((MEAN, 1.0),)

    @classmethod
    def of(cls, over: str | Mapping[str, float]) -> Aggregate:
        """From a config: the name of a part, or {part: weight, ...}. Raises ValueError for an unknown part."""
        given = {over: 1.0} if isinstance(over, str) else dict(over)
        known = [MEAN, *PARTS]
        for name, weight in given.items():
            if name not in known:
                raise ValueError(f"fitness.over: unknown part '{name}'{suggest(name, known)}; known: {', '.join(known)}")
            if not math.isfinite(weight):
                raise ValueError(f"fitness.over.{name}: expected a finite weight, got {weight}")
        if not any(given.values()):
            raise ValueError(f"fitness.over: expected a part of weight other than 0, got {given}")
        return cls(tuple((name, float(weight)) for name, weight in given.items()))

    def of_lives(self, scores: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """Fitness [P] of scores [P, L] float64, lives of one world beside each other; counts: lives of each world."""
        if self.parts == ((MEAN, 1.0),):
            found: np.ndarray = scores.mean(1)
            return found
        places = np.cumsum(counts)[:-1]
        worlds = np.stack([part.mean(1) for part in np.split(scores, places, axis=1)], axis=1)  # [P, W]
        total = np.zeros(len(scores))
        for name, weight in self.parts:
            total = total + weight * (scores.mean(1) if name == MEAN else PARTS[name](worlds))
        return total
