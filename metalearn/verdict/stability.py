"""How stable the numbers of a rule are over search seeds: mean, spread and agreement of signs of every term's number.

A rule multiplied by a number is the same rule at another rate, so the numbers before terms are divided by the length of
the vector of all of them. Coefficients inside functions, quotients and traces, and those of learners without a formula,
stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inner.learners.base import Learner
from inner.rules.faces import to_text
from inner.rules.numeric import evaluate
from inner.rules.rule import Rule
from inner.rules.terms import expanded_terms
from metalearn.evidence.arms import Arm
from metalearn.evidence.documents import Values
from metalearn.verdict.documents import StableNumber
from metalearn.verdict.seeds import SeedRun


def stability(runs: Sequence[SeedRun]) -> tuple[StableNumber, ...]:
    """A row per term and per coefficient inside a term; none where the runs found different formulas."""
    arms = [Arm.of(run.comparison.arms[run.comparison.reference]) for run in runs]
    rules = [arm.learner.formula for arm in arms]
    if any((rule and rule.formulas) != (rules[0] and rules[0].formulas) for rule in rules):
        return ()
    found = [numbers_of(arm.learner, dict(run.values)) for arm, run in zip(arms, runs)]
    fronts = np.array([list(front.values()) for front, _ in found], dtype=np.float64).reshape(len(runs), -1)  # [S, T]
    lengths = np.linalg.norm(fronts, axis=1, keepdims=True)
    fronts = fronts / np.where(lengths > 0, lengths, 1.0)
    inside = np.array([list(inner.values()) for _, inner in found], dtype=np.float64).reshape(len(runs), -1)
    rows = [_row(name, True, column) for name, column in zip(found[0][0], fronts.T)]
    return (*rows, *(_row(name, False, column) for name, column in zip(found[0][1], inside.T)))


def numbers_of(learner: Learner, values: Values) -> tuple[dict[str, float], dict[str, float]]:
    """The numbers before terms by their signal part, and the coefficients inside; those of many values are left out."""
    rule = learner.formula
    single = {c.name: c.init for c in learner.coefficients if c.share == "rule"}
    single |= {name: float(value) for name, value in values.items() if name in single and not isinstance(value, list)}
    if rule is None:
        return {}, single
    fronts, inside = _terms(rule, single)
    return fronts, {name: value for name, value in single.items() if name in inside}


def _terms(rule: Rule, values: dict[str, float]) -> tuple[dict[str, float], set[str]]:
    """The number before every signal part, and the names of coefficients inside them and inside traces."""
    seen = (*rule.visible, *(c.name for c in rule.coefficients if c.name not in values))
    fronts, inside = dict[str, float](), set[str]()
    for key, expression in rule.expressions.items():
        where = "" if key == "dw" else f"{key.removeprefix('dw.')}: "
        for front, basis in expanded_terms(expression, seen):
            fronts[where + to_text(basis)] = evaluate(front, values)
            inside |= {symbol.name for symbol in basis.free_symbols}
    for expression in rule.trace_expressions.values():
        inside |= {symbol.name for symbol in expression.free_symbols}
    return fronts, inside


def _row(name: str, scaled: bool, column: np.ndarray) -> StableNumber:
    """One number [S]."""
    signs = np.sign(column)
    return StableNumber(
        name=name,
        scaled=scaled,
        mean=float(column.mean()),
        sd=float(column.std(ddof=1)) if len(column) > 1 else None,
        sign=max(float((signs == sign).mean()) for sign in (-1.0, 0.0, 1.0)),
        zeros=int((signs == 0).sum()),
    )
