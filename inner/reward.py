"""The reward of a network: the one number per sample that the signal `reward` and the pathway `reward` broadcast."""

from __future__ import annotations

import torch
from torch import Tensor


def reward(output: Tensor, y: Tensor, kind: str) -> Tensor:
    """One number per sample and network [N, B, 1]: +1 / -1 for a right / wrong class, -MSE for regression, 0 unsupervised."""
    if kind == "classification":
        right = output.argmax(-1, keepdim=True) == y.argmax(-1, keepdim=True)
        return right.to(output.dtype) * 2 - 1
    if kind == "regression":
        return -((y - output) ** 2).mean(-1, keepdim=True)
    return torch.zeros_like(output[..., :1])
