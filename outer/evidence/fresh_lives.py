"""Fresh lives of the final tier under fixed coefficient values: the evidence of every comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from inner.engines.choice import live
from inner.learners.base import Learner
from inner.life.request import Life
from inner.life.size import Lives
from inner.random import stream
from inner.rules.rule import Rule
from outer.evaluators._cuts import lifetimes_within, slices
from outer.learner_objective import learner_of
from outer.settings import Setting

RESAMPLES = 10_000
DRAWN = 2**22  # numbers that are drawn at a time


@dataclass(frozen=True)
class FreshLives:
    """Scores of L fresh lives."""

    scores: np.ndarray  # [L] float64
    alive: np.ndarray  # [L] bool
    steps: tuple[int, ...]  # of the columns of the learning curve
    curve: np.ndarray  # [L, C] float64


def live_fresh(
    learner: Learner | Rule,
    values: Mapping[str, Any],
    setting: Setting,
    seed: int,
    points: int = 12,
    weights: int | None = None,
    engine: str = "auto",
    device: str = "cpu",
    record: Sequence[int] | None = None,
) -> FreshLives:
    """Live every life of `setting` under the learner with these coefficient values; a rule is read as the local rule.

    seed addresses data and initial weights; `weights`, where given, addresses the initial weights alone. record: the
    steps at which networks are tested; by default `points` of them, evenly.
    """
    placed = learner_of(learner).on(setting.network)
    theta = torch.from_numpy(placed.flat(values, setting.spec)[None])
    steps = setting.steps
    record = sorted({round(steps * i / (points - 1)) for i in range(points)}) if record is None else list(record)
    born = seed if weights is None else weights
    task, count, size = setting.task, len(setting.labels), theta.shape[1]
    sized = Lives(
        placed.lives_as, task, setting.tier, steps, setting.batch, len(record) + 1, engine, device, size
    )  # fmt: skip
    found = []
    for part in slices(count, lifetimes_within(count, sized.bytes)):
        labels = setting.labels[part]
        data = task.experience(setting.tier, steps, setting.batch, seed, labels)
        with torch.no_grad():
            result = live(Life(placed, task, data, theta, born, labels, record, device=device), engine)
        found.append((result.score[0].numpy(), result.alive[0].numpy(), result.curve[0].numpy()))
    scores, alive, curve = (np.concatenate(column) for column in zip(*found))
    return FreshLives(scores, alive, tuple(record), curve)


def bootstrap_interval(samples: np.ndarray, seed: int, *labels: str) -> tuple[float, float, float]:
    """Mean and 95 % percentile-bootstrap interval of samples [L] (Efron 1979), from an addressed stream."""
    random, means = stream(seed, "bootstrap", *labels), []
    for part in slices(RESAMPLES, max(1, DRAWN // len(samples))):  # the same draws, some rows at a time
        picks = random.integers(0, len(samples), (part.stop - part.start, len(samples)))
        means.append(samples[picks].mean(1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(samples.mean()), float(low), float(high)
