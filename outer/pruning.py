"""Backward elimination on the select tier: terms that fresh lives do not miss go, so that the printed rule is the rule that runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outer.evaluators.base import Evaluator
from outer.objective import Objective


@dataclass(frozen=True)
class Pruned:
    """The rule that is left, and what each removal cost on the select tier."""

    vector: np.ndarray  # [D]; removed coefficients are 0
    score: float  # mean on the select tier
    steps: tuple[tuple[str, float], ...]  # (removed coefficient, mean score without it), in order


def removable(objective: Objective) -> list[int]:
    """Positions in the vector of coefficients that may become 0."""
    genome = objective.genome
    found = []
    for d, i in enumerate(genome.free):
        coefficient = genome.coefficients[i]
        zero = coefficient.decode(np.zeros(1))[0] == 0
        if coefficient.transform != "log" and zero:
            found.append(d)
    return found


def prune(
    objective: Objective, evaluator: Evaluator, vector: np.ndarray, lifetimes: int, shapes: int, tolerance: float
) -> Pruned:
    """Remove the coefficient that is missed least, again and again, while the mean score stays within `tolerance`.

    All variants live the same lives of the select tier (not those on which the winner was chosen); the final tier is
    never touched. The score to keep up with is that of the whole rule, so that losses cannot add up.
    """
    worlds = objective.distribution.worlds("select", objective.seed, ("prune",), lifetimes, shapes)
    kept, steps = removable(objective), []
    names = objective.genome.names
    vector = vector.copy()
    score = float(evaluator.evaluate(objective, vector[None], worlds).scores.mean())
    wanted = score - tolerance
    while len(kept) > 1:
        variants = np.repeat(vector[None], len(kept), 0)
        variants[np.arange(len(kept)), kept] = 0.0
        means = evaluator.evaluate(objective, variants, worlds).scores.mean(1)
        least = int(np.argmax(means))
        if means[least] < wanted:
            break
        vector, score = variants[least], float(means[least])
        steps.append((names[kept.pop(least)], score))
    return Pruned(vector, score, tuple(steps))
