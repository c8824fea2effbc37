"""Writes the stand-alone torch file of a rule: formula, feedback pathway, and a small network that learns with it."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import TYPE_CHECKING, Any

from metalearn.rule.file import rule_of, values_of
from metalearn.rule.source_names import functions_of, meanings, one_line, safe_names

if TYPE_CHECKING:
    from inner.rules.rule import Rule

LISTS = False  # one value per coefficient
PATHWAYS = {  # rows of B_k (empty: no weights of its own), and what reaches layer k of the units
    "none": ("", "torch.zeros_like(err_above[:, :1]).expand(-1, w.shape[0])"),
    "backprop": ("", "err_above @ w.T"),
    "random": ("above", "err_above @ self.own[k]"),
    "direct": ("sizes[-1]", "err_out @ self.own[k]"),
    "sign": ("", "err_above @ torch.sign(w).T / err_above.shape[1] ** 0.5"),
    "learned": ("above", "err_above @ self.own[k]"),
    "reward": ("", "reward.expand(-1, w.shape[0])"),
}
DECAY = 0.001  # of the pathway `learned`, as in inner/pathways/learned.py

SUMS = {  # signals that are sums over a layer: [B, 1, 1], or [B, I, O]
    "pre_sum": "pres[k].sum(1, keepdim=True).unsqueeze(2)",
    "post_sum": "post.sum(1, keepdim=True).unsqueeze(2)",
    "drive_err": "(drives[k] * err[k + 1]).sum(1, keepdim=True).unsqueeze(2)",
    "recon_err": "((post @ w[: err[k].shape[1]].T) * err[k]).sum(1, keepdim=True).unsqueeze(2)",
    "recon_ordered": "(post.unsqueeze(1) * w).cumsum(2)",
}
NORM = "            norm = self.weights[k].square().sum(0, keepdim=True).clamp(min=1e-30).sqrt()\n"
KEEP = {  # homeostasis after the update
    "max_norm": NORM + "            self.weights[k] *= {c} / norm.clamp(min={c})\n",
    "normalise": NORM + "            self.weights[k] *= {c} / norm\n",
    "max_weight": "            self.weights[k].clamp_(-{c}, {c})\n",
}

FILE = Template('''"""$title: needs only torch; `python` this file to see it learn a small problem.

    $formula

Feedback pathway: $pathway. Signals of one layer with I inputs and O outputs, B samples:
$signals
"""

import torch

VALUES = {
$values
}
TRACES = ($trace_names)
SIDED = ($sided_names)  # traces that see one side of a synapse: every sample has its own

$helpers
$functions

def update(signals, traces$layer_parameter):
    """dw [I, O] of one layer, averaged over its samples, and the new traces [I, O], or [B, I, O] where they see one side."""
    ones = torch.ones_like(signals["pre"] * signals["post"])
    seen = dict(signals, **traces)
    for name in SIDED:
        if seen[name].dim() and len(seen[name]) != len(ones):  # of another number of samples: go on from their mean
            seen[name] = seen[name].mean(0, keepdim=True)
    fresh = {}
$trace_updates
    seen.update(fresh)
    return (ones * dw($arguments)).mean(0), fresh


class Network:
    """Fully connected layers; the bias is a synapse from a unit that is always 1. Weights are [I + 1, O]."""

    def __init__(self, sizes, seed=0):
        generator = torch.Generator().manual_seed(seed)
        pairs = list(zip(sizes, sizes[1:]))
        self.weights = [
            torch.cat([torch.randn(below, above, generator=generator) / below**0.5, torch.zeros(1, above)])
            for below, above in pairs
        ]
        self.own = [$own]  # feedback weights
        self.traces = [
            {name: torch.zeros(()) if name in SIDED else torch.zeros_like(w) for name in TRACES} for w in self.weights
        ]

    def forward(self, x):
        """Input, pre-activation and output of every layer; softmax at the output."""
        pres, drives, posts = [], [], []
        for k, w in enumerate(self.weights):
            pre = torch.cat([x, torch.ones_like(x[:, :1])], 1)
            drive = pre @ w
            x = torch.softmax(drive, 1) if k + 1 == len(self.weights) else $activation
            pres.append(pre)
            drives.append(drive)
            posts.append(x)
        return pres, drives, posts

    def feedback(self, k, err_above, err_out, reward):
        """What the units of layer k (0 is the input) hear of the error [B, units]."""
        w = self.weights[k][:-1]
        return $feedback

    @torch.no_grad()
    def step(self, x, target):
        """One update from x [B, I] and one-hot targets [B, O]; returns the output before it."""
        pres, drives, posts = self.forward(x)
        output, top = posts[-1], len(self.weights)
        err_out = target - output
        right = output.argmax(1, keepdim=True) == target.argmax(1, keepdim=True)
        reward = right.to(x.dtype) * 2 - 1
        slopes = [torch.ones_like(x)]
        for drive, post in zip(drives[:-1], posts[:-1]):
            slopes.append($slope)
        slopes.append(torch.ones_like(output))
        feedback, err = {top: err_out}, {top: err_out}
        for k in range(top - 1, -1, -1):
            feedback[k] = self.feedback(k, err[k + 1], err_out, reward)
            err[k] = feedback[k] * slopes[k]
        changes = []
        for k, w in enumerate(self.weights):
            post = posts[k]
            signals = {  # pre side [B, I, 1], post side [B, 1, O], synapse side [I, O], global [B, 1, 1]
                "pre": pres[k].unsqueeze(2),
                "post": post.unsqueeze(1),
                "w": w,
                "err": err[k + 1].unsqueeze(1),
                "feedback": feedback[k + 1].unsqueeze(1),
                "pre_err": torch.cat([err[k], torch.zeros_like(err[k][:, :1])], 1).unsqueeze(2),
                "recon": (post @ w.T).unsqueeze(2),
                "drive": drives[k].unsqueeze(1),
                "slope": slopes[k + 1].unsqueeze(1),
                "reward": reward.unsqueeze(2),
                "target": (target if k + 1 == top else torch.zeros_like(post)).unsqueeze(1),
$sums            }
            change, self.traces[k] = update(signals, self.traces[k]$layer_argument)
            changes.append(change)
        for k, change in enumerate(changes):
            self.weights[k] += change
$learn$keep        return output


def demo(steps=400, batch=16):
    """Four noisy clusters in eight dimensions: accuracy on fresh samples before and after learning."""
    generator = torch.Generator().manual_seed(1)
    centres = torch.randn(4, 8, generator=generator)

    def sample(count):
        labels = torch.randint(4, (count,), generator=generator)
        return centres[labels] + 0.5 * torch.randn(count, 8, generator=generator), labels

    network = Network([8, *$hidden, 4])
    test_x, test_labels = sample(1000)

    def accuracy():
        return (network.forward(test_x)[2][-1].argmax(1) == test_labels).float().mean().item()

    before = accuracy()
    for _ in range(steps):
        x, labels = sample(batch)
        network.step(x, torch.nn.functional.one_hot(labels, 4).float())
    print(f"accuracy before {before:.3f}, after {steps} steps {accuracy():.3f}")


if __name__ == "__main__":
    demo()
''')


def text(document: Mapping[str, Any]) -> str:
    """Source of the file of a rule.json."""
    rule, values = rule_of(document), values_of(document)
    return torch_source(rule, values, document, safe_names([*values, *rule.trace_expressions]))


def torch_source(rule: Rule, values: Mapping[str, float], document: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Source of the file; `names` maps coefficients and traces to names that shadow nothing in it.

    Raises ValueError for a pathway or activation of the user's own, whose code is not known here.
    """
    from inner.activations import ACTIVATIONS
    from inner.rules.compiled import trace_sides
    from inner.rules.emit import Dialect
    from inner.rules.functions import functions_in, rendering
    from inner.rules.signals import SIGNALS

    activation = document.get("activation") or "tanh"
    network = document.get("network")
    kind = (network.get("name") if isinstance(network, Mapping) else None) or "mlp"
    sources = {name: row.torch_source for name, row in ACTIVATIONS.items() if row.torch_source}
    asked = (("pathway", rule.pathway, PATHWAYS), ("activation", activation, sources), ("network", kind, ("mlp",)))
    for what, name, held in asked:
        if name not in held:
            raise ValueError(f"{what}: a torch file can hold {', '.join(held)}, got '{one_line(name)}'")
    rows, feedback = PATHWAYS[rule.pathway]
    value, slope = sources[activation]
    dialect = Dialect(
        number=lambda number: repr(float(number)),
        name=lambda name: names.get(name, name),
        call=lambda name, arguments: f"_{name}({', '.join(arguments)})",
        power=lambda base, exponent: f"{base}**{exponent}",
        divide=lambda above, below: f"{above}/{below}",
    )
    known = [*SIGNALS, *rule.trace_expressions]
    sided = [name for name, side in trace_sides(rule).items() if side != "synapse"]
    functions, updates = [], []
    formulas, calls = functions_of(rule), {}
    for function, expression in formulas.items():
        source, call = _function(function, expression, known, values, names, dialect)
        functions.append(source)
        calls[function] = call
        if function.startswith("trace_"):
            mean = f"(ones * {function}({call})).mean(0)" if function[6:] not in sided else f"{function}({call})"
            updates.append(f'    fresh["{function[6:]}"] = {mean}')
    hidden = network.get("hidden") if isinstance(network, Mapping) else None
    whole = isinstance(hidden, list | tuple) and all(type(h) is int and 0 < h < 10_000 for h in hidden)
    learn = (
        f"            self.own[k] = (self.own[k] + change[:-1].T) * {1 - DECAY!r}\n"
        f"            self.weights[k] *= {1 - DECAY!r}\n"
    )
    needed = [rendering(name, "torch_source").rstrip("\n") for name in functions_in(*formulas.values())]
    own = f"torch.randn({rows}, below, generator=generator) / {rows}**0.5 for below, above in pairs" if rows else ""
    return FILE.substitute(
        title=one_line(document.get("name") or document.get("run") or "An evolved learning rule"),
        formula=f"dw = {rule.with_values(values, digits=6)}"
        + (f"\n    {rule.homeostasis.text}" if rule.homeostasis else ""),
        layer_parameter=", layer" if rule.layers else "",
        layer_argument=(", " + _layer(rule)) if rule.layers else "",
        sums="".join(f'                "{name}": {text},\n' for name, text in SUMS.items() if name in rule.signals),
        keep=KEEP[rule.homeostasis.kind].format(c=repr(rule.homeostasis.bound)) if rule.homeostasis else "",
        pathway=rule.pathway,
        signals="\n".join(
            f"    {line}" for line in meanings(s.name for e in formulas.values() for s in e.free_symbols)
        ),
        values="\n".join(f'    "{names[n]}": {v!r},' for n, v in values.items()),
        trace_names="".join(f'"{name}", ' for name in rule.trace_expressions).rstrip(),
        sided_names="".join(f'"{name}", ' for name in sided).rstrip(),
        helpers="".join(f"\n{source}\n\n" for source in needed),
        functions="\n\n\n".join(functions + ([_dispatch(rule, calls)] if rule.layers else [])) + "\n",
        trace_updates="\n".join(updates) or "    # this rule has no traces",
        arguments="seen, layer" if rule.layers else calls["dw"],
        own=own,
        activation=value,
        feedback=feedback,
        slope=slope,
        learn=learn if rule.pathway == "learned" else "",
        hidden=repr(list(hidden)) if whole and hidden is not None else "[32]",
    )


def _layer(rule: Rule) -> str:
    """The expression, in `step`, that says which formula layer k has."""
    single = {int(key): key for key in rule.layers if key.isdigit()}
    return f'{single}.get(k, "output" if k + 1 == top else "hidden")'


def _dispatch(rule: Rule, calls: Mapping[str, str]) -> str:
    """Source of `dw` for a rule with a formula per layer."""
    lines = ["def dw(seen, layer):", '    """The formula of one layer of synapses."""']
    lines += [f'    if layer == "{key}":\n        return dw_{key}({calls["dw_" + key]})' for key in rule.layers]
    return "\n".join([*lines, f"    return dw_hidden({calls['dw_hidden']})"])


def _function(
    function: str,
    expression: Any,
    known: list[str],
    values: Mapping[str, float],
    names: Mapping[str, str],
    dialect: Any,
) -> tuple[str, str]:
    """Source of one formula, and the arguments to call it with inside `update`."""
    from inner.rules.emit import emit

    used = {symbol.name for symbol in expression.free_symbols}
    seen, coefficients = [n for n in known if n in used], [names[n] for n in values if n in used]
    body = emit(expression, dialect)
    lines = [
        f"def {function}({', '.join(names.get(n, n) for n in seen)}):",
        '    """Elementwise, on tensors that broadcast."""',
    ]
    lines += [f'    {c} = torch.tensor(VALUES["{c}"], dtype=torch.float64)' for c in coefficients]
    lines.append(f"    return {body}")
    return "\n".join(lines), ", ".join(f'seen["{n}"]' for n in seen)
