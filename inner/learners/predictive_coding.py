"""Predictive coding: units settle between what is predicted of them and what they must predict, then weights learn locally.

    mu_k = f(v_{k-1}) W_k,    e_k = v_k - mu_k,    e_L = precision (y - g(mu_L))
    v_k <- v_k + gamma (-e_k + (e_{k+1} W_{k+1}^T) f'(v_k)),    `iterations` times from the feed-forward values
    dW_k = eta / precision * f(v_{k-1})^T e_k

(Whittington & Bogacz 2017, eqs. 2.16-2.19; a softmax output as in Pinchetti et al. 2022.) `mode: incremental` changes the
weights at every iteration of inference (Salvatori et al. 2024). As the output's precision goes to 0 the change of strict
inference goes to the gradient; division by it keeps eta comparable to that of backpropagation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from inner.activations import activation
from inner.learners._own import Groups, Own, State, back, descended, extended, outer
from inner.learners._values import chosen, whole
from inner.learners.base import Cost, Example, Spec
from inner.networks.base import output_units, product
from inner.rules.coefficient import Coefficient
from inner.sources import Told


@dataclass(frozen=True)
class Learner(Own):
    """The hidden values of a sample, [N, B, units] per layer, are its own; only weights stay."""

    example: ClassVar[Example] = Example({"values": {"eta": 0.1}}, network={"name": "mlp", "hidden": (16, 16)})
    defaults: ClassVar[tuple[Coefficient, ...]] = (
        Coefficient("eta", 0.05, "log"),
        Coefficient("gamma", 0.1, "log"),
        Coefficient("precision", 1.0, "log", fixed=True),
    )
    mode: str = "strict"  # or incremental
    iterations: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("mode", self.mode, ("strict", "incremental"))
        whole("iterations", self.iterations)

    @property
    def knows(self) -> frozenset[str]:
        """Errors of the units that it joins, by weights that run both ways, while two phases settle."""
        return frozenset({"local", "transported weights", "two phases"})

    def cost(self, spec: Spec) -> Cost:
        """A pass for the output, predictions and feedback at every iteration; once more for the errors after it."""
        usual = self.cost_of(spec, 2.0 * self.iterations + 2.0)
        updates = self.iterations if self.mode == "incremental" else 1
        return replace(usual, multiply_adds=usual.multiply_adds + (updates - 1) * self.weights_of(spec))

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after inference and learning."""
        record = state.shown
        values, still = record.drive[:-1], record.drive[0]
        moving = self.mode == "incremental"
        for n in range(self.iterations):
            # in strict inference the first prediction never changes
            signals, errors = self.errors(state, record.pre[0], values, told, still if n == 0 or not moving else None)
            values = self.settled(state, values, errors)
            if moving:
                state = self.moved(state, signals, errors)
        if moving:
            return replace(state, shown=None)
        return self.moved(state, *self.errors(state, record.pre[0], values, told, still))

    def errors(
        self, state: State, x: Tensor, values: Groups, told: Told, still: Tensor | None
    ) -> tuple[Groups, Groups]:
        """The inputs of every group of synapses, [N, B, I (+ 1)], and the errors [N, B, O] of what it predicts.

        x: inputs with the unit of the biases. still: the prediction of the first hidden layer, where it is known.
        """
        f, weights = activation(self.network.activation).value, state.weights
        kind = self.network.resolve_output(state.spec.criterion)
        signals = (x, *(extended(self.network, f(v)) for v in values))
        known = still is not None and len(values) > 0
        first = still if known and still is not None else product(signals[0], weights[0])
        guesses = [first, *(product(signal, w) for signal, w in zip(signals[1:], weights[1:]))]
        top = state.c("precision") * self.error(state, told, output_units(guesses[-1], kind))
        return signals, (*(v - guess for v, guess in zip(values, guesses)), top)

    def settled(self, state: State, values: Groups, errors: Groups) -> Groups:
        """The values after one step of inference."""
        row, found = activation(self.network.activation), []
        for k, v in enumerate(values):
            down = row.delta(back(errors[k + 1], state.weights[k + 1], v.shape[2]), v, row.value(v))
            found.append(v + state.c("gamma") * (down - errors[k]))
        return tuple(found)

    def moved(self, state: State, signals: Groups, errors: Groups) -> State:
        """The networks after one change of their weights."""
        share = 1.0 / state.c("precision")
        return descended(state, [outer(signal, error) * share for signal, error in zip(signals, errors)])
