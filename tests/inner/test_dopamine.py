"""Prediction in hidden layers under a rewarded readout: against autograd, in the mean over choices, and the stream."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from own_help import gradients, newborn, samples
from torch import Tensor

from inner.learners.dopamine import Learner
from inner.networks.mlp import Network
from inner.sources import Told
from inner.tasks.stream import Task

SIZES = (10, 4, 6)  # I, C, B


def after(learner: Learner, state: Any, x: Tensor, y: Tensor, t: int = 0) -> Any:
    with torch.no_grad():
        acted, _ = learner.act(state, x, None, t)
        return learner.learn(acted, Told(y), t)


@pytest.mark.parametrize("kind", ["prediction", "reconstruction"])
def test_hidden_layers_go_down_the_error_of_what_each_guesses(kind: str) -> None:
    inputs, classes, batch = SIZES
    learner = Learner(Network((7, 5), bias=True), hidden=kind)
    born = newborn(learner, inputs, classes, batch, eta=1.0)
    before, y = samples(inputs, classes, batch)
    now, _ = samples(inputs, classes, batch, seed=1)
    state = after(learner, born, before, y)
    same = [torch.equal(a, b) for a, b in zip(state.weights[:-1], born.weights)]
    assert all(same) == (kind == "prediction"), "before the first step there was nothing to predict from"
    found = after(learner, state, now, y, 1)
    seen = before if kind == "prediction" else now

    def hidden(w: Tensor, x: Tensor) -> Tensor:
        return torch.tanh(torch.cat([x, torch.ones_like(x[..., :1])], 2) @ w)

    def loss(w1: Tensor, w2: Tensor, r1: Tensor, r2: Tensor) -> Tensor:
        below, above = (hidden(state.weights[0], each) for each in (seen, now))
        one = (now - hidden(w1, seen) @ r1).square().sum(2)
        two = (above - hidden(w2, below) @ r2).square().sum(2)
        return 0.5 * (one + two).mean(1)

    old = (*state.weights[:-1], *state.memory["back"])
    new = (*found.weights[:-1], *found.memory["back"])
    for a, b, g in zip(new, old, gradients(loss, old)):
        torch.testing.assert_close(a - b, -g, rtol=1e-6, atol=1e-12)


def test_the_readout_climbs_the_expected_reward() -> None:
    """In the mean over choices E r (a - p) = p_y (y - p): the gradient of the chance to be right (Williams 1992)."""
    inputs, classes, copies = 10, 4, 40_000
    learner = Learner(Network((5,)), hidden="random")
    x, y = samples(inputs, classes, 1)
    state = newborn(learner, inputs, classes, copies, readout=1.0)
    found = after(learner, state, x.expand(-1, copies, -1), y.expand(-1, copies, -1))
    assert torch.equal(found.weights[0], state.weights[0]), "random layers stay as they are born"
    wanted = gradients(lambda *w: -(learner.network.outputs(w, x, "softmax")[0] * y).sum(2).mean(1), state.weights)
    torch.testing.assert_close(found.weights[1] - state.weights[1], -wanted[1], rtol=0, atol=0.01)
    right = (learner.predict(state, x) * y).sum((1, 2))
    torch.testing.assert_close(found.memory["expected"], 0.02 * right, rtol=0.05, atol=1e-3)
    again = after(learner, replace(state, memory={"expected": right}), x.expand(-1, copies, -1), y.expand(-1, copies, -1))
    torch.testing.assert_close(again.weights[1] - state.weights[1], -wanted[1], rtol=0, atol=0.01)


def test_the_stream_lasts_and_its_shuffle_does_not() -> None:
    labels = [("stream", 0), ("stream", 1)]
    for shuffled, low, high in ((False, 0.87, 0.93), (True, 0.2, 0.3)):
        data = Task(shuffled=shuffled).life_data("search", 400, 4, 0, labels)
        classes = torch.stack([y[order].argmax(-1) for y, order in zip(data.y, data.order)])  # [L, T, B]
        assert low < float((classes[:, 1:] == classes[:, :-1]).double().mean()) < high
        share = torch.nn.functional.one_hot(classes, 4).double().mean((1, 2))
        assert float((share - 0.25).abs().max()) < 0.1
        assert float(data.x.square().mean()) == pytest.approx((20 * 4 + 4 * 0.09 + 1.5**2) / 24, rel=0.05)


def test_refusals_are_one_line() -> None:
    with pytest.raises(ValueError, match="^learner.hidden: expected one of random, reconstruction, prediction, got 'dream'"):
        Learner(hidden="dream")
    with pytest.raises(ValueError, match="^stay: expected a probability, got 1.5"):
        Task(stay=1.5)
