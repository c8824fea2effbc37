"""Lives in generated C: the same births, data and scores as the eager engine, another way through the steps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from inner.activations import activation
from inner.axes import fold
from inner.engines.native import compiler, kernel
from inner.engines.native.head import OUTPUTS
from inner.engines.native.plan import Plan
from inner.learners import local_rule
from inner.learners._rule_state import State
from inner.learners.base import Learner, Spec
from inner.life.request import Life, Result
from inner.networks import mlp
from inner.noise import Noise
from inner.pathways import learned
from inner.rules import sharing
from inner.rules.functions import FUNCTIONS, functions_in
from inner.rules.pathway import rates_of
from inner.rules.signals import SIGNALS
from inner.tasks.base import LifeData

MOST_LAYERS = 63


def obstacle(learner: Learner, spec: Spec) -> str:
    """Why lives of this learner cannot run in C, in a few words; empty where they can."""
    if type(learner) is not local_rule.Learner or type(learner.network) is not mlp.Network:
        return "only local rules on a multilayer perceptron have a kernel"
    if learner.form is not None:
        return "a population of different formulas has no kernel"
    rule, network = learner.rule, learner.network
    strange = sorted(name for name in rule.signals if not SIGNALS[name].native)
    if strange:
        return f"no kernel yet for the signal '{strange[0]}'"
    if rule.surprise.of == "loss":
        return "no kernel for a surprise of the loss"
    if not type(learner.pathway).native:
        return f"no kernel for the pathway '{rule.pathway}'"
    if rates_of(rule.pathway, rule.pathway_options):
        return f"no kernel for options of the pathway '{rule.pathway}' that are coefficients"
    without = [
        f for f in functions_in(*rule.expressions.values(), *rule.trace_expressions.values()) if not FUNCTIONS[f].c
    ]
    if without:
        return f"no kernel yet for the function '{without[0]}'"
    if activation(network.activation).c is None:
        return f"no kernel for the activation '{network.activation}'"
    if network.resolve_output(spec.criterion) not in OUTPUTS or spec.criterion.kind == "reward":
        return f"no kernel for the output '{network.output}'"
    if spec.sequences:
        return "no kernel yet for sequences"
    if len(network.hidden) + 1 > MOST_LAYERS:
        return f"a kernel has at most {MOST_LAYERS} layers"
    return compiler.problem()


def why_not(life: Life) -> str:
    """Why this one request cannot run in C, beside its learner."""
    return "" if isinstance(life.data, LifeData) else "only lives of samples have a kernel"


def plan_of(learner: local_rule.Learner, spec: Spec, shape: tuple[int, ...] | None = None) -> Plan:
    """The plan from which the kernel of these lives is generated; `shape` makes sizes compile-time constants."""
    network, batch = learner.network, spec.batch
    decay = float(learner.pathway.decay) if isinstance(learner.pathway, learned.Pathway) else 0.0
    return Plan(
        learner.rule, network.activation, network.resolve_output(spec.criterion), network.bias, spec.criterion.kind,
        batch > 1, decay, shape, batch if shape else 1,
    )  # fmt: skip


def live(life: Life) -> Result:
    """As `inner.life.eager.live`. life.fixed: compile for this one shape, which takes a second and then runs faster.

    A score does not depend, by one bit, on the other candidates, their order or the number of threads.
    """
    learner, task, data, labels, theta = life.learner, life.task, life.data, life.labels, life.theta
    assert isinstance(learner, local_rule.Learner) and isinstance(data, LifeData)
    spec, seed, record = life.spec, life.seed, life.record
    population, count, steps = theta.shape[0], len(labels), data.order.shape[1]
    units = learner.network.sizes(spec.inputs, spec.outputs)
    weights = learner.network.init(spec.inputs, spec.outputs, seed, labels)
    own = learner.pathway.init(units, seed, labels)
    plan = plan_of(learner, spec, units if life.fixed else None)
    layered, wide = coefficients_of(learner, theta, [(w.shape[1], w.shape[2]) for w in weights])
    keys = Noise.of(seed, labels).key.numpy() if learner.explores else None
    wanted = sorted({int(s) for s in record if 0 <= int(s) <= steps} | {steps})
    lived = kernel.call(
        plan, units, data_of(data, learner.network.bias), layered, wide, [w.numpy() for w in weights],
        [b.numpy() for b in own], wanted, life.prequential, life.threads, keys, spec.steps,
    )  # fmt: skip
    alive = torch.from_numpy(lived.alive)
    test_y = fold(data.test_y, population)
    scores = torch.empty(population * count, len(wanted), dtype=torch.float64)
    for r in range(len(wanted)):
        value = task.score(torch.from_numpy(lived.outputs[:, r]), test_y).to(torch.float64)
        scores[:, r] = torch.where(alive[:, r] & torch.isfinite(value), value, task.worst)
    at = {s: r for r, s in enumerate(wanted)}
    curve = torch.full((population * count, len({int(s) for s in record})), task.worst, dtype=torch.float64)
    for c, s in enumerate({int(s): 0 for s in record}):
        if s in at:
            curve[:, c] = scores[:, at[s]]
    state = State(tuple(torch.from_numpy(w) for w in lived.weights), (), tuple({} for _ in weights), {}, spec)
    bits = torch.from_numpy(lived.bits)
    return Result.of(population, count, scores[:, -1], alive[:, -1], curve, bits, state)


def coefficients_of(
    learner: local_rule.Learner, theta: Tensor, shapes: sharing.Shapes
) -> tuple[np.ndarray, np.ndarray]:
    """theta [P, D] as the kernel wants it: [P, layers, scalars], and [P, F] with a value per unit or synapse."""
    known = learner.rule.coefficients
    common, own = sharing.split(known, theta.detach().to(torch.float32), shapes)
    population = theta.shape[0]
    each = [common | (own[k] if own else {}) for k in range(len(shapes))]
    scalars = [c.name for c in known if c.share not in sharing.SIDES]
    layered = np.zeros((population, len(shapes), len(scalars)), dtype=np.float32)
    for k, named in enumerate(each):
        for d, name in enumerate(scalars):
            layered[:, k, d] = named[name].reshape(population).numpy()
    wide = [
        named[c.name].reshape(population, -1).numpy()
        for named in each
        for share in sharing.SIDES
        for c in known
        if c.share == share
    ]
    return layered, np.concatenate(wide, axis=1) if wide else np.zeros((population, 0), dtype=np.float32)


def data_of(lives: LifeData, bias: bool) -> kernel.Data:
    """The arrays of some lives as C wants them. Raises ValueError where `order` points outside the pool."""
    if lives.order.numel() and not (0 <= int(lives.order.min()) and int(lives.order.max()) < lives.x.shape[1]):
        raise ValueError(f"order: expected samples 0 .. {lives.x.shape[1] - 1}")
    test = lives.test_x
    if bias:
        test = torch.cat([test, torch.ones_like(test[..., :1])], -1)
    return kernel.Data(_rows(lives.x), kernel.padded(_rows(lives.y)), _rows(lives.order, torch.int64), _rows(test))


def _rows(value: Tensor, dtype: torch.dtype = torch.float32) -> np.ndarray:
    """A tensor [L, ...] whose lives are contiguous; an axis of lives that all share one stays as it is."""
    value = value.detach().to(dtype)
    if value.shape[0] > 1 and value.stride(0) == 0:
        return value[:1].contiguous().expand(value.shape).numpy()
    return value.contiguous().numpy()
