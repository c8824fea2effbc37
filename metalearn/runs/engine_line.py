"""Names the engine of a run's lives, and the reason for it, in one line."""

from __future__ import annotations

from inner.learners.base import Learner
from metalearn.build import Experiment


def engine_line(experiment: Experiment, learner: Learner) -> str:
    """ "engine native (gcc 12.2.0)" or "engine eager (why not native)", the GPU where there is one in use, and what learns
    where that is not everything.

    Raises ValueError where the engine or the device that was asked for cannot be had.
    """
    from inner.engines.choice import choose
    from inner.engines.native import compiler
    from inner.learners.base import Spec
    from inner.life.devices import describe

    config, device = experiment.config, experiment.device
    shape = config.network
    hidden = shape.hidden if shape.hidden is not None else (shape.width[0],) * shape.depth[0]
    placed = learner.on(experiment.network(hidden))
    if device != "cpu" and config.search["name"] == "program":
        raise ValueError(f"device: programs run on the CPU, expected cpu, got {config.device}")
    tasks = [experiment.tasks.made(k, experiment.tasks.middle(k)) for k in range(len(experiment.tasks.entries))]
    specs = [Spec(0, 0, task.criterion, sequences=task.sequences, compiled=task.compiled) for task in tasks]
    name, why = next((c for c in (choose(config.engine, placed, s, device) for s in specs) if c[1]), ("native", ""))
    where = f" on {describe(device)}" if device != "cpu" else ""
    stated = f"; {placed.network.learns}" if placed.network.learns else ""
    return f"engine {name} ({why or compiler.version()}){where}{stated}"
