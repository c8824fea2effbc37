"""Shared parts of tasks of all kinds: the order of showing a pool, one-hot targets, scores, and the checks of options."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import torch
from torch import Tensor

from inner.tasks.base import Label, LifeData, check_tier


def epochs(random: np.random.Generator, pool: int, steps: int, batch: int) -> np.ndarray:
    """Order [T, B] of showing a pool that is already shuffled: 0, 1, 2, ... and then fresh shuffles of all of it."""
    rounds = [np.arange(pool)]
    for _ in range(1, math.ceil(steps * batch / pool)):
        rounds.append(random.permutation(pool))
    return np.concatenate(rounds)[: steps * batch].reshape(steps, batch)


def one_hot(y: np.ndarray, classes: int) -> np.ndarray:
    """One-hot float32 [..., C] of class numbers [...]."""
    rows: np.ndarray = np.eye(classes, dtype=np.float32)[y]
    return rows


def stack(rows: Sequence[tuple[np.ndarray, ...]]) -> LifeData:
    """Lives from one tuple (x [S, I], y [S, O], order [T, B], test_x [V, I], test_y [V, O]) per life."""
    return LifeData(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))


def accuracy(output: Tensor, test_y: Tensor) -> Tensor:
    """Share of the V samples whose largest output is the target class: [N, V, O], [N, V, O] -> [N] float64.

    A sample with a non-finite output counts as wrong.
    """
    right = output.argmax(-1) == test_y.argmax(-1)  # [N, V]
    return (right & output.isfinite().all(-1)).double().mean(-1)


def balanced_accuracy(output: Tensor, test_y: Tensor) -> Tensor:
    """Mean over the classes among the targets of the share of their samples that are right, as in `accuracy`: [N] float64."""
    right = (output.argmax(-1) == test_y.argmax(-1)) & output.isfinite().all(-1)  # [N, V]
    members = test_y.double()  # [N, V, O]
    count = members.sum(1)
    shares = (members * right[..., None]).sum(1) / count.clamp(min=1.0)
    return shares.sum(-1) / (count > 0).sum(-1)


def negative_error(output: Tensor, test_y: Tensor, worst: float) -> Tensor:
    """Minus the mean squared error, not below `worst`: [N, V, O], [N, V, O] -> [N] float64. Non-finite is `worst`."""
    score = -(output.double() - test_y.double()).square().mean((-2, -1))
    return score.nan_to_num(nan=worst, neginf=worst).clamp(min=worst)


def orthonormal(random: np.random.Generator, size: int) -> np.ndarray:
    """A rotation [I, I] drawn uniformly, one direction per row (Gram-Schmidt on Gaussian vectors, without BLAS)."""
    rows = random.standard_normal((size, size))
    for index in range(size):
        for _ in range(2):  # a second pass removes what rounding left of the first
            overlap = (rows[:index] * rows[index]).sum(1)
            rows[index] -= (overlap[:, None] * rows[:index]).sum(0)
        rows[index] /= np.sqrt(np.square(rows[index]).sum())
    return rows


def generated(tier: str) -> set[Hashable]:
    """The id of all that a generated task can draw in a tier: the address under which its random streams lie.

    Every life of the tier is drawn at an address (seed, "task", tier, *label), and no address belongs to two tiers.
    """
    check_tier(tier)
    return {("task", tier)}


def check_draw(tier: str, steps: int, batch: int, labels: Sequence[Label]) -> None:
    """Raise ValueError, in one line, for an impossible request of lives."""
    check_tier(tier)
    check_count("steps", steps, 0)
    check_count("batch", batch, 1)
    if not labels:
        raise ValueError("labels: expected one per lifetime, got none")


def check_flag(name: str, value: bool) -> None:
    """Raise ValueError unless `value` is a bool."""
    if not isinstance(value, bool):
        raise ValueError(f"{name}: expected true or false, got {value!r}")


def check_number(name: str, value: float) -> None:
    """Raise ValueError unless `value` is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < math.inf:
        raise ValueError(f"{name}: expected a finite number above 0, got {value!r}")


def check_count(name: str, value: int, low: int, high: int | None = None) -> None:
    """Raise ValueError unless `value` is an integer in low..high (no upper end when `high` is None)."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        span = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name}: expected an integer {span}, got {value!r}")
