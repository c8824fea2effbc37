"""Generated C of exploration: noise to the bit, surprise, action and values one step back, against the oracle and eager."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from native_help import LABELS, Toy, against_oracle, both, coefficients

from inner.criteria import CLASSES, NONE, VALUES
from inner.engines import choice
from inner.engines.native import compiler, generate
from inner.engines.native import engine as native
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.request import Life, Result
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

pytestmark = [
    pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler"),
    pytest.mark.usefixtures("quick_builds"),
]

NODE = "0.3*surprise*pre*noise"
MIXED = "0.1*surprise*pre*(noise + err) + 0.05*tanh(surprise*w + pre*noise)*post + 0.02*action*pre"
RULES = {"node": NODE, "mixed": MIXED, "before": "0.1*surprise_before*noise_before*pre + 0.1*surprise*drive*pre_before"}
HOWS = [("mean", "sample"), ("mean", "step"), ("clean", "sample"), ("clean", "step")]


def exploring(dw: str, noise: float | str = 0.4, baseline: str = "mean", over: str = "sample", **more: Any) -> Rule:
    how = {"baseline": baseline, "over": over, "rate": 0.4}
    return Rule.from_dict({"dw": dw, "noise": noise, "surprise": how, "pathway": "random", **more})


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("sigma", [0.37, "s"])
@pytest.mark.parametrize("hidden, bias, batch", [((), False, 1), ((17,), True, 2), ((33, 4), False, 2), ((5, 16), True, 1)])
def test_the_noise_has_the_bits_of_eager(
    hidden: tuple[int, ...], bias: bool, batch: int, sigma: float | str, fixed: bool
) -> None:
    """From weights of 0, dw = noise leaves the noise itself; halving and one addition round alike everywhere."""
    network = Network(hidden=hidden, bias=bias, gain=0.0)
    theta = torch.tensor([[0.37], [1.9]] if sigma == "s" else [[], []], dtype=torch.float64)
    seen = []
    for steps in (1, 2):
        one, two = both(exploring("noise", sigma), network, Toy(6, 3), steps, batch, theta, fixed=fixed)
        for w, v in zip(one.state.weights, two.state.weights):
            assert torch.equal(w, v) and w.unique().numel() > 2
        seen.append(one.state.weights[-1])
    assert not torch.equal(*seen), "every step has noise of its own"
    assert not torch.equal(seen[0][0], seen[0][1]), "every lifetime has noise of its own"
    assert torch.equal(seen[0][0], seen[0][2]) == (sigma != "s"), "candidates have the same noise, but for its size"


@pytest.mark.parametrize("baseline, over", HOWS)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("batch", [1, 3])
def test_rules_against_the_oracle(name: str, batch: int, baseline: str, over: str) -> None:
    number = 4 * list(RULES).index(name) + HOWS.index((baseline, over)) + batch
    hidden = ((), (17,), (6, 18))[number % 3]
    criterion = (CLASSES, VALUES)[number // 2 % 2]
    rule = exploring(RULES[name], "s" if number % 2 else 0.4, baseline, over)
    network = Network(hidden=hidden, bias=number % 2 == 0)
    moved = against_oracle(rule, network, Toy(6, 3, criterion), batch, 4, fixed=number % 4 == 1)
    assert criterion == CLASSES or all(bool((w != 0).any()) for w in moved)


@pytest.mark.parametrize("criterion", [CLASSES, VALUES, NONE], ids=lambda c: c.kind)
@pytest.mark.parametrize("signal", [*(n for n, row in SIGNALS.items() if row.before and row.native), "noise", "surprise", "action"])
def test_every_value_against_the_oracle(signal: str, criterion: Any) -> None:
    """In a sum, a product that separates and one that does not; with noise, from the second step on."""
    number = list(SIGNALS).index(signal)
    text = f"0.05*(a*{signal}*pre + b*tanh({signal}*post + w) + c*{signal})"
    network = Network(hidden=((18,), (5, 3))[number % 2], bias=number % 3 == 0)
    against_oracle(exploring(text, 0.3), network, Toy(4, 17 if number % 2 else 3, criterion), 1 + 2 * (number % 2), 3)


@pytest.mark.parametrize("signal", ["noise", "surprise", "noise_before", "surprise_before"])
@pytest.mark.parametrize("baseline", ["mean", "clean"])
def test_without_noise(signal: str, baseline: str) -> None:
    rule = exploring(f"0.1*a*{signal}*pre + 0.1*b*pre", 0.0, baseline)
    against_oracle(rule, Network(hidden=(5,)), Toy(6, 3, VALUES), 2, 3)
    if baseline == "clean" or "noise" in signal:
        one = both(exploring(f"{signal}*pre", 0.0, baseline), Network(), Toy(), 5, 1, torch.zeros(2, 0))[0]
        start = Network().init(5, 3, 0, LABELS)
        assert all(torch.equal(w[:2], v) for w, v in zip(one.state.weights, start)), "nothing explores, nothing moves"


@pytest.mark.parametrize("baseline, over", HOWS)
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("fixed", [False, True])
def test_long_lives_agree_with_eager(fixed: bool, batch: int, baseline: str, over: str) -> None:
    rule = exploring("eta*surprise*pre*noise + b*err*pre_before", "s", baseline, over, homeostasis={"max_norm": 2.0})
    theta = torch.tensor([[0.2, 0.01, 0.3], [0.05, 0.02, 0.1]], dtype=torch.float64)
    for criterion in (CLASSES, VALUES):
        one, two = both(rule, Network(hidden=(33, 9), bias=batch == 1), Toy(9, 3, criterion), 40, batch, theta, (0, 20), fixed=fixed)
        assert bool(one.alive.all())
        for w, v in zip(one.state.weights, two.state.weights):
            assert float((w - v).abs().max()) <= 1e-4 * float(v.abs().max())
        assert float((one.curve - two.curve).abs().max()) < 1e-4
        assert float((one.bits / two.bits - 1).abs().max()) < 1e-5, "outputs are coded as they were made, noise and all"


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("baseline", ["mean", "clean"])
def test_bits_do_not_depend_on_company_order_or_threads(baseline: str, batch: int, fixed: bool) -> None:
    rule = exploring("eta*surprise*pre*noise + b*e*post_before", "s", baseline, traces={"e": "0.5*e + pre"})
    task, network = Toy(9, 3), Network(hidden=(17,), bias=True)
    learner, theta = Learner(rule, network), coefficients(rule, 7, 0.1)
    lives = task.life_data("search", 30, batch, 0, LABELS)

    def run(rows: torch.Tensor, threads: int = 1) -> Result:
        return native.live(Life(learner, task, lives, rows, 0, LABELS, (10,), True, fixed=fixed, threads=threads))

    whole = run(theta)
    assert whole.bits.unique().numel() == 14
    for rows, result in ((slice(0, 7), run(theta, 3)), (slice(2, 3), run(theta[2:3])), (slice(3, 7), run(theta[3:]))):
        for field in ("score", "curve", "bits"):
            assert torch.equal(getattr(whole, field)[rows], getattr(result, field)), field
    assert torch.equal(run(theta.flip(0)).bits.flip(0), whole.bits)


def test_exploration_costs_nothing_where_there_is_none() -> None:
    spec = Spec(4, 3, CLASSES, 10, 1)
    plain = generate.source(native.plan_of(Learner(Rule("a*err*pre + b*e", {"e": "0.5*e + pre*post"})), spec))
    assert not any(word in plain for word in ("noise_", "kept_", "m->surprise", "EXPLORES", generate.MARK))
    full = generate.source(native.plan_of(Learner(exploring(NODE)), spec))
    assert all(word in full for word in ("noise_table", "#define EXPLORES 1")) and generate.MARK not in full


@pytest.mark.parametrize("baseline, over", HOWS)
def test_node_perturbation_runs_natively(baseline: str, over: str) -> None:
    learner = Learner(exploring("eta*surprise*pre*noise", "sigma", baseline, over))
    for criterion in (CLASSES, VALUES):
        assert choice.choose("auto", learner, Spec(6, 3, criterion, 10, 1)) == ("native", "")


def test_node_perturbation_learns() -> None:
    """Linear regression in C: the error falls to a small part of what it was."""
    rule = exploring("eta*surprise*pre*noise", 0.05, "clean", coefficients={"eta": {"init": 1.0}})
    task = Toy(4, 2, VALUES)
    lives = task.life_data("search", 4000, 1, 0, LABELS)
    weights = torch.linspace(-1, 1, 8).reshape(4, 2)
    lives = type(lives)(lives.x, lives.x @ weights, lives.order, lives.test_x, lives.test_x @ weights)
    theta = torch.tensor([[0.0], [15.0]], dtype=torch.float64)
    result = native.live(Life(Learner(rule, Network(hidden=())), task, lives, theta, 0, LABELS))
    (w,) = result.state.weights
    off = (w - weights).abs().amax((1, 2))
    assert bool((off[:2] > 0.5).all()) and bool((off[2:] < 0.05).all()), off
