"""Forward-Forward: the change of a layer against autograd, what a layer cannot read, wrong labels, and both answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from own_help import change, newborn, samples
from torch import Tensor

from inner.learners.forward_forward import Learner, normalised
from inner.networks.mlp import Network
from inner.sources import Told

SIZES = (10, 4, 6)  # I, O, B
NETWORK = Network((7, 8), activation="relu", bias=True)


def begun(learner: Learner) -> tuple[Any, Tensor, Tensor]:
    inputs, outputs, batch = SIZES
    x, y = samples(inputs, outputs, batch)
    return newborn(learner, inputs, outputs, batch, eta=1.0, theta=0.7, sharpness=3.0), x, y


def test_a_layer_goes_down_its_own_logistic_loss() -> None:
    """By hand, layer for layer: inputs are given, so that no gradient runs from one layer into another."""
    learner = Learner(NETWORK)
    state, x, y = begun(learner)
    wrong = learner.wrong(state, y, 3)
    leaves = [w.clone().requires_grad_() for w in (*state.weights[:-1], state.memory["label"])]
    total = torch.zeros((), dtype=torch.float64)
    for label, sign in ((y, -1.0), (wrong, 1.0)):
        signal = normalised(x)
        for k in range(2):
            drive = torch.cat([signal, torch.ones_like(signal[..., :1])], 2) @ leaves[k]
            h = torch.relu(drive + label @ leaves[2] if k == 0 else drive)
            goodness = h.square().mean(2)
            total = total + torch.nn.functional.softplus(sign * 3.0 * (goodness - 0.7)).mean(1).sum()
            signal = normalised(h).detach()
    wanted = torch.autograd.grad(total, leaves)
    acted, _ = learner.act(state, x, None, 3)
    after = learner.learn(acted, Told(y), 3)
    found = [*(a - b for a, b in zip(after.weights[:-1], state.weights)), after.memory["label"] - state.memory["label"]]
    for dw, g in zip(found, wanted):
        torch.testing.assert_close(dw, -g, rtol=1e-6, atol=1e-12)
    assert torch.equal(after.weights[-1], state.weights[-1]), "goodness needs no readout"


def test_a_layer_does_not_see_how_excited_the_one_before_it_is() -> None:
    """Activities ten times as large change the first layer's goodness, and nothing that the second is given."""
    learner = Learner(Network((7, 8), activation="relu"))
    state, x, y = begun(learner)
    louder = (state.weights[0] * 10, *state.weights[1:])
    loud = replace(state, weights=louder, memory={"label": state.memory["label"] * 10})
    quiet, noisy = (learner.hidden(s, normalised(x), y) for s in (state, loud))
    torch.testing.assert_close(noisy[2][0], 10 * quiet[2][0])
    torch.testing.assert_close(noisy[0][1], quiet[0][1], rtol=1e-6, atol=1e-6)


def test_wrong_labels_are_the_others_evenly() -> None:
    learner = Learner(NETWORK)
    state, _, _ = begun(learner)
    y = torch.nn.functional.one_hot(torch.full((3, 4000), 2), 4).double()
    share = learner.wrong(state, y, 0).mean(1)
    assert not share[:, 2].any()
    torch.testing.assert_close(share[:, [0, 1, 3]], torch.full((3, 3), 1 / 3, dtype=torch.float64), rtol=0, atol=0.03)
    assert not torch.equal(learner.wrong(state, y, 0), learner.wrong(state, y, 1))


def test_the_answer_is_the_label_with_the_most_goodness_or_a_readout() -> None:
    learner = Learner(NETWORK)
    state, x, y = begun(learner)
    scores = []
    for c in range(4):
        label = torch.nn.functional.one_hot(torch.full(x.shape[:2], c), 4).double()
        posts = learner.hidden(state, normalised(x), label)[2]
        scores.append(3.0 * posts[1].square().mean(2))
    torch.testing.assert_close(learner.predict(state, x), torch.softmax(torch.stack(scores, 2), 2))
    read = Learner(NETWORK, answer="readout")
    neutral = torch.full((*x.shape[:2], 4), 0.25, dtype=torch.float64)
    pre = read.hidden(state, normalised(x), neutral)[0][-1]
    output = torch.softmax(pre @ state.weights[-1], 2)
    torch.testing.assert_close(read.predict(state, x), output)
    top = change(read, state, x, y)[-1]
    torch.testing.assert_close(top, torch.einsum("nbi,nbo->nio", pre, y - output) / x.shape[1], rtol=1e-9, atol=1e-12)


def test_refusals_are_one_line() -> None:
    with pytest.raises(ValueError, match="^learner.answer: expected one of goodness, readout, got 'vote'"):
        Learner(answer="vote")
    state, _, _ = begun(Learner(NETWORK))
    assert "expected one or more" in Learner(Network(())).accepts(state.spec)
