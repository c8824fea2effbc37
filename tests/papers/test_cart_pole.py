"""CartPole solved by REINFORCE (`pytest -m paper -s tests/papers/test_cart_pole.py`).

Five networks 4-16-2, born and drawn at seeds of their own, learn from 50 batches of 16 episodes, 800 in all, by the learner reinforce
with its own numbers (eta 0.03, gamma 0.99). Then their weights stay as they are and play 100 fresh episodes, choices still drawn.
"""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch

from inner.components import build
from inner.engines.crowd import engine as crowd
from inner.learners import _born_with as born_with
from inner.learners.reinforce import Learner
from inner.life.request import Life
from inner.life.stepper import Stepper, action_noise
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.tasks._control import ControlTask

pytestmark = pytest.mark.paper
SEEDS, BATCH, BATCHES = tuple(("cart pole", n) for n in range(5)), 16, 50
STILL = Rule.from_dict({"dw": "eta*reward*pre", "pathway": "none", "coefficients": {"eta": {"init": 0.0, "fixed": True}}})


def learned() -> tuple[Any, int]:
    """The state of the five networks after 800 episodes each, and the steps that took the slowest."""
    task = cast(ControlTask, build("task", {"name": "cart_pole", "together": True}))
    learner, theta = Learner(Network(hidden=(16,)), batches=BATCHES), torch.tensor([[0.03, 0.99]] * len(SEEDS))
    source = task.experience("search", 25_000, BATCH, 0, SEEDS)
    state = learner.init(Life(learner, task, source, theta, 0, SEEDS).spec, theta, 1, 0, SEEDS)
    stepper = Stepper(learner, source, state, 1, task.criterion, action_noise(task.criterion, 0, SEEDS, 1))
    with torch.no_grad():
        while float(stepper.state.updates.min()) < BATCHES:
            stepper.advance(stepper.now + 500)
            print(stepper.now, stepper.state.updates.tolist(), flush=True)
    return stepper.state, stepper.now


def test_four_of_five_are_solved() -> None:
    state, steps = learned()
    task, network = cast(ControlTask, build("task", "cart_pole")), Network(hidden=(16,))
    layout = born_with.Layout(1, network.shapes(4, 2), weights=True)
    flat = torch.cat([w.flatten(1) for w in state.weights], 1).double()
    theta, labels = torch.cat([torch.zeros(len(flat), 1), flat], 1), tuple(("fresh", n) for n in range(100))
    life = Life(born_with.Learner(STILL, network, layout), task, task.experience("final", 500, 1, 0, labels), theta, 0, labels)
    found = crowd.live(life).score.mean(1).tolist()
    print(f"mean return of 100 fresh episodes, of 5 seeds: {[round(each, 1) for each in found]}; {steps} steps")
    assert sum(each >= 475 for each in found) >= 4
