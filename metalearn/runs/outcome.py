"""The outcome of one arm of an experiment on inheritance: its winner and unselected newborns on the same fresh lives."""

from __future__ import annotations

import numpy as np

from metalearn.runs.documents import LivedCurves, Outcome
from outer.evaluators.base import Evaluator
from outer.inheritance.objective import InheritanceObjective, curve_steps
from outer.searches.base import Search

NAIVE = 16  # unselected newborns that the outcome is held against


def outcome(
    own: InheritanceObjective, search: Search, recommended: np.ndarray, evaluator: Evaluator, lifetimes: int
) -> Outcome:
    """The recommendation on fresh lives of the final tier, and unselected newborns of the first generation on the same lives."""
    settings = own.settings(0, "final", lifetimes)
    newborn = search.start(own.genome.start(), own.seed).ask()[:NAIVE]
    steps = tuple(curve_steps(settings[0].steps if own.learning else 0))
    found, means = {}, dict[str, float]()
    for name, vectors in (("evolved", recommended[None]), ("naive", newborn)):
        (lived,) = evaluator.lives(own, vectors, settings)
        assert lived.curve is not None and lived.bits is not None
        curve, bits = lived.curve.mean(0), lived.bits.mean(0)  # [L, C], [L]
        found[name] = LivedCurves(curve=tuple(map(tuple, curve.tolist())), bits=tuple(bits.tolist()), steps=steps)
        means |= {f"{name}/birth": float(curve[:, 0].mean()), f"{name}/adult": float(curve[:, -1].mean())}
        means[f"{name}/bits"] = float(np.mean(bits.tolist()))
    chance = settings[0].task.chance
    return Outcome(lifetimes=lifetimes, chance=chance, evolved=found["evolved"], naive=found["naive"], means=means)
