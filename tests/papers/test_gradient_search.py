"""What a gradient through a life costs in memory, and whether it finds as good a rule as CMA-ES does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inner.components import build
from metalearn.build import Experiment
from metalearn.config.load import load
from outer.evaluators.serial import Evaluator
from outer.evidence.fresh_lives import bootstrap_interval
from outer.evolution import evolve
from outer.selection import select

MEMORY = """
import resource, sys
import numpy as np
from inner.rules.rule import Rule
from outer.learner_objective import LearnerObjective
from outer.gradient_estimators.backprop import GradientEstimator
from outer.settings import Distribution

steps, kept = int(sys.argv[1]), sys.argv[2] == "checkpoint"
task = {"name": "linear", "inputs": 96, "outputs": 10, "test": 50}
o = LearnerObjective(Rule("a*err*pre + b*w", {}, (), "random"), Distribution(task, steps=(steps, steps), hidden=(128,)), 0, 8, 1)
setting = o.settings(0)[0]
def peak():
    try:  # of this program; what getrusage says begins with the peak of the process that started it
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
short = Distribution(task, steps=(2, 2), hidden=(128,)).settings("search", 0, (0,), 8, 1)[0]
GradientEstimator(checkpoint=kept).gradient(o, o.genome.start()[None], range(1), short)
before = peak()
GradientEstimator(checkpoint=kept).gradient(o, o.genome.start()[None], range(1), setting)
print(peak() - before)
"""


def megabytes(steps: int, kind: str) -> float:
    """What a gradient of 8 lives of a 96-128-10 network adds to the peak memory of a process."""
    done = subprocess.run([sys.executable, "-c", MEMORY, str(steps), kind], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.paper
def test_memory_of_checkpoints_grows_with_the_root_of_the_life(capsys: pytest.CaptureFixture[str]) -> None:
    """Four times the steps: four times the memory without checkpoints, about twice with them."""
    table = {kind: [megabytes(steps, kind) for steps in (100, 400)] for kind in ("whole", "checkpoint")}
    table["checkpoint"].append(megabytes(1600, "checkpoint"))
    with capsys.disabled():
        print("\nMB at 100, 400, (1600) steps:", {kind: [round(m) for m in row] for kind, row in table.items()})
    assert table["whole"][1] / table["whole"][0] > 2.5
    assert table["checkpoint"][2] / table["checkpoint"][0] < 8, "16 times the steps"
    assert table["checkpoint"][1] < table["whole"][1] / 4


def winner(search: dict[str, Any], seed: int) -> tuple[np.ndarray, float]:
    """Scores [L] of the selected rule on 40 final lives per cell of `configs/gradient.yaml`'s worlds; inner steps."""
    config = load("gradient")
    own = replace(Experiment(config).objective, seed=seed)
    with Evaluator() as serial:
        history = list(evolve(own, build("search", search), serial))
        chosen = select(own, serial, history, 6, 16, 8)
        final = own.distribution.settings("final", 1000, (0,), 40, 10)
        scores = serial.evaluate(own, chosen.vector[None], final).scores[0]
    return scores, history[-1].metrics["inner_steps"]


@pytest.mark.paper
def test_gradient_through_a_hypernetwork_against_cma(capsys: pytest.CaptureFixture[str]) -> None:
    """Three seeds, about equal inner steps: the difference with its interval is printed, whichever way it goes."""
    hyper = {"name": "gradient", "popsize": 2, "generations": 25, "lr": 0.03, "hypernetwork": 16}
    arms = {"gradient through a hypernetwork": hyper, "cma": {"name": "cma", "popsize": 16, "generations": 16}}
    scores, steps = {}, {}
    for name, search in arms.items():
        runs = [winner(search, seed) for seed in range(3)]
        scores[name], steps[name] = np.concatenate([s for s, _ in runs]), [n for _, n in runs]
    difference = bootstrap_interval(scores["gradient through a hypernetwork"] - scores["cma"], 0)
    with capsys.disabled():
        for name in arms:
            print(f"\n{name}: mean accuracy {scores[name].mean():.4f}, inner steps {np.mean(steps[name]):,.0f}", end="")
        print("\ndifference {:+.4f} [{:+.4f}, {:+.4f}]".format(*difference))
    assert all(0.5 < s.mean() <= 1 for s in scores.values())
    assert abs(difference[0]) < 0.03
