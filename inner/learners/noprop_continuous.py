"""NoProp in continuous time: one denoiser for all times, under a noise schedule that is learned (Li, Teh & Pascanu 2025, section 3).

    z_t = sqrt(abar) u_y + sqrt(1 - abar) eps,    abar = sigmoid(-gamma(t)),    SNR = exp(-gamma(t))
    L = CE(y | z_1) + abar(0) |u_y|^2 / 2 + weight / 2 SNR'(t) |u(z_t, x, t) - u_y|^2,    u = softmax(network) E
    gamma(t) = g0 + (g1 - g0) (1 - gbar(t)),    gbar a sum of 8 rising sigmoids with positive weights, from 0 to 1

Inference takes the steps of discrete time (`noprop.py`) on a grid of `iterations` times. The ends g0 = -7 and g1 = 7 are fixed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from inner.activations import sigmoid
from inner.learners._noprop import DRAWS, ETA, NoProp, Params, classified, features, normal_noise
from inner.learners._own import State
from inner.learners._values import whole
from inner.learners.base import Example
from inner.rules.coefficient import Coefficient

ENDS = (-7.0, 7.0)  # gamma at time 1 and at time 0
BUMPS = 8


@dataclass(frozen=True)
class Learner(NoProp):
    """One network for all times."""

    example: ClassVar[Example] = Example({"values": {"eta": 0.01}}, network={"name": "mlp", "hidden": (24,)}, batch=16)
    defaults: ClassVar[tuple[Coefficient, ...]] = (ETA, Coefficient("weight", 1.0, "log", fixed=True))
    timed: ClassVar[bool] = True
    iterations: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("iterations", self.iterations)

    @property
    def passes(self) -> float:
        """One per time of the grid."""
        return float(self.iterations)

    def further(self, state: State) -> dict[str, Tensor]:
        """The schedule [N, 2, 8]: logarithms of the slopes and of the heights of its sigmoids."""
        return {"schedule": torch.ones_like(state.weights[0][:, :1, 0, :1]) * state.weights[0].new_zeros(1, 2, BUMPS)}

    def gamma(self, params: Params, time: Tensor) -> tuple[Tensor, Tensor]:
        """gamma and -gamma' [N, B] at times [N, B]."""
        slope, height = (each[:, None] for each in params["schedule"].exp().unbind(1))  # [N, 1, 8]
        centres = torch.linspace(0.0, 1.0, BUMPS, dtype=time.dtype, device=time.device)

        def risen(at: Tensor) -> Tensor:
            return sigmoid(slope * BUMPS * (at[..., None] - centres))

        low, high = (height * risen(torch.full_like(time[:, :1], end)) for end in (0.0, 1.0))
        here = risen(time)
        span = (high - low).sum(-1)
        rise = (height * here - low).sum(-1) / span
        speed = (height * slope * BUMPS * here * (1 - here)).sum(-1) / span
        g0, g1 = ENDS
        return g0 + (g1 - g0) * (1 - rise), (g1 - g0) * speed

    def guess(self, params: Params, x: Tensor, z: Tensor, time: Tensor) -> Tensor:
        """u [N, B, d] at z [N, B, d] and times [N, B]."""
        logits = self.logits(params, x, z[:, None], time=features(time)[:, None])[:, 0]
        return torch.bmm(torch.softmax(logits, -1), params["embed"])

    def loss(self, params: Params, state: State, x: Tensor, y: Tensor, t: int | Tensor) -> Tensor:
        """Loss [N, B]."""
        assert state.noise is not None
        target = torch.bmm(y, params["embed"])
        eps = normal_noise(state, t, (2, *target.shape[1:]), x)
        time = state.noise.uniform(t, DRAWS + 1, (x.shape[1],)).to(x.dtype)
        gamma, speed = self.gamma(params, time)
        abar = sigmoid(-gamma)[..., None]
        z = abar.sqrt() * target + (1 - abar).sqrt() * eps[:, 0]
        apart = (self.guess(params, x, z, time) - target).square().sum(-1)
        denoising = 0.5 * state.coefficients["weight"][:, None] * torch.exp(-gamma) * speed * apart
        first, last = (1 / (1 + math.exp(g)) for g in (ENDS[1], ENDS[0]))
        end = last**0.5 * target + (1 - last) ** 0.5 * eps[:, 1]
        return denoising + classified(end, params["out"], y) + 0.5 * first * target.square().sum(-1)

    def denoised(self, params: Params, state: State, x: Tensor, noise: Tensor | None) -> Tensor:
        """Outputs [N, V, C]."""
        z = x.new_zeros(*x.shape[:2], params["embed"].shape[2]) if noise is None else noise[:, 0]
        for k in range(self.iterations):
            now = torch.full_like(x[:, :, 0], k / self.iterations)
            before, after = (sigmoid(-self.gamma(params, at)[0])[..., None] for at in (now, now + 1 / self.iterations))
            alpha = before / after
            u = self.guess(params, x, z, now)
            z = after.sqrt() * (1 - alpha) / (1 - before) * u + alpha.sqrt() * (1 - after) / (1 - before) * z
            if noise is not None:
                z = z + ((1 - after) * (1 - alpha) / (1 - before)).clamp(min=0).sqrt() * noise[:, k + 1]
        return torch.softmax(torch.bmm(z, params["out"]), -1)
