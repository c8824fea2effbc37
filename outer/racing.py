"""Racing inside a generation: candidates that do badly in the first part of their lives stop, the others live to the end.

First a heat: all candidates live the first part of the generation's own lives. Then the best of the heat live these lives
whole, from birth, in a smaller population. A score does not depend on the rest of the batch, so that survivors have the
same bits, and hence the same ranking, as without racing, on any engine and evaluator; the steps of their heat count too.
Dropped candidates keep the scores of the heat and get a fitness below that of every survivor.

With a heat of share a and survivors of share k, a generation costs a + k of what it did.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from outer.objective import Evaluation, Objective
from outer.settings import Setting

if TYPE_CHECKING:
    from outer.evaluators.base import Evaluator


@dataclass(frozen=True)
class Racing:
    """`at` is the heat's share of a life, `keep` the share of the candidates that go on."""

    at: float = 0.25
    keep: float = 0.5

    def __post_init__(self) -> None:
        for name, value in (("at", self.at), ("keep", self.keep)):
            if not 0 < value < 1:
                raise ValueError(f"racing.{name}: expected a share between 0 and 1, got {value}")


def race(
    racing: Racing, evaluator: Evaluator, objective: Objective, candidates: np.ndarray, settings: Sequence[Setting]
) -> Evaluation:
    """Score candidates [P, D]; `steps` of the evaluation counts the steps of heat and survivors."""
    short = [replace(setting, until=max(1, round(racing.at * setting.steps))) for setting in settings]
    heat = evaluator.evaluate(objective, candidates, short)
    if heat.told is not None:
        raise ValueError("racing: inheritance needs every life whole; leave racing out")
    count = math.ceil(racing.keep * len(candidates))
    kept = np.sort(np.argsort(-heat.fitness, kind="stable")[:count])
    whole = evaluator.evaluate(objective, candidates[kept], settings)
    scores, alive = heat.scores.copy(), heat.alive.copy()
    scores[kept], alive[kept] = whole.scores, whole.alive
    fitness = below(heat.fitness, kept, float(whole.fitness.min()))
    fitness[kept] = whole.fitness
    lived = sum(
        len(w.labels) * (len(candidates) * s.until + count * w.steps) for s, w in zip(short, settings) if s.until
    )
    return Evaluation(fitness, scores, alive, steps=float(lived))


def below(heat: np.ndarray, kept: np.ndarray, floor: float) -> np.ndarray:
    """The heat's fitness [P] shifted so that dropped candidates lie below `floor`, in the order of the heat."""
    dropped = np.delete(heat, kept)
    if not dropped.size:
        return heat.copy()
    result: np.ndarray = heat - dropped.max() + floor - 1e-6 * (1.0 + abs(floor))
    return result
