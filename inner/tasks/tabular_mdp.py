"""Tabular decision processes drawn anew for every life (Duan et al. 2016, section 3.2; Osband et al. 2013).

    next state ~ P(. | s, a) ~ Dirichlet(1, ..., 1);    reward ~ N(m(s, a), 1),  m(s, a) ~ N(1, 1);    `horizon` steps an episode

Every episode begins in state 0; inputs are one-hot states. The score is the mean reward per step, noise left out.
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
from inner.noise import Noise
from inner.random import stream
from inner.sources import Seen, Source, Told
from inner.tasks._common import check_count, check_draw
from inner.tasks._worlds import WorldTask
from inner.tasks.base import Label

MOVES, PAYS = 2**17, 2**17 + 1  # sites


class Walk(NamedTuple):
    """Where N networks are, in which worlds, and what they have earned."""

    state: Tensor  # [N, B, S] one-hot
    cumulative: Tensor  # [N, B, S, A, S] of P
    mean: Tensor  # [N, B, S, A]
    luck: Noise
    total: Tensor  # float64 [N] mean rewards, mean over B
    gone: Tensor  # [1] steps so far


@dataclass(frozen=True, eq=False)
class Chain(Source):
    """L lives in B decision processes each."""

    cumulative: Tensor  # [L, B, S, A, S]
    mean: Tensor  # [L, B, S, A]
    luck: Noise
    horizon: int
    steps: int
    batch: int
    recordable: bool = True

    def begin(self, population: int) -> Walk:
        """All in state 0."""
        cumulative, mean = fold(self.cumulative, population), fold(self.mean, population)
        state = torch.zeros_like(mean[..., 0])
        state[..., 0] = 1
        total = torch.zeros(len(mean), dtype=torch.float64, device=mean.device)
        return Walk(state, cumulative, mean, Noise(self.luck.key, population), total, total.new_zeros(1))

    def observe(self, s: Walk, t: int | Tensor) -> Seen:
        """The state, and whether an episode begins."""
        begins = torch.as_tensor(t, device=s.state.device).reshape(-1)[0] % self.horizon == 0
        return Seen(s.state, begins.expand(s.state.shape[:2]))

    def respond(self, s: Walk, t: int | Tensor, action: Tensor) -> tuple[Walk, Told]:
        """Action one-hot [N, B, A]."""
        here = s.state[..., None] * action[..., None, :]  # [N, B, S, A]
        row = (here[..., None] * s.cumulative).sum((2, 3))  # [N, B, S]
        batch = tuple(s.state.shape[1:2])
        place = (s.luck.uniform(t, MOVES, batch)[..., None] >= row[..., :-1]).sum(-1)
        after = torch.nn.functional.one_hot(place, row.shape[-1]).to(row.dtype)
        earned = (here * s.mean).sum((2, 3))
        last = (torch.as_tensor(t, device=row.device).reshape(-1)[0] + 1) % self.horizon == 0
        ends = last.expand(place.shape)
        first = torch.zeros_like(after)
        first[..., 0] = 1
        after = torch.where(ends[..., None], first, after)
        reward = (earned + s.luck.normal(t, PAYS, batch))[..., None]
        total = s.total + earned.mean(1).to(torch.float64)
        return Walk(after, s.cumulative, s.mean, s.luck, total, s.gone + 1), Told(action=action, reward=reward, ends=ends)

    def score(self, s: Walk) -> Tensor:
        """Mean reward per step so far: float64 [N]."""
        return s.total / s.gone.clamp(min=1)

    def ceiling(self, steps: Sequence[int]) -> Tensor:
        """Of the best policy for the horizon (Bellman 1957), from state 0: float64 [L, C]."""
        mean, cumulative = self.mean.double(), self.cumulative.double()
        p = torch.diff(cumulative, dim=-1, prepend=torch.zeros_like(cumulative[..., :1]))
        value, choices = torch.zeros_like(mean[..., 0]), []
        for _ in range(self.horizon):
            worth = mean + (p * value[:, :, None, None]).sum(-1)
            value, choice = worth.max(-1)
            choices.append(choice)
        at, each = torch.zeros_like(value), []
        at[..., 0] = 1
        for choice in reversed(choices):
            each.append((at * mean.gather(-1, choice[..., None])[..., 0]).sum(-1).mean(1))  # [L]
            rows = p.gather(3, choice[..., None, None].expand(*choice.shape, 1, p.shape[-1]))[..., 0, :]
            at = (at[..., None] * rows).sum(2)
        cycle = torch.stack(each, 1)  # [L, horizon]
        earned = cycle[:, torch.arange(max(steps, default=0)) % self.horizon].cumsum(1)
        earned = torch.cat([torch.zeros_like(cycle[:, :1]), earned], 1)
        return torch.stack([earned[:, step] / max(step, 1) for step in steps], 1)


@dataclass(frozen=True)
class Task(WorldTask):
    """`states` states, `actions` actions, episodes of `horizon` steps."""

    criterion: ClassVar[Criterion] = REWARD.named("mean reward", 4.0)
    states: int = 10  # S
    actions: int = 5  # A
    horizon: int = 10

    def __post_init__(self) -> None:
        check_count("states", self.states, 2)
        check_count("actions", self.actions, 2)
        check_count("horizon", self.horizon, 1)

    @property
    def inputs(self) -> int:
        return self.states

    @property
    def outputs(self) -> int:
        return self.actions

    @property
    def chance(self) -> float:
        """Mean of all rewards."""
        return 1.0

    @property
    def worst(self) -> float:
        return -4.0

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Draw one lifetime per label: transitions and mean rewards."""
        check_draw(tier, steps, batch, labels)
        size, cumulative, means = (batch, self.states, self.actions), [], []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            rows = random.standard_exponential((*size, self.states))  # normalised they are Dirichlet(1, ..., 1)
            cumulative.append((rows / rows.sum(-1, keepdims=True)).cumsum(-1).astype(np.float32))
            means.append((1 + random.standard_normal(size)).astype(np.float32))
        luck = Noise.of(seed, [("mdp", tier, *label) for label in labels])
        row, mean = (torch.from_numpy(np.stack(column)) for column in (cumulative, means))
        return Chain(row, mean, luck, self.horizon, steps, batch)
