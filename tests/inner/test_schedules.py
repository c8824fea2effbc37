"""Signals of the time, `progress` and `updates`: the same numbers in torch, C, the recorded step and the oracle."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from native_help import LABELS, Toy, against_oracle, both, coefficients

from inner.criteria import CLASSES
from inner.engines.native import compiler, generate
from inner.engines.native import engine as native
from inner.learners.base import Spec
from inner.learners.local_rule import Learner
from inner.life.eager import live
from inner.life.request import Life
from inner.life.stepper import RecordedStepper, Stepper, unrecorded
from inner.networks.mlp import Network
from inner.rules.rule import Rule
from inner.sources import source_of

pytestmark = [
    pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler"),
    pytest.mark.usefixtures("quick_builds"),
]
FORMULAS = {
    "a rate that falls": ("0.2*abs(a)*(1 - progress)*err*pre", {}),
    "alone": ("0.1*a*progress + 0.05*b/updates", {}),
    "beside every side": (
        "0.1*a*tanh(progress*pre)*post + b*w*progress*0.1 + 0.1*c*tanh(updates*w)*err*pre/updates",
        {},
    ),
    "synapse by synapse": ("0.1*a*tanh(pre*post + progress)*err + 0.1*b*max(pre, post*updates)", {}),
    "in traces": (
        "0.1*(a*e*post + b*m + c*f*err*pre + d*g)",
        {"e": "0.5*e + pre*progress", "m": "0.5*m + updates*err*pre", "f": "0.5*f + progress", "g": "post*updates"},
    ),
    "two denominators": (
        "0.1*m/(1 - 0.25*b**2)/(0.1 + abs(v)/(1 + c**2 + updates))",
        {"m": "0.5*m + a*err*pre", "v": "0.5*v + w*post"},
    ),
}
PER_LAYER = {"hidden": "0.1*a*(1 - progress)*err*pre", "output": "0.1*b*err*pre/updates"}


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", FORMULAS)
def test_kernels_and_the_oracle_agree_on_the_time(name: str, batch: int, fixed: bool) -> None:
    text, traces = FORMULAS[name]
    against_oracle(
        Rule(text, traces, pathway="random"), Network(hidden=(17, 5), bias=fixed), Toy(6, 3), batch, 4, fixed
    )


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", FORMULAS)
def test_kernels_and_torch_agree_over_a_life(name: str, batch: int) -> None:
    text, traces = FORMULAS[name]
    rule = Rule(text, traces, pathway="random")
    one, two = both(rule, Network(hidden=(18,)), Toy(9, 3), 25, batch, coefficients(rule, scale=0.05))
    for w, v in zip(one.state.weights, two.state.weights):
        assert float((w - v).abs().max()) <= 2e-5 * float(v.abs().max())


def test_each_layers_formula_knows_the_time() -> None:
    against_oracle(Rule.from_dict({"dw": PER_LAYER, "pathway": "direct"}), Network(hidden=(5, 4)), Toy(6, 3), 2, 3)


def test_the_time_is_no_reason_to_go_synapse_by_synapse() -> None:
    for text, traces in (
        FORMULAS[name] for name in ("a rate that falls", "alone", "beside every side", "two denominators")
    ):
        assert all(found.rest == 0 for _, found in generate.analysis(Rule(text, traces)))


def test_a_life_cut_short_keeps_the_time_of_the_whole_life() -> None:
    rule, task = Rule("0.2*abs(a)*(1 - progress)*err*pre", pathway="random"), Toy(6, 3)
    learner, theta = Learner(rule, Network(hidden=(5,))), coefficients(Rule("0.2*abs(a)*(1 - progress)*err*pre"))
    whole = task.life_data("search", 12, 2, 0, LABELS)
    cut = replace(whole, order=whole.order[:, :5], whole=12)
    assert Spec.of(cut, CLASSES).steps == 12
    for engine in (native.live, live):
        long = engine(Life(learner, task, whole, theta, 0, LABELS, (5,)))
        assert torch.equal(engine(Life(learner, task, cut, theta, 0, LABELS)).score, long.curve[:, :, 0])


def test_a_recorded_step_knows_the_time() -> None:
    rule = Rule("0.2*a*(1 - progress)*err*pre + 0.1*b*e/updates", {"e": "0.5*e + updates*post"}, pathway="random")
    task, learner = Toy(6, 3), Learner(rule, Network(hidden=(5,)))
    data, source = (d := task.life_data("search", 7, 2, 0, LABELS)), source_of(d)
    spec, theta = Spec.of(data, CLASSES), coefficients(rule).float().repeat_interleave(2, 0)

    def born() -> object:
        return learner.init(spec, theta, 2, 0, LABELS)

    plain = Stepper(learner, source, born(), 2, CLASSES, None, False)
    recorded = RecordedStepper(learner, source, born(), 2, CLASSES, device="cpu", capture=unrecorded)
    with torch.no_grad():
        plain.advance(7)
        recorded.advance(7)
    for w, v in zip(plain.state.weights, recorded.state.weights):
        assert torch.equal(w, v)
