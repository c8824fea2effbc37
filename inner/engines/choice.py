"""The ordered list of engines: the first that can live a request does; each says in words why it cannot.

    moments (no samples at all) -> native (generated C) -> eager (torch, everything)
"""

from __future__ import annotations

from dataclasses import replace

from inner.components import suggest
from inner.engines import lateral_moments, moments
from inner.learners.base import Learner, Spec
from inner.life import eager
from inner.life.request import Life, Result

ENGINES = ("auto", "native", "eager")


def check_engine(name: str) -> None:
    """Raise ValueError when `name` is no engine."""
    if name not in ENGINES:
        raise ValueError(f"engine: unknown name '{name}'{suggest(str(name), ENGINES)}; known: {', '.join(ENGINES)}")


def choose(engine: str, learner: Learner, spec: Spec, device: str = "cpu") -> tuple[str, str]:
    """("native", "") or ("eager", why not native) for lives of this learner.

    Raises ValueError where `native` was asked for by name and cannot be had.
    """
    check_engine(engine)
    if device != "cpu" and engine == "native":
        raise ValueError(f"engine: native runs on the CPU; with device {device} expected auto or eager, got native")
    if engine == "eager" or device != "cpu":
        return "eager", "asked for" if engine == "eager" else f"device {device}"
    if spec.criterion.kind == "reward":
        from inner.engines.crowd.engine import obstacle
    else:
        from inner.engines.native.engine import obstacle
    why = obstacle(learner.lives_as, spec)
    if why and engine == "native":
        raise ValueError(f"engine: native cannot run this: {why}; use auto or eager")
    return ("eager", why) if why else ("native", "")


def live(life: Life, engine: str = "auto") -> Result:
    """Live a request on the engine of this name, or on the first that can. Gradients and a GPU are for eager.

    Under `auto`, lives that moments of their data suffice for are lived by moments: the same up to rounding, and sooner.
    Raises ValueError where the learner cannot live such lives, or `native` was asked for and cannot be had.
    """
    refused = life.learner.accepts(life.spec)
    if refused:
        raise ValueError(f"learner: '{life.learner.name}' cannot learn here: {refused}")
    life = replace(life, learner=life.learner.lives_as)
    free = not life.theta.requires_grad and life.device == "cpu"
    if free and engine == "auto":
        for shortcut in (moments, lateral_moments):
            if not shortcut.why_not(life):
                found: Result = shortcut.live(life)
                return found
    if free and engine != "eager":
        from inner.engines.crowd import engine as crowd

        if not crowd.why_not(life):
            return crowd.live(life)
    if (free or engine == "native") and choose(engine, life.learner, life.spec, life.device)[0] == "native":
        from inner.engines.native import engine as native

        if not (why := native.why_not(life)):
            return native.live(life)
        if engine == "native":
            raise ValueError(f"engine: native cannot run this: {why}; use auto or eager")
    return eager.live(life)
