"""What learners share whose coefficients are a list: `Listed` of what a config says, `ByName` of states that hold them by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.learners import base
from inner.learners._values import adjusted
from inner.networks import mlp
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Listed(base.Learner):
    """Abstract: the coefficients are `defaults`, with what the option `values` says of them."""

    defaults: ClassVar[tuple[Coefficient, ...]]
    network: Network = field(default_factory=mlp.Network)
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)  # see inner/learners/_values.py

    def __post_init__(self) -> None:
        adjusted(self.own, self.values)

    @property
    def own(self) -> tuple[Coefficient, ...]:
        """The default coefficients, which may depend on options."""
        return self.defaults

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:
        """The default coefficients with what the option `values` says of them."""
        return adjusted(self.own, self.values)


@dataclass(frozen=True)
class ByName(Listed):
    """Abstract: a state has `weights` per group, `coefficients` by name, each [N], and `noise`."""

    def named(self, theta: Tensor) -> dict[str, Tensor]:
        """theta [N, D] as one value per network and name, [N]. Raises ValueError for theta of another length."""
        known = [c.name for c in self.coefficients]
        if theta.shape[1] != len(known):
            raise ValueError(f"theta: expected [N, {len(known)}], got {list(theta.shape)}")
        return {name: theta[:, d] for d, name in enumerate(known)}

    def moving(self, state: Any) -> list[Tensor]:
        """The weights and the coefficients: a trial under numbers that are none would never be taken."""
        return [*state.weights, torch.stack(list(state.coefficients.values()), 1)]

    def freeze(self, state: Any, alive: Tensor) -> Any:
        """Everything of networks that are not alive becomes 0; the noise stays."""
        return replace(super().freeze(replace(state, noise=None), alive), noise=state.noise)

    def with_theta(self, state: Any, theta: Tensor) -> Any:
        """The same networks under other coefficients theta [N, D]."""
        return replace(state, coefficients=self.named(theta))
