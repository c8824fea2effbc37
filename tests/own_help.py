"""Learners that are files of their own, by hand: newborn networks in float64, one step on given samples, gradients by autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.life.states import map_tensors
from inner.random import stream
from inner.sources import Told
from inner.spec import Spec

LABELS = (("own", 0), ("own", 1), ("own", 2))


def samples(inputs: int, outputs: int, batch: int, scale: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """x [N, B, I] and one-hot y [N, B, O] in float64, for the networks of LABELS."""
    draw = stream(seed, "own samples")
    x = torch.from_numpy(draw.standard_normal((len(LABELS), batch, inputs)) * scale)
    y = torch.from_numpy(draw.integers(0, outputs, (len(LABELS), batch)))
    return x, torch.nn.functional.one_hot(y, outputs).double()


def newborn(learner: Any, inputs: int, outputs: int, batch: int, criterion: Criterion = CLASSES, **values: float) -> Any:
    """Networks [N] in float64 under the initial coefficients, some of them replaced; `batch` samples a step."""
    known = {c.name: c.init for c in learner.coefficients} | values
    theta = torch.tensor([list(known.values())] * len(LABELS))
    state = learner.init(Spec(inputs, outputs, criterion, 10, batch), theta, 1, 0, LABELS)
    exact = map_tensors(lambda tensor: tensor.double(), state)
    doubled = torch.tensor([list(known.values())] * len(LABELS), dtype=torch.float64)
    return learner.with_theta(exact, doubled)


def change(learner: Any, state: Any, x: Tensor, y: Tensor, t: int = 0) -> list[Tensor]:
    """dw per group of one step."""
    with torch.no_grad():
        state, _ = learner.act(state, x, None, t)
        after = learner.learn(state, Told(y), t)
    return [new - old for new, old in zip(after.weights, state.weights, strict=True)]


def gradients(loss: Callable[..., Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Gradients of sum over networks of loss(*weights) [N]."""
    leaves = [w.detach().clone().requires_grad_() for w in weights]
    return torch.autograd.grad(loss(*leaves).sum(), leaves)


def cosine(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Cosine per network [N] between two groups of tensors."""
    one, two = (torch.cat([each.flatten(1) for each in side], 1) for side in (a, b))
    return torch.nn.functional.cosine_similarity(one, two, dim=1)
