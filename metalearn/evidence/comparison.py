"""Compares arms: every arm lives the same fresh lives of the final tier, and differences are paired, life by life."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from inner.learners.base import Learner
from inner.sources import Source
from metalearn.build import Experiment
from metalearn.config.schema import CellConfig
from metalearn.evidence.arms import Arm, check_fit
from metalearn.evidence.documents import ArmScores, Cell, Comparison, Curve, Difference, Skipped, verdict
from outer.evaluators.base import Evaluator, counting
from outer.evidence.fresh_lives import FreshLives, bootstrap_interval, live_fresh
from outer.settings import Setting

Arms = Mapping[str, Arm]
REFERENCE = "evolved"
POINTS = 12  # of a learning curve
ANSWERS = 51  # of one in a world that answers, where it costs nothing


def check_cells(experiment: Experiment, learner: Learner) -> None:
    """Raise ValueError where a learner could not live in a main cell, or its values would not fit there."""
    counts = experiment.objective_of(learner).coefficients.counts
    values = {c.name: np.zeros(n) if c.share != "rule" else 0.0 for c, n in zip(learner.coefficients, counts)}
    for group, cell in experiment.cells:
        if group == "main":  # a transfer cell that does not fit is skipped
            check_fit(learner, values, experiment.setting(cell, 1, read=False))


def compare(
    arms: Arms,
    experiment: Experiment,
    evaluator: Evaluator,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """The comparison: per cell the scores of every arm, and the reference's paired lead over each."""
    started, config = time.perf_counter(), experiment.config
    settings: list[tuple[str, CellConfig, dict[str, tuple[Arm, Setting]]]] = []  # of a cell one setting per arm
    skipped = []
    for group, cell in experiment.cells:
        try:
            setting = experiment.setting(cell, config.compare.lifetimes)
            own = {name: there for name, arm in arms.items() if (there := arm.at(cell.title)) is not None}
            settings.append((group, cell, {n: (arm, arm.setting(experiment, setting)) for n, arm in own.items()}))
        except ValueError as error:
            if group == "main":
                raise
            skipped.append(Skipped(cell=", ".join(cell.titles), why=str(error)))
    jobs = [
        (arm.learner, dict(arm.values), setting, config.seed, points_of(setting), None, config.engine, experiment.device)
        for _, _, here in settings
        for arm, setting in here.values()
    ]
    lived: list[FreshLives] = evaluator.map(live_fresh, jobs, counting(progress, len(jobs)))
    documents, ended = [], iter(lived)
    for group, cell, here in settings:
        results = {name: next(ended) for name in here}
        documents.append(_cell(group, cell, next(iter(here.values()))[1], results, config.seed))
    return Comparison(
        arms={name: arm.document() for name, arm in arms.items()},
        reference=next(iter(arms)),
        cells=tuple(documents),
        skipped=tuple(skipped),
        seconds=time.perf_counter() - started,
    )


def interval_of(samples: np.ndarray, seed: int, *labels: str) -> dict[str, float]:
    """Mean and 95 % interval of samples [L], as the fields of an `Interval`."""
    return dict(zip(("mean", "low", "high"), bootstrap_interval(samples, seed, *labels), strict=True))


def points_of(setting: Setting) -> int:
    """Points of a learning curve."""
    return min(ANSWERS, setting.steps + 1) if setting.task.environment and setting.steps else POINTS


def ceiling_of(setting: Setting, steps: Sequence[int], seed: int) -> np.ndarray | None:
    """The score of an actor that knows each world after so many steps, [L, C]; None where that is not known."""
    if not setting.task.environment:
        return None
    source = setting.task.experience(setting.tier, setting.steps, setting.batch, seed, setting.labels)
    found = source.ceiling(steps) if isinstance(source, Source) else None
    return None if found is None else np.asarray(found)


def curve_of(values: np.ndarray, steps: Sequence[int], seed: int, *labels: str) -> Curve:
    """Mean and interval of values [L, C] at each of the steps."""
    points = [bootstrap_interval(values[:, c], seed, *labels) for c in range(len(steps))]
    mean, low, high = zip(*points, strict=True)
    return Curve(steps=tuple(steps), mean=mean, low=low, high=high)


def _cell(group: str, cell: CellConfig, setting: Setting, lived: dict[str, FreshLives], seed: int) -> Cell:
    name, (task, network) = cell.title, cell.titles
    reference, arms, differences = next(iter(lived)), {}, {}
    steps = lived[reference].steps
    ceiling = ceiling_of(setting, steps, seed)
    for arm, result in lived.items():
        behind = None if ceiling is None else (ceiling - result.curve) * np.array(steps)
        arms[arm] = ArmScores(
            **interval_of(result.scores, seed, name, "score"),
            scores=tuple(result.scores.tolist()),
            failures=int((~result.alive).sum()),
            curve=curve_of(result.curve, result.steps, seed, name, "curve"),
            regret=None if behind is None else curve_of(behind, steps, seed, name, "regret"),
        )
        if arm != reference:
            ahead = interval_of(np.asarray(lived[reference].scores - result.scores), seed, name, "difference")
            differences[arm] = Difference(**ahead, verdict=verdict(ahead["low"], ahead["high"]))
    return Cell(
        name=name,
        tier=setting.tier,
        group=group,
        task=task,
        network=network,
        family=setting.task.family,
        hidden=cell.hidden,
        steps=cell.steps,
        batch=cell.batch,
        lifetimes=len(setting.labels),
        chance=setting.task.chance,
        metric=setting.task.criterion.metric,
        ceiling=None if ceiling is None else float(ceiling[:, -1].mean()),
        arms=arms,
        differences=differences,
    )
