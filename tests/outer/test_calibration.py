"""Timing a few generations: how many, what counts as loading, and how jobs fill workers. No clock is judged here."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from outer import calibration
from outer.calibration import MOST, Pace, makespan, pace


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
    assert Pace.of(seconds) == Pace(first, each)


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
    found = pace(*[None] * 4, budget)  # type: ignore[list-item]
    assert asked[0] == lived and found.each_s == pytest.approx(costs[-1])


def test_a_search_that_fails_is_timed_as_far_as_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    def evolve(generations: int) -> Iterator[None]:
        yield from [None] * generations
        raise ValueError("nobody is left")

    monkeypatch.setattr(calibration, "evolve", lambda *_, **__: evolve(2))
    assert pace(*[None] * 4).each_s < 1  # type: ignore[list-item]
    monkeypatch.setattr(calibration, "evolve", lambda *_, **__: evolve(0))
    with pytest.raises(ValueError, match="nobody is left"):
        pace(*[None] * 4)  # type: ignore[list-item]
