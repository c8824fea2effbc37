"""One life of N networks in lockstep: births, looks at who is still in the finite range, scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inner.learners.base import Learner, Shape
from inner.learners.local_rule import fold
from inner.life.memory import keep_freed
from inner.life.states import joined, map_all
from inner.life.stepper import Replay, Walk
from inner.tasks.base import Label, LifeData, Task

CHECK_EVERY = 16  # steps between looks at whether a network has left the finite range
CACHED = 2**20  # numbers that networks side by side work on: 4 MiB, what a core's share of the caches holds


@dataclass(frozen=True)
class Result:
    """What P x L lives left behind; a network that left the finite range has the worst score of its task."""

    score: Tensor  # [P, L] float64 at the end of life
    alive: Tensor  # [P, L] bool
    curve: Tensor  # [P, L, C] float64, scores at the recorded steps
    bits: Tensor  # [P, L] float64, summed log2-loss of predicting each sample before learning from it
    state: Any  # of the learner, N networks

    @classmethod
    def of(
        cls, population: int, count: int, score: Tensor, alive: Tensor, curve: Tensor, bits: Tensor, state: Any
    ) -> Result:
        """From values per network [N, ...], n = candidate * L + lifetime; what `spread` has added is left out."""

        def unfold(value: Tensor) -> Tensor:
            return value.reshape(len(value) // count, count, *value.shape[1:])[:population]

        return cls(unfold(score), unfold(alive), unfold(curve), unfold(bits), state)


def spread(theta: Tensor, count: int) -> tuple[int, Tensor]:
    """Candidates that live, and the coefficients [N, D] float32 of their networks, for theta [P, D] and L = count lives.

    A single network lives twice: torch multiplies a single matrix differently, and a score must not depend on company.
    """
    padded = theta if theta.shape[0] * count > 1 else theta.expand(2, -1)
    return padded.shape[0], padded.to(torch.float32).repeat_interleave(count, 0)


def live(
    learner: Learner,
    task: Task,
    lives: LifeData,
    theta: Tensor,
    seed: int,
    labels: Sequence[Label],
    record: Sequence[int] = (),
    prequential: bool = False,
    device: str = "cpu",
) -> Result:
    """Let every candidate theta [P, D] live each of the L lives, from scratch; the result is on the CPU.

    record: the steps after which test scores are taken (0 is birth); seed and labels address the initial weights.
    A score does not depend, by one bit, on which other candidates are in the batch. Large networks live few at a time,
    whole lives after each other, so that their weights stay in the processor's cache; on a GPU all live at once.
    """
    shape = Shape(lives.x.shape[2], lives.y.shape[2], task.kind)
    on_gpu = device != "cpu"
    size = together(0 if on_gpu else learner.footprint(shape, lives.order.shape[2]), len(theta), len(labels))
    parts = [
        _live(learner, task, lives, theta[start : start + size], seed, labels, record, prequential, device)
        for start in range(0, max(len(theta), 1), size)
    ]
    if len(parts) == 1:
        return parts[0]
    tensors = {name: torch.cat([getattr(part, name) for part in parts]) for name in ("score", "alive", "curve", "bits")}
    return Result(**tensors, state=joined([part.state for part in parts]))


def together(footprint: int, population: int, count: int) -> int:
    """Candidates of L = count lives whose networks go through their lives side by side."""
    at_once = max(CACHED // footprint, 2) if footprint else population * count
    parts = -(-population // max(at_once // count, 1))
    return -(-population // max(parts, 1)) or 1


def _live(
    learner: Learner,
    task: Task,
    lives: LifeData,
    theta: Tensor,
    seed: int,
    labels: Sequence[Label],
    record: Sequence[int],
    prequential: bool,
    device: str,
) -> Result:
    count = len(labels)
    p, each = spread(theta, count)
    state = learner.init(Shape(lives.x.shape[2], lives.y.shape[2], task.kind), each, p, seed, labels)
    keep_freed()
    if device != "cpu":  # everything goes there once, and comes back once
        lives, state = map_all(lambda tensor: tensor.to(device), (lives, state))
    walk = walk_of(device, learner, lives, state, p, task.kind, prequential, theta.requires_grad)
    final, alive, curve = course(walk, learner, task, lives, p, record)
    state = walk.state if device == "cpu" else map_all(Tensor.cpu, walk.state)
    return Result.of(theta.shape[0], count, final.cpu(), alive.cpu(), curve.cpu(), walk.bits.cpu(), state)


def walk_of(
    device: str,
    learner: Learner,
    lives: LifeData,
    state: Any,
    population: int,
    kind: str,
    prequential: bool,
    wanted_gradient: bool,
) -> Walk | Replay:
    """How the steps of these lives are gone through."""
    if device != "cpu":
        return Replay(learner, lives, state, population, kind, prequential)
    differentiable = wanted_gradient and torch.is_grad_enabled()
    return Walk(learner, lives, state, population, kind, prequential, differentiable)


def course(
    walk: Walk | Replay, learner: Learner, task: Task, lives: LifeData, population: int, record: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """From birth to the last step, without waiting for a GPU: the final scores [N], who is alive [N], the curve [N, C]."""
    n, device = len(walk.bits), lives.x.device
    alive = torch.ones(n, dtype=torch.bool, device=device)
    wanted = {int(s): c for c, s in enumerate(record)}
    curve = torch.full((n, len(wanted)), task.worst, dtype=torch.float64, device=device)
    test_x, test_y = fold(lives.test_x, population), fold(lives.test_y, population)

    def score() -> Tensor:
        value = task.score(learner.predict(walk.state, test_x), test_y).to(torch.float64)
        return torch.where(alive & torch.isfinite(value), value, task.worst)

    steps = lives.order.shape[1]
    if 0 in wanted:
        curve[:, wanted[0]] = score()
    for stop in sorted({*range(CHECK_EVERY, steps, CHECK_EVERY), *(s for s in wanted if 0 < s <= steps), steps} - {0}):
        walk.go(stop)
        alive = alive & learner.alive(walk.state)
        if walk.masked or not bool(alive.all()):
            walk.put(learner.freeze(walk.state, alive))
        if stop in wanted:
            curve[:, wanted[stop]] = score()
    return (curve[:, wanted[steps]] if steps in wanted else score()), alive, curve
