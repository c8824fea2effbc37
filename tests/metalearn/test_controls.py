"""Controls: a rule learns wherever nothing could be stored, and learns nothing from a teacher who talks at random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from inner.learners.local_rule import Learner
from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.cli import main
from metalearn.config.schema import Config, validate
from metalearn.evidence.controls import mixed, run_controls, verdict_of
from metalearn.evidence.findings import Controls
from outer.evaluators.serial import Evaluator

RULE = Rule.from_dict({"dw": "a*err*pre + b*post*w", "pathway": "backprop", "coefficients": {"a": 0.05, "b": -1e-4}})


def config(task: Any = "digits", **cell: Any) -> Config:
    main_cell = {"task": task, "hidden": [16], "steps": 150} | cell
    return validate({"task": task, "rule": "backprop", "compare": {"lifetimes": 6, "main": [main_cell]}})


def examined(rule: Rule, task: Any = "digits", **cell: Any) -> Controls:
    with Evaluator() as evaluator:
        return run_controls(Learner(rule), rule.defaults, Experiment(config(task, **cell)), 6, evaluator)


def test_a_rule_learns_everywhere_and_nothing_from_a_shuffled_teacher() -> None:
    document = Controls.read(json.loads(json.dumps(examined(RULE).plain())), "controls")
    rows = {row.control: row for row in document.rows}
    for name in (
        "as it is",
        "fresh weights, same data",
        "inputs permuted",
        "labels permuted",
        "wine",
        "twice the width",
    ):
        assert rows[name].verdict == "learns" and rows[name].low > rows[name].chance, name
        assert rows[name].mean > rows[name].birth
    assert rows["teacher shuffled"].verdict in ("at chance", "below chance")
    assert rows["as it is"].mean != rows["fresh weights, same data"].mean
    assert rows["as it is"].weights == 64 * 16 + 16 * 10 and document.coefficients == 2
    assert rows["twice the width"].hidden == (32,) and rows["one hidden layer fewer"].hidden == ()
    assert rows["lives 3 times as long"].steps == 450
    assert rows["coefficients shuffled (1)"].mean < rows["as it is"].mean - 0.2


def test_a_rule_that_does_not_learn_is_marked() -> None:
    rows = {row.control: row for row in examined(Rule.from_dict({"dw": "0*pre*post"}), hidden=[]).rows}
    assert rows["as it is"].verdict.endswith("(!)") and rows["as it is"].mean == rows["as it is"].birth
    assert not rows["teacher shuffled"].verdict.endswith("(!)")


def test_a_task_without_a_teacher_or_without_classes() -> None:
    document = examined(Rule.from_dict({"dw": "0.01*(pre*post - post**2*w)"}), "pca", hidden=[])
    names = [row.control for row in document.rows]
    assert "labels permuted" not in names and "wine" not in names and "teacher shuffled" not in names
    assert {entry.control for entry in document.skipped} == {"teacher shuffled", "coefficients shuffled"}


@pytest.mark.parametrize(
    "expected, low, high, said",
    [
        ("learns", 0.2, 0.3, "learns"),
        ("learns", 0.05, 0.3, "at chance (!)"),
        ("chance", 0.2, 0.3, "learns (!)"),
        ("chance", 0.05, 0.3, "at chance"),
        ("chance", 0.01, 0.05, "below chance"),
        ("", 0.01, 0.05, "below chance"),
    ],
)
def test_verdicts(expected: str, low: float, high: float, said: str) -> None:
    assert verdict_of(expected, low, high, 0.1) == said


def test_shuffled_coefficients_are_the_same_numbers_elsewhere() -> None:
    values = {"a": 1.0, "b": 2.0, "c": 3.0, "k": 9.0}
    for number in range(4):
        found = mixed(values, ["a", "b", "c"], 0, number)
        assert sorted(found.values()) == sorted(values.values()) and found["k"] == 9.0 and found != values


def test_on_the_command_line(tmp_path: Path) -> None:
    small = {"task": "wine", "rule": "decay", "network": {"hidden": [4]}, "life": {"steps": 20}, "evaluator": "serial"}
    (tmp_path / "small.yaml").write_text(json.dumps(small))
    result = CliRunner().invoke(main, ["compare", "hebb", "oja", "--controls"])
    assert result.exit_code == 2 and "expected one" in result.output + str(result.stderr)
    result = CliRunner().invoke(
        main, ["compare", "decay", "--controls", "--lifetimes", "2", "--json", "--config", str(tmp_path / "small.yaml")]
    )
    assert result.exit_code == 0 and json.loads(result.stdout)["rows"][0]["control"] == "as it is"
