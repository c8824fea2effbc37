"""The predicted size of runs that are not one search: inheritance, a bench of searches, a comparison, a study."""

from __future__ import annotations

from collections.abc import Sequence

from inner.learners.base import Learner
from metalearn.build import Experiment
from metalearn.config.inheritance import StudyConfig, validate_study
from metalearn.config.sections import Plain
from metalearn.makers import make_search, make_study
from metalearn.runs.documents import BenchPlan
from metalearn.runs.inheritance import inheritance_objective
from metalearn.runs.outcome import NAIVE
from metalearn.size.door import Sized
from metalearn.size.parts import METRICS, Look, history, job, life_seconds, seconds, state
from metalearn.size.search import CONFIG, changed, comparing_learners, searched
from metalearn.size.size import Size, in_turn
from outer.studies.base import Study


def baldwin_size(look: Look) -> Size:
    """Every arm and seed, one after the other; generations do not stay in memory."""
    experiment, workers = look.experiment, look.workers
    config, search = experiment.config, experiment.search
    given, found = config.inheritance, []
    for arm in given.arms:
        own = inheritance_objective(experiment, config.seed, arm)
        size, settings = own.genome.size, look.settings("search", 1)
        written = arm == "lamarckian"
        held = 2 * history(search, config.lifetimes, size, told=True) + state(search, config.lifetimes, size)
        held += METRICS * search.generations + 8.0 * 11 * search.popsize * config.lifetimes
        held += 3 * 8.0 * search.popsize * size * written
        largest = job(own, settings, search.popsize, config.lifetimes, workers)
        largest = max(largest, job(own, settings, NAIVE, given.lifetimes, workers))
        sample = own.sized(settings[0])
        lives = search.popsize * config.lifetimes * search.generations + NAIVE * given.lifetimes
        found.append(Size(held, largest, given.seeds * seconds(sample, lives) / workers, workers))
    return in_turn(found)


def bench_size(look: Look, plan: BenchPlan) -> Size:
    """Every search and rule with every seed, each in a worker of its own."""
    experiment, workers = look.experiment, look.workers
    config, own, settings = experiment.config, experiment.objective, look.settings("search", experiment.config.shapes)
    least = min(setting.steps for setting in settings) * config.lifetimes
    arms = [make_search(spec) for spec in plan.searches.values()] + [experiment.search for _ in plan.rules]
    jobs, most = len(arms) * plan.seeds, 0.0
    for search in arms:
        held, each = searched(own, search, settings, config, 1)
        held -= search.generations * history(search, config.lifetimes, own.genome.size)
        rows = 600.0 * plan.budget / (least * search.popsize)
        most = max(most, held + each + rows)
    work = jobs * plan.budget / (sum(s.steps for s in settings) / len(settings)) * life_seconds(own, settings)
    return Size(
        CONFIG * jobs + 600.0 * jobs * plan.budget / (least * 4), most, work / min(workers, jobs), min(workers, jobs)
    )


def study_size(study: Study) -> Size:
    """What the study says of itself."""
    size, work = study.size()
    return Size(size, 0.0, work)


def sized_baldwin(experiment: Experiment) -> Sized:
    """An experiment on inheritance before it has begun."""
    look = Look(experiment)
    return Sized(baldwin_size(look), experiment.config.plain(), lambda plain: baldwin_size(changed(look, plain)))


def sized_bench(experiment: Experiment, plan: BenchPlan) -> Sized:
    """A bench of searches before it has begun."""
    look = Look(experiment)

    def predict(plain: Plain) -> Size:
        given = {"seeds": plain["--seeds"], "budget": float(plain["--budget"])}
        return bench_size(changed(look, plain), plan.model_copy(update=given))

    given = {"--seeds": plan.seeds, "--budget": int(plan.budget)}
    return Sized(bench_size(look, plan), {**experiment.config.plain(), **given}, predict)


def sized_comparison(experiment: Experiment, learners: Sequence[Learner]) -> Sized:
    """A comparison of learners before it has begun."""
    look = Look(experiment)

    def size(found: Look) -> Size:
        return comparing_learners(found.experiment, learners, found.workers)

    return Sized(size(look), experiment.config.plain(), lambda plain: size(changed(look, plain)))


def sized_study(config: StudyConfig) -> Sized:
    """A study before it has begun."""
    return Sized(
        study_size(make_study(config)), config.plain(), lambda plain: study_size(make_study(validate_study(plain)))
    )
