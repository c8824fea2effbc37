"""Program search rediscovers the delta rule from single signals: (target - post)*pre in at least 8 of 10 runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inner.components import build
from inner.random import stream
from inner.rules.rule import Rule
from metalearn.build import Experiment
from metalearn.config.load import load
from metalearn.evidence.selection import choose
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.programs import cgp
from outer.programs.program import compile_rule

SEEDS = range(100, 110)  # none of them was used while the settings were chosen


def found(seed: int, engine: str) -> dict[str, Any]:
    """The selection document of one run of `configs/delta_rule.yaml`: linear units, linear targets without noise, -MSE.

    There the delta rule is the best rule and no other is as good: what stops changing only where the error is 0. On
    digits it has rivals (pre*(target - post**2) is 1 % behind), and a search finds some of these.
    """
    config = load("delta_rule", [f"search.engine={engine}", f"seed={seed}"])
    experiment = Experiment(config)
    objective: Any = experiment.searched
    with Evaluator() as serial:
        history = list(evolve(objective, build("search", config.search), serial))
        return choose(experiment, serial, history)


def is_delta_rule(rule: Rule, engine: str) -> bool:
    """Proportional to (target - post)*pre on fresh random inputs, with the sign that learns."""
    language = build("search", load("delta_rule", [f"search.engine={engine}"]).search | {"constants": 2}).language()
    pre, post, w, target = samples = stream(1, "delta").standard_normal((4, 200))
    got, wanted = cgp.outputs(compile_rule(language, rule), samples), (target - post) * pre
    return bool(got @ wanted / np.sqrt((got @ got) * (wanted @ wanted)) > 1 - 1e-9)


@pytest.mark.paper
@pytest.mark.parametrize(("engine", "least"), [("beam", 8), ("cgp", 6)])
def test_the_delta_rule_is_recovered(engine: str, least: int, capsys: pytest.CaptureFixture[str]) -> None:
    """10 runs of 24 generations; every winner is printed. Wanted are 8 of 10: beam search, the config's engine, has 10.

    Cartesian genetic programming misses with 7 of 10: a small term in w stays in, which only chance rewiring drops; its
    bound here is a guard against getting worse.
    """
    winners = [Rule.from_dict(found(seed, engine).rule) for seed in SEEDS]
    hits = sum(is_delta_rule(winner, engine) for winner in winners)
    with capsys.disabled():
        for seed, winner in zip(SEEDS, winners):
            print(f"\n{engine} seed {seed}: dw = {winner.dw}", end="")
        print(f"\n{engine}: {hits} of 10 are (target - post)*pre")
    assert hits >= least
