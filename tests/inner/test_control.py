"""Worlds of control: gymnasium's trajectories where it is installed, episodes that begin anew, and the same lives in C."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from inner.components import build
from inner.engines.crowd import engine as crowd
from inner.learners import _born_with as born_with
from inner.learners.local_rule import Learner
from inner.life import eager
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.tasks._control import Control, ControlTask

LABELS = tuple(("control", n) for n in range(9))
GYM = {"cart_pole": "CartPole-v1", "pendulum": "Pendulum-v1", "mountain_car": "MountainCar-v0", "acrobot": "Acrobot-v1"}


def made(name: str) -> ControlTask:
    return cast(ControlTask, build("task", name))


@pytest.mark.parametrize("name", GYM)
def test_trajectories_are_those_of_gymnasium(name: str) -> None:
    """200 random steps in float64, from gymnasium's own starts: states, observations, rewards and ends."""
    gymnasium = pytest.importorskip("gymnasium")
    world: Any = gymnasium.make(GYM[name]).unwrapped
    physics, random = made(name).physics, stream(0, "gym", name)
    world.reset(seed=3)
    for _ in range(200):
        x = torch.tensor(np.array(world.state, dtype=np.float64))
        if physics.outputs == 1:
            output = random.standard_normal(1)
            action, given = torch.from_numpy(output), 2.0 * np.tanh(output)
        else:
            given = int(random.integers(physics.outputs))
            action = torch.eye(physics.outputs, dtype=torch.float64)[given]
        seen, reward, over, _, _ = world.step(given)
        found = physics.step(x, action)
        assert found.x.tolist() == pytest.approx(np.array(world.state, dtype=np.float64), abs=1e-9)
        assert physics.observe(found.x).tolist() == pytest.approx(seen.tolist(), abs=1e-6)
        assert float(found.reward) == pytest.approx(float(reward), abs=1e-6) and bool(found.over) == over
        if over:
            world.reset()


def swung(state: list[float], force: float) -> tuple[list[float], float]:
    """One step of the swing-up as its paper writes it, with names in place of numbers."""
    m_p, m_c, length, g, friction, dt = 0.5, 0.5, 0.6, 9.82, 0.1, 0.01
    x, v, th, w = state
    s, c, total, ml = math.sin(th), math.cos(th), m_p + m_c, m_p * length
    a = (-2 * ml * w**2 * s + 3 * m_p * g * s * c + 4 * force - 4 * friction * v) / (4 * total - 3 * m_p * c**2)
    al = (-3 * ml * w**2 * s * c + 6 * total * g * s + 6 * (force - friction * v) * c) / (4 * length * total - 3 * ml * c**2)
    x, v, th, w = x + dt * v, v + dt * a, th + dt * w, w + dt * al
    return [x, v, th, w], (math.cos(th) + 1) / 2 * math.cos(math.pi * x / 4.8)


def test_the_swing_up_is_that_of_its_equations() -> None:
    physics, random = made("swing_up").physics, stream(0, "swing")
    state = physics.start(random, ()).tolist()
    for _ in range(200):
        output = 0.3 * float(random.standard_normal())
        found = physics.step(torch.tensor(state, dtype=torch.float64), torch.tensor([output], dtype=torch.float64))
        state, reward = swung(state, 10 * math.tanh(output))
        assert found.x.tolist() == pytest.approx(state, abs=1e-9) and float(found.reward) == pytest.approx(reward, abs=1e-9)
        assert bool(found.over) == (abs(state[0]) > 2.4)


def test_episodes_begin_anew_at_the_next_start() -> None:
    """A pole that is always pushed to the right falls; the same starts whoever plays, whenever an episode begins."""
    source = cast(Control, made("cart_pole").experience("search", 60, 2, 0, LABELS))
    s, right = source.begin(2), torch.tensor([0.0, 1.0]).expand(18, 2, 2)
    ended = torch.zeros(18, 2, dtype=torch.int64)
    for t in range(60):
        seen = source.observe(s, t)
        s, told = source.respond(s, t, right)
        assert told.ends is not None and seen.fresh is not None
        ended += told.ends
        assert torch.equal(s.clock == 0, told.ends) and torch.equal(s.episode, ended)
    assert int(ended.min()) >= 4
    n, b = 4, 1
    row = source.starts[n, int(ended[n, b]), b]
    again, _ = source.begin(1), None
    assert torch.equal(again.starts[n, int(ended[n, b]), b], row)
    assert torch.allclose(source.score(s), 120 / (ended + (s.clock > 0)).sum(1).double())


def life_of(name: str, steps: int) -> Life:
    """CartPole under a plastic rule, or a swing-up of inherited weights that do not change."""
    task = made(name)
    if name == "cart_pole":
        rule = {"dw": "eta*reward*trace", "traces": {"trace": "0.9*trace + pre*(action - policy)"}, "coefficients": {"eta": 0.01}}
        learner: Any = Learner(Rule.from_dict({**rule, "pathway": "none"}), Network(hidden=(8, 4), bias=True))
        theta = torch.tensor([[0.01], [0.02]], dtype=torch.float64)
    else:
        rule = {"dw": "eta*reward*pre", "pathway": "none", "coefficients": {"eta": {"init": 0.0, "fixed": True}}}
        network = Network(hidden=(10,))
        shapes = network.shapes(task.inputs, task.outputs)
        learner = born_with.Learner(Rule.from_dict(rule), network, born_with.Layout(1, shapes, weights=True))
        theta = torch.from_numpy(np.concatenate([np.zeros((3, 1)), stream(0, "born").standard_normal((3, 60))], 1))
    return Life(learner, task, task.experience("search", steps, 1, 0, LABELS), theta, 0, LABELS, (0, steps // 2, steps))


@pytest.mark.parametrize("name, steps", [("cart_pole", 60), ("swing_up", 100)])
def test_lives_in_c_are_those_of_the_eager_engine(name: str, steps: int) -> None:
    """Rounding grows along a trajectory: most lives agree to 1e-3, and none of the physics is off."""
    life = life_of(name, steps)
    assert crowd.why_not(life) == ""
    with torch.no_grad():
        mine, other = crowd.live(life), eager.live(life)
    close = torch.isclose(mine.curve, other.curve, rtol=1e-3, atol=1e-3).all(-1)
    assert float(close.double().mean()) > 0.85 and mine.score.unique().numel() > 3

    def weights(state: Any) -> Tensor:
        return (state.inner if name == "swing_up" else state).weights[0][close.flatten()]

    assert torch.allclose(weights(mine.state), weights(other.state), rtol=1e-2, atol=1e-3)
    assert torch.allclose(mine.curve[..., 0], torch.zeros(1).double())
