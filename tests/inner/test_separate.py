"""The split of a rule into matrix products: groups and rest add up to the rule, and there are as few as promised."""

from __future__ import annotations

import math

import numpy as np
import oracle_formula
import pytest
import sympy
import yaml

from inner.random import stream
from inner.rules.faces import to_text
from inner.rules.families import FAMILIES
from inner.rules.rule import Rule
from inner.rules.separate import MAX_TERMS, Separated, separate
from inner.rules.signals import SIGNALS

SIDES = {name: signal.side for name, signal in SIGNALS.items()} | {"e": "synapse"}
W1 = "eta*(c0*post*pre + c1*err*pre + c2*post*err*pre + c3*post**2*w + c4*w + c5*pre + c6*post + c7*err)"

HAND_WRITTEN = {  # formula -> (number of groups, whether something is left over)
    W1: (3, False),  # (1, pre), (w, 1), (1, 1)
    "0": (1, False),
    "a": (1, False),
    "eta*err*pre": (1, False),
    "eta*post*(pre - post*w)": (2, False),
    "(pre - post*w)**2": (3, False),  # pre**2, w*pre, w**2
    "pre*(a + b*w)*(post + err)": (2, False),
    "tanh(pre)*post + pre*tanh(post) + tanh(pre)*err": (2, False),
    "e*err + e*post*reward + e*pre": (2, False),
    "a*tanh(w)*post - decay*w*abs(w)": (2, False),
    "tanh(pre*post)": (0, True),
    "max(pre, post) + pre*post": (1, True),
    "post*(pre - recon)": (2, False),
    "pre*post/(1 + w**2)": (1, False),
    "pre*post/(w + post**2)": (0, True),
    "reward*tanh(reward*post)*pre": (1, False),
    "sigmoid(a*pre)*exp(-err**2)*w": (1, False),
    "(pre*post)**2 + (pre + 1)**3": (4, False),
    "(pre + post + w + err)**8 * (pre + post + w)**8": (0, True),  # too many terms to expand
}


def split(text: str) -> Separated:
    return separate(Rule(text, {"e": "e"}).expression, SIDES)


def point(text_names: set[str], seed: int) -> dict[str, float]:
    draw = stream(seed, "separate")
    return {name: float(draw.uniform(0.1, 1.5) * draw.choice([-1, 1])) for name in sorted(text_names)}


def check(text: str, seeds: range = range(5)) -> Separated:
    """sum_g s_g a_g G_g + rest equals the rule, each factor depends on its own side, and no two groups share (s, a)."""
    rule = Rule(text, {"e": "e"})
    separated = split(text)
    names = {c.name for c in rule.coefficients} | set(SIDES)
    for seed in seeds:
        values = point(names, seed)
        wanted = oracle_formula.evaluate(text, values)
        parts = [
            math.prod(oracle_formula.evaluate(to_text(factor), values) for factor in (g.synapse, g.pre, g.post))
            for g in separated.groups
        ]
        rest = oracle_formula.evaluate(to_text(separated.rest), values)
        size = max([abs(wanted), abs(rest), *map(abs, parts)])
        assert abs(sum(parts) + rest - wanted) <= 1e-9 * size + 1e-12, f"{text} at {values}"
    allowed = {"synapse": {"synapse"}, "pre": {"pre"}, "post": {"post", "global"}}
    for g in separated.groups:
        for part, sides in allowed.items():
            seen = {SIDES[s.name] for s in getattr(g, part).free_symbols if s.name in SIDES}
            assert seen <= sides, f"{part} factor {getattr(g, part)} of {text}"
        front = (g.synapse.free_symbols | g.pre.free_symbols) - {sympy.Symbol(n, real=True) for n in SIDES}
        touched = {c.name for c in rule.coefficients} & {s.name for s in front}
        nested = [h for f in (g.synapse, g.pre) for h in f.atoms(sympy.Function, sympy.Pow)]
        inside = {s.name for h in nested for s in h.free_symbols}
        assert touched <= inside, "a coefficient that multiplies belongs to the post factor"
    keys = [(g.synapse, g.pre) for g in separated.groups]
    assert len(keys) == len(set(keys))
    return separated


@pytest.mark.parametrize("text", HAND_WRITTEN)
def test_hand_written_rules(text: str) -> None:
    separated = check(text)
    assert (len(separated.groups), separated.rest != 0) == HAND_WRITTEN[text]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_families_separate_completely(family: str) -> None:
    separated = check(Rule.from_dict({"family": family}).dw)
    assert (separated.rest == 0) == (family != "mlp"), "a network per synapse has no factors"
    if family == "taylor":
        assert len(separated.groups) == 9  # pre**i w**k, i and k from 0 to 2
    if family == "chalmers":
        assert len(separated.groups) == 4  # w, pre, w*pre and 1


def test_rules_of_the_configs(request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "configs"
    for spec in yaml.safe_load((folder / "rules.yaml").read_text(encoding="utf-8")).values():
        assert check(spec["dw"]).rest == 0


def formula(draw: np.random.Generator, depth: int) -> str:
    """A random formula that is finite everywhere."""
    kind = draw.integers(0, 10) if depth else 0
    if kind <= 1:
        leaves = [*SIGNALS, "e", "a", "b", "c", "2", "0.5"]
        return str(leaves[draw.integers(len(leaves))])
    left, right = formula(draw, depth - 1), formula(draw, depth - 1)
    if kind <= 7:
        return f"({left} {'+-***'[draw.integers(5)]} {right})"
    if kind == 8:
        return f"({left})**{draw.integers(2, 4)}"
    function = ("tanh", "sigmoid", "abs", "relu", "max")[draw.integers(5)]
    return f"max({left}, {right})" if function == "max" else f"{function}({left})"


@pytest.mark.parametrize("number", range(40))
def test_random_formulas(number: int) -> None:
    check(formula(stream(number, "formula"), 4), range(2))


def test_a_formula_too_long_to_expand_stays_whole() -> None:
    """(a + b)**n times itself has more terms than the limit: nothing is expanded, nothing is lost, nothing hangs."""
    text = "*".join(f"(pre + post*{k} + w)" for k in range(1, 8))
    assert 3**7 > MAX_TERMS
    assert split(text).groups == ()
    check(text)
