"""The three MONK's problems (Thrun et al. 1991): robots of six attributes, and a rule that says which are monks.

    1: head = body, or jacket red        2: exactly two attributes have their first value
    3: jacket green and holding a sword, or jacket not blue and body not an octagon; 5 % of the training labels are wrong

All 432 robots are generated from these definitions. A life draws its training robots, as many as the original sets have
(124, 169, 122), and is scored on all 432, without wrong labels, as the original comparison was.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.random import stream
from inner.tasks._common import accuracy, check_count, check_draw, check_flag, epochs, generated, one_hot, stack
from inner.tasks.base import Label, LifeData, Sizes
from inner.tasks.base import Task as Base

VALUES = (3, 3, 2, 3, 4, 2)  # of head, body, smiling, holding, jacket, tie
TRAIN = {1: 124, 2: 169, 3: 122}
WRONG = {1: 0.0, 2: 0.0, 3: 0.05}


def robots() -> np.ndarray:
    """Values 1, 2, ... of the six attributes of every robot, [432, 6]."""
    return np.stack([each.ravel() for each in np.meshgrid(*(np.arange(1, n + 1) for n in VALUES), indexing="ij")], 1)


def monks(robot: np.ndarray, problem: int) -> np.ndarray:
    """Which robots [M, 6] are monks, bool [M]."""
    head, body, _, holding, jacket, _ = robot.T
    if problem == 1:
        found = (head == body) | (jacket == 1)
    elif problem == 2:
        found = (robot == 1).sum(1) == 2
    else:
        found = ((jacket == 3) & (holding == 1)) | ((jacket != 4) & (body != 3))
    return np.asarray(found)


@dataclass(frozen=True)
class Task(Base):
    """17 inputs, one per value of an attribute; 2 classes out."""

    criterion: ClassVar[Criterion] = CLASSES
    problem: int = 1
    permute: bool = True  # each life draws which output unit stands for monks
    train: int | None = None  # training robots of a life; null: as many as the original set has

    def __post_init__(self) -> None:
        check_count("problem", self.problem, 1, 3)
        check_flag("permute", self.permute)
        if self.train is not None:
            check_count("train", self.train, 1, 432)

    @property
    def inputs(self) -> int:
        return sum(VALUES)

    @property
    def outputs(self) -> int:
        return 2

    @property
    def chance(self) -> float:
        """Share of the larger class."""
        share = float(monks(robots(), self.problem).mean())
        return max(share, 1 - share)

    @property
    def worst(self) -> float:
        return 0.0

    def sizes(self, tier: str, steps: int, batch: int) -> Sizes:
        """The training robots; all 432 are the test set."""
        return Sizes(self.train or TRAIN[self.problem], 432, 2 * 432)

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label: its own training robots, in its own order; all 432 are the test set."""
        check_draw(tier, steps, batch, labels)
        every = robots()
        truth, size = monks(every, self.problem).astype(int), self.train or TRAIN[self.problem]
        columns = np.cumsum((0, *VALUES[:-1])) + every - 1  # [432, 6]
        x = one_hot(columns, self.inputs).sum(1)
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            flip = int(random.integers(2)) if self.permute else 0
            picked = random.permutation(len(x))[:size]
            wrong = np.zeros(size, dtype=int)
            wrong[: round(WRONG[self.problem] * size)] = 1  # the order is drawn already
            shown = one_hot(truth[picked] ^ wrong ^ flip, 2)
            order = epochs(random, size, steps, batch)
            rows.append((x[picked], shown, order, x, one_hot(truth ^ flip, 2)))
        return stack(rows)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Accuracy: [N, V, O], [N, V, O] -> [N] float64."""
        return accuracy(output, test_y)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws; the robots themselves are the same in all tiers."""
        return generated(tier)
