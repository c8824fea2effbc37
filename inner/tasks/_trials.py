"""Lives of trials that follow each other: sequences of equal length whose target counts at their last step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from inner.random import stream
from inner.tasks._common import check_draw
from inner.tasks.base import Label, LifeData

Draw = Callable[[np.random.Generator], Callable[[int], tuple[np.ndarray, np.ndarray]]]


def trial_lives(
    draw: Draw, length: int, test: int, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]
) -> LifeData:
    """One lifetime per label: B sequences of trials side by side, each of `length` steps; the last trial may be cut short.

    draw(random) begins a life and gives a function that draws the next n trials: x [n, length, I], y [n, O]. Asking
    twice must give the same as asking once for the sum. All steps of a trial have its target; the last one counts.
    The pool (S = T * B, at least 1) holds every step as it is shown; the test set is `test` trials (V = length * test).
    """
    check_draw(tier, steps, batch, labels)
    rounds = max(1, math.ceil(steps / length))
    shown = max(1, steps * batch)
    columns = []
    for label in labels:
        take = draw(stream(seed, "task", tier, *label))
        tests, trials = _ticks(*take(test), test), _ticks(*take(rounds * batch), batch)
        columns.append((*(each[:shown] for each in trials), *tests))
    x, y, test_x, test_y = (torch.from_numpy(np.stack(column)) for column in zip(*columns, strict=True))
    lives, tick = len(labels), torch.arange(steps) % length
    order = torch.arange(steps * batch).reshape(steps, batch).expand(lives, -1, -1)
    exam = torch.arange(length)[:, None].expand(-1, test)
    return LifeData(
        x, y, order, test_x, test_y,
        fresh=(tick == 0)[None, :, None].expand(lives, -1, batch), scored=(tick == length - 1)[None, :, None].expand(lives, -1, batch),
        test_fresh=exam == 0, test_scored=exam == length - 1,
    )  # fmt: skip


def _ticks(x: np.ndarray, y: np.ndarray, side_by_side: int) -> tuple[np.ndarray, np.ndarray]:
    """Trials x [R * B, length, I], y [R * B, O], round by round, as steps: [R * length * B, I] and [R * length * B, O]."""
    count, length, inputs = x.shape
    steps = x.reshape(count // side_by_side, side_by_side, length, inputs).transpose(0, 2, 1, 3)
    targets = y.reshape(count // side_by_side, 1, side_by_side, -1).repeat(length, 1)
    return steps.reshape(-1, inputs).astype(np.float32), targets.reshape(-1, y.shape[1]).astype(np.float32)
