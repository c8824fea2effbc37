"""Bernoulli bandits: every life draws the pay of each arm anew and pulls one arm a step (Duan et al. 2016, section 3.1).

    p_k ~ U(0, 1) per arm and life;   reward 1 with probability p_k of the arm that was pulled, else 0

The only input is a constant 1, the output units are preferences: the arm is drawn by a softmax of them. The score of a
life is its mean reward per pull, from the first pull on: learning fast counts. All candidates of a generation meet the
same arms, and the same luck on each arm at each pull.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner.axes import fold
from inner.criteria import REWARD, Criterion
from inner.noise import Noise
from inner.random import stream
from inner.sources import Seen, Source, Told
from inner.tasks._common import check_count, check_draw, generated
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base

LUCK = 2**17  # site of the draws of rewards


class Pulls(NamedTuple):
    """The arms of N networks, their luck, and what was earned so far."""

    pay: Tensor  # [N, B, K] probability of a reward
    luck: Noise
    total: Tensor  # float64 [N] rewards, mean over B
    pulled: Tensor  # [1] pulls so far


@dataclass(frozen=True, eq=False)
class Bandits(Source):
    """L lives of `steps` pulls each on B bandits side by side."""

    pay: Tensor  # [L, B, K]
    luck: Noise  # of L lives
    steps: int
    batch: int
    recordable: bool = True

    def begin(self, population: int) -> Pulls:
        """The arms of every network; nothing earned yet."""
        pay = fold(self.pay, population)
        total = torch.zeros(len(pay), dtype=torch.float64, device=pay.device)
        return Pulls(pay, Noise(self.luck.key, population), total, total.new_zeros(1))

    def observe(self, s: Pulls, t: int | Tensor) -> Seen:
        """A constant 1."""
        return Seen(torch.ones_like(s.pay[..., :1]))

    def respond(self, s: Pulls, t: int | Tensor, action: Tensor) -> tuple[Pulls, Told]:
        """The reward [N, B, 1] of the arm that was pulled, action one-hot [N, B, K]."""
        paid = (s.luck.uniform(t, LUCK, tuple(s.pay.shape[1:])) < s.pay).to(action.dtype)
        reward = (paid * action).sum(-1, keepdim=True)
        total = s.total + reward.mean((1, 2)).to(torch.float64)
        return Pulls(s.pay, s.luck, total, s.pulled + 1), Told(action=action, reward=reward)

    def score(self, s: Pulls) -> Tensor:
        """Mean reward per pull so far: float64 [N]."""
        return s.total / s.pulled.clamp(min=1)


@dataclass(frozen=True)
class Task(Base):
    """`arms` arms whose pay is uniform and independent."""

    criterion: ClassVar[Criterion] = REWARD.named("mean reward", 1.0)
    environment: ClassVar[bool] = True
    arms: int = 5  # K

    def __post_init__(self) -> None:
        check_count("arms", self.arms, 2)

    @property
    def inputs(self) -> int:
        return 1

    @property
    def outputs(self) -> int:
        return self.arms

    @property
    def chance(self) -> float:
        """Mean pay of an arm."""
        return 0.5

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """There are no samples. Raises ValueError."""
        raise ValueError("task: 'bandit' is an environment, it has no samples to look at")

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Draw one lifetime per label: an environment that answers. Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        drawn = [stream(seed, "task", tier, *label).random((batch, self.arms), dtype=np.float32) for label in labels]
        luck = Noise.of(seed, [("bandit", tier, *label) for label in labels])
        return Bandits(torch.from_numpy(np.stack(drawn)), luck, steps, batch)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Nothing is tested: the source scores a life."""
        raise ValueError("task: 'bandit' is scored by what was earned, not by outputs")

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own arms."""
        return generated(tier)

