"""The distance of a found rule to every named rule: in coefficient space, and in what it does to the same synapses.

Both are angles to the nearest member of the named family: with dw = sum_c c * f_c linear in its coefficients, the found
rule is projected on the span of the f_c (coefficients with transform "log" stay positive). 0 degrees is the same rule up
to a factor, 90 degrees nothing in common, more than 90 the opposite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy

from inner.rules.faces import to_text
from inner.rules.rule import Rule
from inner.rules.signals import SIGNALS
from inner.rules.terms import expanded_terms, numeric_terms
from metalearn.evidence.findings import DistanceRow

RECORDED = 12  # moments of a life at which changes are compared


def term_vector(rule: Rule, values: Mapping[str, float]) -> dict[str, float]:
    """Signal part of every expanded term -> its number."""
    found = numeric_terms(rule.expression, (*SIGNALS, *rule.traces), dict(values), None)
    return {to_text(basis): number for number, basis in found}


def columns(rule: Rule) -> dict[str, dict[str, float]] | None:
    """Coefficient -> its own terms; None where dw is not linear in the coefficients."""
    found: dict[str, dict[str, float]] = {}
    if rule.traces or rule.beyond_one_formula or any(c.fixed for c in rule.coefficients):
        return None
    names = {c.name for c in rule.coefficients}
    for front, basis in expanded_terms(rule.expression, SIGNALS):
        if any(symbol.name in names for symbol in basis.free_symbols):
            return None
        for part in sympy.Add.make_args(front):
            number, symbol = part.as_coeff_Mul()
            if not symbol.is_Symbol:
                return None
            own = found.setdefault(symbol.name, {})
            own[to_text(basis)] = own.get(to_text(basis), 0.0) + float(number)
    return found


def angle_to_span(target: np.ndarray, parts: np.ndarray, positive: np.ndarray) -> float | None:
    """Degrees between target [S] and its projection on the columns of parts [S, K]; None where nothing is shared.

    positive [K]: columns that may only be added. With all of them positive and none of use, the nearest column counts,
    so that an opposite rule shows as more than 90 degrees.
    """
    lengths = np.linalg.norm(parts, axis=0)
    if not np.isfinite(parts).all() or not np.isfinite(target).all() or not target.any() or not lengths.any():
        return None
    parts, positive = parts[:, lengths > 0] / lengths[lengths > 0], positive[lengths > 0]
    overlaps = parts.T @ target / np.linalg.norm(target)
    if not overlaps.any():
        return None
    from scipy.optimize import lsq_linear

    weights = lsq_linear(parts, target / np.linalg.norm(target), (np.where(positive, 0.0, -np.inf), np.inf)).x
    nearest = parts @ weights
    size = float(np.linalg.norm(nearest))
    cosine = float(nearest @ target / np.linalg.norm(target) / size) if size > 1e-9 else float(overlaps.max())
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


def coefficient_angle(rule: Rule, values: Mapping[str, float], other: Rule) -> float | None:
    """Degrees between the terms of a rule with values and the family of another rule; None without a common term.

    None, too, where a rule has more than one formula, or a coefficient more than one value.
    """
    if rule.beyond_one_formula or other.beyond_one_formula:
        return None
    own, split = term_vector(rule, values), columns(other)
    parts = list(split.values()) if split is not None else [term_vector(other, other.defaults)]
    bases = list(dict.fromkeys([*own, *(basis for part in parts for basis in part)]))
    if not set(own) & {basis for part in parts for basis in part}:
        return None
    matrix = np.array([[part.get(basis, 0.0) for part in parts] for basis in bases])
    return angle_to_span(np.array([own.get(basis, 0.0) for basis in bases]), matrix, _positive(other, split))


def _positive(other: Rule, split: Mapping[str, Any] | None) -> np.ndarray:
    if split is None:
        return np.array([True])
    kinds = {c.name: c.transform == "log" for c in other.coefficients}
    return np.array([kinds[name] for name in split])


def behaviour_angle(rule: Rule, values: Mapping[str, float], other: Rule, setting: Any, seed: int) -> float | None:
    """Degrees between the weight changes of two rules on the same weights, samples and moments of a life.

    The found rule lives; at RECORDED moments the other rule says what it would do there, through its own pathway.
    None where a coefficient has values per layer or unit, and in sequences.
    """
    if setting.task.sequences or any(c.share != "rule" for c in (*rule.coefficients, *other.coefficients)):
        return None
    import torch

    from inner.axes import fold
    from inner.learners.local_rule import Learner
    from inner.spec import Spec

    split = columns(other)
    names = [c.name for c in other.coefficients]
    rows = [other.defaults] if split is None else [{n: float(n == one) for n in names} for one in split]
    count = max(2, len(rows))  # torch multiplies a single matrix differently
    lives = setting.task.life_data(setting.tier, setting.steps, setting.batch, seed, setting.labels[:1])
    spec = Spec.of(lives, setting.task.criterion)
    own, there = Learner(rule, setting.network), Learner(other, setting.network)
    theta = torch.tensor([[values[c.name] for c in rule.coefficients]] * 2, dtype=torch.float32)
    theirs = torch.tensor([[row[n] for n in names] for row in (rows * 2)[:count]], dtype=torch.float32)
    steps = lives.order.shape[1]
    moments = {steps * m // RECORDED for m in range(RECORDED)}
    seen, said = [], []
    with torch.no_grad():
        state = own.init(spec, theta, 2, seed, setting.labels[:1])
        guest = there.init(spec, theirs, count, seed, setting.labels[:1])
        for t in range(steps):
            x, y = (values_[0, lives.order[0, t]][None] for values_ in (lives.x, lives.y))
            if t in moments or other.traces:
                weights = tuple(fold(w[:1], count) for w in state.weights)
                changes, traces, _ = there.changes(replace(guest, weights=weights), fold(x, count), fold(y, count))
                guest = replace(guest, traces=traces)
                if t in moments:
                    mine = own.changes(state, fold(x, 2), fold(y, 2))[0]
                    seen.append(torch.cat([dw[0].flatten() for dw in mine]).double().numpy())
                    flat = [dw[: len(rows)].flatten(1) for dw in changes]
                    said.append(torch.cat(flat, 1).double().numpy())
            state, _ = own.step(state, fold(x, 2), fold(y, 2))
    parts = np.concatenate(said, axis=1).T  # [S, K]
    return angle_to_span(np.concatenate(seen), parts, _positive(other, split))


def distances(
    rule: Rule, values: Mapping[str, float], known: Mapping[str, Rule], setting: Any, seed: int
) -> list[DistanceRow]:
    """One row per named rule, the nearest in behaviour first: angles in degrees, None where there is nothing to compare."""
    rows = []
    for name, other in known.items():
        behaviour = behaviour_angle(rule, values, other, setting, seed)
        rows.append(
            DistanceRow(
                rule=name,
                terms=coefficient_angle(rule, values, other),
                behaviour=behaviour,
                correlation=None if behaviour is None else math.cos(math.radians(behaviour)),
                pathway=other.pathway,
            )
        )
    return sorted(rows, key=lambda row: math.inf if row.behaviour is None else row.behaviour)
