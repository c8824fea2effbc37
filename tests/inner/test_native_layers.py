"""Generated C for formulas per layer, homeostasis, values per layer, unit or synapse, and sums over a layer: oracle and eager."""

from __future__ import annotations

import pytest
import torch
from native_help import LABELS, Toy, against_oracle, both, coefficients

from inner.engines.native import compiler, generate
from inner.engines.native import engine as native
from inner.learners.local_rule import Learner
from inner.life.request import Life
from inner.networks.mlp import Network
from inner.rules.coefficient import SHARES, Coefficient
from inner.rules.homeostasis import KINDS, Homeostasis
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS

pytestmark = [
    pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler"),
    pytest.mark.usefixtures("quick_builds"),
]

SHARED = {
    "separable": "0.1*A*pre*post",
    "elementwise": "0.1*tanh(A + pre*w)*err",
    "all sides": "0.1*(A*pre + B*post - A**2*w + A*B*pre*post*w)",
    "quotient": "0.1*pre*err/(1 + A**2) + 0.05*max(A, B)*post*w/(2 + abs(A*w))",
}
PER_LAYER = {"hidden": "0.1*a*pre*post", "output": "0.1*b*err*pre + c", "1": "0.1*a*post*tanh(pre - recon*w)"}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", SHARED)
def test_values_per_layer_unit_and_synapse(name: str, share: str, batch: int) -> None:
    given = tuple(Coefficient(c, share=share if c == "A" else "rule") for c in "AB" if c in SHARED[name])
    network = Network(hidden=(17, 5), bias=batch == 3)
    moved = against_oracle(Rule(SHARED[name], {}, given, "random"), network, Toy(6, 3), batch)
    assert all(bool((w != 0).any()) for w in moved)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("hidden", [(), (18,)])
def test_values_of_several_kinds_in_traces_too(hidden: tuple[int, ...], batch: int, fixed: bool) -> None:
    shares = {
        "A": "synapse",
        "B": "neuron",
        "C": "pre_neuron",
        "D": "layer",
        "E": "rule",
        "F": "synapse",
        "G": "neuron",
    }
    given = tuple(Coefficient(name, share=share) for name, share in shares.items())
    dw = "0.1*A*e + 0.1*C*tanh(B*pre)*err - 0.1*D*w + 0.1*F*A*pre*G + 0.05*tanh(F*pre*post)"
    rule = Rule(dw, {"e": "0.5*e + 0.1*C*pre*post*B + E + 0.1*F*post"}, given, "backprop")
    against_oracle(rule, Network(hidden=hidden, bias=batch == 2), Toy(19, 4), batch, fixed=fixed)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("hidden", [(), (18,), (5, 17, 4)])
def test_a_formula_per_layer(hidden: tuple[int, ...], batch: int, fixed: bool) -> None:
    rule = Rule.from_dict({"dw": PER_LAYER | {"7": "1e9*pre"}, "traces": {}, "pathway": "random"})
    against_oracle(rule, Network(hidden=hidden, bias=batch == 1), Toy(7, 3), batch, fixed=fixed)


@pytest.mark.parametrize("batch", [1, 3])
def test_formulas_of_layers_read_common_traces(batch: int) -> None:
    """A trace may be called what a key of the formulas is called."""
    dw = {"hidden": "0.2*a*dw*post", "output": "0.1*err*dw + b*w", "0": "0.1*dw*pre*f"}
    rule = Rule.from_dict({"dw": dw, "traces": {"dw": "0.5*dw + pre*post", "f": "c*dw + 0.3*f"}, "pathway": "direct"})
    against_oracle(rule, Network(hidden=(5, 17)), Toy(7, 3), batch, steps=3)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("bound", [0.02, 0.7])
@pytest.mark.parametrize("kind", KINDS)
def test_homeostasis(kind: str, bound: float, batch: int) -> None:
    """The bias weight counts; drives that a step sums for the next one see the weights after the homeostatic step."""
    rule = Rule("0.3*a*pre*post + b*err*pre", pathway="learned", homeostasis=Homeostasis(kind, bound))
    against_oracle(rule, Network(hidden=(18, 5), bias=batch == 1), Toy(7, 3), batch, steps=3)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_leave_the_finite_range_are_not_brought_back(kind: str) -> None:
    """But for the clip of max_weight, which brings back what is infinite, and not what is no number."""
    rule = Rule("g*pre*post + g*w", homeostasis=Homeostasis(kind, 1.0))
    growth = torch.tensor([[1e-3], [1e30], [float("nan")]], dtype=torch.float64)
    one, two = both(rule, Network(hidden=(5,)), Toy(), 20, 1, growth, (20,))
    assert torch.equal(one.alive, two.alive) and not bool(one.alive[2].any()) and bool(one.alive[0].all())
    assert bool(one.alive[1].all()) == (kind == "max_weight")


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", [name for name, row in SIGNALS.items() if row.total is not None and row.native])
def test_sums_over_a_layer(name: str, batch: int) -> None:
    """Wider than a vector, with a bias unit, in dw and in a trace, beside what separates."""
    text = f"0.1*(a*{name}*pre*post + b*tanh({name})*err + 0.1*c*e*pre)"
    rule = Rule(text, {"e": f"0.5*e + 0.1*d*{name}*post"}, pathway="random")
    against_oracle(rule, Network(hidden=(18, 35), bias=batch == 1), Toy(20, 17), batch)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("fixed", [False, True])
def test_long_lives_agree_with_eager(batch: int, fixed: bool) -> None:
    rule = Rule.from_dict(
        {
            "dw": {"hidden": "0.03*A*err*pre - 0.01*B*post*recon", "output": "0.02*C*err*pre"},
            "pathway": "random",
            "homeostasis": {"max_norm": 1.2},
            "coefficients": {"A": {"share": "neuron"}, "B": {"share": "layer"}, "C": {"share": "synapse"}},
        }
    )
    network = Network(hidden=(33, 9), bias=True)
    theta = coefficients(rule, 3, 1.0, network.shapes(9, 3)).abs()
    one, two = both(rule, network, Toy(9, 3), 40, batch, theta, (0, 20, 40), fixed=fixed)
    assert bool(one.alive.all())
    for w, v in zip(one.state.weights, two.state.weights):
        assert float((w - v).abs().max()) <= 5e-5 * float(v.abs().max())
    assert float((one.bits / two.bits - 1).abs().max()) < 1e-5
    task, learner = Toy(9, 3), Learner(rule, network)
    lives = task.life_data("search", 40, batch, 0, LABELS)
    alone = native.live(Life(learner, task, lives, theta[1:2], 0, LABELS, threads=2, fixed=fixed))
    assert torch.equal(alone.score[0], native.live(Life(learner, task, lives, theta, 0, LABELS, fixed=fixed)).score[1])


NORMALISED = "(a*pre*err - b*err*recon - c*post*recon + d*pre*post)/(1 + 0.5*abs(k)*pre_power)"
POWERS = {"hidden": NORMALISED, "output": "a*err*pre/(0.5 + post_power) + b*w*err_power/(1 + err_power)"}


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("batch", [1, 32])
@pytest.mark.parametrize("dw", [NORMALISED, POWERS], ids=["one formula", "per layer"])
def test_terms_divided_by_the_power_of_each_sample(dw: str | dict[str, str], batch: int, fixed: bool) -> None:
    rule = Rule.from_dict({"dw": dw, "pathway": "random", "homeostasis": {"max_norm": 1.1}})
    against_oracle(rule, Network(hidden=(18, 5), bias=fixed), Toy(20, 3), batch, fixed=fixed)
    separated = [found for _, found in generate.analysis(rule)]
    assert all(found.rest == 0 for found in separated), "a scalar of layer and sample leaves the rank-one form as it is"


def test_values_for_another_network_are_refused() -> None:
    rule = Rule("A*pre*post", {}, (Coefficient("A", share="neuron"),))
    lives = Toy().life_data("search", 2, 1, 0, LABELS)
    with pytest.raises(ValueError, match="belong to another network"):
        native.live(Life(Learner(rule, Network(hidden=(5,))), Toy(), lives, torch.zeros(2, 3), 0, LABELS))
