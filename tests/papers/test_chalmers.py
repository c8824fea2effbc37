"""Chalmers 1990: ten runs of a genetic algorithm on 35 bits (`pytest -m paper`; some minutes)."""

from __future__ import annotations

import numpy as np
import pytest

from metalearn.config.load import load
from metalearn.makers import make_evaluator
from metalearn.runs.search import check
from metalearn.runs.sweep import sweep
from outer.evaluators.serial import Evaluator

pytestmark = pytest.mark.paper


def is_delta(values: dict[str, float]) -> bool:
    """k0 (k8 a o + k9 a t) with nothing else, of the sign that descends."""
    others = [v for name, v in values.items() if name not in ("k0", "k8", "k9")]
    return not any(others) and values["k0"] * values["k9"] > 0 and values["k8"] == -values["k9"]


def test_the_delta_rule_in_this_protocol() -> None:
    """(a) at least 0.96: the learning rate 8 of the published chromosome, dw = 4 (2 a t - 2 a o)."""
    config = load("papers/chalmers")
    own = check(config).objective
    values = dict.fromkeys(own.learner.formula.defaults, 0.0) | {"k0": 4.0, "k8": -2.0, "k9": 2.0}
    assert is_delta(values)
    settings = own.distribution.settings("search", 0, ("delta",), 200, 1)
    with Evaluator() as evaluator:
        score = 1 + evaluator.evaluate(own, own.genome.encode(values)[None], settings).scores.mean()
    print(f"delta rule {score:.3f}")
    assert score >= 0.96


def test_ten_runs() -> None:
    """(b) mean best 0.89 .. 0.95, (c) the delta rule at least once, (d) unseen within 3 points of seen."""
    with make_evaluator(load("papers/chalmers")) as evaluator:
        row = sweep("papers/chalmers", [], None, 10, evaluator).rows[0]
    best = np.array([1 + run.fitness for run in row.runs])
    delta = [run.seed for run in row.runs if is_delta(run.values)]
    seen, unseen = 1 + row.seen.mean, 1 + row.unseen.mean
    print(f"best {best.mean():.3f} ({best.min():.2f} .. {best.max():.2f}), delta in {delta}, {seen:.3f} / {unseen:.3f}")
    for run in row.runs:
        print(run.seed, f"{1 + run.fitness:.3f}", f"{1 + run.unseen:.3f}", run.formula)
    assert 0.89 <= best.mean() <= 0.95
    assert delta
    assert seen - unseen < 0.03


def test_few_tasks_give_rules_for_those_tasks() -> None:
    """A clear drop on unseen mappings where only one or two were seen, against twenty (five runs each)."""
    with make_evaluator(load("papers/chalmers")) as evaluator:
        rows = sweep("papers/chalmers", ["search.generations=300"], "task.tasks=1,20", 5, evaluator).rows
    one, twenty = rows
    print(f"gap with one mapping {one.seen.mean - one.unseen.mean:.3f}, unseen {1 + one.unseen.mean:.3f}")
    assert one.seen.mean - one.unseen.mean > 0.10
    assert twenty.unseen.mean > one.unseen.mean + 0.10
