"""Backward elimination on the select tier: removes terms that do not change the score of fresh lives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outer.evaluators.base import Evaluator
from outer.learner_objective import LearnerObjective


@dataclass(frozen=True)
class Pruned:
    """The remaining rule, and the score on the select tier after each removal."""

    vector: np.ndarray  # [D]; removed coefficients are 0
    score: float  # mean on the select tier
    steps: tuple[tuple[str, float], ...]  # (removed coefficient, mean score without it), in order


def removable(objective: LearnerObjective) -> dict[str, slice]:
    """The coefficients of a formula that may become 0, each with its place in the vector; the values of a shared one go together."""
    found: dict[str, slice] = {}
    if objective.learner.formula is None:  # a term is a part of a formula: other learners stay whole
        return found
    for coefficient, where in objective.coefficients.groups():
        zero = coefficient.decode(np.zeros(1))[0] == 0
        if coefficient.transform != "log" and zero:
            found[coefficient.name] = where
    return found


def prune(
    objective: LearnerObjective, evaluator: Evaluator, vector: np.ndarray, lifetimes: int, shapes: int, tolerance: float
) -> Pruned:
    """Remove the least important coefficient, again and again, while the score stays within `tolerance` of the best.

    All variants live the same lives of the select tier, other lives than those that chose the winner; the final tier is
    never used. The reference is the best score so far, at first the whole rule's: losses cannot add up, and a gain from
    removing a harmful term is kept.
    """
    settings = objective.distribution.settings("select", objective.seed, ("prune",), lifetimes, shapes)
    places, steps = removable(objective), []
    kept = list(places)
    vector = vector.copy()

    def scored(vectors: np.ndarray) -> np.ndarray:
        return objective.reduced(evaluator.evaluate(objective, vectors, settings).scores, settings)

    score = float(scored(vector[None])[0])
    best = score
    while len(kept) > 1:
        variants = np.repeat(vector[None], len(kept), 0)
        for variant, name in zip(variants, kept):
            variant[places[name]] = 0.0
        means = scored(variants)
        least = int(np.argmax(means))
        if means[least] < best - tolerance:
            break
        vector, score = variants[least], float(means[least])
        best = max(best, score)
        steps.append((kept.pop(least), score))
    return Pruned(vector, score, tuple(steps))
