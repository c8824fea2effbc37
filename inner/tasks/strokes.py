"""Drawings of a few strokes, generated: a class is a drawing, whose ends move a little from sample to sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """size*size pixels in, `classes` out."""

    size: int = 8  # pixels on a side
    classes: int = 8  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on how far the ends of strokes move
    strokes: int = 3  # of a drawing
    scale: float = 1.0  # root mean square of the pixels
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("size", self.size, 2)
        check_count("strokes", self.strokes, 1)

    @property
    def inputs(self) -> int:
        return self.size**2

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Pixels [M, size*size] of samples of classes y [M]."""
        drawings = streams("drawings").uniform(0.05, 0.95, (self.classes, self.strokes, 2, 2))
        own = streams("own").standard_normal((len(y), self.strokes, 2, 2)) * 0.5
        whole = streams("whole").standard_normal((len(y), 1, 1, 2))
        ends = drawings[y] + 0.12 * self.difficulty * (own + whole)  # [M, K, 2 ends, 2]
        marks = (np.arange(self.size) + 0.5) / self.size
        place = np.meshgrid(marks, marks, indexing="ij")  # rows and columns of pixels
        dx, dy = (
            place[k].ravel() - ends[:, :, 0, k, None] for k in (0, 1)
        )  # [M, K, I], from the beginning of a stroke
        ax, ay = (ends[:, :, 1, k, None] - ends[:, :, 0, k, None] for k in (0, 1))  # [M, K, 1], along it
        share = np.clip((dx * ax + dy * ay) / np.maximum(ax * ax + ay * ay, 1e-9), 0.0, 1.0)
        distance = (np.square(dx - share * ax) + np.square(dy - share * ay)).min(1)  # [M, I], squared, to the nearest
        ink: np.ndarray = np.exp(-distance / (2.0 * 0.07**2))
        ink += 0.15 * streams("noise").standard_normal(ink.shape)
        return ink
