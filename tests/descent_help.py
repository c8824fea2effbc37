"""What the tests of the learner `descent` share: one life through its steps, the same gradients by autograd, toy lives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from native_help import LABELS, Toy
from torch import Tensor

from inner.criteria import CLASSES
from inner.learners.base import Spec
from inner.learners.descent import Learner
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.random import stream

NETWORK = Network((7, 6), bias=True)
STEPS = 60


def samples(batch: int, dtype: torch.dtype, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """x [T, 1, B, 5] and one-hot y [T, 1, B, 3]."""
    draw = stream(7, "descent", batch)
    x = torch.from_numpy(draw.standard_normal((steps, 1, batch, 5))).to(dtype)
    y = torch.eye(3, dtype=dtype)[torch.from_numpy(draw.integers(0, 3, (steps, 1, batch)))]
    return x, y


def lived(
    learner: Learner, batch: int, dtype: torch.dtype, steps: int = STEPS
) -> tuple[list[Tensor], list[Tensor], list[Any]]:
    """Weights [I (+ 1), O] at birth and at the end of one life, and the states before every step."""
    network, spec = learner.network, Spec(5, 3, CLASSES, steps, batch)
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=dtype)
    born = [w.to(dtype) for w in network.init(5, 3, 0, LABELS[:1])]
    state, states = learner.init(spec, theta, 1, 0, LABELS[:1], born), []
    for t, (x, y) in enumerate(zip(*samples(batch, dtype, steps))):
        states.append(state)
        state = learner.step(state, x, y, t)[0]
    return [w[0] for w in born], [w[0] for w in state.weights], states


def gradients(weights: Sequence[Tensor], x: Tensor, y: Tensor) -> list[Tensor]:
    """Of the mean cross-entropy of x [B, I], y [B, O], by autograd."""
    leaves = [w.detach().clone().requires_grad_() for w in weights]
    return list(torch.autograd.grad(loss(leaves, x, y), leaves))


def loss(weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy of a tanh network with a last row of biases."""
    for k, w in enumerate(weights):
        x = x @ w[:-1] + w[-1]
        x = x if k + 1 == len(weights) else torch.tanh(x)
    return -(y * torch.log_softmax(x, -1)).sum(-1).mean()


def assert_same_change(born: list[Tensor], found: list[Tensor], wanted: list[Tensor], tolerance: float) -> None:
    """The changes of a life agree, relative to the largest of their layer."""
    for w0, w, v in zip(born, found, wanted, strict=True):
        size = float((v - w0).abs().max())
        assert size > 1e-3, "nothing was learned"
        assert float((w - v).abs().max()) <= tolerance * size


def by_hand(born: list[Tensor], batch: int, step: Callable[[int, list[Tensor], Tensor], list[Tensor]]) -> list[Tensor]:
    """Weights after a life of w <- w + step(t, gradients, x [B, I])."""
    weights = born
    for t, (x, y) in enumerate(zip(*samples(batch, torch.float64))):
        found = gradients(weights, x[0], y[0])
        weights = [w + dw for w, dw in zip(weights, step(t, found, x[0]))]
    return weights


def toy_life(learner: Any, batch: int, theta: Tensor, steps: int = 40) -> Life:
    task = Toy()
    data = task.life_data("search", steps, batch, 0, LABELS)
    return Life(learner, task, data, theta, 0, LABELS, (steps,))


def initial(learner: Learner, population: int = 3) -> Tensor:
    """Theta [P, D]: the initial values, with eta halved from candidate to candidate."""
    theta = torch.tensor([[c.init for c in learner.coefficients]], dtype=torch.float64).repeat(population, 1)
    column = [c.name for c in learner.coefficients].index("eta")
    theta[:, column] /= 2.0 ** torch.arange(population)
    return theta
