"""Real-time recurrent learning: how every weight has changed every unit is carried forward in time, exactly (Williams & Zipser 1989).

    P_t[i, j, k] = d h_k(t) / d w_ij = f'_k (delta_jk a_i(t) + sum_l P_{t-1}[i, j, l] R_lk) (+ (1 - leak) P_{t-1}[i, j, k])
    dw_ij = eta sum_k (W_out (y - g))_k P_t[i, j, k],    a = (x, 1, h(t - 1)): inputs of the hidden layer, f' with its leak

One hidden layer. P has (I + 1 + H) H^2 numbers per sample: small networks only. Errors know nothing of the future, and nothing
of the past is stored; while weights rest it is backpropagation through time without truncation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from inner.learners._own import Own, State, back, descended, outer
from inner.learners.base import Cost, Example, Spec
from inner.learners.bptt import RECURRENT
from inner.life_data import Label
from inner.networks import elman, mlp
from inner.networks.base import Network
from inner.rules.coefficient import Coefficient
from inner.sources import Told


@dataclass(frozen=True)
class Learner(Own):
    """On a network without recurrent synapses it is backpropagation, and there is no P."""

    example: ClassVar[Example] = RECURRENT
    networks: ClassVar[tuple[type[Network], ...]] = (elman.Network, mlp.Network)
    defaults: ClassVar[tuple[Coefficient, ...]] = (Coefficient("eta", 0.05, "log"),)

    @property
    def knows(self) -> frozenset[str]:
        """How it changed every unit, and the errors of all of them."""
        return frozenset({"local", "network", "transported weights"})

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        return super().accepts(spec) or one_hidden_layer(self.network)

    def cost(self, spec: Spec) -> Cost:
        """A pass, the errors of the hidden layer, and the product of P with the recurrent weights."""
        usual = self.cost_of(spec, 2.0)
        numbers = influences(self.network, spec) * self.network.sizes(spec.inputs, spec.outputs)[1]
        hidden = self.network.sizes(spec.inputs, spec.outputs)[1]
        kept = usual.state + numbers * spec.batch
        work = usual.multiply_adds + (hidden + 2.0) * numbers
        return replace(usual, multiply_adds=work, floats=usual.floats + 3.0 * numbers, state=kept)

    def footprint(self, spec: Spec) -> int:
        """Weights and P."""
        hidden = self.network.sizes(spec.inputs, spec.outputs)[1]
        return super().footprint(spec) + 3 * influences(self.network, spec) * hidden * spec.batch

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """P [N, B, A, H, H] for the A inputs of the hidden layer; none without recurrent synapses."""
        if not isinstance(self.network, elman.Network):
            return {}
        hidden = state.weights[1].shape[2]
        inside = state.weights[0].shape[1] + hidden
        return {"influence": torch.zeros(len(state.weights[0]), state.spec.batch, inside, hidden, hidden)}

    def act(self, state: State, x: Tensor, fresh: Tensor | None, t: int | Tensor) -> tuple[State, Tensor]:
        """The state after the step, and the output [N, B, O]."""
        kind = self.network.resolve_output(state.spec.criterion)
        record, units = self.network.forward(state.weights, x, kind, state.units, fresh)
        return replace(state, units=units, shown=(record, fresh)), record.output

    def learn(self, state: State, told: Told, t: int | Tensor, into: bool = False) -> State:
        """The networks after one step."""
        record, fresh = state.shown
        err = self.error(state, told, record.output)
        slope, top = hidden_slope(self.network, record), outer(record.pre[-1], err)
        down = back(err, state.weights[-1], slope.shape[2])  # [N, B, H]
        if not isinstance(self.network, elman.Network):
            return descended(state, [outer(record.pre[0], down * slope), top])
        p = state.memory["influence"]
        if fresh is not None:
            p = p * (~fresh).to(p.dtype)[:, :, None, None, None]
        n, b, inside, hidden = p.shape[:4]
        carried = torch.bmm(p.reshape(n, b * inside * hidden, hidden), state.weights[1]).reshape_as(p)
        a = torch.cat(record.pre[:2], 2)  # [N, B, A]
        own = torch.diag_embed(torch.ones_like(slope))[:, :, None] * a[..., None, None]
        p = slope[:, :, None, None] * (carried + own) + (1 - self.network.leak) * p
        felt = (p * down[:, :, None, None]).sum(4).mean(1)  # [N, A, H]
        rows = state.weights[0].shape[1]
        state = replace(state, memory=state.memory | {"influence": p})
        return descended(state, [felt[:, :rows], felt[:, rows:], top])


def hidden_slope(network: Network, record: Any) -> Tensor:
    """d h / d drive [N, B, H] of the one hidden layer."""
    from inner.activations import activation

    if record.slope is not None:
        found: Tensor = record.slope[0]
        return found
    return activation(network.activation).slope(record.drive[0], record.post[0])


def influences(network: Network, spec: Spec) -> int:
    """A H: weights into the hidden layer whose influence is carried; 0 without recurrent synapses."""
    if not isinstance(network, elman.Network):
        return 0
    shapes = network.shapes(spec.inputs, spec.outputs)
    return (shapes[0][0] + shapes[1][0]) * shapes[0][1]


def one_hidden_layer(network: Network) -> str:
    """Why it must have one, in words; empty where it has."""
    if len(getattr(network, "hidden", ())) != 1:
        return "what weights do to units is carried for one hidden layer: expected network.hidden of one number"
    return ""
