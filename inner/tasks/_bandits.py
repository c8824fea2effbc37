"""Lives on Bernoulli bandits: one arm is pulled a step, and pays 1 with a probability of its own that may change in time.

    reward_t ~ Bernoulli(p_kt),    p_k constant within each piece of `every` pulls

The only input is a constant 1, the output units are preferences: the arm is drawn by a softmax of them. The score of a
life is its mean reward per pull, from the first pull on: learning fast counts. All candidates of a generation meet the
same arms, and the same luck on each arm at each pull.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner.axes import fold
from inner.criteria import REWARD, Criterion
from inner.noise import Noise
from inner.random import stream
from inner.sources import CSource, Seen, Source, Told
from inner.tasks._common import check_draw
from inner.tasks._worlds import WorldTask
from inner.tasks.base import Label

LUCK = 2**17  # site of the draws of rewards
TEXT = (Path(__file__).parent / "_bandits.h").read_text(encoding="utf-8")


class Pulls(NamedTuple):
    """The arms of N networks, their luck, and what was earned so far."""

    pay: Tensor  # [N, Q, B, K] probability of a reward, in each of Q pieces
    luck: Noise
    total: Tensor  # float64 [N] rewards, mean over B
    pulled: Tensor  # [1] pulls so far


@dataclass(frozen=True, eq=False)
class Bandits(Source):
    """L lives of `steps` pulls each on B bandits side by side, whose pay changes every `every` pulls (0: never)."""

    pay: Tensor  # [L, Q, B, K]
    luck: Noise  # of L lives
    steps: int
    batch: int
    every: int = 0
    recordable: bool = True

    def begin(self, population: int) -> Pulls:
        """The arms of every network; nothing earned yet."""
        pay = fold(self.pay, population)
        total = torch.zeros(len(pay), dtype=torch.float64, device=pay.device)
        return Pulls(pay, Noise(self.luck.key, population), total, total.new_zeros(1))

    def observe(self, s: Pulls, t: int | Tensor) -> Seen:
        """A constant 1."""
        return Seen(torch.ones_like(s.pay[:, 0, :, :1]))

    def now(self, s: Pulls, t: int | Tensor) -> Tensor:
        """The pay [N, B, K] at step t."""
        if not self.every:
            return s.pay[:, 0]
        if isinstance(t, int):
            return s.pay[:, min(t // self.every, s.pay.shape[1] - 1)]
        return s.pay.index_select(1, t.reshape(1) // self.every)[:, 0]

    def respond(self, s: Pulls, t: int | Tensor, action: Tensor) -> tuple[Pulls, Told]:
        """The reward [N, B, 1] of the arm that was pulled, action one-hot [N, B, K]."""
        pay = self.now(s, t)
        paid = (s.luck.uniform(t, LUCK, tuple(pay.shape[1:])) < pay).to(action.dtype)
        reward = (paid * action).sum(-1, keepdim=True)
        total = s.total + reward.mean((1, 2)).to(torch.float64)
        return Pulls(s.pay, s.luck, total, s.pulled + 1), Told(action=action, reward=reward)

    def score(self, s: Pulls) -> Tensor:
        """Mean reward per pull so far: float64 [N]."""
        return s.total / s.pulled.clamp(min=1)

    def ceiling(self, steps: Sequence[int]) -> Tensor:
        """Mean pay per pull of always pulling the best arm: float64 [L, C] after so many pulls."""
        best = self.pay.amax(-1).mean(-1).to(torch.float64)  # [L, Q]
        piece = torch.arange(max(steps, default=0)) // (self.every or max(self.steps, 1))
        earned = best[:, piece.clamp(max=best.shape[1] - 1)].cumsum(1)
        earned = torch.cat([torch.zeros_like(best[:, :1]), earned], 1)
        return torch.stack([earned[:, step] / max(step, 1) for step in steps], 1)

    def c(self) -> CSource | None:
        """The same in C."""
        if self.batch != 1:
            return None
        numbers = (self.every, self.pay.shape[1])
        return CSource(TEXT, self.pay.shape[-1], 1, self.pay.flatten(1), numbers, self.luck, mean_reward)


def mean_reward(totals: Tensor, steps: Tensor) -> Tensor:
    """Mean reward per pull [N, R] of sums [N, R, 1]."""
    return totals[..., 0] / steps.clamp(min=1)


class BanditTask(WorldTask):
    """The shared part of all tasks of bandits; each says what its arms pay."""

    criterion: ClassVar[Criterion] = REWARD.named("mean reward", 1.0)
    compiled: ClassVar[bool] = True

    @property
    def inputs(self) -> int:
        return 1

    @property
    def chance(self) -> float:
        """Mean pay of an arm."""
        return 0.5

    @property
    def every(self) -> int:
        """Pulls between two changes of pay; 0: none in a life."""
        return 0

    @abstractmethod
    def pay(self, random: np.random.Generator, steps: int, batch: int) -> np.ndarray:
        """The pay of one life: float32 [Q, B, K]."""

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Draw one lifetime per label: an environment that answers. Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        drawn = [self.pay(stream(seed, "task", tier, *label), steps, batch) for label in labels]
        luck = Noise.of(seed, [("bandit", tier, *label) for label in labels])
        return Bandits(torch.from_numpy(np.stack(drawn)), luck, steps, batch, self.every)
