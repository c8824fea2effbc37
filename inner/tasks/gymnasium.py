"""A user's own gymnasium environment (Towers et al. 2024): `task: {name: gymnasium, id: CartPole-v1}`, where the package is installed.

Serial: one Python object per network and sample, stepped one after the other on the processor. No step can be recorded, and how
far a life repeats is up to the environment, which is reset with a seed drawn at (seed, life, episode). The score is the mean return
per episode. A discrete action is drawn from the outputs; a box of numbers gets the outputs, cut at its bounds.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inner.criteria import CONTROL, REWARD, Criterion
from inner.random import stream
from inner.sources import Seen, Source, Told
from inner.tasks._common import check_draw
from inner.tasks._worlds import WorldTask
from inner.tasks.base import Label


@dataclass
class Handles:
    """The environments of N networks and what they have given; a step changes them in place."""

    worlds: list[Any]  # N * B
    seen: np.ndarray  # [N * B, I] float32
    episode: np.ndarray  # [N * B]
    total: np.ndarray  # [N * B] rewards of all episodes
    fresh: np.ndarray  # bool [N * B]


@dataclass(frozen=True, eq=False)
class Serial(Source):
    """L lives of `steps` steps, B environments side by side."""

    task: Task
    tier: str
    seed: int
    labels: tuple[Label, ...]
    steps: int
    batch: int
    recordable: bool = False

    def reset(self, s: Handles, n: int) -> None:
        """Begin the next episode of environment n."""
        label = self.labels[n // self.batch % len(self.labels)]
        random = stream(self.seed, "task", self.tier, *label, n % self.batch, int(s.episode[n]))
        seen, _ = s.worlds[n].reset(seed=int(random.integers(2**31)))
        s.seen[n], s.fresh[n] = np.ravel(seen), True
        s.episode[n] += 1

    def begin(self, population: int) -> Handles:
        """A fresh environment for every network and sample."""
        count = population * len(self.labels) * self.batch
        numbers = np.zeros(count)
        s = Handles([self.task.made() for _ in range(count)], np.zeros((count, self.task.inputs), np.float32), numbers,
                    numbers.copy(), numbers > 0)  # fmt: skip
        for n in range(count):
            self.reset(s, n)
        return s

    def observe(self, s: Handles, t: int | Tensor) -> Seen:
        """Observations, flattened."""
        return Seen(self._wide(s.seen), self._wide(s.fresh)[..., 0])

    def respond(self, s: Handles, t: int | Tensor, action: Tensor) -> tuple[Handles, Told]:
        """Steps every environment, one after the other."""
        given = action.reshape(len(s.worlds), -1).numpy()
        reward, ends, cut = np.zeros(len(given), np.float32), np.zeros(len(given), bool), np.zeros(len(given), bool)
        for n, world in enumerate(s.worlds):
            seen, reward[n], over, cut[n], _ = world.step(self.task.action(given[n]))
            s.seen[n], s.fresh[n], ends[n] = np.ravel(seen), False, over or cut[n]
            s.total[n] += reward[n]
            if ends[n]:
                self.reset(s, n)
        return s, Told(action=action, reward=self._wide(reward), ends=self._wide(ends)[..., 0], cut=self._wide(cut)[..., 0])

    def score(self, s: Handles) -> Tensor:
        """Mean return per episode that was begun: float64 [N]."""
        begun = s.episode - s.fresh
        each = torch.from_numpy(np.stack([s.total, begun])).reshape(2, -1, self.batch).sum(2)
        return each[0] / each[1].clamp(min=1)

    def _wide(self, values: np.ndarray) -> Tensor:
        """[N * B, ...] -> [N, B, ...], at least one number each."""
        return torch.from_numpy(values.copy()).reshape(-1, self.batch, *(values.shape[1:] or (1,)))


@dataclass(frozen=True)
class Task(WorldTask):
    """The environment `id`, made with `options`."""

    id: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def made(self) -> Any:
        """A new environment. Raises ValueError, in one line, where there is none of this id."""
        if not self.id:
            raise ValueError("id: expected the name of a gymnasium environment, such as CartPole-v1, got ''")
        try:
            package = importlib.import_module("gymnasium")
        except ModuleNotFoundError:
            raise ValueError("task: 'gymnasium' needs the package of this name: pip install gymnasium") from None
        try:
            return package.make(self.id, **self.options)
        except package.error.Error as error:
            raise ValueError(f"id: gymnasium cannot make '{self.id}': {str(error).splitlines()[0]}") from None

    @cached_property
    def example(self) -> Any:
        """One environment, for its sizes."""
        return self.made()

    @property
    def discrete(self) -> bool:
        """True where an action is a choice."""
        return hasattr(self.example.action_space, "n")

    @property
    def criterion(self) -> Criterion:  # type: ignore[override]
        """A choice, or numbers."""
        return (REWARD if self.discrete else CONTROL).named("return per episode")

    @property
    def inputs(self) -> int:
        return prod(self.example.observation_space.shape)

    @property
    def outputs(self) -> int:
        space = self.example.action_space
        return int(space.n) if self.discrete else prod(space.shape)

    @property
    def chance(self) -> float:
        """Nothing is known of it."""
        return 0.0

    def action(self, given: np.ndarray) -> Any:
        """An action of the environment from outputs or a one-hot choice [O]."""
        space = self.example.action_space
        if self.discrete:
            return int(given.argmax()) + int(getattr(space, "start", 0))
        return np.clip(given.reshape(space.shape), space.low, space.high).astype(space.dtype)

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Environments whose episodes are reset with seeds of these lifetimes."""
        check_draw(tier, steps, batch, labels)
        return Serial(self, tier, seed, tuple(labels), steps, batch)
