"""Forward passes of a user's torch module that keep what went through every nn.Linear layer, and the slopes between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

Shift = Callable[[int, Tensor], Tensor]  # (number of the layer, its drive) -> the drive that goes on


@dataclass
class Pass:
    """One forward pass: tensors per nn.Linear layer k, in the order in which the layers ran."""

    output: Tensor  # [..., B, O] of the module
    layers: list[nn.Linear] = field(default_factory=list)
    pre: list[Tensor] = field(default_factory=list)  # [B, I_k]
    drive: list[Tensor] = field(default_factory=list)  # [B, O_k]


def check_module(module: nn.Module) -> None:
    """Raise ValueError, in one line, for a module with parameters that no rule of synapses can train."""
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


def watched(module: nn.Module, run: Callable[[], Tensor], shift: Shift) -> Pass:
    """What `run`, a forward pass of the module, leaves; `shift` may add noise to a drive, or cut it from the graph.

    Raises ValueError for an input of an nn.Linear layer that is not [B, I], and for a layer that runs twice.
    """
    seen = Pass(torch.empty(0))

    def hook(layer: nn.Module, inputs: tuple[Tensor, ...], drive: Tensor) -> Tensor:
        k = len(seen.layers)
        if inputs[0].ndim != 2:
            raise ValueError(f"x: expected [batch, units] at nn.Linear {k}, got shape {list(inputs[0].shape)}")
        if any(layer is other for other in seen.layers):
            raise ValueError(
                "module: an nn.Linear layer runs twice in one forward pass, which no rule of synapses covers"
            )
        drive = shift(k, drive)
        seen.layers.append(cast(nn.Linear, layer))
        seen.pre.append(inputs[0])
        seen.drive.append(drive)
        return drive.clone()  # an activation may work in place

    handles = [layer.register_forward_hook(hook) for layer in module.modules() if isinstance(layer, nn.Linear)]
    try:
        seen.output = run()
    finally:
        for handle in handles:
            handle.remove()
    if not seen.layers or seen.output.shape != seen.drive[-1].shape:
        raise ValueError("module: expected its output to come from its last nn.Linear layer, unit by unit")
    return seen


def slopes(pre: Sequence[Tensor], leaves: Sequence[Tensor], check: bool, create_graph: bool = False) -> list[Tensor]:
    """d pre_{k+1} / d drive_k of the elementwise activation after every layer, [..., B, O_k]; 1 at the output.

    leaves: the drives, or what was added to them, that gradients are taken for. With `check`, an activation that mixes
    units or samples raises ValueError.
    """
    found = [_slope(k, leaf, post, check, create_graph) for k, (leaf, post) in enumerate(zip(leaves, pre[1:]))]
    return [*found, torch.ones_like(leaves[-1]).detach()]


def _slope(k: int, drive: Tensor, post: Tensor, check: bool, create_graph: bool) -> Tensor:
    message = f"module: expected an elementwise activation between nn.Linear {k} and {k + 1}"
    if post.shape != drive.shape:
        raise ValueError(f"{message}, got {list(drive.shape)} -> {list(post.shape)}")
    slope = None
    if post.requires_grad:
        (slope,) = torch.autograd.grad(
            post.sum(), drive, retain_graph=True, create_graph=create_graph, allow_unused=True
        )
    if slope is None:
        raise ValueError(f"{message}, got units that do not depend on the layer before")
    if check:
        factor = torch.arange(1, post.numel() + 1, device=post.device).reshape(post.shape).to(post.dtype).cos()
        (mixed,) = torch.autograd.grad((post * factor).sum(), drive, retain_graph=True)
        if not torch.allclose(mixed, factor * slope, rtol=1e-3, atol=1e-5):
            raise ValueError(f"{message}, got one that mixes units or samples")
    return slope
