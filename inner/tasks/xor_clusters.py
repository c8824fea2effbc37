"""Clusters at the corners of a cube whose classes are drawn at random, generated: exclusive or, and what is like it.

The cube is seen through a random linear map with noise; every class has the same number of corners, as far as that goes.
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
    inputs: int = 24  # I
    classes: int = 3  # C, at most 2^bits
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the spread around corners
    bits: int = 3  # dimensions of the cube
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_count("bits", self.bits, 1, 12)
        self.check(2**self.bits)
        check_count("inputs", self.inputs, 2)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        corners = streams("corners").permutation(2**self.bits)  # corner j belongs to class j mod C
        own = (len(corners) - 1 - y) // self.classes + 1  # corners of the class of a sample
        which = corners[y + self.classes * (streams("modes").random(len(y)) * own).astype(np.int64)]
        z = 2.0 * (which[:, None] >> np.arange(self.bits) & 1) - 1.0
        z += 0.6 * self.difficulty * streams("noise").standard_normal(z.shape)
        return lifted(z, streams, self.inputs, 0.2)
