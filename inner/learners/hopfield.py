"""Hopfield networks: units that are all joined to each other store patterns as they are shown, and recall them from parts.

    local:           dw_ij = (a x_i x_j + d (x_i h_j + h_i x_j)) / I + b w_ij + c w_ij x_i x_j,   h_i = sum_k w_ik x_k
    hebb:            w <- (1 - decay) w + x x^T / I                                                (Hopfield 1982)
    storkey:         w_ij <- (1 - decay) w_ij + (x_i x_j - x_i h_ji - h_ij x_j) / I, h_ij without the terms k = i, j (Storkey 1997)
    pseudo_inverse:  w <- (1 - decay) w + r r^T / r . r,  r = x - w x: the projection on all patterns (Personnaz et al. 1986)
    dense, exponential:  patterns themselves are stored; see `_recall.py`

`local` is what evolution searches: with d = 0 the activities alone, with a = 1 and nothing else it is Hebb's. Weights are symmetric,
and have no diagonal when they recall. Nothing is told of a target: the criterion is the task's (`recall`). Patterns of one step are
stored side by side, from the same weights; storkey and pseudo_inverse are exact for one pattern a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.learners import _recall as recall
from inner.learners._own import Own, State
from inner.learners._values import chosen, whole
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks import mlp
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient
from inner.sources import Told

STORAGES = ("local", "hebb", "storkey", "pseudo_inverse", "dense", "exponential")
PATTERNS = ("dense", "exponential")
LOCAL = (
    Coefficient("a", 1.0, scale=0.3),
    Coefficient("b", 0.0, scale=0.1),
    Coefficient("c", 0.0, scale=0.1),
    Coefficient("d", 0.0, scale=0.3),
)
DECAY = Coefficient("decay", 0.0, "linear", scale=0.02, low=0.0, high=1.0)
BETA = Coefficient("beta", 1.0, "log")
SMALL = 1e-4  # of |x|^2: what a pattern must add to those that are stored


@dataclass(frozen=True)
class Learner(Own):
    """On a network without hidden layers, as many outputs as inputs; weights are 0 at birth."""

    example: ClassVar[Example] = Example(
        {}, task={"name": "recall", "flips": 0.2}, network={"name": "mlp", "hidden": ()}, steps=12, batch=1
    )
    kinds: ClassVar[tuple[str, ...]] = ("none",)
    network: Network = field(default_factory=lambda: mlp.Network(()))
    storage: str = "local"
    power: int = 3  # n of dense
    sweeps: int = 15  # of recall

    def __post_init__(self) -> None:
        chosen("storage", self.storage, STORAGES)
        super().__post_init__()
        whole("power", self.power, 2)
        whole("sweeps", self.sweeps)
        if self.optimiser != "plain":
            raise ValueError(f"learner.optimiser: nothing descends, expected plain, got '{self.optimiser}'")

    @property
    def own(self) -> tuple[Coefficient, ...]:
        """The coefficients of a storage."""
        if self.storage == "local":
            return LOCAL
        return (DECAY, BETA) if self.storage == "exponential" else (DECAY,)

    @property
    def knows(self) -> frozenset[str]:
        """Both activities, what both units hear; of stored patterns all of them."""
        return frozenset({"local", "layer"} if self.storage in ("local", "storkey", "pseudo_inverse") else {"local"}) | (
            {"stored activity"} if self.storage in PATTERNS else frozenset()
        )

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        found = super().accepts(spec)
        if not found and (spec.inputs != spec.outputs or self.network.sizes(1, 1) != (1, 1) or self.network.bias):
            return "every unit is input and output: expected as many outputs as inputs, network.hidden [] and no bias"
        return found

    def stored(self, spec: Spec) -> int:
        """Patterns that are kept as they are."""
        return spec.steps * spec.batch if self.storage in PATTERNS else 0

    def cost(self, spec: Spec) -> Cost:
        """Two passes while it stores; an answer takes `sweeps` passes."""
        usual, kept = self.cost_of(spec, 2.0 + self.sweeps), self.stored(spec) * (spec.inputs + 1)
        more = 2.0 * self.sweeps * kept
        return replace(usual, multiply_adds=usual.multiply_adds + more, floats=usual.floats + 3.0 * kept, state=usual.state + kept)

    def born(self, spec: Spec, seed: int, labels: Sequence[Label]) -> Sequence[Tensor]:
        """Weights of 0."""
        return [torch.zeros_like(w) for w in super().born(spec, seed, labels)]

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """Stored patterns [N, T B, I], and what each counts [N, T B]."""
        n, count = len(state.weights[0]), self.stored(state.spec)
        if self.storage not in PATTERNS:
            return {}
        return {"stored": torch.zeros(n, count, state.spec.inputs), "share": torch.zeros(n, count)}

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The patterns [N, B, I], which clamp the units: they are the output too."""
        return replace(state, shown=x), x

    def predict(self, state: State, x: Tensor) -> Tensor:
        """The patterns that probes [N, V, I] recall."""
        if self.storage in PATTERNS:
            stored, share = state.memory["stored"], state.memory["share"]
            log_f = None
            if self.storage == "exponential":
                beta = state.coefficients["beta"].reshape(-1, 1, 1, 1)

                def log_f(m: Tensor) -> Tensor:
                    return beta * m

            return recall.settled(x, recall.by_patterns(stored, share, log_f, self.powered), self.sweeps)
        w = state.weights[0]
        return recall.settled(x, recall.by_weights(w - torch.diag_embed(torch.diagonal(w, dim1=1, dim2=2))), self.sweeps)

    def powered(self, m: Tensor) -> Tensor:
        """relu(m)^n."""
        base = torch.relu(m)
        found = base
        for _ in range(self.power - 1):
            found = found * base
        return found

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after the patterns of one step."""
        x, w = state.shown, state.weights[0]
        if self.storage in PATTERNS:
            keep, batch = 1 - state.c("decay")[:, 0], x.shape[1]
            rows = torch.arange(state.memory["share"].shape[1], device=x.device)
            first = t * batch
            mine = (rows >= first) & (rows < first + batch)
            again = x.repeat(1, -(-len(rows) // batch), 1)[:, : len(rows)]  # row t B + b has sample b
            stored = torch.where(mine[:, None], again, state.memory["stored"])
            share = torch.where(mine, torch.ones_like(state.memory["share"]), state.memory["share"] * keep)
            return replace(state, memory={"stored": stored, "share": share}, shown=None)
        return replace(state, weights=(self.kept(state, w) + self.added(state, w, x),), shown=None)

    def kept(self, state: State, w: Tensor) -> Tensor:
        """The share of the weights [N, I, I] that stays when patterns are stored."""
        return w if self.storage == "local" else (1 - state.c("decay")) * w

    def added(self, state: State, w: Tensor, x: Tensor) -> Tensor:
        """The sum over patterns x [N, B, I] of what they add, [N, I, I]."""
        size, down = x.shape[2], x.transpose(1, 2)
        pairs = torch.bmm(down, x)
        if self.storage == "hebb":
            return pairs / size
        h = torch.bmm(x, w)  # [N, B, I]
        if self.storage == "pseudo_inverse":
            rest = x - h
            length = rest.square().sum(2, keepdim=True)
            new = length > SMALL * size
            scaled = torch.where(new, rest / torch.where(new, length, torch.ones_like(length)), torch.zeros_like(rest))
            return torch.bmm(scaled.transpose(1, 2), rest)
        crossed = torch.bmm(down, h)
        crossed = crossed + crossed.transpose(1, 2)
        if self.storage == "local":
            a, b, c, d = (state.c(name) for name in "abcd")
            return (a * pairs + d * crossed) / size + x.shape[1] * b * w + c * w * pairs
        own = torch.diagonal(w, dim1=1, dim2=2)
        # x_i h_ji = x_i h_j - w_jj x_i x_j - w_ij x_i^2, and the same with i and j exchanged; patterns are of -1 and 1
        less = pairs * (own[:, None] + own[:, :, None]) + 2 * x.shape[1] * w
        return (pairs - crossed + less) / size
