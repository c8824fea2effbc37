"""Confavreux et al. 2020: CMA-ES over 27 Taylor terms finds Oja's rule (`pytest -m paper`; about 15 s a seed)."""

from __future__ import annotations

import time

import numpy as np
import pytest

from inner.random import stream
from metalearn.config.load import load
from metalearn.runs.search import check
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve
from outer.learner_objective import LearnerObjective
from outer.searches.base import Search

pytestmark = pytest.mark.paper

PAPERS = ("confavreux", "confavreux_d5")


def setting(name: str, seed: int) -> tuple[LearnerObjective, Search, np.ndarray]:
    """The objective, the search and Oja's vector [27]."""
    from inner.components import build

    config = load(f"papers/{name}", [f"seed={seed}"])
    own = check(config).objective
    oja = dict.fromkeys(own.learner.formula.defaults, 0.0) | {"c110": 1.0, "c021": -1.0}
    search = build("search", config.search)
    assert isinstance(search, Search) and search.generations <= 150
    return own, search, own.genome.encode(oja)


def fresh_loss(own: LearnerObjective, vector: np.ndarray) -> float:
    """The paper's loss without L1 on 100 data sets that no search has seen."""
    settings = own.distribution.settings("final", own.seed, ("paper",), 100, 1)
    with Evaluator() as evaluator:
        return 1.0 - float(evaluator.evaluate(own, vector[None], settings).scores.mean())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", PAPERS)
def test_oja_is_found(name: str, seed: int) -> None:
    """Loss < 0.10, the two largest terms are x y (+) and y^2 w (-), and the angle to Oja's rule is < 25 degrees."""
    own, search, oja = setting(name, seed)
    started = time.perf_counter()
    with Evaluator() as evaluator:
        found = list(evolve(own, search, evaluator))[-1].recommendation
    seconds = time.perf_counter() - started
    angle = np.degrees(np.arccos(found @ oja / np.linalg.norm(found) / np.linalg.norm(oja)))
    first, second = (own.genome.names[d] for d in np.argsort(-np.abs(found))[:2])
    loss = fresh_loss(own, found)
    shuffled = fresh_loss(own, stream(seed, "shuffled").permutation(found))
    values = own.genome.values(found)
    print(f"{name} seed {seed}: loss {loss:.3f}, angle {angle:.1f}, shuffled {shuffled:.2f}, {seconds:.0f} s")
    assert loss < 0.10
    assert {first, second} == {"c110", "c021"} and values["c110"] > 0 > values["c021"]
    assert angle < 25.0
    assert shuffled >= 0.5


@pytest.mark.parametrize("name", PAPERS)
def test_oja_itself_solves_the_task_and_no_rule_does_not(name: str) -> None:
    own, _, oja = setting(name, 0)
    assert fresh_loss(own, oja) < 0.05
    assert fresh_loss(own, 0.0 * oja) > 0.9
