"""A search over several tasks from config to report: titles, cells, resume, evaluators, and what the stored documents say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config.load import load
from metalearn.config.schema import Config, validate
from metalearn.runs.engine_line import engine_line
from metalearn.store.run_store import RunStore
from outer.evaluators.serial import Evaluator as Serial
from outer.evolution import evolve

MANY: dict[str, Any] = {
    "task": [
        {"name": "digits", "test": 40, "weight": 2},
        {"name": "mixtures", "inputs": [6, 12], "classes": [2, 4], "test": 40},
        {"name": "rings", "test": 40, "difficulty": {"low": 0.5, "high": 2.0, "draw": "log"}},
    ],
    "rule": {
        "dw": "a*err*pre + b*err*recon",
        "pathway": "random",
        "coefficients": {"a": {"init": 0.05, "scale": 0.05}, "b": {"scale": 0.02}},
    },
    "network": {"depth": [1, 2], "width": {"low": 4, "high": 12, "draw": "log"}, "birth": ["gaussian", "orthogonal"]},
    "life": {
        "steps": {"low": 10, "high": 40, "draw": "log"},
        "batch": {"of": [1, 3]},
        "power": [4, 60],
        "noise": [0, 0.5],
    },
    "search": {"name": "cma", "popsize": 5, "generations": 3},
    "lifetimes": 8,
    "shapes": 8,
    "selection": {"finalists": 2, "lifetimes": 4, "shapes": 4},
    "compare": {"baselines": ["backprop"], "random_search": False, "lifetimes": 3},
    "evaluator": "serial",
    "tracking": {"mode": "disabled"},
}


def config() -> Config:
    return validate(json.loads(json.dumps(MANY)))


def run(folder: Path, *arguments: str) -> str:
    path = folder / "many.json"
    path.write_text(json.dumps(MANY), encoding="utf-8")
    result = CliRunner().invoke(main, ["search", str(path), "--runs", str(folder), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("many")
    run(found, "--name", "a")
    return found


def fitness(folder: Path) -> list[np.ndarray]:
    return [generation.fitness for generation in RunStore.open(folder, write=False).generations()]


def test_a_config_with_a_list_round_trips() -> None:
    plain = config().plain()
    assert validate(json.loads(json.dumps(plain))) == config()
    assert plain["life"]["steps"] == {"low": 10, "high": 40, "draw": "log"} and plain["task"][0]["weight"] == 2


def test_worlds_differ_in_task_size_birth_and_batch() -> None:
    settings = [s for g in range(6) for s in Experiment(config()).objective.settings(g)]
    assert {s.task.family for s in settings} == {"digits", "mixtures", "rings"}
    assert len({s.task.inputs for s in settings if s.task.family == "mixtures"}) > 3
    assert {s.network.birth for s in settings} == {"gaussian", "orthogonal"}  # type: ignore[attr-defined]
    assert {s.batch for s in settings} == {1, 3}


def test_a_comparison_has_a_cell_per_task_in_the_middle() -> None:
    cells = [cell for _, cell in Experiment(config()).cells]
    assert [cell.task["name"] for cell in cells] == ["digits", "mixtures", "rings"]
    assert cells[1].task["inputs"] == 9 and cells[2].task["difficulty"] == 1.0 and cells[0].steps == 20
    assert "weight" not in cells[0].task and cells[0].task["power"] == 15.49 and cells[0].hidden == (6,)


def test_documents_and_report_name_all_tasks(folder: Path) -> None:
    rule = json.loads((folder / "a" / "rule.json").read_text(encoding="utf-8"))
    assert rule["task"] == "digits, mixtures, rings"
    assert rule["network"]["birth"] == "gaussian", "of a choice the first"
    report = (folder / "a" / "report.html").read_text(encoding="utf-8")
    assert "digits, mixtures, rings" in report
    for command in (["show"], ["show", "--kernel"], ["report"]):
        result = CliRunner().invoke(main, [command[0], str(folder / "a"), *command[1:]])
        assert result.exit_code == 0, result.output


def test_workers_and_resume_give_the_same_bits(folder: Path) -> None:
    whole = fitness(folder / "a")
    assert len(whole) == 3 and len({each.tobytes() for each in whole}) == 3
    run(folder, "--name", "b", "evaluator={name: processes, workers: 2}")
    assert all(np.array_equal(a, b) for a, b in zip(whole, fitness(folder / "b"), strict=True))
    experiment = Experiment(config())
    with Serial() as evaluator:
        alone = list(evolve(experiment.objective, experiment.search, evaluator))
        rest = list(evolve(experiment.objective, experiment.search, evaluator, alone[:1]))
    assert all(np.array_equal(a, b.fitness) for a, b in zip(whole, alone, strict=True))
    assert all(a.same_bits(b) for a, b in zip(alone[1:], rest, strict=True))


def test_the_engine_line_speaks_of_the_first_task_that_is_slow() -> None:
    content = json.loads(json.dumps(MANY)) | {"task": ["digits", "wine"]}
    experiment = Experiment(validate(content))
    assert engine_line(experiment, experiment.learner).startswith("engine ")


def test_inheritance_wants_one_task() -> None:
    from metalearn.runs.inheritance import inheritance_objective

    content = json.loads(json.dumps(MANY))
    content |= {"genome": {"weights": "direct"}, "network": {"hidden": [4]}, "life": {"steps": 20}}
    with pytest.raises(ValueError, match="inherited weights need one task without ranges, got digits, mixtures, rings"):
        inheritance_objective(Experiment(validate(content)), 0)


def test_the_name_of_an_entry_is_checked_when_the_config_is_read() -> None:
    with pytest.raises(ValueError, match=r"^task\[1\].name: unknown name 'wnie' \(did you mean 'wine'\?\)"):
        load("digits", ["task=[digits, wnie]"])
