"""The samples of L lifetimes, what most tasks draw; and the label that addresses a lifetime."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

Label = tuple[str | int, ...]


@dataclass(frozen=True)
class LifeData:
    """The data of L lifetimes. `x` and `y` may be views expanded over L (stride 0)."""

    x: Tensor  # [L, S, I] float32, pool of training samples
    y: Tensor  # [L, S, O] float32, targets (one-hot for classification)
    order: Tensor  # [L, T, B] int64, the samples shown at each step
    test_x: Tensor  # [L, V, I] float32; sequences: V = K * S, the K ticks of S sequences, tick by tick
    test_y: Tensor  # [L, V, O] float32
    fresh: Tensor | None = None  # bool [L, T, B]: a sequence begins at this step; None: samples stand alone
    scored: Tensor | None = None  # bool [L, T, B]: the target of this step counts; None: all count
    test_fresh: Tensor | None = None  # bool [K, S], for all lives
    test_scored: Tensor | None = None  # bool [K, S], for all lives
    whole: int = field(default=0, kw_only=True)  # T of the life of which `order` holds the beginning; 0: it holds all of it

    @property
    def sequences(self) -> bool:
        """True where samples follow each other in time."""
        return self.fresh is not None

    def check_finite(self, task: str) -> None:
        """Raise ValueError where samples or targets are nan or inf: no network could live on them."""
        for name in ("x", "y", "test_x", "test_y"):
            values = getattr(self, name)
            shared = values[:1] if values.stride(0) == 0 else values
            if not bool(torch.isfinite(shared).all()):
                raise ValueError(f"task '{task}': expected finite data, got nan or inf in its {name}")
