"""One life of N networks in lockstep: the only loop over training steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inner.learners.base import Learner, Shape
from inner.learners.local_rule import fold
from inner.tasks.base import Label, Lives, Task

CHECK_EVERY = 16  # steps between looks at whether a network has left the finite range
BLOCK = 32  # steps whose samples are gathered at once


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
    A score does not depend, by one bit, on which other candidates are in the batch.
    """
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

    steps = lives.order.shape[1]
    if 0 in wanted:
        curve[:, wanted[0]] = score(state, alive)
    for start in range(0, steps, BLOCK):
        block_x, block_y = _gather(lives, start, min(start + BLOCK, steps))
        for t in range(start, min(start + BLOCK, steps)):
            x, y = fold(block_x[:, t - start], p), fold(block_y[:, t - start], p)
            state, output = learner.step(state, x, y)
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


def _gather(lives: Lives, start: int, stop: int) -> tuple[Tensor, Tensor]:
    """The samples of steps start .. stop: [L, steps, B, I] and [L, steps, B, O]."""
    order = lives.order[:, start:stop]
    row = torch.arange(order.shape[0]).reshape(-1, 1, 1)
    return lives.x[row, order], lives.y[row, order]
