"""The progress of one search within a budget of inner steps: its recommendations at evenly spaced marks, on fresh lives."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.objective import Objective
from outer.racing import Racing
from outer.searches.base import Search
from outer.settings import Setting


@dataclass(frozen=True)
class BudgetCurve:
    """One search with one seed. K marks; plain numbers, so that it can be stored as JSON."""

    marks: tuple[float, ...]  # [K] inner steps: shares of the budget
    quality: tuple[float, ...]  # [K] mean score on the judges' lives of what was recommended by then
    rows: tuple[dict[str, float], ...]  # per generation: generation, inner_steps, best, mean
    values: dict[str, float]  # coefficients of the last recommendation
    inner_steps: float  # consumed, at most the budget
    lifetimes: float
    seconds: float  # of search and judging on one core
    ended: str  # why it stopped before the budget was spent, or nothing


def budget_curve(
    objective: Objective,
    search: Search,
    budget: float,
    marks: int,
    judge: Objective,
    settings: Sequence[Setting],
    racing: Racing | None = None,
) -> BudgetCurve:
    """Run `search` on `objective` until the next generation would go over `budget` inner steps, in this process.

    `judge` scores the recommendations on `settings`, the same for all searches; this costs no budget. A rule without free
    coefficients has one recommendation. A generation that does not finish within the budget does not count.
    """
    started = time.perf_counter()
    genome = objective.genome
    at = [budget * (k + 1) / marks for k in range(marks)]
    recommendations: list[np.ndarray] = []
    rows: list[dict[str, float]] = []
    now, used, lifetimes, ended = genome.start(), 0.0, 0.0, ""
    with Evaluator() as evaluator:
        if genome.size:
            least = min(setting.steps * len(setting.labels) for setting in objective.settings(0))
            endless = dataclasses.replace(cast(Any, search), generations=int(budget / least) + 2)
            try:
                for generation in evolve(objective, endless, evaluator, racing=racing):
                    steps = generation.metrics["inner_steps"]
                    while len(recommendations) < marks and at[len(recommendations)] < steps:
                        recommendations.append(now)
                    if steps > budget:
                        break
                    now, used, lifetimes = generation.recommendation, steps, generation.metrics["lifetimes"]
                    kept = {key: generation.metrics[key] for key in ("inner_steps", "best", "mean", "failures")}
                    rows.append({"generation": float(generation.index), **kept})
                else:
                    ended = "the search stopped by itself"
            except ValueError as error:  # a generation in which every life failed: that is how this search did
                ended = str(error)
        recommendations += [now] * (marks - len(recommendations))
        vectors = {vector.tobytes(): vector for vector in recommendations}
        scored = evaluator.evaluate(judge, np.stack(list(vectors.values())), settings).scores.mean(1)
    quality = dict(zip(vectors, scored))
    return BudgetCurve(
        tuple(at),
        tuple(float(quality[vector.tobytes()]) for vector in recommendations),
        tuple(rows),
        genome.values(now),
        float(used),
        float(lifetimes),
        time.perf_counter() - started,
        ended,
    )
