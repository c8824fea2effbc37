"""Aggregates of fitness over worlds: against plain Python, and through evaluation, selection and pruning."""

from __future__ import annotations

import statistics
from dataclasses import replace

import numpy as np
import pytest

from inner.random import stream
from inner.rules.rule import Rule
from outer.aggregate import Aggregate
from outer.evaluators.serial import Evaluator
from outer.evidence.pruning import prune
from outer.learner_objective import LearnerObjective
from outer.selection import select
from outer.settings import Distribution

COUNTS = (3, 2, 2, 2, 2)
SCORES = stream(0, "aggregate").standard_normal((4, sum(COUNTS)))
RULE = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.05}}})
OWN = LearnerObjective(RULE, Distribution({"name": "digits", "test": 40}, (1, 2), (4, 8), (10, 60)), 1, 7, 5)


def oracle(over: dict[str, float]) -> list[float]:
    """The aggregate of every row, in plain Python."""
    found = []
    for row in SCORES.tolist():
        worlds, start = [], 0
        for count in COUNTS:
            worlds.append(sum(row[start : start + count]) / count)
            start += count
        parts = {
            "mean": sum(row) / len(row),
            "median": statistics.median(worlds),
            "worst_quarter": sum(sorted(worlds)[:2]) / 2,  # a quarter of five worlds, rounded up
            "below": sum(min(0.0, world) for world in worlds) / len(worlds),
        }
        found.append(sum(weight * parts[name] for name, weight in over.items()))
    return found


@pytest.mark.parametrize("name", ["mean", "median", "worst_quarter", "below"])
def test_a_part_is_that_of_plain_python(name: str) -> None:
    assert Aggregate.of(name).of_lives(SCORES, COUNTS) == pytest.approx(oracle({name: 1.0}), rel=1e-12)


def test_a_mixture_is_a_weighted_sum() -> None:
    over = {"mean": 1.0, "below": 2.0, "worst_quarter": 0.5}
    assert Aggregate.of(over).of_lives(SCORES, COUNTS) == pytest.approx(oracle(over), rel=1e-12)


def test_the_mean_has_the_bits_of_the_mean() -> None:
    assert Aggregate().of_lives(SCORES, COUNTS).tobytes() == SCORES.mean(1).tobytes()
    assert Aggregate.of("mean") == Aggregate()


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="did you mean 'median'"):
        Aggregate.of("medium")
    with pytest.raises(ValueError, match="fitness.over.below: expected a finite weight"):
        Aggregate.of({"below": float("nan")})
    with pytest.raises(ValueError, match="weight other than 0"):
        Aggregate.of({"below": 0.0})


def test_fitness_and_selection_use_the_aggregate() -> None:
    own = replace(OWN, aggregate=Aggregate.of("worst_quarter"))
    vectors, settings = np.array([[0.0], [0.5], [1.5]]), own.settings(0)
    counts = [len(setting.labels) for setting in settings]
    with Evaluator() as evaluator:
        found = evaluator.evaluate(own, vectors, settings)
        assert found.fitness.tobytes() == own.aggregate.of_lives(found.scores, counts).tobytes()
        assert (found.fitness < found.scores.mean(1)).all()
        pruned = prune(own, evaluator, vectors[1], 6, 3, 0.0)
        judged = own.distribution.settings("select", own.seed, ("prune",), 6, 3)
        scored = own.reduced(evaluator.evaluate(own, vectors[1:2], judged).scores, judged)
        assert pruned.score == scored[0]


def test_the_winner_is_the_best_by_the_aggregate() -> None:
    from outer.generation import Generation

    own = replace(OWN, aggregate=Aggregate.of("worst_quarter"))
    scores = np.array([[0.0, 1.0, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5]])  # the first has the better mean
    vectors = np.array([[0.0], [1.0]])
    past = Generation(0, vectors, scores.mean(1), scores, scores == scores, vectors[0])

    class Fake(Evaluator):
        def evaluate(self, objective, candidates, settings, estimator=None):  # type: ignore[no-untyped-def]
            rows = scores[candidates[:, 0].astype(int)]
            return type("Found", (), {"scores": rows})()

    chosen = select(own, Fake(), [past], 2, 4, 4)
    assert chosen.vector.tolist() == [1.0] and sorted(chosen.values.tolist()) == [0.0, 0.5]
    assert select(OWN, Fake(), [past], 2, 4, 4).vector.tolist() == [0.0]
