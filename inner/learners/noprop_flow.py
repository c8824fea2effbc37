"""NoProp by flow matching: one denoiser learns the way from noise to an embedding of the label (Li, Teh & Pascanu 2025, section 4).

    z_t = t u_y + (1 - t) z_0,    L = |v(z_t, x, t) - (u_y - z_0)|^2 [+ CE(y | z_t + (1 - t) v) where embeddings are learned]

v is a weighted sum of embeddings, without restriction. Inference takes `iterations` steps of Euler's method from z_0 = 0, or
with `inference: sampled` from noise; the answer is the nearest embedding, its probabilities a softmax of -|z - u_c|^2 / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners._noprop import DRAWS, ETA, NoProp, Params, classified, features, normal_noise
from inner.learners._own import State
from inner.learners._values import whole
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient


@dataclass(frozen=True)
class Learner(NoProp):
    """One network for all times."""

    example: ClassVar[Example] = Example({"values": {"eta": 0.01}}, network={"name": "mlp", "hidden": (24,)}, batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (ETA,)
    timed: ClassVar[bool] = True
    iterations: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("iterations", self.iterations)

    @property
    def passes(self) -> float:
        """One per step of Euler's method."""
        return float(self.iterations)

    def speed(self, params: Params, x: Tensor, z: Tensor, time: Tensor) -> Tensor:
        """v [N, B, d] at z [N, B, d] and times [N, B]."""
        return torch.bmm(self.logits(params, x, z[:, None], time=features(time)[:, None])[:, 0], params["embed"])

    def loss(self, params: Params, state: State, x: Tensor, y: Tensor, t: int | Tensor) -> Tensor:
        """Loss [N, B]."""
        assert state.noise is not None
        target = torch.bmm(y, params["embed"])
        start = normal_noise(state, t, tuple(target.shape[1:]), x)
        time = state.noise.uniform(t, DRAWS + 1, (x.shape[1],)).to(x.dtype)
        at = time[..., None]
        z = at * target + (1 - at) * start
        v = self.speed(params, x, z, time)
        found = (v - (target - start)).square().sum(-1)
        if self.embeddings != "one_hot":
            found = found + classified(z + (1 - at) * v, params["out"], y)
        return found

    def denoised(self, params: Params, state: State, x: Tensor, noise: Tensor | None) -> Tensor:
        """Outputs [N, V, C]."""
        embed = params["embed"]
        z = x.new_zeros(*x.shape[:2], embed.shape[2]) if noise is None else noise[:, 0]
        for k in range(self.iterations):
            time = torch.full_like(x[..., 0], k / self.iterations)
            z = z + self.speed(params, x, z, time) / self.iterations
        nearness = torch.bmm(z, embed.transpose(1, 2)) - 0.5 * embed.square().sum(2)[:, None]
        return torch.softmax(nearness, -1)
