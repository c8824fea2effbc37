"""Runs one formula over all synapses of N networks: matrix products where the rule separates, elementwise where it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from sympy import Expr, Integer
from torch import Tensor

from inner.rules.faces import to_torch
from inner.rules.separate import Group, Separated

Face = Callable[[Mapping[str, Tensor]], Tensor | float]
Shape = tuple[int, int, int]  # N, I, O


@dataclass(frozen=True)
class Product:
    """The terms of one synapse factor: factor * (sum over samples of pre-side x post-side factors) / B."""

    synapse: Face | None  # None stands for 1
    pairs: tuple[tuple[Face, Face], ...]  # (pre-side factor, matrix over post units)
    alone: Face | None  # the matrix over post units of the terms without a pre-side factor

    @classmethod
    def of(cls, synapse: Expr, groups: list[Group]) -> Product:
        """Compile the groups that share a synapse factor."""
        one = Integer(1)
        return cls(
            None if synapse == one else to_torch(synapse),
            tuple((to_torch(g.pre), to_torch(g.post)) for g in groups if g.pre != one),
            next((to_torch(g.post) for g in groups if g.pre == one), None),
        )


class Update:
    """`update(signals, shape, batch)` is the batch mean of a formula, [N, I, O]; signals follow the sides of the catalogue.

    pre-side signals [N, B, I], post-side [N, B, O], network-wide [N, B, 1], synapse-side [N, I, O], sampled [N, B, I, O],
    coefficients [N, 1, 1]; a coefficient per unit or synapse has a side too, and broadcasts over the samples.
    """

    def __init__(self, separated: Separated, sides: Mapping[str, str]) -> None:
        by_synapse: dict[Expr, list[Group]] = {}
        for group in separated.groups:
            by_synapse.setdefault(group.synapse, []).append(group)
        plain = by_synapse.pop(Integer(1), None)
        self.plain = Product.of(Integer(1), plain) if plain else None
        self.weighted = tuple(Product.of(synapse, groups) for synapse, groups in by_synapse.items())
        self.rest = None if separated.rest == 0 else to_torch(separated.rest)
        # where the missing axis goes so that a signal broadcasts over [N, B, I, O]; coefficients are [N, 1, 1]
        axis = {"pre": -1, "post": -2, "global": -1, "synapse": 1, "sampled": None}
        used = sorted(symbol.name for symbol in separated.rest.free_symbols)
        self.axes = {name: axis[sides[name]] if name in sides else 1 for name in used}

    def __call__(self, signals: Mapping[str, Tensor], shape: Shape, batch: int, base: Tensor | None = None) -> Tensor:
        """Evaluate for layers of `shape` (N, I, O); added to `base` [N, I, O] where one is given."""
        total = base
        for product in self.weighted:
            assert product.synapse is not None
            part = product.synapse(signals) * self._product(product, signals, shape, batch, None)
            total = part if total is None else total + part
        if self.rest is not None:
            wide = self.rest(
                {
                    name: signals[name] if axis is None else signals[name].unsqueeze(axis)
                    for name, axis in self.axes.items()
                }
            )
            part = _spread(wide, (shape[0], batch, *shape[1:]), signals["w"]).mean(1)
            total = part if total is None else total + part
        if self.plain is not None:
            total = self._product(self.plain, signals, shape, batch, total)
        return signals["w"].new_zeros(shape) if total is None else total.expand(shape)

    def _product(
        self, product: Product, signals: Mapping[str, Tensor], shape: Shape, batch: int, base: Tensor | None
    ) -> Tensor:
        """base + sum over samples of the pairs / B; without pairs it may be [N, 1, O], which broadcasts."""
        n, inputs, outputs = shape
        total, like = base, signals["w"]
        if product.alone is not None:
            alone = _spread(product.alone(signals), (n, batch, outputs), like)
            alone = alone if batch == 1 else alone.mean(1, keepdim=True)
            total = alone if total is None else total + alone
        if not product.pairs:
            assert total is not None
            return total
        pres = [_spread(pre(signals), (n, batch, inputs), like) for pre, _ in product.pairs]
        posts = [_spread(post(signals), (n, batch, outputs), like) for _, post in product.pairs]
        if batch == 1 and len(pres) == 1:  # an outer product is faster than a matrix product of inner length 1
            left = pres[0].transpose(1, 2)
            return left * posts[0] if total is None else torch.addcmul(total, left, posts[0])
        left = (pres[0] if len(pres) == 1 else torch.cat(pres, 1)).transpose(1, 2)
        right = posts[0] if len(posts) == 1 else torch.cat(posts, 1)
        if total is None:
            return torch.bmm(left, right) / batch if batch > 1 else torch.bmm(left, right)
        return torch.baddbmm(total.expand(shape), left, right, alpha=1 / batch)


def _spread(value: Tensor | float, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A factor made of coefficients or numbers alone is spread over samples and units."""
    if not isinstance(value, Tensor):
        return like.new_full(shape, value)
    return value if value.shape == shape else value.expand(shape)
