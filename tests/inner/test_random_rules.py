"""Random rules with powers, roots, choices, means, schedules and traces: one life in C and in torch, two steps by the oracle."""

from __future__ import annotations

import pytest
from native_help import Toy, against_oracle, both, coefficients
from random_rules import rule_of

from inner.engines.native import compiler
from inner.networks.mlp import Network

pytestmark = [
    pytest.mark.skipif(bool(compiler.problem()), reason="no C compiler"),
    pytest.mark.usefixtures("quick_builds"),
]


@pytest.mark.parametrize("number", range(16))
def test_engines_and_oracle_agree(number: int) -> None:
    rule, batch, bias = rule_of(number), 1 + 2 * (number % 2), number % 3 == 0
    against_oracle(rule, Network(hidden=(9, 4), bias=bias), Toy(6, 3), batch)
    one, two = both(rule, Network(hidden=(9,), bias=bias), Toy(6, 3), 8, batch, coefficients(rule))
    for w, v in zip(one.state.weights, two.state.weights):
        assert float((w - v).abs().max()) <= 1e-4 * float(v.abs().max())
