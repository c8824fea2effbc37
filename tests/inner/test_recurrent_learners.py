"""BPTT, RTRL and RFLO: one gradient three ways, what truncation and locality leave out, and slow units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from own_help import LABELS, gradients, newborn, samples
from torch import Tensor

from inner.criteria import CLASSES
from inner.learners import bptt, rflo, rtrl
from inner.learners.local_rule import Learner as LocalRule
from inner.life.states import map_tensors
from inner.networks.elman import Network
from inner.networks.mlp import Network as Mlp
from inner.rules.rule import Rule
from inner.sources import Told
from inner.spec import Spec
from inner.tasks import delayed_xor

TASK = delayed_xor.Task(delay=1)  # trials of 4 steps
NETWORK = Network((5,), bias=True)


def life(learner: Any, steps: int, **values: float) -> list[Tensor]:
    """Changes of the weights by whole trials, in float64: weights rest until the last step of a trial is scored."""
    batch = 3
    data = map_tensors(lambda tensor: tensor.double(), TASK.life_data("search", steps, batch, 0, LABELS))
    known = {c.name: c.init for c in learner.coefficients} | values
    theta = torch.tensor([list(known.values())] * 3)
    state = learner.init(Spec(1, 2, CLASSES, steps, batch, True), theta, 1, 0, LABELS)
    state = learner.with_theta(map_tensors(lambda tensor: tensor.double(), state), theta.double())
    born = state.weights
    for t in range(steps):
        at = data.order[:, t, :, None]
        x, y = (torch.take_along_dim(each, at, 1) for each in (data.x, data.y))
        assert data.fresh is not None and data.scored is not None
        state, _ = learner.act(state, x, data.fresh[:, t], t)
        state = learner.learn(state, Told(y, scored=data.scored[:, t]), t)
    return [now - was for now, was in zip(state.weights, born)]


def apart(a: list[Tensor], b: list[Tensor]) -> float:
    return max(float((x - y).norm() / y.norm()) for x, y in zip(a, b))


@pytest.mark.parametrize("leak", [1.0, 0.6])
def test_rtrl_is_bptt_through_the_whole_trial(leak: float) -> None:
    """Six trials under plain descent; momentum would move weights within a trial."""
    network = replace(NETWORK, leak=leak)
    options = {"values": {"eta": 0.1}}
    exact = life(rtrl.Learner(network, **options), 24)  # type: ignore[arg-type]
    through = life(bptt.Learner(network, truncation=4, **options), 24)  # type: ignore[arg-type]
    short = life(bptt.Learner(network, truncation=2, **options), 24)  # type: ignore[arg-type]
    print(f"{apart(exact, through):.1e} {apart(short, through):.1e}")
    assert apart(exact, through) < 1e-9 and apart(short, through) > 1e-2


def test_bptt_goes_down_the_loss_of_a_whole_sequence() -> None:
    """By autograd through a loop of its own, with two hidden layers."""
    network = Network((4, 5), bias=True, leak=0.7)
    learner = bptt.Learner(network, truncation=4, values={"eta": 1.0})
    found = life(learner, 4)
    data = map_tensors(lambda tensor: tensor.double(), TASK.life_data("search", 4, 3, 0, LABELS))
    born = [w.double() for w in network.init(1, 2, 0, LABELS)]

    def loss(w1: Tensor, r1: Tensor, w2: Tensor, r2: Tensor, out: Tensor) -> Tensor:
        one, two = torch.zeros(3, 3, 4, dtype=torch.float64), torch.zeros(3, 3, 5, dtype=torch.float64)
        ones = torch.ones(3, 3, 1, dtype=torch.float64)
        for t in range(4):
            x = torch.take_along_dim(data.x, data.order[:, t, :, None], 1)
            one = 0.3 * one + 0.7 * torch.tanh(torch.cat([x, ones], 2) @ w1 + one @ r1)
            two = 0.3 * two + 0.7 * torch.tanh(torch.cat([one, ones], 2) @ w2 + two @ r2)
        y = torch.take_along_dim(data.y, data.order[:, 3, :, None], 1)
        return CLASSES.nats(torch.softmax(torch.cat([two, ones], 2) @ out, 2), y).mean(1)

    assert apart(found, [-g for g in gradients(loss, born)]) < 1e-9


def test_rflo_is_rtrl_where_units_do_not_reach_each_other() -> None:
    """With recurrent weights of 0 nothing is left out; else the hidden layer's changes differ, and the readout's do not yet."""
    for gain, same in ((0.0, True), (1.0, False)):
        network = Network((5,), bias=True, leak=0.6, recurrent_gain=gain)
        values = {"eta": 1.0}
        exact, local = (life(kind, 4, **values) for kind in (rtrl.Learner(network), rflo.Learner(network, feedback="transpose")))
        assert (apart(exact, local) < 1e-9) == same
        torch.testing.assert_close(exact[2], local[2])
    random = life(rflo.Learner(Network((5,), leak=0.6)), 4)
    assert bool(random[0].any()) and bool(random[1].any())


def test_samples_that_stand_alone_make_it_backpropagation() -> None:
    x, y = samples(6, 4, 5)
    for kind in (bptt.Learner, rtrl.Learner):
        learner = kind(Mlp((5,), bias=True))
        state = newborn(learner, 6, 4, 5, eta=1.0)
        acted, _ = learner.act(state, x, None, 0)
        after = learner.learn(acted, Told(y), 0)
        wanted = gradients(lambda *w: CLASSES.nats(learner.network.outputs(w, x, "softmax")[0], y).mean(1), state.weights)
        for new, old, g in zip(after.weights, state.weights, wanted):
            torch.testing.assert_close(new - old, -g, rtol=1e-9, atol=1e-12)


def test_a_slow_unit_renews_a_share_and_rules_feel_it() -> None:
    """The first step from rest: h = leak f(x W), and the errors of a rule are scaled by it."""
    rule = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": 1.0}})
    x, y = samples(3, 2, 4)
    fast, slow = (LocalRule(rule, Network((5,), leak=leak)) for leak in (1.0, 0.25))
    found = []
    for learner in (fast, slow):
        state = newborn(learner, 3, 2, 4)
        acted, _ = learner.act(state, x, None, 0)
        found.append((acted.acted.record, learner.learn(acted, Told(y), 0).weights[0] - state.weights[0], state))
    torch.testing.assert_close(found[1][0].post[0], 0.25 * found[0][0].post[0])
    (_, _, state), record = found[1], found[1][0]
    err = (y - record.output) @ state.weights[2].transpose(1, 2) * 0.25 * (1 - torch.tanh(record.drive[0]).square())
    torch.testing.assert_close(found[1][1], torch.einsum("nbi,nbo->nio", x, err) / 4, rtol=1e-6, atol=1e-9)


def test_refusals_are_one_line() -> None:
    spec = Spec(1, 2, CLASSES, 4, 3, True)
    for kind in (rtrl.Learner, rflo.Learner):
        assert "network.hidden of one number" in kind(Network((4, 4))).accepts(spec)
    with pytest.raises(ValueError, match="^learner.truncation: expected .*, got 0"):
        bptt.Learner(truncation=0)
    with pytest.raises(ValueError, match="^learner.feedback: expected one of random, transpose, got 'none'"):
        rflo.Learner(feedback="none")
    for leak in (0.0, 1.5, True):
        with pytest.raises(ValueError, match="^network.leak: expected a number above 0, at most 1, got "):
            Network((4,), leak=leak)
