"""Program search finds the delta rule from single signals, prints it, and goes on where it was interrupted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from rich.console import Console

from metalearn.build import Experiment
from metalearn.config import library
from metalearn.config.load import load
from metalearn.evidence.selection import choose, print_front
from outer.evaluators.serial import Evaluator
from outer.evolution import evolve


@pytest.mark.parametrize("engine", ["cgp", "beam"])
def test_the_delta_rule_is_found_and_printed(engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One run of `configs/delta_rule.yaml`, continued after 4 generations; 10 of each engine: tests/papers."""
    config = load("delta_rule", [f"search.engine={engine}", "search.generations=12"])
    experiment = Experiment(config)
    search: Any = experiment.search
    objective: Any = experiment.searched
    with Evaluator() as serial:
        first = [g for g, _ in zip(evolve(objective, search, serial), range(4))]
        history = first + list(evolve(objective, search, serial, first))
        document = choose(experiment, serial, history)
    pre, post, target = sympy.symbols("pre post target", real=True)
    found = library.rule({**document.rule})
    ratio = sympy.simplify(found.expression / ((target - post) * pre))
    gain = document.values["eta"] * float(ratio.subs(sympy.Symbol("eta", real=True), 1))
    assert ratio.free_symbols == {sympy.Symbol("eta", real=True)} and 0.03 < gain < 0.3
    assert np.isfinite(document.score) and document.score > -0.01
    print_front(document.front, Console(width=120))
    assert "pre*target" in capsys.readouterr().out
