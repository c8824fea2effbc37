"""NoProp in discrete time: every block of a chain learns by itself to denoise an embedding of the label (Li, Teh & Pascanu 2025).

    z_t = sqrt(abar_t) u_y + sqrt(1 - abar_t) eps,    u_t(z_{t-1}, x) = softmax(block) E,    SNR_t = abar_t / (1 - abar_t)
    L = CE(y | z_T) + abar_0 |u_y|^2 / 2 + weight / 2 sum_t (SNR_t - SNR_{t-1}) |u_t(z_{t-1}, x) - u_y|^2        (eq. 8)
    z_t <- a_t u_t(z_{t-1}, x) + b_t z_{t-1} + sqrt(c_t) eps,    t = 1 .. T, in inference                       (eq. 3)

abar rises by the cosine schedule, clamped to [1e-4, 0.9999]. All blocks learn at every step. `train: chain` is the matched baseline:
the same blocks in z_t = (1 - tanh(m_t)) z_{t-1} + tanh(m_t) u_t, trained end to end by backpropagation (eqs. 17-19). Inference
starts from z_0 = 0 and draws nothing, or with `inference: sampled` as the paper does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from inner.learners._noprop import ETA, WEIGHT, NoProp, Params, classified, normal_noise
from inner.learners._own import State
from inner.learners._values import chosen, whole
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient

LEAST, MOST = 1e-4, 0.9999  # of abar
MIX = 0.5493061443340549  # tanh of it is 1/2


@dataclass(frozen=True)
class Learner(NoProp):
    """`blocks` networks of the shape of the learner's."""

    example: ClassVar[Example] = Example({"blocks": 4, "values": {"eta": 0.01}}, network={"name": "mlp", "hidden": (24,)}, batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (ETA, WEIGHT)
    blocks: int = 10
    train: str = "blocks"  # or chain

    def __post_init__(self) -> None:
        whole("blocks", self.blocks)
        chosen("train", self.train, ("blocks", "chain"))
        super().__post_init__()

    @property
    def depth(self) -> int:
        """T, the blocks."""
        return self.blocks

    @property
    def knows(self) -> frozenset[str]:
        """Errors inside its block and the label; of the chain those of the whole network."""
        return super().knows | ({"network"} if self.train == "chain" else frozenset())

    @cached_property
    def schedule(self) -> tuple[float, ...]:
        """abar_0 .. abar_T."""
        raw = [math.sin(0.5 * math.pi * t / self.blocks) ** 2 for t in range(self.blocks + 1)]
        return tuple(min(max(each, LEAST), MOST) for each in raw)

    def further(self, state: State) -> dict[str, Tensor]:
        """m_t of the chain, [N, T]."""
        if self.train == "blocks":
            return {}
        return {"mix": torch.full_like(state.weights[0][:, :, 0, 0], MIX)}

    def loss(self, params: Params, state: State, x: Tensor, y: Tensor, t: int | Tensor) -> Tensor:
        """Loss [N, B]."""
        target = torch.bmm(y, params["embed"])
        eps = normal_noise(state, t, (self.blocks + 1, *target.shape[1:]), x)
        if self.train == "chain":
            return classified(self.through(params, x, eps), params["out"], y)
        steps = torch.arange(self.blocks + 1, dtype=x.dtype, device=x.device).reshape(1, -1, 1, 1)
        abar = torch.sin(steps * (0.5 * math.pi / self.blocks)).square().clamp(LEAST, MOST)
        z = abar.sqrt() * target[:, None] + (1 - abar).sqrt() * eps
        guess = torch.matmul(torch.softmax(self.logits(params, x, z[:, :-1]), -1), params["embed"][:, None])
        ratio = abar / (1 - abar)
        rise = (ratio[:, 1:] - ratio[:, :-1])[..., 0]  # [1, T, 1]
        apart = (guess - target[:, None]).square().sum(-1)  # [N, T, B]
        denoising = 0.5 * state.coefficients["weight"][:, None] * (rise * apart).sum(1)
        return denoising + classified(z[:, -1], params["out"], y) + 0.5 * self.schedule[0] * target.square().sum(-1)

    def denoised(self, params: Params, state: State, x: Tensor, noise: Tensor | None) -> Tensor:
        """Outputs [N, V, C]."""
        return torch.softmax(torch.bmm(self.through(params, x, noise), params["out"]), -1)

    def through(self, params: Params, x: Tensor, noise: Tensor | None) -> Tensor:
        """z_T [N, B, d] after all blocks, from z_0 = noise[:, 0] [N, T + 1, B, d], or 0."""
        embed = params["embed"]
        z = x.new_zeros(*x.shape[:2], embed.shape[2]) if noise is None else noise[:, 0]
        for k in range(self.blocks):
            u = torch.bmm(torch.softmax(self.logits(params, x, z[:, None], k)[:, 0], -1), embed)
            if self.train == "chain":
                mix = torch.tanh(params["mix"][:, k]).reshape(-1, 1, 1)
                z = (1 - mix) * z + mix * u
                continue
            a, b, c = posterior(self.schedule[k], self.schedule[k + 1])
            z = a * u + b * z
            if noise is not None:
                z = z + math.sqrt(c) * noise[:, k + 1]
        return z


def posterior(before: float, after: float) -> tuple[float, float, float]:
    """a, b and c of z_t ~ N(a u + b z_{t-1}, c) given abar_{t-1} and abar_t (eq. 3 of the paper)."""
    alpha = before / after
    return (
        math.sqrt(after) * (1 - alpha) / (1 - before),
        math.sqrt(alpha) * (1 - after) / (1 - before),
        (1 - after) * (1 - alpha) / (1 - before),
    )
