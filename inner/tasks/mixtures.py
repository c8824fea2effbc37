"""Mixtures of clusters with spectra and tails of their own, generated: what tabular data often look like.

A class is `modes` clusters. Centres and the spread around them have variances that fall as a power of their rank, along
different directions, and the spread is Student's t: a sample far out is far out in all directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count, check_number
from inner.tasks._families import Family, Streams, rotated, spectrum


@dataclass(frozen=True)
class Task(Family):
    """`inputs` numbers in, `classes` out."""

    inputs: int = 32  # I
    classes: int = 5  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the spread around centres
    modes: int = 2  # clusters of a class
    decay: float = 1.0  # exponent of the spectra
    tail: float = 4.0  # degrees of freedom of the spread; large: Gaussian
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 2)
        check_count("modes", self.modes, 1)
        check_number("decay", self.decay)
        check_number("tail", self.tail)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Inputs [M, I] of samples of classes y [M]."""
        deviations = spectrum(self.inputs, self.decay)
        centres = streams("centres").standard_normal((self.classes * self.modes, self.inputs)) * deviations
        spread = streams("spread").permutation(deviations)
        mode = (streams("modes").random(len(y)) * self.modes).astype(np.int64)
        heavy = np.sqrt(self.tail / streams("tail").chisquare(self.tail, len(y)))[:, None]
        away = streams("noise").standard_normal((len(y), self.inputs)) * spread * np.minimum(heavy, 10.0)
        return rotated(centres[y * self.modes + mode] + 1.3 * self.difficulty * away, streams("rotation"))
