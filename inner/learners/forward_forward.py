"""Forward-Forward: every layer learns to be excited by inputs with their own label, and quiet with a wrong one (Hinton 2022).

    G = mean_j y_j^2,    p = sigmoid(sharpness (G - theta)),    dW = eta sharpness (s - p) x^T 2 y f'(z) / units

s = 1 for the right label, 0 for one of the others, drawn per sample and step; x is the layer's input, divided by its root
mean square so that a layer cannot read the goodness of the one before. Labels come in by synapses of their own, [O, units] to
the first hidden layer (the paper writes them over pixels that are 0). `answer: goodness` sums sharpness (G - theta) of all hidden
layers but the first (of the only one where there is one) for every label; `readout` is a softmax layer on the last hidden
layer under a neutral label of 1 / O each, trained by the delta rule (both: section 3.3 of the paper).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.activations import activation, sigmoid, softmax
from inner.axes import fold
from inner.learners._own import Groups, Own, State, extended, outer, steps
from inner.learners._values import chosen
from inner.learners.base import Cost, Example, Spec
from inner.life_data import Label
from inner.networks.base import born, product
from inner.rules.coefficient import Coefficient
from inner.sources import Told

WRONG = 2**15  # site of the draws of wrong labels
LEAST = 1e-8  # of a mean square


@dataclass(frozen=True)
class Learner(Own):
    """`shown` is what `act` leaves: the inputs, normalised."""

    example: ClassVar[Example] = Example(
        {"optimiser": "adam"}, network={"name": "mlp", "hidden": (32, 32), "activation": "relu", "birth": "he"}, batch=16
    )
    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.01, "log"),
        Coefficient("theta", 2.0, "log"),
        Coefficient("sharpness", 1.0, "log", fixed=True),
    )
    answer: str = "goodness"  # or readout

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("answer", self.answer, ("goodness", "readout"))

    @property
    def knows(self) -> frozenset[str]:
        """The goodness of its layer, with a right and with a wrong label."""
        return frozenset({"local", "layer", "two phases"})

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        if not getattr(self.network, "hidden", (1,)):
            return "its hidden layers are what learns: expected one or more"
        return super().accepts(spec)

    def cost(self, spec: Spec) -> Cost:
        """A pass per label for the answer; a pass with a right and one with a wrong label, and their products."""
        passes = (spec.outputs if self.answer == "goodness" else 1) + 2.0
        usual = self.cost_of(spec, passes)
        labels = spec.outputs * self.network.sizes(spec.inputs, spec.outputs)[1]
        kept = usual.state + labels * (3.0 if self.optimiser == "adam" else 1.0)
        return replace(usual, floats=usual.floats * (passes / 2.0), state=kept)

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """The synapses of the labels, [N, O, units of the first hidden layer]."""
        shape = (state.spec.outputs, state.weights[0].shape[2])
        known = self.network
        drawn = born(shape, known.birth, known.gain, shape[0], seed, len(state.weights), labels)  # type: ignore[attr-defined]
        return {"label": fold(torch.from_numpy(drawn), population)}

    def learned(self, weights: Groups, memory: Any) -> Groups:
        """The weights, and the synapses of the labels."""
        return (*weights, memory["label"])

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state that remembers the inputs, and the output [N, B, O]."""
        return replace(state, shown=normalised(x)), self.predict(state, x)

    def predict(self, state: State, x: Tensor) -> Tensor:
        """Probabilities of labels [N, V, O]."""
        x, outputs = normalised(x), state.spec.outputs
        if self.answer == "readout":
            return softmax(self.hidden(state, x, torch.full_like(x[..., :1], 1.0 / outputs).expand(-1, -1, outputs))[2][-1])
        n, v = x.shape[:2]
        drive = product(extended(self.network, x), state.weights[0])[:, :, None] + state.memory["label"][:, None]
        f, total = activation(self.network.activation).value, x.new_zeros(n, v, outputs)
        signal = f(drive.reshape(n, v * outputs, -1))  # every sample under every label
        hidden = len(state.weights) - 1
        for k in range(hidden):
            if k > 0:
                signal = f(product(extended(self.network, normalised(signal)), state.weights[k]))
            if k > 0 or hidden == 1:
                goodness = signal.square().mean(2).reshape(n, v, outputs)
                total = total + state.c("sharpness") * (goodness - state.c("theta"))
        return softmax(total)

    def hidden(self, state: State, x: Tensor, label: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Inputs with the unit of the biases, drives and activities of every group, for normalised x and labels [N, B, O]."""
        f, pres, drives, posts, signal = activation(self.network.activation).value, [], [], [], x
        for k, w in enumerate(state.weights):
            pre = extended(self.network, signal)
            drive = product(pre, w)
            if k == 0:
                drive = drive + torch.bmm(label, state.memory["label"])
            pres.append(pre)
            drives.append(drive)
            posts.append(f(drive) if k + 1 < len(state.weights) else drive)
            signal = normalised(posts[-1])
        return pres, drives, posts

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after one right and one wrong label per sample."""
        x, y = state.shown, told.y
        assert y is not None
        good = self.pushed(state, x, y, told, 1.0)
        bad = self.pushed(state, x, self.wrong(state, y, t), told, 0.0)
        changes = [a + b for a, b in zip(good, bad)]
        top = torch.zeros_like(state.weights[-1])
        if self.answer == "readout":
            pres, _, posts = self.hidden(state, x, torch.full_like(y, 1.0 / y.shape[2]))
            top = outer(pres[-1], self.error(state, told, softmax(posts[-1])))
        moves, memory = steps(state, [*changes[:-1], top, changes[-1]])
        weights = tuple(w + dw for w, dw in zip(state.weights, moves))
        return replace(state, weights=weights, memory=memory | {"label": memory["label"] + moves[-1]}, shown=None)

    def pushed(self, state: State, x: Tensor, label: Tensor, told: Told, s: float) -> list[Tensor]:
        """Changes of the hidden groups and of the labels' synapses that push goodness to s under labels [N, B, O]."""
        pres, drives, posts = self.hidden(state, x, label)
        delta = activation(self.network.activation).delta
        sharp, theta, found = state.c("sharpness"), state.c("theta"), []
        for k in range(len(state.weights) - 1):
            y = posts[k]
            p = sigmoid(sharp * (y.square().mean(2, keepdim=True) - theta))
            push = sharp * (s - p) * (2.0 / y.shape[2])
            if told.scored is not None:
                push = push * told.scored.unsqueeze(-1).to(push.dtype)
            err = delta(push * y, drives[k], y)
            found.append(outer(pres[k], err))
            if k == 0:
                labels = outer(label, err)
        return [*found, labels]

    def wrong(self, state: State, y: Tensor, t: int | Tensor) -> Tensor:
        """Another label for every sample, one-hot [N, B, O], drawn evenly from those that are not y."""
        assert state.noise is not None
        others = y.shape[2] - 1
        drawn = (state.noise.uniform(t, WRONG, (y.shape[1],)) * others).long().clamp(max=others - 1)
        return torch.nn.functional.one_hot((y.argmax(-1) + 1 + drawn) % y.shape[2], y.shape[2]).to(y.dtype)


def normalised(signal: Tensor) -> Tensor:
    """A signal [N, B, I] over its root mean square."""
    return signal / (signal.square().mean(2, keepdim=True) + LEAST).sqrt()
