"""Random rules with powers, roots, choices, means, schedules and traces: one life in C and in torch, two steps by the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from native_help import Toy, against_oracle, both, coefficients

from inner.engines.native import compiler
from inner.networks.mlp import Network
from inner.random import stream
from inner.rules.rule import Rule

pytestmark = [
    pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler"),
    pytest.mark.usefixtures("quick_builds"),
]
LEAVES = ("pre", "post", "err", "w", "recon", "drive", "a", "b", "e", "s")
FORMS = (
    "sqrt(abs({0}) + 0.2)", "where({0} > {1}, {2}, 0.5*{1})", "where({0} <= {1}, 0.3, {2})", "({0} >= {1})*{2}",
    "pow(abs({0}) + 0.5, a)", "mean({0}*{1})*{2}", "tanh({0}*mean({1}))", "{0}/(1 + pre_power)", "{0}/(1 + post_power)",
    "err_power*{0}", "(1 - progress)*{0}*{1}", "{0}/(1 + updates*b**2)", "{0}/(1 + {1}**2)", "{0}*{1}", "({0} - {1})",
    "{0}/(0.1 + sqrt({1}**2/(1 - pow(0.9, updates)) + 0.1))", "sqrt(1 + pre_power)*{0}",
)  # fmt: skip


def formula(draw: np.random.Generator, depth: int) -> str:
    """A product of terms that stay of ordinary size."""
    if depth == 0:
        return str(draw.choice(LEAVES))
    return str(draw.choice(FORMS)).format(*(formula(draw, int(draw.integers(0, depth))) for _ in range(3)))


def rule_of(number: int) -> Rule:
    draw = stream(5, "random rule", number)
    dw = " + ".join(f"0.05*{c}*tanh({formula(draw, 2)})*{draw.choice(['pre', 'post', 'err', '1'])}" for c in "cdf")
    traces = {
        "e": f"0.5*e + 0.2*tanh({formula(draw, 1)})",
        "s": f"0.5*s + {draw.choice(['pre', 'post', 'pre_power*0.1', 'w'])}",
    }
    dw = f"({dw} + 0.05*e*s)/(1 + 0.1*{draw.choice(['pre_power', 'post_power', 'err_power', 'updates', 'progress'])})"
    return Rule(dw, traces, pathway=str(draw.choice(["random", "backprop"])))


@pytest.mark.parametrize("number", range(16))
def test_engines_and_oracle_agree(number: int) -> None:
    rule, batch, bias = rule_of(number), 1 + 2 * (number % 2), number % 3 == 0
    against_oracle(rule, Network(hidden=(9, 4), bias=bias), Toy(6, 3), batch)
    one, two = both(rule, Network(hidden=(9,), bias=bias), Toy(6, 3), 8, batch, coefficients(rule))
    for w, v in zip(one.state.weights, two.state.weights):
        assert float((w - v).abs().max()) <= 1e-4 * float(v.abs().max())
