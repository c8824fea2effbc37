"""A slow oracle of one learning step in plain Python: loops over samples, units and synapses, `math` and no tensors.

It shares no code with the product but the plain values of functions and activations that it does not know. A network
is a dictionary of nested lists; layers of synapses are k = 0, 1, ..., `weights[k][i][j]` with a last row i for the bias
unit where there is one, `own[k]` the feedback weights of a pathway.

    dw_ij = mean over samples of f(signals of synapse ij),   traces first, all from the traces before the step
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field

from oracle_formula import FUNCTIONS, evaluate_all
from oracle_kept import BEFORE, held, kept, side, silent, surprises

from inner.activations import ACTIVATIONS

Matrix = list[list[float]]


def activate(name: str, drive: float) -> tuple[float, float]:
    """(activity, slope) of a hidden unit."""
    if name == "tanh":
        return math.tanh(drive), 1 / math.cosh(drive) ** 2
    if name == "relu":
        return (drive, 1.0) if drive > 0 else (0.0, 0.0)
    if name == "sigmoid":
        value = 1 / (1 + math.exp(-drive))
        return value, value * (1 - value)
    if name == "softplus":
        return math.log1p(math.exp(10 * drive)) / 10, 1 / (1 + math.exp(-10 * drive))
    if name == "linear":
        return drive, 1.0
    return ACTIVATIONS[name].oracle(drive)


def output_units(kind: str, drives: list[float]) -> list[float]:
    """Activities of the output layer: kind is "softmax", "linear" or "sigmoid"."""
    if kind == "softmax":
        powers = [math.exp(d - max(drives)) for d in drives]
        return [p / sum(powers) for p in powers]
    return [activate(kind, d)[0] for d in drives]


Synapses = list[list[list[dict[str, float]]]]  # [k][i][j] -> name of a signal or coefficient -> its value


@dataclass
class Setting:
    """What all networks of a comparison share."""

    dw: str
    traces: dict[str, str]
    pathway: str
    activation: str
    output: str  # resolved: softmax, linear or sigmoid
    bias: bool
    kind: str  # classification, regression or unsupervised
    decay: float = 0.001  # of the learned pathway
    layers: dict[str, str] = field(default_factory=dict)  # "output" or "0", "1", ... -> its own dw
    homeostasis: tuple[str, float] | None = None
    surprise: tuple[str, float, str] = ("mean", 0.05, "sample")  # baseline, rate, over
    steps: int = 1  # of a life


@dataclass
class Net:
    """One network between two steps."""

    weights: list[Matrix]
    own: list[Matrix]
    traces: list[dict[str, Matrix]]  # [I][O], or [B][I], [B][O], [B][1] for traces of one side; {} where none was made
    coefficients: dict[str, float]
    rows: dict[str, tuple[str, list[float]]] = field(default_factory=dict)  # name -> its share, and its row of values
    before: list[Synapses] = field(default_factory=list)  # signals of the step before, per sample
    baseline: tuple[float, int] = (0.0, 0)  # running mean of the reward, and the steps that it was taken over
    now: int = 0  # steps before this one


def value_at(share: str, row: list[float], weights: list[Matrix], k: int, i: int, j: int) -> float:
    """The value of a coefficient at one synapse: values stand layer by layer, then unit i by unit i, then j by j."""
    start = 0
    for layer in range(k):
        inputs, outputs = len(weights[layer]), len(weights[layer][0])
        start += {"layer": 1, "neuron": outputs, "pre_neuron": inputs, "synapse": inputs * outputs}[share]
    return row[start + {"layer": 0, "neuron": j, "pre_neuron": i, "synapse": i * len(weights[k][0]) + j}[share]]


def one_sample(
    s: Setting, net: Net, x: list[float], y: list[float], noise: Matrix | None = None
) -> tuple[Synapses, list[float]]:
    """The signals of every synapse, [k][i][j] -> dictionary, and the output, for one sample; noise [k][j] of its drives."""
    top = len(net.weights)
    pres: list[list[float]] = []
    drives: list[list[float]] = []
    posts: list[list[float]] = []
    slopes: list[list[float]] = []
    signal = x
    for k, w in enumerate(net.weights):
        pre = [*signal, 1.0] if s.bias else list(signal)
        drive = [sum(pre[i] * w[i][j] for i in range(len(pre))) for j in range(len(w[0]))]
        drive = drive if noise is None else [d + z for d, z in zip(drive, noise[k])]
        if k + 1 < top:
            post = [activate(s.activation, d)[0] for d in drive]
            slope = [activate(s.activation, d)[1] for d in drive]
        else:
            post, slope = output_units(s.output, drive), [1.0] * len(drive)
        pres.append(pre)
        drives.append(drive)
        posts.append(post)
        slopes.append(slope)
        signal = post
    output = posts[-1]
    supervised = s.kind != "none"
    err_out = [t - o if supervised else 0.0 for t, o in zip(y, output)]
    reward = 0.0
    if s.kind == "classes":
        reward = 1.0 if output.index(max(output)) == y.index(max(y)) else -1.0
    elif s.kind == "values":
        reward = -sum(e * e for e in err_out) / len(err_out)
    units = [len(x)] + [len(p) for p in posts]
    feedback: dict[int, list[float]] = {top: err_out}
    err: dict[int, list[float]] = {top: err_out}
    for k in range(top - 1, -1, -1):  # layer of units k lies below layer of synapses k
        feedback[k] = [deliver(s, net, k, u, err[k + 1], err_out, reward) for u in range(units[k])]
        err[k] = [f * (slopes[k - 1][u] if k > 0 else 1.0) for u, f in enumerate(feedback[k])]
    found = []
    for k, w in enumerate(net.weights):
        rows = []
        inputs, outputs = range(len(w)), range(len(w[0]))
        recons = [sum(posts[k][j] * w[i][j] for j in outputs) for i in inputs]
        below = [err[k][i] if i < units[k] else 0.0 for i in inputs]
        for i, row in enumerate(w):
            recon = recons[i]
            synapses = []
            for j, weight in enumerate(row):
                synapses.append(
                    {
                        "pre": pres[k][i],
                        "post": posts[k][j],
                        "w": weight,
                        "err": err[k + 1][j],
                        "feedback": feedback[k + 1][j],
                        "pre_err": err[k][i] if i < units[k] else 0.0,
                        "recon": recon,
                        "drive": drives[k][j],
                        "slope": slopes[k][j],
                        "reward": reward,
                        "noise": noise[k][j] if noise else 0.0,
                        "action": output[j] if k == top - 1 else 0.0,
                        "target": y[j] if k == top - 1 and supervised else 0.0,
                        "pre_sum": sum(pres[k]),
                        "post_sum": sum(posts[k]),
                        "pre_power": sum(p * p for p in pres[k]),
                        "post_power": sum(p * p for p in posts[k]),
                        "err_power": sum(e * e for e in err[k + 1]),
                        "drive_err": sum(d * e for d, e in zip(drives[k], err[k + 1])),
                        "recon_err": sum(r * e for r, e in zip(recons, below)),
                        "recon_ordered": sum(posts[k][before] * row[before] for before in range(j + 1)),
                    }
                    | net.coefficients
                    | {name: value_at(share, r, net.weights, k, i, j) for name, (share, r) in net.rows.items()}
                )
            rows.append(synapses)
        found.append(rows)
    return found, output


PATHWAYS = ("none", "backprop", "random", "direct", "sign", "learned", "reward")  # that are written here a second time


def deliver(s: Setting, net: Net, k: int, unit: int, above: list[float], err_out: list[float], reward: float) -> float:
    """What one unit of layer k (not its bias unit) hears from the layer above."""
    n = len(above)
    if s.pathway == "none":
        return 0.0
    if s.pathway == "reward":
        return reward
    if s.pathway == "backprop":
        return sum(above[j] * net.weights[k][unit][j] for j in range(n))
    if s.pathway == "sign":
        return sum(above[j] * FUNCTIONS["sign"](net.weights[k][unit][j]) for j in range(n)) / math.sqrt(n)
    if s.pathway == "direct":
        return sum(err_out[o] * net.own[k][o][unit] for o in range(len(err_out)))
    assert s.pathway in ("random", "learned")
    return sum(above[j] * net.own[k][j][unit] for j in range(n))


def seen(
    s: Setting, net: Net, xs: Matrix, ys: Matrix, noise: list[Matrix] | None
) -> tuple[list[Synapses], Matrix, tuple[float, int]]:
    """The signals of every synapse with every sample, surprise and values one step back too; outputs; the baseline."""
    samples = [one_sample(s, net, *one) for one in zip(xs, ys, noise or [None] * len(xs))]
    signals = [found for found, _ in samples]
    rewards = [found[0][0][0]["reward"] for found in signals]
    clean = rewards
    if noise and s.surprise[0] == "clean":
        clean = [one_sample(s, net, x, y)[0][0][0][0]["reward"] for x, y in zip(xs, ys)]
    surprise, baseline = surprises(s.surprise, net.baseline, rewards, clean)
    for b, found in enumerate(signals):
        for k, rows in enumerate(found):
            for i, row in enumerate(rows):
                for j, one in enumerate(row):
                    one["surprise"] = surprise[b]
                    one |= {"progress": net.now / s.steps, "updates": net.now + 1.0}
                    known = net.before[b][k][i][j] if net.before else dict.fromkeys(one, 0.0)
                    one |= {name + BEFORE: value for name, value in known.items() if not name.endswith(BEFORE)}
    return signals, [output for _, output in samples], baseline


def step(
    s: Setting, net: Net, xs: Matrix, ys: Matrix, noise: list[Matrix] | None = None
) -> tuple[list[Matrix], Net, Matrix]:
    """(dw per layer, the network after the step, outputs before it) of one network shown the samples xs [B][I].

    noise: per sample and layer that of its drives [B][k][j].
    """
    samples, outputs, baseline = seen(s, net, xs, ys, noise)
    batch = len(samples)
    shares = {name: share for name, (share, _) in net.rows.items()} | dict.fromkeys(net.coefficients, "rule")
    sides = {name: side(name, s.traces, shares) for name in s.traces}
    last = len(net.weights) - 1
    trees = {name: ast.parse(text, mode="eval").body for name, text in s.traces.items()}
    changes: list[Matrix] = []
    new_traces: list[dict[str, Matrix]] = []
    for k, w in enumerate(net.weights):
        text = s.layers.get(str(k)) or (s.layers["output"] if s.layers and k == last else s.dw)
        dw_tree = ast.parse(text, mode="eval").body
        change = [[0.0] * len(row) for row in w]
        fresh = silent(sides, len(w), len(w[0]), batch)
        old = net.traces[k] if net.traces else silent(sides, len(w), len(w[0]), batch)
        for i, row in enumerate(w):
            for j in range(len(row)):
                was = [{name: held(old[name], sides[name], b, i, j) for name in trees} for b in range(batch)]
                here = [found[k][i][j] for found in samples]
                each = {
                    name: evaluate_all(tree, [one | e for one, e in zip(here, was)]) for name, tree in trees.items()
                }
                now: list[dict[str, float]] = [{} for _ in here]
                for name, values in each.items():
                    if sides[name] == "synapse":
                        values = [sum(values) / batch] * batch
                        fresh[name][i][j] = values[0]
                    for b, value in enumerate(values):
                        now[b][name] = value
                        if sides[name] != "synapse":
                            fresh[name][b][{"pre": i, "post": j, "global": 0}[sides[name]]] = value
                names = [
                    one | {name + BEFORE: value for name, value in e.items()} | n for one, e, n in zip(here, was, now)
                ]
                change[i][j] = sum(evaluate_all(dw_tree, names)) / batch
        changes.append(change)
        new_traces.append(fresh)
    weights = [[[a + b for a, b in zip(r, c)] for r, c in zip(w, change)] for w, change in zip(net.weights, changes)]
    own = net.own
    if s.pathway == "learned":
        keep = 1 - s.decay
        own = [
            [[(b + changes[k][unit][above]) * keep for unit, b in enumerate(row)] for above, row in enumerate(matrix)]
            for k, matrix in enumerate(net.own)
        ]
        weights = [[[a * keep for a in row] for row in w] for w in weights]
    weights = [kept(s.homeostasis, w) for w in weights]
    return changes, Net(weights, own, new_traces, net.coefficients, net.rows, samples, baseline, net.now + 1), outputs
