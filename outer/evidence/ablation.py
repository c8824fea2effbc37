"""Takes a rule apart: drop the term that is missed least, refit the others by a short search, train fresh networks, repeat.

Backward elimination with refitting (compare `outer/evidence/pruning.py`, which never refits): a term may be missed only because
the others were tuned to its presence. All scores are those of the same fresh lives of the select tier, so that rules are
compared life by life.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from inner.learners.base import Learner
from outer.evaluators.base import Evaluator
from outer.evidence.fresh_lives import bootstrap_interval
from outer.evidence.pruning import removable
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective, formula_of
from outer.searches.base import Search


class Progress(Protocol):
    """A function `progress(what, ended, total)` that is called after every stage."""

    def __call__(self, what: str, ended: int, total: int) -> None: ...


@dataclass(frozen=True)
class Stage:
    """One rule on the way from the whole rule to a single term."""

    removed: str  # the coefficient that went last; empty for the whole rule
    values: dict[str, float]
    scores: np.ndarray  # [L] on the select tier, after refitting
    dropped: float  # mean score before the others were refitted


@dataclass(frozen=True)
class Ablation:
    """The stages, what each term of the whole rule is worth, and the smallest rule that is as good as the best."""

    stages: tuple[Stage, ...]
    alone: dict[str, np.ndarray]  # coefficient -> scores [L] of the whole rule without it, without refitting
    smallest: int  # index of a stage


def frozen(learner: Learner, values: dict[str, float]) -> Learner:
    """The learner starting from `values`, with coefficients that are 0 there fixed at 0."""
    fixed = tuple(
        replace(c, init=values[c.name], fixed=c.fixed or (values[c.name] == 0 and c.transform != "log"))
        for c in learner.coefficients
    )
    return learner.with_coefficients(fixed)


def refit(
    objective: LearnerObjective, evaluator: Evaluator, values: dict[str, float], search: Search
) -> dict[str, float]:
    """The recommendation of a short search over the coefficients that are not 0, started from their values."""
    own = replace(objective, learner=frozen(objective.learner, values))
    if own.coefficients.size == 0:
        return values
    last = list(evolve(own, search, evaluator))[-1]
    return own.coefficients.values(last.recommendation)


def as_good(scores: np.ndarray, best: np.ndarray, seed: int, name: str) -> bool:
    """True where the paired 95 % interval of best - scores holds 0."""
    return bootstrap_interval(best - scores, seed, "ablation", name)[1] <= 0


def ablate(
    objective: LearnerObjective,
    evaluator: Evaluator,
    values: dict[str, float],
    search: Search,
    lifetimes: int,
    shapes: int,
    progress: Progress | None = None,
) -> Ablation:
    """Take the rule with these coefficient values apart; terms with a "log" coefficient cannot go.

    `search` is the short search that refits. Refitted values are kept only where they are better on the select tier.

    Raises ValueError for a learner without a formula: it has no terms.
    """
    formula_of(objective.learner, "ablation")
    settings = objective.distribution.settings("select", objective.seed, ("ablation",), lifetimes, shapes)
    kept = [name for name in removable(objective) if values[name] != 0]
    others = [
        c.name for c in objective.learner.coefficients if not c.fixed and c.name not in kept and values[c.name] != 0
    ]
    total, ended = max(1, len(kept) + bool(others)), 0

    def scored(variants: list[dict[str, float]]) -> np.ndarray:
        vectors = np.stack([objective.coefficients.encode(v) for v in variants])
        return evaluator.evaluate(objective, vectors, settings).scores  # [P, L]

    def tell(what: str) -> None:
        nonlocal ended
        ended += 1
        if progress is not None:
            progress(what, ended, total)

    now = dict(values)
    whole = scored([now] + [now | {name: 0.0} for name in kept])
    alone = dict(zip(kept, whole[1:]))
    stages = [Stage("", now, whole[0], float(whole[0].mean()))]
    tell("whole rule")
    while len(kept) > (0 if others else 1):
        variants = [now | {name: 0.0} for name in kept]
        means = (whole[1:] if len(stages) == 1 else scored(variants)).mean(1)
        least = int(np.argmax(means))
        removed, dropped = kept.pop(least), variants[least]
        pair = [dropped, refit(objective, evaluator, dropped, search)]
        both = scored(pair)
        better = int(both[1].mean() > both[0].mean())
        now = pair[better]
        stages.append(Stage(removed, now, both[better], float(means[least])))
        tell(f"without {removed}")
    return Ablation(tuple(stages), alone, smallest_of(stages, objective.seed))


def smallest_of(stages: list[Stage], seed: int) -> int:
    """The last stage whose scores are not distinguishable from those of the best stage, paired life by life."""
    best = max(stages, key=lambda stage: float(stage.scores.mean())).scores
    return max(k for k, stage in enumerate(stages) if as_good(stage.scores, best, seed, str(k)))
