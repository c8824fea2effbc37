"""Guided evolution strategies and networks of binary weights: what their steps are in the mean, and by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.criteria import CLASSES
from inner.learners import _perturbation as perturbation
from inner.learners import local_rule
from inner.learners._perturbation import State
from inner.learners._perturbing import Perturbing
from inner.learners.base import Spec
from inner.learners.binary_weights import Learner as Binary
from inner.learners.evolution_strategies import Learner as Evolution
from inner.learners.guided_es import Learner as Guided
from inner.learners.guided_es import orthonormal
from inner.life.states import map_tensors
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Told

BATCH, INPUTS, OUTPUTS = 9, 6, 3
NETWORK = Network(hidden=(5,), bias=True)  # D = 53
SPEC = Spec(INPUTS, OUTPUTS, CLASSES, 400, BATCH)


def drawn(*shape: int, name: str = "x") -> Tensor:
    return torch.from_numpy(stream(0, "guided", name).standard_normal(shape))


def start(learner: Perturbing, theta: dict[str, float], n: int) -> State:
    """Networks [N] in double precision, all with the same weights, each with its own noise."""
    values = [theta.get(c.name, c.init) for c in learner.coefficients]
    labels = [("guided", k) for k in range(n)]
    state = learner.init(SPEC, torch.tensor([values] * n, dtype=torch.float64), 1, 0, labels)

    def same(parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(each[:1].expand_as(each).clone() for each in parts)

    guide = None if state.guide is None else replace(state.guide, own=same(state.guide.own))
    state = replace(state, weights=same(state.weights), memory=dict(zip(state.memory, same(tuple(state.memory.values())))))
    return map_tensors(lambda tensor: tensor.double(), replace(state, guide=guide))


def told(n: int) -> Told:
    return Told(torch.nn.functional.one_hot(torch.arange(BATCH) % OUTPUTS, OUTPUTS).double().expand(n, -1, -1))


def step(learner: Perturbing, state: State, t: int = 0, x: Tensor | None = None) -> State:
    n = len(state.weights[0])
    acted, _ = learner.act(state, (drawn(BATCH, INPUTS) if x is None else x).expand(n, -1, -1), None, t)
    return learner.learn(acted, told(n), t)


def moved(learner: Perturbing, state: State, t: int = 0) -> Tensor:
    return perturbation.vector(step(learner, state, t).weights) - perturbation.vector(state.weights)


def by_rule(state: State, pathway: str, own: tuple[Tensor, ...] = ()) -> Tensor:
    """dw [D] of err*pre on the samples, with feedback weights of the guide where it has some."""
    learner = local_rule.Learner(Rule("err*pre", pathway=pathway), NETWORK)
    rule = learner.init(SPEC, torch.zeros(2, 0), 1, 0, [("guided", k) for k in range(2)])
    rule = map_tensors(lambda tensor: tensor.double(), replace(rule, weights=tuple(w[:2] for w in state.weights)))
    if own:
        rule = replace(rule, own=tuple(each[:2] for each in own))
    return perturbation.vector(learner.changes(rule, drawn(BATCH, INPUTS).expand(2, -1, -1), told(2).y[:2])[0])[0]


def test_without_guide_it_is_evolution_strategies() -> None:
    """alpha = 1: to rounding, for several pairs."""
    plain = Evolution(NETWORK, pairs=3, shaping="raw", optimiser="plain")
    guided, values = Guided(NETWORK, pairs=3), {"eta": 0.3, "sigma": 0.02, "alpha": 1.0}
    mine, theirs = (moved(each, start(each, values, 4), 2) for each in (guided, plain))
    assert float(theirs.abs().max()) > 0.01
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("pathway", ["random", "backprop", "direct", "sign"])
def test_fully_guided_it_moves_along_what_the_pathway_says_and_downhill(pathway: str) -> None:
    """alpha = 0 and k = 1: every step is parallel to the surrogate gradient, whatever its sign is worth."""
    learner = Guided(NETWORK, pairs=2, pathway=pathway)
    state = start(learner, {"eta": 0.01, "sigma": 1e-4, "alpha": 0.0}, 6)
    surrogate, gradient = by_rule(state, pathway, state.guide.own), -by_rule(state, "backprop")
    change = moved(learner, state)
    torch.testing.assert_close(torch.cosine_similarity(change, surrogate[None], dim=1).abs(), torch.ones(6).double())
    if pathway != "backprop":
        assert 0.1 < float(torch.cosine_similarity(surrogate, -gradient, dim=0)) < 0.95, "another direction"
    assert bool((change @ gradient < 0).all())


def test_the_mean_step_is_the_one_of_the_equation() -> None:
    """-eta (alpha g + (1 - alpha) (D / k) U U^T g), over 30,000 pairs, k = 2 with two minibatches behind it."""
    learner, alpha = Guided(NETWORK, pairs=300, subspace=2), 0.7
    state = start(learner, {"eta": 1.0, "sigma": 1e-5, "alpha": alpha}, 20)
    before = replace(step(learner, state, 0, drawn(BATCH, INPUTS, name="other")), weights=state.weights)
    changes = torch.stack([moved(learner, before, t).mean(0) for t in range(1, 6)])
    basis = step(learner, before, 1).memory["basis"][0]
    assert torch.allclose(basis @ basis.T, torch.eye(2).double(), atol=1e-9)
    g = -by_rule(state, "backprop")
    wanted = -(alpha * g + (1 - alpha) * (len(g) / 2) * basis.T @ (basis @ g))
    assert float((changes.mean(0) - wanted).norm() / wanted.norm()) < 0.03
    assert float((changes.mean(0) + g).norm() / g.norm()) > 0.5, "not the gradient alone"


def test_a_basis_leaves_out_what_adds_nothing() -> None:
    rows = drawn(4, 3, 10, name="rows")
    rows[1, 1] = 2 * rows[1, 0]
    rows[2, 0] = 0
    basis = orthonormal(rows)
    for n, rank in enumerate((3, 2, 2, 3)):
        product = basis[n] @ basis[n].T
        torch.testing.assert_close(product, torch.diag(product.diagonal().round()), atol=1e-9, rtol=0)
        assert int(product.trace().round()) == rank
        torch.testing.assert_close(basis[n].T @ (basis[n] @ rows[n].T), rows[n].T)


@pytest.mark.parametrize("by", ["bernoulli", "signs"])
def test_a_network_works_with_binary_weights(by: str) -> None:
    learner = Binary(NETWORK, by=by)
    born = NETWORK.init(INPUTS, OUTPUTS, 0, [("guided", 0)])
    state = start(learner, {}, 3)
    for _ in range(2):
        for drawn_at_birth, m, used in zip(born, state.weights, learner.used(state)):
            c = drawn_at_birth.double().square().mean().sqrt()
            torch.testing.assert_close(used, torch.where(m >= 0, c, -c))
        record, _ = NETWORK.forward(learner.used(state), drawn(BATCH, INPUTS).expand(3, -1, -1), "softmax")
        assert torch.equal(learner.predict(state, drawn(BATCH, INPUTS).expand(3, -1, -1)), record.output)
        state = step(learner, state)


def test_bernoulli_weights_follow_the_gradient_of_the_expected_loss() -> None:
    """d E L / d m by the sum over all 2^D weights of a tiny network; the mean of many steps agrees."""
    network, spec = Network(hidden=()), Spec(2, 3, CLASSES, 400, BATCH)
    learner, n = Binary(network, samples=4), 2000
    values = torch.tensor([[1.0, 100.0]] * n, dtype=torch.float64)
    state = learner.init(spec, values, 1, 0, [("guided", k) for k in range(n)])
    state = map_tensors(lambda each: each.double()[:1].expand_as(each).clone() if each.dim() == 3 else each.double(), state)
    state = replace(state, memory={"size": torch.full((n, 1), 0.8, dtype=torch.float64)})
    x, y = drawn(BATCH, 2), told(1).y[0]
    m = state.weights[0][0].flatten().clone().requires_grad_()
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 6)  # [64, D]
    lost = CLASSES.nats(torch.softmax(x @ (0.8 * (2 * every - 1)).reshape(-1, 2, 3), -1), y.expand(64, -1, -1)).mean(1)
    p = torch.sigmoid(m)
    expected = (lost * (every * p + (1 - every) * (1 - p)).prod(1)).sum()
    (g,) = torch.autograd.grad(expected, m)
    total = []
    for t in range(10):
        acted, _ = learner.act(state, x.expand(n, -1, -1), None, t)
        after = learner.learn(acted, Told(y.expand(n, -1, -1)), t)
        total.append(perturbation.vector(after.weights) - perturbation.vector(state.weights))
    changes = torch.cat(total)
    error = changes.std(0) / len(changes) ** 0.5
    assert bool(((changes.mean(0) + g).abs() < 4 * error).all()) and float((g.abs() / error).max()) > 10


def test_a_trial_flips_what_is_near_zero_and_m_stays_within_its_limit() -> None:
    learner = Binary(NETWORK, by="signs")
    state = start(learner, {"sigma": 0.2, "eta": 1e3, "limit": 0.7}, 5)
    tried = learner.tried(state, 0)
    flipped = perturbation.vector(tried.weights)[:, 0] != perturbation.vector(learner.used(state))
    m, v = perturbation.vector(state.weights), tried.xi[:, 0]
    assert bool((flipped == ((m >= 0) != (m + 0.2 * v >= 0))).all()) and 0.05 < float(flipped.double().mean()) < 0.5
    after = perturbation.vector(step(learner, state).weights)
    assert float(after.abs().max()) == 0.7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "guided_es", "hold": 2}, "learner.hold: every step has a guide of its own, expected 1, got 2"),
        ({"name": "guided_es", "pathway": "learned"}, "learner.pathway: expected one that does not learn, got 'learned'"),
        ({"name": "guided_es", "pathway": "randm"}, "pathway: unknown name 'randm' (did you mean 'random'?)"),
        ({"name": "guided_es", "subspace": -1}, "learner.subspace: expected a whole number of at least 1, got -1"),
        ({"name": "binary_weights", "by": "sign"}, "learner.by: expected one of bernoulli, signs, got 'sign' (did you"),
        ({"name": "binary_weights", "samples": 1}, "learner.samples: expected a whole number of at least 2, got 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        build("learner", options)
    assert said in str(caught.value) and "\n" not in str(caught.value)
