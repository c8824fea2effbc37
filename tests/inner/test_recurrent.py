"""A recurrent network: its step against a plain loop, its gradients against differences, and what a trace is good for."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life, Result
from inner.life.unroll import Unroll
from inner.networks.elman import Network
from inner.networks.mlp import Network as Perceptron
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Told
from inner.tasks import adding, delayed_xor
from inner.tasks.base import Task

LABELS = [("t", n) for n in range(2)]


def test_steps_against_a_plain_loop() -> None:
    """Two hidden layers with biases, three steps; a sequence of the second sample begins at the third."""
    network = Network((3, 2), bias=True)
    w = [
        group[0].double().numpy() + 0.1 * stream(1, "w", k).standard_normal(group.shape[1:])
        for k, group in enumerate(network.init(2, 2, 0, [("a", 1)]))
    ]
    x = stream(1, "x").standard_normal((3, 2, 2))  # steps, samples, inputs
    fresh = np.array([[True, True], [False, False], [False, True]])
    weights, units = [torch.from_numpy(group)[None] for group in w], network.rest(1, 2, 2, 2)
    state = [[[0.0] * 3, [0.0] * 2] for _ in range(2)]
    for t in range(3):
        record, units = network.forward(
            weights, torch.from_numpy(x[t])[None], "linear", units, torch.from_numpy(fresh[t])[None]
        )
        for b in range(2):
            if fresh[t, b]:
                state[b] = [[0.0] * 3, [0.0] * 2]
            below, now = list(x[t, b]), []
            for u, (forward, recurrent) in enumerate(((w[0], w[1]), (w[2], w[3]))):
                before = state[b][u]
                drive = [
                    sum(below[i] * forward[i, j] for i in range(len(below)))
                    + forward[len(below), j]
                    + sum(before[i] * recurrent[i, j] for i in range(len(before)))
                    for j in range(len(before))
                ]
                below = [math.tanh(each) for each in drive]
                now.append(below)
                for k in (2 * u, 2 * u + 1):
                    np.testing.assert_allclose(record.drive[k][0, b], drive, rtol=1e-12)
                    np.testing.assert_allclose(record.post[k][0, b], below, rtol=1e-12)
                np.testing.assert_allclose(record.pre[2 * u + 1][0, b], before, rtol=1e-12)
            state[b] = now
            out = [sum(below[i] * w[4][i, j] for i in range(2)) + w[4][2, j] for j in range(2)]
            np.testing.assert_allclose(record.output[0, b], out, rtol=1e-12)
    assert network.wiring(2, 2) == ((0, 1), (1, 1), (1, 2), (2, 2), (2, 3))


def test_recurrent_births() -> None:
    eye = Network((6,), recurrent_birth="identity", recurrent_gain=0.9).init(2, 2, 0, LABELS)[1]
    torch.testing.assert_close(eye, 0.9 * torch.eye(6).expand(2, 6, 6))
    square = Network((6,), recurrent_gain=0.9).init(2, 2, 0, LABELS)[1].double()
    torch.testing.assert_close(square @ square.mT, 0.81 * torch.eye(6).double().expand(2, 6, 6), rtol=0, atol=1e-6)
    assert not torch.equal(square[0], square[1])


def test_errors_of_both_groups_of_a_layer_are_those_of_its_units() -> None:
    """err of (u, u) is err of (u - 1, u): what comes down through the feed-forward weights above, times the slope."""
    learner = Learner(Rule("eta*err*pre", pathway="backprop"), Network((4, 3), bias=True))
    state = learner.init(Spec(2, 2, delayed_xor.Task.criterion, sequences=True), torch.ones(2, 1), 1, 0, LABELS)
    fresh = torch.zeros(2, 1, dtype=torch.bool)
    x, y = (torch.from_numpy(stream(3, name).standard_normal((2, 1, 2))).float() for name in ("x", "y"))
    state, _ = learner.act(state, x, fresh, 0)
    state, output = learner.act(state, x, fresh, 1)
    assert state.acted is not None
    record = state.acted.record
    after = learner.learn(state, Told(y), 1)
    errors = {3: y - output}
    for u, group in ((2, 4), (1, 2)):
        down = errors[u + 1] @ state.weights[group][:, :-1].mT
        errors[u] = down * (1 - record.post[2 * u - 2] ** 2)
    for k, (_, target) in enumerate(state.wiring):
        change = after.weights[k] - state.weights[k]
        torch.testing.assert_close(change, record.pre[k].mT @ errors[target], rtol=1e-4, atol=1e-6)
    assert all(bool(w.any()) for w in (record.pre[1], record.pre[3])), "the units remember"


def test_what_is_not_scored_gives_neither_error_nor_target_nor_reward() -> None:
    rule = Rule("a*err*pre + b*target*pre + c*reward*pre + d*pre_err*post", pathway="backprop")
    learner = Learner(rule, Network((4,)))
    state = learner.init(Spec(2, 2, delayed_xor.Task.criterion, sequences=True), torch.ones(2, 4), 1, 0, LABELS)
    x, y = torch.ones(2, 1, 2), torch.tensor([1.0, 0.0]).expand(2, 1, 2)
    state, _ = learner.act(state, x, torch.ones(2, 1, dtype=torch.bool), 0)
    after = learner.learn(state, Told(y, scored=torch.tensor([[True], [False]])), 0)
    for old, new in zip(state.weights[::2], after.weights[::2]):  # the recurrent group had no input yet
        assert torch.equal(old[1], new[1]) and not torch.equal(old[0], new[0])


@pytest.mark.parametrize(
    "task", [delayed_xor.Task(delay=1, test=6), adding.Task(length=4, test=6)], ids=["xor", "adding"]
)
@pytest.mark.parametrize("loss", ["test", "prequential", "both"])
def test_backpropagation_through_a_recurrent_life_equals_differences(task: Task, loss: str) -> None:
    """d loss / d theta in float64, cut into windows that are joined again, against central differences of 1e-5."""
    rule = Rule("a*err*pre + b*e*err - c*w + d*post*pre", {"e": "f*e + pre"}, pathway="backprop")
    learner = Learner(rule, Network((4, 3), bias=True))
    data = task.life_data("search", 9, 1, 0, LABELS)
    unroll = Unroll(learner, task, data, 0, LABELS, loss)
    values = {"a": 0.3, "b": 0.2, "c": 0.02, "d": 0.05, "f": 0.7}
    theta = torch.tensor([[values[c.name] for c in rule.coefficients]] * 2, dtype=torch.float64)

    def total(theta: Tensor) -> Tensor:
        state, losses = unroll.begin(theta), torch.zeros(2, dtype=torch.float64)
        for start, stop in unroll.windows(4):
            state, part = unroll.advance(state, start, stop, theta)
            losses = losses + part
        return losses

    theta.requires_grad_(True)
    (gradient,) = torch.autograd.grad(total(theta).sum(), theta)
    assert gradient.dtype == torch.float64
    for d in range(theta.shape[1]):
        step = torch.zeros_like(theta)
        step[:, d] = 1e-5
        with torch.no_grad():
            slope = (total(theta + step) - total(theta - step)) / 2e-5
        torch.testing.assert_close(gradient[:, d], slope, rtol=1e-5, atol=1e-9)
        assert slope.abs().min() > 1e-5, "every coefficient matters, also that of the trace"


XOR = delayed_xor.Task(delay=1, noise=0.02)
# units that keep what they are given, and inputs far too weak to tell: only what changes the inputs' weights can help
KEEPING = Network((16,), bias=True, gain=0.02, recurrent_birth="identity")


def learned(network: Any, rule: dict[str, Any], theta: Tensor, first: int, lives: int) -> Result:
    labels = [("delayed", n) for n in range(first, first + lives)]
    data = XOR.life_data("search", 8000, 1, 0, labels)
    return live(Life(Learner(Rule.from_dict(rule), network), XOR, data, theta, 0, labels))


def test_a_trace_learns_the_delayed_task_and_no_rule_without_one_does() -> None:
    """Exclusive or of two bits two steps apart, asked a step after the second; 2000 trials a life, 64 in its test.

    The input is silent when the answer counts, so an error meets no input but in the trace of it. The rule without a
    trace is given the best of 5 x 5 pairs of rates in 8 lives. Then fresh lives: 16 with a trace (64 lives: mean 1.000,
    every one above 0.99), 32 without (64 lives: 0.510, standard deviation 0.116). Intervals are 3 standard errors.
    """
    into = {"hidden": "0*w", "output": "b*err*pre"}
    traced = {"dw": {"0": "a*err*e", **into}, "traces": {"e": "0.9*e + pre"}, "pathway": "random"}
    score = learned(KEEPING, traced, torch.tensor([[0.005, 0.4]]), 0, 16).score[0]
    assert score.mean() - 3 * score.std() / 4 > 0.85, score
    rates = torch.logspace(-2.5, 0, 5)
    pairs = torch.stack([grid.flatten() for grid in torch.meshgrid(rates, rates, indexing="ij")], 1)
    without = {"dw": {"0": "a*err*pre", **into}, "pathway": "random"}
    best = int(learned(KEEPING, without, pairs, 0, 8).score.mean(1).argmax())
    score = learned(KEEPING, without, pairs[best : best + 1], 8, 32).score[0]
    assert abs(score.mean() - 0.5) < 3 * max(float(score.std()), 0.1) / 32**0.5 and score.mean() < 0.6, score


def test_a_network_without_memory_does_not_learn_it() -> None:
    rule = {"dw": "a*err*e", "traces": {"e": "0.9*e + pre"}, "pathway": "random"}
    score = learned(Perceptron((16,), bias=True), rule, torch.tensor([[0.01], [0.1]]), 0, 8).score
    assert score.mean(1).max() < 0.6


def test_trials_follow_each_other() -> None:
    """Marks and targets of both tasks, read off what is shown."""
    data = adding.Task(length=5).life_data("search", 12, 3, 0, LABELS)
    assert data.fresh is not None and data.scored is not None and data.test_fresh is not None
    assert data.fresh.shape == data.scored.shape == (2, 12, 3)
    assert data.fresh[0, :, 0].nonzero()[:, 0].tolist() == [0, 5, 10]
    assert data.scored[1, :, 2].nonzero()[:, 0].tolist() == [4, 9]
    shown = data.x[0][data.order[0]]  # [T, B, I]
    wanted = data.y[0][data.order[0]]  # [T, B, O]
    for start in (0, 5):
        trial = shown[start : start + 5]
        assert torch.equal(trial[..., 1].sum(0), torch.full((3,), 2.0)) and (trial[:2, :, 1].sum(0) == 1).all()
        torch.testing.assert_close(trial.prod(2).sum(0), wanted[start + 4, :, 0])
    bits = delayed_xor.Task(delay=2, noise=0.01, permute=False).life_data("search", 12, 2, 0, LABELS)
    shown, wanted = bits.x[1][bits.order[1]], bits.y[1][bits.order[1]]
    for start in (0, 6):
        trial = shown[start : start + 6, :, 0]
        assert (trial.abs() > 0.5).nonzero()[:, 0].unique().tolist() == [0, 3]
        assert torch.equal(trial[0].sign() != trial[3].sign(), wanted[start + 5].argmax(-1) == 1)
    exam = bits.test_x.reshape(2, 6, 64, 1)
    assert (exam[:, 3].abs() > 0.5).all() and (exam[:, 1].abs() < 0.5).all()
    assert bits.test_fresh is not None and bits.test_scored is not None
    assert bits.test_fresh[0].all() and not bits.test_fresh[1:].any()
    assert bits.test_scored[5].all() and not bits.test_scored[:5].any()


@pytest.mark.parametrize("name", ["delayed_xor", "adding"])
def test_a_perceptron_lives_sequences_too(name: str) -> None:
    task = cast(Task, build("task", {"name": name, "test": 9}))
    labels = [("s", n) for n in range(3)]
    data = task.life_data("search", 40, 2, 0, labels)
    result = live(Life(Learner(Rule("eta*err*pre"), Perceptron((5,))), task, data, torch.tensor([[0.05]]), 0, labels))
    assert result.score.shape == (1, 3) and bool(result.alive.all())
