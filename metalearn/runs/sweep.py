"""The same search again and again, over seeds and over values of one key: how much of a result is the setting, how much luck."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from metalearn.build import Experiment
from metalearn.config.load import load
from metalearn.config.schema import Config
from metalearn.evidence.comparison import interval_of
from metalearn.evidence.documents import Interval
from metalearn.rule.file import text_of
from metalearn.runs.documents import Sweep, SweepRow, SweepSearch
from metalearn.size.search import sized_sweep
from outer.evaluators.base import Evaluator, counting
from outer.evaluators.serial import Evaluator as Serial
from outer.evidence.tuning import tune


def one_search(config: Config) -> SweepSearch:
    """Search and selection of one config, and how the winner does on fresh lives of the search tier and the final tier."""
    started = time.perf_counter()
    experiment, chosen = Experiment(config), config.selection
    own = experiment.objective
    found = tune(own, experiment.search, chosen.finalists, chosen.lifetimes, chosen.shapes, plateau=experiment.plateau)
    vector = own.coefficients.encode(found.values) if own.genome.size else np.empty(0)
    scores = {}
    with Serial() as evaluator:
        for tier in ("search", "final"):
            settings = own.distribution.settings(tier, own.seed, ("sweep",), config.compare.lifetimes, config.shapes)
            scores[tier] = float(evaluator.evaluate(own, vector[None], settings).scores.mean())
    return SweepSearch(
        seed=config.seed,
        fitness=found.fitness[-1] if found.fitness else None,
        seen=scores["search"],
        unseen=scores["final"],
        formula=text_of(experiment.learner, found.values),
        values=found.values,
        lifetimes=found.lifetimes,
        seconds=time.perf_counter() - started,
    )


def sweep(
    name: str,
    overrides: Sequence[str],
    over: str | None,
    seeds: int,
    evaluator: Evaluator,
    progress: Callable[[int, int], None] | None = None,
    console: Any = None,
) -> Sweep:
    """A sweep: `over` is KEY=V1,V2,...; each value gets `seeds` searches. Raises ValueError in one line.

    console: asked before a sweep of more than a day; None: nothing is asked.
    """
    from metalearn.runs.search import check

    key, equals, text = (over or "").partition("=")
    if over is not None and not (key and equals and text):
        raise ValueError(f"--over: expected KEY=VALUE,VALUE,..., got '{over}'")
    if seeds < 1:
        raise ValueError(f"--seeds: expected at least 1, got {seeds}")
    values, jobs = text.split(",") if over else [""], []
    changed = [[*overrides, *([f"{key}={value}"] if over else [])] for value in values]
    firsts = [load(name, changes) for changes in changed]
    sized = sized_sweep([check(first) for first in firsts], seeds).refuse()
    if console is not None:
        sized.ask(console)
    for changes, first in zip(changed, firsts):
        jobs += [(load(name, [*changes, f"seed={seed}"]),) for seed in range(first.seed, first.seed + seeds)]
    started = time.perf_counter()
    found: list[SweepSearch] = evaluator.map(one_search, jobs, counting(progress, len(jobs)))
    rows = [row_of(value, found[v * seeds : (v + 1) * seeds]) for v, value in enumerate(values)]
    return Sweep(config=name, key=key, seeds=seeds, rows=tuple(rows), seconds=time.perf_counter() - started)


def row_of(value: str, runs: Sequence[SweepSearch]) -> SweepRow:
    """The searches at one value of the key, with means over seeds and 95 % intervals."""

    def mean(score: str) -> Interval | None:
        numbers = [getattr(run, score) for run in runs]
        return None if None in numbers else Interval(**interval_of(np.array(numbers), 0, "sweep", value, score))

    return SweepRow(value=value, runs=tuple(runs), fitness=mean("fitness"), seen=mean("seen"), unseen=mean("unseen"))


def picture(document: Sweep) -> str:
    """SVG: score on seen and unseen settings against the values of the key, the mean over seeds and its 95 % interval."""
    from metalearn.pictures.search import EVOLVED, OTHERS, label_ends, new_figure, style, to_svg

    rows = document.rows
    with style("sweep"):
        figure, axes = new_figure()
        x, ends = np.arange(len(rows)), []
        for score, colour in (("seen", OTHERS[0]), ("unseen", EVOLVED)):
            means = [getattr(row, score) for row in rows]
            mean, low, high = np.array([(entry.mean, entry.low, entry.high) for entry in means]).T
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(x, mean, color=colour, linewidth=1.7, marker="o", markersize=4)
            for place, row in zip(x, rows):
                axes.plot([place] * len(row.runs), [getattr(run, score) for run in row.runs], ".", color=colour, ms=2.5)
            ends.append((float(x[-1]), float(mean[-1]), score, colour))
        axes.set_xticks(x, [row.value for row in rows])
        axes.set_xlabel(document.key or "one setting")
        axes.set_ylabel(f"score of the winner, {document.seeds} searches")
        figure.draw_without_rendering()
        label_ends(axes, ends)
        return to_svg(figure, "sweep")


def table(document: Sweep) -> Any:
    """A rich table: one row per value."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"{document.seeds} searches each", title_justify="left")
    for heading in (
        document.key or "config",
        "last best fitness",
        "seen settings",
        "unseen settings",
        "seconds a search",
    ):
        shown.add_column(heading, justify="left" if heading == document.key else "right")
    for row in document.rows:
        cells = [
            "" if entry is None else f"{entry.mean:.3f} [{entry.low:.3f}, {entry.high:.3f}]"
            for entry in (row.fitness, row.seen, row.unseen)
        ]
        seconds = float(np.mean([run.seconds for run in row.runs]))
        shown.add_row(row.value or document.config, *cells, f"{seconds:.0f}")
    return shown
