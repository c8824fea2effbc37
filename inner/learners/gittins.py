"""Gittins indices: the certain pay per pull at which an arm is just worth going on with (Gittins 1979), for h pulls to come.

    W_h(s, f) = max(0, p - c + p W_{h-1}(s+1, f) + (1 - p) W_{h-1}(s, f+1)),    p = (1 + s) / (2 + s + f)
    index_h(s, f) = the c at which going on for once is worth 0

after s wins and f losses of an arm under a uniform prior. With the horizon of the life this is the finite-horizon index, which
is not quite optimal and the strongest published reference on independent arms (Lattimore 2016). The arm of the highest
index is pulled. Nothing to tune; lives of at most LONGEST pulls.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from inner.learners._players import Player, State
from inner.learners.base import Spec

LONGEST = 200  # pulls: the table has T^3 / 6 entries that matter
PRICES = 128  # between which the index is interpolated


@lru_cache(maxsize=4)
def table(steps: int) -> Tensor:
    """index[h, s, f] with h = 1 .. T pulls to come and s, f < T, float32 [T + 1, T, T]; entries with s + f + h > T are 0."""
    s = np.arange(steps, dtype=np.float32)[:, None]
    p = (1 + s) / (2 + s + s.T)  # [T, T]
    prices = np.linspace(0.0, 1.0, PRICES, dtype=np.float32)[:, None, None]
    worth = np.zeros((PRICES, steps + 1, steps + 1), dtype=np.float32)  # W_{h-1}
    found = np.zeros((steps + 1, steps, steps), dtype=np.float32)
    for h in range(1, steps + 1):
        n = steps - h + 1  # s, f < n are reached with h pulls to come
        here = p[:n, :n]
        on = here - prices + here * worth[:, 1 : n + 1, :n] + (1 - here) * worth[:, :n, 1 : n + 1]  # falls with the price
        above = np.clip((on > 0).sum(0), 1, PRICES - 1)[None]  # the price interval in which it crosses 0
        left, right = (np.take_along_axis(on, above - step, 0)[0] for step in (1, 0))
        share = np.clip(left / np.maximum(left - right, 1e-12), 0.0, 1.0)
        found[h, :n, :n] = (above[0] - 1 + share) / (PRICES - 1)
        worth[:, :n, :n] = np.maximum(on, 0)
    return torch.from_numpy(found)


@dataclass(frozen=True)
class Learner(Player):
    """For rewards of 0 and 1 on arms that do not change; counts are whole numbers."""

    def accepts(self, spec: Spec) -> str:
        """Only lives whose table fits."""
        if spec.criterion.kind == "reward" and spec.steps > LONGEST:
            return f"its table is for lives of at most {LONGEST} pulls, got {spec.steps}"
        return super().accepts(spec)

    def index(self, state: State, t: int | Tensor) -> Tensor:
        """Entries of the table, [N, B, K]; 0 for counts that are no numbers."""
        indices = table(state.steps).to(state.wins.device)
        left = state.steps - torch.as_tensor(t, device=state.wins.device).reshape(1, 1, 1)
        top = state.steps - 1
        wins, losses = (each.nan_to_num().round().long().clamp(0, top) for each in (state.wins, state.losses))
        return indices[left.clamp(1, state.steps).expand_as(wins), wins, losses]
