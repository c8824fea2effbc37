"""CartPole-v1: keep a pole upright on a cart that is pushed left or right (Barto, Sutton & Anderson 1983).

    tmp = (F + m_p l omega^2 sin) / M,  alpha = (g sin - cos tmp) / (l (4/3 - m_p cos^2 / M)),  a = tmp - m_p l alpha cos / M

explicit Euler of 0.02 s; g 9.8, m_p 0.1, M 1.1, l 0.5 (half the pole), F +-10. Over where |x| > 2.4 or the pole leans by
more than 12 degrees; 1 for every step, 500 at most: solved at 475. A random network of a thousand balances: it ranks nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.criteria import REWARD, Criterion
from inner.tasks._common import check_flag
from inner.tasks._control import ControlTask, Outcome, Physics, pushes

LEAN = 12 * 2 * math.pi / 360


@dataclass(frozen=True)
class CartPole(Physics):
    """x = (position, speed, angle, angular speed), which the network sees as it is."""

    limit: ClassVar[int] = 500
    inputs: ClassVar[int] = 4
    outputs: ClassVar[int] = 2
    header: ClassVar[str] = "_cart_pole.h"

    def start(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """U(-0.05, 0.05) of all four."""
        return random.uniform(-0.05, 0.05, (*shape, 4))

    def observe(self, x: Tensor) -> Tensor:
        """The state."""
        return x

    def step(self, x: Tensor, action: Tensor) -> Outcome:
        """Push by 10 N to the left or right."""
        place, speed, angle, spin = x.unbind(-1)
        cos, sin = torch.cos(angle), torch.sin(angle)
        tmp = (10.0 * pushes(action) + 0.05 * spin**2 * sin) / 1.1
        alpha = (9.8 * sin - cos * tmp) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
        gain = tmp - 0.05 * alpha * cos / 1.1
        after = torch.stack([place + 0.02 * speed, speed + 0.02 * gain, angle + 0.02 * spin, spin + 0.02 * alpha], -1)
        over = (after[..., 0].abs() > 2.4) | (after[..., 2].abs() > LEAN)
        return Outcome(after, torch.ones_like(place), over)


@dataclass(frozen=True)
class Task(ControlTask):
    """Two choices, four inputs. `together`: the episodes of one step begin together, and wait for the longest."""

    together: bool = False
    criterion: ClassVar[Criterion] = REWARD.named("return per episode", 500.0)
    compiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_flag("together", self.together)

    @property
    def physics(self) -> Physics:
        return CartPole()

    @property
    def chance(self) -> float:
        """Mean length of an episode of random pushes."""
        return 22.0

    @property
    def worst(self) -> float:
        return 0.0
