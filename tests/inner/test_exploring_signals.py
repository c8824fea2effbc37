"""The signals of exploration, noise, surprise and action, and values one step back, against plain loops in Python."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from inner.criteria import CLASSES, VALUES
from inner.learners._rule_state import State
from inner.learners.base import Spec
from inner.learners.local_rule import DRIVES, Learner
from inner.networks.mlp import Network
from inner.noise import Noise
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import Told

LABELS = (("explore", 0), ("explore", 1))
B, I, O = 3, 4, 2  # noqa: E741


def samples(t: int, classes: bool = False) -> tuple[Tensor, Tensor]:
    draw = stream(5, "samples", t)
    x = torch.from_numpy(draw.standard_normal((2, B, I))).float()
    if classes:
        return x, torch.eye(O)[torch.from_numpy(draw.integers(0, O, (2, B)))]
    return x, torch.from_numpy(draw.standard_normal((2, B, O))).float()


def newborn(rule: Rule, hidden: tuple[int, ...] = (), theta: Tensor | None = None) -> tuple[Learner, State]:
    learner = Learner(rule, Network(hidden=hidden))
    rows = torch.zeros(2, len(rule.coefficients)) if theta is None else theta
    return learner, learner.init(Spec(I, O, VALUES, 10, B), rows, 1, 0, LABELS)


def test_the_noise_that_a_rule_sees_is_the_noise_in_the_drives() -> None:
    """Layer after layer from one addressed draw; the update is its mean with the inputs, and a test sees none of it."""
    rule = Rule("pre*noise", noise=0.3)
    learner, state = newborn(rule, (5,))
    x, y = samples(0)
    drawn = Noise.of(0, LABELS).normal(7, DRIVES, (B * 5 + B * O,)) * 0.3
    first, second = drawn[:, : B * 5].reshape(2, B, 5), drawn[:, B * 5 :].reshape(2, B, O)
    acted, output = learner.act(state, x, None, 7)
    hidden = torch.tanh(x @ state.weights[0] + first)
    torch.testing.assert_close(output, hidden @ state.weights[1] + second)
    after = learner.learn(acted, Told(y), 7)
    for k, (pre, noise) in enumerate(((x, first), (hidden, second))):
        change = torch.einsum("nbi,nbo->nio", pre, noise) / B
        torch.testing.assert_close(after.weights[k] - state.weights[k], change, rtol=1e-4, atol=1e-6)
    quiet = torch.tanh(x @ state.weights[0]) @ state.weights[1]
    torch.testing.assert_close(learner.predict(state, x), quiet)
    torch.testing.assert_close(learner.act(learner.view(state, B), x, None, 7)[1], quiet)


def test_the_noise_may_be_a_coefficient() -> None:
    rule = Rule.from_dict({"dw": "0*pre", "noise": "sigma", "coefficients": {"sigma": 0.5}})
    theta = torch.tensor([[0.0], [0.5]])
    learner, state = newborn(rule, theta=theta)
    x, _ = samples(0)
    output = learner.act(state, x, None, 0)[1]
    quiet = learner.predict(state, x)
    assert torch.equal(output[0], quiet[0]) and not torch.allclose(output[1], quiet[1], atol=0.05)


@pytest.mark.parametrize("over", ["sample", "step"])
def test_surprise_against_a_running_mean(over: str) -> None:
    """m <- m + max(rate, 1 / n) (R - m); the first step is no surprise."""
    rule = Rule.from_dict({"dw": "0.05*surprise*post", "surprise": {"baseline": "mean", "rate": 0.25, "over": over}})
    learner, state = newborn(rule)
    mean = [0.0, 0.0]
    for t in range(7):
        x, y = samples(t)
        output = learner.predict(state, x)
        after = learner.learn(learner.act(state, x, None, t)[0], Told(y), t)
        for n in range(2):
            rewards = [-sum((float(y[n, b, o]) - float(output[n, b, o])) ** 2 for o in range(O)) / O for b in range(B)]
            average = sum(rewards) / B
            for o in range(O):
                total = 0.0
                for b in range(B):
                    surprise = 0.0 if t == 0 else (rewards[b] if over == "sample" else average) - mean[n]
                    total += 0.05 * surprise * float(output[n, b, o]) / B
                found = after.weights[0][n, :, o] - state.weights[0][n, :, o]
                assert found.tolist() == pytest.approx([total] * I, rel=1e-4, abs=1e-5)
            mean[n] += max(0.25, 1 / (t + 1)) * (average - mean[n])
        state = after


@pytest.mark.parametrize("over", ["sample", "step"])
def test_surprise_against_the_same_samples_without_noise(over: str) -> None:
    rule = Rule.from_dict({"dw": "surprise*pre*noise", "noise": 0.4, "surprise": {"baseline": "clean", "over": over}})
    learner, state = newborn(rule)
    x, y = samples(1)
    acted, noisy = learner.act(state, x, None, 3)
    clean = learner.predict(state, x)
    noise = noisy - clean
    gained = -((y - noisy) ** 2).mean(-1, keepdim=True) + ((y - clean) ** 2).mean(-1, keepdim=True)
    gained = gained.mean(1, keepdim=True) if over == "step" else gained
    change = learner.learn(acted, Told(y), 3).weights[0] - state.weights[0]
    torch.testing.assert_close(change, torch.einsum("nbi,nbo->nio", x, gained * noise) / B, rtol=1e-3, atol=1e-5)


def test_only_scored_samples_surprise() -> None:
    rule = Rule("surprise*pre")
    learner, state = newborn(rule)
    x, y = samples(0)
    nothing, some = torch.zeros(2, B, dtype=torch.bool), torch.tensor([[True, False, True]] * 2)
    for scored in (some, nothing, some):
        before = state
        state = learner.learn(learner.act(state, x, None, 0)[0], Told(y, scored=scored), 0)
    assert state.baseline is not None and state.baseline[:, 1].flatten().tolist() == [2.0, 2.0], "two scored steps"
    rewards = -((y - learner.predict(before, x)) ** 2).mean(-1)
    mean = before.baseline[:, 0].reshape(2, 1)
    want = torch.einsum("nb,nbi->ni", (rewards - mean) * some, x) / B
    torch.testing.assert_close((state.weights[0] - before.weights[0])[..., 0], want, rtol=1e-4, atol=1e-5)


def test_the_action_is_the_output_or_what_was_done() -> None:
    learner, state = newborn(Rule("action"), (5,))
    x, y = samples(0)
    acted, output = learner.act(state, x, None, 0)
    plain = learner.learn(acted, Told(y), 0)
    assert torch.equal(plain.weights[0], state.weights[0]), "hidden units do nothing"
    want = output.mean(1, keepdim=True).expand(-1, 5, -1)
    torch.testing.assert_close(plain.weights[1] - state.weights[1], want, rtol=1e-4, atol=1e-6)
    done = torch.eye(O)[torch.tensor([[0, 1, 1], [1, 0, 0]])]
    other = learner.learn(acted, Told(y, action=done), 0)
    want = done.mean(1, keepdim=True).expand(-1, 5, -1)
    torch.testing.assert_close(other.weights[1] - state.weights[1], want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["pre", "post", "err", "feedback", "pre_err", "drive", "reward", "target", "recon", "post_sum", "recon_err"]
)
def test_values_one_step_back(name: str) -> None:
    """NAME_before at step t is NAME at step t - 1, 0 at first, and 0 for a sample that begins a sequence."""
    pair = {"now": f"c*{name}", "back": f"c*{name}_before"}
    found: dict[str, list[list[Tensor]]] = {"now": [], "back": []}
    for key, dw in pair.items():
        learner, state = newborn(Rule(dw, pathway="backprop"), (5,), torch.full((2, 1), 0.0))
        for t in range(3):
            x, y = samples(t)
            acted, _ = learner.act(state, x, None, t)
            strong = learner.with_theta(acted, torch.ones(2, 1))  # what it would do, from weights that stay
            found[key].append([a - b for a, b in zip(learner.learn(strong, Told(y), t).weights, state.weights)])
            state = learner.learn(acted, Told(y), t)
    assert not any(bool(change.any()) for change in found["back"][0])
    for t in (1, 2):
        for now, back in zip(found["now"][t - 1], found["back"][t]):
            torch.testing.assert_close(now, back)
    assert any(bool(change.any()) for change in found["back"][1])
    fresh = torch.tensor([[True] * B, [False] * B])
    x, y = samples(3)
    acted, _ = learner.act(state, x, fresh, 3)
    strong = learner.learn(learner.with_theta(acted, torch.ones(2, 1)), Told(y), 3)
    changes = [a - b for a, b in zip(strong.weights, state.weights)]
    assert not any(bool(change[0].any()) for change in changes) and any(bool(change[1].any()) for change in changes)


def test_a_trace_one_step_back_is_the_trace_before_this_step() -> None:
    rule = Rule("e_before", {"e": "0.5*e + pre*post"})
    learner, state = newborn(rule)
    for t in range(3):
        x, y = samples(t)
        before = state
        state = learner.learn(learner.act(state, x, None, t)[0], Told(y), t)
        torch.testing.assert_close(state.weights[0] - before.weights[0], before.traces[0]["e"], rtol=1e-4, atol=1e-6)


def test_a_class_is_a_reward_of_plus_or_minus_one() -> None:
    output = torch.tensor([[[0.2, 0.8], [0.6, 0.4]]])
    y = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    assert CLASSES.reward(output, y).flatten().tolist() == [1.0, -1.0]
    assert CLASSES.nats(output, y).tolist() == [pytest.approx([-math.log(0.8), -math.log(0.4)])]


@pytest.mark.parametrize(
    "rule, message",
    [
        ({"dw": "pre", "noise": -1}, "rule.noise: expected a number from 0 to 1e6 or a coefficient's name, got '-1'"),
        ({"dw": "pre", "noise": "post"}, "rule.noise: expected a number or a coefficient, got 'post'"),
        ({"dw": "pre", "surprise": {"baseline": "claen"}}, "rule.surprise.baseline: .*did you mean 'clean'"),
        ({"dw": "pre", "surprise": {"rate": 0}}, "rule.surprise.rate: expected a number above 0"),
        ({"dw": "pre", "surprise": {"bse": 1}}, "rule.surprise: unknown key 'bse'"),
        ({"dw": "e", "traces": {"e": "e_before"}}, "rule.traces.e: 'e_before' is known in dw only"),
    ],
)
def test_wrong_options_of_exploration(rule: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rule.from_dict(rule)
