"""Chooses the winner of a search on the select tier, prunes it, and says so in plain JSON types: what a run stores.

Where a comparison names births of networks, the finalists live in networks of each: the best pair of finalist and birth wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inner.components import Plain
from metalearn.build import Experiment
from metalearn.evidence.documents import FrontRow, Pruned, Selection
from outer.evaluators.base import Evaluator
from outer.evidence.pruning import prune
from outer.generation import Generation
from outer.learner_objective import LearnerObjective
from outer.programs.objective import ProgramObjective, rule_objective
from outer.programs.pareto import distinct_finalists, front, simplest
from outer.selection import select


@dataclass(frozen=True)
class Winner:
    """The winner among finalists in networks of one birth."""

    plain: LearnerObjective  # of its coefficients
    vector: np.ndarray  # [D]
    scores: np.ndarray  # [K, L] of the finalists
    values: np.ndarray  # [K] aggregates of the scores
    chosen: int
    front: tuple[FrontRow, ...] | None = None
    rule: Plain | None = None  # that a program search has found

    @property
    def score(self) -> float:
        """Of the winner."""
        return float(self.values[self.chosen])


def choose(experiment: Experiment, evaluator: Evaluator, generations: Sequence[Generation]) -> Selection:
    """The selection of a run; that of programs holds the discovered rule and the front of its rivals too."""
    chosen = experiment.config.selection
    if not generations:
        return Selection(values={c.name: c.init for c in experiment.learner.coefficients})
    winners = {birth: _winner(experiment, evaluator, generations, birth) for birth in experiment.births}
    birth = max(winners, key=lambda name: winners[name].score)
    best = winners[birth]
    rest = prune(best.plain, evaluator, best.vector, chosen.lifetimes, chosen.shapes, chosen.tolerance)
    return Selection(
        values=best.plain.genome.values(rest.vector),
        whole=best.plain.genome.values(best.vector),
        pruning=tuple(Pruned(removed=name, score=score) for name, score in rest.steps),
        score=best.score,
        finalists=len(best.scores),
        lifetimes=int(best.scores.shape[1]),
        scores=tuple(best.values.tolist()),
        chosen=best.chosen,
        birth=birth,
        births={name: winner.score for name, winner in winners.items() if name},
        front=best.front,
        rule=best.rule,
    )


def _winner(experiment: Experiment, evaluator: Evaluator, generations: Sequence[Generation], birth: str) -> Winner:
    """The best finalist in networks of a birth."""
    own, chosen = experiment.searched_in(birth), experiment.config.selection
    if not isinstance(own, ProgramObjective):
        found = select(own, evaluator, generations, chosen.finalists, chosen.lifetimes, chosen.shapes)
        plain = experiment.objective_of(experiment.learner, birth)
        return Winner(plain, found.vector, found.scores, found.values, found.chosen)
    vectors = distinct_finalists(own, generations, chosen.finalists)
    settings = own.distribution.settings("select", own.seed, (0,), chosen.lifetimes, chosen.shapes)
    scores = evaluator.evaluate(own, vectors, settings).scores
    values = own.reduced(scores, settings)
    programs = own.programs(vectors)
    complexities = [program.complexity for program in programs]
    best = simplest(complexities, scores, chosen.tolerance)
    rules = [program.rule(experiment.rule) for program in programs]
    rows = tuple(
        FrontRow(complexity=complexities[k], score=float(values[k]), formula=rules[k].pruned({}, 0.0))
        for k in front(complexities, values)
    )
    plain = rule_objective(own, rules[best])
    vector = plain.coefficients.encode(rules[best].defaults)
    return Winner(plain, vector, scores, values, best, rows, rules[best].to_dict())


def print_births(selection: Selection, console: Any) -> None:
    """The birth that *select* has decided for, and the scores of all; nothing where there was no choice."""
    if selection.births:
        scores = ", ".join(f"{name} {score:.4g}" for name, score in selection.births.items())
        console.print(
            f"born     {selection.birth} (best on the select tier: {scores})", highlight=False, soft_wrap=True
        )


def print_front(front: Sequence[FrontRow] | None, console: Any) -> None:
    """The best program of every complexity, one a line."""
    if not front:
        return
    console.print("\nbest formula of every complexity (score on the select tier)", highlight=False)
    for row in front:
        console.print(f"{row.complexity:4d}  {row.score:.4f}  dw = {row.formula}", highlight=False, soft_wrap=True)
