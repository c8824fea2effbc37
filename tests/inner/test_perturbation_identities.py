"""What perturbation learners have in common with each other and with the gradient: identities, exact ones and in the mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.criteria import CLASSES, VALUES
from inner.engines.native.engine import obstacle
from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import State
from inner.learners._perturbing import Perturbing
from inner.learners.base import Spec
from inner.learners.evolution_strategies import Learner as Evolution
from inner.learners.forward_gradient import Learner as Forward
from inner.learners.local_rule import Learner as LocalRule
from inner.learners.spsa import Learner as SPSA
from inner.learners.weight_perturbation import Learner as WeightPerturbation
from inner.life.states import map_tensors
from inner.networks.base import Network
from inner.networks.elman import Network as Elman
from inner.networks.mlp import Network as Perceptron
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Told

B, INPUTS, OUTPUTS = 7, 6, 3
NETS = Perceptron(hidden=(5,), bias=True)


def drawn(*shape: int, name: str = "x") -> Tensor:
    return torch.from_numpy(stream(0, "identities", name).standard_normal(shape))


def start(learner: Perturbing, theta: dict[str, float], n: int = 4, spec: Spec | None = None) -> State:
    """Newborn networks [N] in double precision, all with the weights of the first, and their own directions."""
    spec = spec or Spec(INPUTS, OUTPUTS, CLASSES, 1, B)
    values = [theta.get(c.name, c.init) for c in learner.coefficients]
    state = learner.init(spec, torch.tensor([values] * n, dtype=torch.float64), 1, 0, [("identity", k) for k in range(n)])
    same = tuple(w[:1].expand_as(w).clone() for w in state.weights)
    return map_tensors(lambda tensor: tensor.double(), replace(state, weights=same))


def samples(n: int, outputs: int = OUTPUTS) -> tuple[Tensor, Told]:
    """The same samples for every network: x [N, B, I], one-hot y [N, B, O]."""
    y = torch.nn.functional.one_hot(torch.arange(B) % outputs, outputs).double()
    return drawn(B, INPUTS).expand(n, -1, -1), Told(y.expand(n, -1, -1))


def step(learner: Perturbing, state: State, t: int = 0) -> Tensor:
    """Change of the weights [N, D] by one step."""
    x, told = samples(len(state.weights[0]))
    acted, _ = learner.act(state, x, None, t)
    after = learner.learn(acted, told, t)
    return perturbation.vector(after.weights) - perturbation.vector(state.weights)


def gradient(network: Network, state: State) -> Tensor:
    """The gradient [D] of the loss of the samples, by autograd."""
    x, told = samples(2)
    weights = [w[:2].clone().requires_grad_() for w in state.weights]
    kind = network.resolve_output(state.spec.criterion)
    lost = perturbation.loss(state.spec.criterion, network.forward(weights, x, kind)[0].output, told)
    return perturbation.vector(torch.autograd.grad(lost.sum(), weights))[0]


def test_one_mirrored_pair_is_the_same_under_three_names() -> None:
    """SPSA without falling gains, and evolution strategies of one pair, are weight perturbation with two sides."""
    values = {"eta": 0.3, "sigma": 0.05, "alpha": 0.0, "gamma": 0.0}
    for other, kind in (
        (SPSA(NETS), "signs"),
        (Evolution(NETS, pairs=1, shaping="raw", optimiser="plain", directions="signs"), "signs"),
        (Evolution(NETS, pairs=1, shaping="raw", optimiser="plain"), "gaussian"),
    ):
        twin = WeightPerturbation(NETS, directions=kind, sides=2)
        for t in (0, 3):
            mine, theirs = step(other, start(other, values), t), step(twin, start(twin, values), t)
            assert float(theirs.abs().max()) > 0.01
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12)


def test_spsa_gains_fall_as_spall_says() -> None:
    learner = SPSA(NETS)
    values = {"eta": 0.3, "sigma": 0.05, "alpha": 0.602, "gamma": 0.101, "stability": 0.1}
    state = start(learner, values, spec=Spec(INPUTS, OUTPUTS, CLASSES, 100, B))
    for k in (0, 7, 99):
        trial = 0.05 / (k + 1) ** 0.101
        rate = 0.3 * 11**0.602 / (k + 1 + 10) ** 0.602  # a / (A + k + 1)^alpha with A = 10
        twin = WeightPerturbation(NETS, directions="signs", sides=2)
        wanted = step(twin, start(twin, {"eta": rate, "sigma": trial}), k)
        torch.testing.assert_close(step(learner, state, k), wanted, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("directions", ["gaussian", "signs"])
@pytest.mark.parametrize("network", [NETS, Perceptron(hidden=(4, 4), activation="sigmoid"), Elman(hidden=(4,), bias=True)])
def test_a_forward_derivative_is_the_limit_of_differences(network: Network, directions: str) -> None:
    """By differentiation and by differences of 1e-6 the step is the same; differences are weight perturbation."""
    exact, rough = (Forward(network, directions=directions, by=by, count=3) for by in ("jvp", "differences"))
    values = {"eta": 0.1, "sigma": 1e-6}
    mine = step(exact, start(exact, values))
    torch.testing.assert_close(mine, step(rough, start(rough, values)), rtol=1e-3, atol=2e-6)
    assert float(mine.abs().max()) > 0.01
    one, twin = Forward(network, directions=directions, by="differences"), WeightPerturbation(network, directions=directions)
    torch.testing.assert_close(step(one, start(one, values)), step(twin, start(twin, values)), rtol=1e-12, atol=0)


def test_forward_gradients_have_the_gradient_as_their_mean_and_their_variance_is_known() -> None:
    """Over 200,000 directions: E (g v) v = g, E|.|^2 = (D + 2) |g|^2 for Gaussian directions and D |g|^2 for +-1."""
    network, squares = Perceptron(hidden=(4,)), {}
    for kind in ("gaussian", "signs"):
        learner = Forward(network, directions=kind, count=500)
        state = start(learner, {"eta": 1.0})
        g, total, norms = gradient(network, state), torch.zeros(36, dtype=torch.float64), []
        x, told = samples(4)
        for t in range(100):
            acted, _ = learner.act(state, x, None, t)
            tried = learner.tried(acted, t)
            slopes, _ = learner.judged(acted, tried, told, None)
            each = slopes[..., None] * tried.xi  # [N, K, D]
            total += each.mean((0, 1)) / 100
            norms.append(each.square().sum(-1).mean())
        wanted = perturbation.vector(state.weights) - perturbation.weighted(slopes / 500, tried.xi)  # of the last 500
        torch.testing.assert_close(perturbation.vector(learner.learn(acted, told, t).weights), wanted)
        squares[kind] = float(torch.stack(norms).mean() / g.square().sum())
        assert float(torch.cosine_similarity(total, g, dim=0)) > 0.998
        assert abs(float((total @ g) / (g @ g)) - 1) < 0.01
    d = 36
    assert abs(squares["gaussian"] / squares["signs"] - (d + 2) / d) < 0.02 * (d + 2) / d, squares
    assert abs(squares["signs"] / d - 1) < 0.01 and abs(squares["gaussian"] / (d + 2) - 1) < 0.01, squares


@pytest.mark.parametrize("pairs", [32, 128])
def test_the_angle_between_evolution_strategies_and_the_gradient(pairs: int) -> None:
    """The mean cosine is sqrt(n / (n + D)) within 3 % for raw losses of n pairs along D weights."""
    network = Perceptron(hidden=(10,))
    learner = Evolution(network, pairs=pairs, shaping="raw", optimiser="plain")
    state = start(learner, {"eta": 1.0, "sigma": 1e-4}, n=400)
    g = gradient(network, state)
    cosine = float(-torch.cosine_similarity(step(learner, state), g[None], dim=1).mean())
    wanted = (pairs / (pairs + len(g))) ** 0.5
    assert len(g) == 90 and abs(cosine / wanted - 1) < 0.03, (cosine, wanted)


def test_ranks_share_ties_and_put_what_is_no_number_last() -> None:
    from inner.learners.evolution_strategies import centred_ranks

    found = centred_ranks(torch.tensor([[3.0, 1.0, 1.0, float("nan")], [0.0, -1.0, 5.0, 2.0]]))
    third = 1 / 3
    wanted = torch.tensor([[0.5 - third, -0.5 + third / 2, -0.5 + third / 2, 0.5], [-0.5 + third, -0.5, 0.5, 0.5 - third]])
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("by", ["jvp", "differences"])
def test_a_held_direction_is_judged_by_the_whole_trial(by: str) -> None:
    """Three steps of a recurrent network: the change is the derivative of the mean loss through time, unrolled here."""
    network, ticks, eta, sigma = Elman(hidden=(5,), bias=True), 3, 0.1, 1e-6
    learner = Forward(network, by=by, hold=ticks)
    state = start(learner, {"eta": eta, "sigma": sigma}, spec=Spec(INPUTS, OUTPUTS, VALUES, ticks, B, sequences=True))
    before, (x, told) = perturbation.vector(state.weights), samples(4)
    scored = torch.tensor([[False], [True], [True]]).expand(ticks, B)
    xi = perturbation.directions(network, state, ticks)[:, 0]  # of the second window
    for t in range(2 * ticks):
        fresh = torch.full((4, B), t % ticks == 0)
        acted, _ = learner.act(state, x * (t + 1), fresh, t)
        state = learner.learn(acted, told._replace(scored=scored[t % ticks].expand(4, -1)), t)
        if t == ticks - 1:
            before = perturbation.vector(state.weights)
        elif t < 2 * ticks - 1 and t >= ticks:
            assert torch.equal(perturbation.vector(state.weights), before), "nothing moves within a window"

    def mean_loss(length: float) -> Tensor:
        weights = perturbation.grouped(before + length * xi, state.weights)
        units, lost = tuple(x.new_zeros(4, B, 5) for _ in range(1)), []
        for t in range(ticks):
            fresh = torch.full((4, B), t == 0)
            record, units = network.forward(weights, x * (ticks + t + 1), "linear", units, fresh)
            lost.append(VALUES.nats(record.output, told.y).mean(1))
        return (lost[1] + lost[2]) / 2

    slope = (mean_loss(1e-5) - mean_loss(-1e-5)) / 2e-5
    moved = perturbation.vector(state.weights) - before
    torch.testing.assert_close(moved, -eta * slope[:, None] * xi, rtol=1e-3, atol=1e-8)
    assert float(moved.abs().max()) > 1e-3


def test_what_jumps_is_crossed_by_differences_and_refused_by_differentiation() -> None:
    network = Perceptron(hidden=(16,), activation="sign")
    spec = Spec(64, 10, CLASSES, 1, 1)
    assert Forward(network).accepts(spec) == "the slope of 'sign' is 0: expected learner.by differences"
    wide = Forward(network, by="differences")
    assert wide.accepts(spec) == ""
    state = start(wide, {"eta": 0.1, "sigma": 0.3})
    hidden = grouped_change(wide, state)[0]
    assert float(hidden.abs().max()) > 0, "losses tell hidden weights apart whose units jump"


def grouped_change(learner: Perturbing, state: State) -> Any:
    return perturbation.grouped(step(learner, state), state.weights)


@pytest.mark.parametrize("network", [NETS, Elman(hidden=(4, 3), bias=True), build("network", {"name": "lateral", "hidden": []})])
def test_an_output_without_a_record_has_the_same_bits(network: Any) -> None:
    n = 3
    weights = network.init(INPUTS, OUTPUTS, 0, [("a", k) for k in range(n)])
    x, units = drawn(n, B, INPUTS).float(), tuple(each + 0.5 for each in network.rest(n, B, INPUTS, OUTPUTS))
    for fresh in (None, torch.arange(B).expand(n, -1) % 2 == 0):
        record, after = network.forward(weights, x, "linear", units, fresh)
        output, state = network.outputs(weights, x, "linear", units, fresh)
        assert torch.equal(output, record.output)
        assert all(torch.equal(a, b) for a, b in zip(after, state, strict=True))


def test_directions_in_several_parts_have_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Evolution(NETS, pairs=5)
    whole = step(learner, start(learner, {}))
    monkeypatch.setattr(perturbation, "AT_ONCE", 150)
    assert len(perturbation.parts(10, 53)) == 5
    assert torch.equal(whole, step(learner, start(learner, {})))


NODE = {
    "dw": "eta*surprise*pre*noise",
    "noise": "sigma",
    "surprise": {"baseline": "clean", "of": "loss"},
    "coefficients": {"eta": {"init": 1.0, "transform": "log"}, "sigma": {"init": 0.1, "transform": "log"}},
}


def test_node_perturbation_of_the_loss_by_hand_and_in_the_mean() -> None:
    """mean_b (L_b - L'_b) u h: with noise sigma in every drive, per unit and sample; / sigma^2 its mean is -gradient."""
    rule, n, sigma = Rule.from_dict(NODE), 3000, 1e-3
    learner, spec = LocalRule(rule, NETS), Spec(INPUTS, OUTPUTS, CLASSES, 1, B)
    theta = torch.tensor([[1.0, sigma]] * n, dtype=torch.float64)
    drawn_state = learner.init(spec, theta, 1, 0, [("node", k) for k in range(n)])
    same = tuple(w[:1].expand_as(w).clone() for w in drawn_state.weights)
    state = map_tensors(lambda tensor: tensor.double(), replace(drawn_state, weights=same))
    x, told = samples(n)
    total = []
    for t in range(10):
        acted, _ = learner.act(state, x, None, t)
        after = learner.learn(acted, told, t)
        total.append(torch.cat([(a - b).flatten(1) for a, b in zip(after.weights, state.weights)], 1))
    assert acted.acted is not None and acted.acted.noise is not None
    both = [NETS.forward(state.weights, x, "softmax", noise=each)[0].output for each in (None, acted.acted.noise)]
    lost = [CLASSES.nats(output, told.y) for output in both]
    pre, noise = acted.acted.record.pre[1], acted.acted.noise[1]
    wanted = torch.einsum("nb,nbi,nbo->nio", lost[0] - lost[1], pre, noise) / B
    torch.testing.assert_close(after.weights[1] - state.weights[1], wanted, rtol=1e-6, atol=1e-14)
    weights = [w[:2].clone().requires_grad_() for w in state.weights]
    lost_now = perturbation.loss(CLASSES, NETS.forward(weights, x[:2], "softmax")[0].output, Told(told.y[:2]))
    g = perturbation.vector(torch.autograd.grad(lost_now.sum(), weights))[0]
    changes = torch.cat(total) / sigma**2
    error = changes.std(0) / len(changes) ** 0.5
    assert bool(((changes.mean(0) + g).abs() < 4.5 * error).all()) and float((g.abs() / error).max()) > 20


def test_a_surprise_of_the_loss_is_written_down_and_has_no_kernel() -> None:
    rule = Rule.from_dict(NODE)
    assert rule.surprise.of == "loss" and Rule.from_dict(rule.to_dict()) == rule
    assert "of" not in Rule.from_dict(NODE | {"surprise": {"baseline": "clean"}}).to_dict()["surprise"]
    assert obstacle(LocalRule(rule, NETS), Spec(INPUTS, OUTPUTS, CLASSES)) == "no kernel for a surprise of the loss"
    with pytest.raises(ValueError, match="rule.surprise.of: expected one of reward, loss, got 'los' .did you mean 'loss'"):
        Rule.from_dict(NODE | {"surprise": {"of": "los"}})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "forward_gradient", "by": "jvpp"}, "learner.by: expected one of jvp, differences, got 'jvpp' (did you"),
        ({"name": "forward_gradient", "count": 0}, "learner.count: expected a whole number of at least 1, got 0"),
        ({"name": "evolution_strategies", "pairs": 1.5}, "learner.pairs: expected a whole number of at least 1, got 1.5"),
        ({"name": "evolution_strategies", "shaping": "rank"}, "learner.shaping: expected one of ranks, raw, got 'rank' (did"),
        ({"name": "evolution_strategies", "optimiser": 3}, "learner.optimiser: expected one of adam, plain, got '3'"),
        ({"name": "weight_perturbation", "sides": 3}, "learner.sides: expected 1 or 2, got 3"),
        ({"name": "spsa", "hold": True}, "learner.hold: expected a whole number of at least 1, got True"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        build("learner", options)
    assert said in str(caught.value) and "\n" not in str(caught.value)
