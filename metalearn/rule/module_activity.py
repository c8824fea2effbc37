"""Looks into a user's torch module: what went through every nn.Linear layer, and the slopes between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass
class Seen:
    """The record of one forward pass, per Linear layer k in the order in which they ran."""

    layers: list[nn.Linear]
    pre: list[Tensor]  # [B, I_k]
    drive: list[Tensor]  # [B, O_k]
    slope: list[Tensor]  # [B, O_k], of the activation after layer k; 1 at the output
    output: Tensor  # [B, O] of the module


def check_module(module: nn.Module) -> None:
    from torch import nn

    if not isinstance(module, nn.Module):
        raise ValueError(f"module: expected a torch.nn.Module, got {type(module).__name__}")
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise ValueError("module: expected at least one nn.Linear layer, got none")
    known = {id(p) for layer in linear for p in layer.parameters()}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and id(parameter) not in known:
            raise ValueError(
                f"module: '{name}' is a parameter outside nn.Linear layers, which the rule cannot train; "
                "freeze it with requires_grad_(False)"
            )


def look(module: nn.Module, x: Tensor, check: bool) -> Seen:
    """One forward pass with hooks on every Linear layer; each drive is cut from the graph, so slopes stay apart."""
    import torch
    from torch import nn

    layers: list[nn.Linear] = []
    pres: list[Tensor] = []
    drives: list[Tensor] = []

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], drive: Tensor) -> Tensor:
        if inputs[0].ndim != 2:
            raise ValueError(
                f"x: expected [batch, units] at nn.Linear {len(layers)}, got shape {list(inputs[0].shape)}"
            )
        if any(layer is other for other in layers):
            raise ValueError(
                "module: an nn.Linear layer runs twice in one forward pass, which no rule of synapses covers"
            )
        cut = drive.detach().requires_grad_(True)
        layers.append(cast(nn.Linear, layer))
        pres.append(inputs[0])
        drives.append(cut)
        return cut.clone()  # an activation may work in place

    handles = [layer.register_forward_hook(hook) for layer in module.modules() if isinstance(layer, nn.Linear)]
    try:
        with torch.enable_grad():
            output = module(x)
            slopes = [_slope(k, drive, pre, check) for k, (drive, pre) in enumerate(zip(drives, pres[1:]))]
    finally:
        for handle in handles:
            handle.remove()
    if not layers or output.shape != drives[-1].shape:
        raise ValueError("module: expected its output to come from its last nn.Linear layer, unit by unit")
    slopes.append(torch.ones_like(drives[-1]).detach())
    return Seen(layers, [p.detach() for p in pres], [d.detach() for d in drives], slopes, output.detach())


def _slope(k: int, drive: Tensor, post: Tensor, check: bool) -> Tensor:
    """d post / d drive [B, O] of an elementwise activation; with `check`, refuse one that mixes units."""
    import torch

    message = f"module: expected an elementwise activation between nn.Linear {k} and {k + 1}"
    if post.shape != drive.shape:
        raise ValueError(f"{message}, got {list(drive.shape)} -> {list(post.shape)}")
    (slope,) = torch.autograd.grad(post.sum(), drive, retain_graph=check, allow_unused=True)
    if slope is None:
        raise ValueError(f"{message}, got units that do not depend on the layer before")
    if check:
        estimator = torch.arange(1, post.numel() + 1, device=post.device).reshape(post.shape).to(post.dtype).cos()
        (mixed,) = torch.autograd.grad((post * estimator).sum(), drive)
        if not torch.allclose(mixed, estimator * slope, rtol=1e-3, atol=1e-5):
            raise ValueError(f"{message}, got one that mixes units or samples")
    return slope
