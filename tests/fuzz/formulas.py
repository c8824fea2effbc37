"""Formulas for the fuzzer: grown from the grammar, spoilt by letters, nested, chained, and plainly hostile; all seeded."""

from __future__ import annotations

import random

from fuzz.values import mutated_text

from inner.rules.functions import FUNCTIONS
from inner.rules.signals import SIGNALS

SEEDS = [
    "eta*(a*pre*post + b*err*pre)",
    "eta*err*pre - decay*w",
    "eta*(pre*post - post**2*w)",
    "where(pre, a*err, b*post)/(1 + post_sum**2)",
    "tanh(a*pre + b)*sigmoid(c*post) - exp(-d*w**2)",
    "max(min(pre, 1), -1)*relu(post - theta)",
]
NUMBERS = [
    "0",
    "1",
    "2",
    "-1",
    "0.5",
    "1e30",
    "1e31",
    "1e300",
    "1e999",
    "1e-320",
    "007",
    "1.",
    ".5",
    "1e",
    "0x1",
    "1j",
    "1_0",
]
NAMES = [
    "eta",
    "a",
    "b",
    "E",
    "I",
    "pi",
    "oo",
    "nan",
    "S",
    "_x",
    "a__b",
    "lambda",
    "None",
    "x" * 70,
    "theta0",
    "pre_err_",
]
HOSTILE = [
    *(
        "__import__('os').system('touch hacked')",
        "pre.__class__",
        "(lambda: 1)()",
        "exec(pre)",
        "[x for x in pre]",
        "f'{pre}'",
    ),
    *(
        "9**9**9**9",
        "pre**pre",
        "pre**0.5",
        "pre**-8",
        "(pre**8)**8",
        "((pre**8)**8)**8",
        "1/0",
        "1/(pre - pre)",
        "(pre-pre)**-1",
    ),
    *(
        "pre if post else w",
        "pre and post",
        "not pre",
        "pre == post",
        "pre := 1",
        "*pre",
        "**pre",
        "pre;post",
        "pre#post",
        "pre\\\n",
    ),
    *(
        "tanh()",
        "tanh(pre, post)",
        "tanh(x=pre)",
        "tanh(*pre)",
        "max(pre)",
        "where(pre)",
        "log(0)",
        "log(-1)",
        "sqrt(-1)",
        "exp(1e30)",
    ),
    *(
        "tanh",
        "tanh tanh",
        "()",
        "(,)",
        "pre,",
        "pre()",
        "1()",
        "pre[0]",
        "{}",
        "'pre'",
        "...",
        "`pre`",
        "$",
        "pre^2",
        "1 2",
        "pre post",
    ),
    *(
        "exp(exp(exp(exp(9))))",
        "1e30*1e30",
        "1e30**8",
        "1e-30**8",
        "a/a",
        "0*a",
        "a - a",
        "0/a",
        "a*0**0",
        "0**-1",
        "2**-8*w",
    ),
    *(
        "ｅta*pre",
        "pre\u200b*post",
        "\ufeffpre",
        "π*pre",
        "pre\x00",
        "pre\x1b[31m",
        "٣*pre",
        "²*pre",
        "pre" + "\n" * 50,
        "\u2028pre",
    ),
]


def name(draw: random.Random) -> str:
    return draw.choice([*SIGNALS, *SIGNALS, *NAMES, *NAMES[:4] * 5])


def grown(draw: random.Random, depth: int) -> str:
    """A formula of the grammar, most of them valid."""
    kind = draw.random()
    if depth == 0 or kind < 0.15:
        return draw.choice([name(draw), draw.choice(NUMBERS[:6]) if draw.random() < 0.8 else draw.choice(NUMBERS)])
    if kind < 0.55:
        return f"({grown(draw, depth - 1)} {draw.choice('+-*/')} {grown(draw, depth - 1)})"
    if kind < 0.65:
        return f"({grown(draw, depth - 1)})**{draw.choice(['2', '3', '-1', '8', '9', '0', '-2', '1.0', '2.5'])}"
    if kind < 0.7:
        return f"-{grown(draw, depth - 1)}"
    called = draw.choice(sorted(FUNCTIONS))
    count = FUNCTIONS[called].arguments + (draw.choice([-1, 1]) if draw.random() < 0.03 else 0)
    return f"{called}({', '.join(grown(draw, depth - 1) for _ in range(count))})"


def nested(draw: random.Random) -> str:
    """An operation inside itself, up to some hundred times."""
    times = draw.choice([10, 40, 63, 64, 65, 100, 160, 300, 1000, 4000])
    front, back = draw.choice(
        [
            ("(", ")"),
            ("tanh(", ")"),
            ("1/(1+", ")"),
            ("-", ""),
            ("exp(-", ")"),
            ("max(pre, ", ")"),
            ("(a*", "+b)"),
            ("(", ")**2"),
        ]
        + [
            ("where(pre, post, ", ")"),
            ("(pre - ", ")*a"),
            ("+", ""),
            ("relu(a + ", "/w)"),
            ("pre**(", ")"),
            ("sqrt(abs(", "))"),
        ]
    )
    return front * times + draw.choice(["pre", "w", "1", "a", ""]) + back * (times - (draw.random() < 0.05))


def chained(draw: random.Random) -> str:
    """A long chain."""
    part = draw.choice(
        ["pre*", "(a+b)*", "1/", "w -", "2**2*", "tanh(pre)+", "(pre+post)**8*", "-(", "a", "1 +", "1e29*", "(a0+1)/"]
    )
    return part * draw.choice([5, 50, 400, 1000, 3000]) + "pre"


def formula(draw: random.Random) -> str:
    """Any of them."""
    kind = draw.random()
    if kind < 0.35:
        return grown(draw, draw.choice([1, 2, 3, 5, 7]))
    if kind < 0.6:
        return mutated_text(draw, draw.choice([*SEEDS, grown(draw, 3)]))
    if kind < 0.75:
        return nested(draw)
    if kind < 0.82:
        return chained(draw)
    return draw.choice(HOSTILE)
