"""Bytes and seconds of the parts of a search: its history, its state, and the jobs of a generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from inner.life.size import Lives
from metalearn.build import Baseline, Experiment
from metalearn.makers import make_evaluator
from outer.evaluators._cuts import job_size
from outer.generation import LARGE
from outer.learner_objective import LearnerObjective
from outer.objective import Objective
from outer.searches import _descent
from outer.searches.base import Search
from outer.searches.cma import FULL_UP_TO
from outer.searches.program import Search as ProgramSearch
from outer.settings import Setting

WORLDS = 24  # settings that are drawn for a prediction at most
TIMED = 8  # of them whose time is taken for that of all
METRICS = 6000.0  # bytes of the metrics of a generation
LABEL = 330.0  # bytes of the label of a lifetime, while settings are drawn
PROGRAM = 20_000.0  # bytes of a program as an object
NAMED = 300.0  # bytes of a number of the winner in lists, documents and pages
NATIVE_RATE, EAGER_RATE = 3e9, 1.5e9  # multiply-adds in a second
NATIVE_STEP_S, EAGER_STEP_S = 1.5e-7, 1.2e-4  # of a step of one layer, whatever its size: of a life, of a block
BLOCK = 64  # networks that share a step of the eager engine


@dataclass(frozen=True, eq=False)
class Look:
    """An experiment, and what is asked of it again and again while its size is predicted."""

    experiment: Experiment
    before: Look | None = None  # of a config that differs in one number

    @cached_property
    def tuned(self) -> list[Baseline]:
        """The baselines; of a changed config those of the other one, under its own budget."""
        if self.before is None:
            return self.experiment.to_tune()
        search = self.experiment.search
        budget = {"popsize": search.popsize, "generations": search.generations}
        return [replace(found, search=replace(cast(Any, found.search), **budget)) for found in self.before.tuned]

    @cached_property
    def worlds(self) -> dict[tuple[str, int], list[Setting]]:
        """Settings that were drawn already."""
        return {}

    @cached_property
    def workers(self) -> int:
        """Workers of the evaluator, none of which has been started."""
        with make_evaluator(self.experiment.config) as evaluator:
            return evaluator.workers

    def settings(self, tier: str, shapes: int) -> list[Setting]:
        """Some of the settings that lives are drawn from, a life each."""
        count, own = min(max(shapes, 8), WORLDS), self.experiment
        if (tier, count) not in self.worlds:
            drawn = own.distribution.settings(tier, own.config.seed, ("size",), count, count)
            self.worlds[tier, count] = list(drawn)
        return self.worlds[tier, count]

    @property
    def share(self) -> float:
        """The share of a generation's steps that racing leaves."""
        raced = self.experiment.config.racing
        return 1.0 if raced is None else raced.at + raced.keep


def history(search: Search, lifetimes: float, size: int, told: bool = False) -> float:
    """Bytes of a stored generation; told: its candidates are kept whatever their size."""
    candidates = 8.0 * search.popsize * size
    return METRICS + 9.0 * search.popsize * lifetimes + 8.0 * size + (candidates if told or candidates < LARGE else 0.0)


def state(search: Search, lifetimes: float, size: int) -> float:
    """Bytes of a running search, its candidates and what their lives earned."""
    found = 3.0 * 8.0 * search.popsize * size + 4.0 * 9.0 * search.popsize * lifetimes + 20.0 * 8.0 * size
    covariance = getattr(search, "covariance", "")
    if covariance == "full" or (covariance == "auto" and size <= FULL_UP_TO):
        found += 6.0 * 8.0 * size**2
    if isinstance(search, ProgramSearch):
        found += PROGRAM * search.popsize
    return found + LABEL * lifetimes + NAMED * size


def job(objective: Objective, settings: Sequence[Setting], population: int, lifetimes: int, workers: int) -> float:
    """Bytes of the largest job of a generation of P candidates with L lifetimes in each setting."""
    parts = -(-workers // max(len(settings), 1))
    return max(_job(objective, setting, population, lifetimes, parts, None) for setting in largest(settings))


def gradient_job(
    objective: Objective, search: Search, settings: Sequence[Setting], lifetimes: int, workers: int
) -> float:
    """The same of the gradients of lives, where a search asks for them."""
    if not isinstance(search, _descent.Search):
        return 0.0
    estimator, parts = search.estimator(0, 0), -(-workers // max(len(settings), 1))
    return max(_job(objective, setting, search.popsize, lifetimes, parts, estimator) for setting in largest(settings))


def largest(settings: Sequence[Setting]) -> list[Setting]:
    """The settings with most synapses, most samples, and the most inputs."""
    measures = (
        lambda s: s.network.synapses(s.task.inputs, s.task.outputs),
        lambda s: s.steps * s.batch,
        lambda s: s.task.inputs,
    )
    return list({id(found): found for found in (max(settings, key=measure) for measure in measures)}.values())


def _job(objective: Objective, setting: Setting, population: int, lifetimes: int, parts: int, estimator: Any) -> float:
    predicted = objective.bytes_in(setting, estimator)
    if predicted is None or objective.device != "cpu":  # lives have the memory of their device
        return 0.0
    return predicted(*job_size(setting, population, lifetimes, parts, objective.device, predicted, objective.apart))


def seconds(lives: Lives, lifetimes: float) -> float:
    """Seconds of so many lives on one core, roughly."""
    layers, work = len(lives.shapes), lives.cost.multiply_adds * lives.batch
    tests = lives.sizes.test * lives.weights * lives.records
    if lives.chosen == "native":
        return lifetimes * (lives.steps * (work / NATIVE_RATE + layers * NATIVE_STEP_S) + tests / NATIVE_RATE)
    step = work / EAGER_RATE + layers * EAGER_STEP_S / min(BLOCK, max(lifetimes, 1))
    return lifetimes * (lives.steps * step + tests / EAGER_RATE)


def life_seconds(objective: Objective, settings: Sequence[Setting]) -> float:
    """Mean seconds of a life in these settings."""
    plain = getattr(objective, "plain", objective)
    if not isinstance(plain, LearnerObjective):
        return 0.0
    found = [seconds(plain.lives_in(setting), BLOCK) / BLOCK for setting in settings[:TIMED]]
    return float(np.mean(found))


def cost(search: Search) -> float:
    """Lives charged for one life of a candidate: more where gradients are estimated."""
    return 1.0 + search.estimator(0, 0).cost if isinstance(search, _descent.Search) else 1.0
