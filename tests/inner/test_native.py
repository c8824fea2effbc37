"""Holds generated C against the plain-Python oracle: every signal, function, pathway, activation, output, at odd shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import oracle
import pytest
import torch
import yaml
from native_help import Toy, against_oracle, both, coefficients

from inner.activations import ACTIVATIONS
from inner.criteria import CRITERIA
from inner.engines.native import compiler, head, kernel
from inner.engines.native import engine as native
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.rules.families import FAMILIES
from inner.rules.functions import FUNCTIONS
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS
from inner.tasks.base import Label, LifeData

pytestmark = [
    pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler"),
    pytest.mark.usefixtures("quick_builds"),
]

COMPILED = [name for name, row in ACTIVATIONS.items() if row.c]
PATHWAYS = oracle.PATHWAYS  # the battery of every pathway: test_every_pathway.py
W1 = "0.1*(c0*post*pre + c1*err*pre + c2*post*err*pre + c3*post**2*w + c4*w + c5*pre + c6*post + c7*err)"
W3 = " + ".join(f"o{k}*tanh(a{k}*pre + b{k}*post + c{k}*err + d{k}*w + g{k})" for k in range(3))
FORMULAS = {
    "W1": (W1, {}),
    "W3": (W3, {}),
    "nothing": ("0", {}),
    "a number": ("0.01", {}),
    "a coefficient": ("c + 0.5*d", {}),
    "pre side": ("a*pre**2*post + b*tanh(pre_err)*err + c*recon*post + d*pre*recon*err**3", {}),
    "synapse side": ("a*w**2*post + b*w*pre*post + c*abs(w)*err*pre + d*tanh(w) + e*w", {}),
    "quotients": ("a*pre/(1 + post**2) + b/(1 + w**2) + c*post/(1 + pre**2 + w**2) - pre*post/3", {}),
    "not separable": ("a*tanh(pre*post) + b*max(pre, post) + c*sign(pre - recon)*post + relu(reward*pre)*d", {}),
    "mixed": ("a*err*pre + b*sigmoid(drive - pre)*err + c*step(w*err)*pre + d*w", {}),
    "one trace": ("a*e*err - 0.1*b*w", {"e": "0.9*e + 0.1*pre*post"}),
    "two traces": ("a*e*f + b*tanh(f*w)", {"e": "0.5*e + f + pre*post", "f": "0.3*f + c*tanh(pre*w) + d*e*post"}),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name: str, batch: int) -> None:
    text, traces = FORMULAS[name]
    number = list(FORMULAS).index(name)
    network = Network(hidden=((17, 6), (5,), (40, 16))[number % 3], bias=number % 2 == 0)
    moved = against_oracle(Rule(text, traces, pathway="random"), network, Toy(6, 3 if number % 4 else 1), batch)
    assert name == "nothing" or all(bool((w != 0).any()) for w in moved)


@pytest.mark.parametrize("batch", [1, 3])
def test_every_signal_at_once(batch: int) -> None:
    text = " + ".join(
        f"c{n}*{signal}*{'post' if n % 2 else 'pre'}" for n, signal in enumerate(SIGNALS) if SIGNALS[signal].native
    )
    against_oracle(Rule(f"0.1*({text})", pathway="random"), Network(hidden=(18, 3), bias=True), Toy(17, 4), batch)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    "inside", ["1.3 + tanh(pre)", "1.2 + tanh(err + post)", "1.1 + tanh(w)", "1.4 + tanh(pre*post + w)", "1.2 + c**2"]
)
def test_every_function_on_every_side(inside: str, batch: int) -> None:
    calls = [
        f"c{n}*{f}({', '.join([inside, '0.1', '0.7'][: row.arguments])})*post"
        for n, (f, row) in enumerate(FUNCTIONS.items())
    ]
    against_oracle(Rule(f"0.1*({' + '.join(calls)})", pathway="random"), Network(hidden=(7,)), Toy(9, 2), batch)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("pathway", PATHWAYS)
def test_every_pathway(pathway: str, batch: int) -> None:
    number = PATHWAYS.index(pathway)
    activation = COMPILED[number % len(COMPILED)]
    rule = Rule("0.1*(a*err*pre + b*feedback*post + c*pre_err*w + d*slope*drive)", pathway=pathway)
    network = Network(hidden=(19, 33, 3), activation=activation, bias=number % 2 == 1)
    against_oracle(rule, network, Toy(8, 18 if number % 3 == 0 else 5), batch)


@pytest.mark.parametrize("kind", head.KINDS)
@pytest.mark.parametrize("output", head.OUTPUTS)
def test_every_output_and_kind(output: str, kind: str) -> None:
    rule = Rule("0.1*(a*err*pre + b*post*(pre - recon) + c*reward*pre*post + d*target*pre)", pathway="backprop")
    hidden = () if output == "linear" else (6,)
    batch = 1 + list(head.KINDS).index(kind) % 2
    activation = COMPILED[(head.OUTPUTS.index(output) + 2) % len(COMPILED)]
    against_oracle(
        rule,
        Network(hidden=hidden, output=output, activation=activation),
        Toy(4, 20 if output == "softmax" else 1, CRITERIA[kind]),
        batch,
    )


class Uneven(Toy):
    """Samples from faint to loud: what keeps one of them finite in a softmax leaves nothing of another."""

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        lives = super().life_data(tier, steps, batch, seed, labels)
        loudness = torch.logspace(-1, 2.5, lives.x.shape[1])
        return replace(lives, x=lives.x * loudness[:, None])


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("classes", [3, 21])
@pytest.mark.parametrize("batch", [1, 7, 19])
def test_softmax_of_uneven_samples(batch: int, classes: int, fixed: bool) -> None:
    rule = Rule("0.1*a*err*pre + 0.01*b*post", pathway="backprop")
    network = Network(hidden=(18, 5), bias=batch == 7, activation="linear")
    against_oracle(rule, network, Uneven(4, classes), batch, fixed=fixed)


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"), reason="has no such vectors")
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 11])
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_shorter_vectors(processor: str, batch: int, fixed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels for processors with vectors of 4 and of 8 numbers, which this one runs too."""
    for name in ("FLAGS", "HEAVY"):
        flags = [flag.replace("=native", f"={processor}") for flag in getattr(compiler, name)]
        monkeypatch.setattr(compiler, name, tuple(flags))
    rule = Rule("0.1*(a*recon*post + b*err*tanh(pre*w) + c*post*pre + d*w*exp(post))", pathway="backprop")
    kernel._function.cache_clear()
    against_oracle(rule, Network(hidden=(17, 5), bias=fixed), Toy(6, 3), batch, fixed=fixed)
    kernel._function.cache_clear()


@pytest.mark.parametrize("activation", COMPILED)
def test_every_activation(activation: str) -> None:
    rule = Rule("0.1*(a*err*pre + b*slope*drive*pre + c*post)", pathway="backprop")
    against_oracle(rule, Network(hidden=(21, 4), activation=activation), Toy(6, 3), 1)


def library() -> dict[str, Rule]:
    """Every rule that configs name, and every family."""
    found: dict[str, Rule] = {}
    for file in ("rules.yaml", "named_rules.yaml"):
        text = (Path(__file__).parents[2] / "configs" / file).read_text(encoding="utf-8")
        found |= {name: Rule.from_dict(spec) for name, spec in yaml.safe_load(text).items()}
    return found | {family: Rule.from_dict({"family": family}) for family in FAMILIES}


@pytest.mark.parametrize("kind", head.KINDS)
def test_the_whole_library_has_kernels(kind: str) -> None:
    spec = Spec(4, 3, CRITERIA[kind])
    without = {name: why for name, rule in library().items() if (why := native.obstacle(Learner(rule), spec))}
    assert not without and len(library()) > 20


@pytest.mark.parametrize("name", library())
def test_library_and_families(name: str) -> None:
    """Eager and native over a few dozen steps; the oracle would take too long."""
    rule = library()[name]
    number = list(library()).index(name)
    network = Network(hidden=((33, 17), (16,), (5, 5))[number % 3], bias=number % 2 == 1)
    shapes = network.shapes(7, 3)
    theta = coefficients(rule, 3, {"taylor": 0.003, "node_perturbation": 1.0}.get(name, 0.03), shapes).abs()
    one, two = both(rule, network, Toy(7, 3), 24, 1 + number % 2 * 2, theta, (0, 8, 24))
    assert bool(one.alive.all())
    for w, v in zip(one.state.weights, two.state.weights):
        assert float((w - v).abs().max()) <= 2e-5 * float(v.abs().max())
    assert float((one.curve - two.curve).abs().max()) < 1e-5 and one.curve.unique().numel() > 3
    assert float((one.bits / two.bits - 1).abs().max()) < 1e-5
