"""A sweep is the same searches as one by one, whoever runs them, and says so in table, picture and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from metalearn.cli import main
from metalearn.config.load import load
from metalearn.runs.sweep import one_search, picture, sweep
from outer.evaluators.serial import Evaluator


@pytest.fixture
def small(tmp_path: Path) -> str:
    content = {
        "task": "xor",
        "rule": "backprop",
        "network": {"hidden": [4], "bias": True},
        "life": {"steps": 30},
        "search": {"name": "random", "popsize": 4, "generations": 2},
        "lifetimes": 2,
        "shapes": 1,
        "selection": {"finalists": 1, "lifetimes": 2, "shapes": 1},
        "compare": {"lifetimes": 4},
        "evaluator": "serial",
    }
    (tmp_path / "small.yaml").write_text(json.dumps(content))
    return str(tmp_path / "small.yaml")


def test_every_value_gets_its_searches(small: str) -> None:
    seen = []
    with Evaluator() as evaluator:
        document = sweep(
            small, ["seed=5"], "life.steps=10,30", 2, evaluator, lambda ended, total: seen.append((ended, total))
        )
    assert [row.value for row in document.rows] == ["10", "30"] and seen[-1] == (4, 4)
    for row in document.rows:
        assert [run.seed for run in row.runs] == [5, 6]
        for run in row.runs:
            alone = one_search(load(small, [f"seed={run.seed}", f"life.steps={row.value}"]))
            assert alone.model_copy(update={"seconds": run.seconds}) == run
        assert row.unseen.mean == pytest.approx(sum(run.unseen for run in row.runs) / 2)
    drawn = picture(document)
    assert drawn.startswith("<svg") and ">life.steps<" in drawn and drawn == picture(document)


def test_on_the_command_line(small: str, tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["sweep", small, "--seeds", "2", "--picture", str(tmp_path / "a.svg")])
    assert said.exit_code == 0 and "seed 1:" in said.output and (tmp_path / "a.svg").read_text().startswith("<svg")
    found = json.loads(CliRunner().invoke(main, ["sweep", small, "--seeds", "2", "--json"]).stdout)
    assert len(found["rows"][0]["runs"]) == 2


@pytest.mark.parametrize(
    "arguments, word", [(["--over", "life.steps"], "--over"), (["--seeds", "0"], "--seeds"), (["x=1"], "unknown key")]
)
def test_mistakes_are_one_line(small: str, arguments: list[str], word: str) -> None:
    result = CliRunner().invoke(main, ["sweep", small, *arguments])
    assert result.exit_code == 2 and word in result.stderr and result.stderr.count("\n") == 1
