"""Smooth random pictures that are shifted about, generated: a class is a few Gaussian random fields on a torus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count, check_number
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """size*size pixels in, `classes` out."""

    size: int = 8  # pixels on a side
    classes: int = 6  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the noise of every pixel
    modes: int = 2  # pictures of a class
    shift: int = 1  # pixels that a sample is shifted by at most, either way
    smoothness: float = 1.5  # amplitudes fall as this power of the frequency
    scale: float = 1.0  # root mean square of the pixels
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("size", self.size, 2)
        check_count("modes", self.modes, 1)
        check_count("shift", self.shift, 0, self.size)
        check_number("smoothness", self.smoothness)

    @property
    def inputs(self) -> int:
        return self.size**2

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Pixels [M, size*size] of samples of classes y [M]."""
        pictures = fields(streams("pictures"), self.classes * self.modes, self.size, self.smoothness)
        which = y * self.modes + (streams("modes").random(len(y)) * self.modes).astype(np.int64)
        moved = streams("shift").integers(-self.shift, self.shift + 1, (len(y), 2))
        axis = np.arange(self.size)
        rows, columns = ((axis + moved[:, [k]]) % self.size for k in (0, 1))
        x = pictures[which[:, None, None], rows[:, :, None], columns[:, None, :]].reshape(len(y), -1)
        pixels: np.ndarray = x + 0.8 * self.difficulty * streams("noise").standard_normal(x.shape)
        return pixels


def fields(random: np.random.Generator, count: int, size: int, smoothness: float) -> np.ndarray:
    """Gaussian random fields [count, size, size] of mean 0 and variance 1 each, whose amplitudes fall with frequency."""
    frequency = np.fft.fftfreq(size) * size
    radius = np.hypot(frequency[:, None], frequency)
    amplitude = np.where(radius > 0, np.maximum(radius, 1.0) ** -smoothness, 0.0)
    found = np.fft.ifft2(np.fft.fft2(random.standard_normal((count, size, size))) * amplitude).real
    scaled: np.ndarray = found / np.sqrt(np.square(found).mean((1, 2), keepdims=True))
    return scaled
