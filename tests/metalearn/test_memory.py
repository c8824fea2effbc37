"""Predicted memory against the peak of real runs, all processes together (pytest -m memory; minutes, and a few GB)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from peak import peak
from tiny import TINY

from metalearn.build import Experiment
from metalearn.config.inheritance import StudyConfig
from metalearn.config.load import load, load_any
from metalearn.size.others import sized_baldwin, sized_comparison, sized_study
from metalearn.size.search import sized_search, sized_sweep
from metalearn.size.size import Size

WITHIN = 1.5
SEARCH = ["search", "tiny.yaml"]
BARE = ["compare.baselines=[]", "compare.lifetimes=2", "selection.lifetimes=2"]
SYNAPSES = "rule={dw: eta*err*pre, pathway: random, coefficients: {eta: {init: 0.02, transform: log, share: synapse}}}"
WIDE = "compare.main=[{{task: digits, hidden: [{0}], steps: 3}}]"
RUNS = {
    "many lives": [*SEARCH, "lifetimes=40000", "search.generations=6", *BARE],
    "wide": [*SEARCH, "network.hidden=[3000]", "life.steps=3", "search.popsize=64", "lifetimes=4", *BARE, WIDE.format(8)],
    "long lives": [*SEARCH, "life.steps=400000", "life.batch=8", "lifetimes=8", "network.hidden=[]", *BARE],
    "large batches": [*SEARCH, "engine=eager", "life.batch=3000", "network.hidden=[200]", "search.popsize=16", *BARE],
    "not separable": [*SEARCH, "engine=eager", "rule.dw=eta*tanh(a*pre*post + b*err*w)", "life.batch=100",
                      "network.hidden=[200]", "search.popsize=16", "life.steps=3", *BARE],
    "per synapse": [*SEARCH, SYNAPSES,
                    "network.hidden=[3000]", "life.steps=3", "search=es", "search.popsize=64", "search.generations=2", *BARE,
                    WIDE.format(3000)],
    "full covariance": [*SEARCH, SYNAPSES,
                        "network.hidden=[30]", "life.steps=3", "search.generations=2", "search.covariance=full", *BARE,
                        WIDE.format(30)],
    "gradients": [*SEARCH, "search={name: gradient, popsize: 4, generations: 2}", "network.hidden=[300]", "lifetimes=16",
                  "life.steps=100", *BARE],
    "workers": [*SEARCH, "evaluator={name: processes, workers: 4}", "life.steps=40000", "life.batch=8", "lifetimes=16", *BARE],
    "programs": [*SEARCH, "search={name: program, popsize: 200, generations: 2, refine_every: 0}",
                 "network.hidden=[64]", "lifetimes=4", *BARE],
    "large cells": [*SEARCH, "compare.lifetimes=4000", "compare.main=[{task: {name: digits, test: 200}, hidden: [100], steps: 20}]",
                    "evaluator={name: processes, workers: 2}"],
    "images": [*SEARCH, "task={name: mnist, test: 2000}", "network.hidden=[100]", "lifetimes=64", "life.steps=50", *BARE,
               "compare.main=[{task: {name: mnist, test: 200}, hidden: [8], steps: 3}]"],
    "lamarckian": ["baldwin", "baldwin_digits", "search.popsize=256", "search.generations=2", "network.hidden=[400]", "life.steps=5",
                   "inheritance.seeds=1", "inheritance.arms=[lamarckian]", "tracking.mode=disabled"],
    "study": ["baldwin", "papers/hinton_nowlan", "study.runs=4000", "study.generations=5"],
    "needle": ["baldwin", "papers/needle_ridge", "study.runs=300", "study.popsize=1000", "study.generations=5"],
    "sweep": ["sweep", "tiny.yaml", "--seeds", "3", "evaluator={name: processes, workers: 3}", "lifetimes=10000", *BARE],
    "comparison": ["compare", "backprop", "oja", "--config", "tiny.yaml", "--lifetimes", "20000"],
}  # fmt: skip


def predicted(arguments: list[str]) -> Size:
    """The size of the run of these arguments."""
    command, name, *rest = arguments
    changes = [a for a in rest if "=" in a]
    if command == "compare":
        config = load("tiny.yaml", [f"compare.lifetimes={rest[-1]}"])
        experiment = Experiment(config)
        from metalearn.evidence.from_anywhere import find

        return sized_comparison(experiment, [find(rule).arm.learner for rule in (name, rest[0])]).size
    found = load_any(name, changes)
    if isinstance(found, StudyConfig):
        return sized_study(found).size
    experiment = Experiment(found)
    if command == "sweep":
        return sized_sweep([experiment], int(rest[rest.index("--seeds") + 1])).size
    sized: Callable[[Experiment], object] = sized_baldwin if found.genome is not None else sized_search
    return sized(experiment).size  # type: ignore[attr-defined]


@pytest.mark.memory
@pytest.mark.parametrize("name", RUNS)
def test_prediction_is_within_a_factor(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = predicted(RUNS[name]).bytes
    env = {**os.environ, "METALEARN_CACHE": str(tmp_path / "cache"), "MPLBACKEND": "agg"}
    measured, code, output = peak([sys.executable, "-m", "metalearn.cli", *RUNS[name]], tmp_path, env)
    line = f"{name:16} predicted {said / 1e6:7,.0f} MB  measured {measured / 1e6:7,.0f} MB  ratio {said / measured:.2f}"
    print("\n" + line)
    if record := os.environ.get("METALEARN_MEMORY_TABLE"):
        with Path(record).open("a", encoding="utf-8") as table:
            table.write(line + "\n")
    assert code == 0, output[-2000:]
    assert 1 / WITHIN <= said / measured <= WITHIN, line
