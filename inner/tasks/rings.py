"""Concentric shells in a few dimensions, seen through a random linear map with noise, generated: a class is a distance.

No class has a mean of its own, so that nothing linear tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams, lifted


@dataclass(frozen=True)
class Task(Family):
    """`inputs` numbers in, `classes` out."""

    centred = False
    inputs: int = 16  # I
    classes: int = 3  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the spread of distances
    dimensions: int = 2  # of the space that the shells lie in
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)
        check_count("dimensions", self.dimensions, 1)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        direction = streams("direction").standard_normal((len(y), self.dimensions))
        direction /= np.sqrt(np.square(direction).sum(1, keepdims=True))
        distance = (y + 0.25) / (self.classes - 0.75)
        distance = distance + 0.08 * self.difficulty * streams("distance").standard_normal(len(y))
        return lifted(3.0 * distance[:, None] * direction, streams, self.inputs, 0.1, 0.7)
