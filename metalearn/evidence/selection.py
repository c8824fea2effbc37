"""Chooses the winner of a search on the select tier, prunes it, and says so in plain JSON types: what a run stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metalearn.build import Experiment
from metalearn.evidence.documents import FrontRow, Pruned, Selection
from outer.evaluators.base import Evaluator
from outer.evidence.pruning import prune
from outer.generation import Generation
from outer.programs.objective import ProgramObjective, rule_objective
from outer.programs.pareto import distinct_finalists, front, simplest
from outer.selection import select


def choose(experiment: Experiment, evaluator: Evaluator, generations: Sequence[Generation]) -> Selection:
    """The selection of a run; that of programs holds the discovered rule and the front of its rivals too."""
    own, chosen = experiment.searched, experiment.config.selection
    if not generations:
        return Selection(values={c.name: c.init for c in experiment.learner.coefficients})
    front_rows: tuple[FrontRow, ...] | None = None
    discovered = None
    if isinstance(own, ProgramObjective):
        vectors = distinct_finalists(own, generations, chosen.finalists)
        settings = own.distribution.settings("select", own.seed, (0,), chosen.lifetimes, chosen.shapes)
        scores = evaluator.evaluate(own, vectors, settings).scores
        values = own.reduced(scores, settings)
        programs = own.programs(vectors)
        best = simplest([program.complexity for program in programs], scores, chosen.tolerance)
        rules = [program.rule(experiment.rule) for program in programs]
        front_rows = tuple(
            FrontRow(
                complexity=programs[k].complexity,
                score=float(values[k]),
                formula=rules[k].pruned({}, 0.0),
            )
            for k in front([program.complexity for program in programs], values)
        )
        discovered = rules[best].to_dict()
        plain = rule_objective(own, rules[best])
        vector = plain.coefficients.encode(rules[best].defaults)
    else:
        plain = experiment.objective
        winner = select(own, evaluator, generations, chosen.finalists, chosen.lifetimes, chosen.shapes)
        vector, scores, values, best = winner.vector, winner.scores, winner.values, winner.chosen
    rest = prune(plain, evaluator, vector, chosen.lifetimes, chosen.shapes, chosen.tolerance)
    return Selection(
        values=plain.genome.values(rest.vector),
        whole=plain.genome.values(vector),
        pruning=tuple(Pruned(removed=name, score=score) for name, score in rest.steps),
        score=float(values[best]),
        finalists=len(scores),
        lifetimes=int(scores.shape[1]),
        scores=tuple(values.tolist()),
        chosen=best,
        front=front_rows,
        rule=discovered,
    )


def print_front(front: Sequence[FrontRow] | None, console: Any) -> None:
    """The best program of every complexity, one a line."""
    if not front:
        return
    console.print("\nbest formula of every complexity (score on the select tier)", highlight=False)
    for row in front:
        console.print(f"{row.complexity:4d}  {row.score:.4f}  dw = {row.formula}", highlight=False, soft_wrap=True)
