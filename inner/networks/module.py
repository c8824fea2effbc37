"""A user's own torch module as a network: `network: {name: module, factory: package.make}`.

`factory(inputs, outputs)` returns an nn.Module for x [B, I] whose nn.Linear layers follow each other with elementwise
activations between them and end with the output units' drive; softmax is applied here. N networks run side by side by
`torch.func.functional_call` under `torch.vmap`, in torch alone (the eager engine).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from inner.components import own_attribute
from inner.life_data import Label
from inner.networks import base
from inner.networks._module_record import Layers, check_module, layers_of, record_of, slopes, watched
from inner.networks.base import ForwardRecord, born, check_options, output_units
from inner.random import stream

Factory = Callable[[int, int], nn.Module]


@dataclass(frozen=True, eq=False)
class Plan:
    """Description of a factory's module: its nn.Linear layers in the order in which they run."""

    module: nn.Module
    names: tuple[str, ...]  # of the layers in the module
    layers: Layers


@dataclass(frozen=True)
class Network(base.Network):
    """The nn.Linear layers learn; their initial weights are drawn here, everything else stays as the factory made it."""

    factory: str = ""  # dotted name of a function (inputs, outputs) -> nn.Module
    output: str = "auto"  # softmax for classes, linear otherwise
    gain: float = 1.0  # factor on the initial weights
    birth: str = "gaussian"  # gaussian, orthogonal, he or xavier

    def __post_init__(self) -> None:
        if not isinstance(self.factory, str) or "." not in self.factory.strip("."):
            raise ValueError(f"network.factory: expected a dotted name such as package.make, got {self.factory!r}")
        check_options(self.output, self.gain, self.birth)

    @property
    def activation(self) -> str:  # type: ignore[override]
        """No name of the project's: slopes are found by autograd."""
        return "module"

    @property
    def bias(self) -> bool:  # type: ignore[override]
        """Each layer says for itself: see `shapes`."""
        return False

    @property
    def learns(self) -> str:
        """Which parameters learn."""
        return "all nn.Linear layers learn, in the order in which they run; the rest stays as the factory made it"

    @property
    def title(self) -> str:
        """The factory's name."""
        return self.factory

    def plan(self, inputs: int, outputs: int) -> Plan:
        """The module and its layers. Raises ValueError, in one line, for one that no rule can train."""
        make = own_attribute("factory", self.factory)
        if not callable(make):
            raise ValueError(f"network.factory: expected a function, '{self.factory}' is {type(make).__name__}")
        return plan_of(make, self.factory, inputs, outputs)

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Units per layer: what goes into the first nn.Linear layer, and what comes out of each."""
        return self.plan(inputs, outputs).layers.units

    def shapes(self, inputs: int, outputs: int) -> tuple[tuple[int, int], ...]:
        """(I (+ 1), O) per nn.Linear layer."""
        return self.plan(inputs, outputs).layers.shapes(inputs, outputs)

    def init(self, inputs: int, outputs: int, seed: int, labels: Sequence[Label]) -> tuple[Tensor, ...]:
        """Initial weights, one network per label: a tensor [L, I (+ 1), O] per layer; bias rows start at 0."""
        held, layers = self.plan(inputs, outputs).layers, []
        for k, (fan_in, fan_out, bias) in enumerate(zip(held.units, held.units[1:], held.biases)):
            weights = born((fan_in, fan_out), self.birth, self.gain, fan_in, seed, k, labels)
            if bias:
                weights = np.concatenate([weights, np.zeros_like(weights[:, :1])], axis=1)
            layers.append(torch.from_numpy(weights))
        return tuple(layers)

    def forward(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> tuple[ForwardRecord, tuple[Tensor, ...]]:
        """Run x [N, B, I] through the module with weights [N, I (+ 1), O]; slopes by autograd."""
        plan = self.plan(x.shape[2], weights[-1].shape[2])
        graph = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (*weights, x, *(noise or ())))
        with torch.enable_grad():
            leaves = tuple(each.clone() for each in noise) if noise is not None else _zeros(weights, x)
            leaves = tuple(leaf if leaf.requires_grad else leaf.requires_grad_(True) for leaf in leaves)
            pre, drive, out = _run(plan, weights, x, leaves)
            slope = slopes(pre, leaves, check=False, create_graph=graph)
        if not graph:
            pre, drive, slope = ([each.detach() for each in part] for part in (pre, drive, slope))
            out = out.detach()
        return record_of(plan.layers.biases, pre, drive, slope, output_units(out, output)), ()

    def outputs(
        self,
        weights: Sequence[Tensor],
        x: Tensor,
        output: str,
        units: tuple[Tensor, ...] = (),
        fresh: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The output of `forward`, without slopes: nothing is taken derivatives of, unless the caller does."""
        plan = self.plan(x.shape[2], weights[-1].shape[2])
        return output_units(_run(plan, weights, x, _zeros(weights, x))[2], output), ()


def _zeros(weights: Sequence[Tensor], x: Tensor) -> tuple[Tensor, ...]:
    """Zeros [N, B, O] to be added to the drives, so that there is something to take gradients for."""
    return tuple(x.new_zeros(*x.shape[:2], w.shape[2]) for w in weights)


def _run(
    plan: Plan, weights: Sequence[Tensor], x: Tensor, added: tuple[Tensor, ...]
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Inputs and drives of every layer, [N, B, ...], and the module's output [N, B, O]."""
    learned, held = {}, {}
    for name, w, size, bias in zip(plan.names, weights, plan.layers.units, plan.layers.biases):
        front = f"{name}." if name else ""
        learned[front + "weight"] = w[:, :size].transpose(1, 2)
        if bias:
            learned[front + "bias"] = w[:, size]
    for name, tensor in (*plan.module.named_parameters(), *plan.module.named_buffers()):
        if name not in learned:
            held[name] = tensor.to(x.device, x.dtype if tensor.is_floating_point() else tensor.dtype)

    def one(own: dict[str, Tensor], x: Tensor, added: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        def run() -> Tensor:
            found: Tensor = torch.func.functional_call(plan.module, own | held, (x,))
            return found

        seen = watched(plan.module, run, lambda k, drive: drive + added[k])
        return seen.pre, seen.drive, seen.output

    return cast(tuple[list[Tensor], list[Tensor], Tensor], torch.vmap(one)(learned, x, added))


@lru_cache(maxsize=32)
def plan_of(make: Factory, name: str, inputs: int, outputs: int) -> Plan:
    """Make the module and look at one forward pass. Raises ValueError, in one line, for one that no rule can train.

    What the factory draws from torch's global generator is the same every time, and leaves that generator as it was.
    """
    seed = int(stream(0, "factory", name).integers(2**31))
    with torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(torch.Generator().manual_seed(seed).get_state())
        module = make(inputs, outputs)
    check_module(module)
    module.eval()
    for path, parameter in module.named_parameters():
        layer = module.get_submodule(path.rpartition(".")[0])
        if isinstance(layer, nn.Linear) and not parameter.requires_grad:
            raise ValueError(f"module: '{path}' is frozen, expected every nn.Linear layer to learn")
    x = torch.from_numpy(stream(0, "factory", name, "x").standard_normal((3, inputs), dtype=np.float32))
    leaves: list[Tensor] = []

    def cut(k: int, drive: Tensor) -> Tensor:
        leaves.append(drive.detach().requires_grad_(True))
        return leaves[-1]

    with torch.enable_grad():
        seen = watched(module, lambda: module(x), cut)
        slopes(seen.pre, leaves, check=True)
    if not torch.equal(seen.output, seen.drive[-1]):
        raise ValueError("module: expected it to end with nn.Linear: output units are the network's option `output`")
    if seen.drive[-1].shape[1] != outputs:
        raise ValueError(f"module: expected {outputs} outputs, got {seen.drive[-1].shape[1]}")
    names = {id(layer): path for path, layer in module.named_modules()}
    layers = layers_of(seen.layers)
    plan = Plan(module, tuple(names[id(layer)] for layer in seen.layers), layers)
    if len(seen.layers) < sum(isinstance(layer, nn.Linear) for layer in module.modules()):
        raise ValueError("module: expected every nn.Linear layer to run in a forward pass")
    try:
        weights = [torch.zeros(2, *shape) for shape in layers.shapes(inputs, outputs)]
        _run(plan, weights, torch.stack([x, x]), _zeros(weights, torch.stack([x, x])))
    except RuntimeError as error:
        raise ValueError(f"module: torch.vmap cannot run it: {str(error).splitlines()[0]}") from error
    return plan
