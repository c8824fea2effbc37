"""Closed random curves that wind around each other, generated: a class is a curve (as in the two moons, in more dimensions)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams, lifted, product


@dataclass(frozen=True)
class Task(Family):
    """`inputs` numbers in, `classes` out."""

    centred = False
    inputs: int = 24  # I
    classes: int = 4  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the distance of samples from their curve
    dimensions: int = 3  # of the space that the curves lie in
    waves: int = 2  # Fourier terms of a curve
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)
        check_count("dimensions", self.dimensions, 2)
        check_count("waves", self.waves, 1)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        orders = np.arange(1, self.waves + 1)
        terms = streams("terms").standard_normal((self.classes, 2 * self.waves, self.dimensions))
        terms /= np.repeat(orders, 2)[:, None]
        angle = 2.0 * np.pi * streams("along").random(len(y))[:, None] * orders
        basis = np.stack([np.cos(angle), np.sin(angle)], 2).reshape(len(y), -1)  # [M, 2 F]
        member = y[:, None] == np.arange(self.classes)
        wide = (member[:, :, None] * basis[:, None]).reshape(len(y), -1)  # [M, C 2 F]
        z = product(wide, terms.reshape(-1, self.dimensions))
        z += 0.15 * self.difficulty * streams("noise").standard_normal(z.shape)
        return lifted(z, streams, self.inputs, 0.2)
