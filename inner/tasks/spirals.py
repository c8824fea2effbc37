"""Arms of a spiral in a plane, seen through a random linear map with noise, generated.

The arms are `classes` many and turn by three quarters of a round, times `difficulty`. The plane does not go through the origin of the
inputs, so that networks without biases can tell an arm from its opposite.
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
    difficulty: float = 1.0  # arms turn by 0.75 * difficulty rounds
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        along = np.sqrt(streams("along").uniform(0.04, 1.0, len(y)))
        begin, sense = streams("begin").random(2)
        turn = 1.5 * np.pi * self.difficulty * along * (1.0 if sense < 0.5 else -1.0)
        angle = 2.0 * np.pi * (begin + y / self.classes) + turn
        z = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        z += 0.05 * streams("noise").standard_normal(z.shape)
        return lifted(2.0 * z, streams, self.inputs, 0.2, 0.7)
