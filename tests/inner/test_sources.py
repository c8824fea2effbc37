"""The battery of environments, and the closed loop: what is told depends on what was done, and on nothing else."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from inner import axes
from inner.components import build, load, names
from inner.criteria import REWARD
from inner.engines.choice import live
from inner.learners.local_rule import Learner
from inner.life.eager import stepper_of
from inner.life.request import Life, Result
from inner.life.states import tensors_of
from inner.life.stepper import RecordedStepper
from inner.networks.mlp import Network
from inner.noise import Noise
from inner.random import stream
from inner.rules.rule import Rule
from inner.sources import source_of
from inner.tasks._bandits import Bandits
from inner.tasks.base import TIERS, Task

OWN = "gymnasium"  # which needs a world of the user's
ENVIRONMENTS = [n for n in names("task") if load("task", n).environment and n != OWN]  # type: ignore[attr-defined]
LABELS = tuple(("loop", n) for n in range(6))
RULE = Rule("eta*surprise*action*pre")
STEPS = 30
SPARSE = ("acrobot", "mountain_car")  # nothing that is done in so few steps changes their reward


def made(name: str) -> Task:
    return cast(Task, build("task", name))


def lived(task: Task, theta: Tensor, labels: Any = LABELS, steps: int = STEPS, batch: int = 2) -> Result:
    data = task.experience("search", steps, batch, 0, labels)
    with torch.no_grad():
        return live(Life(Learner(RULE, Network(hidden=(4,))), task, data, theta, 0, labels, (0, 10, steps)))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_answer_depends_on_the_action_and_not_on_the_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a bit of a life depends on other candidates, lifetimes, their order, or how many run side by side."""
    task, theta = made(name), torch.tensor([[0.0], [0.5], [2.0]], dtype=torch.float64)
    whole = lived(task, theta)
    assert whole.score.shape == (3, 6) and bool(torch.isfinite(whole.score).all())
    assert whole.score.unique().numel() > 3 or name in SPARSE
    for p in range(3):
        assert torch.equal(lived(task, theta[p : p + 1]).curve[0], whole.curve[p])
    few = lived(task, theta, (LABELS[4], LABELS[1]))
    assert torch.equal(few.curve, whole.curve[:, [4, 1]])
    monkeypatch.setattr(axes, "CACHED", 1)
    assert torch.equal(lived(task, theta).curve, whole.curve)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_tiers_and_labels_are_different_worlds(name: str) -> None:
    task = made(name)
    found = {tier: task.experience(tier, 3, 8, 0, LABELS) for tier in TIERS}
    worlds = [
        torch.cat([t.flatten().double() for t in tensors_of(s.begin(1)) if t.is_floating_point() or name == "t_maze"])
        for s in found.values()
    ]
    assert not any(torch.equal(worlds[a], worlds[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert task.samples("search") != task.samples("final")
    with pytest.raises(ValueError, match="^tier: expected"):
        task.experience("finals", 3, 1, 0, LABELS)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_recorded_step_is_the_step(name: str) -> None:
    """t as a tensor, states that stay in place: the same life, bit for bit."""
    task, theta = made(name), torch.tensor([[0.3], [1.0]])
    data = task.experience("search", STEPS, 2, 0, LABELS)
    learner = Learner(RULE, Network(hidden=(4,)))
    life = Life(learner, task, data, theta, 0, LABELS)
    each = theta.float().repeat_interleave(len(LABELS), 0)
    noise, scores = Noise.of(0, LABELS, 2), []
    with torch.no_grad():
        for way in ("plain", "recorded"):
            source = source_of(data)
            state = learner.init(life.spec, each, 2, 0, LABELS)
            stepper: Any = stepper_of(life, source, state, 2, noise, None, torch.zeros(12))
            if way == "recorded":
                places = (learner, source, state, 2, task.criterion, noise, None, (), "cpu")
                stepper = RecordedStepper(*places, lambda step, back: step)
            stepper.advance(STEPS)
            scores.append(source.score(stepper.s))
    assert torch.equal(*scores)


def test_bandits_pay_the_arm_that_was_pulled() -> None:
    """Mean reward of each arm over 4,000 pulls is its probability; all candidates meet the same luck."""
    pay = torch.tensor([[[[0.1, 0.5, 0.9]]], [[[0.7, 0.0, 1.0]]]])
    source = Bandits(pay, Noise.of(0, [("a", 0), ("a", 1)]), 4000, 1)
    s, earned = source.begin(2), torch.zeros(4, 3)
    arms = torch.eye(3)
    for t in range(2000):
        for arm in range(3):
            _, told = source.respond(s, t, arms[arm].expand(4, 1, 3))
            assert torch.equal(told.reward[:2], told.reward[2:]), "the second candidate meets the luck of the first"
            earned[:, arm] += told.reward[:, 0, 0]
    assert torch.allclose(earned[:2] / 2000, pay[:, 0, 0], atol=4 * 0.5 / 2000**0.5)


def test_choices_follow_the_softmax_of_the_preferences() -> None:
    """Frequencies over 20,000 networks within 4 standard errors; without noise the largest output is chosen."""
    output = torch.tensor([0.0, 1.0, -1.0]).expand(20_000, 1, 3)
    key = Noise(torch.from_numpy(stream(0, "keys").integers(0, 2**32, (20_000, 2))))
    chosen = REWARD.decide(output, key, 3)
    assert torch.equal(chosen.sum(-1), torch.ones(20_000, 1))
    p = torch.softmax(output[0, 0], 0)
    assert torch.all((chosen.mean((0, 1)) - p).abs() < 4 * (p * (1 - p) / 20_000) ** 0.5)
    assert REWARD.decide(output[:2], None, 0).argmax(-1).flatten().tolist() == [1, 1]


def test_reward_is_learned_from() -> None:
    """REINFORCE on five arms earns more than chance, and more than a network that does not learn (60 lives, 4 s.e.)."""
    task, labels = cast(Task, build("task", {"name": "bandit", "arms": 5})), tuple(("learn", n) for n in range(60))
    data = task.experience("search", 100, 1, 0, labels)
    learner = Learner(RULE, Network(hidden=()))
    with torch.no_grad():
        score = live(Life(learner, task, data, torch.tensor([[0.0], [2.0]]), 0, labels)).score
    gain = score[1] - score[0]
    assert float(gain.mean()) > 4 * float(gain.std()) / 60**0.5 and abs(float(score[0].mean()) - task.chance) < 0.08
