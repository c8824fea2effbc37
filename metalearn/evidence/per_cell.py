"""Opponents tuned for each cell of a comparison alone: the strongest there are, and no comparison of equal budgets.

A learner of `compare.per_cell` is tuned in each cell by the mean score on select-tier lives of that very cell, in networks
of every birth of the comparison; the better birth lives the cell's final lives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inner.learners.base import Learner
from metalearn.build import Baseline, Experiment
from metalearn.config import library
from metalearn.config.schema import CellConfig
from metalearn.evidence.arms import Arm
from metalearn.evidence.baselines import Job, path_of, remembered
from metalearn.evidence.documents import CellTuning
from outer.aggregate import Aggregate
from outer.evaluators.base import Evaluator
from outer.evidence.setting_tuning import tune_setting
from outer.evidence.tuning import Tuned
from outer.fitness.final import Fitness as Final
from outer.learner_objective import LearnerObjective
from outer.settings import Distribution

SUFFIX = ", tuned per cell"  # behind the name of an arm


@dataclass(frozen=True)
class Wanted:
    """One learner in one cell, in networks of one birth."""

    name: str
    learner: Learner
    cell: CellConfig
    birth: str


def wanted_of(experiment: Experiment) -> list[Wanted]:
    """All that is to be tuned: cells whose data are here and where the learner can live."""
    found = []
    for name in experiment.config.compare.per_cell:
        learner = library.learner(name)
        for group, cell in experiment.cells:
            try:
                for birth in experiment.births:
                    Arm(learner, {}, birth=birth).setting(experiment, experiment.setting(cell, 1))
            except ValueError:
                if group == "main":
                    raise
                continue  # the comparison says why it leaves the cell out
            found += [Wanted(name, learner, cell, birth) for birth in experiment.births]
    return found


def objective_in(experiment: Experiment, job: Wanted) -> LearnerObjective:
    """The objective of a learner in the setting of a cell: the mean of its own score, without any price."""
    cell = job.cell
    born = {"birth": job.birth} if job.birth else {}
    distribution = Distribution(
        task=cell.task,
        steps=(cell.steps, cell.steps),
        batch=cell.batch,
        network={**experiment.network_options, **born},
        hidden=cell.hidden,
    )
    return replace(
        experiment.objective_of(job.learner),
        distribution=distribution,
        fitness=Final(),
        complexity=0.0,
        fixed=False,
        aggregate=Aggregate(),
        reference=None,
    )


def tune_per_cell(
    experiment: Experiment, evaluator: Evaluator, progress: Callable[[str, int, int], None] | None = None
) -> dict[str, Arm]:
    """The arms of `compare.per_cell`; progress(name, ended, all) is called as each job ends."""
    experiment = experiment.tuning
    wanted, chosen, search = wanted_of(experiment), experiment.config.selection, experiment.baseline_search
    judged = (search, chosen.finalists, chosen.lifetimes, experiment.plateau)
    jobs = []
    for each in wanted:
        baseline = Baseline(each.name, each.learner, search, each.birth)
        path = path_of(experiment, baseline, cell=each.cell.model_dump(mode="json"))
        arguments = (objective_in(experiment, each), *judged, each.cell.title)
        jobs.append(Job(each.name, each.learner, arguments, path))
    tuned = remembered(tune_setting, jobs, evaluator, progress)
    return {name + SUFFIX: _arm(name, wanted, tuned) for name in experiment.config.compare.per_cell}


def _arm(name: str, wanted: Sequence[Wanted], tuned: Sequence[Tuned]) -> Arm:
    """One learner with the values and the birth that are best in each cell; lifetimes are those of all its births."""
    cells: dict[str, CellTuning] = {}
    own = [(job, result) for job, result in zip(wanted, tuned, strict=True) if job.name == name]
    for title in dict.fromkeys(job.cell.title for job, _ in own):
        here = [(job, result) for job, result in own if job.cell.title == title]
        job, best = max(here, key=lambda pair: pair[1].select_score)
        spent = sum(result.lifetimes for _, result in here)
        cells[title] = CellTuning(values=best.values, birth=job.birth, lifetimes=spent, select=best.select_score)
    learner = library.learner(name)
    return Arm(
        learner,
        {c.name: c.init for c in learner.coefficients},
        sum(cell.lifetimes for cell in cells.values()),
        cells=dict(cells),
    )
