"""Fitness measures: every one in the folder against an oracle, in lives of 1 to 12 steps, on both engines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from inner.components import build, names
from inner.criteria import CLASSES
from inner.engines.native.compiler import problem
from inner.life_data import LifeData
from inner.rules.rule import Rule
from inner.spec import Spec
from inner.tasks.delayed_xor import Task as DelayedXor
from inner.tasks.sinusoid import Task as Sinusoid
from outer.evaluators.serial import Evaluator
from outer.fitness import base
from outer.fitness.base import Fitness, curve_steps, fitness_of
from outer.fitness.halvings import halvings
from outer.learner_objective import LearnerObjective
from outer.settings import Distribution

RULE = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": 0.2}})
DISTRIBUTION = Distribution({"name": "digits", "test": 40}, width=(6, 6), steps=(12, 12), batch=8)
OBJECTIVE = LearnerObjective(RULE, DISTRIBUTION, 2, lifetimes=5, shapes=1, engine="eager")
VECTORS = np.array([[-0.5], [0.5], [2.0]])
THRESHOLD = 0.3
ENGINES = ["eager", pytest.param("native", marks=pytest.mark.skipif(bool(problem()), reason=problem()))]


def scored(objective: LearnerObjective, **changes: Any) -> np.ndarray:
    """Scores [P, L]."""
    setting = replace(objective.settings(0)[0], **changes)
    with Evaluator() as evaluator:
        return evaluator.evaluate(objective, VECTORS, [setting]).scores


def expected(measure: str, steps: int, scores: list[np.ndarray]) -> np.ndarray:
    """The measure [P, L] from scores [P, L] after 0, 1, ..., `steps` steps, in plain Python."""
    at = [] if measure == "final" else sorted({round(steps * tenth / 10) for tenth in range(1, 11)})
    found = np.zeros_like(scores[0])
    for place in np.ndindex(found.shape):
        curve = [float(scores[step][place]) for step in at]
        if measure == "area":
            found[place] = sum(curve) / len(curve)
        elif measure == "steps_to_threshold":
            found[place] = -next((s for s, score in zip(at, curve) if score >= THRESHOLD), 2 * steps)
        else:
            found[place] = float(scores[steps][place])
    return found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("measure", ["final", "area", "steps_to_threshold"])
def test_short_lives_against_an_oracle(measure: str, engine: str) -> None:
    """The oracle reads no curve: it lives the first s steps of every life by themselves."""
    own = replace(OBJECTIVE, engine=engine, fitness=fitness_of(measure, threshold=THRESHOLD))
    scores = [scored(OBJECTIVE, until=s) for s in range(13)]
    values = set()
    for steps in range(1, 13):
        found = scored(own, until=steps)
        np.testing.assert_allclose(found, expected(measure, steps, scores), rtol=1e-12, err_msg=f"{steps} steps")
        values |= set(found.ravel().tolist())
    assert len(values) > 8, "a measure that hardly varies tests nothing"


@pytest.mark.parametrize("steps", [None, 6])
def test_a_life_cut_short_goes_by_the_time_of_the_whole_life(steps: int | None) -> None:
    """A rule with `progress` has then the same rate at a step, whether a race stops there or not."""
    data = OBJECTIVE.experience(replace(OBJECTIVE.settings(0)[0], until=steps))
    assert isinstance(data, LifeData) and data.order.shape[1] == (steps or 12) and Spec.of(data, CLASSES).steps == 12


@pytest.mark.skipif(bool(problem()), reason=problem())
@pytest.mark.parametrize("measure", names("fitness"))
def test_engines_agree_in_short_lives(measure: str) -> None:
    fitness = fitness_of(measure, threshold=THRESHOLD)
    for steps in range(1, 13):
        one, two = (scored(replace(OBJECTIVE, fitness=fitness, engine=e), until=steps) for e in ("eager", "native"))
        assert one.shape == (3, 5) and one.dtype == np.float64 and np.isfinite(one).all()
        np.testing.assert_allclose(one, two, rtol=1e-5)


@pytest.mark.parametrize("measure", names("fitness"))
def test_every_measure_is_a_value_that_records_each_step_once(measure: str) -> None:
    fitness = fitness_of(measure)
    assert (
        isinstance(fitness, Fitness) and fitness == fitness_of(measure) and hash(fitness) == hash(fitness_of(measure))
    )
    for steps in (1, 3, 9, 10, 37):
        record = fitness.record(steps)
        assert list(record) == sorted(set(record)) and all(0 <= s <= steps for s in record)


def test_steps_of_a_curve_are_even_and_end_with_the_life() -> None:
    assert curve_steps(300) == tuple(range(30, 301, 30))
    assert curve_steps(15) == (2, 3, 4, 6, 8, 9, 10, 12, 14, 15)
    assert curve_steps(3) == (0, 1, 2, 3) and curve_steps(1) == (0, 1)


def test_options_are_passed_to_a_measure_that_has_them() -> None:
    assert fitness_of("steps_to_threshold", threshold=0.6) == fitness_of(
        {"name": "steps_to_threshold", "threshold": 0.6}
    )
    assert fitness_of({"name": "steps_to_threshold", "threshold": 0.6}, threshold=0.7) != fitness_of(
        "steps_to_threshold"
    )
    assert fitness_of("final", threshold=0.6) == fitness_of("final")
    with pytest.raises(ValueError, match="fitness: unknown name 'finale'.*'final'.*known: area, .*final"):
        fitness_of("finale")
    with pytest.raises(ValueError, match="fitness.treshold: .*'threshold'"):
        fitness_of({"name": "steps_to_threshold", "treshold": 1})


MEASURE = """
from dataclasses import dataclass

from outer.fitness import base


@dataclass(frozen=True)
class Fitness(base.Fitness):
    weight: float = 2.0

    def record(self, steps):
        return (steps // 2, steps)

    def value(self, result, task, data):
        return (result.curve[..., 0] + self.weight * result.curve[..., 1]).numpy()
"""


def test_a_measure_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own module scores lives, with an option of its own."""
    (tmp_path / "own_measures").mkdir()
    (tmp_path / "own_measures" / "half_and_end.py").write_text(MEASURE)
    monkeypatch.syspath_prepend(tmp_path)
    fitness = fitness_of({"name": "own_measures.half_and_end", "weight": 3.0}, threshold=0.5)
    found = scored(replace(OBJECTIVE, fitness=fitness))
    half, end = (scored(OBJECTIVE, until=steps) for steps in (6, 12))
    np.testing.assert_allclose(found, half + 3 * end, rtol=1e-12)


def test_halvings_of_accuracies_by_hand() -> None:
    task = cast(Any, build("task", {"name": "digits"}))
    chance = task.chance
    scores = np.array([chance, 1 - (1 - chance) / 2, 1 - (1 - chance) / 8, 0.0, 1.0])
    found = halvings(scores, task, 1_000_000)
    assert found[:3] == pytest.approx([0, 1, 3], abs=1e-4)
    assert found[3] == pytest.approx(-np.log2(1 / (1 - chance)), abs=1e-4) and np.isfinite(found[4])
    assert (np.diff(halvings(np.linspace(0, 1, 50), task, 100)) > 0).all()


def test_halvings_of_squared_errors_and_of_perfect_lives() -> None:
    task = cast(Any, build("task", {"name": "sinusoid"}))
    found = halvings(np.array([task.chance, task.chance / 4, 0.0]), task, 16)
    assert found[:2] == pytest.approx([0, np.log2((1 + 1 / 32) / (1 / 4 + 1 / 32))])
    assert found[2] == pytest.approx(np.log2(33), rel=1e-6)


def test_samples_and_tests_of_sequences_are_those_that_are_scored() -> None:
    """Trials of 4 steps: 3 whole ones in 14 steps of 2 samples, or 2 of the first 11; 7 trials of the test."""
    data = DelayedXor(delay=1, test=7).life_data("search", 14, 2, 0, [("s", 0), ("s", 1)])
    assert base.samples_of(data) == 6 and base.tests_of(data) == 7
    assert base.samples_of(replace(data, order=data.order[:, :11])) == 4
    plain = Sinusoid(test=9).life_data("search", 14, 2, 0, [("s", 0)])
    assert base.samples_of(plain) == 28 and base.tests_of(plain) == 9
