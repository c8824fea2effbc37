"""The predicted size of a run of `metalearn search`, stage by stage: search, selection, tuning of baselines, comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inner.learners.base import Learner
from inner.life.size import Lives
from metalearn.build import Experiment
from metalearn.config.schema import CellConfig, Config, validate
from metalearn.config.sections import Plain
from metalearn.size.door import Sized
from metalearn.size.parts import NAMED, Look, cost, gradient_job, history, job, life_seconds, seconds, state
from metalearn.size.size import Size, in_turn
from outer.evaluators._cuts import lifetimes_within
from outer.evidence.fresh_lives import DRAWN, RESAMPLES
from outer.objective import Objective
from outer.searches.base import Search
from outer.settings import Setting

CONFIG = 60_000.0  # bytes of a config and what is made of it, waiting for its turn
POINTS = 12  # of a learning curve in a comparison
PRUNED = 3  # rounds of leaving terms out that are likely


def search_size(look: Look) -> Size:
    """A whole run of a search."""
    return in_turn(stage(look, look.workers) for stage in (searching, selecting, tuning, comparing))


def sized_search(experiment: Experiment) -> Sized:
    """A run of a search before it has begun."""
    look = Look(experiment)
    return Sized(search_size(look), experiment.config.plain(), lambda plain: search_size(changed(look, plain)))


def changed(look: Look, plain: Plain) -> Look:
    """A look at a config with another number in it; what begins with -- is no key of it. Raises ValueError."""
    return Look(Experiment(validate({key: value for key, value in plain.items() if not key.startswith("--")})), look)


def searching(look: Look, workers: int) -> Size:
    """The search itself; its generations stay in memory."""
    own, search, config = look.experiment.searched, look.experiment.search, look.experiment.config
    if not own.genome.size:
        return Size(workers=workers)
    settings = look.settings("search", config.shapes)
    held, each = searched(own, search, settings, config, workers)
    lives = search.popsize * config.lifetimes * search.generations
    work = lives * cost(search) * look.share * life_seconds(own, settings)
    return Size(held, each, work / workers, workers)


def searched(
    own: Objective, search: Search, settings: Sequence[Setting], config: Config, workers: int
) -> tuple[float, float]:
    """Bytes of history and state of a search, and of its largest job."""
    size, lifetimes = own.genome.size, config.lifetimes
    count = -(-lifetimes // min(config.shapes, lifetimes))
    held = search.generations * history(search, lifetimes, size) + state(search, lifetimes, size)
    largest = job(own, settings, search.popsize, count, workers)
    return held, max(largest, gradient_job(own, search, settings, count, workers))


def selecting(look: Look, workers: int) -> Size:
    """Selection and pruning; the search's history is still there."""
    experiment = look.experiment
    own, search, chosen = experiment.searched, experiment.search, experiment.config.selection
    if not own.genome.size:
        return Size(workers=workers)
    settings = look.settings("select", chosen.shapes)
    terms = len(experiment.learner.coefficients)
    candidates, count = max(chosen.finalists, terms), -(-chosen.lifetimes // min(chosen.shapes, chosen.lifetimes))
    held = search.generations * history(search, experiment.config.lifetimes, own.genome.size)
    held += state(search, 0, own.genome.size) + 60.0 * candidates * chosen.lifetimes + 330.0 * chosen.lifetimes
    work = (chosen.finalists + 1 + PRUNED * terms) * chosen.lifetimes * life_seconds(own, settings)
    return Size(held, job(own, settings, candidates, count, workers), work / workers, workers)


def tuning(look: Look, workers: int) -> Size:
    """Every baseline's search and selection in a worker of its own; those that are remembered take no time."""
    experiment, config, chosen = look.experiment, look.experiment.config, look.experiment.config.selection
    settings, most, work = look.settings("search", config.shapes), 0.0, 0.0
    for baseline in look.tuned:
        own, search = experiment.objective_of(baseline.learner, baseline.birth), baseline.search
        if not own.genome.size:
            continue
        held, each = searched(own, search, settings, config, 1)
        lives = search.popsize * config.lifetimes * search.generations * cost(search) * look.share
        most = max(most, held + each)
        work += (lives + chosen.finalists * chosen.lifetimes) * life_seconds(own, settings)
    return Size(searching_held(experiment), most, work / workers, workers)


def searching_held(experiment: Experiment) -> float:
    """Bytes that the search has left in memory."""
    own, search = experiment.searched, experiment.search
    if not own.genome.size:
        return 0.0
    return search.generations * history(search, experiment.config.lifetimes, own.genome.size)


def comparing(look: Look, workers: int) -> Size:
    """The winner and every baseline in every cell; the search's history is still there."""
    experiment, arms = look.experiment, {baseline.name: baseline.learner for baseline in look.tuned}
    found = comparing_learners(experiment, [experiment.learner, *arms.values()], workers)
    return replace(found, main=found.main + searching_held(experiment) + NAMED * experiment.searched.genome.size)


def comparing_learners(experiment: Experiment, learners: Sequence[Learner], workers: int) -> Size:
    """Every arm in every cell, a job each."""
    lifetimes = experiment.config.compare.lifetimes
    found = []
    for group, cell in experiment.cells:
        try:
            found.append(_cell(experiment, cell, learners, lifetimes))
        except ValueError:
            if group == "main":
                raise  # a transfer cell that cannot be lived is left out of the comparison
    results = len(found) * len(learners) * (lifetimes * (8.0 * (POINTS + 3) + 330.0) + CONFIG)
    drawn = 16.0 * max(min(DRAWN, RESAMPLES * lifetimes), lifetimes)  # for intervals
    return Size(
        results + drawn,
        max((size for size, _ in found), default=0.0),
        sum(work for _, work in found) / workers,
        workers,
    )


def _cell(experiment: Experiment, cell: CellConfig, learners: Sequence[Learner], lifetimes: int) -> tuple[float, float]:
    """Bytes of the largest job of a cell, and the seconds of all of its arms on one core."""
    setting = experiment.setting(cell, 1, read=False)
    most, work = 0.0, 0.0
    for learner in learners:
        placed = learner.on(setting.network).lives_as
        if placed.accepts(setting.spec):
            continue
        values = sum(experiment.objective_of(learner).coefficients.counts)
        lives = Lives(
            placed, setting.task, "final", setting.steps, setting.batch, POINTS + 1,
            experiment.config.engine, experiment.device, values,
        )  # fmt: skip
        if experiment.device == "cpu":
            most = max(most, lives.bytes(1, lifetimes_within(lifetimes, lives.bytes)))
        work += seconds(lives, lifetimes)
    return most, work


def sized_seeds(experiment: Experiment, seeds: int) -> Sized:
    """A sweep that keeps a run per seed, one after the other."""
    look = Look(experiment)

    def size(found: Look, seeds: int) -> Size:
        one = search_size(found)
        return replace(one, seconds=seeds * one.seconds)

    given = {**experiment.config.plain(), "--seeds": seeds}
    return Sized(size(look, seeds), given, lambda plain: size(changed(look, plain), plain["--seeds"]))


def sized_sweep(experiments: Sequence[Experiment], seeds: int) -> Sized:
    """A sweep before it has begun: a whole search and selection per value and seed, each in a worker of its own."""
    looks = [Look(experiment) for experiment in experiments]

    def size(found: Sequence[Look], seeds: int) -> Size:
        each, jobs = [in_turn([searching(look, 1), selecting(look, 1)]) for look in found], seeds * len(found)
        busy = min(found[0].workers, jobs)
        most, work = max(one.main + one.worker for one in each), seeds * sum(one.seconds for one in each)
        return Size(CONFIG * jobs, most, work / busy, busy)

    given = {**experiments[-1].config.plain(), "--seeds": seeds}
    return Sized(
        size(looks, seeds), given, lambda plain: size([changed(looks[-1], plain)] * len(looks), plain["--seeds"])
    )
