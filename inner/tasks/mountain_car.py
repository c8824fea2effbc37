"""MountainCar-v0: a car too weak for its hill must back up the other one first (Moore 1990; gymnasium's equations).

    v <- clip(v + 0.001 push - 0.0025 cos(3 x), -0.07, 0.07),   x <- clip(x + v, -1.2, 0.6),  v = 0 at the left wall

-1 for every step until x >= 0.5, 200 at most: reward says nothing before the first success.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.criteria import REWARD, Criterion
from inner.tasks._control import ControlTask, Outcome, Physics, pushes


@dataclass(frozen=True)
class MountainCar(Physics):
    """x = (place, speed), which the network sees as it is."""

    limit: ClassVar[int] = 200
    inputs: ClassVar[int] = 2
    outputs: ClassVar[int] = 3

    def start(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """At rest in the valley, U(-0.6, -0.4)."""
        found: np.ndarray = random.uniform(-0.6, -0.4, (*shape, 2)) * np.array([1.0, 0.0])
        return found

    def observe(self, x: Tensor) -> Tensor:
        """The state."""
        return x

    def step(self, x: Tensor, action: Tensor) -> Outcome:
        """Push left, not at all, or right."""
        place, speed = x.unbind(-1)
        speed = (speed + 0.001 * pushes(action) - 0.0025 * torch.cos(3.0 * place)).clamp(-0.07, 0.07)
        place = (place + speed).clamp(-1.2, 0.6)
        speed = torch.where((place <= -1.2) & (speed < 0), torch.zeros_like(speed), speed)
        return Outcome(torch.stack([place, speed], -1), -torch.ones_like(place), (place >= 0.5) & (speed >= 0))


@dataclass(frozen=True)
class Task(ControlTask):
    """Three choices, two inputs."""

    criterion: ClassVar[Criterion] = REWARD.named("return per episode", 0.0)

    @property
    def physics(self) -> Physics:
        return MountainCar()

    @property
    def chance(self) -> float:
        """No random walk leaves the valley in time."""
        return -200.0

    @property
    def worst(self) -> float:
        return -200.0
