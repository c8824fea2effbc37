"""Upper confidence bounds: pull the arm whose mean could still be the highest (Auer, Cesa-Bianchi & Fischer 2002, UCB1).

    index_k = wins_k / n_k + bonus sqrt(ln n / n_k),    n_k = wins_k + losses_k,  n = sum_k n_k;   arms never pulled first

UCB1 has bonus = sqrt(2); it is tuned here. With a discount below 1 it is discounted UCB (Garivier & Moulines 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners._players import DISCOUNT, Player, State
from inner.rules.coefficient import Coefficient

LEAST = 1e-6  # discounted pulls of an arm, at least


@dataclass(frozen=True)
class Learner(Player):
    """Deterministic: ties go to the first arm."""

    defaults: ClassVar[tuple[Coefficient, ...]] = (Coefficient("bonus", 0.5, "log"), DISCOUNT)

    def index(self, state: State, t: int | Tensor) -> Tensor:
        """Mean plus bonus, [N, B, K]."""
        pulls = state.wins + state.losses
        many = pulls.clamp(min=LEAST)
        doubt = torch.sqrt(torch.log(pulls.sum(-1, keepdim=True).clamp(min=1.0)) / many)
        found = state.wins / many + self.column(state, "bonus") * doubt
        return torch.where(pulls > 0, found, torch.full_like(found, torch.inf))
