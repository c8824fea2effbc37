"""`fitness.reference` and `fitness.over` in a config: every way to name a reference, what is stored, and resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console
from tiny import TINY

from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config.schema import CompareConfig, Config, validate
from metalearn.evidence.baselines import address
from metalearn.evidence.documents import Comparison
from metalearn.rule.reference import plain_of, reference_of
from metalearn.runs.search import SearchRun, check
from metalearn.store.run_store import RunStore


def tiny(fitness: Any = None) -> Config:
    return validate(yaml.safe_load(TINY) | ({} if fitness is None else {"fitness": fitness}))


def run(config: Config, folder: Path) -> Path:
    SearchRun.create(config, folder, Console(quiet=True), []).run()
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose baseline is tuned."""
    return run(tiny(), tmp_path_factory.mktemp("runs") / "first")


def test_every_way_to_name_a_reference(finished: Path) -> None:
    assert reference_of("backprop").values == {"eta": 0.03}
    given = reference_of({"rule": "backprop", "values": {"eta": 0.1}, "birth": "orthogonal"})
    assert given.values == {"eta": 0.1} and given.birth == "orthogonal"
    written = reference_of({"rule": {"dw": "k*err*pre", "pathway": "random"}, "values": {"k": 0.2}})
    assert written.learner.formula is not None and written.learner.formula.pathway == "random"
    assert reference_of({"learner": "weight_perturbation"}).learner.formula is None
    rule = reference_of(str(finished))
    assert rule == reference_of(str(finished / "rule.json")) == reference_of({"run": str(finished)})
    with RunStore.open(finished, write=False) as store:
        arm = Comparison.read(store.get("comparison"), "comparison").arms["backprop"]
    tuned = reference_of({"run": str(finished), "arm": "backprop"})
    assert tuned.values == arm.values != {"eta": 0.03}
    for reference in (given, written, rule, tuned):
        assert reference_of(plain_of(reference)) == reference


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("backprob", "did you mean 'backprop'"),
        ({"rule": "backprop", "learner": "backprop"}, "expected one of rule, learner and run, got rule, learner"),
        ({"rule": "backprop", "value": {"eta": 1}}, "unknown key 'value' .did you mean 'values'"),
        ({"rule": "backprop", "values": {"eat": 1}}, "no coefficient 'eat' .did you mean 'eta'"),
        ({"rule": "backprop", "values": {"eta": "x"}}, "fitness.reference.values.eta: expected a finite number"),
        ({"run": "nowhere"}, "no run or file 'nowhere'"),
    ],
)
def test_a_mistake_is_one_line(spec: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        reference_of(spec)


def test_an_arm_that_a_run_has_not(finished: Path) -> None:
    with pytest.raises(ValueError, match="has no arm 'backprob' .did you mean 'backprop'"):
        reference_of({"run": str(finished), "arm": "backprob"})


def test_a_run_keeps_its_reference_and_resumes_to_the_bit(finished: Path, tmp_path: Path) -> None:
    fitness = {"over": {"mean": 1, "below": 2}, "reference": str(finished), "measure": "halvings"}
    folder = run(tiny(fitness), tmp_path / "leads")
    with RunStore.open(folder, write=False) as store:
        whole, config = store.generations(), store.config
    first = whole[0]  # one world
    assert first.fitness == pytest.approx(first.scores.mean(1) + 2 * np.minimum(first.scores.mean(1), 0.0))
    kept = config["fitness"]["reference"]
    assert kept["rule"]["dw"] and kept["values"] == dict(reference_of(str(finished)).values)
    again = SearchRun.create(validate(config), tmp_path / "again", Console(quiet=True), [])
    again.store.append(whole[0])
    again.run()
    with RunStore.open(tmp_path / "again", write=False) as store:
        assert all(a.same_bits(b) for a, b in zip(whole, store.generations(), strict=True))
    with RunStore.open(finished, write=False) as store:
        assert not whole[0].same_bits(store.generations()[0]), "scores are leads"


def test_tuned_baselines_are_kept_per_reference_and_aggregate() -> None:
    found = set()
    for fitness in ({}, {"over": "below"}, {"reference": "backprop"}, {"reference": "hebb"}):
        experiment = Experiment(tiny(fitness))
        found.add(address(experiment, experiment.to_tune()[0]))
    assert len(found) == 4


def test_a_reference_is_born_as_the_config_says_whatever_birth_is_tuned() -> None:
    experiment = Experiment(tiny({"reference": "backprop"}))
    own = experiment.objective_of(experiment.learner, "orthogonal")
    assert own.reference is not None and own.reference.birth == "", "one birth: that of the setting"
    births = {**yaml.safe_load(TINY)["compare"], "births": ["gaussian", "orthogonal"]}
    experiment = Experiment(tiny({"reference": "backprop"}).model_copy(update={"compare": CompareConfig(**births)}))
    own = experiment.objective_of(experiment.learner, "orthogonal")
    assert own.reference is not None and own.reference.birth == "gaussian", "lives of two births compare"


def test_a_reference_that_cannot_live_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    rule = "{dw: eta*err*pre, pathway: backprop, coefficients: {eta: {init: 0.1, share: layer}}}"
    path.write_text(TINY + f"fitness: {{reference: {{rule: {rule}, values: {{eta: [0.1, 0.1, 0.1]}}}}}}\n")
    result = CliRunner().invoke(main, ["search", str(path), "--runs", str(tmp_path)])
    assert result.exit_code == 2 and "eta" in result.output and "3" in result.output
    assert not (tmp_path / "config").exists()
    rewards = {"task": "bandit", "rule": "reward_hebb", "network": {"depth": 0}, "compare": {"baselines": []}}
    with pytest.raises(ValueError, match="learner 'weight_perturbation': "):
        check(validate(yaml.safe_load(TINY) | rewards | {"fitness": {"reference": "weight_perturbation"}}))
