"""Speed of whole lives, side by side in one run: native, eager, a naive loop, and a JAX peer from another interpreter.

    python tests/bench/lives.py [--jax-python PATH --jax-peer jax_peer.py] [--out FOLDER] [--only W1]

Three workloads (64-32-10 online and in batches, 784-256-10, an MLP per synapse); rates are candidate-steps per second of
processor time on one core, so that a busy machine changes them little; what counts is the ratios. The peer's inputs are
used where it is given, and the final weights of every candidate are held against its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from inner.engines.native import kernel
from inner.engines.native.plan import Plan
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.rules.rule import Rule

EIGHT = "eta*(c0*post*pre + c1*err*pre + c2*post*err*pre + c3*post**2*w + c4*w + c5*pre + c6*post + c7*err)"
MLP = " + ".join(f"o{k}*tanh(a{k}*pre + b{k}*post + c{k}*err + d{k}*w + g{k})" for k in range(8))
WORKLOADS = {  # name: formula, units, batch, population, steps of native, of eager, of the naive loop
    "W1, P=64, B=1": (EIGHT, (64, 32, 10), 1, 64, 2000, 100, 100),
    "W1, P=64, B=32": (EIGHT, (64, 32, 10), 32, 64, 100, 20, 50),
    "W2, P=16, B=32": (EIGHT, (784, 256, 10), 32, 16, 10, 5, 10),
    "W3, P=64, B=1": (MLP, (64, 32, 10), 1, 64, 100, 10, 50),
}
JAX = """
import sys, time
sys.path.insert(0, sys.argv[1])
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import jax, jax_peer, numpy as np
name, population, batch, steps, path = sys.argv[2], *map(int, sys.argv[3:6]), sys.argv[6]
d = jax_peer.inputs(name, population, batch, steps)
run = jax_peer.lives(name, batch, "map" if name == "W2" else "vmap")
if name == "W3":
    d["w1"], d["w2"] = (np.ascontiguousarray(d[k].transpose(0, 2, 1)) for k in ("w1", "w2"))
order = np.repeat(d["order"][None], population, 0)
a = [jax.numpy.asarray(v) for v in (d["w1"], d["w2"], d["theta"], order, d["x"], d["y"], d["feedback"])]
final = [np.asarray(f) for f in jax.block_until_ready(run(*a, d["eta"]))]
if name == "W3":
    final = [f.transpose(0, 2, 1) for f in final]
np.savez(path, first=final[0], last=final[1])
rates = []
for _ in range(5):
    t = time.process_time()
    jax.block_until_ready(run(*a, d["eta"]))
    rates.append(population * steps / (time.process_time() - t))
print(sorted(rates)[2])
"""


def rate(work: Callable[[], object], amount: float, repeats: int = 5) -> float:
    """Median of amount / processor seconds."""
    work()
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(amount / (time.process_time() - start))
    return float(np.median(found))


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
    d["w1"] = draw.standard_normal((population, n, m), dtype=np.float32) / np.sqrt(n)
    d["w2"] = draw.standard_normal((population, m, k), dtype=np.float32) / np.sqrt(m)
    return d | {"rows": draw.standard_normal((population, 2, len(names)), dtype=np.float32) * 0.01}


def native(plan: Plan, units: tuple[int, ...], d: dict, which: slice | int = 0) -> Callable[[], kernel.Lived]:
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
    return lambda: kernel.call(plan, units, data, rows, weights, own, [len(d["order"])], False, 1)


def eager(rule: Rule, units: tuple[int, ...], d: dict, steps: int) -> Callable[[], object]:
    """The same steps in torch, all candidates side by side."""
    from dataclasses import replace

    from inner.learners.base import Shape

    learner, population = Learner(rule, Network(hidden=units[1:-1])), len(d["rows"])
    state = learner.init(
        Shape(units[0], units[-1], "classification"), torch.tensor(d["rows"][:, 0]).float(), population, 0, (("a",),)
    )
    state = replace(state, weights=(torch.tensor(d["w1"]), torch.tensor(d["w2"])))
    x, y = torch.tensor(d["x"]), torch.tensor(d["y"])

    def work() -> None:
        now = state
        for t in range(steps):
            picks = torch.tensor(d["order"][t % len(d["order"])].astype(np.int64))
            now, _ = learner.step(now, x[picks].expand(population, -1, -1), y[picks].expand(population, -1, -1))

    return work


def naive(rule: Rule, units: tuple[int, ...], d: dict, steps: int) -> Callable[[], object]:
    """One candidate at a time, the formula evaluated as it stands on [B, I, O]."""
    from inner.rules.faces import to_torch

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jax-python", help="an interpreter that has jax")
    parser.add_argument("--jax-peer", type=Path, help="the peer's file, jax_peer.py")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of lives.md and lives.svg")
    parser.add_argument("--only", default="", help="run the workloads whose names start with this")
    args = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "| workload | native | fixed shape | eager | naive | JAX | native : eager | native : JAX | weights agree with JAX |"
    ]
    lines.append("|" + "---|" * 9)
    bars: dict[str, list[float]] = {}
    for title, (text, units, batch, population, steps, few, fewer) in WORKLOADS.items():
        if not title.startswith(args.only):
            continue
        rule, name = Rule(text, pathway="random"), title[:2]
        d = inputs(args.jax_peer, name, population, batch, steps, units, rule)
        plans = [Plan(rule, "tanh", "softmax", False, "classification", batch > 1)]
        plans.append(Plan(rule, "tanh", "softmax", False, "classification", batch > 1, 0.0, units, batch))
        rates = [rate(native(plan, units, d, slice(None)), population * steps) for plan in plans]
        rates.append(rate(eager(rule, units, d, few), population * few, 3))
        rates.append(rate(naive(rule, units, d, fewer), fewer, 3))
        agree = "-"
        if args.jax_python and args.jax_peer:
            short = 20  # longer lives are chaotic
            with tempfile.TemporaryDirectory() as folder:

                def peer(length: int, file: str = f"{folder}/w.npz", spec: tuple = (name, population, batch)) -> float:
                    call = [
                        args.jax_python,
                        "-c",
                        JAX,
                        str(args.jax_peer.parent),
                        spec[0],
                        str(spec[1]),
                        str(spec[2]),
                        str(length),
                        file,
                    ]
                    return float(subprocess.run(call, capture_output=True, text=True, check=True).stdout)

                peer(short)
                final = np.load(f"{folder}/w.npz")
                early = inputs(args.jax_peer, name, population, batch, short, units, rule)
                worst = 0.0
                for c in range(population):
                    lived = native(plans[0], units, early, c)()
                    for found, wanted in zip(lived.weights, (final["first"][c], final["last"][c])):
                        worst = max(worst, float(np.abs(found[0] - wanted).max() / np.abs(wanted).max()))
                agree = f"{worst:.0e}"
                rates.append(peer(min(steps, 300)))
        best = max(rates[:2])
        row = [f"{r / 1e3:,.1f} k" for r in rates] + ["-"] * (5 - len(rates))
        ratio = f"{best / rates[4]:.2f}" if len(rates) > 4 else "-"
        lines.append(f"| {title} | " + " | ".join(row) + f" | {best / rates[2]:.1f} | {ratio} | {agree} |")
        bars[title] = rates
        print(lines[-1], flush=True)
    (args.out / "lives.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    picture(bars, args.out / "lives.svg")
    print("\n".join(lines))


def picture(bars: dict[str, list[float]], path: Path) -> None:
    """Rates as bars on a logarithmic axis."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.5))
    for n, label in enumerate(("native", "native, fixed shape", "eager", "naive", "JAX")):
        values = [rates[n] if n < len(rates) else float("nan") for rates in bars.values()]
        axes.bar(np.arange(len(bars)) + 0.16 * n, values, 0.15, label=label)
    axes.set_yscale("log")
    axes.set_xticks(np.arange(len(bars)) + 0.32, list(bars))
    axes.set_ylabel("candidate-steps per second and core")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
