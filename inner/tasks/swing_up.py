"""Cart-pole swing-up: the pole hangs and must be swung up and held there by a force on the cart (Ha's estool, after Gal 2016).

    a = (-2 m l w^2 sin + 3 m g sin cos + 4 F - 4 b v) / (4 M - 3 m cos^2)
    alpha = (-3 m l w^2 sin cos + 6 M g sin + 6 (F - b v) cos) / (4 l M - 3 m l cos^2)

m 0.5, M 1, l 0.6, g 9.82, b 0.1, F = 10 tanh(output); Euler of 0.01 s; over where |x| > 2.4; 1,000 steps. The reward of a step
is (cos angle + 1) / 2 cos(pi x / 4.8): upright in the middle is 1. The hard one among the tasks of control here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.criteria import CONTROL, Criterion
from inner.tasks._control import ControlTask, Outcome, Physics


@dataclass(frozen=True)
class SwingUp(Physics):
    """x = (position, speed, angle from upright, angular speed); the network sees the angle's cosine and sine."""

    limit: ClassVar[int] = 1000
    inputs: ClassVar[int] = 5
    outputs: ClassVar[int] = 1
    header: ClassVar[str] = "_swing_up.h"

    def start(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Hanging at rest in the middle, with N(0, 0.2^2) on each."""
        return np.array([0.0, 0.0, math.pi, 0.0]) + 0.2 * random.standard_normal((*shape, 4))

    def observe(self, x: Tensor) -> Tensor:
        """Position, speed, cosine, sine, angular speed."""
        place, speed, angle, spin = x.unbind(-1)
        return torch.stack([place, speed, torch.cos(angle), torch.sin(angle), spin], -1)

    def step(self, x: Tensor, action: Tensor) -> Outcome:
        """Push by 10 tanh(output)."""
        place, speed, angle, spin = x.unbind(-1)
        cos, sin, force = torch.cos(angle), torch.sin(angle), 10.0 * torch.tanh(action[..., 0])
        turn = 0.3 * spin**2 * sin
        gain = (-2.0 * turn + 14.73 * sin * cos + 4.0 * force - 0.4 * speed) / (4.0 - 1.5 * cos**2)
        alpha = (-3.0 * turn * cos + 58.92 * sin + 6.0 * (force - 0.1 * speed) * cos) / (2.4 - 0.9 * cos**2)
        moved = [place + 0.01 * speed, speed + 0.01 * gain, angle + 0.01 * spin, spin + 0.01 * alpha]
        after = torch.stack(moved, -1)
        reward = (torch.cos(after[..., 2]) + 1.0) / 2.0 * torch.cos(after[..., 0] * (math.pi / 4.8))
        return Outcome(after, reward, after[..., 0].abs() > 2.4)


@dataclass(frozen=True)
class Task(ControlTask):
    """One force, five inputs."""

    criterion: ClassVar[Criterion] = CONTROL.named("return per episode", 1000.0)
    compiled: ClassVar[bool] = True

    @property
    def physics(self) -> Physics:
        return SwingUp()

    @property
    def chance(self) -> float:
        """Of a network that does nothing."""
        return 10.0

    @property
    def worst(self) -> float:
        return 0.0
