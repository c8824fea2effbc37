"""Rules that hear a reward and no error: a three-factor rule learns, and does not when its reward is shuffled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from inner import criteria
from inner.components import build
from inner.learners import local_rule
from inner.learners.base import Spec
from inner.life.eager import live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.rule import Rule

LABELS = tuple(("rewarded", n) for n in range(8))
VALUES = {"eta": 0.3, "gamma": 0.0, "fade": 0.0, "slide": 0.9}


def score(values: dict[str, float], steps: int = 500, shuffled: bool = False) -> Tensor:
    """Test accuracy [L] on digits of an output layer that learns from right or wrong alone."""
    rule = Rule.from_dict({"family": "three_factor"})
    assert rule.signals == {"pre", "post", "reward"}, "no error, no target"
    task: Any = build("task", "digits")
    lives = task.life_data("search", steps, 1, 0, LABELS)
    if shuffled:  # the label that the reward is taken from is that of another sample
        lives = replace(lives, y=lives.y.roll(7, 1))
    theta = torch.tensor([[values[c.name] for c in rule.coefficients]], dtype=torch.float64)
    learner = local_rule.Learner(rule, Network(hidden=()))
    with torch.no_grad():
        return live(Life(learner, task, lives, theta, 0, LABELS)).score[0]


def test_a_three_factor_rule_learns_from_reward_alone() -> None:
    assert float(score(VALUES).mean()) > 0.5  # chance is 0.1


def test_with_a_shuffled_reward_it_stays_at_chance() -> None:
    assert abs(float(score(VALUES, shuffled=True).mean()) - 0.1) < 0.06


def test_without_the_third_factor_it_stays_low() -> None:
    assert float(score(VALUES | {"eta": 0.0}).mean()) < 0.25


def pulse(rule: Rule, steps: list[tuple[float, float]]) -> list[float]:
    """The weight of one synapse, linear, with post = pre * w, over samples (x, target) of a regression."""
    learner = local_rule.Learner(rule, Network(hidden=()))
    theta = torch.tensor([[c.init for c in rule.coefficients]] * 2)
    state = learner.init(Spec(1, 1, criteria.VALUES), theta, 1, 0, (("a",), ("b",)))
    state = replace(state, weights=(torch.ones(2, 1, 1),))
    found = []
    for x, y in steps:
        state, _ = learner.step(state, torch.full((2, 1, 1), x), torch.full((2, 1, 1), y))
        found.append(float(state.weights[0][0, 0, 0]))
    return found


def test_an_eligibility_trace_carries_a_pairing_to_a_later_reward() -> None:
    """Pre and post are active at the first step only; the reward -MSE differs from 0 at the third only.

    The pairing 1 * 1 fades by 0.5 a step, reward is -2**2: dw = eta * -4 * 0.25 = -1 at the third step.
    """
    rule = Rule.from_dict(
        {
            "dw": "eta*reward*eligible",
            "traces": {"eligible": "fade*eligible + pre*post"},
            "coefficients": {"eta": {"init": 1.0}, "fade": {"init": 0.5}},
        }
    )
    assert pulse(rule, [(1.0, 1.0), (0.0, 0.0), (0.0, 2.0)]) == [1.0, 1.0, 0.0]
    plain = Rule.from_dict({"dw": "eta*reward*pre*post", "coefficients": {"eta": {"init": 1.0}}})
    assert pulse(plain, [(1.0, 1.0), (0.0, 0.0), (0.0, 2.0)]) == [1.0, 1.0, 1.0], "without a trace nothing is learned"


def test_traces_read_other_traces_as_they_stood_before_the_step() -> None:
    """`before` holds what `now` was one step earlier, `older` two steps earlier; dw sees all three after the step."""
    traces = {"now": "pre", "before": "now", "older": "before"}
    for name, wanted in {"now": [1.0, 2.0, 4.0], "before": [0.0, 1.0, 2.0], "older": [0.0, 0.0, 1.0]}.items():
        weights = pulse(Rule.from_dict({"dw": name, "traces": traces}), [(1.0, 0.0), (2.0, 0.0), (4.0, 0.0)])
        assert [b - a for a, b in zip([1.0, *weights], weights)] == pytest.approx(wanted)


def test_the_threshold_of_bcm_slides() -> None:
    rule = Rule.from_dict({"family": "bcm", "coefficients": {"eta": 0.0, "slide": {"init": 0.5}}})
    learner = local_rule.Learner(rule, Network(hidden=()))
    state = learner.init(Spec(1, 1, criteria.VALUES), torch.tensor([[0.0, 0.5]] * 2), 1, 0, (("a",), ("b",)))
    posts = []
    for x in (1.0, -2.0, 0.5):
        state, output = learner.step(state, torch.full((2, 1, 1), x), torch.zeros(2, 1, 1))
        posts.append(float(output[0, 0, 0]))
    mean = 0.0
    for post in posts:
        mean = 0.5 * mean + 0.5 * post**2
    assert float(state.traces[0]["threshold"][0, 0, 0]) == pytest.approx(mean, rel=1e-6)
