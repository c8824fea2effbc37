"""Sinusoid tasks with a microbial GA, after Fernando et al. 2018 (`pytest -m paper`; about ten minutes)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from metalearn.config.load import load
from metalearn.report.baldwin_report import read
from metalearn.runs.baldwin import BaldwinRun

pytestmark = pytest.mark.paper
VARIANCE = 0.9**2 / 2  # of a task: the error of answering 0
Errors = dict[str, np.ndarray]


def run(folder: Path, tasks: int, *overrides: str) -> dict[str, Errors]:
    """Mean squared errors on fresh lives at phases never seen, per arm one number per seed; and the learning rates."""
    options = [f"task.tasks={tasks}", f"lifetimes={tasks}", "evaluator=serial", *overrides]
    BaldwinRun.create(load("papers/sinusoid_baldwin", options), folder, Console(quiet=True), ["x"]).run()
    found: dict[str, Errors] = {}
    for arm, entries in read(folder)[1].items():
        names = [name for name in entries[0].outcome.means if "bits" not in name]
        found[arm] = {name: np.array([-e.outcome.means[name] for e in entries]) for name in names}
        found[arm]["rate"] = np.array([e.metrics[-1]["theta/eta"] for e in entries])
        print(f"T = {tasks}, {arm}", {k: f"{v.mean():.3f} +- {v.std(ddof=1):.3f}" for k, v in found[arm].items()})
    return found


@pytest.mark.parametrize("tasks", [2, 4, 8])
def test_baldwinian_networks_are_born_to_learn(tmp_path: Path, tasks: int) -> None:
    """After learning better than Darwinian ones (from T = 4; T = 2 is reported), bad at birth, a drop that no random start has."""
    arms = run(tmp_path / "x", tasks)
    usual = [
        "genome.weights=random",
        "inheritance.arms=[baldwinian]",
    ]  # drawn as usual, with a learning rate that evolves
    start = run(tmp_path / "usual", tasks, *usual)["baldwinian"]
    darwinian, baldwinian = arms["darwinian"], arms["baldwinian"]
    drop = baldwinian["evolved/birth"] - baldwinian["evolved/adult"]
    drops = np.maximum(start["evolved/birth"] - start["evolved/adult"], start["naive/birth"] - start["naive/adult"])
    print(f"T = {tasks}: error falls by {drop.round(3)}, from a random start by {drops.round(3)}")
    if tasks >= 4:
        assert (baldwinian["evolved/adult"] < 0.5 * darwinian["evolved/adult"]).all()
        assert (drop > 3 * drops).all()
    assert (baldwinian["evolved/birth"] > 0.9 * VARIANCE).all(), "nothing of the tasks is known at birth"
    assert (baldwinian["evolved/adult"] < 0.3 * baldwinian["naive/adult"]).all()
    assert (baldwinian["rate"] > 0.11).all(), (
        "the learning rate is a gene, and it moves from 0.1 (by drift, it does, too)"
    )
