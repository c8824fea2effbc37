"""Forward passes of a user's torch module that keep what went through every nn.Linear layer, and the slopes between them.

Both that run such modules use it: the network `module`, and the trainer of a module that the user runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from inner.life_data import Label
from inner.networks.base import ForwardRecord, Network, with_ones

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
    """Record of `run`, a forward pass of the module; `shift` may add noise to a drive, or cut it from the graph.

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


def record_of(
    biases: Sequence[bool], pre: Sequence[Tensor], drive: Sequence[Tensor], slope: Sequence[Tensor], output: Tensor
) -> ForwardRecord:
    """The record of one pass from tensors [N, B, ...] per nn.Linear layer, and the output units' activity [N, B, O]."""
    pres = tuple(with_ones(each) if bias else each for each, bias in zip(pre, biases))
    return ForwardRecord(pres, tuple(drive), (*pre[1:], output), output, tuple(slope))


@dataclass(frozen=True)
class Layers(Network):
    """nn.Linear layers of a module whose forward passes are run elsewhere: nothing but their sizes."""

    units: tuple[int, ...]  # before the first layer, then after each
    biases: tuple[bool, ...]
    activation: str = "module"  # slopes stand in the record
    output: str = "auto"
    bias: bool = False

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Units per layer: what goes into the first nn.Linear layer, and what comes out of each."""
        return self.units

    def shapes(self, inputs: int, outputs: int) -> tuple[tuple[int, int], ...]:
        """(I (+ 1), O) per nn.Linear layer."""
        return tuple((i + b, o) for i, o, b in zip(self.units, self.units[1:], self.biases))

    def init(self, inputs: int, outputs: int, seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """None are drawn: raises ValueError."""
        raise ValueError("module: its weights are its own, nothing is drawn for it")

    def forward(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> tuple[ForwardRecord, tuple[Tensor, ...]]:
        """Raises ValueError."""
        raise ValueError("module: its forward passes are run by its owner")


def layers_of(layers: Sequence[nn.Linear]) -> Layers:
    """The sizes of nn.Linear layers that follow each other."""
    units = (layers[0].in_features, *(layer.out_features for layer in layers))
    return Layers(units, tuple(layer.bias is not None for layer in layers))
