"""What the tests of the native engine share: a toy task, random lives of it, and the same step by the plain-Python oracle."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import noise_oracle
import numpy as np
import oracle
import torch
from torch import Tensor

from inner.criteria import CLASSES, Criterion
from inner.engines.native import engine as native
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.eager import Result, live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.noise import Noise
from inner.random import stream
from inner.rules import sharing
from inner.rules.rule import Rule
from inner.tasks.base import Label, LifeData, Task

LABELS: tuple[Label, ...] = (("a",), ("b",))
SPEC = Spec(9, 2, CLASSES)


@dataclass(frozen=True)
class Toy(Task):
    """Random samples with random targets."""

    inputs: int = 5
    outputs: int = 3
    criterion: Criterion = CLASSES  # type: ignore[misc]
    chance: float = 0.0
    worst: float = -1e3
    tests: int = 37

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        draw = stream(seed, "toy", tier)

        def numbers(*shape: int) -> Tensor:
            return torch.from_numpy(draw.standard_normal((len(labels), *shape), dtype=np.float32))

        def targets(count: int) -> Tensor:
            if self.criterion != CLASSES:
                return numbers(count, self.outputs)
            picks = draw.integers(0, self.outputs, (len(labels), count))
            return torch.from_numpy(np.eye(self.outputs, dtype=np.float32)[picks])

        pool = 11
        order = torch.from_numpy(draw.integers(0, pool, (len(labels), steps, batch)))
        return LifeData(
            numbers(pool, self.inputs), targets(pool), order, numbers(self.tests, self.inputs), targets(self.tests)
        )

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        return (output.double() * test_y.double()).mean((-1, -2))

    def samples(self, tier: str) -> set[Hashable]:
        return {tier}


def coefficients(rule: Rule, population: int = 2, scale: float = 0.3, shapes: Sequence[tuple[int, int]] = ()) -> Tensor:
    """Random theta [P, D]; shapes of the layers for a rule with values per layer, unit or synapse."""
    size = sum(sharing.count(c, shapes) for c in rule.coefficients)
    return torch.from_numpy(stream(3, "theta").standard_normal((population, size)) * scale)


def both(
    rule: Rule,
    network: Network,
    task: Toy,
    steps: int,
    batch: int,
    theta: Tensor,
    record: Sequence[int] = (),
    **options: bool,
) -> tuple[Result, Result]:
    """The same lives by the native and by the eager engine."""
    learner, lives = Learner(rule, network), task.life_data("search", steps, batch, 0, LABELS)
    with torch.no_grad():
        one = native.live(Life(learner, task, lives, theta, 0, LABELS, record, True, **options))
        two = live(Life(learner, task, lives, theta, 0, LABELS, record, True))
    return one, two


def by_name(
    rule: Rule, row: list[float], shapes: Sequence[tuple[int, int]]
) -> tuple[dict[str, float], dict[str, tuple[str, list[float]]]]:
    """A row of theta taken apart: single numbers, and rows of values with what shares one of them."""
    common: dict[str, float] = {}
    rows: dict[str, tuple[str, list[float]]] = {}
    start = 0
    for c in rule.coefficients:
        size = sharing.count(c, shapes)
        if c.share == "rule":
            common[c.name] = row[start]
        else:
            rows[c.name] = (c.share, row[start : start + size])
        start += size
    return common, rows


def noise_of(key: list[int], t: int, batch: int, units: Sequence[int], sigma: float) -> list[list[list[float]]]:
    """The noise of one step, [B][k][j]: one draw at site 0, layer after layer, within a layer sample after sample."""
    found, start = [[[0.0] * size for size in units] for _ in range(batch)], 0
    for k, size in enumerate(units):
        for b in range(batch):
            for j in range(size):
                e = start + b * size + j
                found[b][k][j] = float(np.float32(noise_oracle.normal(noise_oracle.word(key, t, 0, e)))) * sigma
        start += batch * size
    return found


def against_oracle(
    rule: Rule, network: Network, task: Toy, batch: int, steps: int = 2, fixed: bool = False
) -> list[Tensor]:
    """Weights after `steps` steps of the native engine and of the oracle; returns how far the weights have moved."""
    shapes = network.shapes(task.inputs, task.outputs)
    theta = coefficients(rule, shapes=shapes)
    learner, lives = Learner(rule, network), task.life_data("search", steps, batch, 0, LABELS)
    result = native.live(Life(learner, task, lives, theta, 0, LABELS, fixed=fixed))
    state = learner.init(result.state.spec, theta.float().repeat_interleave(2, 0), 2, 0, LABELS)
    setting = oracle.Setting(
        rule.dw,
        rule.traces,
        rule.pathway,
        network.activation,
        network.resolve_output(task.criterion),
        network.bias,
        task.criterion.kind,
    )
    setting.layers, setting.steps = rule.layers, steps
    setting.homeostasis = (rule.homeostasis.kind, rule.homeostasis.bound) if rule.homeostasis else None
    setting.surprise = (rule.surprise.baseline, rule.surprise.rate, rule.surprise.over)
    keys = Noise.of(0, LABELS).key.tolist()
    moved = [torch.zeros_like(w) for w in state.weights]
    assert bool(result.alive.all())
    for n in range(4):
        common, rows = by_name(rule, theta[n // 2].float().tolist(), shapes)
        net = oracle.Net(
            [w[n].tolist() for w in state.weights],
            [b[n].tolist() for b in state.own],
            [{name: e[n].tolist() for name, e in layer.items()} for layer in state.traces],
            common,
            rows,
        )
        for t in range(steps):
            picks = lives.order[n % 2, t]
            sigma = common[rule.noise] if isinstance(rule.noise, str) else rule.noise
            drawn = noise_of(keys[n % 2], t, batch, network.sizes(task.inputs, task.outputs)[1:], sigma) if sigma else None
            net = oracle.step(setting, net, lives.x[n % 2, picks].tolist(), lives.y[n % 2, picks].tolist(), drawn)[1]
        for k, wanted in enumerate(net.weights):
            change = torch.tensor(wanted, dtype=torch.float64) - state.weights[k][n].double()
            found = result.state.weights[k][n].double() - state.weights[k][n].double()
            size = float(change.abs().max()) + 0.1 * float(state.weights[k][n].abs().max())
            error = float((found - change).abs().max())
            assert error <= 1e-5 * size + 1e-7, (
                f"layer {k} of network {n}: off by {error:.3g}, changes up to {size:.3g}"
            )
            moved[k][n] = change
    return moved
