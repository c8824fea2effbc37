"""Tunes a learner for one setting alone: the strongest form that an opponent can take there.

One or two coefficients above 0 are tried on a grid of even ratios around their initial values, then on finer grids around
the best; all points of a grid live the same lives of the select tier in one batch. Other learners are searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inner.rules.coefficient import Coefficient, Values
from outer.evaluators.base import Evaluator
from outer.evaluators.serial import Evaluator as Serial
from outer.evidence.tuning import Tuned, tune
from outer.learner_objective import LearnerObjective
from outer.plateau import Plateau
from outer.searches.base import Search
from outer.settings import Setting

DECADES = 2.0  # of a grid on either side of the initial value


@dataclass(frozen=True)
class Grid:
    """Points per coefficient of the first grid and of the finer ones, whose steps are `finer` of those before."""

    first: int
    then: int
    finer: tuple[float, ...]


GRIDS = {1: Grid(21, 7, (1 / 3, 1 / 9)), 2: Grid(11, 7, (1 / 3, 1 / 9))}  # by the number of coefficients


def gridded(coefficients: Sequence[Coefficient]) -> list[Coefficient]:
    """The free coefficients where a grid can have them: one or two numbers above 0; else none."""
    free = [c for c in coefficients if not c.fixed]
    simple = all(c.transform == "log" and c.share == "rule" for c in free)
    return free if simple and len(free) in GRIDS else []


def tune_setting(
    objective: LearnerObjective, search: Search, finalists: int, lifetimes: int, plateau: Plateau, label: str
) -> Tuned:
    """The best values on the select tier of an objective whose distribution is one setting; in this process.

    lifetimes: of each point, on the select tier; the same for all points. label: addresses these lives.
    """
    free = gridded(objective.learner.coefficients)
    if not free:
        return tune(objective, search, finalists, lifetimes, 1, plateau=plateau)
    settings = objective.distribution.settings("select", objective.seed, ("setting", label), lifetimes, 1)
    grid, initial = GRIDS[len(free)], {c.name: c.init for c in objective.learner.coefficients}
    step = 2 * DECADES / (grid.first - 1)
    centre, best, spent = np.array([np.log10(c.init) for c in free]), -np.inf, 0
    values: Values = dict(initial)
    with Serial() as evaluator:
        for count, width in [(grid.first, step), *((grid.then, step * share) for share in grid.finer)]:
            points = points_of(centre, count, width, free)
            rows = [initial | dict(zip([c.name for c in free], point)) for point in points.tolist()]
            scores = _scores(objective, rows, settings, evaluator)
            spent += scores.size
            top = int(np.argmax(scores.mean(1)))
            if scores[top].mean() > best:
                best, values, centre = float(scores[top].mean()), dict(rows[top]), np.log10(points[top])
    return Tuned(values, spent, best, (best,))


def points_of(centre: np.ndarray, count: int, width: float, free: Sequence[Coefficient]) -> np.ndarray:
    """Points [G, D] of a grid around 10^centre [D], neighbours `width` decades apart, within the bounds."""
    offsets = width * (np.arange(count) - (count - 1) / 2)
    axes = [centre[d] + offsets for d in range(len(free))]
    points = 10.0 ** np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    low = [-np.inf if c.low is None else c.low for c in free]
    high = [np.inf if c.high is None else c.high for c in free]
    return np.unique(np.clip(points, low, high), axis=0)


def _scores(
    objective: LearnerObjective, rows: Sequence[Mapping[str, Any]], settings: Sequence[Setting], evaluator: Evaluator
) -> np.ndarray:
    """Scores [G, L] of values by name."""
    vectors = np.stack([objective.coefficients.encode(row) for row in rows])
    return evaluator.evaluate(objective, vectors, settings).scores
