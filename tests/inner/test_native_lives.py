"""What the native engine promises of whole lives: the same bits in any company, failures that stay alone, curves, the choice."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from native_help import LABELS, Toy, both, coefficients

from inner.criteria import CLASSES
from inner.engines import choice
from inner.engines.native import compiler
from inner.engines.native import engine as native
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.eager import CHECK_EVERY, Result
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.rule import Rule

has_compiler = pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler")
RULES = {
    "separable": Rule("a*err*pre + b*post*pre + c*w*post**2 + d*post", pathway="random"),
    "elementwise": Rule("a*err*pre + b*tanh(pre*post + w)", pathway="backprop"),
    "traces": Rule("a*e*err - c*w", {"e": "0.9*e + 0.1*pre*post"}, pathway="learned"),
}
STEPS, TASK, NETWORK = 40, Toy(9, 3), Network(hidden=(33, 9), bias=True)


def run(
    name: str, theta: torch.Tensor, batch: int = 1, record: tuple[int, ...] = (0, 20), labels: tuple = LABELS, **options
) -> Result:
    lives = TASK.life_data("search", STEPS, batch, 0, LABELS)
    if labels != LABELS:
        one = LABELS.index(labels[0])
        lives = replace(lives, **{f: getattr(lives, f)[one : one + 1] for f in ("x", "y", "order", "test_x", "test_y")})
    return native.live(Life(Learner(RULES[name], NETWORK), TASK, lives, theta, 0, labels, record, True, **options))


def same(left: Result, p: int, right: Result, q: int, lives: int = len(LABELS)) -> None:
    for field in ("score", "alive", "curve", "bits"):
        assert torch.equal(getattr(left, field)[p], getattr(right, field)[q]), field
    for w, v in zip(left.state.weights, right.state.weights):
        assert torch.equal(w[p * lives : (p + 1) * lives], v[q * lives : (q + 1) * lives])


@has_compiler
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", RULES)
def test_bits_do_not_depend_on_company_order_or_threads(name: str, batch: int, fixed: bool) -> None:
    theta = coefficients(RULES[name], 9, 0.02)
    whole = run(name, theta, batch, fixed=fixed)
    assert bool(whole.alive.all()) and whole.score.unique().numel() > 9
    for threads in (2, 5):
        again = run(name, theta, batch, threads=threads, fixed=fixed)
        for p in range(9):
            same(whole, p, again, p)
    for start, size in ((0, 1), (3, 2), (5, 4)):
        part = run(name, theta[start : start + size], batch, fixed=fixed)
        for p in range(size):
            same(whole, start + p, part, p)
    backwards = run(name, theta.flip(0), batch, fixed=fixed)
    for p in range(9):
        same(whole, p, backwards, 8 - p)
    alone = run(name, theta[4:5], batch, labels=LABELS[1:], fixed=fixed)
    assert torch.equal(alone.score[0, 0], whole.score[4, 1]) and torch.equal(alone.bits[0, 0], whole.bits[4, 1])


@has_compiler
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30, -3.0])
@pytest.mark.parametrize("name", RULES)
def test_a_failure_stays_alone(name: str, bad: float) -> None:
    theta = coefficients(RULES[name], 4, 0.01).abs()
    healthy = run(name, theta, 2, (0, STEPS))
    sick = theta.clone()
    sick[2] = bad
    ill = run(name, sick, 2, (0, STEPS))
    for p in (0, 1, 3):
        same(healthy, p, ill, p)
    if bad != -3.0:
        assert not bool(ill.alive[2].any())
    dead = ~ill.alive[2]
    assert bool((ill.score[2][dead] == TASK.worst).all()) and bool((ill.curve[2][dead][:, 1] == TASK.worst).all())
    assert torch.equal(ill.curve[2, :, 0], healthy.curve[2, :, 0]), "at birth nobody has failed yet"
    for w in ill.state.weights:
        assert bool((w[4:6][dead] == 0).all())


@has_compiler
def test_a_failure_leaves_the_life_beside_it_alone() -> None:
    """A thread leads two lives at a time: whichever of them dies, and whenever, the other one goes on."""
    theta = coefficients(RULES["separable"], 1, 0.01).abs().repeat(6, 1)
    theta[:, 1] *= torch.arange(1, 7)
    healthy = run("separable", theta, labels=LABELS[:1])
    for dead in ((0,), (1,), (0, 3), (2, 3), (1, 4, 5)):
        sick = theta.clone()
        sick[list(dead)] = float("nan")
        ill = run("separable", sick, labels=LABELS[:1])
        for p in range(6):
            if p in dead:
                assert not bool(ill.alive[p]) and bool((ill.state.weights[0][p] == 0).all())
            else:
                same(healthy, p, ill, p, 1)


@has_compiler
def test_failures_are_seen_at_the_same_steps_as_by_the_eager_engine() -> None:
    """Weights that overflow between two looks, at a look, at a recorded step and at the end."""
    for steps in (CHECK_EVERY - 1, CHECK_EVERY, CHECK_EVERY + 3, 3 * CHECK_EVERY):
        growth = torch.tensor([[10.0 ** (e / 20)] for e in (0, 19, 38, 45, 100)], dtype=torch.float64)
        one, two = both(Rule("g*w"), Network(hidden=(5,)), Toy(), steps, 1, growth, (0, 5, 10, steps))
        assert torch.equal(one.alive, two.alive) and not bool(one.alive.all())
        assert torch.equal(one.curve == Toy().worst, two.curve == Toy().worst)


@has_compiler
def test_reading_a_curve_changes_nothing() -> None:
    theta = coefficients(RULES["separable"], 3, 0.02)
    for batch in (1, 4):
        plain, read = run("separable", theta, batch, ()), run("separable", theta, batch, (STEPS, 0, 7, 20))
        assert read.curve.shape == (3, 2, 4) and plain.curve.shape == (3, 2, 0)
        assert torch.equal(plain.score, read.score) and torch.equal(plain.bits, read.bits)
        assert torch.equal(read.curve[..., 0], read.score)
        assert read.curve[..., 1:].unique().numel() > 3


@has_compiler
def test_order_outside_the_pool_is_refused() -> None:
    lives = TASK.life_data("search", 3, 1, 0, LABELS)
    for wrong in (-1, 11):
        bad = replace(lives, order=torch.full_like(lives.order, wrong))
        with pytest.raises(ValueError, match="order"):
            native.live(Life(Learner(RULES["separable"], NETWORK), TASK, bad, coefficients(RULES["separable"]), 0, LABELS))


@has_compiler
def test_auto_takes_native_and_falls_back() -> None:
    learner = Learner(RULES["separable"], NETWORK)
    assert choice.choose("auto", learner, Spec(64, 10, CLASSES)) == ("native", "")
    assert choice.choose("eager", learner, Spec(64, 10, CLASSES))[0] == "eager"
    lives = TASK.life_data("search", 5, 1, 0, LABELS)
    theta = coefficients(RULES["separable"]).requires_grad_()
    result = choice.live(Life(learner, TASK, lives, theta, 0, LABELS), "auto")
    assert result.score.requires_grad, "gradients are for the eager engine"


@has_compiler
@pytest.mark.parametrize("fixed", [False, True])
def test_a_kernel_for_one_shape_where_it_pays(fixed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []
    monkeypatch.setattr(native, "plan_of", lambda *given, own=native.plan_of: plans.append(own(*given)) or plans[-1])
    lives = TASK.life_data("search", 5, 1, 0, LABELS)
    learner, theta = Learner(RULES["separable"], NETWORK), coefficients(RULES["separable"])
    result = choice.live(Life(learner, TASK, lives, theta, 0, LABELS, fixed=fixed), "auto")
    assert [plan.shape for plan in plans] == [(9, 33, 9, 3) if fixed else None]
    free = native.live(Life(learner, TASK, lives, theta, 0, LABELS))
    for w, v in zip(result.state.weights, free.state.weights):
        torch.testing.assert_close(w, v, rtol=1e-5, atol=1e-6)


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    learner = Learner(RULES["separable"], NETWORK)
    name, why = choice.choose("auto", learner, Spec(64, 10, CLASSES))
    assert name == "eager" and "no C compiler" in why
    lives = TASK.life_data("search", 3, 1, 0, LABELS)
    result = choice.live(Life(learner, TASK, lives, coefficients(RULES["separable"]), 0, LABELS), "auto")
    assert bool(result.alive.all())
    with pytest.raises(ValueError, match="engine: native cannot run this: no C compiler"):
        choice.choose("native", learner, Spec(64, 10, CLASSES))


def test_a_compiler_that_does_not_work(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    fake = tmp_path / "cc"
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo fake 1 && exit 0\necho error: no headers >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("CC", str(fake))
    name, why = choice.choose("auto", Learner(RULES["separable"], NETWORK), Spec(64, 10, CLASSES))
    assert name == "eager" and "does not work" in why


def test_unknown_engine() -> None:
    with pytest.raises(ValueError, match=r"engine: unknown name 'nativ' \(did you mean 'native'\?\)"):
        choice.check_engine("nativ")
