"""Times a few generations of a search as they will run: asked, lived, raced, told; the basis of every prediction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from outer.evaluators.base import Evaluator
from outer.evaluators.serial import Evaluator as Serial
from outer.evolution import evolve
from outer.objective import Objective
from outer.racing import Racing
from outer.searches.base import Search
from outer.settings import Setting

MOST = 16  # generations that are timed
PLANNED = 500  # generations whose settings are looked at
OPERATIONS = 5e4  # synapses whose step takes as long as what torch spends on a layer's step, however small the layer is


@dataclass(frozen=True)
class Pace:
    """What a generation takes, and what the first one takes beyond that."""

    first_s: float  # workers that start, data that is read, kernels that are compiled
    each_s: float

    @classmethod
    def of(cls, seconds: list[float], loads: list[float]) -> Pace:
        """From the seconds of generations in a row and the loads of all that will be; the first two have things to load."""
        last = slice(2 if len(seconds) > 2 else -1, len(seconds))
        rate = sum(seconds[last]) / sum(loads[: len(seconds)][last])
        begun = sum(seconds[:2]) - rate * sum(loads[: len(seconds[:2])])
        return cls(max(0.0, begun), rate * sum(loads) / len(loads))


def load(settings: Sequence[Setting], population: int = 1, each_layer: float = 0.0) -> float:
    """What living in these settings takes, up to a factor: settings differ, and a few generations may have drawn long ones.

    each_layer: what a step of one layer takes beside the synapses of all its networks, in synapses.
    """
    lives = [population * len(w.labels) for w in settings]
    return float(sum(w.steps * sum(each_layer + n * i * o for i, o in w.shapes) for w, n in zip(settings, lives)))


def graded(objective: Objective, search: Search) -> bool:
    """Whether lives are differentiated."""
    return search.start(objective.genome.start(), objective.seed).estimator() is not None


def each_layer(objective: Objective, search: Search) -> float:
    """The argument of `load`: kernels spend next to nothing beside the synapses, torch's operations do."""
    native = not graded(objective, search) and objective.engine_in(objective.settings(0)[0]) == "native"
    return 0.0 if native else OPERATIONS


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
    planned = max(len(seconds), min(search.generations, PLANNED))
    beside = each_layer(objective, search)
    return Pace.of(seconds, [load(objective.settings(g), search.popsize, beside) for g in range(planned)])


def pace_alone(objective: Objective, search: Search, racing: Racing | None, budget_s: float) -> Pace:
    """The same in one worker, as a baseline is tuned: others of its kind run beside it."""
    return pace(objective, search, Serial(), racing, budget_s, least=2)


def makespan(jobs: list[float], workers: int) -> float:
    """Seconds until all jobs have ended that idle workers take in this order."""
    busy = [0.0] * max(workers, 1)
    for job in jobs:
        busy[busy.index(min(busy))] += job
    return max(busy)
