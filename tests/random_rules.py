"""Random rules with powers, roots, choices, means, schedules and traces, whose values stay of ordinary size; seeded."""

from __future__ import annotations

import numpy as np

from inner.random import stream
from inner.rules.rule import Rule

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
