"""Runs one formula over all synapses of N networks: matrix products where the rule separates, elementwise where it does not.

    w <- q + w*(1 + s) + sum_a a(pre)^T G_a(post) / B + (other synapse factors) * (...) + rest

q and s are batch means of what has no pre-side factor: linear in means of signals, which are taken before coefficients
are multiplied in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sympy import Add, Expr, Integer, Mul, Symbol
from torch import Tensor

from inner.networks.base import NARROW
from inner.rules.functions import stand_in
from inner.rules.instructions import SIDES
from inner.rules.means import taken_out
from inner.rules.separate import Group, Separated, additive_terms, separate
from inner.rules.tape import Bound, Tape

LayerShape = tuple[int, int, int]  # N, I, O
Bounds = tuple[Any, ...]  # a Bound of the factors, one of what does not separate, and the Bounds of every mean
W = Symbol("w", real=True)
ONE = Integer(1)


@dataclass(frozen=True)
class Product:
    """The terms of one synapse factor: factor * (sum over samples of pre-side x post-side factors) / B, by their places."""

    synapse: int  # among what the tape computes
    pairs: tuple[tuple[int, int], ...]  # (pre-side factor, matrix over post units)
    alone: int | None  # the batch mean of the terms without a pre-side factor [N, 1, O]


class Update:
    """The batch mean of a formula, [N, I, O], or the weights after it; signals follow the sides of the catalogue.

    pre-side signals [N, B, I], post-side [N, B, O], network-wide [N, B, 1], synapse-side [N, I, O], sampled [N, B, I, O],
    of a step [N, 1, 1], coefficients [N, 1, 1]; a coefficient per unit or synapse has a side too, and broadcasts over the samples.
    fixed: the names of coefficients; added: whether calls give w plus the formula instead of the formula; before: what is
    computed before the formula, under the names that it has for it.
    """

    def __init__(
        self,
        separated: Separated,
        sides: Mapping[str, str],
        fixed: frozenset[str],
        added: bool = False,
        before: Sequence[tuple[str, Update]] = (),
    ) -> None:
        self.added, self.before = added, tuple(before)
        roots: list[Expr] = []
        means: dict[Expr, Expr] = {}

        def place(expression: Expr) -> int:
            roots.append(expression)
            return len(roots) - 1

        by_synapse: dict[Expr, list[Group]] = {}
        for group in separated.groups:
            by_synapse.setdefault(group.synapse, []).append(group)
        found: dict[Expr, Product] = {}
        for synapse, groups in by_synapse.items():
            alone = [_mean(g.post, sides, fixed, means) for g in groups if g.pre == ONE]
            if added and synapse == W:
                alone.append(ONE)  # w itself
            pairs = tuple((place(g.pre), place(g.post)) for g in groups if g.pre != ONE)
            found[synapse] = Product(place(synapse), pairs, place(Add(*alone)) if alone else None)
        self.plain, self.scale = found.get(ONE), found.get(W)
        self.others = tuple(product for synapse, product in found.items() if synapse not in (ONE, W))
        self.tape = Tape.of(roots, sides, fixed, means)
        # (place, whether it has samples, whether of the pre side) of factors that do not vary along all of these axes
        narrow: list[tuple[int, bool, bool]] = []
        for product in found.values():
            narrow += [(pre, True, True) for pre, _ in product.pairs if self.tape.masks[pre] != SIDES["pre"]]
            narrow += [(post, True, False) for _, post in product.pairs if self.tape.masks[post] != SIDES["post"]]
            if product.alone is not None and self.tape.masks[product.alone] != SIDES["post"]:
                narrow.append((product.alone, False, False))
        self.narrow = tuple(narrow)
        self.rest = None if separated.rest == 0 else Tape.of([separated.rest], sides, fixed, samples=True)
        # where the missing axis goes so that a signal broadcasts over [N, B, I, O]; coefficients are [N, 1, 1]
        axis = {"pre": -1, "post": -2, "global": -1, "synapse": 1, "step": 1, "sampled": None}
        used = sorted(symbol.name for symbol in separated.rest.free_symbols)
        axes = {name: axis[sides[name]] if name in sides else 1 for name in used}
        self.fixed_axes = {name: axis for name, axis in axes.items() if name in fixed}
        self.axes = {name: axis for name, axis in axes.items() if name not in fixed}

    @classmethod
    def of(cls, expression: Expr, sides: Mapping[str, str], fixed: frozenset[str], added: bool = False) -> Update:
        """The update of a formula, which may have means over samples in it."""
        expression, found = taken_out(expression)
        known, before = dict(sides), list[tuple[str, Update]]()
        for symbol, inside in found.items():
            before.append((symbol.name, cls(separate(inside, known), dict(known), fixed)))
            known[symbol.name] = "synapse"
        return cls(separate(expression, known), known, fixed, added, before)

    def bind(self, values: Mapping[str, Tensor], shape: LayerShape) -> Bounds:
        """Values that depend on coefficients alone, for layers of `shape` (N, I, O)."""
        rest: Bound = ()
        if self.rest is not None:
            rest = self.rest.bind(_wide(values, self.fixed_axes), shape[1], shape[2])
        return self.tape.bind(values, shape[1], shape[2]), rest, *(mean.bind(values, shape) for _, mean in self.before)

    def __call__(
        self,
        signals: Mapping[str, Tensor],
        shape: LayerShape,
        batch: int,
        bound: Bounds | None = None,
        into: bool = False,
    ) -> Tensor:
        """Evaluate for layers of `shape` (N, I, O).

        bound: what `bind` gave (None: the coefficients are among the signals); into: w may be overwritten with the result.
        """
        small, wide, *inner = self.bind(signals, shape) if bound is None else bound
        for (name, mean), of in zip(self.before, inner):
            signals = {**signals, name: mean(signals, shape, batch, of)}
        w, plain, scale = signals["w"], self.plain, self.scale
        found = self.tape.run(small, signals, batch)
        self._widen(found, shape, batch, w)
        parts = [found[product.synapse] * self._matrix(product, found, shape, batch) for product in self.others]
        if self.rest is not None:
            (sampled,) = self.rest.run(wide, _wide(signals, self.axes), batch, into)
            sampled = _spread(sampled, (shape[0], batch, *shape[1:]), w)
            parts.append(sampled.squeeze(1) if batch == 1 else sampled.mean(1))
        mine = into and self.added  # w is ours to write in
        total: Tensor | None = w if self.added else None
        alone = None if plain is None or plain.alone is None else found[plain.alone]
        if scale is not None:
            factor = self._matrix(scale, found, shape, batch)
            if alone is None or shape[2] < NARROW:
                total = w.mul_(factor) if mine else w * factor
                total = total if alone is None else _add(total, alone, mine)
            else:
                total = torch.addcmul(alone, w, factor, out=w if mine else None)
        elif alone is not None:
            total = alone if total is None else _add(total, alone, mine)
        for part in parts:
            total = part if total is None else _add(total, part, mine)
        if plain is not None and plain.pairs:
            total = self._products(plain, found, shape, batch, total, mine)
        if total is not None and self.added:
            return total
        return w.new_zeros(shape) if total is None else total.expand(shape)

    def _widen(self, found: list[Any], shape: LayerShape, batch: int, like: Tensor) -> None:
        """Spread what does not vary along all of its axes."""
        n, inputs, outputs = shape
        for place, samples, pre in self.narrow:
            found[place] = _spread(found[place], (n, batch if samples else 1, inputs if pre else outputs), like)

    def _matrix(self, product: Product, found: list[Tensor], shape: LayerShape, batch: int) -> Tensor:
        """The factor beside a synapse factor: [N, I, O], or [N, 1, O] where nothing depends on the pre side."""
        alone = None if product.alone is None else found[product.alone]
        if not product.pairs:
            assert alone is not None
            return alone
        return self._products(product, found, shape, batch, alone, False)

    def _products(
        self, product: Product, found: list[Tensor], shape: LayerShape, batch: int, total: Tensor | None, mine: bool
    ) -> Tensor:
        """total + sum over samples of the pairs / B."""
        pairs = product.pairs
        if batch == 1 and len(pairs) <= 2:  # outer products are faster than a matrix product of a short inner length
            for pre, post in pairs:
                left = found[pre].transpose(1, 2)
                if total is None:
                    total = left * found[post]
                else:
                    total = total.addcmul_(left, found[post]) if mine else torch.addcmul(total, left, found[post])
            assert total is not None
            return total
        left = found[pairs[0][0]] if len(pairs) == 1 else torch.cat([found[pre] for pre, _ in pairs], 1)
        right = found[pairs[0][1]] if len(pairs) == 1 else torch.cat([found[post] for _, post in pairs], 1)
        left = left.transpose(1, 2)
        narrow = shape[2] < NARROW  # then the transposed product, which is the faster one
        if narrow:
            left, right = right.transpose(1, 2), left.transpose(1, 2)
        if total is None:
            whole = torch.bmm(left, right) / batch if batch > 1 else torch.bmm(left, right)
        else:
            total = total.expand(shape).transpose(1, 2) if narrow else total.expand(shape)
            add = Tensor.baddbmm_ if mine else torch.baddbmm
            whole = add(total, left, right, alpha=1 / batch)
        return whole.transpose(1, 2) if narrow else whole


def _mean(post: Expr, sides: Mapping[str, str], fixed: frozenset[str], means: dict[Expr, Expr]) -> Expr:
    """The batch mean of a post-side expression as coefficients times means; a symbol per mean goes into `means`."""
    known = {inside: symbol for symbol, inside in means.items()}
    parts = []
    for term in additive_terms(post):
        front: list[Expr] = []
        basis: list[Expr] = []
        for factor in Mul.make_args(term):
            signal = any(sides.get(s.name, "step") != "step" and s.name not in fixed for s in factor.free_symbols)
            (basis if signal else front).append(factor)
        inside = Mul(*basis)
        if inside != ONE and inside not in known:
            known[inside] = stand_in("mean", len(means))
            means[known[inside]] = inside
        parts.append(Mul(*front) * (known[inside] if inside != ONE else ONE))
    return Add(*parts)


def _wide(values: Mapping[str, Tensor], axes: Mapping[str, int | None]) -> dict[str, Tensor]:
    return {name: values[name] if axis is None else values[name].unsqueeze(axis) for name, axis in axes.items()}


def _add(total: Tensor, part: Tensor, mine: bool) -> Tensor:
    return total.add_(part) if mine else total + part


def _spread(value: Tensor | float, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A factor made of coefficients or numbers alone is spread over samples and units."""
    if not isinstance(value, Tensor):
        return like.new_full(shape, value)
    return value if value.shape == shape else value.expand(shape)
