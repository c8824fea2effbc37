"""The genome of a network: which parts of it evolve, how a vector becomes theta, and how learning is written back.

Segments in order: rule, rates, weights, plasticity, wiring, length; those that do not evolve are not in the vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from inner.learners._born_with import Layout, Learner
from inner.networks.mlp import Network
from inner.rules.coefficient import Coefficient, Values
from inner.rules.rule import Rule
from outer.genome.base import Genome
from outer.genome.grown import Generator
from outer.genome.segments import Block, Numbers, Segment, Segments

WEIGHTS = ("random", "direct", "grown")
OPEN = 0.5  # z of a mask's first vector: every synapse exists and learns


@dataclass(frozen=True)
class Genes:
    """Which segments evolve, and their options."""

    rule: bool = True
    rates: bool = False
    weights: str = "random"
    plasticity: bool = False
    wiring: bool = False
    length: bool = False
    scale: float = 1.0  # direct weights: of a weight per unit of z, in units of gain / sqrt(inputs)
    per_input: bool = True  # False: scale is of a weight per unit of z as it is
    bound: float = math.inf  # direct weights: z stays within -bound .. bound
    expression: int = 6  # grown weights: numbers that describe a unit
    hidden: int = 8  # grown weights: hidden units of the shared network
    fit_steps: int = 30  # grown weights: steps of fitting learned weights back

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            raise ValueError(f"genome.weights: expected one of {', '.join(WEIGHTS)}, got '{self.weights}'")
        if not (self.scale > 0 and self.bound > 0):
            raise ValueError(f"genome: expected scale > 0 and bound > 0, got {self.scale} and {self.bound}")


@dataclass(frozen=True)
class NetworkGenome(Genome):
    """The genome of networks of one shape that learn by one rule for at most `steps` steps.

    origin_seed: a search over direct weights starts at initial weights drawn from this seed; None: at weights of 0.
    """

    rule: Rule
    network: Network
    inputs: int
    outputs: int
    steps: int
    genes: Genes = Genes()
    origin_seed: int | None = None

    def __post_init__(self) -> None:
        if self.origin_seed is not None and self.genes.weights != "direct":
            raise ValueError(
                f"genome.weights: expected direct with an origin of drawn weights, got {self.genes.weights}"
            )

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """The weights per layer (I (+ 1), O)."""
        return self.network.shapes(self.inputs, self.outputs)

    @cached_property
    def generator(self) -> Generator:
        """The network that writes grown weights."""
        return Generator(self.shapes, self.genes.expression, self.genes.hidden, self.network.gain)

    @cached_property
    def segments(self) -> Segments:
        """The segments that evolve; fixed coefficients of the rule stay at their initial values."""
        genes = self.genes
        parts: list[Segment] = []
        synapses = sum(i * o for i, o in self.shapes)
        fixed = () if genes.rule else tuple(_fixed(c) for c in self.rule.coefficients)
        parts.append(Numbers("rule", fixed or self.rule.coefficients))
        if genes.rates:
            parts.append(Block("rates", ((len(self.shapes), 0.5),), "log"))
        if genes.weights == "direct":
            unit, bias = genes.scale * self.network.gain, int(self.network.bias)
            scales = [unit / math.sqrt(i - bias) if genes.per_input else genes.scale for i, _ in self.shapes]
            runs = tuple((i * o, scale) for (i, o), scale in zip(self.shapes, scales))
            parts.append(Block("weights", runs, low=-genes.bound, high=genes.bound))
        elif genes.weights == "grown":
            parts.append(Block("weights", self.generator.scales()))
        for name, wanted in (("plasticity", genes.plasticity), ("wiring", genes.wiring)):
            if wanted:
                parts.append(Block(name, ((synapses, 1.0),), "switch", OPEN))
        if genes.length:
            parts.append(Block("length", ((1, 1.0),), "log", math.log(max(self.steps, 1))))
        return Segments(tuple(parts))

    @cached_property
    def layout(self) -> Layout:
        """The columns of theta that hold each part."""
        g = self.genes
        count = len(self.rule.coefficients)
        return Layout(count, self.shapes, g.weights != "random", g.plasticity, g.wiring, g.rates, g.length)

    @property
    def learner(self) -> Learner:
        """The learner that is born with this genome."""
        return Learner(self.rule, self.network, self.layout)

    @property
    def size(self) -> int:
        """D."""
        return self.segments.size

    @property
    def names(self) -> tuple[str, ...]:
        """The rule's coefficients, fixed ones too."""
        return tuple(c.name for c in self.rule.coefficients)

    def start(self) -> np.ndarray:
        """The vector [D] of initial coefficients, open masks, whole lives, and weights of 0 or drawn ones."""
        first = self.segments.start()
        if self.origin_seed is not None:
            drawn = self.network.init(self.inputs, self.outputs, self.origin_seed, [("origin",)])
            flat = np.concatenate([w.numpy().ravel() for w in drawn]).astype(float)
            first[self.segments.slices["weights"]] = flat / self._block("weights").scales
        return first

    def values(self, vector: np.ndarray) -> Values:
        """The rule's coefficients by name; what else evolves has no names."""
        return dict(zip(self.names, self.segments.decode(vector[None])["rule"][0].tolist()))

    def decode(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors [P, D] -> theta [P, columns of the layout] float64."""
        found = self.segments.decode(vectors)
        columns = [torch.from_numpy(found["rule"])]
        if "weights" in found:
            weights = torch.from_numpy(found["weights"])
            columns.append(weights if self.genes.weights == "direct" else self.generator.grow(weights))
        columns += [torch.from_numpy(found[name]) for name in ("plasticity", "wiring", "rates") if name in found]
        if "length" in found:
            columns.append(torch.from_numpy(np.clip(np.round(found["length"]), 0, self.steps)))
        theta: np.ndarray = torch.cat(columns, 1).numpy()
        return theta

    def learning_steps(self, vectors: np.ndarray) -> np.ndarray:
        """Steps of learning in the life of each candidate [P]."""
        if not self.genes.length:
            return np.full(len(vectors), float(self.steps))
        return self.decode(vectors)[:, self.layout.parts["length"]][:, 0]

    def write_back(self, vectors: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Genomes [P, D] that are born with what was learned: `change` [P, W] added to the weights.

        Direct weights are moved, grown ones fitted. A candidate that learned nothing keeps its every bit.
        """
        if self.genes.weights == "random":
            raise ValueError("inheritance: lamarckian needs genome.weights direct or grown, got random")
        columns, written = self.segments.slices["weights"], np.array(vectors, dtype=np.float64)
        block = self._block("weights")
        if self.genes.weights == "direct":
            written[:, columns] = block.moved(written[:, columns], change)
            return written
        learned = np.flatnonzero((change != 0).any(1))
        if len(learned):
            z, scales = torch.from_numpy(written[learned][:, columns]), torch.from_numpy(block.scales)
            target = self.generator.grow(z * scales) + torch.from_numpy(change[learned])
            fitted = self.generator.fit(z, scales, target, self.genes.fit_steps)
            written[np.ix_(learned, np.arange(columns.start, columns.stop))] = fitted.numpy()
        return written

    def _block(self, name: str) -> Block:
        block = next(part for part in self.segments.parts if part.name == name)
        assert isinstance(block, Block)
        return block


def _fixed(coefficient: Coefficient) -> Coefficient:
    return replace(coefficient, fixed=True)
