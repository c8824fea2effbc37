"""Shared parts of generated families of classification tasks: every life draws a generator of its own, and samples of it.

A family gives `draw`: inputs for samples whose classes are given, in equal shares, or inputs and classes of its own. What
is drawn comes from streams at the address of the life, (seed, "task", tier, *label, name), one per name, so that no two
tiers share a generator. A row of a stream is a sample: a longer life begins as the shorter one does.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.random import stream
from inner.tasks._common import accuracy, check_count, check_draw, check_number, epochs, generated, one_hot, stack
from inner.tasks.base import Label, LifeData, Task

REFERENCE = 128  # samples, at least, on which the units of inputs are measured; they are neither shown nor scored
BLOCK = 64  # rows of a matrix product: always as many, so that its bits do not depend on how many are wanted
BALANCING = 40  # rounds of making classes equally frequent
Streams = Callable[[str], np.random.Generator]  # each name once: a second call starts anew


class Family(Task):
    """Abstract: generated classification. A concrete family is a frozen dataclass with at least these options."""

    criterion: ClassVar[Criterion] = CLASSES
    centred: ClassVar[bool] = True  # False: inputs keep their mean, which serves networks without biases as one
    classes: int  # C, drawn in equal shares
    patterns: int  # training samples of a life
    difficulty: float  # 1 is the family's own; larger is harder
    scale: float  # root mean square of the inputs
    test: int  # V, test samples of a life, new ones

    @abstractmethod
    def draw(self, streams: Streams, y: np.ndarray) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Inputs [M, I] of samples of classes y [M], in any units; or inputs and the classes that they turned out to have.

        The generator of the life is drawn first, then row after row: the first rows do not depend on M.
        """

    def check(self, most_classes: int | None = None) -> None:
        """Raise ValueError, in one line, for an option that no family can use."""
        check_count("classes", self.classes, 2, most_classes)
        check_count("patterns", self.patterns, 1)
        check_number("difficulty", self.difficulty)
        check_number("scale", self.scale)
        check_count("test", self.test, 1)

    @property
    def outputs(self) -> int:
        return self.classes

    @property
    def chance(self) -> float:
        return 1.0 / self.classes

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label (S = min(patterns, T*B)). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        return stack(
            [self._life(steps, batch, lambda name: stream(seed, "task", tier, *each, name)) for each in labels]
        )

    def _life(self, steps: int, batch: int, streams: Streams) -> tuple[np.ndarray, ...]:
        """x [S, I], y [S, O], order [T, B], test_x [V, I], test_y [V, O] of one life."""
        reference = math.ceil(REFERENCE / self.classes) * self.classes
        shown = min(self.patterns, max(1, steps * batch))
        count = reference + self.test + shown
        rounds = math.ceil(count / self.classes)  # every class once in each
        y = streams("classes").random((rounds, self.classes)).argsort(1).ravel()[:count]
        found = self.draw(streams, y)
        x, y = found if isinstance(found, tuple) else (found, y)
        seen = x[:reference]
        mean = seen.mean(0) if self.centred else np.zeros(x.shape[1])
        unit = math.sqrt(float(np.square(seen - mean).mean())) or 1.0
        x = ((x[reference:] - mean) * (self.scale / unit)).astype(np.float32)
        target = one_hot(y[reference:], self.classes)
        order = epochs(streams("order"), self.patterns, steps, batch)
        return x[self.test :], target[self.test :], order, x[: self.test], target[: self.test]

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, O], [N, V, O] -> [N] float64."""
        return accuracy(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws."""
        return generated(tier)


def product(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x [M, I] @ w [I, O]; the bits of a row do not depend on M."""
    blocks = math.ceil(len(x) / BLOCK)
    padded = np.zeros((blocks * BLOCK, x.shape[1]))
    padded[: len(x)] = x
    found: np.ndarray = (padded.reshape(blocks, BLOCK, -1) @ w).reshape(blocks * BLOCK, -1)[: len(x)]
    return found


def gaussian(random: np.random.Generator, below: int, above: int) -> np.ndarray:
    """A matrix [below, above] of N(0, 1 / below)."""
    drawn: np.ndarray = random.standard_normal((below, above)) / math.sqrt(below)
    return drawn


def lifted(z: np.ndarray, streams: Streams, inputs: int, noise: float, offset: float = 1.0) -> np.ndarray:
    """Latent z [M, d] under a random linear map, beside a constant direction and noise on every input: [M, inputs].

    The constant tells a network without biases where the origin of the latent space is.
    """
    plane = gaussian(streams("lift"), z.shape[1], inputs)
    place = offset * streams("place").standard_normal(inputs)
    return product(z, plane) + place + noise * streams("lift noise").standard_normal((len(z), inputs))


def rotated(x: np.ndarray, random: np.random.Generator, reflections: int = 4) -> np.ndarray:
    """x [M, I] under a few random reflections, after which every input has a part of every old one."""
    for axis in random.standard_normal((reflections, x.shape[1])):
        axis /= math.sqrt(float(np.square(axis).sum()))
        x = x - 2.0 * (x * axis).sum(1, keepdims=True) * axis
    return x


def spectrum(inputs: int, exponent: float) -> np.ndarray:
    """Standard deviations [I] of directions whose variances fall as i^-exponent, their mean variance 1."""
    variance = np.arange(1, inputs + 1, dtype=float) ** -exponent
    found: np.ndarray = np.sqrt(variance / variance.mean())
    return found


def balancing(logits: np.ndarray) -> np.ndarray:
    """What to add to logits [R, C] so that every class is the largest about equally often: [C]."""
    added = np.zeros(logits.shape[1])
    step = float(logits.std())
    for round_ in range(BALANCING):
        shares = np.bincount((logits + added).argmax(1), minlength=len(added)) / len(logits)
        added -= step * (shares - 1.0 / len(added)) * (1.0 - round_ / BALANCING) * 2.0
    return added
