"""Hidden layers that predict, and a readout that is rewarded: one number for all synapses says better or worse than expected.

    hidden:  e = x_{t+1} - h_t R  (prediction)  or  x_t - h_t R  (reconstruction),   dR = h_t^T e,   dW = x_t^T ((e R^T) f'(z_t))
    readout: a ~ softmax(h W),  dW = readout (r - r^) h^T (a - p),  r = 1 if a is the class, else 0,  r^ <- r^ + memory (r - r^)

(Elman 1990 for the next input; Williams 1992 for the readout, r - r^ in the part of dopamine, Schultz et al. 1997.) Every hidden layer
predicts or reconstructs its own input; no error comes down from the reward. `hidden: random` leaves hidden layers as they are born.
The next input is that of the next step, sample by sample of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.activations import activation
from inner.axes import fold
from inner.learners._own import Groups, Own, State, outer, steps
from inner.learners._values import chosen
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks.base import ForwardRecord, born
from inner.rules.coefficient import Coefficient
from inner.sources import Told

CHOICES = 2**15  # site of the draws of actions
KINDS = ("random", "reconstruction", "prediction")


@dataclass(frozen=True)
class Learner(Own):
    """The readout has the same rule whatever the hidden layers do."""

    example: ClassVar[Example] = Example(task={"name": "stream"}, network={"name": "mlp", "hidden": (8,)}, steps=600)
    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.01, "log"),
        Coefficient("readout", 0.3, "log"),
        Coefficient("memory", 0.02, "log", high=1.0, fixed=True),
    )
    hidden: str = "prediction"  # or reconstruction, random

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("hidden", self.hidden, KINDS)

    @property
    def knows(self) -> frozenset[str]:
        """Errors of its own layer's input, the step before, and one number of the whole network."""
        return frozenset({"local", "layer", "network"}) | (
            frozenset({"stored activity"}) if self.hidden == "prediction" else frozenset()
        )

    def cost(self, spec: Spec) -> Cost:
        """A pass; of hidden layers another one, a prediction and what follows from its error."""
        usual = self.cost_of(spec, {"random": 1.0, "reconstruction": 3.0, "prediction": 4.0}[self.hidden])
        shapes = self.network.shapes(spec.inputs, spec.outputs)[:-1]
        moments = 3.0 if self.optimiser == "adam" else 1.0
        kept = moments * sum(i * o for i, o in shapes) + spec.batch * spec.inputs * (self.hidden == "prediction")
        return replace(usual, state=usual.state + kept * (self.hidden != "random"))

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """R [N, H, I] per hidden layer, the inputs of the step before and whether there was one, and the expected reward [N]."""
        found: dict[str, Any] = {"expected": torch.zeros_like(state.coefficients["memory"])}
        if self.hidden == "random":
            return found
        sizes = self.network.sizes(state.spec.inputs, state.spec.outputs)
        drawn = [born((b, a), "gaussian", 1.0, b, seed, len(sizes) + k, labels) for k, (a, b) in enumerate(zip(sizes, sizes[1:-1]))]
        found["back"] = tuple(fold(torch.from_numpy(each), population) for each in drawn)
        if self.hidden == "prediction":
            n, batch = len(state.weights[0]), state.spec.batch
            found |= {"x": torch.zeros(n, batch, state.spec.inputs), "known": torch.zeros(n, batch)}
        return found

    def learned(self, weights: Groups, memory: Any) -> Groups:
        """The weights, and R of every hidden layer."""
        return (*weights, *memory.get("back", ()))

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state that remembers the pass, and the probabilities of choices [N, B, O]."""
        record, _ = self.network.forward(state.weights, x, "softmax")
        return replace(state, shown=(x, record, fresh)), record.output

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Probabilities of choices [N, V, O]."""
        return self.network.outputs(state.weights, x, "softmax")[0]

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after a choice, its reward, and what was seen."""
        x, record, fresh = state.shown
        top, expected = self.rewarded(state, record, told, t)
        hidden, back = self.guessed(state, x, record, fresh)
        moves, memory = steps(state, [*hidden, top, *back], torch.ones_like(state.coefficients["eta"]))
        eta, layers = state.c("eta"), len(state.weights) - 1
        rates = [*[eta] * len(hidden), state.c("readout"), *[eta] * len(back)]
        moved = [rate * move for rate, move in zip(rates, moves)]
        weights = list(state.weights)
        if hidden:
            weights[:layers] = [w + dw for w, dw in zip(weights[:layers], moved)]
            memory = memory | {"back": tuple(r + dr for r, dr in zip(memory["back"], moved[layers + 1 :]))}
        weights[layers] = weights[layers] + moved[len(hidden)]
        memory = memory | {"expected": expected}
        if self.hidden == "prediction":
            memory = memory | {"x": x, "known": torch.ones_like(memory["known"])}
        return replace(state, weights=tuple(weights), memory=memory, shown=None)

    def rewarded(self, state: State, record: ForwardRecord, told: Told, t: int | Tensor) -> tuple[Tensor, Tensor]:
        """The readout's change [N, I (+ 1), O] from a choice and its reward, and the expected reward [N] after it."""
        assert told.y is not None and state.noise is not None
        p = record.output
        u = state.noise.uniform(t, CHOICES, (p.shape[1], 1)).to(p.dtype)
        below = (p.cumsum(2) <= u).sum(2).clamp(max=p.shape[2] - 1)
        action = torch.nn.functional.one_hot(below, p.shape[2]).to(p.dtype)
        reward = (action * told.y).sum(2)  # [N, B]
        scored = torch.ones_like(reward) if told.scored is None else told.scored.to(reward.dtype)
        expected = state.memory["expected"]
        surprise = (reward - expected[:, None]) * scored
        later = expected + state.coefficients["memory"] * surprise.sum(1) / scored.sum(1).clamp(min=1.0)
        return outer(record.pre[-1], surprise[..., None] * (action - p)), later

    def guessed(self, state: State, x: Tensor, record: ForwardRecord, fresh: Tensor | None) -> tuple[list[Tensor], list[Tensor]]:
        """Changes of the hidden groups and of their R; none of random layers."""
        if self.hidden == "random":
            return [], []
        source, known = record, torch.ones_like(x[..., 0])
        if self.hidden == "prediction":
            source, _ = self.network.forward(state.weights, state.memory["x"], "softmax")
            known = state.memory["known"]
            known = known if fresh is None else known * (~fresh).to(known.dtype)
        row, hidden, back = activation(self.network.activation), [], []
        for k, r in enumerate(state.memory["back"]):
            wanted = record.pre[k][..., : r.shape[2]]
            e = (wanted - torch.bmm(source.post[k], r)) * known[..., None]
            back.append(outer(source.post[k], e))
            felt = row.delta(torch.bmm(e, r.transpose(1, 2)), source.drive[k], source.post[k])
            hidden.append(outer(source.pre[k], felt))
        return hidden, back
