"""Plans of kernels and the findings of their analysis: values that the writers of C text pass on."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from inner.engines.native.kept import Kept
from inner.engines.native.lower import Lowering
from inner.rules.rule import Rule


@dataclass(frozen=True)
class Plan:
    """Everything that a kernel is generated from; equal plans share a kernel."""

    rule: Rule
    activation: str
    output: str  # resolved
    bias: bool
    criterion: str  # kind of the task's criterion
    batched: bool
    decay: float = 0.0  # of the learned pathway
    shape: tuple[int, ...] | None = None  # units per layer as compile-time constants
    batch: int = 1  # a compile-time constant where `shape` is


@dataclass(frozen=True)
class Product:
    """The terms of one formula that share a synapse factor, as numbers of what is handed over."""

    synapse: sympy.Expr
    pairs: tuple[tuple[int, int], ...]  # (pre-side, post-side)
    alone: int | None  # post-side mean without a pre-side factor
    scales: bool  # the alone part is 1 + mean, and multiplies w


@dataclass(frozen=True)
class Stage:
    """One expression in the loop over synapses: a mean over samples, the next value of a trace, or dw."""

    name: str  # of its value in C
    last: bool  # dw
    slot: int | None  # the number of its trace
    products: tuple[Product, ...]
    factors: tuple[str, ...]  # text of each product's synapse factor
    rest: str  # text of what does not separate, or ""
    before: tuple[str, ...]  # statements of the synapse factors
    within: tuple[str, ...]  # statements of the rest, once per sample


@dataclass(frozen=True)
class Formula:
    """dw of some layers with the traces that it reads: what the C functions of one number are written from."""

    number: int  # ends the names of its functions
    lowering: Lowering
    stages: tuple[Stage, ...]
    kept: tuple[Kept, ...] = ()  # what its signals and traces keep for every sample

    @property
    def traces(self) -> int:
        """Values per synapse that are kept from step to step."""
        return sum(stage.slot is not None for stage in self.stages)

    @property
    def heavy(self) -> bool:
        """True where something is computed synapse by synapse."""
        return any(stage.rest for stage in self.stages)
