"""Yin, yang or dot: a small task that needs a hidden layer (Kriener, Goeltz & Petrovici 2021, arXiv:2102.08211).

Points (a, b) of a disc of radius 1/2 around (1/2, 1/2) belong to yin, to yang or to one of two dots. The four inputs
are a, b, 1-a, 1-b as in the paper (not standardised: all are in 0..1, and together they carry a constant), times
`scale`. All three classes are drawn equally often.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.random import stream
from inner.tasks._common import (
    accuracy,
    check_count,
    check_draw,
    check_flag,
    check_number,
    epochs,
    generated,
    one_hot,
    stack,
)
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base

BIG, SMALL = 0.5, 0.1  # radius of the disc and of the dots


def which_class(points: np.ndarray) -> np.ndarray:
    """Class of points [S, 2]: 0 yin, 1 yang, 2 dot, -1 outside of the disc."""
    a, b = points.T
    right = np.hypot(a - 1.5 * BIG, b - BIG)
    left = np.hypot(a - 0.5 * BIG, b - BIG)
    upper = (b > BIG) & (right > 0.5 * BIG)
    yang = (right <= SMALL) | ((left > SMALL) & (left <= 0.5 * BIG)) | upper
    dot = (right < SMALL) | (left < SMALL)
    outside = np.hypot(a - BIG, b - BIG) > BIG
    return np.where(outside, -1, np.where(dot, 2, yang.astype(np.int64)))


def draw_points(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [count, 2] and their classes [count]: the class is drawn first, then a point of it by rejection."""
    y = random.integers(3, size=count)
    points = np.empty((count, 2))
    for label in range(3):
        places = np.flatnonzero(y == label)
        while len(places):
            tried = random.random((16 * len(places), 2)) * 2.0 * BIG  # a dot is 6 % of the square
            found = tried[which_class(tried) == label][: len(places)]
            points[places[: len(found)]] = found
            places = places[len(found) :]
    return points, y


@dataclass(frozen=True)
class Task(Base):
    """4 coordinates in, 3 classes out."""

    criterion: ClassVar[Criterion] = CLASSES
    permute: bool = True  # inputs and labels permuted anew for every life
    patterns: int = 5000  # training samples of a life
    scale: float = 1.0  # factor on the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_flag("permute", self.permute)
        check_count("patterns", self.patterns, 1)
        check_number("scale", self.scale)
        check_count("test", self.test, 1)

    @property
    def inputs(self) -> int:
        return 4

    @property
    def outputs(self) -> int:
        return 3

    @property
    def chance(self) -> float:
        return 1.0 / 3.0

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label (S = min(patterns, T*B)). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            points, y = draw_points(random, self.test + self.patterns)
            x = (np.concatenate([points, 1.0 - points], axis=1) * self.scale).astype(np.float32)
            if self.permute:
                x = np.take(x, random.permutation(4), axis=1)
                y = random.permutation(3)[y]
            target = one_hot(y, 3)
            shown = slice(self.test, self.test + max(1, steps * batch))
            order = epochs(random, self.patterns, steps, batch)
            rows.append((x[shown], target[shown], order, x[: self.test], target[: self.test]))
        return stack(rows)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, O], [N, V, O] -> [N] float64."""
        return accuracy(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own samples."""
        return generated(tier)
