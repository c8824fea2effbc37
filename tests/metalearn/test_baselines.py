"""Baselines get the search's own budget, and a remembered answer is given only to the very same question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metalearn.build import RANDOM, Baseline, Experiment
from metalearn.config import library
from metalearn.config.load import apply, load
from metalearn.config.schema import Config, validate
from metalearn.evidence import baselines
from metalearn.evidence.arms import Arm
from metalearn.evidence.baselines import address, tune_all
from metalearn.store.environment import describe
from outer.evaluators.serial import Evaluator
from outer.evidence.tuning import tune
from outer.evolution import evolve
from outer.selection import select

POPSIZE, GENERATIONS, LIFETIMES = 4, 3, 2


class Counting(Evaluator):
    """Counts the jobs that it is given."""

    jobs = 0

    def map(self, function: Any, jobs: Sequence[Any], done: Any = None) -> Any:
        """Run the jobs."""
        self.jobs += len(jobs)
        return super().map(function, jobs, done)


def config(*overrides: str) -> Config:
    content: dict[str, Any] = {
        "task": {"name": "digits", "test": 40},
        "rule": {"dw": "eta*(a*pre*post + b*err*pre)", "pathway": "random", "coefficients": {"eta": 0.05}},
        "network": {"hidden": [8]},
        "life": {"steps": 20},
        "search": {"name": "cma", "popsize": POPSIZE, "generations": GENERATIONS},
        "lifetimes": LIFETIMES,
        "shapes": 1,
        "selection": {"finalists": 2, "lifetimes": 2, "shapes": 1},
        "compare": {"baselines": ["backprop", "hebb"], "random_search": False, "lifetimes": 3},
    }
    for override in overrides:
        apply(content, override)
    return validate(content)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "baselines"


def tuned(chosen: Config) -> tuple[dict[str, Arm], int]:
    """The answers, and how many of them had to be worked for."""
    evaluator = Counting()
    return tune_all(Experiment(chosen), evaluator), evaluator.jobs


def test_the_second_time_is_remembered(cache: Path) -> None:
    first, jobs = tuned(config())
    assert jobs == 2 and len(list(cache.glob("*.json"))) == 2
    assert tuned(config()) == (first, 0)
    more, jobs = tuned(
        config("compare.baselines=[oja, backprop, hebb]")
    )  # only the new one is tuned; the order is the config's
    assert jobs == 1 and list(more) == ["oja", "backprop", "hebb"]
    assert {name: more[name] for name in first} == first


def test_answers_are_those_of_the_search_itself(cache: Path) -> None:
    chosen = config("compare.random_search=true")
    found, _ = tuned(chosen)
    assert list(found) == ["backprop", "hebb", RANDOM]
    for baseline in Experiment(chosen).to_tune():
        name, search, own = baseline.name, baseline.search, Experiment(chosen).objective_of(baseline.learner)
        with Evaluator() as evaluator:
            history = list(evolve(own, search, evaluator))
            winner = select(own, evaluator, history, 2, 2, 1)
        spent, score = sum(g.scores.size for g in history), float(winner.scores[winner.chosen].mean())
        assert found[name] == Arm(baseline.learner, own.genome.values(winner.vector), spent, select=score, offered=spent)
        assert tune(own, search, 2, 2, 1).fitness == tuple(float(g.fitness.max()) for g in history)


def test_searches_of_a_sweep_share_what_is_tuned_at_one_seed(cache: Path) -> None:
    first, jobs = tuned(config("seed=4"))
    other, again = tuned(config("seed=5", "compare.tuned_at=4"))
    assert jobs > 0 and again == 0 and {n: a.values for n, a in other.items()} == {n: a.values for n, a in first.items()}
    assert tuned(config("seed=5"))[1] == jobs


def test_every_arm_spends_what_the_search_spends(cache: Path) -> None:
    for name in ("cma", "es", "random"):
        chosen = config(
            f"search={{name: {name}, popsize: {POPSIZE}, generations: {GENERATIONS}}}", "compare.random_search=true"
        )
        found, _ = tuned(chosen)
        assert (RANDOM in found) == (name != "random")  # random search against itself is no baseline
        with Evaluator() as evaluator:
            first = Experiment(chosen).to_tune()[0]
            spent = sum(g.scores.size for g in evolve(Experiment(chosen).objective, first.search, evaluator))
        assert spent == POPSIZE * GENERATIONS * LIFETIMES
        assert {arm.lifetimes for arm in found.values()} == {spent}


def test_random_search_moves_the_runs_own_rule(cache: Path) -> None:
    chosen = config("compare.random_search=true", "compare.baselines=[]")
    rule = library.rule(chosen.rule)
    assert tuned(chosen)[0][RANDOM].learner.formula == rule
    fixed = "rule.coefficients={eta: {init: 1, fixed: true}, a: {init: 1, fixed: true}, b: {init: 1, fixed: true}}"
    assert tuned(config("compare.random_search=true", "compare.baselines=[]", fixed)) == ({}, 0)  # nothing to move


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"values": 3}', '{"values": {}}', "\udcff", "foreign"])
def test_a_damaged_file_is_made_again(cache: Path, damage: str) -> None:
    first, _ = tuned(config("compare.baselines=[backprop]"))
    (path,) = cache.glob("*.json")
    good = path.read_bytes()
    foreign = json.dumps(json.loads(good) | {"values": {"other": 1.0}})
    path.write_bytes((foreign if damage == "foreign" else damage).encode("utf-8", "surrogateescape"))
    assert tuned(config("compare.baselines=[backprop]")) == (first, 1)
    assert path.read_bytes() == good


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "file" / "cache"))
    chosen = config("compare.baselines=[backprop]")
    assert tuned(chosen)[1] == tuned(chosen)[1] == 1


def where(*overrides: str, rule: str | None = None) -> str:
    chosen = config(*overrides)
    experiment = Experiment(chosen)
    return address(experiment, Baseline("x", library.learner(rule or "backprop"), experiment.to_tune()[0].search))


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "search.popsize=6",
        "search.generations=4",
        "search.sigma0=0.5",
        f"search={{name: random, popsize: {POPSIZE}, generations: {GENERATIONS}}}",
        "task.test=41",
        "task=wine",
        "network.hidden=[9]",
        "network.activation=relu",
        "life.steps=21",
        "lifetimes=3",
        "shapes=2",
        "fitness.measure=area",
        "selection.finalists=3",
    ],
)
def test_another_question_has_another_address(override: str) -> None:
    assert where(override) != where()


def test_what_does_not_matter_is_not_in_the_address() -> None:
    same = (
        "compare.lifetimes=9",
        "tracking.mode=disabled",
        "evaluator=serial",
        "rule.dw=eta*w",
        "compare.random_search=true",
    )
    assert {where(override) for override in same} == {where()} == {where()}


def test_rule_machine_and_source_are_in_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({where(rule=name) for name in library.entries()}) == len(library.entries())
    before = where()
    for key in ("torch", "numpy", "cpu", "threads"):
        with monkeypatch.context() as patch:
            patch.setattr(baselines, "describe", lambda: describe() | {key: "another"})
            assert where() != before
    with monkeypatch.context() as patch:
        patch.setattr(baselines, "_source_hash", lambda: "another")
        assert where() != before
    assert where() == before


def test_progress_names_what_ended(cache: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    chosen = config()
    tune_all(Experiment(chosen), Evaluator(), lambda *news: seen.append(news))
    assert [news[1:] for news in seen] == [(1, 2), (2, 2)] and {name for name, *_ in seen} == {"backprop", "hebb"}


def test_values_come_back_bit_for_bit(cache: Path) -> None:
    first, _ = tuned(config())
    second, jobs = tuned(config())
    assert jobs == 0
    for name, arm in first.items():
        assert np.array(list(arm.values.values())).tobytes() == np.array(list(second[name].values.values())).tobytes()


@pytest.mark.parametrize(
    ("overrides", "much"),
    [
        (["network.hidden=[32]", "search.generations=10"], False),
        (["network.hidden=[32]", "search.generations=100000"], True),
        (["search.generations=100000"], False),  # networks of several shapes share one kernel
    ],
)
def test_long_searches_in_networks_of_one_shape_get_a_kernel_of_their_own(overrides: list[str], much: bool) -> None:
    own = load("digits", overrides)
    assert Experiment(own).objective.fixed is much
