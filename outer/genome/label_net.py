"""The genomic bottleneck's generator: small networks that read the labels of two units and write the weight between them.

Shuvaev, Lachi, Koulakov & Zador (PNAS 2024). Labels of 10 bits: an input pixel is the Gray codes of its row and column,
a hidden unit its index in binary, an output its class one-hot. One network of 20 inputs per layer of weights, one of
10-5-1 for the biases of the hidden layer; the biases of the 10 outputs are stored as they are. With hidden layers
(30, 10) that is 2 * 951 + 61 + 10 = 1,973 parameters for the 636,010 of a 784-800-10 network, 322 times fewer;
(20, 10) gives 1,353 (470 times) and (10, 5) gives 613 (1,038 times).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from inner.random import stream

BITS = 10
SIDE = 28
FIRST = 0.1  # size of a generator's last layer at the start: a network that is sure of nothing is trained much faster
INPUTS, OUTPUTS = SIDE * SIDE, 10
BIAS_HIDDEN = (5,)


def gray(count: int, bits: int) -> np.ndarray:
    """Gray codes of 0 .. count - 1 as +-1, [count, bits]: neighbours differ in one bit."""
    number = np.arange(count)
    return _signs(number ^ (number >> 1), bits)


def _signs(number: np.ndarray, bits: int) -> np.ndarray:
    return ((number[:, None] >> np.arange(bits)) & 1) * 2.0 - 1.0


@dataclass(frozen=True)
class LabelNet:
    """Writes the weights of a 784-hidden-10 network."""

    hidden: int = 800  # of the network that is written
    widths: tuple[int, ...] = (30, 10)  # hidden layers of the writing networks

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if not 1 <= self.hidden <= 2**BITS or not self.widths or min(self.widths) < 1:
            raise ValueError(
                f"study: expected 1 to {2**BITS} hidden units and positive widths, got {self.hidden} and {list(self.widths)}"
            )

    @cached_property
    def sizes(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Layers (inputs, outputs) of the two weight networks and of the bias network."""
        weight, bias = (2 * BITS, *self.widths, 1), (BITS, *BIAS_HIDDEN, 1)
        return tuple(tuple(zip(net, net[1:])) for net in (weight, weight, bias))

    @property
    def size(self) -> int:
        """Parameters of the genome."""
        return sum(i * o + o for net in self.sizes for i, o in net) + OUTPUTS

    @property
    def synapses(self) -> int:
        """Parameters of the network that is written, biases included."""
        return INPUTS * self.hidden + self.hidden + self.hidden * OUTPUTS + OUTPUTS

    @cached_property
    def labels(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of inputs [784, 10], hidden units [hidden, 10] and outputs [10, 10]."""
        line = gray(SIDE, BITS // 2)
        pixels = np.concatenate([np.repeat(line, SIDE, 0), np.tile(line, (SIDE, 1))], 1)
        units = _signs(np.arange(self.hidden), BITS)
        found = (torch.from_numpy(a.astype(np.float32)) for a in (pixels, units, np.eye(OUTPUTS)))
        return tuple(found)  # type: ignore[return-value]

    def init(self, seed: int) -> list[Tensor]:
        """First parameters: per layer of each network a matrix and its biases, then the outputs' biases."""
        rng = stream(seed, "label net")
        found = []
        for net in self.sizes:
            for i, o in net:
                size = math.sqrt(2 / i) * (FIRST if o == 1 else 1.0)
                found.append(torch.from_numpy((rng.standard_normal((i, o)) * size).astype(np.float32)))
                found.append(torch.zeros(o))
        return [*found, torch.zeros(OUTPUTS)]

    def _split(self, genes: Sequence[Tensor]) -> list[list[tuple[Tensor, Tensor]]]:
        pairs = list(zip(genes[:-1:2], genes[1:-1:2]))
        count = len(self.sizes[0])
        return [pairs[:count], pairs[count : 2 * count], pairs[2 * count :]]

    def write(self, genes: Sequence[Tensor]) -> list[Tensor]:
        """The network: weights [784, hidden], biases [hidden], weights [hidden, 10], biases [10]."""
        pixels, units, classes = self.labels
        one, two, bias = self._split(genes)
        first = _layer(one, pixels, units) * (2 / math.sqrt(INPUTS))
        second = _layer(two, units, classes) * (2 / math.sqrt(self.hidden))
        return [first, _chain(bias, units)[:, 0] * 0.1, second, genes[-1]]


def _layer(net: Sequence[tuple[Tensor, Tensor]], senders: Tensor, receivers: Tensor) -> Tensor:
    """Weights [senders, receivers]; the first layer is computed per unit and added per pair."""
    matrix, offset = net[0]
    left, right = senders @ matrix[:BITS], receivers @ matrix[BITS:] + offset
    signal = (left[:, None] + right[None]).relu_().flatten(0, 1)  # [senders * receivers, width]
    return _chain(net[1:], signal)[:, 0].reshape(len(senders), len(receivers))


def _chain(net: Sequence[tuple[Tensor, Tensor]], signal: Tensor) -> Tensor:
    for k, (matrix, offset) in enumerate(net):
        signal = torch.addmm(offset, signal, matrix)
        signal = signal.relu_() if k + 1 < len(net) else signal
    return signal


def predict(network: Sequence[Tensor], x: Tensor) -> Tensor:
    """Logits [B, 10] of images [B, 784]."""
    return torch.addmm(network[3], torch.relu(torch.addmm(network[1], x, network[0])), network[2])


def random_network(net: LabelNet, seed: int) -> list[Tensor]:
    """A newborn without a genome: He's initial weights, biases 0."""
    rng = stream(seed, "random network")
    first = rng.standard_normal((INPUTS, net.hidden)) * math.sqrt(2 / INPUTS)
    second = rng.standard_normal((net.hidden, OUTPUTS)) * math.sqrt(1 / net.hidden)
    both = [torch.from_numpy(w.astype(np.float32)) for w in (first, second)]
    return [both[0], torch.zeros(net.hidden), both[1], torch.zeros(OUTPUTS)]


def accuracy(network: Sequence[Tensor], x: Tensor, y: Tensor) -> float:
    """Share of images x [M, 784] that the network names right."""
    with torch.no_grad():
        return float((predict(network, x).argmax(1) == y).double().mean())


def train(
    network: Sequence[Tensor], batches: Sequence[Tensor], x: Tensor, y: Tensor, rate: float = 0.1
) -> tuple[list[Tensor], int]:
    """Plain SGD, one step per batch of rows: the new weights, and how many images were named right before learning."""
    right = 0
    weights = [w.detach().clone().requires_grad_(True) for w in network]
    for rows in batches:
        outputs = predict(weights, x[rows])
        right += int((outputs.argmax(1) == y[rows]).sum())
        slopes = torch.autograd.grad(cross_entropy(outputs, y[rows]), weights)
        with torch.no_grad():
            for w, slope in zip(weights, slopes):
                w -= rate * slope
    return [w.detach() for w in weights], right
