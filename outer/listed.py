"""A distribution over a list of settings: lives are shared out evenly among them, in place of ranges to draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inner.random import stream
from inner.rules import sharing
from inner.rules.coefficient import Coefficient
from inner.tasks.base import Label
from outer.settings import Distribution, Setting


@dataclass(frozen=True)
class Listed(Distribution):
    """The settings `places`, without lifetimes; the other fields are unused."""

    places: tuple[Setting, ...] = ()

    def settings(self, tier: str, seed: int, address: Label, lifetimes: int, shapes: int) -> tuple[Setting, ...]:
        """`lifetimes` lives in `shapes` of the places (all, where there are no more), drawn at (seed, "listed", tier, *address).

        Which places, and the lives in them, depend on the address alone: on nothing that differs between learners.
        """
        count = min(shapes, lifetimes, len(self.places))
        drawn = stream(seed, "listed", tier, *address).permutation(len(self.places))[:count]
        labels: list[Label] = [(tier, *address, n) for n in range(lifetimes)]
        return tuple(
            replace(self.places[k], labels=tuple(labels[g::count]), tier=tier) for g, k in enumerate(sorted(drawn.tolist()))
        )

    def counts(self, coefficients: Sequence[Coefficient]) -> tuple[int, ...]:
        """Number of values of each coefficient. Raises ValueError where it would depend on the place."""
        found = {tuple(sharing.count(c, place.shapes) for c in coefficients) for place in self.places}
        if len(found) != 1:
            shared = next(c for c in coefficients if c.share != "rule")
            raise ValueError(
                f"rule.coefficients.{shared.name}: share '{shared.share}' needs networks of one shape, got several"
            )
        return found.pop()

    def shape(self) -> tuple[int, ...] | None:
        """None: networks may have several shapes."""
        return None
