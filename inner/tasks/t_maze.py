"""T-mazes with one rewarded end, which moves: walk a corridor, turn at each junction, remember where it paid (Soltoggio et al. 2008).

    corridor of `corridor` steps, then a junction (turns 1: T-maze) or two (turns 2: double T-maze, four ends)
    reward 1 at the rewarded end, `low` at the others, `crash` for turning in the corridor or walking on at a junction

After every end or crash the next trial begins at the start. The rewarded end is drawn anew every `switch` trials, another one each
time. Actions: left, on, right. Inputs: corridor, first junction, second junction, and the reward of the step before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner.axes import fold
from inner.criteria import REWARD, Criterion
from inner.random import stream
from inner.sources import Seen, Source, Told
from inner.tasks._common import check_count, check_draw
from inner.tasks._worlds import WorldTask
from inner.tasks.base import Label


class Walk(NamedTuple):
    """Where N networks are in their mazes, and what they have earned."""

    place: Tensor  # int64 [N, B] steps and turns since the start
    turned: Tensor  # int64 [N, B] turns so far, as a number of base 2: right is 1
    trial: Tensor  # int64 [N, B]
    ends: Tensor  # int64 [N, R, B] the rewarded end of each period
    before: Tensor  # [N, B] reward of the step before
    total: Tensor  # float64 [N] mean over B
    gone: Tensor  # [1] steps so far


@dataclass(frozen=True, eq=False)
class Mazes(Source):
    """L lives in B mazes each."""

    ends: Tensor  # int64 [L, R, B]
    corridor: int
    turns: int
    switch: int
    low: float
    crash: float
    steps: int
    batch: int
    recordable: bool = True

    def begin(self, population: int) -> Walk:
        """All at the start."""
        ends = fold(self.ends, population)
        place = torch.zeros_like(ends[:, 0])
        before = torch.zeros(place.shape, device=place.device)
        total = before.new_zeros(len(place), dtype=torch.float64)
        return Walk(place, place.clone(), place.clone(), ends, before, total, total.new_zeros(1))

    def observe(self, s: Walk, t: int | Tensor) -> Seen:
        """The observation from there, and True where a trial begins."""
        junction = [s.place == self.corridor + k for k in range(2)]
        seen = torch.stack([s.place < self.corridor, *junction], -1).to(s.before.dtype)
        return Seen(torch.cat([seen, s.before[..., None]], -1), s.place == 0)

    def respond(self, s: Walk, t: int | Tensor, action: Tensor) -> tuple[Walk, Told]:
        """Action one-hot [N, B, 3]: left, on, right."""
        on, right = action[..., 1] > 0.5, (action[..., 2] > 0.5).to(torch.int64)
        walking = s.place < self.corridor
        crashed = walking != on
        turned = torch.where(walking, s.turned, 2 * s.turned + right)
        arrived = ~crashed & (s.place == self.corridor + self.turns - 1)
        period = (s.trial // self.switch % s.ends.shape[1])[:, None]
        wanted = s.ends.gather(1, period)[:, 0]
        pays = torch.where(turned == wanted, torch.ones_like(s.before), torch.full_like(s.before, self.low))
        reward = torch.where(arrived, pays, torch.zeros_like(s.before))
        reward = torch.where(crashed, torch.full_like(reward, self.crash), reward)
        over = arrived | crashed
        none = torch.zeros_like(s.place)
        total = s.total + reward.mean(1).to(torch.float64)
        after = Walk(
            torch.where(over, none, s.place + 1), torch.where(over, none, turned), s.trial + arrived.to(torch.int64),
            s.ends, reward, total, s.gone + 1,
        )  # fmt: skip
        return after, Told(action=action, reward=reward[..., None], ends=over)

    def score(self, s: Walk) -> Tensor:
        """Mean reward per trial's shortest length, so that 1 is a rewarded end each time: float64 [N]."""
        return s.total * (self.corridor + self.turns) / s.gone.clamp(min=1)


@dataclass(frozen=True)
class Task(WorldTask):
    """A T-maze, or with `turns` 2 a double one."""

    criterion: ClassVar[Criterion] = REWARD.named("reward per trial", 1.0)
    corridor: int = 2
    turns: int = 1
    switch: int = 10  # finished trials from one rewarded end to the next
    low: float = 0.2
    crash: float = -0.4

    def __post_init__(self) -> None:
        check_count("corridor", self.corridor, 1)
        check_count("turns", self.turns, 1, 2)
        check_count("switch", self.switch, 1)

    @property
    def inputs(self) -> int:
        return 4

    @property
    def outputs(self) -> int:
        return 3

    @property
    def chance(self) -> float:
        """Of walking to one end for ever: the rewarded one as often as any other."""
        ends = 1 << self.turns
        return (1 + (ends - 1) * self.low) / ends

    @property
    def worst(self) -> float:
        return float(min(0.0, self.crash * (self.corridor + self.turns)))

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Draw one lifetime per label: which end is rewarded when."""
        check_draw(tier, steps, batch, labels)
        periods, many = 2 + steps // (self.switch * (self.corridor + self.turns)), 2**self.turns
        drawn = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            moves = np.concatenate([random.integers(many, size=(1, batch)), random.integers(1, many, size=(periods - 1, batch))])
            drawn.append(moves.cumsum(0) % many)  # another end each time
        ends = torch.from_numpy(np.stack(drawn))
        return Mazes(ends, self.corridor, self.turns, self.switch, self.low, self.crash, steps, batch)
