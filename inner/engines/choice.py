"""Which engine lives run on: `native` where a kernel can be had, `eager` otherwise; one function runs either."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from inner.components import suggest
from inner.engines import lateral_moments, moments
from inner.learners import local_rule
from inner.learners.base import Learner
from inner.life import eager as lifetime
from inner.life.eager import Result
from inner.tasks.base import Label, LifeData, Task

ENGINES = ("auto", "native", "eager")


def check_engine(name: str) -> None:
    """Raise ValueError when `name` is no engine."""
    if name not in ENGINES:
        raise ValueError(f"engine: unknown name '{name}'{suggest(str(name), ENGINES)}; known: {', '.join(ENGINES)}")


def choose(engine: str, learner: Learner, kind: str, device: str = "cpu") -> tuple[str, str]:
    """("native", "") or ("eager", why not native) for lives of this learner on a task of `kind`.

    Raises ValueError where `native` was asked for by name and cannot be had.
    """
    check_engine(engine)
    if device != "cpu" and engine == "native":
        raise ValueError(f"engine: native runs on the CPU; with device {device} expected auto or eager, got native")
    if engine == "eager" or device != "cpu":
        return "eager", "asked for" if engine == "eager" else f"device {device}"
    from inner.engines.native.engine import obstacle

    why = obstacle(learner, kind)
    if why and engine == "native":
        raise ValueError(f"engine: native cannot run this: {why}; use auto or eager")
    return ("eager", why) if why else ("native", "")


def live(
    engine: str,
    learner: Learner,
    task: Task,
    lives: LifeData,
    theta: Tensor,
    seed: int,
    labels: Sequence[Label],
    record: Sequence[int] = (),
    prequential: bool = False,
    device: str = "cpu",
    fixed: bool = False,
) -> Result:
    """`inner.life.eager.live` on the engine of this name; what wants gradients, or runs on a GPU, is for eager.

    fixed: worth a kernel of their own for lives of this shape.

    Under `auto`, lives that moments of their data suffice for are lived by moments: the same up to rounding, and sooner.
    """
    free = not theta.requires_grad and device == "cpu"
    if free and engine == "auto" and type(learner) is local_rule.Learner and learner.form is None and not prequential:
        for shortcut in (moments, lateral_moments):
            if shortcut.applies(learner, task, lives):
                return shortcut.live(learner, task, lives, theta, seed, labels, record)
    if (free or engine == "native") and choose(engine, learner, task.kind, device)[0] == "native":
        from inner.engines.native import engine as native

        return native.live(learner, task, lives, theta, seed, labels, record, prequential, fixed=fixed)
    return lifetime.live(learner, task, lives, theta, seed, labels, record, prequential, device)
