"""Pendulum-v1: swing a pendulum up with a torque that is too weak to lift it, and hold it (gymnasium's equations).

    omega <- clip(omega + (3 g / (2 l) sin theta + 3 u / (m l^2)) dt, -8, 8),   theta <- theta + omega dt
    reward = -(theta^2 + 0.1 omega^2 + 0.001 u^2),  theta within [-pi, pi], before the step

g 10, m = l = 1, dt 0.05, u = 2 tanh(output), 200 steps; 0 is upright. Doing anything earns about -1,200, good is -150.
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
class Pendulum(Physics):
    """x = (angle from upright, angular speed); the network sees cosine, sine and speed."""

    limit: ClassVar[int] = 200
    inputs: ClassVar[int] = 3
    outputs: ClassVar[int] = 1

    def start(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Anywhere, with a speed of U(-1, 1)."""
        found: np.ndarray = random.uniform(-1.0, 1.0, (*shape, 2)) * np.array([math.pi, 1.0])
        return found

    def observe(self, x: Tensor) -> Tensor:
        """Cosine, sine, speed."""
        return torch.stack([torch.cos(x[..., 0]), torch.sin(x[..., 0]), x[..., 1]], -1)

    def step(self, x: Tensor, action: Tensor) -> Outcome:
        """A torque of 2 tanh(output)."""
        angle, spin = x.unbind(-1)
        torque = 2.0 * torch.tanh(action[..., 0])
        turned = torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
        reward = -(turned**2 + 0.1 * spin**2 + 0.001 * torque**2)
        after = (spin + (15.0 * torch.sin(angle) + 3.0 * torque) * 0.05).clamp(-8.0, 8.0)
        return Outcome(torch.stack([angle + after * 0.05, after], -1), reward, torch.zeros_like(angle, dtype=torch.bool))


@dataclass(frozen=True)
class Task(ControlTask):
    """One torque, three inputs."""

    criterion: ClassVar[Criterion] = CONTROL.named("return per episode", 0.0)

    @property
    def physics(self) -> Physics:
        return Pendulum()

    @property
    def chance(self) -> float:
        """Of any constant torque, about."""
        return -1200.0

    @property
    def worst(self) -> float:
        return -3300.0
