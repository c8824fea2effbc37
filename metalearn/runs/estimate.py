"""Predicts time and memory of a run from a short calibration on this machine: a few generations of everything in it.

What does not fit into memory is refused first, and what would take long to calibrate is predicted from its sizes. The
search and every baseline are timed as they will run (racing, gradients, several workers side by side), one arm of the
comparison is lived through, and the rest follows by counting lives. What a search grows into is not foreseen: formulas
that get longer, lives that fail early.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from metalearn.build import Experiment
from metalearn.config.schema import Config
from metalearn.evidence.arms import Arm
from metalearn.evidence.comparison import compare
from metalearn.makers import make_evaluator
from metalearn.progress import clock
from metalearn.runs.search import check
from metalearn.size.parts import Look
from metalearn.size.search import search_size
from metalearn.size.size import AROUND_S, MIB, Size
from outer.calibration import Pace, differentiates, makespan, pace, pace_alone
from outer.evaluators.base import Evaluator
from outer.evidence.pruning import removable
from outer.evidence.setting_tuning import GRIDS

SEARCH_S = 3.0  # of timing the search
BASELINES_S = 3.0  # of timing baselines, in each worker
SAMPLED = 6  # baselines that are timed at most
LONG_S, LEAST = 600.0, 5  # where so many generations take longer by their sizes, nothing is timed


def estimate(config: Config, console: Any) -> dict[str, float]:
    """Print and return the seconds of each stage, of what happens once, their sum, and the peak memory in MiB."""
    experiment = check(config)
    own, search = experiment.searched, experiment.search
    generations = search.generations
    sized = search_size(Look(experiment))
    if LEAST * sized.seconds / generations > LONG_S:
        return _from_sizes(sized, console)
    with make_evaluator(config) as evaluator:
        found = pace(own, search, evaluator, experiment.racing, SEARCH_S) if own.genome.size else Pace(0.0, 0.0)
        generations = generations if own.genome.size else 0
        starting, baselines = _baselines(experiment, evaluator)
        selection = _selection(experiment, evaluator, found)
        loading, comparison = _comparison(experiment, evaluator)
        workers = evaluator.workers
    lives = search.popsize * config.lifetimes * generations
    once = found.first_s + starting + loading
    memory = _peak_mib() + sum([_peak_mib(children=True)] * (workers if workers > 1 else 0))
    stages = {"search_s": found.first_s + found.each_s * generations, "baselines_s": starting + baselines}
    stages["comparison_s"] = loading + selection + comparison
    total = sum(stages.values()) + AROUND_S
    console.print(
        f"search     {generations} generations x {search.popsize} candidates x {config.lifetimes} lives = {lives:,} lives: "
        f"about {clock(stages['search_s'])}\nbaselines  about {clock(stages['baselines_s'])} the first time (then remembered)\n"
        f"selection, comparison  about {clock(stages['comparison_s'])}\n"
        f"all        about {clock(total)}, of which {clock(once)} once (workers, data, compiling)\n"
        f"memory     about {memory:,.0f} MiB in {workers} worker{'s' if workers > 1 else ''}",
        highlight=False,
    )
    return stages | {"once_s": once, "total_s": total, "lifetimes": float(lives), "memory_mib": memory}


def _from_sizes(sized: Size, console: Any) -> dict[str, float]:
    """What the sizes say, without a calibration."""
    memory = sized.bytes / MIB
    console.print(
        f"a few generations would take too long to time; from sizes alone:\nall        about {clock(sized.seconds)}\n"
        f"memory     about {memory:,.0f} MiB in {sized.workers} worker{'s' if sized.workers > 1 else ''}",
        highlight=False,
    )
    return {"total_s": sized.seconds, "memory_mib": memory}


def _baselines(experiment: Experiment, evaluator: Evaluator) -> tuple[float, float]:
    """Seconds that the first generations of all baselines take beyond later ones, and the seconds of tuning them all."""
    config = experiment.config
    tuned = [(experiment.objective_of(each.learner, each.birth), each.search) for each in experiment.to_tune()]
    tuned = sorted((t for t in tuned if t[0].genome.size), key=lambda t: -len(t[0].learner.coefficients))
    if not tuned:
        return 0.0, 0.0
    timed = _representatives([type(search).__module__ for _, search in tuned])
    each = sorted(set(timed))
    budget = BASELINES_S * evaluator.workers / len(each)
    paces = dict(zip(each, evaluator.map(pace_alone, [(*tuned[j], experiment.racing, budget) for j in each])))
    chosen, share = config.selection, _share(config)
    jobs = []
    for (own, search), representative in zip(tuned, timed):
        judged = chosen.finalists * chosen.lifetimes / (search.popsize * config.lifetimes * share)
        # beside lives that are differentiated, plain ones take next to no time
        generations = search.generations + (0.0 if differentiates(own, search) else judged)
        jobs.append(paces[representative].each_s * generations)
    return sum(paces[j].first_s for j in timed) / evaluator.workers, makespan(jobs, evaluator.workers)


def _representatives(searches: list[str]) -> list[int]:
    """For every arm, by the name of its search, the arm that is timed for it: neighbours are of about the same size."""
    found = [0] * len(searches)
    for name in set(searches):
        group = [j for j, other in enumerate(searches) if other == name]
        every = -(-len(group) // SAMPLED)
        for n, j in enumerate(group):
            found[j] = group[min(n // every * every + every // 2, len(group) - 1)]
    return found


def _share(config: Config) -> float:
    """The share of a generation's steps that racing leaves."""
    return 1.0 if config.racing is None else config.racing.at + config.racing.keep


def _selection(experiment: Experiment, evaluator: Evaluator, found: Pace) -> float:
    """Seconds of selection and pruning; half of what pruning may take is what it is likely to."""
    config, own, search, plain = experiment.config, experiment.searched, experiment.search, experiment.objective
    chosen = config.selection
    if not plain.genome.size:
        return 0.0
    terms = len(removable(plain))
    lives = (chosen.finalists + 1 + terms + terms * (terms + 1) / 4) * chosen.lifetimes
    if not differentiates(own, search):
        return found.each_s / _share(config) * lives / (search.popsize * config.lifetimes)
    settings = own.distribution.settings("select", own.seed, (0,), chosen.lifetimes, chosen.shapes)
    seconds = []
    for _ in range(2):  # the first time may compile
        started = time.perf_counter()
        evaluator.evaluate(own, own.genome.start()[None], settings)
        seconds.append(time.perf_counter() - started)
    return max(seconds[0] - seconds[1], 0.0) + seconds[1] * lives / chosen.lifetimes


def _comparison(experiment: Experiment, evaluator: Evaluator) -> tuple[float, float]:
    """Seconds of comparing all arms, from one and from three that live with the values that the rule starts from.

    What the first time takes beyond the second comes first: data, kernels.
    """
    times, learner = [], experiment.learner
    for count in (1, 1, 3):
        started = time.perf_counter()
        values = {c.name: c.init for c in learner.coefficients}
        compare({f"start {arm}": Arm(learner, values) for arm in range(count)}, experiment, evaluator)
        times.append(time.perf_counter() - started)
    each = max(0.0, times[2] - times[1]) / 2
    arms, config = len({each.name for each in experiment.to_tune()}), experiment.config
    points = GRIDS[1].first + len(GRIDS[1].finer) * GRIDS[1].then  # of a grid over one coefficient
    grids = points * len(experiment.births) * config.selection.lifetimes / config.compare.lifetimes
    return max(0.0, times[0] - times[1]), times[1] + each * (arms + len(config.compare.per_cell) * (1 + grids))


def _peak_mib(children: bool = False) -> float:
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
