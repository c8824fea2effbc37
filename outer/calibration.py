"""Times a few generations of a search as they will run, racing included: the basis of predictions of time."""

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
PLANNED = 500  # generations whose settings are drawn for the prediction
OPERATIONS = 5e4  # overhead of torch in a step of one layer, in synapses


@dataclass(frozen=True)
class Pace:
    """Seconds of a generation, and the extra seconds of the first one."""

    first_s: float  # starting workers, reading data, compiling kernels
    each_s: float

    @classmethod
    def of(cls, seconds: list[float], loads: list[float]) -> Pace:
        """From the seconds of the first generations and the workloads of all planned ones; the first two start things."""
        last = slice(2 if len(seconds) > 2 else -1, len(seconds))
        rate = sum(seconds[last]) / sum(loads[: len(seconds)][last])
        begun = sum(seconds[:2]) - rate * sum(loads[: len(seconds[:2])])
        return cls(max(0.0, begun), rate * sum(loads) / len(loads))


def workload(settings: Sequence[Setting], population: int = 1, layer_overhead: float = 0.0) -> float:
    """Time that lives in these settings take, up to a factor: generations differ in length and size of their settings.

    layer_overhead: time of a step of one layer beside that of its synapses, counted in synapses.
    """
    lives = [population * len(w.labels) for w in settings]
    return float(sum(w.steps * sum(layer_overhead + n * i * o for i, o in w.shapes) for w, n in zip(settings, lives)))


def differentiates(objective: Objective, search: Search) -> bool:
    """True where the search asks for gradients of lives."""
    return search.start(objective.genome.start(), objective.seed).estimator() is not None


def layer_overhead(objective: Objective, search: Search) -> float:
    """The argument of `workload`: 0 for kernels, which spend next to nothing beside the synapses; torch's operations do."""
    native = not differentiates(objective, search) and objective.engine_in(objective.settings(0)[0]) == "native"
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
    except ValueError:  # every life of a generation failed: the run will say so; the generations before it are timed
        if not seconds:
            raise
    planned = max(len(seconds), min(search.generations, PLANNED))
    overhead = layer_overhead(objective, search)
    return Pace.of(seconds, [workload(objective.settings(g), search.popsize, overhead) for g in range(planned)])


def pace_alone(objective: Objective, search: Search, racing: Racing | None, budget_s: float) -> Pace:
    """The pace in one worker, as baselines are tuned: several beside each other."""
    return pace(objective, search, Serial(), racing, budget_s, least=2)


def makespan(jobs: list[float], workers: int) -> float:
    """Seconds until all jobs have ended when every idle worker takes the next one."""
    busy = [0.0] * max(workers, 1)
    for job in jobs:
        busy[busy.index(min(busy))] += job
    return max(busy)
