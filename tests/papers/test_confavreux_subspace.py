"""Confavreux et al. 2020, the subspace network: two Taylor rules of 27 terms each, feed-forward and lateral.

What the paper's rules are: Oja among the feed-forward terms, anti-Hebb among the lateral ones.
"""

from __future__ import annotations

import numpy as np
import pytest

from metalearn.baselines import objective
from metalearn.config import load
from metalearn.experiment import check
from outer.evaluators.serial import Evaluator
from outer.objective import Objective

pytestmark = pytest.mark.paper

TARGET = {"f110": 1.0, "f021": -1.0, "l110": -1.0}  # Oja, Oja, anti-Hebb


def objective_of(seed: int) -> Objective:
    config = load("papers/confavreux_subspace", [f"seed={seed}"])
    return objective(config, check(config))


def vector(own: Objective, values: dict[str, float]) -> np.ndarray:
    return own.genome.encode(dict.fromkeys(own.rule.defaults, 0.0) | values)


def fresh_loss(own: Objective, found: np.ndarray) -> float:
    """The paper's loss without L1, averaged over units, on 100 data sets that no search has seen."""
    worlds = own.distribution.worlds("final", own.seed, ("paper",), 100, 1)
    with Evaluator() as evaluator:
        return 1.0 - float(evaluator.evaluate(own, found[None], worlds).scores.mean())


def test_the_target_rule_solves_the_task_and_needs_all_of_its_parts() -> None:
    """Both axes with the two rules; without lateral learning both units go to the first; without Oja nothing."""
    own = objective_of(0)
    assert len(own.rule.coefficients) == 54
    assert fresh_loss(own, vector(own, TARGET)) < 0.01
    assert 0.5 < fresh_loss(own, vector(own, TARGET | {"l110": 0.0})) < 0.9
    assert fresh_loss(own, vector(own, {})) > 0.9
