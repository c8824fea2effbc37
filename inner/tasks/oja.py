"""The first principal component as weights: the task on which Confavreux et al. (2020) rediscovered Oja's rule.

A life draws a random rotation Q and S samples of a Gaussian with covariance Q^T diag(variances) Q. A linear network
without a teacher shall end with the sample's first principal axis as its weights, up to sign:

    score = 1 - min(|v - w|, |v + w|)                                        (1 - the loss of the paper)

A score may look at outputs only, so the test inputs are orthonormal frames R with R^T R = 1: a linear unit answers
R w, and the target R v is as far from it as v is from w. The length of the weights counts, unlike in the task `pca`.
With `outputs` above 1 unit k shall end with the k-th axis, and the score is the mean over units (the paper's subspace
network); where units hear each other, w is the weight from the inputs that the unit answers with in effect.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.criteria import NONE, Criterion
from inner.random import stream
from inner.tasks._common import check_count, check_draw, epochs, generated, orthonormal, stack
from inner.tasks.base import Label, LifeData, Sizes
from inner.tasks.base import Task as Base

FRAMES = 8  # test inputs are the rows of this many rotations, each divided by sqrt(FRAMES)


def distance_score(output: Tensor, test_y: Tensor) -> Tensor:
    """1 - the distance up to sign, averaged over the units: [N, V, O], [N, V, O] -> [N] float64, at least -1."""
    one, two = output.double(), test_y.double()
    apart = torch.minimum((one - two).square().sum(1), (one + two).square().sum(1)).sqrt()  # [N, O]
    return (1.0 - apart).nan_to_num(nan=-1.0, neginf=-1.0).clamp(min=-1.0).mean(-1)


@lru_cache(maxsize=16)
def random_score(inputs: int) -> float:
    """Mean score of weights of length 1 in a random direction, over 20,000 draws."""
    drawn = stream(0, "oja", "chance").standard_normal((20_000, inputs))
    cosine = np.abs(drawn[:, 0]) / np.sqrt(np.square(drawn).sum(1))
    return float(1.0 - np.sqrt(2.0 - 2.0 * cosine).mean())


@lru_cache(maxsize=8)
def _drawn(task: Task, tier: str, steps: int, batch: int, seed: int, labels: tuple[Label, ...]) -> LifeData:
    """Samples of L lives, drawn once for all chunks of a generation; no code changes the tensors of a life."""
    return stack([task.draw(tier, steps, batch, seed, label) for label in labels])


@dataclass(frozen=True)
class Task(Base):
    """As many inputs as variances; the paper's D3, and its D5 with variances [1, 0.7, 0.2, 0.1, 0]."""

    criterion: ClassVar[Criterion] = NONE.named("1 - distance")
    variances: tuple[float, ...] = (1.0, 0.5, 0.0)  # along the principal axes, largest first
    patterns: int = 100  # S, samples of a life; a batch of the same size shows all of them at every step
    outputs: int = 1  # O, how many leading axes are asked for

    def __post_init__(self) -> None:
        given = tuple(self.variances) if isinstance(self.variances, tuple | list) else ()
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v < math.inf for v in given)
        if len(given) < 2 or not numbers or given[0] <= max(given[1:]):
            raise ValueError(
                f"variances: expected two or more numbers of at least 0, the first the largest, got {self.variances!r}"
            )
        object.__setattr__(self, "variances", given)
        check_count("patterns", self.patterns, 2)
        check_count("outputs", self.outputs, 1, len(given))

    @property
    def inputs(self) -> int:
        return len(self.variances)

    @property
    def chance(self) -> float:
        """Score of weights of the right length in a random direction; no weights at all score 0."""
        return random_score(self.inputs)

    @property
    def worst(self) -> float:
        return -1.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label (S = min(patterns, T*B)). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        return _drawn(self, tier, steps, batch, seed, tuple(labels))

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Samples, and the rows of the frames."""
        tests = FRAMES * self.inputs
        return Sizes(min(self.patterns, max(1, steps * batch)), tests, self.patterns + tests)

    def draw(self, tier: str, steps: int, batch: int, seed: int, label: Label) -> tuple[np.ndarray, ...]:
        """x [S, I], y [S, O], order [T, B], test_x [V, I] and test_y [V, O] of one life."""
        random = stream(seed, "task", tier, *label)
        rotation = orthonormal(random, self.inputs)  # [I, I], one axis per row
        parts = random.standard_normal((self.patterns, self.inputs)) * np.sqrt(np.array(self.variances))
        x = np.einsum("sk,ki->si", parts, rotation)
        frames = np.concatenate([orthonormal(random, self.inputs) for _ in range(FRAMES)]) / math.sqrt(FRAMES)
        axes = np.linalg.eigh(np.einsum("si,sj->ij", x, x))[1][:, ::-1][:, : self.outputs]  # eigh's eigenvalues rise
        shown = x[: max(1, steps * batch)].astype(np.float32)
        nothing = np.zeros((len(shown), self.outputs), dtype=np.float32)
        target = np.einsum("vi,io->vo", frames, axes).astype(np.float32)
        return shown, nothing, self._order(random, steps, batch), frames.astype(np.float32), target

    def _order(self, random: np.random.Generator, steps: int, batch: int) -> np.ndarray:
        """[T, B]; a full batch is the same set at every step, so it need not be shuffled."""
        if batch == self.patterns:
            return np.tile(np.arange(batch), (steps, 1))
        return epochs(random, self.patterns, steps, batch)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """1 - distance of the weights to the axis, up to sign: [N, V, O], [N, V, O] -> [N] float64, 1 at best."""
        return distance_score(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own samples."""
        return generated(tier)
