"""Traces of one side: which they are, that every sample has its own, in eager and in C, against loops and the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from native_help import LABELS, Toy, against_oracle, both, coefficients
from oracle_kept import side
from torch import Tensor

from inner.criteria import VALUES
from inner.engines.native import compiler, generate
from inner.engines.native import engine as native
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.compiled import trace_sides
from inner.rules.rule import Rule
from inner.rules.separate import separate
from inner.rules.signals import SIGNALS

pytestmark = pytest.mark.usefixtures("quick_builds")
in_c = pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler")

SIDES = {  # formula -> its side; P is a coefficient per presynaptic unit, Q per postsynaptic unit, S per synapse, L per layer
    "0.5*e + pre": "pre",
    "d*e + pre*recon + reward": "pre",
    "P*e + L*pre*pre_sum*surprise_before": "pre",
    "P*e": "pre",
    "0.5*e + tanh(post)*err": "post",
    "Q*e + noise*surprise": "post",
    "max(e, slope*drive_before)": "post",
    "0.9*e + 0.1*reward": "global",
    "0.9*e + L": "global",
    "0.5*e + pre*post": "synapse",
    "0.5*e + w": "synapse",
    "S*e + pre": "synapse",
    "Q*e + pre": "synapse",
    "P*Q*e": "synapse",
    "0.5*e + recon_ordered": "synapse",
    "e + f": "synapse",  # f looks at w
    "e + g": "pre",
    "e + g*h": "synapse",  # g before, h behind the synapse
    "e + h + i": "post",
}
OTHERS = {"f": "0.1*f + w", "g": "0.4*g + 0.1*pre", "h": "0.3*h + 0.1*post", "i": "0.3*i + 0.1*reward"}
SHARED = {name: {"share": share} for name, share in zip("PQSL", ("pre_neuron", "neuron", "synapse", "layer"))}


def ruled(dw: str, traces: dict[str, str], **more: Any) -> Rule:
    """A rule whose coefficients P, Q, S and L have values per unit, synapse or layer."""
    text = " ".join([dw, *traces.values()])
    shares = {name: how for name, how in SHARED.items() if name in text}
    return Rule.from_dict({"dw": dw, "traces": traces, "coefficients": shares, "pathway": "random", **more})


@pytest.mark.parametrize("text", SIDES)
def test_the_side_of_a_trace(text: str) -> None:
    rule = ruled("e*pre*post", {"e": text} | OTHERS)
    found = trace_sides(rule)
    assert found == {"e": SIDES[text], "f": "synapse", "g": "pre", "h": "post", "i": "global"}
    shares = {c.name: c.share for c in rule.coefficients}
    assert {name: side(name, rule.traces, shares) for name in rule.traces} == found, "the oracle finds the same"


def test_traces_that_read_each_other_in_a_ring() -> None:
    assert set(trace_sides(Rule("a", {"a": "b", "b": "c", "c": "d + pre", "d": "a"})).values()) == {"pre"}
    ring = Rule("a", {"a": "b + post", "b": "c", "c": "d + pre", "d": "a"})
    assert set(trace_sides(ring).values()) == {"synapse"}


def test_a_trace_of_one_side_makes_an_outer_product() -> None:
    """dw with a trace before the synapse and one behind it has no synapse factor and nothing elementwise."""
    from inner.rules.compiled import sides

    rule = Rule("a*x*y + b*x_before*post", {"x": "0.5*x + pre", "y": "0.5*y + post"})
    found = separate(rule.expression, sides(rule))
    assert found.rest == 0 and all(group.synapse == 1 for group in found.groups) and len(found.groups) == 2


def loops(w: list[list[float]], samples: list[list[list[float]]]) -> list[list[float]]:
    """Weights of one linear layer after samples [t][b][i] under dw = 0.1 x y - 0.05 x_before post, in plain Python."""
    batch, inputs, outputs = len(samples[0]), len(w), len(w[0])
    x = [[0.0] * inputs for _ in range(batch)]
    y = [[0.0] * outputs for _ in range(batch)]
    for shown in samples:
        posts = [[sum(s[i] * w[i][j] for i in range(inputs)) for j in range(outputs)] for s in shown]
        before = [list(row) for row in x]
        x = [[0.5 * x[b][i] + shown[b][i] for i in range(inputs)] for b in range(batch)]
        y = [[0.25 * y[b][j] + posts[b][j] ** 2 for j in range(outputs)] for b in range(batch)]
        for i in range(inputs):
            for j in range(outputs):
                changes = [0.1 * x[b][i] * y[b][j] - 0.05 * before[b][i] * posts[b][j] for b in range(batch)]
                w[i][j] += sum(changes) / batch
    return w


@pytest.mark.parametrize("batch", [1, 3])
def test_every_sample_has_a_trace_of_its_own(batch: int) -> None:
    """Against a loop over samples, units and synapses; traces that were averaged over samples would differ."""
    rule = Rule("0.1*x*y - 0.05*x_before*post", {"x": "0.5*x + pre", "y": "0.25*y + post**2"})
    learner, steps = Learner(rule, Network(hidden=())), 4
    shown = torch.randn(steps, 2, batch, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    state = learner.init(Spec(4, 3, VALUES, steps, batch), torch.zeros(2, 0), 1, 0, LABELS)
    assert {name: tuple(e.shape) for name, e in state.traces[0].items()} == {"x": (2, batch, 4), "y": (2, batch, 3)}
    state = replace(state, weights=tuple(w.double() for w in state.weights))
    state = replace(state, traces=tuple({n: e.double() for n, e in layer.items()} for layer in state.traces))
    wanted = [loops(state.weights[0][n].tolist(), shown[:, n].tolist()) for n in range(2)]
    for x in shown:
        state, _ = learner.step(state, x, torch.zeros(2, batch, 3, dtype=torch.float64))
    torch.testing.assert_close(state.weights[0], torch.tensor(wanted, dtype=torch.float64), rtol=1e-12, atol=1e-14)


def test_another_number_of_samples_goes_on_from_the_mean() -> None:
    learner = Learner(Rule("e_before + 0*e*post + post_before*0", {"e": "pre"}), Network(hidden=()))
    state = learner.init(Spec(2, 1, VALUES, 1, 2), torch.zeros(2, 0), 1, 0, LABELS)
    first = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]).expand(2, -1, -1)
    state, _ = learner.step(state, first, torch.zeros(2, 2, 1))
    w = state.weights[0].clone()
    state, _ = learner.step(state, torch.ones(2, 3, 2), torch.zeros(2, 3, 1))
    torch.testing.assert_close(state.weights[0] - w, torch.tensor([2.0, 4.0]).reshape(1, 2, 1).expand(2, -1, -1))
    assert state.traces[0]["e"].shape == (2, 3, 2)


TEXTS = [text for text in SIDES if "surprise" not in text and "noise" not in text]


@in_c
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("text", TEXTS)
def test_kernels_of_traces_against_the_oracle(text: str, batch: int) -> None:
    """Each in a product that separates, in one that does not, one step back, and read by a trace per synapse."""
    number = TEXTS.index(text)
    dw = "0.1*(a*e*post*pre + b*tanh(e*w)*pre + c*e_before*post + d*f_before*h + k*i*g*err - z*i_before*pre)"
    traces = {"e": text.replace("e + ", "0.5*e + ", 1) if text.startswith("e ") else text} | OTHERS
    rule = ruled(dw, traces | {"z": "0.5*z + 0.1*e*post*g + 0.1*h*w"})
    network = Network(hidden=((), (17,), (5, 18))[number % 3], bias=number % 2 == 0)
    moved = against_oracle(rule, network, Toy(6, 3), batch, 3, fixed=number % 4 == 0)
    assert all(bool((w != 0).any()) for w in moved)


@in_c
@pytest.mark.parametrize("batch", [1, 3])
def test_traces_of_exploration(batch: int) -> None:
    """An eligibility of noise and input per synapse, gated by a later surprise; slow noise behind the synapse."""
    traces = {"e": "0.7*e + pre*noise", "slow": "0.9*slow + 0.1*noise", "tally": "0.9*tally + 0.1*surprise*mean_err"}
    traces |= {"mean_err": "0.5*mean_err + 0.1*pre_err*surprise"}
    rule = Rule.from_dict(
        {"dw": "0.3*surprise*e + 0.1*slow*pre*err + 0.1*tally*post_before", "traces": traces, "noise": 0.3, "pathway": "random"}
    )
    assert trace_sides(rule) == {"e": "synapse", "slow": "post", "tally": "pre", "mean_err": "pre"}
    against_oracle(rule, Network(hidden=(17,), bias=batch == 1), Toy(6, 3, VALUES), batch, 4)


@in_c
@pytest.mark.parametrize("per_layer", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_trace_hides_the_signal_of_its_name_and_formulas_of_layers_read_it(batch: int, per_layer: bool) -> None:
    traces = {"x": "0.5*x + pre", "x_before": "0.3*x_before + err", "pre_before": "tanh(post)", "y": "0.5*y + pre_before"}
    dw: Any = "0.1*x*y + x_before*pre_before*0.1"
    if per_layer:
        hidden = "0.1*x*pre_before_before + 0.1*x_before*pre + 0.1*y_before*pre"
        dw = {"hidden": hidden, "output": "0.1*err*x_before", "1": "0.1*x*y*w"}
    rule = Rule.from_dict({"dw": dw, "traces": traces, "pathway": "random"})
    assert trace_sides(rule) == {"x": "pre", "x_before": "post", "pre_before": "post", "y": "post"}
    against_oracle(rule, Network(hidden=(17, 5), bias=batch == 1), Toy(6, 3), batch, 3)


@in_c
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 4])
def test_long_lives_agree_with_eager_and_bits_with_any_company(batch: int, fixed: bool) -> None:
    traces = {"x": "P*x + pre", "y": "0.8*y + Q*err", "r": "0.9*r + 0.1*reward", "e": "0.5*e + x*y*0.1"}
    rule = ruled("0.05*a*x*err + 0.05*b*e*r_before - 0.05*c*x_before*y", traces)
    task, network = Toy(9, 3), Network(hidden=(33, 9), bias=True)
    shapes = Network(hidden=(33, 9), bias=True).shapes(9, 3)
    theta = coefficients(rule, 5, 0.3, shapes)
    one, two = both(rule, network, task, 40, batch, theta, (0, 20), fixed=fixed)
    assert bool(one.alive.all())
    for w, v in zip(one.state.weights, two.state.weights):
        assert float((w - v).abs().max()) <= 5e-5 * float(v.abs().max())
    learner, lives = Learner(rule, network), task.life_data("search", 40, batch, 0, LABELS)

    def bits(rows: Tensor, threads: int = 1) -> Tensor:
        return native.live(Life(learner, task, lives, rows, 0, LABELS, (20,), True, fixed=fixed, threads=threads)).bits

    assert torch.equal(bits(theta, 3), one.bits) and torch.equal(bits(theta[1:2]), one.bits[1:2])
    assert torch.equal(bits(theta.flip(0)).flip(0), one.bits)


def test_a_kernel_keeps_no_synapse_memory_for_traces_of_one_side() -> None:
    spec = Spec(4, 3, VALUES, 10, 3)
    text = generate.source(native.plan_of(Learner(Rule("x*y", {"x": "0.5*x + pre", "y": "0.5*y + post"})), spec))
    assert "#define TRACES 0" in text and "#define KEPT_PRE 1" in text and "#define HEAVY 0" in text
    assert not SIGNALS["pre_before"].c and SIGNALS["pre_before"].native
