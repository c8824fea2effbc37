"""Random polynomials of latent numbers as teachers, generated: a class is the largest of `classes` quadratic forms.

`difficulty` is the share of the quadratic part against the linear one. The latent numbers are seen through a random
linear map with noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams, balancing, gaussian, lifted, product

MEASURED = 1024  # samples on which classes are made equally frequent


@dataclass(frozen=True)
class Task(Family):
    """`inputs` numbers in, `classes` out."""

    centred = False
    inputs: int = 24  # I
    classes: int = 3  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # of the quadratic part, in units of the linear one
    dimensions: int = 3  # latent numbers
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)
        check_count("dimensions", self.dimensions, 1)

    def draw(self, streams: Streams, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs [M, I], and the classes that the polynomials give them [M]."""
        linear = gaussian(streams("linear"), self.dimensions, self.classes)
        pairs = self.dimensions**2
        quadratic = gaussian(streams("quadratic"), pairs, self.classes)

        def logits(z: np.ndarray) -> np.ndarray:
            squares = (z[:, :, None] * z[:, None]).reshape(len(z), pairs)
            return product(z, linear) + self.difficulty * product(squares, quadratic)

        added = balancing(logits(streams("measured").standard_normal((MEASURED, self.dimensions))))
        z = streams("inputs").standard_normal((len(y), self.dimensions))
        return lifted(z, streams, self.inputs, 0.1), (logits(z) + added).argmax(1)
