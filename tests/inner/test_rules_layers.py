"""A formula per layer, homeostasis, and values per layer, unit or synapse: the engine against the oracle, on dw and w."""

from __future__ import annotations

import json
from dataclasses import replace

import oracle
import pytest
import torch
from native_help import by_name
from torch import Tensor

from inner.criteria import CLASSES
from inner.learners._rule_state import State
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules import sharing
from inner.rules.coefficient import SHARES, Coefficient
from inner.rules.families import FAMILIES
from inner.rules.homeostasis import KINDS, Homeostasis
from inner.rules.rule import Rule
from metalearn.config import library
from metalearn.config.load import load
from metalearn.pictures import search as pictures
from metalearn.report.rule_section import rule_section, wrap_latex

INPUTS, OUTPUTS, POPULATION, LABELS = 4, 3, 2, (("a",), ("b",))


def numbers(*shape: int, label: str) -> Tensor:
    return torch.from_numpy(stream(8, "layers", label).standard_normal(shape)).float()


def newborn(rule: Rule, hidden: tuple[int, ...], bias: bool) -> tuple[Learner, State, Tensor]:
    """P x L networks with random weights and another theta for every candidate [N, D]."""
    learner = Learner(rule, Network(hidden=hidden, bias=bias))
    shapes = Network(hidden=hidden, bias=bias).shapes(INPUTS, OUTPUTS)
    size = sum(sharing.count(c, shapes) for c in rule.coefficients)
    theta = numbers(POPULATION, size, label="theta").repeat_interleave(len(LABELS), 0)
    state = learner.init(Spec(INPUTS, OUTPUTS, CLASSES), theta, POPULATION, 3, LABELS)
    weights = tuple(numbers(*w.shape, label=f"w{k}") for k, w in enumerate(state.weights))
    return learner, replace(state, weights=weights), theta


def told(learner: Learner, state: State, theta: Tensor) -> tuple[oracle.Setting, list[oracle.Net]]:
    """The same networks for the oracle; it is handed theta's rows, not the engine's blocks."""
    rule, bias = learner.rule, learner.network.bias
    keep = (rule.homeostasis.kind, rule.homeostasis.bound) if rule.homeostasis else None
    setting = oracle.Setting(rule.dw, rule.traces, rule.pathway, "tanh", "softmax", bias, "classes")
    setting.layers, setting.homeostasis = rule.layers, keep
    shapes = [(w.shape[1], w.shape[2]) for w in state.weights]
    nets = []
    for n in range(theta.shape[0]):
        common, rows = by_name(rule, theta[n].tolist(), shapes)
        weights, own = [w[n].tolist() for w in state.weights], [b[n].tolist() for b in state.own]
        traces = [{name: e[n].tolist() for name, e in layer.items()} for layer in state.traces]
        nets.append(oracle.Net(weights, own, traces, common, rows))
    return setting, nets


def held_against_the_oracle(rule: Rule, hidden: tuple[int, ...] = (5, 2), bias: bool = False, batch: int = 3) -> None:
    """Two steps: dw, traces and weights of every layer."""
    learner, state, theta = newborn(rule, hidden, bias)
    setting, nets = told(learner, state, theta)
    n = POPULATION * len(LABELS)
    for t in range(2):
        x = numbers(n, batch, INPUTS, label=f"x{t}")
        picks = torch.from_numpy(stream(8, "class", t).integers(0, OUTPUTS, (n, batch)))
        y = torch.eye(OUTPUTS)[picks]
        changes, _, _ = learner.changes(state, x, y, t)
        state, _ = learner.step(state, x, y, t)
        results = [oracle.step(setting, net, x[i].tolist(), y[i].tolist()) for i, net in enumerate(nets)]
        nets = [result[1] for result in results]
        for k, change in enumerate(changes):
            dw, w = (torch.tensor(value) for value in ([r[0][k] for r in results], [net.weights[k] for net in nets]))
            torch.testing.assert_close(change, dw, rtol=2e-4, atol=1e-4 * float(dw.abs().max()) + 1e-7)
            torch.testing.assert_close(state.weights[k], w, rtol=2e-4, atol=1e-5 * float(w.abs().max()))


FORMULAS = ["0.1*A*pre*post", "0.1*tanh(A + pre*w)*err", "0.1*(A*pre + B*post - A**2*w)", "0.1*max(A, B)*pre*err"]


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("dw", FORMULAS)
def test_values_per_layer_unit_and_synapse(share: str, dw: str) -> None:
    names = [name for name in "AB" if name in dw]
    coefficients = tuple(Coefficient(name, share=share if name == "A" else "rule") for name in names)
    for bias, batch in ((False, 1), (True, 3)):
        held_against_the_oracle(Rule(dw, {}, coefficients, "random"), bias=bias, batch=batch)


@pytest.mark.parametrize("hidden", [(), (5,), (5, 2)])
def test_values_of_several_kinds_in_traces_too(hidden: tuple[int, ...]) -> None:
    shares = {"A": "synapse", "B": "neuron", "C": "pre_neuron", "D": "layer", "E": "rule"}
    coefficients = tuple(Coefficient(name, share=share) for name, share in shares.items())
    rule = Rule("0.1*A*e + 0.1*C*tanh(B*pre)*err - 0.1*D*w", {"e": "0.5*e + 0.1*C*pre*post*B + E"}, coefficients)
    held_against_the_oracle(rule, hidden, bias=True)


@pytest.mark.parametrize("hidden", [(), (5,), (5, 2, 4)])
def test_a_formula_per_layer(hidden: tuple[int, ...]) -> None:
    dw = {"hidden": "0.1*a*pre*post", "output": "0.1*b*err*pre", 1: "0.1*a*post*(pre - recon)", "7": "1e9*pre"}
    rule = Rule.from_dict({"dw": dw, "pathway": "random"})
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    assert [rule.key_of(k, 4) for k in range(4)] == ["dw.hidden", "dw.1", "dw.hidden", "dw.output"]
    assert rule.key_of(1, 2) == "dw.1", "a number goes before 'output'"
    held_against_the_oracle(rule, hidden)


NAMED = {name: library.rule(name) for name in library.named()} | {
    f"family {name}": Rule.from_dict({"family": name}) for name in FAMILIES
}


@pytest.mark.parametrize("name", [name for name, rule in NAMED.items() if not rule.noise])
def test_every_named_rule_and_family(name: str) -> None:
    held_against_the_oracle(NAMED[name], bias=True)


def test_a_formula_per_layer_is_printed_layer_by_layer() -> None:
    rule = Rule.from_dict({"dw": {"output": "b*err*pre", "hidden": "a*pre*post + a*w"}})
    values = {"a": 0.5, "b": 2.0}
    assert rule.with_values(values) == "hidden: 0.5*pre*post + 0.5*w; output: 2.0*pre*err"
    assert [line.split(" = ")[0] for line in rule.latex().splitlines()] == [
        r"\Delta w^{\mathrm{hidden}}",
        r"\Delta w^{\mathrm{output}}",
    ]
    with pytest.raises(ValueError, match="one formula for all layers"):
        _ = rule.expression


@pytest.mark.parametrize("keep", [{kind: 1.5} for kind in KINDS])
def test_the_report_draws_layers_and_homeostasis(keep: dict[str, float]) -> None:
    document = {"dw": {"hidden": "a*pre*post", "output": "b*err*pre", "3": "a*recon_ordered"}, "homeostasis": keep}
    lines = [line for text in Rule.from_dict(document).latex().split(" \\\\\n") for line in wrap_latex(text)]
    assert len(lines) == 4 and (pictures.formula(lines, "layers") or "").startswith("<svg")
    html = rule_section({**document, "values": {"a": 0.5, "b": [1.0, 2.0]}, "coefficients": {"b": {"share": "layer"}}})
    assert "hidden: a*pre*post; output: b*err*pre" in html and "2 values: mean 1.5, sd 0.5" in html


def test_a_formula_per_layer_on_the_command_line() -> None:
    config = load("digits", ["rule.dw={hidden: 'a*pre*post', output: 'a*err*pre'}", "rule.coefficients={}"])
    assert library.rule(config.rule).layers == {"output": "a*err*pre"}
    config = load("digits", ["rule=hebb_then_delta", "rule.dw.output=2*rate*err*pre"])
    assert library.rule(config.rule).layers == {"output": "2*rate*err*pre"}


REFUSED = [
    ({"hidden": "pre"}, "no 'output' among"),
    ({"hidden": "pre", "output": "pre", "outptu": "pre"}, "unknown layer 'outptu' (did you mean 'output'?)"),
    ({"hidden": "pre", "output": "pre", 64: "pre"}, "unknown layer '64'"),
    ({"hidden": "pre", "output": "pre", "01": "pre"}, "whole numbers, each once"),
    ({"hidden": "pre", "output": "pre", 1: "pre", "1": "w"}, "each once"),
    ({"hidden": "pre", "output": "taanh(pre)"}, "rule.dw.output: unknown function 'taanh'"),
    ({"hidden": "pre", "output": 3}, "rule.dw.output: expected a formula as text"),
]


@pytest.mark.parametrize("dw, part", REFUSED, ids=range(len(REFUSED)))
def test_layers_are_refused_in_one_line(dw: dict, part: str) -> None:
    with pytest.raises(ValueError) as caught:
        Rule.from_dict({"dw": dw})
    assert part in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bound", [0.3, 1.5, 3.0])
def test_homeostasis(kind: str, bound: float) -> None:
    rule = Rule.from_dict({"dw": "0.1*a*pre*post", "homeostasis": {kind: bound}})
    assert Rule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
    assert hash(rule) != hash(Rule("0.1*a*pre*post")) and rule != Rule("0.1*a*pre*post")
    held_against_the_oracle(rule, bias=True)
    assert rule.latex().count("\n") == 1 and f"{bound:g}" in rule.homeostasis.text


@pytest.mark.parametrize("kind", KINDS)
def test_homeostasis_at_the_edges(kind: str) -> None:
    """Zero weights stay zero, weights within the bound keep their bits, an overflow is nan and not 0."""
    keep = Homeostasis(kind, 1.0)
    w = numbers(2, 5, 3, label="edge") * 0.1
    if kind != "normalise":
        assert torch.equal(keep.apply(w), w)
    zero = torch.zeros(2, 5, 3, requires_grad=True)
    assert torch.equal(keep.apply(zero), zero)
    keep.apply(zero).sum().backward()
    assert bool(torch.isfinite(zero.grad).all())
    huge = w.clone()
    huge[0, 0, 0] = 1e30  # its square overflows
    after = keep.apply(huge)
    assert torch.equal(after[1], keep.apply(w)[1])
    assert kind == "max_weight" or bool(after[0, :, 0].isnan().all())
    huge[0, 0, 0] = float("nan")
    assert bool(keep.apply(huge)[0, 0, 0].isnan())


@pytest.mark.parametrize(
    "spec, part",
    [
        ({"max_nrom": 1}, "(did you mean 'max_norm'?)"),
        ({"max_norm": 0}, "expected a number from 1e-6 to 1e6, got 0"),
        ({"max_norm": "c"}, "expected a number"),
        ({"max_norm": True}, "expected a number"),
        ({"max_norm": 1, "normalise": 1}, "expected one of"),
        ("max_norm", "expected one of"),
    ],
)
def test_homeostasis_is_refused_in_one_line(spec: object, part: str) -> None:
    with pytest.raises(ValueError) as caught:
        Rule.from_dict({"dw": "pre", "homeostasis": spec})
    assert part in str(caught.value) and "rule.homeostasis" in str(caught.value)


def test_values_of_another_network_are_refused() -> None:
    rule = Rule("A*pre", {}, (Coefficient("A", share="neuron"),))
    learner = Learner(rule, Network(hidden=(5,)))
    with pytest.raises(ValueError, match=r"coefficients.A: 7 values, one per postsynaptic unit, .* needs 8"):
        learner.init(Spec(INPUTS, OUTPUTS, CLASSES), torch.zeros(2, 7), 1, 0, LABELS)
    with pytest.raises(ValueError, match="9 values, one per postsynaptic unit"):
        sharing.flat(rule.coefficients, {"A": [0.0] * 9}, [(4, 5), (5, 3)])
    assert sharing.flat(rule.coefficients, {"A": 2.0}, [(4, 5), (5, 3)]).tolist() == [2.0] * 8
