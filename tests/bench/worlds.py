"""Steps per second of one core in worlds that answer: generated C against the same lives in hand-written NumPy, in one run.

    python tests/bench/worlds.py

Policy and rule included; seconds are the processor's, so that a busy machine changes them little. CartPole: a 4-16-2 network
whose output layer learns from reward by a trace; gymnasium's vector environment (without a policy) where it is installed.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch

from inner.components import build
from inner.engines.crowd import engine as crowd
from inner.learners.local_rule import Learner
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.tasks.base import Task

BANDIT = {
    "dw": "action*(eta*(reward - prior) - decay*w) + (1 - action)*(lift - leak*w)",
    "coefficients": {name: {"init": v} for name, v in zip(("eta", "prior", "decay", "lift", "leak"), (5.0, 0.77, 0.08, -0.1, 0.0))},
}
POLE = {
    "dw": "eta*surprise*trace",
    "traces": {"trace": "0.9*trace + pre*(action - policy)"},
    "coefficients": {"eta": {"init": 0.01}},
}
ARMS, PULLS, LIVES = 10, 1000, 3072
LABELS = tuple(("bench", n) for n in range(64))


def lives(task: str, rule: dict[str, Any], hidden: tuple[int, ...], steps: int, population: int, **options: Any) -> Life:
    """population x 64 lives."""
    learner = Learner(Rule.from_dict({**rule, "pathway": "none"}), Network(hidden=hidden))
    made = cast(Task, build("task", {"name": task, **options}))
    theta = torch.tensor([[c.init for c in learner.coefficients]] * population, dtype=torch.float64)
    return Life(learner, made, made.experience("search", steps, 1, 0, LABELS), theta, 0, LABELS)


def numpy_bandits() -> float:
    """The same population as arrays: a softmax choice by one uniform number, one reward, five numbers of a rule."""
    random = np.random.Generator(np.random.Philox(0))
    pay, w, rows = random.random((LIVES, ARMS), dtype=np.float32), np.zeros((LIVES, ARMS), dtype=np.float32), np.arange(LIVES)
    eta, prior, decay, lift, leak = (np.float32(each["init"]) for each in BANDIT["coefficients"].values())  # type: ignore[attr-defined]
    total = 0.0
    for _ in range(PULLS):
        chances = np.exp(w - w.max(1, keepdims=True)).cumsum(1)
        arm = (random.random((LIVES, 1), dtype=np.float32) * chances[:, -1:] >= chances[:, :-1]).sum(1)
        reward = (random.random(LIVES, dtype=np.float32) < pay[rows, arm]).astype(np.float32)
        pulled = w[rows, arm]
        w += lift - leak * w
        w[rows, arm] = pulled + eta * (reward - prior) - decay * pulled
        total += float(reward.mean())
    return total / PULLS


def rate(run: Callable[[], Any], steps: float) -> float:
    """Million steps per second of the processor, the best of three."""
    found = []
    for _ in range(3):
        started = time.process_time()
        run()
        found.append(steps / (time.process_time() - started) / 1e6)
    return max(found)


def gymnasium_poles(many: int = 1024, steps: int = 500) -> float:
    """CartPole's own vector environment under random pushes."""
    import gymnasium

    world: Any = gymnasium.make_vec("CartPole-v1", num_envs=many, vectorization_mode="vector_entry_point")
    world.reset(seed=0)
    pushes = np.random.Generator(np.random.Philox(0)).integers(0, 2, (steps, many))
    return rate(lambda: [world.step(each) for each in pushes], many * steps)


def main() -> None:
    """Print one line per workload."""
    bandit, pole = lives("bandit", BANDIT, (), PULLS, LIVES // 64, arms=ARMS), lives("cart_pole", POLE, (16,), 20_000, 1)
    crowd.live(bandit), crowd.live(pole)  # compiled
    ours, theirs = rate(lambda: crowd.live(bandit), LIVES * PULLS), rate(numpy_bandits, LIVES * PULLS)
    print(f"bandit lives, {ARMS} arms: {ours:.1f} M pulls/s; NumPy {theirs:.1f} M pulls/s; {ours / theirs:.1f} times")
    print(f"CartPole 4-16-2, plastic: {rate(lambda: crowd.live(pole), 64 * 20_000):.1f} M steps/s")
    if importlib.util.find_spec("gymnasium"):
        print(f"gymnasium's CartPole vector environment, without a policy: {gymnasium_poles():.2f} M steps/s")


if __name__ == "__main__":
    main()
