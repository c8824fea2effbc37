"""The loop over generations: same seed, same bits; a resumed search is the uninterrupted one; failures stay finite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from inner.components import build, names
from inner.rules.rule import Rule
from inner.tasks.linear import Task
from outer.evaluators.serial import Evaluator
from outer.evidence.tuning import tune
from outer.evolution import evolve
from outer.fitness.base import fitness_of
from outer.generation import Generation
from outer.learner_objective import LearnerObjective
from outer.objective import Evaluation
from outer.selection import finalists, select
from outer.settings import Distribution

RULE = Rule.from_dict(
    {
        "dw": "eta*err*pre + b*post*pre + c*w",
        "pathway": "random",
        "coefficients": {"eta": {"init": 0.01, "transform": "log"}, "c": {"init": -0.001, "fixed": True}},
    }
)
TASK = {"name": "linear", "inputs": 8, "outputs": 3, "test": 40}
OBJECTIVE = LearnerObjective(RULE, Distribution(TASK, (1, 2), (5, 9), (20, 30)), seed=0, lifetimes=4, shapes=2)


def run(
    search: str = "cma", history: Sequence[Generation] = (), generations: int = 5, **changes: object
) -> list[Generation]:
    spec = {"name": search, "popsize": 8, "generations": generations}
    return list(evolve(replace(OBJECTIVE, **changes), build("search", spec), Evaluator(), history))


@pytest.fixture(scope="module")
def history() -> list[Generation]:
    return run()


@pytest.mark.parametrize("search", names("search"))
def test_seed_and_resume(search: str) -> None:
    whole = run(search)
    assert [g.index for g in whole] == [0, 1, 2, 3, 4]
    assert all(a.same_bits(b) for a, b in zip(whole, run(search)))
    assert not any(a.same_bits(b) for a, b in zip(whole, run(search, seed=1)))
    for cut in (1, 3, 5):
        rest = run(search, history=whole[:cut])
        assert [g.index for g in rest] == list(range(cut, 5))
        assert all(a.same_bits(b) for a, b in zip(whole[cut:], rest))
        for a, b in zip(whole[cut:], rest):
            timeless = [{k: v for k, v in g.metrics.items() if k != "seconds"} for g in (a, b)]
            assert timeless[0] == timeless[1]


def test_a_history_that_does_not_replay_is_refused(history: list[Generation]) -> None:
    other = replace(history[0], candidates=np.nextafter(history[0].candidates, np.inf))
    with pytest.raises(ValueError, match="does not replay") as caught:
        run(history=[other])
    assert "\n" not in str(caught.value)


def test_record_of_a_generation(history: list[Generation]) -> None:
    genome = OBJECTIVE.genome
    assert genome.names == ("eta", "b")
    best, lifetimes = -np.inf, 0
    for g in history:
        assert g.candidates.shape == (8, 2) and g.scores.shape == g.alive.shape == (8, 4)
        assert g.candidates.dtype == g.fitness.dtype == g.scores.dtype == np.float64 and g.alive.dtype == bool
        np.testing.assert_allclose(g.fitness, [sum(row) / 4 for row in g.scores.tolist()], rtol=1e-12)
        best, lifetimes = max(best, *g.fitness.tolist()), lifetimes + 32
        m = g.metrics
        assert (m["best"], m["worst"], m["best_so_far"]) == (max(g.fitness), min(g.fitness), best)
        assert (m["lifetimes"], m["failures"]) == (lifetimes, float((~g.alive).sum()))
        assert m["theta/eta"] == pytest.approx(np.exp(g.recommendation[0])) and m["theta/c"] == -0.001


def test_generations_share_nothing_and_candidates_share_all() -> None:
    settings = [OBJECTIVE.settings(g) for g in range(3)] + [OBJECTIVE.settings(0, "select")]
    labels = [label for ws in settings for w in ws for label in w.labels]
    assert len(labels) == len(set(labels)) == 16
    assert OBJECTIVE.settings(0) == settings[0]
    same = np.tile(OBJECTIVE.genome.start(), (3, 1))
    with Evaluator() as serial:
        scores = serial.evaluate(OBJECTIVE, same, settings[0]).scores
    assert (scores == scores[:1]).all(), "equal candidates meet equal lives"
    assert len(np.unique(scores[0])) > 1


def exploding(generations: int = 2) -> list[Generation]:
    rule = Rule.from_dict({"dw": "g*w + g", "coefficients": {"g": {"init": 1e6, "low": 1e5}}})
    return run(learner=rule, generations=generations)


def test_a_generation_of_failures_stops_the_search() -> None:
    with pytest.raises(ValueError, match="generation 0.*finite range") as caught:
        exploding()
    assert "\n" not in str(caught.value)


class Failing(Evaluator):
    """Everything fails in some generations."""

    def __init__(self, failing: Sequence[int]) -> None:
        super().__init__()
        self.left = [n in failing for n in range(9)]

    def evaluate(self, objective: LearnerObjective, candidates: np.ndarray, *rest: object) -> Evaluation:
        found = super().evaluate(objective, candidates, *rest)  # type: ignore[arg-type]
        return replace(found, alive=np.zeros_like(found.alive)) if self.left.pop(0) else found


@pytest.mark.parametrize(("search", "failing", "ended"), [("cma", [0], 0), ("cma", [1, 2], 4), ("random", [0, 3], 4)])
def test_a_generation_that_fails_whole_ends_only_a_search_that_has_found_nothing(
    search: str, failing: list[int], ended: int
) -> None:
    spec = {"name": search, "popsize": 4, "generations": 4}
    seen = []
    try:
        for generation in evolve(OBJECTIVE, build("search", spec), Failing(failing)):
            seen.append(generation)
    except ValueError as error:
        assert "finite range" in str(error) and ended < 4
    assert len(seen) == ended
    if ended:  # resumed in the middle, it goes on as well
        rest = evolve(OBJECTIVE, build("search", spec), Failing([n - 2 for n in failing]), history=seen[:2])
        assert all(a.same_bits(b) for a, b in zip(seen[2:], rest, strict=True))


@pytest.mark.parametrize("measure", names("fitness"))
def test_fitness_is_finite_where_candidates_fail(measure: str) -> None:
    """Some candidates explode; their fitness is finite and not above anyone's who lived."""
    rule = Rule.from_dict({"dw": "g*w + eta*err*pre", "coefficients": {"g": {"init": 0.0, "scale": 4.0}, "eta": 0.05}})
    o = replace(OBJECTIVE, learner=rule, fitness=fitness_of(measure), complexity=1e-3)
    vectors = np.array([[0.0, 1.0], [5.0, 1.0], [600.0, 1.0], [0.0, -0.5]])
    with Evaluator() as serial:
        found = serial.evaluate(o, vectors, o.settings(0))
    assert np.isfinite(found.fitness).all() and np.isfinite(found.scores).all()
    assert found.alive[[0, 3]].all() and not found.alive[[1, 2]].any()
    assert found.fitness[[1, 2]].max() <= found.fitness[[0, 3]].min()


def told(spy: list[tuple]) -> Iterator[tuple[str, tuple]]:
    return ((tier, label) for tier, labels in spy for label in labels)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Every (tier, labels) from which the task was asked for lives."""
    seen: list[tuple] = []
    lives = Task.life_data

    def recorded(self: Task, tier: str, steps: int, batch: int, seed: int, labels: tuple) -> object:
        seen.append((tier, tuple(labels)))
        return lives(self, tier, steps, batch, seed, labels)

    monkeypatch.setattr(Task, "life_data", recorded)
    return seen


def test_search_and_selection_never_see_the_final_tier(spy: list[tuple]) -> None:
    past = run(generations=3)
    searched = set(told(spy))
    assert {tier for tier, _ in searched} == {"search"} and len(searched) == 3 * 4
    spy.clear()
    selection = select(OBJECTIVE, Evaluator(), past, 3, 6, 2)
    selected = set(told(spy))
    assert {tier for tier, _ in selected} == {"select"} and len(selected) == 6
    assert not {label for _, label in searched} & {label for _, label in selected}
    assert selection.scores.shape == (3, 6) and len(selection.finalists) == 3
    assert selection.chosen == max(range(3), key=lambda k: sum(selection.scores[k]))
    assert (selection.vector == selection.finalists[selection.chosen]).all()
    spy.clear()
    result = tune(OBJECTIVE, build("search", {"name": "random", "popsize": 4, "generations": 2}), 3, 4, 2)
    assert {tier for tier, _ in told(spy)} == {"search", "select"}
    assert result.lifetimes == 2 * 4 * 4 and len(result.fitness) == 2


def generation(index: int, candidates: list[float], fitness: list[float], recommendation: float) -> Generation:
    n = len(fitness)
    return Generation(
        index,
        np.array(candidates)[:, None],
        np.array(fitness),
        np.array(fitness)[:, None],
        np.ones((n, 1), dtype=bool),
        np.array([recommendation]),
    )


def test_finalists_are_unique_and_come_from_the_last_third() -> None:
    past = [generation(i, [100.0 + i, 101.0], [9.0, 9.0], 100.0) for i in range(4)]
    past += [generation(4, [1.0, 2.0], [0.5, 0.9], 7.0), generation(5, [2.0, 3.0], [0.8, 0.1], 7.0)]
    found = finalists(past, 10)[:, 0].tolist()
    assert found == [7.0, 2.0, 1.0, 3.0], "recommendations, then candidates by fitness, no repeats, nothing early"
    assert finalists(past, 2)[:, 0].tolist() == [7.0, 2.0]
    assert finalists(past[:1], 10)[:, 0].tolist() == [100.0, 101.0]


def test_finalists_of_a_search(history: list[Generation]) -> None:
    for count in (1, 4, 8):
        found = finalists(history, count)
        assert found.shape == (count, 2) and len(np.unique(found, axis=0)) == count


def test_rule_without_free_coefficients_is_taken_as_it_is(spy: list[tuple]) -> None:
    fixed = Rule.from_dict({"dw": "0.1*err*pre", "pathway": "backprop"})
    result = tune(replace(OBJECTIVE, learner=fixed), build("search", "random"), 3, 4, 2)
    assert (result.values, result.lifetimes, spy) == ({}, 0, [])
