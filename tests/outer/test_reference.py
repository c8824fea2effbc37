"""Leads over a reference learner: its lives are those of the same world, it lives once, and no worker changes a bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from inner.components import build
from inner.learners import weight_perturbation
from inner.learners.local_rule import Learner as LocalRule
from inner.rules.rule import Rule
from outer.aggregate import Aggregate
from outer.evaluators.processes import Evaluator as Processes
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.fitness.base import fitness_of
from outer.learner_objective import LearnerObjective
from outer.objective import Lived
from outer.programs.objective import ProgramObjective
from outer.programs.program import Language
from outer.racing import Racing
from outer.reference import Reference
from outer.searches.base import Search
from outer.settings import Distribution, Setting

RULE = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.05}}})
OTHER = Rule.from_dict({"dw": "a*err*pre - b*w", "pathway": "backprop", "coefficients": {"a": 0.03, "b": 0.0}})
DISTRIBUTION = Distribution({"name": "digits", "test": 40}, (1, 2), (4, 8), (10, 40))
PLAIN = LearnerObjective(RULE, DISTRIBUTION, 3, lifetimes=5, shapes=2)
REFERENCE = Reference(LocalRule(OTHER), {"a": 0.1, "b": 0.001})
OWN = replace(PLAIN, reference=REFERENCE)
VECTORS = np.array([[-0.5], [0.5], [2.0]])


def search(**options: Any) -> Search:
    return cast(Search, build("search", {"name": "cma", "popsize": 4, "generations": 3, **options}))


@pytest.mark.parametrize("measure", ["final", "halvings", "prequential_bits"])
def test_a_score_is_the_lead_in_the_same_world(measure: str) -> None:
    plain, own = (replace(o, fitness=fitness_of(measure)) for o in (PLAIN, OWN))
    alone = replace(plain, learner=LocalRule(OTHER))
    vector = alone.coefficients.encode(dict(REFERENCE.values))
    settings = own.settings(0)
    with Evaluator() as evaluator:
        leads = evaluator.evaluate(own, VECTORS, settings)
        scores = evaluator.evaluate(plain, VECTORS, settings)
        reference = evaluator.evaluate(alone, vector[None], settings)
    assert np.allclose(leads.scores, scores.scores - reference.scores, rtol=0, atol=1e-12)
    assert leads.fitness == pytest.approx(leads.scores.mean(1)) and np.abs(leads.scores).max() > 0


def test_the_reference_s_lead_over_itself_is_nothing() -> None:
    own = replace(OWN, learner=LocalRule(OTHER), aggregate=Aggregate.of("below"))
    vector = own.coefficients.encode({"a": 0.1, "b": 0.001})
    exact = replace(own, reference=Reference(own.learner, own.coefficients.values(vector)))
    with Evaluator() as evaluator:
        found = evaluator.evaluate(exact, vector[None], exact.settings(1))
    assert not found.scores.any() and not found.fitness.any()


def test_it_lives_once_per_world(monkeypatch: pytest.MonkeyPatch) -> None:
    lived: list[tuple[int, Setting]] = []
    whole = LearnerObjective.lives_of

    def counted(self: LearnerObjective, learner: Any, theta: np.ndarray, setting: Setting) -> Lived:
        if learner.formula is not None and "b*w" in learner.formula.dw:
            lived.append((len(theta), setting))
        return whole(self, learner, theta, setting)

    monkeypatch.setattr(LearnerObjective, "lives_of", counted)
    settings = OWN.settings(0)
    with Evaluator() as evaluator:
        first = evaluator.evaluate(OWN, VECTORS, settings)
        assert [count for count, _ in lived] == [1, 1], "one network per life and world, whatever the population"
        again = evaluator.evaluate(OWN, VECTORS[:1], settings)
        assert len(lived) == 2, "the same worlds are remembered"
        assert again.scores.tobytes() == first.scores[:1].tobytes()
        evaluator.evaluate(OWN, VECTORS[:1], OWN.settings(1))
        assert len(lived) == 4


def test_workers_cuts_and_resume_change_no_bit() -> None:
    own = replace(OWN, aggregate=Aggregate.of({"mean": 1.0, "below": 2.0}))
    with Evaluator() as one, Processes(2) as two:
        serial = list(evolve(own, search(), one))
        shared = list(evolve(own, search(), two))
        rest = list(evolve(own, search(), one, serial[:1]))
    assert all(a.same_bits(b) for a, b in zip(serial, shared, strict=True))
    assert all(a.same_bits(b) for a, b in zip(serial[1:], rest, strict=True))


def test_a_heat_is_held_against_the_heat_of_the_reference() -> None:
    with Evaluator() as evaluator:
        raced = list(evolve(OWN, search(), evaluator, racing=Racing()))
        whole = list(evolve(OWN, search(), evaluator))
    assert raced[0].fitness.max() == whole[0].fitness.max()


def test_its_birth_stays_when_candidates_are_born_otherwise() -> None:
    born = replace(DISTRIBUTION, network={"name": "mlp", "birth": "orthogonal"})
    pinned = replace(REFERENCE, birth="gaussian")
    here = replace(OWN, reference=pinned).reference_lives(OWN.settings(0)[0])
    there = replace(OWN, distribution=born, reference=pinned)
    other = replace(OWN, distribution=born)
    assert here is not None
    assert _scores(there) == here.scores.tobytes() != _scores(other)


def _scores(objective: LearnerObjective) -> bytes:
    lived = objective.reference_lives(objective.settings(0)[0])
    assert lived is not None
    return lived.scores.tobytes()


def test_learners_without_a_formula_and_programs_lead_too() -> None:
    perturbed = Reference(weight_perturbation.Learner(), {"eta": 0.01, "sigma": 0.001})
    programs = ProgramObjective(replace(OWN, reference=perturbed), Language(("err", "pre", "w")))
    settings, vector = programs.settings(0), programs.genome.start()[None]
    with Evaluator() as evaluator:
        leads = evaluator.evaluate(programs, vector, settings).scores
        plain = evaluator.evaluate(ProgramObjective(PLAIN, programs.language), vector, settings).scores
    lived = [programs.reference_lives(setting) for setting in settings]
    assert np.array_equal(leads, plain - np.concatenate([part.scores for part in lived if part], axis=1))
