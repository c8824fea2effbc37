"""The evidence of a comparison: arms are paired over the same lives, and intervals cover what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inner.random import stream
from inner.rules.rule import Rule
from inner.tasks.linear import Task as LinearTask
from outer.evidence.fresh_lives import bootstrap_interval, live_fresh
from outer.settings import Distribution, Setting

TASK = {"name": "linear", "inputs": 8, "outputs": 3, "test": 100}
BACKPROP = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop"})
ALIGNMENT = Rule.from_dict({"dw": "eta*err*pre", "pathway": "random"})


def setting(lives: int = 12, tier: str = "final") -> Setting:
    (found,) = Distribution(TASK, (1, 1), (9, 9), (60, 60)).settings(tier, 0, (0,), lives, 1)
    return found


def test_interval_by_hand() -> None:
    assert bootstrap_interval(np.full(5, 0.25), 0) == (0.25, 0.25, 0.25)
    mean, low, high = bootstrap_interval(np.array([0.0, 1.0]), 0)
    assert (mean, low, high) == (0.5, 0.0, 1.0)
    samples = stream(0, "samples").normal(3.0, 2.0, 400)
    mean, low, high = bootstrap_interval(samples, 0)
    assert mean == samples.mean() and low < mean < high
    assert high - low == pytest.approx(2 * 1.96 * samples.std() / math.sqrt(400), rel=0.05)


def test_interval_is_a_function_of_its_address() -> None:
    samples = stream(0, "samples").random(10)
    assert bootstrap_interval(samples, 0, "a", "b") == bootstrap_interval(samples, 0, "a", "b")
    assert bootstrap_interval(samples, 0, "a", "b") != bootstrap_interval(samples, 0, "a", "c")
    assert bootstrap_interval(samples, 0, "a") != bootstrap_interval(samples, 1, "a")


def test_memory_is_bounded_and_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lives in jobs of one life, and resamples drawn row by row, are those of all at once."""
    samples = stream(0, "samples").random(37)
    interval, lived = bootstrap_interval(samples, 0, "a"), live_fresh(ALIGNMENT, {"eta": 0.1}, setting(), 0)
    monkeypatch.setattr("outer.evidence.fresh_lives.DRAWN", 100)
    monkeypatch.setattr("outer.evaluators._cuts.BYTES", 1)
    asked: list[int] = []
    plain = LinearTask.life_data
    monkeypatch.setattr(
        LinearTask, "life_data", lambda s, t, n, b, e, labels: asked.append(len(labels)) or plain(s, t, n, b, e, labels)
    )
    assert bootstrap_interval(samples, 0, "a") == interval
    again = live_fresh(ALIGNMENT, {"eta": 0.1}, setting(), 0)
    assert asked == [1] * 12
    for name in ("scores", "alive", "curve"):
        assert getattr(again, name).tobytes() == getattr(lived, name).tobytes()


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_coverage(draw: str) -> None:
    """Of 200 intervals from 20 samples each, 95 % should hold the true mean; percentile bootstraps reach 92 to 94 %."""
    hits = 0
    for n in range(200):
        samples = getattr(stream(n, "coverage", draw), draw)(size=20)
        _, low, high = bootstrap_interval(samples, n)
        hits += low <= (0.0 if draw == "normal" else 0.5) <= high
    assert 0.87 <= hits / 200 <= 0.98


def test_arms_live_the_same_lives() -> None:
    """At birth all arms are the same networks on the same data; a rule that does nothing stays there."""
    arms = [live_fresh(BACKPROP, {"eta": v}, setting(), 0) for v in (0.0, 0.1)] + [
        live_fresh(ALIGNMENT, {"eta": 0.1}, setting(), 0)
    ]
    for arm in arms:
        assert arm.scores.shape == arm.alive.shape == (12,) and arm.alive.all()
        assert arm.steps[0] == 0 and arm.steps[-1] == 60 and arm.curve.shape == (12, len(arm.steps))
        assert (arm.curve[:, 0] == arms[0].curve[:, 0]).all()
        assert (arm.curve[:, -1] == arm.scores).all()
    assert (arms[0].curve == arms[0].curve[:, :1]).all()
    assert arms[1].scores.mean() > arms[0].scores.mean() + 0.1
    assert len(set(arms[0].scores.tolist())) > 3


def test_pairing_narrows_the_interval_of_a_difference() -> None:
    """Two nearly equal arms: over the same lives their difference is known better than over a shuffled pairing."""
    one = live_fresh(BACKPROP, {"eta": 0.1}, setting(24), 0).scores
    two = live_fresh(BACKPROP, {"eta": 0.11}, setting(24), 0).scores
    paired = bootstrap_interval(one - two, 0)
    mixed = bootstrap_interval(one - np.roll(two, 1), 0)
    assert paired[0] == pytest.approx(mixed[0], abs=1e-12)
    assert paired[2] - paired[1] < 0.5 * (mixed[2] - mixed[1])


def test_a_trial_repeats_and_does_not_depend_on_its_number_of_lives() -> None:
    many, few = live_fresh(BACKPROP, {"eta": 0.1}, setting(12), 0), live_fresh(BACKPROP, {"eta": 0.1}, setting(5), 0)
    assert few.scores.tobytes() == many.scores[:5].tobytes() and few.curve.tobytes() == many.curve[:5].tobytes()
    other = live_fresh(BACKPROP, {"eta": 0.1}, setting(12), 1)
    assert not (other.scores == many.scores).all()
    select = live_fresh(BACKPROP, {"eta": 0.1}, setting(12, "select"), 0)
    assert not (select.scores == many.scores).all()


def test_a_failed_arm_scores_the_worst() -> None:
    failed = live_fresh(Rule("g*w"), {"g": 1e6}, setting(), 0)
    assert not failed.alive.any() and (failed.scores == 0).all() and np.isfinite(failed.curve).all()


def test_few_steps_are_read_once_each() -> None:
    (short,) = Distribution(TASK, (1, 1), (9, 9), (3, 3)).settings("final", 0, (0,), 2, 1)
    assert live_fresh(BACKPROP, {"eta": 0.1}, short, 0).steps == (0, 1, 2, 3)
