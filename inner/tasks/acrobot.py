"""Acrobot-v1: two links, a torque at the joint between them alone; swing the tip above the bar (Sutton 1996; gymnasium's equations).

    d1 = m lc^2 + m (l^2 + lc^2 + 2 l lc cos b) + 2 I,   d2 = m (lc^2 + l lc cos b) + I
    b'' = (u + d2 phi1 / d1 - m l lc a'^2 sin b - phi2) / (m lc^2 + I - d2^2 / d1),   a'' = -(d2 b'' + phi1) / d1

m = l = I = 1, lc 0.5, g 9.8, u in {-1, 0, 1}; one Runge-Kutta step of 0.2 s. -1 for every step until -cos a - cos(a + b) > 1, 500
at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.criteria import REWARD, Criterion
from inner.tasks._control import ControlTask, Outcome, Physics, pushes


def moved(x: Tensor, torque: Tensor) -> Tensor:
    """The time derivative of x = (a, b, a', b')."""
    a, b, da, db = x.unbind(-1)
    cos, sin = torch.cos(b), torch.sin(b)
    d1 = 0.25 + (1.25 + cos) + 2.0
    d2 = 0.25 + 0.5 * cos + 1.0
    phi2 = 4.9 * torch.cos(a + b - math.pi / 2)
    phi1 = -0.5 * db**2 * sin - db * da * sin + 14.7 * torch.cos(a - math.pi / 2) + phi2
    ddb = (torque + d2 / d1 * phi1 - 0.5 * da**2 * sin - phi2) / (1.25 - d2**2 / d1)
    return torch.stack([da, db, -(d2 * ddb + phi1) / d1, ddb], -1)


@dataclass(frozen=True)
class Acrobot(Physics):
    """x = (angle of the first link from hanging, of the second from the first, their speeds)."""

    limit: ClassVar[int] = 500
    inputs: ClassVar[int] = 6
    outputs: ClassVar[int] = 3

    def start(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Hanging, U(-0.1, 0.1) of all four."""
        return random.uniform(-0.1, 0.1, (*shape, 4))

    def observe(self, x: Tensor) -> Tensor:
        """Cosine and sine of both angles, both speeds."""
        a, b, da, db = x.unbind(-1)
        return torch.stack([torch.cos(a), torch.sin(a), torch.cos(b), torch.sin(b), da, db], -1)

    def step(self, x: Tensor, action: Tensor) -> Outcome:
        """A torque of -1, 0 or 1."""
        torque = pushes(action)
        k1 = moved(x, torque)
        k2 = moved(x + 0.1 * k1, torque)
        k3 = moved(x + 0.1 * k2, torque)
        k4 = moved(x + 0.2 * k3, torque)
        after = x + 0.2 / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        angles = torch.remainder(after[..., :2] + math.pi, 2 * math.pi) - math.pi
        bound = torch.tensor([4 * math.pi, 9 * math.pi], dtype=x.dtype, device=x.device)
        after = torch.cat([angles, torch.minimum(torch.maximum(after[..., 2:], -bound), bound)], -1)
        over = -torch.cos(after[..., 0]) - torch.cos(after[..., 0] + after[..., 1]) > 1.0
        return Outcome(after, over.to(x.dtype) - 1.0, over)


@dataclass(frozen=True)
class Task(ControlTask):
    """Three choices, six inputs."""

    criterion: ClassVar[Criterion] = REWARD.named("return per episode", 0.0)

    @property
    def physics(self) -> Physics:
        return Acrobot()

    @property
    def chance(self) -> float:
        """Random torques hardly ever get there."""
        return -500.0

    @property
    def worst(self) -> float:
        return -500.0
