"""The predicted size of a league: every learner's tuning, its fresh lives, and the memory of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inner.life.size import Lives
from inner.networks.base import Network
from inner.tasks.base import Task
from metalearn.config.league import LeagueConfig, validate_league
from metalearn.config.sections import Plain
from metalearn.evidence.league import POINTS, League, cells_of
from metalearn.evidence.league_documents import LeaguePlan
from metalearn.makers import make_evaluator
from metalearn.size.door import Sized
from metalearn.size.parts import LABEL, job, life_seconds, seconds
from metalearn.size.search import CONFIG, searched
from metalearn.size.size import Size, in_turn
from outer.evaluators._cuts import lifetimes_within
from outer.learner_objective import LearnerObjective
from outer.listed import Listed
from outer.settings import Setting

COUNTED_S = 0.05  # seconds of counting the memory of a step, a layer


def league_size(league: League) -> Size:
    """Tuning, then lives, then memory, each job in a worker of its own."""
    with make_evaluator(league.experiment.config) as evaluator:
        workers = evaluator.workers
    objectives = [league.objective(learner.lives_as) for learner in league.learners.values()]
    return in_turn([_tuning(league, objectives, workers), _living(league, objectives, workers), _counting(league, workers)])


def _places(own: LearnerObjective) -> tuple[Setting, ...]:
    assert isinstance(own.distribution, Listed)
    return own.distribution.places


def _tuning(league: League, objectives: Sequence[LearnerObjective], workers: int) -> Size:
    experiment, most, work = league.experiment, 0.0, 0.0
    config, search, chosen = experiment.config, experiment.search, experiment.config.selection
    for own in objectives:
        if not own.genome.size:
            continue
        settings = [replace(place, labels=(("size", 0),)) for place in _places(own)]
        held, each = searched(own, search, settings, config, 1)
        judged = -(-chosen.lifetimes // min(chosen.shapes, chosen.lifetimes))
        held += (60.0 * chosen.finalists + LABEL) * chosen.lifetimes
        each = max(each, job(own, settings, chosen.finalists, judged, 1))
        lives = search.popsize * config.lifetimes * search.generations + chosen.finalists * chosen.lifetimes
        most, work = max(most, held + each), work + lives * life_seconds(own, settings) * len(league.births)
    return Size(0.0, most, work / workers, workers)


def _living(league: League, objectives: Sequence[LearnerObjective], workers: int) -> Size:
    most, work, fresh = 0.0, 0.0, league.config.fresh
    for own in objectives:
        values = sum(own.coefficients.counts)
        longest: dict[tuple[Network, Task], Setting] = {}  # one length of life stands for all
        for place in _places(own):
            at = place.network, place.task
            longest[at] = max(longest.get(at, place), place, key=lambda s: s.steps)
        for place in longest.values():
            alike = sum(other.steps for other in _places(own) if (other.network, other.task) == (place.network, place.task))
            lives = Lives(
                own.learner_in(place).lives_as, place.task, "final", place.steps, place.batch, POINTS + 2,
                league.config.engine, league.experiment.device, values,
            )  # fmt: skip
            most = max(most, lives.bytes(1, lifetimes_within(fresh, lives.bytes)))
            work += seconds(lives, fresh) * alike / place.steps
    results = len(objectives) * len(league.plan.cells) * (fresh * 40 * 24.0 + CONFIG)
    return Size(results, most, work / workers, workers)


def _counting(league: League, workers: int) -> Size:
    depths = league.config.memory
    return Size(0.0, 0.0, len(league.learners) * sum(depths) * COUNTED_S / workers, workers)


def sized_league(config: LeagueConfig, plan: LeaguePlan) -> Sized:
    """A league before it has begun."""

    def predict(plain: Plain) -> Size:
        changed = validate_league(plain)
        return league_size(League(changed, plan.model_copy(update={"cells": cells_of(changed), "batch": changed.batch})))

    return Sized(league_size(League(config, plan)), config.plain(), predict)
