"""A gymnasium environment as a task: the lives of our own CartPole's physics, one object after the other."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch

from inner.components import build
from inner.engines.choice import live
from inner.learners.local_rule import Learner
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.tasks.base import Task

pytest.importorskip("gymnasium")
LABELS = tuple(("gym", n) for n in range(3))


def test_a_life_in_a_gymnasium_environment() -> None:
    """Scores, curves and bits do not depend on the other candidates; episodes end and begin anew."""
    task = cast(Task, build("task", {"name": "gymnasium", "id": "CartPole-v1"}))
    assert (task.inputs, task.outputs, task.criterion.choice) == (4, 2, True)
    rule = {"dw": "eta*reward*pre*(action - policy)", "pathway": "none", "coefficients": {"eta": 0.1}}
    theta = torch.tensor([[0.0], [0.2]], dtype=torch.float64)

    def lived(theta: torch.Tensor) -> Any:
        data = task.experience("search", 60, 2, 0, LABELS)
        return live(Life(Learner(Rule.from_dict(rule), Network(hidden=())), task, data, theta, 0, LABELS, (0, 30, 60)))

    whole = lived(theta)
    assert 8 < float(whole.score.min()) and float(whole.score.max()) <= 60 and whole.score.unique().numel() > 3
    assert torch.equal(lived(theta[1:]).curve[0], whole.curve[1])


def test_numbers_are_cut_at_the_bounds_of_a_box() -> None:
    task: Any = build("task", {"name": "gymnasium", "id": "Pendulum-v1"})
    assert (task.inputs, task.outputs, task.criterion.choice) == (3, 1, False)
    assert task.action(torch.tensor([9.0]).numpy()).tolist() == [2.0]


@pytest.mark.parametrize("name, said", [("", "id: expected the name"), ("CartPoles-v1", "id: gymnasium cannot make 'CartPoles-v1'")])
def test_mistakes_are_one_line(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        _ = cast(Task, build("task", {"name": "gymnasium", "id": name})).inputs
    assert "\n" not in str(raised.value)
