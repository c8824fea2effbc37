"""Autoencoders against autograd and principal components; the ridge readout against a direct solution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from own_help import LABELS, change, gradients, newborn, samples
from torch import Tensor

from inner.criteria import CLASSES
from inner.learners import autoencoder, ridge
from inner.networks.mlp import Network
from inner.random import stream
from inner.sources import Told

SIZES = (10, 4, 6)  # I, O, B


def test_a_layer_goes_down_the_error_of_its_own_reconstruction() -> None:
    inputs, outputs, batch = SIZES
    x, y = samples(inputs, outputs, batch)
    learner = autoencoder.Learner(Network((7, 5), bias=True))
    state = newborn(learner, inputs, outputs, batch, eta=1.0, readout=1.0)

    def loss(*weights: Tensor) -> Tensor:
        signal, total = x, x.new_zeros(len(x))
        for w in weights[:-1]:
            h = torch.tanh(torch.cat([signal, torch.ones_like(signal[..., :1])], 2) @ w)
            total = total + 0.5 * (signal - h @ w[:, :-1].transpose(1, 2)).square().sum(2).mean(1)
            signal = h.detach()
        drive = torch.cat([signal, torch.ones_like(signal[..., :1])], 2) @ weights[-1]
        return total + CLASSES.nats(torch.softmax(drive, 2), y).mean(1)

    for dw, g in zip(change(learner, state, x, y), gradients(loss, state.weights)):
        torch.testing.assert_close(dw, -g, rtol=1e-6, atol=1e-12)


def test_the_decoder_of_a_linear_layer_finds_the_principal_subspace() -> None:
    """Oja's subspace rule: after 3,000 steps the weights are orthonormal and span the first three axes."""
    learner = autoencoder.Learner(Network((3,), activation="linear"), gradient="decoder")
    draw = stream(5, "subspace")
    sd = torch.tensor([3.0, 2.5, 2.0, 0.7, 0.5, 0.3], dtype=torch.float64)
    x = torch.from_numpy(draw.standard_normal((3, 400, 6))) * sd
    state = newborn(learner, 6, 2, 400, eta=0.02, readout=0.01)
    y = torch.zeros(3, 400, 2, dtype=torch.float64)
    for t in range(3000):
        acted, _ = learner.act(state, x, None, t)
        state = learner.learn(acted, Told(y), 0)
    w = state.weights[0]
    axes = torch.linalg.eigh(x.transpose(1, 2) @ x)[1][:, :, -3:]
    torch.testing.assert_close(w.transpose(1, 2) @ w, torch.eye(3, dtype=torch.float64).expand(3, -1, -1), rtol=0, atol=1e-6)
    torch.testing.assert_close(w @ w.transpose(1, 2), axes @ axes.transpose(1, 2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("order", ["together", "greedy"])
def test_layers_learn_in_their_part_of_a_life(order: str) -> None:
    inputs, outputs, batch = SIZES
    x, y = samples(inputs, outputs, batch)
    learner = autoencoder.Learner(Network((7, 5)), order=order, pretraining=0.6)
    state = newborn(learner, inputs, outputs, batch)  # a life of 10 steps
    moved = [[bool(dw.any()) for dw in change(learner, state, x, y, t)] for t in (0, 2, 3, 5, 6, 9)]
    assert all(each[2] for each in moved) and not any(each[0] or each[1] for each in moved[4:])
    early, late = moved[:2], moved[2:4]
    if order == "greedy":
        assert all(each[:2] == [True, False] for each in early) and all(each[:2] == [False, True] for each in late)
    else:
        assert all(each[:2] == [True, True] for each in early + late)


@pytest.mark.parametrize("features", ["random", "autoencoder"])
def test_the_readout_is_the_solution_for_all_samples_so_far(features: str) -> None:
    """At every step, in float64: the normal equations of all rows, those of pretraining apart."""
    inputs, outputs, batch = SIZES
    learner = ridge.Learner(Network((7,), bias=True), features=features, pretraining=0.3)
    known = {c.name: c.init for c in learner.coefficients} | {"penalty": 0.5}
    from inner.life.states import map_tensors
    from inner.spec import Spec

    theta = torch.tensor([list(known.values())] * 3)
    state: Any = learner.init(Spec(inputs, outputs, CLASSES, 10, batch), theta, 1, 0, LABELS)
    state = map_tensors(lambda tensor: tensor.double(), state)
    rows: list[Tensor] = []
    targets: list[Tensor] = []
    for t in range(10):
        x, y = samples(inputs, outputs, batch, seed=t)
        acted, _ = learner.act(state, x, None, t)
        moved = learner.learn(acted, Told(y), t)
        pretraining = features == "autoencoder" and t < 3
        assert torch.equal(moved.weights[0], state.weights[0]) != pretraining
        state = moved
        if pretraining:
            assert not state.weights[-1].any()
            continue
        rows.append(acted.shown.pre[-1])
        targets.append(y)
        h, wanted = torch.cat(rows, 1), torch.cat(targets, 1)
        normal = h.transpose(1, 2) @ h + 0.5 * torch.eye(h.shape[2], dtype=torch.float64)
        torch.testing.assert_close(state.weights[-1], torch.linalg.solve(normal, h.transpose(1, 2) @ wanted), rtol=1e-8, atol=1e-10)


def test_refusals_are_one_line() -> None:
    for kind, option in (
        (autoencoder, {"gradient": "half"}), (autoencoder, {"order": "upwards"}), (autoencoder, {"pretraining": 2}),
        (ridge, {"features": "deep"}), (ridge, {"pretraining": True}), (ridge, {"optimiser": "adam"}),
    ):  # fmt: skip
        (name,) = option
        with pytest.raises(ValueError, match=f"^learner.{name}: .*expected .*, got "):
            kind.Learner(**option)  # type: ignore[attr-defined]
