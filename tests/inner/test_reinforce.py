"""REINFORCE's step is the gradient of the return, and a batch of episodes is over when the last of them is."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.learners.reinforce import BETA1, Learner, returns
from inner.life.request import Life
from inner.life.stepper import Stepper, action_noise
from inner.networks.mlp import Network
from inner.tasks._control import ControlTask

LABELS = tuple(("reinforce", n) for n in range(2))
BATCH, GAMMA = 3, 0.9


def played(steps: int, **options: Any) -> tuple[Learner, Stepper, list[tuple[Any, Tensor, Any]]]:
    """A life of CartPole up to a step, and of each step the state before, the inputs and what was told."""
    task = cast(ControlTask, build("task", {"name": "cart_pole", "together": True}))
    learner = Learner(Network(hidden=(5,), bias=True), {"eta": 0.05, "gamma": GAMMA}, **options)
    source = task.experience("search", 400, BATCH, 0, LABELS)
    theta = torch.tensor([[0.05, GAMMA]] * 2)
    state = learner.init(Life(learner, task, source, theta, 0, LABELS).spec, theta, 1, 0, LABELS)
    stepper, seen = Stepper(learner, source, state, 1, task.criterion, action_noise(task.criterion, 0, LABELS, 1)), []
    for t in range(steps):
        before, x = stepper.state, source.observe(stepper.s, t).x
        told: list[Any] = []
        stepper.each = lambda output, of, told=told: told.append(of)  # type: ignore[misc]
        stepper.advance(t + 1)
        seen.append((before, x, told[0]))
    return learner, stepper, seen


def test_the_first_step_is_the_gradient_of_the_return() -> None:
    """Adam's first moment after the first batch, against autograd through the whole trajectory; the baseline is still 0."""
    learner, stepper, seen = played(200)
    n = 1
    last = next(t for t, (_, _, told) in enumerate(seen) if t and seen[t + 1][0].updates[n] == 1)
    weights = [w[n : n + 1].clone().requires_grad_() for w in seen[0][0].weights]
    total = torch.zeros(())
    for b in range(BATCH):
        steps = [t for t in range(last + 1) if bool(seen[t][2].scored[n, b])]
        assert bool(seen[steps[-1]][2].ends[n, b]) and len(steps) < last + 2
        for t in steps:
            output = learner.network.forward(weights, seen[t][1][n : n + 1, b : b + 1], "linear")[0].output[0, 0]
            chosen = output.log_softmax(-1)[seen[t][2].action[n, b].argmax()]
            total = total + chosen * sum(GAMMA ** (s - t) for s in steps if s >= t)
    total.backward()
    found = seen[last + 1][0]
    for w, m in zip(weights, found.first):
        assert w.grad is not None and torch.allclose(m[n] / (1 - BETA1), w.grad[0], rtol=1e-3, atol=1e-3)
    moved = found.weights[0][n] - seen[0][0].weights[0][n]
    assert torch.allclose(moved, 0.05 * torch.sign(weights[0].grad[0]), atol=1e-3), "Adam's first step has length eta"


def test_episodes_of_a_batch_begin_together() -> None:
    _, stepper, seen = played(120)
    for (before, _, told), (after, _, _) in zip(seen, seen[1:]):
        over = after.updates > before.updates
        assert torch.equal(over, (before.open & told.scored & ~told.ends).sum(1) == 0)
    assert float(stepper.state.updates.min()) >= 2
    assert torch.allclose(stepper.s.begun[:, 0], stepper.s.begun[:, 1])


def test_returns_are_means_over_the_episodes_that_come_so_far() -> None:
    rewards = torch.tensor([[[1.0, 2.0, 4.0], [8.0, 0.0, 0.0]]])
    found = returns(rewards, torch.tensor([[3, 1]]), torch.tensor([0.5]))
    assert found[0].tolist() == pytest.approx([(1 + 1 + 1 + 8) / 2, 2 + 2, 4])


def test_after_its_last_batch_nothing_changes() -> None:
    _, stepper, seen = played(150, batches=1)
    changes = [bool((a[0].weights[0] != b[0].weights[0]).any()) for a, b in zip(seen, seen[1:])]
    assert 1 <= sum(changes) <= 2 and float(stepper.state.updates.min()) > 1
