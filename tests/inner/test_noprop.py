"""NoProp: what its loss weights do, which blocks hear of each other, the posterior, prototypes, schedules, and one loss by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from own_help import gradients, newborn, samples
from torch import Tensor

from inner.learners import noprop, noprop_continuous, noprop_flow
from inner.learners._noprop import prototyped
from inner.networks.mlp import Network
from inner.sources import Told

SIZES = (10, 4, 12)  # I, C, B
NETWORK = Network((7,), bias=True)
ALL = (noprop, noprop_flow, noprop_continuous)


def begun(learner: Any, **values: float) -> Any:
    inputs, classes, batch = SIZES
    return newborn(learner, inputs, classes, batch, **values)


def lived(learner: Any, steps: int, **values: float) -> tuple[list[Tensor], Any]:
    """Weights at birth, and the state after some steps."""
    inputs, classes, batch = SIZES
    state = begun(learner, **values)
    born = list(state.weights)
    for t in range(steps):
        x, y = samples(inputs, classes, batch, seed=t)
        with torch.no_grad():
            acted, _ = learner.act(state, x, None, t)
            state = learner.learn(acted, Told(y), t)
    return born, state


def moved(learner: Any, name: str, least: float = 1000.0) -> float:
    """Relative change, by ten times the loss weight, of what five steps change."""
    found = []
    for weight in (least, 10 * least):
        born, state = lived(learner, 5, weight=weight, eta=0.01)
        found.append(state.weights[0] - born[0] if name == "weights" else state.memory[name])
    return float((found[1] - found[0]).norm() / found[0].norm())


def test_loss_weights_do_nothing_to_fixed_embeddings_under_adam() -> None:
    """Every block has a loss of its own, and Adam does not feel its scale: ten times the weight moves nothing beyond epsilon."""
    adam, plain = (noprop.Learner(NETWORK, blocks=4, optimiser=each) for each in ("adam", "plain"))
    learned = noprop.Learner(NETWORK, blocks=4, embeddings="learned", dimension=6)
    print(f"{moved(adam, 'weights'):.1e} {moved(plain, 'weights'):.1e} {moved(learned, 'embed', 0.001):.1e}")
    assert moved(adam, "weights") < 1e-6 and moved(plain, "weights") > 1
    assert moved(learned, "embed", 0.001) > 1e-3, "embeddings have several losses, and the weight decides between them"


def test_a_block_hears_of_no_other_and_the_chain_of_all() -> None:
    inputs, classes, batch = SIZES
    x, y = samples(inputs, classes, batch)
    for train, alone in (("blocks", True), ("chain", False)):
        learner = noprop.Learner(NETWORK, blocks=3, train=train, optimiser="plain")
        state, changes = begun(learner, eta=1.0), []
        other = replace(state, weights=tuple(w * torch.tensor([1.0, 1.0, 3.0])[None, :, None, None] for w in state.weights))
        for each in (state, other):
            acted, _ = learner.act(each, x, None, 0)
            changes.append(learner.learn(acted, Told(y), 0).weights[0] - each.weights[0])
        assert torch.equal(changes[0][:, :2], changes[1][:, :2]) == alone
        assert not torch.equal(changes[0][:, 2], changes[1][:, 2])


def test_the_posterior_leads_from_one_marginal_to_the_next() -> None:
    """If u is right, the mean of z_t is sqrt(abar_t) u and its variance 1 - abar_t, at every step."""
    schedule = noprop.Learner(NETWORK).schedule
    assert len(schedule) == 11 and list(schedule) == sorted(schedule) and schedule[0] == 1e-4 and schedule[-1] == 0.9999
    for before, after in zip(schedule, schedule[1:]):
        a, b, c = noprop.posterior(before, after)
        assert a + b * before**0.5 == pytest.approx(after**0.5, rel=1e-12)
        assert b**2 * (1 - before) + c == pytest.approx(1 - after, rel=1e-9)


def test_the_loss_of_a_block_by_hand() -> None:
    inputs, classes, batch = SIZES
    x, y = samples(inputs, classes, batch)
    learner = noprop.Learner(NETWORK, blocks=3, optimiser="plain")
    state = begun(learner, eta=1.0, weight=0.3)
    eps = state.noise.normal(4, 2**15, (4, batch, classes)).double()
    abar = learner.schedule

    def loss(*weights: Tensor) -> Tensor:
        total = x.new_zeros(len(x))
        for k in range(3):
            z = abar[k] ** 0.5 * y + (1 - abar[k]) ** 0.5 * eps[:, k]
            ones = torch.ones_like(x[..., :1])
            hidden = torch.tanh(torch.cat([x, ones], 2) @ weights[0][:, k] + z @ state.memory["z"][:, k])
            u = torch.softmax(torch.cat([hidden, ones], 2) @ weights[1][:, k], 2)
            rise = abar[k + 1] / (1 - abar[k + 1]) - abar[k] / (1 - abar[k])
            total = total + 0.15 * rise * (u - y).square().sum(2).mean(1)
        return total

    acted, _ = learner.act(state, x, None, 4)
    after = learner.learn(acted, Told(y), 4)
    for new, old, g in zip(after.weights, state.weights, gradients(loss, state.weights)):
        torch.testing.assert_close(new - old, -g, rtol=1e-6, atol=1e-9)


def test_prototypes_are_the_most_central_samples_and_stay() -> None:
    inputs, classes, batch = SIZES
    learner = noprop.Learner(NETWORK, blocks=2, embeddings="prototype")
    state = begun(learner)
    x, y = samples(inputs, classes, batch)
    y = y.clone()
    y[0, :, 3], y[0, :, 0] = 0.0, y[0, :, 0] + y[0, :, 3]  # the first network sees no sample of class 3
    found = prototyped(state, x, y).memory
    for n in range(3):
        for c in range(classes):
            mine = x[n][y[n].argmax(1) == c]
            assert float(found["seen"][n, c]) == float(len(mine) > 0)
            if len(mine):
                medians = torch.cdist(mine, mine).square().sort(1).values[:, (len(mine) - 1) // 2]
                torch.testing.assert_close(found["embed"][n, c], mine[medians.argmin()])
    again = prototyped(replace(state, memory=found), x.flip(1) + 1, samples(inputs, classes, batch)[1]).memory
    kept = found["seen"] > 0
    assert torch.equal(again["embed"][kept], found["embed"][kept])


def test_the_speed_of_the_schedule_is_its_derivative_and_it_rises_from_end_to_end() -> None:
    learner = noprop_continuous.Learner(NETWORK)
    state = begun(learner)
    params = learner.params(state)
    params["schedule"] = samples(8, 2, 2)[0]
    time = torch.linspace(0, 1, 50, dtype=torch.float64).expand(3, -1).clone().requires_grad_()
    gamma, speed = learner.gamma(params, time)
    (slope,) = torch.autograd.grad(gamma.sum(), time)
    torch.testing.assert_close(speed, -slope)
    assert bool((speed > 0).all())
    torch.testing.assert_close(gamma[:, 0], torch.full((3,), 7.0, dtype=torch.float64))
    torch.testing.assert_close(gamma[:, -1], torch.full((3,), -7.0, dtype=torch.float64))


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.__name__.rpartition(".")[2])
@pytest.mark.parametrize("embeddings", ["one_hot", "learned", "prototype"])
def test_sampled_answers_are_drawn_and_others_are_not(module: Any, embeddings: str) -> None:
    inputs, classes, batch = SIZES
    x, _ = samples(inputs, classes, batch)
    mean = module.Learner(NETWORK, embeddings=embeddings)
    _, state = lived(mean, 3)
    assert all(bool(torch.isfinite(w).all()) for w in state.weights)
    with torch.no_grad():
        drawn = [replace(mean, inference="sampled").answered(state, x, t) for t in (0, 0, 1)]
        fixed = [mean.answered(state, x, t) for t in (0, 1)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2]) and torch.equal(*fixed)
    torch.testing.assert_close(fixed[0].sum(2), torch.ones_like(x[..., 0]))


def test_refusals_are_one_line() -> None:
    for option in ({"embeddings": "words"}, {"inference": "best"}, {"dimension": 0}, {"blocks": 0}, {"train": "end"}):
        (name,) = option
        with pytest.raises(ValueError, match=f"^learner.{name}: expected .*, got "):
            noprop.Learner(**option)  # type: ignore[arg-type]
    for module in (noprop_flow, noprop_continuous):
        with pytest.raises(ValueError, match="^learner.iterations: expected .*, got 0"):
            module.Learner(iterations=0)  # type: ignore[attr-defined]
