"""The number of positive ones among a few latent numbers, modulo the number of classes, generated.

The latent numbers are spread evenly from -1 to 1, but for a gap around 0, and are seen through a random linear map with
noise. It is the parity of `bits` numbers where there are two classes.
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
    classes: int = 2  # C, at most bits + 1
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # of the gap, 0.1 / difficulty to either side of 0
    bits: int = 3  # latent numbers
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_count("bits", self.bits, 2, 12)
        self.check(self.bits + 1)
        check_count("inputs", self.inputs, 2)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        patterns = np.arange(2**self.bits)[:, None] >> np.arange(self.bits) & 1  # [2^q, q]
        owner = patterns.sum(1) % self.classes
        members = np.argsort(owner, kind="stable")  # patterns by class
        sizes = np.bincount(owner, minlength=self.classes)
        first = np.cumsum(sizes) - sizes
        which = members[first[y] + (streams("modes").random(len(y)) * sizes[y]).astype(np.int64)]
        gap = min(0.9, 0.1 / self.difficulty)
        z = (2.0 * patterns[which] - 1.0) * streams("sizes").uniform(gap, 1.0, (len(y), self.bits))
        return lifted(1.5 * z, streams, self.inputs, 0.15, 0.7)
