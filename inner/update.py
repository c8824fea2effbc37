"""Runs one formula over all synapses of N networks: matrix products where the rule separates, elementwise where it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from sympy import Expr, Integer
from torch import Tensor

from inner.rules.faces import to_torch
from inner.rules.separate import Separated

Face = Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Product:
    """The terms of one synapse factor: factor * (sum over samples of pre-side x post-side factors) / B."""

    synapse: Face | None  # None stands for 1
    pairs: tuple[tuple[Face, Face], ...]  # (pre-side factor, matrix over post units)
    alone: Face | None  # the matrix over post units of the terms without a pre-side factor


class Update:
    """`update(signals, shape)` is the batch mean of a formula, [N, I, O]; signals follow the sides of the catalogue.

    pre-side signals [N, B, I], post-side [N, B, O], network-wide [N, B, 1], synapse-side [N, I, O], coefficients [N, 1, 1].
    """

    def __init__(self, separated: Separated, sides: Mapping[str, str]) -> None:
        by_synapse: dict[Expr, list] = {}
        for group in separated.groups:
            by_synapse.setdefault(group.synapse, []).append(group)
        one = Integer(1)
        self.products = tuple(
            Product(
                None if synapse == one else to_torch(synapse),
                tuple((to_torch(g.pre), to_torch(g.post)) for g in groups if g.pre != one),
                next((to_torch(g.post) for g in groups if g.pre == one), None),
            )
            for synapse, groups in sorted(by_synapse.items(), key=lambda item: item[0] != one)
        )
        self.rest = None if separated.rest == 0 else to_torch(separated.rest)
        # where the missing axis goes so that a signal broadcasts over [N, B, I, O]; coefficients are [N, 1, 1]
        axis = {"pre": -1, "post": -2, "global": -1, "synapse": 1}
        used = sorted(symbol.name for symbol in separated.rest.free_symbols)
        self.axes = {name: axis[sides[name]] if name in sides else 1 for name in used}

    def __call__(self, signals: Mapping[str, Tensor], shape: tuple[int, int, int], batch: int) -> Tensor:
        """Evaluate for layers of `shape` (N, I, O)."""
        total = None
        for product in self.products:
            part = self._product(product, signals, shape, batch)
            total = part if total is None else total + part
        if self.rest is not None:
            rest = self._elementwise(signals).expand(shape[0], batch, *shape[1:]).mean(1)
            total = rest if total is None else total + rest
        return signals["w"].new_zeros(shape) if total is None else total.expand(shape)

    def _product(self, product: Product, signals: Mapping[str, Tensor], shape: tuple[int, int, int], batch: int) -> Tensor:
        n, _, outputs = shape
        total = None
        if product.pairs:
            pres = [_spread(pre(signals), (n, batch, shape[1]), signals["w"]) for pre, _ in product.pairs]
            posts = [_spread(post(signals), (n, batch, outputs), signals["w"]) for _, post in product.pairs]
            if batch == 1 and len(pres) == 1:
                total = pres[0].transpose(1, 2) * posts[0]
            else:
                left = pres[0] if len(pres) == 1 else torch.cat(pres, 1)
                right = posts[0] if len(posts) == 1 else torch.cat(posts, 1)
                total = torch.bmm(left.transpose(1, 2), right)
                if batch > 1:
                    total = total / batch
        if product.alone is not None:
            alone = _spread(product.alone(signals), (n, batch, outputs), signals["w"])
            alone = alone if batch == 1 else alone.mean(1, keepdim=True)
            total = alone if total is None else total + alone
        assert total is not None
        return total if product.synapse is None else product.synapse(signals) * total

    def _elementwise(self, signals: Mapping[str, Tensor]) -> Tensor:
        """The non-separable terms [N, B, I, O] (or a shape that broadcasts to it)."""
        assert self.rest is not None
        return self.rest({name: signals[name].unsqueeze(axis) for name, axis in self.axes.items()})


def _spread(value: Tensor | float, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """A factor of coefficients alone is [N, 1, 1], a plain number has type and device of `like`: spread over samples and units."""
    if not isinstance(value, Tensor):
        return like.new_full(shape, value)
    return value if value.shape == shape else value.expand(shape)
