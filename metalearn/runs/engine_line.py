"""Says which engine the lives of a run take, and why; the one place where a user hears of it."""

from __future__ import annotations

from typing import cast

from inner.components import load
from inner.rules.rule import Rule
from metalearn.config.schema import Config


def engine_line(config: Config, rule: Rule) -> str:
    """ "engine native (gcc 12.2.0)" or "engine eager (why not native)", and the GPU where there is one in use.

    Raises ValueError where the engine or the device that was asked for cannot be had.
    """
    from inner.engines.choice import choose
    from inner.engines.native import compiler
    from inner.learners.local_rule import Learner
    from inner.life.devices import describe, resolve
    from inner.tasks.base import Task
    from outer.settings import network_of

    network = config.network
    options = network.model_dump(include={"name", "activation", "output", "bias"})
    learner = Learner(rule, network_of(options, network.hidden or ()))
    task = cast(type[Task], load("task", config.task["name"]))
    device = resolve(config.device)
    if device != "cpu" and config.search["name"] == "program":
        raise ValueError(f"device: programs run on the CPU, expected cpu, got {config.device}")
    name, why = choose(config.engine, learner, task.kind, device)
    return f"engine {name} ({why or compiler.version()})" + (f" on {describe(device)}" if device != "cpu" else "")
