"""A stream whose hidden state lasts, generated: a state shows itself faintly among louder noise, and is followed by itself.

    s_{t+1} = s_t with probability `stay`, else another state;    x_t = Q (signal e_{s_t} + quiet noise | loud noise)

Q is a rotation of each life's own: the first `states` axes carry the state, the others noise of standard deviation `loud`. What is
seen next can be told from the state alone, and the noise makes most of the variance: predicting the next input finds the state, where
reconstructing the present one finds the noise. `shuffled: true` draws every state anew: samples as before, and no time between
them. A life of batch B has B such streams side by side; the class of a sample is its state.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.random import stream
from inner.tasks._common import (
    accuracy,
    check_count,
    check_draw,
    check_flag,
    check_number,
    generated,
    one_hot,
    orthonormal,
    stack,
)
from inner.tasks.base import Label, LifeData, Sizes
from inner.tasks.base import Task as Base

QUIET = 0.3  # standard deviation of the noise on the axes of the state


@dataclass(frozen=True)
class Task(Base):
    """`inputs` numbers in, `states` classes out."""

    criterion: ClassVar[Criterion] = CLASSES
    inputs: int = 24  # I
    states: int = 4  # C
    stay: float = 0.9
    signal: float = 1.5
    loud: float = 2.0
    shuffled: bool = False
    test: int = 200  # V

    def __post_init__(self) -> None:
        check_count("states", self.states, 2)
        check_count("inputs", self.inputs, self.states)
        check_count("test", self.test, 1)
        check_flag("shuffled", self.shuffled)
        check_number("signal", self.signal)
        check_number("loud", self.loud)
        if isinstance(self.stay, bool) or not isinstance(self.stay, int | float) or not 0 <= self.stay <= 1:
            raise ValueError(f"stay: expected a probability, got {self.stay!r}")

    @property
    def outputs(self) -> int:
        return self.states

    @property
    def chance(self) -> float:
        return 1.0 / self.states

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label. Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        return stack([self.draw(tier, steps, batch, seed, label) for label in labels])

    def draw(self, tier: str, steps: int, batch: int, seed: int, label: Label) -> tuple[np.ndarray, ...]:
        """x [T B, I], y [T B, C], order [T, B], test_x [V, I] and test_y [V, C] of one life."""
        random, shown = stream(seed, "task", tier, *label), max(1, steps)
        rotation = orthonormal(random, self.inputs)
        tests = random.integers(0, self.states, self.test)
        test_x = self.samples_of(random, tests, rotation)
        leaves, others, noise = (stream(seed, "task", tier, *label, part) for part in ("leaves", "others", "noise"))
        stays = leaves.random((shown, batch)) < self.stay
        if self.shuffled:
            states = (others.random((shown, batch)) * self.states).astype(np.int64)
        else:
            jumps = 1 + (others.random((shown, batch)) * (self.states - 1)).astype(np.int64)
            jumps[1:][stays[1:]] = 0
            states = np.cumsum(jumps, 0) % self.states  # [T, B]
        classes = states.reshape(-1)
        x = self.samples_of(noise, classes, rotation)
        order = np.arange(steps * batch).reshape(steps, batch)
        return x, one_hot(classes, self.states), order, test_x, one_hot(tests, self.states)

    def samples_of(self, random: np.random.Generator, states: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """x [S, I] float32 of states [S]."""
        parts = random.standard_normal((len(states), self.inputs))
        parts[:, : self.states] *= QUIET
        parts[:, self.states :] *= self.loud
        parts[np.arange(len(states)), states] += self.signal
        found: np.ndarray = np.einsum("sk,ki->si", parts, rotation).astype(np.float32)
        return found

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """Every step shows samples of its own."""
        shown = max(1, steps) * batch
        return Sizes(shown, self.test, shown + self.test)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, C], [N, V, C] -> [N] float64."""
        return accuracy(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own samples."""
        return generated(tier)
