"""Equilibrium propagation against the gradient through the fixed point, found by autograd through its iterations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from own_help import change, gradients, newborn, samples
from torch import Tensor

from inner.criteria import CLASSES, VALUES
from inner.learners.equilibrium_propagation import Learner
from inner.networks.mlp import Network

SIZES = (12, 5, 6)  # I, O, B
CASES = [
    pytest.param(CLASSES, Network((9, 8), bias=True, gain=0.4), id="softmax readout"),
    pytest.param(VALUES, Network((9, 8), bias=True, gain=0.4), id="linear"),
    pytest.param(CLASSES, Network((9,), activation="sigmoid", output="sigmoid"), id="sigmoid"),
    pytest.param(VALUES, Network((9,), activation="clip", bias=True), id="clip"),
]


def gradient(learner: Learner, state: Any, x: Tensor, y: Tensor, criterion: Any) -> tuple[Tensor, ...]:
    """Of the mean loss at the end of the free phase: squares, or the cross-entropy of a softmax readout."""
    from dataclasses import replace

    def loss(*weights: Tensor) -> Tensor:
        output = learner.predict(replace(state, weights=weights), x)
        if learner.network.resolve_output(criterion) == "softmax":
            return CLASSES.nats(output, y).mean(1)
        return 0.5 * (output - y).square().sum(2).mean(1)

    return gradients(loss, state.weights)


@pytest.mark.parametrize("criterion, network", CASES)
def test_goes_to_the_gradient_through_the_fixed_point(criterion: Any, network: Network) -> None:
    """At beta 0.001 in float64, both sides: a relative error below 0.001; of one side it is of order beta."""
    inputs, outputs, batch = SIZES
    x, y = samples(inputs, outputs, batch, 0.5)
    two = Learner(network, free=300, nudged=300)
    state = newborn(two, inputs, outputs, batch, criterion, beta=1e-3, eta=1.0)
    wanted = [-g for g in gradient(two, state, x, y, criterion)]

    def error(learner: Learner) -> float:
        found = change(learner, state, x, y)
        return max(float((a - b).norm() / b.norm()) for a, b in zip(found, wanted))

    both, one = error(two), error(Learner(network, free=300, nudged=300, sides=1))
    print(f"{both:.2e} {one:.2e}")
    assert both < 1e-3 and one < 1e-1 and both < 0.1 * one


def test_free_phase_ends_where_every_unit_is_its_function_of_its_neighbours() -> None:
    inputs, outputs, batch = SIZES
    x, _ = samples(inputs, outputs, batch, 0.5)
    learner = Learner(Network((9, 8)), free=300)
    state = newborn(learner, inputs, outputs, batch, VALUES)
    one, two, top = learner.fixed(state, x)
    w = state.weights
    torch.testing.assert_close(one, torch.tanh(x @ w[0] + two @ w[1].transpose(1, 2)))
    torch.testing.assert_close(two, torch.tanh(one @ w[1] + top @ w[2].transpose(1, 2)))
    torch.testing.assert_close(top, two @ w[2])


def test_refusals_are_one_line() -> None:
    for option in ({"free": 0}, {"nudged": 0}, {"sides": 3}, {"sides": True}):
        (name,) = option
        with pytest.raises(ValueError, match=f"^learner.{name}: expected .*, got "):
            Learner(**option)  # type: ignore[arg-type]
