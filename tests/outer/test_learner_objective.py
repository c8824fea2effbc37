"""The objective of any learner: one without a formula is searched, tuned and lived like a rule; terms are asked of a formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from inner.components import build, load, names
from inner.engines.choice import live
from inner.learners import local_rule, weight_perturbation
from inner.learners.base import Learner
from inner.life.request import Life
from inner.rules.rule import Rule
from outer.calibration import OPERATIONS, layer_overhead
from outer.evaluators.serial import Evaluator
from outer.evidence.ablation import ablate
from outer.evidence.fresh_lives import live_fresh
from outer.evidence.pruning import prune, removable
from outer.evidence.tuning import tune
from outer.evolution import evolve
from outer.fitness.base import fitness_of
from outer.learner_objective import LearnerObjective
from outer.programs.objective import ProgramObjective
from outer.programs.program import Language, compile_rule
from outer.racing import Racing
from outer.searches.base import Search
from outer.settings import Distribution, network_of

DISTRIBUTION = Distribution({"name": "digits", "test": 40}, (1, 2), (5, 8), (20, 30), 4)
PERTURBED = LearnerObjective(weight_perturbation.Learner(), DISTRIBUTION, 3, lifetimes=4, shapes=2)
BANDIT = Distribution({"name": "bandit"}, (0, 0), (4, 4), (40, 40))
REWARDED = local_rule.Learner(Rule.from_dict({"dw": "eta*reward*pre*post", "pathway": "reward"}))


def search(name: str = "cma", **options: object) -> Search:
    return cast(Search, build("search", {"name": name, "popsize": 6, "generations": 3, **options}))


def test_a_learner_without_a_formula_is_searched_and_resumed() -> None:
    assert PERTURBED.genome.names == ("eta",), "sigma is fixed unless its values say otherwise"
    with Evaluator() as evaluator:
        whole = list(evolve(PERTURBED, search(), evaluator))
        rest = list(evolve(PERTURBED, search(), evaluator, whole[:1]))
        raced = list(evolve(PERTURBED, search(), evaluator, racing=Racing()))
    assert all(a.same_bits(b) for a, b in zip(whole[1:], rest, strict=True))
    assert whole[0].metrics["theta/sigma"] == 0.001 and whole[0].metrics["theta/eta"] > 0
    assert raced[0].fitness.max() == whole[0].fitness.max()
    free = replace(PERTURBED, learner=weight_perturbation.Learner(values={"sigma": {"init": 0.01, "fixed": False}}))
    assert free.genome.names == ("eta", "sigma")
    assert layer_overhead(PERTURBED, search()) == OPERATIONS, "there is no kernel for it"


@pytest.mark.parametrize("name", names("learner"))
def test_a_search_over_every_learner_goes_on_bit_for_bit(name: str) -> None:
    """After one of two generations, with more than the first coefficient free where there is more than one."""
    example = cast(Any, load("learner", name)).example
    learner = cast(Learner, build("learner", {"name": name, **example.options}))
    learner = learner.with_coefficients([replace(c, fixed=False) for c in learner.coefficients])
    short = Distribution({"name": "digits", "test": 40}, (1, 1), (5, 5), (4, 6), 4)
    if example.task["name"] == "recall":  # patterns without targets, in a network without hidden layers
        short = Distribution(dict(example.task), (0, 0), (5, 5), (4, 6), 4)
    if cast(Any, build("task", dict(example.task))).environment:  # nothing but rewards, and long enough to earn some
        short = Distribution(dict(example.task), (0, 0), (5, 5), (150, 190), 4)
    objective = LearnerObjective(learner, short, 3, lifetimes=2, shapes=1)
    with Evaluator() as evaluator:
        whole = list(evolve(objective, search(generations=2), evaluator))
        rest = list(evolve(objective, search(generations=2), evaluator, whole[:1]))
    assert len(rest) == 1 and rest[0].same_bits(whole[1])
    assert set(objective.genome.names) == {c.name for c in learner.coefficients}
    assert len(np.unique(whole[1].fitness)) > 1, "candidates differ in what they learn"


def test_scores_are_those_of_the_learner_on_the_setting_s_network() -> None:
    for setting in PERTURBED.settings(0):
        data = setting.task.life_data("search", setting.steps, 4, 3, setting.labels)
        theta = PERTURBED.genome.decode(np.array([[-6.0], [-5.0]]))
        learner = weight_perturbation.Learner(setting.network)
        with torch.no_grad():
            expected = live(Life(learner, setting.task, data, torch.from_numpy(theta), 3, setting.labels))
        found = PERTURBED.lives(np.array([[-6.0], [-5.0]]), setting)
        assert found.scores.tobytes() == expected.score.numpy().tobytes() and found.alive.all()
        assert PERTURBED.learner_in(setting) == learner


def test_it_is_tuned_and_judged_like_a_rule() -> None:
    tuned = tune(PERTURBED, search(), 3, 4, 2)
    assert set(tuned.values) == {"eta", "sigma"} and tuned.lifetimes == 3 * 6 * 4
    (setting,) = DISTRIBUTION.settings("final", 0, (0,), 5, 1)
    judged = live_fresh(PERTURBED.learner, tuned.values, setting, 0)
    assert judged.scores.shape == (5,) and judged.alive.all() and judged.curve.shape == (5, len(judged.steps))
    fixed = weight_perturbation.Learner(values={"eta": {"init": 0.01, "fixed": True}})
    assert tune(replace(PERTURBED, learner=fixed), search(), 3, 4, 2).values == {"eta": 0.01, "sigma": 0.001}


def test_terms_are_asked_of_a_formula() -> None:
    """Pruning leaves other learners whole; ablation and program search say what they lack."""
    linear = weight_perturbation.Learner(values={"eta": {"init": 0.01, "transform": "linear"}})
    assert removable(replace(PERTURBED, learner=linear)) == removable(PERTURBED) == {}
    with Evaluator() as evaluator:
        vector = PERTURBED.genome.start()
        pruned = prune(PERTURBED, evaluator, vector, 4, 2, 0.1)
        assert pruned.steps == () and (pruned.vector == vector).all() and 0 <= pruned.score <= 1
        with pytest.raises(ValueError, match="ablation: expected a learner with a formula, got 'weight_perturbation'"):
            ablate(PERTURBED, evaluator, {"eta": 0.01, "sigma": 0.001}, search(), 4, 2)
    with pytest.raises(ValueError, match="search: program: expected a learner with a formula, got 'weight_perturb"):
        ProgramObjective(PERTURBED, Language())


@pytest.mark.parametrize("measure", names("fitness"))
def test_lives_in_an_environment(measure: str) -> None:
    """A bandit has no samples: the objective takes it as it is; its lives are never cut."""
    own = LearnerObjective(REWARDED, BANDIT, 1, 4, 1, fitness_of(measure, threshold=0.3))
    (setting,) = own.settings(0)
    vectors = own.genome.start() + np.array([[0.0], [1.0]])
    if measure == "prequential_bits":
        with pytest.raises(ValueError, match="prequential_bits needs a task with targets, got one of 'reward'"):
            own.lives(vectors, setting)
        return
    found = own.lives(vectors, setting)
    assert found.scores.shape == (2, 4) and np.isfinite(found.scores).all() and found.alive.all()
    assert len(np.unique(found.scores)) > 1
    with pytest.raises(ValueError, match="racing: lives in an environment are scored as a whole"):
        own.lives(vectors, replace(setting, until=10))
    fresh = live_fresh(REWARDED, {"eta": 0.1}, setting, 1)
    assert fresh.curve.shape == (4, 12) and (fresh.scores == fresh.curve[:, -1]).all()


def test_a_network_with_a_shape_of_its_own_takes_no_hidden_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    import outer.settings as settings

    monkeypatch.setattr(settings, "options_of", lambda _: {"gain": None})
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(settings, "build", lambda kind, spec: made.append(spec))
    network_of({"name": "mlp", "gain": 2.0}, (3, 4))
    assert made == [{"name": "mlp", "gain": 2.0}]


def test_programs_keep_what_stands_beside_the_formula() -> None:
    """Options of the pathway, noise and its coefficient survive the way into a program and back."""
    rule = Rule.from_dict(
        {
            "dw": "eta*pre*err",
            "pathway": {"name": "learned", "decay": 0.25},
            "noise": "sigma",
            "coefficients": {"eta": 0.05, "sigma": {"init": 0.1, "fixed": True}},
        }
    )
    language = Language(inputs=("pre", "err"))
    own = ProgramObjective(LearnerObjective(local_rule.Learner(rule), DISTRIBUTION, 0, 2, 1), language)
    for found in (own.carrier, compile_rule(language, rule).rule(rule)):
        assert (found.pathway, found.pathway_options, found.noise) == ("learned", {"decay": 0.25}, "sigma")
        assert found.defaults["sigma"] == 0.1
    scores = own.lives(np.stack([own.genome.start()] * 2), own.settings(0)[0]).scores
    plain = own.plain.lives(own.plain.genome.start()[None], own.settings(0)[0]).scores
    np.testing.assert_allclose(scores, np.concatenate([plain, plain]), rtol=1e-6)
