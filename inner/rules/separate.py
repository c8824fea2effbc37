"""Finds the cheap form of a rule: a sum of (synapse factor) x (pre-side factor) x (post-side factor) is a matrix product.

    dw_ij = sum_g  s_g(w_ij, traces_ij) * sum_b  a_g(pre_i) * G_g(post_j, err_j, ...)

All terms with the same synapse factor s and the same pre-side factor a share one matrix G over post units, and different
a of one s concatenate along the inner axis of one batched product. The cost depends on the number of distinct (s, a), not
on the number of terms. What does not split this way is evaluated synapse by synapse (`rest`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sympy

MAX_TERMS = 400  # a formula that expands to more additive terms is evaluated synapse by synapse
MAX_NODES = 20_000  # the same, counting every part of its expanded form


@dataclass(frozen=True)
class Group:
    """Terms that share a synapse factor and a pre-side factor."""

    synapse: sympy.Expr  # s_g, 1 when no synapse-side signal occurs
    pre: sympy.Expr  # a_g, 1 when no pre-side signal occurs
    post: sympy.Expr  # G_g, over post-side signals, network-wide signals and coefficients


@dataclass(frozen=True)
class Separated:
    """A rule split into groups and the rest; `sum(groups) + rest` equals the rule."""

    groups: tuple[Group, ...]
    rest: sympy.Expr

    @property
    def expression(self) -> sympy.Expr:
        """The rule put together again."""
        return sympy.Add(*(g.synapse * g.pre * g.post for g in self.groups), self.rest)


def separate(expression: sympy.Expr, sides: Mapping[str, str]) -> Separated:
    """Split an expression; `sides` maps the names of signals to their side, other names are coefficients.

    Sides: "pre", "post", "synapse", "global", "sampled" for a value per sample and synapse, which does not split, and
    "step" for one number that all samples of a step share, which goes wherever a coefficient goes.
    """
    groups: dict[tuple[sympy.Expr, sympy.Expr], list[sympy.Expr]] = {}
    rest = []
    for term in additive_terms(expression):
        parts: dict[str, list[sympy.Expr]] = {"pre": [], "post": [], "synapse": []}
        for factor in sympy.Mul.make_args(term):
            touched = {sides[s.name] for s in factor.free_symbols if s.name in sides} - {"step"}
            touched = {"post" if side == "global" else side for side in touched}
            if len(touched) > 1 or "sampled" in touched:
                rest.append(term)
                break
            parts[touched.pop() if touched else "post"].append(factor)
        else:
            key = (sympy.Mul(*parts["synapse"]), sympy.Mul(*parts["pre"]))
            groups.setdefault(key, []).append(sympy.Mul(*parts["post"]))
    built = tuple(Group(s, a, _gather(sympy.Add(*posts), sides)) for (s, a), posts in groups.items())
    return Separated(built, sympy.Add(*rest))


def additive_terms(expression: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """The additive terms after expansion, or of the expression as it stands when expansion would be too long.

    SymPy also expands what stands inside functions and denominators, so that nodes are counted beside terms.
    """
    if _expanded_size(expression) <= MAX_TERMS and expanded_nodes(expression) <= MAX_NODES:
        expression = sympy.expand_multinomial(sympy.expand_mul(sympy.expand_multinomial(expression)))
    return tuple(sympy.Add.make_args(expression))


def _expanded_size(expression: sympy.Expr) -> int:
    """The number of additive terms after expansion, at most; counted no further than MAX_TERMS + 1."""
    size = 1
    if isinstance(expression, sympy.Add):
        size = sum(_expanded_size(a) for a in expression.args)
    elif isinstance(expression, sympy.Mul):
        for argument in expression.args:
            size = min(size * _expanded_size(argument), MAX_TERMS + 1)
    elif isinstance(expression, sympy.Pow) and expression.exp.is_Integer and expression.exp > 0:
        size = _expanded_size(expression.base) ** min(int(expression.exp), MAX_TERMS)
    return min(size, MAX_TERMS + 1)


def expanded_nodes(
    expression: sympy.Expr, sizes: Mapping[sympy.Expr, int] = MappingProxyType({}), most: int = MAX_NODES
) -> int:
    """The number of nodes of the expanded tree, at most, a symbol counting as its size; no further than `most` + 1."""

    def count(node: sympy.Expr) -> tuple[int, int]:
        """Additive terms and nodes."""
        if node.is_Pow and node.exp.is_Integer and node.exp > 0:
            terms, size = count(node.base)
            powers = math.comb(terms + int(node.exp) - 1, int(node.exp))  # products of so many of the terms
            terms, size = powers, size * powers
        elif node.is_Mul:
            terms, size = 1, 0
            for of, own in map(count, node.args):
                terms, size = terms * of, size * of + own * terms
                terms, size = min(terms, most + 1), min(size, most + 1)
        else:
            counted = [count(argument) for argument in node.args]
            terms = sum(of for of, _ in counted) if node.is_Add else 1
            size = sizes.get(node, 1) + sum(own for _, own in counted)
        return min(terms, most + 1), min(size, most + 1)

    return count(expression)[1]


def _gather(post: sympy.Expr, sides: Mapping[str, str]) -> sympy.Expr:
    """Collect equal powers of post-side signals, which saves elementwise operations."""
    signals = sorted((s for s in post.free_symbols if s.name in sides), key=lambda s: s.name)
    return sympy.collect(post, signals) if signals else post
