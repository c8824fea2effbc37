"""Tunes one arm of a comparison: search, then selection on the select tier. Every arm is offered the same budget."""

from __future__ import annotations

from dataclasses import dataclass

from inner.rules.coefficient import Values
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective
from outer.plateau import NEVER, Plateau
from outer.racing import Racing
from outer.searches.base import Search
from outer.selection import select


@dataclass(frozen=True)
class Tuned:
    """The outcome of tuning one arm."""

    values: Values  # coefficient values of the winner
    lifetimes: int  # inner lives spent by the search, those of checks for a plateau included
    select_score: float  # fitness on the select tier
    fitness: tuple[float, ...]  # best per generation


def tune(
    objective: LearnerObjective,
    search: Search,
    finalists: int,
    lifetimes: int,
    shapes: int,
    racing: Racing | None = None,
    plateau: Plateau = NEVER,
) -> Tuned:
    """Search and select in this process; a learner without free coefficients is returned unchanged."""
    if objective.genome.size == 0:
        return Tuned({c.name: c.init for c in objective.learner.coefficients}, 0, float("nan"), ())
    with Evaluator() as evaluator:
        history = list(evolve(objective, search, evaluator, racing=racing, plateau=plateau))
        selection = select(objective, evaluator, history, finalists, lifetimes, shapes)
    return Tuned(
        objective.genome.values(selection.vector),
        int(sum(g.scores.size for g in history)) + plateau.spent(len(history), search.generations),
        float(selection.values[selection.chosen]),
        tuple(float(g.fitness.max()) for g in history),
    )
