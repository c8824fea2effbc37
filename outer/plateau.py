"""Ends a search that no longer gains: the same rule for every arm of a comparison, the evolved one included.

Every `generations` generations there is a check: the recommendation of now and that of `back` checks ago (or the start) live
the same fresh lives of the search tier. Their difference in fitness m has the jackknife standard error s over W worlds
(Tukey 1958),

    s^2 = (W - 1) / W  sum_w (m_w - mean m_w)^2,    m_w the difference without world w,

and a check finds a gain where m > z s, z = 1.645 (one-sided, 5 %). With the mean as fitness this is the paired z-test.

The search ends at the `patience`-th check in a row without a gain. A search's own tolerances end it sooner. The lives of
the checks count among those that are spent; a resumed search checks again what it had seen, with the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from outer.evaluators.base import Evaluator
from outer.objective import Objective
from outer.settings import Setting

Z = 1.645
WORLDS = 16  # of a check at least


@dataclass(frozen=True)
class Plateau:
    """When a search may end before its last generation."""

    generations: int = 10  # between two checks
    lifetimes: int = 128  # of each of the two recommendations
    back: int = 3  # checks between the two: a gain per check is small, one over several is seen
    patience: int = 2  # checks without a gain, one after the other

    def __post_init__(self) -> None:
        for name, least in (("generations", 1), ("lifetimes", 2), ("back", 1), ("patience", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"plateau.{name}: expected at least {least}, got {getattr(self, name)}")

    def due(self, index: int) -> bool:
        """True where a check precedes generation `index`."""
        return index > 0 and index % self.generations == 0

    def lives(self, index: int) -> int:
        """Lives of the check that precedes generation `index`."""
        return 2 * self.lifetimes if self.due(index) else 0

    def spent(self, lived: int, planned: int) -> int:
        """Lives of all checks of a search that lived so many of its planned generations."""
        return sum(self.lives(index) for index in range(min(lived, planned - 1) + 1))


NEVER = Plateau(generations=2**62)


@dataclass
class Watch:
    """The recommendations of one search at its latest checks, and the checks without a gain up to now."""

    plateau: Plateau
    objective: Objective
    evaluator: Evaluator
    now: np.ndarray  # [D]; at first the start of the search
    before: list[np.ndarray] = field(default_factory=list)  # [D] each, at the checks up to now, the start first
    without: int = 0
    steps: float = field(default=0.0, init=False)  # inner steps of the check of this generation

    def ends(self, index: int) -> bool:
        """Look before generation `index`, where one is due; True where the search is to end."""
        self.steps = 0.0
        if index == 0:
            self.before = [self.now]
        if not self.plateau.due(index):
            return False
        settings = self.settings(index)
        self.steps = float(2 * sum(setting.steps * len(setting.labels) for setting in settings))
        self.without = 0 if self.gains(settings) else self.without + 1
        self.before = [*self.before, self.now][-self.plateau.back :]
        return self.without >= self.plateau.patience

    def settings(self, index: int) -> tuple[Setting, ...]:
        """Fresh lives, in as many worlds per life as in a generation, and at least WORLDS."""
        own, count = self.objective.settings(0), self.plateau.lifetimes
        worlds = round(count * len(own) / sum(len(setting.labels) for setting in own))
        worlds = min(count, max(WORLDS, worlds))
        return self.objective.distribution.settings("search", self.objective.seed, ("plateau", index), count, worlds)

    def gains(self, settings: Sequence[Setting]) -> bool:
        """True where the recommendation is better than the one before, beyond chance."""
        evaluation = self.evaluator.evaluate(self.objective, np.stack([self.now, self.before[0]]), settings)
        return ahead(self.objective, evaluation.scores, settings)


def ahead(objective: Objective, scores: np.ndarray, settings: Sequence[Setting]) -> bool:
    """True where the first row of scores [2, L] is better than the second, beyond chance over worlds."""

    def lead(kept: np.ndarray, worlds: Sequence[Setting]) -> float:
        first, second = objective.reduced(scores[:, kept], worlds)
        return float(first - second)

    owner = np.repeat(np.arange(len(settings)), [len(setting.labels) for setting in settings])
    whole, count = lead(owner >= 0, settings), len(settings)
    without = np.array([lead(owner != w, [*settings[:w], *settings[w + 1 :]]) for w in range(count)])
    error = math.sqrt((count - 1) / count * float(np.square(without - without.mean()).sum()))
    return whole > Z * error
