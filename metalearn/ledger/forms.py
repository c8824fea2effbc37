"""The form of a rule: its terms without numbers, so that the same idea with other coefficients is the same form.

Every coefficient is written c, terms and factors stand in the order of their text, and terms whose coefficient is
exactly 0 are left out. Numbers that no coefficient can absorb (exponents, the 1 of 1 + c*x) belong to the form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sympy

from inner.components import Plain
from inner.learners.base import Learner
from inner.rules.functions import name_of, replace
from inner.rules.rule import Rule
from inner.rules.terms import expanded_terms
from metalearn.ledger.documents import Form

FREE = "c"  # stands for every coefficient


def digest(content: object) -> str:
    """Twelve hexadecimal digits of the SHA-256 of text, or of plain JSON."""
    text = content if isinstance(content, str) else json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def form_of(learner: Learner, values: Mapping[str, Any]) -> Form:
    """The form of a learner with these values; of one without a formula its name and options."""
    rule = learner.formula
    if rule is None:
        options = {key: option for key, option in learner.plain().items() if key not in ("name", "values", "network")}
        text = learner.name + (f" {json.dumps(options, sort_keys=True)}" if options else "")
    else:
        text = _rule_text(rule, values)
    return Form(text=text, hash=digest(text))


def _rule_text(rule: Rule, values: Mapping[str, Any]) -> str:
    numbers = rule.merged(values)
    absent = {name for name, value in numbers.items() if value == 0}
    named = {f"{key} =": e for key, e in rule.expressions.items()}
    named |= {f"{name} <-": e for name, e in rule.trace_expressions.items()}
    lines = [f"{head} {_sum(expression, rule, absent)}" for head, expression in named.items()]
    lines += [f"then {rule.homeostasis.text}"] if rule.homeostasis else []
    pathway: Plain | str = {"name": rule.pathway, **rule.pathway_options} if rule.pathway_options else rule.pathway
    lines.append(f"pathway {pathway if isinstance(pathway, str) else json.dumps(pathway, sort_keys=True)}")
    lines += [f"noise {FREE}"] if rule.noise else []
    return "; ".join(lines)


def _sum(expression: sympy.Expr, rule: Rule, absent: set[str]) -> str:
    """The terms of one formula in order; a formula too long to expand is written as it stands."""
    free = {c.name for c in rule.coefficients}
    zeros: dict[sympy.Expr, sympy.Expr] = {sympy.Symbol(name, real=True): sympy.Integer(0) for name in absent}
    left = replace(expression, zeros) if zeros else expression
    try:
        pairs = expanded_terms(left, rule.visible)
    except ValueError:
        return _text(left, free)
    terms = {_product([_text(front, free), _text(basis, free)]) for front, basis in pairs}
    return " + ".join(sorted(terms)) or "0"


def _text(node: sympy.Expr, free: set[str]) -> str:
    """An expression with c for coefficients, its sums and products in the order of their text."""
    if isinstance(node, sympy.Symbol):
        return FREE if node.name in free else node.name
    if node.is_Number or not node.args:
        return str(node)
    if name := name_of(node):
        return f"{name}({', '.join(_text(argument, free) for argument in node.args)})"
    parts = [_text(argument, free) for argument in node.args]
    if node.is_Add:
        different = sorted(set(parts))
        return different[0] if len(different) == 1 else f"({' + '.join(different)})"
    if node.is_Mul:
        return _product(parts)
    if node.is_Pow:
        base, exponent = parts
        return FREE if base == FREE and node.exp.is_Number else f"1/{base}" if exponent == "-1" else f"{base}**{exponent}"
    return f"{type(node).__name__}({', '.join(parts)})"


def _product(parts: list[str]) -> str:
    """A product in order; c absorbs numbers and other c."""
    factors = [part for part in parts if part != "1"]
    if FREE in factors:
        factors = [FREE, *(part for part in factors if part != FREE and not _number(part))]
    front = [part for part in factors if not part.startswith("1/")] or ["1"]
    below = "".join(part[1:] for part in sorted(part for part in factors if part.startswith("1/")))
    return "*".join(sorted(front, key=lambda part: (part != FREE, not _number(part), part))) + below


def _number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).replace("/", "", 1).isdigit()
