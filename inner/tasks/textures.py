"""Gratings, generated: a class is an orientation and a frequency; where its stripes lie differs from sample to sample.

Pixels are in 0..1 before noise and keep their mean, as raw pictures do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """size*size pixels in, `classes` out."""

    centred = False
    size: int = 8  # pixels on a side
    classes: int = 5  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # of the range of phases: 1 is half a round
    scale: float = 1.0  # root mean square of the pixels
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("size", self.size, 2)

    @property
    def inputs(self) -> int:
        return self.size**2

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Pixels [M, size*size] of samples of classes y [M]."""
        direction, middle = (streams("classes of gratings").random((2, self.classes)) * [[1.0], [2.0]]) * np.pi
        cycles = streams("cycles").uniform(0.6, 0.3 * self.size, self.classes)
        rows, columns = (each.ravel() / self.size for each in np.indices((self.size, self.size)))
        across = np.cos(direction)[:, None] * rows + np.sin(direction)[:, None] * columns  # [C, I]
        phase = middle[y] + self.difficulty * np.pi * (streams("phases").random(len(y)) - 0.5)
        contrast = streams("contrast").uniform(0.3, 1.0, len(y))
        waves = np.cos(2.0 * np.pi * (cycles[:, None] * across)[y] + phase[:, None])
        pixels: np.ndarray = (
            0.5 + 0.5 * contrast[:, None] * waves + 0.25 * streams("noise").standard_normal(waves.shape)
        )
        return pixels
