"""Means over seeds of several searches with 95 % intervals, as a document and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from metalearn.build import Experiment
from metalearn.config.schema import Config
from metalearn.evidence.documents import Difference, Interval, verdict
from metalearn.report.tables import difference, interval, number
from metalearn.runs.documents import BenchArm, BenchCurve, BenchPlan, BenchResult, BenchSeed, BudgetCurveDocument

REFERENCE = "random"


def student(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of n >= 2 values and its 95 % interval by Student's t: a bootstrap of five seeds would be too narrow."""
    from scipy.special import stdtrit

    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    half = float(stdtrit(len(sample) - 1, 0.975) * sample.std(ddof=1) / math.sqrt(len(sample)))
    return mean, mean - half, mean + half


def interval_over_seeds(values: Sequence[float]) -> dict[str, float]:
    """`student` as the fields of an interval."""
    return dict(zip(("mean", "low", "high"), student(values), strict=True))


def summary(
    curves: Mapping[str, Sequence[BudgetCurveDocument]],
    plan: BenchPlan,
    config: Config,
    command: str,
    environment: Mapping[str, Any],
) -> BenchResult:
    """The document of bench.json, from what every arm found, one curve per seed."""
    task, measure = Experiment(config).task, config.fitness.name
    return BenchResult(
        command=command,
        metric=task.criterion.metric if measure == "final" else measure,
        chance=task.chance if measure == "final" else None,
        judged_on=f"{config.selection.lifetimes} fresh lives of the select tier, the same for every arm and seed",
        plan=plan,
        arms={arm: _arm(runs, curves[REFERENCE], plan.marks) for arm, runs in curves.items()},
        environment=environment,
    )


def _arm(runs: Sequence[BudgetCurveDocument], others: Sequence[BudgetCurveDocument], marks: int) -> BenchArm:
    """One arm over all seeds, held against random search seed by seed."""
    points = [student([run.quality[k] for run in runs]) for k in range(marks)]
    mean, low, high = zip(*points, strict=True)
    ahead = interval_over_seeds([run.quality[-1] - other.quality[-1] for run, other in zip(runs, others)])
    return BenchArm(
        final=Interval(mean=mean[-1], low=low[-1], high=high[-1]),
        over_random=Difference(**ahead, verdict=verdict(ahead["low"], ahead["high"])),
        curve=BenchCurve(inner_steps=runs[0].marks, mean=mean, low=low, high=high),
        seeds=tuple(BenchSeed(**run.model_dump(exclude={"marks", "rows"}), generations=len(run.rows)) for run in runs),
    )


def print_table(document: BenchResult, console: Any) -> None:
    """Best final mean first; the difference to random search is paired seed by seed."""
    from rich.table import Table

    metric, plan = document.metric, document.plan
    table = Table(
        title=f"{plan.budget:,.0f} inner steps, {plan.seeds} seeds; {metric} on {document.judged_on}",
        title_justify="left",
        header_style="bold",
    )
    for column in ("search", "final", "95 % interval", "over random", "95 % interval", "gens", "s"):
        left = column == "search"
        table.add_column(column, justify="left" if left else "right", no_wrap=not left)
    ordered = sorted(document.arms.items(), key=lambda item: -item[1].final.mean)
    for arm, entry in ordered:
        final, over, seeds = entry.final, entry.over_random, entry.seeds
        beyond = ["", ""] if arm == REFERENCE else [difference(over, metric), _span(over, metric, signed=True)]
        table.add_row(
            arm.replace("_", " "),
            number(final.mean, metric),
            _span(final, metric),
            *beyond,
            f"{np.mean([seed.generations for seed in seeds]):.0f}",
            f"{np.mean([seed.seconds for seed in seeds]):.1f}",
        )
    console.print(table)
    console.print("over random: the difference to random search, paired seed by seed", highlight=False)
    for arm, entry in ordered:
        for k, seed in enumerate(entry.seeds):
            if seed.ended:
                console.print(f"{arm}, seed {k}: {seed.ended}", highlight=False)


def _span(entry: Interval, metric: str, signed: bool = False) -> str:
    return interval(entry.low, entry.high, metric, signed)
