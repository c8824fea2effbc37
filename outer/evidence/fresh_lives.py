"""Fresh lives of the final tier under fixed coefficient values: the evidence of every comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from inner.engines.choice import live
from inner.learners.base import Learner
from inner.life.request import Life
from inner.random import stream
from inner.rules.rule import Rule
from outer.learner_objective import learner_of
from outer.settings import Setting

RESAMPLES = 10_000


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
) -> FreshLives:
    """Live every life of `setting` under the learner with these coefficient values; a rule is read as the local rule.

    seed addresses data and initial weights; `weights`, where given, addresses the initial weights alone.
    """
    placed = learner_of(learner).on(setting.network)
    theta = torch.from_numpy(placed.flat(values, setting.spec)[None])
    data, steps = (
        setting.task.experience(setting.tier, setting.steps, setting.batch, seed, setting.labels),
        setting.steps,
    )
    record = sorted({round(steps * i / (points - 1)) for i in range(points)})
    with torch.no_grad():
        born = seed if weights is None else weights
        life = Life(placed, setting.task, data, theta, born, setting.labels, record, device=device)
        result = live(life, engine)
    return FreshLives(result.score[0].numpy(), result.alive[0].numpy(), tuple(record), result.curve[0].numpy())


def bootstrap_interval(samples: np.ndarray, seed: int, *labels: str) -> tuple[float, float, float]:
    """Mean and 95 % percentile-bootstrap interval of samples [L] (Efron 1979), from an addressed stream."""
    picks = stream(seed, "bootstrap", *labels).integers(0, len(samples), (RESAMPLES, len(samples)))
    means = samples[picks].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(samples.mean()), float(low), float(high)
