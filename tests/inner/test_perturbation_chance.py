"""Learners that keep or drop what chance proposes: what they do in the mean, at the ends of their scales, and by construction."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.criteria import VALUES
from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import State
from inner.learners._perturbing import Perturbing
from inner.learners.alopex import Learner as Alopex
from inner.learners.alopex_b import Learner as AlopexB
from inner.learners.base import Spec
from inner.learners.metropolis import Learner as Metropolis
from inner.learners.monte_carlo import Learner as MonteCarlo
from inner.learners.mutate_or_revert import Learner as Mutate
from inner.life.states import map_tensors
from inner.networks.mlp import Network
from inner.random import stream
from inner.sources import Told

BATCH, INPUTS, OUTPUTS = 12, 8, 5  # D = 40 weights of a linear network
LINEAR = Network(hidden=())
SPEC = Spec(INPUTS, OUTPUTS, VALUES, 400, BATCH)


def drawn(*shape: int, name: str) -> Tensor:
    return torch.from_numpy(stream(0, "chance", name).standard_normal(shape))


def start(learner: Perturbing, theta: dict[str, float], n: int, network: Network = LINEAR) -> State:
    """Networks [N] in double precision, all with the same weights, each with its own noise."""
    values = [theta.get(c.name, c.init) for c in learner.coefficients]
    labels = [("chance", k) for k in range(n)]
    state = learner.init(SPEC, torch.tensor([values] * n, dtype=torch.float64), 1, 0, labels)
    same = tuple(w[:1].expand_as(w).clone() for w in state.weights)
    return map_tensors(lambda tensor: tensor.double(), replace(state, weights=same))


def step(learner: Perturbing, state: State, t: int = 0) -> State:
    n = len(state.weights[0])
    acted, _ = learner.act(state, drawn(BATCH, INPUTS, name="x").expand(n, -1, -1), None, t)
    return learner.learn(acted, Told(drawn(BATCH, OUTPUTS, name="y").expand(n, -1, -1)), t)


def change(before: State, after: State) -> Tensor:
    return perturbation.vector(after.weights) - perturbation.vector(before.weights)


def slope(state: State) -> Tensor:
    """The gradient [D]: the loss is |y - x W|^2 / 2 per sample."""
    x, y = drawn(BATCH, INPUTS, name="x"), drawn(BATCH, OUTPUTS, name="y")
    return -(x.T @ (y - x @ state.weights[0][0]) / BATCH).flatten()


def phi(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


@pytest.mark.parametrize("b", [0.1, 0.5, 1.0, 2.0, 5.0])
def test_the_drift_of_metropolis_at_a_finite_temperature(b: float) -> None:
    """Whitelam et al. 2021 give the mean step of mutation and selection at T = 0; here it is for every T.

    A mutation s xi with xi ~ N(0, 1) per weight changes the loss by dL = s g . xi = s |g| z, to first order in s, where
    z = g . xi / |g| ~ N(0, 1). It is kept with probability a(z) = min(1, exp(-b z)), b = s |g| / T. Across g the mean step is
    0, as a depends on z alone. Along g / |g| it is s E[z a(z)], and by Stein's identity E[z a(z)] = E[a'(z)], so

        s E[a'(z)] = -s b int_0^inf exp(-b z) phi(z) dz = -s b exp(b^2 / 2) Phi(-b)

    after completing the square: -b z - z^2 / 2 = b^2 / 2 - (z + b)^2 / 2. With b |g| s = b^2 T this is a mean step of
    -(s^2 / T) exp(b^2 / 2) Phi(-b) g. For T -> 0, b exp(b^2 / 2) Phi(-b) -> 1 / sqrt(2 pi): Whitelam's s / sqrt(2 pi) along
    g / |g|. For T -> inf it is -(s^2 / 2 T) g: Langevin's drift for steps of variance s^2. The share that is kept is
    E[a] = 1/2 + exp(b^2 / 2) Phi(-b), and as xi across g is independent of z, the variance across g is s^2 E[a] per weight.

    100,000 first steps of one network, s small as s^2 terms are left out: the drift and the share that is kept within 4
    standard errors (0.3 % of s), the walk across g within 2 %, nothing across g in the mean.
    """
    n, s, learner = 4000, 1e-4, Metropolis(LINEAR)
    g = slope(start(learner, {}, 2))
    size = float(g.norm())
    state = start(learner, {"sigma": s, "temperature": s * size / b, "cooling": 0.0}, n)
    moved = torch.cat([change(state, step(learner, state, t)) / s for t in range(25)])  # [25 N, D]
    along = moved @ g / size
    kept = (moved.abs().amax(1) > 0).double()
    tail = math.exp(b * b / 2) * phi(-b)
    error = float(along.std()) / len(along) ** 0.5
    assert abs(float(along.mean()) + b * tail) < 4 * error and error < 0.0033
    assert abs(float(kept.mean()) - (0.5 + tail)) < 4 * float(kept.std()) / len(kept) ** 0.5
    across = moved - along[:, None] * g / size
    assert abs(float(across.square().sum(1).mean()) / (len(g) - 1) / (0.5 + tail) - 1) < 0.02
    assert float(across.mean(0).norm()) < 1.5 * ((len(g) - 1) * (0.5 + tail) / len(along)) ** 0.5


def test_mutate_or_revert_drifts_by_the_normalised_gradient() -> None:
    """-sigma / sqrt(2 pi) along the gradient's direction, whatever its size (Whitelam et al. 2021), within 2 %."""
    n, sigma, learner = 4000, 1e-4, Mutate(LINEAR)
    state = start(learner, {"sigma": sigma}, n)
    g = slope(state)
    moved = torch.cat([change(state, step(learner, state, t)) / sigma for t in range(25)])
    assert abs(float((moved @ g / g.norm()).mean()) * math.sqrt(2 * math.pi) + 1) < 0.02
    kept = moved.abs().amax(1) > 0
    assert abs(float(kept.double().mean()) - 0.5) < 0.01 and bool((moved[kept] @ g <= 0).all())


def test_metropolis_without_temperature_reverts_what_is_worse_and_with_much_keeps_all() -> None:
    cold, hot, plain = Metropolis(LINEAR), Metropolis(LINEAR), Mutate(LINEAR)
    values = {"sigma": 0.1, "cooling": 0.0}
    states = [
        start(each, values | {"temperature": t}, 50) for each, t in ((cold, 1e-20), (hot, 1e9), (plain, 0.0))
    ]
    for t in range(5):
        states = [step(each, state, t) for each, state in zip((cold, hot, plain), states)]
    assert torch.equal(states[0].weights[0], states[2].weights[0])
    proposed = sum(perturbation.directions(LINEAR, states[1], t)[:, 0] for t in range(5))
    torch.testing.assert_close(change(start(hot, values, 50), states[1]), 0.1 * proposed)


def test_metropolis_cools() -> None:
    """exp(-cooling k) of the first temperature: at step 100 as if it had begun there."""
    learner, values = Metropolis(LINEAR), {"sigma": 0.1, "temperature": 0.5, "cooling": 0.02}
    late = step(learner, start(learner, values, 200), 100)
    same = step(learner, start(learner, values | {"temperature": 0.5 * math.exp(-2.0), "cooling": 0.0}, 200), 100)
    early = step(learner, start(learner, values | {"cooling": 0.0}, 200), 100)
    assert torch.equal(late.weights[0], same.weights[0]) and not torch.equal(late.weights[0], early.weights[0])


def test_monte_carlo_keeps_the_best_of_all_it_saw() -> None:
    """On samples that stay the same: by hand over four steps of five draws; each draw has the variance of its fan-in."""
    learner = MonteCarlo(LINEAR, draws=5)
    state = first = start(learner, {"scale": 1.3}, 30)
    x, y = drawn(BATCH, INPUTS, name="x"), drawn(BATCH, OUTPUTS, name="y")
    seen = [first.weights[0]]
    for t in range(4):
        xi = perturbation.directions(LINEAR, state, t, 5)
        seen += [w for w in perturbation.grouped(xi * 1.3 / math.sqrt(INPUTS), first.weights)[0].unbind(1)]
        state = step(learner, state, t)
    every = torch.stack(seen, 1)  # [N, 21, I, O]
    lost = (y - x @ every).square().sum((-1, -2))
    best = torch.take_along_dim(every, lost.argmin(1).reshape(-1, 1, 1, 1), 1)[:, 0]
    torch.testing.assert_close(state.weights[0], best)
    assert 0.5 < float((best != seen[0]).any(-1).any(-1).double().mean()), "most have found a better one"


@pytest.mark.parametrize("kind", [Alopex, AlopexB])
def test_alopex_in_one_pass_or_two_is_the_same_where_the_samples_stay(kind: Any) -> None:
    network = Network(hidden=(4,))
    states = [start(kind(network, paired=paired), {"delta": 0.02, "horizon": 4.0}, 6, network) for paired in (True, False)]
    for t in range(30):
        states = [step(kind(network, paired=p), state, t) for p, state in zip((True, False), states)]
        torch.testing.assert_close(states[0].weights[1], states[1].weights[1], rtol=1e-9, atol=1e-12)
    assert float(change(start(kind(network), {}, 6, network), states[0]).abs().max()) > 0.05


def test_alopex_by_hand() -> None:
    """Moves are +-delta; C / T says how likely each is: over many networks with the same past, as the formula says."""
    n, delta, learner = 4000, 0.02, Alopex(LINEAR)
    state = start(learner, {"delta": delta, "horizon": 3.0}, n)
    one = step(learner, state)
    assert bool(((change(state, one).abs() - delta).abs() < 1e-9).all())
    assert abs(float((change(state, one) > 0).double().mean()) - 0.5) < 0.005, "before there is a temperature"
    past = one.memory["move"][:1].expand(n, -1)
    before = tuple(w - each for w, each in zip(one.weights, perturbation.grouped(past, one.weights)))
    weights = tuple((w[:1] + each[:1]).expand_as(w) for w, each in zip(before, perturbation.grouped(past, before)))
    hot = torch.full((n,), 2e-4, dtype=torch.float64)
    same = replace(one, weights=weights, memory=one.memory | {"move": past, "temperature": hot})
    was = perturbation.moved(weights, -past)
    x, y = drawn(BATCH, INPUTS, name="x"), drawn(BATCH, OUTPUTS, name="y")
    lost = [(y - x @ w[0][0]).square().sum(1).mean() / 2 for w in (was, weights)]
    rose = float(lost[1] - lost[0])
    two = step(learner, same, 1)
    down = (change(same, two) < 0).double().mean(0)  # [D] share of networks
    wanted = 1 / (1 + torch.exp(-past[0] * rose / 2e-4))
    assert 0.02 < abs(float(wanted[0]) - 0.5) < 0.49 and float((down - wanted).abs().max()) < 0.04
    assert float(two.memory["steps"][0]) == float(one.memory["steps"][0]) + 1
    three = step(learner, two, 2)
    torch.testing.assert_close(three.memory["temperature"], delta * (two.memory["total"] + rose_of(two)) / 3)
    assert float(three.memory["steps"].max()) == 0 and float(three.memory["total"].max()) == 0


def rose_of(state: State) -> Tensor:
    """|dE| [N] of the last move."""
    x, y = drawn(BATCH, INPUTS, name="x"), drawn(BATCH, OUTPUTS, name="y")
    before = perturbation.moved(state.weights, -state.memory["move"])[0]
    now, was = ((y - x @ w).square().sum(2).mean(1) / 2 for w in (state.weights[0], before))
    return (now - was).abs()


def test_alopex_b_by_hand() -> None:
    """-B dw dE + A sign(U - p), with the running mean that its weights lam (1 - lam)^n make."""
    learner, n = AlopexB(LINEAR), 3000
    values = {"delta": 0.01, "follow": 0.3, "lam": 0.35}
    state = start(learner, values, n)
    changes: list[Tensor] = []
    for t in range(4):
        if t:
            changes.append(rose_of(state))
        before, state = state, step(learner, state, t)
    mean = sum(0.35 * 0.65**k * each for k, each in enumerate(reversed(changes)))
    torch.testing.assert_close(state.memory["mean"], mean)
    x, y = drawn(BATCH, INPUTS, name="x"), drawn(BATCH, OUTPUTS, name="y")
    last = before.memory["move"]
    now, was = ((y - x @ w).square().sum(2).mean(1) / 2 for w in (before.weights[0], perturbation.moved(before.weights, -last)[0]))
    signed = change(before, state) + 0.3 * last * (now - was)[:, None]
    torch.testing.assert_close(signed.abs(), torch.full_like(signed, 0.01))
    p = 1 / (1 + torch.exp(-torch.sign(last) * ((now - was) / mean)[:, None]))
    share = (signed < 0).double()
    assert abs(float((share - p).mean())) < 0.005 and abs(float(((share - p) * (p - 0.5)).mean())) < 0.002
    assert float((p - 0.5).abs().mean()) > 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "monte_carlo", "draws": 0}, "learner.draws: expected a whole number of at least 1, got 0"),
        ({"name": "alopex", "paired": 1}, "learner.paired: expected true or false, got '1'"),
        ({"name": "mutate_or_revert", "directions": "sign"}, "got 'sign' (did you mean 'signs'?)"),
        ({"name": "metropolis", "values": {"temprature": 1}}, "no coefficient 'temprature' (did you mean 'temperature'?)"),
        ({"name": "alopex", "values": {"horizon": 0.5}}, "coefficients.horizon.init: expected a value within [1.0, None]"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        build("learner", options)
    assert said in str(caught.value) and "\n" not in str(caught.value)
