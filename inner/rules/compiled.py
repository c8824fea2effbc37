"""A rule's formulas ready to run: the side of every name, and one `Update` per formula and trace, made once per rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy

from inner.rules import sharing
from inner.rules.rule import Rule
from inner.rules.separate import separate
from inner.rules.signals import BEFORE, SIGNALS
from inner.rules.tape import Tape
from inner.rules.update import Update

RANK = {"global": 0, "pre": 1, "post": 1, "synapse": 2}


def sides(rule: Rule) -> dict[str, str]:
    """The side of every name that is more than one number: signals, traces, coefficients per unit or synapse."""
    found = {name: "sampled" if signal.per_sample else signal.side for name, signal in SIGNALS.items()}
    own = trace_sides(rule)
    found |= {name + BEFORE: side for name, side in own.items()} | own
    return found | {c.name: sharing.SIDES[c.share] for c in rule.coefficients if c.share in sharing.SIDES}


def trace_sides(rule: Rule) -> dict[str, str]:
    """The side of every trace: "synapse", a value per synapse [N, I, O], the mean over the samples of a step."""
    return {name: "synapse" for name in rule.traces}


@dataclass(frozen=True)
class SidedTrace:
    """The next value of a trace of one side, kept for every sample of a step: pre [N, B, I], post [N, B, O], global [N, B, 1]."""

    side: str
    tape: Tape


Traces = tuple[tuple[str, Update | SidedTrace], ...]


@lru_cache(maxsize=128)
def compiled(rule: Rule, added: bool = False) -> tuple[dict[str, Update], Traces]:
    """The compiled formulas of a rule, by their keys in `rule.formulas`, and those of its traces.

    added: formulas that give w + dw instead of dw.
    """
    known, fixed = sides(rule), frozenset(c.name for c in rule.coefficients)
    own = trace_sides(rule)

    def trace(name: str, expression: sympy.Expr) -> Update | SidedTrace:
        if own[name] == "synapse":
            return Update(separate(expression, known), known, fixed)
        return SidedTrace(own[name], Tape.of([expression], known, fixed, samples=True))

    traces = tuple((name, trace(name, e)) for name, e in rule.trace_expressions.items())
    return {key: Update(separate(e, known), known, fixed, added) for key, e in rule.expressions.items()}, traces
