"""Backward elimination: terms that are not missed go, terms that are needed stay, and only the select tier is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inner.rules.rule import Rule
from outer.evaluators.serial import Evaluator
from outer.evidence.pruning import prune, removable
from outer.learner_objective import LearnerObjective
from outer.objective import Evaluation
from outer.settings import Distribution

WORLD = Distribution(task={"name": "digits", "test": 100}, width=(16, 16), steps=(120, 120))
RULE = Rule.from_dict(
    {
        "dw": "a*err*pre + b*pre*post + c*w - k*w",
        "pathway": "random",
        "coefficients": {"a": {"init": 0.05}, "k": {"init": 1e-6, "transform": "log"}},
    }
)


def objective(rule: Rule = RULE) -> LearnerObjective:
    return LearnerObjective(rule, WORLD, seed=0, lifetimes=2, shapes=1)


def vector(own: LearnerObjective, **values: float) -> np.ndarray:
    return own.genome.encode({c.name: values.get(c.name, c.init) for c in own.learner.coefficients})


def test_idle_terms_go_and_the_needed_one_stays() -> None:
    own = objective()
    found = prune(own, Evaluator(), vector(own, a=0.05, b=1e-7, c=1e-8), lifetimes=4, shapes=1, tolerance=0.01)
    values = own.genome.values(found.vector)
    assert values["b"] == 0.0 and values["c"] == 0.0
    assert values["a"] == pytest.approx(0.05)
    assert sorted(name for name, _ in found.steps) == ["b", "c"]
    assert found.score == found.steps[-1][1] > 0.5


def test_a_term_that_is_missed_stays() -> None:
    """With a strong decay, c*w is what keeps the weights alive."""
    own = objective()
    whole = vector(own, a=0.05, b=0.0, c=0.05, k=0.05)
    found = prune(own, Evaluator(), whole, lifetimes=4, shapes=1, tolerance=0.0)
    values = own.genome.values(found.vector)
    assert values["c"] == pytest.approx(0.05) and values["a"] == pytest.approx(0.05)


def test_what_is_gained_without_a_harmful_term_is_not_given_away_again() -> None:
    """Without b 1.5 instead of 1.0; without c as well 1.2: better than the whole rule, and no reason to lose c."""
    own = objective()
    names = [c.name for c in own.learner.coefficients]

    class Table(Evaluator):
        def evaluate(self, objective: Any, vectors: np.ndarray, settings: Any) -> Evaluation:
            has = {name: vectors[:, n] != 0 for n, name in enumerate(names)}
            scores = np.where(has["b"], 1.0, np.where(has["c"], 1.5, 1.2)) * np.where(has["a"], 1.0, 0.1)
            return Evaluation(scores, scores[:, None], np.ones((len(vectors), 1), dtype=bool))

    found = prune(own, Table(), vector(own, a=0.05, b=0.05, c=0.05), lifetimes=4, shapes=1, tolerance=0.01)
    assert [name for name, _ in found.steps] == ["b"] and found.score == 1.5


def test_positive_coefficients_cannot_be_removed() -> None:
    own = objective()
    assert list(removable(own)) == ["a", "b", "c"]


def test_only_the_select_tier_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    own, seen = objective(), []
    spied = type(own).lives
    monkeypatch.setattr(
        type(own), "lives", lambda self, v, setting: seen.append(setting.tier) or spied(self, v, setting)
    )
    prune(own, Evaluator(), vector(own, a=0.05), lifetimes=2, shapes=1, tolerance=0.01)
    assert set(seen) == {"select"}
