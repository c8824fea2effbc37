"""Peak memory of a gradient against depth: forward gradient, backpropagation by a local rule, and torch's autograd.

    python tests/bench/depth.py [--width 16] [--batch 4096] [--depths 2 4 8 16 32 64]

Bytes that one step holds at its peak beyond the weights and what is as large as they are (a direction, the new weights),
counted by a torch dispatch mode: every storage that an operation makes, from its birth to its end. Networks are narrow and
batches large, so that activities outweigh weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from inner.criteria import CLASSES
from inner.learners.base import Learner, Spec
from inner.learners.forward_gradient import Learner as Forward
from inner.learners.local_rule import Learner as LocalRule
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from outer.evidence.peak_memory import peak, stepping

INPUTS, OUTPUTS, N = 16, 10, 2


def step(learner: Learner, depth: int, batch: int) -> Callable[[], object]:
    """One step of N networks of `depth` hidden layers."""
    return stepping(learner, Spec(INPUTS, OUTPUTS, CLASSES, 1, batch), N)[1]


def by_autograd(network: Network, batch: int) -> Callable[[], object]:
    """The loss and its gradient."""
    weights = [w.requires_grad_() for w in network.init(INPUTS, OUTPUTS, 0, [("depth", n) for n in range(N)])]
    x = torch.ones(N, batch, INPUTS)
    y = torch.nn.functional.one_hot(torch.arange(batch) % OUTPUTS, OUTPUTS).float().expand(N, -1, -1)

    def run() -> object:
        output, _ = network.outputs(weights, x, "softmax")
        return torch.autograd.grad(CLASSES.nats(output, y).mean(), weights)

    return run


def measured(depth: int, width: int, batch: int) -> dict[str, float]:
    """MiB of each way beyond what is as large as the weights."""
    network = Network(hidden=(width,) * depth)
    weights = 4 * N * sum(i * o for i, o in network.shapes(INPUTS, OUTPUTS))
    rule = Rule.from_dict({"dw": "eta*err*pre", "pathway": "backprop", "coefficients": {"eta": {"init": 0.01}}})
    ways = {
        "forward gradient": (step(Forward(network), depth, batch), 3),  # direction, tangents, new weights
        "backprop, local rule": (step(LocalRule(rule, network), depth, batch), 2),
        "backprop, autograd": (by_autograd(network, batch), 1),
    }
    return {name: max(0.0, (peak(run) - copies * weights) / 2**20) for name, (run, copies) in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--depths", type=int, nargs="*", default=[2, 4, 8, 16, 32, 64])
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = {depth: measured(depth, args.width, args.batch) for depth in args.depths}
    names = list(next(iter(rows.values())))
    print(f"| hidden layers | {' | '.join(names)} |")
    print("|" + "---|" * (len(names) + 1))
    for depth, row in rows.items():
        print(f"| {depth} | {' | '.join(f'{row[name]:.2f} MiB' for name in names)} |")


if __name__ == "__main__":
    main()
