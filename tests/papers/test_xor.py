"""XOR and parity without an error signal: only a scalar reward, and only mistakes teach (`pytest -m paper`; about a minute).

Which information enters: one scalar reward (right or wrong) per pattern. The rule is the depression of active synapses
after a mistake (Chialvo & Bak 1999; Klemm, Bornholdt & Schuster 2000), without their counters.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inner.rules.rule import Rule
from inner.tasks._controls import Shuffled
from metalearn.build import Experiment
from metalearn.config import library
from metalearn.config.load import load
from metalearn.config.schema import CellConfig
from outer.evidence.fresh_lives import live_fresh
from outer.settings import Setting

pytestmark = pytest.mark.paper
SEEDS = 50


def parity_by_reward(bits: int, hidden: int, steps: int) -> tuple[Rule, Setting]:
    config = load("papers/xor")
    cell = CellConfig(task={"name": "parity", "bits": bits}, hidden=(hidden,), steps=steps)
    return library.rule(config.rule), Experiment(config).setting(cell, SEEDS)


def solved(rule: Rule, setting: Setting) -> np.ndarray:
    return live_fresh(rule, rule.defaults, setting, 0, points=2).scores


@pytest.mark.parametrize("bits, hidden, steps, least", [(2, 16, 2000, 0.8), (3, 64, 5000, 0.8), (4, 64, 20000, 0.7)])
def test_parity_is_learned_from_reward_alone(bits: int, hidden: int, steps: int, least: float) -> None:
    """All patterns right in at least 80 % of 50 seeds (4 bits: 70 %)."""
    rule, setting = parity_by_reward(bits, hidden, steps)
    assert rule.pathway == "none" and not rule.signals & {"err", "feedback", "pre_err", "target"}
    scores = solved(rule, setting)
    control = solved(rule, replace(setting, task=Shuffled(setting.task)))
    print(f"{bits} bits: {np.mean(scores == 1):.2f} of {SEEDS} seeds solved, reward shuffled {control.mean():.3f}")
    assert np.mean(scores == 1.0) >= least
    assert abs(control.mean() - 0.5) < 4 * 0.5 / np.sqrt(SEEDS * 2**bits)


def test_hebb_and_reward_times_hebb_do_not_learn_it() -> None:
    _, setting = parity_by_reward(2, 16, 2000)
    for dw in ("0.05*pre*post", "0.05*reward*pre*post"):
        assert np.mean(solved(Rule.from_dict({"dw": dw}), setting) == 1.0) < 0.2
