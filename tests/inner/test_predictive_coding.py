"""Predictive coding: strict inference against backpropagation as the output's precision falls; energy; incremental steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from own_help import change, cosine, gradients, newborn, samples

from inner.criteria import CLASSES, VALUES
from inner.learners.predictive_coding import Learner
from inner.networks.mlp import Network
from inner.sources import Told

NETWORK = Network(hidden=(24, 24), bias=True)
INPUTS, OUTPUTS, BATCH = 20, 6, 8


def gradient(state: Any, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
    kind, criterion = NETWORK.resolve_output(state.spec.criterion), state.spec.criterion
    return gradients(lambda *w: criterion.nats(NETWORK.outputs(w, x, kind)[0], y).mean(1), state.weights)


@pytest.mark.parametrize("criterion", [CLASSES, VALUES], ids=["classes", "values"])
def test_strict_inference_goes_to_backpropagation_as_the_precision_of_the_output_falls(criterion: Any) -> None:
    """After 100 steps of 0.2 the cosine is above 0.999 at precision 0.01, and in 0.85-0.97 at precision 1."""
    x, y = samples(INPUTS, OUTPUTS, BATCH)
    learner, found = Learner(NETWORK, iterations=100), {}
    for precision in (1.0, 0.1, 0.01):
        state = newborn(learner, INPUTS, OUTPUTS, BATCH, criterion, gamma=0.2, precision=precision, eta=1.0)
        moved = change(learner, state, x, y)
        found[precision] = cosine(moved, [-g for g in gradient(state, x, y)])
    assert float(found[0.01].min()) > 0.999
    assert bool((found[1.0] < found[0.1]).all()) and bool((found[0.1] < found[0.01]).all())
    assert 0.85 < float(found[1.0].min()) and float(found[1.0].max()) < 0.97
    size = torch.stack([c.norm() / g.norm() for c, g in zip(moved, gradient(state, x, y))])
    torch.testing.assert_close(size, torch.ones_like(size), rtol=0.05, atol=0)  # eta means what it means there


def test_inference_lowers_the_energy_to_a_fixed_point() -> None:
    """Long inference ends where the derivative of the energy by every hidden value is 0, found by autograd."""
    x, y = samples(INPUTS, OUTPUTS, BATCH)
    learner = Learner(NETWORK, iterations=2000)
    state = newborn(learner, INPUTS, OUTPUTS, BATCH, VALUES, gamma=0.2)
    acted, _ = learner.act(state, x, None, 0)
    values, energies = acted.shown.drive[:-1], []
    for _ in range(2000):
        _, errors = learner.errors(acted, acted.shown.pre[0], values, Told(y), None)
        energies.append(sum(float(e.square().sum()) for e in errors) / 2)
        values = learner.settled(acted, values, errors)
    assert all(later <= earlier + 1e-12 for earlier, later in zip(energies, energies[1:]))
    leaves = [v.clone().requires_grad_() for v in values]
    _, errors = learner.errors(acted, acted.shown.pre[0], tuple(leaves), Told(y), None)
    slopes = torch.autograd.grad(sum(e.square().sum() for e in errors) / 2, leaves)  # type: ignore[arg-type]
    assert max(float(s.abs().max()) for s in slopes) < 1e-8
    settled = change(learner, state, x, y)
    for dw, signal, error in zip(settled, *learner.errors(acted, acted.shown.pre[0], values, Told(y), None)):
        by_hand = 0.05 * torch.einsum("nbi,nbo->nio", signal, error).detach() / BATCH
        torch.testing.assert_close(dw, by_hand, rtol=1e-6, atol=1e-12)


def test_incremental_changes_weights_at_every_iteration() -> None:
    """By hand: values and weights move from the same errors, again and again; one iteration moves the output layer alone."""
    x, y = samples(INPUTS, OUTPUTS, BATCH)
    learner = Learner(NETWORK, mode="incremental", iterations=3)
    state = newborn(learner, INPUTS, OUTPUTS, BATCH)
    acted, _ = learner.act(state, x, None, 0)
    now, values = acted, acted.shown.drive[:-1]
    for _ in range(3):
        signals, errors = learner.errors(now, acted.shown.pre[0], values, Told(y), None)
        values = learner.settled(now, values, errors)
        now = learner.moved(now, signals, errors)
    for dw, w, born in zip(change(learner, state, x, y), now.weights, state.weights):
        torch.testing.assert_close(dw, w - born, rtol=1e-12, atol=0)
    first = change(Learner(NETWORK, mode="incremental", iterations=1), state, x, y)
    assert not first[0].any() and not first[1].any() and bool(first[2].any())
