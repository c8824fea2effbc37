"""Selection of the winner: finalists of a search live again on the select tier, so that luck in the search does not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from outer.evaluators.base import Evaluator
from outer.generation import Generation
from outer.objective import Objective


@dataclass(frozen=True)
class Selection:
    """The winner, and how it and its rivals did on fresh lifetimes of the select tier."""

    vector: np.ndarray  # [D]
    finalists: np.ndarray  # [K, D]
    scores: np.ndarray  # [K, L] on the select tier
    chosen: int
    values: np.ndarray  # [K] aggregate of the scores of each finalist


def finalists(history: Sequence[Generation], count: int) -> np.ndarray:
    """The search's latest recommendations and the best candidates of its last third [K, D], without repeats."""
    last = history[-max(1, len(history) // 3) :]
    recommendations = [
        last[-1].recommendation,
        last[len(last) // 2].recommendation,
        np.mean([g.recommendation for g in last], axis=0),
    ]
    pairs = sorted(  # candidates that a digest replaced cannot run; the recommendations are there
        ((float(g.fitness[p]), g.index, p) for g in last for p in range(len(g.candidates))),
        key=lambda t: (-t[0], t[1:]),
    )
    by_index = {g.index: g for g in last}
    best = [by_index[index].candidates[p] for _, index, p in pairs[:count]]
    unique = {vector.tobytes(): vector for vector in recommendations + best}
    return np.stack(list(unique.values())[:count])


def select(
    objective: Objective, evaluator: Evaluator, history: Sequence[Generation], count: int, lifetimes: int, shapes: int
) -> Selection:
    """Score `count` finalists on fresh lifetimes of the select tier and take the best: no winner's curse."""
    vectors = finalists(history, count)
    settings = objective.distribution.settings("select", objective.seed, (0,), lifetimes, shapes)
    evaluation = evaluator.evaluate(objective, vectors, settings)
    values = objective.reduced(evaluation.scores, settings)
    chosen = int(np.argmax(values))
    return Selection(vectors[chosen], vectors, evaluation.scores, chosen, values)
