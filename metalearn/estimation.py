"""Predicts time and memory of a run from a short calibration on this machine: a few generations of everything in it.

The search and every baseline are timed as they will run (racing, gradients, several workers side by side), one arm of
the comparison is lived through, and the rest follows by counting lives. What a search grows into is not foreseen:
formulas that get longer, lives that fail early.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from typing import Any, cast

from inner.components import build
from inner.rules.rule import Rule
from metalearn.baselines import arms, objective, racing
from metalearn.choosing import search_objective
from metalearn.comparison import compare
from metalearn.config import Config
from metalearn.experiment import check, evaluator_of
from metalearn.progress import clock
from outer.calibration import Pace, makespan, pace, pace_alone
from outer.evaluators.base import Evaluator
from outer.pruning import removable
from outer.searches.base import Search

SEARCH_S = 3.0  # of timing the search
BASELINES_S = 3.0  # of timing baselines, in each worker
SAMPLED = 6  # baselines that are timed at most
AROUND_S = 5.0  # starting, tracking, pictures and pages, as seen on two cores


def estimate(config: Config, console: Any) -> dict[str, float]:
    """Print and return the seconds of each stage, of what happens once, their sum, and the peak memory in MiB."""
    rule = check(config)
    own, search = search_objective(config, rule), cast(Search, build("search", config.search))
    raced, generations = racing(config), search.generations
    with evaluator_of(config) as evaluator:
        found = pace(own, search, evaluator, raced, SEARCH_S) if own.genome.size else Pace(0.0, 0.0)
        generations = generations if own.genome.size else 0
        starting, baselines = _baselines(config, rule, evaluator)
        selection = found.each_s / _share(config) * _selecting(config, rule, search)
        loading, comparison = _comparison(config, rule, evaluator)
        workers = evaluator.workers
    lives = search.popsize * config.lifetimes * generations
    once = found.first_s + starting + loading
    for child in multiprocessing.active_children():  # what workers took at most is known when they have ended
        child.join(10)
    memory = _peak_mib() + sum([_peak_mib(children=True)] * (workers if workers > 1 else 0))
    stages = {"search_s": found.first_s + found.each_s * generations, "baselines_s": starting + baselines}
    stages["comparison_s"] = loading + selection + comparison
    total = sum(stages.values()) + AROUND_S
    console.print(
        f"search     {generations} generations x {search.popsize} candidates x {config.lifetimes} lives = {lives:,} lives: "
        f"about {clock(stages['search_s'])}\nbaselines  about {clock(stages['baselines_s'])} the first time (then remembered)\n"
        f"choosing and comparing  about {clock(stages['comparison_s'])}\n"
        f"all        about {clock(total)}, of which {clock(once)} once (workers, data, compiling)\n"
        f"memory     about {memory:,.0f} MiB in {workers} worker{'s' if workers > 1 else ''}",
        highlight=False,
    )
    return stages | {"once_s": once, "total_s": total, "lifetimes": float(lives), "memory_mib": memory}


def _baselines(config: Config, rule: Rule, evaluator: Evaluator) -> tuple[float, float]:
    """Seconds that the first generations of all baselines take beyond later ones, and the seconds of tuning them all."""
    tuned = [(objective(config, r), s) for r, s in arms(config, rule).values()]
    tuned = sorted((t for t in tuned if t[0].genome.size), key=lambda t: -len(t[0].rule.coefficients))
    if not tuned:
        return 0.0, 0.0
    every = -(-len(tuned) // SAMPLED)  # neighbours are of about the same size
    timed = tuned[every // 2 :: every]
    budget = BASELINES_S * evaluator.workers / len(timed)
    found = evaluator.map(pace_alone, [(own, search, racing(config), budget) for own, search in timed])
    paces = [found[min(j // every, len(found) - 1)] for j in range(len(tuned))]
    chosen, share = config.selection, _share(config)
    jobs = []
    for (_, search), own_pace in zip(tuned, paces):
        selecting = chosen.finalists * chosen.lifetimes / (search.popsize * config.lifetimes * share)
        jobs.append(own_pace.each_s * (search.generations + selecting))
    return sum(each.first_s for each in paces) / evaluator.workers, makespan(jobs, evaluator.workers)


def _share(config: Config) -> float:
    """What racing leaves of a generation."""
    return 1.0 if config.racing is None else config.racing.at + config.racing.keep


def _selecting(config: Config, rule: Rule, search: Search) -> float:
    """Selection and pruning in generations of the search: half of what pruning may take is what it is likely to."""
    chosen, plain = config.selection, objective(config, rule)
    terms = len(removable(plain)) if plain.genome.size else 0
    variants = 1 + terms + terms * (terms + 1) / 4
    return (chosen.finalists + variants) * chosen.lifetimes / (search.popsize * config.lifetimes)


def _comparison(config: Config, rule: Rule, evaluator: Evaluator) -> tuple[float, float]:
    """Seconds of comparing all arms, from one and from three that live with the values that the rule starts from.

    What the first time takes beyond the second comes first: data, kernels.
    """
    times = []
    for count in (1, 1, 3):
        started = time.perf_counter()
        compare({f"start {arm}": (rule, rule.defaults, 0) for arm in range(count)}, config, evaluator)
        times.append(time.perf_counter() - started)
    each = max(0.0, times[2] - times[1]) / 2
    return max(0.0, times[0] - times[1]), times[1] + each * len(arms(config, rule))


def _peak_mib(children: bool = False) -> float:
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
