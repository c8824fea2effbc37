"""Lives of a crowd: the births, worlds and scores of the eager engine, another way through the steps."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from inner.activations import ACTIVATIONS
from inner.engines.crowd.generate import SIGNALS, Plan, source
from inner.engines.native import compiler
from inner.learners import _born_with as born_with
from inner.learners import local_rule
from inner.learners._rule_state import State
from inner.learners.base import Learner, Spec
from inner.life.request import Life, Result
from inner.networks import mlp
from inner.noise import Noise
from inner.rules import sharing
from inner.rules.functions import FUNCTIONS, functions_in
from inner.rules.means import averages
from inner.sources import Source

MOST = 4096  # synapses of a network: all of a crowd's weights stay in the cache
_COUNTS = ("lives", "networks", "steps", "records", "world_row", "inherited")
_POINTERS = ("record", "numbers", "theta", "weights", "world", "keys", "luck", "totals", "alive", "end")


class _Job(ctypes.Structure):
    """The C struct `Job`, field for field."""

    _fields_ = [*((name, ctypes.c_int64) for name in _COUNTS), *((name, ctypes.c_void_p) for name in _POINTERS)]


def obstacle(learner: Learner, spec: Spec) -> str:
    """Why lives of this learner in a world that answers cannot run in C, in a few words; empty where they can."""
    if not spec.compiled or spec.batch != 1:
        return "no kernel for worlds without a text in C, or for several side by side"
    if isinstance(learner, born_with.Learner):
        if set(learner.layout.parts) - {"coefficients", "weights"}:
            return "no kernel in worlds that answer for networks that inherit more than weights"
        return obstacle(learner.inner, spec)
    if type(learner) is not local_rule.Learner or type(learner.network) is not mlp.Network or learner.form is not None:
        return "only local rules on a multilayer perceptron have a kernel"
    rule, network = learner.rule, learner.network
    strange = sorted(rule.signals - set(SIGNALS))
    if strange:
        return f"no kernel in worlds that answer for the signal '{strange[0]}'"
    if learner.explores or rule.homeostasis is not None or learner.follows:
        return "no kernel in worlds that answer for noise in the drives, homeostasis or learned feedback"
    if rule.surprise.of == "loss" or rule.surprise.baseline != "mean":
        return "no kernel in worlds that answer for this surprise"
    if any(c.share not in ("rule", "layer") for c in rule.coefficients):
        return "no kernel in worlds that answer for a coefficient per unit or synapse"
    formulas = [*rule.expressions.values(), *rule.trace_expressions.values()]
    without = [f for f in functions_in(*formulas) if not FUNCTIONS[f].c]
    if without or any(averages(each) for each in formulas):
        return "no kernel in worlds that answer for a function of the rule"
    if ACTIVATIONS[network.activation].c is None or network.resolve_output(spec.criterion) != "linear":
        return "no kernel in worlds that answer for the network's units"
    return compiler.problem()


def why_not(life: Life) -> str:
    """Why this request cannot run as a crowd."""
    if not isinstance(life.data, Source) or life.spec.criterion.kind != "reward":
        return "only lives in worlds that answer are a crowd"
    if life.data.batch != 1 or life.prequential:
        return "a crowd lives in one world each"
    if life.data.c() is None:
        return "the world has no C"
    shapes = life.learner.network.shapes(life.spec.inputs, life.spec.outputs)
    if sum(rows * above for rows, above in shapes) > MOST:
        return f"a crowd's networks have at most {MOST} synapses"
    return obstacle(life.learner, life.spec)


@lru_cache(maxsize=64)
def _function(plan: Plan, key: str) -> ctypes._CFuncPtr:  # type: ignore[name-defined]
    """The C function `run` of a plan; `key` tells compilers apart."""
    run = compiler.function(source(plan), "run")
    run.argtypes, run.restype = [ctypes.POINTER(_Job)], ctypes.c_int
    return run


def live(life: Life) -> Result:
    """As `inner.life.eager.live`: choices may differ where two preferences are equal up to rounding."""
    learner, labels, spec, theta, weights = life.learner, life.labels, life.spec, life.theta, None
    if isinstance(learner, born_with.Learner):
        parts = learner.layout.parts
        weights = theta[:, parts["weights"]].to(torch.float32).numpy() if "weights" in parts else None
        learner, theta = learner.inner, theta[:, parts["coefficients"]]
    assert isinstance(learner, local_rule.Learner) and isinstance(learner.network, mlp.Network)
    assert isinstance(life.data, Source)
    world = life.data.c()
    assert world is not None
    units, network = learner.network.sizes(spec.inputs, spec.outputs), learner.network
    plan = Plan(learner.rule, network.activation, network.bias, units, world.text, world.state, world.totals, spec.criterion.choice)
    run = _function(plan, "\x1f".join(compiler.command()))
    population, count, steps = life.theta.shape[0], len(labels), life.data.steps
    n = population * count
    born = [w.numpy() for w in network.init(spec.inputs, spec.outputs, life.seed, labels)]
    record = np.array(sorted({int(s) for s in life.record if 0 <= int(s) <= steps} | {steps}), dtype=np.int64)
    inherited = weights is not None
    if weights is None:
        weights = np.concatenate([w.reshape(count, -1) for w in born], 1)
    own = np.ascontiguousarray(world.floats.reshape(count, -1).numpy(), dtype=np.float32)
    arrays = {
        "record": record,
        "numbers": np.array(world.numbers or (0,), dtype=np.int64),
        "theta": coefficients(learner, theta, len(born)),
        "weights": np.ascontiguousarray(weights, dtype=np.float32),
        "world": own,
        "keys": np.ascontiguousarray(Noise.of(life.seed, labels).key.numpy(), dtype=np.uint32),
        "luck": np.ascontiguousarray(world.luck.key.numpy(), dtype=np.uint32),
        "totals": np.zeros((n, len(record), world.totals)),
        "alive": np.zeros((n, len(record)), dtype=np.uint8),
        "end": np.zeros((n, sum(w.shape[1] * w.shape[2] for w in born)), dtype=np.float32),
    }
    job = _Job(
        lives=count, networks=n, steps=steps, records=len(record), world_row=own.shape[1],
        inherited=int(inherited),
        **{name: array.ctypes.data for name, array in arrays.items()},
    )  # fmt: skip
    if run(ctypes.byref(job)):
        raise MemoryError("engine: not enough memory for a crowd")
    alive = torch.from_numpy(arrays["alive"].astype(bool))
    scores = world.score(torch.from_numpy(arrays["totals"]), torch.from_numpy(record))
    scores = torch.where(alive & torch.isfinite(scores), scores, life.task.worst)
    at = {int(s): r for r, s in enumerate(record)}
    asked = list(dict.fromkeys(int(s) for s in life.record))
    curve = torch.full((n, len(asked)), life.task.worst, dtype=torch.float64)
    for c, s in enumerate(asked):
        if s in at:
            curve[:, c] = scores[:, at[s]]
    ends = np.split(arrays["end"], np.cumsum([w.shape[1] * w.shape[2] for w in born])[:-1], 1)
    last = tuple(torch.from_numpy(end.reshape(n, *w.shape[1:])) for w, end in zip(born, ends))
    state: Any = State(last, (), tuple({} for _ in born), {}, spec)
    if isinstance(life.learner, born_with.Learner):
        wide = torch.from_numpy(np.repeat(arrays["weights"], count, 0) if inherited else np.tile(arrays["weights"], (population, 1)))
        state = born_with.State(state, life.learner.layout.layers(wide), None, None, None, torch.full((n,), float(steps)))
    bits = torch.zeros(n, dtype=torch.float64)
    return Result.of(population, count, scores[:, -1], alive[:, -1], curve, bits, state)


def coefficients(learner: local_rule.Learner, theta: torch.Tensor, layers: int) -> np.ndarray:
    """theta [P, D'] as a crowd wants it: float32 [P, layers * D], a value of every coefficient for every layer."""
    known = learner.rule.coefficients
    common, own = sharing.split(known, theta.detach().to(torch.float32), [(1, 1)] * layers)
    columns = [
        (common | (own[k] if own else {}))[c.name].reshape(len(theta)).numpy() for k in range(layers) for c in known
    ]
    return np.ascontiguousarray(np.stack(columns, 1)) if columns else np.zeros((len(theta), 0), dtype=np.float32)
