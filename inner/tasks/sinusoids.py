"""Noisy oscillations, generated: a class is a frequency; amplitude, phase and drift differ from sample to sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inner.tasks._common import check_count
from inner.tasks._families import Family, Streams


@dataclass(frozen=True)
class Task(Family):
    """`inputs` points in time in, `classes` out."""

    inputs: int = 32  # I
    classes: int = 4  # C
    patterns: int = 5000  # training samples of a life
    difficulty: float = 1.0  # factor on the noise, and of the range of phases: 1 is half a round
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        self.check()
        check_count("inputs", self.inputs, 4)

    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray:
        """Series [M, I] of samples of classes y [M]."""
        world = streams("frequencies")
        cycles = 1.0 + np.sort(world.random(self.classes)) * (self.inputs / 6.0)
        middle = 2.0 * np.pi * world.random(self.classes)
        time = np.arange(self.inputs) / self.inputs
        phase = middle[y] + np.pi * self.difficulty * (streams("phases").random(len(y)) - 0.5)
        size = np.exp(0.3 * streams("sizes").standard_normal(len(y)))
        drift = streams("drift").standard_normal(len(y))[:, None] * (time - 0.5)
        waves = size[:, None] * np.sin(2.0 * np.pi * cycles[y][:, None] * time + phase[:, None])
        series: np.ndarray = waves + drift + 0.5 * self.difficulty * streams("noise").standard_normal(waves.shape)
        return series
