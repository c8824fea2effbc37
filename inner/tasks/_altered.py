"""Alterations that any task of samples takes as options: input power, noise, wrong labels, and unequal class frequencies.

    {name: digits, power: 16, noise: 0.5, label_noise: 0.1, imbalance: 10}

They come in this order: the pool is thinned by class, labels are made wrong, noise is added, and the inputs are scaled.
A task that has an option of that name of its own keeps it. Whatever is measured for this (the power of the inputs) is
measured on the test inputs of a life, so that a longer life begins as the shorter one does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from inner.components import build, load, options_of
from inner.criteria import Criterion
from inner.random import stream
from inner.tasks._common import balanced_accuracy, check_number, one_hot
from inner.tasks._controls import Wrapper
from inner.tasks.base import Label, LifeData, Task

SPARE = 1.5  # of the samples that a thinned life needs on average, how many are drawn


def task_of(spec: Mapping[str, Any]) -> Task:
    """The task of a name and options, altered where general options say so.

    Raises ValueError, in one line, for an option that the task cannot have.
    """
    own = options_of(load("task", str(spec.get("name"))))
    general = {k: v for k, v in spec.items() if k in GENERAL and k not in own}
    task = cast(Task, build("task", {k: v for k, v in spec.items() if k not in general}))
    if not any(v != GENERAL[k] for k, v in general.items()):
        return task
    return Altered(task, **general)


def options_for(name: str) -> dict[str, Any]:
    """The options of a task by name, the general ones among them, each with its field."""
    return {field.name: field for field in fields(Altered) if field.name in GENERAL} | options_of(load("task", name))


@dataclass(frozen=True)
class Altered(Wrapper):
    """A task of samples with other inputs, labels or frequencies."""

    task: Task
    power: float | None = None  # mean of sum x^2 over samples; None: as it comes
    noise: float = 0.0  # standard deviation of Gaussian noise on every input, in units of the inputs' root mean square
    label_noise: float = 0.0  # share of training samples whose class is drawn anew from all
    imbalance: float = 1.0  # frequency of the most frequent class over that of the rarest; they fall geometrically

    def __post_init__(self) -> None:
        if self.task.environment:
            raise ValueError("task: an environment has no samples to alter, expected a task of samples")
        if self.power is not None:
            check_number("power", self.power)
        _check_range("noise", self.noise, 0.0, math.inf)
        _check_range("label_noise", self.label_noise, 0.0, 1.0)
        _check_range("imbalance", self.imbalance, 1.0, 1e6)
        if self.task.criterion.kind != "classes" and (self.label_noise or self.imbalance != 1.0):
            name = "label_noise" if self.label_noise else "imbalance"
            raise ValueError(f"{name}: expected a task of classes, got one of {self.task.criterion.kind}")
        if self.task.sequences and self.imbalance != 1.0:
            raise ValueError("imbalance: expected samples that stand alone, got sequences")

    @property
    def criterion(self) -> Criterion:  # type: ignore[override]
        return self.task.criterion.named("balanced accuracy") if self.imbalance != 1.0 else self.task.criterion

    @property
    def chance(self) -> float:
        """That of the task; where classes differ in frequency, that of any constant answer."""
        classes = getattr(self.task, "classes", None) or self.task.outputs
        return 1.0 / classes if self.imbalance != 1.0 else self.task.chance

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """As the task scores; where classes differ in frequency, the mean over classes of their accuracies."""
        return balanced_accuracy(output, test_y) if self.imbalance != 1.0 else self.task.score(output, test_y)

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """The task's lives, altered. Raises ValueError as the task does."""
        if self.imbalance == 1.0:
            lives = self.task.life_data(tier, steps, batch, seed, labels)
        else:
            lives = self._thinned(tier, steps, batch, seed, labels)
        if self.label_noise:
            y = [self._relabelled(lives, k, stream(seed, "label noise", tier, *each)) for k, each in enumerate(labels)]
            lives = replace(lives, y=torch.stack(y))
        if self.noise:
            size = self.noise * _power(lives.test_x).div(lives.test_x.shape[-1]).sqrt()
            x, test_x = [], []
            for k, each in enumerate(labels):
                test, pool = (stream(seed, "input noise", part, tier, *each) for part in ("test", "pool"))
                test_x.append(lives.test_x[k] + size[k] * _normal(test, lives.test_x[k]))
                x.append(lives.x[k] + size[k] * _normal(pool, lives.x[k]))
            lives = replace(lives, x=torch.stack(x), test_x=torch.stack(test_x))
        if self.power is not None:
            factor = (self.power / _power(lives.test_x).clamp(min=1e-30)).sqrt()
            lives = replace(lives, x=_scaled(lives.x, factor), test_x=_scaled(lives.test_x, factor))
        return lives

    def _relabelled(self, lives: LifeData, k: int, random: np.random.Generator) -> Tensor:
        """One-hot targets [S, O] of life k of which a share is drawn anew from all classes of its test."""
        y = lives.y[k]
        drawn = random.random((y.shape[0], 2))
        there = torch.nonzero(lives.test_y[k].sum(0)).flatten().numpy()
        wrong = there[(drawn[:, 1] * len(there)).astype(np.int64)]
        changed = torch.from_numpy(drawn[:, 0] < self.label_noise)
        return torch.where(changed[:, None], torch.from_numpy(one_hot(wrong, y.shape[1])), y)

    def _thinned(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Lives in which every sample of the pool stays with the probability of its class, in a random order of classes.

        More is drawn than shown; a life whose pool has become too small shows it again.
        """
        classes = self.task.outputs
        stays = self.imbalance ** -(np.arange(classes) / max(classes - 1, 1))  # [C]
        longer = math.ceil(steps * SPARE / stays.mean()) + 8
        lives = self.task.life_data(tier, longer, batch, seed, labels)
        orders = []
        for k, label in enumerate(labels):
            random = stream(seed, "imbalance", tier, *label)
            chances = stays[random.permutation(classes)]
            kept = random.random(lives.x.shape[1]) < chances[lives.y[k].argmax(-1).numpy()]  # [S]
            order = lives.order[k].numpy().ravel()
            order = order[kept[order]] if kept[order].any() else order
            orders.append(np.resize(order, steps * batch).reshape(steps, batch))
        return replace(lives, order=torch.from_numpy(np.stack(orders)))


GENERAL = {field.name: field.default for field in fields(Altered) if field.name != "task"}


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or value == math.inf:
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {value!r}")


def _power(x: Tensor) -> Tensor:
    """Mean of sum x^2 over the samples of x [L, ..., I]: float32 [L]."""
    return x.double().square().sum(-1).flatten(1).mean(1).float()


def _normal(random: np.random.Generator, like: Tensor) -> Tensor:
    return torch.from_numpy(random.standard_normal(tuple(like.shape), dtype=np.float32))


def _scaled(x: Tensor, factor: Tensor) -> Tensor:
    """x [L, S, I] times factor [L]."""
    return x * factor.reshape(-1, *([1] * (x.dim() - 1)))
