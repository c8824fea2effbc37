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
from outer.searches.base import Search

PROBES = 3  # generations that are timed


def estimate(config: Config, console: Any) -> dict[str, float]:
    """Print and return the seconds of the search, of tuning the baselines, and the peak memory in MiB."""
    rule = check(config)
    own = objective(config, rule)
    search = cast(Search, build("search", config.search))
    lives = search.popsize * config.lifetimes * search.generations
    with evaluator_of(config) as evaluator:
        candidates = search.start(own.genome.start(), config.seed).ask() if own.genome.size else np.zeros((1, 0))
        evaluator.evaluate(own, candidates, own.worlds(0))  # starts the workers, loads the data
        seconds = _time(evaluator, own, candidates)
        jobs = 0.0
        for baseline, its_search in arms(config, rule).values():
            other = objective(config, baseline)
            if other.genome.size:
                jobs += _time(evaluator, other, its_search.start(other.genome.start(), config.seed).ask())
        workers = evaluator.workers
    memory = _peak_mib() + sum([_peak_mib(children=True)] * (workers if workers > 1 else 0))
    found = {
        "search_s": seconds * search.generations,
        "baselines_s": jobs * search.generations,
        "lifetimes": float(lives),
        "memory_mib": memory,
    }
    console.print(
        f"search    {search.generations} generations x {search.popsize} candidates x {config.lifetimes} lives = {lives:,} lives: "
        f"about {clock(found['search_s'])}\nbaselines about {clock(found['baselines_s'])} the first time (then remembered)\n"
        f"memory    about {memory:,.0f} MiB in {workers} worker{'s' if workers > 1 else ''}",
        highlight=False,
    )
    return found


def _time(evaluator: Any, own: Any, candidates: np.ndarray) -> float:
    """Mean seconds of a generation over PROBES different ones."""
    started = time.perf_counter()
    for generation in range(1, PROBES + 1):
        evaluator.evaluate(own, candidates, own.worlds(generation))
    return (time.perf_counter() - started) / PROBES


def _peak_mib(children: bool = False) -> float:
    peak = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
