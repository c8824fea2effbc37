"""Random deep tanh networks as teachers, generated: a class is the teacher's largest output.

Inputs are Gaussian with a falling spectrum. `difficulty` is the gain of the teacher's hidden layers: at a small one it is
almost linear, at a large one its outputs turn over many times across the input space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count, check_number
from inner.tasks._families import Family, Streams, balancing, gaussian, product, rotated, spectrum

MEASURED = 1024  # samples on which classes are made equally frequent


@dataclass(frozen=True)
class Task(Family):
    """`inputs` numbers in, `classes` out."""

    inputs: int = 32  # I
    classes: int = 4  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # gain of the teacher's hidden layers
    depth: int = 2  # hidden layers of the teacher
    width: int = 32  # units of each
    decay: float = 1.5  # exponent of the inputs' spectrum
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)
        check_count("depth", self.depth, 1)
        check_count("width", self.width, 2)
        check_number("decay", self.decay)

    def draw(self, streams: Streams, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs [M, I], and the classes that the teacher gives them [M]."""
        weights, below = [], self.inputs
        for layer in range(self.depth):
            weights.append(gaussian(streams(f"layer {layer}"), below, self.width))
            below = self.width
        last = gaussian(streams("last"), below, self.classes)
        deviations = spectrum(self.inputs, self.decay)

        def logits(x: np.ndarray) -> np.ndarray:
            signal, gain = x, 1.5 * self.difficulty
            for w in weights:
                signal = np.tanh(gain * product(signal, w))
            return product(signal, last)

        measured = streams("measured").standard_normal((MEASURED, self.inputs)) * deviations
        added = balancing(logits(measured))
        x = streams("inputs").standard_normal((len(y), self.inputs)) * deviations
        return rotated(x, streams("rotation"), 2 + math.ceil(math.log2(self.inputs))), (logits(x) + added).argmax(1)
