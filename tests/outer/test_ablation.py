"""Ablation with refitting: what nobody misses goes first, what is refitted is kept only where it is better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inner.rules.rule import Rule
from outer.evaluators.serial import Evaluator
from outer.evidence.ablation import Stage, ablate, frozen, refit, smallest_of
from outer.learner_objective import LearnerObjective
from outer.searches.cma import Search
from outer.settings import Distribution

RULE = Rule.from_dict(
    {
        "dw": "a*err*pre + b*pre*post + c*w - k*w",
        "pathway": "backprop",
        "coefficients": {"k": {"init": 1e-6, "transform": "log"}},
    }
)
OWN = LearnerObjective(
    RULE,
    Distribution(task={"name": "digits", "test": 100}, width=(12, 12), steps=(100, 100)),
    seed=0,
    lifetimes=2,
    shapes=1,
)
SHORT = Search(popsize=6, generations=3, sigma0=0.3)
VALUES = {"a": 0.002, "b": 1e-7, "c": 1e-8, "k": 1e-6}


def test_terms_go_in_the_order_in_which_they_are_missed_and_refitting_helps() -> None:
    """The learning rate of 0.002 is far too small: a refit makes up for it."""
    seen: list[tuple[str, int, int]] = []
    with Evaluator() as evaluator:
        found = ablate(
            OWN, evaluator, VALUES, SHORT, 4, 1, lambda what, ended, total: seen.append((what, ended, total))
        )
    assert [stage.removed for stage in found.stages][0] == "" and {s.removed for s in found.stages[1:3]} == {"b", "c"}
    assert found.stages[-1].removed == "a"  # the decay "k" cannot go, so all others may
    assert found.stages[1].values["a"] > VALUES["a"] and found.stages[1].scores.mean() > found.stages[1].dropped + 0.1
    assert all(stage.scores.mean() >= stage.dropped for stage in found.stages)
    assert all(stage.values[gone.removed] == 0 for stage in found.stages[3:] for gone in found.stages[1:4])
    assert set(found.alone) == {"a", "b", "c"}
    lost = {name: found.stages[0].scores.mean() - scores.mean() for name, scores in found.alone.items()}
    assert lost["a"] > 0.05 and abs(lost["b"]) < 0.02 and abs(lost["c"]) < 0.02
    assert found.smallest == 2
    assert seen[-1][1:] == (4, 4) and [ended for _, ended, _ in seen] == [1, 2, 3, 4]


def test_what_was_dropped_stays_zero_in_a_refit() -> None:
    values = VALUES | {"b": 0.0}
    learner = frozen(OWN.learner, values)
    assert [c.name for c in learner.coefficients if c.fixed] == ["b"]
    assert {c.name: c.init for c in learner.coefficients} == values
    with Evaluator() as evaluator:
        after = refit(OWN, evaluator, values, SHORT)
        nothing = replace(OWN, learner=Rule.from_dict({"dw": "a*pre*err", "coefficients": {"a": 0.0}}))
        assert refit(nothing, evaluator, {"a": 0.0}, SHORT) == {"a": 0.0}
    assert after["b"] == 0.0 and after["a"] != VALUES["a"]


@pytest.mark.parametrize("gap, expected", [(0.2, 1), (0.0, 2)])
def test_the_smallest_rule_that_is_as_good_as_the_best(gap: float, expected: int) -> None:
    noise = np.linspace(-0.01, 0.01, 40)
    best = np.full(40, 0.8)
    stages = [Stage("", {}, best, 0.8), Stage("a", {}, best + noise, 0.8), Stage("b", {}, best + noise - gap, 0.8)]
    assert smallest_of(stages, 0) == expected
