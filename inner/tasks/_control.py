"""Lives in episodes of control: physics step by step from a drawn start, until something falls or a time limit is met.

    x_t+1 = physics(x_t, action_t);    an episode that is over begins anew at the next start of the life

The e-th start of a life is the same for every candidate, whenever its e-th episode begins. The score of a life is its mean
return per episode that was begun. A state is [N, B, S]; all physics is elementwise, so that no life sees another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner.axes import fold
from inner.criteria import Criterion
from inner.noise import Noise
from inner.random import stream
from inner.sources import CSource, Seen, Source, Told
from inner.tasks._common import check_draw
from inner.tasks._worlds import WorldTask
from inner.tasks.base import Label

STARTS = 1024  # of a life, at most; later episodes begin where earlier ones did
HERE = Path(__file__).parent


class Outcome(NamedTuple):
    """One step of physics."""

    x: Tensor  # [..., S]
    reward: Tensor  # [...]
    over: Tensor  # bool [...], not by the time limit


class Physics(ABC):
    """A world of control; concrete ones are frozen dataclasses whose fields are its constants."""

    limit: ClassVar[int]  # steps of an episode, at most
    inputs: ClassVar[int]
    outputs: ClassVar[int]
    header: ClassVar[str] = ""  # file of the same physics in C

    @abstractmethod
    def start(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """States [*shape, S] that episodes begin in."""

    @abstractmethod
    def observe(self, x: Tensor) -> Tensor:
        """The observation of the network, [..., I]."""

    @abstractmethod
    def step(self, x: Tensor, action: Tensor) -> Outcome:
        """The state after an action [..., O], one-hot where there is a choice, and the reward for it."""


class Running(NamedTuple):
    """N networks in the middle of their episodes."""

    x: Tensor  # [N, B, S]
    starts: Tensor  # [N, E, B, S]
    clock: Tensor  # int64 [N, B] steps of this episode
    episode: Tensor  # int64 [N, B] its number
    total: Tensor  # float64 [N, B] rewards of all episodes
    begun: Tensor  # float64 [N, B] episodes with a step
    waits: Tensor  # bool [N, B] its episode is over, and others beside it are not


@dataclass(frozen=True, eq=False)
class Control(Source):
    """L lives of `steps` steps each, B episodes side by side."""

    physics: Physics
    starts: Tensor  # [L, E, B, S]
    steps: int
    batch: int
    noise: Noise  # of L lives
    together: bool = False  # the B episodes of a network begin together: whoever is done waits for the others
    recordable: bool = True

    def begin(self, population: int) -> Running:
        """Every network at its first start."""
        starts = fold(self.starts, population)
        clock = torch.zeros(len(starts), self.batch, dtype=torch.int64, device=starts.device)
        total = torch.zeros_like(clock, dtype=torch.float64)
        return Running(starts[:, 0], starts, clock, clock.clone(), total, total.clone(), clock > 0)

    def observe(self, s: Running, t: int | Tensor) -> Seen:
        """Observations [N, B, I], and which episodes begin."""
        return Seen(self.physics.observe(s.x), s.clock == 0)

    def respond(self, s: Running, t: int | Tensor, action: Tensor) -> tuple[Running, Told]:
        """The state after the action, and its reward [N, B, 1]; what is over begins anew."""
        found, going = self.physics.step(s.x, action), ~s.waits
        clock = s.clock + 1
        over = found.over & going
        cut = (clock >= self.physics.limit) & ~over & going
        stops = over | cut
        waits = s.waits | stops
        ends = waits & waits.all(1, keepdim=True) if self.together else stops
        reward = found.reward * going.to(found.reward.dtype)
        episode = s.episode + ends.to(torch.int64)
        index = (episode % s.starts.shape[1])[:, None, :, None].expand(-1, 1, -1, s.x.shape[-1])
        x = torch.where(ends[..., None], s.starts.gather(1, index)[:, 0], found.x)
        begun = s.begun + (s.clock == 0).to(torch.float64)
        total = s.total + reward.to(torch.float64)
        clock = torch.where(ends, torch.zeros_like(clock), torch.where(going, clock, s.clock))
        after = Running(x, s.starts, clock, episode, total, begun, waits & ~ends if self.together else s.waits)
        return after, Told(action=action, reward=reward[..., None], scored=going if self.together else None, ends=stops, cut=cut)

    def score(self, s: Running) -> Tensor:
        """Mean return per episode: float64 [N]."""
        return s.total.sum(1) / s.begun.sum(1).clamp(min=1)

    def c(self) -> CSource | None:
        """The same in C, where there is a text."""
        physics = self.physics
        if self.batch != 1 or not physics.header:
            return None
        text = (HERE / physics.header).read_text(encoding="utf-8") + (HERE / "_control.h").read_text(encoding="utf-8")
        size, numbers = self.starts.shape[-1], (self.starts.shape[1], physics.limit)
        return CSource(text, size + 2, 2, self.starts.flatten(1), numbers, self.noise, mean_return)


def mean_return(totals: Tensor, steps: Tensor) -> Tensor:
    """Mean return per episode [N, R] of sums [N, R, 2]: rewards, episodes."""
    return totals[..., 0] / totals[..., 1].clamp(min=1)


class ControlTask(WorldTask):
    """The shared part of all tasks of control; each gives its physics."""

    criterion: ClassVar[Criterion]
    together: bool = False  # an option of tasks that have it

    @property
    @abstractmethod
    def physics(self) -> Physics:
        """The world."""

    @property
    def inputs(self) -> int:
        return self.physics.inputs

    @property
    def outputs(self) -> int:
        return self.physics.outputs

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Draw the starts of one lifetime per label. Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        shape = (max(1, min(steps, STARTS)), batch)
        drawn = [self.physics.start(stream(seed, "task", tier, *label), shape) for label in labels]
        starts = torch.from_numpy(np.stack(drawn).astype(np.float32))
        noise = Noise.of(seed, [("control", tier, *label) for label in labels])
        return Control(self.physics, starts, steps, batch, noise, self.together)



def pushes(action: Tensor) -> Tensor:
    """A choice among pushes to the left, none and to the right as -1, 0, 1 [...]; of two there is no none."""
    numbers = torch.linspace(-1.0, 1.0, action.shape[-1], dtype=action.dtype, device=action.device)
    return (action * numbers).sum(-1)
