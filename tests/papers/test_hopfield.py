"""Capacity of Hopfield networks, and a storage rule that evolution finds (`pytest -m paper`; a minute of an idle core).

Mean overlap after 15 sweeps, N = 400, 60 probes in each of 2 lives. Bands: Hebb >= 0.97 at load 0.10 and 0.93-0.995 at 0.138 from
exact probes (Amit, Gutfreund & Sompolinsky 1985: 0.967 at the capacity); Storkey >= 0.99 at 0.25 from 10 % flipped; Hebb < Storkey <
pseudo-inverse at 0.25 from 25 % flipped. The rule: with activities and weights alone the search finds Hebb's; with what both units
hear (d) it finds d / a < 0 and overlap >= 0.95 at load 0.2, where Hebb has 0.56-0.66.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import pytest
import torch

from inner.components import build
from inner.learners.hopfield import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.tasks.recall import Task
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective
from outer.searches.base import Search
from outer.settings import Distribution

pytestmark = pytest.mark.paper


@cache
def overlap(storage: str, load: float, flips: float, values: tuple[float, ...] = (), units: int = 400) -> float:
    patterns = round(load * units)
    task, labels = Task(units, patterns, flips, 60), [("capacity", n) for n in range(2)]
    learner = Learner(storage=storage)
    theta = torch.tensor([list(values) or [c.init for c in learner.coefficients]], dtype=torch.float64)
    with torch.no_grad():
        found = live(Life(learner, task, task.life_data("final", patterns, 1, 0, labels), theta, 0, labels)).score
    print(f"{storage} {load} {flips}: {float(found.mean()):.3f}")
    return float(found.mean())


def test_capacities() -> None:
    for load in (0.083, 0.10, 0.138, 0.15, 0.2):
        for flips in (0.0, 0.1, 0.25):
            overlap("hebb", load, flips)
    assert overlap("hebb", 0.10, 0.0) >= 0.97 and 0.93 <= overlap("hebb", 0.138, 0.0) <= 0.995
    assert overlap("storkey", 0.25, 0.1) >= 0.99
    order = [overlap(each, 0.25, 0.25) for each in ("hebb", "storkey", "pseudo_inverse")]
    assert order[0] < order[1] < order[2]


@cache
def evolved(heard: bool, seed: int) -> tuple[float, ...]:
    """a, b, c and d after 30 generations at load 0.2 of 120 units, 10 % flipped."""
    learner = Learner(values={} if heard else {"d": {"init": 0.0, "fixed": True}})
    lives = Distribution({"name": "recall", "units": 120, "patterns": 24, "test": 24}, (0, 0), (4, 4), (24, 24), 1)
    objective = LearnerObjective(learner, lives, seed, lifetimes=4, shapes=1)
    search = cast(Search, build("search", {"name": "cma", "popsize": 12, "generations": 30}))
    with Evaluator() as evaluator:
        last = list(evolve(objective, search, evaluator))[-1]
    found = tuple(float(last.metrics[f"theta/{name}"]) for name in "abcd")
    print(f"{'with' if heard else 'without'} d, seed {seed}: {np.round(found, 3)}")
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_evolution_finds_hebb_and_with_what_units_hear_a_better_rule(seed: int) -> None:
    plain, heard = evolved(False, seed), evolved(True, seed)
    hebb = overlap("local", 0.2, 0.1, (1.0, 0.0, 0.0, 0.0))
    without, found = (overlap("local", 0.2, 0.1, values) for values in (plain, heard))
    print(f"hebb {hebb:.3f}, without d {without:.3f}, with d {found:.3f}")
    assert plain[0] > 0 and without < hebb + 0.05
    assert heard[3] / heard[0] < 0 and found >= 0.95
