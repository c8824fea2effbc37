"""One life of N networks in lockstep: the only loop over training steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inner.learners.base import Learner, Shape
from inner.learners.local_rule import fold
from inner.states import joined
from inner.tasks.base import Label, Lives, Task

CHECK_EVERY = 16  # steps between looks at whether a network has left the finite range
BLOCK = 32  # steps whose samples are gathered at once, at most
SHOWN = 2**16  # numbers that are gathered at once, for several steps
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
    lives: Lives,
    theta: Tensor,
    seed: int,
    labels: Sequence[Label],
    record: Sequence[int] = (),
    prequential: bool = False,
) -> Result:
    """Let every candidate theta [P, D] live each of the L lives, from scratch.

    record: the steps after which test scores are taken (0 is birth); seed and labels address the initial weights.
    A score does not depend, by one bit, on which other candidates are in the batch. Large networks live few at a time,
    whole lives after each other, so that their weights stay in the processor's cache.
    """
    shape = Shape(lives.x.shape[2], lives.y.shape[2], task.kind)
    size = together(learner.footprint(shape, lives.order.shape[2]), len(theta), len(labels))
    parts = [
        _live(learner, task, lives, theta[start : start + size], seed, labels, record, prequential)
        for start in range(0, len(theta), size)
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
    lives: Lives,
    theta: Tensor,
    seed: int,
    labels: Sequence[Label],
    record: Sequence[int],
    prequential: bool,
) -> Result:
    count = len(labels)
    p, each = spread(theta, count)
    shape = Shape(lives.x.shape[2], lives.y.shape[2], task.kind)
    state = learner.init(shape, each, p, seed, labels)
    alive = torch.ones(p * count, dtype=torch.bool)
    bits = torch.zeros(p * count, dtype=torch.float64)
    wanted = {int(s): c for c, s in enumerate(record)}
    curve = torch.full((p * count, len(wanted)), task.worst, dtype=torch.float64)
    test_x, test_y = fold(lives.test_x, p), fold(lives.test_y, p)

    def score(now: Any, alive: Tensor) -> Tensor:
        value = task.score(learner.predict(now, test_x), test_y).to(torch.float64)
        return torch.where(alive & torch.isfinite(value), value, task.worst)

    move = learner.step if theta.requires_grad and torch.is_grad_enabled() else learner.advance
    steps = lives.order.shape[1]
    copies = p * count if count > 1 else 1  # candidates of a single life look at the same memory
    block = max(1, min(BLOCK, SHOWN // max(1, copies * lives.order.shape[2] * lives.x.shape[2])))
    if 0 in wanted:
        curve[:, wanted[0]] = score(state, alive)
    for start in range(0, steps, block):
        for t, (x, y) in enumerate(_shown(lives, start, min(start + block, steps), p), start):
            state, output = move(state, x, y)
            if prequential:
                bits += code_length(output, y, task.kind)
            done = t + 1
            if done % CHECK_EVERY == 0 or done == steps or done in wanted:
                alive = alive & learner.alive(state)
                if not bool(alive.all()):
                    state = learner.freeze(state, alive)
                if done in wanted:
                    curve[:, wanted[done]] = score(state, alive)
    final = curve[:, wanted[steps]] if steps in wanted else score(state, alive)

    return Result.of(theta.shape[0], count, final, alive, curve, bits, state)


def code_length(output: Tensor, y: Tensor, kind: str) -> Tensor:
    """Bits to code the targets y [N, B, O] given the predictions: float64 [N], summed over samples.

    Classes: -log2 p(class), at most 100 bits a sample. Regression: a Gaussian of unit variance.
    """
    if kind == "classification":
        p = (output * y).sum(-1).clamp_min(2.0**-100)
        return -torch.log2(p).sum(-1, dtype=torch.float64)
    squares = ((y - output) ** 2).sum((-1, -2), dtype=torch.float64)
    return squares * (0.5 / math.log(2)) + 0.5 * math.log2(2 * math.pi) * y.shape[1] * y.shape[2]


def _shown(lives: Lives, start: int, stop: int, population: int) -> Iterator[tuple[Tensor, Tensor]]:
    """x [N, B, I] and y [N, B, O] of the steps start .. stop."""
    order = lives.order[:, start:stop].transpose(0, 1)  # [steps, L, B]

    def all_of(pool: Tensor) -> Sequence[Tensor]:
        index = order
        if pool.shape[0] > 1 and pool.stride(0):  # lives do not share one pool
            index = order + torch.arange(0, len(pool) * pool.shape[1], pool.shape[1], device=order.device)[:, None]
        flat = pool.flatten(0, 1) if index is not order else pool[0]
        shown = flat.index_select(0, index.reshape(-1)).reshape(len(order), 1, *order.shape[1:], -1)
        return shown.expand(-1, population, -1, -1, -1).reshape(len(order), -1, *shown.shape[3:]).unbind(0)

    return zip(all_of(lives.x), all_of(lives.y))
