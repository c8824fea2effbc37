"""Times a few generations of a search as they will run: asked, lived, raced, told; the basis of every prediction."""

from __future__ import annotations

import time
from dataclasses import dataclass

from outer.evaluators.base import Evaluator
from outer.evaluators.serial import Evaluator as Serial
from outer.evolution import evolve
from outer.objective import Objective
from outer.racing import Racing
from outer.searches.base import Search

MOST = 16  # generations that are timed


@dataclass(frozen=True)
class Pace:
    """What a generation takes, and what the first one takes beyond that."""

    first_s: float  # workers that start, data that is read, kernels that are compiled
    each_s: float

    @classmethod
    def of(cls, seconds: list[float]) -> Pace:
        """From the seconds of generations in a row; each of the first two has something to load."""
        rest = seconds[2:] or seconds[-1:]
        each = sum(rest) / len(rest)
        return cls(max(0.0, sum(seconds[:2]) - each * len(seconds[:2])), each)


def pace(
    objective: Objective,
    search: Search,
    evaluator: Evaluator,
    racing: Racing | None = None,
    budget_s: float = 3.0,
    least: int = 3,
) -> Pace:
    """Time generations of a search from its start, at least `least` (or all there are) and then until `budget_s` is spent."""
    seconds: list[float] = []
    started = time.perf_counter()
    try:
        for _ in evolve(objective, search, evaluator, racing=racing):
            now = time.perf_counter()
            seconds.append(now - started)
            started = now
            enough = len(seconds) >= least or (len(seconds) == 2 and sum(seconds) > 3 * budget_s)
            if len(seconds) == MOST or (enough and sum(seconds[1:]) >= budget_s):
                break
    except ValueError:  # a generation of which nobody is left: the run will say so, what came before is timed
        if not seconds:
            raise
    return Pace.of(seconds)


def pace_alone(objective: Objective, search: Search, racing: Racing | None, budget_s: float) -> Pace:
    """The same in one worker, as a baseline is tuned: others of its kind run beside it."""
    return pace(objective, search, Serial(), racing, budget_s, least=2)


def makespan(jobs: list[float], workers: int) -> float:
    """Seconds until all jobs have ended that idle workers take in this order."""
    busy = [0.0] * max(workers, 1)
    for job in jobs:
        busy[busy.index(min(busy))] += job
    return max(busy)
