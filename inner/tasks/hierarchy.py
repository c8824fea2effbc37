"""A tree of mixtures, generated: clusters lie around parents, which lie around theirs; classes are branches near the top.

Some classes are cousins that little tells apart, others are far from each other, and every class has clusters within.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count, check_number
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """`inputs` numbers in, `classes` out."""

    inputs: int = 32  # I
    classes: int = 6  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the spread around leaves
    levels: int = 2  # of clusters within a class, each with two for one
    ratio: float = 0.75  # distance from a parent over that of the parent from its own
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check(2**12)
        check_count("inputs", self.inputs, 2)
        check_count("levels", self.levels, 0, 8)
        check_number("ratio", self.ratio)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        depth = math.ceil(math.log2(self.classes)) + self.levels
        within = (streams("modes").random(len(y)) * 2**self.levels).astype(np.int64)
        leaf = y * 2**self.levels + within
        x = 2.0 * self.difficulty * streams("noise").standard_normal((len(y), self.inputs))
        for level in range(1, depth + 1):
            nodes = streams(f"level {level}").standard_normal((2**level, self.inputs))
            x += self.ratio ** (level - 1) * nodes[leaf >> (depth - level)]
        return x
