"""A search within a budget of inner steps, against the loop over generations that it wraps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest

from inner.components import build
from inner.rules.rule import Rule
from outer.evaluators.serial import Evaluator
from outer.evidence.budget_curve import budget_curve
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective
from outer.objective import Evaluation
from outer.searches import base
from outer.searches.base import Search
from outer.settings import Distribution

RULE = Rule.from_dict({"name": "delta", "dw": "eta*err*pre - decay*w", "pathway": "backprop"})
DISTRIBUTION = Distribution({"name": "digits", "test": 20}, width=(4, 6), steps=(10, 20))
OBJECTIVE = LearnerObjective(RULE, DISTRIBUTION, 5, lifetimes=3, shapes=2)
JUDGE = LearnerObjective(RULE, DISTRIBUTION, 9)
WORLDS = DISTRIBUTION.settings("select", 9, ("bench",), 3, 2)


def search(name: str, **options: object) -> Search:
    return cast(Search, build("search", {"name": name, "popsize": 4, **options}))


def test_marks_are_what_the_loop_recommends() -> None:
    """Recount inner steps from the worlds, generation by generation, and judge the recommendation of the last one that fits."""
    budget, marks = 3000.0, 5
    found = budget_curve(OBJECTIVE, search("cma"), budget, marks, JUDGE, WORLDS)
    used, recommendations, steps = 0.0, [(0.0, OBJECTIVE.genome.start())], []
    with Evaluator() as evaluator:
        for generation in evolve(OBJECTIVE, search("cma", generations=40), evaluator):
            settings = OBJECTIVE.settings(generation.index)
            used += 4 * sum(setting.steps * len(setting.labels) for setting in settings)
            assert generation.metrics["inner_steps"] == used
            recommendations.append((used, generation.recommendation))
            steps.append(used)
        within = [s for s in steps if s <= budget]
        assert len(within) < len(steps) and found.inner_steps == within[-1] and len(found.rows) == len(within)
        assert found.lifetimes == 12 * len(within) and found.ended == ""
        for k, mark in enumerate(found.marks):
            assert mark == budget * (k + 1) / marks
            vector = [v for s, v in recommendations if s <= mark][-1]
            assert found.quality[k] == evaluator.evaluate(JUDGE, vector[None], WORLDS).scores.mean()
    assert found.values == OBJECTIVE.genome.values([v for s, v in recommendations if s <= budget][-1])
    assert len(set(found.quality)) > 2


def test_a_search_that_costs_more_gets_fewer_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Running.cost` multiplies every inner step."""
    plain = budget_curve(OBJECTIVE, search("es"), 4000, 2, JUDGE, WORLDS)
    monkeypatch.setattr(base.Running, "cost", property(lambda self: 3.0))
    dear = budget_curve(OBJECTIVE, search("es"), 4000, 2, JUDGE, WORLDS)
    assert dear.rows[0]["inner_steps"] == 3 * plain.rows[0]["inner_steps"]
    assert abs(len(plain.rows) / len(dear.rows) - 3) < 1 and dear.inner_steps <= 4000


def test_a_rule_without_free_coefficients_is_judged_as_it_is() -> None:
    spec = {"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.05, "fixed": True}}}
    fixed = Rule.from_dict({"name": "fixed", **spec})
    found = budget_curve(
        LearnerObjective(fixed, DISTRIBUTION, 5),
        search("cma"),
        100,
        3,
        LearnerObjective(fixed, DISTRIBUTION, 9),
        WORLDS,
    )
    assert (
        len(set(found.quality)) == 1 and found.inner_steps == 0 and found.rows == () and found.values == {"eta": 0.05}
    )


def test_a_search_that_stops_or_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last recommendation counts to the end of the budget."""

    class Stopping(type(search("random").start(np.zeros(2), 0))):  # type: ignore[misc]
        def stop(self) -> dict[str, float]:
            return {"enough": 1.0} if self.generation == 2 else {}

    monkeypatch.setattr("outer.searches.random.Running", Stopping)
    found = budget_curve(OBJECTIVE, search("random"), 5000, 4, JUDGE, WORLDS)
    assert found.ended == "the search stopped by itself" and len(found.rows) == 2 and found.inner_steps < 1000
    assert found.quality[-1] == found.quality[-2]

    def dead(
        self: Evaluator, objective: LearnerObjective, candidates: np.ndarray, settings: object
    ) -> Iterator[object]:
        zero = np.zeros((len(candidates), 3))
        return cast(Iterator[object], Evaluation(zero[:, 0], zero, zero > 0))

    whole = Evaluator.evaluate
    monkeypatch.setattr(
        Evaluator, "evaluate", lambda self, o, c, w, estimator=None: (whole if o is JUDGE else dead)(self, o, c, w)
    )
    found = budget_curve(OBJECTIVE, search("es"), 5000, 4, JUDGE, WORLDS)
    assert "every network" in found.ended and found.rows == ()
