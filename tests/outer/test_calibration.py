"""Timing a few generations: how many, what counts as loading, and how jobs fill workers. No clock is judged here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from inner.components import build
from inner.engines.native import compiler
from inner.rules.rule import Rule
from outer import calibration
from outer.calibration import MOST, OPERATIONS, Pace, differentiates, layer_overhead, makespan, pace, workload
from outer.learner_objective import LearnerObjective
from outer.settings import Distribution

OWN: Any = SimpleNamespace(settings=lambda generation: ())
SEARCH: Any = SimpleNamespace(generations=60, popsize=4)


@pytest.mark.parametrize(
    "seconds, first, each",
    [
        ([5.0, 2.0, 1.0, 1.0], 5.0, 1.0),  # two that load, then the pace
        ([5.0, 2.0], 3.0, 2.0),
        ([5.0], 0.0, 5.0),
        ([0.5, 0.5, 1.0], 0.0, 1.0),  # never negative
    ],
)
def test_pace(seconds: list[float], first: float, each: float) -> None:
    assert Pace.of(seconds, [7.0] * 9) == Pace(first, pytest.approx(each))


def test_generations_that_drew_long_lives_count_for_what_they_are() -> None:
    """Three times the load takes three times as long; those that are still to come are lighter."""
    found = Pace.of([4.0, 3.0, 9.0, 3.0], [1.0, 1.0, 3.0, 1.0, 1.0, 2.0, 1.0, 1.0])
    assert found.each_s == pytest.approx(3.0 * 11 / 8) and found.first_s == pytest.approx(1.0)


def test_workload() -> None:
    shape = Distribution({"name": "linear", "inputs": 4, "outputs": 2}, width=(3, 3), steps=(10, 10))
    (one,), (two, three) = (shape.settings("search", 0, (0,), lives, lives) for lives in (1, 2))
    assert workload([one]) == 10 * (4 * 3 + 3 * 2) and workload([two, three]) == 2 * workload([one])
    assert workload([one], 5) == 5 * workload([one]) and workload([one], 5, 100.0) == workload([one], 5) + 10 * 2 * 100


def test_lives_in_torch_are_charged_for_operations() -> None:
    distribution = Distribution({"name": "linear", "inputs": 4, "outputs": 2}, width=(3, 3), steps=(10, 10))
    cma, gradient = (
        build("search", {"name": name, "popsize": 4, "generations": 2, **options})
        for name, options in (("cma", {}), ("gradient", {"lr": 0.1}))
    )
    own = LearnerObjective(Rule("a*pre*err"), distribution, 0)
    assert differentiates(own, gradient) and not differentiates(own, cma)
    assert layer_overhead(replace(own, engine="eager"), cma) == layer_overhead(own, gradient) == OPERATIONS
    if not compiler.problem():
        assert layer_overhead(own, cma) == 0.0


def test_makespan() -> None:
    assert makespan([4.0, 3.0, 2.0, 2.0], 2) == 6.0 and makespan([4.0, 3.0], 1) == 7.0
    assert makespan([4.0, 1.0, 1.0], 8) == 4.0 and makespan([], 2) == 0.0


@pytest.mark.parametrize(
    "costs, budget, lived",
    [
        ([1.0] * 50, 3.0, 4),  # the first does not count
        ([0.01] * 50, 3.0, MOST),
        ([1.0, 1.0], 9.0, 2),  # all there are
        ([30.0, 20.0, 20.0, 20.0], 3.0, 2),  # long ones: no more than needed
    ],
)
def test_how_many_generations_are_timed(
    costs: list[float], budget: float, lived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, asked = [0.0], [0]

    def evolve(*_: object, **__: object) -> Iterator[None]:
        for cost in costs:
            clock[0] += cost
            asked[0] += 1
            yield

    monkeypatch.setattr(calibration, "evolve", evolve)
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(calibration, "workload", lambda *_: 1.0)
    monkeypatch.setattr(calibration, "layer_overhead", lambda *_: 0.0)
    found = pace(OWN, SEARCH, *[None] * 2, budget)
    assert asked[0] == lived and found.each_s == pytest.approx(costs[-1])


def test_a_search_that_fails_is_timed_as_far_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    def evolve(generations: int) -> Iterator[None]:
        yield from [None] * generations
        raise ValueError("nobody is left")

    monkeypatch.setattr(calibration, "workload", lambda *_: 1.0)
    monkeypatch.setattr(calibration, "layer_overhead", lambda *_: 0.0)
    monkeypatch.setattr(calibration, "evolve", lambda *_, **__: evolve(2))
    assert pace(OWN, SEARCH, *[None] * 2).each_s < 1
    monkeypatch.setattr(calibration, "evolve", lambda *_, **__: evolve(0))
    with pytest.raises(ValueError, match="nobody is left"):
        pace(OWN, SEARCH, *[None] * 2)
