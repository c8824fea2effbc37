"""Prediction and one reward signal together: is the next input worth predicting? (`pytest -m paper`; seconds of an idle core.)

A stream of 600 steps, 8 side by side, 24-8-4 tanh; the readout learns from reward alone in all three, at the best of six pairs
of rates on the search tier, tested on 20 fresh lives. Asked for: prediction leads over reward alone by 10 points at least, and
drawing every state anew, so that there is no time, takes the lead away.
"""

from __future__ import annotations

import pytest
import torch

from inner.learners.dopamine import KINDS, Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.tasks.stream import Task

pytestmark = pytest.mark.paper
RATES = [(eta, readout) for eta in (0.003, 0.01, 0.03) for readout in (0.3, 1.0)]


def accuracy(hidden: str, shuffled: bool) -> float:
    learner, task = Learner(Network((8,)), hidden=hidden), Task(shuffled=shuffled)

    def scores(tier: str, rates: list[tuple[float, float]], lives: int) -> torch.Tensor:
        labels = [("stream", n) for n in range(lives)]
        theta = torch.tensor([[*each, 0.02] for each in rates], dtype=torch.float64)
        with torch.no_grad():
            return live(Life(learner, task, task.life_data(tier, 600, 8, 0, labels), theta, 0, labels)).score

    best = RATES[int(scores("search", RATES, 4).mean(1).argmax())]
    found = scores("final", [best], 20)[0]
    print(f"{hidden}{', shuffled' if shuffled else ''}: {float(found.mean()):.3f} +- {float(found.std()) / 20**0.5:.3f} at {best}")
    return float(found.mean())


def test_prediction_helps_a_rewarded_readout_and_shuffled_time_removes_it() -> None:
    found = {(hidden, shuffled): accuracy(hidden, shuffled) for hidden in KINDS for shuffled in (False, True)}
    assert found["prediction", False] > found["random", False] + 0.1
    assert found["prediction", False] > found["reconstruction", False] + 0.1
    assert found["prediction", True] < found["random", True] + 0.1
