"""Activation functions of hidden units: one row each, with its derivative in terms of what the forward pass kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inner.components import suggest


@dataclass(frozen=True)
class Activation:
    """`value(drive) -> post` and `slope(drive, post) -> d post / d drive`, elementwise, with their other renderings.

    c: the activity from the drive `x` and the slope from the activity `y`, as C of vectors (`lanes.h`); torch_source: the
    same in exported torch files, from `drive` and `post`. What is missing is refused by name where it is wanted.
    """

    meaning: str
    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]
    oracle: Callable[[float], tuple[float, float]]  # value and slope of one number, written down a second time
    c: tuple[str, str] | None = None
    torch_source: tuple[str, str] | None = None
    fused: Callable[[Tensor, Tensor], Tensor] | None = None  # (feedback, post) -> feedback * slope in fewer operations
    jumps: bool = False  # its slope is 0 wherever it has one: only finite differences tell how it moves

    def delta(self, feedback: Tensor, drive: Tensor, post: Tensor) -> Tensor:
        """feedback * slope."""
        if self.fused is not None:
            return self.fused(feedback, post)
        return feedback * self.slope(drive, post)


SOFTPLUS_BETA = 10.0  # Shervani-Tabar & Rosenbaum 2023: twice differentiable and close to relu


def sigmoid(drive: Tensor) -> Tensor:
    """1 / (1 + exp(-drive)) through tanh: `torch.sigmoid` rounds the last few elements of a tensor differently."""
    return 0.5 * torch.tanh(0.5 * drive) + 0.5


def softplus(drive: Tensor) -> Tensor:
    """log(1 + exp(beta drive)) / beta, for the same reason not through `torch.nn.functional.softplus`."""
    return torch.relu(drive) + torch.log(1 + torch.exp(-SOFTPLUS_BETA * drive.abs())) / SOFTPLUS_BETA


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(
        "hyperbolic tangent",
        torch.tanh,
        lambda drive, post: 1 - post * post,
        lambda x: (math.tanh(x), 1 - math.tanh(x) ** 2),
        c=("v_tanh(x)", "1.0f - y * y"),
        torch_source=("torch.tanh(drive)", "1 - post * post"),
        fused=lambda feedback, post: torch.addcmul(feedback, feedback * post, post, value=-1),
    ),
    "relu": Activation(
        "max(x, 0)",
        torch.relu,
        lambda drive, post: (drive > 0).to(drive.dtype),
        lambda x: (x, 1.0) if x > 0 else (0.0, 0.0),
        c=("v_relu(x)", "v_step(y)"),
        torch_source=("torch.relu(drive)", "(drive > 0).to(drive.dtype)"),
    ),
    "sigmoid": Activation(
        "1 / (1 + exp(-x))",
        sigmoid,
        lambda drive, post: post * (1 - post),
        lambda x: (_logistic(x), _logistic(x) * _logistic(-x)),
        c=("v_sigmoid(x)", "y * (1.0f - y)"),
        torch_source=("torch.sigmoid(drive)", "post * (1 - post)"),
    ),
    "softplus": Activation(
        f"log(1 + exp({SOFTPLUS_BETA:g} x)) / {SOFTPLUS_BETA:g}",
        softplus,
        lambda drive, post: 1 - torch.exp(-SOFTPLUS_BETA * post),
        lambda x: (
            max(x, 0.0) + math.log1p(math.exp(-SOFTPLUS_BETA * abs(x))) / SOFTPLUS_BETA,
            _logistic(SOFTPLUS_BETA * x),
        ),
        c=(
            f"v_relu(x) + v_log(1.0f + v_exp(-{SOFTPLUS_BETA}f * v_abs(x))) / {SOFTPLUS_BETA}f",
            f"1.0f - v_exp(-{SOFTPLUS_BETA}f * y)",
        ),
        torch_source=(
            f"torch.nn.functional.softplus(drive, beta={SOFTPLUS_BETA})",
            f"1 - torch.exp(-{SOFTPLUS_BETA} * post)",
        ),
    ),
    "linear": Activation(
        "x",
        lambda drive: drive,
        lambda drive, post: torch.ones_like(post),
        lambda x: (x, 1.0),
        c=("x", "splat(1.0f) + 0.0f * y"),
        torch_source=("drive", "torch.ones_like(post)"),
    ),
    "clip": Activation(
        "x between 0 and 1, else the nearer of them: the units of Scellier & Bengio 2017",
        lambda drive: drive.clamp(0.0, 1.0),
        lambda drive, post: ((drive > 0) & (drive < 1)).to(drive.dtype),
        lambda x: (x, 1.0) if 0 < x < 1 else (min(max(x, 0.0), 1.0), 0.0),
        torch_source=("drive.clamp(0, 1)", "((drive > 0) & (drive < 1)).to(drive.dtype)"),
    ),
    "sign": Activation(
        "-1, 0 or 1, the sign of x: no slope to learn from, for learners that compare losses",
        torch.sign,
        lambda drive, post: torch.zeros_like(drive),
        lambda x: (math.copysign(1.0, x) if x else 0.0, 0.0),
        torch_source=("torch.sign(drive)", "torch.zeros_like(drive)"),
        jumps=True,
    ),
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
