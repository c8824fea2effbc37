"""Ridge readout: the last layer is at every step the exact solution of regularised least squares on all samples seen so far.

    W = (H^T H + lambda I)^-1 H^T Y,    by recursion:  K = P H^T (I + H P H^T)^-1,  W <- W + K (Y - H W),  P <- P - K H P

(Hoerl & Kennard 1970; the recursion is Woodbury's identity, P = 1 / lambda at birth.) What can be solved analytically, on hidden
layers as they are born (Huang et al. 2006) or, with `features: autoencoder`, as the first `pretraining` share of the life has made
them; the readout then counts the samples after it. Outputs are linear, targets of classes one-hot; P is kept in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.learners._own import Groups, Own, State, steps
from inner.learners._reconstruction import reconstructing, turn
from inner.learners._values import chosen
from inner.learners.autoencoder import share
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks.base import laid
from inner.rules.coefficient import Coefficient
from inner.sources import Told

PENALTY = Coefficient("penalty", 0.1, "log")
ETA = Coefficient("eta", 0.003, "log")


@dataclass(frozen=True)
class Learner(Own):
    """Coefficients: lambda, and with `features: autoencoder` the rate of the hidden layers."""

    example: ClassVar[Example] = Example(network={"name": "mlp", "hidden": (64,)}, steps=100)
    defaults: ClassVar[tuple[Coefficient, ...]] = (PENALTY,)
    features: str = "random"  # or autoencoder
    pretraining: float = 0.5  # share of a life in which an autoencoder's layers learn

    def __post_init__(self) -> None:
        chosen("features", self.features, ("random", "autoencoder"))
        super().__post_init__()
        share("pretraining", self.pretraining)
        if self.optimiser == "adam" and self.features == "random":
            raise ValueError("learner.optimiser: nothing descends on random features, expected plain, got 'adam'")

    @property
    def own(self) -> tuple[Coefficient, ...]:
        """The penalty; the rate, and what Adam needs, where hidden layers learn."""
        return (PENALTY,) if self.features == "random" else (PENALTY, ETA, *super().own[1:])

    @property
    def knows(self) -> frozenset[str]:
        """The correlations of its whole layer's inputs."""
        return frozenset({"local", "layer"})

    def cost(self, spec: Spec) -> Cost:
        """A pass, and products with P; in the first part of life a reconstruction."""
        usual = self.cost_of(spec, 1.0 if self.features == "random" else 3.0)
        inside = self.network.shapes(spec.inputs, spec.outputs)[-1][0]
        more = inside * inside * 2.0 + inside * spec.batch
        kept = usual.state + inside**2
        return replace(usual, multiply_adds=usual.multiply_adds + more, floats=usual.floats + 4.0 * inside, state=kept)

    def born(self, spec: Spec, seed: int, labels: Sequence[Label]) -> Sequence[Tensor]:
        """Initial weights; those of the readout are 0, the solution for no samples."""
        *hidden, last = super().born(spec, seed, labels)
        return (*hidden, torch.zeros_like(last))

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """P [N, I (+ 1), I (+ 1)]."""
        inside = state.weights[-1].shape[1]
        unit = torch.eye(inside, dtype=torch.float64).expand(len(state.weights[0]), -1, -1)
        return {"inverse": unit / state.c("penalty").double()}

    def learned(self, weights: Groups, memory: Any) -> Groups:
        """The hidden weights."""
        return weights[:-1]

    def with_theta(self, state: State, theta: Tensor) -> State:
        """Raises ValueError: the penalty is in P since birth."""
        raise ValueError("learner: 'ridge' cannot change its coefficients in the middle of a life")

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state that remembers the forward record, and the output [N, B, O]."""
        record, _ = self.network.forward(state.weights, x, "linear")
        return replace(state, shown=record), record.output

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Outputs [N, V, O]."""
        return self.network.outputs(state.weights, x, "linear")[0]

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after one step."""
        if self.features == "random":
            return self.solved(state, told, 1.0)
        hidden = len(state.weights) - 1
        pretraining = turn(max(hidden, 1), 0, t, state.spec.steps, self.pretraining, False)
        now = pretraining.to(torch.float32) if isinstance(pretraining, Tensor) else float(pretraining)
        changes = reconstructing(self.network, state.shown, state.weights, "full", told.scored)
        moves, memory = steps(state, changes)
        after = self.solved(state, told, 1.0 - now)
        weights = tuple(w + now * dw for w, dw in zip(state.weights, moves))
        return replace(after, weights=(*weights, after.weights[-1]), memory=memory | {"inverse": after.memory["inverse"]})

    def solved(self, state: State, told: Told, counts: float | Tensor) -> State:
        """The readout after the samples of this step; counts: 0 where they do not belong to it, else 1."""
        p, w = state.memory["inverse"], state.weights[-1]
        h = state.shown.pre[-1].to(p.dtype) * counts
        err = self.error(state, told, state.shown.output).to(p.dtype)
        if told.scored is not None:
            h = h * told.scored.unsqueeze(-1).to(p.dtype)
        hp = torch.bmm(h, p)  # [N, B, I]
        inner = torch.bmm(hp, h.transpose(1, 2)) + torch.eye(h.shape[1], dtype=p.dtype, device=p.device)
        gain = torch.linalg.solve_ex(inner, hp)[0]  # K^T
        new = w + torch.bmm(gain.transpose(1, 2), err).to(w.dtype)
        p = p - torch.bmm(gain.transpose(1, 2), hp)
        p = 0.5 * (p + p.transpose(1, 2))
        weights = (*state.weights[:-1], laid(new))
        return replace(state, weights=weights, memory=state.memory | {"inverse": p}, shown=None)
