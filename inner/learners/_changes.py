"""The changes of a local rule's weights at one step, and of its traces: the signals of every group, through its formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from inner.learners._rule_state import RuleOnNetwork, State
from inner.learners._signals import look, of_samples, rested
from inner.rules.compiled import SidedTrace, Traces, compiled
from inner.rules.signals import SIGNALS, totals
from inner.rules.update import LayerShape
from inner.sources import Told


def changed(
    learner: RuleOnNetwork, state: State, told: Told, t: int | Tensor, added: bool, into: bool
) -> tuple[tuple[Tensor, ...], tuple[dict[str, Tensor], ...], Any]:
    """w + dw per group (or dw alone), new traces, and what the look at the signals leaves for the next step."""
    values, kept = look(learner, state, told, t)
    rules, trace_rules = learner.updates
    apart = learner.form is not None or not added  # coefficients go in with the signals
    changes, traces, groups, batch = [], [], len(state.weights), values.reward.shape[1]
    fresh = state.acted.fresh if state.acted is not None else None
    for k, w in enumerate(state.weights):
        signals = {name: value(values, k) for name, value in learner.made}
        signals["w"] = w
        if learner.summed:
            signals |= totals(learner.summed, signals)
        if learner.remembered:
            kept.before.append({name: signals[name] for name in learner.remembered})
        if trace_rules:
            signals |= rested(state.traces[k], fresh)
            if batch != state.spec.batch:
                sided = {name: signals[name] for name, update in trace_rules if isinstance(update, SidedTrace)}
                signals |= of_samples(sided, batch)
        if apart:
            signals |= state.coefficients | (state.own_coefficients[k] if state.own_coefficients else {})
        shape = cast(LayerShape, w.shape)
        bound, key = state.bound[k], learner.rule.key_of(k, groups)
        renewed: dict[str, Tensor] = {}
        if trace_rules:
            for (name, update), of in zip(trace_rules, bound[len(bound) - len(trace_rules) :]):
                renewed[name] = update(signals, shape, batch, of)
            signals |= {name + "_before": signals[name] for name in renewed} | renewed
        if learner.form is not None:
            changes.append(learner.form(signals, shape, batch, w if added else None))
        elif added:
            changes.append(rules[key](signals, shape, batch, bound[0], into))
        else:
            changes.append(compiled(learner.rule)[0][key](signals, shape, batch))
        traces.append(renewed)
    return tuple(changes), tuple(traces), kept


def silent(updates: Traces, state: State) -> tuple[dict[str, Tensor], ...]:
    """Every trace at 0, per group: per synapse [N, I, O], or per sample on its own side."""
    found = []
    for w in state.weights:
        layer = {}
        for name, update in updates:
            layer[name] = torch.zeros_like(w)
            if isinstance(update, SidedTrace):
                layer[name] = w.new_zeros(len(w), state.spec.batch, update.width(w.shape[1], w.shape[2]))
        found.append(layer)
    return tuple(found)


def nothing_before(names: Sequence[str], state: State) -> tuple[dict[str, Tensor], ...]:
    """0 for every signal that is asked for one step back, per group [N, B, width of its side]; no groups without names."""
    if not names:
        return ()
    batch = state.spec.batch
    return tuple({n: w.new_zeros(len(w), batch, _widths(w)[SIGNALS[n].side]) for n in names} for w in state.weights)


def _widths(w: Tensor) -> dict[str, int]:
    """Numbers per sample of a value of each side, at weights [N, I, O]."""
    return {"pre": w.shape[1], "post": w.shape[2], "global": 1}
