"""Racing: survivors keep their bits and their ranking, everyone else lies below them, and fewer steps are lived."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from inner.components import build, names
from inner.learners.local_rule import Learner
from inner.life.request import Life
from inner.random import stream
from inner.rules.rule import Rule
from metalearn.build import Baseline, Experiment
from metalearn.config.schema import validate
from metalearn.evidence.baselines import address
from outer.evaluators.base import Evaluator as Base
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.fitness.base import fitness_of
from outer.learner_objective import LearnerObjective
from outer.racing import Racing, below, race
from outer.searches.base import Search
from outer.settings import Distribution

RULE = Rule.from_dict({"name": "r", "dw": "a*err*pre + b*pre*post + c*w", "pathway": "random"})
DISTRIBUTION = Distribution({"name": "digits", "test": 40}, width=(6, 10), steps=(30, 60))
OBJECTIVE = LearnerObjective(RULE, DISTRIBUTION, 2, lifetimes=3, shapes=2)
CANDIDATES = 0.3 * stream(0, "candidates").standard_normal((11, 3))
CANDIDATES[4] = 1e20  # leaves the finite range at once


@pytest.mark.parametrize("measure", names("fitness"))
def test_survivors_are_scored_as_without_racing(measure: str) -> None:
    own = replace(OBJECTIVE, fitness=fitness_of(measure), complexity=0.01)
    settings = own.settings(5)
    with Evaluator() as evaluator:
        plain = evaluator.evaluate(own, CANDIDATES, settings)
        raced = race(Racing(0.3, 0.5), evaluator, own, CANDIDATES, settings)
    kept = [p for p in range(11) if raced.scores[p].tobytes() == plain.scores[p].tobytes() and p != 4]
    survivors = np.sort(np.argsort(-raced.fitness)[:6])
    assert set(survivors) <= set(kept)
    assert raced.fitness[survivors].tobytes() == plain.fitness[survivors].tobytes()
    assert raced.alive[survivors].tobytes() == plain.alive[survivors].tobytes()
    others = np.delete(np.arange(11), survivors)
    assert 4 in others and raced.fitness[others].max() < raced.fitness[survivors].min()
    assert np.isfinite(raced.fitness).all() and raced.scores.shape == (11, 3)


def test_the_heat_is_the_beginning_of_the_same_life() -> None:
    """The dropped are those with the worst scores after 30 % of each world's steps, read off whole lives' curves."""
    from inner.learners.local_rule import Learner
    from inner.life.eager import live
    import torch  # isort: skip

    settings = OBJECTIVE.settings(1)
    columns = []
    for setting in settings:
        lives = setting.task.life_data(setting.tier, setting.steps, setting.batch, 2, setting.labels)
        theta = torch.from_numpy(OBJECTIVE.genome.decode(CANDIDATES))
        at = round(0.3 * setting.steps)
        with torch.no_grad():
            result = live(Life(Learner(RULE, setting.network), setting.task, lives, theta, 2, setting.labels, [at]))
        columns.append(result.curve[:, :, 0].numpy())
    early = np.concatenate(columns, 1)
    with Evaluator() as evaluator:
        raced = race(Racing(0.3, 0.5), evaluator, OBJECTIVE, CANDIDATES, settings)
    order = np.argsort(-early.mean(1), kind="stable")
    assert set(np.argsort(-raced.fitness)[:6]) == set(order[:6])
    for p in order[6:]:
        np.testing.assert_array_equal(raced.scores[p], early[p])
    assert [int(p) for p in np.argsort(-raced.fitness, kind="stable")[6:]] == [int(p) for p in order[6:]]
    lived = sum(len(w.labels) * (11 * round(0.3 * w.steps) + 6 * w.steps) for w in settings)
    assert raced.steps == lived < 11 * sum(len(w.labels) * w.steps for w in settings)


def test_the_same_bits_from_several_processes() -> None:
    processes = cast(Base, build("evaluator", {"name": "processes", "workers": 2}))
    with Evaluator() as serial, processes:
        found = [race(Racing(), each, OBJECTIVE, CANDIDATES, OBJECTIVE.settings(0)) for each in (serial, processes)]
    assert found[0].fitness.tobytes() == found[1].fitness.tobytes()
    assert found[0].scores.tobytes() == found[1].scores.tobytes()


def test_a_raced_search_resumes_and_counts_its_steps() -> None:
    search = cast(Search, build("search", {"name": "cma", "popsize": 8, "generations": 4}))
    with Evaluator() as evaluator:
        plain = list(evolve(OBJECTIVE, search, evaluator))
        whole = list(evolve(OBJECTIVE, search, evaluator, (), Racing(0.2, 0.5)))
        rest = list(evolve(OBJECTIVE, search, evaluator, whole[:2], Racing(0.2, 0.5)))
    assert all(a.same_bits(b) for a, b in zip(whole[2:], rest)) and rest[-1].metrics.keys() == whole[-1].metrics.keys()
    assert rest[-1].metrics["inner_steps"] == whole[-1].metrics["inner_steps"]
    assert 0.6 < whole[-1].metrics["inner_steps"] / plain[-1].metrics["inner_steps"] < 0.8
    order = [np.argsort(-g.fitness, kind="stable")[:4].tolist() for g in (plain[0], whole[0])]
    best = int(np.argmax(whole[0].fitness))
    assert whole[0].fitness[best] in plain[0].fitness and (order[0] == order[1] or best in order[0])


def test_below_keeps_the_order_of_the_heat() -> None:
    heat = np.array([0.5, 0.9, 0.1, 0.3])
    found = below(heat, np.array([1]), 0.2)
    assert found[[0, 2, 3]].max() < 0.2 and found[0] > found[3] > found[2]
    np.testing.assert_array_equal(below(heat, np.arange(4), 0.2), heat)


def test_config() -> None:
    """Off by default; shares are checked; a raced baseline is another baseline for the cache."""
    plain = validate({"task": "digits", "rule": "backprop"})
    raced = validate({"task": "digits", "rule": "backprop", "racing": {"at": 0.2}})
    assert Experiment(plain).racing is None and Experiment(raced).racing == Racing(0.2, 0.5)
    search = cast(Search, build("search", "cma"))
    baseline = Baseline("x", Learner(RULE), search)
    assert address(Experiment(plain), baseline) != address(Experiment(raced), baseline)
    with pytest.raises(ValueError, match="racing.keep: .*less than 1, got 1"):
        validate({"task": "digits", "rule": "backprop", "racing": {"keep": 1}})
    with pytest.raises(ValueError, match="unknown key 'racing.kep'.*'keep'"):
        validate({"task": "digits", "rule": "backprop", "racing": {"kep": 0.3}})
    with pytest.raises(ValueError, match="racing.at: expected a share between 0 and 1, got 0"):
        Racing(at=0)
