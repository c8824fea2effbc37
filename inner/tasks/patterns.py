"""Random patterns of -1 and 1 with flipped entries, generated: a class is a few patterns, as an associative memory keeps them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """`inputs` signs in, `classes` out."""

    inputs: int = 32  # I
    classes: int = 5  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # an entry is flipped with probability 0.22 * difficulty
    modes: int = 2  # patterns of a class
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)
        check_count("modes", self.modes, 1)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Signs [M, I] of samples of classes y [M]."""
        signs = 2.0 * streams("patterns").integers(0, 2, (self.classes * self.modes, self.inputs)) - 1.0
        mode = (streams("modes").random(len(y)) * self.modes).astype(np.int64)
        flipped = streams("flips").random((len(y), self.inputs)) < 0.22 * self.difficulty
        x: np.ndarray = signs[y * self.modes + mode]
        return np.where(flipped, -x, x)
