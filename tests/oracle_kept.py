"""What the plain-Python oracle keeps from step to step: traces with a side, a baseline of the reward, bounded weights."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence

Matrix = list[list[float]]
BEFORE = "_before"
SIDES = {
    "pre": ("pre", "pre_err", "recon"),
    "post": ("post", "err", "feedback", "drive", "slope", "target", "noise", "action"),
    "synapse": ("w", "recon_ordered"),
}
SHARES = {"pre_neuron": "pre", "neuron": "post", "synapse": "synapse"}


def names_of(text: str) -> set[str]:
    """Every name in a formula that is not called."""
    tree = ast.parse(text.strip(), mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def side(trace: str, traces: Mapping[str, str], shares: Mapping[str, str]) -> str:
    """The one side that a trace and all traces that it leads to look at, "global" for none, "synapse" for both."""
    reached, ahead, found = {trace}, [trace], set()
    while ahead:
        text = traces[ahead.pop()]
        if "mean(" in text:
            return "synapse"
        for name in names_of(text):
            if name in traces:
                ahead += [name] if name not in reached else []
                reached.add(name)
            elif name in shares:
                found.add(SHARES.get(shares[name], "global"))
            else:
                base = name.removesuffix(BEFORE)
                found.add(next((s for s, signals in SIDES.items() if base in signals), "global"))
    found.discard("global")
    return found.pop() if len(found) == 1 else "synapse" if found else "global"


def silent(sides: Mapping[str, str], inputs: int, outputs: int, batch: int) -> dict[str, Matrix]:
    """Traces at 0: [I][O] per synapse, [B][I], [B][O] or [B][1] of one side."""
    shape = {"pre": (batch, inputs), "post": (batch, outputs), "global": (batch, 1), "synapse": (inputs, outputs)}
    return {name: [[0.0] * shape[s][1] for _ in range(shape[s][0])] for name, s in sides.items()}


def held(trace: Matrix, side: str, b: int, i: int, j: int) -> float:
    """What a synapse sees of a trace with sample b; a trace with one row only holds for every sample."""
    if side == "synapse":
        return trace[i][j]
    return trace[b if len(trace) > 1 else 0][{"pre": i, "post": j, "global": 0}[side]]


def surprises(
    how: tuple[str, float, str], baseline: tuple[float, int], rewards: Sequence[float], clean: Sequence[float]
) -> tuple[list[float], tuple[float, int]]:
    """Reward minus baseline of every sample, and (running mean, steps) after it. how: baseline, rate, over."""
    kind, rate, over = how
    mean = sum(rewards) / len(rewards)
    mine = [mean] * len(rewards) if over == "step" else list(rewards)
    if kind == "clean":
        other = [sum(clean) / len(clean)] * len(clean) if over == "step" else list(clean)
        return [a - b for a, b in zip(mine, other)], baseline
    before, steps = baseline
    share = max(rate, 1 / (steps + 1))
    found = [a - before if steps else 0.0 for a in mine]
    return found, (before + share * (mean - before), steps + 1)


def kept(how: tuple[str, float] | None, w: Matrix) -> Matrix:
    """The weights of one layer after the homeostatic step."""
    if how is None:
        return w
    kind, bound = how
    if kind == "max_weight":
        return [[min(bound, max(-bound, v)) for v in row] for row in w]
    norms = [math.sqrt(sum(row[j] ** 2 for row in w)) for j in range(len(w[0]))]
    scale = [bound / n if kind == "normalise" or n > bound else 1.0 for n in norms]
    return [[v * s for v, s in zip(row, scale)] for row in w]
