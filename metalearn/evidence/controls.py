"""Is it a rule or a stored solution? A rule must learn where nothing could have been stored, and not learn what is not taught.

Each control changes one thing about the first cell of a run's comparison and lives fresh lives of the final tier there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inner.learners.base import Learner
from inner.random import stream
from inner.rules.coefficient import Values
from inner.tasks._controls import Permuted, Shuffled
from metalearn.build import Experiment
from metalearn.config.schema import CellConfig
from metalearn.evidence.arms import check_fit
from metalearn.evidence.comparison import interval_of
from metalearn.evidence.findings import ControlRow, Controls, LeftOut
from metalearn.rule.file import text_of
from outer.evaluators.base import Evaluator, counting
from outer.evidence.fresh_lives import FreshLives, live_fresh
from outer.settings import Setting

LONGER = 3  # times the life
SHOWN = 20_000  # samples of a life with a shuffled teacher at most: each is kept with a target of its own
MIXES = 4  # ways of shuffling the coefficients
OTHERS = ("digits", "wine", "breast_cancer", {"name": "mnist", "size": 8}, {"name": "fashion_mnist", "size": 8})
OTHER_WEIGHTS = 1_000_003  # added to the seed


@dataclass(frozen=True)
class Control:
    """One row: a setting, coefficient values and what a rule, as against a stored solution, does there."""

    name: str
    setting: Setting
    values: Mapping[str, Any]
    expected: str  # "learns", "chance" (not above it) or "" where either says something
    weights: int | None = None  # address of the initial weights, where it is not the seed


def weight_count(setting: Setting) -> int:
    """Weights of the network, biases included."""
    return sum(rows * columns for rows, columns in setting.shapes)


def shapes_of(hidden: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Networks near by: half and twice as wide, one hidden layer more and one fewer."""
    last = hidden[-1] if hidden else 32
    found = {"one hidden layer more": (*hidden, last)}
    if hidden:
        found["half the width"] = tuple(max(1, width // 2) for width in hidden)
        found["twice the width"] = tuple(2 * width for width in hidden)
        found["one hidden layer fewer"] = hidden[:-1]
    return found


def mixed(values: Mapping[str, Any], free: list[str], seed: int, number: int) -> Values:
    """The free coefficients' values dealt out again among them, never as they were while that is possible.

    A coefficient with a value per layer, unit or synapse keeps its values and deals them out among its places.
    """
    rows = [name for name in free if isinstance(values[name], list)]
    values = {**values, **{n: stream(seed, "mixed", number, n).permutation(values[n]).tolist() for n in rows}}
    free = [name for name in free if name not in rows]
    names, order = list(free), np.arange(len(free))
    given = np.array([values[name] for name in names])
    for attempt in range(20 if names else 0):
        order = stream(seed, "mixed", number, attempt).permutation(len(names))
        if (given[order] != given).any():
            break
    return {**values, **dict(zip(names, given[order].tolist()))}


def controls_of(
    learner: Learner, values: Mapping[str, Any], experiment: Experiment, lifetimes: int
) -> tuple[list[Control], list[LeftOut]]:
    """The controls and what had to be left out. Raises ValueError when the first cell's own data are missing."""
    config = experiment.config
    cell, seed, skipped = experiment.cells[0][1], config.seed, []

    def setting(**changes: Any) -> Setting:
        return experiment.setting(cell.model_copy(update=changes), lifetimes)

    def fitting(name: str, other: Setting) -> None:
        """A control in another network: values per layer, unit or synapse may not fit it."""
        try:
            check_fit(learner, values, other)
            found.append(Control(name, other, values, learned))
        except ValueError as error:
            skipped.append(LeftOut(control=name, why=str(error)))

    base = setting()
    learned = "" if not base.task.criterion.supervised else "learns"
    found = [
        Control("as it is", base, values, "learns"),
        Control("fresh weights, same data", base, values, "learns", seed + OTHER_WEIGHTS),
        Control("inputs permuted", replace(base, task=Permuted(base.task)), values, "learns"),
    ]
    if base.task.criterion.kind == "classes":
        found.append(Control("labels permuted", replace(base, task=Permuted(base.task, "outputs")), values, "learns"))
    for name, hidden in shapes_of(cell.hidden).items() if config.network.name == "mlp" else ():
        fitting(name, setting(hidden=hidden))
    found.append(Control(f"lives {LONGER} times as long", setting(steps=LONGER * cell.steps), values, "learns"))
    for other in OTHERS if base.task.criterion.kind == "classes" else ():
        options = {"name": other} if isinstance(other, str) else dict(other)
        if options["name"] == cell.task["name"]:
            continue
        named = CellConfig(task=options, hidden=cell.hidden, steps=cell.steps, batch=cell.batch)
        try:
            fitting(named.titles[0], setting(task=options))
        except ValueError as error:
            skipped.append(LeftOut(control=named.titles[0], why=str(error)))
    if not base.task.criterion.supervised:
        skipped.append(LeftOut(control="teacher shuffled", why="this task has no teacher"))
    else:
        silenced = replace(base, task=Shuffled(base.task), steps=max(1, min(base.steps, SHOWN // base.batch)))
        found.append(Control("teacher shuffled", silenced, values, "chance"))
    free = [c.name for c in learner.coefficients if not c.fixed]
    if len(set(np.hstack([values[name] for name in free]).tolist()) if free else ()) > 1:
        found += [
            Control(f"coefficients shuffled ({m + 1})", base, mixed(values, free, seed, m), "") for m in range(MIXES)
        ]
    else:
        skipped.append(LeftOut(control="coefficients shuffled", why="there are no two different coefficients"))
    return found, skipped


def verdict_of(expected: str, low: float, high: float, chance: float) -> str:
    """The verdict of an interval: "learns" above chance, "at chance" or "below chance"; (!) marks an unexpected one."""
    said = "learns" if low > chance else "below chance" if high < chance else "at chance"
    if expected == "" or said == expected or (expected == "chance" and said != "learns"):
        return said
    return f"{said} (!)"


def run_controls(
    learner: Learner,
    values: Mapping[str, Any],
    experiment: Experiment,
    lifetimes: int,
    evaluator: Evaluator,
    progress: Callable[[int, int], None] | None = None,
) -> Controls:
    """All controls: means with 95 % intervals, score at birth, chance, failures, verdicts."""
    config = experiment.config
    found, skipped = controls_of(learner, values, experiment, lifetimes)
    jobs = [
        (learner, dict(c.values), c.setting, config.seed, 2, c.weights, config.engine, experiment.device) for c in found
    ]
    trials: list[FreshLives] = evaluator.map(live_fresh, jobs, counting(progress, len(found)))
    rows = []
    for control, result in zip(found, trials):
        ends = interval_of(result.scores, config.seed, "control", control.name)
        chance = control.setting.task.chance
        rows.append(
            ControlRow(
                **ends,
                control=control.name,
                hidden=control.setting.hidden,
                steps=control.setting.steps,
                birth=float(result.curve[:, 0].mean()),
                chance=chance,
                failures=int((~result.alive).sum()),
                weights=weight_count(control.setting),
                expected=control.expected,
                verdict=verdict_of(control.expected, ends["low"], ends["high"], chance),
            )
        )
    return Controls(
        formula=text_of(learner, values),
        coefficients=sum(int(np.count_nonzero(values[c.name])) for c in learner.coefficients),
        lifetimes=lifetimes,
        is_learner=learner.formula is None,
        task=experiment.cells[0][1].titles[0],
        metric=found[0].setting.task.criterion.metric,
        rows=tuple(rows),
        skipped=tuple(skipped),
    )


def print_controls(document: Controls, console: Any) -> None:
    """The table: one row per control."""
    from rich import box
    from rich.table import Table

    from metalearn.report.tables import interval as shown
    from metalearn.report.tables import number

    metric = document.metric
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("control", "mean", "95 % CI", "at birth", "chance", "weights", "verdict"):
        table.add_column(heading, justify="left" if heading in ("control", "verdict") else "right")
    for row in document.rows:
        ends = (number(row.mean, metric), shown(row.low, row.high, metric), number(row.birth, metric))
        chance = number(row.chance, metric)
        table.add_row(row.control, *ends, chance, f"{row.weights:,}", row.verdict)
    console.print(
        document.formula if document.is_learner else f"dw = {document.formula}", highlight=False, soft_wrap=True
    )
    console.print(
        f"{document.task}; {document.lifetimes} fresh lives per control; {document.coefficients} coefficients "
        f"train {document.rows[0].weights:,} weights. (!) marks what a rule should not do.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(table)
    for entry in document.skipped:
        console.print(f"Left out {entry.control}: {entry.why}", highlight=False, markup=False)
