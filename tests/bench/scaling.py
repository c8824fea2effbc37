"""What a life costs against candidates, steps, width and depth, on either engine, and what memory it takes."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from bench import workloads

from inner.engines import choice
from inner.engines.native import kernel
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.tasks.base import LifeData

ENGINES = ("native", "eager")
INPUTS, HIDDEN, OUTPUTS = 64, (32,), 10
POPULATIONS = (8, 25, 80, 250, 800)  # at 200 steps
LENGTHS = (100, 316, 1000, 3160, 10000)  # of 16 candidates
WIDTHS = (8, 16, 32, 64, 128, 256)  # of one hidden layer; 16 candidates, 200 steps
DEPTHS = (1, 2, 4, 8, 16)  # hidden layers of 32; 16 candidates, 200 steps
Costs = dict[int, float]


def life(engine: str, population: int, steps: int, hidden: tuple[int, ...] = HIDDEN) -> Callable[[], object]:
    """Whole lives of the online workload; those of the kernel without births and scores, which would hide its short ones."""
    rule = Rule(workloads.EIGHT, pathway="random")
    draw = stream(0, "scaling", population, steps)
    if engine == "native":
        return _kernel(rule, population, steps, (INPUTS, *hidden, OUTPUTS), draw)
    x = torch.from_numpy(draw.standard_normal((1, 1024, INPUTS), dtype=np.float32))
    y = torch.eye(OUTPUTS)[torch.from_numpy(draw.integers(0, OUTPUTS, (1, 1024)))]
    lives = LifeData(x, y, torch.from_numpy(draw.integers(0, 1024, (1, steps, 1))), x[:, :1], y[:, :1])
    theta = torch.from_numpy(draw.standard_normal((population, len(rule.coefficients))) * 0.01)
    learner, task = Learner(rule, Network(hidden=hidden)), cast(Any, workloads.Unscored())
    return torch.no_grad()(partial(choice.live, engine, learner, task, lives, theta, 0, (("a",),)))


def _kernel(
    rule: Rule, population: int, steps: int, units: tuple[int, ...], draw: np.random.Generator
) -> Callable[[], kernel.Lived]:
    """The same steps by the kernel for any shape, from numbers of its own."""
    x = draw.standard_normal((1, 1024, INPUTS), dtype=np.float32)
    y = np.eye(OUTPUTS, dtype=np.float32)[draw.integers(0, OUTPUTS, (1, 1024))]
    data = kernel.Data(x, kernel.padded(y), draw.integers(0, 1024, (1, steps, 1)), x[:, :1].copy())
    pairs = list(zip(units, units[1:]))
    weights = [draw.standard_normal((1, i, o), dtype=np.float32) / np.float32(i**0.5) for i, o in pairs]
    own = [draw.standard_normal((1, o, i), dtype=np.float32) / np.float32(o**0.5) for i, o in pairs]
    rows = draw.standard_normal((population, len(pairs), len(rule.coefficients)), dtype=np.float32) * np.float32(0.01)
    plan = workloads.plans(rule, units, 1)[0]
    return lambda: kernel.call(plan, units, data, rows, rows[:, 0, :0], weights, own, [steps], False, 1)


def cost(engine: str, population: int, steps: int, hidden: tuple[int, ...] = HIDDEN) -> float:
    """Nanoseconds of processor time per candidate-step."""
    return 1e9 / workloads.rate(life(engine, population, steps, hidden), population * steps, 3)


def over_populations(engine: str = "native") -> Costs:
    """Nanoseconds per candidate-step, for each of POPULATIONS."""
    return {p: cost(engine, p, 200) for p in POPULATIONS}


def over_lengths(engine: str = "native") -> Costs:
    """Nanoseconds per candidate-step, for each of LENGTHS."""
    return {t: cost(engine, 16, t) for t in LENGTHS}


def over_widths(engine: str = "native") -> Costs:
    """Nanoseconds per candidate-step, for each of WIDTHS."""
    return {w: cost(engine, 16, 200, (w,)) for w in WIDTHS}


def over_depths(engine: str = "native") -> Costs:
    """Nanoseconds per candidate-step, for each of DEPTHS."""
    return {d: cost(engine, 16, 200, (32,) * d) for d in DEPTHS}


AXES: Mapping[str, Callable[[str], Costs]] = {
    "candidates, 200 steps": over_populations,
    "steps, 16 candidates": over_lengths,
    "width of one hidden layer": over_widths,
    "hidden layers of 32": over_depths,
}


def memory(engine: str = "native", short: int = 1000, long: int = 30_000) -> float:
    """MiB by which the peak grows when lives get longer, the order of the samples itself not counted."""
    life(engine, 4, short)()
    job = life(engine, 4, long)
    before = _peak()
    job()
    return _peak() - before


def _peak() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def measure() -> dict[str, dict[str, Costs]]:
    """Every axis on every engine."""
    return {title: {engine: over(engine) for engine in ENGINES} for title, over in AXES.items()}


def table(found: Mapping[str, Mapping[str, Costs]]) -> str:
    """Everything above as Markdown."""
    lines = []
    for title, costs in found.items():
        lines += [f"| {title} | {' | '.join(f'{e}, ns per candidate-step' for e in costs)} |", "|---|---|---|"]
        lines += [f"| {at:,} | {' | '.join(f'{costs[e][at]:,.0f}' for e in costs)} |" for at in costs[ENGINES[0]]]
        lines.append("")
    grown = ", ".join(f"{memory(engine):+.1f} MiB ({engine})" for engine in ENGINES)
    return "\n".join([*lines, f"Peak memory of 30,000 instead of 1,000 steps: {grown}."])


def picture(found: Mapping[str, Mapping[str, Costs]], path: Path) -> None:
    """A panel per axis, logarithmic; what is linear in candidates and steps is flat there."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(found), figsize=(12, 3), sharey=True)
    for axes, (title, costs) in zip(panels, found.items()):
        for engine, each in costs.items():
            axes.loglog(list(each), list(each.values()), marker="o", label=engine)
        axes.set_xlabel(title)
    panels[0].set_ylabel("ns per candidate-step")
    panels[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)
