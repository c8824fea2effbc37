"""Counts of words, generated: a class is a topic, the share of every word in its texts; counts are Poisson.

A few words are frequent everywhere and most are rare, so that inputs are never negative, sparse, and of very different size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """A count per word in, `classes` topics out."""

    centred = False
    inputs: int = 64  # I, words
    classes: int = 5  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # 25 / difficulty words a text on average
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Counts [M, I] of texts on topics y [M]."""
        common = 1.0 / np.arange(1, self.inputs + 1) ** 0.7
        topics = streams("words").permutation(common) * np.exp(
            0.7 * streams("topics").standard_normal((self.classes, self.inputs))
        )
        topics /= topics.sum(1, keepdims=True)
        length = 25.0 / self.difficulty * streams("length").gamma(4.0, 0.25, len(y))
        counts: np.ndarray = streams("counts").poisson(length[:, None] * topics[y]).astype(float)
        return counts
