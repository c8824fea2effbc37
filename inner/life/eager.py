"""Lives in torch: births, looks at which networks are still in the finite range, scores. Every learner lives here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inner.axes import fold, networks_of, side_by_side
from inner.learners.base import Learner
from inner.life.memory import keep_freed
from inner.life.request import Life, Result
from inner.life.states import Gathered, map_all
from inner.life.stepper import Each, RecordedStepper, Stepper, action_noise
from inner.noise import Noise
from inner.sources import Source, Told, source_of
from inner.tasks.base import LifeData

CHECK_EVERY = 16  # steps between looks at which networks have left the finite range


def live(life: Life) -> Result:
    """Let every candidate theta [P, D] live each of the L lives, from scratch; the result is on the CPU.

    Large networks live few at a time, whole lives after each other, so that their weights stay in the processor's cache;
    on a GPU all live at once.
    """
    theta, count = life.theta, len(life.labels)
    footprint = life.learner.footprint(life.spec) if life.device == "cpu" else 0
    size = side_by_side(footprint, len(theta), count)
    if size >= len(theta):
        return _live(life)
    parts, gathered = [], Gathered(len(theta) * count)
    for start in range(0, len(theta), size):
        found = _live(replace(life, theta=theta[start : start + size]))
        gathered.add(found.state, len(found.score) * count)
        parts.append(replace(found, state=None))
    tensors = {name: torch.cat([getattr(part, name) for part in parts]) for name in ("score", "alive", "curve", "bits")}
    return Result(**tensors, state=gathered.state)


def _live(life: Life) -> Result:
    count, data = len(life.labels), life.data
    population, theta = networks_of(life.theta, count)
    state = life.learner.init(life.spec, theta, population, life.seed, life.labels)
    noise = action_noise(life.spec.criterion, life.seed, life.labels, population)
    keep_freed()
    if life.device != "cpu":  # everything goes there once, and comes back once
        data, state, noise = map_all(lambda tensor: tensor.to(life.device), (data, state, noise))
    bits = torch.zeros(population * count, dtype=torch.float64, device=life.device)
    source, criterion = source_of(data), life.spec.criterion

    def each(output: Tensor, told: Told) -> None:
        if told.y is not None:
            bits.add_(criterion.bits(output, told.y, told.scored))

    observer = each if life.prequential else None
    stepper = stepper_of(life, source, state, population, noise, observer, bits)
    final, alive, curve = through(stepper, life, source, population)
    state = stepper.state if life.device == "cpu" else map_all(Tensor.cpu, stepper.state)
    return Result.of(life.theta.shape[0], count, final.cpu(), alive.cpu(), curve.cpu(), bits.cpu(), state)


def stepper_of(
    life: Life, source: Source, state: Any, population: int, noise: Noise | None, each: Each | None, bits: Tensor
) -> Stepper | RecordedStepper:
    """The way through the steps of a life on its device; `each` adds to bits [N]."""
    criterion = life.spec.criterion
    if life.device != "cpu":
        return RecordedStepper(life.learner, source, state, population, criterion, noise, each, (bits,), life.device)
    into = not (life.theta.requires_grad and torch.is_grad_enabled())
    return Stepper(life.learner, source, state, population, criterion, noise, into, each)


def through(
    stepper: Stepper | RecordedStepper, life: Life, source: Source, population: int
) -> tuple[Tensor, Tensor, Tensor]:
    """From birth to the last step, without waiting for a GPU: the final scores [N], who is alive [N], the curve [N, C]."""
    learner, task, n = life.learner, life.task, population * len(life.labels)
    alive = torch.ones(n, dtype=torch.bool, device=life.device)
    wanted = {int(s): c for c, s in enumerate(life.record)}
    curve = torch.full((n, len(wanted)), task.worst, dtype=torch.float64, device=life.device)
    exam = Exam.of(life.data, population, life.device)

    def score() -> Tensor:
        value = source.score(stepper.s)
        if value is None:
            value = exam.score(learner, stepper.state, life)
        value = value.to(torch.float64)
        return torch.where(alive & torch.isfinite(value), value, task.worst)

    steps = source.steps
    if 0 in wanted:
        curve[:, wanted[0]] = score()
    for stop in sorted({*range(CHECK_EVERY, steps, CHECK_EVERY), *(s for s in wanted if 0 < s <= steps), steps} - {0}):
        stepper.advance(stop)
        alive = alive & learner.alive(stepper.state)
        if stepper.masked or not bool(alive.all()):
            stepper.replace(learner.freeze(stepper.state, alive))
        if stop in wanted:
            curve[:, wanted[stop]] = score()
    return (curve[:, wanted[steps]] if steps in wanted else score()), alive, curve


class Exam:
    """The test samples of N networks, folded once per life."""

    def __init__(self, x: Tensor, y: Tensor, fresh: Tensor | None = None, at: Tensor | None = None) -> None:
        self.x, self.y, self.fresh, self.at = x, y, fresh, at  # [N, V, I], [N, V, O], [K, S], places in V that count

    @classmethod
    def of(cls, data: Any, population: int, device: str = "cpu") -> Exam:
        """The exam of a life's data; an environment has none of its own."""
        if not isinstance(data, LifeData):
            return cls(torch.zeros(0), torch.zeros(0))
        x, y = (fold(each.to(device), population) for each in (data.test_x, data.test_y))
        fresh, at = data.test_fresh, None
        if data.test_scored is not None:  # counted by NumPy: torch would wait for a GPU
            at = torch.from_numpy(np.flatnonzero(data.test_scored.cpu().numpy())).to(device)
        return cls(x, y, None if fresh is None else fresh.to(device), at)

    def outputs(self, learner: Learner, state: Any) -> tuple[Tensor, Tensor]:
        """Outputs and targets [N, V, O] of the scored samples."""
        if self.fresh is None:
            return learner.predict(state, self.x), self.y
        output, y = learner.predict_sequences(state, self.x, self.fresh), self.y
        return (output, y) if self.at is None else (output.index_select(1, self.at), y.index_select(1, self.at))

    def score(self, learner: Learner, state: Any, life: Life) -> Tensor:
        """Scores [N] of the task."""
        return life.task.score(*self.outputs(learner, state))
