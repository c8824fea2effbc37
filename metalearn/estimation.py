"""Predicts time and memory of a search from a short calibration: one generation with its real worlds, on this machine."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any, cast

import numpy as np

from inner.components import build
from metalearn.baselines import arms, objective
from metalearn.config import Config
from metalearn.experiment import check, evaluator_of
from metalearn.progress import clock
from outer.evaluators.serial import Evaluator as Serial
from outer.searches.base import Search

PROBES = 6  # generations that are timed


def estimate(config: Config, console: Any) -> dict[str, float]:
    """Print and return the seconds of the search, of tuning the baselines, of what happens once, and the peak memory in MiB."""
    rule = check(config)
    own = objective(config, rule)
    search = cast(Search, build("search", config.search))
    lives = search.popsize * config.lifetimes * search.generations
    with evaluator_of(config) as evaluator:
        candidates = search.start(own.genome.start(), config.seed).ask() if own.genome.size else np.zeros((1, 0))
        first, seconds = _time(evaluator, own, candidates)
        once, jobs = first, [0.0]  # each baseline is tuned by one worker alone, several side by side
        for baseline, its_search in arms(config, rule).values():
            other = objective(config, baseline)
            if other.genome.size:
                first, each = _time(Serial(), other, its_search.start(other.genome.start(), config.seed).ask())
                once += first
                jobs.append(each * its_search.generations)
        workers = evaluator.workers
    memory = _peak_mib() + sum([_peak_mib(children=True)] * (workers if workers > 1 else 0))
    found = {
        "search_s": seconds * search.generations,
        "baselines_s": max(max(jobs), sum(jobs) / workers),
        "once_s": once,
        "lifetimes": float(lives),
        "memory_mib": memory,
    }
    console.print(
        f"search    {search.generations} generations x {search.popsize} candidates x {config.lifetimes} lives = {lives:,} lives: "
        f"about {clock(found['search_s'])}\nat first  about {clock(found['once_s'])} (workers, data, compiling)\n"
        f"baselines about {clock(found['baselines_s'])} the first time (then remembered)\n"
        f"memory    about {memory:,.0f} MiB in {workers} worker{'s' if workers > 1 else ''}",
        highlight=False,
    )
    return found


def _time(evaluator: Any, own: Any, candidates: np.ndarray) -> tuple[float, float]:
    """What only the first generation takes (workers, data, compiling), and the mean seconds of PROBES later ones."""
    times = []
    for generation in range(PROBES + 2):  # two at first: each worker has something to load
        started = time.perf_counter()
        evaluator.evaluate(own, candidates, own.worlds(generation))
        times.append(time.perf_counter() - started)
    each = sum(times[2:]) / PROBES
    return max(0.0, times[0] + times[1] - 2 * each), each


def _peak_mib(children: bool = False) -> float:
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
