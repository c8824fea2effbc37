"""Holds the eager engine against the plain-Python oracle, on dw: every signal, pathway, activation; gradients of a life."""

from __future__ import annotations

import math
from dataclasses import replace

import oracle
import oracle_formula
import pytest
import torch
import yaml
from torch import Tensor

from inner.activations import ACTIVATIONS
from inner.criteria import CRITERIA
from inner.learners._rule_state import State
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

INPUTS, OUTPUTS, POPULATION, LABELS = 4, 3, 2, (("a",), ("b",))
PATHWAYS = oracle.PATHWAYS  # the battery of every pathway: test_every_pathway.py


def numbers(*shape: int, label: str, scale: float = 1.0) -> Tensor:
    return torch.from_numpy(stream(7, "engine", label).standard_normal(shape) * scale)


def newborn(learner: Learner, kind: str, dtype: torch.dtype = torch.float32) -> State:
    """P x L networks with random weights (bias rows too), other coefficients for every candidate."""
    rows = numbers(POPULATION, len(learner.coefficients), label="theta").repeat_interleave(len(LABELS), 0)
    state = learner.init(Spec(INPUTS, OUTPUTS, CRITERIA[kind]), rows.float(), POPULATION, 3, LABELS)
    weights = tuple(numbers(*w.shape, label=f"w{k}", scale=0.7).float().to(dtype) for k, w in enumerate(state.weights))
    traces = tuple(
        {name: numbers(*e.shape, label=f"{name}{k}").float().to(dtype) for name, e in layer.items()}
        for k, layer in enumerate(state.traces)
    )
    own = tuple(b.to(dtype) for b in state.own)
    state = replace(state, weights=weights, own=own, traces=traces)
    return learner.with_theta(state, rows.float().to(dtype))


def samples(kind: str, batch: int, dtype: torch.dtype = torch.float32, label: str = "") -> tuple[Tensor, Tensor]:
    n = POPULATION * len(LABELS)
    x = numbers(n, batch, INPUTS, label="x" + label).float().to(dtype)
    if kind == "classes":
        picks = stream(7, "class", label).integers(0, OUTPUTS, n * batch)
        return x, torch.eye(OUTPUTS, dtype=dtype)[torch.from_numpy(picks)].reshape(n, batch, OUTPUTS)
    return x, numbers(n, batch, OUTPUTS, label="y" + label).float().to(dtype)


def plain(learner: Learner, state: State) -> tuple[oracle.Setting, list[oracle.Net]]:
    """The same networks for the oracle."""
    rule, network = learner.rule, learner.network
    output = network.resolve_output(state.spec.criterion)
    setting = oracle.Setting(
        rule.dw, rule.traces, rule.pathway, network.activation, output, network.bias, state.spec.criterion.kind
    )
    setting.layers = rule.layers
    setting.homeostasis = (rule.homeostasis.kind, rule.homeostasis.bound) if rule.homeostasis else None
    nets = [
        oracle.Net(
            [w[n].tolist() for w in state.weights],
            [b[n].tolist() for b in state.own],
            [{name: e[n].tolist() for name, e in layer.items()} for layer in state.traces],
            {name: float(c[n]) for name, c in state.coefficients.items()},
        )
        for n in range(state.weights[0].shape[0])
    ]
    return setting, nets


def close(engine: Tensor, wanted: list, what: str, relative: float = 1e-4, floor: float = 2e-6) -> None:
    """|engine - oracle| <= relative * |oracle| + floor * the largest entry of the tensor."""
    target = torch.tensor(wanted, dtype=torch.float64)
    assert engine.shape == target.shape, what
    error = (engine.double() - target).abs()
    allowed = relative * target.abs() + floor * float(target.abs().max()) + 1e-12
    assert bool((error <= allowed).all()), f"{what}: off by {float((error - allowed).max()):.3g} beyond what is allowed"


def compare(
    dw: str,
    traces: dict[str, str] | None = None,
    pathway: str = "random",
    kind: str = "classes",
    batch: int = 3,
    dtype: torch.dtype = torch.float32,
    **options: object,
) -> list[Tensor]:
    """One step of the engine and of the oracle from the same state; returns the engine's dw."""
    learner = Learner(Rule(dw, traces or {}, pathway=pathway), Network(**({"hidden": (5, 3)} | options)))
    state = newborn(learner, kind, dtype)
    x, y = samples(kind, batch, dtype)
    changes, new_traces, output = learner.changes(state, x, y)
    setting, nets = plain(learner, state)
    told = [oracle.step(setting, net, x[n].tolist(), y[n].tolist()) for n, net in enumerate(nets)]
    exact = {} if dtype == torch.float32 else {"relative": 1e-10, "floor": 1e-12}
    close(output, [t[2] for t in told], "output", **exact)
    for k, change in enumerate(changes):
        assert change.dtype == dtype
        close(change, [t[0][k] for t in told], f"dw of layer {k}", **exact)
        for name in learner.rule.traces:
            close(new_traces[k][name], [t[1].traces[k][name] for t in told], f"trace {name} of layer {k}", **exact)
    stepped, again = learner.step(state, x, y)  # adds dw to w as it goes, by another path than `changes`
    assert torch.equal(again, output)
    for k, w in enumerate(stepped.weights):
        wanted = torch.tensor([t[1].weights[k] for t in told], dtype=torch.float64)
        rounding = 4e-6 if dtype == torch.float32 else 1e-12
        assert float((w.double() - wanted).abs().max()) <= rounding * float(wanted.abs().max()), f"w of layer {k}"
    return changes


LATER = ("noise", "surprise", "progress")  # 0 at the first step of a rule without noise
AT_ONCE = [name for name, row in SIGNALS.items() if row.native and not row.before and name not in LATER]
SILENT = ("err", "feedback", "pre_err", "reward", "target", "drive_err", "recon_err", "err_power")  # without a target


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", ["classes", "values", "none"])
@pytest.mark.parametrize("signal", AT_ONCE)
def test_every_signal_on_its_own(signal: str, kind: str, batch: int, bias: bool) -> None:
    changes = compare(f"c*{signal}", kind=kind, batch=batch, bias=bias)
    silent = kind == "none" and signal in SILENT
    assert (float(changes[-1].abs().max()) == 0) == silent, "a signal that is always zero was compared"


FORMS = ["{0}", "2", "c", "c*tanh({0})", "a*{0}**2*w", "{0}*pre*post*w/3", "abs({0})*post + c"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("signal", AT_ONCE)
def test_functions_and_powers_of_every_signal(signal: str, form: str) -> None:
    compare(form.format(signal))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("pathway", PATHWAYS)
def test_every_pathway_and_activation(pathway: str, activation: str, batch: int, bias: bool) -> None:
    dw = "a*err*pre + b*feedback*post + c*pre_err*w + d*slope*drive"
    compare(dw, pathway=pathway, activation=activation, batch=batch, bias=bias)


@pytest.mark.parametrize("output", ["auto", "softmax", "linear", "sigmoid"])
@pytest.mark.parametrize("hidden", [(), (6,), (3, 4, 5)])
def test_every_output_and_depth(hidden: tuple[int, ...], output: str) -> None:
    compare("a*err*pre + b*post*(pre - recon)", pathway="backprop", hidden=hidden, output=output, kind="values")


NOT_SEPARABLE = [
    "tanh(pre*post)",
    "max(pre, post)",
    "min(a*w, err*pre) + pre*post",
    "sigmoid(drive - a*pre)*err",
    "pre*post/(1 + w**2 + post**2)",
    "tanh(a*w + b*pre)*err",
    "sign(pre - recon)*post + relu(reward*pre)",
    "step(w*err)*pre + c",
]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dw", NOT_SEPARABLE)
def test_rules_that_do_not_separate(dw: str, batch: int, bias: bool) -> None:
    compare(dw, batch=batch, bias=bias)


TRACES = [
    ("a*e*err", {"e": "d*e + pre*post"}),
    ("a*e*reward - b*w", {"e": "tanh(d*e + pre)", "f": "c*f + e*err"}),
    ("f*pre + max(e, post)", {"e": "0.9*e + 0.1*recon", "f": "0.5*f + slope*e + w"}),
]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dw, traces", TRACES)
def test_traces(dw: str, traces: dict[str, str], batch: int) -> None:
    compare(dw, traces, batch=batch, bias=True)


def test_every_rule_of_the_library(request: pytest.FixtureRequest) -> None:
    file = request.config.rootpath / "configs" / "rules.yaml"
    for spec in yaml.safe_load(file.read_text(encoding="utf-8")).values():
        rule = Rule.from_dict(spec)
        compare(rule.dw, rule.traces, rule.pathway)


@pytest.mark.parametrize("dw", ["a*err*pre + 2*pre - post + w/3", "tanh(pre*post) + 1", "3", "pre"])
def test_double_precision_is_exact_to_ten_digits(dw: str) -> None:
    compare(dw, dtype=torch.float64, pathway="learned", bias=True)


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_six_steps_of_a_life(pathway: str) -> None:
    """The engine's and the oracle's weights, traces and feedback weights run apart for six steps and still agree."""
    rule = Rule("0.1*a*err*pre + 0.05*b*e", {"e": "0.7*e + 0.3*pre*post"}, pathway=pathway)
    learner = Learner(rule, Network(hidden=(5, 3), bias=True))
    state = newborn(learner, "classes")
    setting, nets = plain(learner, state)
    for t in range(6):
        x, y = samples("classes", 2, label=str(t))
        before = state
        changes = learner.changes(before, x, y)[0]
        state, _ = learner.step(before, x, y)
        told = [oracle.step(setting, net, x[n].tolist(), y[n].tolist()) for n, net in enumerate(nets)]
        nets = [result[1] for result in told]
        for k, change in enumerate(changes):
            close(change, [result[0][k] for result in told], f"dw of layer {k} in step {t}", 1e-3, 1e-5)
            moved = [
                [[a - b for a, b in zip(r, s)] for r, s in zip(net.weights[k], before.weights[k][n].tolist())]
                for n, net in enumerate(nets)
            ]
            close(state.weights[k] - before.weights[k], moved, f"move of layer {k} in step {t}", 1e-3, 1e-4)
        for k, b in enumerate(state.own):
            close(b, [net.own[k] for net in nets], f"feedback weights {k} in step {t}", 1e-4, 1e-5)


def test_delta_rule_with_backprop_is_gradient_descent() -> None:
    """Three layers of synapses: eta*err*pre equals -eta * d cross-entropy / dw from autograd, to float64 rounding."""
    learner = Learner(Rule("eta*err*pre", pathway="backprop"), Network(hidden=(6, 5), bias=True))
    state = newborn(learner, "classes", torch.float64)
    weights = tuple(w.clone().requires_grad_() for w in state.weights)
    x, y = samples("classes", 4, torch.float64)
    output = learner.network.forward(weights, x, "softmax")[0].output
    loss = -(y * output.log()).sum(-1).mean(1).sum()
    gradients = torch.autograd.grad(loss, weights)
    changes, _, _ = learner.changes(state, x, y)
    for change, gradient in zip(changes, gradients):
        torch.testing.assert_close(change, -state.coefficients["eta"] * gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("pathway", ["backprop", "random", "learned"])
@pytest.mark.parametrize("bias", [False, True])
def test_gradient_of_a_life_with_respect_to_the_coefficients(pathway: str, bias: bool) -> None:
    """d (loss after five steps) / d theta by autograd against central differences in float64."""
    rule = Rule("a*err*pre + b*tanh(pre*post) - c*w + d*e", {"e": "0.5*e + pre*post*g"}, pathway=pathway)
    learner = Learner(rule, Network(hidden=(5, 3), bias=bias))
    born = newborn(learner, "classes", torch.float64)
    count = len(learner.coefficients)
    theta = numbers(POPULATION * len(LABELS), count, label="grad", scale=0.1)
    shown = [samples("classes", 2, torch.float64, f"g{t}") for t in range(5)]
    test_x, test_y = samples("classes", 3, torch.float64, "test")

    def loss(values: Tensor) -> Tensor:
        state = learner.with_theta(born, values)
        for x, y in shown:
            state, _ = learner.step(state, x, y)
        return -(test_y * learner.predict(state, test_x).log()).sum((1, 2))  # [N]

    free = theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(free).sum(), free)
    assert bool((gradient.abs() > 1e-8).all())
    for d in range(count):
        nudge = torch.zeros_like(theta)
        nudge[:, d] = 1e-6
        measured = (loss(theta + nudge) - loss(theta - nudge)) / 2e-6
        torch.testing.assert_close(gradient[:, d], measured, rtol=1e-5, atol=1e-7)


def test_oracle_evaluates_formulas() -> None:
    """The oracle itself, on values worked out by hand."""
    names = {"pre": 2.0, "post": -3.0, "a": 0.5}
    assert oracle_formula.evaluate("a*pre*post - 1", names) == -4.0
    assert oracle_formula.evaluate("max(pre, post) + min(pre, post)**2", names) == 11.0
    assert oracle_formula.evaluate("-pre**2", names) == -4.0
    assert oracle_formula.evaluate("relu(post) + step(pre) + sign(post)", names) == 0.0
    assert oracle_formula.evaluate("sigmoid(0*a) + tanh(pre)", names) == 0.5 + math.tanh(2.0)
