"""Signals one step back: NAME_before is NAME of the step before, whatever NAME is made from, and 0 at the first step."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inner.criteria import CLASSES
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

BEFORE = [name for name, signal in SIGNALS.items() if signal.before]
LABELS = (("a",), ("b",))


def learner_of(signal: str) -> Learner:
    """A rule that learns by Hebb's formula and adds c times the signal."""
    mapping = {"dw": f"0.05*pre*post + c*({signal})", "pathway": "random", "noise": 0.3}
    return Learner(Rule.from_dict(mapping | {"surprise": {"baseline": "clean"}}), Network(hidden=(5,), bias=True))


def added(learner: Learner, state: object, x: Tensor, y: Tensor) -> list[Tensor]:
    """What the signal adds to dw of every group."""
    one, none = (learner.changes(learner.with_theta(state, torch.full((4, 1), c)), x, y)[0] for c in (1.0, 0.0))
    return [a - b for a, b in zip(one, none)]


@pytest.mark.parametrize("name", BEFORE)
def test_a_signal_one_step_back(name: str) -> None:
    numbers = torch.from_numpy(stream(0, "before").standard_normal((2, 4, 3, 7))).float()
    x, y = numbers[..., :4], torch.nn.functional.one_hot(numbers[..., 4:].argmax(-1), 3).float()
    now, before = learner_of(SIGNALS[name].before), learner_of(name)
    states = [each.init(Spec(4, 3, CLASSES, 2, 3), torch.zeros(4, 1), 2, 0, LABELS) for each in (now, before)]
    wanted = added(now, states[0], x[0], y[0])
    assert any(bool(each.any()) for each in wanted), "the signal is 0 everywhere: the test has no power"
    assert not any(bool(each.any()) for each in added(before, states[1], x[0], y[0])), "nothing was before"
    state, _ = before.step(states[1], x[0], y[0])
    for found, each in zip(added(before, state, x[1], y[1]), wanted, strict=True):
        torch.testing.assert_close(found, each, rtol=1e-4, atol=1e-6)
