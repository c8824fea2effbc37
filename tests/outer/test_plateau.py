"""A search ends at a plateau: when it does, what it spent, and that a resumed search ends at the same generation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from inner.components import build
from inner.random import stream
from inner.rules.rule import Rule
from outer.aggregate import Aggregate
from outer.evaluators.processes import Evaluator as Processes
from outer.evaluators.serial import Evaluator
from outer.evidence.tuning import tune
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective
from outer.objective import Evaluation
from outer.plateau import NEVER, Plateau, Watch, Z, ahead
from outer.searches.base import Search
from outer.settings import Distribution

RULE = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.001}}})
OWN = LearnerObjective(RULE, Distribution({"name": "digits", "test": 40}, (1, 1), (6, 8), (20, 60)), 1, 4, 4)
PLATEAU = Plateau(generations=2, lifetimes=12, back=1, patience=1)


def search(generations: int = 12, name: str = "cma", **options: Any) -> Search:
    return cast(Search, build("search", {"name": name, "popsize": 4, "generations": generations, **options}))


class Scripted(Evaluator):
    """Checks find a gain where the script says so; generations are lived as ever."""

    script: tuple[bool, ...]
    checked: list[np.ndarray]

    def evaluate(self, objective: Any, candidates: np.ndarray, settings: Any, estimator: Any = None) -> Evaluation:
        found = super().evaluate(objective, candidates, settings, estimator)
        if settings[0].labels[0][1] != "plateau":
            return found
        self.checked.append(candidates)
        index = settings[0].labels[0][2] // PLATEAU.generations - 1
        gain = 1.0 if self.script[index] else 0.0
        return replace(found, scores=np.array([[gain], [0.0]]) + np.zeros_like(found.scores))


def scripted(*script: bool) -> Scripted:
    evaluator = Scripted()
    evaluator.script, evaluator.checked = script, []
    return evaluator


@pytest.mark.parametrize(
    ("patience", "script", "generations"),
    [(1, (False,), 2), (1, (True, True, False), 6), (2, (False, True, False, False), 8), (1, (True,) * 5, 12)],
)
def test_it_ends_at_the_last_of_so_many_checks_without_a_gain(
    patience: int, script: tuple[bool, ...], generations: int
) -> None:
    plateau = replace(PLATEAU, patience=patience)
    whole = list(evolve(OWN, search(), scripted(*script), plateau=plateau))
    assert len(whole) == generations
    assert all(a.same_bits(b) for a, b in zip(whole, evolve(OWN, search(), Evaluator())))
    checks = min(generations, 11) // 2
    assert plateau.spent(generations, 12) == 2 * 12 * checks
    assert whole[-1].metrics["lifetimes"] == 4 * 4 * generations + 2 * 12 * ((generations - 1) // 2)
    for known in range(1, generations):  # resumed after any generation
        rest = list(evolve(OWN, search(), scripted(*script), whole[:known], plateau=plateau))
        assert len(rest) == generations - known
        assert all(a.same_bits(b) for a, b in zip(whole[known:], rest, strict=True))
        for name in ("lifetimes", "inner_steps"):
            assert rest[-1].metrics[name] == whole[-1].metrics[name]


def test_a_check_is_at_the_recommendations_of_now_and_of_earlier_looks() -> None:
    evaluator = scripted(True, True, False)
    whole = list(evolve(OWN, search(), evaluator, plateau=PLATEAU))
    found = [OWN.genome.start()] + [generation.recommendation for generation in whole]
    expected = [np.stack([found[index], found[index - 2]]) for index in (2, 4, 6)]
    assert all(np.array_equal(a, b) for a, b in zip(evaluator.checked, expected, strict=True))
    evaluator = scripted(True, True, True, False)
    whole = list(evolve(OWN, search(), evaluator, plateau=replace(PLATEAU, back=3)))
    expected = [np.stack([found[index], found[max(index - 6, 0)]]) for index in (2, 4, 6)]
    expected.append(np.stack([whole[7].recommendation, found[2]]))
    assert all(np.array_equal(a, b) for a, b in zip(evaluator.checked, expected, strict=True))


def test_steps_of_checks_are_counted() -> None:
    plain = list(evolve(OWN, search(3), Evaluator()))
    checked = list(evolve(OWN, search(3), scripted(True), plateau=PLATEAU))
    watch = Watch(PLATEAU, OWN, Evaluator(), np.zeros(1))
    lived = 2 * sum(setting.steps * len(setting.labels) for setting in watch.settings(2))
    assert [b.metrics["inner_steps"] - a.metrics["inner_steps"] for a, b in zip(plain, checked)] == [0, 0, lived]


def test_a_check_is_the_paired_test_of_the_mean() -> None:
    settings = Watch(replace(PLATEAU, lifetimes=20), OWN, Evaluator(), np.zeros(1)).settings(2)
    assert len(settings) == 20, "as many worlds per life as in a generation"
    noise = stream(0, "check").standard_normal((2, 20))
    gaps = noise[0] - noise[1]
    edge = Z * gaps.std(ddof=1) / np.sqrt(20) - gaps.mean()  # added to the first, the gain is just significant
    for shift, expected in ((edge - 1e-6, False), (edge + 1e-6, True)):
        assert ahead(OWN, noise + np.array([[shift], [0.0]]), settings) is expected
    assert not ahead(OWN, np.stack([noise[0], noise[0]]), settings), "the same recommendation gains nothing"


def test_the_aggregate_decides_what_a_gain_is() -> None:
    settings = Watch(replace(PLATEAU, lifetimes=20), OWN, Evaluator(), np.zeros(1)).settings(2)
    before = np.tile([-1.0, 1.0], 10) + 0.01 * stream(1, "check").standard_normal(20)
    now = before + np.where(before > 0, 0.5, 0.0)  # only worlds that went well go better
    scores = np.stack([now, before])
    assert ahead(OWN, scores, settings)
    assert not ahead(replace(OWN, aggregate=Aggregate.of("below")), scores, settings)


def test_a_search_that_has_converged_ends_on_every_evaluator() -> None:
    """From a good start nothing is gained; from a bad one the first check finds the gain."""
    good = replace(OWN, learner=replace(OWN.learner, rule=rule(0.3)))
    with Evaluator() as one, Processes(2) as two:
        short = list(evolve(good, search(sigma0=0.01), one, plateau=PLATEAU))
        again = list(evolve(good, search(sigma0=0.01), two, plateau=PLATEAU))
        longer = list(evolve(OWN, search(sigma0=2.0), one, plateau=PLATEAU))
    assert len(short) == 2 and all(a.same_bits(b) for a, b in zip(short, again, strict=True))
    assert len(longer) > 2


def rule(eta: float) -> Rule:
    return Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": eta}}})


def test_tuning_spends_what_it_lived() -> None:
    good = replace(OWN, learner=replace(OWN.learner, rule=rule(0.3)))
    tuned = tune(good, search(sigma0=0.01), 2, 4, 2, plateau=PLATEAU)
    assert len(tuned.fitness) == 2 and tuned.lifetimes == 2 * 4 * 4 + 2 * 12
    assert tune(good, search(4, sigma0=0.01), 2, 4, 2).lifetimes == 4 * 4 * 4
    assert not any(NEVER.due(index) for index in range(1000))


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="plateau.generations: expected at least 1, got 0"):
        Plateau(generations=0)
