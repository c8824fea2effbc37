"""What the courses of several searches add up to: means over seeds with 95 % intervals, as a document and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from metalearn.config.schema import Config
from metalearn.report.tables import difference, interval, number

REFERENCE = "random"
METRICS = {"classification": "accuracy", "regression": "-MSE", "unsupervised": "alignment"}


def student(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of n >= 2 values and its 95 % interval by Student's t: a bootstrap of five seeds would be too narrow."""
    from scipy.special import stdtrit

    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    half = float(stdtrit(len(sample) - 1, 0.975) * sample.std(ddof=1) / math.sqrt(len(sample)))
    return mean, mean - half, mean + half


def summary(
    courses: Mapping[str, Sequence[Mapping[str, Any]]],
    plan: Mapping[str, Any],
    config: Config,
    command: str,
    environment: Mapping[str, Any],
) -> dict[str, Any]:
    """The document of bench.json, from the courses of every arm, one per seed."""
    from metalearn.build import Experiment

    task = Experiment(config).task
    arms = {}
    for arm, runs in courses.items():
        curve = [student([run["quality"][k] for run in runs]) for k in range(plan["marks"])]
        paired = [run["quality"][-1] - other["quality"][-1] for run, other in zip(runs, courses[REFERENCE])]
        mean, low, high = student(paired)
        arms[arm] = {
            "final": dict(zip(("mean", "low", "high"), curve[-1])),
            "over_random": {
                "mean": mean,
                "low": low,
                "high": high,
                "verdict": "better" if low > 0 else "worse" if high < 0 else "not distinguishable",
            },
            "curve": {
                "inner_steps": list(runs[0]["marks"]),
                **{key: [point[i] for point in curve] for i, key in enumerate(("mean", "low", "high"))},
            },
            "seeds": [
                {key: run[key] for key in ("quality", "values", "inner_steps", "lifetimes", "seconds", "ended")}
                | {"generations": len(run["rows"])}
                for run in runs
            ],
        }
    return {
        "format": 1,
        "command": command,
        "metric": METRICS[task.kind] if config.fitness.name == "final" else config.fitness.name,
        "chance": task.chance if config.fitness.name == "final" else None,
        "judged_on": f"{config.selection.lifetimes} fresh lives of the select tier, the same for every arm and seed",
        "plan": dict(plan),
        "arms": arms,
        "environment": dict(environment),
    }


def print_table(document: Mapping[str, Any], console: Any) -> None:
    """Best final mean first; the difference to random search is paired seed by seed."""
    from rich.table import Table

    metric, plan = document["metric"], document["plan"]
    table = Table(
        title=f"{plan['budget']:,.0f} inner steps, {plan['seeds']} seeds; {metric} on {document['judged_on']}",
        title_justify="left",
        header_style="bold",
    )
    for column in ("search", "final", "95 % interval", "over random", "95 % interval", "gens", "s"):
        left = column == "search"
        table.add_column(column, justify="left" if left else "right", no_wrap=not left)
    ordered = sorted(document["arms"].items(), key=lambda item: -item[1]["final"]["mean"])
    for arm, entry in ordered:
        final, over, seeds = entry["final"], entry["over_random"], entry["seeds"]
        beyond = ["", ""] if arm == REFERENCE else [difference(over, metric), _span(over, metric, signed=True)]
        table.add_row(
            arm.replace("_", " "),
            number(final["mean"], metric),
            _span(final, metric),
            *beyond,
            f"{np.mean([seed['generations'] for seed in seeds]):.0f}",
            f"{np.mean([seed['seconds'] for seed in seeds]):.1f}",
        )
    console.print(table)
    console.print("over random: the difference to random search, paired seed by seed", highlight=False)
    for arm, entry in ordered:
        for k, seed in enumerate(entry["seeds"]):
            if seed["ended"]:
                console.print(f"{arm}, seed {k}: {seed['ended']}", highlight=False)


def _span(entry: Mapping[str, Any], metric: str, signed: bool = False) -> str:
    return interval(entry["low"], entry["high"], metric, signed)
