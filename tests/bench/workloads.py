"""The yardstick's workloads as jobs for each way of living them: the kernel, torch, and a loop over candidates."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from inner.criteria import CLASSES, Criterion
from inner.engines.native import kernel
from inner.engines.native.plan import Plan
from inner.learners.local_rule import Learner
from inner.life import eager as lifetime
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.faces import to_torch
from inner.rules.rule import Rule
from inner.tasks.base import LifeData

EIGHT = "eta*(c0*post*pre + c1*err*pre + c2*post*err*pre + c3*post**2*w + c4*w + c5*pre + c6*post + c7*err)"
MLP = " + ".join(f"o{k}*tanh(a{k}*pre + b{k}*post + c{k}*err + d{k}*w + g{k})" for k in range(8))
WORKLOADS = {  # name: formula, units, batch, population, steps of native, of eager, of the naive loop
    "W1, P=64, B=1": (EIGHT, (64, 32, 10), 1, 64, 2000, 500, 100),
    "W1, P=64, B=32": (EIGHT, (64, 32, 10), 32, 64, 100, 100, 50),
    "W2, P=16, B=32": (EIGHT, (784, 256, 10), 32, 16, 40, 100, 10),
    "W2, P=64, B=32": (EIGHT, (784, 256, 10), 32, 64, 40, 40, 10),
    "W3, P=64, B=1": (MLP, (64, 32, 10), 1, 64, 100, 40, 50),
}


def rate(
    work: Callable[[], object], amount: float, repeats: int = 5, clock: Callable[[], float] = time.process_time
) -> float:
    """Median of amount / seconds, of processor time if nothing else is said."""
    work()
    found = []
    for _ in range(repeats):
        start = clock()
        work()
        found.append(amount / (clock() - start))
    return float(np.median(found))


def sustained(work: Callable[[], object], amount: float, seconds: float = 2.0) -> float:
    """Amount per second of wall clock over some seconds, as the peer's own script measures it."""
    work()
    start, times = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        work()
        times += 1
    return times * amount / (time.perf_counter() - start)


def inputs(
    peer: Path | None, name: str, population: int, batch: int, steps: int, units: tuple[int, ...], rule: Rule
) -> dict:
    """Arrays of the yardstick: the peer's own, or random ones of the same shapes."""
    names = [c.name for c in rule.coefficients]
    if peer is not None:
        sys.path.insert(0, str(peer.parent))
        import jax_peer

        d = jax_peer.inputs(name, population, batch, steps)
        if name == "W3":
            rows = d["theta"].reshape(population, 2, 6, 8)
            d["rows"] = np.stack([rows[:, :, "abcdgo".index(n[0]), int(n[1:])] for n in names], -1)
        else:
            d["rows"] = np.stack(
                [d["theta"][:, :, int(n[1:])] if n != "eta" else np.full((population, 2), d["eta"]) for n in names], -1
            )
        return d
    draw = np.random.Generator(np.random.Philox(0))
    n, m, k = units
    d = {"x": draw.standard_normal((1024, n), dtype=np.float32), "order": draw.integers(0, 1024, (steps, batch))}
    d["y"] = np.eye(k, dtype=np.float32)[draw.integers(0, k, 1024)]
    d["feedback"] = draw.standard_normal((k, m), dtype=np.float32) / 3
    d["w1"] = draw.standard_normal((population, n, m), dtype=np.float32) / np.float32(n**0.5)
    d["w2"] = draw.standard_normal((population, m, k), dtype=np.float32) / np.float32(m**0.5)
    return d | {"rows": draw.standard_normal((population, 2, len(names)), dtype=np.float32) * 0.01}


def plans(rule: Rule, units: tuple[int, ...], batch: int) -> tuple[Plan, Plan]:
    """For any shape, and for this one."""
    free = Plan(rule, "tanh", "softmax", False, "classes", batch > 1)
    return free, Plan(rule, "tanh", "softmax", False, "classes", batch > 1, 0.0, units, batch)


def native(
    plan: Plan, units: tuple[int, ...], d: dict, which: slice | int = 0, threads: int = 1
) -> Callable[[], kernel.Lived]:
    """A job of all candidates from the first one's weights, or of one candidate from its own."""
    one = which if isinstance(which, int) else 0
    rows = (
        d["rows"].astype(np.float32) if not isinstance(which, int) else d["rows"][which : which + 1].astype(np.float32)
    )
    data = kernel.Data(
        np.ascontiguousarray(d["x"][None]),
        kernel.padded(d["y"][None]),
        d["order"].astype(np.int64)[None],
        d["x"][None, :1].copy(),
    )
    own = [np.zeros((1, units[1], units[0]), np.float32), d["feedback"][None]]
    weights = [d["w1"][one : one + 1].astype(np.float32), d["w2"][one : one + 1].astype(np.float32)]
    return lambda: kernel.call(plan, units, data, rows, rows[:, 0, :0], weights, own, [len(d["order"])], False, threads)


@dataclass(frozen=True)
class Given(Network):
    """A network whose initial weights are given."""

    weights: tuple[torch.Tensor, ...] = ()

    def init(self, *_: object) -> tuple[torch.Tensor, ...]:
        return self.weights


@dataclass(frozen=True)
class Unscored:
    """A task of which only the steps count."""

    criterion: Criterion = CLASSES
    worst: float = 0.0

    def score(self, output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return output.mean((1, 2))


def eager(
    rule: Rule, units: tuple[int, ...], d: dict, steps: int, device: str = "cpu"
) -> Callable[[], lifetime.Result]:
    """Whole lives in torch, all candidates side by side, from the first one's weights."""
    network = Given(units[1:-1], weights=tuple(torch.tensor(d[k][:1]).float() for k in ("w1", "w2")))
    x, y = (torch.tensor(d[k])[None] for k in ("x", "y"))
    order = torch.tensor(np.resize(d["order"], (steps, d["order"].shape[1])).astype(np.int64))[None]
    lives = LifeData(x, y, order, x[:, :1], y[:, :1])
    theta = torch.tensor(d["rows"][:, 0])
    task = cast(Any, Unscored())

    @torch.no_grad()
    def work() -> lifetime.Result:
        return lifetime.live(Life(Learner(rule, network), task, lives, theta, 0, (("a",),), device=device))

    return work


def naive(rule: Rule, units: tuple[int, ...], d: dict, steps: int) -> Callable[[], object]:
    """One candidate at a time, the formula evaluated as it stands on [B, I, O]."""
    formula = to_torch(rule.expression)
    x, y, feedback = (torch.tensor(d[k]) for k in ("x", "y", "feedback"))
    names = [c.name for c in rule.coefficients]

    def work() -> None:
        w1, w2 = torch.tensor(d["w1"][0]), torch.tensor(d["w2"][0])
        values = {n: torch.tensor(v) for n, v in zip(names, d["rows"][0, 0].tolist())}
        for t in range(steps):
            picks = torch.tensor(d["order"][t % len(d["order"])].astype(np.int64))
            pre = x[picks]
            h = torch.tanh(pre @ w1)
            p = torch.softmax(h @ w2, -1)
            e = y[picks] - p
            eh = (e @ feedback) * (1 - h * h)
            for w, a, b, err in ((w1, pre, h, eh), (w2, h, p, e)):
                signals = {"pre": a[:, :, None], "post": b[:, None], "err": err[:, None], "w": w}
                w += formula(signals | values).mean(0)

    return work
