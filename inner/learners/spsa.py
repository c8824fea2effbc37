"""SPSA: simultaneous perturbation stochastic approximation, a mirrored pair along +-1 with falling gains.

    dW_i = -a_k (L(W + c_k v) - L(W - c_k v)) / (2 c_k v_i),    v_i = +-1,
    a_k = eta / (1 + k / (A + 1))^alpha,    c_k = sigma / (k + 1)^gamma

(Spall 1992, eq. 2.2; Spall 1998 for the gains alpha = 0.602, gamma = 0.101 and A = a tenth of the steps.) k counts
updates from 0, and a_k is written so that eta is the rate of the first. Without falling gains it is a mirrored pair of
weight perturbation along +-1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners import _perturbation as perturbation
from inner.learners._perturbation import State, Tried
from inner.learners._perturbing import Perturbing
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Learner(Perturbing):
    """One pair a step. Coefficients: first rate and trial length, exponents, and A as a share of the life's updates."""

    example: ClassVar[Example] = Example({"values": {"eta": 0.02}}, steps=600, batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.005, "log"),
        Coefficient("sigma", 0.005, "log", fixed=True),
        Coefficient("alpha", 0.602, "linear", low=0.0, high=1.0, fixed=True),
        Coefficient("gamma", 0.101, "linear", low=0.0, high=1.0, fixed=True),
        Coefficient("stability", 0.1, "linear", low=0.0, fixed=True),
    )

    @property
    def trials(self) -> int:
        """The two of a mirrored pair."""
        return 2

    def length(self, state: State, t: int | Tensor) -> Tensor:
        """c_k, [N]."""
        count = torch.as_tensor(t // self.hold + 1, dtype=state.weights[0].dtype)
        return state.coefficients["sigma"] * count ** -state.coefficients["gamma"]

    def tried(self, state: State, t: int | Tensor) -> Tried:
        """W + c_k v and W - c_k v."""
        v = perturbation.directions(self.network, state, t, 1, "signs")
        return Tried(perturbation.along(state.weights, torch.cat([v, -v], 1), self.length(state, t)), v)

    def moved(self, state: State, tried: Tried, here: Tensor, there: Tensor, t: int | Tensor) -> State:
        """One step along v, whose entries are their own inverses."""
        c = state.coefficients
        count = torch.as_tensor(t // self.hold, dtype=state.weights[0].dtype)
        waited = c["stability"] * (state.spec.steps // self.hold) + 1
        rate = c["eta"] * (1 + count / waited) ** -c["alpha"]
        step = -rate * (there[:, 0] - there[:, 1]) / (2 * self.length(state, t))
        return replace(state, weights=perturbation.only(perturbation.along(state.weights, tried.xi, step)))
