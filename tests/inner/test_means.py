"""mean(x), the mean over the samples of a step inside another function: oracle, torch and C; Adam written with it is torch's."""

from __future__ import annotations

import math

import pytest
import torch
from descent_help import assert_same_change, lived, loss, samples
from native_help import LABELS, Toy, against_oracle, both, coefficients

from inner.engines.native import compiler, generate
from inner.engines.native import engine as native
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.compiled import compiled, trace_sides
from inner.rules.faces import to_latex, to_text
from inner.rules.rule import Rule

native_only = pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler")
FORMULAS = {
    "a square": ("0.1*a*mean(err*pre)**2 + 0.1*b*mean(err*pre)*w", {}),
    "of one side": ("0.1*a*tanh(mean(pre))*post + 0.1*b*mean(err)*mean(pre) + 0.1*mean(c)*err*pre", {}),
    "inside each other": ("0.1*a*tanh(mean(pre*post*mean(err*pre)) + w) + 0.1*b*mean(mean(post) - post)**2*pre", {}),
    "beside what does not separate": ("0.1*a*tanh(pre*mean(tanh(pre*post))) + 0.1*b*max(mean(err), err*pre)", {}),
    "in traces": (
        "0.1*(a*m/(0.1 + sqrt(v)) + b*mean(m*pre) + c*mean(m*pre)*mean(err*pre)*s_before)",
        {
            "m": "0.5*m + 0.5*mean(err*pre) + 0.1*mean(m*pre)", "v": "0.9*v + 0.1*mean(err*pre)**2",
            "s": "0.5*s + mean(s*post)*0.1 + p", "p": "0.5*p + pre", "q": "0.5*q + mean(pre)",
        },
    ),
}  # fmt: skip
ADAM = {
    "dw": "eta*(m/(1 - pow(beta1, updates)))/(sqrt(v/(1 - pow(beta2, updates))) + eps)",
    "traces": {"m": "beta1*m + (1 - beta1)*err*pre", "v": "beta2*v + (1 - beta2)*mean(err*pre)**2"},
    "pathway": "backprop",
    "coefficients": {"eta": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8},
}


@native_only
@pytest.mark.usefixtures("quick_builds")
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", FORMULAS)
def test_kernels_agree_with_the_oracle(name: str, batch: int, fixed: bool) -> None:
    text, traces = FORMULAS[name]
    against_oracle(
        Rule(text, traces, pathway="random"), Network(hidden=(17, 5), bias=fixed), Toy(6, 3), batch, 3, fixed
    )


@native_only
@pytest.mark.usefixtures("quick_builds")
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("name", FORMULAS)
def test_torch_agrees_with_kernels(name: str, batch: int) -> None:
    text, traces = FORMULAS[name]
    rule = Rule(text, traces, pathway="random")
    one, two = both(rule, Network(hidden=(18,)), Toy(9, 3), 20, batch, coefficients(rule, scale=0.1))
    assert bool(one.alive.all())
    for w, v in zip(one.state.weights, two.state.weights):
        assert float((w - v).abs().max()) <= 5e-5 * float(v.abs().max())


@native_only
@pytest.mark.usefixtures("quick_builds")
def test_layers_of_different_formulas_have_means_of_their_own() -> None:
    dw = {
        "hidden": "0.1*a*tanh(mean(err*pre))",
        "output": "0.1*b*err*pre",
        "0": "0.1*mean(pre*post)**2 + 0.1*mean(e)*e",
    }
    rule = Rule.from_dict({"dw": dw, "traces": {"e": "0.5*e + err*pre"}, "pathway": "random"})
    against_oracle(rule, Network(hidden=(5, 4)), Toy(6, 3), 3, 3)


def test_a_mean_is_one_number_per_synapse_computed_once() -> None:
    assert trace_sides(Rule("a*q", {"q": "0.5*q + mean(pre)", "p": "0.5*p + pre"})) == {"q": "synapse", "p": "pre"}
    analysis = generate.analysis(Rule.from_dict(ADAM))
    assert [name for name, _ in analysis] == ["m", "mean of pre*err", "v", "dw"]
    assert all(found.rest == 0 for _, found in analysis)
    assert len(compiled(Rule.from_dict(ADAM))[1][1][1].before) == 1
    expression = Rule("a*mean(err*pre)**2").expression
    assert to_text(expression) == "a*mean(pre*err)**2"
    assert to_latex(expression) == r"a \left(\left\langle x \delta \right\rangle\right)^{2}"


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-10), (torch.float32, 2e-5)], ids=["double", "single"])
@pytest.mark.parametrize("batch", [1, 32])
def test_adam_is_torchs_over_a_life(batch: int, dtype: torch.dtype, tolerance: float) -> None:
    learner = Learner(Rule.from_dict(ADAM), Network((7, 6), bias=True))
    born, found, _ = lived(learner, batch, dtype)
    weights = [w.clone().requires_grad_() for w in born]
    betas = (0.9, 0.99)
    if dtype == torch.float32:  # the numbers that coefficients have
        betas = tuple(float(torch.tensor(beta)) for beta in betas)
    optimiser = torch.optim.Adam(weights, 0.01, betas=betas, eps=1e-8)
    for x, y in zip(*samples(batch, dtype)):
        optimiser.zero_grad()
        loss(weights, x[0], y[0]).backward()
        optimiser.step()
    assert_same_change(born, found, [w.detach() for w in weights], tolerance)


@native_only
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 32])
def test_adam_in_c_is_adam_in_torch_over_a_life(batch: int, fixed: bool) -> None:
    learner, task = Learner(Rule.from_dict(ADAM), Network((7, 6), bias=True)), Toy()
    data = task.life_data("search", 60, batch, 0, LABELS)
    theta = torch.tensor([[0.01, 0.9, 0.99, 1e-8], [0.003, 0.8, 0.999, 1e-6]])
    with torch.no_grad():
        one, two = (run(Life(learner, task, data, theta, 0, LABELS, fixed=fixed)) for run in (native.live, live))
    born = learner.network.init(5, 3, 0, LABELS)
    for w0, w, v in zip(born, one.state.weights, two.state.weights):
        size = float((v - w0.repeat(2, 1, 1)).abs().max())
        assert math.isfinite(size) and float((w - v).abs().max()) <= 1e-5 * size
