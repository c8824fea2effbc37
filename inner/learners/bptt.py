"""Backpropagation through time, truncated: at every step the loss of that step goes back through the last `truncation` steps.

    dW = eta (d drive_t / d W)^T (y - g),    h_{t-k} = what the units did k = `truncation` steps ago, taken as given

(Werbos 1990; Williams & Peng 1990, BPTT(h).) The steps of the window are computed again under the present weights. Where
samples stand alone it is backpropagation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.learners._own import Groups, Own, State, descended
from inner.learners._values import whole
from inner.learners.base import KEPT, Cost, Example, Spec
from inner.life_data import Label
from inner.networks import elman, mlp
from inner.networks.base import Network, output_units
from inner.rules.coefficient import Coefficient
from inner.sources import Told

RECURRENT = Example(  # what learners of recurrent networks show
    {"optimiser": "adam", "values": {"eta": 0.02}},
    task={"name": "delayed_xor", "delay": 0},
    network={"name": "elman", "hidden": (12,), "bias": True},
    steps=600,
    batch=16,
)


@dataclass(frozen=True)
class Learner(Own):
    """`shown` is what `act` leaves: inputs, units before the step, and which samples begin a sequence."""

    example: ClassVar[Example] = RECURRENT
    networks: ClassVar[tuple[type[Network], ...]] = (elman.Network, mlp.Network)
    defaults: ClassVar[tuple[Coefficient, ...]] = (Coefficient("eta", 0.05, "log"),)
    truncation: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("truncation", self.truncation)

    @property
    def knows(self) -> frozenset[str]:
        """Errors through the weights of the network, and what its units did steps ago."""
        return frozenset({"local", "network", "transported weights", "stored activity"})

    def length(self, spec: Spec) -> int:
        """Steps of the window; samples that stand alone have no past."""
        return self.truncation if spec.sequences and isinstance(self.network, elman.Network) else 1

    def cost(self, spec: Spec) -> Cost:
        """The pass of the output, and a pass forth and two products back through every step of the window."""
        steps = self.length(spec)
        usual = self.cost_of(spec, 1.0 + 3.0 * steps)
        sizes = self.network.sizes(spec.inputs, spec.outputs)
        kept = usual.state + steps * spec.batch * sum(sizes[:-1])
        return replace(usual, floats=usual.floats + KEPT * steps * sum(sizes), state=kept)

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """The window: inputs [N, K, B, I], units before [N, K, B, H] per layer, and bool [N, K, B] where a sequence begins."""
        n, spec, steps = len(state.weights[0]), state.spec, self.length(state.spec)
        units = tuple(each[:, None].repeat(1, steps, 1, 1) for each in state.units)
        fresh = torch.ones(n, steps, spec.batch, dtype=torch.bool)
        return {"x": torch.zeros(n, steps, spec.batch, spec.inputs), "before": units, "fresh": fresh}

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state after the step, and the output [N, B, O]."""
        kind = self.network.resolve_output(state.spec.criterion)
        output, units = self.network.outputs(state.weights, x, kind, state.units, fresh)
        return replace(state, units=units, shown=(x, state.units, fresh)), output

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after one step."""
        x, units, fresh = state.shown
        fresh = torch.ones_like(x[..., 0], dtype=torch.bool) if fresh is None else fresh
        xs, marks = (pushed(state.memory[name], new) for name, new in (("x", x), ("fresh", fresh)))
        befores = tuple(pushed(old, new) for old, new in zip(state.memory["before"], units))
        kind = self.network.resolve_output(state.spec.criterion)

        def drive(weights: Groups) -> Tensor:
            """Drives [N, B, O] of the output units at the end of the window."""
            now, found = tuple(each[:, 0] for each in befores), x
            for k in range(xs.shape[1]):
                record, now = self.network.forward(weights, xs[:, k], kind, now, marks[:, k])
                found = record.drive[-1]
            last: Tensor = found
            return last

        top, pulled, *_ = torch.func.vjp(drive, state.weights)
        err = self.error(state, told, output_units(top, kind)) / x.shape[1]
        state = replace(state, memory=state.memory | {"x": xs, "before": befores, "fresh": marks})
        return descended(state, pulled(err)[0])


def pushed(window: Tensor, new: Tensor) -> Tensor:
    """The window [N, K, ...] one step on, `new` [N, ...] at its end."""
    return torch.cat([window[:, 1:], new[:, None]], 1)
