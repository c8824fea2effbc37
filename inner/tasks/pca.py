"""Principal components without a teacher: what Oja's (1982) and Sanger's (1989) rules extract.

A life draws a rotation Q and Gaussian data x = sum_i sqrt(lambda_i) z_i q_i with lambda_i falling by `ratio` from one
component to the next; the mean variance of an input is scale**2. Training targets are all 0. A score may look at
outputs only, so `test_y` holds the projections on the leading O components, and the score is the mean over them of
|cos| between output k and projection k on the test samples: a linear unit along q_k scores 1. The order counts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from torch import Tensor

from inner.criteria import NONE, Criterion
from inner.random import stream
from inner.tasks._common import check_count, check_draw, check_number, epochs, generated, orthonormal, stack
from inner.tasks.base import Label, LifeData
from inner.tasks.base import Task as Base


@lru_cache(maxsize=16)
def _random_alignment(inputs: int, outputs: int, ratio: float) -> float:
    """Mean |cos| of the output of random Gaussian weights with each leading component, over 20,000 draws."""
    deviation = np.sqrt(ratio) ** np.arange(inputs)
    parts = np.abs(stream(0, "pca", "chance").standard_normal((20_000, inputs)) * deviation)
    return float((parts[:, :outputs] / np.sqrt(np.square(parts).sum(1, keepdims=True))).mean())


@dataclass(frozen=True)
class Task(Base):
    """`inputs` correlated Gaussian numbers in, `outputs` leading components out."""

    criterion: ClassVar[Criterion] = NONE
    inputs: int = 8  # I
    outputs: int = 1  # O, how many components are asked for
    ratio: float = 0.5  # variance of each component relative to the one before
    patterns: int = 1000  # training samples of a life
    scale: float = 1.0  # root mean square of the inputs
    test: int = 200  # V, test samples of a life, new ones

    def __post_init__(self) -> None:
        check_count("inputs", self.inputs, 2)
        check_count("outputs", self.outputs, 1, self.inputs)
        check_number("ratio", self.ratio)
        if self.ratio >= 1.0:
            raise ValueError(f"ratio: expected a number above 0 and below 1, got {self.ratio}")
        check_count("patterns", self.patterns, 1)
        check_number("scale", self.scale)
        check_count("test", self.test, 2)

    @property
    def chance(self) -> float:
        """Score of outputs of random weights."""
        return _random_alignment(self.inputs, self.outputs, self.ratio)

    @property
    def worst(self) -> float:
        return 0.0

    def life_data(self, tier: str, steps: int, batch: int, seed: int, labels: Sequence[Label]) -> LifeData:
        """Draw one lifetime per label (S = min(patterns, T*B)). Raises ValueError for an unknown tier."""
        check_draw(tier, steps, batch, labels)
        deviation = np.sqrt(self.ratio) ** np.arange(self.inputs)
        deviation *= self.scale / np.sqrt(np.square(deviation).mean())
        rows = []
        for label in labels:
            random = stream(seed, "task", tier, *label)
            rotation = orthonormal(random, self.inputs)  # [I, I], one component per row
            parts = random.standard_normal((self.test + self.patterns, self.inputs)) * deviation
            x = np.einsum("sk,ki->si", parts, rotation).astype(np.float32)
            shown = x[self.test : self.test + max(1, steps * batch)]
            nothing = np.zeros((len(shown), self.outputs), dtype=np.float32)
            order = epochs(random, self.patterns, steps, batch)
            true = parts[: self.test, : self.outputs].astype(np.float32)
            rows.append((shown, nothing, order, x[: self.test], true))
        return stack(rows)

    def score(self, output: Tensor, test_y: Tensor) -> Tensor:
        """Mean |cos| of centred outputs and projections: [N, V, O], [N, V, O] -> [N] float64 in 0..1.

        An output that is constant or not finite has an alignment of 0.
        """
        one, two = (each.double() - each.double().mean(-2, keepdim=True) for each in (output, test_y))
        norms = (one.square().sum(-2) * two.square().sum(-2)).sqrt()  # [N, O]
        aligned = ((one * two).sum(-2) / norms).abs()
        return aligned.nan_to_num(nan=0.0, posinf=0.0).clamp(max=1.0).mean(-1)

    def samples(self, tier: str) -> set[Hashable]:
        """The address of the tier's draws: every life makes its own samples."""
        return generated(tier)
