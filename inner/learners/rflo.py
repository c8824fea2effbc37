"""Random feedback local online learning: of RTRL every synapse keeps its own part alone, with random feedback (Murray 2019).

    p_ij(t) = (1 - leak) p_ij(t - 1) + leak f'(u_j(t)) a_i(t),    dw_ij = eta ((y - g) B)_j p_ij,    a = (x, 1, h(t - 1))

(eqs. 4-8.) What reaches a synapse through other units is left out of RTRL's P; leak = 1 / tau is that of the network
(`network.leak`): without one a synapse remembers a single step. `feedback: transpose` takes the output weights for B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from inner.axes import fold
from inner.learners._own import Own, State, back, descended, outer
from inner.learners._values import chosen
from inner.learners.base import Cost, Example, Spec
from inner.learners.bptt import RECURRENT
from inner.learners.rtrl import hidden_slope, influences, one_hidden_layer
from inner.life_data import Label
from inner.networks import elman, mlp
from inner.networks.base import Network
from inner.random import stream
from inner.rules.coefficient import Coefficient
from inner.sources import Told


@dataclass(frozen=True)
class Learner(Own):
    """Every synapse of the hidden layer holds one number per sample."""

    example: ClassVar[Example] = replace(RECURRENT, network={**RECURRENT.network, "leak": 0.7})
    networks: ClassVar[tuple[type[Network], ...]] = (elman.Network, mlp.Network)
    defaults: ClassVar[tuple[Coefficient, ...]] = (Coefficient("eta", 0.05, "log"),)
    feedback: str = "random"  # or transpose

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("feedback", self.feedback, ("random", "transpose"))

    @property
    def knows(self) -> frozenset[str]:
        """Its own trace, and an error that comes by weights of its own."""
        return frozenset({"local"} | ({"transported weights"} if self.feedback == "transpose" else set()))

    def accepts(self, spec: Spec) -> str:
        """Why it cannot learn in such a life, in words; empty where it can."""
        return super().accepts(spec) or one_hidden_layer(self.network)

    def cost(self, spec: Spec) -> Cost:
        """A pass, the errors of the hidden layer, and a trace per synapse and sample."""
        usual, traces = self.cost_of(spec, 2.0), influences(self.network, spec)
        fixed = self.network.sizes(spec.inputs, spec.outputs)[1] * spec.outputs * (self.feedback == "random")
        kept = usual.state + traces * spec.batch + fixed
        return replace(usual, multiply_adds=usual.multiply_adds + 2.0 * traces, floats=usual.floats + 2.0 * traces, state=kept)

    def memory(self, state: State, population: int, seed: int, labels: Sequence[Label]) -> dict[str, Any]:
        """B [N, O, H], and p [N, B, A, H] where there are recurrent synapses."""
        found, hidden = {}, state.weights[0].shape[2]
        if self.feedback == "random":
            shape = (state.spec.outputs, hidden)
            drawn = [stream(seed, "rflo", *label).standard_normal(shape, dtype=np.float32) for label in labels]
            found["feedback"] = fold(torch.from_numpy(np.stack(drawn) / np.float32(hidden**0.5)), population)
        if isinstance(self.network, elman.Network):
            inside = state.weights[0].shape[1] + hidden
            found["trace"] = torch.zeros(len(state.weights[0]), state.spec.batch, inside, hidden)
        return found

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
        if self.feedback == "random":
            down = torch.bmm(err, state.memory["feedback"])
        else:
            down = back(err, state.weights[-1], slope.shape[2])
        if not isinstance(self.network, elman.Network):
            return descended(state, [outer(record.pre[0], down * slope), top])
        p = state.memory["trace"]
        if fresh is not None:
            p = p * (~fresh).to(p.dtype)[:, :, None, None]
        a = torch.cat(record.pre[:2], 2)
        p = (1 - self.network.leak) * p + a[..., None] * slope[:, :, None]
        felt = (p * down[:, :, None]).mean(1)  # [N, A, H]
        rows = state.weights[0].shape[1]
        state = replace(state, memory=state.memory | {"trace": p})
        return descended(state, [felt[:, :rows], felt[:, rows:], top])
