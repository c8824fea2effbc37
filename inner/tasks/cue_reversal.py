"""Cue reversal, go or no-go: some cues want an answer, and every so many trials they are exactly the other ones.

    reward 1 where the choice is that of the cue, else 0;   which cues want "go" is drawn per life, and flips every `switch` trials

Inputs are one-hot cues. Over lives no fixed network is right more often than by chance: the cheapest task that needs learning.
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


class Trials(NamedTuple):
    """The worlds of N networks, and the rewards that these have earned."""

    cue: Tensor  # [N, T, B, K] one-hot
    go: Tensor  # [N, B, K] 1 for cues that want "go" at first
    total: Tensor  # float64 [N] rewards, mean over B
    seen: Tensor  # [1] trials so far


@dataclass(frozen=True, eq=False)
class Reversals(Source):
    """L lives of one trial a step."""

    cue: Tensor  # [L, T, B, K]
    go: Tensor  # [L, B, K]
    switch: int
    steps: int
    batch: int
    recordable: bool = True

    def begin(self, population: int) -> Trials:
        """Nothing earned yet."""
        go = fold(self.go, population)
        total = torch.zeros(len(go), dtype=torch.float64, device=go.device)
        return Trials(fold(self.cue, population), go, total, total.new_zeros(1))

    def observe(self, s: Trials, t: int | Tensor) -> Seen:
        """The cue of this trial."""
        return Seen(s.cue[:, t] if isinstance(t, int) else s.cue.index_select(1, t.reshape(1))[:, 0])

    def respond(self, s: Trials, t: int | Tensor, action: Tensor) -> tuple[Trials, Told]:
        """Action [N, B, 2]: no-go, go."""
        wants = (self.observe(s, t).x * s.go).sum(-1)  # [N, B]
        flipped = torch.as_tensor(t, device=wants.device).reshape(-1)[0] // self.switch % 2 == 1
        wants = torch.where(flipped, 1 - wants, wants)
        reward = torch.where(wants > 0.5, action[..., 1], action[..., 0])[..., None]
        total = s.total + reward.mean((1, 2)).to(torch.float64)
        return Trials(s.cue, s.go, total, s.seen + 1), Told(action=action, reward=reward)

    def score(self, s: Trials) -> Tensor:
        """Share of right choices so far: float64 [N]."""
        return s.total / s.seen.clamp(min=1)

    def ceiling(self, steps: Sequence[int]) -> Tensor:
        """Always right."""
        return (torch.tensor(list(steps)) > 0).double().expand(len(self.go), -1)


@dataclass(frozen=True)
class Task(WorldTask):
    """`cues` cues."""

    criterion: ClassVar[Criterion] = REWARD.named("mean reward", 1.0)
    cues: int = 4  # K
    switch: int = 25  # trials from one reversal to the next

    def __post_init__(self) -> None:
        check_count("cues", self.cues, 1)
        check_count("switch", self.switch, 1)

    @property
    def inputs(self) -> int:
        return self.cues

    @property
    def outputs(self) -> int:
        return 2

    @property
    def chance(self) -> float:
        return 0.5

    def experience(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> Source:
        """Draw one lifetime per label: its cues, and which of them want "go"."""
        check_draw(tier, steps, batch, labels)
        cues, goes = [], []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            goes.append((random.random((batch, self.cues)) < 0.5).astype(np.float32))
            cues.append(np.eye(self.cues, dtype=np.float32)[random.integers(self.cues, size=(max(steps, 1), batch))])
        cue, go = (torch.from_numpy(np.stack(column)) for column in (cues, goes))
        return Reversals(cue, go, self.switch, steps, batch)
