"""Activation functions of hidden units, each with its derivative in terms of what the forward pass kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inner.components import suggest


@dataclass(frozen=True)
class Activation:
    """`value(drive) -> post` and `slope(drive, post) -> d post / d drive`, elementwise."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]

    def delta(self, feedback: Tensor, drive: Tensor, post: Tensor) -> Tensor:
        """feedback * slope."""
        if self is ACTIVATIONS["tanh"]:  # two operations instead of three
            return torch.addcmul(feedback, feedback * post, post, value=-1)
        return feedback * self.slope(drive, post)


SOFTPLUS_BETA = 10.0  # Shervani-Tabar & Rosenbaum 2023: twice differentiable and close to relu


def sigmoid(drive: Tensor) -> Tensor:
    """1 / (1 + exp(-drive)) through tanh: `torch.sigmoid` rounds the last few elements of a tensor differently."""
    return 0.5 * torch.tanh(0.5 * drive) + 0.5


def softplus(drive: Tensor) -> Tensor:
    """log(1 + exp(beta drive)) / beta, for the same reason not through `torch.nn.functional.softplus`."""
    return torch.relu(drive) + torch.log(1 + torch.exp(-SOFTPLUS_BETA * drive.abs())) / SOFTPLUS_BETA


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(torch.tanh, lambda drive, post: 1 - post * post),
    "relu": Activation(torch.relu, lambda drive, post: (drive > 0).to(drive.dtype)),
    "sigmoid": Activation(sigmoid, lambda drive, post: post * (1 - post)),
    "softplus": Activation(softplus, lambda drive, post: 1 - torch.exp(-SOFTPLUS_BETA * post)),
    "linear": Activation(lambda drive: drive, lambda drive, post: torch.ones_like(post)),
}


def activation(name: str) -> Activation:
    """Look an activation up by name. Raises ValueError with the nearest valid name."""
    if name not in ACTIVATIONS:
        raise ValueError(
            f"activation: unknown name '{name}'{suggest(name, ACTIVATIONS)}; known: {', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]


def softmax(drive: Tensor) -> Tensor:
    """Softmax over the last axis; on few classes several times faster on a CPU than `torch.softmax`."""
    shifted = torch.exp(drive - drive.amax(-1, keepdim=True))
    return shifted / shifted.sum(-1, keepdim=True)
