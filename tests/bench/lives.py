"""Speed of whole lives, side by side in one run: native, eager, a naive loop, torch by hand, and a JAX peer from another interpreter.

    python tests/bench/lives.py [--jax-python PATH --jax-peer jax_peer.py] [--out FOLDER] [--only W1] [--wall] [--no-scaling]

Three workloads (64-32-10 online and in batches, 784-256-10, an MLP per synapse); rates are candidate-steps per second of
processor time on one core, so that a busy machine changes them little; what counts is the ratios. The peer's inputs are
used where it is given, and the final weights of every candidate are held against its own. Then what a candidate-step
costs against candidates, steps, width and depth, and whether memory grows with the steps. Everything goes to lives.md,
lives.svg and scaling.svg.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).parents[1])]
from bench import scaling, tuned  # noqa: E402
from bench.peer import Peer  # noqa: E402
from bench.workloads import WORKLOADS, eager, inputs, naive, native, plans, rate, sustained  # noqa: E402

from inner.rules.rule import Rule  # noqa: E402

COLUMNS = ("native", "fixed shape", "eager", "naive", "by hand", "JAX")
RATIOS = ("native : eager", "eager : by hand", "native : JAX", "weights apart from JAX")
WALL = ("native, two cores", "JAX, two cores", "two cores, native : JAX")
GPU = ("eager on the GPU", "the same, 2,048 candidates")  # wall clock; columns where there is one
MANY = 2048
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jax-python", help="an interpreter that has jax")
    parser.add_argument("--jax-peer", type=Path, help="the peer's file, jax_peer.py")
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of lives.md, lives.svg and scaling.svg")
    parser.add_argument("--only", default="", help="run the workloads whose names start with this")
    parser.add_argument("--wall", action="store_true", help="wall clock on two cores too: needs a quiet machine")
    parser.add_argument("--no-scaling", action="store_true", help="the table of workloads alone")
    args = parser.parse_args()
    torch.set_num_threads(1)
    peer = Peer(args.jax_python, args.jax_peer) if args.jax_python and args.jax_peer else None
    gpu = torch.cuda.is_available()
    columns = COLUMNS + RATIOS + (WALL if args.wall else ()) + (GPU if gpu else ())
    lines = [f"| workload | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 1)]
    bars: dict[str, list[float]] = {}
    for title, (text, units, batch, population, steps, few, fewer) in WORKLOADS.items():
        if not title.startswith(args.only):
            continue
        rule, name = Rule(text, pathway="random"), title[:2]
        d = inputs(args.jax_peer, name, population, batch, steps, units, rule)
        jobs = [native(plan, units, d, slice(None)) for plan in plans(rule, units, batch)]
        rates = [rate(job, population * steps) for job in jobs]
        rates.append(rate(eager(rule, units, d, few), population * few, 3))
        rates.append(rate(naive(rule, units, d, fewer), fewer, 3))
        rates.append(rate(tuned.life_data(title, d, [c.name for c in rule.coefficients], few), population * few, 3))
        best, apart = max(rates[:2]), "-"
        if peer is not None:
            rates.append(peer.rate(name, population, batch, min(steps, 300)))
            apart = f"{peer.apart(name, population, batch, units, rule):.0e}"
        row = [*map(thousands, rates)] + ["-"] * (len(COLUMNS) - len(rates))
        row += [
            f"{best / rates[2]:.1f}",
            f"{rates[2] / rates[4]:.2f}",
            f"{best / rates[5]:.2f}" if peer else "-",
            apart,
        ]
        if args.wall:
            both = [native(plan, units, d, slice(None), 2) for plan in plans(rule, units, batch)]
            rounds = []
            for _ in range(ROUNDS):  # by turns: what else the machine does meets both
                ours = max(sustained(job, population * steps) for job in both)
                theirs = peer.wall(name, population, batch, min(steps, 300)) if peer else float("nan")
                rounds.append((ours, theirs, ours / theirs))
            ours, theirs, ratio = (float(np.median(values)) for values in zip(*rounds))
            row += [thousands(ours), thousands(theirs), f"{ratio:.2f}"]
        for candidates in (population, MANY) if gpu else ():
            work = eager(rule, units, repeated(d, candidates), steps, "cuda")
            row.append(thousands(rate(work, candidates * steps, 3, time.perf_counter)))
        lines.append(f"| {title} | {' | '.join(row)} |")
        bars[title] = rates
        print(lines[-1], flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    if not args.no_scaling:
        costs = scaling.measure()
        lines += ["", scaling.table(costs)]
        scaling.picture(costs, args.out / "scaling.svg")
    (args.out / "lives.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    picture(bars, args.out / "lives.svg")
    print("\n".join(lines))


def repeated(d: dict, candidates: int) -> dict:
    """The same arrays for another number of candidates."""
    return d | {"rows": np.resize(d["rows"], (candidates, *d["rows"].shape[1:]))}


def thousands(rate: float) -> str:
    return f"{rate / 1e3:,.1f} k"


def picture(bars: dict[str, list[float]], path: Path) -> None:
    """Rates as bars on a logarithmic axis."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.5))
    for n, label in enumerate(COLUMNS):
        values = [rates[n] if n < len(rates) else float("nan") for rates in bars.values()]
        axes.bar(np.arange(len(bars)) + 0.14 * n, values, 0.13, label=label)
    axes.set_yscale("log")
    axes.set_xticks(np.arange(len(bars)) + 0.32, list(bars))
    axes.set_ylabel("candidate-steps per second and core")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
