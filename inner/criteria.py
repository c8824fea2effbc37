"""Criteria: the error, the reward, the code length and the metric of a task, in one place.

A task has one criterion. CLASSES: outputs are class probabilities; VALUES: outputs are numbers; NONE: nothing is wanted
of an output while it is learned; REWARD: an output is a choice that is answered by a reward; CONTROL: outputs are numbers
that are answered by a reward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from inner.noise import Noise

KINDS = ("classes", "values", "none", "reward")
ACTION_SITE = 2**16  # of the draws of actions: no layer of a network has this number
LEAST_P = 2.0**-100  # a class is never coded in more than 100 bits


@dataclass(frozen=True)
class Criterion:
    """One way to read outputs [N, B, O] against targets y [N, B, O]. `kind` is one of KINDS."""

    kind: str
    output: str  # units of an output layer that is left to `auto`: softmax or linear
    metric: str  # name of what the task's score measures, with its sign: "accuracy", "-MSE"
    best: float  # score of a perfect life
    choice: bool = True  # under a reward: an action is one of the outputs; False: it is the outputs themselves

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"criterion.kind: expected one of {', '.join(KINDS)}, got {self.kind!r}")

    @cached_property
    def supervised(self) -> bool:
        """True where a target is given for every scored output."""
        return self.kind in ("classes", "values")

    def named(self, metric: str, best: float | None = None) -> Criterion:
        """The same criterion whose score has another name (and another best value)."""
        return replace(self, metric=metric, best=self.best if best is None else best)

    def error(self, output: Tensor, y: Tensor | None) -> Tensor:
        """y - output [N, B, O]; zeros where nothing is wanted."""
        if not self.supervised or y is None:
            return torch.zeros_like(output)
        return y - output

    def reward(self, output: Tensor, y: Tensor | None) -> Tensor:
        """One number per sample [N, B, 1]: +1 / -1 for a right / wrong class, -MSE of values, else 0."""
        if self.kind == "classes" and y is not None:
            right = output.argmax(-1, keepdim=True) == y.argmax(-1, keepdim=True)
            return right.to(output.dtype) * 2 - 1
        if self.kind == "values" and y is not None:
            return -((y - output) ** 2).mean(-1, keepdim=True)
        return torch.zeros_like(output[..., :1])

    def nats(self, output: Tensor, y: Tensor) -> Tensor:
        """Loss of every sample [N, B], differentiable, in the type of `output`.

        Classes: -ln p(class). Values: minus the log density of a Gaussian of unit variance. Else 0.
        """
        if self.kind == "classes":
            return -torch.log((output * y).sum(-1).clamp_min(LEAST_P))
        if self.kind == "values":
            return 0.5 * ((y - output) ** 2).sum(-1) + 0.5 * math.log(2 * math.pi) * y.shape[2]
        return torch.zeros_like(output[..., 0])

    def bits(self, output: Tensor, y: Tensor, scored: Tensor | None = None) -> Tensor:
        """Bits to code the targets y [N, B, O] given the predictions: float64 [N], summed over samples.

        scored: bool [N, B], the samples that count (None: all). A class takes at most 100 bits.
        """
        if scored is not None:
            each = self.nats(output, y).to(torch.float64) / math.log(2)
            return torch.where(scored, each, torch.zeros_like(each)).sum(-1)
        if self.kind == "classes":
            p = (output * y).sum(-1).clamp_min(LEAST_P)
            return -torch.log2(p).sum(-1, dtype=torch.float64)
        squares = ((y - output) ** 2).sum((-1, -2), dtype=torch.float64)
        return squares * (0.5 / math.log(2)) + 0.5 * math.log2(2 * math.pi) * y.shape[1] * y.shape[2]

    def decide(self, output: Tensor, noise: Noise | None, t: int | Tensor) -> Tensor:
        """The action [N, B, O]: the output itself, or where there is a choice (REWARD) a one-hot one drawn with softmax probabilities.

        The choice is argmax(output + Gumbel noise) (Gumbel 1954), so it is drawn without a loop; without noise it is
        the largest output. This is the one place where actions are drawn.
        """
        if self.kind != "reward" or not self.choice:
            return output
        score = output
        if noise is not None:
            u = noise.uniform(t, ACTION_SITE, tuple(output.shape[1:])).to(output.dtype)
            score = output - torch.log(-torch.log(u.clamp(2.0**-25, 1 - 2.0**-25)))
        return torch.nn.functional.one_hot(score.argmax(-1), output.shape[-1]).to(output.dtype)


CLASSES = Criterion("classes", "softmax", "accuracy", 1.0)
VALUES = Criterion("values", "linear", "-MSE", 0.0)
NONE = Criterion("none", "linear", "alignment", 1.0)
REWARD = Criterion("reward", "linear", "reward", math.inf)
CONTROL = Criterion("reward", "linear", "reward", math.inf, choice=False)
CRITERIA = {each.kind: each for each in (CLASSES, VALUES, NONE, REWARD)}
